//! What ends badly: resources in states from which waiting does not help, services that refuse for long, waits that run
//! out, deployments that fail in the middle. Each says what failed, what AWS said last, and what to do; the next run mends what
//! can be mended.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::stack::{Stack, ok};
use aws_sdk_elasticbeanstalk::types::InstancesHealthAttribute;
use vpipe::local::Request;
use vpipe::run::{Ended, Event, apply, destroy};

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
    BadEnd {
        body: DB,
        fault: "fail:db=failed",
        says: &["`failed`", "restore", "RDS says:", "the next run deletes it and makes it anew"],
        mended: true,
    },
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

/// Makes a call of somebody else, at once: `PUT`, a path, a body and headers, to a service.
fn by_hand(stack: &Stack, service: &str, request: Request) -> vpipe::local::Response {
    let scope = format!("AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/{service}/aws4_request, x");
    let mut request = request;
    request.headers.push(("authorization".to_owned(), scope));
    request.host = format!("{service}.us-east-1.amazonaws.com");
    let answer = stack.local.handle(request, stack.local.clock()).unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer
}

/// Runs; so many milliseconds after the first call of an operation begins, somebody else does something.
async fn run_beside(
    stack: &Arc<Stack>,
    body: &str,
    (operation, ms): (&'static str, u64),
    act: impl Fn(&Stack) + Send + Sync + 'static,
) -> usize {
    let mut job = stack.job(body);
    let (other, act, acted) = (Arc::clone(stack), Arc::new(act), AtomicUsize::new(0));
    job.listener = Arc::new(move |event| {
        if matches!(&event, Event::Call { operation: called, .. } if called == operation)
            && acted.fetch_add(1, Ordering::SeqCst) == 0
        {
            let (other, act) = (Arc::clone(&other), Arc::clone(&act));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                act(&other);
            });
        }
    });
    let calls = ok(apply(&job, false).await.unwrap()).calls;
    let again = apply(&stack.job(body), false).await.unwrap();
    assert_eq!((again.result, again.calls), (Ended::Ok, 0), "{:?}", again.errors);
    calls
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_somebody_else_changes_meanwhile_is_waited_for() {
    let stack = Arc::new(Stack::new("us-east-1").await);
    stack.run(SHOP).await;
    let more = SHOP.replace("4..4", "4..6");
    let calls = run_beside(&stack, &more, ("elasticbeanstalk:UpdateEnvironment", 5), |stack| {
        let setting = [
            ("Action", "UpdateEnvironment"),
            ("Version", "2010-12-01"),
            ("EnvironmentName", "shop-web"),
            ("OptionSettings.member.1.Namespace", "aws:elasticbeanstalk:application:environment"),
            ("OptionSettings.member.1.OptionName", "THEIRS"),
            ("OptionSettings.member.1.Value", "kept"),
        ];
        let query = setting.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let (method, path) = ("POST".to_owned(), "/".to_owned());
        by_hand(stack, "elasticbeanstalk", Request { method, path, query, ..Request::default() });
    })
    .await;
    assert!((2..=20).contains(&calls), "refused while it is not Ready, then accepted: {calls}");
}

const CDN: &str = r#"distribution cdn { origin = "origin.example.com", comment = "one" }"#;

#[tokio::test(start_paused = true)]
async fn a_distribution_that_somebody_else_changes_meanwhile_is_read_again() {
    let stack = Arc::new(Stack::new("us-east-1").await);
    stack.run(CDN).await;
    let listed = stack.clients.cloudfront.list_distributions().send().await.unwrap();
    let id = listed.distribution_list().unwrap().items()[0].id().to_owned();
    let path = format!("/2020-05-31/distribution/{id}/config");
    // Their change is to another setting, which is theirs to keep.
    let calls =
        run_beside(&stack, &CDN.replace("one", "two"), ("cloudfront:UpdateDistribution", 50), move |stack| {
            let request = |method: &str| Request {
                method: method.to_owned(),
                path: path.clone(),
                ..Request::default()
            };
            let read = by_hand(stack, "cloudfront", request("GET"));
            let etag =
                read.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("etag")).unwrap().1.clone();
            let body =
                String::from_utf8(read.body).unwrap().replace("<IsIPV6Enabled>true", "<IsIPV6Enabled>false");
            let headers = vec![("if-match".to_owned(), etag)];
            by_hand(stack, "cloudfront", Request { headers, body: body.into_bytes(), ..request("PUT") });
        })
        .await;
    assert_eq!(calls, 2, "PreconditionFailed, then accepted");
    let read = stack.clients.cloudfront.get_distribution_config().id(id).send().await.unwrap();
    assert_eq!(read.distribution_config().unwrap().comment(), "two");
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_reached_is_named() {
    let role = "role r { trusted_services = [\"ec2.amazonaws.com\"] }";
    let group = "existing vpc main { default = true }\nsecurity_group g { vpc = main }";
    let redis = "replication_group s { node_type = \"cache.t3.micro\" }";
    for (body, operation, says) in [
        (SHOP, "CreateEnvironment", "as many Beanstalk environments as"),
        (DB, "CreateDBInstance", "as many DB instances as"),
        (CACHE, "CreateCacheCluster", "as many cache clusters as"),
        (redis, "CreateReplicationGroup", "as many cache nodes as"),
        (role, "CreateRole", "as many IAM roles as"),
        (group, "CreateSecurityGroup", "as many security groups of the VPC as"),
        (CDN, "cloudfront.CreateDistributionWithTags", "as many CloudFront distributions as"),
        ("bucket b {}", "CreateBucket", "as many S3 buckets as"),
        ("hosted_zone z { domain = \"example.com\" }", "CreateHostedZone", "as many hosted zones as"),
        (CERTIFICATE, "RequestCertificate", "as many ACM certificates as"),
        ("topic t {}", "CreateTopic", "as many SNS topics as"),
    ] {
        let stack = Stack::with("us-east-1", &[&format!("quota@{operation}")]).await;
        let said = stack.fail(body).await;
        for words in [says, "have the quota raised", "go on with the run"] {
            assert!(said.contains(words), "{operation}: `{words}` is not in: {said}");
        }
        // Tried once, and not again and again.
        let operation = operation.rsplit('.').next().unwrap();
        let tried = stack.local.changed().iter().filter(|call| call.ends_with(operation)).count();
        assert_eq!(tried, 1, "{operation}");
        ok(apply(&stack.job(body), true).await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_security_group_that_others_use_is_waited_for_and_its_users_are_told() {
    let stack = Stack::new("us-east-1").await;
    let body = "existing vpc main { default = true }\nsecurity_group backend { vpc = main, timeout = 5m }";
    stack.run(body).await;
    let ec2 = &stack.clients.ec2;
    let groups = ec2.describe_security_groups().send().await.unwrap();
    let ours =
        groups.security_groups().iter().find(|group| group.group_name() == Some("shop-backend")).unwrap();
    let made = ec2.create_security_group().group_name("theirs").description("of others");
    let made = made.vpc_id(ours.vpc_id().unwrap()).send().await.unwrap();
    let pair = aws_sdk_ec2::types::UserIdGroupPair::builder().group_id(ours.group_id().unwrap()).build();
    let rule =
        aws_sdk_ec2::types::IpPermission::builder().ip_protocol("-1").user_id_group_pairs(pair).build();
    let theirs = made.group_id().unwrap();
    ec2.authorize_security_group_ingress().group_id(theirs).ip_permissions(rule).send().await.unwrap();

    let outcome = destroy(&stack.job(body), false).await.unwrap();
    assert_eq!(outcome.result, Ended::Failed);
    let error = &outcome.errors[0];
    assert!(error.message.starts_with("not done after 5m: "), "{error}");
    assert!(error.message.contains(&format!("still used by a rule of `theirs` ({theirs})")), "{error}");
    assert!(error.help.as_ref().unwrap().contains("`--resume` goes on"), "{error}");

    ec2.delete_security_group().group_id(theirs).send().await.unwrap();
    ok(destroy(&stack.job(body), true).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_database_that_never_was_available_is_made_anew_and_one_that_was_is_left_alone() {
    let stack = Stack::with("us-east-1", &["fail:db=failed"]).await;
    let said = stack.fail(DB).await;
    assert!(said.contains("the next run deletes it and makes it anew"), "{said}");
    stack.calls.lock().unwrap().clear();
    ok(apply(&stack.job(DB), true).await.unwrap());
    assert_eq!(*stack.calls.lock().unwrap(), ["db rds:DeleteDBInstance", "db rds:CreateDBInstance"]);

    // Protected from deletion it stays, and that is told.
    let guarded = DB.replace("20GiB", "20GiB, deletion_protection = true");
    let stack = Stack::with("us-east-1", &["fail:db=failed"]).await;
    let said = stack.fail(&guarded).await;
    assert!(said.contains("protected from deletion: take that off"), "{said}");
    let again = apply(&stack.job(&guarded), true).await.unwrap();
    assert_eq!((again.result, again.calls), (Ended::Failed, 0));

    // One that fails later, or that an earlier journal knew, may hold data.
    for forgotten in [false, true] {
        let mut stack = Stack::new("us-east-1").await;
        stack.run(DB).await;
        stack.local.with(0, |state, _| state.bad_ends.extend([("db".to_owned(), "failed".to_owned())]));
        if forgotten {
            stack.forget();
        }
        stack.calls.lock().unwrap().clear();
        let said = stack.fail(DB).await;
        assert!(said.contains("delete it, or restore its last backup"), "{said}");
        assert!(stack.calls.lock().unwrap().is_empty(), "{:?}", stack.calls);
    }
}
