//! The kind `environment`.

use async_trait::async_trait;
use aws_sdk_elasticbeanstalk::types::{
    ConfigurationDeploymentStatus, ConfigurationOptionSetting, EnvironmentDescription, EnvironmentTier,
    OptionSpecification,
};
use serde_json::{Value as Json, json};
use std::time::Duration;

use super::events::{self, About};
use super::options::{self, Name, Options, VARIABLES};
use super::platform::{self, Platform};
use super::resources::{self, MODIFY_LISTENER, Resources};
use super::{TAGS, balancer, beanstalk_tags, behalf, busy, live, logs, raw, retag, tags_of, unknown};
use crate::cloud::s3::{self, DELETE_POLICY, PUT_POLICY};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want, calling, found,
    reading,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

pub(super) const CREATE: &str = "elasticbeanstalk:CreateEnvironment";
pub(super) const UPDATE: &str = "elasticbeanstalk:UpdateEnvironment";
pub(super) const TERMINATE: &str = "elasticbeanstalk:TerminateEnvironment";
const POLL: Duration = Duration::from_secs(15);

/// Beanstalk environments.
#[derive(Debug)]
pub struct Environment;

/// The name, of the resource or of what is looked up.
fn name(want: &Want) -> &str {
    want.text("name").unwrap_or(&want.name)
}

/// Whether the environment is only looked up: then its settings do not matter.
fn looked_up(want: &Want) -> bool {
    *want.get("application") == Value::None
}

#[async_trait]
impl Driver for Environment {
    fn permissions(&self) -> &'static [Permission] {
        behalf::PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let Some(environment) = live(clients, name(want)).await? else { return Ok(Observed::Absent) };
        let id = environment.environment_id().unwrap_or_default().to_owned();
        let mut present = Present { id: id.clone(), ..Present::default() };
        let arn = environment.environment_arn().unwrap_or_default();
        if let Some(mut tags) = tags_of(clients, arn).await? {
            // Beanstalk sets it itself, and lets nobody else (developer guide, "Tagging resources").
            if !want.tags.contains_key("Name") {
                tags.shift_remove("Name");
            }
            present = present.tagged(tags);
        }
        present.detail = json!({ "version": environment.version_label() });
        if let Some(status) = busy(&environment) {
            let operation = events::last_operation(&events::recent(clients, &id).await?, 0);
            present.note = operation.note.or(Some(status.clone()));
            present.state = State::Busy(status);
            if looked_up(want) {
                outputs(
                    &environment,
                    &resources::read(clients, name(want), &id).await?,
                    &mut present.outputs,
                );
            }
            return Ok(Observed::Present(Box::new(present)));
        }
        let found = resources::read(clients, name(want), &id).await?;
        outputs(&environment, &found, &mut present.outputs);
        present.note = unhealthy(&environment);
        if !looked_up(want) {
            describe(clients, want, &environment, &found, &mut present).await?;
        }
        Ok(Observed::Present(Box::new(present)))
    }

    fn desired(&self, want: &Want) -> Attrs {
        options::desired(want)
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let present = match seen {
            Observed::Absent => {
                // What is to take the logs is opened first: else the launch fails.
                let closed = logs::bucket(want).is_some() && !want.acted;
                return Next::Call(if closed { Op::new(PUT_POLICY) } else { Op::create(CREATE) });
            }
            Observed::Present(present) => present,
        };
        match &present.state {
            State::Busy(status) => return wait(present, status),
            State::Failed(why) if want.acted => {
                return Next::Fail(format!(
                    "the environment could not be launched: {why} Mend the cause and run again; vpipe then terminates \
                     it and makes it anew"
                ));
            }
            // It never was ready, and an environment that could not be launched cannot be mended.
            State::Failed(_) => return Next::Call(Op::new(TERMINATE)),
            State::Settled => {}
        }
        let logs = present.detail.get("logs");
        if logs.and_then(|logs| logs.get("lacking")).and_then(Json::as_bool) == Some(true) {
            return Next::Call(Op::new(PUT_POLICY));
        }
        if changes.iter().any(|change| change.attribute == "access_logs")
            && let Some(bucket) = open_bucket(present).filter(|open| logs::bucket(want) != Some(*open))
        {
            return Next::Call(Op::new(DELETE_POLICY).with(json!({ "bucket": bucket })));
        }
        if options::shared(want)
            && changes
                .iter()
                .any(|change| change.attribute == "rule" || change.attribute.starts_with("rule["))
        {
            return Next::Fail(
                "AWS takes the rules of an environment behind a shared load balancer only when it is made; give it \
                 another `name` to have it made anew, or put the rules back as they were"
                    .to_owned(),
            );
        }
        let apart = |change: &&Change| change.attribute == "tags" || redirect_of(&change.attribute).is_some();
        if changes.iter().any(|change| !apart(&change)) {
            if want.acted
                && let Some(why) = text(&present.detail, "failure")
            {
                return Next::Fail(format!(
                    "the environment could not be updated: {why} It has its former settings, or some of them; mend the \
                     cause and run again"
                ));
            }
            return Next::Call(Op::new(UPDATE));
        }
        if let Some(op) = TAGS.next(want, present) {
            return Next::Call(op);
        }
        match changes.iter().find_map(|change| Some((redirect_of(&change.attribute)?, change))) {
            Some((port, change)) => {
                let on = change.after != Value::None;
                let arns = present.detail.get("listeners").cloned().unwrap_or_default();
                let process = self.forwards_to(want, port);
                match resources::redirect(&arns, port, on, &process) {
                    Some(op) => Next::Call(op),
                    None => {
                        Next::Wait { poll: POLL, why: format!("the load balancer's listener on port {port}") }
                    }
                }
            }
            None => Next::Done,
        }
    }

    fn next_delete(&self, want: &Want, seen: &Observed) -> Next {
        let present = match seen {
            Observed::Absent => return Next::Done,
            Observed::Present(present) => present,
        };
        match &present.state {
            State::Busy(status) => wait(present, status),
            _ => match text(&present.detail, "failed_termination") {
                Some(why) if want.acted => Next::Fail(format!(
                    "the environment could not be terminated: {why} What still uses its security group or its other \
                     resources must go first"
                )),
                _ => Next::Call(match open_bucket(present) {
                    Some(bucket) => Op::new(DELETE_POLICY).with(json!({ "bucket": bucket })),
                    None => Op::new(TERMINATE),
                }),
            },
        }
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        match (op.operation.as_str(), seen) {
            (CREATE, _) => create(clients, want).await,
            (PUT_POLICY, _) => logs::let_in(clients, want).await,
            (DELETE_POLICY, _) => {
                let bucket = text(&op.detail, "bucket").unwrap_or_default();
                s3::forbid(clients, bucket, &logs::sid(&want.name)).await
            }
            (UPDATE, Observed::Present(present)) => update(clients, want, present).await,
            (TERMINATE, _) => {
                let request = clients.beanstalk.terminate_environment().environment_name(name(want));
                let reply = request.send().await.map_err(calling(TERMINATE))?;
                Ok(Reply { id: None, ..Reply::of(&reply, None) })
            }
            (MODIFY_LISTENER, Observed::Present(present)) => {
                let balancer = present.outputs.get("load_balancer").and_then(Value::as_str);
                resources::modify_listener(clients, want, balancer, op).await
            }
            (_, Observed::Present(present)) if TAGS.is(op) => {
                let arn = present.outputs.get("arn").and_then(Value::as_str).unwrap_or_default();
                retag(clients, arn, op).await
            }
            _ => Err(unknown(op)),
        }
    }

    async fn still(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Present,
        looks: u32,
    ) -> Result<bool, CloudError> {
        // Whoever watches wants to know how far it is; a whole look tells.
        if looks >= 3 {
            return Ok(false);
        }
        let environment = live(clients, name(want)).await?;
        let status = environment.as_ref().filter(|e| e.environment_id() == Some(&seen.id)).and_then(busy);
        Ok(status.is_some_and(|status| seen.state == State::Busy(status)))
    }

    /// Field logs: four minutes and more to launch one, two to terminate it.
    fn soonest(&self, op: &Op) -> Duration {
        Duration::from_secs(match op.operation.as_str() {
            CREATE => 180,
            TERMINATE => 90,
            _ => 0,
        })
    }

    async fn last_words(&self, clients: &Clients, _want: &Want, seen: &Present) -> Vec<String> {
        events::last_words(clients, &seen.id).await
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }
}

impl Environment {
    /// The process to which a listener forwards.
    fn forwards_to(&self, want: &Want, port: &str) -> Attrs {
        let attrs = options::desired(want);
        balancer::process_of(&attrs, port)
    }
}

fn wait(present: &Present, status: &str) -> Next {
    Next::Wait { poll: POLL, why: present.note.clone().unwrap_or_else(|| status.to_owned()) }
}

/// The bucket that takes an environment's logs and was opened for them.
fn open_bucket(present: &Present) -> Option<&str> {
    text(present.detail.get("logs")?, "open")
}

/// The port of a change such as `listener[80].redirect`.
fn redirect_of(attribute: &str) -> Option<&str> {
    attribute.strip_prefix("listener[")?.strip_suffix("].redirect")
}

fn text<'a>(detail: &'a Json, field: &str) -> Option<&'a str> {
    detail.get(field).and_then(Json::as_str)
}

fn outputs(environment: &EnvironmentDescription, found: &Resources, outputs: &mut Attrs) {
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            outputs.insert(name.to_owned(), Value::from(value));
        }
    };
    let cname = environment.cname().filter(|cname| !cname.eq_ignore_ascii_case("unknown"));
    put("url", cname.map(|cname| format!("http://{cname}")));
    put("cname", cname.map(str::to_owned));
    put("id", environment.environment_id.clone());
    put("arn", environment.environment_arn.clone());
    found.outputs(outputs);
}

/// What an environment's health is, when it is not well.
fn unhealthy(environment: &EnvironmentDescription) -> Option<String> {
    let health = environment.health().map(|health| health.as_str().to_owned());
    health.filter(|health| health != "Green").map(|health| format!("health {health}"))
}

/// Reads the settings of a ready environment, and how its last operation went.
async fn describe(
    clients: &Clients,
    want: &Want,
    environment: &EnvironmentDescription,
    found: &Resources,
    present: &mut Present,
) -> Result<(), CloudError> {
    let operation = events::last_operation(&events::recent(clients, &present.id).await?, found.instances);
    let failure = |about: About| operation.failure.clone().filter(|_| operation.about == about);
    if let Some(why) = failure(About::Launch) {
        present.state = State::Failed(why);
    }
    let settings = settings(clients, want, environment).await?;
    let read = options::read(&settings, want, &found.own_groups());
    present.attrs.extend(read);
    if !options::shared(want) {
        balancer::redirects(&mut present.attrs, &found.redirecting());
    }
    let mut put = |name: &str, value: Option<String>| {
        present.attrs.insert(name.to_owned(), Value::from(value));
    };
    put("name", environment.environment_name.clone());
    put("application", environment.application_name.clone());
    put("description", Some(environment.description.clone().unwrap_or_default()));
    let wanted = want.text("platform").unwrap_or_default();
    put("platform", platform::seen(environment.platform_arn(), environment.solution_stack_name(), wanted));
    // Not `cname_prefix`: a swap takes it to another environment. The scheduler compares it with what was applied.
    present.detail = json!({
        "version": environment.version_label(),
        "balancer": options::of_balancer(&settings),
        "raw": raw::leftover(&settings, want),
        "logs": logs::look(clients, want, &settings).await?,
        "listeners": found.listener_arns(),
        "failure": failure(About::Update),
        "failed_termination": failure(About::Terminate),
    });
    Ok(())
}

/// The deployed option settings, without what the platform sets on its own.
async fn settings(
    clients: &Clients,
    want: &Want,
    environment: &EnvironmentDescription,
) -> Result<Options, CloudError> {
    let application = environment.application_name().unwrap_or_default();
    let request = clients
        .beanstalk
        .describe_configuration_settings()
        .application_name(application)
        .environment_name(name(want));
    let reply = request.send().await.map_err(reading("elasticbeanstalk:DescribeConfigurationSettings"))?;
    // During an update there is a draft beside what is deployed.
    let sets = reply.configuration_settings();
    let deployed =
        sets.iter().find(|set| set.deployment_status() == Some(&ConfigurationDeploymentStatus::Deployed));
    let mut settings = Options::default();
    for setting in deployed.or(sets.first()).map(|set| set.option_settings()).unwrap_or_default() {
        if let (Some(namespace), Some(name)) = (setting.namespace(), setting.option_name()) {
            settings.set(namespace, name, setting.value().unwrap_or_default());
        }
    }
    forget_own_image(clients, want, environment, &mut settings).await?;
    forget_own_variables(clients, want, application, &mut settings).await?;
    Ok(settings)
}

/// The variables of an environment that somebody set, with their texts, secrets among them: not to be shown.
///
/// # Errors
/// When AWS cannot be asked.
pub async fn variables(
    clients: &Clients,
    application: &str,
    environment: &str,
) -> Result<Vec<(String, String)>, CloudError> {
    let Some(found) = live(clients, environment).await? else { return Ok(Vec::new()) };
    let mut want = Want { name: environment.to_owned(), ..Want::default() };
    want.attrs.insert("application".to_owned(), Value::from(application));
    let settings = settings(clients, &want, &found).await?;
    let all = settings.namespace(VARIABLES).filter(|(_, text)| !text.is_empty());
    Ok(all.map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
}

/// Where nobody chose an image, AWS shows the platform's own.
async fn forget_own_image(
    clients: &Clients,
    want: &Want,
    environment: &EnvironmentDescription,
    settings: &mut Options,
) -> Result<(), CloudError> {
    let (Some(image), Some(platform)) =
        (settings.get(options::LAUNCH, "ImageId"), environment.platform_arn())
    else {
        return Ok(());
    };
    if want.text("image").is_none() && platform::is_own_image(clients, platform, image).await? {
        settings.forget(options::LAUNCH, "ImageId");
    }
    Ok(())
}

/// Platforms define variables of their own, such as `GRADLE_HOME`. Beanstalk knows which ones somebody set.
async fn forget_own_variables(
    clients: &Clients,
    want: &Want,
    application: &str,
    settings: &mut Options,
) -> Result<(), CloudError> {
    let wanted = want.get("variables").fields();
    let strange: Vec<String> = settings
        .namespace(VARIABLES)
        .filter(|(name, text)| !text.is_empty() && wanted.is_none_or(|wanted| !wanted.contains_key(*name)))
        .map(|(name, _)| name.to_owned())
        .collect();
    if strange.is_empty() {
        return Ok(());
    }
    let specify =
        |name: &String| OptionSpecification::builder().namespace(VARIABLES).option_name(name).build();
    let request = clients
        .beanstalk
        .describe_configuration_options()
        .application_name(application)
        .environment_name(name(want))
        .set_options(Some(strange.iter().map(specify).collect()));
    let reply = request.send().await.map_err(reading("elasticbeanstalk:DescribeConfigurationOptions"))?;
    for option in reply.options().iter().filter(|option| option.user_defined() == Some(false)) {
        settings.forget(VARIABLES, option.name().unwrap_or_default());
    }
    Ok(())
}

async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    preflight(clients, want).await?;
    let platform = platform::choose(clients, want.text("platform").unwrap_or_default()).await?;
    let mut wanted = options::wanted(want);
    logs::only_where_let_in(clients, want, &mut wanted).await?;
    let mut settings = setting_list(&wanted);
    settings.extend(setting_list(&options::at_creation(want)));
    let application = want.ids("application", "name");
    let request = clients
        .beanstalk
        .create_environment()
        .environment_name(name(want))
        .application_name(application.as_str().unwrap_or_default())
        .description(want.text("description").unwrap_or_default())
        .set_cname_prefix(want.text("cname_prefix").map(str::to_owned))
        .tier(EnvironmentTier::builder().name("WebServer").r#type("Standard").build())
        .set_option_settings(Some(settings))
        .set_tags(Some(beanstalk_tags(&want.tags)));
    let request = match platform {
        Platform::Arn(arn) => request.platform_arn(arn),
        Platform::Stack(stack) => request.solution_stack_name(stack),
    };
    let reply = request.send().await.map_err(calling(CREATE))?;
    Ok(Reply::of(&reply, reply.environment_id()))
}

/// Beanstalk accepts an instance profile that does not exist, and fails ten minutes later: better to ask first. Whoever
/// may not ask is not held up.
async fn preflight(clients: &Clients, want: &Want) -> Result<(), CloudError> {
    let profile = want.text("instance_profile").filter(|profile| !profile.contains(['/', ':']));
    if let Some(profile) = profile {
        let reply = clients.iam.get_instance_profile().instance_profile_name(profile).send().await;
        if let Ok(None) = found(reply.map_err(reading("iam:GetInstanceProfile"))) {
            let message = format!(
                "the instance profile `{profile}` does not exist: AWS makes it only when Beanstalk's console is used; write \
                 `use std.beanstalk_roles as roles` and `instance_profile = roles.instance_profile`"
            );
            return Err(CloudError::of(CREATE, "NoSuchInstanceProfile", message));
        }
    }
    let role = want.text("service_role").filter(|role| !role.contains(['/', ':']));
    if let Some(role) = role {
        let reply = clients.iam.get_role().role_name(role).send().await;
        if let Ok(None) = found(reply.map_err(reading("iam:GetRole"))) {
            let message = format!(
                "the service role `{role}` does not exist: AWS makes it only when Beanstalk's console is used; write \
                 `use std.beanstalk_roles as roles` and `service_role = roles.service_role`"
            );
            return Err(CloudError::of(CREATE, "NoSuchServiceRole", message));
        }
    }
    match want.ids("load_balancer", "arn").as_str() {
        Some(arn) => resources::preflight(clients, want, arn).await,
        None => Ok(()),
    }
}

async fn update(clients: &Clients, want: &Want, present: &Present) -> Result<Reply, CloudError> {
    let mut wanted = options::wanted(want);
    let names = |field: &str| -> Vec<Name> {
        let names = present.detail.get(field);
        names.and_then(|names| serde_json::from_value(names.clone()).ok()).unwrap_or_default()
    };
    let mut gone = options::leftover(&names("balancer"), &present.attrs, &wanted);
    gone.extend(names("raw"));
    if options::shared(want) {
        gone.retain(|(namespace, _)| !balancer::of_listeners(namespace));
        wanted.retain(|namespace| !balancer::of_listeners(namespace));
    }
    let specify = |(namespace, name): Name| {
        OptionSpecification::builder().namespace(namespace).option_name(name).build()
    };
    let remove: Vec<OptionSpecification> = gone.into_iter().map(specify).collect();
    let request = clients
        .beanstalk
        .update_environment()
        .environment_name(name(want))
        .description(want.text("description").unwrap_or_default())
        .set_option_settings(Some(setting_list(&wanted)))
        .set_options_to_remove((!remove.is_empty()).then_some(remove));
    let reply = request.send().await.map_err(calling(UPDATE))?;
    Ok(Reply::of(&reply, reply.environment_id()))
}

fn setting_list(options: &Options) -> Vec<ConfigurationOptionSetting> {
    let setting = |(namespace, name, value)| {
        ConfigurationOptionSetting::builder().namespace(namespace).option_name(name).value(value).build()
    };
    options.iter().map(setting).collect()
}
