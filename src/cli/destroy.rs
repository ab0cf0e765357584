//! `vpipe destroy`

use super::Exit;
use super::ask::{self, Question};
use super::load::{Choice, Loaded, load};
use super::session::{Purpose, Reach, Session, failures, refused, runtime};
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
    let loaded = match load(&args.choice, &args.reach.set, &terminal) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    match runtime(args.reach.speed(&args.choice)) {
        Ok(runtime) => runtime.block_on(whole(args, &loaded, terminal)),
        Err(why) => {
            terminal.error(&why);
            Exit::Failed
        }
    }
}

async fn whole(args: &Args, loaded: &Loaded, terminal: Terminal) -> Exit {
    let opened = Session::open(loaded, &args.choice, &args.reach, Purpose::Change, false, terminal).await;
    let session = match opened {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    session.heed_interrupts(terminal);
    let plan = match run::plan_destroy(&session.job).await {
        Ok(plan) => plan,
        Err(error) => return refused(&error, loaded, terminal),
    };
    let look = terminal.look();
    let idle = Totals::of(&plan).nothing_to_do();
    match session.job.has_resources() {
        Err(error) => return refused(&error.into(), loaded, terminal),
        Ok(false) if idle => {
            terminal.note("nothing to delete");
            return Exit::Well;
        }
        // All is gone, and the journal is to know it.
        Ok(_) if idle => {}
        Ok(_) => terminal.print(&render(&plan, look.colour, look.width)),
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
    let done = run::destroy(&session.job, args.resume).await;
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
