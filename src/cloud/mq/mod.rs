//! Amazon MQ: brokers.

mod broker;

pub use broker::Broker;
