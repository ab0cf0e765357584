//! Signs that mean something in other languages.

use super::Scanner;
use crate::diag::{Diagnostic, Edit};

/// How many places one repair may change; a second run repairs the rest.
const MAX_EDITS: usize = 10_000;

impl Scanner<'_> {
    /// Reads a sign that no vpipe text has outside strings; false when there is nothing to say here.
    pub(super) fn slip(&mut self) -> bool {
        match self.byte(self.at) {
            b'#' => self.hash_comment(),
            b'/' if self.byte(self.at + 1) == b'*' => self.long_comment(),
            b';' => self.semicolon(),
            b'\'' => return self.single_quotes(),
            b'/' => return false,
            _ => return self.odd_character(),
        }
        true
    }

    /// Reports a slip at its first place; further ones add their edits to the same repair.
    fn once(&mut self, key: &'static str, edits: Vec<Edit>, diagnostic: impl FnOnce() -> Diagnostic) {
        if let Some((_, at)) = self.repeated.iter().find(|(known, _)| *known == key) {
            let fix = self.diagnostics.get_mut(*at).and_then(|diagnostic| diagnostic.fix.as_mut());
            if let Some(fix) = fix.filter(|fix| fix.edits.len() < MAX_EDITS) {
                fix.edits.extend(edits);
            }
            return;
        }
        self.repeated.push((key, self.diagnostics.len()));
        let mut diagnostic = diagnostic();
        if let Some(fix) = diagnostic.fix.as_mut() {
            fix.edits = edits;
        }
        self.report(diagnostic);
    }

    /// `# text`
    fn hash_comment(&mut self) {
        let start = self.at;
        let end = self.line_end(start);
        let signs = self.slice(start, end).len() - self.slice(start, end).trim_start_matches('#').len();
        let span = self.span(start, start + signs);
        let edit = Edit { span, text: "//".to_owned() };
        self.once("hash", vec![edit], || {
            Diagnostic::error("syntax-error", span, "a comment begins with `//`")
                .help("write `//` instead of `#`")
                .fix("change `#` to `//`", span, "")
        });
        self.fill(start, end, b' ');
        self.at = end;
    }

    /// `/* text */`
    fn long_comment(&mut self) {
        let start = self.at;
        let rest = self.text.get(start + 2..).unwrap_or_default();
        let length = rest.windows(2).position(|pair| pair == b"*/");
        let end = length.map_or(self.text.len(), |length| start + 2 + length + 2);
        let span = self.span(start, start + 2);
        let line_end = self.line_end(end);
        let alone = self.slice(end, line_end).trim().is_empty();
        if length.is_some() && alone {
            let edits = self.comment_edits(start, end);
            self.once("comment", edits, || {
                Diagnostic::error("syntax-error", span, "a comment begins with `//` and ends with its line")
                    .help("write `//` before each line of it")
                    .fix("change it to `//`", span, "")
            });
        } else {
            self.report(
                Diagnostic::error("syntax-error", span, "a comment begins with `//` and ends with its line")
                    .help("write `//` at the end of a line, or on lines of its own"),
            );
        }
        self.fill(start, end, b' ');
        self.at = end;
    }

    /// What makes line comments of a long comment.
    fn comment_edits(&self, start: usize, end: usize) -> Vec<Edit> {
        let open = if self.byte(start + 2) == b'*' && end > start + 4 { start + 3 } else { start + 2 };
        let mut edits = vec![Edit { span: self.span(start, open), text: "//".to_owned() }];
        let inside = self.slice(open, end - 2);
        let kept = open + inside.trim_end().len();
        let mut at = open;
        for line in self.slice(open, kept).split_inclusive('\n') {
            if at > open {
                let text = line.trim_start();
                let code = at + line.len() - text.len();
                let star = if text.starts_with('*') { 1 } else { 0 };
                let text = if star == 0 { "// " } else { "//" };
                edits.push(Edit { span: self.span(code, code + star), text: text.to_owned() });
            }
            at += line.len();
        }
        edits.push(Edit { span: self.span(kept, end), text: String::new() });
        edits
    }

    /// `a = 1;`
    fn semicolon(&mut self) {
        let at = self.at;
        let span = self.span(at, at + 1);
        let rest = self.slice(at + 1, self.text.len()).trim_start_matches([' ', '\t', '\r']);
        let last = rest.is_empty() || rest.starts_with("//") || rest.starts_with(['\n', '}', ')', ';']);
        let text = if last { "" } else { "," };
        self.once("semicolon", vec![Edit { span, text: text.to_owned() }], || {
            Diagnostic::error("syntax-error", span, "`;` ends nothing here")
                .help("leave it out; a newline or a comma ends an entry")
                .fix(if last { "remove `;`" } else { "change `;` to `,`" }, span, "")
        });
        self.set(at, if last { b' ' } else { b',' });
        self.at += 1;
    }

    /// `'text'`
    fn single_quotes(&mut self) -> bool {
        let start = self.at;
        let rest = self.slice(start + 1, self.text.len());
        let Some(length) = rest.find(['\'', '\n']) else { return false };
        if self.byte(start + 1 + length) == b'\n' {
            return false;
        }
        let text = rest.get(..length).unwrap_or_default().to_owned();
        let right = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let end = start + 1 + length + 1;
        let span = self.span(start, end);
        let diagnostic = Diagnostic::error("syntax-error", span, "a string stands in double quotes")
            .help(format!("write `{right}`"))
            .fix("change the quotes", span, right);
        self.report(diagnostic);
        if text.contains(['"', '\\', '$']) {
            self.break_off(start, end);
        } else {
            self.set(start, b'"');
            self.set(end - 1, b'"');
        }
        self.strings.push((start, end));
        self.at = end;
        true
    }

    /// A character that no vpipe text has outside strings and comments.
    fn odd_character(&mut self) -> bool {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let Some(c) = rest.chars().next() else { return false };
        let (start, end) = (self.at, self.at + c.len_utf8());
        match c {
            '\u{feff}' if start == 0 => {
                self.fill(start, end, b' ');
                self.at = end;
            }
            '“' | '”' | '„' | '‘' | '’' => return self.curly_quotes(c),
            '–' | '—' | '−' | '‐' | '‑' | '\u{ff01}'..='\u{ff5e}' => self.look_alike(c),
            '…' => {
                let span = self.span(start, end);
                self.report(
                    Diagnostic::error("syntax-error", span, "`…` stands for something left out")
                        .help("write what belongs here, or delete it")
                        .fix("delete `…`", span, ""),
                );
                self.fill(start, end, b' ');
                self.at = end;
            }
            c if letter_like(c).is_some() => return self.look_alike_letters(),
            c if c.is_control()
                || c.is_whitespace()
                || ('\u{200b}'..='\u{200f}').contains(&c)
                || c == '\u{feff}' =>
            {
                self.invisible(start, c);
                self.at = end;
            }
            _ => return false,
        }
        true
    }

    /// A sign that looks like one of ASCII, which is read instead.
    fn look_alike(&mut self, c: char) {
        let (start, end) = (self.at, self.at + c.len_utf8());
        let meant = match c {
            '\u{ff01}'..='\u{ff5e}' => {
                char::from_u32(u32::from(c) - 0xfee0).filter(char::is_ascii).unwrap_or('-')
            }
            _ => '-',
        };
        let span = self.span(start, end);
        let message = format!("`{c}` is U+{:04X}, and only looks like `{meant}`", u32::from(c));
        self.report(
            Diagnostic::error("invalid-character", span, message).help(format!("write `{meant}`")).fix(
                format!("change to `{meant}`"),
                span,
                meant,
            ),
        );
        self.fill(start, end, b' ');
        if meant.is_ascii_punctuation() && !matches!(meant, '"' | '\'' | '{' | '}' | '(' | ')' | '[' | ']') {
            self.set(start, meant as u8);
        }
        self.at = end;
    }

    /// Letters of another alphabet that look like those of ASCII. The entry is not read.
    fn look_alike_letters(&mut self) -> bool {
        let start = self.at;
        let rest = self.slice(start, self.text.len());
        let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let odd = |c: &char| !c.is_ascii();
        if !word.chars().filter(odd).all(|c| letter_like(c).is_some()) {
            return false;
        }
        let length = word.char_indices().rfind(|(_, c)| odd(c)).map_or(0, |(at, c)| at + c.len_utf8());
        let seen = word.get(..length).unwrap_or_default();
        let meant: String = seen.chars().map(|c| letter_like(c).unwrap_or(c)).collect();
        let span = self.span(start, start + length);
        let message = match seen.chars().next() {
            Some(c) if c.len_utf8() == length => {
                format!("`{seen}` is U+{:04X}, and only looks like `{meant}`", u32::from(c))
            }
            _ => format!("`{seen}` only looks like `{meant}`: there are letters of another alphabet in it"),
        };
        self.report(
            Diagnostic::error("invalid-character", span, message).help(format!("write `{meant}`")).fix(
                format!("change to `{meant}`"),
                span,
                meant,
            ),
        );
        self.at = start + word.len();
        true
    }

    /// Reports a character that nobody can see, and takes it out of the text that is read.
    pub(super) fn invisible(&mut self, at: usize, c: char) {
        let end = at + c.len_utf8();
        let span = self.span(at, end);
        let text = if c.is_whitespace() { " " } else { "" };
        self.once("invisible", vec![Edit { span, text: text.to_owned() }], || {
            let message = format!("an invisible character, U+{:04X}", u32::from(c));
            Diagnostic::error("invalid-character", span, message)
                .help("delete it; it may come from a web page or a word processor")
                .fix("remove the invisible characters", span, "")
        });
        self.fill(at, end, b' ');
    }

    /// `“text”`
    fn curly_quotes(&mut self, open: char) -> bool {
        let start = self.at;
        let from = start + open.len_utf8();
        let rest = self.slice(from, self.text.len());
        let Some(length) = rest.find(['“', '”', '„', '‘', '’', '"', '\n']) else { return false };
        if self.byte(from + length) == b'\n' {
            return false;
        }
        let text = rest.get(..length).unwrap_or_default().to_owned();
        let close = rest.get(length..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        let end = from + length + close;
        let span = self.span(start, end);
        self.report(
            Diagnostic::error("syntax-error", span, "a string stands in straight quotes")
                .help(format!("write `\"{text}\"`"))
                .fix("change the quotes", span, format!("\"{text}\"")),
        );
        self.break_off(start, end);
        self.at = end;
        true
    }
}

/// The ASCII letter that a Cyrillic or Greek one looks like.
fn letter_like(c: char) -> Option<char> {
    const ALIKE: (&str, &str) =
        ("аеорсухіјѕԁһАВЕКМНОРСТХαορνΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeopcyxijsdhABEKMHOPCTXaopvABEZHIKMNOPTYX");
    ALIKE.0.chars().zip(ALIKE.1.chars()).find(|(other, _)| *other == c).map(|(_, ascii)| ascii)
}
