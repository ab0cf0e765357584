//! A text as words, signs, strings, comments and brackets, with the space that stood before each.

use super::marks::Marks;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// A string with all that is in it.
    Text,
    /// An operator, a comma, a bracket.
    Sign,
    /// A comment up to the end of its line.
    Comment,
}

/// A piece of text that is never changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    /// Its first byte in the file.
    pub at: usize,
    /// Itself.
    pub text: &'a str,
    /// What it is.
    pub kind: Kind,
    /// How many line breaks stood before it.
    pub newlines: usize,
    /// How many columns of space stood before it on its line.
    pub spaces: usize,
}

/// A token, or brackets with what is between them.
#[derive(Clone, Debug)]
pub(super) enum Node<'a> {
    /// A token that is no bracket.
    Token(Token<'a>),
    /// Brackets.
    Group(Group<'a>),
}

/// Brackets with what is between them.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// The opening bracket.
    pub open: Token<'a>,
    /// What is between.
    pub nodes: Vec<Node<'a>>,
    /// The closing bracket.
    pub close: Token<'a>,
    /// Whether lines break directly between the brackets.
    pub broken: bool,
    /// Whether it takes several lines, for what it holds if not for itself.
    lines: bool,
}

impl<'a> Node<'a> {
    /// Its first token.
    pub fn first(&self) -> &Token<'a> {
        match self {
            Node::Token(token) => token,
            Node::Group(group) => &group.open,
        }
    }

    /// Its last token.
    pub fn last(&self) -> &Token<'a> {
        match self {
            Node::Token(token) => token,
            Node::Group(group) => &group.close,
        }
    }

    /// Whether it is a comment.
    pub fn is_comment(&self) -> bool {
        self.first().kind == Kind::Comment
    }

    /// Whether it is this sign or word.
    pub fn is(&self, text: &str) -> bool {
        matches!(self, Node::Token(token) if token.text == text && token.kind != Kind::Text)
    }

    /// Whether it is `{ … }`.
    pub fn is_braces(&self) -> bool {
        matches!(self, Node::Group(group) if group.is_braces())
    }
}

impl Group<'_> {
    /// Whether it is `{ … }`.
    pub fn is_braces(&self) -> bool {
        self.open.text == "{"
    }

    /// Whether its writer broke the line somewhere directly between the brackets.
    fn has_breaks(&self) -> bool {
        let breaks = |(at, node): (usize, &Node<'_>)| {
            let moves = at > 0 && (node.is_braces() || node.is("else") || node.is(","));
            node.is_comment() || node.first().newlines > 0 && !moves
        };
        self.nodes.iter().enumerate().any(breaks) || self.close.newlines > 0 && !self.nodes.is_empty()
    }
}

/// Reads a text whose brackets match.
pub(super) fn tree<'a>(text: &'a str, marks: &Marks) -> Vec<Node<'a>> {
    let mut lexer = Lexer { text, at: 0, marks };
    let mut open: Vec<(Token<'_>, Vec<Node<'_>>)> = Vec::new();
    let mut nodes = Vec::new();
    while let Some(token) = lexer.next() {
        match token.text {
            "{" | "(" | "[" => open.push((token, std::mem::take(&mut nodes))),
            "}" | ")" | "]" => {
                let Some((opener, before)) = open.pop() else { continue };
                let inside = std::mem::replace(&mut nodes, before);
                let inner = inside.iter().any(|node| matches!(node, Node::Group(group) if group.lines));
                let mut group =
                    Group { open: opener, nodes: inside, close: token, broken: false, lines: false };
                group.broken = group.has_breaks() || group.is_braces() && inner;
                group.lines = group.broken || inner;
                nodes.push(Node::Group(group));
            }
            _ => nodes.push(Node::Token(token)),
        }
    }
    nodes
}

struct Lexer<'a, 'm> {
    text: &'a str,
    at: usize,
    marks: &'m Marks,
}

/// Signs of two characters.
const PAIRS: [&str; 6] = ["..", "==", "!=", "<=", ">=", "??"];

impl<'a> Lexer<'a, '_> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let (mut newlines, mut spaces) = (0, 0);
        let rest = self.rest();
        let space =
            rest.find(|c: char| !matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{feff}')).unwrap_or(rest.len());
        for c in rest.chars().take(space) {
            match c {
                '\n' => (newlines, spaces) = (newlines + 1, 0),
                '\r' | '\u{feff}' => {}
                _ => spaces += 1,
            }
        }
        self.at += space;
        let at = self.at;
        let (length, kind) = self.measure()?;
        self.at += length;
        let text = self.text.get(at..self.at)?;
        let text = if kind == Kind::Comment { text.trim_end() } else { text };
        Some(Token { at, text, kind, newlines, spaces })
    }

    /// The length and kind of the token that begins here.
    fn measure(&self) -> Option<(usize, Kind)> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        if rest.starts_with("//") {
            return Some((rest.find('\n').unwrap_or(rest.len()), Kind::Comment));
        }
        if first == '"' {
            return Some((string_length(rest), Kind::Text));
        }
        if first.is_ascii_digit() {
            return Some((number_length(rest), Kind::Word));
        }
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if word > 0 {
            return Some((word, Kind::Word));
        }
        // In `Range<Int>=1..2` the `>` is a sign of its own.
        let pair = PAIRS.iter().any(|pair| rest.starts_with(pair)) && !self.marks.tight.contains(&self.at);
        Some((if pair { 2 } else { first.len_utf8() }, Kind::Sign))
    }
}

/// `20GiB`, `12.5%`, `1_000`
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let point = *byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !(byte.is_ascii_alphanumeric() || *byte == b'_' || point) {
            break;
        }
        at += 1;
    }
    if bytes.get(at) == Some(&b'%') { at + 1 } else { at }
}

/// The length of the string that a text begins with, `${…}` and the strings in it included.
fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    // The quotes and braces that are open, innermost last; a quote is kept by its length.
    let mut open: Vec<usize> = Vec::new();
    const BRACE: usize = 0;
    let quotes = |at: usize| if bytes.get(at..at + 3) == Some(b"\"\"\"") { 3 } else { 1 };
    let mut at = quotes(0);
    open.push(at);
    while let (Some(inside), Some(byte)) = (open.last().copied(), bytes.get(at)) {
        let mut step = 1;
        match (inside, byte) {
            (BRACE, b'{') => open.push(BRACE),
            (BRACE, b'}') => drop(open.pop()),
            (BRACE, b'"') => {
                step = quotes(at);
                // `""` is an empty string, even where another quote follows.
                open.push(step);
            }
            (BRACE, _) => {}
            (_, b'\\') => step = 2,
            (_, b'$') if bytes.get(at + 1) == Some(&b'{') => {
                open.push(BRACE);
                step = 2;
            }
            (3, b'"') if quotes(at) == 3 => {
                open.pop();
                step = 3;
            }
            (1, b'"') => drop(open.pop()),
            _ => {}
        }
        at += step;
    }
    at.min(text.len())
}
