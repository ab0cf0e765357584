//! Kinds and their members, as the standard library declares them.

use super::items::next_if;
use super::{Pair, Pairs, Reader, Rule};
use crate::syntax::ast::*;

impl Reader<'_> {
    /// The members between the braces of a kind or of a block declaration.
    pub(super) fn members(&mut self, pair: Pair<'_>) -> Vec<KindMember> {
        let mut pairs = pair.into_inner();
        let mut members = Vec::new();
        while pairs.peek().is_some() {
            if self.is_wrong_comma(&mut pairs) {
                continue;
            }
            let Some(pair) = pairs.next() else { break };
            let span = self.span(&pair);
            let docs = self.docs(span);
            let kind = self.member(pair).unwrap_or(MemberKind::Broken);
            members.push(KindMember { docs, span, kind });
        }
        members
    }

    fn member(&mut self, pair: Pair<'_>) -> Option<MemberKind> {
        let rule = pair.as_rule();
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let pairs = &mut inner;
        Some(match rule {
            Rule::typed => MemberKind::Attribute(self.typed(pairs)?),
            Rule::lookup => MemberKind::Lookup(self.typed(&mut pairs.next()?.into_inner())?),
            Rule::kind_output => {
                MemberKind::Output(self.ident(&pairs.next()?), self.type_expr(pairs.next()?))
            }
            Rule::setting => MemberKind::Setting(self.key(pairs.next()?), self.expr(pairs)),
            Rule::require => {
                let warning = next_if(pairs, Rule::warn).is_some();
                let condition = self.expr(pairs);
                let message = self.expr(pairs);
                let help = next_if(pairs, Rule::help).map(|help| self.expr(&mut help.into_inner()));
                MemberKind::Require(Require { condition, message, help, warning })
            }
            Rule::block_decl => self.block_decl(pairs)?,
            _ => {
                self.trouble(Rule::only_member, span);
                MemberKind::Broken
            }
        })
    }

    fn typed(&mut self, pairs: &mut Pairs<'_>) -> Option<AttributeDecl> {
        let name = self.key(pairs.next()?);
        let ty = self.type_expr(pairs.next()?);
        let default = match pairs.peek() {
            Some(pair) if pair.as_rule() != Rule::flag => Some(self.expr(pairs)),
            _ => None,
        };
        Some(AttributeDecl { name, ty, default, flags: self.flags(pairs) })
    }

    fn flags(&mut self, pairs: &mut Pairs<'_>) -> Vec<Ident> {
        let mut flags = Vec::new();
        while let Some(flag) = next_if(pairs, Rule::flag) {
            flags.push(self.ident(&flag));
        }
        flags
    }

    fn block_decl(&mut self, pairs: &mut Pairs<'_>) -> Option<MemberKind> {
        let name = self.key(pairs.next()?);
        let mut header = Vec::new();
        while let Some(pair) = next_if(pairs, Rule::header_decl) {
            let mut inner = pair.into_inner();
            let keyword = next_if(&mut inner, Rule::flag).map(|word| self.ident(&word));
            let name = self.ident(&inner.next()?);
            let ty = self.type_expr(inner.next()?);
            header.push(HeaderDecl { keyword, name, ty, default: self.expr_if(&mut inner) });
        }
        let flags = self.flags(pairs);
        let members = pairs.next().map(|members| self.members(members)).unwrap_or_default();
        Some(MemberKind::Block(BlockDecl { name, header, flags, members }))
    }
}
