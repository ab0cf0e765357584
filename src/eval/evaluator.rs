//! What an evaluation carries with it: the program, the findings, the names known so far, and the limits.

use indexmap::{IndexMap, IndexSet};
use std::collections::HashMap;
use std::rc::Rc;

use super::artifacts::Artifacts;
use super::evaluate::Inputs;
use super::inputs::Settings;
use super::known::Doubt;
use super::manifest::Node;
use super::modules::Instance;
use super::names::Naming;
use super::prepare::Prepared;
use super::rules::Following;
use super::scope::{Frame, Job};
use super::secrets::StoredSecret;
use super::template::Template;
use super::value::{NodeId, Value};
use crate::base::Span;
use crate::check::{Module, Program};
use crate::diag::Diagnostic;
use crate::schema::Type;

/// The type of what may be anything.
pub(super) static ANY: Type = Type::Error;

/// How many steps an evaluation may take: one for each expression, more for large values. A thousand resources take some
/// 30,000.
const STEPS: u64 = 10_000_000;

/// What a round of a loop around resources or blocks costs, in steps: the names in it are kept.
pub(super) const ROUND: u64 = 32;

/// How deep expressions may stand in each other.
const DEEPEST: usize = 128;

/// How many findings of one code at one place are told; a `for` would repeat them without end.
const SAME_PLACE: usize = 3;

/// Where an expression is evaluated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cx<'a> {
    /// The innermost names.
    pub(super) frame: usize,
    /// What the value is for, as the user knows it: the attribute's name; may be empty.
    pub(super) about: &'a str,
}

impl<'a> Cx<'a> {
    /// The same place, for another attribute.
    pub(super) fn about(self, about: &'a str) -> Self {
        Cx { about, ..self }
    }
}

/// What an evaluation keeps of each resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// All, for a manifest.
    Values,
    /// What is asked once all are known: names, and what needs what.
    Names,
}

/// What is asked of a node once all are known.
#[derive(Debug)]
pub(super) struct Trace {
    /// What it refers to and where.
    pub(super) refs: Vec<(NodeId, Span)>,
    /// The network that its name belongs to, where names may be the same in different networks.
    pub(super) network: Option<NodeId>,
}

/// The findings of an evaluation.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// In the order in which they were found.
    pub(super) all: Vec<Diagnostic>,
    places: HashMap<(&'static str, Span), usize>,
}

impl Findings {
    fn add(&mut self, finding: Diagnostic) {
        let count = self.places.entry((finding.code, finding.span)).or_default();
        if *count < SAME_PLACE && !(*count > 0 && self.all.contains(&finding)) {
            *count += 1;
            self.all.push(finding);
        }
    }
}

/// One evaluation of a program, for one stage.
///
/// An expression without a value is `None`: either a finding tells why, or what it depends on is `unknown`, such as a
/// parameter that only `--set` will give. Both silence whatever follows.
pub(super) struct Evaluator<'a> {
    pub(super) program: &'a Program,
    pub(super) inputs: &'a Inputs,
    pub(super) prepared: &'a Prepared,
    pub(super) findings: Findings,
    /// Whether something could not be known without being wrong.
    pub(super) unknown: bool,
    pub(super) made_up: Vec<String>,
    pub(super) unread: IndexSet<StoredSecret>,
    pub(super) frames: Vec<Frame<'a>>,
    pub(super) instances: Vec<Instance<'a>>,
    pub(super) jobs: Vec<Job<'a>>,
    pub(super) naming: Naming,
    pub(super) settings: Settings,
    /// What the value that is being made refers to, and where.
    pub(super) refs: Vec<(NodeId, Span)>,
    /// Names of sibling blocks that the resource's values mention: the block's word, the name, the place.
    pub(super) block_refs: Vec<(&'a str, String, Span)>,
    pub(super) nodes: IndexMap<NodeId, Node>,
    /// For each node in order, what else is asked of it.
    pub(super) traces: Vec<Trace>,
    pub(super) keep: Keep,
    /// What the rollout does with files.
    pub(super) artifacts: Artifacts,
    pub(super) regexes: HashMap<&'a str, Option<regex_lite::Regex>>,
    pub(super) defaults: HashMap<usize, Option<Value>>,
    pub(super) templates: HashMap<usize, Rc<Template<'a>>>,
    /// Values that lists do not have, until their place is known.
    pub(super) doubts: Vec<Doubt>,
    pub(super) steps: u64,
    /// Whether it has given up, and told why.
    pub(super) exhausted: bool,
    /// The resource or block whose rules are being proved: what is told of the rules is told there.
    pub(super) rule_of: Option<Span>,
    /// Rules that look at what other resources say of themselves, until all resources are made.
    pub(super) following: Vec<Following<'a>>,
    depth: usize,
    quiet: usize,
}

impl<'a> Evaluator<'a> {
    /// An evaluation that has not begun.
    pub(super) fn new(program: &'a Program, inputs: &'a Inputs, prepared: &'a Prepared, keep: Keep) -> Self {
        Evaluator {
            program,
            inputs,
            prepared,
            findings: Findings::default(),
            unknown: false,
            made_up: Vec::new(),
            unread: IndexSet::new(),
            frames: Vec::new(),
            instances: Vec::new(),
            jobs: Vec::new(),
            naming: Naming::default(),
            settings: Settings::default(),
            refs: Vec::new(),
            block_refs: Vec::new(),
            nodes: IndexMap::new(),
            traces: Vec::new(),
            keep,
            artifacts: Artifacts::default(),
            regexes: HashMap::new(),
            defaults: HashMap::new(),
            templates: HashMap::new(),
            doubts: Vec::new(),
            steps: STEPS,
            exhausted: false,
            rule_of: None,
            following: Vec::new(),
            depth: 0,
            quiet: 0,
        }
    }

    /// Tells a finding.
    pub(super) fn report(&mut self, finding: Diagnostic) {
        if self.quiet == 0 {
            self.findings.add(finding);
        }
    }

    /// Tells an error; gives `None`, as what has no value is.
    pub(super) fn wrong<T>(&mut self, finding: Diagnostic) -> Option<T> {
        self.report(finding);
        None
    }

    /// Marks that something is unknown without being wrong.
    pub(super) fn without_value<T>(&mut self) -> Option<T> {
        self.unknown = true;
        None
    }

    /// Evaluates without telling findings.
    pub(super) fn quietly<T>(&mut self, evaluate: impl FnOnce(&mut Self) -> T) -> T {
        self.quiet += 1;
        let result = evaluate(self);
        self.quiet -= 1;
        result
    }

    /// Takes steps from what is allowed. Says once when nothing is left, and nothing has a value from then on.
    pub(super) fn spend(&mut self, steps: u64, span: Span) -> bool {
        if self.steps >= steps {
            self.steps -= steps;
            return true;
        }
        if !self.exhausted {
            let place = self.rule_of.unwrap_or(span);
            let finding = Diagnostic::error("too-large", place, "this file takes too long to evaluate");
            let help = "loop over fewer elements, and do not double a list or a text again and again";
            self.exhaust(finding.label("the limit was reached here").help(help));
        }
        false
    }

    /// Gives up: tells once why, and nothing has a value from then on.
    pub(super) fn exhaust(&mut self, finding: Diagnostic) {
        self.steps = 0;
        if !std::mem::replace(&mut self.exhausted, true) {
            self.findings.add(finding);
        }
    }

    /// Goes one level deeper, within bounds.
    pub(super) fn deeper<T>(
        &mut self,
        span: Span,
        evaluate: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        if self.depth >= DEEPEST {
            return self.too_deep(span);
        }
        self.depth += 1;
        let value = evaluate(self);
        self.depth -= 1;
        value
    }

    pub(super) fn too_deep<T>(&mut self, span: Span) -> Option<T> {
        self.wrong(
            Diagnostic::error("too-deep", span, "this is nested too deeply")
                .label(format!("more than {DEEPEST} levels deep"))
                .help("give the inner parts names of their own with `let`"),
        )
    }

    /// The module of a frame.
    pub(super) fn module(&self, frame: usize) -> &'a Module {
        let instance = self.frames.get(frame).and_then(|frame| self.instances.get(frame.instance));
        instance.map_or(&*self.program.root, |instance| instance.module)
    }
}

/// How large a value is, in steps, and how deep.
pub(super) fn measure(value: &Value) -> (u64, usize) {
    let text = |text: &str| 1 + text.len() as u64 / 32;
    let all = |values: &mut dyn Iterator<Item = &Value>| {
        values.map(measure).fold((1, 0), |(size, depth), (s, d)| (size + s, depth.max(d + 1)))
    };
    match value {
        Value::String(string) => (text(string), 0),
        Value::List(items) => all(&mut items.iter()),
        Value::Map(fields) | Value::Variant(_, fields) => {
            let keys: u64 = fields.keys().map(|key| text(key)).sum();
            let (size, depth) = all(&mut fields.values());
            (size + keys, depth)
        }
        Value::Range(from, to) => all(&mut [&**from, &**to].into_iter()),
        Value::Deferred(deferred) => match &**deferred {
            super::Deferred::Output(..) => (1, 0),
            super::Deferred::Apply(_, args) => all(&mut args.iter()),
        },
        _ => (1, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_a_size_and_a_depth() {
        assert_eq!(measure(&Value::Int(1)), (1, 0));
        assert_eq!(measure(&vec![vec![1i64, 2], vec![3]].into()), (6, 2));
        assert_eq!(measure(&"x".repeat(320).into()), (11, 0));
    }
}
