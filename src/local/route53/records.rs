//! Record sets: changed in batches that apply as a whole or not at all.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::zones::sort_key;
use super::{PROPAGATION, Publication, Zone, new_change, root, zone, zone_mut};
use crate::local::support::{elements, member, page};
use crate::local::{Call, Cx, Element, Fault, Reply, State, elbv2};

const TYPES: [&str; 12] =
    ["A", "AAAA", "CAA", "CNAME", "DS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "TXT"];
/// Members of a record set that say when it answers; kept as they are.
const ROUTING: [&str; 6] =
    ["Weight", "Region", "Failover", "MultiValueAnswer", "HealthCheckId", "TrafficPolicyInstanceId"];
/// The hosted zone of all names of CloudFront.
pub(crate) const CLOUDFRONT_ZONE: &str = "Z2FDTNDATAQYW2";

/// Records of one name and type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Lower case, with the dot at its end; `*` as `\052`.
    pub name: String,
    /// `CNAME`, …
    pub kind: String,
    /// Tells sets of the same name and type apart.
    pub set_id: Option<String>,
    /// Seconds; none for aliases.
    pub ttl: Option<i64>,
    /// The values.
    pub values: Vec<String>,
    /// In place of values.
    pub alias: Option<Alias>,
    /// When it answers.
    pub routing: Vec<(String, String)>,
}

/// An alias to a name of AWS or of the same zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The zone of the target.
    pub zone: String,
    /// The target's name, with the dot at its end.
    pub name: String,
    /// Whether an unhealthy target gives no answer.
    pub evaluate: bool,
}

/// A name as Route 53 keeps it.
pub(super) fn canonical(name: &str) -> String {
    let name = name.trim_end_matches('.').to_ascii_lowercase().replace('*', "\\052");
    format!("{name}.")
}

/// Whether a name lies in a zone; both with their dots.
pub(super) fn within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|prefix| prefix.ends_with('.'))
}

impl RecordSet {
    fn key(&self) -> (&str, &str, Option<&str>) {
        (&self.name, &self.kind, self.set_id.as_deref())
    }
}

impl Zone {
    /// What the name servers say of a name, and since when; of its wildcard when the name itself has no records at all.
    pub(super) fn lookup(&self, name: &str, kind: &str, now: i64) -> Vec<(&RecordSet, i64)> {
        let mut live: Vec<&Publication> = Vec::new();
        for publication in self.published.iter().filter(|publication| publication.at <= now) {
            live.retain(|other| other.set.key() != publication.set.key());
            if !publication.gone {
                live.push(publication);
            }
        }
        let exact = live.iter().any(|p| p.set.name == name);
        let wildcard = name.split_once('.').map(|(_, rest)| format!("\\052.{rest}"));
        let wanted = if exact { name } else { wildcard.as_deref().unwrap_or(name) };
        let fits = |p: &&&Publication| p.set.name == wanted && p.set.kind == kind;
        live.iter().filter(fits).map(|p| (&p.set, p.at)).collect()
    }

    fn publish(&mut self, set: RecordSet, gone: bool, now: i64) {
        let at = now + PROPAGATION;
        // Of what the name servers know already, only the last counts.
        let known = self.published.iter().rposition(|p| p.set.key() == set.key() && p.at <= now);
        let mut index = 0;
        self.published.retain(|p| {
            index += 1;
            p.set.key() != set.key() || p.at > now || Some(index - 1) == known
        });
        let same = self.published.iter().rfind(|p| p.set.key() == set.key());
        if !same.is_some_and(|last| last.gone == gone && last.set == set) {
            self.published.push(Publication { at, set, gone });
        }
    }
}

pub(super) fn change(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let id = call.text("Id").unwrap_or_default();
    let zone = zone(state, &id)?.clone();
    let changes = elements(&call.params, "ChangeBatch.Changes");
    if changes.is_empty() {
        return Err(Fault::new(
            400,
            "InvalidInput",
            "1 validation error detected: Value '[]' at 'changeBatch.changes' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ));
    }
    let mut records = zone.records.clone();
    let mut done: Vec<(RecordSet, bool)> = Vec::new();
    let mut complaints: Vec<String> = Vec::new();
    for change in changes {
        let action = member(change, "Action").unwrap_or_default();
        let set = read(change.get("ResourceRecordSet").unwrap_or(&Value::Null))?;
        let outcome =
            check(state, &zone, &set, &action).and_then(|()| apply(&mut records, &set, &action, &zone));
        match outcome {
            Ok(()) => done.push((set, action == "DELETE")),
            Err(complaint) => complaints.push(complaint),
        }
    }
    if !complaints.is_empty() {
        return Err(Fault::new(400, "InvalidChangeBatch", format!("[{}]", complaints.join(", "))));
    }
    let zone = zone_mut(state, &id)?;
    zone.records = records;
    for (set, gone) in done {
        zone.publish(set, gone, cx.now);
    }
    let info = new_change(state, cx, call.text("ChangeBatch.Comment"));
    Ok(root("ChangeResourceRecordSetsResponse", vec![info]))
}

fn read(value: &Value) -> Result<RecordSet, Fault> {
    let invalid = |message: String| Fault::new(400, "InvalidInput", message);
    let name = member(value, "Name").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| invalid("ResourceRecordSet.Name must not be null".into()))?;
    let kind = member(value, "Type").unwrap_or_default();
    if !TYPES.contains(&kind.as_str()) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{kind}' at 'changeBatch.changes.1.member.resourceRecordSet.type' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            TYPES.join(", ")
        )));
    }
    let alias = value.get("AliasTarget").filter(|alias| alias.is_object()).map(|alias| Alias {
        zone: member(alias, "HostedZoneId").unwrap_or_default(),
        name: canonical(&member(alias, "DNSName").unwrap_or_default()),
        evaluate: member(alias, "EvaluateTargetHealth").as_deref() == Some("true"),
    });
    let values =
        elements(value, "ResourceRecords").iter().filter_map(|record| member(record, "Value")).collect();
    let routing = ROUTING.iter().filter_map(|name| Some(((*name).to_owned(), member(value, name)?)));
    Ok(RecordSet {
        name: canonical(&name),
        kind,
        set_id: member(value, "SetIdentifier"),
        ttl: member(value, "TTL").and_then(|ttl| ttl.parse().ok()),
        values,
        alias,
        routing: routing.collect(),
    })
}

/// What does not depend on the other records.
fn check(state: &State, zone: &Zone, set: &RecordSet, action: &str) -> Result<(), String> {
    let RecordSet { name, kind, .. } = set;
    if !matches!(action, "CREATE" | "DELETE" | "UPSERT") {
        return Err(format!("Invalid action '{action}'"));
    }
    if !within(name, &zone.name) {
        return Err(format!("RRSet with DNS name {name} is not permitted in zone {}", zone.name));
    }
    if kind == "CNAME" && *name == zone.name {
        return Err(format!(
            "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {}",
            zone.name
        ));
    }
    if action == "DELETE" {
        return Ok(());
    }
    match (&set.alias, set.values.is_empty(), set.ttl) {
        (Some(alias), true, None) => check_alias(state, zone, alias, kind),
        (Some(_), _, _) => Err(format!(
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found more than one in Change with [Action={action}, Name={name}, Type={kind}, SetIdentifier=null]"
        )),
        (None, false, Some(ttl)) if (0..=2_147_483_647).contains(&ttl) => {
            if kind == "CNAME" && set.values.len() > 1 {
                return Err(format!("RRSet of type CNAME with DNS name {name} must have exactly one value"));
            }
            set.values.iter().try_for_each(|value| check_value(kind, value))
        }
        (None, _, _) => Err(format!(
            "Invalid request: Missing field 'TTL' or 'ResourceRecords' in Change with [Action={action}, Name={name}, Type={kind}, SetIdentifier=null]"
        )),
    }
}

fn check_alias(state: &State, zone: &Zone, alias: &Alias, kind: &str) -> Result<(), String> {
    let lost = |why: &str| {
        Err(format!(
            "Tried to create an alias that targets {}, type {kind} in zone {}, but {why}",
            alias.name, alias.zone
        ))
    };
    let target = alias.name.trim_end_matches('.');
    if alias.zone == zone.id {
        let known = zone.records.iter().any(|set| set.name == alias.name && set.kind == kind);
        return if known { Ok(()) } else { lost("that target was not found") };
    }
    let suffix = match alias.zone.as_str() {
        CLOUDFRONT_ZONE => "cloudfront.net",
        id if elbv2::is_hosted_zone(id) => "elb.amazonaws.com",
        id if super::super::beanstalk::is_hosted_zone(id) => "elasticbeanstalk.com",
        id if state.route53.zones.contains_key(id) => {
            return lost("the alias target is in another hosted zone");
        }
        _ => return lost("the alias target name does not lie within the target zone"),
    };
    if !target.ends_with(suffix) {
        return lost("the alias target name does not lie within the target zone");
    }
    if suffix == "cloudfront.net" && !state.cloudfront.distributions.values().any(|d| d.domain == target) {
        return lost("that target was not found");
    }
    Ok(())
}

fn check_value(kind: &str, value: &str) -> Result<(), String> {
    let problem = |code: &str, text: &str| {
        Err(format!("Invalid Resource Record: 'FATAL problem: {code} ({text}) encountered with '{value}''"))
    };
    match kind {
        "A" if value.parse::<std::net::Ipv4Addr>().is_err() => {
            problem("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address")
        }
        "AAAA" if value.parse::<std::net::Ipv6Addr>().is_err() => {
            problem("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address")
        }
        "TXT" if !(value.starts_with('"') && value.ends_with('"') && value.len() >= 2) => {
            problem("InvalidCharacterString", "Value should be enclosed in quotation marks")
        }
        "CNAME" | "NS" | "PTR" if !is_domain(value) => problem("DomainNameEmpty", "Domain name is not valid"),
        _ if value.len() > 4_000 => problem("InvalidCharacterString", "Value is too long"),
        _ => Ok(()),
    }
}

fn is_domain(value: &str) -> bool {
    let name = value.trim_end_matches('.');
    !name.is_empty()
        && name.len() <= 255
        && name.split('.').all(|label| (1..=63).contains(&label.len()) && !label.contains([' ', '/', ':']))
}

/// What depends on the records as the changes before this one leave them.
fn apply(records: &mut Vec<RecordSet>, set: &RecordSet, action: &str, zone: &Zone) -> Result<(), String> {
    let RecordSet { name, kind, .. } = set;
    let at = records.iter().position(|other| other.key() == set.key());
    let what = format!("resource record set [name='{name}', type='{kind}']");
    if action == "DELETE" {
        let Some(at) = at else {
            return Err(format!("Tried to delete {what} but it was not found"));
        };
        if matches!(kind.as_str(), "NS" | "SOA") && *name == zone.name {
            return Err(format!(
                "A HostedZone must contain {} for the zone itself.",
                if kind == "NS" { "at least one NS record" } else { "exactly one SOA record" }
            ));
        }
        if !records.get(at).is_some_and(|current| same(current, set)) {
            return Err(format!(
                "Tried to delete {what} but the values provided do not match the current values"
            ));
        }
        records.remove(at);
        return Ok(());
    }
    if action == "CREATE" && at.is_some() {
        return Err(format!("Tried to create {what} but it already exists"));
    }
    let clash = records.iter().find(|other| {
        other.name == *name && other.kind != *kind && (other.kind == "CNAME" || kind == "CNAME")
    });
    if let Some(other) = clash {
        return Err(format!(
            "RRSet of type {kind} with DNS name {name} is not permitted because a conflicting RRSet of type {} with the same DNS name already exists in zone {}",
            other.kind, zone.name
        ));
    }
    match at.and_then(|at| records.get_mut(at)) {
        Some(current) => *current = set.clone(),
        None => records.push(set.clone()),
    }
    Ok(())
}

/// The order of values does not matter.
fn same(a: &RecordSet, b: &RecordSet) -> bool {
    let sorted = |set: &RecordSet| {
        let mut values = set.values.clone();
        values.sort();
        values
    };
    a.ttl == b.ttl && a.alias == b.alias && sorted(a) == sorted(b)
}

pub(super) fn list(state: &State, call: &Call) -> Result<Reply, Fault> {
    let zone = zone(state, &call.text("Id").unwrap_or_default())?;
    let mut sets: Vec<&RecordSet> = zone.records.iter().collect();
    let key =
        |set: &RecordSet| (sort_key(&set.name), set.kind.clone(), set.set_id.clone().unwrap_or_default());
    sets.sort_by_key(|set| key(set));
    if let Some(name) = call.text("name") {
        let from = (
            sort_key(&canonical(&name)),
            call.text("type").unwrap_or_default(),
            call.text("identifier").unwrap_or_default(),
        );
        sets.retain(|set| key(set) >= from);
    } else if call.text("type").is_some() {
        return Err(Fault::new(400, "InvalidInput", "The type may only be specified together with the name"));
    }
    let limit = call.text("maxitems").and_then(|text| text.parse().ok()).unwrap_or(300);
    let limit = call.page_of(limit.clamp(1, 300));
    let all = sets.clone();
    let (sets, next) = page(sets, 0, limit);
    let mut children = vec![Element::new("ResourceRecordSets", sets.into_iter().map(show).collect())];
    children.push(Element::text("IsTruncated", next.is_some()));
    if let Some(set) = next.and_then(|at| all.get(at)) {
        children.push(Element::text("NextRecordName", &set.name));
        children.push(Element::text("NextRecordType", &set.kind));
        children.extend(set.set_id.as_ref().map(|id| Element::text("NextRecordIdentifier", id)));
    }
    children.push(Element::text("MaxItems", limit));
    Ok(root("ListResourceRecordSetsResponse", children))
}

fn show(set: &RecordSet) -> Element {
    let mut children = vec![Element::text("Name", &set.name), Element::text("Type", &set.kind)];
    children.extend(set.set_id.as_ref().map(|id| Element::text("SetIdentifier", id)));
    children.extend(set.routing.iter().map(|(name, value)| Element::text(name, value)));
    children.extend(set.ttl.map(|ttl| Element::text("TTL", ttl)));
    if !set.values.is_empty() {
        let values = set.values.iter().map(|value| vec![Element::text("Value", value)]);
        children.push(Element::list("ResourceRecords", "ResourceRecord", values));
    }
    if let Some(alias) = &set.alias {
        children.push(Element::new(
            "AliasTarget",
            vec![
                Element::text("HostedZoneId", &alias.zone),
                Element::text("DNSName", &alias.name),
                Element::text("EvaluateTargetHealth", alias.evaluate),
            ],
        ));
    }
    Element::new("ResourceRecordSet", children)
}
