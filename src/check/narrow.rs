//! What a condition tells about names: after `x != none`, `x` is there.

use super::checker::Checker;
use super::locals::Local;
use crate::schema::Type;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, UnaryOp};

impl<'a> Checker<'a> {
    /// Does something where a condition holds, or where it does not.
    pub(super) fn where_holds<T>(
        &mut self,
        condition: &'a Expr,
        holds: bool,
        what: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut names = Vec::new();
        present(condition, holds, &mut names);
        let locals = names.into_iter().filter_map(|name| self.as_present(name)).collect();
        self.with_locals(locals, what)
    }

    /// A name that may be `none`, as one that is not.
    fn as_present(&self, name: &'a str) -> Option<Local<'a>> {
        let (ty, span, symbol) = match self.locals.get(name) {
            Some(local) => (&local.ty, local.span, local.symbol),
            None => {
                let (at, _, symbol) = self.scope.get_full(name)?;
                (&symbol.ty, symbol.span, Some(at))
            }
        };
        let optional = matches!(ty, Type::Optional(_));
        optional.then(|| Local { name, ty: ty.required(), span, symbol })
    }
}

/// The names that are not `none` where a condition holds, or where it does not.
fn present<'a>(condition: &'a Expr, holds: bool, names: &mut Vec<&'a str>) {
    match &condition.kind {
        ExprKind::Unary(op, inner) if op.value == UnaryOp::Not => present(inner, !holds, names),
        ExprKind::Binary(left, op, right) => match (op.value, holds) {
            (BinaryOp::And, true) | (BinaryOp::Or, false) => {
                present(left, holds, names);
                present(right, holds, names);
            }
            (BinaryOp::Ne, true) | (BinaryOp::Eq, false) => match (&left.kind, &right.kind) {
                (ExprKind::Name(name), ExprKind::None) | (ExprKind::None, ExprKind::Name(name)) => {
                    names.push(name);
                }
                _ => {}
            },
            _ => {}
        },
        _ => {}
    }
}
