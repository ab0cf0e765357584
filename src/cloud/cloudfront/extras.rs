//! What a distribution has besides origins and behaviours: pages for errors, logs, a web ACL, where its viewers may be.
//! What the file does not speak of stays as it is.

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    CustomErrorResponse, CustomErrorResponses, DistributionConfig, GeoRestriction, GeoRestrictionType,
    LoggingConfig, Restrictions,
};

use super::config::count;
use crate::cloud::Want;
use crate::eval::{Attrs, Value};

/// Adds the wanted attributes in the form of [`read`].
pub(super) fn desired(want: &Want, attrs: &mut Attrs) {
    if let Value::Variant(word, params) = want.get("logging") {
        let mut params = params.clone();
        if let Some(bucket) = params.get("bucket") {
            let domain = want.output(bucket, "name").map_or_else(|| bucket.clone(), Value::from);
            params.insert("bucket".to_owned(), domain);
        }
        attrs.insert("logging".to_owned(), Value::Variant(word.clone(), params));
    }
}

/// The bucket that is to hold the logs.
pub(super) fn log_bucket(want: &Want) -> Option<&str> {
    match want.get("logging") {
        Value::Variant(_, params) => want.output(params.get("bucket")?, "name"),
        _ => None,
    }
}

/// Brings a configuration to what is wanted.
pub(super) fn put(config: &mut DistributionConfig, want: &Want) -> Result<(), BuildError> {
    put_error_pages(config, want)?;
    match want.text("web_acl") {
        Some("none") => config.web_acl_id = Some(String::new()),
        Some(arn) => config.web_acl_id = Some(arn.to_owned()),
        None => {}
    }
    if let Value::Variant(_, params) = want.get("logging") {
        let cookies = config.logging.as_ref().is_some_and(|logging| logging.include_cookies);
        let bucket = log_bucket(want).map(|bucket| format!("{bucket}.s3.amazonaws.com"));
        let prefix = params.get("prefix").and_then(Value::as_str).unwrap_or_default();
        let logging = LoggingConfig::builder()
            .enabled(bucket.is_some())
            .include_cookies(cookies && bucket.is_some())
            .prefix(prefix)
            .bucket(bucket.unwrap_or_default());
        config.logging = Some(logging.build());
    }
    if let Value::Variant(word, params) = want.get("viewers") {
        let countries = params.get("countries").unwrap_or(&Value::None).items().iter();
        let countries: Vec<String> = countries.filter_map(|one| one.as_str().map(str::to_owned)).collect();
        let kind = match word.as_str() {
            "only" => GeoRestrictionType::Whitelist,
            "except" => GeoRestrictionType::Blacklist,
            _ => GeoRestrictionType::None,
        };
        let geo = GeoRestriction::builder().restriction_type(kind).quantity(count(&countries));
        let items = (!countries.is_empty()).then_some(countries);
        let geo = geo.set_items(items).build()?;
        config.restrictions = Some(Restrictions::builder().geo_restriction(geo).build());
    }
    Ok(())
}

fn put_error_pages(config: &mut DistributionConfig, want: &Want) -> Result<(), BuildError> {
    let mut items = Vec::new();
    for page in want.get("error_page").items().iter().filter_map(Value::fields) {
        let get = |name: &str| page.get(name).unwrap_or(&Value::None);
        let Some(status) = get("status").as_int().and_then(|status| i32::try_from(status).ok()) else {
            continue;
        };
        let mut one = CustomErrorResponse::builder()
            .error_code(status)
            .error_caching_min_ttl(get("keep").as_int().unwrap_or(10_000) / 1000);
        if let Some(path) = get("path").as_str() {
            let answer = get("answer").as_int().unwrap_or(i64::from(status));
            one = one.response_page_path(path).response_code(answer.to_string());
        }
        items.push(one.build()?);
    }
    config.custom_error_responses =
        Some(CustomErrorResponses::builder().quantity(count(&items)).set_items(Some(items)).build()?);
    Ok(())
}

/// The wanted pages for errors in the form of [`read`].
pub(super) fn desired_error_pages(want: &Want) -> Value {
    let filled = |page: &Attrs| {
        let mut filled = page.clone();
        let said = |name: &str| page.get(name).is_some_and(|value| *value != Value::None);
        if said("path") && !said("answer") {
            filled.insert("answer".to_owned(), page.get("status").cloned().unwrap_or(Value::None));
        }
        Value::Map(filled)
    };
    Value::List(want.get("error_page").items().iter().filter_map(Value::fields).map(filled).collect())
}

/// Reads a configuration.
pub(super) fn read(config: &DistributionConfig, attrs: &mut Attrs) {
    let acl = config.web_acl_id().filter(|acl| !acl.is_empty()).unwrap_or("none");
    attrs.insert("web_acl".to_owned(), acl.into());
    let variant = |word: &str, params: Attrs| Value::Variant(word.to_owned(), params);
    let logging = config.logging().filter(|logging| logging.enabled()).map(|logging| {
        let bucket = logging.bucket().split(".s3").next().unwrap_or_default();
        let params = [("bucket", bucket), ("prefix", logging.prefix())];
        variant("to", params.map(|(name, text)| (name.to_owned(), Value::from(text))).into())
    });
    attrs.insert("logging".to_owned(), logging.unwrap_or_else(|| variant("off", Attrs::new())));
    let geo = config.restrictions().and_then(|restrictions| restrictions.geo_restriction());
    let countries = || {
        let items = geo.map(|geo| geo.items().to_vec()).unwrap_or_default();
        Attrs::from_iter([("countries".to_owned(), Value::from(items))])
    };
    let viewers = match geo.map(GeoRestriction::restriction_type) {
        Some(GeoRestrictionType::Whitelist) => variant("only", countries()),
        Some(GeoRestrictionType::Blacklist) => variant("except", countries()),
        _ => variant("everywhere", Attrs::new()),
    };
    attrs.insert("viewers".to_owned(), viewers);
    let pages = config.custom_error_responses().map(|all| all.items()).unwrap_or_default();
    let page = |one: &CustomErrorResponse| {
        let path = one.response_page_path().filter(|path| !path.is_empty());
        let answer = one.response_code().filter(|_| path.is_some()).and_then(|code| code.parse::<i64>().ok());
        Value::Map(Attrs::from_iter([
            ("status".to_owned(), Value::Int(i64::from(one.error_code()))),
            ("path".to_owned(), path.into()),
            ("answer".to_owned(), answer.into()),
            ("keep".to_owned(), Value::Duration(one.error_caching_min_ttl().unwrap_or(10) * 1000)),
        ]))
    };
    attrs.insert("error_page".to_owned(), Value::List(pages.iter().map(page).collect()));
}
