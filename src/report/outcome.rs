//! The end of a run in words.

use std::fmt::Write as _;

use super::timeline::timeline;
use super::words::paint;
use crate::diag::Look;
use crate::eval::{Value, show};
use crate::run::{Ended, Outcome};

/// What was done, what was verified, the outputs and the timeline.
pub fn outcome(outcome: &Outcome, look: Look) -> String {
    let mut out = String::new();
    let timeline = timeline(&outcome.timeline, look);
    if !timeline.is_empty() {
        let _ = writeln!(out, "{timeline}");
    }
    if !outcome.verified.is_empty() {
        let _ = writeln!(out, "{}", paint(look.colour, "1", "verified"));
        let mark = if look.unicode { "✓" } else { "+" };
        for verified in &outcome.verified {
            let _ =
                writeln!(out, "  {} {}  {}", paint(look.colour, "32", mark), verified.probe, verified.found);
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", head(outcome, look));
    let shown = if outcome.result == Ended::Ok { Some(&outcome.outputs) } else { None };
    let known = shown.into_iter().flatten().filter(|(_, value)| value.is_known());
    for (name, value) in known {
        let text = match value {
            Value::String(text) => text.clone(),
            other => show(other),
        };
        let _ = writeln!(out, "  {name} = {}", paint(look.colour, "1;36", &text));
    }
    out
}

fn head(outcome: &Outcome, look: Look) -> String {
    let done = &outcome.done;
    let parts = [
        (done.create, "created"),
        (done.change, "changed"),
        (done.replace, "replaced"),
        (done.delete, "deleted"),
        (done.unchanged, "unchanged"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let counts = if parts.is_empty() { "nothing done".to_owned() } else { parts.join(", ") };
    let calls = match outcome.calls {
        0 => "no changing calls".to_owned(),
        1 => "1 changing call".to_owned(),
        n => format!("{n} changing calls"),
    };
    let (colour, word) = match outcome.result {
        Ended::Ok => ("1;32", "done"),
        Ended::Failed => ("1;31", "failed"),
        Ended::Interrupted => ("1;33", "interrupted"),
        Ended::Waiting(_) => ("1;33", "waiting for approval"),
    };
    format!("{}: {counts}; {calls}", paint(look.colour, colour, word))
}
