//! Chains of names, such as `aws_db_instance.mysql.endpoint`, as other languages write them.

use super::checker::Checker;
use super::habits::{our_output, our_way};
use super::mismatch::MOST_EXAMPLES;
use super::module::What;
use crate::base::{Span, closest};
use crate::diag::Diagnostic;
use crate::schema::{Type, is_kind};
use crate::syntax::ast::{Expr, ExprKind};

impl<'a> Checker<'a> {
    /// Reports a chain of names that begins with a name that there is not, or goes on after an output that there is
    /// not, where it can be told what is meant; false where not.
    pub(super) fn foreign_chain(&mut self, e: &'a Expr, hint: Option<&Type>) -> bool {
        let ExprKind::Member(inner, _) = &e.kind else { return false };
        let Some(root) = root(e) else { return false };
        let known = self.knows(root);
        if known && !matches!(inner.kind, ExprKind::Member(..)) {
            return false;
        }
        if known && self.locals.get(root).is_some() || !known && self.is_lost(root) {
            return false;
        }
        let Some(names) = chain(e) else { return false };
        let found = if known { self.past_an_output(&names) } else { self.unknown_chain(e, &names, hint) };
        let Some(found) = found else { return false };
        self.touch(e);
        names.iter().for_each(|(name, _)| self.touch_name(name));
        self.report(found);
        true
    }

    /// `mysql.Endpoint.Address`
    fn past_an_output(&self, names: &[(&str, Span)]) -> Option<Diagnostic> {
        let [(root, _), (output, at), .., (_, last)] = names else { return None };
        let Type::Handle(kind) = &self.scope.get(*root)?.ty else { return None };
        let kind = self.schema.kind(kind)?;
        if names.len() < 3 || kind.outputs.contains_key(*output) {
            return None;
        }
        let near =
            our_output(kind, output).or_else(|| closest(output, kind.outputs.keys().map(String::as_str)))?;
        let message =
            format!("{} has no output `{output}`", super::declare::with_article(&format!("`{}`", kind.name)));
        let place = Span::new(at.start, last.end);
        Some(Diagnostic::error("unknown-output", place, message).help(format!("write `{root}.{near}`")).fix(
            format!("change to `{near}`"),
            place,
            near,
        ))
    }

    fn unknown_chain(&self, e: &Expr, names: &[(&str, Span)], hint: Option<&Type>) -> Option<Diagnostic> {
        let [(root, place), (second, _), rest @ ..] = names else { return None };
        let error =
            |span| Diagnostic::error("unknown-name", span, format!("nothing here is called `{root}`"));
        let foreign = root.starts_with("aws_") || is_kind(root) || our_way(root).is_some();
        if foreign && let Some(at) = names.iter().position(|(name, _)| self.knows(name)) {
            let (_, first) = names.get(at)?;
            let tail: Vec<&str> = names.iter().skip(at).map(|(name, _)| *name).collect();
            let tail = tail.join(".");
            return Some(error(*place).help(format!("names stand alone: `{tail}`")).fix(
                format!("change to `{tail}`"),
                Span::new(place.start, first.start),
                "",
            ));
        }
        if let ("terraform", "workspace", []) = (*root, *second, rest) {
            return Some(error(e.span).help("the name of the stage is `stage`").fix(
                "change to `stage`",
                e.span,
                "stage",
            ));
        }
        let text: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let text = text.join(".");
        if hint.is_some_and(|hint| is_such_a_text(hint, &text)) {
            return Some(error(e.span).help(format!("a text stands in quotes: `\"{text}\"`")).fix(
                "add quotes",
                e.span,
                format!("\"{text}\""),
            ));
        }
        let near = closest(root, self.scope.keys().map(String::as_str));
        let mut others = self.scope.iter().take(MOST_EXAMPLES).filter(|(_, symbol)| match &symbol.ty {
            Type::Handle(kind) if matches!(symbol.what, What::Resource | What::Existing) => {
                self.schema.kind(kind).is_some_and(|kind| kind.outputs.contains_key(*second))
            }
            _ => false,
        });
        match (near, others.next(), others.next()) {
            (None, Some((other, symbol)), None) if !foreign => Some(
                error(*place)
                    .related(symbol.span, format!("the only resource here with `.{second}`"))
                    .help(format!("did you mean `{other}.{second}`?")),
            ),
            _ => None,
        }
    }
}

/// The name that a chain begins with.
fn root(e: &Expr) -> Option<&str> {
    let mut e = e;
    while let ExprKind::Member(inner, _) = &e.kind {
        e = inner;
    }
    match &e.kind {
        ExprKind::Name(name) => Some(name),
        _ => None,
    }
}

/// The names of `a.b.c` with their places.
fn chain(e: &Expr) -> Option<Vec<(&str, Span)>> {
    let mut names = Vec::new();
    let mut e = e;
    while let ExprKind::Member(inner, name) = &e.kind {
        names.push((name.value.as_str(), name.span));
        e = inner;
    }
    let ExprKind::Name(name) = &e.kind else { return None };
    names.push((name, e.span));
    names.reverse();
    Some(names)
}

/// Whether a type has texts of a special form, and this is one.
fn is_such_a_text(ty: &Type, text: &str) -> bool {
    let by_form = ty.find(&|member| match member {
        Type::Scalar(scalar) if scalar.base.is_text() => {
            let rules = &scalar.refinement;
            let matches = rules.matching.as_ref().map(|pattern| {
                regex_lite::Regex::new(&format!("^(?:{})$", pattern.regex))
                    .is_ok_and(|regex| regex.is_match(text))
            });
            matches.or(rules.format.map(|_| text.contains('.')))
        }
        _ => None,
    });
    ty.literals().contains(&text) || by_form == Some(true)
}
