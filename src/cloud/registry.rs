//! Which driver serves which kind.

use super::Driver;

/// The driver of a kind of `stdlib/`, of a separate block (`security_group.allow`), or of what rollout actions make
/// (`s3.object`, `beanstalk.storage`, `beanstalk.version`, `beanstalk.deployment`, `beanstalk.swap`,
/// `cloudfront.invalidation`).
pub fn driver(kind: &str) -> Option<&'static dyn Driver> {
    match kind {
        _ => None,
    }
}
