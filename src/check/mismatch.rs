//! The words for a value that does not fit, and what to type instead.

use super::checker::{Checker, Part, Want};
use super::declare::with_article;
use crate::base::{Span, closest, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::{Base, Type, plain};
use crate::syntax::ast::{Expr, ExprKind, StringPart};

/// How many names of the file are looked through for an example.
const MOST_EXAMPLES: usize = 500;

impl<'a> Checker<'a> {
    /// Reports that a value of type `found` does not fit.
    pub(super) fn mismatch(&mut self, e: &'a Expr, found: &Type, want: Want<'_>) {
        let diagnostic = if found.holds_secret() && !want.ty.holds_secret() {
            exposed(self.secret_in(e), want)
        } else if needs_secret(found, want.ty) {
            plain_secret(e, want)
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
        let needs = want.ty.variant(&text).and_then(|variant| {
            variant
                .params
                .iter()
                .find(|(_, field)| field.default.is_none() && !matches!(field.ty, Type::Optional(_)))
        });
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

    /// What to type instead, for the slips that can be told.
    fn advise(&self, diagnostic: Diagnostic, e: &Expr, found: &Type, want: Want<'_>) -> Diagnostic {
        let wanted = want.ty;
        let bases = bases(wanted);
        if let Some(text) = bases.iter().find_map(|base| unquoted(e, *base)) {
            let title = format!("write `{text}`");
            return diagnostic.help("write it without quotes").fix(title, e.span, text);
        }
        if let (Some(item), false) = (wanted.item(), matches!(found, Type::List(_))) {
            return match found.fits(item) {
                true => wrap(diagnostic.help("write a list: put it between `[` and `]`"), e, "[", "]"),
                false => diagnostic.help(format!("write a list of {}", shown(item))),
            };
        }
        if let Type::List(item) = found
            && item.fits(wanted)
        {
            return match &e.kind {
                ExprKind::List(_) => diagnostic.help("write one value, without `[` and `]`"),
                _ => diagnostic.help("pick one of the list: `…[0]`"),
            };
        }
        if let ExprKind::Name(name) = &e.kind
            && wanted.literals().contains(&name.as_str())
        {
            return diagnostic.help(format!("a text stands in quotes: `\"{name}\"`")).fix(
                format!("write `\"{name}\"`"),
                e.span,
                format!("\"{name}\""),
            );
        }
        if let (Type::Handle(_) | Type::Module(_), Some(help)) = (found, self.output_help(e, found, wanted)) {
            return diagnostic.help(help);
        }
        if let Some(kind) = wanted.kinds().first() {
            return diagnostic
                .help(format!("name a resource, such as one declared with `existing {kind} NAME {{ … }}`"));
        }
        if wanted.range_bound().is_some() {
            return match e.kind {
                ExprKind::Int(n) => diagnostic
                    .help(format!("write the lowest and the highest value: `{n}..{n}`"))
                    .fix(format!("write `{n}..{n}`"), e.span, format!("{n}..{n}")),
                _ => diagnostic.help("write the lowest and the highest value: `2..4`"),
            };
        }
        let Some(first) = bases.first() else {
            return match wanted.map_value().is_some() || wanted.record().is_some() {
                true => diagnostic.help("write `{ NAME = VALUE }`"),
                false => diagnostic,
            };
        };
        match (first, found.base()) {
            (Base::Duration, Some(Base::Int)) => diagnostic.help("write a unit: `30s`, `10m`, `2h` or `7d`"),
            (Base::Size, Some(Base::Int)) => diagnostic.help("write a unit: `20GiB`"),
            (Base::Percent, Some(Base::Int)) => diagnostic.help("write a percent sign: `50%`"),
            (base, Some(found)) if base.is_text() && found.is_text() => match words(wanted) {
                Some(words) => diagnostic.help(format!("it takes {words}")),
                None => diagnostic,
            },
            (base, Some(_)) if base.is_text() => match e.kind {
                ExprKind::Int(_) => wrap(diagnostic.help("a text stands in quotes"), e, "\"", "\""),
                _ => diagnostic.help("to make a text of a value write `\"${…}\"`"),
            },
            (base, _) => diagnostic.help(example(*base)),
        }
    }

    /// The outputs of a resource or module that would fit.
    fn output_help(&self, e: &Expr, found: &Type, wanted: &Type) -> Option<String> {
        let ExprKind::Name(name) = &e.kind else { return None };
        let outputs = match found {
            Type::Handle(kind) => &self.schema.kind(kind)?.outputs,
            Type::Module(outputs) => outputs,
            _ => return None,
        };
        let same = outputs.iter().filter(|(_, ty)| ty.to_string() == wanted.to_string());
        let mut fitting: Vec<&str> = same.map(|(output, _)| output.as_str()).collect();
        if fitting.is_empty() {
            let fits = outputs.iter().filter(|(_, ty)| ty.fits(wanted));
            fitting = fits.map(|(output, _)| output.as_str()).take(4).collect();
        }
        let all: Vec<String> = fitting.iter().map(|output| format!("{name}.{output}")).collect();
        if all.is_empty() {
            return None;
        }
        Some(format!("read what it gives: {}", sentence_list(all.iter().map(String::as_str), "or")))
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

fn plain_secret(e: &Expr, want: Want<'_>) -> Diagnostic {
    let message = format!("{} takes a secret, and this is plain text", subject(want));
    let name = if want.taker.is_empty() { "NAME" } else { want.taker };
    Diagnostic::error("plain-secret", e.span, message)
        .label("anyone who reads the file reads it")
        .help(format!("declare `secret {name} = env(\"{}\")` and write `{name}` here", name.to_uppercase()))
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

/// Puts something before and after an expression.
fn wrap(mut diagnostic: Diagnostic, e: &Expr, before: &str, after: &str) -> Diagnostic {
    let insert = |at: u32, text: &str| crate::diag::Edit { span: Span::new(at, at), text: text.to_owned() };
    diagnostic.fix = Some(crate::diag::Fix {
        title: format!("put it between `{before}` and `{after}`"),
        edits: vec![insert(e.span.start, before), insert(e.span.end, after)],
    });
    diagnostic
}

/// The text of a string that would be a value of the base without its quotes.
fn unquoted(e: &Expr, base: Base) -> Option<String> {
    let ExprKind::String(parts) = &e.kind else { return None };
    let text = plain(parts)?;
    let units: &[&str] = match base {
        Base::Bool => return matches!(text.as_str(), "true" | "false").then_some(text),
        Base::Int => &[""],
        Base::Duration => &["ms", "s", "m", "h", "d"],
        Base::Size => &["B", "KiB", "MiB", "GiB", "TiB"],
        Base::Percent => &["%"],
        Base::String | Base::Path => return None,
    };
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (digits.len() < text.len() && units.contains(&digits)).then_some(text)
}

/// The bases of the scalars among the alternatives of a type.
fn bases(ty: &Type) -> Vec<Base> {
    ty.members()
        .into_iter()
        .filter_map(|member| match member {
            Type::Scalar(scalar) => Some(scalar.base),
            Type::Literal(_) => Some(Base::String),
            _ => None,
        })
        .collect()
}

/// What the texts of a type look like, in words.
fn words(ty: &Type) -> Option<&str> {
    ty.find(&|member| match member {
        Type::Scalar(scalar) => scalar.refinement.matching.as_ref()?.words.as_deref(),
        _ => None,
    })
}

fn example(base: Base) -> &'static str {
    match base {
        Base::Bool => "write `true` or `false`",
        Base::Int => "write a number, such as `3`",
        Base::String => "write a text in quotes",
        Base::Path => "write a path in quotes",
        Base::Duration => "write a length of time, such as `30s` or `10m`",
        Base::Size => "write a size, such as `20GiB`",
        Base::Percent => "write a percentage, such as `50%`",
    }
}
