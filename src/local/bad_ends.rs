//! Resources that come to a bad end on order: `--fault fail:NODE=STATUS`, told by the tag that says which node they are.

use super::State;
use super::common::Tags;
use super::rds::Event;

/// The tag that names the node that a resource belongs to.
const NODE: &str = "vpipe:node";

impl State {
    /// Whether the resource with these tags is to come to this end; it is asked for once.
    pub(super) fn comes_to(&mut self, tags: &Tags, end: &str) -> bool {
        let Some(node) = tags.get(NODE).filter(|node| self.bad_ends.get(*node).is_some_and(|e| e == end))
        else {
            return false;
        };
        self.bad_ends.remove(node).is_some()
    }
}

/// Puts an end to whatever was ordered to come to it: databases, caches, brokers and certificates. What goes wrong with
/// environments goes wrong with what is done to them.
pub(super) fn settle(state: &mut State, now: i64) {
    if state.bad_ends.is_empty() {
        return;
    }
    let ends = std::mem::take(&mut state.bad_ends);
    let of = |tags: &Tags| tags.get(NODE).filter(|node| ends.contains_key(*node)).cloned();
    let mut done = Vec::new();
    let mut end = |tags: &Tags, failure: &mut Option<String>| {
        if let Some(node) = of(tags).filter(|_| failure.is_none()) {
            failure.clone_from(&ends.get(&node).cloned());
            done.push(node);
            return true;
        }
        false
    };
    for region in state.rds.all() {
        for instance in region.instances.values_mut() {
            if end(&instance.tags, &mut instance.failure) {
                let at = now.max(instance.available_at);
                let message = told_of_instance(instance.failure.as_deref().unwrap_or_default());
                region.events.push(Event::failure(&instance.id, "db-instance", message, at));
            }
        }
    }
    for region in state.elasticache.all() {
        for cluster in region.clusters.values_mut() {
            if end(&cluster.tags, &mut cluster.failure) {
                let at = now.max(cluster.available_at);
                let message =
                    format!("Failed to create cache cluster {}: it is {}.", cluster.id, cluster.status(at));
                region.events.push(Event::failure(&cluster.id, "cache-cluster", &message, at));
            }
        }
    }
    for region in state.mq.all() {
        for broker in region.brokers.values_mut() {
            end(&broker.tags, &mut broker.failure);
        }
    }
    for certificate in state.acm.certificates.values_mut() {
        end(&certificate.tags, &mut certificate.failure);
    }
    state.bad_ends = ends.into_iter().filter(|(node, _)| !done.contains(node)).collect();
}

/// What RDS tells of an instance in a state (RDS user guide, "Amazon RDS event categories and event messages").
fn told_of_instance(status: &str) -> &'static str {
    match status {
        "storage-full" => {
            "The allocated storage for the DB instance has been consumed. To resolve this issue, allocate additional storage."
        }
        "incompatible-network" => {
            "The DB instance is in an incompatible network. Some of the specified subnet IDs are invalid or do not exist."
        }
        "incompatible-parameters" => {
            "The DB instance has invalid parameters: a memory-related parameter is set too high for this DB instance class."
        }
        _ => {
            "The DB instance has failed due to an incompatible configuration or an underlying storage issue."
        }
    }
}
