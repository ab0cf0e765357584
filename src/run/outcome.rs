//! How a run ended.

use crate::base::Span;
use crate::eval::{Attrs, NodeId};
use crate::plan::{Action, Totals};

/// How a run ended.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How.
    pub result: Ended,
    /// What failed, in the order in which it did.
    pub errors: Vec<NodeError>,
    /// Nodes and steps that were not tried, because something that they need failed or the run was stopped.
    pub skipped: Vec<String>,
    /// What was really done to resources.
    pub done: Totals,
    /// How many mutating calls were made.
    pub calls: usize,
    /// What the file declares with `output`, as far as it is known.
    pub outputs: Attrs,
    /// What `expect` established, also in the runs that this one resumes.
    pub verified: Vec<Verified>,
    /// What took how long, in the order of beginning.
    pub timeline: Vec<Took>,
    /// What the user should know besides: a dead run's lock that was taken over.
    pub notes: Vec<String>,
}

/// The end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ended {
    /// Everything is as wanted.
    #[default]
    Ok,
    /// Something failed.
    Failed,
    /// The user stopped it.
    Interrupted,
    /// It waits for an approval; the text is what the person is asked.
    Waiting(String),
}

impl Ended {
    /// The word in the journal.
    pub fn word(&self) -> &'static str {
        match self {
            Ended::Ok => "ok",
            Ended::Failed => "failed",
            Ended::Interrupted => "interrupted",
            Ended::Waiting(_) => "waiting",
        }
    }
}

/// Why a node or step failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{node}: {message}")]
pub struct NodeError {
    /// The node's id, or the step's name.
    pub node: String,
    /// Where the user wrote it; `None` for what only the journal knows.
    pub span: Option<Span>,
    /// What failed and what AWS said.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// What an `expect` established.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The step.
    pub step: String,
    /// The probe as the user would say it: `GET https://example.com/login`.
    pub probe: String,
    /// What was found: `200, via contains "cloudfront"`.
    pub found: String,
}

/// What took how long. Times are milliseconds since the Unix epoch, by the run's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Took {
    /// The node's id, or the step's name.
    pub what: NodeId,
    /// The node's kind, or `step`.
    pub kind: String,
    /// What was done to a node.
    pub action: Option<Action>,
    /// When it began.
    pub began: i64,
    /// When it ended.
    pub ended: i64,
    /// Whether it ended well.
    pub ok: bool,
}
