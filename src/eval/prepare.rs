//! What is made ready before an evaluation, so that it can borrow it: types that files write inside loops, and the values
//! of `--set`.

use indexmap::IndexMap;
use std::collections::HashMap;

use super::evaluate::Inputs;
use crate::base::SourceFile;
use crate::check::{Module, Program};
use crate::schema::{Base, Type};
use crate::syntax::{ast, parse};

/// What an evaluation borrows besides the program.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The values of `--set` as expressions; `None` where the text is none.
    pub(super) set: IndexMap<String, Option<ast::Expr>>,
    /// The types of `let`s inside `for` and `if`, by address.
    pub(super) local: HashMap<usize, Type>,
    /// The type of a map of tags.
    pub(super) tags: Type,
    /// The type of `region`.
    pub(super) region: Type,
}

impl Prepared {
    /// Makes ready.
    pub(super) fn new(program: &Program, inputs: &Inputs) -> Self {
        let named = |name: &str| program.schema.types.get(name).cloned().unwrap_or_else(Type::string);
        let mut local = HashMap::new();
        module_types(program, &program.root, 0, &mut local);
        Prepared {
            set: inputs.set.iter().map(|(name, text)| (name.clone(), expression(text))).collect(),
            local,
            tags: Type::Map(Box::new(named("TagValue"))).optional(),
            region: named("Region"),
        }
    }
}

/// The address of a part of the tree, which tells it from all others as long as the program lives.
pub(super) fn address<T>(part: &T) -> usize {
    std::ptr::from_ref(part).addr()
}

fn module_types(program: &Program, module: &Module, depth: usize, local: &mut HashMap<usize, Type>) {
    // Modules cannot use each other in a circle; the bound keeps a mistake elsewhere from doing harm here.
    if depth > super::modules::DEEPEST_MODULE {
        return;
    }
    module.ast.items.iter().for_each(|item| item_types(program, module, item, false, local));
    module.uses.values().for_each(|used| module_types(program, used, depth + 1, local));
}

fn item_types(
    program: &Program,
    module: &Module,
    item: &ast::Item,
    inside: bool,
    local: &mut HashMap<usize, Type>,
) {
    match &item.kind {
        ast::ItemKind::Let(one) if inside => {
            if let Some(ty) = &one.ty {
                let ty = program.schema.resolve_type(ty, &module.types, &mut Vec::new());
                local.insert(address(one), ty);
            }
        }
        ast::ItemKind::For(each) => {
            each.body.iter().for_each(|item| item_types(program, module, item, true, local));
        }
        ast::ItemKind::If(branch) => {
            let both = branch.then.iter().chain(&branch.otherwise);
            both.for_each(|item| item_types(program, module, item, true, local));
        }
        _ => {}
    }
}

/// The expression that a text is.
fn expression(text: &str) -> Option<ast::Expr> {
    let file = SourceFile { name: "--set".to_owned(), text: format!("let value = {text}\n").into(), base: 0 };
    let parsed = parse(&file);
    match (
        parsed.diagnostics.is_empty(),
        parsed.file.items.into_iter().map(|item| item.kind).collect::<Vec<_>>(),
    ) {
        (true, kinds) => match <[ast::ItemKind; 1]>::try_from(kinds) {
            Ok([ast::ItemKind::Let(one)]) => Some(one.value),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the text of `--set` is the value itself, without quotes.
pub(super) fn is_plain_text(ty: &Type) -> bool {
    match ty {
        Type::Optional(inner) | Type::Secret(inner) => is_plain_text(inner),
        ty => ty.base().is_some_and(Base::is_text),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_text_of_set_is_one_expression() {
        assert!(matches!(expression("2..4").unwrap().kind, ast::ExprKind::Range(..)));
        assert!(matches!(expression("[\"a\"]").unwrap().kind, ast::ExprKind::List(_)));
        for text in ["", "1 2", "1\nbucket x {}", "[", "a: Int = 3", "1 // x\nlet y = 2"] {
            assert!(expression(text).is_none(), "{text}");
        }
    }
}
