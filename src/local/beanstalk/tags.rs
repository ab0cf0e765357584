//! Tags of applications, versions and environments.

use super::environments::must_be_ready;
use super::timeline::{self, Plan, Step};
use super::{Status, refuse};
use crate::local::common::{Tags, check_tags, tag_list, tags_at};
use crate::local::support::required;
use crate::local::{Call, Cx, Element, Fault, Reply, State};

/// What an ARN names: the end of it, by its kind.
enum Named<'a> {
    Application(&'a str),
    Version(&'a str, &'a str),
    Environment(&'a str),
}

/// Reads `arn:aws:elasticbeanstalk:REGION:ACCOUNT:environment/APPLICATION/NAME`.
fn read(arn: &str) -> Option<(&str, Named<'_>)> {
    let mut parts = arn.splitn(6, ':');
    let region = parts.nth(3)?;
    let resource = parts.nth(1)?;
    let (kind, name) = resource.split_once('/')?;
    let named = match kind {
        "application" => Named::Application(name),
        "applicationversion" => {
            let (application, label) = name.split_once('/')?;
            Named::Version(application, label)
        }
        "environment" => Named::Environment(name.split_once('/')?.1),
        _ => return None,
    };
    Some((region, named))
}

fn tags_mut<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut Tags, Fault> {
    let beanstalk = &mut state.beanstalk;
    let found = read(arn).and_then(|(region, named)| match named {
        Named::Application(name) => beanstalk
            .applications
            .iter_mut()
            .find(|a| a.region == region && a.name == name)
            .map(|a| &mut a.tags),
        Named::Version(application, label) => beanstalk
            .versions
            .iter_mut()
            .find(|v| v.region == region && v.application == application && v.label == label)
            .map(|v| &mut v.tags),
        Named::Environment(name) => beanstalk
            .environments
            .iter_mut()
            .find(|e| e.region == region && e.name == name && e.alive())
            .map(|e| &mut e.tags),
    });
    match found {
        Some(tags) => Ok(tags),
        None => refuse("ResourceNotFoundException", format!("Resource not found for ARN '{arn}'.")),
    }
}

pub(super) fn list(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let arn = required(call, "ResourceArn")?;
    let environment = match read(&arn) {
        Some((region, Named::Environment(name))) => {
            state.beanstalk.environments.iter().find(|e| e.region == region && e.name == name && e.alive())
        }
        _ => None,
    };
    let tags = match environment {
        // Beanstalk's own are listed as well.
        Some(environment) => super::resources::tags_for(environment),
        None => tags_mut(state, &arn)?.clone(),
    };
    Ok(Reply::Xml(vec![Element::text("ResourceArn", arn), tag_list("ResourceTags", "member", &tags)]))
}

pub(super) fn update(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let arn = required(call, "ResourceArn")?;
    let mut tags = tags_mut(state, &arn)?.clone();
    let added = tags_at(call, "TagsToAdd");
    check_tags(&added, "InvalidParameterValue")?;
    let own = |key: &String| key.starts_with("elasticbeanstalk:") || key == "Name";
    if let Some(key) = added.keys().find(|key| own(key)) {
        return refuse(
            "InvalidParameterValue",
            format!("The tag '{key}' is reserved and cannot be changed."),
        );
    }
    for key in call.texts("TagsToRemove") {
        tags.shift_remove(&key);
    }
    tags.extend(added);
    if tags.len() > 47 {
        return refuse("TooManyTagsException", "An environment can have at most 47 tags.");
    }
    let environment = match read(&arn) {
        Some((region, Named::Environment(name))) => state
            .beanstalk
            .environments
            .iter()
            .position(|e| e.region == region && e.name == name && e.alive()),
        _ => None,
    };
    let Some(index) = environment else {
        *tags_mut(state, &arn)? = tags;
        return Ok(Reply::Xml(Vec::new()));
    };
    let Some(environment) = state.beanstalk.environments.get_mut(index) else {
        return Ok(Reply::Xml(Vec::new()));
    };
    if must_be_ready(environment).is_err() {
        let message = format!("Environment {} has an operation in progress.", environment.name);
        return refuse("OperationInProgressFailure", message);
    }
    environment.status = Status::Updating;
    environment.since = cx.now;
    environment.request_id = cx.request_id.clone();
    let mut plan = Plan::new(cx.now);
    plan.info("Environment tag update is starting.");
    plan.wait(30);
    plan.step(Step::Tags(tags));
    plan.wait(10);
    plan.info("Environment tag update completed successfully.");
    plan.step(Step::Ready);
    timeline::start(state, index, plan, cx.now);
    Ok(Reply::Xml(Vec::new()))
}
