//! The rollout: steps and what they do.

use indexmap::IndexMap;
use std::sync::LazyLock;

use super::artifacts::Artifacts;
use super::evaluator::{ANY, Cx, Evaluator};
use super::formats;
use super::manifest::{Action, ActionKind, Condition, Expect, Step, Test};
use super::value::{Attrs, Deferred, NodeId, Value};
use crate::base::Span;
use crate::check::{CONDITIONS, Takes, VERBS, Verb};
use crate::diag::Diagnostic;
use crate::schema::{Format, Type};
use crate::syntax::ast::{self, Expr, ItemKind, RolloutPart};

/// How long a probe is repeated unless the file says `within`.
const WITHIN: i64 = 5 * 60_000;
/// The pause between the tries of a probe unless the file says `every`.
const EVERY: i64 = 5_000;

/// The types of objects and clauses.
static TYPES: LazyLock<Vec<(Takes, Type)>> = LazyLock::new(|| {
    use Takes::{Duration, Label, Path, Paths, Text, Texts, Variables};
    [Text, Label, Path, Paths, Texts, Duration, Variables].map(|takes| (takes, takes.ty())).into()
});

/// The types of the conditions' values.
static VALUES: LazyLock<Vec<(&str, Type)>> =
    LazyLock::new(|| CONDITIONS.iter().map(|condition| (condition.name, condition.value())).collect());

/// A verb's clauses by keyword; the one without is the empty text.
type Clauses = IndexMap<&'static str, Value>;

impl<'a> Evaluator<'a> {
    /// The steps and what is done when one fails.
    pub(super) fn rollout(&mut self) -> (Vec<Vec<Step>>, Vec<Action>) {
        let mut groups = Vec::new();
        self.artifacts = Artifacts::default();
        let mut on_failure = Vec::new();
        for item in &self.program.root.ast.items {
            let ItemKind::Rollout(rollout) = &item.kind else { continue };
            for part in &rollout.parts {
                let steps = match part {
                    RolloutPart::Step(step) => std::slice::from_ref(step),
                    RolloutPart::Parallel(steps, _) => steps,
                    RolloutPart::Broken(_) => &[],
                };
                let steps: Vec<Step> = steps.iter().filter_map(|step| self.step(step)).collect();
                if !steps.is_empty() {
                    groups.push(steps);
                }
                self.artifacts.group += 1;
            }
            self.taken_too_early();
            if let Some(failure) = &rollout.on_failure {
                on_failure = self.actions(&failure.actions);
            }
        }
        forget_left_out(&mut groups);
        (groups, on_failure)
    }

    /// A step; none when its condition does not hold.
    fn step(&mut self, step: &'a ast::Step) -> Option<Step> {
        if let Some(condition) = &step.condition {
            match self.condition(condition, Cx { frame: Self::ROOT, about: "" }) {
                Some(true) => {}
                Some(false) => return None,
                None => return self.without_value(),
            }
        }
        Some(Step {
            name: step.name.value.clone(),
            needs: step.needs.iter().map(|need| need.value.clone()).collect(),
            actions: self.actions(&step.actions),
            span: step.name.span,
        })
    }

    fn actions(&mut self, actions: &'a [ast::Action]) -> Vec<Action> {
        let mut all = Vec::with_capacity(actions.len());
        for action in actions {
            match self.action(action) {
                Some((kind, within)) => all.push(Action { span: action.span, kind, within }),
                None => self.unknown = true,
            }
        }
        all
    }

    /// What an action does, and how long it may take.
    fn action(&mut self, action: &'a ast::Action) -> Option<(ActionKind, Option<i64>)> {
        let verb = VERBS.iter().find(|verb| verb.name == action.verb.value)?;
        if verb.probes {
            return Some((ActionKind::Expect(self.expect(action)?), None));
        }
        let object = action.object.as_ref().and_then(|object| self.taken(verb.object, object, verb.name));
        let clauses = self.clauses(verb, action);
        let (object, mut clauses) = (object?, clauses?);
        self.sanity(verb.name, action, &object, &clauses);
        if let ("render", Some(at), Some(Value::Map(with))) = (verb.name, &action.object, clauses.get("with"))
        {
            self.template_fits(&object, at, with, action);
        }
        self.note_files(verb.name, action, &object, |name| clauses.get(name).cloned());
        let node = |value: Value| match value {
            Value::Handle(node) => Some(node),
            _ => None,
        };
        let handle =
            |name: &str, clauses: &mut Clauses| -> Option<NodeId> { node(clauses.shift_remove(name)?) };
        let map = |value: Option<Value>| match value {
            Some(Value::Map(fields)) => fields,
            _ => Attrs::new(),
        };
        let kind = match verb.name {
            "approve" => ActionKind::Approve { message: object },
            "bundle" => ActionKind::Bundle { source: object, to: clauses.shift_remove("to")? },
            "deploy" => ActionKind::Deploy {
                path: object,
                environment: handle("to", &mut clauses)?,
                label: clauses.shift_remove("as")?,
            },
            "invalidate" => {
                ActionKind::Invalidate { distribution: node(object)?, paths: clauses.shift_remove("")? }
            }
            "render" => ActionKind::Render {
                template: object,
                to: clauses.shift_remove("to")?,
                with: map(clauses.shift_remove("with")),
            },
            "rollback" => ActionKind::Rollback { environment: node(object)? },
            "run" => ActionKind::Run {
                command: object,
                env: map(clauses.shift_remove("with")),
                dir: clauses.shift_remove("in"),
                produces: clauses.shift_remove("produces"),
                within: clauses.shift_remove("within").and_then(|within| within.as_int()),
            },
            "swap" => ActionKind::Swap { a: node(object)?, b: handle("with", &mut clauses)? },
            "upload" => ActionKind::Upload {
                path: object,
                bucket: handle("to", &mut clauses)?,
                key: clauses.shift_remove("as")?,
            },
            "wait" => ActionKind::Wait(self.milliseconds(&object, action.span)?),
            _ => return None,
        };
        Some((kind, clauses.shift_remove("within").and_then(|within| within.as_int())))
    }

    fn clauses(&mut self, verb: &Verb, action: &'a ast::Action) -> Option<Clauses> {
        let mut all = Clauses::new();
        let mut whole = true;
        for clause in &action.clauses {
            let word = clause.keyword.as_ref().map(|word| word.value.as_str());
            let Some(rule) = verb.clauses.iter().find(|rule| rule.keyword == word) else { continue };
            let about = rule.keyword.unwrap_or(verb.name);
            match self.taken(rule.takes, &clause.value, about) {
                Some(value) => drop(all.insert(rule.keyword.unwrap_or_default(), value)),
                None => whole = false,
            }
        }
        whole.then_some(all)
    }

    /// What an object or clause takes.
    fn taken(&mut self, takes: Takes, expr: &'a Expr, about: &'a str) -> Option<Value> {
        let root = Cx { frame: Self::ROOT, about };
        match takes {
            Takes::Resource(_) => match self.value(expr, &ANY, root)? {
                handle @ Value::Handle(_) => Some(handle),
                Value::None => {
                    let message = "there is no such resource in this stage";
                    self.wrong(
                        Diagnostic::error("missing-resource", expr.span, message)
                            .help("give the step a `when` with the condition of the resource"),
                    )
                }
                _ => self.wrong(
                    Diagnostic::error(
                        "not-known-yet",
                        expr.span,
                        "the resource must be known before the run",
                    )
                    .help("name a resource of this file"),
                ),
            },
            Takes::Label => {
                let frame = self.inner(Self::ROOT);
                let version = Deferred::Output(String::new(), "version".to_owned());
                self.bind(frame, "version", Some(Value::Deferred(Box::new(version))), false);
                let value = self.value(expr, type_of(takes), Cx { frame, about });
                self.forget(frame);
                value
            }
            takes => self.value(expr, type_of(takes), root),
        }
    }

    /// Rules of actions that their types do not say.
    fn sanity(&mut self, verb: &str, action: &'a ast::Action, object: &Value, clauses: &Clauses) {
        let span = action.object.as_ref().map_or(action.span, |object| object.span);
        let clause = |name: &str| {
            action.clauses.iter().find(|clause| match &clause.keyword {
                Some(word) => word.value == name,
                None => name.is_empty(),
            })
        };
        match (verb, object) {
            ("swap", Value::Handle(a)) if clauses.get("with") == Some(&Value::Handle(a.clone())) => self
                .report(
                    Diagnostic::error("invalid-action", span, format!("`{a}` cannot swap with itself"))
                        .help("name the other environment after `with`"),
                ),
            ("invalidate", _) => {
                let place = clause("").map_or(span, |clause| clause.value.span);
                let paths = clauses.get("").map_or(&[][..], Value::items);
                let wrong = paths.iter().filter_map(Value::as_str).find(|path| !path.starts_with('/'));
                if let Some(path) = wrong {
                    // Source: Amazon CloudFront developer guide, "Invalidating files".
                    self.report(
                        Diagnostic::error(
                            "invalid-format",
                            place,
                            format!("`{path}` is no path to invalidate"),
                        )
                        .label("a path begins with `/`")
                        .help(format!("write `\"/{path}\"`")),
                    );
                } else if paths.is_empty() {
                    self.report(
                        Diagnostic::error("invalid-action", place, "no path is invalidated")
                            .help("write `[\"/*\"]` for everything"),
                    );
                }
            }
            _ => {}
        }
        if let (Some(Value::Duration(..=0)), Some(within)) = (clauses.get("within"), clause("within")) {
            let _: Option<()> = self.too_short(within.value.span);
        }
    }

    fn milliseconds(&mut self, value: &Value, span: Span) -> Option<i64> {
        match value {
            Value::Duration(ms) if *ms >= 0 => Some(*ms),
            Value::Duration(_) => self.too_short(span),
            _ => {
                self.wrong(Diagnostic::error("not-known-yet", span, "the time must be known before the run"))
            }
        }
    }

    fn too_short<T>(&mut self, span: Span) -> Option<T> {
        self.wrong(
            Diagnostic::error("out-of-range", span, "this time is too short")
                .help("write a time such as `10m`"),
        )
    }

    /// `expect GET "URL" { … }`
    fn expect(&mut self, action: &'a ast::Action) -> Option<Expect> {
        let method = action.method.as_ref()?.value.clone();
        let object = action.object.as_ref()?;
        let target = self.taken(Takes::Text, object, "expect");
        if let Some(Value::String(text)) = &target {
            self.target(&method, text, object.span);
        }
        let mut expect =
            Expect { method, target: Value::None, conditions: Vec::new(), within: WITHIN, every: EVERY };
        let mut whole = true;
        for condition in &action.conditions {
            whole &= self.probe(condition, &mut expect).is_some();
        }
        if expect.every < 1_000 {
            let place = action.conditions.iter().find(|condition| condition.subject.value == "every");
            self.report(
                Diagnostic::error(
                    "out-of-range",
                    place.map_or(action.span, |place| place.span),
                    "`every` is out of range: less than 1s",
                )
                .help("ask at most once a second: `every 1s`"),
            );
        }
        expect.target = target?;
        whole.then_some(expect)
    }

    fn probe(&mut self, condition: &'a ast::Condition, expect: &mut Expect) -> Option<()> {
        let subject = condition.subject.value.as_str();
        let cx = Cx { frame: Self::ROOT, about: subject };
        let ty = VALUES.iter().find(|(name, _)| *name == subject).map(|(_, ty)| ty)?;
        let value = match &condition.value {
            Some(value) => Some(self.value(value, ty, cx)?),
            None => None,
        };
        let span = condition.value.as_ref().map_or(condition.span, |value| value.span);
        let test = match condition.relation.as_ref().map(|word| word.value.as_str()) {
            Some("contains") => Test::Contains,
            Some("matches") => Test::Matches,
            _ => Test::Equals,
        };
        if let (Test::Matches, Some(Value::String(regex))) = (test, &value)
            && let Err(why) = regex_lite::Regex::new(regex)
        {
            self.report(
                Diagnostic::error("invalid-format", span, format!("`{regex}` is no regular expression"))
                    .label(why.to_string())
                    .help("to look for a text as it is write `contains`"),
            );
        }
        match (subject, value) {
            ("status", Some(value)) => {
                let codes: Vec<i64> = value.items().iter().filter_map(Value::as_int).collect();
                if let Some(wrong) = codes.iter().find(|code| !(100..=599).contains(*code)) {
                    self.report(
                        Diagnostic::error(
                            "out-of-range",
                            span,
                            format!("`status` is out of range: {wrong} is no HTTP status"),
                        )
                        .help("an HTTP status is from 100 to 599"),
                    );
                }
                expect.conditions.push(Condition::Status(codes));
            }
            ("header", Some(value)) => {
                let Value::String(name) = self.value(condition.selector.as_ref()?, &ANY, cx)? else {
                    return None;
                };
                expect.conditions.push(Condition::Header { name: name.to_lowercase(), test, value });
            }
            ("body", Some(value)) => expect.conditions.push(Condition::Body { test, value }),
            ("tls", value) => {
                let left = value.map_or(Some(0), |value| self.milliseconds(&value, span))?;
                expect.conditions.push(Condition::Tls(left));
            }
            ("within", Some(value)) => match self.milliseconds(&value, span)? {
                0 => return self.too_short(span),
                within => expect.within = within,
            },
            ("every", Some(value)) => expect.every = self.milliseconds(&value, span)?,
            _ => return None,
        }
        Some(())
    }

    /// What is asked must be an address.
    fn target(&mut self, method: &str, text: &str, span: Span) {
        let (right, usage) = match method {
            "TCP" => {
                let port = text.rsplit_once(':').is_some_and(|(host, port)| {
                    !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
                });
                (port, "expect TCP \"HOST:PORT\"".to_owned())
            }
            _ => {
                let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
                let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
                let named = host.is_some_and(|host| {
                    let name = host.split(':').next().unwrap_or_default();
                    name == "localhost"
                        || name.parse::<std::net::Ipv4Addr>().is_ok()
                        || host.starts_with('[')
                        || formats::check(Format::Hostname, name).is_ok()
                });
                (named, format!("expect {method} \"https://HOST/PATH\""))
            }
        };
        if !right {
            let what = if method == "TCP" { "host and port" } else { "URL" };
            self.report(
                Diagnostic::error("invalid-format", span, format!("`{text}` is no {what}"))
                    .help(format!("write `{usage}`")),
            );
        }
    }
}

/// A step that is left out cannot be needed.
fn forget_left_out(groups: &mut [Vec<Step>]) {
    let names: std::collections::HashSet<String> =
        groups.iter().flatten().map(|step| step.name.clone()).collect();
    for step in groups.iter_mut().flatten() {
        step.needs.retain(|need| names.contains(need));
    }
}

fn type_of(takes: Takes) -> &'static Type {
    TYPES.iter().find(|(known, _)| *known == takes).map_or(&ANY, |(_, ty)| ty)
}
