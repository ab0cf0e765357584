//! Hosted zones and their tags.

use super::records::{RecordSet, canonical};
use super::{Publication, Zone, new_change, root, zone, zone_mut};
use crate::local::common::{tag_list, tags_of};
use crate::local::support::{elements, page, text_of};
use crate::local::{Call, Cx, Element, Fault, Reply, State};

pub(super) fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let name = call.text("Name").unwrap_or_default();
    let labels = |name: &str| {
        let name = name.trim_end_matches('.');
        !name.is_empty()
            && name.len() <= 253
            && name.split('.').all(|l| {
                !l.is_empty()
                    && l.len() <= 63
                    && l.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            })
    };
    if !labels(&name) {
        return Err(Fault::new(400, "InvalidDomainName", format!("{name} is not a valid domain name")));
    }
    let reference = call
        .text("CallerReference")
        .ok_or_else(|| Fault::new(400, "InvalidInput", "CallerReference must not be null"))?;
    if state.route53.zones.values().any(|zone| zone.caller_reference == reference) {
        let message = "A hosted zone has already been created with the specified caller reference.";
        return Err(Fault::new(409, "HostedZoneAlreadyExists", message));
    }
    let id = format!("Z{}", state.letters(13));
    let servers = (0..4).map(|n| {
        let number = u32::from_str_radix(&state.hex(4), 16).unwrap_or_default() % 2_048;
        format!("ns-{number}.awsdns-{:02}.{}", number % 64, ["com", "net", "org", "co.uk"][n % 4])
    });
    let name_servers: Vec<String> = servers.collect();
    let zone_name = canonical(&name);
    let soa = format!(
        "{}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
        name_servers.first().map(String::as_str).unwrap_or_default()
    );
    let set = |kind: &str, ttl, values| RecordSet {
        name: zone_name.clone(),
        kind: kind.to_owned(),
        ttl: Some(ttl),
        values,
        ..RecordSet::default()
    };
    let records = vec![
        set("NS", 172_800, name_servers.iter().map(|server| format!("{server}.")).collect()),
        set("SOA", 900, vec![soa]),
    ];
    let published =
        records.iter().map(|set| Publication { at: cx.now, set: set.clone(), gone: false }).collect();
    let zone = Zone {
        id: id.clone(),
        name: zone_name,
        caller_reference: reference,
        comment: call.text("HostedZoneConfig.Comment").unwrap_or_default(),
        private: call.flag("HostedZoneConfig.PrivateZone").unwrap_or(false)
            || call.params.get("VPC").is_some(),
        name_servers,
        records,
        published,
        ..Zone::default()
    };
    let change = new_change(state, cx, None);
    let reply = root("CreateHostedZoneResponse", vec![show(&zone), change, delegation(&zone)]);
    state.route53.zones.insert(id.clone(), zone);
    let location = format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{id}");
    Ok(Reply::With(201, vec![("location".to_owned(), location)], Box::new(reply)))
}

fn show(zone: &Zone) -> Element {
    let mut config = Vec::new();
    if !zone.comment.is_empty() {
        config.push(Element::text("Comment", &zone.comment));
    }
    config.push(Element::text("PrivateZone", zone.private));
    Element::new(
        "HostedZone",
        vec![
            Element::text("Id", format!("/hostedzone/{}", zone.id)),
            Element::text("Name", &zone.name),
            Element::text("CallerReference", &zone.caller_reference),
            Element::new("Config", config),
            Element::text("ResourceRecordSetCount", zone.records.len()),
        ],
    )
}

fn delegation(zone: &Zone) -> Element {
    Element::new("DelegationSet", vec![Element::texts("NameServers", "NameServer", &zone.name_servers)])
}

pub(super) fn get(state: &State, call: &Call) -> Result<Reply, Fault> {
    let zone = zone(state, &call.text("Id").unwrap_or_default())?;
    Ok(root("GetHostedZoneResponse", vec![show(zone), delegation(zone)]))
}

pub(super) fn count(state: &State) -> Result<Reply, Fault> {
    let count = Element::text("HostedZoneCount", state.route53.zones.len());
    Ok(root("GetHostedZoneCountResponse", vec![count]))
}

fn limit(call: &Call) -> usize {
    let wanted = call.text("maxitems").and_then(|text| text.parse().ok()).unwrap_or(100);
    call.page_of(wanted.clamp(1, 100))
}

pub(super) fn list(state: &State, call: &Call) -> Result<Reply, Fault> {
    let zones: Vec<&Zone> = state.route53.zones.values().collect();
    let marker = call.text("marker").unwrap_or_default();
    let start = match zones.iter().position(|zone| zone.id == marker) {
        Some(at) => at,
        None if marker.is_empty() => 0,
        None => return Err(Fault::new(400, "InvalidInput", "The marker is not valid")),
    };
    let all = zones.clone();
    let (zones, next) = page(zones, start, limit(call));
    let mut children = vec![Element::new("HostedZones", zones.into_iter().map(show).collect())];
    children.push(Element::text("Marker", marker));
    children.push(Element::text("IsTruncated", next.is_some()));
    if let Some(zone) = next.and_then(|at| all.get(at)) {
        children.push(Element::text("NextMarker", &zone.id));
    }
    children.push(Element::text("MaxItems", limit(call)));
    Ok(root("ListHostedZonesResponse", children))
}

/// The key by which zones and records are sorted: the labels from the right.
pub(super) fn sort_key(name: &str) -> Vec<String> {
    name.trim_end_matches('.').rsplit('.').map(str::to_owned).collect()
}

pub(super) fn list_by_name(state: &State, call: &Call) -> Result<Reply, Fault> {
    let mut zones: Vec<&Zone> = state.route53.zones.values().collect();
    zones.sort_by_key(|zone| (sort_key(&zone.name), zone.id.clone()));
    let wanted = call.text("dnsname");
    if let Some(wanted) = &wanted {
        let from = (sort_key(&canonical(wanted)), call.text("hostedzoneid").unwrap_or_default());
        zones.retain(|zone| (sort_key(&zone.name), zone.id.clone()) >= from);
    }
    let all = zones.clone();
    let (zones, next) = page(zones, 0, limit(call));
    let mut children = vec![Element::new("HostedZones", zones.into_iter().map(show).collect())];
    children.extend(wanted.map(|name| Element::text("DNSName", name)));
    children.push(Element::text("IsTruncated", next.is_some()));
    if let Some(zone) = next.and_then(|at| all.get(at)) {
        children.push(Element::text("NextDNSName", &zone.name));
        children.push(Element::text("NextHostedZoneId", &zone.id));
    }
    children.push(Element::text("MaxItems", limit(call)));
    Ok(root("ListHostedZonesByNameResponse", children))
}

pub(super) fn update_comment(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let zone = zone_mut(state, &call.text("Id").unwrap_or_default())?;
    zone.comment = call.text("Comment").unwrap_or_default();
    Ok(root("UpdateHostedZoneCommentResponse", vec![show(zone)]))
}

pub(super) fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let zone = zone(state, &call.text("Id").unwrap_or_default())?;
    if zone.records.len() > 2 {
        let message =
            "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
        return Err(Fault::new(400, "HostedZoneNotEmpty", message));
    }
    let id = zone.id.clone();
    state.route53.zones.shift_remove(&id);
    Ok(root("DeleteHostedZoneResponse", vec![new_change(state, cx, None)]))
}

fn tag_set(zone: &Zone) -> Element {
    let mut children =
        vec![Element::text("ResourceType", "hostedzone"), Element::text("ResourceId", &zone.id)];
    // The service model has no empty list here.
    if !zone.tags.is_empty() {
        children.push(tag_list("Tags", "Tag", &zone.tags));
    }
    Element::new("ResourceTagSet", children)
}

pub(super) fn list_tags(state: &State, call: &Call) -> Result<Reply, Fault> {
    let zone = zone(state, &call.text("ResourceId").unwrap_or_default())?;
    Ok(root("ListTagsForResourceResponse", vec![tag_set(zone)]))
}

pub(super) fn list_tags_of_many(state: &State, call: &Call) -> Result<Reply, Fault> {
    let sets =
        call.texts("ResourceIds").iter().map(|id| zone(state, id).map(tag_set)).collect::<Result<_, _>>()?;
    Ok(root("ListTagsForResourcesResponse", vec![Element::new("ResourceTagSets", sets)]))
}

pub(super) fn change_tags(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let added = tags_of(elements(&call.params, "AddTags"));
    let removed: Vec<String> = elements(&call.params, "RemoveTagKeys").iter().filter_map(text_of).collect();
    let zone = zone_mut(state, &call.text("ResourceId").unwrap_or_default())?;
    zone.tags.retain(|key, _| !removed.contains(key));
    zone.tags.extend(added);
    Ok(root("ChangeTagsForResourceResponse", Vec::new()))
}
