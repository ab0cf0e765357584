//! Doing many things at once, each after those that it waits for.

use futures_util::stream::{FuturesUnordered, StreamExt};
use indexmap::IndexMap;
use std::future::Future;
use std::hash::Hash;

/// How many nodes are worked on at once. AWS throttles by account; more would only wait in back-off.
pub(super) const AT_ONCE: usize = 16;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Well.
    Done,
    /// It failed, or was stopped: what waits for it is not tried.
    Failed,
    /// It was not tried.
    Skipped,
}

/// Runs tasks, at most `limit` at once, each when all that it waits for have ended well, in the order given. What waits
/// for a task that did not end well is skipped; everything else goes on. Names that are not among the tasks count as done.
pub(super) async fn schedule<K, F>(
    tasks: IndexMap<K, Vec<K>>,
    limit: usize,
    work: impl Fn(K) -> F,
) -> IndexMap<K, Fate>
where
    K: Clone + Eq + Hash,
    F: Future<Output = Fate>,
{
    let mut fates: IndexMap<K, Fate> = IndexMap::with_capacity(tasks.len());
    let mut waiting = tasks.clone();
    let mut running = FuturesUnordered::new();
    loop {
        settle(&mut waiting, &tasks, &mut fates, |key| {
            let free = running.len() < limit;
            if free {
                let work = work(key.clone());
                running.push(async move { (key, work.await) });
            }
            free
        });
        match running.next().await {
            Some((key, fate)) => {
                fates.insert(key, fate);
            }
            None => break,
        }
    }
    // What is left waits for itself in a circle.
    fates.extend(waiting.into_keys().map(|key| (key, Fate::Skipped)));
    fates
}

/// Starts what is ready and skips what has become hopeless, until neither is left.
fn settle<K: Clone + Eq + Hash>(
    waiting: &mut IndexMap<K, Vec<K>>,
    tasks: &IndexMap<K, Vec<K>>,
    fates: &mut IndexMap<K, Fate>,
    mut start: impl FnMut(K) -> bool,
) {
    loop {
        let before = waiting.len();
        waiting.retain(|key, needs| {
            let known = |need: &K| match fates.get(need) {
                Some(fate) => Some(*fate),
                None if tasks.contains_key(need) => None,
                None => Some(Fate::Done),
            };
            if needs.iter().any(|need| matches!(known(need), Some(Fate::Failed | Fate::Skipped))) {
                fates.insert(key.clone(), Fate::Skipped);
                return false;
            }
            let ready = needs.iter().all(|need| known(need) == Some(Fate::Done));
            !(ready && start(key.clone()))
        });
        if waiting.len() == before {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::time::Duration;

    fn tasks(list: &[(&'static str, &[&'static str])]) -> IndexMap<&'static str, Vec<&'static str>> {
        list.iter().map(|(key, needs)| (*key, needs.to_vec())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn order_is_kept_and_a_failure_stops_only_what_needs_it() {
        let order = RefCell::new(Vec::new());
        let graph =
            tasks(&[("c", &["a"]), ("a", &[]), ("b", &["bad"]), ("bad", &[]), ("d", &["b"]), ("e", &["x"])]);
        let fates = schedule(graph, 8, |key| {
            let order = &order;
            async move {
                order.borrow_mut().push(key);
                tokio::time::sleep(Duration::from_secs(1)).await;
                if key == "bad" { Fate::Failed } else { Fate::Done }
            }
        })
        .await;
        assert_eq!(*order.borrow(), ["a", "bad", "e", "c"]);
        assert_eq!(fates["b"], Fate::Skipped);
        assert_eq!(fates["d"], Fate::Skipped);
        assert_eq!(fates["c"], Fate::Done);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_limit_run_at_once() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let graph: IndexMap<usize, Vec<usize>> = (0..50).map(|n| (n, Vec::new())).collect();
        let fates = schedule(graph, 4, |n| {
            let (now, most) = (&now, &most);
            async move {
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                tokio::time::sleep(Duration::from_millis(n as u64 % 7)).await;
                now.set(now.get() - 1);
                Fate::Done
            }
        })
        .await;
        assert_eq!((fates.len(), most.get()), (50, 4));
    }

    #[tokio::test]
    async fn a_circle_ends() {
        let fates = schedule(tasks(&[("a", &["b"]), ("b", &["a"])]), 8, |_| async { Fate::Done }).await;
        assert!(fates.values().all(|fate| *fate == Fate::Skipped));
    }
}
