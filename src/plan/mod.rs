//! The plan: what would be created, changed, replaced, deleted or left. A plain serialisable value.

mod change;
mod diff;
mod order;
mod render;

pub use change::{Action, Change, Deployment, Plan, PlanNode};
pub use diff::{diff, diff_block};
pub use order::{Cycle, deletion_order, order};
pub use render::{Totals, render};
