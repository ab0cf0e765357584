//! VPCs, which are only looked up.

use async_trait::async_trait;

use super::filter;
use crate::cloud::parts::known;
use crate::cloud::permission::ANY;
use crate::cloud::{
    Clients, CloudError, Driver, Next, Observed, Op, Permission, Present, Reply, Want, found, reading,
};
use crate::plan::Change;

/// `vpc`
pub struct Vpc;

const PERMISSIONS: &[Permission] =
    &[Permission::look("ec2:DescribeVpcs", ANY), Permission::look("ec2:DescribeSubnets", ANY)];

#[async_trait]
impl Driver for Vpc {
    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    async fn observe(&self, clients: &Clients, want: &Want) -> Result<Observed, CloudError> {
        let mut call = clients.ec2.describe_vpcs();
        if let Some(default) = want.flag("default") {
            call = call.filters(filter("is-default", &default.to_string()));
        }
        if let Some(id) = want.text("id") {
            call = call.vpc_ids(id);
        }
        for (key, value) in want.get("tags").fields().into_iter().flatten() {
            call = call.filters(filter(&format!("tag:{key}"), value.as_str().unwrap_or_default()));
        }
        let vpcs = call.into_paginator().items().send().try_collect().await;
        let vpcs = found(vpcs.map_err(reading("ec2:DescribeVpcs")))?.unwrap_or_default();
        let vpc = match vpcs.as_slice() {
            [] => return Ok(Observed::Absent),
            [vpc] => vpc,
            several => {
                let ids: Vec<&str> = several.iter().filter_map(|vpc| vpc.vpc_id()).collect();
                let message = format!("{} VPCs fit: {}; look one up by `id`", ids.len(), ids.join(", "));
                return Err(CloudError::of("ec2:DescribeVpcs", "ambiguous", message));
            }
        };
        let id = vpc.vpc_id().unwrap_or_default();
        let subnets = subnets(clients, id).await?;
        let outputs =
            known([("id", id.into()), ("cidr", vpc.cidr_block().into()), ("subnets", subnets.into())]);
        Ok(Observed::Present(Box::new(Present { id: id.to_owned(), outputs, ..Present::default() })))
    }

    fn next(&self, want: &Want, seen: &Observed, _changes: &[Change]) -> Next {
        match seen {
            Observed::Present(_) => Next::Done,
            Observed::Absent if want.flag("default") == Some(true) => Next::Fail(
                "the account has no default VPC in this region: make one with `aws ec2 create-default-vpc`, or look \
                 one up by `id` or `tags`"
                    .to_owned(),
            ),
            Observed::Absent => Next::Fail("there is no such VPC in this region".to_owned()),
        }
    }

    fn next_delete(&self, _want: &Want, _seen: &Observed) -> Next {
        Next::Done
    }

    async fn call(&self, _: &Clients, _: &Want, _: &Observed, op: &Op) -> Result<Reply, CloudError> {
        Err(CloudError::misuse(&op.operation, "VPCs are only looked up"))
    }
}

/// The ids of a VPC's subnets, by availability zone.
async fn subnets(clients: &Clients, vpc: &str) -> Result<Vec<String>, CloudError> {
    let call = clients.ec2.describe_subnets().filters(filter("vpc-id", vpc)).max_results(1000);
    let mut pages = call.into_paginator().items().send();
    let mut subnets = Vec::new();
    while let Some(subnet) = pages.next().await {
        let subnet = subnet.map_err(reading("ec2:DescribeSubnets"))?;
        subnets.push((subnet.availability_zone, subnet.subnet_id));
    }
    subnets.sort();
    Ok(subnets.into_iter().filter_map(|(_, id)| id).collect())
}
