//! IAM: roles and instance profiles. Beanstalk's standard ones exist from the start.

mod policies;
mod profiles;
mod roles;

use indexmap::IndexMap;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::common::{self, Tags};
use super::service::Service;
use super::{ACCOUNT, Call, Cx, Element, Fault, Reply, State};

pub use policies::Policy;
pub use profiles::Profile;
pub use roles::Role;

/// Beanstalk's standard role for instances, and the profile that holds it.
pub const BEANSTALK_INSTANCES: &str = "aws-elasticbeanstalk-ec2-role";
/// Beanstalk's standard role for itself.
pub const BEANSTALK_SERVICE: &str = "aws-elasticbeanstalk-service-role";

/// What IAM remembers. It has no regions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Iam {
    /// Roles by name.
    pub roles: IndexMap<String, Role>,
    /// Instance profiles by name.
    pub profiles: IndexMap<String, Profile>,
    /// Managed policies of the account by ARN.
    #[serde(default)]
    pub policies: IndexMap<String, Policy>,
}

impl Default for Iam {
    fn default() -> Self {
        let instances = Role::standard(
            BEANSTALK_INSTANCES,
            "ec2.amazonaws.com",
            &["AWSElasticBeanstalkWebTier", "AWSElasticBeanstalkWorkerTier"],
        );
        let service = Role::standard(
            BEANSTALK_SERVICE,
            "elasticbeanstalk.amazonaws.com",
            &[
                "service-role/AWSElasticBeanstalkEnhancedHealth",
                "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
            ],
        );
        let profile = Profile::standard(BEANSTALK_INSTANCES);
        Self {
            roles: [instances, service].map(|role| (role.name.clone(), role)).into(),
            profiles: [(profile.name.clone(), profile)].into(),
            policies: IndexMap::new(),
        }
    }
}

impl Iam {
    /// A role, whatever the case of its name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.name.eq_ignore_ascii_case(name))
    }

    /// An instance profile by its name or its ARN, which has the path before the name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        let of_arn = name.split_once(":instance-profile/").and_then(|(_, path)| path.rsplit('/').next());
        let name = of_arn.unwrap_or(name);
        self.profiles.values().find(|profile| profile.name.eq_ignore_ascii_case(name))
    }
}

/// Answers a call.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let members = match call.operation.as_str() {
        "GetRole" => roles::get(state, call),
        "ListRoles" => roles::list(state, call),
        "CreateRole" => roles::create(state, cx, call),
        "UpdateRole" => roles::update(state, call),
        "UpdateAssumeRolePolicy" => roles::update_trust(state, call),
        "DeleteRole" => roles::delete(state, call),
        "AttachRolePolicy" => roles::attach(state, call),
        "DetachRolePolicy" => roles::detach(state, call),
        "ListAttachedRolePolicies" => roles::list_attached(state, call),
        "PutRolePolicy" => roles::put_inline(state, call),
        "GetRolePolicy" => roles::get_inline(state, call),
        "DeleteRolePolicy" => roles::delete_inline(state, call),
        "ListRolePolicies" => roles::list_inline(state, call),
        "PutRolePermissionsBoundary" => roles::put_boundary(state, call),
        "DeleteRolePermissionsBoundary" => roles::delete_boundary(state, call),
        "TagRole" => roles::tag(state, call),
        "UntagRole" => roles::untag(state, call),
        "ListRoleTags" => roles::list_tags(state, call),
        "GetInstanceProfile" => profiles::get(state, call),
        "ListInstanceProfiles" => profiles::list(state, call, None),
        "ListInstanceProfilesForRole" => {
            required(call, "RoleName").and_then(|role| profiles::list(state, call, Some(&role)))
        }
        "CreateInstanceProfile" => profiles::create(state, cx, call),
        "DeleteInstanceProfile" => profiles::delete(state, call),
        "TagInstanceProfile" => profiles::tag(state, call),
        "UntagInstanceProfile" => profiles::untag(state, call),
        "ListInstanceProfileTags" => profiles::list_tags(state, call),
        "CreatePolicy" => policies::create(state, cx, call),
        "GetPolicy" => policies::get(state, call),
        "GetPolicyVersion" => policies::version(state, call),
        "ListPolicies" => policies::list(state, call),
        "DeletePolicy" => policies::delete(state, call),
        "AddRoleToInstanceProfile" => profiles::add_role(state, call),
        "RemoveRoleFromInstanceProfile" => profiles::remove_role(state, call),
        operation => Err(Service::Iam.unknown(operation)),
    };
    members.map(Reply::Xml)
}

/// A parameter that must be there.
fn required(call: &Call, name: &str) -> Result<String, Fault> {
    call.text(name).filter(|text| !text.is_empty()).ok_or_else(|| {
        let mut member = name.to_owned();
        if let Some(first) = member.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        invalid(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationError", message)
}

fn missing(what: &str, name: &str) -> Fault {
    Fault::new(404, "NoSuchEntity", format!("The {what} with name {name} cannot be found."))
}

/// The names of roles and profiles: `[\w+=,.@-]`, at most so many.
fn check_name(name: &str, longest: usize) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    match name.len() <= longest && name.chars().all(allowed) {
        true => Ok(()),
        false => Err(invalid(format!(
            "The specified value for the name is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and have at most {longest} of them"
        ))),
    }
}

fn path(call: &Call) -> Result<String, Fault> {
    let path = call.text("Path").unwrap_or_else(|| "/".to_owned());
    match path.starts_with('/') && path.ends_with('/') {
        true => Ok(path),
        false => Err(invalid("The specified value for path is invalid. It must begin and end with /")),
    }
}

/// IAM gives policies percent-encoded.
fn encoded(policy: &str) -> String {
    // Dots and colons stay, so that people can read it.
    const LEFT: &percent_encoding::AsciiSet =
        &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b':');
    utf8_percent_encode(policy, LEFT).to_string()
}

fn check_policy(policy: &str) -> Result<(), Fault> {
    match serde_json::from_str::<serde_json::Value>(policy) {
        Ok(serde_json::Value::Object(members)) if members.contains_key("Statement") => Ok(()),
        Ok(serde_json::Value::Object(_)) => {
            Err(Fault::new(400, "MalformedPolicyDocument", "Syntax errors in policy."))
        }
        _ => Err(Fault::new(400, "MalformedPolicyDocument", "This policy contains invalid Json")),
    }
}

fn arn(resource: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{resource}")
}

fn tag_members(tags: &Tags) -> Element {
    common::tag_list("Tags", "member", tags)
}

/// A page of a list: `MaxItems` (100 by default) and `Marker`, which IAM accompanies with `IsTruncated`.
fn page<T>(call: &Call, items: Vec<T>) -> Result<(Vec<T>, Vec<Element>), Fault> {
    let max = call.int("MaxItems").unwrap_or(100);
    if !(1..=1000).contains(&max) {
        return Err(invalid(
            "Value at 'maxItems' failed to satisfy constraint: Member must be between 1 and 1000",
        ));
    }
    let marker = call.text("Marker");
    let max = call.page_of(usize::try_from(max).unwrap_or(100));
    let (items, next) = common::page(items, marker.as_deref(), max)
        .ok_or_else(|| Fault::new(400, "InvalidInput", "Invalid Marker."))?;
    let mut rest = vec![Element::text("IsTruncated", next.is_some())];
    rest.extend(next.map(|next| Element::text("Marker", next)));
    Ok((items, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::{Client, count, text};

    const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

    #[test]
    fn beanstalks_roles_are_there() {
        let client = Client::new();
        let name = [("InstanceProfileName", super::BEANSTALK_INSTANCES)];
        let reply = client.query("iam", "GetInstanceProfile", &name).unwrap();
        let profile = "GetInstanceProfileResult/InstanceProfile";
        assert_eq!(text(&reply, &format!("{profile}/Roles/member/RoleName")), super::BEANSTALK_INSTANCES);
        let role = client.query("iam", "GetRole", &[("RoleName", super::BEANSTALK_SERVICE)]).unwrap();
        assert!(
            text(&role, "GetRoleResult/Role/AssumeRolePolicyDocument")
                .contains("elasticbeanstalk.amazonaws.com")
        );
        assert_eq!(client.query("iam", "GetRole", &[("RoleName", "nobody")]).unwrap_err(), "NoSuchEntity");
        assert_eq!(client.query("iam", "GetRole", &[]).unwrap_err(), "ValidationError");
    }

    #[test]
    fn roles_and_profiles_hold_each_other() {
        let client = Client::new();
        let role = [("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST)];
        client.query("iam", "CreateRole", &role).unwrap();
        let other = [("RoleName", "R"), ("AssumeRolePolicyDocument", TRUST)];
        assert_eq!(client.query("iam", "CreateRole", &other).unwrap_err(), "EntityAlreadyExists");
        let bad = [("RoleName", "x"), ("AssumeRolePolicyDocument", "{")];
        assert_eq!(client.query("iam", "CreateRole", &bad).unwrap_err(), "MalformedPolicyDocument");
        client.query("iam", "CreateInstanceProfile", &[("InstanceProfileName", "p")]).unwrap();
        let both = [("InstanceProfileName", "p"), ("RoleName", "r")];
        client.query("iam", "AddRoleToInstanceProfile", &both).unwrap();
        assert_eq!(client.query("iam", "AddRoleToInstanceProfile", &both).unwrap_err(), "LimitExceeded");
        let policy = [("RoleName", "r"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")];
        client.query("iam", "AttachRolePolicy", &policy).unwrap();
        assert_eq!(client.query("iam", "DeleteRole", &[("RoleName", "r")]).unwrap_err(), "DeleteConflict");
        let delete = [("InstanceProfileName", "p")];
        assert_eq!(client.query("iam", "DeleteInstanceProfile", &delete).unwrap_err(), "DeleteConflict");
        client.query("iam", "RemoveRoleFromInstanceProfile", &both).unwrap();
        client.query("iam", "DetachRolePolicy", &policy).unwrap();
        client.query("iam", "DeleteRole", &[("RoleName", "r")]).unwrap();
        client.query("iam", "DeleteInstanceProfile", &delete).unwrap();
        let reply = client.query("iam", "ListRoles", &[("MaxItems", "1")]).unwrap();
        assert_eq!(count(&reply, "ListRolesResult/Roles/member"), 1);
        assert_eq!(text(&reply, "ListRolesResult/IsTruncated"), "true");
    }
}
