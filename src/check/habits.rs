//! What engineers write who come from Terraform, CloudFormation or the `eb` tool, and what it is here.

use crate::base::snake_case;
use crate::schema::Kind;

/// Owner (or `*`), their word, our word or nothing, and what to do where there is no single word for it.
const HABITS: &[(&str, &str, &str, &str)] = &[
    ("*", "count", "", "repeat the resource: `for n in range(3) { … }` around it"),
    ("*", "depends_on", "", "references make the order: name the other resource in an attribute"),
    ("*", "for_each", "", "repeat the resource: `for name in names { … }` around it"),
    ("*", "labels", "tags", ""),
    ("*", "lifecycle", "", "write `protect = true` to forbid its replacement"),
    ("*", "prevent_destroy", "protect", ""),
    ("*", "region", "", "everything is made in the region of the pipeline: leave it out"),
    ("*", "security_group_ids", "security_groups", ""),
    ("*", "subnet_ids", "subnets", ""),
    ("*", "timeouts", "timeout", ""),
    ("*", "type", "", "the kind before the name says it: leave it out"),
    ("*", "vpc_id", "vpc", ""),
    ("*", "vpc_security_group_ids", "security_groups", ""),
    ("broker", "broker_name", "name", ""),
    ("broker", "configuration_id", "configuration", ""),
    ("broker", "deployment_mode", "deployment", ""),
    ("broker", "engine_type", "engine", ""),
    ("broker", "engine_version", "version", ""),
    ("broker", "host_instance_type", "instance_type", ""),
    ("broker", "multi_az", "", "write `deployment = \"cluster-multi-az\"`"),
    ("broker", "user", "", "write `username = …` and `password = …`"),
    ("bucket", "bucket", "name", ""),
    ("bucket", "force_destroy", "empty_on_destroy", ""),
    ("cache_cluster", "cache_node_type", "node_type", ""),
    ("cache_cluster", "cluster_id", "id", ""),
    ("cache_cluster", "engine_version", "version", ""),
    ("cache_cluster", "num_cache_nodes", "nodes", ""),
    ("cache_cluster", "parameter_group_name", "parameter_group", ""),
    ("cache_cluster", "snapshot_retention_limit", "snapshot_retention", ""),
    ("cache_cluster", "subnet_group_name", "subnet_group", ""),
    ("cache_parameter_group", "parameter", "", "write `parameters = { … }`"),
    ("certificate", "domain_name", "domain", ""),
    ("certificate", "subject_alternative_names", "alternative_names", ""),
    ("certificate", "validation_method", "", "write `validation = dns(provider: …)`"),
    ("db_instance", "allocated_storage", "storage", ""),
    ("db_instance", "backup_retention_period", "backup_retention", ""),
    ("db_instance", "copy_tags_to_snapshot", "copy_tags_to_snapshots", ""),
    ("db_instance", "db_name", "database", ""),
    ("db_instance", "db_parameter_group_name", "parameter_group", ""),
    ("db_instance", "db_subnet_group_name", "subnet_group", ""),
    ("db_instance", "enabled_cloudwatch_logs_exports", "log_exports", ""),
    ("db_instance", "engine_version", "version", ""),
    ("db_instance", "instance_class", "class", ""),
    ("db_instance", "kms_key_id", "kms_key", ""),
    ("db_instance", "master_password", "password", ""),
    ("db_instance", "master_username", "username", ""),
    ("db_instance", "max_allocated_storage", "max_storage", ""),
    ("db_instance", "parameter_group_name", "parameter_group", ""),
    ("db_instance", "performance_insights_enabled", "performance_insights", ""),
    ("db_instance", "skip_final_snapshot", "", "write `final_snapshot = false`, or `true` to keep one"),
    ("db_instance", "snapshot_identifier", "from_snapshot", ""),
    ("db_instance", "storage_encrypted", "encrypted", ""),
    ("db_instance", "storage_throughput", "throughput", ""),
    ("db_parameter_group", "parameter", "", "write `parameters = { … }`"),
    ("distribution", "default_certificate", "certificate", ""),
    ("distribution", "origins", "origin", ""),
    ("distribution", "viewer_certificate", "certificate", ""),
    ("environment", "env", "variables", ""),
    ("environment", "environment_variables", "variables", ""),
    ("environment", "max_size", "", "write the least and the most instances: `instances = 2..4`"),
    ("environment", "min_size", "", "write the least and the most instances: `instances = 2..4`"),
    (
        "environment",
        "option_settings",
        "",
        "many are attributes here, such as `instances`; the rest: `options = { \"NAMESPACE\" = { NAME = VALUE } }`",
    ),
    (
        "environment",
        "setting",
        "",
        "many are attributes here, such as `instances`; the rest: `options = { \"NAMESPACE\" = { NAME = VALUE } }`",
    ),
    ("environment", "solution_stack_name", "platform", ""),
    ("hosted_zone", "name", "domain", ""),
    ("process", "healthcheck_path", "health_path", ""),
    ("process", "stickiness", "", "write how long a browser stays with one instance: `sticky_for = 1d`"),
    ("record", "records", "value", ""),
    ("record", "zone_id", "", "write `provider = route53(zone: …)`"),
    ("replication_group", "at_rest_encryption_enabled", "encryption_at_rest", ""),
    ("replication_group", "automatic_failover_enabled", "automatic_failover", ""),
    ("replication_group", "engine_version", "version", ""),
    ("replication_group", "multi_az_enabled", "multi_az", ""),
    (
        "replication_group",
        "num_cache_clusters",
        "",
        "write how many nodes there are beside the primary: `replicas = 1`",
    ),
    ("replication_group", "num_node_groups", "shards", ""),
    ("replication_group", "parameter_group_name", "parameter_group", ""),
    ("replication_group", "replicas_per_node_group", "replicas", ""),
    ("replication_group", "replication_group_id", "id", ""),
    ("replication_group", "snapshot_name", "from_snapshot", ""),
    ("replication_group", "snapshot_retention_limit", "snapshot_retention", ""),
    ("replication_group", "subnet_group_name", "subnet_group", ""),
    ("replication_group", "transit_encryption_enabled", "encryption_in_transit", ""),
    (
        "replication_group",
        "transit_encryption_mode",
        "",
        "write `encryption_in_transit = \"preferred\"`, or `true`",
    ),
    ("security_group", "deny", "", "what no `allow` names is refused already: leave it out"),
    ("security_group", "egress", "", "everything may leave; there is nothing to write"),
    ("security_group", "ingress", "", "write `allow tcp 443 from …`"),
    ("security_group", "rule", "", "write `allow tcp 443 from …`"),
];

/// Our word for theirs, or what to do instead.
pub(super) fn habit(owner: &str, word: &str) -> Option<(&'static str, &'static str)> {
    let word = snake_case(word);
    let found = HABITS.iter().filter(|(_, theirs, ..)| *theirs == word);
    let (.., ours, help) =
        found.filter(|(whose, ..)| *whose == owner || *whose == "*").max_by_key(|(whose, ..)| *whose)?;
    Some((ours, help))
}

/// Our word for a value that other languages write so.
pub(super) fn our_word(name: &str) -> Option<&'static str> {
    match name {
        "null" | "nil" | "undefined" | "None" | "Null" | "NULL" => Some("none"),
        "True" | "TRUE" | "yes" | "on" => Some("true"),
        "False" | "FALSE" | "no" | "off" => Some("false"),
        _ => None,
    }
}

/// Kind (or `*`), their word for an output, our words for it in order of preference.
const OUTPUTS: &[(&str, &str, &[&str])] = &[
    ("*", "address", &["endpoint", "cname"]),
    ("*", "bucket", &["name"]),
    ("*", "configuration_endpoint", &["endpoint"]),
    ("*", "dns_name", &["cname", "domain_name", "endpoint"]),
    ("*", "endpoint_url", &["url"]),
    ("*", "host", &["endpoint", "cname", "domain_name"]),
    ("*", "hosted_zone_id", &["zone_id"]),
    ("*", "hostname", &["endpoint", "cname", "domain_name"]),
    ("bucket", "id", &["name"]),
    ("environment", "domain_name", &["cname"]),
];

/// Our word for an output that is called otherwise elsewhere; the caller sees to it that the kind has it.
pub(super) fn our_output(kind: &Kind, word: &str) -> Option<&'static str> {
    let word = snake_case(word);
    let found =
        OUTPUTS.iter().filter(|(whose, theirs, _)| *theirs == word && (*whose == kind.name || *whose == "*"));
    let (.., ours) = found.max_by_key(|(whose, ..)| *whose)?;
    ours.iter().copied().find(|ours| kind.outputs.contains_key(*ours))
}

/// Their function, ours or nothing, and what to do where there is none.
const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("GetAtt", "", "read an output by its name: `mysql.endpoint`"),
    ("Join", "join", ""),
    ("Ref", "", "names stand alone: `mysql`"),
    ("Sub", "", "write `\"…${value}…\"`"),
    ("capitalize", "", "there are `upper` and `lower`"),
    ("coalesce", "", "write `first ?? second`"),
    ("concat", "", "join lists with `+`: `one + other`"),
    ("count", "len", ""),
    ("element", "", "write `list[0]`"),
    ("format", "", "put values into a text: `\"…${value}…\"`"),
    ("getenv", "", "declare `secret NAME = env(\"…\")`"),
    ("jsonencode", "json", ""),
    ("length", "len", ""),
    ("list", "", "write `[a, b]`"),
    ("lookup", "", "write `map[\"key\"]`"),
    ("map", "", "write `{ NAME = VALUE }`"),
    ("print", "", "what a run shows is declared with `output NAME = VALUE`"),
    ("size", "len", ""),
    ("str", "", "write `\"${value}\"`"),
    ("strip", "trim", ""),
    ("templatefile", "", "fill a template in the rollout: `render TEMPLATE to PATH with { NAME = VALUE }`"),
    ("to_json", "json", ""),
    ("tolist", "", "leave it out"),
    ("tolower", "lower", ""),
    ("toset", "", "leave it out, or write `distinct(list)`"),
    ("tostring", "", "write `\"${value}\"`"),
    ("toupper", "upper", ""),
    ("trimspace", "trim", ""),
    ("unique", "distinct", ""),
    ("uniq", "distinct", ""),
];

/// Our function for one of other languages, or what to do instead.
pub(super) fn our_function(name: &str) -> Option<(&'static str, &'static str)> {
    FUNCTIONS.iter().find(|(theirs, ..)| *theirs == name).map(|(_, ours, help)| (*ours, *help))
}

/// Their verb of a rollout, ours, and whether nothing else changes.
const VERBS: &[(&str, &str, bool)] = &[
    ("archive", "bundle", false),
    ("assert", "expect", false),
    ("command", "run", true),
    ("confirm", "approve", true),
    ("copy", "upload", false),
    ("cp", "upload", false),
    ("curl", "expect", false),
    ("exec", "run", true),
    ("execute", "run", true),
    ("http", "expect", false),
    ("probe", "expect", false),
    ("publish", "deploy", false),
    ("purge", "invalidate", false),
    ("script", "run", true),
    ("sh", "run", true),
    ("shell", "run", true),
    ("sleep", "wait", true),
    ("template", "render", false),
    ("zip", "bundle", false),
];

/// Our verb for one of other tools, and whether to change the word is enough.
pub(super) fn our_verb(name: &str) -> Option<(&'static str, bool)> {
    VERBS.iter().find(|(theirs, ..)| *theirs == name).map(|(_, ours, alone)| (*ours, *alone))
}

/// The port of a service.
pub(super) fn port_of(service: &str) -> Option<u16> {
    Some(match service {
        "amqp" | "amqps" | "rabbitmq" => 5671,
        "http" => 80,
        "https" | "tls" => 443,
        "mariadb" | "mysql" => 3306,
        "memcache" | "memcached" => 11211,
        "postgres" | "postgresql" => 5432,
        "redis" => 6379,
        "ssh" => 22,
        _ => return None,
    })
}

/// Whether a word means the whole internet.
pub(super) fn is_everyone(word: &str) -> bool {
    matches!(
        word,
        "all" | "any" | "anyone" | "anywhere" | "everyone" | "everywhere" | "internet" | "public" | "world"
    )
}

/// How to write what begins with this word in Terraform or CloudFormation.
pub(super) fn our_way(name: &str) -> Option<&'static str> {
    match name {
        "local" | "module" | "data" => Some("names stand alone: `domain`, not `var.domain`"),
        "each" => Some("give the element a name: `for name in names { … }`"),
        "Ref" | "GetAtt" | "Fn" => Some("names stand alone: `mysql`, and `mysql.endpoint` for an output"),
        "aws" | "region" => {
            Some("the pipeline's own are `pipeline.region`, `pipeline.name` and `pipeline.tags`")
        }
        "terraform" | "workspace" => Some("the name of the stage is `stage`"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::base::SourceMap;
    use crate::check::{actions as verbs, builtins::builtin};
    use crate::schema::{Schema, kind_names};

    #[test]
    fn our_words_exist_and_theirs_do_not() {
        assert!(HABITS.is_sorted_by_key(|(owner, word, ..)| (*owner, *word)));
        let schema = Schema::load(kind_names(), &mut SourceMap::default(), &mut Vec::new());
        for (owner, theirs, ours, help) in HABITS {
            assert!(ours.is_empty() != help.is_empty(), "{owner}.{theirs}");
            let Some(kind) = schema.kind(owner) else { continue };
            assert!(!kind.attributes.contains_key(*theirs), "{owner} has {theirs}");
            assert!(ours.is_empty() || kind.attributes.contains_key(*ours), "{owner} has no {ours}");
        }
        for (theirs, ours, help) in FUNCTIONS {
            assert!(builtin(theirs).is_none() && ours.is_empty() != help.is_empty(), "{theirs}");
            assert!(ours.is_empty() || builtin(ours).is_some(), "{ours}");
        }
        for (theirs, ours, _) in super::VERBS {
            let known = |name: &str| verbs::VERBS.iter().any(|verb| verb.name == name);
            assert!(!known(theirs) && known(ours), "{theirs}");
        }
    }
}
