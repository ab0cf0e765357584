//! Roles and their policies.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    arn, check_name, check_policy, encoded, invalid, missing, page, path, policies, required, tag_members,
};
use crate::local::common::{self, Tags, iso, tags_at};
use crate::local::{Call, Cx, Element, Fault, State};

/// When the standard roles were made: 1 January 2024.
pub(super) const LONG_AGO: i64 = 1_704_067_200_000;

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// `AROA…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// `/`
    pub path: String,
    /// Who may assume it: a policy in JSON.
    pub trust: String,
    /// Its description.
    pub description: String,
    /// How long a session may last, in seconds.
    pub session: i64,
    /// The ARNs of its managed policies.
    pub attached: Vec<String>,
    /// The ARN of the policy that bounds it.
    #[serde(default)]
    pub boundary: Option<String>,
    /// Its inline policies.
    pub inline: IndexMap<String, String>,
    /// When it was made.
    pub created_at: i64,
    /// Its tags.
    pub tags: Tags,
}

impl Role {
    pub(super) fn standard(name: &str, service: &str, policies: &[&str]) -> Self {
        let statement =
            json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"});
        Self {
            id: format!("AROALOCAL{:0>12}", name.len()),
            name: name.to_owned(),
            path: "/".to_owned(),
            trust: json!({"Version": "2012-10-17", "Statement": [statement]}).to_string(),
            description: String::new(),
            session: 3600,
            attached: policies.iter().map(|policy| format!("arn:aws:iam::aws:policy/{policy}")).collect(),
            boundary: None,
            inline: IndexMap::new(),
            created_at: LONG_AGO,
            tags: Tags::new(),
        }
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        arn(&format!("role{}{}", self.path, self.name))
    }

    pub(super) fn members(&self) -> Vec<Element> {
        let boundary = self.boundary.iter().map(|arn| {
            let kind = Element::text("PermissionsBoundaryType", "PermissionsBoundaryPolicy");
            Element::new("PermissionsBoundary", vec![kind, Element::text("PermissionsBoundaryArn", arn)])
        });
        let members = [
            Element::text("Path", &self.path),
            Element::text("RoleName", &self.name),
            Element::text("RoleId", &self.id),
            Element::text("Arn", self.arn()),
            Element::text("CreateDate", iso(self.created_at)),
            Element::text("AssumeRolePolicyDocument", encoded(&self.trust)),
            Element::text("Description", &self.description),
            Element::text("MaxSessionDuration", self.session),
            tag_members(&self.tags),
        ];
        members.into_iter().chain(boundary).collect()
    }
}

fn role<'a>(state: &'a mut State, call: &Call) -> Result<&'a mut Role, Fault> {
    let name = required(call, "RoleName")?;
    let found = state.iam.roles.values_mut().find(|role| role.name.eq_ignore_ascii_case(&name));
    found.ok_or_else(|| missing("role", &name))
}

pub fn get(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    Ok(vec![Element::new("Role", role(state, call)?.members())])
}

pub fn list(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let prefix = call.text("PathPrefix").unwrap_or_else(|| "/".to_owned());
    let roles = state.iam.roles.values().filter(|role| role.path.starts_with(&prefix)).collect();
    let (roles, rest) = page(call, roles)?;
    let list = Element::list("Roles", "member", roles.into_iter().map(Role::members));
    Ok([list].into_iter().chain(rest).collect())
}

fn session(call: &Call) -> Result<Option<i64>, Fault> {
    match call.int("MaxSessionDuration") {
        Some(session) if !(3600..=43200).contains(&session) => {
            Err(invalid("Value at 'maxSessionDuration' must be between 3600 and 43200"))
        }
        session => Ok(session),
    }
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = required(call, "RoleName")?;
    let trust = required(call, "AssumeRolePolicyDocument")?;
    let (path, session, tags) = (path(call)?, session(call)?, tags_at(call, "Tags"));
    check_name(&name, 64)?;
    check_policy(&trust)?;
    common::check_tags(&tags, "InvalidInput")?;
    if let Some(boundary) = call.text("PermissionsBoundary") {
        policies::check(state, &boundary)?;
    }
    if state.iam.role(&name).is_some() {
        let message = format!("Role with name {name} already exists.");
        return Err(Fault::new(409, "EntityAlreadyExists", message));
    }
    let role = Role {
        id: format!("AROA{}", state.letters(17)),
        name: name.clone(),
        path,
        trust,
        description: call.text("Description").unwrap_or_default(),
        session: session.unwrap_or(3600),
        attached: Vec::new(),
        boundary: call.text("PermissionsBoundary"),
        inline: IndexMap::new(),
        created_at: cx.now,
        tags,
    };
    let members = vec![Element::new("Role", role.members())];
    state.iam.roles.insert(name, role);
    Ok(members)
}

pub fn update(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let session = session(call)?;
    let role = role(state, call)?;
    role.session = session.unwrap_or(role.session);
    if let Some(description) = call.text("Description") {
        role.description = description;
    }
    Ok(vec![])
}

pub fn update_trust(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let policy = required(call, "PolicyDocument")?;
    check_policy(&policy)?;
    role(state, call)?.trust = policy;
    Ok(vec![])
}

pub fn delete(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let role = role(state, call)?.clone();
    let conflict = |message: &str| Err(Fault::new(409, "DeleteConflict", message));
    if state.iam.profiles.values().any(|profile| profile.roles.contains(&role.name)) {
        return conflict("Cannot delete entity, must remove roles from instance profile first.");
    }
    if !role.attached.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    if !role.inline.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    state.iam.roles.shift_remove(&role.name);
    Ok(vec![])
}

pub fn attach(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let policy = required(call, "PolicyArn")?;
    policies::check(state, &policy)?;
    let role = role(state, call)?;
    if role.attached.len() >= 20 && !role.attached.contains(&policy) {
        let message = "Cannot exceed quota for PoliciesPerRole: 20";
        return Err(Fault::new(409, "LimitExceeded", message));
    }
    if !role.attached.contains(&policy) {
        role.attached.push(policy);
    }
    Ok(vec![])
}

pub fn detach(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let policy = required(call, "PolicyArn")?;
    let role = role(state, call)?;
    if !role.attached.contains(&policy) {
        return Err(Fault::new(404, "NoSuchEntity", format!("Policy {policy} was not found.")));
    }
    role.attached.retain(|attached| *attached != policy);
    Ok(vec![])
}

pub fn list_attached(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let (policies, rest) = page(call, role(state, call)?.attached.clone())?;
    let item = |arn: String| {
        let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
        vec![Element::text("PolicyName", name), Element::text("PolicyArn", arn)]
    };
    let list = Element::list("AttachedPolicies", "member", policies.into_iter().map(item));
    Ok([list].into_iter().chain(rest).collect())
}

pub fn put_inline(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let (name, policy) = (required(call, "PolicyName")?, required(call, "PolicyDocument")?);
    check_policy(&policy)?;
    role(state, call)?.inline.insert(name, policy);
    Ok(vec![])
}

fn missing_inline(name: &str) -> Fault {
    Fault::new(404, "NoSuchEntity", format!("The role policy with name {name} cannot be found."))
}

pub fn get_inline(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = required(call, "PolicyName")?;
    let role = role(state, call)?;
    let policy = role.inline.get(&name).ok_or_else(|| missing_inline(&name))?;
    Ok(vec![
        Element::text("RoleName", &role.name),
        Element::text("PolicyName", &name),
        Element::text("PolicyDocument", encoded(policy)),
    ])
}

pub fn delete_inline(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = required(call, "PolicyName")?;
    let removed = role(state, call)?.inline.shift_remove(&name);
    removed.map(|_| vec![]).ok_or_else(|| missing_inline(&name))
}

pub fn list_inline(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let (names, rest) = page(call, role(state, call)?.inline.keys().cloned().collect())?;
    Ok([Element::texts("PolicyNames", "member", names)].into_iter().chain(rest).collect())
}

pub fn put_boundary(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let policy = required(call, "PermissionsBoundary")?;
    policies::check(state, &policy)?;
    role(state, call)?.boundary = Some(policy);
    Ok(vec![])
}

pub fn delete_boundary(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    role(state, call)?.boundary = None;
    Ok(vec![])
}

pub fn tag(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let role = role(state, call)?;
    let mut tags = role.tags.clone();
    tags.extend(tags_at(call, "Tags"));
    common::check_tags(&tags, "InvalidInput")?;
    role.tags = tags;
    Ok(vec![])
}

pub fn untag(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let role = role(state, call)?;
    for key in call.texts("TagKeys") {
        role.tags.shift_remove(&key);
    }
    Ok(vec![])
}

pub fn list_tags(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    Ok(vec![tag_members(&role(state, call)?.tags), Element::text("IsTruncated", false)])
}
