//! The state of checking one file: its names, which of them are used, and what refers to what.

use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};

use super::builtins::builtin;
use super::graph::Graph;
use super::habits::{is_everyone, our_way, our_word, port_of};
use super::locals::{Local, Locals};
use super::module::{Symbol, What};
use super::walk;
use crate::base::{Span, closest, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::{Base, Format, Schema, Type, is_kind};
use crate::syntax::ast::{Body, Expr, ExprKind};

/// How many names are compared for did-you-means in one file, so that a file full of mistakes is no slower than its
/// length.
const EFFORT: usize = 200_000;

/// What is expected of an expression.
#[derive(Clone, Copy)]
pub(super) struct Want<'t> {
    /// The type.
    pub(super) ty: &'t Type,
    /// What takes the value: an attribute, a parameter; empty when there is no better word than "this".
    pub(super) taker: &'t str,
    /// Which part of what the taker takes the value is.
    pub(super) part: Part<'t>,
}

/// A part of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// The whole.
    Whole,
    /// An element of a list.
    Element,
    /// An entry of a map, by its name.
    Entry(&'t str),
}

impl<'t> Want<'t> {
    /// What `taker` takes.
    pub(super) fn new(ty: &'t Type, taker: &'t str) -> Self {
        Want { ty, taker, part: Part::Whole }
    }

    /// The same for an element.
    pub(super) fn item(self, ty: &'t Type) -> Self {
        Want { ty, part: Part::Element, ..self }
    }

    /// The same for an entry of a map.
    pub(super) fn entry(self, ty: &'t Type, name: &'t str) -> Self {
        Want { ty, part: Part::Entry(name), ..self }
    }

    /// The same with another type.
    pub(super) fn with(self, ty: &'t Type) -> Self {
        Want { ty, ..self }
    }
}

/// For the word of each named block, the names of the blocks and where they stand.
pub(super) type BlockNames<'a> = HashMap<&'a str, IndexMap<String, Span>>;

/// The state of checking one file.
pub(super) struct Checker<'a> {
    pub(super) schema: &'a Schema,
    pub(super) types: &'a IndexMap<String, Type>,
    /// Every name of the file.
    pub(super) scope: IndexMap<String, Symbol>,
    /// Names of enclosing `for`s, the innermost last.
    pub(super) locals: Locals<'a>,
    /// The named blocks of the resource at hand: for each word, the names.
    pub(super) blocks: BlockNames<'a>,
    /// What stands before the name whose references are recorded, as a node of the graph.
    pub(super) node: Option<usize>,
    pub(super) graph: Graph,
    /// How many `if`s and `for`s around items there are so far.
    pub(super) around: usize,
    pub(super) out: Vec<Diagnostic>,
    /// Whether the text of a command is looked at.
    pub(super) command: bool,
    /// Which names have been referred to, by their number in the scope.
    used: Vec<bool>,
    /// Words of text that could not be parsed.
    lost: &'a HashSet<String>,
    /// The unknown names that have been told.
    told: HashSet<String>,
    effort: usize,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        schema: &'a Schema,
        types: &'a IndexMap<String, Type>,
        scope: IndexMap<String, Symbol>,
        lost: &'a HashSet<String>,
    ) -> Self {
        Checker {
            schema,
            types,
            used: vec![false; scope.len()],
            scope,
            locals: Locals::default(),
            blocks: HashMap::new(),
            node: None,
            graph: Graph::default(),
            around: 0,
            out: Vec::new(),
            command: false,
            lost,
            told: HashSet::new(),
            effort: EFFORT,
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.out.push(diagnostic);
    }

    /// The type of a name, which is thereby used.
    pub(super) fn lookup(&mut self, name: &str, span: Span) -> Option<&Type> {
        if let Some(local) = self.locals.get(name) {
            if let Some(symbol) = local.symbol {
                self.refer(symbol, span);
            }
            return self.locals.get(name).map(|local| &local.ty);
        }
        let at = self.scope.get_index_of(name)?;
        self.refer(at, span);
        self.scope.get_index(at).map(|(_, symbol)| &symbol.ty)
    }

    fn refer(&mut self, symbol: usize, span: Span) {
        if let Some(used) = self.used.get_mut(symbol) {
            *used = true;
        }
        if let Some(node) = self.node {
            self.graph.add(node, symbol, span);
        }
    }

    /// Takes back what `lookup` recorded: a name that does not fit is no dependency.
    pub(super) fn retract(&mut self, span: Span) {
        if let Some(node) = self.node {
            self.graph.retract(node, span);
        }
    }

    /// Whether a name stands in text that could not be read, which may declare it.
    pub(super) fn is_lost(&self, name: &str) -> bool {
        self.lost.contains(name)
    }

    /// Whether every declaration could be read.
    pub(super) fn is_whole(&self) -> bool {
        self.lost.is_empty()
    }

    /// Whether a name is known here.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.locals.get(name).is_some() || self.scope.contains_key(name)
    }

    /// Where a name is declared and what it is, to label it.
    pub(super) fn declaration(&self, name: &str) -> Option<(Span, &'static str)> {
        if let Some(local) = self.locals.get(name) {
            return Some((local.span, "declared here"));
        }
        let symbol = self.scope.get(name).filter(|symbol| symbol.what != What::Given)?;
        Some((symbol.span, "declared here"))
    }

    /// Whether the expression is the name `stage`, and not one of the user's.
    pub(super) fn is_stage(&self, e: &Expr) -> bool {
        matches!(&e.kind, ExprKind::Name(name) if name == "stage")
            && self.locals.get("stage").is_none()
            && self.scope.get("stage").is_some_and(|symbol| symbol.what == What::Given)
    }

    /// Does something while a few names are known.
    pub(super) fn with_locals<T>(&mut self, locals: Vec<Local<'a>>, what: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.locals.len();
        locals.into_iter().for_each(|local| self.locals.push(local));
        let result = what(self);
        self.locals.truncate(before);
        result
    }

    /// Does something in the name of another node of the graph.
    pub(super) fn as_node<T>(&mut self, node: Option<usize>, what: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.node, node);
        let result = what(self);
        self.node = before;
        result
    }

    /// Marks the names in an expression as used without a word about it: a mistake around it has been reported.
    pub(super) fn touch(&mut self, e: &'a Expr) {
        let mut names = Vec::new();
        walk::expr(e, &mut |inner| names.extend(name_of(inner)));
        self.touch_names(names);
    }

    /// As [`Checker::touch`], for a whole body.
    pub(super) fn touch_body(&mut self, body: &'a Body) {
        let mut names = Vec::new();
        walk::body(body, &mut |inner| names.extend(name_of(inner)));
        self.touch_names(names);
    }

    fn touch_names(&mut self, names: Vec<&str>) {
        names.into_iter().for_each(|name| self.touch_name(name));
    }

    /// Marks a name as used without a word about it.
    pub(super) fn touch_name(&mut self, name: &str) {
        if let Some(used) = self.scope.get_index_of(name).and_then(|at| self.used.get_mut(at)) {
            *used = true;
        }
    }

    /// The names that nothing refers to.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&str, &Symbol)> {
        let symbols = self.scope.iter().zip(&self.used);
        symbols.filter(|(_, used)| !**used).map(|((name, symbol), _)| (name.as_str(), symbol))
    }

    /// The candidate nearest to a word, as long as the file has not used up its effort.
    pub(super) fn near<'c>(
        &mut self,
        word: &str,
        candidates: impl Iterator<Item = &'c str>,
    ) -> Option<&'c str> {
        nearest(&mut self.effort, word, candidates)
    }

    /// Reports a name that is not known; `hint` is the type that is expected of it.
    pub(super) fn unknown_name(&mut self, name: &str, span: Span, hint: Option<&Type>) {
        // Where a declaration could not be read, its name may be missing from it: it is told once.
        if self.is_lost(name) || (!self.lost.is_empty() && !self.told.insert(name.to_owned())) {
            return;
        }
        let words = hint.map(|ty| self.words(ty)).unwrap_or_default();
        let literals = hint.map(Type::literals).unwrap_or_default();
        let diagnostic = match hint.and_then(Type::block_name) {
            Some(block) => {
                Diagnostic::error("unknown-name", span, format!("there is no `{block}` named `{name}` here"))
            }
            _ => Diagnostic::error("unknown-name", span, format!("nothing here is called `{name}`")),
        };
        let known = words.iter().map(String::as_str);
        let names = self.scope.keys().map(String::as_str);
        let near = nearest(&mut self.effort, name, known.chain(self.locals.names()).chain(names));
        let text = || hint.is_some_and(|ty| ty.base().is_some_and(|base| base.is_text()));
        let diagnostic = if literals.contains(&name) {
            diagnostic.help(format!("a text stands in quotes: `\"{name}\"`")).fix(
                format!("write `\"{name}\"`"),
                span,
                format!("\"{name}\""),
            )
        } else if let Some(ours) = our_word(name) {
            diagnostic.help(format!("write `{ours}`")).fix(format!("change to `{ours}`"), span, ours)
        } else if let Some(help) = our_way(name) {
            diagnostic.help(help)
        } else if let Some(near) = near {
            diagnostic.help(format!("did you mean `{near}`?")).fix(format!("change to `{near}`"), span, near)
        } else if let Some(near) = nearest(&mut self.effort, name, literals.iter().copied()) {
            diagnostic.help(format!("did you mean `\"{near}\"`?")).fix(
                format!("change to `\"{near}\"`"),
                span,
                format!("\"{near}\""),
            )
        } else if let Some(port) = port_of(name).filter(|_| hint.is_some_and(takes_a_port)) {
            diagnostic.help(format!("a port is a number: `{port}`")).fix(
                format!("change to `{port}`"),
                span,
                port.to_string(),
            )
        } else if is_everyone(name) && hint.is_some_and(takes_addresses) {
            diagnostic.help("the whole internet is `\"0.0.0.0/0\"`").fix(
                "change to `\"0.0.0.0/0\"`",
                span,
                "\"0.0.0.0/0\"",
            )
        } else if name == "version" {
            diagnostic.help("the version is known only in the label of `deploy` and the key of `upload`")
        } else if builtin(name).is_some() {
            diagnostic.help(format!("`{name}` is a function: write `{name}(…)`"))
        } else if let Some(block) = hint.and_then(Type::block_name) {
            let others = self.blocks.get(block).into_iter().flat_map(IndexMap::keys).map(String::as_str);
            let others = sentence_list(others, "or");
            diagnostic.help(match others.is_empty() {
                true => format!("add `{block} {name} {{ … }}` beside it"),
                false => format!("choose {others}, or add `{block} {name} {{ … }}` beside it"),
            })
        } else if !words.is_empty() {
            let words = sentence_list(words.iter().map(String::as_str), "or");
            let kinds = hint.map(Type::kinds).unwrap_or_default();
            diagnostic.help(match &kinds[..] {
                [] => format!("choose {words}"),
                kinds => {
                    let kinds = sentence_list(kinds.iter().copied(), "or");
                    format!("declare it, as a resource of the kind {kinds}; or choose {words}")
                }
            })
        } else if let Some(help) = self.stage_help(name) {
            diagnostic.help(help)
        } else if is_kind(name) {
            diagnostic.help(format!("`{name}` is a kind: declare one with `{name} NAME {{ … }}`"))
        } else if text() {
            diagnostic.help(format!("a text stands in quotes: `\"{name}\"`"))
        } else if let Some(kind) = hint.and_then(|ty| ty.kinds().first().copied()) {
            diagnostic
                .help(format!("declare it: `{kind} {name} {{ … }}`, or `existing {kind} {name} {{ … }}`"))
        } else {
            diagnostic.help(format!("declare it: `let {name} = …` or `param {name}: …`"))
        };
        self.report(diagnostic);
    }

    fn stage_help(&self, name: &str) -> Option<String> {
        let stage = self.scope.get("stage").filter(|symbol| symbol.what == What::Given)?;
        stage.ty.literals().contains(&name).then(|| format!("to ask for a stage write `stage == \"{name}\"`"))
    }

    /// The bare words that mean something where a type is expected.
    pub(super) fn words(&self, ty: &Type) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for member in ty.members() {
            match member {
                Type::Variant(variant) => words.push(variant.name.clone()),
                Type::BlockName(block) => {
                    let names = self.blocks.get(block.as_str());
                    words.extend(names.into_iter().flat_map(IndexMap::keys).cloned());
                }
                _ => {}
            }
        }
        words
    }
}

/// Whether a type takes ports.
fn takes_a_port(ty: &Type) -> bool {
    let port = |member: &Type| match member {
        Type::Scalar(scalar) => {
            (scalar.base == Base::Int && scalar.refinement.max == Some(65_535)).then_some(())
        }
        _ => None,
    };
    ty.item().unwrap_or(ty).find(&port).is_some()
}

/// Whether a type takes blocks of addresses.
fn takes_addresses(ty: &Type) -> bool {
    let format = |member: &Type| match member {
        Type::Scalar(scalar) => scalar.refinement.format,
        _ => None,
    };
    ty.find(&format) == Some(Format::Cidr)
}

fn nearest<'c>(effort: &mut usize, word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let length = word.chars().count();
    let close = candidates.filter(|other| other.len().abs_diff(length) <= length / 3 + 1);
    let affordable: Vec<&str> = close.take(*effort).collect();
    *effort -= affordable.len();
    closest(word, affordable)
}

fn name_of(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Name(name) => Some(name),
        _ => None,
    }
}
