//! Deleting one node, and what cannot live without it.

use futures_util::future::join_all;
use indexmap::{IndexMap, IndexSet};
use std::time::Duration;

use super::compare::ours;
use super::context::{Context, Failure, Stop};
use super::pursuit::Pursuit;
use super::target::{Target, attribute, refers_to};
use crate::cloud::{Next, Observed};
use crate::eval::NodeId;
use crate::journal::{self, Known};
use crate::schema::OnChange;

/// How often nothing must be found before a node is believed gone.
const ABSENCES: u32 = 2;
const BETWEEN_ABSENCES: Duration = Duration::from_secs(2);

/// Deletes a node and records that it is gone. `id` is its server-side id where the journal does not have it. What turns
/// out not to be ours is only forgotten. Gives whether there was anything.
///
/// The caller holds the node's lock, or is the only one at work on it.
pub(super) async fn remove(ctx: &Context<'_>, target: Target, id: Option<String>) -> Result<bool, Stop> {
    if target.existing {
        return forget(ctx, &target.node).map(|()| false);
    }
    let mut pursuit = Pursuit::new(ctx, target)?;
    if pursuit.want.id.is_none() {
        pursuit.want.id = id;
    }
    let mut absences = 0;
    let mut found = false;
    loop {
        let seen = pursuit.observe().await?;
        match &seen {
            Observed::Present(present) => {
                absences = 0;
                if ours(ctx, &pursuit.target, present).is_err() {
                    break;
                }
                ctx.may_go(&pursuit.target.node, None)?;
                found = true;
            }
            Observed::Absent => {
                absences += 1;
                if may_appear(ctx, &pursuit) {
                    pursuit.wait(BETWEEN_ABSENCES, "what may have been made to become visible").await?;
                    continue;
                }
                if absences >= ABSENCES {
                    break;
                }
                ctx.sleep(BETWEEN_ABSENCES).await?;
                continue;
            }
        }
        match pursuit.driver.next_delete(&pursuit.want, &seen) {
            Next::Done => break,
            Next::Wait { poll, why } => {
                let note = match &seen {
                    Observed::Present(present) => present.note.clone().unwrap_or(why),
                    Observed::Absent => why,
                };
                pursuit.rest(poll, &note, &seen).await?;
            }
            Next::Call(op) => {
                if !pursuit.lags(&op, &seen, &[]).await? {
                    pursuit.call(&op, &seen).await?;
                }
            }
            Next::Fail(why) => return Err(Failure::new(why).into()),
        }
    }
    forget(ctx, &pursuit.target.node)?;
    Ok(found)
}

/// Whether a creation of this node may just not be visible yet.
fn may_appear(ctx: &Context<'_>, pursuit: &Pursuit<'_, '_>) -> bool {
    /// Time in which what was made becomes visible, in milliseconds.
    const VISIBLE_WITHIN: i64 = 60_000;
    let known = ctx.with(|state| state.history.nodes.get(&pursuit.target.node).cloned());
    let made = known.filter(|known| !known.ready && pursuit.calls == 0).and_then(|known| known.created);
    made.is_some_and(|made| ctx.now() < made.saturating_add(VISIBLE_WITHIN))
}

/// Records that a node is gone.
pub(super) fn forget(ctx: &Context<'_>, node: &str) -> Result<(), Stop> {
    ctx.with(|state| state.live.shift_remove(node));
    if ctx.with(|state| state.history.nodes.contains_key(node)) {
        ctx.append(journal::Event::NodeGone { node: node.to_owned() })?;
    }
    Ok(())
}

/// Deletes everything that cannot live without a node that is about to be replaced, outermost first: its separate
/// blocks, those of others that refer to it, and what refers to it where a change forces a replacement. Each is made
/// anew when its own turn comes, which is after the node's.
pub(super) async fn remove_holders(ctx: &Context<'_>, node: &str) -> Result<(), Stop> {
    let mut holders = holders(ctx, node);
    for (id, known) in &holders {
        let target = Target::known(ctx, id, known);
        if target.protected() {
            let message =
                format!("`{node}` would have to be replaced, and with it `{id}`, which is protected");
            return Err(Failure::new(message).help("take the change back, or say `protect = false`").into());
        }
        ctx.may_go(id, Some(format!("`{node}` is replaced, and it cannot do without")))?;
    }
    while !holders.is_empty() {
        let held = |id: &NodeId| holders.values().any(|other| other.depends_on.contains(id));
        let mut free: Vec<NodeId> = holders.keys().filter(|id| !held(id)).cloned().collect();
        if free.is_empty() {
            // A circle, which only a damaged journal can hold: one at a time then.
            free.extend(holders.keys().next().cloned());
        }
        let batch: Vec<(NodeId, Known)> =
            free.iter().filter_map(|id| holders.shift_remove_entry(id)).collect();
        let all = batch.into_iter().map(|(id, known)| async move {
            let lock = ctx.lock_of(&id);
            let _alone = lock.lock().await;
            remove(ctx, Target::known(ctx, &id, &known), None).await?;
            ctx.with(|state| state.replaced.insert(id));
            Ok::<(), Stop>(())
        });
        join_all(all).await.into_iter().collect::<Result<Vec<()>, Stop>>()?;
    }
    Ok(())
}

/// The nodes of the journal that cannot live without a node, near and far.
fn holders(ctx: &Context<'_>, node: &str) -> IndexMap<NodeId, Known> {
    let nodes = ctx.with(|state| state.history.nodes.clone());
    let mut found: IndexMap<NodeId, Known> = IndexMap::new();
    let mut next: IndexSet<NodeId> = IndexSet::from([node.to_owned()]);
    while let Some(held) = next.pop() {
        for (id, known) in &nodes {
            let new = id != node && !found.contains_key(id) && !known.existing && !is_part(&known.kind);
            if new && known.depends_on.contains(&held) && cannot_do_without(ctx, known, &held) {
                found.insert(id.clone(), known.clone());
                next.insert(id.clone());
            }
        }
    }
    found
}

fn cannot_do_without(ctx: &Context<'_>, known: &Known, held: &str) -> bool {
    let forced =
        |name: &str| attribute(ctx, &known.kind, name).is_some_and(|a| a.on_change == OnChange::Replace);
    known.kind.contains('.') || known.attrs.iter().any(|(name, value)| forced(name) && refers_to(value, held))
}

/// Whether a kind is one that only rollout actions make.
pub fn is_part(kind: &str) -> bool {
    matches!(
        kind,
        "s3.object"
            | "beanstalk.storage"
            | "beanstalk.version"
            | "beanstalk.deployment"
            | "beanstalk.swap"
            | "cloudfront.invalidation"
    )
}
