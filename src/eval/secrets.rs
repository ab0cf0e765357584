//! Where the texts of secrets come from.

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::evaluate::Secrets;
use super::evaluator::{ANY, Cx, Evaluator};
use super::names::{mix, stable_hash};
use super::value::{Secret, Value};
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::syntax::ast::{self, ExprKind, ItemKind};

/// How many characters a made-up secret has: it fits every password rule of the standard library.
const LENGTH: usize = 24;

/// What letters and digits a made-up secret is made of. Those that people confuse are left out.
const LETTERS: &[u8; 57] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Something that a store keeps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StoredSecret {
    /// A secret of Secrets Manager: its name or ARN.
    SecretsManager(String),
    /// A parameter of SSM: its name or ARN.
    Parameter(String),
}

/// What was read from stores.
pub type Stored = IndexMap<StoredSecret, Result<String, Unreadable>>;

/// Why a store did not give a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Whether it is not there at all.
    pub absent: bool,
    /// Why, in words.
    pub why: String,
    /// What to do.
    pub help: String,
}

/// Where the text of a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// An environment variable.
    Variable(String),
    /// A store, and the member of the JSON object that it keeps.
    Stored(StoredSecret, Option<String>),
}

/// What came of reading a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Read {
    /// Its text.
    Text(String),
    /// A text that was made up.
    MadeUp(String),
    /// Nothing was read, and the text is not to be judged.
    Unread,
    /// There is none: the code, why, and what to do.
    Wrong(&'static str, String, String),
}

impl std::fmt::Display for Source {
    /// As messages name it: the variable alone, a store as the file says it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Variable(name) => f.write_str(name),
            Source::Stored(StoredSecret::Parameter(name), _) => write!(f, "ssm_parameter(\"{name}\")"),
            Source::Stored(StoredSecret::SecretsManager(name), None) => {
                write!(f, "secrets_manager(\"{name}\")")
            }
            Source::Stored(StoredSecret::SecretsManager(name), Some(key)) => {
                write!(f, "secrets_manager(\"{name}\", key: \"{key}\")")
            }
        }
    }
}

impl<'a> Evaluator<'a> {
    /// `secret NAME = env("VARIABLE")`, `secrets_manager("NAME")`, `ssm_parameter("/NAME")`
    pub(super) fn secret(&mut self, secret: &'a ast::Secret, cx: Cx<'a>) -> Option<Value> {
        let place = secret.source.span;
        let source = self.source(secret, cx)?;
        let name = secret.name.value.as_str();
        let text = match self.read(&source) {
            Read::Text(text) => text,
            Read::MadeUp(text) => {
                let words = source.to_string();
                if !self.made_up.contains(&words) {
                    self.made_up.push(words);
                }
                text
            }
            Read::Unread => String::new(),
            Read::Wrong(code, why, help) => {
                let finding = Diagnostic::error(code, place, why);
                return self.wrong(finding.label(format!("the secret `{name}` comes from it")).help(help));
            }
        };
        Some(Value::Secret(Secret::new(name, text)))
    }

    /// The secrets that the file declares, also those that nothing uses any more: what used one may have to be deleted with
    /// it. One that cannot be read is left out then.
    pub(super) fn declared_secrets(&mut self) -> Vec<Secret> {
        let items = &self.program.root.ast.items;
        let declared = items.iter().filter_map(|item| match &item.kind {
            ItemKind::Secret(secret) => Some(secret),
            _ => None,
        });
        let mut found = Vec::new();
        for secret in declared {
            let name = secret.name.value.as_str();
            let Some(source) = self.source(secret, Cx { frame: Self::ROOT, about: name }) else { continue };
            if let Read::Text(text) | Read::MadeUp(text) = self.read(&source) {
                found.push(Secret::new(name, text));
            }
        }
        found
    }

    /// What the file says where a secret comes from; its names are known and well formed.
    fn source(&mut self, secret: &'a ast::Secret, cx: Cx<'a>) -> Option<Source> {
        let ExprKind::Call(function, args) = &secret.source.kind else { return None };
        let (name, key) = (args.first()?, args.get(1));
        let span = name.value.span;
        let text = self.known_text(&name.value, cx)?;
        let key = match key {
            Some(key) => Some(self.known_text(&key.value, cx)?),
            None => None,
        };
        let stored = match function.value.as_str() {
            "secrets_manager" => StoredSecret::SecretsManager(text),
            "ssm_parameter" => StoredSecret::Parameter(text),
            _ => return Some(Source::Variable(text)),
        };
        match stored.flaw() {
            Some((why, help)) => self.invalid(span, why, help),
            None => Some(Source::Stored(stored, key)),
        }
    }

    fn invalid<T>(&mut self, span: Span, why: String, help: &str) -> Option<T> {
        self.wrong(Diagnostic::error("invalid-secret", span, why).help(help))
    }

    fn known_text(&mut self, expr: &'a ast::Expr, cx: Cx<'a>) -> Option<String> {
        match self.value(expr, &ANY, cx)? {
            Value::String(text) => Some(text),
            _ => {
                let message = "where a secret is kept must be known before the run";
                self.wrong(Diagnostic::error("cannot-evaluate", expr.span, message))
            }
        }
    }

    fn read(&mut self, source: &Source) -> Read {
        match source {
            Source::Variable(name) => variable(&self.inputs.secrets, name),
            Source::Stored(..) if self.checking() => Read::Unread,
            Source::Stored(stored, key) => match self.inputs.stored.get(stored) {
                Some(found) => from_store(&self.inputs.secrets, found, key.as_deref(), source),
                None => {
                    self.unread.insert(stored.clone());
                    Read::Unread
                }
            },
        }
    }
}

impl StoredSecret {
    /// What is wrong with the name, and what to do.
    fn flaw(&self) -> Option<(String, &'static str)> {
        let fits = |text: &str, others: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
        };
        match self {
            Self::SecretsManager(name) if name.starts_with("arn:") => None,
            Self::SecretsManager(name) if !fits(name, "/_+=.@-") || name.len() > 512 => Some((
                format!("`{name}` is no name of a secret"),
                "write letters, digits and `/_+=.@-`, such as `shop/db`",
            )),
            Self::Parameter(name) if name.starts_with("arn:") => None,
            Self::Parameter(name) if !fits(name, "/_.-") || name.len() > 1011 => Some((
                format!("`{name}` is no name of a parameter"),
                "write letters, digits and `/_.-`, such as `/shop/db/password`",
            )),
            Self::Parameter(name) if name.contains('/') && !name.starts_with('/') => Some((
                format!("the parameter's name `{name}` does not begin with `/`"),
                "a name in levels begins with `/`, such as `/shop/db/password`",
            )),
            _ => None,
        }
    }
}

/// Reads an environment variable.
fn variable(secrets: &Secrets, variable: &str) -> Read {
    let missing = |why: &str| {
        let why = format!("the environment variable `{variable}` is {why}");
        let help = format!("set it before you run: `export {variable}=…`; {MADE_UP}");
        Read::Wrong("missing-secret", why, help)
    };
    match secrets {
        Secrets::Unread => Read::Unread,
        Secrets::Given(given) => match given.get(variable) {
            Some(text) if text.is_empty() => missing("empty"),
            Some(text) => Read::Text(text.clone()),
            None => missing("not set"),
        },
        Secrets::OrMadeUp { given, seed } => match given.get(variable) {
            Some(text) if !text.is_empty() => Read::Text(text.clone()),
            _ => Read::MadeUp(made_up(seed, variable)),
        },
    }
}

const MADE_UP: &str = "on the local cloud (`--local`) a missing secret is made up";

/// What a store gave, or the member of it.
fn from_store(
    secrets: &Secrets,
    found: &Result<String, Unreadable>,
    key: Option<&str>,
    source: &Source,
) -> Read {
    let text = match (found, secrets) {
        (Ok(text), _) => text,
        (Err(wrong), Secrets::OrMadeUp { seed, .. }) if wrong.absent => {
            return Read::MadeUp(made_up(seed, &source.to_string()));
        }
        (Err(wrong), _) => {
            let (code, more) = match wrong.absent {
                true => ("missing-secret", format!("; {MADE_UP}")),
                false => ("unreadable-secret", String::new()),
            };
            return Read::Wrong(code, wrong.why.clone(), format!("{}{more}", wrong.help));
        }
    };
    match key {
        None if text.is_empty() => wrong(format!("`{source}` is empty"), "give it a value"),
        None => Read::Text(text.clone()),
        Some(key) => member(text, key, source),
    }
}

/// A member of a JSON object. Nothing of the text is told; the names of members are no secrets.
fn member(text: &str, key: &str, source: &Source) -> Read {
    let Ok(Json::Object(members)) = serde_json::from_str::<Json>(text) else {
        let why = format!("what `{source}` reads is not a JSON object");
        return wrong(why, "leave `key` out, or store an object such as `{\"password\": \"…\"}`");
    };
    match members.get(key) {
        Some(Json::String(text)) if text.is_empty() => {
            wrong(format!("the member `{key}` of the JSON is empty"), "give it a value")
        }
        Some(Json::String(text)) => Read::Text(text.clone()),
        Some(number @ (Json::Number(_) | Json::Bool(_))) => Read::Text(number.to_string()),
        Some(_) => {
            wrong(format!("the member `{key}` of the JSON is not a text"), "name a member that holds a text")
        }
        None => {
            let names: Vec<&str> = members.keys().map(String::as_str).collect();
            let why = format!("the JSON has no member `{key}`");
            match crate::base::closest(key, names.iter().copied()) {
                Some(near) => wrong(why, &format!("did you mean `key: \"{near}\"`?")),
                None if names.is_empty() => wrong(why, "it has no members at all"),
                None => wrong(why, &format!("it has {}", crate::base::sentence_list(names, "and"))),
            }
        }
    }
}

fn wrong(why: String, help: &str) -> Read {
    Read::Wrong("unreadable-secret", why, help.to_owned())
}

/// Letters and digits that depend on the seed and the name alone. They guard nothing but a local cloud, so a hash that
/// is not cryptographic will do.
fn made_up(seed: &str, name: &str) -> String {
    let mut state = stable_hash(&format!("{seed}\n{name}"));
    let letters = (0..LENGTH).map(|_| {
        state = mix(state);
        let at = usize::try_from(state % LETTERS.len() as u64).unwrap_or_default();
        char::from(LETTERS.get(at).copied().unwrap_or(b'a'))
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use indexmap::IndexMap;

    #[test]
    fn made_up_secrets_stay_the_same_and_differ() {
        let (a, b) = (made_up("seed", "A"), made_up("seed", "B"));
        assert_eq!(a, made_up("seed", "A"));
        assert!(a != b && a != made_up("other", "A"));
        assert!(a.len() == LENGTH && a.chars().all(|c| c.is_ascii_alphanumeric()));
        let mut unlike: Vec<char> = a.chars().collect();
        unlike.sort_unstable();
        unlike.dedup();
        assert!(unlike.len() >= 4, "Amazon MQ wants four different characters: {a}");
    }

    #[test]
    fn given_secrets_win_and_missing_ones_are_told() {
        let given = IndexMap::from([("A".to_owned(), "a".to_owned()), ("E".to_owned(), String::new())]);
        let aws = Secrets::Given(given.clone());
        assert_eq!(variable(&aws, "A"), Read::Text("a".to_owned()));
        assert!(
            matches!(variable(&aws, "B"), Read::Wrong("missing-secret", why, _) if why.ends_with("not set"))
        );
        assert!(
            matches!(variable(&aws, "E"), Read::Wrong("missing-secret", why, _) if why.ends_with("empty"))
        );
        let local = Secrets::OrMadeUp { given, seed: String::new() };
        assert_eq!(variable(&local, "A"), Read::Text("a".to_owned()));
        assert!(matches!(variable(&local, "E"), Read::MadeUp(_)));
        assert_eq!(variable(&Secrets::Unread, "A"), Read::Unread);
    }

    #[test]
    fn a_member_is_found_and_nothing_else_is_told() {
        let source = Source::Stored(StoredSecret::SecretsManager("shop/db".to_owned()), Some("x".to_owned()));
        let text = r#"{"password": "hunter2", "port": 3306, "more": {}, "none": ""}"#;
        assert_eq!(member(text, "password", &source), Read::Text("hunter2".to_owned()));
        assert_eq!(member(text, "port", &source), Read::Text("3306".to_owned()));
        for (text, key, says) in [
            (text, "pasword", "did you mean `key: \"password\"`?"),
            (text, "zzz", "it has `password`, `port`, `more` and `none`"),
            (text, "more", "name a member that holds a text"),
            (text, "none", "give it a value"),
            ("hunter2", "password", "leave `key` out, or store an object such as `{\"password\": \"…\"}`"),
            ("{}", "password", "it has no members at all"),
        ] {
            let Read::Wrong("unreadable-secret", why, help) = member(text, key, &source) else {
                panic!("{key}")
            };
            assert_eq!(help, says);
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn only_what_is_absent_is_made_up() {
        let source = Source::Stored(StoredSecret::Parameter("/a".to_owned()), None);
        let local = Secrets::OrMadeUp { given: IndexMap::new(), seed: "s".to_owned() };
        let (why, help) = (String::new(), String::new());
        let absent = Err(Unreadable { absent: true, why: why.clone(), help: help.clone() });
        assert_eq!(
            from_store(&local, &absent, None, &source),
            Read::MadeUp(made_up("s", "ssm_parameter(\"/a\")"))
        );
        let aws = Secrets::Given(IndexMap::new());
        assert!(matches!(from_store(&aws, &absent, None, &source), Read::Wrong("missing-secret", ..)));
        let denied = Err(Unreadable { absent: false, why, help });
        assert!(matches!(from_store(&local, &denied, None, &source), Read::Wrong("unreadable-secret", ..)));
    }
}
