//! Cache parameter groups. Their calls take effect at once; what the clusters make of it is theirs to tell.

use async_trait::async_trait;
use aws_sdk_elasticache::types::{Parameter, ParameterNameValue};

use super::{TAGS, tag, tags, tags_of};
use crate::cloud::groups::{Detail, Group, GroupCalls, Parameters, parameter_texts};
use crate::cloud::parts::known;
use crate::cloud::{Clients, CloudError, Op, Permission, Present, Reply, Want, calling, found, reading};
use crate::eval::{Attrs, Value};

/// `cache_parameter_group`
pub struct CacheParameterGroup;

const CREATE: &str = "elasticache:CreateCacheParameterGroup";
const MODIFY: &str = "elasticache:ModifyCacheParameterGroup";
const RESET: &str = "elasticache:ResetCacheParameterGroup";
const DELETE: &str = "elasticache:DeleteCacheParameterGroup";
const DESCRIBE: &str = "elasticache:DescribeCacheParameterGroups";
const PARAMETERS: &str = "elasticache:DescribeCacheParameters";

const GROUP: &[&str] = &["elasticache:{here}:parametergroup:{name}"];

#[async_trait]
impl Group for CacheParameterGroup {
    const TITLE: &str = "a cache parameter group";
    const CALLS: GroupCalls =
        GroupCalls { create: CREATE, modify: MODIFY, reset: Some(RESET), delete: DELETE, tags: TAGS };
    const PERMISSIONS: &[Permission] = &[
        Permission::look(DESCRIBE, GROUP),
        Permission::look(PARAMETERS, GROUP),
        Permission::look("elasticache:ListTagsForResource", GROUP),
        Permission::change(CREATE, GROUP),
        Permission::change(MODIFY, GROUP).because("only with parameters"),
        Permission::change(RESET, GROUP).because("only when a parameter is no longer written"),
        Permission::tag(TAGS.set, GROUP).because("also needed to tag it as it is made"),
        Permission::change(TAGS.remove, GROUP).because("only when a tag goes"),
        Permission::delete(DELETE, GROUP),
    ];

    async fn find(&self, clients: &Clients, _want: &Want, name: &str) -> Result<Option<Present>, CloudError> {
        let call = clients.elasticache.describe_cache_parameter_groups().cache_parameter_group_name(name);
        let reply = found(call.send().await.map_err(reading(DESCRIBE)))?;
        let Some(group) = reply.as_ref().and_then(|reply| reply.cache_parameter_groups().first()) else {
            return Ok(None);
        };
        let values = values(clients, name).await?;
        let (name, family) = (group.cache_parameter_group_name(), group.cache_parameter_group_family());
        let present = Present {
            id: name.unwrap_or_default().to_owned(),
            attrs: known([
                ("name", name.into()),
                ("family", family.into()),
                ("description", group.description().into()),
                ("parameters", Value::Map(values)),
            ]),
            outputs: known([("name", name.into()), ("family", family.into()), ("arn", group.arn().into())]),
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
        let cache = &clients.elasticache;
        match op.operation.as_str() {
            CREATE => {
                let text = |name: &str| want.text(name).map(str::to_owned);
                let call = cache.create_cache_parameter_group().cache_parameter_group_name(name);
                let call = call.set_cache_parameter_group_family(text("family"));
                let call = call.set_description(text("description")).set_tags(tags(&want.tags));
                Ok(Reply::of(&call.send().await.map_err(calling(CREATE))?, Some(name)))
            }
            MODIFY => {
                let call = cache.modify_cache_parameter_group().cache_parameter_group_name(name);
                let call = call.set_parameter_name_values(Some(named(want, op)));
                Ok(Reply::of(&call.send().await.map_err(calling(MODIFY))?, None))
            }
            RESET => {
                let call = cache.reset_cache_parameter_group().cache_parameter_group_name(name);
                let call = call.reset_all_parameters(false).set_parameter_name_values(Some(named(want, op)));
                Ok(Reply::of(&call.send().await.map_err(calling(RESET))?, None))
            }
            _ => {
                let call = cache.delete_cache_parameter_group().cache_parameter_group_name(name);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
        }
    }

    async fn tag(&self, clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError> {
        tag(clients, arn, op).await
    }
}

/// The parameters that a call names, each with its wanted value, if any.
fn named(want: &Want, op: &Op) -> Vec<ParameterNameValue> {
    let wanted = parameter_texts(want);
    let one = |name: String| {
        let value = wanted.get(&name).and_then(Value::as_str).map(str::to_owned);
        ParameterNameValue::builder().parameter_name(name).set_parameter_value(value).build()
    };
    Parameters::of(op).names.into_iter().map(one).collect()
}

/// What was set, by name.
async fn values(clients: &Clients, name: &str) -> Result<Attrs, CloudError> {
    let call = clients.elasticache.describe_cache_parameters().cache_parameter_group_name(name);
    let mut pages = call.source("user").into_paginator().send();
    let mut values: Vec<(String, Value)> = Vec::new();
    let pair = |p: &Parameter| {
        Some((p.parameter_name()?.to_owned(), p.parameter_value().unwrap_or_default().into()))
    };
    while let Some(page) = pages.next().await {
        values.extend(page.map_err(reading(PARAMETERS))?.parameters().iter().filter_map(pair));
    }
    values.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(values.into_iter().collect())
}
