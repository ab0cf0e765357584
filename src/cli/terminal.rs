//! Standard output and error: what they can show, and writing to them without ever failing.

use clap::ValueEnum;
use std::io::{IsTerminal, Write};

use crate::diag::Look;

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The two output streams.
#[derive(Clone, Copy)]
pub(super) struct Terminal {
    choice: ColourChoice,
}

impl Terminal {
    pub(super) fn new(choice: ColourChoice) -> Self {
        Self { choice }
    }

    /// What standard output can show.
    pub(super) fn look(&self) -> Look {
        self.look_of(std::io::stdout().is_terminal())
    }

    /// What standard error can show.
    pub(super) fn error_look(&self) -> Look {
        self.look_of(std::io::stderr().is_terminal())
    }

    fn look_of(&self, terminal: bool) -> Look {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let colour = match self.choice {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto if set("NO_COLOR") => false,
            ColourChoice::Auto if set("CLICOLOR_FORCE") => true,
            ColourChoice::Auto => terminal && !is_dumb(),
        };
        let size = if terminal { terminal_size::terminal_size() } else { None };
        Look { colour, unicode: speaks_unicode(), width: size.map_or(100, |(width, _)| usize::from(width.0)) }
    }

    /// Writes to standard output. A reader that went away (`| head`) is no error.
    pub(super) fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Whether a person watches: standard error is a terminal that can move its cursor.
    #[cfg(feature = "aws")]
    pub(super) fn is_interactive(&self) -> bool {
        std::io::stderr().is_terminal() && !is_dumb()
    }

    /// Writes to standard error without ending the line.
    #[cfg(feature = "aws")]
    pub(super) fn prompt(&self, text: &str) {
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Writes a line to standard error.
    pub(super) fn note(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Writes `error: …` to standard error.
    pub(super) fn error(&self, text: &str) {
        let word = if self.error_look().colour { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
        self.note(&format!("{word}: {text}"));
    }
}

fn is_dumb() -> bool {
    std::env::var("TERM").is_ok_and(|term| term == "dumb")
}

/// Whether the locale is one of UTF-8; without any locale it is taken to be.
fn speaks_unicode() -> bool {
    let of = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(of).is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
