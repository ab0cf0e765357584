//! Lists of objects and versions, by prefix and delimiter, in pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::objects::Version;
use super::{Bucket, bucket, refuse};
use crate::local::common::iso;
use crate::local::{ACCOUNT, Call, Element, Fault, Reply, State};

/// What stays as it is with `encoding-type=url`.
const LEFT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What a request asks for.
struct Asked {
    prefix: String,
    delimiter: String,
    /// Keys, or common prefixes, up to this one were told before.
    after: String,
    max: usize,
    encode: bool,
}

impl Asked {
    fn of(call: &Call, after: &[&str]) -> Result<Self, Fault> {
        let max = call.text("max-keys").map_or(Ok(1000), |max| max.parse::<usize>());
        let Ok(max) = max else {
            return refuse(
                400,
                "InvalidArgument",
                "Provided max-keys not an integer or within integer range",
            );
        };
        Ok(Self {
            prefix: call.text("prefix").unwrap_or_default(),
            delimiter: call.text("delimiter").unwrap_or_default(),
            after: after.iter().find_map(|name| call.text(name)).unwrap_or_default(),
            max: call.page_of(max.min(1000)),
            encode: call.text("encoding-type").as_deref() == Some("url"),
        })
    }

    fn text(&self, name: &str, text: &str) -> Element {
        match self.encode {
            true => Element::text(name, utf8_percent_encode(text, LEFT)),
            false => Element::text(name, text),
        }
    }

    /// The common prefix that a key goes into, if the delimiter makes one.
    fn common_prefix(&self, key: &str) -> Option<String> {
        let rest = key.strip_prefix(&self.prefix).filter(|_| !self.delimiter.is_empty())?;
        let at = rest.find(&self.delimiter)?;
        key.get(..self.prefix.len() + at + self.delimiter.len()).map(str::to_owned)
    }

    /// Whether a key was told before, itself or in a common prefix.
    fn was_told(&self, key: &str) -> bool {
        let told =
            self.common_prefix(key).is_some_and(|prefix| prefix <= self.after && !self.after.is_empty());
        told || (!self.after.is_empty() && key <= self.after.as_str())
    }

    fn heads(&self, bucket: &Bucket, truncated: bool) -> Vec<Element> {
        let mut members = vec![Element::text("Name", &bucket.name), self.text("Prefix", &self.prefix)];
        if !self.delimiter.is_empty() {
            members.push(self.text("Delimiter", &self.delimiter));
        }
        members.extend([Element::text("MaxKeys", self.max), Element::text("IsTruncated", truncated)]);
        if self.encode {
            members.push(Element::text("EncodingType", "url"));
        }
        members
    }

    fn prefixes(&self, prefixes: &[String]) -> Vec<Element> {
        let one = |prefix: &String| Element::new("CommonPrefixes", vec![self.text("Prefix", prefix)]);
        prefixes.iter().map(one).collect()
    }
}

/// A page: what is in it, its common prefixes, and the last key or prefix when there is more.
struct Page<T> {
    items: Vec<T>,
    prefixes: Vec<String>,
    last: Option<String>,
}

/// Fills a page from items in the order of their keys.
fn fill<T>(asked: &Asked, items: impl Iterator<Item = (String, T)>) -> Page<T> {
    let mut page = Page { items: Vec::new(), prefixes: Vec::<String>::new(), last: None };
    let mut last = None;
    for (key, item) in items {
        let prefix = asked.common_prefix(&key);
        if prefix.is_some() && page.prefixes.last() == prefix.as_ref() {
            continue;
        }
        if page.items.len() + page.prefixes.len() == asked.max {
            page.last = last;
            break;
        }
        last = Some(prefix.clone().unwrap_or(key));
        match prefix {
            Some(prefix) => page.prefixes.push(prefix),
            None => page.items.push(item),
        }
    }
    page
}

fn owner() -> Element {
    Element::new("Owner", vec![Element::text("ID", ACCOUNT)])
}

pub fn objects(state: &mut State, call: &Call, second: bool) -> Result<Reply, Fault> {
    let after: &[&str] = if second { &["continuation-token", "start-after"] } else { &["marker"] };
    let mut asked = Asked::of(call, after)?;
    if second && call.text("continuation-token").is_some() {
        // Tokens are keys in hexadecimal digits, so that no client looks into them.
        let token = unhex(&asked.after);
        let Some(key) = token else {
            return refuse(400, "InvalidArgument", "The continuation token provided is incorrect");
        };
        asked.after = key;
    }
    let bucket = bucket(state, call)?;
    let current = bucket.objects.iter().filter_map(|(key, versions)| {
        let version = versions.last().filter(|version| !version.is_delete_marker)?;
        (key.starts_with(&asked.prefix) && !asked.was_told(key)).then(|| (key.clone(), (key, version)))
    });
    let page = fill(&asked, current);
    let with_owner = !second || call.flag("fetch-owner") == Some(true);
    let item = |(key, version): &(&String, &Version)| {
        let mut members = vec![
            asked.text("Key", key),
            Element::text("LastModified", iso(version.modified_at)),
            Element::text("ETag", &version.etag),
            Element::text("Size", version.size),
            Element::text("StorageClass", "STANDARD"),
        ];
        members.extend(with_owner.then(owner));
        Element::new("Contents", members)
    };
    let mut members = asked.heads(bucket, page.last.is_some());
    if second {
        members.push(Element::text("KeyCount", page.items.len() + page.prefixes.len()));
        members
            .extend(call.text("continuation-token").map(|token| Element::text("ContinuationToken", token)));
        members.extend(call.text("start-after").map(|key| asked.text("StartAfter", &key)));
        members.extend(
            page.last
                .as_ref()
                .map(|key| Element::text("NextContinuationToken", crate::local::state::hex(key.as_bytes()))),
        );
    } else {
        members.push(asked.text("Marker", &asked.after));
        members.extend(page.last.as_ref().map(|key| asked.text("NextMarker", key)));
    }
    members.extend(page.items.iter().map(item));
    members.extend(asked.prefixes(&page.prefixes));
    Ok(Reply::Xml(vec![Element::new("ListBucketResult", members)]))
}

fn unhex(text: &str) -> Option<String> {
    let pairs =
        text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(pairs.collect::<Option<Vec<u8>>>()?).ok()
}

pub fn versions(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let asked = Asked::of(call, &["key-marker"])?;
    let version_marker = call.text("version-id-marker").filter(|marker| !marker.is_empty());
    let bucket = bucket(state, call)?;
    let mut all = Vec::new();
    for (key, versions) in &bucket.objects {
        let mut listed = versions.iter().rev().enumerate().peekable();
        if !key.starts_with(&asked.prefix) {
            continue;
        }
        match &version_marker {
            // Go on within the key, behind the marker.
            Some(marker) if *key == asked.after => {
                for (_, version) in listed.by_ref() {
                    if version.id == *marker {
                        break;
                    }
                }
            }
            _ if asked.was_told(key) => continue,
            _ => {}
        }
        all.extend(listed.map(|(at, version)| (key.clone(), (key, version, at == 0))));
    }
    let page = fill(&asked, all.into_iter());
    let item = |(key, version, latest): &(&String, &Version, bool)| {
        let mut members = vec![
            asked.text("Key", key),
            Element::text("VersionId", &version.id),
            Element::text("IsLatest", latest),
            Element::text("LastModified", iso(version.modified_at)),
        ];
        if !version.is_delete_marker {
            members.extend([
                Element::text("ETag", &version.etag),
                Element::text("Size", version.size),
                Element::text("StorageClass", "STANDARD"),
            ]);
        }
        members.push(owner());
        Element::new(if version.is_delete_marker { "DeleteMarker" } else { "Version" }, members)
    };
    let mut members = asked.heads(bucket, page.last.is_some());
    members.push(asked.text("KeyMarker", &asked.after));
    members.push(Element::text("VersionIdMarker", version_marker.unwrap_or_default()));
    if let Some(last) = &page.last {
        members.push(asked.text("NextKeyMarker", last));
        let version =
            page.items.last().filter(|(key, ..)| *key == last).map(|(_, version, _)| version.id.clone());
        members.extend(version.map(|id| Element::text("NextVersionIdMarker", id)));
    }
    members.extend(page.items.iter().map(item));
    members.extend(asked.prefixes(&page.prefixes));
    Ok(Reply::Xml(vec![Element::new("ListVersionsResult", members)]))
}
