//! The data plane: what the internet sees of the local cloud.
//!
//! ```text
//! name ─dns▶ CloudFront ─edge▶ load balancer ─balancer▶ instance ─instance▶ the deployed version
//! ```
//! Every answer is that of the instant at which it is asked for.

mod balancer;
mod bucket;
mod dns;
mod edge;
mod instance;
#[cfg(feature = "aws")]
mod net;
mod tcp;

use super::{Request, Response, State};

pub(crate) use dns::told_since;
pub(crate) use instance::{app_status, check};
#[cfg(feature = "aws")]
pub use net::LocalNet;
pub use tcp::connect;

/// At most so many distributions and names follow each other.
const HOPS: u32 = 8;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The name does not resolve.
    Dns(String),
    /// Nobody listens.
    Refused(String),
    /// The certificate is not good for the host, or there is none: host, why.
    Tls(String, String),
    /// No answer comes.
    Timeout(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns(host) => write!(f, "`{host}` does not resolve"),
            Self::Refused(host) => write!(f, "`{host}` refused the connection"),
            Self::Tls(host, why) => write!(f, "the certificate of `{host}` is not valid: {why}"),
            Self::Timeout(host) => write!(f, "`{host}` did not answer in time"),
        }
    }
}

/// What a client sees of a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The names that it covers.
    pub names: Vec<String>,
    /// Milliseconds since the Unix epoch when it expires.
    pub not_after: i64,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The response.
    pub response: Response,
    /// The server's certificate, over HTTPS.
    pub certificate: Option<Certificate>,
}

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A distribution, by id.
    Edge(String),
    /// A load balancer, by ARN.
    Balancer(String),
    /// An instance with an address of its own, by id.
    Instance(String),
    /// An address behind which nobody is known.
    Nowhere,
}

/// Answers a request from the internet at a time. The port is 80 or 443 unless the URL said otherwise.
///
/// # Errors
/// When no answer comes.
pub fn answer(state: &mut State, now: i64, request: &Request, port: u16) -> Result<Answer, Trouble> {
    super::settle(state, now);
    reach(state, now, request, port, 0)
}

/// As [`answer`], from inside the local cloud as well.
fn reach(state: &mut State, now: i64, request: &Request, port: u16, hops: u32) -> Result<Answer, Trouble> {
    if hops > HOPS {
        return Err(Trouble::Timeout(request.host.clone()));
    }
    match dns::resolve(state, &request.host, now)? {
        Place::Edge(id) => edge::answer(state, now, &id, request, port, hops),
        Place::Balancer(arn) => balancer::answer(state, now, &arn, request, port),
        Place::Instance(_) if request.https => Err(Trouble::Refused(request.host.clone())),
        Place::Instance(id) if port == 80 => match instance::answer(state, &id, request) {
            Some(response) => Ok(Answer { response, certificate: None }),
            None => Err(Trouble::Refused(request.host.clone())),
        },
        Place::Instance(_) | Place::Nowhere => Err(Trouble::Timeout(request.host.clone())),
    }
}

/// The host that a request is for: its `Host` header without port, else the host of its URL.
fn host_of(request: &Request) -> String {
    let host = request.header("host").unwrap_or(&request.host);
    host.rsplit_once(':').map_or(host, |(name, _)| name).trim_end_matches('.').to_ascii_lowercase()
}

/// A small page that an infrastructure answers with.
fn page(status: u16, server: &str, title: &str) -> Response {
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    Response {
        status,
        headers: vec![
            ("server".to_owned(), server.to_owned()),
            ("content-type".to_owned(), "text/html".to_owned()),
            ("content-length".to_owned(), body.len().to_string()),
        ],
        body: body.into_bytes(),
    }
}

/// The path with the query, as in a URL.
fn address(request: &Request) -> String {
    if request.query.is_empty() {
        return request.path.clone();
    }
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs: Vec<String> =
        request.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    format!("{}?{}", request.path, pairs.join("&"))
}

#[cfg(test)]
mod tests;
