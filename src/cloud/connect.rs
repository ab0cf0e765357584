//! From what the user's environment says to clients.

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::sync::Arc;
use std::time::Duration;

use super::refusals::NOT_FOUND;
use super::{Clients, CloudError, Net, reading};
use crate::base::closest;

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

const WHO: &str = "sts:GetCallerIdentity";

/// Makes clients. Asks STS who the caller is, so that missing, expired or wrong credentials, a wrong region and a
/// refused connection are found before anything else happens.
///
/// # Errors
/// When the caller cannot be identified.
pub async fn connect(connect: Connect) -> Result<Clients, CloudError> {
    let Connect { region, profile, local, net } = connect;
    let config = match &local {
        Some(transport) => local_config(&region, transport),
        None => aws_config(&region, profile.as_deref()).await,
    };
    let endpoint = config.endpoint_url().map(str::to_owned);
    let clients = Clients::new(config, net);
    // Nothing changes here, so the SDK itself may try again.
    let again = aws_sdk_sts::Config::builder().retry_config(RetryConfig::standard().with_max_attempts(3));
    let identity = clients.sts.get_caller_identity().customize().config_override(again).send().await;
    match identity.map_err(reading(WHO)) {
        Ok(_) => Ok(clients),
        Err(error) => Err(explain(error, &region, endpoint.as_deref(), profile.as_deref()).await),
    }
}

/// The SDK's settings that hold everywhere. It does not retry: the scheduler does, because each try that may change something goes
/// through the journal.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(60))
        .build()
}

fn app_name() -> Option<AppName> {
    AppName::new(concat!("vpipe-", env!("CARGO_PKG_VERSION"))).ok()
}

fn local_config(region: &str, transport: &LocalTransport) -> SdkConfig {
    let credentials = Credentials::from_keys("vpipe-local", "vpipe-local", None);
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(transport.http.clone())
        .sleep_impl(transport.sleep.clone())
        .time_source(transport.time.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts());
    config.set_app_name(app_name());
    config.build()
}

/// The SDK's default chain: environment variables, profiles with SSO, roles and processes, web identity, containers,
/// instance metadata; endpoints from `AWS_ENDPOINT_URL` and the configuration file. The pipeline's region wins.
async fn aws_config(region: &str, profile: Option<&str>) -> SdkConfig {
    let region = Region::new(region.to_owned());
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts());
    if let Some(name) = app_name() {
        loader = loader.app_name(name);
    }
    loader = match profile {
        // A profile that is named on the command line wins over environment variables, as with the AWS CLI.
        Some(profile) => {
            let provider = ProfileFileCredentialsProvider::builder()
                .configure(&ProviderConfig::without_region().with_region(Some(region)))
                .profile_name(profile)
                .build();
            loader.profile_name(profile).credentials_provider(provider)
        }
        None => {
            // By default a machine that is not in AWS may ask for instance metadata for many seconds.
            let metadata = aws_config::imds::Client::builder()
                .configure(&ProviderConfig::default())
                .max_attempts(1)
                .operation_timeout(Duration::from_secs(2))
                .build();
            let chain = DefaultCredentialsChain::builder().region(region).imds_client(metadata).build().await;
            loader.credentials_provider(chain)
        }
    };
    loader.load().await
}

/// Says more about the errors that a first connection meets.
async fn explain(
    mut error: CloudError,
    region: &str,
    endpoint: Option<&str>,
    profile: Option<&str>,
) -> CloudError {
    let profile = profile.map(str::to_owned).or_else(|| std::env::var("AWS_PROFILE").ok());
    match (error.code.as_str(), endpoint) {
        ("credentials", _) if error.message.starts_with(NOT_FOUND) => {
            if let Some(profile) = profile {
                error.message = format!(
                    "the profile `{profile}` does not exist or gives no credentials: `aws configure list-profiles` \
                     names those there are, `aws configure --profile {profile}` sets one up"
                );
            }
        }
        ("connection" | "timeout", Some(endpoint)) => {
            error.message = format!("`{endpoint}` cannot be reached: {}", error.message);
        }
        ("connection", None) if error.message.contains("does not resolve") => {
            error.message = unresolved(region).await;
        }
        // AWS does not know a caller's keys in a region that the account has not enabled.
        ("credentials", _) if error.message.contains("InvalidClientTokenId") => {
            error.message.push_str(&format!("; or the account has not enabled the region `{region}`"));
        }
        _ => {}
    }
    error.retry = super::Retry::No;
    error
}

/// The endpoint's name does not resolve: either nothing does, or the region does not exist.
async fn unresolved(region: &str) -> String {
    let resolves = tokio::net::lookup_host(("sts.amazonaws.com", 443)).await.is_ok();
    if !resolves {
        return "there is no way to AWS: names on the internet do not resolve; look at the network, or use `--local`"
            .to_owned();
    }
    match closest(region, REGIONS) {
        Some(near) => format!("there is no AWS region `{region}`; did you mean `{near}`?"),
        None => format!("there is no AWS region `{region}`; write one such as `us-east-1`"),
    }
}

/// Regions of the standard partition, for did-you-mean only: AWS adds to them.
const REGIONS: [&str; 33] = [
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "us-gov-west-1",
];
