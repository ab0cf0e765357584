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

mod event;
mod world;

pub use event::{Event, Listener};
pub use world::{Speed, World};
