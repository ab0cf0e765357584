//! Operators and builtins by name, on values that may be secret or deferred.
//!
//! [`apply`] is the one place where the language computes. What waits for outputs stays an [`Deferred::Apply`] with
//! everything known in it evaluated; [`resolve`] computes it when the outputs are there.

use super::builtins;
use super::show::{describe, show};
use super::value::{Attrs, Deferred, Secret, Value};
use crate::base::{closest, sentence_list};

/// Operations that look only at the outside of their arguments: a list of deferred values has a known length.
const SHALLOW: [&str; 9] = ["index", "member", "len", "keys", "values", "merge", "flatten", "??", "+"];

/// Computes an operator (`+`, `and`, `concat`, `index`, `member`, `if`, …) or a builtin function by its name.
///
/// Text made of secrets is a secret, named after its parts. With a deferred argument the result is deferred, unless
/// the known arguments decide it (`false and …`).
///
/// # Errors
/// The words for the user when there is no result: an overflow, a missing key, a secret that would be given away.
pub fn apply(op: &str, args: &[Value]) -> Result<Value, String> {
    if let Some(decided) = decided(op, args) {
        return Ok(decided);
    }
    let waits = |value: &Value| match value {
        Value::Deferred(_) => true,
        value => !value.is_known() && !SHALLOW.contains(&op),
    };
    if args.iter().any(waits) {
        return Ok(Value::Deferred(Box::new(Deferred::Apply(op.to_owned(), args.to_vec()))));
    }
    if args.iter().any(is_secret) && !SHALLOW.contains(&op) {
        return with_secrets(op, args);
    }
    compute(op, args)
}

/// Replaces every deferred value whose outputs are known, and computes what depends on them. What still cannot
/// be known, or has no result, stays deferred.
pub fn resolve(value: &Value, outputs: &dyn Fn(&str, &str) -> Option<Value>) -> Value {
    let fields = |fields: &Attrs| fields.iter().map(|(k, v)| (k.clone(), resolve(v, outputs))).collect();
    match value {
        Value::Deferred(deferred) => match deferred.as_ref() {
            Deferred::Output(node, output) => outputs(node, output).unwrap_or_else(|| value.clone()),
            Deferred::Apply(op, args) => {
                let args: Vec<Value> = args.iter().map(|arg| resolve(arg, outputs)).collect();
                apply(op, &args)
                    .unwrap_or_else(|_| Value::Deferred(Box::new(Deferred::Apply(op.clone(), args.clone()))))
            }
        },
        Value::List(items) => Value::List(items.iter().map(|item| resolve(item, outputs)).collect()),
        Value::Map(map) => Value::Map(fields(map)),
        Value::Variant(name, params) => Value::Variant(name.clone(), fields(params)),
        Value::Range(from, to) => {
            Value::Range(Box::new(resolve(from, outputs)), Box::new(resolve(to, outputs)))
        }
        known => known.clone(),
    }
}

/// The result when some arguments decide it, whatever the others are.
fn decided(op: &str, args: &[Value]) -> Option<Value> {
    match (op, args) {
        ("and", [a, b]) if a.as_bool() == Some(false) || b.as_bool() == Some(false) => {
            Some(Value::Bool(false))
        }
        ("or", [a, b]) if a.as_bool() == Some(true) || b.as_bool() == Some(true) => Some(Value::Bool(true)),
        ("and" | "or", [Value::Bool(_), other] | [other, Value::Bool(_)]) => Some(other.clone()),
        ("==" | "!=", [Value::Secret(_), Value::None] | [Value::None, Value::Secret(_)]) => {
            Some(Value::Bool(op == "!="))
        }
        // Whatever its parameters hold, be it secret or not known yet.
        (
            "==" | "!=",
            [Value::Variant(a, none), Value::Variant(b, _)] | [Value::Variant(b, _), Value::Variant(a, none)],
        ) if none.is_empty() => Some(Value::Bool((a == b) == (op == "=="))),
        ("if", [Value::Bool(condition), yes, no]) => Some(if *condition { yes } else { no }.clone()),
        ("??", [Value::None, b]) => Some(b.clone()),
        ("??", [a, _]) if !matches!(a, Value::Deferred(_)) => Some(a.clone()),
        _ => None,
    }
}

pub(super) fn is_secret(value: &Value) -> bool {
    match value {
        Value::Secret(_) => true,
        Value::List(items) => items.iter().any(is_secret),
        Value::Map(fields) | Value::Variant(_, fields) => fields.values().any(is_secret),
        _ => false,
    }
}

/// Computes on the texts and wraps the result again. Only operations that give text may see a secret's text.
fn with_secrets(op: &str, args: &[Value]) -> Result<Value, String> {
    let mut names = Vec::new();
    let open: Vec<Value> = args.iter().map(|arg| opened(arg, &mut names)).collect();
    names.dedup();
    let name = names.join("+");
    match op {
        "concat" | "upper" | "lower" | "replace" | "join" | "json" => match compute(op, &open)? {
            Value::String(text) => Ok(Value::Secret(Secret::new(name, text))),
            _ => Err(format!("`{op}` would give away the secret `{name}`")),
        },
        _ => Err(format!("`{op}` would give away the secret `{name}`")),
    }
}

/// A value with the texts of its secrets, whose names are added to `names`.
pub(super) fn opened(value: &Value, names: &mut Vec<String>) -> Value {
    match value {
        Value::Secret(secret) => {
            names.push(secret.name.clone());
            Value::String(secret.inner().to_owned())
        }
        Value::List(items) => Value::List(items.iter().map(|item| opened(item, names)).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), opened(v, names))).collect()),
        other => other.clone(),
    }
}

fn compute(op: &str, args: &[Value]) -> Result<Value, String> {
    builtins::fits(op, args)?;
    match (op, args) {
        ("concat", parts) => parts.iter().map(text).collect::<Result<String, _>>().map(Value::String),
        ("index", [list, at]) => index(list, at),
        ("member", [value, Value::String(name)]) => member(value, name),
        ("not", [Value::Bool(flag)]) => Ok(Value::Bool(!flag)),
        ("neg", [number]) => negate(number),
        ("==", [a, b]) => Ok(Value::Bool(same(a, b))),
        ("!=", [a, b]) => Ok(Value::Bool(!same(a, b))),
        ("<" | "<=" | ">" | ">=", [a, b]) => compare(op, a, b),
        ("in", [a, b]) => builtins::contains(b, a).map(Value::Bool),
        ("+", [a, b]) => add(a, b),
        ("-" | "*" | "/", [a, b]) => arithmetic(op, a, b),
        _ => builtins::call(op, args),
    }
}

/// The text of a value inside a string.
pub(super) fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::None | Value::List(_) | Value::Map(_) | Value::Handle(_) => {
            Err(format!("{} has no text", describe(value)))
        }
        other => Ok(show(other)),
    }
}

/// Whether two values are the same. A bare word equals its text, and an alternative of its name with any parameters.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    a == b || (a.as_str().is_some() && a.as_str() == b.as_str()) || is_named(a, b) || is_named(b, a)
}

/// Whether a value is the bare name of an alternative.
fn is_named(whole: &Value, word: &Value) -> bool {
    match (whole, word) {
        (Value::Variant(name, _), Value::Variant(word, none)) => none.is_empty() && name == word,
        _ => false,
    }
}

pub(super) fn index(list: &Value, at: &Value) -> Result<Value, String> {
    match (list, at) {
        (Value::List(items), Value::Int(at)) => {
            usize::try_from(*at).ok().and_then(|at| items.get(at)).cloned().ok_or_else(|| {
                let has = count(items.len(), "element");
                let help = match items.len() {
                    0 => "ask before: `if len(…) > 0 { … } else { … }`".to_owned(),
                    n => format!("they are counted from 0: the last one is `[{}]`", n - 1),
                };
                format!("there is no element {at}: the list has {has}; {help}")
            })
        }
        (Value::Map(fields), Value::String(key)) => {
            fields.get(key).cloned().ok_or_else(|| no_key(key, fields))
        }
        (Value::Map(fields), Value::Int(key)) => {
            let key = key.to_string();
            fields.get(&key).cloned().ok_or_else(|| no_key(&key, fields))
        }
        _ => Err(format!("{} cannot be indexed with {}", describe(list), describe(at))),
    }
}

/// How many keys are named where one is wrong.
const MOST_KEYS: usize = 8;

fn no_key(key: &str, fields: &Attrs) -> String {
    match closest(key, fields.keys().map(String::as_str)) {
        Some(near) => format!("there is no key `{key}`; did you mean `{near}`?"),
        None if fields.is_empty() => format!("there is no key `{key}`; the map is empty"),
        None => {
            let keys = sentence_list(fields.keys().map(String::as_str).take(MOST_KEYS), "and");
            format!("there is no key `{key}`; it has {keys}")
        }
    }
}

pub(super) fn member(value: &Value, name: &str) -> Result<Value, String> {
    match value {
        Value::Handle(node) => Ok(Value::Deferred(Box::new(Deferred::Output(node.clone(), name.to_owned())))),
        Value::Map(fields) | Value::Variant(_, fields) => {
            fields.get(name).cloned().ok_or_else(|| no_key(name, fields))
        }
        Value::Range(from, _) if name == "from" => Ok(from.as_ref().clone()),
        Value::Range(_, to) if name == "to" => Ok(to.as_ref().clone()),
        other => Err(format!("{} has no `{name}`", describe(other))),
    }
}

fn negate(number: &Value) -> Result<Value, String> {
    like(number, number.as_int().and_then(i64::checked_neg))
}

fn add(a: &Value, b: &Value) -> Result<Value, String> {
    match (a, b) {
        (Value::List(a), Value::List(b)) => Ok(Value::List(a.iter().chain(b).cloned().collect())),
        (Value::Map(a), Value::Map(b)) => {
            let mut all = a.clone();
            all.extend(b.clone());
            Ok(Value::Map(all))
        }
        (Value::String(_) | Value::Secret(_), _) | (_, Value::String(_) | Value::Secret(_)) => {
            apply("concat", &[a.clone(), b.clone()])
        }
        _ => arithmetic("+", a, b),
    }
}

/// Sums and differences keep their unit; a quantity times or by an integer is a quantity; a quantity by a
/// quantity is an integer; a part of an integer (`10 * 50%`) is an integer, rounded down.
fn arithmetic(op: &str, a: &Value, b: &Value) -> Result<Value, String> {
    let mismatch = || format!("`{op}` does not work on {} and {}", describe(a), describe(b));
    let (Some(x), Some(y)) = (a.as_int(), b.as_int()) else { return Err(mismatch()) };
    let alike = std::mem::discriminant(a) == std::mem::discriminant(b);
    let (a_int, b_int) = (matches!(a, Value::Int(_)), matches!(b, Value::Int(_)));
    match op {
        "+" if alike => like(a, x.checked_add(y)),
        "-" if alike => like(a, x.checked_sub(y)),
        "*" if matches!(b, Value::Percent(_)) && !matches!(a, Value::Percent(_)) => {
            like(a, x.checked_mul(y).map(|n| n / 10_000))
        }
        "*" if matches!(a, Value::Percent(_)) && !matches!(b, Value::Percent(_)) => arithmetic(op, b, a),
        "*" if b_int => like(a, x.checked_mul(y)),
        "*" if a_int => like(b, x.checked_mul(y)),
        "/" if y == 0 => Err("division by zero; ask before: `if x != 0 { … } else { … }`".to_owned()),
        "/" if b_int => like(a, x.checked_div(y)),
        "/" if alike => like(&Value::Int(0), x.checked_div(y)),
        _ => Err(mismatch()),
    }
}

/// A number in the unit of another.
fn like(unit: &Value, number: Option<i64>) -> Result<Value, String> {
    let number = number.ok_or("the result is too large; numbers have at most 18 digits")?;
    match unit {
        Value::Int(_) => Ok(Value::Int(number)),
        Value::Duration(_) => Ok(Value::Duration(number)),
        Value::Size(_) => Ok(Value::Size(number)),
        Value::Percent(_) => Ok(Value::Percent(number)),
        other => Err(format!("{} is not a number", describe(other))),
    }
}

/// How two values of one kind are ordered.
pub(super) fn order(a: &Value, b: &Value) -> Result<std::cmp::Ordering, String> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Ok(a.cmp(b)),
        _ if std::mem::discriminant(a) == std::mem::discriminant(b) => match (a.as_int(), b.as_int()) {
            (Some(a), Some(b)) => Ok(a.cmp(&b)),
            _ => Err(format!("{} has no order", describe(a))),
        },
        _ => Err(format!("{} and {} cannot be compared", describe(a), describe(b))),
    }
}

fn compare(op: &str, a: &Value, b: &Value) -> Result<Value, String> {
    let order = order(a, b)?;
    Ok(Value::Bool(match op {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }))
}

/// `1 element`, `2 elements`.
pub(super) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn output(node: &str, name: &str) -> Value {
        Value::Deferred(Box::new(Deferred::Output(node.to_owned(), name.to_owned())))
    }

    #[test]
    fn arithmetic_is_checked_and_keeps_units() {
        assert_eq!(apply("+", &[Value::Duration(1), Value::Duration(2)]), Ok(Value::Duration(3)));
        assert_eq!(apply("*", &[Value::Int(3), Value::Size(2)]), Ok(Value::Size(6)));
        assert_eq!(apply("*", &[Value::Int(10), Value::Percent(5000)]), Ok(Value::Int(5)));
        assert!(apply("+", &[Value::Int(i64::MAX), Value::Int(1)]).is_err());
        assert!(apply("/", &[Value::Int(1), Value::Int(0)]).is_err());
        assert!(apply("+", &[Value::Int(1), Value::Size(1)]).is_err());
    }

    #[test]
    fn secrets_stay_secret() {
        let secret = Value::Secret(Secret::new("pw", "hunter2"));
        let Value::Secret(made) = apply("concat", &["user:".into(), secret.clone()]).unwrap() else {
            panic!("not a secret")
        };
        assert_eq!((made.name.as_str(), made.reveal()), ("pw", "user:hunter2"));
        assert!(apply("len", std::slice::from_ref(&secret)).is_err());
        assert!(apply("==", &[secret.clone(), "x".into()]).is_err());
        assert!(apply("+", &["x".into(), secret]).unwrap().as_str().is_none());
    }

    #[test]
    fn deferred_values_compute_once_known() {
        let url = apply("concat", &["https://".into(), output("web", "cname")]).unwrap();
        assert!(!url.is_known());
        let known = |node: &str, _: &str| (node == "web").then(|| Value::from("example.com"));
        assert_eq!(resolve(&url, &known), Value::from("https://example.com"));
        assert_eq!(resolve(&url, &|_, _| None), url);
        assert_eq!(apply("and", &[Value::Bool(false), output("a", "b")]), Ok(Value::Bool(false)));
        assert_eq!(apply("len", &[Value::List(vec![output("a", "b")])]), Ok(Value::Int(1)));
    }
}
