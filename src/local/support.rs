//! Small things that the application services share: times, tags, trees of XML.

use serde_json::Value;

use super::common::MINUTE;
use super::{Call, Element, Fault};

/// An hour in milliseconds.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// A day in milliseconds.
pub(crate) const DAY: i64 = 24 * HOUR;

/// `Thu, 01 Jan 2026 00:00:00 GMT`
pub(crate) fn http_date(milliseconds: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(milliseconds);
    time.map(|t| t.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).unwrap_or_default()
}

/// A time as a client writes it: ISO 8601 or seconds since the epoch.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        // A time beyond what fits saturates.
        return Some((seconds * 1_000.0) as i64);
    }
    text.parse::<jiff::Timestamp>().ok().map(|t| t.as_millisecond())
}

/// The text of a JSON value: numbers and flags as text.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The text of a member of a JSON object.
pub(crate) fn member(value: &Value, path: &str) -> Option<String> {
    text_of(path.split('.').try_fold(value, |value, key| value.get(key))?)
}

/// The elements of a list; none for anything else.
pub(crate) fn elements<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    let value = path.split('.').try_fold(value, |value, key| value.get(key));
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// An element when there is something to say.
pub(crate) fn optional<T: ToString>(name: &str, value: &Option<T>) -> Option<Element> {
    value.as_ref().map(|value| Element::text(name, value.to_string()))
}

/// A required parameter, or the query protocol's complaint in the words of the services with a model check.
pub(crate) fn required(call: &Call, path: &str) -> Result<String, Fault> {
    call.text(path).filter(|text| !text.is_empty()).ok_or_else(|| {
        let message =
            format!("1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null");
        Fault::new(400, "ValidationError", message)
    })
}

/// A page of items: those from `start` on, at most `limit`, and where the next page starts.
pub(crate) fn page<T>(items: Vec<T>, start: usize, limit: usize) -> (Vec<T>, Option<usize>) {
    let limit = limit.max(1);
    let more = items.len() > start.saturating_add(limit);
    (items.into_iter().skip(start).take(limit).collect(), more.then(|| start.saturating_add(limit)))
}

impl Element {
    /// The child of that name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The descendant at a path such as `Origins/Items`.
    pub fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The text at a path; absent and empty elements have none.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path)?.text.as_deref().filter(|text| !text.is_empty())
    }

    /// The children at a path.
    pub fn children_at(&self, path: &str) -> &[Element] {
        self.at(path).map(|element| element.children.as_slice()).unwrap_or_default()
    }
}

/// Whether a host name is covered by one of a certificate's names: exactly, or by a wildcard for one label.
pub(crate) fn covers(names: &[String], host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    names.iter().any(|name| {
        let name = name.to_ascii_lowercase();
        match name.strip_prefix("*.") {
            Some(base) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == base),
            None => name == host,
        }
    })
}

/// Whether a text matches a pattern in which `*` stands for any run of characters and `?` for one.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || Some(c) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_read_and_write() {
        assert_eq!(http_date(1_767_225_600_000), "Thu, 01 Jan 2026 00:00:00 GMT");
        assert_eq!(parse_time("2026-01-01T00:00:00Z"), Some(1_767_225_600_000));
        assert_eq!(parse_time("1767225600"), Some(1_767_225_600_000));
    }

    #[test]
    fn wildcards_cover_one_label() {
        let names = vec!["*.example.com".to_owned(), "example.com".to_owned()];
        assert!(covers(&names, "www.example.com") && covers(&names, "EXAMPLE.com"));
        assert!(!covers(&names, "a.b.example.com") && !covers(&names, "example.org"));
    }

    #[test]
    fn globs_match() {
        for (pattern, text, fits) in [
            ("/*", "/a/b", true),
            ("/a*/c", "/abc/c", true),
            ("/a", "/ab", false),
            ("*", "", true),
            ("/?", "/x", true),
            ("*b*b", "abab", true),
            ("a?c", "ac", false),
            ("a*", "ba", false),
            ("*a*a*a*a*b", &"a".repeat(500), false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn pages_say_where_they_end() {
        assert_eq!(page(vec![1, 2, 3], 0, 2), (vec![1, 2], Some(2)));
        assert_eq!(page(vec![1, 2, 3], 2, 2), (vec![3], None));
    }
}
