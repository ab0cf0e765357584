//! Origin access controls: how CloudFront shows a bucket who it is.

use serde::{Deserialize, Serialize};

use super::{body, check_match, listed, no_content, tagged};
use crate::local::{Call, Element, Fault, Reply, State};

/// An origin access control.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessControl {
    /// `E…`
    pub id: String,
    /// The configuration, as XML.
    pub config: Element,
    /// Changes with every change.
    pub etag: String,
}

fn missing() -> Fault {
    Fault::new(404, "NoSuchOriginAccessControl", "The specified origin access control does not exist.")
}

fn find<'a>(state: &'a State, call: &Call) -> Result<&'a AccessControl, Fault> {
    state.cloudfront.access_controls.get(&call.text("Id").unwrap_or_default()).ok_or_else(missing)
}

fn read(state: &State, call: &Call, own: Option<&str>) -> Result<Element, Fault> {
    let mut config = body(call)?;
    config.name = "OriginAccessControlConfig".to_owned();
    for required in ["Name", "SigningProtocol", "SigningBehavior", "OriginAccessControlOriginType"] {
        if config.text_at(required).is_none() {
            return Err(Fault::new(400, "InvalidArgument", format!("The parameter {required} is required.")));
        }
    }
    let others = state.cloudfront.access_controls.values().filter(|other| Some(other.id.as_str()) != own);
    if others.into_iter().any(|other| other.config.text_at("Name") == config.text_at("Name")) {
        let message = "An origin access control with the specified parameters already exists.";
        return Err(Fault::new(409, "OriginAccessControlAlreadyExists", message));
    }
    Ok(config)
}

fn show(control: &AccessControl) -> Element {
    Element::new("OriginAccessControl", vec![Element::text("Id", &control.id), control.config.clone()])
}

pub(super) fn create(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let config = read(state, call, None)?;
    let id = format!("E{}", state.letters(13));
    let control = AccessControl { id: id.clone(), config, etag: format!("E{}", state.letters(13)) };
    let location = format!("https://cloudfront.amazonaws.com/2020-05-31/origin-access-control/{id}");
    let reply = tagged(201, show(&control), &control.etag, Some(location));
    state.cloudfront.access_controls.insert(id, control);
    Ok(reply)
}

pub(super) fn get(state: &State, call: &Call) -> Result<Reply, Fault> {
    let found = find(state, call)?;
    Ok(tagged(200, show(found), &found.etag, None))
}

pub(super) fn get_config(state: &State, call: &Call) -> Result<Reply, Fault> {
    let found = find(state, call)?;
    Ok(tagged(200, found.config.clone(), &found.etag, None))
}

pub(super) fn update(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let found = find(state, call)?;
    check_match(call, &found.etag)?;
    let config = read(state, call, Some(&found.id))?;
    let control = AccessControl { id: found.id.clone(), config, etag: format!("E{}", state.letters(13)) };
    let reply = tagged(200, show(&control), &control.etag, None);
    state.cloudfront.access_controls.insert(control.id.clone(), control);
    Ok(reply)
}

pub(super) fn delete(state: &mut State, call: &Call) -> Result<Reply, Fault> {
    let found = find(state, call)?;
    check_match(call, &found.etag)?;
    let id = found.id.clone();
    let uses = |origin: &Element| origin.text_at("OriginAccessControlId") == Some(id.as_str());
    let mut distributions = state.cloudfront.distributions.values();
    if distributions.any(|d| d.config.children_at("Origins/Items").iter().any(uses)) {
        let message =
            "Cannot delete the origin access control because it's in use by one or more distributions.";
        return Err(Fault::new(409, "OriginAccessControlInUse", message));
    }
    state.cloudfront.access_controls.shift_remove(&id);
    Ok(no_content())
}

pub(super) fn list(state: &State, call: &Call) -> Result<Reply, Fault> {
    let summary = |control: &&AccessControl| {
        let mut children = vec![Element::text("Id", &control.id)];
        children.extend(control.config.children.iter().cloned());
        if control.config.child("Description").is_none() {
            children.push(Element::text("Description", ""));
        }
        Element::new("OriginAccessControlSummary", children)
    };
    let all =
        state.cloudfront.access_controls.values().map(|control| (control.id.clone(), control)).collect();
    Ok(listed("OriginAccessControlList", call, all, summary))
}
