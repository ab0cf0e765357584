//! The corpus of mistakes: programs with one mistake each, as engineers make them, and their right twins.
//!
//! Each case gives exactly one finding, with the help and, where it carries one, the fix that are written under it. Its
//! twin, and what `--fix` makes of it, give none.

use std::process::Command;

use super::corpus::{Case, Findings, cases, files, fixed, folder, run_cases, twin, with_text, write_files};
use super::rooms::check_case;

/// How many mistakes there are at least.
const LEAST: usize = 150;

#[test]
fn each_mistake_is_told_once_and_its_twin_is_clean() {
    run_cases("mistakes", check_case, Some(&more));
}

fn more(case: &Case, findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    let [found] = &findings.diagnostics[..] else {
        return vec![format!("{} findings instead of one", findings.diagnostics.len())];
    };
    if found.help.is_none() {
        wrong.push("its finding has no help".to_owned());
    }
    let mut clean = |what: &str, case: &Case| {
        let left = check_case(case).diagnostics;
        wrong.extend(left.iter().map(|one| format!("{what}: {}: {}", one.code, one.message)));
    };
    if case.files.iter().all(|file| file.instead.is_empty()) {
        return vec!["it has no right twin".to_owned()];
    }
    clean("the right twin", &twin(case));
    if let (Some(text), Some(file)) = (fixed(found, &findings.sources), findings.sources.file(found.span)) {
        clean("after the fix", &with_text(case, &file.name, &text));
    }
    wrong
}

#[test]
fn there_are_many_mistakes_and_no_two_of_one_name() {
    let mut names: Vec<String> = Vec::new();
    for path in files(&folder("mistakes")) {
        names.extend(cases(&std::fs::read_to_string(&path).unwrap()).1.into_iter().map(|case| case.name));
    }
    assert!(names.len() >= LEAST, "{}", names.len());
    names.sort();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// The command repairs all of them at once, each in a folder of its own, and leaves all else as it is to the byte.
#[test]
fn the_command_repairs_what_has_a_fix_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for path in files(&folder("mistakes")) {
        for case in cases(&std::fs::read_to_string(&path).unwrap()).1 {
            let place = home.path().join(&case.name);
            std::fs::create_dir(&place).unwrap();
            write_files(&case, &place);
            let findings = check_case(&case);
            for file in &case.files {
                let is_it = |name: &str| std::path::Path::new(name).ends_with(&file.name);
                let repaired = findings.diagnostics.iter().find_map(|found| {
                    let source = findings.sources.file(found.span).filter(|source| is_it(&source.name))?;
                    Some((fixed(found, &findings.sources)?, source.text.to_string()))
                });
                if let Some((after, before)) = &repaired {
                    assert_eq!(*before, file.text(), "{}", case.name);
                    assert_ne!(after, before, "{}", case.name);
                }
                expected
                    .push((place.join(&file.name), repaired.map_or_else(|| file.text(), |(after, _)| after)));
            }
        }
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
    let output =
        command.args(["check", "--fix", "--format", "short"]).current_dir(home.path()).output().unwrap();
    let mut repairs = 0;
    for (path, text) in expected {
        let now = std::fs::read_to_string(&path).unwrap();
        assert_eq!(now, text, "{}: {}", path.display(), String::from_utf8_lossy(&output.stdout));
        repairs += 1;
    }
    assert!(repairs >= LEAST);
}

/// Codes that no text can be made to have, with the reason and what shows them instead.
const NOT_REACHED: &[(&str, &str)] = &[
    ("invalid-kind", "only the library declares kinds: unit tests of `schema` read wrong ones"),
    ("missing-file", "there is no file: the command tells it"),
    ("missing-resource", "what leads to it is found before, as `possibly-none`"),
    ("too-many-findings", "takes more than a thousand findings: a unit test of `diag` makes them"),
    ("unreadable-secret", "comes from Secrets Manager or SSM at run time"),
];

#[test]
fn every_code_is_reached_by_a_case() {
    let mut told = String::new();
    for path in files(&folder("")) {
        told += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
    }
    let reached = |code: &str| {
        ["error", "warning"].iter().any(|word| {
            told.contains(&format!("{word} {code}:")) || told.contains(&format!("{word} {code} \""))
        })
    };
    let excused = |code: &str| NOT_REACHED.iter().any(|(name, _)| *name == code);
    for code in vpipe::diag::CODES {
        assert_ne!(reached(code.name), excused(code.name), "{}", code.name);
    }
}

#[test]
fn the_examples_have_no_finding_at_all() {
    let examples = files(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"));
    assert!(!examples.is_empty());
    for path in examples {
        let found = vpipe::eval::examine(vpipe::check::check_path(&path)).diagnostics;
        assert_eq!(found, [], "{}", path.display());
    }
}
