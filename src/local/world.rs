//! A small world for tests: calls by their parameters, time that is turned, requests from the internet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use serde_json::{Value, json};

use super::beanstalk::{App, zip_of};
use super::elbv2::{Health, health};
use super::service::Service;
use super::testing::START;
use super::{ACCOUNT, Call, Cx, Element, Fault, Reply, Request, Response, State, dataplane};

pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) now: i64,
    calls: u64,
}

/// What the internet sees: status, version, and the rest.
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) version: String,
    pub(crate) instance: String,
    pub(crate) response: Response,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// How an environment serves at an instant: instances in service by version, those out of service, and all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Serving {
    pub(crate) second: i64,
    pub(crate) old: usize,
    pub(crate) new: usize,
    pub(crate) total: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { state: State::default(), now: START, calls: 0 }
    }

    /// Lets seconds pass.
    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now += seconds * 1_000;
        super::settle(&mut self.state, self.now);
    }

    pub(crate) fn call(&mut self, service: Service, call: &Call) -> Result<Reply, Fault> {
        super::settle(&mut self.state, self.now);
        self.calls += 1;
        let region = "us-east-1".to_owned();
        let request_id = format!("request-{}", self.calls);
        let cx = Cx { now: self.now, region, account: ACCOUNT.to_owned(), request_id };
        service.handle(&mut self.state, &cx, call)
    }

    /// A call by its parameters; the members of the answer in one element.
    pub(crate) fn run(&mut self, service: Service, operation: &str, params: Value) -> Result<Element, Fault> {
        let call = Call { operation: operation.to_owned(), params, ..Call::default() };
        let mut reply = self.call(service, &call)?;
        loop {
            match reply {
                Reply::With(_, _, inner) => reply = *inner,
                Reply::Xml(members) => return Ok(Element::new("Result", members)),
                Reply::Raw(_) => return Ok(Element::default()),
                Reply::Json(_) => panic!("JSON"),
            }
        }
    }

    pub(crate) fn eb(&mut self, operation: &str, params: Value) -> Element {
        self.run(Service::Beanstalk, operation, params)
            .unwrap_or_else(|fault| panic!("{operation}: {}", fault.message))
    }

    /// The refusal of a call.
    pub(crate) fn refused(&mut self, service: Service, operation: &str, params: Value) -> Fault {
        match self.run(service, operation, params) {
            Err(fault) => fault,
            Ok(_) => panic!("{operation} was not refused"),
        }
    }

    /// Puts a bundle of these files into S3 and makes a version of it.
    pub(crate) fn version(&mut self, label: &str, files: &[(&str, &str)]) {
        let body = zip_of(files);
        self.version_of(label, &body);
    }

    pub(crate) fn version_of(&mut self, label: &str, body: &[u8]) {
        let bucket = self.eb("CreateStorageLocation", json!({})).text_at("S3Bucket").unwrap().to_owned();
        let key = format!("{label}.war");
        let params = json!({"Bucket": bucket, "Key": key});
        let put = Call { operation: "PutObject".into(), params, body: body.to_vec(), ..Call::default() };
        self.call(Service::S3, &put).unwrap();
        let source = json!({"S3Bucket": bucket, "S3Key": key});
        self.eb(
            "CreateApplicationVersion",
            json!({"ApplicationName": "shop", "VersionLabel": label, "SourceBundle": source, "Process": "true"}),
        );
    }

    /// Launches the environment `webs` of the application `shop` and waits until it is ready.
    pub(crate) fn launch(&mut self, options: &[(&str, &str, &str)]) {
        self.eb("CreateApplication", json!({"ApplicationName": "shop"}));
        self.version("v1", &[("index.html", "one"), ("login.html", "login one")]);
        self.create("webs", Some("v1"), options);
        self.wait(300);
        assert_eq!(self.environment("Status"), "Ready");
        assert_eq!(self.environment("Health"), "Green");
    }

    pub(crate) fn create(
        &mut self,
        name: &str,
        version: Option<&str>,
        options: &[(&str, &str, &str)],
    ) -> Element {
        let mut params = json!({
            "ApplicationName": "shop", "EnvironmentName": name, "CNAMEPrefix": format!("shop-{name}"),
            "SolutionStackName": "64bit Amazon Linux 2023 v5.8.1 running Tomcat 10 Corretto 21",
            "OptionSettings": Self::options(options),
        });
        if let Some(label) = version {
            params["VersionLabel"] = json!(label);
        }
        self.eb("CreateEnvironment", params)
    }

    /// The usual options, and others.
    pub(crate) fn options(more: &[(&str, &str, &str)]) -> Value {
        let usual = [
            ("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
            ("aws:elasticbeanstalk:environment", "ServiceRole", "aws-elasticbeanstalk-service-role"),
            ("aws:autoscaling:launchconfiguration", "IamInstanceProfile", "aws-elasticbeanstalk-ec2-role"),
            ("aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"),
        ];
        let changed = |(namespace, name, _): &&(&str, &str, &str)| {
            !more.iter().any(|(n, o, _)| n == namespace && o == name)
        };
        Self::settings(&usual.iter().filter(changed).chain(more).copied().collect::<Vec<_>>())
    }

    pub(crate) fn settings(list: &[(&str, &str, &str)]) -> Value {
        list.iter().map(|(n, o, v)| json!({"Namespace": n, "OptionName": o, "Value": v})).collect()
    }

    /// Deploys a version to `webs`; gives the request's id.
    pub(crate) fn deploy(&mut self, label: &str) -> String {
        self.eb("UpdateEnvironment", json!({"EnvironmentName": "webs", "VersionLabel": label}));
        format!("request-{}", self.calls)
    }

    pub(crate) fn environment(&mut self, field: &str) -> String {
        self.environment_of("webs", field)
    }

    pub(crate) fn environment_of(&mut self, name: &str, field: &str) -> String {
        let found = self.eb("DescribeEnvironments", json!({"EnvironmentNames": [name]}));
        found.text_at(&format!("Environments/member/{field}")).unwrap_or_default().to_owned()
    }

    /// The messages of an operation's events, the oldest first.
    pub(crate) fn events(&mut self, request: &str) -> Vec<String> {
        let found = self.eb("DescribeEvents", json!({"RequestId": request}));
        let events = found.children_at("Events").iter().rev();
        events.filter_map(|event| event.text_at("Message").map(str::to_owned)).collect()
    }

    /// How `webs` serves from now on, each second until it is ready again.
    pub(crate) fn watch(&mut self, new: &str) -> Vec<Serving> {
        let mut seen = Vec::new();
        for second in 0..3_600 {
            seen.push(self.serving(new, second));
            if second > 0 && self.environment("Status") == "Ready" {
                return seen;
            }
            self.wait(1);
        }
        panic!("not ready within an hour");
    }

    pub(crate) fn serving(&self, new: &str, second: i64) -> Serving {
        let environment = self.state.beanstalk.environments.iter().find(|e| e.name == "webs").unwrap();
        let groups =
            environment.resources.target_groups.values().chain(environment.resources.split_groups.values());
        let groups: Vec<_> = groups.map(|arn| &self.state.elbv2.target_groups[arn]).collect();
        let in_service = |id: &str| {
            groups.iter().any(|group| {
                let mut targets = group.targets.iter().filter(|target| target.id == id);
                targets.any(|target| health(&self.state, group, target, self.now) == Health::Healthy)
            })
        };
        let count = |wanted: bool| {
            let serves =
                |app: &App| matches!(app, App::Running(label) if (label.as_deref() == Some(new)) == wanted);
            environment.present(self.now).filter(|i| serves(&i.app) && in_service(&i.id)).count()
        };
        Serving { second, old: count(false), new: count(true), total: environment.present(self.now).count() }
    }

    /// A request from the internet.
    pub(crate) fn get(&mut self, url: &str) -> Result<Seen, dataplane::Trouble> {
        self.ask(url, &[])
    }

    pub(crate) fn ask(&mut self, url: &str, headers: &[(&str, &str)]) -> Result<Seen, dataplane::Trouble> {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = Request {
            method: "GET".into(),
            host: host.to_owned(),
            https: scheme == "https",
            path: path.to_owned(),
            query: super::wire::decode_form(query),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body: Vec::new(),
        };
        let port = if request.https { 443 } else { 80 };
        let answer = dataplane::answer(&mut self.state, self.now, &request, port)?;
        let response = answer.response;
        let header = |name: &str| {
            let found = response.headers.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        Ok(Seen {
            status: response.status,
            version: header("x-vpipe-version"),
            instance: header("x-vpipe-instance"),
            response,
        })
    }

    /// A certificate that is issued, for these names.
    pub(crate) fn certificate(&mut self, region: &str, names: &[&str]) -> String {
        let arn = format!("arn:aws:acm:{region}:{ACCOUNT}:certificate/{}", self.state.uuid());
        let certificate = super::acm::Certificate {
            arn: arn.clone(),
            region: region.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            requested: self.now,
            token: None,
            by_dns: true,
            issued: Some(self.now),
            key_algorithm: "RSA_2048".into(),
            logged: true,
            tags: Default::default(),
            failure: None,
        };
        self.state.acm.certificates.insert(arn.clone(), certificate);
        arn
    }

    /// A record at GoDaddy that its name servers know at once.
    pub(crate) fn record(&mut self, host: &str, kind: &str, value: &str) {
        let domain = super::godaddy::registrable(host).unwrap();
        let record = super::godaddy::Record {
            kind: kind.into(),
            name: super::godaddy::relative(host, &domain),
            data: value.into(),
            ttl: 600,
            since: self.now,
            until: None,
        };
        self.state.godaddy.domains.entry(domain).or_default().push(record);
    }
}

/// A distribution's configuration: origin, its protocol, aliases, certificate, cache and request policies, viewers.
pub(crate) struct Config<'a> {
    pub(crate) reference: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) protocol: &'a str,
    pub(crate) aliases: &'a [&'a str],
    pub(crate) certificate: Option<&'a str>,
    pub(crate) caching: &'a str,
    pub(crate) requests: Option<&'a str>,
    pub(crate) viewers: &'a str,
    pub(crate) enabled: bool,
}

pub(crate) const OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";
pub(crate) const DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
pub(crate) const ALL_VIEWER: &str = "216adef6-5c7f-47e4-b989-5492eafa07d3";

impl Default for Config<'_> {
    fn default() -> Self {
        Self {
            reference: "r1",
            origin: "shop-webs.us-east-1.elasticbeanstalk.com",
            protocol: "http-only",
            aliases: &[],
            certificate: None,
            caching: OPTIMIZED,
            requests: None,
            viewers: "redirect-to-https",
            enabled: true,
        }
    }
}

impl Config<'_> {
    pub(crate) fn xml(&self) -> String {
        let aliases: String = self.aliases.iter().map(|alias| format!("<CNAME>{alias}</CNAME>")).collect();
        let certificate = match self.certificate {
            Some(arn) => format!(
                "<ViewerCertificate><ACMCertificateArn>{arn}</ACMCertificateArn><SSLSupportMethod>sni-only</SSLSupportMethod></ViewerCertificate>"
            ),
            None => String::new(),
        };
        let requests = self
            .requests
            .map(|id| format!("<OriginRequestPolicyId>{id}</OriginRequestPolicyId>"))
            .unwrap_or_default();
        format!(
            "<DistributionConfig xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><CallerReference>{}</CallerReference>\
             <Aliases><Quantity>{}</Quantity><Items>{aliases}</Items></Aliases>\
             <Origins><Quantity>1</Quantity><Items><Origin><Id>o</Id><DomainName>{}</DomainName><CustomOriginConfig>\
             <HTTPPort>80</HTTPPort><HTTPSPort>443</HTTPSPort><OriginProtocolPolicy>{}</OriginProtocolPolicy></CustomOriginConfig>\
             </Origin></Items></Origins><DefaultCacheBehavior><TargetOriginId>o</TargetOriginId>\
             <ViewerProtocolPolicy>{}</ViewerProtocolPolicy><CachePolicyId>{}</CachePolicyId>{requests}</DefaultCacheBehavior>\
             <Comment>c</Comment>{certificate}<Enabled>{}</Enabled></DistributionConfig>",
            self.reference,
            self.aliases.len(),
            self.origin,
            self.protocol,
            self.viewers,
            self.caching,
            self.enabled
        )
    }
}

impl World {
    /// A call of CloudFront; the root of the answer and its ETag.
    pub(crate) fn cf(
        &mut self,
        operation: &str,
        params: Value,
        etag: Option<&str>,
        body: &str,
    ) -> Result<(Element, String), Fault> {
        let headers = etag.map(|etag| ("if-match".to_owned(), etag.to_owned())).into_iter().collect();
        let call = Call {
            operation: operation.to_owned(),
            params,
            body: body.as_bytes().to_vec(),
            headers,
            page: None,
        };
        match self.call(Service::CloudFront, &call)? {
            Reply::With(_, headers, inner) => {
                let etag = headers.into_iter().find(|(name, _)| name == "etag").map(|(_, value)| value);
                let Reply::Xml(mut roots) = *inner else { panic!("no XML") };
                Ok((roots.remove(0), etag.unwrap_or_default()))
            }
            Reply::Xml(mut roots) => Ok((roots.remove(0), String::new())),
            _ => Ok((Element::default(), String::new())),
        }
    }

    /// Makes a distribution and waits for it; gives its id and domain.
    pub(crate) fn distribution(&mut self, config: &Config<'_>) -> (String, String) {
        let made = self.cf("CreateDistribution", json!({}), None, &config.xml());
        let (made, _) = made.unwrap_or_else(|fault| panic!("{}: {}", fault.code, fault.message));
        self.wait(300);
        let text = |path: &str| made.text_at(path).unwrap().to_owned();
        (text("Id"), text("DomainName"))
    }
}
