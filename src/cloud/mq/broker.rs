//! RabbitMQ brokers.

use async_trait::async_trait;
use aws_sdk_mq::operation::describe_broker::DescribeBrokerOutput;
use aws_sdk_mq::types::{BrokerState, DeploymentMode, EngineType, User};
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::cloud::parts::{applies, attributes, delete_when_settled, hindrance, is_version, known, texts};
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, TagCalls, TagChange,
    Want, calling, found, reading,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

/// `broker`
pub struct Broker;

const CREATE: &str = "mq:CreateBroker";
const UPDATE: &str = "mq:UpdateBroker";
const REBOOT: &str = "mq:RebootBroker";
const DELETE: &str = "mq:DeleteBroker";
const TAGS: TagCalls = TagCalls { set: "mq:CreateTags", remove: "mq:DeleteTags" };

const BROKER: &[&str] = &["mq:{here}:broker:{name}:*"];
const IN_ITS_NAME: &str = "Amazon MQ does it in the name of who makes or deletes a broker";
const PERMISSIONS: &[Permission] = &[
    Permission::look("mq:ListBrokers", ANY),
    Permission::look("mq:DescribeBroker", BROKER),
    Permission::change(CREATE, ANY),
    Permission::change(UPDATE, BROKER).because("only when the version or instance type changes"),
    Permission::change(REBOOT, BROKER).because("only when the version or instance type changes"),
    Permission::change(TAGS.set, BROKER).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, BROKER).because("only when a tag goes"),
    Permission::delete(DELETE, BROKER),
    // Amazon MQ developer guide, "API authentication and authorization".
    Permission::change("ec2:CreateNetworkInterface", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:CreateNetworkInterfacePermission", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:ModifyNetworkInterfaceAttribute", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:CreateVpcEndpoint", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:DescribeInternetGateways", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:DescribeNetworkInterfacePermissions", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:DescribeNetworkInterfaces", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:DescribeSecurityGroups", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:DescribeSubnets", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:DescribeVpcEndpoints", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:DescribeVpcs", ANY).because(IN_ITS_NAME),
    Permission::change("iam:CreateServiceLinkedRole", SERVICE_ROLE).because(IN_ITS_NAME),
    Permission::delete("ec2:DeleteNetworkInterface", ANY).because(IN_ITS_NAME),
    Permission::delete("ec2:DeleteNetworkInterfacePermission", ANY).because(IN_ITS_NAME),
    Permission::delete("ec2:DetachNetworkInterface", ANY).because(IN_ITS_NAME),
    Permission::delete("ec2:DeleteVpcEndpoints", ANY).because(IN_ITS_NAME),
];
const SERVICE_ROLE: &[&str] =
    &["iam::{account}:role/aws-service-role/mq.amazonaws.com/AWSServiceRoleForAmazonMQ"];

/// What is remembered of a broker until a call.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Detail {
    arn: String,
    /// AWS's state.
    status: String,
    /// What holds after the next reboot.
    pending_version: Option<String>,
    pending_instance_type: Option<String>,
}

impl Detail {
    fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }

    /// Whether a change has been accepted and waits for a reboot.
    fn awaits_reboot(&self, change: &Change) -> bool {
        let wanted = change.after.as_str().unwrap_or_default();
        match change.attribute.as_str() {
            "version" => self.pending_version.as_deref().is_some_and(|pending| is_version(wanted, pending)),
            "instance_type" => self.pending_instance_type.as_deref() == Some(wanted),
            _ => false,
        }
    }
}

#[async_trait]
impl Driver for Broker {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let id = match &want.id {
            Some(id) => Some(id.clone()),
            None => id_by_name(clients, want.text("name").unwrap_or(&want.name)).await?,
        };
        let Some(id) = id else { return Ok(Observed::Absent) };
        let call = clients.mq.describe_broker().broker_id(&id);
        let broker = found(call.send().await.map_err(reading("mq:DescribeBroker")))?;
        Ok(broker.map_or(Observed::Absent, |broker| Observed::Present(Box::new(present(&broker, want)))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let mut attrs = want.desired(&[("security_groups", "id")]);
        // With none given AWS chooses.
        attrs.retain(|name, value| {
            !matches!(name.as_str(), "security_groups" | "subnets") || !value.items().is_empty()
        });
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        // What was never running holds nothing, so it is made anew.
        let remake = (Detail::of(present).status == "CREATION_FAILED").then_some(DELETE);
        if let Some(next) = hindrance(want, present, 30, remake) {
            return next;
        }
        let detail = Detail::of(present);
        let own = || changes.iter().filter(|change| change.attribute != "tags");
        let to_send: Vec<&str> = own()
            .filter(|change| !detail.awaits_reboot(change))
            .map(|change| change.attribute.as_str())
            .collect();
        if !to_send.is_empty() {
            return Next::Call(Op::new(UPDATE).with(attributes(to_send)));
        }
        if own().next().is_some() {
            return Next::Call(Op::new(REBOOT));
        }
        TAGS.next(want, present).map_or(Next::Done, Next::Call)
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        delete_when_settled(seen, 30, Op::new(DELETE))
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
            (CREATE, _) => create(clients, want).await,
            (UPDATE, Observed::Present(present)) => {
                let text = |name: &str| want.text(name).filter(|_| applies(op, name)).map(str::to_owned);
                let call = mq
                    .update_broker()
                    .broker_id(&present.id)
                    .set_engine_version(text("version"))
                    .set_host_instance_type(text("instance_type"));
                Ok(Reply::of(&call.send().await.map_err(calling(UPDATE))?, None))
            }
            (REBOOT, Observed::Present(present)) => {
                let call = mq.reboot_broker().broker_id(&present.id);
                Ok(Reply::of(&call.send().await.map_err(calling(REBOOT))?, None))
            }
            (DELETE, Observed::Present(present)) => {
                let call = mq.delete_broker().broker_id(&present.id);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
            (_, Observed::Present(present)) if TAGS.is(op) => {
                let arn = Detail::of(present).arn;
                let change = TagChange::of(op)?;
                if op.operation == TAGS.set {
                    let call =
                        mq.create_tags().resource_arn(arn).set_tags(Some(change.set.into_iter().collect()));
                    return Ok(Reply::of(&call.send().await.map_err(calling(TAGS.set))?, None));
                }
                let call = mq.delete_tags().resource_arn(arn).set_tag_keys(Some(change.remove));
                Ok(Reply::of(&call.send().await.map_err(calling(TAGS.remove))?, None))
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a broker")),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }
}

/// Brokers are found by id only, so their list is searched for the name, which is unique.
async fn id_by_name(clients: &Clients, name: &str) -> Result<Option<String>, CloudError> {
    let mut pages = clients.mq.list_brokers().max_results(100).into_paginator().items().send();
    while let Some(broker) = pages.next().await {
        let broker = broker.map_err(reading("mq:ListBrokers"))?;
        if broker.broker_name() == Some(name) {
            return Ok(broker.broker_id().map(str::to_owned));
        }
    }
    Ok(None)
}

fn present(broker: &DescribeBrokerOutput, want: &Want) -> Present {
    let status = broker.broker_state().map(BrokerState::as_str).unwrap_or_default();
    // `amqps://b-….mq.us-east-1.amazonaws.com:5671`
    let urls = broker.broker_instances().iter().flat_map(|instance| instance.endpoints());
    let url = urls.map(String::as_str).find(|url| url.starts_with("amqps://"));
    let address = url.and_then(|url| url.strip_prefix("amqps://")?.trim_end_matches('/').rsplit_once(':'));
    // AWS need not tell the users of a RabbitMQ broker.
    let username = match broker.users() {
        [user] => user.username(),
        _ => None,
    };
    let deployment = broker.deployment_mode().map(|mode| mode.as_str().to_lowercase().replace('_', "-"));
    let attrs = known([
        ("name", broker.broker_name().into()),
        ("engine", broker.engine_type().map(|engine| engine.as_str().to_lowercase()).into()),
        ("version", want.version_as_asked("version", broker.engine_version())),
        ("instance_type", broker.host_instance_type().into()),
        ("deployment", deployment.into()),
        ("username", username.into()),
        ("publicly_accessible", broker.publicly_accessible().into()),
        ("security_groups", texts(broker.security_groups().iter().map(String::as_str))),
        ("subnets", texts(broker.subnet_ids().iter().map(String::as_str))),
    ]);
    let outputs = known([
        ("endpoint", address.map(|(host, _)| host).into()),
        ("port", address.and_then(|(_, port)| port.parse::<i64>().ok()).into()),
        ("url", url.into()),
        ("arn", broker.broker_arn().into()),
    ]);
    let detail = Detail {
        arn: broker.broker_arn().unwrap_or_default().to_owned(),
        status: status.to_owned(),
        pending_version: broker.pending_engine_version().map(str::to_owned),
        pending_instance_type: broker.pending_host_instance_type().map(str::to_owned),
    };
    let mut tags: Vec<(&String, &String)> = broker.tags().into_iter().flatten().collect();
    tags.sort();
    Present {
        id: broker.broker_id().unwrap_or_default().to_owned(),
        state: state(status, broker),
        attrs,
        outputs,
        detail: serde_json::to_value(detail).unwrap_or_default(),
        note: Some(words(status)),
        ..Present::default()
    }
    .tagged(tags.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// What AWS's state means (`BrokerState` of the service model).
fn state(status: &str, broker: &DescribeBrokerOutput) -> State {
    let actions: Vec<String> = broker
        .actions_required()
        .iter()
        .map(|action| {
            let code = action.action_required_code().unwrap_or_default();
            action.action_required_info().map_or_else(|| code.to_owned(), |info| format!("{code}: {info}"))
        })
        .collect();
    let actions = if actions.is_empty() { String::new() } else { format!(" ({})", actions.join("; ")) };
    match status {
        "RUNNING" => State::Settled,
        "CREATION_FAILED" => State::Failed(format!(
            "Amazon MQ could not make the broker{actions}; the next run makes it anew: look at its subnets, security \
             groups and instance type first"
        )),
        "CRITICAL_ACTION_REQUIRED" => {
            State::Failed(format!("Amazon MQ keeps the broker from running until you act{actions}"))
        }
        busy => State::Busy(words(busy)),
    }
}

/// `DELETION_IN_PROGRESS` as people write it.
fn words(status: &str) -> String {
    status.to_lowercase().replace('_', " ")
}

async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let text = |name| want.text(name).map(str::to_owned);
    let user = User::builder()
        .set_username(text("username"))
        .set_password(want.secret("password").map(str::to_owned))
        .build();
    let mode = match want.text("deployment") {
        Some("cluster-multi-az") => DeploymentMode::ClusterMultiAz,
        _ => DeploymentMode::SingleInstance,
    };
    let groups = want.id_texts("security_groups", "id");
    let subnets = want.id_texts("subnets", "id");
    let call = clients
        .mq
        .create_broker()
        .broker_name(&want.name)
        .creator_request_id(&want.token)
        .engine_type(EngineType::Rabbitmq)
        .set_engine_version(text("version"))
        // RabbitMQ from 3.13 on knows nothing else.
        .auto_minor_version_upgrade(true)
        .set_host_instance_type(text("instance_type"))
        .deployment_mode(mode)
        .publicly_accessible(want.get("publicly_accessible") == &Value::Bool(true))
        .set_security_groups((!groups.is_empty()).then_some(groups))
        .set_subnet_ids((!subnets.is_empty()).then_some(subnets))
        .users(user)
        .set_tags(Some(want.tags.clone().into_iter().collect()));
    let made = call.send().await.map_err(calling(CREATE))?;
    Ok(Reply::of(&made, made.broker_id()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, change, seen, want};
    use aws_sdk_mq::operation::describe_broker::builders::DescribeBrokerOutputBuilder;
    use aws_sdk_mq::types::BrokerInstance;

    fn rabbit() -> Want {
        let mut want = want("broker", "shop-rabbit");
        want.attrs = attrs([
            ("engine", "rabbitmq".into()),
            ("version", "3.13".into()),
            ("instance_type", "mq.t3.micro".into()),
            ("deployment", "single-instance".into()),
            ("username", "rabbit".into()),
            ("publicly_accessible", false.into()),
            ("security_groups", Value::List(vec![Value::Handle("backend".into())])),
            ("subnets", Value::List(vec![])),
        ]);
        want.refs.insert("backend".into(), attrs([("id", "sg-1".into())]));
        want
    }

    fn broker(state: BrokerState) -> DescribeBrokerOutputBuilder {
        let instance =
            BrokerInstance::builder().endpoints("amqps://b-1.mq.us-east-1.amazonaws.com:5671").build();
        DescribeBrokerOutput::builder()
            .broker_id("b-1")
            .broker_name("shop-rabbit")
            .broker_state(state)
            .engine_type(EngineType::Rabbitmq)
            .engine_version("3.13.7")
            .host_instance_type("mq.t3.micro")
            .deployment_mode(DeploymentMode::SingleInstance)
            .publicly_accessible(false)
            .security_groups("sg-1")
            .subnet_ids("subnet-1")
            .users(aws_sdk_mq::types::UserSummary::builder().username("rabbit").build())
            .broker_instances(instance)
    }

    #[test]
    fn what_was_made_is_what_was_wanted() {
        let want = rabbit();
        let present = present(&broker(BrokerState::Running).build(), &want);
        for (name, value) in Broker.desired(&want) {
            assert_eq!(present.attrs.get(&name), Some(&value), "{name}");
        }
        assert_eq!(present.outputs.get("endpoint"), Some(&"b-1.mq.us-east-1.amazonaws.com".into()));
        assert_eq!(present.outputs.get("port"), Some(&Value::Int(5671)));
        assert!(matches!(Broker.next(&want, &seen(present), &[]), Next::Done));
    }

    #[test]
    fn a_change_is_sent_then_rebooted_into() {
        let want = rabbit();
        let changes = [change("instance_type", "mq.t3.micro".into(), "mq.m5.large".into())];
        let there = seen(present(&broker(BrokerState::Running).build(), &want));
        assert!(matches!(Broker.next(&want, &there, &changes), Next::Call(op) if op.operation == UPDATE));
        let waiting = broker(BrokerState::Running).pending_host_instance_type("mq.m5.large").build();
        let there = seen(present(&waiting, &want));
        assert!(matches!(Broker.next(&want, &there, &changes), Next::Call(op) if op.operation == REBOOT));
        let rebooting = seen(present(&broker(BrokerState::RebootInProgress).build(), &want));
        assert!(matches!(Broker.next(&want, &rebooting, &changes), Next::Wait { .. }));
    }

    #[test]
    fn a_broker_is_not_deleted_while_it_is_being_made() {
        let mut want = rabbit();
        let making = seen(present(&broker(BrokerState::CreationInProgress).build(), &want));
        assert!(matches!(Broker.next_delete(&want, &making), Next::Wait { .. }));
        let failed = seen(present(&broker(BrokerState::CreationFailed).build(), &want));
        assert!(matches!(Broker.next_delete(&want, &failed), Next::Call(op) if op.operation == DELETE));
        assert!(matches!(Broker.next(&want, &failed, &[]), Next::Call(op) if op.operation == DELETE));
        want.acted = true;
        assert!(matches!(Broker.next(&want, &failed, &[]), Next::Fail(_)));
    }
}
