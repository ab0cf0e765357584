//! Full-jitter back-off, derived from the run's seed so that a run can be replayed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// The first ceiling of a pause; it doubles with each failure.
const BASE: Duration = Duration::from_millis(500);
/// The highest ceiling.
const CAP: Duration = Duration::from_secs(30);

/// How often in a row a call may fail in ways that are worth trying again. EB CLI gives up after ten throttled calls
/// as well (awsebcli, `lib/aws.py`).
pub(super) const MOST_FAILURES: u32 = 10;

/// The pause after the failure of this number, from 0: anything up to its ceiling.
pub(super) fn jitter(seed: u64, what: &str, failure: u32) -> Duration {
    let ceiling = BASE.saturating_mul(1 << failure.min(10)).min(CAP);
    let mut hasher = DefaultHasher::new();
    (seed, what, failure).hash(&mut hasher);
    ceiling.mul_f64(hasher.finish() as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_under_the_cap_and_differ() {
        let pauses: Vec<Duration> = (0..20).map(|n| jitter(7, "db", n)).collect();
        assert!(pauses.iter().all(|pause| *pause <= CAP));
        assert!(pauses[0] <= BASE);
        assert_ne!(jitter(7, "db", 9), jitter(7, "cache", 9));
        assert_eq!(jitter(7, "db", 9), jitter(7, "db", 9));
    }
}
