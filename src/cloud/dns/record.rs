//! The kind `record`.
//!
//! DNS keeps no tags, so nothing but the journal says whose a record is. A record that is exactly as wanted is taken as
//! our own, so that a lost journal can be made good; one that differs and is not in the journal is left alone.

use async_trait::async_trait;
use serde_json::json;
use std::time::Duration;

use super::{Provider, RECORDS, RecordSet, ZONES, godaddy, plain, route53};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

/// DNS records.
#[derive(Debug)]
pub struct Record;

/// Of the records at GoDaddy AWS knows nothing.
const PERMISSIONS: &[Permission] = &[
    Permission::look(RECORDS.0, ZONES).beside("hosted_zone"),
    Permission::look("route53:GetChange", &["route53:::change/*"]).beside("hosted_zone"),
    Permission::change(RECORDS.1, ZONES).beside("hosted_zone"),
    Permission::delete(RECORDS.1, ZONES).beside("hosted_zone"),
];

#[async_trait]
impl Driver for Record {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let provider = Provider::of(want, want.get("provider"));
        if let (Some(id), Some(before)) = (&want.id, known_provider(want))
            && provider.as_ref().is_none_or(|provider| before != provider.id())
        {
            // It is at another provider, to be deleted there; that of the file may not be there yet.
            let mut elsewhere =
                Present { id: id.clone(), tags: Some(want.tags.clone()), ..Present::default() };
            elsewhere.attrs.insert("provider".to_owned(), Value::from(before));
            return Ok(Observed::Present(Box::new(elsewhere)));
        }
        let Some(provider) = provider else { return Ok(Observed::Absent) };
        // What the journal knows may have another name or type than the file says now.
        let (name, kind) = known_place(want).unwrap_or_else(|| place(want));
        let Some(set) = provider.find(clients, &name, &kind).await? else { return Ok(Observed::Absent) };
        let mut present = read(want, &provider, &set);
        // After the creation the id ends in that of Route 53's change.
        if let (Some(change), Provider::Route53 { .. }) = (change_of(want), &provider)
            && !route53::in_sync(clients, change).await?
        {
            present.id = want.id.clone().unwrap_or_default();
            present.state = State::Busy("PENDING".to_owned());
        }
        Ok(Observed::Present(Box::new(present)))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let set = wanted(want);
        let mut attrs = want.attrs.clone();
        match Provider::of(want, want.get("provider")) {
            Some(provider) => attrs.insert("provider".to_owned(), Value::from(provider.id())),
            None => attrs.shift_remove("provider"),
        };
        attrs.insert("name".to_owned(), Value::from(set.name.as_str()));
        attrs.insert("value".to_owned(), Value::from(set.values.first().cloned()));
        let alias = set.alias.as_ref().map(|(_, target)| Value::from(target.as_str()));
        attrs.insert("alias".to_owned(), alias.unwrap_or_else(|| want.get("alias").clone()));
        match set.ttl {
            Some(ttl) => attrs.insert("ttl".to_owned(), Value::Duration(ttl * 1000)),
            None => attrs.shift_remove("ttl"),
        };
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        if let Some(why) = impossible(want) {
            return Next::Fail(why);
        }
        let Some(provider) = Provider::of(want, want.get("provider")) else {
            return Next::Fail("the record's hosted zone does not exist".to_owned());
        };
        match seen {
            Observed::Absent => Next::Call(provider.put_op(&wanted(want), true)),
            Observed::Present(_)
                if changes.iter().any(|c| matches!(c.attribute.as_str(), "value" | "alias" | "ttl")) =>
            {
                Next::Call(provider.put_op(&wanted(want), false))
            }
            Observed::Present(present) => match &present.state {
                State::Busy(_) => Next::Wait {
                    poll: Duration::from_secs(15),
                    why: "Route 53's name servers to learn it".to_owned(),
                },
                _ => Next::Done,
            },
        }
    }

    fn next_delete(&self, want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Done };
        let set = present.detail.get("set").and_then(|set| serde_json::from_value(set.clone()).ok());
        match (Provider::of(want, want.get("provider")), set) {
            (Some(provider), Some(set)) => Next::Call(provider.delete_op(&set)),
            _ => Next::Done,
        }
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        _seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let Some(provider) = Provider::of(want, want.get("provider")) else {
            return Err(CloudError::misuse(&op.operation, "the record's hosted zone does not exist"));
        };
        let reply = provider.call(clients, op).await?;
        let (name, kind) = place(want);
        let id = id(&name, &kind, &provider);
        let id = reply.id.map_or_else(|| id.clone(), |change| format!("{id}#{change}"));
        Ok(Reply { id: op.creates.then_some(id), ..reply })
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(30 * 60)
    }
}

fn place(want: &Want) -> (String, String) {
    let kind = want.text("type").unwrap_or("CNAME").to_owned();
    (plain(want.text("name").unwrap_or(&want.name)), kind)
}

/// `www.example.com/CNAME@godaddy`
fn id(name: &str, kind: &str, provider: &Provider) -> String {
    format!("{name}/{kind}@{}", provider.id())
}

/// The name and type in the journal's id.
fn known_place(want: &Want) -> Option<(String, String)> {
    let id = want.id.as_deref()?;
    let (name, kind) = id.split(['#', '@']).next()?.rsplit_once('/')?;
    Some((name.to_owned(), kind.to_owned()))
}

/// The provider in the journal's id.
fn known_provider(want: &Want) -> Option<&str> {
    Some(want.id.as_deref()?.split('#').next()?.split_once('@')?.1)
}

fn change_of(want: &Want) -> Option<&str> {
    want.id.as_deref()?.split_once('#').map(|(_, change)| change)
}

/// The records that are wanted.
fn wanted(want: &Want) -> RecordSet {
    let (name, kind) = place(want);
    let alias = alias(want);
    let value = want.text("value").filter(|_| *want.get("alias") == Value::None);
    let value = value.map(|value| if kind == "CNAME" { plain(value) } else { value.to_owned() });
    let seconds = want.get("ttl").as_int().map(|ms| (ms + 999) / 1000);
    let ttl = seconds.filter(|_| *want.get("alias") == Value::None);
    RecordSet { name, kind, values: value.into_iter().collect(), ttl, alias }
}

/// The zone and name behind an alias, once they exist: a distribution's, or those of an environment's load balancer.
fn alias(want: &Want) -> Option<(String, String)> {
    let handle = want.get("alias");
    let target = want.output(handle, "domain_name").or_else(|| want.output(handle, "endpoint"))?;
    Some((want.output(handle, "zone_id")?.to_owned(), plain(target)))
}

/// What no provider can do, in words.
fn impossible(want: &Want) -> Option<String> {
    let (name, kind) = place(want);
    let at_godaddy = matches!(want.get("provider"), Value::Variant(provider, _) if provider == "godaddy");
    if *want.get("alias") != Value::None {
        if at_godaddy {
            return Some("GoDaddy has no alias records; give a `value` with `type = \"CNAME\"`".to_owned());
        }
        if !matches!(kind.as_str(), "A" | "AAAA") {
            return Some(format!("an alias answers with addresses; write `type = \"A\"` for `{name}`"));
        }
    }
    let seconds = want.get("ttl").as_int().map_or(0, |ms| (ms + 999) / 1000);
    if at_godaddy && seconds < godaddy::LEAST_TTL {
        return Some("GoDaddy keeps records for ten minutes at least; write `ttl = 10m` or more".to_owned());
    }
    None
}

fn read(want: &Want, provider: &Provider, set: &RecordSet) -> Present {
    let mut present = Present { id: id(&set.name, &set.kind, provider), ..Present::default() };
    let mut put = |name: &str, value: Value| {
        present.attrs.insert(name.to_owned(), value);
    };
    put("provider", Value::from(provider.id()));
    put("name", Value::from(set.name.as_str()));
    put("type", Value::from(set.kind.as_str()));
    put("value", if set.alias.is_none() { Value::from(set.values.join(", ")) } else { Value::None });
    put("alias", Value::from(set.alias.as_ref().map(|(_, target)| target.clone())));
    if let Some(ttl) = set.ttl {
        put("ttl", Value::Duration(ttl * 1000));
    }
    present.outputs.insert("name".to_owned(), Value::from(set.name.as_str()));
    present.detail = json!({ "set": set });
    if *set == wanted(want) {
        present.tags = Some(want.tags.clone());
    }
    present
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, seen, want};
    use crate::eval::Secret;
    use indexmap::IndexMap;

    fn godaddy() -> Value {
        let secret = |name: &str| Value::Secret(Secret::new(name, "hidden"));
        Value::Variant("godaddy".to_owned(), attrs([("key", secret("k")), ("secret", secret("s"))]))
    }

    fn route53() -> Value {
        Value::Variant("route53".to_owned(), attrs([("zone", Value::Handle("zone".to_owned()))]))
    }

    fn www(provider: Value) -> Want {
        let zone = attrs([("id", Value::from("Z1"))]);
        let cdn = attrs([("domain_name", Value::from("D1.cloudfront.net")), ("zone_id", Value::from("Z2F"))]);
        Want {
            attrs: attrs([
                ("name", Value::from("WWW.example.com")),
                ("type", Value::from("CNAME")),
                ("value", Value::from("D1.cloudfront.net.")),
                ("alias", Value::None),
                ("ttl", Value::Duration(600_000)),
                ("provider", provider),
            ]),
            refs: IndexMap::from([("zone".to_owned(), zone), ("cdn".to_owned(), cdn)]),
            tags: IndexMap::from([("vpipe:node".to_owned(), "www".to_owned())]),
            ..want("record", "www.example.com")
        }
    }

    fn differing(want: &Want, seen: &Present) -> Vec<String> {
        let desired = Record.desired(want);
        let differs = |name: &&String| {
            seen.attrs.get(*name).is_some_and(|before| {
                crate::eval::show(before) != crate::eval::show(desired.get(*name).unwrap_or(&Value::None))
            })
        };
        desired.keys().filter(differs).cloned().collect()
    }

    fn found(want: &Want, set: &RecordSet) -> Present {
        read(want, &Provider::of(want, want.get("provider")).unwrap(), set)
    }

    #[test]
    fn what_was_set_reads_as_wanted_and_is_ours() {
        for provider in [godaddy(), route53()] {
            let want = www(provider);
            let present = found(&want, &wanted(&want));
            assert_eq!(differing(&want, &present), Vec::<String>::new());
            assert_eq!(present.tags, Some(want.tags.clone()));
            assert!(matches!(Record.next(&want, &seen(present), &[]), Next::Done));
        }
    }

    #[test]
    fn a_record_with_another_value_is_not_taken_as_ours() {
        let want = www(godaddy());
        let set = RecordSet { values: vec!["elsewhere.example.net".to_owned()], ..wanted(&want) };
        let present = found(&want, &set);
        assert_eq!(present.tags, None);
        assert_eq!(differing(&want, &present), ["value"]);
    }

    #[test]
    fn no_secret_reaches_the_journal_with_the_call() {
        let Next::Call(op) = Record.next(&www(godaddy()), &Observed::Absent, &[]) else { panic!() };
        assert_eq!(op.operation, "godaddy:PutRecords");
        assert!(op.creates && !op.detail.to_string().contains("hidden"), "{}", op.detail);
    }

    #[test]
    fn an_alias_needs_route_53_and_a_type_with_addresses() {
        let mut want = www(route53());
        want.attrs.insert("alias".to_owned(), Value::Handle("cdn".to_owned()));
        want.attrs.insert("value".to_owned(), Value::None);
        assert!(
            matches!(Record.next(&want, &Observed::Absent, &[]), Next::Fail(why) if why.contains("type = \"A\""))
        );
        want.attrs.insert("type".to_owned(), Value::from("A"));
        let Next::Call(op) = Record.next(&want, &Observed::Absent, &[]) else { panic!() };
        assert!(op.detail.to_string().contains("d1.cloudfront.net"), "{}", op.detail);
        let present = found(&want, &wanted(&want));
        assert_eq!(differing(&want, &present), Vec::<String>::new());
        want.attrs.insert("provider".to_owned(), godaddy());
        assert!(
            matches!(Record.next(&want, &Observed::Absent, &[]), Next::Fail(why) if why.contains("GoDaddy"))
        );
    }

    #[test]
    fn a_new_key_of_the_provider_changes_nothing() {
        let want = www(godaddy());
        let present = found(&want, &wanted(&want));
        let change = crate::cloud::testing::change("provider", Value::None, godaddy());
        assert!(matches!(Record.next(&want, &seen(present), &[change]), Next::Done));
    }

    #[test]
    fn the_journals_record_is_found_under_its_old_name_and_type() {
        let mut want = www(route53());
        want.id = Some("old.example.com/TXT@route53/Z1#C1".to_owned());
        assert_eq!(known_provider(&want), Some("route53/Z1"));
        assert_eq!(known_place(&want), Some(("old.example.com".to_owned(), "TXT".to_owned())));
        let set = RecordSet { name: "old.example.com".to_owned(), kind: "TXT".to_owned(), ..wanted(&want) };
        assert_eq!(differing(&want, &found(&want, &set)), ["name", "type"]);
    }

    #[test]
    fn it_is_deleted_as_it_is() {
        let want = www(route53());
        let set = RecordSet { ttl: Some(60), ..wanted(&want) };
        let Next::Call(op) = Record.next_delete(&want, &seen(found(&want, &set))) else { panic!() };
        assert_eq!(op.detail["action"], "DELETE");
        assert_eq!(op.detail["set"]["ttl"], 60);
    }
}
