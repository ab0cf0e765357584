//! Where answers come from: the origins that the file names, in the default and in its behaviours, and how each is treated.

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    CustomOriginConfig, DistributionConfig, Origin, OriginProtocolPolicy, OriginSslProtocols, Origins,
    S3OriginConfig, SslProtocol,
};

use super::config::count;
use crate::cloud::Want;
use crate::eval::{Attrs, Value};

// Managed policies: developer guide, "Use managed cache policies" and "Use managed origin request policies".
/// Keeps what it may, and a day where the origin does not say: for files.
pub(super) const CACHING_OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";
/// Keeps only what the origin's `Cache-Control` allows, apart by host, query and cookies: for applications.
pub(super) const ORIGIN_CACHE_CONTROL: &str = "4cc15a8a-d715-48a4-82b8-cc0b614638fe";
const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
/// All headers (`Host` among them, to which the load balancer's certificate belongs), cookies (by which sessions stick)
/// and the query.
pub(super) const ALL_VIEWER: &str = "216adef6-5c7f-47e4-b989-5492eafa07d3";
/// All but `Host`, by which somebody else's server would not know itself.
const ALL_BUT_HOST: &str = "b689b0a8-53d0-40ab-baf2-68738e2966ac";

/// What an origin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// The load balancer of an environment.
    Environment,
    /// A bucket.
    Bucket,
    /// Any other host.
    Host,
}

/// An origin that the file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct From {
    pub domain: String,
    pub sort: Sort,
}

/// The origin that a value names, once it exists.
fn of(want: &Want, value: &Value) -> Option<From> {
    if let Some(host) = value.as_str() {
        return Some(From { domain: host.to_ascii_lowercase(), sort: Sort::Host });
    }
    if let Some(domain) = want.output(value, "endpoint") {
        return Some(From { domain: domain.to_ascii_lowercase(), sort: Sort::Environment });
    }
    let domain = want.output(value, "domain_name")?.to_ascii_lowercase();
    Some(From { domain, sort: Sort::Bucket })
}

/// The origin of the default behaviour.
pub(super) fn default(want: &Want) -> Option<From> {
    of(want, want.get("origin"))
}

/// The origin of a behaviour.
pub(super) fn of_behavior(want: &Want, behavior: &Attrs) -> Option<From> {
    of(want, behavior.get("origin").unwrap_or(&Value::None))
}

/// The behaviours that the file writes.
pub(super) fn behaviors(want: &Want) -> impl Iterator<Item = &Attrs> {
    want.get("behavior").items().iter().filter_map(Value::fields)
}

/// Every origin that is wanted, each once; `None` while one does not exist.
pub(super) fn all(want: &Want) -> Option<Vec<From>> {
    let mut all = vec![default(want)?];
    for behavior in behaviors(want) {
        let origin = of_behavior(want, behavior)?;
        if !all.contains(&origin) {
            all.push(origin);
        }
    }
    Some(all)
}

/// The id of an origin: the distribution's own name for the default one, the host for others.
pub(super) fn id(want: &Want, origin: &From) -> String {
    match default(want) {
        Some(default) if default.domain == origin.domain => want.name.clone(),
        _ => origin.domain.clone(),
    }
}

/// Cache policy and origin request policy for an origin. `caching` is `optimized`, `disabled` or a policy's id.
pub(super) fn policies(caching: &str, sort: Sort) -> (&str, Option<&'static str>) {
    let forwarding = match sort {
        Sort::Environment => Some(ALL_VIEWER),
        Sort::Bucket => None,
        // What is kept by its path alone may not depend on cookies or the query.
        Sort::Host => (caching != "optimized").then_some(ALL_BUT_HOST),
    };
    let cache = match (caching, sort) {
        ("disabled", _) => CACHING_DISABLED,
        ("optimized", Sort::Environment) => ORIGIN_CACHE_CONTROL,
        ("optimized", _) => CACHING_OPTIMIZED,
        (id, _) => id,
    };
    (cache, forwarding)
}

/// How answers are kept, in the file's words where the policies are those that [`policies`] gives.
pub(super) fn caching(cache: Option<&str>, forwarding: Option<&str>, sort: Sort) -> Value {
    let forwarding = forwarding.filter(|id| !id.is_empty());
    let fits = |word: &&str| policies(word, sort) == (cache.unwrap_or_default(), forwarding);
    let own = cache.filter(fits);
    match ["optimized", "disabled"].into_iter().find(|word| fits(word)).or(own) {
        Some(word) => Value::from(word),
        None => Value::Variant("(other policies)".to_owned(), Attrs::new()),
    }
}

/// What an origin of a configuration is.
pub(super) fn sort_of(want: &Want, origin: &Origin) -> Sort {
    if origin.s3_origin_config().is_some() {
        return Sort::Bucket;
    }
    let known = all(want).unwrap_or_default();
    let twin = known.iter().find(|one| one.domain.eq_ignore_ascii_case(origin.domain_name()));
    // Where nothing is said, as by an import, the name tells load balancers from other hosts.
    let host = origin.domain_name().to_ascii_lowercase();
    let balanced = [".elb.amazonaws.com", ".elb.amazonaws.com.cn", ".elasticbeanstalk.com"];
    let guess = match balanced.iter().any(|end| host.ends_with(end)) || !known.is_empty() {
        true => Sort::Environment,
        false => Sort::Host,
    };
    twin.map_or(guess, |one| one.sort)
}

/// The origin that a behaviour of a configuration is for.
pub(super) fn target<'a>(config: &'a DistributionConfig, id: &str) -> Option<&'a Origin> {
    config.origins()?.items().iter().find(|origin| origin.id() == id)
}

/// Puts the wanted origins in the place of those that the behaviours had; what nothing refers to stays.
pub(super) fn put(
    config: &mut DistributionConfig,
    want: &Want,
    wanted: &[From],
    access: Option<&str>,
) -> Result<(), BuildError> {
    let default = config.default_cache_behavior.as_ref().map(|behavior| behavior.target_origin_id.clone());
    let others = config.cache_behaviors.as_ref().map(|all| all.items()).unwrap_or_default();
    let old: Vec<String> = others.iter().map(|one| one.target_origin_id.clone()).chain(default).collect();
    let mut items = Vec::new();
    for origin in wanted {
        items.push(made(want, origin, access)?);
    }
    let kept = config.origins.take().map(|origins| origins.items).unwrap_or_default();
    let ours: Vec<String> = items.iter().map(|item| item.id.clone()).collect();
    items.extend(kept.into_iter().filter(|item| !old.contains(&item.id) && !ours.contains(&item.id)));
    config.origins = Some(Origins::builder().quantity(count(&items)).set_items(Some(items)).build()?);
    Ok(())
}

fn made(want: &Want, origin: &From, access: Option<&str>) -> Result<Origin, BuildError> {
    let builder = Origin::builder().id(id(want, origin)).domain_name(&origin.domain).origin_path("");
    match origin.sort {
        Sort::Bucket => builder
            .s3_origin_config(S3OriginConfig::builder().origin_access_identity("").build())
            .set_origin_access_control_id(access.map(str::to_owned)),
        Sort::Environment | Sort::Host => builder.custom_origin_config(custom(want)?),
    }
    .build()
}

fn custom(want: &Want) -> Result<CustomOriginConfig, BuildError> {
    let tls = OriginSslProtocols::builder().quantity(1).items(SslProtocol::TlSv12).build()?;
    let protocol = OriginProtocolPolicy::from(want.text("origin_protocol").unwrap_or("match-viewer"));
    CustomOriginConfig::builder()
        .http_port(80)
        .https_port(443)
        .origin_protocol_policy(protocol)
        .origin_ssl_protocols(tls)
        .origin_read_timeout(30)
        .origin_keepalive_timeout(5)
        .build()
}
