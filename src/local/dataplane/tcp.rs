//! Bare TCP connections: load balancers and distributions by their ports, data stores by their endpoints.

use super::{Place, Trouble, dns};
use crate::local::elbv2::Listener;
use crate::local::{State, neighbours};

/// Opens and closes a TCP connection from the internet.
///
/// # Errors
/// When it cannot be opened.
pub fn connect(state: &mut State, now: i64, host: &str, port: u16) -> Result<(), Trouble> {
    crate::local::settle(state, now);
    let timeout = || Trouble::Timeout(host.to_owned());
    if let Some(endpoint) = neighbours::endpoint(state, host, now) {
        // Packets to another port, or to a private address, are dropped without a word.
        return if endpoint.public && endpoint.ports.contains(&port) { Ok(()) } else { Err(timeout()) };
    }
    match dns::resolve(state, host, now)? {
        Place::Edge(_) if matches!(port, 80 | 443) => Ok(()),
        Place::Balancer(arn) => {
            let listens = |listener: &Listener| listener.load_balancer == arn && listener.port == port;
            let usable = state
                .elbv2
                .load_balancers
                .get(&arn)
                .is_some_and(|b| now >= b.active && b.scheme != "internal");
            if usable && state.elbv2.listeners.values().any(listens) { Ok(()) } else { Err(timeout()) }
        }
        Place::Instance(_) if port == 80 => Ok(()),
        _ => Err(timeout()),
    }
}
