//! From a file on the command line to a checked program, and to the manifest of one stage.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::check::{Checked, check_path, check_text};
#[cfg(feature = "aws")]
use crate::diag::{Diagnostic, Severity};
use crate::eval;

/// Checks one file, or standard input where it is `-`, in every stage.
///
/// # Errors
/// Words for the user when standard input cannot be read.
pub(super) fn findings(file: &Path) -> Result<Checked, String> {
    let checked = if file.as_os_str() == "-" {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).map_err(|why| format!("standard input: {why}"))?;
        let text = String::from_utf8(text).map_err(|_| "standard input is not UTF-8".to_owned())?;
        check_text("standard input", &text, PathBuf::from("."))
    } else {
        check_path(file)
    };
    Ok(eval::examine(checked))
}

/// Whether any of them is an error.
#[cfg(feature = "aws")]
fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}

#[cfg(feature = "aws")]
pub(super) use stage::{Choice, Loaded, load};

#[cfg(feature = "aws")]
mod stage {
    use indexmap::{IndexMap, IndexSet};
    use sha2::{Digest, Sha256};
    use std::path::{Path, PathBuf};

    use super::super::session::{self, Reach};
    use super::super::terminal::Terminal;
    use super::super::{Exit, files};
    use super::has_errors;
    use crate::base::{SourceMap, sentence_list};
    use crate::check::{Program, check_path};
    use crate::diag::{self, Format};
    use crate::eval::{Inputs, Manifest, Secrets, Stored, StoredSecret, evaluate};

    /// What a command is about.
    #[derive(clap::Args, Clone)]
    pub(in super::super) struct Choice {
        /// The file [default: the only one of the current folder]
        pub(in super::super) file: Option<PathBuf>,

        /// The stage; needed when the file has several
        #[arg(long, short)]
        pub(in super::super) stage: Option<String>,

        /// Use the local cloud in place of AWS: no account, no network, no cost
        #[arg(long)]
        pub(in super::super) local: bool,
    }

    /// A file, checked and evaluated for one stage.
    pub(in super::super) struct Loaded {
        /// The file as the user gave it.
        pub(in super::super) file: PathBuf,
        /// The folder that it stands in.
        pub(in super::super) folder: PathBuf,
        pub(in super::super) sources: SourceMap,
        pub(in super::super) program: Program,
        pub(in super::super) manifest: Manifest,
        /// SHA-256 of the user's files.
        pub(in super::super) fingerprint: String,
        /// The secrets of the cloud's stores that were not read, for none was to be reached.
        pub(in super::super) unread: IndexSet<StoredSecret>,
    }

    /// Loads what a command is about. Findings are shown; secrets come from the environment, and from the stores of the
    /// cloud that may be reached. A command that reaches none works without them.
    ///
    /// # Errors
    /// How to exit, when there are errors, which have been shown.
    pub(in super::super) fn load(
        choice: &Choice,
        set: &[String],
        reach: Option<&Reach>,
        terminal: &Terminal,
    ) -> Result<Loaded, Exit> {
        let usage = |why: String| {
            terminal.error(&why);
            Exit::Usage
        };
        let file = files::single(choice.file.as_deref()).map_err(usage)?;
        let checked = check_path(&file);
        let found = checked.policy.grade(checked.diagnostics);
        show(&found, &checked.sources, terminal);
        let Some(program) = checked.program.filter(|_| !has_errors(&found)) else {
            return Err(Exit::Failed);
        };
        let stage = stage(&program, choice.stage.as_deref()).map_err(usage)?;
        let set = set
            .iter()
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => Ok((name.trim().to_owned(), value.to_owned())),
                None => Err(format!("`--set {pair}` has no `=`; write `--set NAME=VALUE`")),
            })
            .collect::<Result<IndexMap<_, _>, _>>()
            .map_err(usage)?;
        let given: IndexMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let secrets = if choice.local || reach.is_none() {
            Secrets::OrMadeUp { given, seed: "local".to_owned() }
        } else {
            Secrets::Given(given)
        };
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut inputs = Inputs { stage, set, secrets, stored: Stored::new() };
        let mut evaluated = evaluate(&program, &inputs);
        if let (Some(reach), Some(manifest)) = (reach, &evaluated.manifest)
            && !evaluated.unread.is_empty()
        {
            let state = store(&folder, choice.local).join("cloud.json");
            let read = session::stored(&manifest.region, &state, choice, reach, &evaluated.unread);
            inputs.stored = read.map_err(|why| {
                terminal.error(&why);
                Exit::Failed
            })?;
            evaluated = evaluate(&program, &inputs);
        }
        let found = checked.policy.grade(evaluated.diagnostics);
        show(&found, &checked.sources, terminal);
        let Some(manifest) = evaluated.manifest.filter(|_| !has_errors(&found)) else {
            return Err(Exit::Failed);
        };
        if reach.is_some() && !evaluated.made_up.is_empty() {
            let names = sentence_list(evaluated.made_up.iter().map(String::as_str), "and");
            let verb = if evaluated.made_up.len() == 1 { "is" } else { "are" };
            terminal.note(&format!("{names} {verb} not set: made up for the local cloud"));
        }
        let fingerprint = fingerprint(&checked.sources);
        let unread = evaluated.unread;
        Ok(Loaded { file, folder, sources: checked.sources, program, manifest, fingerprint, unread })
    }

    fn show(diagnostics: &[diag::Diagnostic], sources: &SourceMap, terminal: &Terminal) {
        if let Some(summary) = diag::summary(diagnostics) {
            let text = diag::render(Format::Human, diagnostics, sources, terminal.error_look());
            terminal.note(&format!("{text}{summary}"));
        }
    }

    /// The stage that is meant.
    fn stage(program: &Program, asked: Option<&str>) -> Result<Option<String>, String> {
        let names: Vec<&str> = program.root.stages.iter().map(|stage| stage.name.as_str()).collect();
        match (asked, &names[..]) {
            (None, []) => Ok(None),
            (None, [only]) => Ok(Some((*only).to_owned())),
            (None, _) => Err(format!("which stage? Say `--stage` with {}", sentence_list(names, "or"))),
            (Some(asked), []) => Err(format!("there is no stage `{asked}`: the file has no stages")),
            (Some(asked), _) if names.contains(&asked) => Ok(Some(asked.to_owned())),
            (Some(asked), _) => Err(match crate::base::closest(asked, names.iter().copied()) {
                Some(near) => format!("there is no stage `{asked}`; did you mean `{near}`?"),
                None => format!("there is no stage `{asked}`; the file has {}", sentence_list(names, "and")),
            }),
        }
    }

    fn fingerprint(sources: &SourceMap) -> String {
        let mut hash = Sha256::new();
        for file in sources.files().iter().filter(|file| !file.name.starts_with("std/")) {
            hash.update(file.name.as_bytes());
            hash.update([0]);
            hash.update(file.text.as_bytes());
            hash.update([0]);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    impl Loaded {
        /// The folder of the journals of this file; of the local cloud, when it is used.
        pub(in super::super) fn store(&self, local: bool) -> PathBuf {
            store(&self.folder, local)
        }

        /// The journal of the pipeline and stage.
        pub(in super::super) fn journal(&self, local: bool) -> PathBuf {
            let stage = self.manifest.stage.as_ref().map(|stage| format!("-{stage}")).unwrap_or_default();
            self.store(local).join(format!("{}{stage}.db", self.manifest.pipeline))
        }
    }

    fn store(folder: &Path, local: bool) -> PathBuf {
        let store = folder.join(".vpipe");
        if local { store.join("local") } else { store }
    }
}
