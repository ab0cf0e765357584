//! The rooms that have a corpus.

use std::path::Path;

use super::corpus::{Case, Findings, cases, files, folder, run_room, single, write_files};

#[test]
fn syntax() {
    run_room("syntax", |case: &Case| {
        let file = &case.files[0];
        let (sources, source) = single(&file.name, &file.text());
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
    let checked = vpipe::check::check_text(&file.name, &file.text(), folder.path().to_path_buf());
    let checked = vpipe::eval::examine(checked);
    Findings { sources: checked.sources, diagnostics: checked.diagnostics }
}

#[test]
fn formatting() {
    let mut wrong = String::new();
    for path in files(&folder("fmt")) {
        for case in cases(&std::fs::read_to_string(&path).unwrap()).1 {
            // `=>` stands between what is given and what is expected; without it nothing changes.
            let code = &case.files[0].code;
            let (given, expected) = code.split_once("\n=>\n").unwrap_or((code, code));
            let formatted = format(given).unwrap_or_else(|found| found);
            if formatted != expected {
                wrong += &format!("{}: {}\n{formatted}\n", path.display(), case.name);
            }
        }
    }
    assert!(wrong.is_empty(), "what is made, to paste:\n{wrong}");
}

#[test]
fn formatting_keeps_the_tree_and_is_done_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for room in ["tests/corpus", "stdlib", "examples"] {
        for path in files(&root.join(room)) {
            let text = std::fs::read_to_string(&path).unwrap();
            let (_, cases) = cases(&text);
            let inner = cases.iter().flat_map(|case| &case.files).map(|file| file.code.as_str());
            for code in inner.chain(cases.is_empty().then_some(text.as_str())) {
                for code in code.split("\n=>\n") {
                    for code in (0..6).map(|seed| respaced(code, seed)) {
                        let Ok(once) = format(&code) else { continue };
                        assert!(tree(&code) == tree(&once), "{}:\n{code}\nbecame\n{once}", path.display());
                        let twice = format(&once);
                        assert_eq!(twice.as_deref(), Ok(once.as_str()), "{}:\n{code}", path.display());
                        seen += 1;
                    }
                }
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn the_library_and_the_examples_are_formatted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in files(&root.join("stdlib")).into_iter().chain(files(&root.join("examples"))) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(format(&text).as_deref(), Ok(text.as_str()), "{}", path.display());
    }
}

/// The text formatted; else what is wrong with it.
fn format(text: &str) -> Result<String, String> {
    let (_, source) = single("main.vpipe", text);
    vpipe::fmt::format(&source).map_err(|found| format!("{found:?}\n"))
}

/// The text with other space, which may break it; itself for seed 0.
fn respaced(text: &str, seed: u64) -> String {
    let mut random = seed;
    let mut draw = |of: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % of
    };
    let mut out = String::new();
    for c in text.chars() {
        let changed = seed > 0 && draw(2 + 6 * (seed % 3)) == 0;
        match (c, draw(4)) {
            (' ', 0) if changed => out.push('\n'),
            (' ', 1) if changed => out.push_str(" // c\n"),
            (' ', 2) if changed => {}
            ('\n', 0) if changed => out.push_str("\n\n\n"),
            ('\n', 1) if changed => out.push_str("  \n\t "),
            ('\n', 2) if changed => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

/// The tree of a text, without its spans.
fn tree(text: &str) -> String {
    let (_, source) = single("main.vpipe", text);
    let shown = format!("{:#?}", vpipe::syntax::parse(&source).file);
    let is_span = |line: &str| line.bytes().all(|byte| byte.is_ascii_digit() || b" .,".contains(&byte));
    shown
        .lines()
        .filter(|line| !line.trim_start().starts_with("span: ") && !is_span(line))
        .collect::<Vec<_>>()
        .join("\n")
}
