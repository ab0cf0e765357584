//! Amazon S3: buckets, and the objects that rollouts put into them.

mod bucket;
mod object;

pub use bucket::Bucket;
pub use object::Object;
