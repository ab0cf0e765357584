//! Records in Route 53.

use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType,
};

use super::{Action, Detail, RecordSet, plain};
use crate::cloud::{Clients, CloudError, Reply, calling, found, reading};

/// Sets and deletes records.
pub(super) const CHANGE: &str = "route53:ChangeResourceRecordSets";
pub(super) const LIST: &str = "route53:ListResourceRecordSets";

/// Reads the records of a name and type.
pub(super) async fn find(
    clients: &Clients,
    zone: &str,
    name: &str,
    kind: &str,
) -> Result<Option<RecordSet>, CloudError> {
    let request = clients
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(zone)
        .start_record_name(name)
        .start_record_type(RrType::from(kind))
        .max_items(1);
    // A zone that is gone has no records.
    let Some(reply) = found(request.send().await.map_err(reading(LIST)))? else { return Ok(None) };
    let here = |set: &&ResourceRecordSet| plain(set.name()) == plain(name) && set.r#type().as_str() == kind;
    Ok(reply.resource_record_sets().iter().find(here).map(read))
}

fn read(set: &ResourceRecordSet) -> RecordSet {
    let kind = set.r#type().as_str().to_owned();
    RecordSet {
        name: plain(set.name()),
        values: set.resource_records().iter().map(|record| unquoted(&kind, record.value())).collect(),
        ttl: set.ttl(),
        alias: set
            .alias_target()
            .map(|target| (target.hosted_zone_id().to_owned(), plain(target.dns_name()))),
        kind,
    }
}

/// Makes one change.
pub(super) async fn change(clients: &Clients, zone: &str, detail: &Detail) -> Result<Reply, CloudError> {
    let batch = batch(detail).map_err(|error| CloudError::misuse(CHANGE, error.to_string()))?;
    let request = clients.route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch);
    let reply = request.send().await.map_err(calling(CHANGE))?;
    let id = reply.change_info().map(|info| info.id().trim_start_matches("/change/"));
    Ok(Reply::of(&reply, id))
}

fn batch(detail: &Detail) -> Result<ChangeBatch, aws_sdk_route53::error::BuildError> {
    let set = &detail.set;
    let mut record = ResourceRecordSet::builder().name(&set.name).r#type(RrType::from(set.kind.as_str()));
    if let Some((zone, target)) = &set.alias {
        let alias =
            AliasTarget::builder().hosted_zone_id(zone).dns_name(target).evaluate_target_health(false);
        record = record.alias_target(alias.build()?);
    } else {
        record = record.set_ttl(set.ttl);
        for value in &set.values {
            record =
                record.resource_records(ResourceRecord::builder().value(quoted(&set.kind, value)).build()?);
        }
    }
    let action = match detail.action {
        Action::Create => ChangeAction::Create,
        Action::Upsert => ChangeAction::Upsert,
        Action::Delete => ChangeAction::Delete,
    };
    let change = Change::builder().action(action).resource_record_set(record.build()?).build()?;
    ChangeBatch::builder().changes(change).build()
}

/// Whether a change has reached all name servers. Route 53 forgets changes after a while; by then it has.
pub(super) async fn in_sync(clients: &Clients, change: &str) -> Result<bool, CloudError> {
    let reply = clients.route53.get_change().id(change).send().await.map_err(reading("route53:GetChange"));
    let reply = match reply {
        Err(error) if error.code == "NoSuchChange" => return Ok(true),
        reply => reply?,
    };
    Ok(reply.change_info().is_none_or(|info| *info.status() == ChangeStatus::Insync))
}

/// A value as Route 53 wants it: the text of a TXT record stands in quotes, in parts of at most 255 characters
/// (RFC 1035, 3.3).
fn quoted(kind: &str, value: &str) -> String {
    if kind != "TXT" {
        return value.to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let mut bytes = 0;
    for c in value.chars() {
        if bytes + c.len_utf8() > 255 {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += c.len_utf8();
        match c {
            '"' | '\\' => part.extend(['\\', c]),
            ' '..='~' => part.push(c),
            // Everything else as octal codes of its bytes.
            c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| part.push_str(&format!("\\{byte:03o}"))),
        }
    }
    parts.push(part);
    parts.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(" ")
}

/// The opposite of [`quoted`]; a name loses the dot at its end.
fn unquoted(kind: &str, value: &str) -> String {
    match kind {
        "TXT" => text_of(value),
        "CNAME" => plain(value),
        _ => value.to_owned(),
    }
}

fn text_of(quoted: &str) -> String {
    let mut bytes: Vec<u8> = Vec::new();
    let mut inside = false;
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => inside = !inside,
            '\\' => {
                let rest = chars.as_str();
                let code = rest.get(..3).and_then(|code| u8::from_str_radix(code, 8).ok());
                match (code, chars.next()) {
                    (Some(code), _) => {
                        bytes.push(code);
                        chars.nth(1);
                    }
                    (None, Some(c)) => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
                    (None, None) => {}
                }
            }
            c if inside => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            _ => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn texts_are_quoted_and_come_back() {
        assert_eq!(quoted("TXT", "v=spf1 \"-all\""), r#""v=spf1 \"-all\"""#);
        assert_eq!(quoted("CNAME", "a.example.com"), "a.example.com");
        let long = "x".repeat(300);
        assert_eq!(quoted("TXT", &long), format!("\"{}\" \"{}\"", "x".repeat(255), "x".repeat(45)));
        for text in ["plain", "a \"b\" \\ c", "é 1", &long, ""] {
            assert_eq!(unquoted("TXT", &quoted("TXT", text)), text);
        }
    }

    #[test]
    fn names_lose_their_dot_and_their_code() {
        assert_eq!(plain("\\052.Example.com."), "*.example.com");
        assert_eq!(unquoted("CNAME", "D1.cloudfront.net."), "d1.cloudfront.net");
    }

    #[test]
    fn an_alias_has_no_values() {
        let alias = Some(("Z2FDTNDATAQYW2".to_owned(), "d1.cloudfront.net".to_owned()));
        let set = RecordSet {
            name: "example.com".to_owned(),
            kind: "A".to_owned(),
            ttl: Some(60),
            alias,
            ..RecordSet::default()
        };
        let batch = batch(&Detail { action: Action::Upsert, set: set.clone() }).unwrap();
        let record = batch.changes()[0].resource_record_set().unwrap();
        assert_eq!(record.ttl(), None);
        assert_eq!(read(record), RecordSet { ttl: None, ..set });
    }
}
