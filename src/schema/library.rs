//! The standard library: the texts of `stdlib/`, embedded.

/// A file of the standard library.
#[derive(Clone, Copy, Debug)]
pub struct LibraryFile {
    /// Its path below `stdlib/`, such as `db_instance.vpipe`.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! library {
    ($($path:literal)*) => {
        &[$(LibraryFile { path: $path, text: include_str!(concat!("../../stdlib/", $path)) }),*]
    };
}

/// Every file, in alphabetical order. A kind's file is named after the kind; modules for `use std.NAME` are in
/// `modules/`, dated lists of what AWS has in `lists/`,
/// tables of settings in `tables/`.
pub const LIBRARY: &[LibraryFile] = library! {
    "alarm.vpipe"
    "any.vpipe"
    "application.vpipe"
    "broker.vpipe"
    "broker_configuration.vpipe"
    "bucket.vpipe"
    "cache_cluster.vpipe"
    "cache_parameter_group.vpipe"
    "cache_subnet_group.vpipe"
    "certificate.vpipe"
    "db_instance.vpipe"
    "db_parameter_group.vpipe"
    "db_subnet_group.vpipe"
    "distribution.vpipe"
    "environment.vpipe"
    "hosted_zone.vpipe"
    "instance_profile.vpipe"
    "key_pair.vpipe"
    "lists/beanstalk_platforms.vpipe"
    "lists/broker_engine_versions.vpipe"
    "lists/broker_instance_types.vpipe"
    "lists/cache_engine_versions.vpipe"
    "lists/cache_node_types.vpipe"
    "lists/db_engine_versions.vpipe"
    "lists/db_instance_classes.vpipe"
    "lists/ec2_instance_types.vpipe"
    "lists/regions.vpipe"
    "lists/ssl_policies.vpipe"
    "load_balancer.vpipe"
    "modules/beanstalk_roles.vpipe"
    "modules/static_site.vpipe"
    "record.vpipe"
    "role.vpipe"
    "replication_group.vpipe"
    "security_group.vpipe"
    "tables/beanstalk_options.vpipe"
    "topic.vpipe"
    "types.vpipe"
    "vpc.vpipe"
};

/// The file at a path below `stdlib/`.
pub fn library_file(path: &str) -> Option<LibraryFile> {
    LIBRARY.iter().find(|file| file.path == path).copied()
}

/// The names of all kinds. `any` and `types` are not kinds of resources.
pub fn kind_names() -> impl Iterator<Item = &'static str> {
    LIBRARY
        .iter()
        .filter_map(|file| file.path.strip_suffix(".vpipe"))
        .filter(|name| !name.contains('/') && !matches!(*name, "any" | "types"))
}

/// Whether the library has a kind of this name, loaded or not.
pub fn is_kind(name: &str) -> bool {
    kind_names().any(|kind| kind == name)
}

/// The names that `use std.NAME` knows.
pub fn module_names() -> impl Iterator<Item = &'static str> {
    LIBRARY.iter().filter_map(|file| file.path.strip_prefix("modules/")?.strip_suffix(".vpipe"))
}
