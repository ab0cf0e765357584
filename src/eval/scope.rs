//! Names: what each stands for, in files, in instances of modules, and in the rounds of loops.
//!
//! A frame holds the names of one file or of one round. Names wait until they are asked for; those of one frame are asked
//! for in the order in which they need each other, so that a long chain of `let`s needs no deep recursion.

use indexmap::IndexMap;
use std::rc::Rc;

use super::evaluator::{ANY, Cx, Evaluator, measure};
use super::prepare::address;
use super::rounds::made_by;
use super::table::Table;
use super::value::{NodeId, Value};
use crate::base::{Span, order};
use crate::check::{use_name, walk};
use crate::diag::Diagnostic;
use crate::schema::Type;
use crate::syntax::ast::{self, Expr, ExprKind, Item, ItemKind};

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
    pub(super) names: Table<'a, Slot<'a>>,
    /// What must be known before each name that waits.
    needs: IndexMap<&'a str, Vec<&'a str>>,
    /// The types of names, where they are known and the file's own scope does not tell.
    pub(super) types: Option<Rc<[(&'a str, &'a Type)]>>,
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
    /// It is a module: the number of its instance.
    Instance(usize),
}

/// The value of a name.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// `None` when it has none.
    pub(super) value: Option<Value>,
    pub(super) size: u64,
    /// Whether paths in it are relative to the root file's folder already.
    pub(super) resolved: bool,
    /// Where the value is written, for names of files.
    pub(super) origin: Option<Span>,
}

/// Where the value of a name comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    Param(&'a ast::Param),
    Secret(&'a ast::Secret),
    Let(&'a ast::Let),
    Use(&'a ast::Use),
    /// A parameter of a module, with the value that a `use` gives it, in the frame of the `use`.
    Given(&'a ast::Param, &'a Expr, usize),
    For(&'a ast::For<Item>),
    If(&'a ast::If<Item>),
    Pipeline,
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
        Known { value, size, resolved, origin: None }
    }
}

impl<'a> Evaluator<'a> {
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

    /// Sets what a name stands for.
    pub(super) fn bind(&mut self, frame: usize, name: &'a str, value: Option<Value>, resolved: bool) {
        if let Some(frame) = self.frames.get_mut(frame) {
            frame.names.insert(name, Slot::Known(Known::new(value, resolved)));
        }
    }

    /// Says where the value of a name will come from.
    pub(super) fn wait(&mut self, frame: usize, name: &'a str, source: Source<'a>) {
        if let Some(frame) = self.frames.get_mut(frame).filter(|frame| !frame.names.contains_key(name)) {
            frame.names.insert(name, Slot::Waiting(source));
        }
    }

    /// Forgets a frame that nothing refers to any more.
    pub(super) fn forget(&mut self, frame: usize) {
        // Frames that were made meanwhile, of files and rounds, stay.
        if self.frames.len() == frame + 1 {
            self.frames.truncate(frame);
        }
    }

    /// Declares items in a frame.
    pub(super) fn declare(&mut self, frame: usize, items: &'a [Item]) {
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
                if let Some(frame) = self.frames.get_mut(frame) {
                    frame.needs.insert(name, needed.clone());
                }
            }
        }
    }

    /// Finds out what all names of a frame stand for.
    pub(super) fn settle(&mut self, frame: usize) {
        let Some(place) = self.frames.get(frame) else { return };
        let mut names: Vec<&'a str> = place.needs.keys().copied().collect();
        if place.outer.is_none() {
            // Whatever else may not ask for it: the root's region and tags are needed.
            names.push("pipeline");
        }
        names.into_iter().for_each(|name| self.find(frame, name));
    }

    /// Finds out what a name of a frame stands for, after the names that it needs in turn.
    fn find(&mut self, frame: usize, name: &'a str) {
        let Some(place) = self.frames.get(frame) else { return };
        let waits = |name: &str| matches!(place.names.get(name), Some(Slot::Waiting(_)));
        if !waits(name) {
            return self.find_one(frame, name);
        }
        let mut needs: IndexMap<&'a str, Vec<&'a str>> = IndexMap::new();
        let mut reached = vec![name];
        while let Some(name) = reached.pop() {
            let needed = place.needs.get(name).map_or(&[][..], Vec::as_slice);
            let needed: Vec<&'a str> = needed.iter().copied().filter(|name| waits(name)).collect();
            if name.is_empty() || needs.contains_key(name) {
                continue;
            }
            reached.extend(&needed);
            needs.insert(name, needed);
        }
        if needs.len() <= 1 {
            return self.find_one(frame, name);
        }
        let names: Vec<&'a str> =
            order(&needs).names.into_iter().filter_map(|name| Some(*needs.get_key_value(name)?.0)).collect();
        names.into_iter().for_each(|name| self.find_one(frame, name));
    }

    fn add_job(&mut self, frame: usize, resource: &'a ast::Resource) {
        if !self.has_room(self.jobs.len(), resource.name.span) {
            return;
        }
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
            if let Some((name, slot)) = frame.names.get_key_value(name) {
                if !matches!(slot, Slot::Known(_)) {
                    self.find(id, name);
                }
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

    fn find_one(&mut self, frame: usize, name: &'a str) {
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
            Source::Given(_, value, _) => value.span,
            Source::Secret(one) => one.name.span,
            Source::Let(one) => one.name.span,
            Source::Use(one) => super::modules::place(one),
            Source::For(one) => one.span,
            Source::If(one) => one.span,
            Source::Pipeline => self.top(),
        };
        self.busy(frame, name, span);
        let cx = Cx { frame, about: name };
        let (value, resolved) = match source {
            Source::For(each) => return self.rounds(frame, each),
            Source::If(branch) => return self.branch(frame, branch),
            Source::Use(one) => {
                let slot = match self.instantiate(one, name, frame) {
                    Some(instance) => Slot::Instance(instance),
                    None => Slot::Known(Known::default()),
                };
                return self.put(frame, name, slot);
            }
            Source::Param(param) => {
                let ty = self.module(frame).param_type(name).unwrap_or(&ANY);
                (self.param(param, ty, cx), holds_path(ty))
            }
            Source::Given(param, value, outside) => {
                let ty = self.module(frame).param_type(name).unwrap_or(&ANY);
                let cx = Cx { frame: outside, about: &param.name.value };
                (self.value(value, ty, cx), holds_path(ty))
            }
            Source::Secret(secret) => (self.secret(secret, cx), false),
            Source::Let(one) => {
                let ty = self.let_type(one, frame);
                let resolved = holds_path(ty) || self.is_resolved(&one.value, frame);
                (self.value(&one.value, ty, cx), resolved)
            }
            Source::Pipeline => (self.pipeline_record(frame), false),
        };
        let value = value.and_then(|value| self.bounded(value, span));
        let origin = match source {
            Source::Param(param) => self.param_place(param, frame),
            Source::Given(_, value, _) => Some(value.span),
            Source::Let(one) => Some(one.value.span),
            Source::Secret(secret) => Some(secret.source.span),
            _ => None,
        };
        self.put(frame, name, Slot::Known(Known { origin, ..Known::new(value, resolved) }));
    }

    /// Marks a name as being found out.
    pub(super) fn busy(&mut self, frame: usize, name: &'a str, span: Span) {
        self.put(frame, name, Slot::Busy(span));
    }

    fn put(&mut self, frame: usize, name: &'a str, slot: Slot<'a>) {
        if let Some(frame) = self.frames.get_mut(frame) {
            frame.names.insert(name, slot);
        }
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
    pub(super) fn bounded(&mut self, value: Value, span: Span) -> Option<Value> {
        let (size, depth) = measure(&value);
        if depth > DEEPEST_VALUE {
            return self.wrong(
                Diagnostic::error("too-large", span, "this value nests too deeply")
                    .label(format!("more than {DEEPEST_VALUE} levels deep"))
                    .help("nest its parts less deeply"),
            );
        }
        if size > LARGEST_VALUE {
            return self.wrong(
                Diagnostic::error("too-large", span, "this value is too large")
                    .help("a value holds at most a million parts, or some 30 MiB of text"),
            );
        }
        self.spend(size, span).then_some(value)
    }

    /// The type of an expression, where a look at its name tells it; else [`ANY`].
    pub(super) fn type_of(&self, expr: &'a Expr, frame: usize) -> &'a Type {
        match &expr.kind {
            ExprKind::Name(name) => {
                let mut at = self.frames.get(frame);
                while let Some(frame) = at {
                    let known = frame.types.iter().flat_map(|types| types.iter());
                    if let Some((_, ty)) = known.into_iter().find(|(known, _)| known == name) {
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
                        // Outputs of modules come as values, not as written here.
                        Some(Slot::Instance(_)) => return true,
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

/// The names that must be known before those that an item declares. Words that are no names do no harm.
fn needed_by<'a>(item: &'a Item, needed: &mut Vec<&'a str>) {
    let mut see = |expr: &'a Expr| {
        if let ExprKind::Name(name) = &expr.kind {
            needed.push(name);
        }
    };
    match &item.kind {
        ItemKind::Param(_) | ItemKind::Secret(_) | ItemKind::Let(_) => {
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
