//! Making brokers: what Amazon MQ refuses, and what it makes of the rest.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

use super::broker::Broker;
use super::{bad, configurations, engines};
use crate::local::common::{MINUTE, Tags, spread};
use crate::local::state::hex;
use crate::local::{Call, Cx, Fault, Reply, State, Wearer};

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let required =
        |name: &str| call.text(name).map_or_else(|| bad(format!("{name} is a required field.")), Ok);
    let (name, mode) = (required("brokerName")?, required("deploymentMode")?);
    let (engine, instance_type) = (engines::engine(&required("engineType")?)?, required("hostInstanceType")?);
    let Some(public) = call.flag("publiclyAccessible") else {
        return bad("publiclyAccessible is a required field.");
    };
    let token = call.text("creatorRequestId").map(|token| (token, fingerprint(call)));
    if let Some(broker) = made_before(state, cx, token.as_ref())? {
        return Ok(reply(cx, &broker));
    }
    let version = engines::version(&engine, call.text("engineVersion").as_deref())?;
    check_name(&name)?;
    check_mode(&engine, &mode)?;
    engines::check_instance(&engine, &instance_type, &mode)?;
    let auto_minor = call.flag("autoMinorVersionUpgrade").unwrap_or(false);
    if engine == "RABBITMQ" && version != "3.12" && !version.starts_with("3.12.") && !auto_minor {
        return bad("Broker engine version [3.13] and later require autoMinorVersionUpgrade to be true.");
    }
    let users = check_users(&call.list("users"), &engine)?;
    if engine == "RABBITMQ" && call.flag("logs.audit") == Some(true) {
        return bad("Audit logging is not supported for RabbitMQ brokers.");
    }
    if state.mq.region(&cx.region).brokers.values().any(|broker| broker.name == name) {
        let message = format!("Broker name [{name}] is already in use.");
        return Err(Fault::new(409, "ConflictException", message));
    }
    let given = configurations::of_broker(state, cx, call, &engine)?;
    let subnets = subnets(state, cx, call, &mode, &engine, public)?;
    let groups = groups(state, cx, call, &engine, public)?;
    let took = match mode.as_str() {
        "SINGLE_INSTANCE" => spread(&format!("mq create {name}"), 8 * MINUTE, 11 * MINUTE),
        _ => spread(&format!("mq create {name}"), 15 * MINUTE, 20 * MINUTE),
    };
    let id = format!("b-{}", state.uuid());
    let own = format!("c-{}", state.uuid());
    let (configuration, revision) = given.unwrap_or((own, 1));
    let wearer = format!("mq/{id}");
    let description = "Amazon MQ network interface for broker";
    let standing = if public && engine == "RABBITMQ" { &[][..] } else { &subnets[..] };
    let addresses =
        state.attach(cx, &Wearer { name: &wearer, description, groups: &groups, subnets: standing });
    let broker = Broker {
        host: format!("{id}.mq.{}.on.aws", cx.region),
        id: id.clone(),
        maintenance_window: call
            .params
            .get("maintenanceWindowStartTime")
            .cloned()
            .unwrap_or_else(|| json!({ "dayOfWeek": "SUNDAY", "timeOfDay": "05:00", "timeZone": "UTC" })),
        tags: tags(call),
        logs: call.flag("logs.general").unwrap_or(false),
        created_at: cx.now,
        running_at: cx.now + took,
        pending_version: None,
        pending_instance_type: None,
        pending_logs: None,
        pending_users: Vec::new(),
        audit: call.flag("logs.audit").unwrap_or(false),
        rebooted_at: None,
        gone_at: None,
        failure: None,
        name,
        engine,
        version,
        instance_type,
        mode,
        public,
        groups,
        subnets,
        addresses,
        auto_minor,
        users,
        configuration,
        revision,
        pending_configuration: None,
        token,
    };
    let reply = reply(cx, &broker);
    state.mq.region(&cx.region).brokers.insert(id, broker);
    Ok(reply)
}

fn reply(cx: &Cx, broker: &Broker) -> Reply {
    Reply::Json(json!({ "brokerArn": broker.arn(cx), "brokerId": broker.id }))
}

/// The broker that an earlier request with the same token made.
fn made_before(
    state: &mut State,
    cx: &Cx,
    token: Option<&(String, String)>,
) -> Result<Option<Broker>, Fault> {
    let Some((token, asked)) = token else { return Ok(None) };
    let mut brokers = state.mq.region(&cx.region).brokers.values();
    let same_token = |broker: &&Broker| broker.token.as_ref().is_some_and(|(other, _)| other == token);
    match brokers.find(same_token) {
        Some(broker) if broker.token.as_ref().is_some_and(|(_, before)| before == asked) => {
            Ok(Some(broker.clone()))
        }
        Some(_) => Err(Fault::new(
            409,
            "ConflictException",
            "The creatorRequestId was used for a request with other parameters.",
        )),
        None => Ok(None),
    }
}

/// What a request asks for, passwords left out.
fn fingerprint(call: &Call) -> String {
    let mut params = call.params.clone();
    for user in params.get_mut("users").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(members) = user.as_object_mut() {
            members.shift_remove("password");
        }
    }
    hex(&Sha256::digest(params.to_string()))
}

fn check_name(name: &str) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match (1..=50).contains(&name.len()) && name.chars().all(allowed) {
        true => Ok(()),
        false => bad(format!(
            "Broker name [{name}] is invalid. It must have 1 to 50 letters, digits, dashes and underscores."
        )),
    }
}

fn check_mode(engine: &str, mode: &str) -> Result<(), Fault> {
    let fits = match mode {
        "SINGLE_INSTANCE" => true,
        "CLUSTER_MULTI_AZ" => engine == "RABBITMQ",
        "ACTIVE_STANDBY_MULTI_AZ" => engine == "ACTIVEMQ",
        _ => false,
    };
    match fits {
        true => Ok(()),
        false => bad(format!("Deployment mode [{mode}] is not supported for engine type [{engine}].")),
    }
}

fn check_users(users: &[Value], engine: &str) -> Result<Vec<String>, Fault> {
    if users.is_empty() || (engine == "RABBITMQ" && users.len() != 1) {
        return bad(match engine {
            "RABBITMQ" => "A RabbitMQ broker is created with exactly one administrative user.",
            _ => "An ActiveMQ broker is created with at least one user.",
        });
    }
    let mut names = Vec::new();
    for user in users {
        let text = |name: &str| user.get(name).and_then(Value::as_str).unwrap_or_default();
        let (name, password) = (text("username"), text("password"));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        if !(2..=100).contains(&name.len()) || !name.chars().all(allowed) {
            return bad(
                "Broker user name is invalid. It must have 2 to 100 letters, digits, dashes, periods, underscores and tildes.",
            );
        }
        if engine == "RABBITMQ" && name == "guest" {
            return bad("Broker user name [guest] is reserved.");
        }
        check_password(password)?;
        names.push(name.to_owned());
    }
    Ok(names)
}

pub(super) fn check_password(password: &str) -> Result<(), Fault> {
    let different: BTreeSet<char> = password.chars().collect();
    if !(12..=250).contains(&password.len()) || different.len() < 4 || password.contains([',', ':', '=']) {
        return bad(
            "Broker user password is invalid. It must have 12 to 250 characters, at least 4 different ones, and no commas, colons and equals signs.",
        );
    }
    Ok(())
}

fn subnets(
    state: &mut State,
    cx: &Cx,
    call: &Call,
    mode: &str,
    engine: &str,
    public: bool,
) -> Result<Vec<String>, Fault> {
    let region = state.ec2.region(&cx.region);
    let given = call.texts("subnetIds");
    let count = match mode {
        "SINGLE_INSTANCE" => 1,
        "ACTIVE_STANDBY_MULTI_AZ" => 2,
        _ => 3,
    };
    if given.is_empty() {
        return Ok(region.subnets.iter().take(count).map(|subnet| subnet.id.clone()).collect());
    }
    if public && engine == "RABBITMQ" && mode == "CLUSTER_MULTI_AZ" {
        return bad("Subnets cannot be specified for a publicly accessible RabbitMQ cluster.");
    }
    let mut zones = BTreeSet::new();
    for id in &given {
        match region.subnet(id) {
            Some(subnet) => zones.insert(subnet.zone.clone()),
            None => return bad(format!("Subnet id [{id}] is invalid: it does not exist.")),
        };
    }
    if mode == "SINGLE_INSTANCE" && given.len() != 1 {
        return bad(format!(
            "Specify exactly 1 subnet for the deployment mode [{mode}]; {} were given.",
            given.len()
        ));
    }
    if mode == "ACTIVE_STANDBY_MULTI_AZ" && given.len() != 2 {
        return bad(format!(
            "Specify exactly 2 subnets for the deployment mode [{mode}]; {} were given.",
            given.len()
        ));
    }
    if zones.len() != given.len() {
        return bad("Subnets must be in different Availability Zones.");
    }
    Ok(given)
}

fn groups(state: &mut State, cx: &Cx, call: &Call, engine: &str, public: bool) -> Result<Vec<String>, Fault> {
    let region = state.ec2.region(&cx.region);
    let given = call.texts("securityGroups");
    if public && engine == "RABBITMQ" {
        return match given.is_empty() {
            true => Ok(vec![]),
            false => bad("Security groups are not supported for publicly accessible RabbitMQ brokers."),
        };
    }
    if given.is_empty() {
        return Ok(region.default_group().into_iter().collect());
    }
    if given.len() > 5 {
        return bad("A broker has at most 5 security groups.");
    }
    match region.stranger(&given, &region.vpc.id) {
        Some(stranger) => bad(format!("Security group id [{stranger}] is invalid: it does not exist.")),
        None => Ok(given),
    }
}

pub(super) fn tags(call: &Call) -> Tags {
    let given = call.params.get("tags").and_then(Value::as_object).cloned().unwrap_or_default();
    given.into_iter().map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned())).collect()
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::Client;
    use serde_json::{Value, json};

    pub(crate) fn good() -> Value {
        json!({
            "brokerName": "rabbit", "deploymentMode": "SINGLE_INSTANCE", "engineType": "RabbitMQ", "engineVersion": "3.13",
            "hostInstanceType": "mq.t3.micro", "publiclyAccessible": false, "autoMinorVersionUpgrade": true,
            "creatorRequestId": "token-1", "users": [{ "username": "admin", "password": "a-good-password" }],
            "tags": { "a": "b" },
        })
    }

    /// Status, body, and the code of a refusal.
    pub(crate) fn call(client: &Client, method: &str, path: &str, body: &Value) -> (u16, Value, String) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = client.rest("mq", method, path, body.as_bytes());
        let code = response.headers.iter().find(|(name, _)| name == "x-amzn-errortype");
        let code = code.map(|(_, code)| code.clone()).unwrap_or_default();
        (response.status, serde_json::from_slice(&response.body).unwrap_or(Value::Null), code)
    }

    #[test]
    fn the_same_token_makes_one_broker() {
        let client = Client::new();
        let (_, first, _) = call(&client, "POST", "/v1/brokers", &good());
        let (status, second, _) = call(&client, "POST", "/v1/brokers", &good());
        assert_eq!((status, &first), (200, &second));
        let mut other = good();
        other["creatorRequestId"] = json!("token-2");
        assert_eq!(call(&client, "POST", "/v1/brokers", &other).2, "ConflictException");
        let path = format!("/v1/brokers/{}", first["brokerId"].as_str().unwrap());
        let (_, broker, _) = call(&client, "GET", &path, &Value::Null);
        assert_eq!(
            (&broker["brokerState"], &broker["brokerInstances"]),
            (&json!("CREATION_IN_PROGRESS"), &json!([]))
        );
        client.wait(700);
        let (_, broker, _) = call(&client, "GET", &path, &Value::Null);
        assert_eq!((&broker["brokerState"], &broker["engineType"]), (&json!("RUNNING"), &json!("RABBITMQ")));
        let endpoint = broker["brokerInstances"][0]["endpoints"][0].as_str().unwrap();
        assert!(endpoint.starts_with("amqps://b-") && endpoint.ends_with(":5671"), "{endpoint}");
        let (_, list, _) = call(&client, "GET", "/v1/brokers?maxResults=5", &Value::Null);
        assert_eq!(list["brokerSummaries"][0]["brokerName"], "rabbit");
    }

    #[test]
    fn what_amazon_mq_refuses() {
        let client = Client::new();
        for (member, value) in [
            ("brokerName", json!("no spaces")),
            ("engineType", json!("KAFKA")),
            ("engineVersion", json!("2.0")),
            ("engineVersion", json!("3.13.7")),
            ("hostInstanceType", json!("t3.micro")),
            ("deploymentMode", json!("CLUSTER_MULTI_AZ")),
            ("deploymentMode", json!("ACTIVE_STANDBY_MULTI_AZ")),
            ("autoMinorVersionUpgrade", json!(false)),
            ("users", json!([])),
            ("users", json!([{ "username": "admin", "password": "short" }])),
            ("users", json!([{ "username": "admin", "password": "with:a:colon:in:it" }])),
            ("subnetIds", json!(["subnet-1"])),
            ("securityGroups", json!(["sg-1"])),
            ("publiclyAccessible", json!(null)),
        ] {
            let mut body = good();
            body[member] = value.clone();
            let (status, reply, code) = call(&client, "POST", "/v1/brokers", &body);
            assert_eq!((status, code.as_str()), (400, "BadRequestException"), "{member} {value} {reply}");
        }
    }
}
