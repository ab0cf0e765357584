//! Engines, their versions and the instance types that they run on.

use serde_json::{Value, json};

use super::bad;
use crate::local::{Call, Cx, Fault, Reply, regions};

const RABBITMQ: [&str; 3] = ["3.12", "3.13", "4.2"];
const ACTIVEMQ: [&str; 3] = ["5.17", "5.18", "5.19"];

fn versions(engine: &str) -> &'static [&'static str] {
    match engine {
        "RABBITMQ" => &RABBITMQ,
        "ACTIVEMQ" => &ACTIVEMQ,
        _ => &[],
    }
}

fn instances(engine: &str) -> Vec<String> {
    let m5 = ["large", "xlarge", "2xlarge", "4xlarge"].map(|size| format!("mq.m5.{size}"));
    let mut types = vec!["mq.t3.micro".to_owned()];
    types.extend(m5);
    if engine == "RABBITMQ" {
        let sizes = ["medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"];
        types.extend(sizes.map(|size| format!("mq.m7g.{size}")));
    }
    types
}

/// The engine in the spelling of the service, which takes any case.
pub fn engine(text: &str) -> Result<String, Fault> {
    let engine = text.to_ascii_uppercase();
    match versions(&engine).is_empty() {
        true => bad(format!("Engine type [{text}] is invalid. Valid values: ActiveMQ, RabbitMQ.")),
        false => Ok(engine),
    }
}

/// A version, checked; the newest when none is asked for.
pub fn version(engine: &str, wanted: Option<&str>) -> Result<String, Fault> {
    let versions = versions(engine);
    let Some(wanted) = wanted else { return Ok(versions.last().copied().unwrap_or_default().to_owned()) };
    let fits = |version: &&&str| wanted == **version || wanted.starts_with(&format!("{version}."));
    match versions.iter().find(fits) {
        // From 3.13 on patches are AWS's business: only major and minor can be said.
        Some(version) if wanted != *version && engine == "RABBITMQ" && *version != "3.12" => bad(format!(
            "Broker engine version [{wanted}] is invalid. Specify only the major and minor version: {version}."
        )),
        Some(_) => Ok(wanted.to_owned()),
        None => bad(format!(
            "Broker engine type [{engine}] does not support version [{wanted}]. Valid values: [{}].",
            versions.join(", ")
        )),
    }
}

/// Checks an instance type.
pub fn check_instance(engine: &str, instance: &str, mode: &str) -> Result<(), Fault> {
    if !instances(engine).iter().any(|known| known == instance) {
        return bad(format!("Broker instance type [{instance}] is invalid for the engine type [{engine}]."));
    }
    if instance == "mq.t3.micro" && mode == "CLUSTER_MULTI_AZ" {
        return bad(format!("Instance type [{instance}] does not support the deployment mode [{mode}]."));
    }
    Ok(())
}

pub fn describe(call: &Call) -> Result<Reply, Fault> {
    let wanted = call.text("engineType").map(|engine| engine.to_ascii_uppercase());
    let engines =
        ["ACTIVEMQ", "RABBITMQ"].into_iter().filter(|engine| wanted.as_ref().is_none_or(|w| w == engine));
    let engine = |engine: &str| {
        let versions: Vec<Value> = versions(engine).iter().map(|name| json!({ "name": name })).collect();
        json!({ "engineType": engine, "engineVersions": versions })
    };
    Ok(Reply::Json(
        json!({ "brokerEngineTypes": engines.map(engine).collect::<Vec<_>>(), "maxResults": 100 }),
    ))
}

pub fn describe_instances(cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let wanted = call.text("engineType").map(|engine| engine.to_ascii_uppercase());
    let wanted_type = call.text("hostInstanceType");
    let letters = regions::zones(&cx.region).unwrap_or("abc");
    let zones: Vec<Value> =
        letters.chars().map(|letter| json!({ "name": format!("{}{letter}", cx.region) })).collect();
    let mut options = Vec::new();
    for engine in ["ACTIVEMQ", "RABBITMQ"].into_iter().filter(|it| wanted.as_ref().is_none_or(|w| w == it)) {
        for instance in
            instances(engine).into_iter().filter(|it| wanted_type.as_ref().is_none_or(|w| w == it))
        {
            let several = if engine == "RABBITMQ" { "CLUSTER_MULTI_AZ" } else { "ACTIVE_STANDBY_MULTI_AZ" };
            let mut modes = vec!["SINGLE_INSTANCE"];
            if check_instance(engine, &instance, several).is_ok() {
                modes.push(several);
            }
            options.push(json!({
                "availabilityZones": zones, "engineType": engine, "hostInstanceType": instance, "storageType": "EBS",
                "supportedDeploymentModes": modes, "supportedEngineVersions": versions(engine),
            }));
        }
    }
    Ok(Reply::Json(json!({ "brokerInstanceOptions": options, "maxResults": 100 })))
}
