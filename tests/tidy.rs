//! The shape of the code: layers, who may know what, and the size of files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

/// The rooms, lowest first. A room imports only rooms before it.
const ROOMS: [&str; 15] = [
    "base", "diag", "syntax", "fmt", "schema", "check", "eval", "prove", "plan", "journal", "cloud", "local",
    "run", "report", "cli",
];

/// The longest file, in lines.
const LONGEST: usize = 600;

/// Words that only some places may say, and why.
const RESERVED: [(&str, &[&str], &str); 7] = [
    ("pest::", &["syntax/"], "only the parser knows pest"),
    ("aws_sdk_", &["cloud/"], "only the drivers know the AWS SDK's clients"),
    ("rusqlite", &["journal/"], "only the journal knows SQLite"),
    ("println!", &[], "only `cli` prints, through its Terminal"),
    ("eprintln!", &[], "only `cli` prints, through its Terminal"),
    (
        ".reveal()",
        &["cloud/", "run/", "eval/value.rs"],
        "only drivers and rollout actions see a secret's text",
    ),
    (
        "std::env::var",
        &["cli/", "cloud/", "journal/lock.rs", "run/world.rs"],
        "the environment is read at the door",
    ),
];

#[test]
fn rooms_import_only_rooms_above_them() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let Some(room) = room(&file) else { continue };
        let own = ROOMS.iter().position(|name| *name == room);
        let own = own.unwrap_or_else(|| panic!("`{room}` is in no place of the list of rooms"));
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !is_comment(line)) {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if ROOMS.iter().position(|name| *name == used).is_some_and(|other| other > own) {
                    wrong
                        .push(format!("{file}:{}: `{room}` imports `{used}`, which is below it", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_reserved_stays_in_its_room() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !is_comment(line)) {
            for (word, places, why) in RESERVED {
                if line.contains(word) && !places.iter().any(|place| file.starts_with(place)) {
                    // Tests may look at what they wrote.
                    if word == ".reveal()" && in_tests(&text, number) {
                        continue;
                    }
                    wrong.push(format!("{file}:{}: `{word}`: {why}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let lines = text.lines().count();
        // The syntax tree is one list of plain types, read from top to bottom.
        if lines > LONGEST && file != "syntax/ast.rs" {
            wrong.push(format!("{file}: {lines} lines are asking to be split"));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{file}: the first line does not say what it is (`//! …`)"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_library_file_is_embedded() {
    let root = root().join("stdlib");
    let library = std::fs::read_to_string(self::root().join("src/schema/library.rs")).unwrap();
    for path in walk(&root).into_iter().filter(|path| path.extension().is_some_and(|e| e == "vpipe")) {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        assert!(
            library.contains(&format!("\"{name}\"")),
            "stdlib/{name} is not in the list of src/schema/library.rs"
        );
    }
}

fn in_tests(text: &str, line: usize) -> bool {
    text.lines().position(|line| line.contains("#[cfg(test)]")).is_some_and(|tests| tests < line)
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The first folder of a path below `src/`; none for `lib.rs` and `main.rs`.
fn room(file: &str) -> Option<&str> {
    file.split_once('/').map(|(room, _)| room)
}

/// Every file of `src/`, by its path below it.
fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let mut files: Vec<(String, String)> = walk(&src)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let name = path.strip_prefix(&src).unwrap().display().to_string();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() > 30, "the sources were not found");
    files
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(walk(&path));
        } else {
            all.push(path);
        }
    }
    all
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
