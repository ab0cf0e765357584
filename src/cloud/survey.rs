//! Lists of what exists, for `vpipe import`.

use aws_sdk_ec2::types::{Filter, SecurityGroupRule};

use super::permission::ANY;
use super::{Clients, CloudError, Permission, reading};

/// What the surveys here ask of AWS.
pub const SURVEYS: &[Permission] = &[
    Permission::look("ec2:DescribeSecurityGroupRules", ANY),
    Permission::look("rds:DescribeDBInstances", ANY),
    Permission::look("elasticache:DescribeCacheClusters", ANY),
    Permission::look("mq:ListBrokers", ANY),
    Permission::look("mq:DescribeBroker", &["mq:{here}:broker:*"]),
    Permission::look("cloudfront:ListDistributions", ANY),
    Permission::look("elasticbeanstalk:DescribeEnvironments", &["elasticbeanstalk:{here}:environment/*"]),
    Permission::look("route53:ListHostedZones", ANY),
    Permission::look("route53:ListResourceRecordSets", &["route53:::hostedzone/*"]),
];

/// What may enter a security group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingress {
    /// `sgr-…`
    pub id: String,
    /// `tcp`, `udp`, `icmp`, `all`; other protocols by their number.
    pub protocol: String,
    /// The first port, or the type of ICMP; -1 for all.
    pub from: i32,
    /// The last port.
    pub to: i32,
    /// The addresses that may enter.
    pub cidr: Option<String>,
    /// The group whose members may enter.
    pub group: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

impl Ingress {
    /// The ports as a file writes them; none for all.
    pub fn ports(&self) -> Option<String> {
        match (self.protocol.as_str(), self.from, self.to) {
            ("all", ..) | (_, -1, _) => None,
            ("icmp", kind, _) => Some(kind.to_string()),
            (_, from, to) if from == to => Some(from.to_string()),
            (_, from, to) => Some(format!("{from}..{to}")),
        }
    }
}

/// What may enter a security group.
///
/// # Errors
/// When AWS cannot be asked.
pub async fn ingress(clients: &Clients, group: &str) -> Result<Vec<Ingress>, CloudError> {
    let filter = Filter::builder().name("group-id").values(group).build();
    let request = clients.ec2.describe_security_group_rules().filters(filter).max_results(1000);
    let mut pages = request.into_paginator().items().send();
    let mut all = Vec::new();
    while let Some(rule) = pages.next().await {
        let rule = rule.map_err(reading("ec2:DescribeSecurityGroupRules"))?;
        if rule.is_egress() == Some(false) {
            all.push(of(&rule));
        }
    }
    Ok(all)
}

fn of(rule: &SecurityGroupRule) -> Ingress {
    let protocol = rule.ip_protocol().unwrap_or_default();
    Ingress {
        id: rule.security_group_rule_id().unwrap_or_default().to_owned(),
        protocol: if protocol == "-1" { "all" } else { protocol }.to_owned(),
        from: rule.from_port().unwrap_or(-1),
        to: rule.to_port().unwrap_or(-1),
        cidr: rule.cidr_ipv4().or(rule.cidr_ipv6()).map(str::to_owned),
        group: rule.referenced_group_info().and_then(|group| group.group_id()).map(str::to_owned),
        description: rule.description().filter(|text| !text.is_empty()).map(str::to_owned),
    }
}

/// A database, cache or broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store {
    /// `db_instance`, `cache_cluster`, `broker`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The host name of its endpoint.
    pub endpoint: Option<String>,
    /// The ids of its security groups.
    pub groups: Vec<String>,
}

/// All databases, caches and brokers of the region.
///
/// # Errors
/// When AWS cannot be asked.
pub async fn stores(clients: &Clients) -> Result<Vec<Store>, CloudError> {
    let mut all = Vec::new();
    let mut pages = clients.rds.describe_db_instances().into_paginator().items().send();
    while let Some(instance) = pages.next().await {
        let instance = instance.map_err(reading("rds:DescribeDBInstances"))?;
        let groups = instance.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id());
        all.push(Store {
            kind: "db_instance".to_owned(),
            name: instance.db_instance_identifier().unwrap_or_default().to_owned(),
            endpoint: instance.endpoint().and_then(|endpoint| endpoint.address()).map(str::to_owned),
            groups: groups.map(str::to_owned).collect(),
        });
    }
    let request = clients.elasticache.describe_cache_clusters().show_cache_node_info(true);
    let mut pages = request.into_paginator().items().send();
    while let Some(cluster) = pages.next().await {
        let cluster = cluster.map_err(reading("elasticache:DescribeCacheClusters"))?;
        let node = cluster.cache_nodes().first().and_then(|node| node.endpoint());
        let endpoint = cluster.configuration_endpoint().or(node);
        let groups = cluster.security_groups().iter().filter_map(|group| group.security_group_id());
        all.push(Store {
            kind: "cache_cluster".to_owned(),
            name: cluster.cache_cluster_id().unwrap_or_default().to_owned(),
            endpoint: endpoint.and_then(|endpoint| endpoint.address()).map(str::to_owned),
            groups: groups.map(str::to_owned).collect(),
        });
    }
    let mut pages = clients.mq.list_brokers().max_results(100).into_paginator().items().send();
    while let Some(broker) = pages.next().await {
        let broker = broker.map_err(reading("mq:ListBrokers"))?;
        let request = clients.mq.describe_broker().broker_id(broker.broker_id().unwrap_or_default());
        let broker = request.send().await.map_err(reading("mq:DescribeBroker"))?;
        let urls = broker.broker_instances().iter().flat_map(|instance| instance.endpoints());
        let host = |url: &String| {
            let (_, rest) = url.split_once("://")?;
            rest.split(':').next().map(str::to_owned)
        };
        all.push(Store {
            kind: "broker".to_owned(),
            name: broker.broker_name().unwrap_or_default().to_owned(),
            endpoint: urls.into_iter().find_map(host),
            groups: broker.security_groups().to_vec(),
        });
    }
    Ok(all)
}

/// A distribution as a list of them tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// `E…`
    pub id: String,
    /// `d….cloudfront.net`, in lower case.
    pub domain: String,
    /// The domains of its origins, in lower case.
    pub origins: Vec<String>,
    /// Its aliases, in lower case.
    pub aliases: Vec<String>,
}

/// All distributions.
///
/// # Errors
/// When AWS cannot be asked.
pub async fn distributions(clients: &Clients) -> Result<Vec<Edge>, CloudError> {
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let reply = clients.cloudfront.list_distributions().set_marker(marker).send().await;
        let Some(list) = reply.map_err(reading("cloudfront:ListDistributions"))?.distribution_list else {
            return Ok(all);
        };
        all.extend(list.items().iter().map(|summary| {
            let origins = summary.origins().map(|origins| origins.items()).unwrap_or_default();
            let aliases = summary.aliases().map(|aliases| aliases.items()).unwrap_or_default();
            Edge {
                id: summary.id().to_owned(),
                domain: summary.domain_name().to_ascii_lowercase(),
                origins: origins.iter().map(|origin| origin.domain_name().to_ascii_lowercase()).collect(),
                aliases: aliases.iter().map(|alias| alias.to_ascii_lowercase()).collect(),
            }
        }));
        marker = list.next_marker;
        if marker.is_none() {
            return Ok(all);
        }
    }
}

/// The name of the environment that is reached under a host name: its own, or that of its load balancer.
///
/// # Errors
/// When AWS cannot be asked.
pub async fn environment_at(clients: &Clients, host: &str) -> Result<Option<String>, CloudError> {
    let mut token = None;
    loop {
        let request = clients.beanstalk.describe_environments().include_deleted(false);
        let reply = request.set_next_token(token).send().await;
        let reply = reply.map_err(reading("elasticbeanstalk:DescribeEnvironments"))?;
        let is = |of: Option<&str>| of.is_some_and(|of| of.eq_ignore_ascii_case(host));
        let found = reply.environments().iter().find(|one| is(one.endpoint_url()) || is(one.cname()));
        if let Some(found) = found {
            return Ok(found.environment_name().map(str::to_owned));
        }
        token = reply.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(None);
        }
    }
}

/// A record of Route 53 that points to another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecord {
    /// The domain of its zone.
    pub zone: String,
    /// Its name.
    pub name: String,
    /// `A`, `AAAA`, `CNAME`.
    pub kind: String,
    /// Where it points.
    pub target: String,
    /// Whether it answers with the addresses of its target.
    pub alias: bool,
    /// Seconds for which it may be kept.
    pub ttl: Option<i64>,
}

/// All aliases and CNAME records of the account's public zones in Route 53.
///
/// # Errors
/// When AWS cannot be asked.
pub async fn dns_records(clients: &Clients) -> Result<Vec<DnsRecord>, CloudError> {
    let plain = |name: &str| name.trim_end_matches('.').replace("\\052", "*").to_ascii_lowercase();
    let mut all = Vec::new();
    let mut zones = clients.route53.list_hosted_zones().into_paginator().items().send();
    while let Some(zone) = zones.next().await {
        let zone = zone.map_err(reading("route53:ListHostedZones"))?;
        if zone.config().is_some_and(|config| config.private_zone()) {
            continue;
        }
        let (mut name, mut kind, mut identifier) = (None, None, None);
        loop {
            let request = clients.route53.list_resource_record_sets().hosted_zone_id(zone.id());
            let request = request.set_start_record_name(name).set_start_record_type(kind);
            let request = request.set_start_record_identifier(identifier);
            let reply = request.send().await.map_err(reading("route53:ListResourceRecordSets"))?;
            for set in reply.resource_record_sets() {
                let alias = set.alias_target().map(|target| plain(target.dns_name()));
                let value = set.resource_records().first().map(|record| plain(record.value()));
                let value = value.filter(|_| set.r#type().as_str() == "CNAME");
                let Some(target) = alias.clone().or(value) else { continue };
                all.push(DnsRecord {
                    zone: plain(zone.name()),
                    name: plain(set.name()),
                    kind: set.r#type().as_str().to_owned(),
                    target,
                    alias: alias.is_some(),
                    ttl: set.ttl(),
                });
            }
            if !reply.is_truncated() {
                break;
            }
            // Records that share a name and type, such as weighted ones, may stand on two pages.
            (name, kind) = (reply.next_record_name, reply.next_record_type);
            identifier = reply.next_record_identifier;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_written_as_in_a_file() {
        let rule =
            |protocol: &str, from, to| Ingress { protocol: protocol.into(), from, to, ..Ingress::default() };
        assert_eq!(rule("tcp", 80, 80).ports().as_deref(), Some("80"));
        assert_eq!(rule("udp", 8000, 8100).ports().as_deref(), Some("8000..8100"));
        assert_eq!(rule("icmp", 8, -1).ports().as_deref(), Some("8"));
        assert_eq!(rule("all", -1, -1).ports(), None);
    }
}
