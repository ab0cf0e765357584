//! An action at work: what it says, records and makes; and the two that do nothing else.

use std::cell::RefCell;
use std::time::Duration;

use super::super::context::{Context, Failure, State, Stop};
use super::super::converge::{Made, converge};
use super::super::event::Event;
use super::super::job::Job;
use super::super::target::{Target, why_unknown};
use crate::eval::{self, ActionKind, Attrs, Value, show};
use crate::journal::{self, ON_FAILURE};

/// What came of an action.
pub(super) struct Done {
    /// For people.
    pub result: String,
    /// For the journal.
    pub facts: Attrs,
}

impl Done {
    pub fn new(result: impl Into<String>) -> Self {
        Self { result: result.into(), facts: Attrs::new() }
    }
}

/// An action at work.
pub(super) struct Act<'c, 'j> {
    pub ctx: &'c Context<'j>,
    pub step: &'c str,
    pub index: usize,
    /// How long what it makes may take, when the file says so.
    pub within: Option<Duration>,
    pub words: RefCell<String>,
}

impl Act<'_, '_> {
    /// Tells what is being done, as the user would say it.
    pub fn say(&self, words: impl Into<String>) {
        let words = words.into();
        let action = self.ctx.secrets.hide(&words);
        self.words.replace(words);
        let step = self.step.to_owned();
        self.ctx.tell(Event::ActionStarted { step, action, at: self.ctx.now() });
    }

    /// Records that the action begins and what was true before it, unless it had begun before a crash: then what was
    /// true at that time is given.
    pub fn started(&self, facts: Attrs) -> Result<Attrs, Stop> {
        if let Some(facts) = self.began_with().filter(|_| self.step != ON_FAILURE) {
            return Ok(facts);
        }
        self.ctx.append(journal::Event::ActionStarted {
            step: self.step.to_owned(),
            action: self.index,
            facts: facts.clone(),
        })?;
        Ok(facts)
    }

    /// What was true when the action began in the run that this one resumes.
    pub fn began_with(&self) -> Option<Attrs> {
        let key = (self.step.to_owned(), self.index);
        self.ctx.with(|state| state.history.progress.started.get(&key).cloned())
    }

    /// Something that the action makes, as a node of its own.
    pub fn part(&self, suffix: &str, kind: &str, name: &str, attrs: Attrs, of: &[&str]) -> Target {
        Target {
            node: format!("rollout.{}[{}].{suffix}", self.step, self.index),
            kind: kind.to_owned(),
            name: name.to_owned(),
            attrs,
            depends_on: of.iter().map(|node| (*node).to_owned()).collect(),
            existing: false,
            span: None,
            part: true,
            within: self.within,
            lost: Default::default(),
        }
    }

    /// Brings about something that the action makes.
    pub async fn make(&self, part: Target) -> Result<Made, Stop> {
        converge(self.ctx, part).await
    }

    /// A text of the action.
    pub fn text(&self, what: &str, value: &Value) -> Result<String, Stop> {
        match value {
            Value::Secret(_) => Err(Failure::new(format!("{what} must not be a secret")).into()),
            value => plain_text(what, value),
        }
    }

    /// The physical name of a resource.
    pub fn name_of(&self, node: &str) -> String {
        self.ctx.job.manifest.nodes.get(node).map_or_else(|| node.to_owned(), |node| node.name.clone())
    }
}

/// The text of a value, without quotes.
pub(super) fn plain_text(what: &str, value: &Value) -> Result<String, Stop> {
    match value {
        Value::Secret(secret) => Ok(secret.reveal().to_owned()),
        value if !value.is_known() => Err(Failure::new(format!("{what} {}", why_unknown(value))).into()),
        value => Ok(value.as_str().map_or_else(|| show(value), str::to_owned)),
    }
}

/// Stops until a person resumes and approves.
pub(super) fn approve(act: &Act<'_, '_>, message: &Value) -> Result<Done, Stop> {
    let question = act.text("the question", message)?;
    act.say(format!("approve \"{question}\""));
    let job = act.ctx.job;
    // An approval is meant for the one that the run waits for; when none waits yet, for the first that comes.
    let mine = act.began_with().is_some() || !act.ctx.with(|state| some_wait(job, state));
    act.started(Attrs::new())?;
    let granted = act.ctx.with(|state| {
        let granted = job.approved && !state.approval_used && mine;
        state.approval_used |= granted;
        granted
    });
    if granted { Ok(Done::new("approved")) } else { Err(Stop::Waiting(question)) }
}

/// Whether an approval is waited for.
fn some_wait(job: &Job, state: &State) -> bool {
    let progress = &state.history.progress;
    let waits = |(step, at): &(String, usize)| {
        let steps = job.manifest.rollout.iter().flatten();
        let action = steps.filter(|other| other.name == *step).find_map(|step| step.actions.get(*at));
        action.is_some_and(|action| matches!(action.kind, ActionKind::Approve { .. }))
    };
    progress.started.keys().any(|key| !progress.actions.contains_key(key) && waits(key))
}

pub(super) async fn wait(act: &Act<'_, '_>, ms: i64) -> Result<Done, Stop> {
    act.say(format!("wait {}", eval::show_duration(ms)));
    act.started(Attrs::new())?;
    act.ctx.sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0))).await?;
    Ok(Done::new("waited"))
}
