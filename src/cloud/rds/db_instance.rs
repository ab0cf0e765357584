//! DB instances.

use async_trait::async_trait;
use aws_sdk_rds::types::{DbInstance as Instance, PendingModifiedValues, SourceType};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

use super::{TAGS, tag, tags};
use crate::cloud::parts::{applies, attributes, changed, known, number, texts, wait};
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want, calling, found,
    reading, seen_tags,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

/// `db_instance`
pub struct DbInstance;

const CREATE: &str = "rds:CreateDBInstance";
const MODIFY: &str = "rds:ModifyDBInstance";
const DELETE: &str = "rds:DeleteDBInstance";
const DESCRIBE: &str = "rds:DescribeDBInstances";

const DB: &[&str] = &["rds:{here}:db:{name}"];
/// With the groups that an instance may be given.
const DB_AND_GROUPS: &[&str] = &[
    "rds:{here}:db:{name}",
    "rds:{here}:og:*",
    "rds:{here}:pg:*",
    "rds:{here}:secgrp:*",
    "rds:{here}:subgrp:{subnet_group}",
];
const PERMISSIONS: &[Permission] = &[
    Permission::look(DESCRIBE, DB),
    Permission::look("rds:DescribeEvents", ANY).because("only to say why an instance failed"),
    Permission::change(CREATE, DB_AND_GROUPS),
    Permission::change(MODIFY, DB_AND_GROUPS),
    Permission::change(TAGS.set, DB).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, DB).because("only when a tag goes"),
    Permission::change("iam:CreateServiceLinkedRole", SERVICE_ROLE)
        .because("AWS makes its role with the first instance of an account"),
    Permission::delete(MODIFY, DB_AND_GROUPS).because("only when deletion protection is to be taken off"),
    Permission::delete(DELETE, DB),
    Permission::delete(
        "rds:CreateDBSnapshot",
        &["rds:{here}:db:{name}", "rds:{here}:snapshot:{name}-final-*"],
    )
    .because("only with a final snapshot, which AWS takes itself"),
    Permission::delete(TAGS.set, &["rds:{here}:snapshot:{name}-final-*"])
        .because("the final snapshot has the tags of the instance"),
];
const SERVICE_ROLE: &[&str] =
    &["iam::{account}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"];

/// What is remembered of an instance until a call.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Detail {
    arn: String,
    /// Survives renames and is never used twice.
    resource_id: String,
    /// AWS's status.
    status: String,
}

impl Detail {
    fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl Driver for DbInstance {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let identifier = want.text("identifier").unwrap_or(&want.name);
        let call = clients.rds.describe_db_instances().db_instance_identifier(identifier);
        let reply = found(call.send().await.map_err(reading(DESCRIBE)))?;
        let Some(instance) = reply.as_ref().and_then(|reply| reply.db_instances().first()) else {
            return Ok(Observed::Absent);
        };
        let mut present = present(instance, want);
        if let State::Failed(why) = &mut present.state {
            let events = last_events(clients, identifier).await;
            if !events.is_empty() {
                *why = format!("{why}; RDS says: {}", events.join("; "));
            }
        }
        Ok(Observed::Present(Box::new(present)))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let mut attrs = want.desired(&[("security_groups", "id"), ("subnet_group", "name")]);
        // With no groups given AWS puts in the VPC's default group.
        attrs.retain(|name, value| name != "security_groups" || !value.items().is_empty());
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        let grows = grows(want, present);
        match &present.state {
            State::Busy(status) => return wait(poll(status), status),
            // More room is what a full disk needs.
            State::Failed(_) if Detail::of(present).status == "storage-full" && grows => {}
            State::Failed(why) => return Next::Fail(why.clone()),
            State::Settled => {}
        }
        if changed(changes, "storage") && !grows {
            let message =
                "the storage of a DB instance cannot shrink: write at least what it has, or make a new one";
            return Next::Fail(message.to_owned());
        }
        let own: Vec<&str> =
            changes.iter().map(|c| c.attribute.as_str()).filter(|name| *name != "tags").collect();
        if !own.is_empty() {
            return Next::Call(Op::new(MODIFY).with(attributes(own)));
        }
        TAGS.next(want, present).map_or(Next::Done, Next::Call)
    }

    fn next_delete(&self, want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Done };
        let detail = Detail::of(present);
        let keep = want.flag("final_snapshot") == Some(true);
        match &present.state {
            State::Busy(status) => return wait(poll(status), status),
            // RDS API reference, DeleteDBInstance: such instances are only deleted with `SkipFinalSnapshot`.
            State::Failed(why)
                if keep && (detail.status == "failed" || detail.status.starts_with("incompatible")) =>
            {
                return Next::Fail(format!(
                    "AWS takes no final snapshot of an instance in this state; write `final_snapshot = false` to delete \
                     it without one ({why})"
                ));
            }
            _ => {}
        }
        if present.get("deletion_protection").as_bool() == Some(true) {
            return match want.flag("deletion_protection") {
                Some(true) => Next::Fail(
                    "it is protected from deletion; write `deletion_protection = false`, run, and then delete it"
                        .to_owned(),
                ),
                _ => Next::Call(Op::new(MODIFY).with(attributes(["deletion_protection"]))),
            };
        }
        let snapshot = keep.then(|| snapshot_name(&want.name, &detail.resource_id));
        Next::Call(Op::new(DELETE).with(json!({ "final_snapshot": snapshot })))
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        match (op.operation.as_str(), seen) {
            (CREATE, _) => create(clients, want).await,
            (MODIFY, _) => modify(clients, want, op).await,
            (DELETE, _) => delete(clients, want, op).await,
            (_, Observed::Present(present)) if TAGS.is(op) => {
                tag(clients, &Detail::of(present).arn, op).await
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a DB instance")),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(80 * 60)
    }
}

/// Seconds between two looks. A change takes minutes; a modification shows only after half a minute.
fn poll(status: &str) -> u64 {
    match status {
        "creating" | "deleting" | "upgrading" => 30,
        _ => 20,
    }
}

/// Whether what is wanted has more storage than there is.
fn grows(want: &Want, present: &Present) -> bool {
    match (want.get("storage").as_int(), present.get("storage").as_int()) {
        (Some(wanted), Some(there)) => wanted > there,
        _ => false,
    }
}

/// `NAME-final-ID`: at most 255 characters, and never the same for two instances of one name.
fn snapshot_name(name: &str, resource_id: &str) -> String {
    let id: String = resource_id.rsplit('-').next().unwrap_or_default().to_lowercase();
    let id = id.get(..12.min(id.len())).unwrap_or_default();
    format!("{name}-final-{}", if id.is_empty() { "snapshot" } else { id })
}

fn present(instance: &Instance, want: &Want) -> Present {
    let status = instance.db_instance_status().unwrap_or_default();
    let pending = instance.pending_modified_values().map(pending).unwrap_or_default();
    let mut state = state(status);
    if state == State::Settled && !pending.is_empty() {
        // Modified, but it does not show yet.
        state = State::Busy(format!("{status}, with changes to come: {}", pending.join(", ")));
    }
    let groups = instance.vpc_security_groups().iter();
    let endpoint = instance.endpoint();
    let port = endpoint.and_then(|endpoint| endpoint.port());
    let attrs = known([
        ("identifier", instance.db_instance_identifier().into()),
        ("engine", instance.engine().into()),
        ("version", want.version_as_asked("version", instance.engine_version())),
        ("class", instance.db_instance_class().into()),
        (
            "storage",
            instance.allocated_storage().map_or(Value::None, |gib| Value::Size(i64::from(gib) << 30)),
        ),
        ("storage_type", instance.storage_type().into()),
        ("database", instance.db_name().into()),
        ("username", instance.master_username().into()),
        ("port", number(port)),
        ("multi_az", instance.multi_az().into()),
        ("publicly_accessible", instance.publicly_accessible().into()),
        ("backup_retention", number(instance.backup_retention_period())),
        ("deletion_protection", instance.deletion_protection().into()),
        ("security_groups", texts(groups.filter_map(|group| group.vpc_security_group_id()))),
        ("subnet_group", instance.db_subnet_group().and_then(|group| group.db_subnet_group_name()).into()),
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
    };
    Present {
        id: instance.db_instance_identifier().unwrap_or_default().to_owned(),
        state,
        attrs,
        outputs,
        detail: serde_json::to_value(detail).unwrap_or_default(),
        note: Some(status.to_owned()),
        ..Present::default()
    }
    .tagged(seen_tags(instance.tag_list().iter().map(|tag| (tag.key(), tag.value()))))
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

/// The names of attributes with changes that have been accepted and do not hold yet.
fn pending(values: &PendingModifiedValues) -> Vec<&'static str> {
    [
        ("class", values.db_instance_class().is_some()),
        ("storage", values.allocated_storage().is_some()),
        ("storage_type", values.storage_type().is_some()),
        ("password", values.master_user_password().is_some()),
        ("port", values.port().is_some()),
        ("backup_retention", values.backup_retention_period().is_some()),
        ("multi_az", values.multi_az().is_some()),
        ("version", values.engine_version().is_some()),
        ("subnet_group", values.db_subnet_group_name().is_some()),
    ]
    .into_iter()
    .filter_map(|(name, is_pending)| is_pending.then_some(name))
    .collect()
}

/// The last things that RDS said about an instance. Whoever may not ask learns nothing more.
async fn last_events(clients: &Clients, identifier: &str) -> Vec<String> {
    let day = 24 * 60;
    let call = clients
        .rds
        .describe_events()
        .source_type(SourceType::DbInstance)
        .source_identifier(identifier)
        .duration(day);
    let Ok(reply) = call.send().await else { return Vec::new() };
    let messages: Vec<&str> = reply.events().iter().filter_map(|event| event.message()).collect();
    messages.iter().rev().take(3).rev().map(|message| message.trim().to_owned()).collect()
}

async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let text = |name| want.text(name).map(str::to_owned);
    let groups = want.id_texts("security_groups", "id");
    let call = clients
        .rds
        .create_db_instance()
        .db_instance_identifier(&want.name)
        .set_engine(text("engine"))
        .set_engine_version(text("version"))
        .set_db_instance_class(text("class"))
        .set_allocated_storage(want.int("storage"))
        .set_storage_type(text("storage_type"))
        .set_db_name(text("database"))
        .set_master_username(text("username"))
        .set_master_user_password(want.secret("password").map(str::to_owned))
        .set_port(want.int("port"))
        .set_multi_az(want.flag("multi_az"))
        .set_publicly_accessible(want.flag("publicly_accessible"))
        .set_backup_retention_period(want.int("backup_retention"))
        .set_deletion_protection(want.flag("deletion_protection"))
        .set_vpc_security_group_ids((!groups.is_empty()).then_some(groups))
        .set_db_subnet_group_name(want.ids("subnet_group", "name").as_str().map(str::to_owned))
        .copy_tags_to_snapshot(true)
        .set_tags(tags(&want.tags));
    let made = call.send().await.map_err(calling(CREATE))?;
    let id = made.db_instance().and_then(|instance| instance.db_instance_identifier());
    Ok(Reply::of(&made, id))
}

/// Changes what the operation names, at once rather than in the next maintenance window.
async fn modify(clients: &Clients, want: &Want, op: &Op) -> Result<Reply, CloudError> {
    let text = |name: &str| want.text(name).filter(|_| applies(op, name)).map(str::to_owned);
    let int = |name: &str| want.int(name).filter(|_| applies(op, name));
    let flag = |name: &str| want.flag(name).filter(|_| applies(op, name));
    let groups = want.id_texts("security_groups", "id");
    let subnet_group = want.ids("subnet_group", "name").as_str().map(str::to_owned);
    // Turned off before a deletion even where the file says nothing.
    let protection = applies(op, "deletion_protection").then(|| flag("deletion_protection").unwrap_or(false));
    let call = clients
        .rds
        .modify_db_instance()
        .db_instance_identifier(&want.name)
        .apply_immediately(true)
        .set_engine_version(text("version"))
        .set_allow_major_version_upgrade(applies(op, "version").then_some(true))
        .set_db_instance_class(text("class"))
        .set_allocated_storage(int("storage"))
        .set_storage_type(text("storage_type"))
        .set_master_user_password(
            want.secret("password").filter(|_| applies(op, "password")).map(str::to_owned),
        )
        .set_db_port_number(int("port"))
        .set_multi_az(flag("multi_az"))
        .set_publicly_accessible(flag("publicly_accessible"))
        .set_backup_retention_period(int("backup_retention"))
        .set_deletion_protection(protection)
        .set_vpc_security_group_ids(applies(op, "security_groups").then_some(groups))
        .set_db_subnet_group_name(subnet_group.filter(|_| applies(op, "subnet_group")));
    let done = call.send().await.map_err(calling(MODIFY));
    match done {
        Ok(done) => Ok(Reply::of(&done, None)),
        // It is so already.
        Err(error) if error.message.contains("No modifications were requested") => {
            Ok(Reply { id: None, request_id: error.request_id })
        }
        Err(error) => Err(error),
    }
}

async fn delete(clients: &Clients, want: &Want, op: &Op) -> Result<Reply, CloudError> {
    let snapshot = op.detail.get("final_snapshot").and_then(|name| name.as_str()).map(str::to_owned);
    let call = clients
        .rds
        .delete_db_instance()
        .db_instance_identifier(&want.name)
        .skip_final_snapshot(snapshot.is_none())
        .set_final_db_snapshot_identifier(snapshot);
    let gone = call.send().await.map_err(calling(DELETE))?;
    Ok(Reply::of(&gone, None))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, change, seen, want};
    use aws_sdk_rds::types::{DbSubnetGroup, Endpoint, VpcSecurityGroupMembership};

    fn mysql() -> Want {
        let mut want = want("db_instance", "shop-mysql");
        want.attrs = attrs([
            ("identifier", Value::None),
            ("engine", "mysql".into()),
            ("version", "8.0".into()),
            ("class", "db.t3.micro".into()),
            ("storage", Value::Size(20 << 30)),
            ("storage_type", "gp3".into()),
            ("database", "accounts".into()),
            ("username", "admin".into()),
            ("password", Value::Secret(crate::eval::Secret::new("pw", "hunter22"))),
            ("port", Value::None),
            ("multi_az", false.into()),
            ("publicly_accessible", false.into()),
            ("backup_retention", 1.into()),
            ("deletion_protection", false.into()),
            ("final_snapshot", false.into()),
            ("security_groups", Value::List(vec![Value::Handle("backend".into())])),
            ("subnet_group", Value::Handle("private".into())),
        ]);
        want.refs.insert("backend".into(), attrs([("id", "sg-1".into())]));
        want.refs.insert("private".into(), attrs([("name", "shop-private".into())]));
        want.tags.insert("vpipe:node".into(), "mysql".into());
        want
    }

    fn instance(status: &str) -> aws_sdk_rds::types::builders::DbInstanceBuilder {
        Instance::builder()
            .db_instance_identifier("shop-mysql")
            .db_instance_status(status)
            .engine("mysql")
            .engine_version("8.0.42")
            .db_instance_class("db.t3.micro")
            .allocated_storage(20)
            .storage_type("gp3")
            .db_name("accounts")
            .master_username("admin")
            .endpoint(Endpoint::builder().address("shop-mysql.x.rds.amazonaws.com").port(3306).build())
            .multi_az(false)
            .publicly_accessible(false)
            .backup_retention_period(1)
            .deletion_protection(false)
            .vpc_security_groups(VpcSecurityGroupMembership::builder().vpc_security_group_id("sg-1").build())
            .db_subnet_group(DbSubnetGroup::builder().db_subnet_group_name("shop-private").build())
            .db_instance_arn("arn:aws:rds:us-east-1:123456789012:db:shop-mysql")
            .dbi_resource_id("db-ABCDEFGHIJKLMNOPQRSTUVWXYZ")
            .tag_list(aws_sdk_rds::types::Tag::builder().key("vpipe:node").value("mysql").build())
    }

    #[test]
    fn what_was_made_is_what_was_wanted() {
        let want = mysql();
        let present = present(&instance("available").build(), &want);
        for (name, value) in DbInstance.desired(&want) {
            if !["password", "final_snapshot"].contains(&name.as_str()) {
                assert_eq!(present.attrs.get(&name), Some(&value), "{name}");
            }
        }
        assert_eq!(present.outputs.get("port"), Some(&Value::Int(3306)));
        assert!(matches!(DbInstance.next(&want, &seen(present), &[]), Next::Done));
    }

    #[test]
    fn changes_are_made_when_it_is_settled_and_name_what_they_apply() {
        let want = mysql();
        let changes = [
            change("class", "db.t3.small".into(), "db.t3.micro".into()),
            change("password", Value::None, Value::None),
        ];
        let busy = seen(present(&instance("modifying").build(), &want));
        assert!(matches!(DbInstance.next(&want, &busy, &changes), Next::Wait { .. }));
        let there = seen(present(&instance("available").build(), &want));
        let Next::Call(op) = DbInstance.next(&want, &there, &changes) else { panic!() };
        assert_eq!(op.operation, MODIFY);
        assert!(applies(&op, "class") && applies(&op, "password") && !applies(&op, "storage"));
    }

    #[test]
    fn accepted_changes_are_waited_for() {
        let want = mysql();
        let pending = PendingModifiedValues::builder().db_instance_class("db.t3.small").build();
        let present = present(&instance("available").pending_modified_values(pending).build(), &want);
        assert_eq!(present.state, State::Busy("available, with changes to come: class".into()));
    }

    #[test]
    fn storage_only_grows() {
        let want = mysql();
        let shrink = [change("storage", Value::Size(40 << 30), Value::Size(20 << 30))];
        let there = seen(present(&instance("available").allocated_storage(40).build(), &want));
        assert!(matches!(DbInstance.next(&want, &there, &shrink), Next::Fail(why) if why.contains("shrink")));
        let grow = [change("storage", Value::Size(10 << 30), Value::Size(20 << 30))];
        let full = seen(present(&instance("storage-full").allocated_storage(10).build(), &want));
        assert!(matches!(DbInstance.next(&want, &full, &grow), Next::Call(op) if op.operation == MODIFY));
        let full = seen(present(&instance("storage-full").build(), &want));
        assert!(
            matches!(DbInstance.next(&want, &full, &[]), Next::Fail(why) if why.contains("more `storage`"))
        );
    }

    #[test]
    fn deletion_respects_protection_and_keeps_a_snapshot() {
        let mut want = mysql();
        let there = |protected| {
            seen(present(&instance("available").deletion_protection(protected).build(), &mysql()))
        };
        let Next::Call(op) = DbInstance.next_delete(&want, &there(false)) else { panic!() };
        assert_eq!((op.operation.as_str(), op.detail), (DELETE, json!({ "final_snapshot": null })));
        assert!(
            matches!(DbInstance.next_delete(&want, &there(true)), Next::Call(op) if op.operation == MODIFY)
        );
        want.attrs.insert("deletion_protection".into(), true.into());
        assert!(matches!(DbInstance.next_delete(&want, &there(true)), Next::Fail(_)));
        want.attrs.insert("final_snapshot".into(), true.into());
        let Next::Call(op) = DbInstance.next_delete(&want, &there(false)) else { panic!() };
        assert_eq!(op.detail, json!({ "final_snapshot": "shop-mysql-final-abcdefghijkl" }));
        let failed = seen(present(&instance("failed").build(), &want));
        assert!(matches!(DbInstance.next_delete(&want, &failed), Next::Fail(_)));
        let full = seen(present(&instance("storage-full").build(), &want));
        assert!(matches!(DbInstance.next_delete(&want, &full), Next::Call(op) if op.operation == DELETE));
        let going = seen(present(&instance("deleting").build(), &want));
        assert!(matches!(DbInstance.next_delete(&want, &going), Next::Wait { .. }));
        assert!(matches!(DbInstance.next_delete(&want, &Observed::Absent), Next::Done));
    }
}
