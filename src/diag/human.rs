//! Findings for people: source lines, arrows, colours, by miette.

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};
use std::fmt::Display;

use super::{Diagnostic, Look, Severity};
use crate::base::{SourceFile, SourceMap, Span};

/// Longer lines are shown in part, around what is pointed at.
const LONGEST_LINE: usize = 400;

/// How much of a long line is shown on either side of a place.
const AROUND: usize = 60;

pub(super) fn render(diagnostics: &[Diagnostic], sources: &SourceMap, look: Look) -> String {
    let theme = match (look.unicode, look.colour) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::unicode_nocolor(),
        (false, true) => {
            GraphicalTheme { characters: miette::ThemeCharacters::ascii(), ..GraphicalTheme::unicode() }
        }
        (false, false) => GraphicalTheme::none(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .without_syntax_highlighting()
        .with_width(look.width.clamp(40, 140));
    let mut out = String::new();
    for diagnostic in diagnostics {
        let plain = (!look.unicode).then(|| in_ascii(diagnostic));
        let diagnostic = plain.as_ref().unwrap_or(diagnostic);
        let shown = Shown { diagnostic, places: Places { sources, first: sources.file(diagnostic.span) } };
        // Writing to a String cannot fail, and `Places` reads every span of the source map.
        let _ = handler.render_report(&mut out, &shown);
        out.push('\n');
    }
    out
}

/// The same without the signs of ours that a terminal may not have; what the user wrote stays.
fn in_ascii(diagnostic: &Diagnostic) -> Diagnostic {
    let ascii = |text: &str| text.replace('…', "...").replace('→', "->");
    let mut plain = diagnostic.clone();
    plain.message = ascii(&plain.message);
    plain.label = ascii(&plain.label);
    plain.help = plain.help.as_deref().map(ascii);
    plain.related.iter_mut().for_each(|label| label.text = ascii(&label.text));
    plain
}

#[derive(Debug)]
struct Shown<'a> {
    diagnostic: &'a Diagnostic,
    places: Places<'a>,
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        let word = match self.diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        Some(Box::new(format!("{word}[{}]", self.diagnostic.code)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        let fix = self.diagnostic.fix.as_ref().map(|fix| &fix.title);
        self.diagnostic.help.as_ref().or(fix).map(|help| Box::new(help) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.places)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let at = |span| self.places.shown(span);
        let main = LabeledSpan::new_primary_with_span(text(&self.diagnostic.label), at(self.diagnostic.span));
        let related = self.diagnostic.related.iter();
        Some(Box::new(
            std::iter::once(main).chain(
                related.map(move |label| LabeledSpan::new_with_span(text(&label.text), at(label.span))),
            ),
        ))
    }
}

/// The source map as miette reads it: by offset, a file at a time. miette shows the files in order of offset, and so the
/// file of the finding itself comes before all others here.
#[derive(Debug)]
struct Places<'a> {
    sources: &'a SourceMap,
    first: Option<&'a SourceFile>,
}

impl Places<'_> {
    /// Where a global place is for miette.
    fn shown(&self, span: Span) -> SourceSpan {
        let at = span.start as usize;
        let at = match self.first {
            Some(first) if at < first.base as usize => at + first.text.len() + 1,
            Some(first) if at <= first.base as usize + first.text.len() => at - first.base as usize,
            _ => at,
        };
        SourceSpan::new(at.into(), span.len())
    }

    /// The global offset of what miette asks for.
    fn global(&self, shown: usize) -> usize {
        match self.first {
            Some(first) if shown <= first.text.len() => shown + first.base as usize,
            Some(first) if shown <= first.base as usize + first.text.len() => shown - first.text.len() - 1,
            _ => shown,
        }
    }
}

impl SourceCode for Places<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let start = u32::try_from(self.global(span.offset())).map_err(|_| MietteError::OutOfBounds)?;
        let file = self.sources.file(Span::new(start, start)).ok_or(MietteError::OutOfBounds)?;
        let start = (start - file.base) as usize;
        let end = start + span.len();
        if end > file.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        // Without lines around it, the place itself is asked for: its line and column head the snippet.
        let window = if before + after == 0 { start..end } else { window(file, start, end, before, after) };
        let data = file.text.get(window.clone()).ok_or(MietteError::OutOfBounds)?;
        let head = file.text.get(..window.start).unwrap_or_default();
        let line = head.matches('\n').count();
        let column = head.get(line_start(head, head.len())..).map_or(0, |line| line.chars().count());
        let start = file.base + window.start as u32;
        let span = self.shown(Span::new(start, start + data.len() as u32));
        let lines = data.matches('\n').count() + 1;
        Ok(Box::new(MietteSpanContents::new_named(
            file.name.clone(),
            data.as_bytes(),
            span,
            line,
            column,
            lines,
        )))
    }
}

/// What is shown of a file: whole lines around a place, or a part of a line that is too long.
fn window(
    file: &SourceFile,
    start: usize,
    end: usize,
    before: usize,
    after: usize,
) -> std::ops::Range<usize> {
    let text = &file.text;
    let mut from = line_start(text, start);
    let mut to = line_end(text, end);
    if to - from > LONGEST_LINE {
        let from = text.floor_char_boundary(from.max(start.saturating_sub(AROUND)));
        let to = text.ceil_char_boundary(to.min(end.min(start + LONGEST_LINE) + AROUND));
        return from..to;
    }
    for _ in 0..before {
        let Some(previous) = from.checked_sub(1).map(|at| line_start(text, at)) else { break };
        if from - previous > LONGEST_LINE {
            break;
        }
        from = previous;
    }
    for _ in 0..after {
        let next = line_end(text, to);
        if next - to > LONGEST_LINE {
            break;
        }
        to = next;
    }
    from..to
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// The end of the line, after its newline.
fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|tail| tail.find('\n')).map_or(text.len(), |newline| at + newline + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const LOOK: Look = Look { colour: false, unicode: true, width: 100 };

    #[test]
    fn labels_in_two_files_are_shown_each_in_its_own() {
        let mut sources = SourceMap::default();
        let a = sources.add("a.vpipe", "one\ntwo\nthree\n").unwrap();
        let b = sources.add("b.vpipe", "uno\ndos\n").unwrap();
        let found = Diagnostic::error("some-code", Span::new(a.base + 4, a.base + 7), "`two` is wrong")
            .label("this")
            .related(Span::new(b.base + 4, b.base + 7), "because of this")
            .help("write `2`");
        insta::assert_snapshot!(render(&[found], &sources, LOOK), @r"
        error[some-code]

          × `two` is wrong
           ╭─[a.vpipe:2:1]
         1 │ one
         2 │ two
           · ─┬─
           ·  ╰── this
         3 │ three
           ╰────
           ╭─[b.vpipe:2:1]
         1 │ uno
         2 │ dos
           · ─┬─
           ·  ╰── because of this
           ╰────
          help: write `2`
        ");
    }

    #[test]
    fn the_file_of_the_finding_itself_comes_first() {
        let mut sources = SourceMap::default();
        let files = ["a.vpipe", "b.vpipe", "c.vpipe"].map(|name| sources.add(name, "one\ntwo\n").unwrap());
        for main in &files {
            let span = |file: &SourceFile| Span::new(file.base + 4, file.base + 7);
            let mut found = Diagnostic::error("some-code", span(main), "`two` is wrong").label("this");
            for other in files.iter().filter(|other| other.base != main.base) {
                found = found.related(span(other), "because of this");
            }
            let shown = render(&[found], &sources, LOOK);
            let heads: Vec<&str> = shown.lines().filter(|line| line.contains("╭─[")).collect();
            assert_eq!(heads.len(), 3, "{shown}");
            assert!(heads[0].contains(&format!("╭─[{}:2:1]", main.name)), "{shown}");
            assert_eq!(shown.matches("· ─┬─").count(), 3, "{shown}");
        }
    }

    #[test]
    fn without_unicode_our_words_are_ascii() {
        let mut sources = SourceMap::default();
        let file = sources.add("a.vpipe", "one\n").unwrap();
        let found = Diagnostic::error("some-code", Span::new(file.base, file.base + 3), "a → b")
            .label("c …")
            .help("write `x { … }`");
        let shown = render(&[found], &sources, Look { unicode: false, ..LOOK });
        assert!(shown.is_ascii() && shown.contains("write `x { ... }`"), "{shown}");
    }

    #[test]
    fn a_very_long_line_is_shown_in_part() {
        let mut sources = SourceMap::default();
        let text = format!("{}wrong{}\n", "x".repeat(1_000_000), "y".repeat(1_000_000));
        let file = sources.add("long.vpipe", text).unwrap();
        let found =
            Diagnostic::error("some-code", Span::new(file.base + 1_000_000, file.base + 1_000_005), "no");
        let shown = render(&[found], &sources, LOOK);
        assert!(shown.len() < 2_000, "{}", shown.len());
        assert!(shown.contains("wrong"), "{shown}");
    }
}
