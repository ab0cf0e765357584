//! Route 53: public hosted zones and their records.
//!
//! A change is in the API at once and at the name servers a little later; `GetChange` says `INSYNC` by then.

mod records;
mod zones;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::common::{SECOND, Tags, iso};
use super::{Call, Cx, Element, Fault, Reply, State};

pub use records::{Alias, RecordSet};

/// How long a change takes to reach all name servers.
pub(crate) const PROPAGATION: i64 = 30 * SECOND;

/// What Route 53 knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Route53 {
    /// Hosted zones by id (`Z…`).
    pub zones: IndexMap<String, Zone>,
    /// Changes by id (`C…`).
    pub changes: IndexMap<String, Change>,
}

/// A hosted zone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Zone {
    /// `Z…`
    pub id: String,
    /// With the dot at its end.
    pub name: String,
    /// As the client gave it.
    pub caller_reference: String,
    /// The comment.
    pub comment: String,
    /// Only for a VPC: not in the public DNS.
    pub private: bool,
    /// Its name servers.
    pub name_servers: Vec<String>,
    /// What the API says.
    pub records: Vec<RecordSet>,
    /// What the name servers say, and since when.
    pub published: Vec<Publication>,
    /// Tags.
    pub tags: Tags,
}

/// A record set as the name servers know it from a moment on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Publication {
    /// From when on.
    pub at: i64,
    /// The records.
    pub set: RecordSet,
    /// They are gone from that moment on.
    pub gone: bool,
}

/// A change under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// When it was made.
    pub at: i64,
    /// The comment of its batch.
    pub comment: Option<String>,
}

impl Route53 {
    /// The record sets of a name that the name servers tell at a time, and since when. The zone with the longest name
    /// that holds the host decides.
    pub fn lookup(&self, host: &str, kind: &str, now: i64) -> Vec<(&RecordSet, i64)> {
        let name = records::canonical(host);
        let holds = |zone: &&Zone| !zone.private && records::within(&name, &zone.name);
        let Some(longest) = self.zones.values().filter(holds).map(|zone| zone.name.len()).max() else {
            return Vec::new();
        };
        let zones = self.zones.values().filter(holds).filter(|zone| zone.name.len() == longest);
        zones.flat_map(|zone| zone.lookup(&name, kind, now)).collect()
    }
}

/// Answers a call.
///
/// # Errors
/// What Route 53 refuses.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    match call.operation.as_str() {
        "CreateHostedZone" => zones::create(state, cx, call),
        "GetHostedZone" => zones::get(state, call),
        "GetHostedZoneCount" => zones::count(state),
        "ListHostedZones" => zones::list(state, call),
        "ListHostedZonesByName" => zones::list_by_name(state, call),
        "UpdateHostedZoneComment" => zones::update_comment(state, call),
        "DeleteHostedZone" => zones::delete(state, cx, call),
        "ChangeResourceRecordSets" => records::change(state, cx, call),
        "ListResourceRecordSets" => records::list(state, call),
        "GetChange" => get_change(state, cx, call),
        "ListTagsForResource" => zones::list_tags(state, call),
        "ListTagsForResources" => zones::list_tags_of_many(state, call),
        "ChangeTagsForResource" => zones::change_tags(state, call),
        other => Err(Fault::new(
            400,
            "InvalidAction",
            format!("Route 53 of the local cloud does not know {other}"),
        )),
    }
}

/// One element as the reply.
fn root(name: &str, children: Vec<Element>) -> Reply {
    Reply::Xml(vec![Element::new(name, children)])
}

fn zone_mut<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Zone, Fault> {
    let id = id.trim_start_matches("/hostedzone/");
    let none = || Fault::new(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"));
    state.route53.zones.get_mut(id).ok_or_else(none)
}

fn zone<'a>(state: &'a State, id: &str) -> Result<&'a Zone, Fault> {
    let id = id.trim_start_matches("/hostedzone/");
    let none = || Fault::new(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"));
    state.route53.zones.get(id).ok_or_else(none)
}

fn new_change(state: &mut State, cx: &Cx, comment: Option<String>) -> Element {
    let id = format!("C{}", state.letters(20));
    let change = Change { at: cx.now, comment };
    let info = change_info(&id, &change, cx.now);
    state.route53.changes.insert(id, change);
    info
}

fn change_info(id: &str, change: &Change, now: i64) -> Element {
    let status = if now >= change.at + PROPAGATION { "INSYNC" } else { "PENDING" };
    let mut children = vec![
        Element::text("Id", format!("/change/{id}")),
        Element::text("Status", status),
        Element::text("SubmittedAt", iso(change.at)),
    ];
    children.extend(super::support::optional("Comment", &change.comment));
    Element::new("ChangeInfo", children)
}

fn get_change(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let id = call.text("Id").unwrap_or_default();
    let id = id.trim_start_matches("/change/");
    let none = || Fault::new(404, "NoSuchChange", format!("Could not find resource with ID: {id}"));
    let change = state.route53.changes.get(id).ok_or_else(none)?;
    Ok(root("GetChangeResponse", vec![change_info(id, change, cx.now)]))
}

#[cfg(test)]
mod tests;
