//! What Beanstalk made for an environment: instances, load balancer, listeners, security group.

use aws_sdk_ec2::types::{Filter, SecurityGroup};
use aws_sdk_elasticbeanstalk::types::EnvironmentResourceDescription;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Listener, LoadBalancer, RedirectActionConfig, RedirectActionStatusCodeEnum, Tag,
    TargetGroup,
};
use serde_json::{Value as Json, json};

use crate::cloud::{Clients, CloudError, Op, Reply, Want, calling, found, reading};
use crate::eval::{Attrs, Value};

/// The tag that Beanstalk gives to what it makes for an environment.
const ENVIRONMENT_NAME: &str = "elasticbeanstalk:environment-name";

/// Of how many resources `DescribeTags` tells at once. Source: `API_DescribeTags`.
const MOST_DESCRIBED: usize = 20;

/// Sets what a listener does.
pub(super) const MODIFY_LISTENER: &str = "elasticloadbalancing:ModifyListener";

/// What Beanstalk made for an environment.
#[derive(Clone, Debug, Default)]
pub(super) struct Resources {
    /// How many instances there are.
    pub instances: usize,
    /// The load balancer, once there is one.
    pub load_balancer: Option<LoadBalancer>,
    /// Its listeners.
    pub listeners: Vec<Listener>,
    /// The group that every instance wears.
    pub group: Option<SecurityGroup>,
}

impl Resources {
    /// The ids and names of the group that Beanstalk made, as option settings may call it.
    pub(super) fn own_groups(&self) -> Vec<String> {
        let group = self.group.iter();
        group.flat_map(|group| [group.group_id.clone(), group.group_name.clone()]).flatten().collect()
    }

    /// The ports on which every request is sent to https.
    pub(super) fn redirecting(&self) -> Vec<i64> {
        let listeners = self.listeners.iter().filter(|listener| redirects(listener));
        listeners.filter_map(|listener| listener.port().map(i64::from)).collect()
    }

    /// The listeners' ARNs by port, as [`redirect`] takes them.
    pub(super) fn listener_arns(&self) -> Json {
        let pair =
            |listener: &Listener| Some((listener.port()?.to_string(), json!(listener.listener_arn()?)));
        Json::Object(self.listeners.iter().filter_map(pair).collect())
    }

    /// The outputs of the kind `environment` that stand here.
    pub(super) fn outputs(&self, outputs: &mut Attrs) {
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                outputs.insert(name.to_owned(), Value::from(value));
            }
        };
        put("security_group", self.group.as_ref().and_then(SecurityGroup::group_id));
        if let Some(balancer) = &self.load_balancer {
            put("endpoint", balancer.dns_name());
            put("load_balancer", balancer.load_balancer_arn());
            put("zone_id", balancer.canonical_hosted_zone_id());
        }
    }
}

fn redirects(listener: &Listener) -> bool {
    let to_https = |action: &Action| {
        action.r#type() == Some(&ActionTypeEnum::Redirect)
            && action.redirect_config().and_then(RedirectActionConfig::protocol) == Some("HTTPS")
    };
    listener.default_actions().iter().any(to_https)
}

/// Reads everything.
pub(super) async fn read(
    clients: &Clients,
    name: &str,
    environment_id: &str,
) -> Result<Resources, CloudError> {
    let Some(resources) = describe(clients, environment_id).await? else {
        return Ok(Resources::default());
    };
    // Of an application load balancer, Beanstalk gives the ARN as the name.
    let arn = resources
        .load_balancers()
        .iter()
        .filter_map(|balancer| balancer.name())
        .find(|n| n.starts_with("arn:"));
    let (load_balancer, listeners) = match arn {
        Some(arn) => (load_balancer(clients, arn).await?, listeners(clients, arn).await?),
        None => (None, Vec::new()),
    };
    let worn_by_balancer = load_balancer.as_ref().map(LoadBalancer::security_groups).unwrap_or_default();
    let group = group(clients, name, worn_by_balancer).await?;
    Ok(Resources { instances: resources.instances().len(), load_balancer, listeners, group })
}

/// How many instances an environment has.
pub(super) async fn instances(clients: &Clients, environment_id: &str) -> Result<usize, CloudError> {
    Ok(describe(clients, environment_id).await?.map_or(0, |resources| resources.instances().len()))
}

async fn describe(
    clients: &Clients,
    environment_id: &str,
) -> Result<Option<EnvironmentResourceDescription>, CloudError> {
    let reply =
        clients.beanstalk.describe_environment_resources().environment_id(environment_id).send().await;
    let reply = found(reply.map_err(reading("elasticbeanstalk:DescribeEnvironmentResources")))?;
    Ok(reply.and_then(|reply| reply.environment_resources))
}

async fn load_balancer(clients: &Clients, arn: &str) -> Result<Option<LoadBalancer>, CloudError> {
    let reply = clients.elbv2.describe_load_balancers().load_balancer_arns(arn).send().await;
    let reply = found(reply.map_err(reading("elasticloadbalancing:DescribeLoadBalancers")))?;
    Ok(reply.and_then(|reply| reply.load_balancers.unwrap_or_default().into_iter().next()))
}

async fn listeners(clients: &Clients, arn: &str) -> Result<Vec<Listener>, CloudError> {
    let request = clients.elbv2.describe_listeners().load_balancer_arn(arn);
    let listeners = request.into_paginator().items().send().try_collect().await;
    let listeners = found(listeners.map_err(reading("elasticloadbalancing:DescribeListeners")))?;
    Ok(listeners.unwrap_or_default())
}

/// Whether a shared load balancer listens where the environment wants requests from: else AWS fails minutes later, or nobody
/// ever reaches the environment.
pub(super) async fn preflight(clients: &Clients, want: &Want, arn: &str) -> Result<(), CloudError> {
    let found = listeners(clients, arn).await?;
    let has = |port: i64| found.iter().any(|listener| listener.port().map(i64::from) == Some(port));
    let mut wanted: Vec<i64> = want.get("listener_ports").items().iter().filter_map(Value::as_int).collect();
    if wanted.is_empty() {
        wanted.push(80);
    }
    let Some(missing) = wanted.into_iter().find(|port| !has(*port)) else { return Ok(()) };
    let ports: Vec<String> = found.iter().filter_map(|l| l.port()).map(|port| port.to_string()).collect();
    let help = match ports.as_slice() {
        [] => "it has no listener at all; ask who owns it to add one".to_owned(),
        ports => format!("write `listener_ports = [{}]`, or ask who owns it to add one", ports.join(", ")),
    };
    let message = format!("the shared load balancer does not listen on port {missing}: {help}");
    Err(CloudError::of("elasticbeanstalk:CreateEnvironment", "NoListener", message))
}

/// The group of the instances. Beanstalk's stack makes two, `awseb-…-AWSEBSecurityGroup-…` for the instances and
/// `awseb-…-AWSEBLoadBalancerSecurityGroup-…`, and tags both with the environment's name.
async fn group(
    clients: &Clients,
    name: &str,
    worn_by_balancer: &[String],
) -> Result<Option<SecurityGroup>, CloudError> {
    let filter = Filter::builder().name(format!("tag:{ENVIRONMENT_NAME}")).values(name).build();
    let request = clients.ec2.describe_security_groups().filters(filter);
    let groups = request.into_paginator().items().send().try_collect().await;
    let groups = groups.map_err(reading("ec2:DescribeSecurityGroups"))?;
    let of_instances = |group: &SecurityGroup| {
        !group.group_name().unwrap_or_default().contains("LoadBalancer")
            && !worn_by_balancer.iter().any(|id| Some(id.as_str()) == group.group_id())
    };
    let mut groups: Vec<SecurityGroup> = groups.into_iter().filter(of_instances).collect();
    groups.sort_by_key(|group| !group.group_name().unwrap_or_default().contains("AWSEBSecurityGroup"));
    Ok(groups.into_iter().next())
}

/// The call that makes a listener redirect to https, or forward to a process again. `None` when the listener does not
/// exist yet.
pub(super) fn redirect(arns: &Json, port: &str, on: bool, process: &Attrs) -> Option<Op> {
    let listener = arns.get(port)?.as_str()?;
    let field = |name: &str| process.get(name);
    Some(Op::new(MODIFY_LISTENER).with(json!({
        "listener": listener,
        "redirect": on,
        "process_port": field("port").and_then(Value::as_int),
        "health_path": field("health_path").and_then(Value::as_str),
    })))
}

/// Makes the call of [`redirect`].
pub(super) async fn modify_listener(
    clients: &Clients,
    want: &Want,
    load_balancer: Option<&str>,
    op: &Op,
) -> Result<Reply, CloudError> {
    let listener = op.detail.get("listener").and_then(Json::as_str).unwrap_or_default();
    let action = if op.detail.get("redirect").and_then(Json::as_bool) == Some(true) {
        // https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
        let target = RedirectActionConfig::builder()
            .protocol("HTTPS")
            .port("443")
            .host("#{host}")
            .path("/#{path}")
            .query("#{query}")
            .status_code(RedirectActionStatusCodeEnum::Http301)
            .build();
        Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(target).build()
    } else {
        let groups = target_groups(clients, &want.name, load_balancer).await?;
        let Some(group) = target_group(&groups, op) else {
            let message = format!("the load balancer of `{}` has no target group to forward to", want.name);
            return Err(CloudError::of(MODIFY_LISTENER, "NoTargetGroup", message));
        };
        Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .set_target_group_arn(group.target_group_arn.clone())
            .build()
    };
    let request = clients.elbv2.modify_listener().listener_arn(listener).default_actions(action);
    let reply = request.send().await.map_err(calling(MODIFY_LISTENER))?;
    Ok(Reply::of(&reply, None))
}

/// The target groups of an environment, by their tags: to which no listener forwards, such a group has no load balancer.
/// Sources: API_TargetGroup (`LoadBalancerArns`); the developer guide, "Tagging resources in your environments".
async fn target_groups(
    clients: &Clients,
    name: &str,
    load_balancer: Option<&str>,
) -> Result<Vec<TargetGroup>, CloudError> {
    let mut pages = clients.elbv2.describe_target_groups().into_paginator().items().send();
    let mut all = Vec::new();
    while let Some(group) = pages.next().await {
        all.push(group.map_err(reading("elasticloadbalancing:DescribeTargetGroups"))?);
    }
    let mut own: Vec<String> = Vec::new();
    let arns: Vec<String> = all.iter().filter_map(|group| group.target_group_arn.clone()).collect();
    for arns in arns.chunks(MOST_DESCRIBED) {
        let reply = clients.elbv2.describe_tags().set_resource_arns(Some(arns.to_vec())).send().await;
        let reply = reply.map_err(reading("elasticloadbalancing:DescribeTags"))?;
        let tagged = reply.tag_descriptions.unwrap_or_default().into_iter().filter(|described| {
            let named = |tag: &Tag| tag.key() == Some(ENVIRONMENT_NAME) && tag.value() == Some(name);
            described.tags().iter().any(named)
        });
        own.extend(tagged.filter_map(|described| described.resource_arn));
    }
    all.retain(|group| {
        let behind = group.load_balancer_arns().iter().any(|arn| Some(arn.as_str()) == load_balancer);
        behind || group.target_group_arn().is_some_and(|arn| own.iter().any(|own| own == arn))
    });
    Ok(all)
}

/// The target group of the process that an operation names: the one with its port and health path.
fn target_group<'a>(groups: &'a [TargetGroup], op: &Op) -> Option<&'a TargetGroup> {
    let port = op.detail.get("process_port").and_then(Json::as_i64);
    let path = op.detail.get("health_path").and_then(Json::as_str);
    let score = |group: &&TargetGroup| {
        let same_port = group.port().map(i64::from) == port;
        let same_path = group.health_check_path() == path;
        (same_port && same_path, same_port, same_path)
    };
    groups.iter().max_by_key(score)
}
