//! The builtin functions. All are pure but `file`, which reads a file of the user's project and is called by the
//! evaluation itself, for it knows the folder.

use indexmap::IndexMap;

use super::ops::{order, same, text};
use super::show::describe;
use super::value::{Attrs, Value};

/// The longest list that anything makes.
const LONGEST_LIST: usize = 50_000;

/// The longest text that anything makes, in bytes.
const LONGEST_TEXT: usize = 1 << 20;

/// The names of the builtin functions, in order.
pub const BUILTINS: [&str; 22] = [
    "contains",
    "distinct",
    "ends_with",
    "file",
    "flatten",
    "join",
    "json",
    "keys",
    "len",
    "lower",
    "matches",
    "max",
    "merge",
    "min",
    "range",
    "replace",
    "sort",
    "split",
    "starts_with",
    "trim",
    "upper",
    "values",
];

pub(super) fn call(name: &str, args: &[Value]) -> Result<Value, String> {
    match (name, args) {
        ("len", [value]) => length(value),
        ("join", [Value::List(items), Value::String(between)]) => {
            Ok(items.iter().map(text).collect::<Result<Vec<_>, _>>()?.join(between).into())
        }
        ("split", [Value::String(whole), Value::String(at)]) if at.is_empty() => {
            Ok(whole.chars().map(String::from).collect::<Vec<_>>().into())
        }
        ("matches", [Value::String(text), Value::String(pattern)]) => {
            match regex_lite::Regex::new(&format!("^(?:{pattern})$")) {
                Ok(regex) => Ok(regex.is_match(text).into()),
                Err(why) => Err(format!("`{pattern}` is no regular expression: {why}")),
            }
        }
        ("split", [Value::String(whole), Value::String(at)]) => {
            Ok(whole.split(at.as_str()).collect::<Vec<_>>().into())
        }
        ("upper", [Value::String(text)]) => Ok(text.to_uppercase().into()),
        ("lower", [Value::String(text)]) => Ok(text.to_lowercase().into()),
        ("trim", [Value::String(text)]) => Ok(text.trim().into()),
        ("replace", [Value::String(whole), Value::String(old), Value::String(new)]) => {
            Ok(whole.replace(old.as_str(), new).into())
        }
        ("starts_with", [Value::String(whole), Value::String(start)]) => {
            Ok(whole.starts_with(start.as_str()).into())
        }
        ("ends_with", [Value::String(whole), Value::String(end)]) => Ok(whole.ends_with(end.as_str()).into()),
        ("contains", [whole, part]) => contains(whole, part).map(Value::Bool),
        ("keys", [Value::Map(map)]) => Ok(map.keys().map(String::as_str).collect::<Vec<_>>().into()),
        ("values", [Value::Map(map)]) => Ok(Value::List(map.values().cloned().collect())),
        ("merge", maps) => merge(maps),
        ("min" | "max", [Value::List(items)]) => extreme(name, items),
        ("min" | "max", items) => extreme(name, items),
        ("range", [Value::Int(end)]) => range(0, *end),
        ("range", [Value::Int(start), Value::Int(end)]) => range(*start, *end),
        ("flatten", [Value::List(items)]) => {
            Ok(Value::List(items.iter().flat_map(|item| item.items().to_vec()).collect()))
        }
        ("distinct", [Value::List(items)]) => Ok(Value::List(distinct(items))),
        ("sort", [Value::List(items)]) => sort(items),
        ("json", [value]) => Ok(json(value)?.to_string().into()),
        _ => {
            let given: Vec<_> = args.iter().map(describe).collect();
            Err(format!("`{name}` does not work on {}", given.join(" and ")))
        }
    }
}

fn length(value: &Value) -> Result<Value, String> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::List(items) => items.len(),
        Value::Map(fields) => fields.len(),
        Value::Secret(secret) => return Err(format!("`len` would give away the secret `{}`", secret.name)),
        other => return Err(format!("{} has no length", describe(other))),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// Whether `part` is an element of a list, a key of a map, inside a range, or part of a text.
pub(super) fn contains(whole: &Value, part: &Value) -> Result<bool, String> {
    match (whole, part) {
        (Value::List(items), part) => {
            // A range among ports is all the ports in it.
            let within = |item: &Value| matches!(item, Value::Range(..)) && contains(item, part) == Ok(true);
            Ok(items.iter().any(|item| same(item, part) || within(item)))
        }
        (Value::Map(fields), Value::String(key)) => Ok(fields.contains_key(key)),
        (Value::Range(from, to), number) => Ok(order(from, number)?.is_le() && order(number, to)?.is_le()),
        (Value::String(text), Value::String(part)) => Ok(text.contains(part.as_str())),
        _ => Err(format!("{} cannot be in {}", describe(part), describe(whole))),
    }
}

fn merge(maps: &[Value]) -> Result<Value, String> {
    let mut all = Attrs::new();
    for map in maps {
        match map {
            Value::Map(fields) => all.extend(fields.clone()),
            other => return Err(format!("`merge` joins maps, not {}", describe(other))),
        }
    }
    Ok(Value::Map(all))
}

fn extreme(name: &str, items: &[Value]) -> Result<Value, String> {
    let mut rest = items.iter();
    let mut best = rest.next().ok_or_else(|| {
        format!("`{name}` of an empty list; ask before: `if len(…) > 0 {{ … }} else {{ … }}`")
    })?;
    for item in rest {
        let order = order(item, best)?;
        if (name == "min" && order.is_lt()) || (name == "max" && order.is_gt()) {
            best = item;
        }
    }
    Ok(best.clone())
}

fn range(start: i64, end: i64) -> Result<Value, String> {
    if usize::try_from(end.saturating_sub(start)).is_ok_and(|length| length > LONGEST_LIST) {
        return Err(format!("`range` makes at most {LONGEST_LIST} numbers; make fewer"));
    }
    Ok((start..end).collect::<Vec<i64>>().into())
}

fn distinct(items: &[Value]) -> Vec<Value> {
    let mut seen = std::collections::HashSet::new();
    // A bare word equals its text.
    let key = |item: &Value| match item.as_str() {
        Some(text) => (std::mem::discriminant(&Value::None), text.to_owned()),
        None => (std::mem::discriminant(item), super::show(item)),
    };
    items.iter().filter(|item| seen.insert(key(item))).cloned().collect()
}

/// Whether the result of an operation is of a size that can be kept; told before it is made.
pub(super) fn fits(op: &str, args: &[Value]) -> Result<(), String> {
    let bytes = |value: &Value| value.as_str().map_or(16, str::len);
    let text = |bytes: usize| match bytes > LONGEST_TEXT {
        true => {
            Err("the text would be longer than 1 MiB; make it shorter, or read it in a step of the rollout"
                .to_owned())
        }
        false => Ok(()),
    };
    let list = |length: usize| match length > LONGEST_LIST {
        true => Err(format!("the list would have more than {LONGEST_LIST} elements")),
        false => Ok(()),
    };
    match (op, args) {
        ("split", [Value::String(whole), Value::String(at)]) if at.is_empty() => list(whole.chars().count()),
        ("concat", parts) => text(parts.iter().map(bytes).sum()),
        ("join", [items, between]) => {
            let items = items.items();
            text(
                items
                    .iter()
                    .map(bytes)
                    .sum::<usize>()
                    .saturating_add(items.len().saturating_mul(bytes(between))),
            )
        }
        ("replace", [Value::String(whole), Value::String(old), Value::String(new)]) => {
            text(whole.len().saturating_add(whole.matches(old.as_str()).count().saturating_mul(new.len())))
        }
        ("+", [Value::List(a), Value::List(b)]) => list(a.len() + b.len()),
        ("+" | "merge", maps) if maps.iter().all(|map| matches!(map, Value::Map(_))) => {
            list(maps.iter().filter_map(|map| map.fields().map(IndexMap::len)).sum())
        }
        ("flatten", [Value::List(items)]) => list(items.iter().map(|item| item.items().len()).sum()),
        _ => Ok(()),
    }
}

/// The text of a file of the user's project.
pub(super) fn read(path: &std::path::Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(|why| reason(&why))?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        return Err("a folder".to_owned());
    }
    file.take(LONGEST_TEXT as u64 + 1).read_to_end(&mut text).map_err(|why| reason(&why))?;
    if text.len() > LONGEST_TEXT {
        return Err("longer than 1 MiB".to_owned());
    }
    String::from_utf8(text).map_err(|_| "not a text in UTF-8".to_owned())
}

fn reason(why: &std::io::Error) -> String {
    match why.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        _ => why.to_string(),
    }
}

fn sort(items: &[Value]) -> Result<Value, String> {
    for pair in items.windows(2) {
        if let [a, b] = pair {
            order(a, b)?;
        }
    }
    let mut sorted = items.to_vec();
    sorted.sort_by(|a, b| order(a, b).unwrap_or(std::cmp::Ordering::Equal));
    Ok(Value::List(sorted))
}

fn json(value: &Value) -> Result<serde_json::Value, String> {
    use serde_json::Value as Json;
    let object = |fields: &IndexMap<String, Value>| {
        fields.iter().map(|(k, v)| Ok((k.clone(), json(v)?))).collect::<Result<_, String>>().map(Json::Object)
    };
    Ok(match value {
        Value::None => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(number) => Json::from(*number),
        Value::List(items) => Json::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        Value::Map(fields) => object(fields)?,
        other => Json::String(text(other)?),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn list(items: &[&str]) -> Value {
        items.to_vec().into()
    }

    #[test]
    fn lists_and_texts() {
        assert_eq!(call("split", &["a,b".into(), ",".into()]), Ok(list(&["a", "b"])));
        assert_eq!(call("join", &[list(&["a", "b"]), "-".into()]), Ok("a-b".into()));
        assert_eq!(call("sort", &[list(&["b", "a"])]), Ok(list(&["a", "b"])));
        assert_eq!(call("distinct", &[list(&["b", "b"])]), Ok(list(&["b"])));
        assert_eq!(call("range", &[Value::Int(2)]), Ok(vec![0i64, 1].into()));
        assert_eq!(call("max", &[Value::Int(2), Value::Int(5)]), Ok(Value::Int(5)));
        assert!(call("range", &[Value::Int(i64::MAX)]).is_err());
        assert_eq!(call("split", &["aé".into(), "".into()]), Ok(list(&["a", "é"])));
        assert_eq!(call("matches", &["ab".into(), "[a-z]".into()]), Ok(false.into()));
        assert!(call("matches", &["ab".into(), "[".into()]).is_err());
    }

    #[test]
    fn json_is_plain() {
        let fields = Attrs::from_iter([("a".to_owned(), Value::Int(1)), ("b".to_owned(), Value::None)]);
        assert_eq!(call("json", &[Value::Map(fields)]), Ok(r#"{"a":1,"b":null}"#.into()));
    }

    #[test]
    fn the_list_of_names_is_sorted() {
        assert!(BUILTINS.is_sorted());
    }
}
