//! Amazon RDS: DB instances, their subnet groups and parameter groups.

mod db_instance;
mod db_parameter_group;
mod db_subnet_group;
mod instance_calls;
mod instance_seen;

pub use db_instance::DbInstance;
pub use db_parameter_group::DbParameterGroup;
pub use db_subnet_group::DbSubnetGroup;

use aws_sdk_rds::types::Tag;

use super::{
    Clients, CloudError, Op, Reply, TagCalls, TagChange, Tags, calling, reading, sdk_tags, seen_tags,
};

const TAGS: TagCalls = TagCalls { set: "rds:AddTagsToResource", remove: "rds:RemoveTagsFromResource" };

fn tags(tags: &Tags) -> Option<Vec<Tag>> {
    Some(sdk_tags(tags, |key, value| Tag::builder().key(key).value(value).build()))
}

/// The tags of a group.
async fn tags_of(clients: &Clients, arn: &str) -> Result<Tags, CloudError> {
    let call = clients.rds.list_tags_for_resource().resource_name(arn);
    let tags = call.send().await.map_err(reading("rds:ListTagsForResource"))?;
    Ok(seen_tags(tags.tag_list().iter().map(|tag| (tag.key(), tag.value()))))
}

/// Makes one of [`TAGS`]' calls.
async fn tag(clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError> {
    let change = TagChange::of(op)?;
    if op.operation == TAGS.set {
        let call = clients.rds.add_tags_to_resource().resource_name(arn).set_tags(tags(&change.set));
        return Ok(Reply::of(&call.send().await.map_err(calling(&op.operation))?, None));
    }
    let call = clients.rds.remove_tags_from_resource().resource_name(arn).set_tag_keys(Some(change.remove));
    Ok(Reply::of(&call.send().await.map_err(calling(&op.operation))?, None))
}
