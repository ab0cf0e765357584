//! The journal: what was intended and what came of it, durably, so that a run can be killed at any instant.

mod record;

pub use record::{Event, Op, Record, VERSION};
