//! The types of the language, as `check` and the schema use them.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::base::Span;
use crate::syntax::ast;

/// A type. Two types are equal when they are written alike; [`Type::Error`] fits everything, so that one mistake is
/// reported once.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// The type of what could not be typed; a diagnostic has been reported.
    Error,
    /// `none` alone.
    None,
    /// A scalar with its refinements.
    Scalar(Scalar),
    /// `"dev"`.
    Literal(String),
    /// A bare word with parameters: `rolling(batch: Percent)`, `self`.
    Variant(Arc<Variant>),
    /// `[T]`.
    List(Box<Type>),
    /// `Map<T>`: any keys.
    Map(Box<Type>),
    /// `{ a: T }`.
    Record(Arc<IndexMap<String, Field>>),
    /// `T?`.
    Optional(Box<Type>),
    /// `Range<T>`.
    Range(Box<Type>),
    /// `Secret<T>`.
    Secret(Box<Type>),
    /// A resource of a kind: `security_group`.
    Handle(String),
    /// The name of a sibling block, such as a `process` of the same environment.
    BlockName(String),
    /// `A | B`, flat.
    Union(Vec<Type>),
    /// A module instance (`use … as net`): its outputs.
    Module(Arc<IndexMap<String, Type>>),
}

/// A refined scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The underlying representation.
    pub base: Base,
    /// The name users see: `Port`, `InstanceClass`, or the base's own name.
    pub name: String,
    /// What values must satisfy.
    pub refinement: Refinement,
}

/// How a scalar is represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// `true`, `false`
    Bool,
    /// 64-bit integer
    Int,
    /// Text
    String,
    /// A path of the user's machine, relative to the file that writes it
    Path,
    /// Milliseconds
    Duration,
    /// Bytes
    Size,
    /// Hundredths of a percent
    Percent,
}

/// Bounds on a scalar's values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refinement {
    /// Lowest value (integers, milliseconds, bytes, hundredths of a percent).
    pub min: Option<i64>,
    /// Highest value.
    pub max: Option<i64>,
    /// Fewest and most characters.
    pub length: Option<(usize, usize)>,
    /// A regular expression that the whole text must match, and the words that describe it to a user.
    pub matching: Option<Pattern>,
    /// A built-in format that a regular expression cannot say well.
    pub format: Option<Format>,
    /// The list of values that AWS has; what it does not have is a warning.
    pub known: Option<Known>,
}

/// A dated list in which a value is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name below `stdlib/lists/`.
    pub list: String,
    /// The attribute beside this one whose value is the key: `known: db_engine_versions[engine]`.
    pub by: Option<String>,
}

/// A regular expression with a description in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The expression, anchored at both ends when used.
    pub regex: String,
    /// "letters, digits and hyphens, first a letter".
    pub words: Option<String>,
}

/// Formats checked by code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `10.0.0.0/16`, no host bits set
    Cidr,
    /// A domain name, possibly with a leading `*.`
    Domain,
    /// A host name
    Hostname,
    /// `arn:…`
    Arn,
}

/// A bare word that stands for an alternative.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The word.
    pub name: String,
    /// Its parameters by name, in order.
    pub params: IndexMap<String, Field>,
}

/// A field of a record or a parameter of a variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its type.
    pub ty: Type,
    /// Its default, when it may be left out.
    pub default: Option<ast::Expr>,
}

/// An attribute of a kind or block.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The name.
    pub name: String,
    /// The type.
    pub ty: Type,
    /// The default; evaluated where the kind is declared, so it sees only literals and builtins.
    pub default: Option<ast::Expr>,
    /// What a change of the value means.
    pub on_change: OnChange,
    /// Whether AWS never gives the value back (passwords): changes are found by fingerprint.
    pub write_only: bool,
    /// The table of raw settings by which its values are judged: `options: Settings<beanstalk_options>`.
    pub table: Option<String>,
    /// Whether it is the resource's physical name; when left out it is `PIPELINE-STAGE-NAME`.
    pub identity: bool,
    /// The `///` text.
    pub docs: String,
    /// Where it is declared.
    pub span: Span,
}

impl Attribute {
    /// Whether the user may leave it out.
    pub fn optional(&self) -> bool {
        self.default.is_some() || self.identity || matches!(self.ty, Type::Optional(_))
    }
}

/// What happens when an attribute's value changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChange {
    /// Changed in place.
    #[default]
    Update,
    /// The resource is replaced.
    Replace,
    /// Refused: the error says to make a new resource.
    Fixed,
}

/// A nested block of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockSchema {
    /// The word that opens it.
    pub name: String,
    /// Header values in order; they become attributes like those of the body.
    pub header: Vec<Header>,
    /// Attributes of the body.
    pub attributes: IndexMap<String, Attribute>,
    /// Blocks inside it.
    pub blocks: IndexMap<String, BlockSchema>,
    /// What must hold.
    pub requires: Vec<ast::Require>,
    /// Each block becomes a node of its own, `RESOURCE.BLOCK[…]`, of the kind `KIND.BLOCK`, with the
    /// attribute `KIND` holding the handle of its resource: rules, which must not make their group depend on
    /// what they refer to.
    pub separate: bool,
    /// Its first header value is a name that siblings can refer to.
    pub named: bool,
    /// The `///` text.
    pub docs: String,
    /// Where it is declared.
    pub span: Span,
}

/// One header value of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The word before it (`from`), if any.
    pub keyword: Option<String>,
    /// The attribute it fills.
    pub attribute: Attribute,
}

/// A kind of resource, read from `stdlib/`.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// Its name, such as `db_instance`.
    pub name: String,
    /// What people call it: "RDS DB instance".
    pub title: String,
    /// The AWS service: `rds`.
    pub service: String,
    /// Whether it can only be looked up with `existing`.
    pub existing_only: bool,
    /// Attributes by name, in order.
    pub attributes: IndexMap<String, Attribute>,
    /// Attributes of `existing KIND`.
    pub lookups: IndexMap<String, Attribute>,
    /// What can be read from a resource once it exists.
    pub outputs: IndexMap<String, Type>,
    /// Nested blocks by name.
    pub blocks: IndexMap<String, BlockSchema>,
    /// What must hold.
    pub requires: Vec<ast::Require>,
    /// The `///` text.
    pub docs: String,
    /// Where it is declared.
    pub span: Span,
}
