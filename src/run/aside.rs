//! Replacing what others hold on to: the old one is set aside, the new one is made beside it, the others are moved over,
//! and then the old one is deleted.
//!
//! In the journal the old one goes on as a node of its own, `NODE~GENERATION`, so that whoever resumes knows it.

use indexmap::IndexMap;

use super::context::{Context, Failure, Stop};
use super::pursuit::Pursuit;
use super::remove::is_part;
use super::target::{Target, handles_of};
use crate::base::sentence_list;
use crate::cloud::{Next, Observed, Present, Renewal};
use crate::eval::{Attrs, NodeId, Value};
use crate::journal::{self, Known};

/// The node that something set aside once was.
pub(super) fn original(id: &str) -> Option<&str> {
    let (node, generation) = id.rsplit_once('~')?;
    generation.parse::<u64>().is_ok().then_some(node)
}

/// How a node is to be replaced, or why it cannot be. `renamed` says that the new one has another name, so that both can be
/// there.
pub(super) fn renewal(ctx: &Context<'_>, target: &Target, renamed: bool) -> Result<Renewal, Failure> {
    let driver = ctx.driver(&target.kind)?;
    match driver.renewal(&target.want(ctx)) {
        Renewal::DeleteFirst => Ok(Renewal::DeleteFirst),
        Renewal::Held if !renamed => {
            let users = users(ctx, &target.node);
            if users.is_empty() {
                return Ok(Renewal::DeleteFirst);
            }
            let names = sentence_list(users.iter().map(String::as_str), "and");
            let uses = if users.len() == 1 { "uses" } else { "use" };
            let message = format!(
                "`{}` would have to be made anew, and AWS does not delete what {names} {uses}",
                target.node
            );
            Err(Failure::new(message).help(
                "give it another name as well: then the new one is made beside it, and the old one is deleted when \
                 nothing uses it any more",
            ))
        }
        Renewal::Held | Renewal::CreateFirst => Ok(Renewal::CreateFirst),
    }
}

/// The nodes that hold on to one and will go on doing so.
fn users(ctx: &Context<'_>, node: &str) -> Vec<NodeId> {
    let holds = |attrs: &Attrs| attrs.values().any(|value| handles_of(value).contains(node));
    let manifest = &ctx.job.manifest;
    ctx.with(|state| {
        let known = state.history.nodes.iter().filter(|(_, known)| {
            !known.existing && !known.kind.contains('.') && !is_part(&known.kind) && holds(&known.attrs)
        });
        let still = |id: &NodeId| manifest.nodes.get(id).is_some_and(|node| holds(&node.attrs));
        known.map(|(id, _)| id.clone()).filter(still).collect()
    })
}

/// Sets a node aside, with the separate blocks that belong or refer to it: what is made next under their ids is new.
pub(super) async fn set_aside(
    ctx: &Context<'_>,
    target: &Target,
    found: Option<&Present>,
) -> Result<(), Stop> {
    let nodes = ctx.with(|state| state.history.nodes.clone());
    let blocks = nodes.iter().filter(|(id, known)| {
        known.kind.contains('.')
            && !is_part(&known.kind)
            && original(id).is_none()
            && known.depends_on.contains(&target.node)
    });
    let mut aside: IndexMap<NodeId, Known> = blocks.map(|(id, known)| (id.clone(), known.clone())).collect();
    let own = nodes.get(&target.node).cloned().or_else(|| found.map(|present| adopted(target, present)));
    aside.extend(own.map(|known| (target.node.clone(), known)));
    let names: IndexMap<NodeId, NodeId> = ctx.with(|state| {
        let name = |id: &NodeId| {
            let generation = state.history.generations.get(id).copied().unwrap_or(0);
            (id.clone(), format!("{id}~{generation}"))
        };
        aside.keys().map(name).collect()
    });
    for (id, known) in &aside {
        let renamed = |other: &NodeId| names.get(other).unwrap_or(other).clone();
        ctx.append(journal::Event::NodeReady {
            node: renamed(id),
            kind: known.kind.clone(),
            name: known.name.clone(),
            id: known.id.clone().unwrap_or_default(),
            attrs: known.attrs.iter().map(|(k, v)| (k.clone(), rewritten(v, &names))).collect(),
            fingerprints: known.fingerprints.clone(),
            outputs: known.outputs.clone(),
            depends_on: known.depends_on.iter().map(renamed).collect(),
            existing: false,
        })?;
        ctx.append(journal::Event::NodeGone { node: id.clone() })?;
        ctx.with(|state| {
            state.live.shift_remove(id);
            state.replaced.insert(id.clone());
        });
    }
    match names.get(&target.node) {
        Some(old) => tag_as_old(ctx, old).await,
        None => Ok(()),
    }
}

/// What the journal would say of something that was found by its tags.
fn adopted(target: &Target, present: &Present) -> Known {
    Known {
        kind: target.kind.clone(),
        name: target.name.clone(),
        id: Some(present.id.clone()),
        attrs: target.attrs.clone(),
        outputs: present.outputs.clone(),
        depends_on: target.depends_on.clone(),
        ready: true,
        ..Known::default()
    }
}

fn rewritten(value: &Value, names: &IndexMap<NodeId, NodeId>) -> Value {
    let fields = |fields: &Attrs| fields.iter().map(|(k, v)| (k.clone(), rewritten(v, names))).collect();
    match value {
        Value::Handle(node) => Value::Handle(names.get(node).unwrap_or(node).clone()),
        Value::List(items) => Value::List(items.iter().map(|item| rewritten(item, names)).collect()),
        Value::Map(map) => Value::Map(fields(map)),
        Value::Variant(name, params) => Value::Variant(name.clone(), fields(params)),
        other => other.clone(),
    }
}

/// Gives what was set aside the tags of its new id, so that it is not found in place of the new one.
async fn tag_as_old(ctx: &Context<'_>, id: &str) -> Result<(), Stop> {
    /// Tags are set and removed by a call each.
    const MOST_CALLS: usize = 4;
    let known = ctx.with(|state| state.history.nodes.get(id).cloned()).unwrap_or_default();
    let mut pursuit = Pursuit::new(ctx, Target::known(ctx, id, &known))?;
    while pursuit.calls < MOST_CALLS {
        let seen = pursuit.observe().await?;
        if matches!(seen, Observed::Absent) {
            break;
        }
        // Without a change to make, all that a driver can want is that the tags are right.
        let Next::Call(op) = pursuit.driver.next(&pursuit.want, &seen, &[]) else { break };
        if !pursuit.lags(&op, &seen, &[]).await? {
            pursuit.call(&op, &seen).await?;
        }
    }
    Ok(())
}

/// What was set aside and is still there.
pub(super) fn set_aside_nodes(ctx: &Context<'_>) -> IndexMap<NodeId, Known> {
    ctx.with(|state| {
        let old = state.history.nodes.iter().filter(|(id, _)| original(id).is_some());
        old.map(|(id, known)| (id.clone(), known.clone())).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_is_known_by_its_name() {
        assert_eq!(original("cert~0"), Some("cert"));
        assert_eq!(original("a.allow[tcp 80 from b]~12"), Some("a.allow[tcp 80 from b]"));
        assert_eq!(original("cert"), None);
        assert_eq!(original("db[\"a~1\"]"), None);
    }
}
