//! What a service sees: a call, whatever protocol it came by, and what it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request as it came off the wire.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The host that was asked, without port: `rds.us-east-1.amazonaws.com`.
    pub host: String,
    /// Whether it came over `https`. The data plane cares.
    pub https: bool,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Header names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Header names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The circumstances of a call.
#[derive(Clone, Debug)]
pub struct Cx {
    /// Milliseconds since the Unix epoch.
    pub now: i64,
    /// The region that the request was signed for, or that its host names.
    pub region: String,
    /// The account, twelve digits.
    pub account: String,
    /// The request's id.
    pub request_id: String,
}

/// An operation with its parameters.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The name in the service model: `CreateDBInstance`. GoDaddy, which has no model: the method; `Get` for `GET`.
    pub operation: String,
    /// The parameters as a tree with the service model's member names. Query and EC2 lists are arrays (whatever the
    /// list's member name on the wire); their scalars are strings. EC2's members have their names on the wire, which
    /// are mostly singular: `Filter`, `VpcId`, `GroupId`. REST-XML bodies are read in the same way: the root is a member
    /// (`DistributionConfig`), unless its name ends with `Request`: then its children are. JSON bodies are as sent. The path
    /// parameters of REST services are members too, and so are query parameters, under their names on the wire
    /// (`maxitems`). GoDaddy: `path`, `body`.
    pub params: Value,
    /// The body as it came, for S3 objects.
    pub body: Vec<u8>,
    /// Header names (lower case) and values, for REST services.
    pub headers: Vec<(String, String)>,
    /// How many items a page of a list holds at most, whatever the request wants.
    pub page: Option<usize>,
}

impl Call {
    /// The text at a path such as `Placement.AvailabilityZone`; numbers and flags as text.
    pub fn text(&self, path: &str) -> Option<String> {
        let value = path.split('.').try_fold(&self.params, |value, key| value.get(key))?;
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// The text at a path, or the protocol's complaint that it is missing.
    ///
    /// # Errors
    /// `MissingParameter` when it is not there.
    pub fn required(&self, path: &str) -> Result<String, Fault> {
        self.text(path).ok_or_else(|| {
            Fault::new(400, "MissingParameter", format!("The request must contain the parameter {path}"))
        })
    }

    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// How many items a page holds of which the request wants so many. Services may tell fewer than were asked for.
    pub fn page_of(&self, wanted: usize) -> usize {
        self.page.map_or(wanted, |most| most.min(wanted))
    }

    /// The number at a path.
    pub fn int(&self, path: &str) -> Option<i64> {
        self.text(path)?.parse().ok()
    }

    /// The flag at a path.
    pub fn flag(&self, path: &str) -> Option<bool> {
        self.text(path)?.parse().ok()
    }

    /// The elements of the list at a path; empty when there is none.
    pub fn list(&self, path: &str) -> Vec<Value> {
        let value = path.split('.').try_fold(&self.params, |value, key| value.get(key));
        value.and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// The texts of the list at a path.
    pub fn texts(&self, path: &str) -> Vec<String> {
        self.list(path).iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    }
}

/// An XML element; `text` and children do not mix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// Attributes, such as `xmlns`.
    pub attributes: Vec<(String, String)>,
    /// Its text, when it has no children.
    pub text: Option<String>,
    /// Its children.
    pub children: Vec<Element>,
}

impl Element {
    /// An element with children.
    pub fn new(name: &str, children: Vec<Element>) -> Self {
        Self { name: name.to_owned(), children, ..Self::default() }
    }

    /// An element with text.
    pub fn text(name: &str, text: impl ToString) -> Self {
        Self { name: name.to_owned(), text: Some(text.to_string()), ..Self::default() }
    }

    /// A list: `NAME` holding one `member` (or whatever `item` says) for each element, whose children are given.
    pub fn list(name: &str, item: &str, items: impl IntoIterator<Item = Vec<Element>>) -> Self {
        Self::new(name, items.into_iter().map(|children| Self::new(item, children)).collect())
    }

    /// A list of texts.
    pub fn texts<T: ToString>(name: &str, item: &str, items: impl IntoIterator<Item = T>) -> Self {
        Self::new(name, items.into_iter().map(|text| Self::text(item, text)).collect())
    }

    /// With an attribute.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What a service answers; the protocol wraps it.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Query and EC2: the members of the result, which the protocol wraps in `<OpResponse><OpResult>`.
    /// REST-XML: exactly one element, the root.
    Xml(Vec<Element>),
    /// REST-JSON and JSON 1.1.
    Json(Value),
    /// Anything, whole: S3 objects, `204`, extra headers.
    Raw(Response),
    /// As another reply, with this status and these headers (`ETag`, `Location`).
    With(u16, Vec<(String, String)>, Box<Reply>),
}

/// A refusal, in the words of AWS; the protocol wraps it.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The HTTP status.
    pub status: u16,
    /// The error code on the wire.
    pub code: String,
    /// The message.
    pub message: String,
}

impl Fault {
    /// A refusal.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }
}
