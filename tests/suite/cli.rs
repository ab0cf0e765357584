//! The command line as a user meets it: exit codes, bad input, interrupts, broken machines. Through the real binary.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A folder to run the binary in.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn with(files: &[(&str, &[u8])]) -> Self {
        let place = Self::new();
        for (name, text) in files {
            place.write(name, text);
        }
        place
    }

    fn write(&self, name: &str, text: &[u8]) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
        command.args(args).current_dir(self.path()).env_clear().env("HOME", self.path()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    fn vpipe(&self, args: &[&str]) -> Said {
        Said::of(&self.command(args).output().unwrap())
    }

    /// The names of the files in the folder.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// What the binary said, and its exit code.
struct Said {
    code: Option<i32>,
    text: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
        Self { code: output.status.code(), text }
    }

    fn exits(self, code: i32, saying: &str) -> Self {
        let text: String = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(saying), "expected `{saying}` in:\n{}", self.text);
        assert_eq!(self.code, Some(code), "{}", self.text);
        self
    }
}

const SMALL: &str = "pipeline small { region = \"us-east-1\" }\nbucket files { }\n";

#[test]
fn check_exits_with_0_1_and_2() {
    let place = Place::with(&[("good.vpipe", SMALL.as_bytes()), ("bad.vpipe", b"bukcet files { }\n")]);
    place.vpipe(&["check", "good.vpipe"]).exits(0, "no mistakes found");
    place.vpipe(&["check", "bad.vpipe"]).exits(1, "did you mean `bucket`?");
    place.vpipe(&["check"]).exits(1, "2 errors");
    place.vpipe(&["check", "god.vpipe"]).exits(2, "did you mean `good.vpipe`?");
    place.vpipe(&["check", "--form", "x"]).exits(2, "--format");
    place.vpipe(&["chekc"]).exits(2, "check");
}

#[test]
fn bad_files_are_explained_and_nothing_is_written() {
    let deep = format!("let a = {}1{}\n", "(".repeat(10_000), ")".repeat(10_000));
    let braces = format!("{}{}", "a b { ".repeat(10_000), "}".repeat(10_000));
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("empty", Vec::new(), "declares nothing"),
        ("comments", b"// nothing\n".to_vec(), "declares nothing"),
        ("long line", vec![b'x'; 10 << 20], "error"),
        ("not text", b"pipeline x { region = \"\xff\xfe\" }".to_vec(), "is not UTF-8"),
        ("deep", deep.into_bytes(), "too-deep"),
        ("braces", braces.into_bytes(), "too-deep"),
        (
            "missing module",
            b"pipeline x { region = \"us-east-1\" }\nuse \"./net.vpipe\"\n".to_vec(),
            "missing-module",
        ),
        ("cyclic module", b"use \"./a.vpipe\"\n".to_vec(), "cyclic-module"),
    ];
    for (name, text, saying) in cases {
        let place = Place::with(&[("a.vpipe", &text)]);
        let check = place.vpipe(&["check", "a.vpipe"]);
        assert!(check.text.len() < 20_000, "{name}: {} bytes are too much to read", check.text.len());
        check.exits(1, saying);
        place.vpipe(&["run", "a.vpipe", "--local", "--yes"]).exits(1, saying);
        assert_eq!(place.files(), ["a.vpipe"], "{name}");
    }
}

#[test]
fn what_check_takes_for_an_error_does_not_run() {
    let unused = format!("{SMALL}let x = 1\n");
    let place = Place::with(&[("a.vpipe", unused.as_bytes())]);
    place.vpipe(&["plan", "a.vpipe", "--local"]).exits(0, "warning[unused-name]");
    place.write("vpipe.toml", b"[severity]\nunused-name = \"error\"\n");
    place.vpipe(&["plan", "a.vpipe", "--local"]).exits(1, "error[unused-name]");
    place.write("a.vpipe", format!("{SMALL}// allow(unused-name): later\nlet x = 1\n").as_bytes());
    let said = place.vpipe(&["plan", "a.vpipe", "--local"]).exits(0, "files");
    assert!(!said.text.contains("unused-name"), "{}", said.text);
    place.write("a.vpipe", format!("{SMALL}// allow(unused-name)\nlet x = 1\n").as_bytes());
    place.vpipe(&["plan", "a.vpipe", "--local"]).exits(1, "gives no reason");
}

#[test]
fn fmt_writes_checks_and_shows() {
    let ugly: &[u8] = b"// mine\npipeline   p {region=\"us-east-1\"}\nbucket b{versioning=true}\n";
    let place = Place::with(&[("a.vpipe", ugly)]);
    let read = || std::fs::read(place.path().join("a.vpipe")).unwrap();
    place.vpipe(&["fmt", "--check"]).exits(1, "a.vpipe");
    place.vpipe(&["fmt", "--diff"]).exits(1, "+bucket b { versioning = true }");
    assert_eq!(read(), ugly);
    place.vpipe(&["fmt"]).exits(0, "1 file changed");
    place.vpipe(&["fmt", "--check"]).exits(0, "");
    let pretty = b"// mine\npipeline p { region = \"us-east-1\" }\nbucket b { versioning = true }\n";
    assert_eq!(String::from_utf8_lossy(&read()), String::from_utf8_lossy(pretty));
    place.write("a.vpipe", b"bucket b {\n");
    place.vpipe(&["fmt"]).exits(1, "is left as it is");
    place.vpipe(&["fmt", "--check", "nope"]).exits(2, "there is no file");
}

#[test]
fn stages_and_parameters_are_explained() {
    let text = "pipeline p { region = \"us-east-1\" }\nparam size: Int\nstage dev { size = 1 }\nstage prod { size = 2 }\n\
                bucket files { versioning = size > 1 }\n";
    let place = Place::with(&[("p.vpipe", text.as_bytes())]);
    place.vpipe(&["plan", "--local"]).exits(2, "which stage?");
    place.vpipe(&["plan", "--local", "--stage", "pord"]).exits(2, "did you mean `prod`?");
    place
        .vpipe(&["plan", "--local", "--stage", "dev", "--set", "sise=3"])
        .exits(1, "did you mean `--set size=…`?");
    place.vpipe(&["plan", "--local", "--stage", "dev"]).exits(0, "1 to create");
    assert_eq!(
        place.files(),
        ["p.vpipe", ".vpipe"].iter().map(|s| (*s).to_owned()).rev().collect::<Vec<_>>()
    );
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let place = Place::with(&[("p.vpipe", SMALL.as_bytes())]);
    place.vpipe(&["run", "--local"]).exits(2, "say `--yes`");
    place.vpipe(&["run", "--local", "--yes"]).exits(0, "1 created");
    place.vpipe(&["run", "--local", "--yes"]).exits(0, "no changing calls");
    place.vpipe(&["run", "--local", "--yes", "--resume"]).exits(0, "nothing to resume");
    place.vpipe(&["destroy", "--local"]).exits(2, "say `--yes`");
    place.vpipe(&["destroy", "--local", "--yes"]).exits(0, "1 deleted");
    place.vpipe(&["destroy", "--local", "--yes"]).exits(0, "nothing to delete");
}

#[test]
fn what_is_not_what_it_should_be_fails_well() {
    let rollout = "rollout { step s { upload \"missing.war\" to files as \"x\" } }\n";
    let place = Place::with(&[("p.vpipe", format!("{SMALL}{rollout}").as_bytes())]);
    place.vpipe(&["run", "--local", "--yes"]).exits(1, "missing.war");
    let place = Place::with(&[("p.vpipe", SMALL.as_bytes())]);
    place.vpipe(&["run", "--local", "--yes", "--fault", "expire@0"]).exits(1, "expired");
    place.vpipe(&["run", "--local", "--fault", "boom@1"]).exits(2, "kill@N:before");
    place.vpipe(&["run", "--local", "--speed", "fast"]).exits(2, "60x");
    let place = Place::with(&[("p.vpipe", SMALL.replace("us-east-1", "us-esat-9").as_bytes())]);
    let said =
        place.command(&["plan"]).env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "y").output();
    // With a network, AWS's name for the region does not resolve; without one, no name does.
    Said::of(&said.unwrap()).exits(1, "resolve");
}

#[test]
fn a_reader_that_goes_away_is_no_trouble() {
    let place = Place::with(&[("bad.vpipe", "bukcet files { }\n".repeat(3_000).as_bytes())]);
    let mut child = place.command(&["check"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(Said::of(&output).code, Some(1));
}

#[test]
fn standard_input_is_checked() {
    let place = Place::new();
    let mut child = place
        .command(&["check", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"bukcet files { }").unwrap();
    Said::of(&child.wait_with_output().unwrap()).exits(1, "[standard input:1:1]");
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let place = Place::new();
    let mut child =
        place.command(&["fmt", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"bucket b{versioning=true}").unwrap();
    Said::of(&child.wait_with_output().unwrap()).exits(0, "bucket b { versioning = true }");
}

#[test]
fn repairs_are_applied_and_the_rest_is_left_alone() {
    let place = Place::with(&[(
        "a.vpipe",
        b"// mine\npipeline p { region = \"us-east-1\" }\nbukcet files { versioing = true } // here\n",
    )]);
    place.vpipe(&["check", "--fix"]).exits(0, "no mistakes found");
    let text = std::fs::read_to_string(place.path().join("a.vpipe")).unwrap();
    assert_eq!(
        text,
        "// mine\npipeline p { region = \"us-east-1\" }\nbucket files { versioning = true } // here\n"
    );
}

#[cfg(unix)]
#[test]
fn a_disk_without_room_stops_a_run_in_words() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with(&[("p.vpipe", SMALL.as_bytes())]);
    // A file where the folder should be: as unwritable as a full disk, also for root.
    place.write(".vpipe", b"");
    place.vpipe(&["run", "--local", "--yes"]).exits(1, ".vpipe");
    std::fs::remove_file(place.path().join(".vpipe")).unwrap();
    place.vpipe(&["run", "--local", "--yes"]).exits(0, "1 created");
    let private = |name: &str| {
        let path = place.path().join(".vpipe/local").join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((private("small.db"), private("cloud.json")), (0o600, 0o600));
}
