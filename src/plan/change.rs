//! The plan's data.

use serde::{Deserialize, Serialize};

use crate::eval::{NodeId, Value};
use crate::schema::OnChange;

/// What a run would do, in the order in which dependencies allow it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The pipeline's name.
    pub pipeline: String,
    /// The stage, if any.
    pub stage: Option<String>,
    /// Every node: those of the file, then those that the journal knows and the file no longer has.
    pub nodes: Vec<PlanNode>,
    /// What the environments run that the rollout deploys to, and what it would deploy.
    #[serde(default)]
    pub deployments: Vec<Deployment>,
}

/// What an environment runs, and what the rollout would deploy to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The environment.
    pub environment: NodeId,
    /// The label of the version that it runs; none for the sample application.
    pub runs: Option<String>,
    /// The version from which `vpipe rollback` returned to this one.
    pub rolled_back: Option<String>,
    /// The label of what the file would deploy, as its bundle is now; none while that is not known.
    pub would: Option<String>,
}

/// What a run would do to one node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanNode {
    /// Its id.
    pub id: NodeId,
    /// Its kind.
    pub kind: String,
    /// Its physical name.
    pub name: String,
    /// What would be done.
    pub action: Action,
    /// The attributes that differ; for a creation, all that are given.
    pub changes: Vec<Change>,
    /// For people: why.
    pub reason: String,
}

/// What would be done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Made new.
    Create,
    /// Changed in place.
    Update,
    /// Deleted and made anew.
    Replace,
    /// Left as it is.
    Keep,
    /// Only looked up.
    Read,
    /// Deleted.
    Delete,
}

/// An attribute that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The attribute's path: `class`, `process[default].health_path`.
    pub attribute: String,
    /// What the cloud has; `None` where nothing exists or it cannot be read.
    pub before: Option<Value>,
    /// What the file asks for.
    pub after: Value,
    /// What the change means.
    pub on_change: OnChange,
}
