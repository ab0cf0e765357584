//! Deployment policies as option settings, both ways.

use super::options::{COMMAND, Options};
use crate::eval::{Attrs, Value};

const SPLITTING: &str = "aws:elasticbeanstalk:trafficsplitting";
const ROLLING_UPDATE: &str = "aws:autoscaling:updatepolicy:rollingupdate";
const MINUTE: i64 = 60_000;

/// The words of the language and of Beanstalk.
const POLICIES: [(&str, &str); 5] = [
    ("all_at_once", "AllAtOnce"),
    ("rolling", "Rolling"),
    ("rolling_with_additional_batch", "RollingWithAdditionalBatch"),
    ("immutable", "Immutable"),
    ("traffic_splitting", "TrafficSplitting"),
];

/// Writes a policy's options. A change of the configuration that replaces instances follows the same policy as a new
/// version does: Beanstalk's own default is to terminate all of them at once.
pub(super) fn write(policy: &Value, options: &mut Options) {
    let Value::Variant(name, params) = policy else { return };
    let Some((_, word)) = POLICIES.iter().find(|(ours, _)| ours == name) else { return };
    options.set(COMMAND, "DeploymentPolicy", *word);
    match params.get("batch") {
        Some(Value::Percent(hundredths)) => {
            options.set(COMMAND, "BatchSizeType", "Percentage");
            options.set(COMMAND, "BatchSize", (hundredths / 100).to_string());
        }
        Some(Value::Int(count)) => {
            options.set(COMMAND, "BatchSizeType", "Fixed");
            options.set(COMMAND, "BatchSize", count.to_string());
        }
        _ => {}
    }
    if name == "traffic_splitting" {
        let new = params.get("new_version").and_then(Value::as_int).map(|h| (h / 100).to_string());
        let time = params.get("evaluation").and_then(Value::as_int).map(|ms| (ms / MINUTE).to_string());
        options.set_some(SPLITTING, "NewVersionPercent", new);
        options.set_some(SPLITTING, "EvaluationTime", time);
    }
    match name.as_str() {
        "rolling" | "rolling_with_additional_batch" => {
            options.set(ROLLING_UPDATE, "RollingUpdateEnabled", "true");
            options.set(ROLLING_UPDATE, "RollingUpdateType", "Health");
        }
        "immutable" | "traffic_splitting" => {
            options.set(ROLLING_UPDATE, "RollingUpdateEnabled", "true");
            options.set(ROLLING_UPDATE, "RollingUpdateType", "Immutable");
        }
        _ => options.set(ROLLING_UPDATE, "RollingUpdateEnabled", "false"),
    }
}

/// The policy that an environment has. Defaults are those of an environment made through the API.
pub(super) fn read(options: &Options) -> Option<Value> {
    let word = options.get(COMMAND, "DeploymentPolicy").unwrap_or("AllAtOnce");
    let (name, _) = POLICIES.iter().find(|(_, theirs)| *theirs == word)?;
    let mut params = Attrs::new();
    if name.starts_with("rolling") {
        let size = options.number(COMMAND, "BatchSize").unwrap_or(100);
        let batch = match options.get(COMMAND, "BatchSizeType") {
            Some("Fixed") => Value::Int(size),
            _ => Value::Percent(size * 100),
        };
        params.insert("batch".to_owned(), batch);
    }
    if *name == "traffic_splitting" {
        let new = options.number(SPLITTING, "NewVersionPercent").unwrap_or(10);
        let time = options.number(SPLITTING, "EvaluationTime").unwrap_or(5);
        params.insert("new_version".to_owned(), Value::Percent(new * 100));
        params.insert("evaluation".to_owned(), Value::Duration(time * MINUTE));
    }
    Some(Value::Variant((*name).to_owned(), params))
}

/// A policy as Beanstalk can hold it: whole percents (at least one) and whole minutes.
pub(super) fn whole(policy: &Value) -> Value {
    let Value::Variant(name, params) = policy else { return policy.clone() };
    let round = |value: &Value| match value {
        Value::Percent(hundredths) => Value::Percent(((hundredths + 50) / 100).max(1) * 100),
        Value::Duration(ms) => Value::Duration((ms + MINUTE - 1) / MINUTE * MINUTE),
        value => value.clone(),
    };
    Value::Variant(name.clone(), params.iter().map(|(name, value)| (name.clone(), round(value))).collect())
}
