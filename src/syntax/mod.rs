//! The language: grammar, syntax tree, parser.
//!
//! Invariants:
//! - Parsing cannot fail: it gives a tree, with `Broken` where text could not be read, and the diagnostics.
//! - Only `parse` knows pest and the names of the grammar's rules.

pub mod ast;
mod parse;
mod scan;

pub use parse::{Parsed, parse, recognise};
