//! ElastiCache: cache clusters, replication groups, their subnet groups and parameter groups.

mod change;
mod cluster;
mod create;
mod parameters;
mod replication;
mod replication_change;
mod replication_create;
mod subnet_groups;
mod tags;
mod versions;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use parameters::Groups;

use super::parameters as groups;
use super::service::Service;
use super::{Call, Cx, Fault, ParameterGroup, Reply, State, SubnetGroup, rds};

pub use cluster::{Change, Cluster};
pub use replication::{ReplicationGroup, Snapshot};

/// What ElastiCache remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ElastiCache {
    regions: BTreeMap<String, Region>,
}

/// What ElastiCache remembers of a region.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Region {
    /// Clusters by id.
    pub clusters: IndexMap<String, Cluster>,
    /// Replication groups by id; their members are clusters.
    #[serde(default)]
    pub replication_groups: IndexMap<String, ReplicationGroup>,
    /// Snapshots of replication groups by name.
    #[serde(default)]
    pub snapshots: IndexMap<String, Snapshot>,
    /// The users' parameter groups by name.
    #[serde(default)]
    pub parameter_groups: IndexMap<String, ParameterGroup>,
    /// Subnet groups by name.
    pub subnet_groups: IndexMap<String, SubnetGroup>,
    /// What happened, or will have happened: an event is told from its time on.
    #[serde(default)]
    pub events: Vec<rds::Event>,
}

impl ElastiCache {
    /// All regions' parts.
    pub fn all(&mut self) -> impl Iterator<Item = &mut Region> {
        self.regions.values_mut()
    }

    /// A region's part.
    pub fn region(&mut self, name: &str) -> &mut Region {
        self.regions.entry(name.to_owned()).or_default()
    }

    /// The cluster that answers at a host name, in whatever region.
    pub fn at_host(&self, host: &str) -> Option<&Cluster> {
        self.regions.values().find_map(|region| {
            // Behind the endpoint of a replication group is its first member.
            let group = region.replication_groups.values().find(|group| group.has_host(host));
            let member = group.and_then(|group| region.clusters.get(group.members().first()?));
            member.or_else(|| region.clusters.values().find(|it| it.has_host(host)))
        })
    }
}

impl Region {
    /// Brings everything to a time.
    pub fn settle(&mut self, now: i64) {
        for cluster in self.clusters.values_mut() {
            let restarts = cluster.restarts(now);
            cluster.settle(now);
            if restarts {
                cluster.boot(&self.parameter_groups);
            }
        }
        // ElastiCache keeps events for two weeks.
        self.events.retain(|event| event.at > now - 14 * 24 * 60 * super::common::MINUTE);
        self.clusters.retain(|_, cluster| cluster.gone_at.is_none_or(|at| at > now));
        replication::settle(self, now);
    }
}

/// Answers a call.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    state.elasticache.region(&cx.region).settle(cx.now);
    let members = match call.operation.as_str() {
        "CreateCacheCluster" => create::create(state, cx, call),
        "DescribeCacheClusters" => cluster::describe(state, cx, call),
        "ModifyCacheCluster" => change::modify(state, cx, call),
        "RebootCacheCluster" => change::reboot(state, cx, call),
        "DeleteCacheCluster" => change::delete(state, cx, call),
        "CreateReplicationGroup" => replication_create::create(state, cx, call),
        "DescribeReplicationGroups" => replication::describe(state, cx, call),
        "ModifyReplicationGroup" => replication_change::modify(state, cx, call),
        "ModifyReplicationGroupShardConfiguration" => replication_change::reshard(state, cx, call),
        "IncreaseReplicaCount" => replication_change::increase(state, cx, call),
        "DecreaseReplicaCount" => replication_change::decrease(state, cx, call),
        "DeleteReplicationGroup" => replication_change::delete(state, cx, call),
        "DescribeSnapshots" => replication::describe_snapshots(state, cx, call),
        "DeleteSnapshot" => replication::delete_snapshot(state, cx, call),
        "DescribeEvents" => rds::events_of(call, cx, &state.elasticache.region(&cx.region).events),
        "DescribeCacheEngineVersions" => versions::describe(call),
        "CreateCacheParameterGroup" => groups::create::<Groups>(state, cx, call),
        "ModifyCacheParameterGroup" => groups::modify::<Groups>(state, cx, call),
        "ResetCacheParameterGroup" => groups::reset::<Groups>(state, cx, call),
        "DeleteCacheParameterGroup" => groups::delete::<Groups>(state, cx, call),
        "DescribeCacheParameterGroups" => groups::describe::<Groups>(state, cx, call),
        "DescribeCacheParameters" => groups::describe_parameters::<Groups>(state, cx, call),
        "DescribeEngineDefaultParameters" => groups::describe_defaults::<Groups>(call),
        "CreateCacheSubnetGroup" => subnet_groups::create(state, cx, call),
        "ModifyCacheSubnetGroup" => subnet_groups::modify(state, cx, call),
        "DeleteCacheSubnetGroup" => subnet_groups::delete(state, cx, call),
        "DescribeCacheSubnetGroups" => subnet_groups::describe(state, cx, call),
        "ListTagsForResource" => tags::list(state, cx, call),
        "AddTagsToResource" => tags::add(state, cx, call),
        "RemoveTagsFromResource" => tags::remove(state, cx, call),
        operation => Err(Service::ElastiCache.unknown(operation)),
    };
    members.map(Reply::Xml)
}

fn refuse<T>(code: &str, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::new(400, code, message))
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Fault> {
    refuse("InvalidParameterValue", message)
}

fn bad_combination<T>(message: impl Into<String>) -> Result<T, Fault> {
    refuse("InvalidParameterCombination", message)
}
