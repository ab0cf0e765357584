//! Other people's tools, which some tests need.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with the AWS CLI and a Python that has boto3 and moto: in `.venv`, where the script puts them. Tests that
/// run at the same time install them once.
pub fn tools() -> PathBuf {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    let install = || {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed = Command::new(root.join("scripts/test-tools.sh")).output().unwrap();
        let said = String::from_utf8_lossy(&installed.stderr);
        assert!(installed.status.success(), "scripts/test-tools.sh: {said}");
        root.join(".venv/bin")
    };
    INSTALLED.get_or_init(install).clone()
}

/// The operations that a process of the binary, which a test started, asked the local cloud for: `rds:CreateDBInstance`.
/// Only builds with debug assertions record them, and only on Linux (`src/local/record.rs`).
#[allow(dead_code)]
pub fn operations(process: u32) -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("wire/vpipe-{process}.ndjson"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut found = BTreeSet::new();
    for line in lines {
        // Each process begins with its executable: numbers of processes come again.
        if line.get("executable").is_some() {
            found.clear();
        }
        found.extend(line["operation"].as_str().map(str::to_owned));
    }
    found
}
