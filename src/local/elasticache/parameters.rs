//! Cache parameter groups, and the parameters of the engines: those that people set, and some more.

use indexmap::IndexMap;

use super::{invalid, versions};
use crate::local::common;
use crate::local::parameters::{
    Given, GroupService, Parameter, ParameterGroup, Refusal, after_reboot, dynamic, group, kept,
};
use crate::local::{Cx, Element, Fault, State};

/// From "Memcached specific parameters" of the ElastiCache user guide.
const MEMCACHED: [Parameter; 10] = [
    kept("backlog_queue_limit", "integer", "1024"),
    after_reboot("binding_protocol", "string", "auto", "auto,binary,ascii"),
    after_reboot("chunk_size", "integer", "48", "1-1024"),
    after_reboot("chunk_size_growth_factor", "float", "1.25", ""),
    after_reboot("disable_flush_all", "boolean", "0", "0,1"),
    after_reboot("error_on_memory_exhausted", "boolean", "0", "0,1"),
    after_reboot("hash_algorithm", "string", "murmur3", "jenkins,murmur3"),
    after_reboot("max_item_size", "integer", "1048576", "1024-1073741824"),
    kept("max_simultaneous_connections", "integer", "65000"),
    after_reboot("memcached_connections_overhead", "integer", "100", "0-1000000"),
];

/// From "Valkey and Redis OSS parameters" of the ElastiCache user guide.
const REDIS: [Parameter; 14] = [
    dynamic("activedefrag", "string", "no", "yes,no"),
    kept("appendonly", "string", "no"),
    dynamic("close-on-replica-write", "string", "yes", "yes,no"),
    after_reboot("cluster-enabled", "string", "no", "yes,no"),
    after_reboot("databases", "integer", "16", "1-1200000"),
    dynamic("lazyfree-lazy-eviction", "string", "no", "yes,no"),
    dynamic(
        "maxmemory-policy",
        "string",
        "volatile-lru",
        "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction",
    ),
    dynamic("maxmemory-samples", "integer", "3", "1-2147483647"),
    dynamic("notify-keyspace-events", "string", "", ""),
    dynamic("reserved-memory-percent", "integer", "25", "0-100"),
    dynamic("slowlog-log-slower-than", "integer", "10000", "-1-2147483647"),
    dynamic("slowlog-max-len", "integer", "128", "0-2147483647"),
    dynamic("tcp-keepalive", "integer", "300", "0-2147483647"),
    dynamic("timeout", "integer", "0", "0,20-2147483647"),
];

/// The parameter groups of ElastiCache.
pub(super) struct Groups;

impl GroupService for Groups {
    const PREFIX: &str = "Cache";
    const GIVEN: &str = "ParameterNameValues";

    fn own<'a>(state: &'a mut State, cx: &Cx) -> &'a mut IndexMap<String, ParameterGroup> {
        &mut state.elasticache.region(&cx.region).parameter_groups
    }

    /// One for each family, and one for Redis and Valkey in cluster mode.
    fn defaults() -> Vec<ParameterGroup> {
        let mut groups = Vec::new();
        for family in versions::families() {
            groups.push(ParameterGroup::default_of(family));
            if !family.starts_with("memcached") {
                let mut group = ParameterGroup::default_of(family);
                group.name += ".cluster.on";
                group.description += " with cluster mode on";
                group.values.insert("cluster-enabled".to_owned(), "yes".to_owned());
                groups.push(group);
            }
        }
        groups
    }

    fn families() -> Vec<&'static str> {
        versions::families()
    }

    fn table(family: &str) -> &'static [Parameter] {
        if family.starts_with("memcached") { &MEMCACHED } else { &REDIS }
    }

    fn is_used(state: &mut State, cx: &Cx, name: &str) -> bool {
        state.elasticache.region(&cx.region).clusters.values().any(|it| it.parameter_group == name)
    }

    fn members(cx: &Cx, group: &ParameterGroup) -> Vec<Element> {
        vec![
            Element::text("IsGlobal", false),
            Element::text("ARN", common::arn(cx, "elasticache", &format!("parametergroup:{}", group.name))),
        ]
    }

    fn parameter(parameter: &Parameter) -> Vec<Element> {
        vec![Element::text("ChangeType", if parameter.dynamic { "immediate" } else { "requires-reboot" })]
    }

    fn beside() -> Option<Element> {
        Some(Element::new("CacheNodeTypeSpecificParameters", vec![]))
    }

    fn check_given(given: &[Given]) -> Result<(), Fault> {
        match given.is_empty() {
            true => invalid("The parameter ParameterNameValues must be provided and must not be blank."),
            false => Ok(()),
        }
    }

    fn refusal(why: Refusal, name: &str) -> Fault {
        let (status, code, message) = match why {
            Refusal::Missing => {
                (404, "CacheParameterGroupNotFound", format!("CacheParameterGroup not found: {name}"))
            }
            Refusal::Exists => (
                400,
                "CacheParameterGroupAlreadyExists",
                format!("Cache parameter group {name} already exists."),
            ),
            Refusal::Used => (
                400,
                "InvalidCacheParameterGroupState",
                "One or more cache clusters are still members of this parameter group, so the group cannot be deleted."
                    .to_owned(),
            ),
            Refusal::NoFamily => (
                400,
                "InvalidParameterValue",
                format!("CacheParameterGroupFamily {name} is not a valid parameter group family."),
            ),
        };
        Fault::new(status, code, message)
    }
}

/// What ElastiCache says of a parameter group that does not exist.
pub(super) fn missing(name: &str) -> Fault {
    Groups::refusal(Refusal::Missing, name)
}

/// A group's values that hold after a reboot only.
pub(super) fn held_back(groups: &IndexMap<String, ParameterGroup>, name: &str) -> IndexMap<String, String> {
    groups.get(name).map(|group| group.after_reboot(Groups::table(&group.family))).unwrap_or_default()
}

/// The group that a request gives to clusters of a version; by default AWS's own. Gives as well whether it turns
/// cluster mode on.
pub(super) fn fitting(
    state: &mut State,
    cx: &Cx,
    name: Option<String>,
    engine: &str,
    version: &str,
) -> Result<(String, bool), Fault> {
    let family = versions::family(engine, version);
    let Some(name) = name.map(|name| name.to_ascii_lowercase()) else {
        return Ok((format!("default.{family}"), false));
    };
    let group = group::<Groups>(state, cx, &name)?;
    if group.family != family {
        return super::bad_combination(format!(
            "Expected a parameter group of family {family} but found one of family {}",
            group.family
        ));
    }
    let sharded = group.values.get("cluster-enabled").is_some_and(|value| value == "yes");
    Ok((name, sharded))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::{Client, text};

    #[test]
    fn a_memcached_cluster_takes_parameters_when_its_nodes_are_rebooted() {
        let client = Client::new();
        let call = |operation: &str, params: &[(&str, &str)]| client.query("elasticache", operation, params);
        let group = ("CacheParameterGroupName", "big");
        let made = [group, ("CacheParameterGroupFamily", "memcached1.6"), ("Description", "d")];
        call("CreateCacheParameterGroup", &made).unwrap();
        assert_eq!(call("CreateCacheParameterGroup", &made).unwrap_err(), "CacheParameterGroupAlreadyExists");
        let set = |name: &str, value: &str| {
            let pair = [
                group,
                ("ParameterNameValues.ParameterNameValue.1.ParameterName", name),
                ("ParameterNameValues.ParameterNameValue.1.ParameterValue", value),
            ];
            call("ModifyCacheParameterGroup", &pair).map(|_| ())
        };
        let cluster = [
            ("CacheClusterId", "cache"),
            ("Engine", "memcached"),
            ("CacheNodeType", "cache.t3.micro"),
            ("NumCacheNodes", "1"),
            group,
        ];
        call("CreateCacheCluster", &cluster).unwrap();
        client.wait(360);
        assert_eq!(set("max_item_size", "1").unwrap_err(), "InvalidParameterValue");
        set("max_item_size", "2097152").unwrap();
        let seen = |path: &str| {
            let reply = call("DescribeCacheClusters", &[]).unwrap();
            text(
                &reply,
                &format!("DescribeCacheClustersResult/CacheClusters/CacheCluster/CacheParameterGroup/{path}"),
            )
        };
        assert_eq!(seen("ParameterApplyStatus"), "pending-reboot");
        assert_eq!(seen("CacheNodeIdsToReboot/CacheNodeId"), "0001");
        let reboot = [("CacheClusterId", "cache"), ("CacheNodeIdsToReboot.CacheNodeId.1", "0001")];
        call("RebootCacheCluster", &reboot).unwrap();
        client.wait(90);
        assert_eq!(seen("ParameterApplyStatus"), "in-sync");
        assert_eq!(
            call("DeleteCacheParameterGroup", &[group]).unwrap_err(),
            "InvalidCacheParameterGroupState"
        );
        let wrong = [("CacheClusterId", "cache"), ("CacheParameterGroupName", "default.redis7")];
        assert_eq!(call("ModifyCacheCluster", &wrong).unwrap_err(), "InvalidParameterCombination");
    }
}
