//! What checking gives: a program of modules whose names and types are known.
//!
//! What `check` promises to `eval` about names:
//! - A bare word where a type is expected is, in this order: an alternative of the type, the name of a sibling block,
//!   a name of an enclosing `for`, a name of the file.
//! - A resource inside a `for` is, outside the loop, one flat list of all of them, however many loops there are and
//!   whether an `if` stands between; inside the loop's body the name is the one of this round. A resource inside an
//!   `if` is, outside, that resource or `none`; inside the same branch it is the resource. The two branches of one `if`
//!   may declare the same name for the same kind, and then the name is never `none`.
//! - `let` inside a `for` or `if` lives in that body alone. `use`, `param`, `secret`, `stage`, `type`, `output`,
//!   `pipeline` and `rollout` stand at the top level only.
//! - Going through a map with one name gives its values; with two, keys and values. Going through a list with two names
//!   gives the index, from 0, and the element.
//! - `stage` is the name of the chosen stage; where a file declares none it is a text: of the file that uses it, or the
//!   empty text.
//! - An attribute stands at most once in a body, the two branches of an `if` apart, and never inside a `for`.
//! - The first header value of a `named` block, written as a bare word, is that word.
//! - Where a condition says `x != none`, the name `x` is taken to be there: in that branch of an `if`, and to the right of
//!   `and`.

use indexmap::IndexMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::{SourceMap, Span};
use crate::schema::{Schema, Type};
use crate::syntax::ast;

/// A file with everything that it uses.
#[derive(Clone, Debug)]
pub struct Program {
    /// All texts: the user's and the library's.
    pub sources: SourceMap,
    /// The kinds and types of the library that the program uses.
    pub schema: Schema,
    /// The file that was asked for.
    pub root: Arc<Module>,
}

/// One file, checked.
#[derive(Clone, Debug)]
pub struct Module {
    /// The file's name as the user gave it, or `std/modules/NAME.vpipe`.
    pub name: String,
    /// The folder that its relative paths start from.
    pub folder: PathBuf,
    /// The tree.
    pub ast: Arc<ast::File>,
    /// The types that it declares, beside those of the library.
    pub types: IndexMap<String, Type>,
    /// Every name of the top level. Names that only live inside a `for` are not in it.
    pub scope: IndexMap<String, Symbol>,
    /// The modules that it uses, by the name that each is known by here. The values of their parameters stand in the
    /// item `use`.
    pub uses: IndexMap<String, Arc<Module>>,
    /// The names of its stages, in order.
    pub stages: Vec<Stage>,
    /// The types of what it declares with `output`.
    pub outputs: Arc<IndexMap<String, Type>>,
}

/// A stage that a file declares.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Whether it is marked `production`.
    pub production: bool,
    /// Where its name stands.
    pub span: Span,
}

/// A name at the top level of a file.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// Its type; resources in a `for` are lists, in an `if` optionals.
    pub ty: Type,
    /// Where it is declared.
    pub span: Span,
    /// What it names.
    pub what: What,
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// `param`
    Param,
    /// `secret`
    Secret,
    /// `let`
    Let,
    /// A resource that the file makes
    Resource,
    /// A look-up of what exists
    Existing,
    /// An instance of a module
    Use,
    /// `stage` and `pipeline`, which every file has
    Given,
}

impl What {
    /// What users call it.
    pub fn noun(self) -> &'static str {
        match self {
            What::Param => "parameter",
            What::Secret => "secret",
            What::Let => "`let`",
            What::Resource => "resource",
            What::Existing => "look-up",
            What::Use => "module",
            What::Given => "given name",
        }
    }
}

impl Module {
    /// The parameters in order.
    pub fn params(&self) -> impl Iterator<Item = &ast::Param> {
        self.ast.items.iter().filter_map(|item| match &item.kind {
            ast::ItemKind::Param(param) => Some(param),
            _ => None,
        })
    }

    /// The type of a parameter.
    pub fn param_type(&self, name: &str) -> Option<&Type> {
        self.scope.get(name).filter(|symbol| symbol.what == What::Param).map(|symbol| &symbol.ty)
    }
}

/// The name that a `use` item goes by: its alias, or the file's stem, or the last word of the path.
pub fn use_name(item: &ast::Use) -> Option<ast::Ident> {
    if let Some(alias) = &item.alias {
        return Some(alias.clone());
    }
    match &item.source {
        ast::UseSource::File(path) => {
            let stem = path.value.rsplit('/').next()?.strip_suffix(".vpipe")?;
            Some(ast::Ident::new(stem.replace('-', "_"), path.span))
        }
        ast::UseSource::Std(words, _) => words.last().cloned(),
    }
}
