//! The explain pages: every wrong example has its mistake, every right one has none.

use std::fmt::Write as _;
use std::process::Command;

use super::corpus::{cases, single};
use super::rooms::check_case;
use vpipe::diag::{CODES, Diagnostic, Part, parts};

/// Codes that no file can show, with the reason. Their pages say so.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("invalid-kind", "only the library declares kinds"),
    ("invalid-value", "comes from `--set`"),
    ("missing-file", "there is no file"),
    ("missing-resource", "what leads to it is found before, as `possibly-none`"),
    ("missing-secret", "`check` asks for no secrets"),
    ("unreadable-secret", "`check` asks for no secrets"),
    ("missing-stage", "`check` looks at all stages"),
    ("too-many-findings", "takes more than a thousand findings"),
];

#[test]
fn the_examples_do_what_the_pages_say() {
    let mut failures = String::new();
    for code in CODES {
        let examples: Vec<Part> =
            parts(code.page).into_iter().filter(|part| !matches!(part, Part::Text(_))).collect();
        let hidden = NOT_SHOWN.iter().any(|(name, _)| *name == code.name);
        match &examples[..] {
            [] if hidden => {}
            [Part::Wrong(wrong), Part::Right(right)] if !hidden => {
                let found = findings(wrong);
                if found.is_empty() || found.iter().any(|one| one.code != code.name) {
                    let _ = writeln!(failures, "{}, wrong: {}", code.name, told(&found));
                }
                let found = findings(right);
                if !found.is_empty() {
                    let _ = writeln!(failures, "{}, right: {}", code.name, told(&found));
                }
                for unformatted in unformatted(right) {
                    let _ = writeln!(failures, "{}, right, as `fmt` writes it:\n{unformatted}", code.name);
                }
            }
            _ => drop(writeln!(failures, "{}: one wrong and one right example, or none", code.name)),
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// What `vpipe check` finds in an example.
fn findings(example: &str) -> Vec<Diagnostic> {
    let (_, cases) = cases(&format!("--- example ---\n{example}\n"));
    check_case(&cases[0]).diagnostics
}

/// Files of an example that `vpipe fmt` would change, as they were then.
fn unformatted(example: &str) -> Vec<String> {
    let (_, cases) = cases(&format!("--- example ---\n{example}\n"));
    let files = cases[0].files.iter().filter(|file| file.name.ends_with(".vpipe"));
    let pretty = files.map(|file| (file, vpipe::fmt::format(&single(&file.name, &file.code).1).unwrap()));
    pretty.filter(|(file, pretty)| file.code != *pretty).map(|(_, pretty)| pretty).collect()
}

fn told(found: &[Diagnostic]) -> String {
    let lines = found.iter().map(|one| format!("\n  {}: {}", one.code, one.message));
    lines.collect::<String>() + if found.is_empty() { "nothing is found" } else { "" }
}

#[test]
fn the_pages_read_well() {
    for code in CODES {
        let texts: Vec<&str> = parts(code.page)
            .into_iter()
            .filter_map(|part| match part {
                Part::Text(text) => Some(text),
                _ => None,
            })
            .collect();
        let name = code.name;
        assert!(texts.len() >= 2, "{name}: what it means, and what to do");
        for text in &texts {
            assert!(text.ends_with(['.', '?', ':']), "{name}: `{text}` does not end");
            assert_eq!(text.matches('`').count() % 2, 0, "{name}: a backtick is missing in `{text}`");
            assert!(!text.contains("```"), "{name}: a fence is not `vpipe wrong` or `vpipe right`");
        }
        let words = texts.iter().flat_map(|text| text.split_whitespace()).count();
        assert!((30..200).contains(&words), "{name}: {words} words");
        for line in code.page.lines() {
            assert!(line.chars().count() <= 125 && line.trim_end() == line, "{name}: `{line}`");
        }
        assert!(code.summary.len() > 10 && !code.summary.ends_with('.'), "{name}: `{}`", code.summary);
    }
}

#[test]
fn the_command_explains_lists_and_suggests() {
    let said = |args: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_vpipe")).arg("explain").args(args).env_clear().output().unwrap();
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, page) = said(&["unknown-attribute"]);
    assert_eq!(code, Some(0), "{page}");
    assert!(page.starts_with("unknown-attribute: an attribute that there is not\n\n"), "{page}");
    assert!(
        page.contains("wrong:\n\n    pipeline shop") && page.contains("right:\n\n    pipeline shop"),
        "{page}"
    );
    assert!(!page.contains("```"), "{page}");
    assert_eq!(said(&["error[unknown-attribute]"]).1, page);
    let (code, list) = said(&["--list"]);
    assert_eq!((code, list.lines().count()), (Some(0), CODES.len() + 1), "{list}");
    let (code, text) = said(&["unknown-atribute"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("did you mean `unknown-attribute`?") && text.contains("explain --list"), "{text}");
    let (code, text) = said(&[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("Usage: vpipe explain"), "{text}");
}

#[test]
fn check_says_once_where_to_read_more() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.vpipe"), "output a = b\noutput c = d\n").unwrap();
    let check = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
        command.args(["check", "a.vpipe"]).args(args).current_dir(folder.path()).env_clear();
        let output = command.output().unwrap();
        String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap()
    };
    let text = check(&[]);
    assert!(text.ends_with("2 errors; see `vpipe explain unknown-name`\n"), "{text}");
    assert_eq!(text.matches("explain").count(), 1, "{text}");
    assert!(!check(&["--format", "short"]).contains("explain"));
}

#[test]
fn warnings_are_taken_as_the_user_says() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    let check = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
        command.arg("check").args(args).current_dir(home.path()).env_clear();
        let output = command.output().unwrap();
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    std::fs::create_dir_all(home.path().join("envs/prod")).unwrap();
    write("envs/prod/a.vpipe", "pipeline a { region = \"us-east-1\" }\nlet x = 1\n");
    let file = "envs/prod/a.vpipe";
    let (code, text) = check(&[file]);
    assert!(code == Some(0) && text.contains("1 warning; see `vpipe explain unused-name`"), "{text}");
    assert_eq!(check(&[file, "--deny", "warnings"]).0, Some(1));
    write("vpipe.toml", "[severity]\nunused-name = \"allow\"\n");
    assert_eq!(check(&[file, "--deny", "warnings"]), (Some(0), "no mistakes found\n".to_owned()));
    write("vpipe.toml", "[severity]\nunused-name = \"error\"\n");
    let (code, text) = check(&[file, "--format", "short"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.starts_with("envs/prod/a.vpipe:2:5: error[unused-name]: "), "{text}");
    // An allow in the file speaks for its place, whatever the project says.
    write(file, "pipeline a { region = \"us-east-1\" }\n// allow(unused-name): later\nlet x = 1\n");
    assert_eq!(check(&[file]), (Some(0), "no mistakes found\n".to_owned()));
    write(file, "pipeline a { region = \"us-east-1\" }\n// allow(unused-name): later\noutput x = 1\n");
    let (code, text) = check(&[file, "--fix"]);
    assert!(code == Some(0) && text.ends_with("no mistakes found\n"), "{text}");
    let fixed = std::fs::read_to_string(home.path().join(file)).unwrap();
    assert_eq!(fixed, "pipeline a { region = \"us-east-1\" }\noutput x = 1\n");
    write("vpipe.toml", "[severity]\nunused-name = \"off\"\n");
    let (code, text) = check(&[".", "--format", "short"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.starts_with("vpipe.toml:2:15: error[invalid-setting]: "), "{text}");
    write("vpipe.toml", "[severity]\nunusd-name = \"error\"\n");
    let (code, text) = check(&[".", "--fix"]);
    assert_eq!((code, &text[..]), (Some(0), "vpipe.toml: 1 repaired\nno mistakes found\n"));
    let fixed = std::fs::read_to_string(home.path().join("vpipe.toml")).unwrap();
    assert_eq!(fixed, "[severity]\nunused-name = \"error\"\n");
}
