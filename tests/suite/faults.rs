//! The matrix of faults: each mutating operation of every kind, with everything that can go wrong with a call, in
//! process and in virtual time. A call that goes wrong in passing leads to the right outcome without a word from the user; one
//! that is refused leads to an error that says what to do, and the resumed run ends well. Nothing is made twice, and a
//! further run finds nothing to do.
//!
//! Each operation meets each fault alone, in a run of the smallest slice of the pipeline that makes the call; and all
//! operations meet faults in one run together. `VPIPE_FAULTS_ALONE=1` tries each operation in every slice that makes it
//! (`AddTagsToResource` with each kind that has it), which takes some minutes.

mod process;
mod slices;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::inventory::differences;
use process::{Phase, Pipeline, Process, Saved, block_on, prepared, said};
use slices::{Slice, slices};
use vpipe::run::Ended;

/// What can go wrong with the first call of an operation, in passing.
const IN_PASSING: [&str; 7] =
    ["throttle@X", "error@X", "error@X:after", "lost@X", "slow@X", "late@X", "hide@X:3"];
/// What trying again does not mend.
const DENIED: &str = "deny@X";

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
    before: Arc<Saved>,
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

    /// Tells what goes wrong that should not, if anything does.
    fn told(&self, name: &str) -> Option<String> {
        let wrong = block_on(self.wrong());
        let Case { phase, faults, .. } = self;
        let text = format!("{name}, {phase:?}, {}:\n    {}", faults.join(" "), wrong.join("\n    "));
        (!wrong.is_empty()).then(|| println!("{text}")).map(|()| text)
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

/// Tries all operations of each phase with faults together. In each run every operation meets one fault, each another; in
/// the next run, one of so many, each meets another one.
fn together(name: &str, runs: usize, phases: &[(Phase, &Pipeline)]) {
    let mut cases = Vec::new();
    let mut cells = 0;
    each_phase(name, prepared(), phases, |case| {
        cells += case.operations.len() * (runs + 1);
        for turn in (0..IN_PASSING.len()).step_by(IN_PASSING.len().div_ceil(runs)) {
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

/// What was tried of slices, and what went wrong.
#[derive(Default)]
struct Tried {
    operations: BTreeSet<String>,
    cells: usize,
    wrong: Vec<String>,
}

/// Tries operations of each phase of a slice with each fault alone: all of them, or those that were not yet tried.
fn one_by_one(slice: &Slice, account: &Saved, all: bool, tried: &Mutex<Tried>) {
    let (_, _, before) = undisturbed(account, Phase::Make, &slice.others);
    let phases: Vec<_> = slice.phases.iter().map(|(phase, pipeline)| (*phase, pipeline)).collect();
    each_phase(&slice.name, before, &phases, |mut case| {
        {
            let mut tried = tried.lock().unwrap();
            case.operations.retain(|operation| tried.operations.insert(operation.clone()) || all);
            tried.cells += case.operations.len() * (IN_PASSING.len() + 1);
        }
        for operation in &case.operations {
            for fault in IN_PASSING.iter().chain([&DENIED]) {
                let faults = vec![ordered(fault, operation)];
                let case = Case { faults, operations: vec![operation.clone()], ..case.clone() };
                let wrong = case.told(&slice.name);
                tried.lock().unwrap().wrong.extend(wrong);
            }
        }
    });
}

/// Goes through the phases undisturbed; gives what each is like to whoever makes cases of it.
fn each_phase<'a>(
    name: &str,
    before: Saved,
    phases: &[(Phase, &'a Pipeline)],
    mut make: impl FnMut(Case<'a>),
) {
    let mut before = Arc::new(before);
    for (phase, pipeline) in phases {
        let (calls, expected, after) = undisturbed(&before, *phase, pipeline);
        let mut operations = calls.clone();
        operations.sort();
        operations.dedup();
        println!("{name}, {phase:?}: {} calls of {} operations", calls.len(), operations.len());
        make(Case { phase: *phase, pipeline, before, operations, faults: Vec::new(), expected });
        before = Arc::new(after);
    }
}

/// Gives each of the things to a thread that is free, of two.
fn share_out<T: Sync>(things: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(thing) = things.get(next.fetch_add(1, Ordering::SeqCst)) {
                    work(thing);
                }
            });
        }
    });
}

/// Runs all cases.
fn all_well(name: &str, cases: &[Case<'_>], cells: usize) {
    let failed = AtomicUsize::new(0);
    share_out(cases, |case| {
        failed.fetch_add(usize::from(case.told(name).is_some()), Ordering::SeqCst);
    });
    let failed = failed.into_inner();
    println!("{name}: {cells} cells in {} cases, {failed} failed", cases.len());
    assert_eq!(failed, 0, "of {} cases", cases.len());
}

fn every_kind() -> (Pipeline, Pipeline) {
    let of = |round: &str| Pipeline::of("tests/faults/every_kind.vpipe", None, &[("round", round)], false);
    (of("1"), of("2"))
}

#[test]
fn every_kind_of_the_library_is_tried() {
    let (first, _) = every_kind();
    let tried: BTreeSet<&str> = first.manifest.nodes.values().map(|node| node.kind.as_str()).collect();
    let missing: Vec<&str> = vpipe::schema::kind_names().filter(|kind| !tried.contains(kind)).collect();
    assert!(missing.is_empty(), "not in tests/faults/every_kind.vpipe: {missing:?}");
}

#[test]
fn every_call_of_every_kind_survives_everything_that_can_go_wrong() {
    let (first, second) = every_kind();
    let phases = [(Phase::Make, &first), (Phase::Change, &second), (Phase::Destroy, &second)];
    together("every kind", 2, &phases);
}

#[test]
fn every_call_survives_each_thing_that_can_go_wrong() {
    let (first, second) = every_kind();
    let account = prepared();
    let all = std::env::var_os("VPIPE_FAULTS_ALONE").is_some();
    let mut slices = slices(&first, &second);
    slices.sort_by_key(|slice| slice.others.manifest.nodes.len());
    let tried = Mutex::new(Tried::default());
    share_out(&slices, |slice| one_by_one(slice, &account, all, &tried));
    let Tried { operations, cells, wrong } = tried.into_inner().unwrap();
    println!("{cells} cells of {} operations, {} failed", operations.len(), wrong.len());
    assert_eq!(wrong.len(), 0, "of {cells} cells");
}

#[test]
fn every_call_of_vprofile_survives_everything_that_can_go_wrong() {
    let vprofile = Pipeline::of("examples/vprofile/vprofile.vpipe", Some("dev"), &[], true);
    together("vprofile", IN_PASSING.len(), &[(Phase::Make, &vprofile), (Phase::Destroy, &vprofile)]);
}
