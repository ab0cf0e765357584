//! Resources, look-ups and separate blocks: from declarations to nodes.

use indexmap::IndexMap;

use super::body::{Record, SeparateBlock, Shape};
use super::evaluator::{Evaluator, Keep, Trace};
use super::expr::nodes_in;
use super::manifest::Node;
use super::rules::{Following, identity};
use super::scope::Job;
use super::value::{NodeId, Value};
use crate::base::{Span, in_parts, parts_for};
use crate::diag::Diagnostic;
use crate::schema::Kind;
use crate::syntax::ast;

/// How many resources a file may have, and nodes a manifest.
const MOST_NODES: usize = 250_000;

/// What an evaluation made of a part of the resources.
struct Made<'a> {
    nodes: IndexMap<NodeId, Node>,
    traces: Vec<Trace>,
    following: Vec<Following<'a>>,
    findings: Vec<Diagnostic>,
    steps: u64,
    exhausted: bool,
    unknown: bool,
}

impl<'a> Evaluator<'a> {
    /// Finds out all names and makes the nodes of all resources. In a large file each core has an evaluation of its own, which
    /// makes a part of them.
    pub(super) fn make_nodes(&mut self) {
        let (program, inputs, prepared, keep) = (self.program, self.inputs, self.prepared, self.keep);
        let parts: Vec<usize> = (0..parts_for(program.root.ast.items.len())).collect();
        let here = |_: &[usize]| {
            self.begin();
            self.make(0, parts.len());
            None
        };
        let there = |part: &[usize]| {
            let mut other = Evaluator::new(program, inputs, prepared, keep);
            other.begin();
            let (told, left) = (other.findings.all.len(), other.steps);
            other.make(*part.first()?, parts.len());
            Some(Made {
                findings: other.findings.all.split_off(told),
                steps: left - other.steps,
                exhausted: other.exhausted,
                unknown: other.unknown,
                nodes: other.nodes,
                traces: other.traces,
                following: other.following,
            })
        };
        let made = in_parts(&parts, parts.len(), here, there);
        made.into_iter().flatten().for_each(|part| self.add_part(part));
    }

    /// Takes over what another evaluation made.
    fn add_part(&mut self, part: Made<'a>) {
        part.findings.into_iter().for_each(|finding| self.report(finding));
        self.following.extend(part.following);
        self.unknown |= part.unknown;
        self.exhausted |= part.exhausted;
        let end = part.nodes.last().map_or_else(|| self.top(), |(_, node)| node.span);
        if self.spend(part.steps, end) && self.has_room(self.nodes.len() + part.nodes.len(), end) {
            self.nodes.extend(part.nodes);
            self.traces.extend(part.traces);
        }
    }

    /// Makes the nodes of a part of the resources.
    fn make(&mut self, part: usize, parts: usize) {
        let jobs = std::mem::take(&mut self.jobs);
        let size = jobs.len().div_ceil(parts).max(1);
        for job in jobs.iter().skip(part * size).take(size) {
            let Some(kind) = self.program.schema.kind(&job.resource.kind.value) else {
                self.unknown = true;
                continue;
            };
            if self.exhausted || !self.has_room(self.nodes.len(), job.resource.name.span) {
                return;
            }
            self.refs.clear();
            self.block_refs.clear();
            let mark = self.frames.len();
            if job.resource.existing {
                self.existing(kind, job);
            } else {
                self.resource(kind, job);
            }
            // The rounds of loops inside the body.
            self.frames.truncate(mark);
        }
    }

    /// Whether there may be another resource, when there are so many.
    pub(super) fn has_room(&mut self, resources: usize, span: Span) -> bool {
        if resources < MOST_NODES {
            return true;
        }
        let message = format!("these are more than {MOST_NODES} resources");
        self.exhaust(Diagnostic::error("too-large", span, message).help("split the pipeline"));
        false
    }

    fn existing(&mut self, kind: &'a Kind, job: &Job<'a>) {
        let resource = job.resource;
        let shape = Shape::of_existing(kind);
        let record = self.body(shape, Some(&resource.body), None, resource.name.span, job.frame);
        let says = |value: &Value| match value {
            Value::None => false,
            Value::Map(fields) => !fields.is_empty(),
            _ => true,
        };
        if record.whole && !record.attrs.values().any(says) {
            let lookups: Vec<&str> = kind.lookups.keys().map(String::as_str).collect();
            self.report(
                Diagnostic::error(
                    "missing-lookup",
                    resource.name.span,
                    format!("nothing says which {} `{}` is", kind.title, resource.name.value),
                )
                .help(format!("look it up by {}", crate::base::sentence_list(lookups, "or"))),
            );
        }
        let texts = record.attrs.values().find_map(|value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        });
        let name = texts.unwrap_or_else(|| resource.name.value.clone());
        let refs = std::mem::take(&mut self.refs);
        self.add(kind.name.clone(), job.id.clone(), name, resource, record, refs);
    }

    fn resource(&mut self, kind: &'a Kind, job: &Job<'a>) {
        let resource = job.resource;
        let shape = Shape::of(kind, self.program.schema.common());
        let span = resource.name.span;
        let mut record = self.body(shape, Some(&resource.body), None, span, job.frame);
        self.check_block_names(shape, &record);
        if let Some(Value::Map(tags)) = record.attrs.get("tags") {
            let tags = tags.clone();
            self.tag_rules(&kind.name, &tags, &record);
        }
        self.option_rules(kind, &record);
        let name = self.name_resource(kind, job, &mut record);
        let refs = std::mem::take(&mut self.refs);
        let separate = std::mem::take(&mut record.separate);
        let (id, whole) = (job.id.clone(), record.whole);
        self.add(kind.name.clone(), job.id.clone(), name, resource, record, refs);
        for block in separate {
            self.separate(kind, &id, block);
        }
        self.unknown |= !whole;
    }

    /// The physical name of a resource; a default is put into the identity attribute.
    fn name_resource(&mut self, kind: &'a Kind, job: &Job<'a>, record: &mut Record<'a>) -> String {
        let plain = |this: &Self| this.naming.plain(&job.id);
        let Some(attribute) = identity(kind).and_then(|name| kind.attributes.get(name)) else {
            return plain(self);
        };
        match record.attrs.get(&attribute.name) {
            Some(Value::String(name)) => return name.clone(),
            Some(Value::None) => {}
            // Given, but not yet known.
            Some(_) => {
                let place = record.place(&attribute.name).map_or(job.resource.name.span, |place| place.span);
                let message = format!("`{}` must be known before the run", attribute.name);
                self.report(
                    Diagnostic::error("not-known-yet", place, message)
                        .label("it depends on outputs of resources")
                        .help("the name of a resource can be made of parameters and texts"),
                );
                return plain(self);
            }
            None => return plain(self),
        }
        match self.default_name(&kind.name, &job.id, job.frame, &attribute.ty) {
            Ok(name) => {
                if let Some(slot) = record.attrs.get_mut(&attribute.name) {
                    *slot = name.as_str().into();
                }
                name
            }
            Err(flaw) => {
                let message =
                    format!("`{}` gets no name of its own: `{}` {}", job.id, attribute.name, flaw.says);
                self.report(
                    Diagnostic::error("invalid-name", job.resource.name.span, message)
                        .help(format!("add `{} = \"…\"`; {}", attribute.name, flaw.help)),
                );
                plain(self)
            }
        }
    }

    fn add(
        &mut self,
        kind: String,
        id: NodeId,
        name: String,
        resource: &'a ast::Resource,
        record: Record<'a>,
        refs: Vec<(NodeId, Span)>,
    ) {
        let span = resource.kind.span.to(resource.name.span);
        let existing = resource.existing;
        let depends_on = depends_on(&refs);
        self.unknown |= !record.whole;
        self.remember(Node { id, kind, name, existing, attrs: record.attrs, depends_on, span }, refs);
    }

    /// Keeps a node, as far as anybody will ask for it.
    fn remember(&mut self, mut node: Node, refs: Vec<(NodeId, Span)>) {
        // Groups of different networks may share a name.
        let network = match (node.kind.as_str(), node.attrs.get("vpc")) {
            ("security_group", Some(Value::Handle(vpc))) => Some(vpc.clone()),
            _ => None,
        };
        if self.keep == Keep::Names {
            // Rules of other resources may look at what it says of its outputs.
            let outputs =
                self.program.schema.kind(&node.kind).into_iter().flat_map(|kind| kind.outputs.keys());
            node.attrs = outputs.filter_map(|name| node.attrs.swap_remove_entry(name)).collect();
        }
        if self.nodes.insert(node.id.clone(), node).is_none() {
            self.traces.push(Trace { refs, network });
        }
    }

    /// A block with nodes of its own: one for each element of a list in its header, as AWS takes one rule a call.
    fn separate(&mut self, kind: &'a Kind, resource: &str, block: SeparateBlock<'a>) {
        let SeparateBlock { schema, block, mut record, refs } = block;
        if !record.whole {
            self.unknown = true;
            return;
        }
        let list = schema
            .header
            .iter()
            .map(|header| header.attribute.name.as_str())
            .find(|name| matches!(record.attrs.get(*name), Some(Value::List(items)) if items.len() > 1));
        let mut all = std::mem::take(&mut record.attrs);
        all.shift_insert(0, kind.name.clone(), Value::Handle(resource.to_owned()));
        // One element after the other takes the place of the list.
        let elements = match list.and_then(|name| all.get_mut(name)) {
            Some(Value::List(items)) => std::mem::take(items),
            _ => vec![Value::None],
        };
        let count = elements.len();
        for (at, element) in elements.into_iter().enumerate() {
            let mut attrs = if at + 1 == count { std::mem::take(&mut all) } else { all.clone() };
            if let Some(slot) = list.and_then(|name| attrs.get_mut(name)) {
                *slot = Value::List(vec![element]);
            }
            let header = self.header_text(schema, &attrs, &record);
            let id = format!("{resource}.{}[{header}]", schema.name);
            if let Some(first) = self.nodes.get(&id).map(|node| node.span) {
                let again = list.and_then(|name| record.place(name)?.values.get(at)).map(|one| one.span);
                self.same_block_twice(&format!("{} {header}", schema.name), first, block.span, again);
                continue;
            }
            let mut used: Vec<(NodeId, Span)> = Vec::new();
            for (name, value) in &attrs {
                let place = record.place(name).map_or(block.span, |place| place.span);
                nodes_in(value, &mut |node| {
                    let span = refs.iter().find(|(known, _)| known == node).map_or(place, |(_, span)| *span);
                    used.push((node.to_owned(), span));
                });
            }
            let node = Node {
                name: id.clone(),
                id,
                kind: format!("{}.{}", kind.name, schema.name),
                existing: false,
                attrs,
                depends_on: depends_on(&used),
                span: block.span,
            };
            self.remember(node, used);
        }
    }
}

impl Evaluator<'_> {
    /// `again` is the element of a list in the header; where one block says it twice, that is the place.
    fn same_block_twice(&mut self, text: &str, first: Span, second: Span, again: Option<Span>) {
        let same = first == second;
        let place = again.filter(|_| same).unwrap_or(second);
        let finding = Diagnostic::error("duplicate-block", place, format!("`{text}` is there twice"))
            .label("the second")
            .help("take one of them out");
        self.report(if same { finding } else { finding.related(first, "the first") });
    }
}

/// Each node once, in the order in which they are referred to.
fn depends_on(refs: &[(NodeId, Span)]) -> Vec<NodeId> {
    // Most nodes refer to a few others.
    if refs.len() <= 8 {
        let first = |at: usize, node: &NodeId| refs.iter().take(at).all(|(other, _)| other != node);
        let nodes = refs.iter().enumerate().filter(|(at, (node, _))| first(*at, node));
        return nodes.map(|(_, (node, _))| node.clone()).collect();
    }
    let nodes: indexmap::IndexSet<&NodeId> = refs.iter().map(|(node, _)| node).collect();
    nodes.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::check_stages;
    use crate::check::check_text;
    use std::fmt::Write;
    use std::path::PathBuf;

    #[test]
    fn many_resources_are_made_in_parts_with_the_same_findings() {
        let mut text =
            "pipeline p { region = \"us-east-1\" }\nexisting vpc main { default = true }\n".to_owned();
        for n in 0..1_500 {
            let port = if n == 7 || n == 1_400 { 70_000 } else { 80 };
            let name = if n == 3 || n == 1_490 { "same".to_owned() } else { format!("name {n}") };
            let body = format!("vpc = main, name = \"{name}\", allow tcp {port} from self");
            let _ = writeln!(text, "security_group g{n} {{ {body} }}");
        }
        text +=
            "for n in range(600) { security_group many { vpc = main, allow tcp (65500 + n) from self } }\n";
        let checked = check_text("p.vpipe", &text, PathBuf::new());
        let found = checked.program.map(|program| check_stages(&program)).unwrap_or_default();
        let line = |at: u32| text.get(..at as usize).map_or(0, |before| before.matches('\n').count()) + 1;
        let told: Vec<_> = found.iter().map(|one| (line(one.span.start), one.code)).collect();
        let range = "out-of-range";
        let clash = (1_493, "duplicate-physical-name");
        assert_eq!(
            told,
            [(10, range), (1_403, range), clash, (1_503, range), (1_503, range), (1_503, range)]
        );
        let said = |at: usize| found.get(at).map_or("", |one| &one.message);
        assert!(said(3).contains("65536") && said(5).contains("65538"), "{} {}", said(3), said(5));
    }
}
