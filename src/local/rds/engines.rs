//! The engines and their versions, the instance classes.

use crate::local::common::records;
use crate::local::{Call, Element, Fault};

use super::{invalid, refuse};

/// An engine's versions, oldest first, with the family of parameter groups that they use.
struct Engine {
    name: &'static str,
    description: &'static str,
    /// The version that a new instance gets.
    default: &'static str,
    versions: &'static [(&'static str, &'static str)],
}

const ENGINES: [Engine; 3] = [
    Engine {
        name: "mysql",
        description: "MySQL Community Edition",
        default: "8.0.42",
        versions: &[
            ("5.7.44", "mysql5.7"),
            ("8.0.39", "mysql8.0"),
            ("8.0.40", "mysql8.0"),
            ("8.0.41", "mysql8.0"),
            ("8.0.42", "mysql8.0"),
            ("8.0.43", "mysql8.0"),
            ("8.4.4", "mysql8.4"),
            ("8.4.5", "mysql8.4"),
            ("8.4.6", "mysql8.4"),
        ],
    },
    Engine {
        name: "mariadb",
        description: "MariaDB Community Edition",
        default: "11.4.7",
        versions: &[
            ("10.6.22", "mariadb10.6"),
            ("10.11.13", "mariadb10.11"),
            ("11.4.5", "mariadb11.4"),
            ("11.4.7", "mariadb11.4"),
            ("11.8.3", "mariadb11.8"),
            ("12.3.2", "mariadb12.3"),
        ],
    },
    Engine {
        name: "postgres",
        description: "PostgreSQL",
        default: "17.4",
        versions: &[
            ("14.18", "postgres14"),
            ("15.13", "postgres15"),
            ("16.8", "postgres16"),
            ("16.9", "postgres16"),
            ("17.4", "postgres17"),
            ("17.5", "postgres17"),
            ("18.1", "postgres18"),
        ],
    },
];

fn engine(name: &str) -> Option<&'static Engine> {
    ENGINES.iter().find(|engine| engine.name == name)
}

/// Whether RDS has an engine.
pub fn exists(name: &str) -> bool {
    engine(name).is_some()
}

/// The port that an engine listens on.
pub fn port(name: &str) -> i64 {
    if name == "postgres" { 5432 } else { 3306 }
}

/// The whole version that is meant: `8.0` means the newest of 8.0, nothing the default.
pub fn version(name: &str, wanted: Option<&str>) -> Result<String, Fault> {
    let Some(engine) = engine(name) else { return invalid(format!("Invalid DB engine: {name}")) };
    let Some(wanted) = wanted else { return Ok(engine.default.to_owned()) };
    let fits = |version: &str| version == wanted || version.starts_with(&format!("{wanted}."));
    match engine.versions.iter().rev().find(|(version, _)| fits(version)) {
        Some((version, _)) => Ok((*version).to_owned()),
        // Others that AWS has, of a series that is known here.
        None if listed(name, wanted) && !family(name, wanted).is_empty() => Ok(wanted.to_owned()),
        None => refuse("InvalidParameterCombination", format!("Cannot find version {wanted} for {name}")),
    }
}

/// The family of a version: `mysql8.0`.
pub fn family(name: &str, version: &str) -> &'static str {
    let versions = engine(name).map(|engine| engine.versions).unwrap_or_default();
    // `mysql8.0` is the family of 8.0.42 and of all of 8.0.
    let fits = |family: &str| version.starts_with(&format!("{}.", family.trim_start_matches(name)));
    versions.iter().find(|(_, family)| fits(family)).map_or("", |(_, family)| family)
}

/// Whether the library's list has a version.
fn listed(name: &str, version: &str) -> bool {
    crate::schema::list("db_engine_versions").is_some_and(|list| list.has(name, version))
}

/// Checks the logs that are to be sent to CloudWatch.
pub fn check_logs(name: &str, version: &str, logs: &[String]) -> Result<(), Fault> {
    let known: &[&str] = match name {
        "postgres" => &["iam-db-auth-error", "postgresql", "upgrade"],
        _ => &["audit", "error", "general", "iam-db-auth-error", "slowquery"],
    };
    match logs.iter().find(|log| !known.contains(&log.as_str())) {
        Some(log) => refuse(
            "InvalidParameterCombination",
            format!("You cannot use the log types '{log}' with engine version {name} {version}."),
        ),
        None => Ok(()),
    }
}

/// All families, each with a parameter group of AWS's own.
pub fn families() -> Vec<&'static str> {
    let mut families: Vec<&str> =
        ENGINES.iter().flat_map(|engine| engine.versions.iter().map(|(_, family)| *family)).collect();
    families.dedup();
    families
}

/// Compares versions part by part, as numbers.
pub fn is_older(one: &str, other: &str) -> bool {
    let parts = |text: &str| text.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
    parts(one) < parts(other)
}

/// Whether an instance class exists, as the library's list says: `db.t3.micro`.
pub fn is_class(text: &str) -> bool {
    crate::schema::list("db_instance_classes").is_some_and(|list| list.has("", text))
}

pub fn describe(call: &Call) -> Result<Vec<Element>, Fault> {
    let (name, wanted) = (call.text("Engine"), call.text("EngineVersion"));
    let wanted_family = call.text("DBParameterGroupFamily");
    if let Some(name) = name.as_ref().filter(|name| !exists(name)) {
        return invalid(format!("Unrecognized engine name: {name}"));
    }
    let mut found = Vec::new();
    for engine in ENGINES.iter().filter(|engine| name.as_ref().is_none_or(|name| engine.name == name)) {
        for (version, family) in engine.versions {
            let fits = |wanted: &String| version == wanted || version.starts_with(&format!("{wanted}."));
            let default = call.flag("DefaultOnly") != Some(true) || *version == engine.default;
            if default
                && wanted.as_ref().is_none_or(fits)
                && wanted_family.as_ref().is_none_or(|wanted| family == wanted)
            {
                found.push((engine, *version, *family));
            }
        }
    }
    let (found, marker) = records(call, found)?;
    let items = found.into_iter().map(|(engine, version, family)| {
        let major = family.trim_start_matches(engine.name);
        let newer = engine.versions.iter().filter(|(other, _)| is_older(version, other));
        let targets = newer.map(|(other, other_family)| {
            vec![
                Element::text("Engine", engine.name),
                Element::text("EngineVersion", other),
                Element::text("Description", format!("{} {other}", engine.description)),
                Element::text("AutoUpgrade", false),
                Element::text("IsMajorVersionUpgrade", *other_family != family),
            ]
        });
        vec![
            Element::text("Engine", engine.name),
            Element::text("MajorEngineVersion", major),
            Element::text("EngineVersion", version),
            Element::text("DBParameterGroupFamily", family),
            Element::text("DBEngineDescription", engine.description),
            Element::text("DBEngineVersionDescription", format!("{} {version}", engine.description)),
            Element::list("ValidUpgradeTarget", "UpgradeTarget", targets.collect::<Vec<_>>()),
            Element::text("SupportsReadReplica", true),
            Element::text("Status", "available"),
        ]
    });
    let list = Element::list("DBEngineVersions", "DBEngineVersion", items.collect::<Vec<_>>());
    Ok([list].into_iter().chain(marker).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn versions_mean_the_newest_that_fits() {
        assert_eq!(version("mysql", Some("8.0")).unwrap(), "8.0.43");
        assert_eq!(version("mysql", Some("8.0.41")).unwrap(), "8.0.41");
        assert_eq!(version("mysql", None).unwrap(), "8.0.42");
        assert_eq!(version("mysql", Some("9")).unwrap_err().code, "InvalidParameterCombination");
        assert_eq!(version("mysql", Some("8.4.7")).unwrap(), "8.4.7");
        assert_eq!((family("mysql", "8.4.7"), family("postgres", "16.11")), ("mysql8.4", "postgres16"));
        assert_eq!(version("mysql", Some("8.4.99")).unwrap_err().code, "InvalidParameterCombination");
        assert_eq!(version("oracle", None).unwrap_err().code, "InvalidParameterValue");
        assert!(is_older("8.0.9", "8.0.41") && !is_older("8.4.4", "8.0.43"));
    }

    #[test]
    fn classes_exist_or_not() {
        assert!(is_class("db.t3.micro") && is_class("db.r6g.4xlarge"));
        assert!(!is_class("t3.micro") && !is_class("db.t3.huge") && !is_class("db.m5.micro"));
    }
}
