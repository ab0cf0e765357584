//! The local cloud as the SDK's transport: requests go straight into it, without a socket.

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::clock::Now;
use super::record::{self, Via};
use super::wire::decode_form;
use super::{Dropped, Local, Request, Response};
use crate::cloud::LocalTransport;

/// Half of what a call takes on its way; it lets concurrent calls interleave as they do on AWS.
const HALF_WAY: Duration = Duration::from_millis(20);

/// How long a connection without an answer stays open: longer than any client waits.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// A transport into a local cloud. Pauses are so many times shorter than they say; 1 under virtual time, where they
/// take no time at all.
pub fn transport(local: Arc<Local>, now: Now, times: f64) -> LocalTransport {
    let pace = Pace(times.max(0.001));
    LocalTransport {
        http: SharedHttpClient::new(Bridge { local, now: Clock(now.clone()), pace }),
        sleep: SharedAsyncSleep::new(pace),
        time: SharedTimeSource::new(Clock(now)),
    }
}

#[derive(Clone, Copy, Debug)]
struct Pace(f64);

impl AsyncSleep for Pace {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration.div_f64(self.0)))
    }
}

#[derive(Clone)]
struct Clock(Now);

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from((self.0)()).unwrap_or_default())
    }
}

#[derive(Clone, Debug)]
struct Bridge {
    local: Arc<Local>,
    now: Clock,
    pace: Pace,
}

impl HttpClient for Bridge {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Bridge {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let bridge = self.clone();
        HttpConnectorFuture::new(async move {
            let request = read(request).await?;
            bridge.pace.sleep(HALF_WAY).await;
            let answer = record::handle(Via::Bridge, &bridge.local, request, (bridge.now.0)());
            bridge.pace.sleep(HALF_WAY).await;
            if matches!(answer, Err(Dropped::Silence)) {
                bridge.pace.sleep(SILENCE).await;
            }
            answer.map_err(|dropped| ConnectorError::io(Box::new(dropped))).and_then(write)
        })
    }
}

async fn read(request: HttpRequest) -> Result<Request, ConnectorError> {
    let user = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
    let parts = request.try_into_http1x().map_err(|error| user(Box::new(error)))?;
    let (parts, body) = parts.into_parts();
    let headers = parts.headers.iter();
    Ok(Request {
        method: parts.method.as_str().to_owned(),
        host: parts.uri.host().unwrap_or_default().to_ascii_lowercase(),
        https: parts.uri.scheme_str() == Some("https"),
        path: parts.uri.path().to_owned(),
        query: decode_form(parts.uri.query().unwrap_or_default()),
        headers: headers
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
        body: ByteStream::new(body).collect().await.map_err(|error| user(Box::new(error)))?.to_vec(),
    })
}

fn write(response: Response) -> Result<HttpResponse, ConnectorError> {
    let mut builder = http::Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    let other = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::other(error, None);
    let made = builder.body(SdkBody::from(response.body)).map_err(|error| other(Box::new(error)))?;
    HttpResponse::try_from(made).map_err(|error| other(Box::new(error)))
}
