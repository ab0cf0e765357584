//! Tags of cache clusters, replication groups, subnet groups and parameter groups, by ARN.

use super::{cluster, parameters, refuse, replication, subnet_groups};
use crate::local::common::{Tags, check_tags, tag_list, tags_at};
use crate::local::{Call, Cx, Element, Fault, State};

fn tags_of<'a>(state: &'a mut State, cx: &Cx, call: &Call) -> Result<&'a mut Tags, Fault> {
    let arn = call.required("ResourceName")?;
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    let invalid = || refuse("InvalidARN", format!("The ARN is not valid: {arn}"));
    let [_, _, "elasticache", region, account, kind, name] = parts.as_slice() else { return invalid() };
    if *region != cx.region || *account != cx.account {
        return invalid();
    }
    let region = state.elasticache.region(region);
    match *kind {
        "cluster" => match region.clusters.get_mut(*name) {
            // A cluster that is being made or changed takes no tags.
            Some(it) if it.gone_at.is_some() || cx.now < it.available_at => {
                refuse("InvalidCacheClusterState", format!("Cache cluster {name} is not in available state."))
            }
            Some(it) => Ok(&mut it.tags),
            None => Err(cluster::missing(name)),
        },
        "replicationgroup" => match region.replication_groups.get_mut(*name) {
            Some(it) if it.gone_at.is_some() || cx.now < it.available_at => refuse(
                "InvalidReplicationGroupState",
                format!("Replication group {name} is not in available state."),
            ),
            Some(it) => Ok(&mut it.tags),
            None => Err(replication::missing(name)),
        },
        "subnetgroup" => region
            .subnet_groups
            .get_mut(*name)
            .map(|it| &mut it.tags)
            .ok_or_else(|| subnet_groups::missing(name)),
        "parametergroup" => region
            .parameter_groups
            .get_mut(*name)
            .map(|it| &mut it.tags)
            .ok_or_else(|| parameters::missing(name)),
        _ => invalid(),
    }
}

pub fn list(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    Ok(vec![tag_list("TagList", "Tag", tags_of(state, cx, call)?)])
}

pub fn add(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let tags = tags_of(state, cx, call)?;
    let mut merged = tags.clone();
    merged.extend(tags_at(call, "Tags"));
    check_tags(&merged, "InvalidParameterValue")?;
    *tags = merged;
    Ok(vec![tag_list("TagList", "Tag", tags)])
}

pub fn remove(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let tags = tags_of(state, cx, call)?;
    for key in call.texts("TagKeys") {
        if tags.shift_remove(&key).is_none() {
            return Err(Fault::new(404, "TagNotFound", format!("The tag key {key} was not found.")));
        }
    }
    Ok(vec![tag_list("TagList", "Tag", tags)])
}
