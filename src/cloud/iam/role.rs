//! The kind `role`: made with its trust policy, then brought to what is wanted one policy a call.

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use std::time::Duration;

use super::policies::{canonical, decoded, trust, trusted};
use super::tags;
use crate::cloud::parts::{changed, partition};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Renewal, Reply, TagCalls,
    TagChange, Want, calling, found, reading, seen_tags,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

const CREATE: &str = "iam:CreateRole";
const UPDATE: &str = "iam:UpdateRole";
const TRUST: &str = "iam:UpdateAssumeRolePolicy";
const BOUND: &str = "iam:PutRolePermissionsBoundary";
const UNBOUND: &str = "iam:DeleteRolePermissionsBoundary";
const ATTACH: &str = "iam:AttachRolePolicy";
const DETACH: &str = "iam:DetachRolePolicy";
const PUT: &str = "iam:PutRolePolicy";
const REMOVE: &str = "iam:DeleteRolePolicy";
const LEAVE: &str = "iam:RemoveRoleFromInstanceProfile";
const DELETE: &str = "iam:DeleteRole";
const TAGS: TagCalls = TagCalls { set: "iam:TagRole", remove: "iam:UntagRole" };

const ROLE: &[&str] = &["{own role}"];
const ON_CHANGE: &str = "only when a policy or setting changes";
const PERMISSIONS: &[Permission] = &[
    Permission::look("iam:GetRole", ROLE),
    Permission::look("iam:ListAttachedRolePolicies", ROLE),
    Permission::look("iam:ListRolePolicies", ROLE),
    Permission::look("iam:GetRolePolicy", ROLE).because("only when there are inline policies"),
    Permission::look("iam:ListInstanceProfilesForRole", ROLE),
    Permission::change(CREATE, ROLE),
    Permission::change(UPDATE, ROLE).because(ON_CHANGE),
    Permission::change(TRUST, ROLE).because(ON_CHANGE),
    Permission::change(BOUND, ROLE).because(ON_CHANGE),
    Permission::change(UNBOUND, ROLE).because(ON_CHANGE),
    Permission::change(ATTACH, ROLE).because("only when there are managed policies"),
    Permission::change(DETACH, ROLE).because(ON_CHANGE),
    Permission::change(PUT, ROLE).because("only when there are inline policies"),
    Permission::change(REMOVE, ROLE).because(ON_CHANGE),
    Permission::tag(TAGS.set, ROLE).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, ROLE).because("only when a tag goes"),
    Permission::delete(LEAVE, &["iam::{account}:instance-profile/*"])
        .because("only when an instance profile still holds it"),
    Permission::delete(DETACH, ROLE).because("only when there are managed policies"),
    Permission::delete(REMOVE, ROLE).because("only when there are inline policies"),
    Permission::delete(DELETE, ROLE),
];

/// IAM roles.
#[derive(Debug)]
pub struct Role;

fn name(want: &Want) -> &str {
    want.text("name").unwrap_or(&want.name)
}

/// Whether the role is only looked up.
fn looked_up(want: &Want) -> bool {
    *want.get("session") == Value::None
}

#[async_trait]
impl Driver for Role {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let name = name(want);
        let reply = clients.iam.get_role().role_name(name).send().await.map_err(reading("iam:GetRole"));
        let Some(role) = found(reply)?.and_then(|reply| reply.role) else { return Ok(Observed::Absent) };
        let mut present = Present { id: role.role_name().to_owned(), ..Present::default() };
        let mut put = |name: &str, value: Value| {
            present.attrs.insert(name.to_owned(), value);
        };
        put("name", role.role_name().into());
        put("path", role.path().into());
        put("description", role.description().unwrap_or_default().into());
        put("session", Value::Duration(i64::from(role.max_session_duration().unwrap_or(3600)) * 1000));
        let boundary = role.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
        put("permissions_boundary", boundary.into());
        let policy = decoded(role.assume_role_policy_document().unwrap_or_default());
        match want.get("trust_policy") {
            Value::None => put(
                "trusted_services",
                match trusted(&policy) {
                    Some(services) => services.into(),
                    None => Value::Variant("(another policy)".to_owned(), Attrs::new()),
                },
            ),
            _ => put("trust_policy", canonical(&policy).into()),
        }
        present.outputs.insert("name".to_owned(), role.role_name().into());
        present.outputs.insert("arn".to_owned(), role.arn().into());
        let tags = seen_tags(role.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value()))));
        let mut present = present.tagged(tags);
        if !looked_up(want) {
            present.attrs.insert("managed_policies".to_owned(), attached(clients, want).await?);
            present.attrs.insert("policies".to_owned(), inline(clients, name).await?);
            present.detail = json!({ "profiles": profiles(clients, name).await? });
        }
        Ok(Observed::Present(Box::new(present)))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let mut attrs = want.desired(&[]);
        if let Some(policy) = want.text("trust_policy") {
            attrs.insert("trust_policy".to_owned(), canonical(policy).into());
            attrs.shift_remove("trusted_services");
        }
        if let Some(policies) = want.get("policies").fields() {
            let canonical =
                |value: &Value| value.as_str().map_or_else(|| value.clone(), |p| canonical(p).into());
            let policies = policies.iter().map(|(name, value)| (name.clone(), canonical(value)));
            attrs.insert("policies".to_owned(), Value::Map(policies.collect()));
        }
        // It can be taken away again.
        attrs.insert("permissions_boundary".to_owned(), want.get("permissions_boundary").clone());
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        if changed(changes, "trusted_services") || changed(changes, "trust_policy") {
            return Next::Call(Op::new(TRUST));
        }
        if changed(changes, "description") || changed(changes, "session") {
            return Next::Call(Op::new(UPDATE));
        }
        if changed(changes, "permissions_boundary") {
            let bound = *want.get("permissions_boundary") != Value::None;
            return Next::Call(Op::new(if bound { BOUND } else { UNBOUND }));
        }
        policy_step(want, present).or_else(|| TAGS.next(want, present)).map_or(Next::Done, Next::Call)
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Done };
        let profile =
            present.detail.get("profiles").and_then(|profiles| profiles.get(0)).and_then(Json::as_str);
        let policy = present.get("managed_policies").items().first().and_then(Value::as_str);
        let inline = present.get("policies").fields().and_then(|policies| policies.keys().next());
        Next::Call(if let Some(profile) = profile {
            Op::new(LEAVE).with(json!({ "profile": profile }))
        } else if let Some(policy) = policy {
            Op::new(DETACH).with(json!({ "policy": policy }))
        } else if let Some(inline) = inline {
            Op::new(REMOVE).with(json!({ "policy": inline }))
        } else {
            Op::new(DELETE)
        })
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        _seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let (iam, name) = (&clients.iam, name(want));
        let detail = |field: &str| op.detail.get(field).and_then(Json::as_str).unwrap_or_default();
        match op.operation.as_str() {
            CREATE => create(clients, want).await,
            UPDATE => {
                let request = iam.update_role().role_name(name);
                let request = request.description(want.text("description").unwrap_or_default());
                let reply = request.set_max_session_duration(want.int("session")).send().await;
                Ok(Reply::of(&reply.map_err(calling(UPDATE))?, None))
            }
            TRUST => {
                let request = iam.update_assume_role_policy().role_name(name).policy_document(trust_of(want));
                Ok(Reply::of(&request.send().await.map_err(calling(TRUST))?, None))
            }
            BOUND => {
                let boundary = want.text("permissions_boundary").map(str::to_owned);
                let request = iam.put_role_permissions_boundary().role_name(name);
                let reply = request.set_permissions_boundary(boundary).send().await;
                Ok(Reply::of(&reply.map_err(calling(BOUND))?, None))
            }
            UNBOUND => {
                let reply = iam.delete_role_permissions_boundary().role_name(name).send().await;
                Ok(Reply::of(&reply.map_err(calling(UNBOUND))?, None))
            }
            ATTACH => {
                let arn = policy_arn(clients, detail("policy"));
                let reply = iam.attach_role_policy().role_name(name).policy_arn(arn).send().await;
                Ok(Reply::of(&reply.map_err(calling(ATTACH))?, None))
            }
            DETACH => {
                let arn = policy_arn(clients, detail("policy"));
                let reply = iam.detach_role_policy().role_name(name).policy_arn(arn).send().await;
                Ok(Reply::of(&reply.map_err(calling(DETACH))?, None))
            }
            PUT => {
                let policy = detail("policy");
                let text =
                    want.get("policies").fields().and_then(|all| all.get(policy)).and_then(Value::as_str);
                let request = iam.put_role_policy().role_name(name).policy_name(policy);
                let reply = request.policy_document(text.unwrap_or_default()).send().await;
                Ok(Reply::of(&reply.map_err(calling(PUT))?, None))
            }
            REMOVE => {
                let request = iam.delete_role_policy().role_name(name).policy_name(detail("policy"));
                Ok(Reply::of(&request.send().await.map_err(calling(REMOVE))?, None))
            }
            LEAVE => {
                let request = iam.remove_role_from_instance_profile().role_name(name);
                let reply = request.instance_profile_name(detail("profile")).send().await;
                Ok(Reply::of(&reply.map_err(calling(LEAVE))?, None))
            }
            DELETE => {
                let reply = iam.delete_role().role_name(name).send().await.map_err(calling(DELETE))?;
                Ok(Reply::of(&reply, None))
            }
            _ if op.operation == TAGS.set => {
                let added = tags(&TagChange::of(op)?.set, TAGS.set)?;
                let reply = iam.tag_role().role_name(name).set_tags(Some(added)).send().await;
                Ok(Reply::of(&reply.map_err(calling(TAGS.set))?, None))
            }
            _ if op.operation == TAGS.remove => {
                let request = iam.untag_role().role_name(name).set_tag_keys(Some(TagChange::of(op)?.remove));
                Ok(Reply::of(&request.send().await.map_err(calling(TAGS.remove))?, None))
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on a role")),
        }
    }

    fn renewal(&self, _want: &Want) -> Renewal {
        Renewal::Held
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(5 * 60)
    }
}

async fn create(clients: &Clients, want: &Want) -> Result<Reply, CloudError> {
    let request = clients
        .iam
        .create_role()
        .role_name(name(want))
        .path(want.text("path").unwrap_or("/"))
        .description(want.text("description").unwrap_or_default())
        .assume_role_policy_document(trust_of(want))
        .set_max_session_duration(want.int("session"))
        .set_permissions_boundary(want.text("permissions_boundary").map(str::to_owned))
        .set_tags(Some(tags(&want.tags, CREATE)?));
    let reply = request.send().await.map_err(calling(CREATE))?;
    Ok(Reply::of(&reply, reply.role().map(|role| role.role_name())))
}

/// The trust policy that is wanted.
fn trust_of(want: &Want) -> String {
    let services: Vec<&str> = want.get("trusted_services").items().iter().filter_map(Value::as_str).collect();
    want.text("trust_policy").map_or_else(|| trust(&services), str::to_owned)
}

/// The next call for a policy that is missing, differs, or is too many; those to add come first.
fn policy_step(want: &Want, present: &Present) -> Option<Op> {
    let texts = |value: &Value| -> Vec<String> {
        value.items().iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let (wanted, seen) = (texts(want.get("managed_policies")), texts(present.get("managed_policies")));
    if let Some(missing) = wanted.iter().find(|policy| !seen.contains(policy)) {
        return Some(Op::new(ATTACH).with(json!({ "policy": missing })));
    }
    let (none, inline) = (Attrs::new(), want.get("policies").fields());
    let (inline, there) = (inline.unwrap_or(&none), present.get("policies").fields().unwrap_or(&none));
    let differs = |name: &str, value: &Value| {
        there.get(name).and_then(Value::as_str) != value.as_str().map(canonical).as_deref()
    };
    if let Some((name, _)) = inline.iter().find(|(name, value)| differs(name, value)) {
        return Some(Op::new(PUT).with(json!({ "policy": name })));
    }
    if let Some(extra) = seen.iter().find(|policy| !wanted.contains(policy)) {
        return Some(Op::new(DETACH).with(json!({ "policy": extra })));
    }
    let extra = there.keys().find(|name| !inline.contains_key(*name))?;
    Some(Op::new(REMOVE).with(json!({ "policy": extra })))
}

/// The ARN of a managed policy: AWS's own may be given by name.
fn policy_arn(clients: &Clients, policy: &str) -> String {
    let region = clients.config.region().map(|region| region.as_ref().to_owned()).unwrap_or_default();
    match policy.starts_with("arn:") {
        true => policy.to_owned(),
        false => format!("arn:{}:iam::aws:policy/{policy}", partition(&region)),
    }
}

/// The attached policies, each as the file writes it.
async fn attached(clients: &Clients, want: &Want) -> Result<Value, CloudError> {
    let mut pages =
        clients.iam.list_attached_role_policies().role_name(name(want)).into_paginator().items().send();
    let mut policies = Vec::new();
    while let Some(policy) = pages.next().await {
        let policy = policy.map_err(reading("iam:ListAttachedRolePolicies"))?;
        let arn = policy.policy_arn().unwrap_or_default();
        let asked = want.get("managed_policies").items().iter().filter_map(Value::as_str);
        let asked = asked.into_iter().find(|asked| policy_arn(clients, asked) == arn);
        policies.push(asked.unwrap_or(arn).to_owned());
    }
    Ok(policies.into())
}

/// The inline policies by name, each in its one form.
async fn inline(clients: &Clients, role: &str) -> Result<Value, CloudError> {
    let mut names = clients.iam.list_role_policies().role_name(role).into_paginator().items().send();
    let mut policies = Attrs::new();
    while let Some(name) = names.next().await {
        let name = name.map_err(reading("iam:ListRolePolicies"))?;
        let reply = clients.iam.get_role_policy().role_name(role).policy_name(&name).send().await;
        if let Some(policy) = found(reply.map_err(reading("iam:GetRolePolicy")))? {
            policies.insert(name, canonical(&decoded(policy.policy_document())).into());
        }
    }
    Ok(Value::Map(policies))
}

/// The instance profiles that hold the role.
async fn profiles(clients: &Clients, role: &str) -> Result<Vec<String>, CloudError> {
    let mut pages =
        clients.iam.list_instance_profiles_for_role().role_name(role).into_paginator().items().send();
    let mut names = Vec::new();
    while let Some(profile) = pages.next().await {
        let profile = profile.map_err(reading("iam:ListInstanceProfilesForRole"))?;
        names.push(profile.instance_profile_name().to_owned());
    }
    Ok(names)
}
