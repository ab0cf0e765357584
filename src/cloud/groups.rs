//! Groups that DB instances and caches stand in or are set by: subnet groups and parameter groups. Their calls take effect
//! at once, and AWS does not delete a group that something uses.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::parts::{attributes, own, wait};
use super::{Next, Observed, Op, State, TagCalls, Want};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

/// How long the calls of a group may take, waiting for what uses it included.
pub const TIMEOUT: Duration = Duration::from_secs(15 * 60);

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
    /// Sets parameters back to what the engine has by default; empty for subnet groups.
    pub reset: &'static str,
    /// Deletes it.
    pub delete: &'static str,
    /// Its tags.
    pub tags: TagCalls,
}

impl GroupCalls {
    /// The next step of a subnet group.
    pub fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
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
    pub fn next_parameters(&self, want: &Want, seen: &Observed) -> Next {
        let Observed::Present(present) = seen else { return Next::Call(Op::create(self.create)) };
        let wanted = parameter_texts(want);
        let there = present.get("parameters").fields().cloned().unwrap_or_default();
        let set = |name: &&String| !there.get(*name).is_some_and(|has| same_text(has, wanted.get(*name)));
        let set: Vec<String> = wanted.keys().filter(set).take(MOST_PARAMETERS).cloned().collect();
        if !set.is_empty() {
            return Next::Call(Op::new(self.modify).with(Parameters { names: set }.detail()));
        }
        let gone = there.keys().filter(|name| !wanted.contains_key(*name));
        let reset: Vec<String> = gone.take(MOST_PARAMETERS).cloned().collect();
        if !reset.is_empty() {
            return Next::Call(Op::new(self.reset).with(Parameters { names: reset }.detail()));
        }
        self.tags.next(want, present).map_or(Next::Done, Next::Call)
    }

    /// The next step towards a group's absence.
    pub fn next_delete(&self, seen: &Observed) -> Next {
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
    /// Of a call that [`GroupCalls::next_parameters`] made.
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

/// The wanted attributes of a parameter group.
pub fn desired_parameters(want: &Want) -> Attrs {
    let mut attrs = want.desired(&[]);
    attrs.insert("parameters".to_owned(), Value::Map(parameter_texts(want)));
    attrs
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
        reset: "rds:Reset",
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
        let Next::Call(op) = CALLS.next_parameters(&group, &there(Attrs::new())) else { panic!() };
        assert_eq!((op.operation.as_str(), Parameters::of(&op).names.len()), ("rds:Modify", 20));
        let mut all = parameter_texts(&group);
        assert!(matches!(CALLS.next_parameters(&group, &there(all.clone())), Next::Done));
        all.insert("by_hand".into(), "1".into());
        let Next::Call(op) = CALLS.next_parameters(&group, &there(all)) else { panic!() };
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
