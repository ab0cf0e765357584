//! Environments from launch to end, and the five deployment policies: who serves what when.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;

use super::options::{ASG, COMMAND, LAUNCH, UPDATES};
use crate::local::dataplane::Trouble;
use crate::local::service::Service::{Beanstalk, Elbv2};
use crate::local::world::{Serving, World};

const V2: [(&str, &str); 2] = [("index.html", "two"), ("login.html", "login two")];
const SICK: [(&str, &str); 2] = [("index.html", "sick"), (".vpipe-local/unhealthy", "")];
const PROCESS: &str = "aws:elasticbeanstalk:environment:process:default";

/// An environment of three instances that deploys by a policy.
fn three(policy: &str, more: &[(&str, &str, &str)]) -> World {
    let mut world = World::new();
    let mut options =
        vec![(ASG, "MinSize", "3"), (COMMAND, "DeploymentPolicy", policy), (COMMAND, "BatchSize", "30")];
    options.extend(more);
    world.launch(&options);
    world.version("v2", &V2);
    world
}

fn least(seen: &[Serving]) -> usize {
    seen.iter().map(|s| s.old + s.new).min().unwrap()
}

fn peak(seen: &[Serving]) -> usize {
    seen.iter().map(|s| s.total).max().unwrap()
}

/// How many instances served the old and the new version at a second.
fn at(seen: &[Serving], second: i64) -> (usize, usize) {
    seen.iter().find(|s| s.second == second).map(|s| (s.old, s.new)).unwrap()
}

fn lasted(seen: &[Serving]) -> i64 {
    seen.last().unwrap().second
}

#[test]
fn an_environment_is_launched_told_of_and_ended() {
    let mut world = World::new();
    world.eb("CreateApplication", json!({"ApplicationName": "shop"}));
    let made = world.create("webs", None, &[(ASG, "MinSize", "2"), (PROCESS, "HealthCheckPath", "/")]);
    assert_eq!((made.text_at("Status"), made.text_at("Health")), (Some("Launching"), Some("Grey")));
    assert_eq!(made.text_at("CNAME"), Some("shop-webs.us-east-1.elasticbeanstalk.com"));
    let request = "request-2";
    world.wait(50);
    let early = world.eb("DescribeEnvironmentResources", json!({"EnvironmentName": "webs"}));
    assert_eq!(early.children_at("EnvironmentResources/Instances").len(), 0);
    world.wait(100);
    assert_eq!(world.environment("Status"), "Launching");
    assert!(matches!(
        world.get("http://shop-webs.us-east-1.elasticbeanstalk.com/").map(|s| s.status),
        Ok(503) | Err(Trouble::Timeout(_))
    ));
    world.wait(100);
    assert_eq!(
        (world.environment("Status"), world.environment("HealthStatus")),
        ("Ready".into(), "Ok".into())
    );
    let events = world.events(request);
    assert_eq!(events.first().unwrap(), "createEnvironment is starting.");
    assert_eq!(events.last().unwrap(), "Successfully launched environment: webs");
    let seen = world.get("http://shop-webs.us-east-1.elasticbeanstalk.com/").unwrap();
    assert_eq!((seen.status, seen.version.as_str()), (200, "Sample Application"));

    let found = world.eb("DescribeEnvironmentResources", json!({"EnvironmentName": "webs"}));
    assert_eq!(found.children_at("EnvironmentResources/Instances").len(), 2);
    assert!(
        found
            .text_at("EnvironmentResources/LoadBalancers/member/Name")
            .unwrap()
            .starts_with("arn:aws:elasticloadbalancing")
    );
    let busy = world.refused(
        Beanstalk,
        "CreateEnvironment",
        json!({"ApplicationName": "shop", "EnvironmentName": "webs"}),
    );
    assert_eq!(busy.message, "Environment webs already exists.");

    world.eb("TerminateEnvironment", json!({"EnvironmentName": "webs"}));
    assert_eq!(world.environment("Status"), "Terminating");
    world.wait(150);
    assert_eq!(world.environment("Status"), "Terminated");
    assert!(matches!(
        world.get("http://shop-webs.us-east-1.elasticbeanstalk.com/"),
        Err(Trouble::Refused(_))
    ));
    assert!(world.state.elbv2.load_balancers.is_empty() && world.state.elbv2.target_groups.is_empty());
    let left =
        world.state.ec2.region("us-east-1").groups.values().map(|g| g.name.clone()).collect::<Vec<_>>();
    assert_eq!(left, ["default"]);
    world.wait(3_700);
    assert_eq!(world.environment("Status"), "");
    world.eb("DeleteApplication", json!({"ApplicationName": "shop"}));
    assert!(world.state.beanstalk.applications.is_empty());
}

#[test]
fn the_sample_application_of_tomcat_does_not_know_other_paths() {
    let mut world = World::new();
    world.eb("CreateApplication", json!({"ApplicationName": "shop"}));
    world.create("webs", None, &[(PROCESS, "HealthCheckPath", "/login")]);
    world.wait(300);
    assert_eq!((world.environment("Status"), world.environment("Health")), ("Ready".into(), "Red".into()));
    world.version("v2", &V2);
    world.deploy("v2");
    world.wait(200);
    assert_eq!((world.environment("Status"), world.environment("Health")), ("Ready".into(), "Green".into()));
}

#[test]
fn a_launch_fails_without_an_instance_profile() {
    for (profile, why) in [
        ("", "Environment must have instance profile associated with it."),
        ("nobody", "The instance profile nobody associated with the environment does not exist."),
    ] {
        let mut world = World::new();
        world.eb("CreateApplication", json!({"ApplicationName": "shop"}));
        world.create("webs", None, &[(LAUNCH, "IamInstanceProfile", profile)]);
        world.wait(60);
        assert_eq!(
            (world.environment("Status"), world.environment("Health")),
            ("Ready".into(), "Red".into())
        );
        let events = world.events("request-2");
        assert!(events.contains(&why.to_owned()), "{events:?}");
        assert_eq!(events.last().unwrap(), "Failed to launch environment.");
    }
}

#[test]
fn a_launch_fails_without_its_certificate() {
    let mut world = World::new();
    world.eb("CreateApplication", json!({"ApplicationName": "shop"}));
    let listener = "aws:elbv2:listener:443";
    let arn = "arn:aws:acm:us-east-1:123456789012:certificate/nope";
    world.create("webs", None, &[(listener, "Protocol", "HTTPS"), (listener, "SSLCertificateArns", arn)]);
    world.wait(100);
    assert_eq!((world.environment("Status"), world.environment("Health")), ("Ready".into(), "Red".into()));
    let events = world.events("request-2");
    assert!(events.iter().any(|e| e.contains("CertificateNotFound")), "{events:?}");
    world.eb("TerminateEnvironment", json!({"EnvironmentName": "webs"}));
    world.wait(150);
    assert_eq!(world.environment("Status"), "Terminated");
}

#[test]
fn all_at_once_nobody_answers_for_a_moment() {
    let mut world = three("AllAtOnce", &[]);
    let request = world.deploy("v2");
    let seen = world.watch("v2");
    assert_eq!(lasted(&seen), 79);
    assert_eq!((at(&seen, 47), at(&seen, 50), at(&seen, 56)), ((3, 0), (0, 0), (0, 3)));
    assert_eq!((least(&seen), peak(&seen)), (0, 3));
    assert_eq!(world.environment("VersionLabel"), "v2");
    let events = world.events(&request);
    assert_eq!(events.first().unwrap(), "Environment update is starting.");
    assert_eq!(events.last().unwrap(), "Environment update completed successfully.");
}

#[test]
fn all_at_once_a_request_in_the_middle_fails() {
    let mut world = three("AllAtOnce", &[]);
    let url = "http://shop-webs.us-east-1.elasticbeanstalk.com/";
    world.deploy("v2");
    assert_eq!(world.get(url).unwrap().version, "v1");
    world.wait(50);
    assert_eq!(world.get(url).unwrap().status, 502);
    world.wait(10);
    assert_eq!(world.get(url).unwrap().version, "v2");
}

#[test]
fn rolling_one_after_the_other() {
    let mut world = three("Rolling", &[]);
    let request = world.deploy("v2");
    let seen = world.watch("v2");
    // Eight minutes and eight seconds, as in the field.
    assert_eq!(lasted(&seen), 488);
    assert_eq!((least(&seen), peak(&seen)), (2, 3));
    assert_eq!(
        (at(&seen, 5), at(&seen, 60), at(&seen, 220), at(&seen, 400)),
        ((3, 0), (2, 1), (1, 2), (0, 3))
    );
    let events = world.events(&request);
    let of_batch = |n: usize| events.iter().filter(|e| e.starts_with(&format!("Batch {n}: "))).count();
    assert_eq!((of_batch(1), of_batch(2), of_batch(3), of_batch(4)), (6, 6, 6, 0));
    assert!(events.contains(&"Command execution completed on 2 of 3 instances in environment.".to_owned()));
    let health =
        world.eb("DescribeInstancesHealth", json!({"EnvironmentName": "webs", "AttributeNames": ["All"]}));
    let labels: Vec<_> = health
        .children_at("InstanceHealthList")
        .iter()
        .filter_map(|i| i.text_at("Deployment/VersionLabel"))
        .collect();
    assert_eq!(labels, ["v2", "v2", "v2"]);
}

#[test]
fn rolling_in_batches_of_half() {
    let mut world = three("Rolling", &[(ASG, "MinSize", "4"), (COMMAND, "BatchSize", "50")]);
    world.deploy("v2");
    let seen = world.watch("v2");
    assert_eq!((least(&seen), peak(&seen), lasted(&seen)), (2, 4, 328));
}

#[test]
fn an_additional_batch_keeps_all_in_service() {
    let mut world = three("RollingWithAdditionalBatch", &[]);
    let request = world.deploy("v2");
    let seen = world.watch("v2");
    assert_eq!((least(&seen), peak(&seen)), (3, 4));
    assert_eq!((seen.last().unwrap().new, seen.last().unwrap().total), (3, 3));
    let events = world.events(&request);
    assert!(events[1].starts_with("Rolling with Additional Batch deployment policy enabled."), "{events:?}");
    assert!(events.iter().any(|e| e.starts_with("Batch 4: Completed")));
}

#[test]
fn immutable_beside_the_old_ones() {
    let mut world = three("Immutable", &[]);
    let before: Vec<String> =
        world.state.beanstalk.environments[0].instances.iter().map(|i| i.id.clone()).collect();
    let request = world.deploy("v2");
    let seen = world.watch("v2");
    // Eighteen minutes and ten seconds in the field.
    assert!((1_080..=1_100).contains(&lasted(&seen)), "{}", lasted(&seen));
    assert_eq!((least(&seen), peak(&seen)), (3, 6));
    assert_eq!(at(&seen, 130), (3, 1));
    assert_eq!((seen.last().unwrap().old, seen.last().unwrap().new), (0, 3));
    let after: Vec<String> =
        world.state.beanstalk.environments[0].instances.iter().map(|i| i.id.clone()).collect();
    assert!(after.iter().all(|id| !before.contains(id)));
    let events = world.events(&request);
    assert!(
        events.contains(&"Test instance passed health checks. Launching remaining new instances.".to_owned())
    );
}

#[test]
fn traffic_is_split_for_a_while() {
    let mut world =
        three("TrafficSplitting", &[("aws:elasticbeanstalk:trafficsplitting", "NewVersionPercent", "20")]);
    world.deploy("v2");
    let url = "http://shop-webs.us-east-1.elasticbeanstalk.com/";
    let shares = |world: &mut World| (0..100).filter(|_| world.get(url).unwrap().version == "v2").count();
    world.wait(150);
    assert_eq!(shares(&mut world), 0);
    world.wait(150);
    assert_eq!(shares(&mut world), 20);
    world.wait(300);
    assert_eq!(shares(&mut world), 100);
    let seen = world.watch("v2");
    assert_eq!((seen.last().unwrap().old, seen.last().unwrap().new, seen.last().unwrap().total), (0, 3, 3));
    assert!(seen.iter().all(|s| s.new == 3));
    assert_eq!(shares(&mut world), 100);
    assert_eq!(world.state.elbv2.target_groups.len(), 1);
}

#[test]
fn a_bundle_that_is_none_fails_and_what_ran_goes_on() {
    for policy in ["AllAtOnce", "Rolling", "RollingWithAdditionalBatch", "Immutable", "TrafficSplitting"] {
        let mut world = three(policy, &[]);
        world.version_of("bad", b"this is no archive");
        let request = world.deploy("bad");
        let seen = world.watch("bad");
        assert!(lasted(&seen) < 300, "{policy}");
        // What was taken out of the load balancer is healthy again after a first check.
        world.wait(16);
        let after = world.serving("bad", 0);
        assert_eq!((after.old, after.new), (3, 0), "{policy}");
        assert_eq!(world.environment("VersionLabel"), "v1", "{policy}");
        let events = world.events(&request);
        assert!(events.contains(&"Failed to deploy application.".to_owned()), "{policy}: {events:?}");
        assert!(events.iter().any(|e| e.contains("Engine execution has encountered an error")), "{policy}");
        assert_eq!(world.state.beanstalk.environments[0].instances.len(), 3, "{policy}");
    }
}

#[test]
fn a_sick_version_stops_a_rolling_deployment_at_its_first_batch() {
    let mut world = three("Rolling", &[(COMMAND, "Timeout", "300")]);
    world.version("sick", &SICK);
    let request = world.deploy("sick");
    let seen = world.watch("sick");
    // Until the command's timeout and four minutes have passed.
    assert!((540..620).contains(&lasted(&seen)), "{}", lasted(&seen));
    assert_eq!((seen.last().unwrap().old, seen.last().unwrap().new), (2, 0));
    let events = world.events(&request);
    assert!(
        events.iter().any(
            |e| e.ends_with("did not pass health check after command execution. Aborting the operation.")
        )
    );
    assert!(!events.iter().any(|e| e.starts_with("Batch 2")));
    assert_eq!((world.environment("VersionLabel"), world.environment("Health")), ("v1".into(), "Red".into()));
    // The site goes on with the two that are well.
    let url = "http://shop-webs.us-east-1.elasticbeanstalk.com/";
    assert!((0..10).all(|_| world.get(url).unwrap().version == "v1"));
    world.deploy("v1");
    world.watch("v1");
    assert_eq!(world.environment("HealthStatus"), "Ok");
}

#[test]
fn a_sick_version_leaves_an_immutable_environment_untouched() {
    for policy in ["Immutable", "TrafficSplitting"] {
        let mut world = three(policy, &[(COMMAND, "Timeout", "60")]);
        world.version("sick", &SICK);
        world.deploy("sick");
        let seen = world.watch("sick");
        assert_eq!(least(&seen), 3, "{policy}");
        assert_eq!((seen.last().unwrap().old, seen.last().unwrap().total), (3, 3), "{policy}");
        assert_eq!(world.environment("HealthStatus"), "Ok", "{policy}");
    }
}

#[test]
fn health_checks_can_be_ignored() {
    let mut world = three("Rolling", &[(COMMAND, "IgnoreHealthCheck", "true")]);
    world.version("sick", &SICK);
    world.deploy("sick");
    world.watch("sick");
    assert_eq!(
        (world.environment("VersionLabel"), world.environment("HealthStatus")),
        ("sick".into(), "Severe".into())
    );
}

#[test]
fn settings_change_in_place_restart_or_replace() {
    let mut world = three("Rolling", &[]);
    let update = |world: &mut World, options: &[(&str, &str, &str)]| {
        let settings = World::settings(options);
        world.eb("UpdateEnvironment", json!({"EnvironmentName": "webs", "OptionSettings": settings}));
        let sets = world.eb(
            "DescribeConfigurationSettings",
            json!({"ApplicationName": "shop", "EnvironmentName": "webs"}),
        );
        assert_eq!(sets.children_at("ConfigurationSettings").len(), 2);
        world.watch("v1")
    };
    let ids = |world: &World| {
        world.state.beanstalk.environments[0].instances.iter().map(|i| i.id.clone()).collect::<Vec<_>>()
    };
    let before = ids(&world);
    assert_eq!(least(&update(&mut world, &[(COMMAND, "BatchSize", "50")])), 3);
    let restarted = update(&mut world, &[("aws:elasticbeanstalk:application:environment", "A", "1")]);
    assert_eq!((least(&restarted), ids(&world) == before), (0, true));
    let replaced = update(&mut world, &[(LAUNCH, "InstanceType", "t3.small")]);
    assert_eq!((least(&replaced), ids(&world) == before), (0, false));
    assert_eq!(replaced.last().unwrap().new, 3);
    let before = ids(&world);
    let rolled = update(
        &mut world,
        &[
            (LAUNCH, "InstanceType", "t3.large"),
            (UPDATES, "RollingUpdateEnabled", "true"),
            (UPDATES, "RollingUpdateType", "Health"),
        ],
    );
    // At least so many as `MinSize` stay in service: one is launched before the first ends.
    assert_eq!((least(&rolled), peak(&rolled)), (3, 4));
    assert!(ids(&world).iter().all(|id| !before.contains(id)));
    assert_eq!(rolled.last().unwrap().new, 3);
    let grown = update(&mut world, &[(ASG, "MinSize", "4")]);
    assert_eq!((grown.last().unwrap().new, grown.last().unwrap().total), (4, 4));
}

#[test]
fn a_setting_that_cannot_be_is_reverted() {
    let mut world = three("Rolling", &[]);
    let settings = World::settings(&[(LAUNCH, "SecurityGroups", "sg-0nothing")]);
    world.eb("UpdateEnvironment", json!({"EnvironmentName": "webs", "OptionSettings": settings}));
    world.watch("v1");
    let sets = world
        .eb("DescribeConfigurationSettings", json!({"ApplicationName": "shop", "EnvironmentName": "webs"}));
    let groups = sets.children_at("ConfigurationSettings/member/OptionSettings").iter().find(|s| {
        s.text_at("Namespace") == Some(LAUNCH) && s.text_at("OptionName") == Some("SecurityGroups")
    });
    assert!(!groups.unwrap().text_at("Value").unwrap().contains("nothing"));
}

#[test]
fn a_redirect_on_a_listener_survives_updates() {
    let mut world = three("Rolling", &[]);
    let balancer = world.state.beanstalk.environments[0].resources.load_balancer.clone().unwrap();
    let listeners = world.run(Elbv2, "DescribeListeners", json!({"LoadBalancerArn": balancer})).unwrap();
    let arn = listeners.text_at("Listeners/member/ListenerArn").unwrap().to_owned();
    let redirect = json!({"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"});
    let actions = json!([{"Type": "redirect", "RedirectConfig": redirect}]);
    world.run(Elbv2, "ModifyListener", json!({"ListenerArn": arn, "DefaultActions": actions})).unwrap();
    let settings = World::settings(&[(PROCESS, "HealthCheckInterval", "20")]);
    world.eb("UpdateEnvironment", json!({"EnvironmentName": "webs", "OptionSettings": settings}));
    world.watch("v1");
    let seen = world.get("http://shop-webs.us-east-1.elasticbeanstalk.com/login?a=b").unwrap();
    assert_eq!(
        (seen.status, seen.header("location")),
        (301, Some("https://shop-webs.us-east-1.elasticbeanstalk.com:443/login?a=b"))
    );
}

#[test]
fn busy_environments_refuse_and_updates_can_be_aborted() {
    let mut world = three("Rolling", &[]);
    world.deploy("v2");
    world.wait(200);
    let again = world.refused(
        Beanstalk,
        "UpdateEnvironment",
        json!({"EnvironmentName": "webs", "VersionLabel": "v1"}),
    );
    assert_eq!(
        again.message,
        "Environment named webs is in an invalid state for this operation. Must be Ready."
    );
    assert_eq!(world.environment("AbortableOperationInProgress"), "true");
    world.eb("AbortEnvironmentUpdate", json!({"EnvironmentName": "webs"}));
    assert_eq!(world.environment("Status"), "Aborting");
    let seen = world.watch("v1");
    assert_eq!((seen.last().unwrap().new, world.environment("VersionLabel").as_str()), (3, "v1"));
    world.wait(60);
    assert_eq!(world.environment("HealthStatus"), "Ok");
}

#[test]
fn an_immutable_update_that_is_aborted_leaves_the_old_ones() {
    let mut world = three("Immutable", &[]);
    world.deploy("v2");
    world.wait(300);
    world.eb("AbortEnvironmentUpdate", json!({"EnvironmentName": "webs"}));
    let seen = world.watch("v1");
    assert_eq!((seen.last().unwrap().new, seen.last().unwrap().total), (3, 3));
}

#[test]
fn names_are_swapped() {
    let mut world = World::new();
    world.launch(&[]);
    world.version("v2", &V2);
    world.create("green", Some("v2"), &[]);
    world.wait(300);
    let url = "http://shop-webs.us-east-1.elasticbeanstalk.com/";
    assert_eq!(world.get(url).unwrap().version, "v1");
    let pair = json!({"SourceEnvironmentName": "webs", "DestinationEnvironmentName": "green"});
    world.eb("SwapEnvironmentCNAMEs", pair);
    assert_eq!(world.environment_of("green", "Status"), "Updating");
    world.wait(10);
    assert_eq!(world.environment_of("green", "CNAME"), "shop-webs.us-east-1.elasticbeanstalk.com");
    assert_eq!(world.get(url).unwrap().version, "v2");
}

#[test]
fn a_security_group_that_others_name_holds_up_the_end() {
    let mut world = World::new();
    world.launch(&[]);
    let own = world.state.beanstalk.environments[0].resources.instance_group.clone().unwrap();
    let ec2 = crate::local::service::Service::Ec2;
    let made = world
        .run(ec2, "CreateSecurityGroup", json!({"GroupName": "backend", "GroupDescription": "d"}))
        .unwrap();
    let group = made.text_at("groupId").unwrap().to_owned();
    let rule =
        json!([{"IpProtocol": "tcp", "FromPort": "3306", "ToPort": "3306", "Groups": [{"GroupId": own}]}]);
    world
        .run(ec2, "AuthorizeSecurityGroupIngress", json!({"GroupId": group, "IpPermissions": rule}))
        .unwrap();
    world.eb("TerminateEnvironment", json!({"EnvironmentName": "webs"}));
    world.wait(200);
    assert_eq!((world.environment("Status"), world.environment("Health")), ("Ready".into(), "Red".into()));
    let all = world.eb("DescribeEvents", json!({"EnvironmentName": "webs", "Severity": "ERROR"}));
    let texts: Vec<_> = all.children_at("Events").iter().filter_map(|e| e.text_at("Message")).collect();
    assert!(texts.iter().any(|text| text.contains("has a dependent object")), "{texts:?}");
    world.run(ec2, "RevokeSecurityGroupIngress", json!({"GroupId": group, "IpPermissions": rule})).unwrap();
    world.eb("TerminateEnvironment", json!({"EnvironmentName": "webs"}));
    world.wait(200);
    assert_eq!(world.environment("Status"), "Terminated");
}

#[test]
fn versions_are_kept_while_they_run() {
    let mut world = World::new();
    world.launch(&[]);
    let v1 = json!({"ApplicationName": "shop", "VersionLabel": "v1", "DeleteSourceBundle": "true"});
    assert_eq!(
        world.refused(Beanstalk, "DeleteApplicationVersion", v1.clone()).code,
        "SourceBundleDeletionFailure"
    );
    world.version("v2", &V2);
    world.deploy("v2");
    world.wait(200);
    world.eb("DeleteApplicationVersion", v1);
    let running = world.refused(Beanstalk, "DeleteApplication", json!({"ApplicationName": "shop"}));
    assert_eq!(running.code, "OperationInProgressFailure");
    world.eb("DeleteApplication", json!({"ApplicationName": "shop", "TerminateEnvByForce": "true"}));
    world.wait(200);
    assert!(world.state.beanstalk.applications.is_empty());
    let elsewhere = json!({"ApplicationName": "nope", "VersionLabel": "v9"});
    assert_eq!(
        world.refused(Beanstalk, "CreateApplicationVersion", elsewhere).message,
        "No Application named 'nope' found."
    );
}

#[test]
fn a_state_that_is_read_back_goes_on_as_before() {
    let mut world = three("Rolling", &[]);
    world.deploy("v2");
    world.wait(100);
    let text = serde_json::to_string(&world.state).unwrap();
    let mut again: crate::local::State = serde_json::from_str(&text).unwrap();
    again.blobs = world.state.blobs.clone();
    world.state = again;
    let seen = world.watch("v2");
    assert_eq!((lasted(&seen), seen.last().unwrap().new), (388, 3));
}

#[test]
fn single_instances_and_basic_health() {
    let mut world = World::new();
    let basic = "aws:elasticbeanstalk:healthreporting:system";
    world.launch(&[
        ("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance"),
        (basic, "SystemType", "basic"),
    ]);
    assert_eq!(world.environment("HealthStatus"), "");
    assert_eq!(world.get("http://shop-webs.us-east-1.elasticbeanstalk.com/login").unwrap().version, "v1");
    let asked = world.refused(Beanstalk, "DescribeInstancesHealth", json!({"EnvironmentName": "webs"}));
    assert_eq!(asked.code, "InvalidRequestException");
    world.version("v2", &V2);
    world.deploy("v2");
    world.wait(100);
    assert_eq!(world.get("http://shop-webs.us-east-1.elasticbeanstalk.com/login").unwrap().version, "v2");
}
