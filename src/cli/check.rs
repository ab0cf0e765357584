//! `vpipe check`

use clap::ValueEnum;
use std::path::{Path, PathBuf};

use super::load::findings;
use super::terminal::Terminal;
use super::{Exit, files};
use crate::base::{SourceFile, SourceMap};
use crate::check::Checked;
use crate::diag::{self, Diagnostic, Format, Severity};

/// Find mistakes: syntax, names, types and values, for every stage of every file
///
/// Needs no credentials and no network. Exits with 0 when there is nothing to say, 1 when there are errors
/// (or warnings, with `--deny warnings`), 2 when the command line is wrong.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Files and folders; `-` for standard input [default: the current folder]
    files: Vec<PathBuf>,

    /// How findings are written
    #[arg(long, value_enum, default_value_t = FormatArg::Human)]
    format: FormatArg,

    /// Exit with 1 when there are only warnings, too
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,

    /// Apply the repairs that findings carry
    #[arg(long)]
    fix: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// Source lines and arrows
    Human,
    /// One line a finding
    Short,
    /// A JSON array
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// GitHub workflow commands
    Github,
}

impl From<FormatArg> for Format {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Human => Format::Human,
            FormatArg::Short => Format::Short,
            FormatArg::Json => Format::Json,
            FormatArg::Sarif => Format::Sarif,
            FormatArg::Github => Format::Github,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings
    Warnings,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Exit {
    match all_findings(args, terminal) {
        Ok((found, files)) => report(&found, args, files, terminal),
        Err(why) => {
            terminal.error(&why);
            Exit::Usage
        }
    }
}

fn all_findings(args: &Args, terminal: &Terminal) -> Result<(Findings, usize), String> {
    if args.fix && args.files.iter().any(|file| file.as_os_str() == "-") {
        return Err("`--fix` changes files: it does not go with standard input".to_owned());
    }
    let files = files::expand(&args.files)?;
    let mut all = Findings::default();
    for (at, file) in files.iter().enumerate() {
        let mut found = findings(file)?;
        if args.fix {
            found = repaired(found, file, terminal)?;
        }
        if at + 1 == files.len() {
            // The process ends soon: the system takes its memory back at once, and not leaf by leaf.
            std::mem::forget(found.program.take());
        }
        all.add(found)?;
    }
    Ok((all, files.len()))
}

fn report(all: &Findings, args: &Args, files: usize, terminal: &Terminal) -> Exit {
    let diagnostics = &all.diagnostics;
    terminal.print(&diag::render(args.format.into(), diagnostics, &all.sources, terminal.look()));
    if args.format == FormatArg::Human {
        match (diag::summary(diagnostics), diagnostics.first()) {
            (Some(summary), Some(first)) => {
                let repairable = diagnostics.iter().filter(|d| d.fix.is_some()).count();
                let repair = match repairable {
                    0 => String::new(),
                    _ if args.fix => String::new(),
                    n => format!("; {n} can be repaired with `vpipe check --fix`"),
                };
                terminal.note(&format!("{summary}{repair}; see `vpipe explain {}`", first.code));
            }
            _ if files == 1 => terminal.note("no mistakes found"),
            _ => terminal.note(&format!("no mistakes found in {files} files")),
        }
    }
    match diagnostics.iter().map(|d| d.severity).max() {
        Some(Severity::Error) => Exit::Failed,
        Some(Severity::Warning) if args.deny == Some(Deny::Warnings) => Exit::Failed,
        _ => Exit::Well,
    }
}

/// The mark of UTF-8.
const MARK: char = '\u{feff}';

/// Applies repairs until none is left (one repair may uncover the next), and gives what remains.
fn repaired(mut checked: Checked, path: &Path, terminal: &Terminal) -> Result<Checked, String> {
    const ROUNDS: usize = 10;
    for _ in 0..ROUNDS {
        let mut changed = false;
        // The file itself, and what it uses: other files, `vpipe.toml`.
        for file in checked.sources.files().iter().filter(|file| is_on_disk(file)) {
            let Some((text, count)) = diag::apply(file, &checked.diagnostics) else { continue };
            let name = &file.name;
            // The mark that some editors begin a file with is no part of the text, but stays.
            let marked = std::fs::read(name).is_ok_and(|bytes| bytes.starts_with("\u{feff}".as_bytes()));
            let text = if marked { format!("{MARK}{text}") } else { text };
            if let Err(why) = files::replace(Path::new(name), &text) {
                terminal.note(&format!("error: `{name}` cannot be written: {why}"));
                return Ok(checked);
            }
            terminal.note(&format!("{name}: {count} repaired"));
            changed = true;
        }
        if !changed {
            break;
        }
        checked = findings(path)?;
    }
    Ok(checked)
}

/// Whether a text is that of a file, as it is now: the library's files are none.
fn is_on_disk(file: &SourceFile) -> bool {
    let text = std::fs::read_to_string(&file.name);
    text.is_ok_and(|text| text.strip_prefix(MARK).unwrap_or(&text) == &*file.text)
}

/// The findings of several files, each said once.
#[derive(Default)]
struct Findings {
    sources: SourceMap,
    diagnostics: Vec<Diagnostic>,
    seen: std::collections::HashSet<String>,
}

impl Findings {
    fn add(&mut self, checked: Checked) -> Result<(), String> {
        let offset = self.sources.absorb(&checked.sources).map_err(|why| why.to_string())?;
        for diagnostic in checked.diagnostics {
            let (file, line, column) = checked.sources.position(diagnostic.span).unwrap_or_default();
            // A module that several files use is checked with each of them.
            let key = format!("{file}:{line}:{column}:{}:{}", diagnostic.code, diagnostic.message);
            if self.seen.insert(key) {
                self.diagnostics.push(diagnostic.moved(offset));
            }
        }
        Ok(())
    }
}
