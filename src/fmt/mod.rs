//! Formatting: one style, no options.
//!
//! Where lines break is mostly the writer's choice; how they are indented and spaced is not:
//! - Two spaces an indentation; a line that goes on is indented once more.
//! - What stands between brackets on one line stays there; a block wider than [`layout::MAX_WIDTH`] columns is broken into
//!   lines. Once a line is broken inside brackets, the brackets have lines of their own.
//! - Entries joined on a line with commas stay joined while they fit. Lists over several lines end with a comma, bodies
//!   never do.
//! - At most one empty line, none inside the brackets' edges.
//!
//! Invariants:
//! - Only space and commas change, so that the tree stays the same; comments keep their places.
//! - Formatting twice is formatting once.

mod layout;
mod marks;
mod tokens;

use crate::base::SourceFile;
use crate::diag::{Diagnostic, Severity};
use crate::syntax;

/// Formats a file.
///
/// # Errors
/// The syntax errors of a file that cannot be read.
pub fn format(file: &SourceFile) -> Result<String, Vec<Diagnostic>> {
    let parsed = syntax::parse(file);
    if parsed.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(parsed.diagnostics);
    }
    let marks = marks::marks(&parsed.file, file);
    Ok(layout::layout(tokens::tree(&file.text, &marks), &marks))
}
