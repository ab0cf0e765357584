//! What is wrong with text that could not be read: where exactly, what was expected, and what people mean by it.

use std::sync::{Mutex, PoisonError};

use pest::Parser;

use super::literals::unit_meant;
use super::{Reader, Rule, Vpipe};
use crate::base::{Span, closest};
use crate::diag::Diagnostic;
use crate::syntax::scan::MAX_FINDINGS;

/// The words that begin a declaration.
const KEYWORDS: [&str; 14] = [
    "existing",
    "for",
    "if",
    "kind",
    "let",
    "output",
    "param",
    "pipeline",
    "production",
    "rollout",
    "secret",
    "stage",
    "type",
    "use",
];

/// The words that introduce a value in a block's header.
const PREPOSITIONS: [&str; 11] = ["as", "at", "by", "for", "from", "in", "of", "on", "to", "via", "with"];

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

    /// `c ? a : b`, `${x}` outside a string, `elif`
    fn foreign_sign(&self) -> Option<Diagnostic> {
        let (found, span) = (self.found(), self.found_span());
        Some(match found {
            "?" if self.after_value() => self
                .error(span, "a choice is written with `if`")
                .help("write `if CONDITION { A } else { B }`"),
            "elif" | "elsif" | "elseif" => self
                .error(span, format!("`{found}` is written in two words"))
                .help("write `else if`")
                .fix("change to `else if`", span, "else if"),
            _ if token(self.text) == "else" => self
                .error(self.span(0, 4), "this `else` has no `if`")
                .help("write it after the `}` of its `if`"),
            _ if token(self.text) == "if"
                && self.text.get(2..).is_some_and(|rest| rest.trim_start().starts_with('{')) =>
            {
                self.error(self.span(0, 2), "this `if` has no condition").help("write `if CONDITION { … }`")
            }
            _ if self.expects("else") && !self.after_value() && self.previous() == "}" => self
                .after("this `if` gives no value where its condition does not hold".to_owned())
                .help("add `else { … }`"),
            "of" if self.expects("in") && !self.after_value() => self
                .error(span, "expected `in`, found `of`")
                .help("write `in`")
                .fix("change to `in`", span, "in"),
            "(" if self.after_value() => {
                let name = self.previous();
                self.error(span, format!("`{name}` cannot be called here"))
                    .help(format!("write `{name}(…)` with the value between the parentheses"))
            }
            "${" => {
                let name = self.rest().get(2..).and_then(|rest| rest.split('}').next()).unwrap_or_default();
                let whole = self.span(self.at, self.at + name.len() + 3);
                let diagnostic =
                    self.error(span, "`${…}` stands in strings only").help(format!("write `{name}`"));
                if self.rest().contains('}') {
                    diagnostic.fix(format!("change to `{name}`"), whole, name)
                } else {
                    diagnostic
                }
            }
            "$" => {
                let name = token(self.rest().get(1..).unwrap_or_default());
                self.error(span, "a name stands without `$`").help(format!("write `{name}`")).fix(
                    "remove `$`",
                    span,
                    "",
                )
            }
            _ => return None,
        })
    }

    /// `20 GiB`, `50 %`
    fn spaced_unit(&self) -> Option<Diagnostic> {
        let previous = self.before().trim_end();
        let number = previous.len()
            - previous.trim_end_matches(|c: char| c.is_ascii_digit() || "._".contains(c)).len();
        let number = previous.get(previous.len() - number..).filter(|number| !number.is_empty())?;
        let found = self.found();
        let unit = if found == "%" { "%" } else { unit_meant(found)? };
        let gap = self.span(self.previous_end(), self.at + found.len());
        Some(
            Diagnostic::error("unknown-unit", self.found_span(), "a unit follows its number without a space")
                .help(format!("write `{number}{unit}`"))
                .fix(format!("change to `{number}{unit}`"), gap, unit),
        )
    }

    /// What goes wrong with declarations.
    fn item(&self) -> Option<Diagnostic> {
        if self.rule != Rule::only_item {
            return None;
        }
        let (found, span) = (self.found(), self.found_span());
        let words: Vec<&str> = self.before().split_whitespace().collect();
        let known = words.first().is_some_and(|word| KEYWORDS.contains(word));
        if let Some(help) = words.first().or(Some(&found)).and_then(|word| self.terraform(word)) {
            let word = token(self.text);
            let message = format!("`{word}` is a word of Terraform");
            return Some(self.error(self.span(0, word.len()), message).help(help));
        }
        Some(match (&words[..], found) {
            ([], _) => {
                let span = if found.is_empty() { self.span(0, self.text.len()) } else { span };
                self.error(span, format!("`{found}` begins no declaration")).help(DECLARATIONS)
            }
            ([name], "=") if !known => self
                .error(span, format!("`{name}` is a value without `let`"))
                .help(format!("write `let {name} = …`"))
                .fix("add `let`", self.span(0, 0), "let "),
            ([name], ":") if !known => self
                .error(span, format!("`{name}` is a parameter without `param`"))
                .help(format!("write `param {name}: …`"))
                .fix("add `param`", self.span(0, 0), "param "),
            ([word, name, ..], ":" | "=") if !known => {
                if let Some(near) = closest(word, KEYWORDS) {
                    let place = self.span(0, word.len());
                    self.error(place, format!("`{word}` begins no declaration"))
                        .help(format!("did you mean `{near}`?"))
                        .fix(format!("change to `{near}`"), place, near)
                } else if found == "=" && self.rest().trim_start_matches('=').trim_start().starts_with('{') {
                    let gap = self.span(self.previous_end(), self.at + 1);
                    self.error(span, format!("no `=` stands before the `{{` of `{name}`"))
                        .help(format!("write `{word} {name} {{ … }}`"))
                        .fix("remove `=`", gap, "")
                } else {
                    return None;
                }
            }
            (["secret", name], ":") => self
                .error(span, "a secret has no type of its own")
                .help(format!("write `secret {name} = env(\"NAME\")`")),
            (["use", ..], _) if self.expected.is_empty() || !self.expects("as") => self
                .error(span, "a module is a path in quotes, or `std.NAME`")
                .help("write `use \"./NAME.vpipe\" as NAME`, or `use std.NAME as NAME`"),
            (["let", name], _) => {
                self.after(format!("`let {name}` gives no value")).help(format!("write `let {name} = …`"))
            }
            (["secret", name], _) => self
                .after(format!("`secret {name}` does not say where it comes from"))
                .help(format!("write `secret {name} = env(\"NAME\")`")),
            (["production", "stage"], "{") => self
                .error(self.span(0, self.previous_end()), "this stage has no name")
                .help("write `production stage NAME { … }`"),
            ([word], "{") if !known || matches!(*word, "pipeline" | "stage") => self
                .error(self.span(0, word.len()), format!("`{word}` has no name"))
                .help(format!("write `{word} NAME {{ … }}`")),
            ([word], "") if !known => {
                let diagnostic =
                    self.error(self.span(0, word.len()), format!("`{word}` begins no declaration"));
                match closest(word, KEYWORDS).filter(|_| word.len() > 3) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic.help(DECLARATIONS),
                }
            }
            _ => return None,
        })
    }

    /// What to write instead of a block of Terraform's.
    fn terraform(&self, word: &str) -> Option<&'static str> {
        let rest = self.text.get(word.len()..)?.trim_start();
        if !rest.starts_with(['"', '{']) {
            return None;
        }
        Some(match word {
            "variable" => "write `param NAME: TYPE = DEFAULT`",
            "output" => "write `output NAME = VALUE`",
            "locals" => "write `let NAME = VALUE`",
            "provider" => "write the region into `pipeline NAME { region = \"…\" }`",
            "module" => "write `use \"./NAME.vpipe\" as NAME { … }`",
            "terraform" => "leave it out; vpipe needs no settings of its own",
            _ => return None,
        })
    }

    /// `path = /login`, `platform = Tomcat 10 with Corretto 21`
    fn unquoted(&self) -> Option<Diagnostic> {
        let rule = matches!(self.rule, Rule::only_entry | Rule::only_item | Rule::only_member);
        if !rule || self.found().is_empty() {
            return None;
        }
        let sign = self.before().rfind('=')?;
        let from = sign + 1;
        let rest = self.text.get(from..)?.lines().next()?;
        let value = rest.trim_start();
        let from = from + rest.len() - value.len();
        let value = value.get(..value.find([',', '}', ']']).unwrap_or(value.len()))?.trim_end();
        let plain = |c: char| c.is_alphanumeric() || "_./:@*-~%? ".contains(c);
        let word = |c: char| c.is_alphanumeric() || "/*~@".contains(c);
        let sign = |word: &str| !word.chars().any(char::is_alphanumeric);
        if value.split_whitespace().any(sign) {
            return None;
        }
        if !value.starts_with(word)
            || !value.chars().all(plain)
            || value.contains(" ? ")
            || from + value.len() < self.at
        {
            return None;
        }
        let span = self.span(from, from + value.len());
        Some(self.error(span, "text needs quotes").help(format!("write `\"{value}\"`")).fix(
            "add quotes",
            span,
            format!("\"{value}\""),
        ))
    }

    /// `[1 2]`, `a = 1 b = 2`: a comma is missing.
    fn separator(&self) -> Option<Diagnostic> {
        if !self.after_value() || self.found().is_empty() {
            return None;
        }
        let found = self.found();
        let begins = found.starts_with(|c: char| c.is_alphanumeric() || "_\"[{(".contains(c));
        let place = self.span(self.previous_end(), self.previous_end());
        let close =
            [("]", "`,` or `]`"), (")", "`,` or `)`")].into_iter().find(|(sign, _)| self.expects(sign));
        let next_entry =
            self.rest().get(found.len()..).is_some_and(|rest| rest.trim_start().starts_with('='));
        match close {
            Some((_, words)) if self.expects(",") => {
                let diagnostic = self.error(self.found_span(), format!("expected {words}, found `{found}`"));
                Some(if begins {
                    diagnostic.help("put a comma between the two").fix("add a comma", place, ",")
                } else {
                    diagnostic
                })
            }
            None if next_entry && !self.expects("{") && self.rule == Rule::only_entry => Some(
                self.error(self.found_span(), format!("expected a comma or a new line before `{found}`"))
                    .help("put a comma between the two")
                    .fix("add a comma", place, ","),
            ),
            _ => None,
        }
    }

    /// What goes wrong in bodies, kinds, steps and conditions.
    fn in_context(&self) -> Option<Diagnostic> {
        let (found, span) = (self.found(), self.found_span());
        let words: Vec<&str> = self.before().split_whitespace().collect();
        Some(match self.rule {
            Rule::only_entry => match (&words[..], found) {
                ([name], "") => self
                    .error(self.span(0, name.len()), format!("expected `=` and a value after `{name}`"))
                    .help(format!("write `{name} = …`")),
                ([name, first, ..], "=") if self.expects("via") => self
                    .error(span, format!("the values of `{name}` stand between braces"))
                    .help(format!("write `{name} {first} {{ … }}`")),
                ([.., word], "") if words.len() > 1 && PREPOSITIONS.contains(word) => {
                    self.after(format!("expected a value after `{word}`"))
                }
                ([], _) if !found.is_empty() => self
                    .error(span, format!("expected a name, found `{found}`"))
                    .help("write `NAME = VALUE`, or a block such as `NAME { … }`"),
                _ => return None,
            },
            Rule::only_action => match (&words[..], found) {
                ([name], "=" | ":") => self
                    .error(span, "a step holds actions, not attributes")
                    .help(format!("begin with a verb, such as `run` or `deploy`, instead of `{name}`")),
                ([.., word], "") if self.expects("0..9") && words.len() > 2 => {
                    self.after(format!("expected a value after `{word}`"))
                }
                _ => return None,
            },
            Rule::only_part if words.first() == Some(&"step") => {
                return match (&words[..], found) {
                    (["step"], "{") => Some(
                        self.error(self.span(0, 4), "this step has no name").help("write `step NAME { … }`"),
                    ),
                    _ => None,
                };
            }
            Rule::only_part => self
                .error(if found.is_empty() { self.span(0, self.text.len()) } else { span }, "expected a step")
                .help("write `step NAME { … }`, `parallel { … }` or `on failure { … }`"),
            Rule::only_condition if !words.is_empty() && self.expects("==") => self
                .error(span, format!("expected `=`, `contains` or `matches`, found `{found}`"))
                .help(format!("write `{} = …`", words.join(" "))),
            Rule::only_member => match (&words[..], found) {
                ([name], "") => self
                    .error(self.span(0, name.len()), format!("expected `:` and a type after `{name}`"))
                    .help(format!("write `{name}: TYPE`")),
                _ => return None,
            },
            _ => return None,
        })
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
        self.after(message)
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

/// What to say where no declaration begins.
const DECLARATIONS: &str =
    "write a declaration, such as `KIND NAME { … }`, `let NAME = VALUE` or `rollout { … }`";
