//! Going through the expressions of a tree.

use crate::syntax::ast::*;

/// Calls `see` on an expression and all inside it.
pub fn expr<'a>(e: &'a Expr, see: &mut dyn FnMut(&'a Expr)) {
    see(e);
    match &e.kind {
        ExprKind::String(parts) => {
            for part in parts {
                if let StringPart::Interpolation(inner) = part {
                    expr(inner, see);
                }
            }
        }
        ExprKind::Member(inner, _) | ExprKind::Unary(_, inner) => expr(inner, see),
        ExprKind::Index(a, b) | ExprKind::Binary(a, _, b) | ExprKind::Range(a, b) => {
            expr(a, see);
            expr(b, see);
        }
        ExprKind::Call(_, args) => args.iter().for_each(|arg| expr(&arg.value, see)),
        ExprKind::List(items) => items.iter().for_each(|item| expr(item, see)),
        ExprKind::Record(inner) => body(inner, see),
        ExprKind::Comprehension(c) => {
            expr(&c.list, see);
            c.condition.iter().for_each(|condition| expr(condition, see));
            expr(&c.value, see);
        }
        ExprKind::If(a, b, c) => [a, b, c].into_iter().for_each(|part| expr(part, see)),
        ExprKind::None
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

/// Calls `see` on every expression of a body.
pub fn body<'a>(inner: &'a Body, see: &mut dyn FnMut(&'a Expr)) {
    inner.entries.iter().for_each(|one| entry(one, see));
}

/// Calls `see` on every expression of an entry.
pub fn entry<'a>(one: &'a Entry, see: &mut dyn FnMut(&'a Expr)) {
    match one {
        Entry::Attribute(attribute) => expr(&attribute.value, see),
        Entry::Block(inner) => block(inner, see),
        Entry::For(each) => {
            expr(&each.list, see);
            each.body.iter().for_each(|one| entry(one, see));
        }
        Entry::If(branch) => {
            expr(&branch.condition, see);
            branch.then.iter().chain(&branch.otherwise).for_each(|one| entry(one, see));
        }
        Entry::Broken(_) => {}
    }
}

/// Calls `see` on every expression of a block.
pub fn block<'a>(inner: &'a Block, see: &mut dyn FnMut(&'a Expr)) {
    inner.header.iter().flat_map(|arg| &arg.values).for_each(|value| expr(value, see));
    inner.body.iter().for_each(|inner| body(inner, see));
}

/// Calls `see` on every expression of an item.
pub fn item<'a>(one: &'a Item, see: &mut dyn FnMut(&'a Expr)) {
    match &one.kind {
        ItemKind::Pipeline(pipeline) => body(&pipeline.body, see),
        ItemKind::Param(param) => param.default.iter().for_each(|value| expr(value, see)),
        ItemKind::Secret(secret) => expr(&secret.source, see),
        ItemKind::Stage(stage) => body(&stage.body, see),
        ItemKind::Let(inner) => expr(&inner.value, see),
        ItemKind::Output(output) => expr(&output.value, see),
        ItemKind::Use(used) => body(&used.body, see),
        ItemKind::Resource(resource) => body(&resource.body, see),
        ItemKind::For(each) => {
            expr(&each.list, see);
            each.body.iter().for_each(|one| item(one, see));
        }
        ItemKind::If(branch) => {
            expr(&branch.condition, see);
            branch.then.iter().chain(&branch.otherwise).for_each(|one| item(one, see));
        }
        ItemKind::Rollout(inner) => rollout(inner, see),
        ItemKind::Type(_) | ItemKind::Kind(_) | ItemKind::Broken => {}
    }
}

fn rollout<'a>(inner: &'a Rollout, see: &mut dyn FnMut(&'a Expr)) {
    for part in &inner.parts {
        let steps = match part {
            RolloutPart::Step(step) => std::slice::from_ref(step),
            RolloutPart::Parallel(steps, _) => steps,
            RolloutPart::Broken(_) => &[],
        };
        for step in steps {
            step.condition.iter().for_each(|condition| expr(condition, see));
            step.actions.iter().for_each(|one| action(one, see));
        }
    }
    inner.on_failure.iter().flat_map(|failure| &failure.actions).for_each(|one| action(one, see));
}

fn action<'a>(one: &'a Action, see: &mut dyn FnMut(&'a Expr)) {
    one.object.iter().for_each(|object| expr(object, see));
    one.clauses.iter().for_each(|clause| expr(&clause.value, see));
    for condition in &one.conditions {
        condition.selector.iter().chain(&condition.value).for_each(|value| expr(value, see));
    }
}

/// Every word that could name a kind: kinds of resources, names in types, and members.
pub fn words(file: &File) -> Vec<&str> {
    let mut all = Vec::new();
    for one in &file.items {
        item_words(one, &mut all);
        item(one, &mut |e| {
            if let ExprKind::Member(_, name) = &e.kind {
                all.push(&name.value);
            }
        });
    }
    all
}

fn item_words<'a>(one: &'a Item, all: &mut Vec<&'a str>) {
    match &one.kind {
        ItemKind::Resource(resource) => all.push(&resource.kind.value),
        ItemKind::Param(param) => type_words(&param.ty, all),
        ItemKind::Let(Let { ty: Some(ty), .. }) | ItemKind::Output(Output { ty: Some(ty), .. }) => {
            type_words(ty, all);
        }
        ItemKind::Type(decl) => type_words(&decl.ty, all),
        ItemKind::For(each) => each.body.iter().for_each(|one| item_words(one, all)),
        ItemKind::If(branch) => {
            branch.then.iter().chain(&branch.otherwise).for_each(|one| item_words(one, all));
        }
        _ => {}
    }
}

fn type_words<'a>(ty: &'a TypeExpr, all: &mut Vec<&'a str>) {
    match &ty.kind {
        TypeKind::Name(name, _) => all.push(name),
        TypeKind::Generic(_, inner) | TypeKind::List(inner) | TypeKind::Optional(inner) => {
            type_words(inner, all)
        }
        TypeKind::Record(fields) | TypeKind::Variant(_, fields) => {
            fields.iter().for_each(|field| type_words(&field.ty, all));
        }
        TypeKind::Union(members) => members.iter().for_each(|member| type_words(member, all)),
        TypeKind::Literal(_) | TypeKind::Broken => {}
    }
}
