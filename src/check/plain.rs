//! Texts that name something of the file the way other languages put values into texts: `$domain`, `{{ domain }}`.

use super::checker::Checker;
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::syntax::ast::{Expr, ExprKind, StringPart};

/// How interpolations of other languages begin and end; the longer ones first.
const FORMS: [(&str, &str); 7] =
    [("{{", "}}"), ("#{", "}"), ("%{", "}"), ("$(", ")"), ("{", "}"), ("<%=", "%>"), ("$", "")];

impl<'a> Checker<'a> {
    /// Warns of names of the file that stand in a text without `${…}`.
    pub(super) fn plain_names(&mut self, e: &Expr, parts: &[StringPart]) {
        // The text of a command is the shell's.
        if self.command {
            return;
        }
        let mut at = Some(e.span.start + 1);
        for part in parts {
            match part {
                StringPart::Interpolation(inner) => at = Some(inner.span.end + 1),
                StringPart::Text(text) if text.contains(['$', '{', '%', '#']) => self.plain_name(e, text, at),
                StringPart::Text(_) => {}
            }
        }
    }

    /// Warns of the first such name in a piece of a text that begins at a place, if nothing in it is escaped.
    fn plain_name(&mut self, e: &Expr, text: &str, at: Option<u32>) {
        for (start, _) in text.match_indices(['$', '{', '%', '#', '<']) {
            let rest = text.get(start..).unwrap_or_default();
            let Some((length, name)) = FORMS.iter().find_map(|form| self.named(rest, *form)) else {
                continue;
            };
            // With escapes the piece is longer in the file than it is.
            let whole = matches!(&e.kind, ExprKind::String(parts) if matches!(parts[..], [StringPart::Text(_)]))
                && e.span.len() == text.len() + 2;
            let place = at.filter(|_| whole).map_or(e.span, |at| {
                let start = at + start as u32;
                Span::new(start, start + length as u32)
            });
            let written = rest.get(..length).unwrap_or_default();
            let right = format!("${{{name}}}");
            let found =
                Diagnostic::warning("plain-interpolation", place, format!("`{written}` is plain text here"))
                    .help(format!("write `{right}` for the value of `{name}`"));
            self.touch_name(&name);
            self.report(if whole { found.fix(format!("write `{right}`"), place, right) } else { found });
            return;
        }
    }

    /// The length of an interpolation of another language at the beginning of a text, and the name of the file in it.
    fn named(&self, text: &str, (open, close): (&str, &str)) -> Option<(usize, String)> {
        let inside = text.strip_prefix(open)?;
        let name = inside.trim_start_matches(' ');
        let from = open.len() + inside.len() - name.len();
        let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        let (name, rest) = name.split_at_checked(length)?;
        let tail = rest.trim_start_matches(' ');
        let known = self.locals.get(name).is_some() || self.scope.contains_key(name);
        if !known || !tail.starts_with(close) {
            return None;
        }
        let space = if close.is_empty() { 0 } else { rest.len() - tail.len() };
        Some((from + length + space + close.len(), name.to_owned()))
    }
}
