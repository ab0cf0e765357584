//! Application load balancers of somebody else, which are only looked up.

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{AvailabilityZone, LoadBalancerTypeEnum};

use crate::cloud::parts::known;
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, Want, found, reading,
};
use crate::plan::Change;

/// `load_balancer`
pub struct LoadBalancer;

const DESCRIBE: &str = "elasticloadbalancing:DescribeLoadBalancers";
const PERMISSIONS: &[Permission] = &[Permission::look(DESCRIBE, ANY)];

/// What the file looks it up by.
fn looked_up_by(want: &Want) -> &str {
    want.text("arn").or(want.text("name")).unwrap_or(&want.name)
}

#[async_trait]
impl Driver for LoadBalancer {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let call = clients.elbv2.describe_load_balancers();
        // AWS takes names or ARNs, not both.
        let call = match want.text("arn") {
            Some(arn) => call.load_balancer_arns(arn),
            None => call.names(looked_up_by(want)),
        };
        let reply = found(call.send().await.map_err(reading(DESCRIBE)))?;
        let named = want.text("name");
        let mut all = reply.iter().flat_map(|reply| reply.load_balancers());
        let fits = all.find(|balancer| named.is_none() || balancer.load_balancer_name() == named);
        let Some(balancer) = fits else { return Ok(Observed::Absent) };
        if let Some(other) = balancer.r#type().filter(|kind| **kind != LoadBalancerTypeEnum::Application) {
            let message = format!(
                "`{}` is a {} load balancer, and environments share application load balancers only",
                looked_up_by(want),
                other.as_str()
            );
            return Err(CloudError::of(DESCRIBE, "LoadBalancerType", message));
        }
        let arn = balancer.load_balancer_arn().unwrap_or_default();
        let url = balancer.dns_name().map(|name| format!("http://{name}"));
        let subnet = |zone: &AvailabilityZone| zone.subnet_id.clone();
        let subnets: Vec<String> = balancer.availability_zones().iter().filter_map(subnet).collect();
        let outputs = known([
            ("arn", arn.into()),
            ("dns_name", balancer.dns_name().into()),
            ("zone_id", balancer.canonical_hosted_zone_id().into()),
            ("url", url.into()),
            ("vpc", balancer.vpc_id().into()),
            ("subnets", subnets.into()),
        ]);
        Ok(Observed::Present(Box::new(Present { id: arn.to_owned(), outputs, ..Present::default() })))
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        match seen {
            Observed::Present(_) => Next::Done,
            Observed::Absent => Next::Fail(format!(
                "there is no load balancer `{}` in this region: `aws elbv2 describe-load-balancers` lists them",
                looked_up_by(want)
            )),
        }
    }

    fn next_delete(&self, _want: &Want, _seen: &Observed) -> Next {
        Next::Done
    }

    async fn call(&self, _: &Clients, _: &Want, _: &Observed, op: &Op) -> Result<Reply, CloudError> {
        Err(CloudError::misuse(&op.operation, "load balancers are only looked up"))
    }
}
