//! A load balancer that environments share: somebody else made it, and each of them adds rules to its listeners. It stays what
//! it is, but for those rules, a security group of each, and a tag that counts them.
//!
//! Source: developer guide, "Configuring a shared Application Load Balancer".

use super::balancer::{conditions_of, ports};
use super::options::{self, BALANCER, LISTENER, Settings, VPC, bad_value};
use super::resources::{self, derived, tags_for};
use super::{Environment, Fault};
use crate::local::elbv2::{self, Action, Condition};
use crate::local::{Cx, State, neighbours};

const COUNT: &str = "elasticbeanstalk:shared-elb-environment-count";
/// The rule for all that comes to the environment's own name.
const DEFAULT: &str = "default";

/// Refuses settings that name a load balancer which cannot be shared.
pub(super) fn check(state: &mut State, cx: &Cx, settings: &Settings) -> Result<(), Fault> {
    let Some(arn) = settings.shared().map(str::to_owned) else { return Ok(()) };
    let refuse = |why: &str| bad_value(BALANCER, "SharedLoadBalancer", Some(&arn), why);
    let found = state.elbv2.load_balancers.get(&arn).filter(|balancer| balancer.region == cx.region);
    let Some(balancer) = found.cloned() else { return refuse("The load balancer does not exist.") };
    if balancer.kind != "application" {
        return refuse("Only an Application Load Balancer can be shared.");
    }
    if balancer.vpc != resources::vpc(state, &cx.region, settings) {
        let why = "The shared load balancer is in another VPC than the environment.";
        return bad_value(VPC, "VPCId", settings.value(VPC, "VPCId"), why);
    }
    let ruled = ruled(state, settings, &arn);
    if let Some((port, _)) = ruled.iter().find(|(port, _)| listener(state, &arn, *port).is_none()) {
        return bad_value(
            &format!("{LISTENER}{port}"),
            "Rules",
            None,
            "The shared load balancer has no listener on this port.",
        );
    }
    match ruled.is_empty() {
        true => refuse("The load balancer has no listener on port 80; set Rules for the listener to use."),
        false => Ok(()),
    }
}

/// The ARN of a load balancer's listener on a port.
fn listener(state: &State, balancer: &str, port: u16) -> Option<String> {
    let mut listeners = state.elbv2.listeners.values();
    listeners.find(|l| l.load_balancer == balancer && l.port == port).map(|listener| listener.arn.clone())
}

/// The ports whose listeners get rules, and which ones, by priority. Where no port has the rule `default`, the listener on port
/// 80 gets it, if there is one.
fn ruled(state: &State, settings: &Settings, balancer: &str) -> Vec<(u16, Vec<String>)> {
    let port =
        |namespace: &String| Some((namespace.clone(), namespace.strip_prefix(LISTENER)?.parse().ok()?));
    let named: Vec<(String, u16)> = settings.0.keys().filter_map(port).collect();
    let mut ruled: Vec<(u16, Vec<String>)> = Vec::new();
    for (namespace, port) in named {
        let rules = settings.list(&namespace, "Rules");
        if !rules.is_empty() {
            ruled.push((port, rules));
        }
    }
    let by_default = !ruled.iter().any(|(_, rules)| rules.iter().any(|rule| rule == DEFAULT));
    if by_default && listener(state, balancer, 80).is_some() {
        match ruled.iter_mut().find(|(port, _)| *port == 80) {
            Some((_, rules)) => rules.push(DEFAULT.to_owned()),
            None => ruled.push((80, vec![DEFAULT.to_owned()])),
        }
    }
    let priority = |rule: &String| {
        let number = settings.rule(rule, "Priority").and_then(|text| text.parse().ok()).unwrap_or(1_u32);
        (rule == DEFAULT, number)
    };
    ruled.iter_mut().for_each(|(_, rules)| rules.sort_by_key(priority));
    ruled
}

/// An environment begins to share its load balancer: its group is worn by it as well, and the environment counts.
pub(super) fn join(state: &mut State, cx: &Cx, balancer: &str, group: Option<&str>) {
    count(state, balancer, 1);
    let Some(found) = state.elbv2.load_balancers.get_mut(balancer) else { return };
    found.security_groups.extend(group.map(str::to_owned));
    let groups = found.security_groups.clone();
    state.regroup(cx, balancer, &groups);
}

/// An environment shares it no longer.
pub(super) fn leave(state: &mut State, cx: &Cx, environment: &mut Environment, balancer: &str) {
    for rule in std::mem::take(&mut environment.resources.rules).into_values() {
        state.elbv2.rules.shift_remove(&rule);
    }
    count(state, balancer, -1);
    let own = environment.resources.balancer_group.as_ref();
    let Some(found) = state.elbv2.load_balancers.get_mut(balancer) else { return };
    found.security_groups.retain(|group| Some(group) != own);
    let groups = found.security_groups.clone();
    state.regroup(cx, balancer, &groups);
}

fn count(state: &mut State, balancer: &str, by: i64) {
    let Some(found) = state.elbv2.load_balancers.get_mut(balancer) else { return };
    let now = found.tags.get(COUNT).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0) + by;
    if now > 0 {
        found.tags.insert(COUNT.to_owned(), now.to_string());
    } else {
        found.tags.shift_remove(COUNT);
    }
}

/// Brings the environment's rules and its group to what the settings say. Its target groups are there.
pub(super) fn change(state: &mut State, cx: &Cx, environment: &mut Environment, balancer: &str, seed: &str) {
    for (port, names) in ruled(state, &environment.settings, balancer) {
        let Some(listener) = listener(state, balancer, port) else { continue };
        for name in names {
            put(state, environment, &listener, &format!("{port} {name}"), &name, seed);
        }
    }
    let Some(group) = environment.resources.instance_group.clone() else { return };
    let from = environment
        .settings
        .given(BALANCER, "ManagedSecurityGroup")
        .map(str::to_owned)
        .or_else(|| environment.resources.balancer_group.clone());
    let from = from.map_or(neighbours::Peer::Everyone, neighbours::Peer::Group);
    neighbours::set_ingress(state, cx, &group, &ports(&environment.settings), &from);
}

/// Makes a rule after those that the other environments have, or sends an existing one to the process that it names.
fn put(state: &mut State, environment: &mut Environment, listener: &str, key: &str, name: &str, seed: &str) {
    let process = environment.settings.rule(name, "Process").unwrap_or(DEFAULT);
    let Some(group) = environment.resources.target_groups.get(process).cloned() else { return };
    let actions = vec![Action::forward(&group)];
    let known = environment.resources.rules.get(key);
    if let Some(rule) = known.and_then(|arn| state.elbv2.rules.get_mut(arn)) {
        rule.actions = actions;
        return;
    }
    let taken = state.elbv2.rules.values().filter(|rule| rule.listener == listener).map(|rule| rule.priority);
    let priority = taken.max().unwrap_or(0) + 1;
    let id = derived(seed, &format!("rule {key}"), 16);
    let (conditions, tags) = (conditions(environment, name), tags_for(environment));
    let arn = elbv2::insert_rule(state, listener, &id, priority, conditions, actions, tags);
    environment.resources.rules.insert(key.to_owned(), arn);
}

/// The environment's own name is one of the hosts of each rule.
fn conditions(environment: &Environment, name: &str) -> Vec<Condition> {
    let mut conditions = conditions_of(&environment.settings, name);
    match conditions.iter_mut().find(|condition| condition.field == "host-header") {
        Some(hosts) => hosts.values.insert(0, environment.cname.clone()),
        None => {
            let values = vec![environment.cname.clone()];
            conditions.insert(0, Condition { field: "host-header".to_owned(), header: None, values });
        }
    }
    conditions
}

/// After a swap of names: the rules are for the new one.
pub(super) fn rename(state: &mut State, index: usize) {
    let Some(environment) = state.beanstalk.environments.get(index) else { return };
    if environment.settings.shared().is_none() {
        return;
    }
    let environment = environment.clone();
    for (key, arn) in &environment.resources.rules {
        let name = key.split_once(' ').map_or(key.as_str(), |(_, name)| name);
        let conditions = conditions(&environment, name);
        if let Some(rule) = state.elbv2.rules.get_mut(arn) {
            rule.conditions = conditions;
        }
    }
}

/// What an update would change and AWS takes only when an environment is made: its namespace and name.
pub(super) fn fixed(before: &Settings, after: &Settings) -> Option<(String, String)> {
    before.shared()?;
    let ours =
        |namespace: &&String| [LISTENER, options::RULE].iter().any(|prefix| namespace.starts_with(prefix));
    let spaces = before.0.keys().chain(after.0.keys()).filter(ours);
    let mut names = spaces.flat_map(|namespace| {
        let of = |settings: &'_ Settings| -> Vec<String> {
            settings.0.get(namespace).map(|options| options.keys().cloned().collect()).unwrap_or_default()
        };
        of(before).into_iter().chain(of(after)).map(move |name| (namespace.clone(), name))
    });
    names.find(|(namespace, name)| before.value(namespace, name) != after.value(namespace, name))
}
