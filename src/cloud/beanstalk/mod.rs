//! AWS Elastic Beanstalk: applications, their versions, environments, and what a rollout does to them.

mod application;
mod balancer;
mod behalf;
mod deployment;
mod environment;
mod events;
mod lifecycle;
mod logs;
mod options;
mod platform;
mod policy;
mod raw;
mod resources;
mod storage;
mod swap;
#[cfg(test)]
mod tests;
mod version;

pub use application::Application;
pub use deployment::Deployment;
pub use environment::{Environment, variables};
pub use storage::Storage;
pub use swap::Swap;
pub use version::{Release, Version, releases};

use aws_sdk_elasticbeanstalk::types::{EnvironmentDescription, EnvironmentStatus, Tag};

use super::{
    Clients, CloudError, Op, Reply, TagCalls, TagChange, Tags, calling, found, reading, sdk_tags, seen_tags,
};

/// Both directions of tagging are one call.
const TAGS: TagCalls = TagCalls {
    set: "elasticbeanstalk:UpdateTagsForResource",
    remove: "elasticbeanstalk:UpdateTagsForResource",
};

/// The environment of a name that is not terminated: terminated ones are listed for an hour, beside a living one of
/// the same name.
async fn live(clients: &Clients, name: &str) -> Result<Option<EnvironmentDescription>, CloudError> {
    clients.shared.one(DESCRIBE, name, |names| all_live(clients, names)).await
}

const DESCRIBE: &str = "elasticbeanstalk:DescribeEnvironments";

async fn all_live(
    clients: &Clients,
    names: Vec<String>,
) -> Result<Vec<(String, EnvironmentDescription)>, CloudError> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let request = clients.beanstalk.describe_environments().include_deleted(false);
        let request = request.set_environment_names(Some(names.clone())).set_next_token(token);
        let reply = request.send().await.map_err(reading(DESCRIBE))?;
        let living = |e: &EnvironmentDescription| e.status != Some(EnvironmentStatus::Terminated);
        let named = |e: EnvironmentDescription| Some((e.environment_name.clone()?, e));
        all.extend(reply.environments.unwrap_or_default().into_iter().filter(living).filter_map(named));
        token = reply.next_token;
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// AWS's own word for what an environment does; none when it is ready.
fn busy(environment: &EnvironmentDescription) -> Option<String> {
    match &environment.status {
        Some(EnvironmentStatus::Ready) => None,
        Some(status) => Some(status.as_str().to_owned()),
        None => Some("unknown".to_owned()),
    }
}

/// The tags of an application or environment; none when they cannot be read yet.
async fn tags_of(clients: &Clients, arn: &str) -> Result<Option<Tags>, CloudError> {
    let reply = clients.beanstalk.list_tags_for_resource().resource_arn(arn).send().await;
    let reply = found(reply.map_err(reading("elasticbeanstalk:ListTagsForResource")))?;
    // An environment's tag `Name` is Beanstalk's own and cannot be changed.
    let own = |key: Option<&str>| key == Some("Name") && arn.contains(":environment/");
    Ok(reply.map(|reply| {
        let tags = reply.resource_tags().iter().filter(|tag| !own(tag.key()));
        seen_tags(tags.map(|tag| (tag.key(), tag.value())))
    }))
}

fn beanstalk_tags(tags: &Tags) -> Vec<Tag> {
    sdk_tags(tags, |key, value| Tag::builder().key(key).value(value).build())
}

/// Makes a call of [`TAGS`].
async fn retag(clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError> {
    let change = TagChange::of(op)?;
    let mut request = clients.beanstalk.update_tags_for_resource().resource_arn(arn);
    if !change.set.is_empty() {
        request = request.set_tags_to_add(Some(beanstalk_tags(&change.set)));
    }
    if !change.remove.is_empty() {
        request = request.set_tags_to_remove(Some(change.remove));
    }
    let reply = request.send().await.map_err(calling(TAGS.set))?;
    Ok(Reply::of(&reply, None))
}

/// An operation that this driver does not know.
fn unknown(op: &Op) -> CloudError {
    CloudError::misuse(&op.operation, "this kind has no such call")
}
