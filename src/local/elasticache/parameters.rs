//! Cache parameter groups, and the parameters of the engines: those that people set, and some more.

use indexmap::IndexMap;

use super::{invalid, refuse, versions};
use crate::local::common::{self, records};
use crate::local::parameters::{Parameter, ParameterGroup, after_reboot, check_name, dynamic, given, kept};
use crate::local::{Call, Cx, Element, Fault, State};

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

fn table(family: &str) -> &'static [Parameter] {
    if family.starts_with("memcached") { &MEMCACHED } else { &REDIS }
}

/// A group's values that hold after a reboot only.
pub(super) fn held_back(groups: &IndexMap<String, ParameterGroup>, name: &str) -> IndexMap<String, String> {
    groups.get(name).map(|group| group.after_reboot(table(&group.family))).unwrap_or_default()
}

/// What ElastiCache says of a parameter group that does not exist.
pub(super) fn missing(name: &str) -> Fault {
    Fault::new(404, "CacheParameterGroupNotFound", format!("CacheParameterGroup not found: {name}"))
}

/// AWS's own groups: one for each family, and one for Redis and Valkey in cluster mode.
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

fn group(state: &mut State, cx: &Cx, name: &str) -> Result<ParameterGroup, Fault> {
    if let Some(own) = defaults().into_iter().find(|group| group.name == name) {
        return Ok(own);
    }
    state.elasticache.region(&cx.region).parameter_groups.get(name).cloned().ok_or_else(|| missing(name))
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
    let group = group(state, cx, &name)?;
    if group.family != family {
        return super::bad_combination(format!(
            "Expected a parameter group of family {family} but found one of family {}",
            group.family
        ));
    }
    let sharded = group.values.get("cluster-enabled").is_some_and(|value| value == "yes");
    Ok((name, sharded))
}

fn members(cx: &Cx, group: &ParameterGroup) -> Vec<Element> {
    vec![
        Element::text("CacheParameterGroupName", &group.name),
        Element::text("CacheParameterGroupFamily", &group.family),
        Element::text("Description", &group.description),
        Element::text("IsGlobal", false),
        Element::text("ARN", common::arn(cx, "elasticache", &format!("parametergroup:{}", group.name))),
    ]
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let group = ParameterGroup::asked(call, "Cache")?;
    if !versions::families().contains(&group.family.as_str()) {
        return invalid(format!(
            "CacheParameterGroupFamily {} is not a valid parameter group family.",
            group.family
        ));
    }
    let groups = &mut state.elasticache.region(&cx.region).parameter_groups;
    if groups.contains_key(&group.name) {
        let message = format!("Cache parameter group {} already exists.", group.name);
        return refuse("CacheParameterGroupAlreadyExists", message);
    }
    let members = members(cx, &group);
    groups.insert(group.name.clone(), group);
    Ok(vec![Element::new("CacheParameterGroup", members)])
}

/// A group of the user's that a request is to change.
fn own<'a>(state: &'a mut State, cx: &Cx, call: &Call) -> Result<&'a mut ParameterGroup, Fault> {
    let name = call.required("CacheParameterGroupName")?.to_ascii_lowercase();
    check_name(&name, "Cache")?;
    state.elasticache.region(&cx.region).parameter_groups.get_mut(&name).ok_or_else(|| missing(&name))
}

pub fn modify(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let given = given(call, "ParameterNameValues")?;
    let group = own(state, cx, call)?;
    if given.is_empty() {
        return invalid("The parameter ParameterNameValues must be provided and must not be blank.");
    }
    group.set(table(&group.family), &given)?;
    Ok(vec![Element::text("CacheParameterGroupName", &group.name)])
}

pub fn reset(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let given = given(call, "ParameterNameValues")?;
    let all = call.flag("ResetAllParameters") == Some(true);
    let group = own(state, cx, call)?;
    group.reset(table(&group.family), &given, all)?;
    Ok(vec![Element::text("CacheParameterGroupName", &group.name)])
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = own(state, cx, call)?.name.clone();
    let region = state.elasticache.region(&cx.region);
    if region.clusters.values().any(|it| it.parameter_group == name) {
        let message = "One or more cache clusters are still members of this parameter group, so the group cannot be deleted.";
        return refuse("InvalidCacheParameterGroupState", message);
    }
    region.parameter_groups.shift_remove(&name);
    Ok(vec![])
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let groups = match call.text("CacheParameterGroupName") {
        Some(name) => vec![group(state, cx, &name.to_ascii_lowercase())?],
        None => {
            let own = state.elasticache.region(&cx.region).parameter_groups.values().cloned();
            own.chain(defaults()).collect()
        }
    };
    let (groups, marker) = records(call, groups)?;
    let items = groups.iter().map(|group| members(cx, group));
    let list = Element::list("CacheParameterGroups", "CacheParameterGroup", items);
    Ok([list].into_iter().chain(marker).collect())
}

/// The parameters of a group, as far as the request asks for their source.
fn parameters(group: &ParameterGroup, source: Option<&str>) -> Vec<Vec<Element>> {
    let one = |parameter: &Parameter| {
        let (value, from) = group.value(parameter);
        // AWS calls its own groups' values its own.
        let from = if from == "user" && group.name.starts_with("default.") { "system" } else { from };
        if source.is_some_and(|source| source != from) {
            return None;
        }
        let mut members = vec![Element::text("ParameterName", parameter.name)];
        members.extend(value.map(|value| Element::text("ParameterValue", value)));
        members.push(Element::text("Source", from));
        members.push(Element::text("DataType", parameter.data_type));
        if !parameter.allowed.is_empty() {
            members.push(Element::text("AllowedValues", parameter.allowed));
        }
        members.push(Element::text("IsModifiable", parameter.modifiable));
        let change = if parameter.dynamic { "immediate" } else { "requires-reboot" };
        members.push(Element::text("ChangeType", change));
        Some(members)
    };
    table(&group.family).iter().filter_map(one).collect()
}

pub fn describe_parameters(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = call.required("CacheParameterGroupName")?.to_ascii_lowercase();
    let group = group(state, cx, &name)?;
    let (found, marker) = records(call, parameters(&group, call.text("Source").as_deref()))?;
    let none = Element::new("CacheNodeTypeSpecificParameters", vec![]);
    Ok([Element::list("Parameters", "Parameter", found), none].into_iter().chain(marker).collect())
}

pub fn describe_defaults(call: &Call) -> Result<Vec<Element>, Fault> {
    let family = call.required("CacheParameterGroupFamily")?;
    if !versions::families().contains(&family.as_str()) {
        return invalid(format!("CacheParameterGroupFamily {family} is not a valid parameter group family."));
    }
    let (found, marker) = records(call, parameters(&ParameterGroup::default_of(&family), None))?;
    let mut members = vec![Element::text("CacheParameterGroupFamily", family)];
    members.extend(marker);
    members.push(Element::list("Parameters", "Parameter", found));
    members.push(Element::new("CacheNodeTypeSpecificParameters", vec![]));
    Ok(vec![Element::new("EngineDefaults", members)])
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
