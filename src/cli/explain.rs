//! `vpipe explain`

use super::terminal::Terminal;
use super::{Exit, table};
use crate::base::closest;
use crate::diag::{self, CODES, code};

/// Explain a finding: what it means, why it matters, what to do, with examples
///
/// The code of a finding stands in brackets before its message, as in `error[unknown-attribute]`.
#[derive(clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    /// A code such as `unknown-attribute`
    #[arg(required_unless_present = "list")]
    code: Option<String>,

    /// List all codes
    #[arg(long, conflicts_with = "code")]
    list: bool,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Exit {
    let Some(name) = &args.code else {
        let rows = CODES.iter().map(|code| [code.name.to_owned(), code.summary.to_owned()]);
        terminal.print(&table::table(&["code", "what it says"], rows));
        return Exit::Well;
    };
    let name = name.trim_start_matches("error[").trim_start_matches("warning[").trim_end_matches(']');
    match code(name) {
        Some(code) => {
            terminal.print(&diag::explain(code, terminal.look()));
            Exit::Well
        }
        None => {
            let near = closest(name, CODES.iter().map(|code| code.name));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            terminal.error(&format!("there is no code `{name}`{near}"));
            terminal.note("help: `vpipe explain --list` lists them all");
            Exit::Usage
        }
    }
}
