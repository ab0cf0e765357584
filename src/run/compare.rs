//! What differs between a target and what exists, and whose what exists is.

use indexmap::IndexMap;

use super::aside::original;
use super::context::{Context, Failure};
use super::target::{Target, attribute, block, handles_of, owner_tags, title};
use crate::base::Span;
use crate::cloud::{Driver, Present, Want};
use crate::eval::{Attrs, Value};
use crate::journal::Known;
use crate::plan::{self, Change};
use crate::schema::{Kind, OnChange};

/// The attributes that differ.
pub(super) fn changes(
    ctx: &Context<'_>,
    target: &Target,
    driver: &dyn Driver,
    want: &Want,
    present: &Present,
    changed_secrets: &[String],
) -> Vec<Change> {
    let desired = driver.desired(want);
    let mut changes = match (block(ctx, &target.kind), ctx.job.schema.kind(&target.kind)) {
        (Some(block), _) => plan::diff_block(block, &desired, &present.attrs, changed_secrets),
        (_, Some(kind)) => plan::diff(kind, &desired, &present.attrs, changed_secrets),
        _ => plan::diff(&no_schema(&target.kind), &desired, &present.attrs, changed_secrets),
    };
    // A driver may leave out of `desired` what cannot be compared; that it changed counts all the same.
    for name in changed_secrets {
        if let (Some(after), false) = (want.attrs.get(name), changes.iter().any(|c| c.attribute == *name)) {
            // What is secret of another value is how to get at it, such as the key of a DNS provider.
            let secret = attribute(ctx, &target.kind, name).filter(|_| matches!(after, Value::Secret(_)));
            let on_change = secret.map(|a| a.on_change).unwrap_or_default();
            changes.push(Change { attribute: name.clone(), before: None, after: after.clone(), on_change });
        }
    }
    changes.extend(unreadable(ctx, target, &desired, present));
    for change in &mut changes {
        change.on_change = driver.on_change(want, present, change);
    }
    changes
}

/// Changes of attributes that cannot be changed in place and that AWS does not give back, such as the CNAME prefix of an
/// environment, which a swap takes elsewhere: they are compared with what was applied.
fn unreadable(ctx: &Context<'_>, target: &Target, desired: &Attrs, present: &Present) -> Vec<Change> {
    let known = ctx.with(|state| state.history.nodes.get(&target.node).cloned());
    let Some(known) = known.filter(|known| known.ready && !target.part) else { return Vec::new() };
    let mut changes = Vec::new();
    for (name, after) in desired.iter().filter(|(name, _)| !present.attrs.contains_key(*name)) {
        let on_change = attribute(ctx, &target.kind, name).filter(|a| !a.write_only).map(|a| a.on_change);
        let (Some(on_change), Some(before)) = (on_change, known.attrs.get(name)) else { continue };
        // A resource may go by another name in the file and be the same.
        let plain = |value: &Value| value.is_known() && handles_of(value).is_empty();
        let given = target.attrs.get(name).unwrap_or(&Value::None);
        if on_change != OnChange::Update && plain(before) && plain(given) && before != given {
            let (before, after) = (Some(before.clone()), after.clone());
            changes.push(Change { attribute: name.clone(), before, after, on_change });
        }
    }
    changes
}

/// The attributes whose fingerprint is not the one in the journal. For something that was adopted nothing is known, so
/// all of them are.
pub(super) fn changed_secrets(ctx: &Context<'_>, target: &Target) -> Vec<String> {
    if target.part || target.existing {
        return Vec::new();
    }
    let now = target.fingerprints(ctx);
    ctx.with(|state| {
        let known = state.history.nodes.get(&target.node);
        now.into_iter()
            .filter(|(name, print)| known.and_then(|known| known.fingerprints.get(name)) != Some(print))
            .map(|(name, _)| name)
            .collect()
    })
}

/// A kind without attributes, for what rollout actions make.
fn no_schema(name: &str) -> Kind {
    Kind {
        name: name.to_owned(),
        title: name.to_owned(),
        service: String::new(),
        existing_only: false,
        attributes: IndexMap::new(),
        lookups: IndexMap::new(),
        outputs: IndexMap::new(),
        blocks: IndexMap::new(),
        requires: Vec::new(),
        docs: String::new(),
        span: Span::default(),
    }
}

/// What a change that cannot be made is told with.
pub(super) fn refused(target: &Target, changes: &[Change]) -> Result<(), Failure> {
    match changes.iter().find(|change| change.on_change == OnChange::Fixed) {
        Some(change) => Err(Failure::new(format!("`{}` cannot be changed", change.attribute))
            .help(format!("make a new resource beside `{}`, or take the change back", target.node))),
        None => Ok(()),
    }
}

/// Fails when what exists under the wanted name is not ours: it bears another owner's tags, or none and nothing in the
/// journal says that we made it.
pub(super) fn ours(ctx: &Context<'_>, target: &Target, present: &Present) -> Result<(), Failure> {
    if target.part || target.existing {
        return Ok(());
    }
    // What was only looked up is not ours, also when the file drops the word `existing`.
    let known = ctx.with(|state| state.history.nodes.get(&target.node).cloned());
    let known = known.filter(|known| !known.existing);
    let Some(tags) = &present.tags else { return untagged(ctx, target, known.as_ref()) };
    let wanted = owner_tags(ctx, &target.node);
    if wanted.iter().all(|(name, value)| tags.get(name) == Some(value)) {
        return Ok(());
    }
    let other = wanted.iter().any(|(name, _)| tags.contains_key(name));
    if !other && (made(ctx, target, known.as_ref(), present) || target.is_block()) {
        return Ok(());
    }
    let [pipeline, stage, node] = &wanted;
    // What was set aside may still bear the tag of what it was.
    let of_stage = [pipeline, stage].iter().all(|(name, value)| tags.get(name) == Some(value));
    let same = known.as_ref().is_some_and(|known| known.id.as_deref() == Some(&present.id));
    if original(&target.node).is_some() && of_stage && same {
        return Ok(());
    }
    let what = what(ctx, target);
    let owner = |tag: &(String, String)| tags.get(&tag.0).map_or("?", String::as_str);
    let message = match other {
        true => format!(
            "{what} exists already and belongs to `{}` of pipeline `{}`, stage `{}`",
            owner(node),
            owner(pipeline),
            owner(stage)
        ),
        false => format!("{what} exists already, and this pipeline did not make it"),
    };
    let failure = Failure::new(message);
    Err(match other {
        true => failure.help(format!("choose another {}", identity(ctx, target))),
        false => failure.help(adopt(ctx, target)),
    })
}

/// Where AWS keeps no tags, only the journal can say whose something is. The rules of our own group are ours.
fn untagged(ctx: &Context<'_>, target: &Target, known: Option<&Known>) -> Result<(), Failure> {
    if known.is_some_and(|known| begun(ctx, target, known)) || target.is_block() {
        return Ok(());
    }
    let message = format!("{} exists already, and this pipeline did not make it", what(ctx, target));
    Err(Failure::new(message).help(format!("delete it by hand first; or {}", adopt(ctx, target))))
}

/// Whether the journal says that we made what exists.
fn made(ctx: &Context<'_>, target: &Target, known: Option<&Known>, present: &Present) -> bool {
    known.is_some_and(|known| {
        begun(ctx, target, known) || known.id.as_deref().is_some_and(|id| id == present.id)
    })
}

/// Whether it was made, or a call that may have made it was begun.
fn begun(ctx: &Context<'_>, target: &Target, known: &Known) -> bool {
    let doubt = |state: &mut super::context::State| {
        state.history.in_doubt.values().any(|(node, op)| *node == target.node && op.creates)
    };
    known.ready || known.created.is_some() || ctx.with(doubt)
}

/// "security group `backend`"
fn what(ctx: &Context<'_>, target: &Target) -> String {
    format!("{} `{}`", title(ctx, &target.kind), target.name)
}

fn adopt(ctx: &Context<'_>, target: &Target) -> String {
    let stage = ctx.job.manifest.stage.as_ref().map(|stage| format!(" --stage {stage}")).unwrap_or_default();
    format!(
        "adopt it with `vpipe import {} {} --adopt {}{stage}`; or choose another {}",
        target.kind,
        known_by(ctx, target),
        ctx.job.file,
        identity(ctx, target)
    )
}

/// The name by which the user knows it: a zone and a record have no name but their domain.
fn known_by<'t>(ctx: &Context<'_>, target: &'t Target) -> &'t str {
    let kind = ctx.job.schema.kind(&target.kind);
    let named = kind.is_some_and(|kind| kind.attributes.values().any(|attribute| attribute.identity));
    let domain = ["domain", "name"].into_iter().find_map(|name| target.attrs.get(name)?.as_str());
    domain.filter(|_| !named).unwrap_or(&target.name)
}

/// How the user chooses another name.
fn identity(ctx: &Context<'_>, target: &Target) -> String {
    let kind = ctx.job.schema.kind(&target.kind);
    let attribute = kind.and_then(|kind| kind.attributes.values().find(|a| a.identity));
    attribute.map_or_else(|| "name".to_owned(), |a| format!("name with `{} = …`", a.name))
}
