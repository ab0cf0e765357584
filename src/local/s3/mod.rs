//! S3: buckets, objects and their versions, multipart uploads.

mod buckets;
mod delete;
mod list;
mod multipart;
mod objects;
mod settings;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::common::Tags;
use super::service::Service;
use super::wire::xml;
use super::{ACCOUNT, Call, Cx, Element, Fault, Reply, Response, State};

pub use multipart::Upload;
pub use objects::Version;
pub use settings::PublicAccessBlock;

/// What S3 remembers. Bucket names are global.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct S3 {
    /// Buckets by name.
    pub buckets: IndexMap<String, Bucket>,
}

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// When it was made.
    pub created_at: i64,
    /// `Enabled`, `Suspended`, or nothing when it never kept versions.
    pub versioning: Option<String>,
    /// What it blocks; everything, since 2023, unless that was removed.
    pub public_access: Option<PublicAccessBlock>,
    /// Its policy.
    pub policy: Option<String>,
    /// Who owns what others put in: `BucketOwnerEnforced`.
    pub ownership: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Versions by key, newest last.
    pub objects: BTreeMap<String, Vec<Version>>,
    /// Multipart uploads by id.
    pub uploads: IndexMap<String, Upload>,
}

impl Bucket {
    /// The current version of an object; none when it is deleted.
    pub fn object(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last().filter(|version| !version.is_delete_marker)
    }
}

impl State {
    /// The body of an object.
    pub fn object_body(&self, bucket: &str, key: &str) -> Option<Arc<Vec<u8>>> {
        let version = self.s3.buckets.get(bucket)?.object(key)?;
        self.blobs.get(&version.body).ok()
    }

    /// Makes a bucket, unless it is there already. The name has been checked.
    pub fn make_bucket(&mut self, name: &str, region: &str, now: i64) -> &mut Bucket {
        self.s3.buckets.entry(name.to_owned()).or_insert_with(|| Bucket {
            name: name.to_owned(),
            region: region.to_owned(),
            created_at: now,
            versioning: None,
            public_access: Some(PublicAccessBlock::all()),
            policy: None,
            ownership: Some("BucketOwnerEnforced".to_owned()),
            tags: Tags::new(),
            objects: BTreeMap::new(),
            uploads: IndexMap::new(),
        })
    }

    /// Lets bodies go that nothing refers to any more.
    fn release(&mut self, bodies: Vec<String>) {
        for body in bodies {
            let buckets = self.s3.buckets.values();
            let used = buckets.into_iter().any(|bucket| {
                bucket.objects.values().flatten().any(|version| version.body == body)
                    || bucket
                        .uploads
                        .values()
                        .any(|upload| upload.parts.values().any(|part| part.body == body))
            });
            // Deployed versions run on when their bundle is deleted.
            let deployed = self.beanstalk.versions.iter().filter_map(|version| version.bundle.as_ref());
            if !used && !deployed.into_iter().any(|bundle| bundle.hash == body) {
                self.blobs.discard(&body);
            }
        }
    }
}

/// Answers a call.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    if let Some(owner) = call.header("x-amz-expected-bucket-owner").filter(|owner| *owner != ACCOUNT) {
        return refuse(403, "AccessDenied", format!("The bucket is not owned by {owner}"));
    }
    match call.operation.as_str() {
        "ListBuckets" => return buckets::list(state, call),
        "CreateBucket" => return buckets::create(state, cx, call),
        _ => {}
    }
    let bucket = bucket(state, call)?;
    if bucket.region != cx.region {
        return Ok(elsewhere(bucket, cx));
    }
    match call.operation.as_str() {
        "HeadBucket" => buckets::head(state, cx, call),
        "DeleteBucket" => buckets::delete(state, call),
        "GetBucketLocation" => buckets::location(state, call),
        "GetBucketVersioning" => settings::get_versioning(state, call),
        "PutBucketVersioning" => settings::put_versioning(state, call),
        "GetPublicAccessBlock" => settings::get_public_access(state, call),
        "PutPublicAccessBlock" => settings::put_public_access(state, call),
        "DeletePublicAccessBlock" => settings::delete_public_access(state, call),
        "GetBucketTagging" => settings::get_tagging(state, call),
        "PutBucketTagging" => settings::put_tagging(state, call),
        "DeleteBucketTagging" => settings::delete_tagging(state, call),
        "GetBucketPolicy" => settings::get_policy(state, call),
        "PutBucketPolicy" => settings::put_policy(state, call),
        "DeleteBucketPolicy" => settings::delete_policy(state, call),
        "GetBucketEncryption" => Ok(settings::get_encryption()),
        "GetBucketOwnershipControls" => settings::get_ownership(state, call),
        "PutBucketOwnershipControls" => settings::put_ownership(state, call),
        "GetBucketAcl" => Ok(settings::get_acl()),
        "PutObject" => objects::put(state, cx, call),
        "CopyObject" => objects::copy(state, cx, call),
        "GetObject" => objects::get(state, call, true),
        "HeadObject" => objects::get(state, call, false),
        "GetObjectTagging" => objects::get_tagging(state, call),
        "PutObjectTagging" => objects::put_tagging(state, call),
        "DeleteObjectTagging" => objects::delete_tagging(state, call),
        "DeleteObject" => delete::one(state, cx, call),
        "DeleteObjects" => delete::many(state, cx, call),
        "ListObjectsV2" => list::objects(state, call, true),
        "ListObjects" => list::objects(state, call, false),
        "ListObjectVersions" => list::versions(state, call),
        "CreateMultipartUpload" => multipart::create(state, cx, call),
        "UploadPart" => multipart::upload_part(state, cx, call),
        "CompleteMultipartUpload" => multipart::complete(state, cx, call),
        "AbortMultipartUpload" => multipart::abort(state, call),
        "ListParts" => multipart::list_parts(state, call),
        "ListMultipartUploads" => multipart::list_uploads(state, call),
        operation => Err(Service::S3.unknown(operation)),
    }
}

fn refuse<T>(status: u16, code: &str, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::new(status, code, message))
}

/// The bucket that a call means.
fn bucket<'a>(state: &'a mut State, call: &Call) -> Result<&'a mut Bucket, Fault> {
    let name = call.text("Bucket").unwrap_or_default();
    let found = state.s3.buckets.get_mut(&name);
    found.ok_or_else(|| Fault::new(404, "NoSuchBucket", "The specified bucket does not exist"))
}

/// The answer to a request that was signed for another region than the bucket's.
fn elsewhere(bucket: &Bucket, cx: &Cx) -> Reply {
    let endpoint = format!("{}.s3.{}.amazonaws.com", bucket.name, bucket.region);
    let error = Element::new(
        "Error",
        vec![
            Element::text("Code", "PermanentRedirect"),
            Element::text(
                "Message",
                "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
            ),
            Element::text("Bucket", &bucket.name),
            Element::text("Endpoint", endpoint),
            Element::text("RequestId", &cx.request_id),
        ],
    );
    Reply::Raw(Response {
        status: 301,
        headers: vec![
            header("x-amz-bucket-region", &bucket.region),
            header("content-type", "application/xml"),
        ],
        body: xml::write(&error).into_bytes(),
    })
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// An answer without a body.
fn empty(status: u16, headers: Vec<(String, String)>) -> Reply {
    Reply::Raw(Response { status, headers, body: Vec::new() })
}

fn internal(error: &std::io::Error) -> Fault {
    Fault::new(500, "InternalError", format!("the local cloud cannot keep or find a body: {error}"))
}

/// The tags of a `<TagSet>`, or `<Tags>`, in a request's body.
fn tags_in(value: Option<&serde_json::Value>) -> Tags {
    use serde_json::Value;
    let list = match value {
        Some(Value::Array(list)) => list.clone(),
        Some(Value::Object(members)) => match members.get("Tag") {
            Some(Value::Array(list)) => list.clone(),
            Some(one) => vec![one.clone()],
            None => vec![],
        },
        _ => vec![],
    };
    super::common::tags_of(&list)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::{Client, count, root, text};
    use crate::local::{Faults, Local, Response};

    fn code(response: Response) -> String {
        root(response).unwrap_err()
    }

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        response
            .headers
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    }

    #[test]
    fn buckets_have_names_regions_and_contents() {
        let mut client = Client::new();
        assert_eq!(code(client.rest("s3", "PUT", "/My_Bucket", b"")), "InvalidBucketName");
        assert_eq!(code(client.rest("s3", "PUT", "/my-bucket", b"")), "BucketAlreadyExists");
        assert_eq!(client.rest("s3", "PUT", "/vpipe-a", b"").status, 200);
        assert_eq!(client.rest("s3", "HEAD", "/vpipe-a", b"").status, 200);
        assert_eq!(client.rest("s3", "HEAD", "/vpipe-b", b"").status, 404);
        assert_eq!(client.rest("s3", "PUT", "/vpipe-a/k", b"x").status, 200);
        assert_eq!(code(client.rest("s3", "DELETE", "/vpipe-a", b"")), "BucketNotEmpty");
        client.region = "eu-west-1";
        let moved = client.rest("s3", "HEAD", "/vpipe-a", b"");
        assert_eq!((moved.status, header(&moved, "x-amz-bucket-region")), (301, "us-east-1"));
        assert_eq!(code(client.rest("s3", "PUT", "/vpipe-c", b"")), "IllegalLocationConstraintException");
        let body = b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
        assert_eq!(client.rest("s3", "PUT", "/vpipe-c", body).status, 200);
        assert_eq!(code(client.rest("s3", "PUT", "/vpipe-c", body)), "BucketAlreadyOwnedByYou");
        let list = root(client.rest("s3", "GET", "/", b"")).unwrap();
        assert_eq!(count(&list, "Buckets/Bucket"), 2);
    }

    #[test]
    fn objects_come_back_as_they_were_put() {
        let client = Client::new();
        client.rest("s3", "PUT", "/vpipe-a", b"");
        let put = client.rest("s3", "PUT", "/vpipe-a/a%2Fb c", b"hello");
        assert_eq!(header(&put, "etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
        let got = client.rest("s3", "GET", "/vpipe-a/a/b%20c", b"");
        assert_eq!((got.status, got.body.as_slice()), (200, b"hello".as_slice()));
        let head = client.rest("s3", "HEAD", "/vpipe-a/a/b%20c", b"");
        assert_eq!((head.body.len(), header(&head, "content-length")), (0, "5"));
        assert_eq!(code(client.rest("s3", "GET", "/vpipe-a/nope", b"")), "NoSuchKey");
        assert_eq!(client.rest("s3", "HEAD", "/vpipe-a/nope", b"").body, b"");
        for key in ["logs/1", "logs/2", "z"] {
            client.rest("s3", "PUT", &format!("/vpipe-a/{key}"), b"x");
        }
        let list =
            root(client.rest("s3", "GET", "/vpipe-a?list-type=2&delimiter=%2F&max-keys=2", b"")).unwrap();
        assert_eq!((count(&list, "Contents"), count(&list, "CommonPrefixes")), (0, 2));
        let token = text(&list, "NextContinuationToken");
        let next = format!("/vpipe-a?list-type=2&delimiter=%2F&continuation-token={token}");
        let list = root(client.rest("s3", "GET", &next, b"")).unwrap();
        assert_eq!(
            (text(&list, "Contents/Key").as_str(), text(&list, "IsTruncated").as_str()),
            ("z", "false")
        );
    }

    #[test]
    fn versions_stay_until_they_are_deleted_themselves() {
        let client = Client::new();
        client.rest("s3", "PUT", "/vpipe-a", b"");
        let on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        assert_eq!(client.rest("s3", "PUT", "/vpipe-a?versioning", on).status, 200);
        let first = client.rest("s3", "PUT", "/vpipe-a/k", b"1");
        client.rest("s3", "PUT", "/vpipe-a/k", b"2");
        let version = header(&first, "x-amz-version-id").to_owned();
        assert_eq!(client.rest("s3", "GET", &format!("/vpipe-a/k?versionId={version}"), b"").body, b"1");
        let deleted = client.rest("s3", "DELETE", "/vpipe-a/k", b"");
        assert_eq!(header(&deleted, "x-amz-delete-marker"), "true");
        assert_eq!(client.rest("s3", "GET", "/vpipe-a/k", b"").status, 404);
        let list = root(client.rest("s3", "GET", "/vpipe-a?versions", b"")).unwrap();
        assert_eq!((count(&list, "Version"), count(&list, "DeleteMarker")), (2, 1));
        assert_eq!(code(client.rest("s3", "DELETE", "/vpipe-a", b"")), "BucketNotEmpty");
        let mut body = String::from("<Delete>");
        for element in &list.children {
            if matches!(element.name.as_str(), "Version" | "DeleteMarker") {
                let id = text(element, "VersionId");
                body.push_str(&format!("<Object><Key>k</Key><VersionId>{id}</VersionId></Object>"));
            }
        }
        body.push_str("</Delete>");
        let deleted = root(client.rest("s3", "POST", "/vpipe-a?delete", body.as_bytes())).unwrap();
        assert_eq!(count(&deleted, "Deleted"), 3);
        assert_eq!(client.rest("s3", "DELETE", "/vpipe-a", b"").status, 204);
    }

    #[test]
    fn parts_become_one_object() {
        let client = Client::new();
        client.rest("s3", "PUT", "/vpipe-a", b"");
        let made = root(client.rest("s3", "POST", "/vpipe-a/big?uploads", b"")).unwrap();
        let id = text(&made, "UploadId");
        let large = vec![b'x'; 5 * 1024 * 1024];
        let part = |number: u32, body: &[u8]| {
            let path = format!("/vpipe-a/big?partNumber={number}&uploadId={id}");
            header(&client.rest("s3", "PUT", &path, body), "etag").to_owned()
        };
        let (one, two) = (part(1, &large), part(2, b"end"));
        let complete = |order: [(u32, &str); 2]| {
            let parts =
                order.map(|(n, tag)| format!("<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>"));
            let body = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.concat());
            client.rest("s3", "POST", &format!("/vpipe-a/big?uploadId={id}"), body.as_bytes())
        };
        assert_eq!(code(complete([(2, &two), (1, &one)])), "InvalidPartOrder");
        assert_eq!(code(complete([(1, &two), (2, &one)])), "InvalidPart");
        let done = root(complete([(1, &one), (2, &two)])).unwrap();
        assert!(text(&done, "ETag").ends_with("-2\""));
        assert_eq!(client.rest("s3", "GET", "/vpipe-a/big", b"").body.len(), large.len() + 3);
        assert_eq!(code(complete([(1, &one), (2, &two)])), "NoSuchUpload");
    }

    #[test]
    fn bodies_live_beside_the_state_file_as_long_as_they_are_needed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let client = Client::of(Local::open(Some(&path), Faults::default()).unwrap());
        let bodies = || std::fs::read_dir(folder.path().join("state.json.objects")).unwrap().count();
        client.rest("s3", "PUT", "/vpipe-a", b"");
        client.rest("s3", "PUT", "/vpipe-a/one", b"same");
        client.rest("s3", "PUT", "/vpipe-a/two", b"same");
        assert_eq!(bodies(), 1);
        client.rest("s3", "DELETE", "/vpipe-a/one", b"");
        drop(client);
        let client = Client::of(Local::open(Some(&path), Faults::default()).unwrap());
        assert_eq!(client.rest("s3", "GET", "/vpipe-a/two", b"").body, b"same");
        client.rest("s3", "PUT", "/vpipe-a/two", b"other");
        assert_eq!(bodies(), 1);
    }
}
