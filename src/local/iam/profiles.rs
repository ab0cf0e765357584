//! Instance profiles.

use serde::{Deserialize, Serialize};

use super::roles::LONG_AGO;
use super::{arn, check_name, missing, page, path, required, tag_members};
use crate::local::common::{self, SECOND, Tags, iso, tags_at};
use crate::local::{Call, Cx, Element, Fault, State};

/// For how long other services do not see a new profile.
const UNSEEN: i64 = 10 * SECOND;

/// An instance profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// `AIPA…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// `/`
    pub path: String,
    /// The names of its roles: at most one.
    pub roles: Vec<String>,
    /// When it was made.
    pub created_at: i64,
    /// Its tags.
    pub tags: Tags,
}

impl Profile {
    pub(super) fn standard(role: &str) -> Self {
        Self {
            id: format!("AIPALOCAL{:0>12}", role.len()),
            name: role.to_owned(),
            path: "/".to_owned(),
            roles: vec![role.to_owned()],
            created_at: LONG_AGO,
            tags: Tags::new(),
        }
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        arn(&format!("instance-profile{}{}", self.path, self.name))
    }

    /// Whether other services see it: they do not at once.
    pub fn is_seen(&self, now: i64) -> bool {
        !self.roles.is_empty() && now >= self.created_at + UNSEEN
    }

    fn members(&self, state: &State) -> Vec<Element> {
        let roles = self.roles.iter().filter_map(|name| state.iam.roles.get(name));
        vec![
            Element::text("Path", &self.path),
            Element::text("InstanceProfileName", &self.name),
            Element::text("InstanceProfileId", &self.id),
            Element::text("Arn", self.arn()),
            Element::text("CreateDate", iso(self.created_at)),
            Element::list("Roles", "member", roles.map(|role| role.members())),
            tag_members(&self.tags),
        ]
    }
}

fn profile(state: &State, call: &Call) -> Result<Profile, Fault> {
    let name = required(call, "InstanceProfileName")?;
    let found = state.iam.profiles.values().find(|profile| profile.name.eq_ignore_ascii_case(&name));
    found
        .cloned()
        .ok_or_else(|| Fault::new(404, "NoSuchEntity", format!("Instance Profile {name} cannot be found.")))
}

pub fn get(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    Ok(vec![Element::new("InstanceProfile", profile(state, call)?.members(state))])
}

pub fn list(state: &mut State, call: &Call, role: Option<&str>) -> Result<Vec<Element>, Fault> {
    if let Some(role) = role.filter(|role| state.iam.role(role).is_none()) {
        return Err(missing("role", role));
    }
    let holds = |profile: &&Profile| role.is_none_or(|role| profile.roles.iter().any(|name| name == role));
    let (profiles, rest) = page(call, state.iam.profiles.values().filter(holds).collect())?;
    let items = profiles.into_iter().map(|profile| profile.members(state));
    Ok([Element::list("InstanceProfiles", "member", items)].into_iter().chain(rest).collect())
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let name = required(call, "InstanceProfileName")?;
    let (path, tags) = (path(call)?, tags_at(call, "Tags"));
    check_name(&name, 128)?;
    common::check_tags(&tags, "InvalidInput")?;
    if state.iam.profile(&name).is_some() {
        let message = format!("Instance Profile {name} already exists.");
        return Err(Fault::new(409, "EntityAlreadyExists", message));
    }
    let id = format!("AIPA{}", state.letters(17));
    let profile = Profile { id, name: name.clone(), path, roles: Vec::new(), created_at: cx.now, tags };
    let members = vec![Element::new("InstanceProfile", profile.members(state))];
    state.iam.profiles.insert(name, profile);
    Ok(members)
}

pub fn delete(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let profile = profile(state, call)?;
    if !profile.roles.is_empty() {
        let message = "Cannot delete entity, must remove roles from instance profile first.";
        return Err(Fault::new(409, "DeleteConflict", message));
    }
    state.iam.profiles.shift_remove(&profile.name);
    Ok(vec![])
}

pub fn add_role(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let profile = profile(state, call)?;
    let name = required(call, "RoleName")?;
    let role = state.iam.role(&name).ok_or_else(|| missing("role", &name))?.name.clone();
    if !profile.roles.is_empty() {
        let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
        return Err(Fault::new(409, "LimitExceeded", message));
    }
    if let Some(profile) = state.iam.profiles.get_mut(&profile.name) {
        profile.roles.push(role);
    }
    Ok(vec![])
}

pub fn remove_role(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let profile = profile(state, call)?;
    let role = required(call, "RoleName")?;
    if !profile.roles.contains(&role) {
        return Err(missing("role", &role));
    }
    if let Some(profile) = state.iam.profiles.get_mut(&profile.name) {
        profile.roles.retain(|name| *name != role);
    }
    Ok(vec![])
}

fn change(state: &mut State, call: &Call, change: impl FnOnce(&mut Tags)) -> Result<Vec<Element>, Fault> {
    let profile = profile(state, call)?;
    let mut tags = profile.tags;
    change(&mut tags);
    common::check_tags(&tags, "InvalidInput")?;
    if let Some(profile) = state.iam.profiles.get_mut(&profile.name) {
        profile.tags = tags;
    }
    Ok(vec![])
}

pub fn tag(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    change(state, call, |tags| tags.extend(tags_at(call, "Tags")))
}

pub fn untag(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    let keys = call.texts("TagKeys");
    change(state, call, |tags| tags.retain(|key, _| !keys.contains(key)))
}

pub fn list_tags(state: &mut State, call: &Call) -> Result<Vec<Element>, Fault> {
    Ok(vec![tag_members(&profile(state, call)?.tags), Element::text("IsTruncated", false)])
}
