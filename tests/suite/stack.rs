//! What the tests of drivers share: a pipeline that changes over time, run against the local cloud through the SDK,
//! under a clock that stands still but for pauses.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, LoadBalancer, ProtocolEnum,
};
use vpipe::cloud::{Clients, Connect, connect, driver};
use vpipe::diag::{Diagnostic, Severity};
use vpipe::eval::{Inputs, Secrets, evaluate};
use vpipe::journal::Journal;
use vpipe::local::{Faults, Local, LocalNet, Now, transport, virtual_clock};
use vpipe::plan::Plan;
use vpipe::run::{Ended, Event, Interrupt, Job, Outcome, Speed, World, apply, apply_planned, destroy, plan};

/// 1 January 2026.
const START: i64 = 1_767_225_600_000;

/// A pipeline that changes over time, its journal and its cloud.
pub struct Stack {
    pub clients: Clients,
    pub local: Arc<Local>,
    region: &'static str,
    folder: PathBuf,
    now: Now,
    pub journal: Arc<Mutex<Journal>>,
    /// Mutating calls, in the order in which they were made: `mysql rds:CreateDBInstance`.
    pub calls: Arc<Mutex<Vec<String>>>,
    /// What was waited for, each once.
    pub notes: Arc<Mutex<Vec<String>>>,
}

impl Stack {
    /// An empty account, in a region.
    pub async fn new(region: &'static str) -> Self {
        Self::with(region, &[]).await
    }

    /// As [`Stack::new`], with trouble on order.
    pub async fn with(region: &'static str, faults: &[&str]) -> Self {
        let faults = Faults::new(faults.iter().map(|fault| fault.parse().unwrap()));
        let local = Arc::new(Local::open(None, faults).unwrap());
        let now = virtual_clock(START);
        let net = LocalNet::new(Arc::clone(&local), Arc::clone(&now), 1.0);
        let to = Connect {
            region: region.to_owned(),
            profile: None,
            local: Some(transport(Arc::clone(&local), Arc::clone(&now), 1.0)),
            net: Arc::new(net),
        };
        Self {
            clients: connect(to).await.unwrap(),
            local,
            region,
            folder: PathBuf::from("."),
            now,
            journal: Arc::new(Mutex::new(Journal::in_memory())),
            calls: Arc::default(),
            notes: Arc::default(),
        }
    }

    /// With the user's files in a folder.
    pub fn at(mut self, folder: &std::path::Path) -> Self {
        self.folder = folder.to_owned();
        self
    }

    /// Forgets what the pipeline did, as if its journal were lost.
    pub fn forget(&mut self) {
        self.journal = Arc::new(Mutex::new(Journal::in_memory()));
    }

    /// What the CLI would make of a file with this body, which has no mistakes.
    pub fn job(&self, body: &str) -> Job {
        self.try_job(body).unwrap_or_else(|errors| panic!("{errors:#?}"))
    }

    /// What the CLI would make of a file with this body, or the errors that `vpipe check` finds in it.
    pub fn try_job(&self, body: &str) -> Result<Job, Vec<Diagnostic>> {
        let head = format!("pipeline shop {{ region = \"{}\" }}\nsecret pw = env(\"PW\")", self.region);
        let text = format!("{head}\n{body}");
        let checked = vpipe::check::check_text("shop.vpipe", &text, PathBuf::from("."));
        let program = checked.program.unwrap();
        let secrets =
            [("PW".to_owned(), password(body)), ("OTHER".to_owned(), "another-password".to_owned())];
        let secrets = Secrets::Given(secrets.into_iter().collect());
        let evaluated = evaluate(
            &program,
            &Inputs { stage: None, set: Default::default(), secrets, stored: Default::default() },
        );
        let findings = [checked.diagnostics, evaluated.diagnostics].concat();
        let errors: Vec<_> = findings.into_iter().filter(|d| d.severity == Severity::Error).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let (calls, notes) = (Arc::clone(&self.calls), Arc::clone(&self.notes));
        Ok(Job {
            world: World {
                clients: self.clients.clone(),
                now: Arc::clone(&self.now),
                speed: Speed::Virtual,
                folder: self.folder.clone(),
                seed: 7,
            },
            manifest: evaluated.manifest.unwrap(),
            schema: Arc::new(program.schema.clone()),
            journal: Arc::clone(&self.journal),
            drivers: Arc::new(driver),
            listener: Arc::new(move |event| match event {
                Event::Call { node, operation, .. } => {
                    calls.lock().unwrap().push(format!("{node} {operation}"));
                }
                Event::Waiting { node, note, .. } => notes.lock().unwrap().push(format!("{node} {note}")),
                _ => {}
            }),
            interrupt: Interrupt::default(),
            file: "shop.vpipe".into(),
            source_fingerprint: String::new(),
            approved: false,
        })
    }

    /// Plans and runs what was planned, which must end well; gives the calls that were made.
    pub async fn run(&self, body: &str) -> HashSet<String> {
        let planned = self.plan(body).await;
        self.calls.lock().unwrap().clear();
        ok(apply_planned(&self.job(body), false, &planned).await.unwrap());
        let calls: HashSet<String> = self.calls.lock().unwrap().iter().cloned().collect();
        // Whatever a run did, the next finds nothing to do.
        let again = apply(&self.job(body), false).await.unwrap();
        assert_eq!((again.calls, &again.errors), (0, &vec![]), "{:?}", self.calls.lock().unwrap());
        calls
    }

    /// Which operations of AWS were called since it was [`Local::asked`] how often each was.
    pub fn called_since(&self, before: &BTreeMap<String, u64>) -> BTreeSet<String> {
        let asked = self.local.asked().into_iter();
        let new = asked.filter(|(name, count)| before.get(name) != Some(count)).map(|(name, _)| name);
        new.filter(|name| !name.starts_with("godaddy:")).collect()
    }

    pub async fn plan(&self, body: &str) -> Plan {
        plan(&self.job(body)).await.unwrap()
    }

    /// Runs, which must fail; gives what was said.
    pub async fn fail(&self, body: &str) -> String {
        let outcome = apply(&self.job(body), false).await.unwrap();
        assert_eq!(outcome.result, Ended::Failed);
        outcome.errors.iter().map(|error| format!("{error}\n")).collect()
    }

    pub async fn destroy(&self, body: &str) -> Vec<String> {
        self.calls.lock().unwrap().clear();
        ok(destroy(&self.job(body), false).await.unwrap());
        self.calls.lock().unwrap().clone()
    }
}

/// `//! password: …` in the body changes it.
fn password(body: &str) -> String {
    let given = body.lines().find_map(|line| line.strip_prefix("// password: "));
    given.unwrap_or("a-first-password").to_owned()
}

pub fn ok(outcome: Outcome) -> Outcome {
    assert_eq!(outcome.result, Ended::Ok, "{:#?}", outcome.errors);
    outcome
}

pub fn set(calls: &[&str]) -> HashSet<String> {
    calls.iter().map(|call| (*call).to_owned()).collect()
}

/// A load balancer of somebody else in the default network, whose listener on port 80 answers 404.
pub async fn shared_balancer(clients: &Clients, name: &str) -> LoadBalancer {
    let subnets = clients.ec2.describe_subnets().send().await.unwrap().subnets.unwrap();
    let places = subnets.iter().take(2).filter_map(|subnet| subnet.subnet_id.clone()).collect();
    let reply =
        clients.elbv2.create_load_balancer().name(name).set_subnets(Some(places)).send().await.unwrap();
    let made = reply.load_balancers()[0].clone();
    let fixed = FixedResponseActionConfig::builder().status_code("404").message_body("nobody").build();
    let action = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(fixed).build();
    let listener = clients.elbv2.create_listener().load_balancer_arn(made.load_balancer_arn().unwrap());
    listener.port(80).protocol(ProtocolEnum::Http).default_actions(action).send().await.unwrap();
    made
}
