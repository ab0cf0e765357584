//! Secrets of Secrets Manager and SSM: made up, read, changed in the store, refused. Through the real binary, whose
//! local cloud is filled through the SDK between its runs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::stack::{Stack, set};
use vpipe::cloud::{Clients, Connect, connect};
use vpipe::local::{Faults, Local, LocalNet, transport, virtual_clock};

const SHOP: &str = r#"
pipeline shop { region = "us-east-1" }
secret db_password = secrets_manager("shop/db", key: "password")
secret token = ssm_parameter("/shop/token")
db_instance db { engine = "mysql", class = "db.t3.micro", username = "admin", password = db_password }
broker queue { instance_type = "mq.t3.micro", username = "app", password = token }
"#;

/// Runs the binary; gives its exit code and what it said.
fn vpipe(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
    command.args(args).current_dir(folder).env_clear().env("HOME", folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8_lossy(&text).split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Clients of the local cloud of a folder, while nobody else has it open.
async fn clients(folder: &Path) -> Clients {
    let local = Local::open(Some(&folder.join(".vpipe/local/cloud.json")), Faults::default()).unwrap();
    let (local, now) = (Arc::new(local), virtual_clock(1_767_225_600_000));
    let net = Arc::new(LocalNet::new(Arc::clone(&local), Arc::clone(&now), 1.0));
    let local = Some(transport(local, now, 1.0));
    connect(Connect { region: "us-east-1".to_owned(), profile: None, local, net }).await.unwrap()
}

#[tokio::test]
async fn what_stores_keep_reaches_what_uses_it_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("shop.vpipe"), SHOP).unwrap();
    let run = ["run", "shop.vpipe", "--local", "--yes"];
    let says = |args: &[&str], code: i32, words: &str| {
        let (found, said) = vpipe(folder, args);
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains(words), "expected `{words}` in: {said}");
        said
    };
    says(&["check", "shop.vpipe"], 0, "");

    // Nothing is there: all is made up.
    let both = "`secrets_manager(\"shop/db\", key: \"password\")` and `ssm_parameter(\"/shop/token\")` are not set: made up";
    says(&run, 0, both);
    says(&run, 0, "no changing calls");

    // Once the stores have them, they are used.
    let passwords = ["first-password-of-the-shop", "second-password-of-the-shop"];
    let json = |password: &str| format!("{{\"username\": \"admin\", \"password\": \"{password}\"}}");
    {
        let clients = clients(folder).await;
        let create = clients.secrets_manager.create_secret().name("shop/db");
        create.secret_string(json(passwords[0])).send().await.unwrap();
    }
    says(&run, 0, "`ssm_parameter(\"/shop/token\")` is not set: made up");
    says(&run, 0, "no changing calls");
    {
        let clients = clients(folder).await;
        let put = clients.secrets_manager.put_secret_value().secret_id("shop/db");
        put.secret_string(json(passwords[1])).send().await.unwrap();
    }
    let said = says(&["plan", "shop.vpipe", "--local"], 0, "~ db_instance db");
    assert!(said.contains("password") && said.contains("= broker queue"), "{said}");
    let said = says(&run, 0, "1 changed");
    says(&run, 0, "no changing calls");
    assert!(!said.contains("password-of-the-shop"), "{said}");
    for entry in std::fs::read_dir(folder.join(".vpipe/local")).unwrap() {
        let path = entry.unwrap().path();
        let journal = path.extension().is_some_and(|extension| extension == "db");
        if journal {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(text.contains("db_password") && !text.contains("password-of-the-shop"));
        }
    }

    // What is there and cannot be used is told at its place.
    for (text, words) in [
        ("no json".to_owned(), "is not a JSON object"),
        ("{\"pasword\": \"x\"}".to_owned(), "did you mean `key: \"pasword\"`?"),
        (json("short"), "`password` does not take the secret `db_password`: its text breaks a rule"),
    ] {
        {
            let clients = clients(folder).await;
            let put = clients.secrets_manager.put_secret_value().secret_id("shop/db");
            put.secret_string(text).send().await.unwrap();
        }
        says(&run, 1, words);
        says(&["status", "shop.vpipe", "--local"], 0, "last run run: ok");
    }
    {
        let clients = clients(folder).await;
        clients.secrets_manager.delete_secret().secret_id("shop/db").send().await.unwrap();
    }
    says(&run, 1, "aws secretsmanager restore-secret --secret-id shop/db");
    {
        let clients = clients(folder).await;
        clients.secrets_manager.restore_secret().secret_id("shop/db").send().await.unwrap();
        let put = clients.secrets_manager.put_secret_value().secret_id("shop/db");
        put.secret_string(json(passwords[1])).send().await.unwrap();
    }
    says(&run, 0, "no changing calls");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_only_declared_still_deletes_what_used_it() {
    let stack = Stack::new("us-east-1").await;
    let declared = "secret other = env(\"OTHER\")\n";
    let provider = "provider = godaddy(key: other, secret: other)";
    let record =
        format!("record www {{ name = \"www.example.org\", value = \"a.example.net\", {provider} }}");
    stack.run(&format!("{declared}{record}")).await;
    let calls = stack.run(declared).await;
    assert_eq!(calls, set(&["www godaddy:DeleteRecords"]));
}
