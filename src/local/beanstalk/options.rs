//! Option settings: which there are, what they may say, what they say when nothing is said.
//! Source: the developer guide's pages on general options and on those of the platforms.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::refuse;
use crate::local::Fault;
use crate::local::support::{elements, member};

pub(super) const COMMAND: &str = "aws:elasticbeanstalk:command";
pub(super) const ASG: &str = "aws:autoscaling:asg";
pub(super) const LAUNCH: &str = "aws:autoscaling:launchconfiguration";
pub(super) const UPDATES: &str = "aws:autoscaling:updatepolicy:rollingupdate";
pub(super) const INSTANCES: &str = "aws:ec2:instances";
pub(super) const VPC: &str = "aws:ec2:vpc";
pub(super) const ENVIRONMENT: &str = "aws:elasticbeanstalk:environment";
pub(super) const BALANCER: &str = "aws:elbv2:loadbalancer";
pub(super) const SPLITTING: &str = "aws:elasticbeanstalk:trafficsplitting";
pub(super) const HEALTH: &str = "aws:elasticbeanstalk:healthreporting:system";
pub(super) const VARIABLES: &str = "aws:elasticbeanstalk:application:environment";
const LISTENER: &str = "aws:elbv2:listener:";
const RULE: &str = "aws:elbv2:listenerrule:";
const PROCESS: &str = "aws:elasticbeanstalk:environment:process:";

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values {
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A number between two bounds.
    Int(i64, i64),
    /// A duration such as `PT30M`, in seconds between two bounds.
    Span(i64, i64),
    /// Anything.
    Any,
}

/// What a change does to the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Nothing.
    None,
    /// The application is started anew.
    Application,
    /// The instances are replaced.
    Instances,
}

impl Severity {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "NoInterruption",
            Self::Application => "RestartApplicationServer",
            Self::Instances => "RestartEnvironment",
        }
    }
}

/// An option.
pub(super) struct Spec {
    /// Its namespace; one that ends with a colon stands for all that go on.
    pub(super) namespace: &'static str,
    /// Its name; `*` stands for any.
    pub(super) name: &'static str,
    /// What it may say.
    pub(super) values: Values,
    /// What it says when nothing is said.
    pub(super) default: Option<&'static str>,
    /// What a change does.
    pub(super) severity: Severity,
}

const fn spec(
    namespace: &'static str,
    name: &'static str,
    values: Values,
    default: Option<&'static str>,
    severity: Severity,
) -> Spec {
    Spec { namespace, name, values, default, severity }
}

use Severity::{Application as A, Instances as I, None as N};
use Values::{Any, Choice, Flag, Int, Span};

const LOGS: &str = "aws:elasticbeanstalk:cloudwatch:logs";
const LOGS_HEALTH: &str = "aws:elasticbeanstalk:cloudwatch:logs:health";
const MANAGED: &str = "aws:elasticbeanstalk:managedactions";
const PLATFORM_UPDATE: &str = "aws:elasticbeanstalk:managedactions:platformupdate";
const TRIGGER: &str = "aws:autoscaling:trigger";
const TOPICS: &str = "aws:elasticbeanstalk:sns:topics";
const TOMCAT: &str = "aws:elasticbeanstalk:container:tomcat:jvmoptions";
const DAYS: &[&str] = &[
    "1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731", "1827",
    "3653",
];
const PYTHON: &str = "aws:elasticbeanstalk:container:python";

pub(super) const SPECS: &[Spec] = &[
    spec(
        COMMAND,
        "DeploymentPolicy",
        Choice(&["AllAtOnce", "Rolling", "RollingWithAdditionalBatch", "Immutable", "TrafficSplitting"]),
        Some("AllAtOnce"),
        N,
    ),
    spec(COMMAND, "BatchSizeType", Choice(&["Percentage", "Fixed"]), Some("Percentage"), N),
    spec(COMMAND, "BatchSize", Int(1, 10_000), Some("100"), N),
    spec(COMMAND, "Timeout", Int(1, 3_600), Some("600"), N),
    spec(COMMAND, "IgnoreHealthCheck", Flag, Some("false"), N),
    spec(SPLITTING, "NewVersionPercent", Int(1, 100), Some("10"), N),
    spec(SPLITTING, "EvaluationTime", Int(3, 600), Some("5"), N),
    spec(UPDATES, "RollingUpdateEnabled", Flag, Some("false"), N),
    spec(UPDATES, "RollingUpdateType", Choice(&["Time", "Health", "Immutable"]), Some("Time"), N),
    spec(UPDATES, "MaxBatchSize", Int(1, 10_000), None, N),
    spec(UPDATES, "MinInstancesInService", Int(0, 9_999), None, N),
    spec(UPDATES, "PauseTime", Span(0, 3_600), None, N),
    spec(UPDATES, "Timeout", Span(300, 3_600), Some("PT30M"), N),
    spec(ASG, "MinSize", Int(1, 10_000), Some("1"), N),
    spec(ASG, "MaxSize", Int(1, 10_000), Some("4"), N),
    spec(ASG, "Cooldown", Int(0, 10_000), Some("360"), N),
    spec(ASG, "EnableCapacityRebalancing", Flag, Some("false"), N),
    spec(ASG, "Availability Zones", Choice(&["Any", "Any 1", "Any 2", "Any 3"]), Some("Any"), I),
    spec(ASG, "Custom Availability Zones", Any, None, I),
    spec(LAUNCH, "EC2KeyName", Any, None, I),
    spec(LAUNCH, "IamInstanceProfile", Any, None, I),
    spec(LAUNCH, "ImageId", Any, None, I),
    spec(LAUNCH, "InstanceType", Any, Some("t3.micro"), I),
    spec(LAUNCH, "SecurityGroups", Any, None, I),
    spec(LAUNCH, "SSHSourceRestriction", Any, None, N),
    spec(LAUNCH, "RootVolumeType", Choice(&["standard", "gp2", "gp3", "io1"]), None, I),
    spec(LAUNCH, "RootVolumeSize", Int(8, 16_384), None, I),
    spec(LAUNCH, "RootVolumeIOPS", Int(100, 20_000), None, I),
    spec(LAUNCH, "RootVolumeThroughput", Int(125, 1_000), None, I),
    spec(LAUNCH, "MonitoringInterval", Choice(&["1 minute", "5 minute"]), Some("5 minute"), I),
    spec(LAUNCH, "DisableIMDSv1", Flag, Some("true"), I),
    spec(LAUNCH, "BlockDeviceMappings", Any, None, I),
    spec(LAUNCH, "DisableDefaultEC2SecurityGroup", Flag, Some("false"), I),
    spec(LAUNCH, "LaunchTemplateTagPropagationEnabled", Flag, Some("false"), I),
    spec(INSTANCES, "InstanceTypes", Any, None, I),
    spec(INSTANCES, "EnableSpot", Flag, Some("false"), I),
    spec(INSTANCES, "SpotFleetOnDemandBase", Int(0, 10_000), Some("0"), N),
    spec(INSTANCES, "SpotFleetOnDemandAboveBasePercentage", Int(0, 100), Some("70"), N),
    spec(INSTANCES, "SpotMaxPrice", Any, None, N),
    spec(INSTANCES, "SpotAllocationStrategy", Any, Some("capacity-optimized"), N),
    spec(INSTANCES, "SupportedArchitectures", Any, Some("x86_64"), I),
    spec(VPC, "VPCId", Any, None, I),
    spec(VPC, "Subnets", Any, None, I),
    spec(VPC, "ELBSubnets", Any, None, I),
    // Other values than `public` and `internal` are ignored without a word.
    spec(VPC, "ELBScheme", Any, Some("public"), I),
    spec(VPC, "AssociatePublicIpAddress", Any, None, I),
    spec(VPC, "DBSubnets", Any, None, N),
    spec(
        ENVIRONMENT,
        "EnvironmentType",
        Choice(&["LoadBalanced", "SingleInstance"]),
        Some("LoadBalanced"),
        I,
    ),
    spec(ENVIRONMENT, "LoadBalancerType", Choice(&["classic", "application", "network"]), Some("classic"), I),
    spec(ENVIRONMENT, "LoadBalancerIsShared", Flag, Some("false"), I),
    spec(ENVIRONMENT, "ServiceRole", Any, None, N),
    spec(
        "aws:elasticbeanstalk:environment:proxy",
        "ProxyServer",
        Choice(&["nginx", "apache", "none"]),
        Some("nginx"),
        A,
    ),
    spec("aws:elasticbeanstalk:environment:proxy", "GzipCompression", Flag, Some("false"), A),
    spec("aws:elasticbeanstalk:environment:proxy:staticfiles", "*", Any, None, A),
    spec(BALANCER, "SharedLoadBalancer", Any, None, I),
    spec(BALANCER, "SecurityGroups", Any, None, N),
    spec(BALANCER, "ManagedSecurityGroup", Any, None, N),
    spec(BALANCER, "IdleTimeout", Int(1, 3_600), None, N),
    spec(BALANCER, "IpAddressType", Choice(&["ipv4", "dualstack"]), None, N),
    spec(BALANCER, "AccessLogsS3Enabled", Flag, Some("false"), N),
    spec(BALANCER, "AccessLogsS3Bucket", Any, None, N),
    spec(BALANCER, "AccessLogsS3Prefix", Any, None, N),
    spec(LISTENER, "ListenerEnabled", Flag, Some("true"), N),
    spec(LISTENER, "Protocol", Choice(&["HTTP", "HTTPS"]), Some("HTTP"), N),
    spec(LISTENER, "SSLCertificateArns", Any, None, N),
    spec(LISTENER, "SSLPolicy", Any, None, N),
    spec(LISTENER, "DefaultProcess", Any, Some("default"), N),
    spec(LISTENER, "Rules", Any, None, N),
    spec(RULE, "HostHeaders", Any, None, N),
    spec(RULE, "PathPatterns", Any, None, N),
    spec(RULE, "Priority", Int(1, 1_000), Some("1"), N),
    spec(RULE, "Process", Any, Some("default"), N),
    spec(PROCESS, "Port", Int(1, 65_535), Some("80"), N),
    spec(PROCESS, "Protocol", Choice(&["HTTP", "HTTPS"]), Some("HTTP"), N),
    spec(PROCESS, "HealthCheckPath", Any, Some("/"), N),
    spec(PROCESS, "HealthCheckInterval", Int(5, 300), Some("15"), N),
    spec(PROCESS, "HealthCheckTimeout", Int(1, 60), Some("5"), N),
    spec(PROCESS, "HealthyThresholdCount", Int(2, 10), Some("3"), N),
    spec(PROCESS, "UnhealthyThresholdCount", Int(2, 10), Some("5"), N),
    spec(PROCESS, "MatcherHTTPCode", Any, None, N),
    spec(PROCESS, "DeregistrationDelay", Int(0, 3_600), Some("20"), N),
    spec(PROCESS, "StickinessEnabled", Flag, Some("false"), N),
    spec(PROCESS, "StickinessType", Choice(&["lb_cookie"]), Some("lb_cookie"), N),
    spec(PROCESS, "StickinessLBCookieDuration", Int(1, 604_800), Some("86400"), N),
    spec("aws:elasticbeanstalk:application", "Application Healthcheck URL", Any, Some("/"), N),
    spec(HEALTH, "SystemType", Choice(&["basic", "enhanced"]), Some("basic"), N),
    spec(
        HEALTH,
        "HealthCheckSuccessThreshold",
        Choice(&["Ok", "Warning", "Degraded", "Severe"]),
        Some("Ok"),
        N,
    ),
    spec(HEALTH, "EnhancedHealthAuthEnabled", Flag, Some("true"), N),
    spec(HEALTH, "ConfigDocument", Any, None, N),
    spec(LOGS, "StreamLogs", Flag, Some("false"), N),
    spec(LOGS, "DeleteOnTerminate", Flag, Some("false"), N),
    spec(LOGS, "RetentionInDays", Choice(DAYS), Some("7"), N),
    spec(LOGS_HEALTH, "HealthStreamingEnabled", Flag, Some("false"), N),
    spec(LOGS_HEALTH, "DeleteOnTerminate", Flag, Some("false"), N),
    spec(LOGS_HEALTH, "RetentionInDays", Choice(DAYS), Some("7"), N),
    spec("aws:elasticbeanstalk:hostmanager", "LogPublicationControl", Flag, Some("false"), N),
    spec(
        "aws:elasticbeanstalk:monitoring",
        "Automatically Terminate Unhealthy Instances",
        Flag,
        Some("true"),
        N,
    ),
    spec("aws:elasticbeanstalk:control", "DefaultSSHPort", Int(1, 65_535), Some("22"), N),
    spec("aws:elasticbeanstalk:control", "LaunchTimeout", Int(1, 3_600), Some("0"), N),
    spec("aws:elasticbeanstalk:control", "RollbackLaunchOnFailure", Flag, Some("false"), N),
    spec(MANAGED, "ManagedActionsEnabled", Flag, Some("false"), N),
    spec(MANAGED, "PreferredStartTime", Any, None, N),
    spec(MANAGED, "ServiceRoleForManagedUpdates", Any, None, N),
    spec(PLATFORM_UPDATE, "UpdateLevel", Choice(&["patch", "minor"]), None, N),
    spec(PLATFORM_UPDATE, "InstanceRefreshEnabled", Flag, Some("false"), N),
    spec(TOPICS, "Notification Endpoint", Any, None, N),
    spec(
        TOPICS,
        "Notification Protocol",
        Choice(&["http", "https", "email", "email-json", "sqs"]),
        Some("email"),
        N,
    ),
    spec(TOPICS, "Notification Topic ARN", Any, None, N),
    spec(TOPICS, "Notification Topic Name", Any, None, N),
    spec(
        TRIGGER,
        "MeasureName",
        Choice(&[
            "CPUUtilization",
            "NetworkIn",
            "NetworkOut",
            "DiskWriteOps",
            "DiskReadBytes",
            "DiskReadOps",
            "DiskWriteBytes",
            "Latency",
            "RequestCount",
            "HealthyHostCount",
            "UnhealthyHostCount",
            "TargetResponseTime",
        ]),
        Some("NetworkOut"),
        N,
    ),
    spec(TRIGGER, "Statistic", Choice(&["Minimum", "Maximum", "Sum", "Average"]), Some("Average"), N),
    spec(
        TRIGGER,
        "Unit",
        Choice(&[
            "Seconds",
            "Percent",
            "Bytes",
            "Bits",
            "Count",
            "Bytes/Second",
            "Bits/Second",
            "Count/Second",
            "None",
        ]),
        Some("Bytes"),
        N,
    ),
    spec(TRIGGER, "LowerThreshold", Int(0, 20_000_000), Some("2000000"), N),
    spec(TRIGGER, "UpperThreshold", Int(0, 20_000_000), Some("6000000"), N),
    spec(TRIGGER, "LowerBreachScaleIncrement", Any, Some("-1"), N),
    spec(TRIGGER, "UpperBreachScaleIncrement", Any, Some("1"), N),
    spec(TRIGGER, "Period", Int(1, 600), Some("5"), N),
    spec(TRIGGER, "EvaluationPeriods", Int(1, 600), Some("1"), N),
    spec(TRIGGER, "BreachDuration", Int(1, 600), Some("5"), N),
    spec("aws:rds:dbinstance", "*", Any, None, N),
    spec("aws:elasticbeanstalk:xray", "XRayEnabled", Flag, Some("false"), A),
    spec(VARIABLES, "*", Any, None, A),
    spec("aws:elasticbeanstalk:application:environmentsecrets", "*", Any, None, A),
    spec(TOMCAT, "Xmx", Any, Some("256m"), A),
    spec(TOMCAT, "Xms", Any, Some("256m"), A),
    spec(TOMCAT, "XX:MaxPermSize", Any, Some("64m"), A),
    spec(TOMCAT, "JVM Options", Any, None, A),
    spec(PYTHON, "WSGIPath", Any, Some("application"), A),
    spec(PYTHON, "NumProcesses", Int(1, 10_000), Some("1"), A),
    spec(PYTHON, "NumThreads", Int(1, 10_000), Some("15"), A),
];

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

/// Finds an option.
pub(super) fn find(namespace: &str, name: &str) -> Option<&'static Spec> {
    let fits = |spec: &&Spec| {
        let space = match spec.namespace.strip_suffix(':') {
            Some(_) => namespace.strip_prefix(spec.namespace).is_some_and(|rest| !rest.is_empty()),
            None => namespace == spec.namespace,
        };
        space && (spec.name == name || (spec.name == "*" && !name.is_empty()))
    };
    SPECS.iter().find(fits)
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
        if self.flag(ENVIRONMENT, "LoadBalancerIsShared") {
            let why = "vpipe's local cloud does not simulate shared load balancers.";
            return bad_value(ENVIRONMENT, "LoadBalancerIsShared", Some("true"), why);
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
                    namespaces.push((format!("{LISTENER}default"), spec));
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

fn bad_value<T>(namespace: &str, name: &str, value: Option<&str>, why: &str) -> Result<T, Fault> {
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
    match spec.values {
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
        Values::Int(low, high) => match value.parse::<i64>() {
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
        Values::Span(low, high) => match span(value) {
            Some(seconds) if (low..=high).contains(&seconds) => Ok(()),
            _ => {
                bad_value(namespace, name, Some(value), "Value is not a valid ISO 8601 duration (PT#H#M#S).")
            }
        },
    }
}

/// The seconds of a duration such as `PT1H30M` or `PT0S`.
pub(super) fn span(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix("PT")?;
    let mut seconds = 0;
    let mut units = vec![('H', 3_600), ('M', 60), ('S', 1)].into_iter();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = (rest.get(..end)?, rest.get(end..)?);
        let unit = tail.chars().next()?;
        let (_, factor) = units.find(|(letter, _)| *letter == unit)?;
        seconds += number.parse::<i64>().ok()?.checked_mul(factor)?;
        rest = tail.get(1..)?;
    }
    Some(seconds)
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
