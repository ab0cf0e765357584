//! A cache cluster: what it is, where it is in its life, how it is told of.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Region, parameters, versions};
use crate::local::common::{self, SECOND, Tags, iso, records};
use crate::local::rds;
use crate::local::{Call, Cx, Element, Fault, ParameterGroup, State};

/// A change under way.
pub type Change = rds::Change;

/// A cache cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Cluster {
    pub id: String,
    pub engine: String,
    pub version: String,
    pub node_type: String,
    pub nodes: Vec<Node>,
    pub port: i64,
    pub groups: Vec<String>,
    pub parameter_group: String,
    /// The parameter group that its nodes were booted with, and those of its values that hold after a reboot only.
    pub booted: (String, IndexMap<String, String>),
    pub subnet_group: String,
    pub vpc: String,
    pub auto_minor: bool,
    pub maintenance_window: String,
    /// Days; Redis only.
    pub snapshot_retention: i64,
    /// The replication group that it is a member of.
    pub replication_group: Option<String>,
    pub encryption: Encryption,
    /// `MYCACHE.c0ffee` and `use1.cache.amazonaws.com`: between them stands the node, or `cfg`.
    pub host: (String, String),
    pub tags: Tags,
    pub created_at: i64,
    /// When it can be used first.
    pub available_at: i64,
    /// Values that are not the cluster's yet, by the names that the request has for them.
    pub pending: IndexMap<String, String>,
    /// When values became pending last.
    pub pending_at: i64,
    pub change: Option<Change>,
    /// When it is gone, if it is being deleted.
    pub gone_at: Option<i64>,
    /// The bad end that it came to: its status from then on.
    #[serde(default)]
    pub failure: Option<String>,
}

/// What is encrypted, and whether clients need a password.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Encryption {
    pub at_rest: bool,
    pub in_transit: bool,
    pub token: bool,
}

/// A node of a cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    /// `0001`
    pub id: String,
    /// Its availability zone.
    pub zone: String,
    /// When it was made.
    pub created_at: i64,
}

impl Cluster {
    /// Its status at a time, in ElastiCache's words.
    pub fn status(&self, now: i64) -> &str {
        match &self.change {
            _ if self.gone_at.is_some() => "deleting",
            _ if now < self.available_at => "creating",
            Some(change) if now >= change.starts_at => &change.status,
            _ if self.failure.is_some() => self.failure.as_deref().unwrap_or_default(),
            _ => "available",
        }
    }

    /// Whether it accepts connections.
    pub fn answers(&self, now: i64) -> bool {
        self.gone_at.is_none() && now >= self.available_at && self.status(now) != "rebooting cluster nodes"
    }

    /// The host name of a node, or of the whole (`cfg`).
    pub fn host_of(&self, node: &str) -> String {
        format!("{}.{node}.{}", self.host.0, self.host.1)
    }

    pub(super) fn has_host(&self, host: &str) -> bool {
        self.nodes.iter().any(|node| self.host_of(&node.id) == host)
            || (self.engine == "memcached" && self.host_of("cfg") == host)
    }

    /// Its ARN.
    pub fn arn(&self, cx: &Cx) -> String {
        common::arn(cx, "elasticache", &format!("cluster:{}", self.id))
    }

    /// Makes pending values its own once their time has come.
    pub(super) fn settle(&mut self, now: i64) {
        if self.change.is_none() && !self.pending.is_empty() {
            // Without `ApplyImmediately` values wait for the weekly maintenance window.
            let window = rds::next_window(&self.maintenance_window, self.pending_at, now);
            if let Some(at) = window.filter(|at| *at <= now) {
                let took = super::change::duration(self);
                self.change =
                    Some(Change { status: "modifying".to_owned(), starts_at: at, ends_at: at + took });
            }
        }
        let Some(change) = self.change.clone().filter(|change| change.ends_at <= now) else { return };
        self.change = None;
        if change.status == "rebooting cluster nodes" {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        for (name, value) in &pending {
            match name.as_str() {
                "Engine" => self.engine = value.clone(),
                "EngineVersion" => {
                    self.version = value.clone();
                    if self.parameter_group.starts_with("default.") {
                        let engine = pending.get("Engine").unwrap_or(&self.engine);
                        let sharded =
                            if self.parameter_group.ends_with(".cluster.on") { ".cluster.on" } else { "" };
                        self.parameter_group =
                            format!("default.{}{sharded}", versions::family(engine, value));
                    }
                }
                "CacheNodeType" => self.node_type = value.clone(),
                "CacheNodeIdsToRemove" => self.nodes.retain(|node| !value.split(',').any(|id| id == node.id)),
                "NumCacheNodes" if !pending.contains_key("CacheNodeIdsToRemove") => {
                    let wanted = value.parse().unwrap_or(self.nodes.len());
                    let zone = self.nodes.first().map(|node| node.zone.clone()).unwrap_or_default();
                    let mut number = 0;
                    while self.nodes.len() < wanted {
                        number += 1;
                        let id = format!("{number:04}");
                        if !self.nodes.iter().any(|node| node.id == id) {
                            self.nodes.push(Node { id, zone: zone.clone(), created_at: change.ends_at });
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether its nodes restart by a time.
    pub(super) fn restarts(&self, now: i64) -> bool {
        let done = self.change.as_ref().filter(|change| change.ends_at <= now);
        let moves =
            || self.pending.contains_key("EngineVersion") || self.pending.contains_key("CacheNodeType");
        done.is_some_and(|change| change.status == "rebooting cluster nodes" || moves())
    }

    /// Takes the parameters of its group, those that hold after a reboot included.
    pub(super) fn boot(&mut self, groups: &IndexMap<String, ParameterGroup>) {
        self.booted = (self.parameter_group.clone(), parameters::held_back(groups, &self.parameter_group));
    }

    fn endpoint(&self, name: &str, host: &str) -> Element {
        Element::new(name, vec![Element::text("Address", host), Element::text("Port", self.port)])
    }

    pub(super) fn members(&self, cx: &Cx, region: &Region, with_nodes: bool) -> Vec<Element> {
        let ready = cx.now >= self.available_at;
        let mut members = vec![Element::text("CacheClusterId", &self.id)];
        if self.engine == "memcached" && ready {
            members.push(self.endpoint("ConfigurationEndpoint", &self.host_of("cfg")));
        }
        let zones: Vec<&str> = self.nodes.iter().map(|node| node.zone.as_str()).collect();
        let zone = match zones.as_slice() {
            [first, rest @ ..] if rest.iter().all(|zone| zone == first) => first,
            _ => "Multiple",
        };
        members.extend([
            Element::text(
                "ClientDownloadLandingPage",
                "https://console.aws.amazon.com/elasticache/home#client-download:",
            ),
            Element::text("CacheNodeType", &self.node_type),
            Element::text("Engine", &self.engine),
            Element::text("EngineVersion", &self.version),
            Element::text("CacheClusterStatus", self.status(cx.now)),
            Element::text("NumCacheNodes", self.nodes.len()),
        ]);
        if ready {
            members.push(Element::text("PreferredAvailabilityZone", zone));
            members.push(Element::text("CacheClusterCreateTime", iso(self.created_at)));
        }
        // That the engine becomes another one shows only when it has.
        let pending = self.pending.iter().filter(|(name, _)| *name != "Engine");
        let pending = pending.map(|(name, value)| match name.as_str() {
            "CacheNodeIdsToRemove" => Element::texts(name, "CacheNodeId", value.split(',')),
            _ => Element::text(name, value),
        });
        let now_wanted = (
            self.parameter_group.clone(),
            parameters::held_back(&region.parameter_groups, &self.parameter_group),
        );
        let (applied, to_reboot) = match self.booted == now_wanted {
            true => ("in-sync", vec![]),
            false => ("pending-reboot", self.nodes.iter().map(|node| &node.id).collect()),
        };
        let parameters = vec![
            Element::text("CacheParameterGroupName", &self.parameter_group),
            Element::text("ParameterApplyStatus", applied),
            Element::texts("CacheNodeIdsToReboot", "CacheNodeId", to_reboot),
        ];
        members.extend([
            Element::text("PreferredMaintenanceWindow", &self.maintenance_window),
            Element::new("PendingModifiedValues", pending.collect()),
            Element::new("CacheSecurityGroups", vec![]),
            Element::new("CacheParameterGroup", parameters),
            Element::text("CacheSubnetGroupName", &self.subnet_group),
        ]);
        if with_nodes && ready {
            let nodes = self.nodes.iter().map(|node| {
                vec![
                    Element::text("CacheNodeId", &node.id),
                    Element::text("CacheNodeStatus", "available"),
                    Element::text("CacheNodeCreateTime", iso(node.created_at)),
                    self.endpoint("Endpoint", &self.host_of(&node.id)),
                    Element::text("ParameterGroupStatus", "in-sync"),
                    Element::text("CustomerAvailabilityZone", &node.zone),
                ]
            });
            members.push(Element::list("CacheNodes", "CacheNode", nodes));
        }
        // A group shows as `active` a little after it was given.
        let active = if cx.now >= self.created_at + 5 * SECOND { "active" } else { "adding" };
        let group = |id: &String| vec![Element::text("SecurityGroupId", id), Element::text("Status", active)];
        members.extend(self.replication_group.as_ref().map(|id| Element::text("ReplicationGroupId", id)));
        members.extend([
            Element::text("AutoMinorVersionUpgrade", self.auto_minor),
            Element::list("SecurityGroups", "member", self.groups.iter().map(group)),
        ]);
        if self.engine != "memcached" {
            members.push(Element::text("SnapshotRetentionLimit", self.snapshot_retention));
        }
        members.extend([
            Element::text("AuthTokenEnabled", self.encryption.token),
            Element::text("TransitEncryptionEnabled", self.encryption.in_transit),
            Element::text("AtRestEncryptionEnabled", self.encryption.at_rest),
            Element::text("ARN", self.arn(cx)),
            Element::text("ReplicationGroupLogDeliveryEnabled", false),
            Element::text("NetworkType", "ipv4"),
            Element::text("IpDiscovery", "ipv4"),
        ]);
        members
    }
}

/// What ElastiCache says of a cluster that does not exist.
pub(super) fn missing(id: &str) -> Fault {
    Fault::new(404, "CacheClusterNotFound", format!("CacheCluster not found: {id}"))
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let wanted = call.text("CacheClusterId").map(|id| id.to_ascii_lowercase());
    let region = state.elasticache.region(&cx.region);
    let clusters = &region.clusters;
    if let Some(id) = wanted.as_ref().filter(|id| !clusters.contains_key(*id)) {
        return Err(missing(id));
    }
    let alone = call.flag("ShowCacheClustersNotInReplicationGroups") == Some(true);
    let asked = |cluster: &&Cluster| {
        !(alone && cluster.replication_group.is_some()) && wanted.as_ref().is_none_or(|id| cluster.id == *id)
    };
    let with_nodes = call.flag("ShowCacheNodeInfo") == Some(true);
    let (found, marker) = records(call, clusters.values().filter(asked).collect())?;
    let items = found.into_iter().map(|cluster| cluster.members(cx, region, with_nodes));
    Ok([Element::list("CacheClusters", "CacheCluster", items)].into_iter().chain(marker).collect())
}
