//! The `vpipe` command: one file a subcommand; the only room that prints.
//!
//! Exit codes: 0 well, 1 findings or a failed run, 2 a wrong command line, 3 a run that waits (for an approval, or
//! because it was interrupted) and can be resumed.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[cfg(feature = "aws")]
mod ask;
mod check;
#[cfg(feature = "aws")]
mod destroy;
mod doc;
mod explain;
mod files;
mod fmt;
#[cfg(feature = "aws")]
mod import;
mod load;
#[cfg(feature = "aws")]
mod local;
#[cfg(feature = "aws")]
mod permissions;
#[cfg(feature = "aws")]
mod plan;
#[cfg(feature = "aws")]
mod resume;
#[cfg(feature = "aws")]
mod rollback;
#[cfg(feature = "aws")]
mod run;
#[cfg(feature = "aws")]
mod session;
#[cfg(feature = "aws")]
mod status;
mod table;
mod terminal;
#[cfg(feature = "aws")]
mod unlock;

use terminal::{ColourChoice, Terminal};

/// Declarative pipelines for AWS: from an empty account to a verified web site.
#[derive(Parser)]
#[command(name = "vpipe", version, max_term_width = 100, propagate_version = true)]
struct Cli {
    /// When to use colours
    #[arg(long, value_enum, default_value_t = ColourChoice::Auto, global = true, value_name = "WHEN")]
    color: ColourChoice,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    Fmt(fmt::Args),
    Doc(doc::Args),
    Explain(explain::Args),
    #[cfg(feature = "aws")]
    Plan(plan::Args),
    #[cfg(feature = "aws")]
    Run(run::Args),
    #[cfg(feature = "aws")]
    Import(import::Args),
    #[cfg(feature = "aws")]
    Rollback(rollback::Args),
    #[cfg(feature = "aws")]
    Status(status::Args),
    #[cfg(feature = "aws")]
    Destroy(destroy::Args),
    #[cfg(feature = "aws")]
    Permissions(permissions::Args),
    #[cfg(feature = "aws")]
    Unlock(unlock::Args),
    #[cfg(feature = "aws")]
    Local(local::Args),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All is well.
    Well,
    /// There are findings, or the run failed.
    Failed,
    /// The command line was wrong.
    Usage,
    /// The run waits and can be resumed.
    #[cfg(feature = "aws")]
    Waits,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Well => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            #[cfg(feature = "aws")]
            Exit::Waits => 3,
        })
    }
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::new(cli.color);
    let exit = match cli.command {
        Command::Check(args) => check::run(&args, &terminal),
        Command::Fmt(args) => fmt::run(&args, &terminal),
        Command::Doc(args) => doc::run(&args, &terminal),
        Command::Explain(args) => explain::run(&args, &terminal),
        #[cfg(feature = "aws")]
        Command::Plan(args) => plan::run(&args, terminal),
        #[cfg(feature = "aws")]
        Command::Run(args) => run::run(&args, terminal),
        #[cfg(feature = "aws")]
        Command::Import(args) => import::run(&args, terminal),
        #[cfg(feature = "aws")]
        Command::Rollback(args) => rollback::run(&args, terminal),
        #[cfg(feature = "aws")]
        Command::Status(args) => status::run(&args, terminal),
        #[cfg(feature = "aws")]
        Command::Destroy(args) => destroy::run(&args, terminal),
        #[cfg(feature = "aws")]
        Command::Permissions(args) => permissions::run(&args, terminal),
        #[cfg(feature = "aws")]
        Command::Unlock(args) => unlock::run(&args, terminal),
        #[cfg(feature = "aws")]
        Command::Local(args) => local::run(&args, terminal),
    };
    exit.into()
}
