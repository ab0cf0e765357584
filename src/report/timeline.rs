//! The timeline of a run: a bar for each thing that took time.

use std::fmt::Write as _;

use super::words::{elapsed, paint};
use crate::diag::Look;
use crate::run::Took;

/// The longest name that is shown whole.
const LONGEST_NAME: usize = 28;

/// The chart, one line for each node and step that took at least a second; empty when none did.
pub fn timeline(took: &[Took], look: Look) -> String {
    let long: Vec<&Took> = took.iter().filter(|t| t.ended - t.began >= 1_000).collect();
    let (Some(began), Some(ended)) = (long.iter().map(|t| t.began).min(), long.iter().map(|t| t.ended).max())
    else {
        return String::new();
    };
    let names: Vec<String> = long.iter().map(|t| name(t)).collect();
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let bar_width = look.width.saturating_sub(widest + 14).clamp(10, 60);
    let whole = (ended - began).max(1);
    // Both products are far below what an `i64` holds: milliseconds times a width of at most 60.
    let column = |at: i64| usize::try_from((at - began) * bar_width as i64 / whole).unwrap_or(0);
    let mut out = format!("timeline, {} in all\n", elapsed(whole));
    for (took, name) in long.iter().zip(&names) {
        let from = column(took.began).min(bar_width - 1);
        let to = column(took.ended).clamp(from + 1, bar_width);
        let block = if look.unicode { "█" } else { "#" };
        let bar = paint(look.colour, if took.ok { "36" } else { "31" }, &block.repeat(to - from));
        let _ = writeln!(
            out,
            "  {name:<widest$}  {}{bar}{} {:>8}",
            " ".repeat(from),
            " ".repeat(bar_width - to),
            elapsed(took.ended - took.began)
        );
    }
    out
}

fn name(took: &Took) -> String {
    let name = if took.kind == "step" { format!("step {}", took.what) } else { took.what.clone() };
    match name.char_indices().nth(LONGEST_NAME) {
        Some((at, _)) => format!("{}…", name.get(..at).unwrap_or_default()),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(what: &str, kind: &str, began: i64, ended: i64) -> Took {
        Took { what: what.into(), kind: kind.into(), action: None, began, ended, ok: true }
    }

    #[test]
    fn bars_stand_where_time_was_spent() {
        let look = Look { colour: false, unicode: false, width: 40 };
        let all = [
            took("backend", "security_group", 0, 100),
            took("mysql", "db_instance", 0, 60_000),
            took("release", "step", 60_000, 120_000),
        ];
        assert_eq!(
            timeline(&all, look),
            "timeline, 2m 00s in all\n  \
             mysql         #######          1m 00s\n  \
             step release         #######   1m 00s\n"
        );
    }
}
