//! What listeners and rules do with a request.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::invalid;
use crate::local::support::{elements, member};
use crate::local::{Element, Fault, State};

/// An action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its place among the actions, as the client gave it.
    pub order: Option<i64>,
    /// What it does.
    pub kind: Kind,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Sends the request to a target of one of the groups.
    Forward {
        /// The groups with their weights.
        groups: Vec<Weighted>,
        /// For how many seconds a client stays with one of the groups.
        sticky: Option<i64>,
    },
    /// Answers with another address.
    Redirect(Redirect),
    /// Answers by itself.
    Fixed {
        /// The status.
        status: u16,
        /// The media type.
        content_type: Option<String>,
        /// The body.
        body: Option<String>,
    },
}

/// A target group with its weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weighted {
    /// The target group's ARN.
    pub group: String,
    /// Its weight among the others.
    pub weight: u32,
}

/// Another address; `#{host}` and so on stand for the request's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Redirect {
    pub protocol: String,
    pub host: String,
    pub port: String,
    pub path: String,
    pub query: String,
    /// 301 or 302.
    pub status: u16,
}

impl Action {
    /// Sends everything to one group.
    pub fn forward(group: &str) -> Self {
        let groups = vec![Weighted { group: group.to_owned(), weight: 1 }];
        Self { order: None, kind: Kind::Forward { groups, sticky: None } }
    }

    /// The groups that it sends to.
    pub fn target_groups(&self) -> impl Iterator<Item = &str> {
        let groups = match &self.kind {
            Kind::Forward { groups, .. } => groups.as_slice(),
            _ => &[],
        };
        groups.iter().map(|weighted| weighted.group.as_str())
    }
}

/// Reads the actions at a path.
///
/// # Errors
/// When one is not valid or sends to a group that does not exist.
pub(super) fn read(state: &State, params: &Value, path: &str) -> Result<Vec<Action>, Fault> {
    let list = elements(params, path);
    if list.is_empty() {
        return Err(invalid("At least one action must be specified"));
    }
    if list.len() > 1 {
        // More than one only makes sense with authentication, which the local cloud does not have.
        return Err(Fault::new(400, "InvalidLoadBalancerAction", "The local cloud takes exactly one action"));
    }
    list.iter().map(|value| read_one(state, value)).collect()
}

fn read_one(state: &State, value: &Value) -> Result<Action, Fault> {
    let order = member(value, "Order").and_then(|order| order.parse().ok());
    let kind = member(value, "Type").unwrap_or_default();
    let kind = match kind.as_str() {
        "forward" => forward(state, value)?,
        "redirect" => redirect(value)?,
        "fixed-response" => {
            let status =
                member(value, "FixedResponseConfig.StatusCode").and_then(|status| status.parse().ok());
            let status = status.filter(|status| (200..600).contains(status));
            Kind::Fixed {
                status: status
                    .ok_or_else(|| invalid("A fixed response needs a status code of 2XX, 4XX or 5XX"))?,
                content_type: member(value, "FixedResponseConfig.ContentType"),
                body: member(value, "FixedResponseConfig.MessageBody"),
            }
        }
        other => {
            let message = format!("The local cloud does not have the action type '{other}'");
            return Err(Fault::new(400, "InvalidLoadBalancerAction", message));
        }
    };
    Ok(Action { order, kind })
}

fn forward(state: &State, value: &Value) -> Result<Kind, Fault> {
    let weighted = |tuple: &Value| {
        let weight = member(tuple, "Weight").and_then(|weight| weight.parse().ok()).unwrap_or(1);
        Some(Weighted { group: member(tuple, "TargetGroupArn")?, weight })
    };
    let mut groups: Vec<Weighted> =
        elements(value, "ForwardConfig.TargetGroups").iter().filter_map(weighted).collect();
    if groups.is_empty() {
        groups.extend(member(value, "TargetGroupArn").map(|group| Weighted { group, weight: 1 }));
    }
    if groups.is_empty() {
        return Err(Fault::new(400, "InvalidLoadBalancerAction", "A target group ARN must be specified"));
    }
    if let Some(weighted) = groups.iter().find(|w| !state.elbv2.target_groups.contains_key(&w.group)) {
        let message = format!("One or more target groups not found: '{}'", weighted.group);
        return Err(Fault::new(400, "TargetGroupNotFound", message));
    }
    let enabled = member(value, "ForwardConfig.TargetGroupStickinessConfig.Enabled");
    let seconds = member(value, "ForwardConfig.TargetGroupStickinessConfig.DurationSeconds");
    let sticky =
        (enabled.as_deref() == Some("true")).then(|| seconds.and_then(|s| s.parse().ok()).unwrap_or(3_600));
    Ok(Kind::Forward { groups, sticky })
}

fn redirect(value: &Value) -> Result<Kind, Fault> {
    let part = |name: &str, default: &str| {
        member(value, &format!("RedirectConfig.{name}")).unwrap_or_else(|| default.to_owned())
    };
    let redirect = Redirect {
        protocol: part("Protocol", "#{protocol}"),
        host: part("Host", "#{host}"),
        port: part("Port", "#{port}"),
        path: part("Path", "/#{path}"),
        query: part("Query", "#{query}"),
        status: match part("StatusCode", "").as_str() {
            "HTTP_301" => 301,
            "HTTP_302" => 302,
            _ => return Err(invalid("The redirect needs the status code HTTP_301 or HTTP_302")),
        },
    };
    let parts = [&redirect.protocol, &redirect.host, &redirect.port, &redirect.path, &redirect.query];
    let unchanged =
        parts.iter().zip(["#{protocol}", "#{host}", "#{port}", "/#{path}", "#{query}"]).all(|(a, b)| *a == b);
    if unchanged {
        let message = "At least one of the following components must be changed to avoid a redirect loop: protocol, host, port, path";
        return Err(Fault::new(400, "InvalidLoadBalancerAction", message));
    }
    Ok(Kind::Redirect(redirect))
}

/// An action as AWS shows it.
pub(super) fn show(action: &Action) -> Vec<Element> {
    let mut children = Vec::new();
    let text = |name: &str, value: &str| Element::text(name, value);
    match &action.kind {
        Kind::Forward { groups, sticky } => {
            children.push(text("Type", "forward"));
            if let [only] = groups.as_slice() {
                children.push(text("TargetGroupArn", &only.group));
            }
            let list = groups
                .iter()
                .map(|w| vec![Element::text("TargetGroupArn", &w.group), Element::text("Weight", w.weight)]);
            let mut stickiness = vec![Element::text("Enabled", sticky.is_some())];
            stickiness.extend(sticky.map(|seconds| Element::text("DurationSeconds", seconds)));
            children.push(Element::new(
                "ForwardConfig",
                vec![
                    Element::list("TargetGroups", "member", list),
                    Element::new("TargetGroupStickinessConfig", stickiness),
                ],
            ));
        }
        Kind::Redirect(redirect) => {
            children.push(text("Type", "redirect"));
            children.push(Element::new(
                "RedirectConfig",
                vec![
                    text("Protocol", &redirect.protocol),
                    text("Port", &redirect.port),
                    text("Host", &redirect.host),
                    text("Path", &redirect.path),
                    text("Query", &redirect.query),
                    Element::text("StatusCode", format!("HTTP_{}", redirect.status)),
                ],
            ));
        }
        Kind::Fixed { status, content_type, body } => {
            children.push(text("Type", "fixed-response"));
            let mut config = vec![Element::text("StatusCode", status)];
            config.extend(content_type.as_ref().map(|kind| Element::text("ContentType", kind)));
            config.extend(body.as_ref().map(|body| Element::text("MessageBody", body)));
            children.push(Element::new("FixedResponseConfig", config));
        }
    }
    children.extend(action.order.map(|order| Element::text("Order", order)));
    children
}
