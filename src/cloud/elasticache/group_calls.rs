//! The mutating calls of replication groups.

use aws_sdk_elasticache::types::{AuthTokenUpdateStrategyType, ClusterMode, TransitEncryptionMode};

use super::group_seen::Detail;
use super::tags;
use crate::cloud::parts::{applies, modified, older};
use crate::cloud::{Clients, CloudError, Op, Present, Reply, Retry, Want, calling, found, reading};
use crate::eval::Value;

pub(super) const CREATE: &str = "elasticache:CreateReplicationGroup";
pub(super) const MODIFY: &str = "elasticache:ModifyReplicationGroup";
pub(super) const INCREASE: &str = "elasticache:IncreaseReplicaCount";
pub(super) const DECREASE: &str = "elasticache:DecreaseReplicaCount";
pub(super) const RESHARD: &str = "elasticache:ModifyReplicationGroupShardConfiguration";
pub(super) const REBOOT: &str = "elasticache:RebootCacheCluster";
pub(super) const DELETE: &str = "elasticache:DeleteReplicationGroup";
pub(super) const SNAPSHOTS: &str = "elasticache:DescribeSnapshots";

/// The name of the parameter or subnet group that an attribute gives.
fn group(want: &Want, attribute: &str) -> Option<String> {
    want.ids(attribute, "name").as_str().map(str::to_owned)
}

pub(super) async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    check_snapshot(clients, want).await?;
    let text = |name| want.text(name).map(str::to_owned);
    let groups = want.id_texts("security_groups", "id");
    let sharded = want.flag("cluster_mode") == Some(true);
    let replicas = want.int("replicas");
    let call = clients
        .elasticache
        .create_replication_group()
        .replication_group_id(&want.name)
        .set_replication_group_description(text("description"))
        .set_engine(text("engine"))
        .set_engine_version(text("version"))
        .set_cache_node_type(text("node_type"))
        .set_cluster_mode(sharded.then_some(ClusterMode::Enabled))
        .set_num_node_groups(want.int("shards").filter(|_| sharded))
        .set_replicas_per_node_group(replicas.filter(|_| sharded))
        .set_num_cache_clusters(replicas.filter(|_| !sharded).map(|replicas| replicas + 1))
        .set_automatic_failover_enabled(want.flag("automatic_failover"))
        .set_multi_az_enabled(want.flag("multi_az"))
        .set_port(want.int("port"))
        .set_at_rest_encryption_enabled(want.flag("encryption_at_rest"))
        .transit_encryption_enabled(*want.get(IN_TRANSIT) != Value::Bool(false))
        .set_transit_encryption_mode(
            prefers(want.get(IN_TRANSIT)).then_some(TransitEncryptionMode::Preferred),
        )
        .set_kms_key_id(text("kms_key"))
        .set_auth_token(want.secret("auth_token").map(str::to_owned))
        .set_security_group_ids((!groups.is_empty()).then_some(groups))
        .set_cache_subnet_group_name(group(want, "subnet_group"))
        .set_cache_parameter_group_name(group(want, "parameter_group").or_else(|| sharded_default(want)))
        .set_snapshot_name(text("from_snapshot"))
        .set_snapshot_retention_limit(want.int("snapshot_retention"))
        .set_snapshot_window(text("snapshot_window"))
        .set_preferred_maintenance_window(text("maintenance_window"))
        .set_auto_minor_version_upgrade(want.flag("auto_minor_version_upgrade"))
        .set_tags(tags(&want.tags));
    let made = call.send().await.map_err(calling(CREATE))?;
    let id = made.replication_group().and_then(|group| group.replication_group_id());
    Ok(Reply::of(&made, id))
}

/// Refuses a snapshot that there is not, and one that an engine or version cannot read: ElastiCache goes from Redis OSS to
/// Valkey and from one version to a later one, not back. Source: ElastiCache user guide, "Restoring from a backup into a
/// new cache".
async fn check_snapshot(clients: &Clients, want: &Want) -> Result<(), CloudError> {
    let Some(name) = want.text("from_snapshot") else { return Ok(()) };
    let call = clients.elasticache.describe_snapshots().snapshot_name(name);
    let reply = found(call.send().await.map_err(reading(SNAPSHOTS)))?;
    let Some(snapshot) = reply.as_ref().and_then(|reply| reply.snapshots().first()) else {
        return Err(CloudError::misuse(CREATE, format!("there is no snapshot `{name}`")));
    };
    let (engine, version) = (snapshot.engine().unwrap_or("redis"), snapshot.engine_version());
    let wanted = want.text("engine").unwrap_or(engine);
    let same_engine = engine == wanted;
    let back = version.zip(want.text("version")).is_some_and(|(has, wanted)| older(wanted, has));
    if (same_engine && back) || (!same_engine && wanted != "valkey") {
        let has = version.unwrap_or_default();
        let message = format!(
            "the snapshot `{name}` is of {engine} {has}, which {wanted} {} cannot read",
            want.text("version").unwrap_or_default()
        );
        return Err(CloudError::misuse(CREATE, message));
    }
    Ok(())
}

/// What says how clients connect.
pub(super) const IN_TRANSIT: &str = "encryption_in_transit";

/// Whether clients may connect with TLS and without.
fn prefers(in_transit: &Value) -> bool {
    in_transit.as_str() == Some("preferred")
}

/// One step from how clients connect to how they shall. AWS knows no way from without TLS to with TLS only, or back,
/// but by way of both (API reference of `ModifyReplicationGroup`, `TransitEncryptionMode`).
fn transit_step(has: &Value, wants: &Value) -> (Option<bool>, Option<TransitEncryptionMode>) {
    match (prefers(has), wants) {
        (true, Value::Bool(false)) => (Some(false), None),
        (true, _) => (None, Some(TransitEncryptionMode::Required)),
        (false, _) if *has == Value::Bool(false) => (Some(true), Some(TransitEncryptionMode::Preferred)),
        (false, _) => (None, Some(TransitEncryptionMode::Preferred)),
    }
}

/// AWS's own parameter group for cluster mode, where the version tells its family: `default.valkey8.cluster.on`. The API
/// reference of `CreateReplicationGroup` asks to name it.
fn sharded_default(want: &Want) -> Option<String> {
    let sharded = want.flag("cluster_mode") == Some(true);
    let (engine, version) = (want.text("engine")?, want.text("version").filter(|_| sharded)?);
    let family = match (engine, version.split('.').next()?) {
        ("redis", "6") => "redis6.x".to_owned(),
        ("redis", "5") => "redis5.0".to_owned(),
        (engine, major) => format!("{engine}{major}"),
    };
    Some(format!("default.{family}.cluster.on"))
}

/// Changes what the operation names, at once rather than in the next maintenance window.
pub(super) async fn modify(
    clients: &Clients,
    want: &Want,
    present: &Present,
    op: &Op,
) -> Result<Reply, CloudError> {
    let text = |name: &str| want.text(name).filter(|_| applies(op, name)).map(str::to_owned);
    let flag = |name: &str| want.flag(name).filter(|_| applies(op, name));
    let groups = want.id_texts("security_groups", "id");
    let token = want.secret("auth_token").filter(|_| applies(op, "auth_token")).map(str::to_owned);
    // An engine comes with a version of its own: the wanted one, if any.
    let version = want.text("version").filter(|_| applies(op, "version") || applies(op, "engine"));
    let (in_transit, mode) = match applies(op, IN_TRANSIT) {
        true => transit_step(present.get(IN_TRANSIT), want.get(IN_TRANSIT)),
        false => (None, None),
    };
    let call = clients
        .elasticache
        .modify_replication_group()
        .replication_group_id(&want.name)
        .apply_immediately(true)
        .set_transit_encryption_enabled(in_transit)
        .set_transit_encryption_mode(mode)
        .set_replication_group_description(text("description"))
        .set_engine(text("engine"))
        .set_engine_version(version.map(str::to_owned))
        .set_cache_node_type(text("node_type"))
        .set_automatic_failover_enabled(flag("automatic_failover"))
        .set_multi_az_enabled(flag("multi_az"))
        .set_auth_token_update_strategy(token.as_ref().map(|_| AuthTokenUpdateStrategyType::Rotate))
        .set_auth_token(token)
        .set_security_group_ids(applies(op, "security_groups").then_some(groups))
        .set_cache_parameter_group_name(
            group(want, "parameter_group").filter(|_| applies(op, "parameter_group")),
        )
        .set_snapshot_retention_limit(
            want.int("snapshot_retention").filter(|_| applies(op, "snapshot_retention")),
        )
        .set_snapshot_window(text("snapshot_window"))
        .set_preferred_maintenance_window(text("maintenance_window"))
        .set_auto_minor_version_upgrade(flag("auto_minor_version_upgrade"));
    modified(call.send().await.map(|done| Reply::of(&done, None)).map_err(calling(MODIFY)))
}

/// Gives each shard the wanted number of replicas.
pub(super) async fn replicas(clients: &Clients, want: &Want, operation: &str) -> Result<Reply, CloudError> {
    let (cache, count) = (&clients.elasticache, want.int("replicas"));
    modified(if operation == INCREASE {
        let call = cache.increase_replica_count().replication_group_id(&want.name).apply_immediately(true);
        let done = call.set_new_replica_count(count).send().await;
        done.map(|done| Reply::of(&done, None)).map_err(calling(INCREASE))
    } else {
        let call = cache.decrease_replica_count().replication_group_id(&want.name).apply_immediately(true);
        let done = call.set_new_replica_count(count).send().await;
        done.map(|done| Reply::of(&done, None)).map_err(calling(DECREASE))
    })
}

/// Makes shards, or removes the last ones, whose keys move to the others.
pub(super) async fn reshard(clients: &Clients, want: &Want, shards: &[String]) -> Result<Reply, CloudError> {
    let count = want.int("shards").unwrap_or(1);
    let surplus: Vec<String> = shards.iter().skip(usize::try_from(count).unwrap_or(1)).cloned().collect();
    let call = clients
        .elasticache
        .modify_replication_group_shard_configuration()
        .replication_group_id(&want.name)
        .node_group_count(count)
        .apply_immediately(true)
        .set_node_groups_to_remove((!surplus.is_empty()).then_some(surplus));
    modified(call.send().await.map(|done| Reply::of(&done, None)).map_err(calling(RESHARD)))
}

/// Reboots the one node of a member.
pub(super) async fn reboot(clients: &Clients, detail: &Detail, op: &Op) -> Result<Reply, CloudError> {
    let member = op.detail.get("member").and_then(|member| member.as_str());
    let member = member.filter(|member| detail.to_reboot.iter().any(|id| id == member)).unwrap_or_default();
    let call = clients.elasticache.reboot_cache_cluster().cache_cluster_id(member);
    let done = call.cache_node_ids_to_reboot("0001").send().await.map_err(calling(REBOOT))?;
    Ok(Reply::of(&done, None))
}

/// How many names a final snapshot is tried under.
const SNAPSHOT_NAMES: u32 = 5;

/// Deletes it. A snapshot of the wanted name may be left of an attempt that did not delete the group, and is then not the
/// last state: another name is taken.
pub(super) async fn delete(clients: &Clients, want: &Want, op: &Op) -> Result<Reply, CloudError> {
    let snapshot = op.detail.get("final_snapshot").and_then(|name| name.as_str());
    let mut attempt = 1;
    loop {
        let name =
            snapshot.map(|name| if attempt == 1 { name.to_owned() } else { format!("{name}-{attempt}") });
        let call = clients.elasticache.delete_replication_group().replication_group_id(&want.name);
        let call = call.retain_primary_cluster(false).set_final_snapshot_identifier(name);
        match call.send().await.map_err(calling(DELETE)) {
            Ok(gone) => return Ok(Reply::of(&gone, None)),
            Err(error) if error.retry == Retry::Exists && attempt < SNAPSHOT_NAMES => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_move_to_tls_and_back_by_way_of_both() {
        let (off, both, on) = (Value::Bool(false), Value::from("preferred"), Value::Bool(true));
        let preferred = Some(TransitEncryptionMode::Preferred);
        for (has, wants, step) in [
            (&off, &on, (Some(true), preferred.clone())),
            (&off, &both, (Some(true), preferred.clone())),
            (&both, &on, (None, Some(TransitEncryptionMode::Required))),
            (&on, &both, (None, preferred.clone())),
            (&on, &off, (None, preferred)),
            (&both, &off, (Some(false), None)),
        ] {
            assert_eq!(transit_step(has, wants), step, "{has:?} to {wants:?}");
        }
    }
}
