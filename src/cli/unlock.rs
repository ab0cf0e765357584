//! `vpipe unlock`

use std::sync::{Arc, Mutex};

use super::Exit;
use super::load::{Choice, load};
use super::terminal::Terminal;
use crate::journal::Journal;
use crate::run;

/// Free the lock of a run whose process is certainly gone
///
/// A run on this machine that was killed needs no unlocking: the next one sees that its process is gone and takes over.
/// This is for locks of other machines.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    choice: Choice,

    /// A parameter's value
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
}

pub(super) fn run(args: &Args, terminal: Terminal) -> Exit {
    let loaded = match load(&args.choice, &args.set, None, &terminal) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let freed = Journal::open(&loaded.journal(args.choice.local), false).and_then(|journal| match journal {
        Some(journal) => run::unlock(&Arc::new(Mutex::new(journal)), jiff::Timestamp::now().as_millisecond()),
        None => Ok(None),
    });
    match freed {
        Ok(Some(holder)) => {
            terminal.note(&format!("freed: it was {holder}"));
            Exit::Well
        }
        Ok(None) => {
            terminal.note("nobody holds the lock");
            Exit::Well
        }
        Err(error) => {
            terminal.error(&error.to_string());
            Exit::Failed
        }
    }
}
