//! Multipart uploads.

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::objects::{Version, checksum, etag, kept_headers};
use super::{bucket, empty, header, internal, refuse};
use crate::local::common::{Tags, iso};
use crate::local::state::hex;
use crate::local::{ACCOUNT, Call, Cx, Element, Fault, Reply, State};

/// The least that a part may be, unless it is the last.
const LEAST: u64 = 5 * 1024 * 1024;

/// A multipart upload under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upload {
    /// The object's key.
    pub key: String,
    /// The headers that the object will have.
    pub headers: Vec<(String, String)>,
    /// When it was begun.
    pub started_at: i64,
    /// Its parts by number.
    pub parts: BTreeMap<u32, Part>,
}

/// A part of an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    /// The hash under which its body is kept.
    pub body: String,
    /// Bytes.
    pub size: u64,
    /// With quotes.
    pub etag: String,
    /// When it came.
    pub modified_at: i64,
}

fn upload<'a>(state: &'a mut State, call: &Call) -> Result<&'a mut Upload, Fault> {
    let id = call.text("uploadId").unwrap_or_default();
    let key = call.text("Key").unwrap_or_default();
    let found = bucket(state, call)?.uploads.get_mut(&id).filter(|upload| upload.key == key);
    found.ok_or_else(|| {
        Fault::new(
            404,
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
        )
    })
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let name = bucket(state, call)?.name.clone();
    let key = call.text("Key").unwrap_or_default();
    let id = state.letters(64);
    let upload =
        Upload { key: key.clone(), headers: kept_headers(call), started_at: cx.now, parts: BTreeMap::new() };
    bucket(state, call)?.uploads.insert(id.clone(), upload);
    Ok(Reply::Xml(vec![Element::new(
        "InitiateMultipartUploadResult",
        vec![Element::text("Bucket", name), Element::text("Key", key), Element::text("UploadId", id)],
    )]))
}

pub fn upload_part(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let Some(number) =
        call.int("partNumber").and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=10_000).contains(n))
    else {
        return refuse(
            400,
            "InvalidArgument",
            "Part number must be an integer between 1 and 10000, inclusive",
        );
    };
    upload(state, call)?;
    let body = state.blobs.put(&call.body).map_err(|error| internal(&error))?;
    let part = Part { body, size: call.body.len() as u64, etag: etag(&call.body), modified_at: cx.now };
    let mut headers = vec![header("etag", &part.etag), header("x-amz-server-side-encryption", "AES256")];
    headers.extend(checksum(call));
    let old = upload(state, call)?.parts.insert(number, part);
    state.release(old.map(|part| part.body).into_iter().collect());
    Ok(empty(200, headers))
}

pub fn complete(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let upload = upload(state, call)?.clone();
    let chosen = choose(&upload, &call.list("CompleteMultipartUpload.Part"))?;
    let mut body = Vec::new();
    let mut digests = Vec::new();
    for part in &chosen {
        let bytes = state.blobs.get(&part.body).map_err(|error| internal(&error))?;
        digests.extend_from_slice(&Md5::digest(bytes.as_slice()));
        body.extend_from_slice(&bytes);
    }
    let name = bucket(state, call)?.name.clone();
    if call.header("if-none-match") == Some("*") && bucket(state, call)?.object(&upload.key).is_some() {
        return refuse(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        );
    }
    let version = Version {
        id: state.version_id(&name),
        is_delete_marker: false,
        body: state.blobs.put(&body).map_err(|error| internal(&error))?,
        size: body.len() as u64,
        etag: format!("\"{}-{}\"", hex(&Md5::digest(&digests)), chosen.len()),
        modified_at: cx.now,
        headers: upload.headers.clone(),
        checksum: None,
        tags: Tags::new(),
    };
    let result = Element::new(
        "CompleteMultipartUploadResult",
        vec![
            Element::text(
                "Location",
                format!("https://{name}.s3.{}.amazonaws.com/{}", cx.region, upload.key),
            ),
            Element::text("Bucket", &name),
            Element::text("Key", &upload.key),
            Element::text("ETag", &version.etag),
        ],
    );
    let mut headers = vec![header("x-amz-server-side-encryption", "AES256")];
    if version.id != "null" {
        headers.push(header("x-amz-version-id", &version.id));
    }
    let found = bucket(state, call)?;
    let mut gone = found.push(&upload.key, version);
    found.uploads.shift_remove(&call.text("uploadId").unwrap_or_default());
    gone.extend(upload.parts.into_values().map(|part| part.body));
    state.release(gone);
    Ok(Reply::With(200, headers, Box::new(Reply::Xml(vec![result]))))
}

/// The parts that a request names, checked.
fn choose(upload: &Upload, wanted: &[Value]) -> Result<Vec<Part>, Fault> {
    let mut chosen: Vec<Part> = Vec::new();
    let mut before = 0;
    for part in wanted {
        let text = |name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default();
        let number: u32 = text("PartNumber").parse().unwrap_or(0);
        if number <= before {
            return refuse(
                400,
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            );
        }
        before = number;
        let etag = text("ETag").trim_matches('"');
        match upload.parts.get(&number).filter(|part| part.etag.trim_matches('"') == etag) {
            Some(part) => chosen.push(part.clone()),
            None => {
                return refuse(
                    400,
                    "InvalidPart",
                    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
                );
            }
        }
    }
    if chosen.is_empty() {
        return refuse(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        );
    }
    if chosen.iter().rev().skip(1).any(|part| part.size < LEAST) {
        return refuse(
            400,
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size",
        );
    }
    Ok(chosen)
}

pub fn abort(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let parts = std::mem::take(&mut upload(state, call)?.parts);
    bucket(state, call)?.uploads.shift_remove(&call.text("uploadId").unwrap_or_default());
    state.release(parts.into_values().map(|part| part.body).collect());
    Ok(empty(204, vec![]))
}

pub fn list_parts(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let name = bucket(state, call)?.name.clone();
    let upload = upload(state, call)?;
    let after = call.int("part-number-marker").unwrap_or(0);
    let max = call.int("max-parts").and_then(|max| usize::try_from(max).ok()).unwrap_or(1000);
    let max = call.page_of(max.clamp(1, 1000));
    let rest: Vec<_> = upload.parts.iter().filter(|(number, _)| i64::from(**number) > after).collect();
    let truncated = rest.len() > max;
    let page: Vec<_> = rest.into_iter().take(max).collect();
    let mut members = vec![
        Element::text("Bucket", name),
        Element::text("Key", &upload.key),
        Element::text("UploadId", call.text("uploadId").unwrap_or_default()),
        Element::text("PartNumberMarker", after),
        Element::text("MaxParts", max),
        Element::text("IsTruncated", truncated),
        Element::text("StorageClass", "STANDARD"),
    ];
    if let Some((last, _)) = page.last().filter(|_| truncated) {
        members.push(Element::text("NextPartNumberMarker", last));
    }
    members.extend(page.into_iter().map(|(number, part)| {
        Element::new(
            "Part",
            vec![
                Element::text("PartNumber", number),
                Element::text("LastModified", iso(part.modified_at)),
                Element::text("ETag", &part.etag),
                Element::text("Size", part.size),
            ],
        )
    }));
    Ok(Reply::Xml(vec![Element::new("ListPartsResult", members)]))
}

pub fn list_uploads(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let prefix = call.text("prefix").unwrap_or_default();
    let bucket = bucket(state, call)?;
    let mut uploads: Vec<(&String, &Upload)> =
        bucket.uploads.iter().filter(|(_, upload)| upload.key.starts_with(&prefix)).collect();
    uploads.sort_by(|(a_id, a), (b_id, b)| (&a.key, a.started_at, *a_id).cmp(&(&b.key, b.started_at, *b_id)));
    let (key, id) = (call.text("key-marker"), call.text("upload-id-marker"));
    let start = key.as_ref().map_or(0, |key| {
        let seen = uploads.iter().position(|(own, upload)| upload.key == *key && Some(*own) == id.as_ref());
        // Without an id, the uploads of the key itself are not listed either.
        seen.map_or_else(|| uploads.partition_point(|(_, upload)| upload.key <= *key), |at| at + 1)
    });
    let max =
        call.int("max-uploads").and_then(|max| usize::try_from(max).ok()).unwrap_or(1000).clamp(1, 1000);
    let max = call.page_of(max);
    let rest = uploads.get(start..).unwrap_or_default();
    let page = rest.get(..max.min(rest.len())).unwrap_or_default();
    let truncated = rest.len() > page.len();
    let mut members = vec![
        Element::text("Bucket", &bucket.name),
        Element::text("KeyMarker", key.unwrap_or_default()),
        Element::text("UploadIdMarker", id.unwrap_or_default()),
        Element::text("Prefix", &prefix),
        Element::text("MaxUploads", max),
        Element::text("IsTruncated", truncated),
    ];
    if let Some((id, upload)) = page.last().filter(|_| truncated) {
        members.push(Element::text("NextKeyMarker", &upload.key));
        members.push(Element::text("NextUploadIdMarker", id));
    }
    let owner = |name: &str| Element::new(name, vec![Element::text("ID", ACCOUNT)]);
    members.extend(page.iter().map(|(id, upload)| {
        Element::new(
            "Upload",
            vec![
                Element::text("Key", &upload.key),
                Element::text("UploadId", id),
                Element::text("Initiated", iso(upload.started_at)),
                Element::text("StorageClass", "STANDARD"),
                owner("Initiator"),
                owner("Owner"),
            ],
        )
    }));
    Ok(Reply::Xml(vec![Element::new("ListMultipartUploadsResult", members)]))
}
