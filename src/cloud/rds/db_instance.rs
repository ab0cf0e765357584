//! DB instances: what is to be done next. What there is and what is sent are in `instance_seen` and `instance_calls`.

use async_trait::async_trait;
use aws_sdk_rds::types::{DbInstance as Instance, Filter};
use std::time::Duration;

use super::instance_calls::{
    CREATE, DELETE, MODIFY, REBOOT, RESTORE, create, delete, modify, reboot, restore,
};
use super::instance_seen::{Detail, explained, last_events, present};
use super::{TAGS, tag};
use crate::cloud::parts::{attributes, changed, older, own, wait};
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want, found, reading,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;
use serde_json::json;

/// `db_instance`
pub struct DbInstance;

const DESCRIBE: &str = "rds:DescribeDBInstances";
/// Seconds between two looks, the same for all instances, so that they share them.
const POLL: u64 = 30;

const DB: &[&str] = &["rds:{here}:db:{name}"];
/// With the groups that an instance may be given.
const DB_AND_GROUPS: &[&str] = &[
    "rds:{here}:db:{name}",
    "rds:{here}:og:*",
    "rds:{here}:pg:*",
    "rds:{here}:secgrp:*",
    "rds:{here}:subgrp:{subnet_group}",
];
/// And with the snapshot that it is made of.
const DB_OF_SNAPSHOT: &[&str] = &[
    "rds:{here}:db:{name}",
    "rds:{here}:og:*",
    "rds:{here}:pg:*",
    "rds:{here}:snapshot:*",
    "rds:{here}:subgrp:{subnet_group}",
];
const PERMISSIONS: &[Permission] = &[
    // All who wait share one read of several instances.
    Permission::look(DESCRIBE, &["*"]),
    Permission::look("rds:DescribeEvents", ANY).because("only to say why an instance failed"),
    Permission::change(CREATE, DB_AND_GROUPS),
    Permission::look("rds:DescribeDBSnapshots", ANY).because("only to make it of a snapshot"),
    Permission::change(RESTORE, DB_OF_SNAPSHOT).because("only to make it of a snapshot"),
    Permission::change(MODIFY, DB_AND_GROUPS),
    Permission::change(REBOOT, DB).because("only to apply what holds after a reboot"),
    Permission::tag(TAGS.set, DB).because("also needed to tag it as it is made"),
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

#[async_trait]
impl Driver for DbInstance {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let identifier = want.text("identifier").unwrap_or(&want.name);
        let name = identifier.to_lowercase();
        let found = clients.shared.one(DESCRIBE, &name, |names| instances(clients, names)).await?;
        let Some(instance) = found else { return Ok(Observed::Absent) };
        let mut present = present(&instance, want);
        if let State::Failed(why) = &present.state {
            present.state = State::Failed(explained(clients, identifier, why).await);
        }
        Ok(Observed::Present(Box::new(present)))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let handles = [("security_groups", "id"), ("subnet_group", "name"), ("parameter_group", "name")];
        let mut attrs = want.desired(&handles);
        // With no groups given AWS puts in the VPC's default group.
        attrs.retain(|name, value| name != "security_groups" || !value.items().is_empty());
        if want.get("max_storage") == &Value::None {
            // Without a limit above it the storage does not grow by itself.
            attrs.insert("max_storage".to_owned(), want.get("storage").clone());
        }
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return make(want) };
        let grows = grows(want, present);
        match &present.state {
            State::Busy(status) => return wait(POLL, status),
            // More room is what a full disk needs.
            State::Failed(_) if Detail::of(present).status == "storage-full" && grows => {}
            State::Failed(why) => return failed(want, present, why),
            State::Settled => {}
        }
        if let Some(why) = refusal(want, present, changes, grows) {
            return Next::Fail(why);
        }
        let own = own(changes);
        if !own.is_empty() {
            return Next::Call(Op::new(MODIFY).with(attributes(own)));
        }
        if Detail::of(present).awaits_reboot && want.text("apply") == Some("immediately") {
            return Next::Call(Op::new(REBOOT));
        }
        TAGS.next(want, present).map_or(Next::Done, Next::Call)
    }

    fn next_delete(&self, want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Done };
        let detail = Detail::of(present);
        let keep = want.flag("final_snapshot") == Some(true);
        match &present.state {
            State::Busy(status) => return wait(POLL, status),
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
            (RESTORE, _) => restore(clients, want).await,
            (MODIFY, Observed::Present(present)) => modify(clients, want, present, op).await,
            (REBOOT, _) => reboot(clients, want).await,
            (DELETE, _) => delete(clients, want, op).await,
            (_, Observed::Present(present)) if TAGS.is(op) => {
                tag(clients, &Detail::of(present).arn, op).await
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a DB instance")),
        }
    }

    /// RDS user guide and field logs: five minutes and more to make one, three to delete it.
    fn soonest(&self, op: &Op) -> Duration {
        Duration::from_secs(match op.operation.as_str() {
            CREATE => 330,
            DELETE => 170,
            _ => 0,
        })
    }

    async fn last_words(&self, clients: &Clients, _want: &Want, seen: &Present) -> Vec<String> {
        last_events(clients, &seen.id).await
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(80 * 60)
    }
}

/// Making it: anew, or of a snapshot, whose password is its own until another call sets the wanted one.
fn make(want: &Want) -> Next {
    Next::Call(match want.text("from_snapshot") {
        Some(_) => Op::create(RESTORE).leaving(&["password"]),
        None => Op::create(CREATE),
    })
}

/// What to do about an instance that failed. One that AWS cannot repair (RDS user guide, "Viewing DB instance status": "delete
/// the DB instance") and that never was available since vpipe began to make it holds nothing: the next run deletes it and
/// makes it anew, unless it is protected from deletion. Any other may hold data, and is left to its owner.
fn failed(want: &Want, present: &Present, why: &str) -> Next {
    let beyond_repair = matches!(
        Detail::of(present).status.as_str(),
        "failed" | "incompatible-create" | "incompatible-restore"
    );
    if !beyond_repair || !want.never_ready {
        return Next::Fail(why.to_owned());
    }
    if present.get("deletion_protection").as_bool() == Some(true) {
        return Next::Fail(format!(
            "{why}; it never was available and would be made anew, but it is protected from deletion: take that off in the \
             console, or with `aws rds modify-db-instance --no-deletion-protection`, and run again"
        ));
    }
    match want.acted {
        true => Next::Fail(format!(
            "{why}; it never was available and holds nothing: the next run deletes it and makes it anew"
        )),
        false => Next::Call(Op::new(DELETE).with(json!({ "final_snapshot": null }))),
    }
}

/// Why the changes cannot be made, if they cannot.
fn refusal(want: &Want, present: &Present, changes: &[Change], grows: bool) -> Option<String> {
    if changed(changes, "storage") && !grows {
        let message =
            "the storage of a DB instance cannot shrink: write at least what it has, or make a new one";
        return Some(message.to_owned());
    }
    if !changed(changes, "version") {
        return None;
    }
    let (from, to) = (present.get("version").as_str()?, want.text("version")?);
    let engine = want.text("engine").unwrap_or_default();
    if older(to, from) {
        return Some(format!(
            "RDS cannot take {engine} back from {from} to {to}: write `version = \"{from}\"`, or restore a snapshot of \
             that version into a new instance"
        ));
    }
    let permitted = want.flag("allow_major_version_upgrade") == Some(true);
    (major(engine, from) != major(engine, to) && !permitted).then(|| {
        format!(
            "{engine} {to} is another major version than {from}: try the upgrade on a copy first, then write \
             `allow_major_version_upgrade = true`, and a `parameter_group` of the new family if it has one"
        )
    })
}

/// The part of a version in which major versions differ: `8.0`, `10.11`, `17`.
fn major<'v>(engine: &str, version: &'v str) -> Vec<&'v str> {
    version.split('.').take(if engine == "postgres" { 1 } else { 2 }).collect()
}

/// The instances of these identifiers, which are in lower case, that exist.
async fn instances(clients: &Clients, names: Vec<String>) -> Result<Vec<(String, Instance)>, CloudError> {
    let named = |instance: &Instance| instance.db_instance_identifier().map(str::to_lowercase);
    let call = clients.rds.describe_db_instances();
    if let [name] = names.as_slice() {
        let reply = found(call.db_instance_identifier(name).send().await.map_err(reading(DESCRIBE)))?;
        let instances = reply.and_then(|reply| reply.db_instances).unwrap_or_default();
        return Ok(instances.into_iter().filter_map(|one| Some((named(&one)?, one))).collect());
    }
    let filter = Filter::builder().name("db-instance-id").set_values(Some(names)).build();
    let mut pages = call.filters(filter).into_paginator().items().send();
    let mut all = Vec::new();
    while let Some(instance) = pages.next().await {
        let instance = instance.map_err(reading(DESCRIBE))?;
        all.extend(named(&instance).map(|name| (name, instance)));
    }
    Ok(all)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::parts::applies;
    use crate::cloud::testing::{attrs, change, seen, want};
    use aws_sdk_rds::types::DbInstance as Instance;
    use aws_sdk_rds::types::{
        DbParameterGroupStatus, DbSubnetGroup, Endpoint, PendingModifiedValues, VpcSecurityGroupMembership,
    };

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
    fn what_holds_after_a_reboot_is_told_or_rebooted_into() {
        let mut want = mysql();
        let group = |status: &str| {
            DbParameterGroupStatus::builder()
                .db_parameter_group_name("tuned")
                .parameter_apply_status(status)
                .build()
        };
        let of = |status: &str| {
            present(&instance("available").db_parameter_groups(group(status)).build(), &mysql())
        };
        assert!(matches!(of("applying").state, State::Busy(_)));
        assert_eq!(of("in-sync").pending, None);
        let waiting = of("pending-reboot");
        assert!(waiting.pending.as_ref().is_some_and(|words| words.starts_with("parameters of `tuned`")));
        assert!(matches!(DbInstance.next(&want, &seen(waiting.clone()), &[]), Next::Done));
        want.attrs.insert("apply".into(), "immediately".into());
        assert!(
            matches!(DbInstance.next(&want, &seen(waiting), &[]), Next::Call(op) if op.operation == REBOOT)
        );
    }

    #[test]
    fn versions_go_up_and_major_ones_when_they_may() {
        let of = |engine: &str, to: &str, may: bool| {
            let mut want = mysql();
            want.attrs.extend(attrs([("engine", engine.into()), ("version", to.into())]));
            want.attrs.insert("allow_major_version_upgrade".into(), may.into());
            want
        };
        let next = |want: &Want, from: &str| {
            let there = seen(present(&instance("available").engine_version(from).build(), want));
            DbInstance.next(want, &there, &[change("version", from.into(), want.get("version").clone())])
        };
        let fails = |next: Next, words: &str| matches!(next, Next::Fail(why) if why.contains(words));
        assert!(fails(next(&of("mysql", "8.0", true), "8.4.5"), "back from 8.4.5"));
        assert!(fails(next(&of("mysql", "8.4", false), "8.0.42"), "allow_major_version_upgrade"));
        assert!(matches!(next(&of("mysql", "8.4", true), "8.0.42"), Next::Call(_)));
        assert!(matches!(next(&of("mysql", "8.0.43", false), "8.0.42"), Next::Call(_)));
        assert!(matches!(next(&of("postgres", "16.9", false), "16.8"), Next::Call(_)));
        assert!(fails(next(&of("postgres", "17", false), "16.8"), "another major version"));
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
