//! Load balancers that a user makes; health of targets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};

use crate::local::service::Service::Elbv2;
use crate::local::world::World;

fn run(world: &mut World, operation: &str, params: Value) -> crate::local::Element {
    world.run(Elbv2, operation, params).unwrap_or_else(|fault| panic!("{operation}: {}", fault.message))
}

fn subnets(world: &mut World) -> Vec<String> {
    world.state.ec2.region("us-east-1").subnets.iter().take(2).map(|s| s.id.clone()).collect()
}

#[test]
fn a_load_balancer_is_made_and_makes_rules() {
    let mut world = World::new();
    let subnets = subnets(&mut world);
    let params = json!({"Name": "own", "Subnets": subnets, "Tags": [{"Key": "k", "Value": "v"}]});
    let made = run(&mut world, "CreateLoadBalancer", params.clone());
    let arn = made.text_at("LoadBalancers/member/LoadBalancerArn").unwrap().to_owned();
    assert_eq!(made.text_at("LoadBalancers/member/State/Code"), Some("provisioning"));
    let again = run(&mut world, "CreateLoadBalancer", params);
    assert_eq!(again.text_at("LoadBalancers/member/LoadBalancerArn"), Some(arn.as_str()));
    let other = json!({"Name": "own", "Subnets": subnets, "Scheme": "internal"});
    assert_eq!(world.refused(Elbv2, "CreateLoadBalancer", other).code, "DuplicateLoadBalancerName");
    let one = json!({"Name": "one", "Subnets": [subnets[0]]});
    assert_eq!(world.refused(Elbv2, "CreateLoadBalancer", one).code, "ValidationError");
    world.wait(200);
    let seen = run(&mut world, "DescribeLoadBalancers", json!({"Names": ["own"]}));
    assert_eq!(seen.text_at("LoadBalancers/member/State/Code"), Some("active"));
    let dns = seen.text_at("LoadBalancers/member/DNSName").unwrap().to_owned();

    let redirect = json!({"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"});
    let listener = json!({"LoadBalancerArn": arn, "Protocol": "HTTP", "Port": "80", "DefaultActions": [{"Type": "redirect", "RedirectConfig": redirect}]});
    let made = run(&mut world, "CreateListener", listener);
    let listener = made.text_at("Listeners/member/ListenerArn").unwrap().to_owned();
    let fixed = json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "up", "ContentType": "text/plain"}}]);
    let rule = |path: &str, priority: &str| json!({"ListenerArn": listener, "Priority": priority, "Conditions": [{"Field": "path-pattern", "Values": [path]}], "Actions": fixed});
    run(&mut world, "CreateRule", rule("/health*", "10"));
    assert_eq!(world.refused(Elbv2, "CreateRule", rule("/b", "10")).code, "PriorityInUse");
    let rules = run(&mut world, "DescribeRules", json!({"ListenerArn": listener}));
    let priorities: Vec<_> =
        rules.children_at("Rules").iter().filter_map(|r| r.text_at("Priority")).collect();
    assert_eq!(priorities, ["10", "default"]);
    let seen = world.get(&format!("http://{dns}/healthz")).unwrap();
    assert_eq!((seen.status, seen.response.body.as_slice()), (200, b"up".as_slice()));
    assert_eq!(
        world.get(&format!("http://{dns}/x")).unwrap().header("location"),
        Some(format!("https://{dns}:443/x").as_str())
    );

    let same = json!({"Protocol": "#{protocol}", "StatusCode": "HTTP_301"});
    let looping =
        json!({"ListenerArn": listener, "DefaultActions": [{"Type": "redirect", "RedirectConfig": same}]});
    assert_eq!(world.refused(Elbv2, "ModifyListener", looping).code, "InvalidLoadBalancerAction");
    let https = json!({"LoadBalancerArn": arn, "Protocol": "HTTPS", "Port": "443", "DefaultActions": fixed});
    assert_eq!(world.refused(Elbv2, "CreateListener", https).code, "ValidationError");
    let tags = run(&mut world, "DescribeTags", json!({"ResourceArns": [arn]}));
    assert_eq!(tags.text_at("TagDescriptions/member/Tags/member/Value"), Some("v"));
    run(&mut world, "DeleteLoadBalancer", json!({"LoadBalancerArn": arn}));
    assert!(world.state.elbv2.listeners.is_empty() && world.state.elbv2.rules.is_empty());
}

#[test]
fn target_groups_are_used_or_deleted() {
    let mut world = World::new();
    world.launch(&[]);
    let environment = &world.state.beanstalk.environments[0];
    let group = environment.resources.target_groups["default"].clone();
    let id = environment.instances[0].id.clone();
    assert_eq!(
        world.refused(Elbv2, "DeleteTargetGroup", json!({"TargetGroupArn": group})).code,
        "ResourceInUse"
    );
    let health = |world: &mut World| {
        let found = run(world, "DescribeTargetHealth", json!({"TargetGroupArn": group}));
        let text = |path: &str| {
            found
                .text_at(&format!("TargetHealthDescriptions/member/TargetHealth/{path}"))
                .unwrap_or_default()
                .to_owned()
        };
        (text("State"), text("Reason"))
    };
    assert_eq!(health(&mut world).0, "healthy");
    // The path is not there: after five bad answers the target is unhealthy, after three good ones healthy again.
    let path = |world: &mut World, path: &str| {
        run(world, "ModifyTargetGroup", json!({"TargetGroupArn": group, "HealthCheckPath": path}));
    };
    path(&mut world, "/nope");
    world.wait(74);
    assert_eq!(health(&mut world).0, "healthy");
    world.wait(1);
    assert_eq!(health(&mut world), ("unhealthy".to_owned(), "Target.ResponseCodeMismatch".to_owned()));
    path(&mut world, "/");
    world.wait(44);
    assert_eq!(health(&mut world).0, "unhealthy");
    world.wait(1);
    assert_eq!(health(&mut world).0, "healthy");
    run(&mut world, "DeregisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": id}]}));
    assert_eq!(health(&mut world).0, "draining");
    world.wait(20);
    assert_eq!(health(&mut world).0, "");
    run(&mut world, "RegisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": id}]}));
    assert_eq!(health(&mut world).0, "initial");
    world.wait(15);
    assert_eq!(health(&mut world).0, "healthy");
    let attributes = json!({"TargetGroupArn": group, "Attributes": [{"Key": "nonsense", "Value": "1"}]});
    assert_eq!(world.refused(Elbv2, "ModifyTargetGroupAttributes", attributes).code, "ValidationError");
}
