//! CloudWatch alarms, and the SNS topics that they tell.

mod alarm;
mod metric;
mod topic;

pub use alarm::Alarm;
pub use topic::Topic;
