//! Amazon MQ: brokers.

mod broker;
mod broker_calls;
mod broker_seen;

pub use broker::Broker;
