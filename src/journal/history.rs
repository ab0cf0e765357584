//! What the records together say: the nodes that exist, what is in doubt, how far the rollout came.

use indexmap::{IndexMap, IndexSet};

use super::record::{Event, Op, Record};
use crate::eval::{Attrs, NodeId, Value};

/// A node as the journal knows it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its kind.
    pub kind: String,
    /// Its physical name.
    pub name: String,
    /// Its server-side id, as soon as a call gave it.
    pub id: Option<String>,
    /// The attributes last applied; secrets by name only.
    pub attrs: Attrs,
    /// What updates begun since then set, as their intents tell: raw settings that may have to be taken away again.
    pub begun: Vec<Attrs>,
    /// Keyed fingerprints of write-only attributes.
    pub fingerprints: IndexMap<String, String>,
    /// Its outputs when it was last ready.
    pub outputs: Attrs,
    /// The nodes it referred to.
    pub depends_on: Vec<NodeId>,
    /// Whether it was only looked up.
    pub existing: bool,
    /// Whether it was brought to its wanted state; otherwise only begun.
    pub ready: bool,
    /// When it was last created, by the run's clock.
    pub created: Option<i64>,
}

/// How far the rollout of the current chain of runs (a run and its resumptions) came.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Steps that ended well, with the fingerprint of what they did.
    pub done: IndexMap<String, String>,
    /// For the steps begun: their fingerprint.
    pub begun: IndexMap<String, String>,
    /// Actions done, with their facts.
    pub actions: IndexMap<(String, usize), Attrs>,
    /// Actions begun, with what was true before.
    pub started: IndexMap<(String, usize), Attrs>,
    /// What a rollback returns to: the version that each environment ran before the chain's first deployment to it,
    /// from the facts `environment` and `version` of the actions begun.
    pub versions: IndexMap<NodeId, Value>,
    /// How often the rollout failed and its `on failure` began: what it had deployed no longer counts as done.
    pub failures: usize,
}

/// The name under which the actions of `on failure` are recorded; no step can have it.
pub const ON_FAILURE: &str = "on failure";

/// The name under which what `vpipe rollback` does is recorded; no step can have it.
pub const ROLLBACK: &str = "vpipe rollback";

/// A run in the history.
#[derive(Clone, Debug)]
pub struct RunSummary {
    /// Its id.
    pub run: String,
    /// `run`, `destroy`.
    pub command: String,
    /// The file.
    pub file: String,
    /// When it began.
    pub began: i64,
    /// The last sign of life.
    pub last: i64,
    /// `ok`, `failed`, `interrupted`, `waiting`; `None` when it never said.
    pub result: Option<String>,
    /// Its error.
    pub error: Option<String>,
    /// Whether it continued an earlier one.
    pub resumed: bool,
}

/// Everything that is known from a journal.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The nodes that exist or may exist, in the order in which they were first made.
    pub nodes: IndexMap<NodeId, Known>,
    /// How often each node was gone: part of its client token, so that a node made anew is not taken for the old one.
    pub generations: IndexMap<NodeId, u64>,
    /// Calls without an outcome, by the intent's number.
    pub in_doubt: IndexMap<u64, (NodeId, Op)>,
    /// How far the rollout came.
    pub progress: Progress,
    /// The latest facts of each rollout action that ended well, over all runs.
    pub facts: IndexMap<(String, usize), Attrs>,
    /// When each version was last brought well to an environment.
    pub deployed: IndexMap<(NodeId, String), i64>,
    /// All runs, oldest first.
    pub runs: Vec<RunSummary>,
    /// Steps of the rollout that failed in the current chain.
    pub failed_steps: IndexSet<String>,
    /// The newest time in the journal, by the run's clock.
    pub newest: i64,
}

impl History {
    /// Folds the records.
    pub fn replay(records: impl IntoIterator<Item = Record>) -> Self {
        let mut history = Self::default();
        for record in records {
            history.apply(record);
        }
        history
    }

    /// The last run.
    pub fn last_run(&self) -> Option<&RunSummary> {
        self.runs.last()
    }

    /// Whether the last run did not end well: killed, failed, interrupted or waiting for an approval.
    pub fn unfinished(&self) -> bool {
        self.last_run().is_some_and(|run| run.result.as_deref() != Some("ok"))
    }

    /// Folds one more record.
    pub fn apply(&mut self, record: Record) {
        self.newest = self.newest.max(record.time);
        if let Some(run) = self.runs.last_mut() {
            run.last = record.time;
        }
        match record.event {
            Event::RunStarted { command, file, resumed, .. } => {
                if !resumed {
                    self.progress = Progress::default();
                    self.failed_steps.clear();
                }
                self.runs.push(RunSummary {
                    run: record.run,
                    command,
                    file,
                    began: record.time,
                    last: record.time,
                    result: None,
                    error: None,
                    resumed,
                });
            }
            Event::RunEnded { result, error } => {
                if let Some(run) = self.runs.last_mut() {
                    run.result = Some(result);
                    run.error = error;
                }
            }
            Event::Intent { node, kind, name, op, attrs, fingerprints, depends_on, .. } => {
                if op.creates {
                    let known = self.nodes.entry(node.clone()).or_default();
                    known.kind = kind;
                    known.name = name;
                    known.attrs = attrs;
                    known.fingerprints = fingerprints;
                    known.depends_on = depends_on;
                    known.created = Some(record.time);
                } else if let Some(known) = self.nodes.get_mut(&node).filter(|_| !attrs.is_empty()) {
                    known.begun.push(attrs);
                }
                self.in_doubt.insert(record.seq, (node, op));
            }
            Event::Outcome { intent, id, error } => {
                if let Some((node, op)) = self.in_doubt.shift_remove(&intent)
                    && op.creates
                    && let Some(known) = self.nodes.get_mut(&node)
                {
                    if error.is_some() {
                        known.created = None;
                    } else if id.is_some() {
                        known.id = id;
                    }
                }
            }
            Event::NodeReady { node, kind, name, id, attrs, fingerprints, outputs, depends_on, existing } => {
                let created = self.nodes.get(&node).and_then(|known| known.created);
                let known = Known {
                    kind,
                    name,
                    id: Some(id),
                    attrs,
                    begun: Vec::new(),
                    fingerprints,
                    outputs,
                    depends_on,
                    existing,
                    ready: true,
                    created,
                };
                self.in_doubt.retain(|_, (other, _)| *other != node);
                self.nodes.insert(node, known);
            }
            Event::NodeGone { node } => {
                self.nodes.shift_remove(&node);
                self.in_doubt.retain(|_, (other, _)| *other != node);
                *self.generations.entry(node).or_default() += 1;
            }
            Event::StepStarted { step, fingerprint } => {
                if self
                    .progress
                    .begun
                    .insert(step.clone(), fingerprint.clone())
                    .is_some_and(|old| old != fingerprint)
                {
                    // The step was edited: what it had done does not count.
                    self.progress.actions.retain(|(name, _), _| *name != step);
                    self.progress.started.retain(|(name, _), _| *name != step);
                }
                if step == ON_FAILURE {
                    self.progress.failures += 1;
                }
                self.failed_steps.shift_remove(&step);
            }
            Event::ActionStarted { step, action, facts } => {
                if let (Some(Value::String(environment)), Some(version)) =
                    (facts.get("environment"), facts.get("version"))
                {
                    self.progress.versions.entry(environment.clone()).or_insert_with(|| version.clone());
                }
                self.progress.started.entry((step, action)).or_insert(facts);
            }
            Event::ActionDone { step, action, facts } => {
                if let (Some(Value::String(environment)), Some(Value::String(version))) =
                    (facts.get("environment"), facts.get("version"))
                {
                    self.deployed.insert((environment.clone(), version.clone()), record.time);
                    // What was rolled back is so until the next deployment.
                    self.facts.retain(|(step, _), rolled| {
                        step != ROLLBACK || rolled.get("environment") != facts.get("environment")
                    });
                }
                self.facts.insert((step.clone(), action), facts.clone());
                self.progress.actions.insert((step, action), facts);
            }
            Event::StepEnded { step, error } => {
                if error.is_some() {
                    self.failed_steps.insert(step);
                } else if let Some(fingerprint) = self.progress.begun.get(&step) {
                    self.progress.done.insert(step.clone(), fingerprint.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(events: Vec<Event>) -> History {
        let record =
            |(n, event): (usize, Event)| Record { seq: n as u64 + 1, time: n as i64, run: "r".into(), event };
        History::replay(events.into_iter().enumerate().map(record))
    }

    fn intent(node: &str) -> Event {
        Event::Intent {
            node: node.into(),
            kind: "bucket".into(),
            name: "b".into(),
            op: Op::create("s3:CreateBucket"),
            token: "t".into(),
            fingerprint: "f".into(),
            attrs: Attrs::new(),
            fingerprints: IndexMap::new(),
            depends_on: Vec::new(),
        }
    }

    #[test]
    fn an_intent_without_an_outcome_is_in_doubt_and_may_exist() {
        let history = history(vec![intent("a")]);
        assert_eq!(history.in_doubt.len(), 1);
        assert!(!history.nodes["a"].ready);
    }

    #[test]
    fn an_outcome_settles_it_and_gives_the_id() {
        let history =
            history(vec![intent("a"), Event::Outcome { intent: 1, id: Some("id".into()), error: None }]);
        assert!(history.in_doubt.is_empty());
        assert_eq!(history.nodes["a"].id.as_deref(), Some("id"));
    }

    #[test]
    fn raw_settings_of_updates_begun_are_known_until_the_node_is_ready() {
        let set = Attrs::from_iter([("options".to_owned(), "x".into())]);
        let mut update = intent("a");
        if let Event::Intent { op, attrs, .. } = &mut update {
            *op = Op::new("elasticbeanstalk:UpdateEnvironment");
            *attrs = set.clone();
        }
        let ready = Event::NodeReady {
            node: "a".into(),
            kind: "bucket".into(),
            name: "b".into(),
            id: "b".into(),
            attrs: set.clone(),
            fingerprints: IndexMap::new(),
            outputs: Attrs::new(),
            depends_on: Vec::new(),
            existing: false,
        };
        let begun = history(vec![intent("a"), update.clone()]);
        assert_eq!(begun.nodes["a"].begun, std::slice::from_ref(&set));
        let done = history(vec![intent("a"), update, ready]);
        assert_eq!((&done.nodes["a"].attrs, done.nodes["a"].begun.len()), (&set, 0));
    }

    #[test]
    fn a_node_made_anew_has_another_generation() {
        let history = history(vec![intent("a"), Event::NodeGone { node: "a".into() }]);
        assert!(history.nodes.is_empty());
        assert_eq!(history.generations["a"], 1);
    }
}
