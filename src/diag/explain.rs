//! Explain pages: what stands in them, and how a terminal shows them.

use std::fmt::Write as _;

use super::{Code, Look};

/// Wider lines are hard to read.
const WIDEST: usize = 100;

/// A part of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A paragraph, with its line ends.
    Text(&'a str),
    /// A file that has the mistake. A line `//- NAME` begins another file beside it.
    Wrong(&'a str),
    /// The same without the mistake.
    Right(&'a str),
}

/// The parts of a page in order.
pub fn parts(page: &str) -> Vec<Part<'_>> {
    let mut all = Vec::new();
    let mut rest = page;
    while !rest.is_empty() {
        let (head, after) = match rest.strip_prefix("```") {
            Some(fenced) => fenced.split_once("\n```\n").unwrap_or((fenced, "")),
            None => rest.split_once("\n\n").unwrap_or((rest, "")),
        };
        if let Some(code) = head.strip_prefix("vpipe wrong\n") {
            all.push(Part::Wrong(code));
        } else if let Some(code) = head.strip_prefix("vpipe right\n") {
            all.push(Part::Right(code));
        } else {
            all.push(Part::Text(head.trim_end()));
        }
        rest = after.trim_start_matches('\n');
    }
    all
}

/// The page of a code as a terminal shows it.
pub fn explain(code: &Code, look: Look) -> String {
    let paint = |style: &str, text: &str| match look.colour {
        true => format!("\u{1b}[{style}m{text}\u{1b}[0m"),
        false => text.to_owned(),
    };
    let mut out = format!("{}: {}\n", paint("1", code.name), code.summary);
    for part in parts(code.page) {
        out.push('\n');
        match part {
            Part::Text(text) => out.push_str(&wrapped(text, look.width.clamp(40, WIDEST))),
            Part::Wrong(file) => example(&mut out, &paint("1;31", "wrong"), file),
            Part::Right(file) => example(&mut out, &paint("1;32", "right"), file),
        }
    }
    out
}

fn example(out: &mut String, title: &str, file: &str) {
    let _ = writeln!(out, "{title}:\n");
    for line in file.lines() {
        let line = line.replacen("//- ", "// the file ", usize::from(line.starts_with("//- ")));
        match line.is_empty() {
            true => out.push('\n'),
            false => drop(writeln!(out, "    {line}")),
        }
    }
}

/// The words of a paragraph in lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push('\n');
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const PAGE: Code = Code {
        name: "some-code",
        summary: "what it says",
        warns: false,
        page: "One two three four five six seven eight nine ten.\nEleven.\n\nMore.\n\n```vpipe wrong\na = 1\n\n//- b.vpipe\nb = 1\n```\n\n```vpipe right\na = 2\n```\n",
    };

    #[test]
    fn a_page_has_paragraphs_and_examples() {
        assert_eq!(
            parts(PAGE.page),
            [
                Part::Text("One two three four five six seven eight nine ten.\nEleven."),
                Part::Text("More."),
                Part::Wrong("a = 1\n\n//- b.vpipe\nb = 1"),
                Part::Right("a = 2"),
            ]
        );
    }

    #[test]
    fn a_page_is_shown_within_the_width() {
        let look = Look { colour: false, unicode: true, width: 40 };
        assert_eq!(
            explain(&PAGE, look),
            "some-code: what it says\n\nOne two three four five six seven eight\nnine ten. Eleven.\n\nMore.\n\nwrong:\n\n    a = 1\n\n    // the file b.vpipe\n    b = 1\n\nright:\n\n    a = 2\n"
        );
        let look = Look { colour: true, ..look };
        assert!(explain(&PAGE, look).contains("\u{1b}[1;31mwrong\u{1b}[0m:\n"));
    }
}
