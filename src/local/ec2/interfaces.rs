//! Network interfaces: what wears security groups and stands in subnets. Other services put theirs here, so that a
//! security group in use cannot be deleted.

use serde::{Deserialize, Serialize};

use super::filters::{Described, page, select, tag_set, wanted};
use crate::local::common::Tags;
use crate::local::{ACCOUNT, Call, Cx, Element, Fault, State};

/// A network interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interface {
    /// `eni-…`
    pub id: String,
    /// Who made it: `rds/mysql`, `instance/i-…`.
    pub wearer: String,
    /// `RDSNetworkInterface`
    pub description: String,
    /// The ids of its security groups.
    pub groups: Vec<String>,
    /// Its subnet.
    pub subnet: String,
    /// Its VPC.
    pub vpc: String,
    /// `us-east-1a`
    pub zone: String,
    /// Its private address.
    pub address: String,
    /// When it goes, if it was let go.
    pub gone_at: Option<i64>,
    /// Its tags.
    pub tags: Tags,
}

/// Something that wears security groups.
#[derive(Clone, Debug)]
pub struct Wearer<'a> {
    /// A name for it: `rds/mysql`.
    pub name: &'a str,
    /// How its interfaces describe themselves: `RDSNetworkInterface`, `ELB app/awseb-…`.
    pub description: &'a str,
    /// The ids of its security groups.
    pub groups: &'a [String],
    /// The ids of the subnets in which it gets an interface each.
    pub subnets: &'a [String],
}

impl State {
    /// Makes interfaces; gives their private addresses. Groups and subnets have been checked.
    pub fn attach(&mut self, cx: &Cx, wearer: &Wearer<'_>) -> Vec<String> {
        let mut addresses = Vec::new();
        for subnet in wearer.subnets {
            let id = self.id("eni");
            let region = self.ec2.region(&cx.region);
            let address = region.address(subnet);
            let place = region.subnet(subnet);
            let interface = Interface {
                id: id.clone(),
                wearer: wearer.name.to_owned(),
                description: wearer.description.to_owned(),
                groups: wearer.groups.to_vec(),
                subnet: subnet.clone(),
                vpc: place.map(|place| place.vpc.clone()).unwrap_or_default(),
                zone: place.map(|place| place.zone.clone()).unwrap_or_default(),
                address: address.clone(),
                gone_at: None,
                tags: Tags::new(),
            };
            region.interfaces.insert(id, interface);
            addresses.push(address);
        }
        addresses
    }

    /// Gives the interfaces of a wearer other groups.
    pub fn regroup(&mut self, cx: &Cx, wearer: &str, groups: &[String]) {
        let interfaces = self.ec2.region(&cx.region).interfaces.values_mut();
        for interface in interfaces.filter(|interface| interface.wearer == wearer) {
            interface.groups = groups.to_vec();
        }
    }

    /// Lets the interfaces of a wearer go at a time: they often linger a while.
    pub fn detach(&mut self, cx: &Cx, wearer: &str, gone_at: i64) {
        let interfaces = self.ec2.region(&cx.region).interfaces.values_mut();
        for interface in interfaces.filter(|interface| interface.wearer == wearer) {
            interface.gone_at = Some(gone_at);
        }
    }
}

impl Interface {
    fn instance(&self) -> Option<&str> {
        self.wearer.strip_prefix("instance/")
    }
}

impl Described for Interface {
    fn filter(&self, name: &str) -> Option<Vec<String>> {
        Some(match name {
            "network-interface-id" => vec![self.id.clone()],
            "group-id" => self.groups.clone(),
            "subnet-id" => vec![self.subnet.clone()],
            "vpc-id" => vec![self.vpc.clone()],
            "availability-zone" => vec![self.zone.clone()],
            "description" => vec![self.description.clone()],
            "private-ip-address" | "addresses.private-ip-address" => vec![self.address.clone()],
            "status" => vec!["in-use".to_owned()],
            "owner-id" => vec![ACCOUNT.to_owned()],
            "attachment.instance-id" => self.instance().map(str::to_owned).into_iter().collect(),
            "requester-managed" => vec![self.instance().is_none().to_string()],
            _ => return None,
        })
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

/// `<groupSet>`
pub fn group_set(state: &mut State, cx: &Cx, ids: &[String]) -> Element {
    let region = state.ec2.region(&cx.region);
    let items = ids.iter().map(|id| {
        let name = region.groups.get(id).map(|group| group.name.clone()).unwrap_or_default();
        vec![Element::text("groupId", id), Element::text("groupName", name)]
    });
    Element::list("groupSet", "item", items)
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let region = state.ec2.region(&cx.region);
    let known = |id: &str| region.interfaces.contains_key(id);
    let code = "InvalidNetworkInterfaceID.NotFound";
    let ids = wanted(call, "NetworkInterfaceId", known, code, "networkInterface ID")?;
    let asked = |interface: &&Interface| ids.as_ref().is_none_or(|ids| ids.contains(&interface.id));
    let interfaces = region.interfaces.values().filter(asked).cloned().collect();
    let (interfaces, next) = page(call, select(call, interfaces)?)?;
    let mut items = Vec::new();
    for interface in interfaces {
        let mut members = vec![
            Element::text("networkInterfaceId", &interface.id),
            Element::text("subnetId", &interface.subnet),
            Element::text("vpcId", &interface.vpc),
            Element::text("availabilityZone", &interface.zone),
            Element::text("description", &interface.description),
            Element::text("ownerId", ACCOUNT),
            Element::text("requesterManaged", interface.instance().is_none()),
            Element::text("status", "in-use"),
            Element::text("privateIpAddress", &interface.address),
            Element::text("interfaceType", "interface"),
            group_set(state, cx, &interface.groups),
            tag_set(&interface.tags),
        ];
        let attachment = interface.id.replace("eni-", "eni-attach-");
        let mut attached =
            vec![Element::text("attachmentId", attachment), Element::text("status", "attached")];
        attached.extend(interface.instance().map(|id| Element::text("instanceId", id)));
        members.push(Element::new("attachment", attached));
        items.push(members);
    }
    let list = Element::list("networkInterfaceSet", "item", items);
    Ok([list].into_iter().chain(next).collect())
}
