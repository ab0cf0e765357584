//! The local cloud as a whole: one lock around the state, the clock, persistence, and trouble on order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::faults::{Faults, What};
use super::route::{Route, is_signed, route};
use super::service::{Protocol, Service};
use super::stale::Stale;
use super::store::{OpenError, Store};
use super::{Call, Cx, Fault, Reply, Request, Response, State, dataplane, regions, wire};

/// The account that everything belongs to.
pub const ACCOUNT: &str = "123456789012";

/// No answer came: the connection broke, or no host has the name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// The connection broke before an answer came; what was asked for may have been done.
    #[error("the connection was closed before an answer came")]
    Connection,
    /// The answer does not come in any time that a client waits; what was asked for may have been done, or be done
    /// later.
    #[error("no answer came")]
    Silence,
    /// No host has this name.
    #[error("`{0}` does not resolve")]
    NoSuchHost(String),
}

/// A local cloud.
pub struct Local {
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    store: Option<Store>,
    faults: Faults,
    asked: BTreeMap<String, u64>,
    changed: Vec<String>,
    /// What has been changed and is not seen yet.
    stale: Option<Stale>,
    /// Requests that are applied only later, and when.
    late: Vec<(i64, Request)>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Local")
    }
}

impl Local {
    /// Opens the local cloud kept in a file, or one kept nowhere.
    ///
    /// # Errors
    /// When another process uses the file, or it is damaged or cannot be opened.
    pub fn open(path: Option<&Path>, faults: Faults) -> Result<Self, OpenError> {
        let (store, state) = match path {
            Some(path) => Store::open(path).map(|(store, state)| (Some(store), state))?,
            None => (None, State::default()),
        };
        let mut state = state;
        state.bad_ends.extend(faults.bad_ends());
        let inner = Inner {
            state,
            store,
            faults,
            asked: BTreeMap::new(),
            changed: Vec::new(),
            stale: None,
            late: Vec::new(),
        };
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// Answers a request at a time: milliseconds since the Unix epoch. Where that is before the last request, the time
    /// of that is used. Whatever the request changed is in the file before the answer leaves.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn handle(&self, request: Request, now: i64) -> Result<Response, Dropped> {
        let mut inner = self.lock();
        inner.tick(now);
        inner.handle(request)
    }

    /// Reads or completes the state outside a request, as the data plane does. Changes are kept with the next
    /// mutating request.
    pub fn with<R>(&self, now: i64, f: impl FnOnce(&mut State, i64) -> R) -> R {
        let mut inner = self.lock();
        inner.tick(now);
        let now = inner.state.clock;
        f(&mut inner.state, now)
    }

    /// The time of the last request that is known: the clock of a later process starts no earlier.
    pub fn clock(&self) -> i64 {
        self.lock().state.clock
    }

    /// How many mutating calls there were since it was opened.
    pub fn mutations(&self) -> u64 {
        self.lock().faults.calls()
    }

    /// Which operations were asked for since it was opened: `rds:CreateDBInstance`, with the prefixes of IAM.
    pub fn operations(&self) -> BTreeSet<String> {
        let asked = &self.lock().asked;
        asked.keys().filter(|name| !name.starts_with("godaddy:")).cloned().collect()
    }

    /// How often each operation was asked for since it was opened: `rds:DescribeDBInstances`.
    pub fn asked(&self) -> BTreeMap<String, u64> {
        self.lock().asked.clone()
    }

    /// The mutating calls that there were since it was opened, in order: `rds:CreateDBInstance`.
    pub fn changed(&self) -> Vec<String> {
        self.lock().changed.clone()
    }

    // A service that panicked would be a bug; what it left is still the best that there is.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn tick(&mut self, now: i64) {
        self.state.clock = self.state.clock.max(now);
        let now = self.state.clock;
        super::settle(&mut self.state, now);
        while let Some(at) = self.late.iter().position(|(at, _)| *at <= now) {
            let (_, request) = self.late.swap_remove(at);
            // Nobody waits for the answer any more.
            let _ = self.handle(request);
        }
    }

    fn handle(&mut self, request: Request) -> Result<Response, Dropped> {
        if self.faults.dead() {
            return Err(Dropped::Connection);
        }
        let request_id = self.state.request_id();
        match route(&request) {
            // The host names of a region that does not exist do not resolve.
            Route::Service(service, region) if !region.is_empty() && regions::zones(&region).is_none() => {
                Err(Dropped::NoSuchHost(format!("{}.{region}.amazonaws.com", service.name())))
            }
            Route::Service(service, region) => {
                let head = request.method == "HEAD";
                let mut answer = self.serve(service, region, request_id, request);
                if let (true, Ok(response)) = (head, &mut answer) {
                    response.body.clear();
                }
                answer
            }
            Route::Unknown(name) => Ok(wire::unknown_service(&name, &request_id, &request)),
            Route::Net => self.internet(&request),
        }
    }

    /// The data plane's answer; what is no answer is told as a gateway would.
    fn internet(&mut self, request: &Request) -> Result<Response, Dropped> {
        let port = if request.https { 443 } else { 80 };
        let now = self.state.clock;
        match dataplane::answer(&mut self.state, now, request, port) {
            Ok(answer) => Ok(answer.response),
            Err(dataplane::Trouble::Dns(host)) => Err(Dropped::NoSuchHost(host)),
            Err(trouble) => Ok(Response {
                status: 502,
                headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
                body: format!("{trouble}\n").into_bytes(),
            }),
        }
    }

    fn serve(
        &mut self,
        service: Service,
        region: String,
        request_id: String,
        request: Request,
    ) -> Result<Response, Dropped> {
        let (resource, spoken) = (request.path.clone(), service.spoken(&request));
        // A copy costs as much as the body; only where it is ordered.
        let again = self.faults.orders_late().then(|| request.clone());
        let refuse = |fault: &Fault| Ok(wire::refusal(service, spoken, &request_id, &resource, fault));
        if let Err(fault) = self.admit(service, &request) {
            return refuse(&fault);
        }
        let call = match wire::parse(service, request) {
            Ok(call) => Call { page: self.faults.page(), ..call },
            Err(fault) => return refuse(&fault),
        };
        *self.asked.entry(format!("{}:{}", service.label(), call.operation)).or_default() += 1;
        if self.faults.busy(service.name(), self.state.clock) {
            return refuse(&service.throttled());
        }
        let mutates = service.mutates(&call);
        let now = self.state.clock;
        let mut due = Vec::new();
        if mutates {
            self.faults.count(service.label(), &call.operation);
            self.changed.push(format!("{}:{}", service.label(), call.operation));
            due = self.faults.due();
            for trouble in &due {
                match trouble {
                    What::KillBefore => {
                        self.faults.kill();
                        return Err(Dropped::Connection);
                    }
                    What::Throttle => return refuse(&service.throttled()),
                    What::Error => return refuse(&Fault::new(500, internal(service), INTERNAL)),
                    What::Deny => return refuse(&denied(service, &call.operation)),
                    What::Quota => return refuse(&over_quota(service, &call.operation)),
                    What::Late => {
                        self.late.extend(again.map(|request| (now + LATE, request)));
                        return Err(Dropped::Silence);
                    }
                    _ => {}
                }
            }
        }
        let cx = Cx { now, region, account: ACCOUNT.to_owned(), request_id: request_id.clone() };
        let hidden =
            due.iter().find_map(|what| if let What::Hide(reads) = what { Some(*reads) } else { None });
        let before = hidden.map(|reads| Stale::new(service, self.state.clone(), reads));
        let result = self.answer(service, &cx, &call, mutates);
        if before.is_some() && result.is_ok() {
            self.stale = before;
        }
        if mutates {
            if let Err(error) = self.save() {
                return refuse(&Fault::new(500, internal(service), error));
            }
            for trouble in &due {
                match trouble {
                    What::KillAfter => {
                        self.faults.kill();
                        return Err(Dropped::Connection);
                    }
                    What::Lost => return Err(Dropped::Connection),
                    What::Slow => return Err(Dropped::Silence),
                    What::ErrorAfter => return refuse(&Fault::new(500, internal(service), INTERNAL)),
                    _ => {}
                }
            }
        }
        match result {
            Ok(reply) => Ok(wire::reply(service, spoken, &call.operation, &request_id, reply)),
            Err(fault) => refuse(&fault),
        }
    }

    /// The service's answer, of what it knows or, for a while, of what it knew.
    fn answer(&mut self, service: Service, cx: &Cx, call: &Call, mutates: bool) -> Result<Reply, Fault> {
        let old = match self.stale.as_mut().filter(|stale| stale.is_of(service)) {
            Some(stale) => stale.answer(cx, call, mutates),
            None => None,
        };
        if self.stale.as_ref().is_some_and(Stale::is_over) {
            self.stale = None;
        }
        match old {
            Some(old) => old,
            None => service.handle(&mut self.state, cx, call),
        }
    }

    fn admit(&self, service: Service, request: &Request) -> Result<(), Fault> {
        if service == Service::GoDaddy {
            return Ok(());
        }
        if !is_signed(request) {
            return Err(match service {
                Service::S3 => Fault::new(403, "AccessDenied", "Access Denied"),
                _ => Fault::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"),
            });
        }
        if self.faults.expired() {
            let code = match service.protocol() {
                Protocol::Ec2 => "RequestExpired",
                Protocol::Json11 | Protocol::RestJson => "ExpiredTokenException",
                _ => "ExpiredToken",
            };
            return Err(Fault::new(
                if service == Service::S3 || service.protocol() == Protocol::Json11 { 400 } else { 403 },
                code,
                "The security token included in the request is expired",
            ));
        }
        Ok(())
    }

    fn save(&mut self) -> Result<(), String> {
        if let Some(store) = &self.store {
            store
                .save(&self.state)
                .map_err(|error| format!("the local cloud cannot write its state: {error}"))?;
        }
        self.state.blobs.sweep();
        Ok(())
    }
}

/// How long after the request came it is applied where that is ordered to be late: when all clients have given up.
const LATE: i64 = 75_000;

const INTERNAL: &str = "An internal error occurred.";

/// What AWS says to an account that may not have more of what a call makes (the errors of its service model).
fn over_quota(service: Service, operation: &str) -> Fault {
    let (status, code) = match operation {
        "CreateEnvironment" => (400, "TooManyEnvironmentsException"),
        "CreateApplication" => (400, "TooManyApplicationsException"),
        "CreateDBInstance" | "RestoreDBInstanceFromDBSnapshot" => (400, "InstanceQuotaExceeded"),
        "CreateCacheCluster" => (400, "ClusterQuotaForCustomerExceeded"),
        "CreateReplicationGroup" => (400, "NodeQuotaForCustomerExceeded"),
        "CreateSecurityGroup" => (400, "SecurityGroupLimitExceeded"),
        "CreateDistribution" | "CreateDistributionWithTags" => (400, "TooManyDistributions"),
        "CreateBucket" => (400, "TooManyBuckets"),
        "CreateHostedZone" => (400, "TooManyHostedZones"),
        "CreateTopic" => (403, "TopicLimitExceeded"),
        _ if service == Service::Iam => (409, "LimitExceeded"),
        _ if service == Service::Acm => (400, "LimitExceededException"),
        _ => (400, "LimitExceeded"),
    };
    Fault::new(status, code, "The quota of this account is reached.")
}

/// What AWS says to a caller that may not make a call.
fn denied(service: Service, operation: &str) -> Fault {
    let message = format!(
        "User: arn:aws:iam::{ACCOUNT}:user/vpipe-local is not authorized to perform: {}:{operation} because no \
         identity-based policy allows the {}:{operation} action",
        service.prefix(),
        service.prefix()
    );
    let (status, code) = match service.protocol() {
        Protocol::Ec2 => (403, "UnauthorizedOperation"),
        Protocol::Query | Protocol::Cbor | Protocol::RestXml | Protocol::S3 => (403, "AccessDenied"),
        Protocol::RestJson => (403, "AccessDeniedException"),
        Protocol::Json11 => (400, "AccessDeniedException"),
        Protocol::Plain => (403, "ACCESS_DENIED"),
    };
    Fault::new(status, code, message)
}

fn internal(service: Service) -> &'static str {
    match service.protocol() {
        Protocol::Query | Protocol::RestXml | Protocol::Cbor | Protocol::Json11 => "InternalFailure",
        Protocol::Plain => "INTERNAL_ERROR",
        Protocol::RestJson => "InternalServerErrorException",
        Protocol::Ec2 | Protocol::S3 => "InternalError",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::local::testing::{Client, START, text};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    const NEW_KEY: [(&str, &str); 1] = [("KeyName", "k")];

    fn with(faults: &[&str]) -> Client {
        let troubles = faults.iter().map(|text| text.parse::<crate::local::Trouble>().unwrap());
        Client::of(Local::open(None, Faults::new(troubles)).unwrap())
    }

    fn request(operation: &str) -> Request {
        let query = vec![("Action".to_owned(), operation.to_owned()), ("KeyName".to_owned(), "k".to_owned())];
        Request { method: "POST".into(), path: "/".into(), query, ..Request::default() }
    }

    #[test]
    fn a_lost_answer_was_applied() {
        let client = with(&["lost@1"]);
        assert_eq!(client.send("ec2", request("CreateKeyPair")).unwrap_err(), Dropped::Connection);
        assert_eq!(client.query("ec2", "CreateKeyPair", &NEW_KEY).unwrap_err(), "InvalidKeyPair.Duplicate");
        assert_eq!(client.local.mutations(), 2);
    }

    #[test]
    fn a_throttled_call_was_not_applied() {
        let client = with(&["throttle@1"]);
        assert_eq!(client.query("ec2", "CreateKeyPair", &NEW_KEY).unwrap_err(), "RequestLimitExceeded");
        client.query("ec2", "CreateKeyPair", &NEW_KEY).unwrap();
    }

    #[test]
    fn after_a_kill_nothing_answers() {
        for (fault, keys) in [("kill@1:before", 0), ("kill@1:after", 1)] {
            let kills = Arc::new(AtomicU32::new(0));
            let counted = kills.clone();
            let on_kill: super::super::OnKill = Arc::new(move || {
                counted.fetch_add(1, Ordering::Relaxed);
            });
            let faults = Faults::new([fault.parse().unwrap()]).on_kill(on_kill);
            let client = Client::of(Local::open(None, faults).unwrap());
            assert_eq!(client.send("ec2", request("CreateKeyPair")).unwrap_err(), Dropped::Connection);
            assert_eq!(client.send("ec2", request("DescribeKeyPairs")).unwrap_err(), Dropped::Connection);
            assert_eq!(kills.load(Ordering::Relaxed), 1);
            assert_eq!(client.local.with(START, |state, _| state.ec2.region("us-east-1").keys.len()), keys);
        }
    }

    #[test]
    fn expired_credentials_and_none_are_refused() {
        let client = with(&["expire@1"]);
        client.query("ec2", "DescribeKeyPairs", &[]).unwrap();
        client.query("ec2", "CreateKeyPair", &NEW_KEY).unwrap();
        assert_eq!(client.query("ec2", "DescribeKeyPairs", &[]).unwrap_err(), "RequestExpired");
        let unsigned = Request { host: "ec2.us-east-1.amazonaws.com".into(), ..request("DescribeKeyPairs") };
        assert_eq!(client.local.handle(unsigned, START).unwrap().status, 403);
    }

    #[test]
    fn what_does_not_exist_is_refused_once_and_for_all() {
        let mut client = Client::new();
        assert_eq!(client.query("lambda", "Invoke", &[]).unwrap_err(), "InvalidAction");
        client.region = "us-esat-1";
        let dropped = client.send("ec2", request("DescribeKeyPairs")).unwrap_err();
        assert_eq!(dropped, Dropped::NoSuchHost("ec2.us-esat-1.amazonaws.com".into()));
    }

    #[test]
    fn a_second_process_finds_what_the_first_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/state.json");
        let client = Client::of(Local::open(Some(&path), Faults::default()).unwrap());
        client.query("ec2", "CreateKeyPair", &NEW_KEY).unwrap();
        let error = Local::open(Some(&path), Faults::default()).unwrap_err().to_string();
        assert!(error.contains(&format!("in use by process {}", std::process::id())), "{error}");
        drop(client);
        let client = Client::of(Local::open(Some(&path), Faults::default()).unwrap());
        client.now.set(0);
        let keys = client.query("ec2", "DescribeKeyPairs", &[]).unwrap();
        assert_eq!(text(&keys, "keySet/item/keyName"), "k");
        assert_eq!(client.local.clock(), START);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_or_newer_file_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        for (content, words) in
            [("{\"version\":1", "is damaged"), ("", "is damaged"), ("{\"version\":99}", "newer vpipe")]
        {
            std::fs::write(&path, content).unwrap();
            let error = Local::open(Some(&path), Faults::default()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_full_disk_is_an_error_of_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let client = Client::of(Local::open(Some(&path), Faults::default()).unwrap());
        // A folder in the place of the new file: it cannot be written, whoever runs this.
        std::fs::create_dir(folder.path().join("state.json.new")).unwrap();
        assert_eq!(client.send("ec2", request("CreateKeyPair")).unwrap().status, 500);
    }

    /// Anything that a confused client may send.
    fn any_request() -> impl proptest::strategy::Strategy<Value = (usize, String, String, String, Vec<u8>)> {
        use proptest::prelude::*;
        let operation = "(Create|Delete|Describe|Modify|Put|List|Get|Authorize)(DBInstance|SecurityGroup|CacheCluster|Broker|Bucket|Role|X)(s|Ingress)?";
        let path = "/[a-z0-9./%?&=-]{0,30}";
        let body = prop_oneof![
            "([A-Z][A-Za-z]{1,12}(\\.[0-9a-zA-Z]{1,9}){0,3}=[a-zA-Z0-9:/%.-]{0,12}&){0,8}"
                .prop_map(String::into_bytes),
            "(<[A-Za-z]{1,8}>|</[A-Za-z]{1,8}>|[a-z&;]{1,5}){0,12}".prop_map(String::into_bytes),
            "[\\[\\]{}\",:a-z0-9]{0,40}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..64),
        ];
        let method =
            prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE"), Just("HEAD"), Just("X")];
        (0..Service::ALL.len(), method.prop_map(str::to_owned), operation, path, body)
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 1500, failure_persistence: None, ..Default::default() })]

        #[test]
        fn every_request_is_answered((at, method, operation, path, body) in any_request()) {
            let service = Service::ALL.get(at).copied().unwrap_or(Service::Sts);
            let (path, query) = path.split_once('?').unwrap_or((&path, ""));
            let mut request = Request {
                method,
                path: path.to_owned(),
                query: wire::decode_form(query),
                headers: vec![("x-amz-target".to_owned(), format!("X.{operation}"))],
                body,
                ..Request::default()
            };
            request.query.push(("Action".to_owned(), operation));
            let response = Client::new().send(service.name(), request).unwrap();
            proptest::prop_assert!((200..=503).contains(&response.status), "{}", response.status);
        }
    }
}
