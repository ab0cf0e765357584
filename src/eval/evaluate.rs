//! From a checked program to a manifest, for one stage.

use indexmap::{IndexMap, IndexSet};

use super::Manifest;
use super::evaluator::{Evaluator, Keep};
use super::prepare::Prepared;
use super::secrets::{Stored, StoredSecret};
use crate::check::Program;
use crate::diag::{Diagnostic, Severity};

/// What the user chose on the command line, and where secrets come from.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The stage; `None` for a file without stages.
    pub stage: Option<String>,
    /// `--set NAME=VALUE`: the text of a value in the language, or of a string when the parameter is a text.
    pub set: IndexMap<String, String>,
    /// Where secrets come from.
    pub secrets: Secrets,
    /// What was read from stores. What is not among it is told in [`Evaluated::unread`]: read it and evaluate again.
    pub stored: Stored,
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
    /// The sources of secrets that were made up, in words: the names of environment variables, `secrets_manager("…")`.
    pub made_up: Vec<String>,
    /// What stores keep and was not read. While there is any, no secret's text is judged.
    pub unread: IndexSet<StoredSecret>,
}

/// Evaluates a program for one stage: parameters, every resource, the rollout, and the rules (`require`, bounds,
/// patterns) of every value that is known.
///
/// With [`Secrets::Unread`] a parameter that only `--set` can give is no error: what depends on it is left out, and
/// there is no manifest.
pub fn evaluate(program: &Program, inputs: &Inputs) -> Evaluated {
    let prepared = Prepared::new(program, inputs);
    let mut evaluator = Evaluator::new(program, inputs, &prepared, Keep::Values);
    let manifest = evaluator.run();
    let diagnostics = evaluator.findings.all;
    let failed = diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    let manifest = manifest.filter(|_| !failed && !evaluator.unknown);
    Evaluated { manifest, diagnostics, made_up: evaluator.made_up, unread: evaluator.unread }
}

/// The findings of an evaluation alone. Of a resource that was looked at, only its name and what it needs stay.
pub(super) fn findings(program: &Program, inputs: &Inputs) -> Vec<Diagnostic> {
    let prepared = Prepared::new(program, inputs);
    let mut evaluator = Evaluator::new(program, inputs, &prepared, Keep::Names);
    evaluator.run();
    evaluator.findings.all
}

impl Evaluator<'_> {
    /// Finds out all names, and which resources there are.
    pub(super) fn begin(&mut self) {
        self.open_root();
        self.set_naming();
        self.sort_jobs();
    }

    fn run(&mut self) -> Option<Manifest> {
        if !self.check_inputs() {
            return None;
        }
        self.make_nodes();
        self.follow();
        self.name_clashes();
        self.cycles();
        let (rollout, on_failure) = self.rollout();
        let outputs = self.root_outputs();
        let secrets = self.declared_secrets();
        let stage = self.inputs.stage.clone();
        let production =
            self.program.root.stages.iter().any(|one| one.production && Some(&one.name) == stage.as_ref());
        Some(Manifest {
            pipeline: self.pipeline_item()?.name.value.clone(),
            stage,
            production,
            region: std::mem::take(&mut self.settings.region),
            tags: std::mem::take(&mut self.settings.tags),
            nodes: std::mem::take(&mut self.nodes),
            rollout,
            on_failure,
            outputs,
            secrets,
        })
    }
}
