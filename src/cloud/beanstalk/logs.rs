//! The access logs of an environment's load balancer: its option settings, and the statement in the bucket's policy
//! that lets Elastic Load Balancing write. Without it the environment cannot be launched or updated.
//!
//! Source: Application Load Balancers guide, "Enable access logs for your Application Load Balancer".

use serde_json::{Value as Json, json};

use super::options::{BALANCER, Options};
use crate::cloud::parts::partition;
use crate::cloud::s3::{PUT_POLICY, allow, policy, statement};
use crate::cloud::{Clients, CloudError, Reply, Want, reading};
use crate::eval::{Attrs, Value};

const ATTRIBUTE: &str = "access_logs";
const ENABLED: &str = "AccessLogsS3Enabled";
const BUCKET: &str = "AccessLogsS3Bucket";
const PREFIX: &str = "AccessLogsS3Prefix";

/// What is wanted, the bucket by its name; none where the file says nothing.
pub(super) fn desired(want: &Want) -> Option<Value> {
    let Value::Variant(word, params) = want.get(ATTRIBUTE) else { return None };
    let mut params = params.clone();
    if let Some(bucket) = params.get("bucket") {
        let name = want.output(bucket, "name").map_or_else(|| bucket.clone(), Value::from);
        params.insert("bucket".to_owned(), name);
    }
    Some(Value::Variant(word.clone(), params))
}

/// Writes [`desired`]'s options.
pub(super) fn write(attrs: &Attrs, options: &mut Options) {
    let Some(Value::Variant(_, params)) = attrs.get(ATTRIBUTE) else { return };
    let text = |name: &str| params.get(name).and_then(Value::as_str).map(str::to_owned);
    options.set(BALANCER, ENABLED, text("bucket").is_some().to_string());
    options.set_some(BALANCER, BUCKET, text("bucket"));
    options.set_some(BALANCER, PREFIX, text("prefix"));
}

/// What an environment has.
pub(super) fn read(options: &Options) -> Value {
    match bucket_of(options) {
        Some(bucket) => {
            let params = [("bucket", bucket), ("prefix", options.get(BALANCER, PREFIX).unwrap_or_default())];
            let params = params.map(|(name, text)| (name.to_owned(), Value::from(text)));
            Value::Variant("to".to_owned(), Attrs::from_iter(params))
        }
        None => Value::Variant("off".to_owned(), Attrs::new()),
    }
}

/// Whether an option says where logs go.
pub(super) fn ours(namespace: &str, name: &str) -> bool {
    namespace == BALANCER && [BUCKET, PREFIX].contains(&name)
}

/// Whether an option of [`ours`] that exists has no place in what is wanted.
pub(super) fn leftover(namespace: &str, name: &str, wanted: &Options) -> bool {
    ours(namespace, name) && wanted.has(BALANCER, ENABLED) && !wanted.has(namespace, name)
}

/// The bucket that logs go to.
fn bucket_of(options: &Options) -> Option<&str> {
    options.get(BALANCER, BUCKET).filter(|_| options.flag(BALANCER, ENABLED))
}

/// The wanted bucket and prefix.
fn wanted(want: &Want) -> Option<(&str, &str)> {
    let Value::Variant(_, params) = want.get(ATTRIBUTE) else { return None };
    let bucket = want.output(params.get("bucket")?, "name")?;
    Some((bucket, params.get("prefix").and_then(Value::as_str).unwrap_or_default()))
}

/// The bucket that is to take the logs.
pub(super) fn bucket(want: &Want) -> Option<&str> {
    Some(wanted(want)?.0)
}

/// What the policies of the wanted bucket and of the one in use say: whether the wanted one lacks the statement, and the one
/// in use, when it has it.
pub(super) async fn look(clients: &Clients, want: &Want, options: &Options) -> Result<Json, CloudError> {
    let sid = sid(&want.name);
    let mut lacking = false;
    if let Some((bucket, prefix)) = wanted(want) {
        let policy = policy(clients, bucket).await?;
        let resource = statement(policy.as_ref(), &sid).and_then(|statement| statement.get("Resource"));
        let fits = |resource: &str| resource.contains(&format!(":{bucket}/{}/", folder(prefix)));
        lacking = !resource.and_then(Json::as_str).is_some_and(fits);
    }
    let mut open = None;
    if let Some(bucket) = bucket_of(options) {
        let policy = policy(clients, bucket).await?;
        open = statement(policy.as_ref(), &sid).map(|_| bucket);
    }
    Ok(json!({ "lacking": lacking, "open": open }))
}

/// Leaves the logs out of the options where the bucket does not take them yet: they are switched on later then.
pub(super) async fn only_where_let_in(
    clients: &Clients,
    want: &Want,
    options: &mut Options,
) -> Result<(), CloudError> {
    let lacking = look(clients, want, &Options::default()).await?.get("lacking").and_then(Json::as_bool);
    if lacking == Some(true) {
        [ENABLED, BUCKET, PREFIX].iter().for_each(|name| options.forget(BALANCER, name));
    }
    Ok(())
}

/// Lets Elastic Load Balancing write into the wanted bucket.
pub(super) async fn let_in(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let Some((bucket, prefix)) = wanted(want) else {
        return Err(CloudError::misuse(PUT_POLICY, "no bucket is to take access logs"));
    };
    let identity = clients.sts.get_caller_identity().send().await;
    let identity = identity.map_err(reading("sts:GetCallerIdentity"))?;
    let account = identity.account().unwrap_or_default();
    let partition = partition(clients.config.region().map(AsRef::as_ref).unwrap_or_default());
    let sid = sid(&want.name);
    let statement = json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": { "Service": "logdelivery.elasticloadbalancing.amazonaws.com" },
        "Action": "s3:PutObject",
        "Resource": format!("arn:{partition}:s3:::{bucket}/{}/{account}/*", folder(prefix)),
    });
    allow(clients, bucket, &sid, statement).await
}

/// The folder below which each account has its logs.
fn folder(prefix: &str) -> String {
    if prefix.is_empty() { "AWSLogs".to_owned() } else { format!("{prefix}/AWSLogs") }
}

/// The id of an environment's statement: letters and digits only.
pub(super) fn sid(environment: &str) -> String {
    format!("VpipeLogsOf{}", environment.replace('-', "Dash"))
}
