//! From what the user's environment says to clients.

use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::sync::Arc;

use super::{Clients, CloudError, Net};

/// How to reach a cloud.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The pipeline's region.
    pub region: String,
    /// A profile of the user's AWS configuration, from `--profile`.
    pub profile: Option<String>,
    /// The local cloud in place of AWS: how requests leave, how to sleep, what time it is. Credentials are then made up.
    /// `None` means AWS, or whatever `AWS_ENDPOINT_URL` says, with the SDK's default chain of credentials.
    pub local: Option<LocalTransport>,
    /// HTTP outside AWS.
    pub net: Arc<dyn Net>,
}

/// The local cloud as a transport for the SDK.
#[derive(Clone, Debug)]
pub struct LocalTransport {
    /// How requests leave.
    pub http: SharedHttpClient,
    /// How to sleep.
    pub sleep: SharedAsyncSleep,
    /// What time it is.
    pub time: SharedTimeSource,
}

/// Makes clients. Asks STS who the caller is, so that missing, expired or wrong credentials, a wrong region and a
/// refused connection are found before anything else happens.
///
/// # Errors
/// When the caller cannot be identified.
pub async fn connect(_connect: Connect) -> Result<Clients, CloudError> {
    Err(CloudError {
        operation: "sts:GetCallerIdentity".to_owned(),
        code: "unfinished".to_owned(),
        message: String::new(),
        retry: super::Retry::No,
        in_doubt: false,
        request_id: None,
    })
}
