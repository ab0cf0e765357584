//! When to look again at something that is under way: seldom while it cannot be done, then often enough that what is done
//! does not stay unnoticed for more than a twentieth of the time that it took, and at the same moments as all others who
//! wait for the like, so that one read serves them all.

use std::time::Duration;

/// Pauses grow to this part of the time that has passed.
const PART: i64 = 20;
/// A moment that is nearer than this is too near to look at.
const TOO_NEAR: i64 = 1_000;

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The shortest pause that makes sense for the kind.
    pub poll: Duration,
    /// How long it takes at least, as a rule.
    pub soonest: Duration,
}

impl Pace {
    /// The pause after so much time has passed, at a time; both in milliseconds. Moments are counted from `origin`, which is the
    /// same for all who wait in a run.
    pub fn pause(self, passed: i64, now: i64, origin: i64) -> Duration {
        let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4);
        let (poll, soonest) = (ms(self.poll).max(1), ms(self.soonest));
        let passed = passed.max(0);
        let mut step = poll;
        let quiet = match passed < soonest {
            // One look finds out whether it has failed already: after half of the time.
            true => (if passed < soonest / 2 { soonest / 2 } else { soonest }) - passed,
            false => 0,
        };
        // Steps are doubled, never stretched: the moments of a long step are moments of the shorter ones as well.
        while quiet == 0 && step.saturating_mul(2) <= passed / PART {
            step = step.saturating_mul(2);
        }
        let earliest = now.saturating_add(quiet).saturating_add(TOO_NEAR.min(step / 2));
        let phase = earliest.saturating_sub(origin).rem_euclid(step);
        let moment = if phase == 0 { earliest } else { earliest.saturating_add(step - phase) };
        Duration::from_millis(u64::try_from(moment - now).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: i64 = 1_767_225_600_123;

    /// The moments of all looks of something that begins at a time, up to an end, in milliseconds after its beginning.
    fn looks(pace: Pace, begin: i64, end: i64) -> Vec<i64> {
        let mut passed = 0;
        let mut moments = Vec::new();
        while passed < end {
            passed +=
                i64::try_from(pace.pause(passed, begin + passed, ORIGIN).as_millis()).unwrap_or(i64::MAX);
            moments.push(passed);
        }
        moments
    }

    fn pace(poll: u64, soonest: u64) -> Pace {
        Pace { poll: Duration::from_secs(poll), soonest: Duration::from_secs(soonest) }
    }

    #[test]
    fn nothing_that_is_done_stays_unnoticed_for_long() {
        for begin in [ORIGIN, ORIGIN + 7_777, ORIGIN + 14_999] {
            let looks = looks(pace(15, 240), begin, 3 * 3_600_000);
            for pair in looks.windows(2) {
                let (before, after) = (pair[0], pair[1]);
                let longest = if before < 240_000 { 135_000 } else { (before / 20).max(15_000) + 1_000 };
                assert!(after - before <= longest, "{before} {after}");
            }
        }
    }

    #[test]
    fn looks_are_few_while_nothing_can_be_done() {
        let looks = looks(pace(15, 240), ORIGIN + 1, 600_000);
        assert!(looks.iter().filter(|at| **at < 240_000).count() <= 4, "{looks:?}");
        assert!(looks.len() < 30, "{looks:?}");
    }

    #[test]
    fn all_wake_at_the_same_moments() {
        let early = looks(pace(15, 0), ORIGIN, 3_600_000);
        let late = looks(pace(15, 0), ORIGIN + 100_200, 3_600_000);
        let early: Vec<i64> = early.into_iter().map(|at| ORIGIN + at).collect();
        let alone = late.iter().map(|at| ORIGIN + 100_200 + at).filter(|at| !early.contains(at)).count();
        // The younger looks more often, at moments that are the older one's as well when that one looks.
        let shared = early.iter().filter(|at| **at > ORIGIN + 130_000).count();
        let joined = late.iter().filter(|at| early.contains(&(ORIGIN + 100_200 + **at))).count();
        assert!(joined + 3 >= shared && alone < 40, "{joined} of {shared}, {alone} alone");
    }
}
