//! `vpipe doc`

use std::fmt::Write as _;

use super::terminal::Terminal;
use super::{Exit, table};
use crate::base::{SourceMap, closest};
use crate::check::{BUILTINS, VERBS};
use crate::eval::{Value, show};
use crate::schema::{
    Attribute, Base, BlockSchema, Kind, Namespace, OnChange, Scalar, Schema, Setting, Severity, Type,
    beanstalk_options, kind_names, library_file, list, list_names, module_names,
};

/// Show what a kind of resource, a function or a rollout verb takes and gives
///
/// Without a name, lists them all. The pages come from the standard library itself.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A kind such as `db_instance`, a function such as `join`, a verb such as `deploy`, a module such as
    /// `static_site`, a namespace of `options` such as `aws:autoscaling:asg`, a list such as `regions`
    name: Option<String>,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Exit {
    let Some(name) = &args.name else {
        terminal.print(&everything());
        return Exit::Well;
    };
    match page(name) {
        Some(page) => {
            terminal.print(&page);
            Exit::Well
        }
        None => {
            let near = closest(name, names());
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            terminal.error(&format!("there is nothing called `{name}`{near}"));
            terminal.note("help: `vpipe doc` lists what there is");
            Exit::Usage
        }
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    kind_names()
        .chain(module_names())
        .chain(BUILTINS.iter().map(|builtin| builtin.name))
        .chain(VERBS.iter().map(|verb| verb.name))
        .chain(list_names())
        .chain(beanstalk_options().namespaces.keys().map(String::as_str))
        .chain(["options"])
}

fn everything() -> String {
    let (schema, _) = library(kind_names());
    let kinds =
        schema.kinds.values().map(|kind| [kind.name.clone(), kind.title.clone(), sentence(&kind.docs)]);
    let mut kinds: Vec<[String; 3]> = kinds.collect();
    kinds.sort();
    let verbs = VERBS.iter().map(|verb| [verb.name.to_owned(), verb.docs.to_owned()]);
    let functions = BUILTINS.iter().map(|builtin| [builtin.usage.to_owned(), builtin.docs.to_owned()]);
    let modules = module_names()
        .map(|name| [format!("std.{name}"), module_docs(name).lines().next().unwrap_or_default().to_owned()]);
    [
        table::table(&["kind", "what it is", ""], kinds),
        table::table(&["rollout verb", ""], verbs),
        table::table(&["function", ""], functions),
        table::table(&["module", ""], modules),
        table::table(&["list", "", "as of"], lists()),
        "`vpipe doc options` lists the raw option settings of an environment.\n".to_owned(),
    ]
    .join("\n")
}

fn page(name: &str) -> Option<String> {
    if let Some(kind) = kind_names().find(|kind| *kind == name) {
        let (schema, sources) = library([kind]);
        return schema.kind(kind).map(|kind| Page { out: String::new(), sources }.kind(kind, &schema));
    }
    if let Some(verb) = VERBS.iter().find(|verb| verb.name == name) {
        return Some(format!("{}\n\n  {}\n", verb.usage, verb.docs));
    }
    if let Some(builtin) = BUILTINS.iter().find(|builtin| builtin.name == name) {
        return Some(format!("{}\n\n  {}\n", builtin.usage, builtin.docs));
    }
    if name == "options" {
        return Some(namespaces());
    }
    if let Some((namespace, word)) = beanstalk_options().namespace(name).or_else(|| {
        // Also without the word at its end.
        let with_word = beanstalk_options().namespaces.get(&format!("{}:", name.trim_end_matches(':')))?;
        Some((with_word, None))
    }) {
        return Some(settings(name, namespace, word.is_none()));
    }
    let module = name.strip_prefix("std.").unwrap_or(name);
    let file =
        ["modules", "lists"].iter().find_map(|folder| library_file(&format!("{folder}/{module}.vpipe")))?;
    Some(file.text.to_owned())
}

/// The dated lists of what AWS has.
fn lists() -> impl Iterator<Item = [String; 3]> {
    list_names().filter_map(|name| {
        let list = list(name)?;
        Some([name.to_owned(), list.title.clone(), list.as_of.clone()])
    })
}

/// The namespaces of `options`.
fn namespaces() -> String {
    let rows = beanstalk_options().namespaces.iter().map(|(name, namespace)| {
        let word = namespace.word.as_ref().map(|word| word.name.to_uppercase()).unwrap_or_default();
        let options: Vec<&str> =
            namespace.options.iter().filter(|(_, o)| is_free(o)).map(|(name, _)| name.as_str()).collect();
        [format!("{name}{word}"), options.join(", ")]
    });
    let rows = rows.filter(|[_, options]| !options.is_empty());
    format!(
        "options of an environment: options = {{ \"NAMESPACE\" = {{ NAME = VALUE }} }}\n\n{}",
        table::table(&["namespace", "options that no attribute sets"], rows)
    )
}

/// A namespace of `options`.
fn settings(name: &str, namespace: &Namespace, wordless: bool) -> String {
    let mut out = name.trim_end_matches(':').to_owned();
    if let Some(word) = namespace.word.as_ref().filter(|_| wordless) {
        let _ = write!(out, ":{}", word.name.to_uppercase());
    }
    let _ = writeln!(out, " - options of an environment\n");
    if !namespace.docs.is_empty() {
        let _ = writeln!(out, "  {}\n", namespace.docs);
    }
    for (name, setting) in &namespace.options {
        let default = setting.default.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
        let mut notes = Vec::new();
        match (&setting.by, setting.fixed) {
            (Some(by), _) => notes.push(format!("`{by}` sets it")),
            (None, true) => notes.push("cannot be set".to_owned()),
            (None, false) => {}
        }
        match setting.severity {
            Severity::None => {}
            Severity::Application => notes.push("a change restarts the application".to_owned()),
            Severity::Instances => notes.push("a change replaces the instances".to_owned()),
        }
        notes.extend(setting.needs.iter().map(|other| format!("needs `{other}`")));
        let notes = if notes.is_empty() { String::new() } else { format!("  ({})", notes.join("; ")) };
        let name = if name == "*" { "NAME" } else { name };
        let _ = writeln!(out, "  {name}: {}{default}{notes}", spelled(&setting.ty));
        if !setting.docs.is_empty() && setting.docs != namespace.docs {
            let _ = writeln!(out, "      {}", setting.docs);
        }
    }
    out
}

/// Whether a setting can stand in `options`.
fn is_free(setting: &Setting) -> bool {
    setting.by.is_none() && !setting.fixed
}

fn library<'a>(words: impl IntoIterator<Item = &'a str>) -> (Schema, SourceMap) {
    let mut sources = SourceMap::default();
    // That the library has no mistakes is tested.
    let schema = Schema::load(words, &mut sources, &mut Vec::new());
    (schema, sources)
}

fn module_docs(name: &str) -> String {
    let text = library_file(&format!("modules/{name}.vpipe")).map(|file| file.text).unwrap_or_default();
    let docs = text.lines().map_while(|line| line.strip_prefix("//!"));
    docs.map(str::trim).collect::<Vec<_>>().join("\n")
}

/// The first sentence of a text.
fn sentence(docs: &str) -> String {
    let docs = docs.replace('\n', " ");
    docs.split_inclusive(". ").next().unwrap_or_default().trim().to_owned()
}

/// A page about a kind.
struct Page {
    out: String,
    sources: SourceMap,
}

impl Page {
    fn kind(mut self, kind: &Kind, schema: &Schema) -> String {
        let _ =
            writeln!(self.out, "{} - {}\n\n  {}\n", kind.name, kind.title, kind.docs.replace('\n', "\n  "));
        if !kind.existing_only {
            let _ = writeln!(self.out, "attributes");
            kind.attributes
                .values()
                .chain(schema.common().values())
                .for_each(|attribute| self.attribute(attribute, 2));
            self.out.push('\n');
            for block in kind.blocks.values() {
                self.block(block, 0);
            }
        }
        if !kind.lookups.is_empty() {
            let _ = writeln!(self.out, "look-up: existing {} NAME {{ … }}", kind.name);
            kind.lookups.values().for_each(|attribute| self.attribute(attribute, 2));
            self.out.push('\n');
        }
        if !kind.outputs.is_empty() {
            let _ = writeln!(self.out, "outputs");
            for (name, ty) in &kind.outputs {
                let _ = writeln!(self.out, "  {name}: {ty}");
            }
        }
        self.out
    }

    fn block(&mut self, block: &BlockSchema, indent: usize) {
        let pad = " ".repeat(indent);
        let _ = writeln!(self.out, "{pad}block: {} {{ … }}", crate::schema::usage(block));
        if !block.docs.is_empty() {
            let _ = writeln!(self.out, "{pad}  {}", block.docs.replace('\n', &format!("\n{pad}  ")));
        }
        block.header.iter().for_each(|header| self.attribute(&header.attribute, indent + 2));
        block.attributes.values().for_each(|attribute| self.attribute(attribute, indent + 2));
        for inner in block.blocks.values() {
            self.block(inner, indent + 2);
        }
        self.out.push('\n');
    }

    fn attribute(&mut self, attribute: &Attribute, indent: usize) {
        let pad = " ".repeat(indent);
        let default = match &attribute.default {
            Some(default) => format!(" = {}", self.sources.text(default.span)),
            None => String::new(),
        };
        let mut notes = Vec::new();
        if !attribute.optional() {
            notes.push("required");
        }
        match attribute.on_change {
            OnChange::Update => {}
            OnChange::Replace => notes.push("a change replaces the resource"),
            OnChange::Fixed => notes.push("cannot be changed"),
        }
        if attribute.identity {
            notes.push("left out, it is PIPELINE-STAGE-NAME");
        }
        let notes = if notes.is_empty() { String::new() } else { format!("  ({})", notes.join("; ")) };
        let ty = match &attribute.table {
            Some(table) => format!("Settings<{table}>"),
            None => spelled(&attribute.ty),
        };
        let _ = writeln!(self.out, "{pad}{}: {ty}{default}{notes}", attribute.name);
        if !attribute.docs.is_empty() {
            let _ = writeln!(self.out, "{pad}    {}", attribute.docs.replace('\n', &format!("\n{pad}    ")));
        }
    }
}

/// A type with the parameters of its alternatives and the words for its patterns.
fn spelled(ty: &Type) -> String {
    match ty {
        Type::Union(members) => members.iter().map(spelled).collect::<Vec<_>>().join(" | "),
        Type::Optional(inner) => match **inner {
            Type::Union(_) => format!("({})?", spelled(inner)),
            _ => format!("{}?", spelled(inner)),
        },
        Type::Variant(variant) if !variant.params.is_empty() => {
            let params = variant.params.iter().map(|(name, field)| format!("{name}: {}", spelled(&field.ty)));
            format!("{}({})", variant.name, params.collect::<Vec<_>>().join(", "))
        }
        Type::Scalar(scalar) => bounded(scalar),
        other => other.to_string(),
    }
}

/// A scalar with the bounds that its name does not say.
fn bounded(scalar: &Scalar) -> String {
    let value = |number: i64| match scalar.base {
        Base::Duration => Value::Duration(number),
        Base::Size => Value::Size(number),
        Base::Percent => Value::Percent(number),
        _ => Value::Int(number),
    };
    match (scalar.refinement.min, scalar.refinement.max) {
        (Some(min), Some(max)) if scalar.name == scalar.base.name() => {
            format!("{}({}..{})", scalar.name, show(&value(min)), show(&value(max)))
        }
        _ => scalar.name.clone(),
    }
}
