//! What rollout steps can do: every verb with its object and clauses, in one table.

use crate::schema::{Base, Type};
use indexmap::IndexMap;
use std::sync::Arc;

/// A verb of the rollout.
#[derive(Clone, Copy, Debug)]
pub struct Verb {
    /// The word.
    pub name: &'static str,
    /// What stands after it.
    pub object: Takes,
    /// What may follow, in any order.
    pub clauses: &'static [ClauseRule],
    /// Whether a method such as `GET` stands before the object, and conditions after it.
    pub probes: bool,
    /// How it is written.
    pub usage: &'static str,
    /// What it does.
    pub docs: &'static str,
}

/// A clause of a verb.
#[derive(Clone, Copy, Debug)]
pub struct ClauseRule {
    /// The word that opens it; none for a value that follows the object.
    pub keyword: Option<&'static str>,
    /// What it takes.
    pub takes: Takes,
    /// Whether it must be there.
    pub required: bool,
}

/// What an object or clause takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A text that may be shown.
    Text,
    /// A text in which `version` is the bundle's content hash.
    Label,
    /// A path of the user's machine.
    Path,
    /// A path, or several.
    Paths,
    /// A list of texts.
    Texts,
    /// A length of time.
    Duration,
    /// Names and values; values may be secret.
    Variables,
    /// A resource of this kind.
    Resource(&'static str),
}

impl Takes {
    /// The type that is expected.
    pub fn ty(self) -> Type {
        let text = Type::string;
        match self {
            Takes::Text | Takes::Label => text(),
            Takes::Path => Type::scalar(Base::Path),
            Takes::Paths => {
                Type::Union(vec![Type::scalar(Base::Path), Type::List(Box::new(Type::scalar(Base::Path)))])
            }
            Takes::Texts => Type::List(Box::new(text())),
            Takes::Duration => Type::scalar(Base::Duration),
            Takes::Variables => Type::Map(Box::new(Type::Union(vec![
                text(),
                Type::int(),
                Type::bool(),
                Type::scalar(Base::Duration),
                Type::scalar(Base::Size),
                Type::scalar(Base::Percent),
                Type::Secret(Box::new(text())),
            ]))),
            Takes::Resource(kind) => Type::Handle(kind.to_owned()),
        }
    }
}

const fn may(keyword: &'static str, takes: Takes) -> ClauseRule {
    ClauseRule { keyword: Some(keyword), takes, required: false }
}

const fn must(keyword: &'static str, takes: Takes) -> ClauseRule {
    ClauseRule { keyword: Some(keyword), takes, required: true }
}

/// How long the action may take.
const WITHIN: ClauseRule = may("within", Takes::Duration);

/// Every verb, in alphabetical order.
pub static VERBS: [Verb; 11] = [
    verb("approve", Takes::Text, &[], "approve \"MESSAGE\"", "stops until a person resumes"),
    verb(
        "bundle",
        Takes::Paths,
        &[must("to", Takes::Path)],
        "bundle PATHS to PATH",
        "packs files or a folder into a zip, the same bytes every time",
    ),
    verb(
        "deploy",
        Takes::Path,
        &[must("to", Takes::Resource("environment")), must("as", Takes::Label), WITHIN],
        "deploy PATH to ENVIRONMENT as \"LABEL\" within 30m",
        "makes an application version of a bundle, deploys it and waits for the environment's health",
    ),
    Verb {
        probes: true,
        ..verb(
            "expect",
            Takes::Text,
            &[],
            "expect GET \"URL\" { status = 200, within 10m }",
            "asks until the answer is as said, or the time is up",
        )
    },
    verb(
        "invalidate",
        Takes::Resource("distribution"),
        &[ClauseRule { keyword: None, takes: Takes::Texts, required: true }, WITHIN],
        "invalidate DISTRIBUTION [\"/*\"] within 30m",
        "removes paths from the distribution's caches and waits until that is done",
    ),
    verb(
        "render",
        Takes::Path,
        &[must("to", Takes::Path), must("with", Takes::Variables)],
        "render TEMPLATE to PATH with { NAME = VALUE }",
        "fills the `${name}` places of a template",
    ),
    verb(
        "rollback",
        Takes::Resource("environment"),
        &[WITHIN],
        "rollback ENVIRONMENT within 30m",
        "deploys the version that ran before",
    ),
    verb(
        "run",
        Takes::Text,
        &[may("with", Takes::Variables), may("in", Takes::Path), may("produces", Takes::Path), WITHIN],
        "run \"COMMAND\" with { NAME = VALUE } in PATH produces PATH within 10m",
        "runs a local command; secrets reach it only through `with`",
    ),
    verb(
        "swap",
        Takes::Resource("environment"),
        &[must("with", Takes::Resource("environment")), WITHIN],
        "swap ENVIRONMENT with ENVIRONMENT within 10m",
        "exchanges the CNAMEs of two environments",
    ),
    verb(
        "upload",
        Takes::Path,
        &[must("to", Takes::Resource("bucket")), must("as", Takes::Label), WITHIN],
        "upload PATH to BUCKET as \"KEY\" within 30m",
        "puts a file into a bucket",
    ),
    verb("wait", Takes::Duration, &[], "wait 30s", "lets time pass"),
];

const fn verb(
    name: &'static str,
    object: Takes,
    clauses: &'static [ClauseRule],
    usage: &'static str,
    docs: &'static str,
) -> Verb {
    Verb { name, object, clauses, probes: false, usage, docs }
}

/// A condition of `expect`.
#[derive(Clone, Copy, Debug)]
pub struct ConditionRule {
    /// The word: `status`, `header`, ….
    pub name: &'static str,
    /// Whether a text picks a part of it: the header's name.
    pub selector: bool,
    /// The relations it can stand in.
    pub relations: &'static [&'static str],
    /// Whether its value may be left out.
    pub bare: bool,
    /// How it is written.
    pub usage: &'static str,
}

/// The conditions of `expect`.
pub const CONDITIONS: [ConditionRule; 6] = [
    condition("body", false, &["contains", "matches", "="], false, "body contains \"TEXT\""),
    condition("every", false, &[], false, "every 5s"),
    condition("header", true, &["contains", "matches", "="], false, "header \"NAME\" contains \"TEXT\""),
    condition("status", false, &["="], false, "status = 200"),
    condition("tls", false, &[], true, "tls"),
    condition("within", false, &[], false, "within 10m"),
];

const fn condition(
    name: &'static str,
    selector: bool,
    relations: &'static [&'static str],
    bare: bool,
    usage: &'static str,
) -> ConditionRule {
    ConditionRule { name, selector, relations, bare, usage }
}

impl ConditionRule {
    /// The type of the value.
    pub fn value(&self) -> Type {
        match self.name {
            "status" => Type::Union(vec![Type::int(), Type::List(Box::new(Type::int()))]),
            "within" | "every" | "tls" => Type::scalar(Base::Duration),
            _ => Type::string(),
        }
    }
}

/// The methods of `expect`.
pub const METHODS: [&str; 8] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TCP"];

/// The type of `pipeline` in expressions.
pub(super) fn pipeline_type(types: &IndexMap<String, Type>) -> Type {
    let named = |name: &str| types.get(name).cloned().unwrap_or_else(Type::string);
    let field = |ty| crate::schema::Field { ty, default: None };
    Type::Record(Arc::new(IndexMap::from([
        ("name".to_owned(), field(Type::string())),
        ("region".to_owned(), field(named("Region"))),
        ("tags".to_owned(), field(Type::Map(Box::new(named("TagValue"))))),
    ])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(VERBS.is_sorted_by_key(|verb| verb.name));
        assert!(CONDITIONS.is_sorted_by_key(|condition| condition.name));
        assert!(METHODS.is_sorted());
    }
}
