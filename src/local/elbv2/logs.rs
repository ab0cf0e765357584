//! Access logs: whether a bucket takes them.

use serde_json::Value;

use crate::local::support::glob;
use crate::local::{Cx, Fault, State};

/// Who writes the logs. Source: Application Load Balancers guide, "Enable access logs for your Application Load Balancer".
const WRITER: &str = "logdelivery.elasticloadbalancing.amazonaws.com";

/// Whether the logs of a load balancer may go to a bucket: it stands in the same region, and its policy lets the writer put
/// a test file there.
///
/// # Errors
/// What Elastic Load Balancing says otherwise.
pub fn may_log(state: &State, cx: &Cx, bucket: &str, prefix: &str) -> Result<(), Fault> {
    let refused = |message: String| Err(Fault::new(400, "InvalidConfigurationRequest", message));
    let Some(found) = state.s3.buckets.get(bucket) else {
        return refused(format!("S3 Bucket: {bucket} is not found"));
    };
    if found.region != cx.region {
        return refused(format!("The bucket '{bucket}' must be in the region of the load balancer"));
    }
    let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let file = format!("{bucket}/{folder}AWSLogs/{}/ELBAccessLogTestFile", cx.account);
    let policy = found.policy.as_deref().and_then(|policy| serde_json::from_str::<Value>(policy).ok());
    let statements = policy.as_ref().and_then(|policy| policy.get("Statement"));
    let statements = match statements {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let allows = |statement: &Value| {
        let any = |field: Option<&Value>, fits: &dyn Fn(&str) -> bool| match field {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).any(fits),
            Some(one) => one.as_str().is_some_and(fits),
            None => false,
        };
        any(statement.get("Effect"), &|effect| effect == "Allow")
            && any(statement.get("Principal").and_then(|p| p.get("Service")), &|service| service == WRITER)
            && any(statement.get("Action"), &|action| glob(action, "s3:PutObject"))
            && any(statement.get("Resource"), &|arn| {
                arn.split_once(":s3:::").is_some_and(|(_, pattern)| glob(pattern, &file))
            })
    };
    if statements.iter().any(allows) {
        return Ok(());
    }
    refused(format!("Access Denied for bucket: {bucket}. Please check S3bucket permission"))
}
