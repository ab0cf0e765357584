//! DB parameter groups. Their calls take effect at once; what the instances make of it is theirs to tell.

use async_trait::async_trait;
use aws_sdk_rds::types::{ApplyMethod, DbParameterGroup as Group, Parameter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
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

/// `db_parameter_group`
pub struct DbParameterGroup;

const CREATE: &str = "rds:CreateDBParameterGroup";
const MODIFY: &str = "rds:ModifyDBParameterGroup";
const RESET: &str = "rds:ResetDBParameterGroup";
const DELETE: &str = "rds:DeleteDBParameterGroup";
const DESCRIBE: &str = "rds:DescribeDBParameterGroups";
const PARAMETERS: &str = "rds:DescribeDBParameters";
const CALLS: GroupCalls =
    GroupCalls { create: CREATE, modify: MODIFY, reset: RESET, delete: DELETE, tags: TAGS };

const GROUP: &[&str] = &["rds:{here}:pg:{name}"];
const PERMISSIONS: &[Permission] = &[
    Permission::look(DESCRIBE, GROUP),
    Permission::look(PARAMETERS, GROUP),
    Permission::look("rds:ListTagsForResource", GROUP),
    Permission::change(CREATE, GROUP),
    Permission::change(MODIFY, GROUP).because("only with parameters"),
    Permission::change(RESET, GROUP).because("only when a parameter is no longer written"),
    Permission::change(TAGS.set, GROUP).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, GROUP).because("only when a tag goes"),
    Permission::delete(DELETE, GROUP),
];

/// What is remembered of a group until a call.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Detail {
    arn: String,
    /// Those of its parameters that hold at once, as far as calls need to know.
    dynamic: BTreeSet<String>,
}

impl Detail {
    fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl Driver for DbParameterGroup {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let name = want.text("name").unwrap_or(&want.name);
        let call = clients.rds.describe_db_parameter_groups().db_parameter_group_name(name);
        let reply = found(call.send().await.map_err(reading(DESCRIBE)))?;
        let Some(group) = reply.as_ref().and_then(|reply| reply.db_parameter_groups().first()) else {
            return Ok(Observed::Absent);
        };
        let mut parameters = list(clients, name, Some("user")).await?;
        let values = values(&parameters);
        // What kind a parameter is that shall be set or reset, only the whole list tells: hundreds of them.
        if values != parameter_texts(want) {
            parameters = list(clients, name, None).await?;
        }
        let tags = tags_of(clients, group.db_parameter_group_arn().unwrap_or_default()).await?;
        Ok(Observed::Present(Box::new(present(group, values, &parameters).tagged(tags))))
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
        let name = want.name.to_lowercase();
        match (op.operation.as_str(), seen) {
            (CREATE, _) => {
                let call = clients
                    .rds
                    .create_db_parameter_group()
                    .db_parameter_group_name(&name)
                    .set_db_parameter_group_family(text("family"))
                    .set_description(text("description"))
                    .set_tags(tags(&want.tags));
                Ok(Reply::of(&call.send().await.map_err(calling(CREATE))?, Some(&name)))
            }
            (MODIFY, Observed::Present(present)) => {
                let call = clients.rds.modify_db_parameter_group().db_parameter_group_name(&name);
                let call = call.set_parameters(Some(named(want, present, op)));
                Ok(Reply::of(&call.send().await.map_err(calling(MODIFY))?, None))
            }
            (RESET, Observed::Present(present)) => {
                let call = clients.rds.reset_db_parameter_group().db_parameter_group_name(&name);
                let call = call.reset_all_parameters(false).set_parameters(Some(named(want, present, op)));
                Ok(Reply::of(&call.send().await.map_err(calling(RESET))?, None))
            }
            (DELETE, _) => {
                let call = clients.rds.delete_db_parameter_group().db_parameter_group_name(&name);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
            (_, Observed::Present(present)) if TAGS.is(op) => {
                tag(clients, &Detail::of(present).arn, op).await
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a DB parameter group")),
        }
    }

    fn renewal(&self, _want: &Want) -> Renewal {
        Renewal::Held
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }
}

/// The parameters that a call names, each with its wanted value, if any, and the one way in which it can be applied.
fn named(want: &Want, present: &Present, op: &Op) -> Vec<Parameter> {
    let (wanted, dynamic) = (parameter_texts(want), Detail::of(present).dynamic);
    let one = |name: String| {
        let method = match dynamic.contains(&name) {
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

fn present(group: &Group, values: Attrs, parameters: &[Parameter]) -> Present {
    let name = group.db_parameter_group_name();
    let dynamic = parameters.iter().filter(|parameter| parameter.apply_type() == Some("dynamic"));
    let arn = group.db_parameter_group_arn();
    let detail = Detail {
        arn: arn.unwrap_or_default().to_owned(),
        dynamic: dynamic.filter_map(|parameter| parameter.parameter_name().map(str::to_owned)).collect(),
    };
    Present {
        id: name.unwrap_or_default().to_owned(),
        attrs: known([
            ("name", name.into()),
            ("family", group.db_parameter_group_family().into()),
            ("description", group.description().into()),
            ("parameters", Value::Map(values)),
        ]),
        outputs: known([
            ("name", name.into()),
            ("family", group.db_parameter_group_family().into()),
            ("arn", arn.into()),
        ]),
        detail: serde_json::to_value(detail).unwrap_or_default(),
        ..Present::default()
    }
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
        let there = present(&Group::builder().build(), Attrs::new(), &all);
        let detail = serde_json::json!({ "names": ["max_connections", "performance_schema"] });
        let sent = named(&group, &there, &Op::new(MODIFY).with(detail));
        let seen: Vec<_> = sent.iter().map(|p| (p.parameter_value(), p.apply_method().cloned())).collect();
        let wanted =
            [(Some("200"), Some(ApplyMethod::Immediate)), (Some("1"), Some(ApplyMethod::PendingReboot))];
        assert_eq!(seen, wanted);
    }
}
