//! Option settings: how the attributes of an `environment` are written to Beanstalk, and read back from it.
//!
//! Names, values and defaults: AWS Elastic Beanstalk developer guide, "General options for all environments". All
//! values are texts. Only the options that an attribute stands for are ever compared; Beanstalk adds hundreds.

use std::collections::BTreeMap;

use super::balancer;
use super::logs;
use super::policy;
use super::raw;
use crate::cloud::Want;
use crate::eval::{Attrs, Value};

pub(super) const ASG: &str = "aws:autoscaling:asg";
pub(super) const LAUNCH: &str = "aws:autoscaling:launchconfiguration";
pub(super) const INSTANCES: &str = "aws:ec2:instances";
pub(super) const BALANCER: &str = "aws:elbv2:loadbalancer";
pub(super) const VPC: &str = "aws:ec2:vpc";
pub(super) const ENVIRONMENT: &str = "aws:elasticbeanstalk:environment";
pub(super) const VARIABLES: &str = "aws:elasticbeanstalk:application:environment";
pub(super) const COMMAND: &str = "aws:elasticbeanstalk:command";
pub(super) const HEALTH: &str = "aws:elasticbeanstalk:healthreporting:system";
pub(super) const LOGS: &str = "aws:elasticbeanstalk:cloudwatch:logs";

const DAY: i64 = 86_400_000;

/// The namespace and name of an option.
pub(super) type Name = (String, String);

/// Option settings by namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options(BTreeMap<String, BTreeMap<String, String>>);

impl Options {
    /// Sets an option.
    pub(super) fn set(&mut self, namespace: &str, name: &str, value: impl Into<String>) {
        self.0.entry(namespace.to_owned()).or_default().insert(name.to_owned(), value.into());
    }

    /// Sets an option when there is a value that says something.
    pub(super) fn set_some(&mut self, namespace: &str, name: &str, value: Option<String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.set(namespace, name, value);
        }
    }

    /// An option's value; empty values count as none.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&str> {
        self.0.get(namespace)?.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether an option is set, be it to nothing.
    pub(super) fn has(&self, namespace: &str, name: &str) -> bool {
        self.0.get(namespace).is_some_and(|options| options.contains_key(name))
    }

    /// Keeps only some namespaces.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|namespace, _| keep(namespace));
    }

    /// Forgets an option.
    pub(super) fn forget(&mut self, namespace: &str, name: &str) {
        if let Some(options) = self.0.get_mut(namespace) {
            options.remove(name);
        }
    }

    /// An option's value as a number.
    pub(super) fn number(&self, namespace: &str, name: &str) -> Option<i64> {
        self.get(namespace, name)?.trim().parse().ok()
    }

    /// An option's value as a flag.
    pub(super) fn flag(&self, namespace: &str, name: &str) -> bool {
        self.get(namespace, name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The options of a namespace.
    pub(super) fn namespace(&self, namespace: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.get(namespace).into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The rest of the names of the namespaces with a prefix.
    pub(super) fn namespaces<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.keys().filter_map(move |namespace| namespace.strip_prefix(prefix))
    }

    /// Every option: namespace, name, value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().flat_map(|(namespace, options)| {
            options.iter().map(move |(name, value)| (namespace.as_str(), name.as_str(), value.as_str()))
        })
    }
}

/// The option settings that an environment's attributes ask for. Secrets are revealed in it.
pub(super) fn wanted(want: &Want) -> Options {
    let attrs = desired(want);
    let get = |name: &str| attrs.get(name).unwrap_or(&Value::None);
    let text = |name: &str| get(name).as_str().map(str::to_owned);
    let list = |name: &str| joined(get(name));
    let mut options = Options::default();
    options.set_some(INSTANCES, "InstanceTypes", text("instance_type"));
    if let Value::Range(least, most) = get("instances") {
        options.set_some(ASG, "MinSize", least.as_int().map(|n| n.to_string()));
        options.set_some(ASG, "MaxSize", most.as_int().map(|n| n.to_string()));
    }
    options.set_some(LAUNCH, "EC2KeyName", text("key_pair"));
    options.set_some(LAUNCH, "IamInstanceProfile", text("instance_profile"));
    options.set_some(LAUNCH, "ImageId", text("image"));
    options.set_some(LAUNCH, "SecurityGroups", list("security_groups"));
    options.set_some(ENVIRONMENT, "ServiceRole", text("service_role"));
    options.set_some(VPC, "VPCId", text("vpc"));
    options.set_some(VPC, "Subnets", list("subnets"));
    options.set_some(VPC, "ELBSubnets", list("load_balancer_subnets"));
    // Once it was set, taking it away does not make a load balancer public again: it is always said. It means nothing without
    // a VPC. A load balancer that is shared keeps its own.
    options.set_some(VPC, "ELBScheme", text("vpc").and(text("scheme")));
    options.set_some(BALANCER, "IdleTimeout", get("idle_timeout").as_int().map(|ms| seconds(ms).to_string()));
    logs::write(&attrs, &mut options);
    if list("subnets").is_some() {
        // Instances that share the load balancer's subnets stand in public ones, and need an address of their own to
        // reach Beanstalk; in private subnets they go through NAT.
        let public = if shared(want) {
            let own = in_subnets_of_shared(want);
            get("subnets").items().iter().any(|subnet| own.contains(subnet))
        } else {
            list("subnets") == list("load_balancer_subnets")
        };
        options.set(VPC, "AssociatePublicIpAddress", public.to_string());
    }
    policy::write(get("deployment"), &mut options);
    options.set_some(COMMAND, "Timeout", get("command_timeout").as_int().map(|ms| seconds(ms).to_string()));
    options.set_some(HEALTH, "SystemType", text("health_reporting"));
    if let Some(stream) = get("stream_logs").as_bool() {
        options.set(LOGS, "StreamLogs", stream.to_string());
        if stream {
            options.set_some(
                LOGS,
                "RetentionInDays",
                get("log_retention").as_int().map(|ms| (ms / DAY).to_string()),
            );
        }
    }
    for (name, value) in get("variables").fields().into_iter().flatten() {
        options.set(VARIABLES, name, variable(value));
    }
    balancer::write(&attrs, &mut options);
    raw::write(want, &mut options);
    options
}

/// The options that can be given only when an environment is created.
pub(super) fn at_creation(want: &Want) -> Options {
    let mut options = Options::default();
    options.set(ENVIRONMENT, "EnvironmentType", "LoadBalanced");
    options.set(ENVIRONMENT, "LoadBalancerType", "application");
    if let Some(arn) = want.ids("load_balancer", "arn").as_str() {
        options.set(ENVIRONMENT, "LoadBalancerIsShared", "true");
        options.set(BALANCER, "SharedLoadBalancer", arn);
    }
    options
}

/// Whether the environment stands behind a load balancer of somebody else.
pub(super) fn shared(want: &Want) -> bool {
    *want.get("load_balancer") != Value::None
}

/// The subnets of a shared load balancer.
fn in_subnets_of_shared(want: &Want) -> &[Value] {
    let Value::Handle(balancer) = want.get("load_balancer") else { return &[] };
    want.refs.get(balancer).and_then(|outputs| outputs.get("subnets")).map_or(&[], Value::items)
}

/// The attributes of an environment in the form in which they can be read back: handles as ids, durations in whole
/// seconds, what AWS fills in filled in.
pub(super) fn desired(want: &Want) -> Attrs {
    let mut attrs = want.desired(&[
        ("application", "name"),
        ("vpc", "id"),
        ("security_groups", "id"),
        ("instance_profile", "arn"),
        ("service_role", "arn"),
    ]);
    // These can be taken away again.
    attrs.insert("key_pair".to_owned(), want.ids("key_pair", "name"));
    attrs.insert("image".to_owned(), want.get("image").clone());
    attrs.insert("load_balancer".to_owned(), want.ids("load_balancer", "arn"));
    // In a VPC, Beanstalk must be told the subnets, for the load balancer as well.
    let mut subnets = want.get("subnets").clone();
    if subnets.items().is_empty()
        && let Value::Handle(vpc) = want.get("vpc")
        && let Some(all) = want.refs.get(vpc).and_then(|outputs| outputs.get("subnets"))
    {
        subnets = all.clone();
    }
    if want.get("load_balancer_subnets").items().is_empty() {
        attrs.insert("load_balancer_subnets".to_owned(), subnets.clone());
    }
    attrs.insert("subnets".to_owned(), subnets);
    attrs.insert("deployment".to_owned(), policy::whole(want.get("deployment")));
    if let Some(ms) = want.get("command_timeout").as_int() {
        attrs.insert("command_timeout".to_owned(), Value::Duration(seconds(ms) * 1000));
    }
    if let Some(ms) = want.get("idle_timeout").as_int() {
        attrs.insert("idle_timeout".to_owned(), Value::Duration(seconds(ms) * 1000));
    }
    if let Some(logs) = logs::desired(want) {
        attrs.insert("access_logs".to_owned(), logs);
    }
    if want.get("stream_logs").as_bool() != Some(true) {
        attrs.shift_remove("log_retention");
    }
    if want.attrs.contains_key("options") {
        attrs.insert("options".to_owned(), raw::desired(want));
    }
    balancer::desired(want, &mut attrs);
    if *want.get("vpc") == Value::None {
        // It goes with the VPC: where the file leaves that as it is, it leaves this.
        attrs.shift_remove("scheme");
    }
    if shared(want) {
        for of_its_owner in ["scheme", "idle_timeout", "access_logs", "load_balancer_subnets"] {
            attrs.shift_remove(of_its_owner);
        }
    }
    attrs
}

/// The attributes that can be read from an environment's options. `own` are the ids and names of the security
/// groups that Beanstalk made for the environment.
pub(super) fn read(options: &Options, want: &Want, own: &[String]) -> Attrs {
    let wanted = desired(want);
    let asked = |name: &str| wanted.get(name).is_some_and(|value| !value.items().is_empty());
    let mut attrs = Attrs::new();
    let mut put = |name: &str, value: Value| {
        attrs.insert(name.to_owned(), value);
    };
    let text = |namespace: &str, name: &str| Value::from(options.get(namespace, name).map(str::to_owned));
    put("instance_type", text(INSTANCES, "InstanceTypes"));
    if let (Some(least), Some(most)) = (options.number(ASG, "MinSize"), options.number(ASG, "MaxSize")) {
        put("instances", Value::Range(Box::new(Value::Int(least)), Box::new(Value::Int(most))));
    }
    put("key_pair", text(LAUNCH, "EC2KeyName"));
    let of_iam = |attribute: &str| wanted.get(attribute).and_then(Value::as_str);
    put("instance_profile", named(options.get(LAUNCH, "IamInstanceProfile"), of_iam("instance_profile")));
    put("service_role", named(options.get(ENVIRONMENT, "ServiceRole"), of_iam("service_role")));
    put("image", text(LAUNCH, "ImageId"));
    if asked("vpc") {
        put("vpc", text(VPC, "VPCId"));
    }
    if asked("subnets") {
        put("subnets", split(options.get(VPC, "Subnets"), &[]));
        put("load_balancer_subnets", split(options.get(VPC, "ELBSubnets"), &[]));
    }
    put("load_balancer", text(BALANCER, "SharedLoadBalancer"));
    // Whatever else it says is ignored by Beanstalk.
    let internal = options.get(VPC, "ELBScheme") == Some("internal");
    put("scheme", Value::from(if internal { "internal" } else { "public" }));
    put("idle_timeout", Value::Duration(options.number(BALANCER, "IdleTimeout").unwrap_or(60) * 1000));
    put("access_logs", logs::read(options));
    put("security_groups", split(options.get(LAUNCH, "SecurityGroups"), own));
    if let Some(policy) = policy::read(options) {
        put("deployment", policy);
    }
    put("command_timeout", Value::Duration(options.number(COMMAND, "Timeout").unwrap_or(600) * 1000));
    put("health_reporting", Value::from(options.get(HEALTH, "SystemType").unwrap_or("basic")));
    put("stream_logs", Value::Bool(options.flag(LOGS, "StreamLogs")));
    put("log_retention", Value::Duration(options.number(LOGS, "RetentionInDays").unwrap_or(7) * DAY));
    put("variables", Value::Map(variables(options, want)));
    put("options", raw::read(options, want));
    balancer::read(options, &mut attrs);
    attrs
}

/// The variables that are set, so told that no secret can be seen: a secret that is as wanted is that secret, one
/// that differs is missing, and a text that is not the wanted one is not said, for it may be an old secret.
fn variables(options: &Options, want: &Want) -> Attrs {
    let wanted = want.get("variables").fields();
    let mut seen = Attrs::new();
    for (name, text) in options.namespace(VARIABLES) {
        let value = match wanted.and_then(|wanted| wanted.get(name)) {
            // A secret read back from the journal is empty: nothing can be said then.
            Some(Value::Secret(secret)) if secret.reveal().is_empty() || secret.reveal() == text => {
                Value::Secret(secret.clone())
            }
            Some(Value::Secret(_)) => continue,
            Some(value) if variable(value) == text => value.clone(),
            Some(_) => Value::Variant("(another value)".to_owned(), Attrs::new()),
            // Platforms define some variables of their own, empty.
            None if text.is_empty() => continue,
            None => Value::Variant("(set)".to_owned(), Attrs::new()),
        };
        seen.insert(name.to_owned(), value);
    }
    seen
}

/// A variable's text. Revealed here, it goes into the call only.
fn variable(value: &Value) -> String {
    match value {
        Value::Secret(secret) => secret.reveal().to_owned(),
        value => value.as_str().map_or_else(|| crate::eval::show(value), str::to_owned),
    }
}

/// The names of the options that an environment has for its processes, listeners, rules and logs, as [`leftover`] takes them.
pub(super) fn of_balancer(options: &Options) -> Vec<Name> {
    let ours = |namespace, name| balancer::ours(namespace) || logs::ours(namespace, name);
    let all = options.iter().filter(|(namespace, name, value)| ours(namespace, name) && !value.is_empty());
    all.map(|(namespace, name, _)| (namespace.to_owned(), name.to_owned())).collect()
}

/// The options to take away, so that an environment has only what is wanted: variables, processes and listeners
/// that are no longer there, and single values that are no longer given. `present` is what [`of_balancer`] said, `seen`
/// what [`read`] did.
pub(super) fn leftover(present: &[Name], seen: &Attrs, options: &Options) -> Vec<Name> {
    let has = |name: &str| seen.get(name).is_some_and(|value| !value.items().is_empty());
    let single = [("key_pair", "EC2KeyName"), ("image", "ImageId"), ("security_groups", "SecurityGroups")];
    let mut names: Vec<Name> = single
        .into_iter()
        .filter(|(attribute, name)| has(attribute) && options.get(LAUNCH, name).is_none())
        .map(|(_, name)| (LAUNCH.to_owned(), name.to_owned()))
        .collect();
    let variables = seen.get("variables").and_then(Value::fields).into_iter().flatten();
    names.extend(
        variables
            .filter(|(name, _)| !options.has(VARIABLES, name))
            .map(|(name, _)| (VARIABLES.to_owned(), name.clone())),
    );
    names.extend(
        present
            .iter()
            .filter(|(namespace, name)| {
                balancer::leftover(namespace, name, options) || logs::leftover(namespace, name, options)
            })
            .cloned(),
    );
    names
}

/// Whole seconds, rounded up, of milliseconds.
pub(super) fn seconds(ms: i64) -> i64 {
    ms.div_euclid(1000) + i64::from(ms.rem_euclid(1000) > 0)
}

/// The texts of a list, with commas; in the order of the alphabet, so that the order in the file does not matter.
fn joined(value: &Value) -> Option<String> {
    let mut texts: Vec<&str> = value.items().iter().filter_map(Value::as_str).collect();
    texts.sort_unstable();
    (!texts.is_empty()).then(|| texts.join(","))
}

/// The elements of a comma list, without those that are not the user's.
fn split(text: Option<&str>, without: &[String]) -> Value {
    let ours =
        |part: &&str| !part.is_empty() && !part.starts_with("awseb-") && !without.iter().any(|w| w == part);
    Value::List(text.unwrap_or_default().split(',').map(str::trim).filter(ours).map(Value::from).collect())
}

/// A name, which AWS may give as an ARN that ends in it.
fn named(seen: Option<&str>, wanted: Option<&str>) -> Value {
    match (seen, wanted) {
        (Some(seen), Some(wanted)) if seen.rsplit('/').next() == wanted.rsplit('/').next() => {
            Value::from(wanted)
        }
        (seen, _) => Value::from(seen.map(str::to_owned)),
    }
}
