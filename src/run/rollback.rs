//! `vpipe rollback`: deploys a version that ran before to the environments that the rollout deploys to.
//!
//! Which versions there are is AWS's to say, for it prunes them; which of them ran well in an environment is in the
//! journal. What was chosen is recorded before the first call, so that whoever resumes returns to the same.

use indexmap::IndexMap;

use super::apply::{begin, end};
use super::context::{Context, Failure, Stop};
use super::converge::converge;
use super::event::Event;
use super::job::{Job, RunError};
use super::outcome::{NodeError, Outcome, Took};
use super::pursuit::Pursuit;
use super::rollout::{attrs, deployment_of, label_of};
use super::target::Target;
use crate::cloud::{Observed, Release, releases};
use crate::eval::{ActionKind, Attrs, NodeId, Value};
use crate::journal::{self, History, ROLLBACK};

/// What there is to return to.
#[derive(Clone, Debug)]
pub struct Releases {
    /// The environment's id in the file.
    pub environment: NodeId,
    /// The label that it runs now; none while it runs the sample application.
    pub runs: Option<String>,
    /// The versions of its application, the newest first.
    pub versions: Vec<Release>,
    /// When each was last brought to the environment well, as far as the journal knows.
    pub deployed: IndexMap<String, i64>,
}

/// An environment and the version that it is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// The environment's id in the file.
    pub environment: NodeId,
    /// What it runs now.
    pub from: Option<String>,
    /// What it is to run.
    pub to: String,
}

/// The environments that the rollout deploys to, with the versions of their applications. Only reads.
///
/// # Errors
/// When AWS cannot be asked, or an environment does not exist.
pub async fn list(job: &Job) -> Result<Vec<Releases>, RunError> {
    let ctx = Context::new(job, job.journal().history()?);
    let mut all = Vec::new();
    for environment in environments(job) {
        match look(&ctx, &environment).await {
            Ok(found) => all.push(found),
            Err(Stop::Interrupted | Stop::Waiting(_)) => return Err(RunError::Interrupted),
            Err(Stop::Failed(failure)) => return Err(refused(&ctx, &environment, failure)),
        }
    }
    Ok(all)
}

/// To which version each environment would return: to the named one, or else to the newest that ran well there and is older
/// than the one that runs. With `resume`, to the one that the unfinished rollback had chosen. Only reads.
///
/// # Errors
/// As [`list`]; when the version does not exist, or there is none to return to.
pub async fn choose(job: &Job, version: Option<&str>, resume: bool) -> Result<Vec<Return>, RunError> {
    let history = job.journal().history()?;
    let unfinished = resume && history.unfinished();
    let ctx = Context::new(job, history);
    let mut chosen = Vec::new();
    for found in list(job).await? {
        let before = ctx.with(|state| begun(&state.history, &found.environment));
        match before.filter(|_| unfinished) {
            Some(before) => chosen.push(before),
            None => match target(&found, version) {
                Ok(to) => chosen.push(Return { environment: found.environment, from: found.runs, to }),
                Err(failure) => return Err(refused(&ctx, &found.environment, failure)),
            },
        }
    }
    Ok(chosen)
}

/// Deploys what was chosen, one environment after the other.
///
/// # Errors
/// As [`super::apply`].
pub async fn rollback(job: &Job, chosen: &[Return], resume: bool) -> Result<Outcome, RunError> {
    let ctx = begin(job, "rollback", resume)?;
    let began = ctx.now();
    ctx.tell(Event::StepStarted { step: ROLLBACK.to_owned(), skipped: false, at: began });
    if let Err(Stop::Failed(failure)) = all(&ctx, chosen).await {
        ctx.failed(ROLLBACK, None, &failure);
    }
    let error = ctx.with(|state| state.outcome.errors.first().map(|error| error.message.clone()));
    ctx.tell(Event::StepEnded { step: ROLLBACK.to_owned(), error: error.clone(), at: ctx.now() });
    let (what, kind, ended, ok) = (ROLLBACK.to_owned(), "step".to_owned(), ctx.now(), error.is_none());
    let took = Took { what, kind, action: None, began, ended, ok };
    ctx.with(|state| state.outcome.timeline.push(took));
    end(ctx, None)
}

async fn all(ctx: &Context<'_>, chosen: &[Return]) -> Result<(), Stop> {
    for (at, one) in chosen.iter().enumerate() {
        // All choices stand in the journal before anything changes.
        let facts = attrs([
            ("environment", one.environment.as_str().into()),
            ("version", one.from.clone().into()),
            ("to", one.to.as_str().into()),
        ]);
        if ctx.with(|state| begun(&state.history, &one.environment)).as_ref() != Some(one) {
            ctx.append(journal::Event::ActionStarted { step: ROLLBACK.to_owned(), action: at, facts })?;
        }
    }
    for (at, one) in chosen.iter().enumerate() {
        ctx.go_on()?;
        let step = ROLLBACK.to_owned();
        let action = format!("deploy {} to {}", one.to, one.environment);
        ctx.tell(Event::ActionStarted { step: step.clone(), action: action.clone(), at: ctx.now() });
        let made = converge(ctx, target_of(ctx, &one.environment, at, &one.to).await?).await?;
        let facts = attrs([
            ("environment", one.environment.as_str().into()),
            ("version", one.to.as_str().into()),
            ("from", one.from.clone().into()),
        ]);
        ctx.append(journal::Event::ActionDone { step: step.clone(), action: at, facts })?;
        let result = match (made.calls, made.present.note) {
            (0, _) => format!("{} runs already, nothing to do", one.to),
            (_, Some(note)) => format!("{} runs; {note}", one.to),
            (_, None) => format!("{} runs", one.to),
        };
        ctx.tell(Event::ActionDone { step, action, result, at: ctx.now() });
    }
    Ok(())
}

/// The environments that the rollout deploys to, each once.
fn environments(job: &Job) -> Vec<NodeId> {
    let mut found: Vec<NodeId> = Vec::new();
    let actions = job.manifest.rollout.iter().flatten().flat_map(|step| &step.actions);
    for action in actions {
        if let ActionKind::Deploy { environment, .. } = &action.kind
            && !found.contains(environment)
        {
            found.push(environment.clone());
        }
    }
    found
}

/// What an environment runs, and its application, by its name alone.
async fn running(ctx: &Context<'_>, environment: &str) -> Result<(Option<String>, String), Stop> {
    let probe = part(ctx, environment, 0, attrs([("environment", name_of(ctx, environment).into())]));
    match Pursuit::new(ctx, probe)?.observe().await? {
        Observed::Present(present) => {
            let application = present.get("application").as_str().unwrap_or_default().to_owned();
            Ok((label_of(&present), application))
        }
        Observed::Absent => {
            let name = name_of(ctx, environment);
            Err(Failure::new(format!("there is no environment named `{name}`"))
                .help("`vpipe run` makes it")
                .into())
        }
    }
}

async fn look(ctx: &Context<'_>, environment: &str) -> Result<Releases, Stop> {
    let (runs, application) = running(ctx, environment).await?;
    let versions = releases(&ctx.job.world.clients, &application).await;
    let versions = versions.map_err(|error| Failure::new(error.to_string()))?;
    let deployed = ctx.with(|state| {
        let here = state.history.deployed.iter().filter(|((node, _), _)| node == environment);
        here.map(|((_, label), at)| (label.clone(), *at)).collect()
    });
    Ok(Releases { environment: environment.to_owned(), runs, versions, deployed })
}

/// The version to return to.
fn target(found: &Releases, version: Option<&str>) -> Result<String, Failure> {
    let listed = || "`vpipe rollback --list` shows the versions that there are".to_owned();
    let named = |label: &str| found.versions.iter().find(|version| version.label == label);
    if let Some(label) = version {
        return match named(label) {
            Some(version) if version.usable => Ok(label.to_owned()),
            Some(_) => Err(Failure::new(format!("Beanstalk cannot use the bundle of version `{label}`"))),
            None => {
                let near = crate::base::closest(label, found.versions.iter().map(|v| v.label.as_str()));
                let help = near.map_or_else(listed, |near| format!("did you mean `{near}`?"));
                Err(Failure::new(format!("there is no version `{label}`")).help(help))
            }
        };
    }
    let Some(runs) = &found.runs else {
        return Err(Failure::new("it runs no version yet, so there is none to return to"));
    };
    let older: Vec<&Release> =
        found.versions.iter().skip_while(|version| version.label != *runs).skip(1).collect();
    // Where the journal knows nothing, as on another machine, any version may have run.
    let known = !found.deployed.is_empty();
    let ran = |version: &&&Release| version.usable && (!known || found.deployed.contains_key(&version.label));
    match older.iter().find(ran) {
        Some(version) => Ok(version.label.clone()),
        None => Err(Failure::new(format!("no version that ran well is older than `{runs}`")).help(listed())),
    }
}

/// The choice of the rollback that the journal has begun last.
fn begun(history: &History, environment: &str) -> Option<Return> {
    let of_rollback = history.progress.started.iter().filter(|((step, _), _)| step == ROLLBACK);
    of_rollback.map(|(_, facts)| facts).find_map(|facts| {
        let text = |name: &str| facts.get(name).and_then(Value::as_str).map(str::to_owned);
        let found = Return { environment: text("environment")?, from: text("version"), to: text("to")? };
        (found.environment == environment).then_some(found)
    })
}

async fn target_of(ctx: &Context<'_>, environment: &str, at: usize, label: &str) -> Result<Target, Stop> {
    let (_, application) = running(ctx, environment).await?;
    Ok(part(ctx, environment, at, deployment_of(&name_of(ctx, environment), &application, label)))
}

fn part(ctx: &Context<'_>, environment: &str, at: usize, attrs: Attrs) -> Target {
    Target {
        node: format!("rollout.{ROLLBACK}[{at}].deployment"),
        kind: "beanstalk.deployment".to_owned(),
        name: name_of(ctx, environment),
        attrs,
        depends_on: vec![environment.to_owned()],
        existing: false,
        span: None,
        part: true,
        within: None,
        lost: Default::default(),
    }
}

fn name_of(ctx: &Context<'_>, node: &str) -> String {
    ctx.job.manifest.nodes.get(node).map_or_else(|| node.to_owned(), |node| node.name.clone())
}

fn refused(ctx: &Context<'_>, environment: &str, failure: Failure) -> RunError {
    let span = ctx.job.manifest.nodes.get(environment).map(|node| node.span);
    let message = ctx.secrets.hide(&failure.message);
    RunError::Nodes(vec![NodeError { node: environment.to_owned(), span, message, help: failure.help }])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(runs: Option<&str>, deployed: &[&str]) -> Releases {
        let release = |label: &&str| Release {
            label: (*label).to_owned(),
            made: 0,
            usable: *label != "v3",
            description: String::new(),
        };
        Releases {
            environment: "web".into(),
            runs: runs.map(str::to_owned),
            versions: ["v5", "v4", "v3", "v2", "v1"].iter().map(release).collect(),
            deployed: deployed.iter().map(|label| ((*label).to_owned(), 0)).collect(),
        }
    }

    #[test]
    fn it_returns_to_what_ran_well_before() {
        let target = |runs, deployed: &[&str]| target(&found(runs, deployed), None);
        assert_eq!(target(Some("v5"), &["v5", "v2"]).unwrap(), "v2");
        // Once more goes further back, not forth again.
        assert_eq!(target(Some("v2"), &["v5", "v2", "v1"]).unwrap(), "v1");
        assert_eq!(target(Some("v4"), &[]).unwrap(), "v2");
        assert!(target(Some("v1"), &["v1"]).is_err());
        assert!(target(None, &[]).is_err());
    }

    #[test]
    fn a_version_that_is_not_there_is_told() {
        let named = |label| target(&found(Some("v5"), &[]), Some(label));
        assert_eq!(named("v4").unwrap(), "v4");
        assert!(named("v3").unwrap_err().message.contains("cannot use the bundle"));
        assert_eq!(named("v55").unwrap_err().help.as_deref(), Some("did you mean `v5`?"));
    }
}
