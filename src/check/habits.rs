//! What engineers write who come from Terraform, CloudFormation or the `eb` tool, and what it is here.

/// Owner (or `*`), their word, our word or nothing, and what to do where there is no single word for it.
const HABITS: &[(&str, &str, &str, &str)] = &[
    ("*", "count", "", "repeat the resource: `for n in range(3) { … }` around it"),
    ("*", "depends_on", "", "references make the order: name the other resource in an attribute"),
    ("*", "for_each", "", "repeat the resource: `for name in names { … }` around it"),
    ("*", "labels", "tags", ""),
    ("*", "lifecycle", "", "write `protect = true` to forbid its replacement"),
    ("*", "prevent_destroy", "protect", ""),
    ("*", "security_group_ids", "security_groups", ""),
    ("*", "subnet_ids", "subnets", ""),
    ("*", "timeouts", "timeout", ""),
    ("*", "vpc_id", "vpc", ""),
    ("*", "vpc_security_group_ids", "security_groups", ""),
    ("broker", "broker_name", "name", ""),
    ("broker", "deployment_mode", "deployment", ""),
    ("broker", "engine_type", "engine", ""),
    ("broker", "engine_version", "version", ""),
    ("broker", "host_instance_type", "instance_type", ""),
    ("broker", "user", "", "write `username = …` and `password = …`"),
    ("bucket", "bucket", "name", ""),
    ("bucket", "force_destroy", "empty_on_destroy", ""),
    ("cache_cluster", "cache_node_type", "node_type", ""),
    ("cache_cluster", "cluster_id", "id", ""),
    ("cache_cluster", "engine_version", "version", ""),
    ("cache_cluster", "num_cache_nodes", "nodes", ""),
    ("cache_cluster", "subnet_group_name", "subnet_group", ""),
    ("certificate", "domain_name", "domain", ""),
    ("certificate", "subject_alternative_names", "alternative_names", ""),
    ("certificate", "validation_method", "", "write `validation = dns(provider: …)`"),
    ("db_instance", "allocated_storage", "storage", ""),
    ("db_instance", "backup_retention_period", "backup_retention", ""),
    ("db_instance", "db_name", "database", ""),
    ("db_instance", "db_subnet_group_name", "subnet_group", ""),
    ("db_instance", "engine_version", "version", ""),
    ("db_instance", "instance_class", "class", ""),
    ("db_instance", "master_password", "password", ""),
    ("db_instance", "master_username", "username", ""),
    ("db_instance", "skip_final_snapshot", "", "write `final_snapshot = false`, or `true` to keep one"),
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
        "each option is an attribute here, such as `instance_type` or `instances`",
    ),
    (
        "environment",
        "setting",
        "",
        "each option is an attribute here, such as `instance_type` or `instances`",
    ),
    ("environment", "solution_stack_name", "platform", ""),
    ("hosted_zone", "name", "domain", ""),
    ("process", "healthcheck_path", "health_path", ""),
    ("process", "stickiness", "sticky_for", ""),
    ("record", "records", "value", ""),
    ("record", "zone_id", "", "write `provider = route53(zone: …)`"),
    ("security_group", "egress", "", "everything may leave; there is nothing to write"),
    ("security_group", "ingress", "", "write `allow tcp 443 from …`"),
    ("security_group", "rule", "", "write `allow tcp 443 from …`"),
];

/// Our word for theirs, or what to do instead.
pub(super) fn habit(owner: &str, word: &str) -> Option<(&'static str, &'static str)> {
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
    }
}
