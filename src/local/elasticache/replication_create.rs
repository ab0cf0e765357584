//! Making replication groups: what ElastiCache refuses, and what it makes of the rest.

use indexmap::IndexMap;

use super::cluster::{Cluster, Encryption, Node};
use super::create::{attach, groups};
use super::replication::{ReplicationGroup, Shard, Snapshot};
use super::{bad_combination, invalid, parameters, refuse, subnet_groups, versions};
use crate::local::common::{MINUTE, check_tags, host_part, is_identifier, spread, tags_at};
use crate::local::{Call, Cx, Element, Fault, State, rds, regions};

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let id = call.required("ReplicationGroupId")?.to_ascii_lowercase();
    let description = call.required("ReplicationGroupDescription")?;
    if !is_identifier(&id, 40) {
        return invalid(
            "The parameter ReplicationGroupId is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.",
        );
    }
    let snapshot = snapshot(state, cx, call)?;
    let of_snapshot = snapshot.as_ref().map(|snapshot| snapshot.group.engine.clone());
    let engine = call.text("Engine").or(of_snapshot).unwrap_or_else(|| "redis".to_owned());
    if engine != "redis" && engine != "valkey" {
        return invalid(format!("The parameter Engine is not valid for a replication group: {engine}."));
    }
    let version = versions::version(&engine, call.text("EngineVersion").as_deref())?;
    check_readable(snapshot.as_ref(), &engine, &version)?;
    let node_type = call.text("CacheNodeType").or(snapshot.as_ref().map(|it| it.node_type.clone()));
    let Some(node_type) = node_type.filter(|wanted| versions::is_node_type(wanted)) else {
        return invalid(format!(
            "Invalid Cache Node Type: {}.",
            call.text("CacheNodeType").unwrap_or_default()
        ));
    };
    let shape = shape(state, cx, call, &engine, &version, snapshot.as_ref())?;
    let failover = call.flag("AutomaticFailoverEnabled").unwrap_or(false);
    let multi_az = call.flag("MultiAZEnabled").unwrap_or(false);
    check_failover(&shape, failover, multi_az)?;
    let encryption = encryption(call, &engine)?;
    let snapshot_retention = call.int("SnapshotRetentionLimit").unwrap_or(0);
    if !(0..=35).contains(&snapshot_retention) {
        return invalid(format!("Invalid SnapshotRetentionLimit: {snapshot_retention}."));
    }
    let tags = tags_at(call, "Tags");
    check_tags(&tags, "InvalidParameterValue")?;
    if state.elasticache.region(&cx.region).replication_groups.contains_key(&id) {
        return refuse("ReplicationGroupAlreadyExists", format!("Replication group {id} already exists"));
    }
    let subnet_group =
        call.text("CacheSubnetGroupName").unwrap_or_else(|| "default".to_owned()).to_ascii_lowercase();
    let (vpc, subnets) = subnet_groups::place(state, cx, &subnet_group)?;
    let security_groups = groups(state, cx, call, &vpc)?;
    let available_at = cx.now + spread(&format!("group create {id}"), 8 * MINUTE, 12 * MINUTE);
    let kms_key = match call.text("KmsKeyId") {
        Some(_) if !encryption.at_rest => {
            return bad_combination("KmsKeyId needs AtRestEncryptionEnabled.");
        }
        asked => asked,
    };
    let group = ReplicationGroup {
        shards: (1..=shape.shards).map(|n| Shard { id: format!("{n:04}"), members: vec![] }).collect(),
        port: call.int("Port").unwrap_or(6379),
        snapshot_window: call.text("SnapshotWindow").unwrap_or_else(|| "03:30-04:30".to_owned()),
        auto_minor: call.flag("AutoMinorVersionUpgrade").unwrap_or(true),
        host: (host_part(cx, "cache", 6), format!("{}.cache.amazonaws.com", regions::short(&cx.region))),
        pending_failover: None,
        preferred: call.text("TransitEncryptionMode").as_deref() == Some("preferred"),
        pending_transit: None,
        named_for_tls: Some(encryption.in_transit),
        rotating: false,
        created_at: cx.now,
        change: None,
        gone_at: None,
        sharded: shape.sharded,
        id: id.clone(),
        description,
        engine,
        failover,
        multi_az,
        encryption,
        kms_key,
        snapshot_retention,
        tags,
        available_at,
    };
    let model = Cluster {
        id: String::new(),
        engine: group.engine.clone(),
        version,
        node_type,
        nodes: vec![],
        port: group.port,
        groups: security_groups,
        parameter_group: shape.parameter_group,
        booted: Default::default(),
        subnet_group,
        vpc,
        auto_minor: group.auto_minor,
        maintenance_window: call
            .text("PreferredMaintenanceWindow")
            .unwrap_or_else(|| "sun:05:00-sun:06:00".to_owned()),
        snapshot_retention,
        replication_group: Some(id.clone()),
        encryption,
        host: (String::new(), group.host.1.clone()),
        tags: Default::default(),
        created_at: cx.now,
        available_at,
        pending: IndexMap::new(),
        pending_at: cx.now,
        change: None,
        gone_at: None,
        failure: None,
    };
    let region = state.elasticache.region(&cx.region);
    region.replication_groups.insert(id.clone(), group);
    if let Some(snapshot) = snapshot.and_then(|snapshot| region.snapshots.get_mut(&snapshot.name)) {
        snapshot.restoring_until = available_at;
    }
    fill(state, cx, &id, shape.replicas + 1, &model, &subnets);
    let region = state.elasticache.region(&cx.region);
    let members =
        region.replication_groups.get(&id).map(|group| group.elements(cx, region)).unwrap_or_default();
    Ok(vec![Element::new("ReplicationGroup", members)])
}

/// The snapshot that a group is to be made of.
fn snapshot(state: &mut State, cx: &Cx, call: &Call) -> Result<Option<Snapshot>, Fault> {
    let Some(name) = call.text("SnapshotName") else { return Ok(None) };
    match state.elasticache.region(&cx.region).snapshots.get(&name) {
        None => invalid(format!("Snapshot {name} not found.")),
        Some(snapshot) if snapshot.status(cx.now) == "creating" => {
            invalid(format!("Snapshot {name} is not in available state."))
        }
        Some(snapshot) => Ok(Some(snapshot.clone())),
    }
}

/// Whether an engine reads a snapshot: Valkey also those of Redis, none those of a later version.
fn check_readable(snapshot: Option<&Snapshot>, engine: &str, version: &str) -> Result<(), Fault> {
    let Some(snapshot) = snapshot else { return Ok(()) };
    let of = &snapshot.group.engine;
    let later = of == engine && rds::is_older(version, &snapshot.version);
    match later || (of != engine && engine != "valkey") {
        true => bad_combination(format!(
            "Snapshot {} of {of} {} cannot be restored to {engine} {version}.",
            snapshot.name, snapshot.version
        )),
        false => Ok(()),
    }
}

/// How a group is laid out.
struct Shape {
    sharded: bool,
    shards: usize,
    replicas: usize,
    parameter_group: String,
}

fn shape(
    state: &mut State,
    cx: &Cx,
    call: &Call,
    engine: &str,
    version: &str,
    snapshot: Option<&Snapshot>,
) -> Result<Shape, Fault> {
    let of_snapshot = snapshot.and_then(|snapshot| i64::try_from(snapshot.group.shards.len()).ok());
    let shards = call.int("NumNodeGroups").or(of_snapshot).unwrap_or(1);
    let asked = call.text("ClusterMode").as_deref() == Some("enabled") || shards > 1;
    let given = call.text("CacheParameterGroupName");
    let own = asked.then(|| format!("default.{}.cluster.on", versions::family(engine, version)));
    let (parameter_group, sharded) = parameters::fitting(state, cx, given.or(own), engine, version)?;
    if asked && !sharded {
        return bad_combination("Cluster mode needs a parameter group with cluster-enabled set to yes.");
    }
    let replicas = match (call.int("NumCacheClusters"), call.int("ReplicasPerNodeGroup")) {
        (Some(_), Some(_)) => {
            return bad_combination("NumCacheClusters and ReplicasPerNodeGroup cannot be used together.");
        }
        (Some(clusters), None) if sharded && shards > 1 => {
            return bad_combination(format!(
                "NumCacheClusters {clusters} cannot be used with several node groups."
            ));
        }
        (Some(clusters), None) => clusters - 1,
        (None, replicas) => replicas.unwrap_or(0),
    };
    if !(0..=5).contains(&replicas) {
        return invalid(format!("The number of replicas {replicas} must be between 0 and 5."));
    }
    if !(1..=90).contains(&shards) {
        return refuse("NodeGroupsPerReplicationGroupQuotaExceeded", "At most 90 node groups are allowed.");
    }
    let number = |n: i64| usize::try_from(n).unwrap_or(1);
    Ok(Shape { sharded, shards: number(shards), replicas: number(replicas), parameter_group })
}

fn check_failover(shape: &Shape, failover: bool, multi_az: bool) -> Result<(), Fault> {
    if shape.sharded && !failover {
        return bad_combination(
            "Automatic failover must be enabled for replication groups with cluster mode enabled.",
        );
    }
    if failover && !shape.sharded && shape.replicas == 0 {
        return bad_combination("Automatic failover needs at least 2 cache clusters.");
    }
    if multi_az && (!failover || shape.replicas == 0) {
        return bad_combination("Multi-AZ needs automatic failover and at least one replica.");
    }
    Ok(())
}

fn encryption(call: &Call, engine: &str) -> Result<Encryption, Fault> {
    let in_transit = call.flag("TransitEncryptionEnabled").unwrap_or(false);
    let token = call.text("AuthToken");
    if let Some(token) = &token {
        if !in_transit {
            return bad_combination("AuthToken needs TransitEncryptionEnabled.");
        }
        check_token(token)?;
    }
    let at_rest = call.flag("AtRestEncryptionEnabled").unwrap_or(engine == "valkey");
    Ok(Encryption { at_rest, in_transit, token: token.is_some() })
}

pub(super) fn check_token(token: &str) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!&#$^<>-".contains(c);
    match (16..=128).contains(&token.len()) && token.chars().all(allowed) {
        true => Ok(()),
        false => invalid("The AUTH token must have 16 to 128 letters, digits and the characters !&#$^<>-."),
    }
}

/// Gives each shard of a group so many members, each like a model, each in another zone than the last.
pub(super) fn fill(
    state: &mut State,
    cx: &Cx,
    id: &str,
    count: usize,
    model: &Cluster,
    subnets: &[(String, String)],
) {
    let region = state.elasticache.region(&cx.region);
    let Some(mut group) = region.replication_groups.get(id).cloned() else { return };
    let mut made = Vec::new();
    for (at, shard) in group.shards.iter_mut().enumerate() {
        for number in 1.. {
            if shard.members.len() >= count {
                break;
            }
            let member = match group.sharded {
                true => format!("{id}-{}-{number:03}", shard.id),
                false => format!("{id}-{number:03}"),
            };
            if shard.members.contains(&member) {
                continue;
            }
            let zone = subnets.get((at + number) % subnets.len().max(1)).map(|(_, zone)| zone.clone());
            let node = Node { id: "0001".to_owned(), zone: zone.unwrap_or_default(), created_at: cx.now };
            let mut cluster = Cluster { id: member.clone(), nodes: vec![node], ..model.clone() };
            cluster.host.0 = format!("{member}.{}", group.host.0);
            cluster.boot(&region.parameter_groups);
            shard.members.push(member);
            made.push(cluster);
        }
    }
    region.replication_groups.insert(id.to_owned(), group);
    for cluster in made {
        attach(state, cx, &cluster, subnets);
        state.elasticache.region(&cx.region).clusters.insert(cluster.id.clone(), cluster);
    }
}
