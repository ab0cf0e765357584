//! Load balancers.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Action, attribute_list, change_attributes, check_name, hosted_zone, invalid, paged, unknown};
use crate::local::common::{SECOND, Tags, arn, iso, spread, tags_at};
use crate::local::support::{member, required};
use crate::local::{Call, Cx, Element, Fault, State, Wearer, neighbours};

/// A load balancer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Its DNS name.
    pub dns: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// `application` or `network`.
    pub kind: String,
    /// Its VPC.
    pub vpc: String,
    /// Its subnets with their zones.
    pub subnets: Vec<(String, String)>,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// `ipv4`, …
    pub ip_type: String,
    /// When it was asked for.
    pub created: i64,
    /// When it can be used.
    pub active: i64,
    /// Attributes.
    pub attributes: IndexMap<String, String>,
    /// Tags.
    pub tags: Tags,
}

/// What is needed to make a load balancer.
#[derive(Clone, Debug)]
pub struct NewLoadBalancer {
    /// Its name.
    pub name: String,
    /// The end of its ARN: sixteen digits.
    pub id: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// `application` or `network`.
    pub kind: String,
    /// Its VPC.
    pub vpc: String,
    /// Its subnets with their zones.
    pub subnets: Vec<(String, String)>,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// When it can be used.
    pub active: i64,
    /// Tags.
    pub tags: Tags,
}

/// Makes a load balancer; gives its ARN.
pub fn insert(state: &mut State, cx: &Cx, new: NewLoadBalancer) -> String {
    let letter = if new.kind == "network" { "net" } else { "app" };
    let arn = arn(cx, "elasticloadbalancing", &format!("loadbalancer/{letter}/{}/{}", new.name, new.id));
    let number = u64::from_str_radix(new.id.get(..8).unwrap_or("1"), 16).unwrap_or(1) % 10_000_000_000;
    let internal = if new.scheme == "internal" { "internal-" } else { "" };
    let attributes = [
        ("access_logs.s3.enabled", "false"),
        ("access_logs.s3.bucket", ""),
        ("access_logs.s3.prefix", ""),
        ("deletion_protection.enabled", "false"),
        ("idle_timeout.timeout_seconds", "60"),
        ("routing.http2.enabled", "true"),
        ("routing.http.drop_invalid_header_fields.enabled", "false"),
        ("routing.http.xff_client_port.enabled", "false"),
        ("routing.http.preserve_host_header.enabled", "false"),
        ("routing.http.xff_header_processing.mode", "append"),
        ("routing.http.desync_mitigation_mode", "defensive"),
        ("client_keep_alive.seconds", "3600"),
        ("load_balancing.cross_zone.enabled", "true"),
        ("waf.fail_open.enabled", "false"),
    ];
    let found = LoadBalancer {
        arn: arn.clone(),
        dns: format!("{internal}{}-{number}.{}.elb.amazonaws.com", new.name, cx.region).to_lowercase(),
        name: new.name,
        region: cx.region.clone(),
        scheme: new.scheme,
        kind: new.kind,
        vpc: new.vpc,
        subnets: new.subnets,
        security_groups: new.security_groups,
        ip_type: "ipv4".to_owned(),
        created: cx.now,
        active: new.active,
        attributes: attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        tags: new.tags,
    };
    state.elbv2.load_balancers.insert(arn.clone(), found);
    arn
}

/// Removes a load balancer with its listeners and rules.
pub fn remove(state: &mut State, arn: &str) {
    let elb = &mut state.elbv2;
    elb.load_balancers.shift_remove(arn);
    elb.listeners.retain(|_, listener| listener.load_balancer != arn);
    let Elbv2Parts { listeners, rules } = Elbv2Parts { listeners: &elb.listeners, rules: &mut elb.rules };
    rules.retain(|_, rule| listeners.contains_key(&rule.listener));
}

struct Elbv2Parts<'a> {
    listeners: &'a IndexMap<String, super::Listener>,
    rules: &'a mut IndexMap<String, super::Rule>,
}

pub(super) fn find<'a>(state: &'a State, arn: &str) -> Result<&'a LoadBalancer, Fault> {
    state.elbv2.load_balancers.get(arn).ok_or_else(|| missing(arn))
}

fn find_mut<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut LoadBalancer, Fault> {
    state.elbv2.load_balancers.get_mut(arn).ok_or_else(|| missing(arn))
}

fn missing(arn: &str) -> Fault {
    if arn.contains(":loadbalancer/") {
        let message = format!("Load balancer '{arn}' not found");
        return Fault::new(400, "LoadBalancerNotFound", message);
    }
    unknown(arn)
}

/// The subnets that a call names, with their zones, and their VPC.
fn subnets(
    state: &mut State,
    cx: &Cx,
    call: &Call,
    kind: &str,
) -> Result<(Vec<(String, String)>, String), Fault> {
    let mut ids = call.texts("Subnets");
    ids.extend(call.list("SubnetMappings").iter().filter_map(|mapping| member(mapping, "SubnetId")));
    let mut found: Vec<(String, String)> = Vec::new();
    let mut vpc = None;
    for id in ids {
        let Some(subnet) = neighbours::subnet(state, &cx.region, &id) else {
            return Err(Fault::new(400, "SubnetNotFound", format!("The subnet ID '{id}' does not exist")));
        };
        if found.iter().any(|(_, zone)| *zone == subnet.zone) {
            let message =
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone";
            return Err(Fault::new(400, "InvalidConfigurationRequest", message));
        }
        if vpc.get_or_insert_with(|| subnet.vpc.clone()) != &subnet.vpc {
            return Err(Fault::new(400, "InvalidSubnet", "All subnets must belong to the same VPC"));
        }
        found.push((id, subnet.zone));
    }
    if found.len() < 2 && kind == "application" {
        return Err(invalid("At least two subnets in two different Availability Zones must be specified"));
    }
    let vpc = vpc.ok_or_else(|| invalid("At least one subnet must be specified"))?;
    Ok((found, vpc))
}

fn check_groups(state: &mut State, cx: &Cx, groups: &[String]) -> Result<(), Fault> {
    match groups.iter().find(|id| neighbours::security_group_id(state, &cx.region, id).is_none()) {
        None => Ok(()),
        Some(id) => {
            Err(Fault::new(400, "InvalidSecurityGroup", format!("Security group '{id}' does not exist")))
        }
    }
}

pub(super) fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = required(call, "Name")?;
    check_name("Load balancer", &name)?;
    if name.starts_with("internal-") {
        return Err(invalid(format!("Load balancer name '{name}' cannot begin with the prefix 'internal-'")));
    }
    let kind = call.text("Type").unwrap_or_else(|| "application".to_owned());
    if !matches!(kind.as_str(), "application" | "network") {
        return Err(invalid(format!("The local cloud has no load balancers of the type '{kind}'")));
    }
    let scheme = call.text("Scheme").unwrap_or_else(|| "internet-facing".to_owned());
    if !matches!(scheme.as_str(), "internet-facing" | "internal") {
        return Err(Fault::new(400, "InvalidScheme", format!("'{scheme}' is not a valid scheme")));
    }
    let (subnets, vpc) = subnets(state, cx, call, &kind)?;
    let mut groups = call.texts("SecurityGroups");
    check_groups(state, cx, &groups)?;
    if groups.is_empty() && kind == "application" {
        groups.extend(neighbours::default_security_group(state, &cx.region, &vpc));
    }
    let same_name = state.elbv2.load_balancers.values().find(|lb| lb.region == cx.region && lb.name == name);
    if let Some(found) = same_name {
        let same = (&found.scheme, &found.kind, &found.subnets, &found.security_groups)
            == (&scheme, &kind, &subnets, &groups);
        if same {
            return Ok(vec![Element::list("LoadBalancers", "member", [show(found, cx.now)])]);
        }
        let message =
            format!("A load balancer with the same name '{name}' exists, but with different settings");
        return Err(Fault::new(400, "DuplicateLoadBalancerName", message));
    }
    let active = cx.now + spread(&name, 120 * SECOND, 200 * SECOND);
    let tags = tags_at(call, "Tags");
    let id = state.hex(16);
    let places: Vec<String> = subnets.iter().map(|(id, _)| id.clone()).collect();
    let (worn, description) = (groups.clone(), format!("ELB app/{name}/{id}"));
    let new = NewLoadBalancer { name, id, scheme, kind, vpc, subnets, security_groups: groups, active, tags };
    let arn = insert(state, cx, new);
    state.attach(cx, &Wearer { name: &arn, description: &description, groups: &worn, subnets: &places });
    let found = find(state, &arn)?;
    Ok(vec![Element::list("LoadBalancers", "member", [show(found, cx.now)])])
}

fn show(lb: &LoadBalancer, now: i64) -> Vec<Element> {
    let zones = lb
        .subnets
        .iter()
        .map(|(subnet, zone)| vec![Element::text("ZoneName", zone), Element::text("SubnetId", subnet)]);
    let code = if now >= lb.active { "active" } else { "provisioning" };
    vec![
        Element::text("LoadBalancerArn", &lb.arn),
        Element::text("DNSName", &lb.dns),
        Element::text("CanonicalHostedZoneId", hosted_zone(&lb.region)),
        Element::text("CreatedTime", iso(lb.created)),
        Element::text("LoadBalancerName", &lb.name),
        Element::text("Scheme", &lb.scheme),
        Element::text("VpcId", &lb.vpc),
        Element::new("State", vec![Element::text("Code", code)]),
        Element::text("Type", &lb.kind),
        Element::list("AvailabilityZones", "member", zones),
        Element::texts("SecurityGroups", "member", &lb.security_groups),
        Element::text("IpAddressType", &lb.ip_type),
    ]
}

pub(super) fn describe(state: &State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let (arns, names) = (call.texts("LoadBalancerArns"), call.texts("Names"));
    for arn in &arns {
        find(state, arn)?;
    }
    let here = |lb: &&LoadBalancer| lb.region == cx.region;
    let all: Vec<&LoadBalancer> = state.elbv2.load_balancers.values().filter(here).collect();
    if let Some(name) = names.iter().find(|name| !all.iter().any(|lb| lb.name == **name)) {
        let message = format!("Load balancers '[{name}]' not found");
        return Err(Fault::new(400, "LoadBalancerNotFound", message));
    }
    let wanted = |lb: &&LoadBalancer| {
        (arns.is_empty() || arns.contains(&lb.arn)) && (names.is_empty() || names.contains(&lb.name))
    };
    let (found, next) = paged(call, all.into_iter().filter(wanted).collect())?;
    let mut members =
        vec![Element::list("LoadBalancers", "member", found.into_iter().map(|lb| show(lb, cx.now)))];
    members.extend(next);
    Ok(members)
}

pub(super) fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "LoadBalancerArn")?;
    // Deleting what is not there succeeds.
    let Some(found) = state.elbv2.load_balancers.get(&arn) else { return Ok(Vec::new()) };
    if found.attributes.get("deletion_protection.enabled").is_some_and(|value| value == "true") {
        let message =
            format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled");
        return Err(Fault::new(400, "OperationNotPermitted", message));
    }
    remove(state, &arn);
    // Its interfaces linger for a few minutes.
    state.detach(cx, &arn, cx.now + spread(&arn, 60 * SECOND, 180 * SECOND));
    Ok(Vec::new())
}

pub(super) fn attributes(state: &State, call: &Call) -> Result<Vec<Element>, Fault> {
    Ok(attribute_list(&find(state, &required(call, "LoadBalancerArn")?)?.attributes))
}

pub(super) fn modify_attributes(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "LoadBalancerArn")?;
    let mut attributes = find(state, &arn)?.attributes.clone();
    change_attributes(&mut attributes, call)?;
    let get = |key: &str| attributes.get(key).map(String::as_str).unwrap_or_default();
    if get("access_logs.s3.enabled") == "true" {
        super::may_log(state, cx, get("access_logs.s3.bucket"), get("access_logs.s3.prefix"))?;
    }
    let shown = attribute_list(&attributes);
    find_mut(state, &arn)?.attributes = attributes;
    Ok(shown)
}

pub(super) fn set_security_groups(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let groups = call.texts("SecurityGroups");
    check_groups(state, cx, &groups)?;
    let arn = required(call, "LoadBalancerArn")?;
    state.regroup(cx, &arn, &groups);
    let found = find_mut(state, &arn)?;
    found.security_groups = groups;
    Ok(vec![Element::texts("SecurityGroupIds", "member", &found.security_groups)])
}

pub(super) fn set_subnets(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "LoadBalancerArn")?;
    let kind = find(state, &arn)?.kind.clone();
    let (subnets, _) = subnets(state, cx, call, &kind)?;
    let found = find_mut(state, &arn)?;
    found.subnets = subnets;
    let zones = found
        .subnets
        .iter()
        .map(|(subnet, zone)| vec![Element::text("ZoneName", zone), Element::text("SubnetId", subnet)]);
    Ok(vec![Element::list("AvailabilityZones", "member", zones)])
}

impl LoadBalancer {
    /// The target groups that its listeners and rules send to.
    pub fn target_groups<'a>(&'a self, state: &'a State) -> impl Iterator<Item = &'a str> {
        let elb = &state.elbv2;
        let mine = elb.listeners.values().filter(|listener| listener.load_balancer == self.arn);
        let groups = |actions: &'a [Action]| actions.iter().flat_map(Action::target_groups);
        let own = mine.clone().flat_map(move |listener| groups(&listener.actions));
        let rules = elb.rules.values();
        let ruled = rules.filter(move |rule| mine.clone().any(|listener| listener.arn == rule.listener));
        own.chain(ruled.flat_map(move |rule| groups(&rule.actions)))
    }
}
