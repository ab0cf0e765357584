//! Bringing one node to what is wanted: observe, compare, ask the driver for the one next step, make it, observe again.

use std::time::Duration;

use super::aside::{renewal, set_aside};
use super::compare::{changed_secrets, changes, ours, refused};
use super::context::{Context, Failure, Stop};
use super::event::Event;
use super::pursuit::{Pursuit, fruitless};
use super::remove::{remove, remove_holders};
use super::target::{Target, title};
use crate::cloud::{Next, Observed, Op, Present, Renewal, covers};
use crate::eval::show;
use crate::journal;
use crate::plan::{Action, Change};
use crate::schema::OnChange;

/// How often what the journal says is there must be found absent before it is believed gone. RDS answers "not found" now
/// and then for instances that exist (terraform-provider-aws asks three times as well).
const ABSENCES: u32 = 3;
const BETWEEN_ABSENCES: Duration = Duration::from_secs(2);
/// How long what was made just before a crash may stay invisible.
const VISIBLE_WITHIN: i64 = 180_000;
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What came of a node.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// What exists now.
    pub present: Present,
    /// What was done.
    pub action: Action,
    /// Mutating calls that were made.
    pub calls: usize,
}

/// Brings a node to what is wanted and records that it is.
pub(super) async fn converge(ctx: &Context<'_>, target: Target) -> Result<Made, Stop> {
    target.all_known()?;
    let lock = ctx.lock_of(&target.node);
    let _alone = lock.lock().await;
    let mut action = Action::Keep;
    if let Some(old) = renamed(ctx, &target) {
        begin(ctx, &target, Action::Replace);
        let renewal = renewal(ctx, &old, true)?;
        replace(ctx, &target, old, renewal, None).await?;
        action = Action::Replace;
    } else if ctx.with(|state| state.replaced.shift_remove(&target.node)) {
        begin(ctx, &target, Action::Replace);
        action = Action::Replace;
    }
    let pursuit = Pursuit::new(ctx, target)?;
    Converge {
        pursuit,
        action,
        begun: action == Action::Replace,
        applied: Vec::new(),
        absences: 0,
        repeated: Default::default(),
    }
    .run()
    .await
}

struct Converge<'c, 'j> {
    pursuit: Pursuit<'c, 'j>,
    action: Action,
    /// Whether the listener knows that the node's turn has come.
    begun: bool,
    /// Write-only attributes that a call of this run has set.
    applied: Vec<String>,
    absences: u32,
    /// The last accepted change and what it was to bring about, as text, and how often it was made in a row.
    repeated: (String, u32),
}

/// How often the same change is made although it brings nothing about.
const MOST_REPEATED: u32 = 5;

impl Converge<'_, '_> {
    async fn run(mut self) -> Result<Made, Stop> {
        loop {
            let seen = self.pursuit.observe().await?;
            match &seen {
                Observed::Absent => {
                    if self.absent().await? {
                        continue;
                    }
                }
                Observed::Present(present) => {
                    self.absences = 0;
                    ours(self.pursuit.ctx, &self.pursuit.target, present)?;
                    if self.pursuit.target.existing {
                        self.begin(Action::Read);
                        return self.done(present.as_ref().clone());
                    }
                    if self.pursuit.want.id.is_none() && !self.pursuit.target.part && !present.id.is_empty() {
                        self.pursuit.want.id = Some(present.id.clone());
                    }
                }
            }
            if let Some(present) = self.step(&seen).await? {
                return self.done(present);
            }
        }
    }

    /// Nothing is there. Gives whether to look again before anything is made.
    async fn absent(&mut self) -> Result<bool, Stop> {
        let ctx = self.pursuit.ctx;
        let target = &self.pursuit.target;
        if target.existing {
            return Err(missing(ctx, target).into());
        }
        if target.part {
            return Ok(false);
        }
        let known = ctx.with(|state| state.history.nodes.get(&target.node).cloned());
        let Some(known) = known else { return Ok(false) };
        if known.ready {
            self.absences += 1;
            if self.absences < ABSENCES {
                ctx.sleep(BETWEEN_ABSENCES).await?;
                return Ok(true);
            }
            // It was deleted by hand. What is made in its place has a token of its own.
            ctx.append(journal::Event::NodeGone { node: target.node.clone() })?;
            self.pursuit.new_phase();
            return Ok(false);
        }
        let doubt = ctx.with(|state| state.history.in_doubt.values().any(|(node, _)| *node == target.node));
        let made = known.created.filter(|_| !doubt && self.pursuit.calls == 0);
        if made.is_some_and(|made| ctx.now() < made.saturating_add(VISIBLE_WITHIN)) {
            self.pursuit.wait(LOOK_AGAIN, "what was made to become visible").await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Takes the one next step. Gives what exists when none is left.
    async fn step(&mut self, seen: &Observed) -> Result<Option<Present>, Stop> {
        let changes = self.changes(seen);
        if let Observed::Present(present) = seen {
            refused(&self.pursuit.target, &changes)?;
            if changes.iter().any(|change| change.on_change == OnChange::Replace) {
                self.replace(present, &changes).await?;
                return Ok(None);
            }
        }
        self.begin(match seen {
            Observed::Absent => Action::Create,
            Observed::Present(_) if !self.is_ready() => Action::Create,
            Observed::Present(_) if changes.is_empty() => Action::Keep,
            Observed::Present(_) => Action::Update,
        });
        match self.pursuit.driver.next(&self.pursuit.want, seen, &changes) {
            Next::Done if self.pursuit.unseen(seen).await? => Ok(None),
            Next::Done => Ok(Some(match seen {
                Observed::Present(present) => present.as_ref().clone(),
                Observed::Absent => Present::default(),
            })),
            Next::Wait { poll, why } => {
                self.pursuit.rest(poll, note(seen).unwrap_or(&why), seen).await?;
                Ok(None)
            }
            Next::Call(op) => {
                let only_secrets = !changes.is_empty() && changes.iter().all(|c| self.is_secret(c));
                if only_secrets && !op.creates && self.pursuit.was_last(&op) {
                    // What cannot be read back counts as set once AWS has accepted it.
                    self.applied.extend(changes.into_iter().map(|change| change.attribute));
                    return Ok(None);
                }
                if self.pursuit.lags(&op, seen, &changes).await? {
                    return Ok(None);
                }
                if self.action == Action::Keep {
                    self.action = Action::Update;
                }
                if self.pursuit.call(&op, seen).await? && !op.creates {
                    self.repeats(&op, &changes)?;
                    self.note_applied(&op, seen, &changes);
                }
                Ok(None)
            }
            Next::Fail(why) => Err(Failure::new(why).into()),
        }
    }

    /// Counts a change that is made again although AWS accepted it before, and gives up in the end: it would never be done.
    /// [`Pursuit::lags`] gives up earlier where nothing at all changes.
    fn repeats(&mut self, op: &Op, changes: &[Change]) -> Result<(), Failure> {
        if changes.is_empty() {
            return Ok(());
        }
        let what = format!("{op:?} {changes:?}");
        let times = if self.repeated.0 == what { self.repeated.1 + 1 } else { 1 };
        self.repeated = (what, times);
        if times > MOST_REPEATED { Err(fruitless(op, changes)) } else { Ok(()) }
    }

    fn changes(&self, seen: &Observed) -> Vec<Change> {
        let Observed::Present(present) = seen else { return Vec::new() };
        let Pursuit { ctx, target, driver, want, .. } = &self.pursuit;
        let mut secrets = changed_secrets(ctx, target);
        secrets.retain(|name| !self.applied.contains(name));
        changes(ctx, target, *driver, want, present, &secrets)
    }

    fn is_secret(&self, change: &Change) -> bool {
        change.before.is_none()
            && changed_secrets(self.pursuit.ctx, &self.pursuit.target).contains(&change.attribute)
    }

    /// After an accepted call: the secrets that it has set, which are those for which alone the driver would have made
    /// the same call, or one that it covers.
    fn note_applied(&mut self, op: &Op, seen: &Observed, changes: &[Change]) {
        let secret: Vec<Change> = changes.iter().filter(|change| self.is_secret(change)).cloned().collect();
        if secret.is_empty() {
            return;
        }
        if let Next::Call(probe) = self.pursuit.driver.next(&self.pursuit.want, seen, &secret)
            && covers(op, &probe)
        {
            self.applied.extend(secret.into_iter().map(|change| change.attribute));
        }
    }

    /// Whether it was ready before this run.
    fn is_ready(&self) -> bool {
        let node = &self.pursuit.target.node;
        // What bears our tags and is not in the journal was adopted: it is not made either.
        self.pursuit.ctx.with(|state| state.history.nodes.get(node).is_none_or(|known| known.ready))
    }

    /// The node's turn has come.
    fn begin(&mut self, action: Action) {
        if !self.begun {
            self.begun = true;
            self.action = action;
            begin(self.pursuit.ctx, &self.pursuit.target, action);
        }
    }

    /// Deletes what exists, so that the next look finds nothing.
    async fn replace(&mut self, present: &Present, changes: &[Change]) -> Result<(), Stop> {
        let forcing = changes.iter().find(|change| change.on_change == OnChange::Replace);
        if self.pursuit.calls > 0 || self.action == Action::Replace {
            // It was made by this very run: making it once more would not end.
            let message = forcing.map_or_else(String::new, |change| {
                let before = change.before.as_ref().map(show).unwrap_or_default();
                let after = show(&change.after);
                format!("`{}` is {before} after it was made, where {after} was asked for", change.attribute)
            });
            return Err(Failure::new(message).into());
        }
        let ctx = self.pursuit.ctx;
        let differs = |change: &Change| {
            let before = change.before.as_ref().map(|before| format!(" is {}, and", show(before)));
            format!(
                "`{}`{} {} is asked for",
                change.attribute,
                before.unwrap_or_default(),
                show(&change.after)
            )
        };
        ctx.may_go(&self.pursuit.target.node, forcing.map(differs))?;
        let renewal = renewal(ctx, &self.pursuit.target, false)?;
        self.begin(Action::Replace);
        self.action = Action::Replace;
        let known = ctx.with(|state| state.history.nodes.get(&self.pursuit.target.node).cloned());
        let old = match &known {
            Some(known) => Target::known(ctx, &self.pursuit.target.node, known),
            None => self.pursuit.target.clone(),
        };
        replace(ctx, &self.pursuit.target, old, renewal, Some(present)).await?;
        self.pursuit.new_phase();
        Ok(())
    }

    /// Records that the node is as wanted, unless the journal says just that already.
    fn done(self, present: Present) -> Result<Made, Stop> {
        let Pursuit { ctx, target, calls, .. } = self.pursuit;
        if let Some(note) = &present.pending {
            ctx.tell(Event::Waiting { node: target.node.clone(), note: note.clone(), at: ctx.now() });
        }
        let fingerprints = target.fingerprints(ctx);
        let same = ctx.with(|state| {
            let doubt = state.history.in_doubt.values().any(|(node, _)| *node == target.node);
            let known = state.history.nodes.get(&target.node);
            !doubt
                && known.is_some_and(|known| {
                    known.ready
                        && known.kind == target.kind
                        && known.name == target.name
                        && known.id.as_deref() == Some(&present.id)
                        && without_secrets(&known.attrs) == without_secrets(&target.attrs)
                        && known.fingerprints == fingerprints
                        && without_secrets(&known.outputs) == without_secrets(&present.outputs)
                        && known.depends_on == target.depends_on
                        && known.existing == target.existing
                })
        });
        if !same {
            ctx.append(journal::Event::NodeReady {
                node: target.node.clone(),
                kind: target.kind.clone(),
                name: target.name.clone(),
                id: present.id.clone(),
                attrs: target.attrs.clone(),
                fingerprints,
                outputs: present.outputs.clone(),
                depends_on: target.depends_on.clone(),
                existing: target.existing,
            })?;
        }
        ctx.with(|state| state.live.insert(target.node.clone(), present.clone()));
        Ok(Made { present, action: self.action, calls })
    }
}

/// As the journal holds it: secrets by name.
fn without_secrets(attrs: &crate::eval::Attrs) -> String {
    serde_json::to_string(attrs).unwrap_or_default()
}

fn begin(ctx: &Context<'_>, target: &Target, action: Action) {
    if !target.part {
        let (node, kind) = (target.node.clone(), target.kind.clone());
        ctx.tell(Event::NodeStarted { node, kind, action, at: ctx.now() });
    }
}

fn note(seen: &Observed) -> Option<&str> {
    match seen {
        Observed::Present(present) => present.note.as_deref(),
        Observed::Absent => None,
    }
}

/// What the journal has under this id and the file now gives another name or kind: that is another resource.
pub(super) fn renamed(ctx: &Context<'_>, target: &Target) -> Option<Target> {
    if target.existing || target.part {
        return None;
    }
    let known = ctx.with(|state| state.history.nodes.get(&target.node).cloned())?;
    let other = known.kind != target.kind || known.name != target.name;
    (other && !known.existing).then(|| Target::known(ctx, &target.node, &known))
}

/// Makes room for a node that is to be made anew: deletes the old one, after what cannot live without it, or sets it
/// aside.
async fn replace(
    ctx: &Context<'_>,
    target: &Target,
    old: Target,
    renewal: Renewal,
    found: Option<&Present>,
) -> Result<(), Stop> {
    if target.protected() || old.protected() {
        let message = format!("`{}` would have to be replaced, and it is protected", target.node);
        return Err(Failure::new(message).help("take the change back, or say `protect = false`").into());
    }
    ctx.may_go(&target.node, None)?;
    if renewal == Renewal::CreateFirst {
        set_aside(ctx, target, found).await?;
    } else {
        remove_holders(ctx, &target.node).await?;
        remove(ctx, old, found.map(|present| present.id.clone())).await?;
    }
    ctx.with(|state| state.replaced.shift_remove(&target.node));
    Ok(())
}

/// What a look-up that finds nothing is told with.
pub(super) fn missing(ctx: &Context<'_>, target: &Target) -> Failure {
    let asked: Vec<String> = target
        .attrs
        .iter()
        .filter(|(_, value)| !matches!(value, crate::eval::Value::None))
        .map(|(name, value)| format!("{name} = {}", show(value)))
        .collect();
    let title = title(ctx, &target.kind);
    Failure::new(format!("there is no {title} with {}", asked.join(", "))).help(
        "`existing` looks up what is there already; check the account and region, or let the file make it by \
         dropping the word `existing`",
    )
}
