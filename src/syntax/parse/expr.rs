//! Expressions, by operator precedence.

use super::items::next_if;
use super::{Pair, Pairs, Reader, Rule};
use crate::base::{Span, Spanned};
use crate::diag::Diagnostic;
use crate::syntax::ast::*;

/// How tall an expression may be: every operator, index and bracket adds one.
pub(super) const MAX_HEIGHT: usize = 128;

/// An operator between two operands.
#[derive(Clone, Copy, PartialEq)]
enum Op {
    Binary(BinaryOp),
    Range,
}

impl Op {
    fn read(text: &str) -> Op {
        Op::Binary(match text {
            ".." => return Op::Range,
            "??" => BinaryOp::Default,
            "or" | "||" => BinaryOp::Or,
            "and" | "&&" => BinaryOp::And,
            "!=" => BinaryOp::Ne,
            "<" => BinaryOp::Lt,
            "<=" => BinaryOp::Le,
            ">" => BinaryOp::Gt,
            ">=" => BinaryOp::Ge,
            "in" => BinaryOp::In,
            "+" => BinaryOp::Add,
            "-" => BinaryOp::Sub,
            "*" => BinaryOp::Mul,
            "/" => BinaryOp::Div,
            _ => BinaryOp::Eq,
        })
    }

    /// How tightly it binds.
    fn level(self) -> u8 {
        use BinaryOp::*;
        match self {
            Op::Binary(Default) => 0,
            Op::Binary(Or) => 1,
            Op::Binary(And) => 2,
            Op::Binary(Eq | Ne | Lt | Le | Gt | Ge | In) => 4,
            Op::Range => 5,
            Op::Binary(Add | Sub) => 6,
            Op::Binary(Mul | Div) => 7,
        }
    }
}

/// The level of `not`: looser than comparisons, tighter than `and`.
const NOT: u8 = 3;
fn is_op(rule: Rule) -> bool {
    matches!(rule, Rule::op | Rule::line_op | Rule::sum | Rule::range)
}

impl Reader<'_> {
    /// Reads one expression: operands and operators up to a pair that is neither.
    pub(super) fn expr(&mut self, pairs: &mut Pairs<'_>) -> Expr {
        self.binary(pairs, 0)
    }

    fn binary(&mut self, pairs: &mut Pairs<'_>, least: u8) -> Expr {
        let left = self.operand(pairs);
        self.operators(left, pairs, least)
    }

    /// The operators that bind at least this tightly, after an operand.
    fn operators(&mut self, mut left: Expr, pairs: &mut Pairs<'_>, least: u8) -> Expr {
        let mut height = self.height;
        let mut compared: Option<Span> = None;
        while let Some(pair) = pairs.peek() {
            if !is_op(pair.as_rule()) {
                break;
            }
            let op = Op::read(pair.as_str());
            if op.level() < least {
                break;
            }
            pairs.next();
            let at = self.span(&pair);
            self.wrong_operator(&pair);
            let right = self.binary(pairs, op.level() + 1);
            if op.level() == 4 || op == Op::Range {
                if let Some(first) = compared {
                    self.chained(first, at);
                }
                compared = Some(at);
            }
            height = self.taller(height.max(self.height), at);
            left = match op {
                _ if height == 0 => Expr { span: left.span.to(right.span), kind: ExprKind::Broken },
                Op::Range => join(left, right, ExprKind::Range),
                Op::Binary(op) => {
                    let op = Spanned::new(op, at);
                    if self.is_text(&op, &left, &right) {
                        Expr { span: left.span.to(right.span), kind: ExprKind::Broken }
                    } else {
                        join(left, right, |left, right| ExprKind::Binary(left, op, right))
                    }
                }
            };
        }
        self.height = height;
        left
    }

    /// The height of a node above one of this height; 0, reported, when that is too tall.
    fn taller(&mut self, height: usize, at: Span) -> usize {
        if height < MAX_HEIGHT {
            return height + 1;
        }
        if !self.diagnostics.iter().any(|diagnostic| diagnostic.code == "too-deep") {
            self.push(
                Diagnostic::error(
                    "too-deep",
                    at,
                    format!("this expression is more than {MAX_HEIGHT} levels deep"),
                )
                .help("give parts of it names with `let`"),
            );
        }
        0
    }

    fn operand(&mut self, pairs: &mut Pairs<'_>) -> Expr {
        let mut prefixes: Vec<Spanned<UnaryOp>> = Vec::new();
        while let Some(pair) = next_if(pairs, Rule::prefix) {
            self.wrong_prefix(&pair);
            let op = if pair.as_str() == "-" { UnaryOp::Neg } else { UnaryOp::Not };
            prefixes.push(Spanned::new(op, self.span(&pair)));
        }
        let mut value = self.postfix(pairs);
        let signs = prefixes.iter().rev().take_while(|op| op.value == UnaryOp::Neg).count();
        let words = prefixes.len() - signs;
        value = self.prefixed(value, prefixes.split_off(words));
        if words > 0 {
            // `not a == b` is `not (a == b)`.
            value = self.operators(value, pairs, NOT + 1);
            value = self.prefixed(value, prefixes);
        }
        value
    }

    fn prefixed(&mut self, mut value: Expr, mut prefixes: Vec<Spanned<UnaryOp>>) -> Expr {
        let mut height = self.height;
        while let Some(op) = prefixes.pop() {
            height = self.taller(height, op.span);
            let span = op.span.to(value.span);
            let kind = if height == 0 { ExprKind::Broken } else { ExprKind::Unary(op, Box::new(value)) };
            value = Expr { span, kind };
        }
        self.height = height;
        value
    }

    fn postfix(&mut self, pairs: &mut Pairs<'_>) -> Expr {
        let mut value = self.primary(pairs);
        let mut height = self.height;
        while let Some(pair) = pairs.peek() {
            let place = self.span(&pair);
            let span = value.span.to(place);
            let kind = match pair.as_rule() {
                Rule::member => {
                    let name = pair.as_str().trim_start_matches('.').to_owned();
                    let name = Spanned::new(name, Span::new(place.start + 1, place.end));
                    self.wrong_member(&value, &name);
                    height = self.taller(height, place);
                    ExprKind::Member(Box::new(value), name)
                }
                Rule::index => {
                    let index = self.expr(&mut pair.into_inner());
                    height = self.taller(height.max(self.height), place);
                    ExprKind::Index(Box::new(value), Box::new(index))
                }
                _ => break,
            };
            pairs.next();
            value = Expr { span, kind: if height == 0 { ExprKind::Broken } else { kind } };
        }
        self.height = height;
        value
    }

    fn primary(&mut self, pairs: &mut Pairs<'_>) -> Expr {
        self.height = 1;
        let Some(pair) = pairs.next() else {
            return Expr { span: self.global(0, 0), kind: ExprKind::Broken };
        };
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::name => match next_if(pairs, Rule::args) {
                Some(args) => {
                    let whole = span.to(self.span(&args));
                    let name = self.ident(&pair);
                    let args = self.args(args);
                    return Expr { span: whole, kind: ExprKind::Call(name, args) };
                }
                None => self.word(pair.as_str(), span),
            },
            Rule::number => self.number(pair.as_str(), span),
            Rule::plain | Rule::string => ExprKind::String(self.string(pair)),
            Rule::list => self.list(pair),
            Rule::body => ExprKind::Record(self.body(pair)),
            Rule::group => {
                let inner = self.expr(&mut pair.into_inner());
                self.height += 1;
                inner.kind
            }
            Rule::if_expr => self.if_expr(pair),
            _ => ExprKind::Broken,
        };
        Expr { span, kind }
    }

    fn word(&mut self, text: &str, span: Span) -> ExprKind {
        match text {
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "none" => ExprKind::None,
            _ if text.ends_with('_') && self.is_broken(span) => ExprKind::Broken,
            _ => self.wrong_word(text, span).unwrap_or_else(|| ExprKind::Name(text.to_owned())),
        }
    }

    /// Whether a name stands for what could not be read.
    fn is_broken(&self, span: Span) -> bool {
        let (start, end) = ((span.start - self.base) as usize, (span.end - self.base) as usize);
        let at = self.broken.partition_point(|broken| broken.0 < start);
        self.broken.get(at).is_some_and(|broken| broken.1 <= end)
    }

    /// `(a, name: b)`
    pub(super) fn args(&mut self, pair: Pair<'_>) -> Vec<Arg> {
        let mut pairs = pair.into_inner();
        let mut args = Vec::new();
        let mut height = 0;
        while let Some(next) = pairs.peek() {
            let name = next_if(&mut pairs, Rule::arg_name).map(|_| self.arg_name(&next));
            args.push(Arg { name, value: self.expr(&mut pairs) });
            height = height.max(self.height);
        }
        self.height = height + 1;
        args
    }

    fn list(&mut self, pair: Pair<'_>) -> ExprKind {
        let mut pairs = pair.into_inner();
        if let Some(pair) = next_if(&mut pairs, Rule::comprehension) {
            return self.comprehension(pair).unwrap_or(ExprKind::Broken);
        }
        let mut items = Vec::new();
        let mut height = 0;
        while pairs.peek().is_some() {
            items.push(self.expr(&mut pairs));
            height = height.max(self.height);
        }
        self.height = height + 1;
        ExprKind::List(items)
    }

    fn comprehension(&mut self, pair: Pair<'_>) -> Option<ExprKind> {
        let mut pairs = pair.into_inner();
        let (key, name, list) = self.for_head(&mut pairs)?;
        let mut height = self.height;
        let condition = next_if(&mut pairs, Rule::guard).map(|guard| self.expr(&mut guard.into_inner()));
        height = height.max(self.height);
        let value = self.expr(&mut pairs);
        self.height = height.max(self.height) + 1;
        Some(ExprKind::Comprehension(Box::new(Comprehension { key, name, list, condition, value })))
    }

    fn if_expr(&mut self, pair: Pair<'_>) -> ExprKind {
        let mut pairs = pair.into_inner();
        let mut height = 0;
        let condition = self.expr(&mut pairs);
        height = height.max(self.height);
        let then = self.expr(&mut pairs);
        height = height.max(self.height);
        let mut branches = Vec::new();
        while let Some(pair) = next_if(&mut pairs, Rule::elif_expr) {
            let span = self.span(&pair);
            let mut inner = pair.into_inner();
            let condition = self.expr(&mut inner);
            height = height.max(self.height);
            let then = self.expr(&mut inner);
            height = height.max(self.height);
            branches.push((span, condition, then));
        }
        let mut otherwise = self.expr(&mut pairs);
        height = height.max(self.height);
        for (span, condition, then) in branches.into_iter().rev() {
            height = self.taller(height, span);
            let span = span.to(otherwise.span);
            let kind = if height == 0 {
                ExprKind::Broken
            } else {
                ExprKind::If(Box::new(condition), Box::new(then), Box::new(otherwise))
            };
            otherwise = Expr { span, kind };
        }
        self.height = height + 1;
        ExprKind::If(Box::new(condition), Box::new(then), Box::new(otherwise))
    }
}

fn join(left: Expr, right: Expr, kind: impl FnOnce(Box<Expr>, Box<Expr>) -> ExprKind) -> Expr {
    Expr { span: left.span.to(right.span), kind: kind(Box::new(left), Box::new(right)) }
}
