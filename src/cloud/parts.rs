//! Small parts of every driver: reading what is wanted, writing what was seen.

use serde_json::json;
use std::time::Duration;

use super::{CloudError, Next, Observed, Op, Present, Reply, State, Want};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

impl Want {
    /// The number of an attribute, for an SDK field: counts and ports as they are, durations in seconds, sizes in GiB.
    pub fn int(&self, attribute: &str) -> Option<i32> {
        let number = match self.get(attribute) {
            Value::Duration(ms) => ms / 1000,
            Value::Size(bytes) => bytes >> 30,
            value => value.as_int()?,
        };
        i32::try_from(number).ok()
    }

    /// The flag of an attribute.
    pub fn flag(&self, attribute: &str) -> Option<bool> {
        self.get(attribute).as_bool()
    }

    /// The text of an attribute that is secret.
    pub fn secret(&self, attribute: &str) -> Option<&str> {
        match self.get(attribute) {
            Value::Secret(secret) => Some(secret.reveal()),
            value => value.as_str(),
        }
    }

    /// A version that AWS reports, as the file writes it where that means the same: `8.0` for `8.0.42`.
    pub fn version_as_asked(&self, attribute: &str, actual: Option<&str>) -> Value {
        match (self.text(attribute), actual) {
            (Some(asked), Some(actual)) if is_version(asked, actual) => asked.into(),
            (_, actual) => actual.into(),
        }
    }
}

/// Whether a version is the one asked for, or a finer one of it.
pub fn is_version(asked: &str, actual: &str) -> bool {
    actual.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Attributes, without those that are `none`: what AWS did not tell is not compared.
pub fn known<const N: usize>(pairs: [(&str, Value); N]) -> Attrs {
    let told = pairs.into_iter().filter(|(_, value)| *value != Value::None);
    told.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A number from an SDK field.
pub fn number(value: Option<i32>) -> Value {
    value.map(i64::from).into()
}

/// A list of texts; `none` when it is empty, which AWS also answers where it does not know.
pub fn texts<'a>(items: impl IntoIterator<Item = &'a str>) -> Value {
    let items: Vec<&str> = items.into_iter().collect();
    if items.is_empty() { Value::None } else { items.into() }
}

/// Whether an attribute is among those that differ.
pub fn changed(changes: &[Change], attribute: &str) -> bool {
    changes.iter().any(|change| change.attribute == attribute)
}

/// The attributes that differ, for [`super::Op::detail`]: a call that changes them says which. A changed secret, which cannot be
/// read back, is done with when a call that names it came back.
pub fn attributes<'a>(names: impl IntoIterator<Item = &'a str>) -> serde_json::Value {
    json!({ "attributes": names.into_iter().collect::<Vec<_>>() })
}

/// The attributes that differ, but for tags, which have calls of their own.
pub fn own(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.attribute.as_str()).filter(|name| *name != "tags").collect()
}

/// Whether a call is to change an attribute.
pub fn applies(op: &Op, attribute: &str) -> bool {
    let names = op.detail.get("attributes").and_then(|names| names.as_array());
    names.is_some_and(|names| names.iter().any(|name| name == attribute))
}

/// Whether a call does what another one would do: it is the same, and changes the same attributes and maybe more.
pub fn covers(op: &Op, other: &Op) -> bool {
    let names = other.detail.get("attributes").and_then(|names| names.as_array());
    let all = names.into_iter().flatten().filter_map(|name| name.as_str()).all(|name| applies(op, name));
    op.operation == other.operation && all
}

/// Look again after so many seconds.
pub fn wait(seconds: u64, why: impl Into<String>) -> Next {
    Next::Wait { poll: Duration::from_secs(seconds), why: why.into() }
}

/// What keeps something from being changed, if anything does: AWS is at it, or it failed. `remake` is the call that deletes
/// what an earlier run could not make and what holds nothing, so that it is made anew.
pub fn hindrance(want: &Want, present: &Present, poll: u64, remake: Option<&str>) -> Option<Next> {
    match (&present.state, remake) {
        (State::Settled, _) => None,
        (State::Busy(status), _) => Some(wait(poll, status)),
        (State::Failed(_), Some(delete)) if !want.acted => Some(Next::Call(Op::new(delete))),
        (State::Failed(why), _) => Some(Next::Fail(why.clone())),
    }
}

/// The next step towards the absence of what AWS deletes at once.
pub fn delete_if_there(seen: &Observed, delete: &str) -> Next {
    match seen {
        Observed::Absent => Next::Done,
        Observed::Present(_) => Next::Call(Op::new(delete)),
    }
}

/// The next step towards the absence of what AWS deletes only when it is at nothing else.
pub fn delete_when_settled(seen: &Observed, poll: u64, delete: Op) -> Next {
    match seen {
        Observed::Absent => Next::Done,
        Observed::Present(present) => match &present.state {
            State::Busy(status) => wait(poll, status),
            State::Settled | State::Failed(_) => Next::Call(delete),
        },
    }
}

/// The state of something that has accepted changes which do not show yet: `names` of attributes, each with whether
/// it is one of them.
pub fn with_pending<const N: usize>(state: State, status: &str, names: [(&str, bool); N]) -> State {
    let pending: Vec<&str> = names.into_iter().filter_map(|(name, is)| is.then_some(name)).collect();
    match state {
        State::Settled if !pending.is_empty() => {
            State::Busy(format!("{status}, with changes to come: {}", pending.join(", ")))
        }
        state => state,
    }
}

/// When changes hold that nobody has told to hold at once.
pub const AFTER_REBOOT: &str = "after the next reboot; `apply = \"immediately\"` reboots it";

/// Whether a version is older than another, part by part, as far as both go.
pub fn older(one: &str, other: &str) -> bool {
    let parts = |text: &str| text.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
    let (one, other) = (parts(one), parts(other));
    let both = one.len().min(other.len());
    one.get(..both) < other.get(..both)
}

/// A failure with the last things that the service's events said, if any.
pub fn with_events<'a>(why: &str, service: &str, messages: impl Iterator<Item = &'a str>) -> String {
    let messages: Vec<&str> = messages.map(str::trim).collect();
    match messages.get(messages.len().saturating_sub(3)..) {
        Some(last) if !last.is_empty() => format!("{why}; {service} says: {}", last.join("; ")),
        _ => why.to_owned(),
    }
}

/// What came of a modification: that nothing is to be modified means that it is so already.
///
/// # Errors
/// Every other error.
pub fn modified(result: Result<Reply, CloudError>) -> Result<Reply, CloudError> {
    match result {
        Err(error)
            if error.code == "NoOperationFault"
                || error.message.contains("No modifications were requested") =>
        {
            Ok(Reply { id: None, request_id: error.request_id })
        }
        result => result,
    }
}

/// The partition of a region, as ARNs begin: `arn:aws`, `arn:aws-cn`, `arn:aws-us-gov`.
pub fn partition(region: &str) -> &'static str {
    match region {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{attrs, want};
    use super::*;

    #[test]
    fn a_coarse_version_covers_finer_ones() {
        let want = Want { attrs: attrs([("version", "8.0".into())]), ..want("db_instance", "db") };
        assert_eq!(want.version_as_asked("version", Some("8.0.42")), "8.0".into());
        assert_eq!(want.version_as_asked("version", Some("8.0")), "8.0".into());
        assert_eq!(want.version_as_asked("version", Some("8.04")), "8.04".into());
        assert_eq!(want.version_as_asked("version", Some("5.7.1")), "5.7.1".into());
        assert_eq!(want.version_as_asked("other", Some("5.7.1")), "5.7.1".into());
    }

    #[test]
    fn numbers_come_in_the_units_of_aws() {
        let given =
            attrs([("a", Value::Size(20 << 30)), ("b", Value::Duration(90_000)), ("c", Value::Int(3306))]);
        let want = Want { attrs: given, ..want("x", "x") };
        assert_eq!(
            (want.int("a"), want.int("b"), want.int("c"), want.int("d")),
            (Some(20), Some(90), Some(3306), None)
        );
    }
}
