//! Reading a source file, and saying why one cannot be read.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use crate::base::closest;

/// The largest file that is read, in bytes. One of 100,000 resources fits.
const LARGEST: u64 = 16 * 1024 * 1024;

/// In how many bytes a zero is looked for, which no text has.
const BINARY: usize = 8_000;

/// Why a file could not be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// There is no such file.
    Missing,
    /// It is a directory.
    Folder,
    /// It is larger than [`LARGEST`].
    TooLarge,
    /// It holds bytes that no text has, as pictures and programs do, and texts of UTF-16.
    Binary,
    /// It is no UTF-8: the text with marks for the bytes that are none, the place of the first, and that byte.
    NotText { text: String, at: usize, byte: u8 },
    /// The system refused.
    Refused(std::io::Error),
}

impl Unreadable {
    /// The diagnostic's code and message.
    pub(super) fn message(&self, name: &str) -> (&'static str, String) {
        match self {
            Unreadable::Missing => ("missing-file", format!("there is no file `{name}`")),
            Unreadable::Folder => ("unreadable-file", format!("`{name}` is a directory, not a file")),
            Unreadable::TooLarge => {
                let limit = LARGEST / (1024 * 1024);
                ("unreadable-file", format!("`{name}` is larger than {limit} MiB"))
            }
            Unreadable::Binary => ("unreadable-file", format!("`{name}` is not UTF-8 text")),
            Unreadable::NotText { text, at, .. } => {
                let line = text.get(..*at).map_or(1, |before| before.matches('\n').count() + 1);
                ("unreadable-file", format!("line {line} of `{name}` is not UTF-8 text"))
            }
            Unreadable::Refused(error) if error.kind() == ErrorKind::PermissionDenied => {
                ("unreadable-file", format!("`{name}` may not be read: permission denied"))
            }
            Unreadable::Refused(error) => ("unreadable-file", format!("`{name}` cannot be read: {error}")),
        }
    }

    /// What to do about it; `path` is where the file was looked for.
    pub(super) fn help(&self, path: &Path) -> Option<String> {
        match self {
            Unreadable::Missing if fs::symlink_metadata(path).is_ok() => {
                Some("it is a link that leads nowhere: point it to a file, or delete it".to_owned())
            }
            Unreadable::Missing => {
                let near = near_file(path)?;
                Some(format!("did you mean `{near}`?"))
            }
            Unreadable::Folder => Some(match first_file(path) {
                Some(file) => format!("name a file in it, such as `{file}`"),
                None => "name a `.vpipe` file".to_owned(),
            }),
            Unreadable::TooLarge => Some("split it into modules, and read them with `use`".to_owned()),
            Unreadable::Binary | Unreadable::NotText { .. } => Some("save the file as UTF-8".to_owned()),
            Unreadable::Refused(_) => None,
        }
    }
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, Unreadable> {
    let file = fs::File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Unreadable::Missing,
        _ => Unreadable::Refused(error),
    })?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        return Err(Unreadable::Folder);
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(Unreadable::Refused)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Unreadable::TooLarge);
    }
    // Some editors begin a file with a mark that it is UTF-8.
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    if bytes.iter().take(BINARY).any(|byte| *byte == 0) {
        return Err(Unreadable::Binary);
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        Unreadable::NotText { text: String::from_utf8_lossy(error.as_bytes()).into_owned(), at, byte }
    })
}

/// The file beside a missing one that was probably meant.
pub(super) fn near_file(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let beside = files_in(path.parent()?);
    closest(wanted, beside.iter().map(String::as_str)).map(str::to_owned)
}

fn first_file(folder: &Path) -> Option<String> {
    let name = files_in(folder).into_iter().next()?;
    Some(folder.join(name).display().to_string())
}

/// The names of the `.vpipe` files of a folder, sorted.
fn files_in(folder: &Path) -> Vec<String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".vpipe")).collect();
    names.sort();
    names
}

/// A path without `.` and, where that is possible without asking the system, without `..`.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn each_reason_has_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("network.vpipe"), "ok\n").unwrap();
        fs::write(at("latin.vpipe"), b"a\nb = \"\xe9\"\n").unwrap();
        fs::write(at("wide.vpipe"), b"a\0=\0\x31\0").unwrap();
        fs::write(at("large.vpipe"), vec![b' '; LARGEST as usize + 1]).unwrap();
        let told = |name: &str| {
            let why = read(&at(name)).unwrap_err();
            (why.message("F").1, why.help(&at(name)).unwrap_or_default())
        };
        fs::write(at("marked.vpipe"), "\u{feff}ok\n").unwrap();
        assert_eq!(read(&at("network.vpipe")).unwrap(), "ok\n");
        assert_eq!(read(&at("marked.vpipe")).unwrap(), "ok\n");
        assert_eq!(told("netwrok.vpipe").0, "there is no file `F`");
        assert_eq!(told("netwrok.vpipe").1, "did you mean `network.vpipe`?");
        assert_eq!(told("latin.vpipe").0, "line 2 of `F` is not UTF-8 text");
        assert_eq!(told("wide.vpipe").0, "`F` is not UTF-8 text");
        assert_eq!(told("large.vpipe").0, "`F` is larger than 16 MiB");
        assert_eq!(told(".").0, "`F` is a directory, not a file");
        assert!(told(".").1.contains("large.vpipe"), "{}", told(".").1);
    }

    #[test]
    fn paths_are_tidied_without_asking_the_system() {
        assert_eq!(tidy(Path::new("a/./b/../c.vpipe")), Path::new("a/c.vpipe"));
        assert_eq!(tidy(Path::new("../x")), Path::new("../x"));
    }
}
