//! Operators: what they take and what they give.

use indexmap::IndexMap;
use std::sync::Arc;

use super::advice::unquoted;
use super::checker::{Checker, Want};
use super::exprs::join_all;
use super::mismatch::{described, shown};
use crate::base::{Span, closest, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::{Base, Field, Type, plain};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind};

impl<'a> Checker<'a> {
    /// The type of `LEFT OP RIGHT`.
    pub(super) fn binary(
        &mut self,
        e: &'a Expr,
        left: &'a Expr,
        op: BinaryOp,
        right: &'a Expr,
        hint: Option<&Type>,
    ) -> Type {
        match op {
            BinaryOp::And | BinaryOp::Or => {
                self.condition(left, op.symbol());
                self.where_holds(left, op == BinaryOp::And, |checker| checker.condition(right, op.symbol()));
                Type::bool()
            }
            BinaryOp::Default => {
                let first = self.infer(left, hint).required();
                let other = self.infer(right, hint.or(Some(&first)));
                if first == Type::None { other } else { first.join(other) }
            }
            BinaryOp::Eq | BinaryOp::Ne => {
                self.equality(e, left, right);
                Type::bool()
            }
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                self.ordering(left, op, right);
                Type::bool()
            }
            BinaryOp::In => {
                self.membership(left, right);
                Type::bool()
            }
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div => {
                let a = self.infer(left, hint);
                let b = self.infer(right, hint);
                self.arithmetic(left, &a, op, right, &b)
            }
        }
    }

    /// The types of both sides; a bare word on either side has its meaning from the other.
    fn both(&mut self, left: &'a Expr, right: &'a Expr) -> (Type, Type) {
        match &left.kind {
            ExprKind::Name(name) if !self.knows(name) => {
                let b = self.infer(right, None);
                (self.compared(left, &b), b)
            }
            _ => {
                let a = self.infer(left, None);
                let b = self.compared(right, &a);
                (a, b)
            }
        }
    }

    /// The type of what is compared to a value of another type. A bare word alone asks which alternative it is, whatever
    /// its parameters.
    fn compared(&mut self, e: &'a Expr, other: &Type) -> Type {
        let word = if let ExprKind::Name(name) = &e.kind { other.variant(name) } else { None };
        match word {
            Some(variant) => Type::Variant(Arc::clone(variant)),
            None => self.infer(e, Some(other)),
        }
    }

    fn equality(&mut self, e: &'a Expr, left: &'a Expr, right: &'a Expr) {
        let (a, b) = self.both(left, right);
        if is_word_of(left, &b) || is_word_of(right, &a) {
            return;
        }
        if self.opens_secret(left, &a, &b) || self.opens_secret(right, &b, &a) {
            return;
        }
        // Two texts that stand in the file are not looked at: a `let` may be changed by hand.
        if let (Type::Literal(_), Type::Literal(_)) = (&a, &b) {
            return self.literal_stage(left, right);
        }
        if a.overlaps(&b) {
            return;
        }
        if self.never(left, &a, right) || self.never(right, &b, left) {
            return;
        }
        if a == Type::None || b == Type::None {
            let (value, never) = if a == Type::None { (right, &b) } else { (left, &a) };
            let message = format!("{} is never `none`: it is {}", described(value), shown(never));
            return self
                .report(Diagnostic::error("incomparable", e.span, message).help("drop the comparison"));
        }
        let message = format!("{} and {} are never equal", shown(&a), shown(&b));
        let diagnostic = Diagnostic::error("incomparable", e.span, message);
        self.report(match without_quotes(right, &a).or_else(|| without_quotes(left, &b)) {
            Some((span, text)) => {
                diagnostic.help(format!("write `{text}` without quotes")).fix("drop the quotes", span, text)
            }
            None => diagnostic.help("compare values of one type"),
        });
    }

    /// A stage that is compared to a text in a file with a single stage, or with none.
    fn literal_stage(&mut self, left: &'a Expr, right: &'a Expr) {
        for (stage, text) in [(left, right), (right, left)] {
            if self.is_stage(stage) {
                let ty = self.lookup_stage();
                self.never(stage, &ty, text);
            }
        }
    }

    fn lookup_stage(&self) -> Type {
        self.scope.get("stage").map_or(Type::Error, |symbol| symbol.ty.clone())
    }

    /// Reports a text to which a value is never equal, since it is none of those that the value can be.
    fn never(&mut self, e: &'a Expr, ty: &Type, text_expr: &'a Expr) -> bool {
        let ExprKind::String(parts) = &text_expr.kind else { return false };
        let Some(text) = plain(parts) else { return false };
        let literals = ty.literals();
        let words = self.words(ty);
        if words.contains(&text) {
            self.report(
                Diagnostic::error(
                    "type-mismatch",
                    text_expr.span,
                    format!("`{text}` is a word here, not a text"),
                )
                .help("write it without quotes")
                .fix("drop the quotes", text_expr.span, text),
            );
            return true;
        }
        if literals.is_empty() || literals.contains(&text.as_str()) {
            return false;
        }
        let (code, message) = match self.is_stage(e) {
            true => ("unknown-stage", format!("there is no stage `{text}`")),
            false => ("incomparable", format!("this is never `\"{text}\"`")),
        };
        let diagnostic = Diagnostic::error(code, text_expr.span, message);
        if literals == [""] {
            let help = format!("declare it: `stage {text} {{ … }}`");
            self.report(diagnostic.label("this file has no stages").help(help));
            return true;
        }
        self.report(match closest(&text, literals.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `\"{near}\"`?")).fix(
                format!("change to `\"{near}\"`"),
                text_expr.span,
                format!("\"{near}\""),
            ),
            None => {
                let choices: Vec<String> = literals.iter().map(|text| format!("\"{text}\"")).collect();
                let choices = sentence_list(choices.iter().map(String::as_str), "or");
                match code {
                    "unknown-stage" => {
                        diagnostic.help(format!("the file has {}", choices.replace(" or ", " and ")))
                    }
                    _ => diagnostic.help(format!("it can be {choices}")),
                }
            }
        });
        true
    }

    /// Reports a secret that is compared to anything but `none`.
    fn opens_secret(&mut self, e: &'a Expr, ty: &Type, other: &Type) -> bool {
        let opens = ty.holds_secret() && !matches!(other, Type::None | Type::Error);
        if opens {
            self.report(
                Diagnostic::error("secret-exposed", e.span, "a comparison would give away the secret")
                    .help("a secret is only handed on, or compared to `none`"),
            );
        }
        opens
    }

    fn ordering(&mut self, left: &'a Expr, op: BinaryOp, right: &'a Expr) {
        let a = self.infer(left, None);
        let b = self.infer(right, Some(&a));
        if a == Type::Error || b == Type::Error || self.absent(left, &a, op) || self.absent(right, &b, op) {
            return;
        }
        if self.opens_secret(left, &a, &b) || self.opens_secret(right, &b, &a) {
            return;
        }
        match (a.base(), b.base()) {
            (Some(Base::Bool), _) | (None, _) => self.no_operand(left, &a, op),
            (_, Some(Base::Bool)) | (_, None) => self.no_operand(right, &b, op),
            (Some(x), Some(y)) if x == y || (x.is_text() && y.is_text()) => {}
            _ => {
                let message = format!("{} and {} have no common order", shown(&a), shown(&b));
                self.report(
                    Diagnostic::error("incomparable", left.span.to(right.span), message)
                        .help("compare values of one type"),
                );
            }
        }
    }

    fn membership(&mut self, left: &'a Expr, right: &'a Expr) {
        if let ExprKind::List(items) = &right.kind {
            let a = self.infer(left, None);
            for item in items {
                let b = self.compared(item, &a);
                if !a.overlaps(&b) && !self.never(left, &a, item) {
                    let message = format!("{} and {} are never equal", shown(&a), shown(&b));
                    self.report(
                        Diagnostic::error("incomparable", item.span, message)
                            .help("compare values of one type"),
                    );
                }
            }
            return;
        }
        let b = self.infer(right, None);
        let op = BinaryOp::In;
        let inside = match &b {
            Type::List(item) => (**item).clone(),
            Type::Range(bound) => bound.base().map_or(Type::Error, Type::scalar),
            Type::Map(_) | Type::Record(_) => Type::string(),
            Type::Error => Type::Error,
            text if text.base().is_some_and(Base::is_text) => Type::string(),
            _ => {
                self.infer(left, None);
                if !self.absent(right, &b, op) {
                    let message = format!("nothing is in {}", shown(&b));
                    self.report(
                        Diagnostic::error("type-mismatch", right.span, message)
                            .help("`in` asks about a list, a map, a range or a text"),
                    );
                }
                return;
            }
        };
        let a = self.infer(left, Some(&inside));
        if !self.opens_secret(left, &a, &b) && !a.overlaps(&inside) && !self.absent(left, &a, op) {
            let message = format!("{} is never in {}", shown(&a), shown(&b));
            self.report(
                Diagnostic::error("incomparable", left.span, message)
                    .help("ask for a value of the same type"),
            );
        }
    }

    /// Reports an operand that may be `none`.
    fn absent(&mut self, e: &'a Expr, ty: &Type, op: BinaryOp) -> bool {
        let absent = matches!(ty, Type::Optional(_) | Type::None);
        if absent {
            let diagnostic = self.possibly_none(e, format!("`{}` needs a value", op.symbol()));
            self.report(diagnostic);
        }
        absent
    }

    fn no_operand(&mut self, e: &'a Expr, ty: &Type, op: BinaryOp) {
        let message = format!("`{}` does not work on {}", op.symbol(), shown(ty));
        self.report(
            Diagnostic::error("type-mismatch", e.span, message)
                .help("it works on numbers, sizes, times and texts"),
        );
    }

    /// The type of `-INNER`.
    pub(super) fn negation(&mut self, inner: &'a Expr) -> Type {
        let ty = self.infer(inner, None);
        match ty.base() {
            Some(base @ (Base::Int | Base::Duration | Base::Size | Base::Percent)) => Type::scalar(base),
            _ if ty == Type::Error => Type::Error,
            _ => {
                self.no_operand(inner, &ty, BinaryOp::Sub);
                Type::Error
            }
        }
    }

    /// The type of `FROM..TO`.
    pub(super) fn range(&mut self, from: &'a Expr, to: &'a Expr) -> Type {
        let a = self.infer(from, None);
        let b = self.infer(to, None);
        match (a.base(), b.base()) {
            _ if a == Type::Error || b == Type::Error => Type::Error,
            (Some(x), Some(y)) if x == y && !x.is_text() && x != Base::Bool => {
                Type::Range(Box::new(Type::scalar(x)))
            }
            (Some(_), Some(_)) => {
                let message = format!(
                    "a range goes from one number to another, not from {} to {}",
                    shown(&a),
                    shown(&b)
                );
                self.report(
                    Diagnostic::error("type-mismatch", from.span.to(to.span), message)
                        .help("write `2..4`, or `1h..2h`"),
                );
                Type::Error
            }
            (x, _) => {
                let (e, ty) = if x.is_none() { (from, &a) } else { (to, &b) };
                self.mismatch(e, ty, Want::new(&Type::int(), ".."));
                Type::Error
            }
        }
    }

    fn arithmetic(&mut self, left: &'a Expr, a: &Type, op: BinaryOp, right: &'a Expr, b: &Type) -> Type {
        if *a == Type::Error || *b == Type::Error || self.absent(left, a, op) || self.absent(right, b, op) {
            return Type::Error;
        }
        if let Some(ty) = computed(a, op, b) {
            return ty;
        }
        let span: Span = left.span.to(right.span);
        let message = format!("`{}` does not work on {} and {}", op.symbol(), shown(a), shown(b));
        let diagnostic = Diagnostic::error("type-mismatch", span, message);
        let text = |ty: &Type| ty.base().is_some_and(Base::is_text);
        self.report(match op {
            BinaryOp::Add if matches!(a, Type::List(_)) => {
                diagnostic.help("to add one element write `LIST + [ELEMENT]`")
            }
            BinaryOp::Add if text(a) || text(b) => {
                diagnostic.help("to put a value into a text write `\"…${value}…\"`")
            }
            _ => diagnostic.help("both sides need the same unit"),
        });
        Type::Error
    }
}

/// Whether an expression is the bare name of an alternative of a type.
fn is_word_of(e: &Expr, ty: &Type) -> bool {
    matches!(&e.kind, ExprKind::Name(name) if ty.variant(name).is_some())
}

/// The type of a sum, difference, product or quotient. `eval::apply` computes by the same table.
fn computed(a: &Type, op: BinaryOp, b: &Type) -> Option<Type> {
    if op == BinaryOp::Add
        && let Some(ty) = joined(a, b)
    {
        return Some(ty);
    }
    let (x, y) = (a.base()?, b.base()?);
    let number = |base: Base| matches!(base, Base::Int | Base::Duration | Base::Size | Base::Percent);
    if !number(x) || !number(y) {
        return None;
    }
    let base = match op {
        BinaryOp::Add | BinaryOp::Sub if x == y => x,
        BinaryOp::Mul if y == Base::Percent && x != Base::Percent => x,
        BinaryOp::Mul if x == Base::Percent && y != Base::Percent => y,
        BinaryOp::Mul if y == Base::Int => x,
        BinaryOp::Mul if x == Base::Int => y,
        BinaryOp::Div if y == Base::Int => x,
        BinaryOp::Div if x == y => Base::Int,
        _ => return None,
    };
    Some(Type::scalar(base))
}

/// The type of `a + b` for lists, maps and texts.
fn joined(a: &Type, b: &Type) -> Option<Type> {
    let text = |ty: &Type| match ty {
        Type::Secret(inner) => inner.base().is_some_and(Base::is_text),
        ty => ty.base().is_some_and(Base::is_text),
    };
    match (a, b) {
        (Type::List(x), Type::List(y)) if **x == Type::Error => Some(Type::List(y.clone())),
        (Type::List(x), Type::List(y)) if **y == Type::Error => Some(Type::List(x.clone())),
        (Type::List(x), Type::List(y)) => {
            Some(Type::List(Box::new(x.as_ref().clone().join(y.as_ref().clone()))))
        }
        (Type::Record(x), Type::Record(y)) => {
            let mut fields: IndexMap<String, Field> = x.as_ref().clone();
            fields.extend(y.iter().map(|(name, field)| (name.clone(), field.clone())));
            Some(Type::Record(Arc::new(fields)))
        }
        (Type::Map(_) | Type::Record(_), Type::Map(_) | Type::Record(_)) => {
            Some(Type::Map(Box::new(values(a).join(values(b)))))
        }
        (a, b) if text(a) && text(b) => match a.holds_secret() || b.holds_secret() {
            true => Some(Type::Secret(Box::new(Type::string()))),
            false => Some(Type::string()),
        },
        _ => None,
    }
}

/// The type of a map's values.
fn values(ty: &Type) -> Type {
    match ty {
        Type::Map(value) => (**value).clone(),
        Type::Record(fields) => join_all(fields.values().map(|field| field.ty.clone())),
        _ => Type::Error,
    }
}

/// A text that would be of a type without its quotes, and where it stands.
fn without_quotes(e: &Expr, ty: &Type) -> Option<(Span, String)> {
    unquoted(e, ty.base()?).map(|text| (e.span, text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn numbers_keep_their_units() {
        let of = |a, op, b| computed(&Type::scalar(a), op, &Type::scalar(b)).map(|ty| ty.to_string());
        assert_eq!(of(Base::Int, BinaryOp::Mul, Base::Size).as_deref(), Some("Size"));
        assert_eq!(of(Base::Int, BinaryOp::Mul, Base::Percent).as_deref(), Some("Int"));
        assert_eq!(of(Base::Duration, BinaryOp::Div, Base::Duration).as_deref(), Some("Int"));
        assert_eq!(of(Base::Duration, BinaryOp::Add, Base::Int), None);
        assert_eq!(of(Base::String, BinaryOp::Sub, Base::String), None);
    }

    #[test]
    fn a_text_with_a_secret_in_it_is_secret() {
        let secret = Type::Secret(Box::new(Type::string()));
        let sum = computed(&Type::string(), BinaryOp::Add, &secret).unwrap();
        assert_eq!(sum.to_string(), "Secret<String>");
    }
}
