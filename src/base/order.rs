//! Putting things that need each other into an order.

use indexmap::{IndexMap, IndexSet};

/// An order, and the first circle that stood in its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order<'a> {
    /// Every name, each after those that it needs where no circle forbids it, otherwise in the order given.
    pub names: Vec<&'a str>,
    /// Names that need each other; the first is also the last.
    pub circle: Option<Vec<&'a str>>,
}

/// Sorts names so that each comes after those that it needs. What is needed but is not among the names does not count.
pub fn order<'a, S: AsRef<str>>(needs: &'a IndexMap<&'a str, Vec<S>>) -> Order<'a> {
    let mut done: IndexSet<&'a str> = IndexSet::new();
    let mut circle = None;
    for start in needs.keys() {
        visit(start, needs, &mut done, &mut circle);
    }
    Order { names: done.into_iter().collect(), circle }
}

/// Depth first, with a stack of its own: files may chain thousands of names.
fn visit<'a, S: AsRef<str>>(
    start: &'a str,
    needs: &'a IndexMap<&'a str, Vec<S>>,
    done: &mut IndexSet<&'a str>,
    circle: &mut Option<Vec<&'a str>>,
) {
    // Each name on the path with the position of what to look at next.
    let mut path: IndexMap<&str, usize> = IndexMap::from([(start, 0)]);
    while let Some((name, next)) = path.last_mut() {
        let name = *name;
        let needed = if done.contains(name) { None } else { needs.get(name).and_then(|n| n.get(*next)) };
        *next += 1;
        let Some(needed) = needed else {
            done.insert(name);
            path.pop();
            continue;
        };
        let Some((needed, _)) = needs.get_key_value(needed.as_ref()) else { continue };
        if let Some(at) = path.get_index_of(needed) {
            circle.get_or_insert_with(|| path.keys().skip(at).chain([needed]).copied().collect());
        } else if !done.contains(*needed) {
            path.insert(needed, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_told_and_the_rest_is_ordered() {
        let needs =
            IndexMap::from([("x", vec!["a"]), ("a", vec!["b"]), ("b", vec!["a", "c"]), ("c", vec![])]);
        let order = order(&needs);
        assert_eq!(order.circle, Some(vec!["a", "b", "a"]));
        assert_eq!(order.names, ["c", "b", "a", "x"]);
    }
}
