//! Applications, and the bucket for their bundles.

use serde_json::Value;

use super::{Application, Status, events, operations, refuse};
use crate::local::common::{SECOND, arn, check_tags, iso, tags_at};
use crate::local::support::{member, optional, required};
use crate::local::{Call, Cx, Element, Fault, Reply, State, neighbours};

/// How many applications there may be in a region.
const QUOTA: usize = 75;

pub(super) fn find<'a>(state: &'a State, cx: &Cx, name: &str) -> Result<&'a Application, Fault> {
    let found = state.beanstalk.applications.iter().find(|a| a.region == cx.region && a.name == name);
    match found {
        Some(found) => Ok(found),
        None => refuse("InvalidParameterValue", format!("No Application named '{name}' found.")),
    }
}

fn find_mut<'a>(state: &'a mut State, cx: &Cx, name: &str) -> Result<&'a mut Application, Fault> {
    let found = state.beanstalk.applications.iter_mut().find(|a| a.region == cx.region && a.name == name);
    match found {
        Some(found) => Ok(found),
        None => refuse("InvalidParameterValue", format!("No Application named '{name}' found.")),
    }
}

/// Makes an application.
pub(super) fn insert(state: &mut State, cx: &Cx, call: &Call, name: &str) -> Result<(), Fault> {
    let here = state.beanstalk.applications.iter().filter(|a| a.region == cx.region);
    if here.clone().any(|a| a.name == name) {
        return refuse("InvalidParameterValue", format!("Application {name} already exists."));
    }
    if here.count() >= QUOTA {
        let message =
            format!("Cannot create application. The limit of {QUOTA} applications has been reached.");
        return refuse("TooManyApplicationsException", message);
    }
    if name.is_empty() || name.chars().count() > 100 || name.contains('/') {
        let message = format!(
            "Value {name} at 'ApplicationName' failed to satisfy constraint: Member must have length less than or equal to 100 and must not contain '/'"
        );
        return refuse("InvalidParameterValue", message);
    }
    let description = call.text("Description");
    if description.as_ref().is_some_and(|text| text.chars().count() > 200) {
        let message = "Value at 'Description' failed to satisfy constraint: Member must have length less than or equal to 200";
        return refuse("InvalidParameterValue", message);
    }
    let tags = tags_at(call, "Tags");
    check_tags(&tags, "InvalidParameterValue")?;
    state.beanstalk.applications.push(Application {
        region: cx.region.clone(),
        name: name.to_owned(),
        description,
        lifecycle: call.params.get("ResourceLifecycleConfig").cloned().unwrap_or(Value::Null),
        created: cx.now,
        updated: cx.now,
        gone: None,
        tags,
    });
    events::record_application(state, cx, name, None, format!("Created new Application: {name}"));
    Ok(())
}

pub(super) fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let name = required(call, "ApplicationName")?;
    insert(state, cx, call, &name)?;
    show_one(state, cx, &name)
}

fn show_one(state: &State, cx: &Cx, name: &str) -> Result<Reply, Fault> {
    let application = find(state, cx, name)?;
    Ok(Reply::Xml(vec![Element::new("Application", show(state, cx, application))]))
}

fn show(state: &State, cx: &Cx, application: &Application) -> Vec<Element> {
    let versions = state.beanstalk.versions.iter().rev();
    let mine = versions.filter(|v| v.region == application.region && v.application == application.name);
    let mut children = vec![
        Element::text(
            "ApplicationArn",
            arn(cx, "elasticbeanstalk", &format!("application/{}", application.name)),
        ),
        Element::text("ApplicationName", &application.name),
    ];
    children.extend(optional("Description", &application.description));
    children.extend([
        Element::text("DateCreated", iso(application.created)),
        Element::text("DateUpdated", iso(application.updated)),
        Element::texts("Versions", "member", mine.map(|version| &version.label)),
        Element::new("ConfigurationTemplates", Vec::new()),
        lifecycle(application),
    ]);
    children
}

fn lifecycle(application: &Application) -> Element {
    let said = |path: &str| member(&application.lifecycle, path);
    let rule = |name: &str, amount: &str| {
        let at = |field: &str| said(&format!("VersionLifecycleConfig.{name}.{field}"));
        let mut children = vec![
            Element::text("Enabled", at("Enabled").unwrap_or_else(|| "false".to_owned())),
            Element::text(
                "DeleteSourceFromS3",
                at("DeleteSourceFromS3").unwrap_or_else(|| "false".to_owned()),
            ),
        ];
        let default = if amount == "MaxCount" { "200" } else { "180" };
        children.push(Element::text(amount, at(amount).unwrap_or_else(|| default.to_owned())));
        Element::new(name, children)
    };
    let mut children: Vec<Element> = optional("ServiceRole", &said("ServiceRole")).into_iter().collect();
    let rules = vec![rule("MaxCountRule", "MaxCount"), rule("MaxAgeRule", "MaxAgeInDays")];
    children.push(Element::new("VersionLifecycleConfig", rules));
    Element::new("ResourceLifecycleConfig", children)
}

pub(super) fn describe(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let names = call.texts("ApplicationNames");
    let wanted = |a: &&Application| a.region == cx.region && (names.is_empty() || names.contains(&a.name));
    let shown = state.beanstalk.applications.iter().filter(wanted).map(|a| show(state, cx, a));
    Ok(Reply::Xml(vec![Element::list("Applications", "member", shown)]))
}

pub(super) fn update(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let name = required(call, "ApplicationName")?;
    let application = find_mut(state, cx, &name)?;
    if let Some(description) = call.text("Description") {
        application.description = Some(description);
    }
    application.updated = cx.now;
    show_one(state, cx, &name)
}

pub(super) fn update_lifecycle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let name = required(call, "ApplicationName")?;
    let application = find_mut(state, cx, &name)?;
    let config = |path: &str| call.text(&format!("ResourceLifecycleConfig.{path}"));
    let on =
        |rule: &str| config(&format!("VersionLifecycleConfig.{rule}.Enabled")).as_deref() == Some("true");
    let known = config("ServiceRole").or_else(|| member(&application.lifecycle, "ServiceRole"));
    if (on("MaxCountRule") || on("MaxAgeRule")) && known.is_none() {
        return refuse("InvalidParameterValue", "A service role is required to enable a lifecycle rule.");
    }
    application.lifecycle = call.params.get("ResourceLifecycleConfig").cloned().unwrap_or(Value::Null);
    application.updated = cx.now;
    Ok(Reply::Xml(vec![Element::text("ApplicationName", &name), lifecycle(application)]))
}

/// What the `eb` CLI waits for.
const DELETED: &str = "The application has been deleted successfully.";

pub(super) fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let name = required(call, "ApplicationName")?;
    // Deleting what is not there succeeds.
    if find(state, cx, &name).is_err() {
        return Ok(Reply::Xml(Vec::new()));
    }
    let running: Vec<usize> = (0..)
        .zip(&state.beanstalk.environments)
        .filter(|(_, e)| e.region == cx.region && e.application == name && e.alive())
        .map(|(index, _)| index)
        .collect();
    if !running.is_empty() && call.flag("TerminateEnvByForce") != Some(true) {
        let message = format!("Unable to delete application {name} because it has running environments.");
        return refuse("OperationInProgressFailure", message);
    }
    events::record_deletion(state, cx, &name, cx.now, "deleteApplication is starting.");
    if running.is_empty() {
        events::record_deletion(state, cx, &name, cx.now + SECOND, DELETED);
        remove(state, &cx.region, &name, cx.now);
        return Ok(Reply::Xml(Vec::new()));
    }
    events::record_deletion(state, cx, &name, cx.now, "Invoking Environment Termination workflows.");
    let mut gone = cx.now;
    for index in running {
        let busy = state.beanstalk.environments.get(index).is_some_and(|e| e.status == Status::Terminating);
        if !busy {
            operations::start_termination(state, index, cx);
        }
        let last = state.beanstalk.environments.get(index).and_then(|e| e.agenda.last());
        gone = gone.max(last.map_or(cx.now, |planned| planned.at));
    }
    events::record_deletion(state, cx, &name, gone, "The environment termination step is done.");
    events::record_deletion(state, cx, &name, gone + SECOND, DELETED);
    find_mut(state, cx, &name)?.gone = Some(gone);
    Ok(Reply::Xml(Vec::new()))
}

/// Removes an application with its versions.
pub(super) fn remove(state: &mut State, region: &str, name: &str, _now: i64) {
    state.beanstalk.applications.retain(|a| !(a.region == region && a.name == name));
    state.beanstalk.versions.retain(|v| !(v.region == region && v.application == name));
}

/// The name of the bucket that Elastic Beanstalk keeps its files in.
pub(super) fn bucket(cx: &Cx) -> String {
    format!("elasticbeanstalk-{}-{}", cx.region, cx.account)
}

pub(super) fn create_storage_location(state: &mut State, cx: &Cx) -> Result<Reply, Fault> {
    let bucket = bucket(cx);
    neighbours::ensure_bucket(state, cx, &bucket);
    Ok(Reply::Xml(vec![Element::text("S3Bucket", bucket)]))
}

pub(super) fn account_attributes() -> Reply {
    let quota = |name: &str, most: u32| Element::new(name, vec![Element::text("Maximum", most)]);
    let quotas = vec![
        quota("ApplicationQuota", 75),
        quota("ApplicationVersionQuota", 1_000),
        quota("EnvironmentQuota", 200),
        quota("ConfigurationTemplateQuota", 2_000),
        quota("CustomPlatformQuota", 50),
    ];
    Reply::Xml(vec![Element::new("ResourceQuotas", quotas)])
}
