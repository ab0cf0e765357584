//! What happened to DB instances.

use serde::{Deserialize, Serialize};

use crate::local::common::{self, MINUTE, iso, records};
use crate::local::{Call, Cx, Element, Fault, State};

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The identifier of what it happened to.
    pub source: String,
    /// `db-instance`
    pub source_type: String,
    /// What.
    pub message: String,
    /// `creation`, `backup`, …
    pub category: String,
    /// When.
    pub at: i64,
}

impl Event {
    /// That something failed.
    pub fn failure(source: &str, source_type: &str, message: &str, at: i64) -> Self {
        Self::of(source, source_type, message, "failure", at)
    }

    pub(super) fn of(source: &str, source_type: &str, message: &str, category: &str, at: i64) -> Self {
        Self {
            source: source.to_owned(),
            source_type: source_type.to_owned(),
            message: message.to_owned(),
            category: category.to_owned(),
            at,
        }
    }
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    events_of(call, cx, &state.rds.region(&cx.region).events)
}

/// Those of the events that a call asks for, in the form that RDS and ElastiCache share.
pub fn events_of(call: &Call, cx: &Cx, events: &[Event]) -> Result<Vec<Element>, Fault> {
    let (source, kind) = (call.text("SourceIdentifier"), call.text("SourceType"));
    if source.is_some() && kind.is_none() {
        return super::refuse(
            "InvalidParameterCombination",
            "SourceType must be specified when SourceIdentifier is specified.",
        );
    }
    let time = |name: &str| -> Result<Option<i64>, Fault> {
        let Some(text) = call.text(name) else { return Ok(None) };
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Some(time.as_millisecond())),
            Err(_) => super::invalid(format!("Invalid time for {name}: {text}")),
        }
    };
    let end = time("EndTime")?.unwrap_or(cx.now).min(cx.now);
    let start = time("StartTime")?.unwrap_or(end - call.int("Duration").unwrap_or(60) * MINUTE);
    let categories = call.texts("EventCategories");
    let asked = |event: &&Event| {
        (start..=end).contains(&event.at)
            && source.as_ref().is_none_or(|source| event.source.eq_ignore_ascii_case(source))
            && kind.as_ref().is_none_or(|kind| event.source_type == *kind)
            && (categories.is_empty() || categories.contains(&event.category))
    };
    let mut found: Vec<&Event> = events.iter().filter(asked).collect();
    found.sort_by_key(|event| event.at);
    let (found, marker) = records(call, found)?;
    let items = found.into_iter().map(|event| {
        let mut members = vec![
            Element::text("SourceIdentifier", &event.source),
            Element::text("SourceType", &event.source_type),
            Element::text("Message", &event.message),
            Element::text("Date", iso(event.at)),
        ];
        if event.source_type == "db-instance" {
            members.push(Element::texts("EventCategories", "EventCategory", [&event.category]));
            let arn = common::arn(cx, "rds", &format!("db:{}", event.source));
            members.push(Element::text("SourceArn", arn));
        }
        members
    });
    let list = Element::list("Events", "Event", items);
    Ok([list].into_iter().chain(marker).collect())
}
