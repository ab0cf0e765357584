//! From a path to a checked program: reads the file and what it uses, and checks everything in one pass.

use std::path::{Path, PathBuf};

use super::Program;
use crate::base::SourceMap;
use crate::diag::Diagnostic;

/// What checking gives.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// All texts that were read, for rendering diagnostics.
    pub sources: SourceMap,
    /// The program; `None` when the file could not be read at all. Errors may have been reported all the same.
    pub program: Option<Program>,
    /// Every finding, in order of place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks the file at a path with everything that it uses.
pub fn check_path(_path: &Path) -> Checked {
    Checked::default()
}

/// Checks a text as if it were the file `name` in `folder`.
pub fn check_text(_name: &str, _text: &str, _folder: PathBuf) -> Checked {
    Checked::default()
}
