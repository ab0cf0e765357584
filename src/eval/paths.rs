//! Paths of the user's machine, kept relative to the folder of the root file.

use std::path::{Component, Path, PathBuf};

/// The way from one folder to another, with `/`: empty when they are the same, `../net` or `modules/net` otherwise. A
/// folder that cannot be reached so, such as one on another drive, is given whole.
pub(super) fn way(from: &Path, to: &Path) -> String {
    let (from, to) = (plain(from), plain(to));
    if from.is_absolute() != to.is_absolute() {
        return slashes(&to);
    }
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared);
    if up.clone().any(|part| !matches!(part, Component::Normal(_))) {
        return slashes(&to);
    }
    let mut path = PathBuf::new();
    up.for_each(|_| path.push(".."));
    to.components().skip(shared).for_each(|part| path.push(part));
    slashes(&path)
}

/// A path as it was written in a file whose folder is `folder`, both without `.` and needless `..`.
pub(super) fn join(folder: &str, written: &str) -> String {
    if written.is_empty() || Path::new(written).is_absolute() {
        return written.to_owned();
    }
    let joined = slashes(&plain(&Path::new(folder).join(written)));
    match (joined.is_empty(), written.ends_with('/')) {
        (true, _) => ".".to_owned(),
        (false, true) => format!("{joined}/"),
        (false, false) => joined,
    }
}

/// The path without `.`, and without `..` where a folder stands before it.
fn plain(path: &Path) -> PathBuf {
    let mut parts: Vec<Component> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            (Component::ParentDir, Some(Component::RootDir)) => {}
            _ => parts.push(part),
        }
    }
    parts.into_iter().collect()
}

fn slashes(path: &Path) -> String {
    path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_between_folders() {
        let between = |from: &str, to: &str| way(Path::new(from), Path::new(to));
        assert_eq!(between("/p", "/p"), "");
        assert_eq!(between("/p", "/p/modules/net"), "modules/net");
        assert_eq!(between("/p/site", "/p/net"), "../net");
        assert_eq!(between("", "modules"), "modules");
        assert_eq!(between(".", "./modules/../net"), "net");
        assert_eq!(between("a", "../b"), "../../b");
        assert_eq!(between("../a", "b"), "b");
    }

    #[test]
    fn paths_stay_readable() {
        assert_eq!(join("", "target/v.war"), "target/v.war");
        assert_eq!(join("", "./app/../build.sh"), "build.sh");
        assert_eq!(join("modules/net", "../x"), "modules/x");
        assert_eq!(join("net", "/etc/hosts"), "/etc/hosts");
        assert_eq!(join("net", "out/"), "net/out/");
        assert_eq!(join("", "."), ".");
    }
}
