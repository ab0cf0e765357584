//! Amazon EC2: VPCs, key pairs, security groups and their rules.

mod key_pair;
mod rule;
mod security_group;
mod vpc;

pub use key_pair::KeyPair;
pub use rule::Rule;
pub use security_group::SecurityGroup;
pub use vpc::Vpc;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use super::{Clients, CloudError, Op, Reply, TagCalls, TagChange, Tags, calling, sdk_tags};

const TAGS: TagCalls = TagCalls { set: "ec2:CreateTags", remove: "ec2:DeleteTags" };

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// Tags for something that is about to be made.
fn tag_specification(of: ResourceType, tags: &Tags) -> TagSpecification {
    let tags = sdk_tags(tags, |key, value| Tag::builder().key(key).value(value).build());
    TagSpecification::builder().resource_type(of).set_tags(Some(tags)).build()
}

/// Makes one of [`TAGS`]' calls.
async fn tag(clients: &Clients, id: &str, op: &Op) -> Result<Reply, CloudError> {
    let change = TagChange::of(op)?;
    if op.operation == TAGS.set {
        let tags = sdk_tags(&change.set, |key, value| Tag::builder().key(key).value(value).build());
        let call = clients.ec2.create_tags().resources(id).set_tags(Some(tags));
        return Ok(Reply::of(&call.send().await.map_err(calling(&op.operation))?, None));
    }
    let tags = change.remove.iter().map(|key| Tag::builder().key(key).build()).collect();
    let call = clients.ec2.delete_tags().resources(id).set_tags(Some(tags));
    Ok(Reply::of(&call.send().await.map_err(calling(&op.operation))?, None))
}
