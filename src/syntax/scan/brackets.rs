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
        let mut items = self.cut(&repair.edges, &repair.missing);
        for item in &mut items {
            let text = self.clean.get(item.start..item.end).unwrap_or_default();
            item.readable = is_well_formed(text.iter().chain(item.closers.as_bytes()).copied());
        }
        items
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
                items.push(ItemText { start, end: self.text.len(), closers: String::new(), readable: true });
            }
        }
        for &(at, closer) in missing {
            let item = items.partition_point(|item| item.end < at);
            if let Some(item) = items.get_mut(item) {
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
        let offside = lacking && self.is_indented(&repair);
        let starts = std::mem::take(&mut self.starts);
        let mut next_start = starts.iter().copied().peekable();
        for bracket in std::mem::take(&mut self.brackets) {
            while let Some(start) = next_start.next_if(|start| *start < bracket.at) {
                self.close_before(start, offside, &mut repair);
            }
            if repair.is_gone(bracket.at) {
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
            self.close_before(start, offside, &mut repair);
        }
        while !repair.open.is_empty() {
            self.never_closed(self.text.len(), &mut repair);
        }
        self.starts = starts;
        if surplus {
            self.join_indented(&repair);
        }
        repair.gone.sort_unstable();
        let Repair { edges, gone, .. } = &mut repair;
        edges.retain(|edge| {
            let after = gone.partition_point(|(start, _)| *start <= edge.at);
            after.checked_sub(1).and_then(|before| gone.get(before)).is_none_or(|(_, end)| *end <= edge.at)
        });
        edges.sort_by_key(|edge| edge.at);
        repair
    }

    /// A line begins where brackets are open.
    fn close_before(&mut self, start: usize, offside: bool, repair: &mut Repair) {
        let indent = |scanner: &Self, at: usize, repair: &Repair| scanner.indent(repair.line(at), repair);
        if offside && matches!(self.byte(start), b'}' | b')' | b']') {
            return;
        }
        while let Some(top) = repair.open.last().filter(|top| offside && top.byte == b'{') {
            let below = indent(self, start, repair) <= indent(self, top.at, repair);
            if !below || repair.line(top.at) == repair.line(start) {
                break;
            }
            self.never_closed(start, repair);
        }
        if !repair.open.is_empty() && self.begins_item(start, repair) {
            while !repair.open.is_empty() {
                self.never_closed(start, repair);
            }
        }
    }

    /// Whether the text is indented as its braces are nested, by and large.
    fn is_indented(&self, repair: &Repair) -> bool {
        let (mut deeper, mut others) = (0, 0);
        for brace in self.brackets.iter().filter(|bracket| bracket.byte == b'{') {
            let end = repair.end(repair.line(brace.at), self.text.len());
            let rest = self.clean.get(brace.at + 1..).unwrap_or_default();
            let blank = rest.iter().take(10_000).take_while(|byte| byte.is_ascii_whitespace()).count();
            let next = brace.at + 1 + blank;
            if next <= end || matches!(self.byte(next), b'}') {
                continue;
            }
            if self.indent(repair.line(next), repair) > self.indent(repair.line(brace.at), repair) {
                deeper += 1;
            } else {
                others += 1;
            }
        }
        deeper >= others
    }

    /// Lines indented below a declaration belong to it where an opening brace is missing.
    fn join_indented(&mut self, repair: &Repair) {
        let mut margin = 0;
        let mut starts = std::mem::take(&mut self.starts);
        starts.retain(|start| {
            let line = repair.line(*start);
            let indent = self.indent(line, repair);
            let joins = indent > margin;
            if !joins {
                margin = indent;
            }
            !joins
        });
        self.starts = starts;
    }

    /// A closing bracket meets what is open.
    fn close(&mut self, bracket: Bracket, surplus: bool, repair: &mut Repair) {
        if surplus && bracket.byte == b'}' && self.closes_another(bracket, repair) {
            return;
        }
        let matching = repair.open.iter().rposition(|open| open.closer() == bracket.byte);
        let stray = surplus && bracket.byte == b'}' && self.is_stray(bracket, repair);
        let Some(matching) = matching.filter(|_| !stray) else {
            return self.stray(bracket, repair);
        };
        while repair.open.len() > matching + 1 {
            self.never_closed(bracket.at, repair);
        }
        if repair.is_gone(bracket.at) {
            return;
        }
        repair.open.pop();
        repair.edges.push(Edge { at: bracket.at, down: false });
    }

    /// Whether a brace, among more closing than opening ones, stands where a bracket of its line is to be closed.
    fn closes_another(&mut self, bracket: Bracket, repair: &mut Repair) -> bool {
        let Some(open) = repair.open.last().copied().filter(|open| open.byte != b'{') else { return false };
        if repair.line(open.at) != repair.line(bracket.at) {
            return false;
        }
        repair.open.pop();
        repair.edges.push(Edge { at: bracket.at, down: false });
        self.wrong_closer(bracket, open);
        self.set(bracket.at, open.closer());
        true
    }

    /// Reports `)` where `]` belongs.
    fn wrong_closer(&mut self, bracket: Bracket, open: Bracket) {
        let (sign, opener) = (char::from(bracket.byte), char::from(open.byte));
        let wanted = char::from(open.closer());
        let span = self.span(bracket.at, bracket.at + 1);
        self.report(
            Diagnostic::error("unclosed-brace", span, format!("`{sign}` does not close `{opener}`"))
                .related(self.span(open.at, open.at + 1), "opened here")
                .help(format!("write `{wanted}`"))
                .fix(format!("change to `{wanted}`"), span, wanted),
        );
    }

    /// Whether a brace, among more closing than opening ones, closes what its place does not suggest.
    fn is_stray(&self, bracket: Bracket, repair: &Repair) -> bool {
        let Some(open) = repair.open.last() else { return true };
        let (line, opened) = (repair.line(bracket.at), repair.line(open.at));
        if line == opened {
            return false;
        }
        let after = self.slice(bracket.at + 1, repair.end(line, self.text.len())).trim_start();
        if after.starts_with(|c: char| c.is_ascii_alphabetic()) && !after.starts_with("else") {
            // An entry follows it on its line.
            return true;
        }
        let indent = self.indent(line, repair);
        if bracket.at > repair.start(line) + indent {
            // Not the first on its line, and yet it closes what an earlier line opened.
            return true;
        }
        indent > self.indent(opened, repair)
    }

    fn stray(&mut self, bracket: Bracket, repair: &mut Repair) {
        if bracket.byte == b'}' && self.never_opened(bracket, repair) {
            return;
        }
        let sign = char::from(bracket.byte);
        let span = self.span(bracket.at, bracket.at + 1);
        match repair.open.last().copied() {
            Some(open) if bracket.byte != b'}' && open.byte != b'{' => self.wrong_closer(bracket, open),
            _ => self.report(
                Diagnostic::error("unopened-brace", span, format!("`{sign}` closes nothing"))
                    .help("delete it, or add what it should close")
                    .fix(format!("delete `{sign}`"), span, ""),
            ),
        }
        self.set(bracket.at, b' ');
    }

    /// Finds the line that lacks the opening brace to this closing one: the nearest above that is indented like it.
    fn never_opened(&mut self, bracket: Bracket, repair: &mut Repair) -> bool {
        let line = repair.line(bracket.at);
        let indent = self.indent(line, repair);
        let first = repair.open.last().map_or(0, |open| repair.line(open.at) + 1);
        if bracket.at != repair.start(line) + indent {
            return false;
        }
        let header = (first..line).rev().take(1_000).find(|above| {
            let line = repair.start(*above)..repair.end(*above, self.text.len());
            let code = self.clean.get(line).unwrap_or_default();
            !code.trim_ascii().is_empty() && self.indent(*above, repair) <= indent
        });
        let Some(header) =
            header.filter(|header| line - header > 1 && self.indent(*header, repair) == indent)
        else {
            return false;
        };
        let start = repair.start(header);
        let end = self.code_end(self.line_end(start));
        let last = self.clean.get(end - 1).copied().unwrap_or_default();
        let first = self.byte(start + indent);
        if !(last.is_ascii_alphanumeric() || b"_=)\"]".contains(&last)) || !first.is_ascii_alphabetic() {
            return false;
        }
        let code = self.clean.get(start..end).unwrap_or_default();
        let word =
            code.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let span = self.span(end - word.max(1), end);
        let found = self.slice(end - word.max(1), end).to_owned();
        self.report(
            Diagnostic::error("unopened-brace", span, format!("expected `{{` after `{found}`"))
                .related(self.span(bracket.at, bracket.at + 1), "nothing else is open that this could close")
                .help("add `{`")
                .fix("add `{`", self.span(end, end), " {"),
        );
        self.set(end, b'{');
        repair.edges.push(Edge { at: end, down: true });
        repair.edges.push(Edge { at: bracket.at, down: false });
        true
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
            if !known {
                let diagnostic =
                    Diagnostic::error("unclosed-brace", span, format!("this `{sign}` is never closed"))
                        .label("opened here");
                let diagnostic = self.with_closer(diagnostic, open, before, repair);
                self.report(diagnostic);
            }
        }
        if open.byte != b'{' {
            // What it holds is not read: up to the end of the last line that goes on.
            let end = self.bracket_end(open.at, before, repair);
            self.break_off(open.at, end);
            repair.gone.push((open.at, end));
            return;
        }
        let end = self.code_end(before);
        let at_item = before == self.text.len() || repair.open.is_empty() && self.starts_line(before, repair);
        // What follows on a line of its own needs the line break, unless it is a closing bracket.
        let needs_break = !matches!(self.byte(before), b'}' | b')' | b']');
        match (self.clean.get(end), self.clean.get(end + 1)) {
            _ if at_item => repair.missing.push((end, closer)),
            (Some(b' '), _) => self.set(end, b'}'),
            (Some(b'\n'), Some(b'\n')) => self.set(end, b'}'),
            (Some(b'\n'), Some(b' ')) if needs_break => {
                self.set(end, b'}');
                self.set(end + 1, b'\n');
            }
            (Some(b'\n'), _) if !needs_break => self.set(end, b'}'),
            // There is no room for it, and at the end of the declaration it would stand outside another bracket.
            _ if repair.open.iter().any(|outer| outer.byte != b'{') => {
                self.break_off(open.at, end);
                repair.gone.push((open.at, end));
                return;
            }
            _ => repair.missing.push((end, closer)),
        }
        repair.edges.push(Edge { at: end, down: false });
    }

    /// Says where a bracket most likely ends, and adds its counterpart there.
    fn with_closer(&self, found: Diagnostic, open: Bracket, before: usize, repair: &Repair) -> Diagnostic {
        let closer = char::from(open.closer());
        let end = match open.byte {
            b'{' => self.code_end(before),
            _ => self.bracket_end(open.at, before, repair),
        };
        let (line, last) = (repair.line(open.at), repair.line(end.saturating_sub(1)));
        let found = found.help(format!("add `{closer}`"));
        if end <= open.at + 1 || line != last && open.byte != b'{' {
            return found;
        }
        let text = match (open.byte, line == last) {
            (b'{', false) => format!("\n{}{closer}", " ".repeat(self.indent(line, repair))),
            (b'{', true) => format!(" {closer}"),
            _ => closer.to_string(),
        };
        let code = self.clean.get(..end).unwrap_or_default();
        let word =
            code.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let from = self.source.floor_char_boundary(end - word.max(1));
        let found = found.related(self.span(from, end), format!("`{closer}` is missing after this"));
        if line == last {
            return found.fix(format!("add `{closer}`"), self.span(end, end), text);
        }
        // A comment behind the last entry stays there; where lines are not indented there is no telling.
        let line_end = self.line_end(end);
        let alone = self.clean.get(end..line_end).is_some_and(|rest| rest.trim_ascii().is_empty());
        if !alone || self.indent(line + 1, repair) <= self.indent(line, repair) {
            return found;
        }
        let at = end + self.slice(end, line_end).trim_end().len();
        found.fix(format!("add `{closer}`"), self.span(at, at), text)
    }

    fn starts_line(&self, at: usize, repair: &Repair) -> bool {
        repair.start(repair.line(at)) == at
    }

    /// Where a bracket without counterpart most likely ends: with the first line that does not end in a comma or a
    /// bracket.
    fn bracket_end(&self, open: usize, before: usize, repair: &Repair) -> usize {
        let mut line = repair.line(open);
        let margin = self.indent(line, repair);
        loop {
            let end = repair.end(line, self.text.len()).min(before);
            let code = self.code_end(end).max(open + 1);
            if self.clean.get(code - 1) == Some(&b'{') && code - 1 > open {
                // The brace has found its counterpart, so that it is the bracket alone that is wrong.
                return self.code_end(code - 1).max(open + 1);
            }
            let goes_on = matches!(self.clean.get(code - 1), Some(b',' | b'(' | b'[' | b'{'));
            if !goes_on || end >= before || end >= self.text.len() {
                return code;
            }
            line += 1;
            let first = repair.start(line) + self.indent(line, repair);
            let next = self.clean.get(first).copied().unwrap_or(b'\n');
            if next.is_ascii_alphabetic() && self.indent(line, repair) <= margin {
                return code;
            }
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
    /// Whether a place is read no more.
    fn is_gone(&self, at: usize) -> bool {
        self.gone.last().is_some_and(|(start, end)| (*start..*end).contains(&at))
    }

    /// The line of an offset, from 0.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|newline| *newline < at)
    }

    /// One past the last byte of a line, in a text of this length.
    fn end(&self, line: usize, length: usize) -> usize {
        self.lines.get(line).copied().unwrap_or(length)
    }

    /// The first byte of a line.
    fn start(&self, line: usize) -> usize {
        line.checked_sub(1).and_then(|before| self.lines.get(before)).map_or(0, |newline| newline + 1)
    }
}

/// Whether brackets match, outside strings and inside what stands between `${` and `}`.
fn is_well_formed(text: impl Iterator<Item = u8>) -> bool {
    /// What ends a string of several lines, among what waits for its end.
    const LONG: u8 = b'\'';
    let mut text = text.peekable();
    // Closing brackets, `"` for a string, and LONG.
    let mut open: Vec<u8> = Vec::new();
    while let Some(byte) = text.next() {
        let inside = open.last().copied().filter(|end| matches!(*end, b'"' | LONG));
        match (inside, byte) {
            (Some(_), b'\\') => drop(text.next()),
            (Some(_), b'$') if text.next_if_eq(&b'{').is_some() => open.push(b'}'),
            (Some(b'"'), b'"') => drop(open.pop()),
            (Some(LONG), b'"') if text.next_if_eq(&b'"').is_some() && text.next_if_eq(&b'"').is_some() => {
                open.pop();
            }
            (Some(_), _) => {}
            // `""` is a string of its own, and `"""` begins a long one.
            (None, b'"') if text.next_if_eq(&b'"').is_none() => open.push(b'"'),
            (None, b'"') if text.next_if_eq(&b'"').is_some() => open.push(LONG),
            (None, b'{') => open.push(b'}'),
            (None, b'(') => open.push(b')'),
            (None, b'[') => open.push(b']'),
            (None, b'}' | b')' | b']') if open.pop() != Some(byte) => return false,
            (None, _) => {}
        }
    }
    open.is_empty()
}
