//! The two commands that change things: run and destroy, from the lock to the last record.

use indexmap::{IndexMap, IndexSet};

use super::aside::{original, set_aside_nodes};
use super::context::{Context, State, Stop};
use super::converge::converge;
use super::event::Event;
use super::job::{Job, RunError};
use super::look::{gone, order, strays};
use super::outcome::{Ended, Outcome, Took};
use super::remove::{forget, is_part, remove};
use super::rollout::roll_out;
use super::schedule::{AT_ONCE, Fate, schedule};
use super::target::Target;
use crate::eval::{self, NodeId};
use crate::journal::{self, JournalError, Known, Owner};
use crate::plan::{Action, Plan};

/// A task on a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Task {
    Make(NodeId),
    Remove(NodeId),
}

pub(super) async fn apply(job: &Job, resume: bool, plan: Option<&Plan>) -> Result<Outcome, RunError> {
    let order = order(job)?;
    let ctx = begin(job, "run", resume)?;
    ctx.with(|state| state.approved = plan.map(going));
    let gone = ctx.with(|state| gone(&state.history, job));
    let tasks = run_tasks(&ctx, &order, &gone);
    let fates = schedule(tasks, AT_ONCE, |task| work(&ctx, &gone, task)).await;
    note_skipped(&ctx, &fates);
    let mut all_done = fates.values().all(|fate| *fate == Fate::Done);
    if all_done && !ctx.stopping() {
        all_done = clear_aside(&ctx).await;
    }
    let waiting = if all_done && !ctx.stopping() { roll_out(&ctx).await } else { None };
    let known = |node: &str, output: &str| ctx.output(node, output);
    let resolved = |(name, value): (&String, &eval::Value)| (name.clone(), eval::resolve(value, &known));
    let outputs = job.manifest.outputs.iter().map(resolved).collect();
    ctx.with(|state| state.outcome.outputs = outputs);
    end(ctx, waiting)
}

pub(super) async fn destroy(job: &Job, resume: bool, plan: Option<&Plan>) -> Result<Outcome, RunError> {
    let ctx = begin(job, "destroy", resume)?;
    ctx.with(|state| state.approved = plan.map(going));
    let known = ctx.with(|state| state.history.nodes.clone());
    let known: IndexMap<NodeId, Known> =
        known.into_iter().filter(|(_, known)| !is_part(&known.kind)).collect();
    let strays: IndexMap<NodeId, Target> = match strays(&ctx).await {
        Ok(strays) => strays.into_iter().map(|target| (target.node.clone(), target)).collect(),
        Err(_) => IndexMap::new(),
    };
    let mut tasks: IndexMap<Task, Vec<Task>> = IndexMap::new();
    let needs = |id: &NodeId| -> Vec<NodeId> {
        let stray = strays.get(id).map(|target| &target.depends_on);
        stray.or_else(|| known.get(id).map(|known| &known.depends_on)).cloned().unwrap_or_default()
    };
    let ids: Vec<NodeId> = known.keys().chain(strays.keys()).rev().cloned().collect();
    for id in &ids {
        let was = original(id).map(str::to_owned);
        let held =
            |needs: Vec<NodeId>| needs.contains(id) || was.as_ref().is_some_and(|was| needs.contains(was));
        let holders = ids.iter().filter(|other| held(needs(other)));
        tasks.insert(Task::Remove(id.clone()), holders.cloned().map(Task::Remove).collect());
    }
    let (ctx_ref, known_ref, strays_ref) = (&ctx, &known, &strays);
    let fates = schedule(tasks, AT_ONCE, |task| async move {
        match &task {
            Task::Remove(id) if strays_ref.contains_key(id) => {
                take_away(ctx_ref, strays_ref.get(id).cloned()).await
            }
            task => work(ctx_ref, known_ref, task.clone()).await,
        }
    })
    .await;
    note_skipped(&ctx, &fates);
    if fates.values().all(|fate| *fate == Fate::Done) {
        // What the rollout made went with its bucket, application or distribution.
        let parts = ctx.with(|state| state.history.nodes.keys().cloned().collect::<Vec<_>>());
        for part in parts {
            if forget(&ctx, &part).is_err() {
                break;
            }
        }
    }
    end(ctx, None)
}

/// The nodes that a plan shows to be replaced or deleted.
fn going(plan: &Plan) -> IndexSet<NodeId> {
    let goes = |action| matches!(action, Action::Replace | Action::Delete);
    plan.nodes.iter().filter(|node| goes(node.action)).map(|node| node.id.clone()).collect()
}

/// What a run does to nodes, and what each waits for.
fn run_tasks(
    ctx: &Context<'_>,
    order: &[NodeId],
    gone: &IndexMap<NodeId, Known>,
) -> IndexMap<Task, Vec<Task>> {
    let nodes = &ctx.job.manifest.nodes;
    let mut tasks: IndexMap<Task, Vec<Task>> = IndexMap::new();
    for node in order.iter().filter_map(|id| nodes.get(id)) {
        let mut needs: Vec<Task> = node.depends_on.iter().cloned().map(Task::Make).collect();
        // A rule that was reworded has a new id. The old one goes first: were the new one to find it there and take it
        // for its own, it would be deleted under its hands.
        let same_kind = gone.iter().filter(|(_, known)| node.kind.contains('.') && known.kind == node.kind);
        needs.extend(same_kind.map(|(id, _)| Task::Remove(id.clone())));
        tasks.insert(Task::Make(node.id.clone()), needs);
    }
    let history = ctx.with(|state| state.history.nodes.clone());
    for id in gone.keys().rev() {
        // Deleted after all that held on to it have let go or are gone themselves; what was set aside, after all that
        // held on to what it was.
        let was = original(id);
        let holders = history.iter().filter(|(holder, known)| {
            let held = |id: &str| known.depends_on.iter().any(|needed| needed == id);
            held(id) || was.is_some_and(|was| held(was) || *holder == was)
        });
        let task = |(holder, _): (&NodeId, &Known)| match nodes.contains_key(holder) {
            true => Task::Make(holder.clone()),
            false => Task::Remove(holder.clone()),
        };
        tasks.insert(Task::Remove(id.clone()), holders.map(task).collect());
    }
    tasks
}

/// Deletes what was set aside to be replaced, now that all who held on to it have the new one. Gives whether all of it is
/// gone.
async fn clear_aside(ctx: &Context<'_>) -> bool {
    let old = set_aside_nodes(ctx);
    let mut tasks: IndexMap<Task, Vec<Task>> = IndexMap::new();
    for id in old.keys() {
        let holders = old.iter().filter(|(_, known)| known.depends_on.contains(id));
        let holders = holders.map(|(holder, _)| Task::Remove(holder.clone()));
        tasks.insert(Task::Remove(id.clone()), holders.collect());
    }
    let fates = schedule(tasks, AT_ONCE, |task| work(ctx, &old, task)).await;
    note_skipped(ctx, &fates);
    // Some leave together with what the new ones share with them, such as the record that proves a domain.
    for node in old.keys().filter_map(|id| ctx.job.manifest.nodes.get(original(id)?)) {
        let again = converge(ctx, Target::of(ctx, node)).await;
        if let Err(Stop::Failed(failure)) = again {
            ctx.failed(&node.id, Some(node.span), &failure);
            return false;
        }
    }
    fates.values().all(|fate| *fate == Fate::Done)
}

/// Works on one node, and tells and notes how it went.
async fn work(ctx: &Context<'_>, gone: &IndexMap<NodeId, Known>, task: Task) -> Fate {
    match &task {
        Task::Make(id) => make(ctx, id).await,
        Task::Remove(id) => {
            // It may have been deleted, as what could not live without something replaced.
            let known = ctx.with(|state| state.history.nodes.get(id).cloned());
            let known = known.filter(|_| gone.contains_key(id));
            take_away(ctx, known.map(|known| Target::known(ctx, id, &known))).await
        }
    }
}

async fn make(ctx: &Context<'_>, id: &str) -> Fate {
    let Some(node) = ctx.job.manifest.nodes.get(id) else { return Fate::Done };
    if ctx.stopping() {
        return Fate::Skipped;
    }
    let began = ctx.now();
    let made = converge(ctx, Target::of(ctx, node)).await;
    let action = made.as_ref().ok().map(|made| made.action);
    if let Some(action) = action {
        ctx.with(|state| count(state, action));
        ctx.tell(Event::NodeDone { node: id.to_owned(), action, at: ctx.now() });
    }
    finish(ctx, id, &node.kind, Some(node.span), action, began, made.map(|_| ()))
}

async fn take_away(ctx: &Context<'_>, target: Option<Target>) -> Fate {
    let Some(target) = target else { return Fate::Done };
    if ctx.stopping() {
        return Fate::Skipped;
    }
    let (id, kind, span, began) = (target.node.clone(), target.kind.clone(), target.span, ctx.now());
    let action = Action::Delete;
    if target.existing {
        return if forget(ctx, &id).is_ok() { Fate::Done } else { Fate::Failed };
    }
    ctx.tell(Event::NodeStarted { node: id.clone(), kind: kind.clone(), action, at: began });
    let lock = ctx.lock_of(&id);
    let _alone = lock.lock().await;
    let removed = if target.protected() {
        let failure = super::context::Failure::new(format!("`{id}` is protected and is not deleted"));
        let help = match ctx.job.manifest.nodes.contains_key(&id) {
            true => "say `protect = false`",
            false => "put it back into the file with `protect = false` and run, then take it out",
        };
        Err(Stop::Failed(failure.help(help)))
    } else {
        remove(ctx, target, None).await
    };
    if let Ok(found) = &removed {
        if *found {
            ctx.with(|state| count(state, action));
        }
        ctx.tell(Event::NodeDone { node: id.clone(), action, at: ctx.now() });
    }
    finish(ctx, &id, &kind, span, Some(action), began, removed.map(|_| ()))
}

fn finish(
    ctx: &Context<'_>,
    id: &str,
    kind: &str,
    span: Option<crate::base::Span>,
    action: Option<Action>,
    began: i64,
    result: Result<(), Stop>,
) -> Fate {
    let ended = ctx.now();
    let ok = result.is_ok();
    let took = Took { what: id.to_owned(), kind: kind.to_owned(), action, began, ended, ok };
    ctx.with(|state| state.outcome.timeline.push(took));
    match result {
        Ok(()) => Fate::Done,
        Err(Stop::Failed(failure)) => {
            ctx.failed(id, span, &failure);
            let error = ctx.secrets.hide(&failure.message);
            ctx.tell(Event::NodeFailed { node: id.to_owned(), error, at: ended });
            Fate::Failed
        }
        Err(_) => Fate::Failed,
    }
}

fn count(state: &mut State, action: Action) {
    let done = &mut state.outcome.done;
    match action {
        Action::Create => done.create += 1,
        Action::Update => done.change += 1,
        Action::Replace => done.replace += 1,
        Action::Delete => done.delete += 1,
        Action::Keep => done.unchanged += 1,
        Action::Read => {}
    }
}

fn note_skipped(ctx: &Context<'_>, fates: &IndexMap<Task, Fate>) {
    let skipped = fates.iter().filter(|(_, fate)| **fate == Fate::Skipped);
    let names = skipped.map(|(task, _)| match task {
        Task::Make(id) | Task::Remove(id) => id.clone(),
    });
    ctx.with(|state| state.outcome.skipped.extend(names));
}

/// Takes the lock and records that a run begins.
pub(super) fn begin<'j>(job: &'j Job, command: &'static str, resume: bool) -> Result<Context<'j>, RunError> {
    let mut notes = Vec::new();
    let history = {
        let mut journal = job.journal();
        let holder = journal.holder()?;
        let dead = match holder {
            Some(holder) if !holder.owner.is_dead() => return Err(RunError::Locked(holder)),
            dead => dead,
        };
        // The number of the run is its name. It is certain once the lock is held.
        let mut number = journal.history()?.runs.len() + 1;
        loop {
            let owner = Owner::current(number.to_string(), wall_clock());
            journal.lock(&owner, dead.as_ref())?;
            let runs = journal.history()?.runs.len() + 1;
            if runs == number {
                break;
            }
            journal.unlock()?;
            number = runs;
        }
        if let Some(dead) = dead {
            notes.push(format!(
                "run {} of {} (process {}) ended without giving back its lock; it was taken over",
                dead.owner.run, dead.owner.user, dead.owner.pid
            ));
        }
        journal.history()?
    };
    let unfinished = if history.unfinished() { history.last_run() } else { None };
    let resumed = match unfinished.filter(|_| resume) {
        Some(last) if last.command != command => {
            let last = last.command.clone();
            job.journal().unlock()?;
            return Err(RunError::OtherCommand { last, now: command });
        }
        last => last.is_some(),
    };
    let event = journal::Event::RunStarted {
        command: command.to_owned(),
        file: job.file.clone(),
        fingerprint: job.source_fingerprint.clone(),
        vpipe: env!("CARGO_PKG_VERSION").to_owned(),
        resumed,
    };
    let history = {
        let mut journal = job.journal();
        journal.append(job.world.now(), &event)?;
        journal.history().or_else(|error| {
            journal.unlock()?;
            Err::<_, JournalError>(error)
        })?
    };
    let ctx = Context::new(job, history);
    ctx.with(|state| state.outcome.notes = notes);
    Ok(ctx)
}

/// Records how the run ended and gives the lock back.
pub(super) fn end(ctx: Context<'_>, waiting: Option<String>) -> Result<Outcome, RunError> {
    let job = ctx.job;
    let interrupted = ctx.stopping();
    let result = ctx.with(|state| match waiting {
        _ if !state.outcome.errors.is_empty() => Ended::Failed,
        _ if interrupted => Ended::Interrupted,
        Some(question) => Ended::Waiting(question),
        None if state.outcome.skipped.is_empty() => Ended::Ok,
        None => Ended::Failed,
    });
    let error = ctx.with(|state| state.outcome.errors.first().map(ToString::to_string));
    // Should this fail as well, the error is kept in the context.
    let _ = ctx.append(journal::Event::RunEnded { result: result.word().to_owned(), error });
    let unlocked = job.journal().unlock();
    let (state, fatal) = ctx.into_state();
    if let Some(error) = fatal {
        return Err(error.into());
    }
    unlocked?;
    Ok(Outcome { result, ..state.outcome })
}

/// The lock says when it was taken by the machine's clock, whatever clock the run goes by.
fn wall_clock() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
