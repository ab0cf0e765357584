//! One SDK client a service, all from one configuration.

use aws_config::SdkConfig;
use std::sync::Arc;

use super::{Net, Shared};

/// The clients of one account and region. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clients {
    /// The configuration that they were made from.
    pub config: SdkConfig,
    /// Elastic Beanstalk.
    pub beanstalk: aws_sdk_elasticbeanstalk::Client,
    /// ElastiCache.
    pub elasticache: aws_sdk_elasticache::Client,
    /// RDS.
    pub rds: aws_sdk_rds::Client,
    /// CloudFront.
    pub cloudfront: aws_sdk_cloudfront::Client,
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// Elastic Load Balancing v2.
    pub elbv2: aws_sdk_elasticloadbalancingv2::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// Amazon MQ.
    pub mq: aws_sdk_mq::Client,
    /// Route 53.
    pub route53: aws_sdk_route53::Client,
    /// Certificate Manager in the pipeline's region.
    pub acm: aws_sdk_acm::Client,
    /// Certificate Manager in `us-east-1`, where CloudFront looks for its certificates.
    pub acm_us_east_1: aws_sdk_acm::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// Secrets Manager.
    pub secrets_manager: aws_sdk_secretsmanager::Client,
    /// Simple Notification Service.
    pub sns: aws_sdk_sns::Client,
    /// Systems Manager, for its parameters.
    pub ssm: aws_sdk_ssm::Client,
    /// CloudWatch.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// STS.
    pub sts: aws_sdk_sts::Client,
    /// HTTP outside AWS.
    pub net: Arc<dyn Net>,
    /// Reads that all who wait share.
    pub shared: Arc<Shared>,
}

impl Clients {
    /// Clients for a configuration; no request is made.
    pub fn new(config: SdkConfig, net: Arc<dyn Net>) -> Self {
        let us_east_1 = config.to_builder().region(aws_config::Region::new("us-east-1")).build();
        Self {
            beanstalk: aws_sdk_elasticbeanstalk::Client::new(&config),
            elasticache: aws_sdk_elasticache::Client::new(&config),
            rds: aws_sdk_rds::Client::new(&config),
            cloudfront: aws_sdk_cloudfront::Client::new(&config),
            ec2: aws_sdk_ec2::Client::new(&config),
            elbv2: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3_config(&config)),
            mq: aws_sdk_mq::Client::new(&config),
            route53: aws_sdk_route53::Client::new(&config),
            acm: aws_sdk_acm::Client::new(&config),
            acm_us_east_1: aws_sdk_acm::Client::new(&us_east_1),
            iam: aws_sdk_iam::Client::new(&config),
            secrets_manager: aws_sdk_secretsmanager::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            shared: Arc::new(Shared::new(config.time_source().unwrap_or_default())),
            config,
            net,
        }
    }
}

/// Behind a custom endpoint a bucket is part of the path: `BUCKET.127.0.0.1` is no name.
fn s3_config(config: &SdkConfig) -> aws_sdk_s3::Config {
    let custom = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    aws_sdk_s3::config::Builder::from(config).force_path_style(custom).build()
}
