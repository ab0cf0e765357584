//! Secrets that Secrets Manager and SSM keep: read before a plan or run, never written.

use aws_config::Region;
use aws_config::retry::RetryConfig;
use indexmap::IndexSet;

use super::{Clients, CloudError, found, reading};
use crate::eval::{Stored, StoredSecret, Unreadable};

const SECRET: &str = "secretsmanager:GetSecretValue";
const PARAMETER: &str = "ssm:GetParameter";

/// The operation that reads a stored secret, and the secret as [`super::Permission::on`] writes resources. A secret's ARN
/// ends in six characters that AWS chooses.
pub fn permission(secret: &StoredSecret) -> (&'static str, String) {
    match secret {
        StoredSecret::SecretsManager(name) => {
            (SECRET, resource(name, "secretsmanager:{here}:secret:", "-??????"))
        }
        StoredSecret::Parameter(name) => {
            (PARAMETER, resource(name.strip_prefix('/').unwrap_or(name), "ssm:{here}:parameter/", ""))
        }
    }
}

fn resource(name: &str, before: &str, after: &str) -> String {
    // Of an ARN all but `arn:` and its partition.
    let of_arn = name.strip_prefix("arn:").and_then(|rest| rest.split_once(':'));
    of_arn.map_or_else(|| format!("{before}{name}{after}"), |(_, rest)| rest.to_owned())
}

/// Reads what is asked for, each once, in the region of its ARN or else of the pipeline. What cannot be read is told
/// in its place.
pub async fn read_stored(clients: &Clients, asked: &IndexSet<StoredSecret>) -> Stored {
    let mut stored = Stored::new();
    for one in asked {
        let read = match one {
            StoredSecret::SecretsManager(name) => secret(clients, name).await,
            StoredSecret::Parameter(name) => parameter(clients, name).await,
        };
        stored.insert(one.clone(), read);
    }
    stored
}

async fn secret(clients: &Clients, name: &str) -> Result<String, Unreadable> {
    let region = region(clients, name);
    // Nothing changes here, so the SDK itself may try again.
    let settings = aws_sdk_secretsmanager::Config::builder()
        .region(Region::new(region.clone()))
        .retry_config(RetryConfig::standard().with_max_attempts(3));
    let request = clients.secrets_manager.get_secret_value().secret_id(name);
    let reply = request.customize().config_override(settings).send().await;
    match found(reply.map_err(reading(SECRET))) {
        Ok(Some(reply)) => reply.secret_string.ok_or_else(|| Unreadable {
            absent: false,
            why: format!("the secret `{name}` holds bytes, not text"),
            help: "store it as a text, with `--secret-string`".to_owned(),
        }),
        Ok(None) => Err(Unreadable {
            absent: true,
            why: format!("Secrets Manager has no secret `{name}` in `{region}`"),
            help: format!("make it: `aws secretsmanager create-secret --name {name} --secret-string …`"),
        }),
        Err(error) => Err(refused(&error, name)),
    }
}

async fn parameter(clients: &Clients, name: &str) -> Result<String, Unreadable> {
    let region = region(clients, name);
    let settings = aws_sdk_ssm::Config::builder()
        .region(Region::new(region.clone()))
        .retry_config(RetryConfig::standard().with_max_attempts(3));
    let request = clients.ssm.get_parameter().name(name).with_decryption(true);
    let reply = request.customize().config_override(settings).send().await;
    let value = found(reply.map_err(reading(PARAMETER)))
        .map(|reply| reply.and_then(|reply| reply.parameter).and_then(|parameter| parameter.value));
    match value {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(Unreadable {
            absent: true,
            why: format!("SSM has no parameter `{name}` in `{region}`"),
            help: format!("make it: `aws ssm put-parameter --name {name} --type SecureString --value …`"),
        }),
        Err(error) => Err(refused(&error, name)),
    }
}

/// The region of an ARN; for a name, that of the pipeline.
fn region(clients: &Clients, name: &str) -> String {
    let of_arn = name.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2));
    let own = || clients.config.region().map(|region| region.as_ref().to_owned());
    of_arn.filter(|region| !region.is_empty()).map(str::to_owned).or_else(own).unwrap_or_default()
}

fn refused(error: &CloudError, name: &str) -> Unreadable {
    let help = match error.code.as_str() {
        "AccessDenied" | "AccessDeniedException" => {
            format!("allow `{}` on it, and `kms:Decrypt` where a key of yours encrypts it", error.operation)
        }
        "InvalidRequestException" if error.message.contains("deletion") => {
            format!("keep it with `aws secretsmanager restore-secret --secret-id {name}`, or read another")
        }
        "DecryptionFailure" | "InvalidKeyId" => {
            "look at the KMS key that encrypts it: whether it is enabled, and whether you may use it"
                .to_owned()
        }
        _ => format!("see what `{}` answers to you", error.operation),
    };
    Unreadable { absent: false, why: format!("`{name}` cannot be read: {error}"), help }
}
