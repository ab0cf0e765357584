//! Progress on a terminal: what is at work, with its time and what AWS says; what is finished scrolls away above.

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::plain::Lines;
use super::words::{elapsed, present};
use crate::plan::Action;
use crate::run::{Event, Listener};

/// What time it is: milliseconds since the Unix epoch, by the run's clock.
type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A listener that keeps a line on standard error for each node and step at work. Also gives what clears them.
pub fn live(now: Now, colour: bool) -> (Listener, impl Fn()) {
    let board = Arc::new(Mutex::new(Board {
        bars: MultiProgress::new(),
        at_work: HashMap::new(),
        lines: Lines::new(colour),
        colour,
        now,
    }));
    let shared = Arc::clone(&board);
    let listener: Listener =
        Arc::new(move |event| shared.lock().unwrap_or_else(PoisonError::into_inner).tell(&event));
    let clear = move || {
        let board = board.lock().unwrap_or_else(PoisonError::into_inner);
        // The terminal may be gone; the run is over all the same.
        let _ = board.bars.clear();
    };
    (listener, clear)
}

struct Board {
    bars: MultiProgress,
    at_work: HashMap<String, Work>,
    lines: Lines,
    colour: bool,
    now: Now,
}

struct Work {
    bar: ProgressBar,
    text: String,
}

impl Board {
    fn tell(&mut self, event: &Event) {
        match event {
            Event::NodeStarted { action: Action::Keep | Action::Read, .. } => {}
            Event::NodeStarted { node, kind, action, at } => {
                self.begin(node, *at, format!("{} {kind}", present(*action)));
            }
            Event::StepStarted { step, skipped: false, at } => self.begin(step, *at, String::new()),
            Event::Waiting { node, note, .. } => {
                // `rollout.release[1]` is told at its step.
                let what = step_of(node).unwrap_or(node).to_owned();
                if let Some(work) = self.at_work.get(&what) {
                    work.show(&format!("{}: {note}", work.text));
                }
            }
            Event::ActionStarted { step, action, .. } => {
                if let Some(work) = self.at_work.get_mut(step) {
                    work.text.clone_from(action);
                    work.show(action);
                }
            }
            Event::NodeDone { node, .. } | Event::NodeFailed { node, .. } => self.end(node),
            Event::StepEnded { step, .. } => self.end(step),
            _ => {}
        }
        let scrolls = matches!(
            event,
            Event::NodeDone { .. }
                | Event::NodeFailed { .. }
                | Event::Retrying { .. }
                | Event::ActionDone { .. }
                | Event::Output { .. }
                | Event::StepStarted { skipped: true, .. }
                | Event::StepEnded { .. }
        );
        if let (true, Some(line)) = (scrolls, self.lines.line(event)) {
            // As above.
            let _ = self.bars.println(line);
        } else if !scrolls {
            // For the times that later lines tell.
            let _ = self.lines.line(event);
        }
    }

    fn begin(&mut self, what: &str, since: i64, text: String) {
        let bar = self.bars.add(ProgressBar::new_spinner());
        let template = if self.colour {
            "{spinner:.cyan} {took} {prefix:.bold} {wide_msg}"
        } else {
            "{spinner} {took} {prefix} {wide_msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            let now = Arc::clone(&self.now);
            let took = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
                // Nothing can be done about a line that cannot be drawn.
                let _ = write!(out, "{:>7}", elapsed(now() - since));
            };
            bar.set_style(style.with_key("took", took));
        }
        bar.set_prefix(format!("{what:<20}"));
        bar.enable_steady_tick(Duration::from_millis(120));
        let work = Work { bar, text };
        work.show(&work.text);
        self.at_work.insert(what.to_owned(), work);
    }

    fn end(&mut self, what: &str) {
        if let Some(work) = self.at_work.remove(what) {
            work.bar.finish_and_clear();
            self.bars.remove(&work.bar);
        }
    }
}

impl Work {
    fn show(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }
}

/// The step of an action's node: `release` of `rollout.release[1]`.
fn step_of(node: &str) -> Option<&str> {
    node.strip_prefix("rollout.")?.split('[').next()
}
