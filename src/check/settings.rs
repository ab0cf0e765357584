//! `vpipe.toml`: what a project says about how grave warnings are.
//!
//! ```toml
//! [severity]
//! unused-name = "error"
//! shadowed-name = "allow"
//! ```

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::read::{Unreadable, read};
use crate::base::{SourceMap, Span, closest, sentence_list};
use crate::diag::{CODES, Diagnostic, Level, code};

/// The file's name.
const NAME: &str = "vpipe.toml";

type Levels = BTreeMap<&'static str, Level>;

/// What the `vpipe.toml` says that counts for files of a folder. Its text is added to the sources only when something is
/// wrong with it.
pub(super) fn settings(folder: &Path, sources: &mut SourceMap, out: &mut Vec<Diagnostic>) -> Levels {
    let Some(path) = find(folder) else { return Levels::new() };
    let name = shown(&path);
    let (text, levels, found) = match read(&path) {
        Ok(text) => {
            let mut reader = Reader::default();
            reader.document(&text);
            (text, reader.levels, reader.out)
        }
        Err(why) => {
            let (code, message) = why.message(&name);
            let mut found = Diagnostic::error(code, Span::default(), message);
            found.help = why.help(&path).filter(|_| matches!(why, Unreadable::NotText { .. }));
            (String::new(), Levels::new(), vec![found])
        }
    };
    if !found.is_empty() {
        let base = sources.add(name, text).map_or(0, |file| file.base);
        out.extend(found.into_iter().map(|one| one.moved(base)));
    }
    levels
}

/// The nearest `vpipe.toml`: of the folder itself, or of one above it as far as the project can reach.
fn find(folder: &Path) -> Option<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = folder.canonicalize().ok()?;
    let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
    for above in folder.ancestors() {
        let path = above.join(NAME);
        if path.exists() {
            return Some(path);
        }
        let top = above.join(".git").exists() || home.as_deref() == Some(above);
        if top || above.parent().is_none_or(|outer| is_foreign(outer, above)) {
            break;
        }
    }
    None
}

/// Whether a folder is another user's, or of another file system, than one in it: a project ends there.
#[cfg(unix)]
fn is_foreign(outer: &Path, inner: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |path: &Path| path.metadata().map(|about| (about.uid(), about.dev())).ok();
    of(outer) != of(inner)
}

/// Whether a project ends at a folder: here nothing tells.
#[cfg(not(unix))]
fn is_foreign(_: &Path, _: &Path) -> bool {
    false
}

/// A path as users know it: from the current folder, where it stands below it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

#[derive(Default)]
struct Reader {
    levels: Levels,
    out: Vec<Diagnostic>,
}

impl Reader {
    fn document(&mut self, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = error.span().unwrap_or_default();
            let message = error.message().lines().next().unwrap_or_default();
            self.wrong(at, message.to_owned(), "write lines such as `unused-name = \"error\"`".to_owned());
        }
        if !self.out.is_empty() {
            return;
        }
        for (key, value) in table.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("severity", DeValue::Table(rows)) => {
                    rows.iter().for_each(|(name, level)| self.row(name.get_ref(), name.span(), level));
                }
                ("severity", _) => {
                    let help = "write `[severity]`, and below it lines such as `unused-name = \"error\"`";
                    self.wrong(key.span(), "`severity` is a table".to_owned(), help.to_owned());
                }
                (other, _) => {
                    let message = format!("there is no setting `{other}`");
                    match closest(other, ["severity"]) {
                        Some(near) => self.misspelt(key.span(), message, near),
                        None => {
                            let help = format!("a `{NAME}` has the table `[severity]`");
                            self.wrong(key.span(), message, help);
                        }
                    }
                }
            }
        }
        self.out.sort_by_key(|found| found.span);
    }

    /// `unused-name = "error"`
    fn row(&mut self, name: &str, place: Range<usize>, value: &Spanned<DeValue<'_>>) {
        let Some(code) = code(name) else {
            let message = format!("there is no code `{name}`");
            match closest(name, CODES.iter().map(|code| code.name)) {
                Some(near) => self.misspelt(place, message, near),
                None => self.wrong(place, message, "`vpipe explain --list` lists them all".to_owned()),
            }
            return;
        };
        let said = value.get_ref().as_str();
        let level = Level::NAMED.iter().find(|(word, _)| said == Some(word));
        match level {
            Some((_, Level::Error)) => drop(self.levels.insert(code.name, Level::Error)),
            Some((_, level)) if code.warns => drop(self.levels.insert(code.name, *level)),
            Some(_) => self.wrong(
                value.span(),
                format!("`{name}` is always an error"),
                "remove this line: only warnings can be taken for something else".to_owned(),
            ),
            None => {
                let words = Level::NAMED.map(|(word, _)| word);
                let message = match said {
                    Some(said) => format!("`{name}` cannot be `\"{said}\"`"),
                    None => format!("`{name}` takes a text"),
                };
                match said.and_then(|said| closest(said, words)) {
                    Some(near) => self.misspelt(value.span(), message, &format!("\"{near}\"")),
                    None => {
                        let quoted = words.map(|word| format!("\"{word}\""));
                        let words = sentence_list(quoted.iter().map(String::as_str), "or");
                        self.wrong(value.span(), message, format!("choose {words}"));
                    }
                }
            }
        }
    }

    /// Tells what was probably meant in place of a word.
    fn misspelt(&mut self, at: Range<usize>, message: String, near: &str) {
        let finding = Diagnostic::error("invalid-setting", span(at.clone()), message);
        let finding = finding.help(format!("did you mean `{near}`?"));
        self.out.push(finding.fix(format!("change to `{near}`"), span(at), near));
    }

    fn wrong(&mut self, at: Range<usize>, message: String, help: String) {
        self.out.push(Diagnostic::error("invalid-setting", span(at), message).help(help));
    }
}

fn span(at: Range<usize>) -> Span {
    Span::new(u32::try_from(at.start).unwrap_or_default(), u32::try_from(at.end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_nearest_file_up_to_the_root_of_the_repository_counts() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap();
        let deep = root.join("shop/envs/prod");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(root.join(NAME), "").unwrap();
        assert_eq!(find(&deep), Some(root.join(NAME)));
        std::fs::create_dir(root.join("shop/.git")).unwrap();
        assert_eq!(find(&deep), None);
        std::fs::write(root.join("shop").join(NAME), "").unwrap();
        assert_eq!(find(&deep), Some(root.join("shop").join(NAME)));
        std::fs::write(deep.join(NAME), "").unwrap();
        assert_eq!(find(&deep), Some(deep.join(NAME)));
    }

    #[test]
    fn what_was_meant_is_one_edit() {
        let mended = |text: &str| {
            let mut reader = Reader::default();
            reader.document(text);
            let mut sources = SourceMap::default();
            crate::diag::apply(&sources.add(NAME, text).unwrap(), &reader.out).unwrap().0
        };
        assert_eq!(mended("[severty]\n"), "[severity]\n");
        assert_eq!(mended("[severity]\nunusd-name = \"error\"\n"), "[severity]\nunused-name = \"error\"\n");
        assert_eq!(mended("[severity]\nunused-name = \"eror\"\n"), "[severity]\nunused-name = \"error\"\n");
    }

    #[test]
    #[cfg(unix)]
    fn a_project_ends_where_another_file_system_or_user_begins() {
        let home = tempfile::tempdir().unwrap();
        let inner = home.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        assert!(!is_foreign(home.path(), &inner));
        assert!(is_foreign(Path::new("/"), Path::new("/proc")));
        assert!(is_foreign(Path::new("/nowhere"), home.path()));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(NAME)).unwrap();
        let (mut sources, mut out) = (SourceMap::default(), Vec::new());
        settings(home.path(), &mut sources, &mut out);
        assert_eq!(out[0].code, "unreadable-file");
        assert!(out[0].message.ends_with("is a directory, not a file"), "{}", out[0].message);
        assert!(sources.file(out[0].span).unwrap().name.ends_with(NAME));
    }
}
