//! Planning: looks at every node and says what a run would do to it.

use indexmap::{IndexMap, IndexSet};

use super::aside::renewal;
use super::compare::{changed_secrets, changes, ours, refused};
use super::context::{Context, Failure, Stop};
use super::converge::{missing, renamed};
use super::job::{Job, RunError};
use super::pursuit::Pursuit;
use super::remove::is_part;
use super::rollout::would_deploy;
use super::schedule::{AT_ONCE, Fate, schedule};
use super::target::{Target, attribute, refers_to};
use crate::cloud::{Driver, Next, Observed, Present, Want};
use crate::eval::{ActionKind, Attrs, Deferred, NodeId, Value};
use crate::journal::{History, Known, ROLLBACK};
use crate::plan::{self, Action, Change, Deployment, Plan, PlanNode};
use crate::schema::OnChange;

/// What a run would do.
pub(super) async fn plan(job: &Job) -> Result<Plan, RunError> {
    let history = job.journal().history()?;
    let ctx = Context::new(job, history);
    let mut found = look_at_all(&ctx).await?;
    let order = order(job)?;
    let mut nodes: Vec<PlanNode> = order.iter().filter_map(|id| found.shift_remove(id)).collect();
    let gone = ctx.with(|state| gone(&state.history, job));
    nodes.extend(look_at_gone(&ctx, gone, "no longer in the file").await?);
    let deployments = deployments(&ctx).await;
    let (pipeline, stage) = (job.manifest.pipeline.clone(), job.manifest.stage.clone());
    Ok(Plan { pipeline, stage, nodes, deployments })
}

/// What a destruction would do.
pub(super) async fn plan_destroy(job: &Job) -> Result<Plan, RunError> {
    let history = job.journal().history()?;
    let ctx = Context::new(job, history);
    let known = ctx.with(|state| state.history.nodes.clone());
    let known = known.into_iter().filter(|(_, known)| !known.existing && !is_part(&known.kind)).collect();
    let mut nodes = look_at_gone(&ctx, known, "").await?;
    let strays = strays(&ctx).await?;
    let stray = |target: Target| PlanNode {
        id: target.node,
        kind: target.kind,
        name: target.name,
        action: Action::Delete,
        changes: Vec::new(),
        reason: "not in the journal; found by its tags".to_owned(),
    };
    nodes.splice(0..0, strays.into_iter().rev().map(stray));
    let (pipeline, stage) = (job.manifest.pipeline.clone(), job.manifest.stage.clone());
    Ok(Plan { pipeline, stage, nodes, deployments: Vec::new() })
}

/// What runs where the rollout deploys to, of the environments that exist.
async fn deployments(ctx: &Context<'_>) -> Vec<Deployment> {
    let mut found: Vec<Deployment> = Vec::new();
    for action in ctx.job.manifest.rollout.iter().flatten().flat_map(|step| &step.actions) {
        let ActionKind::Deploy { path, environment, label } = &action.kind else { continue };
        let runs = ctx.with(|state| {
            let present = state.live.get(environment).filter(|_| !state.pending.contains(environment))?;
            Some(present.detail.get("version")?.as_str().map(str::to_owned))
        });
        let Some(runs) = runs else { continue };
        let rolled_back = ctx.with(|state| {
            let facts = state.history.facts.iter().filter(|((step, _), _)| step == ROLLBACK);
            let here = facts.map(|(_, facts)| facts).find(|facts| {
                let text = |name: &str| facts.get(name).and_then(Value::as_str);
                text("environment") == Some(environment) && text("version") == runs.as_deref()
            });
            here?.get("from")?.as_str().map(str::to_owned)
        });
        let would = would_deploy(ctx, path, label).await;
        found.push(Deployment { environment: environment.clone(), runs, rolled_back, would });
    }
    found
}

/// The nodes of the manifest, each after those that it depends on.
pub(super) fn order(job: &Job) -> Result<Vec<NodeId>, RunError> {
    Ok(plan::order(job.manifest.nodes.values().map(|node| (node.id.as_str(), node.depends_on.as_slice())))?)
}

/// The nodes of the journal that the file no longer has.
pub(super) fn gone(history: &History, job: &Job) -> IndexMap<NodeId, Known> {
    let kept = |id: &NodeId| job.manifest.nodes.contains_key(id);
    let gone = history.nodes.iter().filter(|(id, known)| !kept(id) && !is_part(&known.kind));
    gone.map(|(id, known)| (id.clone(), known.clone())).collect()
}

async fn look_at_all(ctx: &Context<'_>) -> Result<IndexMap<NodeId, PlanNode>, RunError> {
    let manifest = &ctx.job.manifest;
    let found = std::sync::Mutex::new(IndexMap::new());
    let tasks = order(ctx.job)?
        .into_iter()
        .filter_map(|id| Some((id.clone(), manifest.nodes.get(&id)?.depends_on.clone())));
    schedule(tasks.collect(), AT_ONCE, |id| {
        let found = &found;
        async move {
            let Some(node) = manifest.nodes.get(&id) else { return Fate::Done };
            match look(ctx, Target::of(ctx, node)).await {
                Ok(planned) => {
                    if let Ok(mut found) = found.lock() {
                        found.insert(id, planned);
                    }
                    Fate::Done
                }
                Err(Stop::Failed(failure)) => {
                    ctx.failed(&id, Some(node.span), &failure);
                    Fate::Failed
                }
                Err(_) => Fate::Failed,
            }
        }
    })
    .await;
    errors(ctx)?;
    Ok(found.into_inner().unwrap_or_default())
}

fn errors(ctx: &Context<'_>) -> Result<(), RunError> {
    if ctx.stopping() {
        return Err(RunError::Interrupted);
    }
    let errors = ctx.with(|state| std::mem::take(&mut state.outcome.errors));
    if errors.is_empty() { Ok(()) } else { Err(RunError::Nodes(errors)) }
}

/// Looks at one node.
async fn look(ctx: &Context<'_>, target: Target) -> Result<PlanNode, Stop> {
    if let Some(old) = renamed(ctx, &target) {
        renewal(ctx, &old, true)?;
        let reason = if old.kind == target.kind { "its name changes" } else { "it becomes another kind" };
        return Ok(anew(ctx, target, Vec::new(), reason.to_owned()));
    }
    let known = ctx.with(|state| state.history.nodes.get(&target.node).cloned());
    let waits = target.attrs.values().any(|value| !value.is_known()) || refers_to_pending(ctx, &target);
    if let Some(held) = held_by_pending(ctx, &target, known.as_ref()) {
        return Ok(anew(ctx, target, Vec::new(), format!("`{held}` is made anew")));
    }
    if waits && known.is_none() && target.is_block() {
        return Ok(create(ctx, target, ""));
    }
    let mut pursuit = Pursuit::new(ctx, target.clone())?;
    let seen = match pursuit.observe().await {
        Ok(seen) => seen,
        // What it is found by may not exist yet.
        Err(Stop::Failed(_)) if waits && known.is_none() => Observed::Absent,
        Err(stop) => return Err(stop),
    };
    match seen {
        Observed::Absent if target.existing && waits => {
            ctx.with(|state| state.pending.insert(target.node.clone()));
            Ok(planned(target, Action::Read, Vec::new(), String::new()))
        }
        Observed::Absent if target.existing => Err(missing(ctx, &target).into()),
        Observed::Absent => {
            let reason = match known {
                Some(known) if known.ready => "it was deleted by hand",
                _ => "",
            };
            Ok(create(ctx, target, reason))
        }
        Observed::Present(present) if target.existing => {
            ctx.with(|state| state.live.insert(target.node.clone(), *present));
            Ok(planned(target, Action::Read, Vec::new(), String::new()))
        }
        Observed::Present(present) => compare(ctx, pursuit, known.as_ref(), *present, waits),
    }
}

/// What would be done to something that exists.
fn compare(
    ctx: &Context<'_>,
    pursuit: Pursuit<'_, '_>,
    known: Option<&Known>,
    present: Present,
    waits: bool,
) -> Result<PlanNode, Stop> {
    let Pursuit { target, driver, want, .. } = pursuit;
    ours(ctx, &target, &present)?;
    let secrets = changed_secrets(ctx, &target);
    let mut changes = changes(ctx, &target, driver, &want, &present, &secrets);
    changes.extend(known_later(ctx, &target, driver, &want, &present, &changes));
    refused(&target, &changes)?;
    let forcing = changes.iter().find(|change| change.on_change == OnChange::Replace);
    if let Some(forcing) = forcing {
        let reason = format!("`{}` cannot be changed in place", forcing.attribute);
        if target.protected() {
            let message =
                format!("`{}` would have to be replaced, and it is protected: {reason}", target.node);
            return Err(Failure::new(message).help("take the change back, or say `protect = false`").into());
        }
        renewal(ctx, &target, false)?;
        defer_pending(ctx, &mut changes);
        return Ok(anew(ctx, target, changes, reason));
    }
    let begun = known.is_some_and(|known| !known.ready);
    let (action, reason) = if begun {
        (Action::Create, "begun by an earlier run".to_owned())
    } else if !changes.is_empty() {
        (Action::Update, String::new())
    } else if waits {
        (Action::Keep, String::new())
    } else {
        match driver.next(&want, &Observed::Present(Box::new(present.clone())), &changes) {
            Next::Call(op) => (Action::Update, op.operation),
            Next::Fail(why) => return Err(Failure::new(why).into()),
            Next::Wait { why, .. } => (Action::Keep, why),
            Next::Done => (Action::Keep, present.pending.clone().unwrap_or_default()),
        }
    };
    defer_pending(ctx, &mut changes);
    ctx.with(|state| state.live.insert(target.node.clone(), present));
    Ok(planned(target, action, changes, reason))
}

fn planned(target: Target, action: Action, changes: Vec<Change>, reason: String) -> PlanNode {
    PlanNode { id: target.node, kind: target.kind, name: target.name, action, changes, reason }
}

/// A creation: all attributes that are given.
fn create(ctx: &Context<'_>, target: Target, reason: &str) -> PlanNode {
    ctx.with(|state| state.pending.insert(target.node.clone()));
    // That it is not protected goes without saying.
    let said = |name: &str, value: &Value| {
        *value != Value::None && (name != "protect" || *value == Value::Bool(true))
    };
    let given = target.attrs.iter().filter(|(name, value)| said(name, value));
    let change = |(name, value): (&String, &Value)| Change {
        attribute: name.clone(),
        before: None,
        after: value.clone(),
        on_change: OnChange::Update,
    };
    let changes = given.map(change).collect();
    planned(target, Action::Create, changes, reason.to_owned())
}

/// A replacement: its outputs are not known until it is made.
fn anew(ctx: &Context<'_>, target: Target, changes: Vec<Change>, reason: String) -> PlanNode {
    ctx.with(|state| state.pending.insert(target.node.clone()));
    planned(target, Action::Replace, changes, reason)
}

fn refers_to_pending(ctx: &Context<'_>, target: &Target) -> bool {
    let handles = target.handles();
    ctx.with(|state| handles.iter().any(|node| state.pending.contains(node)))
}

/// What would be made anew and this node cannot live without.
fn held_by_pending(ctx: &Context<'_>, target: &Target, known: Option<&Known>) -> Option<NodeId> {
    let known = known?;
    let pending = ctx.with(|state| state.pending.clone());
    let replaced = pending.iter().filter(|id| ctx.with(|state| state.history.nodes.contains_key(*id)));
    let held = |id: &&NodeId| {
        known.depends_on.contains(*id)
            && (target.is_block()
                || known.attrs.iter().any(|(name, value)| {
                    let forced = attribute(ctx, &target.kind, name);
                    forced.is_some_and(|a| a.on_change == OnChange::Replace) && refers_to(value, id)
                }))
    };
    replaced.into_iter().find(held).cloned()
}

/// Changes to what is only made by this run. Where such a value cannot be changed in place, the plan has to say so, although
/// there is nothing yet to compare it with.
fn known_later(
    ctx: &Context<'_>,
    target: &Target,
    driver: &dyn Driver,
    want: &Want,
    present: &Present,
    changes: &[Change],
) -> Vec<Change> {
    let pending = ctx.with(|state| state.pending.clone());
    let later = |(name, value): (&String, &Value)| {
        let after = deferred(value, &pending);
        let schema = attribute(ctx, &target.kind, name).filter(|a| a.on_change == OnChange::Replace);
        let before = present.attrs.get(name).filter(|_| !after.is_known() && !target.is_block())?.clone();
        let told = changes.iter().any(|change| change.attribute == *name);
        let on_change = schema.filter(|_| !told)?.on_change;
        let mut change = Change { attribute: name.clone(), before: Some(before), after, on_change };
        change.on_change = driver.on_change(want, present, &change);
        (change.on_change == OnChange::Replace).then_some(change)
    };
    target.attrs.iter().filter_map(later).collect()
}

/// Where a change refers to what would be made anew, its value is known after the run.
fn defer_pending(ctx: &Context<'_>, changes: &mut [Change]) {
    let pending = ctx.with(|state| state.pending.clone());
    for change in changes {
        change.after = deferred(&change.after, &pending);
    }
}

fn deferred(value: &Value, pending: &IndexSet<NodeId>) -> Value {
    let fields = |fields: &Attrs| fields.iter().map(|(k, v)| (k.clone(), deferred(v, pending))).collect();
    match value {
        Value::Handle(node) if pending.contains(node) => {
            Value::Deferred(Box::new(Deferred::Output(node.clone(), "id".to_owned())))
        }
        Value::List(items) => Value::List(items.iter().map(|item| deferred(item, pending)).collect()),
        Value::Map(map) => Value::Map(fields(map)),
        Value::Variant(name, params) => Value::Variant(name.clone(), fields(params)),
        other => other.clone(),
    }
}

/// Deletions of what only the journal knows, in their order. What does not exist any more is left out.
async fn look_at_gone(
    ctx: &Context<'_>,
    known: IndexMap<NodeId, Known>,
    reason: &str,
) -> Result<Vec<PlanNode>, RunError> {
    let ids = known.iter().map(|(id, known)| (id.as_str(), known.depends_on.as_slice()));
    let order = plan::deletion_order(ids).unwrap_or_else(|_| known.keys().rev().cloned().collect());
    let present = std::sync::Mutex::new(IndexSet::new());
    let tasks = order.iter().map(|id| (id.clone(), Vec::new())).collect();
    schedule(tasks, AT_ONCE, |id: NodeId| {
        let (present, known) = (&present, &known);
        async move {
            let Some(known) = known.get(&id).filter(|known| !known.existing) else { return Fate::Done };
            let target = Target::known(ctx, &id, known);
            let span = target.span;
            let found = async {
                let mut pursuit = Pursuit::new(ctx, target)?;
                match pursuit.observe().await? {
                    Observed::Present(seen) => Ok(ours(ctx, &pursuit.target, &seen).is_ok()),
                    Observed::Absent => Ok::<bool, Stop>(false),
                }
            };
            match found.await {
                Ok(true) => {
                    if let Ok(mut present) = present.lock() {
                        present.insert(id);
                    }
                    Fate::Done
                }
                Ok(false) => Fate::Done,
                Err(Stop::Failed(failure)) => {
                    ctx.failed(&id, span, &failure);
                    Fate::Failed
                }
                Err(_) => Fate::Failed,
            }
        }
    })
    .await;
    errors(ctx)?;
    let present = present.into_inner().unwrap_or_default();
    let delete = |id: NodeId| {
        let known = known.get(&id)?;
        present.contains(&id).then(|| PlanNode {
            kind: known.kind.clone(),
            name: known.name.clone(),
            id,
            action: Action::Delete,
            changes: Vec::new(),
            reason: reason.to_owned(),
        })
    };
    Ok(order.into_iter().filter_map(delete).collect())
}

/// Nodes of the manifest that the journal does not know and that exist under our tags: the journal was lost. In the order
/// of making.
pub(super) async fn strays(ctx: &Context<'_>) -> Result<Vec<Target>, RunError> {
    let nodes = &ctx.job.manifest.nodes;
    let unknown = |id: &NodeId| {
        let new = ctx.with(|state| !state.history.nodes.contains_key(id));
        new && nodes.get(id).is_some_and(|node| !node.existing)
    };
    let mut strays = Vec::new();
    let order = order(ctx.job)?;
    if !order.iter().any(unknown) {
        return Ok(strays);
    }
    for id in &order {
        let Some(node) = nodes.get(id) else { continue };
        let target = Target::of(ctx, node);
        let Ok(mut pursuit) = Pursuit::new(ctx, target.clone()) else { continue };
        // What cannot be looked at need not exist: what it is found by may not.
        match pursuit.observe().await {
            Ok(Observed::Present(present)) => {
                let own = unknown(id) && present.tags.is_some() && ours(ctx, &target, &present).is_ok();
                ctx.with(|state| state.live.insert(id.clone(), *present));
                if own {
                    strays.push(target);
                }
            }
            Err(Stop::Interrupted) => return Err(RunError::Interrupted),
            _ => {}
        }
    }
    Ok(strays)
}
