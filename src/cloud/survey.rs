//! Lists of what exists, for `vpipe import`.

use aws_sdk_ec2::types::{Filter, SecurityGroupRule};

use super::{Clients, CloudError, reading};

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
