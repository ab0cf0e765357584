//! What comes from outside the resources: the stage, parameters, secrets, and what `pipeline { … }` says.

use indexmap::IndexMap;

use super::evaluator::{Cx, Evaluator};
use super::names::Naming;
use super::value::{Attrs, Value};
use crate::base::{Span, closest, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::{Format, Type};
use crate::syntax::ast::{self, Entry, ItemKind};

/// What `pipeline { … }` says.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// The region; empty when it has no value.
    pub(super) region: String,
    pub(super) tags: IndexMap<String, String>,
}

impl<'a> Evaluator<'a> {
    /// Checks the stage and the names of `--set`. Gives whether the evaluation can go on.
    pub(super) fn check_inputs(&mut self) -> bool {
        let root = &*self.program.root;
        let strict = !self.checking();
        let top = self.top();
        let names = || root.stages.iter().map(|stage| stage.name.as_str());
        let wrong = match &self.inputs.stage {
            Some(chosen) if root.stages.is_empty() => Some(
                Diagnostic::error("unknown-stage", top, format!("there is no stage `{chosen}`"))
                    .label("this file declares no stages")
                    .help(format!("leave `--stage` out, or add `stage {chosen} {{ … }}`")),
            ),
            Some(chosen) if !names().any(|name| name == chosen) => {
                let span = root.stages.first().map_or(top, |stage| stage.span);
                let finding =
                    Diagnostic::error("unknown-stage", span, format!("there is no stage `{chosen}`"));
                Some(match closest(chosen, names()) {
                    Some(near) => finding.help(format!("did you mean `--stage {near}`?")),
                    None => finding.help(format!("stages are {}", sentence_list(names(), "and"))),
                })
            }
            None if strict && !root.stages.is_empty() => {
                let span = root.stages.first().map_or(top, |stage| stage.span);
                Some(
                    Diagnostic::error("missing-stage", span, "no stage is chosen")
                        .label("this file has stages")
                        .help(format!("choose with `--stage` {}", sentence_list(names(), "or"))),
                )
            }
            _ => None,
        };
        let stage_is_right = wrong.is_none();
        wrong.into_iter().for_each(|finding| self.report(finding));
        for (name, text) in &self.inputs.set {
            if root.params().any(|param| param.name.value == *name) {
                continue;
            }
            let params = || root.params().map(|param| param.name.value.as_str());
            let span = root.params().next().map_or(top, |param| param.name.span);
            let message = format!("`--set {name}={text}`: there is no parameter `{name}`");
            let finding = Diagnostic::error("unknown-parameter", span, message);
            self.report(match closest(name, params()) {
                Some(near) => finding.help(format!("did you mean `--set {near}=…`?")),
                None if params().next().is_none() => finding.help("this file has no parameters"),
                None => finding.help(format!("parameters are {}", sentence_list(params(), "and"))),
            });
        }
        if strict && self.pipeline_item().is_none() {
            self.report(
                Diagnostic::error("missing-pipeline", top, "this file has no `pipeline`")
                    .label("it can be used by other files, not run")
                    .help("add `pipeline NAME { region = \"us-east-1\" }`"),
            );
            return false;
        }
        stage_is_right
    }

    /// Whether this is for `check`, where what only a run gives may be unknown.
    pub(super) fn checking(&self) -> bool {
        matches!(self.inputs.secrets, super::Secrets::Unread)
    }

    /// The place for what has no place in the file: the pipeline's name, or the first item.
    pub(super) fn top(&self) -> Span {
        let first = self.program.root.ast.items.first();
        self.pipeline_item()
            .map(|pipeline| pipeline.name.span)
            .or(first.map(|item| item.span))
            .unwrap_or_default()
    }

    pub(super) fn pipeline_item(&self) -> Option<&'a ast::Pipeline> {
        self.program.root.ast.items.iter().find_map(|item| match &item.kind {
            ItemKind::Pipeline(pipeline) => Some(pipeline),
            _ => None,
        })
    }

    /// The value of a parameter that no `use` gives: `--set`, the stage, the default.
    pub(super) fn param(&mut self, param: &'a ast::Param, ty: &'a Type, cx: Cx<'a>) -> Option<Value> {
        if cx.frame == Self::ROOT {
            let prepared = self.prepared;
            let name = &param.name.value;
            if let (Some(text), Some(expr)) = (self.inputs.set.get(name), prepared.set.get(name)) {
                return match self.set_value(text, expr.as_ref(), ty, name) {
                    Ok(value) => Some(value),
                    Err(flaw) => self.set_flawed(flaw, param, text, ty),
                };
            }
            if let Some(value) = self.stage_value(self.inputs.stage.as_deref(), name) {
                return self.value(value, ty, cx);
            }
        }
        match &param.default {
            Some(default) => self.value(default, ty, cx),
            None if matches!(ty, Type::Optional(_)) => Some(Value::None),
            None => self.missing_param(param, ty, cx),
        }
    }

    /// Where the value of such a parameter is written.
    pub(super) fn param_place(&self, param: &'a ast::Param, frame: usize) -> Option<Span> {
        let name = &param.name.value;
        let root = frame == Self::ROOT;
        if root && self.inputs.set.contains_key(name) {
            return Some(param.name.span);
        }
        let stage = self.stage_value(self.inputs.stage.as_deref(), name).filter(|_| root);
        stage.or(param.default.as_ref()).map(|value| value.span)
    }

    fn missing_param(&mut self, param: &'a ast::Param, ty: &Type, cx: Cx<'a>) -> Option<Value> {
        let name = &param.name.value;
        let stages = &self.program.root.stages;
        let given = stages.iter().find_map(|stage| self.stage_value(Some(&stage.name), name));
        let stage = self.inputs.stage.as_deref();
        // In `check`, `--set` may still give what no stage gives.
        let forgotten = given.is_some() && stage.is_some();
        if cx.frame != Self::ROOT || (self.checking() && !forgotten) {
            return self.without_value();
        }
        let finding =
            Diagnostic::error("missing-parameter", param.name.span, format!("`{name}` has no value"))
                .label(format!("a `{ty}`"));
        let finding = match given {
            Some(other) => finding.related(other.span, "another stage gives it"),
            None => finding,
        };
        self.wrong(finding.help(match stage {
            Some(stage) => format!("add `{name} = …` to `stage {stage}`, or give `--set {name}=…`"),
            None => format!("give `--set {name}=…`, or add `= …` as its default"),
        }))
    }

    /// What a stage says about a parameter.
    fn stage_value(&self, stage: Option<&str>, name: &str) -> Option<&'a ast::Expr> {
        let body = self.program.root.ast.items.iter().find_map(|item| match &item.kind {
            ItemKind::Stage(one) if Some(one.name.value.as_str()) == stage => Some(&one.body),
            _ => None,
        })?;
        body.entries.iter().find_map(|entry| match entry {
            Entry::Attribute(one) if one.name.value == name => Some(&one.value),
            _ => None,
        })
    }

    /// What `pipeline` is in expressions.
    pub(super) fn pipeline_record(&mut self, frame: usize) -> Option<Value> {
        let Some(pipeline) = self.pipeline_item() else { return self.without_value() };
        if frame != Self::ROOT {
            // A module sees the pipeline of the file that is run.
            return match self.lookup(Self::ROOT, "pipeline", pipeline.name.span) {
                super::scope::Found::Value(value) => Some(value),
                _ => None,
            };
        }
        let (mut region, mut tags) = (None, Some(Attrs::new()));
        let prepared = self.prepared;
        for (attribute, frame) in self.attributes(&pipeline.body.entries, frame) {
            let cx = Cx { frame, about: &attribute.name.value };
            match attribute.name.value.as_str() {
                "region" => region = self.value(&attribute.value, &prepared.region, cx),
                "tags" => {
                    tags = match self.value(&attribute.value, &prepared.tags, cx) {
                        Some(Value::Map(tags)) => Some(tags),
                        Some(Value::None) => Some(Attrs::new()),
                        _ => None,
                    };
                    for key in tags.iter().flat_map(Attrs::keys) {
                        self.tag_key(key, Some(&attribute.value), attribute.value.span);
                    }
                }
                _ => {}
            }
        }
        let region = region?;
        let (Some(place), Some(tags)) = (region.as_str(), tags) else {
            let message = "what `pipeline` says must be known before the run";
            return self.wrong(Diagnostic::error("not-known-yet", pipeline.name.span, message));
        };
        let texts = tags.iter().map(|(key, tag)| Some((key.clone(), tag.as_str()?.to_owned())));
        let Some(texts) = texts.collect::<Option<IndexMap<_, _>>>() else {
            let message = "the tags of a pipeline must be known before the run";
            return self.wrong(Diagnostic::error("not-known-yet", pipeline.name.span, message));
        };
        self.settings = Settings { region: place.to_owned(), tags: texts };
        Some(Value::Map(Attrs::from_iter([
            ("name".to_owned(), pipeline.name.value.as_str().into()),
            ("region".to_owned(), region),
            ("tags".to_owned(), Value::Map(tags)),
        ])))
    }

    /// Sets what physical names are made of.
    pub(super) fn set_naming(&mut self) {
        let pipeline = self.pipeline_item().map_or_else(String::new, |pipeline| pipeline.name.value.clone());
        self.naming = Naming { pipeline, stage: self.inputs.stage.clone() };
    }

    /// The domain of the site that a file makes: the first parameter that is one, of the file or of those that use it.
    pub(super) fn domain(&self, frame: usize) -> Option<String> {
        let mut at = self.frames.get(frame).map(|frame| frame.instance);
        while let Some(instance) = at.and_then(|at| self.instances.get(at)) {
            let is_domain = |name: &str| {
                let ty = instance.module.param_type(name);
                matches!(ty, Some(Type::Scalar(scalar)) if scalar.refinement.format == Some(Format::Domain))
            };
            let mut params = instance.module.params().map(|param| param.name.value.as_str());
            if let Some(param) = params.find(|name| is_domain(name)) {
                return Some(self.known(instance.frame, param)?.value.as_ref()?.as_str()?.to_owned());
            }
            at = instance.parent;
        }
        None
    }
}
