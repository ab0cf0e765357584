//! Target groups: what requests are sent to, and how its health is checked.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::health::{Target, note_group};
use super::{attribute_list, change_attributes, check_name, invalid, paged, unknown};
use crate::local::common::{SECOND, Tags, arn, tags_at};
use crate::local::support::{elements, member, required};
use crate::local::{Call, Cx, Element, Fault, State};

/// A target group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// `HTTP`, …
    pub protocol: String,
    /// The port of targets that do not say otherwise.
    pub port: u16,
    /// Its VPC.
    pub vpc: String,
    /// `instance` or `ip`.
    pub target_type: String,
    /// How health is checked.
    pub check: Check,
    /// Attributes.
    pub attributes: IndexMap<String, String>,
    /// Tags.
    pub tags: Tags,
    /// Its targets.
    pub targets: Vec<Target>,
    /// How many requests it was sent, for taking turns.
    pub turns: u64,
    /// How many requests were shared between it and other groups.
    pub shared: u64,
}

/// How the health of targets is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `HTTP`, …
    pub protocol: String,
    /// `traffic-port` or a number.
    pub port: String,
    /// The path that is asked.
    pub path: String,
    /// Seconds between two questions.
    pub interval: i64,
    /// Seconds to wait for an answer.
    pub timeout: i64,
    /// Good answers in a row that make an unhealthy target healthy.
    pub healthy: i64,
    /// Bad answers in a row that make a healthy target unhealthy.
    pub unhealthy: i64,
    /// Good statuses: `200`, `200,302`, `200-299`.
    pub matcher: String,
}

impl Default for Check {
    fn default() -> Self {
        Self {
            protocol: "HTTP".to_owned(),
            port: "traffic-port".to_owned(),
            path: "/".to_owned(),
            interval: 30,
            timeout: 5,
            healthy: 5,
            unhealthy: 2,
            matcher: "200".to_owned(),
        }
    }
}

impl Check {
    /// Whether a status is a good answer.
    pub fn accepts(&self, status: u16) -> bool {
        self.matcher.split(',').any(|part| match part.trim().split_once('-') {
            Some((low, high)) => match (low.trim().parse(), high.trim().parse()) {
                (Ok(low), Ok(high)) => (low..=high).contains(&status),
                _ => false,
            },
            None => part.trim().parse() == Ok(status),
        })
    }

    fn validate(&self) -> Result<(), Fault> {
        let within = |what: &str, value: i64, low: i64, high: i64| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(invalid(format!("{what} '{value}' must be between '{low}' and '{high}'")))
        };
        within("Health check interval", self.interval, 5, 300)?;
        within("Health check timeout", self.timeout, 2, 120)?;
        within("Healthy threshold count", self.healthy, 2, 10)?;
        within("Unhealthy threshold count", self.unhealthy, 2, 10)?;
        if self.timeout >= self.interval {
            let message = format!(
                "Health check interval '{}' must be greater than the timeout '{}'",
                self.interval, self.timeout
            );
            return Err(invalid(message));
        }
        if !self.path.starts_with('/') || self.path.len() > 1_024 {
            return Err(invalid(format!(
                "Health check path '{}' must begin with a '/' character",
                self.path
            )));
        }
        Ok(())
    }

    fn change(&mut self, call: &Call) {
        let text = |name: &str, field: &mut String| {
            if let Some(value) = call.text(name) {
                *field = value;
            }
        };
        let number = |name: &str, field: &mut i64| {
            if let Some(value) = call.int(name) {
                *field = value;
            }
        };
        text("HealthCheckProtocol", &mut self.protocol);
        text("HealthCheckPort", &mut self.port);
        text("HealthCheckPath", &mut self.path);
        number("HealthCheckIntervalSeconds", &mut self.interval);
        number("HealthCheckTimeoutSeconds", &mut self.timeout);
        number("HealthyThresholdCount", &mut self.healthy);
        number("UnhealthyThresholdCount", &mut self.unhealthy);
        text("Matcher.HttpCode", &mut self.matcher);
    }
}

/// Attributes of a new group.
fn default_attributes() -> IndexMap<String, String> {
    let attributes = [
        ("stickiness.enabled", "false"),
        ("deregistration_delay.timeout_seconds", "300"),
        ("stickiness.type", "lb_cookie"),
        ("stickiness.lb_cookie.duration_seconds", "86400"),
        ("stickiness.app_cookie.duration_seconds", "86400"),
        ("stickiness.app_cookie.cookie_name", ""),
        ("slow_start.duration_seconds", "0"),
        ("load_balancing.algorithm.type", "round_robin"),
        ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ];
    attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

impl TargetGroup {
    /// An attribute that is a number.
    pub fn number(&self, attribute: &str) -> i64 {
        self.attributes.get(attribute).and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    /// For how many seconds a client stays with a target, when it does.
    pub fn sticky(&self) -> Option<i64> {
        let enabled = self.attributes.get("stickiness.enabled").is_some_and(|value| value == "true");
        enabled.then(|| self.number("stickiness.lb_cookie.duration_seconds"))
    }
}

/// What is needed to make a target group.
#[derive(Clone, Debug)]
pub struct NewTargetGroup {
    /// Its name.
    pub name: String,
    /// The end of its ARN: sixteen digits.
    pub id: String,
    /// The port of its targets.
    pub port: u16,
    /// Its VPC.
    pub vpc: String,
    /// How health is checked.
    pub check: Check,
    /// Tags.
    pub tags: Tags,
}

/// Makes a target group of instances; gives its ARN.
pub fn insert(state: &mut State, cx: &Cx, new: NewTargetGroup) -> String {
    let arn = arn(cx, "elasticloadbalancing", &format!("targetgroup/{}/{}", new.name, new.id));
    let group = TargetGroup {
        arn: arn.clone(),
        name: new.name,
        region: cx.region.clone(),
        protocol: new.check.protocol.clone(),
        port: new.port,
        vpc: new.vpc,
        target_type: "instance".to_owned(),
        check: new.check,
        attributes: default_attributes(),
        tags: new.tags,
        targets: Vec::new(),
        turns: 0,
        shared: 0,
    };
    state.elbv2.target_groups.insert(arn.clone(), group);
    arn
}

/// Registers a target; one that drains comes back.
pub fn register(state: &mut State, group: &str, id: &str, port: Option<u16>, now: i64) {
    let Some(group) = state.elbv2.target_groups.get_mut(group) else { return };
    let port = port.unwrap_or(group.port);
    group.targets.retain(|target| !(target.id == id && target.port == port && target.draining.is_some()));
    if !group.targets.iter().any(|target| target.id == id && target.port == port) {
        group.targets.push(Target::new(id, port, now));
    }
}

/// Deregisters a target: it gets no new requests, and is gone after the deregistration delay.
pub fn deregister(state: &mut State, group: &str, id: &str, now: i64) {
    let Some(group) = state.elbv2.target_groups.get_mut(group) else { return };
    let until = now + group.number("deregistration_delay.timeout_seconds") * SECOND;
    for target in group.targets.iter_mut().filter(|target| target.id == id && target.draining.is_none()) {
        target.draining = Some(until);
    }
}

pub(super) fn find<'a>(state: &'a State, arn: &str) -> Result<&'a TargetGroup, Fault> {
    state.elbv2.target_groups.get(arn).ok_or_else(|| unknown(arn))
}

fn find_mut<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut TargetGroup, Fault> {
    state.elbv2.target_groups.get_mut(arn).ok_or_else(|| unknown(arn))
}

pub(super) fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = required(call, "Name")?;
    check_name("Target group", &name)?;
    let protocol = required(call, "Protocol")?;
    if !matches!(protocol.as_str(), "HTTP" | "HTTPS" | "TCP" | "TLS") {
        return Err(invalid(format!("The local cloud has no target groups of the protocol '{protocol}'")));
    }
    let target_type = call.text("TargetType").unwrap_or_else(|| "instance".to_owned());
    let port = required(call, "Port")?;
    let port = port.parse().ok().filter(|port| *port > 0);
    let port: u16 = port.ok_or_else(|| invalid("A port must be specified, from 1 to 65535"))?;
    let vpc = required(call, "VpcId")?;
    let mut check = Check { protocol: protocol.clone(), ..Check::default() };
    check.change(call);
    check.validate()?;
    let same = |g: &&TargetGroup| g.region == cx.region && g.name == name;
    if let Some(found) = state.elbv2.target_groups.values().find(same) {
        if (&found.protocol, found.port, &found.vpc, &found.check) == (&protocol, port, &vpc, &check) {
            return Ok(vec![Element::list("TargetGroups", "member", [show(state, found)])]);
        }
        let message =
            format!("A target group with the same name '{name}' exists, but with different settings");
        return Err(Fault::new(400, "DuplicateTargetGroupName", message));
    }
    let id = state.hex(16);
    let tags = tags_at(call, "Tags");
    let arn = insert(state, cx, NewTargetGroup { name, id, port, vpc, check, tags });
    let group = find_mut(state, &arn)?;
    group.protocol = protocol;
    group.target_type = target_type;
    let found = find(state, &arn)?;
    Ok(vec![Element::list("TargetGroups", "member", [show(state, found)])])
}

fn show(state: &State, group: &TargetGroup) -> Vec<Element> {
    let balancers = state.elbv2.load_balancers.values();
    let used = balancers.filter(|lb| lb.target_groups(state).any(|arn| arn == group.arn)).map(|lb| &lb.arn);
    let check = &group.check;
    vec![
        Element::text("TargetGroupArn", &group.arn),
        Element::text("TargetGroupName", &group.name),
        Element::text("Protocol", &group.protocol),
        Element::text("Port", group.port),
        Element::text("VpcId", &group.vpc),
        Element::text("HealthCheckProtocol", &check.protocol),
        Element::text("HealthCheckPort", &check.port),
        Element::text("HealthCheckEnabled", true),
        Element::text("HealthCheckIntervalSeconds", check.interval),
        Element::text("HealthCheckTimeoutSeconds", check.timeout),
        Element::text("HealthyThresholdCount", check.healthy),
        Element::text("UnhealthyThresholdCount", check.unhealthy),
        Element::text("HealthCheckPath", &check.path),
        Element::new("Matcher", vec![Element::text("HttpCode", &check.matcher)]),
        Element::texts("LoadBalancerArns", "member", used),
        Element::text("TargetType", &group.target_type),
        Element::text("ProtocolVersion", "HTTP1"),
        Element::text("IpAddressType", "ipv4"),
    ]
}

pub(super) fn describe(state: &State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let (arns, names) = (call.texts("TargetGroupArns"), call.texts("Names"));
    for arn in &arns {
        find(state, arn)?;
    }
    let mut found: Vec<&TargetGroup> =
        state.elbv2.target_groups.values().filter(|group| group.region == cx.region).collect();
    if names.iter().any(|name| !found.iter().any(|group| group.name == *name)) {
        return Err(Fault::new(400, "TargetGroupNotFound", "One or more target groups not found"));
    }
    if let Some(arn) = call.text("LoadBalancerArn") {
        let balancer = super::load_balancers::find(state, &arn)?;
        let used: Vec<&str> = balancer.target_groups(state).collect();
        found.retain(|group| used.contains(&group.arn.as_str()));
    }
    found.retain(|group| arns.is_empty() || arns.contains(&group.arn));
    found.retain(|group| names.is_empty() || names.contains(&group.name));
    let (found, next) = paged(call, found)?;
    let mut members =
        vec![Element::list("TargetGroups", "member", found.into_iter().map(|g| show(state, g)))];
    members.extend(next);
    Ok(members)
}

pub(super) fn modify(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "TargetGroupArn")?;
    let mut check = find(state, &arn)?.check.clone();
    check.change(call);
    check.validate()?;
    note_group(state, &arn, cx.now);
    find_mut(state, &arn)?.check = check;
    let found = find(state, &arn)?;
    Ok(vec![Element::list("TargetGroups", "member", [show(state, found)])])
}

pub(super) fn delete(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "TargetGroupArn")?;
    if !state.elbv2.target_groups.contains_key(&arn) {
        // Deleting what is not there succeeds.
        return Ok(Vec::new());
    }
    let used = state.elbv2.load_balancers.values().any(|lb| lb.target_groups(state).any(|used| used == arn));
    if used {
        let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
        return Err(Fault::new(400, "ResourceInUse", message));
    }
    state.elbv2.target_groups.shift_remove(&arn);
    Ok(Vec::new())
}

pub(super) fn attributes(state: &State, call: &Call) -> Result<Vec<Element>, Fault> {
    Ok(attribute_list(&find(state, &required(call, "TargetGroupArn")?)?.attributes))
}

pub(super) fn modify_attributes(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let group = find_mut(state, &required(call, "TargetGroupArn")?)?;
    change_attributes(&mut group.attributes, call)?;
    Ok(attribute_list(&group.attributes))
}

/// The targets that a call names: id and, when it says one, port.
pub(super) fn read_targets(params: &Value) -> Vec<(String, Option<u16>)> {
    let target = |value: &Value| {
        Some((member(value, "Id")?, member(value, "Port").and_then(|port| port.parse().ok())))
    };
    elements(params, "Targets").iter().filter_map(target).collect()
}

pub(super) fn register_targets(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "TargetGroupArn")?;
    find(state, &arn)?;
    for (id, port) in read_targets(&call.params) {
        if super::health::instance(state, &id).is_none() {
            let message =
                format!("The following targets are not in a running state and cannot be registered: '{id}'");
            return Err(Fault::new(400, "InvalidTarget", message));
        }
        register(state, &arn, &id, port, cx.now);
    }
    Ok(Vec::new())
}

pub(super) fn deregister_targets(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "TargetGroupArn")?;
    find(state, &arn)?;
    for (id, _) in read_targets(&call.params) {
        deregister(state, &arn, &id, cx.now);
    }
    Ok(Vec::new())
}
