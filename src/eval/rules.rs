//! Rules on whole resources: what `require` and `warn` say, tags, names that meet, resources that wait for each other.

use indexmap::IndexMap;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use super::body::{Record, Shape};
use super::evaluate::Secrets;
use super::evaluator::{ANY, Cx, Evaluator};
use super::manifest::Node;
use super::ops::{is_secret, opened, resolve};
use super::show::show;
use super::template::Template;
use super::value::{Attrs, Deferred, NodeId, Value};
use crate::base::{Span, order};
use crate::check::walk;
use crate::diag::Diagnostic;
use crate::schema::Kind;
use crate::syntax::ast::{Entry, Expr, ExprKind, Require};

/// Tags that AWS allows on a resource. Source: AWS General Reference, "Tagging AWS resources".
const MOST_TAGS: usize = 50;
/// Those that vpipe sets: pipeline, stage, node.
const OWN_TAGS: usize = 3;
/// Those that Beanstalk sets on an environment: its name, its id, `Name`. Source: Elastic Beanstalk developer guide.
const BEANSTALK_TAGS: usize = 3;

/// A rule that looks at what another resource says of itself: it is proved once all resources are made.
pub(super) struct Following<'a> {
    /// The condition, the words and the help, which wait for what the other resource says.
    condition: Value,
    message: Option<Value>,
    help: Option<Value>,
    /// What is told where the condition does not hold, but for the words.
    finding: Diagnostic,
    /// The kind or block whose rule it is.
    shape: &'a str,
}

impl<'a> Evaluator<'a> {
    /// Proves the rules of a kind or block on its attributes. A rule whose values are not all known is left for later.
    pub(super) fn requires(
        &mut self,
        shape: Shape<'a>,
        template: &Template<'a>,
        record: &Record<'a>,
        span: Span,
        frame: usize,
    ) {
        if template.rules.is_empty() {
            return;
        }
        // Only attributes can be seen, and words.
        let instance = self.frames.get(frame).map_or(0, |frame| frame.instance);
        let inside = self.frame(Some(0), instance, String::new());
        if let Some(inside) = self.frames.get_mut(inside) {
            inside.types = Some(Rc::clone(&template.types));
        }
        self.show_rules(inside, template.mentioned.iter().copied(), record);
        let outer = self.rule_of.replace(span);
        for (rule, names) in &template.rules {
            if names.iter().all(|name| self.known(inside, name).is_some()) {
                self.require(rule, names, shape, record, span, Cx { frame: inside, about: "" });
            }
        }
        self.rule_of = outer;
        self.forget(inside);
    }

    /// Lets rules see attributes.
    fn show_rules(&mut self, frame: usize, names: impl Iterator<Item = &'a str>, record: &Record<'a>) {
        for name in names {
            if let Some(value) = record.attrs.get(name) {
                self.bind(frame, name, Some(self.judged(value)), true);
            }
        }
    }

    /// What a rule's condition sees of an attribute: of secrets that were read their texts, since it says only yes or no.
    fn judged(&self, value: &Value) -> Value {
        let unread = matches!(self.inputs.secrets, Secrets::Unread) || !self.unread.is_empty();
        match unread || !is_secret(value) {
            true => value.clone(),
            false => opened(value, &mut Vec::new()),
        }
    }

    fn require(
        &mut self,
        rule: &'a Require,
        names: &[&'a str],
        shape: Shape<'a>,
        record: &Record<'a>,
        span: Span,
        cx: Cx<'a>,
    ) {
        let (refs, unknown) = (self.refs.len(), self.unknown);
        let holds = self.quietly(|this| this.value(&rule.condition, &ANY, cx));
        match holds {
            Some(Value::Bool(false)) => {
                let (message, help) = self.words(rule, names, record, cx);
                let finding = broken(rule, names, record, span);
                self.report(worded(finding, message, help, shape.name));
            }
            Some(condition @ Value::Deferred(_)) if follows(&rule.condition, record) => {
                let (message, help) = self.words(rule, names, record, cx);
                let finding = broken(rule, names, record, span);
                self.following.push(Following { condition, message, help, finding, shape: shape.name });
            }
            _ => {}
        }
        self.refs.truncate(refs);
        self.unknown = unknown;
    }

    /// What a rule says where it is broken, and what to type. It is shown to people, so secrets are sealed for it.
    fn words(
        &mut self,
        rule: &'a Require,
        names: &[&'a str],
        record: &Record<'a>,
        cx: Cx<'a>,
    ) -> (Option<Value>, Option<Value>) {
        for name in names {
            if let Some(value) = record.attrs.get(*name) {
                self.bind(cx.frame, name, Some(value.clone()), true);
            }
        }
        let message = self.quietly(|this| this.value(&rule.message, &ANY, cx));
        let help = rule.help.as_ref().and_then(|help| self.quietly(|this| this.value(help, &ANY, cx)));
        self.show_rules(cx.frame, names.iter().copied(), record);
        (message, help)
    }

    /// Proves the rules that look at what other resources say of themselves, all of which are there now.
    pub(super) fn follow(&mut self) {
        for rule in std::mem::take(&mut self.following) {
            let says = |value: &Value| resolve(value, &|node, name| self.said(node, name));
            if says(&rule.condition) != Value::Bool(false) {
                continue;
            }
            let (message, help) = (rule.message.as_ref().map(says), rule.help.as_ref().map(says));
            let mut finding = worded(rule.finding, message, help, rule.shape);
            outputs_in(&rule.condition, &mut |id, name| {
                if let (Some(node), Some(value)) = (self.nodes.get(id), self.said(id, name)) {
                    let label = format!("`{name}` is {}", quoted(&value));
                    if finding.related.iter().all(|one| one.span != node.span) {
                        finding = finding.clone().related(node.span, label);
                    }
                }
            });
            self.report(finding);
        }
    }

    /// What a resource says of itself in the file, by the name of an output that is an attribute as well.
    fn said(&self, node: &str, name: &str) -> Option<Value> {
        let value = self.nodes.get(node)?.attrs.get(name)?;
        (value.is_known() && *value != Value::None).then(|| value.clone())
    }

    /// The rules of tags.
    pub(super) fn tag_rules(&mut self, kind: &str, tags: &Attrs, record: &Record<'a>) {
        let place = record.place("tags");
        let Some(whole) = place.map(|place| place.span) else { return };
        for key in tags.keys() {
            self.tag_key(key, place.and_then(|place| place.values.first()), whole);
        }
        let shared = self.settings.tags.keys().filter(|key| !tags.contains_key(*key)).count();
        let own = OWN_TAGS + if kind == "environment" { BEANSTALK_TAGS } else { 0 };
        let most = MOST_TAGS - own;
        if tags.len() + shared > most {
            self.report(
                Diagnostic::error(
                    "too-many-tags",
                    whole,
                    format!("{} tags are too many", tags.len() + shared),
                )
                .label(format!("at most {most}, those of the pipeline included"))
                .help(format!("AWS allows {MOST_TAGS}, and {own} are set for you")),
            );
        }
    }

    /// The rules of a tag's key. Source: AWS General Reference, "Tagging AWS resources".
    pub(super) fn tag_key(&mut self, key: &str, tags: Option<&'a Expr>, whole: Span) {
        let span = match tags.map(|tags| &tags.kind) {
            Some(ExprKind::Record(body)) => body.entries.iter().find_map(|entry| match entry {
                Entry::Attribute(one) if one.name.value == *key => Some(one.name.span),
                _ => None,
            }),
            _ => None,
        };
        let span = span.unwrap_or(whole);
        let length = key.chars().count();
        if !(1..=128).contains(&length) {
            self.report(
                Diagnostic::error(
                    "invalid-tag",
                    span,
                    format!("a tag's key has 1 to 128 characters, not {length}"),
                )
                .help("choose a shorter key"),
            );
        }
        let taken = ["aws:", "elasticbeanstalk:", "vpipe:"];
        if let Some(prefix) = taken.iter().find(|prefix| key.to_lowercase().starts_with(**prefix)) {
            self.report(
                Diagnostic::error(
                    "invalid-tag",
                    span,
                    format!("tags that begin with `{prefix}` are not yours to set"),
                )
                .label("taken")
                .help("choose another key"),
            );
        }
    }

    /// Resources of one kind that would have the same physical name. AWS does not tell upper from lower case in many of
    /// them.
    pub(super) fn name_clashes(&mut self) {
        let mut seen: HashMap<(&str, Cow<str>, Option<&NodeId>), usize> =
            HashMap::with_capacity(self.nodes.len());
        let mut clashes = Vec::new();
        for (at, (node, trace)) in self.nodes.values().zip(&self.traces).enumerate() {
            if node.existing || node.kind.contains('.') {
                continue;
            }
            let name = match node.name.contains(char::is_uppercase) {
                true => Cow::Owned(node.name.to_lowercase()),
                false => Cow::Borrowed(node.name.as_str()),
            };
            if let Some(first) = seen.insert((&node.kind, name, trace.network.as_ref()), at) {
                clashes.push((first, at));
            }
        }
        for (first, second) in clashes {
            let (Some((_, first)), Some((_, second))) =
                (self.nodes.get_index(first), self.nodes.get_index(second))
            else {
                continue;
            };
            let identity = self.program.schema.kind(&second.kind).and_then(identity);
            let finding = Diagnostic::error(
                "duplicate-physical-name",
                name_place(second),
                format!("`{}` and `{}` are both called `{}`", first.id, second.id, second.name),
            )
            .label(format!(
                "this {} is called `{}`",
                title(self.program.schema.kind(&second.kind)),
                second.name
            ))
            .related(name_place(first), "and so is this one")
            .help(match identity {
                Some(attribute) => format!("give one of them another `{attribute}`"),
                None => "rename one of them".to_owned(),
            });
            self.report(finding);
        }
    }

    /// Resources that wait for each other.
    pub(super) fn cycles(&mut self) {
        let needs: IndexMap<&str, Vec<&str>> = self
            .nodes
            .iter()
            .map(|(id, node)| (id.as_str(), node.depends_on.iter().map(String::as_str).collect()))
            .collect();
        let Some(circle) = order(&needs).circle else { return };
        let mut places: Vec<(String, String, Span)> = Vec::new();
        for pair in circle.windows(2) {
            let [from, to] = pair else { continue };
            let trace = self.nodes.get_index_of(*from).and_then(|at| self.traces.get(at));
            let span = trace.and_then(|trace| trace.refs.iter().find(|(node, _)| node == to));
            let span = span.map(|(_, span)| *span);
            let span = span.or_else(|| self.nodes.get(*from).map(|node| node.span)).unwrap_or_default();
            places.push(((*from).to_owned(), (*to).to_owned(), span));
        }
        let path = circle.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" → ");
        let mut places = places.into_iter();
        let Some((from, to, span)) = places.next() else { return };
        let finding = if from == to {
            Diagnostic::error("dependency-cycle", span, format!("`{from}` needs itself"))
                .label("known only once it exists")
                .help("take this reference out")
        } else {
            let finding = Diagnostic::error(
                "dependency-cycle",
                span,
                format!("these resources wait for each other: {path}"),
            )
            .label(format!("`{from}` needs `{to}`"))
            .help("take one of these references out");
            places.fold(finding, |finding, (from, to, span)| {
                finding.related(span, format!("`{from}` needs `{to}`"))
            })
        };
        self.report(finding);
    }
}

/// Whether a condition looks at what a resource says that an attribute refers to: `group.family`.
fn follows(condition: &Expr, record: &Record<'_>) -> bool {
    let mut found = false;
    walk::expr(condition, &mut |expr| {
        if let ExprKind::Member(inner, _) = &expr.kind
            && let ExprKind::Name(name) = &inner.kind
        {
            found |= matches!(record.attrs.get(name), Some(Value::Handle(_)));
        }
    });
    found
}

/// What is told of a broken rule, but for its words: the first attribute that it mentions is underlined, the others are
/// labelled.
fn broken(rule: &Require, names: &[&str], record: &Record<'_>, span: Span) -> Diagnostic {
    let mut written = names.iter().filter_map(|name| record.place(name));
    let says = |name: &str| match record.attrs.get(name) {
        Some(value) if !matches!(value, Value::List(_) | Value::Map(_)) => {
            format!("`{name}` is {}", quoted(value))
        }
        _ => format!("`{name}`"),
    };
    let main = written.next();
    let place = main.map_or(span, |place| place.span);
    let mut finding = match rule.warning {
        true => Diagnostic::warning("rule-violated", place, ""),
        false => Diagnostic::error("rule-violated", place, ""),
    };
    if let Some(main) = main {
        finding = finding.label(says(main.name));
    }
    for other in written.filter(|other| other.span != place) {
        finding = finding.related(other.span, says(other.name));
    }
    finding
}

/// A finding with the words of its rule.
fn worded(finding: Diagnostic, message: Option<Value>, help: Option<Value>, shape: &str) -> Diagnostic {
    let text = |value| match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let message = text(message).unwrap_or_else(|| format!("a rule of `{shape}` is broken"));
    Diagnostic { help: text(help), ..finding.saying(message) }
}

/// A value as a label shows it: texts in backticks.
fn quoted(value: &Value) -> String {
    match value {
        Value::String(_) | Value::Variant(..) => {
            format!("`{}`", value.as_str().map_or_else(|| show(value), str::to_owned))
        }
        value => show(value),
    }
}

/// The outputs that a value waits for.
fn outputs_in(value: &Value, see: &mut dyn FnMut(&str, &str)) {
    let Value::Deferred(deferred) = value else { return };
    match &**deferred {
        Deferred::Output(node, name) => see(node, name),
        Deferred::Apply(_, args) => args.iter().for_each(|arg| outputs_in(arg, see)),
    }
}

/// Where the name of a resource stands in the file: at the end of its first words.
fn name_place(node: &Node) -> Span {
    let path = node.id.split('[').next().unwrap_or_default();
    let length = path.rsplit('.').next().map_or(0, str::len).min(node.span.len());
    Span::new(node.span.end - length as u32, node.span.end)
}

/// The name of a kind's identity attribute.
pub(super) fn identity(kind: &Kind) -> Option<&str> {
    kind.attributes.values().find(|attribute| attribute.identity).map(|attribute| attribute.name.as_str())
}

fn title(kind: Option<&Kind>) -> &str {
    kind.map_or("resource", |kind| &kind.title)
}
