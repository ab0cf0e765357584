//! Which bracket closes which, what to do where one is missing, and where declarations begin.

use super::{Bracket, ItemText, Scanner};
use crate::diag::Diagnostic;

/// An edge of nesting: one level down or up.
#[derive(Clone, Copy, Debug)]
struct Edge {
    at: usize,
    down: bool,
}

/// The state of a repair.
struct Repair {
    /// Brackets that wait for their counterpart.
    open: Vec<Bracket>,
    edges: Vec<Edge>,
    /// Closers that declarations lack, with the place before which they belong.
    missing: Vec<(usize, char)>,
    /// Ranges that are read no more.
    gone: Vec<(usize, usize)>,
    /// The offsets of the line breaks.
    lines: Vec<usize>,
}

impl Scanner<'_> {
    /// Cuts the text at the lines outside brackets that begin a declaration, after mending the brackets.
    pub(super) fn items(&mut self) -> Vec<ItemText> {
        if self.balanced() {
            let edges: Vec<Edge> =
                self.brackets.iter().map(|bracket| Edge { at: bracket.at, down: bracket.opens() }).collect();
            return self.cut(&edges, &[]);
        }
        let repair = self.repair();
        self.cut(&repair.edges, &repair.missing)
    }

    fn balanced(&self) -> bool {
        let mut open: Vec<u8> = Vec::new();
        for bracket in &self.brackets {
            if bracket.opens() {
                open.push(bracket.closer());
            } else if open.pop() != Some(bracket.byte) {
                return false;
            }
        }
        open.is_empty()
    }

    fn cut(&self, edges: &[Edge], missing: &[(usize, char)]) -> Vec<ItemText> {
        let mut edges = edges.iter().peekable();
        let mut depth = 0usize;
        let mut items: Vec<ItemText> = Vec::new();
        for &start in &self.starts {
            while let Some(edge) = edges.next_if(|edge| edge.at < start || (edge.at == start && !edge.down)) {
                depth = if edge.down { depth + 1 } else { depth.saturating_sub(1) };
            }
            if depth == 0 {
                if let Some(last) = items.last_mut() {
                    last.end = start;
                }
                items.push(ItemText { start, end: self.text.len(), closers: String::new() });
            }
        }
        for &(at, closer) in missing {
            if let Some(item) = items.iter_mut().find(|item| at <= item.end) {
                item.closers.push(closer);
            }
        }
        items
    }

    /// Reports what does not match and makes it match.
    fn repair(&mut self) -> Repair {
        let braces = |byte: u8| self.brackets.iter().filter(|bracket| bracket.byte == byte).count();
        let surplus = braces(b'}') > braces(b'{');
        let lacking = braces(b'}') < braces(b'{');
        let lines =
            self.text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
        let mut repair =
            Repair { open: Vec::new(), edges: Vec::new(), missing: Vec::new(), gone: Vec::new(), lines };
        let starts = std::mem::take(&mut self.starts);
        let mut next_start = starts.iter().copied().peekable();
        for bracket in std::mem::take(&mut self.brackets) {
            while let Some(start) = next_start.next_if(|start| *start < bracket.at) {
                if !repair.open.is_empty() && self.begins_item(start, &repair) {
                    self.close_all(start, &mut repair);
                }
            }
            if repair.gone.last().is_some_and(|(start, end)| (*start..*end).contains(&bracket.at)) {
                continue;
            }
            if bracket.opens() {
                repair.open.push(bracket);
                repair.edges.push(Edge { at: bracket.at, down: true });
                continue;
            }
            if lacking && bracket.byte == b'}' {
                self.close_indented(bracket, &mut repair);
            }
            self.close(bracket, surplus, &mut repair);
        }
        for start in next_start {
            if !repair.open.is_empty() && self.begins_item(start, &repair) {
                self.close_all(start, &mut repair);
            }
        }
        self.close_all(self.text.len(), &mut repair);
        self.starts = starts;
        repair.edges.retain(|edge| !repair.gone.iter().any(|(start, end)| (*start..*end).contains(&edge.at)));
        repair.edges.sort_by_key(|edge| edge.at);
        repair
    }

    /// A closing bracket meets what is open.
    fn close(&mut self, bracket: Bracket, surplus: bool, repair: &mut Repair) {
        let matching = repair.open.iter().rposition(|open| open.closer() == bracket.byte);
        let stray = surplus && bracket.byte == b'}' && self.is_stray(bracket, repair);
        let Some(matching) = matching.filter(|_| !stray) else {
            return self.stray(bracket, repair);
        };
        while repair.open.len() > matching + 1 {
            self.never_closed(bracket.at, repair);
        }
        if repair.gone.last().is_some_and(|(start, end)| (*start..*end).contains(&bracket.at)) {
            return;
        }
        repair.open.pop();
        repair.edges.push(Edge { at: bracket.at, down: false });
    }

    /// Whether a brace, among more closing than opening ones, closes what its place does not suggest.
    fn is_stray(&self, bracket: Bracket, repair: &Repair) -> bool {
        let Some(open) = repair.open.last() else { return true };
        let (line, opened) = (repair.line(bracket.at), repair.line(open.at));
        if line == opened {
            return false;
        }
        let indent = self.indent(line, repair);
        if bracket.at > repair.start(line) + indent {
            // Not the first on its line, and yet it closes what an earlier line opened.
            return true;
        }
        indent > self.indent(opened, repair)
    }

    fn stray(&mut self, bracket: Bracket, repair: &Repair) {
        let sign = char::from(bracket.byte);
        let span = self.span(bracket.at, bracket.at + 1);
        let diagnostic = match repair.open.last() {
            Some(open) if bracket.byte != b'}' && open.byte != b'{' => {
                let (wanted, opener) = (char::from(open.closer()), char::from(open.byte));
                let place = self.span(open.at, open.at + 1);
                Diagnostic::error("unclosed-brace", span, format!("`{sign}` does not close `{opener}`"))
                    .related(place, "opened here")
                    .help(format!("write `{wanted}`"))
                    .fix(format!("change to `{wanted}`"), span, wanted)
            }
            _ => Diagnostic::error("unopened-brace", span, format!("`{sign}` closes nothing"))
                .help("delete it, or add what it should close")
                .fix(format!("delete `{sign}`"), span, ""),
        };
        self.diagnostics.push(diagnostic);
        self.set(bracket.at, b' ');
    }

    /// A brace at the head of a line closes what stands at its own indentation; what is indented deeper is unclosed.
    fn close_indented(&mut self, bracket: Bracket, repair: &mut Repair) {
        let line = repair.line(bracket.at);
        let indent = self.indent(line, repair);
        if bracket.at != repair.start(line) + indent {
            return;
        }
        while let [.., below, top] = repair.open[..] {
            let deeper = self.indent(repair.line(top.at), repair) > indent;
            let same = self.indent(repair.line(below.at), repair) >= indent;
            if !(deeper && same && repair.line(top.at) != line && top.byte == b'{' && below.byte == b'{') {
                return;
            }
            self.never_closed(bracket.at, repair);
        }
    }

    fn close_all(&mut self, before: usize, repair: &mut Repair) {
        while !repair.open.is_empty() {
            self.never_closed(before, repair);
        }
    }

    /// Reports the innermost open bracket, and closes it somewhere before a place.
    fn never_closed(&mut self, before: usize, repair: &mut Repair) {
        let Some(open) = repair.open.pop() else { return };
        let (sign, closer) = (char::from(open.byte), char::from(open.closer()));
        let span = self.span(open.at, open.at + 1);
        if self.deep.is_none() {
            let known = self.diagnostics.last().is_some_and(|last| {
                last.code == "unclosed-brace"
                    && repair.line((last.span.start - self.base) as usize) == repair.line(open.at)
            });
            let diagnostic =
                Diagnostic::error("unclosed-brace", span, format!("this `{sign}` is never closed"))
                    .label("opened here")
                    .help(format!("add `{closer}`"));
            if !known {
                self.diagnostics.push(diagnostic);
            }
        }
        if open.byte != b'{' {
            // What it holds is not read: up to the end of the last line that goes on.
            let end = self.bracket_end(open.at, before);
            self.break_off(open.at, end);
            repair.gone.push((open.at, end));
            return;
        }
        let end = self.code_end(before);
        let at_item = before == self.text.len() || repair.open.is_empty() && self.starts_line(before, repair);
        if !at_item && matches!(self.clean.get(end), Some(b' ' | b'\n' | b'\t' | b'\r')) && end < before {
            self.set(end, b'}');
        } else {
            repair.missing.push((before, closer));
        }
        repair.edges.push(Edge { at: end.min(before), down: false });
    }

    fn starts_line(&self, at: usize, repair: &Repair) -> bool {
        repair.start(repair.line(at)) == at
    }

    /// Where a bracket without counterpart most likely ends: with the first line that does not end in a comma or a
    /// bracket.
    fn bracket_end(&self, open: usize, before: usize) -> usize {
        let mut line = open;
        loop {
            let end = self.line_end(line).min(before);
            let code = self.code_end(end).max(open + 1);
            let goes_on = matches!(self.clean.get(code - 1), Some(b',' | b'(' | b'[' | b'{'));
            if !goes_on || end >= before || end >= self.text.len() {
                return code;
            }
            line = end + 1;
        }
    }

    /// One past the last byte of code before a place.
    fn code_end(&self, before: usize) -> usize {
        let code = self.clean.get(..before).unwrap_or_default();
        code.len() - code.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count()
    }

    /// Whether a line at the margin begins a declaration, although brackets are open.
    fn begins_item(&self, start: usize, repair: &Repair) -> bool {
        let line = repair.line(start);
        let first = repair.open.first().map_or(line, |open| repair.line(open.at));
        if repair.start(line) != start
            || self.indent(first, repair) > 0
            || self.indent(first + 1, repair) == 0
        {
            return false;
        }
        let text = self.slice(start, self.line_end(start));
        let mut words = text.split_whitespace();
        let keyword = |word: &str| {
            matches!(
                word,
                "pipeline"
                    | "param"
                    | "secret"
                    | "production"
                    | "stage"
                    | "let"
                    | "output"
                    | "use"
                    | "type"
                    | "kind"
                    | "existing"
                    | "for"
                    | "if"
                    | "rollout"
            )
        };
        let name = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match (words.next(), words.next(), words.next()) {
            (Some(first), Some(second), third) => {
                keyword(first) && second != "="
                    || name(first)
                        && (name(second) || second.starts_with('"'))
                        && third.is_some_and(|word| word.starts_with('{'))
            }
            _ => false,
        }
    }

    /// How far a line is indented.
    fn indent(&self, line: usize, repair: &Repair) -> usize {
        let rest = self.text.get(repair.start(line)..).unwrap_or_default();
        rest.iter().take(1000).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
    }
}

impl Repair {
    /// The line of an offset, from 0.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|newline| *newline < at)
    }

    /// The first byte of a line.
    fn start(&self, line: usize) -> usize {
        line.checked_sub(1).and_then(|before| self.lines.get(before)).map_or(0, |newline| newline + 1)
    }
}
