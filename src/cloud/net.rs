//! The door to HTTP outside AWS: DNS providers and the probes of `expect`.

mod certificate;
mod real;

pub use real::RealNet;

use async_trait::async_trait;
use std::time::Duration;

/// A request.
#[derive(Clone, Debug)]
pub struct NetRequest {
    /// `GET`, `PUT`, …
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// How long to wait for the whole answer.
    pub timeout: Duration,
}

/// An answer, whatever its status. Redirects are not followed.
#[derive(Clone, Debug)]
pub struct NetReply {
    /// The HTTP status.
    pub status: u16,
    /// Header names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The server's certificate, when the URL is `https` and the client could see it.
    pub tls: Option<Peer>,
}

/// What is known of a server's certificate.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The names that it covers.
    pub names: Vec<String>,
    /// Milliseconds since the Unix epoch when it expires.
    pub not_after: i64,
}

/// No answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NetError {
    /// The name does not resolve.
    #[error("`{0}` does not resolve")]
    Dns(String),
    /// Nobody listens.
    #[error("`{0}` refused the connection")]
    Refused(String),
    /// The certificate is not good for the host.
    #[error("the certificate of `{0}` is not valid: {1}")]
    Tls(String, String),
    /// No answer in time.
    #[error("`{0}` did not answer in time")]
    Timeout(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// How requests leave: through sockets, or into the local cloud.
#[async_trait]
pub trait Net: Send + Sync + std::fmt::Debug {
    /// Sends a request.
    ///
    /// # Errors
    /// When no answer comes; an answer of any status is none.
    async fn fetch(&self, request: NetRequest) -> Result<NetReply, NetError>;

    /// Opens and closes a TCP connection.
    ///
    /// # Errors
    /// When it cannot be opened.
    async fn connect(&self, host: &str, port: u16, timeout: Duration) -> Result<(), NetError>;
}
