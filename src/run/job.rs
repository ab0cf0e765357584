//! What a run is given, and why it may not begin.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event::Listener;
use super::interrupt::Interrupt;
use super::outcome::NodeError;
use super::world::World;
use crate::cloud::Driver;
use crate::eval::Manifest;
use crate::journal::{Journal, JournalError, LockHolder};
use crate::plan::Cycle;
use crate::schema::Schema;

/// One journal for all tasks of a run.
pub type SharedJournal = Arc<Mutex<Journal>>;

/// Which driver serves a kind: [`crate::cloud::driver`], or a test's own.
pub type Drivers = Arc<dyn Fn(&str) -> Option<&'static dyn Driver> + Send + Sync>;

/// Everything that planning, running and destroying need.
#[derive(Clone)]
pub struct Job {
    /// The outside world.
    pub world: World,
    /// What the file asks for.
    pub manifest: Manifest,
    /// The kinds that the file uses.
    pub schema: Arc<Schema>,
    /// The journal of the pipeline and stage. For a plan of what never ran, [`Journal::in_memory`] does.
    pub journal: SharedJournal,
    /// The drivers.
    pub drivers: Drivers,
    /// Who is told what happens.
    pub listener: Listener,
    /// How the run is asked to stop.
    pub interrupt: Interrupt,
    /// The file, as the user gave it.
    pub file: String,
    /// SHA-256 of the sources.
    pub source_fingerprint: String,
    /// Whether the person who resumes grants the approval that the run waits for. It counts for one `approve`.
    pub approved: bool,
}

impl Job {
    /// The journal, alone. A task that panicked while it held it has left it whole: each append is one transaction.
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a run or plan did not begin, or had to be given up as a whole.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another run holds the lock.
    #[error("another run is at work: {0}")]
    Locked(LockHolder),
    /// The journal cannot be read or written. What was under way is in doubt; a resumed run looks at it first.
    #[error(transparent)]
    Journal(JournalError),
    /// Resources wait for each other.
    #[error(transparent)]
    Cycle(#[from] Cycle),
    /// The unfinished run was of another command.
    #[error("the last run was `{last}`, which `{now}` cannot resume")]
    OtherCommand {
        /// The command of the unfinished run.
        last: String,
        /// The command that was to resume it.
        now: &'static str,
    },
    /// Some nodes cannot be planned.
    #[error("{}", summary(.0))]
    Nodes(Vec<NodeError>),
    /// The user stopped a plan.
    #[error("interrupted")]
    Interrupted,
}

impl RunError {
    /// What the user can do.
    pub fn help(&self) -> Option<String> {
        match self {
            RunError::Locked(_) => Some(
                "wait until it ends; if that process is certainly gone, free the lock with `vpipe unlock` and \
                 continue with `--resume`"
                    .to_owned(),
            ),
            RunError::OtherCommand { last, .. } if last == "import" => {
                Some("say it without `--resume`".to_owned())
            }
            RunError::OtherCommand { last, .. } => Some(format!("finish it with `vpipe {last} --resume`")),
            _ => None,
        }
    }
}

impl From<JournalError> for RunError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Locked(holder) => RunError::Locked(holder),
            other => RunError::Journal(other),
        }
    }
}

fn summary(errors: &[NodeError]) -> String {
    errors.iter().map(NodeError::to_string).collect::<Vec<_>>().join("; ")
}

/// Frees the lock, whoever holds it. For the user who knows that the holder is gone.
///
/// # Errors
/// When the journal cannot be read or written.
pub fn unlock(journal: &SharedJournal, now: i64) -> Result<Option<LockHolder>, JournalError> {
    let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(holder) = journal.holder()? else { return Ok(None) };
    // Taking it over first makes the next append of the holder fail, should it live after all.
    journal.lock(&crate::journal::Owner::current("unlock".to_owned(), now), Some(&holder))?;
    journal.unlock()?;
    Ok(Some(holder))
}
