//! What all bodies of one shape have in common, found out once: defaults in order, what must be given, what rules look at.

use indexmap::IndexSet;
use std::rc::Rc;

use super::body::Shape;
use super::evaluator::Evaluator;
use super::known::list_of;
use super::prepare::address;
use super::value::{Attrs, Value};
use crate::check::walk;
use crate::schema::{Attribute, Known, Type};
use crate::syntax::ast::{Expr, ExprKind, Require};

/// What all bodies of one shape have in common.
#[derive(Debug)]
pub(super) struct Template<'a> {
    /// Every attribute in order: defaults, and `none` for those that must be given.
    pub(super) attrs: Attrs,
    /// The same attributes.
    pub(super) attributes: Vec<&'a Attribute>,
    /// The places of those that must be given.
    pub(super) required: Vec<usize>,
    /// Whether every default has a value.
    pub(super) whole: bool,
    /// The rules, each with the attributes and blocks that it mentions, in order.
    pub(super) rules: Vec<(&'a Require, Vec<&'a str>)>,
    /// The attributes whose list depends on another attribute: the one, its list, the other.
    pub(super) known: Vec<(&'a str, &'a Known, &'a str)>,
    /// What any of the rules mentions.
    pub(super) mentioned: IndexSet<&'a str>,
    /// The types of the attributes.
    pub(super) types: Rc<[(&'a str, &'a Type)]>,
}

impl<'a> Evaluator<'a> {
    /// What all bodies of a shape have in common.
    pub(super) fn template(&mut self, shape: Shape<'a>) -> Rc<Template<'a>> {
        // No two shapes share their attributes.
        let key = address(shape.attributes);
        if let Some(known) = self.templates.get(&key) {
            return Rc::clone(known);
        }
        let attributes: Vec<&'a Attribute> = shape.all().collect();
        let rules: Vec<_> = shape.requires.iter().map(|rule| (rule, mentioned(rule, shape))).collect();
        let mut template = Template {
            attrs: Attrs::with_capacity(attributes.len() + shape.blocks.map_or(0, indexmap::IndexMap::len)),
            required: Vec::new(),
            whole: true,
            known: attributes.iter().filter_map(|one| keyed(one)).collect(),
            mentioned: rules.iter().flat_map(|(_, names)| names).copied().collect(),
            rules,
            types: attributes.iter().map(|one| (one.name.as_str(), &one.ty)).collect(),
            attributes,
        };
        for (at, attribute) in template.attributes.iter().enumerate() {
            if !attribute.optional() {
                template.required.push(at);
            }
            let value = self.default_of(attribute.default.as_ref(), &attribute.ty);
            template.whole &= value.is_some();
            template.attrs.insert(attribute.name.clone(), value.unwrap_or(Value::None));
        }
        let template = Rc::new(template);
        self.templates.insert(key, Rc::clone(&template));
        template
    }
}

/// An attribute whose list depends on another attribute, its list, and the other.
fn keyed(attribute: &Attribute) -> Option<(&str, &Known, &str)> {
    let known = list_of(&attribute.ty)?;
    Some((&attribute.name, known, known.by.as_deref()?))
}

/// The attributes and blocks that a rule mentions: first those of its condition.
fn mentioned<'a>(rule: &'a Require, shape: Shape<'a>) -> Vec<&'a str> {
    let mut names: Vec<&'a str> = Vec::new();
    let mut see = |expr: &'a Expr| {
        if let ExprKind::Name(name) = &expr.kind
            && !names.contains(&name.as_str())
            && (shape.all().any(|attribute| attribute.name == *name) || shape.block(name).is_some())
        {
            names.push(name);
        }
    };
    let texts = [Some(&rule.condition), Some(&rule.message), rule.help.as_ref()];
    texts.into_iter().flatten().for_each(|text| walk::expr(text, &mut see));
    names
}
