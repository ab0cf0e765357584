//! Agendas: what an operation does, step by step, with the times worked out when it starts.
//!
//! Ids are handed out when the agenda is made, never when a step is taken: a step may be taken while something is only
//! read, and what is read is not kept.

use serde::{Deserialize, Serialize};

use super::events::{self, Severity};
use super::{App, Environment, Instance, Settings, Status, balancer, health, resources, shared};
use crate::local::common::{SECOND, Tags};
use crate::local::{ACCOUNT, Cx, State, elbv2};

/// A step with its time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Planned {
    /// When.
    pub at: i64,
    /// What.
    pub step: Step,
}

/// What happens to an environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Step {
    /// Something is told.
    Event(Severity, String),
    /// The application stops on these instances.
    Stop(Vec<String>),
    /// A version (none: the sample application) answers on these instances.
    Run {
        /// The instances.
        ids: Vec<String>,
        /// The version.
        label: Option<String>,
        /// The deployment's number.
        deployment: u64,
    },
    /// A deployment failed on these instances; they serve what they served.
    Failed {
        /// The instances.
        ids: Vec<String>,
        /// The deployment's number.
        deployment: u64,
    },
    /// The load balancer learns of these instances.
    Register(Vec<String>),
    /// The load balancer sends them nothing new.
    Deregister(Vec<String>),
    /// The load balancer learns of them in a group of their own, which gets so many percent.
    Split {
        /// The instances.
        ids: Vec<String>,
        /// Their share.
        percent: u32,
    },
    /// The group of their own is gone; these stay, in the environment's own group.
    Join(Vec<String>),
    /// These instances end.
    Terminate(Vec<String>),
    /// These settings hold; what is new in the load balancer takes its ids from the seed.
    Settings(Box<Settings>, String),
    /// This platform is used: ARN and stack.
    Platform(String, String),
    /// This version is the deployed one, by the deployment of this number.
    Version(Option<String>, u64),
    /// Nobody may stop it any more.
    Unstoppable,
    /// Another name.
    Name(String),
    /// Other tags.
    Tags(Tags),
    /// It is done.
    Ready,
    /// The launch failed.
    Broken(String),
    /// What belongs to it is deleted.
    Destroy,
    /// It is gone.
    Gone,
}

impl Step {
    /// Whether it brings a version to some instance.
    pub(super) fn brings(&self, wanted: &str) -> bool {
        matches!(self, Self::Run { label: Some(label), .. } | Self::Version(Some(label), _) if label == wanted)
    }
}

/// An agenda in the making.
#[derive(Debug)]
pub(super) struct Plan {
    /// The time up to which it is made.
    pub(super) at: i64,
    pub(super) steps: Vec<Planned>,
}

impl Plan {
    pub(super) fn new(now: i64) -> Self {
        Self { at: now, steps: Vec::new() }
    }

    /// Lets seconds pass.
    pub(super) fn wait(&mut self, seconds: i64) {
        self.at += seconds * SECOND;
    }

    /// Takes a step.
    pub(super) fn step(&mut self, step: Step) {
        self.steps.push(Planned { at: self.at, step });
    }

    /// Takes a step some seconds from here, before or after.
    pub(super) fn step_in(&mut self, seconds: i64, step: Step) {
        self.steps.push(Planned { at: self.at + seconds * SECOND, step });
    }

    pub(super) fn info(&mut self, message: impl Into<String>) {
        self.step(Step::Event(Severity::Info, message.into()));
    }

    pub(super) fn error(&mut self, message: impl Into<String>) {
        self.step(Step::Event(Severity::Error, message.into()));
    }
}

/// Gives an environment its agenda; what is due at once is done at once.
pub(super) fn start(state: &mut State, index: usize, plan: Plan, now: i64) {
    let mut steps = plan.steps;
    steps.sort_by_key(|planned| planned.at);
    if let Some(environment) = state.beanstalk.environments.get_mut(index) {
        environment.agenda = steps;
    }
    settle(state, now);
}

/// Takes all steps whose time has come, in the order of their times.
pub(super) fn settle(state: &mut State, now: i64) {
    loop {
        let due = (0..).zip(&state.beanstalk.environments).filter_map(|(index, environment)| {
            environment.agenda.first().filter(|planned| planned.at <= now).map(|planned| (planned.at, index))
        });
        let Some((at, index)) = due.min() else { return };
        let Some(environment) = state.beanstalk.environments.get_mut(index) else { return };
        let planned = environment.agenda.remove(0);
        take(state, index, at, planned.step);
        let more = |e: &Environment| e.agenda.first().is_some_and(|planned| planned.at == at);
        if !state.beanstalk.environments.get(index).is_some_and(more) {
            health::tell(state, index, at);
        }
    }
}

/// The circumstances of a step.
pub(super) fn cx_of(environment: &Environment, at: i64) -> Cx {
    Cx {
        now: at,
        region: environment.region.clone(),
        account: ACCOUNT.to_owned(),
        request_id: environment.request_id.clone(),
    }
}

fn take(state: &mut State, index: usize, at: i64, step: Step) {
    let Some(environment) = state.beanstalk.environments.get_mut(index) else { return };
    match step {
        Step::Event(severity, message) => {
            let environment = environment.clone();
            // Instances are added and removed by Auto Scaling, not by a request.
            let of_request =
                !message.starts_with("Added instance") && !message.starts_with("Removed instance");
            events::record(state, &environment, at, severity, message, of_request);
        }
        Step::Stop(ids) => serve(state, index, at, &ids, |instance| instance.app = App::Stopped),
        Step::Run { ids, label, deployment } => serve(state, index, at, &ids, |instance| {
            instance.app = App::Running(label.clone());
            instance.deployment = deployment;
            instance.deployed = at;
            instance.failed = false;
        }),
        Step::Failed { ids, deployment } => serve(state, index, at, &ids, |instance| {
            instance.deployment = deployment;
            instance.deployed = at;
            instance.failed = true;
        }),
        Step::Register(ids) => resources::register(state, index, &ids, at),
        Step::Deregister(ids) => resources::deregister(state, index, &ids, at),
        Step::Split { ids, percent } => balancer::split(state, index, &ids, percent, at),
        Step::Join(ids) => balancer::join(state, index, &ids, at),
        Step::Terminate(ids) => terminate(state, index, at, &ids),
        Step::Settings(settings, seed) => {
            environment.draft = None;
            let before = std::mem::replace(&mut environment.settings, *settings);
            balancer::change(state, index, &before, &seed, at);
        }
        Step::Platform(arn, stack) => {
            environment.platform = arn;
            environment.stack = stack;
        }
        Step::Version(label, deployment) => {
            environment.version = label;
            environment.deployment = deployment;
        }
        Step::Unstoppable => environment.abortable = false,
        Step::Name(cname) => {
            environment.cname = cname;
            shared::rename(state, index);
        }
        Step::Tags(tags) => environment.tags = tags,
        Step::Ready => {
            environment.status = Status::Ready;
            environment.abortable = false;
            environment.draft = None;
            environment.before = None;
            environment.updated = at;
        }
        Step::Broken(why) => environment.broken = Some(why),
        Step::Destroy => resources::destroy_or_say(state, index, at),
        Step::Gone => {
            environment.status = Status::Terminated;
            environment.updated = at;
        }
    }
}

/// Changes what instances serve. The load balancer takes note of how they were just before.
fn serve(state: &mut State, index: usize, at: i64, ids: &[String], change: impl Fn(&mut Instance)) {
    for id in ids {
        elbv2::note(state, id, at);
    }
    let Some(environment) = state.beanstalk.environments.get_mut(index) else { return };
    environment.instances.iter_mut().filter(|instance| ids.contains(&instance.id)).for_each(change);
}

fn terminate(state: &mut State, index: usize, at: i64, ids: &[String]) {
    resources::forget(state, index, ids);
    let Some(environment) = state.beanstalk.environments.get_mut(index) else { return };
    environment.instances.retain(|instance| !ids.contains(&instance.id));
    let cx = cx_of(environment, at);
    for id in ids {
        state.terminate(&cx, id, at);
    }
}
