//! `vpipe doc`

use std::fmt::Write as _;

use super::terminal::Terminal;
use super::{Exit, table};
use crate::base::{SourceMap, closest};
use crate::check::{BUILTINS, VERBS};
use crate::schema::{
    Attribute, BlockSchema, Kind, OnChange, Schema, Type, kind_names, library_file, module_names,
};

/// Show what a kind of resource, a function or a rollout verb takes and gives
///
/// Without a name, lists them all. The pages come from the standard library itself.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A kind such as `db_instance`, a function such as `join`, a verb such as `deploy`, a module such as
    /// `static_site`
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
    let module = name.strip_prefix("std.").unwrap_or(name);
    let file = library_file(&format!("modules/{module}.vpipe"))?;
    Some(file.text.to_owned())
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
        let _ = writeln!(self.out, "{pad}{}: {}{default}{notes}", attribute.name, spelled(&attribute.ty));
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
        other => other.to_string(),
    }
}
