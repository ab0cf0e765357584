//! Pursuing one node: looking, waiting and calling, with everything that can go wrong on the way.
//!
//! A call is never made blindly: after whatever happened the node is observed first, and a call that seems to have had
//! no effect yet is given time before it is made again.

use std::time::Duration;

use super::context::{Context, Failure, Stop};
use super::event::Event;
use super::pace::Pace;
use super::retry::{jitter, most_failures};
use super::target::{Target, attribute};
use crate::cloud::{CloudError, Driver, Observed, Op, Present, Retry, State, Want};
use crate::eval::{Attrs, Value, show, show_duration};
use crate::journal;
use crate::plan::Change;

/// How long what was made may stay invisible, and what was changed unchanged, before the call is made again. Reads
/// after writes lag for seconds in most services; a changed RDS instance reads `available` for up to half a minute.
const LAG_AFTER_CALL: i64 = 180_000;
/// As above, when it is not certain that the call was made at all.
const LAG_IN_DOUBT: i64 = 60_000;
/// How often to look meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long AWS may not show that it is at work on what it accepted: a changed RDS instance reads `available` for up to
/// half a minute.
const UNSEEN: i64 = 30_000;
/// How often the very same call may be accepted without any effect.
const MOST_REPEATS: u32 = 2;
/// How often AWS may say that something exists, or is gone, that then reads otherwise.
const MOST_PUZZLES: u32 = 6;

/// How often in a row the reads of one look may disagree on whether something exists.
const MOST_GONE: u32 = 6;
/// How often in a row a short look is enough.
const SHORT_LOOKS: u32 = 10;
/// How long what was just made may be unknown to others of AWS's services, in milliseconds.
const NEW: i64 = 120_000;
/// How long to wait until it is known.
const UNTIL_KNOWN: Duration = Duration::from_secs(5);

/// One node being pursued.
pub(super) struct Pursuit<'c, 'j> {
    pub ctx: &'c Context<'j>,
    pub target: Target,
    pub driver: &'static dyn Driver,
    pub want: Want,
    /// Mutating calls that were made.
    pub calls: usize,
    /// When this phase (making, deleting) began.
    began: i64,
    timeout: Duration,
    /// Since when AWS is at work on what was asked for last.
    since: i64,
    /// How long that takes at least, as a rule.
    soonest: Duration,
    last: Option<Last>,
    /// Failures in a row.
    failures: u32,
    puzzles: u32,
    repeats: u32,
    /// What was last said to be waited for.
    told: String,
    /// What was last seen to be under way.
    seen: Option<Box<Present>>,
}

/// The last call that went out, as long as it may still show an effect.
struct Last {
    op: Op,
    /// What was seen before it; `None` when that was in an earlier run.
    before: Option<String>,
    /// Until when its effect may show.
    until: i64,
    /// Whether AWS accepted it; otherwise it is in doubt.
    accepted: bool,
}

impl<'c, 'j> Pursuit<'c, 'j> {
    pub fn new(ctx: &'c Context<'j>, target: Target) -> Result<Self, Failure> {
        let driver = ctx.driver(&target.kind)?;
        let want = target.want(ctx);
        let timeout = target.timeout().unwrap_or_else(|| driver.timeout());
        let last = in_journal(ctx, &target);
        Ok(Self {
            ctx,
            driver,
            want,
            calls: 0,
            began: ctx.now(),
            timeout,
            since: ctx.now(),
            soonest: Duration::ZERO,
            last,
            failures: 0,
            puzzles: 0,
            repeats: 0,
            told: String::new(),
            seen: None,
            target,
        })
    }

    /// Begins another phase for the same node: the time starts anew, and earlier calls no longer count.
    pub fn new_phase(&mut self) {
        let acted = self.want.acted;
        self.want = self.target.want(self.ctx);
        self.want.acted = acted;
        self.began = self.ctx.now();
        self.since = self.began;
        self.soonest = Duration::ZERO;
        self.last = None;
        self.failures = 0;
        self.puzzles = 0;
        self.repeats = 0;
        self.told.clear();
        self.seen = None;
    }

    /// What exists.
    pub async fn observe(&mut self) -> Result<Observed, Stop> {
        let mut failures = 0;
        loop {
            self.ctx.go_on()?;
            let error = match self.driver.observe(&self.ctx.job.world.clients, &self.want).await {
                Ok(seen) => return Ok(seen),
                Err(error) => error,
            };
            let pause = match error.retry {
                // What this run itself has begun is given the whole of its time.
                Retry::After(pause) if self.calls > 0 => pause,
                _ if failures >= most_failures(&error) => return Err(self.refusal(&error).into()),
                // What one read showed was gone for the next, or is not there yet for it.
                Retry::No if error.something_missing() && failures < MOST_GONE => {
                    self.back_off("observe", &error, failures)
                }
                Retry::No => return Err(self.refusal(&error).into()),
                Retry::After(pause) => pause,
                Retry::Backoff | Retry::Exists | Retry::Gone => self.back_off("observe", &error, failures),
            };
            failures += 1;
            self.retrying(&error);
            self.sleep(pause, &error.to_string()).await?;
        }
    }

    /// Rests while AWS is at work, until it is time for a whole look. `note` says what is waited for.
    pub async fn rest(&mut self, poll: Duration, note: &str, seen: &Observed) -> Result<(), Stop> {
        if let Observed::Present(present) = seen {
            self.seen = Some(present.clone());
        }
        for looks in 0..SHORT_LOOKS {
            let pace = Pace { poll, soonest: self.soonest };
            let now = self.ctx.now();
            // Any number does, so long as it is the same for all.
            let origin = i64::try_from(self.ctx.job.world.seed % 3_600_000).unwrap_or(0);
            self.wait(pace.pause(now - self.since, now, origin), note).await?;
            let Observed::Present(present) = seen else { break };
            if !matches!(present.state, State::Busy(_)) {
                break;
            }
            // What goes wrong here goes wrong again in the whole look, which knows what to do about it.
            let clients = &self.ctx.job.world.clients;
            let still = self.driver.still(clients, &self.want, present, looks).await;
            if !matches!(still, Ok(true)) {
                break;
            }
        }
        Ok(())
    }

    /// Waits for something that is under way. `note` says what for.
    pub async fn wait(&mut self, pause: Duration, note: &str) -> Result<(), Stop> {
        if self.told != note {
            note.clone_into(&mut self.told);
            let (node, note) = (self.target.node.clone(), note.to_owned());
            self.ctx.tell(Event::Waiting { node, note, at: self.ctx.now() });
        }
        self.sleep(pause, note).await
    }

    /// Lets time pass, as long as there is some.
    async fn sleep(&self, pause: Duration, why: &str) -> Result<(), Stop> {
        let limit = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        if self.ctx.now().saturating_sub(self.began) >= limit {
            return Err(self.out_of_time(limit, why).await.into());
        }
        // Not much longer than the time that is left: what is waited for may have been done in it.
        let left = limit.saturating_sub(self.ctx.now().saturating_sub(self.began));
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        self.ctx.sleep(pause.min(left)).await
    }

    /// What is told when the time is up: how long it was, what was waited for, what AWS said last, how to go on.
    async fn out_of_time(&self, limit: i64, why: &str) -> Failure {
        let mut message = format!("not done after {}: {why}", show_duration(limit));
        if let Some(last) = self.last.as_ref().filter(|last| last.accepted && self.calls > 0) {
            let ago = show_duration(self.ctx.now().saturating_sub(self.since) / 1000 * 1000);
            message += &format!(", {ago} after {}", last.op.operation);
        }
        if let Some(present) = &self.seen {
            let clients = &self.ctx.job.world.clients;
            let words = self.driver.last_words(clients, &self.want, present).await;
            if let Some(newest) = words.get(words.len().saturating_sub(3)..).filter(|words| !words.is_empty())
            {
                message += &format!("; AWS said last: {}", newest.join("; "));
            }
        }
        let help = match self.target.part {
            true => "`--resume` goes on waiting; `within 1h` after the action gives it more time",
            false => "`--resume` goes on waiting; `timeout = 2h` in its block gives it more time",
        };
        Failure::new(message).help(help)
    }

    /// Whether the effect of this call, already made, may still show: then it was waited for a little, and the node is
    /// to be looked at again.
    pub async fn lags(&mut self, op: &Op, seen: &Observed, changes: &[Change]) -> Result<bool, Stop> {
        let Some(last) = &self.last else { return Ok(false) };
        let unchanged = last.before.as_ref().is_none_or(|before| *before == fingerprint(seen));
        // What is in doubt from an earlier run is known by its name alone.
        let same = if last.before.is_some() { last.op == *op } else { last.op.operation == op.operation };
        if !same || !unchanged {
            return Ok(false);
        }
        if self.ctx.now() < last.until {
            let note = format!("the effect of {}", op.operation);
            self.wait(LOOK_AGAIN, &note).await?;
            return Ok(true);
        }
        if last.accepted {
            self.repeats += 1;
        }
        if self.repeats > MOST_REPEATS {
            return Err(fruitless(op, changes).into());
        }
        self.last = None;
        Ok(false)
    }

    /// Whether AWS may be at work on the last call although everything still looks as before it, as may be with what cannot be
    /// read back: then it was waited for a little, and the node is to be looked at again.
    pub async fn unseen(&mut self, seen: &Observed) -> Result<bool, Stop> {
        let Some(last) = self.last.as_ref().filter(|last| last.accepted) else { return Ok(false) };
        let unchanged = last.before.as_ref().is_some_and(|before| *before == fingerprint(seen));
        if !unchanged || self.ctx.now() >= self.since.saturating_add(UNSEEN) {
            return Ok(false);
        }
        let note = format!("the effect of {}", last.op.operation);
        self.wait(LOOK_AGAIN, &note).await?;
        Ok(true)
    }

    /// Whether this call was accepted and is the last that was made.
    pub fn was_last(&self, op: &Op) -> bool {
        self.last.as_ref().is_some_and(|last| last.accepted && last.op == *op)
    }

    /// Makes a mutating call, bracketed in the journal. Gives whether AWS accepted it; when it did not, but it is worth
    /// going on, the pause that it needs has passed.
    pub async fn call(&mut self, op: &Op, seen: &Observed) -> Result<bool, Stop> {
        self.ctx.go_on()?;
        let intent = self.ctx.append(self.intent(op))?;
        let node = self.target.node.clone();
        self.ctx.tell(Event::Call { node, operation: op.operation.clone(), at: self.ctx.now() });
        self.ctx.with(|state| state.outcome.calls += 1);
        self.calls += 1;
        let clients = &self.ctx.job.world.clients;
        let reply = self.driver.call(clients, &self.want, seen, op).await;
        clients.shared.changed();
        self.want.acted = true;
        self.want.never_ready |= op.creates;
        self.since = self.ctx.now();
        self.soonest = Duration::ZERO;
        match reply {
            Ok(reply) => {
                self.ctx.append(journal::Event::Outcome { intent, id: reply.id.clone(), error: None })?;
                if op.creates && reply.id.is_some() {
                    self.want.id = reply.id;
                }
                self.failures = 0;
                self.soonest = self.driver.soonest(op);
                self.made(op, seen, LAG_AFTER_CALL, true);
                Ok(true)
            }
            Err(error) => {
                if error.in_doubt {
                    // No outcome is recorded: whoever resumes must doubt as well.
                    self.made(op, seen, LAG_IN_DOUBT, false);
                } else {
                    let said = Some(self.ctx.secrets.hide(&error.to_string()));
                    self.ctx.append(journal::Event::Outcome { intent, id: None, error: said })?;
                }
                self.after_refusal(op, &error).await?;
                Ok(false)
            }
        }
    }

    fn made(&mut self, op: &Op, seen: &Observed, lag: i64, accepted: bool) {
        let until = self.ctx.now().saturating_add(lag);
        self.last = Some(Last { op: op.clone(), before: Some(fingerprint(seen)), until, accepted });
    }

    /// Decides what a failed call means, and pauses when it is worth going on.
    async fn after_refusal(&mut self, op: &Op, error: &CloudError) -> Result<(), Stop> {
        let pause = match error.retry {
            Retry::No if error.in_doubt => self.another_failure(op, error)?,
            Retry::No if error.something_missing() && self.has_new_neighbours() => UNTIL_KNOWN,
            Retry::No => return Err(self.refusal(error).into()),
            Retry::Backoff => self.another_failure(op, error)?,
            Retry::After(pause) => pause,
            Retry::Exists | Retry::Gone => {
                self.puzzles += 1;
                if self.puzzles > MOST_PUZZLES {
                    return Err(self.refusal(error).into());
                }
                Duration::from_secs(1 << self.puzzles.min(4))
            }
        };
        self.retrying(error);
        self.sleep(pause, &error.to_string()).await
    }

    fn another_failure(&mut self, op: &Op, error: &CloudError) -> Result<Duration, Stop> {
        self.failures += 1;
        if self.failures > most_failures(error) {
            return Err(self.refusal(error).into());
        }
        Ok(self.back_off(&op.operation, error, self.failures - 1))
    }

    /// Whether something that the node refers to was made only just now: AWS's services, and the machines of one service, do not
    /// learn of it all at once.
    fn has_new_neighbours(&self) -> bool {
        let (now, node) = (self.ctx.now(), &self.target.node);
        // What an action makes comes one after the other.
        let action = node.rsplit_once('.').map(|(action, _)| action).filter(|_| self.target.part);
        self.ctx.with(|state| {
            state.history.nodes.iter().any(|(id, known)| {
                let near = id == node
                    || self.target.depends_on.contains(id)
                    || action.is_some_and(|action| id.starts_with(action));
                near && known.created.is_some_and(|made| now < made.saturating_add(NEW))
            })
        })
    }

    fn intent(&self, op: &Op) -> journal::Event {
        let made = op.creates;
        let mut fingerprints = if made { self.target.fingerprints(self.ctx) } else { Default::default() };
        fingerprints.retain(|name, _| !op.leaves(name));
        journal::Event::Intent {
            node: self.target.node.clone(),
            kind: self.target.kind.clone(),
            name: self.target.name.clone(),
            op: op.clone(),
            token: self.want.token.clone(),
            fingerprint: self.target.fingerprint(self.ctx),
            attrs: if made { self.target.attrs.clone() } else { self.raw_settings() },
            fingerprints,
            depends_on: if made { self.target.depends_on.clone() } else { Vec::new() },
        }
    }

    /// The raw settings that the target gives: what an update sets and nothing else tells of.
    fn raw_settings(&self) -> Attrs {
        let raw =
            |name: &str| attribute(self.ctx, &self.target.kind, name).is_some_and(|a| a.table.is_some());
        let given = |value: &Value| value.fields().is_some_and(|fields| !fields.is_empty());
        let all = self.target.attrs.iter().filter(|(name, value)| given(value) && raw(name));
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The pause before a call is tried again: full jitter, and leave from the budget of the service.
    fn back_off(&self, operation: &str, error: &CloudError, failure: u32) -> Duration {
        let what = format!("{} {operation}", self.target.node);
        let pause = jitter(self.ctx.job.world.seed, &what, failure);
        pause + self.ctx.budget.take(&error.operation, self.ctx.now())
    }

    /// Tells that a call is tried again; once, as long as the answer stays the same.
    fn retrying(&mut self, error: &CloudError) {
        let why = self.ctx.secrets.hide(&error.to_string());
        if self.told == why {
            return;
        }
        self.told.clone_from(&why);
        let node = self.target.node.clone();
        self.ctx.tell(Event::Retrying { node, why, at: self.ctx.now() });
    }

    /// The failure that an error comes to.
    fn refusal(&self, error: &CloudError) -> Failure {
        let failure = Failure::new(match &error.request_id {
            Some(id) => format!("{error} (request {id})"),
            None => error.to_string(),
        });
        match self.target.lost.first() {
            Some(secret) => failure.help(format!(
                "the file no longer has the secret `{secret}`, which this may need; declare it again, or delete \
                 `{}` by hand",
                self.target.name
            )),
            None => failure,
        }
    }
}

/// What a call is told with that AWS accepts and that brings nothing about.
pub(super) fn fruitless(op: &Op, changes: &[Change]) -> Failure {
    let mut message = format!("AWS accepts {} again and again, but nothing changes", op.operation);
    if let Some(Change { attribute, before, after, .. }) = changes.first() {
        let before = before.as_ref().map_or_else(|| "as it was".to_owned(), show);
        message += &format!(": `{attribute}` stays {before}, where {} was asked for", show(after));
    }
    Failure::new(message)
}

/// A call of an earlier run that may still show an effect.
fn in_journal(ctx: &Context<'_>, target: &Target) -> Option<Last> {
    ctx.with(|state| {
        let history = &state.history;
        let doubt = history.in_doubt.values().rev().find(|(node, _)| *node == target.node);
        if let Some((_, op)) = doubt {
            let before = op.creates.then(|| fingerprint(&Observed::Absent));
            let until = history.newest.saturating_add(LAG_IN_DOUBT);
            return Some(Last { op: op.clone(), before, until, accepted: false });
        }
        None
    })
}

/// What was seen, as text to compare. Secrets have no text in it.
fn fingerprint(seen: &Observed) -> String {
    format!("{seen:?}")
}
