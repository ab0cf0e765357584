//! Drivers: one file a kind, grouped by AWS service; the only code that knows the AWS SDK's clients.

mod clients;
mod driver;
mod error;
mod net;

pub use crate::journal::Op;
pub use clients::Clients;
pub use driver::{Driver, Next, Observed, Present, Reply, State, Want};
pub use error::{CloudError, Retry};
pub use net::{Net, NetError, NetReply, NetRequest, Peer};
