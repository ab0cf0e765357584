//! The local cloud as the door to HTTP: probes reach its data plane, calls of GoDaddy its own API.

use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

use super::{Answer, Trouble, answer, connect};
use crate::cloud::{Net, NetError, NetReply, NetRequest, Peer};
use crate::local::clock::Now;
use crate::local::route::{Route, route};
use crate::local::wire::decode_form;
use crate::local::{Dropped, Local, Request, Response};

/// Half of what a request takes on its way.
const HALF_WAY: Duration = Duration::from_millis(20);

/// HTTP and TCP into a local cloud.
pub struct LocalNet {
    local: Arc<Local>,
    now: Now,
    times: f64,
}

impl std::fmt::Debug for LocalNet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalNet")
    }
}

impl LocalNet {
    /// Into a local cloud, whose time passes so many times faster; 1 under virtual time.
    pub fn new(local: Arc<Local>, now: Now, times: f64) -> Self {
        Self { local, now, times: times.max(0.001) }
    }

    async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration.div_f64(self.times)).await;
    }

    fn send(&self, request: Request, port: u16) -> Result<(Response, Option<Peer>), NetError> {
        if !matches!(route(&request), Route::Net) {
            let host = request.host.clone();
            return match self.local.handle(request, (self.now)()) {
                Ok(response) => Ok((response, None)),
                Err(Dropped::NoSuchHost(host)) => Err(NetError::Dns(host)),
                Err(Dropped::Silence) => Err(NetError::Timeout(host)),
                Err(Dropped::Connection) => {
                    Err(NetError::Other(format!("`{host}` closed the connection before an answer came")))
                }
            };
        }
        let answered = self.local.with((self.now)(), |state, now| answer(state, now, &request, port));
        let Answer { response, certificate } = answered.map_err(error)?;
        Ok((response, certificate.map(|c| Peer { names: c.names, not_after: c.not_after })))
    }
}

fn error(trouble: Trouble) -> NetError {
    match trouble {
        Trouble::Dns(host) => NetError::Dns(host),
        Trouble::Refused(host) => NetError::Refused(host),
        Trouble::Tls(host, why) => NetError::Tls(host, why),
        Trouble::Timeout(host) => NetError::Timeout(host),
    }
}

/// The request of a URL, and its port.
fn read(request: NetRequest) -> Result<(Request, u16), NetError> {
    let bad = |why: String| NetError::Other(format!("`{}` is not a URL: {why}", request.url));
    // What follows `#` stays with the client.
    let url = request.url.split('#').next().unwrap_or_default();
    let uri: http::Uri = url.parse().map_err(|why: http::uri::InvalidUri| bad(why.to_string()))?;
    let https = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(bad("it starts with neither `http://` nor `https://`".to_owned())),
    };
    let host = uri.host().ok_or_else(|| bad("it has no host".to_owned()))?.to_ascii_lowercase();
    let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
    let headers =
        request.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let read = Request {
        method: request.method,
        host,
        https,
        path: if uri.path().is_empty() { "/".to_owned() } else { uri.path().to_owned() },
        query: decode_form(uri.query().unwrap_or_default()),
        headers,
        body: request.body,
    };
    Ok((read, port))
}

#[async_trait]
impl Net for LocalNet {
    async fn fetch(&self, request: NetRequest) -> Result<NetReply, NetError> {
        let timeout = request.timeout;
        let (request, port) = read(request)?;
        self.pause(HALF_WAY).await;
        let sent = self.send(request, port);
        let waits = matches!(sent, Err(NetError::Timeout(_)));
        self.pause(if waits { timeout } else { HALF_WAY }).await;
        let (Response { status, headers, body }, tls) = sent?;
        Ok(NetReply { status, headers, body, tls })
    }

    async fn connect(&self, host: &str, port: u16, timeout: Duration) -> Result<(), NetError> {
        self.pause(HALF_WAY).await;
        let opened = self.local.with((self.now)(), |state, now| connect(state, now, host, port));
        if matches!(opened, Err(Trouble::Timeout(_))) {
            self.pause(timeout).await;
        }
        opened.map_err(error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::local::{Faults, virtual_clock};

    fn get(url: &str) -> NetRequest {
        NetRequest {
            method: "GET".into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(5),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn godaddy_answers_and_unknown_hosts_do_not() {
        let local = Arc::new(Local::open(None, Faults::default()).unwrap());
        let net = LocalNet::new(local, virtual_clock(1_767_225_600_000), 1.0);
        let mut asked = get("https://api.godaddy.com/v1/domains/example.com/records");
        let denied = net.fetch(asked.clone()).await.unwrap();
        assert_eq!(denied.status, 401);
        asked.headers.push(("Authorization".into(), "sso-key K:S".into()));
        let known = net.fetch(asked).await.unwrap();
        assert_eq!((known.status, known.body.as_slice()), (200, b"[]".as_slice()));
        for url in ["https://www.example.com/", "http://nobody.us-east-1.elasticbeanstalk.com/"] {
            assert!(matches!(net.fetch(get(url)).await, Err(NetError::Dns(_))), "{url}");
        }
        assert!(matches!(net.fetch(get("ftp://x/")).await, Err(NetError::Other(_))));
    }
}
