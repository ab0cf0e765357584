//! From types as written to types.

use indexmap::IndexMap;
use std::sync::Arc;

use super::library::{is_kind, kind_names};
use super::lists::list_names;
use super::table::table;
use super::types::{Base, Field, Format, Known, Pattern, Refinement, Scalar, Type, Variant};
use crate::base::{Span, closest, sentence_list};
use crate::diag::Diagnostic;
use crate::syntax::ast::{Arg, Expr, ExprKind, FieldDecl, StringPart, TypeExpr, TypeKind};

/// The scalars that need no declaration.
const BASES: [(&str, Base, Option<Format>); 11] = [
    ("Bool", Base::Bool, None),
    ("Int", Base::Int, None),
    ("String", Base::String, None),
    ("Path", Base::Path, None),
    ("Duration", Base::Duration, None),
    ("Size", Base::Size, None),
    ("Percent", Base::Percent, None),
    ("Cidr", Base::String, Some(Format::Cidr)),
    ("Domain", Base::String, Some(Format::Domain)),
    ("Hostname", Base::String, Some(Format::Hostname)),
    ("Arn", Base::String, Some(Format::Arn)),
];

/// The type constructors that take a type between `<` and `>`.
const GENERICS: [&str; 3] = ["Range", "Secret", "Map"];

/// What the names in a type can mean.
#[derive(Clone, Copy)]
pub struct TypeScope<'a> {
    /// Named types, by name; looked up in order.
    pub types: &'a [&'a IndexMap<String, Type>],
    /// The blocks of the kind that is being read.
    pub blocks: &'a [&'a str],
    /// Whether any lower-case word is an alternative, as in the library. In a user's file a lone word that is no kind
    /// is taken for a mistake.
    pub open: bool,
}

impl TypeScope<'_> {
    /// Reads a type. A mistake is reported and gives [`Type::Error`].
    pub fn resolve(&self, expr: &TypeExpr, out: &mut Vec<Diagnostic>) -> Type {
        match &expr.kind {
            TypeKind::Name(name, args) => {
                let ty = self.named(name, expr.span, false, out);
                refine(ty, args, expr.span, out)
            }
            TypeKind::Generic(head, inner) if self.open && head.value == "Settings" => {
                if !matches!(&inner.kind, TypeKind::Name(name, _) if table(name).is_some()) {
                    out.push(Diagnostic::error("invalid-kind", inner.span, "there is no such table"));
                }
                raw_settings()
            }
            TypeKind::Generic(head, inner) => {
                let inner = Box::new(self.resolve(inner, out));
                match head.value.as_str() {
                    "Range" => Type::Range(inner),
                    "Secret" => Type::Secret(inner),
                    "Map" => Type::Map(inner),
                    other => {
                        out.push(unknown(other, head.span, GENERICS.into_iter()));
                        Type::Error
                    }
                }
            }
            TypeKind::List(inner) => Type::List(Box::new(self.resolve(inner, out))),
            TypeKind::Optional(inner) => self.resolve(inner, out).optional(),
            TypeKind::Record(fields) => Type::Record(Arc::new(self.fields(fields, out))),
            TypeKind::Literal(text) => Type::Literal(text.clone()),
            TypeKind::Variant(name, params) => Type::Variant(Arc::new(Variant {
                name: name.value.clone(),
                params: self.fields(params, out),
            })),
            TypeKind::Union(members) => {
                let mut all = Vec::new();
                for member in members {
                    let ty = match &member.kind {
                        TypeKind::Name(name, args) if args.is_empty() => {
                            self.named(name, member.span, true, out)
                        }
                        _ => self.resolve(member, out),
                    };
                    match ty {
                        Type::Union(inner) => all.extend(inner),
                        one => all.push(one),
                    }
                }
                // `A | B?` reads as `(A | B)?`
                let optional = all.iter().any(|member| matches!(member, Type::Optional(_)));
                let flat = all.iter().flat_map(|member| match member {
                    Type::Optional(inner) => inner.members().into_iter().cloned().collect(),
                    other => vec![other.clone()],
                });
                let mut distinct: Vec<Type> = Vec::new();
                for member in flat {
                    if !distinct.contains(&member) {
                        distinct.push(member);
                    }
                }
                let union = Type::Union(distinct);
                if optional { union.optional() } else { union }
            }
            TypeKind::Broken => Type::Error,
        }
    }

    /// The fields of a record or the parameters of an alternative.
    fn fields(&self, fields: &[FieldDecl], out: &mut Vec<Diagnostic>) -> IndexMap<String, Field> {
        let field = |f: &FieldDecl, out: &mut Vec<Diagnostic>| Field {
            ty: self.resolve(&f.ty, out),
            default: f.default.clone(),
        };
        fields.iter().map(|f| (f.name.value.clone(), field(f, out))).collect()
    }

    fn named(&self, name: &str, span: Span, in_union: bool, out: &mut Vec<Diagnostic>) -> Type {
        if let Some(ty) = self.types.iter().find_map(|types| types.get(name)) {
            return ty.clone();
        }
        if let Some((name, base, format)) = BASES.iter().find(|(known, ..)| *known == name) {
            let refinement = Refinement { format: *format, ..Refinement::default() };
            return Type::Scalar(Scalar { base: *base, name: (*name).to_owned(), refinement });
        }
        if self.blocks.contains(&name) {
            return Type::BlockName(name.to_owned());
        }
        if is_kind(name) {
            return Type::Handle(name.to_owned());
        }
        let lower = name.starts_with(|c: char| c.is_lowercase());
        if lower && self.open {
            return Type::Variant(Arc::new(Variant { name: name.to_owned(), params: IndexMap::new() }));
        }
        let mut known: Vec<&str> = BASES.iter().map(|(name, ..)| *name).chain(kind_names()).collect();
        for types in self.types {
            known.extend(types.keys().map(String::as_str));
        }
        let looks_like_a_type = || known.iter().any(|other| other.eq_ignore_ascii_case(name));
        if lower && in_union && !looks_like_a_type() {
            return Type::Variant(Arc::new(Variant { name: name.to_owned(), params: IndexMap::new() }));
        }
        out.push(unknown(name, span, known.iter().copied()));
        Type::Error
    }
}

fn unknown<'a>(name: &str, span: Span, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let diagnostic = Diagnostic::error("unknown-type", span, format!("there is no type `{name}`"));
    let meant = match name.to_ascii_lowercase().as_str() {
        "integer" | "number" | "long" => Some("Int"),
        "boolean" => Some("Bool"),
        "text" | "str" => Some("String"),
        "time" | "timeout" => Some("Duration"),
        "bytes" => Some("Size"),
        _ => None,
    };
    match meant.or_else(|| closest(name, known)) {
        Some(near) => diagnostic
            .help(format!("did you mean `{near}`?"))
            .fix(format!("change to `{near}`"), span, near),
        None => diagnostic.help("types are `String`, `Int`, `Domain`, …, kinds such as `vpc`, and choices such as `\"a\" | \"b\"`"),
    }
}

/// Applies `(1..100)`, `length:`, `matching:`, `words:` and `known:`.
fn refine(ty: Type, args: &[Arg], span: Span, out: &mut Vec<Diagnostic>) -> Type {
    if args.is_empty() {
        return ty;
    }
    let Type::Scalar(mut scalar) = ty else {
        if ty != Type::Error {
            out.push(
                Diagnostic::error("invalid-refinement", span, format!("`{ty}` takes no bounds"))
                    .help("only scalars such as `Int`, `Size` and `String` do"),
            );
        }
        return Type::Error;
    };
    let mut words = None;
    for arg in args {
        let name = arg.name.as_ref().map(|name| name.value.as_str());
        let fitted = match (name, &arg.value.kind) {
            (None, ExprKind::Range(from, to)) => match (number(from), number(to)) {
                (Some((a, from)), Some((b, to))) if a == scalar.base && b == scalar.base && from <= to => {
                    scalar.refinement.min = Some(from);
                    scalar.refinement.max = Some(to);
                    true
                }
                _ => false,
            },
            (Some("length"), kind) if scalar.base.is_text() => match length(kind) {
                Some(bounds) => {
                    scalar.refinement.length = Some(bounds);
                    true
                }
                None => false,
            },
            (Some("matching"), ExprKind::String(parts)) if scalar.base.is_text() => match plain(parts) {
                Some(regex) => {
                    scalar.refinement.matching = Some(Pattern { regex, words: None });
                    true
                }
                None => false,
            },
            (Some("known"), kind) if scalar.base.is_text() => {
                scalar.refinement.known = known(kind);
                scalar.refinement.known.is_some()
            }
            (Some("words"), ExprKind::String(parts)) => {
                words = plain(parts);
                words.is_some()
            }
            _ => false,
        };
        if let (false, Some("known"), Some(wrong)) = (fitted, name, no_list(&arg.value)) {
            out.push(wrong);
        } else if !fitted {
            out.push(
                Diagnostic::error(
                    "invalid-refinement",
                    arg.value.span,
                    format!("this does not bound `{}`", scalar.name),
                )
                .help(if scalar.base.is_text() {
                    "write `length: 1..63` or `matching: \"[a-z]+\"`".to_owned()
                } else {
                    format!(
                        "write a range from low to high of `{}` values, such as `Int(1..100)`",
                        scalar.base.name()
                    )
                }),
            );
        }
    }
    if let (Some(pattern), Some(words)) = (&mut scalar.refinement.matching, words) {
        pattern.words = Some(words);
    }
    Type::Scalar(scalar)
}

/// `known: LIST` or `known: LIST[ATTRIBUTE]`, where there is such a list.
fn known(kind: &ExprKind) -> Option<Known> {
    let name = |expr: &Expr| match &expr.kind {
        ExprKind::Name(name) => Some(name.clone()),
        _ => None,
    };
    let (list, by) = match kind {
        ExprKind::Name(list) => (list.clone(), None),
        ExprKind::Index(list, by) => (name(list)?, Some(name(by)?)),
        _ => return None,
    };
    list_names().any(|known| known == list).then_some(Known { list, by })
}

/// Reports `known: NAME` where there is no such list.
fn no_list(value: &Expr) -> Option<Diagnostic> {
    let (ExprKind::Name(name), span) = (&value.kind, value.span) else { return None };
    let diagnostic = Diagnostic::error("invalid-refinement", span, format!("there is no list `{name}`"));
    Some(match closest(name, list_names()) {
        Some(near) => {
            diagnostic.help(format!("did you mean `{near}`?")).fix(format!("change to `{near}`"), span, near)
        }
        None => diagnostic.help(format!("the lists are {}", sentence_list(list_names(), "and"))),
    })
}

/// Raw settings: a map of names to values for each namespace.
fn raw_settings() -> Type {
    let value = vec![
        Type::string(),
        Type::int(),
        Type::bool(),
        Type::scalar(Base::Duration),
        Type::List(Box::new(Type::string())),
    ];
    Type::Map(Box::new(Type::Map(Box::new(Type::Union(value)))))
}

/// The text of a string without interpolation.
pub fn plain(parts: &[StringPart]) -> Option<String> {
    match parts {
        [] => Some(String::new()),
        [StringPart::Text(text)] => Some(text.clone()),
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<(Base, i64)> {
    match expr.kind {
        ExprKind::Int(n) => Some((Base::Int, n)),
        ExprKind::Duration(n) => Some((Base::Duration, n)),
        ExprKind::Size(n) => Some((Base::Size, n)),
        ExprKind::Percent(n) => Some((Base::Percent, n)),
        _ => None,
    }
}

fn length(kind: &ExprKind) -> Option<(usize, usize)> {
    let int = |expr: &Expr| match expr.kind {
        ExprKind::Int(n) => usize::try_from(n).ok(),
        _ => None,
    };
    match kind {
        ExprKind::Range(from, to) => Some((int(from)?, int(to)?)),
        ExprKind::Int(n) => usize::try_from(*n).ok().map(|n| (n, n)),
        _ => None,
    }
}

/// Reads the `type` declarations of a file, in whatever order they stand.
pub fn named_types(
    decls: &[(&str, &TypeExpr)],
    outer: Option<&IndexMap<String, Type>>,
    open: bool,
    out: &mut Vec<Diagnostic>,
) -> IndexMap<String, Type> {
    let by_name: IndexMap<&str, &TypeExpr> = decls.iter().copied().collect();
    let mut done: IndexMap<String, Type> = IndexMap::new();
    for start in by_name.keys() {
        // Depth first, with a stack of its own: each name on the path with what it mentions and is still to be read.
        let mut path: IndexMap<&str, Vec<&str>> = IndexMap::from([(*start, mentioned(start, &by_name))]);
        while let Some((name, needed)) = path.last_mut() {
            let name = *name;
            if done.contains_key(name) {
                path.pop();
                continue;
            }
            match needed.pop() {
                Some(next) if path.contains_key(next) => {
                    let span = by_name.get(next).map_or(Span::default(), |ty| ty.span);
                    out.push(
                        Diagnostic::error("cyclic-type", span, format!("the type `{next}` refers to itself"))
                            .help("a type is made of types declared without it"),
                    );
                    done.insert(next.to_owned(), Type::Error);
                }
                Some(next) => {
                    path.insert(next, mentioned(next, &by_name));
                }
                None => {
                    let Some(ty) = by_name.get(name) else { break };
                    let resolved = named_type(name, ty, &done, outer, open, out);
                    done.insert(name.to_owned(), resolved);
                    path.pop();
                }
            }
        }
    }
    done
}

fn named_type(
    name: &str,
    ty: &TypeExpr,
    done: &IndexMap<String, Type>,
    outer: Option<&IndexMap<String, Type>>,
    open: bool,
    out: &mut Vec<Diagnostic>,
) -> Type {
    let scopes: Vec<&IndexMap<String, Type>> = std::iter::once(done).chain(outer).collect();
    let mut resolved = TypeScope { types: &scopes, blocks: &[], open }.resolve(ty, out);
    if let Type::Scalar(scalar) = &mut resolved {
        scalar.name = name.to_owned();
    }
    if resolved.is_too_large() {
        out.push(
            Diagnostic::error("too-large", ty.span, format!("the type `{name}` is too large"))
                .help("nest its parts less deeply"),
        );
        return Type::Error;
    }
    resolved
}

/// The declared types that a declaration mentions.
fn mentioned<'a>(name: &str, decls: &IndexMap<&'a str, &'a TypeExpr>) -> Vec<&'a str> {
    let mut names = Vec::new();
    if let Some(ty) = decls.get(name) {
        mentions(ty, &mut |word| names.extend(decls.get_key_value(word).map(|(name, _)| *name)));
    }
    names
}

fn mentions<'a>(ty: &'a TypeExpr, see: &mut dyn FnMut(&'a str)) {
    match &ty.kind {
        TypeKind::Name(word, _) => see(word),
        TypeKind::Generic(_, inner) | TypeKind::List(inner) | TypeKind::Optional(inner) => {
            mentions(inner, see)
        }
        TypeKind::Record(fields) | TypeKind::Variant(_, fields) => {
            fields.iter().for_each(|f| mentions(&f.ty, see));
        }
        TypeKind::Union(members) => members.iter().for_each(|member| mentions(member, see)),
        TypeKind::Literal(_) | TypeKind::Broken => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn name(word: &str) -> TypeExpr {
        TypeExpr { span: Span::default(), kind: TypeKind::Name(word.to_owned(), Vec::new()) }
    }

    fn list(inner: TypeExpr) -> TypeExpr {
        TypeExpr { span: Span::default(), kind: TypeKind::List(Box::new(inner)) }
    }

    #[test]
    fn types_are_read_in_whatever_order_they_stand() {
        let (outer, inner) = (list(name("Inner")), name("Int"));
        let mut out = Vec::new();
        let types = named_types(&[("Outer", &outer), ("Inner", &inner)], None, false, &mut out);
        assert_eq!(out, []);
        assert_eq!(types["Outer"].to_string(), "[Inner]");
    }

    #[test]
    fn a_circle_is_reported_once() {
        let (a, b) = (list(name("B")), list(name("A")));
        let mut out = Vec::new();
        let types = named_types(&[("A", &a), ("B", &b)], None, false, &mut out);
        assert_eq!(out.iter().map(|d| d.code).collect::<Vec<_>>(), ["cyclic-type"]);
        assert_eq!(types.len(), 2);
    }

    #[test]
    fn types_that_double_at_each_step_are_refused() {
        let pair = |word: &str| {
            let field = |n: &str| FieldDecl {
                name: crate::base::Spanned::new(n.to_owned(), Span::default()),
                ty: name(word),
                default: None,
            };
            let kind = TypeKind::Record(vec![field("a"), field("b")]);
            TypeExpr { span: Span::default(), kind }
        };
        let names: Vec<String> = (0..64).map(|n| format!("T{n}")).collect();
        let types: Vec<TypeExpr> = names
            .iter()
            .enumerate()
            .map(|(n, _)| if n == 0 { name("Int") } else { pair(&names[n - 1]) })
            .collect();
        let decls: Vec<(&str, &TypeExpr)> = names.iter().map(String::as_str).zip(&types).collect();
        let mut out = Vec::new();
        named_types(&decls, None, false, &mut out);
        assert!(!out.is_empty() && out.iter().all(|d| d.code == "too-large"), "{out:?}");
    }
}
