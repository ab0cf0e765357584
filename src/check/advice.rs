//! What to type instead of a value that does not fit.

use super::checker::{Checker, Want};
use super::mismatch::{MOST_EXAMPLES, shown};
use crate::base::{Span, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::{Base, Scalar, Type, plain};
use crate::syntax::ast::{Entry, Expr, ExprKind};

impl<'a> Checker<'a> {
    /// What to type instead, for the slips that can be told.
    pub(super) fn advise(
        &self,
        diagnostic: Diagnostic,
        e: &Expr,
        found: &Type,
        want: Want<'_>,
    ) -> Diagnostic {
        let wanted = want.ty;
        let bases = bases(wanted);
        if let Some(text) = bases.iter().find_map(|base| unquoted(e, *base)) {
            let title = format!("write `{text}`");
            return diagnostic.help("write it without quotes").fix(title, e.span, text);
        }
        if let Some(choices) = with_units(e, wanted) {
            return match &choices[..] {
                [one] => diagnostic.help(format!("write `{one}`")).fix(format!("write `{one}`"), e.span, one),
                many => diagnostic
                    .help(format!("write a unit: {}", sentence_list(many.iter().map(String::as_str), "or"))),
            };
        }
        if let (Some(map), true) = (entries_of_a_map(e), wanted.map_value().is_some()) {
            return diagnostic.help(format!("write `{map}`")).fix(format!("write `{map}`"), e.span, map);
        }
        if let (Some(item), false) = (wanted.item(), matches!(found, Type::List(_))) {
            return match found.fits(item) {
                true => wrap(diagnostic.help("write a list: put it between `[` and `]`"), e, "[", "]"),
                false => diagnostic.help(format!("write a list of {}", shown(item))),
            };
        }
        if let (Some((from, to)), true) = (ends_of_a_range(e), wanted.range_bound().is_some()) {
            let range = format!("{from}..{to}");
            return diagnostic.help(format!("write the lowest and the highest value: `{range}`")).fix(
                format!("write `{range}`"),
                e.span,
                range,
            );
        }
        if let Some(command) = command(e).filter(|_| want.taker == "run") {
            return diagnostic.help(format!("write one command: `{command}`")).fix(
                format!("write `{command}`"),
                e.span,
                command,
            );
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
        if !wanted.kinds().is_empty() {
            return self.name_a_resource(diagnostic, e, wanted);
        }
        if wanted.range_bound().is_some() {
            return match e.kind {
                ExprKind::Int(n) => diagnostic
                    .help(format!("write the lowest and the highest value: `{n}..{n}`"))
                    .fix(format!("write `{n}..{n}`"), e.span, format!("{n}..{n}")),
                _ => diagnostic.help("write the lowest and the highest value: `2..4`"),
            };
        }
        if bases == [Base::Bool]
            && let (Type::Optional(_), ExprKind::Name(name)) = (found, &e.kind)
        {
            let question = format!("{name} != none");
            return diagnostic.help(format!("ask whether it is there: `{question}`")).fix(
                format!("write `{question}`"),
                e.span,
                question,
            );
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
            (Base::Int, Some(Base::Duration | Base::Size | Base::Percent)) => {
                diagnostic.help("write a number without a unit, such as `3`")
            }
            (base, Some(found)) if base.is_text() && found.is_text() => match words(wanted) {
                Some(words) => diagnostic.help(format!("it takes {words}")),
                None => diagnostic,
            },
            (base, Some(_)) if base.is_text() => match e.kind {
                ExprKind::Int(_) | ExprKind::Bool(_) => {
                    wrap(diagnostic.help("a text stands in quotes"), e, "\"", "\"")
                }
                _ => diagnostic.help("to make a text of a value write `\"${…}\"`"),
            },
            (base, _) => diagnostic.help(example(*base)),
        }
    }

    /// Says which resource to name where one is wanted.
    fn name_a_resource(&self, diagnostic: Diagnostic, e: &Expr, wanted: &Type) -> Diagnostic {
        let fits = |name: &str| {
            self.locals.get(name).is_none()
                && self
                    .scope
                    .get(name)
                    .is_some_and(|symbol| symbol.ty != Type::Error && symbol.ty.fits(wanted))
        };
        match &e.kind {
            ExprKind::Member(inner, _) => {
                if let ExprKind::Name(name) = &inner.kind
                    && fits(name)
                {
                    return diagnostic.help(format!("name the resource itself: `{name}`")).fix(
                        format!("change to `{name}`"),
                        e.span,
                        name,
                    );
                }
            }
            ExprKind::String(parts) => {
                if let Some(name) = plain(parts).filter(|name| fits(name)) {
                    return diagnostic.help(format!("name the resource, without quotes: `{name}`")).fix(
                        format!("change to `{name}`"),
                        e.span,
                        name,
                    );
                }
            }
            _ => {}
        }
        let known = self.scope.iter().take(MOST_EXAMPLES).filter(|(name, _)| fits(name));
        let known: Vec<&str> = known.map(|(name, _)| name.as_str()).take(4).collect();
        let kind = wanted.kinds().first().copied().unwrap_or_default();
        diagnostic.help(match &known[..] {
            [] => format!("name a resource, such as one declared with `existing {kind} NAME {{ … }}`"),
            [one] => format!("name a resource, such as `{one}`"),
            many => format!("name a resource, such as {}", sentence_list(many.iter().copied(), "or")),
        })
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
pub(super) fn unquoted(e: &Expr, base: Base) -> Option<String> {
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

/// A number as values with the units that a type's bounds allow.
fn with_units(e: &Expr, wanted: &Type) -> Option<Vec<String>> {
    let number = match &e.kind {
        ExprKind::Int(number) => *number,
        ExprKind::String(parts) => plain(parts)?.parse().ok()?,
        _ => return None,
    };
    let scalar = wanted.find(&|member| match member {
        Type::Scalar(scalar) => Some(scalar),
        _ => None,
    })?;
    let units: &[(&str, i64)] = match scalar.base {
        Base::Duration => &[("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)],
        Base::Size => &[("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)],
        Base::Percent => &[("%", 100)],
        _ => return None,
    };
    let allowed = |(_, factor): &&(&str, i64)| number.checked_mul(*factor).is_some_and(|n| holds(scalar, n));
    let all: Vec<String> =
        units.iter().filter(allowed).take(3).map(|(unit, _)| format!("{number}{unit}")).collect();
    (!all.is_empty()).then_some(all)
}

fn holds(scalar: &Scalar, number: i64) -> bool {
    let bounds = &scalar.refinement;
    bounds.min.is_none_or(|min| min <= number) && bounds.max.is_none_or(|max| number <= max)
}

/// `[{ Key = "team", Value = "shop" }]`, as AWS writes maps, as a map.
fn entries_of_a_map(e: &Expr) -> Option<String> {
    let ExprKind::List(items) = &e.kind else { return None };
    let mut entries = Vec::new();
    for item in items {
        let ExprKind::Record(body) = &item.kind else { return None };
        let given = |name: &str| {
            body.entries.iter().find_map(|entry| match entry {
                Entry::Attribute(one) if one.name.value.eq_ignore_ascii_case(name) => one.value.written(),
                _ => None,
            })
        };
        let key = given("key").or_else(|| given("name"))?;
        let bare = key.trim_matches('"');
        let is_name = bare.starts_with(|c: char| c.is_ascii_alphabetic())
            && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        entries.push(format!("{} = {}", if is_name { bare } else { &key }, given("value")?));
    }
    (!entries.is_empty()).then(|| format!("{{ {} }}", entries.join(", ")))
}

/// The ends of what is meant as a range: `"2-4"`, `[2, 4]`.
fn ends_of_a_range(e: &Expr) -> Option<(i64, i64)> {
    let (from, to) = match &e.kind {
        ExprKind::List(items) => match &items[..] {
            [Expr { kind: ExprKind::Int(from), .. }, Expr { kind: ExprKind::Int(to), .. }] => (*from, *to),
            _ => return None,
        },
        ExprKind::String(parts) => {
            let text = plain(parts)?;
            let (from, to) = ["..", "-", ",", ":"].iter().find_map(|sign| text.split_once(sign))?;
            (from.trim().parse().ok()?, to.trim().parse().ok()?)
        }
        _ => return None,
    };
    (from <= to).then_some((from, to))
}

/// The words of `["mvn", "package"]` as one text.
fn command(e: &Expr) -> Option<String> {
    let ExprKind::List(items) = &e.kind else { return None };
    let words: Option<Vec<String>> = items
        .iter()
        .map(|item| match &item.kind {
            ExprKind::String(parts) => plain(parts).filter(|word| !word.contains([' ', '"', '\\', '$'])),
            _ => None,
        })
        .collect();
    words.filter(|words| !words.is_empty()).map(|words| format!("\"{}\"", words.join(" ")))
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
