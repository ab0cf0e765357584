//! Instances. Beanstalk launches them; nobody else does.

use serde::{Deserialize, Serialize};

use super::filters::{Described, page, select, tag_set, wanted};
use super::interfaces::group_set;
use super::{Wearer, refuse};
use crate::local::common::{MINUTE, SECOND, Tags, iso, spread};
use crate::local::{ACCOUNT, Call, Cx, Element, Fault, State};

/// What is asked for when an instance is launched. All of it has been checked.
#[derive(Clone, Debug)]
pub struct Launch {
    /// `t3.micro`
    pub instance_type: String,
    /// `ami-…`
    pub image: String,
    /// The ids of its security groups.
    pub groups: Vec<String>,
    /// Its subnet.
    pub subnet: String,
    /// The name of its key pair.
    pub key: Option<String>,
    /// The ARN of its instance profile.
    pub profile: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// `i-…`
    pub id: String,
    /// `t3.micro`
    pub instance_type: String,
    /// `ami-…`
    pub image: String,
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
    /// Its public address.
    pub public_address: String,
    /// The name of its key pair.
    pub key: Option<String>,
    /// The ARN of its instance profile.
    pub profile: Option<String>,
    /// When it was launched.
    pub launched_at: i64,
    /// When it runs, or ran.
    pub running_at: i64,
    /// When it is shut down, if it is.
    pub ends_at: Option<i64>,
    /// Its tags.
    pub tags: Tags,
}

impl Instance {
    /// `pending`, `running`, `shutting-down`, `terminated`, with EC2's number for it.
    pub fn state(&self, now: i64) -> (&'static str, u32) {
        match self.ends_at {
            Some(at) if at + 30 * SECOND <= now => ("terminated", 48),
            Some(at) if at <= now => ("shutting-down", 32),
            _ if self.running_at <= now => ("running", 16),
            _ => ("pending", 0),
        }
    }

    /// When `DescribeInstances` stops telling of it: an hour after its end.
    pub(super) fn forgotten_at(&self) -> Option<i64> {
        Some(self.ends_at? + 60 * MINUTE)
    }
}

impl State {
    /// Launches an instance; gives its id. It runs some twenty seconds later.
    pub fn launch(&mut self, cx: &Cx, launch: Launch) -> String {
        let id = self.id("i");
        let subnets = [launch.subnet.clone()];
        let name = format!("instance/{id}");
        let wearer = Wearer { name: &name, description: "", groups: &launch.groups, subnets: &subnets };
        let address = self.attach(cx, &wearer).pop().unwrap_or_default();
        let digits = self.hex(4);
        let octet = |at: usize| {
            digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(1)
        };
        let region = self.ec2.region(&cx.region);
        let place = region.subnet(&launch.subnet);
        let instance = Instance {
            id: id.clone(),
            instance_type: launch.instance_type,
            image: launch.image,
            groups: launch.groups,
            vpc: place.map(|place| place.vpc.clone()).unwrap_or_default(),
            zone: place.map(|place| place.zone.clone()).unwrap_or_default(),
            subnet: launch.subnet,
            address,
            public_address: format!("54.210.{}.{}", octet(0), octet(2)),
            key: launch.key,
            profile: launch.profile,
            launched_at: cx.now,
            running_at: cx.now + spread(&id, 15 * SECOND, 30 * SECOND),
            ends_at: None,
            tags: launch.tags,
        };
        region.instances.insert(id.clone(), instance);
        id
    }

    /// Shuts an instance down at a time; its interface goes with it.
    pub fn terminate(&mut self, cx: &Cx, id: &str, at: i64) {
        if let Some(instance) = self.ec2.region(&cx.region).instances.get_mut(id)
            && instance.ends_at.is_none_or(|ends_at| ends_at > at)
        {
            instance.ends_at = Some(at);
            self.detach(cx, &format!("instance/{id}"), at + 30 * SECOND);
        }
    }
}

/// An instance at a time.
struct Seen(Instance, i64);

impl Described for Seen {
    fn filter(&self, name: &str) -> Option<Vec<String>> {
        let Self(instance, now) = self;
        Some(match name {
            "instance-id" => vec![instance.id.clone()],
            "instance-state-name" => vec![instance.state(*now).0.to_owned()],
            "instance-state-code" => vec![instance.state(*now).1.to_string()],
            "instance-type" => vec![instance.instance_type.clone()],
            "image-id" => vec![instance.image.clone()],
            "instance.group-id" | "network-interface.group-id" => instance.groups.clone(),
            "subnet-id" => vec![instance.subnet.clone()],
            "vpc-id" => vec![instance.vpc.clone()],
            "availability-zone" => vec![instance.zone.clone()],
            "key-name" => instance.key.clone().into_iter().collect(),
            "private-ip-address" => vec![instance.address.clone()],
            "ip-address" => vec![instance.public_address.clone()],
            "iam-instance-profile.arn" => instance.profile.clone().into_iter().collect(),
            "owner-id" => vec![ACCOUNT.to_owned()],
            _ => return None,
        })
    }

    fn tags(&self) -> &Tags {
        &self.0.tags
    }
}

fn state_element(name: &str, (text, code): (&str, u32)) -> Element {
    Element::new(name, vec![Element::text("code", code), Element::text("name", text)])
}

fn item(state: &mut State, cx: &Cx, instance: &Instance) -> Vec<Element> {
    let (name, _) = instance.state(cx.now);
    let mut members = vec![
        Element::text("instanceId", &instance.id),
        Element::text("imageId", &instance.image),
        state_element("instanceState", instance.state(cx.now)),
        Element::text("amiLaunchIndex", 0),
        Element::text("instanceType", &instance.instance_type),
        Element::text("launchTime", iso(instance.launched_at)),
        Element::new(
            "placement",
            vec![
                Element::text("availabilityZone", &instance.zone),
                Element::text("groupName", ""),
                Element::text("tenancy", "default"),
            ],
        ),
        Element::new("monitoring", vec![Element::text("state", "disabled")]),
        Element::text("architecture", "x86_64"),
        Element::text("rootDeviceType", "ebs"),
        Element::text("rootDeviceName", "/dev/xvda"),
        Element::text("virtualizationType", "hvm"),
        Element::text("hypervisor", "xen"),
        Element::text("ebsOptimized", false),
        Element::text("enaSupport", true),
    ];
    if !matches!(name, "terminated" | "shutting-down") {
        let public = instance.public_address.replace('.', "-");
        members.extend([
            Element::text("privateIpAddress", &instance.address),
            Element::text(
                "privateDnsName",
                format!("ip-{}.ec2.internal", instance.address.replace('.', "-")),
            ),
            Element::text("ipAddress", &instance.public_address),
            Element::text("dnsName", format!("ec2-{public}.compute-1.amazonaws.com")),
            Element::text("subnetId", &instance.subnet),
            Element::text("vpcId", &instance.vpc),
            group_set(state, cx, &instance.groups),
        ]);
    }
    members.extend(instance.key.as_ref().map(|key| Element::text("keyName", key)));
    members.extend(
        instance
            .profile
            .as_ref()
            .map(|arn| Element::new("iamInstanceProfile", vec![Element::text("arn", arn)])),
    );
    members.push(tag_set(&instance.tags));
    members
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let region = state.ec2.region(&cx.region);
    let known = |id: &str| region.instances.contains_key(id);
    let ids = wanted(call, "InstanceId", known, "InvalidInstanceID.NotFound", "instance ID")?;
    // Beanstalk knows early which instances it is going to launch.
    let asked = |instance: &&Instance| {
        instance.launched_at <= cx.now && ids.as_ref().is_none_or(|ids| ids.contains(&instance.id))
    };
    let seen = region.instances.values().filter(asked).cloned().map(|instance| Seen(instance, cx.now));
    let (instances, next) = page(call, select(call, seen.collect())?)?;
    let mut reservations = Vec::new();
    for Seen(instance, _) in instances {
        reservations.push(vec![
            Element::text("reservationId", instance.id.replace("i-", "r-")),
            Element::text("ownerId", ACCOUNT),
            Element::new("groupSet", vec![]),
            Element::list("instancesSet", "item", [item(state, cx, &instance)]),
        ]);
    }
    let list = Element::list("reservationSet", "item", reservations);
    Ok([list].into_iter().chain(next).collect())
}

pub fn terminate_call(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let region = state.ec2.region(&cx.region);
    let known = |id: &str| region.instances.contains_key(id);
    let ids = wanted(call, "InstanceId", known, "InvalidInstanceID.NotFound", "instance ID")?;
    let Some(ids) = ids else {
        return refuse("MissingParameter", "The request must contain the parameter InstanceId");
    };
    let mut items = Vec::new();
    for id in ids {
        let before = state.ec2.region(&cx.region).instances.get(&id).map(|instance| instance.state(cx.now));
        state.terminate(cx, &id, cx.now);
        let after = state.ec2.region(&cx.region).instances.get(&id).map(|instance| instance.state(cx.now));
        items.push(vec![
            Element::text("instanceId", &id),
            state_element("currentState", after.unwrap_or(("terminated", 48))),
            state_element("previousState", before.unwrap_or(("terminated", 48))),
        ]);
    }
    Ok(vec![Element::list("instancesSet", "item", items)])
}
