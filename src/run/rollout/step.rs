//! Steps and their actions: what is done, what was done before, what is done when it fails.

use indexmap::IndexMap;
use std::cell::RefCell;
use std::sync::Mutex;

use super::super::context::{Context, Failure, Stop};
use super::super::converge::{Made, converge};
use super::super::event::Event;
use super::super::outcome::{Took, Verified};
use super::super::schedule::{AT_ONCE, Fate, schedule};
use super::super::secrets;
use super::super::target::{Target, why_unknown};
use super::{bundle, command, deploy, expect, invalidate, render};
use crate::base::Span;
use crate::eval::{self, Action, ActionKind, Attrs, Condition, NodeId, Step, Value, show};
use crate::journal::{self, ON_FAILURE};

/// Runs the rollout. Gives the question when it waits for an approval; what failed is noted in the outcome.
pub(crate) async fn roll_out(ctx: &Context<'_>) -> Option<String> {
    let manifest = &ctx.job.manifest;
    let waiting = Mutex::new(None);
    let mut failed = false;
    for stage in &manifest.rollout {
        if failed || ctx.stopping() || waiting.lock().is_ok_and(|asked| asked.is_some()) {
            ctx.with(|state| state.outcome.skipped.extend(stage.iter().map(|step| step.name.clone())));
            continue;
        }
        let steps: IndexMap<&str, &Step> = stage.iter().map(|step| (step.name.as_str(), step)).collect();
        let tasks = steps.iter().map(|(name, step)| {
            let needs = step.needs.iter().filter_map(|need| steps.get_key_value(need.as_str()));
            (*name, needs.map(|(need, _)| *need).collect())
        });
        let fates = schedule(tasks.collect(), AT_ONCE, |name| {
            let (waiting, step) = (&waiting, steps.get(name).copied());
            async move {
                match step {
                    Some(step) => one(ctx, step, waiting).await,
                    None => Fate::Done,
                }
            }
        })
        .await;
        failed |= fates.values().any(|fate| *fate == Fate::Failed) && has_errors(ctx);
        let skipped = fates.iter().filter(|(_, fate)| **fate == Fate::Skipped);
        ctx.with(|state| state.outcome.skipped.extend(skipped.map(|(name, _)| (*name).to_owned())));
    }
    if failed && !ctx.stopping() && !manifest.on_failure.is_empty() {
        on_failure(ctx).await;
    }
    waiting.into_inner().unwrap_or_default()
}

fn has_errors(ctx: &Context<'_>) -> bool {
    ctx.with(|state| !state.outcome.errors.is_empty())
}

/// One step, from the first record to the last.
async fn one(ctx: &Context<'_>, step: &Step, waiting: &Mutex<Option<String>>) -> Fate {
    if ctx.stopping() {
        return Fate::Skipped;
    }
    let (name, began) = (step.name.clone(), ctx.now());
    let kinds: Vec<ActionKind> = step.actions.iter().map(|action| resolved(ctx, &action.kind)).collect();
    let fingerprint = fingerprint(ctx, &kinds);
    let done = ctx.with(|state| state.history.progress.done.get(&name) == Some(&fingerprint));
    if done && kinds.iter().all(|kind| still_there(ctx, kind)) {
        ctx.tell(Event::StepStarted { step: name.clone(), skipped: true, at: began });
        kinds.iter().enumerate().for_each(|(at, kind)| recall(ctx, &name, at, kind));
        ctx.tell(Event::StepEnded { step: name, error: None, at: began });
        return Fate::Done;
    }
    ctx.tell(Event::StepStarted { step: name.clone(), skipped: false, at: began });
    let work = async {
        ctx.append(journal::Event::StepStarted { step: name.clone(), fingerprint })?;
        for (at, action) in step.actions.iter().enumerate() {
            act(ctx, &name, at, action).await.map_err(|stop| (stop, action.span))?;
        }
        Ok::<(), Ended>(())
    };
    let result = work.await;
    let ok = result.is_ok();
    let took =
        Took { what: name.clone(), kind: "step".to_owned(), action: None, began, ended: ctx.now(), ok };
    ctx.with(|state| state.outcome.timeline.push(took));
    match result {
        Ok(()) => match ended(ctx, &name, None) {
            Ok(()) => Fate::Done,
            Err(_) => Fate::Failed,
        },
        Err(Ended(Stop::Failed(failure), span)) => {
            ctx.failed(&name, Some(span.unwrap_or(step.span)), &failure);
            // Should the record fail, the run stops anyway.
            let _ = ended(ctx, &name, Some(&failure));
            Fate::Failed
        }
        Err(Ended(Stop::Waiting(question), _)) => {
            if let Ok(mut waiting) = waiting.lock() {
                waiting.get_or_insert(question);
            }
            Fate::Failed
        }
        Err(Ended(Stop::Interrupted, _)) => Fate::Failed,
    }
}

/// Why a step ended, and where.
struct Ended(Stop, Option<Span>);

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Self {
        Ended(stop, None)
    }
}

impl From<(Stop, Span)> for Ended {
    fn from((stop, span): (Stop, Span)) -> Self {
        Ended(stop, Some(span))
    }
}

fn ended(ctx: &Context<'_>, step: &str, failure: Option<&Failure>) -> Result<(), Stop> {
    let error = failure.map(|failure| ctx.secrets.hide(&failure.message));
    ctx.append(journal::Event::StepEnded { step: step.to_owned(), error: error.clone() })?;
    ctx.tell(Event::StepEnded { step: step.to_owned(), error, at: ctx.now() });
    Ok(())
}

/// Does what the file says to do when the rollout fails: each action, even if one before it fails.
async fn on_failure(ctx: &Context<'_>) {
    let (actions, began) = (&ctx.job.manifest.on_failure, ctx.now());
    let kinds: Vec<ActionKind> = actions.iter().map(|action| resolved(ctx, &action.kind)).collect();
    let fingerprint = fingerprint(ctx, &kinds);
    ctx.tell(Event::StepStarted { step: ON_FAILURE.to_owned(), skipped: false, at: began });
    let mut first = None;
    let started = journal::Event::StepStarted { step: ON_FAILURE.to_owned(), fingerprint };
    if ctx.append(started).is_err() {
        return;
    }
    for (at, action) in actions.iter().enumerate() {
        match act(ctx, ON_FAILURE, at, action).await {
            Ok(()) => {}
            Err(Stop::Failed(failure)) => {
                ctx.failed(ON_FAILURE, Some(action.span), &failure);
                first.get_or_insert(failure);
            }
            Err(Stop::Interrupted | Stop::Waiting(_)) => return,
        }
    }
    let ok = first.is_none();
    let what = ON_FAILURE.to_owned();
    let took = Took { what, kind: "step".to_owned(), action: None, began, ended: ctx.now(), ok };
    ctx.with(|state| state.outcome.timeline.push(took));
    // Should the record fail, the run stops anyway.
    let _ = ended(ctx, ON_FAILURE, first.as_ref());
}

/// One action, unless it was done before.
async fn act(ctx: &Context<'_>, step: &str, index: usize, action: &Action) -> Result<(), Stop> {
    let kind = resolved(ctx, &action.kind);
    let before = ctx.with(|state| state.history.progress.actions.contains_key(&(step.to_owned(), index)));
    if before && step != ON_FAILURE && still_there(ctx, &kind) {
        recall(ctx, step, index, &kind);
        return Ok(());
    }
    ctx.go_on()?;
    let act = Act { ctx, step, index, words: RefCell::new(String::new()) };
    let done = match &kind {
        ActionKind::Run { .. } => command::run(&act, &kind).await,
        ActionKind::Render { template, to, with } => render::render(&act, template, to, with).await,
        ActionKind::Bundle { source, to } => bundle::bundle(&act, source, to).await,
        ActionKind::Upload { path, bucket, key } => deploy::upload(&act, path, bucket, key).await,
        ActionKind::Deploy { path, environment, label } => {
            deploy::deploy(&act, path, environment, label).await
        }
        ActionKind::Rollback { environment } => deploy::rollback(&act, environment).await,
        ActionKind::Invalidate { distribution, paths } => {
            invalidate::invalidate(&act, distribution, paths).await
        }
        ActionKind::Swap { a, b } => invalidate::swap(&act, a, b).await,
        ActionKind::Expect(probe) => expect::expect(&act, probe).await,
        ActionKind::Approve { message } => approve(&act, message),
        ActionKind::Wait(ms) => wait(&act, *ms).await,
    };
    let words = act.words.into_inner();
    match done {
        Ok(Done { result, facts }) => {
            let (step, words) = (step.to_owned(), ctx.secrets.hide(&words));
            ctx.append(journal::Event::ActionDone { step: step.clone(), action: index, facts })?;
            let result = ctx.secrets.hide(&result);
            ctx.tell(Event::ActionDone { step, action: words, result, at: ctx.now() });
            Ok(())
        }
        Err(Stop::Failed(failure)) if !words.is_empty() => {
            Err(Stop::Failed(Failure { message: format!("{words}: {}", failure.message), ..failure }))
        }
        Err(stop) => Err(stop),
    }
}

/// What came of an action.
pub(super) struct Done {
    /// For people.
    pub result: String,
    /// For the journal.
    pub facts: Attrs,
}

impl Done {
    pub fn new(result: impl Into<String>) -> Self {
        Self { result: result.into(), facts: Attrs::new() }
    }
}

/// An action at work.
pub(super) struct Act<'c, 'j> {
    pub ctx: &'c Context<'j>,
    pub step: &'c str,
    pub index: usize,
    words: RefCell<String>,
}

impl Act<'_, '_> {
    /// Tells what is being done, as the user would say it.
    pub fn say(&self, words: impl Into<String>) {
        let words = words.into();
        let action = self.ctx.secrets.hide(&words);
        self.words.replace(words);
        let step = self.step.to_owned();
        self.ctx.tell(Event::ActionStarted { step, action, at: self.ctx.now() });
    }

    /// Records that the action begins and what was true before it, unless it had begun before a crash: then what was
    /// true at that time is given.
    pub fn started(&self, facts: Attrs) -> Result<Attrs, Stop> {
        if let Some(facts) = self.began_with().filter(|_| self.step != ON_FAILURE) {
            return Ok(facts);
        }
        self.ctx.append(journal::Event::ActionStarted {
            step: self.step.to_owned(),
            action: self.index,
            facts: facts.clone(),
        })?;
        Ok(facts)
    }

    /// What was true when the action began in the run that this one resumes.
    pub fn began_with(&self) -> Option<Attrs> {
        let key = (self.step.to_owned(), self.index);
        self.ctx.with(|state| state.history.progress.started.get(&key).cloned())
    }

    /// Something that the action makes, as a node of its own.
    pub fn part(&self, suffix: &str, kind: &str, name: &str, attrs: Attrs, of: &[&str]) -> Target {
        Target {
            node: format!("rollout.{}[{}].{suffix}", self.step, self.index),
            kind: kind.to_owned(),
            name: name.to_owned(),
            attrs,
            depends_on: of.iter().map(|node| (*node).to_owned()).collect(),
            existing: false,
            span: None,
            part: true,
            lost: Default::default(),
        }
    }

    /// Brings about something that the action makes.
    pub async fn make(&self, part: Target) -> Result<Made, Stop> {
        converge(self.ctx, part).await
    }

    /// A text of the action.
    pub fn text(&self, what: &str, value: &Value) -> Result<String, Stop> {
        match value {
            Value::Secret(_) => Err(Failure::new(format!("{what} must not be a secret")).into()),
            value => plain_text(what, value),
        }
    }

    /// The physical name of a resource.
    pub fn name_of(&self, node: &str) -> String {
        self.ctx.job.manifest.nodes.get(node).map_or_else(|| node.to_owned(), |node| node.name.clone())
    }
}

/// The text of a value, without quotes.
pub(super) fn plain_text(what: &str, value: &Value) -> Result<String, Stop> {
    match value {
        Value::Secret(secret) => Ok(secret.reveal().to_owned()),
        value if !value.is_known() => Err(Failure::new(format!("{what} {}", why_unknown(value))).into()),
        value => Ok(value.as_str().map_or_else(|| show(value), str::to_owned)),
    }
}

/// Stops until a person resumes and approves.
fn approve(act: &Act<'_, '_>, message: &Value) -> Result<Done, Stop> {
    let question = act.text("the question", message)?;
    act.say(format!("approve \"{question}\""));
    let begun = act.began_with().is_some();
    act.started(Attrs::new())?;
    let job = act.ctx.job;
    // An approval is meant for the one that the run waits for; when none waits yet, for the first that comes.
    let granted = act.ctx.with(|state| {
        let granted = job.approved && !state.approval_used && (begun || !another_waits(job, state));
        state.approval_used |= granted;
        granted
    });
    if granted { Ok(Done::new("approved")) } else { Err(Stop::Waiting(question)) }
}

fn another_waits(job: &super::super::job::Job, state: &super::super::context::State) -> bool {
    let progress = &state.history.progress;
    let steps = job.manifest.rollout.iter().flatten();
    steps.flat_map(|step| step.actions.iter().enumerate().map(move |(at, action)| (step, at, action))).any(
        |(step, at, action)| {
            let key = (step.name.clone(), at);
            matches!(action.kind, ActionKind::Approve { .. })
                && progress.started.contains_key(&key)
                && !progress.actions.contains_key(&key)
                // The one that asks has just been recorded as begun; it is the last.
                && progress.started.keys().next_back() != Some(&key)
        },
    )
}

async fn wait(act: &Act<'_, '_>, ms: i64) -> Result<Done, Stop> {
    act.say(format!("wait {}", eval::show_duration(ms)));
    act.started(Attrs::new())?;
    act.ctx.sleep(std::time::Duration::from_millis(u64::try_from(ms).unwrap_or(0))).await?;
    Ok(Done::new("waited"))
}

/// An action with every output in it that is known.
fn resolved(ctx: &Context<'_>, kind: &ActionKind) -> ActionKind {
    let outputs = |node: &str, output: &str| ctx.output(node, output);
    let value = |value: &Value| eval::resolve(value, &outputs);
    let attrs = |attrs: &Attrs| -> Attrs { attrs.iter().map(|(k, v)| (k.clone(), value(v))).collect() };
    let node = |node: &NodeId| node.clone();
    match kind {
        ActionKind::Run { command, env, dir, produces, within } => ActionKind::Run {
            command: value(command),
            env: attrs(env),
            dir: dir.as_ref().map(value),
            produces: produces.as_ref().map(value),
            within: *within,
        },
        ActionKind::Render { template, to, with } => {
            ActionKind::Render { template: value(template), to: value(to), with: attrs(with) }
        }
        ActionKind::Bundle { source, to } => ActionKind::Bundle { source: value(source), to: value(to) },
        ActionKind::Upload { path, bucket, key } => {
            ActionKind::Upload { path: value(path), bucket: node(bucket), key: value(key) }
        }
        ActionKind::Deploy { path, environment, label } => {
            ActionKind::Deploy { path: value(path), environment: node(environment), label: value(label) }
        }
        ActionKind::Invalidate { distribution, paths } => {
            ActionKind::Invalidate { distribution: node(distribution), paths: value(paths) }
        }
        ActionKind::Expect(probe) => ActionKind::Expect(eval::Expect {
            target: value(&probe.target),
            conditions: probe
                .conditions
                .iter()
                .map(|condition| match condition {
                    Condition::Header { name, test, value: with } => {
                        Condition::Header { name: name.clone(), test: *test, value: value(with) }
                    }
                    Condition::Body { test, value: with } => {
                        Condition::Body { test: *test, value: value(with) }
                    }
                    other => other.clone(),
                })
                .collect(),
            ..probe.clone()
        }),
        ActionKind::Approve { message } => ActionKind::Approve { message: value(message) },
        ActionKind::Swap { .. } | ActionKind::Wait(_) | ActionKind::Rollback { .. } => kind.clone(),
    }
}

/// A fingerprint of what a step does. What `on failure` undid does not count as done: a step that did more than local
/// work has another fingerprint after that.
fn fingerprint(ctx: &Context<'_>, kinds: &[ActionKind]) -> String {
    let mut parts = Vec::new();
    for kind in kinds {
        parts.push(serde_json::to_string(kind).unwrap_or_default());
        let mut found = Vec::new();
        secrets::in_action(kind, &mut found);
        parts.extend(found.iter().map(|secret| secret.reveal().to_owned()));
    }
    if !kinds.iter().all(is_local) {
        parts.push(ctx.with(|state| state.history.progress.failures).to_string());
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    ctx.job.journal().fingerprint(&parts)
}

fn is_local(kind: &ActionKind) -> bool {
    matches!(
        kind,
        ActionKind::Run { .. } | ActionKind::Render { .. } | ActionKind::Bundle { .. } | ActionKind::Wait(_)
    )
}

/// Whether the files that an action made are still there. On another machine they may not be.
fn still_there(ctx: &Context<'_>, kind: &ActionKind) -> bool {
    let made = match kind {
        ActionKind::Run { produces, .. } => produces.as_ref(),
        ActionKind::Render { to, .. } | ActionKind::Bundle { to, .. } => Some(to),
        _ => None,
    };
    made.and_then(Value::as_str).is_none_or(|path| ctx.job.world.path(path).exists())
}

/// Counts what an `expect` of the run that is resumed had established.
fn recall(ctx: &Context<'_>, step: &str, index: usize, kind: &ActionKind) {
    let ActionKind::Expect(_) = kind else { return };
    let key = (step.to_owned(), index);
    ctx.with(|state| {
        let Some(facts) = state.history.progress.actions.get(&key) else { return };
        let fact = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let verified = Verified { step: step.to_owned(), probe: fact("probe"), found: fact("found") };
        state.outcome.verified.push(verified);
    });
}
