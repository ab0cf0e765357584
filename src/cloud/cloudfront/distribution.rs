//! The kind `distribution`.

use async_trait::async_trait;
use aws_sdk_cloudfront::types::{DistributionConfigWithTags, DistributionSummary, Origin};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

use super::origins::{self, From, Sort};
use super::{TAGS, access, config, extras, retag, tag_list, tags_of, unbuilt};
use crate::cloud::permission::ANY;
use crate::cloud::s3::{self, DELETE_POLICY, GET_POLICY, PUT_POLICY};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want, calling, found,
    reading,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

const CREATE: &str = "cloudfront:CreateDistribution";
const UPDATE: &str = "cloudfront:UpdateDistribution";
const DELETE: &str = "cloudfront:DeleteDistribution";
const LIST: &str = "cloudfront:ListDistributions";
const POLL: Duration = Duration::from_secs(30);

/// AWS gives them ids of its own.
const DISTRIBUTIONS: &[&str] = &["cloudfront::{account}:distribution/*"];
const CONTROLS: &[&str] = &["cloudfront::{account}:origin-access-control/*"];
/// The buckets that are origins, or hold its logs.
const BUCKET: &[&str] = &["s3:::{every bucket}"];
const PERMISSIONS: &[Permission] = &[
    Permission::look(LIST, ANY),
    Permission::look("cloudfront:GetDistribution", DISTRIBUTIONS),
    Permission::look("cloudfront:ListTagsForResource", DISTRIBUTIONS),
    Permission::look(access::LIST, ANY),
    Permission::look(GET_POLICY, BUCKET).beside("bucket"),
    Permission::change("cloudfront:CreateDistributionWithTags", ANY),
    Permission::change("cloudfront:GetDistributionConfig", DISTRIBUTIONS),
    Permission::change(UPDATE, DISTRIBUTIONS),
    Permission::tag(TAGS.set, DISTRIBUTIONS).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, DISTRIBUTIONS).because("only when a tag goes"),
    Permission::look(access::GET_OWN, BUCKET).beside("bucket").because("only when it logs into the bucket"),
    Permission::change(access::OWN, BUCKET).beside("bucket").because("only when it logs into the bucket"),
    Permission::change(access::CREATE, ANY).beside("bucket"),
    Permission::change(PUT_POLICY, BUCKET).beside("bucket"),
    Permission::delete("cloudfront:GetDistributionConfig", DISTRIBUTIONS),
    Permission::delete(UPDATE, DISTRIBUTIONS),
    Permission::delete(DELETE, DISTRIBUTIONS),
    Permission::delete(access::GET, CONTROLS).beside("bucket"),
    Permission::delete(access::DELETE, CONTROLS).beside("bucket"),
    Permission::delete(PUT_POLICY, BUCKET)
        .beside("bucket")
        .because("only when the policy allows something else as well"),
    Permission::delete(DELETE_POLICY, BUCKET).beside("bucket"),
];

/// The hosted zone of all distributions' names, for alias records (Route 53 API reference, `AliasTarget`).
const ZONE: &str = "Z2FDTNDATAQYW2";

/// CloudFront distributions.
#[derive(Debug)]
pub struct Distribution;

/// What [`Present::detail`] holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Detail {
    etag: Option<String>,
    enabled: bool,
    /// The origin access control with which buckets are asked, when there is one.
    access: Option<String>,
    /// It is somebody else's, who made the distribution too.
    theirs: bool,
    /// Whether an origin uses an origin access control.
    used: bool,
    /// Buckets that are origins and are not asked with our access control.
    unsigned: Vec<String>,
    /// Buckets that are origins and whose policies do not let the distribution read.
    closed: Vec<String>,
    /// Those whose policies do.
    open: Vec<String>,
    /// The bucket for logs that does not take them yet.
    refuses_logs: Option<String>,
}

impl Detail {
    fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl Driver for Distribution {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let id = match &want.id {
            Some(id) => Some(id.clone()),
            None => search(clients, want).await?,
        };
        let Some(id) = id else { return Ok(Observed::Absent) };
        let reply = clients.cloudfront.get_distribution().id(&id).send().await;
        let Some(reply) = found(reply.map_err(reading("cloudfront:GetDistribution")))? else {
            return Ok(Observed::Absent);
        };
        let etag = reply.e_tag.clone();
        let Some(distribution) = reply.distribution else { return Ok(Observed::Absent) };
        let mut present = Present { id: id.clone(), ..Present::default() };
        if distribution.status() != "Deployed" {
            present.state = State::Busy(distribution.status().to_owned());
        }
        let arn = distribution.arn().to_owned();
        let mut detail = Detail { etag, ..Detail::default() };
        detail.access = access::find(clients, &access::name_of(&want.name)).await?;
        if let Some(config) = distribution.distribution_config() {
            present.attrs = config::read(config, want);
            detail.enabled = config.enabled();
            let all = config.origins().map(|origins| origins.items()).unwrap_or_default();
            let control =
                |origin: &Origin| origin.origin_access_control_id.clone().filter(|id| !id.is_empty());
            if detail.access.is_none() {
                detail.access = all.iter().find_map(control);
                detail.theirs = detail.access.is_some();
            }
            detail.used = all.iter().any(|origin| control(origin).is_some());
            for origin in all.iter().filter(|origin| origin.s3_origin_config().is_some()) {
                let Some(bucket) = bucket_of(origin.domain_name()) else { continue };
                if control(origin) != detail.access {
                    detail.unsigned.push(bucket.to_owned());
                }
                let policy = s3::policy(clients, bucket).await?;
                let allowed = s3::statement(policy.as_ref(), &access::sid(&arn)).is_some();
                if allowed { &mut detail.open } else { &mut detail.closed }.push(bucket.to_owned());
            }
        }
        if let Some(bucket) = extras::log_bucket(want)
            && !access::takes_logs(clients, bucket).await?
        {
            detail.refuses_logs = Some(bucket.to_owned());
        }
        for (name, value) in [
            ("id", id.as_str()),
            ("arn", &arn),
            ("domain_name", distribution.domain_name()),
            ("zone_id", ZONE),
        ] {
            present.outputs.insert(name.to_owned(), Value::from(value));
        }
        present.detail = serde_json::to_value(detail).unwrap_or_default();
        Ok(Observed::Present(Box::new(present.tagged(tags_of(clients, &arn).await?))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        config::desired(want)
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let present = match seen {
            Observed::Absent => return Next::Call(Op::create(CREATE)),
            Observed::Present(present) => present,
        };
        let detail = Detail::of(present);
        let wanted = origins::all(want).unwrap_or_default();
        let bucket = wanted.iter().any(|origin| origin.sort == Sort::Bucket);
        if bucket && detail.access.is_none() {
            return Next::Call(Op::new(access::CREATE));
        }
        if let Some(bucket) = &detail.refuses_logs {
            return Next::Call(Op::new(access::OWN).with(json!({ "bucket": bucket })));
        }
        let unsigned = bucket && !detail.unsigned.is_empty();
        if unsigned || changes.iter().any(|change| change.attribute != "tags") {
            return Next::Call(Op::new(UPDATE));
        }
        if let (true, Some(bucket)) = (bucket, detail.closed.first()) {
            return Next::Call(Op::new(PUT_POLICY).with(json!({ "bucket": bucket })));
        }
        if let Some(op) = TAGS.next(want, present) {
            return Next::Call(op);
        }
        if let State::Busy(_) = &present.state {
            return deploying();
        }
        // Left over from when the origin was a bucket.
        match detail.access.is_some() && !detail.theirs && !bucket {
            true => Next::Call(Op::new(access::DELETE)),
            false => Next::Done,
        }
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Done };
        let detail = Detail::of(present);
        if detail.enabled || detail.used {
            return Next::Call(Op::new(UPDATE).with(json!({ "disable": true })));
        }
        if let State::Busy(_) = &present.state {
            return deploying();
        }
        if detail.access.is_some() && !detail.theirs {
            return Next::Call(Op::new(access::DELETE));
        }
        if let Some(bucket) = detail.open.first() {
            return Next::Call(Op::new(DELETE_POLICY).with(json!({ "bucket": bucket })));
        }
        Next::Call(Op::new(DELETE))
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let present = match seen {
            Observed::Absent => return create(clients, want).await,
            Observed::Present(present) => present,
        };
        let detail = Detail::of(present);
        let arn = present.outputs.get("arn").and_then(Value::as_str).unwrap_or_default();
        let bucket = op.detail.get("bucket").and_then(|bucket| bucket.as_str()).unwrap_or_default();
        match op.operation.as_str() {
            access::OWN => access::take_logs(clients, bucket).await,
            UPDATE => update(clients, want, present, op).await,
            DELETE => {
                let request =
                    clients.cloudfront.delete_distribution().id(&present.id).set_if_match(detail.etag);
                Ok(Reply::of(&request.send().await.map_err(calling(DELETE))?, None))
            }
            access::CREATE => access::create(clients, &access::name_of(&want.name)).await,
            access::DELETE => access::delete(clients, &detail.access.unwrap_or_default()).await,
            PUT_POLICY => s3::allow(clients, bucket, &access::sid(arn), access::statement(bucket, arn)).await,
            DELETE_POLICY => s3::forbid(clients, bucket, &access::sid(arn)).await,
            _ => retag(clients, arn, op).await,
        }
    }

    async fn still(
        &self,
        clients: &Clients,
        _want: &Want,
        seen: &Present,
        _looks: u32,
    ) -> Result<bool, CloudError> {
        let read = |_| async move {
            let listed = list(clients).await?.into_iter();
            Ok(listed.map(|one| (one.id().to_owned(), one.status().to_owned())).collect())
        };
        let status = clients.shared.one(LIST, &seen.id, read).await?;
        Ok(status.is_some_and(|status| seen.state == State::Busy(status)))
    }

    /// CloudFront developer guide and field logs: three minutes and more until all edge locations have a change.
    fn soonest(&self, op: &Op) -> Duration {
        Duration::from_secs(if matches!(op.operation.as_str(), CREATE | UPDATE) { 180 } else { 0 })
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(90 * 60)
    }
}

fn deploying() -> Next {
    Next::Wait { poll: POLL, why: "the edge locations to have it".to_owned() }
}

/// `files` of `files.s3.eu-west-1.amazonaws.com`.
fn bucket_of(domain: &str) -> Option<&str> {
    domain.split_once(".s3.").or_else(|| domain.split_once(".s3-")).map(|(bucket, _)| bucket)
}

/// Finds a distribution whose id is not known by its tags, among those that have our origin or our aliases.
async fn search(clients: &Clients, want: &Want) -> Result<Option<String>, CloudError> {
    let aliases = config::desired(want).get("aliases").cloned().unwrap_or(Value::None);
    let aliases: Vec<&str> = aliases.items().iter().filter_map(Value::as_str).collect();
    let candidate = |summary: &DistributionSummary| {
        let origins = summary.origins().map(|origins| origins.items()).unwrap_or_default();
        let names = summary.aliases().map(|aliases| aliases.items()).unwrap_or_default();
        origins.iter().any(|origin| origin.id() == want.name)
            || names.iter().any(|name| aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name)))
    };
    for summary in list(clients).await?.iter().filter(|summary| candidate(summary)) {
        let tags = tags_of(clients, summary.arn()).await?;
        let mut owner = want.tags.iter().filter(|(key, _)| key.starts_with("vpipe:"));
        if !want.tags.is_empty() && owner.all(|(key, value)| tags.get(key) == Some(value)) {
            return Ok(Some(summary.id().to_owned()));
        }
    }
    Ok(None)
}

/// All distributions of the account.
async fn list(clients: &Clients) -> Result<Vec<DistributionSummary>, CloudError> {
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let request = clients.cloudfront.list_distributions().set_marker(marker);
        let reply = request.send().await.map_err(reading(LIST))?;
        let Some(list) = reply.distribution_list else { return Ok(all) };
        marker = list.next_marker.filter(|marker| !marker.is_empty());
        all.extend(list.items.unwrap_or_default());
        if marker.is_none() {
            return Ok(all);
        }
    }
}

fn origins_of(want: &Want, operation: &str) -> Result<Vec<From>, CloudError> {
    origins::all(want)
        .ok_or_else(|| CloudError::misuse(operation, "an origin does not exist, or has no address yet"))
}

async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let config = config::new(want, &origins_of(want, CREATE)?).map_err(unbuilt(CREATE))?;
    let tags = tag_list(&want.tags).map_err(unbuilt(CREATE))?;
    let tagged = DistributionConfigWithTags::builder().distribution_config(config).tags(tags).build();
    let request = clients.cloudfront.create_distribution_with_tags().distribution_config_with_tags(tagged);
    match request.send().await.map_err(calling(CREATE)) {
        Ok(reply) => Ok(Reply::of(&reply, reply.distribution().map(|distribution| distribution.id()))),
        // An earlier attempt with the same caller reference came through; CloudFront names it at the end.
        Err(error) if error.code == "DistributionAlreadyExists" => match existing(&error.message) {
            Some(id) => Ok(Reply { id: Some(id.to_owned()), request_id: error.request_id }),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// The id in "The caller reference that you are using to create a distribution is associated with another distribution.
/// Already exists: E1A2B3C4D5E6F7".
fn existing(message: &str) -> Option<&str> {
    let id = message.rsplit_once("Already exists:")?.1.trim().trim_end_matches('.');
    (id.starts_with('E') && id.chars().all(|c| c.is_ascii_alphanumeric())).then_some(id)
}

async fn update(clients: &Clients, want: &Want, present: &Present, op: &Op) -> Result<Reply, CloudError> {
    let reply = clients.cloudfront.get_distribution_config().id(&present.id).send().await;
    let reply = reply.map_err(reading("cloudfront:GetDistributionConfig"))?;
    let (etag, config) = (reply.e_tag.clone(), reply.distribution_config);
    let mut config = config.ok_or_else(|| CloudError::misuse(UPDATE, "CloudFront gave no configuration"))?;
    if op.detail.get("disable").is_some() {
        config::disable(&mut config);
    } else {
        let detail = Detail::of(present);
        let origins = origins_of(want, UPDATE)?;
        let access = detail.access.as_deref();
        config::apply(&mut config, want, &origins, access).map_err(unbuilt(UPDATE))?;
    }
    let request = clients
        .cloudfront
        .update_distribution()
        .id(&present.id)
        .set_if_match(etag)
        .distribution_config(config);
    Ok(Reply::of(&request.send().await.map_err(calling(UPDATE))?, None))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, change, seen, want};
    use indexmap::IndexMap;

    fn cdn(origin: &str) -> Want {
        let web = attrs([("endpoint", Value::from("lb.elb.amazonaws.com"))]);
        let files = attrs([
            ("name", Value::from("files")),
            ("domain_name", Value::from("files.s3.us-east-1.amazonaws.com")),
        ]);
        Want {
            attrs: attrs([("origin", Value::Handle(origin.to_owned()))]),
            refs: IndexMap::from([("web".to_owned(), web), ("files".to_owned(), files)]),
            ..want("distribution", "cdn")
        }
    }

    fn with(detail: &Detail, busy: bool) -> Observed {
        let state = if busy { State::Busy("InProgress".to_owned()) } else { State::Settled };
        seen(Present { state, detail: serde_json::to_value(detail).unwrap(), ..Present::default() })
    }

    fn called(next: Next) -> String {
        match next {
            Next::Call(op) => op.operation,
            Next::Wait { .. } => "wait".to_owned(),
            Next::Done => "done".to_owned(),
            Next::Fail(why) => why,
        }
    }

    #[test]
    fn a_bucket_is_opened_to_the_distribution_step_by_step() {
        let want = cdn("files");
        let next = |detail: &Detail, busy| called(Distribution.next(&want, &with(detail, busy), &[]));
        let files = vec!["files".to_owned()];
        let mut detail =
            Detail { enabled: true, unsigned: files.clone(), closed: files.clone(), ..Detail::default() };
        assert_eq!(next(&detail, true), access::CREATE);
        detail.access = Some("E1".to_owned());
        assert_eq!(next(&detail, true), UPDATE);
        (detail.used, detail.unsigned) = (true, vec![]);
        assert_eq!(next(&detail, true), PUT_POLICY);
        (detail.open, detail.closed) = (files, vec![]);
        assert_eq!(next(&detail, true), "wait");
        assert_eq!(next(&detail, false), "done");
    }

    #[test]
    fn it_is_disabled_deployed_and_only_then_deleted() {
        let want = cdn("files");
        let next = |detail: &Detail, busy| called(Distribution.next_delete(&want, &with(detail, busy)));
        let on = Some("E1".to_owned());
        let mut detail = Detail {
            enabled: true,
            access: on,
            used: true,
            open: vec!["files".to_owned()],
            ..Detail::default()
        };
        assert_eq!(next(&detail, false), UPDATE);
        (detail.enabled, detail.used) = (false, false);
        assert_eq!(next(&detail, true), "wait");
        assert_eq!(next(&detail, false), access::DELETE);
        detail.theirs = true;
        assert_eq!(next(&detail, false), DELETE_POLICY);
        detail.open.clear();
        assert_eq!(next(&detail, false), DELETE);
        assert_eq!(called(Distribution.next_delete(&want, &Observed::Absent)), "done");
    }

    #[test]
    fn an_environment_needs_no_access_control() {
        let want = cdn("web");
        let detail = Detail { enabled: true, ..Detail::default() };
        assert_eq!(called(Distribution.next(&want, &Observed::Absent, &[])), CREATE);
        assert_eq!(called(Distribution.next(&want, &with(&detail, false), &[])), "done");
        let differs = [change("comment", Value::from("a"), Value::from("b"))];
        assert_eq!(called(Distribution.next(&want, &with(&detail, true), &differs)), UPDATE);
        let was_bucket = Detail { access: Some("E1".to_owned()), ..detail };
        assert_eq!(called(Distribution.next(&want, &with(&was_bucket, false), &[])), access::DELETE);
    }

    #[test]
    fn the_id_of_an_orphan_is_read_from_the_refusal() {
        let message = "The caller reference that you are using to create a distribution is associated with another distribution. Already exists: E1A2B3C4D5E6F7";
        assert_eq!(existing(message), Some("E1A2B3C4D5E6F7"));
        assert_eq!(existing("Already exists: something else"), None);
        assert_eq!(bucket_of("my.files.s3.eu-west-1.amazonaws.com"), Some("my.files"));
    }
}
