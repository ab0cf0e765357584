//! The kind `hosted_zone`.

use async_trait::async_trait;
use aws_sdk_route53::types::{HostedZone as Zone, HostedZoneConfig, Tag, TagResourceType};
use serde_json::{Value as Json, json};
use std::time::Duration;

use super::{ZONES, plain};
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, TagCalls, TagChange, Tags,
    Want, calling, found, reading, sdk_tags, seen_tags,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

const CREATE: &str = "route53:CreateHostedZone";
const UPDATE: &str = "route53:UpdateHostedZoneComment";
const DELETE: &str = "route53:DeleteHostedZone";
const TAGS: TagCalls =
    TagCalls { set: "route53:ChangeTagsForResource", remove: "route53:ChangeTagsForResource" };

const PERMISSIONS: &[Permission] = &[
    Permission::look("route53:ListHostedZonesByName", ANY),
    Permission::look("route53:GetHostedZone", ZONES),
    Permission::look("route53:ListTagsForResource", ZONES),
    Permission::change(CREATE, ANY),
    Permission::change(UPDATE, ZONES).because("only when the comment changes"),
    Permission::tag(TAGS.set, ZONES),
    Permission::delete(DELETE, ZONES),
];

/// The zone's own records, `NS` and `SOA`.
const OWN_RECORDS: i64 = 2;

/// Route 53 public hosted zones.
#[derive(Debug)]
pub struct HostedZone;

#[async_trait]
impl Driver for HostedZone {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let Some(id) = find(clients, want).await? else { return Ok(Observed::Absent) };
        let reply =
            clients.route53.get_hosted_zone().id(&id).send().await.map_err(reading("route53:GetHostedZone"));
        let Some(reply) = found(reply)? else { return Ok(Observed::Absent) };
        let Some(zone) = reply.hosted_zone() else { return Ok(Observed::Absent) };
        let mut present = Present { id: id.clone(), ..Present::default() };
        present.attrs.insert("domain".to_owned(), Value::from(plain(zone.name())));
        let comment = zone.config().and_then(HostedZoneConfig::comment).unwrap_or_default();
        present.attrs.insert("comment".to_owned(), Value::from(comment));
        let servers = reply.delegation_set().map(|set| set.name_servers().to_vec()).unwrap_or_default();
        present.outputs.insert("name_servers".to_owned(), Value::from(servers));
        present.outputs.insert("id".to_owned(), Value::from(id.as_str()));
        present.detail = json!({ "records": zone.resource_record_set_count() });
        Ok(Observed::Present(Box::new(present.tagged(tags_of(clients, &id).await?))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let mut attrs = want.desired(&[]);
        attrs.insert("domain".to_owned(), Value::from(domain(want)));
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        match seen {
            Observed::Absent => Next::Call(Op::create(CREATE)),
            Observed::Present(_) if changes.iter().any(|change| change.attribute == "comment") => {
                Next::Call(Op::new(UPDATE))
            }
            Observed::Present(present) => TAGS.next(want, present).map_or(Next::Done, Next::Call),
        }
    }

    fn next_delete(&self, want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Done };
        match present.detail.get("records").and_then(Json::as_i64) {
            Some(records) if records > OWN_RECORDS => Next::Fail(format!(
                "the zone `{}` still holds {} that vpipe did not make; delete what is no longer needed by hand, then go on",
                domain(want),
                if records == OWN_RECORDS + 1 {
                    "a record".to_owned()
                } else {
                    format!("{} records", records - OWN_RECORDS)
                }
            )),
            _ => Next::Call(Op::new(DELETE)),
        }
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let id = match seen {
            Observed::Present(present) => present.id.as_str(),
            Observed::Absent => want.id.as_deref().unwrap_or_default(),
        };
        match op.operation.as_str() {
            CREATE => {
                let config =
                    HostedZoneConfig::builder().comment(want.text("comment").unwrap_or_default()).build();
                let request = clients
                    .route53
                    .create_hosted_zone()
                    .name(domain(want))
                    .caller_reference(&want.token)
                    .hosted_zone_config(config);
                let reply = request.send().await.map_err(calling(CREATE))?;
                Ok(Reply::of(&reply, reply.hosted_zone().map(|zone| short(zone.id()))))
            }
            UPDATE => {
                let comment = want.text("comment").unwrap_or_default();
                let request = clients.route53.update_hosted_zone_comment().id(id).comment(comment);
                let reply = request.send().await.map_err(calling(UPDATE))?;
                Ok(Reply::of(&reply, None))
            }
            DELETE => {
                let reply =
                    clients.route53.delete_hosted_zone().id(id).send().await.map_err(calling(DELETE))?;
                Ok(Reply::of(&reply, None))
            }
            _ => retag(clients, id, op).await,
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(10 * 60)
    }
}

fn domain(want: &Want) -> String {
    plain(want.text("domain").unwrap_or(&want.name))
}

/// `Z…` of `/hostedzone/Z…`.
fn short(id: &str) -> &str {
    id.trim_start_matches("/hostedzone/")
}

/// The zone's id: the journal's, or that of a public zone of the domain. Many zones may have one name: ours is the one with
/// our caller reference or our tags, and where none is ours, the first one shows that the name is taken.
async fn find(clients: &Clients, want: &Want) -> Result<Option<String>, CloudError> {
    if let Some(id) = &want.id {
        return Ok(Some(id.clone()));
    }
    let domain = domain(want);
    let zones: Vec<Zone> = public_zones(clients, &domain).await?;
    if let Some(made) = zones.iter().find(|zone| zone.caller_reference() == want.token) {
        return Ok(Some(short(made.id()).to_owned()));
    }
    if zones.len() > 1 {
        for zone in &zones {
            let tags = tags_of(clients, short(zone.id())).await?;
            if !want.tags.is_empty() && owner(&want.tags).all(|(key, value)| tags.get(key) == Some(value)) {
                return Ok(Some(short(zone.id()).to_owned()));
            }
        }
    }
    Ok(zones.first().map(|zone| short(zone.id()).to_owned()))
}

/// The public zones of a domain.
async fn public_zones(clients: &Clients, domain: &str) -> Result<Vec<Zone>, CloudError> {
    let mut zones = Vec::new();
    let mut next = (Some(domain.to_owned()), None);
    // They come in the order of their names: those of the domain first.
    while next.0.as_deref().is_some_and(|name| plain(name) == domain) {
        let request = clients.route53.list_hosted_zones_by_name().max_items(100);
        let request = request.set_dns_name(next.0).set_hosted_zone_id(next.1);
        let reply = request.send().await.map_err(reading("route53:ListHostedZonesByName"))?;
        next = (reply.next_dns_name.filter(|_| reply.is_truncated), reply.next_hosted_zone_id);
        zones.extend(reply.hosted_zones.into_iter().filter(|zone| {
            plain(zone.name()) == domain && zone.config().is_none_or(|config| !config.private_zone())
        }));
    }
    Ok(zones)
}

fn owner(tags: &Tags) -> impl Iterator<Item = (&String, &String)> {
    tags.iter().filter(|(key, _)| key.starts_with("vpipe:"))
}

async fn tags_of(clients: &Clients, id: &str) -> Result<Tags, CloudError> {
    let request =
        clients.route53.list_tags_for_resource().resource_type(TagResourceType::Hostedzone).resource_id(id);
    let reply = found(request.send().await.map_err(reading("route53:ListTagsForResource")))?;
    let set = reply.and_then(|reply| reply.resource_tag_set);
    Ok(set.map(|set| seen_tags(set.tags().iter().map(|tag| (tag.key(), tag.value())))).unwrap_or_default())
}

async fn retag(clients: &Clients, id: &str, op: &Op) -> Result<Reply, CloudError> {
    let change = TagChange::of(op)?;
    let mut request =
        clients.route53.change_tags_for_resource().resource_type(TagResourceType::Hostedzone).resource_id(id);
    if !change.set.is_empty() {
        let tags = sdk_tags(&change.set, |key, value| Tag::builder().key(key).value(value).build());
        request = request.set_add_tags(Some(tags));
    }
    if !change.remove.is_empty() {
        request = request.set_remove_tag_keys(Some(change.remove));
    }
    let reply = request.send().await.map_err(calling(TAGS.set))?;
    Ok(Reply::of(&reply, None))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, seen, want};

    fn zone() -> Want {
        Want {
            attrs: attrs([("domain", Value::from("Example.com")), ("comment", Value::from("x"))]),
            tags: Tags::from([("vpipe:node".to_owned(), "zone".to_owned())]),
            ..want("hosted_zone", "example.com")
        }
    }

    #[test]
    fn a_new_zone_is_tagged_by_a_second_call() {
        let want = zone();
        let Next::Call(op) = HostedZone.next(&want, &Observed::Absent, &[]) else { panic!() };
        assert!(op.creates && op.operation == CREATE);
        let fresh = Present { id: "Z1".to_owned(), ..Present::default() }.tagged(Tags::new());
        let Next::Call(op) = HostedZone.next(&want, &seen(fresh.clone()), &[]) else { panic!() };
        assert_eq!(TagChange::of(&op).unwrap().set, want.tags);
        assert!(matches!(HostedZone.next(&want, &seen(fresh.tagged(want.tags.clone())), &[]), Next::Done));
    }

    #[test]
    fn a_zone_with_records_is_not_deleted() {
        let with = |records: i64| Present { detail: json!({ "records": records }), ..Present::default() };
        assert!(
            matches!(HostedZone.next_delete(&zone(), &seen(with(2))), Next::Call(op) if op.operation == DELETE)
        );
        let Next::Fail(why) = HostedZone.next_delete(&zone(), &seen(with(5))) else { panic!() };
        assert!(why.contains("`example.com` still holds 3 records"), "{why}");
    }
}
