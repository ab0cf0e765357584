//! A cloud for tests: things with names, and tickets that only their token tells apart; faults and crashes at will.

use async_trait::async_trait;
use indexmap::IndexMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::cloud::{
    Clients, CloudError, Driver, Net, NetError, NetReply, NetRequest, Next, Observed, Op, Present, Renewal,
    Reply, Retry, State, Want,
};
use crate::eval::{Attrs, Value};
use crate::journal::{Event, JournalError, LockHolder, Memory, Owner, Record, Store};
use crate::plan::Change;

/// How long making or changing a thing takes, in milliseconds.
const TAKES: i64 = 60_000;

#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub kind: String,
    pub name: String,
    pub id: String,
    pub attrs: Attrs,
    pub tags: Option<IndexMap<String, String>>,
    pub token: String,
    pub busy_until: i64,
    pub visible_from: i64,
}

/// What goes wrong at a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// AWS says no.
    Refuse(Retry),
    /// The call is made and the reply is lost.
    LoseReply,
    /// The call is lost on its way.
    LoseCall,
    /// The process dies before the call reaches AWS.
    DieBefore,
    /// The process dies after AWS has done it.
    DieAfter,
}

#[derive(Default)]
pub(super) struct Inner {
    pub things: Vec<Thing>,
    /// Every mutating call that reached the cloud: `thing:Create db`.
    pub log: Vec<String>,
    /// What goes wrong at the call of this number, from 0.
    pub faults: IndexMap<usize, Fault>,
    /// What goes wrong whenever this call is made.
    pub always: IndexMap<String, Fault>,
    /// How long new things stay invisible, in milliseconds.
    pub lag: i64,
    pub attempts: usize,
    pub ids: usize,
    /// Stop is asked for when this call is made.
    pub interrupt_at: Option<(String, crate::run::Interrupt)>,
}

/// The cloud, with a switch that kills the process that talks to it.
pub(super) struct Fake {
    pub inner: Mutex<Inner>,
    pub dead: AtomicBool,
    pub died: tokio::sync::Notify,
    start: tokio::time::Instant,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    pub fn new() -> &'static Fake {
        Box::leak(Box::new(Fake {
            inner: Mutex::default(),
            dead: AtomicBool::new(false),
            died: tokio::sync::Notify::new(),
            start: tokio::time::Instant::now(),
        }))
    }

    pub fn now(&self) -> i64 {
        1_700_000_000_000 + i64::try_from(self.start.elapsed().as_millis()).unwrap()
    }

    pub fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap())
    }

    pub fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    /// A dead process does nothing any more.
    async fn breathe(&self) {
        // One turn of the clock, so that other tasks come in between as they do in life.
        tokio::time::sleep(Duration::from_millis(20)).await;
        if self.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    pub fn log(&self) -> Vec<String> {
        self.with(|inner| inner.log.clone())
    }

    /// Every thing by name with its attributes, sorted, to compare two worlds.
    pub fn world(&self) -> Vec<String> {
        self.with(|inner| {
            let mut all: Vec<String> = inner
                .things
                .iter()
                .map(|thing| format!("{} {} {:?}", thing.kind, thing.name, thing.attrs))
                .collect();
            all.sort();
            all
        })
    }

    pub fn thing(&self, name: &str) -> Option<Thing> {
        self.with(|inner| inner.things.iter().find(|thing| thing.name == name).cloned())
    }

    pub fn change(&self, name: &str, change: impl FnOnce(&mut Thing)) {
        self.with(|inner| change(inner.things.iter_mut().find(|thing| thing.name == name).unwrap()));
    }

    pub fn delete_by_hand(&self, name: &str) {
        self.with(|inner| inner.things.retain(|thing| thing.name != name));
    }

    fn find<'a>(inner: &'a mut Inner, want: &Want) -> Option<&'a mut Thing> {
        let by_attrs: Option<Attrs> = want
            .kind
            .ends_with(".rule")
            .then(|| want.attrs.keys().map(|name| (name.clone(), want.ids(name, "id"))).collect());
        inner.things.iter_mut().find(|thing| {
            if let Some(attrs) = &by_attrs {
                return thing.kind == want.kind && thing.attrs == *attrs;
            }
            thing.kind == want.kind
                && match (&want.id, by_token(&want.kind)) {
                    (Some(id), _) => thing.id == *id,
                    (None, true) => thing.token == want.token,
                    (None, false) => thing.name == name(want),
                }
        })
    }

    fn apply(&self, want: &Want, op: &Op) -> Result<Reply, CloudError> {
        let now = self.now();
        let desired = self.desired(want);
        self.with(|inner| {
            inner.log.push(format!("{} {}", op.operation, want.name));
            let lag = inner.lag;
            let verb = op.operation.rsplit(':').next().unwrap_or_default();
            let exists = Self::find(inner, want).is_some();
            match verb {
                "Create" if exists && !by_token(&want.kind) => return Err(refusal(op, Retry::Exists)),
                "Create" if exists => {}
                "Create" => {
                    inner.ids += 1;
                    let id = format!("id-{}", inner.ids);
                    inner.things.push(Thing {
                        kind: want.kind.clone(),
                        name: name(want).to_owned(),
                        id: id.clone(),
                        attrs: desired,
                        tags: (!untagged(&want.kind)).then(|| want.tags.clone()),
                        token: want.token.clone(),
                        busy_until: now + TAKES,
                        visible_from: now + lag,
                    });
                    return Ok(Reply { id: Some(id), request_id: None });
                }
                "Modify" => match Self::find(inner, want) {
                    Some(thing) if thing.busy_until > now => {
                        return Err(refusal(op, Retry::After(Duration::from_secs(10))));
                    }
                    Some(thing) => {
                        thing.attrs = desired;
                        thing.busy_until = now + TAKES;
                    }
                    None => return Err(refusal(op, Retry::Gone)),
                },
                _ => {
                    let Some(id) = Self::find(inner, want).map(|thing| thing.id.clone()) else {
                        return Err(refusal(op, Retry::Gone));
                    };
                    let used =
                        |value: &Value| value.items().iter().any(|item| item.as_str() == Some(id.as_str()));
                    if inner.things.iter().any(|thing| thing.attrs.values().any(used)) {
                        return Err(refusal(op, Retry::After(Duration::from_secs(10))));
                    }
                    inner.things.retain(|thing| thing.id != id);
                }
            }
            Ok(Reply { id: Self::find(inner, want).map(|thing| thing.id.clone()), request_id: None })
        })
    }
}

/// Kinds that have no name of their own.
fn by_token(kind: &str) -> bool {
    matches!(kind, "ticket" | "cloudfront.invalidation")
}

fn untagged(kind: &str) -> bool {
    matches!(kind, "untagged" | "beanstalk.deployment")
}

fn name(want: &Want) -> &str {
    match want.kind.as_str() {
        "beanstalk.storage" => "the-storage",
        _ => &want.name,
    }
}

fn refusal(op: &Op, retry: Retry) -> CloudError {
    CloudError {
        operation: op.operation.clone(),
        code: "No".to_owned(),
        message: format!("{retry:?}, and the password hunter2 is told"),
        retry,
        in_doubt: false,
        request_id: None,
    }
}

#[async_trait]
impl Driver for Fake {
    fn permissions(&self) -> &'static [crate::cloud::Permission] {
        &[]
    }

    async fn observe(&self, _: &Clients, want: &Want) -> Result<Observed, CloudError> {
        self.breathe().await;
        let now = self.now();
        Ok(self.with(|inner| match Self::find(inner, want) {
            Some(thing) if thing.visible_from <= now => {
                let text = |text: &str| Value::from(text);
                let mut outputs = Attrs::from_iter([
                    ("id".to_owned(), text(&thing.id)),
                    ("name".to_owned(), text(&thing.name)),
                    ("bucket".to_owned(), text(&thing.name)),
                ]);
                if thing.busy_until <= now {
                    outputs.insert("endpoint".to_owned(), text(&format!("{}.{}", thing.name, thing.id)));
                    outputs.insert("cname".to_owned(), text(&format!("{}.example.com", thing.name)));
                }
                let mut attrs = thing.attrs.clone();
                attrs.shift_remove("password");
                attrs.shift_remove("unread");
                Observed::Present(Box::new(Present {
                    id: thing.id.clone(),
                    state: if thing.busy_until > now { State::Busy("busy".into()) } else { State::Settled },
                    attrs,
                    outputs,
                    tags: thing.tags.clone(),
                    ..Present::default()
                }))
            }
            _ => Observed::Absent,
        }))
    }

    fn desired(&self, want: &Want) -> Attrs {
        want.attrs.keys().map(|name| (name.clone(), want.ids(name, "id"))).collect()
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let op = |verb: &str| format!("{}:{verb}", want.kind);
        match seen {
            Observed::Absent => Next::Call(Op::create(&op("Create"))),
            Observed::Present(present) => match &present.state {
                State::Busy(why) => Next::Wait { poll: Duration::from_secs(10), why: why.clone() },
                _ if changes.is_empty() => Next::Done,
                _ => Next::Call(Op::new(&op("Modify"))),
            },
        }
    }

    fn next_delete(&self, want: &Want, seen: &Observed) -> Next {
        match seen {
            Observed::Absent => Next::Done,
            Observed::Present(present) => match &present.state {
                State::Busy(why) => Next::Wait { poll: Duration::from_secs(10), why: why.clone() },
                _ => Next::Call(Op::new(&format!("{}:Delete", want.kind))),
            },
        }
    }

    fn renewal(&self, want: &Want) -> Renewal {
        match want.kind.as_str() {
            "group" => Renewal::Held,
            "ticket" => Renewal::CreateFirst,
            _ => Renewal::DeleteFirst,
        }
    }

    async fn call(&self, _: &Clients, want: &Want, _: &Observed, op: &Op) -> Result<Reply, CloudError> {
        self.breathe().await;
        let line = format!("{} {}", op.operation, want.name);
        let fault = self.with(|inner| {
            inner.attempts += 1;
            if let Some((_, interrupt)) = inner.interrupt_at.as_ref().filter(|(at, _)| *at == line) {
                interrupt.stop();
            }
            let at = inner.attempts - 1;
            inner.faults.get(&at).or_else(|| inner.always.get(&line)).cloned()
        });
        let doubt = CloudError { in_doubt: true, ..refusal(op, Retry::Backoff) };
        match fault {
            None => self.apply(want, op),
            Some(Fault::Refuse(retry)) => Err(refusal(op, retry)),
            Some(Fault::LoseCall) => Err(doubt),
            Some(Fault::LoseReply) => self.apply(want, op).and(Err(doubt)),
            Some(Fault::DieBefore) => {
                self.die();
                std::future::pending().await
            }
            Some(Fault::DieAfter) => {
                let _ = self.apply(want, op);
                self.die();
                std::future::pending().await
            }
        }
    }
}

/// A journal whose process dies at the append of a given number, before or after it is written.
pub(super) struct Mortal {
    pub memory: Memory,
    pub cloud: &'static Fake,
    pub left: Arc<AtomicI64>,
    pub written: bool,
}

impl Store for Mortal {
    fn records(&self) -> Result<Vec<Record>, JournalError> {
        self.memory.records()
    }

    fn append(&mut self, token: u64, run: &str, time: i64, event: &Event) -> Result<u64, JournalError> {
        let dead = || JournalError::Storage {
            path: "dead".to_owned(),
            doing: "written",
            message: "the process is dead".to_owned(),
        };
        if self.cloud.dead.load(Ordering::SeqCst) {
            return Err(dead());
        }
        let dies = self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        if !dies || self.written {
            let seq = self.memory.append(token, run, time, event)?;
            if !dies {
                return Ok(seq);
            }
        }
        self.cloud.die();
        Err(dead())
    }

    fn holder(&self) -> Result<Option<LockHolder>, JournalError> {
        self.memory.holder()
    }

    fn lock(&mut self, owner: &Owner, instead_of: Option<u64>) -> Result<u64, JournalError> {
        self.memory.lock(owner, instead_of)
    }

    fn unlock(&mut self, token: u64) -> Result<(), JournalError> {
        if self.cloud.dead.load(Ordering::SeqCst) { Ok(()) } else { self.memory.unlock(token) }
    }

    fn key(&self) -> &[u8] {
        self.memory.key()
    }
}

/// Answers `503` until the cloud has something of this name, then `200` with its label.
#[async_trait]
impl Net for Fake {
    async fn fetch(&self, request: NetRequest) -> Result<NetReply, NetError> {
        self.breathe().await;
        let host = request.url.split('/').nth(2).unwrap_or_default().to_owned();
        let label = self.with(|inner| {
            let runs = inner.things.iter().find(|thing| thing.kind == "beanstalk.deployment");
            runs.and_then(|thing| thing.attrs.get("label")?.as_str().map(str::to_owned))
        });
        if host == "refused.example.com" {
            return Err(NetError::Refused(host));
        }
        let (status, body) = match label {
            Some(label) => (200, format!("hello from {label}")),
            None => (503, String::new()),
        };
        let headers = vec![("via".to_owned(), "1.1 CloudFront".to_owned())];
        Ok(NetReply { status, headers, body: body.into_bytes(), tls: None })
    }

    async fn connect(&self, _: &str, _: u16, _: Duration) -> Result<(), NetError> {
        Ok(())
    }
}
