//! Applying repairs.

use super::{Diagnostic, Edit};
use crate::base::SourceFile;

/// The text of a file with the repairs of all findings applied, and how many findings were repaired. A repair that
/// overlaps an earlier one, or that also touches another file, is left for the next time. `None` when there is nothing
/// to repair.
pub fn apply(file: &SourceFile, diagnostics: &[Diagnostic]) -> Option<(String, usize)> {
    let end = file.base as usize + file.text.len();
    let inside = |edit: &Edit| edit.span.start >= file.base && edit.span.end as usize <= end;
    let mut chosen: Vec<&Edit> = Vec::new();
    let mut repaired = 0;
    for fix in diagnostics.iter().filter_map(|d| d.fix.as_ref()) {
        let free = |edit: &Edit| {
            chosen.iter().all(|other| edit.span.end <= other.span.start || other.span.end <= edit.span.start)
                && chosen.iter().all(|other| other.span != edit.span)
        };
        if fix.edits.iter().all(|edit| inside(edit) && free(edit)) {
            chosen.extend(&fix.edits);
            repaired += 1;
        }
    }
    if repaired == 0 {
        return None;
    }
    chosen.sort_by_key(|edit| edit.span);
    let mut out = String::with_capacity(file.text.len());
    let mut at = 0;
    for edit in chosen {
        let start = (edit.span.start - file.base) as usize;
        out.push_str(file.text.get(at..start)?);
        out.push_str(&edit.text);
        at = (edit.span.end - file.base) as usize;
    }
    out.push_str(file.text.get(at..)?);
    Some((out, repaired))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::base::{SourceMap, Span};

    #[test]
    fn repairs_leave_the_rest_alone() {
        let mut sources = SourceMap::default();
        sources.add("other.vpipe", "abc").unwrap();
        let file = sources.add("a.vpipe", "one tow // comment\nthere\n").unwrap();
        let at = |start: u32, end: u32| Span::new(file.base + start, file.base + end);
        let found = [
            Diagnostic::error("x", at(4, 7), "").fix("", at(4, 7), "two"),
            Diagnostic::error("x", at(19, 24), "").fix("", at(19, 24), "three"),
            Diagnostic::error("x", at(20, 22), "").fix("", at(20, 22), "overlaps"),
        ];
        assert_eq!(apply(&file, &found), Some(("one two // comment\nthree\n".to_owned(), 2)));
        assert_eq!(apply(&sources.files()[0], &found), None);
    }
}
