//! What belongs to an environment: security groups, load balancer, listeners, target groups, instances.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::events::{self, Severity};
use super::options::{self, BALANCER, LAUNCH, ListenerSettings, VPC};
use super::timeline::cx_of;
use super::{App, Environment, Instance, Settings, Status};
use crate::local::common::{SECOND, Tags};
use crate::local::ec2::{Launch, Wearer};
use crate::local::elbv2::{self, Action, Check, Condition, Kind, NewListener, NewLoadBalancer, Weighted};
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
fn derived(seed: &str, what: &str, count: usize) -> String {
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
fn subnets(state: &mut State, region: &str, settings: &Settings, option: &str) -> Vec<(String, String)> {
    let ids = settings.list(VPC, option);
    if ids.is_empty() {
        return neighbours::default_subnets(state, region);
    }
    ids.iter().filter_map(|id| neighbours::subnet(state, region, id).map(|s| (id.clone(), s.zone))).collect()
}

fn vpc(state: &mut State, region: &str, settings: &Settings) -> String {
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
    if settings.balanced() {
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
        neighbours::insert_security_group(state, &cx, group, &ports(settings), &from);
        made.instance_group = Some(id);
    }
    if settings.balanced() {
        let internal = settings.value(VPC, "ELBScheme") == Some("internal");
        let mut groups: Vec<String> = made.balancer_group.iter().cloned().collect();
        for group in settings.list(BALANCER, "SecurityGroups") {
            groups.extend(neighbours::security_group_id(state, &cx.region, &group));
        }
        let places = subnets(state, &cx.region, settings, "ELBSubnets");
        let new = NewLoadBalancer {
            name: format!("awseb-AWSEB-{}", suffix(seed, "load balancer", 12)),
            id: derived(seed, "load balancer", 16),
            scheme: if internal { "internal" } else { "internet-facing" }.to_owned(),
            kind: "application".to_owned(),
            vpc: vpc.clone(),
            subnets: places.clone(),
            security_groups: groups.clone(),
            active: at + 150 * SECOND,
            tags: tags.clone(),
        };
        let description = format!("ELB app/{}/{}", new.name, new.id);
        let arn = elbv2::insert_load_balancer(state, &cx, new);
        let places: Vec<String> = places.into_iter().map(|(id, _)| id).collect();
        neighbours::attach(
            state,
            &cx,
            &Wearer { name: &arn, description: &description, groups: &groups, subnets: &places },
            seed,
        );
        made.load_balancer = Some(arn);
    } else {
        let octet = |what: &str| u8::from_str_radix(&derived(seed, what, 2), 16).unwrap_or(1);
        made.address = Some(format!("54.81.{}.{}", octet("third octet"), octet("fourth octet")));
    }
    if let Some(environment) = state.beanstalk.environments.get_mut(index) {
        environment.resources = made;
    }
    change(state, index, &Settings::default(), seed, at);
}

/// The ports of the processes.
fn ports(settings: &Settings) -> Vec<u16> {
    let port = |process: &String| settings.process(process, "Port").and_then(|port| port.parse().ok());
    let mut ports: Vec<u16> = settings.processes().iter().filter_map(port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Brings load balancer, listeners, rules and target groups to what the settings say. What was the same in the settings
/// before is left alone, so that a redirect that somebody set on a listener stays.
pub(super) fn change(state: &mut State, index: usize, before: &Settings, seed: &str, at: i64) {
    let Some(environment) = state.beanstalk.environments.get(index) else { return };
    let (mut environment, cx) = (environment.clone(), cx_of(environment, at));
    let Some(balancer) = environment.resources.load_balancer.clone() else { return };
    let settings = environment.settings.clone();
    change_target_groups(state, &mut environment, &cx, seed);
    let wanted = settings.listeners();
    for listener in &wanted {
        change_listener(state, &mut environment, &balancer, before, listener, seed);
    }
    let ports: Vec<String> = wanted.iter().map(|listener| listener.port.to_string()).collect();
    let gone: Vec<(String, String)> = environment
        .resources
        .listeners
        .iter()
        .filter(|(port, _)| !ports.contains(port))
        .map(|(port, arn)| (port.clone(), arn.clone()))
        .collect();
    for (port, arn) in gone {
        state.elbv2.listeners.shift_remove(&arn);
        state.elbv2.rules.retain(|_, rule| rule.listener != arn);
        environment.resources.listeners.shift_remove(&port);
    }
    change_rules(state, &mut environment, &wanted, seed);
    drop_target_groups(state, &mut environment);
    if let Some(lb) = state.elbv2.load_balancers.get_mut(&balancer)
        && let Some(idle) = settings.given(BALANCER, "IdleTimeout")
    {
        lb.attributes.insert("idle_timeout.timeout_seconds".to_owned(), idle.to_owned());
    }
    if let Some(group) = &environment.resources.balancer_group {
        let ports: Vec<u16> = wanted.iter().map(|listener| listener.port).collect();
        neighbours::set_ingress(state, &cx, group, &ports, &neighbours::Peer::Everyone);
    }
    if let Some(group) = &environment.resources.instance_group {
        let from = environment.resources.balancer_group.clone();
        let from = from.map_or(neighbours::Peer::Everyone, neighbours::Peer::Group);
        neighbours::set_ingress(state, &cx, group, &self::ports(&settings), &from);
    }
    if let Some(current) = state.beanstalk.environments.get_mut(index) {
        current.resources = environment.resources;
    }
}

/// How a process is checked.
fn check_of(settings: &Settings, process: &str) -> Check {
    let text = |name: &str| settings.process(process, name).unwrap_or_default().to_owned();
    let matcher = text("MatcherHTTPCode");
    Check {
        protocol: text("Protocol"),
        port: "traffic-port".to_owned(),
        path: text("HealthCheckPath"),
        interval: settings.process_int(process, "HealthCheckInterval"),
        timeout: settings.process_int(process, "HealthCheckTimeout"),
        healthy: settings.process_int(process, "HealthyThresholdCount"),
        unhealthy: settings.process_int(process, "UnhealthyThresholdCount"),
        matcher: if matcher.is_empty() { "200".to_owned() } else { matcher },
    }
}

fn change_target_groups(state: &mut State, environment: &mut Environment, cx: &Cx, seed: &str) {
    let settings = environment.settings.clone();
    for process in settings.processes() {
        let check = check_of(&settings, &process);
        let port = settings.process(&process, "Port").and_then(|port| port.parse().ok()).unwrap_or(80);
        let known = environment.resources.target_groups.get(&process).cloned();
        // Port and protocol of a target group cannot be changed: another one takes its place.
        let same = known.filter(|arn| {
            state.elbv2.target_groups.get(arn).is_some_and(|g| g.port == port && g.protocol == check.protocol)
        });
        let arn = match same {
            Some(arn) => {
                elbv2::change_check(state, &arn, check, cx.now);
                arn
            }
            None => {
                let arn = new_target_group(state, environment, cx, &process, &format!("{seed} {port}"));
                environment.resources.target_groups.insert(process.clone(), arn.clone());
                for instance in environment.instances.clone() {
                    if matches!(instance.app, App::Running(_)) && instance.launched <= cx.now {
                        elbv2::register(state, &arn, &instance.id, None, cx.now);
                    }
                }
                arn
            }
        };
        set_attributes(state, &arn, &settings, &process);
    }
}

fn new_target_group(
    state: &mut State,
    environment: &Environment,
    cx: &Cx,
    process: &str,
    seed: &str,
) -> String {
    let settings = &environment.settings;
    let port = settings.process(process, "Port").and_then(|port| port.parse().ok()).unwrap_or(80);
    let name = format!("awseb-AWSEB-{}", suffix(seed, &format!("target group {process}"), 12));
    let id = derived(seed, &format!("target group {process}"), 16);
    let vpc = vpc(state, &cx.region, settings);
    let check = check_of(settings, process);
    let arn = elbv2::insert_target_group(state, cx, &name, &id, port, &vpc, check, tags_for(environment));
    set_attributes(state, &arn, settings, process);
    arn
}

fn set_attributes(state: &mut State, arn: &str, settings: &Settings, process: &str) {
    let Some(group) = state.elbv2.target_groups.get_mut(arn) else { return };
    for (attribute, option) in [
        ("deregistration_delay.timeout_seconds", "DeregistrationDelay"),
        ("stickiness.enabled", "StickinessEnabled"),
        ("stickiness.type", "StickinessType"),
        ("stickiness.lb_cookie.duration_seconds", "StickinessLBCookieDuration"),
    ] {
        if let Some(value) = settings.process(process, option) {
            group.attributes.insert(attribute.to_owned(), value.to_owned());
        }
    }
}

/// Target groups of processes that are no more, and those that others have replaced.
fn drop_target_groups(state: &mut State, environment: &mut Environment) {
    let processes = environment.settings.processes();
    environment.resources.target_groups.retain(|process, _| processes.contains(process));
    let used: Vec<String> = environment
        .resources
        .target_groups
        .values()
        .chain(environment.resources.split_groups.values())
        .cloned()
        .collect();
    let id = environment.id.clone();
    state.elbv2.target_groups.retain(|arn, group| {
        group.tags.get("elasticbeanstalk:environment-id") != Some(&id) || used.contains(arn)
    });
}

fn change_listener(
    state: &mut State,
    environment: &mut Environment,
    balancer: &str,
    before: &Settings,
    wanted: &ListenerSettings,
    seed: &str,
) {
    let groups = &environment.resources.target_groups;
    let Some(group) = groups.get(&wanted.process).or_else(|| groups.get("default")).cloned() else { return };
    let port = wanted.port.to_string();
    let earlier = before.listeners().into_iter().find(|listener| listener.port == wanted.port);
    let known = environment.resources.listeners.get(&port).cloned();
    match known.and_then(|arn| state.elbv2.listeners.get_mut(&arn)) {
        Some(listener) => {
            if earlier.as_ref().is_none_or(|e| {
                (&e.protocol, &e.certificates, &e.policy)
                    != (&wanted.protocol, &wanted.certificates, &wanted.policy)
            }) {
                listener.protocol = wanted.protocol.clone();
                listener.certificates = wanted.certificates.clone();
                let secure = wanted.protocol == "HTTPS";
                let policy = wanted.policy.clone().or(listener.policy.take());
                listener.policy =
                    secure.then(|| policy.unwrap_or_else(|| "ELBSecurityPolicy-2016-08".to_owned()));
            }
            let forwards = listener.actions.iter().flat_map(Action::target_groups).any(|arn| *arn != group);
            if forwards || earlier.is_none_or(|earlier| earlier.process != wanted.process) {
                listener.actions = vec![Action::forward(&group)];
            }
        }
        None => {
            let new = NewListener {
                load_balancer: balancer.to_owned(),
                id: derived(seed, &format!("listener {port}"), 16),
                port: wanted.port,
                protocol: wanted.protocol.clone(),
                policy: wanted.policy.clone(),
                certificates: wanted.certificates.clone(),
                actions: vec![Action::forward(&group)],
                tags: tags_for(environment),
            };
            let arn = elbv2::insert_listener(state, new);
            environment.resources.listeners.insert(port, arn);
        }
    }
}

fn change_rules(
    state: &mut State,
    environment: &mut Environment,
    listeners: &[ListenerSettings],
    seed: &str,
) {
    for arn in std::mem::take(&mut environment.resources.rules).into_values() {
        state.elbv2.rules.shift_remove(&arn);
    }
    for listener in listeners {
        let Some(arn) = environment.resources.listeners.get(&listener.port.to_string()).cloned() else {
            continue;
        };
        for rule in &listener.rules {
            let text = |name: &str| environment.settings.rule(rule, name).unwrap_or_default().to_owned();
            let group = environment.resources.target_groups.get(&text("Process")).cloned();
            let Some(group) = group else { continue };
            let condition = |field: &str, values: Vec<String>| {
                (!values.is_empty()).then(|| Condition { field: field.to_owned(), header: None, values })
            };
            let hosts = condition("host-header", options::split(&text("HostHeaders")));
            let paths = condition("path-pattern", options::split(&text("PathPatterns")));
            let conditions = hosts.into_iter().chain(paths).collect();
            let id = derived(seed, &format!("rule {} {rule}", listener.port), 16);
            let priority = text("Priority").parse().unwrap_or(1);
            let actions = vec![Action::forward(&group)];
            let tags = tags_for(environment);
            let made = elbv2::insert_rule(state, &arn, &id, priority, conditions, actions, tags);
            environment.resources.rules.insert(format!("{} {rule}", listener.port), made);
        }
    }
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

/// Splits traffic: the new instances stand in groups of their own, which get a share.
pub(super) fn split(state: &mut State, index: usize, ids: &[String], percent: u32, at: i64) {
    let Some(environment) = state.beanstalk.environments.get(index) else { return };
    let (mut environment, cx) = (environment.clone(), cx_of(environment, at));
    let seed = format!("{} split {}", environment.id, environment.deployment);
    for (process, own) in environment.resources.target_groups.clone() {
        if !environment.resources.split_groups.contains_key(&process) {
            let arn = new_target_group(state, &environment, &cx, &process, &seed);
            environment.resources.split_groups.insert(process.clone(), arn);
        }
        let Some(other) = environment.resources.split_groups.get(&process).cloned() else { continue };
        for id in ids {
            elbv2::register(state, &other, id, None, at);
        }
        let share = [(own.clone(), 100 - percent.min(100)), (other.clone(), percent.min(100))];
        forward(state, &environment, &[own, other], &share);
    }
    if let Some(current) = state.beanstalk.environments.get_mut(index) {
        current.resources = environment.resources;
    }
}

/// Makes all actions that forward to any of the groups forward to these, by weight.
fn forward(state: &mut State, environment: &Environment, any: &[String], to: &[(String, u32)]) {
    let balancer = environment.resources.load_balancer.clone().unwrap_or_default();
    let groups: Vec<Weighted> =
        to.iter().map(|(group, weight)| Weighted { group: group.clone(), weight: *weight }).collect();
    let elb = &mut state.elbv2;
    let mine: Vec<String> =
        elb.listeners.values().filter(|l| l.load_balancer == balancer).map(|l| l.arn.clone()).collect();
    let listeners = elb.listeners.values_mut().filter(|l| mine.contains(&l.arn)).flat_map(|l| &mut l.actions);
    let rules =
        elb.rules.values_mut().filter(|rule| mine.contains(&rule.listener)).flat_map(|r| &mut r.actions);
    for action in listeners.chain(rules) {
        if action.target_groups().any(|group| any.iter().any(|a| a == group)) {
            action.kind = Kind::Forward { groups: groups.clone(), sticky: None };
        }
    }
}

/// Ends the splitting: the instances that stay stand in the environment's own groups, as healthy as they were.
pub(super) fn join(state: &mut State, index: usize, ids: &[String], _at: i64) {
    let Some(environment) = state.beanstalk.environments.get(index).cloned() else { return };
    for (process, own) in &environment.resources.target_groups {
        let Some(other) = environment.resources.split_groups.get(process) else { continue };
        let targets =
            state.elbv2.target_groups.get(other).map(|group| group.targets.clone()).unwrap_or_default();
        forward(state, &environment, &[own.clone(), other.clone()], &[(own.clone(), 1)]);
        state.elbv2.target_groups.shift_remove(other);
        if let Some(group) = state.elbv2.target_groups.get_mut(own) {
            group.targets.extend(targets.into_iter().filter(|target| ids.contains(&target.id)));
        }
    }
    if let Some(current) = state.beanstalk.environments.get_mut(index) {
        current.resources.split_groups.clear();
    }
}

/// Deletes everything but the instances; a security group that is in use stays, and is named with what uses it.
pub(super) fn destroy(state: &mut State, index: usize, at: i64) -> Vec<(String, String)> {
    let Some(environment) = state.beanstalk.environments.get(index) else { return Vec::new() };
    let (mut environment, cx) = (environment.clone(), cx_of(environment, at));
    let resources = &mut environment.resources;
    if let Some(arn) = resources.load_balancer.take() {
        elbv2::remove_load_balancer(state, &arn);
        state.detach(&cx, &arn, at);
    }
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
    if let Some(arn) = &before.resources.load_balancer {
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
