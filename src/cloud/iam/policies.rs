//! Policies as JSON: written, read back, compared by what they say.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json, json};

/// How deep a policy may nest: AWS's own grammar needs five levels.
const DEEPEST: usize = 16;

/// A policy in the one form in which two that say the same are the same text: keys in order, lists of one element as that
/// element, lists of texts in order. What is no JSON stays as it is.
pub(super) fn canonical(text: &str) -> String {
    match serde_json::from_str::<Json>(text) {
        Ok(policy) => sorted(policy, DEEPEST).to_string(),
        Err(_) => text.to_owned(),
    }
}

/// A policy as IAM gives it, percent-encoded.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn sorted(value: Json, depth: usize) -> Json {
    let Some(depth) = depth.checked_sub(1) else { return value };
    match value {
        Json::Object(members) => {
            let mut members: Vec<(String, Json)> =
                members.into_iter().map(|(name, value)| (name, sorted(value, depth))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(members.into_iter().collect::<Map<_, _>>())
        }
        Json::Array(items) => {
            let mut items: Vec<Json> = items.into_iter().map(|item| sorted(item, depth)).collect();
            if items.iter().all(Json::is_string) {
                items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            }
            match <[Json; 1]>::try_from(items) {
                Ok([only]) => only,
                Err(items) => Json::Array(items),
            }
        }
        other => other,
    }
}

/// The policy by which services may take a role on.
pub(super) fn trust(services: &[&str]) -> String {
    let principal = json!({ "Service": services });
    let statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// The services of a trust policy that says nothing but what [`trust`] does.
pub(super) fn trusted(policy: &str) -> Option<Vec<String>> {
    let text = canonical(policy);
    let whole: Json = serde_json::from_str(&text).ok()?;
    let services: Vec<String> = match whole.get("Statement")?.get("Principal")?.get("Service")? {
        Json::String(service) => vec![service.clone()],
        Json::Array(services) => services.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => return None,
    };
    let names: Vec<&str> = services.iter().map(String::as_str).collect();
    (canonical(&trust(&names)) == text).then_some(services)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn policies_are_compared_by_what_they_say() {
        let ours = r#"{"Version": "2012-10-17", "Statement": [{"Action": ["s3:Put", "s3:Get"], "Effect": "Allow", "Resource": "*"}]}"#;
        let theirs = r#"{"Statement":{"Effect":"Allow","Resource":["*"],"Action":["s3:Get","s3:Put"]},"Version":"2012-10-17"}"#;
        assert_eq!(canonical(ours), canonical(theirs));
        assert_ne!(canonical(ours), canonical(&theirs.replace("Allow", "Deny")));
        assert_eq!(canonical("{"), "{");
        assert_eq!(decoded("%7B%22a%22%3A%201%7D"), "{\"a\": 1}");
    }

    #[test]
    fn services_are_found_in_a_plain_trust_policy_only() {
        let names = ["ec2.amazonaws.com", "ssm.amazonaws.com"];
        assert_eq!(trusted(&trust(&names)).unwrap(), names);
        assert_eq!(trusted(&trust(&names[..1])).unwrap(), names[..1]);
        let more = trust(&names).replace("\"Effect\"", "\"Condition\":{},\"Effect\"");
        assert_eq!(trusted(&more), None);
        assert_eq!(trusted("{}"), None);
    }
}
