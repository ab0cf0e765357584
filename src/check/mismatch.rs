//! The words for a value that does not fit.

use std::sync::Arc;

use super::checker::{Checker, Part, Want};
use super::declare::with_article;
use super::module::What;
use crate::base::{closest, sentence_list, tail_of};
use crate::diag::Diagnostic;
use crate::schema::{Field, Type, Variant, plain};
use crate::syntax::ast::{Expr, ExprKind, StringPart};

/// How many names of the file are looked through for an example.
pub(super) const MOST_EXAMPLES: usize = 500;

impl<'a> Checker<'a> {
    /// Reports that a value of type `found` does not fit.
    pub(super) fn mismatch(&mut self, e: &'a Expr, found: &Type, want: Want<'_>) {
        let diagnostic = if found.holds_secret() && !want.ty.holds_secret() {
            exposed(self.secret_in(e), want)
        } else if needs_secret(found, want.ty) {
            self.plain_secret(e, want)
        } else if may_be_none(found, want.ty) {
            self.possibly_none(e, takes(want))
        } else if let Some(choice) = self.invalid_choice(e, found, want) {
            choice
        } else {
            self.other(e, found, want)
        };
        self.report(diagnostic);
    }

    /// A value that may be `none` where that is not allowed.
    pub(super) fn possibly_none(&self, e: &Expr, place: String) -> Diagnostic {
        let what = described(e);
        let diagnostic = Diagnostic::error("possibly-none", e.span, format!("{what} may be `none`"))
            .label(place)
            .help("say what to take instead: `… ?? OTHER`, or ask before: `if … != none { … }`");
        match &e.kind {
            ExprKind::Name(name) => match self.declaration(name) {
                Some((span, _)) => diagnostic
                    .related(span, "declared here")
                    .help(format!("say what to take instead: `{name} ?? …`")),
                None => diagnostic,
            },
            _ => diagnostic,
        }
    }

    /// A secret in plain text.
    fn plain_secret(&self, e: &Expr, want: Want<'_>) -> Diagnostic {
        let message = format!("{} takes a secret, and this is plain text", subject(want));
        let diagnostic = Diagnostic::error("plain-secret", e.span, message);
        if let ExprKind::Name(name) = &e.kind
            && let Some(symbol) = self.scope.get(name).filter(|_| self.locals.get(name).is_none())
            && matches!(symbol.what, What::Param | What::Let)
        {
            let label = format!("{} is shown in the open", with_article(symbol.what.noun()));
            let variable = name.to_uppercase();
            return diagnostic
                .related(symbol.span, label)
                .help(format!("declare it as a secret: `secret {name} = env(\"{variable}\")`"));
        }
        let secrets = self.scope.iter().take(MOST_EXAMPLES);
        let mut secrets = secrets.filter(|(_, symbol)| symbol.what == What::Secret).map(|(name, _)| name);
        let name = if want.taker.is_empty() { "NAME" } else { want.taker };
        let declare =
            format!("declare `secret {name} = env(\"{}\")` and write `{name}` here", name.to_uppercase());
        diagnostic.label("anyone who reads the file reads it").help(match (secrets.next(), secrets.next()) {
            (Some(one), None) => format!("write a secret, such as `{one}`; or {declare}"),
            _ => declare,
        })
    }

    /// The part of a text that is secret.
    fn secret_in(&mut self, e: &'a Expr) -> &'a Expr {
        let ExprKind::String(parts) = &e.kind else { return e };
        let inner = parts.iter().filter_map(|part| match part {
            StringPart::Interpolation(inner) => Some(inner),
            StringPart::Text(_) => None,
        });
        // The parts have been checked already: what is wrong with them has been said.
        let said = self.out.len();
        let found = inner.into_iter().find(|inner| self.infer(inner, None).holds_secret());
        self.out.truncate(said);
        found.unwrap_or(e)
    }

    /// A text or word that is none of those to choose from.
    fn invalid_choice(&self, e: &Expr, found: &Type, want: Want<'_>) -> Option<Diagnostic> {
        let text = match (&e.kind, found) {
            (ExprKind::String(parts), _) => plain(parts)?,
            (_, Type::Literal(text)) => text.clone(),
            _ => return None,
        };
        let literals = want.ty.literals();
        let words = self.words(want.ty);
        if literals.is_empty() && words.is_empty() {
            return None;
        }
        let needs = want.ty.variant(&text).and_then(first_needed);
        if let Some((param, _)) = needs {
            let message = format!("`{text}` is a word here, not a text");
            return Some(
                Diagnostic::error("type-mismatch", e.span, message)
                    .help(format!("write `{text}({param}: …)`, without quotes")),
            );
        }
        if words.contains(&text) {
            return Some(
                Diagnostic::error("type-mismatch", e.span, format!("`{text}` is a word here, not a text"))
                    .help("write it without quotes")
                    .fix("drop the quotes", e.span, text),
            );
        }
        let choices = literals.iter().map(|text| format!("\"{text}\"")).chain(words);
        let choices: Vec<String> = choices.collect();
        let message = format!("{} cannot be `\"{text}\"`", subject(want));
        let mut diagnostic = Diagnostic::error("unknown-choice", e.span, message);
        if let ExprKind::Name(name) = &e.kind
            && let Some((span, _)) = self.declaration(name)
        {
            diagnostic = diagnostic.related(span, format!("`{name}` is declared here"));
            let choices = sentence_list(choices.iter().map(String::as_str), "or");
            return Some(diagnostic.help(format!("choose {choices}")));
        }
        let quoted = format!("\"{text}\"");
        let near = closest(&text, literals.iter().copied()).map(|near| format!("\"{near}\""));
        let near = near.or_else(|| closest(&text, choices.iter().map(String::as_str)).map(str::to_owned));
        let near =
            near.or_else(|| tail_of(&text, literals.iter().copied()).map(|near| format!("\"{near}\"")));
        if let Some(near) = &near
            && let Some((param, _)) = want.ty.variant(near).and_then(first_needed)
        {
            return Some(diagnostic.help(format!("write `{near}({param}: …)`, without quotes")));
        }
        Some(match near {
            Some(near) if near != quoted => diagnostic.help(format!("did you mean `{near}`?")).fix(
                format!("change to `{near}`"),
                e.span,
                near,
            ),
            _ => {
                diagnostic.help(format!("choose {}", sentence_list(choices.iter().map(String::as_str), "or")))
            }
        })
    }

    fn other(&self, e: &Expr, found: &Type, want: Want<'_>) -> Diagnostic {
        let message = format!("{}, not {}", takes(want), shown(found));
        let mut diagnostic = Diagnostic::error("type-mismatch", e.span, message);
        if let ExprKind::Name(name) = &e.kind
            && let Some((span, _)) = self.declaration(name)
        {
            diagnostic = diagnostic.related(span, format!("`{name}` is declared here"));
        }
        self.advise(diagnostic, e, found, want)
    }

    /// A value of a type, to show how an attribute is written; `…` where there is no telling.
    pub(super) fn example(&self, ty: &Type) -> String {
        if let Some(kind) = ty.kinds().first() {
            let handle = Type::Handle((*kind).to_owned());
            let mut fitting = self
                .scope
                .iter()
                .take(MOST_EXAMPLES)
                .filter(|(_, symbol)| symbol.ty == handle)
                .map(|(name, _)| name);
            let one = match (fitting.next(), fitting.next()) {
                (Some(one), None) => one.clone(),
                _ => "…".to_owned(),
            };
            return if ty.item().is_some() { format!("[{one}]") } else { one };
        }
        match ty {
            Type::Literal(text) => format!("\"{text}\""),
            Type::Variant(variant) if variant.params.is_empty() => variant.name.clone(),
            Type::Variant(variant) => format!("{}(…)", variant.name),
            Type::Union(members) => members.first().map_or("…".to_owned(), |first| self.example(first)),
            Type::Scalar(scalar) => match &scalar.refinement.matching {
                Some(pattern) => match pattern.words.as_deref().and_then(|words| words.split('`').nth(1)) {
                    Some(example) => format!("\"{example}\""),
                    None => "\"…\"".to_owned(),
                },
                None if scalar.base.is_text() => "\"…\"".to_owned(),
                None => "…".to_owned(),
            },
            Type::Secret(_) => {
                let known = self.scope.iter().take(MOST_EXAMPLES);
                let mut secrets = known.filter(|(_, symbol)| matches!(symbol.ty, Type::Secret(_)));
                match (secrets.next(), secrets.next()) {
                    (Some((secret, _)), None) => secret.clone(),
                    _ => "SECRET".to_owned(),
                }
            }
            Type::List(item) => format!("[{}]", self.example(item)),
            Type::Map(_) | Type::Record(_) => "{ … }".to_owned(),
            _ => "…".to_owned(),
        }
    }
}

/// What takes the value: "`engine`", "an element of `ports`", "`cost` of `tags`", "this".
fn subject(want: Want<'_>) -> String {
    match (want.taker, want.part) {
        ("", _) => "this".to_owned(),
        (taker, Part::Whole) => format!("`{taker}`"),
        (taker, Part::Element) => format!("an element of `{taker}`"),
        (taker, Part::Entry(name)) => format!("`{name}` of `{taker}`"),
    }
}

/// "`storage` takes `Size`".
fn takes(want: Want<'_>) -> String {
    let verb = if want.part == Part::Element { "is" } else { "takes" };
    let ty = match want.ty {
        Type::Optional(inner) => inner,
        ty => ty,
    };
    match want.taker {
        "" => format!("this must be {}", shown(ty)),
        _ => format!("{} {verb} {}", subject(want), shown(ty)),
    }
}

/// A type in words or in backticks.
pub(super) fn shown(ty: &Type) -> String {
    match ty {
        Type::None => "`none`".to_owned(),
        Type::Handle(kind) => with_article(&format!("`{kind}`")),
        Type::Module(_) => "a module".to_owned(),
        Type::Record(fields) if fields.is_empty() => "an empty map".to_owned(),
        Type::Record(_) => "a map".to_owned(),
        Type::List(item) if **item == Type::Error => "a list".to_owned(),
        Type::BlockName(block) => format!("the name of a `{block}`"),
        other => format!("`{other}`"),
    }
}

/// An expression as a subject: its name where it has one.
pub(super) fn described(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Name(name) => format!("`{name}`"),
        ExprKind::Member(inner, member) => match &inner.kind {
            ExprKind::Name(name) => format!("`{name}.{}`", member.value),
            _ => format!("`{}`", member.value),
        },
        _ => "this value".to_owned(),
    }
}

fn exposed(e: &Expr, want: Want<'_>) -> Diagnostic {
    let message = format!("{} would be shown in the open by {}", described(e), subject(want));
    let diagnostic = Diagnostic::error("secret-exposed", e.span, message).label("this holds a secret");
    match want.taker {
        "run" => diagnostic.help("hand it over in a variable: `run \"… $SECRET\" with { SECRET = … }`"),
        _ => diagnostic.help("give secrets only to what takes a `Secret`, such as `password` or `variables`"),
    }
}

fn needs_secret(found: &Type, wanted: &Type) -> bool {
    wanted.find(&|member| match member {
        Type::Secret(inner) => Some(found.fits(inner)),
        _ => None,
    }) == Some(true)
}

fn may_be_none(found: &Type, wanted: &Type) -> bool {
    matches!(found, Type::Optional(inner) if inner.fits(wanted))
}

/// The first parameter of an alternative that must be given.
fn first_needed(variant: &Arc<Variant>) -> Option<(&String, &Field)> {
    let needed = |field: &Field| field.default.is_none() && !matches!(field.ty, Type::Optional(_));
    variant.params.iter().find(|(_, field)| needed(field))
}
