//! A pipeline, run in process and in virtual time, from any point of its life on.

use indexmap::IndexMap;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::inventory::inventory;
use super::super::stack::shared_balancer;
use vpipe::cloud::{Clients, Connect, connect, driver};
use vpipe::diag::Severity;
use vpipe::eval::{Inputs, Manifest, Node, NodeId, Secrets, Step, evaluate};
use vpipe::journal::{Event as Entry, Journal, JournalError, LockHolder, Owner, Record, Store};
use vpipe::local::{Faults, Local, LocalNet, Now, State, transport, virtual_clock};
use vpipe::run::{Interrupt, Job, Outcome, Speed, World, apply, destroy};
use vpipe::schema::Schema;

/// 1 January 2026.
const START: i64 = 1_767_225_600_000;

/// A pipeline, with what its file needs beside it.
#[derive(Clone)]
pub struct Pipeline {
    pub manifest: Manifest,
    pub schema: Arc<Schema>,
    /// Files that are copied for each case.
    files: Option<PathBuf>,
}

impl Pipeline {
    pub fn of(path: &str, stage: Option<&str>, set: &[(&str, &str)], files: bool) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        let folder = path.parent().unwrap().to_owned();
        let checked = vpipe::check::check_text("every.vpipe", &text, folder.clone());
        let program = checked.program.unwrap();
        let names =
            ["PW", "OTHER", "VPROFILE_DB_PASSWORD", "VPROFILE_MQ_PASSWORD", "GODADDY_KEY", "GODADDY_SECRET"];
        let secrets = names.map(|name| {
            (name.to_owned(), format!("a-secret-{}-for-tests", name.to_lowercase().replace("_", "-")))
        });
        let set: IndexMap<String, String> =
            set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let inputs = Inputs {
            stage: stage.map(str::to_owned),
            set,
            secrets: Secrets::Given(secrets.into_iter().collect()),
            stored: Default::default(),
        };
        let evaluated = evaluate(&program, &inputs);
        let findings = [checked.diagnostics, evaluated.diagnostics].concat();
        let errors: Vec<_> = findings.iter().filter(|d| d.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        Self {
            manifest: evaluated.manifest.unwrap(),
            schema: Arc::new(program.schema.clone()),
            files: files.then_some(folder),
        }
    }

    /// The same with other nodes and another rollout.
    pub fn with(&self, nodes: IndexMap<NodeId, Node>, rollout: Vec<Vec<Step>>) -> Self {
        let mut other = self.clone();
        other.manifest.nodes = nodes;
        other.manifest.rollout = rollout;
        other.manifest.on_failure.clear();
        other.manifest.outputs.clear();
        other
    }
}

/// A journal that can be copied, as a file can.
#[derive(Clone, Default)]
pub struct Tape(Arc<Mutex<(Vec<Record>, u64, bool)>>);

impl Tape {
    fn copy(&self) -> Self {
        let (records, token, _) = &*self.0.lock().unwrap();
        Self(Arc::new(Mutex::new((records.clone(), *token, false))))
    }
}

impl Store for Tape {
    fn records(&self) -> Result<Vec<Record>, JournalError> {
        Ok(self.0.lock().unwrap().0.clone())
    }

    fn append(&mut self, _: u64, run: &str, time: i64, event: &Entry) -> Result<u64, JournalError> {
        let tape = &mut self.0.lock().unwrap().0;
        // As in a file, nothing secret is kept.
        let event = serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
        let seq = tape.len() as u64 + 1;
        tape.push(Record { seq, time, run: run.to_owned(), event });
        Ok(seq)
    }

    fn holder(&self) -> Result<Option<LockHolder>, JournalError> {
        Ok(None)
    }

    fn lock(&mut self, _: &Owner, _: Option<u64>) -> Result<u64, JournalError> {
        let mut tape = self.0.lock().unwrap();
        assert!(!tape.2, "two runs at once");
        tape.2 = true;
        tape.1 += 1;
        Ok(tape.1)
    }

    fn unlock(&mut self, _: u64) -> Result<(), JournalError> {
        self.0.lock().unwrap().2 = false;
        Ok(())
    }

    fn key(&self) -> &[u8] {
        b"a key for tests"
    }
}

/// An account and a journal, as they are between two runs.
#[derive(Clone, Default)]
pub struct Saved {
    pub state: State,
    tape: Tape,
}

/// What is done in a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    Make,
    Change,
    /// It is no longer in the file.
    Remove,
    Destroy,
}

/// One process with an account.
pub struct Process {
    pub local: Arc<Local>,
    clients: Clients,
    now: Now,
    tape: Tape,
    folder: tempfile::TempDir,
}

impl Process {
    pub async fn open(saved: &Saved, faults: &[String], pipeline: &Pipeline) -> Self {
        let faults = Faults::new(faults.iter().map(|fault| fault.parse().unwrap()));
        let local = Arc::new(Local::open(None, faults).unwrap());
        let state = saved.state.clone();
        let start = state.clock.max(START);
        local.with(start, |place, _| *place = state);
        let now = virtual_clock(start);
        let net = LocalNet::new(Arc::clone(&local), Arc::clone(&now), 1.0);
        let to = Connect {
            region: "us-east-1".to_owned(),
            profile: None,
            local: Some(transport(Arc::clone(&local), Arc::clone(&now), 1.0)),
            net: Arc::new(net),
        };
        let folder = tempfile::tempdir().unwrap();
        if let Some(files) = &pipeline.files {
            copy(files, folder.path());
        }
        Self { clients: connect(to).await.unwrap(), local, now, tape: saved.tape.copy(), folder }
    }

    fn job(&self, pipeline: &Pipeline) -> Job {
        Job {
            world: World {
                clients: self.clients.clone(),
                now: Arc::clone(&self.now),
                speed: Speed::Virtual,
                folder: self.folder.path().to_owned(),
                seed: 7,
            },
            manifest: pipeline.manifest.clone(),
            schema: Arc::clone(&pipeline.schema),
            journal: Arc::new(Mutex::new(Journal::over(Box::new(self.tape.clone())))),
            drivers: Arc::new(driver),
            listener: Arc::new(|_| ()),
            interrupt: Interrupt::default(),
            file: "every.vpipe".into(),
            source_fingerprint: String::new(),
            approved: false,
        }
    }

    pub async fn run(&self, phase: Phase, pipeline: &Pipeline, resume: bool) -> Outcome {
        match phase {
            Phase::Destroy => destroy(&self.job(pipeline), resume).await.unwrap(),
            _ => apply(&self.job(pipeline), resume).await.unwrap(),
        }
    }

    pub fn saved(&self) -> Saved {
        let state = self.local.with((self.now)(), |state, _| state.clone());
        Saved { state, tape: self.tape.copy() }
    }

    pub fn inventory(&self) -> BTreeMap<String, usize> {
        // Whatever was still going away is gone after an hour.
        self.local.with((self.now)() + 3_600_000, |_, _| ());
        inventory(&self.local.with((self.now)(), |state, _| serde_json::to_value(&*state).unwrap()))
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(work)
}

pub fn said(outcome: &Outcome) -> String {
    outcome.errors.iter().map(|error| format!("{error}\n")).collect()
}

/// An account with what the pipelines look up: a key pair, a load balancer, and the snapshot of a database.
pub fn prepared() -> Saved {
    block_on(async {
        let local = Arc::new(Local::open(None, Faults::default()).unwrap());
        let now = virtual_clock(START);
        let net = LocalNet::new(Arc::clone(&local), Arc::clone(&now), 1.0);
        let to = Connect {
            region: "us-east-1".to_owned(),
            profile: None,
            local: Some(transport(Arc::clone(&local), Arc::clone(&now), 1.0)),
            net: Arc::new(net),
        };
        let clients = connect(to).await.unwrap();
        clients.ec2.create_key_pair().key_name("ops").send().await.unwrap();
        shared_balancer(&clients, "edge").await;
        let call = clients.rds.create_db_instance().db_instance_identifier("former").engine("mysql");
        let call = call.db_instance_class("db.t3.micro").allocated_storage(20).storage_encrypted(true);
        call.master_username("admin").master_user_password("a-former-password").send().await.unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let call = clients.rds.delete_db_instance().db_instance_identifier("former");
        call.final_db_snapshot_identifier("saved").send().await.unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let state = local.with(now(), |state, _| state.clone());
        Saved { state, ..Saved::default() }
    })
}
