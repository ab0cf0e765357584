//! From text to tree: the grammar's pairs become syntax nodes. The only file, with those below it, that knows pest.

mod expr;
mod items;
mod kinds;
mod literals;
mod rollout;
mod slips;
mod trouble;
mod types;

use std::collections::HashSet;

use pest::Parser;

use super::{ast, scan};
use crate::base::{SourceFile, Span, Spanned, in_parts, parts_for};
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
    let read = |part: &[scan::ItemText]| {
        let mut reader = Reader::new(file, &scan);
        let items: Vec<_> = part.iter().map(|item| reader.top_item(item)).collect();
        (items, reader.diagnostics)
    };
    let (mut items, mut diagnostics) = (Vec::new(), Vec::new());
    for (mut part, found) in in_parts(&scan.items, parts_for(scan.items.len()), read, read) {
        items.append(&mut part);
        diagnostics.extend(found);
    }
    let docs = Reader::new(file, &scan).head_docs();
    let diagnostics = together(file, scan.diagnostics, diagnostics);
    Parsed { file: ast::File { docs, items, comments: scan.comments }, diagnostics }
}

/// Has the grammar alone read a file, and counts what it recognised. Parsing cannot be quicker than this on one core; for
/// measuring.
#[doc(hidden)]
pub fn recognise(file: &SourceFile) -> usize {
    let scan = scan::scan(file);
    let texts = scan.items.iter().filter_map(|item| scan.clean.get(item.start..item.end));
    texts
        .filter_map(|text| Vpipe::parse(Rule::only_item, text).ok())
        .map(|pairs| pairs.flatten().count())
        .sum()
}

/// All findings in order of place, without those that a bracket or a string on the same line explains.
fn together(file: &SourceFile, before: Vec<Diagnostic>, after: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if before.is_empty() && after.is_empty() {
        return Vec::new();
    }
    let breaks: Vec<usize> = file.text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |diagnostic: &Diagnostic| {
        let at = diagnostic.span.start.saturating_sub(file.base) as usize;
        breaks.partition_point(|newline| *newline < at)
    };
    let lines_with = |codes: &[&str]| -> HashSet<usize> {
        before.iter().filter(|diagnostic| codes.contains(&diagnostic.code)).map(line).collect()
    };
    let strings = lines_with(&["unclosed-string"]);
    let brackets = lines_with(&["unclosed-string", "unclosed-brace", "unopened-brace"]);
    let mut all: Vec<Diagnostic> = before
        .into_iter()
        .filter(|found| !(found.code.ends_with("-brace") && strings.contains(&line(found))))
        .chain(after.into_iter().filter(|found| !brackets.contains(&line(found))))
        .collect();
    all.sort_by_key(|diagnostic| diagnostic.span.start);
    all
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
    /// What the text lacks, as names of underscores.
    broken: &'a [(usize, usize)],
    /// How tall the tree of the last expression is.
    height: usize,
    /// What is known to be wrong, in order of place.
    known: &'a [Diagnostic],
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn new(file: &SourceFile, scan: &'a scan::Scan) -> Self {
        Reader {
            text: &scan.clean,
            base: file.base,
            at: 0,
            comments: &scan.comments,
            broken: &scan.broken,
            height: 0,
            known: &scan.diagnostics,
            diagnostics: Vec::new(),
        }
    }

    /// One declaration.
    fn top_item(&mut self, item: &scan::ItemText) -> ast::Item {
        self.at = item.start;
        let text = self.text.get(item.start..item.end).unwrap_or_default();
        let span = self.global(0, text.trim_end().len());
        if !item.readable {
            return ast::Item { docs: self.docs(span), span, kind: ast::ItemKind::Broken };
        }
        let mended;
        let whole = if item.closers.is_empty() {
            text
        } else {
            mended = format!("{text}{}", item.closers);
            &mended
        };
        match Vpipe::parse(Rule::only_item, whole) {
            Ok(mut pairs) => self.item(&mut pairs),
            Err(_) => {
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

    /// The codes of what is wrong with a text.
    fn codes(text: &str) -> Vec<&'static str> {
        let parsed = parse_text(text);
        let end = 10 + text.len() as u32;
        for diagnostic in &parsed.diagnostics {
            assert!(10 <= diagnostic.span.start && diagnostic.span.end <= end, "{diagnostic:?}");
        }
        parsed.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
    }

    #[test]
    fn whatever_nests_too_deep_is_said_once() {
        let deep = 10_000;
        for (open, middle, close) in [
            ("[", "1", "]"),
            ("(", "1", ")"),
            ("{ a = ", "1", " }"),
            ("f(", "1", ")"),
            ("x[", "1", "]"),
            ("if a { ", "1", " } else { 2 }"),
            ("-", "1", ""),
            ("not ", "a", ""),
            ("\"${", "a", "}\""),
            ("[for a in ", "b", ": c]"),
            ("1 + ", "1", ""),
            ("a == b or ", "c", ""),
            ("if a { 1 } else ", "if a { 1 } else { 2 }", ""),
        ] {
            let text = format!("let a = {}{middle}{}\nlet b = 1", open.repeat(deep), close.repeat(deep));
            assert_eq!(codes(&text), ["too-deep"], "{open}");
        }
        for (open, close) in [("Range<", ">"), ("[", "]"), ("{ a: ", " }"), ("x(a: ", ")"), ("(", ")")] {
            let text = format!("param a: {}Int{}\nlet b = 1", open.repeat(deep), close.repeat(deep));
            assert_eq!(codes(&text), ["too-deep"], "{open}");
        }
        for item in ["if a { ", "for a in b { "] {
            let text = format!("{}bucket c {{ }}{}", item.repeat(deep), " }".repeat(deep));
            assert_eq!(codes(&text), ["too-deep"], "{item}");
            let text = format!("bucket a {{ {}b = 1{} }}", item.repeat(deep), " }".repeat(deep));
            assert_eq!(codes(&text), ["too-deep"], "{item}");
        }
        let chain = format!("if a {{ }}{}", " else if b { }".repeat(deep));
        assert_eq!(codes(&chain), ["too-deep"]);
        assert_eq!(codes(&format!("bucket a {{ {chain} }}")), ["too-deep"]);
        for brackets in ["{", "[", "("] {
            assert_eq!(codes(&format!("let a = {}", brackets.repeat(deep))), ["too-deep"]);
        }
        assert_eq!(codes(&format!("let a = x{}", ".y".repeat(deep))), ["too-deep"]);
        assert_eq!(codes(&format!("let a = x{}", "[0]".repeat(deep))), ["too-deep"]);
    }

    #[test]
    fn nesting_up_to_the_limit_is_fine() {
        for (open, close) in [("[", "]"), ("(", ")"), ("{ a = ", " }"), ("\"${", "}\"")] {
            let text = format!("let a = {}1{}", open.repeat(64), close.repeat(64));
            assert_eq!(codes(&text), [""; 0], "{open}");
        }
        let chain = format!("let a = 1{}", " + 1".repeat(100));
        assert_eq!(codes(&chain), [""; 0]);
    }

    #[test]
    fn long_and_odd_texts_are_read_in_linear_time() {
        let started = std::time::Instant::now();
        let size = 5_000;
        for (text, expected) in [
            (String::new(), None),
            ("\n".repeat(size), None),
            (" ".repeat(size), None),
            ("// x\n".repeat(size), None),
            ("\0".repeat(size), Some("invalid-character")),
            ("x ".repeat(size), Some("syntax-error")),
            ("\"".repeat(size + 1), Some("unclosed-string")),
            ("\"a".repeat(size + 1), Some("unclosed-string")),
            ("\"\n".repeat(size), Some("unclosed-string")),
            ("}".repeat(size), Some("unopened-brace")),
            ("}\n".repeat(size), Some("unopened-brace")),
            ("{\n".repeat(size), Some("syntax-error")),
            ("a = <<E\n".repeat(size), Some("syntax-error")),
            ("<!-- x\n".repeat(size), Some("syntax-error")),
            ("<<<<<<< x\n".repeat(size), Some("syntax-error")),
            ("a =\n- b\n".repeat(size), Some("syntax-error")),
            ("a b {\n".repeat(size), Some("too-deep")),
            ("a }\n".repeat(size), Some("unopened-brace")),
            ("# x\n".repeat(size), Some("syntax-error")),
            ("a = ;\n".repeat(size), Some("syntax-error")),
            ("'a' ".repeat(size), Some("syntax-error")),
            (format!("let a = \"{}\"", "x".repeat(size)), None),
            (format!("let a = [{}]", "1, ".repeat(size)), None),
            (format!("bucket a {{\n{}}}", "b = 1\n".repeat(size)), None),
            (format!("bucket a {{\n{}}}", "b = [\n".repeat(size)), Some("too-deep")),
            ("let a = 1\n".repeat(size), None),
            (format!("a b {{ t ({}c {{\nG)", "{\n".repeat(40)), Some("unclosed-brace")),
            (format!("a b {{ t ({})", "{{ {]\n".repeat(12)), Some("unclosed-brace")),
            (format!("{}x = f({{)\n{}", "a b {\n".repeat(40), "}\n".repeat(40)), Some("unclosed-brace")),
            (format!("{}x = [a(b{{c]\n{}", "a b {\n".repeat(40), "}\n".repeat(40)), Some("unclosed-brace")),
            (format!("a b {{ ? {}", "b \"${ { \"\"\"${ ".repeat(12)), Some("unclosed-brace")),
        ] {
            let codes = codes(&text);
            assert_eq!(codes.first().copied(), expected, "{:?}", text.get(..20));
        }
        assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    }

    /// The value of the only `let` of a text.
    fn value(text: &str) -> ast::ExprKind {
        let parsed = parse_text(&format!("let a = {text}"));
        assert_eq!(parsed.diagnostics, [], "{text}");
        match parsed.file.items.into_iter().next().map(|item| item.kind) {
            Some(ast::ItemKind::Let(inner)) => inner.value.kind,
            other => panic!("{other:?}"),
        }
    }

    /// An expression with brackets around every operation.
    fn shown(kind: &ast::ExprKind) -> String {
        use ast::ExprKind::*;
        match kind {
            Int(number) => number.to_string(),
            Name(name) => name.clone(),
            Binary(left, op, right) => {
                format!("({} {:?} {})", shown(&left.kind), op.value, shown(&right.kind))
            }
            Range(left, right) => format!("({} .. {})", shown(&left.kind), shown(&right.kind)),
            Unary(op, inner) => format!("({:?} {})", op.value, shown(&inner.kind)),
            Member(inner, name) => format!("{}.{}", shown(&inner.kind), name.value),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn operators_bind_as_they_should() {
        for (text, expected) in [
            ("1 + 2 * 3", "(1 Add (2 Mul 3))"),
            ("1 - 2 - 3", "((1 Sub 2) Sub 3)"),
            ("(1 + 2) * 3", "((1 Add 2) Mul 3)"),
            ("a or b and c", "(a Or (b And c))"),
            ("not a == b and c", "((Not (a Eq b)) And c)"),
            ("not not a", "(Not (Not a))"),
            ("not -a == b", "(Not ((Neg a) Eq b))"),
            ("-a.b + c", "((Neg a.b) Add c)"),
            ("a ?? b or c", "(a Default (b Or c))"),
            ("x in 1 .. n + 1", "(x In (1 .. (n Add 1)))"),
            ("a < b and c >= d", "((a Lt b) And (c Ge d))"),
        ] {
            assert_eq!(shown(&value(text)), expected, "{text}");
        }
    }

    #[test]
    fn strings_lose_escapes_and_common_indentation() {
        let text = |text: &str| match value(text) {
            ast::ExprKind::String(parts) => parts
                .iter()
                .map(|part| match part {
                    ast::StringPart::Text(text) => text.clone(),
                    ast::StringPart::Interpolation(inner) => format!("<{}>", shown(&inner.kind)),
                })
                .collect::<String>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(r#""a\n\t\"\\\${b}""#), "a\n\t\"\\${b}");
        assert_eq!(text(r#""${a}-${b.c}$""#), "<a>-<b.c>$");
        assert_eq!(text("\"\"\"\n    a\\n\n      ${b}\n    \"\"\""), "a\n\n  <b>\n");
        assert_eq!(text("\"\"\"a \"b\" c\"\"\""), "a \"b\" c");
        assert_eq!(text("\"\"\"\n${a}\n  b\n\"\"\""), "<a>\n  b\n");
    }

    #[test]
    fn numbers_become_their_smallest_units() {
        use ast::ExprKind::*;
        assert_eq!(value("1h30m"), Duration(5_400_000));
        assert_eq!(value("20GiB"), Size(20 << 30));
        assert_eq!(value("12.5%"), Percent(1_250));
        assert_eq!(value("1_000"), Int(1_000));
    }

    /// Every place of the findings lies in the text, and cuts no character.
    fn places_stand_in(text: &str, found: &[Diagnostic]) {
        for diagnostic in found {
            let fixed = diagnostic.fix.iter().flat_map(|fix| &fix.edits).map(|edit| edit.span);
            let related = diagnostic.related.iter().map(|label| label.span);
            for span in fixed.chain(related).chain([diagnostic.span]) {
                let (start, end) = (span.start as usize - 10, span.end as usize - 10);
                assert!(text.get(start..end).is_some(), "{diagnostic:?}\n{text}");
            }
        }
    }

    #[test]
    fn places_cut_no_character() {
        for text in ["let a = [for n, v疑", "let a = (é", "bucket a { name = é"] {
            places_stand_in(text, &parse_text(text).diagnostics);
        }
    }

    #[test]
    fn no_text_makes_the_parser_fail() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut texts: Vec<String> = ["environment", "types", "security_group"]
            .map(|name| std::fs::read_to_string(root.join(format!("stdlib/{name}.vpipe"))).unwrap())
            .into();
        texts.push(std::fs::read_to_string(root.join("examples/vprofile/vprofile.vpipe")).unwrap());
        let signs: Vec<char> = "{}[]()\"'$#;/\\,=:.-?!&|<>%@\n 0aé“\u{a0}".chars().collect();
        let mut random = 1u64;
        let mut draw = |of: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % of
        };
        for round in 0..400 {
            let mut text: Vec<char> = texts[round % texts.len()].chars().collect();
            for _ in 0..=draw(6) {
                let at = draw(text.len());
                match draw(3) {
                    0 => text.insert(at, signs[draw(signs.len())]),
                    1 => drop(text.remove(at)),
                    _ => text[at] = signs[draw(signs.len())],
                }
            }
            let text: String = text.into_iter().collect();
            let parsed = parse_text(&text);
            places_stand_in(&text, &parsed.diagnostics);
            let broken = format!("{:?}", parsed.file).contains("Broken");
            assert!(!broken || !parsed.diagnostics.is_empty(), "broken without a word:\n{text}");
        }
    }

    #[test]
    fn a_sign_that_is_missing_is_said_once() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/vprofile/vprofile.vpipe");
        let good = std::fs::read_to_string(path).unwrap();
        for (at, _) in good.match_indices(['{', '}', '(', ')', '[', ']', '"', '=', ',', ':']) {
            let mut text = good.clone();
            text.remove(at);
            let found = parse_text(&text).diagnostics;
            // Without its quote, `"/*"` begins a comment of other languages.
            let comment = text.get(at..at + 2) == Some("/*");
            assert!(
                found.len() < 2 || comment,
                "{}\n{found:#?}",
                text.get(at - 20..at + 20).unwrap_or_default()
            );
        }
    }
}
