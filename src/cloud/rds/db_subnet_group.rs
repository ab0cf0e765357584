//! DB subnet groups. Their calls take effect at once.

use async_trait::async_trait;
use aws_sdk_rds::types::DbSubnetGroup as Group;
use std::time::Duration;

use super::{TAGS, tag, tags, tags_of};
use crate::cloud::groups::{GroupCalls, TIMEOUT};
use crate::cloud::parts::{known, texts};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Renewal, Reply, State, Tags, Want,
    calling, found, reading,
};
use crate::eval::Attrs;
use crate::plan::Change;

/// `db_subnet_group`
pub struct DbSubnetGroup;

const CREATE: &str = "rds:CreateDBSubnetGroup";
const MODIFY: &str = "rds:ModifyDBSubnetGroup";
const DELETE: &str = "rds:DeleteDBSubnetGroup";
const DESCRIBE: &str = "rds:DescribeDBSubnetGroups";
const CALLS: GroupCalls =
    GroupCalls { create: CREATE, modify: MODIFY, reset: "", delete: DELETE, tags: TAGS };

const GROUP: &[&str] = &["rds:{here}:subgrp:{name}"];
const PERMISSIONS: &[Permission] = &[
    Permission::look(DESCRIBE, GROUP),
    Permission::look("rds:ListTagsForResource", GROUP),
    Permission::change(CREATE, GROUP),
    Permission::change(MODIFY, GROUP),
    Permission::change(TAGS.set, GROUP).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, GROUP).because("only when a tag goes"),
    Permission::delete(DELETE, GROUP),
];

#[async_trait]
impl Driver for DbSubnetGroup {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let name = want.text("name").unwrap_or(&want.name);
        let call = clients.rds.describe_db_subnet_groups().db_subnet_group_name(name);
        let reply = found(call.send().await.map_err(reading(DESCRIBE)))?;
        let Some(group) = reply.as_ref().and_then(|reply| reply.db_subnet_groups().first()) else {
            return Ok(Observed::Absent);
        };
        let tags = tags_of(clients, group.db_subnet_group_arn().unwrap_or_default()).await?;
        Ok(Observed::Present(Box::new(present(group, tags))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        want.desired(&[])
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        CALLS.next(want, seen, changes)
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        CALLS.next_delete(seen)
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let subnets = Some(want.id_texts("subnets", "id"));
        let description = want.text("description").map(str::to_owned);
        let name = want.name.to_lowercase();
        match (op.operation.as_str(), seen) {
            (CREATE, _) => {
                let call = clients
                    .rds
                    .create_db_subnet_group()
                    .db_subnet_group_name(&name)
                    .set_db_subnet_group_description(description)
                    .set_subnet_ids(subnets)
                    .set_tags(tags(&want.tags));
                Ok(Reply::of(&call.send().await.map_err(calling(CREATE))?, Some(&name)))
            }
            (MODIFY, _) => {
                let call = clients
                    .rds
                    .modify_db_subnet_group()
                    .db_subnet_group_name(&name)
                    .set_db_subnet_group_description(description)
                    .set_subnet_ids(subnets);
                Ok(Reply::of(&call.send().await.map_err(calling(MODIFY))?, None))
            }
            (DELETE, _) => {
                let call = clients.rds.delete_db_subnet_group().db_subnet_group_name(&name);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
            (_, Observed::Present(present)) if TAGS.is(op) => {
                tag(clients, present.detail.as_str().unwrap_or_default(), op).await
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a DB subnet group")),
        }
    }

    fn renewal(&self, _want: &Want) -> Renewal {
        Renewal::Held
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }
}

/// The detail is the ARN.
fn present(group: &Group, tags: Tags) -> Present {
    let name = group.db_subnet_group_name();
    let attrs = known([
        ("name", name.into()),
        ("description", group.db_subnet_group_description().into()),
        ("subnets", texts(group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier()))),
    ]);
    let state = match group.subnet_group_status() {
        Some("Complete") | None => State::Settled,
        Some(status) => State::Busy(status.to_lowercase()),
    };
    Present {
        id: name.unwrap_or_default().to_owned(),
        state,
        attrs,
        outputs: known([("name", name.into()), ("vpc_id", group.vpc_id().into())]),
        detail: group.db_subnet_group_arn().into(),
        ..Present::default()
    }
    .tagged(tags)
}
