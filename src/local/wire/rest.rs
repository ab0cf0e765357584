//! REST services: the operation is in the method and the path.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::params::xml_tree;
use super::{json, paths, xml};
use crate::local::service::Service;
use crate::local::{Call, Fault, Request};

/// Reads a call of CloudFront or Route 53. A body whose root is named `…Request` holds members; any other root is a
/// member itself.
pub fn parse_xml(service: Service, request: Request) -> Result<Call, Fault> {
    let (operation, mut members) = find(service, &request)?;
    if !request.body.is_empty() {
        let malformed = |message: String| Fault::new(400, "MalformedInput", message);
        let text = std::str::from_utf8(&request.body).map_err(|e| malformed(e.to_string()))?;
        let root = xml::read(text).map_err(malformed)?;
        match xml_tree(&root) {
            Value::Object(inner) if root.name.ends_with("Request") => members.extend(inner),
            value => {
                members.insert(root.name, value);
            }
        }
    }
    Ok(call(operation, members, request))
}

/// Reads a call of Amazon MQ.
pub fn parse_json(service: Service, request: Request) -> Result<Call, Fault> {
    let (operation, mut members) = find(service, &request)?;
    if let Value::Object(body) = json::body(&request.body)? {
        members.extend(body);
    }
    Ok(call(operation, members, request))
}

/// Reads a call of a service that has no model: the operation is the method, the path is the member `path`, a JSON body
/// is the member `body`.
pub fn parse_plain(request: Request) -> Result<Call, Fault> {
    let mut members = Map::new();
    members.insert("path".to_owned(), Value::String(request.path.clone()));
    insert_query(&mut members, &request);
    if !request.body.is_empty() {
        let body = serde_json::from_slice(&request.body);
        members.insert("body".to_owned(), body.map_err(|e| Fault::new(400, "INVALID_BODY", e.to_string()))?);
    }
    // So that `GET` counts as reading.
    let operation = if request.method == "GET" { "Get".to_owned() } else { request.method.clone() };
    Ok(call(operation, members, request))
}

fn call(operation: String, members: Map<String, Value>, request: Request) -> Call {
    Call {
        operation,
        params: Value::Object(members),
        body: request.body,
        headers: request.headers,
        page: None,
    }
}

/// The operation, and the members in path and query. Query members have their names on the wire.
fn find(service: Service, request: &Request) -> Result<(String, Map<String, Value>), Fault> {
    for (method, template, operation) in paths::of(service) {
        if *method != request.method {
            continue;
        }
        let (template, flag) = template.split_once('?').map_or((*template, None), |(t, f)| (t, Some(f)));
        let flagged = flag.is_none_or(|flag| {
            let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
            request.query.iter().any(|(n, v)| n == name && (value.is_empty() || v == value))
        });
        if let Some(mut members) = matches(template, &request.path)
            && flagged
        {
            insert_query(&mut members, request);
            return Ok(((*operation).to_owned(), members));
        }
    }
    Err(service.unknown(&format!("{} {}", request.method, request.path)))
}

/// A name that comes twice is a list, as `tagKeys` of Amazon MQ.
fn insert_query(members: &mut Map<String, Value>, request: &Request) {
    for (name, value) in &request.query {
        let value = Value::String(value.clone());
        match members.get_mut(name) {
            Some(Value::Array(items)) => items.push(value),
            Some(other) => {
                let first = other.take();
                *other = Value::Array(vec![first, value]);
            }
            None => {
                members.insert(name.clone(), value);
            }
        }
    }
}

/// The members that a template such as `/v1/brokers/{broker-id}` finds in a path.
fn matches(template: &str, path: &str) -> Option<Map<String, Value>> {
    let mut wanted = template.trim_end_matches('/').split('/');
    let mut given = path.trim_end_matches('/').split('/');
    let mut members = Map::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(members),
            (Some(wanted), Some(given)) => {
                match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                    Some(name) if !given.is_empty() => {
                        let text = percent_decode_str(given).decode_utf8_lossy().into_owned();
                        members.insert(name.to_owned(), Value::String(text));
                    }
                    None if wanted == given => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_name_operations() {
        let request = |method: &str, path: &str| Request {
            method: method.to_owned(),
            path: path.to_owned(),
            ..Request::default()
        };
        let call = parse_json(Service::Mq, request("GET", "/v1/tags/arn%3Aaws%3Amq")).unwrap();
        assert_eq!(
            (call.operation.as_str(), call.params),
            ("ListTags", json!({"resource-arn": "arn:aws:mq"}))
        );
        let call = parse_json(Service::Mq, request("POST", "/v1/brokers/b-1/reboot")).unwrap();
        assert_eq!((call.operation.as_str(), call.params), ("RebootBroker", json!({"broker-id": "b-1"})));
        assert_eq!(
            parse_json(Service::Mq, request("GET", "/v1/nope")).unwrap_err().code,
            "UnknownOperationException"
        );
    }

    #[test]
    fn roots_are_members_unless_they_are_requests() {
        let mut request = Request {
            method: "POST".into(),
            path: "/2020-05-31/distribution/E1/invalidation".into(),
            body: b"<InvalidationBatch xmlns='x'><CallerReference>r</CallerReference></InvalidationBatch>"
                .to_vec(),
            ..Request::default()
        };
        let call = parse_xml(Service::CloudFront, request.clone()).unwrap();
        assert_eq!(call.operation, "CreateInvalidation");
        assert_eq!(call.text("InvalidationBatch.CallerReference").as_deref(), Some("r"));
        assert_eq!(call.text("DistributionId").as_deref(), Some("E1"));
        request.path = "/2013-04-01/hostedzone".into();
        request.body = b"<CreateHostedZoneRequest><Name>a.b</Name></CreateHostedZoneRequest>".to_vec();
        let call = parse_xml(Service::Route53, request).unwrap();
        assert_eq!(
            (call.operation.as_str(), call.text("Name").as_deref()),
            ("CreateHostedZone", Some("a.b"))
        );
    }
}
