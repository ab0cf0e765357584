//! Eventual consistency on order: for a while a service answers as if a change had not been made yet.

use super::service::Service;
use super::{Call, Cx, Fault, Reply, State};

/// What a service knew before a change.
pub(super) struct Stale {
    service: Service,
    before: State,
    /// How many more answers come from it.
    left: u64,
}

impl Stale {
    pub(super) fn new(service: Service, before: State, answers: u64) -> Self {
        Self { service, before, left: answers }
    }

    /// Whether this service is behind.
    pub(super) fn is_of(&self, service: Service) -> bool {
        self.service == service && !self.is_over()
    }

    /// Whether it has caught up.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// What it answers as long as it does not know of the change. `None` when the call is to be made with what is really there:
    /// a change that does not need to know what was made.
    pub(super) fn answer(&mut self, cx: &Cx, call: &Call, mutates: bool) -> Option<Result<Reply, Fault>> {
        super::settle(&mut self.before, cx.now);
        if !mutates {
            self.left -= 1;
            return Some(self.service.handle(&mut self.before, cx, call));
        }
        let refused = self.service.handle(&mut self.before.clone(), cx, call).err().filter(is_missing)?;
        self.left -= 1;
        Some(Err(refused))
    }
}

/// Whether a refusal says that something does not exist.
fn is_missing(fault: &Fault) -> bool {
    let words = ["not found", "does not exist", "No Application named", "No Environment found"];
    fault.code.contains("NotFound")
        || fault.code.contains("NoSuch")
        || words.iter().any(|words| fault.message.contains(words))
}
