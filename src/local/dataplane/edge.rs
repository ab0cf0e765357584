//! CloudFront's edge locations: who may ask how, what is kept, what the origin is asked.

use sha2::{Digest, Sha256};

use super::{Answer, Certificate, Trouble, address, bucket, host_of, reach};
use crate::local::cloudfront::{Behavior, Cached, Edge, Origin, Viewer};
use crate::local::common::SECOND;
use crate::local::state::hex;
use crate::local::support::{DAY, covers, glob, http_date};
use crate::local::{Request, Response, State, acm};

/// For how long errors of the origin are kept.
const ERRORS: i64 = 10 * SECOND;
/// At most so many answers are kept for a distribution, and none that is longer.
const KEPT: usize = 500;
const LONGEST: usize = 1024 * 1024;
/// Statuses that count as errors for keeping. Source: the developer guide's page on custom error pages.
const ERROR_STATUSES: [u16; 13] = [400, 403, 404, 405, 414, 416, 429, 500, 501, 502, 503, 504, 505];

/// Answers a request that reaches a distribution.
pub(super) fn answer(
    state: &mut State,
    now: i64,
    id: &str,
    request: &Request,
    port: u16,
    hops: u32,
) -> Result<Answer, Trouble> {
    let found = state.cloudfront.distributions.get(id);
    let Some((edge, domain)) = found.and_then(|d| Some((d.edge(now)?, d.domain.clone()))) else {
        return Err(Trouble::Dns(request.host.clone()));
    };
    if port != if request.https { 443 } else { 80 } {
        return Err(Trouble::Timeout(request.host.clone()));
    }
    let certificate = match request.https {
        true => Some(handshake(state, &edge, &request.host, now)?),
        false => None,
    };
    let host = host_of(request);
    let known = host == domain || covers(&edge.aliases, &host);
    let response = match (known, edge.enabled, behavior(&edge, &request.path)) {
        (true, true, Some(behavior)) => {
            let response = serve(state, now, id, &edge, behavior, request, hops);
            in_place_of_error(state, now, id, &edge, request, hops, response)
        }
        _ => error(
            403,
            "The request could not be satisfied.",
            "Bad request. We can't connect to the server for this app or website at this time.",
        ),
    };
    Ok(Answer { response: marked(response, id, now), certificate })
}

/// The certificate that the edge shows for a host: its own for `cloudfront.net`, the distribution's for its aliases.
fn handshake(state: &State, edge: &Edge, host: &str, now: i64) -> Result<Certificate, Trouble> {
    let own = Certificate {
        names: vec!["*.cloudfront.net".to_owned(), "cloudfront.net".to_owned()],
        not_after: now + 300 * DAY,
    };
    let arn = edge.certificate.as_deref().filter(|_| covers(&edge.aliases, host));
    let shown = match arn.and_then(|arn| acm::usable(state, arn, now)) {
        Some(c) => Certificate { names: c.names.clone(), not_after: c.not_after().unwrap_or(now) },
        None => own,
    };
    if covers(&shown.names, host) {
        return Ok(shown);
    }
    let why = format!("it is for {}", shown.names.join(", "));
    Err(Trouble::Tls(host.to_owned(), why))
}

/// The page that the distribution has in the place of an error, if it has one and the page is not an error itself.
fn in_place_of_error(
    state: &mut State,
    now: i64,
    id: &str,
    edge: &Edge,
    request: &Request,
    hops: u32,
    response: Response,
) -> Response {
    let page = edge.error_pages.iter().find(|(status, ..)| *status == response.status);
    let Some((_, path, status)) = page.filter(|(_, path, _)| *path != request.path) else { return response };
    let Some(behavior) = behavior(edge, path) else { return response };
    let asked =
        Request { path: path.clone(), query: Vec::new(), method: "GET".to_owned(), ..request.clone() };
    let shown = serve(state, now, id, edge, behavior, &asked, hops);
    match shown.status {
        200 => without_body(Response { status: *status, ..shown }, request),
        _ => response,
    }
}

fn behavior<'a>(edge: &'a Edge, path: &str) -> Option<&'a Behavior> {
    let fits = |pattern: &str| glob(pattern, path) || glob(pattern, path.trim_start_matches('/'));
    edge.behaviors.iter().find(|behavior| fits(&behavior.pattern))
}

fn serve(
    state: &mut State,
    now: i64,
    id: &str,
    edge: &Edge,
    behavior: &Behavior,
    request: &Request,
    hops: u32,
) -> Response {
    match behavior.viewer {
        Viewer::Redirect if !request.https => {
            let location = format!("https://{}{}", host_of(request), address(request));
            let mut response = super::page(301, "CloudFront", "301 Moved Permanently");
            response.headers.push(("location".to_owned(), location));
            response.headers.push(cache_header("Redirect from cloudfront"));
            return response;
        }
        Viewer::Https if !request.https => {
            return error(
                403,
                "403 Forbidden",
                "This distribution is not configured to allow HTTP requests.",
            );
        }
        _ => {}
    }
    let allowed = if behavior.methods.is_empty() {
        matches!(request.method.as_str(), "GET" | "HEAD")
    } else {
        behavior.methods.contains(&request.method)
    };
    if !allowed {
        return error(
            403,
            "403 Forbidden",
            "This distribution is not configured to allow the HTTP request method that was used for this request.",
        );
    }
    let mut request = request.clone();
    if request.path == "/"
        && let Some(root) = &edge.root
    {
        request.path = format!("/{root}");
    }
    let readable = matches!(request.method.as_str(), "GET" | "HEAD");
    let key = cache_key(behavior, &request);
    if readable && let Some(response) = kept(state, id, &key, now) {
        return without_body(response, &request);
    }
    let Some(origin) = edge.origins.iter().find(|origin| origin.id == behavior.origin) else {
        return error(502, "502 ERROR", "The request could not be satisfied.");
    };
    let arn = state.cloudfront.distributions.get(id).map(|distribution| distribution.arn.clone());
    let mut response = match origin.protocol.as_deref() {
        Some(protocol) => from_origin(state, now, behavior, (origin, protocol), &request, hops),
        None => bucket::answer(state, &arn.unwrap_or_default(), origin, &request),
    };
    let failed = ERROR_STATUSES.contains(&response.status);
    if !behavior.forwards_cookies {
        response.headers.retain(|(name, _)| name != "set-cookie");
    }
    if readable {
        keep(state, id, behavior, &key, &request, &response, now);
    }
    response.headers.retain(|(name, _)| name != "x-cache");
    response.headers.push(cache_header(if failed {
        "Error from cloudfront"
    } else {
        "Miss from cloudfront"
    }));
    without_body(response, &request)
}

/// A `HEAD` is answered without a body.
fn without_body(mut response: Response, request: &Request) -> Response {
    if request.method == "HEAD" {
        response.body.clear();
    }
    response
}

fn cache_header(value: &str) -> (String, String) {
    ("x-cache".to_owned(), value.to_owned())
}

fn cache_key(behavior: &Behavior, request: &Request) -> String {
    let host = if behavior.caching.host { host_of(request) } else { String::new() };
    let cookies = if behavior.caching.cookies { request.header("cookie").unwrap_or_default() } else { "" };
    let path = if behavior.caching.query { address(request) } else { request.path.clone() };
    format!("{host} {path} {cookies}")
}

/// What is kept for a request, unless it is too old or has been invalidated.
fn kept(state: &State, id: &str, key: &str, now: i64) -> Option<Response> {
    let distribution = state.cloudfront.distributions.get(id)?;
    let cached = distribution.cache.get(key)?;
    let forgotten = distribution.invalidations.iter().any(|i| i.forgets(&cached.path, cached.stored, now));
    if forgotten || now >= cached.expires {
        return None;
    }
    let mut headers = cached.headers.clone();
    headers.push(("age".to_owned(), ((now - cached.stored) / SECOND).to_string()));
    let failed = ERROR_STATUSES.contains(&cached.status);
    headers.push(cache_header(if failed { "Error from cloudfront" } else { "Hit from cloudfront" }));
    Some(Response { status: cached.status, headers, body: cached.body.clone() })
}

fn keep(
    state: &mut State,
    id: &str,
    behavior: &Behavior,
    key: &str,
    request: &Request,
    response: &Response,
    now: i64,
) {
    let Some(distribution) = state.cloudfront.distributions.get_mut(id) else { return };
    let time = if ERROR_STATUSES.contains(&response.status) {
        ERRORS
    } else {
        fresh_for(behavior, response) * SECOND
    };
    if time <= 0 || request.method != "GET" || response.body.len() > LONGEST {
        distribution.cache.shift_remove(key);
        return;
    }
    if distribution.cache.len() >= KEPT && !distribution.cache.contains_key(key) {
        distribution.cache.shift_remove_index(0);
    }
    let cached = Cached {
        stored: now,
        expires: now + time,
        path: address(request),
        status: response.status,
        headers: response.headers.clone(),
        body: response.body.clone(),
    };
    distribution.cache.insert(key.to_owned(), cached);
}

/// For how many seconds an answer is kept: what the origin says, between the policy's bounds.
fn fresh_for(behavior: &Behavior, response: &Response) -> i64 {
    let policy = behavior.caching;
    let header =
        response.headers.iter().find(|(name, _)| name == "cache-control").map(|(_, value)| value.as_str());
    let directives: Vec<String> =
        header.unwrap_or_default().split(',').map(|part| part.trim().to_ascii_lowercase()).collect();
    if directives.iter().any(|d| matches!(d.as_str(), "no-store" | "no-cache" | "private")) {
        return policy.least;
    }
    let number = |name: &str| {
        directives
            .iter()
            .find_map(|d| d.strip_prefix(name)?.strip_prefix('=')?.trim_matches('"').parse::<i64>().ok())
    };
    let said = number("s-maxage").or_else(|| number("max-age")).unwrap_or(policy.default);
    said.max(policy.least).min(policy.most.max(policy.least))
}

fn from_origin(
    state: &mut State,
    now: i64,
    behavior: &Behavior,
    (origin, protocol): (&Origin, &str),
    viewer: &Request,
    hops: u32,
) -> Response {
    let https = match protocol {
        "https-only" => true,
        "http-only" => false,
        _ => viewer.https,
    };
    let mut request = viewer.clone();
    request.https = https;
    request.host = origin.domain.clone();
    request.path = format!("{}{}", origin.path, viewer.path);
    if !behavior.forwards_query {
        request.query.clear();
    }
    let forwarded = if behavior.forwards_host { host_of(viewer) } else { origin.domain.clone() };
    let kept = |name: &str| name != "host" && (name != "cookie" || behavior.forwards_cookies);
    request.headers.retain(|(name, _)| kept(name));
    request.headers.push(("host".to_owned(), forwarded.clone()));
    request
        .headers
        .push(("x-forwarded-proto".to_owned(), if viewer.https { "https" } else { "http" }.to_owned()));
    request.headers.extend(origin.headers.iter().cloned());
    let port = if https { origin.https_port } else { origin.http_port };
    match reach(state, now, &request, port, hops + 1) {
        Ok(answer) => answer.response,
        // The origin's certificate may as well be for the viewer's host, where that is forwarded: that is tried with
        // the certificate's own names.
        Err(Trouble::Tls(_, _)) if forwarded != origin.domain => {
            match super::balancer::answer_as(state, now, &request, port, &forwarded) {
                Some(answer) => answer.response,
                None => unreachable_origin(),
            }
        }
        Err(Trouble::Timeout(_)) => error(
            504,
            "504 Gateway Timeout ERROR",
            "CloudFront attempted to establish a connection with the origin, but either the attempt failed or the origin closed the connection.",
        ),
        Err(_) => unreachable_origin(),
    }
}

fn unreachable_origin() -> Response {
    error(502, "502 Bad Gateway ERROR", "CloudFront wasn't able to connect to the origin.")
}

fn error(status: u16, title: &str, why: &str) -> Response {
    let mut response = super::page(status, "CloudFront", title);
    let body =
        String::from_utf8_lossy(&response.body).replace("</body>", &format!("<p>{why}</p>\r\n</body>"));
    response.body = body.into_bytes();
    response.headers.retain(|(name, _)| name != "content-length");
    response.headers.push(("content-length".to_owned(), response.body.len().to_string()));
    response.headers.push(cache_header("Error from cloudfront"));
    response
}

/// With what CloudFront adds to every answer.
fn marked(mut response: Response, id: &str, now: i64) -> Response {
    let digits = hex(&Sha256::digest(format!("{id} {now}")));
    let (edge, request) = (digits.get(..32).unwrap_or_default(), digits.get(32..).unwrap_or_default());
    response.headers.push(("via".to_owned(), format!("1.1 {edge}.cloudfront.net (CloudFront)")));
    response.headers.push(("x-amz-cf-pop".to_owned(), "IAD89-C1".to_owned()));
    response.headers.push(("x-amz-cf-id".to_owned(), request.to_owned()));
    if !response.headers.iter().any(|(name, _)| name == "date") {
        response.headers.push(("date".to_owned(), http_date(now)));
    }
    response
}
