//! The journal: what was intended and what came of it, durably, so that a run can be killed at any instant.
//!
//! ```text
//! run ──append──▶ Journal ──▶ Store (SQLite)      append-only, fenced by the lock's token
//! run ◀─History── replay  ◀── records
//! ```
//!
//! Invariants:
//! - A record is durable before [`Journal::append`] returns.
//! - Nobody appends without holding the lock; a lock that was taken over makes the next append of the former owner fail.
//! - No secret's text is ever written, only its name and a keyed fingerprint.

mod history;
mod lock;
mod memory;
mod record;
mod sqlite;
mod store;

pub use history::{History, Known, ON_FAILURE, Progress, ROLLBACK, RunSummary};
pub use lock::{LockHolder, Owner};
pub use memory::Memory;
pub use record::{Event, Op, Record, VERSION};
pub use store::{Journal, JournalError, Store};
