//! What AWS says when it says no.

use std::time::Duration;

/// A failed call, classified once, for every service alike.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation}: {code}: {message}")]
pub struct CloudError {
    /// `rds:CreateDBInstance`.
    pub operation: String,
    /// AWS's error code on the wire, or `connection`, `timeout`, `credentials`.
    pub code: String,
    /// AWS's words.
    pub message: String,
    /// What the scheduler does about it.
    pub retry: Retry,
    /// Whether the call may have been applied although no answer came.
    pub in_doubt: bool,
    /// AWS's request id.
    pub request_id: Option<String>,
}

impl CloudError {
    /// A call that cannot be made as asked: nothing was sent.
    pub fn misuse(operation: &str, message: impl Into<String>) -> Self {
        Self::of(operation, "request", message)
    }

    /// An error that trying again does not help.
    pub fn of(operation: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            operation: operation.to_owned(),
            code: code.to_owned(),
            message: message.into(),
            retry: Retry::No,
            in_doubt: false,
            request_id: None,
        }
    }

    /// Whether there were too many requests: nothing was done.
    pub fn throttled(&self) -> bool {
        super::refusals::is_throttling(&self.code)
    }

    /// Whether the caller may not do it.
    pub fn denied(&self) -> bool {
        super::refusals::is_denied(&self.code)
    }

    /// Whether it says that something does not exist that the call refers to.
    pub fn something_missing(&self) -> bool {
        let any = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
        any(&self.code, &["NotFound", "NoSuch", "DoesNotExist"])
            || any(
                &self.message,
                &["not found", "does not exist", "not exist", "No Application", "No Environment"],
            )
    }
}

/// What to do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It will fail again.
    No,
    /// Throttled, or a fault of the server or the network: again with full-jitter back-off.
    Backoff,
    /// The world is not ready for it (wrong state, dependency still there, not visible yet): observe again after this.
    After(Duration),
    /// It exists already: observe again.
    Exists,
    /// It is gone already: observe again.
    Gone,
}
