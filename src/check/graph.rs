//! What refers to what, and names that wait for each other.

use std::collections::HashSet;

use crate::base::{Span, sentence_list};
use crate::diag::Diagnostic;

/// References between the names of a file.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// For each node, what it refers to and where.
    edges: Vec<Vec<(usize, Span)>>,
}

impl Graph {
    /// Records that `from` refers to `to`.
    pub(super) fn add(&mut self, from: usize, to: usize, span: Span) {
        if self.edges.len() <= from {
            self.edges.resize_with(from + 1, Vec::new);
        }
        if let Some(edges) = self.edges.get_mut(from) {
            edges.push((to, span));
        }
    }

    /// Takes back the last reference of a node, when it stands at this place.
    pub(super) fn retract(&mut self, from: usize, span: Span) {
        if let Some(edges) = self.edges.get_mut(from) {
            edges.pop_if(|(_, place)| *place == span);
        }
    }

    /// Reports names that need each other, each circle once. `name` gives the name of a node; nodes without one are
    /// the `if`s and `for`s around others.
    pub(super) fn circles<'a>(&self, name: &dyn Fn(usize) -> Option<&'a str>, out: &mut Vec<Diagnostic>) {
        let mut done: HashSet<usize> = HashSet::new();
        let mut on_path: HashSet<usize> = HashSet::new();
        for start in 0..self.edges.len() {
            // Depth first, with a stack of its own: each node with the number of the edge that is looked at.
            let mut path: Vec<(usize, usize)> = if done.contains(&start) { vec![] } else { vec![(start, 0)] };
            on_path.extend(path.iter().map(|(node, _)| *node));
            while let Some((node, at)) = path.last_mut() {
                let node = *node;
                let edge = self.edges.get(node).and_then(|edges| edges.get(*at)).copied();
                *at += 1;
                let Some((next, _)) = edge else {
                    done.insert(node);
                    on_path.remove(&node);
                    path.pop();
                    continue;
                };
                if done.contains(&next) {
                    continue;
                }
                if !on_path.contains(&next) {
                    on_path.insert(next);
                    path.push((next, 0));
                    continue;
                }
                let from = path.iter().position(|(other, _)| *other == next).unwrap_or_default();
                let circle: Vec<(usize, Span)> = path
                    .iter()
                    .skip(from)
                    .filter_map(|(node, at)| self.edge(*node, at.checked_sub(1)?))
                    .collect();
                // Each node of the circle with the reference out of it; what is in a circle is not looked at again.
                let owners: Vec<usize> = path.iter().skip(from).map(|(node, _)| *node).collect();
                report(&owners, &circle, name, out);
                for node in owners {
                    done.insert(node);
                }
                for (node, _) in path.drain(from..) {
                    on_path.remove(&node);
                }
            }
        }
    }

    fn edge(&self, node: usize, at: usize) -> Option<(usize, Span)> {
        self.edges.get(node)?.get(at).copied()
    }
}

fn report<'a>(
    owners: &[usize],
    circle: &[(usize, Span)],
    name: &dyn Fn(usize) -> Option<&'a str>,
    out: &mut Vec<Diagnostic>,
) {
    // The circle is told from the node whose reference stands first in the text.
    let first = circle.iter().enumerate().min_by_key(|(_, (_, span))| *span).map_or(0, |(at, _)| at);
    let order = || (0..circle.len()).map(|n| (first + n) % circle.len());
    let names: Vec<&str> = order().filter_map(|at| owners.get(at)).filter_map(|owner| name(*owner)).collect();
    let message = match &names[..] {
        [one] => format!("`{one}` refers to itself"),
        many => format!("{} refer to each other in a circle", few(many)),
    };
    let mut places = order().filter_map(|at| Some((owners.get(at)?, circle.get(at)?)));
    let Some((_, (_, span))) = places.next() else { return };
    let mut diagnostic = Diagnostic::error("dependency-cycle", *span, message)
        .help("none of them can be made before the others: give one of them a value of its own");
    for (owner, (target, span)) in places.take(MOST) {
        if let (Some(owner), Some(target)) = (name(*owner), name(*target)) {
            diagnostic = diagnostic.related(*span, format!("`{owner}` refers to `{target}` here"));
        }
    }
    out.push(diagnostic);
}

/// How many names and places of a circle are told.
const MOST: usize = 6;

/// Names as a sentence; of many, the first ones.
pub(super) fn few(names: &[&str]) -> String {
    match names.get(..MOST) {
        Some(first) if names.len() > MOST => {
            let first: Vec<String> = first.iter().map(|name| format!("`{name}`")).collect();
            format!("{} and {} more", first.join(", "), names.len() - MOST)
        }
        _ => sentence_list(names.iter().copied(), "and"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn circles(edges: &[(usize, usize)]) -> Vec<String> {
        let mut graph = Graph::default();
        for (n, (from, to)) in edges.iter().enumerate() {
            graph.add(*from, *to, Span::new(n as u32, n as u32 + 1));
        }
        let mut out = Vec::new();
        let names = ["a", "b", "c", "d"];
        graph.circles(&|node| names.get(node).copied(), &mut out);
        out.into_iter().map(|d| d.message).collect()
    }

    #[test]
    fn circles_are_reported_once() {
        assert_eq!(circles(&[(0, 1), (1, 2), (0, 2)]), Vec::<String>::new());
        assert_eq!(circles(&[(0, 0)]), ["`a` refers to itself"]);
        assert_eq!(circles(&[(1, 2), (2, 1)]), ["`b` and `c` refer to each other in a circle"]);
        assert_eq!(
            circles(&[(0, 1), (1, 2), (2, 0), (3, 0)]),
            ["`a`, `b` and `c` refer to each other in a circle"]
        );
    }

    #[test]
    fn long_chains_need_no_stack() {
        let edges: Vec<(usize, usize)> = (0..100_000).map(|n| (n, n + 1)).collect();
        assert_eq!(circles(&edges), Vec::<String>::new());
    }
}
