//! What files evaluate to: `tests/corpus/eval/*.vpipe`.
//!
//! The code of a case is followed by lines of expectations:
//!
//! ```text
//! //@ stage prod                                     one evaluation begins; a case without such a line has one
//! //@ set instances = 2..4                           as `--set`
//! //@ env DB_PASSWORD = hunter2hunter2               a secret's text; with any of these, missing secrets are errors
//! //@ node mysql: db_instance "shop-prod-mysql"      a node with its kind and physical name, in this order, all of them
//! //@   class = "db.t3.micro"                        one of its values, as `show` shows it; `→ a.b` for what is deferred
//! //@   needs backend, net.private                   what it depends on
//! //@ output url = "https://shop.example.com"
//! //@ step release needs build: deploy "x.war" to web as "v${version}"
//! //@ failure: rollback web
//! //@ made up DB_PASSWORD
//! //@ finds error missing-secret "env(\"X\")": the environment variable `X` is not set
//! ```

use indexmap::IndexMap;
use std::fmt::Write as _;
use std::path::Path;

use super::corpus::{Case, cases, files, folder, write_files};
use vpipe::check::{Program, check_path};
use vpipe::diag::Severity;
use vpipe::eval::{
    Action, ActionKind, Attrs, Condition, Deferred, Evaluated, Inputs, Secrets, Step, Test, Value, evaluate,
    show,
};

/// One evaluation of a case.
#[derive(Default)]
struct Section {
    stage: Option<String>,
    set: IndexMap<String, String>,
    env: Option<IndexMap<String, String>>,
    expected: Vec<String>,
}

#[test]
fn files_evaluate_to_what_is_written() {
    let mut failures = String::new();
    for path in files(&folder("eval")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for case in cases(&text).1 {
            if let Err(why) = run(&case) {
                let _ = write!(failures, "\n{}: {}\n{why}\n", path.display(), case.name);
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// The example, in each of its stages: `tests/corpus/eval/vprofile.expected`.
#[test]
fn the_example_evaluates_in_every_stage() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let expected = std::fs::read_to_string(folder("eval").join("vprofile.expected")).unwrap();
    if let Err(why) = compare(&root.join("examples/vprofile/vprofile.vpipe"), &expected) {
        panic!("{why}");
    }
}

fn run(case: &Case) -> Result<(), String> {
    let home = tempfile::tempdir().unwrap();
    write_files(case, home.path());
    compare(&home.path().join(&case.files[0].name), &case.files[0].code)
}

/// Evaluates a file and compares it with lines of expectations.
fn compare(path: &Path, expected: &str) -> Result<(), String> {
    let checked = check_path(path);
    let errors: Vec<_> = checked.diagnostics.iter().filter(|one| one.severity == Severity::Error).collect();
    if !errors.is_empty() {
        return Err(format!("`check` finds {errors:#?}"));
    }
    let program = checked.program.ok_or("no program")?;
    let mut wrong = String::new();
    for section in sections(expected) {
        if let Err(why) = section.compare(&program) {
            let _ = writeln!(wrong, "in stage {:?}:\n{why}", section.stage);
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn sections(code: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    for line in code.lines() {
        let Some(line) = line.strip_prefix("//@ ") else { continue };
        let pair = |rest: &str| {
            let (name, value) = rest.split_once(" = ").expect("NAME = VALUE");
            (name.to_owned(), value.to_owned())
        };
        let last = sections.last_mut().unwrap();
        if let Some(stage) = line.strip_prefix("stage ") {
            if last.stage.is_some() || !last.expected.is_empty() {
                sections.push(Section::default());
            }
            sections.last_mut().unwrap().stage = Some(stage.to_owned());
        } else if let Some(rest) = line.strip_prefix("set ") {
            last.set.extend([pair(rest)]);
        } else if let Some(rest) = line.strip_prefix("env ") {
            last.env.get_or_insert_default().extend([pair(rest)]);
        } else {
            last.expected.push(line.to_owned());
        }
    }
    sections
}

impl Section {
    fn compare(&self, program: &Program) -> Result<(), String> {
        let secrets = match &self.env {
            Some(given) => Secrets::Given(given.clone()),
            None => Secrets::OrMadeUp { given: IndexMap::new(), seed: "test".to_owned() },
        };
        let inputs =
            Inputs { stage: self.stage.clone(), set: self.set.clone(), secrets, stored: Default::default() };
        let evaluated = evaluate(program, &inputs);
        let found = lines(program, &evaluated);
        let mut wrong = String::new();
        for line in self.expected.iter().filter(|line| !line.starts_with(' ')) {
            if !found.iter().any(|(head, _)| head == line) {
                let _ = writeln!(wrong, "missing: {line}");
            }
        }
        let word = |line: &str| line.split([' ', ':']).next().unwrap_or_default().to_owned();
        for (head, _) in &found {
            // Of what is spoken of at all, everything must be written.
            let spoken = self.expected.iter().any(|line| word(line) == word(head));
            if (spoken || word(head) == "finds") && !self.expected.contains(head) {
                let _ = writeln!(wrong, "unexpected: {head}");
            }
        }
        let mut inside: Option<&[String]> = None;
        for line in &self.expected {
            match line.strip_prefix("  ") {
                None => inside = found.iter().find(|(head, _)| head == line).map(|(_, all)| &all[..]),
                Some(detail) => {
                    if inside.is_some_and(|all| !all.iter().any(|one| one == detail)) {
                        let _ = writeln!(wrong, "missing:   {detail}");
                    }
                }
            }
        }
        let heads =
            |all: Vec<String>| all.into_iter().filter(|line| line.starts_with("node ")).collect::<Vec<_>>();
        let (want, have) =
            (heads(self.expected.clone()), heads(found.iter().map(|(head, _)| head.clone()).collect()));
        if wrong.is_empty() && !want.is_empty() && want != have {
            let _ = writeln!(wrong, "the order differs");
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let _ = writeln!(wrong, "what is there:");
        for (head, details) in found {
            let _ = writeln!(wrong, "//@ {head}");
            for detail in details {
                let _ = writeln!(wrong, "//@   {detail}");
            }
        }
        Err(wrong)
    }
}

/// What an evaluation gives, as lines, each with its details.
fn lines(program: &Program, evaluated: &Evaluated) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for finding in &evaluated.diagnostics {
        let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
        let text = program.sources.text(finding.span);
        all.push((format!("finds {severity} {} {text:?}: {}", finding.code, finding.message), Vec::new()));
    }
    if !evaluated.made_up.is_empty() {
        all.push((format!("made up {}", evaluated.made_up.join(", ")), Vec::new()));
    }
    let Some(manifest) = &evaluated.manifest else { return all };
    for (id, node) in &manifest.nodes {
        let existing = if node.existing { "existing " } else { "" };
        let mut details: Vec<String> =
            node.attrs.iter().map(|(name, value)| format!("{name} = {}", shown(value))).collect();
        if !node.depends_on.is_empty() {
            details.push(format!("needs {}", node.depends_on.join(", ")));
        }
        all.push((format!("node {id}: {existing}{} {:?}", node.kind, node.name), details));
    }
    for (name, value) in &manifest.outputs {
        all.push((format!("output {name} = {}", shown(value)), Vec::new()));
    }
    for (name, value) in &manifest.tags {
        all.push((format!("tag {name} = {value:?}"), Vec::new()));
    }
    for step in manifest.rollout.iter().map(|group| group_line(group)) {
        all.push((step, Vec::new()));
    }
    for action in &manifest.on_failure {
        all.push((format!("failure: {}", action_line(action)), Vec::new()));
    }
    all
}

/// Steps side by side stand in one line.
fn group_line(group: &[Step]) -> String {
    let step = |step: &Step| {
        let needs =
            if step.needs.is_empty() { String::new() } else { format!(" needs {}", step.needs.join(", ")) };
        let actions: Vec<String> = step.actions.iter().map(action_line).collect();
        format!("step {}{needs}: {}", step.name, actions.join("; "))
    };
    group.iter().map(step).collect::<Vec<_>>().join(" | ")
}

fn action_line(action: &Action) -> String {
    let clause = |word: &str, value: &Option<Value>| match value {
        Some(value) => format!(" {word} {}", shown(value)),
        None => String::new(),
    };
    let map = |fields: &Attrs| shown(&Value::Map(fields.clone()));
    match &action.kind {
        ActionKind::Run { command, env, dir, produces, within } => {
            let with = if env.is_empty() { String::new() } else { format!(" with {}", map(env)) };
            let within = within.map(Value::Duration);
            format!(
                "run {}{with}{}{}{}",
                shown(command),
                clause("in", dir),
                clause("produces", produces),
                clause("within", &within)
            )
        }
        ActionKind::Render { template, to, with } => {
            format!("render {} to {} with {}", shown(template), shown(to), map(with))
        }
        ActionKind::Bundle { source, to } => format!("bundle {} to {}", shown(source), shown(to)),
        ActionKind::Upload { path, bucket, key } => {
            format!("upload {} to {bucket} as {}", shown(path), shown(key))
        }
        ActionKind::Deploy { path, environment, label } => {
            format!("deploy {} to {environment} as {}", shown(path), shown(label))
        }
        ActionKind::Invalidate { distribution, paths } => {
            format!("invalidate {distribution} {}", shown(paths))
        }
        ActionKind::Swap { a, b } => format!("swap {a} with {b}"),
        ActionKind::Expect(expect) => {
            let conditions: Vec<String> = expect.conditions.iter().map(condition_line).collect();
            let (within, every) = (Value::Duration(expect.within), Value::Duration(expect.every));
            format!(
                "expect {} {} {{ {}, within {}, every {} }}",
                expect.method,
                shown(&expect.target),
                conditions.join(", "),
                shown(&within),
                shown(&every)
            )
        }
        ActionKind::Approve { message } => format!("approve {}", shown(message)),
        ActionKind::Wait(ms) => format!("wait {}", shown(&Value::Duration(*ms))),
        ActionKind::Rollback { environment } => format!("rollback {environment}"),
    }
}

fn condition_line(condition: &Condition) -> String {
    let test = |test: &Test| match test {
        Test::Equals => "=",
        Test::Contains => "contains",
        Test::Matches => "matches",
    };
    match condition {
        Condition::Status(codes) => format!("status = {codes:?}"),
        Condition::Header { name, test: how, value } => {
            format!("header {name} {} {}", test(how), shown(value))
        }
        Condition::Body { test: how, value } => format!("body {} {}", test(how), shown(value)),
        Condition::Tls(left) => format!("tls {}", shown(&Value::Duration(*left))),
    }
}

/// As [`show`], but with what a deferred value waits for.
fn shown(value: &Value) -> String {
    match value {
        Value::Deferred(deferred) => match &**deferred {
            Deferred::Output(node, output) if node.is_empty() => format!("→ {output}"),
            Deferred::Output(node, output) => format!("→ {node}.{output}"),
            Deferred::Apply(op, args) => {
                format!("→ {op}({})", args.iter().map(shown).collect::<Vec<_>>().join(", "))
            }
        },
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Map(fields) if !fields.is_empty() => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name} = {}", shown(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Variant(name, params) if !params.is_empty() => {
            let params: Vec<String> =
                params.iter().map(|(name, value)| format!("{name}: {}", shown(value))).collect();
            format!("{name}({})", params.join(", "))
        }
        other => show(other),
    }
}

/// Evaluation takes time in proportion to the file: ten thousand resources, written one by one or made by a loop, and a
/// chain of `let`s as long. What would be quadratic takes minutes here.
#[test]
fn large_files_take_their_time_and_no_more() {
    let mut written =
        String::from("pipeline shop { region = \"us-east-1\" }\nexisting vpc main { default = true }\n");
    for n in 0..10_000 {
        let _ = writeln!(
            written,
            "security_group g{n} {{ vpc = main, tags = {{ n = \"{n}\" }}, allow tcp 443 from self }}"
        );
    }
    let mut chain = String::from("pipeline shop { region = \"us-east-1\" }\n");
    for n in 0..10_000 {
        let _ = writeln!(chain, "let a{n} = a{} + 1", n + 1);
    }
    chain.push_str("let a10000 = 0\noutput all = a0\n");
    let looped = "pipeline shop { region = \"us-east-1\" }\nexisting vpc main { default = true }\n\
        for n in range(10000) { security_group g { vpc = main, tags = { n = \"${n}\" }, allow tcp 443 from self } }\n";
    for (text, nodes) in [(written.as_str(), 20_001), (looped, 20_001), (chain.as_str(), 0)] {
        let checked = vpipe::check::check_text("main.vpipe", text, ".".into());
        assert!(
            checked.diagnostics.iter().all(|one| one.severity != Severity::Error),
            "{:?}",
            checked.diagnostics
        );
        let inputs = Inputs {
            stage: None,
            set: IndexMap::new(),
            secrets: Secrets::Unread,
            stored: Default::default(),
        };
        let program = checked.program.unwrap();
        let start = std::time::Instant::now();
        let evaluated = evaluate(&program, &inputs);
        println!("{nodes} nodes: {:?}", start.elapsed());
        assert_eq!(evaluated.diagnostics, []);
        assert_eq!(evaluated.manifest.unwrap().nodes.len(), nodes);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}

/// What the parser lets through can be evaluated on the small stack of a thread, in a build without optimisation.
#[test]
fn deep_expressions_do_not_overflow() {
    let wraps: [(&str, &str); 7] = [
        ("not ", ""),
        ("[", "][0]"),
        ("{ a = ", " }.a"),
        ("if true { ", " } else { false }"),
        ("distinct([", "])[0]"),
        ("[for x in [1]: ", "][0]"),
        ("(", " == false)"),
    ];
    for (open, close) in wraps {
        for depth in [30, 60, 100, 200] {
            let value = format!("{}true{}", open.repeat(depth), close.repeat(depth));
            let text = format!("pipeline shop {{ region = \"us-east-1\" }}\noutput all = {value}\n");
            let checked = vpipe::check::check_text("main.vpipe", &text, ".".into());
            let inputs = Inputs {
                stage: None,
                set: IndexMap::new(),
                secrets: Secrets::Unread,
                stored: Default::default(),
            };
            if checked.diagnostics.is_empty() {
                let evaluated = evaluate(&checked.program.unwrap(), &inputs);
                assert!(depth > 30 || evaluated.manifest.is_some(), "{open} {depth}");
                let told = evaluated.diagnostics.iter().all(|one| one.code == "too-deep");
                assert!(told, "{open} {depth}: {:?}", evaluated.diagnostics);
            }
        }
    }
}
