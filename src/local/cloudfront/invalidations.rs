//! Invalidations: what the edge locations are to forget.

use serde::{Deserialize, Serialize};

use super::distributions::{find, find_mut};
use super::{body, listed};
use crate::local::common::{SECOND, iso};
use crate::local::support::glob;
use crate::local::{Call, Cx, Element, Fault, Reply, State};

/// When all edge locations have forgotten.
const FORGOTTEN: i64 = 30 * SECOND;
/// When the API says so.
const COMPLETED: i64 = 60 * SECOND;

/// An invalidation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invalidation {
    /// `I…`
    pub id: String,
    /// As the client gave it.
    pub reference: String,
    /// The paths; `*` at an end stands for anything.
    pub paths: Vec<String>,
    /// When it was made.
    pub created: i64,
}

impl Invalidation {
    /// `InProgress` or `Completed`.
    pub fn status(&self, now: i64) -> &'static str {
        if now >= self.created + COMPLETED { "Completed" } else { "InProgress" }
    }

    /// Whether an answer stored at a time is forgotten by now.
    pub fn forgets(&self, path: &str, stored: i64, now: i64) -> bool {
        let at = self.created + FORGOTTEN;
        now >= at && stored < at && self.paths.iter().any(|pattern| glob(pattern, path))
    }
}

pub(super) fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let batch = body(call)?;
    let reference = batch.text_at("CallerReference").unwrap_or_default().to_owned();
    let paths: Vec<String> =
        batch.children_at("Paths/Items").iter().filter_map(|path| path.text.clone()).collect();
    if batch.text_at("Paths/Quantity").and_then(|q| q.parse().ok()) != Some(paths.len()) {
        let message = "The value of Quantity and the size of Items don't match.";
        return Err(Fault::new(400, "InconsistentQuantities", message));
    }
    if reference.is_empty() || paths.is_empty() {
        return Err(Fault::new(
            400,
            "InvalidArgument",
            "Your request is missing a path or a caller reference.",
        ));
    }
    if let Some(wrong) = paths.iter().find(|path| !path.starts_with('/')) {
        let message = format!("Your request contains one or more invalid invalidation paths: {wrong}");
        return Err(Fault::new(400, "InvalidArgument", message));
    }
    let id = format!("I{}", state.letters(25));
    let now = cx.now;
    let distribution = find_mut(state, call, "DistributionId")?;
    let earlier = distribution.invalidations.iter().find(|earlier| earlier.reference == reference);
    let invalidation = match earlier {
        Some(earlier) if earlier.paths == paths => earlier.clone(),
        Some(_) => {
            let message = "Your request contains a caller reference that was used for a previous invalidation batch for the same distribution.";
            return Err(Fault::new(400, "InvalidArgument", message));
        }
        None => {
            let running = distribution.invalidations.iter().filter(|i| i.status(now) == "InProgress");
            let count = paths.len() + running.map(|i| i.paths.len()).sum::<usize>();
            if count > 3_000 {
                let message = "Processing your request will cause you to exceed the maximum number of in-progress invalidations.";
                return Err(Fault::new(400, "TooManyInvalidationsInProgress", message));
            }
            let new = Invalidation { id, reference, paths, created: now };
            distribution.invalidations.push(new.clone());
            new
        }
    };
    let location = format!(
        "https://cloudfront.amazonaws.com/2020-05-31/distribution/{}/invalidation/{}",
        distribution.id, invalidation.id
    );
    let reply = Reply::Xml(vec![show(&invalidation, now)]);
    Ok(Reply::With(201, vec![("location".to_owned(), location)], Box::new(reply)))
}

fn show(invalidation: &Invalidation, now: i64) -> Element {
    let paths = vec![
        Element::text("Quantity", invalidation.paths.len()),
        Element::texts("Items", "Path", &invalidation.paths),
    ];
    let batch = vec![Element::new("Paths", paths), Element::text("CallerReference", &invalidation.reference)];
    Element::new(
        "Invalidation",
        vec![
            Element::text("Id", &invalidation.id),
            Element::text("Status", invalidation.status(now)),
            Element::text("CreateTime", iso(invalidation.created)),
            Element::new("InvalidationBatch", batch),
        ],
    )
}

pub(super) fn get(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let distribution = find(state, call, "DistributionId")?;
    let id = call.text("Id").unwrap_or_default();
    let found = distribution.invalidations.iter().find(|invalidation| invalidation.id == id);
    let found = found
        .ok_or_else(|| Fault::new(404, "NoSuchInvalidation", "The specified invalidation does not exist."))?;
    Ok(Reply::Xml(vec![show(found, cx.now)]))
}

pub(super) fn list(state: &State, cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let distribution = find(state, call, "DistributionId")?;
    let all = distribution.invalidations.iter().rev().map(|i| (i.id.clone(), i)).collect();
    let summary = |invalidation: &&Invalidation| {
        Element::new(
            "InvalidationSummary",
            vec![
                Element::text("Id", &invalidation.id),
                Element::text("CreateTime", iso(invalidation.created)),
                Element::text("Status", invalidation.status(cx.now)),
            ],
        )
    };
    Ok(listed("InvalidationList", call, all, summary))
}
