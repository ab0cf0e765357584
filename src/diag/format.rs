//! The output formats of findings.

use super::{Diagnostic, Severity, human, machine};
use crate::base::SourceMap;

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// With source lines and arrows, for people.
    #[default]
    Human,
    /// One line a finding: `FILE:LINE:COLUMN: error[CODE]: MESSAGE`.
    Short,
    /// One JSON array.
    Json,
    /// SARIF 2.1.0, for code-scanning services.
    Sarif,
    /// GitHub's workflow commands, which annotate a pull request.
    Github,
}

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether colours are understood and wanted.
    pub colour: bool,
    /// Whether box-drawing characters are understood.
    pub unicode: bool,
    /// The width in characters.
    pub width: usize,
}

/// Writes findings in a format, in the order given.
pub fn render(format: Format, diagnostics: &[Diagnostic], sources: &SourceMap, look: Look) -> String {
    match format {
        Format::Human => human::render(diagnostics, sources, look),
        Format::Short => machine::short(diagnostics, sources),
        Format::Json => machine::json(diagnostics, sources),
        Format::Sarif => machine::sarif(diagnostics, sources),
        Format::Github => machine::github(diagnostics, sources),
    }
}

/// `2 errors, 1 warning`; `None` when there is nothing.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let words = |number, one: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {one}s")),
    };
    let parts: Vec<String> =
        [words(count(Severity::Error), "error"), words(count(Severity::Warning), "warning")]
            .into_iter()
            .flatten()
            .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
