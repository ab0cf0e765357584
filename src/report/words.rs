//! How actions and lengths of time are said.

use crate::plan::Action;

/// What is being done: "creating".
pub fn present(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update => "changing",
        Action::Replace => "replacing",
        Action::Keep => "looking",
        Action::Read => "looking up",
        Action::Delete => "deleting",
    }
}

/// What was done: "created".
pub fn past(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "changed",
        Action::Replace => "replaced",
        Action::Keep => "unchanged",
        Action::Read => "found",
        Action::Delete => "deleted",
    }
}

/// A length of time, given in milliseconds: `450ms`, `12s`, `8m 05s`, `1h 02m`.
pub fn elapsed(ms: i64) -> String {
    let (ms, seconds) = (ms.max(0), ms.max(0) / 1000);
    match seconds {
        0 => format!("{ms}ms"),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// The time since the start of a run as a clock shows it: `12:05`, `1:02:05`.
pub(super) fn clock(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds {
        0..3600 => format!("{:>2}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// Text with an ANSI colour, where colours are wanted.
pub(super) fn paint(colour: bool, code: &str, text: &str) -> String {
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_well() {
        assert_eq!(elapsed(450), "450ms");
        assert_eq!(elapsed(12_400), "12s");
        assert_eq!(elapsed(485_000), "8m 05s");
        assert_eq!(elapsed(3_725_000), "1h 02m");
        assert_eq!(clock(725_000), "12:05");
    }
}
