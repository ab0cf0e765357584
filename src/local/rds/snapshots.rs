//! DB snapshots.

use serde::{Deserialize, Serialize};

use super::instance::{Instance, identifier, missing};
use super::refuse;
use crate::local::common::{self, MINUTE, Tags, is_identifier, iso, records, spread, tag_list, tags_at};
use crate::local::{Call, Cx, Element, Fault, State};

/// A DB snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Snapshot {
    pub id: String,
    pub instance: String,
    pub resource_id: String,
    pub engine: String,
    pub version: String,
    pub storage: i64,
    pub storage_type: String,
    pub port: i64,
    pub zone: String,
    pub vpc: String,
    pub username: String,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    pub database: Option<String>,
    pub class: String,
    /// Days.
    pub retention: i64,
    pub iops: Option<i64>,
    /// `manual` or `automated`
    pub kind: String,
    pub created_at: i64,
    pub available_at: i64,
    pub tags: Tags,
}

impl Snapshot {
    pub(super) fn of(instance: &Instance, id: &str, kind: &str, at: i64, available_at: i64) -> Self {
        Self {
            id: id.to_owned(),
            instance: instance.id.clone(),
            resource_id: instance.resource_id.clone(),
            engine: instance.engine.clone(),
            version: instance.version.clone(),
            storage: instance.storage,
            storage_type: instance.storage_type.clone(),
            port: instance.port,
            zone: instance.zone.clone(),
            vpc: instance.vpc.clone(),
            username: instance.username.clone(),
            encrypted: instance.encrypted,
            kms_key: instance.kms_key.clone(),
            database: instance.database.clone(),
            class: instance.class.clone(),
            retention: instance.retention,
            iops: instance.iops,
            kind: kind.to_owned(),
            created_at: at,
            available_at,
            tags: Tags::new(),
        }
    }

    fn members(&self, cx: &Cx) -> Vec<Element> {
        let ready = cx.now >= self.available_at;
        let mut members = vec![
            Element::text("DBSnapshotIdentifier", &self.id),
            Element::text("DBInstanceIdentifier", &self.instance),
            Element::text("SnapshotCreateTime", iso(self.created_at)),
            Element::text("Engine", &self.engine),
            Element::text("AllocatedStorage", self.storage),
            Element::text("Status", if ready { "available" } else { "creating" }),
            Element::text("Port", self.port),
            Element::text("AvailabilityZone", &self.zone),
            Element::text("VpcId", &self.vpc),
            Element::text("MasterUsername", &self.username),
            Element::text("EngineVersion", &self.version),
            Element::text("SnapshotType", &self.kind),
            Element::text("PercentProgress", if ready { 100 } else { 0 }),
            Element::text("StorageType", &self.storage_type),
            Element::text("Encrypted", self.encrypted),
            Element::text("DBSnapshotArn", common::arn(cx, "rds", &format!("snapshot:{}", self.id))),
            Element::text("DbiResourceId", &self.resource_id),
            tag_list("TagList", "Tag", &self.tags),
        ];
        members.extend(self.kms_key.as_ref().map(|key| Element::text("KmsKeyId", key)));
        members
    }
}

/// Whether a snapshot may have this name.
pub(super) fn check_new(state: &mut State, cx: &Cx, id: &str) -> Result<(), Fault> {
    if !is_identifier(id, 255) {
        return super::invalid(format!("The parameter DBSnapshotIdentifier is not a valid identifier: {id}"));
    }
    if state.rds.region(&cx.region).snapshots.contains_key(id) {
        return refuse(
            "DBSnapshotAlreadyExists",
            format!("Cannot create the snapshot because a snapshot with the identifier {id} already exists."),
        );
    }
    Ok(())
}

fn missing_snapshot(id: &str) -> Fault {
    Fault::new(404, "DBSnapshotNotFound", format!("DBSnapshot not found: {id}"))
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let id = call.required("DBSnapshotIdentifier")?.to_ascii_lowercase();
    let source = identifier(&call.required("DBInstanceIdentifier")?);
    check_new(state, cx, &id)?;
    let region = state.rds.region(&cx.region);
    let instance = region.instances.get(&source).ok_or_else(|| missing(&source))?;
    if !instance.is_ready(cx.now) {
        return refuse(
            "InvalidDBInstanceState",
            format!(
                "Cannot create a snapshot because the database instance {source} is not currently in the available state."
            ),
        );
    }
    let took = spread(&format!("rds snapshot {id}"), 2 * MINUTE, 4 * MINUTE);
    let mut snapshot = Snapshot::of(instance, &id, "manual", cx.now, cx.now + took);
    snapshot.tags = tags_at(call, "Tags");
    let members = snapshot.members(cx);
    region.snapshots.insert(id, snapshot);
    Ok(vec![Element::new("DBSnapshot", members)])
}

/// Makes an instance of a snapshot: as another one, with what the snapshot holds where the request says nothing else.
pub fn restore(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let id = identifier(&call.required("DBSnapshotIdentifier")?);
    let snapshots = &state.rds.region(&cx.region).snapshots;
    let snapshot = snapshots.get(&id).ok_or_else(|| missing_snapshot(&id))?;
    if cx.now < snapshot.available_at {
        return refuse("InvalidDBSnapshotState", format!("The snapshot {id} is not in the available state."));
    }
    if call.text("Engine").is_some_and(|engine| engine != snapshot.engine) {
        return super::invalid("The engine of a snapshot cannot be changed when it is restored.");
    }
    if call.int("AllocatedStorage").is_some_and(|gib| gib < snapshot.storage) {
        return super::invalid("The storage cannot be smaller than that of the snapshot.");
    }
    let mut params = call.params.as_object().cloned().unwrap_or_default();
    let mut set = |name: &str, value: String| params.insert(name.to_owned(), value.into());
    set("Engine", snapshot.engine.clone());
    set("EngineVersion", snapshot.version.clone());
    set("MasterUsername", snapshot.username.clone());
    // The password is the old one, which is kept nowhere.
    set("MasterUserPassword", "as-in-the-snapshot".to_owned());
    set("StorageEncrypted", snapshot.encrypted.to_string());
    let mut otherwise = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|_| !params.contains_key(name)) {
            params.insert(name.to_owned(), value.into());
        }
    };
    otherwise("KmsKeyId", snapshot.kms_key.clone());
    otherwise("DBName", snapshot.database.clone());
    otherwise("DBInstanceClass", Some(snapshot.class.clone()));
    otherwise("AllocatedStorage", Some(snapshot.storage.to_string()));
    if call.text("StorageType").is_none_or(|wanted| wanted == snapshot.storage_type) {
        otherwise(
            "Iops",
            snapshot.iops.filter(|_| snapshot.storage_type != "gp3").map(|iops| iops.to_string()),
        );
        otherwise("StorageType", Some(snapshot.storage_type.clone()));
    }
    otherwise("BackupRetentionPeriod", Some(snapshot.retention.to_string()));
    otherwise("Port", Some(snapshot.port.to_string()));
    let call = Call { operation: "CreateDBInstance".to_owned(), params: params.into(), ..Call::default() };
    super::create::create(state, cx, &call)
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let id = call.required("DBSnapshotIdentifier")?.to_ascii_lowercase();
    let snapshots = &mut state.rds.region(&cx.region).snapshots;
    let snapshot = snapshots.get(&id).ok_or_else(|| missing_snapshot(&id))?;
    if cx.now < snapshot.available_at {
        return refuse(
            "InvalidDBSnapshotState",
            "Cannot delete the snapshot because it is not in the available state.",
        );
    }
    let members = snapshot.members(cx);
    snapshots.shift_remove(&id);
    Ok(vec![Element::new("DBSnapshot", members)])
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let id = call.text("DBSnapshotIdentifier").map(|id| identifier(&id));
    let of = call.text("DBInstanceIdentifier").map(|id| identifier(&id));
    let kind = call.text("SnapshotType");
    let snapshots = &state.rds.region(&cx.region).snapshots;
    if let Some(id) = id.as_ref().filter(|id| !snapshots.contains_key(*id)) {
        return Err(missing_snapshot(id));
    }
    let asked = |snapshot: &&Snapshot| {
        id.as_ref().is_none_or(|id| snapshot.id == *id)
            && of.as_ref().is_none_or(|of| snapshot.instance == *of)
            && kind.as_ref().is_none_or(|kind| snapshot.kind == *kind)
    };
    let (found, marker) = records(call, snapshots.values().filter(asked).collect())?;
    let items = found.into_iter().map(|snapshot| snapshot.members(cx));
    Ok([Element::list("DBSnapshots", "DBSnapshot", items)].into_iter().chain(marker).collect())
}
