//! The embedded store: one SQLite file for each pipeline and stage, which anyone can open with `sqlite3`.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use super::lock::{LockHolder, Owner};
use super::record::{Event, Record, VERSION};
use super::store::{JournalError, Store};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS records (
        seq INTEGER PRIMARY KEY, version INTEGER NOT NULL, time INTEGER NOT NULL, run TEXT NOT NULL, event TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS lock (one INTEGER PRIMARY KEY CHECK (one = 1), token INTEGER NOT NULL, owner TEXT) STRICT;
    CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
";

/// A journal in a SQLite file, mode 0600, with full synchronous commits.
pub struct Sqlite {
    path: PathBuf,
    connection: Connection,
    key: Vec<u8>,
}

impl Sqlite {
    /// Opens the file; `Ok(None)` when there is none and none is to be made.
    pub fn open(path: &Path, create: bool) -> Result<Option<Self>, JournalError> {
        let fail = |doing: &'static str| {
            let path = path.display().to_string();
            move |message: String| JournalError::Storage { path, doing, message }
        };
        if !path.exists() {
            if !create {
                return Ok(None);
            }
            make_private(path).map_err(|e| fail("made")(e.to_string()))?;
        }
        let connection = Connection::open(path).map_err(|e| fail("opened")(e.to_string()))?;
        let set_up = || -> rusqlite::Result<()> {
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            // The write-ahead log makes a durable append one sync instead of three.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.execute_batch(SCHEMA)
        };
        set_up().map_err(|e| fail("opened")(e.to_string()))?;
        let newest: Option<u32> = connection
            .query_row("SELECT max(version) FROM records", [], |row| row.get(0))
            .map_err(|e| fail("read")(e.to_string()))?;
        if let Some(found) = newest.filter(|v| *v > VERSION) {
            return Err(JournalError::Newer { path: path.display().to_string(), found, known: VERSION });
        }
        let key = fingerprint_key(&connection).map_err(|e| fail("opened")(e.to_string()))?;
        Ok(Some(Self { path: path.to_owned(), connection, key }))
    }

    fn storage(&self, doing: &'static str, error: &rusqlite::Error) -> JournalError {
        JournalError::Storage { path: self.path.display().to_string(), doing, message: error.to_string() }
    }
}

impl Store for Sqlite {
    fn records(&self) -> Result<Vec<Record>, JournalError> {
        let read = || -> rusqlite::Result<Vec<(u64, i64, String, String)>> {
            let mut statement =
                self.connection.prepare("SELECT seq, time, run, event FROM records ORDER BY seq")?;
            let rows =
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
            rows.collect()
        };
        let rows = read().map_err(|e| self.storage("read", &e))?;
        rows.into_iter()
            .map(|(seq, time, run, event)| {
                let event = serde_json::from_str(&event).map_err(|e| JournalError::Damaged {
                    path: self.path.display().to_string(),
                    seq,
                    message: e.to_string(),
                })?;
                Ok(Record { seq, time, run, event })
            })
            .collect()
    }

    fn append(&mut self, token: u64, run: &str, time: i64, event: &Event) -> Result<u64, JournalError> {
        let path = self.path.display().to_string();
        let storage = |e: &rusqlite::Error| JournalError::Storage {
            path: path.clone(),
            doing: "written",
            message: e.to_string(),
        };
        let text = serde_json::to_string(event).map_err(|e| JournalError::Storage {
            path: path.clone(),
            doing: "written",
            message: e.to_string(),
        })?;
        let write = || -> rusqlite::Result<Option<u64>> {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let held: Option<u64> = tx
                .query_row("SELECT token FROM lock WHERE owner IS NOT NULL", [], |row| row.get(0))
                .optional()?;
            if held != Some(token) {
                return Ok(None);
            }
            tx.prepare_cached("INSERT INTO records (version, time, run, event) VALUES (?1, ?2, ?3, ?4)")?
                .execute((VERSION, time, run, text))?;
            let seq = tx.last_insert_rowid() as u64;
            tx.commit()?;
            Ok(Some(seq))
        };
        write().map_err(|e| storage(&e))?.ok_or(JournalError::Lost)
    }

    fn holder(&self) -> Result<Option<LockHolder>, JournalError> {
        let row: Option<(u64, String)> = self
            .connection
            .query_row("SELECT token, owner FROM lock WHERE owner IS NOT NULL", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .map_err(|e| self.storage("read", &e))?;
        Ok(row
            .and_then(|(token, owner)| Some(LockHolder { owner: serde_json::from_str(&owner).ok()?, token })))
    }

    fn lock(&mut self, owner: &Owner, instead_of: Option<u64>) -> Result<u64, JournalError> {
        let text = serde_json::to_string(owner).unwrap_or_default();
        let take = || -> rusqlite::Result<Option<u64>> {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let row: Option<(u64, Option<String>)> = tx
                .query_row("SELECT token, owner FROM lock", [], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (last, held) = row.map_or((0, false), |(token, owner)| (token, owner.is_some()));
            if held && instead_of != Some(last) {
                return Ok(None);
            }
            let token = last + 1;
            tx.execute("INSERT OR REPLACE INTO lock (one, token, owner) VALUES (1, ?1, ?2)", (token, text))?;
            tx.commit()?;
            Ok(Some(token))
        };
        match take() {
            Ok(Some(token)) => Ok(token),
            Ok(None) => Err(self.holder()?.map_or(JournalError::Lost, JournalError::Locked)),
            Err(e) => Err(self.storage("written", &e)),
        }
    }

    fn unlock(&mut self, token: u64) -> Result<(), JournalError> {
        self.connection
            .execute("UPDATE lock SET owner = NULL WHERE token = ?1", [token])
            .map(|_| ())
            .map_err(|e| self.storage("written", &e))
    }

    fn key(&self) -> &[u8] {
        &self.key
    }
}

/// Makes the folder (0700) and the empty file (0600), so that SQLite never opens it wider.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    let mut file = std::fs::OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folder.mode(0o700);
        file.mode(0o600);
    }
    if let Some(parent) = path.parent() {
        folder.recursive(true).create(parent)?;
    }
    file.write(true).create_new(true).open(path).map(|_| ())
}

fn fingerprint_key(connection: &Connection) -> rusqlite::Result<Vec<u8>> {
    let read = |c: &Connection| -> rusqlite::Result<Option<Vec<u8>>> {
        c.query_row("SELECT value FROM meta WHERE key = 'fingerprint'", [], |row| row.get(0)).optional()
    };
    if let Some(key) = read(connection)? {
        return Ok(key);
    }
    // The standard library's hash seeds are the operating system's randomness.
    let mut seed = Sha256::new();
    for _ in 0..4 {
        seed.update(std::hash::RandomState::new().build_hasher().finish().to_be_bytes());
    }
    let key = seed.finalize().to_vec();
    connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('fingerprint', ?1)", [&key])?;
    Ok(read(connection)?.unwrap_or(key))
}
