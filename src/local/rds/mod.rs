//! RDS: DB instances, subnet and parameter groups, snapshots, events.

mod change;
mod create;
mod engines;
mod events;
mod instance;
mod parameters;
mod snapshots;
mod subnet_groups;
mod tags;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use parameters::Groups;

use super::parameters as groups;
use super::service::Service;
use super::{Call, Cx, Fault, ParameterGroup, Reply, State, SubnetGroup};

pub(super) use change::next_window;
pub(super) use engines::is_older;
pub use events::{Event, events_of};
pub use instance::{Change, Instance};
pub use snapshots::Snapshot;

/// What RDS remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Rds {
    regions: BTreeMap<String, Region>,
}

/// What RDS remembers of a region.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Region {
    /// DB instances by identifier.
    pub instances: IndexMap<String, Instance>,
    /// Subnet groups by name.
    pub subnet_groups: IndexMap<String, SubnetGroup>,
    /// The users' parameter groups by name.
    #[serde(default)]
    pub parameter_groups: IndexMap<String, ParameterGroup>,
    /// Snapshots by identifier.
    pub snapshots: IndexMap<String, Snapshot>,
    /// What happened, or will have happened: an event is told from its time on.
    pub events: Vec<Event>,
}

impl Rds {
    /// All regions' parts.
    pub fn all(&mut self) -> impl Iterator<Item = &mut Region> {
        self.regions.values_mut()
    }

    /// A region's part.
    pub fn region(&mut self, name: &str) -> &mut Region {
        self.regions.entry(name.to_owned()).or_default()
    }

    /// The instance that answers at a host name, in whatever region.
    pub fn at_host(&self, host: &str) -> Option<&Instance> {
        self.regions.values().flat_map(|region| region.instances.values()).find(|it| it.endpoint == host)
    }
}

impl Region {
    /// Brings everything to a time.
    pub fn settle(&mut self, now: i64) {
        for instance in self.instances.values_mut() {
            let restarts = instance.restarts(now);
            let done = instance.settle(now);
            self.events.extend(done);
            if restarts {
                instance.boot(&self.parameter_groups);
            }
        }
        self.instances.retain(|_, instance| instance.gone_at.is_none_or(|at| at > now));
        // RDS keeps events for two weeks.
        self.events.retain(|event| event.at > now - 14 * 24 * 60 * super::common::MINUTE);
    }
}

/// Answers a call.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    state.rds.region(&cx.region).settle(cx.now);
    let members = match call.operation.as_str() {
        "CreateDBInstance" => create::create(state, cx, call),
        "RestoreDBInstanceFromDBSnapshot" => snapshots::restore(state, cx, call),
        "DescribeDBInstances" => instance::describe(state, cx, call),
        "ModifyDBInstance" => change::modify(state, cx, call),
        "RebootDBInstance" => change::reboot(state, cx, call),
        "DeleteDBInstance" => change::delete(state, cx, call),
        "DescribeDBEngineVersions" => engines::describe(call),
        "CreateDBParameterGroup" => groups::create::<Groups>(state, cx, call),
        "ModifyDBParameterGroup" => groups::modify::<Groups>(state, cx, call),
        "ResetDBParameterGroup" => groups::reset::<Groups>(state, cx, call),
        "DeleteDBParameterGroup" => groups::delete::<Groups>(state, cx, call),
        "DescribeDBParameterGroups" => groups::describe::<Groups>(state, cx, call),
        "DescribeDBParameters" => groups::describe_parameters::<Groups>(state, cx, call),
        "DescribeEngineDefaultParameters" => groups::describe_defaults::<Groups>(call),
        "CreateDBSubnetGroup" => subnet_groups::create(state, cx, call),
        "ModifyDBSubnetGroup" => subnet_groups::modify(state, cx, call),
        "DeleteDBSubnetGroup" => subnet_groups::delete(state, cx, call),
        "DescribeDBSubnetGroups" => subnet_groups::describe(state, cx, call),
        "CreateDBSnapshot" => snapshots::create(state, cx, call),
        "DeleteDBSnapshot" => snapshots::delete(state, cx, call),
        "DescribeDBSnapshots" => snapshots::describe(state, cx, call),
        "DescribeEvents" => events::describe(state, cx, call),
        "ListTagsForResource" => tags::list(state, cx, call),
        "AddTagsToResource" => tags::add(state, cx, call),
        "RemoveTagsFromResource" => tags::remove(state, cx, call),
        operation => Err(Service::Rds.unknown(operation)),
    };
    members.map(Reply::Xml)
}

fn refuse<T>(code: &str, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::new(400, code, message))
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Fault> {
    refuse("InvalidParameterValue", message)
}
