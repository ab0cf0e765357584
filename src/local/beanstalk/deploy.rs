//! Deployments: the five policies, batch by batch.
//!
//! Durations and texts are those of field logs of 2022 to 2026 with three instances: all at once 1m19s, rolling 2m40s a
//! batch, immutable 18m10s.

use super::health::fits_health;
use super::options::{COMMAND, SPLITTING};
use super::resources;
use super::timeline::{Plan, Step};
use super::{Environment, Settings};
use crate::local::State;

/// How a version turns out on an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Well.
    Good,
    /// It runs but does not pass the health checks.
    Unhealthy,
    /// It cannot be put in place.
    Broken,
}

/// A deployment.
#[derive(Clone, Debug)]
pub(super) struct Rollout {
    pub(super) label: Option<String>,
    pub(super) deployment: u64,
    pub(super) outcome: Outcome,
    /// The instances that run when it starts.
    pub(super) ids: Vec<String>,
    batch: usize,
    drain: i64,
    /// Seconds from registration until a good instance counts as healthy.
    healthy: i64,
    timeout: i64,
    ignore: bool,
}

impl Rollout {
    pub(super) fn new(
        state: &State,
        environment: &Environment,
        settings: &Settings,
        label: Option<String>,
        now: i64,
    ) -> Self {
        let ids: Vec<String> = environment.present(now).map(|instance| instance.id.clone()).collect();
        let interval = settings.process_int("default", "HealthCheckInterval");
        let balanced = settings.balanced();
        Self {
            outcome: outcome(state, environment, settings, label.as_deref()),
            label,
            deployment: environment.deployment + 1,
            batch: batch_size(settings, ids.len()),
            ids,
            drain: if balanced { settings.process_int("default", "DeregistrationDelay") } else { 0 },
            // Enhanced health wants twelve good checks in a row, ten seconds apart.
            healthy: if settings.enhanced() { 130.max(interval) } else { interval + 5 },
            timeout: settings.int(COMMAND, "Timeout").unwrap_or(600) + 240,
            ignore: settings.flag(COMMAND, "IgnoreHealthCheck"),
        }
    }

    /// Whether the health checks stop it.
    fn stops(&self) -> bool {
        self.outcome == Outcome::Unhealthy && !self.ignore
    }

    fn run(&self, ids: &[String]) -> Step {
        Step::Run { ids: ids.to_vec(), label: self.label.clone(), deployment: self.deployment }
    }
}

/// How many instances a batch has.
pub(super) fn batch_size(settings: &Settings, instances: usize) -> usize {
    let size = usize::try_from(settings.int(COMMAND, "BatchSize").unwrap_or(100)).unwrap_or(100);
    let batch = match settings.value(COMMAND, "BatchSizeType") {
        // Rounding is not documented; a larger batch is the worse case.
        Some("Percentage") => (instances * size).div_ceil(100),
        _ => size,
    };
    batch.clamp(1, instances.max(1))
}

/// How a version turns out: whether its bundle can be unpacked, and what it answers to the health checks.
pub(super) fn outcome(
    state: &State,
    environment: &Environment,
    settings: &Settings,
    label: Option<&str>,
) -> Outcome {
    let version = label.map(|label| state.beanstalk.version(environment, label));
    if let Some(Some(version)) = version
        && let Some(bundle) = &version.bundle
        && !bundle.archive
    {
        return Outcome::Broken;
    }
    if matches!(version, Some(None)) {
        return Outcome::Broken;
    }
    if fits_health(state, environment, settings, label) { Outcome::Good } else { Outcome::Unhealthy }
}

/// `i-1, i-2`
fn list(ids: &[String]) -> String {
    ids.join(", ")
}

/// `'i-1, i-2'`
fn quoted(ids: &[String]) -> String {
    format!("'{}'", ids.join(", "))
}

/// Plans a deployment by the settings' policy. Gives whether it will succeed.
pub(super) fn plan(
    state: &mut State,
    index: usize,
    settings: &Settings,
    rollout: &Rollout,
    plan: &mut Plan,
) -> bool {
    let policy = match settings.value(COMMAND, "DeploymentPolicy").unwrap_or("AllAtOnce") {
        // Of a single instance there are no batches.
        policy if settings.balanced() || policy == "Immutable" => policy,
        _ => "AllAtOnce",
    };
    match policy {
        "Rolling" => rolling(rollout, plan),
        "RollingWithAdditionalBatch" => additional_batch(state, index, rollout, plan),
        "Immutable" => immutable(state, index, rollout, plan),
        "TrafficSplitting" => {
            let percent = settings.int(SPLITTING, "NewVersionPercent").unwrap_or(10);
            let minutes = settings.int(SPLITTING, "EvaluationTime").unwrap_or(5);
            let percent = u32::try_from(percent).unwrap_or(10);
            traffic_splitting(state, index, rollout, percent, minutes, plan)
        }
        _ => all_at_once(rollout, plan),
    }
}

/// Ends a deployment that went well.
fn deployed(rollout: &Rollout, plan: &mut Plan) -> bool {
    plan.step(Step::Version(rollout.label.clone(), rollout.deployment));
    plan.info("New application version was deployed to running EC2 instances.");
    true
}

/// Ends a deployment that was given up.
fn aborted(plan: &mut Plan) -> bool {
    plan.error("Failed to deploy application.");
    plan.error(
        "During an aborted deployment, some instances may have deployed the new application version. To ensure all instances are running the same version, re-deploy the appropriate application version.",
    );
    false
}

/// The command fails on these instances: the bundle cannot be unpacked, so what ran goes on.
fn command_fails(rollout: &Rollout, ids: &[String], plan: &mut Plan) {
    plan.wait(3);
    plan.error("Instance deployment failed. For details, see 'eb-engine.log'.");
    plan.step(Step::Failed { ids: ids.to_vec(), deployment: rollout.deployment });
    plan.wait(4);
    for id in ids {
        plan.error(format!(
            "[Instance: {id}] Command failed on instance. Return code: 1 Output: Engine execution has encountered an error.."
        ));
    }
    plan.info(format!(
        "Command execution completed on all instances. Summary: [Successful: 0, Failed: {}].",
        ids.len()
    ));
    plan.error(format!(
        "Unsuccessful command execution on instance id(s) {}. Aborting the operation.",
        quoted(ids)
    ));
}

/// Waits as long as Beanstalk waits for instances that do not become healthy.
fn never_healthy(rollout: &Rollout, ids: &[String], plan: &mut Plan) {
    plan.wait(rollout.timeout);
    plan.error(format!(
        "Instance id(s) {} did not pass health check after command execution. Aborting the operation.",
        quoted(ids)
    ));
}

fn all_at_once(rollout: &Rollout, plan: &mut Plan) -> bool {
    let ids = &rollout.ids;
    plan.wait(44);
    plan.info("Deploying new version to instance(s).");
    plan.wait(4);
    if rollout.outcome == Outcome::Broken {
        command_fails(rollout, ids, plan);
        return aborted(plan);
    }
    plan.step(Step::Stop(ids.clone()));
    plan.wait(7);
    plan.step(rollout.run(ids));
    for _ in ids {
        plan.info("Instance deployment completed successfully.");
    }
    if rollout.stops() {
        never_healthy(rollout, ids, plan);
        return aborted(plan);
    }
    plan.wait(24);
    deployed(rollout, plan)
}

/// One batch of instances that run already. Gives whether it went well.
fn batch(rollout: &Rollout, number: usize, ids: &[String], done: usize, plan: &mut Plan) -> bool {
    let total = rollout.ids.len();
    plan.info(format!("Batch {number}: Starting application deployment on instance(s) [{}].", list(ids)));
    plan.wait(1);
    plan.info(format!("Batch {number}: De-registering instance(s) from the load balancer and waiting for them to go out of service."));
    plan.step(Step::Deregister(ids.to_vec()));
    plan.wait(rollout.drain);
    plan.info(format!("Batch {number}: Starting application deployment command execution."));
    if rollout.outcome == Outcome::Broken {
        command_fails(rollout, ids, plan);
        plan.step(Step::Register(ids.to_vec()));
        return false;
    }
    plan.step(Step::Stop(ids.to_vec()));
    plan.wait(5);
    plan.step(rollout.run(ids));
    plan.info("Instance deployment completed successfully.");
    plan.wait(4);
    plan.info(format!("Batch {number}: Completed application deployment command execution."));
    plan.info(format!(
        "Command execution completed on {} of {total} instances in environment.",
        done + ids.len()
    ));
    plan.info(format!(
        "Batch {number}: Registering instance(s) with the load balancer and waiting for them to be healthy. "
    ));
    plan.step(Step::Register(ids.to_vec()));
    if rollout.stops() {
        never_healthy(rollout, ids, plan);
        return false;
    }
    plan.wait(rollout.healthy);
    plan.info(format!("Batch {number}: Completed application deployment."));
    true
}

/// The instances in batches.
fn batches(rollout: &Rollout, first: usize, plan: &mut Plan) -> bool {
    let numbered = (first..).zip(rollout.ids.chunks(rollout.batch));
    let mut done = 0;
    for (number, ids) in numbered {
        if !batch(rollout, number, ids, done, plan) {
            return false;
        }
        done += ids.len();
    }
    true
}

fn rolling(rollout: &Rollout, plan: &mut Plan) -> bool {
    plan.wait(6);
    plan.info("Deploying new version to instance(s).");
    plan.wait(2);
    if !batches(rollout, 1, plan) {
        return aborted(plan);
    }
    deployed(rollout, plan)
}

fn additional_batch(state: &mut State, index: usize, rollout: &Rollout, plan: &mut Plan) -> bool {
    plan.wait(8);
    plan.info(format!(
        "Rolling with Additional Batch deployment policy enabled. Launching  a new batch of {} additional instance(s).",
        rollout.batch
    ));
    plan.wait(12);
    let extra = launch(state, index, rollout.batch, plan);
    plan.wait(60);
    plan.info(added(&extra));
    plan.info(format!(
        "Batch 1: {} EC2 instance(s) [{}] launched. Deploying application version '{}'.",
        extra.len(),
        list(&extra),
        rollout.label.as_deref().unwrap_or("Sample Application")
    ));
    plan.wait(15);
    if rollout.outcome == Outcome::Broken {
        command_fails(rollout, &extra, plan);
        plan.step(Step::Terminate(extra));
        return aborted(plan);
    }
    plan.step(rollout.run(&extra));
    plan.info("Instance deployment completed successfully.");
    plan.info("Batch 1: Registering instance(s) with the load balancer and waiting for them to be healthy. ");
    plan.step(Step::Register(extra.clone()));
    if rollout.stops() {
        never_healthy(rollout, &extra, plan);
        plan.step(Step::Terminate(extra));
        return aborted(plan);
    }
    plan.wait(rollout.healthy);
    plan.info("Batch 1: Completed application deployment.");
    if !batches(rollout, 2, plan) {
        return aborted(plan);
    }
    plan.info(format!("Terminating excess instance(s): [{}].", list(&extra)));
    plan.step(Step::Deregister(extra.clone()));
    plan.wait(rollout.drain);
    plan.step(Step::Terminate(extra.clone()));
    for id in &extra {
        plan.info(format!("Removed instance [{id}] from your environment."));
    }
    plan.wait(10);
    deployed(rollout, plan)
}

/// `Added instance [i-1] to your environment.`
pub(super) fn added(ids: &[String]) -> String {
    let plural = if ids.len() == 1 { "" } else { "s" };
    format!("Added instance{plural} [{}] to your environment.", list(ids))
}

/// Launches instances at the plan's time.
pub(super) fn launch(state: &mut State, index: usize, count: usize, plan: &Plan) -> Vec<String> {
    (0..count).filter_map(|_| resources::launch(state, index, plan.at)).collect()
}

/// A full set of new instances beside the old ones, first one of them alone.
pub(super) fn immutable(state: &mut State, index: usize, rollout: &Rollout, plan: &mut Plan) -> bool {
    let count = rollout.ids.len().max(1);
    plan.wait(11);
    plan.info(
        "Immutable deployment policy enabled. Launching one instance with the new settings to verify health.",
    );
    let temporary = temporary_group(state, index);
    plan.wait(16);
    plan.info(format!("Created temporary auto scaling group {temporary}."));
    plan.wait(1);
    let mut new = launch(state, index, 1, plan);
    if !new_instances(rollout, &new, &new, plan) {
        plan.step(Step::Terminate(new));
        plan.info(format!("Removed temporary auto scaling group {temporary}."));
        return aborted(plan);
    }
    if count > 1 {
        plan.info("Test instance passed health checks. Launching remaining new instances.");
        plan.wait(10);
        let rest = launch(state, index, count - 1, plan);
        new.extend(rest.clone());
        plan.wait(81);
        plan.step(rollout.run(&rest));
        plan.info(added(&rest));
        plan.wait(30);
        plan.info("Successfully launched all instances.");
        plan.wait(1);
        plan.info(format!("Adding new instance(s) ({}) to the load balancer.", rest.join(",")));
        plan.step(Step::Register(rest));
        plan.wait(1);
        plan.info(format!("Waiting for instance(s) ({}) to pass health checks. ", new.join(",")));
        plan.wait(114);
    }
    replace_with(state, index, rollout, &temporary, plan);
    plan.wait(216);
    deployed(rollout, plan)
}

/// The first of the new instances: launched at the plan's time, put in place, checked. Gives whether it went well.
fn new_instances(rollout: &Rollout, ids: &[String], checked: &[String], plan: &mut Plan) -> bool {
    plan.wait(72);
    if rollout.outcome == Outcome::Broken {
        command_fails(rollout, ids, plan);
        return false;
    }
    plan.step(rollout.run(ids));
    plan.info("Instance deployment completed successfully.");
    plan.wait(3);
    plan.info(format!("Adding new instance(s) ({}) to the load balancer.", ids.join(",")));
    plan.step(Step::Register(ids.to_vec()));
    plan.wait(1);
    plan.info(format!("Waiting for instance(s) ({}) to pass health checks. ", checked.join(",")));
    plan.step_in(51, Step::Event(super::events::Severity::Info, added(ids)));
    if rollout.stops() {
        never_healthy(rollout, ids, plan);
        return false;
    }
    plan.wait(140.max(rollout.healthy));
    true
}

/// The new instances take the place of the old ones.
fn replace_with(state: &State, index: usize, rollout: &Rollout, temporary: &str, plan: &mut Plan) {
    let permanent = state.beanstalk.environments.get(index).map(|e| e.resources.auto_scaling_group.clone());
    plan.info(format!("Detached new instance(s) from temporary auto scaling group {temporary}."));
    plan.wait(3);
    plan.info(format!(
        "Attached new instance(s) to the permanent auto scaling group {}.",
        permanent.unwrap_or_default()
    ));
    plan.wait(27);
    plan.info("Starting post-deployment configuration on new instances.");
    plan.wait(11);
    plan.info("Instance deployment completed successfully.");
    plan.wait(3);
    plan.info("Waiting for post-deployment configuration to complete.");
    plan.wait(94);
    plan.step(Step::Unstoppable);
    plan.info("Deployment succeeded. Terminating old instances and temporary Auto Scaling group.");
    plan.step(Step::Deregister(rollout.ids.clone()));
    plan.wait(75.max(rollout.drain));
    if let Some((first, rest)) = rollout.ids.split_first() {
        plan.step(Step::Terminate(vec![first.clone()]));
        plan.info(format!("Removed instance [{first}] from your environment."));
        plan.wait(180);
        plan.step(Step::Terminate(rest.to_vec()));
        for id in rest {
            plan.info(format!("Removed instance [{id}] from your environment."));
        }
    }
}

fn temporary_group(state: &State, index: usize) -> String {
    let environment = state.beanstalk.environments.get(index);
    let (id, deployment) = environment.map(|e| (e.id.clone(), e.deployment)).unwrap_or_default();
    let suffix = resources::suffix(&format!("{id} {deployment}"), "temporary", 12);
    format!("awseb-{id}-immutable-stack-AWSEBAutoScalingGroup-{suffix}")
}

/// A full set of new instances that gets a share of the traffic for a while. The texts beyond those that it shares with
/// immutable deployments are not from a log.
fn traffic_splitting(
    state: &mut State,
    index: usize,
    rollout: &Rollout,
    percent: u32,
    minutes: i64,
    plan: &mut Plan,
) -> bool {
    let count = rollout.ids.len().max(1);
    plan.wait(11);
    plan.info(format!(
        "Traffic splitting deployment policy enabled. Launching {count} instance(s) with the new version."
    ));
    let temporary = temporary_group(state, index);
    plan.wait(16);
    plan.info(format!("Created temporary auto scaling group {temporary}."));
    plan.wait(1);
    let new = launch(state, index, count, plan);
    plan.wait(72);
    if rollout.outcome == Outcome::Broken {
        command_fails(rollout, &new, plan);
        plan.step(Step::Terminate(new));
        return aborted(plan);
    }
    plan.step(rollout.run(&new));
    for _ in &new {
        plan.info("Instance deployment completed successfully.");
    }
    plan.info(added(&new));
    plan.wait(4);
    plan.info(format!("Waiting for instance(s) ({}) to pass health checks. ", new.join(",")));
    plan.step(Step::Split { ids: new.clone(), percent: 0 });
    if rollout.stops() {
        never_healthy(rollout, &new, plan);
        plan.step(Step::Join(Vec::new()));
        plan.step(Step::Terminate(new));
        plan.info(format!("Removed temporary auto scaling group {temporary}."));
        return aborted(plan);
    }
    plan.wait(140.max(rollout.healthy));
    plan.info(format!(
        "Forwarding {percent} percent of the traffic to the new version for {minutes} minutes."
    ));
    plan.step(Step::Split { ids: new.clone(), percent });
    plan.wait(minutes * 60);
    plan.info("The evaluation of the new version succeeded. Forwarding all traffic to the new version.");
    plan.step(Step::Split { ids: new.clone(), percent: 100 });
    plan.wait(rollout.drain);
    plan.step(Step::Deregister(rollout.ids.clone()));
    plan.step(Step::Join(new.clone()));
    replace_with(state, index, rollout, &temporary, plan);
    plan.wait(30);
    deployed(rollout, plan)
}
