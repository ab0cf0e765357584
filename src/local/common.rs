//! What every service needs: times, ARNs, pages, tags, durations.

use indexmap::IndexMap;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Call, Cx, Element, Fault};

/// Tags, in the order in which they were given.
pub type Tags = IndexMap<String, String>;

/// A second, in milliseconds.
pub const SECOND: i64 = 1000;
/// A minute, in milliseconds.
pub const MINUTE: i64 = 60 * SECOND;

/// A time as XML has it: `2026-01-31T10:00:00.000Z`.
pub fn iso(millis: i64) -> String {
    let text = jiff::Timestamp::from_millisecond(millis).map(|time| format!("{time:.3}"));
    text.unwrap_or_default()
}

/// A time as JSON 1.1 has it: seconds since the Unix epoch.
pub fn epoch(millis: i64) -> Value {
    let seconds = millis.div_euclid(1000);
    match millis.rem_euclid(1000) {
        0 => json!(seconds),
        rest => json!(seconds as f64 + rest as f64 / 1000.0),
    }
}

/// How long something takes: between two bounds in milliseconds, always the same for the same seed, such as the
/// resource's name and what is done to it.
pub fn spread(seed: &str, from: i64, to: i64) -> i64 {
    let digest = Sha256::digest(seed);
    let number = digest.iter().take(4).fold(0_i64, |sum, byte| sum * 256 + i64::from(*byte));
    // Whole seconds look like what AWS reports.
    (from + number % (to - from).max(1)) / SECOND * SECOND
}

/// `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`
pub fn arn(cx: &Cx, service: &str, resource: &str) -> String {
    format!("arn:{}:{service}:{}:{}:{resource}", partition(&cx.region), cx.region, cx.account)
}

/// `arn:aws:SERVICE::ACCOUNT:RESOURCE`, for services without regions.
pub fn global_arn(cx: &Cx, service: &str, resource: &str) -> String {
    format!("arn:{}:{service}::{}:{resource}", partition(&cx.region), cx.account)
}

/// The partition of a region.
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// Whether an RDS or ElastiCache identifier is well formed: at most so many letters, digits and single hyphens, the
/// first a letter, the last no hyphen.
pub fn is_identifier(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// A part of a host name that is the same for everything of an account in a region: `c0ffee1a2b3c`.
pub fn host_part(cx: &Cx, service: &str, length: usize) -> String {
    let digest = Sha256::digest(format!("{service} {} {}", cx.account, cx.region));
    let mut text = String::from("c");
    text.extend(digest.iter().filter_map(|byte| char::from_digit(u32::from(byte % 36), 36)));
    text.truncate(length);
    text
}

/// One page of a list: at most `max` of the items behind the marker, and the marker of the next page. The marker is
/// the number of items before the page.
///
/// # Errors
/// `None` when the marker was not made here.
pub fn page<T>(items: Vec<T>, marker: Option<&str>, max: usize) -> Option<(Vec<T>, Option<String>)> {
    let start: usize = match marker {
        None | Some("") => 0,
        Some(marker) => marker.parse().ok().filter(|start| *start <= items.len())?,
    };
    let next = start.saturating_add(max.max(1));
    let more = (next < items.len()).then(|| next.to_string());
    Some((items.into_iter().skip(start).take(max.max(1)).collect(), more))
}

/// A page as the query services have it: `Marker` and `MaxRecords` (20 to 100, 100 by default).
///
/// # Errors
/// `InvalidParameterValue` when either is not valid.
pub fn records<T>(call: &Call, items: Vec<T>) -> Result<(Vec<T>, Vec<Element>), Fault> {
    let max = call.int("MaxRecords").unwrap_or(100);
    if !(20..=100).contains(&max) {
        let message = format!("Invalid value {max} for MaxRecords. Must be between 20 and 100");
        return Err(Fault::new(400, "InvalidParameterValue", message));
    }
    let marker = call.text("Marker");
    let max = usize::try_from(max).unwrap_or(100);
    let (items, next) = page(items, marker.as_deref(), call.page_of(max))
        .ok_or_else(|| Fault::new(400, "InvalidParameterValue", "The marker is not valid"))?;
    Ok((items, next.map(|next| Element::text("Marker", next)).into_iter().collect()))
}

/// The filters of a query service: names and the values that they accept.
pub fn filters(call: &Call) -> Vec<(String, Vec<String>)> {
    let one = |filter: &Value| {
        let values = filter.get("Values").and_then(Value::as_array);
        let values = values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        (filter.get("Name").and_then(Value::as_str).unwrap_or_default().to_owned(), values.collect())
    };
    call.list("Filters").iter().map(one).collect()
}

/// The tags in a list of `{Key, Value}`, as the request says them at a path.
pub fn tags_at(call: &Call, path: &str) -> Tags {
    tags_of(&call.list(path))
}

/// The tags in a list of `{Key, Value}`.
pub fn tags_of(list: &[Value]) -> Tags {
    let text = |tag: &Value, name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    list.iter().map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect()
}

/// `NAME` holding one `item` with `Key` and `Value` for each tag.
pub fn tag_list(name: &str, item: &str, tags: &Tags) -> Element {
    let pair =
        |(key, value): (&String, &String)| vec![Element::text("Key", key), Element::text("Value", value)];
    Element::list(name, item, tags.iter().map(pair))
}

/// What AWS says when a name that starts with `aws:` is used for a tag, a key is too long, or there are too many.
///
/// # Errors
/// In the given code.
pub fn check_tags(tags: &Tags, code: &str) -> Result<(), Fault> {
    let bad = |message: String| Err(Fault::new(400, code, message));
    if tags.len() > 50 {
        return bad("The number of tags exceeds the limit of 50".to_owned());
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 {
            return bad(format!("The tag key '{key}' must have between 1 and 128 characters"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return bad(format!("The tag key '{key}' uses the reserved prefix aws:"));
        }
        if value.chars().count() > 256 {
            return bad(format!("The value of the tag '{key}' must have at most 256 characters"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_both_forms() {
        assert_eq!(iso(1_767_225_600_123), "2026-01-01T00:00:00.123Z");
        assert_eq!(epoch(1_767_225_600_500), json!(1_767_225_600.5));
        assert_eq!(epoch(2000), json!(2));
    }

    #[test]
    fn durations_repeat_and_stay_in_bounds() {
        for seed in ["a", "b", "c"] {
            let took = spread(seed, 6 * MINUTE, 9 * MINUTE);
            assert_eq!(took, spread(seed, 6 * MINUTE, 9 * MINUTE));
            assert!((6 * MINUTE..9 * MINUTE).contains(&took), "{took}");
        }
    }

    #[test]
    fn pages_follow_each_other() {
        assert_eq!(page(vec![1, 2, 3], None, 2), Some((vec![1, 2], Some("2".into()))));
        assert_eq!(page(vec![1, 2, 3], Some("2"), 2), Some((vec![3], None)));
        assert_eq!(page(vec![1], Some("x"), 2), None);
    }
}
