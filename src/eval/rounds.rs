//! `for` and `if` around declarations: which rounds there are, and what the names inside them are outside.

use indexmap::IndexMap;

use super::evaluator::{Cx, Evaluator, ROUND};
use super::scope::Slot;
use super::value::Value;
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::syntax::ast::{self, Item, ItemKind};

impl<'a> Evaluator<'a> {
    /// Goes through a loop around items, and binds the names that it declares to lists.
    pub(super) fn rounds(&mut self, frame: usize, each: &'a ast::For<Item>) {
        let mut names = IndexMap::new();
        made_by(&each.body, true, &mut names);
        names.keys().for_each(|name| self.busy(frame, name, each.span));
        let mut lists: IndexMap<&'a str, Vec<Value>> = names.keys().map(|name| (*name, Vec::new())).collect();
        let rounds = self.elements(&each.list, Cx { frame, about: "" });
        let resolved = self.is_resolved(&each.list, frame);
        let keys = rounds.as_ref().and_then(|rounds| self.round_keys(rounds, each.list.span));
        let (Some(rounds), Some(keys)) = (rounds, keys) else {
            lists.into_keys().for_each(|name| self.bind(frame, name, None, false));
            return;
        };
        for ((at, value), key) in rounds.into_iter().zip(keys) {
            if !self.spend(ROUND, each.span) {
                break;
            }
            let round = self.inner(frame);
            if let Some(round) = self.frames.get_mut(round) {
                round.keys.push_str(&key);
            }
            self.bind_round(round, each.key.as_ref(), &each.name, at, value, resolved);
            self.declare(round, &each.body);
            self.settle(round);
            for (name, list) in &mut lists {
                match self.known(round, name).and_then(|known| known.value.as_ref()) {
                    Some(Value::List(items)) => list.extend(items.iter().cloned()),
                    Some(Value::None) | None => {}
                    Some(one) => list.push(one.clone()),
                }
            }
        }
        for (name, list) in lists {
            self.bind(frame, name, Some(Value::List(list)), false);
        }
    }

    /// Binds the names of a round.
    pub(super) fn bind_round(
        &mut self,
        frame: usize,
        key: Option<&'a ast::Ident>,
        name: &'a ast::Ident,
        at: Value,
        value: Value,
        resolved: bool,
    ) {
        if let Some(key) = key {
            self.bind(frame, &key.value, Some(at), false);
        }
        self.bind(frame, &name.value, Some(value), resolved);
    }

    /// What each round adds to the ids of resources: the text of the element or key, else its number.
    fn round_keys(&mut self, rounds: &[(Value, Value)], span: Span) -> Option<Vec<String>> {
        // A map is told by its keys, a list of texts by its texts.
        let text = |(at, value): &'_ (Value, Value)| match (at, value) {
            (Value::String(key), _) => Some(key.clone()),
            (_, Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        let Some(texts) = rounds.iter().map(text).collect::<Option<Vec<String>>>() else {
            return Some((0..rounds.len()).map(|at| format!("[{at}]")).collect());
        };
        let mut seen = std::collections::HashSet::new();
        for text in &texts {
            if text.len() > 64 || text.chars().any(char::is_control) {
                let shown: String = text.chars().filter(|c| !c.is_control()).take(32).collect();
                return self.wrong(
                    Diagnostic::error("invalid-key", span, format!("`{shown}…` cannot name a resource"))
                        .help("go through short texts, or through `range(…)`"),
                );
            }
            if !seen.insert(text) {
                return self.wrong(
                    Diagnostic::error("invalid-key", span, format!("`{text}` comes twice"))
                        .label("each round needs a name of its own")
                        .help("go through `distinct(…)` of the list"),
                );
            }
        }
        Some(texts.into_iter().map(|text| format!("[{}]", super::show(&Value::String(text)))).collect())
    }

    /// Takes one branch of an `if` around items.
    pub(super) fn branch(&mut self, frame: usize, branch: &'a ast::If<Item>) {
        let mut names = IndexMap::new();
        made_by(&branch.then, false, &mut names);
        made_by(&branch.otherwise, false, &mut names);
        names.keys().for_each(|name| self.busy(frame, name, branch.span));
        let Some(holds) = self.condition(&branch.condition, Cx { frame, about: "" }) else {
            names.into_keys().for_each(|name| self.bind(frame, name, None, false));
            return;
        };
        let inside = self.inner(frame);
        self.declare(inside, if holds { &branch.then } else { &branch.otherwise });
        self.settle(inside);
        for (name, in_list) in names {
            let value = match self.frames.get(inside).and_then(|frame| frame.names.get(name)) {
                Some(Slot::Known(known)) => known.value.clone(),
                _ if in_list => Some(Value::List(Vec::new())),
                _ => Some(Value::None),
            };
            self.bind(frame, name, value, false);
        }
    }
}

/// The names of the resources that items make, and whether each is, outside, a list.
pub(super) fn made_by<'a>(items: &'a [Item], in_list: bool, names: &mut IndexMap<&'a str, bool>) {
    for item in items {
        match &item.kind {
            ItemKind::Resource(one) => {
                *names.entry(&one.name.value).or_default() |= in_list;
            }
            ItemKind::For(each) => made_by(&each.body, true, names),
            ItemKind::If(branch) => {
                made_by(&branch.then, in_list, names);
                made_by(&branch.otherwise, in_list, names);
            }
            _ => {}
        }
    }
}
