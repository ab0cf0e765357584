//! Parameter groups: what those of RDS and those of ElastiCache have in common.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::common::{Tags, check_tags, is_identifier, records, tags_at};
use super::{Call, Cx, Element, Fault, State};

/// What the parameter groups of a service are like; what is done with them, all services have in common.
pub(super) trait GroupService {
    /// How the names of their members begin: `DB`.
    const PREFIX: &'static str;
    /// What a request calls the parameters that it sets.
    const GIVEN: &'static str;

    /// The users' groups.
    fn own<'a>(state: &'a mut State, cx: &Cx) -> &'a mut IndexMap<String, ParameterGroup>;
    /// AWS's own groups.
    fn defaults() -> Vec<ParameterGroup>;
    /// The families that there are.
    fn families() -> Vec<&'static str>;
    /// The parameters of a family's engine.
    fn table(family: &str) -> &'static [Parameter];
    /// Whether anything has a group.
    fn is_used(state: &mut State, cx: &Cx, name: &str) -> bool;
    /// What the service says more of a group than its name, family and description.
    fn members(cx: &Cx, group: &ParameterGroup) -> Vec<Element>;
    /// How a parameter is told, without the value and where that comes from.
    fn parameter(parameter: &Parameter) -> Vec<Element>;
    /// What the service says where a group is missing, there already, or used.
    fn refusal(why: Refusal, name: &str) -> Fault;
    /// What stands beside the parameters in a reply.
    fn beside() -> Option<Element> {
        None
    }
    /// Refuses parameters that a request is to set.
    fn check_given(_given: &[Given]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Why a call on a group is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Missing,
    Exists,
    Used,
    /// There is no family of the name.
    NoFamily,
}

/// A parameter of an engine, as a row of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub name: &'static str,
    /// `integer`, `string`, `boolean`, …
    pub data_type: &'static str,
    /// What the engine takes by itself; empty for nothing.
    pub default: &'static str,
    /// `1-100`, `0,1`, or several of them; empty for anything.
    pub allowed: &'static str,
    /// Whether it holds at once; otherwise after a reboot.
    pub dynamic: bool,
    /// Whether anybody can set it.
    pub modifiable: bool,
}

/// A parameter that can be set and holds at once.
pub(super) const fn dynamic(
    name: &'static str,
    data_type: &'static str,
    default: &'static str,
    allowed: &'static str,
) -> Parameter {
    Parameter { name, data_type, default, allowed, dynamic: true, modifiable: true }
}

/// A parameter that can be set and holds after a reboot.
pub(super) const fn after_reboot(
    name: &'static str,
    data_type: &'static str,
    default: &'static str,
    allowed: &'static str,
) -> Parameter {
    Parameter { name, data_type, default, allowed, dynamic: false, modifiable: true }
}

/// A parameter that AWS keeps to itself.
pub(super) const fn kept(name: &'static str, data_type: &'static str, default: &'static str) -> Parameter {
    Parameter { name, data_type, default, allowed: "", dynamic: false, modifiable: false }
}

impl Parameter {
    /// Whether it takes a value. A formula (`{DBInstanceClassMemory/12582880}`) is taken as it is.
    fn takes(&self, value: &str) -> bool {
        let one = |allowed: &str| {
            let bounds = allowed.split_once('-').filter(|(from, _)| !from.is_empty());
            let number = |text: &str| text.parse::<f64>().ok();
            match bounds.and_then(|(from, to)| Some((number(from)?, number(to)?))) {
                Some((from, to)) => number(value).is_some_and(|value| (from..=to).contains(&value)),
                None => allowed == value,
            }
        };
        self.allowed.is_empty() || value.starts_with('{') || self.allowed.split(',').any(one)
    }
}

/// A parameter group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ParameterGroup {
    /// Its name, in lower case.
    pub name: String,
    /// `mysql8.0`, `redis7`
    pub family: String,
    /// Its description.
    pub description: String,
    /// What was set, by name.
    pub values: IndexMap<String, String>,
    /// Its tags.
    pub tags: Tags,
}

impl ParameterGroup {
    /// A group of AWS's own.
    pub(super) fn default_of(family: &str) -> Self {
        Self {
            name: format!("default.{family}"),
            family: family.to_owned(),
            description: format!("Default parameter group for {family}"),
            values: IndexMap::new(),
            tags: Tags::new(),
        }
    }

    /// The group that a request asks for.
    ///
    /// # Errors
    /// When a required parameter is missing, or a name or tag is not valid.
    pub(super) fn asked(call: &Call, prefix: &str) -> Result<Self, Fault> {
        let name = call.required(&format!("{prefix}ParameterGroupName"))?.to_ascii_lowercase();
        let family = call.required(&format!("{prefix}ParameterGroupFamily"))?;
        let description = call.required("Description")?;
        check_name(&name, prefix)?;
        let tags = tags_at(call, "Tags");
        check_tags(&tags, "InvalidParameterValue")?;
        Ok(Self { name, family, description, values: IndexMap::new(), tags })
    }

    /// Those of its values that hold after a reboot only.
    pub(super) fn after_reboot(&self, table: &[Parameter]) -> IndexMap<String, String> {
        let holds_later = |name: &str| table.iter().any(|p| p.name == name && !p.dynamic);
        let values = self.values.iter().filter(|(name, _)| holds_later(name));
        values.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Sets what a request names.
    ///
    /// # Errors
    /// When the engine has no such parameter, or does not take its value.
    pub(super) fn set(&mut self, table: &[Parameter], given: &[Given]) -> Result<(), Fault> {
        let mut values = self.values.clone();
        for Given { name, value, method } in given {
            let parameter = find(table, name)?;
            let Some(value) = value else {
                return Err(invalid(format!("The parameter value of {name} must be provided.")));
            };
            if !parameter.modifiable {
                return Err(invalid(format!("The parameter {name} cannot be modified.")));
            }
            if !parameter.takes(value) {
                return Err(invalid(format!(
                    "Value: {value} is outside of range: {} for parameter: {name}",
                    parameter.allowed
                )));
            }
            if method.as_deref() == Some("immediate") && !parameter.dynamic {
                return Err(Fault::new(
                    400,
                    "InvalidParameterCombination",
                    format!("cannot use immediate apply method for static parameter: {name}"),
                ));
            }
            values.insert(name.clone(), value.clone());
        }
        self.values = values;
        Ok(())
    }

    /// Resets what a request names, or all.
    ///
    /// # Errors
    /// When the engine has no such parameter, or none is named.
    pub(super) fn reset(&mut self, table: &[Parameter], given: &[Given], all: bool) -> Result<(), Fault> {
        if all {
            self.values.clear();
            return Ok(());
        }
        if given.is_empty() {
            return Err(invalid("Parameters must be provided unless ResetAllParameters is true.".to_owned()));
        }
        for given in given {
            find(table, &given.name)?;
        }
        self.values.retain(|name, _| !given.iter().any(|given| given.name == *name));
        Ok(())
    }

    /// The value of a parameter and where it comes from: `user`, `system` or `engine-default`.
    pub(super) fn value(&self, parameter: &Parameter) -> (Option<String>, &'static str) {
        match self.values.get(parameter.name) {
            // AWS calls its own groups' values its own.
            Some(value) if self.name.starts_with("default.") => (Some(value.clone()), "system"),
            Some(value) => (Some(value.clone()), "user"),
            None => {
                let source = if parameter.modifiable { "engine-default" } else { "system" };
                ((!parameter.default.is_empty()).then(|| parameter.default.to_owned()), source)
            }
        }
    }
}

/// A parameter in a request.
pub(super) struct Given {
    pub name: String,
    pub value: Option<String>,
    /// `immediate` or `pending-reboot`; RDS only.
    pub method: Option<String>,
}

/// The parameters of a request, twenty at most.
///
/// # Errors
/// When there are more.
pub(super) fn given(call: &Call, list: &str) -> Result<Vec<Given>, Fault> {
    let one = |value: &Value| {
        let text = |member: &str| value.get(member).and_then(Value::as_str).map(str::to_owned);
        Given {
            name: text("ParameterName").unwrap_or_default(),
            value: text("ParameterValue"),
            method: text("ApplyMethod"),
        }
    };
    let given: Vec<Given> = call.list(list).iter().map(one).collect();
    match given.len() {
        0..=20 => Ok(given),
        n => Err(invalid(format!(
            "A maximum of 20 parameters can be modified in a single request; {n} were given."
        ))),
    }
}

/// Whether a name can be that of a user's group: those of AWS have dots.
pub(super) fn check_name(name: &str, prefix: &str) -> Result<(), Fault> {
    match is_identifier(name, 255) {
        true => Ok(()),
        false => Err(invalid(format!(
            "The parameter {prefix}ParameterGroupName is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        ))),
    }
}

fn find<'t>(table: &'t [Parameter], name: &str) -> Result<&'t Parameter, Fault> {
    let found = table.iter().find(|parameter| parameter.name == name);
    found.ok_or_else(|| invalid(format!("Could not find parameter with name: {name}")))
}

fn invalid(message: String) -> Fault {
    Fault::new(400, "InvalidParameterValue", message)
}

/// A group by its name, AWS's own included.
pub(super) fn group<S: GroupService>(
    state: &mut State,
    cx: &Cx,
    name: &str,
) -> Result<ParameterGroup, Fault> {
    let default = || S::defaults().into_iter().find(|group| group.name == name);
    let found = S::own(state, cx).get(name).cloned().or_else(default);
    found.ok_or_else(|| S::refusal(Refusal::Missing, name))
}

fn named<S: GroupService>(member: &str) -> String {
    format!("{}ParameterGroup{member}", S::PREFIX)
}

fn members<S: GroupService>(cx: &Cx, group: &ParameterGroup) -> Vec<Element> {
    let mut members = vec![
        Element::text(&named::<S>("Name"), &group.name),
        Element::text(&named::<S>("Family"), &group.family),
        Element::text("Description", &group.description),
    ];
    members.extend(S::members(cx, group));
    members
}

/// `Create…ParameterGroup`
pub(super) fn create<S: GroupService>(
    state: &mut State,
    cx: &Cx,
    call: &Call,
) -> Result<Vec<Element>, Fault> {
    let group = ParameterGroup::asked(call, S::PREFIX)?;
    if !S::families().contains(&group.family.as_str()) {
        return Err(S::refusal(Refusal::NoFamily, &group.family));
    }
    let groups = S::own(state, cx);
    if groups.contains_key(&group.name) {
        return Err(S::refusal(Refusal::Exists, &group.name));
    }
    let members = members::<S>(cx, &group);
    groups.insert(group.name.clone(), group);
    Ok(vec![Element::new(&named::<S>(""), members)])
}

/// A group of the user's that a request is to change.
fn own<'a, S: GroupService>(
    state: &'a mut State,
    cx: &Cx,
    call: &Call,
) -> Result<&'a mut ParameterGroup, Fault> {
    let name = call.required(&named::<S>("Name"))?.to_ascii_lowercase();
    check_name(&name, S::PREFIX)?;
    S::own(state, cx).get_mut(&name).ok_or_else(|| S::refusal(Refusal::Missing, &name))
}

/// `Modify…ParameterGroup`
pub(super) fn modify<S: GroupService>(
    state: &mut State,
    cx: &Cx,
    call: &Call,
) -> Result<Vec<Element>, Fault> {
    let given = given(call, S::GIVEN)?;
    let group = own::<S>(state, cx, call)?;
    S::check_given(&given)?;
    group.set(S::table(&group.family), &given)?;
    Ok(vec![Element::text(&named::<S>("Name"), &group.name)])
}

/// `Reset…ParameterGroup`
pub(super) fn reset<S: GroupService>(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let given = given(call, S::GIVEN)?;
    let all = call.flag("ResetAllParameters") == Some(true);
    let group = own::<S>(state, cx, call)?;
    group.reset(S::table(&group.family), &given, all)?;
    Ok(vec![Element::text(&named::<S>("Name"), &group.name)])
}

/// `Delete…ParameterGroup`
pub(super) fn delete<S: GroupService>(
    state: &mut State,
    cx: &Cx,
    call: &Call,
) -> Result<Vec<Element>, Fault> {
    let name = own::<S>(state, cx, call)?.name.clone();
    if S::is_used(state, cx, &name) {
        return Err(S::refusal(Refusal::Used, &name));
    }
    S::own(state, cx).shift_remove(&name);
    Ok(vec![])
}

/// `Describe…ParameterGroups`
pub(super) fn describe<S: GroupService>(
    state: &mut State,
    cx: &Cx,
    call: &Call,
) -> Result<Vec<Element>, Fault> {
    let groups = match call.text(&named::<S>("Name")) {
        Some(name) => vec![group::<S>(state, cx, &name.to_ascii_lowercase())?],
        None => S::own(state, cx).values().cloned().chain(S::defaults()).collect(),
    };
    let (groups, marker) = records(call, groups)?;
    let items = groups.iter().map(|group| members::<S>(cx, group));
    let list = Element::list(&named::<S>("s"), &named::<S>(""), items);
    Ok([list].into_iter().chain(marker).collect())
}

/// The parameters of a group, as far as the request asks for their source.
fn parameters<S: GroupService>(group: &ParameterGroup, source: Option<&str>) -> Vec<Vec<Element>> {
    let one = |parameter: &Parameter| {
        let (value, from) = group.value(parameter);
        if source.is_some_and(|source| source != from) {
            return None;
        }
        let mut members = vec![Element::text("ParameterName", parameter.name)];
        members.extend(value.map(|value| Element::text("ParameterValue", value)));
        members.push(Element::text("Source", from));
        members.push(Element::text("DataType", parameter.data_type));
        if !parameter.allowed.is_empty() {
            members.push(Element::text("AllowedValues", parameter.allowed));
        }
        members.push(Element::text("IsModifiable", parameter.modifiable));
        members.extend(S::parameter(parameter));
        Some(members)
    };
    S::table(&group.family).iter().filter_map(one).collect()
}

/// `Describe…Parameters`
pub(super) fn describe_parameters<S: GroupService>(
    state: &mut State,
    cx: &Cx,
    call: &Call,
) -> Result<Vec<Element>, Fault> {
    let name = call.required(&named::<S>("Name"))?.to_ascii_lowercase();
    let group = group::<S>(state, cx, &name)?;
    let (found, marker) = records(call, parameters::<S>(&group, call.text("Source").as_deref()))?;
    Ok([Element::list("Parameters", "Parameter", found)]
        .into_iter()
        .chain(S::beside())
        .chain(marker)
        .collect())
}

/// `DescribeEngineDefaultParameters`
pub(super) fn describe_defaults<S: GroupService>(call: &Call) -> Result<Vec<Element>, Fault> {
    let family = call.required(&named::<S>("Family"))?;
    if !S::families().contains(&family.as_str()) {
        return Err(S::refusal(Refusal::NoFamily, &family));
    }
    let (found, marker) = records(call, parameters::<S>(&ParameterGroup::default_of(&family), None))?;
    let mut members = vec![Element::text(&named::<S>("Family"), family)];
    members.extend(marker);
    members.push(Element::list("Parameters", "Parameter", found));
    members.extend(S::beside());
    Ok(vec![Element::new("EngineDefaults", members)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_take_what_they_allow() {
        let range = dynamic("a", "integer", "", "1-100,-1");
        assert!(range.takes("7") && range.takes("-1") && range.takes("{DBInstanceClassMemory/12}"));
        assert!(!range.takes("0") && !range.takes("101") && !range.takes("x"));
        let words = dynamic("b", "string", "", "ROW,STATEMENT");
        assert!(words.takes("ROW") && !words.takes("row"));
        assert!(dynamic("c", "string", "", "").takes("anything"));
    }
}
