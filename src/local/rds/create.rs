//! Making DB instances: what RDS refuses, and what it makes of the rest.

use indexmap::IndexMap;

use super::change::next_window;
use super::events::Event;
use super::instance::{Instance, identifier, other_zone};
use super::{engines, invalid, parameters, refuse, subnet_groups};
use crate::local::common::{MINUTE, SECOND, arn, check_tags, host_part, is_identifier, spread, tags_at};
use crate::local::{Call, Cx, Element, Fault, State, Wearer};

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let id = call.required("DBInstanceIdentifier")?;
    let class = call.required("DBInstanceClass")?;
    let engine = call.required("Engine")?;
    check_id(&id)?;
    let id = identifier(&id);
    if !engines::exists(&engine) {
        return invalid(format!("Invalid DB engine: {engine}"));
    }
    if !engines::is_class(&class) {
        return invalid(format!("Invalid DB Instance class: {class}"));
    }
    let version = engines::version(&engine, call.text("EngineVersion").as_deref())?;
    check_credentials(call, &engine)?;
    check_database(call, &engine)?;
    let storage_type = storage_type(call)?;
    let Some(storage) = call.int("AllocatedStorage") else {
        return invalid(format!(
            "Invalid storage size for engine name {engine} and storage type {storage_type}: 0"
        ));
    };
    check_storage(&engine, &storage_type, storage, call.int("Iops"))?;
    check_throughput(&storage_type, storage, call.int("StorageThroughput"))?;
    let max_storage = call.int("MaxAllocatedStorage");
    check_max_storage(&engine, &storage_type, storage, max_storage)?;
    let encrypted = call.flag("StorageEncrypted").unwrap_or(false);
    let kms_key = kms_key(state, cx, call, encrypted, &class)?;
    let insights = call.flag("EnablePerformanceInsights").unwrap_or(false);
    check_insights(&engine, &class, insights)?;
    let logs = call.texts("EnableCloudwatchLogsExports");
    engines::check_logs(&engine, &version, &logs)?;
    check_windows(call)?;
    let (iops, throughput) =
        performance(&storage_type, storage, call.int("Iops"), call.int("StorageThroughput"));
    let retention = call.int("BackupRetentionPeriod").unwrap_or(1);
    check_retention(retention)?;
    let port = call.int("Port").unwrap_or_else(|| engines::port(&engine));
    check_port(port)?;
    let multi_az = call.flag("MultiAZ").unwrap_or(false);
    if multi_az && call.text("AvailabilityZone").is_some() {
        return refuse(
            "InvalidParameterCombination",
            "Requesting a specific availability zone is not valid for Multi-AZ instances.",
        );
    }
    let parameter_group =
        parameters::fitting(state, cx, call.text("DBParameterGroupName"), &engine, &version)?;
    let tags = tags_at(call, "Tags");
    check_tags(&tags, "InvalidParameterValue")?;
    if state.rds.region(&cx.region).instances.contains_key(&id) {
        return refuse("DBInstanceAlreadyExists", "DB instance already exists");
    }
    let subnet_group =
        call.text("DBSubnetGroupName").unwrap_or_else(|| "default".to_owned()).to_ascii_lowercase();
    let (vpc, subnets) = subnet_groups::place(state, cx, &subnet_group)?;
    let groups = groups(state, cx, call, &vpc)?;
    let zones: Vec<String> = subnets.iter().map(|(_, zone)| zone.clone()).collect();
    let zone = match call.text("AvailabilityZone") {
        Some(zone) if zones.contains(&zone) => zone,
        Some(zone) => return invalid(format!("{zone} is not a valid availability zone.")),
        // Which one it gets is RDS's choice; the same one for the same name.
        None => zones
            .get(usize::try_from(spread(&id, 0, 60 * SECOND) / SECOND).unwrap_or(0) % zones.len().max(1))
            .cloned()
            .unwrap_or_default(),
    };
    let took =
        spread(&format!("rds create {id}"), 6 * MINUTE, 9 * MINUTE) + if multi_az { 5 * MINUTE } else { 0 };
    let available_at = cx.now + took;
    let mut instance = Instance {
        parameter_group: parameter_group.name,
        booted: Default::default(),
        applying_until: 0,
        resource_id: format!("db-{}", state.letters(26)),
        endpoint: format!("{id}.{}.{}.rds.amazonaws.com", host_part(cx, "rds", 12), cx.region),
        second_zone: multi_az.then(|| {
            zones.iter().find(|other| **other != zone).cloned().unwrap_or_else(|| other_zone(&zone))
        }),
        username: call.text("MasterUsername").unwrap_or_default(),
        database: call.text("DBName").filter(|name| !name.is_empty()),
        public: call.flag("PubliclyAccessible").unwrap_or(subnet_group == "default"),
        protected: call.flag("DeletionProtection").unwrap_or(false),
        copy_tags: call.flag("CopyTagsToSnapshot").unwrap_or(false),
        auto_minor: call.flag("AutoMinorVersionUpgrade").unwrap_or(true),
        backup_window: call.text("PreferredBackupWindow").unwrap_or_else(|| "07:23-07:53".to_owned()),
        maintenance_window: call
            .text("PreferredMaintenanceWindow")
            .unwrap_or_else(|| "sun:05:00-sun:05:30".to_owned()),
        iops,
        throughput,
        max_storage,
        encrypted,
        kms_key,
        insights,
        logs,
        id: id.clone(),
        engine,
        version,
        class,
        storage,
        storage_type,
        port,
        multi_az,
        retention,
        groups,
        subnet_group,
        vpc,
        zone,
        tags,
        created_at: cx.now,
        available_at,
        pending: IndexMap::from([("MasterUserPassword".to_owned(), String::new())]),
        pending_at: cx.now,
        change: None,
        optimizing_until: 0,
        gone_at: None,
        failure: None,
    };
    attach(state, cx, &instance, &subnets);
    let region = state.rds.region(&cx.region);
    instance.boot(&region.parameter_groups);
    tell(&mut region.events, &instance);
    let members = instance.members(state, cx);
    // Until it is available, the password counts as pending in the reply only.
    let instance = Instance { pending: IndexMap::new(), ..instance };
    state.rds.region(&cx.region).instances.insert(id, instance);
    Ok(vec![Element::new("DBInstance", members)])
}

/// An interface in the subnet of its zone, and one for the standby.
fn attach(state: &mut State, cx: &Cx, instance: &Instance, subnets: &[(String, String)]) {
    let zones = [Some(&instance.zone), instance.second_zone.as_ref()];
    let standing = zones.iter().flatten().filter_map(|zone| subnets.iter().find(|(_, other)| other == *zone));
    let subnets: Vec<String> = standing.map(|(subnet, _)| subnet.clone()).collect();
    let name = format!("rds/{}", instance.id);
    let description = "RDSNetworkInterface";
    state.attach(cx, &Wearer { name: &name, description, groups: &instance.groups, subnets: &subnets });
}

fn tell(events: &mut Vec<Event>, instance: &Instance) {
    let (id, at) = (&instance.id, instance.available_at);
    events.push(Event::of(id, "db-instance", "DB instance created", "creation", at - 95 * SECOND));
    if instance.retention > 0 {
        events.push(Event::of(id, "db-instance", "Backing up DB instance", "backup", at - 90 * SECOND));
        events.push(Event::of(id, "db-instance", "Finished DB Instance backup", "backup", at));
    }
}

fn check_id(id: &str) -> Result<(), Fault> {
    if is_identifier(id, 63) {
        return Ok(());
    }
    invalid(
        "The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.",
    )
}

fn check_credentials(call: &Call, engine: &str) -> Result<(), Fault> {
    let username = call.required("MasterUsername")?;
    let longest = if engine == "mysql" || engine == "mariadb" { 16 } else { 63 };
    let first = username.starts_with(|c: char| c.is_ascii_alphabetic());
    if !first || username.len() > longest || !username.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        return invalid(format!(
            "The parameter MasterUsername must begin with a letter and have 1 to {longest} letters, digits and underscores."
        ));
    }
    let reserved = ["rdsadmin", "rdsrepladmin", "mysql", "root", "public"];
    let lower = username.to_ascii_lowercase();
    if reserved.contains(&lower.as_str()) || (engine == "postgres" && lower == "admin") {
        return invalid(format!(
            "MasterUsername {username} cannot be used as it is a reserved word used by the engine"
        ));
    }
    let Some(password) = call.text("MasterUserPassword").filter(|password| !password.is_empty()) else {
        return invalid("The parameter MasterUserPassword must be provided and must not be blank.");
    };
    check_password(&password, engine)
}

pub(super) fn check_password(password: &str, engine: &str) -> Result<(), Fault> {
    let longest = if engine == "postgres" { 128 } else { 41 };
    if password.len() < 8 {
        return invalid(
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.",
        );
    }
    if password.len() > longest {
        return invalid(format!(
            "The parameter MasterUserPassword is not a valid password because it is longer than {longest} characters."
        ));
    }
    if !password.chars().all(|c| c.is_ascii_graphic() && !"/\"@".contains(c)) {
        return invalid(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.",
        );
    }
    Ok(())
}

fn check_database(call: &Call, engine: &str) -> Result<(), Fault> {
    let Some(name) = call.text("DBName").filter(|name| !name.is_empty()) else { return Ok(()) };
    let longest = if engine == "postgres" { 63 } else { 64 };
    let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= longest;
    match well_formed {
        true => Ok(()),
        false => invalid(format!(
            "DBName must begin with a letter and contain only alphanumeric characters, at most {longest} of them."
        )),
    }
}

fn storage_type(call: &Call) -> Result<String, Fault> {
    let default = if call.int("Iops").is_some() { "io1" } else { "gp3" };
    let storage_type = call.text("StorageType").unwrap_or_else(|| default.to_owned());
    match storage_type.as_str() {
        "standard" | "gp2" | "gp3" | "io1" | "io2" => Ok(storage_type),
        _ => invalid(format!("Invalid storage type: {storage_type}")),
    }
}

pub(super) fn check_storage(
    engine: &str,
    storage_type: &str,
    size: i64,
    iops: Option<i64>,
) -> Result<(), Fault> {
    let (least, most) = match storage_type {
        "io1" | "io2" => (100, 65536),
        "standard" => (5, 3072),
        _ => (20, 65536),
    };
    if !(least..=most).contains(&size) {
        return invalid(format!(
            "Invalid storage size for engine name {engine} and storage type {storage_type}: {size}"
        ));
    }
    match (storage_type, iops) {
        ("io1" | "io2", None) => {
            refuse("InvalidParameterCombination", "You must specify IOPS for Provisioned IOPS storage.")
        }
        ("gp2" | "standard", Some(_)) => refuse(
            "InvalidParameterCombination",
            format!("You can't specify IOPS for the storage type {storage_type}."),
        ),
        // gp3 below 400 GiB has 3000 and no more.
        ("gp3", Some(iops)) if size < 400 && iops != 3000 => refuse(
            "InvalidParameterCombination",
            "You can't specify IOPS or storage throughput for engine and a storage size less than 400.",
        ),
        _ => Ok(()),
    }
}

/// The IOPS and the MiB a second of a volume: those that are asked for, or what gp3 has at its size.
pub(super) fn performance(
    storage_type: &str,
    size: i64,
    iops: Option<i64>,
    throughput: Option<i64>,
) -> (Option<i64>, Option<i64>) {
    let own = if size < 400 { (3000, 125) } else { (12000, 500) };
    match storage_type {
        "gp3" => (iops.or(Some(own.0)), throughput.or(Some(own.1))),
        _ => (iops, None),
    }
}

pub(super) fn check_throughput(storage_type: &str, size: i64, throughput: Option<i64>) -> Result<(), Fault> {
    let Some(throughput) = throughput else { return Ok(()) };
    match storage_type {
        "gp3" if size < 400 && throughput != 125 => refuse(
            "InvalidParameterCombination",
            "You can't specify IOPS or storage throughput for engine and a storage size less than 400.",
        ),
        "gp3" if (125..=4000).contains(&throughput) => Ok(()),
        "gp3" => invalid(format!("Invalid storage throughput: {throughput}.")),
        _ => refuse(
            "InvalidParameterCombination",
            format!("You can't specify storage throughput for storage type {storage_type}."),
        ),
    }
}

pub(super) fn check_max_storage(
    engine: &str,
    storage_type: &str,
    size: i64,
    most: Option<i64>,
) -> Result<(), Fault> {
    match most {
        Some(most) if most < size + (size + 9) / 10 || most > 65536 => refuse(
            "InvalidParameterCombination",
            format!(
                "Invalid max storage size for engine name {engine} and storage type {storage_type}: {most}"
            ),
        ),
        _ => Ok(()),
    }
}

/// The key of an encrypted volume: the one that is asked for, or AWS's own.
fn kms_key(
    state: &mut State,
    cx: &Cx,
    call: &Call,
    encrypted: bool,
    class: &str,
) -> Result<Option<String>, Fault> {
    let asked = call.text("KmsKeyId");
    if !encrypted {
        return match asked {
            Some(_) => refuse(
                "InvalidParameterCombination",
                "You must specify StorageEncrypted as true to use a KMS key.",
            ),
            None => Ok(None),
        };
    }
    if class == "db.t2.micro" {
        return refuse(
            "InvalidParameterCombination",
            format!("DB Instance class {class} does not support encryption at rest"),
        );
    }
    Ok(Some(asked.unwrap_or_else(|| arn(cx, "kms", &format!("key/{}", state.uuid())))))
}

pub(super) fn check_insights(engine: &str, class: &str, wanted: bool) -> Result<(), Fault> {
    let small = class.ends_with(".micro") || class.ends_with(".small");
    match wanted && small && engine != "postgres" {
        true => refuse(
            "InvalidParameterCombination",
            "Performance Insights not supported for this configuration.",
        ),
        false => Ok(()),
    }
}

/// The two windows of a request, if it has any: well formed.
pub(super) fn check_windows(call: &Call) -> Result<(), Fault> {
    if let Some(window) = call.text("PreferredMaintenanceWindow")
        && next_window(&window, 0, 0).is_none()
    {
        return invalid(format!("Invalid maintenance window format: {window}"));
    }
    let time = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let minutes = hour.parse::<i64>().ok().filter(|h| (0..24).contains(h))? * 60;
        Some(minutes + minute.parse::<i64>().ok().filter(|m| (0..60).contains(m))?)
    };
    let Some(window) = call.text("PreferredBackupWindow") else { return Ok(()) };
    let bounds = window.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?)));
    match bounds {
        // At least half an hour, perhaps past midnight.
        Some((from, to)) if (to - from).rem_euclid(24 * 60) >= 30 => Ok(()),
        _ => invalid(format!("Invalid backup window format: {window}")),
    }
}

pub(super) fn check_retention(days: i64) -> Result<(), Fault> {
    match (0..=35).contains(&days) {
        true => Ok(()),
        false => invalid(format!("Invalid backup retention period: {days}. Must be between 0 and 35.")),
    }
}

pub(super) fn check_port(port: i64) -> Result<(), Fault> {
    match (1150..=65535).contains(&port) {
        true => Ok(()),
        false => invalid(format!("Invalid port: {port}. Must be between 1150 and 65535.")),
    }
}

/// The security groups of a request, checked; the VPC's default group when there are none.
pub(super) fn groups(state: &mut State, cx: &Cx, call: &Call, vpc: &str) -> Result<Vec<String>, Fault> {
    let region = state.ec2.region(&cx.region);
    let groups = call.texts("VpcSecurityGroupIds");
    if groups.is_empty() {
        return Ok(region.default_group().into_iter().collect());
    }
    match region.stranger(&groups, vpc) {
        Some(stranger) => invalid(format!("Invalid security group , groupId= {stranger}, groupName=.")),
        None => Ok(groups),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::{Client, count, find, text};

    pub(super) const GOOD: [(&str, &str); 7] = [
        ("DBInstanceIdentifier", "MyDB"),
        ("DBInstanceClass", "db.t3.micro"),
        ("Engine", "mysql"),
        ("EngineVersion", "8.0"),
        ("MasterUsername", "admin"),
        ("MasterUserPassword", "sesame-open"),
        ("AllocatedStorage", "20"),
    ];

    fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        GOOD.iter().copied().filter(|(given, _)| *given != name).chain([(name, value)]).collect()
    }

    #[test]
    fn an_instance_comes_up_by_and_by() {
        let client = Client::new();
        let status = |client: &Client| {
            let reply =
                client.query("rds", "DescribeDBInstances", &[("DBInstanceIdentifier", "mydb")]).unwrap();
            let instance = "DescribeDBInstancesResult/DBInstances/DBInstance";
            let endpoint = find(&reply, &format!("{instance}/Endpoint/Address"));
            (text(&reply, &format!("{instance}/DBInstanceStatus")), endpoint)
        };
        let reply = client.query("rds", "CreateDBInstance", &GOOD).unwrap();
        assert_eq!(text(&reply, "CreateDBInstanceResult/DBInstance/EngineVersion"), "8.0.43");
        assert_eq!(status(&client), ("creating".into(), None));
        client.wait(240);
        assert_eq!(status(&client), ("creating".into(), None));
        client.wait(300);
        let (now, endpoint) = status(&client);
        assert_eq!(now, "available");
        assert!(endpoint.unwrap().starts_with("mydb.c"));
        assert_eq!(client.query("rds", "CreateDBInstance", &GOOD).unwrap_err(), "DBInstanceAlreadyExists");
        let events = client.query("rds", "DescribeEvents", &[("Duration", "60")]).unwrap();
        assert_eq!(count(&events, "DescribeEventsResult/Events/Event"), 3);
    }

    #[test]
    fn what_rds_refuses() {
        let client = Client::new();
        let refusal = |name, value| client.query("rds", "CreateDBInstance", &with(name, value)).unwrap_err();
        for (name, value, code) in [
            ("DBInstanceIdentifier", "1db", "InvalidParameterValue"),
            ("DBInstanceIdentifier", "a--b", "InvalidParameterValue"),
            ("DBInstanceClass", "t3.micro", "InvalidParameterValue"),
            ("Engine", "mysqll", "InvalidParameterValue"),
            ("EngineVersion", "7.3", "InvalidParameterCombination"),
            ("MasterUsername", "9lives", "InvalidParameterValue"),
            ("MasterUserPassword", "short", "InvalidParameterValue"),
            ("MasterUserPassword", "with@sign9", "InvalidParameterValue"),
            ("AllocatedStorage", "5", "InvalidParameterValue"),
            ("DBSubnetGroupName", "nope", "DBSubnetGroupNotFoundFault"),
            ("DBParameterGroupName", "mine", "DBParameterGroupNotFound"),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-0", "InvalidParameterValue"),
            ("BackupRetentionPeriod", "36", "InvalidParameterValue"),
            ("Tags.Tag.1.Key", "aws:mine", "InvalidParameterValue"),
        ] {
            assert_eq!(refusal(name, value), code, "{name} {value}");
        }
        assert_eq!(client.query("rds", "CreateDBInstance", &[]).unwrap_err(), "MissingParameter");
    }
}
