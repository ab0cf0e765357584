//! Changing, rebooting and deleting brokers.

use serde_json::{Value, json};

use super::create::check_password;
use super::{bad, broker, configurations, engines};
use crate::local::common::{MINUTE, spread};
use crate::local::{Call, Cx, Fault, Reply, State};

pub fn update(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let found = broker(state, cx, call)?;
    if found.state(cx.now) != "RUNNING" {
        return bad(format!(
            "Broker [{}] cannot be updated in the state [{}].",
            found.id,
            found.state(cx.now)
        ));
    }
    let known = [
        "broker-id",
        "autoMinorVersionUpgrade",
        "configuration",
        "engineVersion",
        "hostInstanceType",
        "logs",
        "maintenanceWindowStartTime",
        "securityGroups",
    ];
    let given: Vec<&String> = call.params.as_object().map(|all| all.keys().collect()).unwrap_or_default();
    if let Some(unknown) = given.iter().find(|name| !known.contains(&name.as_str())) {
        return bad(format!("The local cloud cannot update {unknown}"));
    }
    let rabbit = found.engine == "RABBITMQ";
    if rabbit && call.params.get("securityGroups").is_some() {
        return bad("Changing security groups is not supported for RabbitMQ brokers.");
    }
    let version = match call.text("engineVersion") {
        Some(wanted) => Some(engines::version(&found.engine, Some(&wanted))?),
        None => None,
    };
    let instance_type = call.text("hostInstanceType");
    if let Some(instance_type) = &instance_type {
        engines::check_instance(&found.engine, instance_type, &found.mode)?;
        if instance_type == "mq.t3.micro" && found.instance_type != *instance_type {
            return bad(format!("Cannot downgrade from [{}] to [{instance_type}].", found.instance_type));
        }
    }
    if rabbit && call.flag("logs.audit") == Some(true) {
        return bad("Audit logging is not supported for RabbitMQ brokers.");
    }
    let engine = found.engine.clone();
    let configuration = configurations::of_broker(state, cx, call, &engine)?;
    let groups = call.texts("securityGroups");
    let vpc = state.ec2.region(&cx.region);
    if let Some(stranger) = vpc.stranger(&groups, &vpc.vpc.id) {
        return bad(format!("Security group id [{stranger}] is invalid: it does not exist."));
    }
    let found = broker(state, cx, call)?;
    // These wait for a reboot or the maintenance window.
    if let Some(wanted) = configuration {
        let has = (found.configuration.clone(), found.revision);
        found.pending_configuration = (wanted != has).then_some(wanted);
    }
    if let Some(version) = version {
        found.pending_version = (version != found.version).then_some(version);
    }
    if let Some(instance_type) = instance_type {
        found.pending_instance_type = (instance_type != found.instance_type).then_some(instance_type);
    }
    let logs =
        (call.flag("logs.general").unwrap_or(found.logs), call.flag("logs.audit").unwrap_or(found.audit));
    if call.params.get("logs").is_some() {
        found.pending_logs = (logs != (found.logs, found.audit)).then_some(logs);
    }
    found.auto_minor = call.flag("autoMinorVersionUpgrade").unwrap_or(found.auto_minor);
    if let Some(window) = call.params.get("maintenanceWindowStartTime") {
        found.maintenance_window = window.clone();
    }
    if !groups.is_empty() {
        found.groups.clone_from(&groups);
    }
    let mut reply = json!({
        "brokerId": found.id, "autoMinorVersionUpgrade": found.auto_minor,
        "engineVersion": found.pending_version.as_ref().unwrap_or(&found.version),
        "hostInstanceType": found.pending_instance_type.as_ref().unwrap_or(&found.instance_type),
        "maintenanceWindowStartTime": found.maintenance_window,
        "logs": { "general": found.pending_logs.map_or(found.logs, |(general, _)| general) },
    });
    if let (Some(members), false) = (reply.as_object_mut(), groups.is_empty()) {
        members.insert("securityGroups".to_owned(), json!(groups));
    }
    let wearer = format!("mq/{}", found.id);
    if !groups.is_empty() {
        state.regroup(cx, &wearer, &groups);
    }
    Ok(Reply::Json(reply))
}

/// What Amazon MQ says to whoever changes the users of RabbitMQ.
pub const NO_USERS: &str =
    "This operation is not supported for RabbitMQ brokers: use the broker's own management API.";

/// Changes a user's password, which is kept nowhere.
pub fn update_user(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let broker = broker(state, cx, call)?;
    if broker.engine == "RABBITMQ" {
        return bad(NO_USERS);
    }
    let name = call.text("username").unwrap_or_default();
    if !broker.users.contains(&name) {
        let message = format!("Can't find requested user [{name}]. Make sure your user exists.");
        return Err(Fault::new(404, "NotFoundException", message));
    }
    if let Some(password) = call.text("password") {
        check_password(&password)?;
    }
    if !broker.pending_users.contains(&name) {
        broker.pending_users.push(name);
    }
    Ok(Reply::Json(json!({})))
}

pub fn reboot(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let broker = broker(state, cx, call)?;
    if broker.state(cx.now) != "RUNNING" {
        return bad(format!(
            "Broker [{}] cannot be rebooted in the state [{}].",
            broker.id,
            broker.state(cx.now)
        ));
    }
    broker.rebooted_at = Some(cx.now + spread(&format!("mq reboot {}", broker.name), 3 * MINUTE, 5 * MINUTE));
    Ok(Reply::Json(json!({})))
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let broker = broker(state, cx, call)?;
    if !matches!(broker.state(cx.now), "RUNNING" | "CREATION_FAILED") {
        return bad(format!(
            "Broker [{}] can only be deleted when it is RUNNING or CREATION_FAILED; it is [{}].",
            broker.id,
            broker.state(cx.now)
        ));
    }
    let gone_at = cx.now + spread(&format!("mq delete {}", broker.name), 3 * MINUTE, 6 * MINUTE);
    broker.gone_at = Some(gone_at);
    let (id, wearer) = (broker.id.clone(), format!("mq/{}", broker.id));
    // The interfaces of brokers linger.
    state.detach(cx, &wearer, gone_at + MINUTE);
    Ok(Reply::Json(Value::Object([("brokerId".to_owned(), Value::String(id))].into_iter().collect())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::create::tests::{call, good};
    use crate::local::testing::Client;
    use serde_json::{Value, json};

    #[test]
    fn changes_wait_for_a_reboot() {
        let client = Client::new();
        let (_, made, _) = call(&client, "POST", "/v1/brokers", &good());
        let path = format!("/v1/brokers/{}", made["brokerId"].as_str().unwrap());
        let reboot = format!("{path}/reboot");
        let seen = |member: &str| call(&client, "GET", &path, &Value::Null).1[member].clone();
        assert_eq!(call(&client, "DELETE", &path, &Value::Null).2, "BadRequestException");
        client.wait(700);
        let groups = json!({ "securityGroups": ["sg-1"] });
        assert_eq!(call(&client, "PUT", &path, &groups).2, "BadRequestException");
        let bigger = json!({ "hostInstanceType": "mq.m5.large" });
        assert_eq!(call(&client, "PUT", &path, &bigger).0, 200);
        assert_eq!(
            (seen("hostInstanceType"), seen("pendingHostInstanceType")),
            (json!("mq.t3.micro"), json!("mq.m5.large"))
        );
        assert_eq!(call(&client, "POST", &reboot, &Value::Null).0, 200);
        assert_eq!(seen("brokerState"), "REBOOT_IN_PROGRESS");
        client.wait(300);
        assert_eq!(
            (seen("hostInstanceType"), seen("pendingHostInstanceType")),
            (json!("mq.m5.large"), Value::Null)
        );
        let smaller = json!({ "hostInstanceType": "mq.t3.micro" });
        assert_eq!(call(&client, "PUT", &path, &smaller).2, "BadRequestException");
        assert_eq!(call(&client, "DELETE", &path, &Value::Null).0, 200);
        assert_eq!(seen("brokerState"), "DELETION_IN_PROGRESS");
        client.wait(360);
        assert_eq!(call(&client, "GET", &path, &Value::Null).2, "NotFoundException");
    }
}
