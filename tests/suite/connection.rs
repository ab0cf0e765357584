//! What the user reads when AWS cannot be reached, or does not accept the caller. Nothing is written then.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

const FILE: &str = "pipeline shop { region = \"REGION\" }\nbucket artifacts { }\n";

/// `vpipe plan`, with this environment besides a home without AWS configuration; gives exit code and words.
fn plan_with(region: &str, args: &[&str], env: &[(&str, &str)], config: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.vpipe"), FILE.replace("REGION", region)).unwrap();
    std::fs::create_dir(folder.path().join(".aws")).unwrap();
    std::fs::write(folder.path().join(".aws/config"), config).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_vpipe"))
        .args(["plan", "shop.vpipe"])
        .args(args)
        .env_clear()
        .env("HOME", folder.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(env.iter().copied())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(!folder.path().join(".vpipe").exists(), "something was written");
    let said = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    (output.status.code(), said)
}

fn plan(env: &[(&str, &str)]) -> (Option<i32>, String) {
    plan_with("eu-west-1", &[], env, "")
}

/// A server that gives every request the same answer.
fn endpoint(status: u16, kind: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let _ = socket.read(&mut [0; 8192]);
            let _ = socket.write_all(answer.as_bytes());
        }
    });
    url
}

fn refusal(code: &str, message: &str) -> String {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    );
    endpoint(403, "text/xml", &body)
}

const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "sesame-open")];

fn with_keys(url: &str) -> Vec<(&str, &str)> {
    [KEYS.as_slice(), &[("AWS_ENDPOINT_URL", url)]].concat()
}

#[test]
fn no_credentials() {
    let begun = Instant::now();
    let (code, said) = plan(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no credentials were found") && said.contains("`aws sso login`"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn instance_metadata_that_does_not_answer_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let begun = Instant::now();
    let env = [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())];
    let (code, said) = plan(&env);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no credentials were found"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn credentials_that_aws_does_not_accept() {
    for (code, words) in [
        ("ExpiredToken", "the credentials have expired: sign in again"),
        ("InvalidClientTokenId", "AWS does not know the credentials"),
        ("SignatureDoesNotMatch", "the secret access key does not belong to the access key id"),
        ("RequestTimeTooSkewed", "set this machine's clock"),
    ] {
        let url = refusal(code, "The security token included in the request is not good");
        let (exit, said) = plan(&with_keys(&url));
        assert_eq!(exit, Some(1), "{said}");
        assert!(said.contains(words) && said.contains(code), "{said}");
        assert!(!said.contains("sesame-open"), "a secret was printed: {said}");
    }
}

#[test]
fn a_profile_that_is_not_there_and_one_whose_session_has_expired() {
    let (code, said) = plan_with("eu-west-1", &["--profile", "nobody"], &[], "");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nobody") && said.contains("`aws configure list-profiles`"), "{said}");
    let sso = "[profile shop]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Deploy\n\
               [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example.com/start\n";
    let (code, said) = plan_with("eu-west-1", &["--profile", "shop"], &[], sso);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("run `aws sso login`"), "{said}");
}

#[test]
fn a_profile_on_the_command_line_wins_over_the_environment() {
    let url = refusal("ExpiredToken", "expired");
    let env = with_keys(&url);
    let config = "[profile other]\ncredential_process = /bin/false\n";
    let (_, said) = plan_with("eu-west-1", &["--profile", "other"], &env, config);
    assert!(said.contains("the credentials could not be loaded"), "{said}");
}

#[test]
fn an_endpoint_that_refuses_the_connection() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let (code, said) = plan(&with_keys(&url));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&url) && said.contains("refused the connection"), "{said}");
    // A service's own endpoint wins over the common one.
    let other = endpoint(404, "text/html", "<!doctype html><title>404 Not Found</title>");
    let (code, said) =
        plan(&[KEYS.as_slice(), &[("AWS_ENDPOINT_URL", &url), ("AWS_ENDPOINT_URL_STS", &other)]].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("it is not an AWS endpoint"), "{said}");
}

#[test]
fn an_endpoint_that_is_not_aws() {
    for status in [404, 500] {
        let url = endpoint(status, "text/html", "<!doctype html><html lang=en><title>Error</title></html>");
        let begun = Instant::now();
        let (code, said) = plan(&with_keys(&url));
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("it is not an AWS endpoint") && said.contains("AWS_ENDPOINT_URL"), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_region_that_does_not_exist() {
    let (code, said) = plan_with("eu-wets-1", &[], &KEYS, "");
    assert_eq!(code, Some(1), "{said}");
    // On a machine without a network no region resolves.
    let offline = said.contains("names on the internet do not resolve");
    assert!(
        offline || said.contains("there is no AWS region `eu-wets-1`; did you mean `eu-west-1`?"),
        "{said}"
    );
}
