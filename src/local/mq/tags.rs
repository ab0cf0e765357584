//! Tags of brokers and configurations, by ARN.

use serde_json::{Value, json};

use super::{bad, configurations, missing};
use crate::local::common::{Tags, check_tags};
use crate::local::{Call, Cx, Fault, Reply, Response, State};

fn tags_of<'a>(state: &'a mut State, cx: &Cx, call: &Call) -> Result<&'a mut Tags, Fault> {
    let arn = call.text("resource-arn").unwrap_or_default();
    let Some((prefix, id)) = arn.rsplit_once(':').filter(|_| arn.starts_with("arn:")) else {
        return bad(format!("ARN [{arn}] is invalid."));
    };
    if prefix.ends_with(&format!(":mq:{}:{}:configuration", cx.region, cx.account)) {
        let found = state.mq.region(&cx.region).configurations.get_mut(id);
        return found.map(|found| &mut found.tags).ok_or_else(|| configurations::missing(id));
    }
    if !prefix.contains(&format!(":mq:{}:{}:broker:", cx.region, cx.account)) {
        return bad(format!("ARN [{arn}] is invalid."));
    }
    let broker = state.mq.region(&cx.region).brokers.get_mut(id).ok_or_else(|| missing(id))?;
    Ok(&mut broker.tags)
}

fn no_content() -> Reply {
    Reply::Raw(Response { status: 204, ..Response::default() })
}

pub fn list(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    Ok(Reply::Json(json!({ "tags": tags_of(state, cx, call)? })))
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let tags = tags_of(state, cx, call)?;
    let mut merged = tags.clone();
    let given = call.params.get("tags").and_then(Value::as_object).cloned().unwrap_or_default();
    merged.extend(given.into_iter().map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned())));
    check_tags(&merged, "BadRequestException")?;
    *tags = merged;
    Ok(no_content())
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    // One key is a text, several are a list.
    let keys = call.text("tagKeys").map_or_else(|| call.texts("tagKeys"), |key| vec![key]);
    let tags = tags_of(state, cx, call)?;
    for key in keys {
        tags.shift_remove(&key);
    }
    Ok(no_content())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::create::tests::{call, good};
    use crate::local::testing::Client;
    use serde_json::{Value, json};

    #[test]
    fn tags_come_and_go() {
        let client = Client::new();
        let (_, made, _) = call(&client, "POST", "/v1/brokers", &good());
        let path = format!("/v1/tags/{}", made["brokerArn"].as_str().unwrap().replace(':', "%3A"));
        assert_eq!(call(&client, "POST", &path, &json!({ "tags": { "c": "d", "e": "f" } })).0, 204);
        assert_eq!(call(&client, "DELETE", &format!("{path}?tagKeys=a&tagKeys=c"), &Value::Null).0, 204);
        assert_eq!(call(&client, "GET", &path, &Value::Null).1, json!({ "tags": { "e": "f" } }));
        assert_eq!(call(&client, "GET", "/v1/tags/arn%3Anope", &Value::Null).2, "BadRequestException");
    }
}
