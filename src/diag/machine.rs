//! Findings for programs: short lines, JSON, SARIF, GitHub's workflow commands.

use serde_json::{Value, json};
use std::fmt::Write as _;

use super::{Diagnostic, Fix, Severity};
use crate::base::{SourceMap, Span};

/// The schema that SARIF output satisfies.
const SARIF_SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The file with the line and column, both from 1, of a span's two ends.
struct Region<'a> {
    file: &'a str,
    start: (usize, usize),
    end: (usize, usize),
}

fn region(span: Span, sources: &SourceMap) -> Region<'_> {
    let (file, line, column) = sources.position(span).unwrap_or(("", 1, 1));
    let end = Span::new(span.end, span.end);
    let (_, end_line, end_column) = sources.position(end).unwrap_or((file, line, column));
    Region { file, start: (line, column), end: (end_line, end_column) }
}

pub(super) fn short(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::new();
    for d in diagnostics {
        let Region { file, start: (line, column), .. } = region(d.span, sources);
        let _ = writeln!(out, "{file}:{line}:{column}: {}[{}]: {}", word(d.severity), d.code, d.message);
    }
    out
}

pub(super) fn github(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let mut out = String::new();
    for d in diagnostics {
        let Region { file, start, end } = region(d.span, sources);
        let help = d.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        let _ =
            write!(out, "::{} file={},line={},endLine={}", word(d.severity), property(file), start.0, end.0);
        // GitHub refuses columns that span lines.
        if start.0 == end.0 {
            let _ = write!(out, ",col={},endColumn={}", start.1, end.1);
        }
        let _ = writeln!(out, ",title={}::{}", property(d.code), data(&format!("{}{help}", d.message)));
    }
    out
}

pub(super) fn json(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let place = |span: Span| {
        let Region { file, start, end } = region(span, sources);
        json!({
            "file": file,
            "start": { "line": start.0, "column": start.1 },
            "end": { "line": end.0, "column": end.1 },
        })
    };
    let all: Vec<Value> = diagnostics
        .iter()
        .map(|d| {
            json!({
                "code": d.code,
                "severity": word(d.severity),
                "message": d.message,
                "place": place(d.span),
                "label": d.label,
                "related": d.related.iter().map(|l| json!({ "place": place(l.span), "text": l.text })).collect::<Vec<_>>(),
                "help": d.help,
                "fix": d.fix.as_ref().map(|fix| json!({
                    "title": fix.title,
                    "edits": fix.edits.iter().map(|e| json!({ "place": place(e.span), "text": e.text })).collect::<Vec<_>>(),
                })),
            })
        })
        .collect();
    pretty(&Value::Array(all))
}

pub(super) fn sarif(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut codes: Vec<&str> = diagnostics.iter().map(|d| d.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let location = |span: Span| {
        let Region { file, .. } = region(span, sources);
        json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(file) },
            "region": sarif_region(span, sources),
        }})
    };
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|d| {
            let help = d.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
            let mut result = json!({
                "ruleId": d.code,
                "ruleIndex": codes.binary_search(&d.code).unwrap_or(0),
                "level": word(d.severity),
                "message": { "text": format!("{}{help}", d.message) },
                "locations": [location(d.span)],
            });
            if let Some(fields) = result.as_object_mut() {
                if !d.related.is_empty() {
                    let related: Vec<Value> = d
                        .related
                        .iter()
                        .map(|label| {
                            let mut place = location(label.span);
                            if let Some(place) = place.as_object_mut() {
                                place.insert("message".into(), json!({ "text": label.text }));
                            }
                            place
                        })
                        .collect();
                    fields.insert("relatedLocations".into(), Value::Array(related));
                }
                if let Some(fix) = &d.fix {
                    fields.insert("fixes".into(), json!([sarif_fix(fix, sources)]));
                }
            }
            result
        })
        .collect();
    let rules: Vec<Value> = codes.iter().map(|code| sarif_rule(code)).collect();
    pretty(&json!({
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "vpipe", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn sarif_rule(name: &str) -> Value {
    match super::code(name) {
        Some(code) => json!({
            "id": name,
            "shortDescription": { "text": code.summary },
            "help": { "text": code.page, "markdown": code.page },
        }),
        None => json!({ "id": name }),
    }
}

fn sarif_region(span: Span, sources: &SourceMap) -> Value {
    let Region { start, end, .. } = region(span, sources);
    json!({ "startLine": start.0, "startColumn": start.1, "endLine": end.0, "endColumn": end.1 })
}

fn sarif_fix(fix: &Fix, sources: &SourceMap) -> Value {
    let changes: Vec<Value> = fix
        .edits
        .iter()
        .map(|edit| {
            json!({
                "artifactLocation": { "uri": uri(region(edit.span, sources).file) },
                "replacements": [{
                    "deletedRegion": sarif_region(edit.span, sources),
                    "insertedContent": { "text": edit.text },
                }],
            })
        })
        .collect();
    json!({ "description": { "text": fix.title }, "artifactChanges": changes })
}

/// A path as a relative URI reference.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte as char)
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

fn pretty(value: &Value) -> String {
    // A JSON value always has a text.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn one() -> (Vec<Diagnostic>, SourceMap) {
        let mut sources = SourceMap::default();
        sources.add("first.vpipe", "x\n").unwrap();
        let file = sources.add("my file.vpipe", "let a = é wrng\n").unwrap();
        let span = Span::new(file.base + 11, file.base + 15);
        let found = Diagnostic::error("unknown-name", span, "there is no `wrng`")
            .help("did you mean `wrong`?")
            .fix("change to `wrong`", span, "wrong");
        (vec![found], sources)
    }

    #[test]
    fn columns_count_characters() {
        let (found, sources) = one();
        assert_eq!(short(&found, &sources), "my file.vpipe:1:11: error[unknown-name]: there is no `wrng`\n");
    }

    #[test]
    fn github_commands_are_escaped() {
        let (found, sources) = one();
        assert_eq!(
            github(&found, &sources),
            "::error file=my file.vpipe,line=1,endLine=1,col=11,endColumn=15,title=unknown-name::there is no `wrng`%0Ahelp: did you mean `wrong`?\n"
        );
    }

    #[test]
    fn sarif_carries_the_fix_and_the_page() {
        let (found, sources) = one();
        let log: Value = serde_json::from_str(&sarif(&found, &sources)).unwrap();
        let rule = &log["runs"][0]["tool"]["driver"]["rules"][0];
        assert_eq!(rule["shortDescription"]["text"], "a name that nothing has");
        let change = &log["runs"][0]["results"][0]["fixes"][0]["artifactChanges"][0];
        assert_eq!(change["artifactLocation"]["uri"], "my%20file.vpipe");
        assert_eq!(change["replacements"][0]["insertedContent"]["text"], "wrong");
        assert_eq!(change["replacements"][0]["deletedRegion"]["startColumn"], 11);
    }

    #[test]
    fn json_is_an_array_even_when_empty() {
        assert_eq!(json(&[], &SourceMap::default()), "[]\n");
    }
}
