//! The vprofile pipeline, killed with SIGKILL at every mutating call, before and after it is applied, and resumed:
//! nothing twice, nothing lost, no finished step repeated. The same for its destruction; and calls whose replies are lost
//! or that are throttled.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::inventory::{differences, inventory};

/// A copy of the example, with a local cloud of its own.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/vprofile"), folder.path());
        Self { folder }
    }

    /// As it is now, with its journal and its cloud.
    fn again(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(self.folder.path(), folder.path());
        Self { folder }
    }

    fn vpipe(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
        command.args(args).args(["--local", "--stage", "dev"]).arg("vprofile.vpipe");
        command.current_dir(self.folder.path());
        for (name, text) in [
            ("VPROFILE_DB_PASSWORD", "a-password-for-tests"),
            ("VPROFILE_MQ_PASSWORD", "another-password-for-tests"),
            ("GODADDY_KEY", "a-key-for-tests"),
            ("GODADDY_SECRET", "a-secret-for-tests"),
        ] {
            command.env(name, text);
        }
        command.output().unwrap()
    }

    /// A command that ends well.
    fn well(&self, args: &[&str]) -> String {
        let output = self.vpipe(args);
        let told = told(&output);
        assert!(output.status.success(), "{args:?} in {}:\n{told}", self.folder.path().display());
        told
    }

    /// What the cloud holds, in a form in which ids, times and tokens do not matter: each place of the state, with the
    /// number of things there.
    fn inventory(&self) -> BTreeMap<String, usize> {
        let text = std::fs::read_to_string(self.folder.path().join(".vpipe/local/cloud.json")).unwrap();
        inventory(&serde_json::from_str(&text).unwrap())
    }

    /// The resources of the journal, with what is in doubt.
    fn status(&self) -> Json {
        serde_json::from_slice(&self.vpipe(&["status", "--json"]).stdout).unwrap()
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The steps of which a run said something, and what: `build done`, `build already done, skipped`.
fn steps(told: &str, what: &str) -> Vec<String> {
    told.lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once("step ")?;
            let (step, said) = rest.split_once(' ')?;
            said.trim().starts_with(what).then(|| step.to_owned())
        })
        .collect()
}

/// How many mutating calls a command made.
fn calls(told: &str) -> usize {
    told.lines()
        .find_map(|line| {
            let (before, _) = line.split_once(" changing calls")?;
            before.rsplit(' ').next()?.parse().ok()
        })
        .unwrap_or_else(|| panic!("no number of calls in:\n{told}"))
}

/// Tries every call with every fault, two at a time: each case is some processes one after the other. Calls of even
/// number are spared the faults after the first two, which cost as much and find less.
fn sweep(calls: usize, faults: &[&str], case: impl Fn(&str) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let (call, fault) = (at / faults.len() + 1, faults[at % faults.len()]);
                    if call > calls {
                        break;
                    }
                    if call % 2 == 0 && at % faults.len() > 1 {
                        continue;
                    }
                    case(&fault.replace('N', &call.to_string()));
                }
            });
        }
    });
}

fn assert_same(
    found: &BTreeMap<String, usize>,
    expected: &BTreeMap<String, usize>,
    context: impl Fn() -> String,
) {
    let different = differences(found, expected);
    assert!(different.is_empty(), "{}\n{}", different.join("\n"), context());
}

#[test]
fn a_run_survives_every_fault_at_every_call() {
    let undisturbed = Project::new();
    let calls = calls(&undisturbed.well(&["run", "--yes"]));
    assert!(calls > 20, "{calls} calls");
    let (expected, resources) = (undisturbed.inventory(), names(&undisturbed.status()));
    sweep(calls, &["kill@N:before", "kill@N:after", "lost@N", "throttle@N"], |fault| {
        let project = Project::new();
        let output = project.vpipe(&["run", "--yes", "--fault", fault]);
        let first = told(&output);
        let mut second = String::new();
        if fault.starts_with("kill") {
            assert!(was_killed(&output), "{fault} did not kill it:\n{first}");
            second = project.well(&["run", "--yes", "--resume"]);
            let done = steps(&first, "done in");
            assert_eq!(steps(&second, "already done, skipped"), done, "{fault}:\n{second}");
        }
        let status = project.status();
        assert_eq!(names(&status), resources, "{fault}:\n{first}\n{second}");
        assert_eq!(status["in_doubt"], serde_json::json!([]), "{fault}");
        assert_same(&project.inventory(), &expected, || format!("{fault}:\n{first}\n{second}"));
        if !fault.ends_with("before") {
            let third = project.well(&["run", "--yes"]);
            assert!(third.contains("no changing calls"), "{fault}:\n{third}");
        }
    });
}

/// Another domain: another certificate, made beside the old one; another bucket and record; the environment and the
/// distribution moved over.
#[test]
fn a_replacement_survives_being_killed_at_every_call() {
    let made = Project::new();
    made.well(&["run", "--yes"]);
    let file = made.folder.path().join("vprofile.vpipe");
    let text = std::fs::read_to_string(&file).unwrap();
    let moved = text.replace("\"dev.vprofile.example.com\"", "\"new.vprofile.example.com\"");
    assert_ne!(text, moved);
    std::fs::write(&file, moved).unwrap();
    let undisturbed = made.again();
    let calls = calls(&undisturbed.well(&["run", "--yes"]));
    assert!(calls > 10, "{calls} calls");
    let (expected, resources) = (undisturbed.inventory(), names(&undisturbed.status()));
    sweep(calls, &["kill@N:before", "kill@N:after"], |fault| {
        let project = made.again();
        let output = project.vpipe(&["run", "--yes", "--fault", fault]);
        let first = told(&output);
        assert!(was_killed(&output), "{fault} did not kill it:\n{first}");
        let second = project.well(&["run", "--yes", "--resume"]);
        assert_eq!(names(&project.status()), resources, "{fault}:\n{first}\n{second}");
        assert_same(&project.inventory(), &expected, || format!("{fault}:\n{first}\n{second}"));
        if !fault.ends_with("before") {
            let third = project.well(&["run", "--yes"]);
            assert!(third.contains("no changing calls"), "{fault}:\n{third}");
        }
    });
}

#[test]
fn a_destruction_survives_being_killed_at_every_call() {
    let made = Project::new();
    made.well(&["run", "--yes"]);
    let undisturbed = made.again();
    let calls = calls(&undisturbed.well(&["destroy", "--yes"]));
    assert!(calls > 15, "{calls} calls");
    let expected = undisturbed.inventory();
    sweep(calls, &["kill@N:before", "kill@N:after"], |fault| {
        let project = made.again();
        let output = project.vpipe(&["destroy", "--yes", "--fault", fault]);
        let first = told(&output);
        assert!(was_killed(&output), "{fault} did not kill it:\n{first}");
        let second = project.well(&["destroy", "--yes", "--resume"]);
        let status = project.status();
        assert_eq!(status["resources"], serde_json::json!([]), "{fault}");
        assert_eq!(status["in_doubt"], serde_json::json!([]), "{fault}");
        assert_same(&project.inventory(), &expected, || format!("{fault}:\n{first}\n{second}"));
    });
}

fn names(status: &Json) -> Vec<String> {
    let resources = status["resources"].as_array().unwrap();
    let mut names: Vec<String> =
        resources.iter().map(|resource| format!("{} {}", resource["node"], resource["ready"])).collect();
    names.sort();
    names
}

#[cfg(unix)]
fn was_killed(output: &Output) -> bool {
    use std::os::unix::process::ExitStatusExt;
    output.status.signal() == Some(9)
}

#[cfg(not(unix))]
fn was_killed(output: &Output) -> bool {
    !output.status.success()
}
