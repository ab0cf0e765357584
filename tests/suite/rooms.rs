//! The rooms that have a corpus.

use super::corpus::{Case, Findings, run_room, single, write_files};

#[test]
fn syntax() {
    run_room("syntax", |case: &Case| {
        let file = &case.files[0];
        let (sources, source) = single(&file.name, &file.code);
        Findings { sources, diagnostics: vpipe::syntax::parse(&source).diagnostics }
    });
}

#[test]
fn check() {
    run_room("check", check_case);
}

/// What `vpipe check` finds in the first file of a case; the others stand beside it.
pub fn check_case(case: &Case) -> Findings {
    let file = &case.files[0];
    let folder = tempfile::tempdir().unwrap();
    if case.files.len() > 1 {
        write_files(case, folder.path());
    }
    let mut checked = vpipe::check::check_text(&file.name, &file.code, folder.path().to_path_buf());
    // As `vpipe check` does: values are looked at only where names and types are right.
    let wrong = checked.diagnostics.iter().any(|finding| finding.severity == vpipe::diag::Severity::Error);
    if let (Some(program), false) = (&checked.program, wrong) {
        checked.diagnostics.extend(vpipe::eval::check_stages(program));
    }
    Findings { sources: checked.sources, diagnostics: checked.diagnostics }
}
