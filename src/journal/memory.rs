//! A store that ends with the process: for plans of what never ran, and for tests.

use std::sync::{Arc, Mutex, PoisonError};

use super::lock::{LockHolder, Owner};
use super::record::{Event, Record};
use super::store::{JournalError, Store};

/// What messages call it.
const PATH: &str = "in memory";

/// Records in memory. Clones share them, as processes share a file.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Time, run and the event's text: as in a file, nothing secret is kept.
    records: Vec<(i64, String, String)>,
    token: u64,
    owner: Option<Owner>,
}

impl Memory {
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for Memory {
    fn records(&self) -> Result<Vec<Record>, JournalError> {
        let rows = self.with(|inner| inner.records.clone());
        let read = |(at, (time, run, text)): (usize, (i64, String, String))| {
            let seq = at as u64 + 1;
            let event = serde_json::from_str(&text).map_err(|e| JournalError::Damaged {
                path: PATH.to_owned(),
                seq,
                message: e.to_string(),
            })?;
            Ok(Record { seq, time, run, event })
        };
        rows.into_iter().enumerate().map(read).collect()
    }

    fn append(&mut self, token: u64, run: &str, time: i64, event: &Event) -> Result<u64, JournalError> {
        let text = serde_json::to_string(event).map_err(|e| JournalError::Storage {
            path: PATH.to_owned(),
            doing: "written",
            message: e.to_string(),
        })?;
        self.with(|inner| {
            if inner.owner.is_none() || inner.token != token {
                return Err(JournalError::Lost);
            }
            inner.records.push((time, run.to_owned(), text));
            Ok(inner.records.len() as u64)
        })
    }

    fn holder(&self) -> Result<Option<LockHolder>, JournalError> {
        Ok(self.with(|inner| {
            let token = inner.token;
            inner.owner.clone().map(|owner| LockHolder { owner, token })
        }))
    }

    fn lock(&mut self, owner: &Owner, instead_of: Option<u64>) -> Result<u64, JournalError> {
        self.with(|inner| match &inner.owner {
            Some(held) if instead_of != Some(inner.token) => {
                Err(JournalError::Locked(LockHolder { owner: held.clone(), token: inner.token }))
            }
            _ => {
                inner.owner = Some(owner.clone());
                inner.token += 1;
                Ok(inner.token)
            }
        })
    }

    fn unlock(&mut self, token: u64) -> Result<(), JournalError> {
        self.with(|inner| {
            if inner.token == token {
                inner.owner = None;
            }
        });
        Ok(())
    }

    fn key(&self) -> &[u8] {
        b"in memory"
    }
}
