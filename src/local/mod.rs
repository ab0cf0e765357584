//! The local cloud: an AWS of its own in the binary.
//!
//! ```text
//!  AWS SDK ──bridge──┐                              ┌ wire ▸ Call ▸ ec2/ rds/ … one state machine a service ▸ wire
//!  AWS CLI ──serve───┼▶ Request ▸ Local::handle ▸ route┤
//!  GoDaddy ──LocalNet┘                              └ dataplane/  DNS ▸ CloudFront ▸ LB ▸ instances
//! ```
//!
//! Invariants:
//! - A service is plain state plus one `handle` function; nothing in it knows of tokio, sockets or the wall clock.
//!   The time of a request is handed in as [`Cx::now`], in milliseconds since the Unix epoch.
//! - Time passes only between requests: what should have happened since the last one is worked out, lazily, from
//!   time stamps in the state ("available at"), so that a 40-minute deployment costs nothing.
//! - The whole [`State`] is serialisable; it is what persists between processes.

pub mod acm;
mod bad_ends;
pub mod beanstalk;
mod blobs;
#[cfg(feature = "aws")]
mod bridge;
mod call;
mod clock;
mod cloud;
pub mod cloudfront;
pub mod cloudwatch;
mod common;
pub mod dataplane;
pub mod ec2;
pub mod elasticache;
pub mod elbv2;
mod faults;
pub mod godaddy;
pub mod iam;
pub mod mq;
mod neighbours;
mod parameters;
pub mod rds;
mod record;
mod regions;
pub mod s3;
mod route;
pub mod route53;
pub mod secrets_manager;
mod serve;
mod service;
pub mod sns;
pub mod ssm;
mod stale;
mod state;
mod store;
mod sts;
mod subnets;
mod support;
#[cfg(test)]
pub(crate) mod testing;
mod wire;
#[cfg(test)]
pub(crate) mod world;

pub use blobs::Blobs;
#[cfg(feature = "aws")]
pub use bridge::transport;
pub use call::{Call, Cx, Element, Fault, Reply, Request, Response};
pub use clock::{Now, virtual_clock, wall_clock};
pub use cloud::{ACCOUNT, Dropped, Local};
#[cfg(feature = "aws")]
pub use dataplane::LocalNet;
pub use ec2::{Launch, Wearer};
pub use faults::{Faults, OnKill, Trouble, What, When};
pub use parameters::ParameterGroup;
pub use route::{Route, route};
pub use serve::{Server, serve};
pub use service::{Protocol, Service};
pub use state::State;
pub use store::OpenError;
pub use subnets::SubnetGroup;

/// Lets happen what should have happened by a time in the services whose parts depend on each other: instances are
/// launched and registered, certificates issued. Called before every request.
pub(crate) fn settle(state: &mut State, now: i64) {
    beanstalk::settle(state, now);
    acm::settle(state, now);
    bad_ends::settle(state, now);
}
