//! Dated lists of what AWS has: instance types, engine versions, regions. Read from `stdlib/lists/` when a value is first
//! looked up in one.
//!
//! A list's values are patterns: `db.{t3,t4g}.{micro,small}` stands for four values, and `*` for any text.

use indexmap::IndexMap;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::library::{LIBRARY, library_file};
use super::resolve::plain;
use crate::base::SourceMap;
use crate::syntax::ast::{Body, Entry, Expr, ExprKind, ItemKind};
use crate::syntax::parse;

/// How many values of a list are told when none is near.
const MOST_TOLD: usize = 8;

/// A list of values that AWS had on a day.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// What one value is called: "DB instance class".
    pub title: String,
    /// The day for which it is true, such as `2026-10-20`.
    pub as_of: String,
    /// Patterns, by the key that picks them; under an empty key where there is none.
    values: IndexMap<String, Vec<String>>,
}

/// What was probably meant by a value that a list does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Near {
    /// This one.
    One(String),
    /// One of these, which are equally near.
    Several(Vec<String>),
    /// Nothing is near; these it has of the same family, or at all, and whether it has more of them.
    Among(Vec<String>, bool),
}

/// The names of all lists.
pub fn list_names() -> impl Iterator<Item = &'static str> {
    LIBRARY.iter().filter_map(|file| file.path.strip_prefix("lists/")?.strip_suffix(".vpipe"))
}

/// A list by its name, read once. None when there is no such list; that each can be read is tested.
pub fn list(name: &str) -> Option<Arc<List>> {
    static READ: LazyLock<Mutex<HashMap<String, Arc<List>>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(list) = read.get(name) {
        return Some(Arc::clone(list));
    }
    let list = Arc::new(read_list(name).ok()?);
    read.insert(name.to_owned(), Arc::clone(&list));
    Some(list)
}

/// Reads the file of a list.
///
/// # Errors
/// What is wrong with the file.
fn read_list(name: &str) -> Result<List, String> {
    let file = library_file(&format!("lists/{name}.vpipe")).ok_or("there is no such list")?;
    let mut sources = SourceMap::default();
    let source = sources.add(file.path, file.text).map_err(|_| "the file is too large")?;
    let parsed = parse(&source);
    if let Some(found) = parsed.diagnostics.first() {
        return Err(found.message.clone());
    }
    let found = parsed.file.items.iter().find_map(|item| match &item.kind {
        ItemKind::Resource(one) if one.kind.value == "list" && one.name.value == name => Some(&one.body),
        _ => None,
    });
    let body = found.ok_or_else(|| format!("the file declares no list `{name}`"))?;
    let mut list = List { title: String::new(), as_of: String::new(), values: IndexMap::new() };
    for (name, value) in attributes(body)? {
        match (name, &value.kind) {
            ("title", ExprKind::String(parts)) => list.title = plain(parts).unwrap_or_default(),
            ("as_of", ExprKind::String(parts)) => list.as_of = plain(parts).unwrap_or_default(),
            ("values", ExprKind::Record(body)) => {
                for (key, value) in attributes(body)? {
                    list.values.insert(key.to_owned(), texts(value)?);
                }
            }
            ("values", _) => drop(list.values.insert(String::new(), texts(value)?)),
            (other, _) => return Err(format!("a list has no `{other}` of this value")),
        }
    }
    Ok(list)
}

/// The attributes of a body that holds nothing else.
fn attributes(body: &Body) -> Result<Vec<(&str, &Expr)>, String> {
    let mut all = Vec::with_capacity(body.entries.len());
    for entry in &body.entries {
        let Entry::Attribute(one) = entry else { return Err("a list holds only attributes".to_owned()) };
        all.push((one.name.value.as_str(), &one.value));
    }
    Ok(all)
}

/// The texts of a list of texts.
fn texts(value: &Expr) -> Result<Vec<String>, String> {
    let ExprKind::List(items) = &value.kind else { return Err("the values are a list".to_owned()) };
    let text = |item: &Expr| match &item.kind {
        ExprKind::String(parts) => plain(parts),
        _ => None,
    };
    items.iter().map(|item| text(item).ok_or_else(|| "the values are texts".to_owned())).collect()
}

impl List {
    /// Whether the list has a value, under a key where it has keys. What it says nothing about it has.
    pub fn has(&self, key: &str, value: &str) -> bool {
        let Some(patterns) = self.values.get(key) else { return true };
        patterns.iter().any(|pattern| matches(pattern, value))
    }

    /// What was probably meant by a value that the list does not have.
    pub fn near(&self, key: &str, value: &str) -> Near {
        let mut all: Vec<String> = Vec::new();
        for pattern in self.values.get(key).into_iter().flatten().filter(|pattern| !pattern.contains('*')) {
            expand(pattern, String::new(), &mut all);
        }
        let lower = value.to_lowercase();
        let limit = (value.chars().count() / 4).clamp(1, 2);
        let distance = |one: &String| strsim::damerau_levenshtein(&lower, &one.to_lowercase());
        let least = all.iter().map(distance).min().unwrap_or(usize::MAX);
        // One digit is as near to a version as any other.
        let is_version = value.chars().all(|c| c.is_ascii_digit() || c == '.');
        if least <= limit && !is_version {
            let mut nearest: Vec<String> = all.iter().filter(|one| distance(one) == least).cloned().collect();
            match nearest.len() {
                1 => return Near::One(nearest.swap_remove(0)),
                2 | 3 => return Near::Several(nearest),
                _ => {}
            }
        }
        let family = family(value, all);
        let more = family.len().saturating_sub(MOST_TOLD);
        // Lists go from old to new.
        Near::Among(family.into_iter().skip(more).collect(), more > 0)
    }
}

/// Those that begin as the value does, up to its last dot, else up to an earlier one; else all.
fn family(value: &str, mut all: Vec<String>) -> Vec<String> {
    let mut stem = value;
    while let Some((shorter, _)) = stem.rsplit_once('.') {
        stem = shorter;
        let prefix = format!("{stem}.");
        if all.iter().any(|one| one.starts_with(&prefix)) {
            all.retain(|one| one.starts_with(&prefix));
            break;
        }
    }
    all
}

/// The part before the first `{` of a pattern, the alternatives between the braces, the part after them.
fn braces(pattern: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = pattern.split_once('{')?;
    let (inside, after) = rest.split_once('}')?;
    Some((before, inside, after))
}

/// Whether a text is one of those that a pattern stands for.
fn matches(pattern: &str, text: &str) -> bool {
    // What comes first decides: each is gone through from left to right.
    let brace = pattern.find('{').unwrap_or(pattern.len());
    if let Some((before, after)) = pattern.split_once('*').filter(|(before, _)| before.len() < brace) {
        let Some(rest) = text.strip_prefix(before) else { return false };
        let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        return ends.into_iter().any(|at| rest.get(at..).is_some_and(|rest| matches(after, rest)));
    }
    let Some((before, inside, after)) = braces(pattern) else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    inside.split(',').any(|one| rest.strip_prefix(one).is_some_and(|rest| matches(after, rest)))
}

/// Adds all texts that a pattern stands for, each after what stands before the pattern.
fn expand(pattern: &str, so_far: String, all: &mut Vec<String>) {
    match braces(pattern) {
        None => all.push(so_far + pattern),
        Some((before, inside, after)) => {
            for one in inside.split(',') {
                expand(after, format!("{so_far}{before}{one}"), all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn every_list_is_read_and_dated() {
        assert!(list_names().count() >= 9);
        let day = regex_lite::Regex::new(r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$").unwrap();
        for name in list_names() {
            let list = read_list(name).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert!(day.is_match(&list.as_of), "{name}: {}", list.as_of);
            assert!(!list.title.is_empty(), "{name}");
            for (key, patterns) in &list.values {
                let mut all = Vec::new();
                patterns.iter().for_each(|pattern| expand(pattern, String::new(), &mut all));
                assert!(!all.is_empty() && all.iter().all(|one| list.has(key, one)), "{name}");
                let distinct: std::collections::HashSet<&String> = all.iter().collect();
                let twice = all.len() - distinct.len();
                assert_eq!(twice, 0, "{name} {key} has values twice");
            }
        }
    }

    #[test]
    fn patterns_stand_for_many() {
        for (pattern, text, is) in [
            ("db.{t3,t4g}.{micro,small}", "db.t4g.small", true),
            ("db.{t3,t4g}.{micro,small}", "db.t4g.large", false),
            ("8.0{,.35}", "8.0", true),
            ("8.0{,.35}", "8.0.3", false),
            ("* on {a,b}", "c on b", true),
            ("{a,b} *", "b ", true),
            ("{a,b} *", "b", false),
        ] {
            assert_eq!(matches(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn the_nearest_is_told_when_there_is_one() {
        let near = |list_name: &str, key, value| list(list_name).unwrap().near(key, value);
        let one = |text: &str| Near::One(text.to_owned());
        assert_eq!(near("db_instance_classes", "", "db.t3.mirco"), one("db.t3.micro"));
        assert_eq!(near("regions", "", "us-esat-1"), one("us-east-1"));
        assert_eq!(near("ec2_instance_types", "", "T3.Micro"), one("t3.micro"));
        let Near::Among(versions, true) = near("db_engine_versions", "mysql", "8.4.99") else { panic!() };
        assert!(versions.iter().all(|one| one.starts_with("8.4.")), "{versions:?}");
        assert!(list("db_engine_versions").unwrap().has("oracle", "19"), "nothing is said about it");
    }
}
