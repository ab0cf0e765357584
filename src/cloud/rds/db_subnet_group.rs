//! DB subnet groups. Their calls take effect at once.

use async_trait::async_trait;

use super::{TAGS, tag, tags, tags_of};
use crate::cloud::groups::{Detail, Group, GroupCalls};
use crate::cloud::parts::{known, texts};
use crate::cloud::{
    Clients, CloudError, Op, Permission, Present, Reply, State, Want, calling, found, reading,
};

/// `db_subnet_group`
pub struct DbSubnetGroup;

const CREATE: &str = "rds:CreateDBSubnetGroup";
const MODIFY: &str = "rds:ModifyDBSubnetGroup";
const DELETE: &str = "rds:DeleteDBSubnetGroup";
const DESCRIBE: &str = "rds:DescribeDBSubnetGroups";

const GROUP: &[&str] = &["rds:{here}:subgrp:{name}"];

#[async_trait]
impl Group for DbSubnetGroup {
    const TITLE: &str = "a DB subnet group";
    const CALLS: GroupCalls =
        GroupCalls { create: CREATE, modify: MODIFY, reset: None, delete: DELETE, tags: TAGS };
    const PERMISSIONS: &[Permission] = &[
        Permission::look(DESCRIBE, GROUP),
        Permission::look("rds:ListTagsForResource", GROUP),
        Permission::change(CREATE, GROUP),
        Permission::change(MODIFY, GROUP),
        Permission::tag(TAGS.set, GROUP).because("also needed to tag it as it is made"),
        Permission::change(TAGS.remove, GROUP).because("only when a tag goes"),
        Permission::delete(DELETE, GROUP),
    ];

    async fn find(&self, clients: &Clients, _want: &Want, name: &str) -> Result<Option<Present>, CloudError> {
        let call = clients.rds.describe_db_subnet_groups().db_subnet_group_name(name);
        let reply = found(call.send().await.map_err(reading(DESCRIBE)))?;
        let Some(group) = reply.as_ref().and_then(|reply| reply.db_subnet_groups().first()) else {
            return Ok(None);
        };
        let (name, arn) = (group.db_subnet_group_name(), group.db_subnet_group_arn());
        let present = Present {
            id: name.unwrap_or_default().to_owned(),
            state: match group.subnet_group_status() {
                Some("Complete") | None => State::Settled,
                Some(status) => State::Busy(status.to_lowercase()),
            },
            attrs: known([
                ("name", name.into()),
                ("description", group.db_subnet_group_description().into()),
                ("subnets", texts(group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier()))),
            ]),
            outputs: known([("name", name.into()), ("vpc_id", group.vpc_id().into())]),
            detail: Detail::arn(arn),
            ..Present::default()
        };
        Ok(Some(present.tagged(tags_of(clients, arn.unwrap_or_default()).await?)))
    }

    async fn send(
        &self,
        clients: &Clients,
        want: &Want,
        name: &str,
        _detail: &Detail,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let (rds, subnets) = (&clients.rds, Some(want.id_texts("subnets", "id")));
        let description = want.text("description").map(str::to_owned);
        match op.operation.as_str() {
            CREATE => {
                let call = rds.create_db_subnet_group().db_subnet_group_name(name);
                let call = call.set_db_subnet_group_description(description).set_subnet_ids(subnets);
                let made = call.set_tags(tags(&want.tags)).send().await.map_err(calling(CREATE))?;
                Ok(Reply::of(&made, Some(name)))
            }
            MODIFY => {
                let call = rds.modify_db_subnet_group().db_subnet_group_name(name);
                let call = call.set_db_subnet_group_description(description).set_subnet_ids(subnets);
                Ok(Reply::of(&call.send().await.map_err(calling(MODIFY))?, None))
            }
            _ => {
                let call = rds.delete_db_subnet_group().db_subnet_group_name(name);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
        }
    }

    async fn tag(&self, clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError> {
        tag(clients, arn, op).await
    }
}
