//! Updates: other settings, another platform, another version.

use super::deploy::{self, Rollout};
use super::environments::{at, find, must_be_ready};
use super::options::Severity;
use super::timeline::{self, Plan, Step};
use super::{Status, describe, platforms, refuse, replace, resources, shared, versions};
use crate::local::support::member;
use crate::local::{Call, Cx, Fault, Reply, State};

pub(super) fn update(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let index = find(state, cx, call)?;
    let environment = at(state, index)?.clone();
    must_be_ready(&environment)?;
    if let Some(application) = call.text("ApplicationName")
        && application != environment.application
    {
        let message = format!("No Environment found for EnvironmentName = '{}'.", environment.name);
        return refuse("InvalidParameterValue", message);
    }
    if let Some(tier) = call.params.get("Tier").and_then(|tier| member(tier, "Name"))
        && tier != "WebServer"
    {
        return refuse("InvalidParameterValue", "Cannot change environment tier");
    }
    if let Some(template) = call.text("TemplateName") {
        return refuse(
            "InvalidParameterValue",
            format!("No Configuration Template named '{template}' found."),
        );
    }
    let label = call.text("VersionLabel");
    if let Some(label) = &label {
        versions::find(state, cx, &environment.application, label)?;
    }
    let stack = call.text("SolutionStackName");
    let arn = call.text("PlatformArn");
    let platform = match (&arn, &stack) {
        (None, None) => None,
        _ => {
            let platform = platforms::find(&cx.region, arn.as_deref(), stack.as_deref())?;
            let family = |stack: &str| stack.split(" running ").nth(1).map(str::to_owned);
            if family(&platform.stack) != family(&environment.stack) {
                let message = "You can't change the platform branch of an environment with this operation.";
                return refuse("InvalidParameterValue", message);
            }
            Some((platform.arn, platform.stack)).filter(|(arn, _)| *arn != environment.platform)
        }
    };
    let settings = environment.settings.with(&call.params)?;
    for (namespace, name) in [
        (super::options::ENVIRONMENT, "LoadBalancerType"),
        (super::options::ENVIRONMENT, "EnvironmentType"),
        (super::options::ENVIRONMENT, "LoadBalancerIsShared"),
        (super::options::BALANCER, "SharedLoadBalancer"),
        (super::options::VPC, "VPCId"),
    ] {
        if settings.value(namespace, name) != environment.settings.value(namespace, name) {
            let message = format!(
                "Configuration validation exception: Invalid option specification (Namespace: '{namespace}', OptionName: '{name}'): You can't change the {name} of an environment after it was created."
            );
            return refuse("ConfigurationValidationException", message);
        }
    }
    if let Some((namespace, name)) = shared::fixed(&environment.settings, &settings) {
        let message = format!(
            "Configuration validation exception: Invalid option specification (Namespace: '{namespace}', OptionName: '{name}'): You can't change the listeners and rules of a shared load balancer after the environment was created."
        );
        return refuse("ConfigurationValidationException", message);
    }
    let worst = settings.differs(&environment.settings);
    let worst = if platform.is_some() { Some(Severity::Instances) } else { worst };
    if let Some(environment) = state.beanstalk.environments.get_mut(index) {
        if let Some(description) = call.text("Description") {
            environment.description = Some(description).filter(|text| !text.is_empty());
        }
        environment.status = Status::Updating;
        environment.since = cx.now;
        environment.updated = cx.now;
        environment.request_id = cx.request_id.clone();
        environment.abortable = true;
        environment.before = Some(environment.settings.clone());
        environment.draft = worst.map(|_| settings.clone());
    }
    let mut plan = Plan::new(cx.now);
    plan.info("Environment update is starting.");
    let mut good = true;
    if let Some(worst) = worst {
        let ordered = state.comes_to(&environment.tags, "update").then(super::create::refused_instance);
        if let Some((part, why)) = resources::impossible(state, cx, &settings).or(ordered) {
            reverted(&environment.name, part, &why, &mut plan);
            timeline::start(state, index, plan, cx.now);
            return Ok(Reply::Xml(describe::show(state, cx, at(state, index)?)));
        }
        let seed = state.hex(32);
        if let Some((arn, stack)) = platform {
            plan.step(Step::Platform(arn, stack));
        }
        good = replace::plan(state, index, &settings, worst, seed, &mut plan);
        plan.info(match good {
            true => "Successfully deployed new configuration to environment.",
            false => "Failed to deploy configuration.",
        });
    }
    if let Some(label) = label.filter(|_| good) {
        let current = at(state, index)?.clone();
        let mut rollout = Rollout::new(state, &current, &settings, Some(label), cx.now);
        if worst == Some(Severity::Instances) {
            // The instances that the new settings brought.
            rollout.ids =
                current.instances.iter().filter(|i| i.launched > cx.now).map(|i| i.id.clone()).collect();
        }
        if state.comes_to(&environment.tags, "unhealthy") {
            rollout.outcome = deploy::Outcome::Unhealthy;
        }
        if state.comes_to(&environment.tags, "deploy") {
            rollout.outcome = deploy::Outcome::Broken;
        }
        good = deploy::plan(state, index, &settings, &rollout, &mut plan);
        if good {
            plan.info("Environment update completed successfully.");
        }
    } else if worst.is_none() {
        plan.wait(5);
        plan.info("Environment update completed successfully.");
    }
    plan.wait(if good { 0 } else { 1 });
    plan.step(Step::Ready);
    timeline::start(state, index, plan, cx.now);
    Ok(Reply::Xml(describe::show(state, cx, at(state, index)?)))
}

/// An update that CloudFormation rolls back.
fn reverted(name: &str, part: &str, why: &str, plan: &mut Plan) {
    plan.wait(5);
    plan.info(format!("Updating environment {name}'s configuration settings."));
    plan.wait(40);
    plan.error(format!("Updating {part} failed Reason: {why}"));
    plan.error("Failed to deploy configuration.");
    plan.wait(20);
    plan.info("The environment was reverted to the previous configuration setting.");
    plan.step(Step::Ready);
}
