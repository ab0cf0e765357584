//! Subnet groups: what those of RDS and those of ElastiCache have in common.

use serde::{Deserialize, Serialize};

use super::common::{Tags, check_tags, tags_at};
use super::{Call, Cx, Element, Fault, State};

/// A subnet group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubnetGroup {
    /// Its name, in lower case.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The VPC of its subnets.
    pub vpc: String,
    /// The ids of its subnets.
    pub subnets: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

impl SubnetGroup {
    /// The group `default`, made of the default VPC's subnets.
    pub(super) fn default_of(state: &mut State, cx: &Cx, description: &str) -> Self {
        let region = state.ec2.region(&cx.region);
        Self {
            name: "default".to_owned(),
            description: description.to_owned(),
            vpc: region.vpc.id.clone(),
            subnets: region.subnets.iter().map(|subnet| subnet.id.clone()).collect(),
            tags: Tags::new(),
        }
    }

    /// The group that a request asks for, in a VPC.
    ///
    /// # Errors
    /// When a required parameter is missing, or a tag is not valid.
    pub(super) fn asked(call: &Call, prefix: &str) -> Result<Self, Fault> {
        let name = call.required(&format!("{prefix}SubnetGroupName"))?.to_ascii_lowercase();
        let description = call.required(&format!("{prefix}SubnetGroupDescription"))?;
        let tags = tags_at(call, "Tags");
        check_tags(&tags, "InvalidParameterValue")?;
        Ok(Self { name, description, vpc: String::new(), subnets: call.texts("SubnetIds"), tags })
    }

    /// Its VPC, and its subnets, each with its zone.
    pub(super) fn place(self, state: &mut State, cx: &Cx) -> Place {
        let region = state.ec2.region(&cx.region);
        let with_zone = |id: String| {
            let zone = region.subnet(&id)?.zone.clone();
            Some((id, zone))
        };
        (self.vpc, self.subnets.into_iter().filter_map(with_zone).collect())
    }

    /// `<Subnets>`, each with its id, its zone and what the service says more of it.
    pub(super) fn subnets_element(&self, state: &mut State, cx: &Cx, more: fn() -> Element) -> Element {
        let region = state.ec2.region(&cx.region);
        let subnets = self.subnets.iter().map(|id| {
            let zone = region.subnet(id).map(|subnet| subnet.zone.clone()).unwrap_or_default();
            vec![
                Element::text("SubnetIdentifier", id),
                Element::new("SubnetAvailabilityZone", vec![Element::text("Name", zone)]),
                more(),
            ]
        });
        Element::list("Subnets", "Subnet", subnets)
    }
}

/// A VPC, and the subnets of a group in it, each with its zone.
pub(super) type Place = (String, Vec<(String, String)>);
