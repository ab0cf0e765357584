//! What differs between what the file asks for and what exists.
//!
//! Only attributes that both sides speak of are compared: a driver leaves out what it cannot read. Lists are compared
//! without regard to order, blocks record by record, and `none` is the same as nothing at all. Secrets are never
//! compared; that they changed is found by fingerprint and told in `changed_secrets`.

use indexmap::IndexMap;

use super::change::Change;
use crate::eval::{Attrs, Value};
use crate::schema::{Attribute, BlockSchema, Kind, OnChange};

/// The attributes of a resource that differ.
pub fn diff(kind: &Kind, desired: &Attrs, seen: &Attrs, changed_secrets: &[String]) -> Vec<Change> {
    compare(|name| kind.attributes.get(name), &kind.blocks, desired, seen, changed_secrets)
}

/// As [`diff`], for a separate block, which is a node of its own.
pub fn diff_block(
    block: &BlockSchema,
    desired: &Attrs,
    seen: &Attrs,
    changed_secrets: &[String],
) -> Vec<Change> {
    compare(|name| field(block, name), &block.blocks, desired, seen, changed_secrets)
}

fn compare<'a>(
    attribute: impl Fn(&str) -> Option<&'a Attribute>,
    blocks: &IndexMap<String, BlockSchema>,
    desired: &Attrs,
    seen: &Attrs,
    changed_secrets: &[String],
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, after) in desired {
        let before = seen.get(name);
        let schema = attribute(name);
        let on_change = schema.map(|a| a.on_change).unwrap_or_default();
        if changed_secrets.iter().any(|secret| secret == name) {
            changes.push(Change { attribute: name.clone(), before: None, after: after.clone(), on_change });
        } else if schema.is_some_and(|a| a.write_only) {
            // AWS never gives it back, so there is nothing to compare it with.
        } else if let Some(block) = blocks.get(name) {
            if let Some(before) = before {
                compare_blocks(name, block, before.items(), after.items(), &mut changes);
            }
        } else if let Some(before) = before
            && !same(before, after)
        {
            let before = Some(before.clone());
            changes.push(Change { attribute: name.clone(), before, after: after.clone(), on_change });
        }
    }
    changes
}

/// Compares blocks record by record; the first header value tells which belong together.
fn compare_blocks(
    path: &str,
    block: &BlockSchema,
    before: &[Value],
    after: &[Value],
    changes: &mut Vec<Change>,
) {
    let mut left: Vec<&Value> = before.iter().collect();
    for record in after {
        let key = block_key(block, record);
        let twin = left.iter().position(|other| block_key(block, other) == key).map(|at| left.remove(at));
        let path = format!("{path}[{key}]");
        match (twin, record.fields()) {
            (Some(twin), Some(fields)) => {
                let before = twin.fields();
                for (name, after) in fields {
                    // A record is read as a whole, so a field that it lacks is `none`.
                    let before = before.and_then(|f| f.get(name)).unwrap_or(&Value::None);
                    let path = format!("{path}.{name}");
                    if let Some(inner) = block.blocks.get(name) {
                        compare_blocks(&path, inner, before.items(), after.items(), changes);
                    } else if !same(before, after) {
                        changes.push(Change {
                            attribute: path,
                            before: Some(before.clone()),
                            after: after.clone(),
                            on_change: field(block, name).map(|a| a.on_change).unwrap_or_default(),
                        });
                    }
                }
            }
            _ => changes.push(Change {
                attribute: path,
                before: None,
                after: record.clone(),
                on_change: OnChange::Update,
            }),
        }
    }
    changes.extend(left.into_iter().map(|gone| Change {
        attribute: format!("{path}[{}]", block_key(block, gone)),
        before: Some(gone.clone()),
        after: Value::None,
        on_change: OnChange::Update,
    }));
}

/// An attribute of a block, from its header or its body.
fn field<'a>(block: &'a BlockSchema, name: &str) -> Option<&'a Attribute> {
    let header = block.header.iter().map(|h| &h.attribute).find(|a| a.name == name);
    header.or_else(|| block.attributes.get(name))
}

/// What tells the blocks of one word apart: the value of the first header place.
fn block_key(block: &BlockSchema, record: &Value) -> String {
    let first = block.header.first().map(|h| h.attribute.name.as_str());
    let value = first.and_then(|name| record.fields()?.get(name));
    value.map(plain).unwrap_or_default()
}

/// A value as text, strings without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| crate::eval::show(value), str::to_owned)
}

/// Whether what exists is what is asked for.
pub(super) fn same(before: &Value, after: &Value) -> bool {
    match (before, after) {
        // Whether a secret changed is known by its fingerprint; that there is one must agree.
        (Value::Secret(_), other) | (other, Value::Secret(_)) => !empty(other),
        (a, b) if empty(a) || empty(b) => empty(a) && empty(b),
        (Value::List(a), Value::List(b)) => same_lists(a, b),
        (Value::Map(a), Value::Map(b)) => same_fields(a, b),
        (Value::Variant(a, x), Value::Variant(b, y)) => a == b && same_fields(x, y),
        (Value::Range(a, x), Value::Range(b, y)) => same(a, b) && same(x, y),
        (Value::Percent(a), Value::Percent(b)) => a == b,
        (Value::Percent(_), _) | (_, Value::Percent(_)) => plain(before) == plain(after),
        (a, b) => match (a.as_int(), b.as_int()) {
            (Some(a), Some(b)) => a == b,
            // AWS gives many numbers and flags as text.
            _ => plain(a) == plain(b),
        },
    }
}

fn empty(value: &Value) -> bool {
    match value {
        Value::None => true,
        // AWS does not tell an empty text from none.
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(fields) => fields.values().all(empty),
        _ => false,
    }
}

fn same_lists(before: &[Value], after: &[Value]) -> bool {
    let mut left: Vec<&Value> = before.iter().collect();
    before.len() == after.len()
        && after.iter().all(|item| match left.iter().position(|other| same(other, item)) {
            Some(at) => {
                left.remove(at);
                true
            }
            None => false,
        })
}

fn same_fields(before: &Attrs, after: &Attrs) -> bool {
    let part = |fields: &Attrs, name: &str| fields.get(name).cloned().unwrap_or(Value::None);
    before.keys().chain(after.keys()).all(|name| same(&part(before, name), &part(after, name)))
}
