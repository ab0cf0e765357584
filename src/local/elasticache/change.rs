//! Changing, rebooting and deleting cache clusters.

use super::cluster::{Change, Cluster, missing};
use super::create::groups;
use super::{bad_combination, invalid, parameters, refuse, versions};
use crate::local::common::{MINUTE, SECOND, spread};
use crate::local::{Call, Cx, Element, Fault, State, rds};

fn cluster(state: &mut State, cx: &Cx, call: &Call) -> Result<Cluster, Fault> {
    let id = call.required("CacheClusterId")?.to_ascii_lowercase();
    state.elasticache.region(&cx.region).clusters.get(&id).cloned().ok_or_else(|| missing(&id))
}

fn reply(state: &mut State, cx: &Cx, cluster: Cluster) -> Vec<Element> {
    let region = state.elasticache.region(&cx.region);
    let members = cluster.members(cx, region, false);
    region.clusters.insert(cluster.id.clone(), cluster);
    vec![Element::new("CacheCluster", members)]
}

fn check_ready(cluster: &Cluster, now: i64) -> Result<(), Fault> {
    match cluster.status(now) {
        "available" if cluster.change.is_none() => Ok(()),
        _ => refuse(
            "InvalidCacheClusterState",
            format!("Cache cluster {} is not in available state.", cluster.id),
        ),
    }
}

/// Members of a replication group are changed and deleted through the group.
fn check_alone(cluster: &Cluster) -> Result<(), Fault> {
    match &cluster.replication_group {
        Some(group) => refuse(
            "InvalidCacheClusterState",
            format!(
                "Cache cluster {} is part of the replication group {group}; use the replication group.",
                cluster.id
            ),
        ),
        None => Ok(()),
    }
}

/// What this local cloud can modify.
const KNOWN: [&str; 12] = [
    "ApplyImmediately",
    "AutoMinorVersionUpgrade",
    "CacheClusterId",
    "CacheNodeIdsToRemove",
    "CacheNodeType",
    "CacheParameterGroupName",
    "EngineVersion",
    "NumCacheNodes",
    "PreferredMaintenanceWindow",
    "SecurityGroupIds",
    "SnapshotRetentionLimit",
    "AZMode",
];

pub fn modify(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut cluster = cluster(state, cx, call)?;
    let given: Vec<String> =
        call.params.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
    check_alone(&cluster)?;
    if let Some(unknown) = given.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        return invalid(format!("The local cloud cannot modify {unknown}"));
    }
    if given.iter().all(|name| matches!(name.as_str(), "CacheClusterId" | "ApplyImmediately")) {
        return bad_combination("No modifications were requested");
    }
    check_ready(&cluster, cx.now)?;
    let mut pending = cluster.pending.clone();
    if let Some((count, removed)) = count(call, &cluster)? {
        pending.shift_remove("NumCacheNodes");
        pending.shift_remove("CacheNodeIdsToRemove");
        if count != cluster.nodes.len() {
            pending.insert("NumCacheNodes".to_owned(), count.to_string());
        }
        if !removed.is_empty() {
            pending.insert("CacheNodeIdsToRemove".to_owned(), removed.join(","));
        }
    }
    if let Some(wanted) = call.text("EngineVersion") {
        let version = versions::version(&cluster.engine, Some(&wanted))?;
        if rds::is_older(&version, &cluster.version) {
            return bad_combination(format!("Cannot downgrade from {} to {version}.", cluster.version));
        }
        pending.shift_remove("EngineVersion");
        if version != cluster.version {
            pending.insert("EngineVersion".to_owned(), version);
        }
    }
    if let Some(node_type) = call.text("CacheNodeType").filter(|wanted| *wanted != cluster.node_type) {
        if cluster.engine == "memcached" {
            return bad_combination("Scaling is not supported for engine memcached");
        }
        if !versions::is_node_type(&node_type) {
            return invalid(format!("Invalid Cache Node Type: {node_type}."));
        }
        pending.insert("CacheNodeType".to_owned(), node_type);
    }
    cluster.pending = pending;
    at_once(state, cx, call, &mut cluster)?;
    cluster.pending_at = cx.now;
    if !cluster.pending.is_empty() && call.flag("ApplyImmediately") == Some(true) {
        let took = duration(&cluster);
        let starts_at = cx.now + 5 * SECOND;
        cluster.change =
            Some(Change { status: "modifying".to_owned(), starts_at, ends_at: starts_at + took });
    }
    Ok(reply(state, cx, cluster))
}

fn at_once(state: &mut State, cx: &Cx, call: &Call, cluster: &mut Cluster) -> Result<(), Fault> {
    let version = cluster.pending.get("EngineVersion").unwrap_or(&cluster.version).clone();
    let given = call.text("CacheParameterGroupName");
    let own = !cluster.parameter_group.starts_with("default.");
    let stays = (own && given.is_none()).then(|| cluster.parameter_group.clone());
    let (group, _) = parameters::fitting(state, cx, given.clone().or(stays), &cluster.engine, &version)?;
    if given.is_some() {
        cluster.parameter_group = group;
    }
    let window = call.text("PreferredMaintenanceWindow");
    if let Some(window) = window.as_ref().filter(|window| rds::next_window(window, 0, 0).is_none()) {
        return invalid(format!("Invalid maintenance window format: {window}"));
    }
    let retention = call.int("SnapshotRetentionLimit");
    if cluster.engine == "memcached" && retention.is_some_and(|days| days > 0) {
        return bad_combination("SnapshotRetentionLimit is not supported for engine memcached.");
    }
    if call.params.get("SecurityGroupIds").is_some() {
        cluster.groups = groups(state, cx, call, &cluster.vpc.clone())?;
        state.regroup(cx, &format!("elasticache/{}", cluster.id), &cluster.groups);
    }
    cluster.auto_minor = call.flag("AutoMinorVersionUpgrade").unwrap_or(cluster.auto_minor);
    cluster.maintenance_window = window.unwrap_or_else(|| cluster.maintenance_window.clone());
    cluster.snapshot_retention = retention.unwrap_or(cluster.snapshot_retention);
    Ok(())
}

/// The number of nodes that is wanted, and the ids of those that go.
fn count(call: &Call, cluster: &Cluster) -> Result<Option<(usize, Vec<String>)>, Fault> {
    let removed = call.texts("CacheNodeIdsToRemove");
    let Some(count) = call.int("NumCacheNodes") else {
        return match removed.is_empty() {
            true => Ok(None),
            false => bad_combination("NumCacheNodes must be specified when CacheNodeIdsToRemove is."),
        };
    };
    let has = cluster.nodes.len();
    let Some(count) = usize::try_from(count).ok().filter(|count| (1..=40).contains(count)) else {
        return refuse("NodeQuotaForClusterExceeded", "The number of nodes must be between 1 and 40.");
    };
    if cluster.engine != "memcached" && count != 1 {
        return bad_combination(format!("A {} cluster has exactly one node.", cluster.engine));
    }
    if let Some(id) = removed.iter().find(|id| !cluster.nodes.iter().any(|node| node.id == **id)) {
        return invalid(format!("The cache node {id} does not exist in the cluster {}.", cluster.id));
    }
    if has.saturating_sub(count) != removed.len() {
        return bad_combination(format!(
            "The number of CacheNodeIdsToRemove must be the number of nodes that go: {}.",
            has.saturating_sub(count)
        ));
    }
    Ok(Some((count, removed)))
}

/// How long the pending values take.
pub(super) fn duration(cluster: &Cluster) -> i64 {
    let seed = format!("cache change {}", cluster.id);
    match cluster.pending.contains_key("EngineVersion") || cluster.pending.contains_key("CacheNodeType") {
        true => spread(&seed, 5 * MINUTE, 8 * MINUTE),
        false => spread(&seed, 2 * MINUTE, 4 * MINUTE),
    }
}

pub fn reboot(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut cluster = cluster(state, cx, call)?;
    check_ready(&cluster, cx.now)?;
    let nodes = call.texts("CacheNodeIdsToReboot");
    if nodes.is_empty() {
        return invalid("The parameter CacheNodeIdsToReboot must be provided and must not be blank.");
    }
    if let Some(id) = nodes.iter().find(|id| !cluster.nodes.iter().any(|node| node.id == **id)) {
        return invalid(format!("The cache node {id} does not exist in the cluster {}.", cluster.id));
    }
    let ends_at = cx.now + spread(&format!("cache reboot {}", cluster.id), 30 * SECOND, 60 * SECOND);
    let status = "rebooting cluster nodes".to_owned();
    cluster.change = Some(Change { status, starts_at: cx.now, ends_at });
    Ok(reply(state, cx, cluster))
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut cluster = cluster(state, cx, call)?;
    check_alone(&cluster)?;
    if call.text("FinalSnapshotIdentifier").is_some() && cluster.engine == "memcached" {
        return bad_combination("FinalSnapshotIdentifier is not supported for engine memcached.");
    }
    if cluster.failure.is_none() {
        check_ready(&cluster, cx.now)?;
    }
    let gone_at = cx.now + spread(&format!("cache delete {}", cluster.id), 2 * MINUTE, 4 * MINUTE);
    cluster.gone_at = Some(gone_at);
    state.detach(cx, &format!("elasticache/{}", cluster.id), gone_at);
    Ok(reply(state, cx, cluster))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::{Client, count, find};

    fn call(client: &Client, operation: &str, extra: &[(&str, &str)]) -> Result<(), String> {
        let params: Vec<_> = [("CacheClusterId", "cache")].iter().chain(extra).copied().collect();
        client.query("elasticache", operation, &params).map(|_| ())
    }

    fn nodes(client: &Client) -> usize {
        let reply =
            client.query("elasticache", "DescribeCacheClusters", &[("ShowCacheNodeInfo", "true")]).unwrap();
        count(&reply, "DescribeCacheClustersResult/CacheClusters/CacheCluster/CacheNodes/CacheNode")
    }

    #[test]
    fn nodes_come_and_go_and_so_does_the_cluster() {
        let client = Client::new();
        let good = [("Engine", "memcached"), ("CacheNodeType", "cache.t3.micro"), ("NumCacheNodes", "2")];
        call(&client, "CreateCacheCluster", &good).unwrap();
        assert_eq!(call(&client, "DeleteCacheCluster", &[]).unwrap_err(), "InvalidCacheClusterState");
        client.wait(360);
        let now = ("ApplyImmediately", "true");
        let modify = |extra: &[(&str, &str)]| call(&client, "ModifyCacheCluster", extra);
        assert_eq!(modify(&[now]).unwrap_err(), "InvalidParameterCombination");
        assert_eq!(modify(&[("NumCacheNodes", "1"), now]).unwrap_err(), "InvalidParameterCombination");
        let node_type = [("CacheNodeType", "cache.t3.small"), now];
        assert_eq!(modify(&node_type).unwrap_err(), "InvalidParameterCombination");
        modify(&[("NumCacheNodes", "3"), now]).unwrap();
        assert_eq!(modify(&[("NumCacheNodes", "4"), now]).unwrap_err(), "InvalidCacheClusterState");
        client.wait(300);
        assert_eq!(nodes(&client), 3);
        modify(&[("NumCacheNodes", "2"), ("CacheNodeIdsToRemove.CacheNodeId.1", "0001"), now]).unwrap();
        client.wait(300);
        assert_eq!(nodes(&client), 2);
        call(&client, "DeleteCacheCluster", &[]).unwrap();
        client.wait(300);
        assert_eq!(call(&client, "DescribeCacheClusters", &[]).unwrap_err(), "CacheClusterNotFound");
        let interfaces = client.query("ec2", "DescribeNetworkInterfaces", &[]).unwrap();
        assert_eq!(find(&interfaces, "networkInterfaceSet/item/networkInterfaceId"), None);
    }
}
