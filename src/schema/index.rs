//! The part of the library that a program uses.

use indexmap::IndexMap;
use std::sync::Arc;

use super::resolve::TypeScope;
use super::types::{Attribute, Kind, Type};
use crate::diag::Diagnostic;
use crate::syntax::ast::TypeExpr;

/// The kinds and types of the library that a program uses.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The kinds by name.
    pub kinds: IndexMap<String, Arc<Kind>>,
    /// The library's named types: `Port`, `DnsProvider`, ….
    pub types: IndexMap<String, Type>,
    pub(super) common: IndexMap<String, Attribute>,
}

impl Schema {
    /// A kind by its name, when the program uses it.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name).map(Arc::as_ref)
    }

    /// The attributes that every resource may have.
    pub fn common(&self) -> &IndexMap<String, Attribute> {
        &self.common
    }

    /// Reads a type of a user's file, where `own` are the types that the file declares.
    pub fn resolve_type(
        &self,
        ty: &TypeExpr,
        own: &IndexMap<String, Type>,
        out: &mut Vec<Diagnostic>,
    ) -> Type {
        TypeScope { types: &[own, &self.types], blocks: &[], open: false }.resolve(ty, out)
    }
}
