//! Security groups.

use serde::{Deserialize, Serialize};

use super::filters::{Described, page, select, tag_set, tag_specification, wanted};
use super::rules::{self, Rule, Source};
use super::{Region, done, refuse};
use crate::local::common::{self, SECOND, Tags, spread};
use crate::local::{ACCOUNT, Call, Cx, Element, Fault, State};

/// A security group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    /// `sg-…`
    pub id: String,
    /// Its name, unique in its VPC.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its VPC.
    pub vpc: String,
    /// Its rules, ingress and egress.
    pub rules: Vec<Rule>,
    /// Its tags.
    pub tags: Tags,
    /// When everyone can see it: EC2 is eventually consistent, and for a second or two after a group was made, some
    /// answers know nothing of it.
    #[serde(default)]
    pub visible_at: i64,
}

impl Group {
    /// The default group of a VPC: its members reach each other, and everything may leave.
    pub(super) fn default_of(vpc: &str, id: String, rules: [String; 2]) -> Self {
        let [inward, outward] = rules;
        Self {
            rules: vec![
                Rule::new(inward, false, "-1", -1, -1, Source::Group(id.clone())),
                Rule::new(outward, true, "-1", -1, -1, Source::Cidr4("0.0.0.0/0".to_owned())),
            ],
            id,
            name: "default".to_owned(),
            description: "default VPC security group".to_owned(),
            vpc: vpc.to_owned(),
            tags: Tags::new(),
            visible_at: 0,
        }
    }

    fn element(&self, cx: &Cx) -> Vec<Element> {
        vec![
            Element::text("ownerId", ACCOUNT),
            Element::text("groupId", &self.id),
            Element::text("groupName", &self.name),
            Element::text("groupDescription", &self.description),
            Element::text("vpcId", &self.vpc),
            Element::text("securityGroupArn", arn(cx, &self.id)),
            rules::permissions("ipPermissions", self.rules.iter().filter(|rule| !rule.egress)),
            rules::permissions("ipPermissionsEgress", self.rules.iter().filter(|rule| rule.egress)),
            tag_set(&self.tags),
        ]
    }
}

impl Described for Group {
    fn filter(&self, name: &str) -> Option<Vec<String>> {
        let (egress, of_rule) = match name.strip_prefix("egress.") {
            Some(rest) => (true, rest.strip_prefix("ip-permission.")),
            None => (false, name.strip_prefix("ip-permission.")),
        };
        if let Some(of_rule) = of_rule {
            let rules = self.rules.iter().filter(|rule| rule.egress == egress);
            return rules
                .map(|rule| rule.filter_of_group(of_rule))
                .collect::<Option<Vec<_>>>()
                .map(|v| v.concat());
        }
        let value = match name {
            "group-id" => &self.id,
            "group-name" => &self.name,
            "vpc-id" => &self.vpc,
            "description" => &self.description,
            "owner-id" => ACCOUNT,
            _ => return None,
        };
        Some(vec![value.to_owned()])
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

fn arn(cx: &Cx, id: &str) -> String {
    common::arn(cx, "ec2", &format!("security-group/{id}"))
}

impl Region {
    /// A group by its id, or EC2's complaint.
    ///
    /// # Errors
    /// `InvalidGroup.NotFound`, `InvalidGroupId.Malformed`.
    pub fn group(&mut self, id: &str) -> Result<&mut Group, Fault> {
        if !id.starts_with("sg-") {
            return refuse(
                "InvalidGroupId.Malformed",
                format!("Invalid id: \"{id}\" (expecting \"sg-...\")"),
            );
        }
        let missing =
            || Fault::new(400, "InvalidGroup.NotFound", format!("The security group '{id}' does not exist"));
        self.groups.get_mut(id).ok_or_else(missing)
    }

    /// The first of some groups that does not exist in a VPC, if there is one.
    pub fn stranger(&self, groups: &[String], vpc: &str) -> Option<String> {
        let known = |id: &String| self.groups.get(id).is_some_and(|group| group.vpc == vpc);
        groups.iter().find(|id| !known(id)).cloned()
    }

    /// The id of the default group.
    pub fn default_group(&self) -> Option<String> {
        self.groups.values().find(|group| group.name == "default").map(|group| group.id.clone())
    }

    /// The id of the group that a call means, by `GroupId` or, in the default VPC, by `GroupName`.
    pub(super) fn group_of(&self, call: &Call) -> Result<String, Fault> {
        match (call.text("GroupId"), call.text("GroupName")) {
            (Some(id), _) => Ok(id),
            (None, Some(name)) => match self.groups.values().find(|group| group.name == name) {
                Some(group) => Ok(group.id.clone()),
                None => refuse(
                    "InvalidGroup.NotFound",
                    format!("The security group '{name}' does not exist in default VPC '{}'", self.vpc.id),
                ),
            },
            (None, None) => {
                refuse("MissingParameter", "The request must contain the parameter groupName or groupId")
            }
        }
    }
}

fn check_text(text: &str, what: &str) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if text.is_empty() || text.chars().count() > 255 || !text.chars().all(allowed) {
        return refuse(
            "InvalidParameterValue",
            format!(
                "Value ({text}) for parameter {what} is invalid. Character sets beyond ASCII are not supported, and at most 255 of a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{{}}!$* are allowed."
            ),
        );
    }
    Ok(())
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let (name, description) = (call.required("GroupName")?, call.required("GroupDescription")?);
    let tags = tag_specification(call, "security-group")?;
    check_text(&name, "GroupName")?;
    check_text(&description, "GroupDescription")?;
    if name.to_ascii_lowercase().starts_with("sg-") {
        return refuse(
            "InvalidParameterValue",
            "Invalid security group name. Group names may not be in the format sg-*",
        );
    }
    let region = state.ec2.region(&cx.region);
    let vpc = call.text("VpcId").unwrap_or_else(|| region.vpc.id.clone());
    if vpc != region.vpc.id {
        return refuse("InvalidVpcID.NotFound", format!("The vpc ID '{vpc}' does not exist"));
    }
    if region.groups.values().any(|group| group.vpc == vpc && group.name.eq_ignore_ascii_case(&name)) {
        return refuse(
            "InvalidGroup.Duplicate",
            format!("The security group '{name}' already exists for VPC '{vpc}'"),
        );
    }
    let (id, rule) = (state.id("sg"), state.id("sgr"));
    let everywhere = Source::Cidr4("0.0.0.0/0".to_owned());
    let rules = vec![Rule::new(rule, true, "-1", -1, -1, everywhere)];
    let visible_at = cx.now + spread(&id, 0, 3 * SECOND);
    let group = Group { id: id.clone(), name, description, vpc, rules, tags, visible_at };
    let reply = vec![
        Element::text("groupId", &id),
        tag_set(&group.tags),
        Element::text("securityGroupArn", arn(cx, &id)),
    ];
    state.ec2.region(&cx.region).groups.insert(id, group);
    Ok(reply)
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let region = state.ec2.region(&cx.region);
    let id = region.group_of(call)?;
    let name = region.group(&id)?.name.clone();
    if name == "default" {
        return refuse(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        );
    }
    let referenced = region.groups.values().any(|other| {
        other.id != id && other.rules.iter().any(|rule| rule.source == Source::Group(id.clone()))
    });
    if referenced || region.interfaces.values().any(|interface| interface.groups.contains(&id)) {
        return refuse("DependencyViolation", format!("resource {id} has a dependent object"));
    }
    region.groups.shift_remove(&id);
    Ok(vec![done(), Element::text("groupId", id)])
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let region = state.ec2.region(&cx.region);
    let visible = || region.groups.values().filter(|group| group.visible_at <= cx.now);
    let known = |id: &str| visible().any(|group| group.id == id);
    let ids = wanted(call, "GroupId", known, "InvalidGroup.NotFound", "security group")?;
    let known = |name: &str| visible().any(|group| group.name == name);
    let names = wanted(call, "GroupName", known, "InvalidGroup.NotFound", "security group")?;
    let asked = |group: &&Group| {
        ids.as_ref().is_none_or(|ids| ids.contains(&group.id))
            && names.as_ref().is_none_or(|names| names.contains(&group.name))
    };
    let groups = visible().filter(asked).cloned().collect();
    let (groups, next) = page(call, select(call, groups)?)?;
    let list = Element::list("securityGroupInfo", "item", groups.iter().map(|group| group.element(cx)));
    Ok([list].into_iter().chain(next).collect())
}
