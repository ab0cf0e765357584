//! Everything that the local cloud remembers.

use serde::{Deserialize, Serialize};

/// The whole state, which persists between processes. Each service has its own part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The time of the last request: time never goes back.
    pub clock: i64,
    /// How many ids were handed out; ids are derived from it, so that runs repeat exactly.
    pub ids: u64,
}
