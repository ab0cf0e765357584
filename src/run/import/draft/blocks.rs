//! Blocks: the attributes, inner blocks and rules that are not as they would be anyway.

use indexmap::IndexMap;

use super::Draft;
use crate::cloud::{Ingress, Present};
use crate::eval::{Attrs, Value, show};
use crate::schema::{Attribute, BlockSchema, Kind, Type};

/// What is written otherwise than it was read: the expressions of some attributes, and lines at a block's end.
#[derive(Default)]
pub(in super::super) struct Wording {
    attributes: IndexMap<&'static str, String>,
    lines: Vec<String>,
}

impl Wording {
    /// With the expression for an environment's variables.
    pub fn variables(expression: String) -> Self {
        Self::of("variables", expression)
    }

    /// With the expression for one attribute.
    pub fn of(attribute: &'static str, expression: String) -> Self {
        Self { attributes: [(attribute, expression)].into_iter().collect(), lines: Vec::new() }
    }
}

impl Draft<'_> {
    /// A block for something that exists.
    pub fn block(&mut self, kind: &str, key: &str, found: &Present) {
        self.write(kind, key, found, Wording::default());
    }

    /// A security group with what may enter.
    pub fn security_group(&mut self, key: &str, found: &Present, rules: &[Ingress]) {
        let lines = self.rules(&found.id, rules);
        self.write("security_group", key, found, Wording { lines, ..Wording::default() });
    }

    /// A block, some of it in other words.
    pub fn write(&mut self, kind: &str, key: &str, found: &Present, wording: Wording) {
        let Some(kind) = self.schema.kind(kind) else { return };
        let name = self.reserve(&kind.name, key);
        for known_by in [Some(found.id.as_str()), output(found, "id"), output(found, "arn")] {
            self.known_as(&kind.name, known_by.unwrap_or_default(), &name);
        }
        let mut lines = Vec::new();
        for attribute in kind.attributes.values() {
            match wording.attributes.get(attribute.name.as_str()) {
                Some(text) if self.is_default(attribute, text) => {}
                Some(text) => lines.push(format!("{} = {text}", attribute.name)),
                None => lines.extend(self.attribute(kind, &name, key, attribute, found)),
            }
        }
        for block in kind.blocks.values().filter(|block| !block.separate) {
            lines.extend(self.inner(block, found));
        }
        lines.extend(wording.lines);
        let body = if lines.is_empty() { " ".to_owned() } else { format!("\n  {}\n", lines.join("\n  ")) };
        self.blocks.push(format!("{} {name} {{{body}}}", kind.name));
    }

    /// The line of an attribute; none where it is as it would be anyway.
    fn attribute(
        &mut self,
        kind: &Kind,
        node: &str,
        key: &str,
        attribute: &Attribute,
        found: &Present,
    ) -> Option<String> {
        let name = &attribute.name;
        if attribute.write_only || matches!(attribute.ty, Type::Secret(_)) {
            // AWS never tells it.
            return (!attribute.optional()).then(|| format!("{name} = {}", self.secret(node, name)));
        }
        let value = match name.as_str() {
            "tags" => own_tags(found.get("tags")),
            _ if attribute.identity => key_of(found.get(name), key),
            // What AWS takes where nothing is said.
            "subnet_group" if found.get(name).as_str() == Some("default") => Value::None,
            "access_logs" if *found.get(name) == Value::Variant("off".to_owned(), Attrs::new()) => {
                Value::None
            }
            "instance_profile" | "service_role" => last(found.get(name)),
            _ => found.get(name).clone(),
        };
        if value == Value::None {
            return (!attribute.optional()).then(|| format!("{name} = {}", self.param(node, name)));
        }
        // Before it is written: what it would refer to is not to be looked up.
        if !attribute.identity && implied(found, name) {
            return None;
        }
        match self.expression(&attribute.ty, &value) {
            Some(text) if !attribute.identity && self.is_default(attribute, &text) => None,
            Some(text) => Some(format!("{name} = {text}")),
            None => Some(format!("// {}: {name} is {}, which is not known here", kind.name, show(&value))),
        }
    }

    fn is_default(&self, attribute: &Attribute, text: &str) -> bool {
        attribute.default.as_ref().is_some_and(|default| self.sources.text(default.span) == text)
    }

    /// The blocks inside a resource: those that are not as AWS has them when nothing is said.
    fn inner(&mut self, block: &BlockSchema, found: &Present) -> Vec<String> {
        let items: Vec<Attrs> =
            found.get(&block.name).items().iter().filter_map(Value::fields).cloned().collect();
        let alone = items.len() == 1;
        items.iter().filter_map(|fields| self.one(block, fields, alone)).collect()
    }

    fn one(&mut self, block: &BlockSchema, fields: &Attrs, alone: bool) -> Option<String> {
        let field = |name: &str| fields.get(name).filter(|value| **value != Value::None);
        let header: Vec<String> = block
            .header
            .iter()
            .filter_map(|header| {
                let value = field(&header.attribute.name)?;
                // The name of a block stands bare, and so do words; texts do not.
                let bare = block.named || !matches!(header.attribute.ty, Type::Scalar(_));
                Some(value.as_str().filter(|_| bare).map_or_else(|| show(value), str::to_owned))
            })
            .collect();
        let redirects = field("redirect").is_some();
        let mut lines = Vec::new();
        for attribute in block.attributes.values() {
            let Some(value) = field(&attribute.name).cloned() else { continue };
            // What a listener that redirects would forward to, and what all forward to, goes without saying.
            if attribute.name == "forward" && (redirects || value.as_str() == Some("default")) {
                continue;
            }
            match self.expression(&attribute.ty, &value) {
                Some(text) if self.is_default(attribute, &text) => {}
                Some(text) => lines.push(format!("{} = {text}", attribute.name)),
                None => {}
            }
        }
        let header = header.join(" ");
        let implied = lines.is_empty() && (header == "default" || (alone && header == "80 http"));
        let body = if lines.is_empty() { " ".to_owned() } else { format!(" {} ", lines.join(", ")) };
        (!implied).then(|| format!("{} {header} {{{body}}}", block.name))
    }

    /// What may enter a group: ports of the same protocol, source and description stand in one rule.
    fn rules(&mut self, own: &str, rules: &[Ingress]) -> Vec<String> {
        let mut together: IndexMap<(String, String, Option<String>), Vec<String>> = IndexMap::new();
        let mut lines = Vec::new();
        for rule in rules {
            let source = match (&rule.group, &rule.cidr) {
                (Some(group), _) if group == own => Some("self".to_owned()),
                (Some(group), _) => self.refer("security_group", group),
                (None, Some(cidr)) => Some(show(&Value::from(cidr.as_str()))),
                (None, None) => None,
            };
            let known = ["tcp", "udp", "icmp", "all"].contains(&rule.protocol.as_str());
            let Some(source) = source.filter(|_| known) else {
                lines.push(format!("// the rule {} ({}) cannot be written here", rule.id, rule.protocol));
                continue;
            };
            let key = (rule.protocol.clone(), source, rule.description.clone());
            together.entry(key).or_default().extend(rule.ports());
        }
        lines.extend(together.into_iter().map(|((protocol, source, description), ports)| {
            let ports = if ports.is_empty() { String::new() } else { format!(" {}", ports.join(", ")) };
            let body = description.map(|text| format!(" {{ description = {} }}", show(&Value::from(text))));
            format!("allow {protocol}{ports} from {source}{}", body.unwrap_or_default())
        }));
        lines
    }
}

/// Whether AWS chose it where nothing was said, so that it goes without saying.
fn implied(found: &Present, attribute: &str) -> bool {
    let value = found.get(attribute);
    let small = found.get("storage").as_int().is_some_and(|storage| storage < 400 << 30);
    let port = match found.get("engine").as_str() {
        Some("mysql" | "mariadb") => 3306,
        Some("postgres") => 5432,
        Some("memcached") => 11211,
        Some("redis" | "valkey") => 6379,
        _ => 0,
    };
    match attribute {
        "port" => *value == Value::Int(port),
        "parameter_group" => value.as_str().is_some_and(|group| group.starts_with("default.")),
        // Every broker has one; it is imported by itself.
        "configuration" => true,
        // Without growth of its own, AWS tells the storage that there is.
        "max_storage" => value == found.get("storage"),
        // `gp3` has no others below 400 GiB.
        "iops" | "throughput" => small && found.get("storage_type").as_str() == Some("gp3"),
        _ => false,
    }
}

fn output<'p>(found: &'p Present, name: &str) -> Option<&'p str> {
    found.outputs.get(name).and_then(Value::as_str)
}

/// The name by which it was found, as AWS writes it.
fn key_of(seen: &Value, key: &str) -> Value {
    if *seen == Value::None { Value::from(key) } else { seen.clone() }
}

/// Of a role or profile that is told by its ARN, the name.
fn last(value: &Value) -> Value {
    value.as_str().and_then(|text| text.rsplit('/').next()).map_or(Value::None, Value::from)
}

/// The tags without those that say whose it is.
fn own_tags(tags: &Value) -> Value {
    let own = tags.fields().into_iter().flatten().filter(|(name, _)| !name.starts_with("vpipe:"));
    Value::Map(own.map(|(name, value)| (name.clone(), value.clone())).collect())
}
