//! Amazon CloudFront: distributions and invalidations.

mod access;
mod behaviors;
mod config;
mod distribution;
mod extras;
mod invalidation;
mod origins;

pub use distribution::Distribution;
pub use invalidation::Invalidation;

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{Tag, TagKeys, Tags as TagList};

use super::{Clients, CloudError, Op, Reply, TagCalls, TagChange, Tags, calling, found, reading, seen_tags};

const TAGS: TagCalls = TagCalls { set: "cloudfront:TagResource", remove: "cloudfront:UntagResource" };

/// A request that lacks something the SDK demands.
fn unbuilt(operation: &str) -> impl FnOnce(BuildError) -> CloudError + '_ {
    move |error| CloudError::misuse(operation, error.to_string())
}

fn tag_list(tags: &Tags) -> Result<TagList, BuildError> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let items = tags.iter().map(tag).collect::<Result<Vec<Tag>, _>>()?;
    Ok(TagList::builder().set_items(Some(items)).build())
}

async fn tags_of(clients: &Clients, arn: &str) -> Result<Tags, CloudError> {
    let reply = clients.cloudfront.list_tags_for_resource().resource(arn).send().await;
    let reply = found(reply.map_err(reading("cloudfront:ListTagsForResource")))?;
    let tags = reply.and_then(|reply| reply.tags).and_then(|tags| tags.items).unwrap_or_default();
    Ok(seen_tags(tags.iter().map(|tag| (Some(tag.key()), tag.value()))))
}

async fn retag(clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError> {
    let change = TagChange::of(op)?;
    if op.operation == TAGS.set {
        let tags = tag_list(&change.set).map_err(unbuilt(TAGS.set))?;
        let request = clients.cloudfront.tag_resource().resource(arn).tags(tags);
        Ok(Reply::of(&request.send().await.map_err(calling(TAGS.set))?, None))
    } else {
        let keys = TagKeys::builder().set_items(Some(change.remove)).build();
        let request = clients.cloudfront.untag_resource().resource(arn).tag_keys(keys);
        Ok(Reply::of(&request.send().await.map_err(calling(TAGS.remove))?, None))
    }
}
