//! What drivers ask of AWS, and how IAM calls it. Each driver says it beside its calls ([`super::Driver::permissions`]);
//! `run` makes a policy of it, and a test holds it against the requests of whole runs.

/// When an operation is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// Whenever something is looked at: by a plan, a run and a destruction.
    Look,
    /// To make or change.
    Change,
    /// To delete, also when something is replaced.
    Delete,
}

/// A condition of an IAM statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// `StringEquals`, `StringLike`, `ArnLike`.
    pub operator: &'static str,
    /// `iam:PassedToService`.
    pub key: &'static str,
    /// Any of these; `{…}` as in [`Permission::on`].
    pub values: &'static [&'static str],
}

/// Only what this pipeline has made, by its tag.
pub const OURS: Condition =
    Condition { operator: "StringEquals", key: "aws:ResourceTag/vpipe:pipeline", values: &["{pipeline}"] };

/// A role is passed on to EC2 instances only.
pub const TO_INSTANCES: Condition = Condition {
    operator: "StringEquals",
    key: "iam:PassedToService",
    values: &["ec2.amazonaws.com", "ec2.amazonaws.com.cn"],
};

/// An operation that a driver calls, or that AWS calls in its caller's name.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// The operation with its IAM prefix, `rds:CreateDBInstance`; an action with wildcards for what only AWS calls.
    pub operation: &'static str,
    /// When it is called.
    pub when: When,
    /// The resources: `*`, or ARNs without `arn:` and partition. In them `{here}` is the region and account, `{region}`,
    /// `{account}` and `{pipeline}` are what they say, `{name}` is the physical name of the node, and `{ATTRIBUTE}` the
    /// attribute's text or the name of what it refers to; `*` stands where that is not known beforehand. `{every KIND}` is
    /// the name of each resource of the kind that the node refers to.
    ///
    /// `{role ATTRIBUTE}` and `{profile ATTRIBUTE}` are the role or instance profile that the attribute names,
    /// `{roles ATTRIBUTE}` the role that such a profile hands on, `{own role}` and `{own instance-profile}` the node itself:
    /// each a whole resource with its path.
    pub on: &'static [&'static str],
    /// Under which condition it is allowed.
    pub condition: Option<Condition>,
    /// Only for a node that refers to a resource of this kind.
    pub beside: Option<&'static str>,
    /// Whether it sets tags, which an adoption does as well.
    pub tags: bool,
    /// Why an ordinary run need not call it.
    pub because: Option<&'static str>,
}

impl Permission {
    const fn new(operation: &'static str, when: When, on: &'static [&'static str]) -> Self {
        Self { operation, when, on, condition: None, beside: None, tags: false, because: None }
    }

    /// An operation that looks.
    pub const fn look(operation: &'static str, on: &'static [&'static str]) -> Self {
        Self::new(operation, When::Look, on)
    }

    /// An operation that makes or changes.
    pub const fn change(operation: &'static str, on: &'static [&'static str]) -> Self {
        Self::new(operation, When::Change, on)
    }

    /// An operation that sets tags, or that AWS calls for new ones.
    pub const fn tag(operation: &'static str, on: &'static [&'static str]) -> Self {
        let mut permission = Self::change(operation, on);
        permission.tags = true;
        permission
    }

    /// An operation that deletes, or prepares it.
    pub const fn delete(operation: &'static str, on: &'static [&'static str]) -> Self {
        Self::new(operation, When::Delete, on)
    }

    /// Allowed only under a condition.
    pub const fn only(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Needed only by a node that refers to a resource of a kind.
    pub const fn beside(mut self, kind: &'static str) -> Self {
        self.beside = Some(kind);
        self
    }

    /// Not called by every run, and why it is needed all the same.
    pub const fn because(mut self, why: &'static str) -> Self {
        self.because = Some(why);
        self
    }
}

/// All resources, where AWS knows no others for an operation.
pub const ANY: &[&str] = &["*"];

/// The IAM actions that an operation needs: mostly the one of its name.
///
/// Source, unless said otherwise: the service authorization reference
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/>).
pub fn actions(operation: &str) -> Vec<&str> {
    let differing: &[&str] = match operation {
        // STS API reference, GetCallerIdentity: "No permissions are required".
        "sts:GetCallerIdentity" => &[],
        // S3 API reference, of each operation; a missing object is 404 only for who may list the bucket.
        "s3:HeadBucket" => &["s3:ListBucket"],
        "s3:HeadObject" => &["s3:GetObject"],
        "s3:CreateBucket" => &["s3:CreateBucket", "s3:TagResource"],
        "s3:GetPublicAccessBlock" => &["s3:GetBucketPublicAccessBlock"],
        "s3:PutPublicAccessBlock" => &["s3:PutBucketPublicAccessBlock"],
        "s3:ListObjectVersions" => &["s3:ListBucketVersions"],
        "s3:DeleteObjects" => &["s3:DeleteObject", "s3:DeleteObjectVersion"],
        "s3:ListBuckets" => &["s3:ListAllMyBuckets"],
        // CloudFront developer guide, "CloudFront API permissions". To tag it, `TagResource` on distributions is needed too.
        "cloudfront:CreateDistributionWithTags" => &["cloudfront:CreateDistribution"],
        // Beanstalk API reference, UpdateTagsForResource: "virtual actions instead of the API operation name".
        "elasticbeanstalk:UpdateTagsForResource" => {
            &["elasticbeanstalk:AddTags", "elasticbeanstalk:RemoveTags"]
        }
        // What takes tags when it makes something needs the right to tag as well.
        "elasticbeanstalk:CreateApplication" => {
            &["elasticbeanstalk:CreateApplication", "elasticbeanstalk:AddTags"]
        }
        "elasticbeanstalk:CreateApplicationVersion" => {
            &["elasticbeanstalk:CreateApplicationVersion", "elasticbeanstalk:AddTags"]
        }
        "elasticbeanstalk:CreateEnvironment" => {
            &["elasticbeanstalk:CreateEnvironment", "elasticbeanstalk:AddTags"]
        }
        _ => return vec![operation],
    };
    differing.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_its_own_action_unless_aws_names_it_otherwise() {
        assert_eq!(actions("rds:CreateDBInstance"), ["rds:CreateDBInstance"]);
        assert_eq!(actions("s3:HeadObject"), ["s3:GetObject"]);
        assert!(actions("sts:GetCallerIdentity").is_empty());
    }
}
