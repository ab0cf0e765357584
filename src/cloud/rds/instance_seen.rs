//! DB instances as they are: attributes, outputs, and what their status means.

use aws_sdk_rds::types::{DbInstance as Instance, PendingModifiedValues, SourceType};
use serde::{Deserialize, Serialize};

use crate::cloud::parts::{AFTER_REBOOT, known, number, texts, with_events, with_pending};
use crate::cloud::{Clients, Present, State, Want, seen_tags};
use crate::eval::Value;

/// What is remembered of an instance until a call.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Detail {
    pub arn: String,
    /// Survives renames and is never used twice.
    pub resource_id: String,
    /// AWS's status.
    pub status: String,
    /// Whether parameters of its group hold after a reboot only.
    pub awaits_reboot: bool,
}

impl Detail {
    pub fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }
}

pub(super) fn present(instance: &Instance, want: &Want) -> Present {
    let status = instance.db_instance_status().unwrap_or_default();
    let parameters = instance.db_parameter_groups().first();
    let applied = parameters.and_then(|group| group.parameter_apply_status());
    let awaits_reboot = applied == Some("pending-reboot");
    let parameter_group = parameters.and_then(|group| group.db_parameter_group_name());
    let groups = instance.vpc_security_groups().iter();
    let endpoint = instance.endpoint();
    let port = endpoint.and_then(|endpoint| endpoint.port());
    let storage = gib(instance.allocated_storage());
    let most = gib(instance.max_allocated_storage());
    let logs: Vec<&str> = instance.enabled_cloudwatch_logs_exports().iter().map(String::as_str).collect();
    let attrs = known([
        ("identifier", instance.db_instance_identifier().into()),
        ("engine", instance.engine().into()),
        ("version", want.version_as_asked("version", instance.engine_version())),
        ("class", instance.db_instance_class().into()),
        ("storage", as_far_as_asked(want, storage.clone())),
        ("max_storage", if most == Value::None { storage } else { most }),
        ("storage_type", instance.storage_type().into()),
        ("iops", number(instance.iops())),
        ("throughput", number(instance.storage_throughput())),
        ("encrypted", instance.storage_encrypted().into()),
        ("kms_key", instance.kms_key_id().into()),
        ("database", instance.db_name().into()),
        ("username", instance.master_username().into()),
        ("port", number(port)),
        ("multi_az", instance.multi_az().into()),
        ("publicly_accessible", instance.publicly_accessible().into()),
        ("backup_retention", number(instance.backup_retention_period())),
        ("backup_window", instance.preferred_backup_window().into()),
        ("maintenance_window", instance.preferred_maintenance_window().into()),
        ("copy_tags_to_snapshots", instance.copy_tags_to_snapshot().into()),
        ("auto_minor_version_upgrade", instance.auto_minor_version_upgrade().into()),
        ("performance_insights", instance.performance_insights_enabled().into()),
        ("log_exports", logs.into()),
        ("deletion_protection", instance.deletion_protection().into()),
        ("security_groups", texts(groups.filter_map(|group| group.vpc_security_group_id()))),
        ("subnet_group", instance.db_subnet_group().and_then(|group| group.db_subnet_group_name()).into()),
        ("parameter_group", parameter_group.into()),
    ]);
    let outputs = known([
        ("endpoint", endpoint.and_then(|endpoint| endpoint.address()).into()),
        ("port", number(port)),
        ("arn", instance.db_instance_arn().into()),
    ]);
    let detail = Detail {
        arn: instance.db_instance_arn().unwrap_or_default().to_owned(),
        resource_id: instance.dbi_resource_id().unwrap_or_default().to_owned(),
        status: status.to_owned(),
        awaits_reboot,
    };
    let state = match state(status) {
        State::Settled if applied == Some("applying") => {
            State::Busy("applying its parameter group".to_owned())
        }
        State::Settled => with_pending(State::Settled, status, pending(instance)),
        state => state,
    };
    Present {
        id: instance.db_instance_identifier().unwrap_or_default().to_owned(),
        state,
        attrs,
        outputs,
        detail: serde_json::to_value(detail).unwrap_or_default(),
        note: Some(status.to_owned()),
        pending: awaits_reboot
            .then(|| format!("parameters of `{}` {AFTER_REBOOT}", parameter_group.unwrap_or_default())),
        ..Present::default()
    }
    .tagged(seen_tags(instance.tag_list().iter().map(|tag| (tag.key(), tag.value()))))
}

/// Storage that has grown by itself, up to the limit that the file sets, is as wanted.
fn as_far_as_asked(want: &Want, storage: Value) -> Value {
    let bytes = |name| want.get(name).as_int();
    match (bytes("storage"), bytes("max_storage"), storage.as_int()) {
        (Some(least), Some(most), Some(there)) if (least..=most).contains(&there) => {
            want.get("storage").clone()
        }
        _ => storage,
    }
}

fn gib(size: Option<i32>) -> Value {
    size.map_or(Value::None, |gib| Value::Size(i64::from(gib) << 30))
}

/// Attributes with changes that have been accepted and do not hold yet.
fn pending(instance: &Instance) -> [(&'static str, bool); 12] {
    let is = |test: fn(&PendingModifiedValues) -> bool| instance.pending_modified_values().is_some_and(test);
    [
        ("class", is(|values| values.db_instance_class().is_some())),
        ("storage", is(|values| values.allocated_storage().is_some())),
        ("storage_type", is(|values| values.storage_type().is_some())),
        ("iops", is(|values| values.iops().is_some())),
        ("throughput", is(|values| values.storage_throughput().is_some())),
        ("password", is(|values| values.master_user_password().is_some())),
        ("port", is(|values| values.port().is_some())),
        ("backup_retention", is(|values| values.backup_retention_period().is_some())),
        ("multi_az", is(|values| values.multi_az().is_some())),
        ("version", is(|values| values.engine_version().is_some())),
        ("subnet_group", is(|values| values.db_subnet_group_name().is_some())),
        ("log_exports", is(|values| values.pending_cloudwatch_logs_exports().is_some())),
    ]
}

/// What AWS's status means (RDS user guide, "Viewing DB instance status"; waiters of botocore).
fn state(status: &str) -> State {
    let failed = |words: &str| State::Failed(format!("the instance is `{status}`: {words}"));
    match status {
        "available" | "storage-optimization" | "storage-config-upgrade" => State::Settled,
        "failed" => failed("AWS cannot repair it; delete it, or restore its last backup under another name"),
        "storage-full" => failed("write more `storage`"),
        "incompatible-network" => {
            failed("its subnets have no free address, or its VPC lacks DNS; mend them, or delete it")
        }
        "incompatible-parameters" => failed("its parameter group does not fit its version or class"),
        "incompatible-option-group" => failed("its option group does not fit"),
        "incompatible-restore" => failed("its backup could not be restored; delete it"),
        "incompatible-create" => failed("what was asked for does not go together; delete it"),
        "insufficient-capacity" => failed("AWS has no such instance left there; choose another `class`"),
        "inaccessible-encryption-credentials" | "inaccessible-encryption-credentials-recoverable" => {
            failed("its KMS key cannot be used; enable the key")
        }
        "restore-error" => failed("restoring it went wrong"),
        "stopped" => failed("start it with `aws rds start-db-instance`"),
        busy => State::Busy(busy.to_owned()),
    }
}

/// What RDS said about the instance in the last day, oldest first. Whoever may not ask learns nothing.
pub(super) async fn last_events(clients: &Clients, identifier: &str) -> Vec<String> {
    let call = clients.rds.describe_events().source_type(SourceType::DbInstance);
    let call = call.source_identifier(identifier).duration(24 * 60);
    let mut events = call.into_paginator().items().send();
    let mut messages = Vec::new();
    while let Some(Ok(event)) = events.next().await {
        messages.extend(event.message);
    }
    messages
}

/// A failure with the last things that RDS said about the instance.
pub(super) async fn explained(clients: &Clients, identifier: &str, why: &str) -> String {
    let events = last_events(clients, identifier).await;
    with_events(why, "RDS", events.iter().map(String::as_str))
}
