//! A DB instance: what it is, where it is in its life, how it is told of.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::events::Event;
use super::parameters::Groups;
use super::{create, engines, subnet_groups};
use crate::local::common::{self, SECOND, Tags, iso, records, tag_list};
use crate::local::parameters::GroupService;
use crate::local::{Call, Cx, Element, Fault, ParameterGroup, State};

/// A change under way: its status shows between two times, then the pending values become the instance's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// `modifying`, `rebooting`, …
    pub status: String,
    /// When the status begins to show.
    pub starts_at: i64,
    /// When it is done.
    pub ends_at: i64,
}

/// A DB instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Instance {
    pub id: String,
    pub resource_id: String,
    pub engine: String,
    pub version: String,
    pub class: String,
    /// GiB.
    pub storage: i64,
    pub storage_type: String,
    pub iops: Option<i64>,
    /// MiB a second; gp3 only.
    pub throughput: Option<i64>,
    /// GiB up to which the storage grows by itself.
    pub max_storage: Option<i64>,
    pub username: String,
    pub database: Option<String>,
    pub port: i64,
    pub multi_az: bool,
    pub public: bool,
    /// Days.
    pub retention: i64,
    pub protected: bool,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    pub insights: bool,
    /// The logs that are sent to CloudWatch.
    pub logs: Vec<String>,
    pub copy_tags: bool,
    pub auto_minor: bool,
    pub groups: Vec<String>,
    pub parameter_group: String,
    /// The parameter group that it was booted with, and those of its values that hold after a reboot only.
    pub booted: (String, IndexMap<String, String>),
    /// Until when a parameter group that was given to it is being applied.
    pub applying_until: i64,
    pub subnet_group: String,
    pub vpc: String,
    pub zone: String,
    pub second_zone: Option<String>,
    pub backup_window: String,
    pub maintenance_window: String,
    pub endpoint: String,
    pub tags: Tags,
    pub created_at: i64,
    /// When it can be used first.
    pub available_at: i64,
    /// Values that are not the instance's yet, by the names that the request has for them.
    pub pending: IndexMap<String, String>,
    /// When values became pending last.
    pub pending_at: i64,
    pub change: Option<Change>,
    /// Until when storage is optimised: the instance can be used, its storage not be changed.
    pub optimizing_until: i64,
    /// When it is gone, if it is being deleted.
    pub gone_at: Option<i64>,
    /// The bad end that it came to: its status from then on.
    #[serde(default)]
    pub failure: Option<String>,
}

/// How long a grown volume shows as being optimised; no other change of storage is taken for six hours.
const SHOWN_OPTIMIZING: i64 = 30 * common::MINUTE;
pub(super) const OPTIMIZING: i64 = 6 * 60 * common::MINUTE;

impl Instance {
    /// Its status at a time, in RDS's words.
    pub fn status(&self, now: i64) -> &str {
        if self.gone_at.is_some() {
            return "deleting";
        }
        if now < self.available_at {
            // The endpoint is there by then; the first backup runs last.
            let backing_up = self.retention > 0 && now >= self.available_at - 90 * SECOND;
            return if backing_up { "backing-up" } else { "creating" };
        }
        match &self.change {
            Some(change) if now >= change.starts_at => &change.status,
            _ if self.failure.is_some() => self.failure.as_deref().unwrap_or_default(),
            _ if now < self.optimizing_until - (OPTIMIZING - SHOWN_OPTIMIZING) => "storage-optimization",
            _ => "available",
        }
    }

    /// Whether it can be changed.
    pub fn is_ready(&self, now: i64) -> bool {
        matches!(self.status(now), "available" | "storage-optimization" | "storage-full")
    }

    /// Whether it accepts connections.
    pub fn answers(&self, now: i64) -> bool {
        now >= self.available_at && self.gone_at.is_none() && self.status(now) != "rebooting"
    }

    /// Its ARN.
    pub fn arn(&self, cx: &Cx) -> String {
        common::arn(cx, "rds", &format!("db:{}", self.id))
    }

    /// Makes pending values its own once their time has come; gives what is told of it.
    pub(super) fn settle(&mut self, now: i64) -> Vec<Event> {
        let mut told = Vec::new();
        if self.change.is_none() && !self.pending.is_empty() {
            // Without `ApplyImmediately` values wait for the weekly maintenance window.
            let window = super::change::next_window(&self.maintenance_window, self.pending_at, now);
            if window.is_some_and(|at| at <= now) {
                let took = super::change::duration(self);
                let at = window.unwrap_or(now);
                self.change =
                    Some(Change { status: "modifying".to_owned(), starts_at: at, ends_at: at + took });
            }
        }
        if let Some(change) = self.change.clone().filter(|change| change.ends_at <= now) {
            // A reboot applies nothing: pending values wait for their own time.
            let pending = match change.status.as_str() {
                "rebooting" => IndexMap::new(),
                _ => std::mem::take(&mut self.pending),
            };
            for (name, value) in pending {
                self.apply(&name, &value, change.ends_at);
                let text = match name.as_str() {
                    "MasterUserPassword" => "Finished master credentials reset".to_owned(),
                    _ => format!("Finished applying modification to {name}"),
                };
                told.push(Event::of(&self.id, "db-instance", &text, "configuration change", change.ends_at));
            }
            self.change = None;
        }
        told
    }

    /// Whether its engine restarts by a time: it is rebooted, or moved to another class or version.
    pub(super) fn restarts(&self, now: i64) -> bool {
        let moves =
            || self.pending.contains_key("DBInstanceClass") || self.pending.contains_key("EngineVersion");
        let done = self.change.as_ref().filter(|change| change.ends_at <= now);
        done.is_some_and(|change| change.status == "rebooting" || moves())
    }

    /// Takes the parameters of its group, those that hold after a reboot included.
    pub(super) fn boot(&mut self, groups: &IndexMap<String, ParameterGroup>) {
        let values = groups.get(&self.parameter_group).map(after_reboot).unwrap_or_default();
        self.booted = (self.parameter_group.clone(), values);
    }

    /// How far its parameter group is applied, in RDS's words.
    fn parameters_status(&self, now: i64, groups: &IndexMap<String, ParameterGroup>) -> &'static str {
        let values = groups.get(&self.parameter_group).map(after_reboot).unwrap_or_default();
        if now < self.applying_until {
            "applying"
        } else if self.booted == (self.parameter_group.clone(), values) {
            "in-sync"
        } else {
            "pending-reboot"
        }
    }

    fn pending_logs(&self, wanted: &str) -> Element {
        let wanted: Vec<&str> = wanted.split(',').filter(|log| !log.is_empty()).collect();
        let there: Vec<&str> = self.logs.iter().map(String::as_str).collect();
        let texts = |name: &str, these: &[&str], those: &[&str]| {
            Element::texts(name, "member", these.iter().filter(|log| !those.contains(log)))
        };
        let lists =
            vec![texts("LogTypesToEnable", &wanted, &there), texts("LogTypesToDisable", &there, &wanted)];
        Element::new("PendingCloudwatchLogsExports", lists)
    }

    fn apply(&mut self, name: &str, value: &str, at: i64) {
        let number = value.parse().unwrap_or_default();
        match name {
            "DBInstanceClass" => self.class = value.to_owned(),
            "AllocatedStorage" => {
                self.storage = number;
                self.failure.take_if(|failure| failure == "storage-full");
                self.optimizing_until = at + OPTIMIZING;
            }
            "StorageType" => {
                self.storage_type = value.to_owned();
                self.optimizing_until = at + OPTIMIZING;
                (self.iops, self.throughput) = create::performance(value, self.storage, None, None);
            }
            "Iops" => self.iops = Some(number),
            "StorageThroughput" => self.throughput = Some(number),
            "CloudwatchLogs" => {
                self.logs = value.split(',').filter(|log| !log.is_empty()).map(str::to_owned).collect();
            }
            "Port" => self.port = number,
            "BackupRetentionPeriod" => self.retention = number,
            "MultiAZ" => {
                self.multi_az = value == "true";
                self.second_zone = self.multi_az.then(|| other_zone(&self.zone));
            }
            "EngineVersion" => {
                self.version = value.to_owned();
                if self.parameter_group.starts_with("default.") {
                    self.parameter_group =
                        format!("default.{}", engines::family(&self.engine, &self.version));
                }
            }
            "DBSubnetGroupName" => self.subnet_group = value.to_owned(),
            // The password is kept nowhere.
            _ => {}
        }
    }

    pub(super) fn members(&self, state: &mut State, cx: &Cx) -> Vec<Element> {
        let (status, now) = (self.status(cx.now).to_owned(), cx.now);
        let mut members = vec![
            Element::text("DBInstanceIdentifier", &self.id),
            Element::text("DBInstanceClass", &self.class),
            Element::text("Engine", &self.engine),
            Element::text("DBInstanceStatus", &status),
            Element::text("MasterUsername", &self.username),
        ];
        members.extend(self.database.as_ref().map(|name| Element::text("DBName", name)));
        if status != "creating" {
            members.push(Element::new(
                "Endpoint",
                vec![
                    Element::text("Address", &self.endpoint),
                    Element::text("Port", self.port),
                    Element::text("HostedZoneId", "Z2R2ITUGPM61AM"),
                ],
            ));
        }
        members.push(Element::text("AllocatedStorage", self.storage));
        if now >= self.available_at {
            members.push(Element::text("InstanceCreateTime", iso(self.created_at)));
        }
        let group =
            |id: &String| vec![Element::text("VpcSecurityGroupId", id), Element::text("Status", "active")];
        let family = engines::family(&self.engine, &self.version);
        let applied = self.parameters_status(now, &state.rds.region(&cx.region).parameter_groups);
        let parameters = vec![
            Element::text("DBParameterGroupName", &self.parameter_group),
            Element::text("ParameterApplyStatus", applied),
        ];
        members.extend([
            Element::text("PreferredBackupWindow", &self.backup_window),
            Element::text("BackupRetentionPeriod", self.retention),
            Element::new("DBSecurityGroups", vec![]),
            Element::list("VpcSecurityGroups", "VpcSecurityGroupMembership", self.groups.iter().map(group)),
            Element::list("DBParameterGroups", "DBParameterGroup", [parameters]),
        ]);
        if status != "creating" {
            members.push(Element::text("AvailabilityZone", &self.zone));
        }
        members.extend(subnet_groups::element(state, cx, &self.subnet_group));
        let pending = self.pending.iter().map(|(name, value)| match name.as_str() {
            "MasterUserPassword" => Element::text(name, "****"),
            "CloudwatchLogs" => self.pending_logs(value),
            _ => Element::text(name, value),
        });
        members.extend([
            Element::text("PreferredMaintenanceWindow", &self.maintenance_window),
            Element::new("PendingModifiedValues", pending.collect()),
        ]);
        if self.retention > 0 && now >= self.available_at {
            members
                .push(Element::text("LatestRestorableTime", iso(now - now.rem_euclid(5 * common::MINUTE))));
        }
        members.extend([
            Element::text("MultiAZ", self.multi_az),
            Element::text("EngineVersion", &self.version),
            Element::text("AutoMinorVersionUpgrade", self.auto_minor),
            Element::new("ReadReplicaDBInstanceIdentifiers", vec![]),
            Element::text(
                "LicenseModel",
                if self.engine == "postgres" { "postgresql-license" } else { "general-public-license" },
            ),
        ]);
        members.extend(self.iops.map(|iops| Element::text("Iops", iops)));
        members.extend(self.throughput.map(|mib| Element::text("StorageThroughput", mib)));
        members.extend(self.max_storage.map(|gib| Element::text("MaxAllocatedStorage", gib)));
        members.extend(self.kms_key.as_ref().map(|key| Element::text("KmsKeyId", key)));
        if !self.logs.is_empty() {
            members.push(Element::texts("EnabledCloudwatchLogsExports", "member", &self.logs));
        }
        members
            .extend(self.second_zone.as_ref().map(|zone| Element::text("SecondaryAvailabilityZone", zone)));
        let options = vec![
            Element::text("OptionGroupName", format!("default:{}", family.replace('.', "-"))),
            Element::text("Status", "in-sync"),
        ];
        members.extend([
            Element::list("OptionGroupMemberships", "OptionGroupMembership", [options]),
            Element::text("PubliclyAccessible", self.public),
            Element::text("StorageType", &self.storage_type),
            Element::text("DbInstancePort", 0),
            Element::text("StorageEncrypted", self.encrypted),
            Element::text("DbiResourceId", &self.resource_id),
            Element::text("CACertificateIdentifier", "rds-ca-rsa2048-g1"),
            Element::new("DomainMemberships", vec![]),
            Element::text("CopyTagsToSnapshot", self.copy_tags),
            Element::text("MonitoringInterval", 0),
            Element::text("DBInstanceArn", self.arn(cx)),
            Element::text("IAMDatabaseAuthenticationEnabled", false),
            Element::text("PerformanceInsightsEnabled", self.insights),
            Element::text("DeletionProtection", self.protected),
            Element::new("AssociatedRoles", vec![]),
            tag_list("TagList", "Tag", &self.tags),
            Element::text("CustomerOwnedIpEnabled", false),
            Element::text("NetworkType", "IPV4"),
            Element::text("BackupTarget", "region"),
        ]);
        members
    }
}

fn after_reboot(group: &ParameterGroup) -> IndexMap<String, String> {
    group.after_reboot(Groups::table(&group.family))
}

/// Another zone of the same region, for the standby.
pub(super) fn other_zone(zone: &str) -> String {
    let (region, letter) = zone.split_at(zone.len().saturating_sub(1));
    format!("{region}{}", if letter == "a" { "b" } else { "a" })
}

/// The identifier in an argument, which may be an ARN; identifiers are kept in lower case.
pub(super) fn identifier(text: &str) -> String {
    text.rsplit(':').next().unwrap_or_default().to_ascii_lowercase()
}

/// What RDS says of an instance that does not exist.
pub(super) fn missing(id: &str) -> Fault {
    Fault::new(404, "DBInstanceNotFound", format!("DBInstance {id} not found."))
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let wanted = call.text("DBInstanceIdentifier").map(|id| identifier(&id));
    let filters = common::filters(call);
    let region = state.rds.region(&cx.region);
    if let Some(id) = wanted.as_ref().filter(|id| !region.instances.contains_key(*id)) {
        return Err(missing(id));
    }
    let mut found: Vec<Instance> = region
        .instances
        .values()
        .filter(|it| wanted.as_ref().is_none_or(|id| it.id == *id))
        .cloned()
        .collect();
    for (name, values) in filters {
        let value: fn(&Instance) -> String = match name.as_str() {
            "db-instance-id" => |it| it.id.clone(),
            "dbi-resource-id" => |it| it.resource_id.clone(),
            "engine" => |it| it.engine.clone(),
            "db-cluster-id" | "domain" => |_| String::new(),
            _ => return super::invalid(format!("Unrecognized filter name: {name}")),
        };
        found.retain(|it| values.iter().any(|wanted| identifier(wanted) == value(it).to_ascii_lowercase()));
    }
    let (found, marker) = records(call, found)?;
    let items: Vec<_> = found.into_iter().map(|it| it.members(state, cx)).collect();
    Ok([Element::list("DBInstances", "DBInstance", items)].into_iter().chain(marker).collect())
}
