//! Replication groups as they are: attributes, outputs, and what their status means.

use aws_sdk_elasticache::types::{
    AutomaticFailoverStatus, CacheCluster, MultiAzStatus, ReplicationGroup as Group,
    ReplicationGroupPendingModifiedValues, TransitEncryptionMode,
};
use serde::{Deserialize, Serialize};

use crate::cloud::parts::{AFTER_REBOOT, known, number, texts, with_pending};
use crate::cloud::{Present, State, Want};
use crate::eval::Value;

/// What is remembered of a group until a call.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Detail {
    pub arn: String,
    /// AWS's status.
    pub status: String,
    /// The engine's version in full.
    pub version: String,
    /// When it was made, in seconds since the Unix epoch.
    pub created: i64,
    /// `0001`, `0002`, …
    pub shards: Vec<String>,
    /// Members that have not taken all parameters yet.
    pub to_reboot: Vec<String>,
}

impl Detail {
    pub fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }
}

/// A group, with its members: these have what the group does not tell of itself.
pub(super) fn present(group: &Group, members: &[CacheCluster], want: &Want) -> Present {
    let status = group.status().unwrap_or_default();
    let member = members.first();
    let parameters = member.and_then(|member| member.cache_parameter_group());
    let parameter_group = parameters.and_then(|group| group.cache_parameter_group_name());
    let shard = group.node_groups().first();
    let primary = shard.and_then(|shard| shard.primary_endpoint());
    let reader = shard.and_then(|shard| shard.reader_endpoint());
    let configuration = group.configuration_endpoint();
    let endpoint = configuration.or(primary);
    let port = number(endpoint.and_then(|endpoint| endpoint.port()));
    let nodes = shard.map(|shard| i64::try_from(shard.node_group_members().len()).unwrap_or_default());
    let shards = i64::try_from(group.node_groups().len()).ok().filter(|count| *count > 0);
    let groups = member.map(|member| member.security_groups()).unwrap_or_default();
    let failover = group
        .automatic_failover()
        .map(|status| matches!(status, AutomaticFailoverStatus::Enabled | AutomaticFailoverStatus::Enabling));
    let attrs = known([
        ("id", group.replication_group_id().into()),
        ("description", group.description().into()),
        ("engine", group.engine().or(member.and_then(|member| member.engine())).into()),
        ("version", want.version_as_asked("version", member.and_then(|member| member.engine_version()))),
        ("node_type", group.cache_node_type().into()),
        ("cluster_mode", group.cluster_enabled().into()),
        ("shards", shards.into()),
        ("replicas", nodes.map(|nodes| nodes - 1).into()),
        ("automatic_failover", failover.into()),
        ("multi_az", group.multi_az().map(|status| *status == MultiAzStatus::Enabled).into()),
        ("port", port.clone()),
        ("encryption_at_rest", group.at_rest_encryption_enabled().into()),
        ("encryption_in_transit", in_transit(group)),
        ("kms_key", group.kms_key_id().into()),
        ("security_groups", texts(groups.iter().filter_map(|group| group.security_group_id()))),
        ("subnet_group", member.and_then(|member| member.cache_subnet_group_name()).into()),
        ("parameter_group", parameter_group.into()),
        ("snapshot_retention", number(group.snapshot_retention_limit())),
        ("snapshot_window", group.snapshot_window().into()),
        ("maintenance_window", member.and_then(|member| member.preferred_maintenance_window()).into()),
        ("auto_minor_version_upgrade", group.auto_minor_version_upgrade().into()),
    ]);
    let outputs = known([
        ("primary_endpoint", primary.and_then(|endpoint| endpoint.address()).into()),
        ("reader_endpoint", reader.and_then(|endpoint| endpoint.address()).into()),
        ("configuration_endpoint", configuration.and_then(|endpoint| endpoint.address()).into()),
        ("port", port),
        ("arn", group.arn().into()),
    ]);
    let to_reboot = to_reboot(members);
    let detail = Detail {
        arn: group.arn().unwrap_or_default().to_owned(),
        status: status.to_owned(),
        version: member.and_then(|member| member.engine_version()).unwrap_or_default().to_owned(),
        created: group.replication_group_create_time().map(|time| time.secs()).unwrap_or_default(),
        shards: group
            .node_groups()
            .iter()
            .filter_map(|shard| shard.node_group_id().map(str::to_owned))
            .collect(),
        to_reboot: to_reboot.clone(),
    };
    Present {
        id: group.replication_group_id().unwrap_or_default().to_owned(),
        state: state(group, members),
        attrs,
        outputs,
        detail: serde_json::to_value(detail).unwrap_or_default(),
        note: Some(status.to_owned()),
        pending: (!to_reboot.is_empty())
            .then(|| format!("parameters of `{}` {AFTER_REBOOT}", parameter_group.unwrap_or_default())),
        ..Present::default()
    }
}

/// How clients connect: by TLS only, without it, or as they like.
fn in_transit(group: &Group) -> Value {
    match (group.transit_encryption_enabled(), group.transit_encryption_mode()) {
        (Some(true), Some(TransitEncryptionMode::Preferred)) => "preferred".into(),
        (enabled, _) => enabled.into(),
    }
}

fn to_reboot(members: &[CacheCluster]) -> Vec<String> {
    let waits = |member: &&CacheCluster| {
        let parameters = member.cache_parameter_group();
        parameters.and_then(|group| group.parameter_apply_status()) == Some("pending-reboot")
    };
    members.iter().filter(waits).filter_map(|member| member.cache_cluster_id().map(str::to_owned)).collect()
}

/// What AWS's status means (`ReplicationGroup$Status` of the service model); members settle later than their group.
fn state(group: &Group, members: &[CacheCluster]) -> State {
    let status = group.status().unwrap_or_default();
    match status {
        "available" => {}
        "create-failed" => {
            return State::Failed("the group is `create-failed`: AWS could not make it".to_owned());
        }
        busy => return State::Busy(busy.to_owned()),
    }
    let busy = members.iter().find(|member| member.cache_cluster_status() != Some("available"));
    if let Some(member) = busy {
        let status = member.cache_cluster_status().unwrap_or_default();
        return State::Busy(format!("{} is {status}", member.cache_cluster_id().unwrap_or_default()));
    }
    let pending = |is: fn(&ReplicationGroupPendingModifiedValues) -> bool| {
        group.pending_modified_values().is_some_and(is)
    };
    let of_members = |is: fn(&CacheCluster) -> bool| members.iter().any(is);
    with_pending(
        State::Settled,
        status,
        [
            ("automatic_failover", pending(|values| values.automatic_failover_status().is_some())),
            ("auth_token", pending(|values| values.auth_token_status().is_some())),
            (
                "encryption_in_transit",
                pending(|values| {
                    values.transit_encryption_enabled().is_some()
                        || values.transit_encryption_mode().is_some()
                }),
            ),
            ("shards", pending(|values| values.resharding().is_some())),
            (
                "version",
                of_members(|it| it.pending_modified_values().is_some_and(|v| v.engine_version().is_some())),
            ),
            (
                "node_type",
                of_members(|it| it.pending_modified_values().is_some_and(|v| v.cache_node_type().is_some())),
            ),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::testing::want;
    use aws_sdk_elasticache::types::{CacheParameterGroupStatus, Endpoint, NodeGroup, NodeGroupMember};

    fn member(id: &str, status: &str, applied: &str) -> CacheCluster {
        let parameters = CacheParameterGroupStatus::builder()
            .cache_parameter_group_name("tuned")
            .parameter_apply_status(applied);
        CacheCluster::builder()
            .cache_cluster_id(id)
            .cache_cluster_status(status)
            .engine_version("7.1.0")
            .cache_parameter_group(parameters.build())
            .build()
    }

    fn group() -> Group {
        let endpoint = Endpoint::builder().address("master.shop.cache.amazonaws.com").port(6379).build();
        let shard = NodeGroup::builder()
            .node_group_id("0001")
            .primary_endpoint(endpoint)
            .node_group_members(NodeGroupMember::builder().build())
            .node_group_members(NodeGroupMember::builder().build());
        Group::builder()
            .replication_group_id("shop")
            .status("available")
            .node_groups(shard.build())
            .automatic_failover(AutomaticFailoverStatus::Enabling)
            .build()
    }

    #[test]
    fn members_tell_what_the_group_does_not() {
        let members =
            [member("shop-001", "available", "in-sync"), member("shop-002", "available", "pending-reboot")];
        let present = present(&group(), &members, &want("replication_group", "shop"));
        assert_eq!(present.state, State::Settled);
        assert_eq!(present.get("replicas"), &Value::Int(1));
        assert_eq!(present.get("automatic_failover"), &Value::Bool(true));
        assert_eq!(present.get("version"), &"7.1.0".into());
        assert_eq!(present.outputs.get("primary_endpoint"), Some(&"master.shop.cache.amazonaws.com".into()));
        assert_eq!(Detail::of(&present).to_reboot, ["shop-002"]);
        assert!(present.pending.is_some_and(|words| words.contains("`tuned` after the next reboot")));
    }

    #[test]
    fn a_member_that_is_not_there_yet_is_waited_for() {
        let members = [member("shop-001", "available", "in-sync"), member("shop-002", "creating", "in-sync")];
        let present = present(&group(), &members, &want("replication_group", "shop"));
        assert_eq!(present.state, State::Busy("shop-002 is creating".into()));
    }
}
