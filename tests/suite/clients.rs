//! Other people's clients against the local cloud on a port: boto3 and the AWS CLI, whose answers are held against botocore's
//! models of the services (`tests/tools/conform.py`).

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use super::tools::tools;
use vpipe::local::{Faults, Local, serve, wall_clock};

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

/// Runs a script of `tests/tools` against a local cloud of its own, in which time passes so many times faster.
fn drive(script: &str, times: f64) {
    let tools = tools();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let output = runtime.block_on(async {
        let local = Arc::new(Local::open(None, Faults::default()).unwrap());
        let now = wall_clock(local.clock(), times);
        let server = serve(local, 0, now).await.unwrap();
        let output = tokio::process::Command::new(tools.join("python"))
            .arg(Path::new("tests/tools").join(script))
            .arg(server.address.port().to_string())
            .output()
            .await
            .unwrap();
        server.stop().await.unwrap();
        output
    });
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn boto3_drives_the_stores_and_finds_them_true_to_their_models() {
    drive("stores.py", 600.0);
}

#[test]
fn the_aws_cli_drives_what_is_left_and_pages_and_waits() {
    drive("pages.py", 600.0);
}

#[test]
fn boto3_drives_the_applications_and_finds_them_true_to_their_models() {
    drive("applications.py", 600.0);
}

#[test]
fn boto3_drives_secrets_and_roles_and_finds_them_true_to_their_models() {
    drive("accounts.py", 600.0);
}
