//! Buckets.

use async_trait::async_trait;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Delete, ObjectIdentifier,
    PublicAccessBlockConfiguration, Tag, Tagging, VersioningConfiguration,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::cloud::parts::{attributes, changed, known, partition};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, TagCalls, Tags, Want,
    calling, found, reading, sdk_tags, seen_tags,
};
use crate::eval::Attrs;
use crate::plan::Change;

/// `bucket`
pub struct Bucket;

const CREATE: &str = "s3:CreateBucket";
const BLOCK: &str = "s3:PutPublicAccessBlock";
const VERSIONING: &str = "s3:PutBucketVersioning";
const EMPTY: &str = "s3:DeleteObjects";
const DELETE: &str = "s3:DeleteBucket";
/// One call sets all tags, those that go being those that it does not name.
const TAGS: TagCalls = TagCalls { set: "s3:PutBucketTagging", remove: "s3:PutBucketTagging" };

const BUCKET: &[&str] = &["s3:::{name}"];
const OBJECTS: &[&str] = &["s3:::{name}/*"];
const PERMISSIONS: &[Permission] = &[
    Permission::look("s3:HeadBucket", BUCKET),
    Permission::look("s3:GetBucketVersioning", BUCKET),
    Permission::look("s3:GetBucketTagging", BUCKET),
    Permission::look("s3:GetPublicAccessBlock", BUCKET),
    Permission::look("s3:ListObjectVersions", BUCKET),
    Permission::change(CREATE, BUCKET),
    Permission::change(BLOCK, BUCKET)
        .because("new buckets are blocked from the public, older ones need not be"),
    Permission::change(VERSIONING, BUCKET).because("only when `versioning` is given or changes"),
    Permission::tag(TAGS.set, BUCKET).because("only when a tag changes"),
    Permission::delete(EMPTY, OBJECTS).because("only with `empty_on_destroy`"),
    Permission::delete(DELETE, BUCKET),
];

/// What is remembered of a bucket until a call.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Detail {
    /// Whether all four blocks of public access are on.
    blocked: bool,
    /// The first object, old version or delete marker that it holds, if any. Emptying goes by many calls, and each is
    /// seen to have done something by this.
    first: Option<String>,
}

impl Detail {
    fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl Driver for Bucket {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let name = want.text("name").unwrap_or(&want.name);
        let s3 = &clients.s3;
        let head = s3.head_bucket().bucket(name).send().await.map_err(reading("s3:HeadBucket"));
        if found(head)?.is_none() {
            return Ok(Observed::Absent);
        }
        let versioning = s3.get_bucket_versioning().bucket(name).send().await;
        let versioning = versioning.map_err(reading("s3:GetBucketVersioning"))?;
        let tags = s3.get_bucket_tagging().bucket(name).send().await.map_err(reading("s3:GetBucketTagging"));
        let tags = found(tags)?.map(|reply| reply.tag_set).unwrap_or_default();
        let block = s3.get_public_access_block().bucket(name).send().await;
        let block = found(block.map_err(reading("s3:GetPublicAccessBlock")))?;
        let block = block.and_then(|reply| reply.public_access_block_configuration);
        let objects = s3.list_object_versions().bucket(name).max_keys(1).send().await;
        let objects = found(objects.map_err(reading("s3:ListObjectVersions")))?;
        let detail = Detail {
            blocked: block.as_ref().is_some_and(is_blocked),
            first: objects.as_ref().and_then(first),
        };
        let region = clients.config.region().map(AsRef::as_ref).unwrap_or("us-east-1");
        let present = Present {
            id: name.to_owned(),
            attrs: known([
                ("name", name.into()),
                ("versioning", (versioning.status() == Some(&BucketVersioningStatus::Enabled)).into()),
            ]),
            outputs: outputs(name, region),
            detail: serde_json::to_value(detail).unwrap_or_default(),
            ..Present::default()
        };
        let tags = seen_tags(tags.iter().map(|tag| (Some(tag.key()), Some(tag.value()))));
        Ok(Observed::Present(Box::new(present.tagged(tags))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        want.desired(&[])
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        // Tags first: they say whose it is, should this run end here.
        if let Some(op) = TAGS.next(want, present) {
            return Next::Call(op);
        }
        if !Detail::of(present).blocked {
            return Next::Call(Op::new(BLOCK));
        }
        if changed(changes, "versioning") {
            return Next::Call(Op::new(VERSIONING).with(attributes(["versioning"])));
        }
        Next::Done
    }

    fn next_delete(&self, want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Done };
        match (Detail::of(present).first, want.flag("empty_on_destroy")) {
            (None, _) => Next::Call(Op::new(DELETE)),
            (Some(_), Some(true)) => Next::Call(Op::new(EMPTY)),
            (Some(_), _) => Next::Fail(format!(
                "the bucket `{}` is not empty: write `empty_on_destroy = true` to delete its objects with it, or empty it",
                present.id
            )),
        }
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        _seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let s3 = &clients.s3;
        let name = &want.name;
        match op.operation.as_str() {
            CREATE => create(clients, want).await,
            BLOCK => {
                let all = PublicAccessBlockConfiguration::builder()
                    .block_public_acls(true)
                    .ignore_public_acls(true)
                    .block_public_policy(true)
                    .restrict_public_buckets(true)
                    .build();
                let call = s3.put_public_access_block().bucket(name).public_access_block_configuration(all);
                Ok(Reply::of(&call.send().await.map_err(calling(BLOCK))?, None))
            }
            VERSIONING => {
                let status = match want.flag("versioning") {
                    Some(true) => BucketVersioningStatus::Enabled,
                    _ => BucketVersioningStatus::Suspended,
                };
                let versioning = VersioningConfiguration::builder().status(status).build();
                let call = s3.put_bucket_versioning().bucket(name).versioning_configuration(versioning);
                Ok(Reply::of(&call.send().await.map_err(calling(VERSIONING))?, None))
            }
            EMPTY => empty(clients, name).await,
            DELETE => {
                let call = s3.delete_bucket().bucket(name);
                Ok(Reply::of(&call.send().await.map_err(calling(DELETE))?, None))
            }
            _ if TAGS.is(op) => {
                let tagging = Tagging::builder().set_tag_set(Some(tags(&want.tags)?)).build();
                let tagging = tagging.map_err(|error| CloudError::misuse(TAGS.set, error.to_string()))?;
                let call = s3.put_bucket_tagging().bucket(name).tagging(tagging);
                Ok(Reply::of(&call.send().await.map_err(calling(TAGS.set))?, None))
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a bucket")),
        }
    }

    fn timeout(&self) -> Duration {
        // Emptying goes by a thousand objects a call.
        Duration::from_secs(30 * 60)
    }
}

fn is_blocked(block: &PublicAccessBlockConfiguration) -> bool {
    let parts = [
        block.block_public_acls,
        block.ignore_public_acls,
        block.block_public_policy,
        block.restrict_public_buckets,
    ];
    parts.iter().all(|part| *part == Some(true))
}

fn first(page: &ListObjectVersionsOutput) -> Option<String> {
    let version = page.versions().first().map(|version| (version.key(), version.version_id()));
    let marker = page.delete_markers().first().map(|marker| (marker.key(), marker.version_id()));
    let (key, version) = version.or(marker)?;
    Some(format!("{} {}", key.unwrap_or_default(), version.unwrap_or_default()))
}

fn outputs(name: &str, region: &str) -> Attrs {
    let partition = partition(region);
    let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    known([
        ("name", name.into()),
        ("arn", format!("arn:{partition}:s3:::{name}").into()),
        ("domain_name", format!("{name}.s3.{region}.{suffix}").into()),
    ])
}

fn tags(tags: &Tags) -> Result<Vec<Tag>, CloudError> {
    let tags: Result<Vec<Tag>, _> =
        sdk_tags(tags, |key, value| Tag::builder().key(key).value(value).build()).into_iter().collect();
    tags.map_err(|error| CloudError::misuse(TAGS.set, error.to_string()))
}

async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let region = clients.config.region().map(AsRef::as_ref).unwrap_or("us-east-1");
    let mut configuration = CreateBucketConfiguration::builder().set_tags(Some(tags(&want.tags)?));
    // The region of S3's first days must not be named.
    if region != "us-east-1" {
        configuration = configuration.location_constraint(BucketLocationConstraint::from(region));
    }
    let call =
        clients.s3.create_bucket().bucket(&want.name).create_bucket_configuration(configuration.build());
    let made = call.send().await.map_err(calling(CREATE))?;
    Ok(Reply::of(&made, Some(&want.name)))
}

/// Deletes up to a thousand objects, versions and delete markers.
async fn empty(clients: &Clients, name: &str) -> Result<Reply, CloudError> {
    let page = clients.s3.list_object_versions().bucket(name).send().await;
    let page = page.map_err(reading("s3:ListObjectVersions"))?;
    let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
    let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
    let objects: Result<Vec<ObjectIdentifier>, _> = versions
        .chain(markers)
        .take(1000)
        .map(|(key, version)| {
            let key = key.unwrap_or_default();
            ObjectIdentifier::builder().key(key).set_version_id(version.map(str::to_owned)).build()
        })
        .collect();
    let misuse =
        |error: aws_smithy_types::error::operation::BuildError| CloudError::misuse(EMPTY, error.to_string());
    let objects = objects.map_err(misuse)?;
    if objects.is_empty() {
        return Ok(Reply::default());
    }
    let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(misuse)?;
    let done =
        clients.s3.delete_objects().bucket(name).delete(delete).send().await.map_err(calling(EMPTY))?;
    match done.errors() {
        [] => Ok(Reply::of(&done, None)),
        [first, ..] => {
            let key = first.key().unwrap_or_default();
            let message = first.message().unwrap_or_default();
            let code = first.code().unwrap_or("unknown");
            Err(CloudError::of(EMPTY, code, format!("the object `{key}` cannot be deleted: {message}")))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, change, seen, want};
    use crate::eval::Value;
    use serde_json::json;

    fn bucket() -> Want {
        let mut want = want("bucket", "shop-artifacts");
        want.attrs = attrs([("versioning", true.into()), ("empty_on_destroy", false.into())]);
        want.tags.insert("vpipe:node".into(), "artifacts".into());
        want
    }

    fn there(blocked: bool, empty: bool, tags: Tags) -> Present {
        Present {
            detail: json!({ "blocked": blocked, "first": (!empty).then_some("a 1") }),
            ..Present::default()
        }
        .tagged(tags)
    }

    #[test]
    fn it_is_made_tagged_blocked_and_versioned_in_this_order() {
        let want = bucket();
        let changes = [change("versioning", false.into(), true.into())];
        let next = |present| match Bucket.next(&want, &seen(present), &changes) {
            Next::Call(op) => op.operation,
            other => panic!("{other:?}"),
        };
        assert!(
            matches!(Bucket.next(&want, &Observed::Absent, &[]), Next::Call(op) if op.operation == CREATE)
        );
        assert_eq!(next(there(false, true, Tags::new())), TAGS.set);
        assert_eq!(next(there(false, true, want.tags.clone())), BLOCK);
        assert_eq!(next(there(true, true, want.tags.clone())), VERSIONING);
        assert!(matches!(Bucket.next(&want, &seen(there(true, true, want.tags.clone())), &[]), Next::Done));
    }

    #[test]
    fn a_full_bucket_is_emptied_only_when_the_file_says_so() {
        let mut want = bucket();
        let full = seen(there(true, false, Tags::new()));
        assert!(
            matches!(Bucket.next_delete(&want, &full), Next::Fail(why) if why.contains("empty_on_destroy"))
        );
        want.attrs.insert("empty_on_destroy".into(), Value::Bool(true));
        assert!(matches!(Bucket.next_delete(&want, &full), Next::Call(op) if op.operation == EMPTY));
        let empty = seen(there(true, true, Tags::new()));
        assert!(matches!(Bucket.next_delete(&want, &empty), Next::Call(op) if op.operation == DELETE));
    }

    #[test]
    fn names_follow_the_partition() {
        let outputs = outputs("b", "cn-north-1");
        assert_eq!(outputs.get("arn"), Some(&"arn:aws-cn:s3:::b".into()));
        assert_eq!(outputs.get("domain_name"), Some(&"b.s3.cn-north-1.amazonaws.com.cn".into()));
    }
}
