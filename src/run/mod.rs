//! Running: brings what exists to what a manifest asks for, then rolls out; destroys; resumes.
//!
//! ```text
//! Manifest ─observe▶ Plan ─▶ scheduler ─▶ converge(node): observe ▸ next ▸ Intent ▸ call ▸ Outcome ▸ observe …
//!                                     └─▶ rollout: step ▸ action (converges what it makes, runs commands, probes)
//! ```
//!
//! Invariants:
//! - Every mutating call goes through `converge`, which brackets it in the journal.
//! - All time, randomness, files and sockets reach this room through [`World`].
//! - Nothing here prints; what happens is told as [`Event`]s.

mod apply;
mod aside;
mod compare;
mod context;
mod converge;
mod event;
mod files;
mod import;
mod interrupt;
mod job;
mod look;
mod outcome;
mod permissions;
mod pace;
mod pursuit;
mod remove;
mod retry;
mod rollback;
mod rollout;
mod schedule;
mod secrets;
mod target;
mod world;

pub use event::{Event, Listener};
pub use import::{adopt, import, import_environment};
pub use interrupt::Interrupt;
pub use job::{Drivers, Job, RunError, SharedJournal, unlock};
pub use outcome::{Ended, NodeError, Outcome, Took, Verified};
pub use permissions::{LARGEST, Policy, adopting, importing, policy as permissions};
pub use remove::is_part;
pub use rollback::{Releases, Return, choose, list as releases, rollback};
pub use world::{Speed, World};

use crate::plan::Plan;

/// What [`apply`] would do. Only reads; needs no lock.
///
/// # Errors
/// When the journal or some node cannot be read, or a node can be seen to fail: a resource of its name that is not
/// ours, a change that is refused.
pub async fn plan(job: &Job) -> Result<Plan, RunError> {
    look::plan(job).await
}

/// What [`destroy`] would do: every node that the journal knows, or that is found under the names and tags of the
/// manifest, in the order of deletion. Only reads.
///
/// # Errors
/// As [`plan`].
pub async fn plan_destroy(job: &Job) -> Result<Plan, RunError> {
    look::plan_destroy(job).await
}

/// Brings everything to what the manifest asks for, then rolls out. With `resume`, the steps of the rollout that the
/// unfinished run had finished are not done again; without it, the rollout begins anew. Resources are treated alike:
/// they are looked at, and what is in doubt is settled.
///
/// # Errors
/// When the run could not begin (lock, journal), or the journal failed on the way. A node that failed is no error: it is
/// in [`Outcome::errors`].
pub async fn apply(job: &Job, resume: bool) -> Result<Outcome, RunError> {
    apply::apply(job, resume, None).await
}

/// As [`apply`], for a plan that was approved: what it does not show is neither replaced nor deleted. Where something
/// changed since so that it would have to be, the node fails before that.
///
/// # Errors
/// As [`apply`].
pub async fn apply_planned(job: &Job, resume: bool, plan: &Plan) -> Result<Outcome, RunError> {
    apply::apply(job, resume, Some(plan)).await
}

/// Deletes everything that the pipeline and stage made, in reverse order of dependencies.
///
/// # Errors
/// As [`apply`].
pub async fn destroy(job: &Job, resume: bool) -> Result<Outcome, RunError> {
    apply::destroy(job, resume, None).await
}

/// As [`destroy`], for a plan that was approved: what it does not show is not deleted.
///
/// # Errors
/// As [`apply`].
pub async fn destroy_planned(job: &Job, resume: bool, plan: &Plan) -> Result<Outcome, RunError> {
    apply::destroy(job, resume, Some(plan)).await
}

#[cfg(test)]
mod tests;
