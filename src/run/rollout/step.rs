//! Steps and their actions: what is done, what was done before, what is done when it fails.

use indexmap::IndexMap;
use std::cell::RefCell;
use std::sync::Mutex;
use std::time::Duration;

use super::super::context::{Context, Failure, Stop};
use super::super::event::Event;
use super::super::outcome::{Took, Verified};
use super::super::schedule::{AT_ONCE, Fate, schedule};
use super::act::{Act, Done, approve, wait};
use super::inputs::{fingerprint, resolved, still_there};
use super::{bundle, command, deploy, expect, invalidate, render};
use crate::base::Span;
use crate::eval::{Action, ActionKind, Step, Value};
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
    let within = action.within.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
    let act = Act { ctx, step, index, within, words: RefCell::new(String::new()) };
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
