//! Option settings of environments: taken from calls, checked, and read for what they mean.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::refuse;
use crate::local::Fault;
use crate::local::support::{elements, member};

use super::option_list::PROCESS;
pub(super) use super::option_list::{
    ASG, BALANCER, COMMAND, ENVIRONMENT, HEALTH, INSTANCES, LAUNCH, SPECS, SPLITTING, Severity, Spec,
    UPDATES, VARIABLES, VPC, Values, find, span,
};
pub(super) use super::option_list::{LISTENER, RULE};

/// The settings of an environment: what the user said, by namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings(pub IndexMap<String, IndexMap<String, String>>);

/// A listener as the settings describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListenerSettings {
    pub(super) port: u16,
    pub(super) protocol: String,
    pub(super) certificates: Vec<String>,
    pub(super) policy: Option<String>,
    pub(super) process: String,
    pub(super) rules: Vec<String>,
}

/// Splits a comma-separated list.
pub(super) fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

impl Settings {
    /// What the user said.
    pub fn given(&self, namespace: &str, name: &str) -> Option<&str> {
        self.0.get(namespace)?.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What holds: what the user said, else the default.
    pub fn value(&self, namespace: &str, name: &str) -> Option<&str> {
        self.given(namespace, name).or_else(|| find(namespace, name)?.default)
    }

    /// A number.
    pub(super) fn int(&self, namespace: &str, name: &str) -> Option<i64> {
        self.value(namespace, name)?.parse().ok()
    }

    /// A flag.
    pub(super) fn flag(&self, namespace: &str, name: &str) -> bool {
        self.value(namespace, name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A comma-separated list.
    pub(super) fn list(&self, namespace: &str, name: &str) -> Vec<String> {
        self.value(namespace, name).map(split).unwrap_or_default()
    }

    /// Whether instances stand behind a load balancer.
    pub(super) fn balanced(&self) -> bool {
        self.value(ENVIRONMENT, "EnvironmentType") != Some("SingleInstance")
    }

    /// The load balancer of somebody else that the environment shares.
    pub(super) fn shared(&self) -> Option<&str> {
        self.given(BALANCER, "SharedLoadBalancer").filter(|_| self.flag(ENVIRONMENT, "LoadBalancerIsShared"))
    }

    /// Whether health is reported by the instances themselves.
    pub fn enhanced(&self) -> bool {
        self.value(HEALTH, "SystemType") == Some("enhanced")
    }

    /// How many instances run.
    pub(super) fn size(&self) -> usize {
        if !self.balanced() {
            return 1;
        }
        usize::try_from(self.int(ASG, "MinSize").unwrap_or(1)).unwrap_or(1)
    }

    /// The type of the instances.
    pub(super) fn instance_type(&self) -> String {
        let first = self.list(INSTANCES, "InstanceTypes").into_iter().next();
        first.or_else(|| self.value(LAUNCH, "InstanceType").map(str::to_owned)).unwrap_or_default()
    }

    /// The names of the processes; `default` always is one.
    pub fn processes(&self) -> Vec<String> {
        let mut names = vec!["default".to_owned()];
        let named = self.0.keys().filter_map(|namespace| namespace.strip_prefix(PROCESS));
        names.extend(named.filter(|name| *name != "default").map(str::to_owned));
        names
    }

    /// An option of a process.
    pub fn process(&self, process: &str, name: &str) -> Option<&str> {
        self.value(&format!("{PROCESS}{process}"), name)
    }

    /// A number of a process.
    pub(super) fn process_int(&self, process: &str, name: &str) -> i64 {
        self.process(process, name).and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    /// The enabled listeners; there is one on port 80 unless it is switched off.
    pub(super) fn listeners(&self) -> Vec<ListenerSettings> {
        let mut namespaces = vec![format!("{LISTENER}default")];
        namespaces
            .extend(self.0.keys().filter(|n| n.starts_with(LISTENER) && !n.ends_with(":default")).cloned());
        let mut found: Vec<ListenerSettings> = Vec::new();
        for namespace in namespaces {
            let port = match namespace.strip_prefix(LISTENER) {
                Some("default") => Some(80),
                Some(port) => port.parse().ok(),
                None => None,
            };
            let Some(port) = port.filter(|_| self.flag(&namespace, "ListenerEnabled")) else { continue };
            let text = |name: &str| self.value(&namespace, name).unwrap_or_default().to_owned();
            found.retain(|other| other.port != port);
            found.push(ListenerSettings {
                port,
                protocol: text("Protocol"),
                certificates: self.list(&namespace, "SSLCertificateArns"),
                policy: self.given(&namespace, "SSLPolicy").map(str::to_owned),
                process: text("DefaultProcess"),
                rules: self.list(&namespace, "Rules"),
            });
        }
        found
    }

    /// An option of a listener rule.
    pub(super) fn rule(&self, rule: &str, name: &str) -> Option<&str> {
        self.value(&format!("{RULE}{rule}"), name)
    }

    /// Takes over what a call says: `OptionSettings`, then `OptionsToRemove`.
    ///
    /// # Errors
    /// `ConfigurationValidationException` when an option or a value is not known or not possible.
    pub(super) fn with(&self, params: &Value) -> Result<Self, Fault> {
        let mut settings = self.clone();
        let key = |value: &Value| {
            (member(value, "Namespace").unwrap_or_default(), member(value, "OptionName").unwrap_or_default())
        };
        for setting in elements(params, "OptionSettings") {
            let (namespace, name) = key(setting);
            let value = member(setting, "Value").unwrap_or_default();
            check_one(&namespace, &name, &value)?;
            settings.0.entry(namespace).or_default().insert(name, value);
        }
        for option in elements(params, "OptionsToRemove") {
            let (namespace, name) = key(option);
            if elements(params, "OptionSettings").iter().any(|s| key(s) == (namespace.clone(), name.clone()))
            {
                let message = format!(
                    "Invalid option specification (Namespace: '{namespace}', OptionName: '{name}'): the option is both set and removed"
                );
                return refuse("InvalidParameterCombination", message);
            }
            if let Some(options) = settings.0.get_mut(&namespace) {
                options.shift_remove(&name);
            }
        }
        settings.0.retain(|_, options| !options.is_empty());
        settings.check()?;
        Ok(settings)
    }

    /// What the options say together.
    fn check(&self) -> Result<(), Fault> {
        let balanced = self.balanced();
        let (least, most) = (self.int(ASG, "MinSize"), self.int(ASG, "MaxSize"));
        if balanced && least > most {
            return bad_value(
                ASG,
                "MinSize",
                self.value(ASG, "MinSize"),
                "MinSize cannot be greater than MaxSize.",
            );
        }
        let kind = self.value(ENVIRONMENT, "LoadBalancerType");
        if balanced && kind != Some("application") {
            // The API's default is `classic`.
            let why = "vpipe's local cloud simulates application load balancers only; set LoadBalancerType to application.";
            return bad_value(ENVIRONMENT, "LoadBalancerType", kind, why);
        }
        if self.flag(ENVIRONMENT, "LoadBalancerIsShared") && self.shared().is_none() {
            let why = "You must specify the ARN of the load balancer to share.";
            return bad_value(BALANCER, "SharedLoadBalancer", None, why);
        }
        if self.given(VPC, "VPCId").is_some() && self.given(VPC, "Subnets").is_none() {
            return bad_value(VPC, "Subnets", None, "Specify the subnets for the VPC.");
        }
        self.check_deployment()?;
        self.check_processes()?;
        self.check_variables()
    }

    fn check_deployment(&self) -> Result<(), Fault> {
        let policy = self.value(COMMAND, "DeploymentPolicy").unwrap_or_default();
        if policy == "TrafficSplitting" && !self.balanced() {
            let why =
                "Traffic splitting deployments require an environment with an Application Load Balancer.";
            return bad_value(COMMAND, "DeploymentPolicy", Some(policy), why);
        }
        let immutable_update = self.value(UPDATES, "RollingUpdateType") == Some("Immutable");
        if (matches!(policy, "Immutable" | "TrafficSplitting") || immutable_update) && !self.enhanced() {
            let why = "Immutable updates require enhanced health reporting.";
            return bad_value(COMMAND, "DeploymentPolicy", Some(policy), why);
        }
        let size = self.int(COMMAND, "BatchSize").unwrap_or(100);
        let percent = self.value(COMMAND, "BatchSizeType") == Some("Percentage");
        let most = if percent { 100 } else { self.int(ASG, "MaxSize").unwrap_or(4) };
        if size > most {
            let why = format!("Value is greater than maximum allowed value: {most}.");
            return bad_value(COMMAND, "BatchSize", Some(&size.to_string()), &why);
        }
        if self.enhanced() && self.given(ENVIRONMENT, "ServiceRole").is_none() {
            let why = "Enhanced health reporting requires a service role.";
            return bad_value(ENVIRONMENT, "ServiceRole", None, why);
        }
        let stay = self.int(UPDATES, "MinInstancesInService").unwrap_or(0);
        if self.flag(UPDATES, "RollingUpdateEnabled") && stay >= self.int(ASG, "MaxSize").unwrap_or(4) {
            let why = "MinInstancesInService must be less than MaxSize.";
            return bad_value(UPDATES, "MinInstancesInService", Some(&stay.to_string()), why);
        }
        Ok(())
    }

    fn check_processes(&self) -> Result<(), Fault> {
        let names = self.processes();
        for name in &names {
            let namespace = format!("{PROCESS}{name}");
            if self.process_int(name, "HealthCheckTimeout") >= self.process_int(name, "HealthCheckInterval") {
                let why = "HealthCheckTimeout must be less than HealthCheckInterval.";
                return bad_value(
                    &namespace,
                    "HealthCheckTimeout",
                    self.process(name, "HealthCheckTimeout"),
                    why,
                );
            }
            if !self.process(name, "HealthCheckPath").is_some_and(|path| path.starts_with('/')) {
                let why = "The health check path must start with '/'.";
                return bad_value(&namespace, "HealthCheckPath", self.process(name, "HealthCheckPath"), why);
            }
        }
        for listener in self.listeners() {
            let place = if listener.port == 80 { "default".to_owned() } else { listener.port.to_string() };
            let namespace = format!("{LISTENER}{place}");
            if listener.protocol == "HTTPS" && listener.certificates.is_empty() {
                let why = "You must specify an SSL certificate to configure a listener to use HTTPS.";
                return bad_value(&namespace, "SSLCertificateArns", None, why);
            }
            if listener.protocol == "HTTP" && !listener.certificates.is_empty() {
                let why = "SSL certificates can only be used with the protocol HTTPS.";
                let given = self.value(&namespace, "SSLCertificateArns");
                return bad_value(&namespace, "SSLCertificateArns", given, why);
            }
            let ruled = listener.rules.iter().map(|rule| self.rule(rule, "Process").unwrap_or("default"));
            for process in ruled.chain([listener.process.as_str()]) {
                if !names.iter().any(|name| name == process) {
                    let why = format!("Process '{process}' is not defined.");
                    return bad_value(&namespace, "DefaultProcess", Some(process), &why);
                }
            }
        }
        Ok(())
    }

    fn check_variables(&self) -> Result<(), Fault> {
        let Some(variables) = self.0.get(VARIABLES) else { return Ok(()) };
        let total: usize = variables.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        if total > 4_096 {
            let message = "Configuration validation exception: The size of all environment properties combined cannot exceed 4096 bytes.";
            return refuse("ConfigurationValidationException", message);
        }
        Ok(())
    }

    /// The options that differ from others, with the worst of what their change does.
    pub(super) fn differs(&self, other: &Self) -> Option<Severity> {
        let keys = |settings: &Self| -> Vec<(String, String)> {
            let each = settings.0.iter();
            each.flat_map(|(space, options)| options.keys().map(|name| (space.clone(), name.clone())))
                .collect()
        };
        let mut worst = None;
        for (namespace, name) in keys(self).into_iter().chain(keys(other)) {
            if self.value(&namespace, &name) != other.value(&namespace, &name) {
                let severity = find(&namespace, &name).map_or(Severity::None, |spec| spec.severity);
                worst = worst.max(Some(severity));
            }
        }
        worst
    }

    /// Everything that holds, defaults included, as `DescribeConfigurationSettings` tells it: namespace, name, value.
    pub(super) fn all(&self) -> Vec<(String, String, Option<String>)> {
        let mut all: Vec<(String, String, Option<String>)> = Vec::new();
        for (namespace, options) in &self.0 {
            for (name, value) in options {
                all.push((namespace.clone(), name.clone(), Some(value.clone())));
            }
        }
        let mut namespaces: Vec<(String, &Spec)> = Vec::new();
        for spec in SPECS.iter().filter(|spec| spec.name != "*") {
            match spec.namespace {
                PROCESS => {
                    namespaces.extend(self.processes().iter().map(|name| (format!("{PROCESS}{name}"), spec)))
                }
                LISTENER => {
                    if self.shared().is_none() {
                        namespaces.push((format!("{LISTENER}default"), spec));
                    }
                    let others =
                        self.0.keys().filter(|n| n.starts_with(LISTENER) && !n.ends_with(":default"));
                    namespaces.extend(others.map(|namespace| (namespace.clone(), spec)));
                }
                RULE => {
                    let rules = self.0.keys().filter(|namespace| namespace.starts_with(RULE));
                    namespaces.extend(rules.map(|namespace| (namespace.clone(), spec)));
                }
                namespace => namespaces.push((namespace.to_owned(), spec)),
            }
        }
        for (namespace, spec) in namespaces {
            if self.0.get(&namespace).is_none_or(|options| !options.contains_key(spec.name)) {
                all.push((namespace, spec.name.to_owned(), spec.default.map(str::to_owned)));
            }
        }
        all.sort();
        all
    }
}

pub(super) fn bad_value<T>(namespace: &str, name: &str, value: Option<&str>, why: &str) -> Result<T, Fault> {
    let message = format!(
        "Configuration validation exception: Invalid option value: '{}' (Namespace: '{namespace}', OptionName: '{name}'): {why}",
        value.unwrap_or("null")
    );
    refuse("ConfigurationValidationException", message)
}

/// Whether an option exists and its value is one that it may have.
pub(super) fn check_one(namespace: &str, name: &str, value: &str) -> Result<(), Fault> {
    let listener_port = namespace.strip_prefix(LISTENER).filter(|place| *place != "default");
    let wrong_port = listener_port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0));
    let Some(spec) = find(namespace, name).filter(|_| !wrong_port) else {
        let message = format!(
            "Configuration validation exception: Invalid option specification (Namespace: '{namespace}', OptionName: '{name}'): Unknown configuration setting."
        );
        return refuse("ConfigurationValidationException", message);
    };
    if value.is_empty() {
        return Ok(());
    }
    match &spec.values {
        Values::Any => Ok(()),
        Values::Flag if matches!(value.to_ascii_lowercase().as_str(), "true" | "false") => Ok(()),
        Values::Flag => {
            bad_value(namespace, name, Some(value), "Value is not one of the allowed values: [true, false].")
        }
        Values::Choice(choices) if choices.contains(&value) => Ok(()),
        Values::Choice(choices) => {
            let why = format!("Value is not one of the allowed values: [{}].", choices.join(", "));
            bad_value(namespace, name, Some(value), &why)
        }
        &Values::Int(low, high) => match value.parse::<i64>() {
            Ok(number) if number < low => {
                let why = format!("Value is less than minimum allowed value: {low}.");
                bad_value(namespace, name, Some(value), &why)
            }
            Ok(number) if number > high => {
                let why = format!("Value is greater than maximum allowed value: {high}.");
                bad_value(namespace, name, Some(value), &why)
            }
            Ok(_) => Ok(()),
            Err(_) => bad_value(namespace, name, Some(value), "Value must be an integer."),
        },
        &Values::Span(low, high) => match span(value) {
            Some(seconds) if (low..=high).contains(&seconds) => Ok(()),
            _ => {
                bad_value(namespace, name, Some(value), "Value is not a valid ISO 8601 duration (PT#H#M#S).")
            }
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn settings(list: &[(&str, &str, &str)]) -> Result<Settings, Fault> {
        let base = [(ENVIRONMENT, "LoadBalancerType", "application"), (ENVIRONMENT, "ServiceRole", "role")];
        let list: Vec<Value> = base
            .iter()
            .chain(list)
            .map(|(namespace, name, value)| json!({"Namespace": namespace, "OptionName": name, "Value": value}))
            .collect();
        Settings::default().with(&json!({"OptionSettings": list}))
    }

    #[test]
    fn wrong_options_are_refused() {
        for (namespace, name, value, why) in [
            (COMMAND, "DeploymentPolicy", "Blue", "not one of the allowed values"),
            (COMMAND, "BatchSize", "0", "less than minimum"),
            (COMMAND, "BatchSize", "101", "greater than maximum"),
            ("aws:elbv2:listener:listener_port", "Protocol", "HTTPS", "Unknown configuration setting"),
            ("aws:elbv2:listener:443", "ListenerProtocol", "HTTPS", "Unknown configuration setting"),
            ("aws:elbv2:listener:443", "Protocol", "HTTPS", "You must specify an SSL certificate"),
            ("aws:elbv2:listener:8080", "DefaultProcess", "admin", "Process 'admin' is not defined"),
            (
                "aws:elasticbeanstalk:environment:process:default",
                "HealthCheckTimeout",
                "15",
                "must be less than",
            ),
            (ASG, "MinSize", "5", "cannot be greater than MaxSize"),
            (UPDATES, "Timeout", "30m", "ISO 8601"),
            (COMMAND, "DeploymentPolicy", "Immutable", "require enhanced health"),
            (ENVIRONMENT, "LoadBalancerType", "classic", "application load balancers only"),
        ] {
            let fault = settings(&[(namespace, name, value)]).unwrap_err();
            assert_eq!(fault.code, "ConfigurationValidationException");
            assert!(fault.message.contains(why), "{} lacks {why}", fault.message);
        }
        let long = "x".repeat(4_100);
        assert!(settings(&[(VARIABLES, "A", &long)]).unwrap_err().message.contains("4096 bytes"));
    }

    #[test]
    fn listeners_and_processes_are_read() {
        let settings = settings(&[
            ("aws:elbv2:listener:443", "Protocol", "HTTPS"),
            ("aws:elbv2:listener:443", "SSLCertificateArns", "arn:aws:acm:x"),
            ("aws:elasticbeanstalk:environment:process:admin", "Port", "8080"),
            ("aws:elbv2:listener:443", "Rules", "admin"),
            ("aws:elbv2:listenerrule:admin", "Process", "admin"),
        ])
        .unwrap();
        let listeners = settings.listeners();
        assert_eq!(listeners.iter().map(|l| l.port).collect::<Vec<_>>(), [80, 443]);
        assert_eq!(settings.processes(), ["default", "admin"]);
        assert_eq!(settings.process("admin", "HealthCheckInterval"), Some("15"));
    }

    #[test]
    fn changes_have_a_severity() {
        let before = settings(&[]).unwrap();
        for (namespace, name, value, severity) in [
            (COMMAND, "BatchSize", "50", Some(Severity::None)),
            (VARIABLES, "A", "1", Some(Severity::Application)),
            (LAUNCH, "InstanceType", "t3.large", Some(Severity::Instances)),
            (LAUNCH, "InstanceType", "t3.micro", None),
        ] {
            assert_eq!(settings(&[(namespace, name, value)]).unwrap().differs(&before), severity, "{name}");
        }
    }

    #[test]
    fn spans_read() {
        assert_eq!(span("PT1H30M"), Some(5_400));
        assert_eq!(span("PT0S"), Some(0));
        assert_eq!(span("PT5"), None);
        assert_eq!(span("PT5S5M"), None);
    }
}
