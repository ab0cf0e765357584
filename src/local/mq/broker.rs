//! A broker: what it is, where it is in its life, how it is told of.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{bad, broker};
use crate::local::common::{self, Tags, iso};
use crate::local::{Call, Cx, Fault, Reply, State};

/// A broker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Broker {
    /// `b-…`
    pub id: String,
    pub name: String,
    pub engine: String,
    pub version: String,
    pub instance_type: String,
    /// `SINGLE_INSTANCE`, `CLUSTER_MULTI_AZ`, `ACTIVE_STANDBY_MULTI_AZ`
    pub mode: String,
    pub public: bool,
    pub groups: Vec<String>,
    pub subnets: Vec<String>,
    /// The private addresses of its instances.
    pub addresses: Vec<String>,
    pub auto_minor: bool,
    /// Whether general logs are sent to CloudWatch.
    pub logs: bool,
    /// Whether audit logs are; ActiveMQ only.
    pub audit: bool,
    /// `{"dayOfWeek", "timeOfDay", "timeZone"}`
    pub maintenance_window: Value,
    /// The names of its users; their passwords are kept nowhere.
    pub users: Vec<String>,
    /// The id of its configuration.
    pub configuration: String,
    /// And which revision of it.
    #[serde(default = "first")]
    pub revision: i64,
    /// Those that hold after a reboot.
    #[serde(default)]
    pub pending_configuration: Option<(String, i64)>,
    pub host: String,
    pub tags: Tags,
    /// The token of the request that made it, and what that request asked for.
    pub token: Option<(String, String)>,
    pub created_at: i64,
    /// When it can be used first.
    pub running_at: i64,
    pub pending_version: Option<String>,
    pub pending_instance_type: Option<String>,
    /// General and audit.
    pub pending_logs: Option<(bool, bool)>,
    /// Users with changes that hold after a reboot.
    pub pending_users: Vec<String>,
    /// When it is up again, if it is being rebooted.
    pub rebooted_at: Option<i64>,
    /// When it is gone, if it is being deleted.
    pub gone_at: Option<i64>,
    /// The bad end that it came to: `CREATION_FAILED`, or the action that is required of its owner.
    #[serde(default)]
    pub failure: Option<String>,
}

fn first() -> i64 {
    1
}

impl Broker {
    /// Its state at a time, in the service's words.
    pub fn state(&self, now: i64) -> &'static str {
        if self.gone_at.is_some() {
            "DELETION_IN_PROGRESS"
        } else if now < self.running_at {
            "CREATION_IN_PROGRESS"
        } else if self.rebooted_at.is_some_and(|at| now < at) {
            "REBOOT_IN_PROGRESS"
        } else if let Some(failure) = &self.failure {
            if failure == "CREATION_FAILED" { "CREATION_FAILED" } else { "CRITICAL_ACTION_REQUIRED" }
        } else {
            "RUNNING"
        }
    }

    /// Makes pending values its own once a reboot is over.
    pub(super) fn settle(&mut self, now: i64) {
        if self.rebooted_at.is_some_and(|at| at <= now) {
            self.rebooted_at = None;
            self.version = self.pending_version.take().unwrap_or_else(|| self.version.clone());
            self.instance_type =
                self.pending_instance_type.take().unwrap_or_else(|| self.instance_type.clone());
            if let Some((id, revision)) = self.pending_configuration.take() {
                (self.configuration, self.revision) = (id, revision);
            }
            (self.logs, self.audit) = self.pending_logs.take().unwrap_or((self.logs, self.audit));
            self.pending_users.clear();
        }
    }

    /// Its ARN.
    pub fn arn(&self, cx: &Cx) -> String {
        common::arn(cx, "mq", &format!("broker:{}:{}", self.name, self.id))
    }

    fn summary(&self, cx: &Cx) -> Value {
        json!({
            "brokerArn": self.arn(cx), "brokerId": self.id, "brokerName": self.name, "brokerState": self.state(cx.now),
            "created": iso(self.created_at), "deploymentMode": self.mode, "engineType": self.engine,
            "hostInstanceType": self.instance_type,
        })
    }

    /// What its owner has to do, such as `RABBITMQ_MEMORY_ALARM` says.
    fn actions(&self, now: i64) -> Value {
        let code = self.failure.as_ref().filter(|_| self.state(now) == "CRITICAL_ACTION_REQUIRED");
        let action = |code| json!({ "actionRequiredCode": code, "actionRequiredInfo": "" });
        code.map(action).into_iter().collect()
    }

    fn instances(&self, now: i64) -> Value {
        if matches!(self.state(now), "CREATION_IN_PROGRESS") {
            return json!([]);
        }
        if self.engine == "RABBITMQ" {
            // One name for all instances, behind a load balancer of AWS's.
            let endpoint = format!("amqps://{}:5671", self.host);
            return json!([{ "consoleURL": format!("https://{}", self.host), "endpoints": [endpoint] }]);
        }
        let instance = |(at, address): (usize, &String)| {
            let host = self.host_of(at);
            let endpoints = [
                format!("ssl://{host}:61617"),
                format!("amqp+ssl://{host}:5671"),
                format!("stomp+ssl://{host}:61614"),
                format!("mqtt+ssl://{host}:8883"),
                format!("wss://{host}:61619"),
            ];
            json!({ "consoleURL": format!("https://{host}:8162"), "endpoints": endpoints, "ipAddress": address })
        };
        self.addresses.iter().enumerate().map(instance).collect()
    }

    /// Whether it has a configuration, or will have after a reboot.
    pub(super) fn has_configuration(&self, id: &str) -> bool {
        self.configuration == id || self.pending_configuration.as_ref().is_some_and(|(other, _)| other == id)
    }

    fn configurations(&self) -> Value {
        let mut all =
            json!({ "current": { "id": self.configuration, "revision": self.revision }, "history": [] });
        if let (Some(members), Some((id, revision))) = (all.as_object_mut(), &self.pending_configuration) {
            members.insert("pending".to_owned(), json!({ "id": id, "revision": revision }));
        }
        all
    }

    fn user(&self, name: &str) -> Value {
        match self.pending_users.iter().any(|pending| pending == name) {
            true => json!({ "username": name, "pendingChange": "UPDATE" }),
            false => json!({ "username": name }),
        }
    }

    /// The host name of one of its instances; all those of RabbitMQ have one.
    fn host_of(&self, at: usize) -> String {
        match self.engine == "RABBITMQ" {
            true => self.host.clone(),
            false => self.host.replacen('.', &format!("-{}.", at + 1), 1),
        }
    }

    pub(super) fn has_host(&self, host: &str) -> bool {
        (0..self.addresses.len().max(1)).any(|at| self.host_of(at) == host)
    }

    /// Where it listens.
    pub fn ports(&self) -> Vec<u16> {
        match self.engine == "RABBITMQ" {
            true => vec![5671, 443, 15671],
            false => vec![61617, 5671, 61614, 8883, 61619, 8162],
        }
    }

    fn description(&self, cx: &Cx) -> Value {
        let mut value = self.summary(cx);
        let rabbit = self.engine == "RABBITMQ";
        // RabbitMQ's users are the broker's own business.
        let users: Vec<Value> =
            if rabbit { vec![] } else { self.users.iter().map(|name| self.user(name)).collect() };
        let group = |kind: &str| format!("/aws/amazonmq/broker/{}/{kind}", self.id);
        let mut logs = json!({ "general": self.logs, "generalLogGroup": group("general") });
        if let Some(members) = logs.as_object_mut() {
            if !rabbit {
                members.insert("audit".to_owned(), json!(self.audit));
                members.insert("auditLogGroup".to_owned(), json!(group("audit")));
            }
            if let Some((general, audit)) = self.pending_logs {
                let pending = match rabbit {
                    true => json!({ "general": general }),
                    false => json!({ "general": general, "audit": audit }),
                };
                members.insert("pending".to_owned(), pending);
            }
        }
        let more = json!({
            "actionsRequired": self.actions(cx.now), "authenticationStrategy": "SIMPLE", "autoMinorVersionUpgrade": self.auto_minor,
            "brokerInstances": self.instances(cx.now),
            "configurations": self.configurations(),
            "encryptionOptions": { "useAwsOwnedKey": true }, "engineVersion": self.version, "logs": logs,
            "maintenanceWindowStartTime": self.maintenance_window, "publiclyAccessible": self.public,
            "securityGroups": self.groups, "storageType": if rabbit { "EBS" } else { "EFS" }, "subnetIds": self.subnets, "tags": self.tags,
            "users": users, "dataReplicationMode": "NONE",
        });
        if let (Some(members), Value::Object(more)) = (value.as_object_mut(), more) {
            members.extend(more);
            let pending = [
                ("pendingEngineVersion", &self.pending_version),
                ("pendingHostInstanceType", &self.pending_instance_type),
            ];
            members.extend(
                pending
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))),
            );
        }
        value
    }
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let broker = broker(state, cx, call)?;
    Ok(Reply::Json(broker.description(cx)))
}

pub fn list(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let max = call.int("maxResults").unwrap_or(100);
    if !(1..=100).contains(&max) {
        return bad(format!("maxResults [{max}] is invalid: it must be between 1 and 100."));
    }
    let all: Vec<Value> =
        state.mq.region(&cx.region).brokers.values().map(|broker| broker.summary(cx)).collect();
    let token = call.text("nextToken");
    let max = call.page_of(usize::try_from(max).unwrap_or(100));
    let Some((brokers, next)) = common::page(all, token.as_deref(), max) else {
        return bad("nextToken is invalid.");
    };
    let mut reply = json!({ "brokerSummaries": brokers });
    if let (Some(members), Some(next)) = (reply.as_object_mut(), next) {
        members.insert("nextToken".to_owned(), Value::String(next));
    }
    Ok(Reply::Json(reply))
}

pub fn list_users(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let broker = broker(state, cx, call)?;
    if broker.engine == "RABBITMQ" {
        return bad("Listing users is not supported for RabbitMQ brokers.");
    }
    let users: Vec<Value> = broker.users.iter().map(|name| broker.user(name)).collect();
    Ok(Reply::Json(json!({ "brokerId": broker.id, "maxResults": 100, "users": users })))
}
