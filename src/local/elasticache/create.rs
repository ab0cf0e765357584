//! Making cache clusters: what ElastiCache refuses, and what it makes of the rest.

use indexmap::IndexMap;

use super::cluster::{Cluster, Node};
use super::{bad_combination, invalid, parameters, refuse, subnet_groups, versions};
use crate::local::common::{MINUTE, SECOND, check_tags, host_part, is_identifier, spread, tags_at};
use crate::local::{Call, Cx, Element, Fault, State, Wearer, regions};

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let id = call.required("CacheClusterId")?.to_ascii_lowercase();
    if !is_identifier(&id, 50) {
        return invalid(
            "The parameter CacheClusterIdentifier is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.",
        );
    }
    let Some(engine) = call.text("Engine") else {
        return invalid("The parameter Engine must be provided and must not be blank.");
    };
    if engine == "valkey" {
        return invalid(
            "This API doesn't support Valkey engine. Please use CreateReplicationGroup API for Valkey cluster creation.",
        );
    }
    let version = versions::version(&engine, call.text("EngineVersion").as_deref())?;
    let Some(node_type) = call.text("CacheNodeType") else {
        return invalid("The parameter CacheNodeType must be provided and must not be blank.");
    };
    if !versions::is_node_type(&node_type) {
        return invalid(format!("Invalid Cache Node Type: {node_type}."));
    }
    let count = check_count(call, &engine)?;
    let (parameter_group, sharded) =
        parameters::fitting(state, cx, call.text("CacheParameterGroupName"), &engine, &version)?;
    if sharded {
        return bad_combination("A cluster with cluster mode enabled is made as a replication group.");
    }
    let port = call.int("Port").unwrap_or(if engine == "memcached" { 11211 } else { 6379 });
    if !(1..=65535).contains(&port) {
        return invalid(format!("Invalid port number: {port}. Must be between 1 and 65535."));
    }
    let snapshot_retention = call.int("SnapshotRetentionLimit").unwrap_or(0);
    if engine == "memcached" && snapshot_retention > 0 {
        return bad_combination("SnapshotRetentionLimit is not supported for engine memcached.");
    }
    let tags = tags_at(call, "Tags");
    check_tags(&tags, "InvalidParameterValue")?;
    if state.elasticache.region(&cx.region).clusters.contains_key(&id) {
        return refuse("CacheClusterAlreadyExists", "Cache cluster already exists");
    }
    let subnet_group =
        call.text("CacheSubnetGroupName").unwrap_or_else(|| "default".to_owned()).to_ascii_lowercase();
    let (vpc, subnets) = subnet_groups::place(state, cx, &subnet_group)?;
    let groups = groups(state, cx, call, &vpc)?;
    let zones = zones(call, &id, count, &subnets)?;
    let node =
        |(zone, number): (String, usize)| Node { id: format!("{number:04}"), zone, created_at: cx.now };
    let mut cluster = Cluster {
        parameter_group,
        booted: Default::default(),
        replication_group: None,
        encryption: Default::default(),
        host: (
            format!("{id}.{}", host_part(cx, "cache", 6)),
            format!("{}.cache.amazonaws.com", regions::short(&cx.region)),
        ),
        nodes: zones.into_iter().zip(1..).map(node).collect(),
        auto_minor: call.flag("AutoMinorVersionUpgrade").unwrap_or(true),
        maintenance_window: call
            .text("PreferredMaintenanceWindow")
            .unwrap_or_else(|| "sun:05:00-sun:06:00".to_owned()),
        available_at: cx.now + spread(&format!("cache create {id}"), 4 * MINUTE, 6 * MINUTE),
        created_at: cx.now,
        pending: IndexMap::new(),
        pending_at: cx.now,
        change: None,
        gone_at: None,
        failure: None,
        id: id.clone(),
        engine,
        version,
        node_type,
        port,
        groups,
        subnet_group,
        vpc,
        snapshot_retention,
        tags,
    };
    attach(state, cx, &cluster, &subnets);
    let region = state.elasticache.region(&cx.region);
    cluster.boot(&region.parameter_groups);
    let members = cluster.members(cx, region, false);
    region.clusters.insert(id, cluster);
    Ok(vec![Element::new("CacheCluster", members)])
}

/// An interface for each node, in the subnet of its zone.
pub(super) fn attach(state: &mut State, cx: &Cx, cluster: &Cluster, subnets: &[(String, String)]) {
    let of =
        |node: &Node| subnets.iter().find(|(_, zone)| *zone == node.zone).map(|(subnet, _)| subnet.clone());
    let subnets: Vec<String> = cluster.nodes.iter().filter_map(of).collect();
    let name = format!("elasticache/{}", cluster.id);
    let description = format!("ElastiCache {}", cluster.id);
    state.attach(
        cx,
        &Wearer { name: &name, description: &description, groups: &cluster.groups, subnets: &subnets },
    );
}

fn check_count(call: &Call, engine: &str) -> Result<usize, Fault> {
    let Some(count) = call.int("NumCacheNodes") else {
        return invalid("The parameter NumCacheNodes must be provided and must not be blank.");
    };
    if engine != "memcached" && count != 1 {
        return bad_combination(format!(
            "Cannot create a {engine} cluster with a NumCacheNodes parameter greater than 1."
        ));
    }
    if !(1..=40).contains(&count) {
        return refuse(
            "NodeQuotaForClusterExceeded",
            format!("The number of nodes {count} is not between 1 and 40, the quota for a cluster."),
        );
    }
    let cross = call.text("AZMode").as_deref() == Some("cross-az");
    if cross && count < 2 {
        return bad_combination("Cross-AZ mode requires at least 2 cache nodes.");
    }
    if cross && engine != "memcached" {
        return bad_combination(format!("AZMode is not supported for engine {engine}."));
    }
    Ok(usize::try_from(count).unwrap_or(1))
}

/// A zone for each node: those that were asked for, else one for all, else all in turn (`cross-az`).
fn zones(call: &Call, id: &str, count: usize, subnets: &[(String, String)]) -> Result<Vec<String>, Fault> {
    let asked = call.texts("PreferredAvailabilityZones");
    if !asked.is_empty() && asked.len() != count {
        return bad_combination("The number of PreferredAvailabilityZones must match NumCacheNodes.");
    }
    let asked = if asked.is_empty() {
        call.text("PreferredAvailabilityZone").map(|zone| vec![zone; count]).unwrap_or_default()
    } else {
        asked
    };
    let known: Vec<&String> = subnets.iter().map(|(_, zone)| zone).collect();
    if let Some(zone) = asked.iter().find(|zone| !known.contains(zone)) {
        return invalid(format!("{zone} is not in the VPC of the cache subnet group."));
    }
    if !asked.is_empty() {
        return Ok(asked);
    }
    let first = usize::try_from(spread(id, 0, 60 * SECOND) / SECOND).unwrap_or(0);
    let step = usize::from(call.text("AZMode").as_deref() == Some("cross-az"));
    let zone = |at: usize| known.get((first + at * step) % known.len().max(1)).map(|zone| (*zone).clone());
    Ok((0..count).filter_map(zone).collect())
}

/// The security groups of a request, checked; the VPC's default group when there are none.
pub(super) fn groups(state: &mut State, cx: &Cx, call: &Call, vpc: &str) -> Result<Vec<String>, Fault> {
    let region = state.ec2.region(&cx.region);
    let groups = call.texts("SecurityGroupIds");
    if groups.is_empty() {
        return Ok(region.default_group().into_iter().collect());
    }
    match region.stranger(&groups, vpc) {
        Some(stranger) => invalid(format!(
            "Some security groups are not valid or not in the VPC of the cache subnet group: {stranger}"
        )),
        None => Ok(groups),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::{Client, count, find, text};

    const GOOD: [(&str, &str); 4] = [
        ("CacheClusterId", "Cache"),
        ("Engine", "memcached"),
        ("CacheNodeType", "cache.t3.micro"),
        ("NumCacheNodes", "2"),
    ];

    fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        GOOD.iter().copied().filter(|(given, _)| *given != name).chain([(name, value)]).collect()
    }

    #[test]
    fn a_cluster_comes_up_with_its_nodes() {
        let client = Client::new();
        let reply = client.query("elasticache", "CreateCacheCluster", &GOOD).unwrap();
        assert_eq!(text(&reply, "CreateCacheClusterResult/CacheCluster/CacheClusterStatus"), "creating");
        assert_eq!(find(&reply, "CreateCacheClusterResult/CacheCluster/ConfigurationEndpoint/Address"), None);
        client.wait(360);
        let params = [("CacheClusterId", "cache"), ("ShowCacheNodeInfo", "true")];
        let reply = client.query("elasticache", "DescribeCacheClusters", &params).unwrap();
        let cluster = "DescribeCacheClustersResult/CacheClusters/CacheCluster";
        assert_eq!(text(&reply, &format!("{cluster}/CacheClusterStatus")), "available");
        let endpoint = text(&reply, &format!("{cluster}/ConfigurationEndpoint/Address"));
        assert!(
            endpoint.starts_with("cache.c") && endpoint.ends_with(".cfg.use1.cache.amazonaws.com"),
            "{endpoint}"
        );
        assert_eq!(count(&reply, &format!("{cluster}/CacheNodes/CacheNode")), 2);
        assert_eq!(text(&reply, &format!("{cluster}/CacheNodes/CacheNode.1/CacheNodeId")), "0002");
        assert_eq!(
            client.query("elasticache", "CreateCacheCluster", &GOOD).unwrap_err(),
            "CacheClusterAlreadyExists"
        );
    }

    #[test]
    fn what_elasticache_refuses() {
        let client = Client::new();
        for (name, value, code) in [
            ("CacheClusterId", "9cache", "InvalidParameterValue"),
            ("Engine", "memcache", "InvalidParameterValue"),
            ("Engine", "redis", "InvalidParameterCombination"),
            ("Engine", "valkey", "InvalidParameterValue"),
            ("EngineVersion", "9.9", "InvalidParameterCombination"),
            ("CacheNodeType", "t3.micro", "InvalidParameterValue"),
            ("NumCacheNodes", "41", "NodeQuotaForClusterExceeded"),
            ("CacheSubnetGroupName", "nope", "CacheSubnetGroupNotFoundFault"),
            ("SecurityGroupIds.SecurityGroupId.1", "sg-0", "InvalidParameterValue"),
            (
                "PreferredAvailabilityZones.PreferredAvailabilityZone.1",
                "us-east-1a",
                "InvalidParameterCombination",
            ),
        ] {
            let refusal = client.query("elasticache", "CreateCacheCluster", &with(name, value)).unwrap_err();
            assert_eq!(refusal, code, "{name} {value}");
        }
    }
}
