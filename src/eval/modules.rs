//! Files that use files: instances of modules, their parameters and outputs.
//!
//! An instance is opened when its name is asked for, and nothing in it is evaluated then; its parameters and outputs are,
//! one by one, when they are asked for. So two modules may hand values to each other, as long as no value needs itself.

use std::collections::HashMap;
use std::rc::Rc;

use super::evaluator::{ANY, Cx, Evaluator};
use super::scope::{Frame, Known, Slot, Source};
use super::value::{Attrs, Value};
use crate::base::Span;
use crate::check::Module;
use crate::diag::Diagnostic;
use crate::syntax::ast::{self, ItemKind};

/// How deep modules may use each other.
pub(super) const DEEPEST_MODULE: usize = 32;

/// One use of a module, or the root file.
#[derive(Debug)]
pub(super) struct Instance<'a> {
    pub(super) module: &'a Module,
    /// What the ids of its resources begin with: `net.`.
    pub(super) prefix: String,
    /// The way from the root file's folder to the module's.
    pub(super) folder: String,
    /// The places of the `use`s that lead to it, for the order of its resources.
    pub(super) place: Rc<[u32]>,
    /// The frame of its names.
    pub(super) frame: usize,
    /// The instance that uses it.
    pub(super) parent: Option<usize>,
    outputs: HashMap<&'a str, (&'a ast::Output, Output)>,
}

/// What is known of an output.
#[derive(Debug)]
enum Output {
    /// Nobody has asked yet.
    Waiting,
    /// It is being found out.
    Busy,
    /// It is known.
    Known(Known),
}

impl<'a> Evaluator<'a> {
    /// Opens the root file and whatever it uses: declares all names and finds out what they stand for.
    pub(super) fn open_root(&mut self) {
        // Frame 0 is empty: the defaults of the library are evaluated there.
        self.frames.push(Frame::default());
        self.open(&self.program.root, String::new(), String::new(), Rc::from([]), None);
        self.declare(Self::ROOT, &self.program.root.ast.items);
        let mut at = 0;
        // Finding the names of a file may open further instances.
        while let Some(instance) = self.instances.get(at) {
            let (module, frame) = (instance.module, instance.frame);
            self.settle(frame);
            for name in module.outputs.keys() {
                self.output(at, name, Span::default());
            }
            at += 1;
        }
    }

    /// The frame of the root file's names.
    pub(super) const ROOT: usize = 1;

    /// Opens a file, without finding out anything; gives its instance.
    fn open(
        &mut self,
        module: &'a Module,
        prefix: String,
        folder: String,
        place: Rc<[u32]>,
        parent: Option<usize>,
    ) -> usize {
        let at = self.instances.len();
        let frame = self.frame(None, at, String::new());
        let outputs = module.ast.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Output(output) => Some((output.name.value.as_str(), (output, Output::Waiting))),
            _ => None,
        });
        let outputs = outputs.collect();
        self.instances.push(Instance { module, prefix, folder, place, frame, parent, outputs });
        let stage = self.inputs.stage.clone().unwrap_or_default();
        self.bind(frame, "stage", Some(stage.into()), false);
        self.wait(frame, "pipeline", Source::Pipeline);
        at
    }

    /// Makes an instance of a module; gives its number.
    pub(super) fn instantiate(&mut self, one: &'a ast::Use, name: &'a str, frame: usize) -> Option<usize> {
        let outside = self.frames.get(frame).map_or(0, |frame| frame.instance);
        let parent = self.instances.get(outside)?;
        let module: &'a Module = parent.module.uses.get(name)?;
        let path: Rc<[u32]> = parent.place.iter().copied().chain([place(one).start]).collect();
        let prefix = format!("{}{name}.", parent.prefix);
        if path.len() > DEEPEST_MODULE {
            return self.too_deep(place(one));
        }
        let folder = if module.name.starts_with("std/") {
            String::new()
        } else {
            super::paths::way(&self.program.root.folder, &module.folder)
        };
        let instance = self.open(module, prefix, folder, path, Some(outside));
        let inside = self.instances.get(instance)?.frame;
        for (attribute, at) in self.attributes(&one.body.entries, frame) {
            if let Some(param) = module.params().find(|param| param.name.value == attribute.name.value) {
                self.wait(inside, &param.name.value, Source::Given(param, &attribute.value, at));
            }
        }
        self.declare(inside, &module.ast.items);
        Some(instance)
    }

    /// An output of an instance, asked for at a place.
    pub(super) fn output(&mut self, instance: usize, name: &str, span: Span) -> Option<Value> {
        let one = self.instances.get_mut(instance)?;
        let (module, frame) = (one.module, one.frame);
        let (output, state) = one.outputs.get_mut(name)?;
        let output = *output;
        match state {
            Output::Waiting => *state = Output::Busy,
            Output::Known(known) => {
                let (value, size) = (known.value.clone(), known.size);
                return value.filter(|_| self.spend(size, span));
            }
            Output::Busy => {
                return self.wrong(
                    Diagnostic::error("dependency-cycle", span, format!("the output `{name}` needs itself"))
                        .label("asked for here")
                        .related(output.name.span, "declared here")
                        .help("do not hand it to the module that it comes from"),
                );
            }
        }
        let declared = module.outputs.get(name).filter(|_| output.ty.is_some());
        let cx = Cx { frame, about: &output.name.value };
        let value = self.value(&output.value, declared.unwrap_or(&ANY), cx);
        let value = value.and_then(|value| self.bounded(value, output.value.span));
        if let Some((_, state)) = self.instances.get_mut(instance).and_then(|one| one.outputs.get_mut(name)) {
            *state = Output::Known(Known::new(value.clone(), true));
        }
        value
    }

    /// The outputs of the root file, in order. One without a value is left out.
    pub(super) fn root_outputs(&mut self) -> Attrs {
        let module = &*self.program.root;
        let value = |name: &String| Some((name.clone(), self.output(0, name, Span::default())?));
        module.outputs.keys().filter_map(value).collect()
    }

    /// The instance that a name stands for.
    pub(super) fn instance_of(&mut self, name: &str, frame: usize) -> Option<usize> {
        let holder = self.holder(frame, name)?;
        match self.frames.get(holder)?.names.get(name)? {
            Slot::Instance(instance) => Some(*instance),
            _ => None,
        }
    }
}

/// The place of a `use`.
pub(super) fn place(one: &ast::Use) -> Span {
    match &one.source {
        ast::UseSource::File(path) => path.span,
        ast::UseSource::Std(_, span) => *span,
    }
}
