//! Tags on whatever EC2 has.

use super::filters::{Described, page, select};
use super::{Region, done, refuse};
use crate::local::common::{self, Tags, tags_at};
use crate::local::{Call, Cx, Element, Fault, State};
use serde_json::Value;

impl Region {
    /// The tags of a resource, by its id.
    fn tags_mut(&mut self, id: &str) -> Option<&mut Tags> {
        match id.split_once('-')?.0 {
            "vpc" => Some(&mut self.vpc.tags).filter(|_| self.vpc.id == id),
            "subnet" => self.subnets.iter_mut().find(|subnet| subnet.id == id).map(|subnet| &mut subnet.tags),
            "sgr" => {
                let mut rules = self.groups.values_mut().flat_map(|group| &mut group.rules);
                rules.find(|rule| rule.id == id).map(|rule| &mut rule.tags)
            }
            "sg" => self.groups.get_mut(id).map(|group| &mut group.tags),
            "eni" => self.interfaces.get_mut(id).map(|interface| &mut interface.tags),
            "i" => self.instances.get_mut(id).map(|instance| &mut instance.tags),
            "key" => self.keys.values_mut().find(|key| key.id == id).map(|key| &mut key.tags),
            _ => None,
        }
    }

    fn all_tags(&self) -> Vec<One> {
        let mut all: Vec<(&str, &str, &Tags)> = vec![(&self.vpc.id, "vpc", &self.vpc.tags)];
        all.extend(self.subnets.iter().map(|it| (it.id.as_str(), "subnet", &it.tags)));
        for group in self.groups.values() {
            all.push((&group.id, "security-group", &group.tags));
            all.extend(group.rules.iter().map(|it| (it.id.as_str(), "security-group-rule", &it.tags)));
        }
        all.extend(self.interfaces.values().map(|it| (it.id.as_str(), "network-interface", &it.tags)));
        all.extend(self.instances.values().map(|it| (it.id.as_str(), "instance", &it.tags)));
        all.extend(self.keys.values().map(|it| (it.id.as_str(), "key-pair", &it.tags)));
        let one = |(id, kind, tags): (&str, &'static str, &Tags)| {
            let id = id.to_owned();
            let tags = tags.clone().into_iter();
            tags.map(move |(key, value)| One { id: id.clone(), kind, pair: Tags::from([(key, value)]) })
                .collect::<Vec<_>>()
        };
        all.into_iter().flat_map(one).collect()
    }
}

/// The code that EC2 has for an id that does not exist, by what the id is of.
fn missing<T>(id: &str) -> Result<T, Fault> {
    let (code, what) = match id.split_once('-').map(|(prefix, _)| prefix) {
        Some("vpc") => ("InvalidVpcID.NotFound", "vpc ID"),
        Some("subnet") => ("InvalidSubnetID.NotFound", "subnet ID"),
        Some("sg") => ("InvalidGroup.NotFound", "security group"),
        Some("sgr") => ("InvalidSecurityGroupRuleId.NotFound", "security group rule ID"),
        Some("eni") => ("InvalidNetworkInterfaceID.NotFound", "networkInterface ID"),
        Some("i") => ("InvalidInstanceID.NotFound", "instance ID"),
        Some("key") => ("InvalidKeyPair.NotFound", "key pair"),
        _ => return refuse("InvalidID", format!("The ID '{id}' is not valid")),
    };
    refuse(code, format!("The {what} '{id}' does not exist"))
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let (ids, tags) = (call.texts("ResourceId"), tags_at(call, "Tag"));
    if ids.is_empty() || tags.is_empty() {
        let what = if ids.is_empty() { "resourceIdSet" } else { "tagSet" };
        return refuse("MissingParameter", format!("The request must contain the parameter {what}"));
    }
    let region = state.ec2.region(&cx.region);
    for id in &ids {
        let Some(existing) = region.tags_mut(id) else { return missing(id) };
        let mut merged = existing.clone();
        merged.extend(tags.clone());
        common::check_tags(&merged, "InvalidParameterValue")?;
    }
    for id in &ids {
        if let Some(existing) = region.tags_mut(id) {
            existing.extend(tags.clone());
        }
    }
    Ok(vec![done()])
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let region = state.ec2.region(&cx.region);
    let ids = call.texts("ResourceId");
    for id in &ids {
        if region.tags_mut(id).is_none() {
            return missing(id);
        }
    }
    let given = call.list("Tag");
    for id in &ids {
        let Some(tags) = region.tags_mut(id) else { continue };
        if given.is_empty() {
            tags.clear();
        }
        for tag in &given {
            let key = tag.get("Key").and_then(Value::as_str).unwrap_or_default();
            // With a value, only a tag of that value goes.
            let value = tag.get("Value").and_then(Value::as_str);
            if value.is_none_or(|value| tags.get(key).is_some_and(|existing| existing == value)) {
                tags.shift_remove(key);
            }
        }
    }
    Ok(vec![done()])
}

/// One tag of one resource.
struct One {
    id: String,
    kind: &'static str,
    pair: Tags,
}

impl Described for One {
    fn filter(&self, name: &str) -> Option<Vec<String>> {
        Some(match name {
            "resource-id" => vec![self.id.clone()],
            "resource-type" => vec![self.kind.to_owned()],
            "key" => self.pair.keys().cloned().collect(),
            "value" => self.pair.values().cloned().collect(),
            _ => return None,
        })
    }

    fn tags(&self) -> &Tags {
        &self.pair
    }
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let (tags, next) = page(call, select(call, state.ec2.region(&cx.region).all_tags())?)?;
    let item = |one: One| {
        let (key, value) = one.pair.into_iter().next().unwrap_or_default();
        vec![
            Element::text("resourceId", one.id),
            Element::text("resourceType", one.kind),
            Element::text("key", key),
            Element::text("value", value),
        ]
    };
    let list = Element::list("tagSet", "item", tags.into_iter().map(item));
    Ok([list].into_iter().chain(next).collect())
}
