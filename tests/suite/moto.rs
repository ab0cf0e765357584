//! Another cloud than our own: every kind that moto implements, through the real binary, at a moto server, which
//! `AWS_ENDPOINT_URL` names as for any AWS tool. The AWS CLI says what came of it, and the same pipeline leaves the same
//! things on the local cloud.
//!
//! Where moto 5.1.22 falls short: it knows no `UpdateApplication`, no `DescribeConfigurationSettings` and no
//! `UpdateEnvironment`, so that environments cannot be made there; the roots and booleans of CloudFront's answers
//! (`CreateDistribution`, `ListDistributions`) are none that the AWS SDK for Rust reads; CloudWatch does not speak CBOR
//! (`DescribeAlarms`); replication groups show one member less than they have, and cannot be changed
//! (`IncreaseReplicaCount`, `ModifyReplicationGroup`); there are no cache parameter groups
//! (`DescribeCacheParameterGroups`), and neither cache subnet groups nor configurations of brokers can be deleted
//! (`DeleteCacheSubnetGroup`, `DeleteConfiguration`).

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::tools::tools;
use vpipe::local::{Faults, Local, serve, wall_clock};

struct Moto {
    server: Child,
    url: String,
    tools: PathBuf,
    folder: tempfile::TempDir,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Moto {
    fn start() -> Self {
        let tools = tools();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new(tools.join("python"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/moto_server.py"))
            .arg(port.to_string())
            .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("wire"))
            .arg(env!("CARGO_BIN_EXE_vpipe"))
            // Seconds after which a certificate counts as proved.
            .env("MOTO_ACM_VALIDATION_WAIT", "1")
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let moto = Self { server, url: format!("http://127.0.0.1:{port}"), tools, folder };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "moto does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        moto
    }

    /// A command in the folder, with nothing in its environment but how to reach moto, and the secrets.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", "testing")
            .env("AWS_SECRET_ACCESS_KEY", "testing")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("DB_PASSWORD", "first-db-password")
            .env("MQ_PASSWORD", "first-mq-password")
            .current_dir(self.folder.path());
        command
    }

    /// Runs `vpipe`, which must end well; gives everything that it printed.
    fn vpipe(&self, args: &[&str]) -> String {
        let output = self.command(Path::new(env!("CARGO_BIN_EXE_vpipe"))).args(args).output().unwrap();
        let said = both(&output);
        assert!(output.status.success(), "vpipe {args:?}: {}\n{said}", output.status);
        assert!(!said.contains("-password"), "a secret was printed: {said}");
        said
    }

    /// What the AWS CLI says, as one line of text.
    fn aws(&self, args: &str) -> String {
        let aws = self.tools.join("aws");
        let args = args.split(' ').chain(["--output", "text", "--endpoint-url", &self.url]);
        let output = self.command(&aws).args(args).output().unwrap();
        both(&output).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What a cloud holds, without what it chose itself.
    async fn inventory(&self, url: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/inventory.py");
        let mut command = tokio::process::Command::from(self.command(&self.tools.join("python")));
        let output = command.arg(script).arg(url).output().await.unwrap();
        assert!(output.status.success(), "{}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same pipeline leaves the same things on the local cloud.
    fn compare_with_the_local_cloud(&self) {
        self.vpipe(&["run", "shop.vpipe", "--local", "--yes"]);
        let state = self.folder.path().join(".vpipe/local/cloud.json");
        let local = Arc::new(Local::open(Some(&state), Faults::default()).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let now = wall_clock(local.clock(), 1.0);
            let server = serve(local, 0, now).await.unwrap();
            let ours = self.inventory(&format!("http://{}", server.address)).await;
            server.stop().await.unwrap();
            assert_eq!(
                self.inventory(&self.url).await,
                ours,
                "moto on the left, the local cloud on the right"
            );
        });
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const PIPELINE: &str = r#"
pipeline shop { region = "us-east-1", tags = { project = "shop" } }

secret db_password = env("DB_PASSWORD")
secret mq_password = env("MQ_PASSWORD")

existing vpc main { default = true }

security_group backend {
  vpc = main
  allow tcp 3306, 11211, 5671 from "172.31.0.0/16"
  allow all from self
}

db_subnet_group private { subnets = main.subnets }

db_instance mysql {
  engine = "mysql", version = "8.0"
  class = "db.t3.micro", storage = 20GiB
  database = "accounts"
  username = "admin", password = db_password
  subnet_group = private
  security_groups = [backend]
}

cache_cluster memcached { engine = "memcached", node_type = "cache.t3.micro", nodes = 1, security_groups = [backend] }

broker rabbitmq {
  instance_type = "mq.t3.micro"
  username = "rabbit", password = mq_password
  security_groups = [backend]
}

bucket artifacts { name = "shop-artifacts", versioning = true, empty_on_destroy = true }

hosted_zone zone { domain = "example.com", comment = "the shop's" }
record www { name = "www.example.com", type = "A", value = "192.0.2.1", provider = route53(zone: zone) }
record spf { name = "example.com", type = "TXT", value = "v=spf1 -all", ttl = 1h, provider = route53(zone: zone) }

certificate site {
  domain = "example.com"
  alternative_names = ["*.example.com"]
  validation = dns(provider: route53(zone: zone))
}

application shop {}

role web { trusted_services = ["ec2.amazonaws.com"], managed_policies = ["AWSElasticBeanstalkWebTier"] }
instance_profile web_profile { role = web }
topic alerts { display_name = "Shop", emails = ["ops@example.com"] }
db_parameter_group tuned { family = "mysql8.0", parameters = { max_connections = "250" } }

output db = mysql.endpoint
output amqp = rabbitmq.url

rollout {
  step release { upload "shop.war" to artifacts as "releases/shop.war" }
}
"#;

#[test]
fn every_kind_that_moto_has_is_made_changed_and_deleted() {
    let moto = Moto::start();
    moto.write("shop.vpipe", PIPELINE);
    moto.write("shop.war", "the first release");

    let plan = moto.vpipe(&["plan", "shop.vpipe"]);
    for node in
        ["backend", "private", "mysql", "memcached", "rabbitmq", "artifacts", "zone", "www", "site", "shop"]
    {
        assert!(plan.contains(node), "{plan}");
    }
    assert!(!moto.folder.path().join(".vpipe").exists(), "a plan writes nothing");

    let run = moto.vpipe(&["run", "shop.vpipe", "--yes"]);
    assert!(run.contains("amqps://"), "{run}");
    let instance = "rds describe-db-instances --db-instance-identifier shop-mysql --query DBInstances[0].";
    assert_eq!(
        moto.aws(&format!("{instance}[DBInstanceClass,AllocatedStorage,DBName]")),
        "db.t3.micro 20 accounts"
    );
    assert_eq!(moto.aws(&format!("{instance}TagList[?Key==`vpipe:node`].Value")), "mysql");
    assert_eq!(moto.aws(&format!("{instance}TagList[?Key==`project`].Value")), "shop");
    let rules = "ec2 describe-security-groups --filters Name=group-name,Values=shop-backend --query \
                 SecurityGroups[0].IpPermissions[].[IpProtocol,FromPort]";
    let rules: Vec<String> = moto.aws(rules).split(' ').map(str::to_owned).collect();
    for port in ["3306", "11211", "5671", "-1"] {
        assert!(rules.iter().any(|word| word == port), "{rules:?}");
    }
    assert_eq!(moto.aws("mq list-brokers --query BrokerSummaries[].BrokerName"), "shop-rabbitmq");
    assert_eq!(
        moto.aws("elasticache describe-cache-clusters --query CacheClusters[].CacheClusterId"),
        "shop-memcached"
    );
    let versioning = "s3api get-bucket-versioning --bucket shop-artifacts --query Status";
    assert_eq!(moto.aws(versioning), "Enabled");
    let block = "s3api get-public-access-block --bucket shop-artifacts --query \
                 PublicAccessBlockConfiguration.RestrictPublicBuckets";
    assert_eq!(moto.aws(block), "True");
    assert_eq!(moto.aws("s3 cp s3://shop-artifacts/releases/shop.war -"), "the first release");

    let again = moto.vpipe(&["plan", "shop.vpipe"]);
    assert!(!again.contains("(known after run)"), "{again}");
    let versions = "s3api list-object-versions --bucket shop-artifacts --query length(Versions)";
    let run = moto.vpipe(&["run", "shop.vpipe", "--yes"]);
    assert!(run.contains("no changing calls"), "{run}");
    assert_eq!(moto.aws(versions), "1", "the same file is not put again");
    moto.compare_with_the_local_cloud();

    let changed = PIPELINE
        .replace("db.t3.micro", "db.t3.small")
        .replace("3306, 11211", "3306, 11212")
        .replace("192.0.2.1", "192.0.2.2")
        .replace("project = \"shop\"", "project = \"store\"");
    moto.write("shop.vpipe", &changed);
    moto.write("shop.war", "the second release");
    moto.vpipe(&["run", "shop.vpipe", "--yes"]);
    moto.compare_with_the_local_cloud();
    assert_eq!(moto.aws(&format!("{instance}DBInstanceClass")), "db.t3.small");
    assert_eq!(moto.aws(versions), "2");
    let ports = "ec2 describe-security-groups --filters Name=group-name,Values=shop-backend --query \
                 sort(SecurityGroups[0].IpPermissions[].FromPort)";
    assert_eq!(moto.aws(ports), "3306 5671 11212");

    moto.vpipe(&["destroy", "shop.vpipe", "--yes"]);
    for gone in [
        "rds describe-db-instances --query DBInstances[].DBInstanceIdentifier",
        "rds describe-db-subnet-groups --query DBSubnetGroups[].DBSubnetGroupName",
        "elasticache describe-cache-clusters --query CacheClusters[].CacheClusterId",
        "mq list-brokers --query BrokerSummaries[].BrokerName",
        "s3api list-buckets --query Buckets[].Name",
        "route53 list-hosted-zones --query HostedZones[].Name",
        "acm list-certificates --query CertificateSummaryList[].DomainName",
        "elasticbeanstalk describe-applications --query Applications[].ApplicationName",
        "ec2 describe-security-groups --filters Name=group-name,Values=shop-backend --query SecurityGroups[].GroupId",
    ] {
        let left = moto.aws(gone);
        assert!(["", "None"].contains(&left.as_str()), "{gone}: {left}");
    }
}
