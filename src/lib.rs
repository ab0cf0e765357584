//! vpipe: a declarative pipeline language for AWS.
//!
//! ```text
//! SourceFile ─syntax▶ ast::File ─check▶ check::Module ─eval▶ eval::Manifest ─plan▶ plan::Plan ─run▶ run::Outcome
//!                  (schema: the kinds of stdlib/)                              │ journal::Record, before and after each call
//!                                                                              └ cloud::Driver ─▶ AWS, or local/
//! ```
//!
//! Invariants, which `tests/tidy.rs` guards where a test can:
//! - A room imports only rooms above it in the list below.
//! - Only `syntax` knows pest, only `cloud` knows the AWS SDK's clients, only `journal` knows SQLite, only `cli` prints.
//! - `check` needs no network, no credentials and no clock.
//! - A secret's text is reachable only through `eval::Secret::reveal`, which only `cloud` and `run` call.
//! - Every mutating call is bracketed by an `Intent` and an `Outcome` in the journal.

pub mod base;
pub mod diag;
pub mod syntax;
pub mod fmt;
pub mod schema;
pub mod check;
pub mod eval;
pub mod plan;
#[cfg(feature = "aws")]
pub mod journal;
#[cfg(feature = "aws")]
pub mod cloud;
#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "aws")]
pub mod run;
#[cfg(feature = "aws")]
pub mod report;
pub mod cli;
