//! The rollout: its steps, what they need, and what they do.

use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};

use super::actions::{CONDITIONS, ClauseRule, ConditionRule, METHODS, Takes, VERBS, Verb};
use super::checker::{Checker, Want};
use super::graph::few;
use super::habits::our_verb;
use super::locals::Local;
use crate::base::{Span, closest, order, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::Type;
use crate::syntax::ast::{Action, Condition, Expr, ExprKind, Ident, Rollout, RolloutPart, Step};

impl<'a> Checker<'a> {
    /// Checks a rollout.
    pub(super) fn rollout(&mut self, rollout: &'a Rollout) {
        let steps: Vec<&Step> = rollout.parts.iter().flat_map(steps_of).collect();
        let mut names: HashMap<&str, Span> = HashMap::new();
        for step in &steps {
            let name = &step.name;
            if let Some(first) = names.get(name.value.as_str()) {
                self.report(
                    Diagnostic::error(
                        "duplicate-name",
                        name.span,
                        format!("there are two steps `{}`", name.value),
                    )
                    .label("again here")
                    .related(*first, "first here")
                    .help("choose another name for one of them"),
                );
                continue;
            }
            names.insert(&name.value, name.span);
        }
        let mut done: HashSet<&str> = HashSet::new();
        for part in &rollout.parts {
            let beside: Vec<&Step> = steps_of(part).iter().collect();
            let among: HashSet<&str> = beside.iter().map(|step| step.name.value.as_str()).collect();
            for step in &beside {
                self.needs(step, &names, &done, &among);
            }
            self.needs_in_a_circle(&beside);
            done.extend(among);
        }
        for step in &steps {
            if let Some(condition) = &step.condition {
                self.condition(condition, "when");
            }
            if step.actions.is_empty() && !step.broken {
                self.report(
                    Diagnostic::warning(
                        "empty-step",
                        step.name.span,
                        format!("the step `{}` does nothing", step.name.value),
                    )
                    .help("write what it does, such as `run \"mvn -B package\"`, or remove it"),
                );
            }
            step.actions.iter().for_each(|action| self.action(action));
        }
        if let Some(failure) = &rollout.on_failure {
            failure.actions.iter().for_each(|action| self.action(action));
        }
    }

    /// Checks the steps that a step needs.
    fn needs(
        &mut self,
        step: &Step,
        names: &HashMap<&str, Span>,
        done: &HashSet<&str>,
        beside: &HashSet<&str>,
    ) {
        for need in &step.needs {
            let name = need.value.as_str();
            if name == step.name.value {
                self.report(
                    Diagnostic::error("invalid-needs", need.span, format!("the step `{name}` needs itself"))
                        .help("remove it from `needs`"),
                );
            } else if let Some(declared) = names.get(name) {
                if !done.contains(name) && !beside.contains(name) {
                    self.report(
                        Diagnostic::error(
                            "invalid-needs",
                            need.span,
                            format!("the step `{name}` runs later"),
                        )
                        .related(*declared, "it stands here")
                        .help("steps run in the order written: move it before this one"),
                    );
                }
            } else {
                let diagnostic =
                    Diagnostic::error("unknown-step", need.span, format!("there is no step `{name}`"));
                let near = self.near(name, names.keys().copied());
                self.report(match near {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                        format!("change to `{near}`"),
                        need.span,
                        near,
                    ),
                    None => diagnostic.help("name a step that stands before this one"),
                });
            }
        }
    }

    /// Reports steps that run side by side and need each other.
    fn needs_in_a_circle(&mut self, beside: &[&Step]) {
        let needs: IndexMap<&str, Vec<&str>> = beside
            .iter()
            .map(|step| {
                let name = step.name.value.as_str();
                let others = step.needs.iter().map(|need| need.value.as_str()).filter(|need| *need != name);
                (name, others.collect())
            })
            .collect();
        let sorted = order(&needs);
        let Some([first, second, ..]) = sorted.circle.as_deref() else { return };
        let step = beside.iter().find(|step| step.name.value == *first);
        let need = step.and_then(|step| step.needs.iter().find(|need| need.value == *second));
        let Some(need) = need else { return };
        let circle: Vec<&str> = sorted.circle.iter().flatten().skip(1).copied().collect();
        let message = format!("the steps {} need each other", few(&circle));
        self.report(
            Diagnostic::error("invalid-needs", need.span, message).help("remove one of these `needs`"),
        );
    }

    /// Checks one thing that a step does.
    fn action(&mut self, action: &'a Action) {
        let name = action.verb.value.as_str();
        let Some(verb) = verb(name) else {
            self.touch_action(action);
            let diagnostic =
                Diagnostic::error("unknown-action", action.verb.span, format!("there is no action `{name}`"));
            let known = || VERBS.iter().map(|verb| verb.name);
            let habit = our_verb(name).and_then(|(ours, alone)| Some((verb(ours)?, alone)));
            return self.report(match (habit, closest(name, known())) {
                (Some((ours, true)), _) => diagnostic.help(format!("write `{}`", ours.usage)).fix(
                    format!("change to `{}`", ours.name),
                    action.verb.span,
                    ours.name,
                ),
                (Some((ours, false)), _) => diagnostic.help(format!("write `{}`", ours.usage)),
                (None, Some(near)) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                    format!("change to `{near}`"),
                    action.verb.span,
                    near,
                ),
                (None, None) => diagnostic.help(format!("a step can {}", sentence_list(known(), "or"))),
            });
        };
        if self.is_small_method(action, verb) {
            return self.conditions(action, verb);
        }
        match &action.object {
            Some(object) => {
                self.command = verb.name == "run";
                self.take(object, verb.object, verb.name);
                self.command = false;
            }
            None => self.report(
                Diagnostic::error("invalid-action", action.verb.span, format!("`{name}` does not say what"))
                    .help(format!("write `{}`", verb.usage)),
            ),
        }
        self.method(action, verb);
        self.clauses(action, verb);
        self.conditions(action, verb);
    }

    fn touch_action(&mut self, action: &'a Action) {
        let clauses = action.clauses.iter().map(|clause| &clause.value);
        let conditions =
            action.conditions.iter().flat_map(|condition| condition.selector.iter().chain(&condition.value));
        let all: Vec<&'a Expr> = action.object.iter().chain(clauses).chain(conditions).collect();
        all.into_iter().for_each(|e| self.touch(e));
    }

    /// Checks an object or the value of a clause.
    fn take(&mut self, e: &'a Expr, takes: Takes, taker: &str) {
        let ty = takes.ty();
        let want = Want::new(&ty, taker);
        if takes != Takes::Label {
            return self.expect(e, want);
        }
        let version = Local { name: "version", ty: Type::string(), span: e.span, symbol: None };
        self.with_locals(vec![version], |checker| checker.expect(e, want));
    }

    /// Reports `expect get "URL"`.
    fn is_small_method(&mut self, action: &'a Action, verb: &Verb) -> bool {
        let (true, None, Some(object)) = (verb.probes, &action.method, &action.object) else { return false };
        let ExprKind::Name(word) = &object.kind else { return false };
        let Some(method) = METHODS.iter().find(|method| method.eq_ignore_ascii_case(word)) else {
            return false;
        };
        action.clauses.iter().for_each(|clause| self.touch(&clause.value));
        self.report(
            Diagnostic::error("invalid-action", object.span, "a method is written in capitals")
                .help(format!("write `{method}`"))
                .fix(format!("change to `{method}`"), object.span, *method),
        );
        true
    }

    fn method(&mut self, action: &Action, verb: &Verb) {
        match (&action.method, verb.probes) {
            (Some(method), true) if METHODS.contains(&method.value.as_str()) => {}
            (Some(method), true) => {
                let message = format!("there is no method `{}`", method.value);
                let diagnostic = Diagnostic::error("invalid-action", method.span, message);
                self.report(match closest(&method.value, METHODS) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                        format!("change to `{near}`"),
                        method.span,
                        near,
                    ),
                    None => diagnostic.help(format!("write {}", sentence_list(METHODS, "or"))),
                });
            }
            (None, true) => {
                let Some(object) = &action.object else { return };
                let at = Span::new(object.span.start, object.span.start);
                self.report(
                    Diagnostic::error(
                        "invalid-action",
                        action.verb.span,
                        format!("`{}` does not say how to ask", verb.name),
                    )
                    .help(format!("write `{}`", verb.usage))
                    .fix("ask with `GET`", at, "GET "),
                );
            }
            (Some(method), false) => self.report(
                Diagnostic::error("invalid-action", method.span, format!("`{}` takes no method", verb.name))
                    .help(format!("write `{}`", verb.usage)),
            ),
            (None, false) => {}
        }
    }

    fn clauses(&mut self, action: &'a Action, verb: &'static Verb) {
        let usage = format!("write `{}`", verb.usage);
        let mut given: Vec<(&ClauseRule, Span)> = Vec::new();
        let mut wrong = false;
        let mut clauses = action.clauses.iter();
        while let Some(clause) = clauses.next() {
            let word = clause.keyword.as_ref().map(|word| word.value.as_str());
            let span = clause.keyword.as_ref().map_or(clause.value.span, |word| word.span);
            let Some(rule) = verb.clauses.iter().find(|rule| rule.keyword == word) else {
                wrong = true;
                self.touch(&clause.value);
                if let Some(missing) =
                    clause.keyword.as_ref().and_then(|word| self.left_out(word, verb, action))
                {
                    // What was taken for this word's value is the next keyword, and its value follows.
                    clauses.next().iter().for_each(|next| self.touch(&next.value));
                    let message =
                        format!("`{}` lacks `{missing}` before `{}`", verb.name, word.unwrap_or_default());
                    let before = Span::new(span.start, span.start);
                    self.report(Diagnostic::error("invalid-action", span, message).help(usage.clone()).fix(
                        format!("add `{missing}`"),
                        before,
                        format!("{missing} "),
                    ));
                    continue;
                }
                let message = match word {
                    Some(word) => format!("`{}` takes no `{word}`", verb.name),
                    None => format!("`{}` takes nothing more here", verb.name),
                };
                let diagnostic = Diagnostic::error("invalid-action", span, message).help(usage.clone());
                let known = verb.clauses.iter().filter_map(|rule| rule.keyword);
                let missing = |near: &&str| !given.iter().any(|(rule, _)| rule.keyword == Some(near));
                let near =
                    word.and_then(|word| closest(word, known).or_else(|| only_keyword(verb, word, action)));
                let diagnostic = match word {
                    Some(word) if verb.probes && CONDITIONS.iter().any(|rule| rule.name == word) => {
                        diagnostic
                            .help(format!("it stands between the braces: `{{ status = 200, {word} … }}`"))
                    }
                    _ => diagnostic,
                };
                self.report(match near.filter(missing) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                        format!("change to `{near}`"),
                        span,
                        near,
                    ),
                    None => diagnostic,
                });
                continue;
            };
            if let Some((_, first)) = given.iter().find(|(other, _)| other.keyword == rule.keyword) {
                let what = rule.keyword.unwrap_or("value");
                self.report(
                    Diagnostic::error("invalid-action", span, format!("`{what}` is given twice"))
                        .related(*first, "first here")
                        .help(usage.clone()),
                );
            }
            given.push((rule, span));
            self.take(&clause.value, rule.takes, word.unwrap_or(verb.name));
        }
        let missing = verb.clauses.iter().filter(|rule| rule.required);
        let missing = missing.filter(|rule| !given.iter().any(|(other, _)| other.keyword == rule.keyword));
        let missing: Vec<&str> = missing.map(|rule| rule.keyword.unwrap_or("[\"/*\"]")).collect();
        if !missing.is_empty() && !wrong && action.object.is_some() {
            let message = format!("`{}` lacks {}", verb.name, sentence_list(missing, "and"));
            self.report(Diagnostic::error("invalid-action", action.verb.span, message).help(usage));
        }
    }

    /// The keyword that is left out before a word which is the name of what it takes.
    fn left_out(&mut self, word: &Ident, verb: &'static Verb, action: &Action) -> Option<&'static str> {
        let given = |rule: &&ClauseRule| {
            action
                .clauses
                .iter()
                .any(|clause| clause.keyword.as_ref().map(|one| one.value.as_str()) == rule.keyword)
        };
        let rule = verb.clauses.iter().filter(|rule| rule.required).find(|rule| !given(rule))?;
        let takes = rule.takes.ty();
        let fits = self.scope.get(&word.value).is_some_and(|symbol| symbol.ty.fits(&takes));
        self.touch_name(&word.value);
        rule.keyword.filter(|_| fits)
    }

    fn conditions(&mut self, action: &'a Action, verb: &Verb) {
        if !verb.probes {
            if let Some(first) = action.conditions.first() {
                self.report(
                    Diagnostic::error(
                        "invalid-action",
                        first.subject.span,
                        format!("`{}` takes no conditions", verb.name),
                    )
                    .help(format!("write `{}`", verb.usage)),
                );
            }
            return;
        }
        let tcp = action.method.as_ref().is_some_and(|method| method.value == "TCP");
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for condition in &action.conditions {
            let subject = &condition.subject;
            let Some(rule) = CONDITIONS.iter().find(|rule| rule.name == subject.value) else {
                condition.selector.iter().chain(&condition.value).for_each(|e| self.touch(e));
                self.unknown_condition(condition);
                continue;
            };
            let repeats = matches!(rule.name, "header" | "body");
            if let Some(first) = seen.insert(rule.name, subject.span).filter(|_| !repeats) {
                self.given_twice(subject, first);
            }
            if tcp && !matches!(rule.name, "within" | "every") {
                condition.selector.iter().chain(&condition.value).for_each(|e| self.touch(e));
                self.report(
                    Diagnostic::error("invalid-condition", subject.span, format!("a `TCP` probe sees no {}", rule.name))
                        .help("it only asks whether the port answers: drop the condition, or write `expect GET \"URL\"`"),
                );
                continue;
            }
            self.one_condition(condition, rule);
        }
        let asks = |name: &str| !matches!(name, "within" | "every");
        if !tcp
            && !action.broken
            && !action.conditions.iter().any(|condition| asks(&condition.subject.value))
            && action.method.is_some()
        {
            self.report(
                Diagnostic::warning(
                    "empty-expect",
                    action.verb.span,
                    "any answer passes, also an error page",
                )
                .help("say what is expected: `{ status = 200, within 10m }`"),
            );
        }
    }

    fn unknown_condition(&mut self, condition: &Condition) {
        let subject = &condition.subject;
        let message = format!("`expect` knows no condition `{}`", subject.value);
        let diagnostic = Diagnostic::error("invalid-condition", subject.span, message);
        let known = || CONDITIONS.iter().map(|rule| rule.name);
        let near = match subject.value.as_str() {
            "code" | "status_code" => Some("status"),
            "timeout" | "for" => Some("within"),
            "interval" => Some("every"),
            "https" | "ssl" => Some("tls"),
            other => closest(other, known()),
        };
        self.report(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                format!("change to `{near}`"),
                subject.span,
                near,
            ),
            None => diagnostic.help(format!("it knows {}", sentence_list(known(), "and"))),
        });
    }

    fn one_condition(&mut self, condition: &'a Condition, rule: &ConditionRule) {
        let subject = &condition.subject;
        let usage = format!("write `{}`", rule.usage);
        let wrong = |span: Span, message: String| {
            Diagnostic::error("invalid-condition", span, message).help(usage.clone())
        };
        match (&condition.selector, rule.selector) {
            (Some(selector), true) => self.expect(selector, Want::new(&Type::string(), rule.name)),
            (Some(selector), false) => {
                self.report(wrong(selector.span, format!("`{}` has no parts", rule.name)))
            }
            (None, true) => self.report(wrong(subject.span, format!("`{}` does not say which", rule.name))),
            (None, false) => {}
        }
        let Some(value) = &condition.value else {
            if !rule.bare {
                self.report(wrong(subject.span, format!("`{}` does not say what is expected", rule.name)));
            }
            return;
        };
        match &condition.relation {
            Some(relation) if rule.relations.contains(&relation.value.as_str()) => {}
            Some(relation) => {
                let message = format!("`{}` is not asked with `{}`", rule.name, relation.value);
                let diagnostic = wrong(relation.span, message);
                let value_at = Span::new(relation.span.start, value.span.start);
                self.report(match (rule.relations, relation.value.as_str()) {
                    ([], _) => diagnostic.fix(format!("drop `{}`", relation.value), value_at, ""),
                    (relations, "==") if relations.contains(&"=") => {
                        diagnostic.fix("write `=`", relation.span, "=")
                    }
                    (relations, word) => match closest(word, relations.iter().copied()) {
                        Some(near) => diagnostic.fix(format!("change to `{near}`"), relation.span, near),
                        None => diagnostic,
                    },
                });
            }
            None if rule.relations.is_empty() => {}
            None => {
                let at = Span::new(value.span.start, value.span.start);
                let diagnostic = wrong(subject.span, format!("`{}` does not say how to compare", rule.name));
                self.report(match rule.relations {
                    ["="] => diagnostic.fix("add the `=`", at, "= "),
                    _ => diagnostic,
                });
            }
        }
        let ty = rule.value();
        self.expect(value, Want::new(&ty, rule.name));
    }
}

fn verb(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}

/// The only keyword of a verb that must stand there, where another short word stands in its place.
fn only_keyword(verb: &Verb, word: &str, action: &Action) -> Option<&'static str> {
    let mut required = verb.clauses.iter().filter(|rule| rule.required);
    let rule = required.next().filter(|_| required.next().is_none())?;
    (action.clauses.len() == 1 && word.len() < 5).then_some(rule.keyword)?
}

fn steps_of(part: &RolloutPart) -> &[Step] {
    match part {
        RolloutPart::Step(step) => std::slice::from_ref(step),
        RolloutPart::Parallel(steps, _) => steps,
        RolloutPart::Broken(_) => &[],
    }
}
