//! Values for parameters: in stages, and where a module is used.

use indexmap::IndexMap;
use std::collections::HashMap;
use std::sync::Arc;

use super::bodies::has_broken;
use super::checker::{Checker, Want};
use super::file::source_span;
use super::module::{Module, Symbol, What, use_name};
use crate::base::{Span, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::Type;
use crate::syntax::ast::{self, Body, Entry, File, Ident, ItemKind};

impl<'a> Checker<'a> {
    pub(super) fn use_item(&mut self, one: &'a ast::Use, used: &HashMap<Span, Arc<Module>>) {
        let span = source_span(&one.source);
        let Some(module) = used.get(&span) else { return self.touch_body(&one.body) };
        let params: IndexMap<&str, &Type> = module
            .params()
            .filter_map(|param| Some((param.name.value.as_str(), module.param_type(&param.name.value)?)))
            .collect();
        let needed: Vec<&str> = module
            .params()
            .filter(|param| param.default.is_none())
            .map(|param| param.name.value.as_str())
            .collect();
        // Modules may hand values to each other that only come to be in turn, so their values make no circle here.
        self.as_node(None, |checker| {
            let place = Ident::new(use_name(one).map_or_else(String::new, |name| name.value), span);
            checker.values(&one.body, &params, &needed, &place, "the module");
        });
    }

    pub(super) fn stages(&mut self, file: &'a File) {
        let params: Vec<&ast::Param> = file
            .items
            .iter()
            .filter_map(|item| match &item.kind {
                ItemKind::Param(param) => Some(param),
                _ => None,
            })
            .collect();
        let types: IndexMap<&str, Type> = params
            .iter()
            .filter_map(|param| {
                Some((param.name.value.as_str(), self.scope.get(&param.name.value)?.ty.clone()))
            })
            .collect();
        let types: IndexMap<&str, &Type> = types.iter().map(|(name, ty)| (*name, ty)).collect();
        let needed: Vec<&str> = params
            .iter()
            .filter(|param| {
                param.default.is_none()
                    && !matches!(types.get(param.name.value.as_str()), Some(Type::Optional(_)))
            })
            .map(|param| param.name.value.as_str())
            .collect();
        for item in &file.items {
            let ItemKind::Stage(stage) = &item.kind else { continue };
            self.values(&stage.body, &types, &needed, &stage.name, "the file");
        }
    }

    /// Checks the values for parameters in the body of a stage or `use`.
    fn values(
        &mut self,
        body: &'a Body,
        params: &IndexMap<&str, &Type>,
        needed: &[&str],
        place: &Ident,
        owner: &str,
    ) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        let mut meant: Vec<&str> = Vec::new();
        let outer = self.node;
        let stage = owner == "the file";
        for entry in &body.entries {
            match entry {
                Entry::Attribute(attribute) => {
                    let name = &attribute.name;
                    if let Some(first) = seen.insert(&name.value, name.span) {
                        self.given_twice(name, first);
                    }
                    match params.get(name.value.as_str()) {
                        Some(ty) => {
                            let node = if stage { self.scope.get_index_of(&name.value) } else { outer };
                            let want = Want::new(ty, &name.value);
                            self.as_node(node, |checker| checker.expect(&attribute.value, want));
                        }
                        None => {
                            self.touch(&attribute.value);
                            // The parameter that was meant is not told as missing, too.
                            meant.extend(self.unknown_param(name, params, owner));
                        }
                    }
                }
                Entry::Block(block) => {
                    let message =
                        format!("only values of parameters stand here, not a block `{}`", block.name.value);
                    self.report(
                        Diagnostic::error("attribute-expected", block.name.span, message)
                            .help(format!("write `{} = …`", block.name.value)),
                    );
                    block.body.iter().for_each(|body| self.touch_body(body));
                    seen.insert(&block.name.value, block.name.span);
                }
                Entry::For(ast::For { span, .. }) | Entry::If(ast::If { span, .. }) => self.report(
                    Diagnostic::error("misplaced-declaration", *span, "only values of parameters stand here")
                        .help("choose inside a value: `NAME = if … { … } else { … }`"),
                ),
                Entry::Broken(_) => {}
            }
        }
        let whole = !has_broken(&body.entries)
            && !body.entries.iter().any(|entry| matches!(entry, Entry::For(_) | Entry::If(_)));
        let missing: Vec<&str> =
            needed.iter().copied().filter(|name| !seen.contains_key(name) && !meant.contains(name)).collect();
        if whole && !missing.is_empty() {
            let names = sentence_list(missing.iter().copied(), "and");
            let message = match stage {
                true => format!("the stage `{}` gives no value to {names}", place.value),
                false => format!("the module `{}` needs a value for {names}", place.value),
            };
            let mut diagnostic = Diagnostic::error("missing-parameter", place.span, message);
            let mut lines = Vec::new();
            for name in &missing {
                if stage && let Some(symbol) = self.scope.get(*name) {
                    diagnostic = diagnostic.related(symbol.span, "it has no default");
                }
                let example = params.get(name).map_or("…".to_owned(), |ty| self.example(ty));
                lines.push(format!("{name} = {example}"));
            }
            let lines = sentence_list(lines.iter().map(String::as_str), "and");
            self.report(diagnostic.help(format!("add {lines}")));
        }
    }

    /// Reports a value for a parameter that there is not; gives the one that was probably meant.
    fn unknown_param<'p>(
        &mut self,
        name: &Ident,
        params: &IndexMap<&'p str, &Type>,
        owner: &str,
    ) -> Option<&'p str> {
        if owner == "the file" && self.is_lost(&name.value) {
            return None;
        }
        let message = format!("{owner} has no parameter `{}`", name.value);
        let diagnostic = Diagnostic::error("unknown-parameter", name.span, message);
        let is_secret = |symbol: &Symbol| symbol.what == What::Secret;
        if owner == "the file" && self.scope.get(&name.value).is_some_and(is_secret) {
            self.touch_name(&name.value);
            let message = format!("`{}` is a secret, and no parameter", name.value);
            self.report(
                Diagnostic::error("unknown-parameter", name.span, message)
                    .label("this would stand in the open")
                    .help("each stage reads it from the environment: leave it out"),
            );
            return None;
        }
        let near = self.near(&name.value, params.keys().copied());
        self.report(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                format!("rename to `{near}`"),
                name.span,
                near,
            ),
            None if params.is_empty() => diagnostic.help(match owner {
                "the file" => format!("declare it: `param {}: …`", name.value),
                _ => "it takes none".to_owned(),
            }),
            None => diagnostic.help(format!("it has {}", sentence_list(params.keys().copied(), "and"))),
        });
        near
    }
}
