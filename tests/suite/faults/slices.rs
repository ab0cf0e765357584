//! A pipeline cut into slices: each of its nodes with what it needs, and each step of its rollout with what it works on,
//! so that a fault in one call is tried within a short run.

use indexmap::IndexMap;
use std::collections::BTreeSet;

use super::process::{Phase, Pipeline};
use vpipe::eval::{ActionKind, Manifest, Node, NodeId, Step, Value};

/// One slice: what is there beforehand, and the phases of its life, one after the other.
pub struct Slice {
    pub name: String,
    /// What the node needs, as it is in the end.
    pub others: Pipeline,
    pub phases: Vec<(Phase, Pipeline)>,
}

/// The slices of a pipeline that is made as `first` and changed to `second`.
pub fn slices(first: &Pipeline, second: &Pipeline) -> Vec<Slice> {
    let ids: BTreeSet<&NodeId> = first.manifest.nodes.keys().chain(second.manifest.nodes.keys()).collect();
    let exists =
        |id: &NodeId| [first, second].iter().all(|p| p.manifest.nodes.get(id).is_none_or(|n| !n.existing));
    let nodes = ids.into_iter().filter(|id| exists(id)).map(|id| of_node(id, first, second));
    let steps = 0..second.manifest.rollout.iter().flatten().count();
    let rebooted = second
        .manifest
        .nodes
        .iter()
        .filter(|(_, node)| node.attrs.get("apply").and_then(Value::as_str) == Some("immediately"));
    let rebooted = rebooted.map(|(id, _)| of_all(id, first, second));
    nodes.chain(steps.map(|at| of_step(at, first, second))).chain(rebooted).collect()
}

/// A node changes together with what it needs, such as the parameters of its group, which it is rebooted into.
fn of_all(id: &NodeId, first: &Pipeline, second: &Pipeline) -> Slice {
    let mut all = needs([id.clone()], first, second);
    all.insert(id.clone());
    let with = |of: &Pipeline, other: &Pipeline| of.with(pick(&all, other, of), Vec::new());
    let phases = vec![(Phase::Change, with(second, first))];
    Slice { name: format!("all of {id}"), others: with(first, second), phases }
}

/// A node is made, changed and taken out of the file, while what it needs stays as it is.
fn of_node(id: &NodeId, first: &Pipeline, second: &Pipeline) -> Slice {
    let needed = needs([id.clone()], first, second);
    let others = pick(&needed, first, second);
    let with = |of: &Pipeline| {
        let node = of.manifest.nodes.get(id)?;
        let mut nodes = others.clone();
        nodes.insert(id.clone(), node.clone());
        Some(of.with(nodes, Vec::new()))
    };
    let mut phases = Vec::new();
    let (made, changed) = (with(first), with(second));
    let only_second = made.is_none();
    phases.extend(made.or_else(|| changed.clone()).map(|pipeline| (Phase::Make, pipeline)));
    phases.extend(changed.filter(|_| !only_second).map(|pipeline| (Phase::Change, pipeline)));
    let others = second.with(others, Vec::new());
    phases.push((Phase::Remove, others.clone()));
    Slice { name: id.clone(), others, phases }
}

/// A step of the rollout is done twice, with what the two pipelines say, to what is there. The first step packs what the
/// others deploy.
fn of_step(at: usize, first: &Pipeline, second: &Pipeline) -> Slice {
    let steps = |of: &Pipeline| of.manifest.rollout.iter().flatten().cloned().collect::<Vec<Step>>();
    let step = steps(second)[at].clone();
    let used = step.actions.iter().flat_map(|action| match &action.kind {
        ActionKind::Upload { bucket, .. } => vec![bucket.clone()],
        ActionKind::Deploy { environment, .. } => vec![environment.clone()],
        ActionKind::Invalidate { distribution, .. } => vec![distribution.clone()],
        ActionKind::Swap { a, b } => vec![a.clone(), b.clone()],
        _ => Vec::new(),
    });
    let used: Vec<NodeId> = used.collect();
    let mut needed = needs(used.clone(), first, second);
    needed.extend(used);
    let nodes = pick(&needed, first, second);
    let with = |of: &Pipeline| {
        let mut chosen: Vec<Step> =
            steps(of).into_iter().enumerate().filter(|(n, _)| *n == 0 || *n == at).map(|(_, s)| s).collect();
        let names: Vec<String> = chosen.iter().map(|step| step.name.clone()).collect();
        chosen.iter_mut().for_each(|step| step.needs.retain(|name| names.contains(name)));
        of.with(nodes.clone(), chosen.into_iter().map(|step| vec![step]).collect())
    };
    let phases = vec![(Phase::Make, with(first)), (Phase::Change, with(second))];
    Slice { name: format!("step {}", step.name), others: second.with(nodes.clone(), Vec::new()), phases }
}

/// What nodes need, directly or not, in either pipeline; without themselves.
fn needs(of: impl IntoIterator<Item = NodeId>, first: &Pipeline, second: &Pipeline) -> BTreeSet<NodeId> {
    let mut open: Vec<NodeId> = of.into_iter().collect();
    let mut needed = BTreeSet::new();
    while let Some(id) = open.pop() {
        for manifest in [&first.manifest, &second.manifest] {
            let more = manifest.nodes.get(&id).map(|node| node.depends_on.clone()).unwrap_or_default();
            open.extend(more.into_iter().filter(|id| needed.insert(id.clone())));
        }
    }
    needed
}

/// Nodes as they are in the end, in the order of the file.
fn pick(ids: &BTreeSet<NodeId>, first: &Pipeline, second: &Pipeline) -> IndexMap<NodeId, Node> {
    let of = |manifest: &Manifest| {
        let nodes = manifest.nodes.iter().filter(|(id, _)| ids.contains(*id));
        nodes.map(|(id, node)| (id.clone(), node.clone())).collect::<IndexMap<_, _>>()
    };
    let mut picked = of(&first.manifest);
    picked.extend(of(&second.manifest));
    picked
}
