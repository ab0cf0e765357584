//! Buckets: making, finding, deleting.

use super::{bucket, empty, header, refuse, tags_in};
use crate::local::common::{check_tags, iso};
use crate::local::{ACCOUNT, Call, Cx, Element, Fault, Reply, State};

/// Names that somebody took long ago.
const TAKEN: [&str; 9] =
    ["test", "bucket", "my-bucket", "mybucket", "backup", "backups", "data", "example", "artifacts"];

fn check_name(name: &str) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let well_formed = (3..=63).contains(&name.len())
        && name.chars().all(allowed)
        && end(name.chars().next())
        && end(name.chars().last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3"].iter().any(|suffix| name.ends_with(suffix));
    match well_formed {
        true => Ok(()),
        false => refuse(400, "InvalidBucketName", "The specified bucket is not valid."),
    }
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let name = call.text("Bucket").unwrap_or_default();
    check_name(&name)?;
    let constraint =
        call.text("CreateBucketConfiguration.LocationConstraint").filter(|text| !text.is_empty());
    match &constraint {
        None if cx.region != "us-east-1" => {
            return refuse(
                400,
                "IllegalLocationConstraintException",
                "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
            );
        }
        Some(constraint) if cx.region == "us-east-1" || *constraint != cx.region => {
            let code = if constraint == "us-east-1" {
                "InvalidLocationConstraint"
            } else {
                "IllegalLocationConstraintException"
            };
            return refuse(
                400,
                code,
                format!(
                    "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to."
                ),
            );
        }
        _ => {}
    }
    let tags = tags_in(call.params.get("CreateBucketConfiguration").and_then(|members| members.get("Tags")));
    check_tags(&tags, "InvalidTag")?;
    if TAKEN.contains(&name.as_str()) {
        return refuse(
            409,
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
        );
    }
    if let Some(existing) = state.s3.buckets.get(&name)
        && (existing.region != "us-east-1" || cx.region != "us-east-1")
    {
        return refuse(
            409,
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        );
    }
    // In us-east-1 making one's own bucket again succeeds and changes nothing.
    if !state.s3.buckets.contains_key(&name) {
        state.make_bucket(&name, &cx.region, cx.now).tags = tags;
    }
    Ok(empty(200, vec![header("location", &format!("/{name}"))]))
}

pub fn head(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    bucket(state, call)?;
    Ok(empty(200, vec![header("x-amz-bucket-region", &cx.region)]))
}

pub fn location(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let region = bucket(state, call)?.region.clone();
    let text = if region == "us-east-1" { String::new() } else { region };
    Ok(Reply::Xml(vec![Element::text("LocationConstraint", text)]))
}

pub fn delete(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let bucket = bucket(state, call)?;
    if !bucket.objects.is_empty() {
        let message = match &bucket.versioning {
            Some(_) => {
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
            }
            None => "The bucket you tried to delete is not empty",
        };
        return refuse(409, "BucketNotEmpty", message);
    }
    let name = bucket.name.clone();
    let parts =
        bucket.uploads.values().flat_map(|upload| upload.parts.values().map(|part| part.body.clone()));
    let bodies = parts.collect();
    state.s3.buckets.shift_remove(&name);
    state.release(bodies);
    Ok(empty(204, vec![]))
}

pub fn list(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let prefix = call.text("prefix").unwrap_or_default();
    let region = call.text("bucket-region");
    let mut buckets: Vec<_> = state
        .s3
        .buckets
        .values()
        .filter(|bucket| bucket.name.starts_with(&prefix))
        .filter(|bucket| region.as_ref().is_none_or(|region| bucket.region == *region))
        .collect();
    buckets.sort_by(|a, b| a.name.cmp(&b.name));
    let max = call.int("max-buckets").and_then(|max| usize::try_from(max).ok()).unwrap_or(10_000);
    let token = call.text("continuation-token");
    let Some((buckets, next)) = crate::local::common::page(buckets, token.as_deref(), call.page_of(max))
    else {
        return refuse(400, "InvalidArgument", "The continuation token provided is incorrect");
    };
    let items = buckets.into_iter().map(|bucket| {
        vec![
            Element::text("Name", &bucket.name),
            Element::text("CreationDate", iso(bucket.created_at)),
            Element::text("BucketRegion", &bucket.region),
        ]
    });
    let owner = Element::new("Owner", vec![Element::text("ID", ACCOUNT)]);
    let mut members = vec![owner, Element::list("Buckets", "Bucket", items)];
    members.extend(next.map(|next| Element::text("ContinuationToken", next)));
    Ok(Reply::Xml(vec![Element::new("ListAllMyBucketsResult", members)]))
}
