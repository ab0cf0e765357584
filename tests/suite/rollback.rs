//! `vpipe rollback` and the pruning of versions, on the local cloud: through the real binary, and through the SDK.

use std::path::Path;
use std::process::Command;

use super::stack::{Stack, set};

/// Two environments, each with what it deploys.
const PIPELINE: &str = r#"
pipeline shop { region = "us-east-1" }
param release: String
param keep: Int = 10
application shop { keep_versions = keep }
environment web { application = shop, platform = "Tomcat 10 with Corretto 21", instances = 1..1 }
environment api { application = shop, platform = "Tomcat 10 with Corretto 21", instances = 1..1 }
rollout {
  step build { bundle "site" to "site.zip" }
  step release {
    deploy "site.zip" to web as "v${release}"
    deploy "site.zip" to api as "v${release}"
  }
}
"#;

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shop.vpipe"), PIPELINE).unwrap();
        std::fs::create_dir(folder.path().join("site")).unwrap();
        Self { folder }
    }

    fn vpipe(&self, args: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
        command.args(args).arg("--local").current_dir(self.folder.path());
        let output = command.output().unwrap();
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Of a command that exits so.
    fn exits(&self, code: i32, args: &[&str], saying: &[&str]) -> String {
        let (exit, said) = self.vpipe(args);
        assert_eq!(exit, Some(code), "{args:?}:\n{said}");
        for words in saying {
            assert!(said.contains(words), "{args:?}: expected `{words}` in:\n{said}");
        }
        said
    }

    fn release(&self, number: &str, keep: &str) {
        std::fs::write(self.folder.path().join("site/index.html"), number).unwrap();
        let set = [&format!("release={number}")[..], &format!("keep={keep}")];
        self.exits(0, &["run", "--yes", "--set", set[0], "--set", set[1]], &[]);
    }
}

const SET: [&str; 2] = ["--set", "release=3"];

#[test]
fn a_rollback_returns_to_what_ran_well_and_can_be_killed() {
    let project = Project::new();
    let with = |words: &[&'static str]| [words, &SET].concat();
    project.exits(1, &with(&["rollback", "--yes"]), &["there is no environment named `shop-web`"]);
    project.release("1", "10");
    project.exits(1, &with(&["rollback", "--yes"]), &["no version that ran well is older than `v1`"]);
    project.release("2", "10");
    project.release("3", "10");
    let listed = project.exits(0, &with(&["rollback", "--list"]), &["web\n", "api\n"]);
    let rows: Vec<&str> = listed.lines().filter(|line| line.starts_with('v')).collect();
    assert!(rows[1].starts_with("v3 ") && rows[1].ends_with("runs"), "{listed}");
    assert!(rows[3].starts_with("v1 ") && !rows[3].contains("runs"), "{listed}");
    project.exits(0, &with(&["plan"]), &["web runs v3, which the rollout would leave"]);

    // Nothing happens that nobody asked for.
    project.exits(2, &with(&["rollback"]), &["web: v3 -> v2", "api: v3 -> v2", "say `--yes`"]);
    project.exits(1, &with(&["rollback", "v33", "--yes"]), &["did you mean `v3`?"]);

    // Killed when the first environment had returned.
    let killed = project.vpipe(&with(&["rollback", "--yes", "--fault", "kill@2:before"]));
    assert_ne!(killed.0, Some(0), "{}", killed.1);
    project.exits(1, &with(&["rollback", "--yes"]), &["did not end well", "`--resume` goes on"]);
    project.exits(1, &with(&["run", "--yes", "--resume"]), &["vpipe rollback --resume"]);
    let resumed = project.exits(0, &with(&["rollback", "--yes", "--resume"]), &["web: v3 -> v2"]);
    assert!(resumed.contains("v2 runs already") && resumed.contains("api: v3 -> v2"), "{resumed}");
    project.exits(0, &with(&["rollback", "--resume"]), &["nothing to resume"]);
    project.exits(
        0,
        &with(&["plan"]),
        &["web runs v2, rolled back from v3; the rollout would deploy v3", "0 to change"],
    );

    // Once more goes further back; a version may be named; the next run deploys what the file says.
    project.exits(0, &with(&["rollback", "--yes"]), &["web: v2 -> v1"]);
    project.exits(0, &with(&["rollback", "shop.vpipe", "v2", "--yes"]), &["web: v1 -> v2"]);
    project.exits(0, &with(&["run", "--yes"]), &["rolled back from v1", "v3 runs"]);
    let plan = project.exits(0, &with(&["plan"]), &["web runs v3"]);
    assert!(!plan.contains("rolled back"), "{plan}");
}

#[test]
fn versions_are_pruned_but_not_those_that_run() {
    let project = Project::new();
    for number in ["1", "2", "3"] {
        project.release(number, "2");
    }
    // The version that is made is not counted: two older ones stay.
    let listed = || {
        let said = project.exits(0, &["rollback", "--list", "--set", "release=3"], &[]);
        let labels = said.lines().filter_map(|line| line.split(' ').next()).filter(|word| word.len() == 2);
        let mut labels: Vec<String> = labels.map(str::to_owned).collect();
        labels.dedup();
        labels.truncate(labels.len() / 2);
        labels
    };
    assert_eq!(listed(), ["v3", "v2", "v1"]);
    project.release("4", "2");
    assert_eq!(listed(), ["v4", "v3", "v2"]);
    // What runs is kept, however old.
    project.exits(0, &["rollback", "v2", "--yes", "--set", "release=4"], &["v2 runs"]);
    std::fs::write(Path::new(project.folder.path()).join("site/index.html"), "5").unwrap();
    project.release("5", "1");
    assert_eq!(listed(), ["v5", "v4", "v2"]);
}

#[tokio::test(start_paused = true)]
async fn rules_for_versions_are_changed_in_place() {
    let stack = Stack::new("eu-west-1").await;
    let rule = "shop elasticbeanstalk:UpdateApplicationResourceLifecycle";
    assert_eq!(stack.run("application shop { }").await, set(&["shop elasticbeanstalk:CreateApplication"]));
    for body in [
        "application shop { keep_versions = 5 }",
        "application shop { keep_versions = 6, delete_bundles = true }",
        "application shop { keep_versions_for = 30d }",
        "application shop { keep_versions_for = 30d, service_role = \"other\" }",
        "application shop { }",
    ] {
        assert_eq!(stack.run(body).await, set(&[rule]), "{body}");
    }
    stack.destroy("application shop { }").await;
}
