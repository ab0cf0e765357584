//! Runs against a cloud for tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod crashes;
mod fake;
mod nodes;
mod rollout;

use indexmap::IndexMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use self::fake::{Fake, Mortal};
use super::{Event, Interrupt, Job, Outcome, RunError, Speed, World, apply, unlock};
use crate::base::Span;
use crate::cloud::{Clients, Driver};
use crate::eval::{Action, ActionKind, Attrs, Deferred, Manifest, Node, Secret, Step, Value};
use crate::journal::{Journal, Memory};
use crate::plan::Action as Planned;
use crate::schema::{Attribute, BlockSchema, Kind, OnChange, Schema, Type};

/// A cloud, a journal and a file to run again and again.
struct Bench {
    cloud: &'static Fake,
    memory: Memory,
    manifest: Manifest,
    folder: tempfile::TempDir,
    events: Arc<Mutex<Vec<Event>>>,
    interrupt: Interrupt,
    approved: bool,
}

impl Bench {
    fn new(nodes: Vec<Node>) -> Self {
        Self {
            cloud: Fake::new(),
            memory: Memory::default(),
            manifest: manifest(nodes),
            folder: tempfile::tempdir().unwrap(),
            events: Arc::default(),
            interrupt: Interrupt::default(),
            approved: false,
        }
    }

    fn job(&self) -> Job {
        self.job_over(Journal::over(Box::new(self.memory.clone())))
    }

    fn job_over(&self, journal: Journal) -> Job {
        let (cloud, events) = (self.cloud, self.events.clone());
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("us-east-1"))
            .build();
        Job {
            world: World {
                clients: Clients::new(config, Arc::new(Door(cloud))),
                now: Arc::new(|| cloud.now()),
                speed: Speed::Virtual,
                folder: self.folder.path().to_owned(),
                seed: 7,
            },
            manifest: self.manifest.clone(),
            schema: Arc::new(schema()),
            journal: Arc::new(Mutex::new(journal)),
            drivers: Arc::new(|_| Some(cloud as &'static dyn Driver)),
            listener: Arc::new(move |event| events.lock().unwrap().push(event)),
            interrupt: self.interrupt.clone(),
            file: "test.vpipe".to_owned(),
            source_fingerprint: "f".to_owned(),
            approved: self.approved,
        }
    }

    async fn run(&self) -> Outcome {
        apply(&self.job(), false).await.unwrap()
    }

    async fn resume(&self) -> Outcome {
        apply(&self.job(), true).await.unwrap()
    }

    /// A run whose process dies when the cloud says so, or at an append to the journal. Gives whether it died.
    async fn mortal(&self, append: i64, written: bool, resume: bool) -> bool {
        let store = Mortal {
            memory: self.memory.clone(),
            cloud: self.cloud,
            left: Arc::new(AtomicI64::new(append)),
            written,
        };
        let job = self.job_over(Journal::over(Box::new(store)));
        let died = tokio::select! {
            biased;
            () = self.cloud.died.notified() => true,
            ended = apply(&job, resume) => { let _ = ended; self.cloud.dead.load(Ordering::SeqCst) }
        };
        self.cloud.dead.store(false, Ordering::SeqCst);
        unlock(&self.job().journal, 0).unwrap();
        died
    }

    async fn plan(&self) -> Result<IndexMap<String, (Planned, String)>, RunError> {
        let plan = super::plan(&self.job()).await?;
        Ok(plan.nodes.into_iter().map(|node| (node.id, (node.action, node.reason))).collect())
    }

    /// The plan's actions in words: `+a ~b`.
    async fn planned(&self) -> String {
        let plan = super::plan(&self.job()).await.unwrap();
        let mark = |action| match action {
            Planned::Create => '+',
            Planned::Update => '~',
            Planned::Replace => '!',
            Planned::Keep => '=',
            Planned::Read => '<',
            Planned::Delete => '-',
        };
        plan.nodes.iter().map(|n| format!("{}{}", mark(n.action), n.id)).collect::<Vec<_>>().join(" ")
    }

    fn node(&mut self, id: &str) -> &mut Node {
        &mut self.manifest.nodes[id]
    }

    fn set(&mut self, id: &str, attribute: &str, value: impl Into<Value>) {
        self.node(id).attrs.insert(attribute.to_owned(), value.into());
    }
}

/// The way to the cloud's HTTP.
#[derive(Debug)]
struct Door(&'static Fake);

#[async_trait::async_trait]
impl crate::cloud::Net for Door {
    async fn fetch(
        &self,
        request: crate::cloud::NetRequest,
    ) -> Result<crate::cloud::NetReply, crate::cloud::NetError> {
        self.0.fetch(request).await
    }

    async fn connect(
        &self,
        host: &str,
        port: u16,
        timeout: std::time::Duration,
    ) -> Result<(), crate::cloud::NetError> {
        self.0.connect(host, port, timeout).await
    }
}

fn manifest(nodes: Vec<Node>) -> Manifest {
    Manifest {
        pipeline: "shop".to_owned(),
        stage: Some("dev".to_owned()),
        production: false,
        region: "us-east-1".to_owned(),
        tags: IndexMap::new(),
        nodes: nodes.into_iter().map(|node| (node.id.clone(), node)).collect(),
        rollout: Vec::new(),
        on_failure: Vec::new(),
        outputs: Attrs::new(),
        secrets: Vec::new(),
    }
}

/// A node; what its values refer to is what it depends on.
fn node(kind: &str, id: &str, attrs: &[(&str, Value)]) -> Node {
    let attrs: Attrs = attrs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let mut depends_on = Vec::new();
    attrs.values().for_each(|value| needs(value, &mut depends_on));
    Node {
        id: id.to_owned(),
        kind: kind.to_owned(),
        name: format!("shop-dev-{id}"),
        existing: false,
        attrs,
        depends_on,
        span: Span::default(),
    }
}

fn thing(id: &str, attrs: &[(&str, Value)]) -> Node {
    node("thing", id, attrs)
}

fn needs(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Handle(node) => found.push(node.clone()),
        Value::List(items) => items.iter().for_each(|item| needs(item, found)),
        Value::Deferred(deferred) => match deferred.as_ref() {
            Deferred::Output(node, _) => found.push(node.clone()),
            Deferred::Apply(_, args) => args.iter().for_each(|arg| needs(arg, found)),
        },
        _ => {}
    }
}

fn handle(node: &str) -> Value {
    Value::Handle(node.to_owned())
}

fn output(node: &str, output: &str) -> Value {
    Value::Deferred(Box::new(Deferred::Output(node.to_owned(), output.to_owned())))
}

fn secret(text: &str) -> Value {
    Value::Secret(Secret::new("password", text))
}

fn step(name: &str, actions: Vec<ActionKind>) -> Step {
    Step {
        name: name.to_owned(),
        needs: Vec::new(),
        actions: actions.into_iter().map(action).collect(),
        span: Span::default(),
    }
}

fn action(kind: ActionKind) -> Action {
    Action { span: Span::default(), kind, within: None }
}

/// `thing`: `size` and `uses` change in place, `zone` and `home` do not, `shape` cannot change, `password` is never
/// given back. `thing.rule` is a separate block.
fn schema() -> Schema {
    let attribute = |name: &str, on_change| Attribute {
        name: name.to_owned(),
        ty: Type::Error,
        default: None,
        on_change,
        write_only: name == "password",
        table: None,
        identity: name == "name",
        docs: String::new(),
        span: Span::default(),
    };
    let attributes = || -> IndexMap<String, Attribute> {
        [
            ("name", OnChange::Replace),
            ("size", OnChange::Update),
            ("uses", OnChange::Update),
            ("password", OnChange::Update),
            ("zone", OnChange::Replace),
            ("home", OnChange::Replace),
            ("unread", OnChange::Replace),
            ("shape", OnChange::Fixed),
        ]
        .into_iter()
        .map(|(name, on_change)| (name.to_owned(), attribute(name, on_change)))
        .collect()
    };
    let rule = BlockSchema {
        name: "rule".to_owned(),
        header: Vec::new(),
        attributes: ["thing", "source"]
            .into_iter()
            .map(|name| (name.to_owned(), attribute(name, OnChange::Update)))
            .collect(),
        blocks: IndexMap::new(),
        requires: Vec::new(),
        separate: true,
        named: false,
        docs: String::new(),
        span: Span::default(),
    };
    let kind = |name: &str| {
        Arc::new(Kind {
            name: name.to_owned(),
            title: name.to_owned(),
            service: "test".to_owned(),
            existing_only: false,
            attributes: attributes(),
            lookups: IndexMap::new(),
            outputs: IndexMap::new(),
            blocks: IndexMap::from([("rule".to_owned(), rule.clone())]),
            requires: Vec::new(),
            docs: String::new(),
            span: Span::default(),
        })
    };
    let mut schema = Schema::default();
    for name in ["thing", "ticket", "untagged", "group"] {
        schema.kinds.insert(name.to_owned(), kind(name));
    }
    schema
}
