//! AWS Certificate Manager.

mod certificate;

pub use certificate::Certificate;
