//! The kind `certificate`.
//!
//! Requested, then proved by records at the DNS provider, one call a record; the records stay, for AWS renews the certificate
//! by them.

use async_trait::async_trait;
use aws_sdk_acm::types::{
    CertificateDetail, CertificateStatus, CertificateSummary, DomainStatus, DomainValidation, Filters,
    KeyAlgorithm, Tag, ValidationMethod,
};
use aws_sdk_acm::{Client, error::BuildError};
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::cloud::dns::{Provider, RECORDS, RecordSet, ZONES, is_provider_call, plain};
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Renewal, Reply, State, TagCalls,
    TagChange, Tags, Want, calling, found, reading, seen_tags,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

const REQUEST: &str = "acm:RequestCertificate";
const DELETE: &str = "acm:DeleteCertificate";
const LIST: &str = "acm:ListCertificates";
const TAGS: TagCalls = TagCalls { set: "acm:AddTagsToCertificate", remove: "acm:RemoveTagsFromCertificate" };

/// AWS gives them ids of its own.
const CERTIFICATES: &[&str] = &["acm:{here}:certificate/*"];
const PERMISSIONS: &[Permission] = &[
    Permission::look("acm:ListCertificates", ANY),
    Permission::look("acm:DescribeCertificate", CERTIFICATES),
    Permission::look("acm:ListTagsForCertificate", CERTIFICATES),
    Permission::change(REQUEST, ANY),
    Permission::tag(TAGS.set, CERTIFICATES).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, CERTIFICATES).because("only when a tag goes"),
    Permission::delete(DELETE, CERTIFICATES),
    Permission::look(RECORDS.0, ZONES).beside("hosted_zone"),
    Permission::change(RECORDS.1, ZONES).beside("hosted_zone"),
    Permission::delete(RECORDS.1, ZONES).beside("hosted_zone"),
];

/// Seconds for which a resolver may keep a validation record. GoDaddy takes no less.
const TTL: i64 = 600;

/// ACM certificates.
#[derive(Debug)]
pub struct Certificate;

/// What [`Present::detail`] holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Detail {
    /// What AWS wants to see in the DNS.
    proofs: Vec<Proof>,
    /// Whether AWS has not said yet what it wants to see.
    incomplete: bool,
    /// The ARNs of what uses the certificate.
    in_use_by: Vec<String>,
}

/// A record that proves a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Proof {
    set: RecordSet,
    /// Whether it stands at the provider.
    there: bool,
}

impl Detail {
    fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }

    fn missing(&self) -> Option<&Proof> {
        self.proofs.iter().find(|proof| !proof.there)
    }
}

/// Whether the certificate is only looked up.
fn looked_up(want: &Want) -> bool {
    *want.get("validation") == Value::None
}

fn domain(want: &Want) -> String {
    plain(want.text("domain").unwrap_or(&want.name))
}

#[async_trait]
impl Driver for Certificate {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        // What the journal knows may be in another region than the file says now.
        let region = want.id.as_deref().and_then(region_of).or(want.text("region"));
        let client = client(clients, region);
        let arn = match &want.id {
            Some(arn) => Some(arn.clone()),
            None => search(&client, want).await?,
        };
        let Some(arn) = arn else { return Ok(Observed::Absent) };
        let reply = client.describe_certificate().certificate_arn(&arn).send().await;
        let reply = found(reply.map_err(reading("acm:DescribeCertificate")))?;
        let Some(certificate) = reply.and_then(|reply| reply.certificate) else {
            return Ok(Observed::Absent);
        };
        let mut present = read(&certificate, want, &arn);
        if *want.get("region") != Value::None
            || region_of(&arn) != clients.config.region().map(|r| r.as_ref())
        {
            present.attrs.insert("region".to_owned(), Value::from(region_of(&arn).unwrap_or_default()));
        }
        let mut detail = Detail { in_use_by: certificate.in_use_by().to_vec(), ..Detail::default() };
        if let Some(provider) = provider(want) {
            (detail.proofs, detail.incomplete) = proofs(certificate.domain_validation_options());
            for proof in &mut detail.proofs {
                let there = provider.find(clients, &proof.set.name, &proof.set.kind).await?;
                proof.there = there.is_some_and(|set| set.values == proof.set.values);
            }
        }
        if detail.missing().is_some() && present.state == State::Settled {
            // Without its record it will not be renewed; the plan shows it as a change.
            present.attrs.insert("validation".to_owned(), Value::None);
        }
        present.detail = serde_json::to_value(detail).unwrap_or_default();
        let tags = tags_of(&client, &arn).await?;
        Ok(Observed::Present(Box::new(present.tagged(tags))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let mut attrs = want.desired(&[]);
        attrs.insert("domain".to_owned(), Value::from(domain(want)));
        attrs.insert("alternative_names".to_owned(), Value::from(alternatives(want)));
        attrs.insert("region".to_owned(), want.get("region").clone());
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        let present = match seen {
            Observed::Absent => return Next::Call(Op::create(REQUEST)),
            Observed::Present(present) => present,
        };
        let detail = Detail::of(present);
        if let State::Failed(why) = &present.state {
            return if want.acted { Next::Fail(why.clone()) } else { Next::Call(Op::new(DELETE)) };
        }
        if let (Some(proof), Some(provider)) = (detail.missing(), provider(want)) {
            return Next::Call(provider.put_op(&proof.set, false));
        }
        if let Some(op) = TAGS.next(want, present) {
            return Next::Call(op);
        }
        match &present.state {
            State::Busy(_) if detail.incomplete => Next::Wait {
                poll: Duration::from_secs(5),
                why: "AWS to name the validation record".to_owned(),
            },
            State::Busy(_) => {
                let names: Vec<String> = detail.proofs.iter().map(|proof| proof.set.name.clone()).collect();
                let why = format!("AWS to see {} in the DNS", names.join(" and "));
                Next::Wait { poll: Duration::from_secs(20), why }
            }
            _ => Next::Done,
        }
    }

    fn next_delete(&self, want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Done };
        let detail = Detail::of(present);
        if let Some(user) = detail.in_use_by.first() {
            let why = format!("{user} to let go of the certificate");
            return Next::Wait { poll: Duration::from_secs(30), why };
        }
        match (detail.proofs.iter().find(|proof| proof.there), provider(want)) {
            (Some(proof), Some(provider)) => Next::Call(provider.delete_op(&proof.set)),
            _ => Next::Call(Op::new(DELETE)),
        }
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let arn = match seen {
            Observed::Present(present) => present.id.as_str(),
            Observed::Absent => "",
        };
        if op.operation == REQUEST {
            return request(&client(clients, want.text("region")), want).await;
        }
        if is_provider_call(op) {
            let provider = provider(want).ok_or_else(|| {
                CloudError::misuse(&op.operation, "the hosted zone for the validation record does not exist")
            })?;
            // The reply's id would be the change's.
            return Ok(Reply { id: None, ..provider.call(clients, op).await? });
        }
        let client = client(clients, region_of(arn));
        if op.operation == DELETE {
            let reply =
                client.delete_certificate().certificate_arn(arn).send().await.map_err(calling(DELETE))?;
            return Ok(Reply::of(&reply, None));
        }
        retag(&client, arn, op).await
    }

    async fn still(
        &self,
        clients: &Clients,
        _want: &Want,
        seen: &Present,
        _looks: u32,
    ) -> Result<bool, CloudError> {
        if Detail::of(seen).incomplete || !matches!(seen.state, State::Busy(_)) {
            return Ok(false);
        }
        let region = region_of(&seen.id);
        let client = &client(clients, region);
        let read = |_| async move {
            let listed = list(client, false).await?.into_iter();
            Ok(listed
                .filter_map(|one| Some((one.certificate_arn?, one.status?.as_str().to_owned())))
                .collect())
        };
        let what = format!("{LIST} {}", region.unwrap_or_default());
        let status = clients.shared.one(&what, &seen.id, read).await?;
        Ok(status.is_some_and(|status| seen.state == State::Busy(status)))
    }

    /// ACM user guide: a certificate is issued some minutes after its record can be seen.
    fn soonest(&self, op: &Op) -> Duration {
        Duration::from_secs(if is_provider_call(op) { 120 } else { 0 })
    }

    fn renewal(&self, _want: &Want) -> Renewal {
        Renewal::CreateFirst
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(75 * 60)
    }
}

/// The client for a region; the pipeline's own where none is said.
fn client(clients: &Clients, region: Option<&str>) -> Client {
    match region {
        Some("us-east-1") => clients.acm_us_east_1.clone(),
        Some(region) if clients.config.region().is_none_or(|own| own.as_ref() != region) => {
            let region = aws_config::Region::new(region.to_owned());
            Client::new(&clients.config.to_builder().region(region).build())
        }
        _ => clients.acm.clone(),
    }
}

/// `arn:aws:acm:REGION:…`
fn region_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(3)
}

fn provider(want: &Want) -> Option<Provider> {
    Provider::of(want, want.get("validation").fields()?.get("provider")?)
}

/// The further names, without the domain itself.
fn alternatives(want: &Want) -> Vec<String> {
    let names = want.get("alternative_names").items().iter().filter_map(|name| name.as_str().map(plain));
    names.filter(|name| *name != domain(want)).collect()
}

/// Finds a certificate by its domain: our own by its tags, for there may be many of one domain; of a look-up the one
/// that is valid longest.
async fn search(client: &Client, want: &Want) -> Result<Option<String>, CloudError> {
    let domain = domain(want);
    let mut fitting = list(client, looked_up(want)).await?;
    fitting.retain(|c| c.domain_name().is_some_and(|name| plain(name) == domain));
    if looked_up(want) {
        fitting.retain(|c| c.status() == Some(&CertificateStatus::Issued));
        let longest = fitting.iter().max_by_key(|c| c.not_after().map(|time| time.secs()));
        return Ok(longest.and_then(|c| c.certificate_arn.clone()));
    }
    // One that failed is taken only where there is no better one.
    fitting.sort_by_key(|c| match c.status() {
        Some(CertificateStatus::Issued) => 0,
        Some(CertificateStatus::PendingValidation) => 1,
        _ => 2,
    });
    for arn in fitting.iter().filter_map(CertificateSummary::certificate_arn) {
        let tags = tags_of(client, arn).await?;
        let mut owner = want.tags.iter().filter(|(key, _)| key.starts_with("vpipe:"));
        if owner.all(|(key, value)| tags.get(key) == Some(value)) && !want.tags.is_empty() {
            return Ok(Some(arn.to_owned()));
        }
    }
    Ok(None)
}

/// The certificates of the account, those with keys other than RSA as well or not.
async fn list(client: &Client, all_keys: bool) -> Result<Vec<CertificateSummary>, CloudError> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let mut request = client.list_certificates().set_next_token(token);
        if all_keys {
            let kinds = KeyAlgorithm::values().iter().map(|kind| KeyAlgorithm::from(*kind)).collect();
            request = request.includes(Filters::builder().set_key_types(Some(kinds)).build());
        }
        let reply = request.send().await.map_err(reading(LIST))?;
        all.extend(reply.certificate_summary_list.unwrap_or_default());
        token = reply.next_token;
        if token.is_none() {
            return Ok(all);
        }
    }
}

fn read(certificate: &CertificateDetail, want: &Want, arn: &str) -> Present {
    let state = match certificate.status() {
        Some(CertificateStatus::Issued) => State::Settled,
        Some(CertificateStatus::PendingValidation) => match failed_domain(certificate) {
            Some(why) => State::Failed(why),
            None => State::Busy("PENDING_VALIDATION".to_owned()),
        },
        Some(status) => State::Failed(failure(status, certificate, want)),
        None => State::Busy("unknown".to_owned()),
    };
    let own = certificate.domain_name().map(plain).unwrap_or_default();
    let names = certificate.subject_alternative_names().iter().map(|name| plain(name));
    let others: Vec<String> = names.filter(|name| *name != own).collect();
    let mut present = Present { id: arn.to_owned(), state, ..Present::default() };
    present.attrs.insert("domain".to_owned(), Value::from(own.as_str()));
    present.attrs.insert("alternative_names".to_owned(), Value::from(others));
    present.outputs.insert("arn".to_owned(), Value::from(arn));
    present.outputs.insert("domain".to_owned(), Value::from(own));
    present
}

/// Why a certificate will never be issued, and what to do.
fn failure(status: &CertificateStatus, certificate: &CertificateDetail, want: &Want) -> String {
    let reason = certificate.failure_reason().map(|reason| reason.as_str()).unwrap_or_default();
    let advice = match (status, reason) {
        (CertificateStatus::ValidationTimedOut, _) => {
            "AWS did not see the validation record within three days: is the domain delegated to the provider that \
             `validation` names?"
        }
        (_, "CAA_ERROR") => {
            "a CAA record of the domain forbids Amazon to issue: add one with `0 issue \"amazon.com\"`"
        }
        (_, "DOMAIN_NOT_ALLOWED" | "INVALID_PUBLIC_DOMAIN") => "AWS issues no certificates for this domain",
        (_, "ADDITIONAL_VERIFICATION_REQUIRED") => "AWS wants to verify more; AWS Support does that",
        (CertificateStatus::Expired, _) => {
            "it has expired: its validation record was missing when it was to be renewed"
        }
        _ => "",
    };
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    let advice = if advice.is_empty() { String::new() } else { format!("; {advice}") };
    format!("the certificate for `{}` is {}{reason}{advice}", domain(want), status.as_str())
}

fn failed_domain(certificate: &CertificateDetail) -> Option<String> {
    let options = certificate.domain_validation_options().iter();
    let failed =
        options.filter(|o| o.validation_status() == Some(&DomainStatus::Failed)).map(|o| o.domain_name());
    let names: Vec<&str> = failed.collect();
    (!names.is_empty())
        .then(|| format!("AWS could not validate {}", crate::base::sentence_list(names, "and")))
}

/// The records that AWS wants to see, each once: a domain and its wildcard share one. Also whether some are not named
/// yet.
fn proofs(options: &[DomainValidation]) -> (Vec<Proof>, bool) {
    let mut proofs: Vec<Proof> = Vec::new();
    for record in options.iter().filter_map(DomainValidation::resource_record) {
        let set = RecordSet {
            name: plain(record.name()),
            kind: record.r#type().as_str().to_owned(),
            values: vec![plain(record.value())],
            ttl: Some(TTL),
            alias: None,
        };
        if !proofs.iter().any(|proof| proof.set.name == set.name) {
            proofs.push(Proof { set, there: false });
        }
    }
    let incomplete = options.is_empty() || options.iter().any(|option| option.resource_record().is_none());
    (proofs, incomplete)
}

async fn request(client: &Client, want: &Want) -> Result<Reply, CloudError> {
    let tags = acm_tags(&want.tags).map_err(|error| CloudError::misuse(REQUEST, error.to_string()))?;
    let alternatives = alternatives(want);
    // AWS takes letters, digits and `_` only, 32 at most.
    let token: String = want.token.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    let request = client
        .request_certificate()
        .domain_name(domain(want))
        .set_subject_alternative_names((!alternatives.is_empty()).then_some(alternatives))
        .validation_method(ValidationMethod::Dns)
        .idempotency_token(token)
        .set_tags((!tags.is_empty()).then_some(tags));
    let reply = request.send().await.map_err(calling(REQUEST))?;
    Ok(Reply::of(&reply, reply.certificate_arn()))
}

async fn tags_of(client: &Client, arn: &str) -> Result<Tags, CloudError> {
    let reply = client.list_tags_for_certificate().certificate_arn(arn).send().await;
    let reply = found(reply.map_err(reading("acm:ListTagsForCertificate")))?;
    let tags = reply.and_then(|reply| reply.tags).unwrap_or_default();
    Ok(seen_tags(tags.iter().map(|tag| (Some(tag.key()), tag.value()))))
}

fn acm_tags(tags: &Tags) -> Result<Vec<Tag>, BuildError> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

async fn retag(client: &Client, arn: &str, op: &Op) -> Result<Reply, CloudError> {
    let change = TagChange::of(op)?;
    let wrong = |error: BuildError| CloudError::misuse(&op.operation, error.to_string());
    if op.operation == TAGS.set {
        let tags = acm_tags(&change.set).map_err(wrong)?;
        let request = client.add_tags_to_certificate().certificate_arn(arn).set_tags(Some(tags));
        let reply = request.send().await.map_err(calling(TAGS.set))?;
        Ok(Reply::of(&reply, None))
    } else {
        let tags = change.remove.iter().map(|key| Tag::builder().key(key).build()).collect::<Result<_, _>>();
        let request =
            client.remove_tags_from_certificate().certificate_arn(arn).set_tags(Some(tags.map_err(wrong)?));
        let reply = request.send().await.map_err(calling(TAGS.remove))?;
        Ok(Reply::of(&reply, None))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, seen, want};
    use crate::eval::Secret;
    use aws_sdk_acm::types::{RecordType, ResourceRecord};

    fn certificate() -> Want {
        let secret = |name: &str| Value::Secret(Secret::new(name, "hidden"));
        let dns =
            Value::Variant("godaddy".to_owned(), attrs([("key", secret("k")), ("secret", secret("s"))]));
        Want {
            attrs: attrs([
                ("domain", Value::from("Example.com")),
                ("alternative_names", Value::from(vec!["*.example.com"])),
                ("validation", Value::Variant("dns".to_owned(), attrs([("provider", dns)]))),
            ]),
            ..want("certificate", "site")
        }
    }

    fn option(domain: &str, record: Option<&str>) -> DomainValidation {
        let record = record.map(|name| {
            let record = ResourceRecord::builder()
                .name(name)
                .r#type(RecordType::Cname)
                .value("_y.acm-validations.aws.");
            record.build().unwrap()
        });
        DomainValidation::builder().domain_name(domain).set_resource_record(record).build().unwrap()
    }

    fn with(state: State, detail: Detail) -> Observed {
        seen(Present { state, detail: serde_json::to_value(detail).unwrap(), ..Present::default() })
    }

    #[test]
    fn a_domain_and_its_wildcard_share_a_record() {
        let options = [
            option("example.com", Some("_x.example.com.")),
            option("*.example.com", Some("_x.example.com.")),
        ];
        let (found, incomplete) = proofs(&options);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].set.name, "_x.example.com");
        assert_eq!(found[0].set.values, ["_y.acm-validations.aws"]);
        assert!(!incomplete);
        assert!(proofs(&[option("example.com", None)]).1);
    }

    #[test]
    fn records_are_set_one_a_call_and_then_awaited() {
        let want = certificate();
        let (mut found, _) = proofs(&[option("a.com", Some("_1.a.com")), option("b.com", Some("_2.b.com"))]);
        let busy = State::Busy("PENDING_VALIDATION".to_owned());
        found[0].there = true;
        let detail = Detail { proofs: found.clone(), ..Detail::default() };
        let Next::Call(op) = Certificate.next(&want, &with(busy.clone(), detail), &[]) else { panic!() };
        assert_eq!((op.operation.as_str(), op.creates), ("godaddy:PutRecords", false));
        assert!(op.detail.to_string().contains("_2.b.com") && !op.detail.to_string().contains("hidden"));
        found[1].there = true;
        let detail = Detail { proofs: found, ..Detail::default() };
        assert!(matches!(Certificate.next(&want, &with(busy, detail.clone()), &[]), Next::Wait { .. }));
        assert!(matches!(Certificate.next(&want, &with(State::Settled, detail), &[]), Next::Done));
    }

    #[test]
    fn a_failure_of_an_earlier_run_is_made_good_and_ones_own_is_told() {
        let mut want = certificate();
        let failed = with(State::Failed("CAA".to_owned()), Detail::default());
        assert!(matches!(Certificate.next(&want, &failed, &[]), Next::Call(op) if op.operation == DELETE));
        want.acted = true;
        assert!(matches!(Certificate.next(&want, &failed, &[]), Next::Fail(_)));
    }

    #[test]
    fn it_leaves_when_nobody_uses_it_and_its_records_are_gone() {
        let want = certificate();
        let (mut found, _) = proofs(&[option("a.com", Some("_1.a.com"))]);
        found[0].there = true;
        let used =
            Detail { in_use_by: vec!["arn:lb".to_owned()], proofs: found.clone(), ..Detail::default() };
        let delete = |detail| Certificate.next_delete(&want, &with(State::Settled, detail));
        assert!(matches!(delete(used), Next::Wait { .. }));
        let free = Detail { proofs: found.clone(), ..Detail::default() };
        assert!(matches!(delete(free), Next::Call(op) if op.operation == "godaddy:DeleteRecords"));
        found[0].there = false;
        let bare = Detail { proofs: found, ..Detail::default() };
        assert!(matches!(delete(bare), Next::Call(op) if op.operation == DELETE));
    }

    #[test]
    fn what_was_asked_for_reads_so() {
        let want = certificate();
        let arn = "arn:aws:acm:us-east-1:123456789012:certificate/1";
        let detail = CertificateDetail::builder()
            .domain_name("example.com")
            .subject_alternative_names("example.com")
            .subject_alternative_names("*.example.com")
            .status(CertificateStatus::Issued)
            .build();
        let present = read(&detail, &want, arn);
        let desired = Certificate.desired(&want);
        assert_eq!(present.get("domain"), &desired["domain"]);
        assert_eq!(present.get("alternative_names"), &desired["alternative_names"]);
        assert_eq!(region_of(arn), Some("us-east-1"));
    }
}
