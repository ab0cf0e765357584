//! Distributions: made, read, changed, disabled, deleted.

use super::{Distribution, body, check_match, config, listed, no_content, read_tags, tagged};
use crate::local::common::{check_tags, global_arn, iso};
use crate::local::{Call, Cx, Element, Fault, Reply, State};

pub(super) fn find<'a>(state: &'a State, call: &Call, name: &str) -> Result<&'a Distribution, Fault> {
    let id = call.text(name).unwrap_or_default();
    state.cloudfront.distributions.get(&id).ok_or_else(missing)
}

pub(super) fn find_mut<'a>(
    state: &'a mut State,
    call: &Call,
    name: &str,
) -> Result<&'a mut Distribution, Fault> {
    let id = call.text(name).unwrap_or_default();
    state.cloudfront.distributions.get_mut(&id).ok_or_else(missing)
}

fn missing() -> Fault {
    Fault::new(404, "NoSuchDistribution", "The specified distribution does not exist.")
}

pub(super) fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let mut given = body(call)?;
    let mut tags = super::Tags::new();
    if given.name == "DistributionConfigWithTags" {
        tags = given.child("Tags").map(read_tags).unwrap_or_default();
        check_tags(&tags, "InvalidTagging")?;
        let config = given.children.into_iter().find(|child| child.name == "DistributionConfig");
        given = config.ok_or_else(|| Fault::new(400, "MalformedXML", "There is no DistributionConfig"))?;
    }
    // The reference is looked at first: a second attempt learns of the first one whatever else is wrong.
    let reference = given.text_at("CallerReference").unwrap_or_default().to_owned();
    let earlier = state
        .cloudfront
        .distributions
        .values()
        .find(|distribution| distribution.config.text_at("CallerReference") == Some(reference.as_str()));
    if let Some(earlier) = earlier {
        let message = format!(
            "The caller reference that you are using to create a distribution is associated with another distribution. Already exists: {}",
            earlier.id
        );
        return Err(Fault::new(409, "DistributionAlreadyExists", message));
    }
    config::check(state, &given, None, cx.now)?;
    let id = format!("E{}", state.letters(13));
    let label = state.letters(13).to_lowercase();
    let etag = format!("E{}", state.letters(13));
    let mut distribution = Distribution {
        arn: global_arn(cx, "cloudfront", &format!("distribution/{id}")),
        domain: format!("d{label}.cloudfront.net"),
        id: id.clone(),
        config: Element::default(),
        before: None,
        etag: String::new(),
        modified: cx.now,
        deployed: i64::MAX,
        tags,
        invalidations: Vec::new(),
        cache: indexmap::IndexMap::new(),
    };
    distribution.change(config::complete(given), etag, cx.now);
    let reply = tagged(
        201,
        show(&distribution, cx.now),
        &distribution.etag,
        Some(format!("https://cloudfront.amazonaws.com/2020-05-31/distribution/{id}")),
    );
    state.cloudfront.distributions.insert(id, distribution);
    Ok(reply)
}

fn show(distribution: &Distribution, now: i64) -> Element {
    let running = distribution.invalidations.iter().filter(|i| i.status(now) == "InProgress").count();
    let nobody =
        |name: &str| Element::new(name, vec![Element::text("Enabled", false), Element::text("Quantity", 0)]);
    let mut children = vec![
        Element::text("Id", &distribution.id),
        Element::text("ARN", &distribution.arn),
        Element::text("Status", distribution.status(now)),
        Element::text("LastModifiedTime", iso(distribution.modified)),
        Element::text("InProgressInvalidationBatches", running),
        Element::text("DomainName", &distribution.domain),
        nobody("ActiveTrustedSigners"),
        nobody("ActiveTrustedKeyGroups"),
        distribution.config.clone(),
    ];
    let recordals = distribution
        .aliases()
        .map(|alias| vec![Element::text("CNAME", alias), Element::text("ICPRecordalStatus", "APPROVED")]);
    children.push(Element::list("AliasICPRecordals", "AliasICPRecordal", recordals));
    Element::new("Distribution", children)
}

pub(super) fn get(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let found = find(state, call, "Id")?;
    Ok(tagged(200, show(found, cx.now), &found.etag, None))
}

pub(super) fn get_config(state: &State, call: &Call) -> Result<Reply, Fault> {
    let found = find(state, call, "Id")?;
    Ok(tagged(200, found.config.clone(), &found.etag, None))
}

pub(super) fn list(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let all = state.cloudfront.distributions.values().map(|d| (d.id.clone(), d)).collect();
    Ok(listed("DistributionList", call, all, |d| summary(d, cx.now)))
}

fn summary(distribution: &Distribution, now: i64) -> Element {
    let mut children = vec![
        Element::text("Id", &distribution.id),
        Element::text("ARN", &distribution.arn),
        Element::text("ETag", &distribution.etag),
        Element::text("Status", distribution.status(now)),
        Element::text("LastModifiedTime", iso(distribution.modified)),
        Element::text("DomainName", &distribution.domain),
    ];
    let shown = [
        "Aliases",
        "Origins",
        "OriginGroups",
        "DefaultCacheBehavior",
        "CacheBehaviors",
        "CustomErrorResponses",
        "Comment",
        "PriceClass",
        "Enabled",
        "ViewerCertificate",
        "Restrictions",
        "WebACLId",
        "HttpVersion",
        "IsIPV6Enabled",
        "Staging",
    ];
    children.extend(shown.iter().filter_map(|name| distribution.config.child(name).cloned()));
    Element::new("DistributionSummary", children)
}

pub(super) fn update(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let found = find(state, call, "Id")?;
    check_match(call, &found.etag)?;
    let given = body(call)?;
    if given.text_at("CallerReference") != found.config.text_at("CallerReference") {
        return Err(Fault::new(
            400,
            "IllegalUpdate",
            "The update contains modifications that are not allowed.",
        ));
    }
    config::check(state, &given, Some(&found.id.clone()), cx.now)?;
    let etag = format!("E{}", state.letters(13));
    let found = find_mut(state, call, "Id")?;
    found.change(config::complete(given), etag, cx.now);
    Ok(tagged(200, show(found, cx.now), &found.etag, None))
}

pub(super) fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let found = find(state, call, "Id")?;
    check_match(call, &found.etag)?;
    if found.enabled() || found.status(cx.now) != "Deployed" {
        let message = "The distribution you are trying to delete has not been disabled.";
        return Err(Fault::new(409, "DistributionNotDisabled", message));
    }
    let id = found.id.clone();
    state.cloudfront.distributions.shift_remove(&id);
    Ok(no_content())
}
