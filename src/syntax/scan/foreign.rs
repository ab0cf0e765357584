//! Lines that come from somewhere else: a merge, a diff, a terminal, Markdown, YAML, a heredoc.

use super::{MAX_REWINDS, Scanner};
use crate::diag::{Diagnostic, Edit, Fix};

/// The most items of a list of YAML that are mended.
const MOST_ITEMS: usize = 100;

impl Scanner<'_> {
    /// Reads a line, from its first sign on, that no vpipe file has; false when there is nothing to say here. `before` is
    /// the last byte of code above it.
    pub(super) fn foreign_line(&mut self, before: u8) -> bool {
        let start = self.at;
        if !matches!(
            self.byte(start),
            b'<' | b'=' | b'>' | b'|' | b'`' | b'-' | b'+' | b'.' | b'$' | b'0'..=b'9'
        ) {
            return false;
        }
        let end = self.line_end(start);
        let text = self.slice(start, end).trim_end().to_owned();
        let margin = start == 0 || self.byte(start - 1) == b'\n';
        let place = self.span(start, start + text.len());
        let error = |message: &str| Diagnostic::error("syntax-error", place, message);
        match self.byte(start) {
            b'<' if margin && text.starts_with("<<<<<<<") && self.conflict() => return true,
            b'<' if text.starts_with("<!--") => return self.markup_comment(),
            b'<' | b'=' | b'>' | b'|' if margin && is_marker(&text) => {
                let found = error("a line of a merge is left over").help("delete it");
                self.delete_line("delete the line", found);
            }
            b'`' if text.starts_with("```") => {
                let found = error("this fence belongs to Markdown").help("delete it");
                self.delete_line("delete the line", found);
            }
            b'-' if margin && text == "---" => {
                let found = error("`---` begins a document of YAML").help("delete it");
                self.delete_line("delete the line", found);
            }
            b'$' if margin && text.strip_prefix("$ ").is_some_and(is_word) => {
                let found = error("this is a line of a terminal").help("delete it");
                self.delete_line("delete the line", found);
            }
            b'.' if text == "..." => {
                let found = error("`...` stands for something left out")
                    .help("write what belongs here, or delete it");
                self.delete_line("delete `...`", found);
            }
            b'-' if text.starts_with("-- ") => {
                let span = self.span(start, start + 2);
                self.report(
                    Diagnostic::error("syntax-error", span, "a comment begins with `//`")
                        .help("write `//` instead of `--`")
                        .fix("change `--` to `//`", span, "//"),
                );
                self.fill(start, end, b' ');
            }
            b'-' if matches!(before, b'=' | b':') && text.starts_with("- ") => return self.yaml_list(),
            b'+' | b'-' if margin && is_entry(text.get(1..).unwrap_or_default()) => {
                return self.diff_line();
            }
            b'0'..=b'9' if margin => return self.line_number(&text),
            _ => return false,
        }
        self.at = end;
        true
    }

    /// Reports a line, with its deletion as the repair, and reads it no more.
    fn delete_line(&mut self, title: &str, found: Diagnostic) {
        let start = self.source.get(..self.at).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
        let end = self.line_end(self.at);
        let next = (end + 1).min(self.text.len());
        let whole = self.span(start, next);
        self.report(found.fix(title, whole, ""));
        self.fill(start, end, b' ');
        self.at = end;
    }

    /// `<<<<<<< HEAD … ======= … >>>>>>>`: the first side is read.
    fn conflict(&mut self) -> bool {
        let start = self.at;
        let (mut middle, mut at) = (None, self.line_end(start));
        let last = loop {
            if at >= self.text.len() {
                return false;
            }
            let (from, end) = (at + 1, self.line_end(at + 1));
            let line = self.slice(from, end);
            if line.starts_with("<<<<<<<") {
                return false;
            } else if line.starts_with(">>>>>>>") {
                break (from, end);
            } else if middle.is_none() && (line.starts_with("=======") || line.starts_with("|||||||")) {
                middle = Some((from, end));
            }
            at = end;
        };
        let Some(middle) = middle else { return false };
        let trimmed = |scanner: &Self, (from, end): (usize, usize)| {
            scanner.span(from, from + scanner.slice(from, end).trim_end().len())
        };
        let first = (start, self.line_end(start));
        let found = Diagnostic::error("syntax-error", trimmed(self, first), "a merge is not finished")
            .label("one side begins here")
            .related(trimmed(self, middle), "the other side begins here")
            .related(trimmed(self, last), "and ends here")
            .help("keep one of the two sides, and delete these lines");
        self.report(found);
        self.fill(start, first.1, b' ');
        for at in middle.0..last.1 {
            self.set(at, if self.byte(at) == b'\n' { b'\n' } else { b' ' });
        }
        self.skip = Some((middle.0, last.1));
        self.at = first.1;
        true
    }

    /// `<!-- text -->` on lines of its own
    fn markup_comment(&mut self) -> bool {
        let start = self.at;
        if self.rewinds >= MAX_REWINDS {
            return false;
        }
        let Some(length) = self.slice(start, self.text.len()).find("-->") else {
            self.rewinds += 1;
            return false;
        };
        let end = start + length + 3;
        if !self.slice(end, self.line_end(end)).trim().is_empty() {
            return false;
        }
        let span = self.span(start, start + 4);
        let mut found = Diagnostic::error("syntax-error", span, "a comment begins with `//`")
            .help("write `//` before each line of it");
        let text = self.slice(start + 4, start + length);
        if !text.contains('\n') {
            let kept = start + 4 + text.trim_end().len();
            let edit = |from, to, text: &str| Edit { span: self.span(from, to), text: text.to_owned() };
            found.fix = Some(Fix {
                title: "change it to `//`".to_owned(),
                edits: vec![edit(start, start + 4, "//"), edit(kept, end, "")],
            });
        }
        self.report(found);
        self.fill(start, end, b' ');
        self.at = end;
        true
    }

    /// A line that `diff` marks as new or old.
    fn diff_line(&mut self) -> bool {
        let at = self.at;
        let span = self.span(at, at + 1);
        let sign = char::from(self.byte(at));
        let found = Diagnostic::error("syntax-error", span, format!("this `{sign}` is left of a diff"));
        self.report(match sign {
            '+' => found.help("delete the sign").fix("delete `+`", span, " "),
            _ => found.help("delete the line, which the diff takes out; or the sign, to keep it"),
        });
        if sign == '-' {
            self.fill(at, self.line_end(at), b' ');
        }
        self.set(at, b' ');
        self.at = if sign == '-' { self.line_end(at) } else { at + 1 };
        true
    }

    /// `12   class = "db.t3.micro"`, as editors and web pages number lines
    fn line_number(&mut self, text: &str) -> bool {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let rest = text.get(digits..).unwrap_or_default();
        let sign = rest.strip_prefix([':', '|', '.']).unwrap_or(rest);
        if !sign.starts_with([' ', '\t']) || !is_entry(sign) {
            return false;
        }
        let start = self.at;
        let code = start + text.len() - sign.trim_start().len();
        let span = self.span(start, start + digits);
        self.report(
            Diagnostic::error("syntax-error", span, "this is the number of a line").help("delete it").fix(
                "delete the number",
                self.span(start, code),
                "  ",
            ),
        );
        self.fill(start, code, b' ');
        self.at = code;
        true
    }

    /// A list as YAML writes it, after `=` or `:`.
    fn yaml_list(&mut self) -> bool {
        let start = self.at;
        let sign = self.source.get(..start).map_or(0, |text| text.trim_end().len());
        if !matches!(self.byte(sign.saturating_sub(1)), b'=' | b':') {
            return false;
        }
        let mut items: Vec<(usize, usize)> = Vec::new();
        let mut at = start;
        loop {
            let end = self.line_end(at);
            let line = self.slice(at, end);
            let code = at + line.len() - line.trim_start().len();
            let Some(item) = line.trim_start().strip_prefix("- ") else { break };
            let from = code + 2 + item.len() - item.trim_start().len();
            let item = item.trim();
            let simple = |c: char| c.is_ascii_alphanumeric() || "_.-/\"@*".contains(c);
            if item.is_empty() || !item.chars().all(simple) || items.len() == MOST_ITEMS {
                return false;
            }
            items.push((from, from + item.len()));
            at = end + 1;
            if end >= self.text.len() {
                break;
            }
        }
        let (Some(&(first, first_end)), Some(&(_, end))) = (items.first(), items.last()) else {
            return false;
        };
        let texts: Vec<&str> = items.iter().map(|(from, to)| self.slice(*from, *to)).collect();
        let list = format!("[{}]", texts.join(", "));
        let place = self.span(start, first_end);
        let whole = self.span(sign, end);
        self.report(
            Diagnostic::error("syntax-error", place, "a list stands between `[` and `]`")
                .help(format!("write `{list}`"))
                .fix(format!("write `{list}`"), whole, format!(" {list}")),
        );
        for at in sign..first {
            self.set(at, b' ');
        }
        self.fill(first_end, end, b' ');
        self.break_off(first, first_end);
        self.at = self.line_end(end);
        true
    }

    /// `<<EOF … EOF`
    pub(super) fn heredoc(&mut self) -> bool {
        let start = self.at;
        if self.byte(start + 1) != b'<' || self.rewinds >= MAX_REWINDS {
            return false;
        }
        let Some(rest) = self.slice(start, self.line_end(start)).strip_prefix("<<") else { return false };
        let word = rest.trim_start_matches(['-', '~']).trim();
        let word = word.trim_matches(['"', '\'']).to_owned();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if word.is_empty()
            || !word.chars().all(is_name)
            || !word.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            return false;
        }
        let first_end = start + self.slice(start, self.line_end(start)).trim_end().len();
        let mut at = self.line_end(start);
        let (from, end) = loop {
            if at >= self.text.len() {
                self.rewinds += 1;
                return false;
            }
            let end = self.line_end(at + 1);
            let line = self.slice(at + 1, end);
            if line.trim() == word {
                let indent = line.len() - line.trim_start().len();
                break (at + 1 + indent, at + 1 + indent + word.len());
            }
            at = end;
        };
        let body = self.slice(first_end, from).to_owned();
        let place = self.span(start, first_end);
        let mut found = Diagnostic::error(
            "syntax-error",
            place,
            "a text of several lines stands between `\"\"\"` and `\"\"\"`",
        )
        .help("write `\"\"\"` here and after the text");
        if !body.contains("\"\"\"") && !body.contains('\\') {
            let quotes = |span| Edit { span, text: "\"\"\"".to_owned() };
            found.fix = Some(Fix {
                title: "write `\"\"\"`".to_owned(),
                edits: vec![quotes(place), quotes(self.span(from, end))],
            });
        }
        self.report(found);
        self.break_off(start, end);
        self.at = end;
        true
    }
}

/// Whether a line is left of a merge, without its beginning.
fn is_marker(text: &str) -> bool {
    text.starts_with("<<<<<<< ")
        || text == "======="
        || text.starts_with(">>>>>>> ")
        || text == ">>>>>>>"
        || text.starts_with("||||||| ")
}

fn is_word(text: &str) -> bool {
    text.trim_start().starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Whether a text looks like an entry of a body or a declaration.
fn is_entry(text: &str) -> bool {
    let text = text.trim_start();
    if matches!(text, "}" | "]" | ")") {
        return true;
    }
    let word = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let rest = text.get(word..).unwrap_or_default();
    is_word(text)
        && rest.starts_with(' ')
        && (rest.trim_start().starts_with("= ")
            || rest.trim_end().ends_with(['{', '}'])
            || rest.trim_start().starts_with('"'))
}
