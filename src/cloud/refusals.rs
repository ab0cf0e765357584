//! What AWS's error codes mean for whoever called: try again, look again, or stop and say what to do.
//!
//! Sources: the service models of botocore and terraform-provider-aws, whose retry rules come from the field.

use std::time::Duration;

use super::Retry;

/// What a refusal means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What the scheduler does.
    pub retry: Retry,
    /// A code of our own in place of AWS's.
    pub code: Option<&'static str>,
    /// Words that say what to do, with AWS's own in them.
    pub message: Option<String>,
}

/// Judges a refusal.
pub(super) fn judge(operation: &str, code: &str, message: &str, status: u16) -> Verdict {
    let plain = |retry| Verdict { retry, code: None, message: None };
    let said = |code, message| Verdict { retry: Retry::No, code, message: Some(message) };
    if is_throttling(code) {
        return plain(Retry::Backoff);
    }
    if let Some(advice) = credentials(code, message) {
        return said(Some("credentials"), format!("{advice} ({code}: {message})"));
    }
    if let Some(row) = ROWS.iter().find(|row| row.fits(operation, code, message)) {
        return match row.then {
            Then::Do(retry) => plain(retry),
            Then::Say(words) if message.is_empty() => said(None, words.to_owned()),
            Then::Say(words) => said(None, format!("{message}; {words}")),
        };
    }
    if is_quota(code) {
        let quota = match quota_of(operation, code) {
            Some(quota) => format!("the account has as many {quota} as its quota allows"),
            None => "a quota of the account is reached".to_owned(),
        };
        let words = format!(
            "{quota}: delete what is no longer needed, or have the quota raised (Service Quotas in the console), then go on \
             with the run"
        );
        return said(None, if message.is_empty() { words } else { format!("{message}; {words}") });
    }
    if is_denied(code) {
        let message = if message.is_empty() { "access denied" } else { message };
        return said(
            None,
            format!(
                "{message}; the user or role that vpipe runs as lacks the permission for `{operation}`: let whoever \
                 manages the account's IAM grant it (`vpipe permissions` prints all that a file needs), then go on with the run"
            ),
        );
    }
    plain(if status >= 500 || TRANSIENT.contains(&code) { Retry::Backoff } else { Retry::No })
}

/// Whether a code means "too many requests": the call was not made.
pub(super) fn is_throttling(code: &str) -> bool {
    THROTTLING.contains(&code)
}

const THROTTLING: [&str; 13] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Whether a code means that the account may not have more of something.
fn is_quota(code: &str) -> bool {
    let ends = ["QuotaExceeded", "LimitExceeded", "ForCustomerExceeded"];
    let code = code.trim_end_matches("Exception").trim_end_matches("Fault");
    ends.iter().any(|end| code.ends_with(end)) || code.starts_with("TooMany")
}

/// What the quota counts that an operation has reached.
fn quota_of(operation: &str, code: &str) -> Option<&'static str> {
    Some(match (operation, code) {
        ("rds:CreateDBInstance" | "rds:RestoreDBInstanceFromDBSnapshot", "InstanceQuotaExceeded") => {
            "DB instances"
        }
        ("rds:CreateDBInstance" | "rds:ModifyDBInstance", "StorageQuotaExceeded") => "GiB of DB storage",
        (_, "NodeQuotaForCustomerExceeded") => "cache nodes",
        ("elasticache:CreateCacheCluster", "ClusterQuotaForCustomerExceeded") => "cache clusters",
        ("elasticbeanstalk:CreateEnvironment", _) => "Beanstalk environments",
        ("elasticbeanstalk:CreateApplication", _) => "Beanstalk applications",
        ("elasticbeanstalk:CreateApplicationVersion", _) => "application versions",
        ("iam:CreateRole", _) => "IAM roles",
        ("iam:CreateInstanceProfile", _) => "instance profiles",
        ("ec2:CreateSecurityGroup", _) => "security groups of the VPC",
        ("ec2:AuthorizeSecurityGroupIngress", _) => "rules of a security group",
        (
            "cloudfront:CreateDistribution" | "cloudfront:CreateDistributionWithTags",
            "TooManyDistributions",
        ) => "CloudFront distributions",
        ("s3:CreateBucket", _) => "S3 buckets",
        ("route53:CreateHostedZone", _) => "hosted zones",
        ("acm:RequestCertificate", _) => "ACM certificates",
        ("sns:CreateTopic", _) => "SNS topics",
        ("cloudwatch:PutMetricAlarm", _) => "CloudWatch alarms",
        _ => return None,
    })
}

/// Whether a code means that the caller may not do it.
pub(super) fn is_denied(code: &str) -> bool {
    DENIED.contains(&code)
}

/// What services say to a caller that may not make a call.
const DENIED: [&str; 8] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "Client.UnauthorizedOperation",
    "Forbidden",
    "InsufficientPrivilegesException",
    "NotAuthorized",
    "UnauthorizedOperation",
];

const TRANSIENT: [&str; 8] = [
    "ConcurrentModification",
    "ConditionalRequestConflict",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
];

/// What to do when AWS does not accept the caller.
fn credentials(code: &str, message: &str) -> Option<&'static str> {
    let skewed = message.contains("Signature expired") || message.contains("Signature not yet current");
    Some(match code {
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
            "the credentials have expired: sign in again, such as with `aws sso login`, or set a new `AWS_SESSION_TOKEN`"
        }
        "RequestExpired" | "RequestTimeTooSkewed" => CLOCK,
        "SignatureDoesNotMatch" | "InvalidSignatureException" if skewed => CLOCK,
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "IncompleteSignature" => {
            "AWS does not accept the signature: the secret access key does not belong to the access key id; look at \
             `AWS_SECRET_ACCESS_KEY`, or at the profile"
        }
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "AuthFailure"
        | "InvalidToken" => {
            "AWS does not know the credentials: the access key is wrong, deleted, or of another partition; look at \
             `AWS_ACCESS_KEY_ID` and `AWS_SESSION_TOKEN`, or choose another with `--profile`"
        }
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => {
            "the request carried no credentials; sign in, or choose a profile with `--profile`"
        }
        "OptInRequired" | "SubscriptionRequiredException" => {
            "the account is not signed up for this service or has not enabled this region; enable it in the console"
        }
        _ => return None,
    })
}

const CLOCK: &str = "AWS says that the request is from another time: set this machine's clock";

/// How the complaint begins that there are no credentials at all.
pub(super) const NOT_FOUND: &str = "no credentials were found";

/// What to do when no credentials were found, or could not be loaded for the reason given.
pub(super) fn no_credentials(words: &str) -> String {
    let lower = words.to_lowercase();
    if words.is_empty() {
        return format!(
            "{NOT_FOUND}: sign in with `aws sso login` or `aws configure`, choose a profile with \
                `--profile`, or set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; `--local` needs none"
        );
    }
    if lower.contains("imds") || lower.contains("metadata") {
        // The last place of the chain: whoever gets there has none anywhere else.
        return format!("{} (instance metadata: {words})", no_credentials(""));
    }
    let sso = lower.contains("sso") || lower.contains("access token");
    if sso
        && ["expired", "no such file", "failed to load", "failed to read", "not found", "invalid"]
            .iter()
            .any(|w| lower.contains(w))
    {
        return format!(
            "the sign-in session has expired: run `aws sso login`, with the same `--profile` ({words})"
        );
    }
    if lower.contains("profile") && (lower.contains("not defined") || lower.contains("not found")) {
        return format!("there is no such profile: `aws configure list-profiles` names them ({words})");
    }
    format!("the credentials could not be loaded: {words}")
}

/// A rule: a refusal that fits is met in this way.
struct Row {
    /// `rds:CreateDBInstance`, or `rds:` for every operation of the service.
    operation: &'static str,
    /// AWS's code.
    code: &'static str,
    /// Words that AWS's message must hold; empty for any message.
    words: &'static str,
    then: Then,
}

enum Then {
    Do(Retry),
    Say(&'static str),
}

impl Row {
    fn fits(&self, operation: &str, code: &str, message: &str) -> bool {
        let operations = self.operation.ends_with(':') && operation.starts_with(self.operation);
        self.code == code && (operations || self.operation == operation) && message.contains(self.words)
    }
}

const fn row(operation: &'static str, code: &'static str, retry: Retry) -> Row {
    Row { operation, code, words: "", then: Then::Do(retry) }
}

const fn worded(operation: &'static str, code: &'static str, words: &'static str, retry: Retry) -> Row {
    Row { operation, code, words, then: Then::Do(retry) }
}

const fn say(operation: &'static str, code: &'static str, words: &'static str, advice: &'static str) -> Row {
    Row { operation, code, words, then: Then::Say(advice) }
}

const fn after(seconds: u64) -> Retry {
    Retry::After(Duration::from_secs(seconds))
}

/// The first row that fits decides.
const ROWS: &[Row] = &[
    // EC2
    row("ec2:AuthorizeSecurityGroupIngress", "InvalidGroup.NotFound", after(2)),
    row("ec2:CreateTags", "InvalidGroup.NotFound", after(2)),
    row("ec2:CreateTags", "InvalidSecurityGroupRuleId.NotFound", after(2)),
    row("ec2:", "InvalidGroup.Duplicate", Retry::Exists),
    row("ec2:", "InvalidPermission.Duplicate", Retry::Exists),
    row("ec2:", "InvalidGroup.NotFound", Retry::Gone),
    row("ec2:", "InvalidGroupId.NotFound", Retry::Gone),
    row("ec2:", "InvalidPermission.NotFound", Retry::Gone),
    row("ec2:", "InvalidSecurityGroupRuleId.NotFound", Retry::Gone),
    row("ec2:DescribeVpcs", "InvalidVpcID.NotFound", Retry::Gone),
    row("ec2:", "InvalidKeyPair.NotFound", Retry::Gone),
    row("ec2:", "DependencyViolation", after(15)),
    row("ec2:", "InvalidGroup.InUse", after(15)),
    row("ec2:", "Unavailable", Retry::Backoff),
    // RDS
    row("rds:", "DBInstanceAlreadyExists", Retry::Exists),
    row("rds:", "DBSubnetGroupAlreadyExists", Retry::Exists),
    row("rds:", "DBParameterGroupAlreadyExists", Retry::Exists),
    row("rds:DescribeDBParameterGroups", "DBParameterGroupNotFound", Retry::Gone),
    row("rds:DescribeDBParameters", "DBParameterGroupNotFound", Retry::Gone),
    row("rds:ModifyDBParameterGroup", "DBParameterGroupNotFound", Retry::Gone),
    row("rds:ResetDBParameterGroup", "DBParameterGroupNotFound", Retry::Gone),
    row("rds:DeleteDBParameterGroup", "DBParameterGroupNotFound", Retry::Gone),
    // Something still uses it, or its last change is being applied.
    row("rds:", "InvalidDBParameterGroupState", after(15)),
    row("rds:DescribeDBSnapshots", "DBSnapshotNotFound", Retry::Gone),
    row("rds:", "InvalidDBSnapshotState", after(30)),
    row("rds:DeleteDBInstance", "DBSnapshotAlreadyExists", Retry::Exists),
    row("rds:", "DBInstanceNotFound", Retry::Gone),
    row("rds:", "DBInstanceNotFoundFault", Retry::Gone),
    row("rds:DescribeDBSubnetGroups", "DBSubnetGroupNotFoundFault", Retry::Gone),
    row("rds:ModifyDBSubnetGroup", "DBSubnetGroupNotFoundFault", Retry::Gone),
    row("rds:DeleteDBSubnetGroup", "DBSubnetGroupNotFoundFault", Retry::Gone),
    worded("rds:DeleteDBInstance", "InvalidDBInstanceState", "already being deleted", Retry::Gone),
    row("rds:", "InvalidDBInstanceState", after(15)),
    row("rds:", "InvalidDBInstanceStateFault", after(15)),
    row("rds:", "InvalidDBSubnetGroupStateFault", after(15)),
    worded("rds:", "InvalidParameterValue", "ENHANCED_MONITORING", after(10)),
    worded("rds:", "InvalidParameterValue", "IAM role ARN value is invalid", after(10)),
    worded("rds:", "ValidationError", "RDS couldn't fetch the role from instance profile", after(10)),
    say(
        "rds:",
        "InvalidParameterCombination",
        "deletion pro",
        "write `deletion_protection = false`, run, and then delete",
    ),
    say(
        "rds:",
        "InsufficientDBInstanceCapacity",
        "",
        "AWS has no such instance left there: choose another `class`, or other subnets",
    ),
    say(
        "rds:",
        "DBSubnetGroupDoesNotCoverEnoughAZs",
        "",
        "give the subnet group subnets in two availability zones at least",
    ),
    // ElastiCache
    row("elasticache:", "CacheClusterAlreadyExists", Retry::Exists),
    row("elasticache:", "CacheSubnetGroupAlreadyExists", Retry::Exists),
    row("elasticache:", "CacheParameterGroupAlreadyExists", Retry::Exists),
    row("elasticache:DescribeCacheParameterGroups", "CacheParameterGroupNotFound", Retry::Gone),
    row("elasticache:DescribeCacheParameters", "CacheParameterGroupNotFound", Retry::Gone),
    row("elasticache:ModifyCacheParameterGroup", "CacheParameterGroupNotFound", Retry::Gone),
    row("elasticache:ResetCacheParameterGroup", "CacheParameterGroupNotFound", Retry::Gone),
    row("elasticache:DeleteCacheParameterGroup", "CacheParameterGroupNotFound", Retry::Gone),
    row("elasticache:", "InvalidCacheParameterGroupState", after(15)),
    row("elasticache:", "CacheClusterNotFound", Retry::Gone),
    row("elasticache:DescribeCacheSubnetGroups", "CacheSubnetGroupNotFoundFault", Retry::Gone),
    row("elasticache:ModifyCacheSubnetGroup", "CacheSubnetGroupNotFoundFault", Retry::Gone),
    row("elasticache:DeleteCacheSubnetGroup", "CacheSubnetGroupNotFoundFault", Retry::Gone),
    row("elasticache:", "ReplicationGroupAlreadyExists", Retry::Exists),
    row("elasticache:DeleteReplicationGroup", "SnapshotAlreadyExistsFault", Retry::Exists),
    row("elasticache:DescribeSnapshots", "SnapshotNotFoundFault", Retry::Gone),
    row("elasticache:", "ReplicationGroupNotFoundFault", Retry::Gone),
    row("elasticache:ListTagsForResource", "InvalidReplicationGroupState", Retry::Gone),
    row("elasticache:", "InvalidReplicationGroupState", after(15)),
    // AWS does not tell the tags of a cluster that is being made or deleted.
    row("elasticache:ListTagsForResource", "InvalidCacheClusterState", Retry::Gone),
    row("elasticache:ListTagsForResource", "InvalidCacheClusterStateFault", Retry::Gone),
    say(
        "elasticache:DeleteCacheCluster",
        "InvalidCacheClusterState",
        "replication group",
        "it belongs to a replication group; delete that group",
    ),
    row("elasticache:", "InvalidCacheClusterState", after(15)),
    row("elasticache:", "CacheSubnetGroupInUse", after(15)),
    worded("elasticache:DeleteCacheSubnetGroup", "DependencyViolation", "", after(15)),
    say(
        "elasticache:",
        "InsufficientCacheClusterCapacity",
        "",
        "AWS has no such node left there: choose another `node_type`",
    ),
    // Amazon MQ
    row("mq:CreateBroker", "ConflictException", Retry::Exists),
    row("mq:CreateConfiguration", "ConflictException", Retry::Exists),
    row("mq:", "ConflictException", after(15)),
    row("mq:", "NotFoundException", Retry::Gone),
    // A broker that is gone for a while answers so (terraform-provider-aws).
    row("mq:DescribeBroker", "ForbiddenException", Retry::Gone),
    worded("mq:", "BadRequestException", "state", after(15)),
    // S3
    row("s3:", "BucketAlreadyOwnedByYou", Retry::Exists),
    say(
        "s3:",
        "BucketAlreadyExists",
        "",
        "another AWS account has a bucket of this name; choose another `name`",
    ),
    row("s3:HeadBucket", "NotFound", Retry::Gone),
    row("s3:HeadObject", "NotFound", Retry::Gone),
    row("s3:GetBucketPolicy", "NoSuchBucket", Retry::Gone),
    row("s3:DeleteBucketPolicy", "NoSuchBucket", Retry::Gone),
    row("s3:ListObjectVersions", "NoSuchBucket", Retry::Gone),
    row("s3:DeleteBucket", "NoSuchBucket", Retry::Gone),
    row("s3:DeleteObject", "NoSuchBucket", Retry::Gone),
    row("s3:DeleteObjects", "NoSuchBucket", Retry::Gone),
    // Right after a bucket was made its settings may not find it yet.
    row("s3:", "NoSuchBucket", after(2)),
    row("s3:", "NoSuchKey", Retry::Gone),
    row("s3:", "NoSuchTagSet", Retry::Gone),
    row("s3:GetBucketPolicy", "NoSuchBucketPolicy", Retry::Gone),
    row("s3:", "NoSuchPublicAccessBlockConfiguration", Retry::Gone),
    row("s3:", "OwnershipControlsNotFoundError", Retry::Gone),
    row("s3:", "OperationAborted", after(5)),
    row("s3:DeleteBucket", "BucketNotEmpty", after(2)),
    say(
        "s3:HeadBucket",
        "Forbidden",
        "",
        "a bucket of this name belongs to another account, or you may not see it; choose another `name`, or ask for \
         `s3:ListBucket`",
    ),
    say("s3:", "PermanentRedirect", "", "a bucket of this name is in another region"),
    say("s3:HeadBucket", "BadRequest", "", "a bucket of this name is in another region"),
    // Elastic Beanstalk
    worded("elasticbeanstalk:", "InvalidParameterValue", "already exists", Retry::Exists),
    worded("elasticbeanstalk:", "InvalidParameterValue", "invalid state for this operation", after(15)),
    worded("elasticbeanstalk:", "InvalidParameterValue", "No Environment found", Retry::Gone),
    worded(
        "elasticbeanstalk:DeleteApplication",
        "InvalidParameterValue",
        "No Application named",
        Retry::Gone,
    ),
    worded("elasticbeanstalk:DeleteApplication", "InvalidParameterValue", "running environments", after(15)),
    say(
        "elasticbeanstalk:CreateEnvironment",
        "InvalidParameterValue",
        "is not available",
        "the names below `elasticbeanstalk.com` are shared by all customers: choose another `cname_prefix`",
    ),
    row("elasticbeanstalk:", "OperationInProgressFailure", after(15)),
    row("elasticbeanstalk:", "OperationInProgressException", after(15)),
    row("elasticbeanstalk:", "ResourceNotFoundException", Retry::Gone),
    // ELBv2
    row("elasticloadbalancing:", "LoadBalancerNotFound", Retry::Gone),
    row("elasticloadbalancing:", "TargetGroupNotFound", Retry::Gone),
    row("elasticloadbalancing:", "ListenerNotFound", Retry::Gone),
    row("elasticloadbalancing:", "DuplicateListener", Retry::Exists),
    row("elasticloadbalancing:", "CertificateNotFound", after(10)),
    row("elasticloadbalancing:", "ResourceInUse", after(15)),
    // CloudWatch and SNS
    row("cloudwatch:", "ResourceNotFound", Retry::Gone),
    row("cloudwatch:", "ResourceNotFoundException", Retry::Gone),
    row("sns:", "NotFound", Retry::Gone),
    row("sns:", "ResourceNotFound", Retry::Gone),
    row("sns:", "ConcurrentAccess", after(2)),
    // Somebody else's, or what a lost reply left: the next look tells.
    worded("sns:CreateTopic", "InvalidParameter", "already exists", Retry::Exists),
    // Secrets Manager and SSM
    row("secretsmanager:", "ResourceNotFoundException", Retry::Gone),
    row("ssm:", "ParameterNotFound", Retry::Gone),
    // ACM
    row("acm:", "ResourceNotFoundException", Retry::Gone),
    row("acm:", "ResourceInUseException", after(15)),
    // CloudFront
    row("cloudfront:", "DistributionAlreadyExists", Retry::Exists),
    row("cloudfront:", "NoSuchDistribution", Retry::Gone),
    row("cloudfront:", "NoSuchInvalidation", Retry::Gone),
    row("cloudfront:", "PreconditionFailed", after(1)),
    row("cloudfront:", "InvalidIfMatchVersion", after(1)),
    row("cloudfront:", "DistributionNotDisabled", after(15)),
    row("cloudfront:", "TooManyInvalidationsInProgress", after(30)),
    say(
        "cloudfront:",
        "CNAMEAlreadyExists",
        "",
        "another distribution, perhaps of another account, answers to one of the `aliases`: remove it there, or move it \
         with `aws cloudfront associate-alias`",
    ),
    say(
        "cloudfront:",
        "InvalidViewerCertificate",
        "",
        "the certificate must be issued, be in `us-east-1`, and cover each of the `aliases`",
    ),
    row("cloudfront:", "OriginAccessControlAlreadyExists", Retry::Exists),
    row("cloudfront:DeleteOriginAccessControl", "NoSuchOriginAccessControl", Retry::Gone),
    row("cloudfront:GetOriginAccessControl", "NoSuchOriginAccessControl", Retry::Gone),
    row("cloudfront:", "OriginAccessControlInUse", after(15)),
    // Route 53
    worded("route53:", "InvalidChangeBatch", "already exists", Retry::Exists),
    say(
        "route53:",
        "InvalidChangeBatch",
        "not permitted at apex",
        "a domain itself cannot be a CNAME: write `type = \"A\"` and `alias = …`",
    ),
    worded("route53:", "InvalidChangeBatch", "not found", Retry::Gone),
    row("route53:ChangeResourceRecordSets", "NoSuchHostedZone", after(5)),
    row("route53:", "NoSuchHostedZone", Retry::Gone),
    row("route53:", "HostedZoneAlreadyExists", Retry::Exists),
    // IAM
    row("iam:", "EntityAlreadyExists", Retry::Exists),
    // A profile holds one role: it is this one, or the next look tells.
    row("iam:AddRoleToInstanceProfile", "LimitExceeded", Retry::Exists),
    // What was just made may not be seen by what refers to it.
    worded("iam:AddRoleToInstanceProfile", "NoSuchEntity", "The role", after(2)),
    worded("iam:AttachRolePolicy", "NoSuchEntity", "The role", after(2)),
    say(
        "iam:AttachRolePolicy",
        "NoSuchEntity",
        "",
        "there is no such managed policy; look at `managed_policies`",
    ),
    worded("iam:", "MalformedPolicyDocument", "Invalid principal", after(5)),
    row("iam:", "NoSuchEntity", Retry::Gone),
    row("iam:", "DeleteConflict", after(5)),
    // Everywhere
    say(
        "sts:",
        "RegionDisabledException",
        "",
        "enable the region in the account's settings, or choose another `region`",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(operation: &str, code: &str, message: &str) -> Retry {
        judge(operation, code, message, 400).retry
    }

    #[test]
    fn the_same_code_means_different_things_to_different_calls() {
        assert_eq!(retry("ec2:AuthorizeSecurityGroupIngress", "InvalidGroup.NotFound", ""), after(2));
        assert_eq!(retry("ec2:DeleteSecurityGroup", "InvalidGroup.NotFound", ""), Retry::Gone);
        assert_eq!(retry("mq:CreateBroker", "ConflictException", ""), Retry::Exists);
        assert_eq!(retry("mq:UpdateBroker", "ConflictException", ""), after(15));
        assert_eq!(retry("s3:PutBucketVersioning", "NoSuchBucket", ""), after(2));
        assert_eq!(retry("s3:DeleteBucket", "NoSuchBucket", ""), Retry::Gone);
        assert_eq!(retry("rds:CreateDBInstance", "DBSubnetGroupNotFoundFault", ""), Retry::No);
    }

    #[test]
    fn messages_decide_where_codes_do_not() {
        let code = "InvalidParameterValue";
        assert_eq!(
            retry("elasticbeanstalk:CreateApplication", code, "Application x already exists."),
            Retry::Exists
        );
        assert_eq!(retry("elasticbeanstalk:CreateApplication", code, "Description too long"), Retry::No);
        let protected = judge(
            "rds:DeleteDBInstance",
            "InvalidParameterCombination",
            "Cannot delete, disable deletion pro…",
            400,
        );
        assert_eq!(protected.retry, Retry::No);
        assert!(protected.message.is_some_and(|m| m.contains("`deletion_protection = false`")));
    }

    #[test]
    fn the_caller_is_told_how_to_sign_in() {
        for (code, words) in [
            ("ExpiredToken", "aws sso login"),
            ("InvalidClientTokenId", "--profile"),
            ("SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
            ("RequestTimeTooSkewed", "clock"),
        ] {
            let verdict = judge("sts:GetCallerIdentity", code, "said AWS", 403);
            assert_eq!((verdict.retry, verdict.code), (Retry::No, Some("credentials")), "{code}");
            assert!(verdict.message.is_some_and(|m| m.contains(words) && m.contains("said AWS")), "{code}");
        }
        assert!(no_credentials("").contains("--local"));
        assert!(no_credentials("the SSO token has expired").contains("aws sso login"));
        let metadata = no_credentials("failed to load IMDS session token: request forbidden");
        assert!(metadata.starts_with(NOT_FOUND) && metadata.contains("forbidden"), "{metadata}");
    }

    #[test]
    fn servers_faults_are_tried_again_and_callers_are_not() {
        assert_eq!(judge("rds:X", "SomethingNew", "", 503).retry, Retry::Backoff);
        assert_eq!(judge("rds:X", "SomethingNew", "", 400).retry, Retry::No);
    }
}
