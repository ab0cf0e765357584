//! Requests from the internet, from the name to the instance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;

use super::{Trouble, connect};
use crate::local::service::Service;
use crate::local::world::{ALL_VIEWER, Config, DISABLED, World};

const LISTENER: &str = "aws:elbv2:listener:443";
const SITE: &str = "https://www.example.com/login";

/// An environment with HTTPS behind a distribution named `www.example.com`.
fn site(config: Config<'_>) -> (World, String, String) {
    let mut world = World::new();
    let certificate = world.certificate("us-east-1", &["example.com", "*.example.com"]);
    world.launch(&[
        (LISTENER, "Protocol", "HTTPS"),
        (LISTENER, "SSLCertificateArns", &certificate),
        ("aws:autoscaling:asg", "MinSize", "2"),
    ]);
    let config = Config { certificate: Some(&certificate), aliases: &["www.example.com"], ..config };
    let (id, domain) = world.distribution(&config);
    world.record("www.example.com", "CNAME", &domain);
    (world, id, domain)
}

#[test]
fn a_site_is_served_through_dns_edge_and_balancer() {
    let (mut world, _, domain) = site(Config::default());
    let seen = world.get(SITE).unwrap();
    assert_eq!((seen.status, seen.version.as_str()), (200, "v1"));
    assert_eq!(seen.response.body, b"login one");
    assert!(seen.header("via").unwrap().contains("(CloudFront)"));
    assert_eq!(seen.header("x-cache"), Some("Miss from cloudfront"));
    assert_eq!(world.get(SITE).unwrap().header("x-cache"), Some("Hit from cloudfront"));
    let plain = world.get("http://www.example.com/login?a=b").unwrap();
    assert_eq!((plain.status, plain.header("location")), (301, Some("https://www.example.com/login?a=b")));
    // Its own name works as well; a name that it does not know does not.
    assert_eq!(world.get(&format!("https://{domain}/login")).unwrap().status, 200);
    world.record("shop.example.com", "CNAME", &domain);
    assert!(matches!(world.get("https://shop.example.com/"), Err(Trouble::Tls(_, _))));
    assert_eq!(world.get("http://shop.example.com/").unwrap().status, 403);
    assert!(matches!(world.get("https://nobody.example.com/"), Err(Trouble::Dns(_))));
}

#[test]
fn the_edge_keeps_pages_until_they_are_invalidated() {
    let (mut world, id, _) = site(Config::default());
    assert_eq!(world.get(SITE).unwrap().version, "v1");
    world.version("v2", &[("index.html", "two"), ("login.html", "login two")]);
    world.deploy("v2");
    world.wait(120);
    let stale = world.get(SITE).unwrap();
    assert_eq!((stale.version.as_str(), stale.header("x-cache")), ("v1", Some("Hit from cloudfront")));
    let batch = "<InvalidationBatch><Paths><Quantity>1</Quantity><Items><Path>/*</Path></Items></Paths><CallerReference>x</CallerReference></InvalidationBatch>";
    world.cf("CreateInvalidation", json!({"DistributionId": id}), None, batch).unwrap();
    assert_eq!(world.get(SITE).unwrap().version, "v1");
    world.wait(60);
    let fresh = world.get(SITE).unwrap();
    assert_eq!((fresh.version.as_str(), fresh.header("x-cache")), ("v2", Some("Miss from cloudfront")));
    // What was stored after an invalidation stays.
    assert_eq!(world.get(SITE).unwrap().header("x-cache"), Some("Hit from cloudfront"));
    world.wait(86_400);
    assert_eq!(world.get(SITE).unwrap().header("x-cache"), Some("Miss from cloudfront"));
}

#[test]
fn without_caching_nothing_is_kept_and_cookies_pass() {
    let process = "aws:elasticbeanstalk:environment:process:default";
    let (mut world, _, _) = site(Config {
        caching: DISABLED,
        requests: Some(ALL_VIEWER),
        protocol: "https-only",
        ..Config::default()
    });
    let settings = World::settings(&[(process, "StickinessEnabled", "true")]);
    world.eb("UpdateEnvironment", json!({"EnvironmentName": "webs", "OptionSettings": settings}));
    world.wait(120);
    let first = world.get(SITE).unwrap();
    assert_eq!(world.get(SITE).unwrap().header("x-cache"), Some("Miss from cloudfront"));
    let cookie = first.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("AWSALB="));
    for _ in 0..5 {
        assert_eq!(world.ask(SITE, &[("cookie", &cookie)]).unwrap().instance, first.instance);
    }
    let others: Vec<String> = (0..4).map(|_| world.get(SITE).unwrap().instance).collect();
    assert!(others.iter().any(|id| *id != first.instance) && others.contains(&first.instance));
}

#[test]
fn the_origins_certificate_must_be_for_the_host_that_is_asked() {
    // The environment's own name is not on the certificate: without the viewer's host the edge gets nowhere.
    let (mut world, _, _) = site(Config { protocol: "match-viewer", ..Config::default() });
    let seen = world.get(SITE).unwrap();
    assert_eq!((seen.status, seen.header("x-cache")), (502, Some("Error from cloudfront")));
    let (mut world, _, _) =
        site(Config { protocol: "match-viewer", requests: Some(ALL_VIEWER), ..Config::default() });
    assert_eq!(world.get(SITE).unwrap().status, 200);
}

#[test]
fn a_change_reaches_the_edge_locations_later() {
    let (mut world, id, _) = site(Config { viewers: "allow-all", ..Config::default() });
    assert_eq!(world.get("http://www.example.com/login").unwrap().status, 200);
    let (config, etag) = world.cf("GetDistributionConfig", json!({"Id": id}), None, "").unwrap();
    let body = crate::local::wire::write_xml(&config).replace("allow-all", "https-only");
    world.cf("UpdateDistribution", json!({"Id": id}), Some(&etag), &body).unwrap();
    world.wait(10);
    assert_eq!(world.get("http://www.example.com/login").unwrap().status, 200);
    world.wait(300);
    assert_eq!(world.get("http://www.example.com/login").unwrap().status, 403);
}

#[test]
fn errors_of_the_origin_are_kept_for_ten_seconds() {
    let (mut world, _, _) = site(Config::default());
    assert_eq!(world.get("https://www.example.com/nope").unwrap().status, 404);
    world.version("v2", &[("index.html", "two"), ("nope.html", "there")]);
    world.deploy("v2");
    world.wait(120);
    assert_eq!(world.get("https://www.example.com/nope").unwrap().status, 200);
    world.eb("UpdateEnvironment", json!({"EnvironmentName": "webs", "VersionLabel": "v1"}));
    world.wait(50);
    let url = "https://www.example.com/never-asked-before";
    assert_eq!(world.get(url).unwrap().status, 502);
    world.wait(8);
    assert_eq!(world.get(url).unwrap().status, 502);
    world.wait(5);
    assert_eq!(world.get(url).unwrap().status, 404);
}

#[test]
fn route_53_leads_to_the_same_places() {
    let (mut world, _, domain) = site(Config::default());
    world.state.godaddy.domains.clear();
    let zone = world
        .run(Service::Route53, "CreateHostedZone", json!({"Name": "example.com", "CallerReference": "a"}))
        .unwrap();
    let id = zone.text_at("CreateHostedZoneResponse/HostedZone/Id").unwrap().to_owned();
    let alias = json!({"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": domain, "EvaluateTargetHealth": "false"});
    let set = json!({"Name": "www.example.com", "Type": "A", "AliasTarget": alias});
    let changes = json!([{"Action": "CREATE", "ResourceRecordSet": set}]);
    world
        .run(
            Service::Route53,
            "ChangeResourceRecordSets",
            json!({"Id": id, "ChangeBatch": {"Changes": changes}}),
        )
        .unwrap();
    assert!(matches!(world.get(SITE), Err(Trouble::Dns(_))));
    world.wait(30);
    assert_eq!(world.get(SITE).unwrap().status, 200);
}

#[test]
fn a_balancer_without_targets_says_so() {
    let mut world = World::new();
    world.launch(&[]);
    let url = "http://shop-webs.us-east-1.elasticbeanstalk.com/";
    let (group, ids) = {
        let environment = &world.state.beanstalk.environments[0];
        let ids: Vec<_> = environment.instances.iter().map(|i| json!({"Id": i.id})).collect();
        (environment.resources.target_groups["default"].clone(), ids)
    };
    world.run(Service::Elbv2, "DeregisterTargets", json!({"TargetGroupArn": group, "Targets": ids})).unwrap();
    assert_eq!(world.get(url).unwrap().status, 503);
    assert!(matches!(
        world.get("https://shop-webs.us-east-1.elasticbeanstalk.com/"),
        Err(Trouble::Timeout(_))
    ));
}

#[test]
fn tcp_reaches_what_listens() {
    let mut world = World::new();
    world.launch(&[]);
    let now = world.now;
    let host = "shop-webs.us-east-1.elasticbeanstalk.com";
    assert_eq!(connect(&mut world.state, now, host, 80), Ok(()));
    assert!(matches!(connect(&mut world.state, now, host, 3306), Err(Trouble::Timeout(_))));
    let database = |public: &str, id: &str| {
        json!({
            "DBInstanceIdentifier": id, "Engine": "mysql", "DBInstanceClass": "db.t3.micro", "MasterUsername": "admin",
            "MasterUserPassword": "sesame-open", "AllocatedStorage": "20", "PubliclyAccessible": public,
        })
    };
    for (public, id, open) in [("true", "open", true), ("false", "shut", false)] {
        world.run(Service::Rds, "CreateDBInstance", database(public, id)).unwrap();
        world.wait(1_200);
        let found =
            world.run(Service::Rds, "DescribeDBInstances", json!({"DBInstanceIdentifier": id})).unwrap();
        let host = found.text_at("DBInstances/DBInstance/Endpoint/Address").unwrap().to_owned();
        let now = world.now;
        assert_eq!(connect(&mut world.state, now, &host, 3306).is_ok(), open, "{id}");
        assert!(connect(&mut world.state, now, &host, 3307).is_err());
    }
    assert!(matches!(connect(&mut world.state, now, "nobody.example.com", 80), Err(Trouble::Dns(_))));
}
