//! Evaluation: from a checked module to a [`Manifest`] of desired resources and steps, for one stage.

mod builtins;
mod evaluate;
mod manifest;
mod ops;
mod show;
mod value;

pub use builtins::BUILTINS;
pub use evaluate::{Evaluated, Inputs, Secrets, check_stages, evaluate};
pub use manifest::*;
pub use ops::{apply, resolve};
pub use show::{describe, show, show_duration, show_percent, show_size};
pub use value::{Attrs, Deferred, NodeId, Secret, Value};
