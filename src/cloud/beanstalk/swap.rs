//! Exchanging two environments' CNAMEs: `beanstalk.swap`, for rollout actions. Attributes: the environments' names `a`
//! and `b`, and the CNAMEs that they are to have, `a_cname` and `b_cname`.
//!
//! A swap undoes itself when it is repeated, so it is made only where the CNAMEs are exactly the other way round.

use async_trait::async_trait;
use std::time::Duration;

use super::{busy, live, unknown};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want, calling,
};
use crate::eval::Value;
use crate::plan::Change;

const SWAP: &str = "elasticbeanstalk:SwapEnvironmentCNAMEs";

const ENVIRONMENTS: &[&str] = &[
    "elasticbeanstalk:{here}:environment/{application}/{a}",
    "elasticbeanstalk:{here}:environment/{application}/{b}",
];
const PERMISSIONS: &[Permission] = &[
    Permission::look("elasticbeanstalk:DescribeEnvironments", ENVIRONMENTS),
    Permission::change(SWAP, ENVIRONMENTS),
];

/// Swaps of CNAMEs.
#[derive(Debug)]
pub struct Swap;

fn part<'a>(want: &'a Want, attribute: &str) -> &'a str {
    want.text(attribute).unwrap_or_default()
}

#[async_trait]
impl Driver for Swap {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let mut present =
            Present { id: format!("{}/{}", part(want, "a"), part(want, "b")), ..Present::default() };
        for side in ["a", "b"] {
            let Some(environment) = live(clients, part(want, side)).await? else {
                return Ok(Observed::Absent);
            };
            if let Some(status) = busy(&environment) {
                present.note = Some(format!("`{}` is {status}", part(want, side)));
                present.state = State::Busy(status);
            }
            present.attrs.insert(side.to_owned(), Value::from(part(want, side)));
            let cname = Value::from(environment.cname.unwrap_or_default());
            present.attrs.insert(format!("{side}_cname"), cname.clone());
            present.outputs.insert(format!("{side}_cname"), cname);
        }
        Ok(Observed::Present(Box::new(present)))
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        let present = match seen {
            Observed::Absent => {
                return Next::Fail(format!(
                    "`{}` and `{}` cannot swap CNAMEs: one of them does not exist",
                    part(want, "a"),
                    part(want, "b")
                ));
            }
            Observed::Present(present) => present,
        };
        if let State::Busy(status) = &present.state {
            let why = present.note.clone().unwrap_or_else(|| status.clone());
            return Next::Wait { poll: Duration::from_secs(5), why };
        }
        let has = |side: &str| present.get(side).as_str().unwrap_or_default();
        let is = |a: &str, b: &str| {
            has("a_cname").eq_ignore_ascii_case(part(want, a))
                && has("b_cname").eq_ignore_ascii_case(part(want, b))
        };
        if is("a_cname", "b_cname") {
            Next::Done
        } else if is("b_cname", "a_cname") {
            Next::Call(Op::new(SWAP))
        } else {
            Next::Fail(format!(
                "the CNAMEs are not those that were to be swapped: `{}` has {} and `{}` has {}; somebody else has changed \
                 them",
                part(want, "a"),
                has("a_cname"),
                part(want, "b"),
                has("b_cname")
            ))
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
        if op.operation != SWAP {
            return Err(unknown(op));
        }
        let request = clients
            .beanstalk
            .swap_environment_cnames()
            .source_environment_name(part(want, "a"))
            .destination_environment_name(part(want, "b"));
        let reply = request.send().await.map_err(calling(SWAP))?;
        Ok(Reply::of(&reply, None))
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(10 * 60)
    }
}
