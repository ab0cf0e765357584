//! Every code that a finding about a user's file can carry, in one place.

/// A code that a finding about a user's file can carry.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The stable kebab-case code itself.
    pub name: &'static str,
    /// What it says in a few words.
    pub summary: &'static str,
    /// Whether findings with it can be warnings, which may be allowed.
    pub warns: bool,
    /// The page in Markdown: what it means, why, what to do; a wrong and a right example, where a file can show it.
    pub page: &'static str,
}

/// Every code with its summary and its page, `explain/CODE.md`: none compiles without.
macro_rules! codes {
    ($($name:literal $($warns:ident)?: $summary:literal,)*) => {
        /// The codes in alphabetical order.
        pub const CODES: &[Code] = &[$(Code {
            name: $name,
            summary: $summary,
            warns: codes!(@$($warns)?),
            page: include_str!(concat!("explain/", $name, ".md")),
        },)*];
    };
    (@warns) => { true };
    (@) => { false };
}

codes! {
    "attribute-expected": "an attribute is written like a block",
    "block-expected": "a block is written like an attribute",
    "cannot-evaluate": "an expression has no value",
    "cyclic-module": "a module uses itself",
    "cyclic-type": "a type refers to itself",
    "dependency-cycle": "names or resources refer to each other in a circle",
    "duplicate-attribute": "an attribute is given twice",
    "duplicate-block": "two blocks have the same name",
    "duplicate-name": "a name is declared twice",
    "duplicate-physical-name": "two resources have the same name in AWS",
    "duplicate-pipeline": "a file has two pipelines",
    "duplicate-rollout": "a file has two rollouts",
    "empty-expect" warns: "a probe accepts any answer",
    "empty-file": "a file declares nothing",
    "empty-step" warns: "a step does nothing",
    "existing-only": "a resource of this kind is only looked up",
    "incomparable": "two values are never equal",
    "invalid-action": "an action of a step is not written right",
    "invalid-allow": "an `allow` is not written right, or allows what it cannot",
    "invalid-arguments": "a call has too few, too many or unknown arguments",
    "invalid-character": "a character that has no meaning here",
    "invalid-condition": "a condition of a probe is not written right",
    "invalid-escape": "a text holds an unknown escape",
    "invalid-format": "a text is not of the format that is asked for",
    "invalid-header": "the values before a block's brace are not right",
    "invalid-key": "a loop cannot name its resources",
    "invalid-kind": "a kind of the library is not written right",
    "invalid-length": "a text is too short or too long",
    "invalid-name": "a name is not written right",
    "invalid-needs": "a step needs itself or a later one",
    "invalid-number": "a number cannot be read",
    "invalid-option": "a raw setting cannot be set like this",
    "invalid-range": "a range ends before it begins",
    "invalid-refinement": "a type is not bounded right",
    "invalid-secret": "a secret is read from where it cannot come",
    "invalid-setting": "a setting of `vpipe.toml` is not right",
    "invalid-tag": "a tag is not what AWS allows",
    "invalid-value": "a value is not what is asked for",
    "misplaced-declaration": "a declaration stands where it cannot",
    "misplaced-env": "the environment or a store is read outside of a secret",
    "missing-attribute": "a required attribute is not given",
    "missing-field": "a required entry of a map is not given",
    "missing-file": "the file is not there",
    "missing-lookup": "a look-up does not say how to find its resource",
    "missing-module": "a module is not there",
    "missing-option" warns: "a raw setting needs another one",
    "missing-parameter": "a parameter has no value",
    "missing-pipeline": "a file does not say which pipeline it is",
    "missing-resource": "a resource is not made in this stage",
    "missing-secret": "a secret is not there",
    "missing-stage": "it is not said which stage is meant",
    "not-existing": "a resource of this kind cannot be looked up",
    "not-known-yet": "a value is needed before its resource exists",
    "out-of-range": "a number is too small or too large",
    "plain-interpolation" warns: "a text names something without `${…}`",
    "plain-secret": "a secret stands in the file in plain text",
    "possibly-none": "a value that may be missing is used as if it were there",
    "rule-violated" warns: "a rule of the library is broken",
    "secret-exposed": "a secret would be shown in the open",
    "shadowed-name" warns: "a name hides another",
    "syntax-error": "the text cannot be read",
    "template-mismatch": "a template and its values do not belong together",
    "too-deep": "an expression nests too deeply",
    "too-large": "a type, a value or a file is too large",
    "too-many-findings": "there are more findings than are shown",
    "too-many-tags": "a resource has more tags than AWS allows",
    "type-mismatch": "a value is of the wrong type",
    "unclosed-brace": "a bracket is never closed",
    "unclosed-string": "a text is never closed",
    "unknown-action": "a step does something that there is not",
    "unknown-attribute": "an attribute that there is not",
    "unknown-block": "a block that there is not",
    "unknown-choice": "a text or word that is none of those to choose from",
    "unknown-field": "an entry of a map that there is not",
    "unknown-function": "a function that there is not",
    "unknown-kind": "a kind that there is not",
    "unknown-name": "a name that nothing has",
    "unknown-option" warns: "a raw setting that there is not",
    "unknown-output": "an output that there is not",
    "unknown-parameter": "a parameter that there is not",
    "unknown-stage": "a stage that there is not",
    "unknown-step": "a step that there is not",
    "unknown-type": "a type that there is not",
    "unknown-unit": "a unit that there is not",
    "unlisted-value" warns: "a value that a dated list of what AWS has does not have",
    "unopened-brace": "a bracket is closed that was never opened",
    "unreadable-file": "the file cannot be read",
    "unreadable-secret": "a secret is there and cannot be read",
    "unused-allow" warns: "an `allow` is not needed",
    "unused-name" warns: "a name that nothing refers to",
    "used-too-early" warns: "a step uses a file before one makes it",
}

/// What is known about a code.
pub fn code(name: &str) -> Option<&'static Code> {
    CODES.binary_search_by_key(&name, |code| code.name).ok().and_then(|at| CODES.get(at))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The codes in the sources of the rooms that say something about a file, behind the calls that make findings.
    fn used(calls: &str) -> BTreeSet<String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let made = format!(r#"(?:{calls})\(\s*"([a-z]+(?:-[a-z]+)*)""#);
        let made = regex_lite::Regex::new(&made).unwrap();
        let mut found = BTreeSet::new();
        let mut folders: Vec<_> =
            ["diag", "syntax", "schema", "check", "eval"].map(|room| source.join(room)).into();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                found.extend(made.captures_iter(code).map(|found| found[1].to_owned()));
            }
        }
        found
    }

    #[test]
    fn the_codes_that_are_used_are_listed_in_order() {
        assert!(CODES.is_sorted_by_key(|code| code.name));
        let calls = r"Diagnostic::(?:error|warning)|Flaw::new|self\.error";
        let unlisted: Vec<String> = used(calls).into_iter().filter(|name| code(name).is_none()).collect();
        assert_eq!(unlisted, Vec::<String>::new());
    }

    #[test]
    fn what_warns_says_so() {
        let warns: BTreeSet<String> =
            CODES.iter().filter(|code| code.warns).map(|code| code.name.to_owned()).collect();
        assert_eq!(used("Diagnostic::warning"), warns);
    }

    #[test]
    fn the_pages_are_those_of_the_codes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diag/explain");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(code(name.trim_end_matches(".md")).is_some(), "`{name}` explains no code");
        }
    }
}
