//! The lock: one run at a time for each pipeline and stage.

use serde::{Deserialize, Serialize};

/// Who takes a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The run's id.
    pub run: String,
    /// The user's login name.
    pub user: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// What tells this process from a later one with the same number.
    pub started: String,
    /// When it took the lock: milliseconds since the Unix epoch, by the machine's clock.
    pub since: i64,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockHolder {
    /// Who.
    pub owner: Owner,
    /// The fencing token; each new lock has a higher one.
    pub token: u64,
}

impl Owner {
    /// This process.
    pub fn current(run: String, since: i64) -> Self {
        let pid = std::process::id();
        Self {
            run,
            user: std::env::var("USER")
                .or_else(|_| std::env::var("LOGNAME"))
                .unwrap_or_else(|_| "unknown".into()),
            host: host_name(),
            pid,
            started: process_start(pid).unwrap_or_default(),
            since,
        }
    }

    /// Whether the process is known to be gone: only this machine's processes can be asked.
    pub fn is_dead(&self) -> bool {
        self.host == host_name() && process_start(self.pid).is_none_or(|started| started != self.started)
    }
}

impl std::fmt::Display for LockHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Owner { user, host, pid, since, .. } = &self.owner;
        let since = jiff::Timestamp::from_millisecond(*since).map(|t| t.to_string()).unwrap_or_default();
        write!(f, "locked by {user} on {host}, process {pid}, since {since}")
    }
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| {
            let out = std::process::Command::new("hostname").output().ok()?;
            String::from_utf8(out.stdout).ok()
        })
        .map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// When a process began, in the system's own words; `None` when there is no such process.
fn process_start(pid: u32) -> Option<String> {
    if cfg!(target_os = "linux") {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command's name, in parentheses, may hold spaces: count fields after it. A zombie does no more work.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?;
        return if state == "Z" { None } else { fields.nth(18).map(str::to_owned) };
    }
    let out =
        std::process::Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_another_start_does_not() {
        let mut owner = Owner::current("r".into(), 0);
        assert!(!owner.is_dead());
        owner.started = "long ago".into();
        assert!(owner.is_dead());
    }
}
