//! The mutating calls of replication groups.

use aws_sdk_elasticache::types::{AuthTokenUpdateStrategyType, ClusterMode};

use super::group_seen::Detail;
use super::tags;
use crate::cloud::parts::{applies, modified};
use crate::cloud::{Clients, CloudError, Op, Reply, Retry, Want, calling};

pub(super) const CREATE: &str = "elasticache:CreateReplicationGroup";
pub(super) const MODIFY: &str = "elasticache:ModifyReplicationGroup";
pub(super) const INCREASE: &str = "elasticache:IncreaseReplicaCount";
pub(super) const DECREASE: &str = "elasticache:DecreaseReplicaCount";
pub(super) const RESHARD: &str = "elasticache:ModifyReplicationGroupShardConfiguration";
pub(super) const REBOOT: &str = "elasticache:RebootCacheCluster";
pub(super) const DELETE: &str = "elasticache:DeleteReplicationGroup";

/// The name of the parameter or subnet group that an attribute gives.
fn group(want: &Want, attribute: &str) -> Option<String> {
    want.ids(attribute, "name").as_str().map(str::to_owned)
}

pub(super) async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
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
        .set_transit_encryption_enabled(want.flag("encryption_in_transit"))
        .set_kms_key_id(text("kms_key"))
        .set_auth_token(want.secret("auth_token").map(str::to_owned))
        .set_security_group_ids((!groups.is_empty()).then_some(groups))
        .set_cache_subnet_group_name(group(want, "subnet_group"))
        .set_cache_parameter_group_name(group(want, "parameter_group").or_else(|| sharded_default(want)))
        .set_snapshot_retention_limit(want.int("snapshot_retention"))
        .set_snapshot_window(text("snapshot_window"))
        .set_preferred_maintenance_window(text("maintenance_window"))
        .set_auto_minor_version_upgrade(want.flag("auto_minor_version_upgrade"))
        .set_tags(tags(&want.tags));
    let made = call.send().await.map_err(calling(CREATE))?;
    let id = made.replication_group().and_then(|group| group.replication_group_id());
    Ok(Reply::of(&made, id))
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
pub(super) async fn modify(clients: &Clients, want: &Want, op: &Op) -> Result<Reply, CloudError> {
    let text = |name: &str| want.text(name).filter(|_| applies(op, name)).map(str::to_owned);
    let flag = |name: &str| want.flag(name).filter(|_| applies(op, name));
    let groups = want.id_texts("security_groups", "id");
    let token = want.secret("auth_token").filter(|_| applies(op, "auth_token")).map(str::to_owned);
    // An engine comes with a version of its own: the wanted one, if any.
    let version = want.text("version").filter(|_| applies(op, "version") || applies(op, "engine"));
    let call = clients
        .elasticache
        .modify_replication_group()
        .replication_group_id(&want.name)
        .apply_immediately(true)
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
