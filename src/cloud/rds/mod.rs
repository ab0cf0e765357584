//! Amazon RDS: DB instances and their subnet groups.

mod db_instance;
mod db_subnet_group;

pub use db_instance::DbInstance;
pub use db_subnet_group::DbSubnetGroup;

use aws_sdk_rds::types::Tag;

use super::{Clients, CloudError, Op, Reply, TagCalls, TagChange, Tags, calling, sdk_tags};

const TAGS: TagCalls = TagCalls { set: "rds:AddTagsToResource", remove: "rds:RemoveTagsFromResource" };

fn tags(tags: &Tags) -> Option<Vec<Tag>> {
    Some(sdk_tags(tags, |key, value| Tag::builder().key(key).value(value).build()))
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
