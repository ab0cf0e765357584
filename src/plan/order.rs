//! The order in which dependencies allow nodes to be made, and its reverse for deleting them.

use indexmap::IndexMap;

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
    let needs: IndexMap<&str, Vec<&str>> =
        nodes.into_iter().map(|(id, needs)| (id, needs.iter().map(String::as_str).collect())).collect();
    let sorted = crate::base::order(&needs);
    let own = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect();
    match sorted.circle {
        Some(circle) => Err(Cycle(own(circle))),
        None => Ok(own(sorted.names)),
    }
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
