//! The kind `instance_profile`.

use async_trait::async_trait;
use serde_json::json;
use std::time::{Duration, SystemTime};

use super::tags;
use crate::cloud::parts::wait;
use crate::cloud::permission::TO_INSTANCES;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Renewal, Reply, State, TagCalls,
    TagChange, Want, calling, found, reading, seen_tags,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

const CREATE: &str = "iam:CreateInstanceProfile";
const ADD: &str = "iam:AddRoleToInstanceProfile";
const LEAVE: &str = "iam:RemoveRoleFromInstanceProfile";
const DELETE: &str = "iam:DeleteInstanceProfile";
const TAGS: TagCalls = TagCalls { set: "iam:TagInstanceProfile", remove: "iam:UntagInstanceProfile" };

const PROFILE: &[&str] = &["{own instance-profile}"];
const PERMISSIONS: &[Permission] = &[
    Permission::look("iam:GetInstanceProfile", PROFILE),
    Permission::change(CREATE, PROFILE),
    Permission::change(ADD, PROFILE),
    // IAM user guide, "Granting a user permissions to pass a role to an AWS service".
    Permission::change("iam:PassRole", &["{role role}"])
        .only(TO_INSTANCES)
        .because("whoever puts a role into a profile passes it on"),
    Permission::change(LEAVE, PROFILE).because("only when it gets another role"),
    Permission::tag(TAGS.set, PROFILE).because("also needed to tag it as it is made"),
    Permission::change(TAGS.remove, PROFILE).because("only when a tag goes"),
    Permission::delete(LEAVE, PROFILE),
    Permission::delete(DELETE, PROFILE),
];

/// Other services do not see a new profile at once: mostly within 15 seconds, as terraform-provider-aws finds.
/// Beanstalk does not complain; the launch fails ten minutes later. So a new profile is not ready at once.
const UNSEEN: Duration = Duration::from_secs(20);

/// IAM instance profiles.
#[derive(Debug)]
pub struct InstanceProfile;

fn name(want: &Want) -> &str {
    want.text("name").unwrap_or(&want.name)
}

#[async_trait]
impl Driver for InstanceProfile {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let request = clients.iam.get_instance_profile().instance_profile_name(name(want));
        let reply = found(request.send().await.map_err(reading("iam:GetInstanceProfile")))?;
        let Some(profile) = reply.and_then(|reply| reply.instance_profile) else {
            return Ok(Observed::Absent);
        };
        let mut present = Present { id: profile.instance_profile_name().to_owned(), ..Present::default() };
        let role = profile.roles().first().map(|role| role.role_name());
        let pairs = [
            ("name", Value::from(profile.instance_profile_name())),
            ("path", profile.path().into()),
            ("role", role.into()),
        ];
        present.attrs.extend(pairs.map(|(name, value)| (name.to_owned(), value)));
        let outputs = [("name", profile.instance_profile_name()), ("arn", profile.arn())];
        present.outputs.extend(outputs.map(|(name, value)| (name.to_owned(), Value::from(value))));
        if let (Some(_), true) = (role, is_new(clients, profile.create_date().secs())) {
            present.state = State::Busy("other services do not see it yet".to_owned());
        }
        let tags = seen_tags(profile.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value()))));
        Ok(Observed::Present(Box::new(present.tagged(tags))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        want.desired(&[("role", "name")])
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(CREATE)) };
        // It holds one role at most.
        match (present.get("role").as_str(), want.ids("role", "name").as_str()) {
            (Some(role), Some(wanted)) if role != wanted => {
                return Next::Call(Op::new(LEAVE).with(json!({ "role": role })));
            }
            (None, Some(wanted)) => return Next::Call(Op::new(ADD).with(json!({ "role": wanted }))),
            _ => {}
        }
        if let Some(op) = TAGS.next(want, present) {
            return Next::Call(op);
        }
        match &present.state {
            State::Busy(why) => wait(5, why.clone()),
            _ => Next::Done,
        }
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Done };
        Next::Call(match present.get("role").as_str() {
            Some(role) => Op::new(LEAVE).with(json!({ "role": role })),
            None => Op::new(DELETE),
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
        let role = op.detail.get("role").and_then(|role| role.as_str()).unwrap_or_default();
        match op.operation.as_str() {
            CREATE => {
                let request = iam.create_instance_profile().instance_profile_name(name);
                let request = request.path(want.text("path").unwrap_or("/"));
                let reply = request.set_tags(Some(tags(&want.tags, CREATE)?)).send().await;
                Ok(Reply::of(&reply.map_err(calling(CREATE))?, Some(name)))
            }
            ADD => {
                let request = iam.add_role_to_instance_profile().instance_profile_name(name);
                let reply = request.role_name(role).send().await.map_err(calling(ADD))?;
                Ok(Reply::of(&reply, None))
            }
            LEAVE => {
                let request = iam.remove_role_from_instance_profile().instance_profile_name(name);
                let reply = request.role_name(role).send().await.map_err(calling(LEAVE))?;
                Ok(Reply::of(&reply, None))
            }
            DELETE => {
                let reply = iam.delete_instance_profile().instance_profile_name(name).send().await;
                Ok(Reply::of(&reply.map_err(calling(DELETE))?, None))
            }
            _ if op.operation == TAGS.set => {
                let added = tags(&TagChange::of(op)?.set, TAGS.set)?;
                let request = iam.tag_instance_profile().instance_profile_name(name).set_tags(Some(added));
                Ok(Reply::of(&request.send().await.map_err(calling(TAGS.set))?, None))
            }
            _ if op.operation == TAGS.remove => {
                let request = iam.untag_instance_profile().instance_profile_name(name);
                let request = request.set_tag_keys(Some(TagChange::of(op)?.remove));
                Ok(Reply::of(&request.send().await.map_err(calling(TAGS.remove))?, None))
            }
            _ => Err(CloudError::misuse(&op.operation, "no such call on an instance profile")),
        }
    }

    fn renewal(&self, _want: &Want) -> Renewal {
        Renewal::Held
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(5 * 60)
    }
}

/// Whether something was made so short a time ago that others may not see it. A clock that is behind AWS's by more
/// than that says nothing.
fn is_new(clients: &Clients, made: i64) -> bool {
    let now = clients.config.time_source().map_or_else(SystemTime::now, |source| source.now());
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let unseen = i64::try_from(UNSEEN.as_secs()).unwrap_or(i64::MAX);
    let age = i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_sub(made);
    (-unseen..unseen).contains(&age)
}
