//! The kind `application`.

use async_trait::async_trait;
use std::time::Duration;

use super::lifecycle::{self, LIFECYCLE};
use super::{TAGS, beanstalk_tags, retag, tags_of, unknown};
use crate::cloud::parts::delete_if_there;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, Want, calling, reading,
};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

const CREATE: &str = "elasticbeanstalk:CreateApplication";
const UPDATE: &str = "elasticbeanstalk:UpdateApplication";
const DELETE: &str = "elasticbeanstalk:DeleteApplication";

const APPLICATION: &[&str] = &["elasticbeanstalk:{here}:application/{name}"];
const PERMISSIONS: &[Permission] = &[
    Permission::look("elasticbeanstalk:DescribeApplications", APPLICATION),
    Permission::look("elasticbeanstalk:ListTagsForResource", APPLICATION),
    Permission::change(CREATE, APPLICATION),
    Permission::change(UPDATE, APPLICATION),
    Permission::change(LIFECYCLE, APPLICATION).because("only where the file says how long versions are kept"),
    Permission::change("iam:PassRole", &["{role service_role}"])
        .only(lifecycle::PASSED)
        .because("Beanstalk deletes versions with this role"),
    Permission::tag(TAGS.set, APPLICATION).because("only when a tag changes"),
    Permission::delete(DELETE, APPLICATION),
];

/// Beanstalk applications.
#[derive(Debug)]
pub struct Application;

/// The name, of the resource or of what is looked up.
fn name(want: &Want) -> &str {
    want.text("name").unwrap_or(&want.name)
}

#[async_trait]
impl Driver for Application {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let request = clients.beanstalk.describe_applications().application_names(name(want));
        let reply = request.send().await.map_err(reading("elasticbeanstalk:DescribeApplications"))?;
        let Some(application) =
            reply.applications().iter().find(|a| a.application_name() == Some(name(want)))
        else {
            return Ok(Observed::Absent);
        };
        let arn = application.application_arn().unwrap_or_default();
        let mut present = Present { id: name(want).to_owned(), ..Present::default() };
        present.attrs.insert("name".to_owned(), Value::from(name(want)));
        let description = application.description().unwrap_or_default();
        present.attrs.insert("description".to_owned(), Value::from(description));
        present.attrs.extend(lifecycle::read(application.resource_lifecycle_config(), want));
        present.outputs.insert("name".to_owned(), Value::from(name(want)));
        present.outputs.insert("arn".to_owned(), Value::from(arn));
        Ok(Observed::Present(Box::new(match tags_of(clients, arn).await? {
            Some(tags) => present.tagged(tags),
            None => present,
        })))
    }

    fn desired(&self, want: &Want) -> Attrs {
        let mut attrs = want.desired(&[]);
        attrs.extend(lifecycle::desired(want));
        attrs.retain(|name, _| {
            lifecycle::rule(want).is_some() || !lifecycle::OF_RULES.contains(&name.as_str())
        });
        attrs
    }

    fn next(&self, want: &Want, seen: &Observed, changes: &[Change]) -> Next {
        match seen {
            Observed::Absent => Next::Call(Op::create(CREATE)),
            Observed::Present(_) if changes.iter().any(|change| change.attribute == "description") => {
                Next::Call(Op::new(UPDATE))
            }
            Observed::Present(_) if lifecycle::changed(changes) => Next::Call(Op::new(LIFECYCLE)),
            Observed::Present(present) => TAGS.next(want, present).map_or(Next::Done, Next::Call),
        }
    }

    fn next_delete(&self, _want: &Want, seen: &Observed) -> Next {
        delete_if_there(seen, DELETE)
    }

    async fn call(
        &self,
        clients: &Clients,
        want: &Want,
        seen: &Observed,
        op: &Op,
    ) -> Result<Reply, CloudError> {
        let description = want.text("description").unwrap_or_default();
        match op.operation.as_str() {
            CREATE => {
                let request = clients
                    .beanstalk
                    .create_application()
                    .application_name(name(want))
                    .description(description)
                    .set_tags(Some(beanstalk_tags(&want.tags)));
                let reply = request.send().await.map_err(calling(CREATE))?;
                Ok(Reply::of(&reply, Some(name(want))))
            }
            UPDATE => {
                let request = clients
                    .beanstalk
                    .update_application()
                    .application_name(name(want))
                    .description(description);
                let reply = request.send().await.map_err(calling(UPDATE))?;
                Ok(Reply::of(&reply, None))
            }
            LIFECYCLE => lifecycle::update(clients, want, name(want)).await,
            DELETE => {
                let request = clients.beanstalk.delete_application().application_name(name(want));
                let reply = request.send().await.map_err(calling(DELETE))?;
                Ok(Reply::of(&reply, None))
            }
            _ => match seen {
                Observed::Present(present) if TAGS.is(op) => {
                    retag(clients, present.outputs.get("arn").and_then(Value::as_str).unwrap_or_default(), op)
                        .await
                }
                _ => Err(unknown(op)),
            },
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(5 * 60)
    }
}
