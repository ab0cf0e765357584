//! Tables of settings that a service takes as text: namespaces, names, types. Read from `stdlib/tables/` when they are first
//! looked at; how one is written stands at its head.

use indexmap::IndexMap;
use std::sync::OnceLock;

use super::library::library_file;
use super::resolve::{TypeScope, named_types, plain};
use super::types::Type;
use crate::base::{SourceMap, closest};
use crate::diag::Diagnostic;
use crate::syntax::ast::{
    AttributeDecl, BlockDecl, Expr, ExprKind, File, HeaderDecl, ItemKind, MemberKind, TypeKind, UnaryOp,
};
use crate::syntax::parse;

/// A table of settings.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The namespaces; one that ends with a colon takes a word after it.
    pub namespaces: IndexMap<String, Namespace>,
    /// Namespaces that people write and that have no place here, with what to do instead.
    pub mistakes: IndexMap<String, String>,
}

/// A namespace of a table.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    /// What the word after the last colon is.
    pub word: Option<Word>,
    /// Its options by name; `*` is any name.
    pub options: IndexMap<String, Setting>,
    /// Names that people write and that do not exist, with what to do instead.
    pub mistakes: IndexMap<String, String>,
    /// The `///` text.
    pub docs: String,
}

/// What the word at the end of a namespace is.
#[derive(Clone, Debug)]
pub struct Word {
    /// What it is called: `port`.
    pub name: String,
    /// The block of the resource that it is the key of, and the key for which `default` stands.
    pub block: Option<(String, String)>,
}

/// A setting of a table.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its type; a list is written with commas.
    pub ty: Type,
    /// The text that holds when nothing is said.
    pub default: Option<String>,
    /// The attribute or block of the resource that sets it.
    pub by: Option<String>,
    /// Whether it cannot be set at all; then `docs` says what to do instead.
    pub fixed: bool,
    /// Settings without which the service refuses it.
    pub needs: Vec<String>,
    /// Settings without which it rarely makes sense.
    pub wants: Vec<String>,
    /// What a change does.
    pub severity: Severity,
    /// The `///` text.
    pub docs: String,
}

/// What a change of a setting does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing.
    #[default]
    None,
    /// The application is started anew.
    Application,
    /// The instances are replaced.
    Instances,
}

/// The option settings of Beanstalk environments. That they can be read is tested.
pub fn beanstalk_options() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    READ.get_or_init(|| Table::read("beanstalk_options").0)
}

/// A table by its name, as `Settings<NAME>` gives it.
pub fn table(name: &str) -> Option<&'static Table> {
    (name == "beanstalk_options").then(beanstalk_options)
}

impl Table {
    /// Reads a table, with what is wrong with it.
    fn read(name: &str) -> (Table, Vec<Diagnostic>) {
        let mut out = Vec::new();
        let types = match file("types.vpipe", &mut out) {
            Some(file) => {
                let decls = file.items.iter().filter_map(|item| match &item.kind {
                    ItemKind::Type(decl) => Some((decl.name.value.as_str(), &decl.ty)),
                    _ => None,
                });
                named_types(&decls.collect::<Vec<_>>(), None, true, &mut out)
            }
            None => IndexMap::new(),
        };
        let mut table = Table::default();
        let file = file(&format!("tables/{name}.vpipe"), &mut out);
        for item in file.iter().flat_map(|file| &file.items) {
            let ItemKind::Kind(kind) = &item.kind else { continue };
            for member in &kind.members {
                match &member.kind {
                    MemberKind::Setting(name, _) if matches!(name.value.as_str(), "title" | "service") => {}
                    MemberKind::Setting(name, text) => {
                        table.mistakes.insert(name.value.clone(), told(text));
                    }
                    MemberKind::Block(block) => {
                        let docs = member.docs.join(" ");
                        let read = namespace(block, docs, &types, &mut out);
                        table.namespaces.insert(block.name.value.clone(), read);
                    }
                    _ => out.push(Diagnostic::error(
                        "invalid-kind",
                        member.span,
                        "this has no place in a table",
                    )),
                }
            }
        }
        (table, out)
    }

    /// The namespace that a name is, with the word after the last colon of one that takes one.
    pub fn namespace<'n>(&self, name: &'n str) -> Option<(&Namespace, Option<&'n str>)> {
        if let Some((known, namespace)) = self.namespaces.get_key_value(name)
            && !known.ends_with(':')
        {
            return Some((namespace, None));
        }
        let at = name.rfind(':')? + 1;
        let (head, word) = (name.get(..at)?, name.get(at..)?);
        let namespace = self.namespaces.get(head).filter(|_| !word.is_empty())?;
        Some((namespace, Some(word)))
    }

    /// A setting by its namespace and name, if there is one.
    pub fn setting(&self, namespace: &str, name: &str) -> Option<&Setting> {
        self.namespace(namespace)?.0.setting(name)
    }

    /// What to do instead of a namespace that people write.
    pub fn mistake(&self, namespace: &str) -> Option<&str> {
        let meant = |(wrong, _): &(&String, &String)| {
            namespace
                .strip_prefix(wrong.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        };
        self.mistakes.iter().find(meant).map(|(_, help)| help.as_str())
    }

    /// The namespace that was probably meant, with the word that it was given.
    pub fn near(&self, namespace: &str) -> Option<String> {
        // Namespaces are long, and have long beginnings in common: only slips of the hand count.
        let close = |given: &str, known: &&str| strsim::damerau_levenshtein(given, known) <= 3;
        let plain = self.namespaces.keys().filter(|name| !name.ends_with(':')).map(String::as_str);
        if let Some(near) = closest(namespace, plain.filter(|known| close(namespace, known))) {
            return Some(near.to_owned());
        }
        let (head, word) = namespace.rsplit_once(':')?;
        let with_word = self.namespaces.keys().filter_map(|name| name.strip_suffix(':'));
        closest(head, with_word.filter(|known| close(head, known))).map(|near| format!("{near}:{word}"))
    }
}

impl Namespace {
    /// A setting by its name.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.options.get(name).or_else(|| self.options.get("*").filter(|_| !name.is_empty()))
    }
}

impl Setting {
    /// The text of a value, as the service takes and gives it. None of what has no text.
    fn text(value: &Expr) -> Option<String> {
        match &value.kind {
            ExprKind::String(parts) => plain(parts),
            ExprKind::Int(number) => Some(number.to_string()),
            ExprKind::Unary(op, inner) if op.value == UnaryOp::Neg => {
                Some(format!("-{}", Self::text(inner)?))
            }
            ExprKind::Bool(flag) => Some(flag.to_string()),
            ExprKind::Duration(ms) => Some(iso_duration(*ms)),
            _ => None,
        }
    }

    /// What to do instead of setting it, for a help line.
    pub fn instead(&self) -> String {
        let docs = self.docs.trim_end_matches('.');
        let mut chars = docs.chars();
        chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
    }
}

/// A duration as ISO 8601 has it, in the form that Beanstalk takes: `PT1H30M`, `PT0S`.
pub fn iso_duration(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let parts = [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M'), (seconds % 60, 'S')];
    let parts: String =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, letter)| format!("{n}{letter}")).collect();
    format!("PT{}", if parts.is_empty() { "0S" } else { &parts })
}

/// The milliseconds of a duration such as `PT1H30M` or `PT0S`.
pub fn from_iso_duration(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix("PT").filter(|rest| !rest.is_empty())?;
    let mut units = [('H', 3_600), ('M', 60), ('S', 1)].into_iter();
    let mut seconds: i64 = 0;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let unit = tail.chars().next()?;
        let (_, factor) = units.find(|(letter, _)| *letter == unit)?;
        seconds = number.parse::<i64>().ok()?.checked_mul(factor)?.checked_add(seconds)?;
        rest = tail.get(1..)?;
    }
    seconds.checked_mul(1000)
}

/// Parses a file of the library.
fn file(path: &str, out: &mut Vec<Diagnostic>) -> Option<File> {
    let library = library_file(path)?;
    let source = SourceMap::default().add(format!("std/{path}"), library.text).ok()?;
    let parsed = parse(&source);
    out.extend(parsed.diagnostics);
    Some(parsed.file)
}

fn told(text: &Expr) -> String {
    match &text.kind {
        ExprKind::String(parts) => plain(parts).unwrap_or_default(),
        _ => String::new(),
    }
}

fn namespace(
    block: &BlockDecl,
    docs: String,
    types: &IndexMap<String, Type>,
    out: &mut Vec<Diagnostic>,
) -> Namespace {
    let fixed = block.flags.iter().any(|flag| flag.value == "fixed");
    let mut namespace = Namespace { word: block.header.first().map(word), docs, ..Namespace::default() };
    for member in &block.members {
        match &member.kind {
            MemberKind::Attribute(decl) => {
                let docs = if fixed { namespace.docs.clone() } else { member.docs.join(" ") };
                let mut setting = setting(decl, docs, types, out);
                setting.fixed |= fixed;
                namespace.options.insert(decl.name.value.clone(), setting);
            }
            MemberKind::Setting(name, text) => {
                namespace.mistakes.insert(name.value.clone(), told(text));
            }
            _ => out.push(Diagnostic::error("invalid-kind", member.span, "this has no place in a namespace")),
        }
    }
    namespace
}

fn word(header: &HeaderDecl) -> Word {
    let default = header.default.as_ref().and_then(Setting::text);
    let block = match (&header.ty.kind, default) {
        (TypeKind::Name(block, _), Some(default)) => Some((block.clone(), default)),
        _ => None,
    };
    Word { name: header.name.value.clone(), block }
}

fn setting(
    decl: &AttributeDecl,
    docs: String,
    types: &IndexMap<String, Type>,
    out: &mut Vec<Diagnostic>,
) -> Setting {
    let mut setting = Setting {
        ty: TypeScope { types: &[types], blocks: &[], open: true }.resolve(&decl.ty, out),
        default: decl.default.as_ref().and_then(Setting::text),
        by: None,
        fixed: false,
        needs: Vec::new(),
        wants: Vec::new(),
        severity: Severity::None,
        docs,
    };
    let mut flags = decl.flags.iter();
    while let Some(flag) = flags.next() {
        let mut next = || flags.next().map(|word| word.value.clone());
        match flag.value.as_str() {
            "by" => setting.by = next(),
            "needs" => setting.needs.extend(next()),
            "wants" => setting.wants.extend(next()),
            "fixed" => setting.fixed = true,
            "restarts" => setting.severity = Severity::Application,
            "replaces" => setting.severity = Severity::Instances,
            other => {
                let message = format!("an option has no flag `{other}`");
                out.push(Diagnostic::error("invalid-kind", flag.span, message));
            }
        }
    }
    setting
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::index::Schema;
    use super::*;

    #[test]
    fn the_table_of_beanstalk_options_is_right() {
        let (table, out) = Table::read("beanstalk_options");
        assert_eq!(out, []);
        let schema = Schema::load(["environment"], &mut SourceMap::default(), &mut Vec::new());
        let environment = schema.kind("environment").unwrap();
        let names: Vec<&String> = table.namespaces.values().flat_map(|n| n.options.keys()).collect();
        for (space, namespace) in &table.namespaces {
            assert_eq!(space.ends_with(':'), namespace.word.is_some(), "{space}");
            assert!(table.mistake(space).is_none(), "{space}");
            if let Some((block, _)) = namespace.word.as_ref().and_then(|word| word.block.as_ref()) {
                assert!(environment.blocks.contains_key(block), "{space}");
            }
            for (name, setting) in &namespace.options {
                let at = format!("{space} {name}");
                let by = setting.by.as_ref();
                assert!(
                    by.is_none_or(
                        |by| environment.attributes.contains_key(by) || environment.blocks.contains_key(by)
                    ),
                    "{at}: the environment has no {by:?}"
                );
                assert!(!setting.fixed || !setting.docs.is_empty(), "{at} does not say why it is fixed");
                for other in setting.needs.iter().chain(&setting.wants) {
                    assert!(names.contains(&other), "{at}: there is no {other}");
                }
            }
        }
    }

    #[test]
    fn namespaces_are_found_with_their_words() {
        let table = beanstalk_options();
        let (namespace, word) = table.namespace("aws:elbv2:listener:443").unwrap();
        assert_eq!((word, namespace.setting("SSLPolicy").is_some()), (Some("443"), true));
        assert!(table.namespace("aws:elbv2:listener:").is_none());
        assert!(table.setting("aws:elasticbeanstalk:application:environment", "ANY").unwrap().by.is_some());
        assert!(table.mistake("aws:elb:listener:443").is_some());
        assert_eq!(table.near("aws:autoscaling:agg").as_deref(), Some("aws:autoscaling:asg"));
        assert_eq!(table.near("aws:elbv2:listner:443").as_deref(), Some("aws:elbv2:listener:443"));
        let trigger = &table.namespaces["aws:autoscaling:trigger"];
        assert_eq!(trigger.options["LowerBreachScaleIncrement"].default.as_deref(), Some("-1"));
    }

    #[test]
    fn durations_go_both_ways() {
        for (ms, text) in [(0, "PT0S"), (300_000, "PT5M"), (5_400_000, "PT1H30M"), (3_661_000, "PT1H1M1S")] {
            assert_eq!(iso_duration(ms), text);
            assert_eq!(from_iso_duration(text), Some(ms));
        }
        for wrong in ["PT", "5M", "PT5", "PT5S5M", "P1D"] {
            assert_eq!(from_iso_duration(wrong), None, "{wrong}");
        }
    }
}
