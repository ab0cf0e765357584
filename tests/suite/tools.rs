//! Other people's tools, which some tests need.

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
