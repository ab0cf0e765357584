//! `vpipe local`

use clap::Subcommand;
use std::net::SocketAddr;
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

    /// The shell whose words it prints what to export in
    #[arg(long, value_enum, default_value_t = Shell::usual())]
    shell: Shell,

    /// Something that goes wrong at the N-th changing call: `lost@N`, `throttle@N`, `expire@N`, `kill@N:before`,
    /// `kill@N:after`; or lists in small pages: `pages=ITEMS`
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Trouble>,
}

/// Whose words set variables of the environment.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Shell {
    /// bash, zsh and the like
    Bash,
    /// PowerShell
    Powershell,
}

impl Shell {
    fn usual() -> Self {
        if cfg!(windows) { Self::Powershell } else { Self::Bash }
    }

    /// What makes any AWS client use the local cloud at an address. Some read the region of one name, some of the other.
    fn exports(self, address: SocketAddr) -> String {
        let endpoint = format!("http://{address}");
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ];
        let line = |(name, value)| match self {
            Self::Bash => format!("export {name}={value}\n"),
            Self::Powershell => format!("$env:{name} = \"{value}\"\n"),
        };
        variables.into_iter().map(line).collect()
    }
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
    let faults = Faults::new(args.fault.iter().cloned());
    let local = Arc::new(Local::open(Some(&args.state), faults).map_err(|why| why.to_string())?);
    runtime(Speed::Times(times))?.block_on(async {
        let now = wall_clock(local.clock(), times);
        let server = serve(local, args.port, now).await.map_err(|why| {
            format!("port {} cannot be had: {why}; choose another with `--port`", args.port)
        })?;
        terminal.print(&args.shell.exports(server.address));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_has_its_words() {
        let at = SocketAddr::from(([127, 0, 0, 1], 4577));
        let (bash, powershell) = (Shell::Bash.exports(at), Shell::Powershell.exports(at));
        assert!(bash.starts_with("export AWS_ENDPOINT_URL=http://127.0.0.1:4577\n"), "{bash}");
        assert!(bash.ends_with("export AWS_DEFAULT_REGION=us-east-1\n"), "{bash}");
        assert!(
            powershell.starts_with("$env:AWS_ENDPOINT_URL = \"http://127.0.0.1:4577\"\n"),
            "{powershell}"
        );
        assert_eq!(bash.lines().count(), powershell.lines().count());
    }
}
