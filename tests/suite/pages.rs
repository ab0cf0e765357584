//! Lists that come in small pages, as AWS's do in accounts with much in them: a pipeline with several resources of each kind
//! is made, looked at, imported and destroyed as if each list came whole.

use std::path::Path;
use std::process::Command;

use super::inventory::{differences, inventory};
use super::stack::{Stack, set};

const FILE: &str = r#"
pipeline shop { region = "us-east-1" }
secret pw = env("PW")
existing vpc main { default = true }
security_group edge { name = "shop-edge", vpc = main, allow tcp 80, 443, 8080 from "0.0.0.0/0" }
security_group backend {
  name = "shop-backend", vpc = main
  allow tcp 3306 from edge
  allow tcp 11211 from edge
  allow all from self
  allow tcp 22 from "10.0.0.0/8" { description = "office" }
}
db_subnet_group private { name = "shop-private", subnets = main.subnets }
db_parameter_group tuned {
  name = "shop-tuned", family = "mysql8.0"
  parameters = { max_connections = 200, slow_query_log = true, long_query_time = 2 }
}
db_instance mysql {
  identifier = "shop-db", engine = "mysql", version = "8.0", class = "db.t3.micro", username = "app", password = pw
  subnet_group = private, parameter_group = tuned, security_groups = [backend]
}
db_instance reports { identifier = "shop-reports", engine = "mysql", class = "db.t3.micro", username = "app", password = pw }
cache_subnet_group caches { name = "shop-caches", subnets = main.subnets }
cache_cluster sessions { id = "shop-sessions", engine = "memcached", node_type = "cache.t3.micro", nodes = 2 }
cache_cluster pages { id = "shop-pages", engine = "memcached", node_type = "cache.t3.micro", nodes = 2, subnet_group = caches }
replication_group store { engine = "redis", version = "7.0", node_type = "cache.t3.micro", replicas = 2 }
broker orders { name = "shop-orders", engine = "rabbitmq", instance_type = "mq.t3.micro", username = "queue", password = pw }
broker mails { name = "shop-mails", engine = "rabbitmq", instance_type = "mq.t3.micro", username = "queue", password = pw }
hosted_zone zone { domain = "example.com" }
hosted_zone other { domain = "example.org" }
record www { name = "www.example.com", value = web.cname, provider = route53(zone: zone) }
record spf { name = "example.com", type = "TXT", value = "v=spf1", provider = route53(zone: zone) }
record about { name = "about.example.org", value = admin.cname, provider = route53(zone: other) }
certificate site { domain = "cdn.example.com", validation = dns(provider: route53(zone: zone)) }
certificate about_site { domain = "img.example.com", validation = dns(provider: route53(zone: zone)) }
bucket files { name = "shop-files-1234", versioning = true, empty_on_destroy = true }
bucket images { name = "shop-images-1234", empty_on_destroy = true }
distribution cdn { origin = web, aliases = ["cdn.example.com"], certificate = site, behavior "/img/*" { origin = images } }
distribution img { origin = images, aliases = ["img.example.com"], certificate = about_site }
role worker {
  trusted_services = ["ec2.amazonaws.com"]
  managed_policies = ["AWSElasticBeanstalkWebTier", "ReadOnlyAccess", "AmazonSSMManagedInstanceCore"]
  policies = {
    read = json({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = "${files.arn}/*" }] })
    look = json({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = "${images.arn}/*" }] })
  }
}
instance_profile workers { role = worker }
topic alerts { emails = ["ops@example.com", "dev@example.com"] }
topic news { emails = ["all@example.com", "more@example.com"] }
alarm full { db_instance = mysql, metric = "FreeStorageSpace", comparison = "<", threshold = 2GiB, actions = [alerts] }
alarm busy { db_instance = mysql, metric = "CPUUtilization", threshold = 80%, actions = [alerts, news] }
application shop { name = "shop-app" }
application tools { name = "shop-tools" }
environment web {
  name = "shop-web", application = shop, platform = "Tomcat 10 with Corretto 21", security_groups = [backend]
  instances = 3..4, deployment = rolling(batch: 1)
  process default { health_path = "/" }
  process admin { port = 8080 }
  listener 80 http { forward = default }
  listener 8080 http { forward = admin }
  listener 443 https { certificate = site, forward = default }
  variables = { DB = mysql.endpoint }
}
environment admin { name = "shop-admin", application = tools, platform = "Tomcat 10 with Corretto 21" }
rollout {
  step put {
    upload "index.html" to files as "a.html"
    upload "index.html" to files as "b.html"
    upload "index.html" to images as "img/a.html"
  }
  step build { bundle "site" to "site.zip" }
  step release {
    deploy "site.zip" to web as "web-1"
    deploy "site.zip" to admin as "admin-1"
  }
  step refresh { invalidate cdn ["/*"] }
}
"#;

/// What is imported, and a word of it that stands on no first page.
const IMPORTED: [(&[&str], &str); 9] = [
    (&["security_group", "shop-backend"], "office"),
    (&["db_instance", "shop-reports"], "identifier = \"shop-reports\""),
    (&["db_parameter_group", "shop-tuned"], "long_query_time"),
    (&["cache_cluster", "shop-sessions"], "nodes = 2"),
    (&["broker", "shop-mails"], "shop_mails_password"),
    (&["hosted_zone", "example.org"], "example.org"),
    (&["bucket", "shop-images-1234"], "shop-images-1234"),
    (&["environment", "shop-web"], "listener 8080 http { forward = admin }"),
    (&["--environment", "shop-web"], "behavior \"/img/*\""),
];

/// A pipeline's folder, and the trouble that is on order there.
struct Place {
    folder: tempfile::TempDir,
    faults: &'static [&'static str],
}

impl Place {
    fn new(faults: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shop.vpipe"), FILE).unwrap();
        std::fs::write(folder.path().join("index.html"), "welcome").unwrap();
        std::fs::create_dir(folder.path().join("site")).unwrap();
        std::fs::write(folder.path().join("site/index.html"), "welcome").unwrap();
        Self { folder, faults }
    }

    /// A command that ends well, and what it printed.
    fn well(&self, args: &[&str], faults: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
        command.args(args).arg("--local").current_dir(self.folder.path()).env("PW", "a-password-for-tests");
        faults.iter().for_each(|fault| {
            command.args(["--fault", fault]);
        });
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
        assert!(output.status.success(), "{args:?} {faults:?}:\n{said}");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    fn does(&self, args: &[&str]) -> String {
        self.well(args, self.faults)
    }

    /// How many things the cloud holds, by their places.
    fn inventory(&self) -> std::collections::BTreeMap<String, usize> {
        let state = std::fs::read_to_string(self.path().join(".vpipe/local/cloud.json")).unwrap();
        inventory(&serde_json::from_str(&state).unwrap())
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[test]
fn drivers_read_every_page() {
    let (whole, small) = (Place::new(&[]), Place::new(&["pages=1"]));
    for place in [&whole, &small] {
        place.does(&["run", "shop.vpipe", "--yes"]);
        let again = place.does(&["run", "shop.vpipe", "--yes"]);
        assert!(again.contains("no changing calls"), "{:?}: {again}", place.faults);
    }
    let different = differences(&small.inventory(), &whole.inventory());
    assert!(different.is_empty(), "{}", different.join("\n"));

    for (what, word) in IMPORTED {
        let import = [&["import"], what].concat();
        let told = small.well(&import, &[]);
        assert!(told.contains(word), "expected `{word}` in:\n{told}");
        assert_eq!(small.well(&import, &["pages=1"]), told, "{what:?}");
    }
    let file = small.well(&["import", "--environment", "shop-web"], &[]);
    std::fs::write(small.path().join("theirs.vpipe"), file).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_vpipe"));
    let checked = check.args(["check", "theirs.vpipe"]).current_dir(small.path()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let plan = small.well(&["plan", "shop.vpipe"], &["pages=2"]);
    assert!(plan.contains("0 to create, 0 to change, 0 to replace, 0 to delete"), "{plan}");

    for place in [&whole, &small] {
        place.does(&["destroy", "shop.vpipe", "--yes"]);
    }
    let different = differences(&small.inventory(), &whole.inventory());
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn our_zone_is_found_behind_other_zones_of_its_name() {
    let mut stack = Stack::with("us-east-1", &["pages=1"]).await;
    let route53 = stack.clients.route53.clone();
    for reference in ["a", "b"] {
        let zone = route53.create_hosted_zone().name("example.com").caller_reference(reference);
        zone.send().await.unwrap();
    }
    let body = "hosted_zone zone { domain = \"example.com\", comment = \"ours\" }";
    let told = stack.fail(body).await;
    assert!(told.contains("exists already"), "{told}");
    let zones = route53.list_hosted_zones().into_paginator().items().send().try_collect().await.unwrap();
    for zone in zones {
        route53.delete_hosted_zone().id(zone.id()).send().await.unwrap();
    }
    stack.run(body).await;
    // Others take the name before and behind ours; then the journal is lost.
    for reference in ["c", "d", "e"] {
        let zone = route53.create_hosted_zone().name("example.com").caller_reference(reference);
        zone.send().await.unwrap();
    }
    stack.forget();
    assert_eq!(stack.run(body).await, set(&[]));
}

#[tokio::test(start_paused = true)]
async fn every_group_that_keeps_another_is_named() {
    let stack = Stack::with("us-east-1", &["pages=1"]).await;
    let body = "existing vpc main { default = true }\nsecurity_group backend { vpc = main }";
    stack.run(body).await;
    let ec2 = &stack.clients.ec2;
    let groups = ec2.describe_security_groups().into_paginator().items().send().try_collect().await.unwrap();
    let ours = groups.iter().find(|group| group.group_name() == Some("shop-backend")).unwrap();
    for name in ["first", "second"] {
        let made = ec2.create_security_group().group_name(name).description("d").send().await.unwrap();
        let pair = aws_sdk_ec2::types::UserIdGroupPair::builder().group_id(ours.group_id().unwrap()).build();
        let rule = aws_sdk_ec2::types::IpPermission::builder().ip_protocol("-1").user_id_group_pairs(pair);
        let allow = ec2.authorize_security_group_ingress().group_id(made.group_id().unwrap());
        allow.ip_permissions(rule.build()).send().await.unwrap();
    }
    let outcome = vpipe::run::destroy(&stack.job(body), false).await.unwrap();
    let told = format!("{:?}", outcome.errors);
    assert!(told.contains("`first`") && told.contains("`second`"), "{told}");
}
