//! Bodies of resources and blocks: attributes in the order of the schema, defaults filled in, blocks as lists of records.

use indexmap::IndexMap;
use std::collections::HashMap;

use super::evaluator::{Cx, Evaluator, ROUND};
use super::show::show;
use super::template::Template;
use super::value::{Attrs, Deferred, NodeId, Value};
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::schema::{Attribute, BlockSchema, Header, Kind, bind_header};
use crate::syntax::ast::{self, Block, Entry, Expr, ExprKind, Require};

/// How many blocks a body may have.
const MOST_BLOCKS: usize = 10_000;

/// How deep `for` and `if` may stand in each other in a body.
const DEEPEST_BODY: usize = 64;

/// What a body may say.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    /// The word for it: the kind or the block.
    pub(super) name: &'a str,
    pub(super) header: &'a [Header],
    pub(super) attributes: &'a IndexMap<String, Attribute>,
    /// The attributes that every resource may have.
    pub(super) common: Option<&'a IndexMap<String, Attribute>>,
    pub(super) blocks: Option<&'a IndexMap<String, BlockSchema>>,
    pub(super) requires: &'a [Require],
}

/// A body's values.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    /// What is known of them, in the order of the schema.
    pub(super) attrs: Attrs,
    /// What the user wrote, and where.
    pub(super) places: Vec<Place<'a>>,
    /// Whether every value is there.
    pub(super) whole: bool,
    /// Blocks that become nodes of their own.
    pub(super) separate: Vec<SeparateBlock<'a>>,
}

/// Where the user wrote an attribute's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) span: Span,
    /// The value, or the values of a list in a block's header.
    pub(super) values: &'a [Expr],
}

/// A block that becomes nodes of its own.
#[derive(Debug)]
pub(super) struct SeparateBlock<'a> {
    pub(super) schema: &'a BlockSchema,
    pub(super) block: &'a Block,
    pub(super) record: Record<'a>,
    pub(super) refs: Vec<(NodeId, Span)>,
}

impl<'a> Shape<'a> {
    /// A resource.
    pub(super) fn of(kind: &'a Kind, common: &'a IndexMap<String, Attribute>) -> Self {
        Shape {
            name: &kind.name,
            header: &[],
            attributes: &kind.attributes,
            common: Some(common),
            blocks: Some(&kind.blocks),
            requires: &kind.requires,
        }
    }

    /// A look-up.
    pub(super) fn of_existing(kind: &'a Kind) -> Self {
        Shape {
            name: &kind.name,
            header: &[],
            attributes: &kind.lookups,
            common: None,
            blocks: None,
            requires: &[],
        }
    }

    fn of_block(block: &'a BlockSchema) -> Self {
        Shape {
            name: &block.name,
            header: &block.header,
            attributes: &block.attributes,
            common: None,
            blocks: Some(&block.blocks),
            requires: &block.requires,
        }
    }

    /// Every attribute, in order.
    pub(super) fn all(self) -> impl Iterator<Item = &'a Attribute> {
        let header = self.header.iter().map(|header| &header.attribute);
        header.chain(self.attributes.values()).chain(self.common.into_iter().flat_map(IndexMap::values))
    }

    pub(super) fn block(self, name: &str) -> Option<&'a BlockSchema> {
        self.blocks?.get(name)
    }
}

impl<'a> Record<'a> {
    /// Where the user wrote an attribute.
    pub(super) fn place(&self, name: &str) -> Option<&Place<'a>> {
        self.places.iter().find(|place| place.name == name)
    }
}

impl<'a> Evaluator<'a> {
    /// The attributes of a body, each with the frame in which its value is evaluated.
    pub(super) fn attributes(
        &mut self,
        entries: &'a [Entry],
        frame: usize,
    ) -> Vec<(&'a ast::Attribute, usize)> {
        let mut all = Vec::with_capacity(entries.len());
        let _ = self.entries(entries, frame, 0, &mut |_, entry, frame| {
            if let Entry::Attribute(attribute) = entry {
                all.push((attribute, frame));
            }
        });
        all
    }

    /// Goes through entries, the rounds and branches of `for` and `if` among them. Tells whether all could be seen.
    fn entries(
        &mut self,
        entries: &'a [Entry],
        frame: usize,
        depth: usize,
        see: &mut dyn FnMut(&mut Self, &'a Entry, usize),
    ) -> bool {
        let mut all = true;
        for entry in entries {
            match entry {
                Entry::Attribute(_) | Entry::Block(_) => see(self, entry, frame),
                Entry::For(each) if depth < DEEPEST_BODY => {
                    let resolved = self.is_resolved(&each.list, frame);
                    let Some(rounds) = self.elements(&each.list, Cx { frame, about: "" }) else {
                        all = false;
                        continue;
                    };
                    for (at, value) in rounds {
                        if !self.spend(ROUND, each.span) {
                            return false;
                        }
                        let round = self.inner(frame);
                        self.bind_round(round, each.key.as_ref(), &each.name, at, value, resolved);
                        all &= self.entries(&each.body, round, depth + 1, see);
                    }
                }
                Entry::If(branch) if depth < DEEPEST_BODY => {
                    match self.condition(&branch.condition, Cx { frame, about: "" }) {
                        Some(true) => all &= self.entries(&branch.then, frame, depth + 1, see),
                        Some(false) => all &= self.entries(&branch.otherwise, frame, depth + 1, see),
                        None => all = false,
                    }
                }
                Entry::For(_) | Entry::If(_) | Entry::Broken(_) => all = false,
            }
        }
        all
    }

    /// The values of a body. `span` is the place of what it belongs to: the resource's or the block's name.
    pub(super) fn body(
        &mut self,
        shape: Shape<'a>,
        body: Option<&'a ast::Body>,
        header: Option<(&'a BlockSchema, &'a Block)>,
        span: Span,
        frame: usize,
    ) -> Record<'a> {
        let mut record = Record { whole: true, ..Record::default() };
        let template = self.template(shape);
        let mut given: Vec<(usize, Value)> = Vec::new();
        if let Some((schema, block)) = header {
            self.header(schema, block, frame, &mut record, &mut given);
        }
        let mut blocks: IndexMap<&'a str, Vec<(Span, Record<'a>)>> = IndexMap::new();
        let mut count = 0;
        let entries = body.map_or(&[][..], |body| &body.entries);
        let all = self.entries(entries, frame, 0, &mut |this, entry, frame| match entry {
            Entry::Attribute(one) => {
                let Some(at) = template.attrs.get_index_of(&one.name.value) else { return };
                let Some(attribute) = template.attributes.get(at) else { return };
                let name = attribute.name.as_str();
                record.places.push(Place {
                    name,
                    span: one.value.span,
                    values: std::slice::from_ref(&one.value),
                });
                match this.value(&one.value, &attribute.ty, Cx { frame, about: name }) {
                    Some(value) => given.push((at, value)),
                    None => record.whole = false,
                }
            }
            Entry::Block(block) => {
                let Some(schema) = shape.block(&block.name.value) else { return };
                count += 1;
                if count > MOST_BLOCKS {
                    let message = format!("these are more than {MOST_BLOCKS} blocks in one `{}`", shape.name);
                    let finding = Diagnostic::error("too-large", block.name.span, message);
                    return this.exhaust(finding.help("loop over fewer elements"));
                }
                let outer = std::mem::take(&mut this.refs);
                let inner = this.block(schema, block, frame);
                let refs = std::mem::replace(&mut this.refs, outer);
                if schema.separate {
                    record.separate.push(SeparateBlock { schema, block, record: inner, refs });
                } else {
                    this.refs.extend(refs);
                    record.whole &= inner.whole;
                    let key = block.header.first().map_or(block.name.span, |arg| arg.span);
                    blocks.entry(&schema.name).or_default().push((key, inner));
                }
            }
            _ => {}
        });
        record.whole &= all;
        self.complete(shape, &template, &mut record, given, span);
        self.block_lists(shape, &mut record, blocks);
        self.known_rules(&template, &record);
        self.requires(shape, &template, &record, span, frame);
        record
    }

    fn block(&mut self, schema: &'a BlockSchema, block: &'a Block, frame: usize) -> Record<'a> {
        let shape = Shape::of_block(schema);
        self.deeper(block.span, |this| {
            Some(this.body(shape, block.body.as_ref(), Some((schema, block)), block.name.span, frame))
        })
        .unwrap_or_default()
    }

    fn header(
        &mut self,
        schema: &'a BlockSchema,
        block: &'a Block,
        frame: usize,
        record: &mut Record<'a>,
        given: &mut Vec<(usize, Value)>,
    ) {
        // `check` told what is wrong with the header.
        let Ok(bound) = bind_header(schema, block) else {
            record.whole = false;
            return;
        };
        for (at, header) in schema.header.iter().enumerate() {
            let Some(arg) = bound.get(header.attribute.name.as_str()) else { continue };
            let name = header.attribute.name.as_str();
            let cx = Cx { frame, about: name };
            let ty = &header.attribute.ty;
            let word = match arg.values {
                [Expr { kind: ExprKind::Name(word), .. }] if at == 0 && schema.named => Some(word),
                _ => None,
            };
            let value = match (word, arg.values) {
                (Some(word), _) => Some(Value::from(word.as_str())),
                (None, values) if arg.is_list() => {
                    let item = ty.item().unwrap_or(ty);
                    let values: Vec<_> = values.iter().map(|one| self.value(one, item, cx)).collect();
                    values.into_iter().collect::<Option<Vec<_>>>().map(Value::List)
                }
                (None, [one, ..]) => self.value(one, ty, cx),
                (None, []) => None,
            };
            let (first, last) = (arg.values.first(), arg.values.last());
            let span = first.zip(last).map_or(arg.span, |(first, last)| first.span.to(last.span));
            record.places.push(Place { name, span, values: arg.values });
            match value {
                // The header's attributes are the first.
                Some(value) => given.push((at, value)),
                None => record.whole = false,
            }
        }
    }

    /// Puts the values into the order of the schema, with the defaults of those that are not given.
    fn complete(
        &mut self,
        shape: Shape<'a>,
        template: &Template<'a>,
        record: &mut Record<'a>,
        given: Vec<(usize, Value)>,
        span: Span,
    ) {
        record.attrs = template.attrs.clone();
        record.whole &= template.whole;
        for at in &template.required {
            let Some(attribute) = template.attributes.get(*at) else { continue };
            if record.place(&attribute.name).is_some() {
                continue;
            }
            if record.whole {
                let name = &attribute.name;
                self.report(
                    Diagnostic::error("missing-attribute", span, format!("`{}` lacks `{name}`", shape.name))
                        .help(format!("add `{name} = …`, which is a `{}`", attribute.ty)),
                );
            }
            record.attrs.shift_remove(&attribute.name);
            record.whole = false;
        }
        if record.whole {
            for (at, value) in given {
                if let Some((_, slot)) = record.attrs.get_index_mut(at) {
                    *slot = value;
                }
            }
            return;
        }
        // Places have moved, and what was written without success has no value, not its default.
        let names: Vec<&'a str> =
            given.iter().filter_map(|(at, _)| Some(template.attributes.get(*at)?.name.as_str())).collect();
        for place in &record.places {
            if !names.contains(&place.name) {
                record.attrs.shift_remove(place.name);
            }
        }
        for (name, (_, value)) in names.into_iter().zip(given) {
            if let Some(slot) = record.attrs.get_mut(name) {
                *slot = value;
            }
        }
    }

    /// Adds the blocks as lists of records; two with the same key are a mistake.
    fn block_lists(
        &mut self,
        shape: Shape<'a>,
        record: &mut Record<'a>,
        mut blocks: IndexMap<&'a str, Vec<(Span, Record<'a>)>>,
    ) {
        for schema in shape.blocks.into_iter().flat_map(IndexMap::values).filter(|block| !block.separate) {
            let found = blocks.shift_remove(schema.name.as_str()).unwrap_or_default();
            let mut seen: HashMap<String, Span> = HashMap::new();
            let key = schema.header.first().map(|header| header.attribute.name.as_str());
            for (span, inner) in &found {
                let Some(value) = key.and_then(|key| inner.attrs.get(key)).filter(|key| key.is_known())
                else {
                    continue;
                };
                let text = word(value);
                if let Some(first) = seen.insert(text.clone(), *span) {
                    self.report(
                        Diagnostic::error(
                            "duplicate-block",
                            *span,
                            format!("there are two `{} {text}`", schema.name),
                        )
                        .label("the second")
                        .related(first, "the first")
                        .help(format!(
                            "give each `{}` a `{}` of its own",
                            schema.name,
                            key.unwrap_or_default()
                        )),
                    );
                }
            }
            if record.whole || !found.is_empty() {
                let records = found.into_iter().map(|(_, inner)| Value::Map(inner.attrs)).collect();
                record.attrs.insert(schema.name.clone(), Value::List(records));
            }
        }
    }

    /// Names of sibling blocks that do not exist.
    pub(super) fn check_block_names(&mut self, shape: Shape<'a>, record: &Record<'a>) {
        for (block, name, span) in std::mem::take(&mut self.block_refs) {
            let Some(schema) = shape.block(block) else { continue };
            let key = schema.header.first().map_or("", |header| header.attribute.name.as_str());
            let blocks = record.attrs.get(block).map_or(&[][..], Value::items);
            let names: Option<Vec<&str>> =
                blocks.iter().map(|one| one.fields()?.get(key)?.as_str()).collect();
            // A name that is not known could be the one.
            let Some(names) = names else { continue };
            if names.contains(&name.as_str()) {
                continue;
            }
            let finding =
                Diagnostic::error("unknown-block", span, format!("there is no `{block}` named `{name}`"));
            self.report(match crate::base::closest(&name, names.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")).fix(
                    format!("change to `{near}`"),
                    span,
                    near,
                ),
                None => finding.help(format!("add `{block} {name} {{ … }}` to this `{}`", shape.name)),
            });
        }
    }

    /// What identifies a separate block among those of its resource: its header as it was written.
    pub(super) fn header_text(&self, schema: &BlockSchema, attrs: &Attrs, record: &Record<'a>) -> String {
        let mut words: Vec<String> = Vec::new();
        for header in &schema.header {
            let name = header.attribute.name.as_str();
            let text = match attrs.get(name) {
                None | Some(Value::None) => continue,
                Some(Value::List(items)) if items.is_empty() => continue,
                Some(value @ Value::Deferred(deferred)) => match &**deferred {
                    Deferred::Output(..) => word(value),
                    Deferred::Apply(..) => {
                        let place = record.place(name).map(|place| place.span);
                        place.map_or_else(String::new, |span| self.program.sources.text(span).to_owned())
                    }
                },
                Some(value) => word(value),
            };
            words.extend(header.keyword.clone());
            words.push(text);
        }
        words.join(" ")
    }
}

/// A value in the id of a node.
fn word(value: &Value) -> String {
    match value {
        Value::List(items) => items.iter().map(word).collect::<Vec<_>>().join(", "),
        Value::Deferred(deferred) => match &**deferred {
            Deferred::Output(node, output) => format!("{node}.{output}"),
            Deferred::Apply(..) => String::new(),
        },
        value => value.as_str().map_or_else(|| show(value), str::to_owned),
    }
}
