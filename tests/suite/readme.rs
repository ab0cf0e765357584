//! The README tells the truth: its `.vpipe` files have no mistakes, its commands exist.

use std::path::{Path, PathBuf};
use std::process::Command;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The texts between ```` ```LANGUAGE ```` and ```` ``` ````.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}\n");
    text.split(&open).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn its_pipelines_have_no_mistakes() {
    let found = blocks(&readme(), "vpipe");
    assert!(!found.is_empty());
    for text in found {
        let checked = vpipe::check::check_text("README.md", &text, PathBuf::from("."));
        let diagnostics = vpipe::eval::examine(checked).diagnostics;
        assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}");
    }
}

#[test]
fn its_commands_exist() {
    let mut seen = 0;
    for block in blocks(&readme(), "console") {
        let commands = block.lines().map(|line| line.trim_start_matches("$ "));
        for command in commands.filter_map(|line| line.strip_prefix("vpipe ")) {
            let line = command.split('#').next().unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            let subcommands = if words[0] == "local" { 2 } else { 1 };
            // Options that a command does not know make clap refuse it even with `--help`.
            let output = Command::new(env!("CARGO_BIN_EXE_vpipe"))
                .args(&words[..subcommands])
                .arg("--help")
                .output()
                .unwrap();
            let help = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "vpipe {command}");
            for option in words.iter().filter(|word| word.starts_with("--")) {
                assert!(help.contains(option), "`vpipe {line}`: there is no {option}");
            }
            seen += 1;
        }
    }
    assert!(seen > 5);
}
