//! What else can be done with an environment: ending it, stopping an update, restarting, rebuilding, swapping names.

use super::environments::{at, find, find_by, must_be_ready};
use super::timeline::{self, Plan, Step};
use super::{App, Status, create, describe, refuse, resources};
use crate::local::{Call, Cx, Fault, Reply, State, neighbours};

/// Notes that an operation starts.
fn begin(state: &mut State, index: usize, cx: &Cx, status: Status) {
    if let Some(environment) = state.beanstalk.environments.get_mut(index) {
        environment.status = status;
        environment.since = cx.now;
        environment.updated = cx.now;
        environment.request_id = cx.request_id.clone();
        environment.abortable = false;
    }
}

pub(super) fn terminate(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let index = find(state, cx, call)?;
    must_be_ready(at(state, index)?)?;
    start_termination(state, index, cx);
    Ok(Reply::Xml(describe::show(state, cx, at(state, index)?)))
}

/// Starts to end an environment.
pub(super) fn start_termination(state: &mut State, index: usize, cx: &Cx) {
    drop_future(state, index, cx);
    begin(state, index, cx, Status::Terminating);
    let Some(environment) = state.beanstalk.environments.get(index).cloned() else { return };
    let ids: Vec<String> = environment.present(cx.now).map(|instance| instance.id.clone()).collect();
    let mut plan = Plan::new(cx.now);
    plan.info("terminateEnvironment is starting.");
    plan.info("Validating environment's EC2 instances have termination protection disabled before performing termination.");
    plan.info("Finished validating environment's EC2 instances for termination protection.");
    plan.wait(18);
    if environment.settings.balanced() && environment.resources.load_balancer.is_some() {
        for alarm in ["Low", "High"] {
            let what = format!("AWSEBCloudwatchAlarm{alarm}");
            let end = resources::suffix(&environment.id, &what, 12);
            plan.info(format!(
                "Deleted CloudWatch alarm named: awseb-{}-stack-{what}-{end} ",
                environment.id
            ));
        }
    }
    plan.info("Waiting for EC2 instances to terminate. This may take a few minutes.");
    plan.step(Step::Deregister(ids.clone()));
    plan.wait(22);
    plan.step(Step::Terminate(ids));
    plan.wait(100);
    plan.step(Step::Destroy);
    for (id, name) in [&environment.resources.instance_group, &environment.resources.balancer_group]
        .into_iter()
        .flatten()
        .map(|id| (id, neighbours::security_group_name(state, &cx.region, id)))
    {
        plan.info(format!("Deleted security group named: {}", name.unwrap_or_else(|| id.clone())));
    }
    plan.wait(2);
    plan.info(format!("Deleting SNS topic for environment {}.", environment.name));
    plan.wait(1);
    plan.info("terminateEnvironment completed successfully.");
    plan.step(Step::Gone);
    timeline::start(state, index, plan, cx.now);
}

/// Forgets what was still to happen, and the instances that were still to be launched.
fn drop_future(state: &mut State, index: usize, cx: &Cx) {
    let Some(environment) = state.beanstalk.environments.get_mut(index) else { return };
    environment.agenda.clear();
    let future: Vec<String> =
        environment.instances.iter().filter(|i| i.launched > cx.now).map(|i| i.id.clone()).collect();
    environment.instances.retain(|instance| instance.launched <= cx.now);
    for id in future {
        neighbours::forget_instance(state, cx, &id);
    }
}

/// Stops an update: new instances go, the old ones get back what they had. AWS documents the effect; the texts of
/// the events are not from a log.
pub(super) fn abort(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let index = find(state, cx, call)?;
    let environment = at(state, index)?.clone();
    if environment.status != Status::Updating || !environment.abortable {
        let message = format!("Environment {} has no abortable operation in progress.", environment.name);
        return refuse("InvalidParameterValue", message);
    }
    drop_future(state, index, cx);
    if let Some(current) = state.beanstalk.environments.get_mut(index) {
        current.status = Status::Aborting;
        current.abortable = false;
        current.draft = None;
    }
    let (old, new): (Vec<_>, Vec<_>) =
        environment.present(cx.now).cloned().partition(|instance| instance.launched < environment.since);
    let had = App::Running(environment.version.clone());
    let changed: Vec<String> = old.iter().filter(|i| i.app != had).map(|i| i.id.clone()).collect();
    let old: Vec<String> = old.into_iter().map(|i| i.id).collect();
    let new: Vec<String> = new.into_iter().map(|i| i.id).collect();
    let mut plan = Plan::new(cx.now);
    plan.info("abortEnvironmentUpdate is starting.");
    plan.wait(20);
    if let Some(before) = environment.before.clone().filter(|before| *before != environment.settings) {
        plan.step(Step::Settings(Box::new(before), state.hex(32)));
    }
    plan.step(Step::Stop(changed.clone()));
    plan.wait(7);
    plan.step(Step::Run {
        ids: changed,
        label: environment.version.clone(),
        deployment: environment.deployment,
    });
    plan.step(Step::Register(old.clone()));
    plan.wait(60);
    // Where the old ones are gone already, the new ones stay.
    if !old.is_empty() && !new.is_empty() {
        plan.step(Step::Join(Vec::new()));
        plan.step(Step::Terminate(new));
    }
    plan.info("The environment was reverted to the previous configuration setting.");
    plan.info("Environment update was aborted.");
    plan.step(Step::Ready);
    timeline::start(state, index, plan, cx.now);
    Ok(Reply::Xml(Vec::new()))
}

pub(super) fn restart(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let index = find(state, cx, call)?;
    let environment = at(state, index)?.clone();
    must_be_ready(&environment)?;
    begin(state, index, cx, Status::Updating);
    let mut plan = Plan::new(cx.now);
    plan.info("restartAppServer is starting.");
    plan.wait(10);
    let running = environment.instances.iter().filter(|i| matches!(i.app, App::Running(_)));
    let ids: Vec<String> = running.clone().map(|i| i.id.clone()).collect();
    plan.step(Step::Stop(ids));
    plan.wait(6);
    for instance in running {
        if let App::Running(label) = &instance.app {
            let ids = vec![instance.id.clone()];
            plan.step(Step::Run { ids, label: label.clone(), deployment: instance.deployment });
        }
    }
    plan.wait(4);
    plan.info("restartAppServer completed successfully.");
    plan.step(Step::Ready);
    timeline::start(state, index, plan, cx.now);
    Ok(Reply::Xml(Vec::new()))
}

/// Deletes everything and makes it anew, with other ids.
pub(super) fn rebuild(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let index = find(state, cx, call)?;
    let environment = at(state, index)?.clone();
    must_be_ready(&environment)?;
    begin(state, index, cx, Status::Updating);
    let ids: Vec<String> = environment.present(cx.now).map(|instance| instance.id.clone()).collect();
    for id in &ids {
        state.terminate(cx, id, cx.now);
    }
    resources::forget(state, index, &ids);
    if let Some(environment) = state.beanstalk.environments.get_mut(index) {
        environment.instances.clear();
        environment.broken = None;
    }
    resources::destroy(state, index, cx.now);
    let seed = state.hex(32);
    resources::create(state, index, &seed, cx.now);
    let mut plan = Plan::new(cx.now);
    plan.info("rebuildEnvironment is starting.");
    plan.wait(20);
    create::launch(state, index, &mut plan)?;
    timeline::start(state, index, plan, cx.now);
    Ok(Reply::Xml(Vec::new()))
}

pub(super) fn swap(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let named = |side: &str, what: &str| call.text(&format!("{side}Environment{what}"));
    let source = find_by(state, cx, named("Source", "Id"), named("Source", "Name"))?;
    let destination = find_by(state, cx, named("Destination", "Id"), named("Destination", "Name"))?;
    let pair = [at(state, source)?.clone(), at(state, destination)?.clone()];
    if source == destination {
        return refuse("InvalidParameterValue", "Cannot swap the CNAME of an environment with itself.");
    }
    pair.iter().try_for_each(must_be_ready)?;
    let [a, b] = &pair;
    for (index, this, other) in [(source, a, b), (destination, b, a)] {
        begin(state, index, cx, Status::Updating);
        let mut plan = Plan::new(cx.now);
        plan.info("swapEnvironmentCNAMEs is starting.");
        plan.wait(1);
        plan.info(format!("Swapping CNAMEs for environments '{}' and '{}'.", a.name, b.name));
        plan.wait(4);
        plan.info(format!(
            "'{}' now points to '{}'.",
            other.cname,
            describe::endpoint(state, this).unwrap_or_default()
        ));
        plan.step(Step::Name(other.cname.clone()));
        plan.wait(1);
        plan.info(format!("Completed swapping CNAMEs for environments '{}' and '{}'.", a.name, b.name));
        plan.step(Step::Ready);
        timeline::start(state, index, plan, cx.now);
    }
    Ok(Reply::Xml(Vec::new()))
}
