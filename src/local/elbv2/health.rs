//! The health of targets, worked out from what their instances answer and since when.
//!
//! A target remembers how healthy it was when conditions last changed ([`note`] is called just before they do); from there
//! the thresholds of its group decide.

use serde::{Deserialize, Serialize};

use super::target_groups::{find, read_targets};
use super::{Check, TargetGroup};
use crate::local::common::SECOND;
use crate::local::support::required;
use crate::local::{Call, Cx, Element, Fault, State, beanstalk, dataplane};

/// How healthy a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// Not yet checked.
    Initial,
    /// It gets requests.
    Healthy,
    /// It gets none while others are healthy.
    Unhealthy,
    /// It is deregistered and finishes what it has.
    Draining,
    /// It is deregistered.
    Gone,
}

/// A registered target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    /// The instance.
    pub id: String,
    /// The port.
    pub port: u16,
    /// Since when the conditions are what they are.
    pub since: i64,
    /// How healthy it was then.
    pub base: Health,
    /// It is deregistered, and gone by then.
    pub draining: Option<i64>,
}

impl Target {
    /// A target that is registered now.
    pub fn new(id: &str, port: u16, now: i64) -> Self {
        Self { id: id.to_owned(), port, since: now, base: Health::Initial, draining: None }
    }
}

/// The instance that a target is.
pub(super) fn instance<'a>(state: &'a State, id: &str) -> Option<&'a beanstalk::Instance> {
    state.beanstalk.environments.iter().flat_map(|e| &e.instances).find(|instance| instance.id == id)
}

/// The status that the instance gives to the health check; none when nobody listens.
fn answer(state: &State, group: &TargetGroup, target: &Target) -> Option<u16> {
    dataplane::check(state, &target.id, &group.check.path)
}

/// How healthy a target is at a time.
pub fn health(state: &State, group: &TargetGroup, target: &Target, now: i64) -> Health {
    if let Some(until) = target.draining {
        return if now < until { Health::Draining } else { Health::Gone };
    }
    let check = &group.check;
    let good = answer(state, group, target).is_some_and(|status| check.accepts(status));
    let passed = |times: i64| now >= target.since + times * check.interval * SECOND;
    match (target.base, good) {
        // A new target is healthy after the first good answer.
        (Health::Initial, true) if passed(1) => Health::Healthy,
        (Health::Initial, false) if passed(check.unhealthy) => Health::Unhealthy,
        (Health::Unhealthy, true) if passed(check.healthy) => Health::Healthy,
        (Health::Healthy, false) if passed(check.unhealthy) => Health::Unhealthy,
        (base, _) => base,
    }
}

/// To be called just before what an instance answers changes.
pub fn note(state: &mut State, id: &str, now: i64) {
    let holds = |group: &&TargetGroup| group.targets.iter().any(|target| target.id == id);
    let groups: Vec<String> =
        state.elbv2.target_groups.values().filter(holds).map(|group| group.arn.clone()).collect();
    for arn in groups {
        note_targets(state, &arn, Some(id), now);
    }
}

/// Gives a group another check.
pub fn change_check(state: &mut State, arn: &str, check: Check, now: i64) {
    if state.elbv2.target_groups.get(arn).is_some_and(|group| group.check != check) {
        note_group(state, arn, now);
        if let Some(group) = state.elbv2.target_groups.get_mut(arn) {
            group.check = check;
        }
    }
}

/// To be called just before a group's check changes.
pub(super) fn note_group(state: &mut State, arn: &str, now: i64) {
    note_targets(state, arn, None, now);
}

fn note_targets(state: &mut State, arn: &str, only: Option<&str>, now: i64) {
    let Some(group) = state.elbv2.target_groups.get(arn) else { return };
    let healths: Vec<Health> = group.targets.iter().map(|target| health(state, group, target, now)).collect();
    let Some(group) = state.elbv2.target_groups.get_mut(arn) else { return };
    for (target, health) in group.targets.iter_mut().zip(healths) {
        if target.draining.is_none() && only.is_none_or(|id| target.id == id) {
            target.base = health;
            target.since = now;
        }
    }
    group.targets.retain(|target| target.draining.is_none_or(|until| now < until));
}

pub(super) fn describe(state: &State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let group = find(state, &required(call, "TargetGroupArn")?)?;
    let wanted = read_targets(&call.params);
    let mut shown: Vec<Vec<Element>> = Vec::new();
    let used = state.elbv2.load_balancers.values().any(|lb| lb.target_groups(state).any(|g| g == group.arn));
    // Whose delay is over is registered no longer.
    let targets: Vec<&Target> =
        group.targets.iter().filter(|target| target.draining.is_none_or(|until| cx.now < until)).collect();
    for target in &targets {
        let listed = wanted.is_empty()
            || wanted
                .iter()
                .any(|(id, port)| *id == target.id && port.is_none_or(|port| port == target.port));
        let health = health(state, group, target, cx.now);
        if !listed || health == Health::Gone {
            continue;
        }
        shown.push(show(state, group, target, health, used));
    }
    for (id, port) in &wanted {
        if !targets.iter().any(|target| target.id == *id) {
            let port = port.unwrap_or(group.port);
            let reason =
                ("unused", Some(("Target.NotRegistered", "Target is not registered to the target group")));
            shown.push(describe_one(id, port, group, reason));
        }
    }
    Ok(vec![Element::list("TargetHealthDescriptions", "member", shown)])
}

fn show(state: &State, group: &TargetGroup, target: &Target, health: Health, used: bool) -> Vec<Element> {
    let status = answer(state, group, target);
    let mismatch;
    let code = match health {
        _ if !used => (
            "unused",
            Some((
                "Target.NotInUse",
                "Target group is not configured to receive traffic from the load balancer",
            )),
        ),
        Health::Initial => {
            ("initial", Some(("Elb.RegistrationInProgress", "Target registration is in progress")))
        }
        Health::Healthy => ("healthy", None),
        Health::Unhealthy => match status {
            Some(status) => {
                mismatch = format!("Health checks failed with these codes: [{status}]");
                ("unhealthy", Some(("Target.ResponseCodeMismatch", mismatch.as_str())))
            }
            None => ("unhealthy", Some(("Target.Timeout", "Request timed out"))),
        },
        Health::Draining | Health::Gone => {
            ("draining", Some(("Target.DeregistrationInProgress", "Target deregistration is in progress")))
        }
    };
    describe_one(&target.id, target.port, group, code)
}

fn describe_one(
    id: &str,
    port: u16,
    group: &TargetGroup,
    code: (&str, Option<(&str, &str)>),
) -> Vec<Element> {
    let mut health = vec![Element::text("State", code.0)];
    if let Some((reason, text)) = code.1 {
        health.push(Element::text("Reason", reason));
        health.push(Element::text("Description", text));
    }
    let check_port =
        if group.check.port == "traffic-port" { port.to_string() } else { group.check.port.clone() };
    vec![
        Element::new("Target", vec![Element::text("Id", id), Element::text("Port", port)]),
        Element::text("HealthCheckPort", check_port),
        Element::new("TargetHealth", health),
    ]
}
