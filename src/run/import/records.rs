//! Importing the DNS records of a name in Route 53. Those at GoDaddy are not looked for: nothing here has its key.

use indexmap::IndexMap;

use super::draft::Draft;
use super::look;
use crate::cloud::{Clients, Observed, Present, Want, distributions, driver, environment_at};
use crate::eval::{Attrs, Value, show};
use crate::schema::Schema;

/// The types that a file can declare.
const TYPES: [&str; 4] = ["A", "AAAA", "CNAME", "TXT"];

/// Writes the records of a name, with look-ups of their zone and of an environment that they answer for; a distribution that
/// they answer for has no look-up, so its block is written as well.
///
/// # Errors
/// Words for the user.
pub(super) async fn write(
    draft: &mut Draft<'_>,
    clients: &Clients,
    schema: &Schema,
    name: &str,
) -> Result<(), String> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let Some((domain, zone)) = zone_of(clients, schema, &name).await? else {
        return Err(format!(
            "Route 53 has no zone for `{name}`; records elsewhere, as at GoDaddy, are not looked for"
        ));
    };
    let mut any = false;
    for kind in TYPES {
        if let Some(found) = find(clients, &name, kind, &zone).await? {
            one(draft, clients, schema, (&name, kind, &domain), &found).await?;
            any = true;
        }
    }
    match any {
        true => Ok(()),
        false => Err(format!(
            "there is no record `{name}` of type {} in the zone `{domain}` of Route 53",
            TYPES.join(", ")
        )),
    }
}

/// The smallest zone of Route 53 that a name is in.
///
/// # Errors
/// When AWS cannot be asked.
pub(super) async fn zone_of(
    clients: &Clients,
    schema: &Schema,
    name: &str,
) -> Result<Option<(String, Present)>, String> {
    let mut domain = name;
    while domain.contains('.') {
        if let (Some(kind), Some(driver)) = (schema.kind("hosted_zone"), driver("hosted_zone")) {
            let seen = driver.observe(clients, &look::asked(kind, domain)).await;
            if let Observed::Present(zone) = seen.map_err(|error| error.to_string())? {
                return Ok(Some((domain.to_owned(), *zone)));
            }
        }
        domain = domain.split_once('.').map_or("", |(_, rest)| rest);
    }
    Ok(None)
}

async fn find(clients: &Clients, name: &str, kind: &str, zone: &Present) -> Result<Option<Present>, String> {
    let in_zone: Attrs = [("zone".to_owned(), Value::Handle("zone".to_owned()))].into_iter().collect();
    let attrs = [
        ("name", Value::from(name)),
        ("type", Value::from(kind)),
        ("provider", Value::Variant("route53".to_owned(), in_zone)),
    ];
    let want = Want {
        node: name.to_owned(),
        kind: "record".to_owned(),
        name: name.to_owned(),
        attrs: attrs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        refs: IndexMap::from([("zone".to_owned(), zone.outputs.clone())]),
        ..Want::default()
    };
    let Some(driver) = driver("record") else { return Ok(None) };
    match driver.observe(clients, &want).await {
        Ok(Observed::Present(found)) => Ok(Some(*found)),
        Ok(Observed::Absent) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

async fn one(
    draft: &mut Draft<'_>,
    clients: &Clients,
    schema: &Schema,
    (name, kind, domain): (&str, &str, &str),
    found: &Present,
) -> Result<(), String> {
    let several = found.detail.pointer("/set/values").and_then(|values| values.as_array());
    if several.is_some_and(|values| values.len() > 1) {
        draft.note(&format!(
            "`{name}` has several records of type {kind}, and a file declares one of a name and type"
        ));
        return Ok(());
    }
    let said = match found.get("alias").as_str() {
        Some(target) => format!("alias = {}", answers_for(draft, clients, schema, (name, target)).await?),
        None => format!("value = {}", show(found.get("value"))),
    };
    let mut lines = vec![format!("name = {}", show(&Value::from(name))), format!("type = \"{kind}\""), said];
    if *found.get("ttl") != Value::None {
        lines.push(format!("ttl = {}", show(found.get("ttl"))));
    }
    let zone = draft.refer("hosted_zone", domain).unwrap_or_default();
    lines.push(format!("provider = route53(zone: {zone})"));
    let node = draft.fresh("record", name);
    draft.add(&format!("record {node} {{\n  {}\n}}", lines.join("\n  ")));
    Ok(())
}

/// The name of what an alias answers for.
async fn answers_for(
    draft: &mut Draft<'_>,
    clients: &Clients,
    schema: &Schema,
    (name, target): (&str, &str),
) -> Result<String, String> {
    let host = target.trim_start_matches("dualstack.").to_ascii_lowercase();
    if let Some(known) = draft.refer("environment", &host).or_else(|| draft.named("distribution", &host)) {
        return Ok(known);
    }
    let words = |error: crate::cloud::CloudError| error.to_string();
    if let Some(environment) = environment_at(clients, &host).await.map_err(words)? {
        return Ok(draft.environment(&environment, &host));
    }
    let edges = distributions(clients).await.map_err(words)?;
    let Some(edge) = edges.into_iter().find(|edge| edge.domain == host) else {
        return Err(format!(
            "`{name}` is an alias of `{target}`, which is neither an environment nor a distribution of this account and \
             region: a file cannot declare it"
        ));
    };
    let found = look::find(clients, schema, "distribution", &edge.id).await?;
    draft.resolve_certificates(clients, &found).await?;
    draft.resolve_origins(clients, &found).await?;
    let key = format!("cdn_{name}");
    let node = draft.reserve("distribution", &key);
    draft.known_as("distribution", &host, &node);
    draft.block("distribution", &key, &found);
    Ok(node)
}
