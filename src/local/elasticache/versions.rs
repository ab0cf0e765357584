//! Engine versions and node types.

use super::{bad_combination, invalid};
use crate::local::common::records;
use crate::local::{Call, Element, Fault};

/// Engine, version, family of parameter groups, whether it is the default; oldest first.
const VERSIONS: [(&str, &str, &str, bool); 13] = [
    ("memcached", "1.4.34", "memcached1.4", false),
    ("memcached", "1.5.16", "memcached1.5", false),
    ("memcached", "1.6.6", "memcached1.6", false),
    ("memcached", "1.6.12", "memcached1.6", false),
    ("memcached", "1.6.17", "memcached1.6", false),
    ("memcached", "1.6.22", "memcached1.6", true),
    ("redis", "5.0.6", "redis5.0", false),
    ("redis", "6.2.6", "redis6.x", false),
    ("redis", "7.0.7", "redis7", false),
    ("redis", "7.1.0", "redis7", true),
    ("valkey", "7.2.6", "valkey7", false),
    ("valkey", "8.0.1", "valkey8", false),
    ("valkey", "8.1.0", "valkey8", true),
];

/// The version that a request means: memcached's in full, Redis's also as `7.1`; nothing means the default.
pub fn version(engine: &str, wanted: Option<&str>) -> Result<String, Fault> {
    let mut of_engine = VERSIONS.iter().filter(|(name, ..)| *name == engine).peekable();
    if of_engine.peek().is_none() {
        return invalid(format!("Invalid cache engine: {engine}"));
    }
    let fits = |version: &str, default: bool| match wanted {
        None => default,
        Some(wanted) => {
            version == wanted || (engine != "memcached" && version.starts_with(&format!("{wanted}.")))
        }
    };
    match of_engine.find(|(_, version, _, default)| fits(version, *default)) {
        Some((_, version, ..)) => Ok((*version).to_owned()),
        None => bad_combination(format!("Cannot find version {} for {engine}", wanted.unwrap_or_default())),
    }
}

/// The family of parameter groups of a version.
pub fn family(engine: &str, version: &str) -> &'static str {
    VERSIONS
        .iter()
        .find(|(name, known, ..)| *name == engine && *known == version)
        .map_or("", |(_, _, family, _)| family)
}

/// All families.
pub fn families() -> Vec<&'static str> {
    let mut families: Vec<&str> = VERSIONS.iter().map(|(_, _, family, _)| *family).collect();
    families.dedup();
    families
}

/// Whether a node type exists: `cache.t3.micro`.
pub fn is_node_type(text: &str) -> bool {
    const FAMILIES: [&str; 14] =
        ["t2", "t3", "t4g", "m4", "m5", "m6g", "m7g", "r4", "r5", "r6g", "r6gd", "r7g", "c7gn", "m3"];
    const OTHERS: [&str; 7] = ["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"];
    let Some((family, size)) = text.strip_prefix("cache.").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let sizes: &[&str] = if family.starts_with('t') { &["micro", "small", "medium"] } else { &OTHERS };
    let big = matches!(size, "10xlarge" | "24xlarge") && matches!(family, "m4" | "m5" | "r5");
    FAMILIES.contains(&family) && (sizes.contains(&size) || big)
}

pub fn describe(call: &Call) -> Result<Vec<Element>, Fault> {
    let (engine, wanted) = (call.text("Engine"), call.text("EngineVersion"));
    let family = call.text("CacheParameterGroupFamily");
    let default_only = call.flag("DefaultOnly") == Some(true);
    let asked = |(name, version, of, default): &&(&str, &str, &str, bool)| {
        engine.as_ref().is_none_or(|engine| name == engine)
            && wanted.as_ref().is_none_or(|wanted| version == wanted)
            && family.as_ref().is_none_or(|family| of == family)
            && (*default || !default_only)
    };
    let (found, marker) = records(call, VERSIONS.iter().filter(asked).collect())?;
    let items = found.into_iter().map(|(engine, version, family, _)| {
        vec![
            Element::text("Engine", engine),
            Element::text("EngineVersion", version),
            Element::text("CacheParameterGroupFamily", family),
            Element::text("CacheEngineDescription", engine),
            Element::text("CacheEngineVersionDescription", format!("{engine} version {version}")),
        ]
    });
    let list = Element::list("CacheEngineVersions", "CacheEngineVersion", items);
    Ok([list].into_iter().chain(marker).collect())
}
