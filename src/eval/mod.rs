//! Evaluation: from a checked module to a [`Manifest`] of desired resources and steps, for one stage.
//!
//! ```text
//! inputs ─▶ names (scope) ─▶ expressions ─▶ bodies ─▶ nodes (resources) ─▶ rollout ─▶ Manifest
//!                             └ conform: every value against its type; rules: whole resources
//! ```
//!
//! Invariants:
//! - Only `ops::apply` computes, now and when outputs are known.
//! - What has no value is `None`, and silences whatever follows from it; a finding tells why, once.
//! - Every evaluation ends: steps, depth, sizes of texts, lists and values have limits.

mod artifacts;
mod body;
mod builtins;
mod conform;
mod evaluate;
mod evaluator;
mod expr;
mod formats;
mod inputs;
mod known;
mod manifest;
mod modules;
mod names;
mod ops;
mod options;
mod paths;
mod prepare;
mod resources;
mod rollout;
mod rounds;
mod rules;
mod scope;
mod secrets;
mod show;
mod stages;
mod table;
mod template;
mod value;

pub use builtins::BUILTINS;
pub use evaluate::{Evaluated, Inputs, Secrets, evaluate};
pub use manifest::*;
pub use ops::{apply, resolve};
pub use secrets::{Stored, StoredSecret, Unreadable};
pub use show::{describe, show, show_duration, show_percent, show_size};
pub use stages::{check_stages, examine};
pub use value::{Attrs, Deferred, NodeId, Secret, Value};
