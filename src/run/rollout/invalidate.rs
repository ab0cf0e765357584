//! `invalidate` and `swap`: what is only done when something new was deployed.

use super::super::context::{Failure, Stop};
use super::super::pursuit::Pursuit;
use super::super::target::Target;
use super::act::{Act, Done};
use super::deploy::{attrs, text_output};
use crate::cloud::Observed;
use crate::eval::{ActionKind, Attrs, Value};

pub(super) async fn invalidate(act: &Act<'_, '_>, distribution: &str, paths: &Value) -> Result<Done, Stop> {
    let mut texts = Vec::new();
    for path in paths.items() {
        texts.push(act.text("a path", path)?);
    }
    act.say(format!("invalidate {distribution} {}", texts.join(", ")));
    let id = text_output(act, distribution, "id")
        .ok_or_else(|| Failure::new(format!("the id of `{distribution}` is not known")))?;
    let fingerprint = news_fingerprint(act, &[&id, &texts.join("\n")]);
    if let Some(done) = nothing_new(act, &fingerprint) {
        act.started(Attrs::new())?;
        return Ok(done);
    }
    act.started(Attrs::new())?;
    let part = attrs([("distribution", id.as_str().into()), ("paths", texts.clone().into())]);
    let part = act.part("invalidation", "cloudfront.invalidation", &id, part, &[distribution]);
    let made = act.make(part).await?;
    let id = made.present.outputs.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let facts = attrs([("fingerprint", fingerprint.into()), ("id", id.into())]);
    Ok(Done { result: "removed from all caches".to_owned(), facts })
}

pub(super) async fn swap(act: &Act<'_, '_>, a: &str, b: &str) -> Result<Done, Stop> {
    act.say(format!("swap {a} with {b}"));
    let fingerprint = news_fingerprint(act, &[a, b]);
    let begun = act.began_with().is_some_and(|facts| facts.contains_key("a_cname"));
    if !begun && let Some(done) = nothing_new(act, &fingerprint) {
        act.started(Attrs::new())?;
        return Ok(done);
    }
    let cname = |node: &str| {
        text_output(act, node, "cname")
            .ok_or_else(|| Failure::new(format!("the CNAME of `{node}` is not known")))
    };
    // Recorded before the first call: swapping twice would undo it.
    let facts = act.started(attrs([("a_cname", cname(b)?.into()), ("b_cname", cname(a)?.into())]))?;
    let fact = |name: &str| facts.get(name).cloned().unwrap_or(Value::None);
    let (a_name, b_name) = (act.name_of(a), act.name_of(b));
    let part = attrs([
        ("a", a_name.as_str().into()),
        ("b", b_name.as_str().into()),
        ("a_cname", fact("a_cname")),
        ("b_cname", fact("b_cname")),
    ]);
    act.make(act.part("swap", "beanstalk.swap", &format!("{a_name}/{b_name}"), part, &[a, b])).await?;
    look_again(act, a).await?;
    look_again(act, b).await?;
    let result = format!("{a} answers at {}", text_output(act, a, "cname").unwrap_or_default());
    Ok(Done { result, facts: attrs([("fingerprint", fingerprint.into())]) })
}

/// After a swap an environment has other outputs.
async fn look_again(act: &Act<'_, '_>, node: &str) -> Result<(), Stop> {
    let Some(manifest) = act.ctx.job.manifest.nodes.get(node) else { return Ok(()) };
    let mut pursuit = Pursuit::new(act.ctx, Target::of(act.ctx, manifest))?;
    if let Observed::Present(present) = pursuit.observe().await? {
        act.ctx.with(|state| state.live.insert(node.to_owned(), *present));
    }
    Ok(())
}

/// The action need not be done when nothing was deployed or uploaded since it was last done.
fn nothing_new(act: &Act<'_, '_>, fingerprint: &str) -> Option<Done> {
    let (last, news) = act.ctx.with(|state| {
        let last = state.history.facts.get(&(act.step.to_owned(), act.index)).cloned();
        let news = state.history.progress.actions.values();
        let news = news.into_iter().any(|facts| facts.get("changed") == Some(&Value::Bool(true)));
        (last, news)
    });
    let facts = last.filter(|facts| facts.get("fingerprint").and_then(Value::as_str) == Some(fingerprint))?;
    (!news).then(|| Done { result: "nothing new was deployed, nothing to do".to_owned(), facts })
}

/// A fingerprint of what the rollout has deployed and uploaded so far, and of some texts.
fn news_fingerprint(act: &Act<'_, '_>, texts: &[&str]) -> String {
    let mut parts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let manifest = &act.ctx.job.manifest;
    act.ctx.with(|state| {
        for step in manifest.rollout.iter().flatten() {
            for (at, action) in step.actions.iter().enumerate() {
                let news = matches!(action.kind, ActionKind::Deploy { .. } | ActionKind::Upload { .. });
                let facts = state.history.progress.actions.get(&(step.name.clone(), at));
                for (name, value) in facts.filter(|_| news).into_iter().flatten() {
                    if name != "changed" {
                        parts.push(format!("{name}={}", crate::eval::show(value)));
                    }
                }
            }
        }
    });
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    act.ctx.job.journal().fingerprint(&parts)
}
