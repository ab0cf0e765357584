//! The pre-commit hooks as a user meets them: the real `pre-commit`, a repository of its own, two files.

use std::path::Path;
use std::process::Command;

use super::tools::tools;

const GOOD: &str = "pipeline shop { region = \"us-east-1\" }\n\nbucket files {}\n";
const CROOKED: &str = "pipeline   shop { region=\"us-east-1\" }\n\nbucket files {}\n";
const WRONG: &str = "pipeline shop { region = \"us-east-1\" }\n\nbucket files { versionin = true }\n";

/// A command's output and errors; it must exit as told.
fn run(folder: &Path, program: &Path, args: &[&str], well: bool) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).env("PRE_COMMIT_HOME", folder.join("../home"));
    for name in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{name}_NAME"), "someone");
        command.env(format!("GIT_{name}_EMAIL"), "someone@example.com");
    }
    // What pre-commit builds is what a user gets, but sooner: dependencies once, and nothing optimised.
    command.env("CARGO_TARGET_DIR", root.join("target/pre-commit"));
    command.env("CARGO_PROFILE_HOOKS_OPT_LEVEL", "0");
    let output = command.output().unwrap_or_else(|why| panic!("{}: {why}", program.display()));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.success(), well, "{} {args:?}:\n{said}", program.display());
    said
}

fn git(folder: &Path, args: &[&str]) -> String {
    run(folder, Path::new("git"), args, true).trim().to_owned()
}

/// A repository with the files of this one as they are now, committed or not; its commit.
fn hooks(folder: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = git(root, &["ls-files", "--cached", "--others", "--exclude-standard"]);
    for file in listed.lines().filter(|file| root.join(file).is_file()) {
        let copy = folder.join(file);
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(root.join(file), copy).unwrap();
    }
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "hooks"]);
    git(folder, &["rev-parse", "HEAD"])
}

#[test]
fn the_hooks_stop_what_is_wrong_and_mend_what_is_crooked() {
    let place = tempfile::tempdir().unwrap();
    let (source, repository) = (place.path().join("hooks"), place.path().join("shop"));
    std::fs::create_dir(&source).unwrap();
    std::fs::create_dir(&repository).unwrap();
    let commit = hooks(&source);
    let config = format!(
        "repos:\n  - repo: {}\n    rev: {commit}\n    hooks:\n      - id: vpipe-fmt\n      - id: vpipe-check\n",
        source.display()
    );
    let write = |name: &str, text: &str| std::fs::write(repository.join(name), text).unwrap();
    write(".pre-commit-config.yaml", &config);
    write("good.vpipe", GOOD);
    write("notes.txt", "bucket files { versionin = true }\n");
    git(&repository, &["init", "--quiet"]);
    git(&repository, &["add", "--all"]);
    let pre_commit = tools().join("pre-commit");
    run(&repository, &pre_commit, &["install", "--install-hooks"], true);
    git(&repository, &["commit", "--message", "good"]);

    write("wrong.vpipe", WRONG);
    git(&repository, &["add", "--all"]);
    let said = run(&repository, Path::new("git"), &["commit", "--message", "wrong"], false);
    assert!(said.contains("unknown-attribute") && said.contains("did you mean `versioning`?"), "{said}");
    assert!(said.contains("wrong.vpipe") && !said.contains("notes.txt"), "{said}");
    git(&repository, &["rm", "--quiet", "--force", "wrong.vpipe"]);

    write("crooked.vpipe", CROOKED);
    git(&repository, &["add", "--all"]);
    let said = run(&repository, Path::new("git"), &["commit", "--message", "crooked"], false);
    assert!(said.contains("files were modified by this hook"), "{said}");
    assert_eq!(std::fs::read_to_string(repository.join("crooked.vpipe")).unwrap(), GOOD);
    git(&repository, &["add", "--all"]);
    git(&repository, &["commit", "--message", "straight"]);
}
