//! Elastic Load Balancing v2: application load balancers, their listeners and rules, target groups and targets.

mod actions;
mod health;
mod listeners;
mod load_balancers;
mod logs;
mod rules;
mod target_groups;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::common::{Tags, tag_list, tags_of};
use super::support::{elements, member, text_of};
use super::{Call, Cx, Element, Fault, Reply, State};

pub use actions::{Action, Kind, Redirect, Weighted};
pub use health::{Health, Target, change_check, health, note};
pub use listeners::{DEFAULT_POLICY, Listener, NewListener, insert as insert_listener};
pub use load_balancers::{
    LoadBalancer, NewLoadBalancer, insert as insert_load_balancer, remove as remove_load_balancer,
};
pub use logs::may_log;
pub use rules::{Condition, Rule, insert as insert_rule, matching as matching_rule};
pub use target_groups::{
    Check, NewTargetGroup, TargetGroup, deregister, insert as insert_target_group, register,
};

/// What Elastic Load Balancing knows; everything by ARN.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Elbv2 {
    /// Load balancers.
    pub load_balancers: IndexMap<String, LoadBalancer>,
    /// Target groups.
    pub target_groups: IndexMap<String, TargetGroup>,
    /// Listeners.
    pub listeners: IndexMap<String, Listener>,
    /// Rules but for the default ones, which are the listeners' own actions.
    pub rules: IndexMap<String, Rule>,
}

/// The hosted zone of the load balancers' names, by region.
/// Source: docs.aws.amazon.com/general/latest/gr/elb.html
const ZONES: [(&str, &str); 16] = [
    ("us-east-1", "Z35SXDOTRQ7X7K"),
    ("us-east-2", "Z3AADJGX6KTTL2"),
    ("us-west-1", "Z368ELLRRE2KJ0"),
    ("us-west-2", "Z1H1FL5HABSF5"),
    ("ca-central-1", "ZQSVJUPU6J1EY"),
    ("eu-central-1", "Z215JYRZR1TBD5"),
    ("eu-west-1", "Z32O12XQLNTSW2"),
    ("eu-west-2", "ZHURV8PSTC4K8"),
    ("eu-west-3", "Z3Q77PNBQS71R4"),
    ("eu-north-1", "Z23TAZ6LKFMNIO"),
    ("ap-south-1", "ZP97RAFLXTNZK"),
    ("ap-northeast-1", "Z14GRHDCWA56QT"),
    ("ap-northeast-2", "ZWKZPGTI48KDX"),
    ("ap-southeast-1", "Z1LMS91P8CMLE5"),
    ("ap-southeast-2", "Z1GM3OXH4ZPM65"),
    ("sa-east-1", "Z2P70J7HTTTPLU"),
];

/// Whether it is the hosted zone of load balancers in some region.
pub(crate) fn is_hosted_zone(id: &str) -> bool {
    ZONES.iter().any(|(_, zone)| *zone == id)
}

fn hosted_zone(region: &str) -> &'static str {
    ZONES.iter().find(|(name, _)| *name == region).map_or("Z35SXDOTRQ7X7K", |(_, zone)| zone)
}

/// Answers a call.
///
/// # Errors
/// What Elastic Load Balancing refuses.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let members = match call.operation.as_str() {
        "CreateLoadBalancer" => load_balancers::create(state, cx, call),
        "DescribeLoadBalancers" => load_balancers::describe(state, cx, call),
        "DeleteLoadBalancer" => load_balancers::delete(state, cx, call),
        "DescribeLoadBalancerAttributes" => load_balancers::attributes(state, call),
        "ModifyLoadBalancerAttributes" => load_balancers::modify_attributes(state, cx, call),
        "SetSecurityGroups" => load_balancers::set_security_groups(state, cx, call),
        "SetSubnets" => load_balancers::set_subnets(state, cx, call),
        "CreateListener" => listeners::create(state, cx, call),
        "DescribeListeners" => listeners::describe(state, call),
        "ModifyListener" => listeners::modify(state, cx, call),
        "DeleteListener" => listeners::delete(state, call),
        "DescribeListenerCertificates" => listeners::certificates(state, call),
        "AddListenerCertificates" => listeners::add_certificates(state, cx, call),
        "RemoveListenerCertificates" => listeners::remove_certificates(state, call),
        "CreateRule" => rules::create(state, cx, call),
        "DescribeRules" => rules::describe(state, call),
        "ModifyRule" => rules::modify(state, call),
        "SetRulePriorities" => rules::set_priorities(state, call),
        "DeleteRule" => rules::delete(state, call),
        "CreateTargetGroup" => target_groups::create(state, cx, call),
        "DescribeTargetGroups" => target_groups::describe(state, cx, call),
        "ModifyTargetGroup" => target_groups::modify(state, cx, call),
        "DeleteTargetGroup" => target_groups::delete(state, call),
        "DescribeTargetGroupAttributes" => target_groups::attributes(state, call),
        "ModifyTargetGroupAttributes" => target_groups::modify_attributes(state, call),
        "RegisterTargets" => target_groups::register_targets(state, cx, call),
        "DeregisterTargets" => target_groups::deregister_targets(state, cx, call),
        "DescribeTargetHealth" => health::describe(state, cx, call),
        "AddTags" => add_tags(state, call),
        "RemoveTags" => remove_tags(state, call),
        "DescribeTags" => describe_tags(state, call),
        other => {
            let message = format!("The action {other} is not valid for this web service.");
            return Err(Fault::new(400, "InvalidAction", message));
        }
    };
    members.map(Reply::Xml)
}

/// A refusal because a value is not valid.
fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationError", message)
}

/// Names of load balancers and target groups: at most 32 letters, digits and hyphens, none at either end.
fn check_name(what: &str, name: &str) -> Result<(), Fault> {
    let fits = (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fits {
        return Ok(());
    }
    Err(invalid(match name.len() {
        0 | 33.. => format!("{what} name '{name}' cannot be longer than '32' characters"),
        _ => format!(
            "{what} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        ),
    }))
}

/// A description's page: `Marker` and `PageSize`.
fn paged<T>(call: &Call, items: Vec<T>) -> Result<(Vec<T>, Option<Element>), Fault> {
    let size = call.int("PageSize").and_then(|size| usize::try_from(size).ok()).unwrap_or(400);
    let (items, next) = super::common::page(items, call.text("Marker").as_deref(), call.page_of(size))
        .ok_or_else(|| invalid("Invalid marker"))?;
    Ok((items, next.map(|next| Element::text("NextMarker", next))))
}

/// The tags of a resource of any kind.
fn tags_mut<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut Tags, Fault> {
    let elb = &mut state.elbv2;
    if let Some(found) = elb.load_balancers.get_mut(arn) {
        return Ok(&mut found.tags);
    }
    if let Some(found) = elb.target_groups.get_mut(arn) {
        return Ok(&mut found.tags);
    }
    if let Some(found) = elb.listeners.get_mut(arn) {
        return Ok(&mut found.tags);
    }
    if let Some(found) = elb.rules.get_mut(arn) {
        return Ok(&mut found.tags);
    }
    Err(unknown(arn))
}

/// What AWS says to an ARN that names nothing, by what it would name.
fn unknown(arn: &str) -> Fault {
    let (code, message) = if arn.contains(":listener-rule/") {
        ("RuleNotFound", "One or more rules not found".to_owned())
    } else if arn.contains(":listener/") {
        ("ListenerNotFound", "One or more listeners not found".to_owned())
    } else if arn.contains(":targetgroup/") {
        ("TargetGroupNotFound", "One or more target groups not found".to_owned())
    } else if arn.contains(":loadbalancer/") {
        ("LoadBalancerNotFound", "One or more load balancers not found".to_owned())
    } else {
        ("ValidationError", format!("'{arn}' is not a valid ARN"))
    };
    Fault::new(400, code, message)
}

fn add_tags(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let added = tags_of(elements(&call.params, "Tags"));
    super::common::check_tags(&added, "ValidationError")?;
    for arn in call.texts("ResourceArns") {
        tags_mut(state, &arn)?.extend(added.clone());
    }
    Ok(Vec::new())
}

fn remove_tags(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let keys = call.texts("TagKeys");
    for arn in call.texts("ResourceArns") {
        tags_mut(state, &arn)?.retain(|key, _| !keys.contains(key));
    }
    Ok(Vec::new())
}

fn describe_tags(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut shown = Vec::new();
    for arn in call.texts("ResourceArns") {
        let tags = tags_mut(state, &arn)?;
        shown.push(vec![Element::text("ResourceArn", &arn), tag_list("Tags", "member", tags)]);
    }
    Ok(vec![Element::list("TagDescriptions", "member", shown)])
}

/// Attributes as a list of `Key` and `Value`.
fn attribute_list(attributes: &IndexMap<String, String>) -> Vec<Element> {
    vec![tag_list("Attributes", "member", attributes)]
}

/// Changes attributes; only those that are known.
fn change_attributes(attributes: &mut IndexMap<String, String>, call: &Call) -> Result<(), Fault> {
    let given = elements(&call.params, "Attributes");
    let pair = |value: &Value| Some((member(value, "Key")?, member(value, "Value").unwrap_or_default()));
    let given: Vec<(String, String)> = given.iter().filter_map(pair).collect();
    if let Some((key, _)) = given.iter().find(|(key, _)| !attributes.contains_key(key)) {
        return Err(invalid(format!("Load balancer attribute key '{key}' is not recognized")));
    }
    attributes.extend(given);
    Ok(())
}

/// The texts of a list, of which the elements may be numbers.
fn texts(value: &Value, path: &str) -> Vec<String> {
    elements(value, path).iter().filter_map(text_of).collect()
}

#[cfg(test)]
mod tests;
