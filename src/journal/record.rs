//! What the journal records. Append-only and versioned: a field may be added with a default, none may change meaning.

use serde::{Deserialize, Serialize};

use crate::eval::{Attrs, NodeId};

/// The version written into every record.
pub const VERSION: u32 = 1;

/// One line of history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Position in the journal, from 1.
    pub seq: u64,
    /// Milliseconds since the Unix epoch, by the run's clock.
    pub time: i64,
    /// The run that wrote it.
    pub run: String,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// `run`, `destroy`.
        command: String,
        /// The file.
        file: String,
        /// SHA-256 of the sources.
        fingerprint: String,
        /// vpipe's own version.
        vpipe: String,
        /// Whether it continues an earlier one.
        resumed: bool,
    },
    /// A run ended.
    RunEnded {
        /// `ok`, `failed`, `interrupted`, `waiting` (for an approval).
        result: String,
        /// The first error.
        error: Option<String>,
    },
    /// A mutating call is about to be made.
    Intent {
        /// The node or step.
        node: NodeId,
        /// Its kind.
        kind: String,
        /// Its physical name.
        name: String,
        /// The call.
        op: Op,
        /// The client token.
        token: String,
        /// Keyed SHA-256 of the inputs.
        fingerprint: String,
        /// For a call that makes the resource: what it is made with, secrets by name only, so that what was only begun
        /// can be found and deleted when the file no longer has it. For another call: the raw settings that it sets, so that
        /// they can be taken away.
        #[serde(default)]
        attrs: Attrs,
        /// For a call that makes the resource: keyed SHA-256 of each write-only or secret attribute.
        #[serde(default)]
        fingerprints: indexmap::IndexMap<String, String>,
        /// For a call that makes the resource: the nodes it refers to.
        #[serde(default)]
        depends_on: Vec<NodeId>,
    },
    /// The call came back.
    Outcome {
        /// The intent's `seq`.
        intent: u64,
        /// The server-side id of what was made.
        id: Option<String>,
        /// What AWS said when it said no.
        error: Option<String>,
    },
    /// A node is as wanted.
    NodeReady {
        /// The node.
        node: NodeId,
        /// Its kind.
        kind: String,
        /// Its physical name.
        name: String,
        /// Its server-side id.
        id: String,
        /// What was applied; secrets by name only.
        attrs: Attrs,
        /// Keyed SHA-256 of each write-only attribute, so that a changed password is seen.
        fingerprints: indexmap::IndexMap<String, String>,
        /// Its outputs; secrets by name only.
        outputs: Attrs,
        /// The nodes it referred to, for the order of deletion.
        depends_on: Vec<NodeId>,
        /// Whether it was only looked up.
        existing: bool,
    },
    /// A node no longer exists.
    NodeGone {
        /// The node.
        node: NodeId,
    },
    /// A rollout step began.
    StepStarted {
        /// The step.
        step: String,
        /// Keyed SHA-256 of its actions and inputs.
        fingerprint: String,
    },
    /// One action of a step is about to begin, with what was true before it: the version that a rollback returns to,
    /// the CNAMEs that a swap exchanges.
    ActionStarted {
        /// The step.
        step: String,
        /// Position of the action in the step, from 0.
        action: usize,
        /// What was true before.
        facts: Attrs,
    },
    /// One action of a step is done and need not be repeated on resume.
    ActionDone {
        /// The step.
        step: String,
        /// Position of the action in the step, from 0.
        action: usize,
        /// Its facts, such as `version = "3f2a…"`.
        facts: Attrs,
    },
    /// A rollout step ended.
    StepEnded {
        /// The step.
        step: String,
        /// What went wrong, if anything did.
        error: Option<String>,
    },
}

/// One mutating call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Op {
    /// `rds:CreateDBInstance`.
    pub operation: String,
    /// Whether it makes the resource: then a resource that is not visible yet is waited for, not made again.
    pub creates: bool,
    /// What the driver needs to make the call besides the wanted attributes. No secrets.
    pub detail: serde_json::Value,
}

impl Op {
    /// A call that makes the resource.
    pub fn create(operation: &str) -> Self {
        Self { operation: operation.to_owned(), creates: true, detail: serde_json::Value::Null }
    }

    /// Any other mutating call.
    pub fn new(operation: &str) -> Self {
        Self { operation: operation.to_owned(), creates: false, detail: serde_json::Value::Null }
    }

    /// That it makes the resource without some attributes which AWS never gives back, such as a password: another call
    /// sets them afterwards.
    pub fn leaving(mut self, attributes: &[&str]) -> Self {
        self.detail = serde_json::json!({ "leaves": attributes });
        self
    }

    /// Whether it makes the resource without an attribute.
    pub fn leaves(&self, attribute: &str) -> bool {
        let names = self.detail.get("leaves").and_then(|names| names.as_array());
        names.is_some_and(|names| names.iter().any(|name| name == attribute))
    }

    /// With what the driver needs to make it.
    pub fn with(mut self, detail: serde_json::Value) -> Self {
        self.detail = detail;
        self
    }
}
