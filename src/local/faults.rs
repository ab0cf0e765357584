//! Trouble on order, for rehearsals and tests: always at the same mutating call.

use std::str::FromStr;
use std::sync::Arc;

/// Something that goes wrong at the N-th mutating call, counted from 1 since the local cloud was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The process is killed before the call is applied.
    KillBefore(u64),
    /// The process is killed after the call was applied, before the answer leaves.
    KillAfter(u64),
    /// The call is applied, the answer gets lost: the client sees a broken connection.
    Lost(u64),
    /// The call is refused: too many requests.
    Throttle(u64),
    /// From this call on, all requests are refused: the credentials have expired. 0 means from the start.
    Expire(u64),
}

impl FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('@').and_then(|(what, at)| {
            let (at, moment) = at.split_once(':').map_or((at, None), |(at, moment)| (at, Some(moment)));
            let at: u64 = at.parse().ok()?;
            Some(match (what, moment) {
                ("expire", None) => Self::Expire(at),
                _ if at == 0 => return None,
                ("kill", Some("before")) => Self::KillBefore(at),
                ("kill", Some("after")) => Self::KillAfter(at),
                ("lost", None) => Self::Lost(at),
                ("throttle", None) => Self::Throttle(at),
                _ => return None,
            })
        });
        parsed.ok_or_else(|| {
            format!(
                "`{text}` is not a fault: write `kill@N:before`, `kill@N:after`, `lost@N`, `throttle@N` or `expire@N`, where N counts the calls that change something, from 1"
            )
        })
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
    dead: bool,
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

    /// Counts a mutating call.
    pub(super) fn count(&mut self) {
        self.calls += 1;
    }

    /// Whether a trouble is due at the current call.
    pub(super) fn due(&self, trouble: fn(u64) -> Trouble) -> bool {
        self.troubles.contains(&trouble(self.calls))
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
        assert_eq!("kill@17:after".parse(), Ok(Trouble::KillAfter(17)));
        assert_eq!("kill@1:before".parse(), Ok(Trouble::KillBefore(1)));
        assert_eq!("lost@5".parse(), Ok(Trouble::Lost(5)));
        assert_eq!("throttle@3".parse(), Ok(Trouble::Throttle(3)));
        assert_eq!("expire@0".parse(), Ok(Trouble::Expire(0)));
        for wrong in
            ["", "kill", "kill@3", "kill@0:after", "lost@5:after", "lost@-1", "boom@1", "kill@1:later"]
        {
            let error = wrong.parse::<Trouble>().unwrap_err();
            assert!(error.contains("kill@N:before"), "{error}");
        }
    }
}
