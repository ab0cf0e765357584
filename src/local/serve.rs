//! The local cloud on a loopback port, for any AWS client: `AWS_ENDPOINT_URL=http://127.0.0.1:PORT`.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request as Incoming, State as Shared};
use axum::response::Response as Outgoing;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::clock::Now;
use super::record::{self, Via};
use super::wire::decode_form;
use super::{Dropped, Local, Request, Response};

/// The largest body: that of a Beanstalk bundle, and what goes around it.
const LARGEST: usize = 520 * 1024 * 1024;

/// How long a connection without an answer stays open: longer than any client waits.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// A served local cloud.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Answers what has come, takes nothing more, and ends.
    ///
    /// # Errors
    /// When serving failed.
    pub async fn stop(self) -> io::Result<()> {
        // It may have ended on its own.
        let _ = self.stop.send(());
        self.task.await.map_err(io::Error::other)?
    }
}

/// Serves a local cloud on 127.0.0.1; port 0 takes a free one. No other machine can reach it.
///
/// Hosts that are no AWS endpoint but known to the local cloud's DNS are served by its data plane, also when it is used as
/// an HTTP proxy (`curl -x http://127.0.0.1:PORT http://www.example.com/`).
///
/// # Errors
/// When the port cannot be had.
pub async fn serve(local: Arc<Local>, port: u16, now: Now) -> io::Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let app = axum::Router::new().fallback(answer).with_state((local, now));
    let task = tokio::spawn(async move {
        let until = async {
            // Dropping the server lets it go on; only `stop` ends it.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        axum::serve(listener, app).with_graceful_shutdown(until).await
    });
    Ok(Server { address, stop, task })
}

async fn answer(Shared((local, now)): Shared<(Arc<Local>, Now)>, incoming: Incoming) -> Outgoing {
    let request = match read(incoming).await {
        Ok(request) => request,
        Err(error) => return plain(413, format!("the request's body cannot be read: {error}\n")),
    };
    // Files are written while the state is locked: not on the thread that serves the others.
    let answer = tokio::task::spawn_blocking(move || record::handle(Via::Port, &local, request, now())).await;
    match answer {
        Ok(Ok(response)) => write(response),
        Ok(Err(Dropped::NoSuchHost(host))) => {
            plain(502, format!("`{host}` does not resolve in the local cloud\n"))
        }
        Ok(Err(Dropped::Silence)) => {
            tokio::time::sleep(SILENCE).await;
            broken()
        }
        Ok(Err(Dropped::Connection)) => broken(),
        Err(error) => plain(500, format!("the local cloud failed: {error}\n")),
    }
}

async fn read(incoming: Incoming) -> Result<Request, axum::Error> {
    let (parts, body) = incoming.into_parts();
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let header =
        |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let host = parts.uri.host().or(header("host")).unwrap_or_default();
    let host =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    Ok(Request {
        method: parts.method.as_str().to_owned(),
        host: host.to_ascii_lowercase(),
        https: header("x-forwarded-proto") == Some("https"),
        path: parts.uri.path().to_owned(),
        query: decode_form(parts.uri.query().unwrap_or_default()),
        body: to_bytes(body, LARGEST).await?.to_vec(),
        headers,
    })
}

fn write(response: Response) -> Outgoing {
    let mut builder = axum::http::Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    builder
        .body(Body::from(response.body))
        .unwrap_or_else(|error| plain(500, format!("the local cloud made a bad answer: {error}\n")))
}

fn plain(status: u16, text: String) -> Outgoing {
    let mut response = Outgoing::new(Body::from(text));
    *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// An answer that breaks off: the client sees a closed connection.
fn broken() -> Outgoing {
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    Outgoing::new(Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(reset)])))
}
