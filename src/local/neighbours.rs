//! What the application services need of the other services' states, in one place.

use super::common::{SECOND, Tags};
use super::ec2::{Group, Interface, Rule, Source, Wearer};
use super::state::hex;
use super::{Call, Cx, State};
use sha2::{Digest, Sha256};

/// A subnet's VPC and zone.
pub(crate) struct Subnet {
    /// Its VPC.
    pub(crate) vpc: String,
    /// `us-east-1a`
    pub(crate) zone: String,
}

/// Who may come in.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// Everyone.
    Everyone,
    /// The wearers of a security group.
    Group(String),
}

/// A security group to be made.
pub(crate) struct NewGroup {
    /// Its id, handed out before.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its VPC.
    pub(crate) vpc: String,
    /// Its tags.
    pub(crate) tags: Tags,
}

pub(crate) fn subnet(state: &mut State, region: &str, id: &str) -> Option<Subnet> {
    let found = state.ec2.region(region).subnet(id)?;
    Some(Subnet { vpc: found.vpc.clone(), zone: found.zone.clone() })
}

/// The subnets of the default VPC with their zones.
pub(crate) fn default_subnets(state: &mut State, region: &str) -> Vec<(String, String)> {
    state.ec2.region(region).subnets.iter().map(|subnet| (subnet.id.clone(), subnet.zone.clone())).collect()
}

pub(crate) fn default_vpc(state: &mut State, region: &str) -> String {
    state.ec2.region(region).vpc.id.clone()
}

pub(crate) fn default_security_group(state: &mut State, region: &str, vpc: &str) -> Option<String> {
    let mut groups = state.ec2.region(region).groups.values();
    groups.find(|group| group.vpc == vpc && group.name == "default").map(|group| group.id.clone())
}

/// The id of a security group that is given by id or name.
pub(crate) fn security_group_id(state: &mut State, region: &str, name: &str) -> Option<String> {
    let mut groups = state.ec2.region(region).groups.values();
    groups.find(|group| group.id == name || group.name == name).map(|group| group.id.clone())
}

pub(crate) fn security_group_name(state: &mut State, region: &str, id: &str) -> Option<String> {
    state.ec2.region(region).groups.get(id).map(|group| group.name.clone())
}

/// A rule; its id comes from what it says, so that no counter is needed.
fn rule(group: &str, egress: bool, port: i64, source: Source) -> Rule {
    let digits = hex(&Sha256::digest(format!("rule {group} {egress} {port} {source:?}")));
    Rule {
        id: format!("sgr-0{}", digits.get(..16).unwrap_or_default()),
        egress,
        protocol: if port < 0 { "-1" } else { "tcp" }.to_owned(),
        from: port,
        to: port,
        source,
        description: None,
        tags: Tags::new(),
    }
}

/// Makes a security group that lets some ports in, and everything out.
pub(crate) fn insert_security_group(state: &mut State, cx: &Cx, new: NewGroup, ports: &[u16], from: &Peer) {
    let group = Group {
        rules: vec![rule(&new.id, true, -1, Source::Cidr4("0.0.0.0/0".to_owned()))],
        description: match new.name.contains("LoadBalancer") {
            true => "Elastic Beanstalk created security group used when no ELB security groups are specified during ELB creation",
            false => "SecurityGroup for ElasticBeanstalk environment.",
        }
        .to_owned(),
        id: new.id.clone(),
        name: new.name,
        vpc: new.vpc,
        tags: new.tags,
        visible_at: 0,
    };
    let id = new.id;
    state.ec2.region(&cx.region).groups.insert(id.clone(), group);
    set_ingress(state, cx, &id, ports, from);
}

/// Makes a group let in these ports from a peer; rules for other peers stay.
pub(crate) fn set_ingress(state: &mut State, cx: &Cx, id: &str, ports: &[u16], from: &Peer) {
    let source = match from {
        Peer::Everyone => Source::Cidr4("0.0.0.0/0".to_owned()),
        Peer::Group(group) => Source::Group(group.clone()),
    };
    let Some(group) = state.ec2.region(&cx.region).groups.get_mut(id) else { return };
    group.rules.retain(|rule| rule.egress || rule.source != source || rule.protocol != "tcp");
    group.rules.extend(ports.iter().map(|port| rule(id, false, i64::from(*port), source.clone())));
}

/// Deletes a group unless something else still needs it.
pub(crate) fn delete_security_group(state: &mut State, cx: &Cx, id: &str) -> Result<(), ()> {
    let region = state.ec2.region(&cx.region);
    let named = Source::Group(id.to_owned());
    let worn = |interface: &Interface| {
        interface.groups.iter().any(|group| group == id) && interface.gone_at.is_none_or(|at| at > cx.now)
    };
    let referenced =
        region.groups.values().any(|group| group.id != id && group.rules.iter().any(|r| r.source == named));
    if referenced || region.interfaces.values().any(worn) {
        return Err(());
    }
    region.groups.shift_remove(id);
    Ok(())
}

/// Makes a wearer's interfaces with ids that come from a seed.
pub(crate) fn attach(state: &mut State, cx: &Cx, wearer: &Wearer<'_>, seed: &str) {
    let region = state.ec2.region(&cx.region);
    for id in wearer.subnets {
        let Some(subnet) = region.subnet(id).cloned() else { continue };
        let digest = Sha256::digest(format!("{seed} interface {} {id}", wearer.name));
        let digits = hex(&digest);
        let octet = |at: usize| digest.get(at).copied().unwrap_or(1);
        let interface = Interface {
            id: format!("eni-0{}", digits.get(..16).unwrap_or_default()),
            wearer: wearer.name.to_owned(),
            description: wearer.description.to_owned(),
            groups: wearer.groups.to_vec(),
            subnet: subnet.id,
            vpc: subnet.vpc,
            zone: subnet.zone,
            address: format!("172.31.{}.{}", octet(0), octet(1)),
            gone_at: None,
            tags: Tags::new(),
        };
        region.interfaces.insert(interface.id.clone(), interface);
    }
}

pub(crate) fn has_key_pair(state: &mut State, region: &str, name: &str) -> bool {
    state.ec2.region(region).keys.contains_key(name)
}

/// Forgets an instance that was to be launched later and now never is.
pub(crate) fn forget_instance(state: &mut State, cx: &Cx, id: &str) {
    state.detach(cx, &format!("instance/{id}"), cx.now - SECOND);
    state.ec2.region(&cx.region).instances.shift_remove(id);
}

/// The ARN of an instance profile that is given by name or ARN and has a role in it.
pub(crate) fn instance_profile(state: &State, name: &str) -> Option<String> {
    state.iam.profile(name).map(|profile| profile.arn())
}

/// Whether an instance profile, by name or ARN, exists and services other than IAM see it already.
pub(crate) fn sees_instance_profile(state: &State, name: &str, now: i64) -> bool {
    state.iam.profile(name).is_some_and(|profile| profile.is_seen(now))
}

/// An object of S3.
pub(crate) struct Object {
    /// The hash of its body in the blobs.
    pub(crate) hash: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Its media type.
    pub(crate) content_type: String,
}

pub(crate) fn bucket_region(state: &State, bucket: &str) -> Option<String> {
    state.s3.buckets.get(bucket).map(|bucket| bucket.region.clone())
}

/// The bucket behind a host such as `BUCKET.s3.us-east-1.amazonaws.com`, if it exists.
pub(crate) fn bucket_of_host(state: &State, host: &str) -> Option<String> {
    super::route::bucket_of_host(host).filter(|bucket| state.s3.buckets.contains_key(bucket))
}

/// Whether the bucket behind a host takes access control lists, as those who write logs need.
pub(crate) fn takes_acls(state: &State, host: &str) -> bool {
    let bucket = super::route::bucket_of_host(host).and_then(|name| state.s3.buckets.get(&name));
    bucket.is_some_and(|bucket| bucket.ownership.as_deref().is_some_and(|own| own != "BucketOwnerEnforced"))
}

pub(crate) fn object(state: &State, bucket: &str, key: &str) -> Option<Object> {
    let version = state.s3.buckets.get(bucket)?.object(key)?;
    let header = version.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    Some(Object {
        hash: version.body.clone(),
        size: version.size,
        content_type: header.map_or_else(|| "binary/octet-stream".to_owned(), |(_, value)| value.clone()),
    })
}

pub(crate) fn ensure_bucket(state: &mut State, cx: &Cx, bucket: &str) {
    state.make_bucket(bucket, &cx.region, cx.now);
}

/// Deletes an object, as `DeleteObject` does.
pub(crate) fn delete_object(state: &mut State, cx: &Cx, bucket: &str, key: &str) {
    let params = serde_json::json!({ "Bucket": bucket, "Key": key });
    let call = Call { operation: "DeleteObject".to_owned(), params, ..Call::default() };
    // Deleting what is not there succeeds; a bucket that is gone has nothing left to delete.
    let _ = super::s3::handle(state, cx, &call);
}

/// A data store's endpoint.
pub(crate) struct Endpoint {
    /// Where it listens, when it does.
    pub(crate) ports: Vec<u16>,
    /// Whether it can be reached from the internet.
    pub(crate) public: bool,
}

/// The data store behind a host name. None when there is no such host, or it is of another kind.
pub(crate) fn endpoint(state: &State, host: &str, now: i64) -> Option<Endpoint> {
    let port = |port: i64| u16::try_from(port).ok();
    if let Some(database) = state.rds.at_host(host) {
        let ports = port(database.port).filter(|_| database.answers(now));
        return Some(Endpoint { ports: ports.into_iter().collect(), public: database.public });
    }
    if let Some(cluster) = state.elasticache.at_host(host) {
        // Caches never have public addresses.
        let ports = port(cluster.port).filter(|_| cluster.answers(now));
        return Some(Endpoint { ports: ports.into_iter().collect(), public: false });
    }
    let broker = state.mq.at_host(host)?;
    let ports = if broker.state(now) == "RUNNING" { broker.ports() } else { Vec::new() };
    Some(Endpoint { ports, public: broker.public })
}
