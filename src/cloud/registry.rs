//! Which driver serves which kind.

use super::{Driver, beanstalk};

/// The driver of a kind of `stdlib/`, of a separate block (`security_group.allow`), or of what rollout actions make
/// (`s3.object`, `beanstalk.storage`, `beanstalk.version`, `beanstalk.deployment`, `beanstalk.swap`,
/// `cloudfront.invalidation`).
pub fn driver(kind: &str) -> Option<&'static dyn Driver> {
    let driver: &'static dyn Driver = match kind {
        "application" => &beanstalk::Application,
        "environment" => &beanstalk::Environment,
        "beanstalk.deployment" => &beanstalk::Deployment,
        "beanstalk.storage" => &beanstalk::Storage,
        "beanstalk.swap" => &beanstalk::Swap,
        "beanstalk.version" => &beanstalk::Version,
        _ => return None,
    };
    Some(driver)
}
