//! Putting things that need each other into an order.

use indexmap::IndexMap;

/// An order, and the first circle that stood in its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order<'a> {
    /// Every name, each after those that it needs where no circle forbids it, otherwise in the order given.
    pub names: Vec<&'a str>,
    /// Names that need each other; the first is also the last.
    pub circle: Option<Vec<&'a str>>,
}

/// How far a name has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnPath,
    Done,
}

/// Sorts names so that each comes after those that it needs. What is needed but is not among the names does not count.
pub fn order<'a, S: AsRef<str>>(needs: &'a IndexMap<&'a str, Vec<S>>) -> Order<'a> {
    let mut states = vec![State::New; needs.len()];
    let mut sorted = Order { names: Vec::with_capacity(needs.len()), circle: None };
    for start in 0..needs.len() {
        visit(start, needs, &mut states, &mut sorted);
    }
    sorted
}

/// Depth first, with a stack of its own: files may chain thousands of names.
fn visit<'a, S: AsRef<str>>(
    start: usize,
    needs: &'a IndexMap<&'a str, Vec<S>>,
    states: &mut [State],
    sorted: &mut Order<'a>,
) {
    if !advance(states, start, State::New, State::OnPath) {
        return;
    }
    // Each name on the path with the position of what to look at next.
    let mut path = vec![(start, 0)];
    while let Some((at, next)) = path.last_mut() {
        let at = *at;
        let needed = needs.get_index(at).and_then(|(_, needed)| needed.get(*next));
        *next += 1;
        let Some(needed) = needed else {
            advance(states, at, State::OnPath, State::Done);
            sorted.names.extend(needs.get_index(at).map(|(name, _)| *name));
            path.pop();
            continue;
        };
        let Some(needed) = needs.get_index_of(needed.as_ref()) else { continue };
        if advance(states, needed, State::New, State::OnPath) {
            path.push((needed, 0));
        } else if sorted.circle.is_none() && states.get(needed) == Some(&State::OnPath) {
            let circle = path.iter().map(|(at, _)| *at).skip_while(|at| *at != needed).chain([needed]);
            let names = circle.filter_map(|at| needs.get_index(at).map(|(name, _)| *name));
            sorted.circle = Some(names.collect());
        }
    }
}

/// Moves a name from one state to another; false when it is in neither.
fn advance(states: &mut [State], at: usize, from: State, to: State) -> bool {
    match states.get_mut(at) {
        Some(state) if *state == from => {
            *state = to;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_told_and_the_rest_is_ordered() {
        let needs =
            IndexMap::from([("x", vec!["a"]), ("a", vec!["b"]), ("b", vec!["a", "c"]), ("c", vec![])]);
        let sorted = order(&needs);
        assert_eq!(sorted.circle, Some(vec!["a", "b", "a"]));
        assert_eq!(sorted.names, ["c", "b", "a", "x"]);
    }
}
