//! From a path to a checked program: reads the file and what it uses, and checks everything in one pass.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{Input, check_file};
use super::graph::few;
use super::read::{Unreadable, near_file, read, tidy};
use super::settings::settings;
use super::{Module, Program, allow, walk};
use crate::base::{SourceMap, Span, Spanned, closest, sentence_list};
use crate::diag::{Diagnostic, Policy};
use crate::schema::{Schema, library_file, module_names};
use crate::syntax::{ast, parse};

/// What checking gives.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// All texts that were read, for rendering diagnostics.
    pub sources: SourceMap,
    /// The program; `None` when the file could not be read at all. Errors may have been reported all the same.
    pub program: Option<Program>,
    /// Every finding, in order of place, not yet graded.
    pub diagnostics: Vec<Diagnostic>,
    /// How grave warnings are to the user.
    pub policy: Policy,
}

/// Checks the file at a path with everything that it uses.
pub fn check_path(path: &Path) -> Checked {
    let name = path.display().to_string();
    let mut loader = Loader::default();
    match read(path) {
        Ok(text) => {
            let folder = path.parent().map(Path::to_owned).unwrap_or_default();
            loader.root(&name, &text, folder, identity(path));
        }
        Err(why) => {
            let diagnostic = loader.unreadable(&why, &name, path);
            loader.out.push(diagnostic);
        }
    }
    loader.finish()
}

/// Checks a text as if it were the file `name` in `folder`.
pub fn check_text(name: &str, text: &str, folder: PathBuf) -> Checked {
    let mut loader = Loader::default();
    let path = folder.join(Path::new(name).file_name().unwrap_or_default());
    loader.root(name, text, folder, identity(&path));
    loader.finish()
}

/// What tells that two paths lead to the same file.
fn identity(path: &Path) -> Origin {
    Origin::File(path.canonicalize().unwrap_or_else(|_| tidy(path)))
}

/// What makes a module the same as another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Origin {
    /// A file of the user, by its canonical path.
    File(PathBuf),
    /// A module of the library, by its name.
    Library(String),
}

/// A file that was read.
pub(super) struct Loaded {
    /// The name shown to users.
    pub(super) name: String,
    /// Where its relative paths start.
    pub(super) folder: PathBuf,
    /// The tree.
    pub(super) ast: Arc<ast::File>,
    /// The words of the text that could not be parsed: names that they declare are not reported as unknown.
    pub(super) lost: HashSet<String>,
    /// Whether the text was parsed without an error.
    pub(super) whole: bool,
    /// The files of its `use` items, by the place of their source; those that could not be read are left out.
    uses: HashMap<Span, usize>,
}

#[derive(Default)]
struct Loader {
    sources: SourceMap,
    files: Vec<Loaded>,
    known: HashMap<Origin, usize>,
    out: Vec<Diagnostic>,
    policy: Policy,
}

impl Loader {
    fn root(&mut self, name: &str, text: &str, folder: PathBuf, origin: Origin) {
        self.add(name, text, folder, origin);
        let mut next = 0;
        while let Some(file) = self.files.get(next) {
            let ast = Arc::clone(&file.ast);
            for item in &ast.items {
                let ast::ItemKind::Use(used) = &item.kind else { continue };
                let (span, found) = match &used.source {
                    ast::UseSource::File(path) => (path.span, self.use_file(next, path)),
                    ast::UseSource::Std(words, span) => (*span, self.use_library(words, *span)),
                };
                if let (Some(found), Some(file)) = (found, self.files.get_mut(next)) {
                    file.uses.insert(span, found);
                }
            }
            next += 1;
        }
    }

    /// Parses a text and remembers it.
    fn add(&mut self, name: &str, text: &str, folder: PathBuf, origin: Origin) -> Option<usize> {
        let Ok(source) = self.sources.add(name, text) else {
            self.out.push(Diagnostic::error(
                "unreadable-file",
                Span::default(),
                "the files together are too large",
            ));
            return None;
        };
        let parsed = parse(&source);
        let broken = parsed.file.items.iter().filter(|item| item.kind == ast::ItemKind::Broken);
        let lost = broken.flat_map(|item| words_of(self.sources.text(item.span))).collect();
        let whole = parsed.diagnostics.iter().all(|d| d.severity != crate::diag::Severity::Error);
        self.out.extend(parsed.diagnostics);
        if whole && parsed.file.items.is_empty() {
            let start = Span::new(source.base, source.base);
            self.out.push(
                Diagnostic::error("empty-file", start, format!("`{name}` declares nothing"))
                    .help("begin with `pipeline NAME { region = \"us-east-1\" }`"),
            );
        }
        self.policy.allows.extend(allow::allows(&parsed.file, &source, whole, &mut self.out));
        let at = self.files.len();
        self.known.insert(origin, at);
        self.files.push(Loaded {
            name: name.to_owned(),
            folder,
            ast: Arc::new(parsed.file),
            lost,
            whole,
            uses: HashMap::new(),
        });
        Some(at)
    }

    fn use_file(&mut self, from: usize, path: &Spanned<String>) -> Option<usize> {
        let file = self.files.get(from)?;
        if !path.value.ends_with(".vpipe") {
            let diagnostic = Diagnostic::error(
                "missing-module",
                path.span,
                format!("`{}` does not name a `.vpipe` file", path.value),
            );
            self.out.push(match path.value.trim_end_matches('/') {
                "" => diagnostic.help("write the path of a file: `use \"./network.vpipe\"`"),
                std if std.starts_with("std.") => diagnostic
                    .help(format!("a module of the library stands without quotes: `use {std}`"))
                    .fix("drop the quotes", path.span, std),
                stem => {
                    let right = format!("\"{stem}.vpipe\"");
                    let diagnostic = diagnostic.help(format!("write `use {right}`"));
                    match file.folder.join(format!("{stem}.vpipe")).is_file() {
                        true => diagnostic.fix(format!("change to `{right}`"), path.span, right),
                        false => diagnostic,
                    }
                }
            });
            return None;
        }
        let full = tidy(&file.folder.join(&path.value));
        let origin = identity(&full);
        if let Some(known) = self.known.get(&origin) {
            return Some(*known);
        }
        let beside = Path::new(&file.name).parent().unwrap_or(Path::new(""));
        let name = tidy(&beside.join(&path.value)).display().to_string();
        match read(&full) {
            Ok(text) => {
                let folder = full.parent().map(Path::to_owned).unwrap_or_default();
                self.add(&name, &text, folder, origin)
            }
            Err(Unreadable::NotText { text, at, byte }) => {
                let why = Unreadable::NotText { text, at, byte };
                let diagnostic = self.unreadable(&why, &name, &full).related(path.span, "used here");
                self.out.push(diagnostic);
                None
            }
            Err(why) => {
                let (code, message) = why.message(&name);
                let code = if code == "missing-file" { "missing-module" } else { code };
                let mut diagnostic = Diagnostic::error(code, path.span, message);
                diagnostic.help = why.help(&full);
                if let Some(near) = near_file(&full).filter(|_| matches!(why, Unreadable::Missing)) {
                    let meant = match path.value.rsplit_once('/') {
                        Some((folder, _)) => format!("{folder}/{near}"),
                        None => near,
                    };
                    diagnostic = diagnostic.help(format!("did you mean `{meant}`?")).fix(
                        format!("change to `{meant}`"),
                        path.span,
                        format!("\"{meant}\""),
                    );
                }
                self.out.push(diagnostic);
                None
            }
        }
    }

    fn use_library(&mut self, words: &[ast::Ident], span: Span) -> Option<usize> {
        let name = words.iter().map(|word| word.value.as_str()).collect::<Vec<_>>().join(".");
        let origin = Origin::Library(name.clone());
        if let Some(known) = self.known.get(&origin) {
            return Some(*known);
        }
        let Some(library) = library_file(&format!("modules/{name}.vpipe")) else {
            let message = format!("the standard library has no module `{name}`");
            let diagnostic = Diagnostic::error("missing-module", span, message);
            self.out.push(match closest(&name, module_names()) {
                Some(near) => diagnostic.help(format!("did you mean `std.{near}`?")).fix(
                    format!("change to `std.{near}`"),
                    span,
                    format!("std.{near}"),
                ),
                None => diagnostic.help(format!("it has {}", sentence_list(module_names(), "and"))),
            });
            return None;
        };
        self.add(&format!("std/{}", library.path), library.text, PathBuf::new(), origin)
    }

    /// Says why a file cannot be read; the file is added so that the place can be shown.
    fn unreadable(&mut self, why: &Unreadable, name: &str, path: &Path) -> Diagnostic {
        let (text, at) = match why {
            Unreadable::NotText { text, at, .. } => (text.as_str(), *at),
            _ => ("", 0),
        };
        let base = self.sources.add(name, text).map_or(0, |file| file.base);
        // The mark that stands for the byte is three bytes long.
        let start = base + u32::try_from(at).unwrap_or_default();
        let span = Span::new(start, if text.is_empty() { start } else { start + 3 });
        let (code, message) = why.message(name);
        let mut diagnostic = Diagnostic::error(code, span, message);
        if let Unreadable::NotText { byte, .. } = why {
            diagnostic = diagnostic.label(format!("here stands the byte 0x{byte:02x}"));
        }
        diagnostic.help = why.help(path);
        diagnostic
    }

    /// The files so that each comes after those that it uses. A `use` that closes a circle is reported and dropped.
    fn order(&mut self) -> Vec<usize> {
        let mut order = Vec::new();
        let mut done = vec![false; self.files.len()];
        // Each file on the path, with its `use`s still to be followed, the first one last.
        let mut path: Vec<(usize, Vec<(Span, usize)>)> = Vec::new();
        if !self.files.is_empty() {
            path.push((0, self.uses(0)));
        }
        while let Some((file, rest)) = path.last_mut() {
            let file = *file;
            let Some((span, next)) = rest.pop() else {
                order.push(file);
                if let Some(done) = done.get_mut(file) {
                    *done = true;
                }
                path.pop();
                continue;
            };
            if let Some(at) = path.iter().position(|(other, _)| *other == next) {
                let circle: Vec<usize> = path.iter().skip(at).map(|(file, _)| *file).collect();
                self.cyclic(&circle, span);
                if let Some(file) = self.files.get_mut(file) {
                    file.uses.remove(&span);
                }
            } else if done.get(next) == Some(&false) {
                path.push((next, self.uses(next)));
            }
        }
        order
    }

    fn uses(&self, file: usize) -> Vec<(Span, usize)> {
        let uses = self.files.get(file).map(|file| &file.uses);
        let mut uses: Vec<(Span, usize)> =
            uses.into_iter().flatten().map(|(span, file)| (*span, *file)).collect();
        uses.sort_by(|a, b| b.cmp(a));
        uses
    }

    fn cyclic(&mut self, circle: &[usize], last: Span) {
        let name = |file: &usize| self.files.get(*file).map_or("", |file| file.name.as_str());
        let first = circle.first().map_or("", name);
        let message = match circle {
            [_] => format!("`{first}` uses itself"),
            _ => format!(
                "`{first}` uses itself through {}",
                few(&circle.iter().skip(1).map(name).collect::<Vec<_>>())
            ),
        };
        let mut diagnostic = Diagnostic::error("cyclic-module", last, message)
            .help("move what both need into a third file, or hand it over as a parameter");
        for pair in circle.windows(2).take(6) {
            let [from, to] = pair else { continue };
            if let Some((span, _)) = self.uses(*from).iter().find(|(_, file)| file == to) {
                diagnostic = diagnostic.related(*span, format!("`{}` is used here", name(to)));
            }
        }
        self.out.push(diagnostic);
    }

    /// Checks the files that were read.
    fn finish(mut self) -> Checked {
        let order = self.order();
        let files = std::mem::take(&mut self.files);
        let words = files.iter().flat_map(|file| walk::words(&file.ast));
        let schema = Schema::load(words, &mut self.sources, &mut self.out);
        let mut modules: HashMap<usize, Arc<Module>> = HashMap::new();
        for at in order {
            let Some(file) = files.get(at) else { continue };
            let used = file.uses.iter().filter_map(|(span, at)| Some((*span, Arc::clone(modules.get(at)?))));
            let input = Input { file, used: used.collect(), root: at == 0 };
            let module = check_file(input, &schema, &mut self.out);
            modules.insert(at, Arc::new(module));
        }
        if let Some(root) = files.first() {
            self.policy.levels = settings(&root.folder, &mut self.sources, &mut self.out);
        }
        self.out.sort_by_key(|d| (d.span.start, d.span.end, d.code));
        self.out.dedup();
        let program = modules.remove(&0).map(|root| Program { sources: self.sources.clone(), schema, root });
        Checked { sources: self.sources, program, diagnostics: self.out, policy: self.policy }
    }
}

/// The words of a text that could be names.
fn words_of(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::fs;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    /// The findings, as `FILE:LINE code message`.
    fn told(checked: &Checked) -> Vec<String> {
        let told = |found: &Diagnostic| {
            let (file, line, _) = checked.sources.position(found.span).unwrap();
            let file = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
            format!("{file}:{line} {} {}", found.code, found.message)
        };
        checked.diagnostics.iter().map(told).collect()
    }

    #[test]
    fn files_that_cannot_be_read_are_told() {
        let folder = folder(&[("main.vpipe", b"output a = 1\n"), ("bad.vpipe", b"output a = 1\n\xff\n")]);
        let missing = check_path(&folder.path().join("mian.vpipe"));
        assert!(missing.program.is_none());
        assert_eq!(missing.diagnostics[0].code, "missing-file");
        assert_eq!(missing.diagnostics[0].help.as_deref(), Some("did you mean `main.vpipe`?"));
        assert_eq!(check_path(folder.path()).diagnostics[0].code, "unreadable-file");
        let bad = check_path(&folder.path().join("bad.vpipe"));
        assert!(told(&bad)[0].starts_with("bad.vpipe:2 unreadable-file line 2 of "), "{:?}", told(&bad));
        assert_eq!(bad.diagnostics[0].label, "here stands the byte 0xff");
    }

    #[test]
    fn modules_are_read_once_and_from_where_they_stand() {
        let folder = folder(&[
            ("main.vpipe", b"use \"./net/a.vpipe\" as one\nuse \"net/../net/a.vpipe\" as two\noutput x = one.x + two.x\n"),
            ("net/a.vpipe", b"use \"../b.vpipe\" as b\noutput x = b.x\n"),
            ("b.vpipe", b"output x = 3\n"),
        ]);
        let checked = check_path(&folder.path().join("main.vpipe"));
        assert_eq!(told(&checked), Vec::<String>::new());
        let root = checked.program.unwrap().root;
        assert!(Arc::ptr_eq(&root.uses["one"], &root.uses["two"]));
        let a = &root.uses["one"];
        assert_eq!(a.folder, folder.path().join("net"));
        assert_eq!(a.uses["b"].outputs["x"].to_string(), "Int");
    }

    #[test]
    fn mistakes_of_all_files_are_told_in_one_pass() {
        let folder = folder(&[
            (
                "main.vpipe",
                b"use \"./a.vpipe\"\nuse \"./bad.vpipe\"\nuse \"./main.vpipe\" as me\noutput x = a.y\n",
            ),
            ("a.vpipe", b"output x = 3 +\noutput z = wibble\n"),
            ("bad.vpipe", b"\xc3\n"),
        ]);
        let checked = check_path(&folder.path().join("main.vpipe"));
        let told = told(&checked);
        let codes: Vec<&str> = told.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
        assert_eq!(
            codes,
            ["cyclic-module", "unknown-output", "syntax-error", "unknown-name", "unreadable-file"],
            "{told:#?}"
        );
        assert!(told[0].contains("uses itself"), "{told:#?}");
    }
}
