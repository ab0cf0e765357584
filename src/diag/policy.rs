//! How grave findings are to the user: what `vpipe.toml` says of a code, and what `// allow(CODE): REASON` says of a
//! place. Only warnings can be allowed.

use std::collections::BTreeMap;

use super::{Diagnostic, Severity};
use crate::base::Span;

/// How many findings are told.
const MOST_FINDINGS: usize = 1_000;

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
    /// The findings with the severity that the user gives them, without those that are allowed, and not more than a person
    /// reads.
    pub fn grade(&self, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let allowed = self.allowed();
        let graded = diagnostics.into_iter().filter_map(|mut found| {
            if found.severity == Severity::Error {
                return Some(found);
            }
            if allowed.get(found.code).is_some_and(|places| covered(places, found.span.start)) {
                return None;
            }
            match self.levels.get(found.code) {
                Some(Level::Allow) => return None,
                Some(Level::Error) => found.severity = Severity::Error,
                Some(Level::Warning) | None => {}
            }
            Some(found)
        });
        capped(graded.collect())
    }

    /// Where each code is allowed: the starts in order, each with the greatest end up to there.
    fn allowed(&self) -> BTreeMap<&'static str, Vec<(u32, u32)>> {
        let mut codes: BTreeMap<&'static str, Vec<(u32, u32)>> = BTreeMap::new();
        for allow in &self.allows {
            codes.entry(allow.code).or_default().push((allow.covers.start, allow.covers.end));
        }
        for places in codes.values_mut() {
            places.sort_unstable();
            let mut furthest = 0;
            for (_, end) in places {
                furthest = furthest.max(*end);
                *end = furthest;
            }
        }
        codes
    }

    /// Warnings of those allows that none of the findings needs.
    pub fn unused<'a>(&'a self, diagnostics: &[Diagnostic]) -> impl Iterator<Item = (&'a Allow, Diagnostic)> {
        let mut warnings: BTreeMap<&'static str, Vec<u32>> = BTreeMap::new();
        for found in diagnostics.iter().filter(|found| found.severity == Severity::Warning) {
            warnings.entry(found.code).or_default().push(found.span.start);
        }
        warnings.values_mut().for_each(|places| places.sort_unstable());
        let unused = self.allows.iter().filter(move |allow| {
            let places = warnings.get(allow.code).map_or(&[][..], Vec::as_slice);
            let first = places.partition_point(|at| *at < allow.covers.start);
            places.get(first).is_none_or(|at| *at >= allow.covers.end)
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

/// Whether one of the places that [`Policy::allowed`] gives holds an offset.
fn covered(places: &[(u32, u32)], at: u32) -> bool {
    let before = places.partition_point(|(start, _)| *start <= at);
    before.checked_sub(1).and_then(|last| places.get(last)).is_some_and(|(_, end)| at < *end)
}

/// As many findings as are told, and that there are more.
fn capped(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if let Some(next) = findings.get(MOST_FINDINGS) {
        let message = format!("{} more findings are not shown", findings.len() - MOST_FINDINGS);
        let last = Diagnostic::error("too-many-findings", next.span, message)
            .label("the next one is here")
            .help("mend those above first; many may come from one mistake");
        findings.truncate(MOST_FINDINGS);
        findings.push(last);
    }
    findings
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
            // One inside another, and one that nothing needs.
            allows: vec![
                allow("d", Span::new(10, 20)),
                allow("d", Span::new(11, 12)),
                allow("d", Span::new(30, 40)),
            ],
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
        assert_eq!(unused, [Span::new(11, 12), Span::new(30, 40)]);
        let left: Vec<_> =
            policy.grade(found).into_iter().map(|one| (one.span.start, one.severity)).collect();
        let (warning, error) = (Severity::Warning, Severity::Error);
        assert_eq!(left, [(1, error), (2, error), (3, warning), (9, warning), (35, error)]);
    }

    #[test]
    fn what_is_allowed_is_not_counted_among_too_many() {
        let policy = Policy { levels: [("a", Level::Allow)].into(), ..Policy::default() };
        let some = |code, count: usize| vec![Diagnostic::warning(code, Span::default(), ""); count];
        let all = policy.grade([some("a", MOST_FINDINGS), some("b", MOST_FINDINGS)].concat());
        assert!(all.len() == MOST_FINDINGS && all.iter().all(|one| one.code == "b"));
        let more = policy.grade(some("b", MOST_FINDINGS + 2));
        assert_eq!(more.len(), MOST_FINDINGS + 1);
        assert!(more.last().is_some_and(|one| one.message == "2 more findings are not shown"));
    }
}
