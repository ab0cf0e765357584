//! The rules of security groups.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::filters::{Described, page, select, tag_set, tag_specification, wanted};
use super::{Region, done, refuse};
use crate::local::common::{self, Tags};
use crate::local::{ACCOUNT, Call, Cx, Element, Fault, State};

/// How many rules a group may have in each direction.
const MOST: usize = 60;

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// IPv4 addresses.
    Cidr4(String),
    /// IPv6 addresses.
    Cidr6(String),
    /// A list of addresses, `pl-…`.
    PrefixList(String),
    /// Whatever wears a group.
    Group(String),
}

/// A rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// `sgr-…`
    pub id: String,
    /// Whether it is about what leaves.
    pub egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `-1` for all, or a number.
    pub protocol: String,
    /// The first port, or -1.
    pub from: i64,
    /// The last port, or -1.
    pub to: i64,
    /// The other side.
    pub source: Source,
    /// What it is for.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

impl Rule {
    pub(super) fn new(id: String, egress: bool, protocol: &str, from: i64, to: i64, source: Source) -> Self {
        let protocol = protocol.to_owned();
        Self { id, egress, protocol, from, to, source, description: None, tags: Tags::new() }
    }

    /// Whether two rules are the same one to EC2; descriptions do not matter.
    fn same(&self, other: &Self) -> bool {
        (self.egress, &self.protocol, self.from, self.to, &self.source)
            == (other.egress, &other.protocol, other.from, other.to, &other.source)
    }

    fn peer(&self) -> &str {
        match &self.source {
            Source::Cidr4(text) | Source::Cidr6(text) | Source::PrefixList(text) | Source::Group(text) => {
                text
            }
        }
    }

    /// As EC2 says it when it complains.
    fn words(&self) -> String {
        let protocol = if self.protocol == "-1" { "ALL".to_owned() } else { self.protocol.to_uppercase() };
        let ports = match self.protocol.as_str() {
            "-1" => String::new(),
            _ => format!(", from port: {}, to port: {}", self.from, self.to),
        };
        format!("peer: {}, {protocol}{ports}, ALLOW", self.peer())
    }

    pub(super) fn filter_of_group(&self, name: &str) -> Option<Vec<String>> {
        let only = |wanted: bool| if wanted { vec![self.peer().to_owned()] } else { vec![] };
        Some(match name {
            "cidr" => only(matches!(self.source, Source::Cidr4(_))),
            "ipv6-cidr" => only(matches!(self.source, Source::Cidr6(_))),
            "group-id" => only(matches!(self.source, Source::Group(_))),
            "prefix-list-id" => only(matches!(self.source, Source::PrefixList(_))),
            "protocol" => vec![self.protocol.clone()],
            "from-port" => vec![self.from.to_string()],
            "to-port" => vec![self.to.to_string()],
            "user-id" => vec![ACCOUNT.to_owned()],
            _ => return None,
        })
    }

    fn element(&self, cx: &Cx, group: &str, vpc: &str) -> Vec<Element> {
        let mut members = vec![
            Element::text("securityGroupRuleId", &self.id),
            Element::text("groupId", group),
            Element::text("groupOwnerId", ACCOUNT),
            Element::text("isEgress", self.egress),
            Element::text("ipProtocol", &self.protocol),
            Element::text("fromPort", self.from),
            Element::text("toPort", self.to),
        ];
        members.push(match &self.source {
            Source::Cidr4(cidr) => Element::text("cidrIpv4", cidr),
            Source::Cidr6(cidr) => Element::text("cidrIpv6", cidr),
            Source::PrefixList(id) => Element::text("prefixListId", id),
            Source::Group(id) => Element::new(
                "referencedGroupInfo",
                vec![
                    Element::text("groupId", id),
                    Element::text("userId", ACCOUNT),
                    Element::text("vpcId", vpc),
                ],
            ),
        });
        members.extend(self.description.as_ref().map(|text| Element::text("description", text)));
        members.push(tag_set(&self.tags));
        let arn = common::arn(cx, "ec2", &format!("security-group-rule/{}", self.id));
        members.push(Element::text("securityGroupRuleArn", arn));
        members
    }
}

/// Rules as `DescribeSecurityGroups` has them: those with the same protocol and ports together.
pub fn permissions<'a>(name: &str, rules: impl Iterator<Item = &'a Rule>) -> Element {
    let mut together: IndexMap<(&str, i64, i64), Vec<&Rule>> = IndexMap::new();
    for rule in rules {
        together.entry((&rule.protocol, rule.from, rule.to)).or_default().push(rule);
    }
    let items = together.into_iter().map(|((protocol, from, to), rules)| {
        let mut members = vec![Element::text("ipProtocol", protocol)];
        if protocol != "-1" {
            members.extend([Element::text("fromPort", from), Element::text("toPort", to)]);
        }
        let of = |list: &str, member: &str, wanted: fn(&Source) -> bool| {
            let items = rules.iter().filter(|rule| wanted(&rule.source)).map(|rule| {
                let mut item = vec![Element::text(member, rule.peer())];
                if member == "groupId" {
                    item.insert(0, Element::text("userId", ACCOUNT));
                }
                item.extend(rule.description.as_ref().map(|text| Element::text("description", text)));
                item
            });
            Element::list(list, "item", items)
        };
        members.extend([
            of("groups", "groupId", |source| matches!(source, Source::Group(_))),
            of("ipRanges", "cidrIp", |source| matches!(source, Source::Cidr4(_))),
            of("ipv6Ranges", "cidrIpv6", |source| matches!(source, Source::Cidr6(_))),
            of("prefixListIds", "prefixListId", |source| matches!(source, Source::PrefixList(_))),
        ]);
        members
    });
    Element::list(name, "item", items)
}

/// The rules that a request means, without ids: `IpPermissions`, or the old parameters for a single one.
fn requested(region: &Region, call: &Call, egress: bool) -> Result<Vec<Rule>, Fault> {
    let mut permissions = call.list("IpPermissions");
    if permissions.is_empty() && call.text("IpProtocol").is_some() {
        permissions.push(old_style(call));
    }
    let mut rules = Vec::new();
    for permission in &permissions {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let port = |name: &str| text(permission, name).map(|port| port.parse::<i64>()).transpose();
        let malformed =
            |_| Fault::new(400, "InvalidParameterValue", "Invalid value for portRange. Must be a number");
        let (from, to) = (port("FromPort").map_err(malformed)?, port("ToPort").map_err(malformed)?);
        let protocol = text(permission, "IpProtocol").unwrap_or_default();
        let (protocol, from, to) = check_ports(&protocol, from, to)?;
        let before = rules.len();
        for (list, member) in [
            ("Groups", "GroupId"),
            ("IpRanges", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6"),
            ("PrefixListIds", "PrefixListId"),
        ] {
            for item in permission.get(list).and_then(Value::as_array).into_iter().flatten() {
                let name = text(item, "GroupName").filter(|_| list == "Groups");
                let by_name =
                    || region.groups.values().find(|g| Some(&g.name) == name.as_ref()).map(|g| g.id.clone());
                let peer = text(item, member).or_else(by_name).or(name).unwrap_or_default();
                let mut rule =
                    Rule::new(String::new(), egress, &protocol, from, to, source(region, list, &peer)?);
                rule.description = text(item, "Description").filter(|text| !text.is_empty());
                rules.push(rule);
            }
        }
        if rules.len() == before {
            return refuse(
                "MissingParameter",
                "The request must contain a CIDR block, a prefix list or a security group for each permission",
            );
        }
    }
    Ok(rules)
}

fn old_style(call: &Call) -> Value {
    let text = |name: &str| call.text(name).map_or(Value::Null, Value::String);
    let mut permission = serde_json::json!({
        "IpProtocol": text("IpProtocol"), "FromPort": text("FromPort"), "ToPort": text("ToPort"),
    });
    if let Value::Object(members) = &mut permission {
        if call.text("CidrIp").is_some() {
            members.insert("IpRanges".to_owned(), serde_json::json!([{ "CidrIp": text("CidrIp") }]));
        }
        if call.text("SourceSecurityGroupName").is_some() {
            let group = serde_json::json!([{ "GroupName": text("SourceSecurityGroupName") }]);
            members.insert("Groups".to_owned(), group);
        }
    }
    permission
}

fn source(region: &Region, list: &str, peer: &str) -> Result<Source, Fault> {
    let malformed = || Fault::new(400, "InvalidParameterValue", format!("CIDR block {peer} is malformed"));
    match list {
        "Groups" if region.groups.contains_key(peer) => Ok(Source::Group(peer.to_owned())),
        "Groups" => refuse("InvalidGroup.NotFound", format!("The security group '{peer}' does not exist")),
        // EC2 keeps the network's address, whatever address of it was said.
        "IpRanges" => peer
            .parse::<ipnet::Ipv4Net>()
            .map(|cidr| Source::Cidr4(cidr.trunc().to_string()))
            .map_err(|_| malformed()),
        "Ipv6Ranges" => peer
            .parse::<ipnet::Ipv6Net>()
            .map(|cidr| Source::Cidr6(cidr.trunc().to_string()))
            .map_err(|_| malformed()),
        _ if peer.starts_with("pl-") => Ok(Source::PrefixList(peer.to_owned())),
        _ => refuse("InvalidPrefixListId.Malformed", format!("Invalid id: \"{peer}\"")),
    }
}

fn check_ports(protocol: &str, from: Option<i64>, to: Option<i64>) -> Result<(String, i64, i64), Fault> {
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "-1" | "all" => return Ok(("-1".to_owned(), -1, -1)),
        "6" | "tcp" => "tcp",
        "17" | "udp" => "udp",
        "1" | "icmp" => "icmp",
        "58" | "icmpv6" => "icmpv6",
        other => match other.parse::<u8>() {
            Ok(number) => return Ok((number.to_string(), -1, -1)),
            Err(_) => {
                return refuse(
                    "InvalidParameterValue",
                    format!("Invalid value '{protocol}' for IP protocol. Unknown protocol."),
                );
            }
        },
    };
    let (Some(from), Some(to)) = (from, to) else {
        return refuse(
            "InvalidParameterValue",
            "Invalid value for portRange. Must specify both from and to ports.",
        );
    };
    if protocol.starts_with("icmp") {
        return Ok((protocol.to_owned(), from, to));
    }
    if !(0..=65535).contains(&from) || !(0..=65535).contains(&to) {
        return refuse(
            "InvalidParameterValue",
            format!(
                "Invalid value '{}' for portRange. Must be between 0 and 65535.",
                from.min(to).min(0).max(to)
            ),
        );
    }
    if from > to {
        let name = protocol.to_uppercase();
        return refuse("InvalidParameterValue", format!("Invalid {name} port range ({from}-{to})"));
    }
    Ok((protocol.to_owned(), from, to))
}

pub fn authorize(state: &mut State, cx: &Cx, call: &Call, egress: bool) -> Result<Vec<Element>, Fault> {
    let tags = tag_specification(call, "security-group-rule")?;
    let region = state.ec2.region(&cx.region);
    let id = region.group_of(call)?;
    region.group(&id)?;
    let mut rules = requested(region, call, egress)?;
    if rules.is_empty() {
        return refuse("MissingParameter", "The request must contain the parameter ipPermissions");
    }
    let group = region.group(&id)?;
    for (at, rule) in rules.iter().enumerate() {
        let twice = rules.iter().take(at).any(|other| other.same(rule));
        if twice || group.rules.iter().any(|other| other.same(rule)) {
            let code = if twice { "InvalidParameterValue" } else { "InvalidPermission.Duplicate" };
            return refuse(code, format!("the specified rule \"{}\" already exists", rule.words()));
        }
    }
    if group.rules.iter().filter(|rule| rule.egress == egress).count() + rules.len() > MOST {
        return refuse(
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
        );
    }
    for rule in &mut rules {
        rule.id = state.id("sgr");
        rule.tags = tags.clone();
    }
    let group = state.ec2.region(&cx.region).group(&id)?;
    let elements = rules.iter().map(|rule| rule.element(cx, &group.id, &group.vpc)).collect::<Vec<_>>();
    group.rules.extend(rules);
    Ok(vec![done(), Element::list("securityGroupRuleSet", "item", elements)])
}

pub fn revoke(state: &mut State, cx: &Cx, call: &Call, egress: bool) -> Result<Vec<Element>, Fault> {
    let region = state.ec2.region(&cx.region);
    let id = region.group_of(call)?;
    region.group(&id)?;
    let ids = call.texts("SecurityGroupRuleId");
    let rules = requested(region, call, egress)?;
    let group = region.group(&id)?;
    let mut gone = Vec::new();
    for id in &ids {
        match group.rules.iter().find(|rule| rule.id == *id && rule.egress == egress) {
            Some(rule) => gone.push(rule.clone()),
            None => {
                return refuse(
                    "InvalidSecurityGroupRuleId.NotFound",
                    format!("The security group rule ID '{id}' does not exist"),
                );
            }
        }
    }
    for rule in &rules {
        match group.rules.iter().find(|existing| existing.same(rule)) {
            Some(existing) => gone.push(existing.clone()),
            None => {
                return refuse(
                    "InvalidPermission.NotFound",
                    "The specified rule does not exist in this security group.",
                );
            }
        }
    }
    if gone.is_empty() {
        return refuse(
            "MissingParameter",
            "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.",
        );
    }
    group.rules.retain(|rule| !gone.iter().any(|gone| gone.id == rule.id));
    let items = gone.iter().map(|rule| {
        let mut members = vec![
            Element::text("securityGroupRuleId", &rule.id),
            Element::text("groupId", &id),
            Element::text("isEgress", rule.egress),
            Element::text("ipProtocol", &rule.protocol),
            Element::text("fromPort", rule.from),
            Element::text("toPort", rule.to),
        ];
        let peer = match rule.source {
            Source::Cidr4(_) => "cidrIpv4",
            Source::Cidr6(_) => "cidrIpv6",
            Source::PrefixList(_) => "prefixListId",
            Source::Group(_) => "referencedGroupId",
        };
        members.push(Element::text(peer, rule.peer()));
        members
    });
    Ok(vec![done(), Element::list("revokedSecurityGroupRuleSet", "item", items)])
}

pub fn modify(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let id = call.required("GroupId")?;
    let region = state.ec2.region(&cx.region);
    region.group(&id)?;
    let updates = call.list("SecurityGroupRule");
    if updates.is_empty() {
        return refuse("MissingParameter", "The request must contain the parameter SecurityGroupRule");
    }
    let mut changed = region.group(&id)?.rules.clone();
    for update in &updates {
        let rule_id = update.get("SecurityGroupRuleId").and_then(Value::as_str).unwrap_or_default();
        let Some(rule) = changed.iter_mut().find(|rule| rule.id == rule_id) else {
            return refuse(
                "InvalidSecurityGroupRuleId.NotFound",
                format!("The security group rule ID '{rule_id}' does not exist"),
            );
        };
        modify_rule(region, rule, update.get("SecurityGroupRule").unwrap_or(&Value::Null))?;
        let rule = rule.clone();
        if changed.iter().any(|other| other.id != rule.id && other.same(&rule)) {
            return refuse(
                "InvalidPermission.Duplicate",
                format!("the specified rule \"{}\" already exists", rule.words()),
            );
        }
    }
    region.group(&id)?.rules = changed;
    Ok(vec![done()])
}

/// Brings a rule to what a request says of it: the whole of it, but for its direction and the type of its source.
fn modify_rule(region: &Region, rule: &mut Rule, wanted: &Value) -> Result<(), Fault> {
    let text = |name: &str| wanted.get(name).and_then(Value::as_str);
    let port = |name: &str| text(name).and_then(|port| port.parse::<i64>().ok());
    let protocol = text("IpProtocol").unwrap_or(&rule.protocol).to_owned();
    let (protocol, from, to) = check_ports(&protocol, port("FromPort"), port("ToPort"))?;
    let peers = [
        ("CidrIpv4", "IpRanges"),
        ("CidrIpv6", "Ipv6Ranges"),
        ("PrefixListId", "PrefixListIds"),
        ("ReferencedGroupId", "Groups"),
    ];
    let given = peers.iter().find_map(|(member, list)| Some((list, text(member)?)));
    let Some((list, peer)) = given else {
        return refuse("MissingParameter", "The request must contain the source or destination of the rule");
    };
    let source = source(region, list, peer)?;
    if std::mem::discriminant(&source) != std::mem::discriminant(&rule.source) {
        return refuse(
            "InvalidParameterValue",
            format!("The type of the source or destination of the rule '{}' cannot be changed", rule.id),
        );
    }
    (rule.protocol, rule.from, rule.to, rule.source) = (protocol, from, to, source);
    rule.description = text("Description").filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(())
}

/// A rule with the group that it belongs to.
struct Placed {
    rule: Rule,
    group: String,
    vpc: String,
}

impl Described for Placed {
    fn filter(&self, name: &str) -> Option<Vec<String>> {
        let value = match name {
            "group-id" => self.group.clone(),
            "security-group-rule-id" => self.rule.id.clone(),
            "is-egress" => self.rule.egress.to_string(),
            _ => return None,
        };
        Some(vec![value])
    }

    fn tags(&self) -> &Tags {
        &self.rule.tags
    }
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let region = state.ec2.region(&cx.region);
    let placed = region.groups.values().flat_map(|group| {
        group.rules.iter().map(|rule| Placed {
            rule: rule.clone(),
            group: group.id.clone(),
            vpc: group.vpc.clone(),
        })
    });
    let all: Vec<Placed> = placed.collect();
    let known = |id: &str| all.iter().any(|placed| placed.rule.id == id);
    let code = "InvalidSecurityGroupRuleId.NotFound";
    let ids = wanted(call, "SecurityGroupRuleId", known, code, "security group rule ID")?;
    let asked = |placed: &Placed| ids.as_ref().is_none_or(|ids| ids.contains(&placed.rule.id));
    let (rules, next) = page(call, select(call, all.into_iter().filter(asked).collect())?)?;
    let items = rules.iter().map(|placed| placed.rule.element(cx, &placed.group, &placed.vpc));
    let list = Element::list("securityGroupRuleSet", "item", items);
    Ok([list].into_iter().chain(next).collect())
}
