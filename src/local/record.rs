//! What tests send to the local cloud and what it answers, kept so that both can be held against AWS's service models.
//!
//! Nothing switches this on, so nobody can by accident: only builds with debug assertions hold it, and of those only test
//! executables record, and what they started themselves. Each process writes `TARGET/tmp/wire/NAME-PID.ndjson`, for its owner
//! alone, one line an exchange; `tests/wire.rs` says what becomes of it. Exchanges that differ in nothing but digits, such as
//! the looks of one who waits, are kept once.

use super::{Dropped, Local, Request, Response};

/// Who sent a request.
#[derive(Clone, Copy, Debug)]
pub enum Via {
    /// vpipe, through the SDK.
    Bridge,
    /// A client of the port.
    Port,
    /// A test, by hand: its requests may be wrong.
    #[cfg(test)]
    Test,
}

/// As [`Local::handle`], recorded when a test wants it.
///
/// # Errors
/// When no answer comes.
pub fn handle(via: Via, local: &Local, request: Request, now: i64) -> Result<Response, Dropped> {
    #[cfg(debug_assertions)]
    if let Some(recorder) = recorder::find() {
        let asked = request.clone();
        let answer = local.handle(request, now);
        recorder.write(via, asked, &answer);
        return answer;
    }
    let _ = via;
    local.handle(request, now)
}

#[cfg(debug_assertions)]
mod recorder {
    use serde_json::{Map, Value, json};
    use std::collections::HashSet;
    use std::fs::{File, OpenOptions};
    use std::hash::{DefaultHasher, Hash, Hasher};
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, OnceLock, PoisonError};
    use std::time::UNIX_EPOCH;

    use super::{Dropped, Request, Response, Via};
    use crate::local::route::{Route, route};
    use crate::local::wire;

    /// Bodies that are longer are told by their length: what is in bundles is nothing that a model knows of.
    const LONGEST: usize = 256 * 1024;

    pub(super) struct Recorder {
        file: File,
        /// Hashes of what was written already.
        seen: Mutex<HashSet<u64>>,
    }

    /// This process's recorder; none when it is no process of the tests.
    pub(super) fn find() -> Option<&'static Recorder> {
        static RECORDER: OnceLock<Option<Recorder>> = OnceLock::new();
        RECORDER.get_or_init(Recorder::open).as_ref()
    }

    impl Recorder {
        fn open() -> Option<Self> {
            let own = std::env::current_exe().ok()?;
            let folder = records(&own).or_else(|| records(&parent()?))?;
            std::fs::create_dir_all(&folder).ok()?;
            let name = own.file_stem()?.to_string_lossy().into_owned();
            let modified = std::fs::metadata(&own).and_then(|found| found.modified()).ok()?;
            let modified = modified.duration_since(UNIX_EPOCH).ok()?.as_nanos().to_string();
            let mut options = OpenOptions::new();
            options.create(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(folder.join(format!("{name}-{}.ndjson", std::process::id()))).ok()?;
            let recorder = Self { file, seen: Mutex::default() };
            let all = records(&own).is_some() && runs_all(std::env::args().skip(1));
            recorder.line(&json!({ "executable": own, "modified": modified, "all": all }));
            Some(recorder)
        }

        pub(super) fn write(&self, via: Via, request: Request, answer: &Result<Response, Dropped>) {
            let print = fingerprint(&request, answer);
            if !self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(print) {
                return;
            }
            let via = match via {
                Via::Bridge => "bridge",
                Via::Port => "port",
                #[cfg(test)]
                Via::Test => "test",
            };
            let reply = match answer {
                Ok(reply) => json!({
                    "status": reply.status,
                    "headers": headers(&reply.headers),
                    "body": body(&reply.body),
                }),
                Err(_) => Value::Null,
            };
            let mut exchange = json!({
                "via": via,
                "request": {
                    "method": request.method,
                    "host": request.host,
                    "path": request.path,
                    "query": request.query,
                    "headers": headers(&request.headers),
                    "body": body(&request.body),
                },
                "reply": reply,
            });
            exchange["operation"] = json!(operation(request));
            self.line(&exchange);
        }

        /// One write a line: the process may be killed at any time, and threads do not mix theirs.
        fn line(&self, value: &Value) {
            // A test must not fail because of a full disk here; `tests/wire.rs` finds what is missing.
            let _ = (&self.file).write_all(format!("{value}\n").as_bytes());
        }
    }

    /// An exchange without its hexadecimal digits, of which ids, times and counts are made.
    fn fingerprint(request: &Request, answer: &Result<Response, Dropped>) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut add = |bytes: &[u8]| {
            let kept: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_hexdigit()).collect();
            kept.hash(&mut hasher);
        };
        for text in [&request.method, &request.host, &request.path] {
            add(text.as_bytes());
        }
        for (name, value) in request.query.iter().chain(&request.headers) {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        add(&request.body);
        if let Ok(reply) = answer {
            add(&reply.body);
            reply.status.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// What the local cloud took the request for, with the name that IAM has for the service: `rds:CreateDBInstance`.
    fn operation(request: Request) -> Option<String> {
        let Route::Service(service, _) = route(&request) else { return None };
        let call = wire::parse(service, request).ok()?;
        Some(format!("{}:{}", service.prefix(), call.operation))
    }

    /// `TARGET/tmp/wire` for a test executable, `TARGET/PROFILE/deps/NAME`.
    fn records(executable: &Path) -> Option<PathBuf> {
        let folder = executable.parent()?;
        (folder.file_name()? == "deps").then_some(())?;
        Some(folder.parent()?.parent()?.join("tmp").join("wire"))
    }

    /// Whether a test executable with these arguments runs all of its tests: without a filter of any kind.
    fn runs_all(arguments: impl Iterator<Item = String>) -> bool {
        let mut of_option = false;
        for argument in arguments {
            match argument.as_str() {
                _ if of_option => of_option = false,
                "--test-threads" | "--color" | "--format" | "--logfile" | "-Z" => of_option = true,
                "--exact" | "--ignored" | "--skip" | "--list" => return false,
                option if option.starts_with("--skip=") || !option.starts_with('-') => return false,
                _ => {}
            }
        }
        true
    }

    /// The executable of the process that started this one, where that can be found out.
    fn parent() -> Option<PathBuf> {
        #[cfg(target_os = "linux")]
        return std::fs::read_link(format!("/proc/{}/exe", std::os::unix::process::parent_id())).ok();
        #[cfg(not(target_os = "linux"))]
        None
    }

    fn headers(all: &[(String, String)]) -> Map<String, Value> {
        all.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect()
    }

    /// Text as it is, bytes as a list of one text in base64, what is too long as its length.
    fn body(bytes: &[u8]) -> Value {
        use base64::Engine;
        match std::str::from_utf8(bytes) {
            _ if bytes.len() > LONGEST => json!(bytes.len()),
            Ok(text) => json!(text),
            Err(_) => json!([base64::engine::general_purpose::STANDARD.encode(bytes)]),
        }
    }

    #[cfg(test)]
    mod tests {
        #![allow(clippy::unwrap_used)]
        use super::*;

        #[test]
        fn only_test_executables_have_a_place_for_records() {
            let place = records(Path::new("/t/debug/deps/suite-0123")).unwrap();
            assert_eq!(place, Path::new("/t/tmp/wire"));
            for other in ["/t/debug/vpipe", "/usr/bin/bash", "/deps", "vpipe", "/usr/local/bin/vpipe"] {
                assert_eq!(records(Path::new(other)), None, "{other}");
            }
        }

        #[test]
        fn filters_leave_tests_out() {
            let all = |text: &str| runs_all(text.split_whitespace().map(str::to_owned));
            assert!(all("") && all("--test-threads 2 --nocapture") && all("--format=terse -q"));
            for part in
                ["clients", "--nocapture eb", "--skip sweep", "--skip=sweep", "--exact a::b", "--ignored"]
            {
                assert!(!all(part), "{part}");
            }
        }

        #[test]
        fn records_are_for_their_owner_and_say_what_was_asked_and_answered() {
            let client = crate::local::testing::Client::new();
            client.query("sts", "GetCallerIdentity", &[("Marker", "wire-record-test")]).unwrap();
            let place = records(&std::env::current_exe().unwrap()).unwrap();
            let name = std::env::current_exe().unwrap().file_stem().unwrap().to_string_lossy().into_owned();
            let file = place.join(format!("{name}-{}.ndjson", std::process::id()));
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            }
            let text = std::fs::read_to_string(file).unwrap();
            let line = text.lines().find(|line| line.contains("wire-record-test")).unwrap();
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!((line["via"].as_str(), line["reply"]["status"].as_u64()), (Some("test"), Some(200)));
            assert_eq!(line["request"]["query"][0], json!(["Action", "GetCallerIdentity"]));
            assert!(line["reply"]["body"].as_str().unwrap().contains("<GetCallerIdentityResult>"));
        }
    }
}
