//! Finding environments, and the names that they may have.

use super::{Environment, Status, refuse};
use crate::local::support::required;
use crate::local::{Call, Cx, Element, Fault, Reply, State};

/// The index of the living environment that a call means, by name or id.
pub(super) fn find(state: &State, cx: &Cx, call: &Call) -> Result<usize, Fault> {
    find_by(state, cx, call.text("EnvironmentId"), call.text("EnvironmentName"))
}

/// As [`find`], for other members.
pub(super) fn find_by(
    state: &State,
    cx: &Cx,
    id: Option<String>,
    name: Option<String>,
) -> Result<usize, Fault> {
    if id.is_none() && name.is_none() {
        let message = "Either EnvironmentId or EnvironmentName must be specified.";
        return refuse("MissingParameter", message);
    }
    let fits = |environment: &Environment| {
        environment.region == cx.region
            && environment.alive()
            && id.as_ref().is_none_or(|id| *id == environment.id)
            && name.as_ref().is_none_or(|name| *name == environment.name)
    };
    match state.beanstalk.environments.iter().position(fits) {
        Some(index) => Ok(index),
        None => {
            let what = match (&id, &name) {
                (Some(id), _) => format!("EnvironmentId = '{id}'"),
                (None, name) => format!("EnvironmentName = '{}'", name.as_deref().unwrap_or_default()),
            };
            refuse("InvalidParameterValue", format!("No Environment found for {what}."))
        }
    }
}

/// The environment at an index.
pub(super) fn at(state: &State, index: usize) -> Result<&Environment, Fault> {
    match state.beanstalk.environments.get(index) {
        Some(environment) => Ok(environment),
        None => refuse("InvalidParameterValue", "No Environment found."),
    }
}

/// What AWS says when an environment is busy.
pub(super) fn must_be_ready(environment: &Environment) -> Result<(), Fault> {
    if environment.status == Status::Ready {
        return Ok(());
    }
    let message = format!(
        "Environment named {} is in an invalid state for this operation. Must be Ready.",
        environment.name
    );
    refuse("InvalidParameterValue", message)
}

/// `PREFIX.REGION.elasticbeanstalk.com`
pub(super) fn cname(cx: &Cx, prefix: &str) -> String {
    format!("{prefix}.{}.elasticbeanstalk.com", cx.region).to_ascii_lowercase()
}

/// Whether a name is free: among all customers, of whom there is one here.
pub(super) fn is_free(state: &State, cname: &str) -> bool {
    !state.beanstalk.environments.iter().any(|e| e.alive() && e.cname.eq_ignore_ascii_case(cname))
}

/// Letters, digits and hyphens, none at either end.
pub(super) fn check_name(member: &str, name: &str, least: usize, most: usize) -> Result<(), Fault> {
    if !(least..=most).contains(&name.len()) {
        let message = format!(
            "Value {name} at '{member}' failed to satisfy constraint: Member must be from {least} to {most} characters long"
        );
        return refuse("InvalidParameterValue", message);
    }
    let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fits {
        return Ok(());
    }
    let message = format!(
        "Value {name} at '{member}' failed to satisfy constraint: Member must contain only letters, digits, and the dash character and may not start or end with a dash"
    );
    refuse("InvalidParameterValue", message)
}

pub(super) fn check_dns(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let prefix = required(call, "CNAMEPrefix")?;
    check_name("CNAMEPrefix", &prefix, 4, 63)?;
    let cname = cname(cx, &prefix);
    Ok(Reply::Xml(vec![
        Element::text("Available", is_free(state, &cname)),
        Element::text("FullyQualifiedCNAME", &cname),
    ]))
}
