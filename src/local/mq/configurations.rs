//! Configurations of brokers: each change makes a revision, and the old ones stay.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::create::tags;
use super::{bad, engines};
use crate::local::common::{self, Tags, check_tags, iso};
use crate::local::{Call, Cx, Fault, Reply, State};

/// A configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Configuration {
    /// `c-…`
    pub id: String,
    pub name: String,
    pub engine: String,
    pub version: String,
    /// The oldest first; they are counted from 1.
    pub revisions: Vec<Revision>,
    pub tags: Tags,
    pub created_at: i64,
}

/// A revision of a configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Revision {
    /// In base64.
    pub data: String,
    pub description: String,
    pub created_at: i64,
}

/// What a configuration is made with, in base64: no settings at all, as XML for ActiveMQ.
const RABBITMQ: &str = "IyBkZWZhdWx0Cg==";
const ACTIVEMQ: &str = "PGJyb2tlciB4bWxucz0iaHR0cDovL2FjdGl2ZW1xLmFwYWNoZS5vcmcvc2NoZW1hL2NvcmUiLz4K";

impl Configuration {
    fn arn(&self, cx: &Cx) -> String {
        common::arn(cx, "mq", &format!("configuration:{}", self.id))
    }

    /// How many revisions there are, which is the number of the newest.
    pub fn newest(&self) -> i64 {
        i64::try_from(self.revisions.len()).unwrap_or(i64::MAX)
    }

    fn revision(&self, number: i64) -> Option<Value> {
        let revision = self.revisions.get(usize::try_from(number - 1).ok()?)?;
        Some(json!({
            "created": iso(revision.created_at), "description": revision.description, "revision": number,
        }))
    }

    /// What making, changing and describing it have in common.
    fn brief(&self, cx: &Cx) -> Value {
        json!({
            "arn": self.arn(cx), "created": iso(self.created_at), "id": self.id, "name": self.name,
            "latestRevision": self.revision(self.newest()),
        })
    }

    fn description(&self, cx: &Cx) -> Value {
        let mut all = self.brief(cx);
        let more = json!({
            "authenticationStrategy": "SIMPLE", "description": "", "engineType": self.engine,
            "engineVersion": self.version, "tags": self.tags,
        });
        if let (Some(members), Value::Object(more)) = (all.as_object_mut(), more) {
            members.extend(more);
        }
        all
    }
}

fn all<'a>(state: &'a mut State, cx: &Cx) -> &'a mut IndexMap<String, Configuration> {
    &mut state.mq.region(&cx.region).configurations
}

pub(super) fn missing(id: &str) -> Fault {
    let message = format!("Can't find requested configuration [{id}]. Make sure your configuration exists.");
    Fault::new(404, "NotFoundException", message)
}

/// The configuration that a call means.
fn asked<'a>(state: &'a mut State, cx: &Cx, call: &Call) -> Result<&'a mut Configuration, Fault> {
    let id = call.text("configuration-id").unwrap_or_default();
    all(state, cx).get_mut(&id).ok_or_else(|| missing(&id))
}

/// The configuration and revision that a broker of an engine is to have; the newest where none is named.
pub(super) fn of_broker(
    state: &mut State,
    cx: &Cx,
    call: &Call,
    engine: &str,
) -> Result<Option<(String, i64)>, Fault> {
    let Some(id) = call.text("configuration.id") else { return Ok(None) };
    let Some(found) = all(state, cx).get(&id) else {
        return bad(format!("Configuration [{id}] is invalid: it does not exist."));
    };
    if found.engine != engine {
        return bad(format!("Configuration [{id}] is for {}, not for {engine}.", found.engine));
    }
    let revision = call.int("configuration.revision").unwrap_or(found.newest());
    match found.revision(revision) {
        Some(_) => Ok(Some((id, revision))),
        None => bad(format!("Configuration [{id}] has no revision [{revision}].")),
    }
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let required =
        |name: &str| call.text(name).map_or_else(|| bad(format!("{name} is a required field.")), Ok);
    let (name, engine) = (required("name")?, engines::engine(&required("engineType")?)?);
    let version = engines::version(&engine, call.text("engineVersion").as_deref())?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    if !(1..=150).contains(&name.len()) || !name.chars().all(allowed) {
        return bad(
            "Configuration name is invalid. It must have 1 to 150 letters, digits, dashes, periods, underscores and tildes.",
        );
    }
    if all(state, cx).values().any(|other| other.name == name) {
        let message = format!("Configuration name [{name}] is already in use.");
        return Err(Fault::new(409, "ConflictException", message));
    }
    let tags = tags(call);
    check_tags(&tags, "BadRequestException")?;
    let data = if engine == "ACTIVEMQ" { ACTIVEMQ } else { RABBITMQ };
    let first = Revision {
        data: data.to_owned(),
        description: format!("Auto-generated default for {name}"),
        created_at: cx.now,
    };
    let id = format!("c-{}", state.uuid());
    let made = Configuration {
        id: id.clone(),
        name,
        engine,
        version,
        revisions: vec![first],
        tags,
        created_at: cx.now,
    };
    let mut reply = made.brief(cx);
    if let Some(members) = reply.as_object_mut() {
        members.insert("authenticationStrategy".to_owned(), json!("SIMPLE"));
    }
    all(state, cx).insert(id, made);
    Ok(Reply::Json(reply))
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    Ok(Reply::Json(asked(state, cx, call)?.description(cx)))
}

pub fn describe_revision(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let found = asked(state, cx, call)?;
    let number = call.text("configuration-revision").and_then(|text| text.parse::<usize>().ok());
    let revision = number.and_then(|number| found.revisions.get(number.checked_sub(1)?));
    let Some(revision) = revision else {
        return Err(missing(&format!("{}, revision {}", found.id, number.unwrap_or_default())));
    };
    Ok(Reply::Json(json!({
        "configurationId": found.id, "created": iso(revision.created_at), "data": revision.data,
        "description": revision.description,
    })))
}

pub fn list(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let max = call.int("maxResults").unwrap_or(100);
    if !(1..=100).contains(&max) {
        return bad(format!("maxResults [{max}] is invalid: it must be between 1 and 100."));
    }
    let found: Vec<Value> = all(state, cx).values().map(|one| one.description(cx)).collect();
    let token = call.text("nextToken");
    let most = call.page_of(usize::try_from(max).unwrap_or(100));
    let Some((found, next)) = common::page(found, token.as_deref(), most) else {
        return bad("nextToken is invalid.");
    };
    let mut reply = json!({ "configurations": found, "maxResults": max });
    if let (Some(members), Some(next)) = (reply.as_object_mut(), next) {
        members.insert("nextToken".to_owned(), Value::String(next));
    }
    Ok(Reply::Json(reply))
}

pub fn update(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    use base64::Engine;
    let found = asked(state, cx, call)?;
    let data = call.text("data").unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD.decode(&data).ok();
    let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| !text.is_empty())
    else {
        return bad("data is invalid: it must be text in base64.");
    };
    check_data(&found.engine, &text)?;
    let description = call.text("description").unwrap_or_default();
    found.revisions.push(Revision { data, description, created_at: cx.now });
    let mut reply = found.brief(cx);
    if let Some(members) = reply.as_object_mut() {
        members.insert("warnings".to_owned(), json!([]));
    }
    Ok(Reply::Json(reply))
}

/// What an engine cannot read.
fn check_data(engine: &str, text: &str) -> Result<(), Fault> {
    if engine == "ACTIVEMQ" {
        return match text.contains("<broker") && text.trim_start().starts_with('<') {
            true => Ok(()),
            false => bad("data is invalid: it must be XML with the root <broker>."),
        };
    }
    let is_setting = |line: &&str| line.trim().is_empty() || line.starts_with('#') || line.contains('=');
    match text.lines().find(|line| !is_setting(line)) {
        Some(line) => bad(format!("data is invalid: [{line}] is no setting.")),
        None => Ok(()),
    }
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let id = asked(state, cx, call)?.id.clone();
    let region = state.mq.region(&cx.region);
    if region.brokers.values().any(|broker| broker.has_configuration(&id)) {
        let message = format!("Configuration [{id}] is in use by a broker.");
        return Err(Fault::new(409, "ConflictException", message));
    }
    region.configurations.shift_remove(&id);
    Ok(Reply::Json(json!({ "configurationId": id })))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::create::tests::{call, good};
    use crate::local::testing::Client;
    use serde_json::{Value, json};

    #[test]
    fn a_broker_takes_another_revision_after_a_reboot() {
        let client = Client::new();
        let base = json!({ "name": "tuned", "engineType": "RABBITMQ", "engineVersion": "3.13" });
        let (_, made, _) = call(&client, "POST", "/v1/configurations", &base);
        assert_eq!(call(&client, "POST", "/v1/configurations", &base).2, "ConflictException");
        let id = made["id"].as_str().unwrap();
        let path = format!("/v1/configurations/{id}");
        let wrong = json!({ "data": "bm90aGluZw==" });
        assert_eq!(call(&client, "PUT", &path, &wrong).2, "BadRequestException");
        let right = json!({ "data": "aGVhcnRiZWF0ID0gNjAK" });
        assert_eq!(call(&client, "PUT", &path, &right).1["latestRevision"]["revision"], 2);
        let first = call(&client, "GET", &format!("{path}/revisions/1"), &Value::Null).1;
        assert_eq!(first["data"], super::RABBITMQ);
        assert_eq!(call(&client, "GET", &format!("{path}/revisions/3"), &Value::Null).2, "NotFoundException");

        let mut broker = good();
        broker["configuration"] = json!({ "id": id, "revision": 1 });
        let (_, made, _) = call(&client, "POST", "/v1/brokers", &broker);
        client.wait(700);
        let broker = format!("/v1/brokers/{}", made["brokerId"].as_str().unwrap());
        let two = json!({ "configuration": { "id": id, "revision": 2 } });
        assert_eq!(call(&client, "PUT", &broker, &two).0, 200);
        let seen = || call(&client, "GET", &broker, &Value::Null).1["configurations"].clone();
        assert_eq!((&seen()["current"]["revision"], &seen()["pending"]["revision"]), (&json!(1), &json!(2)));
        assert_eq!(call(&client, "DELETE", &path, &Value::Null).2, "ConflictException");
        assert_eq!(call(&client, "POST", &format!("{broker}/reboot"), &Value::Null).0, 200);
        client.wait(300);
        assert_eq!((&seen()["current"]["revision"], &seen()["pending"]), (&json!(2), &Value::Null));
        assert_eq!(call(&client, "DELETE", &broker, &Value::Null).0, 200);
        client.wait(400);
        assert_eq!(call(&client, "DELETE", &path, &Value::Null).0, 200);
        assert_eq!(call(&client, "GET", &path, &Value::Null).2, "NotFoundException");
    }
}
