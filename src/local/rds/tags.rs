//! Tags of DB instances, subnet and parameter groups, and snapshots, by ARN.

use super::{invalid, parameters, subnet_groups};
use crate::local::common::{Tags, check_tags, tag_list, tags_at};
use crate::local::{Call, Cx, Element, Fault, State};

fn tags_of<'a>(state: &'a mut State, cx: &Cx, call: &Call) -> Result<&'a mut Tags, Fault> {
    let arn = call.required("ResourceName")?;
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    let [_, _, "rds", region, account, kind, name] = parts.as_slice() else {
        return invalid(format!("Invalid resource name: {arn}"));
    };
    if *region != cx.region || *account != cx.account {
        return invalid(format!(
            "The specified resource name does not match an RDS resource in this region: {arn}"
        ));
    }
    let region = state.rds.region(region);
    match *kind {
        "db" => region
            .instances
            .get_mut(*name)
            .map(|it| &mut it.tags)
            .ok_or_else(|| super::instance::missing(name)),
        "subgrp" => region
            .subnet_groups
            .get_mut(*name)
            .map(|it| &mut it.tags)
            .ok_or_else(|| subnet_groups::missing(name)),
        "pg" => region
            .parameter_groups
            .get_mut(*name)
            .map(|it| &mut it.tags)
            .ok_or_else(|| parameters::missing(name)),
        "snapshot" => {
            let missing = || Fault::new(404, "DBSnapshotNotFound", format!("DBSnapshot not found: {name}"));
            region.snapshots.get_mut(*name).map(|it| &mut it.tags).ok_or_else(missing)
        }
        _ => invalid(format!("Invalid resource name: {arn}")),
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
    Ok(vec![])
}

pub fn remove(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let tags = tags_of(state, cx, call)?;
    for key in call.texts("TagKeys") {
        tags.shift_remove(&key);
    }
    Ok(vec![])
}
