//! The policy of a bucket: statements that vpipe puts in beside those of others, each found again by its id.

use serde_json::{Value as Json, json};

use crate::cloud::{Clients, CloudError, Reply, calling, found, reading};

pub(in crate::cloud) const GET_POLICY: &str = "s3:GetBucketPolicy";
pub(in crate::cloud) const PUT_POLICY: &str = "s3:PutBucketPolicy";
pub(in crate::cloud) const DELETE_POLICY: &str = "s3:DeleteBucketPolicy";

/// A bucket's policy; `None` when it has none, or is gone.
pub(in crate::cloud) async fn policy(clients: &Clients, bucket: &str) -> Result<Option<Json>, CloudError> {
    let reply = clients.s3.get_bucket_policy().bucket(bucket).send().await;
    let reply = found(reply.map_err(reading(GET_POLICY)))?;
    Ok(reply.and_then(|reply| serde_json::from_str(reply.policy()?).ok()))
}

/// The statement of an id.
pub(in crate::cloud) fn statement<'a>(policy: Option<&'a Json>, sid: &str) -> Option<&'a Json> {
    statements(policy).iter().find(|statement| is(statement, sid))
}

/// A policy with a statement, in the place of the one that has its id.
pub(in crate::cloud) fn with(policy: Option<&Json>, sid: &str, statement: Json) -> Json {
    let mut all = others(policy, sid);
    all.push(statement);
    json!({ "Version": "2012-10-17", "Statement": all })
}

/// A policy without the statement of an id; `None` when nothing is left of it.
pub(in crate::cloud) fn without(policy: Option<&Json>, sid: &str) -> Option<Json> {
    let all = others(policy, sid);
    (!all.is_empty()).then(|| json!({ "Version": "2012-10-17", "Statement": all }))
}

/// Puts a statement into a bucket's policy.
pub(in crate::cloud) async fn allow(
    clients: &Clients,
    bucket: &str,
    sid: &str,
    statement: Json,
) -> Result<Reply, CloudError> {
    let policy = policy(clients, bucket).await?;
    put(clients, bucket, &with(policy.as_ref(), sid, statement)).await
}

/// Takes a statement out of a bucket's policy.
pub(in crate::cloud) async fn forbid(
    clients: &Clients,
    bucket: &str,
    sid: &str,
) -> Result<Reply, CloudError> {
    let policy = policy(clients, bucket).await?;
    match without(policy.as_ref(), sid) {
        Some(rest) => put(clients, bucket, &rest).await,
        None => {
            let request = clients.s3.delete_bucket_policy().bucket(bucket);
            Ok(Reply::of(&request.send().await.map_err(calling(DELETE_POLICY))?, None))
        }
    }
}

async fn put(clients: &Clients, bucket: &str, policy: &Json) -> Result<Reply, CloudError> {
    let request = clients.s3.put_bucket_policy().bucket(bucket).policy(policy.to_string());
    Ok(Reply::of(&request.send().await.map_err(calling(PUT_POLICY))?, None))
}

fn is(statement: &Json, sid: &str) -> bool {
    statement.get("Sid").and_then(Json::as_str) == Some(sid)
}

fn others(policy: Option<&Json>, sid: &str) -> Vec<Json> {
    statements(policy).iter().filter(|statement| !is(statement, sid)).cloned().collect()
}

/// A policy's statements; a lone one may stand without a list.
fn statements(policy: Option<&Json>) -> &[Json] {
    match policy.and_then(|policy| policy.get("Statement")) {
        Some(Json::Array(all)) => all,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_statement_joins_the_users_own_and_leaves_alone() {
        let ours = json!({ "Sid": "Ours", "Effect": "Allow" });
        let own = json!({ "Version": "2012-10-17", "Statement": { "Sid": "Mine", "Effect": "Deny" } });
        let joined = with(Some(&own), "Ours", ours.clone());
        assert!(statement(Some(&joined), "Ours").is_some() && statement(Some(&own), "Ours").is_none());
        assert_eq!(joined["Statement"].as_array().unwrap().len(), 2);
        assert_eq!(with(Some(&joined), "Ours", ours.clone()), joined);
        let rest = without(Some(&joined), "Ours").unwrap();
        assert_eq!(rest["Statement"], json!([{ "Sid": "Mine", "Effect": "Deny" }]));
        assert_eq!(without(Some(&with(None, "Ours", ours)), "Ours"), None);
    }
}
