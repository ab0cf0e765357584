//! Brokers: what is to be done next. What there is and what is sent are in `broker_seen` and `broker_calls`.

use async_trait::async_trait;
use aws_sdk_mq::types::{BrokerState, BrokerSummary};
use std::time::Duration;

use super::broker_calls::{CREATE, UPDATE, UPDATE_USER, configuration, create, update, update_user};
use super::broker_seen::{Detail, configuration_text, present};
use super::{TAGS, tag};
use crate::cloud::parts::{attributes, changed, delete_when_settled, hindrance, older, own};
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, Want, calling, found,
    reading,
};
use crate::eval::Attrs;
use crate::plan::Change;
use crate::schema::OnChange;

/// `broker`
pub struct Broker;

const REBOOT: &str = "mq:RebootBroker";
const DELETE: &str = "mq:DeleteBroker";
/// Seconds between two looks.
const POLL: u64 = 30;

const BROKER: &[&str] = &["mq:{here}:broker:{name}:*"];
const IN_ITS_NAME: &str = "Amazon MQ does it in the name of who makes or deletes a broker";
const PERMISSIONS: &[Permission] = &[
    Permission::look("mq:ListBrokers", ANY),
    Permission::look("mq:DescribeBroker", BROKER),
    Permission::change(CREATE, ANY),
    Permission::change(UPDATE, BROKER).because("only when something changes"),
    Permission::change(UPDATE_USER, BROKER).because("only for another password of ActiveMQ"),
    Permission::change(REBOOT, BROKER).because("only to apply what holds after a reboot"),
    Permission::tag(TAGS.set, BROKER).because("also needed to tag it as it is made"),
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

#[async_trait]
impl Driver for Broker {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let id = match &want.id {
            Some(id) => Some(id.clone()),
            None => listed(clients, want).await?.and_then(|broker| broker.broker_id),
        };
        let Some(id) = id else { return Ok(Observed::Absent) };
        let call = clients.mq.describe_broker().broker_id(&id);
        let broker = found(call.send().await.map_err(reading("mq:DescribeBroker")))?;
        Ok(broker.map_or(Observed::Absent, |broker| Observed::Present(Box::new(present(&broker, want)))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let mut attrs = want.desired(&[("security_groups", "id")]);
        // Until the newest revision is known it stays a reference.
        if let Some(configuration) = configuration(want) {
            attrs.insert("configuration".to_owned(), configuration_text(&configuration).into());
        }
        // With none given AWS chooses.
        attrs.retain(|name, value| {
            !matches!(name.as_str(), "security_groups" | "subnets") || !value.items().is_empty()
        });
        attrs
    }

    /// ActiveMQ takes other groups and passwords in place, RabbitMQ does not.
    fn on_change(&self, want: &Want, _present: &Present, change: &Change) -> OnChange {
        match change.attribute.as_str() {
            "password" | "security_groups" if want.text("engine") == Some("activemq") => OnChange::Update,
            _ => change.on_change,
        }
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        // What was never running holds nothing, so it is made anew.
        let remake = (Detail::of(present).status == "CREATION_FAILED").then_some(DELETE);
        if let Some(next) = hindrance(want, present, POLL, remake) {
            return next;
        }
        if let (true, Some(from), Some(to)) =
            (changed(changes, "version"), present.get("version").as_str(), want.text("version"))
            && older(to, from)
        {
            return Next::Fail(format!(
                "Amazon MQ cannot go back from {from} to {to}: write `version = \"{from}\"`, or make another broker"
            ));
        }
        let to_send: Vec<&str> = own(changes).into_iter().filter(|name| *name != "password").collect();
        if !to_send.is_empty() {
            return Next::Call(Op::new(UPDATE).with(attributes(to_send)));
        }
        if changed(changes, "password") {
            return Next::Call(Op::new(UPDATE_USER).with(attributes(["password"])));
        }
        if Detail::of(present).awaits_reboot && want.text("apply") == Some("immediately") {
            return Next::Call(Op::new(REBOOT));
        }
        TAGS.next(want, present).map_or(Next::Done, Next::Call)
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        delete_when_settled(seen, POLL, Op::new(DELETE))
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
            (UPDATE, Observed::Present(present)) => update(clients, want, &present.id, op).await,
            (UPDATE_USER, Observed::Present(present)) => update_user(clients, want, &present.id).await,
            (REBOOT, Observed::Present(present)) => {
                let call = mq.reboot_broker().broker_id(&present.id);
                Ok(Reply::of(&call.send().await.map_err(calling(REBOOT))?, None))
            }
            (DELETE, Observed::Present(present)) => {
                let call = mq.delete_broker().broker_id(&present.id);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
            (_, Observed::Present(present)) if TAGS.is(op) => {
                tag(clients, &Detail::of(present).arn, op).await
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a broker")),
        }
    }

    async fn still(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Present,
        _looks: u32,
    ) -> Result<bool, CloudError> {
        let listed = listed(clients, want).await?;
        let state = listed.as_ref().filter(|broker| broker.broker_id() == Some(seen.id.as_str()));
        let state = state.and_then(|broker| broker.broker_state()).map(BrokerState::as_str);
        Ok(state == Some(Detail::of(seen).status.as_str()))
    }

    /// Amazon MQ developer guide and field logs: seven minutes and more to make one, three to reboot or delete it.
    fn soonest(&self, op: &Op) -> Duration {
        Duration::from_secs(match op.operation.as_str() {
            CREATE => 420,
            REBOOT | DELETE => 120,
            _ => 0,
        })
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }
}

/// A broker in the list of all, where its name, which is unique, finds it; its description is found by id only.
async fn listed(clients: &Clients, want: &Want) -> Result<Option<BrokerSummary>, CloudError> {
    let name = want.text("name").unwrap_or(&want.name);
    let read = |_| async move {
        let mut pages = clients.mq.list_brokers().max_results(100).into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(broker) = pages.next().await {
            let broker = broker.map_err(reading("mq:ListBrokers"))?;
            all.extend(broker.broker_name().map(str::to_owned).map(|name| (name, broker)));
        }
        Ok(all)
    };
    clients.shared.one("mq:ListBrokers", name, read).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::parts::applies;
    use crate::cloud::testing::{attrs, change, seen, want};
    use crate::eval::Value;
    use aws_sdk_mq::operation::describe_broker::DescribeBrokerOutput;
    use aws_sdk_mq::operation::describe_broker::builders::DescribeBrokerOutputBuilder;
    use aws_sdk_mq::types::{
        BrokerInstance, BrokerState, ChangeType, DeploymentMode, EngineType, UserSummary,
    };

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
    fn a_change_is_sent_and_holds_after_a_reboot() {
        let mut want = rabbit();
        let changes = [change("instance_type", "mq.t3.micro".into(), "mq.m5.large".into())];
        let there = seen(present(&broker(BrokerState::Running).build(), &want));
        assert!(matches!(Broker.next(&want, &there, &changes), Next::Call(op) if op.operation == UPDATE));
        let waiting = broker(BrokerState::Running).pending_host_instance_type("mq.m5.large").build();
        let waiting = present(&waiting, &want);
        assert_eq!(waiting.get("instance_type"), &"mq.m5.large".into());
        assert!(
            waiting
                .pending
                .as_ref()
                .is_some_and(|words| words.starts_with("instance type mq.m5.large after"))
        );
        let there = seen(waiting);
        assert!(matches!(Broker.next(&want, &there, &[]), Next::Done));
        want.attrs.insert("apply".into(), "immediately".into());
        assert!(matches!(Broker.next(&want, &there, &[]), Next::Call(op) if op.operation == REBOOT));
        let rebooting = seen(present(&broker(BrokerState::RebootInProgress).build(), &want));
        assert!(matches!(Broker.next(&want, &rebooting, &changes), Next::Wait { .. }));
    }

    #[test]
    fn activemq_changes_in_place_what_rabbitmq_does_not() {
        let mut want = rabbit();
        let there = present(&broker(BrokerState::Running).build(), &want);
        let replaced =
            |name| Change { on_change: OnChange::Replace, ..change(name, Value::None, Value::None) };
        assert_eq!(Broker.on_change(&want, &there, &replaced("security_groups")), OnChange::Replace);
        want.attrs.insert("engine".into(), "activemq".into());
        assert_eq!(Broker.on_change(&want, &there, &replaced("security_groups")), OnChange::Update);
        assert_eq!(Broker.on_change(&want, &there, &replaced("username")), OnChange::Replace);
        let both = [replaced("password"), replaced("security_groups")];
        let Next::Call(op) = Broker.next(&want, &seen(there.clone()), &both) else { panic!() };
        assert!(op.operation == UPDATE && applies(&op, "security_groups") && !applies(&op, "password"));
        assert!(
            matches!(Broker.next(&want, &seen(there), &both[..1]), Next::Call(op) if op.operation == UPDATE_USER)
        );
    }

    #[test]
    fn a_standby_is_named_beside_the_active_instance() {
        let instance = |n: u8| {
            BrokerInstance::builder()
                .console_url(format!("https://b-{n}.mq.amazonaws.com:8162"))
                .endpoints(format!("ssl://b-{n}.mq.amazonaws.com:61617"))
                .endpoints(format!("stomp+ssl://b-{n}.mq.amazonaws.com:61614"))
                .build()
        };
        let active = DescribeBrokerOutput::builder()
            .broker_state(BrokerState::Running)
            .users(UserSummary::builder().username("app").pending_change(ChangeType::Update).build())
            .broker_instances(instance(1))
            .broker_instances(instance(2));
        let there = present(&active.build(), &rabbit());
        let output = |name: &str| there.outputs.get(name).and_then(Value::as_str).map(str::to_owned).unwrap();
        assert_eq!(
            output("url"),
            "failover:(ssl://b-1.mq.amazonaws.com:61617,ssl://b-2.mq.amazonaws.com:61617)"
        );
        assert_eq!(
            (output("endpoint"), output("console")),
            ("b-1.mq.amazonaws.com".into(), "https://b-1.mq.amazonaws.com:8162".into())
        );
        assert_eq!(
            output("stomp"),
            "stomp+ssl://b-1.mq.amazonaws.com:61614,stomp+ssl://b-2.mq.amazonaws.com:61614"
        );
        assert!(there.pending.is_some_and(|words| words.starts_with("user app after the next reboot")));
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
