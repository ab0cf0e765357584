//! DNS records, at whatever provider keeps them: Route 53 or GoDaddy.

mod godaddy;
mod hosted_zone;
mod record;
mod route53;

pub use hosted_zone::HostedZone;
pub use record::Record;

use serde::{Deserialize, Serialize};

use super::{Clients, CloudError, Op, Reply, Want};
use crate::eval::{Secret, Value};

/// Zones, which have ids of AWS's own.
pub(super) const ZONES: &[&str] = &["route53:::hostedzone/*"];
/// Reading and changing the records of a zone.
pub(super) const RECORDS: (&str, &str) = (route53::LIST, route53::CHANGE);

/// Where records are kept.
#[derive(Clone, Debug)]
pub(super) enum Provider {
    /// A hosted zone, by its id.
    Route53 {
        /// `Z…`
        zone: String,
    },
    /// An account with GoDaddy.
    GoDaddy {
        /// The API key.
        key: Secret,
        /// Its secret.
        secret: Secret,
    },
}

/// The records of one name and type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordSet {
    /// The whole name, without the dot at its end, in lower case.
    pub name: String,
    /// `A`, `CNAME`, …
    pub kind: String,
    /// The values as people write them.
    pub values: Vec<String>,
    /// Seconds; an alias has none.
    pub ttl: Option<i64>,
    /// The zone and name whose addresses are given instead of values.
    pub alias: Option<(String, String)>,
}

impl Provider {
    /// The provider that a value of the type `DnsProvider` names; `None` while its zone does not exist.
    pub(super) fn of(want: &Want, value: &Value) -> Option<Self> {
        let Value::Variant(name, params) = value else { return None };
        match (name.as_str(), params.get("zone"), params.get("key"), params.get("secret")) {
            ("route53", Some(zone), ..) => Some(Self::Route53 { zone: want.output(zone, "id")?.to_owned() }),
            ("godaddy", _, Some(Value::Secret(key)), Some(Value::Secret(secret))) => {
                Some(Self::GoDaddy { key: key.clone(), secret: secret.clone() })
            }
            _ => None,
        }
    }

    /// What tells one provider from another: `godaddy`, `route53/Z…`.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Route53 { zone } => format!("route53/{zone}"),
            Self::GoDaddy { .. } => "godaddy".to_owned(),
        }
    }

    /// Reads the records of a name and type.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    pub(super) async fn find(
        &self,
        clients: &Clients,
        name: &str,
        kind: &str,
    ) -> Result<Option<RecordSet>, CloudError> {
        match self {
            Self::Route53 { zone } => route53::find(clients, zone, name, kind).await,
            Self::GoDaddy { key, secret } => godaddy::Account { clients, key, secret }.find(name, kind).await,
        }
    }

    /// The call that sets the records of a name and type.
    pub(super) fn put_op(&self, set: &RecordSet, new: bool) -> Op {
        let operation = match self {
            Self::Route53 { .. } => route53::CHANGE,
            Self::GoDaddy { .. } => godaddy::PUT,
        };
        let action = if new { Action::Create } else { Action::Upsert };
        let op = if new { Op::create(operation) } else { Op::new(operation) };
        op.with(serde_json::to_value(Detail { action, set: set.clone() }).unwrap_or_default())
    }

    /// The call that deletes the records of a name and type, which must be given as they are.
    pub(super) fn delete_op(&self, set: &RecordSet) -> Op {
        let operation = match self {
            Self::Route53 { .. } => route53::CHANGE,
            Self::GoDaddy { .. } => godaddy::DELETE,
        };
        let detail = Detail { action: Action::Delete, set: set.clone() };
        Op::new(operation).with(serde_json::to_value(detail).unwrap_or_default())
    }

    /// Makes a call of [`Provider::put_op`] or [`Provider::delete_op`]. The reply's id is that of the change, where the
    /// provider tells when it has taken effect.
    ///
    /// # Errors
    /// What the provider refuses.
    pub(super) async fn call(&self, clients: &Clients, op: &Op) -> Result<Reply, CloudError> {
        let detail: Detail = serde_json::from_value(op.detail.clone())
            .map_err(|error| CloudError::misuse(&op.operation, error.to_string()))?;
        match self {
            Self::Route53 { zone } => route53::change(clients, zone, &detail).await,
            Self::GoDaddy { key, secret } => {
                let account = godaddy::Account { clients, key, secret };
                match detail.action {
                    Action::Delete => account.delete(&detail.set).await,
                    Action::Create | Action::Upsert => account.put(&detail.set).await,
                }
            }
        }
    }
}

/// What a call does with which records; it travels in [`Op::detail`].
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Detail {
    action: Action,
    set: RecordSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Action {
    /// Fails where there are records.
    Create,
    Upsert,
    Delete,
}

/// Whether an operation is one of a provider's.
pub(super) fn is_provider_call(op: &Op) -> bool {
    [route53::CHANGE, godaddy::PUT, godaddy::DELETE].contains(&op.operation.as_str())
}

/// A name as DNS compares it: lower case, without the dot at the end, `*` as `*`.
pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase().replace("\\052", "*")
}
