//! DB subnet groups. Their calls take effect at once.

use async_trait::async_trait;
use aws_sdk_rds::types::DbSubnetGroup as Group;
use std::time::Duration;

use super::{TAGS, tag, tags};
use crate::cloud::parts::{attributes, known, texts, wait};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Renewal, Reply, State, Tags, Want,
    calling, found, reading, seen_tags,
};
use crate::eval::Attrs;
use crate::plan::Change;

/// `db_subnet_group`
pub struct DbSubnetGroup;

const CREATE: &str = "rds:CreateDBSubnetGroup";
const MODIFY: &str = "rds:ModifyDBSubnetGroup";
const DELETE: &str = "rds:DeleteDBSubnetGroup";
const DESCRIBE: &str = "rds:DescribeDBSubnetGroups";

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
        let arn = group.db_subnet_group_arn().unwrap_or_default();
        let call = clients.rds.list_tags_for_resource().resource_name(arn);
        let tags = call.send().await.map_err(reading("rds:ListTagsForResource"))?;
        let tags = seen_tags(tags.tag_list().iter().map(|tag| (tag.key(), tag.value())));
        Ok(Observed::Present(Box::new(present(group, tags))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        want.desired(&[])
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        if let State::Busy(status) = &present.state {
            return wait(5, status);
        }
        let own: Vec<&str> =
            changes.iter().map(|c| c.attribute.as_str()).filter(|name| *name != "tags").collect();
        if !own.is_empty() {
            return Next::Call(Op::new(MODIFY).with(attributes(own)));
        }
        TAGS.next(want, present).map_or(Next::Done, Next::Call)
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        match seen {
            Observed::Absent => Next::Done,
            Observed::Present(_) => Next::Call(Op::new(DELETE)),
        }
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
        Duration::from_secs(15 * 60)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::testing::{change, seen, want};
    use crate::eval::Value;

    #[test]
    fn changes_come_before_tags() {
        let mut want = want("db_subnet_group", "private");
        want.tags.insert("a".into(), "1".into());
        let seen = seen(Present::default().tagged(Tags::new()));
        let changes = [change("subnets", Value::None, Value::None), change("tags", Value::None, Value::None)];
        assert!(
            matches!(DbSubnetGroup.next(&want, &seen, &changes), Next::Call(op) if op.operation == MODIFY)
        );
        assert!(
            matches!(DbSubnetGroup.next(&want, &seen, &changes[1..]), Next::Call(op) if op.operation == TAGS.set)
        );
    }
}
