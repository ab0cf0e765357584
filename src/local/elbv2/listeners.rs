//! Listeners: where a load balancer takes requests.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::load_balancers::find as find_load_balancer;
use super::{Action, actions, invalid, paged, unknown};
use crate::local::common::{Tags, tags_at};
use crate::local::support::{elements, member, required};
use crate::local::{Call, Cx, Element, Fault, State, acm};

/// The policy of an HTTPS listener for which none is named.
pub const DEFAULT_POLICY: &str = "ELBSecurityPolicy-2016-08";

/// A listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// Its load balancer's ARN.
    pub load_balancer: String,
    /// The port.
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TCP`, …
    pub protocol: String,
    /// The TLS policy of an HTTPS listener.
    pub policy: Option<String>,
    /// The ARNs of its certificates, the default one first.
    pub certificates: Vec<String>,
    /// What it does when no rule fits.
    pub actions: Vec<Action>,
    /// Tags.
    pub tags: Tags,
}

/// What is needed to make a listener.
#[derive(Clone, Debug)]
pub struct NewListener {
    /// Its load balancer's ARN.
    pub load_balancer: String,
    /// The end of its ARN: sixteen digits.
    pub id: String,
    /// The port.
    pub port: u16,
    /// `HTTP`, `HTTPS`, …
    pub protocol: String,
    /// The TLS policy.
    pub policy: Option<String>,
    /// Certificates.
    pub certificates: Vec<String>,
    /// What it does when no rule fits.
    pub actions: Vec<Action>,
    /// Tags.
    pub tags: Tags,
}

/// Makes a listener; gives its ARN.
pub fn insert(state: &mut State, new: NewListener) -> String {
    let arn = format!("{}/{}", new.load_balancer.replace(":loadbalancer/", ":listener/"), new.id);
    let secure = matches!(new.protocol.as_str(), "HTTPS" | "TLS");
    let listener = Listener {
        arn: arn.clone(),
        load_balancer: new.load_balancer,
        port: new.port,
        policy: secure.then(|| new.policy.unwrap_or_else(|| DEFAULT_POLICY.to_owned())),
        protocol: new.protocol,
        certificates: new.certificates,
        actions: new.actions,
        tags: new.tags,
    };
    state.elbv2.listeners.insert(arn.clone(), listener);
    arn
}

pub(super) fn find<'a>(state: &'a State, arn: &str) -> Result<&'a Listener, Fault> {
    state.elbv2.listeners.get(arn).ok_or_else(|| missing(arn))
}

fn find_mut<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut Listener, Fault> {
    state.elbv2.listeners.get_mut(arn).ok_or_else(|| missing(arn))
}

fn missing(arn: &str) -> Fault {
    if arn.contains(":listener/") {
        return Fault::new(400, "ListenerNotFound", "One or more listeners not found");
    }
    unknown(arn)
}

/// The certificates that a call names: they must be issued, and in the listener's region.
fn read_certificates(state: &State, cx: &Cx, params: &Value) -> Result<Vec<String>, Fault> {
    let list = elements(params, "Certificates").iter().filter_map(|c| member(c, "CertificateArn"));
    let arns: Vec<String> = list.collect();
    for arn in &arns {
        let here = acm::usable(state, arn, cx.now).is_some_and(|c| c.region == cx.region);
        // Certificates of IAM are taken on trust.
        if !here && !arn.contains(":server-certificate/") {
            let message = format!("Certificate '{arn}' not found");
            return Err(Fault::new(400, "CertificateNotFound", message));
        }
    }
    Ok(arns)
}

fn read_port(call: &Call) -> Result<Option<u16>, Fault> {
    match call.text("Port") {
        None => Ok(None),
        Some(text) => match text.parse() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => Err(invalid(format!("'{text}' is not a valid port, specify a port from 1 to 65535"))),
        },
    }
}

pub(super) fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let load_balancer = required(call, "LoadBalancerArn")?;
    let kind = find_load_balancer(state, &load_balancer)?.kind.clone();
    let protocol = required(call, "Protocol")?;
    let port = read_port(call)?.ok_or_else(|| invalid("A listener port must be specified"))?;
    check_protocol(&kind, &protocol)?;
    let certificates = read_certificates(state, cx, &call.params)?;
    check_secure(&protocol, &certificates)?;
    let actions = actions::read(state, &call.params, "DefaultActions")?;
    let same = |l: &&Listener| l.load_balancer == load_balancer && l.port == port;
    if let Some(found) = state.elbv2.listeners.values().find(same) {
        if (&found.protocol, &found.certificates, &found.actions) == (&protocol, &certificates, &actions) {
            return Ok(vec![Element::list("Listeners", "member", [show(found)])]);
        }
        let message =
            format!("A listener already exists on this port for this load balancer '{load_balancer}'");
        return Err(Fault::new(400, "DuplicateListener", message));
    }
    let new = NewListener {
        load_balancer,
        id: state.hex(16),
        port,
        protocol,
        policy: call.text("SslPolicy"),
        certificates,
        actions,
        tags: tags_at(call, "Tags"),
    };
    let arn = insert(state, new);
    Ok(vec![Element::list("Listeners", "member", [show(find(state, &arn)?)])])
}

fn check_protocol(kind: &str, protocol: &str) -> Result<(), Fault> {
    let fits = match kind {
        "application" => matches!(protocol, "HTTP" | "HTTPS"),
        _ => matches!(protocol, "TCP" | "TLS" | "UDP" | "TCP_UDP"),
    };
    if fits {
        return Ok(());
    }
    let message =
        format!("Listener protocol '{protocol}' is not supported with a load balancer of type '{kind}'");
    Err(invalid(message))
}

fn check_secure(protocol: &str, certificates: &[String]) -> Result<(), Fault> {
    let secure = matches!(protocol, "HTTPS" | "TLS");
    match certificates.len() {
        0 if secure => Err(invalid("A certificate must be specified for HTTPS listeners")),
        1.. if !secure => Err(invalid(format!("Certificates cannot be specified for {protocol} listeners"))),
        2.. => {
            Err(invalid("Up to one certificate can be specified; add others with AddListenerCertificates"))
        }
        _ => Ok(()),
    }
}

fn show(listener: &Listener) -> Vec<Element> {
    let mut children = vec![
        Element::text("ListenerArn", &listener.arn),
        Element::text("LoadBalancerArn", &listener.load_balancer),
        Element::text("Port", listener.port),
        Element::text("Protocol", &listener.protocol),
    ];
    if let Some(first) = listener.certificates.first() {
        children.push(Element::list(
            "Certificates",
            "member",
            [vec![Element::text("CertificateArn", first)]],
        ));
    }
    children.extend(listener.policy.as_ref().map(|policy| Element::text("SslPolicy", policy)));
    children.push(Element::list("DefaultActions", "member", listener.actions.iter().map(actions::show)));
    children
}

pub(super) fn describe(state: &State, call: &Call) -> Result<Vec<Element>, Fault> {
    let arns = call.texts("ListenerArns");
    let listeners: Vec<&Listener> = match call.text("LoadBalancerArn") {
        Some(arn) => {
            find_load_balancer(state, &arn)?;
            state.elbv2.listeners.values().filter(|listener| listener.load_balancer == arn).collect()
        }
        None if arns.is_empty() => {
            return Err(invalid("You must specify either listener ARNs or a load balancer ARN"));
        }
        None => arns.iter().map(|arn| find(state, arn)).collect::<Result<_, _>>()?,
    };
    let (found, next) = paged(call, listeners)?;
    let mut members = vec![Element::list("Listeners", "member", found.into_iter().map(show))];
    members.extend(next);
    Ok(members)
}

pub(super) fn modify(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "ListenerArn")?;
    let mut listener = find(state, &arn)?.clone();
    let kind = find_load_balancer(state, &listener.load_balancer)?.kind.clone();
    if let Some(port) = read_port(call)? {
        let taken = state.elbv2.listeners.values().any(|other| {
            other.arn != arn && other.load_balancer == listener.load_balancer && other.port == port
        });
        if taken {
            let message = "A listener already exists on this port for this load balancer";
            return Err(Fault::new(400, "DuplicateListener", message));
        }
        listener.port = port;
    }
    if call.params.get("Certificates").is_some() {
        listener.certificates = read_certificates(state, cx, &call.params)?;
    }
    if let Some(protocol) = call.text("Protocol") {
        check_protocol(&kind, &protocol)?;
        if protocol == "HTTP" {
            // Turning to HTTP drops certificates and policy.
            listener.certificates.clear();
            listener.policy = None;
        }
        listener.protocol = protocol;
    }
    check_secure(
        &listener.protocol,
        listener.certificates.get(..1.min(listener.certificates.len())).unwrap_or_default(),
    )?;
    if listener.protocol == "HTTPS" {
        let policy = call.text("SslPolicy").or_else(|| listener.policy.take());
        listener.policy = Some(policy.unwrap_or_else(|| DEFAULT_POLICY.to_owned()));
    }
    if call.params.get("DefaultActions").is_some() {
        listener.actions = actions::read(state, &call.params, "DefaultActions")?;
    }
    let shown = show(&listener);
    *find_mut(state, &arn)? = listener;
    Ok(vec![Element::list("Listeners", "member", [shown])])
}

pub(super) fn delete(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "ListenerArn")?;
    find(state, &arn)?;
    state.elbv2.listeners.shift_remove(&arn);
    state.elbv2.rules.retain(|_, rule| rule.listener != arn);
    Ok(Vec::new())
}

fn certificate_list<'a>(listed: impl IntoIterator<Item = (usize, &'a String)>) -> Element {
    let list = listed.into_iter().map(|(index, arn)| {
        vec![Element::text("CertificateArn", arn), Element::text("IsDefault", index == 0)]
    });
    Element::list("Certificates", "member", list)
}

pub(super) fn certificates(state: &State, call: &Call) -> Result<Vec<Element>, Fault> {
    let listener = find(state, &required(call, "ListenerArn")?)?;
    let (page, next) = paged(call, listener.certificates.iter().enumerate().collect())?;
    Ok(std::iter::once(certificate_list(page)).chain(next).collect())
}

pub(super) fn add_certificates(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let added = read_certificates(state, cx, &call.params)?;
    let listener = find_mut(state, &required(call, "ListenerArn")?)?;
    if listener.protocol != "HTTPS" && listener.protocol != "TLS" {
        return Err(Fault::new(400, "UnsupportedProtocol", "Certificates need an HTTPS or TLS listener"));
    }
    for arn in added {
        if !listener.certificates.contains(&arn) {
            listener.certificates.push(arn);
        }
    }
    Ok(vec![certificate_list(listener.certificates.iter().enumerate())])
}

pub(super) fn remove_certificates(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let removed: Vec<String> =
        elements(&call.params, "Certificates").iter().filter_map(|c| member(c, "CertificateArn")).collect();
    let listener = find_mut(state, &required(call, "ListenerArn")?)?;
    if listener.certificates.first().is_some_and(|default| removed.contains(default)) {
        let message = "Default certificate cannot be removed";
        return Err(Fault::new(400, "OperationNotPermitted", message));
    }
    listener.certificates.retain(|arn| !removed.contains(arn));
    Ok(Vec::new())
}
