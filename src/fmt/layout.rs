//! From tokens to formatted text.

use super::marks::Marks;
use super::tokens::{Group, Kind, Node, Token};

/// How wide a block may be that stands on one line.
pub(super) const MAX_WIDTH: usize = 140;

/// Words after which a bracket opens a value rather than the arguments of a call.
const OPERATOR_WORDS: [&str; 11] =
    ["and", "else", "for", "from", "if", "in", "not", "or", "require", "warn", "when"];

/// Lays a file out.
pub(super) fn layout(nodes: Vec<Node<'_>>, marks: &Marks) -> String {
    let mut printer = Printer { out: String::new(), level: 0, last: None, flat: false, marks };
    printer.lines(&nodes, 0, Inside::File);
    if !printer.out.is_empty() {
        printer.out.push('\n');
    }
    printer.out
}

/// What lines stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    File,
    Braces,
    /// Parentheses or square brackets.
    List,
}

/// How a node begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// On the line that is there.
    Here,
    /// On a new line, at this level; after an empty one if so said.
    Line { level: usize, empty: bool },
}

/// Nodes, and which of them are no comments.
struct Code<'n, 'a> {
    nodes: &'n [Node<'a>],
    /// For each place, the first node from there on that is no comment.
    from: Vec<usize>,
    /// For each place, the last node before it that is no comment.
    before: Vec<Option<usize>>,
}

impl<'n, 'a> Code<'n, 'a> {
    fn new(nodes: &'n [Node<'a>]) -> Self {
        let mut next = nodes.len();
        let mut from: Vec<usize> = nodes
            .iter()
            .enumerate()
            .rev()
            .map(|(at, node)| {
                if !node.is_comment() {
                    next = at;
                }
                next
            })
            .collect();
        from.reverse();
        let mut last = None;
        let before = nodes
            .iter()
            .enumerate()
            .map(|(at, node)| if node.is_comment() { last } else { last.replace(at) })
            .collect();
        Code { nodes, from, before }
    }

    fn from(&self, at: usize) -> Option<&'n Node<'a>> {
        self.nodes.get(*self.from.get(at)?)
    }

    fn before(&self, at: usize) -> Option<&'n Node<'a>> {
        self.nodes.get((*self.before.get(at)?)?)
    }
}

struct Printer<'a> {
    out: String,
    /// The indentation of the current line.
    level: usize,
    /// The token that was printed last.
    last: Option<Token<'a>>,
    /// Whether this is a trial in which nothing is broken for its width.
    flat: bool,
    marks: &'a Marks,
}

impl<'a> Printer<'a> {
    /// Prints nodes that take several lines.
    fn lines(&mut self, nodes: &[Node<'a>], level: usize, inside: Inside) {
        let code = Code::new(nodes);
        let begins: Vec<Begin> = (0..nodes.len()).map(|at| self.begin(&code, at, level, inside)).collect();
        let comma = inside == Inside::List && wants_comma(nodes);
        let last = nodes.iter().rposition(|node| !node.is_comment());
        let mut at = 0;
        while at < nodes.len() {
            let next = (at + 1..nodes.len())
                .find(|next| begins.get(*next) != Some(&Begin::Here))
                .unwrap_or(nodes.len());
            if let Some(Begin::Line { level, empty }) = begins.get(at) {
                self.new_line(*level, *empty);
            }
            let line = nodes.get(at..next).unwrap_or_default();
            let add_comma = comma && last.is_some_and(|last| (at..next).contains(&last));
            self.line(line, inside, add_comma);
            at = next;
        }
    }

    /// Where a node begins, after its elder siblings.
    fn begin(&self, code: &Code<'_, 'a>, at: usize, level: usize, inside: Inside) -> Begin {
        let Some(node) = code.nodes.get(at) else { return Begin::Here };
        let newlines = node.first().newlines;
        let Some(before) = at.checked_sub(1).and_then(|before| code.nodes.get(before)) else {
            let here = inside == Inside::File || node.is_comment() && newlines == 0;
            return if here { Begin::Here } else { Begin::Line { level, empty: false } };
        };
        if !before.is_comment() {
            let joins = node.is_braces() || node.is(",") || node.is("else") && before.is_braces();
            // A comma at the head of a line goes to the end of the line before.
            let moved = before.is(",") && before.first().newlines > 0 && !node.is_comment();
            if newlines == 0 && !moved || joins {
                return Begin::Here;
            }
        }
        // A comment belongs to what follows it.
        let next = code.from(at);
        let before = code.before(at);
        let starts = next.is_none_or(|next| self.starts(before, next, inside));
        let margin = starts
            || next.is_some_and(|next| {
                next.is_braces() || next.is("else") && before.is_some_and(Node::is_braces)
            });
        let level = if margin { level } else { level + 1 };
        Begin::Line { level, empty: newlines > 1 && starts }
    }

    /// Whether an entry, or an element of a list, begins with this node, which follows another one.
    fn starts(&self, before: Option<&Node<'a>>, node: &Node<'a>, inside: Inside) -> bool {
        match inside {
            Inside::List => before.is_none_or(|before| before.is(",")),
            _ => before.is_none() || self.marks.starts.contains(&node.first().at),
        }
    }

    /// Where entries begin after the first one, among nodes without comments.
    fn later_starts(&self, nodes: &[Node<'a>], inside: Inside) -> Vec<usize> {
        let starts = |pair: &[Node<'a>]| match pair {
            [before, node] => self.starts(Some(before), node, inside),
            _ => false,
        };
        let pairs = nodes.windows(2).enumerate();
        pairs.filter(|(_, pair)| starts(pair)).map(|(at, _)| at + 1).collect()
    }

    fn new_line(&mut self, level: usize, empty: bool) {
        self.out.push_str(if empty { "\n\n" } else { "\n" });
        self.out.push_str(&"  ".repeat(level));
        self.level = level;
        self.last = None;
    }

    /// Prints what its writer put on one line; entries that together are too wide get lines of their own.
    fn line(&mut self, nodes: &[Node<'a>], inside: Inside, add_comma: bool) {
        if inside == Inside::List {
            return self.run(nodes, add_comma);
        }
        // The comma at the end of a line says nothing.
        let code = nodes.iter().rposition(|node| !node.is_comment());
        let (code, comment) = nodes.split_at_checked(code.map_or(0, |code| code + 1)).unwrap_or((nodes, &[]));
        let code = match code {
            [rest @ .., last] if last.is(",") => rest,
            all => all,
        };
        let starts = self.later_starts(code, inside);
        let (length, state, level) = (self.out.len(), self.last, self.level);
        self.run(code, false);
        let printed = self.out.get(length..).unwrap_or_default();
        if !starts.is_empty() && (printed.contains('\n') || self.width() > MAX_WIDTH) {
            self.out.truncate(length);
            (self.last, self.level) = (state, level);
            self.entries(code, &starts, level);
        }
        self.run(comment, false);
    }

    /// Prints entries on lines of their own, without the commas between them.
    fn entries(&mut self, nodes: &[Node<'a>], starts: &[usize], level: usize) {
        let mut from = 0;
        for to in starts.iter().copied().chain([nodes.len()]) {
            if from > 0 {
                self.new_line(level, false);
            }
            match nodes.get(from..to).unwrap_or_default() {
                [rest @ .., last] if last.is(",") => self.run(rest, false),
                all => self.run(all, false),
            }
            from = to;
        }
    }

    /// Prints nodes one after the other.
    fn run(&mut self, nodes: &[Node<'a>], add_comma: bool) {
        let last = nodes.iter().rposition(|node| !node.is_comment());
        for (at, node) in nodes.iter().enumerate() {
            self.node(node);
            if add_comma && Some(at) == last && !node.is(",") {
                self.out.push(',');
            }
        }
    }

    fn node(&mut self, node: &Node<'a>) {
        let gap = self.gap(node.first());
        self.out.push_str(&" ".repeat(gap));
        match node {
            Node::Token(token) => self.out.push_str(token.text),
            Node::Group(group) => self.group(group),
        }
        self.last = Some(*node.last());
    }

    fn group(&mut self, group: &Group<'a>) {
        let (length, level) = (self.out.len(), self.level);
        if !group.broken {
            if self.flat || !group.is_braces() || group.nodes.is_empty() {
                return self.group_on_one_line(group);
            }
            self.flat = true;
            self.group_on_one_line(group);
            self.flat = false;
            if self.width() <= MAX_WIDTH {
                return;
            }
            self.out.truncate(length);
        }
        self.out.push_str(group.open.text);
        self.last = Some(group.open);
        let inside = if group.is_braces() { Inside::Braces } else { Inside::List };
        if group.broken {
            self.lines(&group.nodes, level + 1, inside);
        } else {
            let starts = self.later_starts(&group.nodes, inside);
            self.new_line(level + 1, false);
            self.entries(&group.nodes, &starts, level + 1);
        }
        self.new_line(level, false);
        self.out.push_str(group.close.text);
    }

    fn group_on_one_line(&mut self, group: &Group<'a>) {
        let nodes = match group.nodes.as_slice() {
            [rest @ .., last] if last.is(",") => rest,
            all => all,
        };
        let space = if group.is_braces() && !nodes.is_empty() { " " } else { "" };
        self.out.push_str(group.open.text);
        self.out.push_str(space);
        self.last = None;
        self.run(nodes, false);
        self.out.push_str(space);
        self.out.push_str(group.close.text);
    }

    /// The columns of the line that is being printed, as far as they matter.
    fn width(&self) -> usize {
        self.out.chars().rev().take_while(|c| *c != '\n').take(MAX_WIDTH + 1).count()
    }

    /// How many spaces stand between the last token and the next one.
    fn gap(&self, next: &Token<'a>) -> usize {
        let Some(last) = &self.last else { return 0 };
        let tight = |token: &Token<'_>| self.marks.tight.contains(&token.at);
        if next.kind == Kind::Comment {
            return next.spaces.max(1);
        }
        let as_written = next.spaces.min(1);
        let minus = next.text == "-";
        match (last.text, next.text) {
            (_, "," | ":" | "?" | "." | "..") if next.kind == Kind::Sign => 0,
            ("." | "..", _) if last.kind == Kind::Sign => 0,
            _ if tight(last) && last.text != ">" || tight(next) && !minus => 0,
            (word, "(" | "[") if OPERATOR_WORDS.contains(&word) => 1,
            (_, "(" | "[") if last.kind == Kind::Word || matches!(last.text, ")" | "]" | ">") => as_written,
            _ => 1,
        }
    }
}

/// Whether a list of several lines ends with a comma: where commas stand between its elements.
fn wants_comma(nodes: &[Node<'_>]) -> bool {
    let elements = nodes.iter().rposition(|node| !node.is_comment()).unwrap_or(0);
    nodes.iter().take(elements).any(|node| node.is(",")) && !nodes.first().is_some_and(|node| node.is("for"))
}
