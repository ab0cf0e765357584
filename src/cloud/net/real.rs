//! HTTP and TCP through this machine's sockets.

use async_trait::async_trait;
use reqwest::redirect::Policy;
use reqwest::tls::TlsInfo;
use std::error::Error;
use std::time::Duration;
use tokio::net::TcpStream;

use super::{Net, NetError, NetReply, NetRequest, certificate};

/// More of an answer's body than this is not read: probes look at pages, not at downloads.
const MAX_BODY: usize = 16 << 20;

/// The internet. Proxies and certificates are those of the machine.
#[derive(Clone, Debug)]
pub struct RealNet {
    client: reqwest::Client,
}

impl RealNet {
    /// Sets up a client; nothing is sent.
    ///
    /// # Errors
    /// When the machine's TLS set-up cannot be read.
    pub fn new() -> Result<Self, NetError> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .tls_info(true)
            .connect_timeout(Duration::from_secs(10))
            // Every probe looks up the name and opens its own connection, as a new visitor would.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("vpipe/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| NetError::Other(chain(&error)))?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Net for RealNet {
    async fn fetch(&self, request: NetRequest) -> Result<NetReply, NetError> {
        let url = reqwest::Url::parse(&request.url)
            .map_err(|error| NetError::Other(format!("`{}` is not a URL: {error}", request.url)))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| NetError::Other(format!("`{}` is not an HTTP method", request.method)))?;
        let mut builder = self.client.request(method, url).timeout(request.timeout).body(request.body);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let mut response = builder.send().await.map_err(|error| no_answer(&host, &error))?;
        let tls = response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
        let tls = tls.and_then(certificate::read);
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| no_answer(&host, &error))? {
            body.extend_from_slice(&part);
            if body.len() > MAX_BODY {
                return Err(NetError::Other(format!("the answer of `{host}` is larger than 16 MiB")));
            }
        }
        Ok(NetReply { status, headers, body, tls })
    }

    async fn connect(&self, host: &str, port: u16, timeout: Duration) -> Result<(), NetError> {
        let open = async {
            let addresses: Vec<_> = tokio::net::lookup_host((host, port))
                .await
                .map_err(|_| NetError::Dns(host.to_owned()))?
                .collect();
            TcpStream::connect(&*addresses).await.map_err(|error| match error.kind() {
                std::io::ErrorKind::ConnectionRefused => NetError::Refused(format!("{host}:{port}")),
                std::io::ErrorKind::TimedOut => NetError::Timeout(format!("{host}:{port}")),
                _ => NetError::Other(format!("`{host}:{port}`: {error}")),
            })
        };
        match tokio::time::timeout(timeout, open).await {
            Ok(opened) => opened.map(drop),
            Err(_) => Err(NetError::Timeout(format!("{host}:{port}"))),
        }
    }
}

/// Why no answer came. reqwest does not say it in types, so the words of the causes are looked at.
fn no_answer(host: &str, error: &reqwest::Error) -> NetError {
    let words = chain(error);
    let lower = words.to_lowercase();
    if error.is_timeout() {
        NetError::Timeout(host.to_owned())
    } else if lower.contains("dns error") || lower.contains("failed to lookup") {
        NetError::Dns(host.to_owned())
    } else if lower.contains("connection refused") {
        NetError::Refused(host.to_owned())
    } else if lower.contains("certificate") {
        let reason = words.rsplit(": ").next().unwrap_or(&words);
        NetError::Tls(host.to_owned(), reason.to_owned())
    } else {
        NetError::Other(format!("no answer from `{host}`: {words}"))
    }
}

/// The words of an error's causes. The first is left out: it repeats the URL, whose query may hold secrets.
fn chain(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut next = error.source();
    while let Some(error) = next {
        words.push(error.to_string());
        next = error.source();
    }
    if words.is_empty() { "the request failed".to_owned() } else { words.join(": ") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn get(url: String) -> NetRequest {
        NetRequest {
            method: "GET".to_owned(),
            url,
            headers: vec![("x-probe".to_owned(), "1".to_owned())],
            body: Vec::new(),
            timeout: Duration::from_millis(500),
        }
    }

    /// A server that answers one request with the given bytes, and gives back what it was asked.
    async fn serve(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/login?a=b", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let n = socket.read(&mut request).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..n]).into_owned()
        });
        (url, asked)
    }

    #[tokio::test]
    async fn answers_come_back_whole_and_redirects_are_not_followed() {
        let answer = "HTTP/1.1 301 Moved\r\nLocation: https://example.com/\r\nVia: 1.1 x\r\nContent-Length: 2\r\n\r\nhi";
        let (url, asked) = serve(answer).await;
        let reply = RealNet::new().unwrap().fetch(get(url)).await.unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (301, b"hi".as_slice()));
        assert!(reply.headers.contains(&("via".to_owned(), "1.1 x".to_owned())), "{:?}", reply.headers);
        assert!(reply.tls.is_none());
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("GET /login?a=b HTTP/1.1\r\n") && asked.contains("x-probe: 1"), "{asked}");
    }

    #[tokio::test]
    async fn failures_are_told_apart() {
        let net = RealNet::new().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let refused = net.fetch(get(format!("http://127.0.0.1:{free}/"))).await.unwrap_err();
        assert!(matches!(refused, NetError::Refused(_)), "{refused}");
        let refused = net.connect("127.0.0.1", free, Duration::from_secs(1)).await.unwrap_err();
        assert!(matches!(refused, NetError::Refused(_)), "{refused}");
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let late = net.fetch(get(url)).await.unwrap_err();
        assert!(matches!(late, NetError::Timeout(_)), "{late}");
        net.connect("127.0.0.1", silent.local_addr().unwrap().port(), Duration::from_secs(1)).await.unwrap();
        let unknown = net.fetch(get("http://no-such-host.invalid/".to_owned())).await.unwrap_err();
        assert!(matches!(unknown, NetError::Dns(_)), "{unknown}");
        let (url, _) = serve("garbage\r\n\r\n").await;
        let garbage = net.fetch(get(url.replace("http:", "https:"))).await.unwrap_err();
        assert!(matches!(garbage, NetError::Other(_)), "{garbage}");
        assert!(matches!(net.fetch(get("no url".to_owned())).await.unwrap_err(), NetError::Other(_)));
    }
}
