//! Managed policies: AWS's own, which are all taken to exist, and the account's.

use serde::{Deserialize, Serialize};

use super::{arn, check_name, check_policy, encoded, page, path, required, tag_members};
use crate::local::common::{self, Tags, iso, tags_at};
use crate::local::{Call, Cx, Element, Fault, State};

/// How the ARNs of AWS's own policies begin.
const AWS: &str = "arn:aws:iam::aws:policy/";

/// A managed policy of the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Policy {
    id: String,
    name: String,
    path: String,
    arn: String,
    description: Option<String>,
    document: String,
    created_at: i64,
    tags: Tags,
}

/// Whether a managed policy can be attached.
pub(super) fn exists(state: &State, arn: &str) -> bool {
    arn.strip_prefix(AWS).is_some_and(|name| !name.is_empty()) || state.iam.policies.contains_key(arn)
}

fn missing(arn: &str) -> Fault {
    Fault::new(404, "NoSuchEntity", format!("Policy {arn} does not exist or is not attachable."))
}

fn members(state: &State, policy: &Policy) -> Vec<Element> {
    let attached = state.iam.roles.values().filter(|role| role.attached.contains(&policy.arn)).count();
    let bounds = state.iam.roles.values().filter(|role| role.boundary.as_ref() == Some(&policy.arn)).count();
    let mut members = vec![
        Element::text("PolicyName", &policy.name),
        Element::text("PolicyId", &policy.id),
        Element::text("Arn", &policy.arn),
        Element::text("Path", &policy.path),
        Element::text("DefaultVersionId", "v1"),
        Element::text("AttachmentCount", attached),
        Element::text("PermissionsBoundaryUsageCount", bounds),
        Element::text("IsAttachable", true),
        Element::text("CreateDate", iso(policy.created_at)),
        Element::text("UpdateDate", iso(policy.created_at)),
        tag_members(&policy.tags),
    ];
    members.extend(policy.description.iter().map(|text| Element::text("Description", text)));
    members
}

/// One of AWS's own, of which only the name is known.
fn of_aws(arn: &str) -> Option<Policy> {
    let whole = arn.strip_prefix(AWS)?;
    let (folder, name) = whole.rsplit_once('/').unwrap_or(("", whole));
    Some(Policy {
        id: "ANPALOCALOFAWS000".to_owned(),
        name: name.to_owned(),
        path: if folder.is_empty() { "/".to_owned() } else { format!("/{folder}/") },
        arn: arn.to_owned(),
        description: None,
        document: r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned(),
        created_at: super::roles::LONG_AGO,
        tags: Tags::new(),
    })
}

fn find(state: &State, call: &Call) -> Result<Policy, Fault> {
    let arn = required(call, "PolicyArn")?;
    let found = state.iam.policies.get(&arn).cloned().or_else(|| of_aws(&arn));
    found.ok_or_else(|| Fault::new(404, "NoSuchEntity", format!("Policy {arn} was not found.")))
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let (name, document) = (required(call, "PolicyName")?, required(call, "PolicyDocument")?);
    let (path, tags) = (path(call)?, tags_at(call, "Tags"));
    check_name(&name, 128)?;
    check_policy(&document)?;
    common::check_tags(&tags, "InvalidInput")?;
    let taken = state.iam.policies.values().any(|policy| policy.name.eq_ignore_ascii_case(&name));
    if taken {
        let message = format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(Fault::new(409, "EntityAlreadyExists", message));
    }
    let policy = Policy {
        id: format!("ANPA{}", state.letters(17)),
        arn: arn(&format!("policy{path}{name}")),
        name,
        path,
        description: call.text("Description"),
        document,
        created_at: cx.now,
        tags,
    };
    let shown = Element::new("Policy", members(state, &policy));
    state.iam.policies.insert(policy.arn.clone(), policy);
    Ok(vec![shown])
}

pub fn get(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    Ok(vec![Element::new("Policy", members(state, &find(state, call)?))])
}

pub fn version(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let policy = find(state, call)?;
    if required(call, "VersionId")? != "v1" {
        let message = format!("Policy {} has no such version.", policy.arn);
        return Err(Fault::new(404, "NoSuchEntity", message));
    }
    let members = vec![
        Element::text("Document", encoded(&policy.document)),
        Element::text("VersionId", "v1"),
        Element::text("IsDefaultVersion", true),
        Element::text("CreateDate", iso(policy.created_at)),
    ];
    Ok(vec![Element::new("PolicyVersion", members)])
}

pub fn list(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let prefix = call.text("PathPrefix").unwrap_or_else(|| "/".to_owned());
    // Of AWS's own, those that are attached somewhere.
    let attached = state.iam.roles.values().flat_map(|role| &role.attached).filter_map(|arn| of_aws(arn));
    let mut all: Vec<Policy> = match call.text("Scope").as_deref() {
        Some("Local") => Vec::new(),
        _ => attached.collect(),
    };
    all.sort_by(|a, b| a.arn.cmp(&b.arn));
    all.dedup_by(|a, b| a.arn == b.arn);
    if call.text("Scope").as_deref() != Some("AWS") {
        all.extend(state.iam.policies.values().cloned());
    }
    all.retain(|policy| policy.path.starts_with(&prefix));
    let (policies, rest) = page(call, all)?;
    let list = Element::list("Policies", "member", policies.iter().map(|policy| members(state, policy)));
    Ok([list].into_iter().chain(rest).collect())
}

pub fn delete(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let arn = required(call, "PolicyArn")?;
    let used = |role: &super::Role| role.attached.contains(&arn) || role.boundary.as_ref() == Some(&arn);
    if state.iam.roles.values().any(used) {
        let message = "Cannot delete a policy attached to entities.";
        return Err(Fault::new(409, "DeleteConflict", message));
    }
    state.iam.policies.shift_remove(&arn).map(|_| vec![]).ok_or_else(|| missing(&arn))
}

pub(super) fn check(state: &State, arn: &str) -> Result<(), Fault> {
    if exists(state, arn) { Ok(()) } else { Err(missing(arn)) }
}
