//! The options that there are: what they may say, what they say when nothing is said, what their change does.
//! Source: the developer guide's pages on general options and on those of the platforms.

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
pub(super) const LISTENER: &str = "aws:elbv2:listener:";
pub(super) const RULE: &str = "aws:elbv2:listenerrule:";
pub(super) const PROCESS: &str = "aws:elasticbeanstalk:environment:process:";

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
