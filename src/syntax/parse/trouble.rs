//! What is wrong with text that could not be read: where exactly, what was expected, and what people mean by it.

mod context;
mod items;
mod signs;

use std::sync::{Mutex, PoisonError};

use pest::Parser;

use super::{Reader, Rule, Vpipe};
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::syntax::scan::MAX_FINDINGS;

/// A run of text that could not be read, and where reading it stopped.
pub(super) struct Trouble<'a> {
    /// What it should have been.
    rule: Rule,
    text: &'a str,
    /// The global offset of the text.
    start: u32,
    /// Where reading stopped.
    at: usize,
    /// What could have stood there, as the grammar's tokens.
    expected: Vec<String>,
}

impl Reader<'_> {
    /// Reports a run of text that could not be read; `rule` is what it should have been.
    pub(super) fn trouble(&mut self, rule: Rule, span: Span) {
        if self.diagnostics.len() >= MAX_FINDINGS {
            return;
        }
        let text = self.under(span).trim_end();
        let one_line = !text.contains('\n');
        let after = self.text.get((span.end - self.base) as usize..).unwrap_or_default();
        let line_end = span.end + after.bytes().take(200).take_while(|byte| *byte != b'\n').count() as u32;
        if one_line && self.known_in(Span::new(span.start, line_end)).next().is_some() {
            return;
        }
        let (at, expected) = furthest(rule, text);
        let trouble = Trouble { rule, text, start: span.start, at, expected };
        if !self.is_known(&trouble, span) {
            self.push(trouble.diagnostic());
        }
    }

    /// Whether a resource is a block of Terraform's, such as `variable "x" { … }`.
    pub(super) fn is_terraform(&self, span: Span) -> bool {
        let text = self.under(span);
        let word = token(text);
        matches!(word, "variable" | "provider" | "module")
            && text.get(word.len()..).is_some_and(|rest| rest.trim_start().starts_with('"'))
    }

    /// What the pass before the grammar has reported inside a span.
    fn known_in(&self, span: Span) -> impl Iterator<Item = &Diagnostic> {
        let first = self.known.partition_point(|known| known.span.start < span.start);
        self.known.iter().skip(first).take_while(move |known| known.span.start <= span.end)
    }

    /// Whether that spoils this text as well.
    fn is_known(&self, trouble: &Trouble<'_>, span: Span) -> bool {
        let line_start =
            trouble.text.get(..trouble.at).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
        let rest = trouble.text.get(trouble.at..).unwrap_or_default();
        let line_end = trouble.at + rest.find('\n').unwrap_or(rest.len());
        let line = trouble.span(line_start, line_end);
        self.known_in(span).any(|known| {
            matches!(known.code, "unclosed-brace" | "unopened-brace" | "too-deep")
                || line.start <= known.span.start && known.span.start <= line.end
        })
    }
}

/// How far pest comes with a text, and what it would have liked to see there.
fn furthest(rule: Rule, text: &str) -> (usize, Vec<String>) {
    // pest gathers these details only while a switch for the whole process is on, and is much slower then.
    static SWITCH: Mutex<()> = Mutex::new(());
    let _on = SWITCH.lock().unwrap_or_else(PoisonError::into_inner);
    pest::set_error_detail(true);
    let parsed = Vpipe::parse(rule, text);
    pest::set_error_detail(false);
    let Err(error) = parsed else { return (0, Vec::new()) };
    let Some(attempts) = error.parse_attempts() else { return (0, Vec::new()) };
    let at = attempts.max_position.min(text.len());
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    if after.starts_with([' ', '\n']) && !last_word(before).is_empty() {
        // The word before is reserved; pest looked behind it to see that it ends there.
        return (at - last_word(before).len(), vec!["[".to_owned(), "!".to_owned()]);
    }
    let expected = attempts.expected_tokens().iter().map(ToString::to_string).collect();
    (at, expected)
}

/// The part of a text that is one word, one number, one string or one sign.
fn token(text: &str) -> &str {
    if let Some(end) = text.strip_prefix('"').and_then(|rest| rest.find('"')) {
        return text.get(..end + 2).unwrap_or_default();
    }
    let word = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let sign = || match text.get(..2) {
        Some(two @ ("==" | "!=" | "<=" | ">=" | "=>" | "->" | ":=" | "++" | "+=" | "${" | "::" | "..")) => {
            two.len()
        }
        _ => text.chars().next().map_or(0, char::len_utf8),
    };
    text.get(..if word > 0 { word } else { sign() }).unwrap_or_default()
}

/// The last word or sign of a text.
fn last_token(text: &str) -> &str {
    let text = text.trim_end();
    let word = last_word(text).len();
    let length = if word > 0 { word } else { text.chars().next_back().map_or(0, char::len_utf8) };
    text.get(text.len() - length..).unwrap_or_default()
}

/// The word that a text ends with, if it ends with one.
fn last_word(text: &str) -> &str {
    let rest = text.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
    text.get(rest..).unwrap_or_default()
}

impl Trouble<'_> {
    fn span(&self, from: usize, to: usize) -> Span {
        Span::new(self.start + from as u32, self.start + to as u32)
    }

    fn before(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// What follows on the line.
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default().lines().next().unwrap_or_default()
    }

    fn found(&self) -> &str {
        token(self.rest())
    }

    fn found_span(&self) -> Span {
        self.span(self.at, self.at + self.found().len())
    }

    /// Where the code before the trouble ends.
    fn previous_end(&self) -> usize {
        self.before().trim_end().len()
    }

    fn previous(&self) -> &str {
        last_token(self.before())
    }

    fn expects(&self, token: &str) -> bool {
        self.expected.iter().any(|expected| expected == token)
    }

    /// Whether a whole value stands before.
    fn after_value(&self) -> bool {
        self.expects("!=") && self.expects("??")
    }

    fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error("syntax-error", span, message)
    }

    fn diagnostic(&self) -> Diagnostic {
        None.or_else(|| self.foreign_sign())
            .or_else(|| self.spaced_unit())
            .or_else(|| self.item())
            .or_else(|| self.unquoted())
            .or_else(|| self.separator())
            .or_else(|| self.in_context())
            .unwrap_or_else(|| self.general())
    }

    /// An error at what was found, or after the last word where nothing follows.
    fn after(&self, message: String) -> Diagnostic {
        let end = self.previous_end();
        let span = if self.found().is_empty() {
            self.span(end - self.previous().len(), end)
        } else {
            self.found_span()
        };
        self.error(span, message)
    }

    fn general(&self) -> Diagnostic {
        let what = self.wanted();
        let (found, previous) = (self.found(), self.previous());
        let message = match (what, found) {
            (Some(what), "") if previous.is_empty() => format!("expected {what}"),
            (Some(what), "") => format!("expected {what} after `{previous}`"),
            (Some(what), _) => format!("expected {what}, found `{found}`"),
            (None, "") => "this cannot be read".to_owned(),
            (None, _) => format!("`{found}` cannot stand here"),
        };
        if found.starts_with(|c: char| c.is_alphabetic() && !c.is_ascii()) {
            let before = last_word(self.before()).len();
            let place = self.span(self.at - before, self.at + found.len());
            let name = self.text.get(self.at - before..self.at + found.len()).unwrap_or_default();
            return self
                .error(place, format!("`{name}` is no name"))
                .help("names are made of the letters `a` to `z`, digits and `_`; texts stand in quotes");
        }
        let help = match what {
            Some("a value") => "write a value, such as `\"text\"`, `3`, `20GiB`, or a name".to_owned(),
            Some("a type") => {
                "write a type, such as `String`, `Int`, `[Domain]` or `\"a\" | \"b\"`".to_owned()
            }
            Some("a name") => "a name is made of letters, digits and `_`, first a letter".to_owned(),
            Some("a new line") => "begin each declaration on a line of its own".to_owned(),
            Some("a comma or a new line") => {
                "write each entry on a line of its own, or a comma between them".to_owned()
            }
            Some(what) => format!("write {what}"),
            None => "delete it; if it is a text, put it in quotes".to_owned(),
        };
        self.after(message).help(help)
    }

    /// What could have stood at the place of the trouble, in words.
    fn wanted(&self) -> Option<&'static str> {
        let value = self.expects("!") && self.expects("[");
        let ty = self.expects("[") && self.expects("{") && !self.expects("via");
        let name = self.expects("A..Z") && !self.expects("0..9");
        let one = |tokens: &[(&str, &'static str)]| {
            tokens.iter().find(|(token, _)| self.expects(token)).map(|(_, words)| *words)
        };
        if value {
            return Some("a value");
        }
        if ty {
            return Some("a type");
        }
        if self.after_value() {
            let closer = one(&[
                ("]", "`,` or `]`"),
                (")", "`,` or `)`"),
                ("{", "`{`"),
                ("}", "`}`"),
                ("else", "`else`"),
            ]);
            return closer.or(match self.rule {
                Rule::only_item => Some("a new line"),
                _ => Some("a comma or a new line"),
            });
        }
        if self.expects("from") && self.expects("via") {
            return Some("a value, `{` or a new line");
        }
        one(&[
            ("=>", "`=`"),
            ("in", "`in`"),
            ("stage", "`stage`"),
            ("as", "`as`"),
            ("else", "`else`"),
            (":", "`:`"),
            ("=", "`=`"),
            (")", "`)`"),
            ("]", "`]`"),
            (">", "`>`"),
        ])
        .or(name.then_some("a name"))
        .or_else(|| one(&[("{", "`{`"), ("}", "`}`"), (",", "a comma")]))
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
