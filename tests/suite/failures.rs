//! What ends badly: resources in states from which waiting does not help, services that refuse for long, waits that run
//! out, deployments that fail in the middle. Each says what failed, what AWS said last, and what to do; the next run mends what
//! can be mended.

use std::io::Write;
use std::path::Path;

use super::stack::{Stack, ok};
use aws_sdk_elasticbeanstalk::types::InstancesHealthAttribute;
use vpipe::run::{Ended, apply};

const DB: &str = r#"
existing vpc main { default = true }
db_subnet_group private { subnets = main.subnets }
db_instance db {
  engine = "mysql", version = "8.0", class = "db.t3.micro", storage = 20GiB
  username = "admin", password = pw, subnet_group = private
}
"#;
const CACHE: &str =
    r#"cache_cluster cache { engine = "memcached", node_type = "cache.t3.micro", nodes = 1 }"#;
const BROKER: &str =
    r#"broker mq { engine = "rabbitmq", instance_type = "mq.t3.micro", username = "rabbit", password = pw }"#;
const CERTIFICATE: &str = r#"
secret key = env("PW")
certificate cert { domain = "shop.example.com", validation = dns(provider: godaddy(key: key, secret: pw)) }
"#;
const SHOP: &str = r#"
application shop {}
environment web {
  application = shop
  platform = "Tomcat 10 with Corretto 21"
  instance_type = "t3.micro"
  instances = 4..4
  deployment = rolling(batch: 50%)
}
"#;

/// What a resource came to, what is said of it, and whether the next run mends it.
struct BadEnd {
    body: &'static str,
    fault: &'static str,
    says: &'static [&'static str],
    mended: bool,
}

const BAD_ENDS: [BadEnd; 10] = [
    BadEnd {
        body: DB,
        fault: "fail:db=storage-full",
        says: &["`storage-full`", "write more `storage`", "RDS says:", "allocate additional storage"],
        mended: false,
    },
    BadEnd {
        body: DB,
        fault: "fail:db=incompatible-network",
        says: &["`incompatible-network`", "no free address", "RDS says:", "subnet IDs are invalid"],
        mended: false,
    },
    BadEnd {
        body: DB,
        fault: "fail:db=incompatible-parameters",
        says: &["`incompatible-parameters`", "parameter group", "RDS says:", "set too high"],
        mended: false,
    },
    BadEnd { body: DB, fault: "fail:db=failed", says: &["`failed`", "restore", "RDS says:"], mended: false },
    BadEnd {
        body: CACHE,
        fault: "fail:cache=create-failed",
        says: &["`create-failed`", "ElastiCache says: Failed to create cache cluster"],
        mended: true,
    },
    BadEnd {
        body: BROKER,
        fault: "fail:mq=CREATION_FAILED",
        says: &["Amazon MQ could not make the broker", "subnets", "the next run makes it anew"],
        mended: true,
    },
    BadEnd {
        body: BROKER,
        fault: "fail:mq=RABBITMQ_MEMORY_ALARM",
        says: &["until you act", "RABBITMQ_MEMORY_ALARM"],
        mended: false,
    },
    BadEnd {
        body: CERTIFICATE,
        fault: "fail:cert=CAA_ERROR",
        says: &["`shop.example.com` is FAILED (CAA_ERROR)", "0 issue \"amazon.com\""],
        mended: true,
    },
    BadEnd {
        body: CERTIFICATE,
        fault: "fail:cert=VALIDATION_TIMED_OUT",
        says: &["VALIDATION_TIMED_OUT", "delegated"],
        mended: true,
    },
    BadEnd {
        body: SHOP,
        fault: "fail:web=launch",
        says: &["could not be launched", "AWSEBAutoScalingGroup", "vCPU capacity", "run again"],
        mended: true,
    },
];

#[tokio::test(start_paused = true)]
async fn what_comes_to_a_bad_end_is_told_in_full() {
    for BadEnd { body, fault, says, mended } in BAD_ENDS {
        let stack = Stack::with("us-east-1", &[fault]).await;
        let said = stack.fail(body).await;
        for words in says {
            assert!(said.contains(words), "{fault}: `{words}` is not in: {said}");
        }
        let next = apply(&stack.job(body), true).await.unwrap();
        assert_eq!(next.result == Ended::Ok, mended, "{fault}: {:#?}", next.errors);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_mended_by_more_storage() {
    let stack = Stack::with("us-east-1", &["fail:db=storage-full"]).await;
    let said = stack.fail(DB).await;
    assert!(said.contains("`storage-full`"), "{said}");
    let calls = stack.run(&DB.replace("20GiB", "40GiB")).await;
    assert!(calls.contains("db rds:ModifyDBInstance"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn an_update_that_beanstalk_takes_back_is_told() {
    let stack = Stack::with("us-east-1", &["fail:web=update"]).await;
    stack.run(SHOP).await;
    let more = SHOP.replace("4..4", "4..6").replace("t3.micro", "t3.small");
    let said = stack.fail(&more).await;
    for words in ["could not be updated", "AWSEBAutoScalingGroup", "vCPU capacity", "former settings"] {
        assert!(said.contains(words), "`{words}`: {said}");
    }
    ok(apply(&stack.job(&more), true).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_refuses_everybody_is_not_stormed() {
    let mut body = "existing vpc main { default = true }\n".to_owned();
    for number in 0..30 {
        body += &format!("security_group g{number} {{ vpc = main, description = \"group {number}\" }}\n");
    }
    let quiet = Stack::new("us-east-1").await;
    ok(apply(&quiet.job(&body), false).await.unwrap());
    let usual: u64 = ec2_calls(&quiet);
    let stack = Stack::with("us-east-1", &["throttle:ec2=120"]).await;
    ok(apply(&stack.job(&body), false).await.unwrap());
    let more = ec2_calls(&stack) - usual;
    // Each is refused once; after that ten more, and one each second, however many there are.
    assert!(more <= 30 + 10 + 120, "{more} calls in vain");
    assert_eq!(stack.local.changed().len(), quiet.local.changed().len());
}

fn ec2_calls(stack: &Stack) -> u64 {
    stack.local.asked().iter().filter(|(name, _)| name.starts_with("ec2:")).map(|(_, count)| count).sum()
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_runs_out_says_what_for_and_how_to_go_on() {
    let stack = Stack::new("us-east-1").await;
    let short = SHOP.replace("application = shop\n", "application = shop\n  timeout = 2m\n");
    let outcome = apply(&stack.job(&short), false).await.unwrap();
    assert_eq!(outcome.result, Ended::Failed);
    let error = &outcome.errors[0];
    assert!(error.message.starts_with("not done after 2m: "), "{error}");
    assert!(error.message.contains(" after elasticbeanstalk:CreateEnvironment"), "{error}");
    assert!(error.message.contains("AWS said last: "), "{error}");
    assert!(error.help.as_ref().unwrap().contains("`timeout = 2h`"), "{error}");
    let resumed = ok(apply(&stack.job(SHOP), true).await.unwrap());
    assert_eq!(resumed.calls, 0, "it only went on waiting");
}

/// A bundle that Beanstalk takes, healthy or not.
fn bundle(folder: &Path, text: &str, healthy: bool) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(folder.join("shop.war")).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("index.html", options).unwrap();
    zip.write_all(text.as_bytes()).unwrap();
    if !healthy {
        zip.start_file(".vpipe-local/unhealthy", options).unwrap();
    }
    zip.finish().unwrap();
}

fn rollout(deployment: &str, label: &str, more: &str) -> String {
    let shop = SHOP.replace("rolling(batch: 50%)", deployment);
    format!(
        "{shop}\nrollout {{ step release {{ deploy \"shop.war\" to web as \"{label}\"{more} }}\n  on failure {{ rollback web }} }}"
    )
}

/// The versions that the instances run.
async fn versions(stack: &Stack) -> Vec<String> {
    let health = stack.clients.beanstalk.describe_instances_health().environment_name("shop-web");
    let health = health.attribute_names(InstancesHealthAttribute::All).send().await.unwrap();
    let of = |instance: &aws_sdk_elasticbeanstalk::types::SingleInstanceHealth| {
        instance.deployment().and_then(|d| d.version_label()).unwrap_or_default().to_owned()
    };
    health.instance_health_list().iter().map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_takes_longer_than_it_may_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::new("us-east-1").await.at(folder.path());
    bundle(folder.path(), "one", true);
    let short = rollout("rolling(batch: 25%)", "v1", " within 1m").replace("on failure { rollback web }", "");
    let outcome = apply(&stack.job(&short), false).await.unwrap();
    assert_eq!(outcome.result, Ended::Failed);
    let error = &outcome.errors[0];
    assert!(error.message.contains("not done after 1m: batch 1 of 4"), "{error}");
    assert!(error.message.contains("AWS said last: "), "{error}");
    assert!(error.help.as_ref().unwrap().contains("`within 1h`"), "{error}");
    let long = rollout("rolling(batch: 25%)", "v1", " within 1h").replace("on failure { rollback web }", "");
    ok(apply(&stack.job(&long), true).await.unwrap());
    assert_eq!(versions(&stack).await, ["v1"; 4]);
}

/// Each policy, with a version that is put in place but not healthy and one that cannot be put in place: the deployment
/// stops at the batch that fails, `on failure` brings the former version back to all instances, and a good version goes
/// through afterwards.
#[tokio::test(start_paused = true)]
async fn every_policy_stops_at_a_batch_that_fails_and_is_rolled_back() {
    let policies = [
        "all_at_once",
        "rolling(batch: 25%)",
        "rolling_with_additional_batch(batch: 50%)",
        "immutable",
        "traffic_splitting()",
    ];
    for policy in policies {
        for broken in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let stack = Stack::new("us-east-1").await.at(folder.path());
            bundle(folder.path(), "one", true);
            stack.run(&rollout(policy, "v1", "")).await;
            let bad = rollout(policy, "v2", "");
            bundle(folder.path(), "two", broken);
            if broken {
                // As `--fault fail:web=deploy` orders it.
                let order = ("web".to_owned(), "deploy".to_owned());
                stack.local.with(0, |state, _| state.bad_ends.extend([order]));
            }
            let said = stack.fail(&bad).await;
            let context = format!("{policy}, {}", if broken { "broken" } else { "unhealthy" });
            assert!(said.contains("version `v2` could not be deployed to `shop-web`"), "{context}: {said}");
            assert!(said.contains("`eb logs shop-web`"), "{context}: {said}");
            assert_eq!(versions(&stack).await, ["v1"; 4], "{context}: {said}");
            bundle(folder.path(), "three", true);
            stack.run(&rollout(policy, "v3", "")).await;
            assert_eq!(versions(&stack).await, ["v3"; 4], "{context}");
        }
    }
}
