//! An environment's load balancer: its target groups, listeners and rules as the settings say, and traffic that is split.

use super::options::{self, BALANCER, ListenerSettings, VPC};
use super::resources::{derived, subnets, suffix, tags_for, vpc};
use super::timeline::cx_of;
use super::{App, Environment, Settings, shared};
use crate::local::common::SECOND;
use crate::local::ec2::Wearer;
use crate::local::elbv2::{
    self, Action, Check, Condition, Kind, NewListener, NewLoadBalancer, NewTargetGroup, Weighted,
};
use crate::local::{Cx, State, neighbours};

/// The ports of the processes.
pub(super) fn ports(settings: &Settings) -> Vec<u16> {
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
    if settings.shared().is_some() {
        change_target_groups(state, &mut environment, &cx, seed);
        shared::change(state, &cx, &mut environment, &balancer, seed);
        drop_target_groups(state, &mut environment);
        if let Some(current) = state.beanstalk.environments.get_mut(index) {
            current.resources = environment.resources;
        }
        return;
    }
    let balancer = rescheme(state, &mut environment, &cx, balancer, seed);
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
    let places = subnets(state, &cx.region, &settings, "ELBSubnets");
    if let Some(lb) = state.elbv2.load_balancers.get_mut(&balancer) {
        lb.subnets = places;
        for (attribute, option, default) in [
            ("idle_timeout.timeout_seconds", "IdleTimeout", "60"),
            ("access_logs.s3.enabled", "AccessLogsS3Enabled", "false"),
            ("access_logs.s3.bucket", "AccessLogsS3Bucket", ""),
            ("access_logs.s3.prefix", "AccessLogsS3Prefix", ""),
        ] {
            let value = settings.value(BALANCER, option).unwrap_or(default);
            lb.attributes.insert(attribute.to_owned(), value.to_owned());
        }
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

/// Makes a load balancer for an environment; gives its ARN.
pub(super) fn launch(
    state: &mut State,
    environment: &Environment,
    cx: &Cx,
    groups: Vec<String>,
    seed: &str,
) -> String {
    let settings = &environment.settings;
    let places = subnets(state, &cx.region, settings, "ELBSubnets");
    let new = NewLoadBalancer {
        name: format!("awseb-AWSEB-{}", suffix(seed, "load balancer", 12)),
        id: derived(seed, "load balancer", 16),
        scheme: scheme(settings).to_owned(),
        kind: "application".to_owned(),
        vpc: vpc(state, &cx.region, settings),
        subnets: places.clone(),
        security_groups: groups.clone(),
        active: cx.now + 150 * SECOND,
        tags: tags_for(environment),
    };
    let description = format!("ELB app/{}/{}", new.name, new.id);
    let arn = elbv2::insert_load_balancer(state, cx, new);
    let places: Vec<String> = places.into_iter().map(|(id, _)| id).collect();
    let wearer = Wearer { name: &arn, description: &description, groups: &groups, subnets: &places };
    neighbours::attach(state, cx, &wearer, seed);
    arn
}

/// The scheme that the settings ask for; what Beanstalk does not know counts as `public`.
fn scheme(settings: &Settings) -> &'static str {
    if settings.value(VPC, "ELBScheme") == Some("internal") { "internal" } else { "internet-facing" }
}

/// A load balancer keeps its scheme: for another one CloudFormation makes another load balancer, with listeners of its own,
/// and deletes the old one. Gives the one that stays.
fn rescheme(
    state: &mut State,
    environment: &mut Environment,
    cx: &Cx,
    balancer: String,
    seed: &str,
) -> String {
    let Some(old) = state.elbv2.load_balancers.get(&balancer) else { return balancer };
    if old.scheme == scheme(&environment.settings) {
        return balancer;
    }
    let groups = old.security_groups.clone();
    let arn = launch(state, environment, cx, groups, seed);
    elbv2::remove_load_balancer(state, &balancer);
    state.detach(cx, &balancer, cx.now);
    environment.resources.listeners.clear();
    environment.resources.rules.clear();
    environment.resources.load_balancer = Some(arn.clone());
    arn
}

/// What Elastic Load Balancing refuses of the settings: the part that cannot be made, and why.
pub(super) fn impossible(state: &State, cx: &Cx, settings: &Settings) -> Option<(&'static str, String)> {
    let logs = settings.flag(BALANCER, "AccessLogsS3Enabled");
    if let Some(bucket) = settings.given(BALANCER, "AccessLogsS3Bucket").filter(|_| logs) {
        let prefix = settings.given(BALANCER, "AccessLogsS3Prefix").unwrap_or_default();
        if let Err(fault) = elbv2::may_log(state, cx, bucket, prefix) {
            let why = format!(
                "{} (Service: ElasticLoadBalancingV2; Status Code: 400; Error Code: {})",
                fault.message, fault.code
            );
            return Some(("AWSEBV2LoadBalancer", why));
        }
    }
    // Behind a shared one, priorities are relative to those of the other environments.
    for listener in settings.listeners().into_iter().filter(|_| settings.shared().is_none()) {
        let priority = |rule: &String| settings.rule(rule, "Priority").unwrap_or("1").to_owned();
        let mut priorities: Vec<String> = listener.rules.iter().map(priority).collect();
        priorities.sort_unstable();
        if let Some([twice, _]) = priorities.windows(2).find(|pair| pair.first() == pair.last()) {
            let why = format!(
                "Priority '{twice}' is currently in use (Service: ElasticLoadBalancingV2; Status Code: 400; Error Code: PriorityInUse)"
            );
            return Some(("AWSEBV2LoadBalancerListenerRule", why));
        }
    }
    None
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
    let arn = elbv2::insert_target_group(
        state,
        cx,
        NewTargetGroup { name, id, port, vpc, check, tags: tags_for(environment) },
    );
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
                listener.policy =
                    secure.then(|| wanted.policy.clone().unwrap_or_else(|| elbv2::DEFAULT_POLICY.to_owned()));
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
            let conditions = conditions_of(&environment.settings, rule);
            let id = derived(seed, &format!("rule {} {rule}", listener.port), 16);
            let priority = text("Priority").parse().unwrap_or(1);
            let actions = vec![Action::forward(&group)];
            let tags = tags_for(environment);
            let made = elbv2::insert_rule(state, &arn, &id, priority, conditions, actions, tags);
            environment.resources.rules.insert(format!("{} {rule}", listener.port), made);
        }
    }
}

/// The hosts and paths of a rule, as the settings say.
pub(super) fn conditions_of(settings: &Settings, rule: &str) -> Vec<Condition> {
    let condition = |(field, option): (&str, &str)| {
        let values = options::split(settings.rule(rule, option).unwrap_or_default());
        (!values.is_empty()).then(|| Condition { field: field.to_owned(), header: None, values })
    };
    [("host-header", "HostHeaders"), ("path-pattern", "PathPatterns")]
        .into_iter()
        .filter_map(condition)
        .collect()
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
