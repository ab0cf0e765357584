//! Behaviours: how requests for some paths are treated. CloudFront takes the first that fits; the file says them in any
//! order, and the most specific one wins.

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    AllowedMethods, CacheBehavior, CacheBehaviors, CachedMethods, DefaultCacheBehavior, DistributionConfig,
    Method, ViewerProtocolPolicy,
};
use std::cmp::Reverse;

use super::config::count;
use super::origins::{self, From, Sort};
use crate::cloud::Want;
use crate::eval::{Attrs, Value};

/// What a behaviour has when nothing is said: the defaults of the stdlib's kind.
const VIEWER: &str = "redirect-to-https";
const CACHING: &str = "optimized";

/// A behaviour, the default one or another, as both have it.
struct Shape<'a> {
    viewer: &'a str,
    caching: &'a str,
    methods: &'a str,
    compress: bool,
}

/// The methods that are let through where the file does not say: a bucket is only read.
fn methods_for(sort: Sort) -> &'static str {
    if sort == Sort::Bucket { "read" } else { "all" }
}

fn methods(word: &str) -> Result<AllowedMethods, BuildError> {
    let kept = vec![Method::Get, Method::Head];
    let more: &[Method] = match word {
        "read" => &[],
        "read-and-options" => &[Method::Options],
        _ => &[Method::Options, Method::Put, Method::Post, Method::Patch, Method::Delete],
    };
    let allowed = [kept.as_slice(), more].concat();
    let cached = CachedMethods::builder().quantity(count(&kept)).set_items(Some(kept)).build()?;
    AllowedMethods::builder()
        .quantity(count(&allowed))
        .set_items(Some(allowed))
        .cached_methods(cached)
        .build()
}

/// The word for the methods that a behaviour lets through.
fn word(methods: Option<&AllowedMethods>) -> Value {
    match methods.map(|methods| methods.items().len()) {
        None | Some(2) => "read".into(),
        Some(3) => "read-and-options".into(),
        Some(_) => "all".into(),
    }
}

/// The shape that the attributes of a distribution, or of a behaviour of it, ask for.
fn shape<'a>(attrs: &'a Attrs, origin: &From) -> Shape<'a> {
    let text = |name: &str| attrs.get(name).and_then(Value::as_str);
    Shape {
        viewer: text("viewer_protocol").unwrap_or(VIEWER),
        caching: text("caching").unwrap_or(CACHING),
        methods: text("methods").unwrap_or(methods_for(origin.sort)),
        compress: attrs.get("compress").and_then(Value::as_bool).unwrap_or(true),
    }
}

/// Brings the default behaviour to what is wanted; what the file does not speak of stays.
#[expect(deprecated, reason = "an adopted distribution may have the older settings, which exclude policies")]
pub(super) fn put_default(
    behavior: &mut DefaultCacheBehavior,
    want: &Want,
    origin: &From,
) -> Result<(), BuildError> {
    let shape = shape(&want.attrs, origin);
    let (cache, forwarding) = origins::policies(shape.caching, origin.sort);
    behavior.target_origin_id = origins::id(want, origin);
    behavior.viewer_protocol_policy = ViewerProtocolPolicy::from(shape.viewer);
    behavior.allowed_methods = Some(methods(shape.methods)?);
    behavior.compress = Some(shape.compress);
    behavior.cache_policy_id = Some(cache.to_owned());
    behavior.origin_request_policy_id = forwarding.map(str::to_owned);
    behavior.forwarded_values = None;
    (behavior.min_ttl, behavior.default_ttl, behavior.max_ttl) = (None, None, None);
    Ok(())
}

/// Brings the other behaviours to what is wanted, in the order in which CloudFront is to try them.
#[expect(deprecated, reason = "an adopted distribution may have the older settings, which exclude policies")]
pub(super) fn put(config: &mut DistributionConfig, want: &Want) -> Result<(), BuildError> {
    let old = config.cache_behaviors.take().map(|all| all.items.unwrap_or_default()).unwrap_or_default();
    let mut items: Vec<CacheBehavior> = Vec::new();
    for behavior in origins::behaviors(want) {
        let (Some(path), Some(origin)) = (path(behavior), origins::of_behavior(want, behavior)) else {
            continue;
        };
        let shape = shape(behavior, &origin);
        let mut one = match old.iter().find(|one| one.path_pattern() == path) {
            Some(one) => one.clone(),
            None => CacheBehavior::builder()
                .path_pattern(path)
                .target_origin_id("")
                .viewer_protocol_policy(ViewerProtocolPolicy::RedirectToHttps)
                .build()?,
        };
        let (cache, forwarding) = origins::policies(shape.caching, origin.sort);
        one.target_origin_id = origins::id(want, &origin);
        one.viewer_protocol_policy = ViewerProtocolPolicy::from(shape.viewer);
        one.allowed_methods = Some(methods(shape.methods)?);
        one.compress = Some(shape.compress);
        one.cache_policy_id = Some(cache.to_owned());
        one.origin_request_policy_id = forwarding.map(str::to_owned);
        one.forwarded_values = None;
        (one.min_ttl, one.default_ttl, one.max_ttl) = (None, None, None);
        items.push(one);
    }
    items.sort_by_key(|one| rank(one.path_pattern()));
    config.cache_behaviors =
        Some(CacheBehaviors::builder().quantity(count(&items)).set_items(Some(items)).build()?);
    Ok(())
}

fn path(behavior: &Attrs) -> Option<&str> {
    behavior.get("path")?.as_str()
}

/// Where a path stands: one without wildcards first, then those that say more before their first wildcard.
fn rank(path: &str) -> (bool, Reverse<usize>, Reverse<usize>, String) {
    let path = path.trim_start_matches('/');
    let first = path.find(['*', '?']);
    (first.is_some(), Reverse(first.unwrap_or(path.len())), Reverse(path.len()), path.to_owned())
}

/// Fills in what a shape says. The id of a policy that has a name is read as that name.
fn fill(attrs: &mut Attrs, shape: &Shape<'_>, sort: Sort) {
    let (cache, forwarding) = origins::policies(shape.caching, sort);
    attrs.insert("caching".to_owned(), origins::caching(Some(cache), forwarding, sort));
    attrs.insert("methods".to_owned(), shape.methods.into());
}

/// The default behaviour's attributes, as the file would write them.
pub(super) fn desired_default(want: &Want, attrs: &mut Attrs) {
    if let Some(origin) = origins::default(want) {
        fill(attrs, &shape(&want.attrs, &origin), origin.sort);
        attrs.insert("origin".to_owned(), origin.domain.as_str().into());
    }
}

/// The wanted behaviours in the form of [`read`].
pub(super) fn desired(want: &Want) -> Value {
    let filled = |behavior: &Attrs| {
        let mut filled = behavior.clone();
        if let Some(origin) = origins::of_behavior(want, behavior) {
            fill(&mut filled, &shape(behavior, &origin), origin.sort);
            filled.insert("origin".to_owned(), origin.domain.as_str().into());
        }
        Value::Map(filled)
    };
    Value::List(origins::behaviors(want).map(filled).collect())
}

/// Reads the default behaviour's attributes.
pub(super) fn read_default(behavior: &DefaultCacheBehavior, sort: Sort, attrs: &mut Attrs) {
    let caching = origins::caching(behavior.cache_policy_id(), behavior.origin_request_policy_id(), sort);
    attrs.insert("viewer_protocol".to_owned(), behavior.viewer_protocol_policy().as_str().into());
    attrs.insert("caching".to_owned(), caching);
    attrs.insert("methods".to_owned(), word(behavior.allowed_methods()));
    attrs.insert("compress".to_owned(), Value::Bool(behavior.compress().unwrap_or(false)));
}

/// Reads the other behaviours. One that stands where it would be tried too late or too early is left out, so that it counts
/// as missing.
pub(super) fn read(config: &DistributionConfig, want: &Want) -> Value {
    let all = config.cache_behaviors().map(|all| all.items()).unwrap_or_default();
    let mut seen = Vec::new();
    let mut last = None;
    for one in all {
        let rank = rank(one.path_pattern());
        if last.as_ref().is_some_and(|last| *last > rank) {
            continue;
        }
        last = Some(rank);
        let origin = origins::target(config, one.target_origin_id());
        let sort = origin.map_or(Sort::Environment, |origin| origins::sort_of(want, origin));
        let domain = origin.map(|origin| origin.domain_name().to_ascii_lowercase());
        let caching = origins::caching(one.cache_policy_id(), one.origin_request_policy_id(), sort);
        seen.push(Value::Map(Attrs::from_iter([
            ("path".to_owned(), one.path_pattern().into()),
            ("origin".to_owned(), domain.into()),
            ("viewer_protocol".to_owned(), one.viewer_protocol_policy().as_str().into()),
            ("caching".to_owned(), caching),
            ("methods".to_owned(), word(one.allowed_methods())),
            ("compress".to_owned(), Value::Bool(one.compress().unwrap_or(false))),
        ])));
    }
    Value::List(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_policy_that_has_a_name_is_read_as_that_name() {
        let shape =
            Shape { viewer: VIEWER, caching: origins::ORIGIN_CACHE_CONTROL, methods: "all", compress: true };
        let mut attrs = Attrs::new();
        fill(&mut attrs, &shape, Sort::Environment);
        assert_eq!(attrs.get("caching"), Some(&Value::from("optimized")));
    }

    #[test]
    fn the_most_specific_path_comes_first() {
        let mut paths = ["*.jpg", "/api/*", "/api/v1/*", "/login", "/api/v1/x?z", "/static/*"];
        paths.sort_by_key(|path| rank(path));
        assert_eq!(paths, ["/login", "/api/v1/x?z", "/api/v1/*", "/static/*", "/api/*", "*.jpg"]);
    }
}
