//! The managed policies, and what `ForwardedValues` say in their place.
//! Source: the developer guide's pages on managed cache and origin request policies.

use super::tagged;
use crate::local::{Call, Element, Fault, Reply};

/// How answers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// At least so many seconds.
    pub least: i64,
    /// So many when the origin says nothing.
    pub default: i64,
    /// At most so many.
    pub most: i64,
    /// The query is part of the address.
    pub query: bool,
    /// The host is part of the address and goes to the origin.
    pub host: bool,
    /// Cookies are part of the address.
    pub cookies: bool,
}

const YEAR: i64 = 31_536_000;

const fn policy(least: i64, default: i64, most: i64) -> CachePolicy {
    CachePolicy { least, default, most, query: false, host: false, cookies: false }
}

const CACHE: [(&str, &str, CachePolicy); 5] = [
    ("658327ea-f89d-4fab-a63d-7e88639e58f6", "Managed-CachingOptimized", policy(1, 86_400, YEAR)),
    (
        "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
        "Managed-CachingOptimizedForUncompressedObjects",
        policy(1, 86_400, YEAR),
    ),
    ("4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "Managed-CachingDisabled", policy(0, 0, 0)),
    (
        "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
        "UseOriginCacheControlHeaders",
        CachePolicy { host: true, cookies: true, ..policy(0, 0, YEAR) },
    ),
    (
        "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
        "UseOriginCacheControlHeaders-QueryStrings",
        CachePolicy { host: true, cookies: true, query: true, ..policy(0, 0, YEAR) },
    ),
];

/// Id, name, whether the viewer's host is forwarded, whether the query is.
const REQUEST: [(&str, &str, bool, bool); 6] = [
    ("216adef6-5c7f-47e4-b989-5492eafa07d3", "Managed-AllViewer", true, true),
    ("b689b0a8-53d0-40ab-baf2-68738e2966ac", "Managed-AllViewerExceptHostHeader", false, true),
    ("33f36d7e-f396-46d9-90e0-52428a34d9dc", "Managed-AllViewerAndCloudFrontHeaders-2022-06", true, true),
    ("59781a5b-3903-41f3-afcb-af62929ccde1", "Managed-CORS-CustomOrigin", false, false),
    ("88a5eaf4-2fd4-4709-b370-b4c650ea3fcf", "Managed-CORS-S3Origin", false, false),
    ("acba4595-bd28-49b8-b9fe-13317c0390fa", "Managed-UserAgentRefererHeaders", false, false),
];

/// A cache policy by its id.
pub fn cache_policy(id: &str) -> Option<CachePolicy> {
    CACHE.iter().find(|(known, _, _)| *known == id).map(|(_, _, policy)| *policy)
}

/// Whether an origin request policy sends the viewer's host.
pub fn forwards_host(id: &str) -> bool {
    REQUEST.iter().any(|(known, _, host, _)| *known == id && *host)
}

pub(super) fn forwards_query(id: &str) -> bool {
    REQUEST.iter().any(|(known, _, _, query)| *known == id && *query)
}

pub(super) fn is_request_policy(id: &str) -> bool {
    REQUEST.iter().any(|(known, _, _, _)| *known == id)
}

/// What the old way of saying it says: how answers are kept, and whether the host goes to the origin.
pub(super) fn forwarded(behavior: &Element) -> (CachePolicy, Option<bool>) {
    let values = behavior.child("ForwardedValues");
    let number = |name: &str, default| behavior.text_at(name).and_then(|t| t.parse().ok()).unwrap_or(default);
    let headers = values.map(|v| v.children_at("Headers/Items")).unwrap_or_default();
    let named =
        |name: &str| headers.iter().any(|h| h.text.as_deref().is_some_and(|t| t.eq_ignore_ascii_case(name)));
    let all = named("*");
    let host = all || named("host");
    let policy = CachePolicy {
        least: number("MinTTL", 0),
        // All headers are part of the address: nothing is kept.
        default: if all { 0 } else { number("DefaultTTL", 86_400) },
        most: if all { 0 } else { number("MaxTTL", YEAR) },
        query: values.and_then(|v| v.text_at("QueryString")) == Some("true"),
        host,
        cookies: values.and_then(|v| v.text_at("Cookies/Forward")).is_some_and(|forward| forward != "none"),
    };
    (policy, Some(host))
}

fn show_cache_policy(id: &str, name: &str, policy: &CachePolicy) -> Element {
    let config = vec![
        Element::text("Name", name),
        Element::text("DefaultTTL", policy.default),
        Element::text("MaxTTL", policy.most),
        Element::text("MinTTL", policy.least),
    ];
    Element::new(
        "CachePolicy",
        vec![
            Element::text("Id", id),
            Element::text("LastModifiedTime", "2020-07-22T00:00:00.000Z"),
            Element::new("CachePolicyConfig", config),
        ],
    )
}

fn show_request_policy(id: &str, name: &str, host: bool, query: bool) -> Element {
    let all = if host && query { "allViewer" } else { "none" };
    let config = vec![
        Element::text("Name", name),
        Element::new("HeadersConfig", vec![Element::text("HeaderBehavior", all)]),
        Element::new(
            "CookiesConfig",
            vec![Element::text("CookieBehavior", if query { "all" } else { "none" })],
        ),
        Element::new(
            "QueryStringsConfig",
            vec![Element::text("QueryStringBehavior", if query { "all" } else { "none" })],
        ),
    ];
    Element::new(
        "OriginRequestPolicy",
        vec![
            Element::text("Id", id),
            Element::text("LastModifiedTime", "2020-07-22T00:00:00.000Z"),
            Element::new("OriginRequestPolicyConfig", config),
        ],
    )
}

fn list(name: &str, summary: &str, items: Vec<Element>) -> Reply {
    let items: Vec<Element> = items
        .into_iter()
        .map(|item| Element::new(summary, vec![Element::text("Type", "managed"), item]))
        .collect();
    let quantity = Element::text("Quantity", items.len());
    let max = Element::text("MaxItems", 100);
    Reply::Xml(vec![Element::new(name, vec![max, quantity, Element::new("Items", items)])])
}

pub(super) fn list_cache_policies() -> Reply {
    let items = CACHE.iter().map(|(id, name, policy)| show_cache_policy(id, name, policy)).collect();
    list("CachePolicyList", "CachePolicySummary", items)
}

pub(super) fn get_cache_policy(call: &Call) -> Result<Reply, Fault> {
    let id = call.text("Id").unwrap_or_default();
    let found = CACHE.iter().find(|(known, _, _)| *known == id);
    let (id, name, policy) =
        found.ok_or_else(|| Fault::new(404, "NoSuchCachePolicy", "The cache policy does not exist."))?;
    Ok(tagged(200, show_cache_policy(id, name, policy), "E23ZP02F085DFQ", None))
}

pub(super) fn list_origin_request_policies() -> Reply {
    let items =
        REQUEST.iter().map(|(id, name, host, query)| show_request_policy(id, name, *host, *query)).collect();
    list("OriginRequestPolicyList", "OriginRequestPolicySummary", items)
}

pub(super) fn get_origin_request_policy(call: &Call) -> Result<Reply, Fault> {
    let id = call.text("Id").unwrap_or_default();
    let found = REQUEST.iter().find(|(known, _, _, _)| *known == id);
    let (id, name, host, query) = found.ok_or_else(|| {
        Fault::new(404, "NoSuchOriginRequestPolicy", "The origin request policy does not exist.")
    })?;
    Ok(tagged(200, show_request_policy(id, name, *host, *query), "E23ZP02F085DFQ", None))
}
