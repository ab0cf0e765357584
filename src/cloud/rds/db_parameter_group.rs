//! DB parameter groups. Their calls take effect at once; what the instances make of it is theirs to tell.

use async_trait::async_trait;
use aws_sdk_rds::types::{ApplyMethod, Parameter};
use std::collections::BTreeSet;

use super::{TAGS, tag, tags, tags_of};
use crate::cloud::groups::{Detail, Group, GroupCalls, Parameters, parameter_texts};
use crate::cloud::parts::known;
use crate::cloud::{Clients, CloudError, Op, Permission, Present, Reply, Want, calling, found, reading};
use crate::eval::{Attrs, Value};

/// `db_parameter_group`
pub struct DbParameterGroup;

const CREATE: &str = "rds:CreateDBParameterGroup";
const MODIFY: &str = "rds:ModifyDBParameterGroup";
const RESET: &str = "rds:ResetDBParameterGroup";
const DELETE: &str = "rds:DeleteDBParameterGroup";
const DESCRIBE: &str = "rds:DescribeDBParameterGroups";
const PARAMETERS: &str = "rds:DescribeDBParameters";

const GROUP: &[&str] = &["rds:{here}:pg:{name}"];

#[async_trait]
impl Group for DbParameterGroup {
    const TITLE: &str = "a DB parameter group";
    const CALLS: GroupCalls =
        GroupCalls { create: CREATE, modify: MODIFY, reset: Some(RESET), delete: DELETE, tags: TAGS };
    const PERMISSIONS: &[Permission] = &[
        Permission::look(DESCRIBE, GROUP),
        Permission::look(PARAMETERS, GROUP),
        Permission::look("rds:ListTagsForResource", GROUP),
        Permission::change(CREATE, GROUP),
        Permission::change(MODIFY, GROUP).because("only with parameters"),
        Permission::change(RESET, GROUP).because("only when a parameter is no longer written"),
        Permission::tag(TAGS.set, GROUP).because("also needed to tag it as it is made"),
        Permission::change(TAGS.remove, GROUP).because("only when a tag goes"),
        Permission::delete(DELETE, GROUP),
    ];

    async fn find(&self, clients: &Clients, want: &Want, name: &str) -> Result<Option<Present>, CloudError> {
        let call = clients.rds.describe_db_parameter_groups().db_parameter_group_name(name);
        let reply = found(call.send().await.map_err(reading(DESCRIBE)))?;
        let Some(group) = reply.as_ref().and_then(|reply| reply.db_parameter_groups().first()) else {
            return Ok(None);
        };
        let mut parameters = list(clients, name, Some("user")).await?;
        let values = values(&parameters);
        // What kind a parameter is that shall be set or reset, only the whole list tells: hundreds of them.
        if values != parameter_texts(want) {
            parameters = list(clients, name, None).await?;
        }
        let (name, arn) = (group.db_parameter_group_name(), group.db_parameter_group_arn());
        let family = group.db_parameter_group_family();
        let detail = Detail { arn: arn.unwrap_or_default().to_owned(), dynamic: dynamic(&parameters) };
        let present = Present {
            id: name.unwrap_or_default().to_owned(),
            attrs: known([
                ("name", name.into()),
                ("family", family.into()),
                ("description", group.description().into()),
                ("parameters", Value::Map(values)),
            ]),
            outputs: known([("name", name.into()), ("family", family.into()), ("arn", arn.into())]),
            detail: detail.json(),
            ..Present::default()
        };
        Ok(Some(present.tagged(tags_of(clients, arn.unwrap_or_default()).await?)))
    }

    async fn send(
        &self,
        clients: &Clients,
        want: &Want,
        name: &str,
        detail: &Detail,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let rds = &clients.rds;
        match op.operation.as_str() {
            CREATE => {
                let text = |name: &str| want.text(name).map(str::to_owned);
                let call = rds.create_db_parameter_group().db_parameter_group_name(name);
                let call = call.set_db_parameter_group_family(text("family"));
                let call = call.set_description(text("description")).set_tags(tags(&want.tags));
                Ok(Reply::of(&call.send().await.map_err(calling(CREATE))?, Some(name)))
            }
            MODIFY => {
                let call = rds.modify_db_parameter_group().db_parameter_group_name(name);
                let call = call.set_parameters(Some(named(want, detail, op)));
                Ok(Reply::of(&call.send().await.map_err(calling(MODIFY))?, None))
            }
            RESET => {
                let call = rds.reset_db_parameter_group().db_parameter_group_name(name);
                let call = call.reset_all_parameters(false).set_parameters(Some(named(want, detail, op)));
                Ok(Reply::of(&call.send().await.map_err(calling(RESET))?, None))
            }
            _ => {
                let call = rds.delete_db_parameter_group().db_parameter_group_name(name);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
        }
    }

    async fn tag(&self, clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError> {
        tag(clients, arn, op).await
    }
}

/// The parameters that a call names, each with its wanted value, if any, and the one way in which it can be applied.
fn named(want: &Want, detail: &Detail, op: &Op) -> Vec<Parameter> {
    let wanted = parameter_texts(want);
    let one = |name: String| {
        let method = match detail.dynamic.contains(&name) {
            true => ApplyMethod::Immediate,
            false => ApplyMethod::PendingReboot,
        };
        let value = wanted.get(&name).and_then(Value::as_str).map(str::to_owned);
        Parameter::builder().parameter_name(name).set_parameter_value(value).apply_method(method).build()
    };
    Parameters::of(op).names.into_iter().map(one).collect()
}

async fn list(clients: &Clients, name: &str, source: Option<&str>) -> Result<Vec<Parameter>, CloudError> {
    let call = clients.rds.describe_db_parameters().db_parameter_group_name(name);
    let mut pages = call.set_source(source.map(str::to_owned)).into_paginator().items().send();
    let mut parameters = Vec::new();
    while let Some(parameter) = pages.next().await {
        parameters.push(parameter.map_err(reading(PARAMETERS))?);
    }
    Ok(parameters)
}

/// What was set, by name.
fn values(parameters: &[Parameter]) -> Attrs {
    let pair = |p: &Parameter| {
        Some((p.parameter_name()?.to_owned(), p.parameter_value().unwrap_or_default().into()))
    };
    let mut values: Vec<(String, Value)> = parameters.iter().filter_map(pair).collect();
    values.sort_by(|(one, _), (other, _)| one.cmp(other));
    values.into_iter().collect()
}

/// The names of those that hold at once.
fn dynamic(parameters: &[Parameter]) -> BTreeSet<String> {
    let dynamic = parameters.iter().filter(|parameter| parameter.apply_type() == Some("dynamic"));
    dynamic.filter_map(|parameter| parameter.parameter_name().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::testing::{attrs, want};

    #[test]
    fn a_parameter_is_applied_in_the_one_way_that_it_allows() {
        let mut group = want("db_parameter_group", "tuned");
        let pairs = attrs([("max_connections", 200.into()), ("performance_schema", true.into())]);
        group.attrs = attrs([("parameters", Value::Map(pairs))]);
        let of = |name: &str, kind: &str| Parameter::builder().parameter_name(name).apply_type(kind).build();
        let all = [of("max_connections", "dynamic"), of("performance_schema", "static")];
        let there = Detail { dynamic: dynamic(&all), ..Detail::default() };
        let detail = serde_json::json!({ "names": ["max_connections", "performance_schema"] });
        let sent = named(&group, &there, &Op::new(MODIFY).with(detail));
        let seen: Vec<_> = sent.iter().map(|p| (p.parameter_value(), p.apply_method().cloned())).collect();
        let wanted =
            [(Some("200"), Some(ApplyMethod::Immediate)), (Some("1"), Some(ApplyMethod::PendingReboot))];
        assert_eq!(seen, wanted);
    }
}
