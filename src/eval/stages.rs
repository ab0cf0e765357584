//! All stages of a program at once, as `check` looks at them.

use indexmap::IndexMap;

use super::evaluate::{Inputs, Secrets, findings};
use crate::base::{in_parts, parts_for, sentence_list};
use crate::check::{Checked, Program};
use crate::diag::{Allow, Diagnostic, Severity};
use crate::syntax::ast::ItemKind;

/// Codes whose warnings hang on the text alone, not on values.
const OF_THE_TEXT: [&str; 4] = ["empty-expect", "empty-step", "shadowed-name", "unused-name"];

/// All that there is to say about a file: names and types first; only where they are right, the values of every stage.
/// Graded as the user wishes, in order of place.
pub fn examine(mut checked: Checked) -> Checked {
    let mut found = std::mem::take(&mut checked.diagnostics);
    let wrong = |found: &[Diagnostic]| found.iter().any(|one| one.severity == Severity::Error);
    if let (Some(program), false) = (&checked.program, wrong(&found)) {
        found.extend(check_stages(program));
    }
    // Where something is wrong not all warnings were looked for.
    if let (Some(program), false) = (&checked.program, wrong(&found)) {
        let unused = checked.policy.unused(&found).filter(|(allow, _)| concerns(allow, program));
        let unused: Vec<Diagnostic> = unused.map(|(_, finding)| finding).collect();
        found.extend(unused);
    }
    found.sort_by_key(|one| (one.span, one.code));
    checked.diagnostics = checked.policy.grade(found);
    checked
}

/// Whether this program can tell that an allow is not needed: a module may need it with other values, in another
/// program.
fn concerns(allow: &Allow, program: &Program) -> bool {
    let file = program.sources.file(allow.span).map(|file| file.base);
    let pipeline = program.root.ast.items.iter().any(|item| matches!(item.kind, ItemKind::Pipeline(_)));
    file == Some(0) && (pipeline || OF_THE_TEXT.contains(&allow.code))
}

/// What `vpipe check` finds by evaluating: every stage, or the file once where it has none, with
/// [`Secrets::Unread`]. What several stages find alike is said once; what only some find names them.
pub fn check_stages(program: &Program) -> Vec<Diagnostic> {
    let stages: Vec<Option<&str>> = match &program.root.stages[..] {
        [] => vec![None],
        stages => stages.iter().map(|stage| Some(stage.name.as_str())).collect(),
    };
    let mut found: Vec<(Diagnostic, Vec<&str>)> = Vec::new();
    let mut places: IndexMap<(u32, u32, &'static str), Vec<usize>> = IndexMap::new();
    for (stage, found_there) in stages.iter().zip(findings_of(&stages, program)) {
        for finding in found_there {
            let at = places.entry((finding.span.start, finding.span.end, finding.code)).or_default();
            let known =
                at.iter().copied().find(|at| found.get(*at).is_some_and(|(known, _)| *known == finding));
            match known.and_then(|at| found.get_mut(at)) {
                Some((_, names)) => names.extend(stage),
                None => {
                    at.push(found.len());
                    found.push((finding, stage.iter().copied().collect()));
                }
            }
        }
    }
    let mut all: Vec<Diagnostic> = found
        .into_iter()
        .map(|(finding, names)| if names.len() < stages.len() { in_stages(finding, &names) } else { finding })
        .collect();
    all.sort_by_key(|finding| finding.span);
    all
}

/// What is found in each stage; those of a large file are looked at side by side.
fn findings_of(stages: &[Option<&str>], program: &Program) -> Vec<Vec<Diagnostic>> {
    let look = |stage: &Option<&str>| {
        let inputs = Inputs {
            stage: stage.map(str::to_owned),
            set: IndexMap::new(),
            secrets: Secrets::Unread,
            stored: Default::default(),
        };
        findings(program, &inputs)
    };
    let parts = parts_for(program.root.ast.items.len());
    let look = |part: &[Option<&str>]| part.iter().map(look).collect::<Vec<_>>();
    in_parts(stages, parts, look, look).into_iter().flatten().collect()
}

fn in_stages(finding: Diagnostic, names: &[&str]) -> Diagnostic {
    let word = if names.len() == 1 { "stage" } else { "stages" };
    match names {
        [] => finding,
        names => {
            let list = sentence_list(names.iter().copied(), "and");
            Diagnostic { message: format!("{}, in {word} {list}", finding.message), ..finding }
        }
    }
}
