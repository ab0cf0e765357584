//! Brokers as they are: attributes, outputs, and what their state means.

use aws_sdk_mq::operation::describe_broker::DescribeBrokerOutput;
use aws_sdk_mq::types::{BrokerState, ConfigurationId, WeeklyStartTime};
use serde::{Deserialize, Serialize};

use crate::cloud::parts::{AFTER_REBOOT, known, texts};
use crate::cloud::{Present, State, Want};
use crate::eval::Attrs;

/// What is remembered of a broker until a call.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Detail {
    pub arn: String,
    /// AWS's state.
    pub status: String,
    /// Whether something that AWS has accepted holds only after the next reboot.
    pub awaits_reboot: bool,
}

impl Detail {
    pub fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }
}

/// A broker; what holds only after the next reboot counts as there, and is told as pending.
pub(super) fn present(broker: &DescribeBrokerOutput, want: &Want) -> Present {
    let status = broker.broker_state().map(BrokerState::as_str).unwrap_or_default();
    let logs = broker.logs();
    let later = logs.and_then(|logs| logs.pending());
    let general = later.and_then(|later| later.general()).or(logs.and_then(|logs| logs.general()));
    let audit = later.and_then(|later| later.audit()).or(logs.and_then(|logs| logs.audit()));
    let version = broker.pending_engine_version().or(broker.engine_version());
    // AWS need not tell the users of a RabbitMQ broker.
    let username = match broker.users() {
        [user] => user.username(),
        _ => None,
    };
    let configurations = broker.configurations();
    let configuration = configurations.and_then(|all| all.pending().or(all.current()));
    let deployment = broker.deployment_mode().map(|mode| mode.as_str().to_lowercase().replace('_', "-"));
    let attrs = known([
        ("name", broker.broker_name().into()),
        ("engine", broker.engine_type().map(|engine| engine.as_str().to_lowercase()).into()),
        ("version", want.version_as_asked("version", version)),
        ("instance_type", broker.pending_host_instance_type().or(broker.host_instance_type()).into()),
        ("deployment", deployment.into()),
        ("username", username.into()),
        ("publicly_accessible", broker.publicly_accessible().into()),
        ("security_groups", texts(broker.security_groups().iter().map(String::as_str))),
        ("subnets", texts(broker.subnet_ids().iter().map(String::as_str))),
        ("configuration", configuration.map(configuration_text).into()),
        ("general_logs", general.into()),
        ("audit_logs", audit.into()),
        ("maintenance_window", broker.maintenance_window_start_time().map(window).into()),
    ]);
    let pending = pending(broker);
    let detail = Detail {
        arn: broker.broker_arn().unwrap_or_default().to_owned(),
        status: status.to_owned(),
        awaits_reboot: !pending.is_empty(),
    };
    let mut tags: Vec<(&String, &String)> = broker.tags().into_iter().flatten().collect();
    tags.sort();
    Present {
        id: broker.broker_id().unwrap_or_default().to_owned(),
        state: state(status, broker),
        attrs,
        outputs: outputs(broker),
        detail: serde_json::to_value(detail).unwrap_or_default(),
        note: Some(words(status)),
        pending: (!pending.is_empty()).then(|| format!("{} {AFTER_REBOOT}", pending.join(", "))),
        ..Present::default()
    }
    .tagged(tags.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// A revision of a configuration, as attributes are compared: `c-…/2`.
pub(super) fn configuration_text(configuration: &ConfigurationId) -> String {
    format!("{}/{}", configuration.id().unwrap_or_default(), configuration.revision().unwrap_or(1))
}

/// What AWS has accepted and what holds only after the next reboot, in words.
fn pending(broker: &DescribeBrokerOutput) -> Vec<String> {
    let mut pending = Vec::new();
    pending.extend(broker.pending_engine_version().map(|version| format!("version {version}")));
    pending.extend(broker.pending_host_instance_type().map(|instance| format!("instance type {instance}")));
    let configuration = broker.configurations().and_then(|all| all.pending());
    pending.extend(configuration.map(|one| format!("configuration {}", configuration_text(one))));
    pending.extend(broker.logs().and_then(|logs| logs.pending()).map(|_| "its logs".to_owned()));
    let changed = broker.users().iter().filter(|user| user.pending_change().is_some());
    pending.extend(changed.filter_map(|user| Some(format!("user {}", user.username()?))));
    pending
}

/// `sun:05:00`, with the time zone when it is not UTC.
fn window(window: &WeeklyStartTime) -> String {
    let day = window.day_of_week().map(|day| day.as_str().to_lowercase()).unwrap_or_default();
    let day = day.get(..3).unwrap_or_default();
    let zone = window.time_zone().filter(|zone| *zone != "UTC").map(|zone| format!(" {zone}"));
    format!("{day}:{}{}", window.time_of_day().unwrap_or_default(), zone.unwrap_or_default())
}

/// Where clients and people find it. Of a broker with a standby only one instance answers at a time, so both are named.
fn outputs(broker: &DescribeBrokerOutput) -> Attrs {
    let urls = |scheme: &str| -> Vec<&str> {
        let all = broker.broker_instances().iter().flat_map(|instance| instance.endpoints());
        all.map(String::as_str)
            .filter(|url| url.strip_prefix(scheme).is_some_and(|rest| rest.starts_with("://")))
            .collect()
    };
    let joined = |scheme: &str| Some(urls(scheme).join(",")).filter(|text| !text.is_empty());
    // `amqps://b-….mq.us-east-1.amazonaws.com:5671`
    let (rabbit, openwire) = (urls("amqps"), urls("ssl"));
    let url = match (rabbit.as_slice(), openwire.as_slice()) {
        ([url, ..], _) | ([], [url]) => Some((*url).to_owned()),
        ([], []) => None,
        ([], several) => Some(format!("failover:({})", several.join(","))),
    };
    let first = rabbit.first().or(openwire.first());
    let address = first.and_then(|url| url.split_once("://")?.1.trim_end_matches('/').rsplit_once(':'));
    let console = broker.broker_instances().iter().find_map(|instance| instance.console_url());
    known([
        ("endpoint", address.map(|(host, _)| host).into()),
        ("port", address.and_then(|(_, port)| port.parse::<i64>().ok()).into()),
        ("url", url.into()),
        ("console", console.into()),
        ("amqp", joined("amqps").or(joined("amqp+ssl")).into()),
        ("stomp", joined("stomp+ssl").into()),
        ("mqtt", joined("mqtt+ssl").into()),
        ("websocket", joined("wss").into()),
        ("arn", broker.broker_arn().into()),
    ])
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
