//! Settings of buckets: versioning, public access, tags, policy, ownership.

use serde::{Deserialize, Serialize};

use super::{bucket, empty, refuse, tags_in};
use crate::local::common::{check_tags, tag_list};
use crate::local::{ACCOUNT, Call, Element, Fault, Reply, Response, State};

/// What a bucket blocks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PublicAccessBlock {
    pub block_acls: bool,
    pub ignore_acls: bool,
    pub block_policy: bool,
    pub restrict: bool,
}

impl PublicAccessBlock {
    /// Everything.
    pub fn all() -> Self {
        Self { block_acls: true, ignore_acls: true, block_policy: true, restrict: true }
    }
}

fn xml(root: Element) -> Reply {
    Reply::Xml(vec![root])
}

pub fn get_versioning(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let status = bucket(state, call)?.versioning.clone();
    let members = status.map(|status| Element::text("Status", status)).into_iter().collect();
    Ok(xml(Element::new("VersioningConfiguration", members)))
}

pub fn put_versioning(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let status = call.text("VersioningConfiguration.Status").unwrap_or_default();
    if !matches!(status.as_str(), "Enabled" | "Suspended") {
        return refuse(
            400,
            "IllegalVersioningConfigurationException",
            "The Versioning element must be specified",
        );
    }
    bucket(state, call)?.versioning = Some(status);
    Ok(empty(200, vec![]))
}

pub fn get_public_access(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let Some(block) = bucket(state, call)?.public_access.clone() else {
        return refuse(
            404,
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        );
    };
    Ok(xml(Element::new(
        "PublicAccessBlockConfiguration",
        vec![
            Element::text("BlockPublicAcls", block.block_acls),
            Element::text("IgnorePublicAcls", block.ignore_acls),
            Element::text("BlockPublicPolicy", block.block_policy),
            Element::text("RestrictPublicBuckets", block.restrict),
        ],
    )))
}

pub fn put_public_access(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let flag = |name: &str| call.flag(&format!("PublicAccessBlockConfiguration.{name}")).unwrap_or(false);
    let block = PublicAccessBlock {
        block_acls: flag("BlockPublicAcls"),
        ignore_acls: flag("IgnorePublicAcls"),
        block_policy: flag("BlockPublicPolicy"),
        restrict: flag("RestrictPublicBuckets"),
    };
    bucket(state, call)?.public_access = Some(block);
    Ok(empty(200, vec![]))
}

pub fn delete_public_access(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    bucket(state, call)?.public_access = None;
    Ok(empty(204, vec![]))
}

pub fn get_tagging(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let tags = &bucket(state, call)?.tags;
    if tags.is_empty() {
        return refuse(404, "NoSuchTagSet", "The TagSet does not exist");
    }
    Ok(xml(Element::new("Tagging", vec![tag_list("TagSet", "Tag", tags)])))
}

pub fn put_tagging(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let tags = tags_in(call.params.get("Tagging").and_then(|members| members.get("TagSet")));
    check_tags(&tags, "InvalidTag")?;
    bucket(state, call)?.tags = tags;
    Ok(empty(204, vec![]))
}

pub fn delete_tagging(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    bucket(state, call)?.tags.clear();
    Ok(empty(204, vec![]))
}

pub fn get_policy(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    match bucket(state, call)?.policy.clone() {
        Some(policy) => Ok(Reply::Raw(Response {
            status: 200,
            headers: vec![super::header("content-type", "application/json")],
            body: policy.into_bytes(),
        })),
        None => refuse(404, "NoSuchBucketPolicy", "The bucket policy does not exist"),
    }
}

pub fn put_policy(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let malformed =
        || Fault::new(400, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'");
    let policy = String::from_utf8(call.body.clone()).map_err(|_| malformed())?;
    let parsed: serde_json::Value = serde_json::from_str(&policy).map_err(|_| malformed())?;
    let bucket = bucket(state, call)?;
    let statements =
        parsed.get("Statement").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let public = statements.iter().any(|statement| {
        let principal = statement.get("Principal");
        let anyone = principal.is_some_and(|p| p == "*" || p.get("AWS").is_some_and(|aws| aws == "*"));
        anyone
            && statement.get("Effect").is_some_and(|effect| effect == "Allow")
            && statement.get("Condition").is_none()
    });
    if public && bucket.public_access.as_ref().is_some_and(|block| block.block_policy) {
        return refuse(
            403,
            "AccessDenied",
            "User is not authorized to perform: s3:PutBucketPolicy because public policies are blocked by the BlockPublicPolicy block public access setting.",
        );
    }
    bucket.policy = Some(policy);
    Ok(empty(204, vec![]))
}

pub fn delete_policy(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    bucket(state, call)?.policy = None;
    Ok(empty(204, vec![]))
}

/// Every bucket is encrypted with S3's own keys, since 2023.
pub fn get_encryption() -> Reply {
    let default =
        Element::new("ApplyServerSideEncryptionByDefault", vec![Element::text("SSEAlgorithm", "AES256")]);
    let rule = Element::new("Rule", vec![default, Element::text("BucketKeyEnabled", false)]);
    xml(Element::new("ServerSideEncryptionConfiguration", vec![rule]))
}

pub fn get_ownership(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    match bucket(state, call)?.ownership.clone() {
        Some(ownership) => {
            let rule = Element::new("Rule", vec![Element::text("ObjectOwnership", ownership)]);
            Ok(xml(Element::new("OwnershipControls", vec![rule])))
        }
        None => refuse(404, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
    }
}

pub fn put_ownership(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let rules = call.list("OwnershipControls.Rule");
    let ownership = rules.first().and_then(|rule| rule.get("ObjectOwnership")).and_then(|text| text.as_str());
    let Some(ownership @ ("BucketOwnerEnforced" | "BucketOwnerPreferred" | "ObjectWriter")) = ownership
    else {
        return refuse(400, "MalformedXML", "The XML you provided was not well-formed");
    };
    bucket(state, call)?.ownership = Some(ownership.to_owned());
    Ok(empty(200, vec![]))
}

pub fn get_acl() -> Reply {
    let owner = || Element::text("ID", ACCOUNT);
    let grantee = Element::new("Grantee", vec![owner()])
        .with("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
        .with("xsi:type", "CanonicalUser");
    let grant = vec![grantee, Element::text("Permission", "FULL_CONTROL")];
    xml(Element::new(
        "AccessControlPolicy",
        vec![Element::new("Owner", vec![owner()]), Element::list("AccessControlList", "Grant", [grant])],
    ))
}
