//! Bringing a version to an environment: `beanstalk.deployment`, for rollout actions. Attributes: `environment` (its
//! name), `application`, `label`.

use async_trait::async_trait;
use aws_sdk_elasticbeanstalk::types::{EnvironmentDescription, EnvironmentHealth, InstancesHealthAttribute};
use serde_json::{Value as Json, json};
use std::time::Duration;

use super::{busy, events, live, resources, unknown};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want, calling,
    reading,
};
use crate::eval::Value;
use crate::plan::Change;

const UPDATE: &str = "elasticbeanstalk:UpdateEnvironment";

const ENVIRONMENT: &[&str] = &["elasticbeanstalk:{here}:environment/{application}/{environment}"];
const PERMISSIONS: &[Permission] = &[
    Permission::look("elasticbeanstalk:DescribeEnvironments", ENVIRONMENT),
    Permission::look("elasticbeanstalk:DescribeEnvironmentResources", ENVIRONMENT),
    Permission::look("elasticbeanstalk:DescribeEvents", ENVIRONMENT),
    Permission::look("elasticbeanstalk:DescribeInstancesHealth", ENVIRONMENT),
    Permission::change(UPDATE, ENVIRONMENT),
];
const POLL: Duration = Duration::from_secs(10);

/// Deployments of application versions.
#[derive(Debug)]
pub struct Deployment;

fn names(want: &Want) -> (&str, &str) {
    (want.text("environment").unwrap_or(&want.name), want.text("label").unwrap_or_default())
}

#[async_trait]
impl Driver for Deployment {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let (name, label) = names(want);
        let Some(environment) = live(clients, name).await? else { return Ok(Observed::Absent) };
        let id = environment.environment_id().unwrap_or_default();
        let runs = environment.version_label().unwrap_or_default();
        let mut present = Present { id: id.to_owned(), ..Present::default() };
        present.attrs.insert("environment".to_owned(), Value::from(name));
        present.attrs.insert("label".to_owned(), Value::from(runs));
        if let Some(application) = environment.application_name() {
            present.attrs.insert("application".to_owned(), Value::from(application));
        }
        present.outputs.insert("label".to_owned(), Value::from(runs));
        let instances = resources::instances(clients, id).await?;
        let operation = events::last_operation(&events::recent(clients, id).await?, instances);
        if let Some(status) = busy(&environment) {
            present.note = operation.note.or(Some(status.clone()));
            present.state = State::Busy(status);
            return Ok(Observed::Present(Box::new(present)));
        }
        if let Some(why) = operation.failure {
            present.state = State::Failed(why);
        }
        let ready = if runs == label { readiness(clients, &environment, label).await? } else { None };
        let health = environment.health_status().map(|status| status.as_str());
        if let Some(health) = health.or(environment.health().map(EnvironmentHealth::as_str)) {
            let plural = if instances == 1 { "" } else { "s" };
            present.note = Some(format!("health {health} on {instances} instance{plural}"));
        }
        if let Some(why) = &ready {
            present.note = Some(why.clone());
        }
        present.detail = json!({ "not_yet": ready });
        Ok(Observed::Present(Box::new(present)))
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        let (name, label) = names(want);
        let present = match seen {
            Observed::Absent => return Next::Fail(format!("there is no environment `{name}` to deploy to")),
            Observed::Present(present) => present,
        };
        let runs = present.get("label").as_str().unwrap_or_default();
        match &present.state {
            State::Busy(status) => {
                Next::Wait { poll: POLL, why: present.note.clone().unwrap_or_else(|| status.clone()) }
            }
            State::Failed(why) if want.acted => Next::Fail(format!(
                "version `{label}` could not be deployed to `{name}`: {why} `{name}` runs `{runs}` now; `eb logs {name}` \
                 fetches the instances' logs"
            )),
            State::Settled if runs == label => match present.detail.get("not_yet").and_then(Json::as_str) {
                Some(why) => Next::Wait { poll: POLL, why: why.to_owned() },
                None => Next::Done,
            },
            // Another version runs, or an earlier run's deployment of this one failed.
            _ => Next::Call(Op::new(UPDATE)),
        }
    }

    fn next_delete(&self, _want: &Want, _seen: &Observed) -> Next {
        // A version leaves with its environment.
        Next::Done
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        _seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        if op.operation != UPDATE {
            return Err(unknown(op));
        }
        let (name, label) = names(want);
        let request = clients.beanstalk.update_environment().environment_name(name).version_label(label);
        let reply = request.send().await.map_err(calling(UPDATE))?;
        Ok(Reply::of(&reply, reply.environment_id()))
    }

    async fn last_words(&self, clients: &Clients, _want: &Want, seen: &Present) -> Vec<String> {
        events::last_words(clients, &seen.id).await
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }
}

/// Why an environment that is ready and runs the version is not good yet: its health, or an instance that has
/// another version still. With basic health reporting the instances cannot be asked.
async fn readiness(
    clients: &Clients,
    environment: &EnvironmentDescription,
    label: &str,
) -> Result<Option<String>, CloudError> {
    let Some(status) = environment.health_status() else {
        let health = environment.health().map_or("unknown", EnvironmentHealth::as_str);
        return Ok((health != "Green").then(|| format!("health {health}")));
    };
    // A warning may be the application's own: some answers of 4xx.
    if !matches!(status.as_str(), "Ok" | "Info" | "Warning") {
        return Ok(Some(format!("health {}", status.as_str())));
    }
    let mut token = None;
    loop {
        let request = clients
            .beanstalk
            .describe_instances_health()
            .set_environment_id(environment.environment_id.clone())
            .attribute_names(InstancesHealthAttribute::All)
            .set_next_token(token);
        let reply = request.send().await.map_err(reading("elasticbeanstalk:DescribeInstancesHealth"))?;
        for instance in reply.instance_health_list() {
            let runs = instance.deployment().and_then(|deployment| deployment.version_label());
            if runs != Some(label) {
                let id = instance.instance_id().unwrap_or("an instance");
                return Ok(Some(format!("{id} runs `{}`", runs.unwrap_or("nothing"))));
            }
        }
        token = reply.next_token;
        if token.is_none() {
            return Ok(None);
        }
    }
}
