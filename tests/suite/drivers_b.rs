//! Kinds of Beanstalk, ACM, DNS and CloudFront against the local cloud, through the SDK: made, unchanged on a second
//! look, changed in place, deleted; deployments and what becomes of those that fail.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::stack::{Stack, ok, set};
use aws_sdk_elasticbeanstalk::types::{ConfigurationOptionSetting, InstancesHealthAttribute};
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use vpipe::cloud::NetRequest;
use vpipe::plan::Action;
use vpipe::run::{Ended, apply, destroy};

const ZONE: &str = r#"
hosted_zone zone { domain = "example.com", comment = "the shop's" }
record site  { name = "example.com", type = "A", value = "192.0.2.1", ttl = 60s, provider = route53(zone: zone) }
record www   { name = "www.example.com", value = "example.com", provider = route53(zone: zone) }
record spf   { name = "example.com", type = "TXT", value = "v=spf1 \"-all\"", provider = route53(zone: zone) }
record any   { name = "*.example.com", type = "CNAME", value = "example.com", provider = route53(zone: zone) }
output servers = zone.name_servers
"#;

#[tokio::test(start_paused = true)]
async fn zones_and_records_at_route_53() {
    let mut stack = Stack::new("eu-west-1").await;
    let calls = stack.run(ZONE).await;
    assert!(
        calls.contains("zone route53:CreateHostedZone")
            && calls.contains("zone route53:ChangeTagsForResource")
    );
    let outcome = ok(apply(&stack.job(ZONE), false).await.unwrap());
    assert_eq!(outcome.outputs["servers"].items().len(), 4);

    let changed = ZONE
        .replace("192.0.2.1", "192.0.2.2")
        .replace("the shop's", "ours")
        .replace("value = \"example.com\", provider", "value = \"example.com\", ttl = 5m, provider");
    let change = "route53:ChangeResourceRecordSets";
    let expected = ["site", "www", "any"].map(|node| format!("{node} {change}"));
    let mut expected = set(&expected.each_ref().map(String::as_str));
    expected.insert("zone route53:UpdateHostedZoneComment".to_owned());
    assert_eq!(stack.run(&changed).await, expected);

    // With the journal lost, the zone is known by its tags and the records by being just as wanted.
    stack.forget();
    assert_eq!(stack.run(&changed).await, set(&[]));

    // What was changed by hand, and by nobody that the journal knows, is left alone.
    stack.forget();
    let wrong = changed.replace("192.0.2.2", "192.0.2.3");
    let said = stack.fail(&wrong).await;
    assert!(said.contains("site: DNS record `shop-site` exists already"), "{said}");

    // Another type means another record.
    let other =
        changed.replace("type = \"CNAME\", value = \"example.com\"", "type = \"A\", value = \"192.0.2.9\"");
    let planned = stack.plan(&other).await;
    assert!(planned.nodes.iter().any(|n| n.id == "any" && n.action == Action::Replace), "{planned:#?}");
    stack.run(&other).await;

    let calls = stack.destroy(&other).await;
    assert_eq!(calls.last().map(String::as_str), Some("zone route53:DeleteHostedZone"));
}

#[tokio::test(start_paused = true)]
async fn a_zone_with_somebody_elses_records_stays() {
    let stack = Stack::new("eu-west-1").await;
    let body = "hosted_zone zone { domain = \"example.com\" }";
    stack.run(body).await;
    let zones = stack.clients.route53.list_hosted_zones().send().await.unwrap();
    let record = ResourceRecordSet::builder().name("x.example.com").r#type(RrType::A).ttl(60);
    let record = record.resource_records(ResourceRecord::builder().value("192.0.2.1").build().unwrap());
    let change = Change::builder().action(ChangeAction::Create).resource_record_set(record.build().unwrap());
    let batch = ChangeBatch::builder().changes(change.build().unwrap()).build().unwrap();
    let request = stack.clients.route53.change_resource_record_sets().change_batch(batch);
    request.hosted_zone_id(zones.hosted_zones()[0].id()).send().await.unwrap();
    let outcome = destroy(&stack.job(body), false).await.unwrap();
    assert_eq!(outcome.result, Ended::Failed);
    assert!(
        outcome.errors[0].message.contains("still holds a record that vpipe did not make"),
        "{outcome:#?}"
    );
}

const GODADDY: &str = r#"
secret key = env("PW")
let dns: DnsProvider = godaddy(key: key, secret: pw)
record www { name = "www.shop.example.co.uk", value = "lb.example.net", provider = dns }
record txt { name = "example.co.uk", type = "TXT", value = "hello", ttl = 1h, provider = dns }
"#;

#[tokio::test(start_paused = true)]
async fn records_at_godaddy() {
    let stack = Stack::new("eu-west-1").await;
    assert_eq!(stack.run(GODADDY).await, set(&["www godaddy:PutRecords", "txt godaddy:PutRecords"]));
    let changed = GODADDY.replace("lb.example.net", "Other.example.net.").replace("1h", "2h");
    assert_eq!(stack.run(&changed).await, set(&["www godaddy:PutRecords", "txt godaddy:PutRecords"]));
    assert!(stack.try_job(&changed.replace("2h", "1m")).is_err());
    let apex = GODADDY.replace("type = \"TXT\", value = \"hello\", ttl = 1h", "value = \"lb.example.net\"");
    let said = stack.fail(&apex).await;
    assert!(said.contains("DNS allows no CNAME"), "{said}");
    stack.run(&changed).await;

    // A record that moves leaves nothing at the provider where it was.
    let zone = "hosted_zone zone { domain = \"example.co.uk\" }\n";
    let moved =
        zone.to_owned() + &changed.replace("2h, provider = dns", "2h, provider = route53(zone: zone)");
    let planned = stack.plan(&moved).await;
    assert!(planned.nodes.iter().any(|n| n.id == "txt" && n.action == Action::Replace), "{planned:#?}");
    let calls = stack.run(&moved).await;
    assert!(calls.is_superset(&set(&["txt godaddy:DeleteRecords", "txt route53:ChangeResourceRecordSets"])));
    assert!(!calls.iter().any(|call| call.starts_with("www ")), "{calls:?}");

    let mut calls = stack.destroy(&moved).await;
    calls.retain(|call| call.contains("godaddy"));
    assert_eq!(calls, ["www godaddy:DeleteRecords"]);
}

const CERTIFICATE: &str = r#"
hosted_zone zone { domain = "example.com" }
certificate site {
  domain = "example.com"
  alternative_names = ["*.example.com", "shop.example.com"]
  validation = dns(provider: route53(zone: zone))
}
certificate edge { domain = "example.com", validation = dns(provider: route53(zone: zone)), region = "us-east-1" }
output arn = edge.arn
"#;

#[tokio::test(start_paused = true)]
async fn certificates_are_proved_renewable_and_deleted() {
    let mut stack = Stack::new("eu-west-1").await;
    let calls = stack.run(CERTIFICATE).await;
    assert!(
        calls.is_superset(&set(&["site acm:RequestCertificate", "edge acm:RequestCertificate"])),
        "{calls:?}"
    );
    let outcome = ok(apply(&stack.job(CERTIFICATE), false).await.unwrap());
    assert!(outcome.outputs["arn"].as_str().unwrap().starts_with("arn:aws:acm:us-east-1:"), "{outcome:#?}");

    let tagged =
        CERTIFICATE.replace("region = \"us-east-1\"", "region = \"us-east-1\", tags = { team = \"a\" }");
    assert_eq!(stack.run(&tagged).await, set(&["edge acm:AddTagsToCertificate"]));
    assert_eq!(stack.run(CERTIFICATE).await, set(&["edge acm:RemoveTagsFromCertificate"]));
    stack.forget();
    assert_eq!(stack.run(CERTIFICATE).await, set(&[]));

    // Fewer names: another certificate.
    let fewer = CERTIFICATE.replace("\"*.example.com\", ", "");
    let planned = stack.plan(&fewer).await;
    assert!(planned.nodes.iter().any(|n| n.id == "site" && n.action == Action::Replace), "{planned:#?}");
    stack.run(&fewer).await;

    // The other certificate's record went with the old one, and came back.
    let looked_up = format!(
        "{fewer}\nexisting certificate found {{ domain = \"example.com\" }}\noutput found = found.arn"
    );
    let outcome = ok(apply(&stack.job(&looked_up), false).await.unwrap());
    assert!(outcome.outputs["found"].as_str().unwrap().starts_with("arn:aws:acm:eu-west-1:"));

    let calls = stack.destroy(&fewer).await;
    assert_eq!(calls.iter().filter(|call| call.ends_with("acm:DeleteCertificate")).count(), 2);
    assert_eq!(calls.last().map(String::as_str), Some("zone route53:DeleteHostedZone"));
}

const SHOP: &str = r#"
existing vpc main { default = true }
secret key = env("PW")
certificate site { domain = "shop.example.com", validation = dns(provider: godaddy(key: key, secret: pw)) }
security_group extra { vpc = main }
application shop { description = "a shop" }
environment web {
  application = shop
  platform = "Tomcat 10 with Corretto 21"
  cname_prefix = "shop-web"
  instance_type = "t3.small"
  instances = 4..6
  security_groups = [extra]
  deployment = rolling(batch: 50%)
  stream_logs = true
  process default { health_path = "/login", sticky_for = 1d }
  listener 443 https { certificate = site, forward = default }
  listener 80 http { redirect = https }
  variables = { DB = "db.internal", POOL = 5, PASSWORD = pw }
  tags = { team = "shop" }
}
output url = web.url
output endpoint = web.endpoint
output group = web.security_group
output balancer = web.load_balancer
output zone = web.zone_id
output id = web.id
"#;

#[tokio::test(start_paused = true)]
async fn environments() {
    let mut stack = Stack::new("us-east-1").await;
    let calls = stack.run(SHOP).await;
    let expected = [
        "shop elasticbeanstalk:CreateApplication",
        "web elasticbeanstalk:CreateEnvironment",
        "web elasticloadbalancing:ModifyListener",
    ];
    assert!(calls.is_superset(&set(&expected)), "{calls:?}");
    let outcome = ok(apply(&stack.job(SHOP), false).await.unwrap());
    let output = |name: &str| outcome.outputs[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(output("url"), "http://shop-web.us-east-1.elasticbeanstalk.com");
    assert!(output("endpoint").ends_with(".elb.amazonaws.com"), "{}", output("endpoint"));
    assert!(output("group").starts_with("sg-") && output("id").starts_with("e-"));
    assert!(
        output("balancer").starts_with("arn:aws:elasticloadbalancing:") && output("zone").starts_with('Z')
    );

    stack.forget();
    assert_eq!(
        stack.run(SHOP).await,
        set(&["web elasticbeanstalk:UpdateEnvironment"]),
        "the secret is unknown"
    );

    let update = "web elasticbeanstalk:UpdateEnvironment";
    let mut body = SHOP.to_owned();
    for (from, to, calls) in [
        ("a shop", "the shop", vec!["shop elasticbeanstalk:UpdateApplication"]),
        ("4..6", "3..6", vec![update]),
        ("t3.small", "t3.micro", vec![update]),
        ("rolling(batch: 50%)", "immutable", vec![update]),
        ("/login", "/health", vec![update]),
        ("POOL = 5", "POOL = 6", vec![update]),
        ("DB = \"db.internal\", ", "", vec![update]),
        ("team = \"shop\"", "team = \"web\"", vec!["web elasticbeanstalk:UpdateTagsForResource"]),
        ("redirect = https", "forward = default", vec!["web elasticloadbalancing:ModifyListener"]),
        (
            "forward = default }\n  variables",
            "redirect = https }\n  variables",
            vec!["web elasticloadbalancing:ModifyListener"],
        ),
        ("  security_groups = [extra]\n", "", vec![update]),
        ("stream_logs = true", "stream_logs = false", vec![update]),
        (", sticky_for = 1d", "", vec![update]),
        ("  listener 80 http { redirect = https }\n", "", vec![update]),
    ] {
        assert!(body.contains(from), "{from}");
        body = body.replace(from, to);
        assert_eq!(stack.run(&body).await, set(&calls), "{from} → {to}");
    }

    let planned = stack.plan(&body.replace("Corretto 21", "Corretto 17")).await;
    assert!(planned.nodes.iter().any(|n| n.id == "web" && n.action == Action::Replace), "{planned:#?}");
    let calls = stack.destroy(&body).await;
    let at = |call: &str| {
        calls.iter().position(|made| made == call).unwrap_or_else(|| panic!("{call}: {calls:?}"))
    };
    assert!(at("web elasticbeanstalk:TerminateEnvironment") < at("shop elasticbeanstalk:DeleteApplication"));
    assert!(at("web elasticbeanstalk:TerminateEnvironment") < at("site acm:DeleteCertificate"));
    let left = stack.clients.ec2.describe_security_groups().send().await.unwrap();
    let names: Vec<&str> = left.security_groups().iter().filter_map(|group| group.group_name()).collect();
    assert_eq!(names, ["default"]);
}

/// Everything that an environment can say.
const FULL: &str = r#"
existing vpc main { default = true }
existing key_pair ops { name = "ops" }
secret key = env("PW")
certificate site { domain = "shop.example.com", validation = dns(provider: godaddy(key: key, secret: pw)) }
security_group extra { vpc = main }
application shop {}
environment web {
  application = shop
  description = "the shop"
  platform = "Corretto 21"
  instance_type = "m5.large"
  instances = 2..3
  key_pair = ops
  instance_profile = "aws-elasticbeanstalk-ec2-role"
  service_role = "aws-elasticbeanstalk-service-role"
  image = "ami-0a1b2c3d"
  vpc = main
  subnets = main.subnets
  load_balancer_subnets = main.subnets
  security_groups = [extra]
  deployment = traffic_splitting(new_version: 25%, evaluation: 3m)
  command_timeout = 20m
  variables = { A = "1", B = 2, C = pw }
  health_reporting = "enhanced"
  stream_logs = true
  log_retention = 60d
  process default {
    port = 8080, health_path = "/up", health_status = 200, health_interval = 20s, health_timeout = 4s
    sticky_for = 12h, deregistration_delay = 30s
  }
  process admin { port = 9090, protocol = https }
  listener 443 https { certificate = site }
  listener 8443 https { certificate = site, forward = admin }
  listener 80 http { redirect = https }
}
"#;

#[tokio::test(start_paused = true)]
async fn everything_that_an_environment_can_say() {
    let stack = Stack::new("eu-west-1").await;
    stack.clients.ec2.create_key_pair().key_name("ops").send().await.unwrap();
    stack.run(FULL).await;
    let update = set(&["web elasticbeanstalk:UpdateEnvironment"]);
    let fewer = FULL.replace("  key_pair = ops\n", "").replace("  image = \"ami-0a1b2c3d\"\n", "").replace(
        "  process admin { port = 9090, protocol = https }\n  listener 443 https { certificate = site }\n  \
         listener 8443 https { certificate = site, forward = admin }\n",
        "  listener 443 https { certificate = site }\n",
    );
    assert!(!fewer.contains("admin"), "{fewer}");
    assert_eq!(stack.run(&fewer).await, update);
    assert_eq!(stack.run(FULL).await, update);
    let basic = FULL.replace("\"enhanced\"", "\"basic\"");
    let basic = basic.replace("traffic_splitting(new_version: 25%, evaluation: 3m)", "rolling(batch: 1)");
    assert_eq!(stack.run(&basic).await, update);
    assert_eq!(stack.run(FULL).await, update);
    // Another pipeline finds it by its name.
    let found = format!(
        "{FULL}\nexisting environment found {{ name = \"shop-web\" }}\noutput found = found.endpoint\noutput \
         made = web.endpoint"
    );
    let outcome = ok(apply(&stack.job(&found), false).await.unwrap());
    assert_eq!(outcome.outputs["found"], outcome.outputs["made"]);
    assert!(outcome.outputs["made"].as_str().is_some_and(|host| host.ends_with(".elb.amazonaws.com")));
}

const PLAIN: &str = r#"
application shop {}
environment web {
  application = shop
  platform = "Tomcat 10 with Corretto 21"
  instances = 4..4
  deployment = rolling(batch: 50%)
}
"#;

#[tokio::test(start_paused = true)]
async fn mistakes_are_told_before_beanstalk_wastes_time() {
    let stack = Stack::new("us-east-1").await;
    let said = stack.fail(&PLAIN.replace("Tomcat 10 with Corretto 21", "Tomcat 10 with Coretto 21")).await;
    assert!(said.contains("did you mean `Tomcat 10 with Corretto 21`?"), "{said}");
    let profile = PLAIN.replace("instances =", "instance_profile = \"nobody\"\n  instances =");
    let said = stack.fail(&profile).await;
    assert!(said.contains("the instance profile `nobody` does not exist"), "{said}");
    stack.run(PLAIN).await;
}

/// A bundle that Beanstalk takes.
fn bundle(folder: &Path, text: &str) {
    write_bundle(folder, &[("index.html", text)]);
}

fn write_bundle(folder: &Path, files: &[(&str, &str)]) {
    let file = std::fs::File::create(folder.join("shop.war")).unwrap();
    let mut zip = zip::ZipWriter::new(file);
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
}

fn rollout(label: &str) -> String {
    format!(
        "{PLAIN}\nrollout {{ step release {{ deploy \"shop.war\" to web as \"{label}\" }}\n  on failure {{ rollback web }} }}"
    )
}

#[tokio::test(start_paused = true)]
async fn versions_are_deployed_batch_by_batch() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::new("us-east-1").await.at(folder.path());
    bundle(folder.path(), "one");
    let calls = stack.run(&rollout("v1")).await;
    for call in ["PutObject", "CreateApplicationVersion", "UpdateEnvironment"] {
        assert!(calls.iter().any(|made| made.ends_with(call)), "{call}: {calls:?}");
    }
    let notes = stack.notes.lock().unwrap().clone();
    for batch in ["batch 1 of 2", "batch 2 of 2"] {
        assert!(notes.iter().any(|note| note.contains(batch)), "{batch}: {notes:#?}");
    }

    // The same label for other bytes is refused; another label is deployed.
    bundle(folder.path(), "two");
    let said = stack.fail(&rollout("v1")).await;
    assert!(said.contains("has a version `v1` already, with the bundle"), "{said}");
    let calls = stack.run(&rollout("v2")).await;
    assert!(calls.iter().any(|made| made.ends_with("UpdateEnvironment")), "{calls:?}");
    let reply = stack.clients.beanstalk.describe_environments().send().await.unwrap();
    assert_eq!(reply.environments()[0].version_label(), Some("v2"));
    stack.destroy(&rollout("v2")).await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_beanstalk_cannot_use_is_made_anew_and_so_is_its_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::new("us-east-1").await.at(folder.path());
    stack.run(PLAIN).await;
    // Somebody deletes the bucket that Beanstalk has made with the first environment.
    let bucket = "elasticbeanstalk-us-east-1-123456789012";
    let s3 = &stack.clients.s3;
    s3.delete_bucket_policy().bucket(bucket).send().await.unwrap();
    s3.delete_bucket().bucket(bucket).send().await.unwrap();
    std::fs::write(folder.path().join("shop.war"), "no archive").unwrap();
    let said = stack.fail(&rollout("v1")).await;
    assert!(said.contains("Beanstalk cannot use the bundle of version `v1`"), "{said}");
    let made = |name: &str| stack.local.changed().iter().filter(|call| call.ends_with(name)).count();
    assert_eq!((made(":CreateStorageLocation"), made(":DeleteApplicationVersion")), (1, 0));
    // The same again: another try may find it in order.
    stack.fail(&rollout("v1")).await;
    assert_eq!((made(":CreateApplicationVersion"), made(":DeleteApplicationVersion")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_fails_is_told_and_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::new("us-east-1").await.at(folder.path());
    bundle(folder.path(), "one");
    stack.run(&rollout("v1")).await;
    write_bundle(folder.path(), &[("index.html", "two"), (".vpipe-local/unhealthy", "")]);
    let said = stack.fail(&rollout("v2")).await;
    assert!(said.contains("version `v2` could not be deployed to `shop-web`"), "{said}");
    assert!(said.contains("Failed to deploy application."), "{said}");
    let reply = stack.clients.beanstalk.describe_environments().send().await.unwrap();
    assert_eq!(reply.environments()[0].version_label(), Some("v1"));
    let health = stack.clients.beanstalk.describe_instances_health().environment_name("shop-web");
    let health = health.attribute_names(InstancesHealthAttribute::All).send().await.unwrap();
    for instance in health.instance_health_list() {
        assert_eq!(instance.deployment().unwrap().version_label(), Some("v1"));
    }
    // What is no archive never reaches the environment.
    std::fs::write(folder.path().join("shop.war"), "no archive").unwrap();
    let said = stack.fail(&rollout("v3")).await;
    assert!(said.contains("Beanstalk cannot use the bundle of version `v3`"), "{said}");
    bundle(folder.path(), "three");
    stack.run(&rollout("v4")).await;
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_fails_is_told_and_the_next_run_begins_anew() {
    let stack = Stack::new("us-east-1").await;
    let broken = PLAIN.replace("instances = 4..4", "instances = 4..4\n  key_pair = \"nobody\"");
    let said = stack.fail(&broken).await;
    assert!(
        said.contains("the environment could not be launched")
            && said.contains("key pair 'nobody' does not exist"),
        "{said}"
    );
    let calls = stack.run(PLAIN).await;
    let expected = ["web elasticbeanstalk:TerminateEnvironment", "web elasticbeanstalk:CreateEnvironment"];
    assert_eq!(calls, set(&expected));
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_is_told_and_the_next_run_tries_again() {
    let stack = Stack::new("us-east-1").await;
    stack.run(PLAIN).await;
    let broken = PLAIN.replace("instances = 4..4", "instances = 4..4\n  key_pair = \"nobody\"");
    let said = stack.fail(&broken).await;
    assert!(
        said.contains("the environment could not be updated")
            && said.contains("key pair 'nobody' does not exist"),
        "{said}"
    );
    assert_eq!(stack.run(PLAIN).await, set(&[]));
    let said = stack.fail(&broken).await;
    assert!(said.contains("the environment could not be updated"), "{said}");
    assert_eq!(
        stack.run(&PLAIN.replace("4..4", "4..5")).await,
        set(&["web elasticbeanstalk:UpdateEnvironment"])
    );
}

#[tokio::test(start_paused = true)]
async fn changes_by_hand_are_put_right() {
    let stack = Stack::new("us-east-1").await;
    stack.run(SHOP).await;
    let setting = |namespace: &str, name: &str, value: &str| {
        ConfigurationOptionSetting::builder().namespace(namespace).option_name(name).value(value).build()
    };
    let update = stack.clients.beanstalk.update_environment().environment_name("shop-web");
    let update = update
        .option_settings(setting("aws:elasticbeanstalk:application:environment", "BY_HAND", "x"))
        .option_settings(setting("aws:elbv2:listener:8080", "Protocol", "HTTP"))
        .option_settings(setting("aws:autoscaling:asg", "Cooldown", "300"));
    update.send().await.unwrap();
    let calls = stack.run(SHOP).await;
    assert_eq!(calls, set(&["web elasticbeanstalk:UpdateEnvironment"]));
}

const RAW: &str = r#"
application shop {}
security_group edge { vpc = main }
existing vpc main { default = true }
environment web {
  application = shop
  platform = "Tomcat 10 with Corretto 21"
  options = {
    "aws:autoscaling:asg" = { Cooldown = 120 }
    "aws:autoscaling:updatepolicy:rollingupdate" = { PauseTime = 1m }
    "aws:elasticbeanstalk:environment:process:default" = { HealthyThresholdCount = 2 }
    "aws:elbv2:loadbalancer" = { SecurityGroups = [edge.id] }
  }
}
"#;

/// An option setting of the environment.
async fn option(stack: &Stack, namespace: &str, name: &str) -> Option<String> {
    let request = stack.clients.beanstalk.describe_configuration_settings();
    let reply = request.application_name("shop-shop").environment_name("shop-web").send().await.unwrap();
    let all = reply.configuration_settings()[0].option_settings().to_vec();
    let found = all.into_iter().find(|o| o.namespace() == Some(namespace) && o.option_name() == Some(name));
    found.and_then(|option| option.value)
}

#[tokio::test(start_paused = true)]
async fn raw_options_are_set_put_right_and_taken_away() {
    let stack = Stack::new("us-east-1").await;
    stack.run(RAW).await;
    let asg = "aws:autoscaling:asg";
    assert_eq!(option(&stack, asg, "Cooldown").await.as_deref(), Some("120"));
    let updates = "aws:autoscaling:updatepolicy:rollingupdate";
    assert_eq!(option(&stack, updates, "PauseTime").await.as_deref(), Some("PT1M"));
    let groups = option(&stack, "aws:elbv2:loadbalancer", "SecurityGroups").await.unwrap();
    assert!(groups.starts_with("sg-"), "{groups}");

    let by_hand = |name: &str, value: &str| {
        let setting = ConfigurationOptionSetting::builder().namespace(asg).option_name(name).value(value);
        stack
            .clients
            .beanstalk
            .update_environment()
            .environment_name("shop-web")
            .option_settings(setting.build())
    };
    by_hand("Cooldown", "900").send().await.unwrap();
    let update = set(&["web elasticbeanstalk:UpdateEnvironment"]);
    assert_eq!(stack.run(RAW).await, update);
    assert_eq!(option(&stack, asg, "Cooldown").await.as_deref(), Some("120"));

    // What others set is theirs.
    by_hand("EnableCapacityRebalancing", "true").send().await.unwrap();
    assert_eq!(stack.run(RAW).await, set(&[]));

    let planned = stack.plan(&RAW.replace("Cooldown = 120", "Cooldown = 180")).await;
    let web = planned.nodes.iter().find(|node| node.id == "web").unwrap();
    assert_eq!(web.changes.iter().map(|change| change.attribute.as_str()).collect::<Vec<_>>(), ["options"]);

    let fewer = RAW.replace("    \"aws:autoscaling:asg\" = { Cooldown = 120 }\n", "");
    assert_eq!(stack.run(&fewer).await, update);
    assert_eq!(option(&stack, asg, "Cooldown").await.as_deref(), Some("360"));
    assert_eq!(option(&stack, asg, "EnableCapacityRebalancing").await.as_deref(), Some("true"));
    let none = RAW.split("  options").next().unwrap().to_owned() + "}";
    assert_eq!(stack.run(&none).await, update);
    let default = "aws:elasticbeanstalk:environment:process:default";
    assert_eq!(option(&stack, default, "HealthyThresholdCount").await.as_deref(), Some("3"));

    // What AWS refuses and the table cannot know is told as any other refusal.
    let beyond = RAW.replace("PauseTime = 1m", "MinInstancesInService = 9");
    let said = stack.fail(&beyond).await;
    assert!(said.contains("MinInstancesInService"), "{said}");
}

const BLUE_GREEN: &str = r#"
application shop {}
environment blue { name = "shop-blue-1", application = shop, platform = "Corretto 21", instances = 1..1, cname_prefix = "shop-blue" }
environment green { application = shop, platform = "Corretto 21", instances = 1..1, cname_prefix = "shop-green" }
rollout { step change { swap blue with green } }
"#;

#[tokio::test(start_paused = true)]
async fn cnames_are_swapped_once_and_swapped_environments_stay() {
    let stack = Stack::new("us-east-1").await;
    // The second run of `run` finds nothing to do: not the swap, and no other prefix either.
    let calls = stack.run(BLUE_GREEN).await;
    assert_eq!(calls.iter().filter(|call| call.ends_with("SwapEnvironmentCNAMEs")).count(), 1, "{calls:?}");
    let reply = stack.clients.beanstalk.describe_environments().send().await.unwrap();
    let blue = reply.environments().iter().find(|e| e.environment_name() == Some("shop-blue-1")).unwrap();
    assert!(blue.cname().unwrap().starts_with("shop-green."), "{blue:?}");
    // A prefix that nobody has means another environment.
    let other = BLUE_GREEN.replace("cname_prefix = \"shop-blue\"", "cname_prefix = \"shop-red\"");
    let planned = stack.plan(&other).await;
    assert!(planned.nodes.iter().any(|n| n.id == "blue" && n.action == Action::Replace), "{planned:#?}");
}

const CDN: &str = r#"
hosted_zone zone { domain = "example.com" }
certificate site { domain = "example.com", validation = dns(provider: route53(zone: zone)) }
application shop {}
environment web {
  application = shop, platform = "Tomcat 10 with Corretto 21", instances = 1..1
  listener 443 https { certificate = site }
}
distribution cdn { origin = web, aliases = ["example.com"], certificate = site, comment = "shop" }
record apex { name = "example.com", type = "A", alias = cdn, provider = route53(zone: zone) }
rollout { step refresh { invalidate cdn ["/*", "/login"] } }
output domain = cdn.domain_name
"#;

#[tokio::test(start_paused = true)]
async fn distributions_before_an_environment() {
    let mut stack = Stack::new("us-east-1").await;
    let calls = stack.run(CDN).await;
    assert!(calls.contains("cdn cloudfront:CreateDistribution"), "{calls:?}");
    assert_eq!(calls.iter().filter(|call| call.ends_with("CreateInvalidation")).count(), 1);
    let update = "cdn cloudfront:UpdateDistribution";
    let mut body = CDN.replace("rollout { step refresh { invalidate cdn [\"/*\", \"/login\"] } }", "");
    for (from, to, calls) in [
        ("comment = \"shop\"", "comment = \"the shop\"", vec![update]),
        ("comment = \"the shop\"", "price_class = \"all\", viewer_protocol = \"https-only\"", vec![update]),
        ("price_class = \"all\"", "caching = \"disabled\", origin_protocol = \"https-only\"", vec![update]),
        ("caching = \"disabled\"", "tags = { a = \"b\" }", vec![update, "cdn cloudfront:TagResource"]),
        ("tags = { a = \"b\" }, ", "", vec!["cdn cloudfront:UntagResource"]),
        ("aliases = [\"example.com\"], ", "", vec![update]),
    ] {
        assert!(body.contains(from), "{from}");
        body = body.replace(from, to);
        assert_eq!(stack.run(&body).await, set(&calls), "{from} → {to}");
    }
    stack.forget();
    assert_eq!(stack.run(&body).await, set(&[]));
    let calls = stack.destroy(&body).await;
    let at = |call: &str| {
        calls.iter().position(|made| made == call).unwrap_or_else(|| panic!("{call}: {calls:?}"))
    };
    assert!(at(update) < at("cdn cloudfront:DeleteDistribution"));
    assert!(at("cdn cloudfront:DeleteDistribution") < at("site acm:DeleteCertificate"));
}

const FILES: &str = r#"
bucket files { name = "shop-files-0001" }
distribution cdn { origin = files, default_root_object = "index.html" }
"#;

#[tokio::test(start_paused = true)]
async fn distributions_before_a_bucket() {
    let stack = Stack::new("eu-west-1").await;
    let calls = stack.run(FILES).await;
    let expected = [
        "cdn cloudfront:CreateDistribution",
        "cdn cloudfront:CreateOriginAccessControl",
        "cdn cloudfront:UpdateDistribution",
        "cdn s3:PutBucketPolicy",
    ];
    assert!(calls.is_superset(&set(&expected)), "{calls:?}");
    let calls = stack.destroy(FILES).await;
    for call in
        ["cloudfront:DeleteOriginAccessControl", "s3:DeleteBucketPolicy", "cloudfront:DeleteDistribution"]
    {
        assert!(calls.contains(&format!("cdn {call}")), "{call}: {calls:?}");
    }
    let left = stack.clients.cloudfront.list_origin_access_controls().send().await.unwrap();
    assert!(left.origin_access_control_list().is_none_or(|list| list.items().is_empty()));
}

const SITE: &str = r#"
hosted_zone zone { domain = "example.com" }
use std.static_site as docs { domain = "docs.example.com", dns = route53(zone: zone) }
rollout {
  step publish { upload "index.html" to docs.files as "index.html" }
  step verify {
    expect GET "${docs.url}" { status = 200, body contains "welcome", tls, within 10m }
    expect GET "http://docs.example.com/" { status = 301, within 5m }
    expect GET "https://docs.example.com/missing" { status = 403, within 5m }
  }
}
"#;

#[tokio::test(start_paused = true)]
async fn a_static_site_is_reached_through_its_distribution_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), "welcome").unwrap();
    let stack = Stack::new("eu-west-1").await.at(folder.path());
    stack.run(SITE).await;
    let direct = NetRequest {
        method: "GET".to_owned(),
        url: "https://shop-docs-files.s3.eu-west-1.amazonaws.com/index.html".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: Duration::from_secs(5),
    };
    assert_eq!(stack.clients.net.fetch(direct).await.unwrap().status, 403);
}
