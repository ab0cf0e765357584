//! `vpipe permissions`

use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Exit;
use super::load::{Choice, load};
use super::terminal::Terminal;
use crate::cloud::driver;
use crate::cloud::permission::When;
use crate::run::{Drivers, LARGEST, Policy, adopting, importing, permissions};

/// Print the smallest IAM policy with which the pipeline can be planned, run and destroyed
///
/// As `aws iam create-policy --policy-document` takes it. Needs no credentials and no network: it is made from what the
/// file asks for. The names of the statements say which command needs them first. A run that takes something out of the
/// file deletes it with what the file needed before: until it has run, the policy of the version before has to stay.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The file [default: the only one of the current folder]
    file: Option<PathBuf>,

    /// The stage; needed when the file has several
    #[arg(long, short)]
    stage: Option<String>,

    /// A parameter's value
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,

    /// Only what one command needs; a `run` that has to delete or replace something needs all. `import`
    /// without FILE: what printing anything needs
    #[arg(long = "for", value_enum, value_name = "COMMAND")]
    command: Option<For>,

    /// Write it into this folder, in as many policies as AWS's limit on their size demands; a role can have ten
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// The account's number, for narrower resources [default: any account]
    #[arg(long, value_name = "NUMBER", value_parser = account)]
    account: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum For {
    /// Looking
    Plan,
    /// Looking, making and changing
    Run,
    /// Looking and deleting
    Destroy,
    /// Looking and tagging, for `vpipe import --adopt FILE`; without FILE, looking at anything, to print it
    Import,
}

fn account(text: &str) -> Result<String, String> {
    match text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err("an account's number has twelve digits".to_owned()),
    }
}

pub(super) fn run(args: &Args, terminal: Terminal) -> Exit {
    let account = args.account.as_deref().unwrap_or("*");
    let drivers: Drivers = Arc::new(driver);
    if let (Some(For::Import), None) = (args.command, &args.file) {
        return give(args, importing(&drivers, account), "import", terminal);
    }
    let choice = Choice { file: args.file.clone(), stage: args.stage.clone(), local: false };
    let loaded = match load(&choice, &args.set, None, &terminal) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let (manifest, unread) = (&loaded.manifest, &loaded.unread);
    let of = |whens| permissions(manifest, unread, &drivers, whens, account);
    let policy = match args.command {
        Some(For::Plan) => of(&[When::Look]),
        Some(For::Run) => of(&[When::Look, When::Change]),
        Some(For::Destroy) => of(&[When::Look, When::Delete]),
        Some(For::Import) => adopting(manifest, unread, &drivers, account),
        None => of(&[When::Look, When::Change, When::Delete]),
    };
    let stage = manifest.stage.as_ref().map(|stage| format!("-{stage}")).unwrap_or_default();
    give(args, policy, &format!("{}{stage}", manifest.pipeline), terminal)
}

/// Prints a policy, or writes it under a name.
fn give(args: &Args, policy: Policy, name: &str, terminal: Terminal) -> Exit {
    if let Some(folder) = &args.out {
        return match write(policy, folder, name) {
            Ok(files) => {
                files.iter().for_each(|file| terminal.note(&format!("{} written", file.display())));
                Exit::Well
            }
            Err(why) => {
                terminal.error(&why);
                Exit::Failed
            }
        };
    }
    terminal.print(&text(&policy));
    let size = policy.size();
    if size > LARGEST {
        terminal.note(&format!(
            "note: {size} characters, and a managed policy of AWS has at most {LARGEST}: `--out FOLDER` writes it in several"
        ));
    }
    Exit::Well
}

// A policy is plain data: it always has a text.
fn text(policy: &Policy) -> String {
    serde_json::to_string_pretty(policy).unwrap_or_default() + "\n"
}

/// Writes `PIPELINE-STAGE-1.json` and so on.
fn write(policy: Policy, folder: &Path, name: &str) -> Result<Vec<PathBuf>, String> {
    let failed = |path: &Path, why: std::io::Error| format!("`{}` cannot be written: {why}", path.display());
    std::fs::create_dir_all(folder).map_err(|why| failed(folder, why))?;
    let mut files = Vec::new();
    for (at, part) in policy.split().iter().enumerate() {
        let path = folder.join(format!("{name}-{}.json", at + 1));
        std::fs::write(&path, text(part)).map_err(|why| failed(&path, why))?;
        files.push(path);
    }
    Ok(files)
}
