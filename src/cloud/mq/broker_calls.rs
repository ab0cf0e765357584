//! The mutating calls of brokers.

use aws_sdk_mq::types::{
    ConfigurationId, DayOfWeek, DeploymentMode, EngineType, Logs, User, WeeklyStartTime,
};

use crate::cloud::parts::applies;
use crate::cloud::{Clients, CloudError, Op, Reply, Want, calling};
use crate::eval::Value;

pub(super) const CREATE: &str = "mq:CreateBroker";
pub(super) const UPDATE: &str = "mq:UpdateBroker";
pub(super) const UPDATE_USER: &str = "mq:UpdateUser";

fn activemq(want: &Want) -> bool {
    want.text("engine") == Some("activemq")
}

/// The wanted configuration in its newest revision, as soon as that is known.
pub(super) fn configuration(want: &Want) -> Option<ConfigurationId> {
    let Value::Handle(node) = want.get("configuration") else { return None };
    let outputs = want.refs.get(node)?;
    let revision = i32::try_from(outputs.get("revision")?.as_int()?).ok()?;
    Some(ConfigurationId::builder().id(outputs.get("id")?.as_str()?).revision(revision).build())
}

pub(super) async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let text = |name| want.text(name).map(str::to_owned);
    let user = User::builder()
        .set_username(text("username"))
        .set_password(want.secret("password").map(str::to_owned))
        // The one user of RabbitMQ is its administrator anyway.
        .set_console_access(activemq(want).then_some(true))
        .build();
    let mode = match want.text("deployment") {
        Some("cluster-multi-az") => DeploymentMode::ClusterMultiAz,
        Some("active-standby-multi-az") => DeploymentMode::ActiveStandbyMultiAz,
        _ => DeploymentMode::SingleInstance,
    };
    let groups = want.id_texts("security_groups", "id");
    let subnets = want.id_texts("subnets", "id");
    let call = clients
        .mq
        .create_broker()
        .broker_name(&want.name)
        .creator_request_id(&want.token)
        .engine_type(if activemq(want) { EngineType::Activemq } else { EngineType::Rabbitmq })
        .set_engine_version(text("version"))
        // RabbitMQ from 3.13 on, and ActiveMQ from 5.18 on, know nothing else.
        .auto_minor_version_upgrade(true)
        .set_host_instance_type(text("instance_type"))
        .deployment_mode(mode)
        .publicly_accessible(want.flag("publicly_accessible") == Some(true))
        .set_configuration(configuration(want))
        .set_security_groups((!groups.is_empty()).then_some(groups))
        .set_subnet_ids((!subnets.is_empty()).then_some(subnets))
        .logs(logs(want))
        .set_maintenance_window_start_time(window(want))
        .users(user)
        .set_tags(Some(want.tags.clone().into_iter().collect()));
    let made = call.send().await.map_err(calling(CREATE))?;
    Ok(Reply::of(&made, made.broker_id()))
}

pub(super) async fn update(clients: &Clients, want: &Want, id: &str, op: &Op) -> Result<Reply, CloudError> {
    let text = |name: &str| want.text(name).filter(|_| applies(op, name)).map(str::to_owned);
    let groups = want.id_texts("security_groups", "id");
    let call = clients
        .mq
        .update_broker()
        .broker_id(id)
        .set_configuration(configuration(want).filter(|_| applies(op, "configuration")))
        .set_engine_version(text("version"))
        .set_host_instance_type(text("instance_type"))
        .set_logs((applies(op, "general_logs") || applies(op, "audit_logs")).then(|| logs(want)))
        .set_maintenance_window_start_time(window(want).filter(|_| applies(op, "maintenance_window")))
        .set_security_groups(applies(op, "security_groups").then_some(groups));
    Ok(Reply::of(&call.send().await.map_err(calling(UPDATE))?, None))
}

/// Gives the user of an ActiveMQ broker another password.
pub(super) async fn update_user(clients: &Clients, want: &Want, id: &str) -> Result<Reply, CloudError> {
    let call = clients
        .mq
        .update_user()
        .broker_id(id)
        .set_username(want.text("username").map(str::to_owned))
        .set_password(want.secret("password").map(str::to_owned));
    Ok(Reply::of(&call.send().await.map_err(calling(UPDATE_USER))?, None))
}

/// RabbitMQ has no audit log, and must not be told of one.
fn logs(want: &Want) -> Logs {
    let audit = want.flag("audit_logs").filter(|_| activemq(want));
    Logs::builder().set_general(want.flag("general_logs")).set_audit(audit).build()
}

/// `sun:05:00`, in UTC.
fn window(want: &Want) -> Option<WeeklyStartTime> {
    let (day, time) = want.text("maintenance_window")?.split_once(':')?;
    let day = match day {
        "mon" => DayOfWeek::Monday,
        "tue" => DayOfWeek::Tuesday,
        "wed" => DayOfWeek::Wednesday,
        "thu" => DayOfWeek::Thursday,
        "fri" => DayOfWeek::Friday,
        "sat" => DayOfWeek::Saturday,
        _ => DayOfWeek::Sunday,
    };
    Some(WeeklyStartTime::builder().day_of_week(day).time_of_day(time).time_zone("UTC").build())
}
