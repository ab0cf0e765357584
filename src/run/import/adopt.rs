//! Adopting what exists: the journal says that it is ours, and its tags say so as well.

use super::super::apply::{begin, end};
use super::super::compare::ours;
use super::super::context::{Context, Failure, Stop};
use super::super::job::{Job, RunError};
use super::super::look::order;
use super::super::outcome::Outcome;
use super::super::pursuit::Pursuit;
use super::super::target::{Target, owner_tags, title};
use crate::cloud::{Edge, Next, Observed, Op, Present, State, TagChange, distributions};
use crate::eval::{Node, NodeId, Value};
use crate::journal;

/// Adopts what the file declares and what exists already: all of it, or only the resource of a kind and name, with its
/// separate blocks. What belongs to another pipeline is never touched. Gives the nodes that were adopted.
///
/// # Errors
/// As [`super::super::apply()`].
pub async fn adopt(job: &Job, only: Option<(&str, &str)>) -> Result<(Outcome, Vec<NodeId>), RunError> {
    let order = order(job)?;
    let ctx = begin(job, "import", false)?;
    let mut adopted: Vec<NodeId> = Vec::new();
    let mut matched = false;
    for node in order.iter().filter_map(|id| job.manifest.nodes.get(id)) {
        let meant = match only {
            None => true,
            Some((kind, name)) => {
                let this = named(&ctx, node, kind, name).await.unwrap_or(false);
                this || adopted.iter().any(|of| belongs(node, of))
            }
        };
        matched |= meant && !node.existing;
        match one(&ctx, node, meant && !node.existing, only).await {
            Ok(true) => adopted.push(node.id.clone()),
            Ok(false) => {}
            Err(Stop::Failed(failure)) => ctx.failed(&node.id, Some(node.span), &failure),
            Err(Stop::Interrupted | Stop::Waiting(_)) => break,
        }
    }
    if let Some((kind, name)) = only.filter(|_| !matched) {
        let failure = Failure::new(format!("the file declares no {} `{name}`", title(&ctx, kind)))
            .help(format!("put the block into it that `vpipe import {kind} {name}` prints"));
        ctx.failed(name, None, &failure);
    }
    Ok((end(ctx, None)?, adopted))
}

/// Whether a node is the resource of a kind and name.
fn is(node: &Node, kind: &str, name: &str) -> bool {
    let mut known_by =
        ["name", "identifier", "id", "domain"].iter().filter_map(|attribute| node.attrs.get(*attribute));
    node.kind == kind && (node.name == name || known_by.any(|value| value.as_str() == Some(name)))
}

/// Whether a node is what the user names. A distribution is named by its id, which the file does not say.
async fn named(ctx: &Context<'_>, node: &Node, kind: &str, name: &str) -> Result<bool, Stop> {
    if kind != "distribution" || node.kind != kind {
        return Ok(is(node, kind, name));
    }
    let mut all = ctx.job.manifest.nodes.values().filter(|node| node.kind == kind);
    if all.by_ref().take(2).count() == 1 {
        return Ok(true);
    }
    Ok(distribution(ctx, &Target::of(ctx, node)).await?.as_deref() == Some(name))
}

/// Whether a node is a separate block of a resource, such as a rule of a group.
fn belongs(node: &Node, resource: &str) -> bool {
    let owner = node.kind.split_once('.').and_then(|(kind, _)| node.attrs.get(kind));
    owner == Some(&Value::Handle(resource.to_owned()))
}

/// Looks at a node, so that others can refer to it, and adopts it when it is meant. Gives whether it did.
async fn one(ctx: &Context<'_>, node: &Node, meant: bool, only: Option<(&str, &str)>) -> Result<bool, Stop> {
    let target = Target::of(ctx, node);
    let mut pursuit = Pursuit::new(ctx, target.clone())?;
    if meant && node.kind == "distribution" && pursuit.want.id.is_none() {
        pursuit.want.id = match only {
            Some((_, id)) => Some(id.to_owned()),
            None => distribution(ctx, &target).await?,
        };
    }
    let seen = match pursuit.observe().await {
        Ok(seen) => seen,
        // What it is found by need not exist.
        Err(Stop::Failed(_)) if !meant || only.is_none() => return Ok(false),
        Err(stop) => return Err(stop),
    };
    let Observed::Present(present) = seen else {
        return match only {
            Some((kind, name)) if meant && is(node, kind, name) => {
                Err(Failure::new(format!("there is no {} `{}`", title(ctx, &node.kind), node.name)).into())
            }
            _ => Ok(false),
        };
    };
    ctx.with(|state| state.live.insert(node.id.clone(), present.as_ref().clone()));
    let known = ctx.with(|state| state.history.nodes.get(&node.id).is_some_and(|known| known.ready));
    if !meant || known {
        return Ok(false);
    }
    target.all_known()?;
    free(ctx, &target, &present)?;
    ctx.append(journal::Event::NodeReady {
        node: node.id.clone(),
        kind: node.kind.clone(),
        name: node.name.clone(),
        id: present.id.clone(),
        attrs: target.attrs.clone(),
        fingerprints: target.fingerprints(ctx),
        outputs: present.outputs.clone(),
        depends_on: target.depends_on.clone(),
        existing: false,
    })?;
    pursuit.want.id = Some(present.id.clone());
    tag(&mut pursuit, *present).await?;
    Ok(true)
}

/// The id of the only distribution with the origin or an alias of a target: distributions have no names.
async fn distribution(ctx: &Context<'_>, target: &Target) -> Result<Option<String>, Stop> {
    let text = |value: &Value| value.as_str().map(str::to_ascii_lowercase);
    let aliases = target.attrs.get("aliases").unwrap_or(&Value::None).items();
    let aliases: Vec<String> = aliases.iter().filter_map(text).collect();
    let origin = match target.attrs.get("origin") {
        Some(Value::Handle(node)) => {
            ["endpoint", "domain_name"].into_iter().find_map(|of| text(&ctx.output(node, of)?))
        }
        _ => None,
    };
    let all = distributions(&ctx.job.world.clients).await.map_err(|error| Failure::new(error.to_string()))?;
    let fits = |edge: &&Edge| {
        origin.as_ref().is_some_and(|origin| edge.origins.contains(origin))
            || edge.aliases.iter().any(|alias| aliases.contains(alias))
    };
    let fitting: Vec<&Edge> = all.iter().filter(fits).collect();
    match fitting.as_slice() {
        [only] => Ok(Some(only.id.clone())),
        _ => Ok(None),
    }
}

/// Fails when it belongs to another pipeline, stage or node, or is not settled.
fn free(ctx: &Context<'_>, target: &Target, present: &Present) -> Result<(), Failure> {
    let owned = present
        .tags
        .as_ref()
        .is_some_and(|tags| owner_tags(ctx, &target.node).iter().any(|(name, _)| tags.contains_key(name)));
    if owned {
        ours(ctx, target, present)?;
    }
    match &present.state {
        State::Settled => Ok(()),
        State::Busy(status) => {
            Err(Failure::new(format!("it is being changed ({status})")).help("wait until it is ready"))
        }
        State::Failed(why) => Err(Failure::new(why.clone())),
    }
}

/// Adds the owner's tags to those that it has.
async fn tag(pursuit: &mut Pursuit<'_, '_>, present: Present) -> Result<(), Stop> {
    /// Some services take a moment to show new tags.
    const MOST_CALLS: usize = 3;
    let mut seen = Observed::Present(Box::new(present));
    while let Observed::Present(present) = &seen {
        let Some(tags) = &present.tags else { break };
        pursuit.want.tags = tags.clone();
        pursuit.want.tags.extend(owner_tags(pursuit.ctx, &pursuit.target.node));
        match pursuit.driver.next(&pursuit.want, &seen, &[]) {
            Next::Call(op) if sets_tags(&op) && pursuit.calls < MOST_CALLS => {
                if !pursuit.lags(&op, &seen, &[]).await? {
                    pursuit.call(&op, &seen).await?;
                }
            }
            // An environment is updated for its tags.
            Next::Wait { poll, why } if pursuit.calls > 0 => pursuit.wait(poll, &why).await?,
            _ => break,
        }
        seen = pursuit.observe().await?;
    }
    Ok(())
}

/// Without a change to make, a driver may want other things than tags, which are left to a run.
fn sets_tags(op: &Op) -> bool {
    TagChange::of(op).is_ok_and(|change| !change.set.is_empty())
}
