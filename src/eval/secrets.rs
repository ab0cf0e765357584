//! Where the texts of secrets come from.

use super::evaluate::Secrets;
use super::names::{mix, stable_hash};

/// How many characters a made-up secret has: it fits every password rule of the standard library.
const LENGTH: usize = 24;

/// What letters and digits a made-up secret is made of. Those that people confuse are left out.
const LETTERS: &[u8; 57] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// What came of reading a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Its text.
    Text(String),
    /// A text that was made up.
    MadeUp(String),
    /// Nothing was read, and the text is not to be judged.
    Unread,
    /// The variable is not set.
    Unset,
    /// The variable is set to the empty text.
    Empty,
}

/// Reads an environment variable.
pub(super) fn read(secrets: &Secrets, variable: &str) -> Read {
    match secrets {
        Secrets::Unread => Read::Unread,
        Secrets::Given(given) => match given.get(variable) {
            Some(text) if text.is_empty() => Read::Empty,
            Some(text) => Read::Text(text.clone()),
            None => Read::Unset,
        },
        Secrets::OrMadeUp { given, seed } => match given.get(variable) {
            Some(text) if !text.is_empty() => Read::Text(text.clone()),
            _ => Read::MadeUp(made_up(seed, variable)),
        },
    }
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
        assert_eq!(read(&aws, "A"), Read::Text("a".to_owned()));
        assert_eq!((read(&aws, "B"), read(&aws, "E")), (Read::Unset, Read::Empty));
        let local = Secrets::OrMadeUp { given, seed: String::new() };
        assert_eq!(read(&local, "A"), Read::Text("a".to_owned()));
        assert!(matches!(read(&local, "E"), Read::MadeUp(_)));
        assert_eq!(read(&Secrets::Unread, "A"), Read::Unread);
    }
}
