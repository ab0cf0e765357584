//! `vpipe permissions`: the policies are held against what pipelines really call, and against AWS's service
//! authorization reference.

use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::stack::Stack;
use super::tools::tools;
use vpipe::cloud::driver;
use vpipe::cloud::permission::{When, actions};
use vpipe::run::{Drivers, permissions};

const LOOK: &[When] = &[When::Look];
const RUN: &[When] = &[When::Look, When::Change];
const ALL: &[When] = &[When::Look, When::Change, When::Delete];

/// Stores, with what they stand in.
const STORES: &str = r#"
existing vpc main { default = true }
security_group backend {
  vpc = main
  allow tcp 3306 from self
}
db_subnet_group private { subnets = main.subnets }
db_instance mysql {
  engine = "mysql", class = "db.t3.micro", username = "app", password = pw, subnet_group = private
  security_groups = [backend], backup_retention = 1
}
cache_subnet_group caches { subnets = main.subnets }
cache_cluster sessions { engine = "memcached", node_type = "cache.t3.micro", nodes = 1, subnet_group = caches }
broker queue { engine = "rabbitmq", instance_type = "mq.m5.large", username = "queue", password = pw }
bucket files { empty_on_destroy = true }
rollout { step publish { upload "shop.war" to files as "shop.war" } }
"#;

/// A site with everything before it.
const SITE: &str = r#"
hosted_zone zone { domain = "example.com" }
certificate cert { domain = "example.com", validation = dns(provider: route53(zone: zone)), region = "us-east-1" }
application shop { }
environment web { application = shop, platform = "Tomcat 10 with Corretto 21", variables = { A = "1" } }
environment green { application = shop, platform = "Tomcat 10 with Corretto 21" }
distribution cdn { origin = web, aliases = ["example.com"], certificate = cert }
record site { name = "example.com", type = "A", alias = cdn, provider = route53(zone: zone) }
bucket pages { }
distribution docs { origin = pages }
rollout {
  step release {
    deploy "shop.war" to web as "v-${version}"
    deploy "shop.war" to green as "v-${version}"
  }
  step change { swap web with green }
  step refresh { invalidate cdn ["/*"] }
  on failure { rollback web }
}
"#;

fn policy(stack: &Stack, body: &str, whens: &[When]) -> Json {
    let drivers: Drivers = Arc::new(driver);
    let policy = permissions(&stack.job(body).manifest, [], &drivers, whens, "123456789012");
    serde_json::to_value(policy).unwrap()
}

/// The actions that a policy allows.
fn allowed(policy: &Json) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// Operations that were called and that a policy does not allow.
fn missing(stack: &Stack, policy: &Json) -> Vec<String> {
    let allowed = allowed(policy);
    let allows = |action: &str| {
        let fits =
            |pattern: &String| pattern.strip_suffix('*').is_some_and(|start| action.starts_with(start));
        allowed.contains(action) || allowed.iter().any(fits)
    };
    let called = stack.local.operations().into_iter().filter(|operation| !operation.starts_with(':'));
    called.filter(|operation| !actions(operation).into_iter().all(allows)).collect()
}

/// Plans, runs, changes and destroys a pipeline; what each calls, its policy allows. Gives all that was called.
async fn hold(body: &str, changed: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut bundle = zip::ZipWriter::new(std::fs::File::create(folder.path().join("shop.war")).unwrap());
    bundle.start_file("index.html", zip::write::SimpleFileOptions::default()).unwrap();
    bundle.write_all(b"hello").unwrap();
    bundle.finish().unwrap();
    let stack = Stack::new("us-east-1").await.at(folder.path());
    stack.plan(body).await;
    assert_eq!(missing(&stack, &policy(&stack, body, LOOK)), Vec::<String>::new(), "of a first plan");
    stack.run(body).await;
    assert_eq!(missing(&stack, &policy(&stack, body, RUN)), Vec::<String>::new(), "of a run");
    assert_ne!(body, changed);
    stack.plan(changed).await;
    stack.run(changed).await;
    assert_eq!(missing(&stack, &policy(&stack, changed, RUN)), Vec::<String>::new(), "of a change");
    stack.destroy(changed).await;
    let all = policy(&stack, changed, ALL);
    assert_eq!(missing(&stack, &all), Vec::<String>::new(), "of all");
    conform(&all);
    conform(&policy(&stack, changed, LOOK));
    stack.local.operations()
}

/// As AWS's service authorization reference has it.
fn conform(policy: &Json) {
    let mut child = Command::new(tools().join("python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/iam.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(policy.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test(start_paused = true)]
async fn policies_allow_what_is_called_and_nothing_that_is_never_called() {
    let bigger = STORES
        .replace("backup_retention = 1", "backup_retention = 2")
        .replace("nodes = 1", "nodes = 2")
        .replace("subnets = main.subnets", "subnets = main.subnets, description = \"ours\"");
    let mut called = hold(STORES, &bigger).await;
    let other = SITE
        .replace("A = \"1\"", "A = \"2\"")
        .replace("application shop { }", "application shop { description = \"ours\" }");
    called.extend(hold(SITE, &other).await);

    let kinds = [STORES, SITE].concat();
    let kinds = kinds.lines().filter_map(|line| line.trim_start_matches("existing ").split_once(' '));
    let kinds = kinds.map(|(kind, _)| kind).chain([
        "security_group.allow",
        "s3.object",
        "beanstalk.storage",
        "beanstalk.version",
        "beanstalk.deployment",
        "beanstalk.swap",
        "cloudfront.invalidation",
    ]);
    let mut idle = Vec::new();
    for (kind, driver) in kinds.filter_map(|kind| Some((kind, driver(kind)?))) {
        let always = driver.permissions().iter().filter(|permission| permission.because.is_none());
        let idly = always.filter(|permission| !called.contains(permission.operation));
        idle.extend(idly.map(|permission| format!("{kind}: {}", permission.operation)));
    }
    assert_eq!(idle, Vec::<String>::new(), "is never called, and nothing says why it is allowed");
}

#[tokio::test(start_paused = true)]
async fn each_command_has_a_policy_of_its_own() {
    let stack = Stack::new("eu-west-1").await;
    let body =
        "existing vpc main { default = true }\nsecurity_group backend { vpc = main }\nbucket files { }";
    let of = |whens| allowed(&policy(&stack, body, whens));
    assert!(of(LOOK).contains("ec2:DescribeSecurityGroups") && !of(LOOK).contains("ec2:CreateSecurityGroup"));
    assert!(of(RUN).contains("ec2:CreateSecurityGroup") && !of(RUN).contains("ec2:DeleteSecurityGroup"));
    assert!(of(ALL).contains("ec2:DeleteSecurityGroup"));
    // What is only looked up is not touched.
    let looked_up = "existing security_group backend { name = \"x\" }";
    assert_eq!(allowed(&policy(&stack, looked_up, ALL)), ["ec2:DescribeSecurityGroups".to_owned()].into());
    // Only what the pipeline made is deleted.
    let all = policy(&stack, body, ALL);
    let delete = all["Statement"].as_array().unwrap().iter().find(|statement| {
        statement["Action"].as_array().unwrap().contains(&"ec2:DeleteSecurityGroup".into())
    });
    let condition = &delete.unwrap()["Condition"]["StringEquals"]["aws:ResourceTag/vpipe:pipeline"];
    assert_eq!(condition, &serde_json::json!(["shop"]));
}

#[tokio::test(start_paused = true)]
async fn a_distribution_may_read_every_bucket_that_it_refers_to() {
    let stack = Stack::new("us-east-1").await;
    let body = "bucket files { name = \"shop-files-1\" }\nbucket images { name = \"shop-images-1\" }\n\
                distribution cdn { origin = files, behavior \"/img/*\" { origin = images } }";
    let all = policy(&stack, body, ALL);
    let statements = all["Statement"].as_array().unwrap();
    let reads = statements
        .iter()
        .find(|one| one["Action"].as_array().unwrap().contains(&"s3:GetBucketPolicy".into()));
    let resources = reads.unwrap()["Resource"].to_string();
    assert!(
        resources.contains("s3:::shop-files-1") && resources.contains("s3:::shop-images-1"),
        "{resources}"
    );
}
