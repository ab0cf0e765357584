//! The state file: written whole after every change, locked against a second process.

use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::State;
use super::blobs::Blobs;

/// The format of the file.
const VERSION: u32 = 1;

/// Why a local cloud cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it.
    #[error("the local cloud `{path}` is in use by {holder}")]
    InUse {
        /// The state file.
        path: String,
        /// Who: `process 4711, since 2026-01-01T10:00:00Z`.
        holder: String,
    },
    /// The file cannot be understood.
    #[error(
        "the local cloud's state file `{path}` is damaged: {message}; put back a copy, or delete it to start with an empty account"
    )]
    Damaged {
        /// The state file.
        path: String,
        /// What is wrong, and where.
        message: String,
    },
    /// It was written by a later version.
    #[error(
        "the local cloud's state file `{path}` was written by a newer vpipe (format {found}, known: {known})"
    )]
    Newer {
        /// The state file.
        path: String,
        /// Its format.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// It cannot be read or made.
    #[error("the local cloud's state file `{path}` cannot be opened: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u32,
    state: &'a State,
}

#[derive(Deserialize)]
struct Header {
    version: u32,
}

#[derive(Deserialize)]
struct Read1 {
    state: State,
}

/// An open state file.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    // Held as long as the store lives; the system lets it go when the process dies.
    _lock: File,
}

impl Store {
    /// Opens or makes the file; gives what is in it.
    pub(super) fn open(path: &Path) -> Result<(Self, State), OpenError> {
        let text = path.display().to_string();
        let io = |source| OpenError::Io { path: text.clone(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let lock = take_lock(&with_suffix(path, ".lock"), &text)?;
        let mut state = match std::fs::read(path) {
            Ok(bytes) => read(&bytes, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(io(error)),
        };
        state.blobs = Blobs::in_folder(&with_suffix(path, ".objects"));
        let store = Self { path: path.to_owned(), _lock: lock };
        store.save(&state).map_err(io)?;
        Ok((store, state))
    }

    /// Writes the state beside the file and puts it in the file's place: whoever is killed leaves a whole file.
    pub(super) fn save(&self, state: &State) -> io::Result<()> {
        let bytes = serde_json::to_vec(&Written { format: "vpipe local cloud", version: VERSION, state })?;
        let half = with_suffix(&self.path, ".new");
        private(&half)?.write_all(&bytes)?;
        std::fs::rename(&half, &self.path)
    }
}

fn read(bytes: &[u8], path: &str) -> Result<State, OpenError> {
    let damaged =
        |error: serde_json::Error| OpenError::Damaged { path: path.to_owned(), message: error.to_string() };
    let header: Header = serde_json::from_slice(bytes).map_err(damaged)?;
    if header.version > VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found: header.version, known: VERSION });
    }
    serde_json::from_slice::<Read1>(bytes).map_err(damaged).map(|read| read.state)
}

fn take_lock(path: &Path, state_file: &str) -> Result<File, OpenError> {
    let io = |source| OpenError::Io { path: path.display().to_string(), source };
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = owner_only(&mut options).open(path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only words for the message: where they cannot be read, it says less.
            let _ = file.take(200).read_to_string(&mut holder);
            let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
            return Err(OpenError::InUse { path: state_file.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    let holder = format!("process {}, since {:.0}", std::process::id(), jiff::Timestamp::now());
    let write = || {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(holder.as_bytes())
    };
    let mut write = write;
    write().map_err(io)?;
    Ok(file)
}

/// Makes a file that only its owner may read, empty.
pub(super) fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    owner_only(&mut options).open(path)
}

#[cfg(unix)]
fn owner_only(options: &mut std::fs::OpenOptions) -> &mut std::fs::OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn owner_only(options: &mut std::fs::OpenOptions) -> &mut std::fs::OpenOptions {
    options
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
