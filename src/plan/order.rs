//! The order in which dependencies allow nodes to be made, and its reverse for deleting them.

use indexmap::{IndexMap, IndexSet};

use crate::eval::NodeId;

/// Nodes that wait for each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these resources wait for each other: {}", .0.join(" → "))]
pub struct Cycle(
    /// The nodes in a circle; the first is also the last.
    pub Vec<NodeId>,
);

/// Sorts nodes so that each comes after those that it depends on, otherwise in the order given. Dependencies that
/// are not among the nodes do not count.
///
/// # Errors
/// When nodes wait for each other.
pub fn order<'a>(nodes: impl IntoIterator<Item = (&'a str, &'a [NodeId])>) -> Result<Vec<NodeId>, Cycle> {
    let nodes: IndexMap<&str, &[NodeId]> = nodes.into_iter().collect();
    let mut done: IndexSet<NodeId> = IndexSet::new();
    for start in nodes.keys() {
        visit(start, &nodes, &mut done)?;
    }
    Ok(done.into_iter().collect())
}

/// The order in which nodes may be deleted: each before those that it depends on.
///
/// # Errors
/// When nodes wait for each other.
pub fn deletion_order<'a>(
    nodes: impl IntoIterator<Item = (&'a str, &'a [NodeId])>,
) -> Result<Vec<NodeId>, Cycle> {
    let mut ids = order(nodes)?;
    ids.reverse();
    Ok(ids)
}

/// Depth first, with a stack of its own: files may chain thousands of nodes.
fn visit<'a>(
    start: &'a str,
    nodes: &IndexMap<&'a str, &'a [NodeId]>,
    done: &mut IndexSet<NodeId>,
) -> Result<(), Cycle> {
    // Each node on the path with the position of the dependency to look at next.
    let mut path: IndexMap<&str, usize> = IndexMap::from([(start, 0)]);
    while let Some((id, next)) = path.last_mut() {
        let id = *id;
        let needed = if done.contains(id) { None } else { nodes.get(id).and_then(|n| n.get(*next)) };
        *next += 1;
        let Some(needed) = needed else {
            done.insert(id.to_owned());
            path.pop();
            continue;
        };
        let Some((needed, _)) = nodes.get_key_value(needed.as_str()) else { continue };
        if let Some(at) = path.get_index_of(needed) {
            let circle = path.keys().skip(at).chain([needed]);
            return Err(Cycle(circle.map(|id| (*id).to_owned()).collect()));
        }
        if !done.contains(*needed) {
            path.insert(needed, 0);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn sorted(nodes: &[(&str, &[&str])]) -> Result<Vec<NodeId>, Cycle> {
        let nodes: Vec<(&str, Vec<NodeId>)> =
            nodes.iter().map(|(id, needs)| (*id, needs.iter().map(|n| (*n).to_owned()).collect())).collect();
        order(nodes.iter().map(|(id, needs)| (*id, needs.as_slice())))
    }

    #[test]
    fn what_is_needed_comes_first_and_the_rest_stays() {
        assert_eq!(sorted(&[("c", &["a"]), ("b", &[]), ("a", &["elsewhere"])]).unwrap(), ["a", "c", "b"]);
    }

    #[test]
    fn a_circle_is_named() {
        let cycle = sorted(&[("x", &["a"]), ("a", &["b"]), ("b", &["a"])]).unwrap_err();
        assert_eq!(cycle.0, ["a", "b", "a"]);
        assert_eq!(sorted(&[("a", &["a"])]).unwrap_err().0, ["a", "a"]);
    }

    #[test]
    fn a_long_chain_does_not_overflow() {
        let ids: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
        let needs: Vec<Vec<NodeId>> = ids.iter().skip(1).map(|id| vec![id.clone()]).collect();
        let nodes = ids.iter().zip(&needs).map(|(id, needs)| (id.as_str(), needs.as_slice()));
        assert_eq!(order(nodes).unwrap().len(), 49_999);
    }
}
