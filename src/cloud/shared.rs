//! Reads that all who wait share: one `DescribeDBInstances` answers everyone who asks for an instance at that moment.
//!
//! Whoever wants to know of one thing says its name; who comes while an answer to an earlier question is on its way, or
//! just after, is served by that answer, if it covers the name. The next question covers all names asked for lately. An
//! answer never serves anyone after a change that it may not show: [`Shared::changed`] makes all questions asked before
//! it too old.

use aws_smithy_async::time::SharedTimeSource;
use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::CloudError;

/// How long an answer serves others who ask. Those who wait wake together, so it need not be long.
const FRESH: Duration = Duration::from_secs(1);
/// How long a name that is no longer asked for is still asked about. Longer than almost every pause between two looks.
const REMEMBERED: Duration = Duration::from_secs(300);

/// What all drivers of one run share of what they read.
pub struct Shared {
    time: SharedTimeSource,
    /// By what is read: `rds:DescribeDBInstances`.
    slots: Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>,
    /// How many changes there were.
    changes: AtomicU64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

/// One kind of read.
struct Slot<T> {
    /// Whoever holds it reads; the others wait, and are served by what is in it then.
    last: tokio::sync::Mutex<Option<Answer<T>>>,
    /// Names that were asked for, and when last.
    names: Mutex<HashMap<String, SystemTime>>,
    /// Numbers everyone who asks.
    tickets: AtomicU64,
    /// Whether the caller may only ask for single things: a policy may name them one by one.
    alone: AtomicBool,
}

/// What was read.
struct Answer<T> {
    names: HashSet<String>,
    found: Result<HashMap<String, T>, CloudError>,
    /// The number of changes before the question.
    change: u64,
    /// When the answer had come, and the first ticket that had not been drawn by then.
    at: SystemTime,
    ticket: u64,
}

impl Shared {
    /// For clients that live by this time.
    pub fn new(time: SharedTimeSource) -> Self {
        Self { time, slots: Mutex::default(), changes: AtomicU64::new(0) }
    }

    /// Something was changed, or may have been: what was asked for until now is too old for whoever asks from now on.
    pub fn changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// What there is of a name. `read` gets all names that are worth asking for, this one among them, and gives what
    /// exists of them by name; it may give more. Names that it does not give do not exist.
    ///
    /// # Errors
    /// What `read` gave.
    pub async fn one<T, R>(
        &self,
        what: &str,
        name: &str,
        read: impl Fn(Vec<String>) -> R + Send,
    ) -> Result<Option<T>, CloudError>
    where
        T: Clone + Send + Sync + 'static,
        R: Future<Output = Result<Vec<(String, T)>, CloudError>> + Send,
    {
        let slot = self.slot::<T>(what);
        let asked = self.time.now();
        let change = self.changes.load(Ordering::SeqCst);
        let ticket = slot.tickets.fetch_add(1, Ordering::SeqCst);
        slot.note(name, asked);
        let mut last = slot.last.lock().await;
        if let Some(answer) = last.as_ref().filter(|answer| answer.serves(name, change, ticket, asked)) {
            return answer.of(name);
        }
        let change = self.changes.load(Ordering::SeqCst);
        let alone = || vec![name.to_owned()];
        let mut names = match slot.alone.load(Ordering::SeqCst) {
            true => alone(),
            false => slot.names(self.time.now()),
        };
        let mut found = read(names.clone()).await;
        if names.len() > 1 && found.as_ref().is_err_and(CloudError::denied) {
            slot.alone.store(true, Ordering::SeqCst);
            names = alone();
            found = read(names.clone()).await;
        }
        let found = found.map(|found| found.into_iter().collect());
        let answer = Answer {
            names: names.into_iter().collect(),
            found,
            change,
            at: self.time.now(),
            ticket: slot.tickets.load(Ordering::SeqCst),
        };
        let of_name = answer.of(name);
        *last = Some(answer);
        of_name
    }

    fn slot<T: Send + Sync + 'static>(&self, what: &str) -> Arc<Slot<T>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || -> Arc<Slot<T>> {
            Arc::new(Slot {
                last: tokio::sync::Mutex::new(None),
                names: Mutex::default(),
                tickets: AtomicU64::new(0),
                alone: AtomicBool::new(false),
            })
        };
        let slot = slots.entry(what.to_owned()).or_insert_with(|| new()).clone();
        // Each kind of read has one type; should two disagree, the second shares nothing.
        slot.downcast::<Slot<T>>().unwrap_or_else(|_| new())
    }
}

impl<T> Slot<T> {
    fn note(&self, name: &str, now: SystemTime) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned(), now);
    }

    fn names(&self, now: SystemTime) -> Vec<String> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|_, at| now.duration_since(*at).is_ok_and(|age| age < REMEMBERED));
        let mut names: Vec<String> = names.keys().cloned().collect();
        names.sort();
        names
    }
}

impl<T: Clone> Answer<T> {
    /// Whether it serves someone who asked when there had been so many changes.
    fn serves(&self, name: &str, change: u64, ticket: u64, asked: SystemTime) -> bool {
        // Whoever asked before it came gets it, be it a refusal: asking once more each would make bad worse.
        let waited = ticket < self.ticket;
        let fresh = self.found.is_ok() && asked.duration_since(self.at).is_ok_and(|age| age < FRESH);
        self.change >= change && self.names.contains(name) && (waited || fresh)
    }

    fn of(&self, name: &str) -> Result<Option<T>, CloudError> {
        self.found.as_ref().map(|found| found.get(name).cloned()).map_err(Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use aws_smithy_async::time::TimeSource;
    use futures_util::future::join_all;

    /// The time of the paused runtime.
    #[derive(Debug)]
    struct Paused(tokio::time::Instant);

    impl TimeSource for Paused {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + self.0.elapsed()
        }
    }

    struct Desk {
        shared: Shared,
        /// What was asked for, one entry a question.
        questions: Mutex<Vec<Vec<String>>>,
        refuse: Option<&'static str>,
        /// Whether only one thing at a time may be asked for.
        single: bool,
    }

    impl Desk {
        fn new() -> Self {
            let shared = Shared::new(SharedTimeSource::new(Paused(tokio::time::Instant::now())));
            Self { shared, questions: Mutex::default(), refuse: None, single: false }
        }

        /// Asks; an answer takes 100 ms and is the number of the question. `none` does not exist.
        async fn ask(&self, name: &str) -> Result<Option<usize>, CloudError> {
            let read = |names: Vec<String>| async move {
                let number = {
                    let mut questions = self.questions.lock().unwrap();
                    questions.push(names.clone());
                    questions.len()
                };
                tokio::time::sleep(Duration::from_millis(100)).await;
                if let Some(code) = self.refuse.or((self.single && names.len() > 1).then_some("AccessDenied"))
                {
                    return Err(CloudError::of("x:Read", code, "no"));
                }
                Ok(names.into_iter().filter(|name| name != "none").map(|name| (name, number)).collect())
            };
            self.shared.one("x:Read", name, read).await
        }

        fn count(&self) -> usize {
            self.questions.lock().unwrap().len()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_together_share_one_answer() {
        let desk = Desk::new();
        let names = ["a", "b", "none", "c"];
        let first = join_all(names.map(|name| desk.ask(name))).await;
        // The first question cannot know who comes next.
        assert_eq!(desk.count(), 2);
        assert_eq!(
            first.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
            [Some(1), Some(2), None, Some(2)]
        );
        tokio::time::sleep(Duration::from_secs(30)).await;
        let second = join_all(names.map(|name| desk.ask(name))).await;
        assert_eq!(desk.count(), 3);
        assert_eq!(second[2].as_ref().unwrap(), &None);
        assert_eq!(*desk.questions.lock().unwrap().last().unwrap(), ["a", "b", "c", "none"]);
        tokio::time::sleep(REMEMBERED).await;
        desk.ask("a").await.unwrap();
        assert_eq!(*desk.questions.lock().unwrap().last().unwrap(), ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_gets_an_answer_from_before_a_change() {
        let desk = Desk::new();
        assert_eq!(desk.ask("a").await.unwrap(), Some(1));
        assert_eq!(desk.ask("a").await.unwrap(), Some(1));
        desk.shared.changed();
        assert_eq!(desk.ask("a").await.unwrap(), Some(2));
        // A change while the question is under way: who asked before it is served, who asks after it is not.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let early = async { (desk.ask("a").await.unwrap(), desk.ask("a").await.unwrap()) };
        let late = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            desk.shared.changed();
            desk.ask("a").await.unwrap()
        };
        let (early, late) = tokio::join!(early, late);
        assert_eq!((early, late), ((Some(3), Some(4)), Some(4)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_only_ask_for_single_things_does_so() {
        let desk = Desk { single: true, ..Desk::new() };
        for found in join_all(["a", "b", "c"].map(|name| desk.ask(name))).await {
            assert!(found.unwrap().is_some());
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
        let before = desk.count();
        assert!(desk.ask("a").await.unwrap().is_some());
        assert_eq!(desk.count(), before + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_shared_by_those_who_waited_for_it_and_asked_again_by_the_next() {
        let desk = Desk { refuse: Some("Throttling"), ..Desk::new() };
        // The first question knows one name only, so that there are two.
        let all = join_all(["a", "b", "c", "d"].map(|name| desk.ask(name))).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(desk.count(), 2);
        assert!(desk.ask("a").await.is_err());
        assert_eq!(desk.count(), 3);
    }
}
