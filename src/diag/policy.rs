//! How grave findings are to the user: what `vpipe.toml` says of a code, and what `// allow(CODE): REASON` says of a
//! place. Only warnings can be allowed.

use std::collections::BTreeMap;

use super::{Diagnostic, Severity};
use crate::base::Span;

/// How a warning is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not at all.
    Allow,
    /// As a warning.
    Warning,
    /// As an error.
    Error,
}

impl Level {
    /// Every level with its name in `vpipe.toml`.
    pub const NAMED: [(&str, Level); 3] =
        [("allow", Level::Allow), ("warning", Level::Warning), ("error", Level::Error)];
}

/// A comment that allows a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The code.
    pub code: &'static str,
    /// Where the code stands.
    pub span: Span,
    /// What to delete with it when it is not needed; `None` where other codes stand in the same comment.
    pub erase: Option<Span>,
    /// Findings that begin in here are allowed.
    pub covers: Span,
}

/// What the user says about how grave findings are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What a code's warnings are taken for, wherever they are.
    pub levels: BTreeMap<&'static str, Level>,
    /// Where warnings are allowed.
    pub allows: Vec<Allow>,
}

impl Policy {
    /// The findings with the severity that the user gives them, without those that are allowed.
    pub fn grade(&self, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let graded = diagnostics.into_iter().filter_map(|mut found| {
            if found.severity == Severity::Error {
                return Some(found);
            }
            if self.allows.iter().any(|allow| allow.silences(&found)) {
                return None;
            }
            match self.levels.get(found.code) {
                Some(Level::Allow) => return None,
                Some(Level::Error) => found.severity = Severity::Error,
                Some(Level::Warning) | None => {}
            }
            Some(found)
        });
        graded.collect()
    }

    /// Warnings of those allows that none of the findings needs.
    pub fn unused<'a>(
        &'a self,
        diagnostics: &'a [Diagnostic],
    ) -> impl Iterator<Item = (&'a Allow, Diagnostic)> {
        let unused = self.allows.iter().filter(|allow| {
            !diagnostics.iter().any(|found| found.severity == Severity::Warning && allow.silences(found))
        });
        unused.map(|allow| {
            let message = format!("nothing here needs `allow({})`", allow.code);
            let found = Diagnostic::warning("unused-allow", allow.span, message).help("remove it");
            let found = match allow.erase {
                Some(span) => found.fix("remove it", span, ""),
                None => found,
            };
            (allow, found)
        })
    }
}

impl Allow {
    fn silences(&self, found: &Diagnostic) -> bool {
        found.code == self.code && self.covers.start <= found.span.start && found.span.start < self.covers.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_graded_and_errors_stay() {
        let at = |start| Span::new(start, start + 1);
        let allow = |code, covers| Allow { code, span: at(90), erase: None, covers };
        let policy = Policy {
            levels: [("a", Level::Allow), ("b", Level::Error), ("c", Level::Warning)].into(),
            allows: vec![allow("d", Span::new(10, 20)), allow("d", Span::new(30, 40))],
        };
        let found = vec![
            Diagnostic::warning("a", at(0), ""),
            Diagnostic::error("a", at(1), ""),
            Diagnostic::warning("b", at(2), ""),
            Diagnostic::warning("c", at(3), ""),
            Diagnostic::warning("d", at(9), ""),
            Diagnostic::warning("d", at(19), ""),
            Diagnostic::error("d", at(35), ""),
        ];
        let unused: Vec<Span> = policy.unused(&found).map(|(allow, _)| allow.covers).collect();
        assert_eq!(unused, [Span::new(30, 40)]);
        let left: Vec<_> =
            policy.grade(found).into_iter().map(|one| (one.span.start, one.severity)).collect();
        let (warning, error) = (Severity::Warning, Severity::Error);
        assert_eq!(left, [(1, error), (2, error), (3, warning), (9, warning), (35, error)]);
    }
}
