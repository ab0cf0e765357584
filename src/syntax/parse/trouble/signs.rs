//! Signs and words of other languages where ours stop.

use super::{Trouble, last_word, token};
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::syntax::parse::literals::unit_meant;

impl Trouble<'_> {
    /// `c ? a : b`, `${x}` outside a string, `elif`
    pub(super) fn foreign_sign(&self) -> Option<Diagnostic> {
        let (found, span) = (self.found(), self.found_span());
        Some(match found {
            "?" if self.after_value() => {
                let diagnostic = self.error(span, "a choice is written with `if`");
                match self.ternary() {
                    Some((place, right)) => diagnostic.help(format!("write `{right}`")).fix(
                        format!("write `{right}`"),
                        place,
                        right,
                    ),
                    None => diagnostic.help("write `if CONDITION { A } else { B }`"),
                }
            }
            "*" if self.previous() == "[" && self.rest().starts_with("*]") => {
                let place = self.span(self.previous_end() - 1, self.at + 2);
                self.error(place, "a list is taken as a whole by its name alone")
                    .help("leave `[*]` out; to take a part of each write `[for one in LIST: one.NAME]`")
                    .fix("remove `[*]`", place, "")
            }
            "::" if self.previous() == "AWS" => {
                let word = token(self.rest().get(2..).unwrap_or_default());
                let place = self.span(self.previous_end() - 3, self.at + 2 + word.len());
                let message = format!("`AWS::{word}` is a word of CloudFormation");
                let diagnostic = self.error(place, message);
                match word {
                    "Region" => diagnostic.help("write `pipeline.region`").fix(
                        "change to `pipeline.region`",
                        place,
                        "pipeline.region",
                    ),
                    "StackName" => diagnostic.help("write `pipeline.name`").fix(
                        "change to `pipeline.name`",
                        place,
                        "pipeline.name",
                    ),
                    _ => diagnostic.help("the pipeline's own are `pipeline.region` and `pipeline.name`"),
                }
            }
            _ if self.cloudformation_tag().is_some() => return self.cloudformation_tag(),
            "." if self.before().ends_with("..") => {
                let place = self.span(self.at - 2, self.at + 1);
                self.error(place, "a range is written with two dots").help("write `..`").fix(
                    "write `..`",
                    place,
                    "..",
                )
            }
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
                let diagnostic = self.error(span, format!("`{name}` cannot be called here"));
                let before = self.before().get(..self.previous_end() - name.len()).unwrap_or_default();
                let chain = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
                let value = before.get(before.trim_end_matches(chain).len()..).unwrap_or_default();
                let place = self.span(before.len() - value.len(), self.at + 2);
                match value.strip_suffix('.') {
                    Some(value) if !value.is_empty() && self.rest().starts_with("()") => {
                        let right = format!("{name}({value})");
                        diagnostic.help(format!("write `{right}`")).fix(
                            format!("write `{right}`"),
                            place,
                            right,
                        )
                    }
                    _ => diagnostic.help(format!("write `{name}(…)` with the value between the parentheses")),
                }
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

    /// `CONDITION ? A : B` on one line after `=`: where it stands, and how it is written here.
    fn ternary(&self) -> Option<(Span, String)> {
        let before = self.before();
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        let sign = before.get(line..)?.find("= ")? + line;
        let condition = before.get(sign + 1..)?;
        let choices = self.rest().get(1..)?;
        let (yes, no) = choices.split_once(" : ")?;
        let end = no.trim_end().len();
        let no = no.get(..end)?;
        if [condition, yes, no]
            .iter()
            .any(|part| part.contains(['{', '}', '[', ']', '?', ',']) || part.trim().is_empty())
        {
            return None;
        }
        let start = sign + 1 + condition.len() - condition.trim_start().len();
        let place = self.span(start, self.at + 1 + yes.len() + 3 + end);
        Some((place, format!("if {} {{ {} }} else {{ {} }}", condition.trim(), yes.trim(), no.trim())))
    }

    /// `!Ref backend`, `!Sub "…"`, `!GetAtt mysql.Endpoint`
    fn cloudformation_tag(&self) -> Option<Diagnostic> {
        let before = self.before().trim_end();
        let word = last_word(before);
        let start = before.len().checked_sub(word.len() + 1)?;
        if !matches!(word, "Ref" | "Sub" | "GetAtt" | "Join" | "ImportValue" | "Select" | "FindInMap" | "If")
            || !before.get(start..)?.starts_with('!')
        {
            return None;
        }
        let diagnostic =
            self.error(self.span(start, before.len()), format!("`!{word}` is a word of CloudFormation"));
        let found = self.found();
        Some(match word {
            "Ref" | "Sub" => diagnostic.help(format!("write `{found}`")).fix(
                format!("remove `!{word}`"),
                self.span(start, self.at),
                "",
            ),
            _ => diagnostic.help("names stand alone: `mysql`, and `mysql.endpoint` for an output"),
        })
    }

    /// `20 GiB`, `50 %`
    pub(super) fn spaced_unit(&self) -> Option<Diagnostic> {
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
}
