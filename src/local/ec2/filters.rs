//! What all `Describe…` operations share: ids, filters with wildcards, tags, pages.

use serde_json::Value;

use super::refuse;
use crate::local::common::{self, Tags};
use crate::local::support::glob;
use crate::local::{Call, Element, Fault};

/// Something that can be looked for.
pub trait Described {
    /// Its values for a filter; `None` when there is no such filter.
    fn filter(&self, name: &str) -> Option<Vec<String>>;

    /// Its tags.
    fn tags(&self) -> &Tags;
}

/// Those of the items that all filters of a request accept.
///
/// # Errors
/// When a filter does not exist.
pub fn select<T: Described>(call: &Call, items: Vec<T>) -> Result<Vec<T>, Fault> {
    let mut items = items;
    for filter in call.list("Filter") {
        let name = filter.get("Name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let values: Vec<String> = filter
            .get("Value")
            .and_then(Value::as_array)
            .map(|values| values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        if name.is_empty() {
            return refuse("InvalidParameterValue", "The filter 'null' is invalid");
        }
        let mut kept = Vec::new();
        for item in items {
            let Some(found) = values_of(&item, &name) else {
                return refuse("InvalidParameterValue", format!("The filter '{name}' is invalid"));
            };
            if found.iter().any(|found| values.iter().any(|wanted| glob(wanted, found))) {
                kept.push(item);
            }
        }
        items = kept;
    }
    Ok(items)
}

fn values_of(item: &impl Described, name: &str) -> Option<Vec<String>> {
    match name.split_once(':') {
        Some(("tag", key)) => Some(item.tags().get(key).cloned().into_iter().collect()),
        _ if name == "tag-key" => Some(item.tags().keys().cloned().collect()),
        _ if name == "tag-value" => Some(item.tags().values().cloned().collect()),
        _ => item.filter(name),
    }
}

/// A page: `MaxResults` (5 to 1000) and `NextToken`.
///
/// # Errors
/// When either is not valid.
pub fn page<T>(call: &Call, items: Vec<T>) -> Result<(Vec<T>, Option<Element>), Fault> {
    let max = match call.int("MaxResults") {
        None => 1000,
        Some(max) if (5..=1000).contains(&max) => usize::try_from(max).unwrap_or(1000),
        Some(max) => {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "Value ( {max} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000."
                ),
            );
        }
    };
    let token = call.text("NextToken");
    match common::page(items, token.as_deref(), call.page_of(max)) {
        Some((items, next)) => Ok((items, next.map(|next| Element::text("nextToken", next)))),
        None => refuse("InvalidNextToken", "The token is not valid"),
    }
}

/// `<tagSet>`
pub fn tag_set(tags: &Tags) -> Element {
    let pair =
        |(key, value): (&String, &String)| vec![Element::text("key", key), Element::text("value", value)];
    Element::list("tagSet", "item", tags.iter().map(pair))
}

/// The tags that a creation gives to what it makes (`TagSpecification`).
///
/// # Errors
/// When a tag is not valid, or the specification is for something else.
pub fn tag_specification(call: &Call, resource_type: &str) -> Result<Tags, Fault> {
    let mut tags = Tags::new();
    for specification in call.list("TagSpecification") {
        let given = specification.get("ResourceType").and_then(Value::as_str).unwrap_or_default();
        if given != resource_type {
            return refuse(
                "InvalidParameterValue",
                format!("'{given}' is not a valid taggable resource type for this operation."),
            );
        }
        let list = specification.get("Tag").and_then(Value::as_array).cloned().unwrap_or_default();
        tags.extend(common::tags_of(&list));
    }
    common::check_tags(&tags, "InvalidParameterValue")?;
    Ok(tags)
}

/// The ids of a request, checked: those that are in `known`, or the complaint that one is not.
///
/// # Errors
/// `code`, saying which id does not exist.
pub fn wanted(
    call: &Call,
    parameter: &str,
    known: impl Fn(&str) -> bool,
    code: &str,
    what: &str,
) -> Result<Option<Vec<String>>, Fault> {
    let ids = call.texts(parameter);
    if ids.is_empty() {
        return Ok(None);
    }
    match ids.iter().find(|id| !known(id)) {
        Some(missing) => refuse(code, format!("The {what} '{missing}' does not exist")),
        None => Ok(Some(ids)),
    }
}
