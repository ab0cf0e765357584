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
pub(super) const LIST: &str = "cloudfront:ListOriginAccessControls";
pub(super) const GET: &str = "cloudfront:GetOriginAccessControl";

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

/// The statement that lets a distribution read a bucket.
pub(super) fn statement(bucket: &str, arn: &str) -> Json {
    let partition = arn.split(':').nth(1).unwrap_or("aws");
    // Developer guide, "Restrict access to an Amazon S3 origin".
    json!({
        "Sid": sid(arn),
        "Effect": "Allow",
        "Principal": { "Service": "cloudfront.amazonaws.com" },
        "Action": "s3:GetObject",
        "Resource": format!("arn:{partition}:s3:::{bucket}/*"),
        "Condition": { "StringEquals": { "AWS:SourceArn": arn } },
    })
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
pub(super) fn sid(arn: &str) -> String {
    format!("VpipeCloudFront{}", arn.rsplit('/').next().unwrap_or_default())
}
