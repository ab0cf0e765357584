//! The kind `topic`: made, then brought to its subscriptions one a call.

use async_trait::async_trait;
use aws_sdk_sns::types::Tag;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

use crate::cloud::parts::{changed, delete_if_there};
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, TagCalls, TagChange, Want,
    calling, found, reading, sdk_tags, seen_tags,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

const CREATE: &str = "sns:CreateTopic";
const SET: &str = "sns:SetTopicAttributes";
const SUBSCRIBE: &str = "sns:Subscribe";
const UNSUBSCRIBE: &str = "sns:Unsubscribe";
const DELETE: &str = "sns:DeleteTopic";
const TAGS: TagCalls = TagCalls { set: "sns:TagResource", remove: "sns:UntagResource" };

const TOPIC: &[&str] = &["sns:{here}:{name}"];
const SUBSCRIPTIONS: &str = "only when a subscription comes or goes";
const PERMISSIONS: &[Permission] = &[
    Permission::look("sns:ListTopics", ANY),
    Permission::look("sns:GetTopicAttributes", TOPIC),
    Permission::look("sns:ListSubscriptionsByTopic", TOPIC),
    Permission::look("sns:ListTagsForResource", TOPIC),
    Permission::change(CREATE, TOPIC),
    Permission::change(SET, TOPIC).because("only when its display name changes"),
    Permission::change(SUBSCRIBE, TOPIC).because(SUBSCRIPTIONS),
    Permission::change(UNSUBSCRIBE, ANY).because(SUBSCRIPTIONS),
    Permission::tag(TAGS.set, TOPIC).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, TOPIC).because("only when a tag goes"),
    Permission::delete(DELETE, TOPIC),
];

/// The attributes that are subscriptions, and their protocols.
const PROTOCOLS: [(&str, &str); 3] = [("emails", "email"), ("https", "https"), ("queues", "sqs")];

/// SNS topics.
#[derive(Debug)]
pub struct Topic;

/// A subscription that exists; without an ARN while nobody has confirmed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Subscription {
    arn: Option<String>,
    protocol: String,
    endpoint: String,
}

fn name(want: &Want) -> &str {
    want.text("name").unwrap_or(&want.name)
}

#[async_trait]
impl Driver for Topic {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let Some(arn) = find(clients, want).await? else { return Ok(Observed::Absent) };
        let reply = clients.sns.get_topic_attributes().topic_arn(&arn).send().await;
        let reply = found(reply.map_err(reading("sns:GetTopicAttributes")))?;
        let Some(attributes) = reply.and_then(|reply| reply.attributes) else { return Ok(Observed::Absent) };
        let mut present = Present { id: arn.clone(), ..Present::default() };
        present.attrs.insert("name".to_owned(), name(want).into());
        let display = attributes.get("DisplayName").map(String::as_str).unwrap_or_default();
        present.attrs.insert("display_name".to_owned(), display.into());
        let subscriptions = subscriptions(clients, &arn).await?;
        for (attribute, protocol) in PROTOCOLS {
            let wanted = texts(want.get(attribute));
            // Nobody can take back what is not confirmed: AWS forgets it in three days.
            let counts = |one: &&Subscription| {
                one.protocol == protocol && (one.arn.is_some() || wanted.contains(&one.endpoint.as_str()))
            };
            let there: Vec<String> =
                subscriptions.iter().filter(counts).map(|one| one.endpoint.clone()).collect();
            present.attrs.insert(attribute.to_owned(), there.into());
        }
        let waits = subscriptions.iter().find(|one| one.arn.is_none());
        present.note = waits.map(|one| format!("{} has not confirmed yet", one.endpoint));
        present.outputs.insert("name".to_owned(), name(want).into());
        present.outputs.insert("arn".to_owned(), arn.as_str().into());
        present.detail = json!({ "subscriptions": subscriptions });
        let reply = clients.sns.list_tags_for_resource().resource_arn(&arn).send().await;
        let tags = found(reply.map_err(reading("sns:ListTagsForResource")))?
            .map(|reply| seen_tags(reply.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value())))));
        Ok(Observed::Present(Box::new(present.tagged(tags.unwrap_or_default()))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        want.desired(&[])
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        if changed(changes, "display_name") {
            return Next::Call(Op::new(SET));
        }
        subscription_step(want, present).or_else(|| TAGS.next(want, present)).map_or(Next::Done, Next::Call)
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        // Its subscriptions go with it.
        delete_if_there(seen, DELETE)
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let sns = &clients.sns;
        let arn = match seen {
            Observed::Present(present) => present.id.as_str(),
            Observed::Absent => want.id.as_deref().unwrap_or_default(),
        };
        let detail = |field: &str| op.detail.get(field).and_then(|text| text.as_str()).unwrap_or_default();
        match op.operation.as_str() {
            CREATE => create(clients, want).await,
            SET => {
                let request = sns.set_topic_attributes().topic_arn(arn).attribute_name("DisplayName");
                let reply =
                    request.attribute_value(want.text("display_name").unwrap_or_default()).send().await;
                Ok(Reply::of(&reply.map_err(calling(SET))?, None))
            }
            SUBSCRIBE => {
                let request = sns.subscribe().topic_arn(arn).protocol(detail("protocol"));
                let reply = request.endpoint(detail("endpoint")).send().await.map_err(calling(SUBSCRIBE))?;
                Ok(Reply::of(&reply, None))
            }
            UNSUBSCRIBE => {
                let reply = sns.unsubscribe().subscription_arn(detail("arn")).send().await;
                Ok(Reply::of(&reply.map_err(calling(UNSUBSCRIBE))?, None))
            }
            DELETE => {
                let reply = sns.delete_topic().topic_arn(arn).send().await.map_err(calling(DELETE))?;
                Ok(Reply::of(&reply, None))
            }
            _ if op.operation == TAGS.set => {
                let tags = tags(&TagChange::of(op)?.set, TAGS.set)?;
                let reply = sns.tag_resource().resource_arn(arn).set_tags(Some(tags)).send().await;
                Ok(Reply::of(&reply.map_err(calling(TAGS.set))?, None))
            }
            _ if op.operation == TAGS.remove => {
                let request =
                    sns.untag_resource().resource_arn(arn).set_tag_keys(Some(TagChange::of(op)?.remove));
                Ok(Reply::of(&request.send().await.map_err(calling(TAGS.remove))?, None))
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a topic")),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(5 * 60)
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.items().iter().filter_map(Value::as_str).collect()
}

fn tags(tags: &crate::cloud::Tags, operation: &str) -> Result<Vec<Tag>, CloudError> {
    let tags = sdk_tags(tags, |key, value| Tag::builder().key(key).value(value).build());
    tags.into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| CloudError::misuse(operation, error.to_string()))
}

/// The next call for a subscription that is missing or too many; those to add come first.
fn subscription_step(want: &Want, present: &Present) -> Option<Op> {
    let there = present.detail.get("subscriptions").cloned().unwrap_or_default();
    let there: Vec<Subscription> = serde_json::from_value(there).unwrap_or_default();
    for (attribute, protocol) in PROTOCOLS {
        let seen = texts(present.get(attribute));
        if let Some(endpoint) =
            texts(want.get(attribute)).into_iter().find(|endpoint| !seen.contains(endpoint))
        {
            return Some(Op::new(SUBSCRIBE).with(json!({ "protocol": protocol, "endpoint": endpoint })));
        }
    }
    for (attribute, protocol) in PROTOCOLS {
        let wanted = texts(want.get(attribute));
        let extra =
            there.iter().filter(|one| one.protocol == protocol && !wanted.contains(&one.endpoint.as_str()));
        if let Some(arn) = extra.filter_map(|one| one.arn.as_ref()).next() {
            return Some(Op::new(UNSUBSCRIBE).with(json!({ "arn": arn })));
        }
    }
    None
}

async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let display = want.text("display_name").filter(|name| !name.is_empty());
    let mut request = clients.sns.create_topic().name(name(want)).set_tags(Some(tags(&want.tags, CREATE)?));
    if let Some(display) = display {
        request = request.attributes("DisplayName", display);
    }
    let reply = request.send().await.map_err(calling(CREATE))?;
    Ok(Reply::of(&reply, reply.topic_arn()))
}

/// The topic's ARN: the journal's, or that of the topic of the name.
async fn find(clients: &Clients, want: &Want) -> Result<Option<String>, CloudError> {
    if let Some(arn) = &want.id {
        return Ok(Some(arn.clone()));
    }
    let mut topics = clients.sns.list_topics().into_paginator().items().send();
    while let Some(topic) = topics.next().await {
        let topic = topic.map_err(reading("sns:ListTopics"))?;
        let arn = topic.topic_arn().unwrap_or_default();
        if arn.rsplit(':').next() == Some(name(want)) {
            return Ok(Some(arn.to_owned()));
        }
    }
    Ok(None)
}

async fn subscriptions(clients: &Clients, arn: &str) -> Result<Vec<Subscription>, CloudError> {
    let mut pages = clients.sns.list_subscriptions_by_topic().topic_arn(arn).into_paginator().items().send();
    let mut all = Vec::new();
    while let Some(one) = pages.next().await {
        let one = one.map_err(reading("sns:ListSubscriptionsByTopic"))?;
        all.push(Subscription {
            // `PendingConfirmation` and `Deleted` are no ARNs.
            arn: one.subscription_arn().filter(|arn| arn.starts_with("arn:")).map(str::to_owned),
            protocol: one.protocol().unwrap_or_default().to_owned(),
            endpoint: one.endpoint().unwrap_or_default().to_owned(),
        });
    }
    Ok(all)
}
