//! How what changes things ends, and the command that goes on with it.

use super::Exit;
use super::ask;
use super::load::{Choice, Loaded};
use super::session::{Reach, failures};
use super::terminal::Terminal;
use crate::report;
use crate::run::{Ended, Outcome};

/// Shows how it ended; `resume` is the command that goes on with it.
pub(super) fn ended(outcome: &Outcome, resume: &str, loaded: &Loaded, terminal: Terminal) -> Exit {
    for note in &outcome.notes {
        terminal.note(note);
    }
    failures(&outcome.errors, loaded, terminal);
    terminal.print(&format!("\n{}", report::outcome(outcome, terminal.look())));
    match &outcome.result {
        Ended::Ok => Exit::Well,
        Ended::Failed => {
            terminal.note(&format!("go on with: {resume}"));
            Exit::Failed
        }
        Ended::Interrupted => {
            terminal.note(&format!("go on with: {resume}"));
            Exit::Waits
        }
        Ended::Waiting(message) => {
            terminal.note(&format!("{message}\napprove and go on with: {resume} --approve"));
            Exit::Waits
        }
    }
}

/// The command that goes on with what this one began.
pub(super) fn command(name: &str, choice: &Choice, reach: &Reach, yes: bool, loaded: &Loaded) -> String {
    let mut words = vec![format!("vpipe {name}"), ask::quoted(&loaded.file.display().to_string())];
    words.extend(loaded.manifest.stage.iter().map(|stage| format!("--stage {stage}")));
    words.extend(choice.local.then(|| "--local".to_owned()));
    words.extend(reach.speed.iter().map(|speed| format!("--speed {speed}")));
    words.extend(reach.profile.iter().map(|profile| format!("--profile {}", ask::quoted(profile))));
    words.extend(reach.set.iter().map(|pair| format!("--set {}", ask::quoted(pair))));
    words.extend(yes.then(|| "--yes".to_owned()));
    words.push("--resume".to_owned());
    words.join(" ")
}
