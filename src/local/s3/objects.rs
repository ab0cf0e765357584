//! Objects: putting, getting, copying, their tags.

use base64::Engine;
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::{Bucket, bucket, empty, header, internal, refuse, tags_in};
use crate::local::common::{Tags, check_tags, iso, tag_list};
use crate::local::state::hex;
use crate::local::support::http_date;
use crate::local::wire::decode_form;
use crate::local::{Call, Cx, Element, Fault, Reply, Response, State};

/// The largest object that can be put at once.
const LARGEST: usize = 5 * 1024 * 1024 * 1024;

/// A version of an object, or the mark that it is deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Its id; `null` where the bucket keeps no versions.
    pub id: String,
    /// Whether it only says that the object is deleted.
    pub is_delete_marker: bool,
    /// The hash under which its body is kept.
    pub body: String,
    /// Bytes.
    pub size: u64,
    /// With quotes.
    pub etag: String,
    /// When it was put.
    pub modified_at: i64,
    /// `content-type`, `cache-control`, `x-amz-meta-…` and the like.
    pub headers: Vec<(String, String)>,
    /// The name of the header of its checksum, and its value.
    pub checksum: Option<(String, String)>,
    /// Its tags.
    pub tags: Tags,
}

impl Version {
    pub(super) fn delete_marker(id: String, at: i64) -> Self {
        Self {
            id,
            is_delete_marker: true,
            body: String::new(),
            size: 0,
            etag: String::new(),
            modified_at: at,
            headers: Vec::new(),
            checksum: None,
            tags: Tags::new(),
        }
    }
}

impl Bucket {
    /// Puts a version on an object; gives the bodies that are not needed any more.
    pub(super) fn push(&mut self, key: &str, version: Version) -> Vec<String> {
        let versions = self.objects.entry(key.to_owned()).or_default();
        let mut gone = Vec::new();
        // A bucket without versions, or one that keeps none now, has one `null` version.
        if version.id == "null" {
            versions.retain(|old| {
                let stays = old.id != "null";
                if !stays && !old.is_delete_marker {
                    gone.push(old.body.clone());
                }
                stays
            });
        }
        versions.push(version);
        gone
    }
}

impl State {
    /// The id of a new version in a bucket.
    pub(super) fn version_id(&mut self, bucket: &str) -> String {
        match self.s3.buckets.get(bucket).and_then(|bucket| bucket.versioning.as_deref()) {
            Some("Enabled") => self.letters(32),
            _ => "null".to_owned(),
        }
    }
}

pub(super) fn etag(body: &[u8]) -> String {
    format!("\"{}\"", hex(&Md5::digest(body)))
}

/// The headers of a request that belong to the object.
pub(super) fn kept_headers(call: &Call) -> Vec<(String, String)> {
    const KEPT: [&str; 6] = [
        "content-type",
        "cache-control",
        "content-disposition",
        "content-language",
        "expires",
        "x-amz-website-redirect-location",
    ];
    let kept = |name: &str| KEPT.contains(&name) || name.starts_with("x-amz-meta-");
    let mut headers: Vec<_> = call.headers.iter().filter(|(name, _)| kept(name)).cloned().collect();
    let encoding = call.header("content-encoding").unwrap_or_default();
    // `aws-chunked` is about the transport only.
    let encodings: Vec<&str> =
        encoding.split(',').map(str::trim).filter(|e| !e.is_empty() && *e != "aws-chunked").collect();
    if !encodings.is_empty() {
        headers.push(header("content-encoding", &encodings.join(",")));
    }
    headers
}

/// The checksum that the client asked for: worked out here, for the wire has checked the one that came.
pub(super) fn checksum(call: &Call) -> Option<(String, String)> {
    let asked = call.header("x-amz-sdk-checksum-algorithm").unwrap_or_default().to_ascii_lowercase();
    let sent = |name: &str| asked == name || call.header(&format!("x-amz-checksum-{name}")).is_some();
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    if sent("sha256") {
        let digest = <sha2::Sha256 as sha2::Digest>::digest(&call.body);
        return Some(header("x-amz-checksum-sha256", &base64(&digest)));
    }
    let trailer =
        call.header("x-amz-trailer").is_some_and(|name| name.contains("crc32") && !name.contains("crc32c"));
    (sent("crc32") || trailer)
        .then(|| header("x-amz-checksum-crc32", &base64(&crc32fast::hash(&call.body).to_be_bytes())))
}

fn check_conditions(existing: Option<&Version>, call: &Call) -> Result<(), Fault> {
    let failed =
        || refuse(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
    match (call.header("if-none-match"), call.header("if-match"), existing) {
        (Some("*"), _, Some(_)) => failed(),
        (_, Some(_), None) => refuse(404, "NoSuchKey", "The specified key does not exist."),
        (_, Some(etag), Some(version)) if etag.trim_matches('"') != version.etag.trim_matches('"') => {
            failed()
        }
        _ => Ok(()),
    }
}

fn key(call: &Call) -> Result<String, Fault> {
    let key = call.text("Key").unwrap_or_default();
    match key.len() > 1024 {
        true => refuse(400, "KeyTooLongError", "Your key is too long"),
        false => Ok(key),
    }
}

/// Tags as `x-amz-tagging` has them: `a=1&b=2`.
fn tags_of_header(call: &Call) -> Result<Tags, Fault> {
    let tags: Tags = decode_form(call.header("x-amz-tagging").unwrap_or_default()).into_iter().collect();
    check_tags(&tags, "InvalidTag")?;
    Ok(tags)
}

pub fn put(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let (key, tags) = (key(call)?, tags_of_header(call)?);
    if call.body.len() > LARGEST {
        return refuse(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
    }
    let found = bucket(state, call)?;
    let name = found.name.clone();
    check_conditions(found.object(&key), call)?;
    let body = state.blobs.put(&call.body).map_err(|error| internal(&error))?;
    let version = Version {
        id: state.version_id(&name),
        is_delete_marker: false,
        body,
        size: call.body.len() as u64,
        etag: etag(&call.body),
        modified_at: cx.now,
        headers: kept_headers(call),
        checksum: checksum(call),
        tags,
    };
    let headers = put_headers(&version);
    let gone = bucket(state, call)?.push(&key, version);
    state.release(gone);
    Ok(empty(200, headers))
}

fn put_headers(version: &Version) -> Vec<(String, String)> {
    let mut headers = vec![header("etag", &version.etag), header("x-amz-server-side-encryption", "AES256")];
    if version.id != "null" {
        headers.push(header("x-amz-version-id", &version.id));
    }
    headers.extend(version.checksum.clone());
    headers
}

/// The version that a call means, or S3's complaint.
fn version<'a>(bucket: &'a mut Bucket, call: &Call) -> Result<&'a mut Version, Fault> {
    let key = call.text("Key").unwrap_or_default();
    let versions = bucket.objects.get_mut(&key);
    if let Some(id) = call.text("versionId") {
        let missing = || Fault::new(404, "NoSuchVersion", "The specified version does not exist.");
        let found = versions.and_then(|versions| versions.iter_mut().find(|version| version.id == id));
        return match found.ok_or_else(missing)? {
            marker if marker.is_delete_marker => {
                refuse(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
            }
            version => Ok(version),
        };
    }
    let missing = || Fault::new(404, "NoSuchKey", "The specified key does not exist.");
    versions
        .and_then(|versions| versions.last_mut())
        .filter(|version| !version.is_delete_marker)
        .ok_or_else(missing)
}

pub fn get(state: &mut State, call: &Call, with_body: bool) -> Result<Reply, Fault> {
    let version = version(bucket(state, call)?, call)?.clone();
    let same = |etag: &str| etag == "*" || etag.trim_matches('"') == version.etag.trim_matches('"');
    if call.header("if-match").is_some_and(|etag| !same(etag)) {
        return refuse(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        );
    }
    let mut headers = put_headers(&Version { checksum: None, ..version.clone() });
    if call.header("if-none-match").is_some_and(same) {
        return Ok(empty(304, headers));
    }
    headers.extend(version.headers.clone());
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(header("content-type", "binary/octet-stream"));
    }
    headers
        .extend([header("last-modified", &http_date(version.modified_at)), header("accept-ranges", "bytes")]);
    if !version.tags.is_empty() {
        headers.push(header("x-amz-tagging-count", &version.tags.len().to_string()));
    }
    let (mut status, mut from, mut to) = (200, 0, version.size);
    if let Some(range) = call.header("range") {
        let Some((first, end)) = range_of(range, version.size) else {
            return refuse(416, "InvalidRange", "The requested range is not satisfiable");
        };
        (status, from, to) = (206, first, end);
        headers.push(header(
            "content-range",
            &format!("bytes {from}-{}/{}", to.saturating_sub(1), version.size),
        ));
    } else if call.header("x-amz-checksum-mode") == Some("ENABLED") {
        headers.extend(version.checksum.clone());
    }
    headers.push(header("content-length", &(to - from).to_string()));
    let mut body = Vec::new();
    if with_body {
        let whole = state.blobs.get(&version.body).map_err(|error| internal(&error))?;
        let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        body = whole.get(at(from)..at(to)).map(<[u8]>::to_vec).unwrap_or_default();
    }
    Ok(Reply::Raw(Response { status, headers, body }))
}

/// The first byte and the end of `bytes=1-5`, `bytes=1-`, `bytes=-5`.
fn range_of(range: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    match (first.parse::<u64>().ok(), last.parse::<u64>().ok()) {
        (Some(first), last) if first < size => {
            let end = last.map_or(size, |last| last.saturating_add(1).min(size));
            (first < end).then_some((first, end))
        }
        (None, Some(count)) if first.is_empty() && count > 0 && size > 0 => {
            Some((size.saturating_sub(count), size))
        }
        _ => None,
    }
}

pub fn copy(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let key = key(call)?;
    let source = call.header("x-amz-copy-source").unwrap_or_default();
    let (path, id) =
        source.split_once("?versionId=").map_or((source, None), |(path, id)| (path, Some(id.to_owned())));
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let Some((from_bucket, from_key)) = path.trim_start_matches('/').split_once('/') else {
        return refuse(
            400,
            "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        );
    };
    let missing = || Fault::new(404, "NoSuchKey", "The specified key does not exist.");
    let from = state.s3.buckets.get(from_bucket);
    let from = from.ok_or_else(|| Fault::new(404, "NoSuchBucket", "The specified bucket does not exist"))?;
    let mut version = match &id {
        Some(id) => from.objects.get(from_key).and_then(|all| all.iter().find(|version| version.id == *id)),
        None => from.object(from_key),
    }
    .filter(|version| !version.is_delete_marker)
    .cloned()
    .ok_or_else(missing)?;
    if call.header("x-amz-metadata-directive") == Some("REPLACE") {
        version.headers = kept_headers(call);
    }
    let name = bucket(state, call)?.name.clone();
    version.id = state.version_id(&name);
    version.modified_at = cx.now;
    let mut headers = put_headers(&version);
    headers.retain(|(name, _)| name != "etag");
    let result = Element::new(
        "CopyObjectResult",
        vec![Element::text("LastModified", iso(cx.now)), Element::text("ETag", &version.etag)],
    );
    let gone = bucket(state, call)?.push(&key, version);
    state.release(gone);
    Ok(Reply::With(200, headers, Box::new(Reply::Xml(vec![result]))))
}

pub fn get_tagging(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let version = version(bucket(state, call)?, call)?;
    let set = tag_list("TagSet", "Tag", &version.tags);
    Ok(Reply::Xml(vec![Element::new("Tagging", vec![set])]))
}

pub fn put_tagging(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let tags = tags_in(call.params.get("Tagging").and_then(|members| members.get("TagSet")));
    check_tags(&tags, "InvalidTag")?;
    if tags.len() > 10 {
        return refuse(400, "BadRequest", "Object tags cannot be greater than 10");
    }
    version(bucket(state, call)?, call)?.tags = tags;
    Ok(empty(200, vec![]))
}

pub fn delete_tagging(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    version(bucket(state, call)?, call)?.tags.clear();
    Ok(empty(204, vec![]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(range_of("bytes=1-2", 10), Some((1, 3)));
        assert_eq!(range_of("bytes=5-", 10), Some((5, 10)));
        assert_eq!(range_of("bytes=-3", 10), Some((7, 10)));
        assert_eq!(range_of("bytes=0-99", 10), Some((0, 10)));
        for bad in ["bytes=10-", "bytes=3-2", "bytes=-", "items=1-2", "bytes=-0", "bytes=a-b"] {
            assert_eq!(range_of(bad, 10), None, "{bad}");
        }
    }
}
