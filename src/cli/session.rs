//! A session with a cloud: what `plan`, `run` and `destroy` have in common.

use clap::Args;
use indexmap::IndexSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use tokio::runtime::{Builder, Runtime};

use super::Exit;
use super::load::{Choice, Loaded, load};
use super::terminal::Terminal;
use crate::cloud::{Clients, Connect, Net, RealNet, connect, driver, read_stored};
use crate::diag::{self, Diagnostic, Format};
use crate::eval::{Stored, StoredSecret};
use crate::journal::{History, Journal, JournalError};
use crate::local::{Faults, Local, LocalNet, Now, Trouble, transport, virtual_clock, wall_clock};
use crate::report;
use crate::run::{Interrupt, Job, Listener, NodeError, RunError, Speed, World};

/// How to reach the cloud.
#[derive(Args, Clone)]
pub(super) struct Reach {
    /// A parameter's value
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,

    /// With `--local`: how fast time passes: `virtual` (no waiting at all), `real`, or a factor such as `60x`
    /// [default: virtual]
    #[arg(long, requires = "local", value_name = "SPEED")]
    pub(super) speed: Option<SpeedArg>,

    /// With `--local`: something that goes wrong at the N-th changing call: `kill@N:before`, `kill@N:after`, `lost@N`,
    /// `throttle@N`, `error@N`, `error@N:after`, `slow@N`, `late@N`, `hide@N:READS`, `deny@N`,
    /// `quota@N`, `expire@N`; or `throttle:SERVICE=SECONDS`, `fail:NODE=STATUS`, or lists in small pages: `pages=ITEMS`
    #[arg(long, requires = "local", value_name = "FAULT")]
    pub(super) fault: Vec<Trouble>,

    /// The profile of your AWS configuration
    #[arg(long, conflicts_with = "local")]
    pub(super) profile: Option<String>,
}

/// `virtual`, `real`, `60x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SpeedArg(pub(super) Speed);

impl FromStr for SpeedArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a speed: write `virtual`, `real`, or a factor such as `60x`");
        Ok(Self(match text {
            "virtual" => Speed::Virtual,
            "real" => Speed::Times(1.0),
            _ => {
                let times: f64 = text.strip_suffix('x').and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
                if !(0.01..=100_000.0).contains(&times) {
                    return Err(wrong());
                }
                Speed::Times(times)
            }
        }))
    }
}

impl std::fmt::Display for SpeedArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Speed::Virtual => f.write_str("virtual"),
            Speed::Times(times) => write!(f, "{times}x"),
        }
    }
}

/// What a command is to do with its session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Only read: nothing is written, also not a journal.
    Read,
    /// Change things.
    Change,
}

/// A runtime for a speed.
///
/// # Errors
/// When the system gives none.
pub(super) fn runtime(speed: Speed) -> Result<Runtime, String> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(speed == Speed::Virtual);
    builder.build().map_err(|why| format!("the run cannot begin: {why}"))
}

impl Reach {
    /// How fast time passes.
    pub(super) fn speed(&self, choice: &Choice) -> Speed {
        match (choice.local, self.speed) {
            (true, Some(SpeedArg(speed))) => speed,
            (true, None) => Speed::Virtual,
            (false, _) => Speed::Times(1.0),
        }
    }

    /// The trouble on order.
    fn faults(&self) -> Faults {
        Faults::new(self.fault.iter().cloned())
    }
}

/// What a session is opened for.
pub(super) struct Opening<'a> {
    pub(super) choice: &'a Choice,
    pub(super) reach: &'a Reach,
    pub(super) purpose: Purpose,
    /// Whether an approval is granted on the command line.
    pub(super) approved: bool,
}

/// Loads a file, opens its session, and works in it until it is done or interrupted.
pub(super) fn session(
    opening: &Opening<'_>,
    terminal: Terminal,
    work: impl AsyncFnOnce(&Loaded, &Session) -> Exit,
) -> Exit {
    let loaded = match load(opening.choice, &opening.reach.set, Some(opening.reach), &terminal) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let runtime = match runtime(opening.reach.speed(opening.choice)) {
        Ok(runtime) => runtime,
        Err(why) => {
            terminal.error(&why);
            return Exit::Failed;
        }
    };
    runtime.block_on(async {
        let session = match Session::open(&loaded, opening, terminal).await {
            Ok(session) => session,
            Err(why) => {
                terminal.error(&why);
                return Exit::Failed;
            }
        };
        session.heed_interrupts(terminal);
        work(&loaded, &session).await
    })
}

/// A job, ready to be planned or run, and how to clear its progress from the terminal.
pub(super) struct Session {
    pub(super) job: Job,
    /// What the journal said when the session was opened.
    pub(super) history: History,
    clear: Box<dyn Fn()>,
}

impl Session {
    /// Opens the journal and reaches the cloud.
    async fn open(loaded: &Loaded, opening: &Opening<'_>, terminal: Terminal) -> Result<Self, String> {
        let Opening { choice, reach, purpose, approved } = *opening;
        let journal = open_journal(loaded, choice.local, purpose).map_err(|why| why.to_string())?;
        let history = journal.history().map_err(|why| why.to_string())?;
        // Time on the local cloud never goes back behind what the journal has seen.
        let (region, state) = (&loaded.manifest.region, cloud_state(loaded));
        let (clients, now) = clients(region, &state, choice, reach, reach.faults(), history.newest).await?;
        let began = now();
        let (listener, clear) = listener(terminal, &now, purpose);
        let job = Job {
            world: World {
                clients,
                now,
                speed: reach.speed(choice),
                folder: loaded.folder.clone(),
                seed: began.unsigned_abs(),
            },
            manifest: loaded.manifest.clone(),
            schema: Arc::new(loaded.program.schema.clone()),
            journal: Arc::new(Mutex::new(journal)),
            drivers: Arc::new(driver),
            listener,
            interrupt: Interrupt::default(),
            file: loaded.file.display().to_string(),
            source_fingerprint: loaded.fingerprint.clone(),
            approved,
        };
        Ok(Self { job, history, clear })
    }

    /// Stops the run at the first Ctrl-C, the process at the second.
    fn heed_interrupts(&self, terminal: Terminal) {
        let interrupt = self.job.interrupt.clone();
        tokio::spawn(async move {
            let mut asked = false;
            while tokio::signal::ctrl_c().await.is_ok() {
                if asked {
                    terminal
                        .note("stopped; what was under way is in doubt, and a resumed run looks at it first");
                    std::process::exit(130);
                }
                asked = true;
                interrupt.stop();
                terminal.note(
                    "stopping: calls in flight are finished and recorded; press Ctrl-C again to stop now",
                );
            }
        });
    }

    /// Clears progress from the terminal.
    pub(super) fn clear(&self) {
        (self.clear)();
    }
}

fn open_journal(loaded: &Loaded, local: bool, purpose: Purpose) -> Result<Journal, JournalError> {
    let path = loaded.journal(local);
    Ok(Journal::open(&path, purpose == Purpose::Change)?.unwrap_or_else(Journal::in_memory))
}

/// Reads what the file wants from the stores of a region, before there is a session.
///
/// # Errors
/// When the cloud cannot be reached.
pub(super) fn stored(
    region: &str,
    state: &Path,
    choice: &Choice,
    reach: &Reach,
    asked: &IndexSet<StoredSecret>,
) -> Result<Stored, String> {
    // Reading takes no time worth waiting for.
    let speed = if choice.local { Speed::Virtual } else { reach.speed(choice) };
    runtime(speed)?.block_on(async {
        let (clients, _) = clients(region, state, choice, reach, Faults::default(), 0).await?;
        Ok(read_stored(&clients, asked).await)
    })
}

/// Reaches a region without a file, only to read. The local cloud is that of the current folder.
///
/// # Errors
/// When the cloud cannot be reached.
pub(super) fn reaching<T>(
    region: &str,
    local: bool,
    reach: &Reach,
    work: impl AsyncFnOnce(&Clients) -> T,
) -> Result<T, String> {
    let choice = Choice { file: None, stage: None, local };
    let state = Path::new(".vpipe").join("local").join("cloud.json");
    runtime(reach.speed(&choice))?.block_on(async {
        let (clients, _) = clients(region, &state, &choice, reach, reach.faults(), 0).await?;
        Ok(work(&clients).await)
    })
}

async fn clients(
    region: &str,
    state: &Path,
    choice: &Choice,
    reach: &Reach,
    faults: Faults,
    not_before: i64,
) -> Result<(Clients, Now), String> {
    let (net, local, now): (Arc<dyn Net>, _, Now) = if choice.local {
        let local = Arc::new(Local::open(Some(state), faults).map_err(|why| why.to_string())?);
        let not_before = local.clock().max(not_before);
        let (now, times) = match reach.speed(choice) {
            Speed::Virtual => {
                let start = jiff::Timestamp::now().as_millisecond().max(not_before);
                (virtual_clock(start), 1.0)
            }
            Speed::Times(times) => (wall_clock(not_before, times), times),
        };
        let net = LocalNet::new(Arc::clone(&local), Arc::clone(&now), times);
        (Arc::new(net), Some(transport(local, Arc::clone(&now), times)), now)
    } else {
        let now: Now = Arc::new(|| jiff::Timestamp::now().as_millisecond());
        (Arc::new(RealNet::new().map_err(|why| why.to_string())?), None, now)
    };
    let region = region.to_owned();
    let connected = connect(Connect { region, profile: reach.profile.clone(), local, net }).await;
    Ok((connected.map_err(|why| why.message)?, now))
}

/// Where the local cloud of a file is kept.
pub(super) fn cloud_state(loaded: &Loaded) -> PathBuf {
    loaded.store(true).join("cloud.json")
}

fn listener(terminal: Terminal, now: &Now, purpose: Purpose) -> (Listener, Box<dyn Fn()>) {
    let look = terminal.error_look();
    if purpose == Purpose::Read {
        return (Arc::new(|_| ()), Box::new(|| ()));
    }
    if terminal.is_interactive() {
        let (listener, clear) = report::live(Arc::clone(now), look.colour);
        return (listener, Box::new(clear));
    }
    let sink: report::Sink = Arc::new(move |line: &str| terminal.note(line));
    (report::plain(sink, look.colour), Box::new(|| ()))
}

/// Shows why a run or plan did not begin.
pub(super) fn refused(error: &RunError, loaded: &Loaded, terminal: Terminal) -> Exit {
    match error {
        RunError::Nodes(errors) => failures(errors, loaded, terminal),
        RunError::Interrupted => terminal.note("interrupted"),
        other => {
            terminal.error(&other.to_string());
            if let Some(help) = other.help() {
                terminal.note(&format!("help: {help}"));
            }
        }
    }
    Exit::Failed
}

/// Shows what failed, each at the place where the user wrote it.
pub(super) fn failures(errors: &[NodeError], loaded: &Loaded, terminal: Terminal) {
    for error in errors {
        let text = format!("`{}`: {}", error.node, error.message);
        match error.span {
            Some(span) => {
                let mut finding = Diagnostic::error("run-failed", span, text);
                finding.help.clone_from(&error.help);
                let look = terminal.error_look();
                terminal.note(diag::render(Format::Human, &[finding], &loaded.sources, look).trim_end());
            }
            None => {
                terminal.error(&text);
                if let Some(help) = &error.help {
                    terminal.note(&format!("help: {help}"));
                }
            }
        }
    }
}
