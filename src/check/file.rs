//! One file: its names, its declarations, and the rules about the file as a whole.

use indexmap::IndexMap;
use std::collections::HashMap;
use std::sync::Arc;

use super::actions::pipeline_type;
use super::checker::Checker;
use super::declare;
use super::items::Items;
use super::load::Loaded;
use super::module::{Module, Stage, Symbol, What, use_name};
use super::rules::rules;
use crate::base::Span;
use crate::diag::{Diagnostic, Severity};
use crate::schema::{Attribute, OnChange, Schema, Type, named_types};
use crate::syntax::ast::{self, File, Ident, ItemKind, UseSource};

/// A file to check.
pub(super) struct Input<'a> {
    pub(super) file: &'a Loaded,
    /// The modules that it uses, by the place of the source of each `use`.
    pub(super) used: HashMap<Span, Arc<Module>>,
    /// Whether it is the file that was asked for, rather than one that it uses.
    pub(super) root: bool,
}

/// Checks a file.
pub(super) fn check_file(input: Input<'_>, schema: &Schema, out: &mut Vec<Diagnostic>) -> Module {
    let Input { file, used, root } = input;
    let before = out.len();
    let ast = Arc::clone(&file.ast);
    let types = declared_types(&ast, schema, out);
    // The stages of a module are a mistake that is told elsewhere.
    let stages = if root { stages(&ast, out) } else { Vec::new() };
    let scope = scope(&ast, &used, schema, &types, &stages, root, out);
    let mut checker = Checker::new(schema, &types, scope, &file.lost);
    let pipeline = pipeline_shape(schema);
    let mut walk = Items { used: &used, outputs: IndexMap::new(), pipeline: &pipeline, rollout: None };
    checker.lets(&ast.items);
    for item in &ast.items {
        checker.item(item, &mut walk, true);
    }
    let outputs = Arc::new(walk.outputs.into_iter().map(|(name, (ty, _))| (name, ty)).collect());
    checker.stages(&ast);
    // What is wrong may be the very place where a name was to be used.
    let wrong = |found: &Diagnostic| found.severity == Severity::Error;
    if file.whole && !checker.out.iter().any(wrong) && !out.iter().skip(before).any(wrong) {
        checker.unused_names();
    }
    checker.circles();
    rules(&ast, root, file, &mut checker.out);
    let Checker { scope, out: found, .. } = checker;
    out.extend(found);
    let uses = uses(&ast, used);
    Module { name: file.name.clone(), folder: file.folder.clone(), ast, types, scope, uses, stages, outputs }
}

/// The modules by the names that they go by.
fn uses(file: &File, used: HashMap<Span, Arc<Module>>) -> IndexMap<String, Arc<Module>> {
    let named = file.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Use(one) => Some((use_name(one)?.value, Arc::clone(used.get(&source_span(&one.source))?))),
        _ => None,
    });
    let mut uses = IndexMap::new();
    for (name, module) in named {
        uses.entry(name).or_insert(module);
    }
    uses
}

/// Where the source of a `use` stands.
pub(super) fn source_span(source: &UseSource) -> Span {
    match source {
        UseSource::File(path) => path.span,
        UseSource::Std(_, span) => *span,
    }
}

fn declared_types(file: &File, schema: &Schema, out: &mut Vec<Diagnostic>) -> IndexMap<String, Type> {
    let mut decls: IndexMap<&str, &ast::TypeDecl> = IndexMap::new();
    for item in &file.items {
        let ItemKind::Type(decl) = &item.kind else { continue };
        if let Some(first) = decls.get(decl.name.value.as_str()) {
            duplicate(&decl.name, first.name.span, "type", out);
            continue;
        }
        decls.insert(&decl.name.value, decl);
    }
    let decls: Vec<_> = decls.into_iter().map(|(name, decl)| (name, &decl.ty)).collect();
    named_types(&decls, Some(&schema.types), false, out)
}

fn duplicate(name: &Ident, first: Span, what: &str, out: &mut Vec<Diagnostic>) {
    out.push(
        Diagnostic::error(
            "duplicate-name",
            name.span,
            format!("the {what} `{}` is declared twice", name.value),
        )
        .label("again here")
        .related(first, "first here")
        .help("choose another name for one of them"),
    );
}

fn stages(file: &File, out: &mut Vec<Diagnostic>) -> Vec<Stage> {
    let mut stages: IndexMap<&str, Stage> = IndexMap::new();
    for item in &file.items {
        let ItemKind::Stage(stage) = &item.kind else { continue };
        let name = &stage.name;
        if let Some(first) = stages.get(name.value.as_str()) {
            duplicate(name, first.span, "stage", out);
            continue;
        }
        let stage = Stage { name: name.value.clone(), production: stage.production, span: name.span };
        stages.insert(&name.value, stage);
    }
    stages.into_values().collect()
}

/// The type of `stage`.
fn stage_type(stages: &[Stage], root: bool, file: &File) -> Type {
    let pipeline = file.items.iter().any(|item| matches!(item.kind, ItemKind::Pipeline(_)));
    match stages {
        [] if root && pipeline => Type::Literal(String::new()),
        [] => Type::string(),
        stages => Type::Union(stages.iter().map(|stage| Type::Literal(stage.name.clone())).collect()),
    }
}

/// Every name of the file. The types of `let`s are found later.
fn scope(
    file: &File,
    used: &HashMap<Span, Arc<Module>>,
    schema: &Schema,
    types: &IndexMap<String, Type>,
    stages: &[Stage],
    root: bool,
    out: &mut Vec<Diagnostic>,
) -> IndexMap<String, Symbol> {
    let given = |ty| Symbol { ty, span: Span::default(), what: What::Given };
    let mut scope = IndexMap::with_capacity(file.items.len() + 2);
    scope.insert("stage".to_owned(), given(stage_type(stages, root, file)));
    scope.insert("pipeline".to_owned(), given(pipeline_type(&schema.types)));
    let mut declared = declare::names(&file.items, out);
    for item in &file.items {
        let ItemKind::Use(one) = &item.kind else { continue };
        let Some(name) = use_name(one) else { continue };
        if let Some(first) = declared.get(name.value.as_str()).map(|one| one.span).or_else(|| {
            let same = scope.get(&name.value).filter(|symbol: &&Symbol| symbol.what == What::Use);
            same.map(|symbol| symbol.span)
        }) {
            out.push(
                Diagnostic::error("duplicate-name", name.span, format!("`{}` is declared twice", name.value))
                    .label("the module is called so here")
                    .related(first, "declared here")
                    .help(format!("give the module another name: `use … as {}_module`", name.value)),
            );
            continue;
        }
        let ty = match used.get(&source_span(&one.source)) {
            Some(module) => Type::Module(Arc::clone(&module.outputs)),
            None => Type::Error,
        };
        if !reserved(&name, out) {
            scope.insert(name.value.clone(), Symbol { ty, span: name.span, what: What::Use });
        }
    }
    for (name, one) in declared.drain(..) {
        if reserved(&Ident::new(name.to_owned(), one.span), out) {
            continue;
        }
        let ty = match one.what {
            What::Resource | What::Existing => match schema.kind(one.kind) {
                Some(kind) => one.wrap(Type::Handle(kind.name.clone())),
                None => Type::Error,
            },
            What::Secret => Type::Secret(Box::new(Type::string())),
            _ => Type::Error,
        };
        scope.insert(name.to_owned(), Symbol { ty, span: one.span, what: one.what });
    }
    for item in &file.items {
        let ItemKind::Param(param) = &item.kind else { continue };
        if let Some(symbol) = scope.get_mut(&param.name.value).filter(|symbol| symbol.span == param.name.span)
        {
            symbol.ty = schema.resolve_type(&param.ty, types, out);
        }
    }
    scope
}

/// Reports the names that every file has already.
fn reserved(name: &Ident, out: &mut Vec<Diagnostic>) -> bool {
    let what = match name.value.as_str() {
        "stage" => "the name of the chosen stage",
        "pipeline" => "the pipeline's name, region and tags",
        _ => return false,
    };
    out.push(
        Diagnostic::error("duplicate-name", name.span, format!("`{}` is taken: it is {what}", name.value))
            .help("choose another name"),
    );
    true
}

/// What `pipeline { … }` takes.
fn pipeline_shape(schema: &Schema) -> IndexMap<String, Attribute> {
    let named = |name: &str| schema.types.get(name).cloned().unwrap_or_else(Type::string);
    let attribute = |name: &str, ty: Type, docs: &str| Attribute {
        name: name.to_owned(),
        ty,
        default: None,
        on_change: OnChange::Fixed,
        write_only: false,
        table: None,
        identity: false,
        docs: docs.to_owned(),
        span: Span::default(),
    };
    let tags = Type::Map(Box::new(named("TagValue"))).optional();
    IndexMap::from([
        ("region".to_owned(), attribute("region", named("Region"), "The AWS region.")),
        ("tags".to_owned(), attribute("tags", tags, "Tags for everything that can carry them.")),
    ])
}

impl<'a> Checker<'a> {
    /// Warns of names that nothing refers to.
    fn unused_names(&mut self) {
        let mut warnings = Vec::new();
        for (name, symbol) in self.unused() {
            let help = match symbol.what {
                What::Param => "use it, or remove it here and in the stages",
                What::Let | What::Secret => "use it or remove it",
                What::Existing => "use it, or remove it: looking it up can fail",
                What::Resource | What::Use | What::Given => continue,
            };
            let message = format!("the {} `{name}` is never used", symbol.what.noun());
            warnings.push(Diagnostic::warning("unused-name", symbol.span, message).help(help));
        }
        self.out.extend(warnings);
    }

    fn circles(&mut self) {
        let mut out = Vec::new();
        let name = |node: usize| self.scope.get_index(node).map(|(name, _)| name.as_str());
        self.graph.circles(&name, &mut out);
        self.out.extend(out);
    }
}
