//! Types as written.

use super::items::next_if;
use super::{Pair, Pairs, Reader, Rule};
use crate::syntax::ast::*;

impl Reader<'_> {
    /// A type, or several joined by `|`.
    pub(super) fn type_expr(&mut self, pair: Pair<'_>) -> TypeExpr {
        let span = self.span(&pair);
        let mut pairs = pair.into_inner();
        let mut members = Vec::new();
        while pairs.peek().is_some() {
            members.push(self.alternative(&mut pairs));
        }
        if members.len() > 1 {
            return TypeExpr { span, kind: TypeKind::Union(members) };
        }
        members.pop().unwrap_or(TypeExpr { span, kind: TypeKind::Broken })
    }

    fn alternative(&mut self, pairs: &mut Pairs<'_>) -> TypeExpr {
        let Some(pair) = pairs.next() else {
            return TypeExpr { span: self.global(0, 0), kind: TypeKind::Broken };
        };
        let span = self.span(&pair);
        let kind = self.type_kind(pair).unwrap_or(TypeKind::Broken);
        let ty = TypeExpr { span, kind };
        match next_if(pairs, Rule::optional) {
            Some(mark) => {
                TypeExpr { span: span.to(self.span(&mark)), kind: TypeKind::Optional(Box::new(ty)) }
            }
            None => ty,
        }
    }

    fn type_kind(&mut self, pair: Pair<'_>) -> Option<TypeKind> {
        let rule = pair.as_rule();
        if matches!(rule, Rule::plain | Rule::string) {
            return Some(TypeKind::Literal(self.plain_string(pair).value));
        }
        let mut pairs = pair.into_inner();
        Some(match rule {
            Rule::type_list => TypeKind::List(Box::new(self.type_expr(pairs.next()?))),
            Rule::type_group => self.type_expr(pairs.next()?).kind,
            Rule::type_record => TypeKind::Record(self.fields(&mut pairs)),
            Rule::variant => TypeKind::Variant(self.ident(&pairs.next()?), self.fields(&mut pairs)),
            Rule::applied => {
                let name = self.ident(&pairs.next()?);
                match pairs.next() {
                    Some(pair) if pair.as_rule() == Rule::generic => {
                        TypeKind::Generic(name, Box::new(self.type_expr(pair.into_inner().next()?)))
                    }
                    Some(pair) => TypeKind::Name(name.value, self.args(pair)),
                    None => TypeKind::Name(name.value, Vec::new()),
                }
            }
            _ => return None,
        })
    }

    fn fields(&mut self, pairs: &mut Pairs<'_>) -> Vec<FieldDecl> {
        let mut fields = Vec::new();
        while pairs.peek().is_some() {
            if self.is_wrong_comma(pairs) {
                continue;
            }
            let field = pairs.next().and_then(|pair| {
                let mut inner = pair.into_inner();
                let name = self.ident(&inner.next()?);
                let ty = self.type_expr(inner.next()?);
                Some(FieldDecl { name, ty, default: self.expr_if(&mut inner) })
            });
            fields.extend(field);
        }
        fields
    }
}
