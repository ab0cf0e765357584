//! `vpipe rollback`

use std::path::{Path, PathBuf};

use super::ask::{self, Question};
use super::load::{Choice, Loaded};
use super::resume::{self, ended};
use super::session::{Opening, Purpose, Reach, Session, refused, session};
use super::terminal::Terminal;
use super::{Exit, table};
use crate::run::{self, Releases};

/// Deploy the version that ran before, or a named one, to the environments that the rollout deploys to
///
/// Without a version, each environment returns to the newest one that ran well there and is older than the one that runs.
/// Nothing is built, and nothing else is changed; `vpipe plan` then says what runs and what the file would deploy.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The file [default: the only one of the current folder]; a lone word that is no file is the version
    #[arg(value_name = "FILE")]
    first: Option<String>,

    /// The version's label, as `--list` shows it
    #[arg(value_name = "VERSION")]
    second: Option<String>,

    /// The stage; needed when the file has several
    #[arg(long, short)]
    stage: Option<String>,

    /// Use the local cloud in place of AWS: no account, no network, no cost
    #[arg(long)]
    local: bool,

    #[command(flatten)]
    reach: Reach,

    /// Only show the versions that there are
    #[arg(long, conflicts_with_all = ["resume", "yes"])]
    list: bool,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Go on with a rollback that did not end well, to the versions that it had chosen
    #[arg(long)]
    resume: bool,
}

pub(super) fn run(args: &Args, terminal: Terminal) -> Exit {
    let (file, version) = match told_apart(args.first.as_deref(), args.second.as_deref()) {
        Ok(found) => found,
        Err(why) => {
            terminal.error(&why);
            return Exit::Usage;
        }
    };
    let choice = Choice { file, stage: args.stage.clone(), local: args.local };
    let purpose = if args.list { Purpose::Read } else { Purpose::Change };
    let opening = Opening { choice: &choice, reach: &args.reach, purpose, approved: false };
    session(&opening, terminal, async |loaded, session| match args.list {
        true => list(loaded, session, terminal).await,
        false => whole(args, &choice, version.as_deref(), loaded, session, terminal).await,
    })
}

/// The file and the version: a lone word is a version, unless it ends in `.vpipe` or there is a folder of its name.
fn told_apart(
    first: Option<&str>,
    second: Option<&str>,
) -> Result<(Option<PathBuf>, Option<String>), String> {
    let is_file = |word: &str| word.ends_with(".vpipe") || Path::new(word).is_dir();
    let version = second.map(str::to_owned);
    match first {
        Some(file) if is_file(file) => Ok((Some(file.into()), version)),
        Some(file) if version.is_some() => {
            Err(format!("`{file}` is no `.vpipe` file or folder; the file comes before the version"))
        }
        lone => Ok((None, lone.map(str::to_owned))),
    }
}

async fn list(loaded: &Loaded, session: &Session, terminal: Terminal) -> Exit {
    match run::releases(&session.job).await {
        Ok(all) if all.is_empty() => nothing(terminal),
        Ok(all) => {
            let tables: Vec<String> = all.iter().map(shown).collect();
            terminal.print(&tables.join("\n"));
            Exit::Well
        }
        Err(error) => refused(&error, loaded, terminal),
    }
}

fn nothing(terminal: Terminal) -> Exit {
    terminal.note("the rollout deploys to no environment");
    Exit::Failed
}

fn shown(found: &Releases) -> String {
    let time = |ms: i64| {
        let time = jiff::Timestamp::from_millisecond(ms).ok();
        time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default()
    };
    let rows = found.versions.iter().map(|version| {
        let ran = found.deployed.get(&version.label).map(|at| time(*at));
        let state = match () {
            () if found.runs.as_ref() == Some(&version.label) => "runs",
            () if !version.usable => "cannot be used",
            () => "",
        };
        [version.label.clone(), time(version.made), ran.unwrap_or_default(), state.to_owned()]
    });
    let table = table::table(&["version", "made", "last deployed well from here", ""], rows);
    let table = if table.is_empty() { "no versions yet\n".to_owned() } else { table };
    format!("{}\n{table}", found.environment)
}

async fn whole(
    args: &Args,
    choice: &Choice,
    version: Option<&str>,
    loaded: &Loaded,
    session: &Session,
    terminal: Terminal,
) -> Exit {
    let last = session.history.last_run().filter(|last| last.command == "rollback");
    let unfinished = last.is_some() && session.history.unfinished();
    match (unfinished, args.resume) {
        (false, true) => {
            terminal.note("nothing to resume: there is no rollback that did not end well");
            return Exit::Well;
        }
        // Some environments may have returned already, and would return further.
        (true, false) if version.is_none() => {
            terminal.error("the last rollback did not end well");
            terminal.note("help: `--resume` goes on with it; or name the version");
            return Exit::Failed;
        }
        _ => {}
    }
    let chosen = match run::choose(&session.job, version, args.resume).await {
        Ok(chosen) if chosen.is_empty() => return nothing(terminal),
        Ok(chosen) => chosen,
        Err(error) => return refused(&error, loaded, terminal),
    };
    for one in &chosen {
        let from = one.from.as_deref().unwrap_or("no version");
        terminal.print(&format!("{}: {from} -> {}\n", one.environment, one.to));
    }
    let question = Question { text: "Deploy this?", word: None, yes: args.yes };
    match ask::confirm(&question, terminal) {
        Ok(true) => {}
        Ok(false) => {
            terminal.note("nothing was changed");
            return Exit::Failed;
        }
        Err(exit) => return exit,
    }
    let done = run::rollback(&session.job, &chosen, args.resume).await;
    session.clear();
    match done {
        Ok(outcome) => {
            let go_on = resume::command("rollback", choice, &args.reach, args.yes, loaded);
            ended(&outcome, &go_on, loaded, terminal)
        }
        Err(error) => refused(&error, loaded, terminal),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_and_a_version_are_told_apart() {
        let of = |first, second| told_apart(first, second).unwrap();
        assert_eq!(of(Some("v-1.2"), None), (None, Some("v-1.2".to_owned())));
        assert_eq!(of(Some("shop.vpipe"), None), (Some("shop.vpipe".into()), None));
        assert_eq!(of(Some("src"), Some("v1")), (Some("src".into()), Some("v1".to_owned())));
        assert_eq!(of(None, None), (None, None));
        assert!(told_apart(Some("v1"), Some("shop.vpipe")).is_err());
    }
}
