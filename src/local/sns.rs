//! SNS: topics and their subscriptions. E-mail addresses and HTTPS endpoints never confirm here by themselves.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::common::{Tags, arn, check_tags, tag_list, tags_at};
use super::service::Service;
use super::support::member;
use super::{Call, Cx, Element, Fault, Reply, State};

/// What an unconfirmed subscription has for an ARN.
const PENDING: &str = "PendingConfirmation";
/// Items of a page.
const PAGE: usize = 100;

/// What SNS knows: topics by ARN.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sns {
    topics: IndexMap<String, Topic>,
}

/// A topic.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Topic {
    attributes: IndexMap<String, String>,
    subscriptions: Vec<Subscription>,
    tags: Tags,
}

/// A subscription. Its ARN is only told once it is confirmed.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Subscription {
    arn: String,
    protocol: String,
    endpoint: String,
    confirmed: bool,
    attributes: IndexMap<String, String>,
}

/// Answers a call.
///
/// # Errors
/// What SNS refuses.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let members = match call.operation.as_str() {
        "CreateTopic" => create(state, cx, call)?,
        "DeleteTopic" => {
            state.sns.topics.shift_remove(&given(call, "TopicArn")?);
            vec![]
        }
        "GetTopicAttributes" => topic_attributes(state, cx, call)?,
        "SetTopicAttributes" => {
            let name = given(call, "AttributeName")?;
            check_attribute(&name)?;
            let value = call.text("AttributeValue").unwrap_or_default();
            topic(state, call)?.attributes.insert(name, value);
            vec![]
        }
        "ListTopics" => {
            let region = format!(":sns:{}:", cx.region);
            let arns = state.sns.topics.keys().filter(|arn| arn.contains(&region)).cloned().collect();
            paged(call, arns, "Topics", |arn: String| vec![Element::text("TopicArn", arn)])?
        }
        "Subscribe" => subscribe(state, call)?,
        "ConfirmSubscription" => confirm(state, call)?,
        "Unsubscribe" => unsubscribe(state, call)?,
        "GetSubscriptionAttributes" => subscription_attributes(state, cx, call)?,
        "ListSubscriptions" => {
            let region = format!(":sns:{}:", cx.region);
            let here = state.sns.topics.iter().filter(|(arn, _)| arn.contains(&region));
            let all = here
                .flat_map(|(arn, topic)| topic.subscriptions.iter().map(|one| (arn.clone(), one.clone())));
            let all: Vec<(String, Subscription)> = all.collect();
            paged(call, all, "Subscriptions", |(arn, one)| shown(cx, &arn, &one))?
        }
        "ListSubscriptionsByTopic" => {
            let arn = given(call, "TopicArn")?;
            let all = topic(state, call)?.subscriptions.clone();
            paged(call, all, "Subscriptions", |one| shown(cx, &arn, &one))?
        }
        "TagResource" => {
            let added = tags_at(call, "Tags");
            let tags = &mut tagged(state, call)?.tags;
            let mut all = tags.clone();
            all.extend(added);
            check_tags(&all, "InvalidParameter")?;
            *tags = all;
            vec![]
        }
        "UntagResource" => {
            let keys = call.texts("TagKeys");
            tagged(state, call)?.tags.retain(|key, _| !keys.contains(key));
            vec![]
        }
        "ListTagsForResource" => vec![tag_list("Tags", "member", &tagged(state, call)?.tags)],
        "Publish" => {
            topic(state, call)?;
            given(call, "Message")?;
            vec![Element::text("MessageId", state.uuid())]
        }
        other => return Err(Service::Sns.unknown(other)),
    };
    Ok(Reply::Xml(members))
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidParameter", format!("Invalid parameter: {}", message.into()))
}

fn given(call: &Call, name: &str) -> Result<String, Fault> {
    call.text(name).filter(|text| !text.is_empty()).ok_or_else(|| invalid(name))
}

fn topic<'a>(state: &'a mut State, call: &Call) -> Result<&'a mut Topic, Fault> {
    let arn = given(call, "TopicArn")?;
    if arn.split(':').count() != 6 || !arn.starts_with("arn:") {
        return Err(invalid("TopicArn"));
    }
    state.sns.topics.get_mut(&arn).ok_or_else(|| Fault::new(404, "NotFound", "Topic does not exist"))
}

fn tagged<'a>(state: &'a mut State, call: &Call) -> Result<&'a mut Topic, Fault> {
    let found = state.sns.topics.get_mut(&given(call, "ResourceArn")?);
    found.ok_or_else(|| Fault::new(404, "ResourceNotFound", "Resource does not exist"))
}

fn check_attribute(name: &str) -> Result<(), Fault> {
    const KNOWN: [&str; 7] = [
        "DisplayName",
        "Policy",
        "DeliveryPolicy",
        "KmsMasterKeyId",
        "SignatureVersion",
        "TracingConfig",
        "FifoTopic",
    ];
    if KNOWN.contains(&name) { Ok(()) } else { Err(invalid("AttributeName")) }
}

/// A map of a request: `Attributes.entry.1.key`.
fn entries(call: &Call, name: &str) -> IndexMap<String, String> {
    let pair = |entry: &Value| Some((member(entry, "key")?, member(entry, "value").unwrap_or_default()));
    call.list(name).iter().filter_map(pair).collect()
}

/// A map of an answer.
fn map(name: &str, entries: &IndexMap<String, String>) -> Element {
    let entry =
        |(key, value): (&String, &String)| vec![Element::text("key", key), Element::text("value", value)];
    Element::list(name, "entry", entries.iter().map(entry))
}

fn paged<T>(
    call: &Call,
    all: Vec<T>,
    name: &str,
    show: impl Fn(T) -> Vec<Element>,
) -> Result<Vec<Element>, Fault> {
    let (page, next) = super::common::page(all, call.text("NextToken").as_deref(), call.page_of(PAGE))
        .ok_or_else(|| invalid("NextToken"))?;
    let list = Element::list(name, "member", page.into_iter().map(show));
    Ok([list].into_iter().chain(next.map(|next| Element::text("NextToken", next))).collect())
}

fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = given(call, "Name")?;
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if !fits || name.len() > 256 {
        return Err(invalid("Topic Name"));
    }
    let (attributes, tags) = (entries(call, "Attributes"), tags_at(call, "Tags"));
    attributes.keys().try_for_each(|name| check_attribute(name))?;
    check_tags(&tags, "InvalidParameter")?;
    let arn = arn(cx, "sns", &name);
    match state.sns.topics.get(&arn) {
        Some(known) if !tags.is_empty() && known.tags != tags => {
            return Err(invalid("Tags Reason: Topic already exists with different tags"));
        }
        Some(known) if attributes.iter().any(|(name, value)| known.attributes.get(name) != Some(value)) => {
            return Err(invalid("Attributes Reason: Topic already exists with different attributes"));
        }
        Some(_) => {}
        None => {
            let topic = Topic { attributes, tags, ..Topic::default() };
            state.sns.topics.insert(arn.clone(), topic);
        }
    }
    Ok(vec![Element::text("TopicArn", arn)])
}

fn topic_attributes(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = given(call, "TopicArn")?;
    let topic = topic(state, call)?;
    let confirmed = topic.subscriptions.iter().filter(|one| one.confirmed).count();
    let mut attributes = IndexMap::from([
        ("TopicArn".to_owned(), arn),
        ("Owner".to_owned(), cx.account.clone()),
        ("DisplayName".to_owned(), String::new()),
        ("SubscriptionsConfirmed".to_owned(), confirmed.to_string()),
        ("SubscriptionsPending".to_owned(), (topic.subscriptions.len() - confirmed).to_string()),
        ("SubscriptionsDeleted".to_owned(), "0".to_owned()),
    ]);
    attributes.extend(topic.attributes.clone());
    Ok(vec![map("Attributes", &attributes)])
}

fn subscribe(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let (arn, protocol) = (given(call, "TopicArn")?, given(call, "Protocol")?);
    let endpoint = call.text("Endpoint").unwrap_or_default();
    let fits = match protocol.as_str() {
        "email" | "email-json" => endpoint.split('@').count() == 2,
        "https" => endpoint.starts_with("https://"),
        "http" => endpoint.starts_with("http://"),
        "sqs" => endpoint.starts_with("arn:") && endpoint.contains(":sqs:"),
        "lambda" => endpoint.starts_with("arn:") && endpoint.contains(":lambda:"),
        "sms" => !endpoint.is_empty(),
        _ => return Err(invalid(format!("Does not support this protocol string: {protocol}"))),
    };
    if !fits {
        return Err(invalid(format!("Endpoint: {endpoint}")));
    }
    let id = state.uuid();
    let attributes = entries(call, "Attributes");
    let topic = topic(state, call)?;
    let known =
        topic.subscriptions.iter().position(|one| one.protocol == protocol && one.endpoint == endpoint);
    let at = known.unwrap_or_else(|| {
        // Queues, functions and telephones need not confirm, or do so at once.
        let confirmed = ["sqs", "lambda", "sms"].contains(&protocol.as_str());
        topic.subscriptions.push(Subscription {
            arn: format!("{arn}:{id}"),
            protocol,
            endpoint,
            confirmed,
            attributes,
        });
        topic.subscriptions.len() - 1
    });
    let told = topic.subscriptions.get(at).map(|one| {
        match one.confirmed || call.flag("ReturnSubscriptionArn") == Some(true) {
            true => one.arn.clone(),
            false => "pending confirmation".to_owned(),
        }
    });
    Ok(vec![Element::text("SubscriptionArn", told.unwrap_or_default())])
}

/// The token is the subscription's ARN here: nobody gets an e-mail in which to find another.
fn confirm(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let token = given(call, "Token")?;
    let found = topic(state, call)?.subscriptions.iter_mut().find(|one| one.arn == token);
    let one = found.ok_or_else(|| invalid("Token"))?;
    one.confirmed = true;
    Ok(vec![Element::text("SubscriptionArn", &one.arn)])
}

fn unsubscribe(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = given(call, "SubscriptionArn")?;
    if arn.split(':').count() != 7 {
        let message = format!(
            "SubscriptionArn Reason: An ARN must have at least 6 elements, not {}",
            arn.split(':').count()
        );
        return Err(invalid(message));
    }
    state.sns.topics.values_mut().for_each(|topic| topic.subscriptions.retain(|one| one.arn != arn));
    Ok(vec![])
}

fn subscription_attributes(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = given(call, "SubscriptionArn")?;
    let missing = || Fault::new(404, "NotFound", "Subscription does not exist");
    let of_topic = |(topic, one): &(&String, &Topic)| {
        let found = one.subscriptions.iter().find(|one| one.arn == arn)?;
        Some(((*topic).clone(), found.clone()))
    };
    let found = state.sns.topics.iter().find_map(|pair| of_topic(&pair));
    let (topic, one) = found.ok_or_else(missing)?;
    let mut attributes = IndexMap::from([
        ("SubscriptionArn".to_owned(), one.arn),
        ("TopicArn".to_owned(), topic),
        ("Protocol".to_owned(), one.protocol),
        ("Endpoint".to_owned(), one.endpoint),
        ("Owner".to_owned(), cx.account.clone()),
        ("PendingConfirmation".to_owned(), (!one.confirmed).to_string()),
    ]);
    attributes.extend(one.attributes);
    Ok(vec![map("Attributes", &attributes)])
}

fn shown(cx: &Cx, topic: &str, one: &Subscription) -> Vec<Element> {
    vec![
        Element::text("SubscriptionArn", if one.confirmed { &one.arn } else { PENDING }),
        Element::text("Owner", &cx.account),
        Element::text("Protocol", &one.protocol),
        Element::text("Endpoint", &one.endpoint),
        Element::text("TopicArn", topic),
    ]
}
