//! The plan: what would be created, changed, replaced, deleted or left. A plain serialisable value.

mod change;

pub use change::{Action, Change, Plan, PlanNode};
