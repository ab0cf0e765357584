//! Security groups. Their rules are nodes of their own: see [`super::Rule`].

use async_trait::async_trait;
use aws_sdk_ec2::types::{ResourceType, SecurityGroup as Group};
use std::time::Duration;

use super::{TAGS, filter, tag, tag_specification};
use crate::cloud::parts::{delete_if_there, known};
use crate::cloud::permission::{ANY, OURS};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Renewal, Reply, Want, calling,
    found, reading, seen_tags,
};
use crate::eval::Attrs;
use crate::plan::Change;

/// `security_group`
pub struct SecurityGroup;

const CREATE: &str = "ec2:CreateSecurityGroup";
const DELETE: &str = "ec2:DeleteSecurityGroup";
const DESCRIBE: &str = "ec2:DescribeSecurityGroups";

const GROUPS: &[&str] = &["ec2:{here}:security-group/*"];
const PERMISSIONS: &[Permission] = &[
    Permission::look(DESCRIBE, ANY),
    // The group's VPC is a resource of the creation as well.
    Permission::change(CREATE, &["ec2:{here}:security-group/*", "ec2:{here}:vpc/*"]),
    Permission::tag(TAGS.set, GROUPS).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, GROUPS).because("only when a tag goes"),
    Permission::delete(DELETE, GROUPS).only(OURS),
    Permission::delete("ec2:DescribeNetworkInterfaces", ANY).because("only to say who still uses the group"),
];

#[async_trait]
impl Driver for SecurityGroup {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        Ok(match find(clients, want).await? {
            Some(group) => Observed::Present(Box::new(present(&group))),
            None => Observed::Absent,
        })
    }

    fn desired(&self, want: &Want) -> Attrs {
        want.desired(&[("vpc", "id")])
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        match seen {
            Observed::Absent => Next::Call(Op::create(CREATE)),
            Observed::Present(present) => TAGS.next(want, present).map_or(Next::Done, Next::Call),
        }
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        delete_if_there(seen, DELETE)
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
            (DELETE, Observed::Present(present)) => delete(clients, &present.id).await,
            (_, Observed::Present(present)) if TAGS.is(op) => tag(clients, &present.id, op).await,
            _ => Err(CloudError::misuse(&op.operation, "no such call on a security group")),
        }
    }

    fn renewal(&self, _want: &Want) -> Renewal {
        Renewal::Held
    }

    fn timeout(&self) -> Duration {
        // Network interfaces of load balancers, databases and brokers let go of their groups only after minutes.
        Duration::from_secs(20 * 60)
    }
}

/// By id, else by name in its VPC, which is unique there.
async fn find(clients: &Clients, want: &Want) -> Result<Option<Group>, CloudError> {
    let mut call = clients.ec2.describe_security_groups();
    if let Some(id) = want.text("id").or(want.id.as_deref()) {
        call = call.group_ids(id);
    } else {
        call = call.filters(filter("group-name", want.text("name").unwrap_or(&want.name)));
        if let Some(vpc) = want.ids("vpc", "id").as_str() {
            call = call.filters(filter("vpc-id", vpc));
        }
    }
    let groups = call.into_paginator().items().send().try_collect().await;
    let groups: Vec<Group> = found(groups.map_err(reading(DESCRIBE)))?.unwrap_or_default();
    if groups.len() > 1 {
        let ids: Vec<&str> = groups.iter().filter_map(Group::group_id).collect();
        let message = format!("{} groups fit: {}; look one up by `id`", ids.len(), ids.join(", "));
        return Err(CloudError::of(DESCRIBE, "ambiguous", message));
    }
    Ok(groups.into_iter().next())
}

fn present(group: &Group) -> Present {
    let id = group.group_id().unwrap_or_default();
    let attrs = known([
        ("name", group.group_name().into()),
        ("description", group.description().into()),
        ("vpc", group.vpc_id().into()),
    ]);
    let outputs = known([("id", id.into()), ("name", group.group_name().into())]);
    let tags = seen_tags(group.tags().iter().map(|tag| (tag.key(), tag.value())));
    Present { id: id.to_owned(), attrs, outputs, ..Present::default() }.tagged(tags)
}

async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let call = clients
        .ec2
        .create_security_group()
        .group_name(&want.name)
        .description(want.text("description").unwrap_or("Managed by vpipe"))
        .set_vpc_id(want.ids("vpc", "id").as_str().map(str::to_owned))
        .tag_specifications(tag_specification(ResourceType::SecurityGroup, &want.tags));
    let made = call.send().await.map_err(calling(CREATE))?;
    Ok(Reply::of(&made, made.group_id()))
}

async fn delete(clients: &Clients, id: &str) -> Result<Reply, CloudError> {
    match clients.ec2.delete_security_group().group_id(id).send().await.map_err(calling(DELETE)) {
        Ok(gone) => Ok(Reply::of(&gone, None)),
        Err(mut error) => {
            // AWS says only that something depends on the group; a person wants to know what.
            if matches!(error.code.as_str(), "DependencyViolation" | "InvalidGroup.InUse") {
                let users = users(clients, id).await;
                if !users.is_empty() {
                    error.message = format!("still used by {}", users.join(", "));
                }
            }
            Err(error)
        }
    }
}

/// What keeps a group from being deleted: rules of other groups, and network interfaces. Whoever may not look sees nothing.
async fn users(clients: &Clients, id: &str) -> Vec<String> {
    let mut users = Vec::new();
    let call = clients.ec2.describe_security_groups().filters(filter("ip-permission.group-id", id));
    if let Ok(groups) = call.into_paginator().items().send().try_collect().await {
        let others = groups.iter().filter(|group| group.group_id() != Some(id));
        users.extend(others.map(|group| {
            let name = group.group_name().unwrap_or_default();
            format!("a rule of `{name}` ({})", group.group_id().unwrap_or_default())
        }));
    }
    let call = clients.ec2.describe_network_interfaces().filters(filter("group-id", id));
    if let Ok(interfaces) = call.into_paginator().items().send().try_collect().await {
        users.extend(interfaces.iter().map(|interface| {
            let id = interface.network_interface_id().unwrap_or_default();
            match interface.description().filter(|text| !text.is_empty()) {
                Some(description) => format!("network interface {id} ({description})"),
                None => format!("network interface {id}"),
            }
        }));
    }
    users
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, seen, want};
    use crate::eval::Value;

    fn group() -> Group {
        let tag = aws_sdk_ec2::types::Tag::builder().key("vpipe:node").value("backend").build();
        Group::builder()
            .group_id("sg-1")
            .group_name("shop-backend")
            .description("data stores")
            .vpc_id("vpc-1")
            .tags(tag)
            .build()
    }

    #[test]
    fn what_was_made_is_what_was_wanted() {
        let mut want = want("security_group", "shop-backend");
        want.attrs = attrs([
            ("name", Value::None),
            ("description", "data stores".into()),
            ("vpc", Value::Handle("main".into())),
        ]);
        want.refs.insert("main".into(), attrs([("id", "vpc-1".into())]));
        want.tags.insert("vpipe:node".into(), "backend".into());
        let present = present(&group());
        let desired = SecurityGroup.desired(&want);
        for (name, value) in &desired {
            assert_eq!(present.attrs.get(name), Some(value), "{name}");
        }
        assert!(matches!(SecurityGroup.next(&want, &seen(present), &[]), Next::Done));
    }

    #[test]
    fn it_is_made_when_absent_and_deleted_when_there() {
        let want = want("security_group", "shop-backend");
        assert!(matches!(SecurityGroup.next(&want, &Observed::Absent, &[]), Next::Call(op) if op.creates));
        assert!(matches!(SecurityGroup.next_delete(&want, &Observed::Absent), Next::Done));
        let seen = seen(present(&group()));
        assert!(matches!(SecurityGroup.next_delete(&want, &seen), Next::Call(op) if op.operation == DELETE));
    }
}
