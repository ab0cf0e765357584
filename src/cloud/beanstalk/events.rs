//! What an environment's events say of its last operation.
//!
//! Beanstalk has no status "failed": a launch or deployment that failed ends in `Ready`, and only the events tell. The
//! texts are those that the EB CLI waits for.

use aws_sdk_elasticbeanstalk::types::{EventDescription, EventSeverity};

use crate::cloud::{Clients, CloudError, reading};

/// What an operation was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum About {
    /// The environment was launched.
    Launch,
    /// A version, the configuration or tags were brought to it.
    #[default]
    Update,
    /// It was terminated.
    Terminate,
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Beanstalk's words.
    pub message: String,
    /// Whether it is an error.
    pub error: bool,
}

/// The last operation on an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Operation {
    /// What it was about.
    pub about: About,
    /// Why it failed, in Beanstalk's words, when it did.
    pub failure: Option<String>,
    /// What is going on, or went on last.
    pub note: Option<String>,
}

/// Messages with which an operation ends badly although they may not be errors.
const FAILURES: [&str; 6] = [
    "Failed to deploy application.",
    "Failed to launch environment.",
    "Failed to deploy configuration.",
    "The environment was reverted to the previous configuration setting.",
    "Create environment operation is complete, but with errors",
    "Update environment operation is complete, but with errors",
];

/// Messages that end an operation.
const ENDS: [&str; 6] = [
    "Environment update completed successfully.",
    "Successfully deployed new configuration to environment.",
    "Successfully launched environment:",
    "Launched environment:",
    "terminateEnvironment completed successfully.",
    "Environment tag update completed successfully.",
];

/// How far back the beginning of the last operation is looked for.
const MOST_EVENTS: usize = 1_000;

/// The newest events of an environment, newest first: back to where the last operation began.
pub(super) async fn recent(clients: &Clients, environment_id: &str) -> Result<Vec<Event>, CloudError> {
    let mut newest: Vec<Event> = Vec::new();
    let mut token = None;
    loop {
        let request = clients.beanstalk.describe_events().environment_id(environment_id).max_records(100);
        let reply = request.set_next_token(token).send().await;
        let reply = reply.map_err(reading("elasticbeanstalk:DescribeEvents"))?;
        newest.extend(reply.events().iter().map(event));
        token = reply.next_token;
        let begun = newest.iter().any(|event| started(&event.message).is_some());
        if token.is_none() || begun || newest.len() >= MOST_EVENTS {
            return Ok(newest);
        }
    }
}

/// The last few things that were said of an environment, oldest first. Whoever may not ask learns nothing more.
pub(super) async fn last_words(clients: &Clients, environment_id: &str) -> Vec<String> {
    let newest = recent(clients, environment_id).await.unwrap_or_default();
    newest.into_iter().take(3).rev().map(|event| event.message.trim().to_owned()).collect()
}

/// The events of one application version, newest first.
pub(super) async fn of_version(
    clients: &Clients,
    application: &str,
    label: &str,
) -> Result<Vec<Event>, CloudError> {
    let request = clients.beanstalk.describe_events().application_name(application).version_label(label);
    let events = request.into_paginator().items().send().try_collect().await;
    Ok(events.map_err(reading("elasticbeanstalk:DescribeEvents"))?.iter().map(event).collect())
}

fn event(event: &EventDescription) -> Event {
    Event {
        message: event.message().unwrap_or_default().to_owned(),
        error: matches!(event.severity(), Some(EventSeverity::Error | EventSeverity::Fatal)),
    }
}

/// Reads the last operation from the newest events, newest first. `instances` is how many the environment has.
pub(super) fn last_operation(newest: &[Event], instances: usize) -> Operation {
    let start = newest.iter().position(|event| started(&event.message).is_some());
    let mut events: Vec<&Event> = newest.iter().take(start.map_or(newest.len(), |at| at + 1)).collect();
    events.reverse();
    let about = events.first().and_then(|event| started(&event.message)).unwrap_or_default();
    let note = note(&events, instances);
    // What comes after the end is not the operation's: health that changes later, for instance.
    let end = events.iter().position(|event| starts(&event.message, &ENDS));
    if let Some(end) = end {
        events.truncate(end + 1);
    }
    Operation { about, failure: failure(&events, about), note }
}

fn started(message: &str) -> Option<About> {
    match message {
        "createEnvironment is starting." => Some(About::Launch),
        "terminateEnvironment is starting." => Some(About::Terminate),
        "Environment update is starting." | "Environment tag update is starting." => Some(About::Update),
        _ => None,
    }
}

/// The errors of an operation. The health of a new environment is not held against its launch: until the first
/// deployment it runs Beanstalk's sample application, which need not answer on the application's health path.
fn failure(events: &[&Event], about: About) -> Option<String> {
    let launch = about == About::Launch;
    let health = |message: &str| message.to_lowercase().contains("health");
    let summary =
        |message: &str| message.contains("complete, but with errors") || message.contains("issues during");
    let bad = events
        .iter()
        .filter(|event| event.error || starts(&event.message, &FAILURES) || summary(&event.message))
        .filter(|event| !event.message.starts_with("Environment health has"))
        .filter(|event| !(launch && (health(&event.message) || summary(&event.message))));
    let mut words: Vec<&str> = Vec::new();
    for event in bad {
        if !words.contains(&event.message.as_str()) {
            words.push(&event.message);
        }
    }
    // The first errors are the causes.
    words.truncate(6);
    (!words.is_empty()).then(|| words.join(" "))
}

fn starts(message: &str, with: &[&str]) -> bool {
    with.iter().any(|start| message.starts_with(start))
}

/// The newest event in a few words; batches are counted.
fn note(events: &[&Event], instances: usize) -> Option<String> {
    let last = events.last()?.message.trim_end_matches('.');
    let Some((batch, rest)) = batch(last) else { return Some(last.to_owned()) };
    let in_batch = events.iter().find_map(|event| Some(ids(batch_rest(&event.message)?)).filter(|n| *n > 0));
    let total = in_batch.map(|size| instances.div_ceil(size)).filter(|total| *total >= batch);
    let total = total.map(|total| format!(" of {total}")).unwrap_or_default();
    Some(format!("batch {batch}{total}: {}", lower_first(rest)))
}

/// `Batch 2: Registering instance(s) …`: the number and what is being done.
fn batch(message: &str) -> Option<(usize, &str)> {
    let (number, rest) = message.strip_prefix("Batch ")?.split_once(": ")?;
    Some((number.trim().parse().ok()?, rest))
}

fn batch_rest(message: &str) -> Option<&str> {
    batch(message).map(|(_, rest)| rest)
}

/// How many instances a message lists: `… on instance(s) [i-1, i-2].`
fn ids(message: &str) -> usize {
    let list = message.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    list.map_or(0, |(list, _)| list.split(',').filter(|id| id.trim().starts_with("i-")).count())
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    /// Events as they happened, oldest first; `!` marks an error.
    fn events(texts: &[&str]) -> Vec<Event> {
        let event = |text: &&str| Event {
            message: text.trim_start_matches('!').to_owned(),
            error: text.starts_with('!'),
        };
        texts.iter().rev().map(event).collect()
    }

    #[test]
    fn batches_are_counted() {
        let newest = events(&[
            "Environment update completed successfully.",
            "Environment update is starting.",
            "Batch 1: Starting application deployment on instance(s) [i-1, i-2].",
            "Batch 1: Completed application deployment.",
            "Batch 2: De-registering instance(s) from the load balancer and waiting for them to go out of service.",
        ]);
        let operation = last_operation(&newest, 7);
        let note = "batch 2 of 4: de-registering instance(s) from the load balancer and waiting for them to go out of service";
        assert_eq!(operation.note.as_deref(), Some(note));
        assert_eq!((operation.about, operation.failure), (About::Update, None));
    }

    #[test]
    fn errors_before_the_last_operation_are_not_its_own() {
        let newest = events(&[
            "Environment update is starting.",
            "!Failed to deploy application.",
            "Environment update is starting.",
            "Environment update completed successfully.",
            "!Environment health has transitioned from Ok to Severe.",
        ]);
        assert_eq!(last_operation(&newest, 2).failure, None);
    }

    #[test]
    fn a_failed_deployment_gives_its_causes() {
        let newest = events(&[
            "Environment update is starting.",
            "!Command failed on instance. An unexpected error has occurred.",
            "!Unsuccessful command execution on instance id(s) 'i-1'. Aborting the operation.",
            "!Failed to deploy application.",
        ]);
        let failure = last_operation(&newest, 2).failure.unwrap();
        assert!(failure.starts_with("Command failed on instance"), "{failure}");
        assert!(failure.ends_with("Failed to deploy application."), "{failure}");
    }

    #[test]
    fn a_revert_is_a_failure_though_no_error() {
        let newest = events(&[
            "Environment update is starting.",
            "The environment was reverted to the previous configuration setting.",
        ]);
        assert!(last_operation(&newest, 1).failure.is_some());
    }

    #[test]
    fn the_sample_applications_health_does_not_fail_a_launch_but_a_missing_profile_does() {
        let unhealthy = events(&[
            "createEnvironment is starting.",
            "!Environment health has been set to RED",
            "!ELB health is failing or not available for all instances.",
            "!Create environment operation is complete, but with errors. For more information, see troubleshooting documentation.",
        ]);
        assert_eq!(last_operation(&unhealthy, 2).failure, None);
        let broken = events(&[
            "createEnvironment is starting.",
            "!Environment must have instance profile associated with it.",
            "!Failed to launch environment.",
        ]);
        let operation = last_operation(&broken, 0);
        assert_eq!(operation.about, About::Launch);
        assert!(operation.failure.unwrap().starts_with("Environment must have instance profile"));
    }
}
