//! Configurations of brokers. Each change makes a revision, at once; the brokers take it when they are told to.

use async_trait::async_trait;
use aws_sdk_mq::operation::describe_configuration::DescribeConfigurationOutput;
use aws_sdk_mq::types::{Configuration, EngineType, SanitizationWarning};
use aws_smithy_types::base64;
use std::time::Duration;

use super::{TAGS, tag};
use crate::cloud::parts::{attributes, delete_if_there, known, own};
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Renewal, Reply, Want, calling,
    found, reading,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

/// `broker_configuration`
pub struct BrokerConfiguration;

const CREATE: &str = "mq:CreateConfiguration";
const UPDATE: &str = "mq:UpdateConfiguration";
const DELETE: &str = "mq:DeleteConfiguration";
const LIST: &str = "mq:ListConfigurations";
const DESCRIBE: &str = "mq:DescribeConfiguration";
const REVISION: &str = "mq:DescribeConfigurationRevision";

const CONFIGURATION: &[&str] = &["mq:{here}:configuration:*"];
const PERMISSIONS: &[Permission] = &[
    Permission::look(LIST, ANY),
    Permission::look(DESCRIBE, CONFIGURATION),
    Permission::look(REVISION, CONFIGURATION),
    Permission::change(CREATE, ANY),
    Permission::change(UPDATE, CONFIGURATION),
    Permission::tag(TAGS.set, CONFIGURATION).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, CONFIGURATION).because("only when a tag goes"),
    Permission::delete(DELETE, CONFIGURATION),
];

#[async_trait]
impl Driver for BrokerConfiguration {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let id = match &want.id {
            Some(id) => Some(id.clone()),
            None => listed(clients, want).await?.and_then(|found| found.id),
        };
        let Some(id) = id else { return Ok(Observed::Absent) };
        let call = clients.mq.describe_configuration().configuration_id(&id);
        let Some(configuration) = found(call.send().await.map_err(reading(DESCRIBE)))? else {
            return Ok(Observed::Absent);
        };
        let revision = configuration.latest_revision().and_then(|latest| latest.revision()).unwrap_or(1);
        let call = clients.mq.describe_configuration_revision().configuration_id(&id);
        let call = call.configuration_revision(revision.to_string());
        let data = call.send().await.map_err(reading(REVISION))?.data.unwrap_or_default();
        Ok(Observed::Present(Box::new(present(&configuration, revision, &decoded(&data), want))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        want.desired(&[])
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        let own = own(changes);
        if !own.is_empty() {
            return Next::Call(Op::new(UPDATE).with(attributes(own)));
        }
        TAGS.next(want, present).map_or(Next::Done, Next::Call)
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        delete_if_there(seen, DELETE)
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let mq = &clients.mq;
        match (op.operation.as_str(), seen) {
            (CREATE, _) => {
                let activemq = want.text("engine") == Some("activemq");
                let call = mq
                    .create_configuration()
                    .name(&want.name)
                    .engine_type(if activemq { EngineType::Activemq } else { EngineType::Rabbitmq })
                    .set_engine_version(want.text("version").map(str::to_owned))
                    .set_tags(Some(want.tags.clone().into_iter().collect()));
                let made = call.send().await.map_err(calling(CREATE))?;
                Ok(Reply::of(&made, made.id()))
            }
            (UPDATE, Observed::Present(present)) => {
                let data = base64::encode(want.text("data").unwrap_or_default());
                let call = mq.update_configuration().configuration_id(&present.id).data(data);
                let done = call.send().await.map_err(calling(UPDATE))?;
                match left_out(done.warnings()) {
                    Some(why) => Err(CloudError::misuse(UPDATE, why)),
                    None => Ok(Reply::of(&done, None)),
                }
            }
            (DELETE, Observed::Present(present)) => {
                let call = mq.delete_configuration().configuration_id(&present.id);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
            (_, Observed::Present(present)) if TAGS.is(op) => {
                tag(clients, present.detail.as_str().unwrap_or_default(), op).await
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a configuration")),
        }
    }

    fn renewal(&self, _want: &Want) -> Renewal {
        Renewal::Held
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(15 * 60)
    }
}

/// What Amazon MQ did not take over, in words: it would be another change in every run.
fn left_out(warnings: &[SanitizationWarning]) -> Option<String> {
    let one = |warning: &SanitizationWarning| {
        let element = warning.element_name().unwrap_or_default();
        warning
            .attribute_name()
            .map_or_else(|| format!("<{element}>"), |name| format!("{name} of <{element}>"))
    };
    let all: Vec<String> = warnings.iter().map(one).collect();
    (!all.is_empty()).then(|| format!("Amazon MQ leaves out {}: take it out of `data`", all.join(", ")))
}

/// A configuration in the list of all, where its name, which is unique, finds it.
async fn listed(clients: &Clients, want: &Want) -> Result<Option<Configuration>, CloudError> {
    let name = want.text("name").unwrap_or(&want.name);
    let mut token = None;
    loop {
        let call = clients.mq.list_configurations().max_results(100).set_next_token(token);
        let page = call.send().await.map_err(reading(LIST))?;
        let all = page.configurations.unwrap_or_default();
        if let Some(found) = all.into_iter().find(|one| one.name() == Some(name)) {
            return Ok(Some(found));
        }
        token = page.next_token;
        if token.is_none() {
            return Ok(None);
        }
    }
}

/// The text of a revision, which AWS tells in base64; as it is told where it is none.
fn decoded(data: &str) -> String {
    let bytes = base64::decode(data.split_whitespace().collect::<String>()).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| data.to_owned())
}

/// The detail is the ARN.
fn present(seen: &DescribeConfigurationOutput, revision: i32, data: &str, want: &Want) -> Present {
    let wanted = want.text("data");
    // The ends of lines at the end are nobody's business.
    let same = wanted.is_none_or(|wanted| wanted.trim_end() == data.trim_end());
    let engine = Value::from(seen.engine_type().map(|engine| engine.as_str().to_lowercase()));
    let version = want.version_as_asked("version", seen.engine_version());
    let mut tags: Vec<(&String, &String)> = seen.tags().into_iter().flatten().collect();
    tags.sort();
    Present {
        id: seen.id().unwrap_or_default().to_owned(),
        attrs: known([
            ("name", seen.name().into()),
            ("engine", engine.clone()),
            ("version", version.clone()),
            ("data", wanted.filter(|_| same).unwrap_or(data).into()),
        ]),
        outputs: known([
            ("id", seen.id().into()),
            // The next one is known once it is there.
            ("revision", same.then(|| i64::from(revision)).into()),
            ("engine", engine),
            ("version", version),
            ("arn", seen.arn().into()),
        ]),
        detail: seen.arn().into(),
        ..Present::default()
    }
    .tagged(tags.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::testing::{attrs, want};
    use aws_sdk_mq::types::SanitizationWarningReason;

    #[test]
    fn the_revision_of_other_data_is_not_known_yet() {
        let mut tuned = want("broker_configuration", "tuned");
        tuned.attrs = attrs([("data", "heartbeat = 60\n".into())]);
        let seen = DescribeConfigurationOutput::builder().id("c-1").engine_type(EngineType::Rabbitmq).build();
        let there = present(&seen, 3, "heartbeat = 60", &tuned);
        assert_eq!(there.get("data"), &"heartbeat = 60\n".into());
        assert_eq!(there.outputs.get("revision"), Some(&Value::Int(3)));
        let there = present(&seen, 3, "heartbeat = 30", &tuned);
        assert_eq!(there.get("data"), &"heartbeat = 30".into());
        assert_eq!(there.outputs.get("revision"), None);
    }

    #[test]
    fn data_are_text_in_base64() {
        assert_eq!(decoded("aGVhcnRiZWF0ID0g\nNjAK"), "heartbeat = 60\n");
        assert_eq!(decoded("heartbeat = 60"), "heartbeat = 60");
    }

    #[test]
    fn what_is_left_out_is_told() {
        let warning = |element: &str| {
            let reason = SanitizationWarningReason::DisallowedElementRemoved;
            SanitizationWarning::builder().element_name(element).reason(reason)
        };
        let all = [warning("transport").build(), warning("broker").attribute_name("brokerName").build()];
        let words = "Amazon MQ leaves out <transport>, brokerName of <broker>: take it out of `data`";
        assert_eq!(left_out(&all).as_deref(), Some(words));
        assert_eq!(left_out(&[]), None);
    }
}
