//! A plan as people read it.

use std::fmt::Write as _;

use super::change::{Action, Change, Deployment, Plan, PlanNode};
use super::diff::same;
use crate::eval::{Attrs, Value, show};
use crate::schema::OnChange;

/// How many nodes a plan would treat in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Made new.
    pub create: usize,
    /// Changed in place.
    pub change: usize,
    /// Deleted and made anew.
    pub replace: usize,
    /// Deleted.
    pub delete: usize,
    /// Left as they are; look-ups do not count.
    pub unchanged: usize,
}

impl Totals {
    /// Counts a plan's nodes.
    pub fn of(plan: &Plan) -> Self {
        let count = |action| plan.nodes.iter().filter(|node| node.action == action).count();
        Self {
            create: count(Action::Create),
            change: count(Action::Update),
            replace: count(Action::Replace),
            delete: count(Action::Delete),
            unchanged: count(Action::Keep),
        }
    }

    /// Whether a run would change nothing.
    pub fn nothing_to_do(&self) -> bool {
        self.create + self.change + self.replace + self.delete == 0
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} to create, {} to change, {} to replace, {} to delete, {} unchanged",
            self.create, self.change, self.replace, self.delete, self.unchanged
        )
    }
}

/// The plan as text: a paragraph a resource, its separate blocks (rules) below it, and the totals. `width` is the
/// terminal's width in characters; longer values are broken over lines.
pub fn render(plan: &Plan, colour: bool, width: usize) -> String {
    let mut page = Page { out: String::new(), colour, width };
    for node in plan.nodes.iter().filter(|node| parent(plan, node).is_none()) {
        page.node(node, 0, &node.id);
        for child in plan.nodes.iter().filter(|child| parent(plan, child).is_some_and(|p| p.id == node.id)) {
            page.node(child, 4, child.id.get(node.id.len() + 1..).unwrap_or(&child.id));
        }
    }
    let _ = writeln!(page.out, "\n{}", Totals::of(plan));
    for deployment in &plan.deployments {
        let _ = writeln!(page.out, "{}", said(deployment));
    }
    page.out
}

/// "web runs v-1, rolled back from v-2; the rollout would deploy v-2"
fn said(deployment: &Deployment) -> String {
    let runs = deployment.runs.as_deref().unwrap_or("no version of this application yet");
    let from = deployment.rolled_back.as_ref();
    let from = from.map(|from| format!(", rolled back from {from}")).unwrap_or_default();
    let would = match &deployment.would {
        Some(label) if deployment.runs.as_ref() == Some(label) => {
            ", which the rollout would leave".to_owned()
        }
        Some(label) => format!("; the rollout would deploy {label}"),
        None => "; the rollout would deploy what it builds".to_owned(),
    };
    format!("{} runs {runs}{from}{would}", deployment.environment)
}

/// The resource of a separate block.
fn parent<'a>(plan: &'a Plan, node: &PlanNode) -> Option<&'a PlanNode> {
    let (kind, block) = node.kind.split_once('.')?;
    plan.nodes.iter().find(|other| {
        let rest = node.id.strip_prefix(other.id.as_str()).and_then(|rest| rest.strip_prefix('.'));
        other.kind == kind && rest.is_some_and(|rest| rest.starts_with(block))
    })
}

/// The mark of an action and its ANSI colour.
fn mark(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Create => ("  +", "32"),
        Action::Update => ("  ~", "33"),
        Action::Replace => ("-/+", "35"),
        Action::Delete => ("  -", "31"),
        Action::Keep => ("  =", "2"),
        Action::Read => (" <=", "36"),
    }
}

struct Page {
    out: String,
    colour: bool,
    width: usize,
}

impl Page {
    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn node(&mut self, node: &PlanNode, indent: usize, id: &str) {
        let (mark, colour) = mark(node.action);
        let pad = " ".repeat(indent);
        let title = match node.kind.split_once('.') {
            Some((_, block)) => {
                // A rule reads as it was written: `allow tcp 3306 from web`.
                let header = id.strip_prefix(block).unwrap_or(id);
                format!("{block} {}", header.trim_start_matches('[').trim_end_matches(']'))
            }
            None => format!("{} {id}", node.kind),
        };
        let mark = self.paint(colour, mark);
        let mut line = format!("{pad}{mark} {}", self.paint("1", &title));
        let named = node.name != id && !node.name.is_empty() && !node.kind.contains('.');
        if named && node.action != Action::Keep {
            let _ = write!(line, "  {}", self.paint("2", &node.name));
        }
        if !node.reason.is_empty() && !matches!(node.action, Action::Create | Action::Read) {
            let _ = write!(line, "  ({})", node.reason);
        }
        let _ = writeln!(self.out, "{line}");
        let shown: Vec<&Change> = match node.action {
            Action::Keep | Action::Read | Action::Delete => Vec::new(),
            // The line of a new rule says it all.
            Action::Create if node.kind.contains('.') => Vec::new(),
            Action::Create => node.changes.iter().filter(|change| says_something(&change.after)).collect(),
            Action::Update | Action::Replace => node.changes.iter().collect(),
        };
        let longest = shown.iter().map(|change| change.attribute.len()).max().unwrap_or(0).min(24);
        for change in shown {
            if node.action == Action::Create {
                self.given(&change.attribute, &change.after, indent + 6, longest);
            } else {
                self.changed(change, indent + 6, longest);
            }
        }
    }

    /// An attribute of something new.
    fn given(&mut self, name: &str, value: &Value, indent: usize, longest: usize) {
        let pad = " ".repeat(indent);
        match value {
            Value::List(records) if records.iter().any(|record| matches!(record, Value::Map(_))) => {
                for record in records {
                    self.block(name, record, indent);
                }
            }
            value => {
                let short = format!("{pad}{name:longest$} = {}", show(value));
                match value {
                    Value::Map(fields) if !self.fits(&short) => {
                        let _ = writeln!(self.out, "{pad}{name:longest$} = {{");
                        self.fields(fields, indent + 2);
                        let _ = writeln!(self.out, "{pad}}}");
                    }
                    Value::List(items) if !self.fits(&short) => {
                        let _ = writeln!(self.out, "{pad}{name:longest$} = [");
                        for item in items {
                            let _ = writeln!(self.out, "{pad}  {}", show(item));
                        }
                        let _ = writeln!(self.out, "{pad}]");
                    }
                    _ => {
                        let _ = writeln!(self.out, "{short}");
                    }
                }
            }
        }
    }

    /// A nested block of something new.
    fn block(&mut self, name: &str, record: &Value, indent: usize) {
        let pad = " ".repeat(indent);
        let fields: Attrs = record
            .fields()
            .map(|fields| fields.iter().filter(|(_, v)| says_something(v)))
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let short = format!("{pad}{name} {}", show(&Value::Map(fields.clone())));
        if self.fits(&short) {
            let _ = writeln!(self.out, "{short}");
        } else {
            let _ = writeln!(self.out, "{pad}{name} {{");
            self.fields(&fields, indent + 2);
            let _ = writeln!(self.out, "{pad}}}");
        }
    }

    fn fields(&mut self, fields: &Attrs, indent: usize) {
        let longest = fields.keys().map(String::len).max().unwrap_or(0).min(24);
        for (name, value) in fields {
            self.given(name, value, indent, longest);
        }
    }

    /// An attribute that differs: maps key by key, everything else before and after.
    fn changed(&mut self, change: &Change, indent: usize, longest: usize) {
        let pad = " ".repeat(indent);
        let name = &change.attribute;
        let note = match change.on_change {
            OnChange::Update => "",
            OnChange::Replace => "  # forces replacement",
            OnChange::Fixed => "  # cannot be changed",
        };
        match (&change.before, &change.after) {
            (Some(Value::Map(before)), Value::Map(after)) => {
                let _ = writeln!(self.out, "{pad}{name}{note}");
                self.keys(before, after, indent + 2);
            }
            (Some(Value::List(before)), Value::List(after)) if before.len() + after.len() > 2 => {
                let _ = writeln!(self.out, "{pad}{name}{note}");
                let gone = before.iter().filter(|item| !after.iter().any(|other| same(item, other)));
                let new = after.iter().filter(|item| !before.iter().any(|other| same(other, item)));
                let gone: Vec<String> = gone.map(|item| format!("- {}", show(item))).collect();
                let new: Vec<String> = new.map(|item| format!("+ {}", show(item))).collect();
                for line in gone.into_iter().chain(new) {
                    let _ = writeln!(self.out, "{pad}  {line}");
                }
            }
            (before, after) => {
                let before = before.as_ref().map(|value| format!("{} → ", show(value))).unwrap_or_default();
                let _ = writeln!(self.out, "{pad}{name:longest$} = {before}{}{note}", show(after));
            }
        }
    }

    fn keys(&mut self, before: &Attrs, after: &Attrs, indent: usize) {
        let pad = " ".repeat(indent);
        for (key, new) in after {
            match before.get(key) {
                Some(old) if same(old, new) => {}
                Some(old) => {
                    let _ = writeln!(self.out, "{pad}~ {key} = {} → {}", show(old), show(new));
                }
                None => {
                    let _ = writeln!(self.out, "{pad}+ {key} = {}", show(new));
                }
            }
        }
        for (key, old) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
            let _ = writeln!(self.out, "{pad}- {key} = {}", show(old));
        }
    }

    fn fits(&self, line: &str) -> bool {
        line.chars().count() <= self.width.max(40)
    }
}

/// Whether a given value is worth a line of a creation.
fn says_something(value: &Value) -> bool {
    match value {
        Value::None => false,
        Value::String(text) => !text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(fields) => !fields.is_empty(),
        _ => true,
    }
}
