//! `run`: a command of the user's, in a process group of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::super::context::{Failure, Stop};
use super::super::event::{Event, Listener};
use super::super::files::slowly;
use super::super::interrupt::Interrupt;
use super::super::secrets::Secrets;
use super::act::{Act, Done, plain_text};
use crate::eval::{ActionKind, Attrs, Value, show_duration};

/// How long a command may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(5);
/// How long its output is read after it ended: a child of its own may have kept the pipe.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How often to look whether it has ended.
const TICK: Duration = Duration::from_millis(10);
/// The longest line that is told in one piece, in bytes.
const LONGEST_LINE: u64 = 64 * 1024;
/// How many of the last lines a failure quotes.
const QUOTED: usize = 5;

pub(super) async fn run(act: &Act<'_, '_>, kind: &ActionKind) -> Result<Done, Stop> {
    let ActionKind::Run { command, env, dir, produces, within } = kind else {
        return Ok(Done::new(""));
    };
    let world = &act.ctx.job.world;
    let text = act.text("the command", command)?;
    act.say(format!("run \"{text}\""));
    act.started(Attrs::new())?;
    let folder = match dir {
        Some(dir) => world.path(&act.text("the folder", dir)?),
        None => world.folder.clone(),
    };
    let mut secrets = act.ctx.secrets.clone();
    let mut variables = Vec::new();
    for (name, value) in env {
        secrets = secrets.and(value);
        variables.push((name.clone(), plain_text(&format!("`{name}`"), value)?));
    }
    let shell = Shell {
        text,
        folder,
        variables,
        withheld: world.secret_variables(|text| act.ctx.secrets.is_one(text)),
        within: within.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis),
        secrets,
        step: act.step.to_owned(),
        listener: act.ctx.job.listener.clone(),
        interrupt: act.ctx.job.interrupt.clone(),
    };
    let interrupt = act.ctx.job.interrupt.clone();
    let ended = slowly(move || shell.run()).await;
    // It may have called AWS.
    world.clients.shared.changed();
    if ended.is_err() && interrupt.is_stopped() {
        return Err(Stop::Interrupted);
    }
    let took = ended?;
    if let Some(path) = produces {
        let path = act.text("the product", path)?;
        if !world.path(&path).exists() {
            return Err(Failure::new(format!("the command ended well but did not make `{path}`")).into());
        }
    }
    let result = match produces.as_ref().and_then(Value::as_str) {
        Some(path) => format!("made {path} in {}", seconds(took)),
        None => format!("ended well after {}", seconds(took)),
    };
    Ok(Done::new(result))
}

fn seconds(took: Duration) -> String {
    format!("{:.1}s", took.as_secs_f64())
}

/// A command with all that it needs, to be run in a thread of its own.
struct Shell {
    text: String,
    folder: std::path::PathBuf,
    variables: Vec<(String, String)>,
    withheld: Vec<std::ffi::OsString>,
    within: Option<Duration>,
    secrets: Secrets,
    step: String,
    listener: Listener,
    interrupt: Interrupt,
}

impl Shell {
    fn run(self) -> Result<Duration, Failure> {
        let began = Instant::now();
        let mut child = self.start()?;
        let (lines, heard) = std::sync::mpsc::channel();
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|out| Box::new(out) as Box<dyn Read + Send>),
            child.stderr.take().map(|out| Box::new(out) as Box<dyn Read + Send>),
        ];
        for output in outputs.into_iter().flatten() {
            let lines = lines.clone();
            std::thread::spawn(move || read_lines(output, &lines));
        }
        drop(lines);
        let mut last: Vec<String> = Vec::new();
        let mut tell = |line: Vec<u8>| {
            let line = self.secrets.hide(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
            if last.len() == QUOTED {
                last.remove(0);
            }
            last.push(line.clone());
            (self.listener)(Event::Output { step: self.step.clone(), line });
        };
        let status = loop {
            while let Ok(line) = heard.try_recv() {
                tell(line);
            }
            if let Some(status) = child.try_wait().map_err(|why| Failure::new(why.to_string()))? {
                break status;
            }
            if self.interrupt.is_stopped() {
                stop(&mut child);
                return Err(Failure::new("stopped"));
            }
            if let Some(within) = self.within.filter(|within| began.elapsed() >= *within) {
                stop(&mut child);
                let limit = show_duration(i64::try_from(within.as_millis()).unwrap_or(i64::MAX));
                return Err(Failure::new(format!("not done within {limit}; it was stopped")));
            }
            std::thread::sleep(TICK);
        };
        let until = Instant::now() + LAST_WORDS;
        while let Ok(line) = heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
            tell(line);
        }
        if status.success() { Ok(began.elapsed()) } else { Err(failure(status, &last)) }
    }

    fn start(&self) -> Result<Child, Failure> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.text).current_dir(&self.folder);
        // Secrets reach a command only where `with` says so, not because vpipe was given them.
        for name in &self.withheld {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        command.spawn().map_err(|why| {
            let folder = self.folder.display();
            match self.folder.is_dir() {
                true => Failure::new(format!("the command cannot be started: {why}")),
                false => Failure::new(format!("there is no folder `{folder}`")),
            }
        })
    }
}

fn failure(status: ExitStatus, last: &[String]) -> Failure {
    let how = match status.code() {
        Some(code) => format!("exit status {code}"),
        None => format!("{status}"),
    };
    if last.is_empty() { Failure::new(how) } else { Failure::new(format!("{how}: {}", last.join("\n"))) }
}

fn read_lines(output: Box<dyn Read + Send>, lines: &std::sync::mpsc::Sender<Vec<u8>>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        match (&mut output).take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                if lines.send(line).is_err() {
                    break;
                }
            }
        }
    }
}

/// Ends a command with everything that it has started.
#[cfg(unix)]
fn stop(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = Pid::from_child(child);
    // A group that is gone already needs no signal.
    let _ = kill_process_group(group, Signal::TERM);
    let until = Instant::now() + GRACE;
    while Instant::now() < until {
        if !matches!(child.try_wait(), Ok(None)) {
            break;
        }
        std::thread::sleep(TICK);
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

/// Ends a command.
#[cfg(not(unix))]
fn stop(child: &mut Child) {
    // One that has ended already cannot be killed.
    let _ = child.kill();
    let _ = child.wait();
}
