//! Kinds of IAM, CloudWatch and SNS against the local cloud, through the SDK: made, unchanged on a second look, changed
//! in place, put right after somebody else's change, deleted.

use super::stack::{Stack, set};
use vpipe::plan::Action;

const ROLES: &str = r#"
role worker {
  trusted_services = ["ec2.amazonaws.com"]
  managed_policies = ["AWSElasticBeanstalkWebTier", "arn:aws:iam::aws:policy/ReadOnlyAccess"]
  policies = {
    read = json({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = "${files.arn}/*" }] })
  }
  session = 2h
}
instance_profile workers { role = worker }
bucket files { }
"#;

#[tokio::test(start_paused = true)]
async fn roles_and_profiles_are_made_changed_and_put_right() {
    let mut stack = Stack::new("eu-west-1").await;
    let calls = stack.run(ROLES).await;
    assert!(
        calls.is_superset(&set(&[
            "worker iam:CreateRole",
            "worker iam:AttachRolePolicy",
            "worker iam:PutRolePolicy",
            "workers iam:CreateInstanceProfile",
            "workers iam:AddRoleToInstanceProfile",
        ])),
        "{calls:?}"
    );
    // With the journal lost, both are known by their tags.
    stack.forget();
    assert_eq!(stack.run(ROLES).await, set(&[]));

    let changed = ROLES
        .replace("2h", "3h")
        .replace("[\"ec2.amazonaws.com\"]", "[\"ssm.amazonaws.com\", \"ec2.amazonaws.com\"]")
        .replace("\"AWSElasticBeanstalkWebTier\", ", "")
        .replace("read = json", "write = json")
        .replace("s3:GetObject", "s3:PutObject")
        .replace("role worker {", "role worker {\n  permissions_boundary = \"arn:aws:iam::aws:policy/PowerUserAccess\"\n  tags = { team = \"web\" }");
    let expected = [
        "UpdateAssumeRolePolicy",
        "UpdateRole",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
        "DetachRolePolicy",
        "DeleteRolePolicy",
        "TagRole",
    ]
    .map(|call| format!("worker iam:{call}"));
    assert_eq!(stack.run(&changed).await, set(&expected.each_ref().map(String::as_str)));

    // Somebody changes it by hand.
    let iam = &stack.clients.iam;
    let role = "shop-worker";
    iam.attach_role_policy()
        .role_name(role)
        .policy_arn("arn:aws:iam::aws:policy/AdministratorAccess")
        .send()
        .await
        .unwrap();
    iam.delete_role_policy().role_name(role).policy_name("write").send().await.unwrap();
    iam.delete_role_permissions_boundary().role_name(role).send().await.unwrap();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    iam.update_assume_role_policy().role_name(role).policy_document(trust).send().await.unwrap();
    let profile = "shop-workers";
    iam.remove_role_from_instance_profile()
        .role_name(role)
        .instance_profile_name(profile)
        .send()
        .await
        .unwrap();
    let expected = [
        "worker iam:UpdateAssumeRolePolicy",
        "worker iam:PutRolePermissionsBoundary",
        "worker iam:PutRolePolicy",
        "worker iam:DetachRolePolicy",
        "workers iam:AddRoleToInstanceProfile",
    ];
    assert_eq!(stack.run(&changed).await, set(&expected));

    // A path cannot be changed: another role, and the profile, which holds it, takes the new one.
    let moved = changed.replace("session = 3h", "session = 3h, path = \"/web/\", name = \"shop-other\"");
    let planned = stack.plan(&moved).await;
    assert!(planned.nodes.iter().any(|n| n.id == "worker" && n.action == Action::Replace), "{planned:#?}");
    stack.run(&moved).await;
    let found = iam.get_instance_profile().instance_profile_name(profile).send().await.unwrap();
    assert_eq!(
        found.instance_profile().unwrap().roles()[0].arn(),
        "arn:aws:iam::123456789012:role/web/shop-other"
    );

    // A profile of somebody else that holds the role does not hold up its deletion.
    iam.create_instance_profile().instance_profile_name("theirs").send().await.unwrap();
    iam.add_role_to_instance_profile()
        .instance_profile_name("theirs")
        .role_name("shop-other")
        .send()
        .await
        .unwrap();
    let calls = stack.destroy(&moved).await;
    assert!(calls.contains(&"worker iam:DeleteRole".to_owned()), "{calls:?}");
    let said = stack.fail("role r { trusted_services = [\"ec2.amazonaws.com\"], managed_policies = [\"arn:aws:iam::123456789012:policy/none\"] }").await;
    assert!(said.contains("look at `managed_policies`"), "{said}");
}

const ENVIRONMENT: &str = r#"
use std.beanstalk_roles as roles { instance_policies = ["AmazonSSMManagedInstanceCore"] }
application shop { }
environment web {
  application = shop
  platform = "Tomcat 10 with Corretto 21"
  instance_profile = roles.instance_profile, service_role = roles.service_role
}
"#;

#[tokio::test(start_paused = true)]
async fn an_environment_waits_until_its_new_profile_can_be_seen() {
    let mut stack = Stack::new("us-east-1").await;
    stack.run(ENVIRONMENT).await;
    stack.forget();
    assert_eq!(stack.run(ENVIRONMENT).await, set(&[]));
    let settings = stack.clients.beanstalk.describe_configuration_settings();
    let settings = settings.application_name("shop-shop").environment_name("shop-web").send().await.unwrap();
    let value = |name: &str| {
        let found = settings.configuration_settings()[0].option_settings().iter();
        found
            .clone()
            .find(|one| one.option_name() == Some(name))
            .and_then(|one| one.value())
            .map(str::to_owned)
    };
    let profile = value("IamInstanceProfile").unwrap();
    assert_eq!(profile, "arn:aws:iam::123456789012:instance-profile/shop-roles-instances-profile");
    // A name in place of the handle, and back.
    let named = ENVIRONMENT.replace("roles.instance_profile,", "\"aws-elasticbeanstalk-ec2-role\",");
    assert_eq!(stack.run(&named).await, set(&["web elasticbeanstalk:UpdateEnvironment"]));
    stack.run(ENVIRONMENT).await;
    let calls = stack.destroy(ENVIRONMENT).await;
    let at = |call: &str| {
        calls.iter().position(|made| made == call).unwrap_or_else(|| panic!("{call}: {calls:?}"))
    };
    let gone = at("roles.instances_profile iam:DeleteInstanceProfile");
    assert!(
        at("web elasticbeanstalk:TerminateEnvironment") < gone && gone < at("roles.instances iam:DeleteRole")
    );
}

const ALARMS: &str = r#"
topic alerts {
  display_name = "Shop"
  emails = ["ops@example.com", "dev@example.com"]
  queues = ["arn:aws:sqs:us-east-1:123456789012:alerts"]
}
db_instance mysql { engine = "mysql", class = "db.t3.micro", username = "app", password = pw }
application shop { }
environment web { application = shop, platform = "Tomcat 10 with Corretto 21" }
alarm full { db_instance = mysql, metric = "FreeStorageSpace", comparison = "<", threshold = 2GiB, actions = [alerts] }
alarm slow {
  load_balancer = web, metric = "TargetResponseTime", statistic = "p99", threshold = 500ms, period = 1m, periods = 5, datapoints = 3
  actions = [alerts], ok_actions = [alerts], missing_data = "notBreaching"
}
alarm ill { environment = web, metric = "EnvironmentHealth", statistic = "Maximum", threshold = 20, actions = [alerts] }
alarm busy { namespace = "AWS/EC2", dimensions = { AutoScalingGroupName = "asg" }, metric = "CPUUtilization", threshold = 80%, actions = [alerts] }
"#;

#[tokio::test(start_paused = true)]
async fn alarms_tell_topics_and_are_put_right() {
    let mut stack = Stack::new("us-east-1").await;
    let calls = stack.run(ALARMS).await;
    assert!(
        calls.is_superset(&set(&["alerts sns:Subscribe", "slow cloudwatch:PutMetricAlarm"])),
        "{calls:?}"
    );
    stack.forget();
    // A password cannot be read back.
    assert_eq!(stack.run(ALARMS).await, set(&["mysql rds:ModifyDBInstance"]));
    let (cloudwatch, sns) = (stack.clients.cloudwatch.clone(), stack.clients.sns.clone());
    let seen = async |name: &str| {
        let reply = cloudwatch.describe_alarms().alarm_names(name).send().await.unwrap();
        reply.metric_alarms()[0].clone()
    };
    let slow = seen("shop-slow").await;
    assert_eq!(
        (slow.threshold(), slow.extended_statistic(), slow.datapoints_to_alarm()),
        (Some(0.5), Some("p99"), Some(3))
    );
    assert!(slow.dimensions()[0].value().unwrap().starts_with("app/awseb-"), "{slow:?}");
    let full = seen("shop-full").await;
    assert_eq!((full.threshold(), full.dimensions()[0].value()), (Some(2_147_483_648.0), Some("shop-mysql")));

    let changed = ALARMS
        .replace("2GiB", "5GiB")
        .replace("threshold = 80%", "threshold = 80%, tags = { team = \"web\" }")
        .replace("\"Shop\"", "\"The shop\"")
        .replace("\"dev@example.com\"", "\"new@example.com\"");
    // The address that nobody confirmed cannot be taken back.
    let expected = [
        "full cloudwatch:PutMetricAlarm",
        "busy cloudwatch:TagResource",
        "alerts sns:SetTopicAttributes",
        "alerts sns:Subscribe",
    ];
    assert_eq!(stack.run(&changed).await, set(&expected));

    // Somebody changes them by hand.
    let topic = slow.alarm_actions()[0].clone();
    let all = sns.list_subscriptions_by_topic().topic_arn(&topic).send().await.unwrap();
    let queue = all.subscriptions().iter().find(|one| one.protocol() == Some("sqs")).unwrap();
    sns.unsubscribe().subscription_arn(queue.subscription_arn().unwrap()).send().await.unwrap();
    sns.subscribe()
        .topic_arn(&topic)
        .protocol("sqs")
        .endpoint("arn:aws:sqs:us-east-1:123456789012:theirs")
        .send()
        .await
        .unwrap();
    cloudwatch.disable_alarm_actions().alarm_names("shop-ill").send().await.unwrap();
    cloudwatch.delete_alarms().alarm_names("shop-busy").send().await.unwrap();
    cloudwatch
        .set_alarm_state()
        .alarm_name("shop-full")
        .state_value("ALARM".into())
        .state_reason("a test")
        .send()
        .await
        .unwrap();
    let expected = [
        "alerts sns:Subscribe",
        "alerts sns:Unsubscribe",
        "ill cloudwatch:PutMetricAlarm",
        "busy cloudwatch:PutMetricAlarm",
    ];
    assert_eq!(stack.run(&changed).await, set(&expected));

    let renamed = changed.replace("alarm ill {", "alarm ill { name = \"unwell\", ");
    let planned = stack.plan(&renamed).await;
    assert!(planned.nodes.iter().any(|n| n.id == "ill" && n.action == Action::Replace), "{planned:#?}");
    let calls = stack.destroy(&changed).await;
    let at = |call: &str| {
        calls.iter().position(|made| made == call).unwrap_or_else(|| panic!("{call}: {calls:?}"))
    };
    assert!(at("slow cloudwatch:DeleteAlarms") < at("alerts sns:DeleteTopic"));

    let elsewhere = "alarm a { namespace = \"x\", metric = \"m\", threshold = 1, actions = [\"arn:aws:sns:eu-west-1:123456789012:x\"] }";
    let said = stack.fail(elsewhere).await;
    assert!(said.contains("Invalid region eu-west-1 specified"), "{said}");
}

const CDN: &str = r#"
application shop { }
environment web { application = shop, platform = "Tomcat 10 with Corretto 21" }
bucket files { empty_on_destroy = true }
bucket logs { }
distribution cdn {
  origin = web
  logging = to(bucket: logs, prefix: "cdn/")
  web_acl = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/1a2b"
  viewers = only(countries: ["AT", "DE"])
  behavior "/static/*" { origin = files }
  behavior "/static/live/*" { origin = "live.example.com", caching = "disabled", viewer_protocol = "https-only", methods = "read-and-options" }
  error_page 404 { path = "/static/404.html", keep = 1m }
}
"#;

/// As of a distribution that was imported.
#[tokio::test(start_paused = true)]
async fn an_access_control_that_somebody_else_made_serves_and_stays() {
    let stack = Stack::new("us-east-1").await;
    let body = "bucket files { empty_on_destroy = true }\ndistribution cdn { origin = files }";
    stack.run(body).await;
    let cloudfront = &stack.clients.cloudfront;
    let controls = cloudfront.list_origin_access_controls().send().await.unwrap();
    let ours = controls.origin_access_control_list.unwrap().items()[0].id().to_owned();
    let reply = cloudfront.get_origin_access_control().id(&ours).send().await.unwrap();
    let mut theirs = reply.origin_access_control.unwrap().origin_access_control_config.unwrap();
    theirs.name = "theirs".to_owned();
    let made = cloudfront.create_origin_access_control().origin_access_control_config(theirs).send().await;
    let theirs = made.unwrap().origin_access_control.unwrap().id;
    let list = cloudfront.list_distributions().send().await.unwrap().distribution_list.unwrap();
    let id = list.items()[0].id();
    let reply = cloudfront.get_distribution_config().id(id).send().await.unwrap();
    let mut config = reply.distribution_config.unwrap();
    config.origins.as_mut().unwrap().items[0].origin_access_control_id = Some(theirs.clone());
    let update = cloudfront.update_distribution().id(id).set_if_match(reply.e_tag);
    update.distribution_config(config).send().await.unwrap();
    cloudfront
        .delete_origin_access_control()
        .id(&ours)
        .set_if_match(tag_of(cloudfront, &ours).await)
        .send()
        .await
        .unwrap();

    assert_eq!(stack.run(body).await, set(&[]));
    stack.destroy(body).await;
    let controls = cloudfront.list_origin_access_controls().send().await.unwrap();
    let left = controls.origin_access_control_list.unwrap();
    assert_eq!(left.items().iter().map(|one| one.id()).collect::<Vec<_>>(), [theirs]);
}

async fn tag_of(cloudfront: &aws_sdk_cloudfront::Client, control: &str) -> Option<String> {
    cloudfront.get_origin_access_control().id(control).send().await.unwrap().e_tag
}

#[tokio::test(start_paused = true)]
async fn distributions_with_behaviours_logs_and_a_web_acl() {
    let mut stack = Stack::new("us-east-1").await;
    let calls = stack.run(CDN).await;
    let all = [
        "cdn cloudfront:CreateDistribution",
        "cdn cloudfront:CreateOriginAccessControl",
        "cdn s3:PutBucketOwnershipControls",
        "cdn cloudfront:UpdateDistribution",
        "cdn s3:PutBucketPolicy",
    ];
    assert!(calls.is_superset(&set(&all)), "{calls:?}");
    stack.forget();
    assert_eq!(stack.run(CDN).await, set(&[]));

    let cloudfront = stack.clients.cloudfront.clone();
    let list = cloudfront.list_distributions().send().await.unwrap().distribution_list.unwrap();
    let id = list.items()[0].id().to_owned();
    let config = async || {
        let reply = cloudfront.get_distribution_config().id(&id).send().await.unwrap();
        (reply.e_tag.clone(), reply.distribution_config.unwrap())
    };
    let (_, seen) = config().await;
    let paths = |config: &aws_sdk_cloudfront::types::DistributionConfig| -> Vec<String> {
        config.cache_behaviors().unwrap().items().iter().map(|one| one.path_pattern().to_owned()).collect()
    };
    assert_eq!(paths(&seen), ["/static/live/*", "/static/*"]);
    assert_eq!(seen.origins().unwrap().quantity(), 3);
    assert!(seen.logging().unwrap().bucket().starts_with("shop-logs-"), "{seen:?}");

    // Each thing that the file says is changed in place.
    let update = set(&["cdn cloudfront:UpdateDistribution"]);
    let mut body = CDN.to_owned();
    for (before, after) in [
        ("prefix: \"cdn/\"", "prefix: \"edge/\""),
        ("webacl/shop/1a2b\"", "webacl/shop/3c4d\""),
        ("only(countries: [\"AT\", \"DE\"])", "except(countries: [\"AQ\"])"),
        ("caching = \"disabled\"", "caching = \"658327ea-f89d-4fab-a63d-7e88639e58f6\""),
        ("methods = \"read-and-options\"", "methods = \"all\", compress = false"),
        ("live.example.com", "stream.example.com"),
        ("keep = 1m", "keep = 2m, answer = 200"),
        ("error_page 404", "error_page 403"),
        (
            "  behavior \"/static/*\"",
            "  behavior \"/img/*\" { origin = files, viewer_protocol = \"allow-all\" }\n  behavior \"/static/*\"",
        ),
        (
            "viewers = except(countries: [\"AQ\"])",
            "viewers = everywhere, compress = false, methods = \"read\"",
        ),
        ("web_acl = \"arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/3c4d\"", "web_acl = \"none\""),
        ("logging = to(bucket: logs, prefix: \"edge/\")", "logging = off"),
    ] {
        assert!(body.contains(before), "{before}");
        body = body.replace(before, after);
        assert_eq!(stack.run(&body).await, update, "{after}");
    }

    // Somebody changes it by hand: behaviours in an order in which they are tried too late.
    let (etag, mut theirs) = config().await;
    let behaviors = theirs.cache_behaviors.as_mut().unwrap().items.as_mut().unwrap();
    behaviors.reverse();
    cloudfront
        .update_distribution()
        .id(&id)
        .set_if_match(etag)
        .distribution_config(theirs)
        .send()
        .await
        .unwrap();
    assert_eq!(stack.run(&body).await, update);
    assert_eq!(paths(&config().await.1), ["/static/live/*", "/static/*", "/img/*"]);

    // A web ACL that somebody put before it stays where the file says nothing of it.
    let silent = body.replace("  web_acl = \"none\"\n", "");
    let (etag, mut theirs) = config().await;
    theirs.web_acl_id = Some("arn:aws:wafv2:us-east-1:123456789012:global/webacl/theirs/1".to_owned());
    cloudfront
        .update_distribution()
        .id(&id)
        .set_if_match(etag)
        .distribution_config(theirs)
        .send()
        .await
        .unwrap();
    assert_eq!(stack.run(&silent).await, set(&[]));
    assert_eq!(stack.run(&body).await, update);

    // Without behaviours their origins go as well.
    let without: String = body
        .lines()
        .filter(|line| !line.contains("behavior") && !line.contains("error_page"))
        .map(|line| format!("{line}\n"))
        .collect();
    stack.run(&without).await;
    assert_eq!(config().await.1.origins().unwrap().quantity(), 1);
    let calls = stack.destroy(&without).await;
    assert!(calls.contains(&"cdn cloudfront:DeleteDistribution".to_owned()), "{calls:?}");
}
