//! `vpipe status`

use serde_json::json;
use std::fmt::Write as _;

use super::load::{Choice, Loaded, load};
use super::terminal::Terminal;
use super::{Exit, table};
use crate::eval::{NodeId, show};
use crate::journal::{History, Journal, JournalError, Known, LockHolder};
use crate::report::elapsed;
use crate::run::is_part;

/// Show what the journal knows: the last run, what exists, what is in doubt, who holds the lock
///
/// Reads only the journal: no network, no credentials.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    choice: Choice,

    /// A parameter's value
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,

    /// Write it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, terminal: Terminal) -> Exit {
    let loaded = match load(&args.choice, &args.set, None, &terminal) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    match read(&loaded, args.choice.local) {
        Ok(Some((history, holder))) => {
            let text = if args.json {
                as_json(&history, holder.as_ref())
            } else {
                as_text(&history, holder.as_ref(), &loaded)
            };
            terminal.print(&text);
            Exit::Well
        }
        Ok(None) => {
            let place = if args.choice.local { "on the local cloud" } else { "on AWS" };
            terminal.note(&format!("{} never ran {place} from here", title(&loaded)));
            Exit::Well
        }
        Err(error) => {
            terminal.error(&error.to_string());
            Exit::Failed
        }
    }
}

fn read(loaded: &Loaded, local: bool) -> Result<Option<(History, Option<LockHolder>)>, JournalError> {
    let Some(journal) = Journal::open(&loaded.journal(local), false)? else { return Ok(None) };
    Ok(Some((journal.history()?, journal.holder()?)))
}

fn title(loaded: &Loaded) -> String {
    let stage = loaded.manifest.stage.as_ref().map(|stage| format!(", stage `{stage}`,")).unwrap_or_default();
    format!("`{}`{stage}", loaded.manifest.pipeline)
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default()
}

fn as_text(history: &History, holder: Option<&LockHolder>, loaded: &Loaded) -> String {
    let mut out = String::new();
    if let Some(run) = history.last_run() {
        let result = match (&run.result, holder) {
            (Some(result), _) => result.as_str(),
            (None, Some(holder)) if !holder.owner.is_dead() => "under way",
            (None, _) => "killed",
        };
        let resumed = if run.resumed { ", resumed" } else { "" };
        let _ = writeln!(
            out,
            "last run   {}{resumed}: {result}, {} (took {})",
            run.command,
            time(run.began),
            elapsed(run.last - run.began)
        );
        if let Some(error) = &run.error {
            let _ = writeln!(out, "error      {error}");
        }
    }
    if let Some(holder) = holder {
        let dead =
            if holder.owner.is_dead() { " (that process is gone; the next run takes over)" } else { "" };
        let _ = writeln!(out, "lock       {holder}{dead}");
    }
    for (node, op) in history.in_doubt.values() {
        let _ = writeln!(out, "in doubt   {} for `{node}`: the next run looks at it first", op.operation);
    }
    let steps: Vec<&str> = loaded.manifest.rollout.iter().flatten().map(|step| step.name.as_str()).collect();
    if !steps.is_empty() && !history.progress.begun.is_empty() {
        let said: Vec<String> = steps
            .iter()
            .map(|step| {
                let state = if history.progress.done.contains_key(*step) {
                    "done"
                } else if history.failed_steps.contains(*step) {
                    "failed"
                } else if history.progress.begun.contains_key(*step) {
                    "begun"
                } else {
                    "to do"
                };
                format!("{step} {state}")
            })
            .collect();
        let _ = writeln!(out, "rollout    {}", said.join(", "));
    }
    let rows = resources(history).map(|(id, known)| {
        let state = match (known.existing, known.ready) {
            (true, _) => "looked up",
            (false, true) => "ready",
            (false, false) => "begun",
        };
        [id.clone(), known.kind.clone(), known.id.clone().unwrap_or_default(), state.to_owned()]
    });
    let resources = table::table(&["resource", "kind", "id", "state"], rows);
    let _ = write!(out, "\n{resources}");
    out
}

/// The resources of the file, without what its rollout made for itself.
fn resources(history: &History) -> impl Iterator<Item = (&NodeId, &Known)> {
    history.nodes.iter().filter(|(_, known)| !is_part(&known.kind))
}

fn as_json(history: &History, holder: Option<&LockHolder>) -> String {
    let run = history.last_run().map(|run| {
        json!({
            "id": run.run, "command": run.command, "file": run.file, "resumed": run.resumed,
            "began": time(run.began), "last": time(run.last), "result": run.result, "error": run.error,
        })
    });
    let resources: Vec<_> = resources(history)
        .map(|(id, known)| {
            let outputs: serde_json::Map<String, serde_json::Value> = known
                .outputs
                .iter()
                .map(|(name, value)| {
                    (name.clone(), value.as_str().map_or_else(|| show(value), str::to_owned).into())
                })
                .collect();
            json!({
                "node": id, "kind": known.kind, "name": known.name, "id": known.id, "ready": known.ready,
                "existing": known.existing, "outputs": outputs,
            })
        })
        .collect();
    let doubts: Vec<_> = history
        .in_doubt
        .values()
        .map(|(node, op)| json!({ "node": node, "operation": op.operation }))
        .collect();
    let value = json!({
        "last_run": run,
        "lock": holder.map(|holder| json!({ "owner": holder.owner, "dead": holder.owner.is_dead() })),
        "in_doubt": doubts,
        "steps_done": history.progress.done.keys().collect::<Vec<_>>(),
        "resources": resources,
    });
    // A JSON value always has a text.
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}
