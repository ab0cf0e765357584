//! What goes wrong between braces: in bodies, steps and conditions.

use super::{Trouble, is_name, token};
use crate::base::closest;
use crate::diag::Diagnostic;
use crate::syntax::parse::Rule;

/// The words that introduce a value in a block's header.
const PREPOSITIONS: [&str; 11] = ["as", "at", "by", "for", "from", "in", "of", "on", "to", "via", "with"];

impl Trouble<'_> {
    /// What goes wrong in bodies, kinds, steps and conditions.
    pub(super) fn in_context(&self) -> Option<Diagnostic> {
        let (found, span) = (self.found(), self.found_span());
        let words: Vec<&str> = self.before().split_whitespace().collect();
        Some(match self.rule {
            Rule::only_entry => match (&words[..], found) {
                ([name], "") => self
                    .error(self.span(0, name.len()), format!("expected `=` and a value after `{name}`"))
                    .help(format!("write `{name} = …`")),
                ([name, "="], "") => {
                    self.after("expected a value after `=`".to_owned()).help(format!("write `{name} = …`"))
                }
                ([name, first, ..], "=") if self.expects("via") => self
                    .error(span, format!("the values of `{name}` stand between braces"))
                    .help(format!("write `{name} {first} {{ … }}`")),
                ([.., word], "") if words.len() > 1 && PREPOSITIONS.contains(word) => {
                    self.after(format!("expected a value after `{word}`")).help(format!("write `{word} …`"))
                }
                ([], _) if !found.is_empty() => self
                    .error(span, format!("expected a name, found `{found}`"))
                    .help("write `NAME = VALUE`, or a block such as `NAME { … }`"),
                _ => return None,
            },
            Rule::only_action => match (&words[..], found) {
                _ if self.bare_command().is_some() => return self.bare_command(),
                (["run"], "=" | ":") => self
                    .error(span, format!("an action has no `{found}`"))
                    .help("write `run \"COMMAND\"`")
                    .fix(format!("remove `{found}`"), self.span(self.previous_end(), self.at + 1), ""),
                ([name], "=" | ":") => self
                    .error(span, "a step holds actions, not attributes")
                    .help(format!("begin with a verb, such as `run` or `deploy`, instead of `{name}`")),
                ([.., word], "") if self.expects("0..9") && words.len() > 2 => {
                    self.after(format!("expected a value after `{word}`")).help(format!("write `{word} …`"))
                }
                _ => return None,
            },
            Rule::only_part if words.first() == Some(&"step") => {
                return match (&words[..], found) {
                    (["step", _, "needs"], "[") => Some(self.needs_in_brackets()),
                    (["step"], "{") => Some(
                        self.error(self.span(0, 4), "this step has no name").help("write `step NAME { … }`"),
                    ),
                    _ => None,
                };
            }
            Rule::only_part if self.part().is_some() => return self.part(),
            Rule::only_part => self
                .error(if found.is_empty() { self.span(0, self.text.len()) } else { span }, "expected a step")
                .help("write `step NAME { … }`, `parallel { … }` or `on failure { … }`"),
            Rule::only_condition if matches!(&words[..], ["header", name, ..] if is_name(name)) => {
                let name = words.get(1).copied().unwrap_or_default();
                let at = self.text.find(name).unwrap_or_default();
                let place = self.span(at, at + name.len());
                self.error(place, "the name of a header stands in quotes")
                    .help(format!("write `header \"{name}\" …`"))
                    .fix("add quotes", place, format!("\"{name}\""))
            }
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

    /// `run mvn -B package`, `mvn -B package`
    fn bare_command(&self) -> Option<Diagnostic> {
        let line = self.text.lines().next()?;
        let first = token(line);
        let from = if first == "run" { line.len() - line.get(3..)?.trim_start().len() } else { 0 };
        let rest = line.get(from..)?;
        let end =
            [" produces ", " with {", " within ", " in \""].iter().filter_map(|word| rest.find(word)).min();
        let command = rest.get(..end.unwrap_or(rest.len()))?.trim_end();
        let known = ["aws", "docker", "eb", "gradle", "make", "mvn", "npm", "npx", "sh", "bash", "yarn"];
        let is_command = first == "run" || command.contains(" -") || known.contains(&first);
        if !is_command
            || command.contains(['"', '{', '='])
            || !command.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.')
        {
            return None;
        }
        let place = self.span(from, from + command.len());
        let right = if first == "run" { format!("\"{command}\"") } else { format!("run \"{command}\"") };
        Some(
            self.error(place, "a command stands in quotes, after `run`")
                .help(format!("write `run \"{command}\"`"))
                .fix(format!("write `{right}`"), place, right),
        )
    }

    /// `needs [build]`
    fn needs_in_brackets(&self) -> Diagnostic {
        let inside = self.rest().get(1..).and_then(|rest| rest.split_once(']')).map(|(inside, _)| inside);
        let diagnostic = self.error(self.found_span(), "the steps that are needed stand without brackets");
        match inside {
            Some(inside) => {
                let place = self.span(self.at, self.at + inside.len() + 2);
                let right = inside.trim().to_owned();
                diagnostic.help(format!("write `needs {right}`")).fix("remove the brackets", place, right)
            }
            None => diagnostic.help("write `needs NAME, NAME`"),
        }
    }

    /// What stands in a rollout instead of a step.
    fn part(&self) -> Option<Diagnostic> {
        let first = token(self.text);
        let rest = self.text.get(first.len()..)?.trim_start();
        let place = self.span(0, first.len());
        let failure = |end: usize| {
            let place = self.span(0, end);
            self.error(place, "what is done after a failure is written `on failure`")
                .help("write `on failure { … }`")
                .fix("write `on failure`", place, "on failure")
        };
        if first == "on" {
            let word = token(rest);
            let end = self.text.find(word)? + word.len();
            return (is_name(word) && word != "failure").then(|| failure(end));
        }
        if matches!(first, "on_failure" | "onfailure" | "onFailure" | "on_error" | "failure")
            && rest.starts_with('{')
        {
            return Some(failure(first.len()));
        }
        if is_name(first) && rest.starts_with(['"', '[']) {
            return Some(
                self.error(place, format!("`{first}` stands outside of a step"))
                    .help(format!("write `step NAME {{ {first} … }}`")),
            );
        }
        let near =
            closest(first, ["step", "parallel", "on"]).filter(|near| *near != first && first.len() > 2)?;
        Some(
            self.error(place, format!("`{first}` begins no step"))
                .help(format!("did you mean `{near}`?"))
                .fix(format!("change to `{near}`"), place, near),
        )
    }

    /// `[1 2]`, `a = 1 b = 2`: a comma is missing.
    pub(super) fn separator(&self) -> Option<Diagnostic> {
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
            None if found == "-" && self.rule == Rule::only_entry && self.is_between_numbers() => {
                Some(self.error(self.found_span(), "a range is written with `..`").help("write `..`").fix(
                    "change to `..`",
                    self.found_span(),
                    "..",
                ))
            }
            None if !next_entry && self.previous() == "\"" && (found.starts_with('"') || is_name(found)) => {
                Some(
                    self.error(self.found_span(), format!("expected a comma or a new line, found `{found}`"))
                        .help("texts are put together in one: `\"…${value}…\"`"),
                )
            }
            None if next_entry && !self.expects("{") && self.rule == Rule::only_entry => Some(
                self.error(self.found_span(), format!("expected a comma or a new line before `{found}`"))
                    .help("put a comma between the two")
                    .fix("add a comma", place, ","),
            ),
            _ => None,
        }
    }

    fn is_between_numbers(&self) -> bool {
        self.before().ends_with(|c: char| c.is_ascii_digit())
            && self.rest().get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// `path = /login`, `platform = Tomcat 10 with Corretto 21`
    pub(super) fn unquoted(&self) -> Option<Diagnostic> {
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
}
