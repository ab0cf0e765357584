//! Removing paths from a distribution's caches: `cloudfront.invalidation`, for rollout actions. Attributes: `distribution`
//! (its id) and `paths`.

use async_trait::async_trait;
use aws_sdk_cloudfront::types::{InvalidationBatch, Paths};
use std::time::Duration;

use super::unbuilt;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want, calling, found,
    reading,
};
use crate::eval::Value;
use crate::plan::Change;

const CREATE: &str = "cloudfront:CreateInvalidation";

const DISTRIBUTIONS: &[&str] = &["cloudfront::{account}:distribution/*"];
const PERMISSIONS: &[Permission] = &[
    Permission::look("cloudfront:GetInvalidation", DISTRIBUTIONS),
    Permission::change(CREATE, DISTRIBUTIONS),
];

/// Invalidations.
#[derive(Debug)]
pub struct Invalidation;

fn distribution(want: &Want) -> &str {
    want.text("distribution").unwrap_or_default()
}

/// The paths in a fixed order: with the same caller reference they must be the same.
fn paths(want: &Want) -> Vec<String> {
    let mut paths: Vec<String> =
        want.get("paths").items().iter().filter_map(|path| path.as_str().map(str::to_owned)).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

#[async_trait]
impl Driver for Invalidation {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        // Without its id it cannot be told from others; to create it once more with the same caller reference gives the
        // one that there is.
        let Some(id) = &want.id else { return Ok(Observed::Absent) };
        let reply =
            clients.cloudfront.get_invalidation().distribution_id(distribution(want)).id(id).send().await;
        let reply = found(reply.map_err(reading("cloudfront:GetInvalidation")))?;
        let Some(invalidation) = reply.and_then(|reply| reply.invalidation) else {
            return Ok(Observed::Absent);
        };
        let mut present = Present { id: id.clone(), ..Present::default() };
        if invalidation.status() != "Completed" {
            present.state = State::Busy(invalidation.status().to_owned());
        }
        present.outputs.insert("id".to_owned(), Value::from(id.as_str()));
        Ok(Observed::Present(Box::new(present)))
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        match seen {
            Observed::Absent => {
                if let Some(path) = paths(want).iter().find(|path| !path.starts_with('/')) {
                    return Next::Fail(format!(
                        "`{path}` is not a path to invalidate; it begins with `/`, such as `/*`"
                    ));
                }
                Next::Call(Op::create(CREATE))
            }
            Observed::Present(present) => match &present.state {
                State::Busy(_) => Next::Wait {
                    poll: Duration::from_secs(10),
                    why: "the edge locations to forget the paths".to_owned(),
                },
                _ => Next::Done,
            },
        }
    }

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
        if op.operation != CREATE {
            return Err(CloudError::misuse(&op.operation, "an invalidation has no such call"));
        }
        let paths = paths(want);
        let quantity = i32::try_from(paths.len()).unwrap_or(i32::MAX);
        let paths =
            Paths::builder().quantity(quantity).set_items(Some(paths)).build().map_err(unbuilt(CREATE))?;
        let batch = InvalidationBatch::builder().paths(paths).caller_reference(&want.token).build();
        let request = clients
            .cloudfront
            .create_invalidation()
            .distribution_id(distribution(want))
            .invalidation_batch(batch.map_err(unbuilt(CREATE))?);
        let reply = request.send().await.map_err(calling(CREATE))?;
        Ok(Reply::of(&reply, reply.invalidation().map(|invalidation| invalidation.id())))
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(30 * 60)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, seen, want};

    #[test]
    fn paths_are_in_order_and_begin_with_a_slash() {
        let of = |list: Vec<&str>| Want {
            attrs: attrs([("paths", Value::from(list))]),
            ..want("cloudfront.invalidation", "cdn")
        };
        assert_eq!(paths(&of(vec!["/b", "/a", "/b"])), ["/a", "/b"]);
        assert!(
            matches!(Invalidation.next(&of(vec!["/*"]), &Observed::Absent, &[]), Next::Call(op) if op.creates)
        );
        assert!(matches!(Invalidation.next(&of(vec!["*"]), &Observed::Absent, &[]), Next::Fail(_)));
        let busy = Present { state: State::Busy("InProgress".to_owned()), ..Present::default() };
        assert!(matches!(Invalidation.next(&of(vec!["/*"]), &seen(busy), &[]), Next::Wait { .. }));
    }
}
