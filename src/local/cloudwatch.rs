//! CloudWatch: metric alarms. There are no metrics here: an alarm has no data until somebody sets its state.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::common::{Tags, arn, check_tags, epoch, tags_at};
use super::service::Service;
use super::{Call, Cx, Fault, Reply, State};

/// What CloudWatch knows: alarms by region and name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CloudWatch {
    regions: IndexMap<String, IndexMap<String, Alarm>>,
}

/// A metric alarm.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Alarm {
    arn: String,
    /// Its settings, under the names of the service model.
    settings: Map<String, Value>,
    state: String,
    reason: String,
    configured: i64,
    changed: i64,
    tags: Tags,
}

/// The settings that are texts, lists of texts, whole numbers.
const TEXTS: [&str; 9] = [
    "AlarmName",
    "AlarmDescription",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Unit",
    "ComparisonOperator",
    "TreatMissingData",
];
const ACTIONS: [&str; 3] = ["OKActions", "AlarmActions", "InsufficientDataActions"];
const NUMBERS: [&str; 3] = ["Period", "EvaluationPeriods", "DatapointsToAlarm"];

/// Answers a call.
///
/// # Errors
/// What CloudWatch refuses.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let alarms = state.cloudwatch.regions.entry(cx.region.clone()).or_default();
    let reply = match call.operation.as_str() {
        "PutMetricAlarm" => put(alarms, cx, call)?,
        "DescribeAlarms" => describe(alarms, call)?,
        "DeleteAlarms" => {
            let names = call.texts("AlarmNames");
            if names.iter().any(|name| !alarms.contains_key(name)) && names.len() == 1 {
                return Err(Fault::new(404, "ResourceNotFound", "The named resource does not exist."));
            }
            alarms.retain(|name, _| !names.contains(name));
            Value::Null
        }
        "SetAlarmState" => {
            let (value, reason) = (call.text("StateValue"), call.text("StateReason").unwrap_or_default());
            let value = value.filter(|value| ["OK", "ALARM", "INSUFFICIENT_DATA"].contains(&value.as_str()));
            let value = value.ok_or_else(|| invalid("The StateValue is not valid."))?;
            let alarm = alarms.get_mut(&call.text("AlarmName").unwrap_or_default());
            let missing = || Fault::new(404, "ResourceNotFound", "The named resource does not exist.");
            let alarm = alarm.ok_or_else(missing)?;
            (alarm.state, alarm.reason, alarm.changed) = (value, reason, cx.now);
            Value::Null
        }
        "EnableAlarmActions" | "DisableAlarmActions" => {
            let on = call.operation.starts_with("Enable");
            for name in call.texts("AlarmNames") {
                if let Some(alarm) = alarms.get_mut(&name) {
                    alarm.settings.insert("ActionsEnabled".to_owned(), json!(on));
                }
            }
            Value::Null
        }
        "TagResource" => {
            let added = tags_at(call, "Tags");
            let tags = &mut of_arn(alarms, call)?.tags;
            let mut all = tags.clone();
            all.extend(added);
            check_tags(&all, "InvalidParameterValue")?;
            *tags = all;
            json!({})
        }
        "UntagResource" => {
            let keys = call.texts("TagKeys");
            of_arn(alarms, call)?.tags.retain(|key, _| !keys.contains(key));
            json!({})
        }
        "ListTagsForResource" => {
            let tags = of_arn(alarms, call)?.tags.iter();
            json!({"Tags": tags.map(|(key, value)| json!({"Key": key, "Value": value})).collect::<Vec<_>>()})
        }
        other => return Err(Service::CloudWatch.unknown(other)),
    };
    Ok(Reply::Json(reply))
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationError", message)
}

fn of_arn<'a>(alarms: &'a mut IndexMap<String, Alarm>, call: &Call) -> Result<&'a mut Alarm, Fault> {
    let arn = call.text("ResourceARN").unwrap_or_default();
    alarms
        .values_mut()
        .find(|alarm| alarm.arn == arn)
        .ok_or_else(|| Fault::new(404, "ResourceNotFoundException", format!("{arn} does not exist")))
}

fn put(alarms: &mut IndexMap<String, Alarm>, cx: &Cx, call: &Call) -> Result<Value, Fault> {
    let settings = settings(cx, call)?;
    let name = call.text("AlarmName").unwrap_or_default();
    if let Some(alarm) = alarms.get_mut(&name) {
        // An update leaves the state, and the tags whatever the request says of them.
        (alarm.settings, alarm.configured) = (settings, cx.now);
        return Ok(Value::Null);
    }
    let tags = tags_at(call, "Tags");
    check_tags(&tags, "InvalidParameterValue")?;
    let alarm = Alarm {
        arn: arn(cx, "cloudwatch", &format!("alarm:{name}")),
        settings,
        state: "INSUFFICIENT_DATA".to_owned(),
        reason: "Unchecked: Initial alarm creation".to_owned(),
        configured: cx.now,
        changed: cx.now,
        tags,
    };
    alarms.insert(name, alarm);
    Ok(Value::Null)
}

/// The settings of a request that CloudWatch takes.
fn settings(cx: &Cx, call: &Call) -> Result<Map<String, Value>, Fault> {
    let mut settings = Map::new();
    for name in TEXTS {
        if let Some(text) = call.text(name) {
            settings.insert(name.to_owned(), json!(text));
        }
    }
    for name in NUMBERS {
        if let Some(number) = call.int(name) {
            settings.insert(name.to_owned(), json!(number));
        }
    }
    let threshold = call.text("Threshold").and_then(|text| text.parse::<f64>().ok());
    if let Some(threshold) = threshold {
        settings.insert("Threshold".to_owned(), json!(threshold));
    }
    for name in ACTIONS {
        let actions = call.texts(name);
        check_actions(cx, name, &actions)?;
        settings.insert(name.to_owned(), json!(actions));
    }
    settings.insert("Dimensions".to_owned(), Value::Array(call.list("Dimensions")));
    settings.insert("ActionsEnabled".to_owned(), json!(call.flag("ActionsEnabled").unwrap_or(true)));
    let required = [
        "AlarmName",
        "MetricName",
        "Namespace",
        "Period",
        "EvaluationPeriods",
        "ComparisonOperator",
        "Threshold",
    ];
    if let Some(missing) = required.iter().find(|name| !settings.contains_key(**name)) {
        return Err(invalid(format!("The parameter {missing} is required.")));
    }
    let number = |name: &str| settings.get(name).and_then(Value::as_i64).unwrap_or_default();
    let (period, periods) = (number("Period"), number("EvaluationPeriods"));
    if ![10, 20, 30].contains(&period) && (period < 60 || period % 60 != 0) {
        return Err(invalid("Metric period must be 10, 20, 30 or a multiple of 60"));
    }
    if periods < 1
        || period.saturating_mul(periods) > 7 * 86_400
        || (period < 3600 && period.saturating_mul(periods) > 86_400)
    {
        return Err(invalid(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
        ));
    }
    if number("DatapointsToAlarm") > periods {
        return Err(invalid("DatapointsToAlarm must be smaller or equal to EvaluationPeriods."));
    }
    match (settings.contains_key("Statistic"), settings.contains_key("ExtendedStatistic")) {
        (true, true) | (false, false) => {
            Err(invalid("Exactly one of Statistic and ExtendedStatistic must be specified."))
        }
        _ => Ok(settings),
    }
}

fn check_actions(cx: &Cx, name: &str, actions: &[String]) -> Result<(), Fault> {
    if actions.len() > 5 {
        return Err(invalid(format!("At most 5 {name} are allowed.")));
    }
    for action in actions {
        let parts: Vec<&str> = action.split(':').collect();
        match parts.as_slice() {
            ["arn", _, "sns", region, ..] if *region != cx.region => {
                let message = format!("Invalid region {region} specified. Only {} is supported.", cx.region);
                return Err(invalid(message));
            }
            ["arn", _, _, _, _, _, ..] => {}
            _ => return Err(invalid(format!("Invalid arn syntax: {action}"))),
        }
    }
    Ok(())
}

fn describe(alarms: &IndexMap<String, Alarm>, call: &Call) -> Result<Value, Fault> {
    let (names, prefix) = (call.texts("AlarmNames"), call.text("AlarmNamePrefix"));
    let (state, types) = (call.text("StateValue"), call.texts("AlarmTypes"));
    if !names.is_empty() && prefix.is_some() {
        return Err(invalid("Only one of AlarmNames and AlarmNamePrefix can be specified."));
    }
    let fits = |(name, alarm): &(&String, &Alarm)| {
        (names.is_empty() || names.contains(name))
            && prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix.as_str()))
            && state.as_ref().is_none_or(|state| *state == alarm.state)
            && (types.is_empty() || types.iter().any(|kind| kind == "MetricAlarm"))
    };
    let mut found: Vec<(&String, &Alarm)> = alarms.iter().filter(fits).collect();
    found.sort_by(|a, b| a.0.cmp(b.0));
    let max = call.int("MaxRecords").and_then(|max| usize::try_from(max).ok()).unwrap_or(50);
    let page = super::common::page(found, call.text("NextToken").as_deref(), call.page_of(max));
    let (page, next) =
        page.ok_or_else(|| Fault::new(400, "InvalidNextToken", "The next token is not valid."))?;
    let shown = page.into_iter().map(|(_, alarm)| shown(alarm)).collect::<Vec<_>>();
    let mut reply = json!({"CompositeAlarms": [], "MetricAlarms": shown});
    if let Some(next) = next {
        reply["NextToken"] = json!(next);
    }
    Ok(reply)
}

fn shown(alarm: &Alarm) -> Value {
    let mut shown = alarm.settings.clone();
    let more = [
        ("AlarmArn", json!(alarm.arn)),
        ("AlarmConfigurationUpdatedTimestamp", epoch(alarm.configured)),
        ("StateValue", json!(alarm.state)),
        ("StateReason", json!(alarm.reason)),
        ("StateUpdatedTimestamp", epoch(alarm.changed)),
        ("StateTransitionedTimestamp", epoch(alarm.changed)),
    ];
    shown.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(shown)
}
