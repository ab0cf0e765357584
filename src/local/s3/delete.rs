//! Deleting objects and versions.

use serde_json::Value;

use super::objects::Version;
use super::{bucket, empty, header, refuse};
use crate::local::{Call, Cx, Element, Fault, Reply, State};

/// What became of a deletion.
struct Deleted {
    /// The version that was deleted or, for a new delete marker, made.
    version: Option<String>,
    /// Whether that version is a delete marker.
    marker: bool,
}

/// Deletes an object, as far as the bucket's versioning lets it go, or one version of it.
fn delete(state: &mut State, cx: &Cx, name: &str, key: &str, version: Option<&str>) -> Deleted {
    let fresh = state.version_id(name);
    let Some(bucket) = state.s3.buckets.get_mut(name) else {
        return Deleted { version: None, marker: false };
    };
    let mut gone = Vec::new();
    let mut deleted = Deleted { version: version.map(str::to_owned), marker: false };
    match (version, &bucket.versioning) {
        (Some(id), _) => {
            if let Some(versions) = bucket.objects.get_mut(key)
                && let Some(at) = versions.iter().position(|version| version.id == id)
            {
                let old = versions.remove(at);
                deleted.marker = old.is_delete_marker;
                gone.extend(Some(old.body).filter(|_| !old.is_delete_marker));
            }
        }
        (None, None) => {
            let versions = bucket.objects.remove(key).unwrap_or_default();
            gone.extend(versions.into_iter().map(|version| version.body));
        }
        (None, Some(_)) => {
            deleted = Deleted { version: Some(fresh.clone()), marker: true };
            gone = bucket.push(key, Version::delete_marker(fresh, cx.now));
        }
    }
    if bucket.objects.get(key).is_some_and(Vec::is_empty) {
        bucket.objects.remove(key);
    }
    state.release(gone);
    deleted
}

pub fn one(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let name = bucket(state, call)?.name.clone();
    let key = call.text("Key").unwrap_or_default();
    let deleted = delete(state, cx, &name, &key, call.text("versionId").as_deref());
    let mut headers = Vec::new();
    if let Some(version) = &deleted.version {
        headers.push(header("x-amz-version-id", version));
    }
    if deleted.marker {
        headers.push(header("x-amz-delete-marker", "true"));
    }
    Ok(empty(204, headers))
}

pub fn many(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let name = bucket(state, call)?.name.clone();
    let objects = call.list("Delete.Object");
    if objects.is_empty() || objects.len() > 1000 {
        return refuse(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        );
    }
    let mut results = Vec::new();
    for object in &objects {
        let text = |name: &str| object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (key, version) = (text("Key").unwrap_or_default(), text("VersionId"));
        let deleted = delete(state, cx, &name, key, version);
        let mut members = vec![Element::text("Key", key)];
        members.extend(version.map(|version| Element::text("VersionId", version)));
        if deleted.marker {
            members.push(Element::text("DeleteMarker", true));
            members.extend(deleted.version.map(|id| Element::text("DeleteMarkerVersionId", id)));
        }
        results.push(Element::new("Deleted", members));
    }
    if call.flag("Delete.Quiet") == Some(true) {
        results.clear();
    }
    Ok(Reply::Xml(vec![Element::new("DeleteResult", results)]))
}
