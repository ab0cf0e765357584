//! The user's files in a rollout: which step makes one that another takes, and what templates ask for.

use std::path::Path;

use super::builtins::read;
use super::evaluator::Evaluator;
use super::value::{Attrs, Value};
use crate::base::{Span, closest};
use crate::diag::Diagnostic;
use crate::syntax::ast::{self, Expr};

/// What the actions of a rollout do with files, in the order in which they are done.
#[derive(Debug, Default)]
pub(super) struct Artifacts {
    /// The number of the step or parallel group at hand.
    pub(super) group: usize,
    /// Whether a command has been run, which may have made anything.
    ran: bool,
    made: Vec<Touch>,
    taken: Vec<Touch>,
}

/// A file that an action makes or takes.
#[derive(Debug)]
struct Touch {
    path: String,
    span: Span,
    group: usize,
    /// Whether it was made, or may have been, before it is taken.
    there: bool,
}

impl<'a> Evaluator<'a> {
    /// Notes which files an action takes and makes.
    pub(super) fn note_files(
        &mut self,
        verb: &str,
        action: &ast::Action,
        object: &Value,
        clause: impl Fn(&str) -> Option<Value>,
    ) {
        let span = action.object.as_ref().map_or(action.span, |object| object.span);
        let place = |name: &str| {
            let found =
                action.clauses.iter().find(|one| one.keyword.as_ref().is_some_and(|word| word.value == name));
            found.map_or(action.span, |one| one.value.span)
        };
        match verb {
            "deploy" | "upload" => self.takes(object, span),
            "bundle" => {
                object.items().iter().for_each(|one| self.takes(one, span));
                self.makes(clause("to"), place("to"));
            }
            "render" => self.makes(clause("to"), place("to")),
            "run" => {
                self.makes(clause("produces"), place("produces"));
                self.artifacts.ran = true;
            }
            _ => {}
        }
    }

    fn takes(&mut self, path: &Value, span: Span) {
        let Value::String(path) = path else { return };
        let files = &mut self.artifacts;
        let there = files.ran || files.made.iter().any(|made| made.path == *path);
        files.taken.push(Touch { path: path.clone(), span, group: files.group, there });
    }

    fn makes(&mut self, path: Option<Value>, span: Span) {
        let Some(Value::String(path)) = path else { return };
        let files = &mut self.artifacts;
        files.made.push(Touch { path, span, group: files.group, there: true });
    }

    /// Warns of files that are taken before a step makes them.
    pub(super) fn taken_too_early(&mut self) {
        let files = std::mem::take(&mut self.artifacts);
        for taken in files.taken.iter().filter(|taken| !taken.there) {
            let later = |made: &&Touch| made.path == taken.path && taken.span.start < made.span.start;
            let Some(made) = files.made.iter().find(later) else { continue };
            let help = match made.group == taken.group {
                true => "actions are done in the order written: move it after what makes the file",
                false => "steps run in the order written: move this step after the one that makes the file",
            };
            self.report(
                Diagnostic::warning(
                    "used-too-early",
                    taken.span,
                    format!("`{}` is made only later", taken.path),
                )
                .label("taken here")
                .related(made.span, "made here")
                .help(help),
            );
        }
    }

    /// Reports a template that is not there although one of a like name is, and places of it without values or values
    /// without places. A template that a step makes is not looked at.
    pub(super) fn template_fits(
        &mut self,
        path: &Value,
        at: &'a Expr,
        with: &Attrs,
        action: &'a ast::Action,
    ) {
        let Value::String(path) = path else { return };
        if self.artifacts.made.iter().any(|made| made.path == *path) {
            return;
        }
        let file = self.program.root.folder.join(path);
        let Ok(text) = read(&file) else { return self.missing_template(path, &file, at) };
        let (mut places, mut line) = (Vec::new(), 1);
        let mut rest = text.as_str();
        while let Some(start) = rest.find("${") {
            let (before, place) = rest.split_at(start);
            line += before.matches('\n').count();
            let after = place.get(2..).unwrap_or_default();
            let end = after.find(['}', '\n']).filter(|end| after.get(*end..=*end) == Some("}"));
            if let (Some(name), false) = (end.and_then(|end| after.get(..end)), before.ends_with('$')) {
                places.push((name, line));
            }
            rest = after;
        }
        let mut told: Vec<&str> = Vec::new();
        for (name, line) in &places {
            if with.contains_key(*name) || told.contains(name) {
                continue;
            }
            told.push(name);
            let message = format!("line {line} of `{path}` asks for `${{{name}}}`, which is not given");
            let diagnostic = Diagnostic::error("template-mismatch", at.span, message);
            self.report(match closest(name, with.keys().map(String::as_str)) {
                Some(near) => diagnostic.help(format!("`{near}` is given: rename one of them")),
                None => diagnostic.help(format!("add `{name} = …` after `with`")),
            });
        }
        let unused = with.keys().filter(|name| !places.iter().any(|(place, _)| place == name));
        let unused: Vec<String> = unused.cloned().collect();
        if !told.is_empty() {
            return;
        }
        for name in unused {
            let span = key(action, &name).unwrap_or(at.span);
            self.report(
                Diagnostic::error("template-mismatch", span, format!("`{path}` has no `${{{name}}}`"))
                    .help(format!("leave `{name}` out, or put `${{{name}}}` into the template")),
            );
        }
    }

    fn missing_template(&mut self, path: &str, file: &Path, at: &Expr) {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if file.exists() {
            return;
        }
        let entries = file.parent().and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten();
        let mut others: Vec<String> = entries
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .collect();
        others.sort();
        let Some(near) = closest(&name, others.iter().map(String::as_str)) else { return };
        let right = path
            .strip_suffix(name.as_str())
            .map_or_else(|| near.to_owned(), |folder| format!("{folder}{near}"));
        self.report(
            Diagnostic::error("unreadable-file", at.span, format!("there is no `{path}`"))
                .help(format!("did you mean `{right}`?")),
        );
    }
}

/// Where a name is given after `with`.
fn key(action: &ast::Action, name: &str) -> Option<Span> {
    let values = action.clauses.iter().filter_map(|clause| match &clause.value.kind {
        ast::ExprKind::Record(body) => Some(&body.entries),
        _ => None,
    });
    values.flatten().find_map(|entry| match entry {
        ast::Entry::Attribute(one) if one.name.value == name => Some(one.name.span),
        _ => None,
    })
}
