//! What goes wrong with declarations.

use super::{Trouble, is_name, token};
use crate::base::closest;
use crate::diag::Diagnostic;
use crate::syntax::parse::Rule;

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

/// The sections of a template of CloudFormation.
const SECTIONS: [&str; 10] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Transform",
];

/// The word that begins a declaration of ours for one of other languages.
fn our_keyword(word: &str) -> Option<&'static str> {
    Some(match word {
        "const" | "local" | "set" | "val" | "var" | "def" => "let",
        "import" | "include" | "require" => "use",
        "parameter" | "variable" | "input" => "param",
        "env" | "environment_stage" | "profile" => "stage",
        "deployment" | "workflow" => "rollout",
        _ => return None,
    })
}

/// What to say where no declaration begins.
const DECLARATIONS: &str =
    "write a declaration, such as `KIND NAME { … }`, `let NAME = VALUE` or `rollout { … }`";

impl Trouble<'_> {
    /// What goes wrong with declarations.
    pub(super) fn item(&self) -> Option<Diagnostic> {
        if self.rule != Rule::only_item {
            return None;
        }
        let (found, span) = (self.found(), self.found_span());
        let words: Vec<&str> = self.before().split_whitespace().collect();
        let known = words.first().is_some_and(|word| KEYWORDS.contains(word));
        if let Some((tool, help)) = words.first().or(Some(&found)).and_then(|word| self.of_another_tool(word))
        {
            let word = token(self.text);
            let message = format!("`{word}` is a word of {tool}");
            return Some(self.error(self.span(0, word.len()), message).help(help));
        }
        if let Some(found) = self.odd_name() {
            return Some(found);
        }
        Some(match (&words[..], found) {
            ([section], ":") if SECTIONS.contains(section) => {
                let place = self.span(0, self.at + 1);
                let diagnostic = self.error(place, format!("`{section}` is a word of CloudFormation"));
                let alone = self.rest().trim() == ":" && !self.text.trim().contains('\n');
                let diagnostic =
                    diagnostic.help("leave it out: declarations stand side by side, each with its own word");
                if alone { diagnostic.fix(format!("remove `{section}:`"), place, "") } else { diagnostic }
            }
            (["rollout", ..], _) if words.len() > 1 || is_name(found) => {
                let end = self.text.find('{').unwrap_or(self.at);
                let name = self.text.get(7..end).unwrap_or_default().trim();
                let place = self.span(7, 7 + self.text.get(7..end).unwrap_or_default().trim_end().len());
                self.error(self.span(8, 8 + name.len()), "a rollout has no name")
                    .help("write `rollout { … }`")
                    .fix("remove the name", place, "")
            }
            (["stage", "production"], name) if is_name(name) => {
                let place = self.span(0, self.at);
                self.error(self.span(6, 6 + "production".len()), "`production` stands before `stage`")
                    .help(format!("write `production stage {name} {{ … }}`"))
                    .fix("write `production stage`", place, "production stage ")
            }
            ([word, ..], _) if our_keyword(word).is_some() => {
                let ours = our_keyword(word).unwrap_or_default();
                let place = self.span(0, word.len());
                self.error(place, format!("`{word}` is written `{ours}` here"))
                    .help(format!("write `{ours}`"))
                    .fix(format!("change to `{ours}`"), place, ours)
            }
            ([word, _], name) if !known && is_name(name) && closest(word, KEYWORDS).is_some() => {
                let near = closest(word, KEYWORDS).unwrap_or_default();
                let place = self.span(0, word.len());
                self.error(place, format!("`{word}` begins no declaration"))
                    .help(format!("did you mean `{near}`?"))
                    .fix(format!("change to `{near}`"), place, near)
            }
            (["use", ..], name) if self.is_python_use(name) => {
                let path =
                    self.text.split(" from ").nth(1).map(|rest| token(rest.trim_start())).unwrap_or_default();
                let name = words.get(1).copied().unwrap_or(name);
                let right = format!("use {path} as {name}");
                let end = self.text.find(path).map_or(self.at, |at| at + path.len());
                self.error(self.span(4, end), "a module's path stands before its name")
                    .help(format!("write `{right}`"))
                    .fix(format!("write `{right}`"), self.span(0, end), right)
            }
            (["use", .., "as", _], name) if is_name(name) => {
                let rest = self.text.get(self.at..).unwrap_or_default().trim_end();
                let place = self.span(self.at, self.at + rest.len());
                let diagnostic = self.error(self.found_span(), "the values of a module stand between braces");
                let diagnostic = diagnostic.help(format!("write `{{ {name} = … }}`"));
                if rest.contains('\n') {
                    diagnostic
                } else {
                    diagnostic.fix("add braces", place, format!("{{ {rest} }}"))
                }
            }
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

    /// What to write instead of a block of another tool's, and whose it is.
    fn of_another_tool(&self, word: &str) -> Option<(&'static str, String)> {
        let rest = self.text.get(word.len()..)?.trim_start();
        if !rest.starts_with(['"', '{']) {
            return None;
        }
        let name = token(rest).trim_matches('"');
        let word_like: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let name = if rest.starts_with('"') && !name.is_empty() { word_like.as_str() } else { "NAME" };
        Some(match word {
            "variable" => ("Terraform", format!("write `param {name}: TYPE = DEFAULT`")),
            "output" => ("Terraform", format!("write `output {name} = VALUE`")),
            "locals" => ("Terraform", "write `let NAME = VALUE` for each of them".to_owned()),
            "provider" => {
                ("Terraform", "write the region into `pipeline NAME { region = \"…\" }`".to_owned())
            }
            "module" => ("Terraform", format!("write `use \"./{name}.vpipe\" as {name} {{ … }}`")),
            "terraform" => ("Terraform", "leave it out; vpipe needs no settings of its own".to_owned()),
            "Parameters" => {
                ("CloudFormation", "write `param NAME: TYPE = DEFAULT` for each of them".to_owned())
            }
            "Outputs" => ("CloudFormation", "write `output NAME = VALUE` for each of them".to_owned()),
            "Mappings" => ("CloudFormation", "write `let NAME = { KEY = VALUE }`".to_owned()),
            "Resources" | "Conditions" | "Metadata" => {
                ("CloudFormation", "leave it out: declarations stand side by side".to_owned())
            }
            _ => return None,
        })
    }

    /// `bucket my-files {`, `bucket 2024_reports {`
    fn odd_name(&self) -> Option<Diagnostic> {
        let line = self.text.lines().next()?;
        let (word, rest) = line.split_once(' ')?;
        if !is_name(word) || matches!(word, "if" | "for" | "use") {
            return None;
        }
        let sign = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let from = line.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        let name = rest.get(..rest.find(|c: char| !sign(c)).unwrap_or(rest.len()))?;
        let next = rest.get(name.len()..)?.trim_start();
        let inside = from <= self.at && self.at <= from + name.len();
        if name.is_empty() || is_name(name) || !inside || !next.starts_with(['{', '=', ':']) {
            return None;
        }
        let place = self.span(from, from + name.len());
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            let like = name.replace(['-', '.'], "_");
            return Some(
                self.error(place, "a name begins with a letter").help(format!("write `{word}_{like}`")),
            );
        }
        let like = name.replace(['-', '.'], "_");
        Some(
            self.error(place, "a name is made of letters, digits and `_`")
                .help(format!("write `{like}`"))
                .fix(format!("change to `{like}`"), place, like),
        )
    }

    /// `use NAME from "PATH"`
    fn is_python_use(&self, found: &str) -> bool {
        self.text.contains(" from ") && (found == "from" || is_name(found) && self.before().trim() == "use")
    }
}
