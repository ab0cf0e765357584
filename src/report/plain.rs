//! Progress as plain lines, one for each thing that happened: for logs and CI.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::words::{clock, elapsed, paint, past, present};
use crate::plan::Action;
use crate::run::{Event, Listener};

/// Where lines go.
pub type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// A listener that writes a line for each event to `sink`. Times count from the first event.
pub fn plain(sink: Sink, colour: bool) -> Listener {
    let lines = Mutex::new(Lines::new(colour));
    Arc::new(move |event| {
        let line = lines.lock().unwrap_or_else(PoisonError::into_inner).line(&event);
        if let Some(line) = line {
            sink(&line);
        }
    })
}

/// Turns events into lines.
pub(super) struct Lines {
    began: Option<i64>,
    colour: bool,
    since: HashMap<String, i64>,
    notes: HashMap<String, String>,
}

impl Lines {
    pub(super) fn new(colour: bool) -> Self {
        Self { began: None, colour, since: HashMap::new(), notes: HashMap::new() }
    }

    /// How long a node or step has been at work.
    pub(super) fn took(&self, what: &str, at: i64) -> String {
        elapsed(at - self.since.get(what).copied().unwrap_or(at))
    }

    /// The line of an event; `None` where it has nothing new to say.
    pub(super) fn line(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::NodeStarted { node, kind, action, at } => {
                self.begin(node, *at);
                let works = !matches!(action, Action::Keep | Action::Read);
                works.then(|| self.at(*at, node, &format!("{} {kind}", present(*action))))
            }
            Event::Call { .. } => None,
            Event::Waiting { node, note, at } => {
                let new = self.notes.insert(node.clone(), note.clone()).as_deref() != Some(note);
                new.then(|| self.at(*at, node, &paint(self.colour, "2", note)))
            }
            Event::Retrying { node, why, at } => {
                Some(self.at(*at, node, &paint(self.colour, "33", &format!("trying again: {why}"))))
            }
            Event::NodeDone { action: Action::Keep | Action::Read, .. } => None,
            Event::NodeDone { node, action, at } => {
                let text = format!("{} in {}", past(*action), self.took(node, *at));
                Some(self.at(*at, node, &paint(self.colour, "32", &text)))
            }
            Event::NodeFailed { node, error, at } => {
                Some(self.at(*at, node, &paint(self.colour, "31", &format!("failed: {error}"))))
            }
            Event::StepStarted { step, skipped, at } => {
                self.begin(step, *at);
                let text = if *skipped { "already done, skipped" } else { "started" };
                Some(self.at(*at, &name(step), text))
            }
            Event::ActionStarted { step, action, at } => Some(self.at(*at, &name(step), action)),
            Event::ActionDone { step, result, at, .. } if !result.is_empty() => {
                Some(self.at(*at, &name(step), &paint(self.colour, "32", result)))
            }
            Event::ActionDone { .. } => None,
            Event::Output { step, line } => Some(format!("       {} │ {line}", name(step))),
            Event::StepEnded { step, error: None, at } => {
                let text = format!("done in {}", self.took(step, *at));
                Some(self.at(*at, &name(step), &paint(self.colour, "32", &text)))
            }
            Event::StepEnded { step, error: Some(error), at } => {
                Some(self.at(*at, &name(step), &paint(self.colour, "31", &format!("failed: {error}"))))
            }
        }
    }

    fn begin(&mut self, what: &str, at: i64) {
        self.began.get_or_insert(at);
        self.since.insert(what.to_owned(), at);
    }

    fn at(&self, at: i64, what: &str, text: &str) -> String {
        let time = paint(self.colour, "2", &format!("{:>7}", clock(at - self.began.unwrap_or(at))));
        format!("{time}  {} {text}", paint(self.colour, "1", &format!("{:<20}", brief(what))))
    }
}

/// The name of a rule, or of a part of an action, made to fit a column: `backend.allow[tcp 3306]`.
fn brief(what: &str) -> String {
    let inner = what.strip_prefix("rollout.").unwrap_or(what);
    match inner.split_once(" from ") {
        Some((head, _)) => format!("{head}]"),
        None => inner.to_owned(),
    }
}

fn name(step: &str) -> String {
    format!("step {step}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_node_is_told_with_its_times_and_each_note_once() {
        let mut lines = Lines::new(false);
        let node = || "mysql".to_owned();
        let begin = Event::NodeStarted {
            node: node(),
            kind: "db_instance".into(),
            action: Action::Create,
            at: 1_000,
        };
        let wait = |at| Event::Waiting { node: node(), note: "creating".into(), at };
        let done = Event::NodeDone { node: node(), action: Action::Create, at: 486_000 };
        assert_eq!(lines.line(&begin).unwrap(), "   0:00  mysql                creating db_instance");
        assert!(lines.line(&wait(2_000)).is_some());
        assert!(lines.line(&wait(32_000)).is_none());
        assert_eq!(lines.line(&done).unwrap(), "   8:05  mysql                created in 8m 05s");
    }
}
