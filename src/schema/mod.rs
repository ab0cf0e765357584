//! The schema: the kinds, types and modules of `stdlib/`, read from the language itself and indexed.

mod types;

pub use types::*;
