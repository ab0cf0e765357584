//! Which driver serves which kind.

use super::{Driver, acm, beanstalk, cloudfront, dns, ec2, elasticache, elb, iam, mq, rds, s3, watch};

/// The driver of a kind of `stdlib/`, of a separate block (`security_group.allow`), or of what rollout actions make
/// (`s3.object`, `beanstalk.storage`, `beanstalk.version`, `beanstalk.deployment`, `beanstalk.swap`,
/// `cloudfront.invalidation`).
pub fn driver(kind: &str) -> Option<&'static dyn Driver> {
    let driver: &'static dyn Driver = match kind {
        "vpc" => &ec2::Vpc,
        "key_pair" => &ec2::KeyPair,
        "load_balancer" => &elb::LoadBalancer,
        "security_group" => &ec2::SecurityGroup,
        "security_group.allow" => &ec2::Rule,
        "db_instance" => &rds::DbInstance,
        "db_parameter_group" => &rds::DbParameterGroup,
        "db_subnet_group" => &rds::DbSubnetGroup,
        "cache_cluster" => &elasticache::CacheCluster,
        "cache_parameter_group" => &elasticache::CacheParameterGroup,
        "cache_subnet_group" => &elasticache::CacheSubnetGroup,
        "replication_group" => &elasticache::ReplicationGroup,
        "broker" => &mq::Broker,
        "broker_configuration" => &mq::BrokerConfiguration,
        "bucket" => &s3::Bucket,
        "s3.object" => &s3::Object,
        "application" => &beanstalk::Application,
        "certificate" => &acm::Certificate,
        "distribution" => &cloudfront::Distribution,
        "environment" => &beanstalk::Environment,
        "alarm" => &watch::Alarm,
        "topic" => &watch::Topic,
        "role" => &iam::Role,
        "instance_profile" => &iam::InstanceProfile,
        "hosted_zone" => &dns::HostedZone,
        "record" => &dns::Record,
        "beanstalk.deployment" => &beanstalk::Deployment,
        "beanstalk.storage" => &beanstalk::Storage,
        "beanstalk.swap" => &beanstalk::Swap,
        "beanstalk.version" => &beanstalk::Version,
        "cloudfront.invalidation" => &cloudfront::Invalidation,
        _ => return None,
    };
    Some(driver)
}
