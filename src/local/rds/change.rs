//! Changing, rebooting and deleting DB instances.

use super::create::{
    check_insights, check_max_storage, check_password, check_port, check_retention, check_storage,
    check_throughput, check_windows, groups,
};
use super::events::Event;
use super::instance::{Change, Instance, identifier, missing};
use super::snapshots::{self, Snapshot};
use super::{engines, invalid, parameters, refuse, subnet_groups};
use crate::local::common::{MINUTE, SECOND, spread};
use crate::local::{Call, Cx, Element, Fault, State};

const DAY: i64 = 24 * 60 * MINUTE;

fn instance(state: &mut State, cx: &Cx, call: &Call) -> Result<Instance, Fault> {
    let id = identifier(&call.required("DBInstanceIdentifier")?);
    state.rds.region(&cx.region).instances.get(&id).cloned().ok_or_else(|| missing(&id))
}

fn reply(state: &mut State, cx: &Cx, instance: Instance) -> Vec<Element> {
    let members = instance.members(state, cx);
    state.rds.region(&cx.region).instances.insert(instance.id.clone(), instance);
    vec![Element::new("DBInstance", members)]
}

pub fn modify(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut instance = instance(state, cx, call)?;
    let given = call.params.as_object().map(|members| members.keys().cloned().collect()).unwrap_or_default();
    let given: Vec<String> = given;
    let changes: Vec<&str> = given
        .iter()
        .map(String::as_str)
        .filter(|n| !matches!(*n, "DBInstanceIdentifier" | "ApplyImmediately"))
        .collect();
    if changes.is_empty() {
        return refuse("InvalidParameterCombination", "No modifications were requested");
    }
    if let Some(unknown) = changes.iter().find(|name| !KNOWN.contains(*name)) {
        return invalid(format!("The local cloud cannot modify {unknown}"));
    }
    if !instance.is_ready(cx.now) {
        return refuse("InvalidDBInstanceState", "Database instance is not in available state.");
    }
    let pending = pending(state, cx, call, &instance)?;
    at_once(state, cx, call, &mut instance)?;
    let now = call.flag("ApplyImmediately").unwrap_or(false);
    // RDS changes passwords and ports at once, whatever the request says of other values.
    let at_once = |name: &str| matches!(name, "MasterUserPassword" | "Port" | "CloudwatchLogs");
    let urgent = pending.iter().any(|(name, value)| at_once(name) && value.is_some());
    for (name, value) in pending {
        match value {
            Some(value) => instance.pending.insert(name.to_owned(), value),
            None => instance.pending.shift_remove(name),
        };
    }
    instance.pending_at = cx.now;
    if !instance.pending.is_empty() && (now || urgent) {
        let took = duration(&instance);
        let status = status(&instance).to_owned();
        // For a while the status still says `available`.
        let starts_at = cx.now + 20 * SECOND;
        instance.change = Some(Change { status, starts_at, ends_at: starts_at + took });
    }
    Ok(reply(state, cx, instance))
}

/// What this local cloud can modify.
const KNOWN: [&str; 24] = [
    "AllocatedStorage",
    "AllowMajorVersionUpgrade",
    "AutoMinorVersionUpgrade",
    "BackupRetentionPeriod",
    "CloudwatchLogsExportConfiguration",
    "CopyTagsToSnapshot",
    "DBInstanceClass",
    "DBParameterGroupName",
    "DBPortNumber",
    "DBSubnetGroupName",
    "DeletionProtection",
    "EnablePerformanceInsights",
    "EngineVersion",
    "Iops",
    "MasterUserPassword",
    "MaxAllocatedStorage",
    "MultiAZ",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "PubliclyAccessible",
    "StorageThroughput",
    "StorageType",
    "VpcSecurityGroupIds",
    "CACertificateIdentifier",
];

/// Values that take time: name, and value when it differs from what the instance has.
type Pending = Vec<(&'static str, Option<String>)>;

fn pending(state: &mut State, cx: &Cx, call: &Call, instance: &Instance) -> Result<Pending, Fault> {
    let mut pending = Pending::new();
    let mut differs = |name: &'static str, wanted: String, has: &str| {
        pending.push((name, (wanted != has).then_some(wanted)));
    };
    if let Some(class) = call.text("DBInstanceClass") {
        if !engines::is_class(&class) {
            return invalid(format!("Invalid DB Instance class: {class}"));
        }
        differs("DBInstanceClass", class, &instance.class);
    }
    if let Some(version) = version(call, instance)? {
        differs("EngineVersion", version, &instance.version);
    }
    if let Some(storage) = storage(call, instance, cx.now)? {
        differs("AllocatedStorage", storage.to_string(), &instance.storage.to_string());
    }
    if let Some(storage_type) = call.text("StorageType") {
        let size = call.int("AllocatedStorage").unwrap_or(instance.storage);
        check_storage(&instance.engine, &storage_type, size, call.int("Iops"))?;
        differs("StorageType", storage_type, &instance.storage_type);
    }
    if let Some(throughput) = call.int("StorageThroughput") {
        let storage_type = call.text("StorageType").unwrap_or_else(|| instance.storage_type.clone());
        let size = call.int("AllocatedStorage").unwrap_or(instance.storage);
        check_throughput(&storage_type, size, Some(throughput))?;
        let has = instance.throughput.unwrap_or_default().to_string();
        differs("StorageThroughput", throughput.to_string(), &has);
    }
    if let Some(logs) = logs(call, instance)? {
        differs("CloudwatchLogs", logs, &instance.logs.join(","));
    }
    if let Some(iops) = call.int("Iops") {
        differs("Iops", iops.to_string(), &instance.iops.unwrap_or_default().to_string());
    }
    if let Some(port) = call.int("DBPortNumber") {
        check_port(port)?;
        differs("Port", port.to_string(), &instance.port.to_string());
    }
    if let Some(days) = call.int("BackupRetentionPeriod") {
        check_retention(days)?;
        differs("BackupRetentionPeriod", days.to_string(), &instance.retention.to_string());
    }
    if let Some(multi_az) = call.flag("MultiAZ") {
        differs("MultiAZ", multi_az.to_string(), &instance.multi_az.to_string());
    }
    if let Some(password) = call.text("MasterUserPassword") {
        check_password(&password, &instance.engine)?;
        // Whether it is the same one nobody knows: the password is kept nowhere.
        differs("MasterUserPassword", "****".to_owned(), "");
    }
    if let Some(name) = call.text("DBSubnetGroupName").map(|name| name.to_ascii_lowercase()) {
        let (vpc, _) = subnet_groups::place(state, cx, &name)?;
        if vpc == instance.vpc && name != instance.subnet_group {
            return refuse(
                "InvalidVPCNetworkStateFault",
                "You cannot move DB instance to subnet group. The specified DB subnet group and DB instance are in the same VPC. Choose a DB subnet group in different VPC than the specified DB instance and try again.",
            );
        }
        differs("DBSubnetGroupName", name, &instance.subnet_group);
    }
    Ok(pending)
}

fn version(call: &Call, instance: &Instance) -> Result<Option<String>, Fault> {
    let Some(wanted) = call.text("EngineVersion") else { return Ok(None) };
    // `8.0` is what it has already when it has any of 8.0.
    if instance.version == wanted || instance.version.starts_with(&format!("{wanted}.")) {
        return Ok(Some(instance.version.clone()));
    }
    let version = engines::version(&instance.engine, Some(&wanted))?;
    if engines::is_older(&version, &instance.version) {
        return refuse(
            "InvalidParameterCombination",
            format!("Cannot upgrade {} from {} to {version}", instance.engine, instance.version),
        );
    }
    let same_family =
        engines::family(&instance.engine, &version) == engines::family(&instance.engine, &instance.version);
    if !same_family && call.flag("AllowMajorVersionUpgrade") != Some(true) {
        return refuse(
            "InvalidParameterCombination",
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
        );
    }
    Ok(Some(version))
}

fn storage(call: &Call, instance: &Instance, now: i64) -> Result<Option<i64>, Fault> {
    let Some(wanted) = call.int("AllocatedStorage") else { return Ok(None) };
    if wanted == instance.storage {
        return Ok(Some(wanted));
    }
    if wanted < instance.storage {
        return refuse(
            "InvalidParameterCombination",
            "Requested storage size must be greater than the current one.",
        );
    }
    if now < instance.optimizing_until {
        return refuse(
            "InvalidParameterCombination",
            "You can't currently modify the storage of this DB instance because the previous storage change is being optimized.",
        );
    }
    let storage_type = call.text("StorageType").unwrap_or_else(|| instance.storage_type.clone());
    check_storage(&instance.engine, &storage_type, wanted, call.int("Iops"))?;
    // RDS grows by a tenth at least.
    Ok(Some(wanted.max(instance.storage + (instance.storage + 9) / 10)))
}

/// The logs that are sent to CloudWatch after a request which switches some on or off.
fn logs(call: &Call, instance: &Instance) -> Result<Option<String>, Fault> {
    let path = "CloudwatchLogsExportConfiguration";
    let (on, off) =
        (call.texts(&format!("{path}.EnableLogTypes")), call.texts(&format!("{path}.DisableLogTypes")));
    if on.is_empty() && off.is_empty() {
        return Ok(None);
    }
    engines::check_logs(&instance.engine, &instance.version, &[on.clone(), off.clone()].concat())?;
    let mut logs: Vec<String> = instance.logs.iter().filter(|log| !off.contains(log)).cloned().collect();
    logs.extend(on.into_iter().filter(|log| !instance.logs.contains(log)));
    Ok(Some(logs.join(",")))
}

/// What changes with the call.
fn at_once(state: &mut State, cx: &Cx, call: &Call, instance: &mut Instance) -> Result<(), Fault> {
    if let Some(group) =
        parameter_group(state, cx, call, instance)?.filter(|g| *g != instance.parameter_group)
    {
        instance.parameter_group = group;
        instance.applying_until = cx.now + 20 * SECOND;
    }
    if call.params.get("VpcSecurityGroupIds").is_some() {
        instance.groups = groups(state, cx, call, &instance.vpc.clone())?;
        state.regroup(cx, &format!("rds/{}", instance.id), &instance.groups);
    }
    let set = |flag: &mut bool, name: &str| *flag = call.flag(name).unwrap_or(*flag);
    set(&mut instance.protected, "DeletionProtection");
    set(&mut instance.public, "PubliclyAccessible");
    set(&mut instance.copy_tags, "CopyTagsToSnapshot");
    set(&mut instance.auto_minor, "AutoMinorVersionUpgrade");
    check_windows(call)?;
    if let Some(window) = call.text("PreferredBackupWindow") {
        instance.backup_window = window;
    }
    if let Some(window) = call.text("PreferredMaintenanceWindow") {
        instance.maintenance_window = window;
    }
    if let Some(insights) = call.flag("EnablePerformanceInsights") {
        let class = call.text("DBInstanceClass").unwrap_or_else(|| instance.class.clone());
        check_insights(&instance.engine, &class, insights)?;
        instance.insights = insights;
    }
    if let Some(most) = call.int("MaxAllocatedStorage") {
        let size = call.int("AllocatedStorage").unwrap_or(instance.storage);
        // The size that it has turns it off.
        let most = (most != size).then_some(most);
        check_max_storage(&instance.engine, &instance.storage_type, size, most)?;
        instance.max_storage = most;
    }
    Ok(())
}

/// The parameter group that a request gives, which must fit the version that it gives or that there is. One that is the
/// user's own does not follow the engine to another major version by itself.
fn parameter_group(
    state: &mut State,
    cx: &Cx,
    call: &Call,
    instance: &Instance,
) -> Result<Option<String>, Fault> {
    let version = version(call, instance)?.unwrap_or_else(|| instance.version.clone());
    let given = call.text("DBParameterGroupName");
    let own = !instance.parameter_group.starts_with("default.");
    let stays = (own && given.is_none()).then(|| instance.parameter_group.clone());
    let group = parameters::fitting(state, cx, given.clone().or(stays), &instance.engine, &version)?;
    Ok(given.map(|_| group.name))
}

/// How long the pending values take.
pub(super) fn duration(instance: &Instance) -> i64 {
    let one = |name: &String| {
        let (from, to) = match name.as_str() {
            "MasterUserPassword" | "CloudwatchLogs" => (20 * SECOND, 40 * SECOND),
            "Port" | "BackupRetentionPeriod" => (60 * SECOND, 120 * SECOND),
            "DBInstanceClass" => (5 * MINUTE, 8 * MINUTE),
            "MultiAZ" => (8 * MINUTE, 12 * MINUTE),
            "EngineVersion" => (6 * MINUTE, 10 * MINUTE),
            _ => (3 * MINUTE, 6 * MINUTE),
        };
        spread(&format!("rds {name} {}", instance.id), from, to)
    };
    instance.pending.keys().map(one).max().unwrap_or(MINUTE)
}

fn status(instance: &Instance) -> &'static str {
    if instance.pending.keys().all(|name| name == "MasterUserPassword") {
        "resetting-master-credentials"
    } else if instance.pending.keys().all(|name| name == "CloudwatchLogs") {
        "configuring-log-exports"
    } else if instance.pending.contains_key("EngineVersion") {
        "upgrading"
    } else {
        "modifying"
    }
}

/// The first beginning of a weekly window (`sun:05:00-sun:05:30`, UTC) after a time, but not before the last one before
/// `now`; `None` when the window makes no sense.
pub fn next_window(window: &str, after: i64, now: i64) -> Option<i64> {
    let (start, _) = window.split_once('-')?;
    let mut parts = start.split(':');
    let days = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    // The epoch was a Thursday.
    let name = parts.next()?;
    let day = i64::try_from(days.iter().position(|day| *day == name)?).ok()?;
    let hour: i64 = parts.next()?.parse().ok().filter(|hour| (0..24).contains(hour))?;
    let minute: i64 = parts.next()?.parse().ok().filter(|minute| (0..60).contains(minute))?;
    let in_week = day * DAY + (hour * 60 + minute) * MINUTE;
    let week = 7 * DAY;
    let last = now - (now - in_week).rem_euclid(week);
    Some(if last > after { last } else { last + week })
}

pub fn reboot(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut instance = instance(state, cx, call)?;
    if !instance.is_ready(cx.now) || instance.change.is_some() {
        return refuse(
            "InvalidDBInstanceState",
            format!("Instance {} is not in available state.", instance.id),
        );
    }
    if call.flag("ForceFailover") == Some(true) && !instance.multi_az {
        return refuse(
            "InvalidParameterCombination",
            "ForceFailover cannot be specified since the instance is not configured for either MultiAZ or High Availability",
        );
    }
    let took = spread(&format!("rds reboot {}", instance.id), 30 * SECOND, 90 * SECOND);
    let (id, at) = (instance.id.clone(), cx.now + took);
    let status = "rebooting".to_owned();
    instance.change = Some(Change { status, starts_at: cx.now, ends_at: at });
    let events = &mut state.rds.region(&cx.region).events;
    events.push(Event::of(&id, "db-instance", "DB instance restarted", "availability", at));
    Ok(reply(state, cx, instance))
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let mut instance = instance(state, cx, call)?;
    let id = instance.id.clone();
    let skip = call.flag("SkipFinalSnapshot").unwrap_or(false);
    let snapshot = call.text("FinalDBSnapshotIdentifier").map(|snapshot| snapshot.to_ascii_lowercase());
    match (skip, &snapshot) {
        (true, Some(_)) => {
            return refuse(
                "InvalidParameterCombination",
                "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is specified.",
            );
        }
        (false, None) => {
            return refuse(
                "InvalidParameterCombination",
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            );
        }
        _ => {}
    }
    match instance.status(cx.now) {
        "deleting" => {
            return refuse("InvalidDBInstanceState", format!("Instance {id} is already being deleted."));
        }
        busy @ ("creating" | "backing-up") => {
            return refuse(
                "InvalidDBInstanceState",
                format!("Instance {id} is currently {busy} - please try your request later."),
            );
        }
        _ => {}
    }
    if instance.protected {
        return refuse(
            "InvalidParameterCombination",
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        );
    }
    let mut took = spread(&format!("rds delete {id}"), 3 * MINUTE, 5 * MINUTE);
    if let Some(snapshot) = &snapshot {
        snapshots::check_new(state, cx, snapshot)?;
        took += 4 * MINUTE;
        let mut made = Snapshot::of(&instance, snapshot, "manual", cx.now, cx.now + 3 * MINUTE);
        if instance.copy_tags {
            made.tags = instance.tags.clone();
        }
        state.rds.region(&cx.region).snapshots.insert(snapshot.clone(), made);
    }
    instance.gone_at = Some(cx.now + took);
    (instance.change, instance.pending) = (None, indexmap::IndexMap::new());
    state.detach(cx, &format!("rds/{id}"), cx.now + took);
    let events = &mut state.rds.region(&cx.region).events;
    events.push(Event::of(&id, "db-instance", "DB instance deleted", "deletion", cx.now + took));
    Ok(reply(state, cx, instance))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::local::testing::{Client, START, find, text};

    fn ready() -> Client {
        let client = Client::new();
        let params = [
            ("DBInstanceIdentifier", "mydb"),
            ("DBInstanceClass", "db.t3.micro"),
            ("Engine", "mysql"),
            ("MasterUsername", "admin"),
            ("MasterUserPassword", "sesame-open"),
            ("AllocatedStorage", "20"),
            ("DeletionProtection", "true"),
        ];
        client.query("rds", "CreateDBInstance", &params).unwrap();
        client.wait(600);
        client
    }

    fn modify(client: &Client, name: &str, value: &str, now: &str) -> Result<(), String> {
        let params = [("DBInstanceIdentifier", "mydb"), (name, value), ("ApplyImmediately", now)];
        client.query("rds", "ModifyDBInstance", &params).map(|_| ())
    }

    fn seen(client: &Client, member: &str) -> Option<String> {
        let reply = client.query("rds", "DescribeDBInstances", &[]).unwrap();
        find(&reply, &format!("DescribeDBInstancesResult/DBInstances/DBInstance/{member}"))
    }

    #[test]
    fn changes_are_pending_then_done() {
        let client = ready();
        let id = [("DBInstanceIdentifier", "mydb"), ("ApplyImmediately", "true")];
        assert_eq!(client.query("rds", "ModifyDBInstance", &id).unwrap_err(), "InvalidParameterCombination");
        modify(&client, "DBInstanceClass", "db.t3.small", "true").unwrap();
        assert_eq!(seen(&client, "DBInstanceStatus").as_deref(), Some("available"));
        assert_eq!(seen(&client, "PendingModifiedValues/DBInstanceClass").as_deref(), Some("db.t3.small"));
        client.wait(60);
        assert_eq!(seen(&client, "DBInstanceStatus").as_deref(), Some("modifying"));
        assert_eq!(modify(&client, "MultiAZ", "true", "true").unwrap_err(), "InvalidDBInstanceState");
        client.wait(600);
        assert_eq!(seen(&client, "DBInstanceStatus").as_deref(), Some("available"));
        assert_eq!(seen(&client, "DBInstanceClass").as_deref(), Some("db.t3.small"));
        assert_eq!(seen(&client, "PendingModifiedValues/DBInstanceClass"), None);
    }

    #[test]
    fn without_haste_changes_wait_for_the_window() {
        let client = ready();
        modify(&client, "DBInstanceClass", "db.t3.small", "false").unwrap();
        client.wait(3600);
        assert_eq!(seen(&client, "DBInstanceClass").as_deref(), Some("db.t3.micro"));
        client.wait(7 * 24 * 3600);
        assert_eq!(seen(&client, "DBInstanceClass").as_deref(), Some("db.t3.small"));
        // 4 January 2026 was the first Sunday of the year.
        assert_eq!(next_window("sun:05:00-sun:05:30", START, START), Some(START + 3 * DAY + 300 * MINUTE));
        assert_eq!(next_window("someday", 0, 0), None);
    }

    #[test]
    fn storage_grows_and_then_rests() {
        let client = ready();
        assert_eq!(
            modify(&client, "AllocatedStorage", "19", "true").unwrap_err(),
            "InvalidParameterCombination"
        );
        modify(&client, "AllocatedStorage", "21", "true").unwrap();
        client.wait(600);
        assert_eq!(seen(&client, "DBInstanceStatus").as_deref(), Some("storage-optimization"));
        assert_eq!(seen(&client, "AllocatedStorage").as_deref(), Some("22"));
        assert_eq!(
            modify(&client, "AllocatedStorage", "30", "true").unwrap_err(),
            "InvalidParameterCombination"
        );
        client.wait(7 * 3600);
        modify(&client, "AllocatedStorage", "30", "true").unwrap();
    }

    #[test]
    fn deletion_has_its_conditions() {
        let client = ready();
        let delete = |extra: &[(&str, &str)]| {
            let params: Vec<_> = [("DBInstanceIdentifier", "mydb")].iter().chain(extra).copied().collect();
            client.query("rds", "DeleteDBInstance", &params).map(|_| ())
        };
        let skip = [("SkipFinalSnapshot", "true")];
        assert_eq!(delete(&[]).unwrap_err(), "InvalidParameterCombination");
        assert_eq!(delete(&skip).unwrap_err(), "InvalidParameterCombination");
        modify(&client, "DeletionProtection", "false", "true").unwrap();
        delete(&[("FinalDBSnapshotIdentifier", "last")]).unwrap();
        assert_eq!(seen(&client, "DBInstanceStatus").as_deref(), Some("deleting"));
        assert_eq!(delete(&skip).unwrap_err(), "InvalidDBInstanceState");
        client.wait(600);
        assert_eq!(seen(&client, "DBInstanceStatus"), None);
        assert_eq!(delete(&skip).unwrap_err(), "DBInstanceNotFound");
        let snapshots = client.query("rds", "DescribeDBSnapshots", &[]).unwrap();
        assert_eq!(text(&snapshots, "DescribeDBSnapshotsResult/DBSnapshots/DBSnapshot/Status"), "available");
        let interfaces = client.query("ec2", "DescribeNetworkInterfaces", &[]).unwrap();
        assert_eq!(find(&interfaces, "networkInterfaceSet/item/networkInterfaceId"), None);
    }
}
