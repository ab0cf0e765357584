//! The first Ctrl-C: a flag that every task of a run looks at.

use tokio::sync::watch;

/// A shared flag. Once set, no new call starts; calls in flight finish and are recorded, and the lock is given back.
#[derive(Clone, Debug)]
pub struct Interrupt {
    flag: watch::Sender<bool>,
}

impl Default for Interrupt {
    fn default() -> Self {
        Self { flag: watch::Sender::new(false) }
    }
}

impl Interrupt {
    /// Asks the run to stop.
    pub fn stop(&self) {
        self.flag.send_replace(true);
    }

    /// Whether the run was asked to stop.
    pub fn is_stopped(&self) -> bool {
        *self.flag.borrow()
    }

    /// Waits until the run is asked to stop.
    pub async fn stopped(&self) {
        // An error means that the sender is gone; it lives in `self`.
        let _ = self.flag.subscribe().wait_for(|stopped| *stopped).await;
    }
}
