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
    run_room("check", |case: &Case| {
        let file = &case.files[0];
        let folder = tempfile::tempdir().unwrap();
        if case.files.len() > 1 {
            write_files(case, folder.path());
        }
        let checked = vpipe::check::check_text(&file.name, &file.code, folder.path().to_path_buf());
        Findings { sources: checked.sources, diagnostics: checked.diagnostics }
    });
}
