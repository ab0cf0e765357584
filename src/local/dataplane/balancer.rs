//! Load balancers: listeners, rules, certificates, turns, stickiness.

use sha2::{Digest, Sha256};

use super::{Answer, Certificate, Place, Trouble, address, dns, host_of, instance, page};
use crate::local::common::SECOND;
use crate::local::elbv2::{self, Action, Health, Kind, Listener, Redirect, Weighted};
use crate::local::state::hex;
use crate::local::support::{covers, http_date};
use crate::local::{Request, Response, State, acm};

const SERVER: &str = "awselb/2.0";

/// Answers a request that reaches a load balancer.
pub(super) fn answer(
    state: &mut State,
    now: i64,
    arn: &str,
    request: &Request,
    port: u16,
) -> Result<Answer, Trouble> {
    let host = request.host.clone();
    serve(state, now, arn, request, port, &host)
}

/// As CloudFront does: the certificate may be for another name than the one that was looked up.
pub(super) fn answer_as(
    state: &mut State,
    now: i64,
    request: &Request,
    port: u16,
    name: &str,
) -> Option<Answer> {
    match dns::resolve(state, &request.host, now) {
        Ok(Place::Balancer(arn)) => serve(state, now, &arn, request, port, name).ok(),
        _ => None,
    }
}

fn serve(
    state: &mut State,
    now: i64,
    arn: &str,
    request: &Request,
    port: u16,
    name: &str,
) -> Result<Answer, Trouble> {
    let timeout = || Trouble::Timeout(request.host.clone());
    let balancer = state.elbv2.load_balancers.get(arn).ok_or_else(timeout)?;
    // Its security group lets nothing in on other ports, and nobody outside reaches an internal one.
    if now < balancer.active || balancer.scheme == "internal" {
        return Err(timeout());
    }
    let same = |listener: &&Listener| listener.load_balancer == arn && listener.port == port;
    let listener = state.elbv2.listeners.values().find(same).cloned().ok_or_else(timeout)?;
    let secure = listener.protocol == "HTTPS";
    let certificate = match (request.https, secure) {
        (true, true) => Some(handshake(state, &listener, name, now)?),
        (true, false) => {
            return Err(Trouble::Tls(
                request.host.clone(),
                "the server does not speak TLS on this port".to_owned(),
            ));
        }
        (false, true) => {
            let response = page(400, SERVER, "400 The plain HTTP request was sent to HTTPS port");
            return Ok(Answer { response, certificate: None });
        }
        (false, false) => None,
    };
    let rule = elbv2::matching_rule(state, &listener.arn, request);
    let action = rule.map_or(listener.actions.first(), |rule| rule.actions.first()).cloned();
    let mut response = match action.map(|Action { kind, .. }| kind) {
        Some(Kind::Forward { groups, .. }) => forward(state, now, &groups, request),
        Some(Kind::Redirect(redirect)) => redirected(&redirect, request, port),
        Some(Kind::Fixed { status, content_type, body }) => {
            let kind = content_type.unwrap_or_else(|| "text/plain; charset=utf-8".to_owned());
            let body = body.unwrap_or_default().into_bytes();
            Response { status, headers: vec![("content-type".to_owned(), kind)], body }
        }
        None => page(503, SERVER, "503 Service Temporarily Unavailable"),
    };
    response.headers.push(("date".to_owned(), http_date(now)));
    Ok(Answer { response, certificate })
}

/// The certificate for a name: the first that covers it, else the default one, which then is not good.
fn handshake(state: &State, listener: &Listener, name: &str, now: i64) -> Result<Certificate, Trouble> {
    let usable: Vec<Certificate> = listener
        .certificates
        .iter()
        .filter_map(|arn| acm::usable(state, arn, now))
        .map(|c| Certificate { names: c.names.clone(), not_after: c.not_after().unwrap_or(now) })
        .collect();
    let found = usable.iter().find(|certificate| covers(&certificate.names, name));
    if let Some(certificate) = found {
        return Ok(certificate.clone());
    }
    let why = match usable.first() {
        Some(default) => format!("it is for {}", default.names.join(", ")),
        None => "there is none".to_owned(),
    };
    Err(Trouble::Tls(name.to_owned(), why))
}

/// `#{host}` and so on stand for the request's own.
fn redirected(redirect: &Redirect, request: &Request, port: u16) -> Response {
    let protocol = if request.https { "https" } else { "http" };
    let query = address(request).split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
    let fill = |text: &str| {
        text.replace("#{protocol}", protocol)
            .replace("#{host}", &host_of(request))
            .replace("#{port}", &port.to_string())
            .replace("#{path}", request.path.trim_start_matches('/'))
            .replace("#{query}", &query)
    };
    let query = fill(&redirect.query);
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let location = format!(
        "{}://{}:{}{}{query}",
        fill(&redirect.protocol).to_ascii_lowercase(),
        fill(&redirect.host),
        fill(&redirect.port),
        fill(&redirect.path)
    );
    let title = if redirect.status == 301 { "301 Moved Permanently" } else { "302 Found" };
    let mut response = page(redirect.status, SERVER, title);
    response.headers.push(("location".to_owned(), location));
    response
}

fn forward(state: &mut State, now: i64, groups: &[Weighted], request: &Request) -> Response {
    let Some(arn) = choose_group(state, groups) else {
        return page(503, SERVER, "503 Service Temporarily Unavailable");
    };
    let Some(id) = choose_target(state, now, &arn, request) else {
        return page(503, SERVER, "503 Service Temporarily Unavailable");
    };
    let sticky = state.elbv2.target_groups.get(&arn).and_then(elbv2::TargetGroup::sticky);
    let mut response =
        instance::answer(state, &id, request).unwrap_or_else(|| page(502, SERVER, "502 Bad Gateway"));
    if let Some(seconds) = sticky {
        let expires = http_date(now + seconds * SECOND);
        let value = cookie(&arn, &id);
        let set = |name: &str, more: &str| {
            ("set-cookie".to_owned(), format!("{name}={value}; Expires={expires}; Path=/{more}"))
        };
        response.headers.push(set("AWSALB", ""));
        response.headers.push(set("AWSALBCORS", "; SameSite=None"));
    }
    response
}

/// A group by its weight: the turns of the first group count.
fn choose_group(state: &mut State, groups: &[Weighted]) -> Option<String> {
    let total: u64 = groups.iter().map(|weighted| u64::from(weighted.weight)).sum();
    let first = groups.first()?;
    if groups.len() == 1 || total == 0 {
        return Some(first.group.clone());
    }
    let turns = &mut state.elbv2.target_groups.get_mut(&first.group)?.shared;
    // A step that is prime to the total spreads the shares evenly over the requests.
    let mut point = (*turns * 61) % total;
    *turns += 1;
    for weighted in groups {
        let weight = u64::from(weighted.weight);
        if point < weight {
            return Some(weighted.group.clone());
        }
        point -= weight;
    }
    None
}

/// What the stickiness cookie says of a target.
fn cookie(group: &str, id: &str) -> String {
    hex(&Sha256::digest(format!("{group} {id}"))).get(..48).unwrap_or_default().to_owned()
}

/// The target that the cookie names, else the next healthy one. Where none is healthy, all unhealthy ones are tried, as
/// AWS does; new ones get nothing yet.
fn choose_target(state: &mut State, now: i64, arn: &str, request: &Request) -> Option<String> {
    let group = state.elbv2.target_groups.get(arn)?;
    let healths: Vec<(String, Health)> = group
        .targets
        .iter()
        .map(|target| (target.id.clone(), elbv2::health(state, group, target, now)))
        .collect();
    let with = |wanted: Health| -> Vec<String> {
        healths.iter().filter(|(_, health)| *health == wanted).map(|(id, _)| id.clone()).collect()
    };
    let mut usable = with(Health::Healthy);
    if usable.is_empty() {
        usable = with(Health::Unhealthy);
    }
    if group.sticky().is_some() {
        let cookies =
            request.headers.iter().filter(|(name, _)| name == "cookie").flat_map(|(_, v)| v.split(';'));
        let given = cookies.filter_map(|pair| pair.trim().strip_prefix("AWSALB=")).next();
        if let Some(id) = given.and_then(|given| usable.iter().find(|id| cookie(arn, id) == given)) {
            return Some(id.clone());
        }
    }
    let group = state.elbv2.target_groups.get_mut(arn)?;
    let turn = usize::try_from(group.turns).unwrap_or_default() % usable.len().max(1);
    group.turns += 1;
    usable.get(turn).cloned()
}
