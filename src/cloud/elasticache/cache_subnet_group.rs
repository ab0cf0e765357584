//! Cache subnet groups. Their calls take effect at once.

use async_trait::async_trait;

use super::{TAGS, tag, tags, tags_of};
use crate::cloud::groups::{Detail, Group, GroupCalls};
use crate::cloud::parts::{known, texts};
use crate::cloud::{Clients, CloudError, Op, Permission, Present, Reply, Want, calling, found, reading};

/// `cache_subnet_group`
pub struct CacheSubnetGroup;

const CREATE: &str = "elasticache:CreateCacheSubnetGroup";
const MODIFY: &str = "elasticache:ModifyCacheSubnetGroup";
const DELETE: &str = "elasticache:DeleteCacheSubnetGroup";
const DESCRIBE: &str = "elasticache:DescribeCacheSubnetGroups";

const GROUP: &[&str] = &["elasticache:{here}:subnetgroup:{name}"];

#[async_trait]
impl Group for CacheSubnetGroup {
    const TITLE: &str = "a cache subnet group";
    const CALLS: GroupCalls =
        GroupCalls { create: CREATE, modify: MODIFY, reset: None, delete: DELETE, tags: TAGS };
    const PERMISSIONS: &[Permission] = &[
        Permission::look(DESCRIBE, GROUP),
        Permission::look("elasticache:ListTagsForResource", GROUP),
        Permission::change(CREATE, GROUP),
        Permission::change(MODIFY, GROUP),
        Permission::tag(TAGS.set, GROUP).because("also needed to tag it as it is made"),
        Permission::change(TAGS.remove, GROUP).because("only when a tag goes"),
        Permission::delete(DELETE, GROUP),
    ];

    async fn find(&self, clients: &Clients, _want: &Want, name: &str) -> Result<Option<Present>, CloudError> {
        let call = clients.elasticache.describe_cache_subnet_groups().cache_subnet_group_name(name);
        let reply = found(call.send().await.map_err(reading(DESCRIBE)))?;
        let Some(group) = reply.as_ref().and_then(|reply| reply.cache_subnet_groups().first()) else {
            return Ok(None);
        };
        let name = group.cache_subnet_group_name();
        let present = Present {
            id: name.unwrap_or_default().to_owned(),
            attrs: known([
                ("name", name.into()),
                ("description", group.cache_subnet_group_description().into()),
                ("subnets", texts(group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier()))),
            ]),
            outputs: known([("name", name.into()), ("vpc_id", group.vpc_id().into())]),
            detail: Detail::arn(group.arn()),
            ..Present::default()
        };
        Ok(Some(match tags_of(clients, group.arn().unwrap_or_default()).await? {
            Some(tags) => present.tagged(tags),
            None => present,
        }))
    }

    async fn send(
        &self,
        clients: &Clients,
        want: &Want,
        name: &str,
        _detail: &Detail,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let (cache, subnets) = (&clients.elasticache, Some(want.id_texts("subnets", "id")));
        let description = want.text("description").map(str::to_owned);
        match op.operation.as_str() {
            CREATE => {
                let call = cache.create_cache_subnet_group().cache_subnet_group_name(name);
                let call = call.set_cache_subnet_group_description(description).set_subnet_ids(subnets);
                let made = call.set_tags(tags(&want.tags)).send().await.map_err(calling(CREATE))?;
                Ok(Reply::of(&made, Some(name)))
            }
            MODIFY => {
                let call = cache.modify_cache_subnet_group().cache_subnet_group_name(name);
                let call = call.set_cache_subnet_group_description(description).set_subnet_ids(subnets);
                Ok(Reply::of(&call.send().await.map_err(calling(MODIFY))?, None))
            }
            _ => {
                let call = cache.delete_cache_subnet_group().cache_subnet_group_name(name);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
        }
    }

    async fn tag(&self, clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError> {
        tag(clients, arn, op).await
    }
}
