//! Values as people read them, in plans, progress lines and diagnostics.

use super::value::{Attrs, Value};

/// A value as a user would write it. Secrets and deferred values print as `(secret)` and `(known after run)`.
pub fn show(value: &Value) -> String {
    match value {
        Value::None => "none".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Duration(ms) => show_duration(*ms),
        Value::Size(bytes) => show_size(*bytes),
        Value::Percent(hundredths) => show_percent(*hundredths),
        Value::Range(from, to) => format!("{}..{}", show(from), show(to)),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Map(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Map(fields) => format!("{{ {} }}", pairs(fields, " = ")),
        Value::Variant(name, params) if params.is_empty() => name.clone(),
        Value::Variant(name, params) => format!("{name}({})", pairs(params, ": ")),
        Value::Secret(_) => "(secret)".to_owned(),
        Value::Handle(node) => node.clone(),
        Value::Deferred(_) => "(known after run)".to_owned(),
    }
}

fn pairs(fields: &Attrs, between: &str) -> String {
    fields
        .iter()
        .map(|(name, value)| format!("{name}{between}{}", show(value)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if chars.peek() == Some(&'{') => out.push_str("\\$"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A length of time in the largest unit that divides it.
pub fn show_duration(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    largest(ms, &units).unwrap_or_else(|| if ms == 0 { "0s".to_owned() } else { format!("{ms}ms") })
}

/// A size in the largest unit that divides it.
pub fn show_size(bytes: i64) -> String {
    let units = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    largest(bytes, &units).unwrap_or_else(|| format!("{bytes}B"))
}

/// A percentage given in hundredths of a percent.
pub fn show_percent(hundredths: i64) -> String {
    let (whole, rest) = (hundredths / 100, (hundredths % 100).abs());
    match rest {
        0 => format!("{whole}%"),
        rest => format!("{whole}.{}%", format!("{rest:02}").trim_end_matches('0')),
    }
}

fn largest(amount: i64, units: &[(i64, &str)]) -> Option<String> {
    let (unit, name) = units.iter().find(|(unit, _)| amount != 0 && amount % unit == 0)?;
    Some(format!("{}{name}", amount / unit))
}

/// What a value is called in a sentence: "a string", "a list".
pub fn describe(value: &Value) -> &'static str {
    match value {
        Value::None => "`none`",
        Value::Bool(_) => "a Bool",
        Value::Int(_) => "an integer",
        Value::String(_) => "a string",
        Value::Duration(_) => "a duration",
        Value::Size(_) => "a size",
        Value::Percent(_) => "a percentage",
        Value::Range(..) => "a range",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Variant(..) => "a word",
        Value::Secret(_) => "a secret",
        Value::Handle(_) => "a resource",
        Value::Deferred(_) => "a value known after the run",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{Deferred, Secret};

    #[test]
    fn values_read_as_written() {
        let range = Value::Range(Box::new(Value::Int(2)), Box::new(Value::Int(4)));
        assert_eq!(show(&range), "2..4");
        assert_eq!(show(&Value::Size(20 << 30)), "20GiB");
        assert_eq!(show(&Value::Duration(900_000)), "15m");
        assert_eq!(show(&Value::Duration(1_500)), "1500ms");
        assert_eq!(show(&Value::Percent(1250)), "12.5%");
        assert_eq!(show(&Value::from("a \"b\" ${c}")), "\"a \\\"b\\\" \\${c}\"");
        let batch = Attrs::from_iter([("batch".to_owned(), Value::Percent(5000))]);
        assert_eq!(show(&Value::Variant("rolling".to_owned(), batch)), "rolling(batch: 50%)");
    }

    #[test]
    fn what_must_not_show_does_not() {
        assert_eq!(show(&Value::Secret(Secret::new("pw", "hunter2"))), "(secret)");
        let output = Deferred::Output("mysql".to_owned(), "endpoint".to_owned());
        assert_eq!(show(&Value::Deferred(Box::new(output))), "(known after run)");
    }
}
