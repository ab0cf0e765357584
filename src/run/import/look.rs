//! Finding what is to be imported, by the driver of its kind.

use crate::cloud::{Clients, Observed, Present, State, Want, driver};
use crate::eval::Value;
use crate::schema::{Kind, Schema};

/// What a driver is asked for: something of a kind, by its name, or by the id where AWS has no names.
pub(super) fn asked(kind: &Kind, name: &str) -> Want {
    let mut want =
        Want { node: name.to_owned(), kind: kind.name.clone(), name: name.to_owned(), ..Want::default() };
    let mut put = |attribute: &str, value: Value| {
        want.attrs.insert(attribute.to_owned(), value);
    };
    match kind.name.as_str() {
        "security_group" if name.starts_with("sg-") => put("id", name.into()),
        "distribution" => want.id = Some(name.to_owned()),
        "certificate" if name.starts_with("arn:") => want.id = Some(name.to_owned()),
        "certificate" | "hosted_zone" => put("domain", name.into()),
        "environment" => {
            put("name", name.into());
            // With these, the driver reads all settings. What it does not find stays out.
            put("application", "?".into());
            put("vpc", "?".into());
            put("subnets", vec!["?"].into());
            put("stream_logs", true.into());
        }
        "role" => {
            put("name", name.into());
            // Without it, the driver reads no policies.
            put("session", Value::Duration(60 * 60 * 1000));
        }
        _ => {
            let identity = kind.attributes.values().find(|attribute| attribute.identity);
            if let Some(identity) = identity {
                put(&identity.name, name.into());
            }
        }
    }
    want
}

/// Finds one resource.
///
/// # Errors
/// Words for the user.
pub(super) async fn find(
    clients: &Clients,
    schema: &Schema,
    kind: &str,
    name: &str,
) -> Result<Present, String> {
    let found = schema.kind(kind).filter(|kind| !kind.existing_only && kind.name != "record");
    let (Some(found), Some(driver)) = (found, driver(kind)) else {
        let near = crate::base::closest(kind, schema.kinds.keys().map(String::as_str));
        let near = near.filter(|near| *near != kind).map(|near| format!("; did you mean `{near}`?"));
        return Err(format!("`{kind}` is no kind that can be imported{}", near.unwrap_or_default()));
    };
    match driver.observe(clients, &asked(found, name)).await {
        Ok(Observed::Present(present)) => match &present.state {
            State::Busy(status) => {
                Err(format!("{} `{name}` is being changed ({status}): wait until it is ready", found.title))
            }
            _ => Ok(*present),
        },
        Ok(Observed::Absent) => {
            let region = clients.config.region().map(ToString::to_string).unwrap_or_default();
            Err(format!("there is no {} `{name}` in `{region}`", found.title))
        }
        Err(error) => Err(error.to_string()),
    }
}
