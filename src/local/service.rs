//! The services: how each speaks, and who answers for it.

use super::{
    Call, Cx, Fault, Reply, Request, State, acm, beanstalk, cloudfront, cloudwatch, ec2, elasticache, elbv2,
    godaddy, iam, mq, rds, route53, s3, secrets_manager, sns, ssm, sts,
};

/// How a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Form in, XML out: `Action=…&Version=…`.
    Query,
    /// As query, with EC2's own lists and errors.
    Ec2,
    /// Paths and XML.
    RestXml,
    /// S3: paths, hosts and XML.
    S3,
    /// Paths and JSON.
    RestJson,
    /// `x-amz-target` and JSON.
    Json11,
    /// Paths and CBOR: CloudWatch, which understands JSON 1.1 and forms as well.
    Cbor,
    /// Paths and JSON, not of AWS: GoDaddy.
    Plain,
}

/// A service of the local cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Service {
    Acm,
    Beanstalk,
    CloudFront,
    CloudWatch,
    Ec2,
    ElastiCache,
    Elbv2,
    GoDaddy,
    Iam,
    Mq,
    Rds,
    Route53,
    S3,
    SecretsManager,
    Sns,
    Ssm,
    Sts,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Acm,
        Self::Beanstalk,
        Self::CloudFront,
        Self::CloudWatch,
        Self::Ec2,
        Self::ElastiCache,
        Self::Elbv2,
        Self::GoDaddy,
        Self::Iam,
        Self::Mq,
        Self::Rds,
        Self::Route53,
        Self::S3,
        Self::SecretsManager,
        Self::Sns,
        Self::Ssm,
        Self::Sts,
    ];

    /// The name with which its requests are signed, which is the first label of its host name as well.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acm => "acm",
            Self::Beanstalk => "elasticbeanstalk",
            Self::CloudFront => "cloudfront",
            Self::CloudWatch => "monitoring",
            Self::Ec2 => "ec2",
            Self::ElastiCache => "elasticache",
            Self::Elbv2 => "elasticloadbalancing",
            Self::GoDaddy => "",
            Self::Iam => "iam",
            Self::Mq => "mq",
            Self::Rds => "rds",
            Self::Route53 => "route53",
            Self::S3 => "s3",
            Self::SecretsManager => "secretsmanager",
            Self::Sns => "sns",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
        }
    }

    /// The name that IAM has for it, before its operations.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::CloudWatch => "cloudwatch",
            other => other.name(),
        }
    }

    /// What people call it.
    pub fn label(self) -> &'static str {
        if self == Self::GoDaddy { "godaddy" } else { self.prefix() }
    }

    /// The service of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| !name.is_empty() && service.name() == name)
    }

    /// How a request to it speaks, and how it is to be answered.
    pub fn spoken(self, request: &Request) -> Protocol {
        match self {
            Self::CloudWatch if super::wire::is_cbor(request) => Protocol::Cbor,
            Self::CloudWatch if request.header("x-amz-target").is_some() => Protocol::Json11,
            Self::CloudWatch => Protocol::Query,
            other => other.protocol(),
        }
    }

    /// How it speaks.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Beanstalk
            | Self::ElastiCache
            | Self::Elbv2
            | Self::Iam
            | Self::Rds
            | Self::Sns
            | Self::Sts => Protocol::Query,
            Self::Ec2 => Protocol::Ec2,
            Self::CloudWatch => Protocol::Cbor,
            Self::CloudFront | Self::Route53 => Protocol::RestXml,
            Self::S3 => Protocol::S3,
            Self::Mq => Protocol::RestJson,
            Self::Acm | Self::SecretsManager | Self::Ssm => Protocol::Json11,
            Self::GoDaddy => Protocol::Plain,
        }
    }

    /// The namespace of its XML, from the service models; empty where there is none.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Beanstalk => "http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/",
            Self::CloudFront => "http://cloudfront.amazonaws.com/doc/2020-05-31/",
            Self::CloudWatch => "http://monitoring.amazonaws.com/doc/2010-08-01/",
            Self::Sns => "http://sns.amazonaws.com/doc/2010-03-31/",
            Self::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
            Self::ElastiCache => "http://elasticache.amazonaws.com/doc/2015-02-02/",
            Self::Elbv2 => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Rds => "http://rds.amazonaws.com/doc/2014-10-31/",
            Self::Route53 => "https://route53.amazonaws.com/doc/2013-04-01/",
            Self::S3 => "http://s3.amazonaws.com/doc/2006-03-01/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Acm | Self::GoDaddy | Self::Mq | Self::SecretsManager | Self::Ssm => "",
        }
    }

    /// Whether a call may change something. `Call::operation` of S3 and of REST services is the model's name, too.
    pub fn mutates(self, call: &Call) -> bool {
        const READS: [&str; 9] =
            ["Describe", "Get", "List", "Head", "Check", "Validate", "Retrieve", "Search", "AssumeRole"];
        !READS.iter().any(|prefix| call.operation.starts_with(prefix))
    }

    /// What AWS says when there are too many requests.
    pub fn throttled(self) -> Fault {
        let (status, code) = match self.protocol() {
            Protocol::Query | Protocol::RestXml | Protocol::Cbor => (400, "Throttling"),
            Protocol::Ec2 => (503, "RequestLimitExceeded"),
            Protocol::S3 => (503, "SlowDown"),
            Protocol::RestJson => (429, "TooManyRequestsException"),
            Protocol::Json11 => (400, "ThrottlingException"),
            Protocol::Plain => (429, "TOO_MANY_REQUESTS"),
        };
        Fault::new(status, code, "Rate exceeded")
    }

    /// What AWS says to an operation that the service does not have, or that the local cloud does not know.
    pub fn unknown(self, operation: &str) -> Fault {
        let message = format!("The action {operation} is not valid for this web service.");
        match self.protocol() {
            Protocol::Query | Protocol::Ec2 | Protocol::Cbor => Fault::new(400, "InvalidAction", message),
            Protocol::S3 => Fault::new(
                501,
                "NotImplemented",
                "A header or query you provided requested a function that is not implemented.",
            ),
            Protocol::RestXml | Protocol::RestJson | Protocol::Json11 => {
                Fault::new(400, "UnknownOperationException", message)
            }
            Protocol::Plain => Fault::new(404, "NOT_FOUND", "The requested resource was not found"),
        }
    }

    /// Answers a call.
    ///
    /// # Errors
    /// What AWS would refuse.
    pub fn handle(self, state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
        match self {
            Self::Acm => acm::handle(state, cx, call),
            Self::Beanstalk => beanstalk::handle(state, cx, call),
            Self::CloudFront => cloudfront::handle(state, cx, call),
            Self::CloudWatch => cloudwatch::handle(state, cx, call),
            Self::Ec2 => ec2::handle(state, cx, call),
            Self::ElastiCache => elasticache::handle(state, cx, call),
            Self::Elbv2 => elbv2::handle(state, cx, call),
            Self::GoDaddy => godaddy::handle(state, cx, call),
            Self::Iam => iam::handle(state, cx, call),
            Self::Mq => mq::handle(state, cx, call),
            Self::Rds => rds::handle(state, cx, call),
            Self::Route53 => route53::handle(state, cx, call),
            Self::S3 => s3::handle(state, cx, call),
            Self::SecretsManager => secrets_manager::handle(state, cx, call),
            Self::Sns => sns::handle(state, cx, call),
            Self::Ssm => ssm::handle(state, cx, call),
            Self::Sts => sts::handle(cx, call),
        }
    }
}
