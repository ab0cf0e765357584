//! Replication groups: what is to be done next. What there is and what is sent are in `group_seen` and `group_calls`.
//!
//! ElastiCache makes one change at a time, so the group is waited for between calls.

use async_trait::async_trait;
use aws_sdk_elasticache::types::{CacheCluster, SourceType};
use serde_json::json;
use std::time::Duration;

use super::group_calls::{
    CREATE, DECREASE, DELETE, IN_TRANSIT, INCREASE, MODIFY, REBOOT, RESHARD, SNAPSHOTS, create, delete,
    modify, reboot, replicas, reshard,
};
use super::group_seen::{Detail, present};
use super::{TAGS, explained, tag, tags_of};
use crate::cloud::parts::{attributes, changed, delete_when_settled, hindrance, older, own};
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want, found, reading,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;
use crate::schema::OnChange;

/// `replication_group`
pub struct ReplicationGroup;

const DESCRIBE: &str = "elasticache:DescribeReplicationGroups";
const MEMBERS: &str = "elasticache:DescribeCacheClusters";
const POLL: u64 = 20;
/// From which version of Redis OSS on clients can be moved to TLS; every version of Valkey is later.
/// Source: ElastiCache user guide, "Enabling in-transit encryption".
const TLS_IN_PLACE: &str = "7.0.5";

const GROUP: &[&str] = &["elasticache:{here}:replicationgroup:{name}"];
const MEMBER: &[&str] = &["elasticache:{here}:cluster:*"];
const GROUP_AND_SNAPSHOT: &[&str] =
    &["elasticache:{here}:replicationgroup:{name}", "elasticache:{here}:snapshot:{name}-final-*"];
/// With its members, and the groups that it may be given.
const GROUP_AND_OTHERS: &[&str] = &[
    "elasticache:{here}:cluster:*",
    "elasticache:{here}:parametergroup:*",
    "elasticache:{here}:replicationgroup:{name}",
    "elasticache:{here}:subnetgroup:{subnet_group}",
];
/// And with the snapshot that it is made of.
const GROUP_OF_SNAPSHOT: &[&str] = &[
    "elasticache:{here}:cluster:*",
    "elasticache:{here}:parametergroup:*",
    "elasticache:{here}:replicationgroup:{name}",
    "elasticache:{here}:snapshot:*",
    "elasticache:{here}:subnetgroup:{subnet_group}",
];
const PERMISSIONS: &[Permission] = &[
    Permission::look(DESCRIBE, GROUP),
    Permission::look(MEMBERS, MEMBER),
    Permission::look("elasticache:ListTagsForResource", GROUP),
    Permission::look("elasticache:DescribeEvents", ANY).because("only to say why a group failed"),
    Permission::look(SNAPSHOTS, &["elasticache:{here}:snapshot:*"]).because("only to make it of a snapshot"),
    Permission::change(CREATE, GROUP_OF_SNAPSHOT),
    Permission::change(MODIFY, GROUP_AND_OTHERS),
    Permission::change(INCREASE, GROUP).because("only for more replicas"),
    Permission::change(DECREASE, GROUP).because("only for fewer replicas"),
    Permission::change(RESHARD, GROUP).because("only for another number of shards"),
    Permission::change(REBOOT, MEMBER).because("only to apply what holds after a reboot"),
    Permission::tag(TAGS.set, GROUP).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, GROUP).because("only when a tag goes"),
    Permission::change("iam:CreateServiceLinkedRole", SERVICE_ROLE)
        .because("AWS makes its role with the first group of an account"),
    Permission::delete(DELETE, GROUP_AND_SNAPSHOT),
    Permission::delete("elasticache:CreateSnapshot", GROUP_AND_SNAPSHOT)
        .because("only with a final snapshot, which AWS takes itself"),
];
const SERVICE_ROLE: &[&str] =
    &["iam::{account}:role/aws-service-role/elasticache.amazonaws.com/AWSServiceRoleForElastiCache"];

#[async_trait]
impl Driver for ReplicationGroup {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let id = want.text("id").unwrap_or(&want.name);
        let call = clients.elasticache.describe_replication_groups().replication_group_id(id);
        let reply = found(call.send().await.map_err(reading(DESCRIBE)))?;
        let Some(group) = reply.as_ref().and_then(|reply| reply.replication_groups().first()) else {
            return Ok(Observed::Absent);
        };
        let mut present = present(group, &members(clients, id).await?, want);
        if let State::Failed(why) = &present.state {
            present.state = State::Failed(explained(clients, SourceType::ReplicationGroup, id, why).await);
        }
        let in_between = matches!(group.status(), Some("creating" | "deleting"));
        if let Some(arn) = group.arn().filter(|_| !in_between)
            && let Some(tags) = tags_of(clients, arn).await?
        {
            present = present.tagged(tags);
        }
        Ok(Observed::Present(Box::new(present)))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let handles = [("security_groups", "id"), ("subnet_group", "name"), ("parameter_group", "name")];
        let mut attrs = want.desired(&handles);
        // With no groups given AWS puts in the VPC's default group.
        attrs.retain(|name, value| name != "security_groups" || !value.items().is_empty());
        attrs
    }

    fn on_change(&self, _want: &Want, present: &Present, change: &Change) -> OnChange {
        match (change.attribute.as_str(), change.after.as_str()) {
            ("engine", Some("valkey")) => OnChange::Update,
            (IN_TRANSIT, _) if older(&Detail::of(present).version, TLS_IN_PLACE) => OnChange::Replace,
            _ => change.on_change,
        }
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        // What was never there holds nothing, so it is made anew.
        let remake = (Detail::of(present).status == "create-failed").then_some(DELETE);
        if let Some(next) = hindrance(want, present, POLL, remake) {
            return next;
        }
        if let Some(why) = refusal(want, present, changes) {
            return Next::Fail(why);
        }
        if let Some(op) = change(want, present, changes) {
            return Next::Call(op);
        }
        if let Some(member) = Detail::of(present).to_reboot.first()
            && want.text("apply") == Some("immediately")
        {
            return Next::Call(Op::new(REBOOT).with(json!({ "member": member })));
        }
        TAGS.next(want, present).map_or(Next::Done, Next::Call)
    }

    fn next_delete(&self, want: &Want, seen: &Observed) -> Next {
        let keep = want.flag("final_snapshot") == Some(true);
        let snapshot = match seen {
            Observed::Present(present) if keep => {
                let detail = Detail::of(present);
                // Groups of one name are told apart by when they were made.
                (detail.status != "create-failed").then(|| format!("{}-final-{}", want.name, detail.created))
            }
            _ => None,
        };
        delete_when_settled(seen, POLL, Op::new(DELETE).with(json!({ "final_snapshot": snapshot })))
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
            (MODIFY, Observed::Present(present)) => modify(clients, want, present, op).await,
            (INCREASE | DECREASE, _) => replicas(clients, want, &op.operation).await,
            (RESHARD, Observed::Present(present)) => {
                reshard(clients, want, &Detail::of(present).shards).await
            }
            (REBOOT, Observed::Present(present)) => reboot(clients, &Detail::of(present), op).await,
            (DELETE, _) => delete(clients, want, op).await,
            (_, Observed::Present(present)) if TAGS.is(op) => {
                tag(clients, &Detail::of(present).arn, op).await
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a replication group")),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }
}

/// Why the changes cannot be made, if they cannot.
fn refusal(want: &Want, present: &Present, changes: &[Change]) -> Option<String> {
    if changed(changes, "version") && !changed(changes, "engine") {
        let (from, to) = (present.get("version").as_str()?, want.text("version")?);
        return older(to, from).then(|| {
            format!(
                "ElastiCache cannot go back from {from} to {to}: write `version = \"{from}\"`, or make another group"
            )
        });
    }
    let lost = changes.iter().find(|change| change.attribute == "auth_token")?;
    let gone = lost.after == Value::None;
    gone.then(|| {
        "ElastiCache does not take an `auth_token` back: write it again, or make another group".to_owned()
    })
}

/// The one change to make next. Replicas come before what needs them, and go after it.
fn change(want: &Want, present: &Present, changes: &[Change]) -> Option<Op> {
    let count = |attrs: &Value| attrs.as_int().unwrap_or_default();
    let more = count(want.get("replicas")) > count(present.get("replicas"));
    if changed(changes, "replicas") && more {
        return Some(Op::new(INCREASE).with(attributes(["replicas"])));
    }
    let apart = ["replicas", "shards", "auth_token", IN_TRANSIT];
    let together: Vec<&str> = own(changes).into_iter().filter(|name| !apart.contains(name)).collect();
    if !together.is_empty() {
        return Some(Op::new(MODIFY).with(attributes(together)));
    }
    // A token is changed by a call of its own, and needs TLS.
    let calls = [(IN_TRANSIT, MODIFY), ("auth_token", MODIFY), ("shards", RESHARD), ("replicas", DECREASE)];
    let (name, operation) = calls.into_iter().find(|(name, _)| changed(changes, name))?;
    Some(Op::new(operation).with(attributes([name])))
}

/// The clusters of a group, in the order of their names.
async fn members(clients: &Clients, id: &str) -> Result<Vec<CacheCluster>, CloudError> {
    let mut members = Vec::new();
    let mut pages = clients.elasticache.describe_cache_clusters().into_paginator().items().send();
    while let Some(cluster) = pages.next().await {
        let cluster = cluster.map_err(reading(MEMBERS))?;
        if cluster.replication_group_id() == Some(id) {
            members.push(cluster);
        }
    }
    members.sort_by(|one, other| one.cache_cluster_id().cmp(&other.cache_cluster_id()));
    Ok(members)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::parts::applies;
    use crate::cloud::testing::{attrs, change as differs, seen, want};

    fn group(replicas: i64) -> Want {
        let mut want = want("replication_group", "shop-redis");
        want.attrs = attrs([("replicas", replicas.into()), ("version", "7.1".into())]);
        want
    }

    fn there(replicas: i64) -> Observed {
        let attrs = attrs([("replicas", replicas.into()), ("version", "7.1".into())]);
        seen(Present { attrs, detail: json!({ "arn": "", "created": 7 }), ..Present::default() })
    }

    fn next(want: &Want, seen: &Observed, names: &[&str]) -> Op {
        let changes: Vec<Change> =
            names.iter().map(|name| differs(name, Value::None, want.get(name).clone())).collect();
        match ReplicationGroup.next(want, seen, &changes) {
            Next::Call(op) => op,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn replicas_come_before_what_needs_them_and_go_after_it() {
        let op = next(&group(2), &there(0), &["multi_az", "replicas", "shards"]);
        assert_eq!(op.operation, INCREASE);
        let op = next(&group(0), &there(2), &["multi_az", "replicas", "node_type", "shards"]);
        assert_eq!(op.operation, MODIFY);
        assert!(applies(&op, "multi_az") && applies(&op, "node_type") && !applies(&op, "replicas"));
        assert_eq!(next(&group(0), &there(2), &["replicas", "shards"]).operation, RESHARD);
        assert_eq!(next(&group(0), &there(2), &["replicas"]).operation, DECREASE);
    }

    #[test]
    fn a_version_does_not_go_back_and_a_final_snapshot_is_named_by_birth() {
        let mut old = group(1);
        old.attrs.insert("version".into(), "7.0".into());
        let changes = [differs("version", "7.1".into(), "7.0".into())];
        assert!(
            matches!(ReplicationGroup.next(&old, &there(1), &changes), Next::Fail(why) if why.contains("7.1"))
        );
        old.attrs.insert("final_snapshot".into(), true.into());
        let Next::Call(op) = ReplicationGroup.next_delete(&old, &there(1)) else { panic!() };
        assert_eq!(op.detail, json!({ "final_snapshot": "shop-redis-final-7" }));
    }
}
