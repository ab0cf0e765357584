//! AWS Systems Manager: its parameters, nothing else.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::common::{Tags, arn, check_tags, epoch, tags_at};
use super::support::{elements, member};
use super::{Call, Cx, Fault, Reply, State};

/// Characters that a standard parameter may hold, and an advanced one.
const LONGEST: (usize, usize) = (4096, 8192);
/// How many versions are kept.
const VERSIONS: usize = 100;

/// What SSM knows: parameters by region and name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ssm {
    regions: IndexMap<String, IndexMap<String, Parameter>>,
}

/// A parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Parameter {
    name: String,
    arn: String,
    kind: String,
    description: Option<String>,
    key: Option<String>,
    tier: String,
    /// Values by version, newest last, and when each was put.
    versions: IndexMap<i64, (String, i64)>,
    tags: Tags,
}

/// Answers a call.
///
/// # Errors
/// What SSM refuses.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let reply = match call.operation.as_str() {
        "PutParameter" => put(state, cx, call)?,
        "GetParameter" => {
            let name = call.text("Name").unwrap_or_default();
            json!({"Parameter": get(state, cx, &name, call)?})
        }
        "GetParameters" => get_all(state, cx, call)?,
        "GetParametersByPath" => by_path(state, cx, call)?,
        "DescribeParameters" => describe(state, cx, call)?,
        "DeleteParameter" => {
            let name = call.text("Name").unwrap_or_default();
            region(state, cx).shift_remove(&name).ok_or_else(missing)?;
            json!({})
        }
        "DeleteParameters" => {
            let names = call.texts("Names");
            let (gone, unknown): (Vec<String>, Vec<String>) =
                names.into_iter().partition(|name| region(state, cx).shift_remove(name).is_some());
            json!({"DeletedParameters": gone, "InvalidParameters": unknown})
        }
        "AddTagsToResource" => {
            let added = tags_at(call, "Tags");
            check_tags(&added, "ValidationException")?;
            tagged(state, cx, call)?.tags.extend(added);
            json!({})
        }
        "RemoveTagsFromResource" => {
            let keys = call.texts("TagKeys");
            tagged(state, cx, call)?.tags.retain(|key, _| !keys.contains(key));
            json!({})
        }
        "ListTagsForResource" => {
            let tags = &tagged(state, cx, call)?.tags;
            let pairs = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
            json!({"TagList": pairs.collect::<Vec<_>>()})
        }
        other => {
            let message = format!("SSM of the local cloud does not know {other}");
            return Err(Fault::new(400, "UnknownOperationException", message));
        }
    };
    Ok(Reply::Json(reply))
}

fn region<'a>(state: &'a mut State, cx: &Cx) -> &'a mut IndexMap<String, Parameter> {
    state.ssm.regions.entry(cx.region.clone()).or_default()
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationException", message)
}

fn missing() -> Fault {
    Fault::new(400, "ParameterNotFound", "")
}

fn tagged<'a>(state: &'a mut State, cx: &Cx, call: &Call) -> Result<&'a mut Parameter, Fault> {
    if call.text("ResourceType").as_deref() != Some("Parameter") {
        return Err(Fault::new(400, "InvalidResourceType", ""));
    }
    let name = call.text("ResourceId").unwrap_or_default();
    region(state, cx).get_mut(&name).ok_or_else(|| Fault::new(400, "InvalidResourceId", ""))
}

fn check_name(name: &str) -> Result<(), Fault> {
    let lower = name.trim_start_matches('/').to_ascii_lowercase();
    if lower.starts_with("aws") || lower.starts_with("ssm") {
        return Err(invalid("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c)) {
        let message = "Parameter name: can't be empty or contain other characters than a-zA-Z0-9_.- and /.";
        return Err(invalid(message));
    }
    if name.split('/').filter(|level| !level.is_empty()).count() > 15 {
        let message = "A parameter name can have at most 15 levels.";
        return Err(Fault::new(400, "HierarchyLevelLimitExceededException", message));
    }
    Ok(())
}

fn put(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let name = call.text("Name").unwrap_or_default();
    check_name(&name)?;
    let value = call.text("Value").filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| invalid("1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1"))?;
    let tier = match call.text("Tier").as_deref() {
        Some("Advanced") => "Advanced",
        Some("Intelligent-Tiering") if value.len() > LONGEST.0 => "Advanced",
        _ => "Standard",
    };
    let longest = if tier == "Advanced" { LONGEST.1 } else { LONGEST.0 };
    if value.len() > longest {
        return Err(invalid(format!(
            "{tier} tier parameters support a maximum parameter value of {longest} characters."
        )));
    }
    let overwrite = call.flag("Overwrite").unwrap_or(false);
    let tags = tags_at(call, "Tags");
    check_tags(&tags, "ValidationException")?;
    if overwrite && !tags.is_empty() {
        return Err(invalid("Invalid request: tags and overwrite can't be used together."));
    }
    let kind = call.text("Type");
    let arn = arn(cx, "ssm", &format!("parameter/{}", name.trim_start_matches('/')));
    let parameters = region(state, cx);
    let known = parameters.get_mut(&name);
    if known.is_some() && !overwrite {
        let message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(Fault::new(400, "ParameterAlreadyExists", message));
    }
    let parameter = match known {
        Some(known) => known,
        None => {
            let kind = kind
                .clone()
                .ok_or_else(|| invalid("A parameter type is required when you create a parameter."))?;
            if !["String", "StringList", "SecureString"].contains(&kind.as_str()) {
                return Err(Fault::new(
                    400,
                    "UnsupportedParameterType",
                    "The parameter type is not supported.",
                ));
            }
            let fresh = Parameter {
                name: name.clone(),
                arn,
                kind,
                description: None,
                key: None,
                tier: tier.to_owned(),
                versions: IndexMap::new(),
                tags,
            };
            parameters.entry(name).or_insert(fresh)
        }
    };
    if let Some(kind) = kind {
        parameter.kind = kind;
    }
    parameter.description = call.text("Description").or_else(|| parameter.description.take());
    parameter.key = call.text("KeyId").or_else(|| parameter.key.take());
    parameter.tier = tier.to_owned();
    let version = parameter.versions.keys().last().copied().unwrap_or(0) + 1;
    parameter.versions.insert(version, (value, cx.now));
    if parameter.versions.len() > VERSIONS {
        parameter.versions.shift_remove_index(0);
    }
    Ok(json!({"Version": version, "Tier": tier}))
}

/// The parameter behind `NAME`, `NAME:VERSION` or an ARN.
fn get(state: &mut State, cx: &Cx, asked: &str, call: &Call) -> Result<Value, Fault> {
    let decrypt = call.flag("WithDecryption").unwrap_or(false);
    let of_arn =
        asked.strip_prefix("arn:").and_then(|arn| arn.split_once(":parameter/")).map(|(_, name)| name);
    let plain = of_arn.unwrap_or(asked);
    let (name, selector) = match plain.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (plain, None),
    };
    let parameters = region(state, cx);
    let found =
        parameters.get(name).or_else(|| parameters.get(&format!("/{name}")).filter(|_| of_arn.is_some()));
    let parameter = found.ok_or_else(missing)?;
    let version = match selector {
        None => parameter.versions.keys().last().copied(),
        Some(version) => version.parse().ok(),
    };
    let version = version.filter(|version| parameter.versions.contains_key(version)).ok_or_else(|| {
        let message =
            format!("Systems Manager could not find version {} of {name}.", selector.unwrap_or("?"));
        Fault::new(400, "ParameterVersionNotFound", message)
    })?;
    let mut shown = shown(parameter, version, decrypt);
    if let Some(selector) = selector {
        shown["Selector"] = json!(format!(":{selector}"));
    }
    Ok(shown)
}

fn shown(parameter: &Parameter, version: i64, decrypt: bool) -> Value {
    let (value, put) = parameter.versions.get(&version).cloned().unwrap_or_default();
    // What is encrypted and not asked for in plain is ciphertext; here it is only unlike the text.
    let value = match parameter.kind == "SecureString" && !decrypt {
        true => {
            super::state::hex(&<sha2::Sha256 as sha2::Digest>::digest(format!("{}{value}", parameter.arn)))
        }
        false => value,
    };
    json!({
        "Name": parameter.name,
        "Type": parameter.kind,
        "Value": value,
        "Version": version,
        "LastModifiedDate": epoch(put),
        "ARN": parameter.arn,
        "DataType": "text",
    })
}

fn get_all(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let names = call.texts("Names");
    if names.is_empty() || names.len() > 10 {
        return Err(invalid(
            "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10",
        ));
    }
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        match get(state, cx, &name, call) {
            Ok(parameter) => found.push(parameter),
            Err(_) => unknown.push(name),
        }
    }
    Ok(json!({"Parameters": found, "InvalidParameters": unknown}))
}

fn by_path(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let path = call.text("Path").unwrap_or_default();
    if !path.starts_with('/') {
        return Err(invalid(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".",
        ));
    }
    let base = format!("{}/", path.trim_end_matches('/'));
    let deep = call.flag("Recursive").unwrap_or(false);
    let decrypt = call.flag("WithDecryption").unwrap_or(false);
    let within = |name: &str| name.strip_prefix(&base).is_some_and(|rest| deep || !rest.contains('/'));
    let all = region(state, cx).values().filter(|parameter| within(&parameter.name));
    let all = all.map(|one| shown(one, one.versions.keys().last().copied().unwrap_or(0), decrypt)).collect();
    paged("Parameters", all, call, 10)
}

fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let filters = call.list("ParameterFilters");
    let fits = |parameter: &Parameter| {
        filters.iter().all(|filter| {
            let mut values = elements(filter, "Values").iter().filter_map(Value::as_str);
            let begins = matches!(member(filter, "Option").as_deref(), Some("BeginsWith"));
            let (key, recursive) = (member(filter, "Key").unwrap_or_default(), member(filter, "Option"));
            match key.as_str() {
                "Name" if begins => values.any(|value| parameter.name.starts_with(value)),
                "Name" => values.any(|value| parameter.name == value),
                "Type" => values.any(|value| parameter.kind == value),
                "Path" => values.any(|value| {
                    let rest = parameter.name.strip_prefix(&format!("{}/", value.trim_end_matches('/')));
                    rest.is_some_and(|rest| recursive.as_deref() == Some("Recursive") || !rest.contains('/'))
                }),
                key => {
                    let tag = key.strip_prefix("tag:").and_then(|tag| parameter.tags.get(tag));
                    tag.is_some_and(|tag| values.any(|value| value == tag))
                }
            }
        })
    };
    let all = region(state, cx).values().filter(|parameter| fits(parameter)).map(metadata).collect();
    paged("Parameters", all, call, 50)
}

fn metadata(parameter: &Parameter) -> Value {
    let version = parameter.versions.keys().last().copied().unwrap_or(0);
    let changed = parameter.versions.get(&version).map_or(0, |(_, at)| *at);
    let mut shown = json!({
        "Name": parameter.name,
        "ARN": parameter.arn,
        "Type": parameter.kind,
        "LastModifiedDate": epoch(changed),
        "Version": version,
        "Tier": parameter.tier,
        "Policies": [],
        "DataType": "text",
    });
    for (name, value) in [("Description", &parameter.description), ("KeyId", &parameter.key)] {
        if let Some(value) = value {
            shown[name] = json!(value);
        }
    }
    shown
}

fn paged(name: &str, all: Vec<Value>, call: &Call, most: i64) -> Result<Value, Fault> {
    let max = call.int("MaxResults").unwrap_or(most);
    if !(1..=most).contains(&max) {
        return Err(invalid(format!("MaxResults must be between 1 and {most}")));
    }
    let max = call.page_of(usize::try_from(max).unwrap_or(1));
    let (page, next) = super::common::page(all, call.text("NextToken").as_deref(), max)
        .ok_or_else(|| Fault::new(400, "InvalidNextToken", "The specified token isn't valid."))?;
    let mut reply = json!({});
    reply[name] = Value::Array(page);
    if let Some(next) = next {
        reply["NextToken"] = json!(next);
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn run(state: &mut State, operation: &str, params: Value) -> Result<Value, String> {
        let cx =
            Cx { now: 0, region: "us-east-1".into(), account: "123456789012".into(), request_id: "r".into() };
        let call = Call { operation: operation.into(), params, ..Call::default() };
        match handle(state, &cx, &call) {
            Ok(Reply::Json(value)) => Ok(value),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault.code),
        }
    }

    #[test]
    fn a_secure_parameter_is_told_only_decrypted() {
        let mut state = State::default();
        let put = |value: &str| json!({"Name": "/shop/db", "Value": value, "Type": "SecureString"});
        assert_eq!(run(&mut state, "PutParameter", put("one")).unwrap()["Version"], 1);
        assert_eq!(run(&mut state, "PutParameter", put("two")).unwrap_err(), "ParameterAlreadyExists");
        let over = json!({"Name": "/shop/db", "Value": "two", "Overwrite": true});
        assert_eq!(run(&mut state, "PutParameter", over).unwrap()["Version"], 2);
        let mut get = |name: &str, decrypt: bool| {
            run(&mut state, "GetParameter", json!({"Name": name, "WithDecryption": decrypt}))
        };
        assert_eq!(get("/shop/db", true).unwrap()["Parameter"]["Value"], "two");
        assert_eq!(get("/shop/db:1", true).unwrap()["Parameter"]["Value"], "one");
        assert_ne!(get("/shop/db", false).unwrap()["Parameter"]["Value"], "two");
        assert_eq!(get("/shop/db:3", true).unwrap_err(), "ParameterVersionNotFound");
        assert_eq!(get("/shop", true).unwrap_err(), "ParameterNotFound");
        let arn = get("/shop/db", true).unwrap()["Parameter"]["ARN"].as_str().unwrap().to_owned();
        assert_eq!(get(&arn, true).unwrap()["Parameter"]["Value"], "two");
    }

    #[test]
    fn names_are_whole() {
        let mut state = State::default();
        for name in ["shop/db", "/aws/x", "ssm", ""] {
            let put = json!({"Name": name, "Value": "x", "Type": "String"});
            assert_eq!(run(&mut state, "PutParameter", put).unwrap_err(), "ValidationException", "{name}");
        }
    }
}
