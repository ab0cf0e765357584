//! What a local cloud holds, in a form in which ids, times and tokens do not matter.

use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Each place of the state, with the number of things there.
pub fn inventory(state: &Json) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    survey(state, String::new(), &mut found);
    found
}

/// Counts the leaves below each place. What grows with every request is left out.
fn survey(value: &Json, place: String, found: &mut BTreeMap<String, usize>) {
    match value {
        // What was deleted and is not yet forgotten everywhere.
        Json::Object(fields)
            if ["until", "gone_at"].iter().any(|at| fields.get(*at).is_some_and(Json::is_number)) => {}
        Json::Object(fields) => {
            for (name, value) in fields {
                if !VOLATILE.contains(&name.as_str()) {
                    survey(value, format!("{place}/{}", plain(name)), found);
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| survey(item, format!("{place}[]"), found)),
        _ => *found.entry(place).or_default() += 1,
    }
}

/// Parts of the state that are not things: clocks, counters, the histories of environments and the like.
const VOLATILE: [&str; 8] = ["clock", "ids", "requests", "events", "history", "log", "before", "published"];

/// A name without what makes an id one of its kind.
fn plain(name: &str) -> String {
    static IDS: std::sync::LazyLock<regex_lite::Regex> =
        std::sync::LazyLock::new(|| regex_lite::Regex::new("[0-9a-f]{8,}[0-9a-f-]*|[A-Z0-9]{9,}").unwrap());
    IDS.replace_all(name, "ID").into_owned()
}

/// Where two inventories differ.
pub fn differences(found: &BTreeMap<String, usize>, expected: &BTreeMap<String, usize>) -> Vec<String> {
    let places = expected.keys().chain(found.keys());
    let different = places.filter(|place| expected.get(*place) != found.get(*place));
    let mut told: Vec<String> = different
        .map(|place| format!("{place}: {:?} instead of {:?}", found.get(place), expected.get(place)))
        .collect();
    told.sort();
    told.dedup();
    told
}
