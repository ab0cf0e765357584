//! Trying again: full-jitter back-off, derived from the run's seed so that a run can be replayed, and a budget for each
//! service that all nodes share.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::cloud::CloudError;

/// The first ceiling of a pause; it doubles with each failure.
const BASE: Duration = Duration::from_millis(500);
/// The highest ceiling.
const CAP: Duration = Duration::from_secs(30);

/// How often in a row a call may fail in ways that are worth trying again. EB CLI gives up after ten throttled calls
/// as well (awsebcli, `lib/aws.py`).
const MOST_FAILURES: u32 = 10;
/// The same for a call that was throttled: it did no harm, and others of the account may keep a service busy for minutes.
const MOST_THROTTLED: u32 = 30;

/// How often the calls of one service may be tried again at once.
const TOKENS: f64 = 10.0;
/// How many more each second.
const TOKENS_A_SECOND: f64 = 1.0;

/// The pause after the failure of this number, from 0: anything up to its ceiling.
pub(super) fn jitter(seed: u64, what: &str, failure: u32) -> Duration {
    let ceiling = BASE.saturating_mul(1 << failure.min(10)).min(CAP);
    let mut hasher = DefaultHasher::new();
    (seed, what, failure).hash(&mut hasher);
    ceiling.mul_f64(hasher.finish() as f64 / u64::MAX as f64)
}

/// How often in a row a call may fail in this way.
pub(super) fn most_failures(error: &CloudError) -> u32 {
    if error.throttled() { MOST_THROTTLED } else { MOST_FAILURES }
}

/// What is left of each service's patience, for all nodes together: however many of them a service refuses, it is not
/// asked again by all of them at once.
#[derive(Debug, Default)]
pub(super) struct Budget {
    services: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    /// Below zero: so many have been promised.
    tokens: f64,
    /// When that was so, in milliseconds.
    at: i64,
}

impl Budget {
    /// Takes leave to try a call once more; it may be used after this pause. Whoever comes first is served first.
    pub fn take(&self, operation: &str, now: i64) -> Duration {
        let service = operation.split(':').next().unwrap_or_default();
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = services.entry(service.to_owned()).or_insert(Bucket { tokens: TOKENS, at: now });
        let seconds = Duration::from_millis(u64::try_from(now - bucket.at).unwrap_or(0)).as_secs_f64();
        bucket.tokens = (bucket.tokens + seconds * TOKENS_A_SECOND).min(TOKENS) - 1.0;
        bucket.at = now.max(bucket.at);
        Duration::from_secs_f64((-bucket.tokens / TOKENS_A_SECOND).max(0.0))
    }
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

    #[test]
    fn a_service_that_refuses_many_is_asked_again_by_one_after_the_other() {
        let budget = Budget::default();
        let pauses: Vec<Duration> = (0..30).map(|_| budget.take("rds:CreateDBInstance", 5_000)).collect();
        assert_eq!(pauses[9], Duration::ZERO);
        assert_eq!(pauses[10], Duration::from_secs(1));
        assert_eq!(pauses[29], Duration::from_secs(20));
        // Another service has its own; time brings tokens, but never more than there may be.
        assert_eq!(budget.take("ec2:CreateSecurityGroup", 5_000), Duration::ZERO);
        assert_eq!(budget.take("rds:DescribeDBInstances", 15_000), Duration::from_secs(11));
        assert_eq!(budget.take("rds:DescribeDBInstances", 3_600_000), Duration::ZERO);
        let pauses: Vec<Duration> = (0..10).map(|_| budget.take("rds:X", 3_600_000)).collect();
        assert_eq!(pauses[9], Duration::from_secs(1));
    }
}
