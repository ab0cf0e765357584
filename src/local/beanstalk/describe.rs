//! What is told of environments: themselves, their resources, their settings.

use super::environments::{at, find};
use super::option_list::severity_name;
use super::options::{self, SPECS, Values};
use super::{Environment, Settings, Status, applications, health, refuse};
use crate::local::common::{arn, iso, page};
use crate::local::support::{HOUR, elements, member, optional, parse_time, required};
use crate::local::{Call, Cx, Element, Fault, Reply, State};

/// For how long an environment that is gone is still told of.
const LINGERS: i64 = HOUR;

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Launching => "Launching",
        Status::Updating => "Updating",
        Status::Aborting => "Aborting",
        Status::Ready => "Ready",
        Status::Terminating => "Terminating",
        Status::Terminated => "Terminated",
    }
}

/// The name to which an environment's own name leads: its load balancer's, or its instance's address.
pub(super) fn endpoint(state: &State, environment: &Environment) -> Option<String> {
    let resources = &environment.resources;
    let balancer = resources.load_balancer.as_ref().and_then(|arn| state.elbv2.load_balancers.get(arn));
    balancer.map(|lb| lb.dns.clone()).or_else(|| resources.address.clone())
}

pub(super) fn show(state: &State, cx: &Cx, environment: &Environment) -> Vec<Element> {
    let health = health::assess(state, environment, cx.now);
    let name = format!("environment/{}/{}", environment.application, environment.name);
    let mut children = vec![
        Element::text("EnvironmentName", &environment.name),
        Element::text("EnvironmentId", &environment.id),
        Element::text("ApplicationName", &environment.application),
    ];
    children.extend(optional("VersionLabel", &environment.version));
    children.extend([
        Element::text("SolutionStackName", &environment.stack),
        Element::text("PlatformArn", &environment.platform),
    ]);
    children.extend(optional("Description", &environment.description));
    if cx.now >= environment.named && environment.alive() {
        let endpoint = endpoint(state, environment);
        children.extend(optional("EndpointURL", &endpoint));
        children.push(Element::text("CNAME", &environment.cname));
    }
    children.extend([
        Element::text("DateCreated", iso(environment.created)),
        Element::text("DateUpdated", iso(environment.updated)),
        Element::text("Status", status_name(environment.status)),
        Element::text("AbortableOperationInProgress", environment.abortable),
        Element::text("Health", health.color),
    ]);
    if environment.settings.enhanced() {
        children.push(Element::text("HealthStatus", health.status));
    }
    children.push(tier());
    children.push(Element::new("EnvironmentLinks", Vec::new()));
    children.push(Element::text("EnvironmentArn", arn(cx, "elasticbeanstalk", &name)));
    children
}

fn tier() -> Element {
    let members = [("Name", "WebServer"), ("Type", "Standard"), ("Version", "1.0")];
    Element::new("Tier", members.map(|(name, text)| Element::text(name, text)).to_vec())
}

pub(super) fn environments(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let (ids, names) = (call.texts("EnvironmentIds"), call.texts("EnvironmentNames"));
    let (application, version) = (call.text("ApplicationName"), call.text("VersionLabel"));
    let deleted = call.flag("IncludeDeleted") != Some(false);
    let back = call.text("IncludedDeletedBackTo").and_then(|text| parse_time(&text));
    let back = back.unwrap_or(cx.now - LINGERS);
    let wanted = |e: &&Environment| {
        e.region == cx.region
            && (ids.is_empty() || ids.contains(&e.id))
            && (names.is_empty() || names.contains(&e.name))
            && application.as_ref().is_none_or(|name| *name == e.application)
            && version.as_ref().is_none_or(|label| e.version.as_ref() == Some(label))
            && (e.alive() || (deleted && e.updated > back))
    };
    let found: Vec<&Environment> = state.beanstalk.environments.iter().filter(wanted).collect();
    let max =
        call.int("MaxRecords").and_then(|max| usize::try_from(max).ok()).unwrap_or(1_000).clamp(1, 1_000);
    let Some((found, next)) = page(found, call.text("NextToken").as_deref(), call.page_of(max)) else {
        return refuse("InvalidParameterValue", "The NextToken is not valid");
    };
    let shown = found.into_iter().map(|environment| show(state, cx, environment));
    let mut members = vec![Element::list("Environments", "member", shown)];
    members.extend(next.map(|next| Element::text("NextToken", next)));
    Ok(Reply::Xml(members))
}

pub(super) fn resources(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let environment = at(state, find(state, cx, call)?)?;
    let made = &environment.resources;
    let named = |list: &str, field: &str, names: Vec<String>| {
        Element::list(list, "member", names.into_iter().map(|name| vec![Element::text(field, name)]))
    };
    let instances = environment.present(cx.now).map(|instance| instance.id.clone()).collect();
    let group = Some(made.auto_scaling_group.clone()).filter(|name| !name.is_empty());
    let template = Some(made.launch_template.clone()).filter(|id| !id.is_empty());
    // The load balancer is told of once it can be used.
    let balancer = made
        .load_balancer
        .iter()
        .filter(|arn| state.elbv2.load_balancers.get(*arn).is_some_and(|balancer| balancer.active <= cx.now));
    let children = vec![
        Element::text("EnvironmentName", &environment.name),
        named("AutoScalingGroups", "Name", group.into_iter().collect()),
        named("Instances", "Id", instances),
        Element::new("LaunchConfigurations", Vec::new()),
        named("LaunchTemplates", "Id", template.into_iter().collect()),
        named("LoadBalancers", "Name", balancer.cloned().collect()),
        Element::new("Triggers", Vec::new()),
        Element::new("Queues", Vec::new()),
    ];
    Ok(Reply::Xml(vec![Element::new("EnvironmentResources", children)]))
}

fn setting_set(environment: &Environment, settings: &Settings, status: &str) -> Vec<Element> {
    let own = &environment.resources.instance_group;
    let shown = settings.all().into_iter().map(|(namespace, name, value)| {
        let mut value = value;
        if namespace == options::LAUNCH && name == "SecurityGroups" {
            // Beanstalk's own group comes first.
            let groups = own.iter().cloned().chain(value.as_deref().map(options::split).unwrap_or_default());
            value = Some(groups.collect::<Vec<_>>().join(",")).filter(|list| !list.is_empty());
        }
        let mut children = vec![Element::text("Namespace", namespace), Element::text("OptionName", name)];
        children.extend(optional("Value", &value));
        children
    });
    vec![
        Element::text("SolutionStackName", &environment.stack),
        Element::text("PlatformArn", &environment.platform),
        Element::text("ApplicationName", &environment.application),
        // The model of the `eb` CLI has it, and `eb health` needs it.
        tier(),
        Element::text("EnvironmentName", &environment.name),
        Element::text("DeploymentStatus", status),
        Element::text("DateCreated", iso(environment.created)),
        Element::text("DateUpdated", iso(environment.updated)),
        Element::list("OptionSettings", "member", shown),
    ]
}

pub(super) fn settings(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let application = required(call, "ApplicationName")?;
    applications::find(state, cx, &application)?;
    if let Some(template) = call.text("TemplateName") {
        return refuse(
            "InvalidParameterValue",
            format!("No Configuration Template named '{template}' found."),
        );
    }
    let environment = at(state, find(state, cx, call)?)?;
    let mut sets = vec![setting_set(environment, &environment.settings, "deployed")];
    if let Some(draft) = &environment.draft {
        sets.push(setting_set(environment, draft, "pending"));
    }
    Ok(Reply::Xml(vec![Element::list("ConfigurationSettings", "member", sets)]))
}

pub(super) fn options(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let environment = match call.text("EnvironmentName") {
        Some(_) => Some(at(state, find(state, cx, call)?)?),
        None => None,
    };
    let wanted: Vec<(String, Option<String>)> = elements(&call.params, "Options")
        .iter()
        .map(|option| (member(option, "Namespace").unwrap_or_default(), member(option, "OptionName")))
        .collect();
    // Named options with any name are shown where somebody set them.
    let mut all: Vec<(String, String, &options::Spec)> = Vec::new();
    for spec in SPECS.iter().filter(|spec| spec.name != "*") {
        let place = if spec.namespace.ends_with(':') { "default" } else { "" };
        all.push((format!("{}{place}", spec.namespace), spec.name.to_owned(), spec));
    }
    for (namespace, set) in environment.map(|e| &e.settings.0).into_iter().flatten() {
        for name in set.keys() {
            let known = all.iter().any(|(n, o, _)| n == namespace && o == name);
            if let Some(spec) = options::find(namespace, name).filter(|_| !known) {
                all.push((namespace.clone(), name.clone(), spec));
            }
        }
    }
    let fits = |namespace: &String, name: &String| {
        wanted.is_empty()
            || wanted.iter().any(|(n, o)| n == namespace && o.as_ref().is_none_or(|o| o == name))
    };
    let shown = all.into_iter().filter(|(namespace, name, _)| fits(namespace, name)).map(show_option);
    let mut members: Vec<Element> = environment
        .map(|e| {
            vec![Element::text("SolutionStackName", &e.stack), Element::text("PlatformArn", &e.platform)]
        })
        .unwrap_or_default();
    members.push(Element::list("Options", "member", shown));
    Ok(Reply::Xml(members))
}

fn show_option((namespace, name, spec): (String, String, &options::Spec)) -> Vec<Element> {
    let mut children = vec![Element::text("Namespace", namespace), Element::text("Name", name)];
    children.extend(spec.default.map(|default| Element::text("DefaultValue", default)));
    children.push(Element::text("ChangeSeverity", severity_name(spec.severity)));
    children.push(Element::text("UserDefined", spec.name == "*"));
    children.push(Element::text("ValueType", "Scalar"));
    match &spec.values {
        Values::Choice(choices) => {
            children.push(Element::texts("ValueOptions", "member", choices.iter().copied()))
        }
        Values::Flag => children.push(Element::texts("ValueOptions", "member", ["true", "false"])),
        &Values::Int(low, high) => {
            children.extend([Element::text("MinValue", low), Element::text("MaxValue", high)]);
        }
        Values::Span(_, _) | Values::Any => {}
    }
    children
}

pub(super) fn validate(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let application = required(call, "ApplicationName")?;
    applications::find(state, cx, &application)?;
    let base = match call.text("EnvironmentName") {
        Some(_) => at(state, find(state, cx, call)?)?.settings.clone(),
        None => Settings::default(),
    };
    let mut messages = Vec::new();
    let message = |fault: Fault, option: Option<(String, String)>| {
        let text = fault.message.trim_start_matches("Configuration validation exception: ").to_owned();
        let mut children = vec![Element::text("Message", text), Element::text("Severity", "error")];
        if let Some((namespace, name)) = option {
            children.extend([Element::text("Namespace", namespace), Element::text("OptionName", name)]);
        }
        children
    };
    for setting in elements(&call.params, "OptionSettings") {
        let text = |field: &str| member(setting, field).unwrap_or_default();
        let (namespace, name) = (text("Namespace"), text("OptionName"));
        if let Err(fault) = options::check_one(&namespace, &name, &text("Value")) {
            messages.push(message(fault, Some((namespace, name))));
        }
    }
    if messages.is_empty()
        && let Err(fault) = base.with(&call.params)
    {
        messages.push(message(fault, None));
    }
    Ok(Reply::Xml(vec![Element::list("Messages", "member", messages)]))
}
