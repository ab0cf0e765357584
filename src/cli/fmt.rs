//! `vpipe fmt`

use std::io::Read;
use std::path::{Path, PathBuf};

use super::terminal::Terminal;
use super::{Exit, files};
use crate::base::{SourceFile, SourceMap};
use crate::diag::{self, Format};
use crate::fmt::format;

/// Bring files to the one style
///
/// Comments stay where they are, and what a file means stays the same. A file with syntax errors is left alone. Standard
/// input (`-`) is written to standard output.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Files and folders; `-` for standard input [default: the current folder]
    files: Vec<PathBuf>,

    /// Write nothing; exit with 1 when a file is not in the style
    #[arg(long)]
    check: bool,

    /// Write nothing; show what would change, and exit with 1 when anything would
    #[arg(long)]
    diff: bool,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Exit {
    let files = match files::expand(&args.files) {
        Ok(files) => files,
        Err(why) => {
            terminal.error(&why);
            return Exit::Usage;
        }
    };
    let mut worst = Exit::Well;
    let mut changed = 0;
    for path in &files {
        match one(path, args, terminal) {
            Ok(Changed::No) => {}
            Ok(Changed::Yes) => changed += 1,
            Err(why) => {
                terminal.note(&why);
                worst = Exit::Failed;
            }
        }
    }
    let only_looks = args.check || args.diff;
    match changed {
        0 => {}
        1 if only_looks => terminal.note("1 file is not in the style; `vpipe fmt` brings it there"),
        n if only_looks => {
            terminal.note(&format!("{n} files are not in the style; `vpipe fmt` brings them there"))
        }
        1 => terminal.note("1 file changed"),
        n => terminal.note(&format!("{n} files changed")),
    }
    if only_looks && changed > 0 { Exit::Failed } else { worst }
}

enum Changed {
    Yes,
    No,
}

/// Formats one file, or says how it would change.
fn one(path: &Path, args: &Args, terminal: &Terminal) -> Result<Changed, String> {
    let piped = path.as_os_str() == "-";
    let (name, text) = if piped {
        ("standard input".to_owned(), read_all(&mut std::io::stdin().lock()))
    } else {
        (path.display().to_string(), std::fs::File::open(path).and_then(|mut file| read_all(&mut file)))
    };
    let text = text.map_err(|why| match why.kind() {
        std::io::ErrorKind::InvalidData => format!("error: `{name}` is not UTF-8 text; save it as UTF-8"),
        _ => format!("error: {name}: {why}"),
    })?;
    let mut sources = SourceMap::default();
    let file = sources.add(name.clone(), text).map_err(|why| format!("error: {name}: {why}"))?;
    let formatted = format(&file).map_err(|found| {
        let text = diag::render(Format::Human, &found, &sources, terminal.error_look());
        format!("{text}{name} is left as it is")
    })?;
    let same = *formatted == *file.text;
    if args.diff && !same {
        terminal.print(&difference(&file, &formatted));
    } else if args.check && !same {
        terminal.print(&format!("{name}\n"));
    } else if piped && !args.check && !args.diff {
        terminal.print(&formatted);
        return Ok(Changed::No);
    } else if !same {
        files::replace(path, &formatted).map_err(|why| format!("error: {name} cannot be written: {why}"))?;
    }
    Ok(if same { Changed::No } else { Changed::Yes })
}

fn read_all(from: &mut dyn Read) -> std::io::Result<String> {
    let mut text = String::new();
    from.read_to_string(&mut text)?;
    match text.contains('\0') {
        true => Err(std::io::ErrorKind::InvalidData.into()),
        false => Ok(text),
    }
}

/// What would change, as `diff -u` shows it.
fn difference(file: &SourceFile, formatted: &str) -> String {
    similar::TextDiff::from_lines(&*file.text, formatted)
        .unified_diff()
        .context_radius(3)
        .header(&file.name, &file.name)
        .to_string()
}
