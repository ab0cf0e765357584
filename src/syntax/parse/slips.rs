//! Slips that the grammar accepts: what to write instead.

use super::literals::unit_meant;
use super::{Pair, Pairs, Reader, Rule};
use crate::base::{Span, Spanned};
use crate::diag::{Diagnostic, Edit, Fix};
use crate::syntax::ast::*;
use crate::syntax::scan::MAX_FINDINGS;

impl Reader<'_> {
    /// A comma too many.
    pub(super) fn is_wrong_comma(&mut self, pairs: &mut Pairs<'_>) -> bool {
        let Some(pair) = super::items::next_if(pairs, Rule::wrong_comma) else { return false };
        let span = self.span(&pair);
        self.push(Diagnostic::error("syntax-error", span, "a comma too many").help("delete it").fix(
            "delete the comma",
            span,
            "",
        ));
        true
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_FINDINGS {
            self.diagnostics.push(diagnostic);
        }
    }

    pub(super) fn missing_type(&mut self, name: &Ident, default: Option<&Expr>) -> TypeExpr {
        if let Some(Expr { span, kind: ExprKind::Name(ty) }) = default
            && ty.starts_with(|c: char| c.is_ascii_uppercase())
        {
            let between = Span::new(name.span.end, span.start);
            let sign = between.start + self.under(between).find('=').unwrap_or_default() as u32;
            let diagnostic =
                Diagnostic::error("syntax-error", Span::new(sign, sign + 1), "a type stands after `:`")
                    .help(format!("write `param {}: {ty}`", name.value));
            self.push(diagnostic.fix("change to `:`", Span::new(between.start, sign + 1), ":"));
            return TypeExpr { span: name.span, kind: TypeKind::Broken };
        }
        let ty = match default.map(|value| &value.kind) {
            Some(ExprKind::Bool(_)) => "Bool",
            Some(ExprKind::Int(_)) => "Int",
            Some(ExprKind::Duration(_)) => "Duration",
            Some(ExprKind::Size(_)) => "Size",
            Some(ExprKind::Percent(_)) => "Percent",
            Some(ExprKind::Range(..)) => "Range<Int>",
            _ => "String",
        };
        let end = Span::new(name.span.end, name.span.end);
        self.push(
            Diagnostic::error("syntax-error", name.span, format!("parameter `{}` has no type", name.value))
                .help(format!("write `param {}: {ty}`", name.value))
                .fix(format!("add `: {ty}`"), end, format!(": {ty}")),
        );
        TypeExpr { span: name.span, kind: TypeKind::Broken }
    }

    pub(super) fn quoted_name(&mut self, pair: Pair<'_>) -> Ident {
        let name = self.plain_string(pair);
        let good = name.value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let word: String =
            name.value.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let diagnostic = Diagnostic::error("syntax-error", name.span, "a name stands without quotes")
            .help(format!("write `{word}`"));
        self.push(if good {
            diagnostic.fix("remove the quotes", name.span, word.clone())
        } else {
            diagnostic
        });
        Spanned::new(word, name.span)
    }

    /// `resource "aws_db_instance" "mysql" { … }`
    pub(super) fn terraform(&mut self, pairs: &mut Pairs<'_>, span: Span) {
        let words: Vec<String> =
            pairs.take(3).map(|pair| pair.as_str().trim_matches('"').to_owned()).collect();
        let [word, kind, name] = &words[..] else { return };
        let kind = kind.trim_start_matches("aws_");
        let right = match word.as_str() {
            "data" => format!("existing {kind} {name}"),
            _ => format!("{kind} {name}"),
        };
        let place = Span::new(span.start, span.start + word.len() as u32);
        self.push(
            Diagnostic::error(
                "syntax-error",
                place,
                "a resource is declared by its kind and its name, without quotes",
            )
            .help(format!("write `{right} {{ … }}`")),
        );
    }

    pub(super) fn wrong_assign(&mut self, name: &Ident, pair: &Pair<'_>) {
        let span = self.span(pair);
        let message = format!("`{}` is given its value with `=`", name.value);
        self.push(
            Diagnostic::error("syntax-error", span, message).help(format!("write `{} = …`", name.value)).fix(
                "change to `=`",
                span,
                " =",
            ),
        );
    }

    pub(super) fn wrong_operator(&mut self, pair: &Pair<'_>) {
        let (right, message) = match pair.as_str() {
            "&&" => ("and", "`&&` is written `and`"),
            "||" => ("or", "`||` is written `or`"),
            "=" => ("==", "`=` gives a value, `==` compares"),
            _ => return,
        };
        let span = self.span(pair);
        self.push(Diagnostic::error("syntax-error", span, message).help(format!("write `{right}`")).fix(
            format!("change to `{right}`"),
            span,
            right,
        ));
    }

    pub(super) fn wrong_prefix(&mut self, pair: &Pair<'_>) {
        if pair.as_str() == "!" {
            let span = self.span(pair);
            self.push(
                Diagnostic::error("syntax-error", span, "`!` is written `not`").help("write `not`").fix(
                    "change to `not`",
                    span,
                    "not ",
                ),
            );
        }
    }

    pub(super) fn chained(&mut self, first: Span, second: Span) {
        self.push(
            Diagnostic::error("syntax-error", second, "comparisons do not chain")
                .related(first, "the first comparison")
                .help("join two comparisons with `and`"),
        );
    }

    /// Reports `my-sql` as text without quotes.
    pub(super) fn is_text(&mut self, op: &Spanned<BinaryOp>, left: &Expr, right: &Expr) -> bool {
        let names =
            [left, right].iter().all(|side| matches!(side.kind, ExprKind::Name(_) | ExprKind::Broken));
        let tight = left.span.end == op.span.start && op.span.end == right.span.start;
        if op.value != BinaryOp::Sub || !names || !tight {
            return false;
        }
        if matches!(left.kind, ExprKind::Broken) {
            return true;
        }
        let after = self.text.get((right.span.end - self.base) as usize..).unwrap_or_default();
        let more =
            after.find(|c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c)).unwrap_or(after.len());
        let span = Span::new(left.span.start, right.span.end + more as u32);
        let text = self.under(span).to_owned();
        self.push(
            Diagnostic::error("syntax-error", span, "text needs quotes")
                .help(format!("write `\"{text}\"`, or put spaces around `-` to subtract"))
                .fix("add quotes", span, format!("\"{text}\"")),
        );
        true
    }

    pub(super) fn wrong_member(&mut self, value: &Expr, name: &Ident) {
        if matches!(&value.kind, ExprKind::Name(word) if word == "var") {
            let span = Span::new(value.span.start, name.span.start);
            self.push(
                Diagnostic::error("syntax-error", span, "a parameter is used by its name alone")
                    .help(format!("write `{}`", name.value))
                    .fix("remove `var.`", span, ""),
            );
        }
    }

    pub(super) fn wrong_word(&mut self, word: &str, span: Span) -> Option<ExprKind> {
        if !matches!(word, "null" | "nil") {
            return None;
        }
        self.push(
            Diagnostic::error("syntax-error", span, format!("`{word}` is called `none` here"))
                .help("write `none`")
                .fix("change to `none`", span, "none"),
        );
        Some(ExprKind::None)
    }

    pub(super) fn arg_name(&mut self, pair: &Pair<'_>) -> Ident {
        let text = pair.as_str();
        let word = text.trim_end_matches([' ', '\t', '\r', ':', '=']);
        let span = self.span(pair);
        let name = Spanned::new(word.to_owned(), Span::new(span.start, span.start + word.len() as u32));
        if text.contains('=') {
            let sign = span.start + text.find('=').unwrap_or_default() as u32;
            let sign = Span::new(sign, sign + 1);
            let edit = Edit { span: Span::new(name.span.end, sign.end), text: ":".to_owned() };
            let mut diagnostic =
                Diagnostic::error("syntax-error", sign, format!("argument `{word}` is given with `:`"))
                    .help(format!("write `{word}: …`"));
            diagnostic.fix = Some(Fix { title: "change to `:`".to_owned(), edits: vec![edit] });
            self.push(diagnostic);
        }
        name
    }

    pub(super) fn relation(&mut self, pair: &Pair<'_>) -> Ident {
        let mut word = self.ident(pair);
        if matches!(word.value.as_str(), "==" | ":") {
            let right = if word.value == ":" { " =" } else { "=" };
            self.push(
                Diagnostic::error("syntax-error", word.span, "a condition is written with `=`")
                    .help("write `=`")
                    .fix("change to `=`", word.span, right),
            );
            word.value = "=".to_owned();
        }
        word
    }

    pub(super) fn twice(&mut self, span: Span, first: Span) {
        self.push(
            Diagnostic::error("syntax-error", span, "`on failure` is given twice")
                .related(first, "first here")
                .help("write all actions into one `on failure { … }`"),
        );
    }

    pub(super) fn too_many_branches(&mut self, rest: &[Pair<'_>]) {
        if let Some(pair) = rest.get(super::expr::MAX_HEIGHT) {
            let span = self.span(pair);
            let place = Span::new(span.start, span.start + 4);
            let message = format!("more than {} branches", super::expr::MAX_HEIGHT);
            self.push(Diagnostic::error("too-deep", place, message));
        }
    }

    pub(super) fn needs_quotes(&mut self, text: &str, span: Span, message: &str) -> ExprKind {
        self.push(
            Diagnostic::error("invalid-number", span, message)
                .help(format!("write `\"{text}\"` if it is a text"))
                .fix("add quotes", span, format!("\"{text}\"")),
        );
        ExprKind::Broken
    }

    pub(super) fn too_large(&mut self, text: &str, span: Span) -> ExprKind {
        self.push(
            Diagnostic::error("invalid-number", span, format!("`{text}` is too large"))
                .help("write a number below 9223372036854775808, or a text in quotes"),
        );
        ExprKind::Broken
    }

    pub(super) fn unknown_unit(&mut self, text: &str, at: usize, unit: &str, span: Span) -> ExprKind {
        let at = text.len() - at;
        let start = span.start + at as u32;
        let place = Span::new(start, start + unit.len() as u32);
        let message = format!("`{unit}` is no unit");
        let diagnostic = Diagnostic::error("unknown-unit", place, message);
        self.push(match unit_meant(unit) {
            Some(meant) => diagnostic
                .help(format!("write `{}{meant}`", text.get(..at).unwrap_or_default()))
                .fix(format!("change to `{meant}`"), place, meant),
            None => diagnostic
                .help("units are `ms`, `s`, `m`, `h`, `d`, `w`, `KiB`, `MiB`, `GiB`, `TiB` and `%`; text needs quotes"),
        });
        ExprKind::Broken
    }

    pub(super) fn invalid_escape(&mut self, c: char, span: Span) {
        self.push(
            Diagnostic::error("invalid-escape", span, format!("`\\{c}` means nothing in a string"))
                .help(format!("write `\\\\{c}` for a backslash and `{c}`"))
                .fix("double the backslash", span, format!("\\\\{c}")),
        );
    }
}
