//! `vpipe run`

use super::Exit;
use super::ask::{self, Question};
use super::load::{Choice, Loaded};
use super::resume::{self, ended};
use super::session::{Opening, Purpose, Reach, Session, refused, session};
use super::terminal::Terminal;
use crate::plan::{Totals, render};
use crate::run;

/// Bring everything to what the file says, then roll out
///
/// Shows the plan and asks before it changes anything; what the plan does not show is neither replaced nor deleted.
/// Kill it at any moment: `--resume` goes on where it stopped, repeats nothing and forgets nothing. A run with nothing
/// to change changes nothing.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    choice: Choice,

    #[command(flatten)]
    reach: Reach,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Go on with the run that did not end well: rollout steps that it finished are not repeated
    #[arg(long)]
    resume: bool,

    /// Grant the approval that the run waits for
    #[arg(long, requires = "resume")]
    approve: bool,
}

pub(super) fn run(args: &Args, terminal: Terminal) -> Exit {
    let Args { choice, reach, approve, .. } = args;
    let opening = Opening { choice, reach, purpose: Purpose::Change, approved: *approve };
    session(&opening, terminal, async |loaded, session| whole(args, loaded, session, terminal).await)
}

async fn whole(args: &Args, loaded: &Loaded, session: &Session, terminal: Terminal) -> Exit {
    match (session.history.unfinished(), args.resume) {
        (false, true) if session.history.last_run().is_some() => {
            terminal.note("nothing to resume: the last run ended well");
            return Exit::Well;
        }
        (true, false) => terminal.note(
            "the last run did not end well; this one begins the rollout anew (`--resume` would go on where it stopped)",
        ),
        _ => {}
    }
    let plan = match run::plan(&session.job).await {
        Ok(plan) => plan,
        Err(error) => return refused(&error, loaded, terminal),
    };
    let look = terminal.look();
    let idle = Totals::of(&plan).nothing_to_do();
    if !idle || !args.resume {
        terminal.print(&render(&plan, look.colour, look.width));
    }
    let question = Question {
        text: if idle { "Run the rollout?" } else { "Make these changes?" },
        word: None,
        yes: args.yes || (idle && loaded.manifest.rollout.is_empty()),
    };
    match ask::confirm(&question, terminal) {
        Ok(true) => {}
        Ok(false) => {
            terminal.note("nothing was changed");
            return Exit::Failed;
        }
        Err(exit) => return exit,
    }
    match run::apply_planned(&session.job, args.resume, &plan).await {
        Ok(outcome) => {
            session.clear();
            let go_on = resume::command("run", &args.choice, &args.reach, args.yes, loaded);
            ended(&outcome, &go_on, loaded, terminal)
        }
        Err(error) => {
            session.clear();
            refused(&error, loaded, terminal)
        }
    }
}
