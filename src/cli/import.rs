//! `vpipe import`

use std::path::PathBuf;

use super::Exit;
use super::ask::{self, Question};
use super::load::{Choice, Loaded};
use super::session::{Opening, Purpose, Reach, Session, failures, reaching, refused, session};
use super::terminal::Terminal;
use crate::cloud::Clients;
use crate::plan::{Action, Plan, render};
use crate::run::{self, Ended};

/// Print the `.vpipe` of something that exists, and adopt it
///
/// `vpipe import db_instance shop-db` prints the block of that resource, with look-ups of what it refers to; secrets are
/// declared, never printed. Put it into a file; `vpipe import db_instance shop-db --adopt shop.vpipe` then gives it the
/// pipeline's tags and writes it into the journal, as if the pipeline had made it. Nothing else of it is changed.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The kind, such as `db_instance`; `vpipe doc` lists them
    #[arg(requires = "name")]
    kind: Option<String>,

    /// Its name in AWS; the id of a distribution, the domain of a zone or certificate
    name: Option<String>,

    /// Print a complete file for a Beanstalk environment: with its application, databases, caches, brokers, groups,
    /// distributions and DNS records, as far as they can be found
    #[arg(long, value_name = "NAME", conflicts_with_all = ["kind", "adopt"])]
    environment: Option<String>,

    /// Adopt it for this file, which declares it; without KIND and NAME, all that the file declares and that exists
    #[arg(long, value_name = "FILE")]
    adopt: Option<PathBuf>,

    /// With `--adopt`: the stage; needed when the file has several
    #[arg(long, short, requires = "adopt")]
    stage: Option<String>,

    /// Where to look [default: `AWS_REGION`, else us-east-1; with `--adopt` the file's]
    #[arg(long, conflicts_with = "adopt")]
    region: Option<String>,

    /// Use the local cloud in place of AWS: no account, no network, no cost
    #[arg(long)]
    local: bool,

    #[command(flatten)]
    reach: Reach,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(args: &Args, terminal: Terminal) -> Exit {
    let what = args.kind.as_deref().zip(args.name.as_deref());
    match (&args.adopt, what) {
        (Some(file), what) => {
            let choice = Choice { file: Some(file.clone()), stage: args.stage.clone(), local: args.local };
            let opening =
                Opening { choice: &choice, reach: &args.reach, purpose: Purpose::Change, approved: false };
            session(&opening, terminal, async |loaded, session| {
                adopt(args, what, loaded, session, terminal).await
            })
        }
        (None, Some((kind, name))) => {
            print(args, async |clients| run::import(clients, kind, name).await, terminal)
        }
        (None, None) => match &args.environment {
            Some(name) => print(args, async |clients| run::import_environment(clients, name).await, terminal),
            None => {
                terminal.error(
                    "what is to be imported? Say `vpipe import KIND NAME`, or `vpipe import --environment NAME`",
                );
                Exit::Usage
            }
        },
    }
}

fn print(
    args: &Args,
    text: impl AsyncFnOnce(&Clients) -> Result<String, String>,
    terminal: Terminal,
) -> Exit {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let region = args.region.clone().or_else(|| set("AWS_REGION")).or_else(|| set("AWS_DEFAULT_REGION"));
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    match reaching(&region, args.local, &args.reach, text).and_then(|text| text) {
        Ok(text) => {
            terminal.print(&text);
            Exit::Well
        }
        Err(why) => {
            terminal.error(&why);
            Exit::Failed
        }
    }
}

async fn adopt(
    args: &Args,
    what: Option<(&str, &str)>,
    loaded: &Loaded,
    session: &Session,
    terminal: Terminal,
) -> Exit {
    let text = match what {
        Some(_) => "Adopt it for this pipeline?",
        None => "Adopt all that the file declares and that exists?",
    };
    match ask::confirm(&Question { text, word: None, yes: args.yes }, terminal) {
        Ok(true) => {}
        Ok(false) => {
            terminal.note("nothing was adopted");
            return Exit::Failed;
        }
        Err(exit) => return exit,
    }
    let done = run::adopt(&session.job, what).await;
    session.clear();
    let (outcome, adopted) = match done {
        Ok(done) => done,
        Err(error) => return refused(&error, loaded, terminal),
    };
    failures(&outcome.errors, loaded, terminal);
    adopted.iter().for_each(|node| terminal.note(&format!("adopted `{node}`")));
    if outcome.result != Ended::Ok {
        return Exit::Failed;
    }
    if adopted.is_empty() {
        terminal
            .note("nothing to adopt: what the file declares does not exist, or is this pipeline's already");
        return Exit::Well;
    }
    match run::plan(&session.job).await {
        Ok(plan) => {
            differing(plan, &adopted, terminal);
            Exit::Well
        }
        Err(error) => refused(&error, loaded, terminal),
    }
}

/// Shows what a run would change of what was adopted.
fn differing(plan: Plan, adopted: &[String], terminal: Terminal) {
    let differs = |action| !matches!(action, Action::Keep | Action::Read);
    let nodes = plan.nodes.into_iter().filter(|node| adopted.contains(&node.id) && differs(node.action));
    let plan = Plan { nodes: nodes.collect(), deployments: Vec::new(), ..plan };
    if plan.nodes.is_empty() {
        terminal.note("the file says what there is: a run changes nothing of it");
        return;
    }
    terminal.note("the file says otherwise; a run would do this:");
    let look = terminal.look();
    terminal.print(&render(&plan, look.colour, look.width));
}
