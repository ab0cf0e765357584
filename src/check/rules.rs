//! The rules about a file as a whole.

use super::items::{keyword, top_level_only};
use super::load::Loaded;
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::syntax::ast::{File, Item, ItemKind};

/// The rules about a file as a whole.
pub(super) fn rules(file: &File, root: bool, loaded: &Loaded, out: &mut Vec<Diagnostic>) {
    let find =
        |is: &dyn Fn(&ItemKind) -> bool| file.items.iter().filter(|item| is(&item.kind)).collect::<Vec<_>>();
    let pipelines = find(&|kind| matches!(kind, ItemKind::Pipeline(_)));
    if let [first, rest @ ..] = &pipelines[..] {
        for again in rest {
            out.push(
                Diagnostic::error(
                    "duplicate-pipeline",
                    keyword(again.span, "pipeline"),
                    "a file has one pipeline",
                )
                .related(keyword(first.span, "pipeline"), "the first is here")
                .help("remove one of them"),
            );
        }
    }
    let whole_pipelines = find(&|kind| {
        matches!(
            kind,
            ItemKind::Pipeline(_) | ItemKind::Stage(_) | ItemKind::Rollout(_) | ItemKind::Secret(_)
        )
    });
    if !root {
        for item in whole_pipelines {
            let word = match top_level_only(&item.kind) {
                Some("production") | None => "stage",
                Some(word) => word,
            };
            if word != "secret" {
                let message = format!("a module has no `{word}`");
                out.push(
                    Diagnostic::error("misplaced-declaration", keyword(item.span, word), message)
                        .help("it stands in the file that uses the module"),
                );
            }
        }
        return;
    }
    let makes = |item: &&Item| {
        matches!(item.kind, ItemKind::Resource(_) | ItemKind::For(_) | ItemKind::If(_) | ItemKind::Use(_))
    };
    let module = file.items.iter().any(|item| matches!(item.kind, ItemKind::Param(_) | ItemKind::Output(_)));
    if let Some(first) = file.items.iter().find(makes)
        && pipelines.is_empty()
        && (!module || !whole_pipelines.is_empty())
        && loaded.whole
    {
        let at = match &first.kind {
            ItemKind::Resource(resource) => resource.name.span,
            _ => Span::new(first.span.start, first.span.start + 2),
        };
        let name =
            std::path::Path::new(&loaded.name).file_stem().and_then(|stem| stem.to_str()).unwrap_or("NAME");
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        out.push(
            Diagnostic::error(
                "missing-pipeline",
                at,
                "the file makes resources, but does not say for which pipeline",
            )
            .help(format!("begin with `pipeline {name} {{ region = \"us-east-1\" }}`")),
        );
    }
}
