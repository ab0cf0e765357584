//! The raw option settings of an environment, as the attribute `options` writes them: namespace, name, value.
//!
//! Only what the file sets is compared. What it set before and does not set any more is taken away; what others set stays.

use super::options::{Name, Options};
use crate::cloud::Want;
use crate::eval::{Attrs, Value, show};
use crate::schema::{beanstalk_options, iso_duration};

const ATTRIBUTE: &str = "options";

/// The settings of an attribute's value.
fn settings(value: Option<&Value>) -> impl Iterator<Item = (&str, &str, &Value)> {
    let namespaces = value.and_then(Value::fields).into_iter().flatten();
    namespaces.flat_map(|(namespace, settings)| {
        let settings = settings.fields().into_iter().flatten();
        settings.map(move |(name, value)| (namespace.as_str(), name.as_str(), value))
    })
}

/// The text that Beanstalk takes for a value; none for what is not known yet.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Duration(ms) => Some(iso_duration(*ms)),
        Value::List(items) => {
            let texts: Option<Vec<String>> = items.iter().map(text).collect();
            texts.map(|texts| texts.join(","))
        }
        value => value.is_known().then(|| show(value)),
    }
}

/// Writes what the file sets.
pub(super) fn write(want: &Want, options: &mut Options) {
    for (namespace, name, value) in settings(want.attrs.get(ATTRIBUTE)) {
        options.set_some(namespace, name, text(value));
    }
}

/// What the file sets, each value as Beanstalk takes it.
pub(super) fn desired(want: &Want) -> Value {
    let mut wanted = Attrs::new();
    for (namespace, name, value) in settings(want.attrs.get(ATTRIBUTE)) {
        put(&mut wanted, namespace, name, text(value).map_or_else(|| value.clone(), Value::from));
    }
    Value::Map(wanted)
}

/// What of it an environment has, and what it still has of what the file set before.
pub(super) fn read(options: &Options, want: &Want) -> Value {
    let mut seen = Attrs::new();
    for (namespace, name, value) in settings(want.attrs.get(ATTRIBUTE)) {
        let has = options.get(namespace, name).unwrap_or_default();
        let as_wanted = text(value).filter(|text| same(text, has));
        put(&mut seen, namespace, name, as_wanted.as_deref().unwrap_or(has).into());
    }
    for (namespace, name) in leftover(options, want) {
        let has = options.get(&namespace, &name).unwrap_or_default();
        put(&mut seen, &namespace, &name, has.into());
    }
    Value::Map(seen)
}

/// What the file set before, does not set any more, and the environment still has. Once this run has taken it away it
/// does not count: some settings have defaults of which nobody knows beforehand.
pub(super) fn leftover(options: &Options, want: &Want) -> Vec<Name> {
    let wanted: Vec<(&str, &str)> =
        settings(want.attrs.get(ATTRIBUTE)).map(|(namespace, name, _)| (namespace, name)).collect();
    let mut names: Vec<Name> = Vec::new();
    for (namespace, name, _) in want.applied.iter().flat_map(|attrs| settings(attrs.get(ATTRIBUTE))) {
        let default = beanstalk_options().setting(namespace, name).and_then(|s| s.default.as_deref());
        let still =
            options.get(namespace, name).is_some_and(|has| default.is_none_or(|text| !same(text, has)));
        let name = (namespace.to_owned(), name.to_owned());
        if still && !want.acted && !wanted.contains(&(&name.0, &name.1)) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether two texts mean the same to Beanstalk: lists in any order, `True` for `true`.
fn same(a: &str, b: &str) -> bool {
    let parts = |text: &str| {
        let mut parts: Vec<String> = text.split(',').map(|part| part.trim().to_owned()).collect();
        parts.sort_unstable();
        parts
    };
    let flag = |text: &str| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
    a == b || (flag(a) && a.eq_ignore_ascii_case(b)) || (a.contains(',') && parts(a) == parts(b))
}

fn put(map: &mut Attrs, namespace: &str, name: &str, value: Value) {
    let settings = map.entry(namespace.to_owned()).or_insert_with(|| Value::Map(Attrs::new()));
    if let Value::Map(settings) = settings {
        settings.insert(name.to_owned(), value);
    }
}
