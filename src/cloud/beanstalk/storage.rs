//! The bucket in which Beanstalk keeps bundles: `beanstalk.storage`, for rollout actions. It belongs to the account and
//! region, so vpipe never deletes it.

use async_trait::async_trait;

use super::unknown;
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, Want, calling, found,
    reading,
};
use crate::eval::Value;
use crate::plan::Change;

const CREATE: &str = "elasticbeanstalk:CreateStorageLocation";

const BUCKET: &[&str] = &["s3:::elasticbeanstalk-{region}-{account}"];
const IN_ITS_NAME: &str = "Beanstalk does it in the name of who asks for the bucket first";
const PERMISSIONS: &[Permission] = &[
    Permission::look("sts:GetCallerIdentity", ANY),
    Permission::look("s3:HeadBucket", BUCKET),
    Permission::change(CREATE, ANY).because("only when the account has no such bucket in the region yet"),
    Permission::change("s3:CreateBucket", BUCKET).because(IN_ITS_NAME),
    Permission::change("s3:PutBucketPolicy", BUCKET).because(IN_ITS_NAME),
    Permission::change("s3:PutBucketOwnershipControls", BUCKET).because(IN_ITS_NAME),
    Permission::change("s3:PutPublicAccessBlock", BUCKET).because(IN_ITS_NAME),
];

/// Beanstalk's bucket of the account and region.
#[derive(Debug)]
pub struct Storage;

#[async_trait]
impl Driver for Storage {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, _want: &Want) -> Result<Observed, CloudError> {
        let identity = clients.sts.get_caller_identity().send().await;
        let identity = identity.map_err(reading("sts:GetCallerIdentity"))?;
        let region = clients.config.region().map(ToString::to_string).unwrap_or_default();
        let bucket = format!("elasticbeanstalk-{region}-{}", identity.account().unwrap_or_default());
        let reply = clients.s3.head_bucket().bucket(&bucket).send().await.map_err(reading("s3:HeadBucket"));
        if found(reply)?.is_none() {
            return Ok(Observed::Absent);
        }
        let mut present = Present { id: bucket.clone(), ..Present::default() };
        present.outputs.insert("bucket".to_owned(), Value::from(bucket));
        Ok(Observed::Present(Box::new(present)))
    }

    fn next(&self, _want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        match seen {
            Observed::Absent => Next::Call(Op::create(CREATE)),
            Observed::Present(_) => Next::Done,
        }
    }

    fn next_delete(&self, _want: &Want, _seen: &Observed) -> Next {
        Next::Done
    }

    async fn call(
        &self,
        clients: &Clients,
        _want: &Want,
        _seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        if op.operation != CREATE {
            return Err(unknown(op));
        }
        let reply = clients.beanstalk.create_storage_location().send().await.map_err(calling(CREATE))?;
        Ok(Reply::of(&reply, reply.s3_bucket()))
    }
}
