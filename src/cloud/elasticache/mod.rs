//! Amazon ElastiCache: clusters, replication groups, their subnet groups and parameter groups.

mod cache_cluster;
mod cache_parameter_group;
mod cache_subnet_group;
mod group_calls;
mod group_seen;
mod replication_group;

pub use cache_cluster::CacheCluster;
pub use cache_parameter_group::CacheParameterGroup;
pub use cache_subnet_group::CacheSubnetGroup;
pub use replication_group::ReplicationGroup;

use aws_sdk_elasticache::types::{SourceType, Tag};

use super::parts::with_events;
use super::{
    Clients, CloudError, Op, Reply, TagCalls, TagChange, Tags, calling, found, reading, sdk_tags, seen_tags,
};

const TAGS: TagCalls =
    TagCalls { set: "elasticache:AddTagsToResource", remove: "elasticache:RemoveTagsFromResource" };

fn tags(tags: &Tags) -> Option<Vec<Tag>> {
    Some(sdk_tags(tags, |key, value| Tag::builder().key(key).value(value).build()))
}

/// The tags of a resource; `None` while it is being made or deleted, when AWS does not tell them.
async fn tags_of(clients: &Clients, arn: &str) -> Result<Option<Tags>, CloudError> {
    let call = clients.elasticache.list_tags_for_resource().resource_name(arn);
    let reply = found(call.send().await.map_err(reading("elasticache:ListTagsForResource")))?;
    Ok(reply.map(|reply| seen_tags(reply.tag_list().iter().map(|tag| (tag.key(), tag.value())))))
}

/// Makes one of [`TAGS`]' calls.
async fn tag(clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError> {
    let change = TagChange::of(op)?;
    if op.operation == TAGS.set {
        let call = clients.elasticache.add_tags_to_resource().resource_name(arn).set_tags(tags(&change.set));
        return Ok(Reply::of(&call.send().await.map_err(calling(&op.operation))?, None));
    }
    let call =
        clients.elasticache.remove_tags_from_resource().resource_name(arn).set_tag_keys(Some(change.remove));
    Ok(Reply::of(&call.send().await.map_err(calling(&op.operation))?, None))
}

/// What ElastiCache said about something in the last day, oldest first. Whoever may not ask learns nothing.
async fn last_events(clients: &Clients, source: SourceType, id: &str) -> Vec<String> {
    let call = clients.elasticache.describe_events().source_type(source);
    let call = call.source_identifier(id).duration(24 * 60);
    let mut events = call.into_paginator().items().send();
    let mut messages = Vec::new();
    while let Some(Ok(event)) = events.next().await {
        messages.extend(event.message);
    }
    messages
}

/// A failure with the last things that ElastiCache said about something.
async fn explained(clients: &Clients, source: SourceType, id: &str, why: &str) -> String {
    let events = last_events(clients, source, id).await;
    with_events(why, "ElastiCache", events.iter().map(String::as_str))
}
