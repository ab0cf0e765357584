//! Small parts of every driver: reading what is wanted, writing what was seen.

use serde_json::json;
use std::time::Duration;

use super::{Next, Want};
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

/// Whether a call is to change an attribute.
pub fn applies(op: &super::Op, attribute: &str) -> bool {
    let names = op.detail.get("attributes").and_then(|names| names.as_array());
    names.is_some_and(|names| names.iter().any(|name| name == attribute))
}

/// Look again after so many seconds.
pub fn wait(seconds: u64, why: impl Into<String>) -> Next {
    Next::Wait { poll: Duration::from_secs(seconds), why: why.into() }
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
