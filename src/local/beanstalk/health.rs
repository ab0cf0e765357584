//! Health: of instances by what they answer and what they run, of environments by their instances.

use super::environments::{at, find};
use super::events::{self, Severity};
use super::{App, Environment, Instance, Settings, Status, refuse};
use crate::local::common::{SECOND, iso};
use crate::local::elbv2::{self, Check, Health};
use crate::local::{Call, Cx, Element, Fault, Reply, State, dataplane};

/// How an environment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assessment {
    /// `Ok`, `Severe`, …
    pub(super) status: &'static str,
    /// `Green`, `Yellow`, `Red`, `Grey`.
    pub(super) color: &'static str,
    /// Why.
    pub(super) causes: Vec<String>,
}

impl Assessment {
    fn new(status: &'static str, causes: Vec<String>) -> Self {
        Self { status, color: color(status), causes }
    }
}

fn color(status: &str) -> &'static str {
    match status {
        "Ok" | "Info" => "Green",
        "Warning" => "Yellow",
        "Degraded" | "Severe" => "Red",
        _ => "Grey",
    }
}

/// Whether a version would pass the health checks of all processes.
pub(super) fn fits_health(
    state: &State,
    environment: &Environment,
    settings: &Settings,
    label: Option<&str>,
) -> bool {
    settings.processes().iter().all(|process| {
        let path = settings.process(process, "HealthCheckPath").unwrap_or("/");
        let matcher = settings.process(process, "MatcherHTTPCode").unwrap_or("200");
        let check = Check { matcher: matcher.to_owned(), ..Check::default() };
        check.accepts(dataplane::app_status(state, environment, label, path))
    })
}

/// How the load balancer finds an instance; the worst of all processes. None when it does not know it.
fn in_balancer(state: &State, environment: &Environment, id: &str, now: i64) -> Option<Health> {
    let groups =
        environment.resources.target_groups.values().chain(environment.resources.split_groups.values());
    let mut found: Option<Health> = None;
    for group in groups.filter_map(|arn| state.elbv2.target_groups.get(arn)) {
        for target in group.targets.iter().filter(|target| target.id == id) {
            let health = elbv2::health(state, group, target, now);
            found = match (found, health) {
                (None | Some(Health::Healthy), health) => Some(health),
                (found, _) => found,
            };
        }
    }
    found
}

/// How an instance is, and why.
fn of_instance(
    state: &State,
    environment: &Environment,
    instance: &Instance,
    now: i64,
) -> (&'static str, Vec<String>) {
    let busy = matches!(environment.status, Status::Updating | Status::Aborting);
    let balanced = environment.resources.load_balancer.is_some();
    match &instance.app {
        App::Booting if instance.failed => ("Degraded", vec!["Command failed on instance.".to_owned()]),
        App::Booting => ("Pending", vec!["Instance initialization is in progress.".to_owned()]),
        App::Stopped => ("Info", vec!["Application update in progress.".to_owned()]),
        App::Running(label) => {
            let wrong = (label.as_deref() != environment.version.as_deref()) && !busy;
            if wrong {
                let name = |label: Option<&str>| label.unwrap_or("Sample Application").to_owned();
                let cause = format!(
                    "Incorrect application version \"{}\" (deployment {}). Expected version \"{}\" (deployment {}).",
                    name(label.as_deref()),
                    instance.deployment,
                    name(environment.version.as_deref()),
                    environment.deployment
                );
                return ("Degraded", vec![cause]);
            }
            match in_balancer(state, environment, &instance.id, now) {
                Some(Health::Unhealthy) => {
                    ("Severe", vec!["ELB health is failing. Process default is not healthy.".to_owned()])
                }
                None if balanced && !busy => {
                    ("Warning", vec!["The instance is not registered with the load balancer.".to_owned()])
                }
                _ if !balanced && !answers_well(state, environment, instance) => {
                    ("Severe", vec!["100.0 % of the requests are failing.".to_owned()])
                }
                _ if instance.failed => ("Degraded", vec!["Application deployment failed.".to_owned()]),
                _ => ("Ok", Vec::new()),
            }
        }
    }
}

fn answers_well(state: &State, environment: &Environment, instance: &Instance) -> bool {
    let label = match &instance.app {
        App::Running(label) => label.as_deref(),
        _ => return false,
    };
    fits_health(state, environment, &environment.settings, label)
}

/// How an environment is at a time.
pub(super) fn assess(state: &State, environment: &Environment, now: i64) -> Assessment {
    match environment.status {
        Status::Launching => return Assessment::new("Pending", launching(environment, now)),
        Status::Terminating | Status::Terminated => return Assessment::new("Unknown", Vec::new()),
        _ => {}
    }
    if let Some(why) = &environment.broken {
        return Assessment::new("Severe", vec![why.clone()]);
    }
    let states: Vec<&str> =
        environment.present(now).map(|instance| of_instance(state, environment, instance, now).0).collect();
    let count = |wanted: &[&str]| states.iter().filter(|status| wanted.contains(status)).count();
    let (total, severe) = (states.len(), count(&["Severe"]));
    let busy = matches!(environment.status, Status::Updating | Status::Aborting);
    let mut causes = Vec::new();
    if busy {
        let seconds = (now - environment.since) / SECOND;
        causes.push(format!("Application update in progress (running for {}).", spoken(seconds)));
    }
    if total == 0 {
        causes.push("There are no instances.".to_owned());
        return Assessment::new("Severe", causes);
    }
    if severe > 0 {
        let which = if severe == total {
            "all instances".to_owned()
        } else {
            format!("{severe} out of {total} instances")
        };
        causes.push(format!("ELB processes are not healthy on {which}."));
        causes.push(format!("ELB health is failing or not available for {which}."));
        // While an update goes on, some unhealthy instances are expected.
        return Assessment::new(if severe == total { "Severe" } else { "Degraded" }, causes);
    }
    let degraded = count(&["Degraded"]);
    if degraded > 0 && !busy {
        let which = if degraded == total {
            "all instances".to_owned()
        } else {
            format!("{degraded} out of {total} instances")
        };
        causes.push(format!(
            "Incorrect application version found on {which}. Expected version \"{}\" (deployment {}).",
            environment.version.as_deref().unwrap_or("Sample Application"),
            environment.deployment
        ));
        return Assessment::new("Degraded", causes);
    }
    if !environment.settings.enhanced() && busy {
        return Assessment { status: "Info", color: "Grey", causes };
    }
    match busy {
        true => Assessment::new("Info", causes),
        false if count(&["Warning"]) > 0 => Assessment::new("Warning", causes),
        false => Assessment::new("Ok", causes),
    }
}

fn launching(environment: &Environment, now: i64) -> Vec<String> {
    let seconds = (now - environment.created) / SECOND;
    let mut causes = vec![format!("Initialization in progress (running for {}).", spoken(seconds))];
    if environment.present(now).next().is_none() {
        causes.push("There are no instances.".to_owned());
    }
    causes
}

/// `52 seconds`, `3 minutes`.
fn spoken(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds} seconds"),
        60..120 => "1 minute".to_owned(),
        _ => format!("{} minutes", seconds / 60),
    }
}

/// Tells of a change of health, as enhanced health does.
pub(super) fn tell(state: &mut State, index: usize, now: i64) {
    let Some(environment) = state.beanstalk.environments.get(index) else { return };
    if !environment.settings.enhanced() || !environment.alive() {
        return;
    }
    let found = assess(state, environment, now);
    if environment.told.as_deref() == Some(found.status) {
        return;
    }
    let environment = environment.clone();
    let mut causes = found.causes.join(" ");
    if found.status == "Ok" && environment.told.as_deref() == Some("Pending") {
        let took = spoken((now - environment.created) / SECOND);
        causes = format!("Initialization completed 1 seconds ago and took {took}.");
    }
    let message = match &environment.told {
        Some(before) => {
            format!("Environment health has transitioned from {before} to {}. {causes}", found.status)
        }
        None => format!("Environment health has transitioned to {}. {causes}", found.status),
    };
    let severity = match found.status {
        "Warning" | "Degraded" | "Severe" => Severity::Warn,
        _ => Severity::Info,
    };
    events::record(state, &environment, now, severity, message.trim_end().to_owned(), false);
    if let Some(environment) = state.beanstalk.environments.get_mut(index) {
        environment.told = Some(found.status.to_owned());
    }
}

fn enhanced<'a>(state: &'a State, cx: &Cx, call: &Call, operation: &str) -> Result<&'a Environment, Fault> {
    let environment = at(state, find(state, cx, call)?)?;
    if environment.settings.enhanced() {
        return Ok(environment);
    }
    refuse("InvalidRequestException", format!("{operation} is not supported."))
}

pub(super) fn describe_environment(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let environment = enhanced(state, cx, call, "DescribeEnvironmentHealth")?;
    let found = assess(state, environment, cx.now);
    let mut counts = [
        ("NoData", 0),
        ("Unknown", 0),
        ("Pending", 0),
        ("Ok", 0),
        ("Info", 0),
        ("Warning", 0),
        ("Degraded", 0),
        ("Severe", 0),
    ];
    for instance in environment.present(cx.now) {
        let (status, _) = of_instance(state, environment, instance, cx.now);
        if let Some((_, count)) = counts.iter_mut().find(|(name, _)| *name == status) {
            *count += 1;
        }
    }
    let status = match environment.status {
        Status::Ready => "Ready",
        Status::Launching => "Launching",
        Status::Updating | Status::Aborting => "Updating",
        Status::Terminating | Status::Terminated => "Terminating",
    };
    Ok(Reply::Xml(vec![
        Element::text("EnvironmentName", &environment.name),
        Element::text("HealthStatus", found.status),
        Element::text("Status", status),
        Element::text("Color", found.color),
        Element::texts("Causes", "member", &found.causes),
        Element::new("ApplicationMetrics", vec![Element::text("RequestCount", 0)]),
        Element::new(
            "InstancesHealth",
            counts.iter().map(|(name, count)| Element::text(name, count)).collect(),
        ),
        Element::text("RefreshedAt", iso(cx.now / (10 * SECOND) * 10 * SECOND)),
    ]))
}

pub(super) fn describe_instances(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let environment = enhanced(state, cx, call, "DescribeInstancesHealth")?;
    let shown = environment.present(cx.now).map(|instance| {
        let (status, causes) = of_instance(state, environment, instance, cx.now);
        let mut children = vec![
            Element::text("InstanceId", &instance.id),
            Element::text("HealthStatus", status),
            Element::text("Color", color(status)),
            Element::texts("Causes", "member", causes),
            Element::text("LaunchedAt", iso(instance.launched)),
            Element::new("ApplicationMetrics", vec![Element::text("RequestCount", 0)]),
        ];
        children.extend(deployment(instance));
        children.extend([
            Element::text("AvailabilityZone", &instance.zone),
            Element::text("InstanceType", &instance.kind),
        ]);
        children
    });
    Ok(Reply::Xml(vec![
        Element::list("InstanceHealthList", "member", shown),
        Element::text("RefreshedAt", iso(cx.now / (10 * SECOND) * 10 * SECOND)),
    ]))
}

fn deployment(instance: &Instance) -> Option<Element> {
    let (label, status) = match &instance.app {
        App::Booting => return None,
        App::Stopped => (None, "In Progress"),
        App::Running(label) => (label.clone(), if instance.failed { "Failed" } else { "Deployed" }),
    };
    let mut children = vec![Element::text("VersionLabel", label.as_deref().unwrap_or("Sample Application"))];
    children.extend([
        Element::text("DeploymentId", instance.deployment),
        Element::text("Status", status),
        Element::text("DeploymentTime", iso(instance.deployed)),
    ]);
    Some(Element::new("Deployment", children))
}
