//! Resources: their kinds, the names of their blocks, and how they are seen from beside them.

use indexmap::IndexMap;
use std::collections::HashMap;

use super::bodies::Shape;
use super::checker::{BlockNames, Checker};
use super::declare::{Declared, resources};
use super::locals::Local;
use crate::base::{Span, closest, sentence_list};
use crate::diag::{Diagnostic, Edit, Fix};
use crate::schema::{BlockSchema, Type, kind_names, plain};
use crate::syntax::ast::{self, Entry, ExprKind};

impl<'a> Checker<'a> {
    pub(super) fn resource(&mut self, resource: &'a ast::Resource) {
        let schema = self.schema;
        let name = &resource.kind;
        let Some(kind) = schema.kind(&name.value) else {
            self.touch_body(&resource.body);
            let diagnostic =
                Diagnostic::error("unknown-kind", name.span, format!("there is no kind `{}`", name.value));
            let known = || kind_names();
            if !self.is_whole() && closest(&name.value, known()).is_none() {
                // Part of a body whose beginning could not be read.
                return;
            }
            let near = terraform_name(&name.value).or_else(|| closest(&name.value, known()));
            return self.report(match near {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                    format!("change to `{near}`"),
                    name.span,
                    near,
                ),
                None => diagnostic.help("`vpipe doc` lists the kinds that there are"),
            });
        };
        if resource.existing && kind.lookups.is_empty() {
            self.touch_body(&resource.body);
            let message = format!("a `{}` cannot be looked up", kind.name);
            return self.report(
                Diagnostic::error("not-existing", name.span, message)
                    .help("drop `existing` to make one, or write the value that you need into a `param`"),
            );
        }
        if kind.existing_only && !resource.existing {
            self.touch_body(&resource.body);
            let lookups = sentence_list(kind.lookups.keys().map(String::as_str), "or");
            let mut diagnostic = Diagnostic::error(
                "existing-only",
                name.span,
                format!("vpipe makes no `{}`: it only looks one up", kind.name),
            )
            .help(format!("write `existing {} {} {{ … }}` with {lookups}", kind.name, resource.name.value));
            diagnostic.fix = Some(insertion("write `existing`", name.span.start, "existing "));
            return self.report(diagnostic);
        }
        let shape = if resource.existing {
            Shape { existing: true, ..Shape::of(&kind.name, &kind.lookups) }
        } else {
            Shape {
                common: Some(schema.common()),
                blocks: Some(&kind.blocks),
                ..Shape::of(&kind.name, &kind.attributes)
            }
        };
        if !resource.existing {
            self.collect_names(&resource.body.entries, &kind.blocks);
        }
        self.body(&resource.body, shape, &resource.name);
        if resource.existing && resource.body.entries.is_empty() {
            let needed = kind.lookups.values().any(|lookup| !lookup.optional());
            if !needed {
                let lookups = sentence_list(kind.lookups.keys().map(String::as_str), "or");
                self.report(
                    Diagnostic::error(
                        "missing-lookup",
                        resource.name.span,
                        format!("`{}` does not say how to find the `{}`", resource.name.value, kind.name),
                    )
                    .help(format!("add {lookups}")),
                );
            }
        }
    }

    /// Remembers the names of a resource's named blocks, so that bare words can mean them.
    pub(super) fn collect_names(&mut self, entries: &'a [Entry], blocks: &'a IndexMap<String, BlockSchema>) {
        self.blocks.clear();
        if blocks.values().any(|block| block.named) {
            let mut names = HashMap::new();
            self.names_in(entries, blocks, &mut names);
            self.blocks = names;
        }
    }

    /// Adds the names of blocks; gives those that are new, as block and name.
    fn names_in(
        &mut self,
        entries: &'a [Entry],
        blocks: &'a IndexMap<String, BlockSchema>,
        names: &mut BlockNames<'a>,
    ) -> Vec<(&'a str, String, Span)> {
        let mut new = Vec::new();
        for entry in entries {
            match entry {
                Entry::Block(block) => {
                    let Some((kind, name, span)) = named_block(block, blocks) else { continue };
                    let known = names.entry(kind).or_default();
                    match known.get(&name) {
                        Some(first) => self.out.push(
                            Diagnostic::error(
                                "duplicate-block",
                                span,
                                format!("there are two `{kind}` blocks named `{name}`"),
                            )
                            .label("again here")
                            .related(*first, "first here")
                            .help("choose another name for one of them"),
                        ),
                        None => {
                            known.insert(name.clone(), span);
                            new.push((kind, name, span));
                        }
                    }
                }
                Entry::For(each) => new.extend(self.names_in(&each.body, blocks, names)),
                Entry::If(branch) => {
                    // The branches do not see each other.
                    let then = self.names_in(&branch.then, blocks, names);
                    for (kind, name, _) in &then {
                        names.entry(kind).or_default().swap_remove(name);
                    }
                    let otherwise = self.names_in(&branch.otherwise, blocks, names);
                    for (kind, name, span) in &then {
                        names.entry(kind).or_default().insert(name.clone(), *span);
                    }
                    new.extend(then.into_iter().chain(otherwise));
                }
                Entry::Attribute(_) | Entry::Broken(_) => {}
            }
        }
        new
    }

    /// A local name for each resource that items declare, as it is seen from inside of them.
    pub(super) fn inner_names(&self, items: &'a [ast::Item]) -> Vec<Local<'a>> {
        let names = resources(items, &mut Vec::new());
        let local = |(name, declared): (&'a str, Declared<'a>)| Local {
            name,
            ty: declared.wrap(self.handle(declared.kind)),
            span: declared.span,
            symbol: self.scope.get_index_of(name),
        };
        names.into_iter().map(local).collect()
    }

    /// The handle of a kind; an error where there is no such kind.
    pub(super) fn handle(&self, kind: &str) -> Type {
        match self.schema.kind(kind) {
            Some(kind) => Type::Handle(kind.name.clone()),
            None => Type::Error,
        }
    }
}

/// The kind of a named block, its name, and where that stands.
fn named_block<'a>(
    block: &'a ast::Block,
    blocks: &'a IndexMap<String, BlockSchema>,
) -> Option<(&'a str, String, Span)> {
    let schema = blocks.get(&block.name.value).filter(|schema| schema.named)?;
    let value = block.header.first()?.values.first()?;
    let name = match &value.kind {
        ExprKind::Name(name) => name.clone(),
        ExprKind::String(parts) => plain(parts)?,
        _ => return None,
    };
    Some((&schema.name, name, value.span))
}

/// The kind that Terraform's AWS provider calls otherwise.
fn terraform_name(kind: &str) -> Option<&'static str> {
    let theirs = kind.strip_prefix("aws_")?;
    let ours = match theirs {
        "acm_certificate" => "certificate",
        "cloudfront_distribution" => "distribution",
        "elastic_beanstalk_application" => "application",
        "elastic_beanstalk_environment" => "environment",
        "elasticache_cluster" => "cache_cluster",
        "elasticache_parameter_group" => "cache_parameter_group",
        "elasticache_replication_group" => "replication_group",
        "elasticache_subnet_group" => "cache_subnet_group",
        "mq_broker" => "broker",
        "mq_configuration" => "broker_configuration",
        "route53_record" => "record",
        "route53_zone" => "hosted_zone",
        "s3_bucket" => "bucket",
        other => other,
    };
    kind_names().find(|known| *known == ours)
}

/// A repair that inserts text.
pub(super) fn insertion(title: &str, at: u32, text: &str) -> Fix {
    Fix { title: title.to_owned(), edits: vec![Edit { span: Span::new(at, at), text: text.to_owned() }] }
}
