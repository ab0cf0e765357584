//! Diagnostics: what every stage says about a user's file.
//!
//! Message rules: lower case, no full stop, user text in backticks, no Rust names and no grammar-rule
//! names; the help line says what to type.

mod codes;
mod explain;
mod fix;
mod format;
mod human;
mod machine;
mod policy;

use crate::base::Span;

pub use codes::{CODES, Code, code};
pub use explain::{Part, explain, parts};
pub use fix::apply;
pub use format::{Format, Look, render, summary};
pub use policy::{Allow, Level, Policy};

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Does not stop a run.
    Warning,
    /// Stops it.
    Error,
}

/// A place with a word about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What to say there; may be empty for the main place.
    pub text: String,
}

/// One edit: replace the text under `span`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// The new text.
    pub text: String,
}

/// The one sensible repair of a finding, which `check --fix` may apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, e.g. "rename to `engine`".
    pub title: String,
    /// Non-overlapping edits.
    pub edits: Vec<Edit>,
}

/// A finding with a stable code, a place and a way forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable kebab-case code, such as `unknown-attribute`; `vpipe explain CODE` tells more.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The exact token at fault.
    pub span: Span,
    /// What to say under the main place; may be empty.
    pub label: String,
    /// Other places that matter.
    pub related: Vec<Label>,
    /// What to type.
    pub help: Option<String>,
    /// A machine-applicable repair.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: readable(message.into()),
            span,
            label: String::new(),
            related: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Says what is wrong, where that is known later than the place.
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = readable(message.into());
        self
    }

    /// Says something under the main place.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    /// Labels another place.
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Says what to type.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Carries a repair that replaces the text under `span`.
    pub fn fix(mut self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { title: title.into(), edits: vec![Edit { span, text: text.into() }] });
        self
    }

    /// The same finding with all places as many bytes further on, as [`crate::base::SourceMap::absorb`] moved its files.
    pub fn moved(mut self, by: u32) -> Self {
        self.span = self.span.moved(by);
        self.related.iter_mut().for_each(|label| label.span = label.span.moved(by));
        self.fix.iter_mut().flat_map(|fix| &mut fix.edits).for_each(|edit| edit.span = edit.span.moved(by));
        self
    }
}

/// A text that quotes no more than a person reads: what stands in the middle of a very long one is left out.
fn readable(text: String) -> String {
    /// Characters that are kept at either end.
    const START: usize = 600;
    const END: usize = 200;
    if text.len() <= 4 * (START + END) {
        return text;
    }
    let start: String = text.chars().take(START).collect();
    let end: Vec<char> = text.chars().rev().take(END).collect();
    format!("{start}…{}", end.into_iter().rev().collect::<String>())
}
