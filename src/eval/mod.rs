//! Evaluation: from a checked module to a [`Manifest`] of desired resources and steps, for one stage.

mod manifest;
mod value;

pub use manifest::*;
pub use value::{Attrs, Deferred, NodeId, Secret, Value};
