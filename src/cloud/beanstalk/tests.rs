//! The attributes of an environment, to option settings and back, and the decisions of its driver.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use indexmap::IndexMap;
use serde_json::json;
use std::path::PathBuf;

use super::options::{self, Options};
use super::{Deployment, Environment, Swap, Version, balancer, raw};
use crate::cloud::testing::{attrs, change, seen, want};
use crate::cloud::{Driver, Next, Observed, Present, State, Want};
use crate::eval::{Attrs, Inputs, Secret, Secrets, Value, evaluate};
use crate::plan::{Change, diff};
use crate::schema::Kind;

/// Everything that an environment can say.
const FULL: &str = r#"
  application = "shop-app"
  description = "the shop"
  platform = "Tomcat 10 with Corretto 21"
  cname_prefix = "shop-web"
  instance_type = "t3.small"
  instances = 2..6
  key_pair = "ops"
  instance_profile = "web-profile"
  service_role = "web-role"
  image = "ami-0a1b2c3d"
  vpc = main
  subnets = ["subnet-0000000a", "subnet-0000000b"]
  load_balancer_subnets = ["subnet-0000000c", "subnet-0000000d"]
  security_groups = [extra]
  deployment = rolling(batch: 50%)
  command_timeout = 15m
  variables = { DB = "db.internal", POOL = 5, PASSWORD = pw }
  health_reporting = "enhanced"
  stream_logs = true
  log_retention = 30d
  options = { "aws:autoscaling:asg" = { Cooldown = 120 }, "aws:autoscaling:updatepolicy:rollingupdate" = { PauseTime = 5m }, "aws:autoscaling:trigger" = { MeasureName = "Latency", Unit = "Seconds", LowerThreshold = 1, UpperThreshold = 2 }, "aws:elbv2:loadbalancer" = { SecurityGroups = ["sg-0000000b", "sg-0000000a"] } }
  scheme = "internal"
  idle_timeout = 2m
  access_logs = to(bucket: logs, prefix: "web")
  process default { port = 8080, health_path = "/login", health_status = 204, health_interval = 30s, health_timeout = 10s, sticky_for = 1d, deregistration_delay = 60s }
  process admin { port = 9090, protocol = https }
  listener 443 https { certificate = site, forward = default, ssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06" }
  listener 8443 https { certificate = site, forward = admin }
  listener 80 http { redirect = https }
  rule pages { paths = ["/a/*", "/b"], forward = admin }
  rule hosts { hosts = ["admin.example.com"], forward = admin, priority = 1, ports = [443] }
"#;

/// An environment as `check` and `eval` give it, beside what it refers to.
fn environment(body: &str) -> (Want, Kind) {
    let text = format!(
        "pipeline shop {{ region = \"us-east-1\" }}\nsecret pw = env(\"PW\")\nsecret key = env(\"KEY\")\n\
         existing vpc main {{ default = true }}\nsecurity_group extra {{ vpc = main }}\nbucket logs {{}}\n\
         application app {{ name = \"shop-app\" }}\n\
         certificate site {{ domain = \"shop.example.com\", validation = dns(provider: godaddy(key: key, secret: pw)) }}\n\
         environment web {{\n{}\n}}\n",
        body.replace("application = \"shop-app\"", "application = app")
    );
    let checked = crate::check::check_text("shop.vpipe", &text, PathBuf::from("."));
    let program = checked.program.unwrap();
    let given = [("PW", "hunter2-hunter2"), ("KEY", "key")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let inputs = Inputs {
        stage: None,
        set: IndexMap::new(),
        secrets: Secrets::Given(given.into_iter().collect()),
        stored: Default::default(),
    };
    let evaluated = evaluate(&program, &inputs);
    let errors: Vec<String> =
        checked.diagnostics.iter().chain(&evaluated.diagnostics).map(|d| format!("{d:?}")).collect();
    let manifest = evaluated.manifest.unwrap_or_else(|| panic!("{errors:#?}"));
    let subnets = Value::from(vec!["subnet-00000001", "subnet-00000002"]);
    let refs = [
        ("main", attrs([("id", Value::from("vpc-0a1b2c3d")), ("subnets", subnets)])),
        ("logs", attrs([("name", Value::from("shop-logs"))])),
        ("extra", attrs([("id", Value::from("sg-0000000e"))])),
        ("app", attrs([("name", Value::from("shop-app"))])),
        ("site", attrs([("arn", Value::from("arn:aws:acm:us-east-1:123456789012:certificate/1"))])),
    ];
    let node = manifest.nodes.get("web").unwrap();
    let mut attrs = node.attrs.clone();
    attrs.retain(|name, _| !["timeout", "protect"].contains(&name.as_str()));
    let want = Want {
        attrs,
        refs: IndexMap::from(refs.map(|(id, outputs)| (id.to_owned(), outputs))),
        ..want("environment", &node.name)
    };
    (want, program.schema.kind("environment").unwrap().clone())
}

/// What an environment has after it was made, or updated from what it had.
fn applied(before: Option<(&Options, &Attrs)>, want: &Want) -> Options {
    let wanted = options::wanted(want);
    let mut after = Options::default();
    if let Some((options, seen)) = before {
        let mut gone = options::leftover(&options::of_balancer(options), seen, &wanted);
        gone.extend(raw::leftover(options, want));
        let stays = |ns: &str, name: &str| !gone.iter().any(|(n, o)| n == ns && o == name);
        options
            .iter()
            .filter(|(ns, name, _)| stays(ns, name))
            .for_each(|(ns, name, v)| after.set(ns, name, v));
    }
    wanted.iter().for_each(|(ns, name, value)| after.set(ns, name, value));
    after
}

/// What can be read of an environment with these options, as its driver reads it, redirects and all.
fn read(options: &Options, want: &Want, redirecting: &[i64]) -> Attrs {
    // Beanstalk's own group stands among the user's.
    let mut options = options.clone();
    let groups = options
        .get(options::LAUNCH, "SecurityGroups")
        .map(|groups| format!("{groups},awseb-e-1-AWSEBSecurityGroup-1"));
    options.set(options::LAUNCH, "SecurityGroups", groups.unwrap_or_else(|| "sg-000000eb".to_owned()));
    let mut attrs = options::read(&options, want, &["sg-000000eb".to_owned()]);
    balancer::redirects(&mut attrs, redirecting);
    attrs
}

fn differing(kind: &Kind, want: &Want, seen: &Attrs) -> Vec<Change> {
    diff(kind, &options::desired(want), seen, &[])
}

fn names(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.attribute.as_str()).collect()
}

#[test]
fn every_attribute_reads_back_as_it_was_written() {
    for body in [FULL, "application = \"shop-app\"\nplatform = \"Tomcat 10 with Corretto 21\""] {
        let (want, kind) = environment(body);
        let options = applied(None, &want);
        let redirecting: &[i64] = if body == FULL { &[80] } else { &[] };
        let seen = read(&options, &want, redirecting);
        assert_eq!(names(&differing(&kind, &want, &seen)), Vec::<&str>::new());
        let told =
            ["name", "application", "description", "platform", "cname_prefix", "tags", "log_retention"];
        let silent: Vec<&String> = options::desired(&want)
            .keys()
            .filter(|name| !seen.contains_key(*name) && !told.contains(&name.as_str()))
            .map(|name| {
                kind.attributes.get_key_value(name).map_or_else(|| panic!("{name}"), |(name, _)| name)
            })
            .filter(|name| {
                body == FULL || !["vpc", "subnets", "load_balancer_subnets"].contains(&name.as_str())
            })
            .collect();
        assert_eq!(silent, Vec::<&String>::new(), "written, but never read");
    }
}

#[test]
fn the_options_are_those_of_the_developer_guide() {
    let (want, _) = environment(FULL);
    let options = options::wanted(&want);
    let process = "aws:elasticbeanstalk:environment:process:default";
    for (namespace, name, value) in [
        ("aws:ec2:instances", "InstanceTypes", "t3.small"),
        ("aws:autoscaling:asg", "MinSize", "2"),
        ("aws:autoscaling:asg", "MaxSize", "6"),
        ("aws:autoscaling:launchconfiguration", "EC2KeyName", "ops"),
        ("aws:autoscaling:launchconfiguration", "IamInstanceProfile", "web-profile"),
        ("aws:autoscaling:launchconfiguration", "ImageId", "ami-0a1b2c3d"),
        ("aws:autoscaling:launchconfiguration", "SecurityGroups", "sg-0000000e"),
        ("aws:elasticbeanstalk:environment", "ServiceRole", "web-role"),
        ("aws:ec2:vpc", "VPCId", "vpc-0a1b2c3d"),
        ("aws:ec2:vpc", "Subnets", "subnet-0000000a,subnet-0000000b"),
        ("aws:ec2:vpc", "ELBSubnets", "subnet-0000000c,subnet-0000000d"),
        ("aws:ec2:vpc", "AssociatePublicIpAddress", "false"),
        ("aws:elasticbeanstalk:command", "DeploymentPolicy", "Rolling"),
        ("aws:elasticbeanstalk:command", "BatchSizeType", "Percentage"),
        ("aws:elasticbeanstalk:command", "BatchSize", "50"),
        ("aws:elasticbeanstalk:command", "Timeout", "900"),
        ("aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateType", "Health"),
        ("aws:elasticbeanstalk:application:environment", "POOL", "5"),
        ("aws:elasticbeanstalk:application:environment", "PASSWORD", "hunter2-hunter2"),
        ("aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"),
        ("aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs", "true"),
        ("aws:elasticbeanstalk:cloudwatch:logs", "RetentionInDays", "30"),
        ("aws:autoscaling:asg", "Cooldown", "120"),
        ("aws:autoscaling:updatepolicy:rollingupdate", "PauseTime", "PT5M"),
        ("aws:ec2:vpc", "ELBScheme", "internal"),
        ("aws:elbv2:loadbalancer", "SecurityGroups", "sg-0000000b,sg-0000000a"),
        ("aws:elbv2:loadbalancer", "IdleTimeout", "120"),
        ("aws:elbv2:loadbalancer", "AccessLogsS3Enabled", "true"),
        ("aws:elbv2:loadbalancer", "AccessLogsS3Bucket", "shop-logs"),
        ("aws:elbv2:loadbalancer", "AccessLogsS3Prefix", "web"),
        ("aws:elbv2:listener:443", "SSLPolicy", "ELBSecurityPolicy-TLS13-1-2-2021-06"),
        ("aws:elbv2:listener:443", "Rules", "hosts,pages"),
        ("aws:elbv2:listener:8443", "Rules", "pages"),
        ("aws:elbv2:listenerrule:pages", "PathPatterns", "/a/*,/b"),
        ("aws:elbv2:listenerrule:pages", "Priority", "2"),
        ("aws:elbv2:listenerrule:pages", "Process", "admin"),
        ("aws:elbv2:listenerrule:hosts", "HostHeaders", "admin.example.com"),
        ("aws:elbv2:listenerrule:hosts", "Priority", "1"),
        (process, "Port", "8080"),
        (process, "Protocol", "HTTP"),
        (process, "HealthCheckPath", "/login"),
        (process, "MatcherHTTPCode", "204"),
        (process, "HealthCheckInterval", "30"),
        (process, "HealthCheckTimeout", "10"),
        (process, "DeregistrationDelay", "60"),
        (process, "StickinessEnabled", "true"),
        (process, "StickinessLBCookieDuration", "86400"),
        ("aws:elasticbeanstalk:environment:process:admin", "StickinessEnabled", "false"),
        ("aws:elbv2:listener:443", "Protocol", "HTTPS"),
        ("aws:elbv2:listener:443", "SSLCertificateArns", "arn:aws:acm:us-east-1:123456789012:certificate/1"),
        ("aws:elbv2:listener:8443", "DefaultProcess", "admin"),
        ("aws:elbv2:listener:default", "Protocol", "HTTP"),
    ] {
        assert_eq!(options.get(namespace, name), Some(value), "{namespace} {name}");
    }
    let creation = options::at_creation(&want);
    assert_eq!(creation.get("aws:elasticbeanstalk:environment", "LoadBalancerType"), Some("application"));
}

#[test]
fn each_change_is_seen_written_and_then_seen_no_more() {
    let (old, kind) = environment(FULL);
    let options = applied(None, &old);
    for (from, to, expected) in [
        ("t3.small", "t3.large", "instance_type"),
        ("2..6", "3..6", "instances"),
        ("key_pair = \"ops\"", "key_pair = \"dev\"", "key_pair"),
        ("key_pair = \"ops\"", "", "key_pair"),
        ("web-profile", "other-profile", "instance_profile"),
        ("web-role", "other-role", "service_role"),
        ("ami-0a1b2c3d", "ami-0a1b2c3e", "image"),
        ("image = \"ami-0a1b2c3d\"", "", "image"),
        ("subnet-0000000b", "subnet-0000000f", "subnets"),
        ("subnet-0000000d", "subnet-0000000f", "load_balancer_subnets"),
        ("security_groups = [extra]", "", "security_groups"),
        ("rolling(batch: 50%)", "rolling(batch: 2)", "deployment"),
        ("rolling(batch: 50%)", "rolling_with_additional_batch(batch: 50%)", "deployment"),
        ("rolling(batch: 50%)", "immutable", "deployment"),
        ("rolling(batch: 50%)", "all_at_once", "deployment"),
        ("rolling(batch: 50%)", "traffic_splitting(new_version: 20%, evaluation: 10m)", "deployment"),
        ("command_timeout = 15m", "", "command_timeout"),
        ("POOL = 5", "POOL = 6", "variables"),
        ("POOL = 5, ", "", "variables"),
        ("PASSWORD = pw", "PASSWORD = pw, MORE = \"x\"", "variables"),
        ("\"enhanced\"", "\"basic\"", "health_reporting"),
        ("stream_logs = true", "stream_logs = false", "stream_logs"),
        ("30d", "60d", "log_retention"),
        ("Cooldown = 120", "Cooldown = 180", "options"),
        ("PauseTime = 5m", "PauseTime = 5m, MaxBatchSize = 1", "options"),
        ("\"sg-0000000a\"", "\"sg-0000000c\"", "options"),
        ("scheme = \"internal\"", "", "scheme"),
        ("idle_timeout = 2m", "", "idle_timeout"),
        ("access_logs = to(bucket: logs, prefix: \"web\")", "access_logs = off", "access_logs"),
        ("bucket: logs, prefix: \"web\"", "bucket: logs", "access_logs"),
        (", ssl_policy = \"ELBSecurityPolicy-TLS13-1-2-2021-06\"", "", "listener[443].ssl_policy"),
        ("[\"/a/*\", \"/b\"]", "[\"/a/*\"]", "rule[pages].paths"),
        ("hosts = [\"admin.example.com\"]", "paths = [\"/c\"]", "rule[hosts].hosts"),
        ("forward = admin, priority = 1", "forward = default, priority = 1", "rule[hosts].forward"),
        ("priority = 1, ports = [443]", "priority = 7, ports = [443]", "rule[hosts].priority"),
        ("priority = 1, ports = [443]", "priority = 1", "rule[hosts].ports"),
        ("  rule pages { paths = [\"/a/*\", \"/b\"], forward = admin }\n", "", "rule[pages]"),
        ("port = 8080", "port = 8081", "process[default].port"),
        ("/login", "/health", "process[default].health_path"),
        ("health_status = 204", "health_status = 200", "process[default].health_status"),
        ("health_interval = 30s", "health_interval = 40s", "process[default].health_interval"),
        ("health_timeout = 10s", "health_timeout = 11s", "process[default].health_timeout"),
        ("sticky_for = 1d, ", "", "process[default].sticky_for"),
        ("deregistration_delay = 60s", "deregistration_delay = 0s", "process[default].deregistration_delay"),
        ("port = 9090, protocol = https", "port = 9090", "process[admin].protocol"),
        (
            "8443 https { certificate = site, forward = admin",
            "8443 https { certificate = site",
            "listener[8443].forward",
        ),
        ("  listener 8443 https { certificate = site, forward = admin }\n", "", "listener[8443]"),
        ("8443 https { certificate = site, forward", "8443 http { forward", "listener[8443].protocol"),
    ] {
        assert!(FULL.contains(from), "{from}");
        let (new, _) = environment(&FULL.replace(from, to));
        let seen = read(&options, &new, &[80]);
        let changes = differing(&kind, &new, &seen);
        assert!(names(&changes).contains(&expected), "{from} → {to}: {:?}", names(&changes));
        let all_expected = |change: &&str| {
            // What goes with it.
            let with = match expected {
                "listener[8443].protocol" => "listener[8443].certificate",
                "listener[8443]" => "rule[pages].ports",
                "rule[hosts].hosts" => "rule[hosts].paths",
                "rule[hosts].priority" => "rule[pages].priority",
                _ => expected,
            };
            [with, expected].contains(change)
        };
        assert!(names(&changes).iter().all(all_expected), "{from} → {to}: {:?}", names(&changes));
        let after = read(&applied(Some((&options, &seen)), &new), &new, &[80]);
        assert_eq!(names(&differing(&kind, &new, &after)), Vec::<&str>::new(), "{from} → {to}");
    }
}

#[test]
fn whole_blocks_come_and_go() {
    let (old, kind) = environment(FULL);
    let options = applied(None, &old);
    let less = FULL
        .replace("  process admin { port = 9090, protocol = https }\n", "")
        .replace("  listener 8443 https { certificate = site, forward = admin }\n", "")
        .replace("  listener 80 http { redirect = https }\n", "")
        .replace("forward = admin", "forward = default");
    let (new, _) = environment(&less);
    let seen = read(&options, &new, &[80]);
    let mut changes = differing(&kind, &new, &seen);
    changes.sort_by(|a, b| a.attribute.cmp(&b.attribute));
    assert_eq!(
        names(&changes),
        [
            "listener[80]",
            "listener[8443]",
            "process[admin]",
            "rule[hosts].forward",
            "rule[pages].forward",
            "rule[pages].ports"
        ]
    );
    let after = applied(Some((&options, &seen)), &new);
    assert_eq!(after.get("aws:elbv2:listener:default", "ListenerEnabled"), Some("false"));
    assert_eq!(names(&differing(&kind, &new, &read(&after, &new, &[]))), Vec::<&str>::new());
    // And back again.
    let seen = read(&after, &old, &[]);
    assert_eq!(differing(&kind, &old, &seen).len(), 6);
    let back = applied(Some((&after, &seen)), &old);
    assert_eq!(names(&differing(&kind, &old, &read(&back, &old, &[80]))), Vec::<&str>::new());
}

#[test]
fn without_blocks_port_80_is_forwarded_and_changes_by_hand_are_seen() {
    let (want, kind) = environment("application = \"shop-app\"\nplatform = \"Corretto 21\"");
    let mut options = applied(None, &want);
    assert_eq!(options.get("aws:elbv2:listener:default", "ListenerEnabled"), Some("true"));
    options.set("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/by-hand");
    options.set("aws:elbv2:listener:81", "Protocol", "HTTP");
    options.set("aws:elasticbeanstalk:application:environment", "BY_HAND", "x");
    options.set("aws:elasticbeanstalk:application:environment", "JDBC_CONNECTION_STRING", "");
    options.set("aws:autoscaling:trigger", "MeasureName", "CPUUtilization");
    let seen = read(&options, &want, &[80]);
    let changes = differing(&kind, &want, &seen);
    let expected = ["variables", "process[default].health_path", "listener[80].redirect", "listener[81]"];
    assert_eq!(names(&changes), expected);
    let after = applied(Some((&options, &seen)), &want);
    assert_eq!(names(&differing(&kind, &want, &read(&after, &want, &[]))), Vec::<&str>::new());
    assert_eq!(after.get("aws:autoscaling:trigger", "MeasureName"), Some("CPUUtilization"));
}

#[test]
fn raw_options_that_the_file_set_are_taken_away_and_those_of_others_stay() {
    let (old, kind) = environment(FULL);
    let mut options = applied(None, &old);
    options.set("aws:autoscaling:trigger", "Period", "1");
    // In another order, and with the defaults of the rest.
    options.set("aws:elbv2:loadbalancer", "SecurityGroups", "sg-0000000a,sg-0000000b");
    assert_eq!(names(&differing(&kind, &old, &read(&options, &old, &[80]))), Vec::<&str>::new());

    let less = FULL.replace("\"aws:autoscaling:asg\" = { Cooldown = 120 }, ", "");
    let (new, _) = environment(&less);
    // Nothing says that it was the file that set it.
    assert_eq!(names(&differing(&kind, &new, &read(&options, &new, &[80]))), Vec::<&str>::new());
    let mut new = Want { applied: vec![old.attrs.clone()], ..new };
    let seen = read(&options, &new, &[80]);
    let changes = differing(&kind, &new, &seen);
    assert_eq!(names(&changes), ["options"]);
    let after = applied(Some((&options, &seen)), &new);
    assert_eq!(after.get("aws:autoscaling:asg", "Cooldown"), None);
    assert_eq!(after.get("aws:autoscaling:trigger", "Period"), Some("1"));
    // Beanstalk tells its default then.
    let mut told = after.clone();
    told.set("aws:autoscaling:asg", "Cooldown", "360");
    assert_eq!(names(&differing(&kind, &new, &read(&told, &new, &[80]))), Vec::<&str>::new());
    // A default that nobody knows beforehand is no reason to go on for ever.
    new.acted = true;
    told.set("aws:autoscaling:asg", "Cooldown", "300");
    assert_eq!(names(&differing(&kind, &new, &read(&told, &new, &[80]))), Vec::<&str>::new());
}

#[test]
fn values_that_beanstalk_rounds_do_not_differ_for_ever() {
    let body = FULL
        .replace("batch: 50%", "batch: 12.5%")
        .replace("command_timeout = 15m", "command_timeout = 90500ms")
        .replace("sticky_for = 1d", "sticky_for = 1500ms");
    let (want, kind) = environment(&body);
    let options = applied(None, &want);
    assert_eq!(options.get("aws:elasticbeanstalk:command", "BatchSize"), Some("13"));
    assert_eq!(names(&differing(&kind, &want, &read(&options, &want, &[80]))), Vec::<&str>::new());
}

#[test]
fn a_vpc_alone_means_all_of_its_subnets() {
    let body = "application = \"shop-app\"\nplatform = \"Corretto 21\"\nvpc = main";
    let (want, kind) = environment(body);
    let options = applied(None, &want);
    assert_eq!(options.get("aws:ec2:vpc", "ELBSubnets"), Some("subnet-00000001,subnet-00000002"));
    assert_eq!(options.get("aws:ec2:vpc", "AssociatePublicIpAddress"), Some("true"));
    assert_eq!(names(&differing(&kind, &want, &read(&options, &want, &[]))), Vec::<&str>::new());
}

#[test]
fn no_secret_can_be_seen_in_what_was_read() {
    let (want, kind) = environment(FULL);
    let mut options = applied(None, &want);
    let name = "aws:elasticbeanstalk:application:environment";
    options.set(name, "PASSWORD", "an-old-secret");
    options.set(name, "DB", "was-a-secret");
    options.set(name, "GONE", "also-a-secret");
    let seen = read(&options, &want, &[80]);
    let changes = differing(&kind, &want, &seen);
    assert_eq!(names(&changes), ["variables"]);
    let told = format!(
        "{:?}",
        changes.iter().map(|c| crate::eval::show(c.before.as_ref().unwrap())).collect::<Vec<_>>()
    );
    assert!(!told.contains("secret"), "{told}");
    assert!(!serde_json::to_string(&seen).unwrap().contains("secret\""), "{seen:?}");
    // Of a secret that the journal named, nothing can be said.
    let mut blind = want.clone();
    let variables = attrs([("PASSWORD", Value::Secret(Secret::new("pw", "")))]);
    blind.attrs.insert("variables".to_owned(), Value::Map(variables));
    let seen = read(&options, &blind, &[80]);
    assert!(seen["variables"].fields().unwrap().contains_key("PASSWORD"));
}

fn web(state: State, detail: serde_json::Value) -> Observed {
    seen(Present { id: "e-1".to_owned(), state, detail, ..Present::default() })
}

fn called(next: Next) -> String {
    match next {
        Next::Call(op) => op.operation,
        Next::Wait { why, .. } => format!("wait: {why}"),
        Next::Done => "done".to_owned(),
        Next::Fail(why) => format!("fail: {why}"),
    }
}

#[test]
fn an_environment_is_made_awaited_updated_and_its_listener_turned() {
    let (want, _) = environment(FULL);
    let next = |seen: &Observed, changes: &[Change]| called(Environment.next(&want, seen, changes));
    // The bucket is opened for the logs first.
    assert_eq!(next(&Observed::Absent, &[]), "s3:PutBucketPolicy");
    let acted = Want { acted: true, ..want.clone() };
    let made = called(Environment.next(&acted, &Observed::Absent, &[]));
    assert_eq!(made, "elasticbeanstalk:CreateEnvironment");
    assert_eq!(next(&web(State::Busy("Launching".to_owned()), json!({})), &[]), "wait: Launching");
    let ready = web(State::Settled, json!({ "listeners": { "80": "arn:listener" } }));
    let size = change("instances", Value::None, Value::None);
    let redirect = change("listener[80].redirect", Value::None, Value::from("https"));
    assert_eq!(next(&ready, &[size, redirect.clone()]), "elasticbeanstalk:UpdateEnvironment");
    let Next::Call(op) = Environment.next(&want, &ready, std::slice::from_ref(&redirect)) else { panic!() };
    assert_eq!(op.operation, "elasticloadbalancing:ModifyListener");
    assert_eq!((&op.detail["listener"], &op.detail["redirect"]), (&json!("arn:listener"), &json!(true)));
    let off = change("listener[80].redirect", Value::from("https"), Value::None);
    let Next::Call(op) = Environment.next(&want, &ready, &[off]) else { panic!() };
    assert_eq!((&op.detail["redirect"], &op.detail["process_port"]), (&json!(false), &json!(8080)));
    let no_listener = web(State::Settled, json!({}));
    assert!(next(&no_listener, &[redirect]).starts_with("wait: the load balancer's listener on port 80"));
    assert_eq!(next(&ready, &[]), "done");
}

#[test]
fn a_launch_that_failed_is_told_and_mended_by_the_next_run() {
    let (mut want, _) = environment(FULL);
    let failed = web(State::Failed("Environment must have instance profile.".to_owned()), json!({}));
    assert_eq!(called(Environment.next(&want, &failed, &[])), "elasticbeanstalk:TerminateEnvironment");
    want.acted = true;
    let told = called(Environment.next(&want, &failed, &[]));
    assert!(told.starts_with("fail: the environment could not be launched: Environment must have"), "{told}");
}

#[test]
fn an_update_that_failed_is_told_and_tried_again_by_the_next_run() {
    let (mut want, _) = environment(FULL);
    let failed = web(State::Settled, json!({ "failure": "Failed to deploy configuration." }));
    let size = [change("instances", Value::None, Value::None)];
    assert_eq!(called(Environment.next(&want, &failed, &size)), "elasticbeanstalk:UpdateEnvironment");
    want.acted = true;
    assert!(called(Environment.next(&want, &failed, &size)).contains("Failed to deploy configuration."));
    // What failed has nothing to do with what is wanted now.
    assert_eq!(called(Environment.next(&want, &failed, &[])), "done");
}

#[test]
fn an_environment_is_terminated_when_it_is_ready() {
    let (mut want, _) = environment(FULL);
    let delete = |want: &Want, seen: &Observed| called(Environment.next_delete(want, seen));
    assert_eq!(delete(&want, &web(State::Busy("Updating".to_owned()), json!({}))), "wait: Updating");
    let stuck = web(State::Settled, json!({ "failed_termination": "The group is in use." }));
    assert_eq!(delete(&want, &stuck), "elasticbeanstalk:TerminateEnvironment");
    want.acted = true;
    assert!(delete(&want, &stuck).contains("The group is in use."));
    assert_eq!(delete(&want, &Observed::Absent), "done");
}

#[test]
fn a_deployment_is_done_when_the_version_runs_everywhere() {
    let mut want = Want {
        attrs: attrs([("environment", Value::from("web")), ("label", Value::from("v2"))]),
        ..want("beanstalk.deployment", "web")
    };
    let runs = |label: &str, state: State, not_yet: Option<&str>| {
        let attrs = attrs([("label", Value::from(label))]);
        seen(Present { attrs, state, detail: json!({ "not_yet": not_yet }), ..Present::default() })
    };
    let update = "elasticbeanstalk:UpdateEnvironment";
    let next = |want: &Want, seen: &Observed| called(Deployment.next(want, seen, &[]));
    assert_eq!(next(&want, &runs("v1", State::Settled, None)), update);
    assert_eq!(next(&want, &runs("v1", State::Busy("Updating".to_owned()), None)), "wait: Updating");
    assert_eq!(next(&want, &runs("v2", State::Settled, Some("i-1 runs `v1`"))), "wait: i-1 runs `v1`");
    assert_eq!(next(&want, &runs("v2", State::Settled, None)), "done");
    let failed = runs("v1", State::Failed("Failed to deploy application.".to_owned()), None);
    assert_eq!(next(&want, &failed), update);
    want.acted = true;
    let told = next(&want, &failed);
    assert!(told.contains("Failed to deploy application.") && told.contains("runs `v1` now"), "{told}");
    assert!(next(&want, &Observed::Absent).starts_with("fail: there is no environment `web`"));
}

#[test]
fn a_swap_is_made_only_where_it_is_still_to_be_made() {
    let want = Want {
        attrs: attrs([
            ("a", Value::from("blue")),
            ("b", Value::from("green")),
            ("a_cname", Value::from("two.example")),
            ("b_cname", Value::from("one.example")),
        ]),
        ..want("beanstalk.swap", "blue/green")
    };
    let has = |a: &str, b: &str| {
        let attrs = attrs([("a_cname", Value::from(a)), ("b_cname", Value::from(b))]);
        called(Swap.next(&want, &seen(Present { attrs, ..Present::default() }), &[]))
    };
    assert_eq!(has("one.example", "two.example"), "elasticbeanstalk:SwapEnvironmentCNAMEs");
    assert_eq!(has("two.example", "one.example"), "done");
    assert!(has("three.example", "one.example").starts_with("fail: the CNAMEs are not those"));
}

#[test]
fn a_label_is_never_given_to_another_bundle() {
    let bundle = |key: &str| {
        attrs([
            ("application", Value::from("shop")),
            ("label", Value::from("v1")),
            ("bucket", Value::from("b")),
            ("key", Value::from(key)),
        ])
    };
    let mut want = Want { attrs: bundle("new.zip"), ..want("beanstalk.version", "v1") };
    let there = |key: &str, state: State| seen(Present { attrs: bundle(key), state, ..Present::default() });
    let next = |want: &Want, seen: &Observed| called(Version.next(want, seen, &[]));
    assert_eq!(next(&want, &there("new.zip", State::Settled)), "done");
    let told = next(&want, &there("old.zip", State::Settled));
    assert!(told.contains("s3://b/old.zip instead of s3://b/new.zip"), "{told}");
    let bad = there("new.zip", State::Failed("not a zip".to_owned()));
    assert_eq!(next(&want, &bad), "elasticbeanstalk:DeleteApplicationVersion");
    want.acted = true;
    assert!(next(&want, &bad).contains("not a zip"));
}
