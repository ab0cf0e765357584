//! Every secret's text that a run knows, so that nothing it tells or records can hold one.

use indexmap::{IndexMap, IndexSet};

use crate::eval::{ActionKind, Attrs, Condition, Deferred, Manifest, Secret, Value};

/// The secrets of a manifest.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    /// The texts, longest first, so that a secret inside a longer one leaves nothing of it.
    texts: Vec<String>,
    /// The texts by what the file calls them.
    names: IndexMap<String, Secret>,
}

impl Secrets {
    /// Collects the secrets of a manifest.
    pub fn of(manifest: &Manifest) -> Self {
        let mut found = Vec::new();
        manifest.nodes.values().for_each(|node| in_attrs(&node.attrs, &mut found));
        let steps = manifest.rollout.iter().flatten().flat_map(|step| &step.actions);
        steps.chain(&manifest.on_failure).for_each(|action| in_action(&action.kind, &mut found));
        in_attrs(&manifest.outputs, &mut found);
        found.extend(manifest.secrets.iter().cloned());
        let mut secrets = Self::default();
        secrets.add(found);
        secrets
    }

    /// Adds those of one value, such as one made at run time of a secret and an output.
    pub fn and(&self, value: &Value) -> Self {
        let mut found = Vec::new();
        in_value(value, &mut found);
        let mut all = self.clone();
        all.add(found);
        all
    }

    fn add(&mut self, found: Vec<Secret>) {
        let mut texts: IndexSet<String> = self.texts.drain(..).collect();
        for secret in found {
            // A secret of several lines, such as a key, is told line by line.
            let lines = secret.reveal().lines().map(str::trim).filter(|line| line.len() > 7);
            texts.extend(lines.map(str::to_owned));
            texts.insert(secret.reveal().to_owned());
            self.names.entry(secret.name.clone()).or_insert(secret);
        }
        texts.retain(|text| !text.is_empty());
        self.texts = texts.into_iter().collect();
        self.texts.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    }

    /// The text with every secret in it replaced.
    pub fn hide(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "(secret)"))
    }

    /// Whether a text is just a secret.
    pub fn is_one(&self, text: &str) -> bool {
        self.texts.iter().any(|secret| secret == text)
    }

    /// Gives the secrets of a value that was read from the journal their texts back, as far as the file still has them.
    /// The names of those that it no longer has are added to `lost`.
    pub fn restore(&self, value: &Value, lost: &mut IndexSet<String>) -> Value {
        let mut fields = |fields: &Attrs| -> Attrs {
            fields.iter().map(|(k, v)| (k.clone(), self.restore(v, lost))).collect()
        };
        match value {
            Value::Secret(secret) => match self.names.get(&secret.name) {
                Some(found) => Value::Secret(found.clone()),
                None => {
                    lost.insert(secret.name.clone());
                    value.clone()
                }
            },
            Value::Map(map) => Value::Map(fields(map)),
            Value::Variant(name, params) => Value::Variant(name.clone(), fields(params)),
            Value::List(items) => Value::List(items.iter().map(|item| self.restore(item, lost)).collect()),
            other => other.clone(),
        }
    }
}

/// Whether a value holds a secret.
pub(super) fn holds_secret(value: &Value) -> bool {
    let mut found = Vec::new();
    in_value(value, &mut found);
    !found.is_empty()
}

fn in_attrs(attrs: &Attrs, found: &mut Vec<Secret>) {
    attrs.values().for_each(|value| in_value(value, found));
}

fn in_value(value: &Value, found: &mut Vec<Secret>) {
    match value {
        Value::Secret(secret) => found.push(secret.clone()),
        Value::List(items) => items.iter().for_each(|item| in_value(item, found)),
        Value::Map(fields) | Value::Variant(_, fields) => in_attrs(fields, found),
        Value::Range(from, to) => {
            in_value(from, found);
            in_value(to, found);
        }
        Value::Deferred(deferred) => match deferred.as_ref() {
            Deferred::Apply(_, args) => args.iter().for_each(|arg| in_value(arg, found)),
            Deferred::Output(..) => {}
        },
        _ => {}
    }
}

/// The secrets of an action, in order.
pub(super) fn in_action(kind: &ActionKind, found: &mut Vec<Secret>) {
    match kind {
        ActionKind::Run { env, .. } => in_attrs(env, found),
        ActionKind::Render { with, .. } => in_attrs(with, found),
        ActionKind::Expect(expect) => {
            in_value(&expect.target, found);
            for condition in &expect.conditions {
                if let Condition::Header { value, .. } | Condition::Body { value, .. } = condition {
                    in_value(value, found);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[(&str, &str)]) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add(texts.iter().map(|(name, text)| Secret::new(*name, *text)).collect());
        secrets
    }

    #[test]
    fn the_longer_secret_goes_first() {
        let secrets = secrets(&[("a", "hunter"), ("b", "hunter2")]);
        assert_eq!(secrets.hide("hunter2 hunter"), "(secret) (secret)");
    }

    #[test]
    fn the_lines_of_a_key_are_hidden_one_by_one() {
        let secrets = secrets(&[("key", "BEGIN\nabcdefghijkl\nEND")]);
        assert_eq!(secrets.hide("read abcdefghijkl"), "read (secret)");
        assert_eq!(secrets.hide("THE END"), "THE END");
    }

    #[test]
    fn what_the_journal_names_gets_its_text_back() {
        let mut lost = IndexSet::new();
        let read =
            Value::List(vec![Value::Secret(Secret::new("a", "")), Value::Secret(Secret::new("gone", ""))]);
        let Value::List(items) = secrets(&[("a", "hunter2")]).restore(&read, &mut lost) else { return };
        assert_eq!(items[0], Value::Secret(Secret::new("a", "hunter2")));
        assert!(lost.contains("gone"));
    }
}
