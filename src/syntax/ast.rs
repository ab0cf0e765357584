//! The syntax tree. Every node knows its [`Span`]; the tree holds what the user wrote and nothing that was
//! derived from it.

use crate::base::{Span, Spanned};

/// A name as written.
pub type Ident = Spanned<String>;

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// The `//!` lines at the head, without the marker.
    pub docs: Vec<String>,
    /// The declarations in order.
    pub items: Vec<Item>,
    /// Every `//` comment, in order of place, for the formatter.
    pub comments: Vec<Comment>,
}

/// A `//`, `///` or `//!` comment.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    /// From the first slash to the end of the line, without the newline.
    pub span: Span,
    /// The text with its slashes.
    pub text: String,
    /// Whether code stands before it on its line.
    pub trailing: bool,
}

/// A declaration at the top level, or inside a top-level `if` or `for`.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The `///` lines above it, without the marker.
    pub docs: Vec<String>,
    /// From the first keyword to the last brace.
    pub span: Span,
    /// What it declares.
    pub kind: ItemKind,
}

/// What an item declares.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemKind {
    /// `pipeline vprofile { region = "us-east-1" }`
    Pipeline(Pipeline),
    /// `param instances: Range<Int> = 2..4`
    Param(Param),
    /// `secret db_password = env("VPROFILE_DB_PASSWORD")`
    Secret(Secret),
    /// `production stage prod { instances = 4..8 }`
    Stage(Stage),
    /// `let site = "https://${domain}"`
    Let(Let),
    /// `output url: String = web.url`, in modules
    Output(Output),
    /// `use "./network.vpipe" as net { vpc = main }`, `use std.tomcat_site as site`
    Use(Use),
    /// `type DbName = String(length: 1..64)`
    Type(TypeDecl),
    /// `kind db_instance { … }`, in the standard library
    Kind(KindDecl),
    /// `db_instance mysql { … }` and `existing vpc main { … }`
    Resource(Resource),
    /// `for name in names { … }`
    For(For<Item>),
    /// `if stage == "prod" { … } else { … }`
    If(If<Item>),
    /// `rollout { … }`
    Rollout(Rollout),
    /// A run of text that could not be parsed; a diagnostic has been reported.
    Broken,
}

/// `pipeline vprofile { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Its name, which prefixes the names of what it creates.
    pub name: Ident,
    /// `region`, `tags`, …
    pub body: Body,
}

/// `param NAME: TYPE = DEFAULT`
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The name.
    pub name: Ident,
    /// The type.
    pub ty: TypeExpr,
    /// The default; a parameter without one must be given by a stage, `--set` or the importing file.
    pub default: Option<Expr>,
}

/// `secret NAME = SOURCE`
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    /// The name.
    pub name: Ident,
    /// Where it comes from, such as `env("NAME")`.
    pub source: Expr,
}

/// `stage NAME { PARAM = VALUE, … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Whether it is marked `production`.
    pub production: bool,
    /// The name.
    pub name: Ident,
    /// Values for parameters.
    pub body: Body,
}

/// `let NAME: TYPE = VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The name.
    pub name: Ident,
    /// The type, when written.
    pub ty: Option<TypeExpr>,
    /// The value.
    pub value: Expr,
}

/// `output NAME: TYPE = VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The name.
    pub name: Ident,
    /// The type, when written.
    pub ty: Option<TypeExpr>,
    /// The value.
    pub value: Expr,
}

/// `use SOURCE as NAME { PARAM = VALUE, … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// Where the module is.
    pub source: UseSource,
    /// The name it is known by here; without one, the file's stem or the last word of the path.
    pub alias: Option<Ident>,
    /// Values for its parameters.
    pub body: Body,
}

/// Where a module is.
#[derive(Clone, Debug, PartialEq)]
pub enum UseSource {
    /// `"./network.vpipe"`, relative to the file that uses it.
    File(Spanned<String>),
    /// `std.tomcat_site`: the words after `std`.
    Std(Vec<Ident>, Span),
}

/// `type NAME = TYPE`
#[derive(Clone, Debug, PartialEq)]
pub struct TypeDecl {
    /// The name.
    pub name: Ident,
    /// What it stands for.
    pub ty: TypeExpr,
}

/// `kind NAME { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct KindDecl {
    /// The name, such as `db_instance`.
    pub name: Ident,
    /// Its members in order.
    pub members: Vec<KindMember>,
}

/// A member of a kind or of a block declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct KindMember {
    /// The `///` lines above it.
    pub docs: Vec<String>,
    /// The whole member.
    pub span: Span,
    /// What it declares.
    pub kind: MemberKind,
}

/// What a member of a kind declares.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberKind {
    /// `class: InstanceClass = "db.t3.micro" replaces`
    Attribute(AttributeDecl),
    /// `lookup id: String?`: an attribute of `existing KIND`, not of the resource
    Lookup(AttributeDecl),
    /// `output endpoint: Hostname`
    Output(Ident, TypeExpr),
    /// `block listener (port: Port, protocol: http | https) { … }`
    Block(BlockDecl),
    /// `require nodes <= 40 else "memcached has at most 40 nodes" help "lower `nodes`"`
    Require(Require),
    /// A setting of the kind itself, such as `service = "rds"` or `title = "RDS DB instance"`.
    Setting(Ident, Expr),
    /// Text that could not be parsed.
    Broken,
}

/// An attribute with its type.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeDecl {
    /// The name.
    pub name: Ident,
    /// The type; `T?` makes it optional.
    pub ty: TypeExpr,
    /// The default.
    pub default: Option<Expr>,
    /// Trailing words: `replaces`, `fixed`, `write_only`, `identity`.
    pub flags: Vec<Ident>,
}

/// A nested block that resources of the kind may hold.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockDecl {
    /// The word that opens it, such as `listener`.
    pub name: Ident,
    /// What stands between the word and the brace, in order: `listener 443 https`.
    pub header: Vec<HeaderDecl>,
    /// Trailing words before the body: `separate` (lowers to a node of its own), `named` (its first header
    /// value can be referred to by name from its siblings).
    pub flags: Vec<Ident>,
    /// Its members: attributes, nested blocks, requirements.
    pub members: Vec<KindMember>,
}

/// One value in a block's header.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderDecl {
    /// A word that introduces it, such as `from`; none for a value by position.
    pub keyword: Option<Ident>,
    /// The attribute it fills.
    pub name: Ident,
    /// Its type; a list type takes a comma list.
    pub ty: TypeExpr,
    /// The default, when it may be left out.
    pub default: Option<Expr>,
}

/// `require CONDITION else MESSAGE help HELP`
#[derive(Clone, Debug, PartialEq)]
pub struct Require {
    /// Must hold whenever its inputs are known.
    pub condition: Expr,
    /// What to say otherwise.
    pub message: Expr,
    /// What to type.
    pub help: Option<Expr>,
    /// Whether a breach is only a warning (`warn` instead of `require`).
    pub warning: bool,
}

/// A resource, or a look-up of one that vpipe does not own.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Whether it is `existing`.
    pub existing: bool,
    /// The kind, such as `db_instance`.
    pub kind: Ident,
    /// The name in this file.
    pub name: Ident,
    /// Attributes and blocks.
    pub body: Body,
}

/// What stands between braces: attributes, blocks, and `if`/`for` around them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// From brace to brace; empty where the body was left out.
    pub span: Span,
    /// The entries in order.
    pub entries: Vec<Entry>,
}

/// One entry of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// `engine = "mysql"`
    Attribute(Attribute),
    /// `listener 443 https { … }`, `allow tcp 3306 from web`
    Block(Block),
    /// `for port in ports { … }`
    For(For<Entry>),
    /// `if production { … }`
    If(If<Entry>),
    /// Text that could not be parsed.
    Broken(Span),
}

/// `NAME = VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The name; a quoted key is allowed in maps.
    pub name: Ident,
    /// The value.
    pub value: Expr,
    /// The whole entry.
    pub span: Span,
}

/// A nested block.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The word that opens it.
    pub name: Ident,
    /// The header values in order.
    pub header: Vec<HeaderArg>,
    /// The body; `None` where there are no braces.
    pub body: Option<Body>,
    /// The whole block.
    pub span: Span,
}

/// One value, or comma list of values, in a block's header.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderArg {
    /// The keyword before it (`from`), if any.
    pub keyword: Option<Ident>,
    /// One value, or several where commas joined them.
    pub values: Vec<Expr>,
    /// The keyword and the values.
    pub span: Span,
}

/// `for NAME in LIST { … }`; with two names, key and value of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct For<T> {
    /// The key, when two names are given.
    pub key: Option<Ident>,
    /// The name of each element.
    pub name: Ident,
    /// What is gone through.
    pub list: Expr,
    /// The body.
    pub body: Vec<T>,
    /// The whole loop.
    pub span: Span,
}

/// `if CONDITION { … } else { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct If<T> {
    /// The condition.
    pub condition: Expr,
    /// When it holds.
    pub then: Vec<T>,
    /// When it does not; an `else if` is an `If` in here.
    pub otherwise: Vec<T>,
    /// The whole statement.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

impl Expr {
    /// The expression as text, where it is made of names, numbers and plain texts.
    pub fn written(&self) -> Option<String> {
        Some(match &self.kind {
            ExprKind::Name(name) => name.clone(),
            ExprKind::Bool(value) => value.to_string(),
            ExprKind::Int(number) => number.to_string(),
            ExprKind::Member(inner, name) => format!("{}.{}", inner.written()?, name.value),
            ExprKind::String(parts) => match &parts[..] {
                [] => "\"\"".to_owned(),
                [StringPart::Text(text)] if !text.contains(['"', '\\', '$', '\n', '\r', '\t']) => {
                    format!("\"{text}\"")
                }
                _ => return None,
            },
            ExprKind::Range(from, to) => format!("{}..{}", from.written()?, to.written()?),
            ExprKind::Binary(left, op, right) => {
                let tight = left.span.end == op.span.start && op.span.end == right.span.start;
                let space = if tight { "" } else { " " };
                format!("{}{space}{}{space}{}", left.written()?, op.value.symbol(), right.written()?)
            }
            _ => return None,
        })
    }
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `none`
    None,
    /// `true`, `false`
    Bool(bool),
    /// `3306`
    Int(i64),
    /// `15m`: milliseconds
    Duration(i64),
    /// `20GiB`: bytes
    Size(i64),
    /// `50%`: hundredths of a percent, so `12.5%` is 1250
    Percent(i64),
    /// `8.0`, which no number can be: what is meant by it depends on what is expected
    Fraction(String),
    /// `"…${x}…"`; a plain string has one `Text` part or none
    String(Vec<StringPart>),
    /// `name`
    Name(String),
    /// `a.b`
    Member(Box<Expr>, Ident),
    /// `a[0]`, `a["key"]`
    Index(Box<Expr>, Box<Expr>),
    /// `f(a, name: b)`
    Call(Ident, Vec<Arg>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{ A = x, B = y }`
    Record(Body),
    /// `[for x in xs if c: e]`
    Comprehension(Box<Comprehension>),
    /// `not a`, `-a`
    Unary(Spanned<UnaryOp>, Box<Expr>),
    /// `a + b`
    Binary(Box<Expr>, Spanned<BinaryOp>, Box<Expr>),
    /// `2..4`
    Range(Box<Expr>, Box<Expr>),
    /// `if c { a } else { b }`
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Text that could not be parsed.
    Broken,
}

/// A piece of a string.
#[derive(Clone, Debug, PartialEq)]
pub enum StringPart {
    /// Literal text, escapes resolved.
    Text(String),
    /// `${expr}`
    Interpolation(Expr),
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// `name:` when written.
    pub name: Option<Ident>,
    /// The value.
    pub value: Expr,
}

/// `[for key, name in list if condition: value]`
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// The key, when two names are given.
    pub key: Option<Ident>,
    /// The name of each element.
    pub name: Ident,
    /// What is gone through.
    pub list: Expr,
    /// Only elements for which this holds.
    pub condition: Option<Expr>,
    /// What each element becomes.
    pub value: Expr,
}

/// `not`, `-`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `not`
    Not,
    /// `-`
    Neg,
}

/// Binary operators, from loosest to tightest binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `??`: the right side where the left is `none`
    Default,
    /// `or`
    Or,
    /// `and`
    And,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `in`: element of a list, key of a map, inside a range, part of a string
    In,
    /// `+`: numbers, strings, lists, maps (right side wins)
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
}

impl BinaryOp {
    /// The operator as written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Default => "??",
            BinaryOp::Or => "or",
            BinaryOp::And => "and",
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::Ge => ">=",
            BinaryOp::In => "in",
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
        }
    }
}

/// A type as written.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeExpr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: TypeKind,
}

/// What a type expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// `Int`, `InstanceClass`, `security_group` (a handle), a block's name inside its kind; with refinements in
    /// parentheses: `Int(1..100)`, `String(length: 1..63, matching: "[a-z]+")`.
    Name(String, Vec<Arg>),
    /// `Range<Int>`, `Secret<String>`, `Map<String>`
    Generic(Ident, Box<TypeExpr>),
    /// `[T]`
    List(Box<TypeExpr>),
    /// `T?`
    Optional(Box<TypeExpr>),
    /// `{ key: String, secret: Secret<String> }`
    Record(Vec<FieldDecl>),
    /// `"dev"`
    Literal(String),
    /// A lower-case alternative with parameters: `rolling(batch: Percent | Int = 100%)`. One without parameters
    /// parses as `Name` and is told apart by the reader of the schema (`self`, `immutable`).
    Variant(Ident, Vec<FieldDecl>),
    /// `A | B`
    Union(Vec<TypeExpr>),
    /// Text that could not be parsed.
    Broken,
}

/// A field of a record type or a parameter of a variant.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDecl {
    /// The name.
    pub name: Ident,
    /// The type.
    pub ty: TypeExpr,
    /// The default.
    pub default: Option<Expr>,
}

/// `rollout { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// Steps and parallel groups in order.
    pub parts: Vec<RolloutPart>,
    /// `on failure { … }`
    pub on_failure: Option<OnFailure>,
}

/// A step, or steps side by side.
#[derive(Clone, Debug, PartialEq)]
pub enum RolloutPart {
    /// `step build { … }`
    Step(Step),
    /// `parallel { step a { … } step b { … } }`
    Parallel(Vec<Step>, Span),
    /// Text that could not be parsed.
    Broken(Span),
}

/// `step NAME needs A, B { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The `///` lines above it.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// Steps that must have ended well, beyond the order written.
    pub needs: Vec<Ident>,
    /// `when CONDITION`
    pub condition: Option<Expr>,
    /// What it does, in order.
    pub actions: Vec<Action>,
    /// Whether an action could not be read.
    pub broken: bool,
    /// The whole step.
    pub span: Span,
}

/// `on failure { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct OnFailure {
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// The whole clause.
    pub span: Span,
}

/// One thing that a step does: a verb, its object, and clauses that begin with a preposition.
///
/// `deploy artifact to web as "v1"` is verb `deploy`, object `artifact`, clauses `to web` and `as "v1"`.
/// Which verbs and clauses there are is known to `check`, so that the grammar stays small and a wrong clause gets
/// a did-you-mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The first word: `run`, `render`, `bundle`, `upload`, `deploy`, `invalidate`, `swap`, `expect`, `approve`,
    /// `wait`, `rollback`.
    pub verb: Ident,
    /// A bare upper-case word after the verb: the method of `expect GET …`, or the protocol of `expect TCP …`.
    pub method: Option<Ident>,
    /// What it is done to.
    pub object: Option<Expr>,
    /// `to web`, `as "v1"`, `with { … }`, `produces artifact`, `within 10m`, or a list after the object.
    pub clauses: Vec<Clause>,
    /// The conditions of `expect` between braces.
    pub conditions: Vec<Condition>,
    /// Whether a condition could not be read.
    pub broken: bool,
    /// The whole action.
    pub span: Span,
}

/// A word and its value, such as `to web`. A value without a word (`invalidate cdn ["/*"]`) has no keyword.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// `to`, `as`, `with`, `in`, `produces`, `within`, `every`, …
    pub keyword: Option<Ident>,
    /// The value.
    pub value: Expr,
}

/// A condition of `expect`: `status = 200`, `header "via" contains "cloudfront"`, `within 10m`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// `status`, `header`, `body`, `tls`, `within`, `every`.
    pub subject: Ident,
    /// What is picked from the subject: the header's name.
    pub selector: Option<Expr>,
    /// `=`, `contains`, `matches`; none in `within 10m`.
    pub relation: Option<Ident>,
    /// The value; none in a bare `tls`.
    pub value: Option<Expr>,
    /// The whole condition.
    pub span: Span,
}
