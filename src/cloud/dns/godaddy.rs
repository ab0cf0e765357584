//! Records at GoDaddy, through its HTTP API: `/v1/domains/{domain}/records/{type}/{name}`
//! (developer.godaddy.com/doc/endpoint/domains).

use serde_json::{Value as Json, json};
use std::time::Duration;

use super::{RecordSet, plain};
use crate::cloud::{Clients, CloudError, NetError, NetReply, NetRequest, Reply, Retry};
use crate::eval::Secret;

/// Sets all records of a name and type.
pub(super) const PUT: &str = "godaddy:PutRecords";
/// Deletes all records of a name and type.
pub(super) const DELETE: &str = "godaddy:DeleteRecords";
const GET: &str = "godaddy:GetRecords";

const API: &str = "https://api.godaddy.com";

/// The least time to live that GoDaddy takes, in seconds.
pub(super) const LEAST_TTL: i64 = 600;

/// An account, for a few requests.
pub(super) struct Account<'a> {
    pub(super) clients: &'a Clients,
    pub(super) key: &'a Secret,
    pub(super) secret: &'a Secret,
}

/// Where a name stands: the registered domain, and the rest before it.
struct Place {
    domain: String,
    name: String,
}

impl Place {
    fn path(&self, kind: &str) -> String {
        format!("/v1/domains/{}/records/{kind}/{}", self.domain, self.name)
    }
}

impl Account<'_> {
    /// Reads the records of a name and type.
    pub(super) async fn find(&self, name: &str, kind: &str) -> Result<Option<RecordSet>, CloudError> {
        let (_, set) = self.locate(name, kind).await?;
        Ok(set)
    }

    /// Sets the records of a name and type.
    pub(super) async fn put(&self, set: &RecordSet) -> Result<Reply, CloudError> {
        let (place, _) = self.locate(&set.name, &set.kind).await?;
        if set.kind == "CNAME" && place.name == "@" {
            let message = format!(
                "`{}` is the domain itself, where DNS allows no CNAME; give the site a name such as `www.{}`, or keep the \
                 domain at Route 53 and use `alias`",
                set.name, set.name
            );
            return Err(CloudError::of(PUT, "ApexCname", message));
        }
        let ttl = set.ttl.unwrap_or(LEAST_TTL).max(LEAST_TTL);
        let records: Vec<Json> = set.values.iter().map(|data| json!({ "data": data, "ttl": ttl })).collect();
        self.ask(PUT, "PUT", &place.path(&set.kind), Json::Array(records).to_string()).await?;
        Ok(Reply::default())
    }

    /// Deletes the records of a name and type.
    pub(super) async fn delete(&self, set: &RecordSet) -> Result<Reply, CloudError> {
        let (place, _) = self.locate(&set.name, &set.kind).await?;
        self.ask(DELETE, "DELETE", &place.path(&set.kind), String::new()).await?;
        Ok(Reply::default())
    }

    /// Finds the registered domain of a name, shortest first: `example.com` before `www.example.com`, for only the
    /// account knows whether `co.uk` is a registry's. What it answered with is what there is.
    async fn locate(&self, name: &str, kind: &str) -> Result<(Place, Option<RecordSet>), CloudError> {
        let name = plain(name);
        let mut refused = None;
        for place in places(&name) {
            match self.ask(GET, "GET", &place.path(kind), String::new()).await {
                Ok(reply) => {
                    let set = read(&reply.body, &name, kind)?;
                    return Ok((place, set));
                }
                Err(error) if error.retry == Retry::Gone => {}
                // Of a domain that is not the account's, GoDaddy may say so too.
                Err(error) if error.code == "403" => refused = refused.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(|| {
            let message = format!(
                "no domain of this GoDaddy account holds `{name}`; check the domain, and that the key is of the account \
                 that owns it"
            );
            CloudError::of(GET, "UNKNOWN_DOMAIN", message)
        }))
    }

    async fn ask(
        &self,
        operation: &str,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<NetReply, CloudError> {
        let authorization = format!("sso-key {}:{}", self.key.reveal(), self.secret.reveal());
        let mut headers = vec![
            ("authorization".to_owned(), authorization),
            ("accept".to_owned(), "application/json".to_owned()),
        ];
        if !body.is_empty() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let request = NetRequest {
            method: method.to_owned(),
            url: format!("{API}{}", path.replace('*', "%2A").replace('@', "%40")),
            headers,
            body: body.into_bytes(),
            timeout: Duration::from_secs(30),
        };
        let reply =
            self.clients.net.fetch(request).await.map_err(|error| no_answer(operation, method, &error))?;
        match reply.status {
            200..=299 => Ok(reply),
            status => Err(refusal(operation, method, status, &reply.body)),
        }
    }
}

/// Where a name may stand.
fn places(name: &str) -> Vec<Place> {
    let labels: Vec<&str> = name.split('.').collect();
    (2..=labels.len())
        .map(|last| {
            let (before, domain) = labels.split_at(labels.len() - last);
            let name = if before.is_empty() { "@".to_owned() } else { before.join(".") };
            Place { domain: domain.join("."), name }
        })
        .collect()
}

fn read(body: &[u8], name: &str, kind: &str) -> Result<Option<RecordSet>, CloudError> {
    let unreadable = |why: String| CloudError {
        retry: Retry::Backoff,
        ..CloudError::of(GET, "response", format!("GoDaddy's answer could not be read: {why}"))
    };
    let records: Vec<Json> = serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))?;
    let value = |record: &Json| {
        let data = record.get("data").and_then(Json::as_str).unwrap_or_default();
        // A CNAME that is told as `@` points to the domain itself.
        if kind == "CNAME" { plain(data) } else { data.to_owned() }
    };
    Ok((!records.is_empty()).then(|| RecordSet {
        name: name.to_owned(),
        kind: kind.to_owned(),
        values: records.iter().map(value).collect(),
        ttl: records.first().and_then(|record| record.get("ttl")).and_then(Json::as_i64),
        alias: None,
    }))
}

fn no_answer(operation: &str, method: &str, error: &NetError) -> CloudError {
    let sent = !matches!(error, NetError::Dns(_) | NetError::Refused(_) | NetError::Tls(..));
    let code = if matches!(error, NetError::Timeout(_)) { "timeout" } else { "connection" };
    CloudError {
        retry: if matches!(error, NetError::Tls(..)) { Retry::No } else { Retry::Backoff },
        in_doubt: sent && method != "GET",
        ..CloudError::of(operation, code, error.to_string())
    }
}

/// What a status other than success means, in words that help.
fn refusal(operation: &str, method: &str, status: u16, body: &[u8]) -> CloudError {
    let body: Json = serde_json::from_slice(body).unwrap_or_default();
    let said = said(&body);
    let (message, retry) = match status {
        401 => (
            format!(
                "GoDaddy does not accept the API key and secret; make a production key at developer.godaddy.com/keys ({said})"
            ),
            Retry::No,
        ),
        403 => (
            format!(
                "GoDaddy does not let this key change DNS: its API is open to accounts with ten domains or more, or with \
                 a Domain Pro plan, and only for their own domains ({said})"
            ),
            Retry::No,
        ),
        404 => (format!("GoDaddy does not know it: {said}"), Retry::Gone),
        422 => (format!("GoDaddy refuses the record: {said}"), Retry::No),
        429 => {
            let pause = body.get("retryAfterSec").and_then(Json::as_u64).unwrap_or(30).min(300);
            (format!("GoDaddy takes 60 requests a minute: {said}"), Retry::After(Duration::from_secs(pause)))
        }
        500.. => (format!("GoDaddy failed: {said}"), Retry::Backoff),
        _ => (format!("GoDaddy refuses: {said}"), Retry::No),
    };
    CloudError {
        retry,
        in_doubt: status >= 500 && method != "GET",
        ..CloudError::of(operation, &status.to_string(), message)
    }
}

/// The message of an error's body, with those of its fields.
fn said(body: &Json) -> String {
    let text = |value: &Json, name: &str| value.get(name).and_then(Json::as_str).map(str::to_owned);
    let fields = body.get("fields").and_then(Json::as_array).into_iter().flatten();
    let fields = fields.filter_map(|field| {
        let message = text(field, "message")?;
        Some(text(field, "path").map_or(message.clone(), |path| format!("{path}: {message}")))
    });
    let parts: Vec<String> = text(body, "message").into_iter().chain(fields).collect();
    if parts.is_empty() { "it gave no reason".to_owned() } else { parts.join("; ") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_domain_is_looked_for_from_the_shortest() {
        let all: Vec<String> = places("dev.shop.example.co.uk").iter().map(|p| p.path("A")).collect();
        assert_eq!(
            all,
            [
                "/v1/domains/co.uk/records/A/dev.shop.example",
                "/v1/domains/example.co.uk/records/A/dev.shop",
                "/v1/domains/shop.example.co.uk/records/A/dev",
                "/v1/domains/dev.shop.example.co.uk/records/A/@",
            ]
        );
    }

    #[test]
    fn records_are_read() {
        let body = br#"[{"data":"D1.cloudfront.net","name":"www","ttl":600,"type":"CNAME"}]"#;
        let set = read(body, "www.example.com", "CNAME").unwrap().unwrap();
        assert_eq!((set.values, set.ttl), (vec!["d1.cloudfront.net".to_owned()], Some(600)));
        assert_eq!(read(b"[]", "www.example.com", "A").unwrap(), None);
        assert_eq!(read(b"<html>", "www.example.com", "A").unwrap_err().retry, Retry::Backoff);
    }

    #[test]
    fn refusals_say_what_to_do() {
        let body = br#"{"code":"INVALID_BODY","message":"Request body doesn't fulfill schema","fields":[{"code":"X","message":"ttl must be at least 600","path":"records[0].ttl"}]}"#;
        let error = refusal(PUT, "PUT", 422, body);
        assert!(error.message.contains("records[0].ttl: ttl must be at least 600"), "{error}");
        assert!(refusal(GET, "GET", 401, b"").message.contains("developer.godaddy.com/keys"));
        let throttled = refusal(PUT, "PUT", 429, br#"{"message":"Too many","retryAfterSec":7}"#);
        assert_eq!((throttled.retry, throttled.in_doubt), (Retry::After(Duration::from_secs(7)), false));
        assert!(refusal(PUT, "PUT", 502, b"").in_doubt);
        assert_eq!(refusal(DELETE, "DELETE", 404, b"{}").retry, Retry::Gone);
    }
}
