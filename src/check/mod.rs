//! Checking: names, types and the shape of everything, in one pass over a program, every mistake at once.
//!
//! ```text
//! path ─load▶ trees ─schema▶ kinds ─declare▶ scope ─check▶ Program + diagnostics
//! ```
//!
//! Invariants:
//! - Types are checked with what is expected in hand, so that a mistake is reported at the innermost expression.
//! - A value of [`crate::schema::Type::Error`] silences whatever follows from it.
//! - Bounds and patterns of scalars are not looked at here: `eval` proves them on values.

mod access;
mod actions;
mod advice;
mod allow;
mod bodies;
mod builtins;
mod chains;
mod checker;
mod declare;
mod exprs;
mod file;
mod graph;
mod habits;
mod items;
#[cfg(test)]
mod library;
mod load;
mod locals;
mod mismatch;
mod module;
mod narrow;
mod operators;
mod order;
mod params;
mod plain;
mod read;
mod resources;
mod rollout;
mod rules;
mod secrets;
mod settings;
pub mod walk;

pub use actions::{CONDITIONS, ClauseRule, ConditionRule, METHODS, Takes, VERBS, Verb};
pub use builtins::{BUILTINS, Builtin, builtin};
pub use load::{Checked, check_path, check_text};
pub use module::{Module, Program, Stage, Symbol, What, use_name};
