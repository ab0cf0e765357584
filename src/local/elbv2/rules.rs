//! Listener rules: which requests are treated in another way.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::listeners::find as find_listener;
use super::{Action, actions, invalid, paged, texts, unknown};
use crate::local::common::{Tags, tags_at};
use crate::local::support::{elements, glob, member, required};
use crate::local::{Call, Cx, Element, Fault, Request, State};

/// A rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// Its listener's ARN.
    pub listener: String,
    /// The lowest comes first.
    pub priority: u32,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// What is done then.
    pub actions: Vec<Action>,
    /// Tags.
    pub tags: Tags,
}

/// A condition: one of its values must fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// `path-pattern`, `host-header`, `http-request-method`, `http-header`, `query-string`, `source-ip`.
    pub field: String,
    /// The header's name, for `http-header`.
    pub header: Option<String>,
    /// The values; `key=value` for `query-string`.
    pub values: Vec<String>,
}

impl Condition {
    fn holds(&self, request: &Request) -> bool {
        let any = |text: &str| self.values.iter().any(|value| glob(value, text));
        match self.field.as_str() {
            "path-pattern" => any(&request.path),
            "host-header" => {
                let host = request.header("host").unwrap_or(&request.host).to_ascii_lowercase();
                self.values.iter().any(|value| glob(&value.to_ascii_lowercase(), &host))
            }
            "http-request-method" => any(&request.method),
            "http-header" => {
                let name = self.header.as_deref().unwrap_or_default().to_ascii_lowercase();
                request.header(&name).is_some_and(any)
            }
            "query-string" => request.query.iter().any(|(key, value)| {
                self.values.iter().any(|wanted| match wanted.split_once('=') {
                    Some((k, v)) if !k.is_empty() => glob(k, key) && glob(v, value),
                    Some((_, v)) => glob(v, value),
                    None => glob(wanted, value),
                })
            }),
            // All requests of the local cloud come from one place in the internet.
            _ => self.values.iter().any(|value| value == "0.0.0.0/0"),
        }
    }
}

/// The first rule of a listener that fits a request.
pub fn matching<'a>(state: &'a State, listener: &str, request: &Request) -> Option<&'a Rule> {
    let rules = state.elbv2.rules.values().filter(|rule| rule.listener == listener);
    rules.filter(|rule| rule.conditions.iter().all(|c| c.holds(request))).min_by_key(|rule| rule.priority)
}

/// Makes a rule; gives its ARN. The id is the end of its ARN: sixteen digits.
pub fn insert(
    state: &mut State,
    listener: &str,
    id: &str,
    priority: u32,
    conditions: Vec<Condition>,
    actions: Vec<Action>,
    tags: Tags,
) -> String {
    let arn = format!("{}/{id}", listener.replace(":listener/", ":listener-rule/"));
    let listener = listener.to_owned();
    let rule = Rule { arn: arn.clone(), listener, priority, conditions, actions, tags };
    state.elbv2.rules.insert(arn.clone(), rule);
    arn
}

fn find<'a>(state: &'a State, arn: &str) -> Result<&'a Rule, Fault> {
    state.elbv2.rules.get(arn).ok_or_else(|| unknown(arn))
}

fn read_conditions(params: &Value) -> Result<Vec<Condition>, Fault> {
    let conditions = elements(params, "Conditions").iter().map(|value| {
        let field = member(value, "Field").unwrap_or_default();
        let config = match field.as_str() {
            "path-pattern" => "PathPatternConfig",
            "host-header" => "HostHeaderConfig",
            "http-request-method" => "HttpRequestMethodConfig",
            "http-header" => "HttpHeaderConfig",
            "query-string" => "QueryStringConfig",
            "source-ip" => "SourceIpConfig",
            other => return Err(invalid(format!("Condition field '{other}' must be one of '[path-pattern, host-header, http-request-method, http-header, query-string, source-ip]'"))),
        };
        let mut values = texts(value, "Values");
        if field == "query-string" {
            values.extend(elements(value, "QueryStringConfig.Values").iter().map(|pair| {
                format!("{}={}", member(pair, "Key").unwrap_or_default(), member(pair, "Value").unwrap_or_default())
            }));
        } else {
            values.extend(texts(value, &format!("{config}.Values")));
        }
        if values.is_empty() {
            return Err(invalid(format!("A condition value must be specified for the field '{field}'")));
        }
        if let Some(long) = values.iter().find(|value| value.len() > 128) {
            return Err(invalid(format!("Condition value '{long}' cannot be longer than '128' characters")));
        }
        Ok(Condition { field, header: member(value, "HttpHeaderConfig.HttpHeaderName"), values })
    });
    conditions.collect()
}

fn read_priority(
    state: &State,
    listener: &str,
    text: Option<String>,
    own: Option<&str>,
) -> Result<u32, Fault> {
    let priority = text.as_deref().and_then(|text| text.parse::<u32>().ok());
    let priority = priority.filter(|priority| (1..=50_000).contains(priority));
    let priority = priority.ok_or_else(|| {
        invalid(format!(
            "'{}' is not a valid priority, specify one from 1 to 50000",
            text.unwrap_or_default()
        ))
    })?;
    let taken =
        state.elbv2.rules.values().any(|rule| {
            rule.listener == listener && rule.priority == priority && own != Some(rule.arn.as_str())
        });
    if taken {
        return Err(Fault::new(400, "PriorityInUse", format!("Priority '{priority}' is currently in use")));
    }
    Ok(priority)
}

pub(super) fn create(state: &mut State, _cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let listener = required(call, "ListenerArn")?;
    find_listener(state, &listener)?;
    let conditions = read_conditions(&call.params)?;
    if conditions.is_empty() {
        return Err(invalid("A condition must be specified"));
    }
    let priority = read_priority(state, &listener, call.text("Priority"), None)?;
    let actions = actions::read(state, &call.params, "Actions")?;
    let id = state.hex(16);
    let arn = insert(state, &listener, &id, priority, conditions, actions, tags_at(call, "Tags"));
    Ok(vec![Element::list("Rules", "member", [show(find(state, &arn)?)])])
}

fn show(rule: &Rule) -> Vec<Element> {
    let conditions = rule.conditions.iter().map(|condition| {
        let values = || Element::texts("Values", "member", &condition.values);
        let mut children = vec![Element::text("Field", &condition.field)];
        match condition.field.as_str() {
            "path-pattern" => children.extend([values(), Element::new("PathPatternConfig", vec![values()])]),
            "host-header" => children.extend([values(), Element::new("HostHeaderConfig", vec![values()])]),
            "http-request-method" => children.push(Element::new("HttpRequestMethodConfig", vec![values()])),
            "source-ip" => children.push(Element::new("SourceIpConfig", vec![values()])),
            "http-header" => {
                let name = Element::text("HttpHeaderName", condition.header.as_deref().unwrap_or_default());
                children.push(Element::new("HttpHeaderConfig", vec![name, values()]));
            }
            _ => {
                let pairs = condition.values.iter().map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or(("", pair));
                    vec![Element::text("Key", key), Element::text("Value", value)]
                });
                let list = Element::list("Values", "member", pairs);
                children.push(Element::new("QueryStringConfig", vec![list]));
            }
        }
        children
    });
    vec![
        Element::text("RuleArn", &rule.arn),
        Element::text("Priority", rule.priority),
        Element::list("Conditions", "member", conditions),
        Element::list("Actions", "member", rule.actions.iter().map(actions::show)),
        Element::text("IsDefault", false),
    ]
}

/// The rule that every listener ends with: its own actions.
fn show_default(listener: &super::Listener) -> Vec<Element> {
    vec![
        Element::text("RuleArn", default_arn(&listener.arn)),
        Element::text("Priority", "default"),
        Element::new("Conditions", Vec::new()),
        Element::list("Actions", "member", listener.actions.iter().map(actions::show)),
        Element::text("IsDefault", true),
    ]
}

fn default_arn(listener: &str) -> String {
    format!("{}/{}", listener.replace(":listener/", ":listener-rule/"), "0".repeat(16))
}

pub(super) fn describe(state: &State, call: &Call) -> Result<Vec<Element>, Fault> {
    let arns = call.texts("RuleArns");
    let mut shown = Vec::new();
    match call.text("ListenerArn") {
        Some(arn) => {
            let listener = find_listener(state, &arn)?;
            let mut rules: Vec<&Rule> = state.elbv2.rules.values().filter(|r| r.listener == arn).collect();
            rules.sort_by_key(|rule| rule.priority);
            shown.extend(rules.into_iter().map(show));
            shown.push(show_default(listener));
        }
        None => {
            for arn in &arns {
                let default =
                    state.elbv2.listeners.values().find(|listener| default_arn(&listener.arn) == *arn);
                shown.push(match default {
                    Some(listener) => show_default(listener),
                    None => show(find(state, arn)?),
                });
            }
        }
    }
    let (found, next) = paged(call, shown)?;
    let mut members = vec![Element::list("Rules", "member", found)];
    members.extend(next);
    Ok(members)
}

pub(super) fn modify(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "RuleArn")?;
    let default = state.elbv2.listeners.values().any(|listener| default_arn(&listener.arn) == arn);
    if default {
        return Err(Fault::new(
            400,
            "OperationNotPermitted",
            format!("Default rule '{arn}' cannot be modified"),
        ));
    }
    let mut rule = find(state, &arn)?.clone();
    if call.params.get("Conditions").is_some() {
        rule.conditions = read_conditions(&call.params)?;
    }
    if call.params.get("Actions").is_some() {
        rule.actions = actions::read(state, &call.params, "Actions")?;
    }
    let shown = show(&rule);
    state.elbv2.rules.insert(arn, rule);
    Ok(vec![Element::list("Rules", "member", [shown])])
}

pub(super) fn set_priorities(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut shown = Vec::new();
    for pair in elements(&call.params, "RulePriorities") {
        let arn = member(pair, "RuleArn").unwrap_or_default();
        let listener = find(state, &arn)?.listener.clone();
        let priority = read_priority(state, &listener, member(pair, "Priority"), Some(&arn))?;
        if let Some(rule) = state.elbv2.rules.get_mut(&arn) {
            rule.priority = priority;
            shown.push(show(rule));
        }
    }
    Ok(vec![Element::list("Rules", "member", shown)])
}

pub(super) fn delete(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "RuleArn")?;
    if state.elbv2.listeners.values().any(|listener| default_arn(&listener.arn) == arn) {
        return Err(Fault::new(
            400,
            "OperationNotPermitted",
            format!("Default rule '{arn}' cannot be deleted"),
        ));
    }
    find(state, &arn)?;
    state.elbv2.rules.shift_remove(&arn);
    Ok(Vec::new())
}
