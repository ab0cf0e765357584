//! The variables of an environment in a draft: endpoints by the outputs of what has them, secrets as secrets.

use super::draft::Draft;
use crate::eval::{Value, show};

impl Draft<'_> {
    /// The variables of an environment: endpoints of what is in the file by their outputs, and what looks like a secret as one.
    pub fn variables(
        &mut self,
        environment: &str,
        variables: &[(String, String)],
        endpoints: &[(String, String)],
    ) -> String {
        let mut pairs = Vec::new();
        for (name, text) in variables {
            let whole = endpoints.iter().find(|(endpoint, _)| endpoint == text);
            let expression = match whole {
                Some((_, node)) => format!("{node}.endpoint"),
                None if looks_secret(name, text) => self.secret(environment, name),
                None => {
                    let mut shown = show(&Value::from(text.as_str()));
                    for (endpoint, node) in endpoints {
                        shown = shown.replace(endpoint.as_str(), &format!("${{{node}.endpoint}}"));
                    }
                    shown
                }
            };
            pairs.push(format!("{} = {expression}", key(name)));
        }
        if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
    }
}

/// The key of a map.
pub(super) fn key(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { show(&Value::from(name)) }
}

/// Whether a variable may hold a secret, by its name or its text. Better one too many: it is only declared.
fn looks_secret(name: &str, text: &str) -> bool {
    const WORDS: [&str; 9] =
        ["PASS", "PWD", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "AUTH", "PRIVATE", "CERT"];
    let name = name.to_ascii_uppercase();
    let has = |test: fn(&char) -> bool| text.chars().any(|c| test(&c));
    let random = text.len() >= 16
        && !text.contains(['.', ' ', '/', ':', ','])
        && has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic);
    let user = text
        .split_once("://")
        .is_some_and(|(_, rest)| rest.split('/').next().is_some_and(|a| a.contains('@')));
    WORDS.iter().any(|word| name.contains(word)) || random || user
}

#[cfg(test)]
mod tests {
    use super::super::library;
    use super::*;

    #[test]
    fn variables_name_endpoints_and_hide_what_may_be_secret() {
        let (schema, sources) = library();
        let mut draft = Draft::new(&schema, &sources);
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let variables = [
            pair("DB_HOST", "db.x.rds.amazonaws.com"),
            pair("DB_URL", "jdbc:mysql://db.x.rds.amazonaws.com/shop"),
            pair("DB_PASSWORD", "hunter2"),
            pair("SESSION", "a1b2c3d4e5f6a7b8c9d0"),
            pair("BROKER", "amqps://me:hunter2@host"),
            pair("MODE", "live"),
        ];
        let endpoints = [pair("db.x.rds.amazonaws.com", "mysql")];
        let text = draft.variables("web", &variables, &endpoints);
        assert_eq!(
            text,
            "{ DB_HOST = mysql.endpoint, DB_URL = \"jdbc:mysql://${mysql.endpoint}/shop\", \
             DB_PASSWORD = web_db_password, SESSION = web_session, BROKER = web_broker, MODE = \"live\" }"
        );
    }
}
