//! Changing and deleting replication groups: one change at a time.

use super::cluster::Change;
use super::create::groups;
use super::replication::{ReplicationGroup, Shard, Snapshot, missing};
use super::replication_create::{check_token, fill};
use super::{bad_combination, invalid, parameters, refuse, subnet_groups, versions};
use crate::local::common::{MINUTE, SECOND, is_identifier, spread};
use crate::local::{Call, Cx, Element, Fault, State, rds};

/// The group that a call is to change, which must be at nothing else.
fn ready(state: &mut State, cx: &Cx, call: &Call) -> Result<ReplicationGroup, Fault> {
    let id = call.required("ReplicationGroupId")?.to_ascii_lowercase();
    let region = state.elasticache.region(&cx.region);
    let group = region.replication_groups.get(&id).cloned().ok_or_else(|| missing(&id))?;
    let busy =
        |member: &String| region.clusters.get(member).is_some_and(|it| it.status(cx.now) != "available");
    if group.status(cx.now) != "available" || group.change.is_some() || group.members().iter().any(busy) {
        return refuse(
            "InvalidReplicationGroupState",
            format!("Replication group {id} is not in available state."),
        );
    }
    Ok(group)
}

fn reply(state: &mut State, cx: &Cx, group: ReplicationGroup) -> Vec<Element> {
    let region = state.elasticache.region(&cx.region);
    region.replication_groups.insert(group.id.clone(), group.clone());
    vec![Element::new("ReplicationGroup", group.elements(cx, region))]
}

/// A change of a group that shows in a moment.
fn under_way(group: &mut ReplicationGroup, now: i64, what: &str, from: i64, to: i64) -> Change {
    let starts_at = now + 5 * SECOND;
    let took = spread(&format!("group {what} {}", group.id), from, to);
    let change = Change { status: "modifying".to_owned(), starts_at, ends_at: starts_at + took };
    group.change = Some(change.clone());
    change
}

/// What this local cloud can modify.
const KNOWN: [&str; 18] = [
    "ApplyImmediately",
    "AuthToken",
    "AuthTokenUpdateStrategy",
    "AutoMinorVersionUpgrade",
    "AutomaticFailoverEnabled",
    "CacheNodeType",
    "CacheParameterGroupName",
    "Engine",
    "EngineVersion",
    "MultiAZEnabled",
    "PreferredMaintenanceWindow",
    "ReplicationGroupDescription",
    "ReplicationGroupId",
    "SecurityGroupIds",
    "SnapshotRetentionLimit",
    "SnapshotWindow",
    "TransitEncryptionEnabled",
    "TransitEncryptionMode",
];

pub fn modify(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut group = ready(state, cx, call)?;
    let given: Vec<String> =
        call.params.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
    if let Some(unknown) = given.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        return invalid(format!("The local cloud cannot modify {unknown}"));
    }
    let own: Vec<&String> = given
        .iter()
        .filter(|name| !matches!(name.as_str(), "ReplicationGroupId" | "ApplyImmediately"))
        .collect();
    if own.is_empty() {
        return bad_combination("No modifications were requested");
    }
    if call.text("AuthToken").is_some() {
        rotate(cx, call, &mut group, own.len())?;
        return Ok(reply(state, cx, group));
    }
    transit(state, cx, call, &mut group)?;
    failover(cx, call, &mut group)?;
    members(state, cx, call, &mut group)?;
    group.description = call.text("ReplicationGroupDescription").unwrap_or(group.description);
    group.snapshot_window = call.text("SnapshotWindow").unwrap_or(group.snapshot_window);
    group.auto_minor = call.flag("AutoMinorVersionUpgrade").unwrap_or(group.auto_minor);
    let retention = call.int("SnapshotRetentionLimit").unwrap_or(group.snapshot_retention);
    if !(0..=35).contains(&retention) {
        return invalid(format!("Invalid SnapshotRetentionLimit: {retention}."));
    }
    group.snapshot_retention = retention;
    Ok(reply(state, cx, group))
}

/// Takes another token beside the old one.
fn rotate(cx: &Cx, call: &Call, group: &mut ReplicationGroup, given: usize) -> Result<(), Fault> {
    let token = call.text("AuthToken").unwrap_or_default();
    check_token(&token)?;
    if !group.encryption.in_transit {
        return bad_combination("AuthToken needs TransitEncryptionEnabled.");
    }
    if given > 2 {
        return bad_combination("An AUTH token cannot be modified together with other parameters.");
    }
    if call.text("AuthTokenUpdateStrategy").as_deref() != Some("ROTATE") {
        return bad_combination("The local cloud takes a token with the strategy ROTATE.");
    }
    group.rotating = true;
    under_way(group, cx.now, "token", MINUTE, 2 * MINUTE);
    Ok(())
}

/// From which version on clients can be moved to TLS and back.
const TLS_IN_PLACE: &str = "7.0.5";

/// Lets clients connect with TLS or without: from one to the other by way of both.
fn transit(state: &mut State, cx: &Cx, call: &Call, group: &mut ReplicationGroup) -> Result<(), Fault> {
    let (enabled, mode) = (call.flag("TransitEncryptionEnabled"), call.text("TransitEncryptionMode"));
    if enabled.is_none() && mode.is_none() {
        return Ok(());
    }
    let region = state.elasticache.region(&cx.region);
    let first = group.members().first().and_then(|id| region.clusters.get(id));
    if let Some(first) = first.filter(|first| rds::is_older(&first.version, TLS_IN_PLACE)) {
        return bad_combination(format!(
            "Encryption in transit cannot be modified for {} {}.",
            first.engine, first.version
        ));
    }
    let has = group.encryption.in_transit;
    let pending = match (has, group.preferred, enabled, mode.as_deref()) {
        (false, _, Some(true), Some("preferred")) => (true, true),
        (false, ..) => {
            return bad_combination(
                "TransitEncryptionEnabled needs TransitEncryptionMode preferred at first.",
            );
        }
        (true, true, Some(false), _) if group.encryption.token => {
            return bad_combination("A group with an AUTH token needs encryption in transit.");
        }
        (true, true, Some(false), None) => (false, false),
        (true, false, Some(false), _) => {
            return bad_combination("TransitEncryptionMode must be preferred before encryption is disabled.");
        }
        (true, _, _, Some("preferred")) => (true, true),
        (true, true, _, Some("required")) => (true, false),
        (true, false, _, Some("required") | None) => return Ok(()),
        _ => return bad_combination("TransitEncryptionMode is preferred or required."),
    };
    group.pending_transit = Some(pending);
    under_way(group, cx.now, "transit", 4 * MINUTE, 8 * MINUTE);
    Ok(())
}

fn failover(cx: &Cx, call: &Call, group: &mut ReplicationGroup) -> Result<(), Fault> {
    let failover = call.flag("AutomaticFailoverEnabled").unwrap_or(group.failover);
    let multi_az = call.flag("MultiAZEnabled").unwrap_or(group.multi_az);
    let replicas = group.shards.iter().map(|shard| shard.members.len()).min().unwrap_or(1) - 1;
    if group.sharded && !failover {
        return bad_combination(
            "Automatic failover must be enabled for replication groups with cluster mode enabled.",
        );
    }
    if failover && !group.sharded && replicas == 0 {
        return bad_combination("Automatic failover needs at least 2 cache clusters.");
    }
    if multi_az && (!failover || replicas == 0) {
        return bad_combination("Multi-AZ needs automatic failover and at least one replica.");
    }
    group.multi_az = multi_az;
    if failover != group.failover {
        group.pending_failover = Some(failover);
        under_way(group, cx.now, "failover", MINUTE, 2 * MINUTE);
    }
    Ok(())
}

/// What a modification changes in the members.
fn members(state: &mut State, cx: &Cx, call: &Call, group: &mut ReplicationGroup) -> Result<(), Fault> {
    let ids = group.members();
    let region = state.elasticache.region(&cx.region);
    let Some(mut model) = ids.first().and_then(|id| region.clusters.get(id)).cloned() else { return Ok(()) };
    let engine = call.text("Engine").unwrap_or_else(|| model.engine.clone());
    if engine != model.engine && engine != "valkey" {
        return bad_combination(format!("Cannot change the engine from {} to {engine}.", model.engine));
    }
    let asked = call.text("EngineVersion");
    let version = match (&asked, engine == model.engine) {
        (None, true) => model.version.clone(),
        (asked, _) => versions::version(&engine, asked.as_deref())?,
    };
    if engine == model.engine && rds::is_older(&version, &model.version) {
        return bad_combination(format!("Cannot downgrade from {} to {version}.", model.version));
    }
    let node_type = call.text("CacheNodeType").unwrap_or_else(|| model.node_type.clone());
    if !versions::is_node_type(&node_type) {
        return invalid(format!("Invalid Cache Node Type: {node_type}."));
    }
    let given = call.text("CacheParameterGroupName");
    let own = !model.parameter_group.starts_with("default.");
    let default = format!(
        "default.{}{}",
        versions::family(&engine, &version),
        if group.sharded { ".cluster.on" } else { "" }
    );
    let stays = if own { model.parameter_group.clone() } else { default };
    let (parameter_group, sharded) =
        parameters::fitting(state, cx, Some(given.unwrap_or(stays)), &engine, &version)?;
    if sharded != group.sharded {
        return bad_combination("A parameter group cannot turn cluster mode on or off.");
    }
    let window = call.text("PreferredMaintenanceWindow").unwrap_or_else(|| model.maintenance_window.clone());
    if rds::next_window(&window, 0, 0).is_none() {
        return invalid(format!("Invalid maintenance window format: {window}"));
    }
    if call.params.get("SecurityGroupIds").is_some() {
        model.groups = groups(state, cx, call, &model.vpc.clone())?;
        for id in &ids {
            state.regroup(cx, &format!("elasticache/{id}"), &model.groups);
        }
    }
    let wanted = [
        ("Engine", &engine, &model.engine),
        ("EngineVersion", &version, &model.version),
        ("CacheNodeType", &node_type, &model.node_type),
    ];
    let pending: Vec<(String, String)> = wanted
        .into_iter()
        .filter(|(_, wanted, has)| wanted != has)
        .map(|(name, wanted, _)| (name.to_owned(), wanted.clone()))
        .collect();
    let moves = !pending.is_empty() && call.flag("ApplyImmediately") == Some(true);
    let change = moves.then(|| under_way(group, cx.now, "move", 8 * MINUTE, 12 * MINUTE));
    let region = state.elasticache.region(&cx.region);
    for member in region.clusters.values_mut().filter(|cluster| ids.contains(&cluster.id)) {
        member.groups.clone_from(&model.groups);
        member.parameter_group.clone_from(&parameter_group);
        member.maintenance_window.clone_from(&window);
        member.pending.extend(pending.iter().cloned());
        member.pending_at = cx.now;
        member.change = change.clone().or(member.change.take());
    }
    Ok(())
}

/// The number of replicas that a call asks for, for each shard.
fn wanted_replicas(call: &Call) -> Result<usize, Fault> {
    match call.int("NewReplicaCount") {
        Some(count) if (0..=5).contains(&count) => Ok(usize::try_from(count).unwrap_or(0)),
        Some(count) => invalid(format!("The number of replicas {count} must be between 0 and 5.")),
        None => bad_combination("The local cloud takes NewReplicaCount."),
    }
}

fn check_immediate(call: &Call) -> Result<(), Fault> {
    match call.flag("ApplyImmediately") {
        Some(true) => Ok(()),
        _ => invalid("ApplyImmediately must be true."),
    }
}

pub fn increase(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut group = ready(state, cx, call)?;
    check_immediate(call)?;
    let count = wanted_replicas(call)? + 1;
    let has = group.shards.iter().map(|shard| shard.members.len()).min().unwrap_or(1);
    if count <= has {
        return refuse("NoOperationFault", "The replication group has as many replicas already.");
    }
    let change = under_way(&mut group, cx.now, "more replicas", 5 * MINUTE, 8 * MINUTE);
    let id = group.id.clone();
    reply(state, cx, group);
    grow(state, cx, &id, count, change.ends_at)
}

/// Gives each shard so many members; the new ones can be used at a time.
fn grow(state: &mut State, cx: &Cx, id: &str, count: usize, at: i64) -> Result<Vec<Element>, Fault> {
    let region = state.elasticache.region(&cx.region);
    let first = region.replication_groups.get(id).and_then(|group| group.members().first().cloned());
    let Some(mut model) = first.and_then(|first| region.clusters.get(&first)).cloned() else {
        return Err(missing(id));
    };
    (model.created_at, model.available_at) = (cx.now, at);
    let (_, subnets) = subnet_groups::place(state, cx, &model.subnet_group)?;
    fill(state, cx, id, count, &model, &subnets);
    let group = state.elasticache.region(&cx.region).replication_groups.get(id).cloned();
    Ok(group.map(|group| reply(state, cx, group)).unwrap_or_default())
}

pub fn decrease(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut group = ready(state, cx, call)?;
    check_immediate(call)?;
    let count = wanted_replicas(call)? + 1;
    let has = group.shards.iter().map(|shard| shard.members.len()).max().unwrap_or(1);
    if count >= has {
        return refuse("NoOperationFault", "The replication group has as few replicas already.");
    }
    if count == 1 && (group.multi_az || (group.failover && !group.sharded)) {
        return bad_combination("Automatic failover and Multi-AZ need at least one replica.");
    }
    let change = under_way(&mut group, cx.now, "fewer replicas", 2 * MINUTE, 4 * MINUTE);
    let gone = group.shards.iter().flat_map(|shard| shard.members.iter().skip(count).cloned());
    let gone: Vec<String> = gone.collect();
    let members = reply(state, cx, group);
    remove(state, cx, &gone, change.ends_at);
    Ok(members)
}

/// Lets members go at a time.
fn remove(state: &mut State, cx: &Cx, members: &[String], at: i64) {
    for id in members {
        state.detach(cx, &format!("elasticache/{id}"), at);
        if let Some(cluster) = state.elasticache.region(&cx.region).clusters.get_mut(id) {
            cluster.gone_at = Some(at);
        }
    }
}

pub fn reshard(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut group = ready(state, cx, call)?;
    check_immediate(call)?;
    if !group.sharded {
        return bad_combination("The replication group is not in cluster mode.");
    }
    let Some(count) = call.int("NodeGroupCount").and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0)
    else {
        return invalid("NodeGroupCount must be positive.");
    };
    let gone = call.texts("NodeGroupsToRemove");
    let has = group.shards.len();
    if count == has {
        return bad_combination("No modifications were requested");
    }
    if count < has && gone.len() != has - count {
        return bad_combination("NodeGroupsToRemove must name the node groups that go.");
    }
    let change = under_way(&mut group, cx.now, "reshard", 8 * MINUTE, 15 * MINUTE);
    if count < has {
        let leaving = group.shards.iter().filter(|shard| gone.contains(&shard.id));
        let leaving: Vec<String> = leaving.flat_map(|shard| shard.members.clone()).collect();
        let members = reply(state, cx, group);
        remove(state, cx, &leaving, change.ends_at);
        return Ok(members);
    }
    let each = group.shards.iter().map(|shard| shard.members.len()).max().unwrap_or(1);
    let mut number = 0;
    while group.shards.len() < count {
        number += 1;
        let id = format!("{number:04}");
        if !group.shards.iter().any(|shard| shard.id == id) {
            group.shards.push(Shard { id, members: vec![] });
        }
    }
    let id = group.id.clone();
    reply(state, cx, group);
    grow(state, cx, &id, each, change.ends_at)
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut group = ready(state, cx, call)?;
    if call.flag("RetainPrimaryCluster") == Some(true) {
        return bad_combination("The local cloud does not retain primary clusters.");
    }
    let mut took = spread(&format!("group delete {}", group.id), 4 * MINUTE, 7 * MINUTE);
    if let Some(name) = call.text("FinalSnapshotIdentifier") {
        if !is_identifier(&name, 255) {
            return invalid(format!(
                "The parameter FinalSnapshotIdentifier is not a valid identifier: {name}"
            ));
        }
        let region = state.elasticache.region(&cx.region);
        if region.snapshots.contains_key(&name) {
            return refuse("SnapshotAlreadyExistsFault", format!("Snapshot {name} already exists."));
        }
        let first = group.members().first().and_then(|id| region.clusters.get(id)).cloned();
        region.snapshots.insert(name.clone(), Snapshot::of(&group, first.as_ref(), &name, cx.now));
        took += 3 * MINUTE;
    }
    group.gone_at = Some(cx.now + took);
    let members = group.members();
    let elements = reply(state, cx, group);
    remove(state, cx, &members, cx.now + took);
    Ok(elements)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::{Client, count, find, text};

    fn call(client: &Client, operation: &str, extra: &[(&str, &str)]) -> Result<(), String> {
        let params: Vec<_> = [("ReplicationGroupId", "shop")].iter().chain(extra).copied().collect();
        client.query("elasticache", operation, &params).map(|_| ())
    }

    fn made(extra: &[(&str, &str)]) -> Client {
        let client = Client::new();
        let good = [
            ("ReplicationGroupDescription", "d"),
            ("Engine", "redis"),
            ("EngineVersion", "7.1"),
            ("CacheNodeType", "cache.t3.micro"),
            ("AutomaticFailoverEnabled", "true"),
        ];
        let params: Vec<_> = good.iter().chain(extra).copied().collect();
        call(&client, "CreateReplicationGroup", &params).unwrap();
        client.wait(900);
        client
    }

    fn seen(client: &Client, path: &str) -> Option<String> {
        let reply = client.query("elasticache", "DescribeReplicationGroups", &[]).unwrap();
        find(&reply, &format!("DescribeReplicationGroupsResult/ReplicationGroups/ReplicationGroup/{path}"))
    }

    fn members(client: &Client) -> usize {
        let reply = client.query("elasticache", "DescribeCacheClusters", &[]).unwrap();
        count(&reply, "DescribeCacheClustersResult/CacheClusters/CacheCluster")
    }

    #[test]
    fn a_group_changes_one_thing_at_a_time() {
        let client = made(&[("NumCacheClusters", "2"), ("MultiAZEnabled", "true")]);
        let address = seen(&client, "NodeGroups/NodeGroup/PrimaryEndpoint/Address").unwrap();
        assert!(address.starts_with("shop.c") && address.contains(".ng.0001."), "{address}");
        let now = ("ApplyImmediately", "true");
        let modify = |extra: &[(&str, &str)]| call(&client, "ModifyReplicationGroup", extra);
        assert_eq!(modify(&[now]).unwrap_err(), "InvalidParameterCombination");
        assert_eq!(
            modify(&[("AutomaticFailoverEnabled", "false"), now]).unwrap_err(),
            "InvalidParameterCombination"
        );
        assert_eq!(modify(&[("EngineVersion", "7.0"), now]).unwrap_err(), "InvalidParameterCombination");
        modify(&[("CacheNodeType", "cache.t3.small"), now]).unwrap();
        assert_eq!(modify(&[("SnapshotRetentionLimit", "1")]).unwrap_err(), "InvalidReplicationGroupState");
        client.wait(900);
        assert_eq!(seen(&client, "CacheNodeType").unwrap(), "cache.t3.small");
        let replicas =
            |operation: &str, count: &str| call(&client, operation, &[("NewReplicaCount", count), now]);
        assert_eq!(replicas("IncreaseReplicaCount", "1").unwrap_err(), "NoOperationFault");
        assert_eq!(replicas("DecreaseReplicaCount", "0").unwrap_err(), "InvalidParameterCombination");
        replicas("IncreaseReplicaCount", "3").unwrap();
        client.wait(600);
        assert_eq!(members(&client), 4);
        replicas("DecreaseReplicaCount", "1").unwrap();
        client.wait(600);
        assert_eq!(members(&client), 2);
        modify(&[("Engine", "valkey"), ("EngineVersion", "8.0"), now]).unwrap();
        client.wait(900);
        assert_eq!(seen(&client, "Engine").unwrap(), "valkey");
        let reply = client.query("elasticache", "DescribeCacheClusters", &[]).unwrap();
        let cluster = "DescribeCacheClustersResult/CacheClusters/CacheCluster";
        assert_eq!(text(&reply, &format!("{cluster}/EngineVersion")), "8.0.1");
        let member = [("CacheClusterId", "shop-001")];
        let alone = client.query("elasticache", "DeleteCacheCluster", &member).unwrap_err();
        assert_eq!(alone, "InvalidCacheClusterState");
        call(&client, "DeleteReplicationGroup", &[("FinalSnapshotIdentifier", "last")]).unwrap();
        client.wait(900);
        assert_eq!(members(&client), 0);
        assert_eq!(
            call(&client, "DescribeReplicationGroups", &[]).unwrap_err(),
            "ReplicationGroupNotFoundFault"
        );
        let interfaces = client.query("ec2", "DescribeNetworkInterfaces", &[]).unwrap();
        assert_eq!(find(&interfaces, "networkInterfaceSet/item/networkInterfaceId"), None);
    }

    #[test]
    fn clients_move_to_tls_by_way_of_both() {
        let client = made(&[("NumCacheClusters", "2")]);
        let address = seen(&client, "NodeGroups/NodeGroup/PrimaryEndpoint/Address");
        let modify = |extra: &[(&str, &str)]| {
            let changed =
                call(&client, "ModifyReplicationGroup", &[extra, &[("ApplyImmediately", "true")]].concat());
            client.wait(600);
            changed
        };
        let (on, off) = (("TransitEncryptionEnabled", "true"), ("TransitEncryptionEnabled", "false"));
        let (both, only) = (("TransitEncryptionMode", "preferred"), ("TransitEncryptionMode", "required"));
        let refused = Err("InvalidParameterCombination".to_owned());
        assert_eq!(modify(&[on]), refused);
        assert_eq!(modify(&[on, only]), refused);
        modify(&[on, both]).unwrap();
        assert_eq!(seen(&client, "TransitEncryptionMode").unwrap(), "preferred");
        modify(&[only]).unwrap();
        assert_eq!(seen(&client, "TransitEncryptionMode").unwrap(), "required");
        assert_eq!(seen(&client, "NodeGroups/NodeGroup/PrimaryEndpoint/Address"), address);
        let reply = client.query("elasticache", "DescribeCacheClusters", &[]).unwrap();
        let cluster = "DescribeCacheClustersResult/CacheClusters/CacheCluster";
        assert_eq!(text(&reply, &format!("{cluster}/TransitEncryptionEnabled")), "true");
        assert_eq!(modify(&[off]), refused);
        modify(&[both]).unwrap();
        modify(&[off]).unwrap();
        assert_eq!(seen(&client, "TransitEncryptionEnabled").unwrap(), "false");
    }

    #[test]
    fn a_group_is_made_of_a_snapshot_that_its_engine_reads() {
        let client = made(&[("NumNodeGroups", "2"), ("ReplicasPerNodeGroup", "1")]);
        call(&client, "DeleteReplicationGroup", &[("FinalSnapshotIdentifier", "last")]).unwrap();
        let make = |engine: &str, version: &str, snapshot: &str| {
            let params = [
                ("ReplicationGroupDescription", "d"),
                ("Engine", engine),
                ("EngineVersion", version),
                ("SnapshotName", snapshot),
                ("AutomaticFailoverEnabled", "true"),
                ("ReplicasPerNodeGroup", "1"),
            ];
            call(&client, "CreateReplicationGroup", &params)
        };
        assert_eq!(make("redis", "7.1", "last").unwrap_err(), "InvalidParameterValue");
        client.wait(900);
        assert_eq!(make("redis", "7.1", "none").unwrap_err(), "InvalidParameterValue");
        assert_eq!(make("redis", "7.0", "last").unwrap_err(), "InvalidParameterCombination");
        make("valkey", "8.0", "last").unwrap();
        let status = || {
            let reply = client.query("elasticache", "DescribeSnapshots", &[]).unwrap();
            text(&reply, "DescribeSnapshotsResult/Snapshots/Snapshot/SnapshotStatus")
        };
        assert_eq!(status(), "restoring");
        client.wait(900);
        assert_eq!((status(), members(&client)), ("available".to_owned(), 4));
        assert_eq!(seen(&client, "CacheNodeType").unwrap(), "cache.t3.micro");
    }

    #[test]
    fn shards_come_and_go() {
        let client = made(&[("NumNodeGroups", "2"), ("ReplicasPerNodeGroup", "1")]);
        assert_eq!(members(&client), 4);
        assert_eq!(seen(&client, "NodeGroups/NodeGroup.1/Slots").unwrap(), "8192-16383");
        assert!(seen(&client, "ConfigurationEndpoint/Address").is_some());
        let now = ("ApplyImmediately", "true");
        let reshard = |extra: &[(&str, &str)]| {
            call(&client, "ModifyReplicationGroupShardConfiguration", &[extra, &[now]].concat())
        };
        reshard(&[("NodeGroupCount", "3")]).unwrap();
        client.wait(1000);
        assert_eq!(members(&client), 6);
        assert_eq!(reshard(&[("NodeGroupCount", "2")]).unwrap_err(), "InvalidParameterCombination");
        reshard(&[("NodeGroupCount", "2"), ("NodeGroupsToRemove.NodeGroupToRemove.1", "0001")]).unwrap();
        client.wait(1000);
        assert_eq!(
            (members(&client), seen(&client, "NodeGroups/NodeGroup/NodeGroupId").unwrap()),
            (4, "0002".into())
        );
    }

    #[test]
    fn what_elasticache_refuses() {
        let client = Client::new();
        let base = [("ReplicationGroupDescription", "d"), ("CacheNodeType", "cache.t3.micro")];
        for (extra, code) in [
            (&[("Engine", "memcached")][..], "InvalidParameterValue"),
            (&[("AutomaticFailoverEnabled", "true")], "InvalidParameterCombination"),
            (&[("MultiAZEnabled", "true"), ("NumCacheClusters", "2")], "InvalidParameterCombination"),
            (&[("AuthToken", "a-token-of-sixteen")], "InvalidParameterCombination"),
            (&[("AuthToken", "short"), ("TransitEncryptionEnabled", "true")], "InvalidParameterValue"),
            (&[("NumCacheClusters", "7")], "InvalidParameterValue"),
            (&[("NumNodeGroups", "2")], "InvalidParameterCombination"),
            (&[("CacheParameterGroupName", "default.memcached1.6")], "InvalidParameterCombination"),
        ] {
            let params: Vec<_> = base.iter().chain(extra).copied().collect();
            let refusal = call(&client, "CreateReplicationGroup", &params).unwrap_err();
            assert_eq!(refusal, code, "{extra:?}");
        }
    }
}
