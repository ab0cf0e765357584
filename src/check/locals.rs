//! Names that live only in a part of a file.

use std::collections::HashMap;

use crate::base::Span;
use crate::schema::Type;

/// A name that lives only in a part of the file.
pub(super) struct Local<'a> {
    pub(super) name: &'a str,
    pub(super) ty: Type,
    pub(super) span: Span,
    /// The name of the file that it stands for: a resource inside its own `for` or `if`.
    pub(super) symbol: Option<usize>,
}

/// The names of enclosing `for`s and `if`s; an inner one hides an outer one.
#[derive(Default)]
pub(super) struct Locals<'a> {
    all: Vec<Local<'a>>,
    /// For each name, where it stands in `all`, the innermost last.
    places: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Locals<'a> {
    /// The innermost of a name.
    pub(super) fn get(&self, name: &str) -> Option<&Local<'a>> {
        self.all.get(*self.places.get(name)?.last()?)
    }

    /// The number of names.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.all.iter().map(|local| local.name)
    }

    /// Adds a name.
    pub(super) fn push(&mut self, local: Local<'a>) {
        self.places.entry(local.name).or_default().push(self.all.len());
        self.all.push(local);
    }

    /// Says the type of a name that was added without one.
    pub(super) fn set_type(&mut self, at: usize, ty: Type) {
        if let Some(local) = self.all.get_mut(at) {
            local.ty = ty;
        }
    }

    /// Drops all names but the first `length`.
    pub(super) fn truncate(&mut self, length: usize) {
        for local in self.all.drain(length.min(self.all.len())..) {
            if let Some(places) = self.places.get_mut(local.name) {
                places.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn inner_names_hide_outer_ones_until_they_end() {
        let local = |ty| Local { name: "x", ty, span: Span::default(), symbol: None };
        let mut locals = Locals::default();
        locals.push(local(Type::int()));
        locals.push(local(Type::bool()));
        assert_eq!(locals.get("x").unwrap().ty, Type::bool());
        locals.truncate(1);
        assert_eq!(locals.get("x").unwrap().ty, Type::int());
        locals.truncate(0);
        assert!(locals.get("x").is_none());
    }
}
