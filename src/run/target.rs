//! What a node shall be, with every value known: the driver's [`Want`], its token, its tags, its fingerprints.

use indexmap::{IndexMap, IndexSet};
use std::time::Duration;

use super::context::{Context, Failure};
use super::secrets::holds_secret;
use crate::base::Span;
use crate::cloud::Want;
use crate::eval::{self, Attrs, Deferred, Node, NodeId, Value};
use crate::journal::Known;
use crate::schema::{Attribute, BlockSchema, Kind};

/// The attributes of every resource that drivers do not see.
const COMMON: [&str; 2] = ["timeout", "protect"];

/// A node to bring about or to delete.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub node: NodeId,
    pub kind: String,
    pub name: String,
    /// All attributes, `timeout` and `protect` among them.
    pub attrs: Attrs,
    pub depends_on: Vec<NodeId>,
    /// Whether it is only looked up.
    pub existing: bool,
    pub span: Option<Span>,
    /// Whether it is what a rollout action makes. Such a thing belongs to its environment, bucket or distribution, and
    /// begins anew with each chain of runs.
    pub part: bool,
    /// How long the action that makes it may take, when the file says so.
    pub within: Option<Duration>,
    /// Secrets that the journal names and the file no longer has.
    pub lost: IndexSet<String>,
}

impl Target {
    /// A node of the manifest. In a plan some of its values may still be deferred.
    pub fn of(ctx: &Context<'_>, node: &Node) -> Self {
        let outputs = |node: &str, output: &str| ctx.output(node, output);
        let resolved = |(name, value): (&String, &Value)| (name.clone(), eval::resolve(value, &outputs));
        Self {
            node: node.id.clone(),
            kind: node.kind.clone(),
            name: node.name.clone(),
            attrs: node.attrs.iter().map(resolved).collect(),
            depends_on: node.depends_on.clone(),
            existing: node.existing,
            span: Some(node.span),
            part: false,
            within: None,
            lost: IndexSet::new(),
        }
    }

    /// A node as the journal knows it, to be deleted. What the file says now about deleting it (a snapshot, emptying)
    /// counts; what makes it the resource that it is, is what was applied.
    pub fn known(ctx: &Context<'_>, id: &str, known: &Known) -> Self {
        let mut lost = IndexSet::new();
        let restore =
            |(name, value): (&String, &Value)| (name.clone(), ctx.secrets.restore(value, &mut lost));
        let mut attrs: Attrs = known.attrs.iter().map(restore).collect();
        let node = ctx.job.manifest.nodes.get(id).filter(|node| node.kind == known.kind && !node.existing);
        if let Some(node) = node {
            let fixed = |name: &str| {
                attribute(ctx, &known.kind, name)
                    .is_none_or(|a| a.identity || a.on_change != crate::schema::OnChange::Update)
                    && known.attrs.contains_key(name)
                    && !COMMON.contains(&name)
            };
            let now = Self::of(ctx, node).attrs;
            attrs.extend(now.into_iter().filter(|(name, value)| value.is_known() && !fixed(name)));
        }
        Self {
            node: id.to_owned(),
            kind: known.kind.clone(),
            name: known.name.clone(),
            attrs,
            depends_on: known.depends_on.clone(),
            existing: known.existing,
            span: ctx.job.manifest.nodes.get(id).map(|node| node.span),
            part: false,
            within: None,
            lost,
        }
    }

    /// Fails when something is still not known: an output that its node does not have, or an expression without a
    /// result.
    pub fn all_known(&self) -> Result<(), Failure> {
        match self.attrs.iter().find(|(_, value)| !value.is_known()) {
            Some((name, value)) => Err(Failure::new(format!("`{name}` {}", why_unknown(value)))),
            None => Ok(()),
        }
    }

    /// Whether it must not be deleted or replaced.
    pub fn protected(&self) -> bool {
        self.attrs.get("protect").and_then(Value::as_bool).unwrap_or(false)
    }

    /// How long one phase may take, when the file says so.
    pub fn timeout(&self) -> Option<Duration> {
        if self.within.is_some() {
            return self.within;
        }
        let ms = self.attrs.get("timeout")?.as_int()?;
        u64::try_from(ms).ok().map(Duration::from_millis)
    }

    /// Whether it is a separate block, such as a rule.
    pub fn is_block(&self) -> bool {
        !self.part && self.kind.contains('.')
    }

    /// The nodes whose handles stand in its attributes.
    pub fn handles(&self) -> IndexSet<NodeId> {
        let mut found = IndexSet::new();
        self.attrs.values().for_each(|value| handles(value, &mut found));
        found
    }

    /// What the driver gets.
    pub fn want(&self, ctx: &Context<'_>) -> Want {
        let known = ctx.with(|state| state.history.nodes.get(&self.node).cloned());
        let known = known.filter(|known| !self.existing && !self.part && known.kind == self.kind);
        let mut refs: IndexSet<NodeId> = self.handles();
        refs.extend(self.depends_on.iter().cloned());
        Want {
            node: self.node.clone(),
            kind: self.kind.clone(),
            name: self.name.clone(),
            attrs: self
                .attrs
                .iter()
                .filter(|(name, _)| self.part || !COMMON.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            refs: refs.into_iter().filter_map(|id| Some((id.clone(), ctx.outputs(&id)?))).collect(),
            id: known.as_ref().and_then(|known| known.id.clone()),
            never_ready: known.as_ref().is_some_and(|known| !known.ready && known.created.is_some()),
            applied: known.map(|known| [vec![known.attrs], known.begun].concat()).unwrap_or_default(),
            token: self.token(ctx),
            tags: self.tags(ctx),
            acted: false,
        }
    }

    /// The client token: the same for every attempt to make the same thing, another one for the next thing. At most 32
    /// letters and digits, as AWS Certificate Manager demands (its API reference, `IdempotencyToken`).
    fn token(&self, ctx: &Context<'_>) -> String {
        let generation = ctx.with(|state| state.history.generations.get(&self.node).copied().unwrap_or(0));
        let manifest = &ctx.job.manifest;
        let stage = manifest.stage.as_deref().unwrap_or_default();
        // What a rollout makes is made anew by each run, and the same by its resumptions.
        let chain = if self.part { ctx.chain.as_str() } else { "" };
        let generation = generation.to_string();
        let parts = [&manifest.pipeline, stage, &self.node, &generation, &self.kind, chain];
        let mut token = ctx.job.journal().fingerprint(&parts);
        token.truncate(32);
        token
    }

    fn tags(&self, ctx: &Context<'_>) -> IndexMap<String, String> {
        let mut tags = ctx.job.manifest.tags.clone();
        if let Some(own) = self.attrs.get("tags").and_then(Value::fields) {
            let text = |value: &Value| value.as_str().map_or_else(|| eval::show(value), str::to_owned);
            tags.extend(own.iter().map(|(name, value)| (name.clone(), text(value))));
        }
        tags.extend(owner_tags(ctx, &self.node));
        tags
    }

    /// Keyed fingerprints of the attributes that cannot be compared with what exists: those that AWS never gives back,
    /// and those that hold secrets.
    pub fn fingerprints(&self, ctx: &Context<'_>) -> IndexMap<String, String> {
        let hidden = |name: &str, value: &Value| {
            !matches!(value, Value::None)
                && (holds_secret(value) || attribute(ctx, &self.kind, name).is_some_and(|a| a.write_only))
        };
        let journal = ctx.job.journal();
        self.attrs
            .iter()
            .filter(|(name, value)| hidden(name, value))
            .map(|(name, value)| {
                let mut text = String::new();
                revealed(value, &mut text);
                (name.clone(), journal.fingerprint(&[&self.node, name, &text]))
            })
            .collect()
    }

    /// A fingerprint of everything that a call is made with.
    pub fn fingerprint(&self, ctx: &Context<'_>) -> String {
        let mut text = String::new();
        self.attrs.iter().for_each(|(name, value)| {
            text.push_str(name);
            revealed(value, &mut text);
        });
        ctx.job.journal().fingerprint(&[&self.node, &self.name, &text])
    }
}

/// The three tags that say whose a resource is.
pub(super) fn owner_tags(ctx: &Context<'_>, node: &str) -> [(String, String); 3] {
    let manifest = &ctx.job.manifest;
    [
        ("vpipe:pipeline".to_owned(), manifest.pipeline.clone()),
        ("vpipe:stage".to_owned(), manifest.stage.clone().unwrap_or_else(|| "default".to_owned())),
        ("vpipe:node".to_owned(), tag_value(node)),
    ]
}

/// A node's id in the characters that all services allow in a tag's value: letters, digits, spaces and `_.:/=+-@`.
fn tag_value(node: &str) -> String {
    let plain = node.replace(['"', ']'], "").replace('[', "/");
    plain
        .chars()
        .map(|c| if c.is_alphanumeric() || " _.:/=+-@".contains(c) { c } else { '_' })
        .take(256)
        .collect()
}

/// The schema of an attribute of a kind or separate block.
pub(super) fn attribute<'c>(ctx: &'c Context<'_>, kind: &str, name: &str) -> Option<&'c Attribute> {
    if let Some(block) = block(ctx, kind) {
        let header = block.header.iter().map(|header| &header.attribute).find(|a| a.name == name);
        return header.or_else(|| block.attributes.get(name));
    }
    ctx.job.schema.kind(kind)?.attributes.get(name)
}

/// The schema of a separate block: `security_group.allow`.
pub(super) fn block<'c>(ctx: &'c Context<'_>, kind: &str) -> Option<&'c BlockSchema> {
    let (kind, block) = kind.split_once('.')?;
    ctx.job.schema.kind(kind)?.blocks.get(block)
}

/// What people call a kind, as far as the schema has it.
pub(super) fn title(ctx: &Context<'_>, kind: &str) -> String {
    let schema: Option<&Kind> = ctx.job.schema.kind(kind);
    schema.map_or_else(|| kind.to_owned(), |kind| kind.title.clone())
}

fn handles(value: &Value, found: &mut IndexSet<NodeId>) {
    match value {
        Value::Handle(node) => {
            found.insert(node.clone());
        }
        Value::List(items) => items.iter().for_each(|item| handles(item, found)),
        Value::Map(fields) | Value::Variant(_, fields) => {
            fields.values().for_each(|value| handles(value, found));
        }
        _ => {}
    }
}

/// The nodes that a value refers to.
pub(super) fn handles_of(value: &Value) -> IndexSet<NodeId> {
    let mut found = IndexSet::new();
    handles(value, &mut found);
    found
}

/// Whether a value refers to a node.
pub(super) fn refers_to(value: &Value, node: &str) -> bool {
    handles_of(value).contains(node)
}

/// Why a value is not known, as the end of a sentence.
pub(super) fn why_unknown(value: &Value) -> String {
    match value {
        Value::Deferred(deferred) => match deferred.as_ref() {
            Deferred::Output(node, output) => format!("needs `{node}.{output}`, which AWS did not give"),
            Deferred::Apply(op, args) => match args.iter().find(|arg| !arg.is_known()) {
                Some(arg) => why_unknown(arg),
                None => match eval::apply(op, args) {
                    Err(why) => format!("has no value: {why}"),
                    Ok(_) => "is not known".to_owned(),
                },
            },
        },
        Value::List(items) => {
            items.iter().find(|item| !item.is_known()).map_or_else(String::new, why_unknown)
        }
        Value::Map(fields) | Value::Variant(_, fields) => {
            fields.values().find(|value| !value.is_known()).map_or_else(String::new, why_unknown)
        }
        _ => "is not known".to_owned(),
    }
}

/// A value as text with its secrets in it, only ever fingerprinted.
pub(super) fn revealed(value: &Value, out: &mut String) {
    use std::fmt::Write as _;
    // Every part is preceded by its length or closed, so that no two values have the same text.
    let mut text = |tag: char, text: &str| {
        let _ = write!(out, "{tag}{}:{text}", text.len());
    };
    match value {
        Value::Secret(secret) => text('s', secret.reveal()),
        Value::String(plain) => text('t', plain),
        Value::List(items) => {
            out.push('[');
            items.iter().for_each(|item| revealed(item, out));
            out.push(']');
        }
        Value::Map(fields) | Value::Variant(_, fields) => {
            if let Value::Variant(name, _) = value {
                text('v', name);
            }
            out.push('{');
            for (name, value) in fields {
                let _ = write!(out, "{}:{name}", name.len());
                revealed(value, out);
            }
            out.push('}');
        }
        Value::Range(from, to) => {
            revealed(from, out);
            out.push('.');
            revealed(to, out);
        }
        Value::Deferred(deferred) => match deferred.as_ref() {
            Deferred::Output(node, output) => text('o', &format!("{node} {output}")),
            Deferred::Apply(op, args) => {
                text('a', op);
                args.iter().for_each(|arg| revealed(arg, out));
                out.push(';');
            }
        },
        other => text('x', &eval::show(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_ids_fit_into_tags() {
        assert_eq!(tag_value("db[\"a\"]"), "db/a");
        assert_eq!(tag_value("backend.allow[tcp 3306 from web]"), "backend.allow/tcp 3306 from web");
        assert_eq!(tag_value("b.allow[all,3 ()]"), "b.allow/all_3 __");
    }

    #[test]
    fn unlike_values_have_unlike_texts() {
        let text = |value: &Value| {
            let mut out = String::new();
            revealed(value, &mut out);
            out
        };
        let pair = |a: &str, b: &str| Value::List(vec![a.into(), b.into()]);
        assert_ne!(text(&pair("a", "bc")), text(&pair("ab", "c")));
        assert_ne!(text(&"1".into()), text(&Value::Int(1)));
    }
}
