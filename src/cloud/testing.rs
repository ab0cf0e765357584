//! What the drivers' unit tests share.

use super::{Observed, Present, Want};
use crate::eval::{Attrs, Value};
use crate::plan::Change;
use crate::schema::OnChange;

/// A node with a name and nothing else.
pub fn want(kind: &str, name: &str) -> Want {
    Want {
        node: name.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        token: "00000000-0000-4000-8000-000000000000".to_owned(),
        ..Want::default()
    }
}

/// Attributes.
pub fn attrs<const N: usize>(pairs: [(&str, Value); N]) -> Attrs {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Something that exists.
pub fn seen(present: Present) -> Observed {
    Observed::Present(Box::new(present))
}

/// An attribute that differs.
pub fn change(attribute: &str, before: Value, after: Value) -> Change {
    Change { attribute: attribute.to_owned(), before: Some(before), after, on_change: OnChange::Update }
}
