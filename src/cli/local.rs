//! `vpipe local`

use clap::Subcommand;
use std::path::PathBuf;
use std::sync::Arc;

use super::Exit;
use super::session::{SpeedArg, runtime};
use super::terminal::Terminal;
use crate::local::{Faults, Local, Trouble, serve, wall_clock};
use crate::run::Speed;

/// The local cloud: an AWS of its own in this binary
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(Serve),
    Reset(Reset),
}

/// Serve the local cloud on a port of this machine, for any AWS client
///
/// Prints what to export. Only this machine can reach it. Ends with Ctrl-C; what was made stays in the state file.
#[derive(clap::Args)]
struct Serve {
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 4577)]
    port: u16,

    /// How fast time passes: `real`, or a factor such as `60x`
    #[arg(long, default_value = "real", value_name = "SPEED")]
    speed: SpeedArg,

    /// Where it is kept; that of a pipeline is `.vpipe/local/cloud.json` beside its file
    #[arg(long, default_value = ".vpipe/local/cloud.json", value_name = "FILE")]
    state: PathBuf,

    /// Something that goes wrong at the N-th changing call: `lost@N`, `throttle@N`, `expire@N`, `kill@N:before`,
    /// `kill@N:after`
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Trouble>,
}

/// Delete the local cloud and the journals of what was run on it
#[derive(clap::Args)]
struct Reset {
    /// The folder of the pipeline's file [default: the current one]
    folder: Option<PathBuf>,
}

pub(super) fn run(args: &Args, terminal: Terminal) -> Exit {
    let done = match &args.command {
        Command::Serve(args) => serve_until_interrupted(args, terminal),
        Command::Reset(args) => reset(args, terminal),
    };
    match done {
        Ok(()) => Exit::Well,
        Err(why) => {
            terminal.error(&why);
            Exit::Failed
        }
    }
}

fn serve_until_interrupted(args: &Serve, terminal: Terminal) -> Result<(), String> {
    let Speed::Times(times) = args.speed.0 else {
        return Err("clients of a port live in real time: write `--speed real` or a factor".to_owned());
    };
    let faults = Faults::new(args.fault.iter().copied());
    let local = Arc::new(Local::open(Some(&args.state), faults).map_err(|why| why.to_string())?);
    runtime(Speed::Times(times))?.block_on(async {
        let now = wall_clock(local.clock(), times);
        let server = serve(local, args.port, now).await.map_err(|why| {
            format!("port {} cannot be had: {why}; choose another with `--port`", args.port)
        })?;
        terminal.print(&format!(
            "export AWS_ENDPOINT_URL=http://{}\n\
             export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1\n",
            server.address
        ));
        terminal.note("the local cloud is served; Ctrl-C ends it");
        tokio::signal::ctrl_c().await.map_err(|why| why.to_string())?;
        server.stop().await.map_err(|why| why.to_string())
    })
}

fn reset(args: &Reset, terminal: Terminal) -> Result<(), String> {
    let folder = args.folder.clone().unwrap_or_else(|| PathBuf::from(".")).join(".vpipe").join("local");
    if !folder.is_dir() {
        terminal.note("there is no local cloud here");
        return Ok(());
    }
    // Nobody else may be using it.
    drop(Local::open(Some(&folder.join("cloud.json")), Faults::default()).map_err(|why| why.to_string())?);
    std::fs::remove_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    terminal.note(&format!("deleted {}", folder.display()));
    Ok(())
}
