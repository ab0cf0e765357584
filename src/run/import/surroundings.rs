//! A whole Beanstalk environment with what belongs to it: its application, the stores that let it in or whose endpoints its
//! variables hold, their groups, the distributions before it, and the DNS records that point there.

use indexmap::{IndexMap, IndexSet};

use super::draft::{Draft, Wording};
use super::{library, look};
use crate::cloud::{Clients, DnsRecord, Edge, Ingress, Present, Store};
use crate::cloud::{distributions, dns_records, ingress, stores, variables};
use crate::eval::{Value, show};
use crate::schema::Schema;

/// A complete file for an environment.
///
/// # Errors
/// Words for the user.
pub async fn import_environment(clients: &Clients, name: &str) -> Result<String, String> {
    let (schema, sources) = library();
    let environment = look::find(clients, &schema, "environment", name).await?;
    let application = text(&environment, "application");
    let application = look::find(clients, &schema, "application", &application).await?;
    let variables = variables(clients, &application.id, name).await.map_err(words)?;
    let mut whole = Whole {
        clients,
        schema: &schema,
        draft: Draft::new(&schema, &sources),
        name,
        own_group: output(&environment, "security_group"),
        environment,
        variables,
        groups: IndexMap::new(),
    };
    whole.application(&application);
    let stores = whole.stores().await?;
    whole.groups(&stores).await?;
    for (store, found) in &stores {
        whole.subnet_group(store, found).await?;
        whole.draft.block(&store.kind, &store.name, found);
    }
    whole.environment(&stores).await?;
    let domains = whole.distributions().await?;
    whole.records(domains).await?;
    let region = clients.config.region().map(ToString::to_string).unwrap_or_default();
    Ok(whole.draft.file(name, &region))
}

struct Whole<'a> {
    clients: &'a Clients,
    schema: &'a Schema,
    draft: Draft<'a>,
    name: &'a str,
    environment: Present,
    /// The group that every instance wears.
    own_group: String,
    variables: Vec<(String, String)>,
    /// Security groups that are imported, by id.
    groups: IndexMap<String, (Present, Vec<Ingress>)>,
}

impl Whole<'_> {
    fn application(&mut self, application: &Present) {
        self.draft.block("application", &application.id, application);
        // Everything that refers to the environment by another of its names.
        let name = self.draft.reserve("environment", self.name);
        self.draft.known_as("security_group", &self.own_group, &name);
        for of in ["endpoint", "cname"] {
            let address = output(&self.environment, of).to_ascii_lowercase();
            self.draft.known_as("environment", &address, &name);
        }
    }

    /// The stores that let the environment in, or whose endpoints its variables hold.
    async fn stores(&mut self) -> Result<Vec<(Store, Present)>, String> {
        let mut worn: Vec<String> = texts(self.environment.get("security_groups"));
        worn.push(self.own_group.clone());
        let mut rules: IndexMap<String, Vec<Ingress>> = IndexMap::new();
        let mut found = Vec::new();
        for store in stores(self.clients).await.map_err(words)? {
            let named = store.endpoint.as_ref().is_some_and(|endpoint| {
                self.variables.iter().any(|(_, text)| text.contains(endpoint.as_str()))
            });
            let mut lets_in = false;
            for group in &store.groups {
                if !rules.contains_key(group) {
                    rules.insert(group.clone(), ingress(self.clients, group).await.map_err(words)?);
                }
                lets_in |= rules.get(group).into_iter().flatten().any(|rule| {
                    rule.group.as_ref().is_some_and(|from| worn.contains(from) && *from != *group)
                        || (worn.contains(group) && rule.group.as_ref() == Some(group))
                });
            }
            if named || lets_in {
                let present = look::find(self.clients, self.schema, &store.kind, &store.name).await?;
                found.push((store, present));
            }
        }
        if !found.iter().any(|(store, _)| store.kind == "db_instance") {
            self.draft.note(
                "no database was found: none lets the environment in, and no variable holds the endpoint of one",
            );
        }
        Ok(found)
    }

    /// The security groups of the environment and of the stores; a VPC's own default group is only looked up.
    async fn groups(&mut self, stores: &[(Store, Present)]) -> Result<(), String> {
        let mut ids: IndexSet<String> = texts(self.environment.get("security_groups")).into_iter().collect();
        ids.extend(stores.iter().flat_map(|(store, _)| store.groups.iter().cloned()));
        for id in ids {
            let group = look::find(self.clients, self.schema, "security_group", &id).await?;
            if group.get("name").as_str() == Some("default") {
                continue;
            }
            let rules = ingress(self.clients, &id).await.map_err(words)?;
            let name = text(&group, "name");
            let node = self.draft.reserve("security_group", &name);
            self.draft.known_as("security_group", &id, &node);
            self.groups.insert(id, (group, rules));
        }
        for (group, rules) in self.groups.values() {
            self.draft.security_group(&text(group, "name"), group, rules);
        }
        Ok(())
    }

    async fn subnet_group(&mut self, store: &Store, found: &Present) -> Result<(), String> {
        let kind = match store.kind.as_str() {
            "db_instance" => "db_subnet_group",
            "cache_cluster" => "cache_subnet_group",
            _ => return Ok(()),
        };
        let name = text(found, "subnet_group");
        if !name.is_empty() && name != "default" && !self.draft.knows(kind, &name) {
            let group = look::find(self.clients, self.schema, kind, &name).await?;
            self.draft.block(kind, &name, &group);
        }
        Ok(())
    }

    async fn environment(&mut self, stores: &[(Store, Present)]) -> Result<(), String> {
        self.draft.resolve_certificates(self.clients, &self.environment).await?;
        let endpoints: Vec<(String, String)> = stores
            .iter()
            .filter_map(|(store, _)| {
                Some((store.endpoint.clone()?, self.draft.refer(&store.kind, &store.name)?))
            })
            .collect();
        let texts = self.draft.variables(self.name, &self.variables, &endpoints);
        self.draft.write("environment", self.name, &self.environment, Wording::variables(texts));
        Ok(())
    }

    /// The distributions before the environment. Gives the domain names by which they are reached.
    async fn distributions(&mut self) -> Result<Vec<String>, String> {
        let mut domains = Vec::new();
        for Edge { id, origins, .. } in distributions(self.clients).await.map_err(words)? {
            let ours = |origin: &String| self.draft.knows("environment", origin);
            if !origins.iter().any(ours) {
                continue;
            }
            let found = look::find(self.clients, self.schema, "distribution", &id).await?;
            self.draft.resolve_certificates(self.clients, &found).await?;
            let key = texts(found.get("aliases")).into_iter().next().unwrap_or_else(|| "cdn".to_owned());
            let domain = output(&found, "domain_name").to_ascii_lowercase();
            let node = self.draft.reserve("distribution", &format!("cdn_{key}"));
            self.draft.known_as("distribution", &domain, &node);
            self.draft.known_as("distribution", &id, &node);
            self.draft.block("distribution", &format!("cdn_{key}"), &found);
            domains.push(domain);
        }
        if domains.is_empty() {
            self.draft.note("no CloudFront distribution was found before the environment");
        }
        Ok(domains)
    }

    /// The records of Route 53 that point to the environment or its distributions.
    async fn records(&mut self, domains: Vec<String>) -> Result<(), String> {
        let mut any = false;
        for record in dns_records(self.clients).await.map_err(words)? {
            let target = record.target.trim_start_matches("dualstack.").to_ascii_lowercase();
            let to = ["environment", "distribution"].into_iter().find(|kind| self.draft.knows(kind, &target));
            let Some(kind) = to else { continue };
            let node = self.draft.refer(kind, &target).unwrap_or_default();
            let zone = self.draft.refer("hosted_zone", &record.zone).unwrap_or_default();
            let name = self.draft.fresh("record", &record.name);
            self.draft.add(&written(&record, kind, &node, &zone, &name));
            any = true;
        }
        if !any {
            let where_to = if domains.is_empty() { "the environment" } else { "it or its distribution" };
            self.draft.note(&format!(
                "no record in Route 53 points to {where_to}; records elsewhere, as at GoDaddy, are not looked for"
            ));
        }
        self.draft.note(
            "what is deployed belongs into a rollout: `deploy \"app.war\" to …`, see `vpipe doc deploy`",
        );
        Ok(())
    }
}

fn written(record: &DnsRecord, kind: &str, node: &str, zone: &str, name: &str) -> String {
    let host = show(&Value::from(record.name.as_str()));
    let provider = format!("provider = route53(zone: {zone})");
    if record.alias {
        return format!(
            "record {name} {{ name = {host}, type = \"{}\", alias = {node}, {provider} }}",
            record.kind
        );
    }
    let output = if kind == "environment" { "cname" } else { "domain_name" };
    let ttl = record.ttl.map(|seconds| format!(", ttl = {}", show(&Value::Duration(seconds * 1000))));
    let ttl = ttl.unwrap_or_default();
    let of = format!("type = \"{}\", value = {node}.{output}", record.kind);
    format!("record {name} {{ name = {host}, {of}{ttl}, {provider} }}")
}

fn text(of: &Present, attribute: &str) -> String {
    of.get(attribute).as_str().unwrap_or_default().to_owned()
}

fn output(of: &Present, name: &str) -> String {
    of.outputs.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.items().iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn words(error: crate::cloud::CloudError) -> String {
    error.to_string()
}
