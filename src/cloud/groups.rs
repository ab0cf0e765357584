//! Groups that DB instances and caches stand in or are set by: subnet groups and parameter groups. Their calls take effect
//! at once, and AWS does not delete a group that something uses.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

use super::parts::{attributes, own, wait};
use super::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Renewal, Reply, State, TagCalls,
    Want,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

/// How long the calls of a group may take, waiting for what uses it included.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How many parameters one call sets or resets at most (API references of `ModifyDBParameterGroup` and
/// `ModifyCacheParameterGroup`).
const MOST_PARAMETERS: usize = 20;

/// The names of the calls that one kind of group has.
#[derive(Clone, Copy, Debug)]
pub struct GroupCalls {
    /// Makes it.
    pub create: &'static str,
    /// Changes it.
    pub modify: &'static str,
    /// Sets parameters back to what the engine has by default; subnet groups have none.
    pub reset: Option<&'static str>,
    /// Deletes it.
    pub delete: &'static str,
    /// Its tags.
    pub tags: TagCalls,
}

/// A kind of group, as its service has it. What a [`Driver`] is beyond that, all kinds of groups have in common.
#[async_trait]
pub trait Group: Send + Sync {
    /// What people call it, with its article.
    const TITLE: &'static str;
    /// Its calls.
    const CALLS: GroupCalls;
    /// What it asks of AWS.
    const PERMISSIONS: &'static [Permission];

    /// The group of a name, with its tags; its detail is a [`Detail`].
    ///
    /// # Errors
    /// When AWS cannot be asked.
    async fn find(&self, clients: &Clients, want: &Want, name: &str) -> Result<Option<Present>, CloudError>;

    /// Makes one of [`Group::CALLS`], but for those on tags: on a group of a name, of which a [`Detail`] is known if it is
    /// there.
    ///
    /// # Errors
    /// Whatever AWS answers.
    async fn send(
        &self,
        clients: &Clients,
        want: &Want,
        name: &str,
        detail: &Detail,
        op: &Op,
    ) -> Result<Reply, CloudError>;

    /// Makes a call on the tags of an ARN.
    ///
    /// # Errors
    /// Whatever AWS answers.
    async fn tag(&self, clients: &Clients, arn: &str, op: &Op) -> Result<Reply, CloudError>;
}

/// What is remembered of a group until a call.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Detail {
    /// Its ARN.
    pub arn: String,
    /// Those of its parameters that hold at once, as far as calls need to know.
    #[serde(default)]
    pub dynamic: BTreeSet<String>,
}

impl Detail {
    /// Of a group that needs no more than its ARN.
    pub fn arn(arn: Option<&str>) -> serde_json::Value {
        Detail { arn: arn.unwrap_or_default().to_owned(), ..Detail::default() }.json()
    }

    /// As it travels in [`Present::detail`].
    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn of(present: &Present) -> Self {
        serde_json::from_value(present.detail.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl<G: Group> Driver for G {
    fn permissions(&self) -> &'static [Permission] {
        G::PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let found = self.find(clients, want, want.text("name").unwrap_or(&want.name)).await?;
        Ok(found.map_or(Observed::Absent, |present| Observed::Present(Box::new(present))))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let mut attrs = want.desired(&[]);
        if attrs.contains_key("parameters") {
            attrs.insert("parameters".to_owned(), Value::Map(parameter_texts(want)));
        }
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        match G::CALLS.reset {
            Some(reset) => G::CALLS.next_parameters(reset, want, seen),
            None => G::CALLS.next(want, seen, changes),
        }
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        G::CALLS.next_delete(seen)
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let GroupCalls { create, modify, reset, delete, tags } = G::CALLS;
        let detail = match seen {
            Observed::Present(present) => Detail::of(present),
            Observed::Absent => Detail::default(),
        };
        match op.operation.as_str() {
            _ if tags.is(op) => self.tag(clients, &detail.arn, op).await,
            name if [create, modify, delete].contains(&name) || reset == Some(name) => {
                self.send(clients, want, &want.name.to_lowercase(), &detail, op).await
            }
            name => Err(CloudError::misuse(name, format!("no such call on {}", G::TITLE))),
        }
    }

    fn renewal(&self, _want: &Want) -> Renewal {
        Renewal::Held
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }
}

impl GroupCalls {
    /// The next step of a subnet group.
    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(self.create)) };
        if let State::Busy(status) = &present.state {
            return wait(5, status);
        }
        let own = own(changes);
        if !own.is_empty() {
            return Next::Call(Op::new(self.modify).with(attributes(own)));
        }
        self.tags.next(want, present).map_or(Next::Done, Next::Call)
    }

    /// The next step of a parameter group: parameters are set first, then those that are no longer written are reset.
    fn next_parameters(&self, reset: &str, want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(self.create)) };
        let wanted = parameter_texts(want);
        let there = present.get("parameters").fields().cloned().unwrap_or_default();
        let set = |name: &&String| !there.get(*name).is_some_and(|has| same_text(has, wanted.get(*name)));
        let set: Vec<String> = wanted.keys().filter(set).take(MOST_PARAMETERS).cloned().collect();
        if !set.is_empty() {
            return Next::Call(Op::new(self.modify).with(Parameters { names: set }.detail()));
        }
        let gone = there.keys().filter(|name| !wanted.contains_key(*name));
        let gone: Vec<String> = gone.take(MOST_PARAMETERS).cloned().collect();
        if !gone.is_empty() {
            return Next::Call(Op::new(reset).with(Parameters { names: gone }.detail()));
        }
        self.tags.next(want, present).map_or(Next::Done, Next::Call)
    }

    /// The next step towards a group's absence.
    fn next_delete(&self, seen: &Observed) -> Next {
        match seen {
            Observed::Absent => Next::Done,
            Observed::Present(_) => Next::Call(Op::new(self.delete)),
        }
    }
}

/// The parameters that a call sets or resets; it travels in [`Op::detail`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Parameters {
    /// Their names.
    pub names: Vec<String>,
}

impl Parameters {
    /// Of a call that sets or resets parameters.
    pub fn of(op: &Op) -> Self {
        serde_json::from_value(op.detail.clone()).unwrap_or_default()
    }

    fn detail(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The wanted parameters as AWS takes them: text. A flag is `1` or `0` to RDS and `yes` or `no` to ElastiCache.
pub fn parameter_texts(want: &Want) -> Attrs {
    let (no, yes) = if want.kind == "db_parameter_group" { ("0", "1") } else { ("no", "yes") };
    let text = |value: &Value| match value {
        Value::Bool(flag) => if *flag { yes } else { no }.into(),
        Value::Int(number) => number.to_string().into(),
        other => other.clone(),
    };
    let given = want.get("parameters").fields();
    given.into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn same_text(has: &Value, wanted: Option<&Value>) -> bool {
    has.as_str() == wanted.and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cloud::testing::{attrs, change, seen, want};
    use crate::cloud::{Present, Tags};

    const CALLS: GroupCalls = GroupCalls {
        create: "rds:Create",
        modify: "rds:Modify",
        reset: Some("rds:Reset"),
        delete: "rds:Delete",
        tags: TagCalls { set: "rds:AddTagsToResource", remove: "rds:RemoveTagsFromResource" },
    };

    fn operation(next: Next) -> String {
        match next {
            Next::Call(op) => op.operation,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn changes_come_before_tags() {
        let mut want = want("db_subnet_group", "private");
        want.tags.insert("a".into(), "1".into());
        let seen = seen(Present::default().tagged(Tags::new()));
        let changes = [change("subnets", Value::None, Value::None), change("tags", Value::None, Value::None)];
        assert_eq!(operation(CALLS.next(&want, &seen, &changes)), "rds:Modify");
        assert_eq!(operation(CALLS.next(&want, &seen, &changes[1..])), "rds:AddTagsToResource");
        assert_eq!(operation(CALLS.next_delete(&seen)), "rds:Delete");
    }

    #[test]
    fn parameters_are_set_twenty_at_a_time_then_reset() {
        let mut group = want("db_parameter_group", "tuned");
        let many = (0..25).map(|n| (format!("p{n:02}"), Value::Int(n))).collect();
        group.attrs = attrs([("parameters", Value::Map(many))]);
        let there = |pairs: Attrs| {
            seen(Present { attrs: attrs([("parameters", Value::Map(pairs))]), ..Present::default() })
        };
        let Next::Call(op) = CALLS.next_parameters("rds:Reset", &group, &there(Attrs::new())) else {
            panic!()
        };
        assert_eq!((op.operation.as_str(), Parameters::of(&op).names.len()), ("rds:Modify", 20));
        let mut all = parameter_texts(&group);
        assert!(matches!(CALLS.next_parameters("rds:Reset", &group, &there(all.clone())), Next::Done));
        all.insert("by_hand".into(), "1".into());
        let Next::Call(op) = CALLS.next_parameters("rds:Reset", &group, &there(all)) else { panic!() };
        assert_eq!(
            (op.operation.as_str(), Parameters::of(&op).names),
            ("rds:Reset", vec!["by_hand".to_owned()])
        );
    }

    #[test]
    fn flags_are_what_the_service_calls_them() {
        let of = |kind| {
            let mut group = want(kind, "g");
            group.attrs = attrs([("parameters", Value::Map(attrs([("a", true.into()), ("b", 3.into())])))]);
            parameter_texts(&group)
        };
        assert_eq!(of("db_parameter_group"), attrs([("a", "1".into()), ("b", "3".into())]));
        assert_eq!(of("cache_parameter_group"), attrs([("a", "yes".into()), ("b", "3".into())]));
    }
}
