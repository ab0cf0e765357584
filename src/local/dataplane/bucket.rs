//! Buckets behind CloudFront: read with an origin access control, as far as the bucket's policy lets CloudFront.

use serde_json::Value;

use crate::local::cloudfront::Origin;
use crate::local::support::glob;
use crate::local::{Request, Response, State, neighbours};

/// Answers for a bucket.
pub(super) fn answer(state: &State, distribution: &str, origin: &Origin, viewer: &Request) -> Response {
    let path = percent_encoding::percent_decode_str(&viewer.path).decode_utf8_lossy();
    let key = format!("{}{path}", origin.path);
    let key = key.trim_start_matches('/');
    let Some(bucket) = neighbours::bucket_of_host(state, &origin.domain) else {
        return refused(404, "NoSuchBucket", "The specified bucket does not exist");
    };
    let policy = state.s3.buckets.get(&bucket).and_then(|bucket| bucket.policy.as_deref());
    let arn = format!("arn:aws:s3:::{bucket}/{key}");
    let object = neighbours::object(state, &bucket, key);
    let allowed = origin.signed && policy.is_some_and(|policy| allows(policy, &arn, distribution));
    let body = object.as_ref().filter(|_| allowed).and_then(|object| state.blobs.get(&object.hash).ok());
    match (object, body) {
        (Some(object), Some(body)) => Response {
            status: 200,
            headers: vec![
                ("content-type".to_owned(), object.content_type),
                ("content-length".to_owned(), body.len().to_string()),
                ("server".to_owned(), "AmazonS3".to_owned()),
            ],
            body: body.to_vec(),
        },
        // Without the right to list, a missing object looks like a forbidden one.
        _ => refused(403, "AccessDenied", "Access Denied"),
    }
}

fn refused(status: u16, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let headers = vec![
        ("content-type".to_owned(), "application/xml".to_owned()),
        ("content-length".to_owned(), body.len().to_string()),
        ("server".to_owned(), "AmazonS3".to_owned()),
    ];
    Response { status, headers, body: body.into_bytes() }
}

/// The texts of a member that may be one text or a list of them.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a policy lets a distribution read an object.
fn allows(policy: &str, object: &str, distribution: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return false };
    let statements = match policy.get("Statement") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let holds = |statement: &&Value, effect: &str| {
        let everyone = statement.get("Principal").and_then(Value::as_str) == Some("*");
        let services = texts(statement.get("Principal").and_then(|principal| principal.get("Service")));
        let actions = texts(statement.get("Action"));
        statement.get("Effect").and_then(Value::as_str) == Some(effect)
            && (everyone || services.contains(&"cloudfront.amazonaws.com"))
            && actions.iter().any(|action| glob(&action.to_ascii_lowercase(), "s3:getobject"))
            && texts(statement.get("Resource")).iter().any(|resource| glob(resource, object))
            && condition_holds(statement.get("Condition"), distribution)
    };
    let any = |effect: &str| statements.iter().any(|statement| holds(&statement, effect));
    any("Allow") && !any("Deny")
}

/// Whether the condition names the distribution; other conditions do not hold.
fn condition_holds(condition: Option<&Value>, distribution: &str) -> bool {
    let Some(Value::Object(operators)) = condition else { return condition.is_none() };
    operators.iter().all(|(operator, keys)| {
        let like = matches!(operator.as_str(), "StringLike" | "ArnLike" | "ArnEquals");
        let keys = keys.as_object().into_iter().flatten();
        keys.into_iter().all(|(key, wanted)| {
            let fits =
                |wanted: &&str| if like { glob(wanted, distribution) } else { *wanted == distribution };
            key.eq_ignore_ascii_case("aws:SourceArn")
                && (like || operator == "StringEquals")
                && texts(Some(wanted)).iter().any(fits)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn policies_let_their_distribution_in() {
        let arn = "arn:aws:cloudfront::123456789012:distribution/E1";
        let statement = |effect: &str, source: &str| {
            json!({
                "Effect": effect, "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::site/*", "Condition": {"StringEquals": {"AWS:SourceArn": source}},
            })
        };
        let policy = |all: Vec<Value>| json!({"Version": "2012-10-17", "Statement": all}).to_string();
        let object = "arn:aws:s3:::site/index.html";
        assert!(allows(&policy(vec![statement("Allow", arn)]), object, arn));
        assert!(!allows(&policy(vec![statement("Allow", "arn:other")]), object, arn));
        assert!(!allows(&policy(vec![statement("Allow", arn), statement("Deny", arn)]), object, arn));
        assert!(!allows(&policy(vec![statement("Allow", arn)]), "arn:aws:s3:::other/x", arn));
        assert!(!allows("no json", object, arn));
    }
}
