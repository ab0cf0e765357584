//! Drivers: one file a kind, grouped by AWS service; the only code that knows the AWS SDK's clients.

mod clients;
mod connect;
mod driver;
mod error;
mod net;
mod registry;

pub use crate::journal::Op;
pub use clients::Clients;
pub use connect::{Connect, LocalTransport, connect};
pub use driver::{Driver, Next, Observed, Present, Reply, State, Want};
pub use error::{CloudError, Retry};
pub use net::{Net, NetError, NetReply, NetRequest, Peer};
pub use registry::driver;
