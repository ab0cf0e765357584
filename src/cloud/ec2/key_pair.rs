//! Key pairs, which are only looked up.

use async_trait::async_trait;

use crate::cloud::parts::known;
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, Want, found, reading,
};
use crate::plan::Change;

/// `key_pair`
pub struct KeyPair;

const PERMISSIONS: &[Permission] = &[Permission::look("ec2:DescribeKeyPairs", ANY)];

#[async_trait]
impl Driver for KeyPair {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let name = want.text("name").unwrap_or(&want.name);
        let call = clients.ec2.describe_key_pairs().key_names(name);
        let reply = found(call.send().await.map_err(reading("ec2:DescribeKeyPairs")))?;
        let Some(pair) = reply.as_ref().and_then(|reply| reply.key_pairs().first()) else {
            return Ok(Observed::Absent);
        };
        let name = pair.key_name().unwrap_or(name);
        let id = pair.key_pair_id().unwrap_or(name).to_owned();
        Ok(Observed::Present(Box::new(Present {
            id,
            outputs: known([("name", name.into())]),
            ..Present::default()
        })))
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        let name = want.text("name").unwrap_or(&want.name);
        match seen {
            Observed::Present(_) => Next::Done,
            Observed::Absent => Next::Fail(format!(
                "there is no key pair `{name}` in this region: make one with `aws ec2 create-key-pair --key-name {name}`"
            )),
        }
    }

    fn next_delete(&self, _want: &Want, _seen: &Observed) -> Next {
        Next::Done
    }

    async fn call(&self, _: &Clients, _: &Want, _: &Observed, op: &Op) -> Result<Reply, CloudError> {
        Err(CloudError::misuse(&op.operation, "key pairs are only looked up"))
    }
}
