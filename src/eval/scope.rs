//! Names: what each stands for, in files, in instances of modules, and in the rounds of loops.
//!
//! A frame holds the names of one file or of one round. Names wait until they are asked for; those of one frame are asked
//! for in the order in which they need each other, so that a long chain of `let`s needs no deep recursion.

use indexmap::IndexMap;
use std::collections::HashMap;
use std::rc::Rc;

use super::evaluator::{ANY, Cx, Evaluator, measure};
use super::prepare::address;
use super::value::{Attrs, NodeId, Value};
use crate::base::{Span, order};
use crate::check::{Module, use_name, walk};
use crate::diag::Diagnostic;
use crate::schema::Type;
use crate::syntax::ast::{self, Expr, ExprKind, Item, ItemKind};

/// How deep modules may use each other.
pub(super) const DEEPEST_MODULE: usize = 32;

/// How deep values may be nested.
const DEEPEST_VALUE: usize = 64;

/// How large one value may be, in steps of [`measure`].
const LARGEST_VALUE: u64 = 1_000_000;

/// The names of one file, or of one round of a loop.
#[derive(Debug, Default)]
pub(super) struct Frame<'a> {
    /// The frame around it.
    pub(super) outer: Option<usize>,
    /// The instance of a module that it belongs to.
    pub(super) instance: usize,
    /// What the rounds around it add to the ids of resources: `["a"][0]`.
    pub(super) keys: String,
    /// What each name stands for.
    pub(super) names: HashMap<&'a str, Slot<'a>>,
    /// The types of names, where they are known and the file's own scope does not tell.
    pub(super) types: Vec<(&'a str, &'a Type)>,
}

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Slot<'a> {
    /// Nobody has asked yet.
    Waiting(Source<'a>),
    /// It is being found out.
    Busy(Span),
    /// It is known.
    Known(Known),
}

/// The value of a name.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// `None` when it has none.
    pub(super) value: Option<Value>,
    size: u64,
    /// Whether paths in it are relative to the root file's folder already.
    pub(super) resolved: bool,
}

/// Where the value of a name comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    Param(&'a ast::Param),
    Secret(&'a ast::Secret),
    Let(&'a ast::Let),
    Use(&'a ast::Use),
    For(&'a ast::For<Item>),
    If(&'a ast::If<Item>),
    Pipeline(Span),
}

/// One use of a module, or the root file.
#[derive(Debug)]
pub(super) struct Instance<'a> {
    pub(super) module: &'a Module,
    /// What the ids of its resources begin with: `net.`.
    pub(super) prefix: String,
    /// The way from the root file's folder to the module's.
    pub(super) folder: String,
    /// The places of the `use`s that lead to it, for the order of its resources.
    place: Rc<[u32]>,
    depth: usize,
}

/// A resource that is to be made.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) id: NodeId,
    pub(super) resource: &'a ast::Resource,
    pub(super) frame: usize,
    instance: usize,
}

/// What a name was found to be.
pub(super) enum Found {
    /// A value, and whether paths in it are resolved.
    Value(Value),
    /// It has no value, and that was told.
    Unknown,
    /// There is no such name.
    Nothing,
}

impl Known {
    pub(super) fn new(value: Option<Value>, resolved: bool) -> Self {
        let size = value.as_ref().map_or(0, |value| measure(value).0);
        Known { value, size, resolved }
    }
}

impl<'a> Evaluator<'a> {
    /// Opens the root file: declares its names and finds out what they stand for.
    pub(super) fn open_root(&mut self) {
        // Frame 0 is empty: the defaults of the library are evaluated there.
        self.frames.push(Frame::default());
        self.instances.push(Instance {
            module: &self.program.root,
            prefix: String::new(),
            folder: String::new(),
            place: Rc::from([]),
            depth: 0,
        });
        let frame = self.frame(None, 0, String::new());
        self.open_file(frame);
        // Whatever else may not ask for it: its region and tags are needed.
        self.find(frame, "pipeline");
    }

    /// The frame of the root file's names.
    pub(super) const ROOT: usize = 1;

    pub(super) fn frame(&mut self, outer: Option<usize>, instance: usize, keys: String) -> usize {
        self.frames.push(Frame { outer, instance, keys, ..Frame::default() });
        self.frames.len() - 1
    }

    /// A frame inside another.
    pub(super) fn inner(&mut self, outer: usize) -> usize {
        let (instance, keys) =
            self.frames.get(outer).map_or((0, String::new()), |frame| (frame.instance, frame.keys.clone()));
        self.frame(Some(outer), instance, keys)
    }

    fn open_file(&mut self, frame: usize) {
        let stage = self.inputs.stage.clone().unwrap_or_default();
        self.bind(frame, "stage", Some(stage.into()), false);
        let items = &self.module(frame).ast.items;
        self.wait(frame, "pipeline", Source::Pipeline(Span::default()));
        self.declare(frame, items);
    }

    /// Sets what a name stands for.
    pub(super) fn bind(&mut self, frame: usize, name: &'a str, value: Option<Value>, resolved: bool) {
        if let Some(frame) = self.frames.get_mut(frame) {
            frame.names.insert(name, Slot::Known(Known::new(value, resolved)));
        }
    }

    fn wait(&mut self, frame: usize, name: &'a str, source: Source<'a>) {
        if let Some(frame) = self.frames.get_mut(frame) {
            frame.names.entry(name).or_insert(Slot::Waiting(source));
        }
    }

    /// Declares items in a frame, and finds out what their names stand for.
    fn declare(&mut self, frame: usize, items: &'a [Item]) {
        let mut needs: IndexMap<&'a str, Vec<&'a str>> = IndexMap::new();
        for item in items {
            let names: Vec<(&'a str, Source<'a>)> = match &item.kind {
                ItemKind::Param(one) => vec![(&one.name.value, Source::Param(one))],
                ItemKind::Secret(one) => vec![(&one.name.value, Source::Secret(one))],
                ItemKind::Let(one) => vec![(&one.name.value, Source::Let(one))],
                ItemKind::Use(one) => {
                    let module = self.module(frame);
                    let name = use_name(one).and_then(|name| module.uses.get_key_value(&name.value));
                    name.map(|(name, _)| (name.as_str(), Source::Use(one))).into_iter().collect()
                }
                ItemKind::Resource(one) => {
                    self.add_job(frame, one);
                    Vec::new()
                }
                ItemKind::For(each) => {
                    let mut names = IndexMap::new();
                    made_by(&each.body, true, &mut names);
                    names.into_keys().map(|name| (name, Source::For(each))).collect()
                }
                ItemKind::If(branch) => {
                    let mut names = IndexMap::new();
                    made_by(&branch.then, false, &mut names);
                    made_by(&branch.otherwise, false, &mut names);
                    names.into_keys().map(|name| (name, Source::If(branch))).collect()
                }
                _ => Vec::new(),
            };
            if names.is_empty() {
                continue;
            }
            let mut needed = Vec::new();
            needed_by(item, &mut needed);
            for (name, source) in names {
                self.wait(frame, name, source);
                needs.insert(name, needed.clone());
            }
        }
        self.wait_for_all(frame, &needs);
    }

    fn wait_for_all(&mut self, frame: usize, needs: &IndexMap<&'a str, Vec<&'a str>>) {
        if needs.is_empty() {
            return;
        }
        for name in order(needs).names {
            // The order's names are those of `needs`, whose lives are longer.
            if let Some((name, _)) = needs.get_key_value(name) {
                self.find(frame, name);
            }
        }
    }

    fn add_job(&mut self, frame: usize, resource: &'a ast::Resource) {
        let Some(place) = self.frames.get(frame) else { return };
        let instance = place.instance;
        let prefix = self.instances.get(instance).map_or("", |instance| &instance.prefix);
        let id = format!("{prefix}{}{}", resource.name.value, place.keys);
        self.bind(frame, &resource.name.value, Some(Value::Handle(id.clone())), false);
        self.jobs.push(Job { id, resource, frame, instance });
    }

    /// Puts the resources into the order in which the files name them.
    pub(super) fn sort_jobs(&mut self) {
        let instances = &self.instances;
        self.jobs.sort_by(|a, b| {
            let place = |job: &Job| {
                let instance = instances.get(job.instance).map(|one| one.place.clone()).unwrap_or_default();
                let mut place = instance.to_vec();
                place.push(job.resource.kind.span.start);
                place
            };
            if a.instance == b.instance {
                a.resource.kind.span.start.cmp(&b.resource.kind.span.start)
            } else {
                place(a).cmp(&place(b))
            }
        });
    }

    /// What a name stands for, seen from a frame.
    pub(super) fn lookup(&mut self, frame: usize, name: &str, span: Span) -> Found {
        let Some(at) = self.holder(frame, name) else { return Found::Nothing };
        let Some(known) = self.known(at, name) else { return Found::Unknown };
        let size = known.size;
        let value = known.value.clone();
        match value {
            Some(value) if self.spend(size, span) => Found::Value(value),
            _ => Found::Unknown,
        }
    }

    /// The frame that holds a name, once it is known what the name stands for.
    pub(super) fn holder(&mut self, frame: usize, name: &str) -> Option<usize> {
        let mut at = Some(frame);
        while let Some(id) = at {
            let frame = self.frames.get(id)?;
            if let Some((name, _)) = frame.names.get_key_value(name) {
                let name: &'a str = name;
                self.find(id, name);
                return Some(id);
            }
            at = frame.outer;
        }
        None
    }

    /// A name that has been looked for in its own frame.
    pub(super) fn known(&self, frame: usize, name: &str) -> Option<&Known> {
        match self.frames.get(frame)?.names.get(name)? {
            Slot::Known(known) => Some(known),
            _ => None,
        }
    }

    /// Finds out what a name of a frame stands for.
    fn find(&mut self, frame: usize, name: &'a str) {
        let source = match self.frames.get(frame).and_then(|frame| frame.names.get(name)) {
            Some(Slot::Waiting(source)) => *source,
            Some(Slot::Busy(span)) => {
                let span = *span;
                self.report(
                    Diagnostic::error("dependency-cycle", span, format!("`{name}` needs itself"))
                        .help("take its own name out of what it is made of"),
                );
                return;
            }
            _ => return,
        };
        let span = match source {
            Source::Param(one) => one.name.span,
            Source::Secret(one) => one.name.span,
            Source::Let(one) => one.name.span,
            Source::Use(one) => one.body.span,
            Source::For(one) => one.span,
            Source::If(one) => one.span,
            Source::Pipeline(span) => span,
        };
        if let Some(slot) = self.frames.get_mut(frame).and_then(|frame| frame.names.get_mut(name)) {
            *slot = Slot::Busy(span);
        }
        let cx = Cx { frame, about: name };
        let (value, resolved) = match source {
            Source::For(each) => return self.rounds(frame, each),
            Source::If(branch) => return self.branch(frame, branch),
            Source::Param(param) => {
                let ty = self.module(frame).param_type(name).unwrap_or(&ANY);
                (self.param(param, ty, cx), holds_path(ty))
            }
            Source::Secret(secret) => (self.secret(secret, cx), false),
            Source::Let(one) => {
                let ty = self.let_type(one, frame);
                let resolved = holds_path(ty) || self.is_resolved(&one.value, frame);
                (self.value(&one.value, ty, cx), resolved)
            }
            Source::Use(one) => (self.instantiate(one, name, frame), true),
            Source::Pipeline(_) => (self.pipeline_record(frame), false),
        };
        let value = value.and_then(|value| self.bounded(value, span));
        self.bind(frame, name, value, resolved);
    }

    fn let_type(&self, one: &'a ast::Let, frame: usize) -> &'a Type {
        if one.ty.is_none() {
            return &ANY;
        }
        let symbol = self.module(frame).scope.get(&one.name.value);
        let own = symbol.filter(|symbol| symbol.span == one.name.span).map(|symbol| &symbol.ty);
        self.prepared.local.get(&address(one)).or(own).unwrap_or(&ANY)
    }

    /// A value that is to be kept, unless it is too large or too deep.
    fn bounded(&mut self, value: Value, span: Span) -> Option<Value> {
        let (size, depth) = measure(&value);
        if depth > DEEPEST_VALUE {
            return self.too_deep(span);
        }
        if size > LARGEST_VALUE {
            return self.wrong(
                Diagnostic::error("too-large", span, "this value is too large")
                    .help("a value holds at most a million parts, or some 30 MiB of text"),
            );
        }
        self.spend(size, span).then_some(value)
    }

    /// Goes through a loop around items, and binds the names that it declares to lists.
    fn rounds(&mut self, frame: usize, each: &'a ast::For<Item>) {
        let mut names = IndexMap::new();
        made_by(&each.body, true, &mut names);
        let mut lists: IndexMap<&'a str, Vec<Value>> = names.keys().map(|name| (*name, Vec::new())).collect();
        let rounds = self.elements(&each.list, Cx { frame, about: "" });
        let resolved = self.is_resolved(&each.list, frame);
        let keys = rounds.as_ref().and_then(|rounds| self.round_keys(rounds, each.list.span));
        let (Some(rounds), Some(keys)) = (rounds, keys) else {
            lists.into_keys().for_each(|name| self.bind(frame, name, None, false));
            return;
        };
        for ((at, value), key) in rounds.into_iter().zip(keys) {
            if !self.spend(8, each.span) {
                break;
            }
            let round = self.inner(frame);
            if let Some(round) = self.frames.get_mut(round) {
                round.keys.push_str(&key);
            }
            self.bind_round(round, each.key.as_ref(), &each.name, at, value, resolved);
            self.declare(round, &each.body);
            for (name, list) in &mut lists {
                match self.known(round, name).and_then(|known| known.value.as_ref()) {
                    Some(Value::List(items)) => list.extend(items.iter().cloned()),
                    Some(Value::None) | None => {}
                    Some(one) => list.push(one.clone()),
                }
            }
        }
        for (name, list) in lists {
            self.bind(frame, name, Some(Value::List(list)), false);
        }
    }

    /// Binds the names of a round.
    pub(super) fn bind_round(
        &mut self,
        frame: usize,
        key: Option<&'a ast::Ident>,
        name: &'a ast::Ident,
        at: Value,
        value: Value,
        resolved: bool,
    ) {
        if let Some(key) = key {
            self.bind(frame, &key.value, Some(at), false);
        }
        self.bind(frame, &name.value, Some(value), resolved);
    }

    /// What each round adds to the ids of resources: the text of the element or key, else its number.
    fn round_keys(&mut self, rounds: &[(Value, Value)], span: Span) -> Option<Vec<String>> {
        // A map is told by its keys, a list of texts by its texts.
        let text = |(at, value): &'_ (Value, Value)| match (at, value) {
            (Value::String(key), _) => Some(key.clone()),
            (_, Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        let Some(texts) = rounds.iter().map(text).collect::<Option<Vec<String>>>() else {
            return Some((0..rounds.len()).map(|at| format!("[{at}]")).collect());
        };
        let mut seen = std::collections::HashSet::new();
        for text in &texts {
            if text.len() > 64 || text.chars().any(char::is_control) {
                let shown: String = text.chars().filter(|c| !c.is_control()).take(32).collect();
                return self.wrong(
                    Diagnostic::error("invalid-key", span, format!("`{shown}…` cannot name a resource"))
                        .help("go through short texts, or through `range(…)`"),
                );
            }
            if !seen.insert(text) {
                return self.wrong(
                    Diagnostic::error("invalid-key", span, format!("`{text}` comes twice"))
                        .label("each round needs a name of its own")
                        .help("go through `distinct(…)` of the list"),
                );
            }
        }
        Some(texts.into_iter().map(|text| format!("[{}]", super::show(&Value::String(text)))).collect())
    }

    /// Takes one branch of an `if` around items.
    fn branch(&mut self, frame: usize, branch: &'a ast::If<Item>) {
        let mut names = IndexMap::new();
        made_by(&branch.then, false, &mut names);
        made_by(&branch.otherwise, false, &mut names);
        let Some(holds) = self.condition(&branch.condition, Cx { frame, about: "" }) else {
            names.into_keys().for_each(|name| self.bind(frame, name, None, false));
            return;
        };
        let inside = self.inner(frame);
        self.declare(inside, if holds { &branch.then } else { &branch.otherwise });
        for (name, in_list) in names {
            let value = match self.frames.get(inside).and_then(|frame| frame.names.get(name)) {
                Some(Slot::Known(known)) => known.value.clone(),
                _ if in_list => Some(Value::List(Vec::new())),
                _ => Some(Value::None),
            };
            self.bind(frame, name, value, false);
        }
    }

    /// Makes an instance of a module; gives its outputs.
    fn instantiate(&mut self, one: &'a ast::Use, name: &'a str, frame: usize) -> Option<Value> {
        let outside = self.frames.get(frame).map_or(0, |frame| frame.instance);
        let parent = self.instances.get(outside)?;
        let module: &'a Module = parent.module.uses.get(name)?;
        let depth = parent.depth + 1;
        let path: Rc<[u32]> = parent.place.iter().copied().chain([place(one).start]).collect();
        let prefix = format!("{}{name}.", parent.prefix);
        if depth > DEEPEST_MODULE {
            return self.too_deep(place(one));
        }
        let folder = if module.name.starts_with("std/") {
            String::new()
        } else {
            super::paths::way(&self.program.root.folder, &module.folder)
        };
        self.instances.push(Instance { module, prefix, folder, place: path, depth });
        let inside = self.frame(None, self.instances.len() - 1, String::new());
        for (attribute, at) in self.attributes(&one.body.entries, frame) {
            let Some(param) = module.params().find(|param| param.name.value == attribute.name.value) else {
                continue;
            };
            let ty = module.param_type(&param.name.value).unwrap_or(&ANY);
            let value = self.value(&attribute.value, ty, Cx { frame: at, about: &param.name.value });
            let value = value.and_then(|value| self.bounded(value, attribute.value.span));
            self.bind(inside, &param.name.value, value, holds_path(ty));
        }
        self.deeper(place(one), |this| {
            this.open_file(inside);
            Some(())
        })?;
        Some(Value::Map(self.outputs(inside)))
    }

    /// The outputs of a file, in order. One without a value is left out.
    pub(super) fn outputs(&mut self, frame: usize) -> Attrs {
        let module = self.module(frame);
        let mut all = Attrs::new();
        for item in &module.ast.items {
            let ItemKind::Output(output) = &item.kind else { continue };
            let declared = module.outputs.get(&output.name.value).filter(|_| output.ty.is_some());
            let cx = Cx { frame, about: &output.name.value };
            let value = self.value(&output.value, declared.unwrap_or(&ANY), cx);
            if let Some(value) = value.and_then(|value| self.bounded(value, output.value.span)) {
                all.insert(output.name.value.clone(), value);
            }
        }
        all
    }

    /// The type of an expression, where a look at its name tells it; else [`ANY`].
    pub(super) fn type_of(&self, expr: &'a Expr, frame: usize) -> &'a Type {
        match &expr.kind {
            ExprKind::Name(name) => {
                let mut at = self.frames.get(frame);
                while let Some(frame) = at {
                    if let Some((_, ty)) = frame.types.iter().find(|(known, _)| known == name) {
                        return ty;
                    }
                    match frame.outer {
                        // A name of a round: nobody wrote down its type.
                        Some(_) if frame.names.contains_key(name.as_str()) => return &ANY,
                        Some(outer) => at = self.frames.get(outer),
                        None => break,
                    }
                }
                self.module(frame).scope.get(name).map_or(&ANY, |symbol| &symbol.ty)
            }
            ExprKind::Member(inner, name) => match self.type_of(inner, frame) {
                Type::Module(outputs) => outputs.get(&name.value).unwrap_or(&ANY),
                ty => ty.record().and_then(|fields| fields.get(&name.value)).map_or(&ANY, |field| &field.ty),
            },
            _ => &ANY,
        }
    }

    /// Whether paths in the value of an expression are relative to the root file's folder already.
    pub(super) fn is_resolved(&self, expr: &Expr, frame: usize) -> bool {
        match &expr.kind {
            ExprKind::Name(name) => {
                let mut at = self.frames.get(frame);
                while let Some(frame) = at {
                    match frame.names.get(name.as_str()) {
                        Some(Slot::Known(known)) => return known.resolved,
                        Some(_) => return false,
                        None => at = frame.outer.and_then(|outer| self.frames.get(outer)),
                    }
                }
                false
            }
            ExprKind::Member(inner, _) | ExprKind::Index(inner, _) => self.is_resolved(inner, frame),
            ExprKind::If(_, yes, no) => self.is_resolved(yes, frame) || self.is_resolved(no, frame),
            ExprKind::Binary(left, _, _) => self.is_resolved(left, frame),
            ExprKind::String(parts) => match parts.first() {
                Some(ast::StringPart::Interpolation(first)) => self.is_resolved(first, frame),
                _ => false,
            },
            ExprKind::Comprehension(each) => self.is_resolved(&each.list, frame),
            _ => false,
        }
    }
}

/// The place of a `use`.
fn place(one: &ast::Use) -> Span {
    match &one.source {
        ast::UseSource::File(path) => path.span,
        ast::UseSource::Std(_, span) => *span,
    }
}

/// Whether values of a type can hold paths.
pub(super) fn holds_path(ty: &Type) -> bool {
    match ty {
        Type::Scalar(scalar) => scalar.base == crate::schema::Base::Path,
        Type::List(inner) | Type::Map(inner) | Type::Optional(inner) => holds_path(inner),
        Type::Record(fields) => fields.values().any(|field| holds_path(&field.ty)),
        Type::Union(members) => members.iter().any(holds_path),
        _ => false,
    }
}

/// The names of the resources that items make, and whether each is, outside, a list.
fn made_by<'a>(items: &'a [Item], in_list: bool, names: &mut IndexMap<&'a str, bool>) {
    for item in items {
        match &item.kind {
            ItemKind::Resource(one) => {
                *names.entry(&one.name.value).or_default() |= in_list;
            }
            ItemKind::For(each) => made_by(&each.body, true, names),
            ItemKind::If(branch) => {
                made_by(&branch.then, in_list, names);
                made_by(&branch.otherwise, in_list, names);
            }
            _ => {}
        }
    }
}

/// The names that must be known before those that an item declares. Words that are no names do no harm.
fn needed_by<'a>(item: &'a Item, needed: &mut Vec<&'a str>) {
    let mut see = |expr: &'a Expr| {
        if let ExprKind::Name(name) = &expr.kind {
            needed.push(name);
        }
    };
    match &item.kind {
        ItemKind::Param(_) | ItemKind::Secret(_) | ItemKind::Let(_) | ItemKind::Use(_) => {
            walk::item(item, &mut see);
        }
        ItemKind::For(each) => {
            walk::expr(&each.list, &mut see);
            each.body.iter().for_each(|item| needed_by(item, needed));
        }
        ItemKind::If(branch) => {
            walk::expr(&branch.condition, &mut see);
            branch.then.iter().chain(&branch.otherwise).for_each(|item| needed_by(item, needed));
        }
        _ => {}
    }
}
