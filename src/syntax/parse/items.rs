//! Declarations, bodies and their entries.

use super::{Pair, Pairs, Reader, Rule};
use crate::base::{Span, Spanned};
use crate::diag::Diagnostic;
use crate::syntax::ast::*;

impl Reader<'_> {
    /// The next declaration.
    pub(super) fn item(&mut self, pairs: &mut Pairs<'_>) -> Item {
        let Some(pair) = pairs.next() else {
            return Item { docs: Vec::new(), span: self.global(0, 0), kind: ItemKind::Broken };
        };
        let span = self.span(&pair);
        let docs = self.docs(span);
        let kind = self.item_kind(pair).unwrap_or(ItemKind::Broken);
        Item { docs, span, kind }
    }

    fn item_kind(&mut self, pair: Pair<'_>) -> Option<ItemKind> {
        let rule = pair.as_rule();
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let pairs = &mut inner;
        Some(match rule {
            Rule::pipeline => ItemKind::Pipeline(Pipeline {
                name: self.declared(pairs)?,
                body: self.body_or_none(pairs, span),
            }),
            Rule::param => {
                let name = self.declared(pairs)?;
                let ty = self.type_if(pairs);
                let default = self.expr_if(pairs);
                let ty = ty.unwrap_or_else(|| self.missing_type(&name, default.as_ref()));
                ItemKind::Param(Param { name, ty, default })
            }
            Rule::secret => {
                ItemKind::Secret(Secret { name: self.declared(pairs)?, source: self.expr(pairs) })
            }
            Rule::stage => {
                let production = next_if(pairs, Rule::production).is_some();
                ItemKind::Stage(Stage {
                    production,
                    name: self.declared(pairs)?,
                    body: self.body_or_none(pairs, span),
                })
            }
            Rule::let_ => ItemKind::Let(Let {
                name: self.declared(pairs)?,
                ty: self.type_if(pairs),
                value: self.expr(pairs),
            }),
            Rule::output => ItemKind::Output(Output {
                name: self.declared(pairs)?,
                ty: self.type_if(pairs),
                value: self.expr(pairs),
            }),
            Rule::use_ => self.use_(pairs, span)?,
            Rule::type_ => {
                ItemKind::Type(TypeDecl { name: self.declared(pairs)?, ty: self.type_expr(pairs.next()?) })
            }
            Rule::kind => {
                let name = self.declared(pairs)?;
                ItemKind::Kind(KindDecl { name, members: self.members(pairs.next()?) })
            }
            Rule::resource if self.is_terraform(span) => {
                self.trouble(Rule::only_item, span);
                ItemKind::Broken
            }
            Rule::existing | Rule::resource => ItemKind::Resource(Resource {
                existing: rule == Rule::existing,
                kind: self.declared(pairs)?,
                name: self.declared(pairs)?,
                body: self.body_or_none(pairs, span),
            }),
            Rule::for_items => {
                let (key, name, list) = self.for_head(pairs)?;
                ItemKind::For(For { key, name, list, body: self.items(pairs.next()?), span })
            }
            Rule::if_items => {
                let condition = self.expr(pairs);
                let then = self.items(pairs.next()?);
                let otherwise = self.else_items(pairs);
                ItemKind::If(If { condition, then, otherwise, span })
            }
            Rule::rollout => ItemKind::Rollout(self.rollout(pairs)),
            Rule::wrong_terraform => {
                self.terraform(pairs, span);
                ItemKind::Broken
            }
            Rule::broken => {
                self.trouble(Rule::only_item, span);
                ItemKind::Broken
            }
            _ => return None,
        })
    }

    fn use_(&mut self, pairs: &mut Pairs<'_>, span: Span) -> Option<ItemKind> {
        let pair = pairs.next()?;
        let place = self.span(&pair);
        let source = if pair.as_rule() == Rule::library {
            UseSource::Std(pair.into_inner().map(|word| self.ident(&word)).collect(), place)
        } else {
            UseSource::File(self.plain_string(pair))
        };
        let alias = next_if(pairs, Rule::name).map(|name| self.ident(&name));
        Some(ItemKind::Use(Use { source, alias, body: self.body_or_none(pairs, span) }))
    }

    /// Declarations between braces.
    fn items(&mut self, pair: Pair<'_>) -> Vec<Item> {
        let mut pairs = pair.into_inner();
        let mut items = Vec::new();
        while pairs.peek().is_some() {
            if self.is_wrong_comma(&mut pairs) {
                continue;
            }
            items.push(self.item(&mut pairs));
        }
        items
    }

    fn else_items(&mut self, pairs: &mut Pairs<'_>) -> Vec<Item> {
        let rest: Vec<Pair<'_>> = pairs.collect();
        self.too_many_branches(&rest);
        let mut otherwise = Vec::new();
        for pair in rest.into_iter().take(super::expr::MAX_HEIGHT).rev() {
            let span = self.span(&pair);
            let rule = pair.as_rule();
            let mut inner = pair.into_inner();
            if rule == Rule::else_items {
                otherwise = inner.next().map(|items| self.items(items)).unwrap_or_default();
            } else {
                let condition = self.expr(&mut inner);
                let then = inner.next().map(|items| self.items(items)).unwrap_or_default();
                let kind = ItemKind::If(If { condition, then, otherwise, span });
                otherwise = vec![Item { docs: Vec::new(), span, kind }];
            }
        }
        otherwise
    }

    /// `for KEY, NAME in LIST`
    pub(super) fn for_head(&mut self, pairs: &mut Pairs<'_>) -> Option<(Option<Ident>, Ident, Expr)> {
        let first = self.ident(&next_if(pairs, Rule::var)?);
        let second = next_if(pairs, Rule::var).map(|name| self.ident(&name));
        let (key, name) = match second {
            Some(name) => (Some(first), name),
            None => (None, first),
        };
        Some((key, name, self.expr(pairs)))
    }

    /// A name where it is declared.
    pub(super) fn declared(&mut self, pairs: &mut Pairs<'_>) -> Option<Ident> {
        let pair = pairs.next()?;
        if pair.as_rule() != Rule::name {
            return Some(self.quoted_name(pair));
        }
        Some(self.ident(&pair))
    }

    /// A name where quotes around it are no slip.
    pub(super) fn key(&mut self, pair: Pair<'_>) -> Ident {
        if pair.as_rule() == Rule::name { self.ident(&pair) } else { self.plain_string(pair) }
    }

    fn type_if(&mut self, pairs: &mut Pairs<'_>) -> Option<TypeExpr> {
        next_if(pairs, Rule::r#type).map(|pair| self.type_expr(pair))
    }

    /// An expression, when anything is left.
    pub(super) fn expr_if(&mut self, pairs: &mut Pairs<'_>) -> Option<Expr> {
        pairs.peek().is_some().then(|| self.expr(pairs))
    }

    fn body_or_none(&mut self, pairs: &mut Pairs<'_>, whole: Span) -> Body {
        match next_if(pairs, Rule::body) {
            Some(pair) => self.body(pair),
            None => Body { span: Span::new(whole.end, whole.end), entries: Vec::new() },
        }
    }

    /// Entries between braces.
    pub(super) fn body(&mut self, pair: Pair<'_>) -> Body {
        let span = self.span(&pair);
        let mut pairs = pair.into_inner();
        let mut entries = Vec::new();
        let mut height = 0;
        while pairs.peek().is_some() {
            if self.is_wrong_comma(&mut pairs) {
                continue;
            }
            let Some(pair) = pairs.next() else { break };
            let place = self.span(&pair);
            self.height = 0;
            entries.push(self.entry(pair).unwrap_or(Entry::Broken(place)));
            height = height.max(self.height);
        }
        self.height = height + 1;
        Body { span, entries }
    }

    fn entry(&mut self, pair: Pair<'_>) -> Option<Entry> {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        let mut inner = pair.into_inner();
        let pairs = &mut inner;
        Some(match rule {
            Rule::attribute => {
                let key = pairs.next()?;
                let name = self.key(key);
                if let Some(wrong) = next_if(pairs, Rule::wrong_assign) {
                    self.wrong_assign(&name, &wrong);
                }
                Entry::Attribute(Attribute { name, value: self.expr(pairs), span })
            }
            Rule::block => {
                let name = self.ident(&pairs.next()?);
                let mut header = Vec::new();
                while let Some(arg) = next_if(pairs, Rule::header) {
                    header.push(self.header(arg));
                }
                let body = next_if(pairs, Rule::body).map(|body| self.body(body));
                Entry::Block(Block { name, header, body, span })
            }
            Rule::for_entries => {
                let (key, name, list) = self.for_head(pairs)?;
                Entry::For(For { key, name, list, body: self.body(pairs.next()?).entries, span })
            }
            Rule::if_entries => {
                let condition = self.expr(pairs);
                let then = self.body(pairs.next()?).entries;
                let otherwise = self.else_entries(pairs);
                Entry::If(If { condition, then, otherwise, span })
            }
            _ => {
                self.trouble(Rule::only_entry, span);
                Entry::Broken(span)
            }
        })
    }

    fn header(&mut self, pair: Pair<'_>) -> HeaderArg {
        let span = self.span(&pair);
        let mut pairs = pair.into_inner();
        let keyword = next_if(&mut pairs, Rule::preposition).map(|word| self.ident(&word));
        let mut values = Vec::new();
        while pairs.peek().is_some() {
            values.push(self.expr(&mut pairs));
        }
        HeaderArg { keyword, values, span }
    }

    fn else_entries(&mut self, pairs: &mut Pairs<'_>) -> Vec<Entry> {
        let rest: Vec<Pair<'_>> = pairs.collect();
        self.too_many_branches(&rest);
        let mut otherwise = Vec::new();
        for pair in rest.into_iter().take(super::expr::MAX_HEIGHT).rev() {
            let span = self.span(&pair);
            let rule = pair.as_rule();
            let mut inner = pair.into_inner();
            if rule == Rule::else_entries {
                otherwise = inner.next().map(|body| self.body(body).entries).unwrap_or_default();
            } else {
                let condition = self.expr(&mut inner);
                let then = inner.next().map(|body| self.body(body).entries).unwrap_or_default();
                otherwise = vec![Entry::If(If { condition, then, otherwise, span })];
            }
        }
        otherwise
    }

    /// A string that names something: without `${}`.
    pub(super) fn plain_string(&mut self, pair: Pair<'_>) -> Spanned<String> {
        let span = self.span(&pair);
        let text = match self.string(pair).as_slice() {
            [] => String::new(),
            [StringPart::Text(text)] => text.clone(),
            _ => {
                self.push(
                    Diagnostic::error("syntax-error", span, "`${…}` cannot stand here")
                        .help("write the text itself"),
                );
                String::new()
            }
        };
        Spanned::new(text, span)
    }
}

/// Takes the next pair when it is of this rule.
pub(super) fn next_if<'a>(pairs: &mut Pairs<'a>, rule: Rule) -> Option<Pair<'a>> {
    if pairs.peek()?.as_rule() == rule { pairs.next() } else { None }
}
