//! Cache clusters: memcached, or a single node of Redis or Valkey.

use async_trait::async_trait;
use aws_sdk_elasticache::types::{CacheCluster as Cluster, PendingModifiedValues, SourceType};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

use super::{TAGS, explained, last_events, tag, tags, tags_of};
use crate::cloud::parts::{
    AFTER_REBOOT, applies, changed, delete_when_settled, hindrance, known, modified, number, older, own,
    texts, with_pending,
};
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want, calling, found,
    reading,
};
use crate::eval::Attrs;
use crate::plan::Change;
use crate::schema::OnChange;

/// `cache_cluster`
pub struct CacheCluster;

const CREATE: &str = "elasticache:CreateCacheCluster";
const MODIFY: &str = "elasticache:ModifyCacheCluster";
const REBOOT: &str = "elasticache:RebootCacheCluster";
const DELETE: &str = "elasticache:DeleteCacheCluster";
const DESCRIBE: &str = "elasticache:DescribeCacheClusters";

const CLUSTER: &[&str] = &["elasticache:{here}:cluster:{name}"];
/// With the groups that a cluster may be given.
const CLUSTER_AND_GROUPS: &[&str] = &[
    "elasticache:{here}:cluster:{name}",
    "elasticache:{here}:parametergroup:*",
    "elasticache:{here}:subnetgroup:{subnet_group}",
];
const PERMISSIONS: &[Permission] = &[
    // All who wait share one read of several clusters.
    Permission::look(DESCRIBE, &["*"]),
    Permission::look("elasticache:ListTagsForResource", CLUSTER),
    Permission::look("elasticache:DescribeEvents", ANY).because("only to say why a cluster failed"),
    Permission::change(CREATE, CLUSTER_AND_GROUPS),
    Permission::change(MODIFY, CLUSTER_AND_GROUPS),
    Permission::change(REBOOT, CLUSTER_AND_GROUPS).because("only to apply what holds after a reboot"),
    Permission::tag(TAGS.set, CLUSTER).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, CLUSTER).because("only when a tag goes"),
    Permission::change("iam:CreateServiceLinkedRole", SERVICE_ROLE)
        .because("AWS makes its role with the first cluster of an account"),
    Permission::delete(DELETE, CLUSTER),
];
const SERVICE_ROLE: &[&str] =
    &["iam::{account}:role/aws-service-role/elasticache.amazonaws.com/AWSServiceRoleForElastiCache"];

/// What is remembered of a cluster until a call.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Detail {
    arn: String,
    /// `0001`, `0002`, …
    nodes: Vec<String>,
    /// Those of them that have not taken all parameters yet.
    to_reboot: Vec<String>,
}

impl Detail {
    fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl Driver for CacheCluster {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let id = want.text("id").unwrap_or(&want.name);
        let name = id.to_lowercase();
        let found = clients.shared.one(DESCRIBE, &name, |names| clusters(clients, names)).await?;
        let Some(cluster) = found else { return Ok(Observed::Absent) };
        if cluster.cache_cluster_status() == Some("deleted") {
            return Ok(Observed::Absent);
        }
        let mut present = present(&cluster, want);
        if let State::Failed(why) = &present.state {
            present.state = State::Failed(explained(clients, SourceType::CacheCluster, id, why).await);
        }
        let in_between = matches!(cluster.cache_cluster_status(), Some("creating" | "deleting"));
        if let Some(arn) = cluster.arn().filter(|_| !in_between)
            && let Some(tags) = tags_of(clients, arn).await?
        {
            present = present.tagged(tags);
        }
        Ok(Observed::Present(Box::new(present)))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let handles = [("security_groups", "id"), ("subnet_group", "name"), ("parameter_group", "name")];
        let mut attrs = want.desired(&handles);
        // With no groups given AWS puts in the VPC's default group.
        attrs.retain(|name, value| name != "security_groups" || !value.items().is_empty());
        attrs
    }

    fn on_change(&self, want: &Want, _present: &Present, change: &Change) -> OnChange {
        match change.attribute.as_str() {
            // A node of Redis moves to another type in place, one of memcached does not.
            "node_type" if want.text("engine") != Some("memcached") => OnChange::Update,
            _ => change.on_change,
        }
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        // A cache holds nothing that cannot be had again, so what an earlier run could not make is made anew.
        if let Some(next) = hindrance(want, present, 20, Some(DELETE)) {
            return next;
        }
        if let (true, Some(from), Some(to)) =
            (changed(changes, "version"), present.get("version").as_str(), want.text("version"))
            && older(to, from)
        {
            return Next::Fail(format!(
                "ElastiCache cannot go back from {from} to {to}: write `version = \"{from}\"`, or make another cluster"
            ));
        }
        let own = own(changes);
        if !own.is_empty() {
            let remove = surplus(want, present);
            return Next::Call(Op::new(MODIFY).with(json!({ "attributes": own, "remove": remove })));
        }
        let nodes = Detail::of(present).to_reboot;
        if !nodes.is_empty() && want.text("apply") == Some("immediately") {
            return Next::Call(Op::new(REBOOT).with(json!({ "nodes": nodes })));
        }
        TAGS.next(want, present).map_or(Next::Done, Next::Call)
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        delete_when_settled(seen, 20, Op::new(DELETE))
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        match (op.operation.as_str(), seen) {
            (CREATE, _) => create(clients, want).await,
            (MODIFY, _) => modify(clients, want, op).await,
            (REBOOT, Observed::Present(present)) => {
                let call = clients.elasticache.reboot_cache_cluster().cache_cluster_id(&want.name);
                let call = call.set_cache_node_ids_to_reboot(Some(Detail::of(present).to_reboot));
                Ok(Reply::of(&call.send().await.map_err(calling(REBOOT))?, None))
            }
            (DELETE, _) => {
                let call = clients.elasticache.delete_cache_cluster().cache_cluster_id(&want.name);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
            (_, Observed::Present(present)) if TAGS.is(op) => {
                tag(clients, &Detail::of(present).arn, op).await
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a cache cluster")),
        }
    }

    /// ElastiCache user guide and field logs: four minutes and more to make one, two to delete it.
    fn soonest(&self, op: &Op) -> Duration {
        Duration::from_secs(match op.operation.as_str() {
            CREATE => 240,
            DELETE => 110,
            _ => 0,
        })
    }

    async fn last_words(&self, clients: &Clients, _want: &Want, seen: &Present) -> Vec<String> {
        last_events(clients, SourceType::CacheCluster, &seen.id).await
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }
}

/// The clusters of these ids, which are in lower case, that exist. AWS has no way to ask for some of them.
async fn clusters(clients: &Clients, names: Vec<String>) -> Result<Vec<(String, Cluster)>, CloudError> {
    let named = |cluster: &Cluster| cluster.cache_cluster_id().map(str::to_lowercase);
    let call = clients.elasticache.describe_cache_clusters().show_cache_node_info(true);
    if let [name] = names.as_slice() {
        let reply = found(call.cache_cluster_id(name).send().await.map_err(reading(DESCRIBE)))?;
        let clusters = reply.and_then(|reply| reply.cache_clusters).unwrap_or_default();
        return Ok(clusters.into_iter().filter_map(|one| Some((named(&one)?, one))).collect());
    }
    let mut pages = call.into_paginator().items().send();
    let mut all = Vec::new();
    while let Some(cluster) = pages.next().await {
        let cluster = cluster.map_err(reading(DESCRIBE))?;
        all.extend(named(&cluster).map(|name| (name, cluster)));
    }
    Ok(all)
}

/// The nodes that are too many: the last ones.
fn surplus(want: &Want, present: &Present) -> Vec<String> {
    let nodes = Detail::of(present).nodes;
    let wanted = want.int("nodes").and_then(|n| usize::try_from(n).ok()).unwrap_or(nodes.len());
    nodes.into_iter().skip(wanted).collect()
}

fn present(cluster: &Cluster, want: &Want) -> Present {
    let status = cluster.cache_cluster_status().unwrap_or_default();
    let pending = |is: fn(&PendingModifiedValues) -> bool| cluster.pending_modified_values().is_some_and(is);
    let state = with_pending(
        state(status),
        status,
        [
            ("nodes", pending(|values| values.num_cache_nodes().is_some())),
            ("version", pending(|values| values.engine_version().is_some())),
            ("node_type", pending(|values| values.cache_node_type().is_some())),
        ],
    );
    let node = cluster.cache_nodes().first().and_then(|node| node.endpoint());
    // Memcached clients find all nodes through the configuration endpoint.
    let endpoint = cluster.configuration_endpoint().or(node);
    let port = endpoint.and_then(|endpoint| endpoint.port());
    let groups = cluster.security_groups().iter();
    let parameters = cluster.cache_parameter_group();
    let applied = parameters.and_then(|group| group.parameter_apply_status()).unwrap_or_default();
    let parameter_group = parameters.and_then(|group| group.cache_parameter_group_name());
    let mut nodes: Vec<String> =
        cluster.cache_nodes().iter().filter_map(|node| node.cache_node_id().map(str::to_owned)).collect();
    nodes.sort();
    let attrs = known([
        ("id", cluster.cache_cluster_id().into()),
        ("engine", cluster.engine().into()),
        ("version", want.version_as_asked("version", cluster.engine_version())),
        ("node_type", cluster.cache_node_type().into()),
        ("nodes", number(cluster.num_cache_nodes())),
        ("port", number(port)),
        ("security_groups", texts(groups.filter_map(|group| group.security_group_id()))),
        ("subnet_group", cluster.cache_subnet_group_name().into()),
        ("parameter_group", parameter_group.into()),
        ("maintenance_window", cluster.preferred_maintenance_window().into()),
        ("snapshot_retention", number(cluster.snapshot_retention_limit())),
        ("auto_minor_version_upgrade", cluster.auto_minor_version_upgrade().into()),
    ]);
    let outputs = known([
        ("endpoint", endpoint.and_then(|endpoint| endpoint.address()).into()),
        ("port", number(port)),
        ("arn", cluster.arn().into()),
    ]);
    let to_reboot = match (applied, parameters.map(|group| group.cache_node_ids_to_reboot())) {
        ("pending-reboot", Some([])) => nodes.clone(),
        (_, some) => some.unwrap_or_default().to_vec(),
    };
    let state = match state {
        State::Settled if applied == "applying" => State::Busy("applying its parameter group".to_owned()),
        state => state,
    };
    let pending = (!to_reboot.is_empty())
        .then(|| format!("parameters of `{}` {AFTER_REBOOT}", parameter_group.unwrap_or_default()));
    let detail = Detail { arn: cluster.arn().unwrap_or_default().to_owned(), nodes, to_reboot };
    Present {
        id: cluster.cache_cluster_id().unwrap_or_default().to_owned(),
        state,
        attrs,
        outputs,
        detail: serde_json::to_value(detail).unwrap_or_default(),
        note: Some(status.to_owned()),
        pending,
        ..Present::default()
    }
}

/// What AWS's status means (`CacheClusterStatus` of the service model).
fn state(status: &str) -> State {
    let failed = |words: &str| State::Failed(format!("the cluster is `{status}`: {words}"));
    match status {
        "available" => State::Settled,
        "incompatible-network" => failed("its subnets or its VPC do not serve it"),
        "restore-failed" => failed("its snapshot could not be restored"),
        "create-failed" => failed("AWS could not make it"),
        busy => State::Busy(busy.to_owned()),
    }
}

async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let text = |name| want.text(name).map(str::to_owned);
    let groups = want.id_texts("security_groups", "id");
    let call = clients
        .elasticache
        .create_cache_cluster()
        .cache_cluster_id(&want.name)
        .set_engine(text("engine"))
        .set_engine_version(text("version"))
        .set_cache_node_type(text("node_type"))
        .set_num_cache_nodes(want.int("nodes"))
        .set_port(want.int("port"))
        .set_security_group_ids((!groups.is_empty()).then_some(groups))
        .set_cache_subnet_group_name(want.ids("subnet_group", "name").as_str().map(str::to_owned))
        .set_cache_parameter_group_name(want.ids("parameter_group", "name").as_str().map(str::to_owned))
        .set_preferred_maintenance_window(text("maintenance_window"))
        .set_snapshot_retention_limit(want.int("snapshot_retention").filter(|days| *days > 0))
        .set_auto_minor_version_upgrade(want.flag("auto_minor_version_upgrade"))
        .set_tags(tags(&want.tags));
    let made = call.send().await.map_err(calling(CREATE))?;
    let id = made.cache_cluster().and_then(|cluster| cluster.cache_cluster_id());
    Ok(Reply::of(&made, id))
}

/// Changes what the operation names, at once rather than in the next maintenance window.
async fn modify(clients: &Clients, want: &Want, op: &Op) -> Result<Reply, CloudError> {
    let remove: Vec<String> =
        op.detail.get("remove").and_then(|ids| serde_json::from_value(ids.clone()).ok()).unwrap_or_default();
    let groups = want.id_texts("security_groups", "id");
    let parameter_group = want.ids("parameter_group", "name").as_str().map(str::to_owned);
    let text = |name: &str| want.text(name).filter(|_| applies(op, name)).map(str::to_owned);
    let call = clients
        .elasticache
        .modify_cache_cluster()
        .cache_cluster_id(&want.name)
        .apply_immediately(true)
        .set_engine_version(text("version"))
        .set_cache_node_type(text("node_type"))
        .set_cache_parameter_group_name(parameter_group.filter(|_| applies(op, "parameter_group")))
        .set_preferred_maintenance_window(text("maintenance_window"))
        .set_snapshot_retention_limit(
            want.int("snapshot_retention").filter(|_| applies(op, "snapshot_retention")),
        )
        .set_auto_minor_version_upgrade(
            want.flag("auto_minor_version_upgrade").filter(|_| applies(op, "auto_minor_version_upgrade")),
        )
        .set_num_cache_nodes(want.int("nodes").filter(|_| applies(op, "nodes")))
        .set_cache_node_ids_to_remove((applies(op, "nodes") && !remove.is_empty()).then_some(remove))
        .set_security_group_ids(applies(op, "security_groups").then_some(groups));
    modified(call.send().await.map(|done| Reply::of(&done, None)).map_err(calling(MODIFY)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, change, seen, want};
    use crate::eval::Value;
    use aws_sdk_elasticache::types::{CacheNode, Endpoint, SecurityGroupMembership};

    fn memcached(nodes: i64) -> Want {
        let mut want = want("cache_cluster", "shop-memcached");
        want.attrs = attrs([
            ("id", Value::None),
            ("engine", "memcached".into()),
            ("version", "1.6".into()),
            ("node_type", "cache.t3.micro".into()),
            ("nodes", nodes.into()),
            ("port", Value::None),
            ("security_groups", Value::List(vec![Value::Handle("backend".into())])),
            ("subnet_group", Value::None),
        ]);
        want.refs.insert("backend".into(), attrs([("id", "sg-1".into())]));
        want
    }

    fn cluster(status: &str, nodes: i32) -> Cluster {
        let mut cluster = Cluster::builder()
            .cache_cluster_id("shop-memcached")
            .cache_cluster_status(status)
            .engine("memcached")
            .engine_version("1.6.22")
            .cache_node_type("cache.t3.micro")
            .num_cache_nodes(nodes)
            .cache_subnet_group_name("default")
            .configuration_endpoint(
                Endpoint::builder().address("shop.cfg.cache.amazonaws.com").port(11211).build(),
            )
            .security_groups(SecurityGroupMembership::builder().security_group_id("sg-1").build());
        for node in (1..=nodes).rev() {
            cluster = cluster.cache_nodes(CacheNode::builder().cache_node_id(format!("{node:04}")).build());
        }
        cluster.build()
    }

    #[test]
    fn what_was_made_is_what_was_wanted() {
        let want = memcached(1);
        let present = present(&cluster("available", 1), &want).tagged(want.tags.clone());
        for (name, value) in CacheCluster.desired(&want) {
            assert_eq!(present.attrs.get(&name), Some(&value), "{name}");
        }
        assert_eq!(present.outputs.get("endpoint"), Some(&"shop.cfg.cache.amazonaws.com".into()));
        assert!(matches!(CacheCluster.next(&want, &seen(present), &[]), Next::Done));
    }

    #[test]
    fn nodes_that_are_too_many_are_named() {
        let want = memcached(1);
        let there = seen(present(&cluster("available", 3), &want));
        let Next::Call(op) = CacheCluster.next(&want, &there, &[change("nodes", 3.into(), 1.into())]) else {
            panic!()
        };
        assert_eq!(op.detail, json!({ "attributes": ["nodes"], "remove": ["0002", "0003"] }));
    }

    #[test]
    fn what_an_earlier_run_could_not_make_is_made_anew() {
        let mut want = memcached(1);
        let failed = seen(present(&cluster("incompatible-network", 1), &want));
        assert!(matches!(CacheCluster.next(&want, &failed, &[]), Next::Call(op) if op.operation == DELETE));
        want.acted = true;
        assert!(matches!(CacheCluster.next(&want, &failed, &[]), Next::Fail(_)));
        let going = seen(present(&cluster("deleting", 1), &want));
        assert!(matches!(CacheCluster.next(&want, &going, &[]), Next::Wait { .. }));
    }
}
