//! Cache parameter groups. Their calls take effect at once; what the clusters make of it is theirs to tell.

use async_trait::async_trait;
use aws_sdk_elasticache::types::{CacheParameterGroup as Group, Parameter, ParameterNameValue};
use std::time::Duration;

use super::{TAGS, tag, tags, tags_of};
use crate::cloud::groups::{GroupCalls, Parameters, TIMEOUT, desired_parameters, parameter_texts};
use crate::cloud::parts::known;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Renewal, Reply, Want, calling,
    found, reading,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

/// `cache_parameter_group`
pub struct CacheParameterGroup;

const CREATE: &str = "elasticache:CreateCacheParameterGroup";
const MODIFY: &str = "elasticache:ModifyCacheParameterGroup";
const RESET: &str = "elasticache:ResetCacheParameterGroup";
const DELETE: &str = "elasticache:DeleteCacheParameterGroup";
const DESCRIBE: &str = "elasticache:DescribeCacheParameterGroups";
const PARAMETERS: &str = "elasticache:DescribeCacheParameters";
const CALLS: GroupCalls =
    GroupCalls { create: CREATE, modify: MODIFY, reset: RESET, delete: DELETE, tags: TAGS };

const GROUP: &[&str] = &["elasticache:{here}:parametergroup:{name}"];
const PERMISSIONS: &[Permission] = &[
    Permission::look(DESCRIBE, GROUP),
    Permission::look(PARAMETERS, GROUP),
    Permission::look("elasticache:ListTagsForResource", GROUP),
    Permission::change(CREATE, GROUP),
    Permission::change(MODIFY, GROUP).because("only with parameters"),
    Permission::change(RESET, GROUP).because("only when a parameter is no longer written"),
    Permission::change(TAGS.set, GROUP).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, GROUP).because("only when a tag goes"),
    Permission::delete(DELETE, GROUP),
];

#[async_trait]
impl Driver for CacheParameterGroup {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let name = want.text("name").unwrap_or(&want.name);
        let call = clients.elasticache.describe_cache_parameter_groups().cache_parameter_group_name(name);
        let reply = found(call.send().await.map_err(reading(DESCRIBE)))?;
        let Some(group) = reply.as_ref().and_then(|reply| reply.cache_parameter_groups().first()) else {
            return Ok(Observed::Absent);
        };
        let present = present(group, values(clients, name).await?);
        Ok(Observed::Present(Box::new(match tags_of(clients, group.arn().unwrap_or_default()).await? {
            Some(tags) => present.tagged(tags),
            None => present,
        })))
    }

    fn desired(&self, want: &Want) -> Attrs {
        desired_parameters(want)
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        CALLS.next_parameters(want, seen)
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
        let text = |name: &str| want.text(name).map(str::to_owned);
        let (cache, name) = (&clients.elasticache, want.name.to_lowercase());
        match (op.operation.as_str(), seen) {
            (CREATE, _) => {
                let call = cache
                    .create_cache_parameter_group()
                    .cache_parameter_group_name(&name)
                    .set_cache_parameter_group_family(text("family"))
                    .set_description(text("description"))
                    .set_tags(tags(&want.tags));
                Ok(Reply::of(&call.send().await.map_err(calling(CREATE))?, Some(&name)))
            }
            (MODIFY, _) => {
                let call = cache.modify_cache_parameter_group().cache_parameter_group_name(&name);
                let call = call.set_parameter_name_values(Some(named(want, op)));
                Ok(Reply::of(&call.send().await.map_err(calling(MODIFY))?, None))
            }
            (RESET, _) => {
                let call = cache.reset_cache_parameter_group().cache_parameter_group_name(&name);
                let call = call.reset_all_parameters(false).set_parameter_name_values(Some(named(want, op)));
                Ok(Reply::of(&call.send().await.map_err(calling(RESET))?, None))
            }
            (DELETE, _) => {
                let call = cache.delete_cache_parameter_group().cache_parameter_group_name(&name);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
            (_, Observed::Present(present)) if TAGS.is(op) => {
                tag(clients, present.detail.as_str().unwrap_or_default(), op).await
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a cache parameter group")),
        }
    }

    fn renewal(&self, _want: &Want) -> Renewal {
        Renewal::Held
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
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

/// The detail is the ARN.
fn present(group: &Group, values: Attrs) -> Present {
    let name = group.cache_parameter_group_name();
    Present {
        id: name.unwrap_or_default().to_owned(),
        attrs: known([
            ("name", name.into()),
            ("family", group.cache_parameter_group_family().into()),
            ("description", group.description().into()),
            ("parameters", Value::Map(values)),
        ]),
        outputs: known([
            ("name", name.into()),
            ("family", group.cache_parameter_group_family().into()),
            ("arn", group.arn().into()),
        ]),
        detail: group.arn().into(),
        ..Present::default()
    }
}
