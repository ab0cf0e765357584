//! Questions to the user, and words for their shell.

use std::io::{BufRead, IsTerminal};

use super::Exit;
use super::terminal::Terminal;

/// A question before something is changed.
pub(super) struct Question<'a> {
    /// What is asked.
    pub(super) text: &'a str,
    /// What must be typed, where a mere `y` is too easy.
    pub(super) word: Option<&'a str>,
    /// Whether it was answered on the command line.
    pub(super) yes: bool,
}

/// Asks, unless it was answered on the command line.
///
/// # Errors
/// How to exit, when nobody is there to be asked.
pub(super) fn confirm(question: &Question<'_>, terminal: Terminal) -> Result<bool, Exit> {
    if question.yes {
        return Ok(true);
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        terminal.error("nobody is there to be asked: say `--yes` to go ahead without asking");
        return Err(Exit::Usage);
    }
    match question.word {
        Some(word) => terminal.prompt(&format!("{} Type `{word}` to go ahead: ", question.text)),
        None => terminal.prompt(&format!("{} [y/N] ", question.text)),
    }
    let mut answer = String::new();
    // An answer that cannot be read is no consent.
    let _ = stdin.lock().read_line(&mut answer);
    Ok(match question.word {
        Some(word) => answer.trim() == word,
        None => matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"),
    })
}

/// A word as a shell reads it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(quoted("a/b.vpipe"), "a/b.vpipe");
        assert_eq!(quoted("it's here"), "'it'\\''s here'");
    }
}
