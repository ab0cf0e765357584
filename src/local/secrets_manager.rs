//! AWS Secrets Manager: secrets, their versions, and how they are deleted and brought back.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::common::{Tags, arn, check_tags, epoch, tags_at};
use super::support::{DAY, elements, member};
use super::{Call, Cx, Fault, Reply, State};

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// Bytes that a secret may have.
const LONGEST: usize = 65_536;

/// What Secrets Manager knows: secrets by region and name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SecretsManager {
    regions: IndexMap<String, IndexMap<String, Secret>>,
}

/// A secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Secret {
    name: String,
    arn: String,
    description: Option<String>,
    key: Option<String>,
    versions: IndexMap<String, Version>,
    created: i64,
    changed: i64,
    /// When `DeleteSecret` was called, and when the secret is gone for good.
    deleted: Option<(i64, i64)>,
    tags: Tags,
}

/// A version of a secret: a text, or bytes in base64.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Version {
    text: Option<String>,
    bytes: Option<String>,
    created: i64,
    stages: Vec<String>,
}

/// Answers a call.
///
/// # Errors
/// What Secrets Manager refuses.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    for secrets in state.secrets_manager.regions.values_mut() {
        secrets.retain(|_, secret| secret.deleted.is_none_or(|(_, gone)| gone > cx.now));
    }
    let reply = match call.operation.as_str() {
        "CreateSecret" => create(state, cx, call)?,
        "GetSecretValue" => get(find(state, cx, call)?, call)?,
        "DescribeSecret" => describe(find(state, cx, call)?),
        "ListSecrets" => list(state, cx, call)?,
        "PutSecretValue" => put(state, cx, call)?,
        "UpdateSecret" => update(state, cx, call)?,
        "DeleteSecret" => delete(state, cx, call)?,
        "RestoreSecret" => {
            let secret = find(state, cx, call)?;
            secret.deleted = None;
            named(secret)
        }
        "TagResource" => {
            let added = tags_at(call, "Tags");
            check_tags(&added, "InvalidParameterException")?;
            alive(find(state, cx, call)?)?.tags.extend(added);
            json!({})
        }
        "UntagResource" => {
            let keys = call.texts("TagKeys");
            alive(find(state, cx, call)?)?.tags.retain(|key, _| !keys.contains(key));
            json!({})
        }
        other => {
            let message = format!("Secrets Manager of the local cloud does not know {other}");
            return Err(Fault::new(400, "UnknownOperationException", message));
        }
    };
    Ok(Reply::Json(reply))
}

fn refused(code: &str, message: impl Into<String>) -> Fault {
    Fault::new(400, code, message)
}

/// The secret that a call names by its name, its ARN, or its ARN without the six characters at the end.
fn find<'a>(state: &'a mut State, cx: &Cx, call: &Call) -> Result<&'a mut Secret, Fault> {
    let Some(id) = call.text("SecretId").filter(|id| !id.is_empty()) else {
        return Err(refused("InvalidParameterException", "You must provide a value for the SecretId."));
    };
    let secrets = state.secrets_manager.regions.entry(cx.region.clone()).or_default();
    let fits = |secret: &Secret| {
        secret.name == id || secret.arn == id || secret.arn.rsplit_once('-').is_some_and(|(arn, _)| arn == id)
    };
    let found = secrets.values_mut().find(|secret| fits(secret));
    found.ok_or_else(|| {
        refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    })
}

/// The secret unless it is marked for deletion.
fn alive(secret: &mut Secret) -> Result<&mut Secret, Fault> {
    match secret.deleted {
        None => Ok(secret),
        Some(_) => Err(refused(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )),
    }
}

fn named(secret: &Secret) -> Value {
    json!({"ARN": secret.arn, "Name": secret.name})
}

/// What a call gives as the value of a version, if it does.
fn value(call: &Call, now: i64) -> Result<Option<Version>, Fault> {
    let (text, bytes) = (call.text("SecretString"), call.text("SecretBinary"));
    if text.is_some() && bytes.is_some() {
        let message =
            "You can't specify both a binary secret value and a string secret value in the same secret.";
        return Err(refused("InvalidParameterException", message));
    }
    if let Some(given) = text.as_ref().or(bytes.as_ref())
        && (given.is_empty() || given.len() > LONGEST)
    {
        return Err(refused("InvalidParameterException", "The secret value is empty or too long."));
    }
    let given = text.is_some() || bytes.is_some();
    Ok(given.then_some(Version { text, bytes, created: now, stages: Vec::new() }))
}

fn token(state: &mut State, call: &Call) -> Result<String, Fault> {
    match call.text("ClientRequestToken") {
        Some(token) if !(32..=64).contains(&token.len()) => {
            let message = "ClientRequestToken must be 32-64 characters long.";
            Err(refused("InvalidParameterException", message))
        }
        Some(token) => Ok(token),
        None => Ok(state.uuid()),
    }
}

impl Secret {
    /// Makes a version the current one, or gives it the stages that are asked for.
    fn add(&mut self, id: String, version: Version, stages: &[String]) -> Result<(), Fault> {
        if let Some(known) = self.versions.get(&id) {
            if known.text == version.text && known.bytes == version.bytes {
                return Ok(());
            }
            let message = format!(
                "You can't use ClientRequestToken {id} because that value is already in use for a version of secret {}.",
                self.arn
            );
            return Err(refused("ResourceExistsException", message));
        }
        let stages = if stages.is_empty() { vec![CURRENT.to_owned()] } else { stages.to_vec() };
        if stages.iter().any(|stage| stage == CURRENT) {
            self.versions.values_mut().for_each(|version| version.stages.retain(|stage| stage != PREVIOUS));
            let current = self.versions.values_mut().find(|v| v.stages.iter().any(|stage| stage == CURRENT));
            if let Some(current) = current {
                current.stages.push(PREVIOUS.to_owned());
            }
        }
        self.versions.values_mut().for_each(|version| version.stages.retain(|one| !stages.contains(one)));
        self.changed = version.created;
        self.versions.insert(id, Version { stages, ..version });
        Ok(())
    }
}

fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let name = call.text("Name").unwrap_or_default();
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c));
    if name.is_empty() || name.len() > 512 || !fits {
        let message = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!";
        return Err(refused("ValidationException", message));
    }
    let tags = tags_at(call, "Tags");
    check_tags(&tags, "InvalidParameterException")?;
    let version = value(call, cx.now)?;
    let id = token(state, call)?;
    let arn = arn(cx, "secretsmanager", &format!("secret:{name}-{}", state.letters(6)));
    let secrets = state.secrets_manager.regions.entry(cx.region.clone()).or_default();
    if let Some(known) = secrets.get(&name) {
        if known.deleted.is_some() {
            let message = "You can't create this secret because a secret with this name is already scheduled for deletion.";
            return Err(refused("InvalidRequestException", message));
        }
        // The same request again.
        let same = |old: &Version| {
            version.as_ref().is_some_and(|new| new.text == old.text && new.bytes == old.bytes)
        };
        if known.versions.get(&id).is_some_and(same) {
            return Ok(json!({"ARN": known.arn, "Name": known.name, "VersionId": id}));
        }
        let message = format!("The operation failed because the secret {name} already exists.");
        return Err(refused("ResourceExistsException", message));
    }
    let mut secret = Secret {
        name: name.clone(),
        arn,
        description: call.text("Description"),
        key: call.text("KmsKeyId"),
        versions: IndexMap::new(),
        created: cx.now,
        changed: cx.now,
        deleted: None,
        tags,
    };
    let mut reply = named(&secret);
    if let Some(version) = version {
        secret.add(id.clone(), version, &[])?;
        reply["VersionId"] = json!(id);
    }
    secrets.insert(name, secret);
    Ok(reply)
}

fn get(secret: &mut Secret, call: &Call) -> Result<Value, Fault> {
    let secret = alive(secret)?;
    let (id, stage) = (call.text("VersionId"), call.text("VersionStage"));
    let wanted = stage.clone().unwrap_or_else(|| CURRENT.to_owned());
    let fits = |known: &str, version: &Version| {
        id.as_ref().is_none_or(|id| id == known)
            && ((id.is_some() && stage.is_none()) || version.stages.contains(&wanted))
    };
    let Some((id, version)) = secret.versions.iter().find(|(known, version)| fits(known, version)) else {
        let what = match id {
            Some(id) => format!("VersionId: {id}"),
            None => format!("staging label: {wanted}"),
        };
        let message = format!("Secrets Manager can't find the specified secret value for {what}");
        return Err(refused("ResourceNotFoundException", message));
    };
    let mut reply = named(secret);
    reply["VersionId"] = json!(id);
    reply["VersionStages"] = json!(version.stages);
    reply["CreatedDate"] = epoch(version.created);
    if let Some(text) = &version.text {
        reply["SecretString"] = json!(text);
    }
    if let Some(bytes) = &version.bytes {
        reply["SecretBinary"] = json!(bytes);
    }
    Ok(reply)
}

fn shown(secret: &Secret, versions: &str) -> Value {
    let mut shown = named(secret);
    let staged = secret.versions.iter().filter(|(_, version)| !version.stages.is_empty());
    let staged: IndexMap<&String, &Vec<String>> = staged.map(|(id, version)| (id, &version.stages)).collect();
    shown[versions] = json!(staged);
    shown["CreatedDate"] = epoch(secret.created);
    shown["LastChangedDate"] = epoch(secret.changed);
    let pairs = secret.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    shown["Tags"] = Value::Array(pairs.collect());
    for (name, value) in [("Description", &secret.description), ("KmsKeyId", &secret.key)] {
        if let Some(value) = value {
            shown[name] = json!(value);
        }
    }
    if let Some((at, _)) = secret.deleted {
        shown["DeletedDate"] = epoch(at);
    }
    shown
}

fn describe(secret: &mut Secret) -> Value {
    shown(secret, "VersionIdsToStages")
}

fn list(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let all = call.flag("IncludePlannedDeletion").unwrap_or(false);
    let filters = call.list("Filters");
    let fits = |secret: &Secret| {
        filters.iter().all(|filter| {
            let values = elements(filter, "Values").iter().filter_map(Value::as_str);
            let begins = |text: &str| values.clone().any(|value| text.starts_with(value));
            match member(filter, "Key").as_deref() {
                Some("name") => begins(&secret.name),
                Some("description") => begins(secret.description.as_deref().unwrap_or_default()),
                Some("tag-key") => secret.tags.keys().any(|key| begins(key)),
                Some("tag-value") => secret.tags.values().any(|value| begins(value)),
                _ => true,
            }
        })
    };
    let secrets = state.secrets_manager.regions.get(&cx.region).into_iter().flat_map(IndexMap::values);
    let found: Vec<&Secret> = secrets.filter(|s| (all || s.deleted.is_none()) && fits(s)).collect();
    let max = call.int("MaxResults").and_then(|max| usize::try_from(max).ok()).unwrap_or(100);
    let (page, next) = super::common::page(found, call.text("NextToken").as_deref(), call.page_of(max))
        .ok_or_else(|| refused("InvalidNextTokenException", "Invalid NextToken."))?;
    let mut reply = json!({"SecretList": page.into_iter().map(|secret| shown(secret, "SecretVersionsToStages")).collect::<Vec<_>>()});
    if let Some(next) = next {
        reply["NextToken"] = json!(next);
    }
    Ok(reply)
}

fn put(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let version = value(call, cx.now)?.ok_or_else(|| {
        refused("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    })?;
    let id = token(state, call)?;
    let secret = alive(find(state, cx, call)?)?;
    secret.add(id.clone(), version, &call.texts("VersionStages"))?;
    let mut reply = named(secret);
    reply["VersionStages"] = json!(secret.versions.get(&id).map(|version| &version.stages));
    reply["VersionId"] = json!(id);
    Ok(reply)
}

fn update(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let version = value(call, cx.now)?;
    let id = token(state, call)?;
    let secret = alive(find(state, cx, call)?)?;
    secret.description = call.text("Description").or_else(|| secret.description.take());
    secret.key = call.text("KmsKeyId").or_else(|| secret.key.take());
    secret.changed = cx.now;
    let mut reply = named(secret);
    if let Some(version) = version {
        secret.add(id.clone(), version, &[])?;
        reply["VersionId"] = json!(id);
    }
    Ok(reply)
}

fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let force = call.flag("ForceDeleteWithoutRecovery").unwrap_or(false);
    let days = call.int("RecoveryWindowInDays");
    if force && days.is_some() {
        let message = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.";
        return Err(refused("InvalidParameterException", message));
    }
    let days = days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        let message = "RecoveryWindowInDays value must be between 7 and 30 days (inclusive).";
        return Err(refused("InvalidParameterException", message));
    }
    let now = cx.now;
    let secret = find(state, cx, call)?;
    if !force {
        alive(secret)?;
    }
    let gone = if force { now } else { now + days * DAY };
    secret.deleted = Some((now, gone));
    let mut reply = named(secret);
    reply["DeletionDate"] = epoch(gone);
    Ok(reply)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn run(state: &mut State, now: i64, operation: &str, params: Value) -> Result<Value, String> {
        let cx =
            Cx { now, region: "us-east-1".into(), account: "123456789012".into(), request_id: "r".into() };
        let call = Call { operation: operation.into(), params, ..Call::default() };
        match handle(state, &cx, &call) {
            Ok(Reply::Json(value)) => Ok(value),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault.code),
        }
    }

    #[test]
    fn versions_follow_each_other() {
        let mut state = State::default();
        let made =
            run(&mut state, 0, "CreateSecret", json!({"Name": "shop/db", "SecretString": "one"})).unwrap();
        let again = run(&mut state, 0, "CreateSecret", json!({"Name": "shop/db", "SecretString": "one"}));
        assert_eq!(again.unwrap_err(), "ResourceExistsException");
        run(&mut state, 1, "PutSecretValue", json!({"SecretId": made["ARN"], "SecretString": "two"}))
            .unwrap();
        let mut get = |params: Value| run(&mut state, 2, "GetSecretValue", params);
        assert_eq!(get(json!({"SecretId": "shop/db"})).unwrap()["SecretString"], "two");
        let before = get(json!({"SecretId": "shop/db", "VersionStage": "AWSPREVIOUS"})).unwrap();
        assert_eq!((&before["SecretString"], &before["VersionId"]), (&json!("one"), &made["VersionId"]));
        assert_eq!(get(json!({"SecretId": "shop"})).unwrap_err(), "ResourceNotFoundException");
    }

    #[test]
    fn what_is_deleted_can_be_brought_back_for_a_while() {
        let mut state = State::default();
        run(&mut state, 0, "CreateSecret", json!({"Name": "a", "SecretString": "x"})).unwrap();
        run(&mut state, 0, "DeleteSecret", json!({"SecretId": "a", "RecoveryWindowInDays": 7})).unwrap();
        let get = |state: &mut State, now| run(state, now, "GetSecretValue", json!({"SecretId": "a"}));
        assert_eq!(get(&mut state, 1).unwrap_err(), "InvalidRequestException");
        let taken = run(&mut state, 1, "CreateSecret", json!({"Name": "a", "SecretString": "x"}));
        assert_eq!(taken.unwrap_err(), "InvalidRequestException");
        run(&mut state, 1, "RestoreSecret", json!({"SecretId": "a"})).unwrap();
        get(&mut state, 2).unwrap();
        run(&mut state, 3, "DeleteSecret", json!({"SecretId": "a"})).unwrap();
        assert_eq!(get(&mut state, 3 + 30 * DAY).unwrap_err(), "ResourceNotFoundException");
    }
}
