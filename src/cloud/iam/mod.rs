//! IAM: roles and instance profiles.

mod instance_profile;
mod policies;
mod role;

pub use instance_profile::InstanceProfile;
pub use role::Role;

use aws_sdk_iam::types::Tag;

use super::{CloudError, Tags, sdk_tags};

/// Tags in IAM's type.
///
/// # Errors
/// Never: key and value are given.
fn tags(tags: &Tags, operation: &str) -> Result<Vec<Tag>, CloudError> {
    let tags = sdk_tags(tags, |key, value| Tag::builder().key(key).value(value).build());
    tags.into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| CloudError::misuse(operation, error.to_string()))
}
