//! The declarations of a file, one by one.

use indexmap::IndexMap;
use std::collections::HashMap;
use std::sync::Arc;

use super::bodies::Shape;
use super::checker::{Checker, Want};
use super::locals::Local;
use super::module::{Module, Symbol, What};
use super::order::in_order;
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::schema::{Attribute, Type};
use crate::syntax::ast::{self, Expr, Ident, Item, ItemKind, TypeExpr};

/// What the walk through the items of a file carries with it.
pub(super) struct Items<'a, 'w> {
    pub(super) used: &'w HashMap<Span, Arc<Module>>,
    /// Their types, and where they are declared.
    pub(super) outputs: IndexMap<String, (Type, Span)>,
    pub(super) pipeline: &'a IndexMap<String, Attribute>,
    pub(super) rollout: Option<Span>,
}

impl<'a> Checker<'a> {
    /// Finds the types of the `let`s of a file.
    pub(super) fn lets(&mut self, items: &'a [Item]) {
        for one in in_order(items) {
            let at = self.scope.get_index_of(&one.name.value);
            let own = self.scope.get(&one.name.value).is_some_and(|symbol| symbol.span == one.name.span);
            let ty = self.as_node(at.filter(|_| own), |checker| checker.let_type(one));
            if let Some(symbol) = self.scope.get_mut(&one.name.value).filter(|_| own) {
                symbol.ty = ty;
            }
        }
    }

    fn let_type(&mut self, one: &'a ast::Let) -> Type {
        self.declared_value(&one.name, one.ty.as_ref(), &one.value)
    }

    /// The type of a `let` or `output`, written or found.
    fn declared_value(&mut self, name: &Ident, ty: Option<&TypeExpr>, value: &'a Expr) -> Type {
        let ty = match ty {
            Some(ty) => {
                let ty = self.schema.resolve_type(ty, self.types, &mut self.out);
                self.expect(value, Want::new(&ty, &name.value));
                ty
            }
            None => self.infer(value, None),
        };
        let diagnostic = match ty {
            Type::Module(_) => Diagnostic::error("type-mismatch", value.span, "a module is no value")
                .help("name one of its outputs"),
            ty if ty.is_too_large() => {
                Diagnostic::error("too-large", value.span, "this value nests too deeply")
                    .help("nest its parts less deeply")
            }
            ty => return ty,
        };
        self.report(diagnostic);
        Type::Error
    }

    pub(super) fn item(&mut self, item: &'a Item, walk: &mut Items<'a, '_>, top: bool) {
        if !top && let Some(what) = top_level_only(&item.kind) {
            let at = Span::new(item.span.start, item.span.start + what.len() as u32);
            return self.report(
                Diagnostic::error(
                    "misplaced-declaration",
                    at,
                    format!("`{what}` stands at the top level only"),
                )
                .help("move it out of the `if` or `for`"),
            );
        }
        match &item.kind {
            ItemKind::Pipeline(pipeline) => {
                let shape = Shape::of("pipeline", walk.pipeline);
                let node = self.scope.get_index_of("pipeline");
                self.as_node(node, |checker| checker.body(&pipeline.body, shape, &pipeline.name));
            }
            ItemKind::Param(param) => self.param(param),
            ItemKind::Secret(secret) => self.secret(secret),
            ItemKind::Output(output) => self.output_item(output, walk),
            ItemKind::Use(one) => self.use_item(one, walk.used),
            ItemKind::Kind(kind) => self.report(
                Diagnostic::error(
                    "misplaced-declaration",
                    kind.name.span,
                    "kinds are declared only in the library",
                )
                .help("to reuse resources write a module, and read it with `use`"),
            ),
            ItemKind::Resource(resource) => {
                let own = |symbol: &Symbol| matches!(symbol.what, What::Resource | What::Existing);
                let symbol = self.scope.get_full(&resource.name.value);
                let node = symbol.filter(|(_, _, symbol)| own(symbol)).map(|(at, ..)| at);
                if let (Some(node), Some(around)) = (node, self.node) {
                    self.graph.add(node, around, resource.name.span);
                }
                self.as_node(node, |checker| checker.resource(resource));
            }
            ItemKind::For(each) => self.around(item, |checker| {
                let locals = checker.elements(each.key.as_ref(), &each.name, &each.list);
                checker.with_locals(locals, |checker| checker.inner_items(&each.body, walk));
            }),
            ItemKind::If(branch) => self.around(item, |checker| {
                checker.condition(&branch.condition, "if");
                checker.where_holds(&branch.condition, true, |checker| {
                    checker.inner_items(&branch.then, walk);
                });
                checker.where_holds(&branch.condition, false, |checker| {
                    checker.inner_items(&branch.otherwise, walk);
                });
            }),
            ItemKind::Rollout(rollout) => {
                if let Some(first) = walk.rollout.replace(item.span) {
                    self.report(
                        Diagnostic::error(
                            "duplicate-rollout",
                            keyword(item.span, "rollout"),
                            "a file has one rollout",
                        )
                        .related(keyword(first, "rollout"), "the first is here")
                        .help("write all steps into one `rollout { … }`"),
                    );
                }
                self.rollout(rollout);
            }
            ItemKind::Let(_) | ItemKind::Stage(_) | ItemKind::Type(_) | ItemKind::Broken => {}
        }
    }

    /// Checks an `if` or `for` around items: what is inside needs what the condition or list needs.
    fn around(&mut self, item: &'a Item, inside: impl FnOnce(&mut Self)) {
        // Numbers beyond the scope's stand for the `if`s and `for`s.
        self.around += 1;
        let node = self.scope.len() + self.around;
        if let Some(outer) = self.node {
            self.graph.add(node, outer, keyword(item.span, "if"));
        }
        self.as_node(Some(node), inside);
    }

    fn inner_items(&mut self, items: &'a [Item], walk: &mut Items<'a, '_>) {
        let names = self.inner_names(items);
        self.with_locals(names, |checker| {
            // Each `let` is declared before its type is known, so that a name of the file is not taken for it.
            let lets = in_order(items);
            let before = checker.locals.len();
            lets.iter().for_each(|one| {
                checker.locals.push(Local {
                    name: &one.name.value,
                    ty: Type::Error,
                    span: one.name.span,
                    symbol: None,
                })
            });
            for (n, one) in lets.iter().enumerate() {
                let ty = checker.let_type(one);
                checker.locals.set_type(before + n, ty);
            }
            items.iter().for_each(|item| checker.item(item, walk, false));
            checker.locals.truncate(before);
        });
    }

    fn param(&mut self, param: &'a ast::Param) {
        let Some(default) = &param.default else { return };
        let Some((at, _, symbol)) = self.scope.get_full(&param.name.value) else { return };
        if symbol.span != param.name.span {
            // The name is taken, and that has been told.
            return self.touch(default);
        }
        let ty = symbol.ty.clone();
        self.as_node(Some(at), |checker| checker.expect(default, Want::new(&ty, &param.name.value)));
    }

    fn output_item(&mut self, output: &'a ast::Output, walk: &mut Items<'a, '_>) {
        let ty = self.declared_value(&output.name, output.ty.as_ref(), &output.value);
        let name = &output.name;
        if let Some((_, first)) = walk.outputs.insert(name.value.clone(), (ty, name.span)) {
            self.report(
                Diagnostic::error(
                    "duplicate-name",
                    name.span,
                    format!("the output `{}` is declared twice", name.value),
                )
                .label("again here")
                .related(first, "first here")
                .help("choose another name for one of them"),
            );
        }
    }
}

/// The word of a declaration that stands at the top level only.
pub(super) fn top_level_only(kind: &ItemKind) -> Option<&'static str> {
    Some(match kind {
        ItemKind::Pipeline(_) => "pipeline",
        ItemKind::Param(_) => "param",
        ItemKind::Secret(_) => "secret",
        ItemKind::Stage(stage) => {
            if stage.production {
                "production"
            } else {
                "stage"
            }
        }
        ItemKind::Output(_) => "output",
        ItemKind::Use(_) => "use",
        ItemKind::Type(_) => "type",
        ItemKind::Kind(_) => "kind",
        ItemKind::Rollout(_) => "rollout",
        ItemKind::Let(_) | ItemKind::Resource(_) | ItemKind::For(_) | ItemKind::If(_) | ItemKind::Broken => {
            return None;
        }
    })
}

/// The place of an item's first word.
pub(super) fn keyword(item: Span, word: &str) -> Span {
    Span::new(item.start, item.start + word.len() as u32)
}
