//! Elastic Beanstalk: applications, versions, environments with all that belongs to them.
//!
//! What an operation does is worked out when it starts, as an agenda of steps with their times ([`timeline`]); [`settle`]
//! takes the steps whose time has come. So it is known for every instant which instance serves which version.

mod applications;
mod balancer;
mod bundle;
mod create;
mod deploy;
mod describe;
mod environments;
mod events;
mod health;
mod operations;
mod option_list;
mod options;
mod platforms;
mod replace;
mod resources;
mod shared;
mod tags;
mod timeline;
mod update;
mod versions;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::common::Tags;
use super::{Call, Cx, Fault, Reply, State};

#[cfg(test)]
pub(crate) use bundle::zip_of;
pub use bundle::{Bundle, Found, media_type};
pub use events::Event;
pub use options::Settings;
pub use timeline::{Planned, Step};

/// What Elastic Beanstalk knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Beanstalk {
    /// Applications of all regions.
    pub applications: Vec<Application>,
    /// Application versions.
    pub versions: Vec<Version>,
    /// Environments, those that are gone as well.
    pub environments: Vec<Environment>,
    /// What happened, the oldest first.
    pub events: Vec<Event>,
}

/// An application.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Application {
    /// Its region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// How long versions are kept, as the client said it.
    pub lifecycle: Value,
    /// When it was made.
    pub created: i64,
    /// When it was last changed.
    pub updated: i64,
    /// When its last environment is gone and it goes with it.
    pub gone: Option<i64>,
    /// Tags.
    pub tags: Tags,
}

/// An application version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Its region.
    pub region: String,
    /// Its application.
    pub application: String,
    /// Its label.
    pub label: String,
    /// Its description.
    pub description: Option<String>,
    /// Bucket and key of its bundle; none for the sample application.
    pub source: Option<(String, String)>,
    /// What is in the bundle.
    pub bundle: Option<Bundle>,
    /// When it was made.
    pub created: i64,
    /// When its bundle has been looked at; none when nobody asked for it.
    pub processed: Option<i64>,
    /// Tags.
    pub tags: Tags,
}

/// What an environment is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Status {
    Launching,
    Updating,
    Aborting,
    Ready,
    Terminating,
    Terminated,
}

/// An environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Environment {
    /// `e-…`
    pub id: String,
    /// Its region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// Its application.
    pub application: String,
    /// Its description.
    pub description: Option<String>,
    /// `….elasticbeanstalk.com`
    pub cname: String,
    /// When its name is told.
    pub named: i64,
    /// The label of the version that was deployed last with success.
    pub version: Option<String>,
    /// The platform's ARN.
    pub platform: String,
    /// The solution stack's name.
    pub stack: String,
    /// What it is doing.
    pub status: Status,
    /// Why its launch failed.
    pub broken: Option<String>,
    /// The health that was last told in an event.
    pub told: Option<String>,
    /// The settings that hold.
    pub settings: Settings,
    /// The settings that an update brings.
    pub draft: Option<Settings>,
    /// The settings before the update under way.
    pub before: Option<Settings>,
    /// When it was made.
    pub created: i64,
    /// When it was last changed.
    pub updated: i64,
    /// When the operation under way started.
    pub since: i64,
    /// The request that started it.
    pub request_id: String,
    /// Whether the operation under way can be aborted.
    pub abortable: bool,
    /// Deployments are counted.
    pub deployment: u64,
    /// What belongs to it.
    pub resources: resources::Resources,
    /// Its instances.
    pub instances: Vec<Instance>,
    /// What is still to happen, in order.
    pub agenda: Vec<Planned>,
    /// Tags.
    pub tags: Tags,
}

/// What an instance serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum App {
    /// Nothing yet.
    Booting,
    /// Nothing while another version is put in place.
    Stopped,
    /// A version; none is the sample application.
    Running(Option<String>),
}

/// An instance of an environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// `i-…`
    pub id: String,
    /// Its availability zone.
    pub zone: String,
    /// Its type.
    pub kind: String,
    /// When it was launched; before, there is nothing.
    pub launched: i64,
    /// What it serves.
    pub app: App,
    /// The number of the deployment that it had last.
    pub deployment: u64,
    /// When that was.
    pub deployed: i64,
    /// Whether that succeeded.
    pub failed: bool,
}

impl Environment {
    /// The instances that exist at a time.
    pub fn present(&self, now: i64) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(move |instance| instance.launched <= now)
    }

    /// Whether it exists.
    pub fn alive(&self) -> bool {
        self.status != Status::Terminated
    }
}

impl Beanstalk {
    /// The environment that an instance belongs to.
    pub fn owner(&self, instance: &str) -> Option<(&Environment, &Instance)> {
        self.environments.iter().find_map(|environment| {
            Some((environment, environment.instances.iter().find(|other| other.id == instance)?))
        })
    }

    /// A version of an environment's application.
    pub fn version(&self, environment: &Environment, label: &str) -> Option<&Version> {
        self.versions.iter().find(|version| {
            version.region == environment.region
                && version.application == environment.application
                && version.label == label
        })
    }
}

/// The hosted zone of the environments' names, by region.
/// Source: docs.aws.amazon.com/general/latest/gr/elasticbeanstalk.html
const ZONES: [(&str, &str); 16] = [
    ("us-east-1", "Z117KPS5GTRQ2G"),
    ("us-east-2", "Z14LCN19Q5QHIC"),
    ("us-west-1", "Z1LQECGX5PH1X"),
    ("us-west-2", "Z38NKT9BP95V3O"),
    ("ca-central-1", "ZJFCZL7SSZB5I"),
    ("eu-central-1", "Z1FRNW7UH4DEZJ"),
    ("eu-west-1", "Z2NYPWQ7DFZAZH"),
    ("eu-west-2", "Z1GKAAAUGATPF1"),
    ("eu-west-3", "Z5WN6GAYWG5OB"),
    ("eu-north-1", "Z23GO28BZ5AETM"),
    ("ap-south-1", "Z18NTBI3Y7N9TZ"),
    ("ap-northeast-1", "Z1R25G3KIG2GBW"),
    ("ap-northeast-2", "Z3JE5OI70TWKCP"),
    ("ap-southeast-1", "Z16FZ9L249IFLT"),
    ("ap-southeast-2", "Z2PCDNR3VC2G1N"),
    ("sa-east-1", "Z10X7K2B4QSOFV"),
];

/// Whether it is the hosted zone of environments in some region.
pub(crate) fn is_hosted_zone(id: &str) -> bool {
    ZONES.iter().any(|(_, zone)| *zone == id)
}

/// Takes the steps whose time has come, those of all environments in the order of their times.
pub(crate) fn settle(state: &mut State, now: i64) {
    timeline::settle(state, now);
    let gone = |application: &Application| application.gone.is_some_and(|at| at <= now);
    let names: Vec<(String, String)> = state
        .beanstalk
        .applications
        .iter()
        .filter(|application| gone(application))
        .map(|application| (application.region.clone(), application.name.clone()))
        .collect();
    for (region, name) in names {
        applications::remove(state, &region, &name, now);
    }
}

/// A refusal of Elastic Beanstalk.
fn refuse<T>(code: &str, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::new(400, code, message))
}

/// Answers a call.
///
/// # Errors
/// What Elastic Beanstalk refuses.
pub fn handle(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    match call.operation.as_str() {
        "CreateApplication" => applications::create(state, cx, call),
        "DescribeApplications" => applications::describe(state, cx, call),
        "UpdateApplication" => applications::update(state, cx, call),
        "UpdateApplicationResourceLifecycle" => applications::update_lifecycle(state, cx, call),
        "DeleteApplication" => applications::delete(state, cx, call),
        "CreateStorageLocation" => applications::create_storage_location(state, cx),
        "DescribeAccountAttributes" => Ok(applications::account_attributes()),
        "CreateApplicationVersion" => versions::create(state, cx, call),
        "DescribeApplicationVersions" => versions::describe(state, cx, call),
        "UpdateApplicationVersion" => versions::update(state, cx, call),
        "DeleteApplicationVersion" => versions::delete(state, cx, call),
        "CheckDNSAvailability" => environments::check_dns(state, cx, call),
        "CreateEnvironment" => create::create(state, cx, call),
        "DescribeEnvironments" => describe::environments(state, cx, call),
        "DescribeEnvironmentResources" => describe::resources(state, cx, call),
        "DescribeConfigurationSettings" => describe::settings(state, cx, call),
        "DescribeConfigurationOptions" => describe::options(state, cx, call),
        "ValidateConfigurationSettings" => describe::validate(state, cx, call),
        "DescribeEnvironmentHealth" => health::describe_environment(state, cx, call),
        "DescribeInstancesHealth" => health::describe_instances(state, cx, call),
        "DescribeEvents" => events::describe(state, cx, call),
        "UpdateEnvironment" => update::update(state, cx, call),
        "AbortEnvironmentUpdate" => operations::abort(state, cx, call),
        "TerminateEnvironment" => operations::terminate(state, cx, call),
        "RebuildEnvironment" => operations::rebuild(state, cx, call),
        "RestartAppServer" => operations::restart(state, cx, call),
        "SwapEnvironmentCNAMEs" => operations::swap(state, cx, call),
        "ListTagsForResource" => tags::list(state, call),
        "UpdateTagsForResource" => tags::update(state, cx, call),
        "ListPlatformVersions" => platforms::list_versions(cx, call),
        "ListPlatformBranches" => platforms::list_branches(cx, call),
        "DescribePlatformVersion" => platforms::describe(cx, call),
        "ListAvailableSolutionStacks" => Ok(platforms::list_stacks(cx)),
        other => refuse("InvalidAction", format!("The action {other} is not valid for this web service.")),
    }
}

#[cfg(test)]
mod tests;
