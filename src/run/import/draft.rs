//! Writing what exists in the language: blocks with what differs from the defaults, look-ups of what they refer to, and
//! secrets in the place of what AWS never tells.

use indexmap::{IndexMap, IndexSet};

use super::look;
use super::variables::key;
use crate::base::SourceMap;
use crate::cloud::{Clients, Ingress, Present, environment_at};
use crate::eval::{Attrs, Value, show};
use crate::fmt;
use crate::schema::{Attribute, BlockSchema, Kind, Schema, Type, is_kind};

/// A file in the making.
pub(super) struct Draft<'a> {
    schema: &'a Schema,
    sources: &'a SourceMap,
    /// What things are called, by kind and by what AWS knows them by.
    names: IndexMap<(String, String), String>,
    used: IndexSet<String>,
    /// Domain and region of certificates, by ARN.
    certificates: IndexMap<String, (String, String)>,
    /// Secrets and parameters.
    inputs: Vec<String>,
    lookups: Vec<String>,
    blocks: Vec<String>,
    /// What could not be found, in words.
    notes: Vec<String>,
}

/// What is written otherwise than it was read: the expressions of some attributes, and lines at a block's end.
#[derive(Default)]
pub(super) struct Wording {
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

impl<'a> Draft<'a> {
    pub fn new(schema: &'a Schema, sources: &'a SourceMap) -> Self {
        Self {
            schema,
            sources,
            names: IndexMap::new(),
            used: IndexSet::new(),
            certificates: IndexMap::new(),
            inputs: Vec::new(),
            lookups: Vec::new(),
            blocks: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The text of a whole file.
    pub fn file(self, pipeline: &str, region: &str) -> String {
        let name: String =
            pipeline.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let name =
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("p_{name}") };
        let head = format!(
            "//! What was found of the environment `{pipeline}`. Read it, then adopt it: `vpipe import --adopt FILE`.\n\npipeline {} \
             {{ region = \"{region}\" }}",
            name.to_ascii_lowercase()
        );
        self.formatted(head)
    }

    /// Something that could not be found or written.
    pub fn note(&mut self, words: &str) {
        self.notes.push(format!("// {words}"));
    }

    /// A block as it stands.
    pub fn add(&mut self, block: &str) {
        self.blocks.push(block.to_owned());
    }

    /// The name that something will have, so that others can refer to it before it is written.
    pub fn reserve(&mut self, kind: &str, key: &str) -> String {
        if let Some(name) = self.names.get(&(kind.to_owned(), key.to_owned())) {
            return name.clone();
        }
        let name = self.fresh(kind, key);
        self.known_as(kind, key, &name);
        name
    }

    /// Another name of AWS's for something.
    pub fn known_as(&mut self, kind: &str, key: &str, name: &str) {
        if !key.is_empty() {
            self.names.insert((kind.to_owned(), key.to_owned()), name.to_owned());
        }
    }

    /// The name that something has already.
    pub fn named(&self, kind: &str, key: &str) -> Option<String> {
        self.names.get(&(kind.to_owned(), key.to_owned())).cloned()
    }

    /// Looks an environment up by its name, for what knows it by a host name; gives what it is called.
    pub fn environment(&mut self, name: &str, host: &str) -> String {
        let node = self.fresh("environment", name);
        self.lookups.push(format!("existing environment {node} {{ name = {} }}", show(&Value::from(name))));
        self.known_as("environment", host, &node);
        node
    }

    /// Whether something has a name already.
    pub fn knows(&self, kind: &str, key: &str) -> bool {
        self.names.contains_key(&(kind.to_owned(), key.to_owned()))
    }

    /// The text, as `vpipe fmt` writes it.
    pub fn text(self) -> String {
        self.formatted(String::new())
    }

    fn formatted(self, head: String) -> String {
        let parts = [
            head,
            self.inputs.join("\n"),
            self.lookups.join("\n"),
            self.blocks.join("\n\n"),
            self.notes.join("\n"),
        ];
        let parts = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let text = parts.join("\n\n") + "\n";
        let mut sources = SourceMap::default();
        let formatted = sources.add("import", text.as_str()).ok().and_then(|file| fmt::format(&file).ok());
        formatted.unwrap_or(text)
    }

    /// Learns the domains of the certificates that something uses: they are looked up by them.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn resolve_certificates(&mut self, clients: &Clients, of: &Present) -> Result<(), String> {
        let mut arns = Vec::new();
        of.attrs.values().for_each(|value| certificate_arns(value, &mut arns));
        for arn in arns {
            let found = look::find(clients, self.schema, "certificate", &arn).await?;
            let domain = found.outputs.get("domain").and_then(Value::as_str).unwrap_or_default().to_owned();
            let region = arn.split(':').nth(3).unwrap_or_default().to_owned();
            let own = clients.config.region().map(ToString::to_string).unwrap_or_default();
            let region = if region == own { String::new() } else { region };
            self.certificates.insert(arn, (domain, region));
        }
        Ok(())
    }

    /// Learns what the hosts are that a distribution takes its answers from: buckets and environments are looked up.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn resolve_origins(&mut self, clients: &Clients, of: &Present) -> Result<(), String> {
        let behaviors = of.get("behavior").items().iter().filter_map(|one| one.fields()?.get("origin"));
        let hosts: Vec<String> =
            behaviors.chain([of.get("origin")]).filter_map(|v| v.as_str().map(str::to_owned)).collect();
        for host in hosts {
            let host = host.to_ascii_lowercase();
            let bucket = host.contains(".s3.") && self.refer("bucket", &host).is_some();
            if bucket || self.knows("environment", &host) {
                continue;
            }
            if let Some(name) = environment_at(clients, &host).await.map_err(|error| error.to_string())? {
                self.environment(&name, &host);
            }
        }
        if let Value::Variant(_, params) = of.get("logging")
            && let Some(bucket) = params.get("bucket").and_then(Value::as_str)
            && !self.knows("bucket", bucket)
        {
            let name = self.bucket(bucket);
            self.known_as("bucket", bucket, &name);
        }
        Ok(())
    }

    /// Looks a bucket up by its name; gives what it is called.
    fn bucket(&mut self, name: &str) -> String {
        let host = format!("{name}.s3.amazonaws.com");
        let known = self.names.iter().find(|((kind, key), _)| {
            kind == "bucket" && key.split(".s3").next() == Some(name) && *key != host
        });
        known.map(|(_, known)| known.clone()).or_else(|| self.refer("bucket", &host)).unwrap_or_default()
    }

    /// A name for something new.
    pub fn fresh(&mut self, kind: &str, key: &str) -> String {
        let mut name: String = key
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        while name.contains("__") {
            name = name.replace("__", "_");
        }
        let mut name = name.trim_matches('_').to_owned();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || is_kind(&name) || WORDS.contains(&&*name) {
            name = format!("{}_{name}", kind.rsplit('_').next().unwrap_or(kind)).trim_matches('_').to_owned();
        }
        let mut number = 1;
        let mut unique = name.clone();
        while !self.used.insert(unique.clone()) {
            number += 1;
            unique = format!("{name}_{number}");
        }
        unique
    }

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

    /// A value as a type wants it written; none where it cannot be.
    fn expression(&mut self, ty: &Type, value: &Value) -> Option<String> {
        match (ty, value) {
            (_, Value::None) => None,
            (Type::Optional(inner), value) => self.expression(inner, value),
            (Type::List(inner), Value::List(items)) => {
                let items: Option<Vec<String>> =
                    items.iter().map(|item| self.expression(inner, item)).collect();
                Some(format!("[{}]", items?.join(", ")))
            }
            (Type::Map(inner), Value::Map(fields)) => self.map(inner, fields),
            (Type::Handle(kind), value) => self.refer(kind, value.as_str()?),
            (Type::BlockName(_), value) => value.as_str().map(str::to_owned),
            (Type::Variant(variant), Value::String(word)) if variant.name == *word => Some(word.clone()),
            (Type::Variant(variant), Value::Variant(word, params)) if variant.name == *word => {
                let mut pairs = Vec::new();
                for (name, value) in params {
                    let ty = &variant.params.get(name)?.ty;
                    pairs.push(format!("{name}: {}", self.expression(ty, value)?));
                }
                Some(if pairs.is_empty() { word.clone() } else { format!("{word}({})", pairs.join(", ")) })
            }
            (Type::Union(types), value) => self.alternative(types, value),
            // Words for what a file cannot say.
            (_, Value::Variant(..)) => None,
            (_, value) => Some(show(value)),
        }
    }

    fn alternative(&mut self, types: &[Type], value: &Value) -> Option<String> {
        let text = value.as_str();
        let is_word = |ty: &Type| matches!(ty, Type::Variant(variant) if Some(variant.name.as_str()) == text);
        // A text with a pattern is for AWS's own names; others are resources, which are looked up.
        let plain = |ty: &Type| match ty {
            Type::Scalar(scalar) => scalar.refinement.matching.is_none(),
            ty => matches!(ty, Type::Literal(_)),
        };
        if let Value::Variant(word, params) = value {
            let known = self.variant(types, word, params);
            return known.or_else(|| types.iter().find_map(|ty| self.expression(ty, value)));
        }
        // What is in this file goes by its name, also where a text would do.
        let known = types.iter().find_map(|ty| match ty {
            Type::Handle(kind) => self.names.get(&(kind.clone(), text?.to_ascii_lowercase())).cloned(),
            _ => None,
        });
        if known.is_some() {
            return known;
        }
        // A bucket's host name stands for the bucket, which CloudFront reaches in a way of its own.
        let bucket = |ty: &Type| matches!(ty, Type::Handle(kind) if kind == "bucket");
        if let Some(host) = text.filter(|text| text.contains(".s3.") && types.iter().any(bucket)) {
            return self.refer("bucket", host);
        }
        if types.iter().any(is_word) {
            return text.map(str::to_owned);
        }
        if types.iter().any(plain) {
            return Some(show(value));
        }
        types.iter().find_map(|ty| self.expression(ty, value))
    }

    /// A word with parameters, some of which are resources; none where none is.
    fn variant(&mut self, types: &[Type], word: &str, params: &Attrs) -> Option<String> {
        let of_word = |ty: &Type| match ty {
            Type::Variant(variant) if variant.name == word => Some(variant.params.clone()),
            _ => None,
        };
        let fields = types.iter().find_map(of_word)?;
        if !fields.values().any(|field| matches!(field.ty, Type::Handle(_))) {
            return None;
        }
        let mut parts = Vec::new();
        for (name, field) in &fields {
            let Some(value) = params.get(name).filter(|value| value.as_str() != Some("")) else { continue };
            parts.push(format!("{name}: {}", self.expression(&field.ty, value)?));
        }
        Some(format!("{word}({})", parts.join(", ")))
    }

    fn map(&mut self, inner: &Type, fields: &Attrs) -> Option<String> {
        if fields.is_empty() {
            return Some("{}".to_owned());
        }
        let mut pairs = Vec::new();
        for (name, value) in fields {
            pairs.push(format!("{} = {}", key(name), self.expression(inner, value)?));
        }
        Some(format!("{{ {} }}", pairs.join(", ")))
    }

    /// The name of a resource: one of this file, or one that is looked up.
    pub fn refer(&mut self, kind: &str, key: &str) -> Option<String> {
        if let Some(name) = self.names.get(&(kind.to_owned(), key.to_owned())) {
            return Some(name.clone());
        }
        let (lookup, base) = match kind {
            "certificate" => {
                let (domain, region) = self.certificates.get(key)?.clone();
                let region = match region.as_str() {
                    "" => String::new(),
                    region => format!(", region = \"{region}\""),
                };
                (format!("domain = \"{domain}\"{region}"), domain)
            }
            "bucket" => {
                // By its name, or its host name.
                let name = key.split(".s3").next()?;
                (format!("name = \"{name}\""), name.to_owned())
            }
            "environment" => return None,
            kind => {
                let lookups = &self.schema.kind(kind)?.lookups;
                let by = ["id", "name", "identifier", "domain"]
                    .into_iter()
                    .find(|by| lookups.contains_key(*by))?;
                (format!("{by} = {}", show(&Value::from(key))), key.to_owned())
            }
        };
        let name = self.fresh(kind, &base);
        self.lookups.push(format!("existing {kind} {name} {{ {lookup} }}"));
        self.names.insert((kind.to_owned(), key.to_owned()), name.clone());
        Some(name)
    }

    /// Declares a secret for an attribute and gives its name.
    pub fn secret(&mut self, node: &str, attribute: &str) -> String {
        let name = self.fresh("secret", &format!("{node}_{attribute}"));
        self.inputs.push(format!("secret {name} = env(\"{}\")", name.to_ascii_uppercase()));
        name
    }

    /// Declares a parameter for what AWS does not tell, and gives its name.
    fn param(&mut self, node: &str, attribute: &str) -> String {
        let name = self.fresh("param", &format!("{node}_{attribute}"));
        self.inputs.push(format!("/// AWS does not tell it; say what it is.\nparam {name}: String"));
        name
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

/// Words of the language, and names that would be mistaken for something else.
const WORDS: [&str; 22] = [
    "existing",
    "for",
    "if",
    "else",
    "in",
    "kind",
    "let",
    "output",
    "param",
    "pipeline",
    "production",
    "rollout",
    "secret",
    "stage",
    "type",
    "use",
    "std",
    "true",
    "false",
    "none",
    "self",
    "default",
];

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

fn certificate_arns(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with("arn:") && text.contains(":certificate/") => {
            found.push(text.clone());
        }
        Value::List(items) => items.iter().for_each(|item| certificate_arns(item, found)),
        Value::Map(fields) => fields.values().for_each(|value| certificate_arns(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::library;
    use super::*;

    fn attrs(pairs: &[(&str, Value)]) -> Attrs {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn only_what_differs_is_written_and_no_secret() {
        let (schema, sources) = library();
        let mut draft = Draft::new(&schema, &sources);
        let found = Present {
            id: "shop-db".into(),
            attrs: attrs(&[
                ("identifier", "shop-db".into()),
                ("engine", "mysql".into()),
                ("class", "db.t3.micro".into()),
                ("storage", Value::Size(20 << 30)),
                ("username", "app".into()),
                ("multi_az", true.into()),
                ("security_groups", vec!["sg-1"].into()),
                ("tags", Value::Map(attrs(&[("team", "shop".into()), ("vpipe:node", "x".into())]))),
            ]),
            ..Present::default()
        };
        draft.block("db_instance", "shop-db", &found);
        assert_eq!(
            draft.text(),
            "secret shop_db_password = env(\"SHOP_DB_PASSWORD\")\n\n\
             existing security_group sg_1 { id = \"sg-1\" }\n\n\
             db_instance shop_db {\n  identifier = \"shop-db\"\n  engine = \"mysql\"\n  class = \"db.t3.micro\"\n  \
             username = \"app\"\n  password = shop_db_password\n  multi_az = true\n  security_groups = [sg_1]\n  \
             tags = { team = \"shop\" }\n}\n"
        );
    }

    #[test]
    fn the_balancer_of_an_environment_is_written() {
        let (schema, sources) = library();
        let mut draft = Draft::new(&schema, &sources);
        let logs = attrs(&[("bucket", "shop-logs".into()), ("prefix", "".into())]);
        let rule = attrs(&[
            ("name", "admin".into()),
            ("paths", Value::from(vec!["/admin/*"])),
            ("forward", "default".into()),
            ("priority", Value::Int(1)),
            ("ports", Value::List(vec![Value::Int(80)])),
        ]);
        let found = Present {
            attrs: attrs(&[
                ("application", "shop".into()),
                ("platform", "Docker".into()),
                ("scheme", "public".into()),
                ("idle_timeout", Value::Duration(120_000)),
                ("access_logs", Value::Variant("to".to_owned(), logs)),
                ("rule", Value::List(vec![Value::Map(rule)])),
            ]),
            ..Present::default()
        };
        draft.block("environment", "web", &found);
        assert_eq!(
            draft.text(),
            "existing application shop { name = \"shop\" }\nexisting bucket shop_logs { name = \"shop-logs\" }\n\n\
             environment web {\n  name = \"web\"\n  application = shop\n  platform = \"Docker\"\n  idle_timeout = 2m\n  access_logs = \
             to(bucket: shop_logs)\n  rule admin { paths = [\"/admin/*\"], priority = 1, ports = [80] }\n}\n"
        );
    }

    #[test]
    fn paths_stand_in_quotes_and_buckets_have_names() {
        let (schema, sources) = library();
        let mut draft = Draft::new(&schema, &sources);
        let host = "files.s3.eu-west-1.amazonaws.com";
        let behavior = attrs(&[("path", "/img/*".into()), ("origin", host.into())]);
        let found = Present {
            attrs: attrs(&[
                ("origin", "web.example.com".into()),
                ("behavior", Value::List(vec![Value::Map(behavior)])),
            ]),
            ..Present::default()
        };
        draft.block("distribution", "cdn", &found);
        assert_eq!(
            draft.text(),
            "existing bucket files { name = \"files\" }\n\n\
             distribution cdn {\n  origin = \"web.example.com\"\n  behavior \"/img/*\" { origin = files }\n}\n"
        );
    }

    #[test]
    fn names_are_words_of_their_own() {
        let (schema, sources) = library();
        let mut draft = Draft::new(&schema, &sources);
        assert_eq!(draft.fresh("db_instance", "Shop--DB.1"), "shop_db_1");
        assert_eq!(draft.fresh("db_instance", "shop-db-1"), "shop_db_1_2");
        assert_eq!(draft.fresh("security_group", "9lives"), "group_9lives");
        assert_eq!(draft.fresh("bucket", "bucket"), "bucket_bucket");
    }
}
