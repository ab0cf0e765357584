//! The options that there are: what they may say, what they say when nothing is said, what their change does. They stand in
//! the library's table, by which `check` judges them as well.

use std::sync::LazyLock;

use crate::schema::{Base, Setting, Type, beanstalk_options, from_iso_duration};

pub(super) use crate::schema::Severity;

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
#[derive(Clone, Debug)]
pub(super) enum Values {
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(Vec<&'static str>),
    /// A number between two bounds.
    Int(i64, i64),
    /// A duration such as `PT30M`, in seconds between two bounds.
    Span(i64, i64),
    /// Anything.
    Any,
}

impl Values {
    /// The values of a type of the table.
    fn of(ty: &'static Type) -> Self {
        let choices = ty.literals();
        if !choices.is_empty() {
            return Self::Choice(choices);
        }
        match ty {
            Type::Scalar(scalar) => match (scalar.base, scalar.refinement.min, scalar.refinement.max) {
                (Base::Bool, ..) => Self::Flag,
                (Base::Int, Some(low), Some(high)) => Self::Int(low, high),
                (Base::Duration, Some(low), Some(high)) => Self::Span(low / 1000, high / 1000),
                _ => Self::Any,
            },
            _ => Self::Any,
        }
    }
}

/// What a change does, as AWS calls it.
pub(super) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::None => "NoInterruption",
        Severity::Application => "RestartApplicationServer",
        Severity::Instances => "RestartEnvironment",
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

/// Options of classic load balancers, which the library's table takes for mistakes: the `eb` CLI gives some of them
/// whatever the type is, and to the others they say nothing.
fn classic() -> impl Iterator<Item = Spec> {
    let options = [
        ("aws:elb:loadbalancer", "CrossZone", Values::Flag),
        ("aws:elb:policies", "ConnectionDrainingEnabled", Values::Flag),
        ("aws:elb:policies", "ConnectionDrainingTimeout", Values::Int(1, 3_600)),
        ("aws:elb:policies", "ConnectionSettingIdleTimeout", Values::Int(1, 3_600)),
        ("aws:elb:healthcheck", "HealthyThreshold", Values::Int(2, 10)),
        ("aws:elb:healthcheck", "UnhealthyThreshold", Values::Int(2, 10)),
        ("aws:elb:healthcheck", "Interval", Values::Int(5, 300)),
        ("aws:elb:healthcheck", "Timeout", Values::Int(2, 60)),
    ];
    let spec =
        |(namespace, name, values)| Spec { namespace, name, values, default: None, severity: Severity::None };
    options.into_iter().map(spec)
}

/// Every option.
pub(super) static SPECS: LazyLock<Vec<Spec>> = LazyLock::new(|| {
    let namespaces = beanstalk_options().namespaces.iter();
    let spec = |namespace: &'static str, name: &'static str, setting: &'static Setting| Spec {
        namespace,
        name,
        values: match (namespace, name) {
            // Other values than `public` and `internal` are ignored without a word.
            (VPC, "ELBScheme") => Values::Any,
            _ => Values::of(&setting.ty),
        },
        default: setting.default.as_deref(),
        severity: setting.severity,
    };
    namespaces
        .flat_map(|(namespace, known)| {
            known.options.iter().map(move |(name, setting)| spec(namespace, name, setting))
        })
        .chain(classic())
        .collect()
});

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

/// The seconds of a duration such as `PT1H30M` or `PT0S`.
pub(super) fn span(text: &str) -> Option<i64> {
    from_iso_duration(text).map(|ms| ms / 1000)
}
