//! The default VPC of a region, its subnets, the zones, the regions.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::filters::{Described, page, select, tag_set, wanted};
use super::{Group, Region, refuse};
use crate::local::common::{self, Tags};
use crate::local::state::hex;
use crate::local::{ACCOUNT, Call, Cx, Element, Fault, State, regions};

/// A VPC.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vpc {
    /// `vpc-…`
    pub id: String,
    /// Its addresses.
    pub cidr: String,
    /// Its tags.
    pub tags: Tags,
}

/// A subnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// Its addresses.
    pub cidr: String,
    /// `us-east-1a`
    pub zone: String,
    /// How many addresses were handed out, freed ones included.
    pub used: u32,
    /// Its tags.
    pub tags: Tags,
}

impl Region {
    /// A region of a new account: the default VPC with a subnet in each zone and its default security group. The ids are
    /// made of the region's name, so that looking changes nothing.
    pub(super) fn new(name: &str) -> Self {
        let id = |prefix: &str, what: &str| {
            let digits = hex(&Sha256::digest(format!("{prefix} {what} {name}")));
            format!("{prefix}-0{}", digits.get(..16).unwrap_or_default())
        };
        let vpc = Vpc { id: id("vpc", "default"), cidr: "172.31.0.0/16".to_owned(), tags: Tags::new() };
        let zones = regions::zones(name).unwrap_or("abc");
        let subnets = zones.chars().zip(0_u32..).map(|(letter, at)| Subnet {
            id: id("subnet", &letter.to_string()),
            vpc: vpc.id.clone(),
            cidr: format!("172.31.{}.0/20", at * 16),
            zone: format!("{name}{letter}"),
            used: 0,
            tags: Tags::new(),
        });
        let group = Group::default_of(&vpc.id, id("sg", "default"), [id("sgr", "in"), id("sgr", "out")]);
        Self {
            subnets: subnets.collect(),
            groups: IndexMap::from([(group.id.clone(), group)]),
            interfaces: IndexMap::new(),
            instances: IndexMap::new(),
            keys: IndexMap::new(),
            vpc,
        }
    }

    /// A subnet by its id.
    pub fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }

    /// A new private address in a subnet; `172.31.16.5`.
    pub(super) fn address(&mut self, subnet: &str) -> String {
        let Some(subnet) = self.subnets.iter_mut().find(|candidate| candidate.id == subnet) else {
            return "172.31.255.254".to_owned();
        };
        subnet.used += 1;
        let network: Result<ipnet::Ipv4Net, _> = subnet.cidr.parse();
        // AWS keeps the first four addresses and the last one; freed ones come round again.
        let at = 4 + subnet.used % 4090;
        network.map_or_else(
            |_| "172.31.255.254".to_owned(),
            |network| std::net::Ipv4Addr::from(u32::from(network.network()) + at).to_string(),
        )
    }
}

impl Described for Vpc {
    fn filter(&self, name: &str) -> Option<Vec<String>> {
        let value = match name {
            "vpc-id" => self.id.clone(),
            "cidr" | "cidr-block-association.cidr-block" => self.cidr.clone(),
            "is-default" | "isDefault" => "true".to_owned(),
            "state" | "cidr-block-association.state" => "available".to_owned(),
            "owner-id" => ACCOUNT.to_owned(),
            _ => return None,
        };
        Some(vec![value])
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Described for Subnet {
    fn filter(&self, name: &str) -> Option<Vec<String>> {
        let value = match name {
            "subnet-id" => self.id.clone(),
            "vpc-id" => self.vpc.clone(),
            "availability-zone" | "availabilityZone" => self.zone.clone(),
            "availability-zone-id" => zone_id(&self.zone),
            "cidr-block" | "cidr" | "cidrBlock" => self.cidr.clone(),
            "default-for-az" | "defaultForAz" | "map-public-ip-on-launch" => "true".to_owned(),
            "state" => "available".to_owned(),
            "owner-id" => ACCOUNT.to_owned(),
            _ => return None,
        };
        Some(vec![value])
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

pub fn describe_vpcs(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let region = state.ec2.region(&cx.region);
    wanted(call, "VpcId", |id| id == region.vpc.id, "InvalidVpcID.NotFound", "vpc ID")?;
    let (vpcs, next) = page(call, select(call, vec![region.vpc.clone()])?)?;
    let item = |vpc: Vpc| {
        let association = vec![
            Element::text("associationId", vpc.id.replace("vpc-", "vpc-cidr-assoc-")),
            Element::text("cidrBlock", &vpc.cidr),
            Element::new("cidrBlockState", vec![Element::text("state", "associated")]),
        ];
        vec![
            Element::text("vpcId", &vpc.id),
            Element::text("ownerId", ACCOUNT),
            Element::text("state", "available"),
            Element::text("cidrBlock", &vpc.cidr),
            Element::list("cidrBlockAssociationSet", "item", [association]),
            Element::text("dhcpOptionsId", vpc.id.replace("vpc-", "dopt-")),
            tag_set(&vpc.tags),
            Element::text("instanceTenancy", "default"),
            Element::text("isDefault", true),
        ]
    };
    let list = Element::list("vpcSet", "item", vpcs.into_iter().map(item));
    Ok([list].into_iter().chain(next).collect())
}

pub fn describe_subnets(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let region = state.ec2.region(&cx.region);
    let ids =
        wanted(call, "SubnetId", |id| region.subnet(id).is_some(), "InvalidSubnetID.NotFound", "subnet ID")?;
    let asked = |subnet: &&Subnet| ids.as_ref().is_none_or(|ids| ids.contains(&subnet.id));
    let subnets = region.subnets.iter().filter(asked).cloned().collect();
    let (subnets, next) = page(call, select(call, subnets)?)?;
    let item = |subnet: Subnet| {
        let taken = region.interfaces.values().filter(|interface| interface.subnet == subnet.id).count();
        vec![
            Element::text("subnetId", &subnet.id),
            Element::text("subnetArn", common::arn(cx, "ec2", &format!("subnet/{}", subnet.id))),
            Element::text("state", "available"),
            Element::text("ownerId", ACCOUNT),
            Element::text("vpcId", &subnet.vpc),
            Element::text("cidrBlock", &subnet.cidr),
            // A /20 has 4096 addresses, of which AWS keeps five.
            Element::text("availableIpAddressCount", 4091_usize.saturating_sub(taken)),
            Element::text("availabilityZone", &subnet.zone),
            Element::text("availabilityZoneId", zone_id(&subnet.zone)),
            Element::text("defaultForAz", true),
            Element::text("mapPublicIpOnLaunch", true),
            Element::text("assignIpv6AddressOnCreation", false),
            tag_set(&subnet.tags),
        ]
    };
    let list = Element::list("subnetSet", "item", subnets.into_iter().map(item));
    Ok([list].into_iter().chain(next).collect())
}

/// `use1-az1` for `us-east-1a`.
fn zone_id(zone: &str) -> String {
    let (region, letter) = zone.split_at(zone.len().saturating_sub(1));
    let number = letter.bytes().next().map_or(0, |letter| letter.saturating_sub(b'a') + 1);
    format!("{}-az{number}", regions::short(region))
}

struct Zone {
    name: String,
    region: String,
    tags: Tags,
}

impl Described for Zone {
    fn filter(&self, name: &str) -> Option<Vec<String>> {
        let value = match name {
            "zone-name" => self.name.clone(),
            "zone-id" => zone_id(&self.name),
            "region-name" | "group-name" => self.region.clone(),
            "state" => "available".to_owned(),
            "opt-in-status" => "opt-in-not-required".to_owned(),
            "zone-type" => "availability-zone".to_owned(),
            _ => return None,
        };
        Some(vec![value])
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

pub fn describe_zones(cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let letters = regions::zones(&cx.region).unwrap_or("abc").chars();
    let zone = |letter| Zone {
        name: format!("{}{letter}", cx.region),
        region: cx.region.clone(),
        tags: Tags::new(),
    };
    let zones: Vec<Zone> = letters.map(zone).collect();
    let names = call.texts("ZoneName");
    if let Some(missing) = names.iter().find(|name| !zones.iter().any(|zone| zone.name == **name)) {
        return refuse("InvalidParameterValue", format!("Invalid availability zone: [{missing}]"));
    }
    let zones = zones.into_iter().filter(|zone| names.is_empty() || names.contains(&zone.name)).collect();
    let item = |zone: Zone| {
        vec![
            Element::text("zoneState", "available"),
            Element::text("optInStatus", "opt-in-not-required"),
            Element::new("messageSet", vec![]),
            Element::text("regionName", &zone.region),
            Element::text("zoneName", &zone.name),
            Element::text("zoneId", zone_id(&zone.name)),
            Element::text("groupName", &zone.region),
            Element::text("networkBorderGroup", &zone.region),
            Element::text("zoneType", "availability-zone"),
        ]
    };
    Ok(vec![Element::list("availabilityZoneInfo", "item", select(call, zones)?.into_iter().map(item))])
}

pub fn describe_regions(call: &Call) -> Result<Vec<Element>, Fault> {
    let names = call.texts("RegionName");
    let asked = |name: &&str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let item = |name: &str| {
        vec![
            Element::text("regionName", name),
            Element::text("regionEndpoint", format!("ec2.{name}.amazonaws.com")),
            Element::text("optInStatus", "opt-in-not-required"),
        ]
    };
    // Only those of the standard partition, as an account there sees them.
    let standard = regions::names().filter(|name| common::partition(name) == "aws");
    Ok(vec![Element::list("regionInfo", "item", standard.filter(asked).map(item))])
}

pub fn describe_vpc_attribute(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let vpc = call.required("VpcId")?;
    if state.ec2.region(&cx.region).vpc.id != vpc {
        return refuse("InvalidVpcID.NotFound", format!("The vpc ID '{vpc}' does not exist"));
    }
    let attribute = call.required("Attribute")?;
    let value = match attribute.as_str() {
        "enableDnsSupport" | "enableDnsHostnames" => true,
        "enableNetworkAddressUsageMetrics" => false,
        _ => {
            return refuse(
                "InvalidParameterValue",
                format!("Value ({attribute}) for parameter attribute is invalid."),
            );
        }
    };
    Ok(vec![Element::text("vpcId", vpc), Element::new(&attribute, vec![Element::text("value", value)])])
}

pub fn describe_account_attributes(state: &mut State, cx: &Cx) -> Result<Vec<Element>, Fault> {
    let vpc = state.ec2.region(&cx.region).vpc.id.clone();
    let item = |(name, value): (&str, String)| {
        let value =
            Element::list("attributeValueSet", "item", [vec![Element::text("attributeValue", value)]]);
        vec![Element::text("attributeName", name), value]
    };
    let attributes = [
        ("supported-platforms", "VPC".to_owned()),
        ("default-vpc", vpc),
        ("vpc-max-security-groups-per-interface", "5".to_owned()),
    ];
    Ok(vec![Element::list("accountAttributeSet", "item", attributes.into_iter().map(item))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_ids() {
        assert_eq!(zone_id("us-east-1a"), "use1-az1");
        assert_eq!(zone_id("ap-southeast-2c"), "apse2-az3");
        assert_eq!(zone_id("eu-central-1b"), "euc1-az2");
    }

    #[test]
    fn a_region_is_the_same_whenever_it_is_looked_at() {
        let (one, two) = (Region::new("us-east-1"), Region::new("us-east-1"));
        assert_eq!(one.vpc.id, two.vpc.id);
        assert_eq!(one.subnets.len(), 6);
        assert_ne!(one.vpc.id, Region::new("eu-west-1").vpc.id);
    }
}
