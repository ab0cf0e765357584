//! Processes, listeners and rules of the load balancer as option settings, both ways.

use super::options::{self, ENVIRONMENT, Options, seconds};
use crate::cloud::Want;
use crate::eval::{Attrs, Value};

const PROCESS: &str = "aws:elasticbeanstalk:environment:process:";
const LISTENER: &str = "aws:elbv2:listener:";
const RULE: &str = "aws:elbv2:listenerrule:";
/// What a listener or a rule need not have.
const OPTIONAL: [&str; 5] = ["SSLCertificateArns", "SSLPolicy", "Rules", "HostHeaders", "PathPatterns"];

/// Whether a namespace belongs to a process, a listener or a rule.
pub(super) fn ours(namespace: &str) -> bool {
    [PROCESS, LISTENER, RULE].iter().any(|prefix| namespace.starts_with(prefix))
}

/// Whether a namespace belongs to a listener or a rule. Behind a shared load balancer AWS takes them only when an environment
/// is made. Source: developer guide, "Configuring a shared Application Load Balancer".
pub(super) fn of_listeners(namespace: &str) -> bool {
    [LISTENER, RULE].iter().any(|prefix| namespace.starts_with(prefix))
}

/// Whether an option that exists has no place in what is wanted: its process, listener or rule is not wanted any more, or
/// has no such part any more.
pub(super) fn leftover(namespace: &str, name: &str, wanted: &Options) -> bool {
    let gone = ours(namespace) && wanted.namespace(namespace).next().is_none();
    let part = ours(namespace) && OPTIONAL.contains(&name) && !wanted.has(namespace, name);
    gone || part
}

/// What a process has when nothing is said: the defaults of the stdlib's kind, which are Beanstalk's own.
fn default_process() -> Attrs {
    Attrs::from_iter([
        ("name".to_owned(), Value::from("default")),
        ("port".to_owned(), Value::Int(80)),
        ("protocol".to_owned(), Value::from("http")),
        ("health_path".to_owned(), Value::from("/")),
        ("health_status".to_owned(), Value::Int(200)),
        ("health_interval".to_owned(), Value::Duration(15_000)),
        ("health_timeout".to_owned(), Value::Duration(5_000)),
        ("sticky_for".to_owned(), Value::None),
        ("deregistration_delay".to_owned(), Value::Duration(20_000)),
    ])
}

/// Every environment has a process `default` and, unless the file says otherwise, listens on port 80 for it.
fn default_listener() -> Attrs {
    Attrs::from_iter([
        ("port".to_owned(), Value::Int(80)),
        ("protocol".to_owned(), Value::from("http")),
        ("forward".to_owned(), Value::from("default")),
        ("redirect".to_owned(), Value::None),
    ])
}

/// Fills in what AWS fills in.
pub(super) fn desired(want: &Want, attrs: &mut Attrs) {
    let mut processes: Vec<Value> =
        records(want, "process").map(|process| Value::Map(whole(process))).collect();
    if !records(want, "process").any(|process| text(process, "name") == Some("default")) {
        processes.push(Value::Map(default_process()));
    }
    if options::shared(want) {
        desired_of_shared(want, attrs);
        attrs.insert("process".to_owned(), Value::List(processes));
        return;
    }
    let mut listeners: Vec<Value> =
        records(want, "listener").map(|l| Value::Map(listener(want, l))).collect();
    if listeners.is_empty() {
        listeners.push(Value::Map(default_listener()));
    }
    attrs.insert("process".to_owned(), Value::List(processes));
    attrs.insert("rule".to_owned(), Value::List(rules(want, &listeners)));
    attrs.insert("listener".to_owned(), Value::List(listeners));
}

/// The listeners of a shared load balancer are its owner's: the environment has none, only ports and rules.
fn desired_of_shared(want: &Want, attrs: &mut Attrs) {
    let mut ports: Vec<Value> = want.get("listener_ports").items().to_vec();
    ports.sort_by_key(Value::as_int);
    if ports.is_empty() {
        ports.push(Value::Int(80));
    }
    let listener = |port: &Value| Value::Map(Attrs::from_iter([("port".to_owned(), port.clone())]));
    let listeners: Vec<Value> = ports.iter().map(listener).collect();
    attrs.insert("rule".to_owned(), Value::List(rules(want, &listeners)));
    attrs.insert("listener".to_owned(), Value::List(Vec::new()));
    attrs.insert("listener_ports".to_owned(), Value::List(ports));
}

/// The rules with priorities, the lowest free numbers in the order of the file, and with the ports of all listeners that
/// forward where none is said.
fn rules(want: &Want, listeners: &[Value]) -> Vec<Value> {
    let number = |rule: &Attrs| rule.get("priority").and_then(Value::as_int);
    let taken: Vec<i64> = records(want, "rule").filter_map(number).collect();
    let mut free = (1..).filter(|priority| !taken.contains(priority));
    let redirects = |l: &&Attrs| l.get("redirect").is_some_and(|redirect| *redirect != Value::None);
    let forwarding = listeners.iter().filter_map(Value::fields).filter(|l| !redirects(l));
    let ports = Value::List(forwarding.filter_map(|listener| listener.get("port").cloned()).collect());
    let filled = |rule: &Attrs| {
        let mut filled = rule.clone();
        if rule.get("forward").is_none_or(|forward| *forward == Value::None) {
            filled.insert("forward".to_owned(), Value::from("default"));
        }
        if number(rule).is_none() {
            filled.insert("priority".to_owned(), free.next().map_or(Value::None, Value::Int));
        }
        if rule.get("ports").is_none_or(|ports| ports.items().is_empty()) {
            filled.insert("ports".to_owned(), ports.clone());
        }
        Value::Map(filled)
    };
    records(want, "rule").map(filled).collect()
}

/// A process with durations in whole seconds.
fn whole(process: &Attrs) -> Attrs {
    let mut whole = default_process();
    for (name, value) in process {
        let value = match value {
            Value::Duration(ms) => Value::Duration(seconds(*ms) * 1000),
            value => value.clone(),
        };
        whole.insert(name.clone(), value);
    }
    whole
}

fn listener(want: &Want, listener: &Attrs) -> Attrs {
    let mut filled = listener.clone();
    if let Some(certificate) = listener.get("certificate") {
        let arn = want.output(certificate, "arn").map_or_else(|| certificate.clone(), Value::from);
        filled.insert("certificate".to_owned(), arn);
    }
    filled.entry("ssl_policy".to_owned()).or_insert(Value::None);
    let given = |name: &str| listener.get(name).is_some_and(|value| *value != Value::None);
    if given("redirect") {
        // The option below the redirect stays what it is.
        filled.shift_remove("forward");
    } else {
        filled.insert("redirect".to_owned(), Value::None);
        if !given("forward") {
            filled.insert("forward".to_owned(), Value::from("default"));
        }
    }
    filled
}

/// Writes the options of the processes and listeners in [`desired`]'s form. A redirect is no option: it is an action
/// of the listener, set after the environment exists.
pub(super) fn write(attrs: &Attrs, options: &mut Options) {
    for process in blocks(attrs, "process") {
        let Some(name) = text(process, "name") else { continue };
        let namespace = format!("{PROCESS}{name}");
        let number = |field: &str| process.get(field).and_then(Value::as_int);
        let secs = |field: &str| number(field).map(|ms| seconds(ms).to_string());
        let mut set = |option: &str, value: Option<String>| options.set_some(&namespace, option, value);
        set("Port", number("port").map(|port| port.to_string()));
        set("Protocol", text(process, "protocol").map(str::to_ascii_uppercase));
        set("HealthCheckPath", text(process, "health_path").map(str::to_owned));
        set("MatcherHTTPCode", number("health_status").map(|status| status.to_string()));
        set("HealthCheckInterval", secs("health_interval"));
        set("HealthCheckTimeout", secs("health_timeout"));
        set("DeregistrationDelay", secs("deregistration_delay"));
        let sticky = secs("sticky_for");
        set("StickinessEnabled", Some(sticky.is_some().to_string()));
        if sticky.is_some() {
            set("StickinessType", Some("lb_cookie".to_owned()));
            set("StickinessLBCookieDuration", sticky);
        }
    }
    let shared = attrs.get("load_balancer").is_some_and(|balancer| *balancer != Value::None);
    for port in attrs.get("listener_ports").into_iter().flat_map(Value::items).filter_map(Value::as_int) {
        // AWS adds the rule `default`, for all that comes to the environment's name, of itself only on port 80.
        let names: Vec<&str> = ["default"].into_iter().chain(names_of_rules(attrs, port)).collect();
        options.set(&format!("{LISTENER}{port}"), "Rules", names.join(","));
    }
    let mut on_80 = shared;
    for listener in blocks(attrs, "listener") {
        let Some(port) = listener.get("port").and_then(Value::as_int) else { continue };
        on_80 |= port == 80;
        let namespace = namespace(port);
        options.set(&namespace, "ListenerEnabled", "true");
        options.set_some(&namespace, "Protocol", text(listener, "protocol").map(str::to_ascii_uppercase));
        options.set_some(&namespace, "SSLCertificateArns", text(listener, "certificate").map(str::to_owned));
        options.set_some(&namespace, "SSLPolicy", text(listener, "ssl_policy").map(str::to_owned));
        options.set(&namespace, "DefaultProcess", text(listener, "forward").unwrap_or("default"));
        options.set_some(&namespace, "Rules", Some(names_of_rules(attrs, port).join(",")));
    }
    for rule in blocks(attrs, "rule") {
        let Some(name) = text(rule, "name") else { continue };
        let namespace = format!("{RULE}{name}");
        for (field, option) in CONDITIONS {
            let values: Vec<&str> =
                rule.get(field).into_iter().flat_map(Value::items).filter_map(Value::as_str).collect();
            options.set_some(&namespace, option, Some(values.join(",")));
        }
        let priority = rule.get("priority").and_then(Value::as_int);
        options.set_some(&namespace, "Priority", priority.map(|priority| priority.to_string()));
        options.set(&namespace, "Process", text(rule, "forward").unwrap_or("default"));
    }
    if !on_80 {
        options.set(&namespace(80), "ListenerEnabled", "false");
    }
}

/// The names of the rules on a port.
fn names_of_rules(attrs: &Attrs, port: i64) -> Vec<&str> {
    let here = blocks(attrs, "rule").filter(|rule| ports(rule).contains(&port));
    let mut names: Vec<&str> = here.filter_map(|rule| text(rule, "name")).collect();
    names.sort_unstable();
    names
}

/// The conditions of a rule: the attribute and its option.
const CONDITIONS: [(&str, &str); 2] = [("hosts", "HostHeaders"), ("paths", "PathPatterns")];

/// The ports of the listeners that a rule is for.
fn ports(rule: &Attrs) -> Vec<i64> {
    rule.get("ports").into_iter().flat_map(Value::items).filter_map(Value::as_int).collect()
}

/// The namespace of a port: the listener on port 80 is called `default`.
fn namespace(port: i64) -> String {
    if port == 80 { format!("{LISTENER}default") } else { format!("{LISTENER}{port}") }
}

/// Reads processes and listeners. Whether a listener redirects is known to the load balancer only, see [`redirects`].
pub(super) fn read(options: &Options, attrs: &mut Attrs) {
    let mut names: Vec<&str> = options.namespaces(PROCESS).collect();
    if !names.contains(&"default") {
        names.push("default");
    }
    let processes = names.into_iter().map(|name| Value::Map(process(options, name))).collect();
    let mut ports: Vec<i64> = options
        .namespaces(LISTENER)
        .filter_map(|place| if place == "default" { Some(80) } else { place.parse().ok() })
        .collect();
    if !ports.contains(&80) {
        ports.push(80);
    }
    let rules: Vec<Value> = options.namespaces(RULE).filter_map(|name| rule(options, name, &ports)).collect();
    attrs.insert("process".to_owned(), Value::List(processes));
    attrs.insert("rule".to_owned(), Value::List(rules));
    if options.flag(ENVIRONMENT, "LoadBalancerIsShared") {
        let has_rules = |port: &i64| options.get(&format!("{LISTENER}{port}"), "Rules").is_some();
        let mut ruled: Vec<i64> = ports.into_iter().filter(has_rules).collect();
        if ruled.is_empty() {
            ruled.push(80);
        }
        ruled.sort_unstable();
        let ruled = ruled.into_iter().map(Value::Int).collect();
        attrs.insert("listener_ports".to_owned(), Value::List(ruled));
        attrs.insert("listener".to_owned(), Value::List(Vec::new()));
        return;
    }
    attrs.insert("listener_ports".to_owned(), Value::List(Vec::new()));
    let enabled = |port: &i64| options.get(&namespace(*port), "ListenerEnabled") != Some("false");
    let listeners = ports.into_iter().filter(enabled).map(|port| {
        let namespace = namespace(port);
        let get = |name: &str| options.get(&namespace, name);
        let mut listener = Attrs::from_iter([
            ("port".to_owned(), Value::Int(port)),
            ("protocol".to_owned(), Value::from(get("Protocol").unwrap_or("HTTP").to_ascii_lowercase())),
            ("forward".to_owned(), Value::from(get("DefaultProcess").unwrap_or("default"))),
        ]);
        if let Some(arn) = get("SSLCertificateArns") {
            listener.insert("certificate".to_owned(), Value::from(arn));
        }
        if let Some(policy) = get("SSLPolicy") {
            listener.insert("ssl_policy".to_owned(), Value::from(policy));
        }
        Value::Map(listener)
    });
    attrs.insert("listener".to_owned(), Value::List(listeners.collect()));
}

/// A rule, unless it is only what is left of one: without conditions there is none.
fn rule(options: &Options, name: &str, ports: &[i64]) -> Option<Value> {
    let namespace = format!("{RULE}{name}");
    let parts = |text: &str| text.split(',').map(str::trim).map(str::to_owned).collect::<Vec<String>>();
    let mut rule = Attrs::from_iter([("name".to_owned(), Value::from(name))]);
    for (field, option) in CONDITIONS {
        let values = options.get(&namespace, option).map(parts).unwrap_or_default();
        rule.insert(field.to_owned(), Value::from(values));
    }
    let conditions = CONDITIONS.iter().any(|(_, option)| options.get(&namespace, option).is_some());
    let lists = |port: &&i64| {
        // Shared load balancers have no listener `default`.
        let namespaces = [self::namespace(**port), format!("{LISTENER}{port}")];
        let rules = namespaces.iter().filter_map(|namespace| options.get(namespace, "Rules")).flat_map(parts);
        rules.into_iter().any(|rule| rule == name)
    };
    let forward = options.get(&namespace, "Process").unwrap_or("default");
    rule.insert("forward".to_owned(), Value::from(forward));
    rule.insert("priority".to_owned(), Value::Int(options.number(&namespace, "Priority").unwrap_or(1)));
    rule.insert(
        "ports".to_owned(),
        ports.iter().filter(lists).map(|port| Value::Int(*port)).collect::<Vec<_>>().into(),
    );
    conditions.then_some(Value::Map(rule))
}

fn process(options: &Options, name: &str) -> Attrs {
    let namespace = format!("{PROCESS}{name}");
    let mut process = default_process();
    process.insert("name".to_owned(), Value::from(name));
    let mut put = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            process.insert(field.to_owned(), value);
        }
    };
    let number = |option: &str| options.number(&namespace, option);
    let secs = |option: &str| number(option).map(|s| Value::Duration(s * 1000));
    put("port", number("Port").map(Value::Int));
    let protocol = options.get(&namespace, "Protocol").map(str::to_ascii_lowercase);
    put("protocol", protocol.map(Value::from));
    put("health_path", options.get(&namespace, "HealthCheckPath").map(Value::from));
    put("health_status", options.get(&namespace, "MatcherHTTPCode").map(status));
    put("health_interval", secs("HealthCheckInterval"));
    put("health_timeout", secs("HealthCheckTimeout"));
    put("deregistration_delay", secs("DeregistrationDelay"));
    if options.flag(&namespace, "StickinessEnabled") {
        let duration = secs("StickinessLBCookieDuration").unwrap_or(Value::Duration(86_400_000));
        put("sticky_for", Some(duration));
    }
    process
}

/// A status as a number, or a list of them as it stands.
fn status(text: &str) -> Value {
    text.trim().parse().map_or_else(|_| Value::from(text), Value::Int)
}

/// Marks the listeners that redirect to https, as the load balancer says.
pub(super) fn redirects(attrs: &mut Attrs, ports: &[i64]) {
    let Some(Value::List(listeners)) = attrs.get_mut("listener") else { return };
    for listener in listeners {
        if let Value::Map(fields) = listener
            && fields.get("port").and_then(Value::as_int).is_some_and(|port| ports.contains(&port))
        {
            fields.insert("redirect".to_owned(), Value::from("https"));
        }
    }
}

/// The records of a block that the file writes.
fn records<'a>(want: &'a Want, block: &str) -> impl Iterator<Item = &'a Attrs> {
    want.get(block).items().iter().filter_map(Value::fields)
}

fn blocks<'a>(attrs: &'a Attrs, block: &str) -> impl Iterator<Item = &'a Attrs> {
    attrs.get(block).unwrap_or(&Value::None).items().iter().filter_map(Value::fields)
}

fn text<'a>(fields: &'a Attrs, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str()
}

/// The process to which the listener on a port forwards, or would, did it not redirect.
pub(super) fn process_of(attrs: &Attrs, port: &str) -> Attrs {
    let listener = blocks(attrs, "listener")
        .find(|listener| listener.get("port").and_then(Value::as_int).is_some_and(|p| p.to_string() == port));
    let name = listener.and_then(|listener| text(listener, "forward")).unwrap_or("default");
    let process = blocks(attrs, "process").find(|process| text(process, "name") == Some(name));
    process.cloned().unwrap_or_else(default_process)
}
