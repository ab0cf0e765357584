//! Events: what happened, newest first when asked.

use serde::{Deserialize, Serialize};

use super::{Environment, refuse};
use crate::local::common::{iso, page};
use crate::local::support::{optional, parse_time};
use crate::local::{Call, Cx, Element, Fault, Reply, State};

/// At most so many are kept; AWS keeps them for six weeks.
const MOST: usize = 10_000;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Severity {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal]
            .into_iter()
            .find(|severity| severity.name() == text)
    }
}

/// An event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: i64,
    /// Where.
    pub region: String,
    /// What happened.
    pub message: String,
    /// The application.
    pub application: String,
    /// The environment: id and name.
    pub environment: Option<(String, String)>,
    /// The version that it is about.
    pub version: Option<String>,
    /// The request that it belongs to.
    pub request_id: Option<String>,
    /// How bad it is.
    pub severity: Severity,
}

/// Records an event of an environment.
pub(super) fn record(
    state: &mut State,
    environment: &Environment,
    at: i64,
    severity: Severity,
    message: String,
    of_request: bool,
) {
    let event = Event {
        at,
        region: environment.region.clone(),
        message,
        application: environment.application.clone(),
        environment: Some((environment.id.clone(), environment.name.clone())),
        version: None,
        request_id: of_request.then(|| environment.request_id.clone()),
        severity,
    };
    push(state, event);
}

/// Records an event of an application's deletion; it is not told before its time.
pub(super) fn record_deletion(state: &mut State, cx: &Cx, application: &str, at: i64, message: &str) {
    let event = Event {
        at,
        region: cx.region.clone(),
        message: message.to_owned(),
        application: application.to_owned(),
        environment: None,
        version: None,
        request_id: Some(cx.request_id.clone()),
        severity: Severity::Info,
    };
    push(state, event);
}

/// Records an event of an application or version.
pub(super) fn record_application(
    state: &mut State,
    cx: &Cx,
    application: &str,
    version: Option<&str>,
    message: String,
) {
    let event = Event {
        at: cx.now,
        region: cx.region.clone(),
        message,
        application: application.to_owned(),
        environment: None,
        version: version.map(str::to_owned),
        request_id: Some(cx.request_id.clone()),
        severity: Severity::Info,
    };
    push(state, event);
}

/// Records what is going to happen to a version; it is not told before its time.
pub(super) fn record_version(
    state: &mut State,
    cx: &Cx,
    application: &str,
    label: &str,
    at: i64,
    bad: bool,
    message: String,
) {
    let event = Event {
        at,
        region: cx.region.clone(),
        message,
        application: application.to_owned(),
        environment: None,
        version: Some(label.to_owned()),
        request_id: Some(cx.request_id.clone()),
        severity: if bad { Severity::Error } else { Severity::Info },
    };
    push(state, event);
}

fn push(state: &mut State, event: Event) {
    let events = &mut state.beanstalk.events;
    // Environments are settled one step at a time in the order of their times; keep it so whatever comes.
    let at = events.iter().rposition(|other| other.at <= event.at).map_or(0, |at| at + 1);
    events.insert(at, event);
    if events.len() > MOST {
        events.remove(0);
    }
}

pub(super) fn describe(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let text = |name: &str| call.text(name);
    let time = |name: &str| text(name).and_then(|text| parse_time(&text));
    let (start, end) = (time("StartTime"), time("EndTime"));
    let least = match text("Severity") {
        None => None,
        Some(name) => match Severity::read(&name) {
            Some(severity) => Some(severity),
            None => {
                let message = format!(
                    "Value {name} at 'Severity' failed to satisfy constraint: Member must satisfy enum value set: [TRACE, DEBUG, INFO, WARN, ERROR, FATAL]"
                );
                return refuse("InvalidParameterValue", message);
            }
        },
    };
    let same =
        |wanted: &Option<String>, given: Option<&str>| wanted.as_deref().is_none_or(|w| given == Some(w));
    let (application, version, request) = (text("ApplicationName"), text("VersionLabel"), text("RequestId"));
    let (id, name) = (text("EnvironmentId"), text("EnvironmentName"));
    let fits = |event: &&Event| {
        event.region == cx.region
            && same(&application, Some(&event.application))
            && same(&version, event.version.as_deref())
            && same(&request, event.request_id.as_deref())
            && same(&id, event.environment.as_ref().map(|(id, _)| id.as_str()))
            && same(&name, event.environment.as_ref().map(|(_, name)| name.as_str()))
            && least.is_none_or(|least| event.severity >= least)
            && start.is_none_or(|start| event.at >= start)
            && end.is_none_or(|end| event.at < end)
            && event.at <= cx.now
    };
    let found: Vec<&Event> = state.beanstalk.events.iter().rev().filter(fits).collect();
    let max =
        call.int("MaxRecords").and_then(|max| usize::try_from(max).ok()).unwrap_or(1_000).clamp(1, 1_000);
    let Some((found, next)) = page(found, text("NextToken").as_deref(), call.page_of(max)) else {
        return refuse("InvalidParameterValue", "The NextToken is not valid");
    };
    let shown = found.into_iter().map(|event| {
        let mut children = vec![
            Element::text("EventDate", iso(event.at)),
            Element::text("Message", &event.message),
            Element::text("ApplicationName", &event.application),
        ];
        children.extend(event.environment.as_ref().map(|(_, name)| Element::text("EnvironmentName", name)));
        children.extend(optional("VersionLabel", &event.version));
        children.extend(optional("RequestId", &event.request_id));
        children.push(Element::text("Severity", event.severity.name()));
        children
    });
    let mut members = vec![Element::list("Events", "member", shown)];
    members.extend(next.map(|next| Element::text("NextToken", next)));
    Ok(Reply::Xml(members))
}
