//! What belongs to an environment: security groups, load balancer, listeners, target groups, instances.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::balancer;
use super::events::{self, Severity};
use super::options::{BALANCER, LAUNCH, VPC};
use super::timeline::cx_of;
use super::{App, Environment, Instance, Settings, Status, shared};
use crate::local::common::Tags;
use crate::local::ec2::Launch;
use crate::local::elbv2;
use crate::local::{Cx, State, acm, neighbours, state::hex};

/// What belongs to an environment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Resources {
    /// The load balancer's ARN.
    pub load_balancer: Option<String>,
    /// The target groups' ARNs by process.
    pub target_groups: IndexMap<String, String>,
    /// The second target groups while traffic is split.
    pub split_groups: IndexMap<String, String>,
    /// The listeners' ARNs by port.
    pub listeners: IndexMap<String, String>,
    /// The rules' ARNs by listener port and rule.
    pub rules: IndexMap<String, String>,
    /// The group that every instance wears.
    pub instance_group: Option<String>,
    /// The group that the load balancer wears.
    pub balancer_group: Option<String>,
    /// The Auto Scaling group's name.
    pub auto_scaling_group: String,
    /// The launch template's id.
    pub launch_template: String,
    /// The address of a single instance.
    pub address: Option<String>,
}

/// `COUNT` hexadecimal digits that a seed gives for a purpose.
pub(super) fn derived(seed: &str, what: &str, count: usize) -> String {
    let digits = hex(&Sha256::digest(format!("{seed} {what}")));
    digits.get(..count).unwrap_or(&digits).to_owned()
}

/// `COUNT` letters and digits for the end of a name, as CloudFormation makes them.
pub(super) fn suffix(seed: &str, what: &str, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Sha256::digest(format!("{seed} suffix {what}"));
    let letter =
        |byte: &u8| ALPHABET.get(usize::from(*byte) % ALPHABET.len()).copied().map_or('A', char::from);
    digest.iter().map(letter).take(count).collect()
}

/// The tags that everything of an environment gets.
pub(super) fn tags_for(environment: &Environment) -> Tags {
    let mut tags = environment.tags.clone();
    tags.insert("elasticbeanstalk:environment-name".to_owned(), environment.name.clone());
    tags.insert("elasticbeanstalk:environment-id".to_owned(), environment.id.clone());
    tags.insert("Name".to_owned(), environment.name.clone());
    tags
}

/// The instances' subnets with their zones: those of the settings, else those of the default VPC.
pub(super) fn subnets(
    state: &mut State,
    region: &str,
    settings: &Settings,
    option: &str,
) -> Vec<(String, String)> {
    let ids = settings.list(VPC, option);
    if ids.is_empty() {
        return neighbours::default_subnets(state, region);
    }
    ids.iter().filter_map(|id| neighbours::subnet(state, region, id).map(|s| (id.clone(), s.zone))).collect()
}

pub(super) fn vpc(state: &mut State, region: &str, settings: &Settings) -> String {
    settings.given(VPC, "VPCId").map_or_else(|| neighbours::default_vpc(state, region), str::to_owned)
}

/// What of the settings names something that does not exist: the part that cannot be made, and why.
pub(super) fn impossible(state: &mut State, cx: &Cx, settings: &Settings) -> Option<(&'static str, String)> {
    for arn in settings.listeners().iter().flat_map(|listener| listener.certificates.clone()) {
        let usable = acm::usable(state, &arn, cx.now).is_some_and(|c| c.region == cx.region);
        if !usable && !arn.contains(":server-certificate/") {
            let why = format!(
                "Certificate ARN '{arn}' is not valid (Service: ElasticLoadBalancingV2; Status Code: 400; Error Code: CertificateNotFound)"
            );
            return Some(("AWSEBV2LoadBalancerListener443", why));
        }
    }
    if let Some(why) = balancer::impossible(state, cx, settings) {
        return Some(why);
    }
    for option in ["Subnets", "ELBSubnets"] {
        for id in settings.list(VPC, option) {
            if neighbours::subnet(state, &cx.region, &id).is_none() {
                let why = format!(
                    "The subnet ID '{id}' does not exist (Service: AmazonEC2; Error Code: InvalidSubnetID.NotFound)"
                );
                return Some(("AWSEBAutoScalingGroup", why));
            }
        }
    }
    let groups =
        settings.list(LAUNCH, "SecurityGroups").into_iter().chain(settings.list(BALANCER, "SecurityGroups"));
    for group in groups {
        if neighbours::security_group_id(state, &cx.region, &group).is_none() {
            let why = format!(
                "The security group '{group}' does not exist (Service: AmazonEC2; Error Code: InvalidGroup.NotFound)"
            );
            return Some(("AWSEBAutoScalingLaunchConfiguration", why));
        }
    }
    if let Some(key) = settings.given(LAUNCH, "EC2KeyName")
        && !neighbours::has_key_pair(state, &cx.region, key)
    {
        return Some(("AWSEBAutoScalingLaunchConfiguration", format!("The key pair '{key}' does not exist")));
    }
    None
}

/// Makes what an environment needs but for its instances. All ids come from the seed.
pub(super) fn create(state: &mut State, index: usize, seed: &str, at: i64) {
    let Some(environment) = state.beanstalk.environments.get(index) else { return };
    let (environment, cx) = (environment.clone(), cx_of(environment, at));
    let settings = &environment.settings;
    let stack = format!("awseb-{}-stack", environment.id);
    let vpc = vpc(state, &cx.region, settings);
    let tags = tags_for(&environment);
    let name = |what: &str| format!("{stack}-{what}-{}", suffix(seed, what, 12));
    let mut made = Resources {
        auto_scaling_group: name("AWSEBAutoScalingGroup"),
        launch_template: format!("lt-0{}", derived(seed, "template", 16)),
        ..Resources::default()
    };
    let mut from = neighbours::Peer::Everyone;
    // A managed group of the user's lets a shared load balancer in without another.
    let managed = settings.shared().and_then(|_| settings.given(BALANCER, "ManagedSecurityGroup"));
    if let Some(group) = managed {
        from = neighbours::Peer::Group(group.to_owned());
    } else if settings.balanced() {
        let id = format!("sg-0{}", derived(seed, "balancer group", 16));
        let ports: Vec<u16> = settings.listeners().iter().map(|listener| listener.port).collect();
        let label = name("AWSEBLoadBalancerSecurityGroup");
        let group =
            neighbours::NewGroup { id: id.clone(), name: label, vpc: vpc.clone(), tags: tags.clone() };
        neighbours::insert_security_group(state, &cx, group, &ports, &neighbours::Peer::Everyone);
        from = neighbours::Peer::Group(id.clone());
        made.balancer_group = Some(id);
    }
    if !settings.flag(LAUNCH, "DisableDefaultEC2SecurityGroup") {
        let id = format!("sg-0{}", derived(seed, "instance group", 16));
        let label = name("AWSEBSecurityGroup");
        let group =
            neighbours::NewGroup { id: id.clone(), name: label, vpc: vpc.clone(), tags: tags.clone() };
        neighbours::insert_security_group(state, &cx, group, &balancer::ports(settings), &from);
        made.instance_group = Some(id);
    }
    if let Some(arn) = settings.shared() {
        shared::join(state, &cx, arn, made.balancer_group.as_deref());
        made.load_balancer = Some(arn.to_owned());
    } else if settings.balanced() {
        let mut groups: Vec<String> = made.balancer_group.iter().cloned().collect();
        for group in settings.list(BALANCER, "SecurityGroups") {
            groups.extend(neighbours::security_group_id(state, &cx.region, &group));
        }
        let arn = balancer::launch(state, &environment, &cx, groups, seed);
        made.load_balancer = Some(arn);
    } else {
        let octet = |what: &str| u8::from_str_radix(&derived(seed, what, 2), 16).unwrap_or(1);
        made.address = Some(format!("54.81.{}.{}", octet("third octet"), octet("fourth octet")));
    }
    if let Some(environment) = state.beanstalk.environments.get_mut(index) {
        environment.resources = made;
    }
    balancer::change(state, index, &Settings::default(), seed, at);
}

/// Launches an instance at a time, now or later; gives its id. It serves nothing yet.
pub(super) fn launch(state: &mut State, index: usize, at: i64) -> Option<String> {
    let environment = state.beanstalk.environments.get(index)?.clone();
    // An update launches with what it brings.
    let settings = environment.draft.as_ref().unwrap_or(&environment.settings);
    let cx = cx_of(&environment, at);
    let places = subnets(state, &cx.region, settings, "Subnets");
    let turn = environment.instances.len() % places.len().max(1);
    let (subnet, zone) = places.get(turn)?.clone();
    let mut groups: Vec<String> = environment.resources.instance_group.iter().cloned().collect();
    for group in settings.list(LAUNCH, "SecurityGroups") {
        groups.extend(
            neighbours::security_group_id(state, &cx.region, &group).filter(|id| !groups.contains(id)),
        );
    }
    let mut tags = tags_for(&environment);
    tags.insert("aws:autoscaling:groupName".to_owned(), environment.resources.auto_scaling_group.clone());
    let kind = settings.instance_type();
    let launch = Launch {
        instance_type: kind.clone(),
        image: settings.given(LAUNCH, "ImageId").unwrap_or("ami-0beab5741a0000001").to_owned(),
        groups,
        subnet,
        key: settings.given(LAUNCH, "EC2KeyName").map(str::to_owned),
        profile: settings
            .given(LAUNCH, "IamInstanceProfile")
            .and_then(|p| neighbours::instance_profile(state, p)),
        tags,
    };
    let id = state.launch(&cx, launch);
    let instance = Instance {
        id: id.clone(),
        zone,
        kind,
        launched: at,
        app: App::Booting,
        deployment: 0,
        deployed: at,
        failed: false,
    };
    state.beanstalk.environments.get_mut(index)?.instances.push(instance);
    Some(id)
}

fn groups_of(state: &State, index: usize, split: bool) -> Vec<String> {
    let Some(environment) = state.beanstalk.environments.get(index) else { return Vec::new() };
    let resources = &environment.resources;
    let groups = if split { &resources.split_groups } else { &resources.target_groups };
    groups.values().cloned().collect()
}

pub(super) fn register(state: &mut State, index: usize, ids: &[String], at: i64) {
    for group in groups_of(state, index, false) {
        for id in ids {
            elbv2::register(state, &group, id, None, at);
        }
    }
}

pub(super) fn deregister(state: &mut State, index: usize, ids: &[String], at: i64) {
    for group in groups_of(state, index, false).into_iter().chain(groups_of(state, index, true)) {
        for id in ids {
            elbv2::deregister(state, &group, id, at);
        }
    }
}

/// Takes instances that end out of all groups at once.
pub(super) fn forget(state: &mut State, index: usize, ids: &[String]) {
    for group in groups_of(state, index, false).into_iter().chain(groups_of(state, index, true)) {
        if let Some(group) = state.elbv2.target_groups.get_mut(&group) {
            group.targets.retain(|target| !ids.contains(&target.id));
        }
    }
}

/// Deletes everything but the instances; a security group that is in use stays, and is named with what uses it.
pub(super) fn destroy(state: &mut State, index: usize, at: i64) -> Vec<(String, String)> {
    let Some(environment) = state.beanstalk.environments.get(index) else { return Vec::new() };
    let (mut environment, cx) = (environment.clone(), cx_of(environment, at));
    if let Some(arn) = environment.resources.load_balancer.take() {
        if environment.settings.shared().is_some() {
            shared::leave(state, &cx, &mut environment, &arn);
        } else {
            elbv2::remove_load_balancer(state, &arn);
            state.detach(&cx, &arn, at);
        }
    }
    let resources = &mut environment.resources;
    let groups = std::mem::take(&mut resources.target_groups);
    for arn in groups.values().chain(std::mem::take(&mut resources.split_groups).values()) {
        state.elbv2.target_groups.shift_remove(arn);
    }
    resources.listeners.clear();
    resources.rules.clear();
    resources.address = None;
    let mut stuck = Vec::new();
    for slot in [&mut resources.instance_group, &mut resources.balancer_group] {
        let Some(id) = slot.take() else { continue };
        let name = neighbours::security_group_name(state, &cx.region, &id).unwrap_or_else(|| id.clone());
        if neighbours::delete_security_group(state, &cx, &id).is_err() {
            stuck.push((name, id.clone()));
            *slot = Some(id);
        }
    }
    if let Some(current) = state.beanstalk.environments.get_mut(index) {
        current.resources = environment.resources;
    }
    stuck
}

/// The end of a termination: with events, and the environment left as it is when something cannot be deleted.
pub(super) fn destroy_or_say(state: &mut State, index: usize, at: i64) {
    let Some(before) = state.beanstalk.environments.get(index).cloned() else { return };
    let stuck = destroy(state, index, at);
    let mut tell = |severity, message: String| events::record(state, &before, at, severity, message, true);
    if !before.resources.auto_scaling_group.is_empty() {
        let group = &before.resources.auto_scaling_group;
        tell(Severity::Info, format!("Deleted Auto Scaling group named: {group}"));
    }
    for arn in before.resources.listeners.values() {
        tell(Severity::Info, format!("Deleted Load Balancer listener named: {arn}"));
    }
    let own = before.settings.shared().is_none();
    if let Some(arn) = before.resources.load_balancer.as_ref().filter(|_| own) {
        tell(Severity::Info, format!("Deleted load balancer named: {arn}"));
    }
    for arn in before.resources.target_groups.values() {
        tell(Severity::Info, format!("Deleted target group named: {arn}"));
    }
    for (name, id) in &stuck {
        let message = format!(
            "Deleting security group named: {name} failed Reason: resource {id} has a dependent object"
        );
        tell(Severity::Error, message);
    }
    if stuck.is_empty() {
        return;
    }
    let parts = "AWSEBSecurityGroup";
    tell(
        Severity::Error,
        format!("Stack deletion failed: The following resource(s) failed to delete: [{parts}]. "),
    );
    tell(Severity::Error, "Failed to terminate environment.".to_owned());
    let Some(environment) = state.beanstalk.environments.get_mut(index) else { return };
    environment.agenda.clear();
    environment.status = Status::Ready;
    environment.updated = at;
    environment.broken = Some("Stack deletion failed".to_owned());
}
