//! Objects: files that a rollout puts into a bucket.

use async_trait::async_trait;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use std::time::Duration;

use crate::cloud::parts::known;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, Want, calling, found,
    reading,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

/// `s3.object`: attributes `bucket` (a name, or the handle of a bucket), `key`, `path` (of the local file) and `sha256` (of the
/// file, in hexadecimal digits).
pub struct Object;

const PUT: &str = "s3:PutObject";

const OBJECT: &[&str] = &["s3:::{bucket}/{key}"];
const PERMISSIONS: &[Permission] = &[
    Permission::look("s3:HeadObject", OBJECT),
    Permission::look("s3:HeadBucket", &["s3:::{bucket}"])
        .because("without the right to list the bucket, S3 answers 403 for an object that is not there"),
    Permission::change(PUT, OBJECT),
];
/// Where the digest is kept with the object, for stores that do not keep checksums.
const DIGEST: &str = "vpipe-sha256";
/// One request takes no more (S3 user guide, "Uploading objects").
const MAX_SIZE: u64 = 5 << 30;

#[async_trait]
impl Driver for Object {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let Some((bucket, key)) = place(want) else { return Ok(Observed::Absent) };
        let call = clients.s3.head_object().bucket(&bucket).key(&key).checksum_mode(ChecksumMode::Enabled);
        let Some(object) = found(call.send().await.map_err(reading("s3:HeadObject")))? else {
            return Ok(Observed::Absent);
        };
        let metadata = object.metadata().and_then(|metadata| metadata.get(DIGEST)).cloned();
        // A checksum of parts (`…-3`) says nothing about the whole.
        let checksum = object.checksum_sha256().filter(|sum| !sum.contains('-')).and_then(hex);
        Ok(Observed::Present(Box::new(Present {
            id: format!("{bucket}/{key}"),
            attrs: known([
                ("bucket", bucket.into()),
                ("key", key.into()),
                ("sha256", checksum.or(metadata).unwrap_or_default().into()),
            ]),
            outputs: known([("version_id", object.version_id().into())]),
            ..Present::default()
        })))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let names = ["bucket", "key", "sha256"];
        let value =
            |name: &str| if name == "bucket" { want.ids(name, "name") } else { want.get(name).clone() };
        names.iter().map(|name| ((*name).to_owned(), value(name))).collect()
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        match seen {
            Observed::Absent if place(want).is_none() => Next::Fail("the bucket does not exist".to_owned()),
            Observed::Absent => Next::Call(Op::create(PUT)),
            Observed::Present(present) if !changes.is_empty() || differs(want, present) => {
                Next::Call(Op::new(PUT))
            }
            Observed::Present(_) => Next::Done,
        }
    }

    /// What was put stays: its bucket, once emptied, takes it along.
    fn next_delete(&self, _want: &Want, _seen: &Observed) -> Next {
        Next::Done
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        _seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let (bucket, key) =
            place(want).ok_or_else(|| CloudError::misuse(&op.operation, "the bucket does not exist"))?;
        match op.operation.as_str() {
            PUT => put(clients, want, &bucket, &key).await,
            _ => Err(CloudError::misuse(&op.operation, "no such call on an object")),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }
}

/// The bucket's name and the key.
fn place(want: &Want) -> Option<(String, String)> {
    Some((want.ids("bucket", "name").as_str()?.to_owned(), want.text("key")?.to_owned()))
}

fn differs(want: &Want, present: &Present) -> bool {
    want.get("sha256") != &Value::None && present.get("sha256") != want.get("sha256")
}

/// A checksum as S3 writes it, in hexadecimal digits.
fn hex(base64: &str) -> Option<String> {
    Some(STANDARD.decode(base64).ok()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Hexadecimal digits as S3 writes a checksum.
fn base64(hex: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect();
    Some(STANDARD.encode(bytes?))
}

async fn put(clients: &Clients, want: &Want, bucket: &str, key: &str) -> Result<Reply, CloudError> {
    let misuse = |message: String| CloudError::misuse(PUT, message);
    let path = want.text("path").ok_or_else(|| misuse("no file is given".to_owned()))?;
    let unreadable = |error: &dyn std::fmt::Display| misuse(format!("`{path}` cannot be read: {error}"));
    let size = tokio::fs::metadata(path).await.map_err(|error| unreadable(&error))?.len();
    if size > MAX_SIZE {
        return Err(misuse(format!("`{path}` is larger than 5 GiB, the most that S3 takes in one request")));
    }
    let body = ByteStream::from_path(Path::new(path)).await.map_err(|error| unreadable(&error))?;
    let digest = want.text("sha256").unwrap_or_default();
    // S3 computes the checksum again and refuses the object when a byte went wrong, or the file changed meanwhile.
    let checksum = base64(digest).filter(|sum| !sum.is_empty());
    let at_leisure = aws_sdk_s3::Config::builder()
        .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).build());
    let call = clients
        .s3
        .put_object()
        .bucket(bucket)
        .key(key)
        .metadata(DIGEST, digest)
        .set_checksum_sha256(checksum)
        .body(body)
        .customize()
        // A large file takes longer than other calls may; a connection that stalls is noticed all the same.
        .config_override(at_leisure);
    let made = call.send().await.map_err(calling(PUT))?;
    Ok(Reply::of(&made, Some(&format!("{bucket}/{key}"))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, seen, want};

    #[test]
    fn digests_go_both_ways() {
        // SHA-256 of nothing.
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let sum = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(base64(digest).as_deref(), Some(sum));
        assert_eq!(hex(sum).as_deref(), Some(digest));
        assert_eq!(base64("xyz"), None);
    }

    #[test]
    fn other_content_is_put_again() {
        let mut want = want("s3.object", "artifacts/app.war");
        want.attrs =
            attrs([("bucket", "artifacts".into()), ("key", "app.war".into()), ("sha256", "aa".into())]);
        assert!(matches!(Object.next(&want, &Observed::Absent, &[]), Next::Call(op) if op.creates));
        let there =
            |digest: &str| seen(Present { attrs: known([("sha256", digest.into())]), ..Present::default() });
        assert!(matches!(Object.next(&want, &there("bb"), &[]), Next::Call(op) if op.operation == PUT));
        assert!(matches!(Object.next(&want, &there("aa"), &[]), Next::Done));
    }
}
