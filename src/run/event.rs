//! What happens during a run, for whoever watches.

use crate::eval::NodeId;
use crate::plan;

/// Something happened. Times are milliseconds since the Unix epoch, by the run's clock.
#[derive(Clone, Debug)]
pub enum Event {
    /// A node's turn has come.
    NodeStarted {
        /// The node.
        node: NodeId,
        /// Its kind.
        kind: String,
        /// What is about to be done.
        action: plan::Action,
        /// When.
        at: i64,
    },
    /// A mutating call is about to be made for a node or step.
    Call {
        /// The node or step.
        node: NodeId,
        /// `rds:CreateDBInstance`.
        operation: String,
        /// When.
        at: i64,
    },
    /// A node or step waits; the note is what for, in AWS's words where it has some.
    Waiting {
        /// The node or step.
        node: NodeId,
        /// "creating", "batch 2 of 4".
        note: String,
        /// When.
        at: i64,
    },
    /// A call failed in a way that is tried again.
    Retrying {
        /// The node or step.
        node: NodeId,
        /// Why.
        why: String,
        /// When.
        at: i64,
    },
    /// A node is as wanted, or gone.
    NodeDone {
        /// The node.
        node: NodeId,
        /// What was done; [`plan::Action::Keep`] when nothing had to be.
        action: plan::Action,
        /// When.
        at: i64,
    },
    /// A node failed; what depends on it is not tried.
    NodeFailed {
        /// The node.
        node: NodeId,
        /// What failed, what AWS said, what to do.
        error: String,
        /// When.
        at: i64,
    },
    /// A rollout step began, or was skipped because an earlier run had finished it; then it does not end.
    StepStarted {
        /// The step.
        step: String,
        /// Whether it is only told, having been done by the run that is resumed.
        skipped: bool,
        /// When.
        at: i64,
    },
    /// An action of a step began; the text is the action as the user would say it: `deploy v2 to web`.
    ActionStarted {
        /// The step.
        step: String,
        /// The action in words.
        action: String,
        /// When.
        at: i64,
    },
    /// An action ended well; the text says what was found or made: `200, via contains cloudfront`.
    ActionDone {
        /// The step.
        step: String,
        /// The action in words.
        action: String,
        /// What came of it.
        result: String,
        /// When.
        at: i64,
    },
    /// A line that a command of the user's wrote.
    Output {
        /// The step.
        step: String,
        /// The line, secrets replaced.
        line: String,
    },
    /// A step ended.
    StepEnded {
        /// The step.
        step: String,
        /// What went wrong, if anything did.
        error: Option<String>,
        /// When.
        at: i64,
    },
}

/// Who is told. Must not block.
pub type Listener = std::sync::Arc<dyn Fn(Event) + Send + Sync>;
