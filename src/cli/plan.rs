//! `vpipe plan`

use super::Exit;
use super::load::Choice;
use super::session::{Opening, Purpose, Reach, refused, session};
use super::terminal::Terminal;
use crate::plan::render;
use crate::run;

/// Show what a run would create, change, replace, delete and leave
///
/// Reads the cloud and the journal, changes nothing. Secrets are hidden; what is only known once other resources exist
/// shows as `(known after run)`.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    choice: Choice,

    #[command(flatten)]
    reach: Reach,

    /// Write the plan as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, terminal: Terminal) -> Exit {
    let Args { choice, reach, json } = args;
    let opening = Opening { choice, reach, purpose: Purpose::Read, approved: false };
    session(&opening, terminal, async |loaded, session| match run::plan(&session.job).await {
        Ok(plan) if *json => {
            // A plan is plain data: it always has a text.
            let text = serde_json::to_string_pretty(&plan).unwrap_or_default();
            terminal.print(&format!("{text}\n"));
            Exit::Well
        }
        Ok(plan) => {
            let look = terminal.look();
            terminal.print(&render(&plan, look.colour, look.width));
            Exit::Well
        }
        Err(error) => refused(&error, loaded, terminal),
    })
}
