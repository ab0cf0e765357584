//! Launching environments.

use super::deploy::{Outcome, outcome};
use super::environments::{at, check_name, cname, is_free};
use super::options::LAUNCH;
use super::timeline::{self, Plan, Step};
use super::{Environment, Status, applications, describe, platforms, refuse, resources, shared, versions};
use crate::local::common::{SECOND, check_tags, tags_at};
use crate::local::support::{member, required};
use crate::local::{Call, Cx, Fault, Reply, State, neighbours};

/// How many environments there may be in a region.
const QUOTA: usize = 200;
/// Three tags are Beanstalk's own.
const TAGS: usize = 47;

pub(super) fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let application = required(call, "ApplicationName")?;
    applications::find(state, cx, &application)?;
    let name = required(call, "EnvironmentName")?;
    check_name("EnvironmentName", &name, 4, 40)?;
    let alive: Vec<&Environment> =
        state.beanstalk.environments.iter().filter(|e| e.region == cx.region && e.alive()).collect();
    if alive.iter().any(|e| e.name == name) {
        return refuse("InvalidParameterValue", format!("Environment {name} already exists."));
    }
    if alive.len() >= QUOTA {
        let message =
            format!("Cannot create environment. The limit of {QUOTA} environments has been reached.");
        return refuse("TooManyEnvironmentsException", message);
    }
    if let Some(tier) = call.params.get("Tier").and_then(|tier| member(tier, "Name"))
        && tier != "WebServer"
    {
        return refuse(
            "InvalidParameterValue",
            format!("The local cloud does not simulate the tier '{tier}'."),
        );
    }
    if let Some(template) = call.text("TemplateName") {
        return refuse(
            "InvalidParameterValue",
            format!("No Configuration Template named '{template}' found."),
        );
    }
    let source = source(state, cx, call, &application)?;
    let arn = call.text("PlatformArn");
    let stack = call.text("SolutionStackName");
    // A clone has its source's platform, unless the request wants another.
    let same = source.filter(|_| arn.is_none() && stack.is_none()).map(|source| source.platform.clone());
    let platform = platforms::find(&cx.region, arn.or(same).as_deref(), stack.as_deref())?;
    let settings = source.map(|source| source.settings.clone()).unwrap_or_default().with(&call.params)?;
    shared::check(state, cx, &settings)?;
    let version = call.text("VersionLabel");
    if let Some(label) = &version {
        versions::find(state, cx, &application, label)?;
    }
    let tags = tags_at(call, "Tags");
    check_tags(&tags, "InvalidParameterValue")?;
    if tags.len() > TAGS {
        let message = format!("An environment can have at most {TAGS} tags.");
        return refuse("TooManyTagsException", message);
    }
    let prefix = call.text("CNAMEPrefix");
    if let Some(prefix) = &prefix {
        check_name("CNAMEPrefix", prefix, 4, 63)?;
        if !is_free(state, &cname(cx, prefix)) {
            let message = format!("DNS name ({}) is not available.", cname(cx, prefix));
            return refuse("InvalidParameterValue", message);
        }
    }
    let id = format!("e-{}", state.letters(10).to_lowercase());
    // Without a prefix the name has a label of its own in it, and is told a little later.
    let given = prefix.is_some();
    let host = match prefix {
        Some(prefix) => cname(cx, &prefix),
        None => cname(cx, &format!("{name}.eba-{}", state.letters(8))),
    };
    let environment = Environment {
        id,
        region: cx.region.clone(),
        name,
        application,
        description: call.text("Description").filter(|text| !text.is_empty()),
        cname: host,
        named: if given { cx.now } else { cx.now + 40 * SECOND },
        version,
        platform: platform.arn,
        stack: platform.stack,
        status: Status::Launching,
        broken: None,
        told: None,
        settings,
        draft: None,
        before: None,
        created: cx.now,
        updated: cx.now,
        since: cx.now,
        request_id: cx.request_id.clone(),
        abortable: false,
        deployment: 1,
        resources: resources::Resources::default(),
        instances: Vec::new(),
        agenda: Vec::new(),
        tags,
    };
    state.beanstalk.environments.push(environment);
    let index = state.beanstalk.environments.len() - 1;
    let plan = plan(state, index, cx)?;
    timeline::start(state, index, plan, cx.now);
    Ok(Reply::Xml(describe::show(state, cx, at(state, index)?)))
}

/// The environment that the new one is a clone of. Only the model that the EB CLI brings along knows of it (`eb clone`).
fn source<'a>(
    state: &'a State,
    cx: &Cx,
    call: &Call,
    application: &str,
) -> Result<Option<&'a Environment>, Fault> {
    let Some(name) = call.text("TemplateSpecification.TemplateSource.EnvironmentName") else {
        return Ok(None);
    };
    let named = |e: &&Environment| {
        e.region == cx.region && e.application == application && e.name == name && e.alive()
    };
    match state.beanstalk.environments.iter().find(named) {
        Some(environment) => Ok(Some(environment)),
        None => {
            refuse("InvalidParameterValue", format!("No Environment found for EnvironmentName = '{name}'."))
        }
    }
}

fn plan(state: &mut State, index: usize, cx: &Cx) -> Result<Plan, Fault> {
    let environment = at(state, index)?.clone();
    let mut plan = Plan::new(cx.now);
    plan.info("createEnvironment is starting.");
    plan.wait(1);
    let bucket = applications::bucket(cx);
    neighbours::ensure_bucket(state, cx, &bucket);
    plan.info(format!("Using {bucket} as Amazon S3 storage bucket for environment data."));
    plan.wait(2);
    let profile = environment.settings.given(LAUNCH, "IamInstanceProfile").map(str::to_owned);
    let why = match profile {
        None => Some("Environment must have instance profile associated with it.".to_owned()),
        Some(profile) if !neighbours::sees_instance_profile(state, &profile, cx.now) => {
            Some(format!("The instance profile {profile} associated with the environment does not exist."))
        }
        Some(_) => None,
    };
    if let Some(why) = why {
        plan.error(&why);
        plan.error("Failed to launch environment.");
        plan.step(Step::Broken(why));
        plan.step(Step::Ready);
        return Ok(plan);
    }
    let ordered = state.comes_to(&environment.tags, "launch").then(refused_instance);
    if let Some((part, why)) = resources::impossible(state, cx, &environment.settings).or(ordered) {
        plan.wait(60);
        plan.error(format!(
            "Stack named 'awseb-{}-stack' aborted operation. Current state: 'CREATE_FAILED'  Reason: The following resource(s) failed to create: [{part}]. ",
            environment.id
        ));
        plan.error(format!("Creating {part} failed Reason: {why}"));
        plan.info(format!(
            "Launched environment: {}. However, there were issues during launch. See event log for details.",
            environment.name
        ));
        plan.step(Step::Broken(why));
        plan.step(Step::Ready);
        return Ok(plan);
    }
    let seed = state.hex(32);
    resources::create(state, index, &seed, cx.now);
    launch(state, index, &mut plan)?;
    Ok(plan)
}

/// What becomes of a launch that is to fail.
pub(super) fn refused_instance() -> (&'static str, String) {
    let why = "You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that the \
               specified instance type belongs to.";
    ("AWSEBAutoScalingGroup", why.to_owned())
}

/// The events of what is made, the instances, and the end of the launch.
pub(super) fn launch(state: &mut State, index: usize, plan: &mut Plan) -> Result<(), Fault> {
    let environment = at(state, index)?.clone();
    let made = &environment.resources;
    let stack = format!("awseb-{}-stack", environment.id);
    plan.wait(19);
    if let Some(id) = &made.balancer_group {
        plan.info(format!("Created security group named: {id}"));
    }
    plan.wait(16);
    for arn in made.target_groups.values() {
        plan.info(format!("Created target group named: {arn}"));
    }
    if let Some(id) = &made.instance_group {
        let name = neighbours::security_group_name(state, &environment.region, id);
        plan.info(format!("Created security group named: {}", name.unwrap_or_else(|| id.clone())));
    }
    if let Some(address) = &made.address {
        plan.info(format!("Created EIP: {address}"));
    }
    plan.wait(22);
    let count = environment.settings.size();
    let ids = super::deploy::launch(state, index, count, plan);
    plan.wait(10);
    plan.info(format!("Created Auto Scaling group named: {}", made.auto_scaling_group));
    plan.info("Waiting for EC2 instances to launch. This may take a few minutes.");
    plan.wait(16);
    if environment.settings.balanced() {
        for alarm in ["High", "Low"] {
            let what = format!("AWSEBCloudwatchAlarm{alarm}");
            let end = resources::suffix(&environment.id, &what, 12);
            plan.info(format!("Created CloudWatch alarm named: {stack}-{what}-{end}"));
        }
    }
    plan.wait(34);
    plan.info(super::deploy::added(&ids));
    plan.wait(30);
    let own = environment.settings.shared().is_none();
    if let Some(arn) = made.load_balancer.as_ref().filter(|_| own) {
        plan.info(format!("Created load balancer named: {arn}"));
    }
    plan.wait(1);
    for arn in made.listeners.values() {
        plan.info(format!("Created Load Balancer listener named: {arn}"));
    }
    plan.wait(14);
    let label = environment.version.clone();
    if outcome(state, &environment, &environment.settings, label.as_deref()) == Outcome::Broken {
        plan.error("Instance deployment failed. For details, see 'eb-engine.log'.");
        plan.step(Step::Failed { ids: ids.clone(), deployment: environment.deployment });
        for id in &ids {
            plan.error(format!(
                "[Instance: {id}] Command failed on instance. Return code: 1 Output: Engine execution has encountered an error.."
            ));
        }
        plan.info(format!(
            "Command execution completed on all instances. Summary: [Successful: 0, Failed: {}].",
            ids.len()
        ));
        plan.wait(60);
        plan.error(
            "Create environment operation is complete, but with errors. For more information, see troubleshooting documentation.",
        );
        plan.step(Step::Ready);
        return Ok(());
    }
    plan.step(Step::Run { ids: ids.clone(), label, deployment: environment.deployment });
    plan.info("Instance deployment completed successfully.");
    plan.step(Step::Register(ids));
    plan.wait(75);
    plan.info(format!("Application available at {}.", environment.cname));
    plan.wait(1);
    plan.info(format!("Successfully launched environment: {}", environment.name));
    plan.step(Step::Ready);
    Ok(())
}
