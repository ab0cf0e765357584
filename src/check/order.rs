//! The order in which the types of `let`s can be found.

use indexmap::IndexMap;

use super::walk;
use crate::base::order;
use crate::syntax::ast::{ExprKind, Item, ItemKind, Let};

/// The `let`s among items, each after those that it refers to, where no circle forbids it.
pub(super) fn in_order(items: &[Item]) -> Vec<&Let> {
    let mut lets: IndexMap<&str, &Let> = IndexMap::new();
    let mut again = Vec::new();
    for item in items {
        let ItemKind::Let(one) = &item.kind else { continue };
        match lets.get(one.name.value.as_str()) {
            Some(_) => again.push(one),
            None => {
                lets.insert(&one.name.value, one);
            }
        }
    }
    if lets.is_empty() {
        return again;
    }
    let mut needs: IndexMap<&str, Vec<&str>> = IndexMap::with_capacity(lets.len());
    for (name, one) in &lets {
        let mut names = Vec::new();
        walk::expr(&one.value, &mut |e| {
            if let ExprKind::Name(word) = &e.kind
                && lets.contains_key(word.as_str())
            {
                names.push(word.as_str());
            }
        });
        needs.insert(name, names);
    }
    let sorted = order(&needs);
    sorted.names.iter().filter_map(|name| lets.get(name).copied()).chain(again).collect()
}
