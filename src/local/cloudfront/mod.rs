//! CloudFront: distributions, invalidations, managed policies, origin access controls.
//!
//! A changed configuration reaches the edge locations a few minutes later; until then they serve by the one before.

mod access_control;
mod config;
mod distributions;
mod invalidations;
mod policies;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::common::{MINUTE, Tags, spread, tag_list};
use super::{Call, Cx, Element, Fault, Reply, Response, State, wire};

pub use access_control::AccessControl;
pub use config::{Behavior, Edge, Origin, Viewer};
pub use invalidations::Invalidation;
pub use policies::{CachePolicy, cache_policy, forwards_host};

/// What CloudFront knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CloudFront {
    /// Distributions by id.
    pub distributions: IndexMap<String, Distribution>,
    /// Origin access controls by id.
    pub access_controls: IndexMap<String, AccessControl>,
}

/// A distribution.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Distribution {
    /// `E…`
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// `d….cloudfront.net`
    pub domain: String,
    /// The configuration as the API has it, as XML.
    pub config: Element,
    /// The one that the edge locations had before; none for a new distribution.
    pub before: Option<Element>,
    /// Changes with every change.
    pub etag: String,
    /// When it was last changed.
    pub modified: i64,
    /// When all edge locations have the configuration.
    pub deployed: i64,
    /// Tags.
    pub tags: Tags,
    /// Invalidations, the oldest first.
    pub invalidations: Vec<Invalidation>,
    /// What the edge locations keep, by method, host and address.
    pub cache: IndexMap<String, Cached>,
}

/// An answer that the edge locations keep.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cached {
    /// Since when.
    pub stored: i64,
    /// Until when it is fresh.
    pub expires: i64,
    /// The path that invalidations are compared with.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The origin's headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(with = "base64_body")]
    pub body: Vec<u8>,
}

/// Bodies as base64, which is shorter than a list of numbers.
mod base64_body {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(body))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Distribution {
    /// `Deployed` or `InProgress`.
    pub fn status(&self, now: i64) -> &'static str {
        if now >= self.deployed { "Deployed" } else { "InProgress" }
    }

    /// By what the edge locations serve at a time; none while a new distribution is not there yet.
    pub fn edge(&self, now: i64) -> Option<Edge> {
        let config = if now >= self.deployed { Some(&self.config) } else { self.before.as_ref() };
        config.map(Edge::read)
    }

    /// The ACM certificates that it uses, now and until the edge locations have changed.
    pub fn certificates(&self) -> impl Iterator<Item = &str> {
        let configs = std::iter::once(&self.config);
        configs.filter_map(|config| config.text_at("ViewerCertificate/ACMCertificateArn"))
    }

    /// Its aliases, in lower case.
    pub fn aliases(&self) -> impl Iterator<Item = String> {
        let aliases = self.config.children_at("Aliases/Items").iter();
        aliases.filter_map(|alias| alias.text.as_ref().map(|text| text.to_ascii_lowercase()))
    }

    fn enabled(&self) -> bool {
        self.config.text_at("Enabled") == Some("true")
    }

    /// Puts a new configuration in place; the edge locations get it later.
    fn change(&mut self, config: Element, etag: String, now: i64) {
        if now >= self.deployed {
            self.before = Some(std::mem::replace(&mut self.config, config));
        } else {
            // The edge locations still serve by what they had before the change that is under way.
            self.config = config;
        }
        self.etag = etag;
        self.modified = now;
        self.deployed = now + spread(&format!("{} {}", self.id, self.etag), 200_000, 5 * MINUTE - 10_000);
    }
}

/// Answers a call.
///
/// # Errors
/// What CloudFront refuses.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    match call.operation.as_str() {
        "CreateDistribution" | "CreateDistributionWithTags" => distributions::create(state, cx, call),
        "GetDistribution" => distributions::get(state, cx, call),
        "GetDistributionConfig" => distributions::get_config(state, call),
        "ListDistributions" => distributions::list(state, cx, call),
        "UpdateDistribution" => distributions::update(state, cx, call),
        "DeleteDistribution" => distributions::delete(state, cx, call),
        "CreateInvalidation" => invalidations::create(state, cx, call),
        "GetInvalidation" => invalidations::get(state, cx, call),
        "ListInvalidations" => invalidations::list(state, cx, call),
        "TagResource" => tag(state, call),
        "UntagResource" => untag(state, call),
        "ListTagsForResource" => list_tags(state, call),
        "ListCachePolicies" => Ok(policies::list_cache_policies()),
        "GetCachePolicy" => policies::get_cache_policy(call),
        "ListOriginRequestPolicies" => Ok(policies::list_origin_request_policies()),
        "GetOriginRequestPolicy" => policies::get_origin_request_policy(call),
        "CreateOriginAccessControl" => access_control::create(state, call),
        "GetOriginAccessControl" => access_control::get(state, call),
        "GetOriginAccessControlConfig" => access_control::get_config(state, call),
        "UpdateOriginAccessControl" => access_control::update(state, call),
        "DeleteOriginAccessControl" => access_control::delete(state, call),
        "ListOriginAccessControls" => access_control::list(state, call),
        other => {
            let message = format!("CloudFront of the local cloud does not know {other}");
            Err(Fault::new(400, "UnknownOperationException", message))
        }
    }
}

/// The body of a call.
fn body(call: &Call) -> Result<Element, Fault> {
    let text = std::str::from_utf8(&call.body).unwrap_or_default();
    wire::read_xml(text).map_err(|why| Fault::new(400, "MalformedXML", why))
}

/// One element as the reply, with its ETag.
fn tagged(status: u16, root: Element, etag: &str, location: Option<String>) -> Reply {
    let mut headers = vec![("etag".to_owned(), etag.to_owned())];
    headers.extend(location.map(|location| ("location".to_owned(), location)));
    Reply::With(status, headers, Box::new(Reply::Xml(vec![root])))
}

fn no_content() -> Reply {
    Reply::Raw(Response { status: 204, ..Response::default() })
}

/// What AWS says when `If-Match` is missing or not the current ETag.
fn check_match(call: &Call, etag: &str) -> Result<(), Fault> {
    match call.header("if-match") {
        Some(given) if given.trim_matches('"') == etag => Ok(()),
        Some(given) if !given.is_empty() => Err(Fault::new(
            412,
            "PreconditionFailed",
            "The request failed because it didn't meet the preconditions in one or more request-header fields.",
        )),
        _ => Err(Fault::new(
            400,
            "InvalidIfMatchVersion",
            "The If-Match version is missing or not valid for the resource.",
        )),
    }
}

/// The page of a list: `Marker` is the id before the page.
fn listed<T>(name: &str, call: &Call, items: Vec<(String, T)>, show: impl Fn(&T) -> Element) -> Reply {
    let marker = call.text("Marker").unwrap_or_default();
    let max: usize = call.text("MaxItems").and_then(|max| max.parse().ok()).unwrap_or(100);
    let max = call.page_of(max.clamp(1, 100));
    let start = items.iter().position(|(id, _)| *id == marker).map_or(0, |at| at + 1);
    let rest = items.get(start..).unwrap_or_default();
    let page = rest.get(..max.min(rest.len())).unwrap_or_default();
    let more = rest.len() > page.len();
    let mut children = vec![Element::text("Marker", &marker)];
    if let Some((id, _)) = page.last().filter(|_| more) {
        children.push(Element::text("NextMarker", id));
    }
    children.push(Element::text("MaxItems", max));
    children.push(Element::text("IsTruncated", more));
    children.push(Element::text("Quantity", page.len()));
    if !page.is_empty() {
        children.push(Element::new("Items", page.iter().map(|(_, item)| show(item)).collect()));
    }
    Reply::Xml(vec![Element::new(name, children)])
}

fn by_arn<'a>(state: &'a mut State, call: &Call) -> Result<&'a mut Distribution, Fault> {
    let arn = call.text("Resource").unwrap_or_default();
    let found = state.cloudfront.distributions.values_mut().find(|d| d.arn == arn);
    found.ok_or_else(|| Fault::new(404, "NoSuchResource", format!("The resource {arn} does not exist")))
}

fn read_tags(element: &Element) -> Tags {
    let tag = |tag: &Element| {
        Some((tag.text_at("Key")?.to_owned(), tag.text_at("Value").unwrap_or_default().to_owned()))
    };
    element.children_at("Items").iter().filter_map(tag).collect()
}

fn tag(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let tags = read_tags(&body(call)?);
    super::common::check_tags(&tags, "InvalidTagging")?;
    by_arn(state, call)?.tags.extend(tags);
    Ok(no_content())
}

fn untag(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let body = body(call)?;
    let keys: Vec<&str> = body.children_at("Items").iter().filter_map(|key| key.text.as_deref()).collect();
    by_arn(state, call)?.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(no_content())
}

fn list_tags(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let tags = tag_list("Items", "Tag", &by_arn(state, call)?.tags);
    Ok(Reply::Xml(vec![Element::new("Tags", vec![tags])]))
}

#[cfg(test)]
mod tests;
