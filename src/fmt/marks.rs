//! What the tree knows of a text that its words alone do not tell.

use std::collections::HashSet;

use crate::base::{SourceFile, Span};
use crate::syntax::ast::*;

/// Places in a text, as offsets in it.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Where a declaration, an entry, a member, a step, an action or a condition begins.
    pub starts: HashSet<usize>,
    /// Signs that stand close to what they belong to: a minus that negates, `<` and `>` around a type.
    pub tight: HashSet<usize>,
}

/// Goes through a tree.
pub(super) fn marks(tree: &File, file: &SourceFile) -> Marks {
    let mut marker = Marker { text: &file.text, base: file.base, marks: Marks::default() };
    marker.items(&tree.items);
    marker.marks
}

struct Marker<'a> {
    text: &'a str,
    base: u32,
    marks: Marks,
}

impl Marker<'_> {
    fn offset(&self, at: u32) -> usize {
        at.saturating_sub(self.base) as usize
    }

    fn start(&mut self, span: Span) {
        self.marks.starts.insert(self.offset(span.start));
    }

    /// Whether this is the `else if …` of another `if`, which goes on with its line.
    fn goes_on(&self, span: Span) -> bool {
        let rest = self.text.get(self.offset(span.start)..).unwrap_or_default();
        rest.starts_with("else ")
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            if !(matches!(item.kind, ItemKind::If(_)) && self.goes_on(item.span)) {
                self.start(item.span);
            }
            self.item(&item.kind);
        }
    }

    fn item(&mut self, kind: &ItemKind) {
        match kind {
            ItemKind::Pipeline(inner) => self.body(&inner.body),
            ItemKind::Param(param) => {
                self.ty(&param.ty);
                self.maybe(param.default.as_ref());
            }
            ItemKind::Secret(secret) => self.expr(&secret.source),
            ItemKind::Stage(stage) => self.body(&stage.body),
            ItemKind::Let(inner) => {
                inner.ty.iter().for_each(|ty| self.ty(ty));
                self.expr(&inner.value);
            }
            ItemKind::Output(inner) => {
                inner.ty.iter().for_each(|ty| self.ty(ty));
                self.expr(&inner.value);
            }
            ItemKind::Use(used) => self.body(&used.body),
            ItemKind::Type(decl) => self.ty(&decl.ty),
            ItemKind::Kind(kind) => self.members(&kind.members),
            ItemKind::Resource(resource) => self.body(&resource.body),
            ItemKind::For(each) => {
                self.expr(&each.list);
                self.items(&each.body);
            }
            ItemKind::If(branch) => {
                self.expr(&branch.condition);
                self.items(&branch.then);
                self.items(&branch.otherwise);
            }
            ItemKind::Rollout(rollout) => self.rollout(rollout),
            ItemKind::Broken => {}
        }
    }

    fn body(&mut self, body: &Body) {
        self.entries(&body.entries);
    }

    fn entries(&mut self, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::Attribute(attribute) => {
                    self.start(attribute.span);
                    self.expr(&attribute.value);
                }
                Entry::Block(block) => {
                    self.start(block.span);
                    block.header.iter().flat_map(|arg| &arg.values).for_each(|value| self.expr(value));
                    block.body.iter().for_each(|body| self.body(body));
                }
                Entry::For(each) => {
                    self.start(each.span);
                    self.expr(&each.list);
                    self.entries(&each.body);
                }
                Entry::If(branch) => {
                    if !self.goes_on(branch.span) {
                        self.start(branch.span);
                    }
                    self.expr(&branch.condition);
                    self.entries(&branch.then);
                    self.entries(&branch.otherwise);
                }
                Entry::Broken(_) => {}
            }
        }
    }

    fn members(&mut self, members: &[KindMember]) {
        for member in members {
            self.start(member.span);
            match &member.kind {
                MemberKind::Attribute(decl) | MemberKind::Lookup(decl) => {
                    self.ty(&decl.ty);
                    self.maybe(decl.default.as_ref());
                }
                MemberKind::Output(_, ty) => self.ty(ty),
                MemberKind::Block(block) => {
                    for header in &block.header {
                        self.ty(&header.ty);
                        self.maybe(header.default.as_ref());
                    }
                    self.members(&block.members);
                }
                MemberKind::Require(require) => {
                    self.expr(&require.condition);
                    self.expr(&require.message);
                    self.maybe(require.help.as_ref());
                }
                MemberKind::Setting(_, value) => self.expr(value),
                MemberKind::Broken => {}
            }
        }
    }

    fn rollout(&mut self, rollout: &Rollout) {
        for part in &rollout.parts {
            match part {
                RolloutPart::Step(step) => self.step(step),
                RolloutPart::Parallel(steps, span) => {
                    self.start(*span);
                    steps.iter().for_each(|step| self.step(step));
                }
                RolloutPart::Broken(_) => {}
            }
        }
        if let Some(failure) = &rollout.on_failure {
            self.start(failure.span);
            self.actions(&failure.actions);
        }
    }

    fn step(&mut self, step: &Step) {
        self.start(step.span);
        self.maybe(step.condition.as_ref());
        self.actions(&step.actions);
    }

    fn actions(&mut self, actions: &[Action]) {
        for action in actions {
            self.start(action.span);
            self.maybe(action.object.as_ref());
            action.clauses.iter().for_each(|clause| self.expr(&clause.value));
            for condition in &action.conditions {
                self.start(condition.span);
                self.maybe(condition.selector.as_ref());
                self.maybe(condition.value.as_ref());
            }
        }
    }

    fn maybe(&mut self, expr: Option<&Expr>) {
        expr.into_iter().for_each(|expr| self.expr(expr));
    }

    fn args(&mut self, args: &[Arg]) {
        args.iter().for_each(|arg| self.expr(&arg.value));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Unary(op, inner) => {
                if op.value == UnaryOp::Neg {
                    self.marks.tight.insert(self.offset(op.span.start));
                }
                self.expr(inner);
            }
            ExprKind::Member(inner, _) => self.expr(inner),
            ExprKind::Index(a, b) | ExprKind::Binary(a, _, b) | ExprKind::Range(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::Call(_, args) => self.args(args),
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Record(body) => self.body(body),
            ExprKind::Comprehension(inner) => {
                self.expr(&inner.list);
                self.maybe(inner.condition.as_ref());
                self.expr(&inner.value);
            }
            ExprKind::If(a, b, c) => [a, b, c].into_iter().for_each(|part| self.expr(part)),
            // What is inside a string is not changed.
            ExprKind::String(_)
            | ExprKind::None
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Duration(_)
            | ExprKind::Size(_)
            | ExprKind::Percent(_)
            | ExprKind::Fraction(_)
            | ExprKind::Name(_)
            | ExprKind::Broken => {}
        }
    }

    fn ty(&mut self, ty: &TypeExpr) {
        match &ty.kind {
            TypeKind::Name(_, args) => self.args(args),
            TypeKind::Generic(head, inner) => {
                let open = self.offset(head.span.end);
                let rest = self.text.get(open..).unwrap_or_default();
                self.marks.tight.insert(open + rest.find('<').unwrap_or_default());
                let close = self.text.get(..self.offset(ty.span.end)).and_then(|text| text.rfind('>'));
                self.marks.tight.extend(close);
                self.ty(inner);
            }
            TypeKind::List(inner) | TypeKind::Optional(inner) => self.ty(inner),
            TypeKind::Record(fields) => {
                fields.iter().for_each(|field| self.start(field.name.span));
                self.fields(fields);
            }
            TypeKind::Variant(_, fields) => self.fields(fields),
            TypeKind::Union(members) => members.iter().for_each(|member| self.ty(member)),
            TypeKind::Literal(_) | TypeKind::Broken => {}
        }
    }

    fn fields(&mut self, fields: &[FieldDecl]) {
        for field in fields {
            self.ty(&field.ty);
            self.maybe(field.default.as_ref());
        }
    }
}
