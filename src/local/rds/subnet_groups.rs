//! DB subnet groups.

use std::collections::BTreeSet;

use super::{invalid, refuse};
use crate::local::common::{self, records};
use crate::local::subnets::Place;
use crate::local::{Call, Cx, Element, Fault, State, SubnetGroup};

fn group(state: &mut State, cx: &Cx, name: &str) -> Result<SubnetGroup, Fault> {
    if name == "default" {
        return Ok(SubnetGroup::default_of(state, cx, "default"));
    }
    state.rds.region(&cx.region).subnet_groups.get(name).cloned().ok_or_else(|| missing(name))
}

pub(super) fn missing(name: &str) -> Fault {
    Fault::new(404, "DBSubnetGroupNotFoundFault", format!("DB subnet group '{name}' does not exist."))
}

/// The VPC and the subnets of a group, each with its zone.
pub(super) fn place(state: &mut State, cx: &Cx, name: &str) -> Result<Place, Fault> {
    Ok(group(state, cx, name)?.place(state, cx))
}

fn members(state: &mut State, cx: &Cx, group: &SubnetGroup) -> Vec<Element> {
    vec![
        Element::text("DBSubnetGroupName", &group.name),
        Element::text("DBSubnetGroupDescription", &group.description),
        Element::text("VpcId", &group.vpc),
        Element::text("SubnetGroupStatus", "Complete"),
        group.subnets_element(state, cx, || Element::text("SubnetStatus", "Active")),
        Element::text("DBSubnetGroupArn", common::arn(cx, "rds", &format!("subgrp:{}", group.name))),
        Element::texts("SupportedNetworkTypes", "member", ["IPV4"]),
    ]
}

/// `<DBSubnetGroup>`, for whoever stands in it.
pub(super) fn element(state: &mut State, cx: &Cx, name: &str) -> Option<Element> {
    let group = group(state, cx, name).ok()?;
    Some(Element::new("DBSubnetGroup", members(state, cx, &group)))
}

/// The VPC of some subnets, which must cover two zones.
fn check_subnets(state: &mut State, cx: &Cx, ids: &[String]) -> Result<String, Fault> {
    let region = state.ec2.region(&cx.region);
    if ids.is_empty() {
        return refuse("MissingParameter", "The request must contain the parameter SubnetIds");
    }
    let mut zones = BTreeSet::new();
    for id in ids {
        match region.subnet(id) {
            Some(subnet) => zones.insert(subnet.zone.clone()),
            None => {
                return refuse(
                    "InvalidSubnet",
                    format!("Some input subnets in :[{}] are invalid.", ids.join(", ")),
                );
            }
        };
    }
    if zones.len() < 2 {
        let covered = zones.into_iter().collect::<Vec<_>>().join(", ");
        return refuse(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            format!(
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {covered}. Add subnets to cover at least 2 AZs."
            ),
        );
    }
    Ok(region.vpc.id.clone())
}

fn name(call: &Call) -> Result<String, Fault> {
    Ok(call.required("DBSubnetGroupName")?.to_ascii_lowercase())
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut group = SubnetGroup::asked(call, "DB")?;
    let name = group.name.clone();
    let well_formed = name.len() <= 255
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._- ".contains(c));
    if !well_formed || name == "default" {
        return invalid(format!(
            "The parameter DBSubnetGroupName must contain from 1 to 255 alphanumeric characters, spaces, hyphens, underscores, and periods and must not be 'default': {name}"
        ));
    }
    if state.rds.region(&cx.region).subnet_groups.contains_key(&name) {
        return refuse("DBSubnetGroupAlreadyExists", format!("The DB subnet group '{name}' already exists."));
    }
    group.vpc = check_subnets(state, cx, &group.subnets)?;
    let members = members(state, cx, &group);
    state.rds.region(&cx.region).subnet_groups.insert(name, group);
    Ok(vec![Element::new("DBSubnetGroup", members)])
}

pub fn modify(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = name(call)?;
    let subnets = call.texts("SubnetIds");
    let mut group = group(state, cx, &name)?;
    check_subnets(state, cx, &subnets)?;
    let dropped: Vec<&String> = group.subnets.iter().filter(|id| !subnets.contains(id)).collect();
    let users = state.rds.region(&cx.region).instances.values().filter(|it| it.subnet_group == name);
    let zones: BTreeSet<String> =
        users.flat_map(|it| [Some(it.zone.clone()), it.second_zone.clone()]).flatten().collect();
    let region = state.ec2.region(&cx.region);
    let in_use = |id: &&&String| region.subnet(id).is_some_and(|subnet| zones.contains(&subnet.zone));
    if let Some(id) = dropped.iter().find(in_use) {
        return refuse(
            "SubnetAlreadyInUse",
            format!("The subnet {id} is in use by a DB instance of the group {name}."),
        );
    }
    if let Some(description) = call.text("DBSubnetGroupDescription") {
        group.description = description;
    }
    group.subnets = subnets;
    let members = members(state, cx, &group);
    state.rds.region(&cx.region).subnet_groups.insert(name, group);
    Ok(vec![Element::new("DBSubnetGroup", members)])
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = name(call)?;
    group(state, cx, &name)?;
    let region = state.rds.region(&cx.region);
    if name == "default" {
        return refuse("InvalidDBSubnetGroupStateFault", "The default subnet group cannot be deleted.");
    }
    if let Some(user) = region.instances.values().find(|it| it.subnet_group == name) {
        return refuse(
            "InvalidDBSubnetGroupStateFault",
            format!(
                "Cannot delete the subnet group '{name}' because at least one database instance: {} is still using it.",
                user.id
            ),
        );
    }
    region.subnet_groups.shift_remove(&name);
    Ok(vec![])
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let groups = match call.text("DBSubnetGroupName") {
        Some(name) => vec![group(state, cx, &name.to_ascii_lowercase())?],
        None => state.rds.region(&cx.region).subnet_groups.values().cloned().collect(),
    };
    let (groups, marker) = records(call, groups)?;
    let items: Vec<_> = groups.iter().map(|group| members(state, cx, group)).collect();
    Ok([Element::list("DBSubnetGroups", "DBSubnetGroup", items)].into_iter().chain(marker).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::{Client, text};

    #[test]
    fn groups_need_two_zones_and_hold_while_used() {
        let client = Client::new();
        let subnets = client.query("ec2", "DescribeSubnets", &[]).unwrap();
        let subnet = |at: usize| text(&subnets, &format!("subnetSet/item.{at}/subnetId"));
        let (one, two) = (subnet(0), subnet(1));
        let base = [
            ("DBSubnetGroupName", "Private"),
            ("DBSubnetGroupDescription", "d"),
            ("SubnetIds.SubnetIdentifier.1", one.as_str()),
        ];
        let create = |extra: &[(&str, &str)]| {
            let params: Vec<_> = base.iter().chain(extra).copied().collect();
            client.query("rds", "CreateDBSubnetGroup", &params)
        };
        assert_eq!(create(&[]).unwrap_err(), "DBSubnetGroupDoesNotCoverEnoughAZs");
        let second = [("SubnetIds.SubnetIdentifier.2", two.as_str())];
        let reply = create(&second).unwrap();
        assert_eq!(text(&reply, "CreateDBSubnetGroupResult/DBSubnetGroup/DBSubnetGroupName"), "private");
        assert_eq!(create(&second).unwrap_err(), "DBSubnetGroupAlreadyExists");
        let params = [
            ("DBInstanceIdentifier", "mydb"),
            ("DBInstanceClass", "db.t3.micro"),
            ("Engine", "mysql"),
            ("MasterUsername", "admin"),
            ("MasterUserPassword", "sesame-open"),
            ("AllocatedStorage", "20"),
            ("DBSubnetGroupName", "private"),
        ];
        client.query("rds", "CreateDBInstance", &params).unwrap();
        let delete =
            || client.query("rds", "DeleteDBSubnetGroup", &[("DBSubnetGroupName", "private")]).map(|_| ());
        assert_eq!(delete().unwrap_err(), "InvalidDBSubnetGroupStateFault");
        client.wait(600);
        let gone = [("DBInstanceIdentifier", "mydb"), ("SkipFinalSnapshot", "true")];
        client.query("rds", "DeleteDBInstance", &gone).unwrap();
        client.wait(600);
        assert_eq!(delete(), Ok(()));
        assert_eq!(delete().unwrap_err(), "DBSubnetGroupNotFoundFault");
    }
}
