//! Names: the records of Route 53 and GoDaddy, and the names of AWS's own. Times to live are ignored.

use super::{Place, Trouble};
use crate::local::State;
use crate::local::support::HOUR;

/// At most so many names follow each other.
const CHAIN: usize = 12;

/// What a name's records say.
enum Told {
    /// Another name.
    Name(String),
    /// An address.
    Address(String),
}

/// Where a name leads at a time.
pub(super) fn resolve(state: &State, host: &str, now: i64) -> Result<Place, Trouble> {
    let nothing = || Trouble::Dns(host.to_owned());
    let mut name = host.trim_end_matches('.').to_ascii_lowercase();
    for _ in 0..CHAIN {
        if let Some(place) = own(state, &name, now) {
            return place.map_err(|trouble| match trouble {
                Trouble::Dns(_) => nothing(),
                Trouble::Refused(_) => Trouble::Refused(host.to_owned()),
                other => other,
            });
        }
        match told(state, &name, now).ok_or_else(nothing)? {
            Told::Name(next) => name = next.trim_end_matches('.').to_ascii_lowercase(),
            Told::Address(address) => return Ok(by_address(state, &address)),
        }
    }
    Err(nothing())
}

/// The names of AWS's own.
fn own(state: &State, name: &str, now: i64) -> Option<Result<Place, Trouble>> {
    let gone = || Trouble::Dns(name.to_owned());
    if name.ends_with(".cloudfront.net") {
        let found = state.cloudfront.distributions.values().find(|d| d.domain == name);
        // A new distribution's name is not there until the edge locations know it.
        let found = found.filter(|distribution| distribution.edge(now).is_some());
        return Some(found.map(|d| Place::Edge(d.id.clone())).ok_or_else(gone));
    }
    if name.ends_with(".elb.amazonaws.com") {
        let found = state.elbv2.load_balancers.values().find(|balancer| balancer.dns == name);
        return Some(found.map(|balancer| Place::Balancer(balancer.arn.clone())).ok_or_else(gone));
    }
    if name.ends_with(".elasticbeanstalk.com") {
        return Some(environment(state, name, now));
    }
    None
}

fn environment(state: &State, name: &str, now: i64) -> Result<Place, Trouble> {
    let named = state.beanstalk.environments.iter().filter(|e| e.cname == name && e.named <= now);
    let Some(environment) = named.clone().find(|environment| environment.alive()) else {
        // For a while the name still leads to where nobody is any more.
        return Err(match named.into_iter().any(|environment| now < environment.updated + HOUR) {
            true => Trouble::Refused(name.to_owned()),
            false => Trouble::Dns(name.to_owned()),
        });
    };
    if let Some(arn) = &environment.resources.load_balancer {
        return Ok(Place::Balancer(arn.clone()));
    }
    match environment.present(now).next() {
        Some(instance) => Ok(Place::Instance(instance.id.clone())),
        None => Err(Trouble::Refused(name.to_owned())),
    }
}

/// What the records of a name say: an alias or addresses, else another name.
fn told(state: &State, name: &str, now: i64) -> Option<Told> {
    let sets =
        state.route53.lookup(name, "A", now).into_iter().chain(state.route53.lookup(name, "CNAME", now));
    for (set, _) in sets {
        if let Some(alias) = &set.alias {
            return Some(Told::Name(alias.name.clone()));
        }
        if let Some(value) = set.values.first() {
            return Some(if set.kind == "A" {
                Told::Address(value.clone())
            } else {
                Told::Name(value.clone())
            });
        }
    }
    let records =
        |kind: &str| state.godaddy.lookup(name, kind, now).into_iter().next().map(|(value, _)| value);
    records("A").map(Told::Address).or_else(|| records("CNAME").map(Told::Name))
}

/// Who is behind an address: only single instances have one that is known.
fn by_address(state: &State, address: &str) -> Place {
    let environments = &state.beanstalk.environments;
    let found = environments.iter().find(|e| e.alive() && e.resources.address.as_deref() == Some(address));
    let instance = found.and_then(|environment| environment.instances.first());
    instance.map_or(Place::Nowhere, |instance| Place::Instance(instance.id.clone()))
}

/// Since when the name servers tell a value for a name, if they do at a time.
pub(crate) fn told_since(state: &State, name: &str, kind: &str, value: &str, now: i64) -> Option<i64> {
    let plain = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    let wanted = plain(value);
    let sets = state.route53.lookup(name, kind, now);
    let told =
        sets.iter().find(|(set, _)| set.values.iter().any(|v| plain(v) == wanted)).map(|(_, since)| *since);
    told.or_else(|| {
        let records = state.godaddy.lookup(name, kind, now);
        records.iter().find(|(v, _)| plain(v) == wanted).map(|(_, since)| *since)
    })
}
