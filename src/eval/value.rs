//! Values, known or deferred.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;

/// Attribute values by name, in the order of the schema.
pub type Attrs = IndexMap<String, Value>;

/// A value of the language.
///
/// It serialises to tagged JSON, in which a secret is only its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Value {
    /// `none`
    None,
    /// `true`, `false`
    Bool(bool),
    /// An integer
    Int(i64),
    /// Text; also paths, resolved against the file that wrote them
    String(String),
    /// Milliseconds
    Duration(i64),
    /// Bytes
    Size(i64),
    /// Hundredths of a percent
    Percent(i64),
    /// From and to, both inclusive
    Range(Box<Value>, Box<Value>),
    /// `[a, b]`
    List(Vec<Value>),
    /// A record or a map
    Map(Attrs),
    /// `rolling(batch: 50%)`, `self`; also the value of a bare word
    Variant(String, Attrs),
    /// What no diagnostic, journal, plan or log ever prints
    Secret(Secret),
    /// A resource, by the id of its node
    Handle(NodeId),
    /// Not known before other resources exist
    Deferred(Box<Deferred>),
}

/// A node's id in the manifest: `mysql`, `net.backend`, `backend.allow[tcp 3306 from web]`, `db["a"]`.
pub type NodeId = String;

/// An expression that waits for outputs. All inputs that are known have been evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Deferred {
    /// `mysql.endpoint`
    Output(NodeId, String),
    /// An operation or builtin with some deferred argument; `eval::apply` computes it once all are known. `${…}` strings
    /// are `Apply("concat", parts)`.
    Apply(String, Vec<Value>),
}

/// Text that must never be shown. `Debug` and serialisation give only the name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// What the file calls it.
    pub name: String,
    text: Arc<str>,
}

impl Secret {
    /// Wraps a secret's text.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The text for `eval` itself, which joins secrets to longer secrets.
    pub(super) fn inner(&self) -> &str {
        &self.text
    }

    /// The text. Only `cloud` and `run` may call this.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Secret {
    /// A secret read back is empty: its text was never written.
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Secret::new(String::deserialize(d)?, ""))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Bool(flag)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::None, Into::into)
    }
}

impl Value {
    /// The text of a string, a secret's excepted.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            Value::Variant(name, params) if params.is_empty() => Some(name),
            _ => None,
        }
    }

    /// The number of an integer, duration (ms), size (bytes) or percent (hundredths).
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(n) | Value::Duration(n) | Value::Size(n) | Value::Percent(n) => Some(*n),
            _ => None,
        }
    }

    /// The flag of a Bool.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The elements of a list; `none` has none, and anything else is its only element.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::List(items) => items,
            Value::None => &[],
            one => std::slice::from_ref(one),
        }
    }

    /// The fields of a record, map or variant.
    pub fn fields(&self) -> Option<&Attrs> {
        match self {
            Value::Map(fields) | Value::Variant(_, fields) => Some(fields),
            _ => None,
        }
    }

    /// Whether nothing in it waits for outputs.
    pub fn is_known(&self) -> bool {
        match self {
            Value::Deferred(_) => false,
            Value::List(items) => items.iter().all(Value::is_known),
            Value::Map(fields) | Value::Variant(_, fields) => fields.values().all(Value::is_known),
            Value::Range(from, to) => from.is_known() && to.is_known(),
            _ => true,
        }
    }
}
