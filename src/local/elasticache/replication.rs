//! Replication groups: what they are, where they are in their life, how they are told of. Their nodes are clusters of their
//! own, members of the group.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Region;
use super::cluster::{Change, Cluster, Encryption};
use crate::local::common::{self, MINUTE, Tags, iso, records};
use crate::local::{Call, Cx, Element, Fault, State};

/// A replication group.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ReplicationGroup {
    pub id: String,
    pub description: String,
    pub engine: String,
    /// Whether it is in cluster mode.
    pub sharded: bool,
    pub shards: Vec<Shard>,
    pub failover: bool,
    /// What becomes of `failover` when the change under way is done.
    pub pending_failover: Option<bool>,
    pub multi_az: bool,
    pub port: i64,
    pub encryption: Encryption,
    /// Whether clients may connect without TLS as well, where there is encryption in transit.
    #[serde(default)]
    pub preferred: bool,
    /// What becomes of the encryption in transit and of `preferred` when the change under way is done.
    #[serde(default)]
    pub pending_transit: Option<(bool, bool)>,
    /// Whether its endpoints are called as those of groups with encryption in transit, which stays as it was made.
    #[serde(default)]
    pub named_for_tls: Option<bool>,
    /// Whether another token is being taken beside the old one.
    pub rotating: bool,
    pub kms_key: Option<String>,
    /// Days.
    pub snapshot_retention: i64,
    pub snapshot_window: String,
    pub auto_minor: bool,
    pub tags: Tags,
    /// `c0ffee` and `use1.cache.amazonaws.com`
    pub host: (String, String),
    pub created_at: i64,
    /// When it can be used first.
    pub available_at: i64,
    pub change: Option<Change>,
    /// When it is gone, if it is being deleted.
    pub gone_at: Option<i64>,
}

/// A shard: a primary and its replicas.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// `0001`
    pub id: String,
    /// Its members, the primary first.
    pub members: Vec<String>,
}

/// A snapshot of a replication group.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Snapshot {
    pub name: String,
    pub group: ReplicationGroup,
    pub node_type: String,
    pub version: String,
    pub created_at: i64,
    pub available_at: i64,
    /// Until when a group is being made of it.
    #[serde(default)]
    pub restoring_until: i64,
}

impl ReplicationGroup {
    /// Its status at a time, in ElastiCache's words.
    pub fn status(&self, now: i64) -> &str {
        match &self.change {
            _ if self.gone_at.is_some() => "deleting",
            _ if now < self.available_at => "creating",
            Some(change) if now >= change.starts_at => &change.status,
            _ => "available",
        }
    }

    /// Its ARN.
    pub fn arn(&self, cx: &Cx) -> String {
        common::arn(cx, "elasticache", &format!("replicationgroup:{}", self.id))
    }

    /// The ids of its members.
    pub(super) fn members(&self) -> Vec<String> {
        self.shards.iter().flat_map(|shard| shard.members.clone()).collect()
    }

    /// Makes what was changed its own once its time has come.
    pub(super) fn settle(&mut self, now: i64) {
        if self.change.as_ref().is_some_and(|change| change.ends_at <= now) {
            self.change = None;
            self.failover = self.pending_failover.take().unwrap_or(self.failover);
            if let Some((in_transit, preferred)) = self.pending_transit.take() {
                self.encryption.in_transit = in_transit;
                self.preferred = preferred;
            }
            self.encryption.token |= std::mem::take(&mut self.rotating);
        }
    }

    /// The host name of an endpoint: `primary`, `reader`, `configuration`. Those of groups with encryption in transit have
    /// the role first.
    pub fn host_of(&self, endpoint: &str) -> String {
        let (id, (part, domain)) = (&self.id, &self.host);
        match (endpoint, self.named_for_tls.unwrap_or(self.encryption.in_transit)) {
            ("primary", true) => format!("master.{id}.{part}.{domain}"),
            ("primary", false) => format!("{id}.{part}.ng.0001.{domain}"),
            ("reader", true) => format!("replica.{id}.{part}.{domain}"),
            ("reader", false) => format!("{id}-ro.{part}.ng.0001.{domain}"),
            (_, true) => format!("clustercfg.{id}.{part}.{domain}"),
            (_, false) => format!("{id}.{part}.clustercfg.{domain}"),
        }
    }

    fn endpoints(&self) -> &'static [&'static str] {
        if self.sharded { &["configuration"] } else { &["primary", "reader"] }
    }

    pub(super) fn has_host(&self, host: &str) -> bool {
        self.endpoints().iter().any(|endpoint| self.host_of(endpoint) == host)
    }

    fn endpoint(&self, name: &str, endpoint: &str) -> Element {
        let members =
            vec![Element::text("Address", self.host_of(endpoint)), Element::text("Port", self.port)];
        Element::new(name, members)
    }

    fn shard_elements(&self, cx: &Cx, region: &Region) -> Vec<Vec<Element>> {
        let status = self.status(cx.now);
        let node = |(at, id): (usize, &String)| {
            let cluster = region.clusters.get(id);
            let mut members = vec![Element::text("CacheClusterId", id), Element::text("CacheNodeId", "0001")];
            let host = cluster.map(|cluster| cluster.host_of("0001")).unwrap_or_default();
            if !self.sharded {
                let read = vec![Element::text("Address", host), Element::text("Port", self.port)];
                members.push(Element::new("ReadEndpoint", read));
            }
            let zone = cluster.and_then(|cluster| cluster.nodes.first()).map(|node| node.zone.clone());
            members.push(Element::text("PreferredAvailabilityZone", zone.unwrap_or_default()));
            if !self.sharded {
                members.push(Element::text("CurrentRole", if at == 0 { "primary" } else { "replica" }));
            }
            members
        };
        let count = self.shards.len().max(1);
        let one = |(at, shard): (usize, &Shard)| {
            let mut members = vec![Element::text("NodeGroupId", &shard.id), Element::text("Status", status)];
            if self.sharded {
                let (from, to) = (at * 16384 / count, (at + 1) * 16384 / count - 1);
                members.push(Element::text("Slots", format!("{from}-{to}")));
            } else {
                members.push(self.endpoint("PrimaryEndpoint", "primary"));
                members.push(self.endpoint("ReaderEndpoint", "reader"));
            }
            let nodes = shard.members.iter().enumerate().map(node);
            members.push(Element::list("NodeGroupMembers", "NodeGroupMember", nodes));
            members
        };
        self.shards.iter().enumerate().map(one).collect()
    }

    pub(super) fn elements(&self, cx: &Cx, region: &Region) -> Vec<Element> {
        let (status, ready) = (self.status(cx.now), cx.now >= self.available_at);
        let first = self.members().first().and_then(|id| region.clusters.get(id));
        let switch = |on: bool| if on { "enabled" } else { "disabled" };
        let failover = match self.pending_failover {
            Some(true) => "enabling",
            Some(false) => "disabling",
            None => switch(self.failover),
        };
        let mut pending = Vec::new();
        pending.extend(self.pending_failover.map(|on| Element::text("AutomaticFailoverStatus", switch(on))));
        let mode = |preferred: bool| if preferred { "preferred" } else { "required" };
        if let Some((in_transit, preferred)) = self.pending_transit {
            pending.push(Element::text("TransitEncryptionEnabled", in_transit));
            if in_transit {
                pending.push(Element::text("TransitEncryptionMode", mode(preferred)));
            }
        }
        if self.rotating {
            pending.push(Element::text("AuthTokenStatus", "ROTATING"));
        }
        let mut members = vec![
            Element::text("ReplicationGroupId", &self.id),
            Element::text("Description", &self.description),
            Element::new("GlobalReplicationGroupInfo", vec![]),
            Element::text("Status", status),
            Element::new("PendingModifiedValues", pending),
            Element::texts("MemberClusters", "ClusterId", self.members()),
        ];
        if ready {
            members.push(Element::list("NodeGroups", "NodeGroup", self.shard_elements(cx, region)));
        }
        members.push(Element::text("AutomaticFailover", failover));
        members.push(Element::text("MultiAZ", switch(self.multi_az)));
        if self.sharded && ready {
            members.push(self.endpoint("ConfigurationEndpoint", "configuration"));
        }
        members.extend([
            Element::text("SnapshotRetentionLimit", self.snapshot_retention),
            Element::text("SnapshotWindow", &self.snapshot_window),
            Element::text("ClusterEnabled", self.sharded),
            Element::text("CacheNodeType", first.map(|it| it.node_type.as_str()).unwrap_or_default()),
            Element::text("AuthTokenEnabled", self.encryption.token),
            Element::text("TransitEncryptionEnabled", self.encryption.in_transit),
            Element::text("AtRestEncryptionEnabled", self.encryption.at_rest),
        ]);
        members.extend(self.kms_key.as_ref().map(|key| Element::text("KmsKeyId", key)));
        if self.encryption.in_transit {
            members.push(Element::text("TransitEncryptionMode", mode(self.preferred)));
        }
        members.extend([
            Element::text("ARN", self.arn(cx)),
            Element::new("UserGroupIds", vec![]),
            Element::new("LogDeliveryConfigurations", vec![]),
            Element::text("ReplicationGroupCreateTime", iso(self.created_at)),
            Element::text("DataTiering", "disabled"),
            Element::text("AutoMinorVersionUpgrade", self.auto_minor),
            Element::text("NetworkType", "ipv4"),
            Element::text("IpDiscovery", "ipv4"),
            Element::text("ClusterMode", switch(self.sharded)),
            Element::text("Engine", &self.engine),
        ]);
        members
    }
}

/// What ElastiCache says of a group that does not exist.
pub(super) fn missing(id: &str) -> Fault {
    Fault::new(404, "ReplicationGroupNotFoundFault", format!("ReplicationGroup {id} not found."))
}

/// Makes what was changed the group's own, and takes its engine from its members, who move to another one by themselves.
pub(super) fn settle(region: &mut Region, now: i64) {
    let clusters = &region.clusters;
    for group in region.replication_groups.values_mut() {
        group.settle(now);
        // A member that is to go is no longer told of once it is gone.
        for shard in &mut group.shards {
            shard.members.retain(|id| clusters.contains_key(id));
        }
        group.shards.retain(|shard| !shard.members.is_empty());
        let first: Option<&Cluster> = group.members().first().and_then(|id| clusters.get(id));
        if let Some(first) = first {
            group.engine.clone_from(&first.engine);
        }
    }
    for group in region.replication_groups.values() {
        for member in group.members() {
            if let Some(cluster) = region.clusters.get_mut(&member) {
                cluster.encryption = group.encryption;
            }
        }
    }
    region.replication_groups.retain(|_, group| group.gone_at.is_none_or(|at| at > now));
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let wanted = call.text("ReplicationGroupId").map(|id| id.to_ascii_lowercase());
    let region = state.elasticache.region(&cx.region);
    let groups = &region.replication_groups;
    if let Some(id) = wanted.as_ref().filter(|id| !groups.contains_key(*id)) {
        return Err(missing(id));
    }
    let asked = |group: &&ReplicationGroup| wanted.as_ref().is_none_or(|id| group.id == *id);
    let (found, marker) = records(call, groups.values().filter(asked).collect())?;
    let items: Vec<_> = found.into_iter().map(|group| group.elements(cx, region)).collect();
    Ok([Element::list("ReplicationGroups", "ReplicationGroup", items)].into_iter().chain(marker).collect())
}

impl Snapshot {
    pub(super) fn of(group: &ReplicationGroup, first: Option<&Cluster>, name: &str, now: i64) -> Self {
        Self {
            name: name.to_owned(),
            group: group.clone(),
            node_type: first.map(|it| it.node_type.clone()).unwrap_or_default(),
            version: first.map(|it| it.version.clone()).unwrap_or_default(),
            created_at: now,
            available_at: now + 3 * MINUTE,
            restoring_until: 0,
        }
    }

    /// Its status at a time, in ElastiCache's words.
    pub(super) fn status(&self, now: i64) -> &'static str {
        match (now < self.available_at, now < self.restoring_until) {
            (true, _) => "creating",
            (_, true) => "restoring",
            _ => "available",
        }
    }

    fn elements(&self, cx: &Cx) -> Vec<Element> {
        let group = &self.group;
        vec![
            Element::text("SnapshotName", &self.name),
            Element::text("ReplicationGroupId", &group.id),
            Element::text("ReplicationGroupDescription", &group.description),
            Element::text("SnapshotStatus", self.status(cx.now)),
            Element::text("SnapshotSource", "manual"),
            Element::text("CacheNodeType", &self.node_type),
            Element::text("Engine", &group.engine),
            Element::text("EngineVersion", &self.version),
            Element::text("Port", group.port),
            Element::text("NumNodeGroups", group.shards.len()),
            Element::text("AutomaticFailover", if group.failover { "enabled" } else { "disabled" }),
            Element::text("ARN", common::arn(cx, "elasticache", &format!("snapshot:{}", self.name))),
        ]
    }
}

fn missing_snapshot(name: &str) -> Fault {
    Fault::new(404, "SnapshotNotFoundFault", format!("Snapshot {name} not found."))
}

pub fn describe_snapshots(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let (name, of) = (call.text("SnapshotName"), call.text("ReplicationGroupId"));
    let snapshots: &IndexMap<String, Snapshot> = &state.elasticache.region(&cx.region).snapshots;
    if let Some(name) = name.as_ref().filter(|name| !snapshots.contains_key(*name)) {
        return Err(missing_snapshot(name));
    }
    let asked = |snapshot: &&Snapshot| {
        name.as_ref().is_none_or(|name| snapshot.name == *name)
            && of.as_ref().is_none_or(|of| snapshot.group.id == *of)
    };
    let found: Vec<_> = snapshots.values().filter(asked).map(|snapshot| snapshot.elements(cx)).collect();
    Ok(vec![Element::list("Snapshots", "Snapshot", found)])
}

pub fn delete_snapshot(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = call.required("SnapshotName")?;
    let snapshots = &mut state.elasticache.region(&cx.region).snapshots;
    let snapshot = snapshots.get(&name).ok_or_else(|| missing_snapshot(&name))?;
    if snapshot.status(cx.now) != "available" {
        return super::refuse("InvalidSnapshotState", format!("Snapshot {name} is not in available state."));
    }
    let members = snapshot.elements(cx);
    snapshots.shift_remove(&name);
    Ok(vec![Element::new("Snapshot", members)])
}
