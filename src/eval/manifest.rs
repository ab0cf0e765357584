//! The manifest: every resource and step that a file asks for, for one stage.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::value::{Attrs, NodeId, Secret, Value};
use crate::base::Span;

/// What a file asks for, evaluated for one stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The pipeline's name.
    pub pipeline: String,
    /// The stage; `None` for a file without stages.
    pub stage: Option<String>,
    /// Whether the stage is marked `production`.
    pub production: bool,
    /// The AWS region.
    pub region: String,
    /// Tags for everything, from `pipeline { tags = … }`.
    pub tags: IndexMap<String, String>,
    /// The resources by id; dependencies come from their values and `depends_on`.
    pub nodes: IndexMap<NodeId, Node>,
    /// The rollout's stages: the steps of one inner list run side by side.
    pub rollout: Vec<Vec<Step>>,
    /// What to do when the rollout fails.
    pub on_failure: Vec<Action>,
    /// What the file declares with `output`.
    pub outputs: Attrs,
    /// The secrets that the file declares, whether or not anything uses them.
    #[serde(skip)]
    pub secrets: Vec<Secret>,
}

/// One resource, look-up or separate block.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    /// Its id in the manifest.
    pub id: NodeId,
    /// Its kind: `db_instance`, `security_group.allow`.
    pub kind: String,
    /// Its physical name: `vprofile-prod-mysql`, or what the identity attribute says.
    pub name: String,
    /// Whether it is only looked up.
    pub existing: bool,
    /// Attributes and blocks: a block is a list of records under its name, header values included.
    ///
    /// They are complete, in the order of the schema: what is left out is its default, an optional attribute `none`, a
    /// block that is not there an empty list, the identity attribute the physical name. A look-up has its lookups. A
    /// separate block has the handle of its resource under the name of the kind, and one element in a list of its
    /// header (`ports`): there is a node for each.
    pub attrs: Attrs,
    /// The nodes that its values refer to.
    pub depends_on: Vec<NodeId>,
    /// Where the user wrote it.
    pub span: Span,
}

/// One rollout step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Steps that must have ended well.
    pub needs: Vec<String>,
    /// What it does, in order.
    pub actions: Vec<Action>,
    /// Where the user wrote it.
    pub span: Span,
}

/// One thing that a step does. Values may be deferred until the resources exist.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Action {
    /// Where the user wrote it.
    pub span: Span,
    /// What it does.
    pub kind: ActionKind,
    /// `within 30m`: how long what it makes may take, in milliseconds; `None` for what is usual. A command and a probe
    /// have theirs in `kind`.
    #[serde(default)]
    pub within: Option<i64>,
}

/// What an action does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ActionKind {
    /// A local command, through `sh -c`, in the file's folder.
    Run {
        /// The command.
        command: Value,
        /// `with { NAME = value }`: its extra environment; the only way for a secret to reach a command.
        env: Attrs,
        /// `in "dir"`.
        dir: Option<Value>,
        /// `produces path`: must exist afterwards.
        produces: Option<Value>,
        /// `within 10m`: milliseconds.
        within: Option<i64>,
    },
    /// Fills a template's `${name}` places.
    Render {
        /// The template's path.
        template: Value,
        /// The file to write.
        to: Value,
        /// What the places stand for.
        with: Attrs,
    },
    /// Packs files or a folder into a zip, reproducibly.
    Bundle {
        /// A path, or a list of paths.
        source: Value,
        /// The zip or war to write.
        to: Value,
    },
    /// Puts a file into a bucket.
    Upload {
        /// The file.
        path: Value,
        /// The bucket.
        bucket: NodeId,
        /// The object's key.
        key: Value,
    },
    /// Makes an application version of a bundle and deploys it.
    Deploy {
        /// The bundle.
        path: Value,
        /// The environment.
        environment: NodeId,
        /// The version label; inside it `${version}` is the bundle's content hash (`Deferred::Output("", "version")`).
        label: Value,
    },
    /// Removes paths from a distribution's caches.
    Invalidate {
        /// The distribution.
        distribution: NodeId,
        /// Paths, such as `/*`.
        paths: Value,
    },
    /// Exchanges two environments' CNAMEs.
    Swap {
        /// One.
        a: NodeId,
        /// The other.
        b: NodeId,
    },
    /// Probes until the conditions hold or the deadline passes.
    Expect(Expect),
    /// Stops until a person resumes.
    Approve {
        /// What they are asked.
        message: Value,
    },
    /// Lets time pass: milliseconds.
    Wait(i64),
    /// Deploys the version that ran before.
    Rollback {
        /// The environment.
        environment: NodeId,
    },
}

/// A probe.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Expect {
    /// `GET`, `HEAD`, `POST`, …, or `TCP`.
    pub method: String,
    /// The URL, or host and port.
    pub target: Value,
    /// What must hold.
    pub conditions: Vec<Condition>,
    /// The deadline in milliseconds.
    pub within: i64,
    /// The pause between tries in milliseconds.
    pub every: i64,
}

/// What a probe's answer must satisfy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Condition {
    /// The HTTP status is one of these.
    Status(Vec<i64>),
    /// A header holds.
    Header {
        /// Its name, lower case.
        name: String,
        /// How it is compared.
        test: Test,
        /// With what.
        value: Value,
    },
    /// The body holds.
    Body {
        /// How it is compared.
        test: Test,
        /// With what.
        value: Value,
    },
    /// The certificate is valid for the host, for at least so many milliseconds more.
    Tls(i64),
}

/// How an answer is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Test {
    /// The same text.
    Equals,
    /// Holds the text, ignoring case in headers.
    Contains,
    /// Matches the regular expression.
    Matches,
}
