//! `vpipe import`: what exists, as the language writes it; and its adoption, by its tags and a record in the journal.
//!
//! ```text
//! KIND NAME ─look▶ Present ─draft▶ text of a block, with look-ups of what it refers to
//! FILE ─adopt▶ NodeReady, then the owner's tags: from then on it is as if this pipeline had made it
//! ```

mod adopt;
mod draft;
mod look;
mod records;
mod surroundings;
mod variables;

pub use adopt::adopt;
pub use surroundings::import_environment;

use crate::base::SourceMap;
use crate::cloud::{Clients, ingress, variables};
use crate::eval::Value;
use crate::schema::{Schema, kind_names};
use draft::{Draft, Wording};

/// The kinds of the whole library, and their texts.
fn library() -> (Schema, SourceMap) {
    let mut sources = SourceMap::default();
    // That the library has no mistakes is tested.
    let schema = Schema::load(kind_names(), &mut sources, &mut Vec::new());
    (schema, sources)
}

/// The block of one resource, with the look-ups and secrets that it needs.
///
/// # Errors
/// Words for the user: there is no such kind or resource, or AWS cannot be asked.
pub async fn import(clients: &Clients, kind: &str, name: &str) -> Result<String, String> {
    let (schema, sources) = library();
    if kind == "record" {
        let mut draft = Draft::new(&schema, &sources);
        records::write(&mut draft, clients, &schema, name).await?;
        return Ok(draft.text());
    }
    let found = look::find(clients, &schema, kind, name).await?;
    let mut draft = Draft::new(&schema, &sources);
    draft.resolve_certificates(clients, &found).await?;
    match kind {
        "security_group" => {
            let rules = ingress(clients, &found.id).await.map_err(|error| error.to_string())?;
            draft.security_group(name, &found, &rules);
        }
        "environment" => {
            let application = found.get("application").as_str().unwrap_or_default();
            let variables = variables(clients, application, name).await.map_err(|error| error.to_string())?;
            let texts = draft.variables(name, &variables, &[]);
            draft.write(kind, name, &found, Wording::variables(texts));
        }
        "certificate" => {
            let domain = found.outputs.get("domain").and_then(Value::as_str).unwrap_or_default();
            let provider = match records::zone_of(clients, &schema, domain).await? {
                Some((zone, _)) => {
                    format!("route53(zone: {})", draft.refer("hosted_zone", &zone).unwrap_or_default())
                }
                None => {
                    format!(
                        "godaddy(key: {}, secret: {})",
                        draft.secret("godaddy", "key"),
                        draft.secret("godaddy", "secret")
                    )
                }
            };
            draft.write(
                kind,
                domain,
                &found,
                Wording::of("validation", format!("dns(provider: {provider})")),
            );
        }
        "distribution" => {
            draft.resolve_origins(clients, &found).await?;
            draft.block(kind, name, &found);
        }
        _ => draft.block(kind, name, &found),
    }
    Ok(draft.text())
}
