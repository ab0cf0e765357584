//! What all tasks of a run share: the job, what is known, what was found, and how to tell and record.

use indexmap::{IndexMap, IndexSet};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::event::Event;
use super::interrupt::Interrupt;
use super::job::Job;
use super::outcome::{NodeError, Outcome};
use super::retry::Budget;
use super::secrets::Secrets;
use crate::base::Span;
use crate::cloud::{Driver, Present};
use crate::eval::{Attrs, NodeId, Value};
use crate::journal::{self, History, JournalError, Record};

/// Why a task ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// It failed.
    Failed(Failure),
    /// The user stopped the run, or the journal failed.
    Interrupted,
    /// It waits for an approval; the text is what the person is asked.
    Waiting(String),
}

/// What failed, and what to do.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub message: String,
    pub help: Option<String>,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

/// What changes while a run goes on.
#[derive(Default)]
pub(super) struct State {
    /// What the journal says, kept up with every record.
    pub history: History,
    /// What was found or made, by node.
    pub live: IndexMap<NodeId, Present>,
    /// In a plan: nodes that would be made anew, whose outputs are not known.
    pub pending: IndexSet<NodeId>,
    /// What the plan that was approved shows to be replaced or deleted; `None` where nobody approved one.
    pub approved: Option<IndexSet<NodeId>>,
    /// Nodes that were deleted to be made anew.
    pub replaced: IndexSet<NodeId>,
    /// What the caller gets in the end.
    pub outcome: Outcome,
    /// Whether the approval given on the command line was used up.
    pub approval_used: bool,
    fatal: Option<JournalError>,
}

/// What all tasks of a run share.
pub(super) struct Context<'a> {
    pub job: &'a Job,
    pub secrets: Secrets,
    /// The first run of the chain of runs that this one continues.
    pub chain: String,
    /// How often calls may be tried again.
    pub budget: Budget,
    state: Mutex<State>,
    /// One task at a time works on a node.
    locks: Mutex<HashMap<NodeId, Arc<tokio::sync::Mutex<()>>>>,
    /// Set when the journal failed.
    halt: Interrupt,
}

impl<'a> Context<'a> {
    pub fn new(job: &'a Job, history: History) -> Self {
        // Whatever was read before, somebody else may have changed since.
        job.world.clients.shared.changed();
        let chain = history.runs.iter().rev().find(|run| !run.resumed);
        Self {
            job,
            secrets: Secrets::of(&job.manifest),
            chain: chain.map(|run| run.run.clone()).unwrap_or_default(),
            budget: Budget::default(),
            state: Mutex::new(State { history, ..State::default() }),
            locks: Mutex::default(),
            halt: Interrupt::default(),
        }
    }

    /// Fails where a node would go although the plan that was approved does not say so. `why` is what is known of the
    /// cause, in words.
    pub fn may_go(&self, node: &str, why: Option<String>) -> Result<(), Failure> {
        let id = super::aside::original(node).unwrap_or(node);
        // A separate block goes with its resource.
        let of = |plan: &IndexSet<NodeId>| {
            plan.iter().any(|goes| {
                id.strip_prefix(goes.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }) || plan.contains(node)
        };
        let approved = |state: &mut State| state.approved.as_ref().is_none_or(of);
        if self.with(approved) {
            return Ok(());
        }
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let message = format!(
            "`{id}` would now have to be replaced or deleted, which the approved plan does not say{why}"
        );
        Err(Failure::new(message).help(
            "something changed since the plan was made: run `vpipe plan` again and see what it says now",
        ))
    }

    /// Looks at or changes the state. Must not be called inside itself.
    pub fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The state, when all tasks are done, and the journal's error, if it failed.
    pub fn into_state(self) -> (State, Option<JournalError>) {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let fatal = state.fatal.take();
        (state, fatal)
    }

    pub fn now(&self) -> i64 {
        self.job.world.now()
    }

    /// Tells whoever watches.
    pub fn tell(&self, event: Event) {
        (self.job.listener)(event);
    }

    /// Records durably. When that fails, the whole run stops.
    pub fn append(&self, event: journal::Event) -> Result<u64, Stop> {
        let time = self.now();
        let written = self.job.journal().append(time, &event);
        match written {
            Ok(seq) => {
                self.with(|state| {
                    state.history.apply(Record { seq, time, run: String::new(), event });
                });
                Ok(seq)
            }
            Err(error) => {
                self.with(|state| {
                    state.fatal.get_or_insert(error);
                });
                self.halt.stop();
                Err(Stop::Interrupted)
            }
        }
    }

    /// Whether no new call may start.
    pub fn stopping(&self) -> bool {
        self.halt.is_stopped() || self.job.interrupt.is_stopped()
    }

    /// Ends the task when no new call may start.
    pub fn go_on(&self) -> Result<(), Stop> {
        if self.stopping() { Err(Stop::Interrupted) } else { Ok(()) }
    }

    /// Waits until no new call may start.
    pub async fn stopped(&self) {
        tokio::select! {
            () = self.halt.stopped() => {}
            () = self.job.interrupt.stopped() => {}
        }
    }

    /// Lets time pass, unless the run is stopped.
    pub async fn sleep(&self, pause: Duration) -> Result<(), Stop> {
        self.go_on()?;
        tokio::select! {
            biased;
            () = self.stopped() => Err(Stop::Interrupted),
            () = self.job.world.sleep(pause) => Ok(()),
        }
    }

    /// The lock of one node.
    pub fn lock_of(&self, node: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.entry(node.to_owned()).or_default().clone()
    }

    /// The driver of a kind.
    pub fn driver(&self, kind: &str) -> Result<&'static dyn Driver, Failure> {
        (self.job.drivers)(kind).ok_or_else(|| Failure::new(format!("this vpipe has no driver for `{kind}`")))
    }

    /// An output of a node that exists.
    pub fn output(&self, node: &str, output: &str) -> Option<Value> {
        self.with(|state| {
            if state.pending.contains(node) {
                return None;
            }
            state.live.get(node)?.outputs.get(output).cloned()
        })
    }

    /// The outputs of a node: as found in this run, else as the journal has them.
    pub fn outputs(&self, node: &str) -> Option<Attrs> {
        self.with(|state| {
            if state.pending.contains(node) {
                return None;
            }
            let live = state.live.get(node).map(|present| present.outputs.clone());
            live.or_else(|| state.history.nodes.get(node).map(|known| known.outputs.clone()))
        })
    }

    /// Notes and tells that a node or step failed.
    pub fn failed(&self, node: &str, span: Option<Span>, failure: &Failure) {
        let message = self.secrets.hide(&failure.message);
        let help = failure.help.as_deref().map(|help| self.secrets.hide(help));
        let error = NodeError { node: node.to_owned(), span, message, help };
        self.with(|state| state.outcome.errors.push(error));
    }
}
