//! From text to tree: the grammar's pairs become syntax nodes. The only file, with those below it, that knows pest.

mod expr;
mod items;
mod kinds;
mod literals;
mod rollout;
mod trouble;
mod types;

use pest::Parser;

use super::{ast, scan};
use crate::base::{SourceFile, Span, Spanned};
use crate::diag::Diagnostic;
use grammar::{Rule, Vpipe};

/// What pest makes of the grammar.
#[allow(missing_docs)]
mod grammar {
    /// The parser that pest generates.
    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/vpipe.pest"]
    pub(super) struct Vpipe;
}

type Pair<'a> = pest::iterators::Pair<'a, Rule>;
type Pairs<'a> = pest::iterators::Pairs<'a, Rule>;

/// What parsing gives.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The tree; what could not be read is `Broken` in it.
    pub file: ast::File,
    /// Every syntax error of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses a file.
pub fn parse(file: &SourceFile) -> Parsed {
    let scan = scan::scan(file);
    let mut reader = Reader {
        text: &scan.clean,
        base: file.base,
        at: 0,
        comments: &scan.comments,
        height: 0,
        diagnostics: scan.diagnostics,
    };
    let items = scan.items.iter().map(|&(start, end)| reader.top_item(start, end)).collect();
    let docs = reader.head_docs();
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    Parsed { file: ast::File { docs, items, comments: scan.comments }, diagnostics }
}

/// Turns pairs into nodes.
struct Reader<'a> {
    /// The text without comments.
    text: &'a str,
    /// The global offset of the text's first byte.
    base: u32,
    /// Where in the text the part begins that is being read.
    at: usize,
    /// The file's comments.
    comments: &'a [ast::Comment],
    /// How tall the tree of the last expression is.
    height: usize,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    /// One declaration; the range holds nothing else.
    fn top_item(&mut self, start: usize, end: usize) -> ast::Item {
        self.at = start;
        let text = self.text.get(start..end).unwrap_or_default();
        match Vpipe::parse(Rule::only_item, text) {
            Ok(mut pairs) => self.item(&mut pairs),
            Err(_) => {
                let text = text.trim_end();
                let span = self.global(0, text.len());
                self.trouble(Rule::only_item, span);
                ast::Item { docs: self.docs(span), span, kind: ast::ItemKind::Broken }
            }
        }
    }

    fn global(&self, start: usize, end: usize) -> Span {
        let at = self.base + self.at as u32;
        Span::new(at + start as u32, at + end as u32)
    }

    fn span(&self, pair: &Pair<'_>) -> Span {
        let span = pair.as_span();
        self.global(span.start(), span.end())
    }

    fn ident(&self, pair: &Pair<'_>) -> ast::Ident {
        Spanned::new(pair.as_str().to_owned(), self.span(pair))
    }

    /// The text under a span of this file.
    fn under(&self, span: Span) -> &'a str {
        let start = (span.start - self.base) as usize;
        self.text.get(start..start + span.len()).unwrap_or_default()
    }

    /// The `///` lines that stand directly above a place.
    fn docs(&self, place: Span) -> Vec<String> {
        let mut at = place.start;
        let mut lines = Vec::new();
        let above = self.comments.partition_point(|comment| comment.span.start < at);
        for comment in self.comments.iter().take(above).rev() {
            let between = self.under(Span::new(comment.span.end, at));
            if comment.trailing || !between.trim().is_empty() {
                break;
            }
            if let Some(line) = doc_line(&comment.text, "///") {
                lines.push(line);
            }
            at = comment.span.start;
        }
        lines.reverse();
        lines
    }

    /// The `//!` lines at the head of the file.
    fn head_docs(&self) -> Vec<String> {
        let code = self.text.len() - self.text.trim_start().len();
        self.comments
            .iter()
            .take_while(|comment| {
                ((comment.span.start - self.base) as usize) < code.max(1) || code == self.text.len()
            })
            .filter_map(|comment| doc_line(&comment.text, "//!"))
            .collect()
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        let at = self.diagnostics.len();
        self.diagnostics.push(Diagnostic::error(code, span, message));
        // Just pushed.
        &mut self.diagnostics[at]
    }
}

/// A documentation line without its marker and the space after it.
fn doc_line(text: &str, marker: &str) -> Option<String> {
    let line = text.strip_prefix(marker)?;
    if line.starts_with('/') {
        return None;
    }
    Some(line.strip_prefix(' ').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::path::Path;

    use super::*;
    use crate::base::SourceMap;

    fn parse_text(text: &str) -> Parsed {
        let mut sources = SourceMap::default();
        sources.add("before", "let x = 1").unwrap();
        parse(&sources.add("test.vpipe", text).unwrap())
    }

    fn clean_files(folder: &Path) -> usize {
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                count += clean_files(&path);
            } else if path.extension().is_some_and(|extension| extension == "vpipe") {
                let text = std::fs::read_to_string(&path).unwrap();
                let parsed = parse_text(&text);
                assert_eq!(parsed.diagnostics, [], "{}", path.display());
                assert!(!parsed.file.items.is_empty() && !parsed.file.docs.is_empty(), "{}", path.display());
                count += 1;
            }
        }
        count
    }

    #[test]
    fn the_library_and_the_examples_parse() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(clean_files(&root.join("stdlib")) > 15);
        assert!(clean_files(&root.join("examples")) > 0);
    }
}
