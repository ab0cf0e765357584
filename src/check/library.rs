//! Tests of the library itself: its defaults and rules are checked like a user's expressions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use indexmap::IndexMap;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::builtins::open;
use super::checker::{Checker, Want};
use super::locals::Local;
use super::{check_path, check_text};
use crate::base::SourceMap;
use crate::diag::{Diagnostic, Severity};
use crate::schema::{Attribute, BlockSchema, Field, Schema, Type, kind_names, library_file, module_names};
use crate::syntax::ast::Require;

/// Checks the defaults and rules of a kind or block.
fn check<'a>(
    checker: &mut Checker<'a>,
    attributes: &[&'a Attribute],
    blocks: &'a IndexMap<String, BlockSchema>,
    requires: &'a [Require],
) {
    for attribute in attributes {
        if let Some(default) = &attribute.default {
            checker.expect(default, Want::new(&attribute.ty, &attribute.name));
        }
    }
    let local = |attribute: &&'a Attribute| Local {
        name: &attribute.name,
        ty: attribute.ty.clone(),
        span: attribute.span,
        symbol: None,
    };
    // The blocks beside them are lists of records.
    let beside = |block: &'a BlockSchema| {
        let header = block.header.iter().map(|header| &header.attribute);
        let field = |one: &Attribute| (one.name.clone(), Field { ty: one.ty.clone(), default: None });
        let fields = header.chain(block.attributes.values()).map(field).collect();
        let ty = Type::List(Box::new(Type::Record(Arc::new(fields))));
        Local { name: &block.name, ty, span: block.span, symbol: None }
    };
    let blocks_beside = || blocks.values().map(beside);
    // A condition says only yes or no, so it may look at secrets.
    let opened = |attribute: &&'a Attribute| Local { ty: open(&attribute.ty), ..local(attribute) };
    checker.with_locals(attributes.iter().map(opened).chain(blocks_beside()).collect(), |checker| {
        for require in requires {
            checker.condition(&require.condition, "require");
        }
    });
    checker.with_locals(attributes.iter().map(local).chain(blocks_beside()).collect(), |checker| {
        for require in requires {
            let text = Type::string();
            checker.where_holds(&require.condition, false, |checker| {
                checker.expect(&require.message, Want::new(&text, "else"));
                require.help.iter().for_each(|help| checker.expect(help, Want::new(&text, "help")));
            });
        }
    });
    for block in blocks.values() {
        let header = block.header.iter().map(|header| &header.attribute);
        let all: Vec<&Attribute> = header.chain(block.attributes.values()).collect();
        check(checker, &all, &block.blocks, &block.requires);
    }
}

#[test]
fn defaults_and_rules_fit_their_types() {
    let mut sources = SourceMap::default();
    let mut out = Vec::new();
    let schema = Schema::load(kind_names(), &mut sources, &mut out);
    assert_eq!(out, []);
    let (types, lost) = (IndexMap::new(), HashSet::new());
    let mut checker = Checker::new(&schema, &types, IndexMap::new(), &lost);
    let none = IndexMap::new();
    let common: Vec<&Attribute> = schema.common().values().collect();
    check(&mut checker, &common, &none, &[]);
    for kind in schema.kinds.values() {
        let attributes: Vec<&Attribute> = kind.attributes.values().collect();
        check(&mut checker, &attributes, &kind.blocks, &kind.requires);
        let lookups: Vec<&Attribute> = kind.lookups.values().collect();
        check(&mut checker, &lookups, &none, &[]);
    }
    let told: Vec<String> = checker.out.iter().map(|found| told(found, &sources)).collect();
    assert!(told.is_empty(), "{told:#?}");
}

fn told(found: &Diagnostic, sources: &SourceMap) -> String {
    let (file, line, column) = sources.position(found.span).unwrap_or_default();
    format!("{file}:{line}:{column}: {}", found.message)
}

#[test]
fn modules_of_the_library_are_clean() {
    for name in module_names() {
        let file = library_file(&format!("modules/{name}.vpipe")).unwrap();
        let checked = check_text(file.path, file.text, PathBuf::new());
        assert_eq!(checked.diagnostics, [], "{name}");
    }
}

#[test]
fn the_example_is_clean() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/vprofile/vprofile.vpipe");
    let checked = check_path(&path);
    let told: Vec<String> = checked.diagnostics.iter().map(|found| told(found, &checked.sources)).collect();
    assert!(told.is_empty(), "{told:#?}");
    let program = checked.program.unwrap();
    assert_eq!(program.root.stages.len(), 3);
    assert_eq!(program.root.scope["backend"].ty, Type::Handle("security_group".to_owned()));
    assert_eq!(program.root.outputs["url"].to_string(), "String");
    assert!(program.schema.kind("key_pair").is_none(), "only what is used is read");
}

#[test]
fn the_types_of_names_are_known() {
    let text = "\
        let sizes = [20GiB, 30GiB]\n\
        param zone: String? = none\n\
        for name in [\"a\", \"b\"] { bucket each { name = name } }\n\
        if len(sizes) > 1 { bucket maybe { } }\n\
        if len(sizes) > 1 { bucket either { } } else { bucket either { } }\n\
        output all = [each, [maybe ?? either]]\n\
        output zone = zone\n";
    let checked = check_text("m.vpipe", text, PathBuf::new());
    assert_eq!(checked.diagnostics, []);
    let scope = &checked.program.unwrap().root.scope;
    let types = ["sizes", "zone", "each", "maybe", "either"].map(|name| scope[name].ty.to_string());
    assert_eq!(types, ["[Size]", "String?", "[bucket]", "bucket?", "bucket"]);
}

/// A file of many resources takes time in proportion to its length: twice the file, not four times the time.
#[test]
fn large_files_are_checked_in_proportion() {
    let text = |resources: usize| {
        let mut text =
            "pipeline p { region = \"us-east-1\" }\nexisting vpc main { default = true }\n".to_owned();
        for n in 0..resources {
            text += &format!(
                "security_group g{n} {{\n  vpc = main\n  allow tcp {} from g{}\n}}\n",
                n % 9000 + 1,
                n / 2
            );
        }
        text
    };
    let time = |resources: usize| {
        let text = text(resources);
        let start = std::time::Instant::now();
        let checked = check_text("p.vpipe", &text, PathBuf::new());
        assert_eq!(checked.diagnostics, []);
        start.elapsed()
    };
    time(100);
    let (small, large) = (time(1_000), time(8_000));
    assert!(large < small * 40, "1,000 resources take {small:?}, 8,000 take {large:?}");
}

#[test]
fn files_of_mistakes_are_checked_in_proportion() {
    let mut text = "pipeline p { region = \"us-east-1\" }\n".to_owned();
    for n in 0..3_000 {
        text += &format!("bucket name{n} {{ name = wrong{n}.arn, versoning = true }}\n");
    }
    let start = std::time::Instant::now();
    let checked = check_text("p.vpipe", &text, PathBuf::new());
    let found = checked.policy.grade(checked.diagnostics);
    assert!(found.iter().all(|found| found.severity == Severity::Error));
    assert_eq!(found.len(), 1_001);
    assert_eq!(found.last().unwrap().message, "5000 more findings are not shown");
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
