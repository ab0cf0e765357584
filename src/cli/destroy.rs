//! `vpipe destroy`

use super::Exit;
use super::ask::{self, Question};
use super::load::{Choice, Loaded};
use super::session::{Opening, Purpose, Reach, Session, failures, refused, session};
use super::terminal::Terminal;
use crate::plan::{Totals, render};
use crate::report;
use crate::run::{self, Ended};

/// Delete everything that the pipeline and stage made
///
/// In reverse order, with AWS's preconditions (a distribution is disabled first, groups are let go before they are
/// deleted). Shows what would be deleted and asks. What vpipe did not make is never touched.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    choice: Choice,

    #[command(flatten)]
    reach: Reach,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Go on with a destruction that did not end well
    #[arg(long)]
    resume: bool,
}

pub(super) fn run(args: &Args, terminal: Terminal) -> Exit {
    let Args { choice, reach, .. } = args;
    let opening = Opening { choice, reach, purpose: Purpose::Change, approved: false };
    session(&opening, terminal, async |loaded, session| whole(args, loaded, session, terminal).await)
}

async fn whole(args: &Args, loaded: &Loaded, session: &Session, terminal: Terminal) -> Exit {
    let plan = match run::plan_destroy(&session.job).await {
        Ok(plan) => plan,
        Err(error) => return refused(&error, loaded, terminal),
    };
    let look = terminal.look();
    let idle = Totals::of(&plan).nothing_to_do();
    match session.history.nodes.is_empty() {
        true if idle => {
            terminal.note("nothing to delete");
            return Exit::Well;
        }
        // All is gone, and the journal is to know it.
        false if idle => {}
        _ => terminal.print(&render(&plan, look.colour, look.width)),
    }
    let production = loaded.manifest.production && !args.choice.local;
    let question = Question {
        text: "Delete all of this?",
        word: loaded.manifest.stage.as_deref().filter(|_| production),
        yes: args.yes || idle,
    };
    match ask::confirm(&question, terminal) {
        Ok(true) => {}
        Ok(false) => {
            terminal.note("nothing was deleted");
            return Exit::Failed;
        }
        Err(exit) => return exit,
    }
    let done = run::destroy_planned(&session.job, args.resume, &plan).await;
    session.clear();
    match done {
        Ok(outcome) => {
            outcome.notes.iter().for_each(|note| terminal.note(note));
            failures(&outcome.errors, loaded, terminal);
            terminal.print(&format!("\n{}", report::outcome(&outcome, look)));
            match outcome.result {
                Ended::Ok => Exit::Well,
                Ended::Failed => {
                    terminal.note("what is left is in the journal: run the same command again");
                    Exit::Failed
                }
                Ended::Interrupted | Ended::Waiting(_) => {
                    terminal.note("run the same command again to go on");
                    Exit::Waits
                }
            }
        }
        Err(error) => refused(&error, loaded, terminal),
    }
}
