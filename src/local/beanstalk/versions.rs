//! Application versions: labels for bundles in S3.

use super::{App, Bundle, Environment, Version, applications, events, refuse};
use crate::local::common::{MINUTE, SECOND, arn, check_tags, iso, page, tags_at};
use crate::local::support::{member, optional, required};
use crate::local::{Call, Cx, Element, Fault, Reply, State, neighbours};

/// How long it takes to look into a bundle.
const PROCESSING: i64 = 10 * SECOND;
/// The largest bundle: 512 MB.
const LARGEST: u64 = 512 * 1024 * 1024;
/// How many versions there may be in a region.
const QUOTA: usize = 1_000;

impl Version {
    fn status(&self, now: i64) -> &'static str {
        match self.processed {
            None => "Unprocessed",
            Some(at) if now < at => "Processing",
            Some(_) if self.bundle.as_ref().is_some_and(|bundle| !bundle.archive) => "Failed",
            Some(_) => "Processed",
        }
    }
}

pub(super) fn find<'a>(
    state: &'a State,
    cx: &Cx,
    application: &str,
    label: &str,
) -> Result<&'a Version, Fault> {
    let same = |v: &&Version| v.region == cx.region && v.application == application && v.label == label;
    match state.beanstalk.versions.iter().find(same) {
        Some(found) => Ok(found),
        None => refuse("InvalidParameterValue", format!("No Application Version named '{label}' found.")),
    }
}

pub(super) fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let application = required(call, "ApplicationName")?;
    let label = required(call, "VersionLabel")?;
    if applications::find(state, cx, &application).is_err() {
        if call.flag("AutoCreateApplication") != Some(true) {
            applications::find(state, cx, &application)?;
        }
        applications::insert(state, cx, call, &application)?;
    }
    if label.chars().count() > 100 || label.contains('/') {
        let message = format!(
            "Value {label} at 'VersionLabel' failed to satisfy constraint: Member must have length less than or equal to 100 and must not contain '/'"
        );
        return refuse("InvalidParameterValue", message);
    }
    if find(state, cx, &application, &label).is_ok() {
        return refuse("InvalidParameterValue", format!("Application Version {label} already exists."));
    }
    if state.beanstalk.versions.iter().filter(|v| v.region == cx.region).count() >= QUOTA {
        let message =
            format!("Cannot create application version. The limit of {QUOTA} versions has been reached.");
        return refuse("TooManyApplicationVersionsException", message);
    }
    prune(state, cx, &application);
    let tags = tags_at(call, "Tags");
    check_tags(&tags, "InvalidParameterValue")?;
    let (source, bundle) = read_source(state, cx, call)?;
    let bad = bundle.as_ref().is_some_and(|bundle| !bundle.archive);
    let processed = (call.flag("Process") == Some(true)).then_some(cx.now + PROCESSING);
    let version = Version {
        region: cx.region.clone(),
        application: application.clone(),
        label: label.clone(),
        description: call.text("Description"),
        source,
        bundle,
        created: cx.now,
        processed,
        tags,
    };
    let reply = Reply::Xml(vec![Element::new("ApplicationVersion", show(cx, &version))]);
    state.beanstalk.versions.push(version);
    events::record_application(
        state,
        cx,
        &application,
        Some(&label),
        format!("Created new Application Version: {label}"),
    );
    if let Some(at) = processed {
        let outcome = if bad { "FAILED" } else { "PROCESSED" };
        let message = format!("Finished processing application version {label}: {outcome}.");
        events::record_version(state, cx, &application, &label, at, bad, message);
    }
    Ok(reply)
}

/// Before a version is made, deletes those that the application's lifecycle rules no longer keep, the oldest first: at most
/// 100 at once, and none that runs, or ran in an environment that was terminated less than ten weeks ago.
/// Source: developer guide, "Configuring application version lifecycle settings".
fn prune(state: &mut State, cx: &Cx, application: &str) {
    const MOST: usize = 100;
    const DAY: i64 = 24 * 60 * MINUTE;
    const TEN_WEEKS: i64 = 70 * DAY;
    let Ok(rules) = applications::find(state, cx, application) else { return };
    let said = |path: &str| member(&rules.lifecycle, &format!("VersionLifecycleConfig.{path}"));
    let number = |path: &str| said(path).and_then(|text| text.parse::<i64>().ok());
    let on = |rule: &str| said(&format!("{rule}.Enabled")).as_deref() == Some("true");
    let deletes = |rule: &str| said(&format!("{rule}.DeleteSourceFromS3")).as_deref() == Some("true");
    let mine = |v: &&Version| v.region == cx.region && v.application == application;
    let mut versions: Vec<&Version> = state.beanstalk.versions.iter().filter(mine).collect();
    versions.sort_by_key(|version| version.created);
    let (old, with_source): (Vec<&Version>, bool) = if on("MaxCountRule") {
        // The version to be made is not counted.
        let most = number("MaxCountRule.MaxCount").and_then(|most| usize::try_from(most).ok()).unwrap_or(200);
        let surplus = versions.len().saturating_sub(most);
        (versions.into_iter().take(surplus).collect(), deletes("MaxCountRule"))
    } else if on("MaxAgeRule") {
        let oldest = cx.now - number("MaxAgeRule.MaxAgeInDays").unwrap_or(180) * DAY;
        let old = versions.into_iter().filter(|version| version.created < oldest);
        (old.collect(), deletes("MaxAgeRule"))
    } else {
        return;
    };
    let used = |version: &Version| {
        let ran = |e: &Environment| {
            !e.alive() && e.updated > cx.now - TEN_WEEKS && e.version.as_ref() == Some(&version.label)
        };
        uses(state, cx, application, &version.label)
            || state
                .beanstalk
                .environments
                .iter()
                .any(|e| e.region == cx.region && e.application == application && ran(e))
    };
    let gone = old.into_iter().filter(|version| !used(version)).take(MOST);
    let gone: Vec<(String, Option<(String, String)>)> =
        gone.map(|version| (version.label.clone(), version.source.clone())).collect();
    for (label, source) in gone {
        if let Some((bucket, key)) = source.filter(|_| with_source) {
            neighbours::delete_object(state, cx, &bucket, &key);
        }
        state
            .beanstalk
            .versions
            .retain(|v| !(v.region == cx.region && v.application == application && v.label == label));
        let message = format!("Deleted application version {label} by the application's lifecycle settings.");
        events::record_application(state, cx, application, Some(&label), message);
    }
}

/// Whether a version runs in some environment, or is on its way there.
fn uses(state: &State, cx: &Cx, application: &str, label: &str) -> bool {
    let runs = |app: &App| *app == App::Running(Some(label.to_owned()));
    state.beanstalk.environments.iter().any(|environment| {
        environment.region == cx.region
            && environment.application == application
            && environment.alive()
            && (environment.version.as_deref() == Some(label)
                || environment.instances.iter().any(|instance| runs(&instance.app))
                || environment.agenda.iter().any(|planned| planned.step.brings(label)))
    })
}

type Source = (Option<(String, String)>, Option<Bundle>);

/// Bucket and key of the bundle, and what is in it. Without one, the version is the sample application.
fn read_source(state: &State, cx: &Cx, call: &Call) -> Result<Source, Fault> {
    if call.params.get("SourceBuildInformation").is_some() {
        let message = "The local cloud does not have CodeCommit or CodeBuild: give a SourceBundle";
        return refuse("InvalidParameterValue", message);
    }
    let (Some(bucket), Some(key)) = (call.text("SourceBundle.S3Bucket"), call.text("SourceBundle.S3Key"))
    else {
        return Ok((None, None));
    };
    let lost = |reason: &str| {
        let message =
            format!("Unable to download from S3 location (Bucket: {bucket}  Key: {key}). Reason: {reason}");
        refuse("InvalidParameterCombination", message)
    };
    match neighbours::bucket_region(state, &bucket) {
        None => return lost("The specified bucket does not exist"),
        Some(region) if region != cx.region => {
            let message = format!(
                "The specified S3 bucket {bucket} does not belong to the service region {}.",
                cx.region
            );
            return refuse("S3LocationNotInServiceRegionException", message);
        }
        Some(_) => {}
    }
    let Some(object) = neighbours::object(state, &bucket, &key) else {
        return lost("Not Found");
    };
    if object.size > LARGEST {
        return refuse("InvalidParameterValue", "The source bundle is larger than 512 MB.");
    }
    let Ok(body) = state.blobs.get(&object.hash) else { return lost("Not Found") };
    Ok((Some((bucket, key)), Some(Bundle::read(&object.hash, &body))))
}

fn show(cx: &Cx, version: &Version) -> Vec<Element> {
    let name = format!("applicationversion/{}/{}", version.application, version.label);
    let mut children = vec![
        Element::text("ApplicationVersionArn", arn(cx, "elasticbeanstalk", &name)),
        Element::text("ApplicationName", &version.application),
    ];
    children.extend(optional("Description", &version.description));
    children.push(Element::text("VersionLabel", &version.label));
    if let Some((bucket, key)) = &version.source {
        children.push(Element::new(
            "SourceBundle",
            vec![Element::text("S3Bucket", bucket), Element::text("S3Key", key)],
        ));
    }
    children.extend([
        Element::text("DateCreated", iso(version.created)),
        Element::text("DateUpdated", iso(version.created)),
        Element::text("Status", version.status(cx.now)),
    ]);
    children
}

pub(super) fn describe(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let application = call.text("ApplicationName");
    let labels = call.texts("VersionLabels");
    let wanted = |v: &&Version| {
        v.region == cx.region
            && application.as_ref().is_none_or(|name| *name == v.application)
            && (labels.is_empty() || labels.contains(&v.label))
    };
    let found: Vec<&Version> = state.beanstalk.versions.iter().rev().filter(wanted).collect();
    let max =
        call.int("MaxRecords").and_then(|max| usize::try_from(max).ok()).unwrap_or(1_000).clamp(1, 1_000);
    let Some((found, next)) = page(found, call.text("NextToken").as_deref(), call.page_of(max)) else {
        return refuse("InvalidParameterValue", "The NextToken is not valid");
    };
    let mut members =
        vec![Element::list("ApplicationVersions", "member", found.into_iter().map(|v| show(cx, v)))];
    members.extend(next.map(|next| Element::text("NextToken", next)));
    Ok(Reply::Xml(members))
}

pub(super) fn update(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let (application, label) = (required(call, "ApplicationName")?, required(call, "VersionLabel")?);
    find(state, cx, &application, &label)?;
    let same = |v: &&mut Version| v.region == cx.region && v.application == application && v.label == label;
    if let Some(version) = state.beanstalk.versions.iter_mut().find(same) {
        version.description = call.text("Description").or(version.description.take());
    }
    let shown = show(cx, find(state, cx, &application, &label)?);
    Ok(Reply::Xml(vec![Element::new("ApplicationVersion", shown)]))
}

pub(super) fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let (application, label) = (required(call, "ApplicationName")?, required(call, "VersionLabel")?);
    applications::find(state, cx, &application)?;
    let Ok(version) = find(state, cx, &application, &label) else {
        // Deleting what is not there succeeds.
        return Ok(Reply::Xml(Vec::new()));
    };
    let source = version.source.clone();
    if uses(state, cx, &application, &label) {
        let message = format!(
            "Unable to delete application version {label} because it is deployed to one or more environments."
        );
        return refuse("SourceBundleDeletionFailure", message);
    }
    if let Some((bucket, key)) = source.filter(|_| call.flag("DeleteSourceBundle") == Some(true)) {
        neighbours::delete_object(state, cx, &bucket, &key);
    }
    let same = |v: &Version| v.region == cx.region && v.application == application && v.label == label;
    state.beanstalk.versions.retain(|version| !same(version));
    Ok(Reply::Xml(Vec::new()))
}
