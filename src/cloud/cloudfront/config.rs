//! The attributes of a `distribution` as CloudFront's configuration, both ways.
//!
//! An update sends a whole configuration: what the file does not speak of (functions, a web ACL, logging) stays as it is.

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    Aliases, DefaultCacheBehavior, DistributionConfig, MinimumProtocolVersion, Origin, PriceClass,
    SslSupportMethod, ViewerCertificate, ViewerProtocolPolicy,
};

use super::origins::{self, From};
use super::{behaviors, extras};
use crate::cloud::Want;
use crate::eval::{Attrs, Value};

const PRICE_CLASSES: [(&str, PriceClass); 3] = [
    ("100", PriceClass::PriceClass100),
    ("200", PriceClass::PriceClass200),
    ("all", PriceClass::PriceClassAll),
];

/// The wanted attributes in the form of [`read`].
pub(super) fn desired(want: &Want) -> Attrs {
    let mut attrs = want.desired(&[]);
    behaviors::desired_default(want, &mut attrs);
    attrs.insert("behavior".to_owned(), behaviors::desired(want));
    attrs.insert("error_page".to_owned(), extras::desired_error_pages(want));
    extras::desired(want, &mut attrs);
    attrs.insert("certificate".to_owned(), want.ids("certificate", "arn"));
    attrs.insert("aliases".to_owned(), Value::from(aliases(want)));
    attrs
}

fn aliases(want: &Want) -> Vec<String> {
    let texts = want.get("aliases").items().iter().filter_map(Value::as_str);
    texts.map(|alias| alias.trim_end_matches('.').to_ascii_lowercase()).collect()
}

/// The configuration of a new distribution.
pub(super) fn new(want: &Want, origins: &[From]) -> Result<DistributionConfig, BuildError> {
    let id = &want.name;
    let behavior = DefaultCacheBehavior::builder()
        .target_origin_id(id)
        .viewer_protocol_policy(ViewerProtocolPolicy::RedirectToHttps)
        .compress(true)
        .build()?;
    let mut config = DistributionConfig::builder()
        .caller_reference(&want.token)
        .comment("")
        .enabled(true)
        .is_ipv6_enabled(true)
        .default_cache_behavior(behavior)
        .build()?;
    apply(&mut config, want, origins, None)?;
    // Its bucket may not take them yet.
    config.logging = None;
    Ok(config)
}

/// Brings a configuration to what is wanted. The first origin is that of the default behaviour;
/// `access` is the id of the origin access control for buckets.
pub(super) fn apply(
    config: &mut DistributionConfig,
    want: &Want,
    origins: &[From],
    access: Option<&str>,
) -> Result<(), BuildError> {
    let text = |name: &str| want.text(name).unwrap_or_default();
    let names = aliases(want);
    config.aliases = Some(Aliases::builder().quantity(count(&names)).set_items(Some(names)).build()?);
    config.comment = text("comment").to_owned();
    config.default_root_object = Some(text("default_root_object").to_owned());
    config.enabled = want.get("enabled").as_bool().unwrap_or(true);
    let class = PRICE_CLASSES.iter().find(|(word, _)| *word == text("price_class"));
    config.price_class = class.map(|(_, class)| class.clone()).or(config.price_class.take());
    config.viewer_certificate = Some(viewer_certificate(want));
    origins::put(config, want, origins, access)?;
    if let (Some(behavior), Some(origin)) = (&mut config.default_cache_behavior, origins.first()) {
        behaviors::put_default(behavior, want, origin)?;
    }
    behaviors::put(config, want)?;
    extras::put(config, want)
}

fn viewer_certificate(want: &Want) -> ViewerCertificate {
    match want.ids("certificate", "arn").as_str() {
        Some(arn) => ViewerCertificate::builder()
            .acm_certificate_arn(arn)
            .ssl_support_method(SslSupportMethod::SniOnly)
            .minimum_protocol_version(MinimumProtocolVersion::TlSv122021)
            .build(),
        None => ViewerCertificate::builder().cloud_front_default_certificate(true).build(),
    }
}

/// How many there are, as CloudFront wants to be told.
pub(super) fn count<T>(items: &[T]) -> i32 {
    i32::try_from(items.len()).unwrap_or(i32::MAX)
}

/// Prepares a configuration for deletion: it answers no more and lets go of its origin access control.
pub(super) fn disable(config: &mut DistributionConfig) {
    config.enabled = false;
    for origin in config.origins.iter_mut().flat_map(|origins| &mut origins.items) {
        origin.origin_access_control_id = None;
    }
}

/// The origin of the default behaviour.
pub(super) fn default_origin(config: &DistributionConfig) -> Option<&Origin> {
    let target = config.default_cache_behavior()?.target_origin_id();
    config.origins()?.items().iter().find(|origin| origin.id() == target)
}

/// The attributes that a configuration has.
pub(super) fn read(config: &DistributionConfig, want: &Want) -> Attrs {
    let mut attrs = Attrs::new();
    let mut put = |name: &str, value: Value| {
        attrs.insert(name.to_owned(), value);
    };
    let names = config.aliases().map(|aliases| aliases.items().to_vec()).unwrap_or_default();
    put("aliases", Value::from(names));
    put("comment", Value::from(config.comment()));
    put("default_root_object", Value::from(config.default_root_object().unwrap_or_default()));
    put("enabled", Value::Bool(config.enabled()));
    if let Some(class) = config.price_class() {
        let word = PRICE_CLASSES.iter().find(|(_, theirs)| theirs == class).map(|(word, _)| *word);
        put("price_class", Value::from(word.unwrap_or(class.as_str())));
    }
    let arn = config.viewer_certificate().and_then(ViewerCertificate::acm_certificate_arn);
    put("certificate", Value::from(arn.map(str::to_owned)));
    let origin = default_origin(config);
    if let Some(origin) = origin {
        put("origin", Value::from(origin.domain_name().to_ascii_lowercase()));
        if let Some(custom) = origin.custom_origin_config() {
            put("origin_protocol", Value::from(custom.origin_protocol_policy().as_str()));
        }
    }
    if let (Some(behavior), Some(origin)) = (config.default_cache_behavior(), origin) {
        behaviors::read_default(behavior, origins::sort_of(want, origin), &mut attrs);
    }
    attrs.insert("behavior".to_owned(), behaviors::read(config, want));
    extras::read(config, &mut attrs);
    attrs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, want};
    use indexmap::IndexMap;

    fn cdn(origin: &str) -> Want {
        let web = attrs([("endpoint", Value::from("AWSEB-1.us-east-1.elb.amazonaws.com"))]);
        let files = attrs([
            ("name", Value::from("files")),
            ("domain_name", Value::from("files.s3.eu-west-1.amazonaws.com")),
        ]);
        let site = attrs([("arn", Value::from("arn:aws:acm:us-east-1:1:certificate/1"))]);
        let refs = [("web", web), ("files", files), ("site", site)];
        Want {
            attrs: attrs([
                ("origin", Value::Handle(origin.to_owned())),
                ("aliases", Value::from(vec!["Shop.example.com", "b.example.com"])),
                ("certificate", Value::Handle("site".to_owned())),
                ("comment", Value::from("shop")),
                ("price_class", Value::from("200")),
                ("enabled", Value::Bool(true)),
                ("default_root_object", Value::from("index.html")),
                ("viewer_protocol", Value::from("https-only")),
                ("origin_protocol", Value::from("https-only")),
                ("caching", Value::from("optimized")),
            ]),
            refs: IndexMap::from(refs.map(|(id, outputs)| (id.to_owned(), outputs))),
            ..want("distribution", "shop-cdn")
        }
    }

    fn differing(want: &Want, config: &DistributionConfig) -> Vec<String> {
        let (desired, seen) = (desired(want), read(config, want));
        let differs =
            |(name, after): &(&String, &Value)| seen.get(*name).is_some_and(|before| before != *after);
        desired.iter().filter(differs).map(|(name, _)| name.clone()).collect()
    }

    #[test]
    fn what_is_written_reads_as_wanted() {
        for origin in ["web", "files"] {
            let want = cdn(origin);
            let config = new(&want, &origins::all(&want).unwrap()).unwrap();
            assert_eq!(differing(&want, &config), Vec::<String>::new(), "{origin}");
        }
    }

    #[test]
    fn each_attribute_that_changes_is_seen() {
        let want = cdn("web");
        let config = new(&want, &origins::all(&want).unwrap()).unwrap();
        for (name, value) in [
            ("origin", Value::Handle("files".to_owned())),
            ("aliases", Value::from(vec!["shop.example.com"])),
            ("certificate", Value::None),
            ("comment", Value::from("")),
            ("price_class", Value::from("all")),
            ("enabled", Value::Bool(false)),
            ("default_root_object", Value::from("")),
            ("viewer_protocol", Value::from("allow-all")),
            ("origin_protocol", Value::from("match-viewer")),
            ("caching", Value::from("disabled")),
        ] {
            let mut changed = want.clone();
            changed.attrs.insert(name.to_owned(), value);
            // To a bucket fewer methods are let through.
            let with_it: &[&str] = if name == "origin" { &["origin", "methods"] } else { &[name] };
            assert_eq!(differing(&changed, &config), with_it);
            let mut updated = config.clone();
            apply(&mut updated, &changed, &origins::all(&changed).unwrap(), None).unwrap();
            assert_eq!(differing(&changed, &updated), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn an_environment_gets_host_cookies_and_query_and_a_bucket_does_not() {
        let want = cdn("web");
        let config = new(&want, &origins::all(&want).unwrap()).unwrap();
        let behavior = config.default_cache_behavior().unwrap();
        assert_eq!(behavior.origin_request_policy_id(), Some(origins::ALL_VIEWER));
        assert_eq!(behavior.cache_policy_id(), Some(origins::ORIGIN_CACHE_CONTROL));
        assert_eq!(behavior.allowed_methods().unwrap().quantity(), 7);
        let want = cdn("files");
        let config = new(&want, &origins::all(&want).unwrap()).unwrap();
        let behavior = config.default_cache_behavior().unwrap();
        assert_eq!(behavior.origin_request_policy_id(), None);
        assert_eq!(behavior.cache_policy_id(), Some(origins::CACHING_OPTIMIZED));
    }

    #[test]
    fn an_update_keeps_what_the_file_does_not_speak_of() {
        let want = cdn("web");
        let mut config = new(&want, &origins::all(&want).unwrap()).unwrap();
        config.web_acl_id = Some("acl".to_owned());
        let other = Origin::builder().id("images").domain_name("images.s3.amazonaws.com").build().unwrap();
        config.origins.as_mut().unwrap().items.push(other);
        let moved = cdn("files");
        apply(&mut config, &moved, &origins::all(&moved).unwrap(), Some("E1OAC")).unwrap();
        assert_eq!(config.web_acl_id(), Some("acl"));
        assert_eq!(config.caller_reference(), want.token);
        let origins = config.origins().unwrap();
        let ids: Vec<&str> = origins.items().iter().map(Origin::id).collect();
        assert_eq!((ids, origins.quantity()), (vec!["shop-cdn", "images"], 2));
        assert_eq!(default_origin(&config).unwrap().origin_access_control_id(), Some("E1OAC"));
        disable(&mut config);
        assert!(!config.enabled() && default_origin(&config).unwrap().origin_access_control_id().is_none());
    }

    #[test]
    fn a_distribution_that_drops_cookies_is_not_as_wanted() {
        let want = cdn("web");
        let mut config = new(&want, &origins::all(&want).unwrap()).unwrap();
        config.default_cache_behavior.as_mut().unwrap().origin_request_policy_id = None;
        assert_eq!(differing(&want, &config), ["caching"]);
    }
}
