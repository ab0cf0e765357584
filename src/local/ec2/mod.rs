//! EC2: the default VPC of each region, security groups and their rules, network interfaces, instances, key pairs.

mod filters;
mod groups;
mod images;
mod instances;
mod interfaces;
mod keys;
mod network;
mod rules;
mod tags;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::service::Service;
use super::{Call, Cx, Element, Fault, Reply, State};

pub use groups::Group;
pub use instances::{Instance, Launch};
pub use interfaces::{Interface, Wearer};
pub use keys::KeyPair;
pub use network::{Subnet, Vpc};
pub use rules::{Rule, Source};

/// What EC2 remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ec2 {
    regions: BTreeMap<String, Region>,
}

impl Ec2 {
    /// A region's part; its default VPC exists from the start.
    pub fn region(&mut self, name: &str) -> &mut Region {
        self.regions.entry(name.to_owned()).or_insert_with(|| Region::new(name))
    }
}

/// What EC2 remembers of a region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Region {
    /// The default VPC.
    pub vpc: Vpc,
    /// Its subnets, one for each availability zone.
    pub subnets: Vec<Subnet>,
    /// Security groups by id.
    pub groups: IndexMap<String, Group>,
    /// Network interfaces by id.
    pub interfaces: IndexMap<String, Interface>,
    /// Instances by id.
    pub instances: IndexMap<String, Instance>,
    /// Key pairs by name.
    pub keys: IndexMap<String, KeyPair>,
}

/// Answers a call.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    if call.flag("DryRun") == Some(true) {
        return Err(Fault::new(
            412,
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        ));
    }
    state.ec2.region(&cx.region).settle(cx.now);
    let members = match call.operation.as_str() {
        "DescribeVpcs" => network::describe_vpcs(state, cx, call),
        "DescribeSubnets" => network::describe_subnets(state, cx, call),
        "DescribeAvailabilityZones" => network::describe_zones(cx, call),
        "DescribeRegions" => network::describe_regions(call),
        "DescribeVpcAttribute" => network::describe_vpc_attribute(state, cx, call),
        "DescribeAccountAttributes" => network::describe_account_attributes(state, cx),
        "CreateSecurityGroup" => groups::create(state, cx, call),
        "DeleteSecurityGroup" => groups::delete(state, cx, call),
        "DescribeSecurityGroups" => groups::describe(state, cx, call),
        "AuthorizeSecurityGroupIngress" => rules::authorize(state, cx, call, false),
        "AuthorizeSecurityGroupEgress" => rules::authorize(state, cx, call, true),
        "RevokeSecurityGroupIngress" => rules::revoke(state, cx, call, false),
        "RevokeSecurityGroupEgress" => rules::revoke(state, cx, call, true),
        "ModifySecurityGroupRules" => rules::modify(state, cx, call),
        "DescribeSecurityGroupRules" => rules::describe(state, cx, call),
        "DescribeNetworkInterfaces" => interfaces::describe(state, cx, call),
        "DescribeInstances" => instances::describe(state, cx, call),
        "TerminateInstances" => instances::terminate_call(state, cx, call),
        "DescribeKeyPairs" => keys::describe(state, cx, call),
        "CreateKeyPair" => keys::create(state, cx, call),
        "ImportKeyPair" => keys::import(state, cx, call),
        "DeleteKeyPair" => keys::delete(state, cx, call),
        "DescribeImages" => images::describe(cx, call),
        "CreateTags" => tags::create(state, cx, call),
        "DeleteTags" => tags::delete(state, cx, call),
        "DescribeTags" => tags::describe(state, cx, call),
        operation => Err(Service::Ec2.unknown(operation)),
    };
    members.map(Reply::Xml)
}

impl Region {
    /// Lets go what is gone by now: interfaces that lingered, instances that were terminated an hour ago.
    fn settle(&mut self, now: i64) {
        self.interfaces.retain(|_, interface| interface.gone_at.is_none_or(|at| at > now));
        self.instances.retain(|_, instance| instance.forgotten_at().is_none_or(|at| at > now));
    }
}

/// A refusal of EC2.
fn refuse<T>(code: &str, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::new(400, code, message))
}

/// `<return>true</return>`
fn done() -> Element {
    Element::text("return", true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::{Client, count, text};

    fn group(client: &Client, name: &str) -> String {
        let params = [("GroupName", name), ("GroupDescription", "d")];
        let id = text(&client.query("ec2", "CreateSecurityGroup", &params).unwrap(), "groupId");
        client.wait(2);
        id
    }

    fn allow(client: &Client, group: &str, port: &str, from: &str) -> Result<String, String> {
        let mut params = vec![
            ("GroupId", group),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", port),
            ("IpPermissions.1.ToPort", port),
        ];
        params.push(match from.starts_with("sg-") {
            true => ("IpPermissions.1.Groups.1.GroupId", from),
            false => ("IpPermissions.1.IpRanges.1.CidrIp", from),
        });
        let reply = client.query("ec2", "AuthorizeSecurityGroupIngress", &params)?;
        Ok(text(&reply, "securityGroupRuleSet/item/securityGroupRuleId"))
    }

    #[test]
    fn the_default_vpc_is_there_with_its_subnets() {
        let client = Client::new();
        let filter = [("Filter.1.Name", "is-default"), ("Filter.1.Value.1", "true")];
        let vpcs = client.query("ec2", "DescribeVpcs", &filter).unwrap();
        assert_eq!(text(&vpcs, "vpcSet/item/cidrBlock"), "172.31.0.0/16");
        let vpc = text(&vpcs, "vpcSet/item/vpcId");
        let filter = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc.as_str())];
        let subnets = client.query("ec2", "DescribeSubnets", &filter).unwrap();
        assert_eq!(count(&subnets, "subnetSet/item"), 6);
        assert_eq!(text(&subnets, "subnetSet/item.5/availabilityZone"), "us-east-1f");
        let filter = [("Filter.1.Name", "is-defualt"), ("Filter.1.Value.1", "true")];
        assert_eq!(client.query("ec2", "DescribeVpcs", &filter).unwrap_err(), "InvalidParameterValue");
        assert_eq!(
            client.query("ec2", "DescribeVpcs", &[("VpcId.1", "vpc-1")]).unwrap_err(),
            "InvalidVpcID.NotFound"
        );
    }

    #[test]
    fn groups_hold_each_other() {
        let client = Client::new();
        let (a, b) = (group(&client, "a"), group(&client, "b"));
        let params = [("GroupName", "A"), ("GroupDescription", "d")];
        assert_eq!(
            client.query("ec2", "CreateSecurityGroup", &params).unwrap_err(),
            "InvalidGroup.Duplicate"
        );
        let rule = allow(&client, &a, "3306", &b).unwrap();
        assert_eq!(allow(&client, &a, "3306", &b).unwrap_err(), "InvalidPermission.Duplicate");
        assert_eq!(allow(&client, &a, "70000", &b).unwrap_err(), "InvalidParameterValue");
        assert_eq!(allow(&client, &a, "3306", "sg-0123").unwrap_err(), "InvalidGroup.NotFound");
        let delete = |id: &str| client.query("ec2", "DeleteSecurityGroup", &[("GroupId", id)]).map(|_| ());
        assert_eq!(delete(&b).unwrap_err(), "DependencyViolation");
        let params = [("GroupId", a.as_str()), ("SecurityGroupRuleId.1", &rule)];
        client.query("ec2", "RevokeSecurityGroupIngress", &params).unwrap();
        assert_eq!(
            client.query("ec2", "RevokeSecurityGroupIngress", &params).unwrap_err(),
            "InvalidSecurityGroupRuleId.NotFound"
        );
        assert_eq!(delete(&b), Ok(()));
        assert_eq!(delete(&b).unwrap_err(), "InvalidGroup.NotFound");
    }

    #[test]
    fn rules_read_back_as_they_were_made() {
        let client = Client::new();
        let id = group(&client, "a");
        allow(&client, &id, "22", "10.1.2.3/8").unwrap();
        allow(&client, &id, "22", &id).unwrap();
        let filter = [("Filter.1.Name", "group-id"), ("Filter.1.Value.1", id.as_str())];
        let rules = client.query("ec2", "DescribeSecurityGroupRules", &filter).unwrap();
        assert_eq!(count(&rules, "securityGroupRuleSet/item"), 3);
        assert_eq!(text(&rules, "securityGroupRuleSet/item.1/cidrIpv4"), "10.0.0.0/8");
        assert_eq!(text(&rules, "securityGroupRuleSet/item.2/referencedGroupInfo/groupId"), id);
        let groups = client.query("ec2", "DescribeSecurityGroups", &[("GroupId.1", id.as_str())]).unwrap();
        let permission = "securityGroupInfo/item/ipPermissions/item";
        assert_eq!(count(&groups, permission), 1);
        assert_eq!(text(&groups, &format!("{permission}/ipRanges/item/cidrIp")), "10.0.0.0/8");
        let rule = text(&rules, "securityGroupRuleSet/item.1/securityGroupRuleId");
        let modify = |member: &str, value: &str| {
            let source = format!("SecurityGroupRule.1.SecurityGroupRule.{member}");
            let params = [
                ("GroupId", id.as_str()),
                ("SecurityGroupRule.1.SecurityGroupRuleId", &rule),
                ("SecurityGroupRule.1.SecurityGroupRule.IpProtocol", "tcp"),
                ("SecurityGroupRule.1.SecurityGroupRule.FromPort", "443"),
                ("SecurityGroupRule.1.SecurityGroupRule.ToPort", "443"),
                (&source, value),
            ];
            client.query("ec2", "ModifySecurityGroupRules", &params).map(|_| ())
        };
        assert_eq!(modify("ReferencedGroupId", &id).unwrap_err(), "InvalidParameterValue");
        assert_eq!(modify("CidrIpv4", "0.0.0.0/0"), Ok(()));
    }

    #[test]
    fn new_groups_show_after_a_moment() {
        let client = Client::new();
        let mut hidden = 0;
        for name in ["a", "b", "c", "d", "e", "f"] {
            let params = [("GroupName", name), ("GroupDescription", "d")];
            let id = text(&client.query("ec2", "CreateSecurityGroup", &params).unwrap(), "groupId");
            let seen = || client.query("ec2", "DescribeSecurityGroups", &[("GroupId.1", id.as_str())]);
            hidden += usize::from(seen().is_err_and(|code| code == "InvalidGroup.NotFound"));
            assert_eq!(
                client.query("ec2", "CreateSecurityGroup", &params).unwrap_err(),
                "InvalidGroup.Duplicate"
            );
            client.wait(2);
            assert!(seen().is_ok());
        }
        assert!((1..6).contains(&hidden), "{hidden}");
    }

    #[test]
    fn tags_are_found_again() {
        let client = Client::new();
        let params = [
            ("GroupName", "tagged"),
            ("GroupDescription", "d"),
            ("TagSpecification.1.ResourceType", "security-group"),
            ("TagSpecification.1.Tag.1.Key", "vpipe:node"),
            ("TagSpecification.1.Tag.1.Value", "backend"),
        ];
        let id = text(&client.query("ec2", "CreateSecurityGroup", &params).unwrap(), "groupId");
        client.wait(2);
        let found = |value: &str| {
            let filter = [("Filter.1.Name", "tag:vpipe:node"), ("Filter.1.Value.1", value)];
            count(&client.query("ec2", "DescribeSecurityGroups", &filter).unwrap(), "securityGroupInfo/item")
        };
        assert_eq!((found("back*"), found("front")), (1, 0));
        let delete = [("ResourceId.1", id.as_str()), ("Tag.1.Key", "vpipe:node")];
        client.query("ec2", "DeleteTags", &delete).unwrap();
        assert_eq!(found("backend"), 0);
        let aws = [("ResourceId.1", id.as_str()), ("Tag.1.Key", "aws:x"), ("Tag.1.Value", "y")];
        assert_eq!(client.query("ec2", "CreateTags", &aws).unwrap_err(), "InvalidParameterValue");
        assert_eq!(client.query("ec2", "RunInstances", &[]).unwrap_err(), "InvalidAction");
    }
}
