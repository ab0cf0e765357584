//! The user's files, read and written for a rollout. Slow work goes to a thread of its own; meanwhile the virtual clock
//! stands still.

use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::context::{Failure, Stop};

/// Does slow work in a thread of its own.
pub(super) async fn slowly<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Stop> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(why) => Err(Failure::new(format!("the work could not be finished: {why}")).into()),
    }
}

/// What a file that cannot be used is told with.
pub(super) fn unusable(shown: &str, why: &std::io::Error) -> Failure {
    match why.kind() {
        std::io::ErrorKind::NotFound => Failure::new(format!("`{shown}` is not there"))
            .help("paths start from the folder of the file; a step before this one may have to make it"),
        _ => Failure::new(format!("`{shown}`: {why}")),
    }
}

/// The SHA-256 of a file, in hexadecimal.
pub(super) fn sha256(path: &Path, shown: &str) -> Result<String, Failure> {
    let hash = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(std::io::Error::other("it is a folder, not a file"));
        }
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                n => hash.update(buffer.get(..n).unwrap_or_default()),
            }
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    };
    hash().map_err(|why| unusable(shown, &why))
}

/// Writes a file whole or not at all: `fill` writes to one beside it, which then takes its place. A private file can be
/// read by its owner alone.
pub(super) fn write_whole(
    path: &Path,
    private: bool,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let draft = draft(path);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    // One left by a killed run might be open to others.
    match std::fs::remove_file(&draft) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    let write = || {
        let mut file = options.open(&draft)?;
        fill(&mut file)?;
        file.flush()?;
        std::fs::rename(&draft, path)
    };
    write().inspect_err(|_| {
        let _ = std::fs::remove_file(&draft);
    })
}

/// Where a file is written before it takes its place.
pub(super) fn draft(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.vpipe-draft"))
}
