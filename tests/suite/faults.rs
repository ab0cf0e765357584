//! The matrix of faults: each mutating operation of every kind, with everything that can go wrong with a call, in
//! process and in virtual time. A call that goes wrong in passing leads to the right outcome without a word from the user; one
//! that is refused leads to an error that says what to do, and the resumed run ends well. Nothing is made twice, and a
//! further run finds nothing to do. `VPIPE_FAULTS_ALONE=1` tries one fault a run, which takes half an hour.

use indexmap::IndexMap;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::inventory::{differences, inventory};
use vpipe::cloud::{Clients, Connect, connect, driver};
use vpipe::diag::Severity;
use vpipe::eval::{Inputs, Manifest, Secrets, evaluate};
use vpipe::journal::{Event as Entry, Journal, JournalError, LockHolder, Owner, Record, Store};
use vpipe::local::{Faults, Local, LocalNet, Now, State, transport, virtual_clock};
use vpipe::run::{Ended, Interrupt, Job, Outcome, Speed, World, apply, destroy};
use vpipe::schema::Schema;

/// 1 January 2026.
const START: i64 = 1_767_225_600_000;

/// What can go wrong with the first call of an operation, in passing.
const IN_PASSING: [&str; 7] =
    ["throttle@X", "error@X", "error@X:after", "lost@X", "slow@X", "late@X", "hide@X:3"];
/// What trying again does not mend.
const DENIED: &str = "deny@X";

/// A pipeline, with what its file needs beside it.
struct Pipeline {
    manifest: Manifest,
    schema: Arc<Schema>,
    /// Files that are copied for each case.
    files: Option<PathBuf>,
}

impl Pipeline {
    fn of(path: &str, stage: Option<&str>, set: &[(&str, &str)], files: bool) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        let folder = path.parent().unwrap().to_owned();
        let checked = vpipe::check::check_text("every.vpipe", &text, folder.clone());
        let program = checked.program.unwrap();
        let names = ["PW", "VPROFILE_DB_PASSWORD", "VPROFILE_MQ_PASSWORD", "GODADDY_KEY", "GODADDY_SECRET"];
        let secrets = names.map(|name| (name.to_owned(), format!("a-{}-for-tests", name.to_lowercase())));
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
}

/// A journal that can be copied, as a file can.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<(Vec<Record>, u64, bool)>>);

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
struct Saved {
    state: State,
    tape: Tape,
}

/// What is done in a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Make,
    Change,
    Destroy,
}

/// One process with an account.
struct Process {
    local: Arc<Local>,
    clients: Clients,
    now: Now,
    tape: Tape,
    folder: tempfile::TempDir,
}

impl Process {
    async fn open(saved: &Saved, faults: &[String], pipeline: &Pipeline) -> Self {
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

    async fn run(&self, phase: Phase, pipeline: &Pipeline, resume: bool) -> Outcome {
        match phase {
            Phase::Destroy => destroy(&self.job(pipeline), resume).await.unwrap(),
            _ => apply(&self.job(pipeline), resume).await.unwrap(),
        }
    }

    fn saved(&self) -> Saved {
        let state = self.local.with((self.now)(), |state, _| state.clone());
        Saved { state, tape: self.tape.copy() }
    }

    fn inventory(&self) -> BTreeMap<String, usize> {
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

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(work)
}

fn said(outcome: &Outcome) -> String {
    outcome.errors.iter().map(|error| format!("{error}\n")).collect()
}

/// What a phase comes to when nothing goes wrong: its calls in order, and what is there afterwards.
fn undisturbed(
    before: &Saved,
    phase: Phase,
    pipeline: &Pipeline,
) -> (Vec<String>, BTreeMap<String, usize>, Saved) {
    block_on(async {
        let process = Process::open(before, &[], pipeline).await;
        let outcome = process.run(phase, pipeline, false).await;
        assert_eq!(outcome.result, Ended::Ok, "{phase:?}: {}", said(&outcome));
        let calls = process.local.changed();
        let saved = process.saved();
        let again = process.run(phase, pipeline, false).await;
        assert_eq!((again.result, again.calls), (Ended::Ok, 0), "{phase:?}: {:?}", process.local.changed());
        (calls, process.inventory(), saved)
    })
}

/// A fault with the first call of an operation: `lost@rds.CreateDBInstance`.
fn ordered(fault: &str, operation: &str) -> String {
    fault.replace('X', &operation.replace(':', "."))
}

/// What is tried in one case, and what is to be there afterwards.
#[derive(Clone)]
struct Case<'a> {
    phase: Phase,
    pipeline: &'a Pipeline,
    before: Saved,
    /// The operations of the undisturbed run, each once.
    operations: Vec<String>,
    faults: Vec<String>,
    expected: BTreeMap<String, usize>,
}

impl Case<'_> {
    /// Gives what goes wrong that should not.
    async fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let process = Process::open(&self.before, &self.faults, self.pipeline).await;
        let refuses = self.faults.iter().any(|fault| fault.starts_with("deny"));
        let mut outcome = process.run(self.phase, self.pipeline, false).await;
        let mut told = said(&outcome);
        let mut runs = 1;
        // Each resumed run gets as far as the next refusal.
        while refuses && outcome.result == Ended::Failed && runs <= self.operations.len() {
            outcome = process.run(self.phase, self.pipeline, true).await;
            told += &said(&outcome);
            runs += 1;
        }
        if outcome.result != Ended::Ok {
            wrong.push(format!("run {runs} ended {:?}: {}", outcome.result, said(&outcome)));
        }
        if refuses {
            for operation in &self.operations {
                wrong.extend(unclear(operation, &told));
            }
        }
        let calls = process.local.changed().len();
        let last = process.run(self.phase, self.pipeline, false).await;
        if (last.result.clone(), last.calls) != (Ended::Ok, 0) {
            let more = process.local.changed().split_off(calls);
            wrong.push(format!("a further run ended {:?} with {more:?}: {}", last.result, said(&last)));
        }
        wrong.extend(differences(&process.inventory(), &self.expected));
        wrong
    }
}

/// What the messages lack that tell of a refused operation.
fn unclear(operation: &str, told: &str) -> Option<String> {
    // GoDaddy has keys, no permissions.
    let line = match operation.starts_with("godaddy") {
        true => told.lines().find(|line| line.contains("GoDaddy does not let this key change DNS")),
        false => told.lines().find(|line| line.contains(&format!("not authorized to perform: {operation}"))),
    };
    match line {
        None => Some(format!("nothing tells that {operation} was refused: {told}")),
        Some(line) if !operation.starts_with("godaddy") && !line.contains("lacks the permission") => {
            Some(format!("what to do is missing: {line}"))
        }
        Some(_) => None,
    }
}

/// Tries all operations of each phase with all faults. In each run every operation meets one fault, each another; in the next
/// run each meets the next one. So a run meets many faults at once, which is worse than one, and the whole takes seconds.
fn matrix(name: &str, phases: &[(Phase, &Pipeline)]) {
    let mut cases = Vec::new();
    let mut cells = 0;
    each_phase(name, phases, |case| {
        cells += case.operations.len() * (IN_PASSING.len() + 1);
        for turn in 0..IN_PASSING.len() {
            let faults = case.operations.iter().enumerate();
            let faults = faults
                .map(|(at, operation)| ordered(IN_PASSING[(at + turn) % IN_PASSING.len()], operation))
                .collect();
            cases.push(Case { faults, ..case.clone() });
        }
        let faults = case.operations.iter().map(|operation| ordered(DENIED, operation)).collect();
        cases.push(Case { faults, ..case });
    });
    all_well(name, &cases, cells);
}

/// Tries each operation of each phase with each fault alone.
fn one_by_one(name: &str, phases: &[(Phase, &Pipeline)]) {
    let mut cases = Vec::new();
    each_phase(name, phases, |case| {
        for operation in &case.operations {
            for fault in IN_PASSING.iter().chain([&DENIED]) {
                let faults = vec![ordered(fault, operation)];
                cases.push(Case { faults, operations: vec![operation.clone()], ..case.clone() });
            }
        }
    });
    all_well(name, &cases, cases.len());
}

/// Goes through the phases undisturbed; gives what each is like to whoever makes cases of it.
fn each_phase<'a>(name: &str, phases: &[(Phase, &'a Pipeline)], mut make: impl FnMut(Case<'a>)) {
    let mut before = Saved::default();
    prepare(&mut before);
    for (phase, pipeline) in phases {
        let (calls, expected, after) = undisturbed(&before, *phase, pipeline);
        let mut operations = calls.clone();
        operations.sort();
        operations.dedup();
        println!("{name}, {phase:?}: {} calls of {} operations", calls.len(), operations.len());
        make(Case { phase: *phase, pipeline, before, operations, faults: Vec::new(), expected });
        before = after;
    }
}

/// Runs all cases, two at a time.
fn all_well(name: &str, cases: &[Case<'_>], cells: usize) {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let wrong = block_on(case.wrong());
                    if !wrong.is_empty() {
                        let Case { phase, faults, .. } = case;
                        let text = format!("{phase:?} {}:\n    {}", faults.join(" "), wrong.join("\n    "));
                        println!("{text}");
                        failed.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap().len();
    println!("{name}: {cells} cells in {} cases, {failed} failed", cases.len());
    assert_eq!(failed, 0, "of {} cases", cases.len());
}

/// What the pipelines look up.
fn prepare(saved: &mut Saved) {
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
        saved.state = local.with(now(), |state, _| state.clone());
    });
}

#[test]
fn every_call_of_every_kind_survives_everything_that_can_go_wrong() {
    let of = |round: &str| Pipeline::of("tests/faults/every_kind.vpipe", None, &[("round", round)], false);
    let (first, second) = (of("1"), of("2"));
    let phases = [(Phase::Make, &first), (Phase::Change, &second), (Phase::Destroy, &second)];
    match std::env::var_os("VPIPE_FAULTS_ALONE") {
        None => matrix("every kind", &phases),
        Some(_) => one_by_one("every kind", &phases),
    }
}

#[test]
fn every_call_of_vprofile_survives_everything_that_can_go_wrong() {
    let vprofile = Pipeline::of("examples/vprofile/vprofile.vpipe", Some("dev"), &[], true);
    matrix("vprofile", &[(Phase::Make, &vprofile), (Phase::Destroy, &vprofile)]);
}
