//! The pass before the grammar: comments, brackets, strings, and where each declaration begins.
//!
//! It is linear in the text, whatever the text. What it hands on is well-formed in the large: comments are spaces,
//! brackets match and nest at most [`MAX_DEPTH`] deep, strings end on their line. Whatever it had to change for that it
//! has reported.

mod brackets;
mod foreign;
mod slips;

use super::ast::Comment;
use crate::base::{SourceFile, Span};
use crate::diag::Diagnostic;

/// How deep brackets and `${` may nest.
const MAX_DEPTH: usize = 64;

/// How many findings are kept; no person reads more, and a text of nothing but errors has millions.
pub(super) const MAX_FINDINGS: usize = 1_000;

/// How often a file is read again from an earlier string on a line, or looked through in vain for the end of something.
const MAX_REWINDS: usize = 100;

/// What the pass finds.
pub(super) struct Scan {
    /// The text with spaces instead of comments, byte for byte in the same places.
    pub clean: String,
    /// Every comment.
    pub comments: Vec<Comment>,
    /// Each declaration.
    pub items: Vec<ItemText>,
    /// What could not be read and now stands in `clean` as a name of underscores, as ranges of bytes.
    pub broken: Vec<(usize, usize)>,
    /// What is wrong with brackets, strings and stray signs.
    pub diagnostics: Vec<Diagnostic>,
}

/// Where a declaration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ItemText {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The closing brackets that it lacks.
    pub closers: String,
    /// Whether its brackets match now. What could not be mended would take the grammar time that doubles with each level.
    pub readable: bool,
}

/// Goes over a file once.
pub(super) fn scan(file: &SourceFile) -> Scan {
    let mut scanner = Scanner {
        text: file.text.as_bytes(),
        source: &file.text,
        base: file.base,
        at: 0,
        clean: file.text.as_bytes().to_vec(),
        comments: Vec::new(),
        brackets: Vec::new(),
        starts: Vec::new(),
        strings: Vec::new(),
        broken: Vec::new(),
        depth: 0,
        deep: None,
        angles: 0,
        rewinds: 0,
        repeated: Vec::new(),
        skip: None,
        diagnostics: Vec::new(),
    };
    scanner.run();
    let items = scanner.items();
    scanner.broken.sort_unstable();
    scanner.diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    // Only whole characters were replaced, so this cannot fail; an empty text would merely parse as nothing.
    let clean = String::from_utf8(scanner.clean).unwrap_or_default();
    Scan {
        clean,
        comments: scanner.comments,
        items,
        broken: scanner.broken,
        diagnostics: scanner.diagnostics,
    }
}

/// A bracket outside strings and comments.
#[derive(Clone, Copy, Debug)]
struct Bracket {
    at: usize,
    byte: u8,
}

impl Bracket {
    fn opens(self) -> bool {
        matches!(self.byte, b'{' | b'(' | b'[')
    }

    fn closer(self) -> u8 {
        match self.byte {
            b'{' => b'}',
            b'(' => b')',
            _ => b']',
        }
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    source: &'a str,
    base: u32,
    at: usize,
    clean: Vec<u8>,
    comments: Vec<Comment>,
    brackets: Vec<Bracket>,
    /// The first byte of every line that may begin a declaration.
    starts: Vec<usize>,
    /// The strings of this line.
    strings: Vec<(usize, usize)>,
    broken: Vec<(usize, usize)>,
    /// How many brackets are open, whichever they are.
    depth: usize,
    /// Where nesting became too deep, and where the text begins again to be read.
    deep: Option<usize>,
    /// How many `<` followed each other directly, as in `Range<Range<…`.
    angles: usize,
    /// How often an earlier string was read again.
    rewinds: usize,
    /// What is read no more, further on.
    skip: Option<(usize, usize)>,
    /// Slips that are reported once a file, with where to find their diagnostic.
    repeated: Vec<(&'static str, usize)>,
    diagnostics: Vec<Diagnostic>,
}

impl Scanner<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn starts_with(&self, at: usize, what: &[u8]) -> bool {
        self.text.get(at..).is_some_and(|rest| rest.starts_with(what))
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.source.get(start..end).unwrap_or_default()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.base + start as u32, self.base + end as u32)
    }

    /// The end of the line that `at` is on.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
    }

    fn fill(&mut self, start: usize, end: usize, with: u8) {
        for byte in self.clean.get_mut(start..end).into_iter().flatten() {
            if *byte != b'\n' {
                *byte = with;
            }
        }
    }

    fn set(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.clean.get_mut(at) {
            *place = byte;
        }
    }

    /// Replaces text that cannot be read by a name of underscores on its first line.
    fn break_off(&mut self, start: usize, end: usize) {
        let text = self.text.get(start..end).unwrap_or_default();
        let line = start + text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
        self.fill(start, line, b'_');
        self.fill(line, end, b' ');
        self.broken.push((start, line));
    }

    fn run(&mut self) {
        let mut fresh = true; // nothing but space so far on this line
        let mut before = b'\n'; // the last byte of code
        while self.at < self.text.len() {
            if let Some((_, end)) = self.skip.filter(|(start, _)| *start <= self.at) {
                (self.at, self.skip) = (end, None);
                continue;
            }
            let byte = self.byte(self.at);
            match byte {
                b'\n' => {
                    fresh = true;
                    self.strings.clear();
                    self.at += 1;
                    continue;
                }
                b' ' => {
                    self.at += 1;
                    continue;
                }
                b'\t' | b'\r' => {
                    self.set(self.at, b' ');
                    self.at += 1;
                    continue;
                }
                b'/' if self.byte(self.at + 1) == b'/' => {
                    self.comment(!fresh);
                    continue;
                }
                b'#' | b';' | b'\'' | b'/' | 0..=31 | 127..=255 if self.slip() => continue,
                _ if fresh && self.foreign_line(before) => continue,
                b'<' if self.heredoc() => {
                    before = b'_';
                    fresh = false;
                    continue;
                }
                _ => {}
            }
            // What stands before the first declaration is no part of one, but has to be read by someone.
            if fresh && (self.starts.is_empty() || !self.continues(before)) {
                self.starts.push(self.at);
            }
            fresh = false;
            match byte {
                b'"' => self.string(),
                b'{' | b'}' | b'(' | b')' | b'[' | b']' => self.bracket(byte),
                b'<' => self.angle(),
                _ => {
                    if !(byte.is_ascii_alphanumeric() || byte == b'_') {
                        self.angles = 0;
                    }
                    self.at += 1;
                }
            }
            before = self.byte(self.at - 1);
        }
        if let Some(start) = self.deep {
            self.leave_out(start, self.text.len());
        }
    }

    fn comment(&mut self, trailing: bool) {
        let start = self.at;
        self.at = self.line_end(start);
        let text = self.slice(start, self.at).trim_end();
        let comment = Comment { span: self.span(start, start + text.len()), text: text.to_owned(), trailing };
        self.comments.push(comment);
        self.fill(start, self.at, b' ');
    }

    /// Whether the line that begins here goes on with what stood before it.
    fn continues(&self, before: u8) -> bool {
        let word = |word: &[u8]| {
            let after = self.byte(self.at + word.len());
            self.starts_with(self.at, word) && !(after.is_ascii_alphanumeric() || after == b'_')
        };
        let margin = self.at == 0 || self.byte(self.at - 1) == b'\n';
        !margin && matches!(before, b'+' | b'*' | b'/' | b'|' | b'-')
            || matches!(
                self.byte(self.at),
                b'|' | b'+' | b'*' | b'/' | b'=' | b'<' | b'>' | b'?' | b'{' | b')' | b']' | b'}'
            )
            || self.starts_with(self.at, b"!=")
            || [&b"else"[..], b"and", b"or", b"in"].into_iter().any(word)
    }

    fn bracket(&mut self, byte: u8) {
        let bracket = Bracket { at: self.at, byte };
        self.angles = 0;
        self.at += 1;
        if bracket.opens() {
            self.depth += 1;
            if self.depth > MAX_DEPTH && self.deep.is_none() {
                self.deep = Some(bracket.at);
                self.too_deep(bracket.at, bracket.at + 1);
            }
        } else {
            self.depth = self.depth.saturating_sub(1);
        }
        match self.deep {
            None => self.brackets.push(bracket),
            Some(start) if self.depth <= MAX_DEPTH => {
                // The bracket that closes the text that is too deep.
                self.leave_out(start, self.at);
                self.deep = None;
            }
            Some(_) => {}
        }
    }

    /// `Range<Range<…`
    fn angle(&mut self) {
        self.angles += 1;
        if self.angles > MAX_DEPTH {
            let start = self.at;
            self.too_deep(start, start + 1);
            let end = self.line_end(start);
            self.break_off(start, end);
            self.at = end;
            self.angles = 0;
        } else {
            self.at += 1;
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_FINDINGS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Takes text that is too deep out of what is read.
    fn leave_out(&mut self, start: usize, end: usize) {
        self.fill(start, end, b' ');
        while self.starts.pop_if(|other| *other > start).is_some() {}
    }

    fn too_deep(&mut self, start: usize, end: usize) {
        if self.diagnostics.iter().any(|diagnostic| diagnostic.code == "too-deep") {
            return;
        }
        let message = format!("brackets are nested more than {MAX_DEPTH} deep");
        self.report(
            Diagnostic::error("too-deep", self.span(start, end), message)
                .help("give inner parts names with `let`"),
        );
    }

    /// A string, with what is between `${` and `}`.
    fn string(&mut self) {
        let start = self.at;
        let long = self.starts_with(start, b"\"\"\"");
        self.at += if long { 3 } else { 1 };
        // `"` and brackets that are open inside, innermost last.
        let mut open: Vec<(usize, u8)> = Vec::new();
        let mut deep = false;
        while self.at < self.text.len() {
            let byte = self.byte(self.at);
            if byte < b' ' && !byte.is_ascii_whitespace() {
                self.invisible(self.at, char::from(byte));
            }
            match (open.last().map(|(_, byte)| *byte), byte) {
                (None | Some(b'"'), b'\\') if self.byte(self.at + 1) != b'\n' => self.at += 1,
                (None, b'"') if !long => return self.string_ends(start, 1, deep),
                (None, b'"') if self.starts_with(self.at, b"\"\"\"") => {
                    return self.string_ends(start, 3, deep);
                }
                (Some(b'"'), b'"') => drop(open.pop()),
                (None | Some(b'"'), b'$') if self.byte(self.at + 1) == b'{' => {
                    open.push((self.at, b'{'));
                    self.at += 1;
                }
                (Some(b'{' | b'(' | b'['), b'"' | b'{' | b'(' | b'[') => open.push((self.at, byte)),
                (Some(b'{'), b'}') | (Some(b'('), b')') | (Some(b'['), b']') => drop(open.pop()),
                (_, b'\n') if !long || !open.is_empty() => break,
                _ => {}
            }
            // Every second one that is open is a quote.
            if open.len() / 2 + self.depth > MAX_DEPTH && !deep {
                deep = true;
                self.too_deep(self.at, self.at + 1);
            }
            self.at += 1;
        }
        self.at = self.at.min(self.text.len());
        let inside = open.iter().find(|(_, byte)| *byte == b'{').map(|(at, _)| *at);
        self.unclosed_string(start, long, if deep { None } else { inside });
    }

    fn string_ends(&mut self, start: usize, quotes: usize, deep: bool) {
        self.at += quotes;
        if deep {
            self.break_off(start, self.at);
        } else {
            self.strings.push((start, self.at));
        }
        self.angles = 0;
    }

    /// Reports a string that does not end on its line, and goes on after what it most likely was.
    fn unclosed_string(&mut self, start: usize, long: bool, inside: Option<usize>) {
        let word = |at: usize| self.byte(at).is_ascii_alphanumeric();
        let early = self.strings.iter().find(|(_, end)| word(*end) && self.rewinds < MAX_REWINDS);
        let early = early.map(|(start, _)| *start);
        if !long
            && early.is_none()
            && inside.is_none()
            && start > 0
            && word(start - 1)
            && self.slice(start + 1, self.line_end(start)).trim().is_empty()
        {
            return self.unopened_string(start);
        }
        // In `a = "x, b = "y"` it is the first string that lacks its quote.
        let start = if long { start } else { early.unwrap_or(start) };
        let end = if long { self.text.len() } else { self.string_end(start) };
        if early.is_some() {
            self.rewinds += 1;
            self.strings.retain(|(other, _)| *other < start);
            while let Some(bracket) = self.brackets.pop_if(|bracket| bracket.at >= end) {
                self.depth = if bracket.opens() { self.depth.saturating_sub(1) } else { self.depth + 1 };
            }
        }
        self.at = end;
        let diagnostic = match inside {
            Some(at) => {
                Diagnostic::error("unclosed-brace", self.span(at, at + 2), "this `${` is never closed")
                    .label("opened here")
                    .help("add `}` after the value")
            }
            None => {
                let quotes = if long { "\"\"\"" } else { "\"" };
                let shown = if long { self.line_end(start) } else { end };
                let message = format!("this string has no closing `{quotes}`");
                let diagnostic = Diagnostic::error("unclosed-string", self.span(start, shown), message)
                    .label("begins here")
                    .help(format!("add `{quotes}` where the text ends"));
                if long {
                    diagnostic
                } else {
                    diagnostic.fix(format!("add `{quotes}`"), self.span(end, end), quotes)
                }
            }
        };
        self.report(diagnostic);
        self.break_off(start, end);
    }

    /// `engine = mysql"`
    fn unopened_string(&mut self, quote: usize) {
        let before = self.slice(0, quote);
        let length =
            before.bytes().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-./:".contains(byte));
        let start = quote - length.count();
        let span = self.span(start, quote + 1);
        self.report(
            Diagnostic::error("unclosed-string", span, "this string has no opening `\"`")
                .help("add `\"` where the text begins")
                .fix("add `\"`", self.span(start, start), "\""),
        );
        self.at = quote + 1;
        self.break_off(start, quote + 1);
    }

    /// Where on its line a string without closing quote ends: before the brackets that close what this line opened.
    fn string_end(&self, start: usize) -> usize {
        let line_end = self.line_end(start);
        if let Some(end) = self.next_attribute(start, line_end) {
            return end;
        }
        let line_start = self.source.get(..start).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
        let mut open = Vec::new();
        let first = self.brackets.partition_point(|bracket| bracket.at < line_start);
        for bracket in self.brackets.iter().skip(first).take_while(|bracket| bracket.at < start) {
            if bracket.opens() {
                open.push(bracket.closer());
            } else {
                open.pop();
            }
        }
        let mut end = start + self.slice(start, line_end).trim_end().len();
        let mut at = end;
        for closer in open {
            if at > start && self.byte(at - 1) == closer {
                at -= 1;
                at = start + self.slice(start, at).trim_end().len();
                end = at;
            }
        }
        let text = self.slice(start, end);
        let body = text.strip_suffix('{').filter(|text| text.len() > 1).map(str::trim_end);
        let text = body.or_else(|| text.strip_suffix(',')).unwrap_or(text);
        start + text.len()
    }

    /// Where `, NAME =` follows on the line.
    fn next_attribute(&self, start: usize, end: usize) -> Option<usize> {
        let text = self.slice(start, end);
        text.match_indices(',').find_map(|(at, _)| {
            let rest = text.get(at + 1..)?.trim_start_matches(' ');
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            let sign = rest.get(word..)?.trim_start_matches(' ');
            (word > 0 && sign.starts_with("= ")).then_some(start + at)
        })
    }
}
