//! One file: its names, its declarations, and the rules about the file as a whole.

use indexmap::IndexMap;
use std::collections::HashMap;
use std::sync::Arc;

use super::actions::pipeline_type;
use super::bodies::{Shape, has_broken, insertion};
use super::checker::{Checker, Local, Want};
use super::declare;
use super::load::Loaded;
use super::module::{Module, Stage, Symbol, What, use_name};
use super::order::in_order;
use crate::base::{Span, closest, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::{Attribute, OnChange, Schema, Type, kind_names, named_types, plain};
use crate::syntax::ast::{self, Body, Entry, ExprKind, File, Ident, Item, ItemKind, UseSource};

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
    let ast = Arc::clone(&file.ast);
    let types = declared_types(&ast, schema, out);
    let stages = stages(&ast, out);
    let scope = scope(&ast, &used, schema, &types, &stages, root, out);
    let mut checker = Checker::new(schema, &types, scope, &file.lost);
    let pipeline = pipeline_shape(schema);
    let mut walk = Items { used: &used, outputs: IndexMap::new(), pipeline: &pipeline, rollout: None };
    checker.lets(&ast.items);
    for item in &ast.items {
        checker.item(item, &mut walk, true);
    }
    let outputs = Arc::new(walk.outputs);
    checker.stages(&ast);
    if file.whole {
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
            format!("{} `{}` is declared twice", declare::with_article(what), name.value),
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
            duplicate(&name, first, "module", out);
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

/// What the walk through the items of a file carries with it.
pub(super) struct Items<'a, 'w> {
    used: &'w HashMap<Span, Arc<Module>>,
    outputs: IndexMap<String, Type>,
    pipeline: &'a IndexMap<String, Attribute>,
    rollout: Option<Span>,
}

impl<'a> Checker<'a> {
    /// Finds the types of the `let`s of a file.
    fn lets(&mut self, items: &'a [Item]) {
        for one in in_order(items) {
            let at = self.scope.get_index_of(&one.name.value);
            let own = self.scope.get(&one.name.value).is_some_and(|symbol| symbol.span == one.name.span);
            let ty = self.as_node(at.filter(|_| own), |checker| checker.let_type(one));
            if let Some(symbol) = self.scope.get_mut(&one.name.value).filter(|_| own) {
                symbol.ty = ty;
            }
        }
    }

    fn let_type(&mut self, one: &'a ast::Let) -> Type {
        let ty = match &one.ty {
            Some(ty) => {
                let mut out = std::mem::take(&mut self.out);
                let ty = self.schema.resolve_type(ty, self.types, &mut out);
                self.out = out;
                self.expect(&one.value, Want::new(&ty, &one.name.value));
                ty
            }
            None => self.infer(&one.value, None),
        };
        if ty.is_too_large() {
            self.report(
                Diagnostic::error("type-too-large", one.value.span, "this value nests too deeply")
                    .help("nest its parts less deeply"),
            );
            return Type::Error;
        }
        if let Type::Module(_) = ty {
            self.report(
                Diagnostic::error("type-mismatch", one.value.span, "a module is no value")
                    .help("name one of its outputs"),
            );
            return Type::Error;
        }
        ty
    }

    fn item(&mut self, item: &'a Item, walk: &mut Items<'a, '_>, top: bool) {
        if !top && let Some(what) = top_level_only(&item.kind) {
            let at = Span::new(item.span.start, item.span.start + what.len() as u32);
            return self.report(
                Diagnostic::error(
                    "misplaced-declaration",
                    at,
                    format!("`{what}` stands at the top level only"),
                )
                .help("move it out of the `if` or `for`"),
            );
        }
        match &item.kind {
            ItemKind::Pipeline(pipeline) => {
                let shape = Shape {
                    owner: "pipeline",
                    attributes: walk.pipeline,
                    common: None,
                    blocks: None,
                    header: &[],
                };
                let node = self.scope.get_index_of("pipeline");
                self.as_node(node, |checker| checker.body(&pipeline.body, shape, &pipeline.name));
            }
            ItemKind::Param(param) => self.param(param),
            ItemKind::Secret(secret) => self.secret(secret),
            ItemKind::Output(output) => self.output_item(output, walk),
            ItemKind::Use(one) => self.use_item(one, walk.used),
            ItemKind::Kind(kind) => self.report(
                Diagnostic::error(
                    "misplaced-declaration",
                    kind.name.span,
                    "kinds are declared only in the library",
                )
                .help("to reuse resources write a module, and read it with `use`"),
            ),
            ItemKind::Resource(resource) => {
                let node = self.scope.get_index_of(&resource.name.value);
                if let (Some(node), Some(around)) = (node, self.node) {
                    self.graph.add(node, around, resource.name.span);
                }
                self.as_node(node, |checker| checker.resource(resource));
            }
            ItemKind::For(each) => self.around(item, |checker| {
                let locals = checker.elements(each.key.as_ref(), &each.name, &each.list);
                checker.with_locals(locals, |checker| checker.inner_items(&each.body, walk));
            }),
            ItemKind::If(branch) => self.around(item, |checker| {
                checker.condition(&branch.condition, "if");
                checker.inner_items(&branch.then, walk);
                checker.inner_items(&branch.otherwise, walk);
            }),
            ItemKind::Rollout(rollout) => {
                if let Some(first) = walk.rollout.replace(item.span) {
                    self.report(
                        Diagnostic::error(
                            "duplicate-rollout",
                            keyword(item.span, "rollout"),
                            "a file has one rollout",
                        )
                        .related(keyword(first, "rollout"), "the first is here")
                        .help("write all steps into one `rollout { … }`"),
                    );
                }
                self.rollout(rollout);
            }
            ItemKind::Let(_) | ItemKind::Stage(_) | ItemKind::Type(_) | ItemKind::Broken => {}
        }
    }

    /// Checks an `if` or `for` around items: what is inside needs what the condition or list needs.
    fn around(&mut self, item: &'a Item, inside: impl FnOnce(&mut Self)) {
        // Numbers beyond the scope's stand for the `if`s and `for`s.
        self.around += 1;
        let node = self.scope.len() + self.around;
        if let Some(outer) = self.node {
            self.graph.add(node, outer, keyword(item.span, "if"));
        }
        self.as_node(Some(node), inside);
    }

    fn inner_items(&mut self, items: &'a [Item], walk: &mut Items<'a, '_>) {
        let names = self.inner_names(items);
        self.with_locals(names, |checker| {
            // Each `let` is declared before its type is known, so that a name of the file is not taken for it.
            let lets = in_order(items);
            let before = checker.locals.len();
            checker.locals.extend(lets.iter().map(|one| Local {
                name: &one.name.value,
                ty: Type::Error,
                span: one.name.span,
                symbol: None,
            }));
            for (n, one) in lets.iter().enumerate() {
                let ty = checker.let_type(one);
                if let Some(local) = checker.locals.get_mut(before + n) {
                    local.ty = ty;
                }
            }
            items.iter().for_each(|item| checker.item(item, walk, false));
            checker.locals.truncate(before);
        });
    }

    fn param(&mut self, param: &'a ast::Param) {
        let Some(default) = &param.default else { return };
        let Some((at, _, symbol)) = self.scope.get_full(&param.name.value) else { return };
        let ty = symbol.ty.clone();
        self.as_node(Some(at), |checker| checker.expect(default, Want::new(&ty, &param.name.value)));
    }

    fn secret(&mut self, secret: &'a ast::Secret) {
        let source = &secret.source;
        let env = match &source.kind {
            ExprKind::Call(name, args) if name.value == "env" => match &args[..] {
                [ast::Arg { name: None, value }] => match &value.kind {
                    ExprKind::String(parts) => plain(parts).map(|text| (text, value.span)),
                    _ => None,
                },
                _ => None,
            },
            ExprKind::Broken => return,
            _ => None,
        };
        let usual = secret.name.value.to_uppercase();
        match env {
            Some((name, _)) if is_variable(&name) => {}
            Some((name, span)) => self.report(
                Diagnostic::error(
                    "invalid-secret",
                    span,
                    format!("`{name}` is no name of an environment variable"),
                )
                .help("write capital letters, digits and underscores, such as `DB_PASSWORD`"),
            ),
            None => {
                self.touch(source);
                self.report(
                    Diagnostic::error(
                        "invalid-secret",
                        source.span,
                        "a secret is read from an environment variable",
                    )
                    .label("whoever reads the file would read it")
                    .help(format!("write `env(\"{usual}\")`")),
                );
            }
        }
    }

    fn output_item(&mut self, output: &'a ast::Output, walk: &mut Items<'a, '_>) {
        let ty = match &output.ty {
            Some(written) => {
                let mut out = std::mem::take(&mut self.out);
                let ty = self.schema.resolve_type(written, self.types, &mut out);
                self.out = out;
                self.expect(&output.value, Want::new(&ty, &output.name.value));
                ty
            }
            None => self.infer(&output.value, None),
        };
        if let Type::Module(_) = ty {
            self.report(
                Diagnostic::error("type-mismatch", output.value.span, "a module is no value")
                    .help("name one of its outputs"),
            );
        }
        let name = &output.name;
        if walk.outputs.insert(name.value.clone(), ty).is_some() {
            self.report(
                Diagnostic::error(
                    "duplicate-name",
                    name.span,
                    format!("the output `{}` is declared twice", name.value),
                )
                .help("choose another name for one of them"),
            );
        }
    }

    fn use_item(&mut self, one: &'a ast::Use, used: &HashMap<Span, Arc<Module>>) {
        let span = source_span(&one.source);
        let Some(module) = used.get(&span) else { return self.touch_body(&one.body) };
        let params: IndexMap<&str, &Type> = module
            .params()
            .filter_map(|param| Some((param.name.value.as_str(), module.param_type(&param.name.value)?)))
            .collect();
        let needed: Vec<&str> = module
            .params()
            .filter(|param| param.default.is_none())
            .map(|param| param.name.value.as_str())
            .collect();
        // Modules may hand values to each other that only come to be in turn, so their values make no circle here.
        self.as_node(None, |checker| {
            let place = Ident::new(use_name(one).map_or_else(String::new, |name| name.value), span);
            checker.values(&one.body, &params, &needed, &place, "the module");
        });
    }

    fn stages(&mut self, file: &'a File) {
        let params: Vec<&ast::Param> = file
            .items
            .iter()
            .filter_map(|item| match &item.kind {
                ItemKind::Param(param) => Some(param),
                _ => None,
            })
            .collect();
        let types: IndexMap<&str, Type> = params
            .iter()
            .filter_map(|param| {
                Some((param.name.value.as_str(), self.scope.get(&param.name.value)?.ty.clone()))
            })
            .collect();
        let types: IndexMap<&str, &Type> = types.iter().map(|(name, ty)| (*name, ty)).collect();
        let needed: Vec<&str> = params
            .iter()
            .filter(|param| {
                param.default.is_none()
                    && !matches!(types.get(param.name.value.as_str()), Some(Type::Optional(_)))
            })
            .map(|param| param.name.value.as_str())
            .collect();
        for item in &file.items {
            let ItemKind::Stage(stage) = &item.kind else { continue };
            self.values(&stage.body, &types, &needed, &stage.name, "the file");
        }
    }

    /// Checks the values for parameters in the body of a stage or `use`.
    fn values(
        &mut self,
        body: &'a Body,
        params: &IndexMap<&str, &Type>,
        needed: &[&str],
        place: &Ident,
        owner: &str,
    ) {
        let mut seen: HashMap<&'a str, Span> = HashMap::new();
        let outer = self.node;
        let stage = owner == "the file";
        for entry in &body.entries {
            match entry {
                Entry::Attribute(attribute) => {
                    let name = &attribute.name;
                    if let Some(first) = seen.insert(&name.value, name.span) {
                        self.given_twice(name, first);
                    }
                    match params.get(name.value.as_str()) {
                        Some(ty) => {
                            let node = if stage { self.scope.get_index_of(&name.value) } else { outer };
                            let want = Want::new(ty, &name.value);
                            self.as_node(node, |checker| checker.expect(&attribute.value, want));
                        }
                        None => {
                            self.touch(&attribute.value);
                            self.unknown_param(name, params, owner);
                        }
                    }
                }
                Entry::Block(block) => {
                    let message =
                        format!("only values of parameters stand here, not a block `{}`", block.name.value);
                    self.report(
                        Diagnostic::error("attribute-expected", block.name.span, message)
                            .help(format!("write `{} = …`", block.name.value)),
                    );
                    block.body.iter().for_each(|body| self.touch_body(body));
                    seen.insert(&block.name.value, block.name.span);
                }
                Entry::For(ast::For { span, .. }) | Entry::If(ast::If { span, .. }) => self.report(
                    Diagnostic::error("misplaced-declaration", *span, "only values of parameters stand here")
                        .help("choose inside a value: `NAME = if … { … } else { … }`"),
                ),
                Entry::Broken(_) => {}
            }
        }
        let whole = !has_broken(&body.entries)
            && !body.entries.iter().any(|entry| matches!(entry, Entry::For(_) | Entry::If(_)));
        let missing: Vec<&str> = needed.iter().copied().filter(|name| !seen.contains_key(name)).collect();
        if whole && !missing.is_empty() {
            let names = sentence_list(missing.iter().copied(), "and");
            let verb = if stage { "stage" } else { "module" };
            let message = format!("the {verb} `{}` gives no value to {names}", place.value);
            let mut diagnostic = Diagnostic::error("missing-parameter", place.span, message);
            let mut lines = Vec::new();
            for name in &missing {
                if stage && let Some(symbol) = self.scope.get(*name) {
                    diagnostic = diagnostic.related(symbol.span, "it has no default");
                }
                let example = params.get(name).map_or("…".to_owned(), |ty| self.example(name, ty));
                lines.push(format!("`{name} = {example}`"));
            }
            self.report(diagnostic.help(format!("add {}", lines.join(" and "))));
        }
    }

    fn unknown_param(&mut self, name: &Ident, params: &IndexMap<&str, &Type>, owner: &str) {
        let message = format!("{owner} has no parameter `{}`", name.value);
        let diagnostic = Diagnostic::error("unknown-parameter", name.span, message);
        let near = self.near(&name.value, params.keys().copied());
        self.report(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                format!("rename to `{near}`"),
                name.span,
                near,
            ),
            None if params.is_empty() => diagnostic.help(match owner {
                "the file" => format!("declare it: `param {}: …`", name.value),
                _ => "it takes none".to_owned(),
            }),
            None => diagnostic.help(format!("it has {}", sentence_list(params.keys().copied(), "and"))),
        });
    }

    fn resource(&mut self, resource: &'a ast::Resource) {
        let schema = self.schema;
        let name = &resource.kind;
        let Some(kind) = schema.kind(&name.value) else {
            self.touch_body(&resource.body);
            let diagnostic =
                Diagnostic::error("unknown-kind", name.span, format!("there is no kind `{}`", name.value));
            let known = || kind_names();
            let near = terraform_name(&name.value).or_else(|| closest(&name.value, known()));
            return self.report(match near {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                    format!("change to `{near}`"),
                    name.span,
                    near,
                ),
                None => diagnostic.help(format!("the kinds are {}", sentence_list(known(), "and"))),
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
            Shape { owner: &kind.name, attributes: &kind.lookups, common: None, blocks: None, header: &[] }
        } else {
            Shape {
                owner: &kind.name,
                attributes: &kind.attributes,
                common: Some(schema.common()),
                blocks: Some(&kind.blocks),
                header: &[],
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
                        "missing-attribute",
                        resource.name.span,
                        format!("`{}` does not say how to find the `{}`", resource.name.value, kind.name),
                    )
                    .help(format!("add {lookups}")),
                );
            }
        }
    }

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

/// The word of a declaration that stands at the top level only.
fn top_level_only(kind: &ItemKind) -> Option<&'static str> {
    Some(match kind {
        ItemKind::Pipeline(_) => "pipeline",
        ItemKind::Param(_) => "param",
        ItemKind::Secret(_) => "secret",
        ItemKind::Stage(stage) => {
            if stage.production {
                "production"
            } else {
                "stage"
            }
        }
        ItemKind::Output(_) => "output",
        ItemKind::Use(_) => "use",
        ItemKind::Type(_) => "type",
        ItemKind::Kind(_) => "kind",
        ItemKind::Rollout(_) => "rollout",
        ItemKind::Let(_) | ItemKind::Resource(_) | ItemKind::For(_) | ItemKind::If(_) | ItemKind::Broken => {
            return None;
        }
    })
}

/// The place of an item's first word.
pub(super) fn keyword(item: Span, word: &str) -> Span {
    Span::new(item.start, item.start + word.len() as u32)
}

/// What an environment variable can be called.
fn is_variable(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
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
        "elasticache_subnet_group" => "cache_subnet_group",
        "mq_broker" => "broker",
        "route53_record" => "record",
        "route53_zone" => "hosted_zone",
        "s3_bucket" => "bucket",
        other => other,
    };
    kind_names().find(|known| *known == ours)
}

/// The rules about a file as a whole.
fn rules(file: &File, root: bool, loaded: &Loaded, out: &mut Vec<Diagnostic>) {
    let find =
        |is: &dyn Fn(&ItemKind) -> bool| file.items.iter().filter(|item| is(&item.kind)).collect::<Vec<_>>();
    let pipelines = find(&|kind| matches!(kind, ItemKind::Pipeline(_)));
    if let [first, rest @ ..] = &pipelines[..] {
        for again in rest {
            out.push(
                Diagnostic::error(
                    "duplicate-pipeline",
                    keyword(again.span, "pipeline"),
                    "a file has one pipeline",
                )
                .related(keyword(first.span, "pipeline"), "the first is here")
                .help("remove one of them"),
            );
        }
    }
    let whole_pipelines = find(&|kind| {
        matches!(
            kind,
            ItemKind::Pipeline(_) | ItemKind::Stage(_) | ItemKind::Rollout(_) | ItemKind::Secret(_)
        )
    });
    if !root {
        for item in whole_pipelines {
            let word = match top_level_only(&item.kind) {
                Some("production") | None => "stage",
                Some(word) => word,
            };
            if word != "secret" {
                let message = format!("a module has no `{word}`");
                out.push(
                    Diagnostic::error("misplaced-declaration", keyword(item.span, word), message)
                        .help("it stands in the file that uses the module"),
                );
            }
        }
        return;
    }
    let makes = |item: &&Item| {
        matches!(item.kind, ItemKind::Resource(_) | ItemKind::For(_) | ItemKind::If(_) | ItemKind::Use(_))
    };
    let module = file.items.iter().any(|item| matches!(item.kind, ItemKind::Param(_) | ItemKind::Output(_)));
    if let Some(first) = file.items.iter().find(makes)
        && pipelines.is_empty()
        && (!module || !whole_pipelines.is_empty())
        && loaded.whole
    {
        let at = match &first.kind {
            ItemKind::Resource(resource) => resource.name.span,
            _ => Span::new(first.span.start, first.span.start + 2),
        };
        let name =
            std::path::Path::new(&loaded.name).file_stem().and_then(|stem| stem.to_str()).unwrap_or("NAME");
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        out.push(
            Diagnostic::error(
                "missing-pipeline",
                at,
                "the file makes resources, but does not say for which pipeline",
            )
            .help(format!("begin with `pipeline {name} {{ region = \"us-east-1\" }}`")),
        );
    }
}
