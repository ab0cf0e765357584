//! Every attribute of every kind, as `tests/attributes/KIND.toml` tells them: changed as the library says, in place or
//! by replacement; changed back when somebody else changed it; and any mixture of them reached so that a second run finds
//! nothing to do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde::Deserialize;

use super::permissions;
use super::stack::Stack;
use vpipe::plan::{Action, Plan};
use vpipe::run::{Ended, apply};
use vpipe::schema::{Attribute, BlockSchema, Kind, OnChange, kind_names, library_file};

/// What a file of `tests/attributes` says of a kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What the resource needs around it.
    #[serde(default)]
    around: String,
    /// What each attribute may be, in the language; empty means that it is left out. Tests begin with the first.
    attributes: BTreeMap<String, Vec<Choice>>,
    /// The same for blocks: what stands in the body.
    #[serde(default)]
    blocks: BTreeMap<String, Vec<Choice>>,
    /// Attributes that cannot be changed back, and what is said of it.
    #[serde(default)]
    pub refused: BTreeMap<String, String>,
    /// Attributes of which nobody can see whether somebody else changed them, and why.
    #[serde(default)]
    unseen: BTreeMap<String, String>,
}

/// A value of an attribute, or of several that go together.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    One(String),
    Several(BTreeMap<String, String>),
}

/// A kind with its table.
pub struct Subject {
    pub kind: String,
    pub table: Table,
}

/// What each attribute and each sort of block is now.
pub type Chosen = BTreeMap<String, String>;

impl Subject {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let table = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { kind: path.file_stem().unwrap().to_str().unwrap().to_owned(), table }
    }

    /// Attributes and blocks, and what each may be.
    pub fn choices(&self) -> impl Iterator<Item = (&String, &Vec<Choice>)> {
        self.table.attributes.iter().chain(&self.table.blocks)
    }

    pub fn first(&self) -> Chosen {
        let mut chosen = Chosen::new();
        for (name, choices) in self.choices() {
            choose(&mut chosen, name, &choices[0]);
        }
        chosen
    }

    /// The pipeline's text.
    pub fn body(&self, chosen: &Chosen) -> String {
        let mut body = format!("secret other = env(\"OTHER\")\n{}\n{} it {{\n", self.table.around, self.kind);
        for (name, value) in chosen.iter().filter(|(_, value)| !value.is_empty()) {
            match self.table.blocks.contains_key(name) {
                true => body += &format!("  {value}\n"),
                false => body += &format!("  {name} = {value}\n"),
            }
        }
        body + "}\n"
    }

    /// With another choice for an attribute, and with what goes with it.
    pub fn with(&self, now: &Chosen, name: &str, choice: &Choice) -> Chosen {
        let (mut next, first) = (now.clone(), self.first());
        let choices = self.choices().filter(|(other, _)| *other == name).flat_map(|(_, choices)| choices);
        for choice in choices {
            if let Choice::Several(texts) = choice {
                next.extend(texts.keys().filter_map(|name| Some((name.clone(), first.get(name)?.clone()))));
            }
        }
        choose(&mut next, name, choice);
        next
    }

    fn schema(&self, stack: &Stack) -> Kind {
        let job = stack.job(&self.body(&self.first()));
        job.schema.kind(&self.kind).unwrap().clone()
    }
}

fn choose(chosen: &mut Chosen, name: &str, choice: &Choice) {
    match choice {
        Choice::One(text) => _ = chosen.insert(name.to_owned(), text.clone()),
        Choice::Several(texts) => chosen.extend(texts.clone()),
    }
}

fn tables() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attributes");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    // `VPIPE_KIND=record` tests one kind alone.
    let only = std::env::var("VPIPE_KIND").ok();
    paths.retain(|path| only.as_ref().is_none_or(|kind| path.file_stem().unwrap().to_str() == Some(kind)));
    paths.sort();
    paths
}

/// Does something with every kind, two at a time.
pub fn each(test: impl Fn(&Subject) + Sync) {
    let todo = Mutex::new(tables());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(path) = { todo.lock().unwrap().pop() } {
                    let subject = Subject::read(&path);
                    let tested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&subject)));
                    if tested.is_err() {
                        wrong.lock().unwrap().push(subject.kind);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "see above: {wrong:?}");
}

/// Runs to the end in a clock of its own.
pub fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(future)
}

pub async fn account() -> Stack {
    let stack = Stack::new("us-east-1").await;
    for key in ["ops", "dev"] {
        stack.clients.ec2.create_key_pair().key_name(key).send().await.unwrap();
    }
    stack
}

/// What a plan does to the resource and its separate blocks.
pub fn actions(plan: &Plan) -> Vec<Action> {
    let own = |id: &str| id == "it" || id.starts_with("it.");
    let nodes = plan.nodes.iter().filter(|node| own(&node.id) && node.action != Action::Keep);
    nodes.map(|node| node.action).collect()
}

#[test]
fn the_tables_have_every_attribute_of_every_kind() {
    let stack = in_virtual_time(account());
    let mut missing = Vec::new();
    for name in kind_names() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/attributes/{name}.toml"));
        if library_file(&format!("{name}.vpipe")).unwrap().text.contains("existing_only = true") {
            continue;
        }
        if !path.exists() {
            missing.push(format!("{name}: no table"));
            continue;
        }
        let subject = Subject::read(&path);
        let kind = subject.schema(&stack);
        for attribute in kind.attributes.keys().filter(|name| !subject.table.attributes.contains_key(*name)) {
            missing.push(format!("{name}.{attribute}"));
        }
        for block in kind.blocks.values() {
            missing.extend(unsaid(&subject, block));
        }
    }
    assert!(missing.is_empty(), "tests/attributes lacks: {missing:#?}");
}

/// The attributes of a block that none of its choices says.
fn unsaid(subject: &Subject, block: &BlockSchema) -> Vec<String> {
    let said: String = match subject.table.blocks.get(&block.name) {
        Some(choices) => choices.iter().map(|choice| format!("{choice:?}")).collect(),
        None => String::new(),
    };
    let unsaid = block.attributes.keys().filter(|name| !said.contains(&format!("{name} =")));
    unsaid.map(|attribute| format!("{}.{}.{attribute}", subject.kind, block.name)).collect()
}

#[test]
fn every_attribute_is_changed_as_the_library_says() {
    each(|subject| in_virtual_time(change_each(subject)));
}

async fn change_each(subject: &Subject) {
    let stack = account().await;
    let kind = subject.schema(&stack);
    let mut now = subject.first();
    stack.run(&subject.body(&now)).await;
    for (name, choices) in subject.choices() {
        let mut tried = 0;
        for choice in choices.iter().skip(1).chain(choices.first()) {
            let next = subject.with(&now, name, choice);
            let body = subject.body(&next);
            if next == now || stack.try_job(&body).is_err() {
                continue;
            }
            let what = format!("{}.{name}: {:?} → {choice:?}", subject.kind, now.get(name));
            let planned = actions(&stack.plan(&body).await);
            if let Some(words) = subject.table.refused.get(name)
                && apply(&stack.job(&body), false).await.unwrap().result == Ended::Failed
            {
                assert!(stack.fail(&body).await.contains(words), "{what}");
                continue;
            }
            // What the file does not say any more is AWS's to choose; it may be what the file says then.
            let silent = |chosen: &Chosen| chosen.get(name).is_none_or(String::is_empty);
            let said = !silent(&next) && (tried == 0 || !silent(&now));
            let changed = kind.attributes.iter().filter(|(name, _)| now.get(*name) != next.get(*name));
            match changed.map(|(_, attribute)| attribute.on_change).max_by_key(|c| *c == OnChange::Replace) {
                Some(_) if planned.is_empty() => {
                    assert!(!said || subject.table.unseen.contains_key(name), "{what}");
                }
                Some(OnChange::Replace) => assert_eq!(planned, [Action::Replace], "{what}"),
                Some(_) => assert_eq!(planned, [Action::Update], "{what}"),
                None => assert!(!planned.is_empty(), "{what}"),
            }
            let before = stack.local.asked();
            stack.run(&body).await;
            let called = stack.called_since(&before);
            // What a file leaves behind is what the file before needed.
            let policy = |body: &str| permissions::policy(&stack, body, permissions::ALL);
            let new = permissions::unallowed(called, &policy(&body)).into_iter().collect();
            let forbidden = permissions::unallowed(new, &policy(&subject.body(&now)));
            assert_eq!(forbidden, Vec::<String>::new(), "`vpipe permissions` does not allow it: {what}");
            now = next;
            tried += 1;
        }
        assert!(tried > 0 || choices.len() < 2, "{}.{name}: `vpipe check` takes none of them", subject.kind);
    }
    stack.destroy(&subject.body(&now)).await;
}

#[test]
fn what_somebody_else_changed_is_seen_and_put_right() {
    each(|subject| in_virtual_time(drift_each(subject)));
}

/// The somebody else is another run of the pipeline, with a journal of its own.
async fn drift_each(subject: &Subject) {
    let mut stack = account().await;
    let kind = subject.schema(&stack);
    let first = subject.first();
    let ours = subject.body(&first);
    stack.run(&ours).await;
    let journal = Arc::clone(&stack.journal);
    stack.forget();
    stack.run(&ours).await;
    let other_journal = Arc::clone(&stack.journal);
    for (name, choices) in subject.choices() {
        let skipped = subject.table.unseen.contains_key(name) || subject.table.refused.contains_key(name);
        for choice in choices.iter().skip(1).filter(|_| !skipped) {
            let theirs = subject.with(&first, name, choice);
            let changed = kind.attributes.values().filter(|a| first.get(&a.name) != theirs.get(&a.name));
            let silent = theirs.get(name).is_none_or(String::is_empty);
            let in_place = |a: &Attribute| a.on_change == OnChange::Update && !a.write_only;
            let body = subject.body(&theirs);
            if silent || !changed.clone().all(in_place) || stack.try_job(&body).is_err() {
                continue;
            }
            stack.journal = Arc::clone(&other_journal);
            stack.run(&body).await;
            stack.journal = Arc::clone(&journal);
            // What the file does not say is AWS's to choose.
            if first.get(name).is_some_and(|text| !text.is_empty()) {
                let planned = actions(&stack.plan(&ours).await);
                assert!(
                    !planned.is_empty(),
                    "{}.{name} is {choice:?}, and the plan does not see it",
                    subject.kind
                );
            }
            stack.run(&ours).await;
        }
    }
    // What somebody deleted is made again.
    stack.journal = other_journal;
    stack.run(&ours).await;
    stack.destroy(&ours).await;
    stack.journal = journal;
    stack.run(&ours).await;
    stack.destroy(&ours).await;
}

#[test]
fn any_mixture_is_reached_and_then_nothing_is_left_to_do() {
    each(|subject| {
        let count = subject.choices().count();
        let steps = prop::collection::vec(prop::collection::vec(any::<Index>(), count), 3);
        // The same mixtures each time, so that a red build is red again; `PROPTEST_CASES` asks for more, and for others.
        let more = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
        let mut runner = TestRunner::new(Config {
            cases: more.unwrap_or(3),
            rng_seed: if more.is_some() { RngSeed::Random } else { RngSeed::Fixed(4) },
            failure_persistence: None,
            max_shrink_iters: 20,
            ..Config::default()
        });
        let reached = runner.run(&steps, |steps| {
            in_virtual_time(mix(subject, &steps));
            Ok(())
        });
        reached.unwrap_or_else(|error| panic!("{}: {error}", subject.kind));
    });
}

async fn mix(subject: &Subject, steps: &[Vec<Index>]) {
    let stack = account().await;
    let mut last = None;
    for step in steps {
        let mut chosen = Chosen::new();
        for ((name, choices), index) in subject.choices().zip(step) {
            choose(&mut chosen, name, index.get(choices));
        }
        let body = subject.body(&chosen);
        let Ok(job) = stack.try_job(&body) else { continue };
        let outcome = apply(&job, false).await.unwrap();
        let refused = |words: &String| outcome.errors.iter().any(|error| error.message.contains(words));
        if outcome.result == Ended::Failed && subject.table.refused.values().any(refused) {
            continue;
        }
        assert_eq!(outcome.result, Ended::Ok, "{:#?}\n{body}", outcome.errors);
        stack.run(&body).await;
        last = Some(body);
    }
    if let Some(body) = last {
        // What protects it is taken off first.
        let body = body.replace("deletion_protection = true", "deletion_protection = false");
        let body = body.replace("empty_on_destroy = false", "empty_on_destroy = true");
        stack.run(&body).await;
        stack.destroy(&body).await;
    }
}
