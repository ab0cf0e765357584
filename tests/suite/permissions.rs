//! `vpipe permissions`: the policies are held against what pipelines really call, and against AWS's service
//! authorization reference.

use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::stack::{Stack, shared_balancer};
use super::tools::tools;
use vpipe::cloud::permission::{When, actions};
use vpipe::cloud::{driver, read_stored};
use vpipe::eval::StoredSecret;
use vpipe::run::{Drivers, permissions};
use vpipe::schema::kind_names;

const LOOK: &[When] = &[When::Look];
const RUN: &[When] = &[When::Look, When::Change];
pub const ALL: &[When] = &[When::Look, When::Change, When::Delete];

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

/// What watches a shop, roles of its own, tuned stores, and a distribution with all that it can have.
const WATCHED: &str = r#"
existing vpc main { default = true }
existing key_pair ops { name = "ops" }
existing load_balancer edge { name = "edge" }
role instances {
  trusted_services = ["ec2.amazonaws.com"], path = "/shop/", managed_policies = ["AWSElasticBeanstalkWebTier"]
  policies = { read = json({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }] }) }
}
role service { trusted_services = ["elasticbeanstalk.amazonaws.com"] }
instance_profile web_profile { role = instances, path = "/shop/" }
application shop { keep_versions = 5 }
environment web {
  application = shop, platform = "Tomcat 10 with Corretto 21", instance_profile = web_profile, service_role = service
  key_pair = ops, vpc = main, load_balancer = edge
}
db_parameter_group tuned { family = "mysql8.0", parameters = { max_connections = 100 } }
cache_parameter_group lru { family = "valkey8", parameters = { "maxmemory-policy" = "allkeys-lru" } }
replication_group sessions { node_type = "cache.t3.micro", replicas = 1, parameter_group = lru }
broker_configuration limits { data = "heartbeat = 60" }
topic alerts { emails = ["ops@example.com"] }
alarm busy { environment = web, metric = "EnvironmentHealth", threshold = 20, actions = [alerts] }
bucket pages { empty_on_destroy = true }
bucket logs { empty_on_destroy = true }
distribution cdn {
  origin = web, logging = to(bucket: logs, prefix: "cdn/")
  web_acl = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/0a1b2c3d-0000-1111-2222-333344445555"
  behavior "/static/*" { origin = pages }
  error_page 404 { path = "/404.html", answer = 404 }
}
"#;

/// The kinds that a body declares.
fn kinds_of(body: &str) -> impl Iterator<Item = &str> {
    let lines = body.lines().map(|line| line.trim_start_matches("existing "));
    lines.filter_map(|line| line.split_once(' ')).map(|(kind, _)| kind)
}

pub fn policy(stack: &Stack, body: &str, whens: &[When]) -> Json {
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

/// Operations that were called and that a policy does not allow; key pairs and load balancers are made by tests alone.
fn missing(stack: &Stack, policy: &Json) -> Vec<String> {
    let mut called = stack.local.operations();
    for made_here in [
        "ec2:CreateKeyPair",
        "elasticloadbalancing:CreateLoadBalancer",
        "elasticloadbalancing:CreateListener",
    ] {
        called.remove(made_here);
    }
    unallowed(called, policy)
}

/// Which of some operations a policy does not allow.
pub fn unallowed(called: BTreeSet<String>, policy: &Json) -> Vec<String> {
    let allowed = allowed(policy);
    let allows = |action: &str| {
        let fits =
            |pattern: &String| pattern.strip_suffix('*').is_some_and(|start| action.starts_with(start));
        allowed.contains(action) || allowed.iter().any(fits)
    };
    let called = called.into_iter().filter(|operation| !operation.starts_with(':'));
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
    stack.clients.ec2.create_key_pair().key_name("ops").send().await.unwrap();
    if body.contains("existing load_balancer edge") {
        shared_balancer(&stack.clients, "edge").await;
    }
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
    let watched = WATCHED
        .replace("keep_versions = 5", "keep_versions = 6")
        .replace("max_connections = 100", "max_connections = 200")
        .replace("replicas = 1", "replicas = 2, snapshot_retention = 1")
        .replace("threshold = 20", "threshold = 25")
        .replace("heartbeat = 60", "heartbeat = 30")
        .replace("origin = web, logging", "origin = web, comment = \"ours\", logging");
    called.extend(hold(WATCHED, &watched).await);

    let bodies = [STORES, SITE, WATCHED].concat();
    let without = kind_names().filter(|name| *name != "any" && !kinds_of(&bodies).any(|kind| kind == *name));
    assert_eq!(without.collect::<Vec<_>>(), Vec::<&str>::new(), "stand in no body here");
    let kinds = kinds_of(&bodies).chain([
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

/// The resources on which an action is allowed, and the services to which a role may be passed by it.
fn allowed_on(policy: &Json, action: &str) -> (Vec<String>, Vec<String>) {
    let texts = |value: &Json| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let statements = policy["Statement"].as_array().unwrap().iter();
    let of_action: Vec<&Json> =
        statements.filter(|one| texts(&one["Action"]).contains(&action.into())).collect();
    let services = |one: &&Json| texts(&one["Condition"]["StringEquals"]["iam:PassedToService"]);
    let (resources, services) = (
        of_action.iter().flat_map(|one| texts(&one["Resource"])).collect::<BTreeSet<_>>(),
        of_action.iter().flat_map(services).collect::<BTreeSet<_>>(),
    );
    (resources.into_iter().collect(), services.into_iter().collect())
}

#[tokio::test(start_paused = true)]
async fn only_the_roles_that_a_file_names_are_passed_on() {
    let stack = Stack::new("us-east-1").await;
    let passed = |roles: &str, profile: &str| {
        // Beanstalk gives its application's role to itself.
        let of_application =
            profile.split(", ").find(|text| text.starts_with("service_role")).unwrap_or_default();
        let platform = "application = shop, platform = \"Tomcat 10 with Corretto 21\"";
        let body = format!(
            "application shop {{ {of_application} }}\n{roles}\nenvironment web {{ {platform}, {profile} }}"
        );
        let (resources, services) = allowed_on(&policy(&stack, &body, RUN), "iam:PassRole");
        assert!(services.contains(&"ec2.amazonaws.com".to_owned()), "{services:?}");
        resources
            .iter()
            .map(|arn| arn.split_once("::123456789012:").unwrap().1.to_owned())
            .collect::<Vec<_>>()
    };
    let of_aws = ["role/*/aws-elasticbeanstalk-ec2-role", "role/*/aws-elasticbeanstalk-service-role"];
    let of_aws =
        [&of_aws[..], &["role/aws-elasticbeanstalk-ec2-role", "role/aws-elasticbeanstalk-service-role"]];
    assert_eq!(passed("", ""), of_aws.concat());
    // What the file makes is known to the path; a profile's name says nothing of its role's.
    let made = "role hands { name = \"hands\", path = \"/shop/\", trusted_services = [\"ec2.amazonaws.com\"] }\n\
                instance_profile web_profile { name = \"front\", role = hands }\n";
    let service = "service_role = \"arn:aws:iam::123456789012:role/a/b\"";
    assert_eq!(
        passed(made, &format!("instance_profile = web_profile, {service}")),
        ["role/a/b", "role/shop/hands"]
    );
    // Of a role that is only looked up the path is not known, of a profile not even the role.
    let looked_up = "existing role hands { name = \"hands\" }\ninstance_profile web_profile { role = hands }";
    assert_eq!(
        passed(looked_up, &format!("instance_profile = web_profile, {service}")),
        ["role/*/hands", "role/a/b", "role/hands"]
    );
    let elsewhere = "existing instance_profile front { name = \"front\" }";
    assert_eq!(passed(elsewhere, &format!("instance_profile = front, {service}")), ["role/*", "role/a/b"]);
    assert_eq!(passed("", &format!("instance_profile = \"front\", {service}")), ["role/*", "role/a/b"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_makes_an_instance_profile_passes_its_role_to_instances_only() {
    let stack = Stack::new("us-east-1").await;
    let body = "role hands { name = \"hands\", trusted_services = [\"ec2.amazonaws.com\"] }\n\
                instance_profile front { role = hands }";
    let (resources, services) = allowed_on(&policy(&stack, body, RUN), "iam:PassRole");
    assert_eq!(resources, ["arn:aws:iam::123456789012:role/hands"]);
    assert_eq!(services, ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]);
}

#[tokio::test(start_paused = true)]
async fn what_stores_keep_may_be_read_and_nothing_else_of_them() {
    let stack = Stack::new("us-east-1").await;
    let asked =
        [StoredSecret::SecretsManager("shop/db".into()), StoredSecret::Parameter("/shop/token".into())];
    read_stored(&stack.clients, &asked.iter().cloned().collect()).await;
    let drivers: Drivers = Arc::new(driver);
    let policy = permissions(&stack.job("").manifest, &asked, &drivers, LOOK, "123456789012");
    let policy = serde_json::to_value(policy).unwrap();
    assert_eq!(missing(&stack, &policy), Vec::<String>::new());
    let of = |action| allowed_on(&policy, action).0;
    assert_eq!(
        of("secretsmanager:GetSecretValue"),
        ["arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-??????"]
    );
    assert_eq!(of("ssm:GetParameter"), ["arn:aws:ssm:us-east-1:123456789012:parameter/shop/token"]);
    conform(&policy);
}
