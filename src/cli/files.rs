//! Which files a command is about, and replacing them.

use std::path::{Path, PathBuf};

/// Folders that never hold pipelines of the user's own.
const SKIPPED: [&str; 2] = ["node_modules", "target"];

/// How deep folders are searched.
const DEEPEST: usize = 32;

/// The `.vpipe` files that paths name: files as they are, folders with everything below them, hidden folders
/// excepted. In order of name, each once. Without paths, the current folder.
///
/// # Errors
/// Words for the user when a path does not exist or cannot be read, or a folder holds no pipeline.
pub(super) fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            search(path, &mut files, 0).map_err(|(path, why)| format!("{}: {why}", path.display()))?;
            if files.len() == before {
                return Err(format!("there is no `.vpipe` file in `{}`", path.display()));
            }
        } else if path.exists() || path.as_os_str() == "-" {
            files.push(path.clone());
        } else {
            return Err(not_there(path));
        }
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

/// The file that a command is about: the one given, or the only one of the folder given, or of the current one.
///
/// # Errors
/// Words for the user when there is none, or more than one.
#[cfg(feature = "aws")]
pub(super) fn single(path: Option<&Path>) -> Result<PathBuf, String> {
    let path = path.unwrap_or(Path::new("."));
    if path.is_file() {
        return Ok(path.to_owned());
    }
    if !path.is_dir() {
        return Err(not_there(path));
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)
        .map_err(|why| format!("{}: {why}", path.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_pipeline(path))
        .map(|path| path.strip_prefix("./").map_or_else(|_| path.clone(), Path::to_owned))
        .collect();
    files.sort();
    match &files[..] {
        [only] => Ok(only.clone()),
        [] => Err(format!("there is no `.vpipe` file in `{}`; name the file", path.display())),
        many => {
            let names: Vec<String> = many.iter().map(|path| format!("`{}`", path.display())).collect();
            Err(format!("which file? Name one of {}", names.join(", ")))
        }
    }
}

fn not_there(path: &Path) -> String {
    if let Ok(target) = std::fs::read_link(path) {
        return format!("`{}` is a link to `{}`, which is not there", path.display(), target.display());
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let others: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    let missing = format!("there is no file `{}`", path.display());
    match crate::base::closest(&name, others.iter().map(String::as_str)) {
        Some(near) => format!("{missing}; did you mean `{}`?", path.with_file_name(near).display()),
        None => missing,
    }
}

fn is_pipeline(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "vpipe") && path.is_file()
}

fn search(folder: &Path, files: &mut Vec<PathBuf>, depth: usize) -> Result<(), (PathBuf, std::io::Error)> {
    let fail = |why| (folder.to_owned(), why);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link to a folder may lead in a circle.
        let circle = entry.file_type().is_ok_and(|kind| kind.is_symlink()) && entry.path().is_dir();
        if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) && !circle {
            paths.push(entry.path());
        }
    }
    paths.sort();
    for path in paths {
        if is_pipeline(&path) {
            files.push(path.strip_prefix("./").map_or_else(|_| path.clone(), Path::to_owned));
        } else if path.is_dir() && depth < DEEPEST {
            search(&path, files, depth + 1)?;
        }
    }
    Ok(())
}

/// Replaces a file's text at once: whoever reads it sees the old text or the new, never a part. Its permissions stay.
///
/// # Errors
/// What the system says.
pub(super) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // Through a link, the file that it leads to.
    let path = std::fs::canonicalize(path)?;
    let permissions = std::fs::metadata(&path)?.permissions();
    // Putting another file in its place would be possible, but is not what the owner wants.
    if permissions.readonly() {
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".vpipe-").tempfile_in(folder)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error).map(|_| ())
}
