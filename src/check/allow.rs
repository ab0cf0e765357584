//! `// allow(CODE): REASON`: comments that allow a warning in the declaration or entry below, or at the end of a line
//! in that line.

use std::cmp::Reverse;

use super::walk;
use crate::base::{SourceFile, Span, closest};
use crate::diag::{Allow, CODES, Diagnostic, code};
use crate::syntax::ast::*;

/// How it is written.
const USAGE: &str = "write `// allow(CODE): WHY`";

/// The allows of a file. `whole` says that the file was parsed without an error.
pub(super) fn allows(file: &File, source: &SourceFile, whole: bool, out: &mut Vec<Diagnostic>) -> Vec<Allow> {
    let mut directives = file.comments.iter().filter(|comment| is_directive(&comment.text)).peekable();
    if directives.peek().is_none() {
        return Vec::new();
    }
    let nodes = nodes(file);
    let mut reader = Reader { source, whole, nodes, out, all: Vec::new() };
    directives.for_each(|comment| reader.directive(comment));
    reader.all
}

fn is_directive(text: &str) -> bool {
    let words = text.strip_prefix("//").filter(|text| !text.starts_with(['/', '!'])).unwrap_or_default();
    let rest = words.trim_start().strip_prefix("allow");
    rest.is_some_and(|rest| rest.trim_start().starts_with('('))
}

struct Reader<'a> {
    source: &'a SourceFile,
    whole: bool,
    nodes: Vec<Span>,
    out: &'a mut Vec<Diagnostic>,
    all: Vec<Allow>,
}

impl Reader<'_> {
    fn directive(&mut self, comment: &Comment) {
        let Some((head, rest)) = comment.text.split_once(')') else {
            return self.wrong(comment.span, "this `allow` is not closed".to_owned(), USAGE.to_owned());
        };
        let inner = head.find('(').map_or(0, |open| open + 1);
        let list = head.get(inner..).unwrap_or_default();
        let first = list.split(',').next().unwrap_or_default().trim();
        let start = head.find("allow").unwrap_or_default() as u32;
        let place = Span::new(comment.span.start + start, comment.span.start + head.len() as u32 + 1);
        if first.is_empty() {
            return self.wrong(place, "this `allow` names no code".to_owned(), USAGE.to_owned());
        }
        let reason = rest.trim_start().strip_prefix(':').unwrap_or_default();
        if !reason.contains(char::is_alphanumeric) {
            let help = format!("say why after a colon: `// allow({first}): …`");
            self.wrong(place, "this `allow` gives no reason".to_owned(), help);
        }
        let covers = match comment.trailing {
            true => self.line_of(comment),
            false => self.below(comment),
        };
        let Some(covers) = covers else {
            if self.whole {
                let help = "write it above the declaration or entry that is meant, or at the end of its line";
                self.wrong(place, "below this `allow` there is nothing".to_owned(), help.to_owned());
            }
            return;
        };
        let erase = (!list.contains(',')).then(|| self.whole_comment(comment));
        let mut at = comment.span.start + inner as u32;
        for part in list.split(',') {
            let word = part.trim();
            let from = at + (part.len() - part.trim_start().len()) as u32;
            at += part.len() as u32 + 1;
            let span = Span::new(from, from + word.len() as u32);
            match code(word) {
                Some(code) if code.warns => self.all.push(Allow { code: code.name, span, erase, covers }),
                Some(_) => self.wrong(
                    span,
                    format!("`{word}` is an error, and only warnings can be allowed"),
                    format!("mend what it says; `vpipe explain {word}` tells how"),
                ),
                None => self.unknown(word, span),
            }
        }
    }

    fn unknown(&mut self, word: &str, span: Span) {
        let diagnostic = Diagnostic::error("invalid-allow", span, format!("there is no code `{word}`"));
        let warnings = CODES.iter().filter(|code| code.warns).map(|code| code.name);
        self.out.push(match closest(word, warnings) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                format!("change to `{near}`"),
                span,
                near,
            ),
            None => diagnostic.help("`vpipe explain --list` lists them all"),
        });
    }

    fn wrong(&mut self, span: Span, message: String, help: String) {
        self.out.push(Diagnostic::error("invalid-allow", span, message).help(help));
    }

    /// The text from a place of the file on.
    fn text(&self, from: u32) -> &str {
        self.source.text.get((from - self.source.base) as usize..).unwrap_or_default()
    }

    fn line_start(&self, at: u32) -> u32 {
        let before = self.source.text.get(..(at - self.source.base) as usize).unwrap_or_default();
        self.source.base + before.rfind('\n').map_or(0, |newline| newline + 1) as u32
    }

    /// The code of the line that a comment ends.
    fn line_of(&self, comment: &Comment) -> Option<Span> {
        Some(Span::new(self.line_start(comment.span.start), comment.span.start))
    }

    /// The declaration, entry or value that begins below a comment.
    fn below(&self, comment: &Comment) -> Option<Span> {
        let mut at = comment.span.end;
        loop {
            let text = self.text(at);
            let code = text.trim_start();
            at += (text.len() - code.len()) as u32;
            if !code.starts_with("//") {
                break;
            }
            at += code.find('\n').unwrap_or(code.len()) as u32;
        }
        let first = self.nodes.partition_point(|node| node.start < at);
        self.nodes.get(first).copied().filter(|node| node.start == at)
    }

    /// A comment with the line or the space that would be left over without it.
    fn whole_comment(&self, comment: &Comment) -> Span {
        let Span { start, end } = comment.span;
        let line = self.line_start(start);
        match comment.trailing {
            true => {
                let before = (line - self.source.base) as usize..(start - self.source.base) as usize;
                let code = self.source.text.get(before).unwrap_or_default().trim_end();
                Span::new(line + code.len() as u32, end)
            }
            false => Span::new(line, end + u32::from(self.text(end).starts_with('\n'))),
        }
    }
}

/// What an allow can stand above, in order; of those that begin at one place the longest first.
fn nodes(file: &File) -> Vec<Span> {
    let mut all = Vec::new();
    for one in &file.items {
        item(one, &mut all);
        walk::item(one, &mut |e| {
            all.push(e.span);
            if let ExprKind::Record(body) = &e.kind {
                entries(&body.entries, &mut all);
            }
        });
    }
    all.sort_by_key(|span| (span.start, Reverse(span.end)));
    all
}

fn item(one: &Item, all: &mut Vec<Span>) {
    all.push(one.span);
    match &one.kind {
        ItemKind::Pipeline(inner) => entries(&inner.body.entries, all),
        ItemKind::Stage(inner) => entries(&inner.body.entries, all),
        ItemKind::Use(inner) => entries(&inner.body.entries, all),
        ItemKind::Resource(inner) => entries(&inner.body.entries, all),
        ItemKind::For(each) => each.body.iter().for_each(|one| item(one, all)),
        ItemKind::If(branch) => branch.then.iter().chain(&branch.otherwise).for_each(|one| item(one, all)),
        ItemKind::Rollout(inner) => rollout(inner, all),
        _ => {}
    }
}

fn entries(inner: &[Entry], all: &mut Vec<Span>) {
    for entry in inner {
        match entry {
            Entry::Attribute(attribute) => all.push(attribute.span),
            Entry::Block(block) => {
                all.push(block.span);
                block.body.iter().for_each(|body| entries(&body.entries, all));
            }
            Entry::For(each) => {
                all.push(each.span);
                entries(&each.body, all);
            }
            Entry::If(branch) => {
                all.push(branch.span);
                entries(&branch.then, all);
                entries(&branch.otherwise, all);
            }
            Entry::Broken(_) => {}
        }
    }
}

fn rollout(inner: &Rollout, all: &mut Vec<Span>) {
    for part in &inner.parts {
        match part {
            RolloutPart::Step(one) => step(one, all),
            RolloutPart::Parallel(steps, span) => {
                all.push(*span);
                steps.iter().for_each(|one| step(one, all));
            }
            RolloutPart::Broken(_) => {}
        }
    }
    if let Some(failure) = &inner.on_failure {
        all.push(failure.span);
        actions(&failure.actions, all);
    }
}

fn step(one: &Step, all: &mut Vec<Span>) {
    all.push(one.span);
    actions(&one.actions, all);
}

fn actions(inner: &[Action], all: &mut Vec<Span>) {
    for action in inner {
        all.push(action.span);
        all.extend(action.conditions.iter().map(|condition| condition.span));
    }
}
