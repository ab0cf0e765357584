//! Parameter groups: what those of RDS and those of ElastiCache have in common.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::common::{Tags, check_tags, is_identifier, tags_at};
use super::{Call, Fault};

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
