//! Kinds of EC2, RDS, ElastiCache, Amazon MQ and S3 against the local cloud, through the SDK: made, unchanged on a
//! second look, changed in place, deleted.

use super::stack::{Stack, ok, set};
use vpipe::plan::Action;
use vpipe::run::{apply, destroy};

const GROUP: &str = r#"
existing vpc main { default = true }
security_group backend {
  description = "data stores"
  vpc = main
  allow tcp 3306, 8000..8100 from self
  allow udp 53 from "10.0.0.0/8" { description = "names" }
  allow icmp from "10.0.0.0/8"
  allow all from self
}
"#;

#[tokio::test(start_paused = true)]
async fn security_groups_and_their_rules() {
    let stack = Stack::new("eu-west-1").await;
    let calls = stack.run(GROUP).await;
    assert_eq!(calls.iter().filter(|call| call.ends_with("ec2:AuthorizeSecurityGroupIngress")).count(), 5);
    assert!(calls.contains("backend ec2:CreateSecurityGroup"));

    // A description and tags change in place.
    let changed = GROUP
        .replace("\"names\"", "\"DNS\"")
        .replace("vpc = main\n", "vpc = main\n  tags = { team = \"data\" }\n");
    let calls = stack.run(&changed).await;
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls.contains("backend ec2:CreateTags"));
    assert!(calls.iter().any(|call| call.ends_with("ec2:ModifySecurityGroupRules")));

    // A rule that is no longer written goes; so does a tag.
    let fewer = GROUP.replace("  allow icmp from \"10.0.0.0/8\"\n", "").replace("\"names\"", "\"DNS\"");
    let calls = stack.run(&fewer).await;
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls.contains("backend ec2:DeleteTags"));
    assert!(calls.iter().any(|call| call.ends_with("ec2:RevokeSecurityGroupIngress")));

    // Another description means another group, rules and all.
    let other = fewer.replace("\"data stores\"", "\"the data stores\"");
    let planned = stack.plan(&other).await;
    let action = |node: &str| planned.nodes.iter().find(|n| n.id == node).map(|n| n.action);
    assert_eq!(action("backend"), Some(Action::Replace));
    stack.run(&other).await;
    let calls = stack.destroy(&other).await;
    assert_eq!(calls.last().map(String::as_str), Some("backend ec2:DeleteSecurityGroup"));
    let left = stack.clients.ec2.describe_security_groups().send().await.unwrap();
    let names: Vec<&str> = left.security_groups().iter().filter_map(|group| group.group_name()).collect();
    assert_eq!(names, ["default"]);
}

#[tokio::test(start_paused = true)]
async fn what_exists_is_looked_up() {
    let stack = Stack::new("eu-west-1").await;
    let ec2 = &stack.clients.ec2;
    ec2.create_key_pair().key_name("ops").send().await.unwrap();
    let vpc = ec2.describe_vpcs().send().await.unwrap().vpcs()[0].clone();
    let group =
        ec2.create_security_group().group_name("shared").description("d").vpc_id(vpc.vpc_id().unwrap());
    group.send().await.unwrap();
    // For a moment EC2 tells nothing of a new group.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let body = r#"
existing vpc main { default = true }
existing key_pair ops { name = "ops" }
existing security_group shared { name = "shared" }
security_group backend { vpc = main, allow tcp 22 from shared }
output cidr = main.cidr
output subnets = main.subnets
output key = ops.name
output group = shared.id
"#;
    let outcome = ok(apply(&stack.job(body), false).await.unwrap());
    assert_eq!(outcome.outputs.get("cidr").and_then(|v| v.as_str()), vpc.cidr_block());
    assert_eq!(outcome.outputs.get("subnets").map(|v| v.items().len()), Some(3));
    assert_eq!(outcome.outputs.get("key").and_then(|v| v.as_str()), Some("ops"));
    assert!(outcome.outputs.get("group").and_then(|v| v.as_str()).is_some_and(|id| id.starts_with("sg-")));
    // What was only looked up stays.
    let calls = stack.destroy(body).await;
    assert_eq!(calls.len(), 2, "{calls:?}");
    let said = stack.fail("existing key_pair lost { name = \"lost\" }\noutput key = lost.name").await;
    assert!(said.contains("there is no EC2 key pair"), "{said}");
}

const DATABASE: &str = r#"
existing vpc main { default = true }
security_group backend { vpc = main, allow tcp 3306 from self }
db_subnet_group private { subnets = main.subnets }
db_instance mysql {
  engine = "mysql", version = "8.0"
  class = "db.t3.micro", storage = 20GiB
  database = "accounts"
  username = "admin", password = pw
  subnet_group = private
  security_groups = [backend]
}
output endpoint = mysql.endpoint
output port = mysql.port
"#;

#[tokio::test(start_paused = true)]
async fn databases() {
    let stack = Stack::new("eu-west-1").await;
    let calls = stack.run(DATABASE).await;
    assert!(
        calls.is_superset(&set(&["private rds:CreateDBSubnetGroup", "mysql rds:CreateDBInstance"])),
        "{calls:?}"
    );
    let outcome = ok(apply(&stack.job(DATABASE), false).await.unwrap());
    assert_eq!(outcome.outputs.get("port").and_then(|v| v.as_int()), Some(3306));

    // Everything that changes in place, at once.
    let changed = DATABASE
        .replace("db.t3.micro", "db.t3.small")
        .replace(
            "20GiB",
            "40GiB\n  multi_az = true, backup_retention = 7, port = 3307, deletion_protection = true",
        )
        .replace("private {", "private { description = \"elsewhere\", tags = { a = \"b\" },");
    let calls = stack.run(&changed).await;
    let wanted = set(&[
        "mysql rds:ModifyDBInstance",
        "private rds:ModifyDBSubnetGroup",
        "private rds:AddTagsToResource",
    ]);
    assert_eq!(calls, wanted);

    // A new password is set once, and never read.
    let other_password = format!("// password: another-password\n{changed}");
    assert_eq!(stack.run(&other_password).await, set(&["mysql rds:ModifyDBInstance"]));

    // Storage does not shrink, and a protected instance is not deleted.
    let said = stack.fail(&other_password.replace("40GiB", "20GiB")).await;
    assert!(said.contains("cannot shrink"), "{said}");
    let refused = destroy(&stack.job(&other_password), false).await.unwrap();
    stack.run(&other_password).await;
    assert!(refused.errors.iter().any(|e| e.message.contains("deletion_protection = false")), "{refused:#?}");

    let unprotected = other_password.replace("deletion_protection = true", "final_snapshot = true");
    assert_eq!(stack.run(&unprotected).await, set(&["mysql rds:ModifyDBInstance"]));
    let calls = stack.destroy(&unprotected).await;
    let at = |call: &str| calls.iter().position(|c| c == call).unwrap_or_else(|| panic!("{calls:?}"));
    assert!(at("mysql rds:DeleteDBInstance") < at("private rds:DeleteDBSubnetGroup"));
    let snapshots = stack.clients.rds.describe_db_snapshots().send().await.unwrap();
    let names: Vec<&str> =
        snapshots.db_snapshots().iter().filter_map(|s| s.db_snapshot_identifier()).collect();
    assert!(matches!(names[..], [name] if name.starts_with("shop-mysql-final-")), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_changed_engine_means_another_database() {
    let stack = Stack::new("eu-west-1").await;
    let body = DATABASE.replace("output", "// output");
    stack.run(&body).await;
    let other = body.replace("\"mysql\", version = \"8.0\"", "\"mariadb\"");
    let planned = stack.plan(&other).await;
    assert!(planned.nodes.iter().any(|n| n.id == "mysql" && n.action == Action::Replace));
    let calls = stack.run(&other).await;
    assert_eq!(calls, set(&["mysql rds:DeleteDBInstance", "mysql rds:CreateDBInstance"]));
}

const CACHE: &str = r#"
existing vpc main { default = true }
security_group backend { vpc = main, allow tcp 11211 from self }
cache_subnet_group caches { subnets = main.subnets }
cache_cluster memcached {
  engine = "memcached", version = "1.6.22"
  node_type = "cache.t3.micro", nodes = 3
  subnet_group = caches
  security_groups = [backend]
}
output endpoint = memcached.endpoint
output port = memcached.port
"#;

#[tokio::test(start_paused = true)]
async fn caches() {
    let stack = Stack::new("eu-west-1").await;
    let calls = stack.run(CACHE).await;
    let wanted = ["caches elasticache:CreateCacheSubnetGroup", "memcached elasticache:CreateCacheCluster"];
    assert!(calls.is_superset(&set(&wanted)), "{calls:?}");
    let outcome = ok(apply(&stack.job(CACHE), false).await.unwrap());
    assert_eq!(outcome.outputs.get("port").and_then(|v| v.as_int()), Some(11211));
    let endpoint = outcome.outputs.get("endpoint").and_then(|v| v.as_str()).unwrap();
    assert!(endpoint.contains(".cfg."), "{endpoint}");

    // Fewer nodes, then more.
    let modified = set(&["memcached elasticache:ModifyCacheCluster"]);
    assert_eq!(stack.run(&CACHE.replace("nodes = 3", "nodes = 1")).await, modified);
    assert_eq!(stack.run(&CACHE.replace("nodes = 3", "nodes = 2")).await, modified);
    // Without the version that runs anyway, with other tags and another description.
    let changed = CACHE
        .replace(", version = \"1.6.22\"", "")
        .replace("nodes = 3", "nodes = 2, tags = { a = \"b\" }")
        .replace("caches {", "caches { description = \"for sessions\",");
    let wanted = ["memcached elasticache:AddTagsToResource", "caches elasticache:ModifyCacheSubnetGroup"];
    assert_eq!(stack.run(&changed).await, set(&wanted));

    // Memcached has no other node types in place.
    let larger = changed.replace("cache.t3.micro", "cache.t3.small");
    let wanted = ["memcached elasticache:DeleteCacheCluster", "memcached elasticache:CreateCacheCluster"];
    assert_eq!(stack.run(&larger).await, set(&wanted));
    let calls = stack.destroy(&larger).await;
    assert!(calls.contains(&"caches elasticache:DeleteCacheSubnetGroup".to_owned()), "{calls:?}");
}

const BROKER: &str = r#"
existing vpc main { default = true }
security_group backend { vpc = main, allow tcp 5671 from self }
broker rabbitmq {
  instance_type = "mq.t3.micro"
  username = "rabbit", password = pw
  security_groups = [backend]
}
output endpoint = rabbitmq.endpoint
output port = rabbitmq.port
output url = rabbitmq.url
"#;

#[tokio::test(start_paused = true)]
async fn brokers() {
    let stack = Stack::new("eu-west-1").await;
    assert!(stack.run(BROKER).await.contains("rabbitmq mq:CreateBroker"));
    let outcome = ok(apply(&stack.job(BROKER), false).await.unwrap());
    let output = |name: &str| outcome.outputs.get(name).cloned().unwrap();
    let (url, endpoint) = (output("url"), output("endpoint"));
    assert_eq!(url.as_str().unwrap(), format!("amqps://{}:5671", endpoint.as_str().unwrap()));
    assert_eq!(output("port").as_int(), Some(5671));

    // Another instance type is sent, then rebooted into when the file says so; tags are set.
    let larger =
        BROKER.replace("\"mq.t3.micro\"", "\"mq.m5.large\", apply = \"immediately\", tags = { a = \"b\" }");
    let wanted = ["rabbitmq mq:UpdateBroker", "rabbitmq mq:RebootBroker", "rabbitmq mq:CreateTags"];
    assert_eq!(stack.run(&larger).await, set(&wanted));
    let fewer = larger.replace(", tags = { a = \"b\" }", "");
    assert_eq!(stack.run(&fewer).await, set(&["rabbitmq mq:DeleteTags"]));

    // The password of a RabbitMQ broker is set when it is made and never again.
    let other = format!("// password: another-password\n{fewer}");
    let anew = set(&["rabbitmq mq:DeleteBroker", "rabbitmq mq:CreateBroker"]);
    assert_eq!(stack.run(&other).await, anew);
    assert_eq!(stack.run(&other.replace("\"rabbit\"", "\"bunny\"")).await, anew);

    let calls = stack.destroy(&other).await;
    assert_eq!(calls.first().map(String::as_str), Some("rabbitmq mq:DeleteBroker"));
    assert_eq!(calls.last().map(String::as_str), Some("backend ec2:DeleteSecurityGroup"));
}

#[tokio::test(start_paused = true)]
async fn buckets_and_what_is_put_into_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.war"), "the first release").unwrap();
    let stack = Stack::new("eu-west-1").await.at(folder.path());
    let body = r#"
bucket artifacts { name = "shop-artifacts-1", versioning = true }
output domain = artifacts.domain_name
rollout { step release { upload "shop.war" to artifacts as "releases/shop.war" } }
"#;
    let calls = stack.run(body).await;
    for call in ["CreateBucket", "PutBucketVersioning"] {
        assert!(calls.contains(&format!("artifacts s3:{call}")), "{calls:?}");
    }
    assert_eq!(calls.iter().filter(|call| call.ends_with("s3:PutObject")).count(), 1, "{calls:?}");
    let s3 = &stack.clients.s3;
    let put = s3.get_object().bucket("shop-artifacts-1").key("releases/shop.war").send().await.unwrap();
    assert_eq!(put.body.collect().await.unwrap().to_vec(), b"the first release");
    let block = s3.get_public_access_block().bucket("shop-artifacts-1").send().await.unwrap();
    assert_eq!(block.public_access_block_configuration.unwrap().restrict_public_buckets, Some(true));

    // Other content is put again, other settings are set again.
    std::fs::write(folder.path().join("shop.war"), "the second release").unwrap();
    let changed = body.replace("versioning = true", "versioning = false, tags = { a = \"b\" }");
    let calls = stack.run(&changed).await;
    assert!(
        calls.is_superset(&set(&["artifacts s3:PutBucketVersioning", "artifacts s3:PutBucketTagging"])),
        "{calls:?}"
    );
    assert_eq!(calls.iter().filter(|call| call.ends_with("s3:PutObject")).count(), 1, "{calls:?}");

    // A bucket with objects is not deleted, unless the file says so; then every version goes.
    let refused = destroy(&stack.job(&changed), false).await.unwrap();
    assert!(refused.errors.iter().any(|e| e.message.contains("empty_on_destroy")), "{refused:#?}");
    for release in 0..1100 {
        let call = s3.put_object().bucket("shop-artifacts-1").key(format!("old/{release}"));
        call.send().await.unwrap();
    }
    let emptied = changed.replace("versioning", "empty_on_destroy = true, versioning");
    let calls = stack.destroy(&emptied).await;
    let count = |name: &str| calls.iter().filter(|call| call.ends_with(name)).count();
    assert_eq!((count("s3:DeleteObjects"), count("s3:DeleteBucket")), (2, 1), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_was_opened_by_hand_is_closed_again() {
    let stack = Stack::new("us-east-1").await;
    let body = "bucket files { name = \"shop-files-1\" }";
    stack.run(body).await;
    let s3 = &stack.clients.s3;
    s3.delete_public_access_block().bucket("shop-files-1").send().await.unwrap();
    assert_eq!(stack.run(body).await, set(&["files s3:PutPublicAccessBlock"]));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_made_by_hand_is_not_ours() {
    let stack = Stack::new("eu-west-1").await;
    let located = aws_sdk_s3::types::CreateBucketConfiguration::builder()
        .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest1)
        .build();
    let call = stack.clients.s3.create_bucket().bucket("by-hand-1").create_bucket_configuration(located);
    call.send().await.unwrap();
    let said = stack.fail("bucket artifacts { name = \"by-hand-1\" }").await;
    assert!(said.contains("exists already, and this pipeline did not make it"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_keeps_a_group_from_being_deleted_is_named() {
    let stack = Stack::new("eu-west-1").await;
    let body =
        "existing vpc main { default = true }\nsecurity_group backend { vpc = main }\noutput id = backend.id";
    let outcome = ok(apply(&stack.job(body), false).await.unwrap());
    let id = outcome.outputs.get("id").and_then(|id| id.as_str()).unwrap().to_owned();
    let ec2 = &stack.clients.ec2;
    let other = ec2.create_security_group().group_name("by-hand").description("d").send().await.unwrap();
    let rule = aws_sdk_ec2::types::IpPermission::builder()
        .ip_protocol("-1")
        .user_id_group_pairs(aws_sdk_ec2::types::UserIdGroupPair::builder().group_id(id).build())
        .build();
    let allow =
        ec2.authorize_security_group_ingress().group_id(other.group_id().unwrap()).ip_permissions(rule);
    allow.send().await.unwrap();
    let refused = destroy(&stack.job(body), false).await.unwrap();
    let said = &refused.errors[0].message;
    assert!(
        said.contains("not done after 20m") && said.contains("still used by a rule of `by-hand`"),
        "{said}"
    );
}
