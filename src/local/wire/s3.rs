//! S3's wire: bucket and key from host and path, the operation from method, flags and headers.

use base64::Engine;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::params::xml_tree;
use super::xml;
use crate::local::route::bucket_of_host;
use crate::local::service::Service;
use crate::local::{Call, Element, Fault, Request, Response};

/// Flags of the query that name a part of a bucket or object, with the operations on it: read, write, delete.
const PARTS: [(&str, &str); 22] = [
    ("accelerate", "AccelerateConfiguration"),
    ("acl", "Acl"),
    ("cors", "Cors"),
    ("encryption", "Encryption"),
    ("lifecycle", "LifecycleConfiguration"),
    ("location", "Location"),
    ("logging", "Logging"),
    ("notification", "NotificationConfiguration"),
    ("object-lock", "ObjectLockConfiguration"),
    ("ownershipControls", "OwnershipControls"),
    ("policy", "Policy"),
    ("policyStatus", "PolicyStatus"),
    ("publicAccessBlock", "PublicAccessBlock"),
    ("replication", "Replication"),
    ("requestPayment", "RequestPayment"),
    ("tagging", "Tagging"),
    ("versioning", "Versioning"),
    ("website", "Website"),
    ("attributes", "Attributes"),
    ("torrent", "Torrent"),
    ("retention", "Retention"),
    ("legal-hold", "LegalHold"),
];

/// Flags of parts that the local cloud does not have: without them the request would be for the bucket or object as a whole.
const UNKNOWN_PARTS: [&str; 15] = [
    "abac",
    "analytics",
    "annotation",
    "intelligent-tiering",
    "inventory",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "renameObject",
    "restore",
    "select",
    "session",
];

/// Reads a call.
pub fn parse(mut request: Request) -> Result<Call, Fault> {
    let (bucket, key) = place(&request);
    let operation = operation(&request, &bucket, &key)?;
    let raw = std::mem::take(&mut request.body);
    let body = body(&request, raw)?;
    let mut members = Map::new();
    for (name, text) in [("Bucket", bucket), ("Key", key)] {
        if !text.is_empty() {
            members.insert(name.to_owned(), Value::String(text));
        }
    }
    for (name, value) in &request.query {
        members.entry(name.clone()).or_insert_with(|| Value::String(value.clone()));
    }
    // Objects and parts are bytes; every other body is XML.
    if !matches!(operation.as_str(), "PutObject" | "UploadPart" | "PutBucketPolicy") && !body.is_empty() {
        let malformed = || {
            Fault::new(
                400,
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our published schema",
            )
        };
        let root =
            std::str::from_utf8(&body).ok().and_then(|text| xml::read(text).ok()).ok_or_else(malformed)?;
        members.insert(root.name.clone(), xml_tree(&root));
    }
    Ok(Call { operation, params: Value::Object(members), body, headers: request.headers, page: None })
}

/// Bucket and key; empty where there is none.
fn place(request: &Request) -> (String, String) {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let path = request.path.strip_prefix('/').unwrap_or(&request.path);
    match bucket_of_host(&request.host) {
        Some(bucket) => (bucket, decode(path)),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            (decode(bucket), decode(key))
        }
    }
}

fn operation(request: &Request, bucket: &str, key: &str) -> Result<String, Fault> {
    let flag = |name: &str| request.query.iter().any(|(given, _)| given == name);
    if let Some(part) = UNKNOWN_PARTS.into_iter().find(|name| flag(name)) {
        return Err(Service::S3.unknown(part));
    }
    let level = if key.is_empty() { "Bucket" } else { "Object" };
    let method = request.method.as_str();
    if let Some((_, part)) = PARTS.iter().find(|(name, _)| flag(name)) {
        let verb = match method {
            "GET" => "Get",
            "PUT" => "Put",
            "DELETE" => "Delete",
            _ => return Err(not_allowed()),
        };
        // The models say so: GetPublicAccessBlock, GetObjectAttributes, but GetBucketPolicy.
        let level = if *part == "PublicAccessBlock" { "" } else { level };
        return Ok(format!("{verb}{level}{part}"));
    }
    Ok(match (method, bucket.is_empty(), key.is_empty()) {
        ("GET", true, _) => "ListBuckets",
        ("GET", _, true) if flag("versions") => "ListObjectVersions",
        ("GET", _, true) if flag("uploads") => "ListMultipartUploads",
        ("GET", _, true) if request.query.iter().any(|(n, v)| n == "list-type" && v == "2") => {
            "ListObjectsV2"
        }
        ("GET", _, true) => "ListObjects",
        ("GET", _, false) if flag("uploadId") => "ListParts",
        ("GET", _, false) => "GetObject",
        ("HEAD", false, true) => "HeadBucket",
        ("HEAD", false, false) => "HeadObject",
        ("PUT", false, true) => "CreateBucket",
        ("PUT", false, false) if flag("partNumber") && request.header("x-amz-copy-source").is_some() => {
            "UploadPartCopy"
        }
        ("PUT", false, false) if flag("partNumber") => "UploadPart",
        ("PUT", false, false) if request.header("x-amz-copy-source").is_some() => "CopyObject",
        ("PUT", false, false) => "PutObject",
        ("DELETE", false, true) => "DeleteBucket",
        ("DELETE", false, false) if flag("uploadId") => "AbortMultipartUpload",
        ("DELETE", false, false) => "DeleteObject",
        ("POST", false, true) if flag("delete") => "DeleteObjects",
        ("POST", false, false) if flag("uploads") => "CreateMultipartUpload",
        ("POST", false, false) if flag("uploadId") => "CompleteMultipartUpload",
        _ => return Err(not_allowed()),
    }
    .to_owned())
}

fn not_allowed() -> Fault {
    Fault::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

/// The body, taken out of the chunks in which SDKs send it (`content-encoding: aws-chunked`), and checked against the
/// digests that came with it.
fn body(request: &Request, raw: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let chunked = request.header("x-amz-content-sha256").is_some_and(|kind| kind.starts_with("STREAMING-"));
    let incomplete = || {
        Fault::new(
            400,
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        )
    };
    let (body, trailers) = if chunked { unchunk(&raw).ok_or_else(incomplete)? } else { (raw, Vec::new()) };
    for (name, value) in request.headers.iter().chain(&trailers) {
        let computed = match name.as_str() {
            "x-amz-checksum-crc32" => base64(&crc32fast::hash(&body).to_be_bytes()),
            "x-amz-checksum-sha256" => base64(&<sha2::Sha256 as sha2::Digest>::digest(&body)),
            "content-md5" => base64(&<md5::Md5 as md5::Digest>::digest(&body)),
            _ => continue,
        };
        // A checksum of checksums, for a multipart upload as a whole, is said with a `-`.
        if computed != *value && !value.contains('-') && request.method != "POST" {
            return Err(Fault::new(
                400,
                "BadDigest",
                format!("The {name} you specified did not match what we received."),
            ));
        }
    }
    Ok(body)
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The bytes of a chunked body, and its trailers.
type Unchunked = (Vec<u8>, Vec<(String, String)>);

fn unchunk(mut rest: &[u8]) -> Option<Unchunked> {
    let mut body = Vec::with_capacity(rest.len());
    loop {
        let (line, after) = split_line(rest)?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            rest = after;
            break;
        }
        body.extend_from_slice(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix(b"\r\n")?;
    }
    let mut trailers = Vec::new();
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        if let Some((name, value)) = line.split_once(':') {
            trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    Some((body, trailers))
}

fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(bytes.get(..end)?).ok()?;
    Some((line, bytes.get(end + 2..)?))
}

/// `<Error><Code>…`, without a namespace.
pub fn error(request_id: &str, resource: &str, fault: &Fault) -> Response {
    let root = Element::new(
        "Error",
        vec![
            Element::text("Code", &fault.code),
            Element::text("Message", &fault.message),
            Element::text("Resource", resource),
            Element::text("RequestId", request_id),
        ],
    );
    super::xml_response(fault.status, root)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(method: &str, host: &str, path: &str, query: &[(&str, &str)]) -> Request {
        Request {
            method: method.to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            query: query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..Request::default()
        }
    }

    #[test]
    fn both_styles_name_the_same_object() {
        for request in [
            request("PUT", "s3.us-east-1.amazonaws.com", "/b/x/y%20z", &[]),
            request("PUT", "b.s3.us-east-1.amazonaws.com", "/x/y%20z", &[]),
            request("PUT", "b.localhost", "/x/y%20z", &[]),
        ] {
            let call = parse(request).unwrap();
            assert_eq!(call.operation, "PutObject");
            assert_eq!((call.text("Bucket"), call.text("Key")), (Some("b".into()), Some("x/y z".into())));
        }
    }

    #[test]
    fn flags_name_operations() {
        let operation = |method: &str, path: &str, query: &[(&str, &str)]| {
            parse(request(method, "127.0.0.1", path, query)).unwrap().operation
        };
        assert_eq!(operation("GET", "/", &[]), "ListBuckets");
        assert_eq!(operation("GET", "/b", &[("list-type", "2")]), "ListObjectsV2");
        assert_eq!(operation("GET", "/b", &[("versioning", "")]), "GetBucketVersioning");
        assert_eq!(operation("GET", "/b", &[("publicAccessBlock", "")]), "GetPublicAccessBlock");
        assert_eq!(operation("PUT", "/b/k", &[("tagging", "")]), "PutObjectTagging");
        assert_eq!(operation("POST", "/b/k", &[("uploads", "")]), "CreateMultipartUpload");
    }

    #[test]
    fn chunks_are_taken_apart_and_digests_checked() {
        let mut chunked = request("PUT", "127.0.0.1", "/b/k", &[]);
        chunked.headers.push(("x-amz-content-sha256".into(), "STREAMING-UNSIGNED-PAYLOAD-TRAILER".into()));
        chunked.body = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n".to_vec();
        assert_eq!(parse(chunked.clone()).unwrap().body, b"hello world");
        chunked.body = b"5\r\nhella\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n".to_vec();
        assert_eq!(parse(chunked.clone()).unwrap_err().code, "BadDigest");
        chunked.body = b"5\r\nhel".to_vec();
        assert_eq!(parse(chunked).unwrap_err().code, "IncompleteBody");
    }
}
