//! `vpipe import`: what exists is printed, checks, and once adopted a run changes nothing of it. Through the real binary, on
//! the local cloud; what exists was made by another pipeline whose tags and journal were taken away.

use serde_json::Value as Json;
use std::path::Path;
use std::process::Command;

const MADE: &str = r#"
pipeline made { region = "us-east-1" }
secret pw = env("PW")
existing vpc main { default = true }
security_group backend {
  name = "shop-backend", vpc = main
  description = "stores"
  allow tcp 3306, 11211 from self
  allow tcp 443, 8000..8100 from "10.0.0.0/8" { description = "office" }
  allow all from other
}
security_group other { name = "shop-other", vpc = main }
db_subnet_group private { name = "shop-private", subnets = main.subnets }
db_instance mysql {
  identifier = "shop-db", engine = "mysql", version = "8.0", class = "db.t3.micro", storage = 30GiB
  username = "app", password = pw, subnet_group = private, security_groups = [backend], multi_az = true
  backup_retention = 3, tags = { team = "shop" }
}
cache_subnet_group caches { name = "shop-caches", subnets = main.subnets }
cache_cluster sessions {
  id = "shop-cache", engine = "memcached", node_type = "cache.t3.micro", nodes = 2, subnet_group = caches
  security_groups = [backend]
}
broker queue { name = "shop-queue", engine = "rabbitmq", instance_type = "mq.m5.large", username = "queue", password = pw }
hosted_zone zone { domain = "example.org", comment = "ours" }
bucket files { name = "shop-files-1234", versioning = true }
application shop { name = "shop-app", description = "the shop's", keep_versions = 5 }
environment web {
  name = "shop-web", application = shop, platform = "Tomcat 10 with Corretto 21"
  instances = 2..4, instance_type = "t3.small", security_groups = [backend]
  deployment = rolling_with_additional_batch(batch: 2)
  process default { health_path = "/health", sticky_for = 1h }
  process admin { port = 8080 }
  listener 8080 http { forward = admin }
}
"#;

const SITE: &str = r#"
pipeline made { region = "us-east-1" }
hosted_zone zone { domain = "example.com" }
application shop { }
environment web { name = "web-live", application = shop, platform = "Tomcat 10 with Corretto 21" }
record site { name = "example.com", type = "A", alias = web, provider = route53(zone: zone) }
record www { name = "www.example.com", value = web.cname, ttl = 5m, provider = route53(zone: zone) }
"#;

/// The texts of the secrets, by the names of what was made and of what is imported.
const SECRETS: [(&[&str], &str); 4] = [
    (&["PW", "SHOP_DB_PASSWORD", "SHOP_QUEUE_PASSWORD"], "a-password-for-tests"),
    (
        &["VPROFILE_DB_PASSWORD", "VPROFILE_DEV_MYSQL_PASSWORD", "VPROFILE_DEV_WEB_RDS_PASSWORD"],
        "db-password-for-tests",
    ),
    (
        &["VPROFILE_MQ_PASSWORD", "VPROFILE_DEV_RABBITMQ_PASSWORD", "VPROFILE_DEV_WEB_RABBITMQ_PASSWORD"],
        "mq-password-for-tests",
    ),
    (&["GODADDY_KEY", "GODADDY_SECRET"], "x-for-tests"),
];

/// Kinds and names, and words that the block has.
const KINDS: [(&str, &str, &[&str]); 10] = [
    ("hosted_zone", "example.org", &["comment = \"ours\""]),
    ("db_subnet_group", "shop-private", &["subnets = ["]),
    (
        "db_instance",
        "shop-db",
        &["storage = 30GiB", "password = shop_db_password", "existing db_subnet_group", "team = \"shop\""],
    ),
    ("cache_subnet_group", "shop-caches", &["subnets = ["]),
    ("cache_cluster", "shop-cache", &["nodes = 2"]),
    ("broker", "shop-queue", &["env(\"SHOP_QUEUE_PASSWORD\")", "param shop_queue_username: String"]),
    ("bucket", "shop-files-1234", &["versioning = true"]),
    ("application", "shop-app", &["keep_versions = 5", "the shop's"]),
    (
        "security_group",
        "shop-backend",
        &["allow tcp 3306, 11211 from self", "443, 8000..8100 from \"10.0.0.0/8\"", "allow all from sg_"],
    ),
    (
        "environment",
        "shop-web",
        &["existing application shop_app", "sticky_for = 1h", "listener 8080 http { forward = admin }"],
    ),
];

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// With what somebody else has made.
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write("made.vpipe", MADE);
        place.exits(0, &["run", "made.vpipe", "--yes"]);
        place.forget("made.db");
        std::fs::remove_file(place.path().join("made.vpipe")).unwrap();
        place
    }

    /// As if somebody else had made all of it: with other tags, and without a journal.
    fn forget(&self, journal: &str) {
        let state = self.path().join(".vpipe/local/cloud.json");
        let text = std::fs::read_to_string(&state).unwrap();
        assert!(text.contains("vpipe:pipeline"));
        let mut cloud: Json = serde_json::from_str(&text.replace("vpipe:", "somebody:")).unwrap();
        // An hour later, all of it is ready. Rules have no tags of somebody's: a file could not say them.
        cloud["state"]["clock"] = (cloud["state"]["clock"].as_i64().unwrap() + 3_600_000).into();
        untag_rules(&mut cloud);
        std::fs::write(&state, cloud.to_string()).unwrap();
        std::fs::remove_file(self.path().join(".vpipe/local").join(journal)).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn vpipe(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
        command.args(args).current_dir(self.path());
        for (names, text) in SECRETS {
            names.iter().for_each(|name| {
                command.env(name, text);
            });
        }
        if args[0] != "check" {
            command.arg("--local");
        }
        // What AWS does not tell of a broker.
        if args.contains(&"broker.vpipe") && args[0] != "check" {
            command.args(["--set", "shop_queue_username=queue"]);
        }
        command
    }

    fn exits(&self, code: i32, args: &[&str]) -> String {
        let output = self.vpipe(args).output().unwrap();
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}:\n{said}");
        said
    }
}

/// vprofile, as somebody made it; imported into an empty folder.
#[test]
fn a_whole_environment_is_imported_and_adopted() {
    let place = Place { folder: tempfile::tempdir().unwrap() };
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/vprofile"), place.path());
    place.exits(0, &["run", "vprofile.vpipe", "--stage", "dev", "--yes"]);
    place.forget("vprofile-dev.db");
    std::fs::remove_file(place.path().join("vprofile.vpipe")).unwrap();

    let text = place.exits(0, &["import", "--environment", "vprofile-dev-web"]);
    for part in [
        "application vprofile_dev_vprofile {",
        "allow tcp 3306, 11211, 5671 from vprofile_dev_web",
        "db_instance vprofile_dev_mysql {",
        "cache_cluster vprofile_dev_memcached {",
        "broker vprofile_dev_rabbitmq {",
        "RDS_HOSTNAME = vprofile_dev_mysql.endpoint",
        "RDS_PASSWORD = vprofile_dev_web_rds_password",
        "listener 443 https { certificate = dev_vprofile_example_com }",
        "existing certificate dev_vprofile_example_com { domain = \"dev.vprofile.example.com\" }",
        "origin = vprofile_dev_web",
        "// no record in Route 53 points to it",
    ] {
        assert!(text.contains(part), "expected `{part}` in:\n{text}");
    }
    assert!(!text.contains("-for-tests"), "a secret in:\n{text}");
    place.write("shop.vpipe", &text);
    assert!(place.exits(0, &["check", "shop.vpipe"]).contains("no mistakes found"));
    let username = ["--set", "vprofile_dev_rabbitmq_username=rabbit"];
    let adopted = place.exits(0, &[&["import", "--adopt", "shop.vpipe", "--yes"], &username[..]].concat());
    assert!(adopted.contains("adopted `cdn_dev_vprofile_example_com`"), "{adopted}");
    let plan = place.exits(0, &[&["plan", "shop.vpipe"], &username[..]].concat());
    assert!(plan.contains("0 to create, 0 to change, 0 to replace, 0 to delete"), "{plan}\n{text}");
}

#[test]
fn records_and_what_is_missing_are_told() {
    let place = Place { folder: tempfile::tempdir().unwrap() };
    place.write("made.vpipe", SITE);
    place.exits(0, &["run", "made.vpipe", "--yes"]);
    place.forget("made.db");
    std::fs::remove_file(place.path().join("made.vpipe")).unwrap();
    let text = place.exits(0, &["import", "--environment", "web-live"]);
    for part in [
        "existing hosted_zone example_com { domain = \"example.com\" }",
        "name = \"example.com\", type = \"A\", alias = web_live",
        "name = \"www.example.com\", type = \"CNAME\", value = web_live.cname, ttl = 5m",
        "// no database was found",
        "// no CloudFront distribution was found",
    ] {
        assert!(text.contains(part), "expected `{part}` in:\n{text}");
    }
    place.write("shop.vpipe", &text);
    assert!(place.exits(0, &["check", "shop.vpipe"]).contains("no mistakes found"), "{text}");
    place.exits(0, &["import", "--adopt", "shop.vpipe", "--yes"]);
    let plan = place.exits(0, &["plan", "shop.vpipe"]);
    assert!(plan.contains("0 to create, 0 to change, 0 to replace, 0 to delete"), "{plan}\n{text}");
    assert!(
        place.exits(1, &["import", "--environment", "nothing"]).contains("there is no Beanstalk environment")
    );
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_name() == ".vpipe" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn untag_rules(value: &mut Json) {
    match value {
        Json::Object(fields) => {
            if fields.get("tags").is_some_and(|tags| tags.to_string().contains(".allow")) {
                fields.insert("tags".to_owned(), empty(&fields["tags"]));
            }
            fields.values_mut().for_each(untag_rules);
        }
        Json::Array(items) => items.iter_mut().for_each(untag_rules),
        _ => {}
    }
}

fn empty(tags: &Json) -> Json {
    if tags.is_array() { serde_json::json!([]) } else { serde_json::json!({}) }
}

#[test]
fn what_is_printed_checks_and_is_adopted_unchanged() {
    let place = Place::new();
    for (kind, name, words) in KINDS {
        let block = place.exits(0, &["import", kind, name]);
        for word in words {
            assert!(block.contains(word), "{kind}: expected `{word}` in:\n{block}");
        }
        assert!(!block.contains("a-password-for-tests"), "{block}");
        let (file, pipeline) = (format!("{kind}.vpipe"), format!("of_{kind}"));
        place.write(&file, &format!("pipeline {pipeline} {{ region = \"us-east-1\" }}\n\n{block}"));
        let checked = place.exits(0, &["check", &file]);
        assert!(checked.contains("no mistakes found"), "{checked}\n{block}");
        // Nobody takes it without a word.
        let refused = place.exits(1, &["plan", &file]);
        let help = format!("vpipe import {kind} {name} --adopt {file}");
        let refused: String =
            refused.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(refused.contains(&help), "{refused}");
        let adopted = place.exits(0, &["import", kind, name, "--adopt", &file, "--yes"]);
        assert!(adopted.contains("a run changes nothing of it"), "{adopted}\n{block}");
        let plan = place.exits(0, &["plan", &file]);
        assert!(plan.contains("0 to create, 0 to change, 0 to replace, 0 to delete"), "{plan}\n{block}");
        let again = place.exits(0, &["run", &file, "--yes"]);
        assert!(again.contains("no changing calls"), "{again}");
    }
}

#[test]
fn an_adoption_that_is_killed_is_made_good_by_the_next_run() {
    let place = Place::new();
    let block = place.exits(0, &["import", "bucket", "shop-files-1234"]);
    place.write("a.vpipe", &format!("pipeline a {{ region = \"us-east-1\" }}\n{block}"));
    let adopt =
        ["import", "bucket", "shop-files-1234", "--adopt", "a.vpipe", "--yes", "--fault", "kill@1:before"];
    let killed = place.vpipe(&adopt).output().unwrap();
    assert!(!killed.status.success(), "{}", String::from_utf8_lossy(&killed.stdout));
    let plan = place.exits(0, &["plan", "a.vpipe"]);
    assert!(plan.contains("+ vpipe:pipeline = \"a\"") && plan.contains("1 to change"), "{plan}");
    place.exits(0, &["run", "a.vpipe", "--yes"]);
    assert!(place.exits(0, &["plan", "a.vpipe"]).contains("0 to change"));
}

#[test]
fn what_belongs_to_another_or_is_not_there_is_not_adopted() {
    let place = Place::new();
    let block = place.exits(0, &["import", "bucket", "shop-files-1234"]);
    place.write("a.vpipe", &format!("pipeline a {{ region = \"us-east-1\" }}\n{block}"));
    place.write("b.vpipe", &format!("pipeline b {{ region = \"us-east-1\" }}\n{block}bucket more {{ }}\n"));
    assert!(place.exits(0, &["import", "--adopt", "a.vpipe", "--yes"]).contains("adopted `shop_files_1234`"));
    assert!(place.exits(0, &["import", "--adopt", "a.vpipe", "--yes"]).contains("nothing to adopt"));
    let said = place.exits(1, &["import", "bucket", "shop-files-1234", "--adopt", "b.vpipe", "--yes"]);
    let said: String = said.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(said.contains("belongs to `shop_files_1234` of pipeline `a`"), "{said}");
    let said = place.exits(1, &["import", "bucket", "nothing", "--adopt", "b.vpipe", "--yes"]);
    assert!(said.contains("the file declares no S3 bucket `nothing`"), "{said}");
    assert!(place.exits(1, &["import", "bucket", "nothing"]).contains("there is no S3 bucket `nothing`"));
    assert!(place.exits(1, &["import", "bukcet", "x"]).contains("did you mean `bucket`?"));
    place.exits(2, &["import", "bucket"]);
    place.exits(2, &["import"]);
}
