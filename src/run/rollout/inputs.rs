//! What steps are done with: their values, fingerprints of them, and the files that they leave.

use super::super::context::Context;
use super::super::secrets;
use crate::eval::{self, ActionKind, Attrs, Condition, NodeId, Value};

/// An action with every output in it that is known.
pub(super) fn resolved(ctx: &Context<'_>, kind: &ActionKind) -> ActionKind {
    let outputs = |node: &str, output: &str| ctx.output(node, output);
    let value = |value: &Value| eval::resolve(value, &outputs);
    let attrs = |attrs: &Attrs| -> Attrs { attrs.iter().map(|(k, v)| (k.clone(), value(v))).collect() };
    let node = |node: &NodeId| node.clone();
    match kind {
        ActionKind::Run { command, env, dir, produces, within } => ActionKind::Run {
            command: value(command),
            env: attrs(env),
            dir: dir.as_ref().map(value),
            produces: produces.as_ref().map(value),
            within: *within,
        },
        ActionKind::Render { template, to, with } => {
            ActionKind::Render { template: value(template), to: value(to), with: attrs(with) }
        }
        ActionKind::Bundle { source, to } => ActionKind::Bundle { source: value(source), to: value(to) },
        ActionKind::Upload { path, bucket, key } => {
            ActionKind::Upload { path: value(path), bucket: node(bucket), key: value(key) }
        }
        ActionKind::Deploy { path, environment, label } => {
            ActionKind::Deploy { path: value(path), environment: node(environment), label: value(label) }
        }
        ActionKind::Invalidate { distribution, paths } => {
            ActionKind::Invalidate { distribution: node(distribution), paths: value(paths) }
        }
        ActionKind::Expect(probe) => ActionKind::Expect(eval::Expect {
            target: value(&probe.target),
            conditions: probe
                .conditions
                .iter()
                .map(|condition| match condition {
                    Condition::Header { name, test, value: with } => {
                        Condition::Header { name: name.clone(), test: *test, value: value(with) }
                    }
                    Condition::Body { test, value: with } => {
                        Condition::Body { test: *test, value: value(with) }
                    }
                    other => other.clone(),
                })
                .collect(),
            ..probe.clone()
        }),
        ActionKind::Approve { message } => ActionKind::Approve { message: value(message) },
        ActionKind::Swap { .. } | ActionKind::Wait(_) | ActionKind::Rollback { .. } => kind.clone(),
    }
}

/// A fingerprint of what a step does. After `on failure` each step has another one: what had been done was undone, and
/// what is to be mended may be what a step made, so that the rollout begins anew.
pub(super) fn fingerprint(ctx: &Context<'_>, kinds: &[ActionKind]) -> String {
    let mut parts = Vec::new();
    for kind in kinds {
        parts.push(serde_json::to_string(kind).unwrap_or_default());
        let mut found = Vec::new();
        secrets::in_action(kind, &mut found);
        parts.extend(found.iter().map(|secret| secret.reveal().to_owned()));
    }
    parts.push(ctx.with(|state| state.history.progress.failures).to_string());
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    ctx.job.journal().fingerprint(&parts)
}

/// Whether the files that an action made are still there. On another machine they may not be.
pub(super) fn still_there(ctx: &Context<'_>, kind: &ActionKind) -> bool {
    let made = match kind {
        ActionKind::Run { produces, .. } => produces.as_ref(),
        ActionKind::Render { to, .. } | ActionKind::Bundle { to, .. } => Some(to),
        _ => None,
    };
    made.and_then(Value::as_str).is_none_or(|path| ctx.job.world.path(path).exists())
}
