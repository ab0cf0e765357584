//! What may enter a security group: one rule a node, made by `allow`.

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, ResourceType, SecurityGroupRule, SecurityGroupRuleRequest,
    SecurityGroupRuleUpdate, UserIdGroupPair,
};
use std::time::Duration;

use super::{TAGS, filter, tag, tag_specification};
use crate::cloud::parts::{delete_if_there, known};
use crate::cloud::permission::{ANY, OURS};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, Want, calling, found,
    reading, seen_tags, tags_value,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

/// `security_group.allow`
pub struct Rule;

const AUTHORIZE: &str = "ec2:AuthorizeSecurityGroupIngress";
const MODIFY: &str = "ec2:ModifySecurityGroupRules";
const REVOKE: &str = "ec2:RevokeSecurityGroupIngress";

const GROUPS: &[&str] = &["ec2:{here}:security-group/*"];
const RULES: &[&str] = &["ec2:{here}:security-group-rule/*"];
const PERMISSIONS: &[Permission] = &[
    Permission::look("ec2:DescribeSecurityGroupRules", ANY),
    Permission::change(AUTHORIZE, GROUPS).only(OURS),
    Permission::change(AUTHORIZE, RULES),
    Permission::change(MODIFY, GROUPS).only(OURS).because("only when a description changes"),
    Permission::change(MODIFY, RULES).because("only when a description changes"),
    Permission::tag(TAGS.set, RULES).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, RULES).because("only when a tag goes"),
    Permission::delete(REVOKE, GROUPS).only(OURS),
];

/// What tells a rule from the others of its group. Its description is no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    group: String,
    /// `tcp`, `udp`, `icmp`, or `-1` for all.
    protocol: String,
    from: i32,
    to: i32,
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Cidr4(String),
    Cidr6(String),
    Group(String),
}

#[async_trait]
impl Driver for Rule {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        // Without the group or the source there is no rule yet.
        let Some(key) = Key::wanted(want) else { return Ok(Observed::Absent) };
        let mut pages = clients
            .ec2
            .describe_security_group_rules()
            .filters(filter("group-id", &key.group))
            .max_results(1000)
            .into_paginator()
            .items()
            .send();
        while let Some(rule) = pages.next().await {
            let rule = found(rule.map_err(reading("ec2:DescribeSecurityGroupRules")))?;
            let Some(rule) = rule else { return Ok(Observed::Absent) };
            if key.fits(&rule) {
                return Ok(Observed::Present(Box::new(present(&rule))));
            }
        }
        Ok(Observed::Absent)
    }

    /// A rule with another protocol, port or source is another rule; so only the description can differ.
    fn desired(&self, want: &Want) -> Attrs {
        let mut attrs = known([("tags", tags_value(&want.tags))]);
        attrs.insert("description".to_owned(), want.get("description").clone());
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        match seen {
            Observed::Absent if Key::wanted(want).is_none() => {
                Next::Fail("the group or the source of the rule does not exist".to_owned())
            }
            Observed::Absent => Next::Call(Op::create(AUTHORIZE)),
            Observed::Present(_) if crate::cloud::parts::changed(changes, "description") => {
                Next::Call(Op::new(MODIFY))
            }
            Observed::Present(present) => TAGS.next(want, present).map_or(Next::Done, Next::Call),
        }
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        delete_if_there(seen, REVOKE)
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let key = Key::wanted(want).ok_or_else(|| {
            CloudError::misuse(&op.operation, "the group or the source of the rule is not known")
        })?;
        let description = want.text("description");
        let ec2 = &clients.ec2;
        match (op.operation.as_str(), seen) {
            (AUTHORIZE, _) => {
                let call = ec2
                    .authorize_security_group_ingress()
                    .group_id(&key.group)
                    .ip_permissions(key.permission(description))
                    .tag_specifications(tag_specification(ResourceType::SecurityGroupRule, &want.tags));
                let made = call.send().await.map_err(calling(AUTHORIZE))?;
                let id = made.security_group_rules().first().and_then(|rule| rule.security_group_rule_id());
                Ok(Reply::of(&made, id))
            }
            (MODIFY, Observed::Present(present)) => {
                let update = SecurityGroupRuleUpdate::builder()
                    .security_group_rule_id(&present.id)
                    .security_group_rule(key.request(description))
                    .build();
                let call =
                    ec2.modify_security_group_rules().group_id(&key.group).security_group_rules(update);
                Ok(Reply::of(&call.send().await.map_err(calling(MODIFY))?, None))
            }
            (REVOKE, _) => {
                let call = ec2
                    .revoke_security_group_ingress()
                    .group_id(&key.group)
                    .ip_permissions(key.permission(None));
                Ok(Reply::of(&call.send().await.map_err(calling(REVOKE))?, None))
            }
            (_, Observed::Present(present)) if TAGS.is(op) => tag(clients, &present.id, op).await,
            _ => Err(CloudError::misuse(&op.operation, "no such call on a rule")),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(10 * 60)
    }
}

fn present(rule: &SecurityGroupRule) -> Present {
    let id = rule.security_group_rule_id().unwrap_or_default().to_owned();
    let tags = seen_tags(rule.tags().iter().map(|tag| (tag.key(), tag.value())));
    let mut attrs = Attrs::new();
    attrs.insert("description".to_owned(), rule.description().filter(|text| !text.is_empty()).into());
    Present { id, attrs, ..Present::default() }.tagged(tags)
}

impl Key {
    /// Of the wanted rule; `None` while the group or the source does not exist.
    fn wanted(want: &Want) -> Option<Self> {
        let group = want.ids("security_group", "id").as_str()?.to_owned();
        let protocol = match want.text("protocol")? {
            "all" => "-1",
            protocol => protocol,
        };
        let (from, to) = match (protocol, want.get("ports").items().first()) {
            ("-1", _) | (_, None) => (-1, -1),
            (_, Some(Value::Range(from, to))) => (from.as_int()?, to.as_int()?),
            // Of ICMP the number is the type, of any code.
            ("icmp", Some(kind)) => (kind.as_int()?, -1),
            (_, Some(port)) => (port.as_int()?, port.as_int()?),
        };
        let source = Source::wanted(want, &group)?;
        Some(Self {
            group,
            protocol: protocol.to_owned(),
            from: i32::try_from(from).ok()?,
            to: i32::try_from(to).ok()?,
            source,
        })
    }

    fn fits(&self, rule: &SecurityGroupRule) -> bool {
        let all = self.protocol == "-1";
        let ports = (rule.from_port().unwrap_or(-1), rule.to_port().unwrap_or(-1));
        let source = match &self.source {
            Source::Cidr4(cidr) => rule.cidr_ipv4() == Some(cidr),
            Source::Cidr6(cidr) => rule.cidr_ipv6() == Some(cidr),
            Source::Group(id) => rule.referenced_group_info().and_then(|group| group.group_id()) == Some(id),
        };
        rule.is_egress() == Some(false)
            && rule.ip_protocol() == Some(&self.protocol)
            && (all || ports == (self.from, self.to))
            && source
    }

    fn permission(&self, description: Option<&str>) -> IpPermission {
        let description = description.map(str::to_owned);
        let mut permission = IpPermission::builder().ip_protocol(&self.protocol);
        if self.protocol != "-1" {
            permission = permission.from_port(self.from).to_port(self.to);
        }
        match &self.source {
            Source::Cidr4(cidr) => {
                permission.ip_ranges(IpRange::builder().cidr_ip(cidr).set_description(description).build())
            }
            Source::Cidr6(cidr) => permission
                .ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).set_description(description).build()),
            Source::Group(id) => permission.user_id_group_pairs(
                UserIdGroupPair::builder().group_id(id).set_description(description).build(),
            ),
        }
        .build()
    }

    /// The whole rule anew, as a modification asks for it.
    fn request(&self, description: Option<&str>) -> SecurityGroupRuleRequest {
        let request = SecurityGroupRuleRequest::builder()
            .ip_protocol(&self.protocol)
            .from_port(self.from)
            .to_port(self.to)
            .set_description(description.map(str::to_owned));
        match &self.source {
            Source::Cidr4(cidr) => request.cidr_ipv4(cidr),
            Source::Cidr6(cidr) => request.cidr_ipv6(cidr),
            Source::Group(id) => request.referenced_group_id(id),
        }
        .build()
    }
}

impl Source {
    fn wanted(want: &Want, group: &str) -> Option<Self> {
        let source = want.get("source");
        if let Value::Handle(node) = source {
            let outputs = want.refs.get(node)?;
            // An environment stands for the group that its instances wear; a group for itself.
            let id = outputs.get("security_group").or_else(|| outputs.get("id"))?;
            return Some(Source::Group(id.as_str()?.to_owned()));
        }
        match source.as_str()? {
            "self" => Some(Source::Group(group.to_owned())),
            text if text.starts_with("sg-") => Some(Source::Group(text.to_owned())),
            text if text.contains(':') => Some(Source::Cidr6(text.to_owned())),
            text => Some(Source::Cidr4(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, change, seen, want};
    use aws_sdk_ec2::types::ReferencedSecurityGroup;

    fn rule(protocol: &str, ports: Value, source: Value) -> Want {
        let mut want = want("security_group.allow", "backend.allow[…]");
        want.attrs = attrs([
            ("protocol", Value::Variant(protocol.into(), Attrs::new())),
            ("ports", ports),
            ("source", source),
            ("security_group", Value::Handle("backend".into())),
        ]);
        want.refs.insert("backend".into(), attrs([("id", "sg-1".into())]));
        want.refs.insert("web".into(), attrs([("id", "e-1".into()), ("security_group", "sg-web".into())]));
        want
    }

    fn word(word: &str) -> Value {
        Value::Variant(word.into(), Attrs::new())
    }

    #[test]
    fn an_environment_means_the_group_of_its_instances() {
        let want = rule("tcp", Value::List(vec![Value::Int(3306)]), Value::Handle("web".into()));
        let key = Key::wanted(&want).unwrap();
        assert_eq!((key.from, key.to, key.source), (3306, 3306, Source::Group("sg-web".into())));
    }

    #[test]
    fn self_ranges_all_and_addresses_are_understood() {
        let key = Key::wanted(&rule("all", Value::List(vec![]), word("self"))).unwrap();
        assert_eq!((key.protocol.as_str(), key.source), ("-1", Source::Group("sg-1".into())));
        let range = Value::Range(Box::new(Value::Int(8000)), Box::new(Value::Int(8100)));
        let key = Key::wanted(&rule("udp", Value::List(vec![range]), "10.0.0.0/8".into())).unwrap();
        assert_eq!((key.from, key.to, key.source), (8000, 8100, Source::Cidr4("10.0.0.0/8".into())));
        let key = Key::wanted(&rule("tcp", Value::List(vec![Value::Int(443)]), "::/0".into())).unwrap();
        assert_eq!(key.source, Source::Cidr6("::/0".into()));
        let key = Key::wanted(&rule("icmp", Value::List(vec![Value::Int(8)]), "::/0".into())).unwrap();
        assert_eq!((key.from, key.to), (8, -1));
    }

    #[test]
    fn only_the_same_ingress_rule_fits() {
        let key = Key::wanted(&rule("tcp", Value::List(vec![Value::Int(3306)]), Value::Handle("web".into())))
            .unwrap();
        let source = ReferencedSecurityGroup::builder().group_id("sg-web").build();
        let base = SecurityGroupRule::builder()
            .is_egress(false)
            .ip_protocol("tcp")
            .from_port(3306)
            .to_port(3306)
            .referenced_group_info(source);
        assert!(key.fits(&base.clone().description("x").build()));
        assert!(!key.fits(&base.clone().is_egress(true).build()));
        assert!(!key.fits(&base.clone().to_port(3307).build()));
        assert!(!key.fits(&base.clone().ip_protocol("udp").build()));
        let other = ReferencedSecurityGroup::builder().group_id("sg-2").build();
        assert!(!key.fits(&base.referenced_group_info(other).build()));
    }

    #[test]
    fn a_rule_waits_for_its_source() {
        let mut want = rule("tcp", Value::List(vec![Value::Int(80)]), Value::Handle("web".into()));
        assert!(
            matches!(Rule.next(&want, &Observed::Absent, &[]), Next::Call(op) if op.operation == AUTHORIZE)
        );
        want.refs.shift_remove("web");
        assert!(Key::wanted(&want).is_none());
        assert!(matches!(Rule.next(&want, &Observed::Absent, &[]), Next::Fail(_)));
    }

    #[test]
    fn another_description_is_changed_in_place() {
        let want = rule("tcp", Value::List(vec![Value::Int(80)]), word("self"));
        let seen = seen(Present::default());
        let changes = [change("description", Value::None, "web".into())];
        assert!(matches!(Rule.next(&want, &seen, &changes), Next::Call(op) if op.operation == MODIFY));
        assert!(matches!(Rule.next(&want, &seen, &[]), Next::Done));
        assert!(matches!(Rule.next_delete(&want, &seen), Next::Call(op) if op.operation == REVOKE));
    }
}
