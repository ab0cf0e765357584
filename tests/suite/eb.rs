//! The `eb` CLI and what `vpipe local serve` prints: another client of Beanstalk, which makes an environment, deploys to it,
//! looks at it, swaps it and ends it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use super::tools::tools;

/// A local cloud that the binary serves, and what it printed.
struct Served {
    server: Child,
    exports: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Served {
    fn start(state: &Path) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_vpipe"))
            .args(["local", "serve", "--port", "0", "--speed", "600x", "--shell", "bash", "--state"])
            .arg(state)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
        let exports = lines.take(5).collect::<Vec<_>>().join("\n");
        Self { server, exports }
    }

    /// Runs a command of bash in a folder, with the exports as they were printed.
    fn bash(&self, folder: &Path, command: &str) -> Output {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(tools()).chain(std::env::split_paths(&path));
        Command::new("bash")
            .args(["-c", &format!("{}\n{command}", self.exports)])
            .current_dir(folder)
            .env_clear()
            .env("HOME", folder)
            .env("PATH", std::env::join_paths(paths).unwrap())
            .output()
            .unwrap()
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_eb_cli_creates_deploys_swaps_and_terminates() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(&folder.path().join("cloud.json"));
    let project = folder.path().join("project");
    std::fs::create_dir(&project).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/eb.sh");
    let output = served.bash(&project, &script.display().to_string());
    assert!(output.status.success(), "{}", told(&output));
}

const PIPELINE: &str = r#"
pipeline shop { region = "us-east-1" }
existing vpc main { default = true }
security_group backend { vpc = main, allow tcp 3306 from "10.0.0.0/8" }
bucket assets {}
"#;

#[test]
fn the_aws_cli_sees_what_vpipe_made_and_vpipe_adopts_what_the_cli_made() {
    let folder = tempfile::tempdir().unwrap();
    let (project, file) = (folder.path(), folder.path().join("shop.vpipe"));
    std::fs::write(&file, PIPELINE).unwrap();
    let vpipe = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
        command.args(args).args(["shop.vpipe", "--local"]).current_dir(project).output().unwrap()
    };
    let output = vpipe(&["run", "--yes"]);
    assert!(output.status.success(), "{}", told(&output));

    let state = project.join(".vpipe/local/cloud.json");
    let served = Served::start(&state);
    let group =
        "aws ec2 describe-security-groups --filters Name=tag:vpipe:node,Values=backend --output text --query";
    let seen = told(&served.bash(project, &format!("{group} 'SecurityGroups[].IpPermissions[].FromPort'")));
    assert_eq!(seen.trim(), "3306");
    assert_eq!(told(&served.bash(project, "aws s3api list-buckets --query 'length(Buckets)'")).trim(), "1");
    // Somebody else makes another group, of the name that the pipeline is going to want.
    let made = served.bash(
        project,
        "aws ec2 create-security-group --group-name theirs --description theirs --output text --query GroupId",
    );
    let id = told(&made).trim().to_owned();
    assert!(id.starts_with("sg-"), "{id}");
    drop(served);

    let text = format!(
        "{PIPELINE}\nsecurity_group other {{ vpc = main, name = \"theirs\", description = \"theirs\" }}\n"
    );
    std::fs::write(&file, text).unwrap();
    let refused = told(&vpipe(&["run", "--yes"]));
    assert!(refused.contains("vpipe import security_group theirs --adopt shop.vpipe"), "{refused}");
    // As the error says.
    let adopted = vpipe(&["import", "security_group", "theirs", "--yes", "--adopt"]);
    assert!(adopted.status.success(), "{}", told(&adopted));
    let output = vpipe(&["run", "--yes"]);
    let said = told(&output);
    assert!(output.status.success() && said.contains("4 unchanged; no changing calls"), "{said}");
    let served = Served::start(&state);
    let owner = format!("aws ec2 describe-security-groups --group-ids {id} --output text --query");
    let tag = "SecurityGroups[].Tags[?Key==`vpipe:node`].Value";
    assert_eq!(told(&served.bash(project, &format!("{owner} '{tag}'"))).trim(), "other");
}
