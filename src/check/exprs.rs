//! Expressions: checked against what is expected, or given a type.

use indexmap::IndexMap;
use std::collections::HashMap;
use std::sync::Arc;

use super::checker::{Checker, Want};
use super::locals::Local;
use super::mismatch::shown;
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::schema::{Base, Field, Type, plain};
use crate::syntax::ast::{BinaryOp, Body, Comprehension, Entry, Expr, ExprKind, Ident, StringPart, UnaryOp};

/// A map of more entries has one type for all values, not one for each.
const MOST_FIELDS: usize = 64;

/// A list of more different texts is a list of any texts.
const MOST_TEXTS: usize = 16;

/// The type that all fit. Where the values are too different, it is one that says less, and in the end nothing.
pub(super) fn join_all(types: impl IntoIterator<Item = Type>) -> Type {
    let join = |a: Type, b: Type| match a.join(b) {
        Type::Union(members) if members.len() > MOST_TEXTS => {
            let plainer = members.into_iter().map(|member| match member {
                Type::Literal(_) => Type::string(),
                Type::Record(fields) => {
                    let values = fields.values().map(|field| field.ty.clone());
                    Type::Map(Box::new(values.reduce(Type::join).unwrap_or(Type::Error)))
                }
                other => other,
            });
            match plainer.reduce(Type::join).unwrap_or(Type::Error) {
                Type::Union(members) if members.len() > MOST_TEXTS => Type::Error,
                joined => joined,
            }
        }
        joined => joined,
    };
    types.into_iter().reduce(join).unwrap_or(Type::Error)
}

impl<'a> Checker<'a> {
    /// Checks an expression against what is expected, and reports what does not fit at the innermost place.
    pub(super) fn expect(&mut self, e: &'a Expr, want: Want<'_>) {
        if *want.ty == Type::Error {
            return self.touch(e);
        }
        match &e.kind {
            ExprKind::Broken => {}
            ExprKind::List(items) => match want.ty.item() {
                Some(item) => items.iter().for_each(|one| self.expect(one, want.item(item))),
                None => self.expect_inferred(e, want),
            },
            ExprKind::Record(body) => match (want.ty.record(), want.ty.map_value()) {
                (Some(fields), _) => self.expect_fields(e, body, fields),
                (None, Some(value)) => self.expect_values(body, value, want),
                (None, None) => self.expect_inferred(e, want),
            },
            ExprKind::Call(name, args) => match want.ty.variant(&name.value) {
                Some(variant) => self.variant(e.span, variant, args),
                None => self.expect_inferred(e, want),
            },
            ExprKind::If(condition, then, otherwise) => {
                self.condition(condition, "if");
                self.where_holds(condition, true, |checker| checker.expect(then, want));
                self.where_holds(condition, false, |checker| checker.expect(otherwise, want));
            }
            ExprKind::Binary(left, op, right) if op.value == BinaryOp::Default => {
                let found = self.infer(left, Some(want.ty)).required();
                if !found.fits(want.ty) {
                    self.mismatch(left, &found, want);
                }
                self.expect(right, want);
            }
            ExprKind::Comprehension(inner) => match want.ty.item() {
                Some(item) => {
                    self.comprehension(inner, |checker| checker.expect(&inner.value, want.item(item)))
                }
                None => self.expect_inferred(e, want),
            },
            ExprKind::Range(from, to) => match want.ty.range_bound() {
                Some(bound) => {
                    self.expect(from, want.with(bound));
                    self.expect(to, want.with(bound));
                }
                None => self.expect_inferred(e, want),
            },
            ExprKind::Name(name) => self.expect_name(e, name, want),
            ExprKind::Binary(..) if self.is_bare_path(e, want) => {}
            _ => self.expect_inferred(e, want),
        }
    }

    /// Reports a path without quotes, such as `target/shop.war`.
    fn is_bare_path(&mut self, e: &'a Expr, want: Want<'_>) -> bool {
        let mut leftmost = e;
        while let ExprKind::Binary(left, op, right) = &leftmost.kind {
            let tight = left.span.end == op.span.start && op.span.end == right.span.start;
            if !tight || !matches!(op.value, BinaryOp::Div | BinaryOp::Sub) {
                return false;
            }
            leftmost = left;
        }
        let ExprKind::Name(first) = &leftmost.kind else { return false };
        let is_text = want.ty.base().is_some_and(Base::is_text)
            || want.ty.item().is_some_and(|item| item.base() == Some(Base::Path));
        let Some(text) = e.written().filter(|_| is_text && !self.knows(first)) else { return false };
        self.touch(e);
        self.report(
            Diagnostic::error("type-mismatch", e.span, "text needs quotes")
                .help(format!("write `\"{text}\"`"))
                .fix("add quotes", e.span, format!("\"{text}\"")),
        );
        true
    }

    fn expect_inferred(&mut self, e: &'a Expr, want: Want<'_>) {
        let found = self.infer(e, Some(want.ty));
        if !found.fits(want.ty) {
            self.mismatch(e, &found, want);
        }
    }

    fn expect_name(&mut self, e: &'a Expr, name: &'a str, want: Want<'_>) {
        if let Some(variant) = want.ty.variant(name) {
            return self.variant(e.span, variant, &[]);
        }
        if want.ty.block_name().is_some_and(|block| self.has_block(block, name)) {
            return;
        }
        let found = match self.lookup(name, e.span) {
            None => return self.unknown_name(name, e.span, Some(want.ty)),
            Some(found) if found.fits(want.ty) => return,
            Some(found) => found.clone(),
        };
        self.retract(e.span);
        if want.ty.block_name().is_some() && !matches!(found, Type::Optional(_)) {
            return self.unknown_name(name, e.span, Some(want.ty));
        }
        self.mismatch(e, &found, want);
    }

    fn has_block(&self, block: &str, name: &str) -> bool {
        self.blocks.get(block).is_some_and(|names| names.contains_key(name))
    }

    /// Checks a condition, which is a Bool.
    pub(super) fn condition(&mut self, e: &'a Expr, taker: &str) {
        self.expect(e, Want::new(&Type::bool(), taker));
    }

    /// The type of an expression; `hint` is the type that is expected of it, which gives bare words their meaning.
    pub(super) fn infer(&mut self, e: &'a Expr, hint: Option<&Type>) -> Type {
        match &e.kind {
            ExprKind::Broken => Type::Error,
            ExprKind::None => Type::None,
            ExprKind::Bool(_) => Type::bool(),
            ExprKind::Int(_) => Type::int(),
            ExprKind::Duration(_) => Type::scalar(Base::Duration),
            ExprKind::Size(_) => Type::scalar(Base::Size),
            ExprKind::Percent(_) => Type::scalar(Base::Percent),
            ExprKind::Fraction(text) => self.fraction(text, e.span, hint),
            ExprKind::String(parts) => {
                self.plain_names(e, parts);
                self.string(parts)
            }
            ExprKind::Name(name) => self.name(name, e.span, hint),
            // The parser has told that parameters go by their names alone.
            ExprKind::Member(inner, member) if matches!(&inner.kind, ExprKind::Name(name) if name == "var" && !self.knows(name)) =>
            {
                self.touch_name(&member.value);
                Type::Error
            }
            ExprKind::Member(..) if self.foreign_chain(e, hint) => Type::Error,
            ExprKind::Member(inner, member) => {
                let of = self.infer(inner, None);
                self.member(inner, &of, member)
            }
            ExprKind::Index(inner, at) => self.index(inner, at),
            ExprKind::Call(name, args) => match hint.and_then(|ty| ty.variant(&name.value)) {
                Some(variant) => {
                    self.variant(e.span, variant, args);
                    Type::Variant(Arc::clone(variant))
                }
                None => self.call(name, args, hint),
            },
            ExprKind::List(items) => {
                let item = hint.and_then(Type::item);
                let types: Vec<Type> = items.iter().map(|one| self.infer(one, item)).collect();
                Type::List(Box::new(join_all(types)))
            }
            ExprKind::Record(body) => self.record(body),
            ExprKind::Comprehension(inner) => {
                let item = hint.and_then(Type::item);
                let mut value = Type::Error;
                self.comprehension(inner, |checker| value = checker.infer(&inner.value, item));
                Type::List(Box::new(value))
            }
            ExprKind::Unary(op, inner) => match op.value {
                UnaryOp::Not => {
                    self.condition(inner, "not");
                    Type::bool()
                }
                UnaryOp::Neg => self.negation(inner),
            },
            ExprKind::Binary(left, op, right) => self.binary(e, left, op.value, right, hint),
            ExprKind::Range(from, to) => self.range(from, to),
            ExprKind::If(condition, then, otherwise) => {
                self.condition(condition, "if");
                let then = self.where_holds(condition, true, |checker| checker.infer(then, hint));
                let otherwise = self.where_holds(condition, false, |checker| checker.infer(otherwise, hint));
                then.join(otherwise)
            }
        }
    }

    /// Reports a number with a fraction.
    fn fraction(&mut self, text: &str, span: Span, hint: Option<&Type>) -> Type {
        let wants =
            |base: Base| hint.is_some_and(|ty| ty.members().iter().any(|member| member.base() == Some(base)));
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let share = (whole == "0" && (1..=4).contains(&rest.len()))
            .then(|| format!("{rest:0<4}").parse::<i64>().unwrap_or_default());
        let (quoted, diagnostic) =
            (format!("\"{text}\""), Diagnostic::error("invalid-number", span, "a number has no fraction"));
        self.report(match share {
            Some(share) if wants(Base::Percent) => {
                let (whole, part) = (share / 100, format!("{:02}", share % 100));
                let part = part.trim_end_matches('0');
                let percent = if part.is_empty() { format!("{whole}%") } else { format!("{whole}.{part}%") };
                diagnostic.help(format!("write a percentage: `{percent}`")).fix(
                    format!("change to `{percent}`"),
                    span,
                    percent,
                )
            }
            _ if wants(Base::Int) && !wants(Base::String) => diagnostic.help(format!(
                "write a whole number, such as `{}`",
                whole.parse::<i64>().unwrap_or(1).max(1)
            )),
            _ => diagnostic.help(format!("write `{quoted}` if it is a text")).fix("add quotes", span, quoted),
        });
        Type::Error
    }

    fn name(&mut self, name: &'a str, span: Span, hint: Option<&Type>) -> Type {
        if let Some(variant) = hint.and_then(|ty| ty.variant(name)) {
            self.variant(span, variant, &[]);
            return Type::Variant(Arc::clone(variant));
        }
        if let Some(block) = hint.and_then(Type::block_name)
            && self.has_block(block, name)
        {
            return Type::BlockName(block.to_owned());
        }
        match self.lookup(name, span) {
            Some(found) => found.clone(),
            None => {
                self.unknown_name(name, span, hint);
                Type::Error
            }
        }
    }

    /// A text, which is secret when a part of it is.
    fn string(&mut self, parts: &'a [StringPart]) -> Type {
        if let Some(text) = plain(parts) {
            return Type::Literal(text);
        }
        let mut secret = false;
        for part in parts {
            let StringPart::Interpolation(inner) = part else { continue };
            let found = self.infer(inner, None);
            secret |= found.holds_secret();
            self.has_text(inner, &found);
        }
        match secret {
            true => Type::Secret(Box::new(Type::string())),
            false => Type::string(),
        }
    }

    /// Reports a value that has no text of its own.
    fn has_text(&mut self, e: &'a Expr, found: &Type) {
        let help = match found {
            Type::Optional(_) | Type::None => {
                let diagnostic = self.possibly_none(e, "a text is needed here".to_owned());
                return self.report(diagnostic);
            }
            Type::List(_) => "join its elements: `join(LIST, \", \")`".to_owned(),
            Type::Handle(kind) => match self.schema.kind(kind).and_then(|kind| kind.outputs.keys().next()) {
                Some(output) => format!("write one of its outputs, such as `.{output}`"),
                None => return,
            },
            Type::Map(_) | Type::Record(_) => "write one of its values, or `json(…)`".to_owned(),
            Type::Module(_) => "write one of its outputs".to_owned(),
            _ => return,
        };
        self.report(
            Diagnostic::error("type-mismatch", e.span, format!("{} has no text", shown(found))).help(help),
        );
    }

    /// Checks the entries of a map against the type of its values.
    fn expect_values(&mut self, body: &'a Body, value: &Type, want: Want<'_>) {
        let mut seen = HashMap::new();
        self.fields(&body.entries, &mut seen, &mut |checker, name, e| {
            checker.expect(e, want.entry(value, name));
        });
    }

    /// Checks the entries of a record against its fields.
    fn expect_fields(&mut self, e: &'a Expr, body: &'a Body, fields: &Arc<IndexMap<String, Field>>) {
        let mut seen: HashMap<&'a str, Span> = HashMap::new();
        let mut unknown: Vec<&'a str> = Vec::new();
        self.fields(&body.entries, &mut seen, &mut |checker, name, e| match fields.get(name) {
            Some(field) => checker.expect(e, Want::new(&field.ty, name)),
            None => {
                unknown.push(name);
                checker.touch(e);
            }
        });
        for name in &unknown {
            let Some(span) = seen.get(name) else { continue };
            let near = self.near(name, fields.keys().map(String::as_str)).map(str::to_owned);
            let diagnostic =
                Diagnostic::error("unknown-field", *span, format!("there is no field `{name}` here"));
            self.report(match near {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                    format!("change to `{near}`"),
                    *span,
                    near,
                ),
                None => {
                    let names = crate::base::sentence_list(fields.keys().map(String::as_str), "and");
                    diagnostic.help(format!("its fields are {names}"))
                }
            });
        }
        let optional = |field: &Field| field.default.is_some() || matches!(field.ty, Type::Optional(_));
        let missing =
            fields.iter().filter(|(name, field)| !optional(field) && !seen.contains_key(name.as_str()));
        let missing: Vec<&str> = missing.map(|(name, _)| name.as_str()).collect();
        if !missing.is_empty() && unknown.is_empty() {
            let missing = crate::base::sentence_list(missing, "and");
            self.report(
                Diagnostic::error("missing-field", e.span, format!("the map lacks {missing}"))
                    .help(format!("add {missing}")),
            );
        }
    }

    /// The type of a map without expectations.
    fn record(&mut self, body: &'a Body) -> Type {
        let mut types: IndexMap<String, Type> = IndexMap::new();
        let mut sometimes = false;
        for entry in &body.entries {
            sometimes |= !matches!(entry, Entry::Attribute(_));
        }
        self.fields(&body.entries, &mut HashMap::new(), &mut |checker, name, e| {
            let ty = checker.infer(e, None);
            types.insert(name.to_owned(), ty);
        });
        if sometimes || types.len() > MOST_FIELDS {
            return Type::Map(Box::new(join_all(types.into_values())));
        }
        let field = |ty| Field { ty, default: None };
        Type::Record(Arc::new(types.into_iter().map(|(name, ty)| (name, field(ty))).collect()))
    }

    /// Goes through the entries of a map, with the `if`s in it; gives the names that were not seen before.
    pub(super) fn fields(
        &mut self,
        entries: &'a [Entry],
        seen: &mut HashMap<&'a str, Span>,
        see: &mut dyn FnMut(&mut Self, &'a str, &'a Expr),
    ) -> Vec<(&'a str, Span)> {
        let mut new: Vec<(&'a str, Span)> = Vec::new();
        for entry in entries {
            match entry {
                Entry::Attribute(attribute) => {
                    let name = &attribute.name;
                    match seen.insert(&name.value, name.span) {
                        Some(first) => self.given_twice(name, first),
                        None => new.push((&name.value, name.span)),
                    }
                    see(self, &name.value, &attribute.value);
                }
                Entry::If(branch) => {
                    self.condition(&branch.condition, "if");
                    let then = self.where_holds(&branch.condition, true, |checker| {
                        checker.fields(&branch.then, seen, see)
                    });
                    // The branches do not see each other.
                    for (name, _) in &then {
                        seen.remove(name);
                    }
                    let otherwise = self.where_holds(&branch.condition, false, |checker| {
                        checker.fields(&branch.otherwise, seen, see)
                    });
                    seen.extend(then.iter().copied());
                    new.extend(then.into_iter().chain(otherwise));
                }
                Entry::Block(block) => {
                    let name = &block.name;
                    self.report(
                        Diagnostic::error(
                            "attribute-expected",
                            name.span,
                            "a map holds only values".to_owned(),
                        )
                        .help(format!("write `{} = …`", name.value)),
                    );
                    block.body.iter().for_each(|body| self.touch_body(body));
                }
                Entry::For(each) => {
                    self.report(
                        Diagnostic::error("misplaced-declaration", each.span, "a map holds no `for`")
                            .help("join maps with `merge(…)`"),
                    );
                }
                Entry::Broken(_) => {}
            }
        }
        new
    }

    pub(super) fn given_twice(&mut self, name: &Ident, first: Span) {
        self.report(
            Diagnostic::error("duplicate-attribute", name.span, format!("`{}` is given twice", name.value))
                .label("again here")
                .related(first, "first here")
                .help("keep one of them"),
        );
    }

    fn comprehension(&mut self, inner: &'a Comprehension, value: impl FnOnce(&mut Self)) {
        let locals = self.elements(inner.key.as_ref(), &inner.name, &inner.list);
        self.with_locals(locals, |checker| match &inner.condition {
            Some(condition) => {
                checker.condition(condition, "if");
                checker.where_holds(condition, true, value);
            }
            None => value(checker),
        });
    }

    /// The names that `for KEY, NAME in LIST` declares.
    pub(super) fn elements(
        &mut self,
        key: Option<&'a Ident>,
        name: &'a Ident,
        list: &'a Expr,
    ) -> Vec<Local<'a>> {
        let found = self.infer(list, None);
        let (index, element) = match &found {
            Type::Error => (Type::Error, Type::Error),
            Type::List(item) => (Type::int(), (**item).clone()),
            Type::Map(value) => (Type::string(), (**value).clone()),
            Type::Record(fields) => (Type::string(), join_all(fields.values().map(|field| field.ty.clone()))),
            Type::Optional(_) => {
                let diagnostic = self.possibly_none(list, "a list is needed here".to_owned());
                self.report(diagnostic);
                (Type::Error, Type::Error)
            }
            other => {
                let message = format!("`for` goes through a list or a map, not {}", shown(other));
                let diagnostic = Diagnostic::error("type-mismatch", list.span, message);
                self.report(match other {
                    Type::Range(_) => {
                        diagnostic.help("for numbers write `range(1, 4)`, which gives 1, 2 and 3")
                    }
                    Type::Scalar(scalar) if scalar.base == Base::Int => {
                        diagnostic.help("for numbers from 0 write `range(…)`")
                    }
                    _ => diagnostic.help("put it between `[` and `]`"),
                });
                (Type::Error, Type::Error)
            }
        };
        for word in key.into_iter().chain([name]) {
            self.shadowing(word);
        }
        if let Some(key) = key.filter(|key| key.value == name.value) {
            self.report(
                Diagnostic::error("duplicate-name", name.span, format!("`{}` is declared twice", name.value))
                    .related(key.span, "first here")
                    .help("give key and value different names"),
            );
        }
        let local = |name: &'a Ident, ty| Local { name: &name.value, ty, span: name.span, symbol: None };
        key.map(|key| local(key, index)).into_iter().chain([local(name, element)]).collect()
    }

    fn shadowing(&mut self, name: &Ident) {
        if let Some((span, _)) = self.declaration(&name.value) {
            self.report(
                Diagnostic::warning(
                    "shadowed-name",
                    name.span,
                    format!("`{}` hides another name of the file", name.value),
                )
                .related(span, "the other one is declared here")
                .help("give the element a name of its own"),
            );
        }
    }
}
