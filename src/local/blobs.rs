//! The bodies of S3 objects: by hash, in memory or in a folder beside the state file.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::state::hex;

/// Bodies by their SHA-256.
#[derive(Clone, Debug, Default)]
pub struct Blobs {
    folder: Option<PathBuf>,
    memory: BTreeMap<String, Arc<Vec<u8>>>,
    unwanted: Vec<String>,
}

impl Blobs {
    /// Bodies in a folder, which is made when the first one comes.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), ..Self::default() }
    }

    /// Keeps a body; gives its hash.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&mut self, body: &[u8]) -> io::Result<String> {
        let hash = hex(&Sha256::digest(body));
        self.unwanted.retain(|unwanted| *unwanted != hash);
        let Some(folder) = &self.folder else {
            self.memory.entry(hash.clone()).or_insert_with(|| Arc::new(body.to_vec()));
            return Ok(hash);
        };
        let path = folder.join(&hash);
        if !path.exists() {
            std::fs::create_dir_all(folder)?;
            let half = folder.join(format!("{hash}.new"));
            super::store::private(&half)?.write_all(body)?;
            std::fs::rename(&half, &path)?;
        }
        Ok(hash)
    }

    /// A body.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn get(&self, hash: &str) -> io::Result<Arc<Vec<u8>>> {
        match &self.folder {
            Some(folder) => std::fs::read(folder.join(hash)).map(Arc::new),
            None => self.memory.get(hash).cloned().ok_or_else(|| io::ErrorKind::NotFound.into()),
        }
    }

    /// Says that nothing refers to a body any more. It goes once the state is safely written.
    pub fn discard(&mut self, hash: &str) {
        self.unwanted.push(hash.to_owned());
    }

    /// Removes what was discarded.
    pub(super) fn sweep(&mut self) {
        for hash in std::mem::take(&mut self.unwanted) {
            self.memory.remove(&hash);
            if let Some(folder) = &self.folder {
                // A file that stays behind costs room, nothing else.
                let _ = std::fs::remove_file(folder.join(hash));
            }
        }
    }
}
