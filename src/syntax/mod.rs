//! The language: grammar, syntax tree, parser.

pub mod ast;
