//! Application versions: `beanstalk.version`, for rollout actions. Attributes: `application`, `label`, `bucket`, `key`,
//! `description`.

use async_trait::async_trait;
use aws_sdk_elasticbeanstalk::types::{ApplicationVersionDescription, ApplicationVersionStatus, S3Location};
use std::time::Duration;

use super::{beanstalk_tags, events, unknown};
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, State, Want, calling, found,
    reading,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

const CREATE: &str = "elasticbeanstalk:CreateApplicationVersion";
const DELETE: &str = "elasticbeanstalk:DeleteApplicationVersion";

const VERSIONS: &[&str] = &["elasticbeanstalk:{here}:applicationversion/{application}/*"];
const PERMISSIONS: &[Permission] = &[
    Permission::look("elasticbeanstalk:DescribeApplicationVersions", VERSIONS),
    Permission::look("elasticbeanstalk:DescribeEvents", VERSIONS)
        .because("only to say why a bundle cannot be used"),
    Permission::change(
        CREATE,
        &[
            "elasticbeanstalk:{here}:application/{application}",
            "elasticbeanstalk:{here}:applicationversion/{application}/*",
        ],
    ),
    Permission::change(DELETE, VERSIONS).because("only when Beanstalk could not use the bundle before"),
];

/// Application versions.
#[derive(Debug)]
pub struct Version;

#[async_trait]
impl Driver for Version {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let (application, label) = names(want);
        let request = clients
            .beanstalk
            .describe_application_versions()
            .application_name(application)
            .version_labels(label);
        let reply = request.send().await.map_err(reading("elasticbeanstalk:DescribeApplicationVersions"));
        let Some(reply) = found(reply)? else { return Ok(Observed::Absent) };
        let Some(version) = reply.application_versions().iter().find(|v| v.version_label() == Some(label))
        else {
            return Ok(Observed::Absent);
        };
        let mut present = present(version, label);
        if present.state == State::Failed(String::new()) {
            let events = events::of_version(clients, application, label).await?;
            let mut errors: Vec<&str> =
                events.iter().filter(|e| e.error).map(|e| e.message.as_str()).collect();
            errors.reverse();
            present.state = State::Failed(errors.join(" "));
        }
        Ok(Observed::Present(Box::new(present)))
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        let present = match seen {
            Observed::Absent => return Next::Call(Op::create(CREATE)),
            Observed::Present(present) => present,
        };
        let (application, label) = names(want);
        let place = |attrs: &Attrs| {
            let part = |name: &str| attrs.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            format!("s3://{}/{}", part("bucket"), part("key"))
        };
        let (has, wants) = (place(&present.attrs), place(&want.attrs));
        if has != wants {
            return Next::Fail(format!(
                "`{application}` has a version `{label}` already, with the bundle {has} instead of {wants}; a version never \
                 changes, so give this one another label, such as one with `${{version}}` in it"
            ));
        }
        match &present.state {
            State::Settled => Next::Done,
            State::Busy(status) => {
                Next::Wait { poll: Duration::from_secs(5), why: format!("version {status}") }
            }
            State::Failed(why) if want.acted => Next::Fail(format!(
                "Beanstalk cannot use the bundle of version `{label}`: {why} Mend the bundle and run again"
            )),
            State::Failed(_) => Next::Call(Op::new(DELETE)),
        }
    }

    /// Versions stay: their application, once deleted, takes them along.
    fn next_delete(&self, _want: &Want, _seen: &Observed) -> Next {
        Next::Done
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        _seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let (application, label) = names(want);
        match op.operation.as_str() {
            CREATE => {
                let bundle = S3Location::builder()
                    .set_s3_bucket(want.text("bucket").map(str::to_owned))
                    .set_s3_key(want.text("key").map(str::to_owned))
                    .build();
                let request = clients
                    .beanstalk
                    .create_application_version()
                    .application_name(application)
                    .version_label(label)
                    .set_description(want.text("description").map(str::to_owned))
                    .source_bundle(bundle)
                    .auto_create_application(false)
                    // Beanstalk then looks into the bundle before it is deployed.
                    .process(true)
                    .set_tags((!want.tags.is_empty()).then(|| beanstalk_tags(&want.tags)));
                let reply = request.send().await.map_err(calling(CREATE))?;
                Ok(Reply::of(&reply, Some(label)))
            }
            DELETE => {
                let request = clients
                    .beanstalk
                    .delete_application_version()
                    .application_name(application)
                    .version_label(label);
                let reply = request.delete_source_bundle(false).send().await.map_err(calling(DELETE))?;
                Ok(Reply::of(&reply, None))
            }
            _ => Err(unknown(op)),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(10 * 60)
    }
}

/// A version as a list of them tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its label.
    pub label: String,
    /// When it was made: milliseconds since the Unix epoch.
    pub made: i64,
    /// Whether Beanstalk can deploy it.
    pub usable: bool,
    /// Its description.
    pub description: String,
}

/// All versions of an application, the newest first.
///
/// # Errors
/// When AWS cannot be asked.
pub async fn releases(clients: &Clients, application: &str) -> Result<Vec<Release>, CloudError> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let request = clients
            .beanstalk
            .describe_application_versions()
            .application_name(application)
            .max_records(1000)
            .set_next_token(token);
        let reply = request.send().await.map_err(reading("elasticbeanstalk:DescribeApplicationVersions"))?;
        all.extend(reply.application_versions().iter().map(|version| Release {
            label: version.version_label().unwrap_or_default().to_owned(),
            made: version.date_created().and_then(|time| time.to_millis().ok()).unwrap_or_default(),
            usable: !matches!(
                version.status(),
                Some(
                    ApplicationVersionStatus::Failed
                        | ApplicationVersionStatus::Building
                        | ApplicationVersionStatus::Processing
                )
            ),
            description: version.description().unwrap_or_default().to_owned(),
        }));
        token = reply.next_token;
        if token.is_none() {
            break;
        }
    }
    all.sort_by_key(|release| std::cmp::Reverse(release.made));
    Ok(all)
}

fn names(want: &Want) -> (&str, &str) {
    (want.text("application").unwrap_or_default(), want.text("label").unwrap_or(&want.name))
}

fn present(version: &ApplicationVersionDescription, label: &str) -> Present {
    let state = match version.status() {
        // `Unprocessed` is final where nobody asked for processing.
        Some(ApplicationVersionStatus::Processed | ApplicationVersionStatus::Unprocessed) | None => {
            State::Settled
        }
        Some(ApplicationVersionStatus::Failed) => State::Failed(String::new()),
        Some(status) => State::Busy(status.as_str().to_lowercase()),
    };
    let mut present = Present { id: label.to_owned(), state, ..Present::default() };
    let mut put = |name: &str, value: Option<&str>| {
        present.attrs.insert(name.to_owned(), Value::from(value.map(str::to_owned)));
    };
    put("application", version.application_name());
    put("label", Some(label));
    put("bucket", version.source_bundle().and_then(S3Location::s3_bucket));
    put("key", version.source_bundle().and_then(S3Location::s3_key));
    present.outputs.insert("label".to_owned(), Value::from(label));
    let arn = version.application_version_arn().unwrap_or_default();
    present.outputs.insert("arn".to_owned(), Value::from(arn));
    present
}
