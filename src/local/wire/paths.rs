//! The paths of the REST services, from their service models. Extend the lists when a service learns an operation.

use crate::local::service::Service;

/// Method, path, operation. A path may end with a query flag that it needs.
pub type Path = (&'static str, &'static str, &'static str);

/// The paths of a service.
pub fn of(service: Service) -> &'static [Path] {
    match service {
        Service::CloudFront => CLOUDFRONT,
        Service::Mq => MQ,
        Service::Route53 => ROUTE53,
        _ => &[],
    }
}

const CLOUDFRONT: &[Path] = &[
    ("POST", "/2020-05-31/distribution?WithTags", "CreateDistributionWithTags"),
    ("POST", "/2020-05-31/tagging?Operation=Tag", "TagResource"),
    ("POST", "/2020-05-31/tagging?Operation=Untag", "UntagResource"),
    ("GET", "/2020-05-31/cache-policy", "ListCachePolicies"),
    ("GET", "/2020-05-31/cache-policy/{Id}", "GetCachePolicy"),
    ("POST", "/2020-05-31/distribution", "CreateDistribution"),
    ("GET", "/2020-05-31/distribution", "ListDistributions"),
    ("POST", "/2020-05-31/distribution/{DistributionId}/invalidation", "CreateInvalidation"),
    ("GET", "/2020-05-31/distribution/{DistributionId}/invalidation", "ListInvalidations"),
    ("GET", "/2020-05-31/distribution/{DistributionId}/invalidation/{Id}", "GetInvalidation"),
    ("DELETE", "/2020-05-31/distribution/{Id}", "DeleteDistribution"),
    ("GET", "/2020-05-31/distribution/{Id}", "GetDistribution"),
    ("GET", "/2020-05-31/distribution/{Id}/config", "GetDistributionConfig"),
    ("PUT", "/2020-05-31/distribution/{Id}/config", "UpdateDistribution"),
    ("GET", "/2020-05-31/distributionsByWebACLId/{WebACLId}", "ListDistributionsByWebACLId"),
    ("POST", "/2020-05-31/origin-access-control", "CreateOriginAccessControl"),
    ("GET", "/2020-05-31/origin-access-control", "ListOriginAccessControls"),
    ("DELETE", "/2020-05-31/origin-access-control/{Id}", "DeleteOriginAccessControl"),
    ("GET", "/2020-05-31/origin-access-control/{Id}", "GetOriginAccessControl"),
    ("GET", "/2020-05-31/origin-access-control/{Id}/config", "GetOriginAccessControlConfig"),
    ("PUT", "/2020-05-31/origin-access-control/{Id}/config", "UpdateOriginAccessControl"),
    ("GET", "/2020-05-31/origin-request-policy", "ListOriginRequestPolicies"),
    ("GET", "/2020-05-31/origin-request-policy/{Id}", "GetOriginRequestPolicy"),
    ("GET", "/2020-05-31/response-headers-policy", "ListResponseHeadersPolicies"),
    ("GET", "/2020-05-31/tagging", "ListTagsForResource"),
];

const MQ: &[Path] = &[
    ("GET", "/v1/broker-engine-types", "DescribeBrokerEngineTypes"),
    ("GET", "/v1/broker-instance-options", "DescribeBrokerInstanceOptions"),
    ("POST", "/v1/brokers", "CreateBroker"),
    ("GET", "/v1/brokers", "ListBrokers"),
    ("DELETE", "/v1/brokers/{broker-id}", "DeleteBroker"),
    ("GET", "/v1/brokers/{broker-id}", "DescribeBroker"),
    ("PUT", "/v1/brokers/{broker-id}", "UpdateBroker"),
    ("POST", "/v1/brokers/{broker-id}/promote", "Promote"),
    ("POST", "/v1/brokers/{broker-id}/reboot", "RebootBroker"),
    ("GET", "/v1/brokers/{broker-id}/shared-resources", "DescribeSharedResources"),
    ("GET", "/v1/brokers/{broker-id}/users", "ListUsers"),
    ("POST", "/v1/brokers/{broker-id}/users/{username}", "CreateUser"),
    ("DELETE", "/v1/brokers/{broker-id}/users/{username}", "DeleteUser"),
    ("GET", "/v1/brokers/{broker-id}/users/{username}", "DescribeUser"),
    ("PUT", "/v1/brokers/{broker-id}/users/{username}", "UpdateUser"),
    ("POST", "/v1/configurations", "CreateConfiguration"),
    ("GET", "/v1/configurations", "ListConfigurations"),
    ("DELETE", "/v1/configurations/{configuration-id}", "DeleteConfiguration"),
    ("GET", "/v1/configurations/{configuration-id}", "DescribeConfiguration"),
    ("PUT", "/v1/configurations/{configuration-id}", "UpdateConfiguration"),
    ("GET", "/v1/configurations/{configuration-id}/revisions", "ListConfigurationRevisions"),
    (
        "GET",
        "/v1/configurations/{configuration-id}/revisions/{configuration-revision}",
        "DescribeConfigurationRevision",
    ),
    ("POST", "/v1/tags/{resource-arn}", "CreateTags"),
    ("DELETE", "/v1/tags/{resource-arn}", "DeleteTags"),
    ("GET", "/v1/tags/{resource-arn}", "ListTags"),
];

const ROUTE53: &[Path] = &[
    ("GET", "/2013-04-01/change/{Id}", "GetChange"),
    ("POST", "/2013-04-01/healthcheck", "CreateHealthCheck"),
    ("GET", "/2013-04-01/healthcheck", "ListHealthChecks"),
    ("DELETE", "/2013-04-01/healthcheck/{HealthCheckId}", "DeleteHealthCheck"),
    ("GET", "/2013-04-01/healthcheck/{HealthCheckId}", "GetHealthCheck"),
    ("POST", "/2013-04-01/hostedzone", "CreateHostedZone"),
    ("GET", "/2013-04-01/hostedzone", "ListHostedZones"),
    ("DELETE", "/2013-04-01/hostedzone/{Id}", "DeleteHostedZone"),
    ("GET", "/2013-04-01/hostedzone/{Id}", "GetHostedZone"),
    ("POST", "/2013-04-01/hostedzone/{Id}", "UpdateHostedZoneComment"),
    ("GET", "/2013-04-01/hostedzone/{Id}/dnssec", "GetDNSSEC"),
    ("GET", "/2013-04-01/hostedzone/{Id}/rrset", "ListResourceRecordSets"),
    ("POST", "/2013-04-01/hostedzone/{Id}/rrset/", "ChangeResourceRecordSets"),
    ("GET", "/2013-04-01/hostedzonecount", "GetHostedZoneCount"),
    ("GET", "/2013-04-01/hostedzonesbyname", "ListHostedZonesByName"),
    ("POST", "/2013-04-01/tags/{ResourceType}", "ListTagsForResources"),
    ("POST", "/2013-04-01/tags/{ResourceType}/{ResourceId}", "ChangeTagsForResource"),
    ("GET", "/2013-04-01/tags/{ResourceType}/{ResourceId}", "ListTagsForResource"),
];
