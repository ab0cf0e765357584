//! Replication groups: what is to be done next. What there is and what is sent are in `group_seen` and `group_calls`.
//!
//! ElastiCache makes one change at a time, so the group is waited for between calls.

use async_trait::async_trait;
use aws_sdk_elasticache::types::{CacheCluster, ReplicationGroup as Group, SourceType};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

use super::group_calls::{
    CREATE, DECREASE, DELETE, IN_TRANSIT, INCREASE, MODIFY, REBOOT, RESHARD, SNAPSHOTS, create, delete,
    modify, reboot, replicas, reshard,
};
use super::group_seen::{Detail, present};
use super::{TAGS, explained, last_events, tag, tags_of};
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
    // All who wait share one read of several groups.
    Permission::look(DESCRIBE, &["*"]),
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
        let Some(group) = described(clients, id).await? else { return Ok(Observed::Absent) };
        let mut present = present(&group, &members(clients, id).await?, want);
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

    async fn still(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Present,
        _looks: u32,
    ) -> Result<bool, CloudError> {
        let group = described(clients, want.text("id").unwrap_or(&want.name)).await?;
        // A group that says it is available may be waited for because of its members, or of changes to come.
        let status = group.as_ref().and_then(|group| group.status()).filter(|status| *status != "available");
        Ok(status == Some(Detail::of(seen).status.as_str()))
    }

    /// ElastiCache user guide and field logs: eight minutes and more to make one, some minutes for most else.
    fn soonest(&self, op: &Op) -> Duration {
        Duration::from_secs(match op.operation.as_str() {
            CREATE => 420,
            INCREASE | DECREASE | RESHARD | DELETE => 120,
            _ => 0,
        })
    }

    async fn last_words(&self, clients: &Clients, _want: &Want, seen: &Present) -> Vec<String> {
        last_events(clients, SourceType::ReplicationGroup, &seen.id).await
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }
}

/// The group of an id, if there is one; all who wait for groups share the read.
async fn described(clients: &Clients, id: &str) -> Result<Option<Group>, CloudError> {
    clients.shared.one(DESCRIBE, &id.to_lowercase(), |names| groups(clients, names)).await
}

/// The groups of these ids, which are in lower case, that exist. AWS has no way to ask for some of them.
async fn groups(clients: &Clients, names: Vec<String>) -> Result<Vec<(String, Group)>, CloudError> {
    let named = |group: &Group| group.replication_group_id().map(str::to_lowercase);
    let call = clients.elasticache.describe_replication_groups();
    if let [name] = names.as_slice() {
        let reply = found(call.replication_group_id(name).send().await.map_err(reading(DESCRIBE)))?;
        let groups = reply.and_then(|reply| reply.replication_groups).unwrap_or_default();
        return Ok(groups.into_iter().filter_map(|one| Some((named(&one)?, one))).collect());
    }
    let mut pages = call.into_paginator().items().send();
    let mut all = Vec::new();
    while let Some(group) = pages.next().await {
        let group = group.map_err(reading(DESCRIBE))?;
        all.extend(named(&group).map(|name| (name, group)));
    }
    Ok(all)
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

/// The clusters of a group, in the order of their names: of the one list of all clusters, which all groups share.
async fn members(clients: &Clients, id: &str) -> Result<Vec<CacheCluster>, CloudError> {
    let read = |_| async move {
        let mut by_group: BTreeMap<String, Vec<CacheCluster>> = BTreeMap::new();
        let mut pages = clients.elasticache.describe_cache_clusters().into_paginator().items().send();
        while let Some(cluster) = pages.next().await {
            let cluster = cluster.map_err(reading(MEMBERS))?;
            if let Some(group) = cluster.replication_group_id().map(str::to_lowercase) {
                by_group.entry(group).or_default().push(cluster);
            }
        }
        Ok(by_group.into_iter().collect())
    };
    let members =
        clients.shared.one("elasticache:DescribeCacheClusters of groups", &id.to_lowercase(), read).await?;
    let mut members = members.unwrap_or_default();
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
