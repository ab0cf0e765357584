//! Raw settings, such as an environment's `options`: each looked up in its table, and judged by what the table says.

use super::body::Record;
use super::evaluator::{Cx, Evaluator};
use super::value::{Attrs, Value};
use crate::base::{Span, closest, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::{Base, Kind, Namespace, Setting, Table, Type, Word, from_iso_duration, table};
use crate::syntax::ast::{self, Entry, Expr, ExprKind};

/// The raw settings of a resource, on their way through the rules.
struct Given<'a, 'r> {
    table: &'static Table,
    /// The kind's name.
    kind: &'a str,
    record: &'r Record<'a>,
    settings: &'r Attrs,
}

/// A setting and where it is written.
#[derive(Clone, Copy)]
struct At<'a, 'r> {
    namespace: &'r str,
    name: &'r str,
    value: &'r Value,
    /// The place of its name.
    span: Span,
    /// The value as it is written, or all of them where it is not written here.
    expr: &'a Expr,
}

impl<'a> Evaluator<'a> {
    /// The rules of the attributes of a resource that hold raw settings.
    pub(super) fn option_rules(&mut self, kind: &'a Kind, record: &Record<'a>) {
        for attribute in kind.attributes.values() {
            let Some(table) = attribute.table.as_deref().and_then(table) else { continue };
            let (Some(place), Some(Value::Map(settings))) =
                (record.place(&attribute.name), record.attrs.get(&attribute.name))
            else {
                continue;
            };
            let [whole] = place.values else { continue };
            let given = Given { table, kind: &kind.name, record, settings };
            for (namespace, values) in settings {
                let entry = entry(whole, namespace);
                let span = entry.map_or(whole.span, |entry| entry.name.span);
                let Some(known) = self.namespace(&given, namespace, span) else { continue };
                for (name, value) in values.fields().into_iter().flatten() {
                    let inner = entry.and_then(|one| self::entry(&one.value, name));
                    let span = inner.map_or(span, |inner| inner.name.span);
                    let expr = inner.map_or(whole, |inner| &inner.value);
                    self.setting(&given, known, At { namespace, name, value, span, expr });
                }
            }
        }
    }

    /// The namespace of a name; what is wrong with it is told.
    fn namespace<'t>(&mut self, given: &Given<'a, '_>, name: &str, span: Span) -> Option<&'t Namespace> {
        if let Some(help) = given.table.mistake(name) {
            let message = format!("`{name}` has no place in this `{}`", given.kind);
            return self.wrong(Diagnostic::error("invalid-option", span, message).help(help));
        }
        let Some((namespace, word)) = given.table.namespace(name) else {
            return self.no_namespace(given.table, name, span);
        };
        if let (Some(word), Some(kind)) = (word, &namespace.word) {
            let head = name.strip_suffix(word).unwrap_or(name);
            if let Some(wrong) = wrong_word(given, head, word, kind, span) {
                return self.wrong(wrong);
            }
        }
        Some(namespace)
    }

    fn no_namespace<T>(&mut self, table: &Table, name: &str, span: Span) -> Option<T> {
        let head = format!("{}:", name.trim_end_matches(':'));
        if let Some(word) = table.namespaces.get(&head).and_then(|namespace| namespace.word.as_ref()) {
            let message = format!("`{head}` lacks the {} at its end", word.name);
            let help = format!("write `\"{head}{}\"`", word.name.to_uppercase());
            return self.wrong(Diagnostic::error("invalid-option", span, message).help(help));
        }
        let finding =
            Diagnostic::warning("unknown-option", span, format!("`{name}` is no namespace that vpipe knows"));
        self.wrong(match table.near(name) {
            Some(near) => finding.help(format!("did you mean `{near}`?")).fix(
                format!("change to `{near}`"),
                span,
                format!("\"{near}\""),
            ),
            None => finding.help("if AWS has it, write `// allow(unknown-option): REASON` above"),
        })
    }

    fn setting(&mut self, given: &Given<'a, '_>, namespace: &'static Namespace, at: At<'a, '_>) {
        let name = at.name;
        let error = |message| Diagnostic::error("invalid-option", at.span, message);
        if let Some(help) = namespace.mistakes.get(name) {
            return self
                .report(error(format!("`{}` has no option `{name}`", at.namespace)).help(help.as_str()));
        }
        let Some(setting) = namespace.setting(name) else {
            return self.no_setting(namespace, at);
        };
        if let Some(by) = &setting.by {
            let finding = error(format!("`{name}` is what `{by}` sets"));
            let finding = match given.record.place(by) {
                Some(place) => finding.related(place.span, format!("`{by}` is given here")),
                None => finding,
            };
            return self.report(finding.help(format!("take it out, and write `{by}` beside `options`")));
        }
        if setting.fixed {
            return self.report(error(format!("`{name}` cannot be set here")).help(setting.instead()));
        }
        // Where any name goes it is only "the value".
        let about = namespace.options.get_key_value(name).map_or("", |(name, _)| name.as_str());
        let cx = Cx { frame: 0, about };
        let doubts = self.doubts.len();
        match self.conform(as_typed(at.value, &setting.ty), &setting.ty, None) {
            Ok(_) => self.tell_doubts(doubts, at.expr, cx),
            Err(flaw) => {
                self.doubts.truncate(doubts);
                let _ = self.flawed::<()>(flaw, at.expr, cx);
                return;
            }
        }
        self.others(given, setting, at);
    }

    fn no_setting(&mut self, namespace: &Namespace, at: At<'a, '_>) {
        let message = format!("`{}` has no option `{}` that vpipe knows", at.namespace, at.name);
        let finding = Diagnostic::warning("unknown-option", at.span, message);
        let names = || namespace.options.keys().map(String::as_str);
        self.report(match closest(at.name, names()) {
            Some(near) => {
                let plain = near.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let text = if plain { near.to_owned() } else { format!("\"{near}\"") };
                finding.help(format!("did you mean `{near}`?")).fix(
                    format!("change to `{near}`"),
                    at.span,
                    text,
                )
            }
            None => finding.help(format!(
                "it has {}; if AWS has yours, write `// allow(unknown-option): REASON` above",
                sentence_list(names(), "and")
            )),
        });
    }

    /// The settings that one needs or wants.
    fn others(&mut self, given: &Given<'a, '_>, setting: &Setting, at: At<'a, '_>) {
        if is_off(at.value) {
            return;
        }
        let lacking = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| !is_on(given.settings, at.namespace, name)).cloned().collect()
        };
        let (needed, wanted) = (lacking(&setting.needs), lacking(&setting.wants));
        let finding = match (&needed[..], &wanted[..]) {
            ([], []) => return,
            ([], _) => Diagnostic::warning("missing-option", at.span, lacks(at.name, "does little", &wanted)),
            _ => Diagnostic::error("missing-option", at.span, lacks(at.name, "is refused", &needed)),
        };
        let names = if needed.is_empty() { &wanted } else { &needed };
        let places: Vec<String> =
            names.iter().map(|name| place_of(given.table, at.namespace, name)).collect();
        self.report(finding.help(format!("set {} as well", places.join(" and "))));
    }
}

fn lacks(name: &str, verb: &str, others: &[String]) -> String {
    format!("`{name}` {verb} without {}", sentence_list(others.iter().map(String::as_str), "and"))
}

/// Reports a word at the end of a namespace that names no block.
fn wrong_word(given: &Given<'_, '_>, head: &str, word: &str, kind: &Word, span: Span) -> Option<Diagnostic> {
    let (block, default) = kind.block.as_ref()?;
    let keys = keys(given, block)?;
    let error = |message| Diagnostic::error("invalid-option", span, message);
    if word == default && default != "default" {
        let right = format!("{head}default");
        return Some(
            error(format!("the {} {word} is called `default` here", kind.name))
                .help(format!("write `{right}`"))
                .fix(format!("change to `{right}`"), span, format!("\"{right}\"")),
        );
    }
    if word == "default" || keys.iter().any(|key| key == word) {
        return None;
    }
    let finding = error(format!("this `{}` has no `{block}` `{word}`", given.kind));
    let known: Vec<String> =
        keys.iter().filter(|key| *key != default).map(|key| format!("{head}{key}")).collect();
    Some(match closest(&format!("{head}{word}"), known.iter().map(String::as_str)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => {
            finding.help(format!("add `{block} … {{ … }}`, and write its {} here", kind.name))
        }
        None => {
            let known = sentence_list(known.iter().map(String::as_str), "or");
            finding.help(format!("write the {} of a `{block}`: {known}", kind.name))
        }
    })
}

/// The keys of the blocks of a resource; none when one is not known.
fn keys(given: &Given<'_, '_>, block: &str) -> Option<Vec<String>> {
    let key = |record: &Value| -> Option<String> {
        let key = record.fields()?.values().next()?;
        key.as_str().map(str::to_owned).or_else(|| key.as_int().map(|number| number.to_string()))
    };
    given.record.attrs.get(block)?.items().iter().map(key).collect()
}

/// The entry of a map as it is written.
fn entry<'a>(map: &'a Expr, key: &str) -> Option<&'a ast::Attribute> {
    fn within<'a>(entries: &'a [Entry], key: &str, depth: usize) -> Option<&'a ast::Attribute> {
        entries.iter().find_map(|entry| match entry {
            Entry::Attribute(one) if one.name.value == key => Some(one),
            Entry::If(branch) if depth > 0 => {
                within(&branch.then, key, depth - 1).or_else(|| within(&branch.otherwise, key, depth - 1))
            }
            _ => None,
        })
    }
    match &map.kind {
        ExprKind::Record(body) => within(&body.entries, key, 8),
        _ => None,
    }
}

/// A value as its type wants it: the service takes texts, so numbers and flags may be written as such, and lists with
/// commas.
fn as_typed(value: &Value, ty: &Type) -> Value {
    if ty.item().is_some() {
        return match value {
            Value::String(text) => text.split(',').map(str::trim).collect::<Vec<_>>().into(),
            Value::List(_) | Value::Deferred(_) => value.clone(),
            one => Value::List(vec![one.clone()]),
        };
    }
    let typed = match (ty.base(), value) {
        (Some(Base::Int), Value::String(text)) => text.trim().parse().ok().map(Value::Int),
        (Some(Base::Bool), Value::String(text)) => text.to_ascii_lowercase().parse().ok().map(Value::Bool),
        (Some(Base::Duration), Value::String(text)) => from_iso_duration(text).map(Value::Duration),
        (Some(Base::String), Value::Int(number)) => Some(Value::String(number.to_string())),
        _ => None,
    };
    typed.unwrap_or_else(|| value.clone())
}

/// Whether a setting is given and not switched off: in the namespace itself, else in any.
fn is_on(settings: &Attrs, namespace: &str, name: &str) -> bool {
    let own = settings.get(namespace).and_then(Value::fields).and_then(|fields| fields.get(name));
    let found = own.or_else(|| settings.values().find_map(|fields| fields.fields()?.get(name)));
    found.is_some_and(|value| !is_off(value))
}

fn is_off(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => !flag,
        value => value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("false")),
    }
}

/// A setting with its namespace, where that is another one.
fn place_of(table: &Table, namespace: &str, name: &str) -> String {
    let here = table.namespace(namespace).is_some_and(|(known, _)| known.options.contains_key(name));
    let elsewhere = table.namespaces.iter().find(|(_, known)| known.options.contains_key(name));
    match elsewhere.filter(|_| !here) {
        Some((other, _)) => format!("`{name}` of `{other}`"),
        None => format!("`{name}`"),
    }
}
