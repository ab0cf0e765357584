//! `expect`: asks until the answer is as said, or the time is up.

use std::time::Duration;

use super::super::context::{Failure, Stop};
use super::super::outcome::Verified;
use super::act::{Act, Done};
use super::deploy::attrs;
use crate::cloud::{NetReply, NetRequest, Peer};
use crate::eval::{Attrs, Condition, Expect, Test, Value, show_duration};

/// The longest that one answer is waited for.
const ONE_ANSWER: Duration = Duration::from_secs(30);
/// How much of a body is quoted.
const QUOTED: usize = 120;

pub(super) async fn expect(act: &Act<'_, '_>, probe: &Expect) -> Result<Done, Stop> {
    let target = act.text("the address", &probe.target)?;
    let words = format!("{} {target}", probe.method);
    act.say(format!("expect {words}"));
    act.started(Attrs::new())?;
    let checks = checks(act, &probe.conditions)?;
    let (ctx, began) = (act.ctx, act.ctx.now());
    let deadline = began.saturating_add(probe.within);
    let mut said = String::new();
    let found = loop {
        ctx.go_on()?;
        let left = Duration::from_millis(u64::try_from(deadline - ctx.now()).unwrap_or(0).max(1000));
        let seen = match ask(act, probe, &target, left.min(ONE_ANSWER)).await? {
            Ok(answer) => check(&answer, &checks, &target, ctx.now()),
            Err(why) => Err(why),
        };
        let why = match seen {
            Ok(found) => break found,
            Err(why) => ctx.secrets.hide(&why),
        };
        let every = Duration::from_millis(u64::try_from(probe.every).unwrap_or(0).max(1));
        if ctx.now().saturating_add(probe.every) > deadline {
            let within = show_duration(probe.within);
            return Err(Failure::new(format!("not as expected within {within}; last: {why}")).into());
        }
        if said != why {
            said.clone_from(&why);
            let node = format!("rollout.{}[{}]", act.step, act.index);
            ctx.tell(super::super::event::Event::Waiting { node, note: why, at: ctx.now() });
        }
        ctx.sleep(every).await?;
    };
    let verified = Verified { step: act.step.to_owned(), probe: words.clone(), found: found.clone() };
    ctx.with(|state| state.outcome.verified.push(verified));
    let facts = attrs([("probe", words.into()), ("found", found.as_str().into())]);
    Ok(Done { result: found, facts })
}

/// What came back.
enum Answer {
    Http(NetReply),
    Tcp,
}

/// Asks once. The inner error says why no answer came.
async fn ask(
    act: &Act<'_, '_>,
    probe: &Expect,
    target: &str,
    timeout: Duration,
) -> Result<Result<Answer, String>, Stop> {
    let net = &act.ctx.job.world.clients.net;
    if probe.method == "TCP" {
        let address = target.strip_prefix("tcp://").unwrap_or(target);
        let parts = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let Some((host, port)) = parts else {
            let message = format!("`{target}` is not a host and a port");
            return Err(Failure::new(message).help("write `expect TCP \"HOST:PORT\"`").into());
        };
        let opened = net.connect(host, port, timeout).await;
        return Ok(opened.map(|()| Answer::Tcp).map_err(|why| why.to_string()));
    }
    let request = NetRequest {
        method: probe.method.clone(),
        url: target.to_owned(),
        headers: vec![("user-agent".to_owned(), concat!("vpipe/", env!("CARGO_PKG_VERSION")).to_owned())],
        body: Vec::new(),
        timeout,
    };
    Ok(net.fetch(request).await.map(Answer::Http).map_err(|why| why.to_string()))
}

/// A condition, ready to be tried.
enum Check {
    Status(Vec<i64>),
    Header(String, Test, String, Option<regex_lite::Regex>),
    Body(Test, String, Option<regex_lite::Regex>),
    Tls(i64),
}

fn checks(act: &Act<'_, '_>, conditions: &[Condition]) -> Result<Vec<Check>, Stop> {
    let text = |test: Test, value: &Value| -> Result<(String, Option<regex_lite::Regex>), Stop> {
        let text = act.text("what is compared", value)?;
        let regex = match test {
            Test::Matches => Some(
                regex_lite::Regex::new(&text)
                    .map_err(|why| Failure::new(format!("`{text}` is not a regular expression: {why}")))?,
            ),
            _ => None,
        };
        Ok((text, regex))
    };
    conditions
        .iter()
        .map(|condition| {
            Ok(match condition {
                Condition::Status(status) => Check::Status(status.clone()),
                Condition::Header { name, test, value } => {
                    let (value, regex) = text(*test, value)?;
                    Check::Header(name.to_lowercase(), *test, value, regex)
                }
                Condition::Body { test, value } => {
                    let (value, regex) = text(*test, value)?;
                    Check::Body(*test, value, regex)
                }
                Condition::Tls(ms) => Check::Tls(*ms),
            })
        })
        .collect()
}

/// What was found, when all conditions hold; else what does not.
fn check(answer: &Answer, checks: &[Check], target: &str, now: i64) -> Result<String, String> {
    let reply = match answer {
        Answer::Tcp => return Ok("connected".to_owned()),
        Answer::Http(reply) => reply,
    };
    let mut found = vec![reply.status.to_string()];
    if checks.is_empty() && !(200..300).contains(&reply.status) {
        return Err(format!("status {}", reply.status));
    }
    for check in checks {
        match check {
            Check::Status(wanted) => {
                if !wanted.contains(&i64::from(reply.status)) {
                    return Err(format!("status {}", reply.status));
                }
            }
            Check::Header(name, test, value, regex) => {
                let mut given = reply.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v).peekable();
                if given.peek().is_none() {
                    return Err(format!("status {}, no header `{name}`", reply.status));
                }
                let all: Vec<&str> = given.map(String::as_str).collect();
                if !all.iter().any(|given| holds(*test, given, value, regex.as_ref(), true)) {
                    return Err(format!("status {}, {name}: {}", reply.status, all.join(", ")));
                }
                found.push(format!("{name} {} \"{value}\"", verb(*test)));
            }
            Check::Body(test, value, regex) => {
                let body = String::from_utf8_lossy(&reply.body);
                if !holds(*test, &body, value, regex.as_ref(), false) {
                    return Err(format!("status {}, body: {}", reply.status, quote(&body)));
                }
                found.push(format!("body {} \"{value}\"", verb(*test)));
            }
            Check::Tls(least) => found.push(certificate(reply.tls.as_ref(), target, *least, now)?),
        }
    }
    Ok(found.join(", "))
}

fn holds(test: Test, given: &str, value: &str, regex: Option<&regex_lite::Regex>, ignore_case: bool) -> bool {
    match test {
        Test::Equals => given.trim() == value.trim(),
        Test::Contains if ignore_case => given.to_lowercase().contains(&value.to_lowercase()),
        Test::Contains => given.contains(value),
        Test::Matches => regex.is_some_and(|regex| regex.is_match(given)),
    }
}

fn verb(test: Test) -> &'static str {
    match test {
        Test::Equals => "is",
        Test::Contains => "contains",
        Test::Matches => "matches",
    }
}

fn quote(body: &str) -> String {
    let line: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTED) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None if line.is_empty() => "empty".to_owned(),
        None => line,
    }
}

/// Whether a certificate covers the host and is good for long enough.
fn certificate(peer: Option<&Peer>, target: &str, least: i64, now: i64) -> Result<String, String> {
    let host = host_of(target);
    let peer = peer.ok_or("no certificate: the answer did not come over TLS")?;
    if !peer.names.iter().any(|name| covers(name, &host)) {
        return Err(format!("the certificate is for {}, not `{host}`", peer.names.join(", ")));
    }
    let left = peer.not_after - now;
    if left <= 0 {
        return Err("the certificate has expired".to_owned());
    }
    let days = left / 86_400_000;
    if left < least {
        return Err(format!("the certificate is good for {days} more days only"));
    }
    Ok(format!("certificate good for {days} more days"))
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default().to_lowercase()
}

/// Whether a name of a certificate, possibly with a `*` for its first label, covers a host.
fn covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        None => name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn reply(status: u16, header: (&str, &str), body: &str) -> Answer {
        Answer::Http(NetReply {
            status,
            headers: vec![(header.0.to_owned(), header.1.to_owned())],
            body: body.as_bytes().to_vec(),
            tls: Some(Peer { names: vec!["*.example.com".to_owned()], not_after: 86_400_000 * 90 }),
        })
    }

    fn via() -> Check {
        Check::Header("via".to_owned(), Test::Contains, "cloudfront".to_owned(), None)
    }

    #[test]
    fn what_holds_and_what_does_not_is_said() {
        let ok = reply(200, ("via", "1.1 x.cloudfront.net (CloudFront)"), "hello");
        let body = Check::Body(Test::Contains, "ell".to_owned(), None);
        let all = [Check::Status(vec![200]), via(), body, Check::Tls(0)];
        assert_eq!(
            check(&ok, &all, "https://www.example.com/login", 0).unwrap(),
            "200, via contains \"cloudfront\", body contains \"ell\", certificate good for 90 more days"
        );
        assert_eq!(check(&reply(503, ("x", "y"), ""), &[], "", 0).unwrap_err(), "status 503");
        assert_eq!(
            check(&reply(200, ("x", "y"), ""), &[via()], "", 0).unwrap_err(),
            "status 200, no header `via`"
        );
        assert!(check(&ok, &[Check::Tls(0)], "https://example.com/", 0).is_err());
        assert!(check(&ok, &[Check::Tls(0)], "https://www.example.com/", 86_400_000 * 91).is_err());
    }

    #[test]
    fn hosts_of_addresses() {
        assert_eq!(host_of("https://u:p@Example.com:8443/a?b"), "example.com");
        assert!(
            covers("*.a.com", "b.a.com") && !covers("*.a.com", "c.b.a.com") && !covers("*.a.com", "a.com")
        );
    }
}
