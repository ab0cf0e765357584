//! How often a run asks AWS how things stand, and how soon it notices that something is done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::stack::{Stack, ok};
use vpipe::run::{Event, apply};

/// Several of the kinds that take minutes.
const MANY: &str = r#"
existing vpc main { default = true }
secret key = env("PW")
security_group backend { vpc = main }
db_subnet_group private { subnets = main.subnets }
db_instance one   { engine = "mysql", version = "8.0", class = "db.t3.micro", storage = 20GiB, username = "admin", password = pw, subnet_group = private }
db_instance two   { engine = "mysql", version = "8.0", class = "db.t3.micro", storage = 20GiB, username = "admin", password = pw, subnet_group = private }
db_instance three { engine = "postgres", version = "16", class = "db.t3.small", storage = 30GiB, username = "boss", password = pw, multi_az = true }
db_instance four  { engine = "mysql", version = "8.0", class = "db.t3.micro", storage = 20GiB, username = "admin", password = pw }
cache_cluster a { engine = "memcached", node_type = "cache.t3.micro", nodes = 1 }
cache_cluster b { engine = "memcached", node_type = "cache.t3.micro", nodes = 2 }
cache_cluster c { engine = "redis", node_type = "cache.t3.micro", nodes = 1 }
broker first  { engine = "rabbitmq", instance_type = "mq.t3.micro", username = "rabbit", password = pw }
broker second { engine = "rabbitmq", instance_type = "mq.t3.micro", username = "rabbit", password = pw }
certificate site { domain = "shop.example.com", validation = dns(provider: godaddy(key: key, secret: pw)) }
application shop { description = "a shop" }
environment blue  { application = shop, platform = "Tomcat 10 with Corretto 21", instance_type = "t3.micro", instances = 2..4 }
environment green { application = shop, platform = "Tomcat 10 with Corretto 21", instance_type = "t3.micro", instances = 2..4 }
distribution cdn  { origin = blue, aliases = ["shop.example.com"], certificate = site }
distribution more { origin = green }
"#;

/// One of each.
const ONE: &str = r#"
existing vpc main { default = true }
secret key = env("PW")
db_instance one { engine = "mysql", version = "8.0", class = "db.t3.micro", storage = 20GiB, username = "admin", password = pw }
cache_cluster a { engine = "memcached", node_type = "cache.t3.micro", nodes = 1 }
broker first { engine = "rabbitmq", instance_type = "mq.t3.micro", username = "rabbit", password = pw }
certificate site { domain = "shop.example.com", validation = dns(provider: godaddy(key: key, secret: pw)) }
application shop { description = "a shop" }
environment blue { application = shop, platform = "Tomcat 10 with Corretto 21", instance_type = "t3.micro", instances = 2..4 }
distribution cdn { origin = blue, aliases = ["shop.example.com"], certificate = site }
"#;

/// Calls that only read.
fn reads(asked: &BTreeMap<String, u64>) -> u64 {
    let is_read = |name: &str| {
        let operation = name.split_once(':').map_or("", |(_, operation)| operation);
        ["Describe", "List", "Get", "Head"].iter().any(|read| operation.starts_with(read))
    };
    asked.iter().filter(|(name, _)| is_read(name)).map(|(_, count)| count).sum()
}

/// What one waiter a resource made of these pipelines, each looking for itself at fixed intervals of 15 to 30 seconds, as the
/// waiters of the AWS SDKs and of Terraform do. Counted at this repository's revision 38200ee, which did so.
const READS_OF_MANY: u64 = 408;
const READS_OF_ONE: u64 = 201;

#[tokio::test(start_paused = true)]
async fn a_run_polls_less_than_half_as_often_as_one_waiter_a_resource() {
    for (body, before) in [(MANY, READS_OF_MANY), (ONE, READS_OF_ONE)] {
        let stack = Stack::new("us-east-1").await;
        ok(apply(&stack.job(body), false).await.unwrap());
        let asked = stack.local.asked();
        let now = reads(&asked);
        println!("{now} reads instead of {before}");
        // Less than half of it, with some room below.
        assert!(now * 20 <= before * 9, "{now} reads instead of {before}: {asked:#?}");
    }
}

/// Watches from aside, every four seconds, when each resource was really done.
#[tokio::test(start_paused = true)]
async fn what_is_done_is_noticed_within_a_twentieth_of_the_time_it_took() {
    let stack = Stack::new("us-east-1").await;
    let mut job = stack.job(MANY);
    let (started, noticed) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(BTreeMap::new())));
    let (calls, done) = (Arc::clone(&started), Arc::clone(&noticed));
    job.listener = Arc::new(move |event| match event {
        // The last call after which there is much to wait for.
        Event::Call { node, operation, at } if operation.contains(":Create") => {
            calls.lock().unwrap().insert(node, at);
        }
        Event::NodeDone { node, at, .. } => {
            done.lock().unwrap().insert(node, at);
        }
        _ => {}
    });
    let ready = Arc::new(Mutex::new(BTreeMap::new()));
    let (clients, seen, now) = (stack.clients.clone(), Arc::clone(&ready), Arc::clone(&job.world.now));
    let watch = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(4)).await;
            let note = |kind: &str, name: Option<&str>, is_ready: bool| {
                if let (Some(name), true) = (name, is_ready) {
                    seen.lock().unwrap().entry(format!("{kind} {name}")).or_insert_with(|| now());
                }
            };
            for one in clients.rds.describe_db_instances().send().await.unwrap().db_instances() {
                note("db", one.db_instance_identifier(), one.db_instance_status() == Some("available"));
            }
            for one in clients.elasticache.describe_cache_clusters().send().await.unwrap().cache_clusters() {
                note("cache", one.cache_cluster_id(), one.cache_cluster_status() == Some("available"));
            }
            for one in clients.mq.list_brokers().send().await.unwrap().broker_summaries() {
                let state = one.broker_state().map(|state| state.as_str());
                note("mq", one.broker_name(), state == Some("RUNNING"));
            }
            for one in clients.beanstalk.describe_environments().send().await.unwrap().environments() {
                let status = one.status().map(|status| status.as_str());
                note("eb", one.environment_name(), status == Some("Ready"));
            }
        }
    });
    ok(apply(&job, false).await.unwrap());
    tokio::time::sleep(Duration::from_secs(5)).await;
    watch.abort();
    let (started, noticed, ready) = (started.lock().unwrap(), noticed.lock().unwrap(), ready.lock().unwrap());
    assert_eq!(ready.len(), 11, "{ready:#?}");
    for (what, at) in ready.iter() {
        let (_, name) = what.split_once(' ').unwrap();
        let node = name.strip_prefix("shop-").unwrap();
        let (took, idle) = (at - started[node], noticed[node] - at);
        println!("{what}: took {} s, unnoticed for {} s", took / 1000, idle / 1000);
        // The shortest intervals that make sense for the kinds: a database and a broker take many minutes.
        let shortest = if what.starts_with("mq") || what.starts_with("db") { 30_000 } else { 20_000 };
        assert!(idle <= (took / 20).max(shortest) + 1_000, "{what}: took {took} ms, unnoticed for {idle} ms");
    }
}
