//! AWS Certificate Manager: certificates proved by DNS.
//!
//! A certificate is issued a few minutes after the local DNS (Route 53 or GoDaddy) tells all its validation records.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::common::{MINUTE, SECOND, Tags, arn, check_tags, epoch, tags_at};
use super::state::hex;
use super::support::{DAY, HOUR, elements, member, text_of};
use super::{Call, Cx, Fault, Reply, State, dataplane};

/// How long until the validation records are known.
const RECORD: i64 = 5 * SECOND;
/// How long Amazon takes to see the records and issue.
const ISSUE: i64 = 3 * MINUTE;
/// How long Amazon looks for the records.
const GIVE_UP: i64 = 72 * HOUR;
/// How long a certificate is good for: 13 months.
const LIFE: i64 = 395 * DAY;
/// How long a token is remembered.
const TOKEN: i64 = HOUR;

/// What ACM knows: certificates by ARN.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Acm {
    /// Certificates by ARN.
    pub certificates: IndexMap<String, Certificate>,
}

/// A certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// Its ARN.
    pub arn: String,
    /// Where it lives.
    pub region: String,
    /// The common name, then the other names.
    pub names: Vec<String>,
    /// When it was asked for.
    pub requested: i64,
    /// The client's token.
    pub token: Option<String>,
    /// By DNS, or by e-mail, which nobody ever answers here.
    pub by_dns: bool,
    /// When the last validation record came to be seen.
    pub issued: Option<i64>,
    /// Its key.
    pub key_algorithm: String,
    /// Whether it is logged in public.
    pub logged: bool,
    /// Tags.
    pub tags: Tags,
    /// The bad end that it came to: `VALIDATION_TIMED_OUT`, or the reason for which it was not issued, such as `CAA_ERROR`.
    #[serde(default)]
    pub failure: Option<String>,
}

impl Certificate {
    /// `ISSUED` and so on.
    pub fn status(&self, now: i64) -> &'static str {
        match self.issued {
            None if self.failure.as_deref() == Some("VALIDATION_TIMED_OUT") => "VALIDATION_TIMED_OUT",
            None if self.failure.is_some() => "FAILED",
            Some(issued) if now >= issued + LIFE => "EXPIRED",
            Some(_) => "ISSUED",
            None if now >= self.requested + GIVE_UP => "VALIDATION_TIMED_OUT",
            None => "PENDING_VALIDATION",
        }
    }

    /// When it expires, once it is issued.
    pub fn not_after(&self) -> Option<i64> {
        Some(self.issued? + LIFE)
    }

    /// Name and value of the record that proves a name: the same for a domain and its wildcard, as with AWS.
    pub fn proof(&self, name: &str) -> (String, String) {
        let base = name.trim_start_matches("*.");
        let account = self.arn.split(':').nth(4).unwrap_or_default();
        let digest = |what: &str| hex(&Sha256::digest(format!("{what} {account} {base}")));
        let short = |text: String, length: usize| text.chars().take(length).collect::<String>();
        let name = format!("_{}.{base}.", short(digest("name"), 32));
        let value = format!(
            "_{}.{}.acm-validations.aws.",
            short(digest("value"), 32),
            short(digest("zone").replace(|c: char| c.is_ascii_digit(), "x"), 10)
        );
        (name, value)
    }
}

/// A certificate that may be used at a time: issued and not expired.
pub fn usable<'a>(state: &'a State, arn: &str, now: i64) -> Option<&'a Certificate> {
    state.acm.certificates.get(arn).filter(|certificate| certificate.status(now) == "ISSUED")
}

/// Issues what is due: called before every request, so that a record that goes away too early counts.
pub(crate) fn settle(state: &mut State, now: i64) {
    let mut issued = Vec::new();
    for certificate in state.acm.certificates.values() {
        if certificate.status(now) != "PENDING_VALIDATION" || !certificate.by_dns {
            continue;
        }
        let seen = certificate.names.iter().map(|name| seen_since(state, certificate, name, now));
        let last = seen.collect::<Option<Vec<i64>>>().and_then(|times| times.into_iter().max());
        let at = last.map(|seen| seen.max(certificate.requested + RECORD) + ISSUE);
        issued.extend(at.filter(|at| *at <= now).map(|at| (certificate.arn.clone(), at)));
    }
    for (arn, at) in issued {
        if let Some(certificate) = state.acm.certificates.get_mut(&arn) {
            certificate.issued = Some(at);
        }
    }
}

/// Since when the DNS tells the record that proves a name.
fn seen_since(state: &State, certificate: &Certificate, name: &str, now: i64) -> Option<i64> {
    let (record, value) = certificate.proof(name);
    dataplane::told_since(state, &record, "CNAME", &value, now)
}

/// Answers a call.
///
/// # Errors
/// What ACM refuses.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let reply = match call.operation.as_str() {
        "RequestCertificate" => request(state, cx, call)?,
        "DescribeCertificate" => {
            let found = find(state, cx, call)?;
            json!({"Certificate": describe(state, found, cx.now)})
        }
        "GetCertificate" => {
            let found = find(state, cx, call)?;
            if found.status(cx.now) != "ISSUED" {
                let message = format!("Certificate {} is still pending validation", found.arn);
                return Err(Fault::new(400, "RequestInProgressException", message));
            }
            let body = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", serial(found));
            json!({"Certificate": body, "CertificateChain": body})
        }
        "ListCertificates" => list(state, cx, call)?,
        "DeleteCertificate" => delete(state, cx, call)?,
        "AddTagsToCertificate" => {
            let added = tags_at(call, "Tags");
            check_tags(&added, "InvalidTagException")?;
            find_mut(state, cx, call)?.tags.extend(added);
            Value::Null
        }
        "RemoveTagsFromCertificate" => {
            let removed = call.list("Tags");
            let found = find_mut(state, cx, call)?;
            for tag in &removed {
                let key = member(tag, "Key").unwrap_or_default();
                let value = member(tag, "Value");
                found.tags.retain(|k, v| *k != key || value.as_ref().is_some_and(|value| value != v));
            }
            Value::Null
        }
        "ListTagsForCertificate" => {
            let tags = &find(state, cx, call)?.tags;
            let tags: Vec<Value> = tags.iter().map(|(k, v)| json!({"Key": k, "Value": v})).collect();
            json!({"Tags": tags})
        }
        other => {
            let message = format!("ACM of the local cloud does not know {other}");
            return Err(Fault::new(400, "UnknownOperationException", message));
        }
    };
    Ok(Reply::Json(reply))
}

fn find<'a>(state: &'a State, cx: &Cx, call: &Call) -> Result<&'a Certificate, Fault> {
    let arn = named(call)?;
    let found = state.acm.certificates.get(&arn).filter(|c| c.region == cx.region);
    found.ok_or_else(|| missing(&arn, cx))
}

fn find_mut<'a>(state: &'a mut State, cx: &Cx, call: &Call) -> Result<&'a mut Certificate, Fault> {
    let arn = named(call)?;
    let found = state.acm.certificates.get_mut(&arn).filter(|c| c.region == cx.region);
    found.ok_or_else(|| missing(&arn, cx))
}

fn named(call: &Call) -> Result<String, Fault> {
    let arn = call.text("CertificateArn").unwrap_or_default();
    if arn.starts_with("arn:aws") && arn.contains(":acm:") && arn.contains(":certificate/") {
        Ok(arn)
    } else {
        Err(Fault::new(400, "InvalidArnException", format!("The provided ARN {arn} is invalid.")))
    }
}

fn missing(arn: &str, cx: &Cx) -> Fault {
    let message = format!("Could not find certificate {arn} in account {}.", cx.account);
    Fault::new(400, "ResourceNotFoundException", message)
}

fn request(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let invalid = |message: String| Fault::new(400, "ValidationException", message);
    let domain = call.text("DomainName").ok_or_else(|| invalid("1 validation error detected: Value null at 'domainName' failed to satisfy constraint: Member must not be null".into()))?;
    let mut names = vec![domain.to_ascii_lowercase()];
    for other in call.texts("SubjectAlternativeNames") {
        let other = other.to_ascii_lowercase();
        if !names.contains(&other) {
            names.push(other);
        }
    }
    if let Some(wrong) = names.iter().find(|name| !is_domain(name)) {
        let message = format!(
            "1 validation error detected: Value '{wrong}' at 'domainName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(\\*\\.)?(((?!-)[A-Za-z0-9-]{{0,62}}[A-Za-z0-9])\\.)+((?!-)[A-Za-z0-9-]{{1,62}}[A-Za-z0-9])$"
        );
        return Err(invalid(message));
    }
    if domain.len() > 64 {
        let message = "The first domain name can be no longer than 64 characters.";
        return Err(Fault::new(400, "InvalidDomainValidationOptionsException", message));
    }
    if names.len() > 10 {
        let message = format!("Error: The request exceeds the limit of 10 domain names: {}", names.len());
        return Err(Fault::new(400, "LimitExceededException", message));
    }
    let token = call.text("IdempotencyToken");
    if let Some(wrong) = token.as_ref().filter(|t| {
        t.is_empty() || t.len() > 32 || !t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    }) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{wrong}' at 'idempotencyToken' failed to satisfy constraint: Member must satisfy regular expression pattern: \\w+"
        )));
    }
    let tags = tags_at(call, "Tags");
    check_tags(&tags, "InvalidTagException")?;
    let earlier = state.acm.certificates.values().find(|certificate| {
        certificate.region == cx.region
            && token.is_some()
            && certificate.token == token
            && certificate.names == names
            && cx.now < certificate.requested + TOKEN
    });
    if let Some(earlier) = earlier {
        return Ok(json!({"CertificateArn": earlier.arn}));
    }
    let arn = arn(cx, "acm", &format!("certificate/{}", state.uuid()));
    let certificate = Certificate {
        arn: arn.clone(),
        region: cx.region.clone(),
        names,
        requested: cx.now,
        token,
        by_dns: call.text("ValidationMethod").as_deref() == Some("DNS"),
        issued: None,
        key_algorithm: call.text("KeyAlgorithm").unwrap_or_else(|| "RSA_2048".to_owned()),
        logged: call.text("Options.CertificateTransparencyLoggingPreference").as_deref() != Some("DISABLED"),
        tags,
        failure: None,
    };
    state.acm.certificates.insert(arn.clone(), certificate);
    Ok(json!({"CertificateArn": arn}))
}

fn is_domain(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

fn serial(certificate: &Certificate) -> String {
    let digits = hex(&Sha256::digest(&certificate.arn));
    digits.chars().take(32).collect()
}

fn describe(state: &State, certificate: &Certificate, now: i64) -> Value {
    let status = certificate.status(now);
    let options: Vec<Value> = certificate
        .names
        .iter()
        .map(|name| {
            let seen = certificate.issued.is_some();
            let proved = match status {
                "VALIDATION_TIMED_OUT" | "FAILED" => "FAILED",
                _ if seen => "SUCCESS",
                _ => "PENDING_VALIDATION",
            };
            let mut option = json!({
                "DomainName": name,
                "ValidationDomain": name,
                "ValidationStatus": proved,
                "ValidationMethod": if certificate.by_dns { "DNS" } else { "EMAIL" },
            });
            if certificate.by_dns && now >= certificate.requested + RECORD {
                let (record, value) = certificate.proof(name);
                option["ResourceRecord"] = json!({"Name": record, "Type": "CNAME", "Value": value});
            }
            option
        })
        .collect();
    let mut shown = json!({
        "CertificateArn": certificate.arn,
        "DomainName": certificate.names.first(),
        "SubjectAlternativeNames": certificate.names,
        "DomainValidationOptions": options,
        "Subject": format!("CN={}", certificate.names.first().map(String::as_str).unwrap_or_default()),
        "Issuer": "Amazon",
        "CreatedAt": epoch(certificate.requested),
        "Status": status,
        "KeyAlgorithm": certificate.key_algorithm,
        "SignatureAlgorithm": "SHA256WITHRSA",
        "InUseBy": in_use_by(state, &certificate.arn),
        "Type": "AMAZON_ISSUED",
        "RenewalEligibility": if in_use_by(state, &certificate.arn).is_empty() { "INELIGIBLE" } else { "ELIGIBLE" },
        "Options": {
            "CertificateTransparencyLoggingPreference": if certificate.logged { "ENABLED" } else { "DISABLED" },
        },
    });
    if let Some(reason) = certificate.failure.as_ref().filter(|_| status == "FAILED") {
        shown["FailureReason"] = json!(reason);
    }
    if let Some(issued) = certificate.issued {
        shown["IssuedAt"] = epoch(issued);
        shown["NotBefore"] = epoch(issued / DAY * DAY);
        shown["NotAfter"] = epoch(issued + LIFE);
        shown["Serial"] = json!(serial(certificate));
    }
    shown
}

/// The load balancers and distributions that use a certificate.
pub fn in_use_by(state: &State, arn: &str) -> Vec<String> {
    let listeners = state.elbv2.listeners.values().filter(|l| l.certificates.iter().any(|c| c == arn));
    let mut users: Vec<String> = listeners.map(|l| l.load_balancer.clone()).collect();
    let uses = |d: &&super::cloudfront::Distribution| d.certificates().any(|used| used == arn);
    users.extend(state.cloudfront.distributions.values().filter(uses).map(|d| d.arn.clone()));
    users.sort();
    users.dedup();
    users
}

fn list(state: &State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let wanted = call.texts("CertificateStatuses");
    let types: Vec<String> = elements(&call.params, "Includes.keyTypes").iter().filter_map(text_of).collect();
    let mut found: Vec<&Certificate> = state
        .acm
        .certificates
        .values()
        .filter(|c| c.region == cx.region)
        .filter(|c| wanted.is_empty() || wanted.iter().any(|status| status == c.status(cx.now)))
        // Without a filter ACM lists RSA_1024 and RSA_2048 only.
        .filter(|c| {
            if types.is_empty() { c.key_algorithm == "RSA_2048" } else { types.contains(&c.key_algorithm) }
        })
        .collect();
    found.reverse();
    let max = call.int("MaxItems").and_then(|max| usize::try_from(max).ok()).unwrap_or(1_000);
    let page = super::common::page(found, call.text("NextToken").as_deref(), call.page_of(max));
    let (found, next) =
        page.ok_or_else(|| Fault::new(400, "ValidationException", "The NextToken is not valid"))?;
    let summary = |c: &Certificate| {
        let mut shown = json!({
            "CertificateArn": c.arn,
            "DomainName": c.names.first(),
            "SubjectAlternativeNameSummaries": c.names,
            "HasAdditionalSubjectAlternativeNames": false,
            "Status": c.status(cx.now),
            "Type": "AMAZON_ISSUED",
            "KeyAlgorithm": c.key_algorithm,
            "InUse": !in_use_by(state, &c.arn).is_empty(),
            "CreatedAt": epoch(c.requested),
        });
        if let Some(issued) = c.issued {
            shown["IssuedAt"] = epoch(issued);
            shown["NotBefore"] = epoch(issued / DAY * DAY);
            shown["NotAfter"] = epoch(issued + LIFE);
        }
        shown
    };
    let mut reply = json!({"CertificateSummaryList": found.into_iter().map(summary).collect::<Vec<_>>()});
    if let Some(next) = next {
        reply["NextToken"] = json!(next);
    }
    Ok(reply)
}

fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let arn = find(state, cx, call)?.arn.clone();
    if !in_use_by(state, &arn).is_empty() {
        let message = format!("Certificate {arn} in account {} is in use.", cx.account);
        return Err(Fault::new(400, "ResourceInUseException", message));
    }
    state.acm.certificates.shift_remove(&arn);
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn cx(now: i64) -> Cx {
        Cx { now, region: "us-east-1".into(), account: "123456789012".into(), request_id: "r".into() }
    }

    fn run(state: &mut State, now: i64, operation: &str, params: Value) -> Result<Value, Fault> {
        settle(state, now);
        let call = Call { operation: operation.into(), params, ..Call::default() };
        match handle(state, &cx(now), &call)? {
            Reply::Json(value) => Ok(value),
            other => panic!("{other:?}"),
        }
    }

    fn asked(state: &mut State, now: i64, token: &str) -> String {
        let params = json!({
            "DomainName": "dev.example.com", "SubjectAlternativeNames": ["*.dev.example.com"],
            "ValidationMethod": "DNS", "IdempotencyToken": token,
        });
        run(state, now, "RequestCertificate", params).unwrap()["CertificateArn"].as_str().unwrap().to_owned()
    }

    #[test]
    fn it_is_issued_once_the_dns_tells_its_record() {
        let mut state = State::default();
        let arn = asked(&mut state, 0, "t");
        let seen = |state: &mut State, now| {
            run(state, now, "DescribeCertificate", json!({"CertificateArn": arn})).unwrap()
        };
        let early = seen(&mut state, 1_000);
        assert!(early["Certificate"]["DomainValidationOptions"][0].get("ResourceRecord").is_none());
        let record = seen(&mut state, 5_000)["Certificate"]["DomainValidationOptions"].clone();
        assert_eq!(record[0]["ResourceRecord"], record[1]["ResourceRecord"]);
        let (name, value) = (&record[0]["ResourceRecord"]["Name"], &record[0]["ResourceRecord"]["Value"]);
        let host = name.as_str().unwrap().trim_end_matches('.');
        let path = format!("/v1/domains/example.com/records/CNAME/{}", host.trim_end_matches(".example.com"));
        let put = Call {
            operation: "PUT".into(),
            params: json!({"path": path, "body": [{"data": value.as_str().unwrap().trim_end_matches('.'), "ttl": 600}]}),
            headers: vec![("authorization".into(), "sso-key K:S".into())],
            ..Call::default()
        };
        super::super::godaddy::handle(&mut state, &cx(60_000), &put).unwrap();
        let due = 60_000 + 10_000 + ISSUE;
        assert_eq!(seen(&mut state, due - 1)["Certificate"]["Status"], "PENDING_VALIDATION");
        let issued = seen(&mut state, due + 50_000);
        assert_eq!(issued["Certificate"]["Status"], "ISSUED");
        assert_eq!(issued["Certificate"]["IssuedAt"], epoch(due));
        assert!(usable(&state, &arn, due).is_some());
        run(&mut state, due, "DeleteCertificate", json!({"CertificateArn": arn})).unwrap();
        let gone = run(&mut state, due, "DescribeCertificate", json!({"CertificateArn": arn})).unwrap_err();
        assert_eq!(gone.code, "ResourceNotFoundException");
    }

    #[test]
    fn a_token_is_remembered_for_an_hour() {
        let mut state = State::default();
        let first = asked(&mut state, 0, "t");
        assert_eq!(asked(&mut state, TOKEN - 1, "t"), first);
        assert_ne!(asked(&mut state, TOKEN, "t"), first);
        assert_ne!(asked(&mut state, 1, "u"), first);
    }

    #[test]
    fn nobody_proves_it_in_three_days() {
        let mut state = State::default();
        let arn = asked(&mut state, 0, "t");
        let seen = run(&mut state, GIVE_UP, "DescribeCertificate", json!({"CertificateArn": arn})).unwrap();
        assert_eq!(seen["Certificate"]["Status"], "VALIDATION_TIMED_OUT");
        let wrong = run(&mut state, 0, "RequestCertificate", json!({"DomainName": "-a.com"})).unwrap_err();
        assert_eq!(wrong.code, "ValidationException");
    }
}
