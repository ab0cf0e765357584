//! The one door to the outside: time, randomness, the clients of the cloud, HTTP, the user's files and commands.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cloud::Clients;

/// How fast time passes in a run on the local cloud.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as the machine can: pauses take no time. Needs a paused tokio clock.
    Virtual,
    /// So many times faster than the wall clock; 1 is real time.
    Times(f64),
}

/// The outside world of a run.
#[derive(Clone)]
pub struct World {
    /// The cloud.
    pub clients: Clients,
    /// Milliseconds since the Unix epoch.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// How fast pauses pass.
    pub speed: Speed,
    /// The folder of the user's file: relative paths and commands start here.
    pub folder: PathBuf,
    /// What the jitter of back-off is derived from. Any number does; the same one gives the same pauses.
    pub seed: u64,
}

impl World {
    /// The time: milliseconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        (self.now)()
    }

    /// Lets time pass.
    pub async fn sleep(&self, pause: Duration) {
        match self.speed {
            Speed::Virtual => tokio::time::sleep(pause).await,
            Speed::Times(times) => tokio::time::sleep(pause.div_f64(times.max(0.001))).await,
        }
    }

    /// The names of vpipe's own environment variables whose text is a secret: commands do not inherit them.
    pub fn secret_variables(&self, is_secret: impl Fn(&str) -> bool) -> Vec<OsString> {
        let secret = |text: &OsString| text.to_str().is_some_and(&is_secret);
        std::env::vars_os().filter(|(_, text)| secret(text)).map(|(name, _)| name).collect()
    }

    /// A path of the user's machine as it can be opened.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.join(Path::new(path))
    }
}
