//! Tags: of what is wanted, of what exists, and the calls that make one the other.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{CloudError, Op, Present, Want};
use crate::eval::{Attrs, Value};

/// Tags by key.
pub type Tags = IndexMap<String, String>;

/// Tags in the types of some service's SDK: `sdk_tags(&want.tags, |k, v| Tag::builder().key(k).value(v).build())`.
pub fn sdk_tags<T>(tags: &Tags, make: impl Fn(&str, &str) -> T) -> Vec<T> {
    tags.iter().map(|(key, value)| make(key, value)).collect()
}

/// Tags from the types of some service's SDK: `seen_tags(list.iter().map(|t| (t.key(), t.value())))`.
pub fn seen_tags<'a>(pairs: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>) -> Tags {
    let pairs = pairs.into_iter();
    pairs.filter_map(|(key, value)| Some((key?.to_owned(), value.unwrap_or_default().to_owned()))).collect()
}

/// Whether AWS itself sets the tag, so that nobody else can.
fn reserved(key: &str) -> bool {
    key.starts_with("aws:") || key.starts_with("elasticbeanstalk:")
}

/// Tags as an attribute's value, without those that AWS sets itself. Drivers give it as the attribute `tags`, of what exists and of
/// what is wanted, so that a difference shows in the plan as any other does.
pub fn tags_value(tags: &Tags) -> Value {
    let own = tags.iter().filter(|(key, _)| !reserved(key));
    Value::Map(own.map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect::<Attrs>())
}

/// The names of a service's two tagging calls, one of which may serve for both.
#[derive(Clone, Copy, Debug)]
pub struct TagCalls {
    /// Sets tags: `rds:AddTagsToResource`.
    pub set: &'static str,
    /// Removes tags: `rds:RemoveTagsFromResource`.
    pub remove: &'static str,
}

/// What a tagging call does; it travels in [`Op::detail`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagChange {
    /// Tags to set.
    #[serde(default)]
    pub set: Tags,
    /// Keys to remove.
    #[serde(default)]
    pub remove: Vec<String>,
}

impl TagChange {
    /// Of an operation that [`TagCalls::next`] made.
    ///
    /// # Errors
    /// When the operation holds none.
    pub fn of(op: &Op) -> Result<Self, CloudError> {
        serde_json::from_value(op.detail.clone())
            .map_err(|error| CloudError::misuse(&op.operation, error.to_string()))
    }
}

impl TagCalls {
    /// The next call that brings the tags to what is wanted: first those to set, then those to remove. Tags that AWS sets
    /// itself are left alone; so is everything when the tags could not be read.
    pub fn next(&self, want: &Want, present: &Present) -> Option<Op> {
        let seen = present.tags.as_ref()?;
        let set: Tags = want
            .tags
            .iter()
            .filter(|(key, value)| seen.get(*key) != Some(*value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let remove: Vec<String> =
            seen.keys().filter(|key| !want.tags.contains_key(*key) && !reserved(key)).cloned().collect();
        let (name, change) = match (set.is_empty(), remove.is_empty()) {
            (true, true) => return None,
            (false, _) => (self.set, TagChange { set, remove: Vec::new() }),
            (true, false) => (self.remove, TagChange { set: Tags::new(), remove }),
        };
        Some(Op::new(name).with(serde_json::to_value(change).unwrap_or_default()))
    }

    /// Whether an operation is one of these calls.
    pub fn is(&self, op: &Op) -> bool {
        op.operation == self.set || op.operation == self.remove
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const CALLS: TagCalls = TagCalls { set: "rds:AddTagsToResource", remove: "rds:RemoveTagsFromResource" };

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn tags_are_set_first_then_removed_and_awss_own_are_left() {
        let want = Want {
            tags: tags(&[("a", "1"), ("b", "2")]),
            ..crate::cloud::testing::want("db_instance", "db")
        };
        let mut present =
            Present { tags: Some(tags(&[("a", "0"), ("c", "3"), ("aws:x", "y")])), ..Present::default() };
        let op = CALLS.next(&want, &present).unwrap();
        assert_eq!(op.operation, "rds:AddTagsToResource");
        assert_eq!(TagChange::of(&op).unwrap().set, want.tags);
        present.tags = Some(tags(&[("a", "1"), ("b", "2"), ("c", "3"), ("aws:x", "y")]));
        let op = CALLS.next(&want, &present).unwrap();
        assert_eq!(op.operation, "rds:RemoveTagsFromResource");
        assert_eq!(TagChange::of(&op).unwrap().remove, ["c"]);
        present.tags = Some(want.tags.clone());
        assert!(CALLS.next(&want, &present).is_none());
        present.tags = None;
        assert!(CALLS.next(&want, &present).is_none());
    }
}
