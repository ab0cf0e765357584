//! Drivers: one file a kind, grouped by AWS service; the only code that knows the AWS SDK's clients.

mod acm;
mod beanstalk;
mod classify;
mod clients;
mod cloudfront;
mod connect;
mod dns;
mod driver;
mod ec2;
mod elasticache;
mod elb;
mod error;
mod groups;
mod iam;
mod mq;
mod net;
mod parts;
pub mod permission;
mod rds;
mod refusals;
mod registry;
mod s3;
mod stores;
mod survey;
mod shared;
mod tags;
#[cfg(test)]
mod testing;
mod watch;

pub use crate::journal::Op;
pub use beanstalk::{Release, releases, variables};
pub use classify::{calling, found, reading};
pub use clients::Clients;
pub use connect::{Connect, LocalTransport, connect};
pub use driver::{Driver, Next, Observed, Present, Renewal, Reply, State, Want};
pub use error::{CloudError, Retry};
pub use net::{Net, NetError, NetReply, NetRequest, Peer, RealNet};
pub use parts::{covers, partition};
pub use permission::Permission;
pub use registry::driver;
pub use shared::Shared;
pub use stores::{permission as stored_permission, read_stored};
pub use survey::{
    DnsRecord, Edge, Ingress, SURVEYS, Store, distributions, dns_records, environment_at, ingress, stores,
};
pub use tags::{TagCalls, TagChange, Tags, sdk_tags, seen_tags, tags_value};
