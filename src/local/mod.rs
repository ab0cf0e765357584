//! The local cloud: an AWS of its own in the binary.
//!
//! ```text
//!  AWS SDK ──HttpConnector──┐                                   ┌ ec2.rs  rds.rs  … one state machine a service
//!  AWS CLI ──loopback port──┼─▶ Request ─▶ Local::handle ─▶ route┤
//!  GoDaddy client ──────────┘                                   └ dataplane/  DNS ▸ CloudFront ▸ LB ▸ instances
//! ```
//!
//! Invariants:
//! - A service is plain state plus one `handle` function; nothing in it knows of tokio, sockets or the wall clock.
//!   The time of a request is handed in as [`Cx::now`], in milliseconds since the Unix epoch.
//! - Time passes only between requests: what should have happened since the last one is worked out, lazily, from
//!   time stamps in the state ("available at"), so that a 40-minute deployment costs nothing.
//! - The whole [`State`] is serialisable; it is what persists between processes.

mod blobs;
#[cfg(feature = "aws")]
mod bridge;
mod call;
mod clock;
mod cloud;
mod common;
pub mod ec2;
pub mod elasticache;
mod faults;
pub mod iam;
pub mod mq;
pub mod rds;
mod regions;
pub mod s3;
mod route;
mod serve;
mod service;
mod state;
mod store;
mod sts;
#[cfg(test)]
pub(crate) mod testing;
mod wire;

pub use blobs::Blobs;
#[cfg(feature = "aws")]
pub use bridge::transport;
pub use call::{Call, Cx, Element, Fault, Reply, Request, Response};
pub use clock::{Now, virtual_clock, wall_clock};
pub use cloud::{ACCOUNT, Dropped, Local};
pub use ec2::{Launch, Wearer};
pub use faults::{Faults, OnKill, Trouble};
pub use route::{Route, route};
pub use serve::{Server, serve};
pub use service::{Protocol, Service};
pub use state::State;
pub use store::OpenError;
