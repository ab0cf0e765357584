//! Which service a request is for.

use super::Request;
use super::service::Service;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To a service, in a region.
    Service(Service, String),
    /// It is signed for a service that the local cloud does not have.
    Unknown(String),
    /// To a name on the internet: the data plane.
    Net,
}

/// Finds out by the signature's scope (`Credential=KEY/20260101/us-east-1/rds/aws4_request`), else by the host.
pub fn route(request: &Request) -> Route {
    if request.host == "api.godaddy.com" || request.host == "api.ote-godaddy.com" {
        return Route::Service(Service::GoDaddy, String::new());
    }
    if let Some((name, region)) = scope(request) {
        let region = region.or_else(|| by_host(&request.host)?.1);
        return match Service::named(&name) {
            Some(service) => Route::Service(service, region.unwrap_or_else(default_region)),
            None => Route::Unknown(name),
        };
    }
    match by_host(&request.host) {
        Some((service, region)) => Route::Service(service, region.unwrap_or_else(default_region)),
        None => Route::Net,
    }
}

/// The region of the services that have only one.
fn default_region() -> String {
    "us-east-1".to_owned()
}

/// Whether a request says who sends it. Signatures are not checked: the local cloud has no secrets to keep.
pub fn is_signed(request: &Request) -> bool {
    scope(request).is_some()
}

/// Service and, but for signatures of version 4a, region of a signature.
fn scope(request: &Request) -> Option<(String, Option<String>)> {
    // Version 2, which some clients still use to sign S3's URLs, names neither.
    let old_header = request.header("authorization").is_some_and(|value| value.starts_with("AWS "));
    if old_header || request.query.iter().any(|(name, _)| name == "AWSAccessKeyId") {
        return Some(("s3".to_owned(), None));
    }
    let header = request.header("authorization").and_then(|value| {
        let credential = value.split_once("Credential=")?.1;
        Some(credential.split([',', ' ']).next().unwrap_or_default().to_owned())
    });
    let credential = header.or_else(|| {
        let presigned = request.query.iter().find(|(name, _)| name == "X-Amz-Credential");
        presigned.map(|(_, value)| value.clone())
    })?;
    // The key itself holds no `/`, but be lenient: count from the end.
    let parts: Vec<&str> = credential.split('/').collect();
    match parts.as_slice() {
        [.., date, region, service, "aws4_request"] if is_date(date) => {
            Some(((*service).to_owned(), Some((*region).to_owned())))
        }
        [.., _, service, "aws4_request"] => {
            let regions = request.header("x-amz-region-set").unwrap_or_default();
            let region = regions.split(',').next().filter(|region| !region.is_empty() && *region != "*");
            Some(((*service).to_owned(), region.map(str::to_owned)))
        }
        _ => None,
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `rds.us-east-1.amazonaws.com`, `iam.amazonaws.com`, `bucket.s3.eu-west-1.amazonaws.com`. Names that are
/// not a service's own, such as `x.rds.amazonaws.com`, belong to the data plane.
fn by_host(host: &str) -> Option<(Service, Option<String>)> {
    let labels = labels(host)?;
    if let Some(at) = s3_label(&labels) {
        let region = labels.get(at + 1..)?.iter().find(|label| **label != "dualstack");
        return Some((Service::S3, region.map(|region| (*region).to_owned())));
    }
    match labels.as_slice() {
        [service] => Some((Service::named(service)?, None)),
        [service, region] => Some((Service::named(service)?, Some((*region).to_owned()))),
        _ => None,
    }
}

fn labels(host: &str) -> Option<Vec<&str>> {
    let name = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    Some(name.split('.').collect())
}

/// Where `s3` stands: first, or after the bucket's name, with at most `dualstack` and a region behind it.
fn s3_label(labels: &[&str]) -> Option<usize> {
    let at = labels.iter().rposition(|label| *label == "s3")?;
    (labels.len() - at <= 3).then_some(at)
}

/// The bucket that a host names (`BUCKET.s3.REGION.amazonaws.com`, `BUCKET.localhost`), if it does.
pub fn bucket_of_host(host: &str) -> Option<String> {
    if let Some(bucket) = host.strip_suffix(".localhost") {
        return Some(bucket.strip_suffix(".s3").unwrap_or(bucket).to_owned()).filter(|bucket| bucket != "s3");
    }
    let labels = labels(host)?;
    let at = s3_label(&labels)?;
    let bucket = labels.get(..at)?.join(".");
    (!bucket.is_empty()).then_some(bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(host: &str, authorization: &str) -> Route {
        let headers = if authorization.is_empty() {
            vec![]
        } else {
            vec![("authorization".to_owned(), authorization.to_owned())]
        };
        route(&Request { host: host.to_owned(), headers, ..Request::default() })
    }

    fn service(service: Service, region: &str) -> Route {
        Route::Service(service, region.to_owned())
    }

    #[test]
    fn the_signature_says_where_to() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/elasticloadbalancing/aws4_request, SignedHeaders=host, Signature=00";
        assert_eq!(to("127.0.0.1", signed), service(Service::Elbv2, "eu-west-1"));
        let unknown = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/lambda/aws4_request, …";
        assert_eq!(to("127.0.0.1", unknown), Route::Unknown("lambda".into()));
        assert_eq!(to("127.0.0.1", "AWS AKID:c2ln"), service(Service::S3, "us-east-1"));
        let v4a = "AWS4-ECDSA-P256-SHA256 Credential=AKID/20260101/s3/aws4_request, SignedHeaders=host";
        assert_eq!(to("b.s3.eu-west-2.amazonaws.com", v4a), service(Service::S3, "eu-west-2"));
    }

    #[test]
    fn else_the_host_does() {
        assert_eq!(to("rds.us-west-2.amazonaws.com", ""), service(Service::Rds, "us-west-2"));
        assert_eq!(to("iam.amazonaws.com", ""), service(Service::Iam, "us-east-1"));
        assert_eq!(to("my.bucket.s3.eu-west-1.amazonaws.com", ""), service(Service::S3, "eu-west-1"));
        assert_eq!(to("mydb.c0ffee.us-east-1.rds.amazonaws.com", ""), Route::Net);
        assert_eq!(to("awseb-1.us-east-1.elb.amazonaws.com", ""), Route::Net);
        assert_eq!(to("vprofile.example.com", ""), Route::Net);
        assert_eq!(to("api.godaddy.com", ""), service(Service::GoDaddy, ""));
    }

    #[test]
    fn hosts_name_buckets() {
        assert_eq!(bucket_of_host("a.b.s3.us-east-1.amazonaws.com").as_deref(), Some("a.b"));
        assert_eq!(bucket_of_host("s3.us-east-1.amazonaws.com"), None);
        assert_eq!(bucket_of_host("b.localhost").as_deref(), Some("b"));
        assert_eq!(bucket_of_host("127.0.0.1"), None);
    }
}
