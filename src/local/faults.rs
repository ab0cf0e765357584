//! Trouble on order, for rehearsals and tests: always at the same mutating call, or with the same resource.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

/// What goes wrong with a mutating call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The process is killed before the call is applied.
    KillBefore,
    /// The process is killed after the call was applied, before the answer leaves.
    KillAfter,
    /// The call is applied, the answer gets lost: the client sees a broken connection.
    Lost,
    /// The call is refused: too many requests.
    Throttle,
    /// The service fails: an internal error, and nothing was applied.
    Error,
    /// The service fails after the call was applied.
    ErrorAfter,
    /// The call is applied; its answer comes after the client has given up waiting.
    Slow,
    /// The client gives up waiting before the call is applied.
    Late,
    /// What the call did stays unseen by this many later calls to the service: reads answer as before it, and calls that
    /// refer to what it made are refused.
    Hide(u64),
    /// The caller may not make the call.
    Deny,
    /// The account may not have more of what the call makes.
    Quota,
}

/// Which mutating call it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// The one of this number, from 1, since the local cloud was opened.
    Call(u64),
    /// The first one of this operation: `CreateDBInstance`, or `rds.AddTagsToResource` where several services have one of
    /// the name.
    Operation(String),
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// With a mutating call.
    At(What, When),
    /// From the call of this number on, all requests are refused: the credentials have expired. 0 means from the start.
    Expire(u64),
    /// All requests to the service of this name are refused, too many as they are, for so many milliseconds from the
    /// first on.
    Busy(String, i64),
    /// Lists are told in pages of at most so many items, whatever a request wants.
    Pages(usize),
    /// The resource of a node comes to a bad end: AWS's own word for its status, or what goes wrong.
    Fail(String, String),
}

/// How to write each.
const HELP: &str = "write `kill@N:before`, `kill@N:after`, `lost@N`, `throttle@N`, `error@N`, `error@N:after`, `slow@N`, `late@N`, \
                    `hide@N:READS`, `deny@N`, `quota@N` or `expire@N`, where N counts the calls that change something, from 1, or is one of \
                    them, such as `CreateDBInstance`; `throttle:SERVICE=SECONDS`; `fail:NODE=STATUS`; or `pages=ITEMS`";

impl FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = match text.split_once([':', '=']) {
            Some(("pages", items)) => items.parse().ok().filter(|items| *items > 0).map(Self::Pages),
            Some((what @ ("fail" | "throttle"), rest)) => Self::of_resource(what, rest),
            _ => Self::of_call(text),
        };
        parsed.ok_or_else(|| format!("`{text}` is not a fault: {HELP}"))
    }
}

impl FromStr for When {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let name = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.is_ascii();
        match text.parse() {
            Ok(0) => Err(()),
            Ok(number) => Ok(Self::Call(number)),
            Err(_) if name(text) => Ok(Self::Operation(text.to_owned())),
            Err(_) => Err(()),
        }
    }
}

impl Trouble {
    fn of_call(text: &str) -> Option<Self> {
        let (what, at) = text.split_once('@')?;
        if what == "expire" {
            return at.parse().ok().map(Self::Expire);
        }
        let (at, moment) = at.split_once(':').map_or((at, None), |(at, moment)| (at, Some(moment)));
        let what = match (what, moment) {
            ("kill", Some("before")) => What::KillBefore,
            ("kill", Some("after")) => What::KillAfter,
            ("lost", None) => What::Lost,
            ("throttle", None) => What::Throttle,
            ("error", None) => What::Error,
            ("error", Some("after")) => What::ErrorAfter,
            ("slow", None) => What::Slow,
            ("late", None) => What::Late,
            ("hide", Some(reads)) => What::Hide(reads.parse().ok().filter(|reads| *reads > 0)?),
            ("deny", None) => What::Deny,
            ("quota", None) => What::Quota,
            _ => return None,
        };
        Some(Self::At(what, at.parse().ok()?))
    }

    fn of_resource(what: &str, rest: &str) -> Option<Self> {
        let (of, how) = rest.split_once('=').filter(|(of, how)| !of.is_empty() && !how.is_empty())?;
        match what {
            "fail" => Some(Self::Fail(of.to_owned(), how.to_owned())),
            _ => {
                let service = super::Service::named(of)?;
                let seconds: i64 = how.parse().ok().filter(|seconds| (1..=86_400).contains(seconds))?;
                Some(Self::Busy(service.name().to_owned(), seconds * 1_000))
            }
        }
    }
}

/// What is done in place of killing the process.
pub type OnKill = Arc<dyn Fn() + Send + Sync>;

/// The trouble that a local cloud makes, and how many mutating calls it has seen.
#[derive(Clone, Default)]
pub struct Faults {
    troubles: Vec<Trouble>,
    on_kill: Option<OnKill>,
    calls: u64,
    /// Mutating calls by operation, `rds.CreateDBInstance`, and the current one.
    by_operation: HashMap<String, u64>,
    current: String,
    dead: bool,
    /// When the first request to a service that is too busy came.
    busy_since: Vec<(String, i64)>,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("troubles", &self.troubles).field("calls", &self.calls).finish()
    }
}

impl Faults {
    /// These troubles.
    pub fn new(troubles: impl IntoIterator<Item = Trouble>) -> Self {
        Self { troubles: troubles.into_iter().collect(), ..Self::default() }
    }

    /// With something else in place of killing the process, for tests within one process. It is called once;
    /// from then on no request is applied or answered.
    pub fn on_kill(mut self, on_kill: OnKill) -> Self {
        self.on_kill = Some(on_kill);
        self
    }

    /// How many mutating calls there were.
    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// Counts a mutating call: `rds`, `CreateDBInstance`.
    pub(super) fn count(&mut self, service: &str, operation: &str) {
        self.calls += 1;
        self.current = format!("{service}.{operation}");
        *self.by_operation.entry(self.current.clone()).or_default() += 1;
    }

    /// What goes wrong with the current call.
    pub(super) fn due(&self) -> Vec<What> {
        let due = |when: &When| match when {
            When::Call(number) => *number == self.calls,
            When::Operation(name) => {
                let same =
                    self.current == *name || self.current.split_once('.').is_some_and(|(_, op)| op == name);
                same && self.by_operation.get(&self.current) == Some(&1)
            }
        };
        let troubles = self.troubles.iter();
        troubles
            .filter_map(|trouble| match trouble {
                Trouble::At(what, when) if due(when) => Some(*what),
                _ => None,
            })
            .collect()
    }

    /// Whether some call is to be applied late.
    pub(super) fn orders_late(&self) -> bool {
        self.troubles.iter().any(|trouble| matches!(trouble, Trouble::At(What::Late, _)))
    }

    /// Whether a service has too many requests at a time.
    pub(super) fn busy(&mut self, service: &str, now: i64) -> bool {
        let lasts = self.troubles.iter().find_map(|trouble| match trouble {
            Trouble::Busy(of, lasts) if of == service => Some(*lasts),
            _ => None,
        });
        let Some(lasts) = lasts else { return false };
        if !self.busy_since.iter().any(|(of, _)| of == service) {
            self.busy_since.push((service.to_owned(), now));
        }
        self.busy_since.iter().any(|(of, since)| of == service && now < since.saturating_add(lasts))
    }

    /// The bad ends that resources come to, by node.
    pub(super) fn bad_ends(&self) -> impl Iterator<Item = (String, String)> {
        self.troubles.iter().filter_map(|trouble| match trouble {
            Trouble::Fail(node, status) => Some((node.clone(), status.clone())),
            _ => None,
        })
    }

    /// How many items a page of a list holds at most.
    pub(super) fn page(&self) -> Option<usize> {
        self.troubles.iter().find_map(|trouble| match trouble {
            Trouble::Pages(items) => Some(*items),
            _ => None,
        })
    }

    /// Whether the credentials have expired.
    pub(super) fn expired(&self) -> bool {
        self.troubles.iter().any(|trouble| matches!(trouble, Trouble::Expire(at) if *at <= self.calls))
    }

    /// Whether the process would be dead.
    pub(super) fn dead(&self) -> bool {
        self.dead
    }

    /// Kills this process at once, without any clean-up; or does what is to be done in its place.
    pub(super) fn kill(&mut self) {
        self.dead = true;
        match &self.on_kill {
            Some(on_kill) => on_kill(),
            None => {
                #[cfg(unix)]
                let _ =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                std::process::abort();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn faults_parse() {
        let at = |what, number| Ok(Trouble::At(what, When::Call(number)));
        assert_eq!("kill@17:after".parse(), at(What::KillAfter, 17));
        assert_eq!("kill@1:before".parse(), at(What::KillBefore, 1));
        assert_eq!("lost@5".parse(), at(What::Lost, 5));
        assert_eq!("throttle@3".parse(), at(What::Throttle, 3));
        assert_eq!("error@3:after".parse(), at(What::ErrorAfter, 3));
        assert_eq!("hide@2:4".parse(), at(What::Hide(4), 2));
        let create = When::Operation("CreateDBInstance".into());
        assert_eq!("late@CreateDBInstance".parse(), Ok(Trouble::At(What::Late, create)));
        assert_eq!("expire@0".parse(), Ok(Trouble::Expire(0)));
        assert_eq!("throttle:rds=90".parse(), Ok(Trouble::Busy("rds".into(), 90_000)));
        assert_eq!("pages=2".parse(), Ok(Trouble::Pages(2)));
        let full = Trouble::Fail("db[\"a\"]".into(), "storage-full".into());
        assert_eq!("fail:db[\"a\"]=storage-full".parse(), Ok(full));
        for wrong in [
            "",
            "kill",
            "kill@3",
            "kill@0:after",
            "lost@5:after",
            "lost@-1",
            "boom@1",
            "kill@1:later",
            "hide@1",
            "hide@1:0",
            "fail:=x",
            "fail:db",
            "throttle:nothing=5",
            "throttle:rds=0",
            "pages",
            "pages=0",
            "pages:2:3",
        ] {
            let error = wrong.parse::<Trouble>().unwrap_err();
            assert!(error.contains("kill@N:before"), "{error}");
        }
    }
}
