//! From the library's trees to kinds: only the files that a program uses are read.

use indexmap::IndexMap;
use std::sync::Arc;

use super::index::Schema;
use super::library::{is_kind, library_file};
use super::resolve::{TypeScope, named_types, plain};
use super::types::{Attribute, BlockSchema, Header, Kind, OnChange, Type};
use crate::base::{SourceMap, Span};
use crate::diag::Diagnostic;
use crate::syntax::ast::{
    AttributeDecl, BlockDecl, Expr, ExprKind, File, HeaderDecl, Ident, ItemKind, KindDecl, KindMember,
    MemberKind, TypeExpr, TypeKind,
};
use crate::syntax::parse;

impl Schema {
    /// Reads the kinds that are among `words`, the kinds that can be reached from them, and the types and attributes
    /// that all share. Words that name no kind are passed over.
    pub fn load<'a>(
        words: impl IntoIterator<Item = &'a str>,
        sources: &mut SourceMap,
        out: &mut Vec<Diagnostic>,
    ) -> Schema {
        let mut schema = Schema::default();
        if let Some((file, _)) = read("types.vpipe", sources, out) {
            let decls: Vec<_> = file
                .items
                .iter()
                .filter_map(|item| match &item.kind {
                    ItemKind::Type(decl) => Some((decl.name.value.as_str(), &decl.ty)),
                    _ => None,
                })
                .collect();
            schema.types = named_types(&decls, None, true, out);
        }
        if let Some(any) = read_kind("any", &schema.types, sources, out) {
            schema.common = any.attributes;
        }
        let mut waiting: Vec<String> = Vec::new();
        for word in words {
            match schema.types.get(word) {
                Some(ty) => waiting.extend(ty.kinds().into_iter().map(str::to_owned)),
                None if is_kind(word) => waiting.push(word.to_owned()),
                None => {}
            }
        }
        // Last in, first out would reverse the order of the words.
        waiting.reverse();
        while let Some(name) = waiting.pop() {
            if schema.kinds.contains_key(&name) {
                continue;
            }
            let Some(kind) = read_kind(&name, &schema.types, sources, out) else { continue };
            waiting.extend(kind.outputs.values().flat_map(Type::kinds).map(str::to_owned));
            schema.kinds.insert(name, Arc::new(kind));
        }
        schema
    }
}

/// Parses a file of the library.
fn read(path: &str, sources: &mut SourceMap, out: &mut Vec<Diagnostic>) -> Option<(File, Span)> {
    let library = library_file(path)?;
    let source = sources.add(format!("std/{path}"), library.text).ok()?;
    let parsed = parse(&source);
    out.extend(parsed.diagnostics);
    Some((parsed.file, Span::new(source.base, source.base)))
}

/// Reads the kind that the file of its name declares.
fn read_kind(
    name: &str,
    types: &IndexMap<String, Type>,
    sources: &mut SourceMap,
    out: &mut Vec<Diagnostic>,
) -> Option<Kind> {
    let (file, head) = read(&format!("{name}.vpipe"), sources, out)?;
    let found = file.items.iter().find_map(|item| match &item.kind {
        ItemKind::Kind(decl) if decl.name.value == name => Some((decl, &item.docs)),
        _ => None,
    });
    let Some((decl, docs)) = found else {
        out.push(Diagnostic::error("invalid-kind", head, format!("the file declares no kind `{name}`")));
        return None;
    };
    Some(Reader { types, blocks: block_names(&decl.members), out }.kind(decl, docs))
}

/// The blocks of a kind, at any depth: their names are types inside it.
fn block_names(members: &[KindMember]) -> Vec<&str> {
    let mut names = Vec::new();
    for member in members {
        if let MemberKind::Block(block) = &member.kind {
            names.push(block.name.value.as_str());
            names.extend(block_names(&block.members));
        }
    }
    names
}

/// Reads one kind.
struct Reader<'a> {
    types: &'a IndexMap<String, Type>,
    blocks: Vec<&'a str>,
    out: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn kind(&mut self, decl: &KindDecl, docs: &[String]) -> Kind {
        let mut kind = Kind {
            name: decl.name.value.clone(),
            title: decl.name.value.replace('_', " "),
            service: String::new(),
            existing_only: false,
            attributes: IndexMap::new(),
            lookups: IndexMap::new(),
            outputs: IndexMap::new(),
            blocks: IndexMap::new(),
            requires: Vec::new(),
            docs: docs.join("\n"),
            span: decl.name.span,
        };
        for member in &decl.members {
            match &member.kind {
                MemberKind::Attribute(attribute) => {
                    let read = self.attribute(attribute, &member.docs);
                    self.insert(&mut kind.attributes, &attribute.name, read);
                }
                MemberKind::Lookup(attribute) => {
                    let read = self.attribute(attribute, &member.docs);
                    self.insert(&mut kind.lookups, &attribute.name, read);
                }
                MemberKind::Output(name, ty) => {
                    let ty = self.resolve(ty);
                    self.insert(&mut kind.outputs, name, ty);
                }
                MemberKind::Block(block) => {
                    let read = self.block(block, &member.docs);
                    self.insert(&mut kind.blocks, &block.name, read);
                }
                MemberKind::Require(require) => kind.requires.push(require.clone()),
                MemberKind::Setting(name, value) => self.setting(&mut kind, name, value),
                MemberKind::Broken => {}
            }
        }
        kind
    }

    fn block(&mut self, decl: &BlockDecl, docs: &[String]) -> BlockSchema {
        let mut block = BlockSchema {
            name: decl.name.value.clone(),
            header: decl.header.iter().map(|header| self.header(header)).collect(),
            attributes: IndexMap::new(),
            blocks: IndexMap::new(),
            requires: Vec::new(),
            separate: false,
            named: false,
            docs: docs.join("\n"),
            span: decl.name.span,
        };
        for flag in &decl.flags {
            match flag.value.as_str() {
                "separate" => block.separate = true,
                "named" => block.named = true,
                other => self.wrong(flag.span, format!("a block has no flag `{other}`")),
            }
        }
        for member in &decl.members {
            match &member.kind {
                MemberKind::Attribute(attribute) => {
                    let read = self.attribute(attribute, &member.docs);
                    self.insert(&mut block.attributes, &attribute.name, read);
                }
                MemberKind::Block(inner) => {
                    let read = self.block(inner, &member.docs);
                    self.insert(&mut block.blocks, &inner.name, read);
                }
                MemberKind::Require(require) => block.requires.push(require.clone()),
                MemberKind::Lookup(AttributeDecl { name, .. })
                | MemberKind::Output(name, _)
                | MemberKind::Setting(name, _) => {
                    self.wrong(name.span, format!("`{}` has no place in a block", name.value));
                }
                MemberKind::Broken => {}
            }
        }
        block
    }

    fn header(&mut self, decl: &HeaderDecl) -> Header {
        let attribute = AttributeDecl {
            name: decl.name.clone(),
            ty: decl.ty.clone(),
            default: decl.default.clone(),
            flags: Vec::new(),
        };
        Header {
            keyword: decl.keyword.as_ref().map(|word| word.value.clone()),
            attribute: self.attribute(&attribute, &[]),
        }
    }

    fn attribute(&mut self, decl: &AttributeDecl, docs: &[String]) -> Attribute {
        let mut attribute = Attribute {
            name: decl.name.value.clone(),
            ty: self.resolve(&decl.ty),
            default: decl.default.clone(),
            on_change: OnChange::default(),
            write_only: false,
            table: table_of(&decl.ty),
            identity: false,
            docs: docs.join("\n"),
            span: decl.name.span,
        };
        for flag in &decl.flags {
            match flag.value.as_str() {
                "replaces" => attribute.on_change = OnChange::Replace,
                "fixed" => attribute.on_change = OnChange::Fixed,
                "write_only" => attribute.write_only = true,
                "identity" => attribute.identity = true,
                other => self.wrong(flag.span, format!("an attribute has no flag `{other}`")),
            }
        }
        attribute
    }

    fn setting(&mut self, kind: &mut Kind, name: &Ident, value: &Expr) {
        match (name.value.as_str(), &value.kind) {
            ("title", ExprKind::String(parts)) => kind.title = plain(parts).unwrap_or_default(),
            ("service", ExprKind::String(parts)) => kind.service = plain(parts).unwrap_or_default(),
            ("existing_only", ExprKind::Bool(flag)) => kind.existing_only = *flag,
            (other, _) => self.wrong(name.span, format!("a kind has no setting `{other}` of this value")),
        }
    }

    fn resolve(&mut self, ty: &TypeExpr) -> Type {
        TypeScope { types: &[self.types], blocks: &self.blocks, open: true }.resolve(ty, self.out)
    }

    fn insert<T>(&mut self, into: &mut IndexMap<String, T>, name: &Ident, read: T) {
        if into.insert(name.value.clone(), read).is_some() {
            self.wrong(name.span, format!("`{}` is declared twice", name.value));
        }
    }

    /// A mistake in the library itself, which the tests of the library find.
    fn wrong(&mut self, span: Span, message: String) {
        self.out.push(Diagnostic::error("invalid-kind", span, message));
    }
}

/// The table of `Settings<TABLE>`.
fn table_of(ty: &TypeExpr) -> Option<String> {
    match &ty.kind {
        TypeKind::Generic(head, inner) if head.value == "Settings" => match &inner.kind {
            TypeKind::Name(name, _) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::library::kind_names;
    use super::*;

    fn whole() -> Schema {
        let mut out = Vec::new();
        let schema = Schema::load(kind_names(), &mut SourceMap::default(), &mut out);
        assert_eq!(out, []);
        schema
    }

    #[test]
    fn every_kind_is_read_and_documented() {
        let schema = whole();
        assert_eq!(schema.kinds.len(), kind_names().count());
        assert!(schema.common().contains_key("timeout"));
        for (name, kind) in &schema.kinds {
            assert!(!kind.docs.is_empty(), "{name} has no docs");
            assert!(!kind.title.is_empty() && !kind.service.is_empty(), "{name} lacks title or service");
            assert_eq!(kind.existing_only, kind.attributes.is_empty(), "{name}");
            assert!(!kind.existing_only || !kind.lookups.is_empty(), "{name} can neither be made nor found");
        }
    }

    #[test]
    fn blocks_keep_their_headers_and_flags() {
        let schema = whole();
        let allow = &schema.kind("security_group").unwrap().blocks["allow"];
        assert!(allow.separate && !allow.named);
        assert_eq!(allow.header[2].keyword.as_deref(), Some("from"));
        assert_eq!(allow.header[2].attribute.name, "source");
        assert!(allow.header[1].attribute.optional());
        let environment = schema.kind("environment").unwrap();
        assert!(environment.blocks["process"].named);
        let forward = &environment.blocks["listener"].attributes["forward"];
        assert_eq!(forward.ty.block_name(), Some("process"));
        assert!(environment.attributes["name"].identity);
        assert_eq!(environment.attributes["application"].on_change, OnChange::Replace);
    }

    #[test]
    fn only_what_is_used_is_read() {
        let mut sources = SourceMap::default();
        let schema = Schema::load(["bucket", "no_kind"], &mut sources, &mut Vec::new());
        assert_eq!(schema.kinds.keys().collect::<Vec<_>>(), ["bucket"]);
        assert_eq!(sources.files().len(), 3);
        let schema = Schema::load(["DnsProvider"], &mut SourceMap::default(), &mut Vec::new());
        assert_eq!(schema.kinds.keys().collect::<Vec<_>>(), ["hosted_zone"]);
    }
}
