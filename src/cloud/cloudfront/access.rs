//! How a distribution reads a bucket that nobody else may read: an origin access control, with which CloudFront signs its
//! requests, and a statement in the bucket's policy that allows this distribution.

use aws_sdk_cloudfront::types::{
    OriginAccessControlConfig, OriginAccessControlOriginTypes, OriginAccessControlSigningBehaviors,
    OriginAccessControlSigningProtocols,
};
use aws_sdk_s3::types::{ObjectOwnership, OwnershipControls, OwnershipControlsRule};
use serde_json::{Value as Json, json};

use super::unbuilt;
use crate::cloud::{Clients, CloudError, Reply, calling, found, reading};

pub(super) const CREATE: &str = "cloudfront:CreateOriginAccessControl";
pub(super) const DELETE: &str = "cloudfront:DeleteOriginAccessControl";
pub(super) const PUT_POLICY: &str = "s3:PutBucketPolicy";
pub(super) const DELETE_POLICY: &str = "s3:DeleteBucketPolicy";
pub(super) const LIST: &str = "cloudfront:ListOriginAccessControls";
pub(super) const GET: &str = "cloudfront:GetOriginAccessControl";
pub(super) const GET_POLICY: &str = "s3:GetBucketPolicy";

pub(super) const OWN: &str = "s3:PutBucketOwnershipControls";
pub(super) const GET_OWN: &str = "s3:GetBucketOwnershipControls";

/// The longest name of an origin access control.
const LONGEST: usize = 64;

/// The name of a distribution's origin access control.
pub(super) fn name_of(distribution: &str) -> String {
    distribution.chars().take(LONGEST).collect()
}

/// The id of the origin access control of a name.
pub(super) async fn find(clients: &Clients, name: &str) -> Result<Option<String>, CloudError> {
    let mut marker = None;
    loop {
        let reply = clients.cloudfront.list_origin_access_controls().set_marker(marker).send().await;
        let list = reply.map_err(reading(LIST))?.origin_access_control_list;
        let Some(list) = list else { return Ok(None) };
        if let Some(control) = list.items().iter().find(|control| control.name() == name) {
            return Ok(Some(control.id().to_owned()));
        }
        marker = list.next_marker;
        if marker.is_none() {
            return Ok(None);
        }
    }
}

pub(super) async fn create(clients: &Clients, name: &str) -> Result<Reply, CloudError> {
    let config = OriginAccessControlConfig::builder()
        .name(name)
        .description("Managed by vpipe")
        .signing_protocol(OriginAccessControlSigningProtocols::Sigv4)
        .signing_behavior(OriginAccessControlSigningBehaviors::Always)
        .origin_access_control_origin_type(OriginAccessControlOriginTypes::S3)
        .build()
        .map_err(unbuilt(CREATE))?;
    let request = clients.cloudfront.create_origin_access_control().origin_access_control_config(config);
    Ok(Reply::of(&request.send().await.map_err(calling(CREATE))?, None))
}

pub(super) async fn delete(clients: &Clients, id: &str) -> Result<Reply, CloudError> {
    let reply = clients.cloudfront.get_origin_access_control().id(id).send().await;
    let etag = reply.map_err(reading(GET))?.e_tag;
    let request = clients.cloudfront.delete_origin_access_control().id(id).set_if_match(etag);
    Ok(Reply::of(&request.send().await.map_err(calling(DELETE))?, None))
}

/// A bucket's policy; `None` when it has none, or is gone.
pub(super) async fn policy(clients: &Clients, bucket: &str) -> Result<Option<Json>, CloudError> {
    let reply = clients.s3.get_bucket_policy().bucket(bucket).send().await;
    let reply = found(reply.map_err(reading(GET_POLICY)))?;
    Ok(reply.and_then(|reply| serde_json::from_str(reply.policy()?).ok()))
}

/// Whether a policy lets a distribution read.
pub(super) fn allows(policy: Option<&Json>, arn: &str) -> bool {
    statements(policy).iter().any(|statement| statement.get("Sid").and_then(Json::as_str) == Some(&sid(arn)))
}

/// A policy with the statement for a distribution.
pub(super) fn with(policy: Option<&Json>, bucket: &str, arn: &str) -> Json {
    let partition = arn.split(':').nth(1).unwrap_or("aws");
    let mut all = others(policy, arn);
    // Developer guide, "Restrict access to an Amazon S3 origin".
    all.push(json!({
        "Sid": sid(arn),
        "Effect": "Allow",
        "Principal": { "Service": "cloudfront.amazonaws.com" },
        "Action": "s3:GetObject",
        "Resource": format!("arn:{partition}:s3:::{bucket}/*"),
        "Condition": { "StringEquals": { "AWS:SourceArn": arn } },
    }));
    json!({ "Version": "2012-10-17", "Statement": all })
}

/// A policy without the statement for a distribution; `None` when nothing is left of it.
pub(super) fn without(policy: Option<&Json>, arn: &str) -> Option<Json> {
    let all = others(policy, arn);
    (!all.is_empty()).then(|| json!({ "Version": "2012-10-17", "Statement": all }))
}

pub(super) async fn put_policy(clients: &Clients, bucket: &str, policy: &Json) -> Result<Reply, CloudError> {
    let request = clients.s3.put_bucket_policy().bucket(bucket).policy(policy.to_string());
    Ok(Reply::of(&request.send().await.map_err(calling(PUT_POLICY))?, None))
}

pub(super) async fn delete_policy(clients: &Clients, bucket: &str) -> Result<Reply, CloudError> {
    let request = clients.s3.delete_bucket_policy().bucket(bucket);
    Ok(Reply::of(&request.send().await.map_err(calling(DELETE_POLICY))?, None))
}

/// Whether a bucket takes CloudFront's logs: CloudFront gives the bucket's owner what it writes by an ACL (developer guide,
/// "Permissions required to configure standard logging").
pub(super) async fn takes_logs(clients: &Clients, bucket: &str) -> Result<bool, CloudError> {
    let reply = clients.s3.get_bucket_ownership_controls().bucket(bucket).send().await;
    let reply = found(reply.map_err(reading(GET_OWN)))?;
    let rules =
        reply.and_then(|reply| reply.ownership_controls).map(|controls| controls.rules).unwrap_or_default();
    Ok(rules.iter().any(|rule| rule.object_ownership() != &ObjectOwnership::BucketOwnerEnforced))
}

pub(super) async fn take_logs(clients: &Clients, bucket: &str) -> Result<Reply, CloudError> {
    let rule =
        OwnershipControlsRule::builder().object_ownership(ObjectOwnership::BucketOwnerPreferred).build();
    let rule = rule.map_err(|error| CloudError::misuse(OWN, error.to_string()))?;
    let controls = OwnershipControls::builder().rules(rule).build();
    let controls = controls.map_err(|error| CloudError::misuse(OWN, error.to_string()))?;
    let request = clients.s3.put_bucket_ownership_controls().bucket(bucket).ownership_controls(controls);
    Ok(Reply::of(&request.send().await.map_err(calling(OWN))?, None))
}

/// The statement's id, by which it is found again: letters and digits only.
fn sid(arn: &str) -> String {
    format!("VpipeCloudFront{}", arn.rsplit('/').next().unwrap_or_default())
}

fn others(policy: Option<&Json>, arn: &str) -> Vec<Json> {
    let mut all = statements(policy);
    all.retain(|statement| statement.get("Sid").and_then(Json::as_str) != Some(&sid(arn)));
    all
}

/// A policy's statements; a lone one may stand without a list.
fn statements(policy: Option<&Json>) -> Vec<Json> {
    match policy.and_then(|policy| policy.get("Statement")) {
        Some(Json::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_statement_joins_the_users_own_and_leaves_alone() {
        let arn = "arn:aws:cloudfront::1:distribution/E1";
        let own = json!({ "Version": "2012-10-17", "Statement": { "Sid": "Mine", "Effect": "Deny" } });
        let joined = with(Some(&own), "files", arn);
        assert!(allows(Some(&joined), arn) && !allows(Some(&own), arn));
        assert_eq!(joined["Statement"].as_array().unwrap().len(), 2);
        assert_eq!(joined["Statement"][1]["Resource"], "arn:aws:s3:::files/*");
        assert_eq!(with(Some(&joined), "files", arn), joined);
        assert_eq!(
            without(Some(&joined), arn).unwrap()["Statement"],
            json!([{ "Sid": "Mine", "Effect": "Deny" }])
        );
        assert_eq!(without(Some(&with(None, "files", arn)), arn), None);
    }
}
