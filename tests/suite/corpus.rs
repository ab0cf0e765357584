//! Test cases as text: `tests/corpus/ROOM/*.vpipe`, each file many cases, no Rust.
//!
//! ```text
//! --- name-of-the-case ---
//! db_instance a { engin = "mysql" }
//! //              ^^^^^ error unknown-attribute: `db_instance` has no attribute `engin`
//! //                    help: did you mean `engine`?
//! ```
//!
//! - A case gives exactly the findings that are written under its lines; a case without any is clean.
//! - Carets stand under the text that must be underlined. Where they cannot (the first two columns, several lines, the
//!   end of the file), `//@ error CODE "UNDERLINED": MESSAGE` says it; the underlined text begins on the line above.
//! - `help: …`, `see "UNDERLINED": LABEL` (a related place) and `fix: …` (that line after the fix) are compared when
//!   written, in lines `//    help: …` after the finding.
//! - `//- other.vpipe` begins another file of the case.
//! - `//= LINE` stands in the right twin instead of the line above (`mistakes` only; several may follow each other, and
//!   an empty one removes the line).
//! - `⟦U+00A0⟧` stands for a character that cannot be seen.
//! - A fix must make its finding go away.
//!
//! `VPIPE_CORPUS=write cargo test …` writes what is found into the files; read the difference before you keep it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use vpipe::base::{SourceMap, Span};
use vpipe::diag::{Diagnostic, Severity};

/// One case.
pub struct Case {
    /// Its name.
    pub name: String,
    /// Its files; the first is the one that is run.
    pub files: Vec<CaseFile>,
}

/// One file of a case.
pub struct CaseFile {
    /// Its name.
    pub name: String,
    /// The code, without the lines of expectations.
    pub code: String,
    /// For lines of the code, from 0, what stands there in the right twin.
    pub instead: BTreeMap<usize, Vec<String>>,
    expected: Vec<Expected>,
}

impl CaseFile {
    /// A file without code yet.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), code: String::new(), instead: BTreeMap::new(), expected: Vec::new() }
    }

    /// The code with the characters that cannot be seen.
    pub fn text(&self) -> String {
        revealed(&self.code)
    }
}

/// The text with `⟦U+00A0⟧` made the character.
fn revealed(text: &str) -> String {
    let mut parts = text.split("⟦U+");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('⟧').expect("`⟦U+…⟧`");
        out.push(char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap());
        out.push_str(rest);
    }
    out
}

/// The text with the characters that cannot be seen made `⟦U+00A0⟧`.
fn hidden(text: &str) -> String {
    let unseen = |c: char| {
        c != '\n'
            && (c.is_control()
                || c.is_whitespace() && c != ' '
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}'))
    };
    text.chars().fold(String::new(), |mut out, c| {
        match unseen(c) {
            true => drop(write!(out, "⟦U+{:04X}⟧", u32::from(c))),
            false => out.push(c),
        }
        out
    })
}

/// A finding, as expected or as made.
#[derive(Clone, Debug, PartialEq)]
struct Expected {
    /// From 0, among the lines of code.
    line: usize,
    /// Column in characters and length, when carets say so.
    column: Option<usize>,
    underlined: String,
    /// `error CODE: MESSAGE`
    head: String,
    help: Option<String>,
    see: Vec<String>,
    fix: Option<String>,
}

/// What running a case gives.
pub struct Findings {
    /// The texts.
    pub sources: SourceMap,
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Runs every case of a room and compares.
pub fn run_room(room: &str, run: impl Fn(&Case) -> Findings) {
    run_cases(room, run, None);
}

/// What more is wrong with a case.
pub type More<'a> = &'a dyn Fn(&Case, &Findings) -> Vec<String>;

/// Runs every case of a room and compares; where there is more to be asked of it, helps and fixes must be written, too.
pub fn run_cases(room: &str, run: impl Fn(&Case) -> Findings, more: Option<More>) {
    let mut failures = String::new();
    let write = std::env::var_os("VPIPE_CORPUS").is_some_and(|value| value == "write");
    let files = files(&folder(room));
    for path in &files {
        let text = std::fs::read_to_string(path).unwrap();
        let (head, cases) = cases(&text);
        let mut out = head;
        for case in &cases {
            let findings = run(case);
            let actual = actual(case, &findings);
            let mut wrong = compare(case, &actual, more.is_some());
            wrong.extend(useless_fixes(case, &findings, &run));
            wrong.extend(more.iter().flat_map(|more| more(case, &findings)));
            let written = render(case, &actual, more.is_some());
            if !wrong.is_empty() {
                let _ = write!(failures, "\n{}: {}\n", path.display(), case.name);
                for line in &wrong {
                    let _ = writeln!(failures, "  {line}");
                }
                let _ = write!(failures, "what is found, to paste:\n{written}");
            }
            out.push_str(&written);
        }
        if write {
            std::fs::write(path, out).unwrap();
        }
    }
    assert!(failures.is_empty() || write, "{failures}");
}

/// The folder of a room.
pub fn folder(room: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(room)
}

/// All `.vpipe` files below a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "vpipe") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text before the first case, and the cases.
pub fn cases(text: &str) -> (String, Vec<Case>) {
    let mut head = String::new();
    let mut cases: Vec<Case> = Vec::new();
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if let Some(name) = bare.strip_prefix("--- ").and_then(|rest| rest.strip_suffix(" ---")) {
            cases.push(Case { name: name.to_owned(), files: vec![CaseFile::new("main.vpipe")] });
            continue;
        }
        let Some(case) = cases.last_mut() else {
            head.push_str(line);
            continue;
        };
        if let Some(name) = bare.strip_prefix("//- ") {
            case.files.push(CaseFile::new(name));
            continue;
        }
        let file = case.files.last_mut().unwrap();
        if !expectation(file, bare) {
            file.code.push_str(line);
        }
    }
    for file in cases.iter_mut().flat_map(|case| &mut case.files) {
        // The blank line before the next case is no part of this one.
        if file.code.ends_with("\n\n") || file.code == "\n" {
            file.code.pop();
        }
    }
    (head, cases)
}

/// Reads a line of expectations; false when it is code.
fn expectation(file: &mut CaseFile, line: &str) -> bool {
    let Some(rest) = line.strip_prefix("//") else { return false };
    if let Some(instead) = rest.strip_prefix('=') {
        let at = file.code.lines().count().saturating_sub(1);
        let lines = file.instead.entry(at).or_default();
        lines.extend((!instead.is_empty()).then(|| instead.strip_prefix(' ').unwrap_or(instead).to_owned()));
        return true;
    }
    let at_sign = rest.strip_prefix('@');
    let rest = at_sign.unwrap_or(rest);
    let text = rest.trim_start();
    let at = file.code.lines().count().saturating_sub(1);
    let finding = |column, underlined, head: &str| Expected {
        line: at,
        column,
        underlined,
        head: head.to_owned(),
        help: None,
        see: Vec::new(),
        fix: None,
    };
    if text.starts_with('^') {
        let carets = text.len() - text.trim_start_matches('^').len();
        let column = line.chars().take_while(|c| *c != '^').count();
        let above = file.code.lines().last().unwrap_or_default();
        let underlined = above.chars().skip(column).take(carets).collect();
        file.expected.push(finding(Some(column), underlined, text[carets..].trim()));
        return true;
    }
    if at_sign.is_some() && (text.starts_with("error ") || text.starts_with("warning ")) {
        let (before, after) = text.split_once(" \"").expect("`//@ error CODE \"UNDERLINED\": MESSAGE`");
        let (underlined, message) = after.split_once("\": ").expect("`\"UNDERLINED\": MESSAGE`");
        let underlined = revealed(&underlined.replace("\\n", "\n"));
        file.expected.push(finding(None, underlined, &format!("{before}: {message}")));
        return true;
    }
    let Some(last) = file.expected.last_mut() else { return false };
    if let Some(help) = text.strip_prefix("help: ") {
        last.help = Some(help.to_owned());
    } else if let Some(see) = text.strip_prefix("see ") {
        last.see.push(see.to_owned());
    } else if let Some(fix) = text.strip_prefix("fix:") {
        last.fix = Some(fix.trim().to_owned());
    } else {
        return false;
    }
    true
}

/// The findings, file by file of the case.
fn actual(case: &Case, findings: &Findings) -> Vec<Vec<Expected>> {
    let mut all: Vec<Vec<Expected>> = case.files.iter().map(|_| Vec::new()).collect();
    let mut diagnostics: Vec<&Diagnostic> = findings.diagnostics.iter().collect();
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    for diagnostic in diagnostics {
        let found = describe(diagnostic, &findings.sources);
        let name = findings.sources.file(diagnostic.span).map_or("", |file| &file.name);
        let name = Path::new(name).file_name();
        let at = case.files.iter().position(|file| Path::new(&file.name).file_name() == name).unwrap_or(0);
        all[at].push(found);
    }
    all
}

fn describe(diagnostic: &Diagnostic, sources: &SourceMap) -> Expected {
    let (_, line, column) = sources.position(diagnostic.span).unwrap_or_default();
    let underlined = sources.text(diagnostic.span).to_owned();
    let severity = if diagnostic.severity == Severity::Error { "error" } else { "warning" };
    Expected {
        line: line.saturating_sub(1),
        column: Some(column.saturating_sub(1)),
        head: format!("{severity} {}: {}", diagnostic.code, diagnostic.message),
        underlined,
        help: diagnostic.help.clone(),
        see: diagnostic
            .related
            .iter()
            .map(|label| format!("{:?}: {}", sources.text(label.span), label.text))
            .collect(),
        fix: fixed(diagnostic, sources).map(|text| changed_line(sources, diagnostic, &text)),
    }
}

/// The text of the finding's file after its fix.
pub fn fixed(diagnostic: &Diagnostic, sources: &SourceMap) -> Option<String> {
    let fix = diagnostic.fix.as_ref()?;
    let file = sources.file(diagnostic.span)?;
    let mut text = file.text.to_string();
    let mut edits = fix.edits.clone();
    edits.sort_by_key(|edit| edit.span.start);
    for edit in edits.iter().rev() {
        let at = |offset: u32| (offset - file.base) as usize;
        text.replace_range(at(edit.span.start)..at(edit.span.end), &edit.text);
    }
    Some(text)
}

/// The first line that a fix changes, as it is after the fix.
fn changed_line(sources: &SourceMap, diagnostic: &Diagnostic, fixed: &str) -> String {
    let before = sources.file(diagnostic.span).map(|file| file.text.clone()).unwrap_or_default();
    let mut before = before.lines();
    fixed.lines().find(|line| before.next() != Some(*line)).unwrap_or_default().trim().to_owned()
}

fn matches(expected: &Expected, actual: &Expected) -> bool {
    expected.line == actual.line
        && expected.underlined == actual.underlined
        && expected.head == actual.head
        && (expected.column.is_none() || expected.column == actual.column)
        && (expected.help.is_none() || expected.help == actual.help)
        && (expected.fix.is_none() || expected.fix == actual.fix)
        && expected.see.iter().all(|see| actual.see.contains(see))
}

fn compare(case: &Case, actual: &[Vec<Expected>], strict: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, found) in case.files.iter().zip(actual) {
        let mut found: Vec<&Expected> = found.iter().collect();
        let shown = |one: &Expected| {
            format!("{} line {}, `{}`: {}", file.name, one.line + 1, one.underlined, one.head)
        };
        for expected in &file.expected {
            match found.iter().position(|one| matches(expected, one)) {
                Some(at) => {
                    let one = found.remove(at);
                    if strict && (&one.help, &one.fix) != (&expected.help, &expected.fix) {
                        wrong.push(format!("its help and fix: {:?} and {:?}", one.help, one.fix));
                    }
                }
                None => wrong.push(format!("missing: {}", shown(expected))),
            }
        }
        wrong.extend(found.into_iter().map(|one| format!("unexpected: {}", shown(one))));
    }
    wrong
}

/// Findings that their own fix does not cure.
fn useless_fixes(case: &Case, findings: &Findings, run: &impl Fn(&Case) -> Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    for diagnostic in &findings.diagnostics {
        let Some(text) = fixed(diagnostic, &findings.sources) else { continue };
        let name = findings.sources.file(diagnostic.span).map(|file| file.name.clone()).unwrap_or_default();
        let again = run(&with_text(case, &name, &text));
        let count = |all: &[Diagnostic]| all.iter().filter(|other| other.code == diagnostic.code).count();
        if count(&again.diagnostics) >= count(&findings.diagnostics) {
            wrong.push(format!("its fix does not cure: {}\nafter the fix:\n{text}", diagnostic.message));
        }
    }
    wrong
}

/// The case with what was found written under its lines.
fn render(case: &Case, actual: &[Vec<Expected>], strict: bool) -> String {
    let mut out = format!("--- {} ---\n", case.name);
    for (at, (file, found)) in case.files.iter().zip(actual).enumerate() {
        if at > 0 {
            let _ = writeln!(out, "//- {}", file.name);
        }
        let mut lines = file.code.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
        if lines.is_empty() {
            lines.push(String::new());
        }
        for (number, line) in lines.iter().enumerate() {
            out.push_str(line);
            if !line.ends_with('\n') && !line.is_empty() {
                out.push('\n');
            }
            let last = number + 1 == lines.len();
            for one in found.iter().filter(|one| one.line == number || (last && one.line > number)) {
                let written = file.expected.iter().find(|expected| expected.head == one.head && !strict);
                render_finding(&mut out, one, written, line.contains("⟦U+"));
            }
            for instead in file.instead.get(&number).into_iter().flat_map(|lines| match &lines[..] {
                [] => vec![String::new()],
                lines => lines.iter().map(|line| format!(" {line}")).collect(),
            }) {
                let _ = writeln!(out, "//={instead}");
            }
        }
    }
    out.push('\n');
    out
}

fn render_finding(out: &mut String, one: &Expected, written: Option<&Expected>, unseen: bool) {
    let column = one.column.unwrap_or(0);
    let (kind, message) = one.head.split_once(": ").unwrap_or((&one.head, ""));
    let indent = if unseen || column < 2 || one.underlined.is_empty() || one.underlined.contains('\n') {
        let _ = writeln!(out, "//@ {kind} \"{}\": {message}", hidden(&one.underlined).replace('\n', "\\n"));
        4
    } else {
        let carets = "^".repeat(one.underlined.chars().count());
        let _ = writeln!(out, "//{}{carets} {kind}: {message}", " ".repeat(column - 2));
        column
    };
    let pad = " ".repeat((indent - 2).max(2));
    if let Some(help) = &one.help {
        let _ = writeln!(out, "//{pad}help: {help}");
    }
    for see in &one.see {
        let _ = writeln!(out, "//{pad}see {see}");
    }
    if let (Some(fix), true) = (&one.fix, written.is_none_or(|written| written.fix.is_some())) {
        let _ = writeln!(out, "//{pad}fix: {fix}");
    }
}

/// The case with the file of a finding changed.
pub fn with_text(case: &Case, name: &str, text: &str) -> Case {
    let is_it = |file: &CaseFile| Path::new(&file.name).file_name() == Path::new(name).file_name();
    let files = case.files.iter().map(|file| CaseFile {
        code: if is_it(file) { text.to_owned() } else { file.code.clone() },
        ..CaseFile::new(&file.name)
    });
    Case { name: case.name.clone(), files: files.collect() }
}

/// The right twin of a case.
pub fn twin(case: &Case) -> Case {
    let files = case.files.iter().map(|file| {
        let mut code = String::new();
        for (number, line) in file.code.split_inclusive('\n').enumerate() {
            let indent = line.len() - line.trim_start_matches(' ').len();
            match file.instead.get(&number) {
                Some(lines) => lines.iter().for_each(|instead| {
                    let _ = writeln!(code, "{}{instead}", " ".repeat(indent));
                }),
                None => code.push_str(line),
            }
        }
        CaseFile { code, ..CaseFile::new(&file.name) }
    });
    Case { name: case.name.clone(), files: files.collect() }
}

/// A file that stands alone, as a map of one.
pub fn single(name: &str, text: &str) -> (SourceMap, vpipe::base::SourceFile) {
    let mut sources = SourceMap::default();
    let file = sources.add(name, text).unwrap();
    (sources, file)
}

/// Writes the files of a case into a folder.
pub fn write_files(case: &Case, folder: &Path) {
    for file in &case.files {
        let path = folder.join(&file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.text()).unwrap();
    }
}

#[test]
fn a_case_is_read_as_written() {
    let text = "// head\n--- one ---\na = 1\nbc = x\n//   ^ error some-code: what is wrong\n//     help: do this\n//@ error b \"a\\nb\": two lines\n\n--- two ---\nz\n//- other.vpipe\ny\n";
    let (head, cases) = cases(text);
    assert_eq!(head, "// head\n");
    let one = &cases[0].files[0];
    assert_eq!(one.code, "a = 1\nbc = x\n");
    assert_eq!(
        (one.expected[0].line, one.expected[0].column, one.expected[0].underlined.as_str()),
        (1, Some(5), "x")
    );
    assert_eq!(one.expected[0].help.as_deref(), Some("do this"));
    assert_eq!(one.expected[1].underlined, "a\nb");
    let rest: Vec<_> = cases[1].files.iter().map(|file| (file.name.as_str(), file.code.as_str())).collect();
    assert_eq!(rest, [("main.vpipe", "z\n"), ("other.vpipe", "y\n")]);
}

#[test]
fn a_finding_too_many_or_too_few_is_seen() {
    let (_, cases) = cases("--- one ---\nabc\n//@ error a \"abc\": m\n");
    let diagnostic = |code| Diagnostic::error(code, Span::new(0, 3), "m");
    let found = |diagnostics| {
        let findings = Findings { sources: single("main.vpipe", "abc\n").0, diagnostics };
        compare(&cases[0], &actual(&cases[0], &findings), false).len()
    };
    assert_eq!(found(vec![diagnostic("a")]), 0);
    assert_eq!(found(vec![]), 1);
    assert_eq!(found(vec![diagnostic("b")]), 2);
}
