//! The schema: the kinds, types and modules of `stdlib/`, read from the language itself and indexed.
//!
//! Invariants:
//! - Only the library files that a program uses are parsed.
//! - What AWS has (`lists/`) and the settings that it takes as text (`tables/`) is read when a value is first looked up.
//! - A lower-case word in a type is a block of the kind, else a kind, else an alternative: [`TypeScope`].
//! - What an expression means where a type is expected is decided here (`Type::variant`, `Type::item`, …), for `check`
//!   and `eval` alike.

mod bind;
mod fits;
mod index;
mod library;
mod lists;
mod load;
mod resolve;
mod select;
mod show;
mod table;
mod types;

pub use bind::{BoundArg, bind_call, bind_header, usage};
pub use index::Schema;
pub use library::{LIBRARY, LibraryFile, is_kind, kind_names, library_file, module_names};
pub use lists::{List, Near, list, list_names};
pub use resolve::{TypeScope, named_types, plain};
pub use table::{
    Namespace, Setting, Severity, Table, Word, beanstalk_options, from_iso_duration, iso_duration, table,
};
pub use types::*;
