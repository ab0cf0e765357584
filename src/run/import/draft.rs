//! Writing what exists in the language: blocks with what differs from the defaults, look-ups of what they refer to, and
//! secrets in the place of what AWS never tells.

mod blocks;
mod expressions;

use indexmap::{IndexMap, IndexSet};

use super::look;
use crate::base::SourceMap;
use crate::cloud::{Clients, Present, environment_at};
use crate::eval::{Value, show};
use crate::fmt;
use crate::schema::{Schema, is_kind};

pub(super) use blocks::Wording;

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
            "load_balancer" => {
                let name = key.split('/').nth(2).unwrap_or(key);
                (format!("name = {}", show(&Value::from(name))), name.to_owned())
            }
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
    use crate::eval::Attrs;

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
