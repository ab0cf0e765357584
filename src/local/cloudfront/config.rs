//! What a distribution's configuration says: checked, completed, and read for the edge locations.

use super::policies;
use crate::local::support::covers;
use crate::local::{Element, Fault, State, acm, neighbours};

/// How a viewer may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// By HTTP and HTTPS.
    All,
    /// HTTP is sent to HTTPS.
    Redirect,
    /// HTTP is refused.
    Https,
}

/// A configuration as the edge locations need it.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Whether it answers at all.
    pub enabled: bool,
    /// Pages in place of errors: the status, the path, the status in its place.
    pub error_pages: Vec<(u16, String, u16)>,
    /// Its own names, in lower case.
    pub aliases: Vec<String>,
    /// What `/` means.
    pub root: Option<String>,
    /// The certificate for its own names.
    pub certificate: Option<String>,
    /// Where answers come from.
    pub origins: Vec<Origin>,
    /// How requests are treated; the last one, whose pattern is `*`, is the default.
    pub behaviors: Vec<Behavior>,
}

/// Where answers come from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its id in the configuration.
    pub id: String,
    /// Its host.
    pub domain: String,
    /// What is put before every path.
    pub path: String,
    /// Headers that are added.
    pub headers: Vec<(String, String)>,
    /// `http-only`, `https-only` or `match-viewer`; none for a bucket.
    pub protocol: Option<String>,
    /// The port for HTTP.
    pub http_port: u16,
    /// The port for HTTPS.
    pub https_port: u16,
    /// The bucket is reached as CloudFront itself.
    pub signed: bool,
}

/// How the requests for some paths are treated.
#[derive(Clone, Debug)]
pub struct Behavior {
    /// The paths.
    pub pattern: String,
    /// The origin's id.
    pub origin: String,
    /// How viewers may come.
    pub viewer: Viewer,
    /// The methods that are let through.
    pub methods: Vec<String>,
    /// How answers are kept.
    pub caching: policies::CachePolicy,
    /// The viewer's `Host` goes to the origin.
    pub forwards_host: bool,
    /// The query goes to the origin.
    pub forwards_query: bool,
    /// Cookies go to the origin, and back.
    pub forwards_cookies: bool,
}

impl Edge {
    /// Reads a configuration that was checked before.
    pub fn read(config: &Element) -> Self {
        let texts = |path: &str| config.children_at(path).iter().filter_map(|e| e.text.clone());
        let default = config.child("DefaultCacheBehavior").map(|behavior| Behavior::read(behavior, "*"));
        let others = config.children_at("CacheBehaviors/Items").iter();
        let others = others.map(|b| Behavior::read(b, b.text_at("PathPattern").unwrap_or_default()));
        Self {
            enabled: config.text_at("Enabled") == Some("true"),
            error_pages: config
                .children_at("CustomErrorResponses/Items")
                .iter()
                .filter_map(error_page)
                .collect(),
            aliases: texts("Aliases/Items").map(|alias| alias.to_ascii_lowercase()).collect(),
            root: config.text_at("DefaultRootObject").map(str::to_owned),
            certificate: config.text_at("ViewerCertificate/ACMCertificateArn").map(str::to_owned),
            origins: config.children_at("Origins/Items").iter().map(Origin::read).collect(),
            behaviors: others.chain(default).collect(),
        }
    }
}

fn error_page(page: &Element) -> Option<(u16, String, u16)> {
    let number = |name: &str| page.text_at(name)?.parse().ok();
    Some((number("ErrorCode")?, page.text_at("ResponsePagePath")?.to_owned(), number("ResponseCode")?))
}

impl Origin {
    fn read(origin: &Element) -> Self {
        let text = |path: &str| origin.text_at(path).unwrap_or_default().to_owned();
        let port = |path: &str, default| origin.text_at(path).and_then(|p| p.parse().ok()).unwrap_or(default);
        let header = |header: &Element| {
            let name = header.text_at("HeaderName")?.to_ascii_lowercase();
            Some((name, header.text_at("HeaderValue").unwrap_or_default().to_owned()))
        };
        Self {
            id: text("Id"),
            domain: text("DomainName").to_ascii_lowercase(),
            path: text("OriginPath"),
            headers: origin.children_at("CustomHeaders/Items").iter().filter_map(header).collect(),
            protocol: origin.text_at("CustomOriginConfig/OriginProtocolPolicy").map(str::to_owned),
            http_port: port("CustomOriginConfig/HTTPPort", 80),
            https_port: port("CustomOriginConfig/HTTPSPort", 443),
            signed: origin.text_at("OriginAccessControlId").is_some()
                || origin.text_at("S3OriginConfig/OriginAccessIdentity").is_some(),
        }
    }
}

impl Behavior {
    fn read(behavior: &Element, pattern: &str) -> Self {
        let methods = behavior.children_at("AllowedMethods/Items").iter().filter_map(|m| m.text.clone());
        let (caching, forwarded) = match behavior.text_at("CachePolicyId").and_then(policies::cache_policy) {
            Some(policy) => (policy, None),
            None => policies::forwarded(behavior),
        };
        let request_policy = behavior.text_at("OriginRequestPolicyId").unwrap_or_default();
        Self {
            pattern: pattern.to_owned(),
            origin: behavior.text_at("TargetOriginId").unwrap_or_default().to_owned(),
            viewer: match behavior.text_at("ViewerProtocolPolicy") {
                Some("redirect-to-https") => Viewer::Redirect,
                Some("https-only") => Viewer::Https,
                _ => Viewer::All,
            },
            methods: methods.collect(),
            forwards_host: caching.host
                || forwarded.is_some_and(|f| f)
                || policies::forwards_host(request_policy),
            forwards_query: caching.query || policies::forwards_query(request_policy),
            forwards_cookies: caching.cookies || policies::forwards_query(request_policy),
            caching,
        }
    }
}

fn fault(status: u16, code: &str, message: &str) -> Fault {
    Fault::new(status, code, message)
}

/// Whether a configuration may be used.
///
/// # Errors
/// What CloudFront says against it.
pub(super) fn check(state: &State, config: &Element, own: Option<&str>, now: i64) -> Result<(), Fault> {
    for required in ["CallerReference", "Origins", "DefaultCacheBehavior", "Enabled"] {
        if config.child(required).is_none() {
            let message = format!(
                "1 validation error detected: Value null at 'distributionConfig.{required}' failed to satisfy constraint: Member must not be null"
            );
            return Err(fault(400, "InvalidArgument", &message));
        }
    }
    check_quantities(config)?;
    check_origins(state, config)?;
    let default = config.child("DefaultCacheBehavior");
    let behaviors = default.into_iter().chain(config.children_at("CacheBehaviors/Items"));
    behaviors.into_iter().try_for_each(|behavior| check_behavior(config, behavior))?;
    if config.text_at("DefaultRootObject").is_some_and(|root| root.starts_with('/')) {
        let message = "The default root object file name is too big or contains an invalid character.";
        return Err(fault(400, "InvalidDefaultRootObject", message));
    }
    if let Some(class) = config.text_at("PriceClass")
        && !matches!(class, "PriceClass_100" | "PriceClass_200" | "PriceClass_All" | "None")
    {
        return Err(fault(
            400,
            "InvalidArgument",
            &format!("The parameter PriceClass is not valid: {class}"),
        ));
    }
    check_extras(state, config)?;
    check_aliases(state, config, own, now)
}

/// `Quantity` must be the number of items, wherever it stands.
fn check_quantities(element: &Element) -> Result<(), Fault> {
    if let Some(quantity) = element.text_at("Quantity") {
        let items = element.children_at("Items").len();
        if quantity.parse() != Ok(items) {
            let message = format!(
                "The value of Quantity and the size of Items don't match in {}: {quantity} and {items}.",
                element.name
            );
            return Err(fault(400, "InconsistentQuantities", &message));
        }
    }
    // The reader has bounded the depth.
    element.children.iter().try_for_each(check_quantities)
}

/// Pages for errors, logs, the web ACL, countries.
fn check_extras(state: &State, config: &Element) -> Result<(), Fault> {
    let invalid = |message: &str| Err(fault(400, "InvalidArgument", message));
    for page in config.children_at("CustomErrorResponses/Items") {
        let status = page.text_at("ErrorCode").unwrap_or_default();
        const KNOWN: [&str; 11] =
            ["400", "403", "404", "405", "414", "416", "500", "501", "502", "503", "504"];
        if !KNOWN.contains(&status) {
            let message = format!("Your request contains an invalid error code: {status}");
            return Err(fault(400, "InvalidErrorCode", &message));
        }
        if page.text_at("ResponsePagePath").is_some() != page.text_at("ResponseCode").is_some() {
            let message = "ResponsePagePath and ResponseCode must be given together.";
            return Err(fault(400, "InvalidResponseCode", message));
        }
    }
    if let Some(acl) = config.text_at("WebACLId")
        && !(acl.starts_with("arn:aws:wafv2:us-east-1:") && acl.contains(":global/webacl/"))
    {
        let message =
            "The parameter WebACLId is not valid or does not refer to a web ACL of the scope CLOUDFRONT.";
        return Err(fault(400, "InvalidWebACLId", message));
    }
    if config.text_at("Logging/Enabled") == Some("true") {
        let bucket = config.text_at("Logging/Bucket").unwrap_or_default();
        if neighbours::bucket_of_host(state, bucket).is_none() {
            return invalid("The parameter Logging Bucket does not refer to a valid S3 bucket.");
        }
        if !neighbours::takes_acls(state, bucket) {
            return invalid(&format!(
                "The S3 bucket that you specified for CloudFront logs does not enable ACL access: {bucket}"
            ));
        }
    }
    let geo = config.at("Restrictions/GeoRestriction");
    let countries = geo.map(|geo| geo.children_at("Items").len()).unwrap_or_default();
    match geo.and_then(|geo| geo.text_at("RestrictionType")) {
        None | Some("none") if countries > 0 => Err(fault(
            400,
            "InvalidGeoRestrictionParameter",
            "No countries are restricted with the type none.",
        )),
        Some("whitelist" | "blacklist") if countries == 0 => Err(fault(
            400,
            "InvalidGeoRestrictionParameter",
            "The specified geo restriction parameter is not valid.",
        )),
        _ => Ok(()),
    }
}

fn check_origins(state: &State, config: &Element) -> Result<(), Fault> {
    let origins = config.children_at("Origins/Items");
    if origins.is_empty() {
        return Err(fault(400, "InvalidArgument", "The parameter Origins is required."));
    }
    for origin in origins {
        let domain = origin.text_at("DomainName").unwrap_or_default();
        let is_name = domain.contains('.') && !domain.contains(['/', ':', ' ']);
        if origin.text_at("Id").is_none() || !is_name {
            let message =
                format!("The parameter Origin DomainName does not refer to a valid host: '{domain}'.");
            return Err(fault(400, "InvalidArgument", &message));
        }
        let (custom, bucket) = (origin.child("CustomOriginConfig"), origin.child("S3OriginConfig"));
        match (custom, bucket) {
            (Some(custom), None) => {
                let protocol = custom.text_at("OriginProtocolPolicy").unwrap_or_default();
                if !matches!(protocol, "http-only" | "https-only" | "match-viewer") {
                    let message = "The parameter OriginProtocolPolicy is not valid.";
                    return Err(fault(400, "InvalidArgument", message));
                }
            }
            (None, Some(_)) => {
                if !domain.contains(".s3.") && !domain.contains(".s3-") {
                    let message = "The parameter Origin DomainName does not refer to a valid S3 bucket.";
                    return Err(fault(400, "InvalidArgument", message));
                }
                if neighbours::bucket_of_host(state, domain).is_none() {
                    let message = "The specified origin server does not exist or is not valid.";
                    return Err(fault(400, "InvalidOrigin", message));
                }
            }
            _ => {
                let message =
                    "Exactly one of CustomOriginConfig, VpcOriginConfig and S3OriginConfig must be specified";
                return Err(fault(400, "InvalidArgument", message));
            }
        }
        if let Some(id) = origin.text_at("OriginAccessControlId")
            && !state.cloudfront.access_controls.contains_key(id)
        {
            let message = "The specified origin access control does not exist.";
            return Err(fault(404, "NoSuchOriginAccessControl", message));
        }
    }
    Ok(())
}

fn check_behavior(config: &Element, behavior: &Element) -> Result<(), Fault> {
    let target = behavior.text_at("TargetOriginId").unwrap_or_default();
    if !config.children_at("Origins/Items").iter().any(|o| o.text_at("Id") == Some(target)) {
        return Err(fault(404, "NoSuchOrigin", "One or more of your origins or origin groups do not exist."));
    }
    let viewer = behavior.text_at("ViewerProtocolPolicy").unwrap_or_default();
    if !matches!(viewer, "allow-all" | "https-only" | "redirect-to-https") {
        return Err(fault(400, "InvalidArgument", "The parameter ViewerProtocolPolicy is required."));
    }
    let forwarded = behavior.child("ForwardedValues").is_some();
    match behavior.text_at("CachePolicyId") {
        Some(_) if forwarded => {
            let message = "The parameter ForwardedValues cannot be used when a cache policy is associated to the cache behavior.";
            Err(fault(400, "InvalidArgument", message))
        }
        Some(id) if policies::cache_policy(id).is_none() => {
            Err(fault(404, "NoSuchCachePolicy", "The cache policy does not exist."))
        }
        None if !forwarded => {
            Err(fault(400, "InvalidArgument", "The parameter ForwardedValues is required."))
        }
        _ => match behavior.text_at("OriginRequestPolicyId") {
            Some(id) if !policies::is_request_policy(id) => {
                Err(fault(404, "NoSuchOriginRequestPolicy", "The origin request policy does not exist."))
            }
            _ => Ok(()),
        },
    }
}

fn check_aliases(state: &State, config: &Element, own: Option<&str>, now: i64) -> Result<(), Fault> {
    let aliases: Vec<String> = config
        .children_at("Aliases/Items")
        .iter()
        .filter_map(|alias| alias.text.as_ref().map(|text| text.to_ascii_lowercase()))
        .collect();
    let invalid = |message: &str| Err(fault(400, "InvalidViewerCertificate", message));
    let names = match config.text_at("ViewerCertificate/ACMCertificateArn") {
        Some(arn) => {
            let found = acm::usable(state, arn, now).filter(|certificate| certificate.region == "us-east-1");
            match found {
                Some(certificate) => Some(certificate.names.clone()),
                None => {
                    return invalid(
                        "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid certificate chain.",
                    );
                }
            }
        }
        None => None,
    };
    if names.is_some() && config.text_at("ViewerCertificate/SSLSupportMethod").is_none() {
        return Err(fault(400, "InvalidArgument", "The parameter SSLSupportMethod is required."));
    }
    for alias in &aliases {
        match &names {
            None => {
                return invalid(
                    "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted certificate that validates your authorization to use the domain name. For more details, see: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html#alternate-domain-names-requirements",
                );
            }
            // An alias with a dot at its end is covered by no certificate.
            Some(names) if alias.ends_with('.') || !covers(names, alias) => {
                return invalid(
                    "The certificate that is attached to your distribution doesn't cover the alternate domain name (CNAME) that you're trying to add. For more details, see: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html#alternate-domain-names-requirements",
                );
            }
            Some(_) => {}
        }
        let others = state.cloudfront.distributions.values().filter(|d| Some(d.id.as_str()) != own);
        if others.into_iter().any(|other| other.aliases().any(|theirs| theirs == *alias)) {
            let message =
                "One or more of the CNAMEs you provided are already associated with a different resource.";
            return Err(fault(409, "CNAMEAlreadyExists", message));
        }
    }
    Ok(())
}

/// Adds a child where there is none of its name.
fn ensure(parent: &mut Element, child: Element) {
    if parent.child(&child.name).is_none() {
        parent.children.push(child);
    }
}

fn child_mut<'a>(parent: &'a mut Element, name: &str) -> Option<&'a mut Element> {
    parent.children.iter_mut().find(|child| child.name == name)
}

fn none(name: &str) -> Element {
    Element::new(name, vec![Element::text("Quantity", 0)])
}

fn disabled(name: &str) -> Element {
    Element::new(name, vec![Element::text("Enabled", false), Element::text("Quantity", 0)])
}

/// With everything that CloudFront adds on its own, so that it reads back as from AWS.
pub(super) fn complete(mut config: Element) -> Element {
    config.name = "DistributionConfig".to_owned();
    config.attributes.clear();
    ensure(&mut config, none("Aliases"));
    ensure(&mut config, Element::text("DefaultRootObject", ""));
    ensure(&mut config, none("OriginGroups"));
    ensure(&mut config, none("CacheBehaviors"));
    ensure(&mut config, none("CustomErrorResponses"));
    ensure(&mut config, Element::text("Comment", ""));
    let logging = [("Enabled", "false"), ("IncludeCookies", "false"), ("Bucket", ""), ("Prefix", "")];
    let logging = logging.iter().map(|(name, value)| Element::text(name, value)).collect();
    ensure(&mut config, Element::new("Logging", logging));
    ensure(&mut config, Element::text("PriceClass", "PriceClass_All"));
    complete_certificate(&mut config);
    let nowhere = vec![Element::text("RestrictionType", "none"), Element::text("Quantity", 0)];
    let restrictions = Element::new("Restrictions", vec![Element::new("GeoRestriction", nowhere)]);
    ensure(&mut config, restrictions);
    ensure(&mut config, Element::text("WebACLId", ""));
    ensure(&mut config, Element::text("HttpVersion", "http2"));
    ensure(&mut config, Element::text("IsIPV6Enabled", true));
    ensure(&mut config, Element::text("ContinuousDeploymentPolicyId", ""));
    ensure(&mut config, Element::text("Staging", false));
    if let Some(default) = child_mut(&mut config, "DefaultCacheBehavior") {
        complete_behavior(default);
    }
    for list in ["CacheBehaviors", "Origins"] {
        let items = child_mut(&mut config, list).and_then(|list| child_mut(list, "Items"));
        for item in items.map(|items| items.children.iter_mut()).into_iter().flatten() {
            if list == "Origins" { complete_origin(item) } else { complete_behavior(item) }
        }
    }
    config
}

fn complete_certificate(config: &mut Element) {
    let default = vec![
        Element::text("CloudFrontDefaultCertificate", true),
        Element::text("SSLSupportMethod", "vip"),
        Element::text("MinimumProtocolVersion", "TLSv1"),
        Element::text("CertificateSource", "cloudfront"),
    ];
    ensure(config, Element::new("ViewerCertificate", default));
    let Some(certificate) = child_mut(config, "ViewerCertificate") else { return };
    if let Some(arn) = certificate.text_at("ACMCertificateArn").map(str::to_owned) {
        ensure(certificate, Element::text("CloudFrontDefaultCertificate", false));
        ensure(certificate, Element::text("MinimumProtocolVersion", "TLSv1.2_2021"));
        ensure(certificate, Element::text("Certificate", arn));
        ensure(certificate, Element::text("CertificateSource", "acm"));
    }
}

fn complete_behavior(behavior: &mut Element) {
    ensure(behavior, disabled("TrustedSigners"));
    ensure(behavior, disabled("TrustedKeyGroups"));
    let methods = |name: &str, more: Vec<Element>| {
        let mut children =
            vec![Element::text("Quantity", 2), Element::texts("Items", "Method", ["HEAD", "GET"])];
        children.extend(more);
        Element::new(name, children)
    };
    ensure(behavior, methods("AllowedMethods", vec![methods("CachedMethods", Vec::new())]));
    if let Some(allowed) = child_mut(behavior, "AllowedMethods") {
        ensure(allowed, methods("CachedMethods", Vec::new()));
    }
    ensure(behavior, Element::text("SmoothStreaming", false));
    ensure(behavior, Element::text("Compress", false));
    ensure(behavior, none("LambdaFunctionAssociations"));
    ensure(behavior, none("FunctionAssociations"));
    ensure(behavior, Element::text("FieldLevelEncryptionId", ""));
    ensure(behavior, Element::new("GrpcConfig", vec![Element::text("Enabled", false)]));
}

fn complete_origin(origin: &mut Element) {
    ensure(origin, Element::text("OriginPath", ""));
    ensure(origin, none("CustomHeaders"));
    if let Some(custom) = child_mut(origin, "CustomOriginConfig") {
        let protocols = ["TLSv1", "TLSv1.1", "TLSv1.2"];
        let protocols = vec![Element::text("Quantity", 3), Element::texts("Items", "SslProtocol", protocols)];
        ensure(custom, Element::new("OriginSslProtocols", protocols));
        ensure(custom, Element::text("OriginReadTimeout", 30));
        ensure(custom, Element::text("OriginKeepaliveTimeout", 5));
    }
    ensure(origin, Element::text("ConnectionAttempts", 3));
    ensure(origin, Element::text("ConnectionTimeout", 10));
    ensure(origin, Element::new("OriginShield", vec![Element::text("Enabled", false)]));
    ensure(origin, Element::text("OriginAccessControlId", ""));
}
