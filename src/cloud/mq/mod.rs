//! Amazon MQ: brokers and their configurations.

mod broker;
mod broker_calls;
mod broker_configuration;
mod broker_seen;

pub use broker::Broker;
pub use broker_configuration::BrokerConfiguration;

use super::{Clients, CloudError, Op, Reply, TagCalls, TagChange, calling};

const TAGS: TagCalls = TagCalls { set: "mq:CreateTags", remove: "mq:DeleteTags" };

/// Makes one of [`TAGS`]' calls.
async fn tag(clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError> {
    let change = TagChange::of(op)?;
    if op.operation == TAGS.set {
        let call = clients.mq.create_tags().resource_arn(arn);
        let call = call.set_tags(Some(change.set.into_iter().collect()));
        return Ok(Reply::of(&call.send().await.map_err(calling(TAGS.set))?, None));
    }
    let call = clients.mq.delete_tags().resource_arn(arn).set_tag_keys(Some(change.remove));
    Ok(Reply::of(&call.send().await.map_err(calling(TAGS.remove))?, None))
}
