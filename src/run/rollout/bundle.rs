//! `bundle`: files packed into a zip, the same bytes every time.

use std::collections::BTreeMap;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::super::context::{Failure, Stop};
use super::super::files::{draft, sha256, slowly, unusable, write_whole};
use super::act::{Act, Done};
use crate::eval::{Attrs, Value, show_size};

pub(super) async fn bundle(act: &Act<'_, '_>, source: &Value, to: &Value) -> Result<Done, Stop> {
    let world = act.ctx.job.world.clone();
    let target = act.text("the target", to)?;
    let mut sources = Vec::new();
    for source in source.items() {
        sources.push(act.text("the path", source)?);
    }
    act.say(format!("bundle {} to {target}", sources.join(", ")));
    act.started(Attrs::new())?;
    let alone = !matches!(source, Value::List(_));
    let result = slowly(move || {
        let path = world.path(&target);
        let mut entries = BTreeMap::new();
        for source in &sources {
            collect(&world.path(source), source, alone, &path, &mut entries)?;
        }
        if entries.is_empty() {
            return Err(Failure::new("there is nothing to pack"));
        }
        write_whole(&path, false, |file| write_zip(file, &entries))
            .map_err(|why| Failure::new(format!("`{target}` cannot be written: {why}")))?;
        let bytes = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        let hash = sha256(&path, &target)?;
        let files = if entries.len() == 1 { "file" } else { "files" };
        let size = show_size(i64::try_from(bytes).unwrap_or(i64::MAX));
        let hash = hash.get(..12).unwrap_or_default();
        Ok(format!("{} {files}, {size}, sha256 {hash}", entries.len()))
    })
    .await?;
    Ok(Done::new(result))
}

/// The files under a path by their names in the zip. A folder given alone is the root of the zip; everything given in a
/// list stands in the root under its own name.
fn collect(
    path: &Path,
    shown: &str,
    alone: bool,
    target: &Path,
    entries: &mut BTreeMap<String, PathBuf>,
) -> Result<(), Failure> {
    let meta = std::fs::metadata(path).map_err(|why| unusable(shown, &why))?;
    let own = match path.file_name().map(|name| name.to_str()) {
        Some(Some(name)) => name.to_owned(),
        Some(None) => return Err(not_text(path)),
        None => String::new(),
    };
    if !meta.is_dir() {
        return add(own, path.to_owned(), entries);
    }
    let mut folders = vec![(path.to_owned(), if alone { String::new() } else { own })];
    while let Some((folder, inside)) = folders.pop() {
        let unreadable = |why| Failure::new(format!("`{}`: {why}", folder.display()));
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            if path == target || path == draft(target) {
                continue;
            }
            let name = entry.file_name().into_string().map_err(|_| not_text(&path))?;
            let name = if inside.is_empty() { name } else { format!("{inside}/{name}") };
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                folders.push((path, name));
            } else if path.is_dir() {
                let message = format!("`{}` is a link to a folder, which a zip cannot hold", path.display());
                return Err(Failure::new(message).help("name the folder itself"));
            } else {
                add(name, path, entries)?;
            }
        }
    }
    Ok(())
}

fn add(name: String, path: PathBuf, entries: &mut BTreeMap<String, PathBuf>) -> Result<(), Failure> {
    match entries.get(&name) {
        Some(other) if *other != path => Err(Failure::new(format!(
            "`{}` and `{}` would both be `{name}` in the zip",
            other.display(),
            path.display()
        ))),
        _ => {
            entries.insert(name, path);
            Ok(())
        }
    }
}

fn not_text(path: &Path) -> Failure {
    Failure::new(format!("the name of `{}` is not valid UTF-8", path.display()))
}

/// Entries in order, all of one time; of modes only whether a file can be executed, which hooks of a platform need.
fn write_zip<W: Write + Seek>(file: W, entries: &BTreeMap<String, PathBuf>) -> std::io::Result<()> {
    let mut zip = ZipWriter::new(BufWriter::new(file));
    for (name, path) in entries {
        let mut source = std::fs::File::open(path)?;
        let meta = source.metadata()?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::DEFAULT)
            .large_file(meta.len() >= u64::from(u32::MAX))
            .unix_permissions(if is_executable(&meta) { 0o755 } else { 0o644 });
        zip.start_file(name.as_str(), options)?;
        std::io::copy(&mut source, &mut zip)?;
    }
    zip.finish()?.flush()
}

#[cfg(unix)]
fn is_executable(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn zip_of(folder: &Path) -> (Vec<String>, Vec<u8>) {
        let mut entries = BTreeMap::new();
        collect(folder, "app", true, &folder.join("out.zip"), &mut entries).unwrap();
        let mut bytes = std::io::Cursor::new(Vec::new());
        write_zip(&mut bytes, &entries).unwrap();
        (entries.into_keys().collect(), bytes.into_inner())
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, order) in
            [(a.path(), ["z.txt", "WEB-INF/web.xml"]), (b.path(), ["WEB-INF/web.xml", "z.txt"])]
        {
            std::fs::create_dir(folder.join("WEB-INF")).unwrap();
            for name in order {
                std::fs::write(folder.join(name), name).unwrap();
            }
        }
        std::fs::write(a.path().join("out.zip"), "an older bundle").unwrap();
        let (names, bytes) = zip_of(a.path());
        assert_eq!(names, ["WEB-INF/web.xml", "z.txt"]);
        assert_eq!(bytes, zip_of(b.path()).1);
    }

    #[test]
    fn what_is_missing_or_doubled_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut entries = BTreeMap::new();
        let path = folder.path().join("no");
        let missing = collect(&path, "no", true, &path, &mut entries).unwrap_err();
        assert_eq!(missing.message, "`no` is not there");
        add("x".to_owned(), "a/x".into(), &mut entries).unwrap();
        assert!(add("x".to_owned(), "b/x".into(), &mut entries).is_err());
    }
}
