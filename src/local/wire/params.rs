//! Parameters: forms (`Tags.member.1.Key=…`) and XML trees as the tree that services read.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

use crate::local::{Element, Fault};

/// How deep parameters may nest: no service model comes near it.
const DEPTH: usize = 48;

/// Decodes `a=1&b=x%20y+z`, in order.
pub fn decode_form(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect()
}

/// Whose lists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// `Tags.member.1.Key`, `VpcSecurityGroupIds.VpcSecurityGroupId.1`: a wrapper with one name in it.
    Wrapped,
    /// `Filter.1.Value.1`: as EC2 has them.
    Flat,
}

#[derive(Default)]
struct Node {
    text: Option<String>,
    children: indexmap::IndexMap<String, Node>,
}

/// Makes a tree of a form. Lists become arrays, everything else text.
///
/// # Errors
/// `MalformedQueryString` when a name nests too deep.
pub fn tree(pairs: Vec<(String, String)>, lists: Lists) -> Result<Value, Fault> {
    let mut root = Node::default();
    for (name, text) in pairs {
        if name.split('.').count() > DEPTH {
            return Err(Fault::new(400, "MalformedQueryString", format!("`{name}` nests too deep")));
        }
        let node =
            name.split('.').fold(&mut root, |node, part| node.children.entry(part.to_owned()).or_default());
        node.text = Some(text);
    }
    let members = root.children.into_iter().map(|(name, node)| (name, value(node, lists)));
    Ok(Value::Object(members.collect()))
}

// Recursion is bounded by `DEPTH`, which `tree` checks.
fn value(mut node: Node, lists: Lists) -> Value {
    if node.children.is_empty() {
        return Value::String(node.text.unwrap_or_default());
    }
    if is_numbered(&node) {
        return array(node, lists);
    }
    if lists == Lists::Wrapped
        && node.children.len() == 1
        && let Some((name, child)) = node.children.pop()
    {
        if is_numbered(&child) {
            return array(child, lists);
        }
        node.children.insert(name, child);
    }
    Value::Object(node.children.into_iter().map(|(name, child)| (name, value(child, lists))).collect())
}

fn is_numbered(node: &Node) -> bool {
    !node.children.is_empty() && node.children.keys().all(|key| key.parse::<u32>().is_ok())
}

fn array(node: Node, lists: Lists) -> Value {
    let sorted: BTreeMap<u32, Node> =
        node.children.into_iter().filter_map(|(key, child)| Some((key.parse().ok()?, child))).collect();
    Value::Array(sorted.into_values().map(|child| value(child, lists)).collect())
}

/// Elements whose children are the elements of a list: all those in the service models' requests that the
/// local cloud reads. Elsewhere, siblings of the same name are a list.
const WRAPPERS: [&str; 12] = [
    "AddTags",
    "Buckets",
    "Changes",
    "Items",
    "NameServers",
    "RemoveTagKeys",
    "ResetElements",
    "ResourceIds",
    "ResourceRecordSets",
    "ResourceRecords",
    "TagSet",
    "VPCs",
];

/// Elements that are lists even when there is only one of them.
const FLAT: [&str; 3] = ["Object", "Part", "Rule"];

/// Makes a tree of an XML element. The reader has bounded its depth.
pub fn xml_tree(element: &Element) -> Value {
    if WRAPPERS.contains(&element.name.as_str()) {
        return Value::Array(element.children.iter().map(xml_tree).collect());
    }
    if element.children.is_empty() {
        return Value::String(element.text.clone().unwrap_or_default());
    }
    let mut members: Map<String, Value> = Map::new();
    for child in &element.children {
        let value = xml_tree(child);
        match members.get_mut(&child.name) {
            Some(Value::Array(items)) if !WRAPPERS.contains(&child.name.as_str()) => items.push(value),
            Some(other) => {
                let first = other.take();
                *other = Value::Array(vec![first, value]);
            }
            None if FLAT.contains(&child.name.as_str()) => {
                members.insert(child.name.clone(), Value::Array(vec![value]));
            }
            None => {
                members.insert(child.name.clone(), value);
            }
        }
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::local::wire::xml;
    use serde_json::json;

    fn parsed(text: &str, lists: Lists) -> Value {
        tree(decode_form(text), lists).unwrap()
    }

    #[test]
    fn query_lists_lose_their_wrappers() {
        let text = "A=x+y%26&Tags.member.2.Key=b&Tags.member.1.Key=a&Ids.VpcSecurityGroupId.1=sg-1&D.ForwardConfig.TargetGroups.member.1.Weight=1";
        assert_eq!(
            parsed(text, Lists::Wrapped),
            json!({
                "A": "x y&", "Tags": [{"Key": "a"}, {"Key": "b"}], "Ids": ["sg-1"],
                "D": {"ForwardConfig": {"TargetGroups": [{"Weight": "1"}]}},
            })
        );
    }

    #[test]
    fn ec2_lists_are_flat() {
        assert_eq!(
            parsed("Filter.1.Value.1=a&Filter.1.Value.2=b&Filter.2.Name=n&Filter.10.Name=z", Lists::Flat),
            json!({"Filter": [{"Value": ["a", "b"]}, {"Name": "n"}, {"Name": "z"}]})
        );
    }

    #[test]
    fn nothing_nests_without_bound() {
        assert!(tree(vec![("a.".repeat(100_000), String::new())], Lists::Flat).is_err());
    }

    #[test]
    fn xml_becomes_the_same_tree() {
        let text = "<X><Aliases><Quantity>1</Quantity><Items><CNAME>a</CNAME></Items></Aliases><E/><Part><N>1</N></Part><R>1</R><R>2</R></X>";
        assert_eq!(
            xml_tree(&xml::read(text).unwrap()),
            json!({
                "Aliases": {"Quantity": "1", "Items": ["a"]}, "E": "", "Part": [{"N": "1"}], "R": ["1", "2"],
            })
        );
    }
}
