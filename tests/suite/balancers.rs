//! Load balancers against the local cloud, through the SDK: what an environment's own one is told to do, and its logs.

use std::collections::BTreeMap;

use super::stack::{Stack, set, shared_balancer};
use aws_sdk_elasticloadbalancingv2::types::{ActionTypeEnum, Listener, LoadBalancer, ProtocolEnum, Rule};
use vpipe::cloud::NetRequest;

const WEB: &str = r#"
existing vpc main { default = true }
hosted_zone zone { domain = "example.com" }
certificate site { domain = "example.com", validation = dns(provider: route53(zone: zone)) }
bucket logs { name = "shop-logs", empty_on_destroy = true }
application shop {}
environment web {
  application = shop, platform = "Tomcat 10 with Corretto 21", instances = 1..1, vpc = main
  idle_timeout = 2m
  access_logs = to(bucket: logs, prefix: "web")
  process default {}
  process admin { port = 8081 }
  listener 80 http { redirect = https }
  listener 443 https { certificate = site, ssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06" }
  rule admin { paths = ["/admin/*"], forward = admin }
}
"#;

const UPDATE: &str = "web elasticbeanstalk:UpdateEnvironment";
const REDIRECT: &str = "web elasticloadbalancing:ModifyListener";

/// The only load balancer.
async fn balancer(stack: &Stack) -> LoadBalancer {
    let reply = stack.clients.elbv2.describe_load_balancers().send().await.unwrap();
    assert_eq!(reply.load_balancers().len(), 1, "{reply:?}");
    reply.load_balancers()[0].clone()
}

async fn attributes(stack: &Stack) -> BTreeMap<String, String> {
    let arn = balancer(stack).await.load_balancer_arn.unwrap();
    let request = stack.clients.elbv2.describe_load_balancer_attributes().load_balancer_arn(arn);
    let reply = request.send().await.unwrap();
    let all = reply.attributes().iter();
    all.map(|one| (one.key().unwrap().to_owned(), one.value().unwrap_or_default().to_owned())).collect()
}

async fn listener(stack: &Stack, port: i32) -> Listener {
    let arn = balancer(stack).await.load_balancer_arn.unwrap();
    let reply = stack.clients.elbv2.describe_listeners().load_balancer_arn(arn).send().await.unwrap();
    reply.listeners().iter().find(|listener| listener.port() == Some(port)).unwrap().clone()
}

/// The rules on a port but for the default one.
async fn rules(stack: &Stack, port: i32) -> Vec<Rule> {
    let arn = listener(stack, port).await.listener_arn.unwrap();
    let reply = stack.clients.elbv2.describe_rules().listener_arn(arn).send().await.unwrap();
    reply.rules().iter().filter(|rule| rule.is_default() != Some(true)).cloned().collect()
}

async fn policy(stack: &Stack, bucket: &str) -> Option<String> {
    let reply = stack.clients.s3.get_bucket_policy().bucket(bucket).send().await;
    reply.ok().and_then(|reply| reply.policy)
}

/// A file that does not say the network any more leaves it, and who may reach the load balancer in it.
#[tokio::test(start_paused = true)]
async fn a_scheme_goes_with_its_network() {
    let stack = Stack::new("us-east-1").await;
    let web = |more: &str| {
        format!(
            "existing vpc main {{ default = true }}\napplication shop {{}}\nenvironment web {{ application = shop, platform = \"Tomcat \
             10 with Corretto 21\", instances = 1..1 {more} }}"
        )
    };
    stack.run(&web(", vpc = main, scheme = \"internal\"")).await;
    assert_eq!(stack.run(&web("")).await, set(&[]));
    assert_eq!(balancer(&stack).await.scheme.unwrap().as_str(), "internal");
    assert_eq!(stack.run(&web(", vpc = main")).await, set(&[UPDATE]));
    assert_eq!(balancer(&stack).await.scheme.unwrap().as_str(), "internet-facing");
}

#[tokio::test(start_paused = true)]
async fn the_balancer_of_an_environment_does_what_the_file_says() {
    let mut stack = Stack::new("us-east-1").await;
    let calls = stack.run(WEB).await;
    assert!(calls.contains("web s3:PutBucketPolicy"), "{calls:?}");
    assert!(!calls.contains(UPDATE), "{calls:?}");
    let found = attributes(&stack).await;
    for (name, value) in [
        ("idle_timeout.timeout_seconds", "120"),
        ("access_logs.s3.enabled", "true"),
        ("access_logs.s3.bucket", "shop-logs"),
        ("access_logs.s3.prefix", "web"),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
    let policy_text = policy(&stack, "shop-logs").await.unwrap();
    assert!(policy_text.contains("arn:aws:s3:::shop-logs/web/AWSLogs/123456789012/*"), "{policy_text}");
    assert_eq!(listener(&stack, 443).await.ssl_policy(), Some("ELBSecurityPolicy-TLS13-1-2-2021-06"));
    assert_eq!(rules(&stack, 80).await.len(), 0);
    let found = rules(&stack, 443).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].priority(), found[0].conditions()[0].values()),
        (Some("1"), &["/admin/*".to_owned()][..])
    );
    let group = found[0].actions()[0].target_group_arn().unwrap();
    let reply = stack.clients.elbv2.describe_target_groups().target_group_arns(group).send().await.unwrap();
    assert_eq!(reply.target_groups()[0].port(), Some(8081));

    let first = balancer(&stack).await;
    let mut body = WEB.to_owned();
    for (from, to, calls) in [
        ("2m", "3m", vec![UPDATE]),
        (", ssl_policy = \"ELBSecurityPolicy-TLS13-1-2-2021-06\"", "", vec![UPDATE]),
        (
            "forward = admin }",
            "forward = admin }\n  rule more { hosts = [\"*.example.com\"], forward = default }",
            vec![UPDATE],
        ),
        ("[\"/admin/*\"]", "[\"/admin/*\", \"/other\"]", vec![UPDATE]),
        ("prefix: \"web\"", "prefix: \"shop\"", vec!["web s3:PutBucketPolicy", UPDATE]),
        ("to(bucket: logs, prefix: \"shop\")", "off", vec!["web s3:DeleteBucketPolicy", UPDATE]),
        ("  rule admin { paths = [\"/admin/*\", \"/other\"], forward = admin }\n", "", vec![UPDATE]),
    ] {
        assert!(body.contains(from), "{from}");
        body = body.replace(from, to);
        assert_eq!(stack.run(&body).await, set(&calls), "{from} → {to}");
    }
    assert_eq!(policy(&stack, "shop-logs").await, None);
    let found = attributes(&stack).await;
    assert_eq!(
        (&*found["idle_timeout.timeout_seconds"], &*found["access_logs.s3.enabled"]),
        ("180", "false")
    );
    assert_eq!(listener(&stack, 443).await.ssl_policy(), Some("ELBSecurityPolicy-2016-08"));
    let found = rules(&stack, 443).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].conditions()[0].field(), Some("host-header"));
    assert_eq!(balancer(&stack).await.load_balancer_arn, first.load_balancer_arn);

    // Another scheme is another load balancer, whose listener does not redirect yet.
    let inside = body.replace("vpc = main\n", "vpc = main, scheme = \"internal\"\n");
    assert_eq!(stack.run(&inside).await, set(&[UPDATE, REDIRECT]));
    let other = balancer(&stack).await;
    assert_eq!(other.scheme().unwrap().as_str(), "internal");
    assert_ne!(other.load_balancer_arn, first.load_balancer_arn);
    assert_eq!(rules(&stack, 443).await.len(), 1);
    assert_eq!(stack.run(&body).await, set(&[UPDATE, REDIRECT]));

    // With the journal lost everything is found again.
    stack.forget();
    assert_eq!(stack.run(&body).await, set(&[]));
}

#[tokio::test(start_paused = true)]
async fn the_bucket_of_the_logs_stays_open_as_long_as_it_is_needed() {
    let stack = Stack::new("us-east-1").await;
    stack.run(WEB).await;
    // Somebody takes the permission away: it is put back, and nothing else is done.
    stack.clients.s3.delete_bucket_policy().bucket("shop-logs").send().await.unwrap();
    assert_eq!(stack.run(WEB).await, set(&["web s3:PutBucketPolicy"]));
    // Another bucket takes the place of the first, which is closed.
    let moved = WEB
        .replace(
            "application shop",
            "bucket others { name = \"shop-others\", empty_on_destroy = true }\napplication shop",
        )
        .replace("bucket: logs", "bucket: others");
    let calls = stack.run(&moved).await;
    let expected = ["web s3:PutBucketPolicy", "web s3:DeleteBucketPolicy", UPDATE];
    assert!(calls.is_superset(&set(&expected)), "{calls:?}");
    assert_eq!(policy(&stack, "shop-logs").await, None);
    assert_eq!(attributes(&stack).await["access_logs.s3.bucket"], "shop-others");
    let without = moved.split("environment web").next().unwrap();
    let calls = stack.run(without).await;
    assert_eq!(calls, set(&["web s3:DeleteBucketPolicy", "web elasticbeanstalk:TerminateEnvironment"]));
    assert_eq!(policy(&stack, "shop-others").await, None);
}

const SHARING: &str = r#"
existing vpc main { default = true }
existing load_balancer edge { name = "edge" }
application shop {}
environment web {
  application = shop, platform = "Tomcat 10 with Corretto 21", instances = 1..1, vpc = main
  cname_prefix = "the-web-shop"
  load_balancer = edge
  process default {}
  process admin { port = 8081 }
  rule admin { paths = ["/admin/*"], hosts = ["shop.example.com"], forward = admin }
}
environment api {
  application = shop, platform = "Tomcat 10 with Corretto 21", instances = 1..1, vpc = main
  cname_prefix = "the-api-shop"
  load_balancer = edge
}
output edge_url = edge.url
"#;

/// The values of a rule's condition.
fn condition<'a>(rule: &'a Rule, field: &str) -> Vec<&'a str> {
    let conditions = rule.conditions().iter().filter(|condition| condition.field() == Some(field));
    conditions.flat_map(|condition| condition.values()).map(String::as_str).collect()
}

/// How many target groups there are, and the tag that counts who shares the load balancer.
async fn sharers(stack: &Stack) -> (usize, Option<String>) {
    let groups = stack.clients.elbv2.describe_target_groups().send().await.unwrap();
    let arn = balancer(stack).await.load_balancer_arn.unwrap();
    let reply = stack.clients.elbv2.describe_tags().resource_arns(arn).send().await.unwrap();
    let mut tags = reply.tag_descriptions()[0].tags().iter();
    let count = tags.find(|tag| tag.key() == Some("elasticbeanstalk:shared-elb-environment-count"));
    (groups.target_groups().len(), count.and_then(|tag| tag.value().map(str::to_owned)))
}

#[tokio::test(start_paused = true)]
async fn environments_share_a_balancer_that_stays_its_owners() {
    let mut stack = Stack::new("us-east-1").await;
    let first = shared_balancer(&stack.clients, "edge").await;
    let (before, attributes_before) = (listener(&stack, 80).await, attributes(&stack).await);
    let calls = stack.run(SHARING).await;
    assert!(!calls.contains(UPDATE) && !calls.contains(REDIRECT), "{calls:?}");
    // One load balancer, still the same, with rules for the names of both.
    let found = balancer(&stack).await;
    assert_eq!(found.load_balancer_arn, first.load_balancer_arn);
    assert_eq!(found.availability_zones(), first.availability_zones());
    assert_eq!(listener(&stack, 80).await, before);
    assert_eq!(attributes(&stack).await, attributes_before);
    assert_eq!(sharers(&stack).await, (3, Some("2".to_owned())));
    let found = rules(&stack, 80).await;
    let (web, api) =
        ("the-web-shop.us-east-1.elasticbeanstalk.com", "the-api-shop.us-east-1.elasticbeanstalk.com");
    assert_eq!(found.len(), 3);
    let admin = found.iter().find(|rule| !condition(rule, "path-pattern").is_empty()).unwrap();
    assert_eq!(condition(admin, "host-header"), [web, "shop.example.com"]);
    for host in [web, api] {
        let own = |rule: &&Rule| condition(rule, "host-header") == [host];
        let rule = found.iter().find(own).unwrap_or_else(|| panic!("no rule for {host}: {found:?}"));
        assert_eq!(rule.actions()[0].r#type(), Some(&ActionTypeEnum::Forward));
    }
    // The environment's own rule with a path comes before the one for all.
    let priority = |rule: &Rule| rule.priority().unwrap().parse::<u32>().unwrap();
    let for_all = found.iter().find(|rule| condition(rule, "host-header") == [web]).unwrap();
    assert!(priority(admin) < priority(for_all), "{found:?}");

    // Who asks for an environment's name gets it; who asks for the load balancer's gets what its owner says.
    let own_name = first.dns_name().unwrap();
    for (host, status) in [(web, 200), (api, 200), (own_name, 404)] {
        let request = NetRequest {
            method: "GET".to_owned(),
            url: format!("http://{host}/"),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: std::time::Duration::from_secs(10),
        };
        assert_eq!(stack.clients.net.fetch(request).await.unwrap().status, status, "{host}");
    }

    // Processes can be changed, rules cannot.
    let other = SHARING.replace("port = 8081", "port = 8082");
    assert_eq!(stack.run(&other).await, set(&[UPDATE]));
    assert_eq!(rules(&stack, 80).await.len(), 3);
    let ruled = other.replace("/admin/*", "/manage/*");
    let said = stack.fail(&ruled).await;
    assert!(said.contains("only when it is made"), "{said}");
    stack.forget();
    assert_eq!(stack.run(&other).await, set(&[]));

    // One goes, then the other; the load balancer and its listener stay.
    let one = other.split("environment api").next().unwrap().to_owned();
    assert_eq!(stack.run(&one).await, set(&["api elasticbeanstalk:TerminateEnvironment"]));
    assert_eq!(sharers(&stack).await, (2, Some("1".to_owned())));
    stack.destroy(&one).await;
    assert_eq!(sharers(&stack).await, (0, None));
    assert_eq!(rules(&stack, 80).await, []);
    assert_eq!(listener(&stack, 80).await, before);
    let last = balancer(&stack).await;
    assert_eq!(last.security_groups(), first.security_groups());
    assert_eq!(attributes(&stack).await, attributes_before);
}

#[tokio::test(start_paused = true)]
async fn a_shared_balancer_must_exist_and_listen() {
    let stack = Stack::new("us-east-1").await;
    let said = stack.fail(SHARING).await;
    assert!(said.contains("there is no Application Load Balancer with name = \"edge\""), "{said}");
    let made = shared_balancer(&stack.clients, "edge").await;
    let secure = SHARING.replace(
        "load_balancer = edge\n  process",
        "load_balancer = edge, listener_ports = [8080]\n  process",
    );
    let said = stack.fail(&secure).await;
    assert!(said.contains("does not listen on port 8080: write `listener_ports = [80]`"), "{said}");
    let arn = made.load_balancer_arn().unwrap();
    let action = listener(&stack, 80).await.default_actions()[0].clone();
    let request = stack.clients.elbv2.create_listener().load_balancer_arn(arn).port(8080);
    request.protocol(ProtocolEnum::Http).default_actions(action).send().await.unwrap();
    stack.run(&secure).await;
    assert_eq!((rules(&stack, 8080).await.len(), rules(&stack, 80).await.len()), (2, 1));
    // By its ARN it is the same one, and nothing is to be done.
    let by_arn = secure.replace("name = \"edge\"", &format!("arn = \"{arn}\""));
    assert_eq!(stack.run(&by_arn).await, set(&[]));

    // Names that are swapped take the requests along.
    let hosts = async || {
        let found = rules(&stack, 80).await;
        condition(&found[0], "host-header").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(hosts().await, ["the-api-shop.us-east-1.elasticbeanstalk.com"]);
    let swap = stack.clients.beanstalk.swap_environment_cnames();
    swap.source_environment_name("shop-web").destination_environment_name("shop-api").send().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    stack.clients.beanstalk.describe_environments().send().await.unwrap();
    assert_eq!(hosts().await, ["the-web-shop.us-east-1.elasticbeanstalk.com"]);
}
