//! Configuration updates: what changes in place, what restarts the application, what replaces the instances.

use super::Settings;
use super::deploy::{Outcome, Rollout, immutable, launch, outcome};
use super::options::{Severity, UPDATES};
use super::timeline::{Plan, Step};
use crate::local::State;

/// Seconds from launching an instance until it answers.
const BOOT: i64 = 105;

/// Plans a change of the settings. Gives whether it will succeed.
pub(super) fn plan(
    state: &mut State,
    index: usize,
    settings: &Settings,
    worst: Severity,
    seed: String,
    plan: &mut Plan,
) -> bool {
    let Some(environment) = state.beanstalk.environments.get(index).cloned() else { return false };
    plan.wait(5);
    plan.info(format!("Updating environment {}'s configuration settings.", environment.name));
    plan.wait(20);
    let mut rollout = Rollout::new(state, &environment, settings, environment.version.clone(), plan.at);
    // What runs is well enough to be run again; only the health checks can fail.
    if outcome(state, &environment, settings, environment.version.as_deref()) == Outcome::Broken {
        rollout.outcome = Outcome::Good;
    }
    plan.step(Step::Settings(Box::new(settings.clone()), seed));
    let done = match worst {
        Severity::Instances => replace(state, index, settings, &rollout, plan),
        Severity::Application => {
            plan.wait(5);
            plan.step(Step::Stop(rollout.ids.clone()));
            plan.wait(7);
            plan.step(run(&rollout, &rollout.ids));
            plan.wait(24);
            true
        }
        Severity::None => {
            plan.wait(10);
            true
        }
    };
    if !done {
        return false;
    }
    resize(state, index, settings, worst == Severity::Instances, plan);
    plan.wait(10);
    true
}

fn run(rollout: &Rollout, ids: &[String]) -> Step {
    Step::Run { ids: ids.to_vec(), label: rollout.label.clone(), deployment: rollout.deployment }
}

/// Replaces all instances, as the rolling update policy says.
pub(super) fn replace(
    state: &mut State,
    index: usize,
    settings: &Settings,
    rollout: &Rollout,
    plan: &mut Plan,
) -> bool {
    if settings.value(UPDATES, "RollingUpdateType") == Some("Immutable") {
        let mut rollout = rollout.clone();
        // A changed health check path may well fail here, and then nothing is replaced.
        if rollout.label.is_none() {
            rollout.outcome = Outcome::Good;
        }
        return immutable(state, index, &rollout, plan);
    }
    let rolling = settings.flag(UPDATES, "RollingUpdateEnabled")
        || ["MaxBatchSize", "MinInstancesInService", "PauseTime"]
            .iter()
            .any(|o| settings.given(UPDATES, o).is_some());
    if rolling && settings.balanced() {
        in_batches(state, index, settings, rollout, plan)
    } else {
        at_once(state, index, rollout, plan)
    }
    true
}

/// Without rolling updates all instances end at once: nobody answers until the new ones do.
fn at_once(state: &mut State, index: usize, rollout: &Rollout, plan: &mut Plan) {
    plan.info(format!(
        "Rolling updates are disabled. Terminating {} obsolete instance(s).",
        rollout.ids.len()
    ));
    plan.step(Step::Deregister(rollout.ids.clone()));
    plan.wait(20);
    replace_batch(state, index, rollout, &rollout.ids.clone(), plan);
    plan.wait(30);
}

/// These end, then others are launched in their place.
fn replace_batch(state: &mut State, index: usize, rollout: &Rollout, ids: &[String], plan: &mut Plan) {
    plan.step(Step::Terminate(ids.to_vec()));
    for id in ids {
        plan.info(format!("Removed instance [{id}] from your environment."));
    }
    plan.wait(20);
    let new = launch(state, index, ids.len(), plan);
    plan.wait(60);
    let plural = if new.len() == 1 { "" } else { "s" };
    plan.info(format!("Added instance{plural} [{}] to your environment.", new.join(", ")));
    plan.wait(BOOT - 60);
    plan.step(run(rollout, &new));
    plan.info("Instance deployment completed successfully.");
    plan.step(Step::Register(new));
}

fn in_batches(state: &mut State, index: usize, settings: &Settings, rollout: &Rollout, plan: &mut Plan) {
    let count = rollout.ids.len();
    let number = |option: &str| settings.int(UPDATES, option).and_then(|n| usize::try_from(n).ok());
    let size = settings.size();
    let most = number("MaxBatchSize").unwrap_or_else(|| size.div_ceil(3)).max(1);
    let maximum =
        settings.int(super::options::ASG, "MaxSize").and_then(|n| usize::try_from(n).ok()).unwrap_or(4);
    let stay = number("MinInstancesInService").unwrap_or_else(|| size.min(maximum.saturating_sub(1)));
    // As many as must stay in service do; where that leaves none to replace, Auto Scaling first adds one.
    let batch = most.min(count.saturating_sub(stay)).max(1);
    plan.info(format!(
        "Rolling update initiated. Terminating {count} obsolete instance(s) in batches of {batch}, while keeping at least {stay} instance(s) in service."
    ));
    let spare =
        if count < stay + batch { launch(state, index, stay + batch - count, plan) } else { Vec::new() };
    if !spare.is_empty() {
        plan.wait(BOOT);
        plan.step(run(rollout, &spare));
        plan.step(Step::Register(spare.clone()));
        plan.wait(30);
    }
    let pause = match settings.value(UPDATES, "RollingUpdateType") {
        Some("Health") => 120,
        _ => settings.value(UPDATES, "PauseTime").and_then(super::options::span).unwrap_or(60).max(15),
    };
    // The spare ones are new already: so many fewer are launched at the end.
    let mut ids = rollout.ids.clone();
    let kept = ids.split_off(ids.len().saturating_sub(spare.len()));
    for batch in ids.chunks(batch) {
        plan.info(format!(
            "Terminating instance(s) [{}]; replacing with {} new instance(s).",
            batch.join(", "),
            batch.len()
        ));
        plan.step(Step::Deregister(batch.to_vec()));
        plan.wait(20);
        replace_batch(state, index, rollout, batch, plan);
        plan.wait(pause);
    }
    if !kept.is_empty() {
        plan.info(format!(
            "Terminating instance(s) [{}]; replacing with 0 new instance(s).",
            kept.join(", ")
        ));
        plan.step(Step::Deregister(kept.clone()));
        plan.wait(20);
        plan.step(Step::Terminate(kept));
    }
}

/// Launches or ends instances so that there are as many as the settings say.
fn resize(state: &mut State, index: usize, settings: &Settings, replaced: bool, plan: &mut Plan) {
    let Some(environment) = state.beanstalk.environments.get(index).cloned() else { return };
    let ids: Vec<String> = environment.present(environment.since).map(|i| i.id.clone()).collect();
    let (have, want) = (ids.len(), settings.size());
    let deployment = environment.deployment;
    if want > have {
        let new = launch(state, index, want - have, plan);
        plan.wait(BOOT);
        plan.info(format!("Added instance [{}] to your environment.", new.join(", ")));
        plan.step(Step::Run { ids: new.clone(), label: environment.version.clone(), deployment });
        plan.step(Step::Register(new));
        plan.wait(20);
    }
    let most =
        settings.int(super::options::ASG, "MaxSize").and_then(|n| usize::try_from(n).ok()).unwrap_or(4);
    let most = if settings.balanced() { want.max(most.min(have)) } else { 1 };
    if !replaced && have > most {
        let extra = ids.get(most..).unwrap_or_default().to_vec();
        plan.step(Step::Deregister(extra.clone()));
        plan.wait(20);
        plan.step(Step::Terminate(extra.clone()));
        for id in extra {
            plan.info(format!("Removed instance [{id}] from your environment."));
        }
    }
}
