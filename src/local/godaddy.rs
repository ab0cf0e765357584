//! GoDaddy's HTTP API for DNS records: `/v1/domains/{domain}/records[/{type}[/{name}]]`.
//!
//! Facts: developer.godaddy.com/doc/endpoint/domains. Every registrable domain that is asked for belongs to the account.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::common::SECOND;
use super::support::member;
use super::{Call, Cx, Fault, Reply, Response, State};

/// How long a change takes to reach the name servers.
const PROPAGATION: i64 = 10 * SECOND;
/// The least time to live that GoDaddy takes, in seconds.
const LEAST_TTL: i64 = 600;
const TYPES: [&str; 9] = ["A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT"];

/// What GoDaddy knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GoDaddy {
    /// The only key and secret that are right; any well-formed ones when there are none.
    pub credentials: Option<(String, String)>,
    /// The records of each domain.
    pub domains: IndexMap<String, Vec<Record>>,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `CNAME`, …
    pub kind: String,
    /// Relative to the domain; `@` is the domain itself.
    pub name: String,
    /// The value.
    pub data: String,
    /// Seconds.
    pub ttl: i64,
    /// When the name servers know it.
    pub since: i64,
    /// When they forget it.
    #[serde(default)]
    pub until: Option<i64>,
}

impl GoDaddy {
    /// The values of a name, as its name servers tell them at a time.
    pub fn lookup(&self, host: &str, kind: &str, now: i64) -> Vec<(String, i64)> {
        let Some(domain) = registrable(host) else { return Vec::new() };
        let name = relative(host, &domain);
        let records = self.domains.get(&domain).map(Vec::as_slice).unwrap_or_default();
        let fits = |r: &&Record| {
            r.kind == kind && r.name == name && r.since <= now && r.until.is_none_or(|until| now < until)
        };
        let value = |r: &Record| if r.data == "@" { domain.clone() } else { r.data.clone() };
        records.iter().filter(fits).map(|r| (value(r), r.since)).collect()
    }
}

/// Answers a call.
///
/// # Errors
/// What GoDaddy refuses.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    authenticate(&state.godaddy, call)?;
    let path = call.text("path").unwrap_or_default();
    let parts: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (domain, place) = match parts.as_slice() {
        ["v1", "domains"] if call.operation == "Get" => return Ok(Reply::Json(domains(&state.godaddy))),
        ["v1", "domains", domain] if call.operation == "Get" => {
            known(domain)?;
            return Ok(Reply::Json(json!({"domain": domain, "status": "ACTIVE"})));
        }
        ["v1", "domains", domain, "records", place @ ..] if place.len() <= 2 => (known(domain)?, place),
        _ => return Err(Fault::new(404, "NOT_FOUND", "The requested resource was not found")),
    };
    let kind = place.first().map(|kind| kind.to_ascii_uppercase());
    if let Some(kind) = kind.as_deref().filter(|kind| !TYPES.contains(kind)) {
        return Err(Fault::new(
            422,
            "INVALID_BODY",
            format!("type: {kind} is not any of: {}", TYPES.join(", ")),
        ));
    }
    let name = place.get(1).map(|name| name.to_ascii_lowercase());
    let records = state.godaddy.domains.entry(domain).or_default();
    records.retain(|record| record.until.is_none_or(|until| cx.now < until));
    let here = |r: &Record| {
        r.until.is_none()
            && kind.as_ref().is_none_or(|kind| r.kind == *kind)
            && name.as_ref().is_none_or(|name| r.name == *name)
    };
    let until = cx.now + PROPAGATION;
    match call.operation.as_str() {
        "Get" => Ok(Reply::Json(records.iter().filter(|r| here(r)).map(show).collect())),
        "PATCH" if place.is_empty() => {
            let added = read(call, None, None, cx.now)?;
            if added.iter().any(|new| records.iter().any(|old| old.until.is_none() && same(old, new))) {
                return Err(Fault::new(
                    422,
                    "DUPLICATE_RECORD",
                    "Another record with the same attributes already exists",
                ));
            }
            accept(records, &added, |_| false)?;
            records.extend(added);
            Ok(empty(200))
        }
        "PUT" => {
            let added = read(call, kind.as_deref(), name.as_deref(), cx.now)?;
            accept(records, &added, here)?;
            // The old values are served until the new ones have reached the name servers.
            records.iter_mut().filter(|r| here(r)).for_each(|r| r.until = Some(until));
            records.extend(added);
            Ok(empty(200))
        }
        "DELETE" if place.len() == 2 => {
            if !records.iter().any(here) {
                return Err(Fault::new(404, "UNKNOWN_RECORD", "The given record was not found"));
            }
            records.iter_mut().filter(|r| here(r)).for_each(|r| r.until = Some(until));
            Ok(empty(204))
        }
        _ => Err(Fault::new(405, "METHOD_NOT_ALLOWED", "The method is not allowed here")),
    }
}

/// `authorization: sso-key KEY:SECRET`
fn authenticate(godaddy: &GoDaddy, call: &Call) -> Result<(), Fault> {
    let pair = call.header("authorization").and_then(|value| value.strip_prefix("sso-key ")?.split_once(':'));
    let Some((key, secret)) =
        pair.filter(|(key, secret)| !key.trim().is_empty() && !secret.trim().is_empty())
    else {
        return Err(Fault::new(
            401,
            "UNABLE_TO_AUTHENTICATE",
            "Unauthorized : Could not authenticate API key/secret",
        ));
    };
    match &godaddy.credentials {
        Some((k, s)) if (k.as_str(), s.as_str()) != (key, secret) => Err(Fault::new(
            401,
            "UNABLE_TO_AUTHENTICATE",
            "Unauthorized : Could not authenticate API key/secret",
        )),
        _ => Ok(()),
    }
}

fn domains(godaddy: &GoDaddy) -> Value {
    godaddy.domains.keys().map(|domain| json!({"domain": domain, "status": "ACTIVE"})).collect()
}

fn known(domain: &str) -> Result<String, Fault> {
    let domain = domain.to_ascii_lowercase();
    match registrable(&domain) {
        Some(registered) if registered == domain => Ok(domain),
        _ => Err(Fault::new(
            404,
            "NOT_FOUND",
            format!("The given domain `{domain}` is not registered, or does not have a zone file"),
        )),
    }
}

/// The records of a body: a list, or what a path says of them already left out.
fn read(call: &Call, kind: Option<&str>, name: Option<&str>, now: i64) -> Result<Vec<Record>, Fault> {
    let invalid = |message: String| Fault::new(422, "INVALID_BODY", message);
    let body = call.params.get("body").and_then(Value::as_array);
    let list =
        body.ok_or_else(|| invalid("Request body doesn't fulfill schema: records must be an array".into()))?;
    let mut records = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let field = |field: &str| member(value, field);
        let missing = |field: &str| invalid(format!("records[{index}].{field} is required"));
        let kind = kind.map(str::to_owned).or_else(|| field("type")).ok_or_else(|| missing("type"))?;
        let name = name.map(str::to_owned).or_else(|| field("name")).ok_or_else(|| missing("name"))?;
        let data = field("data").filter(|data| !data.is_empty()).ok_or_else(|| missing("data"))?;
        let ttl = field("ttl").map_or(Some(3_600), |ttl| ttl.parse().ok());
        let ttl = ttl.ok_or_else(|| invalid(format!("records[{index}].ttl is not a number")))?;
        if ttl < LEAST_TTL {
            return Err(invalid(format!("records[{index}].ttl must be at least {LEAST_TTL}")));
        }
        check(index, &kind, &data)?;
        let since = now + PROPAGATION;
        records.push(Record { kind, name: name.to_ascii_lowercase(), data, ttl, since, until: None });
    }
    Ok(records)
}

fn check(index: usize, kind: &str, data: &str) -> Result<(), Fault> {
    let fits = match kind {
        "A" => data.parse::<std::net::Ipv4Addr>().is_ok(),
        "AAAA" => data.parse::<std::net::Ipv6Addr>().is_ok(),
        "CNAME" => data == "@" || data.contains('.'),
        other => TYPES.contains(&other),
    };
    if fits {
        return Ok(());
    }
    Err(Fault::new(422, "INVALID_BODY", format!("records[{index}].data is not valid for type {kind}")))
}

/// A CNAME stands alone at its name.
fn accept(old: &[Record], new: &[Record], replaced: impl Fn(&Record) -> bool) -> Result<(), Fault> {
    let stay: Vec<&Record> = old.iter().filter(|r| r.until.is_none() && !replaced(r)).chain(new).collect();
    let clash = new.iter().find(|record| {
        let others = stay.iter().filter(|other| other.name == record.name).count();
        let cname = stay.iter().any(|other| other.name == record.name && other.kind == "CNAME");
        cname && (others > 1 || record.name == "@")
    });
    match clash {
        None => Ok(()),
        Some(record) => Err(Fault::new(
            422,
            "DUPLICATE_RECORD",
            format!("The record name [{}] conflicts with another record", record.name),
        )),
    }
}

fn same(a: &Record, b: &Record) -> bool {
    (&a.kind, &a.name, &a.data) == (&b.kind, &b.name, &b.data)
}

fn show(record: &Record) -> Value {
    json!({"data": record.data, "name": record.name, "ttl": record.ttl, "type": record.kind})
}

fn empty(status: u16) -> Reply {
    Reply::Raw(Response { status, ..Response::default() })
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// Endings under which names are registered, beside all of one label: the ones met most often.
const SUFFIXES: [&str; 16] = [
    "co.uk", "org.uk", "ac.uk", "gov.uk", "com.au", "net.au", "org.au", "co.jp", "co.nz", "co.in", "co.za",
    "com.br", "com.mx", "com.cn", "com.sg", "co.kr",
];

/// The domain that a person can buy: `example.com` of `www.dev.example.com`.
pub fn registrable(host: &str) -> Option<String> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    let last =
        |count: usize| labels.len().checked_sub(count).and_then(|at| labels.get(at..)).map(|l| l.join("."));
    let two = last(2)?;
    if labels.iter().any(|label| label.is_empty()) {
        return None;
    }
    if SUFFIXES.contains(&two.as_str()) { last(3) } else { Some(two) }
}

/// The name within a domain; `@` for the domain itself.
pub fn relative(host: &str, domain: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match host.strip_suffix(domain) {
        Some("") => "@".to_owned(),
        Some(prefix) => prefix.trim_end_matches('.').to_owned(),
        None => host,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn call(method: &str, path: &str, body: Value) -> Call {
        Call {
            operation: if method == "GET" { "Get".into() } else { method.into() },
            params: json!({"path": path, "body": body}),
            headers: vec![("authorization".into(), "sso-key K:S".into())],
            ..Call::default()
        }
    }

    fn at(now: i64) -> Cx {
        Cx { now, region: String::new(), account: "123456789012".into(), request_id: "r".into() }
    }

    fn records(state: &mut State, path: &str) -> Value {
        match handle(state, &at(0), &call("GET", path, Value::Null)).unwrap() {
            Reply::Json(value) => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn records_are_put_read_and_deleted() {
        let mut state = State::default();
        let path = "/v1/domains/example.com/records/CNAME/www.dev";
        let put = call("PUT", path, json!([{"data": "d1.cloudfront.net", "ttl": 600}]));
        assert!(matches!(handle(&mut state, &at(0), &put), Ok(Reply::Raw(r)) if r.status == 200));
        assert_eq!(
            records(&mut state, path),
            json!([{"data": "d1.cloudfront.net", "name": "www.dev", "ttl": 600, "type": "CNAME"}])
        );
        assert_eq!(state.godaddy.lookup("www.dev.example.com", "CNAME", 0), []);
        let seen = state.godaddy.lookup("WWW.dev.example.com.", "CNAME", PROPAGATION);
        assert_eq!(seen, [("d1.cloudfront.net".to_owned(), PROPAGATION)]);

        let put = call("PUT", path, json!([{"data": "d2.cloudfront.net", "ttl": 600}]));
        handle(&mut state, &at(100_000), &put).unwrap();
        let served =
            |state: &State, now| state.godaddy.lookup("www.dev.example.com", "CNAME", now).remove(0).0;
        assert_eq!(served(&state, 100_001), "d1.cloudfront.net");
        assert_eq!(served(&state, 110_000), "d2.cloudfront.net");

        assert!(
            matches!(handle(&mut state, &at(200_000), &call("DELETE", path, Value::Null)), Ok(Reply::Raw(r)) if r.status == 204)
        );
        assert_eq!(state.godaddy.lookup("www.dev.example.com", "CNAME", 210_000), []);
        assert_eq!(
            handle(&mut state, &at(210_000), &call("DELETE", path, Value::Null)).unwrap_err().status,
            404
        );
    }

    #[test]
    fn wrong_requests_are_refused() {
        let mut state = State::default();
        let refused = |state: &mut State, call: Call| handle(state, &at(0), &call).unwrap_err();
        let mut anonymous = call("GET", "/v1/domains/example.com/records", Value::Null);
        anonymous.headers.clear();
        assert_eq!(refused(&mut state, anonymous).status, 401);
        let body = |ttl: i64| json!([{"data": "1.2.3.4", "name": "a", "type": "A", "ttl": ttl}]);
        let add = |body| call("PATCH", "/v1/domains/example.com/records", body);
        assert_eq!(refused(&mut state, add(body(60))).code, "INVALID_BODY");
        handle(&mut state, &at(0), &add(body(600))).unwrap();
        assert_eq!(refused(&mut state, add(body(600))).code, "DUPLICATE_RECORD");
        let cname = json!([{"data": "x.example.net", "name": "a", "type": "CNAME", "ttl": 600}]);
        assert_eq!(refused(&mut state, add(cname)).code, "DUPLICATE_RECORD");
        assert_eq!(
            refused(&mut state, call("GET", "/v1/domains/www.example.com/records", Value::Null)).status,
            404
        );
        state.godaddy.credentials = Some(("other".into(), "one".into()));
        assert_eq!(refused(&mut state, add(body(600))).status, 401);
    }

    #[test]
    fn the_registrable_domain() {
        assert_eq!(registrable("a.b.example.co.uk").as_deref(), Some("example.co.uk"));
        assert_eq!(registrable("dev.vprofile.example.com").as_deref(), Some("example.com"));
        assert_eq!(registrable("com"), None);
        assert_eq!(relative("example.com", "example.com"), "@");
    }
}
