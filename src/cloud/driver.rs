//! What every driver is: read, decide, call.
//!
//! A driver never loops, sleeps, retries or journals. It says what exists ([`Driver::observe`]), what the one next
//! step is ([`Driver::next`], [`Driver::next_delete`], both pure), and makes one mutating call ([`Driver::call`]). The
//! scheduler in `run` does the rest, so that every mutating call of every kind is bracketed in the journal, and
//! recovering from a crash is nothing but observing again.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::{Clients, CloudError, Permission};
use crate::eval::{Attrs, NodeId, Value};
use crate::journal::Op;
use crate::plan::Change;
use crate::schema::OnChange;

/// A node as a driver sees it: every value known.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// The node's id in the manifest.
    pub node: NodeId,
    /// Its kind.
    pub kind: String,
    /// Its physical name.
    pub name: String,
    /// Its attributes, all known, handles resolved by [`Want::refs`].
    pub attrs: Attrs,
    /// The outputs of the nodes that it refers to, by node id.
    pub refs: indexmap::IndexMap<NodeId, Attrs>,
    /// The server-side id (`sg-…`, an ARN, `E…`) that the journal knows, when there is one.
    pub id: Option<String>,
    /// The client token for creations that take one: the same for every attempt of the same intent.
    pub token: String,
    /// Tags for the resource: the user's, and `vpipe:pipeline`, `vpipe:stage`, `vpipe:node`.
    pub tags: indexmap::IndexMap<String, String>,
    /// What the journal says was applied to it, or may have been: the attributes of its last ready state, and the raw
    /// settings of updates begun since.
    pub applied: Vec<Attrs>,
    /// Whether this run has made a call for this node already. A [`State::Failed`] seen before that is left from
    /// an earlier run, and [`Driver::next`] may mend it; one seen after it is what this run's own call came to, and is
    /// told.
    pub acted: bool,
    /// Whether the journal tells that vpipe began to make it and never saw it ready: nobody has put anything into it.
    pub never_ready: bool,
}

impl Want {
    /// An attribute; `none` where it is not given.
    pub fn get(&self, attribute: &str) -> &Value {
        self.attrs.get(attribute).unwrap_or(&Value::None)
    }

    /// The text of an attribute.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.get(attribute).as_str()
    }

    /// An output of the node that a handle refers to, when that node exists already.
    pub fn output<'a>(&'a self, handle: &Value, output: &str) -> Option<&'a str> {
        match handle {
            Value::Handle(node) => self.refs.get(node)?.get(output)?.as_str(),
            _ => None,
        }
    }

    /// An attribute that is a handle or a list of them, each as one of its outputs; a handle whose node does
    /// not exist yet stays what it is (only in a plan), and text stays text.
    pub fn ids(&self, attribute: &str, output: &str) -> Value {
        let one = |value: &Value| self.output(value, output).map_or_else(|| value.clone(), Value::from);
        match self.get(attribute) {
            Value::List(items) => Value::List(items.iter().map(one).collect()),
            value => one(value),
        }
    }

    /// The wanted attributes for [`Driver::desired`]: each of the given attributes as an output of what its handles refer to,
    /// tags in full, and without attributes that are not given, which AWS chooses and which are then not compared.
    pub fn desired(&self, handles: &[(&str, &str)]) -> Attrs {
        let mut attrs = self.attrs.clone();
        for (attribute, output) in handles {
            attrs.insert((*attribute).to_owned(), self.ids(attribute, output));
        }
        attrs.insert("tags".to_owned(), super::tags_value(&self.tags));
        attrs.retain(|_, value| *value != Value::None);
        attrs
    }

    /// As [`Want::ids`], for a call: only what is known, as text.
    pub fn id_texts(&self, attribute: &str, output: &str) -> Vec<String> {
        self.ids(attribute, output).items().iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    }
}

/// What exists.
#[derive(Clone, Debug)]
pub enum Observed {
    /// Nothing of that name or id.
    Absent,
    /// Something.
    Present(Box<Present>),
}

/// A resource as the cloud has it.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// The server-side id or, where AWS has none, the name.
    pub id: String,
    /// Where it is in its life.
    pub state: State,
    /// Its attributes in the schema's terms. Only those that could be read; the rest are not compared.
    pub attrs: Attrs,
    /// Its outputs in the schema's terms; complete once it is settled.
    pub outputs: Attrs,
    /// Its tags; `None` where AWS keeps none for this kind.
    pub tags: Option<indexmap::IndexMap<String, String>>,
    /// What the driver itself needs to remember until [`Driver::call`], such as an ETag.
    pub detail: serde_json::Value,
    /// What is going on, for the progress display: "batch 2 of 4", "creating".
    pub note: Option<String>,
    /// What AWS has accepted and what holds only after a reboot that the file does not ask for, in words: it is told, and
    /// not waited for.
    pub pending: Option<String>,
}

impl Present {
    /// An attribute; `none` where it could not be read.
    pub fn get(&self, attribute: &str) -> &Value {
        self.attrs.get(attribute).unwrap_or(&Value::None)
    }

    /// With its tags, which are also the attribute `tags`.
    pub fn tagged(mut self, tags: indexmap::IndexMap<String, String>) -> Self {
        self.attrs.insert("tags".to_owned(), super::tags_value(&tags));
        self.tags = Some(tags);
        self
    }
}

/// Where a resource is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// Usable, nothing under way.
    #[default]
    Settled,
    /// Something is under way; the text is AWS's own status.
    Busy(String),
    /// It will not become usable by waiting; the text says what AWS said.
    Failed(String),
}

/// The one next step for a node.
#[derive(Clone, Debug)]
pub enum Next {
    /// It is as wanted.
    Done,
    /// Look again after this pause.
    Wait {
        /// The pause, fitting the kind.
        poll: Duration,
        /// What is waited for, in words.
        why: String,
    },
    /// Make this call.
    Call(Op),
    /// It cannot be done; the text says what AWS said and what to do.
    Fail(String),
}

/// How a resource that cannot be changed in place is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Renewal {
    /// The old one is deleted, then the new one is made.
    #[default]
    DeleteFirst,
    /// AWS does not delete it while others use it, and no two can have the same name: under another name the new one is made
    /// first; under the same one it cannot be replaced while anything uses it.
    Held,
    /// AWS does not delete it while others use it, and any number may be there side by side: the new one is made first.
    CreateFirst,
}

/// What a call left behind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reply {
    /// The server-side id of what was made.
    pub id: Option<String>,
    /// AWS's request id, for support and for `DescribeEvents`.
    pub request_id: Option<String>,
}

impl Reply {
    /// Of the output of an SDK call.
    pub fn of(output: &impl aws_sdk_sts::operation::RequestId, id: Option<&str>) -> Self {
        Self { id: id.map(str::to_owned), request_id: output.request_id().map(str::to_owned) }
    }
}

/// The code that talks to AWS for one kind.
#[async_trait]
pub trait Driver: Send + Sync {
    /// What it asks of AWS: every operation that [`Driver::observe`] and [`Driver::call`] call, and what AWS does in its
    /// caller's name. `vpipe permissions` makes an IAM policy of it; a test finds what is missing.
    fn permissions(&self) -> &'static [Permission];

    /// Reads what exists, by `want.id` when known, else by name, token or tags.
    ///
    /// # Errors
    /// When AWS cannot be asked. A resource that does not exist is [`Observed::Absent`], not an error.
    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError>;

    /// The wanted attributes in the form in which [`Driver::observe`] gives those that exist, so that the two can be
    /// compared: handles become ids ([`Want::ids`]), lists lose what AWS adds on its own. Attributes that cannot
    /// be compared are left out. `observe` knows `want` as well, and may say `8.0` where AWS says `8.0.42` and that
    /// is what was asked for.
    fn desired(&self, want: &Want) -> Attrs {
        want.attrs.clone()
    }

    /// What a change means, where that depends on more than its attribute: by default what the kind says.
    fn on_change(&self, _want: &Want, _present: &Present, change: &Change) -> OnChange {
        change.on_change
    }

    /// The next step towards `want`. `changes` are the attributes that differ from what was observed, empty when
    /// absent.
    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next;

    /// The next step towards its absence.
    fn next_delete(&self, want: &Want, seen: &Observed) -> Next;

    /// Makes one mutating call.
    ///
    /// # Errors
    /// Whatever AWS answers; the scheduler retries what [`CloudError::retry`] says.
    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError>;

    /// A short look at something under way, between two whole ones: whether AWS still says of it what it said when it
    /// was `seen`; so many short looks there were already. A driver whose [`Driver::observe`] shares its one read needs none.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    async fn still(
        &self,
        _clients: &Clients,
        _want: &Want,
        _seen: &Present,
        _looks: u32,
    ) -> Result<bool, CloudError> {
        Ok(false)
    }

    /// How long it takes at least, as a rule, until what a call began is done: before that nobody looks often.
    fn soonest(&self, _op: &Op) -> Duration {
        Duration::ZERO
    }

    /// What the service itself said last of the resource, oldest first, for whoever gave up waiting for it.
    async fn last_words(&self, _clients: &Clients, _want: &Want, _seen: &Present) -> Vec<String> {
        Vec::new()
    }

    /// How it is replaced.
    fn renewal(&self, _want: &Want) -> Renewal {
        Renewal::DeleteFirst
    }

    /// How long a creation or change may take before the run gives up, unless the file says `timeout = …`.
    fn timeout(&self) -> Duration {
        Duration::from_secs(40 * 60)
    }
}
