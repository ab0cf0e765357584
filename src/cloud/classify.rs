//! From the SDK's errors to [`CloudError`]: one place for every service.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;

use super::refusals;
use super::{CloudError, Retry};

/// For `map_err` of a call that only reads: `client.describe().send().await.map_err(reading("rds:DescribeDBInstances"))?`.
pub fn reading<E>(operation: &str) -> impl FnOnce(SdkError<E, HttpResponse>) -> CloudError + '_
where
    E: ProvideErrorMetadata + Error + 'static,
{
    move |error| classify(operation, false, &error)
}

/// For `map_err` of a call that changes something: when no answer came, it is in doubt.
pub fn calling<E>(operation: &str) -> impl FnOnce(SdkError<E, HttpResponse>) -> CloudError + '_
where
    E: ProvideErrorMetadata + Error + 'static,
{
    move |error| classify(operation, true, &error)
}

/// Of a call that reads one thing: what there is, or `None` when AWS says that it does not exist.
///
/// # Errors
/// Every other error.
pub fn found<T>(result: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.retry == Retry::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

/// What came back instead of a result, without the SDK's types.
#[derive(Debug)]
enum Failure {
    /// AWS answered with an error of its own.
    Refused { status: u16, code: String, message: String },
    /// Something answered with a page for people, or with what no AWS service says.
    NotAws { status: u16, page: bool },
    /// An answer began and could not be read.
    Unreadable(String),
    /// No answer: the words of the whole chain of causes.
    NoAnswer { timeout: bool, words: String },
    /// The request never left: no credentials.
    Credentials(String),
    /// The request never left.
    NotSent(String),
}

fn classify<E>(operation: &str, mutating: bool, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let request_id = error.request_id().map(str::to_owned);
    let failure = match error {
        SdkError::ConstructionFailure(_) => not_sent(error),
        SdkError::TimeoutError(_) => Failure::NoAnswer { timeout: true, words: chain(error) },
        SdkError::DispatchFailure(failure) if failure.is_user() => not_sent(error),
        SdkError::DispatchFailure(failure) => match credentials_error(error) {
            Some(words) => Failure::Credentials(words),
            None => Failure::NoAnswer { timeout: failure.is_timeout(), words: chain(error) },
        },
        SdkError::ResponseError(response) => unreadable(response.raw(), &chain(error)),
        SdkError::ServiceError(service) => match service.err().meta().code() {
            Some(code) => Failure::Refused {
                status: service.raw().status().as_u16(),
                code: code.to_owned(),
                message: service.err().meta().message().unwrap_or_default().to_owned(),
            },
            None => codeless(service.raw(), &chain(error)),
        },
        other => Failure::NotSent(chain(other)),
    };
    describe(operation, mutating, request_id, failure)
}

fn not_sent<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> Failure {
    credentials_error(error).map_or_else(|| Failure::NotSent(chain(error)), Failure::Credentials)
}

/// An error without a code: S3 answers `HEAD` with nothing but a status; anything else is not AWS.
fn codeless(raw: &HttpResponse, words: &str) -> Failure {
    let status = raw.status().as_u16();
    let empty = raw.body().bytes().is_none_or(<[u8]>::is_empty);
    let code = match status {
        301 => "PermanentRedirect",
        400 => "BadRequest",
        403 => "Forbidden",
        404 => "NotFound",
        412 => "PreconditionFailed",
        500.. => "InternalError",
        _ => return unreadable(raw, words),
    };
    match empty {
        true => Failure::Refused { status, code: code.to_owned(), message: String::new() },
        false => unreadable(raw, words),
    }
}

fn unreadable(raw: &HttpResponse, words: &str) -> Failure {
    let status = raw.status().as_u16();
    let body = raw.body().bytes().unwrap_or_default();
    let start = String::from_utf8_lossy(body.get(..200.min(body.len())).unwrap_or_default()).to_lowercase();
    let html = raw.headers().get("content-type").is_some_and(|kind| kind.contains("html"));
    let page = html || start.trim_start().starts_with("<!doctype html") || start.contains("<html");
    match (page, status) {
        // A gateway's own page while the service behind it is away.
        (true, 502..=504) => Failure::NoAnswer { timeout: false, words: format!("HTTP status {status}") },
        (page, 400..) => Failure::NotAws { status, page },
        _ => Failure::Unreadable(words.to_owned()),
    }
}

/// The words of a failure to find credentials, somewhere in the chain of causes.
fn credentials_error(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<CredentialsError>() {
            return Some(match found {
                CredentialsError::CredentialsNotLoaded(_) => String::new(),
                _ => chain(found),
            });
        }
        next = error.source();
    }
    None
}

/// The messages of an error and all its causes, each once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !words.iter().any(|seen| seen.contains(&text)) {
            words.push(text);
        }
        next = error.source();
    }
    words.join(": ")
}

fn describe(operation: &str, mutating: bool, request_id: Option<String>, failure: Failure) -> CloudError {
    let error = |code: &str, message: String, retry: Retry, in_doubt: bool| CloudError {
        operation: operation.to_owned(),
        code: code.to_owned(),
        message,
        retry,
        in_doubt: in_doubt && mutating,
        request_id,
    };
    match failure {
        Failure::Refused { status, code, message } => {
            let verdict = refusals::judge(operation, &code, &message, status);
            // An internal error may come after the work was done; a throttled call did none.
            let in_doubt = status >= 500 && !refusals::is_throttling(&code);
            error(verdict.code.unwrap_or(&code), verdict.message.unwrap_or(message), verdict.retry, in_doubt)
        }
        Failure::NotAws { status, page } => {
            let what = if page { "a web page" } else { "something that is not AWS's" };
            let message = format!(
                "the endpoint answered {status} with {what}: it does not know this operation, or it is not an AWS \
                 endpoint; look at `AWS_ENDPOINT_URL` and `endpoint_url` in your AWS configuration"
            );
            error("unsupported", message, Retry::No, false)
        }
        Failure::Unreadable(words) => {
            error("response", format!("the answer could not be read: {words}"), Retry::Backoff, true)
        }
        Failure::NoAnswer { timeout, words } => {
            let (message, sent) = no_answer(&words);
            error(if timeout { "timeout" } else { "connection" }, message, Retry::Backoff, sent)
        }
        Failure::Credentials(words) => {
            error("credentials", refusals::no_credentials(&words), Retry::No, false)
        }
        Failure::NotSent(words) => error("request", words, Retry::No, false),
    }
}

/// Why no answer came, in words, and whether the request may have been sent.
fn no_answer(words: &str) -> (String, bool) {
    let lower = words.to_lowercase();
    let any = |needles: &[&str]| needles.iter().any(|needle| lower.contains(needle));
    if any(&["dns error", "failed to lookup", "name or service not known", "name resolution"]) {
        let message = format!(
            "the endpoint's name does not resolve: there is no network, or no such region ({})",
            last_words(words)
        );
        return (message, false);
    }
    if any(&["connection refused"]) {
        let message = "the endpoint refused the connection: nothing listens there; look at `AWS_ENDPOINT_URL` and \
                       your proxy settings";
        return (message.to_owned(), false);
    }
    if any(&["certificate"]) {
        let message = format!("the endpoint's certificate is not trusted: {}", last_words(words));
        return (message, false);
    }
    // hyper says `client error (Connect)` when no connection came about; nothing was sent then.
    let connecting = any(&["(connect)", "connect timeout", "network is unreachable", "no route to host"]);
    (format!("no answer: {}", last_words(words)), !connecting)
}

/// The deepest cause, which says most.
fn last_words(words: &str) -> &str {
    words.rsplit(": ").next().unwrap_or(words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use aws_sdk_rds::operation::create_db_instance::CreateDBInstanceError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::{Response, StatusCode};
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    type Sdk = SdkError<CreateDBInstanceError, HttpResponse>;

    fn response(status: u16, body: &'static str) -> HttpResponse {
        Response::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
    }

    fn refused(status: u16, code: &str, message: &str) -> Sdk {
        let meta = ErrorMetadata::builder().code(code).message(message).build();
        SdkError::service_error(CreateDBInstanceError::generic(meta), response(status, "<ErrorResponse/>"))
    }

    fn of_call(error: Sdk) -> CloudError {
        calling("rds:CreateDBInstance")(error)
    }

    #[test]
    fn throttling_is_tried_again_and_was_not_applied() {
        let error = of_call(refused(503, "Throttling", "Rate exceeded"));
        assert_eq!((error.retry, error.in_doubt), (Retry::Backoff, false));
        assert_eq!(error.to_string(), "rds:CreateDBInstance: Throttling: Rate exceeded");
    }

    #[test]
    fn an_internal_error_leaves_a_change_in_doubt_but_not_a_read() {
        let error = of_call(refused(500, "InternalFailure", ""));
        assert_eq!((error.retry, error.in_doubt), (Retry::Backoff, true));
        let error = reading("rds:DescribeDBInstances")(refused(500, "InternalFailure", ""));
        assert_eq!((error.retry, error.in_doubt), (Retry::Backoff, false));
    }

    #[test]
    fn a_lost_reply_is_in_doubt_and_a_refused_connection_is_not() {
        let reset = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset by peer");
        let error = of_call(SdkError::dispatch_failure(ConnectorError::io(reset.into())));
        assert_eq!((error.code.as_str(), error.retry, error.in_doubt), ("connection", Retry::Backoff, true));
        let refused =
            std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "Connection refused (os error 111)");
        let error = of_call(SdkError::dispatch_failure(ConnectorError::io(refused.into())));
        assert_eq!((error.retry, error.in_doubt), (Retry::Backoff, false));
        assert!(error.message.contains("AWS_ENDPOINT_URL"), "{}", error.message);
        let error = of_call(SdkError::timeout_error("operation attempt timeout"));
        assert_eq!((error.code.as_str(), error.in_doubt), ("timeout", true));
    }

    #[test]
    fn a_web_page_is_not_tried_for_ever() {
        let page = "<!doctype html>\n<html lang=en><title>500 Internal Server Error</title>";
        for status in [404, 500] {
            let error = of_call(SdkError::response_error("invalid XML", response(status, page)));
            assert_eq!(
                (error.code.as_str(), error.retry, error.in_doubt),
                ("unsupported", Retry::No, false),
                "{status}"
            );
        }
        let unmodeled = CreateDBInstanceError::generic(ErrorMetadata::builder().build());
        let error = of_call(SdkError::service_error(unmodeled, response(500, page)));
        assert_eq!(error.retry, Retry::No);
        let error = of_call(SdkError::response_error("invalid XML", response(503, "<html>away</html>")));
        assert_eq!(error.retry, Retry::Backoff);
    }

    #[test]
    fn missing_credentials_say_what_to_do() {
        let none = CredentialsError::not_loaded("no providers in chain provided credentials");
        let error = of_call(SdkError::dispatch_failure(ConnectorError::other(none.into(), None)));
        assert_eq!((error.code.as_str(), error.retry), ("credentials", Retry::No));
        assert!(error.message.contains("--profile"), "{}", error.message);
    }

    #[test]
    fn a_head_without_a_body_is_told_by_its_status() {
        let none = CreateDBInstanceError::generic(ErrorMetadata::builder().build());
        let error = reading("s3:HeadBucket")(SdkError::service_error(none, response(404, "")));
        assert_eq!((error.code.as_str(), error.retry), ("NotFound", Retry::Gone));
    }

    #[test]
    fn found_turns_gone_into_none() {
        let gone = reading("rds:DescribeDBInstances")(refused(404, "DBInstanceNotFound", "not found"));
        assert!(found::<()>(Err(gone)).unwrap().is_none());
        let denied = reading("rds:DescribeDBInstances")(refused(403, "AccessDenied", "no"));
        assert!(found::<()>(Err(denied)).is_err());
    }
}
