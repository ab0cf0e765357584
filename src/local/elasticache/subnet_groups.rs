//! Cache subnet groups.

use super::{invalid, refuse};
use crate::local::common::{self, records};
use crate::local::subnets::Place;
use crate::local::{Call, Cx, Element, Fault, State, SubnetGroup};

fn group(state: &mut State, cx: &Cx, name: &str) -> Result<SubnetGroup, Fault> {
    if name == "default" {
        return Ok(SubnetGroup::default_of(state, cx, "Default CacheSubnetGroup"));
    }
    state.elasticache.region(&cx.region).subnet_groups.get(name).cloned().ok_or_else(|| missing(name))
}

/// The service model says 400 here, unlike elsewhere.
pub(super) fn missing(name: &str) -> Fault {
    let message = format!("Cache Subnet Group {name} does not exist.");
    Fault::new(400, "CacheSubnetGroupNotFoundFault", message)
}

/// The VPC and the subnets of a group, each with its zone.
pub(super) fn place(state: &mut State, cx: &Cx, name: &str) -> Result<Place, Fault> {
    Ok(group(state, cx, name)?.place(state, cx))
}

fn ipv4() -> Element {
    Element::texts("SupportedNetworkTypes", "member", ["ipv4"])
}

fn members(state: &mut State, cx: &Cx, group: &SubnetGroup) -> Vec<Element> {
    vec![
        Element::text("CacheSubnetGroupName", &group.name),
        Element::text("CacheSubnetGroupDescription", &group.description),
        Element::text("VpcId", &group.vpc),
        group.subnets_element(state, cx, ipv4),
        Element::text("ARN", common::arn(cx, "elasticache", &format!("subnetgroup:{}", group.name))),
        ipv4(),
    ]
}

fn check_subnets(state: &mut State, cx: &Cx, ids: &[String]) -> Result<String, Fault> {
    let region = state.ec2.region(&cx.region);
    if ids.is_empty() {
        return invalid("The parameter SubnetIds must be provided and must not be blank.");
    }
    match ids.iter().find(|id| region.subnet(id).is_none()) {
        Some(id) => refuse("InvalidSubnet", format!("The subnet ID {id} does not exist.")),
        None => Ok(region.vpc.id.clone()),
    }
}

fn name(call: &Call) -> Result<String, Fault> {
    Ok(call.required("CacheSubnetGroupName")?.to_ascii_lowercase())
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut group = SubnetGroup::asked(call, "Cache")?;
    let name = group.name.clone();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.is_empty() || name.len() > 255 || !name.chars().all(allowed) || name == "default" {
        return invalid(format!(
            "The parameter CacheSubnetGroupName must contain no more than 255 alphanumeric characters or hyphens and must not be 'default': {name}"
        ));
    }
    if state.elasticache.region(&cx.region).subnet_groups.contains_key(&name) {
        return refuse("CacheSubnetGroupAlreadyExists", format!("Cache subnet group {name} already exists."));
    }
    group.vpc = check_subnets(state, cx, &group.subnets)?;
    let members = members(state, cx, &group);
    state.elasticache.region(&cx.region).subnet_groups.insert(name, group);
    Ok(vec![Element::new("CacheSubnetGroup", members)])
}

pub fn modify(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = name(call)?;
    let mut group = group(state, cx, &name)?;
    let subnets = call.texts("SubnetIds");
    if !subnets.is_empty() {
        check_subnets(state, cx, &subnets)?;
        let clusters = state.elasticache.region(&cx.region).clusters.values();
        let of_group = clusters.filter(|cluster| cluster.subnet_group == name);
        let zones: Vec<String> =
            of_group.flat_map(|it| it.nodes.iter().map(|node| node.zone.clone())).collect();
        let region = state.ec2.region(&cx.region);
        let in_use = |id: &&String| region.subnet(id).is_some_and(|subnet| zones.contains(&subnet.zone));
        if let Some(id) = group.subnets.iter().filter(|id| !subnets.contains(id)).find(in_use) {
            return refuse(
                "SubnetInUse",
                format!("The subnet ID {id} is in use by a cache node of the group {name}."),
            );
        }
        group.subnets = subnets;
    }
    if let Some(description) = call.text("CacheSubnetGroupDescription") {
        group.description = description;
    }
    let members = members(state, cx, &group);
    state.elasticache.region(&cx.region).subnet_groups.insert(name, group);
    Ok(vec![Element::new("CacheSubnetGroup", members)])
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = name(call)?;
    group(state, cx, &name)?;
    let region = state.elasticache.region(&cx.region);
    let used = region.clusters.values().any(|cluster| cluster.subnet_group == name);
    if used || name == "default" {
        return refuse(
            "CacheSubnetGroupInUse",
            format!("Cache subnet group {name} is currently in use by a cache cluster."),
        );
    }
    region.subnet_groups.shift_remove(&name);
    Ok(vec![])
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let groups = match call.text("CacheSubnetGroupName") {
        Some(name) => vec![group(state, cx, &name.to_ascii_lowercase())?],
        None => state.elasticache.region(&cx.region).subnet_groups.values().cloned().collect(),
    };
    let (groups, marker) = records(call, groups)?;
    let items: Vec<_> = groups.iter().map(|group| members(state, cx, group)).collect();
    Ok([Element::list("CacheSubnetGroups", "CacheSubnetGroup", items)].into_iter().chain(marker).collect())
}
