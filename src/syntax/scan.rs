//! The pass before the grammar: comments, brackets, strings, and where each declaration begins.

use super::ast::Comment;
use crate::base::{SourceFile, Span};
use crate::diag::Diagnostic;

/// How deep brackets and `${` may nest.
#[allow(dead_code)]
pub(super) const MAX_DEPTH: usize = 64;

/// What the pass finds.
pub(super) struct Scan {
    /// The text with spaces instead of comments, byte for byte as long as the original.
    pub clean: String,
    /// Every comment.
    pub comments: Vec<Comment>,
    /// The byte range of each declaration.
    pub items: Vec<(usize, usize)>,
    /// What is wrong with brackets, strings and stray signs.
    pub diagnostics: Vec<Diagnostic>,
}

/// A bracket outside strings and comments.
#[derive(Clone, Copy)]
struct Bracket {
    at: usize,
    byte: u8,
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
        diagnostics: Vec::new(),
    };
    scanner.run();
    scanner.match_brackets();
    let items = scanner.items();
    // Only whole characters were replaced, so this cannot fail; an empty text would merely parse as nothing.
    let clean = String::from_utf8(scanner.clean).unwrap_or_default();
    Scan { clean, comments: scanner.comments, items, diagnostics: scanner.diagnostics }
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
    diagnostics: Vec<Diagnostic>,
}

impl Scanner<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.base + start as u32, self.base + end as u32)
    }

    fn blank(&mut self, start: usize, end: usize) {
        for byte in self.clean.get_mut(start..end).into_iter().flatten() {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }

    fn run(&mut self) {
        let mut fresh = true; // nothing but space so far on this line
        let mut before = b'\n'; // the last byte of code
        while self.at < self.text.len() {
            let byte = self.byte(self.at);
            match byte {
                b'\n' => {
                    fresh = true;
                    self.at += 1;
                    continue;
                }
                b' ' | b'\t' | b'\r' => {
                    self.at += 1;
                    continue;
                }
                b'/' if self.byte(self.at + 1) == b'/' => {
                    self.comment(!fresh);
                    continue;
                }
                _ => {}
            }
            if fresh && !self.continues(before) {
                self.starts.push(self.at);
            }
            fresh = false;
            match byte {
                b'"' => self.string(),
                b'{' | b'}' | b'(' | b')' | b'[' | b']' => {
                    self.brackets.push(Bracket { at: self.at, byte });
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            before = self.byte(self.at - 1);
        }
    }

    fn comment(&mut self, trailing: bool) {
        let start = self.at;
        while self.at < self.text.len() && self.byte(self.at) != b'\n' {
            self.at += 1;
        }
        let text = self.source.get(start..self.at).unwrap_or_default().trim_end();
        let end = start + text.len();
        self.comments.push(Comment { span: self.span(start, end), text: text.to_owned(), trailing });
        self.blank(start, self.at);
    }

    /// Whether the line that begins here goes on with what stood before it.
    fn continues(&self, before: u8) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let word = |word: &[u8]| {
            rest.starts_with(word)
                && !rest.get(word.len()).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
        };
        matches!(before, b'+' | b'*' | b'/' | b'|' | b'-')
            || matches!(
                rest.first(),
                Some(b'|' | b'+' | b'*' | b'/' | b'=' | b'<' | b'>' | b'?' | b'{' | b')' | b']' | b'}')
            )
            || rest.starts_with(b"!=")
            || [&b"else"[..], b"and", b"or", b"in", b"help"].into_iter().any(word)
    }

    fn string(&mut self) {
        let start = self.at;
        let long = self.text.get(start..start + 3) == Some(b"\"\"\"");
        self.at += if long { 3 } else { 1 };
        let mut open: Vec<u8> = Vec::new();
        while self.at < self.text.len() {
            let byte = self.byte(self.at);
            match (open.last(), byte) {
                (None | Some(b'"'), b'\\') => self.at += 1,
                (None, b'"') if !long => {
                    self.at += 1;
                    return;
                }
                (None, b'"') if self.text.get(self.at..self.at + 3) == Some(b"\"\"\"") => {
                    self.at += 3;
                    return;
                }
                (Some(b'"'), b'"') => drop(open.pop()),
                (Some(b'{'), b'"') => open.push(b'"'),
                (None | Some(b'"'), b'$') if self.byte(self.at + 1) == b'{' => {
                    self.at += 1;
                    open.push(b'{');
                }
                (Some(b'{'), b'{') => open.push(b'{'),
                (Some(b'{'), b'}') => drop(open.pop()),
                (_, b'\n') if !long => break,
                _ => {}
            }
            self.at += 1;
        }
        let end = self.at.min(self.text.len());
        self.diagnostics.push(
            Diagnostic::error("unclosed-string", self.span(start, end), "this string has no closing `\"`")
                .help("add `\"` where the text ends"),
        );
        self.blank(start, end);
    }

    fn match_brackets(&mut self) {
        let mut open: Vec<Bracket> = Vec::new();
        for bracket in std::mem::take(&mut self.brackets) {
            self.brackets.push(bracket);
            match bracket.byte {
                b'{' | b'(' | b'[' => open.push(bracket),
                _ => {
                    open.pop();
                }
            }
        }
        for bracket in open {
            let span = self.span(bracket.at, bracket.at + 1);
            self.diagnostics.push(Diagnostic::error("unclosed-brace", span, "this bracket is never closed"));
        }
    }

    /// Cuts the text at the lines outside brackets that begin a declaration.
    fn items(&self) -> Vec<(usize, usize)> {
        let mut brackets = self.brackets.iter().peekable();
        let mut depth = 0usize;
        let mut starts = Vec::new();
        for &start in &self.starts {
            while let Some(bracket) = brackets.next_if(|bracket| bracket.at < start) {
                match bracket.byte {
                    b'{' | b'(' | b'[' => depth += 1,
                    _ => depth = depth.saturating_sub(1),
                }
            }
            if depth == 0 {
                starts.push(start);
            }
        }
        let ends = starts.iter().skip(1).copied().chain([self.text.len()]);
        starts.iter().copied().zip(ends).collect()
    }
}
