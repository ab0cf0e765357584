//! Everything that the tests before this one said to the local cloud, and everything that it answered, held against
//! botocore's models of the services. Cargo runs the test executables in the order of the library, the binary, and then
//! `tests/` by name: this one comes last, and it does not link the library, so that it is built in no time.
#![cfg(all(feature = "aws", debug_assertions))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "suite/tools.rs"]
#[allow(dead_code)]
mod tools;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn what_the_tests_said_is_true_to_the_service_models() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let records = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wire");
    assert!(records.is_dir(), "nothing is recorded yet: run all tests, with `cargo test`");
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_vpipe"))
        .args(["local", "serve", "--port", "0", "--state"])
        .arg(folder.path().join("cloud.json"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut exports = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = exports.next().unwrap().unwrap().rsplit_once(':').unwrap().1.to_owned();
    let checked = Command::new(tools::tools().join("python"))
        .arg(root.join("tests/tools/wire.py"))
        .arg(&records)
        .arg(records.with_file_name("wire-operations.tsv"))
        .arg(root.join("src/cloud"))
        .arg(port)
        .output();
    // What was asked only to see what is implemented is no part of what the tests said.
    let _ = std::fs::remove_file(records.join(format!("vpipe-{}.ndjson", server.id())));
    server.kill().unwrap();
    server.wait().unwrap();
    let checked = checked.unwrap();
    let told = String::from_utf8_lossy(&checked.stdout);
    let failed = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "when all tests ran (`cargo test`), this is wrong:\n{told}{failed}");
    println!("{told}");
}
