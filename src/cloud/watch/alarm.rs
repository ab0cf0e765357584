//! The kind `alarm`. One call makes and changes it; it overwrites every setting, and leaves the tags alone.

use async_trait::async_trait;
use aws_sdk_cloudwatch::types::{AlarmType, ComparisonOperator, Dimension, MetricAlarm, Statistic, Tag};
use std::time::Duration;

use super::metric;
use crate::cloud::parts::delete_if_there;
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, TagCalls, TagChange, Want,
    calling, found, reading, sdk_tags, seen_tags,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

const PUT: &str = "cloudwatch:PutMetricAlarm";
const DELETE: &str = "cloudwatch:DeleteAlarms";
const TAGS: TagCalls = TagCalls { set: "cloudwatch:TagResource", remove: "cloudwatch:UntagResource" };

const ALARM: &[&str] = &["cloudwatch:{here}:alarm:{name}"];
const PERMISSIONS: &[Permission] = &[
    // It knows no resources when it lists.
    Permission::look("cloudwatch:DescribeAlarms", ANY),
    Permission::look("cloudwatch:ListTagsForResource", ALARM),
    Permission::change(PUT, ALARM),
    Permission::tag(TAGS.set, ALARM).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, ALARM).because("only when a tag goes"),
    Permission::delete(DELETE, ALARM),
];

/// The kinds of actions: the attribute, and what an alarm has for them.
const ACTIONS: [&str; 3] = ["actions", "ok_actions", "insufficient_data_actions"];

const COMPARISONS: [(&str, ComparisonOperator); 4] = [
    (">", ComparisonOperator::GreaterThanThreshold),
    (">=", ComparisonOperator::GreaterThanOrEqualToThreshold),
    ("<", ComparisonOperator::LessThanThreshold),
    ("<=", ComparisonOperator::LessThanOrEqualToThreshold),
];

/// CloudWatch metric alarms.
#[derive(Debug)]
pub struct Alarm;

fn name(want: &Want) -> &str {
    want.text("name").unwrap_or(&want.name)
}

#[async_trait]
impl Driver for Alarm {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let request =
            clients.cloudwatch.describe_alarms().alarm_names(name(want)).alarm_types(AlarmType::MetricAlarm);
        let reply = request.send().await.map_err(reading("cloudwatch:DescribeAlarms"))?;
        let Some(alarm) = reply.metric_alarms().first() else { return Ok(Observed::Absent) };
        let arn = alarm.alarm_arn().unwrap_or_default();
        let mut present =
            Present { id: name(want).to_owned(), attrs: read(alarm, want), ..Present::default() };
        present.outputs.insert("name".to_owned(), name(want).into());
        present.outputs.insert("arn".to_owned(), arn.into());
        let state = alarm.state_value().map(|state| state.as_str().to_owned());
        present.note = state
            .filter(|state| state == "ALARM")
            .map(|_| format!("in alarm: {}", alarm.state_reason().unwrap_or_default()));
        let reply = clients.cloudwatch.list_tags_for_resource().resource_arn(arn).send().await;
        Ok(Observed::Present(Box::new(
            match found(reply.map_err(reading("cloudwatch:ListTagsForResource")))? {
                Some(reply) => {
                    present.tagged(seen_tags(reply.tags().iter().map(|tag| (tag.key(), tag.value()))))
                }
                None => present,
            },
        )))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let mut attrs = want.desired(&ACTIONS.map(|attribute| (attribute, "arn")));
        metric::subjects().for_each(|attribute| {
            attrs.shift_remove(attribute);
        });
        attrs.shift_remove("dimensions");
        if let Some(dimensions) = metric::dimensions(want) {
            attrs.insert("dimensions".to_owned(), Value::Map(dimensions));
        }
        if let Some(namespace) = metric::namespace(want) {
            attrs.insert("namespace".to_owned(), namespace.into());
        }
        let datapoints = want.get("datapoints");
        let periods = want.get("periods");
        attrs.insert(
            "datapoints".to_owned(),
            if *datapoints == Value::None { periods } else { datapoints }.clone(),
        );
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(PUT)) };
        if changes.iter().any(|change| change.attribute.split('[').next() != Some("tags")) {
            return Next::Call(Op::new(PUT));
        }
        TAGS.next(want, present).map_or(Next::Done, Next::Call)
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
            (PUT, _) => put(clients, want, op).await,
            (DELETE, _) => {
                let reply = clients.cloudwatch.delete_alarms().alarm_names(name(want)).send().await;
                Ok(Reply::of(&reply.map_err(calling(DELETE))?, None))
            }
            (_, Observed::Present(present)) if TAGS.is(op) => {
                let arn = present.outputs.get("arn").and_then(Value::as_str).unwrap_or_default();
                retag(clients, arn, op).await
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on an alarm")),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(5 * 60)
    }
}

async fn put(clients: &Clients, want: &Want, op: &Op) -> Result<Reply, CloudError> {
    let region = clients.config.region().map(|region| region.as_ref().to_owned()).unwrap_or_default();
    if *want.get("distribution") != Value::None && region != "us-east-1" {
        let message =
            format!("CloudFront keeps its metrics in `us-east-1`: an alarm of `{region}` never sees them");
        return Err(CloudError::misuse(PUT, message));
    }
    let comparison = COMPARISONS.into_iter().find(|(sign, _)| Some(*sign) == want.text("comparison"));
    let percentile = want.text("statistic").filter(|statistic| statistic.starts_with('p'));
    let plain = want.text("statistic").filter(|_| percentile.is_none()).map(Statistic::from);
    let dimension = |(name, value): (&String, &Value)| {
        Dimension::builder().name(name).value(value.as_str().unwrap_or_default()).build()
    };
    let dimensions: Vec<Dimension> =
        metric::dimensions(want).unwrap_or_default().iter().map(dimension).collect();
    // An update does not look at tags; only a request that makes the alarm carries them.
    let tags =
        op.creates.then(|| sdk_tags(&want.tags, |key, value| Tag::builder().key(key).value(value).build()));
    let request = clients
        .cloudwatch
        .put_metric_alarm()
        .alarm_name(name(want))
        .alarm_description(want.text("description").unwrap_or_default())
        .actions_enabled(want.flag("enabled").unwrap_or(true))
        .set_alarm_actions(Some(want.id_texts("actions", "arn")))
        .set_ok_actions(Some(want.id_texts("ok_actions", "arn")))
        .set_insufficient_data_actions(Some(want.id_texts("insufficient_data_actions", "arn")))
        .set_metric_name(want.text("metric").map(str::to_owned))
        .set_namespace(metric::namespace(want).map(str::to_owned))
        .set_dimensions(Some(dimensions))
        .set_statistic(plain)
        .set_extended_statistic(percentile.map(str::to_owned))
        .set_period(want.int("period"))
        .set_evaluation_periods(want.int("periods"))
        .set_datapoints_to_alarm(want.int("datapoints"))
        .set_threshold(metric::threshold(want.get("threshold")))
        .set_comparison_operator(comparison.map(|(_, operator)| operator))
        .set_treat_missing_data(want.text("missing_data").map(str::to_owned))
        .set_tags(tags);
    let reply = request.send().await.map_err(calling(PUT))?;
    Ok(Reply::of(&reply, Some(name(want))))
}

fn read(alarm: &MetricAlarm, want: &Want) -> Attrs {
    let mut attrs = Attrs::new();
    let mut put = |name: &str, value: Value| {
        attrs.insert(name.to_owned(), value);
    };
    put("name", alarm.alarm_name().into());
    put("description", alarm.alarm_description().unwrap_or_default().into());
    put("enabled", Value::Bool(alarm.actions_enabled().unwrap_or(true)));
    put("actions", alarm.alarm_actions().to_vec().into());
    put("ok_actions", alarm.ok_actions().to_vec().into());
    put("insufficient_data_actions", alarm.insufficient_data_actions().to_vec().into());
    put("metric", alarm.metric_name().into());
    put("namespace", alarm.namespace().into());
    let dimensions = alarm.dimensions().iter().filter_map(|d| Some((d.name()?.to_owned(), d.value().into())));
    put("dimensions", Value::Map(dimensions.collect()));
    let statistic = alarm.statistic().map(Statistic::as_str).or(alarm.extended_statistic());
    put("statistic", statistic.into());
    put("period", Value::Duration(i64::from(alarm.period().unwrap_or_default()) * 1000));
    let periods = alarm.evaluation_periods().map(i64::from);
    put("periods", periods.into());
    put("datapoints", alarm.datapoints_to_alarm().map(i64::from).or(periods).into());
    put("threshold", metric::as_asked(alarm.threshold(), want.get("threshold")));
    let sign = COMPARISONS.iter().find(|(_, operator)| Some(operator) == alarm.comparison_operator());
    let other = || alarm.comparison_operator().map(ComparisonOperator::as_str);
    put("comparison", sign.map(|(sign, _)| *sign).or_else(other).into());
    put("missing_data", alarm.treat_missing_data().unwrap_or("missing").into());
    attrs
}

async fn retag(clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError> {
    let change = TagChange::of(op)?;
    if op.operation == TAGS.set {
        let tags = sdk_tags(&change.set, |key, value| Tag::builder().key(key).value(value).build());
        let request = clients.cloudwatch.tag_resource().resource_arn(arn).set_tags(Some(tags));
        return Ok(Reply::of(&request.send().await.map_err(calling(TAGS.set))?, None));
    }
    let request = clients.cloudwatch.untag_resource().resource_arn(arn).set_tag_keys(Some(change.remove));
    Ok(Reply::of(&request.send().await.map_err(calling(TAGS.remove))?, None))
}
