//! The mutating calls of DB instances.

use aws_sdk_rds::types::CloudwatchLogsExportConfiguration;

use super::tags;
use crate::cloud::parts::{applies, modified};
use crate::cloud::{Clients, CloudError, Op, Present, Reply, Retry, Want, calling, found, reading};
use crate::eval::Value;

pub(super) const CREATE: &str = "rds:CreateDBInstance";
pub(super) const RESTORE: &str = "rds:RestoreDBInstanceFromDBSnapshot";
pub(super) const MODIFY: &str = "rds:ModifyDBInstance";
pub(super) const REBOOT: &str = "rds:RebootDBInstance";
pub(super) const DELETE: &str = "rds:DeleteDBInstance";

/// The name of the parameter or subnet group that an attribute gives.
fn group(want: &Want, attribute: &str) -> Option<String> {
    want.ids(attribute, "name").as_str().map(str::to_owned)
}

/// The texts of a list, when it has any.
fn some(texts: Vec<String>) -> Option<Vec<String>> {
    (!texts.is_empty()).then_some(texts)
}

pub(super) async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let text = |name| want.text(name).map(str::to_owned);
    let insights = want.flag("performance_insights").filter(|on| *on);
    let call = clients
        .rds
        .create_db_instance()
        .db_instance_identifier(&want.name)
        .set_engine(text("engine"))
        .set_engine_version(text("version"))
        .set_db_instance_class(text("class"))
        .set_allocated_storage(want.int("storage"))
        .set_max_allocated_storage(want.int("max_storage"))
        .set_storage_type(text("storage_type"))
        .set_iops(want.int("iops"))
        .set_storage_throughput(want.int("throughput"))
        .set_storage_encrypted(want.flag("encrypted"))
        .set_kms_key_id(text("kms_key"))
        .set_db_name(text("database"))
        .set_master_username(text("username"))
        .set_master_user_password(want.secret("password").map(str::to_owned))
        .set_port(want.int("port"))
        .set_multi_az(want.flag("multi_az"))
        .set_publicly_accessible(want.flag("publicly_accessible"))
        .set_backup_retention_period(want.int("backup_retention"))
        .set_preferred_backup_window(text("backup_window"))
        .set_preferred_maintenance_window(text("maintenance_window"))
        .set_auto_minor_version_upgrade(want.flag("auto_minor_version_upgrade"))
        .set_enable_performance_insights(insights)
        .set_enable_cloudwatch_logs_exports(some(want.id_texts("log_exports", "id")))
        .set_deletion_protection(want.flag("deletion_protection"))
        .set_vpc_security_group_ids(some(want.id_texts("security_groups", "id")))
        .set_db_subnet_group_name(group(want, "subnet_group"))
        .set_db_parameter_group_name(group(want, "parameter_group"))
        .set_copy_tags_to_snapshot(want.flag("copy_tags_to_snapshots"))
        .set_tags(tags(&want.tags));
    let made = call.send().await.map_err(calling(CREATE))?;
    let id = made.db_instance().and_then(|instance| instance.db_instance_identifier());
    Ok(Reply::of(&made, id))
}

/// Makes it of a snapshot. What the snapshot decides (user, engine, encryption) must be as wanted; what the call cannot set
/// is modified afterwards.
pub(super) async fn restore(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    check_snapshot(clients, want).await?;
    let text = |name| want.text(name).map(str::to_owned);
    let call = clients
        .rds
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier(&want.name)
        .set_db_snapshot_identifier(text("from_snapshot"))
        .set_db_instance_class(text("class"))
        .set_storage_type(text("storage_type"))
        .set_iops(want.int("iops"))
        .set_storage_throughput(want.int("throughput"))
        .set_port(want.int("port"))
        .set_multi_az(want.flag("multi_az"))
        .set_publicly_accessible(want.flag("publicly_accessible"))
        .set_auto_minor_version_upgrade(want.flag("auto_minor_version_upgrade"))
        .set_enable_cloudwatch_logs_exports(some(want.id_texts("log_exports", "id")))
        .set_deletion_protection(want.flag("deletion_protection"))
        .set_vpc_security_group_ids(some(want.id_texts("security_groups", "id")))
        .set_db_subnet_group_name(group(want, "subnet_group"))
        .set_db_parameter_group_name(group(want, "parameter_group"))
        .set_copy_tags_to_snapshot(want.flag("copy_tags_to_snapshots"))
        .set_tags(tags(&want.tags));
    let made = call.send().await.map_err(calling(RESTORE))?;
    let id = made.db_instance().and_then(|instance| instance.db_instance_identifier());
    Ok(Reply::of(&made, id))
}

async fn check_snapshot(clients: &Clients, want: &Want) -> Result<(), CloudError> {
    let name = want.text("from_snapshot").unwrap_or_default();
    let call = clients.rds.describe_db_snapshots().db_snapshot_identifier(name);
    let reply = found(call.send().await.map_err(reading("rds:DescribeDBSnapshots")))?;
    let Some(snapshot) = reply.as_ref().and_then(|reply| reply.db_snapshots().first()) else {
        return Err(CloudError::misuse(RESTORE, format!("there is no DB snapshot `{name}`")));
    };
    let facts = [
        ("engine", Value::from(snapshot.engine())),
        ("username", snapshot.master_username().into()),
        ("encrypted", snapshot.encrypted().into()),
        ("kms_key", snapshot.kms_key_id().into()),
    ];
    for (attribute, has) in facts {
        let wanted = want.get(attribute);
        if *wanted != Value::None && has != Value::None && *wanted != has {
            let (has, wanted) = (crate::eval::show(&has), crate::eval::show(wanted));
            let message = format!(
                "the snapshot `{name}` has `{attribute}` = {has}, which stays so in what is made of it; the file says {wanted}"
            );
            return Err(CloudError::misuse(RESTORE, message));
        }
    }
    Ok(())
}

/// Changes what the operation names, at once rather than in the next maintenance window.
pub(super) async fn modify(
    clients: &Clients,
    want: &Want,
    present: &Present,
    op: &Op,
) -> Result<Reply, CloudError> {
    let text = |name: &str| want.text(name).filter(|_| applies(op, name)).map(str::to_owned);
    let int = |name: &str| want.int(name).filter(|_| applies(op, name));
    let flag = |name: &str| want.flag(name).filter(|_| applies(op, name));
    let group = |name: &str| group(want, name).filter(|_| applies(op, name));
    // Turned off before a deletion even where the file says nothing.
    let protection = applies(op, "deletion_protection").then(|| flag("deletion_protection").unwrap_or(false));
    // RDS API reference, ModifyDBInstance: what belongs to one kind of storage is sent together.
    let volume = ["storage", "storage_type", "iops", "throughput"].iter().any(|name| applies(op, name));
    let of_volume = |name: &str| want.int(name).filter(|_| volume);
    let most = want.int("max_storage").or(want.int("storage"));
    let version = applies(op, "version");
    let upgrade = want.flag("allow_major_version_upgrade").filter(|allowed| version && *allowed);
    let call = clients
        .rds
        .modify_db_instance()
        .db_instance_identifier(&want.name)
        .apply_immediately(true)
        .set_engine_version(text("version"))
        .set_allow_major_version_upgrade(upgrade)
        .set_db_instance_class(text("class"))
        .set_allocated_storage(int("storage"))
        .set_max_allocated_storage(most.filter(|_| applies(op, "max_storage")))
        .set_storage_type(want.text("storage_type").filter(|_| volume).map(str::to_owned))
        .set_iops(of_volume("iops"))
        .set_storage_throughput(of_volume("throughput"))
        .set_master_user_password(
            want.secret("password").filter(|_| applies(op, "password")).map(str::to_owned),
        )
        .set_db_port_number(int("port"))
        .set_multi_az(flag("multi_az"))
        .set_publicly_accessible(flag("publicly_accessible"))
        .set_backup_retention_period(int("backup_retention"))
        .set_preferred_backup_window(text("backup_window"))
        .set_preferred_maintenance_window(text("maintenance_window"))
        .set_copy_tags_to_snapshot(flag("copy_tags_to_snapshots"))
        .set_auto_minor_version_upgrade(flag("auto_minor_version_upgrade"))
        .set_enable_performance_insights(flag("performance_insights"))
        .set_cloudwatch_logs_export_configuration(
            applies(op, "log_exports").then(|| log_exports(want, present)),
        )
        .set_deletion_protection(protection)
        .set_vpc_security_group_ids(
            applies(op, "security_groups").then(|| want.id_texts("security_groups", "id")),
        )
        .set_db_subnet_group_name(group("subnet_group"))
        .set_db_parameter_group_name(group("parameter_group"));
    modified(call.send().await.map(|done| Reply::of(&done, None)).map_err(calling(MODIFY)))
}

/// The logs to send to CloudWatch from now on, and those to send no more.
fn log_exports(want: &Want, present: &Present) -> CloudwatchLogsExportConfiguration {
    let texts = |value: &Value| -> Vec<String> {
        value.items().iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let (wanted, there) = (texts(want.get("log_exports")), texts(present.get("log_exports")));
    let without = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|log| !those.contains(log)).cloned().collect()
    };
    CloudwatchLogsExportConfiguration::builder()
        .set_enable_log_types(some(without(&wanted, &there)))
        .set_disable_log_types(some(without(&there, &wanted)))
        .build()
}

pub(super) async fn reboot(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let call = clients.rds.reboot_db_instance().db_instance_identifier(&want.name);
    Ok(Reply::of(&call.send().await.map_err(calling(REBOOT))?, None))
}

/// How many names a final snapshot is tried under.
const SNAPSHOT_NAMES: u32 = 5;

/// Deletes it. A snapshot of the wanted name may be left of an attempt that did not delete the instance, and is then
/// not the last state: another name is taken.
pub(super) async fn delete(clients: &Clients, want: &Want, op: &Op) -> Result<Reply, CloudError> {
    let snapshot = op.detail.get("final_snapshot").and_then(|name| name.as_str());
    let mut attempt = 1;
    loop {
        let name =
            snapshot.map(|name| if attempt == 1 { name.to_owned() } else { format!("{name}-{attempt}") });
        let call = clients
            .rds
            .delete_db_instance()
            .db_instance_identifier(&want.name)
            .skip_final_snapshot(name.is_none())
            .set_final_db_snapshot_identifier(name);
        match call.send().await.map_err(calling(DELETE)) {
            Ok(gone) => return Ok(Reply::of(&gone, None)),
            Err(error) if error.retry == Retry::Exists && attempt < SNAPSHOT_NAMES => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}
