"""What the local cloud or vpipe may do although botocore's models do not say so, each with its reason."""

# Codes that any operation may be refused with, by protocol or service.
ANY_OPERATION = {
    # "Common Errors" of the API references of Beanstalk, ElastiCache, ELB, IAM, RDS, SNS and STS.
    "query": {
        "AccessDenied", "ExpiredToken", "InternalFailure", "InvalidAction", "InvalidParameterCombination",
        "InvalidParameterValue", "MissingAction", "MissingAuthenticationToken", "MissingParameter", "Throttling", "ValidationError",
    },
    # "Common Errors" of the API references of CloudFront and Route 53.
    "rest-xml": {"AccessDenied", "ExpiredToken", "InternalFailure", "MalformedInput", "MissingAuthenticationToken", "Throttling"},
    # What the front ends of services with JSON and CBOR answer before the operation sees the call; a value that breaks
    # its model's constraints is a `ValidationException`.
    "json": {
        "AccessDeniedException", "ExpiredTokenException", "InternalFailure", "MissingAuthenticationToken", "SerializationException",
        "ThrottlingException", "UnknownOperationException", "ValidationException",
    },
    "smithy-rpc-v2-cbor": {
        "AccessDenied", "ExpiredTokenException", "InternalFailure", "MissingAuthenticationToken", "SerializationException",
        # Its name of the query protocol, which `x-amzn-query-error` has.
        "Throttling",
        "ThrottlingException", "UnknownOperationException", "ValidationException",
    },
    "rest-json": {
        "AccessDeniedException", "ExpiredTokenException", "MissingAuthenticationToken", "TooManyRequestsException",
        "UnknownOperationException",
    },
    # EC2's model has no errors. These are of "Error codes for the Amazon EC2 API", which lists them for all operations.
    "ec2": {
        "DependencyViolation", "InternalError", "InvalidAction", "InvalidGroup.Duplicate", "InvalidGroup.NotFound",
        "InvalidGroupId.Malformed", "InvalidInstanceID.NotFound", "InvalidKey.Format", "InvalidKeyPair.Duplicate",
        "InvalidKeyPair.NotFound", "InvalidNetworkInterfaceID.NotFound", "InvalidParameterValue",
        "InvalidPermission.Duplicate", "InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound",
        "InvalidSubnetID.NotFound", "InvalidVpcID.NotFound", "MissingParameter", "RequestExpired",
        "RequestLimitExceeded", "SecurityGroupLimitExceeded", "UnauthorizedOperation",
    },
}

# S3's model has few errors. These are of "Error responses", "List of error codes", with their statuses.
S3 = {
    "AccessDenied": 403, "BadDigest": 400, "BucketAlreadyExists": 409, "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409, "EntityTooLarge": 400, "ExpiredToken": 400, "IllegalLocationConstraintException": 400,
    "IncompleteBody": 400, "InternalError": 500, "InvalidArgument": 400, "InvalidBucketName": 400, "InvalidPart": 400,
    "InvalidPartOrder": 400, "InvalidRange": 416, "KeyTooLongError": 400, "MalformedPolicy": 400, "MalformedXML": 400,
    "MethodNotAllowed": 405, "NoSuchBucket": 404, "NoSuchBucketPolicy": 404, "NoSuchKey": 404, "NoSuchTagSet": 404,
    "NoSuchUpload": 404, "NoSuchVersion": 404, "NotImplemented": 501, "OwnershipControlsNotFoundError": 404,
    "PermanentRedirect": 301, "PreconditionFailed": 412, "SlowDown": 503,
    "TooManyBuckets": 400,
    # Not in the list; S3 answers it to GetPublicAccessBlock where there is none.
    "NoSuchPublicAccessBlockConfiguration": 404,
}

# Errors of an operation that its model does not have: (service, operation, code).
UNDECLARED = {
    # What Beanstalk answers to options that are not valid, as issues of its users show.
    ("elasticbeanstalk", "CreateEnvironment", "ConfigurationValidationException"),
    ("elasticbeanstalk", "UpdateEnvironment", "ConfigurationValidationException"),
    # The models list only some of the sorts of resources whose tags these read, and which may be gone or busy.
    ("elasticache", "ListTagsForResource", "InvalidCacheClusterState"),
    ("rds", "ListTagsForResource", "DBSubnetGroupNotFoundFault"),
    # The local cloud does not have these services; this code keeps clients from trying again.
    ("lambda", "*", "InvalidAction"), ("sqs", "*", "InvalidAction"),
}

# Where a model is wrong or older than the service: (path, what is said of it).
MODEL_IS_WRONG = {
    # Of what has no tags ELB answers an empty list, as `aws elbv2 describe-tags` shows.
    ("DescribeTags.TagDescriptions[].Tags", "less than 1"),
    # The documentation has `Ready` and so on as its status.
    ("DescribeEnvironmentHealth.Status", "not in the enumeration"),
    # The model that AWS's own `eb` CLI brings along has it, and `eb health` fails without.
    ("DescribeConfigurationSettings.ConfigurationSettings[]", "unknown element <Tier>"),
    # So does `eb clone` name the environment that is cloned.
    ("CreateEnvironment", "unknown member TemplateSpecification"),
}

# Operations that nobody can tour on a port, since their requests are another operation's but for the host.
NOT_TOURED = {
    # As ListBuckets.
    "s3:ListDirectoryBuckets",
}
