//! From a checked program to a manifest, for one stage.

use indexmap::IndexMap;

use super::Manifest;
use crate::check::Program;
use crate::diag::Diagnostic;

/// What the user chose on the command line, and where secrets come from.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The stage; `None` for a file without stages.
    pub stage: Option<String>,
    /// `--set NAME=VALUE`: the text of a value in the language, or of a string when the parameter is a text.
    pub set: IndexMap<String, String>,
    /// Where secrets come from.
    pub secrets: Secrets,
}

/// Where secrets come from.
#[derive(Clone, Debug)]
pub enum Secrets {
    /// `check`: no secret is read; each stands for a text that satisfies every rule.
    Unread,
    /// Against AWS: from the process's environment variables, handed in here; a missing one is an error.
    Given(IndexMap<String, String>),
    /// Against the local cloud: as `Given`, but a missing one is made up, and told in [`Evaluated::made_up`]. The text is
    /// derived from this seed and the secret's name, so that it is the same in every run, and satisfies the rules of
    /// the attributes of the standard library.
    OrMadeUp {
        /// The environment variables.
        given: IndexMap<String, String>,
        /// What made-up secrets are derived from.
        seed: String,
    },
}

/// What evaluation gives.
#[derive(Clone, Debug, Default)]
pub struct Evaluated {
    /// The manifest; `None` when there were errors.
    pub manifest: Option<Manifest>,
    /// Every finding.
    pub diagnostics: Vec<Diagnostic>,
    /// The names of the environment variables whose secrets were made up.
    pub made_up: Vec<String>,
}

/// Evaluates a program for one stage: parameters, every resource, the rollout, and the rules (`require`, bounds,
/// patterns) of every value that is known.
pub fn evaluate(_program: &Program, _inputs: &Inputs) -> Evaluated {
    Evaluated::default()
}

/// What `vpipe check` finds by evaluating: every stage, or the file once where it has none, with
/// [`Secrets::Unread`]. What several stages find alike is said once; what only some find names them.
pub fn check_stages(_program: &Program) -> Vec<Diagnostic> {
    Vec::new()
}
