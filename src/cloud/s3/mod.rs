//! Amazon S3: buckets, and the objects that rollouts put into them.

mod bucket;
mod object;
mod policy;

pub use bucket::Bucket;
pub use object::Object;
pub(super) use policy::{DELETE_POLICY, GET_POLICY, PUT_POLICY, allow, forbid, policy, statement};
