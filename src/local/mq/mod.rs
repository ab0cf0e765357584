//! Amazon MQ: brokers of RabbitMQ and ActiveMQ, and their configurations.

mod broker;
mod change;
mod configurations;
mod create;
mod engines;
mod tags;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::service::Service;
use super::{Call, Cx, Fault, Reply, State};

pub use broker::Broker;
pub use configurations::Configuration;

/// What Amazon MQ remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Mq {
    regions: BTreeMap<String, Region>,
}

/// What Amazon MQ remembers of a region.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Region {
    /// Brokers by id.
    pub brokers: IndexMap<String, Broker>,
    /// Configurations by id.
    #[serde(default)]
    pub configurations: IndexMap<String, Configuration>,
}

impl Mq {
    /// All regions' parts.
    pub fn all(&mut self) -> impl Iterator<Item = &mut Region> {
        self.regions.values_mut()
    }

    /// A region's part.
    pub fn region(&mut self, name: &str) -> &mut Region {
        self.regions.entry(name.to_owned()).or_default()
    }

    /// The broker that answers at a host name, in whatever region.
    pub fn at_host(&self, host: &str) -> Option<&Broker> {
        self.regions.values().flat_map(|region| region.brokers.values()).find(|broker| broker.has_host(host))
    }
}

/// Answers a call.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let brokers = &mut state.mq.region(&cx.region).brokers;
    brokers.values_mut().for_each(|broker| broker.settle(cx.now));
    brokers.retain(|_, broker| broker.gone_at.is_none_or(|at| at > cx.now));
    match call.operation.as_str() {
        "CreateBroker" => create::create(state, cx, call),
        "DescribeBroker" => broker::describe(state, cx, call),
        "ListBrokers" => broker::list(state, cx, call),
        "UpdateBroker" => change::update(state, cx, call),
        "RebootBroker" => change::reboot(state, cx, call),
        "DeleteBroker" => change::delete(state, cx, call),
        "ListUsers" => broker::list_users(state, cx, call),
        "DescribeBrokerEngineTypes" => engines::describe(call),
        "DescribeBrokerInstanceOptions" => engines::describe_instances(cx, call),
        "CreateConfiguration" => configurations::create(state, cx, call),
        "DescribeConfiguration" => configurations::describe(state, cx, call),
        "DescribeConfigurationRevision" => configurations::describe_revision(state, cx, call),
        "ListConfigurations" => configurations::list(state, cx, call),
        "UpdateConfiguration" => configurations::update(state, cx, call),
        "DeleteConfiguration" => configurations::delete(state, cx, call),
        "ListTags" => tags::list(state, cx, call),
        "CreateTags" => tags::create(state, cx, call),
        "DeleteTags" => tags::delete(state, cx, call),
        "UpdateUser" => change::update_user(state, cx, call),
        "CreateUser" | "DeleteUser" | "DescribeUser" => match broker(state, cx, call)?.engine.as_str() {
            "RABBITMQ" => bad(change::NO_USERS),
            _ => {
                bad("The local cloud changes the users that an ActiveMQ broker was made with, and no others.")
            }
        },
        operation => Err(Service::Mq.unknown(operation)),
    }
}

fn bad<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::new(400, "BadRequestException", message))
}

fn missing(id: &str) -> Fault {
    let message = format!("Can't find requested broker [{id}]. Make sure your broker exists.");
    Fault::new(404, "NotFoundException", message)
}

/// The broker that a call means.
fn broker<'a>(state: &'a mut State, cx: &Cx, call: &Call) -> Result<&'a mut Broker, Fault> {
    let id = call.text("broker-id").unwrap_or_default();
    state.mq.region(&cx.region).brokers.get_mut(&id).ok_or_else(|| missing(&id))
}
