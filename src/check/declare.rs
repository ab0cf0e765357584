//! The names that items declare.

use indexmap::IndexMap;

use super::module::What;
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::schema::Type;
use crate::syntax::ast::{Ident, Item, ItemKind};

/// A name that an item declares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'a> {
    /// Where it stands.
    pub(super) span: Span,
    /// What it names.
    pub(super) what: What,
    /// The kind of a resource; empty for anything else.
    pub(super) kind: &'a str,
    /// Whether it stands inside a `for`.
    list: bool,
    /// Whether it stands in only one branch of an `if`.
    maybe: bool,
}

impl Declared<'_> {
    /// The type of the name, where `one` is the type of a single thing.
    pub(super) fn wrap(&self, one: Type) -> Type {
        match one {
            Type::Error => Type::Error,
            one if self.list => Type::List(Box::new(one)),
            one if self.maybe => one.optional(),
            one => one,
        }
    }
}

/// The resources that items declare, as they are seen from outside of them.
pub(super) type Names<'a> = IndexMap<&'a str, Declared<'a>>;

/// The names that the items of a file declare: parameters, secrets, `let`s, modules and resources.
pub(super) fn names<'a>(items: &'a [Item], out: &mut Vec<Diagnostic>) -> Names<'a> {
    let mut all = Names::new();
    for item in items {
        let one = match &item.kind {
            ItemKind::Param(param) => Some((&param.name, What::Param)),
            ItemKind::Secret(secret) => Some((&secret.name, What::Secret)),
            ItemKind::Let(inner) => Some((&inner.name, What::Let)),
            _ => None,
        };
        match one {
            Some((name, what)) => insert(&mut all, &name.value, single(name, what, ""), out),
            None => item_resources(item, &mut all, out),
        }
    }
    all
}

/// The resources that items declare.
pub(super) fn resources<'a>(items: &'a [Item], out: &mut Vec<Diagnostic>) -> Names<'a> {
    let mut all = Names::new();
    for item in items {
        item_resources(item, &mut all, out);
    }
    all
}

fn item_resources<'a>(item: &'a Item, all: &mut Names<'a>, out: &mut Vec<Diagnostic>) {
    match &item.kind {
        ItemKind::Resource(resource) => {
            let what = if resource.existing { What::Existing } else { What::Resource };
            insert(all, &resource.name.value, single(&resource.name, what, &resource.kind.value), out);
        }
        ItemKind::For(each) => {
            for (name, declared) in resources(&each.body, out) {
                insert(all, name, Declared { list: true, maybe: false, ..declared }, out);
            }
        }
        ItemKind::If(branch) => {
            let then = resources(&branch.then, out);
            let mut otherwise = resources(&branch.otherwise, out);
            for (name, one) in then {
                let merged = match otherwise.swap_remove(name) {
                    None => Declared { maybe: true, ..one },
                    Some(other) if other.kind == one.kind && other.list == one.list => {
                        let what = if other.what == one.what { one.what } else { What::Resource };
                        Declared { maybe: one.maybe || other.maybe, what, ..one }
                    }
                    Some(other) => {
                        out.push(
                            Diagnostic::error(
                                "duplicate-name",
                                other.span,
                                format!("`{name}` is a different thing in each branch"),
                            )
                            .label(format!("a `{}` here", other.kind))
                            .related(one.span, format!("a `{}` here", one.kind))
                            .help("give them different names"),
                        );
                        one
                    }
                };
                insert(all, name, merged, out);
            }
            otherwise.sort_by(|_, a, _, b| a.span.cmp(&b.span));
            for (name, one) in otherwise {
                insert(all, name, Declared { maybe: true, ..one }, out);
            }
        }
        _ => {}
    }
}

fn single<'a>(name: &Ident, what: What, kind: &'a str) -> Declared<'a> {
    Declared { span: name.span, what, kind, list: false, maybe: false }
}

/// Adds a name; a name that is there already is reported and stays.
pub(super) fn insert<'a>(
    all: &mut Names<'a>,
    name: &'a str,
    declared: Declared<'a>,
    out: &mut Vec<Diagnostic>,
) {
    match all.get(name) {
        Some(first) => {
            out.push(
                Diagnostic::error("duplicate-name", declared.span, format!("`{name}` is declared twice"))
                    .label("again here")
                    .related(first.span, format!("first here, as {}", with_article(first.what.noun())))
                    .help("choose another name for one of them"),
            );
        }
        None => {
            all.insert(name, declared);
        }
    }
}

/// `a parameter`, `an output`.
pub(super) fn with_article(noun: &str) -> String {
    let vowel = noun.trim_start_matches('`').starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}
