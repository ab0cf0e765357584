//! The journal in front of its store.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::path::Path;

use super::history::History;
use super::lock::{LockHolder, Owner};
use super::record::{Event, Record};
use super::sqlite::Sqlite;

/// Where records live. The storage is the library's business, the protocol is ours.
pub trait Store: Send {
    /// All records in order.
    ///
    /// # Errors
    /// When they cannot be read.
    fn records(&self) -> Result<Vec<Record>, JournalError>;

    /// Writes one record durably, if the lock is still held under `token`.
    ///
    /// # Errors
    /// When it cannot be written, or the lock was lost.
    fn append(&mut self, token: u64, run: &str, time: i64, event: &Event) -> Result<u64, JournalError>;

    /// Who holds the lock.
    ///
    /// # Errors
    /// When it cannot be read.
    fn holder(&self) -> Result<Option<LockHolder>, JournalError>;

    /// Takes the lock if nobody holds it, or if the holder's token is `instead_of`. Gives the new fencing token.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when somebody holds it.
    fn lock(&mut self, owner: &Owner, instead_of: Option<u64>) -> Result<u64, JournalError>;

    /// Gives the lock back.
    ///
    /// # Errors
    /// When it cannot be written.
    fn unlock(&mut self, token: u64) -> Result<(), JournalError>;

    /// The key of fingerprints, made once for each journal.
    fn key(&self) -> &[u8];
}

/// What can go wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened, read or written.
    #[error("the journal {path} cannot be {doing}: {message}")]
    Storage {
        /// The journal's file.
        path: String,
        /// "opened", "read", "written".
        doing: &'static str,
        /// The system's words.
        message: String,
    },
    /// A newer vpipe wrote it.
    #[error("the journal {path} was written by a newer vpipe (format {found}, this one knows {known})")]
    Newer {
        /// The journal's file.
        path: String,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A record cannot be understood.
    #[error("record {seq} of the journal {path} is damaged: {message}")]
    Damaged {
        /// The journal's file.
        path: String,
        /// Which record.
        seq: u64,
        /// What is wrong.
        message: String,
    },
    /// Another run holds the lock.
    #[error("{0}")]
    Locked(LockHolder),
    /// The lock was taken over while this run went on.
    #[error("another run has taken over the lock of this pipeline; this one stops")]
    Lost,
}

/// An open journal of one pipeline and stage.
pub struct Journal {
    store: Box<dyn Store>,
    run: String,
    token: Option<u64>,
}

impl Journal {
    /// Opens the journal in a file; makes it, and its folder, when `create`.
    ///
    /// # Errors
    /// When it cannot be opened; `Ok(None)` when it does not exist and is not to be made.
    pub fn open(path: &Path, create: bool) -> Result<Option<Self>, JournalError> {
        Ok(Sqlite::open(path, create)?.map(|store| Self::over(Box::new(store))))
    }

    /// A journal that ends with the process: for plans of what never ran, and for tests.
    pub fn in_memory() -> Self {
        Self::over(Box::new(super::memory::Memory::default()))
    }

    /// A journal over any store.
    pub fn over(store: Box<dyn Store>) -> Self {
        Self { store, run: String::new(), token: None }
    }

    /// Everything that is known from the records.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn history(&self) -> Result<History, JournalError> {
        Ok(History::replay(self.store.records()?))
    }

    /// All records in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, JournalError> {
        self.store.records()
    }

    /// Who holds the lock.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn holder(&self) -> Result<Option<LockHolder>, JournalError> {
        self.store.holder()
    }

    /// Takes the lock for a run. `take_over` names the holder that may be replaced.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when somebody else holds it.
    pub fn lock(&mut self, owner: &Owner, take_over: Option<&LockHolder>) -> Result<(), JournalError> {
        self.token = Some(self.store.lock(owner, take_over.map(|holder| holder.token))?);
        self.run.clone_from(&owner.run);
        Ok(())
    }

    /// Gives the lock back, if it is held.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn unlock(&mut self) -> Result<(), JournalError> {
        match self.token.take() {
            Some(token) => self.store.unlock(token),
            None => Ok(()),
        }
    }

    /// Writes one record durably and gives its number.
    ///
    /// # Errors
    /// When it cannot be written, or the lock is not held.
    pub fn append(&mut self, time: i64, event: &Event) -> Result<u64, JournalError> {
        let token = self.token.ok_or(JournalError::Lost)?;
        self.store.append(token, &self.run, time, event)
    }

    /// A keyed fingerprint (HMAC-SHA-256, hexadecimal) of parts, under this journal's own key.
    pub fn fingerprint(&self, parts: &[&str]) -> String {
        // A key of any length is accepted by HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.store.key()) else { return String::new() };
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect()
    }
}
