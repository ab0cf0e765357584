//! Databases in full against the local cloud, through the SDK: parameter groups, PostgreSQL and MariaDB, storage, windows,
//! major versions, snapshots.

use super::stack::{Stack, ok, set};
use aws_sdk_rds::types::{ApplyMethod, Parameter};
use vpipe::plan::Action;
use vpipe::run::{apply, destroy};

const TUNED: &str = r#"
db_parameter_group tuned {
  family = "mysql8.0"
  parameters = { max_connections = 200, slow_query_log = true }
}
db_instance mysql {
  engine = "mysql", version = "8.0", class = "db.t3.micro"
  username = "app", password = pw
  parameter_group = tuned
}
"#;

#[tokio::test(start_paused = true)]
async fn parameters_hold_at_once_or_after_a_reboot() {
    let stack = Stack::new("eu-west-1").await;
    let calls = stack.run(TUNED).await;
    let made = ["CreateDBParameterGroup", "ModifyDBParameterGroup"].map(|call| format!("tuned rds:{call}"));
    assert!(made.iter().all(|call| calls.contains(call)), "{calls:?}");

    // One that holds at once, and one that does not: that is told, in the run and in plans.
    let slower = TUNED.replace("max_connections = 200", "max_connections = 100, performance_schema = true");
    assert_eq!(stack.run(&slower).await, set(&["tuned rds:ModifyDBParameterGroup"]));
    let told = "parameters of `shop-tuned` after the next reboot; `apply = \"immediately\"` reboots it";
    assert!(stack.notes.lock().unwrap().contains(&format!("mysql {told}")), "{:?}", stack.notes.lock());
    let planned = stack.plan(&slower).await;
    let mysql = planned.nodes.iter().find(|node| node.id == "mysql").unwrap();
    assert_eq!((mysql.action, mysql.reason.as_str()), (Action::Keep, told));
    assert!(vpipe::plan::render(&planned, false, 120).contains(told));

    // Told to, the instance is rebooted into them.
    let now = slower.replace("parameter_group = tuned", "parameter_group = tuned, apply = \"immediately\"");
    assert_eq!(stack.run(&now).await, set(&["mysql rds:RebootDBInstance"]));

    // What somebody else set is put right, what is no longer written is reset.
    let by_hand = |name: &str, value: &str| {
        Parameter::builder()
            .parameter_name(name)
            .parameter_value(value)
            .apply_method(ApplyMethod::PendingReboot)
            .build()
    };
    let call = stack.clients.rds.modify_db_parameter_group().db_parameter_group_name("shop-tuned");
    let call = call.parameters(by_hand("wait_timeout", "60")).parameters(by_hand("max_connections", "5"));
    call.send().await.unwrap();
    let fewer = now.replace(", slow_query_log = true", "");
    assert_eq!(
        stack.run(&fewer).await,
        set(&["tuned rds:ModifyDBParameterGroup", "tuned rds:ResetDBParameterGroup"])
    );

    // Values that the engine does not take are AWS's to refuse; so are names that it does not have.
    let said = stack.fail(&fewer.replace("performance_schema", "performance_scheme")).await;
    assert!(said.contains("performance_scheme"), "{said}");

    // AWS's own group, by its name; the one that is no longer used can go.
    let own = "db_instance mysql {\n  engine = \"mysql\", version = \"8.0\", class = \"db.t3.micro\"\n  username = \"app\", \
               password = pw, parameter_group = \"default.mysql8.0\", apply = \"immediately\"\n}";
    let calls = stack.run(own).await;
    let wanted =
        ["mysql rds:ModifyDBInstance", "mysql rds:RebootDBInstance", "tuned rds:DeleteDBParameterGroup"];
    assert_eq!(calls, set(&wanted));
    stack.destroy(own).await;
}

#[tokio::test(start_paused = true)]
async fn many_parameters_are_set_twenty_at_a_time() {
    let stack = Stack::new("eu-west-1").await;
    let names = [
        "connect_timeout",
        "wait_timeout",
        "long_query_time",
        "innodb_lock_wait_timeout",
        "max_connections",
        "group_concat_max_len",
        "max_allowed_packet",
    ];
    let numbers: String = names.iter().map(|name| format!("{name} = 2000, ")).collect();
    let flags = [
        "general_log",
        "innodb_print_all_deadlocks",
        "log_bin_trust_function_creators",
        "slow_query_log",
        "performance_schema",
        "skip_name_resolve",
    ];
    let flags: String = flags.iter().map(|name| format!("{name} = true, ")).collect();
    let texts = [
        "character_set_client",
        "character_set_connection",
        "character_set_database",
        "character_set_results",
        "character_set_server",
        "collation_connection",
        "collation_server",
        "time_zone",
        "sql_mode",
    ];
    let texts: String = texts.iter().map(|name| format!("{name} = \"x\", ")).collect();
    let body = format!(
        "db_parameter_group all {{ family = \"mysql8.4\", parameters = {{ {numbers}{flags}{texts} }} }}"
    );
    stack.run(&body).await;
    let made = apply(&stack.job(&body), false).await.unwrap();
    assert_eq!(made.calls, 0);
    let call = stack.clients.rds.describe_db_parameters().db_parameter_group_name("shop-all").source("user");
    assert_eq!(call.send().await.unwrap().parameters().len(), 22);
    let fewer = body.replace(&texts, "");
    assert_eq!(stack.run(&fewer).await, set(&["all rds:ResetDBParameterGroup"]));
    assert_eq!(stack.destroy(&fewer).await, ["all rds:DeleteDBParameterGroup"]);
}

const POSTGRES: &str = r#"
existing vpc main { default = true }
security_group backend { vpc = main, allow tcp 5432 from self }
db_instance db {
  engine = "postgres", version = "16", class = "db.t3.medium"
  storage = 400GiB, max_storage = 800GiB
  database = "shop", username = "app", password = pw
  security_groups = [backend]
  backup_window = "03:00-03:30", maintenance_window = "sun:05:00-sun:05:30"
  log_exports = ["postgresql"], performance_insights = true
}
output port = db.port
"#;

#[tokio::test(start_paused = true)]
async fn postgres_from_making_to_destroying() {
    let stack = Stack::new("eu-west-1").await;
    stack.run(POSTGRES).await;
    let outcome = ok(apply(&stack.job(POSTGRES), false).await.unwrap());
    assert_eq!(outcome.outputs.get("port").and_then(|v| v.as_int()), Some(5432));
    let seen = async || {
        let reply = stack.clients.rds.describe_db_instances().send().await.unwrap();
        reply.db_instances()[0].clone()
    };
    let made = seen().await;
    assert_eq!((made.storage_encrypted(), made.iops()), (Some(true), Some(12000)));
    assert!(made.engine_version().is_some_and(|version| version.starts_with("16.")), "{made:?}");

    // Each attribute in place.
    let modified = set(&["db rds:ModifyDBInstance"]);
    let mut body = POSTGRES.to_owned();
    for (before, after) in [
        ("storage = 400GiB", "storage = 400GiB, iops = 13000, throughput = 600"),
        ("max_storage = 800GiB", "max_storage = 900GiB"),
        (", max_storage = 900GiB", ""),
        ("\"03:00-03:30\"", "\"23:45-00:15\""),
        ("sun:05:00-sun:05:30", "mon:01:00-mon:02:00"),
        ("[\"postgresql\"]", "[\"upgrade\"]"),
        ("performance_insights = true", "performance_insights = false"),
        (
            "security_groups",
            "copy_tags_to_snapshots = false, auto_minor_version_upgrade = false, security_groups",
        ),
        ("db.t3.medium", "db.m6g.large"),
    ] {
        let next = body.replace(before, after);
        assert_ne!(next, body, "{before}");
        assert_eq!(stack.run(&next).await, modified, "{after}");
        body = next;
    }
    let now = seen().await;
    assert_eq!(
        (now.iops(), now.storage_throughput(), now.max_allocated_storage()),
        (Some(13000), Some(600), None)
    );
    assert_eq!(now.enabled_cloudwatch_logs_exports(), ["upgrade"]);
    assert_eq!(now.performance_insights_enabled(), Some(false));

    // Another kind of volume, hours after the last change of storage.
    tokio::time::sleep(std::time::Duration::from_secs(7 * 3600)).await;
    let io = body.replace("iops = 13000, throughput = 600", "storage_type = \"io1\", iops = 5000");
    assert_eq!(stack.run(&io).await, modified);
    assert_eq!((seen().await.storage_type(), seen().await.iops()), (Some("io1"), Some(5000)));

    // What somebody else changed is put right.
    let by_hand =
        stack.clients.rds.modify_db_instance().db_instance_identifier("shop-db").apply_immediately(true);
    by_hand.preferred_backup_window("10:00-10:30").backup_retention_period(9).send().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    assert_eq!(stack.run(&io).await, modified);

    // A major version needs to be let, and does not go back.
    let newer = io.replace("version = \"16\"", "version = \"17\"");
    let said = stack.fail(&newer).await;
    assert!(said.contains("allow_major_version_upgrade = true"), "{said}");
    let allowed = newer.replace("version = \"17\"", "version = \"17\", allow_major_version_upgrade = true");
    assert_eq!(stack.run(&allowed).await, modified);
    let said = stack.fail(&allowed.replace("version = \"17\"", "version = \"16\"")).await;
    assert!(said.contains("back from 17"), "{said}");

    // Encryption is decided once.
    let said = stack.fail(&allowed.replace("storage = 400GiB", "encrypted = false, storage = 400GiB")).await;
    assert!(said.contains("`encrypted` cannot be changed"), "{said}");
    stack.destroy(&allowed).await;
}

#[tokio::test(start_paused = true)]
async fn storage_that_grew_by_itself_is_as_wanted() {
    let stack = Stack::new("eu-west-1").await;
    let body = "db_instance db { engine = \"mariadb\", version = \"10.11\", class = \"db.t3.micro\", storage = 20GiB, \
                max_storage = 100GiB, username = \"app\", password = pw }";
    stack.run(body).await;
    let grown =
        stack.clients.rds.modify_db_instance().db_instance_identifier("shop-db").apply_immediately(true);
    grown.allocated_storage(40).send().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    assert_eq!(stack.run(body).await, set(&[]));
    let said = stack.fail(&body.replace(", max_storage = 100GiB", "")).await;
    assert!(said.contains("cannot shrink"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_major_version_takes_its_parameter_group_along() {
    let stack = Stack::new("eu-west-1").await;
    stack.run(TUNED).await;
    let newer =
        "db_parameter_group newer { family = \"mysql8.4\", parameters = { max_connections = 300 } }\n";
    let body = format!("{newer}{TUNED}")
        .replace("version = \"8.0\"", "version = \"8.4\", allow_major_version_upgrade = true")
        .replace("parameter_group = tuned", "parameter_group = newer");
    let calls = stack.run(&body).await;
    assert!(calls.contains("mysql rds:ModifyDBInstance"), "{calls:?}");
    let there = stack.clients.rds.describe_db_instances().send().await.unwrap().db_instances()[0].clone();
    assert!(there.engine_version().is_some_and(|version| version.starts_with("8.4")), "{there:?}");
    let group = &there.db_parameter_groups()[0];
    assert_eq!(
        (group.db_parameter_group_name(), group.parameter_apply_status()),
        (Some("shop-newer"), Some("in-sync"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_final_snapshot_is_kept_and_made_into_another_database() {
    let stack = Stack::new("eu-west-1").await;
    let body = "db_instance db { engine = \"postgres\", version = \"16\", class = \"db.t3.micro\", username = \"app\", \
                password = pw, final_snapshot = true, tags = { team = \"data\" } }";
    stack.run(body).await;
    // A snapshot of the wanted name is left of an attempt to delete it that came to nothing.
    let rds = &stack.clients.rds;
    let there = rds.describe_db_instances().send().await.unwrap().db_instances()[0].clone();
    let id = there.dbi_resource_id().unwrap().trim_start_matches("db-")[..12].to_lowercase();
    let left = format!("shop-db-final-{id}");
    let call = rds.create_db_snapshot().db_instance_identifier("shop-db").db_snapshot_identifier(&left);
    call.send().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    assert_eq!(stack.destroy(body).await, ["db rds:DeleteDBInstance"]);
    let kept = format!("{left}-2");
    let found = rds.describe_db_snapshots().db_snapshot_identifier(&kept).send().await.unwrap();
    let tags: Vec<_> = found.db_snapshots()[0].tag_list().iter().filter_map(|tag| tag.key()).collect();
    assert!(tags.contains(&"team") && tags.contains(&"vpipe:node"), "{tags:?}");

    // Another database is made of it: its password is set, and what restoring cannot set is modified.
    let restored =
        body.replace("final_snapshot = true", &format!("backup_retention = 7, from_snapshot = \"{kept}\""));
    let calls = stack.run(&restored).await;
    assert_eq!(calls, set(&["db rds:RestoreDBInstanceFromDBSnapshot", "db rds:ModifyDBInstance"]));
    let there = rds.describe_db_instances().send().await.unwrap().db_instances()[0].clone();
    assert_eq!((there.backup_retention_period(), there.engine()), (Some(7), Some("postgres")));
    // Once it exists, where it came from no longer matters.
    assert_eq!(stack.run(&restored.replace(&format!(", from_snapshot = \"{kept}\""), "")).await, set(&[]));
    stack.destroy(&restored).await;

    // What the snapshot decides must be as wanted, and it must exist.
    let said = stack.fail(&restored.replace("\"app\"", "\"owner\"")).await;
    assert!(said.contains("`username` = \"app\"") || said.contains("`username` = app"), "{said}");
    let said = stack.fail(&restored.replace(&kept, "lost")).await;
    assert!(said.contains("no DB snapshot `lost`"), "{said}");
    let none = destroy(&stack.job(&restored), false).await.unwrap();
    assert_eq!(none.calls, 0);
}

const MEMCACHED: &str = r#"
cache_parameter_group big { family = "memcached1.6", parameters = { max_item_size = 2097152 } }
cache_cluster sessions {
  engine = "memcached", version = "1.6.22", node_type = "cache.t3.micro", nodes = 2
  parameter_group = big
}
"#;

#[tokio::test(start_paused = true)]
async fn memcached_takes_parameters_when_told_to() {
    let stack = Stack::new("eu-west-1").await;
    stack.run(MEMCACHED).await;
    let changed = MEMCACHED.replace("2097152", "4194304, hash_algorithm = \"jenkins\"");
    assert_eq!(stack.run(&changed).await, set(&["big elasticache:ModifyCacheParameterGroup"]));
    let notes = stack.notes.lock().unwrap().clone();
    assert!(
        notes.iter().any(|note| note.contains("parameters of `shop-big` after the next reboot")),
        "{notes:?}"
    );
    let now = changed.replace("parameter_group = big", "parameter_group = big, apply = \"immediately\"");
    assert_eq!(stack.run(&now).await, set(&["sessions elasticache:RebootCacheCluster"]));
    let fewer = now.replace(", hash_algorithm = \"jenkins\"", "");
    let wanted = ["big elasticache:ResetCacheParameterGroup", "sessions elasticache:RebootCacheCluster"];
    assert_eq!(stack.run(&fewer).await, set(&wanted));
    let window = fewer.replace("nodes = 2", "nodes = 2, maintenance_window = \"mon:01:00-mon:02:00\"");
    assert_eq!(stack.run(&window).await, set(&["sessions elasticache:ModifyCacheCluster"]));
    let calls = stack.destroy(&window).await;
    let wanted = ["sessions elasticache:DeleteCacheCluster", "big elasticache:DeleteCacheParameterGroup"];
    assert_eq!(
        calls.iter().map(String::as_str).filter(|call| wanted.contains(call)).collect::<Vec<_>>(),
        wanted
    );
}

#[tokio::test(start_paused = true)]
async fn a_redis_node_moves_to_another_type_in_place() {
    let stack = Stack::new("eu-west-1").await;
    let body =
        "cache_cluster redis { engine = \"redis\", version = \"7.0\", node_type = \"cache.t3.micro\" }";
    stack.run(body).await;
    let modified = set(&["redis elasticache:ModifyCacheCluster"]);
    let larger = body.replace("cache.t3.micro\"", "cache.t3.small\", snapshot_retention = 3");
    assert_eq!(stack.run(&larger).await, modified);
    let newer = larger.replace("7.0", "7.1");
    assert_eq!(stack.run(&newer).await, modified);
    let said = stack.fail(&larger).await;
    assert!(said.contains("cannot go back from 7.1"), "{said}");
}

const VALKEY: &str = r#"
existing vpc main { default = true }
security_group backend { vpc = main, allow tcp 6379 from self }
cache_subnet_group caches { subnets = main.subnets }
replication_group sessions {
  engine = "redis", version = "7.0", node_type = "cache.t3.micro"
  security_groups = [backend], subnet_group = caches
  auth_token = pw, final_snapshot = true
}
output primary = sessions.primary_endpoint
output reader = sessions.reader_endpoint
output port = sessions.port
"#;

#[tokio::test(start_paused = true)]
async fn a_replication_group_changes_one_thing_at_a_time() {
    let stack = Stack::new("eu-west-1").await;
    let calls = stack.run(VALKEY).await;
    assert!(calls.contains("sessions elasticache:CreateReplicationGroup"), "{calls:?}");
    let outcome = ok(apply(&stack.job(VALKEY), false).await.unwrap());
    let output = |name: &str| outcome.outputs.get(name).cloned().unwrap();
    assert!(
        output("primary").as_str().unwrap().starts_with("master.shop-sessions."),
        "{:?}",
        output("primary")
    );
    assert!(output("reader").as_str().unwrap().starts_with("replica.shop-sessions."));
    assert_eq!(output("port").as_int(), Some(6379));

    let does = |calls: &[&str]| calls.iter().map(|call| format!("sessions elasticache:{call}")).collect();
    let mut body = VALKEY.to_owned();
    for (before, after, calls) in [
        ("version = \"7.0\"", "version = \"7.1\"", &["ModifyReplicationGroup"][..]),
        ("cache.t3.micro", "cache.t3.small", &["ModifyReplicationGroup"]),
        (
            "auth_token = pw",
            "replicas = 3, snapshot_retention = 2, auth_token = pw",
            &["IncreaseReplicaCount", "ModifyReplicationGroup"],
        ),
        (
            "replicas = 3",
            "replicas = 0, automatic_failover = false, multi_az = false",
            &["ModifyReplicationGroup", "DecreaseReplicaCount"],
        ),
        (
            "replicas = 0, automatic_failover = false, multi_az = false",
            "replicas = 1",
            &["IncreaseReplicaCount", "ModifyReplicationGroup"],
        ),
        (
            "engine = \"redis\", version = \"7.1\"",
            "engine = \"valkey\", version = \"8.0\"",
            &["ModifyReplicationGroup"],
        ),
        (
            "snapshot_retention = 2",
            "tags = { team = \"shop\" }",
            &["ModifyReplicationGroup", "AddTagsToResource"],
        ),
    ] {
        let next = body.replace(before, after);
        assert_ne!(next, body, "{before}");
        assert_eq!(stack.run(&next).await, does(calls), "{after}");
        body = next;
    }
    // Another token is set once, and never read; it is not taken back.
    let other = format!("// password: another-password-of-ours\n{body}");
    assert_eq!(stack.run(&other).await, does(&["ModifyReplicationGroup"]));
    // A version does not go back.
    let said = stack.fail(&other.replace("\"8.0\"", "\"7.2\"")).await;
    assert!(said.contains("cannot go back from 8.0"), "{said}");

    // What somebody else changed is put right.
    let cache = &stack.clients.elasticache;
    let call = cache.modify_replication_group().replication_group_id("shop-sessions").apply_immediately(true);
    call.replication_group_description("by hand").multi_az_enabled(false).send().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    assert_eq!(stack.run(&other).await, does(&["ModifyReplicationGroup"]));

    let calls = stack.destroy(&other).await;
    let at = |call: &str| calls.iter().position(|c| c.ends_with(call)).unwrap_or_else(|| panic!("{calls:?}"));
    assert!(at("DeleteReplicationGroup") < at("DeleteCacheSubnetGroup"));
    let snapshots = cache.describe_snapshots().send().await.unwrap();
    let names: Vec<_> =
        snapshots.snapshots().iter().filter_map(|snapshot| snapshot.snapshot_name()).collect();
    assert!(matches!(names[..], [name] if name.starts_with("shop-sessions-final-")), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_replication_group_in_cluster_mode() {
    let stack = Stack::new("eu-west-1").await;
    let body = "replication_group keys {
  version = \"8.0\", node_type = \"cache.m6g.large\"
  cluster_mode = true, shards = 2
}
output endpoint = keys.configuration_endpoint
";
    stack.run(body).await;
    let outcome = ok(apply(&stack.job(body), false).await.unwrap());
    let endpoint = outcome.outputs.get("endpoint").and_then(|v| v.as_str()).unwrap();
    assert!(endpoint.starts_with("clustercfg.shop-keys."), "{endpoint}");
    let reshard = set(&["keys elasticache:ModifyReplicationGroupShardConfiguration"]);
    assert_eq!(stack.run(&body.replace("shards = 2", "shards = 3")).await, reshard);
    assert_eq!(stack.run(body).await, reshard);
    let more = body.replace("shards = 2", "shards = 2, replicas = 2");
    assert_eq!(stack.run(&more).await, set(&["keys elasticache:IncreaseReplicaCount"]));
    let planned = stack.plan(&more.replace("cluster_mode = true, shards = 2, ", "")).await;
    assert!(planned.nodes.iter().any(|node| node.action == Action::Replace), "{planned:?}");
    assert_eq!(stack.destroy(&more).await, ["keys elasticache:DeleteReplicationGroup"]);
}

#[tokio::test(start_paused = true)]
async fn clients_of_a_replication_group_move_to_tls_in_place() {
    let stack = Stack::new("eu-west-1").await;
    let body = "replication_group keys {
  engine = \"redis\", version = \"7.1\", node_type = \"cache.t3.micro\", encryption_in_transit = false
}";
    stack.run(body).await;
    let with = |what: &str| body.replace("encryption_in_transit = false", what);
    let modify = set(&["keys elasticache:ModifyReplicationGroup"]);
    assert_eq!(stack.run(&with("encryption_in_transit = \"preferred\"")).await, modify);
    assert_eq!(stack.run(&with("")).await, modify);
    // From one end to the other there are two steps.
    let steps = || stack.calls.lock().unwrap().len();
    assert_eq!(stack.run(body).await, modify);
    assert_eq!(steps(), 2);
    assert_eq!(stack.run(&with("encryption_in_transit = true, auth_token = pw")).await, modify);
    assert_eq!(steps(), 3);
    // Older ones are made anew.
    let old = body.replace("7.1", "6.2").replace("keys", "older");
    stack.run(&old).await;
    let planned = stack.plan(&old.replace("encryption_in_transit = false", "")).await;
    assert!(planned.nodes.iter().any(|node| node.action == Action::Replace), "{planned:?}");
}

#[tokio::test(start_paused = true)]
async fn a_replication_group_is_made_of_a_snapshot() {
    let stack = Stack::new("eu-west-1").await;
    let body = "replication_group keys {
  engine = \"redis\", version = \"7.1\", node_type = \"cache.t3.micro\", final_snapshot = true
}";
    stack.run(body).await;
    stack.destroy(body).await;
    let cache = &stack.clients.elasticache;
    let kept = cache.describe_snapshots().send().await.unwrap();
    let kept = kept.snapshots()[0].snapshot_name().unwrap().to_owned();
    let restored = body.replace("final_snapshot = true", &format!("from_snapshot = \"{kept}\""));
    let valkey = restored.replace("redis", "valkey").replace("7.1", "8.0");
    assert_eq!(stack.run(&valkey).await, set(&["keys elasticache:CreateReplicationGroup"]));
    let snapshot = cache.describe_snapshots().snapshot_name(&kept).send().await.unwrap();
    assert_eq!(snapshot.snapshots()[0].snapshot_status(), Some("available"));
    // Once it exists, where it came from no longer matters.
    assert_eq!(stack.run(&valkey.replace(&format!("from_snapshot = \"{kept}\""), "")).await, set(&[]));
    stack.destroy(&valkey).await;
    // An older version does not read it, and it must exist.
    let said = stack.fail(&restored.replace("7.1", "7.0")).await;
    assert!(said.contains("is of redis 7.1.0, which redis 7.0 cannot read"), "{said}");
    let said = stack.fail(&restored.replace(&kept, "lost")).await;
    assert!(said.contains("there is no snapshot `lost`"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn the_nodes_of_a_replication_group_are_rebooted_one_by_one() {
    let stack = Stack::new("eu-west-1").await;
    let body = "cache_parameter_group tuned { family = \"redis7\", parameters = { databases = 32 } }
replication_group sessions {
  engine = \"redis\", version = \"7.1\", node_type = \"cache.t3.micro\", parameter_group = tuned
}";
    stack.run(body).await;
    let more = body.replace("databases = 32", "databases = 64");
    assert_eq!(stack.run(&more).await, set(&["tuned elasticache:ModifyCacheParameterGroup"]));
    let told =
        "sessions parameters of `shop-tuned` after the next reboot; `apply = \"immediately\"` reboots it";
    assert!(stack.notes.lock().unwrap().iter().any(|note| note == told), "{:?}", stack.notes.lock());
    let now = more.replace("parameter_group = tuned", "parameter_group = tuned, apply = \"immediately\"");
    assert_eq!(stack.run(&now).await, set(&["sessions elasticache:RebootCacheCluster"]));
    assert_eq!(stack.calls.lock().unwrap().len(), 2);
    stack.destroy(&now).await;
}

const ACTIVEMQ: &str = r#"
existing vpc main { default = true }
security_group one { vpc = main, allow tcp 61617 from self }
security_group two { vpc = main, allow tcp 61617 from self }
broker jobs {
  engine = "activemq", version = "5.18", instance_type = "mq.m5.large"
  deployment = "active-standby-multi-az"
  username = "app", password = pw
  security_groups = [one]
}
output url = jobs.url
output stomp = jobs.stomp
output console = jobs.console
output other = two.id
"#;

#[tokio::test(start_paused = true)]
async fn a_broker_takes_its_configuration_with_a_reboot() {
    let stack = Stack::new("eu-west-1").await;
    let body = "broker_configuration tuned { data = \"consumer_timeout = 3600000\" }
broker jobs {
  instance_type = \"mq.m5.large\", username = \"app\", password = pw, configuration = tuned
}
output revision = tuned.revision";
    let calls = stack.run(body).await;
    let made = ["tuned mq:CreateConfiguration", "tuned mq:UpdateConfiguration", "jobs mq:CreateBroker"];
    assert_eq!(calls, set(&made));
    assert_eq!(stack.run(body).await, set(&[]));
    // Another revision waits for a reboot; the plan knows that the broker changes as well.
    let longer = body.replace("3600000", "7200000");
    let planned = stack.plan(&longer).await;
    let updated = planned.nodes.iter().filter(|node| node.action == Action::Update).count();
    assert_eq!(updated, 2, "{planned:?}");
    assert_eq!(stack.run(&longer).await, set(&["tuned mq:UpdateConfiguration", "jobs mq:UpdateBroker"]));
    let notes = stack.notes.lock().unwrap().join(", ");
    assert!(notes.contains("jobs configuration c-") && notes.contains("/3 after the next reboot"), "{notes}");
    let now = longer.replace("configuration = tuned", "configuration = tuned, apply = \"immediately\"");
    assert_eq!(stack.run(&now).await, set(&["jobs mq:RebootBroker"]));
    let calls = stack.destroy(&now).await;
    assert_eq!(calls, ["jobs mq:DeleteBroker", "tuned mq:DeleteConfiguration"]);
}

#[tokio::test(start_paused = true)]
async fn activemq_with_a_standby() {
    let stack = Stack::new("eu-west-1").await;
    let calls = stack.run(ACTIVEMQ).await;
    assert!(calls.contains("jobs mq:CreateBroker"), "{calls:?}");
    let outcome = ok(apply(&stack.job(ACTIVEMQ), false).await.unwrap());
    let output = |name: &str| outcome.outputs.get(name).and_then(|v| v.as_str()).unwrap().to_owned();
    let url = output("url");
    assert!(url.starts_with("failover:(ssl://b-") && url.matches(":61617").count() == 2, "{url}");
    assert_eq!(output("stomp").matches("stomp+ssl://").count(), 2);
    assert!(output("console").ends_with(":8162"));

    // Groups and the window change in place, at once.
    let does = |calls: &[&str]| calls.iter().map(|call| format!("jobs mq:{call}")).collect();
    let groups = ACTIVEMQ.replace("[one]", "[one, two], maintenance_window = \"mon:01:00\"");
    assert_eq!(stack.run(&groups).await, does(&["UpdateBroker"]));
    // Version, instance type and logs hold after a reboot: that is told.
    let later = groups
        .replace("\"5.18\", instance_type = \"mq.m5.large\"", "\"5.19\", instance_type = \"mq.m5.xlarge\"")
        .replace("username", "general_logs = true, audit_logs = true, username");
    assert_eq!(stack.run(&later).await, does(&["UpdateBroker"]));
    let told = "version 5.19, instance type mq.m5.xlarge, its logs after the next reboot";
    let planned = stack.plan(&later).await;
    let jobs = planned.nodes.iter().find(|node| node.id == "jobs").unwrap();
    assert!(jobs.action == Action::Keep && jobs.reason.starts_with(told), "{jobs:?}");
    // So does another password. Told to, it is rebooted into all of it.
    let other = format!("// password: another-password\n{later}");
    assert_eq!(stack.run(&other).await, does(&["UpdateUser"]));
    let now = other.replace("username", "apply = \"immediately\", username");
    assert_eq!(stack.run(&now).await, does(&["RebootBroker"]));
    let id = stack.clients.mq.list_brokers().send().await.unwrap().broker_summaries()[0]
        .broker_id()
        .unwrap()
        .to_owned();
    let there = stack.clients.mq.describe_broker().broker_id(&id).send().await.unwrap();
    assert_eq!((there.engine_version(), there.host_instance_type()), (Some("5.19"), Some("mq.m5.xlarge")));
    // What somebody else changed is put right, a version does not go back.
    let call = stack.clients.mq.update_broker().broker_id(&id).host_instance_type("mq.m5.large");
    call.send().await.unwrap();
    assert_eq!(stack.run(&now).await, does(&["UpdateBroker"]));
    let said = stack.fail(&now.replace("5.19", "5.18")).await;
    assert!(said.contains("cannot go back from 5.19"), "{said}");
    assert_eq!(stack.destroy(&now).await.first().map(String::as_str), Some("jobs mq:DeleteBroker"));
}
