//! What the driver of environments asks of AWS, and what Beanstalk asks in its caller's name: it makes load balancers,
//! groups of instances and the like by CloudFormation, with the caller's own rights.
//!
//! Source: the parts of AWS's managed policy `AdministratorAccess-AWSElasticBeanstalk` (version 7, February 2026) that
//! a web-server environment behind an application load balancer needs; without workers (SQS, DynamoDB), containers
//! (ECS), CodeBuild and a database inside the environment.

use super::environment::{CREATE, TERMINATE, UPDATE};
use super::resources::MODIFY_LISTENER;
use super::{TAGS, platform};
use crate::cloud::Permission;
use crate::cloud::permission::{ANY, Condition};
use crate::cloud::s3::{DELETE_POLICY, GET_POLICY, PUT_POLICY};

const ENVIRONMENT: &[&str] = &["elasticbeanstalk:{here}:environment/{application}/{name}"];
const PLATFORMS: &[&str] = &["elasticbeanstalk:{region}::platform/*"];
const STACKS: &[&str] = &["cloudformation:{here}:stack/awseb-*", "cloudformation:{here}:stack/eb-*"];
const ALARMS: &[&str] = &["cloudwatch:{here}:alarm:awseb-*", "cloudwatch:{here}:alarm:eb-*"];
const GROUPS: &[&str] = &[
    "autoscaling:{here}:launchConfiguration:*:launchConfigurationName/awseb-e-*",
    "autoscaling:{here}:launchConfiguration:*:launchConfigurationName/eb-*",
    "autoscaling:{here}:autoScalingGroup:*:autoScalingGroupName/awseb-e-*",
    "autoscaling:{here}:autoScalingGroup:*:autoScalingGroupName/eb-*",
];
const BALANCERS: &[&str] = &[
    "elasticloadbalancing:{here}:targetgroup/awseb-*",
    "elasticloadbalancing:{here}:loadbalancer/app/awseb-*",
    "elasticloadbalancing:{here}:listener/app/awseb-*",
    "elasticloadbalancing:{here}:listener-rule/app/awseb-*",
];
/// A load balancer of somebody else, that the environment shares.
const SHARED: &[&str] = &[
    "elasticloadbalancing:{here}:loadbalancer/app/{every load_balancer}/*",
    "elasticloadbalancing:{here}:listener/app/{every load_balancer}/*",
    "elasticloadbalancing:{here}:listener-rule/app/{every load_balancer}/*",
];
const BUCKET: &[&str] = &["s3:::elasticbeanstalk-{region}-{account}"];
const FILES: &[&str] = &["s3:::elasticbeanstalk-{region}-{account}/*"];
/// Those that take the access logs of a load balancer.
const LOGGED_INTO: &[&str] = &["s3:::{every bucket}"];
const LOGS: &[&str] = &["logs:{here}:log-group:/aws/elasticbeanstalk/*"];
const SERVICE_ROLE: &[&str] = &["{role service_role}"];
const ROLES: &[&str] = &["{role service_role}", "{roles instance_profile}"];
/// Each service's own role only: its name is part of the path.
const SERVICE_ROLES: &[&str] = &[
    "iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling*",
    "iam::{account}:role/aws-service-role/elasticbeanstalk.amazonaws.com/AWSServiceRoleForElasticBeanstalk*",
    "iam::{account}:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing*",
];
const PASSED: Condition = Condition {
    operator: "StringEquals",
    key: "iam:PassedToService",
    values: &[
        "elasticbeanstalk.amazonaws.com",
        "ec2.amazonaws.com",
        "ec2.amazonaws.com.cn",
        "autoscaling.amazonaws.com",
        "elasticloadbalancing.amazonaws.com",
        "cloudformation.amazonaws.com",
    ],
};
const BY_TEMPLATE: Condition = Condition {
    operator: "ArnLike",
    key: "ec2:LaunchTemplate",
    values: &["arn:{partition}:ec2:{here}:launch-template/*"],
};
const OF_STACK: Condition = Condition {
    operator: "StringLike",
    key: "ec2:ResourceTag/aws:cloudformation:stack-id",
    values: &[
        "arn:{partition}:cloudformation:{here}:stack/awseb-e-*",
        "arn:{partition}:cloudformation:{here}:stack/eb-*",
    ],
};

const OF_LOGS: &str = "only when the load balancer logs into the bucket";
const IN_ITS_NAME: &str = "Beanstalk does it in its caller's name";
const OF_BALANCER: &str = "only when a listener begins or ceases to redirect";

/// What is said of [`super::Environment`].
pub(super) const PERMISSIONS: &[Permission] = &[
    Permission::look("elasticbeanstalk:DescribeEnvironments", ENVIRONMENT),
    Permission::look("elasticbeanstalk:DescribeEnvironmentResources", ENVIRONMENT),
    Permission::look("elasticbeanstalk:DescribeEvents", ENVIRONMENT),
    Permission::look("elasticbeanstalk:DescribeConfigurationSettings", ENVIRONMENT),
    Permission::look("elasticbeanstalk:DescribeConfigurationOptions", ENVIRONMENT)
        .because("only to tell the platform's own variables from those that somebody set"),
    Permission::look("elasticbeanstalk:ListTagsForResource", ENVIRONMENT),
    Permission::look("elasticbeanstalk:DescribePlatformVersion", PLATFORMS)
        .because("only to tell the platform's own image from one that somebody chose"),
    Permission::look("elasticloadbalancing:DescribeLoadBalancers", ANY),
    Permission::look("elasticloadbalancing:DescribeListeners", ANY),
    Permission::look("ec2:DescribeSecurityGroups", ANY),
    Permission::look(GET_POLICY, LOGGED_INTO).beside("bucket").because(OF_LOGS),
    Permission::change(PUT_POLICY, LOGGED_INTO).beside("bucket").because(OF_LOGS),
    Permission::change(DELETE_POLICY, LOGGED_INTO).beside("bucket").because(OF_LOGS),
    Permission::delete(PUT_POLICY, LOGGED_INTO).beside("bucket").because(OF_LOGS),
    Permission::delete(DELETE_POLICY, LOGGED_INTO).beside("bucket").because(OF_LOGS),
    Permission::look("sts:GetCallerIdentity", ANY),
    Permission::change(platform::LIST, PLATFORMS),
    Permission::change(platform::BRANCHES, ANY).because("only to say which platforms there are"),
    Permission::change("iam:GetInstanceProfile", &["{profile instance_profile}"]),
    Permission::change("iam:GetRole", SERVICE_ROLE),
    Permission::change(CREATE, ENVIRONMENT),
    Permission::change(UPDATE, ENVIRONMENT),
    Permission::tag(TAGS.set, ENVIRONMENT).because("only when a tag changes"),
    Permission::change(MODIFY_LISTENER, BALANCERS).because(OF_BALANCER),
    Permission::change("elasticloadbalancing:DescribeTargetGroups", ANY).because(OF_BALANCER),
    Permission::delete(TERMINATE, ENVIRONMENT),
    Permission::change("iam:PassRole", ROLES).only(PASSED).because(IN_ITS_NAME),
    Permission::change("iam:CreateServiceLinkedRole", SERVICE_ROLES).because(IN_ITS_NAME),
    Permission::look("autoscaling:Describe*", ANY).because(IN_ITS_NAME),
    Permission::look("cloudformation:Describe*", ANY).because(IN_ITS_NAME),
    Permission::look("cloudformation:Get*", ANY).because(IN_ITS_NAME),
    Permission::look("cloudformation:List*", ANY).because(IN_ITS_NAME),
    Permission::look("cloudwatch:DescribeAlarms", ANY).because(IN_ITS_NAME),
    Permission::look("ec2:Describe*", ANY).because(IN_ITS_NAME),
    Permission::look("elasticloadbalancing:Describe*", ANY).because(IN_ITS_NAME),
    Permission::look("logs:Describe*", ANY).because(IN_ITS_NAME),
    Permission::look("s3:GetObject", FILES).because(IN_ITS_NAME),
    Permission::look("s3:ListBucket", BUCKET).because(IN_ITS_NAME),
    Permission::look("s3:GetBucket*", BUCKET).because(IN_ITS_NAME),
    Permission::change("s3:PutObject", FILES).because(IN_ITS_NAME),
    Permission::change("s3:PutObjectAcl", FILES).because(IN_ITS_NAME),
    Permission::tag("autoscaling:*", GROUPS).because(IN_ITS_NAME),
    Permission::change("cloudformation:CancelUpdateStack", STACKS).because(IN_ITS_NAME),
    Permission::change("cloudformation:ContinueUpdateRollback", STACKS).because(IN_ITS_NAME),
    Permission::change("cloudformation:CreateStack", STACKS).because(IN_ITS_NAME),
    Permission::change("cloudformation:SignalResource", STACKS).because(IN_ITS_NAME),
    Permission::tag("cloudformation:TagResource", STACKS).because(IN_ITS_NAME),
    Permission::change("cloudformation:UntagResource", STACKS).because(IN_ITS_NAME),
    Permission::tag("cloudformation:UpdateStack", STACKS).because(IN_ITS_NAME),
    Permission::change("cloudwatch:PutMetricAlarm", ALARMS).because(IN_ITS_NAME),
    Permission::change("ec2:AuthorizeSecurityGroup*", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:CreateLaunchTemplate*", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:CreateSecurityGroup", ANY).because(IN_ITS_NAME),
    Permission::tag("ec2:CreateTags", ANY).because(IN_ITS_NAME),
    Permission::change("ec2:RunInstances", ANY).only(BY_TEMPLATE).because(IN_ITS_NAME),
    Permission::tag("elasticloadbalancing:*", BALANCERS).because(IN_ITS_NAME),
    Permission::change("elasticloadbalancing:CreateRule", SHARED)
        .beside("load_balancer")
        .because(IN_ITS_NAME),
    Permission::change("elasticloadbalancing:ModifyRule", SHARED)
        .beside("load_balancer")
        .because(IN_ITS_NAME),
    Permission::change("elasticloadbalancing:SetRulePriorities", SHARED)
        .beside("load_balancer")
        .because(IN_ITS_NAME),
    Permission::change("elasticloadbalancing:SetSecurityGroups", SHARED)
        .beside("load_balancer")
        .because(IN_ITS_NAME),
    Permission::tag("elasticloadbalancing:AddTags", SHARED).beside("load_balancer").because(IN_ITS_NAME),
    Permission::delete("elasticloadbalancing:DeleteRule", SHARED)
        .beside("load_balancer")
        .because(IN_ITS_NAME),
    Permission::delete("elasticloadbalancing:RemoveTags", SHARED)
        .beside("load_balancer")
        .because(IN_ITS_NAME),
    Permission::delete("elasticloadbalancing:SetSecurityGroups", SHARED)
        .beside("load_balancer")
        .because(IN_ITS_NAME),
    Permission::change("logs:CreateLogGroup", LOGS).because(IN_ITS_NAME),
    Permission::change("logs:PutRetentionPolicy", LOGS).because(IN_ITS_NAME),
    Permission::delete("autoscaling:*", GROUPS).because(IN_ITS_NAME),
    Permission::delete("cloudformation:DeleteStack", STACKS).because(IN_ITS_NAME),
    Permission::delete("cloudwatch:DeleteAlarms", ALARMS).because(IN_ITS_NAME),
    Permission::delete("ec2:DeleteLaunchTemplate*", ANY).because(IN_ITS_NAME),
    Permission::delete("ec2:DeleteSecurityGroup", ANY).because(IN_ITS_NAME),
    Permission::delete("ec2:RevokeSecurityGroup*", ANY).because(IN_ITS_NAME),
    Permission::delete("ec2:TerminateInstances", &["ec2:{here}:instance/*"])
        .only(OF_STACK)
        .because(IN_ITS_NAME),
    Permission::delete("elasticloadbalancing:*", BALANCERS).because(IN_ITS_NAME),
    Permission::delete("logs:DeleteLogGroup", LOGS).because(IN_ITS_NAME),
    Permission::delete("s3:DeleteObject", FILES).because(IN_ITS_NAME),
];
