//! Physical names: what a resource is called at AWS when the file does not say it.
//!
//! A name is `PIPELINE-STAGE-NAME`, in letters, digits and single hyphens, made to fit the length and pattern of the
//! identity attribute. It depends on nothing but the file, the stage and, for [`GLOBAL`] names, a domain.

use crate::schema::{Scalar, Type};

/// Kinds whose names live in one space of all AWS customers: their default names end in a hash of the pipeline, the stage
/// and the site's domain, so that two people who try the same example do not meet.
/// Source: Amazon S3 user guide, "Bucket naming rules".
const GLOBAL: [&str; 1] = ["bucket"];

/// Whether the names of a kind live in one space of all AWS customers.
pub(super) fn is_global(kind: &str) -> bool {
    GLOBAL.contains(&kind)
}

/// How many characters of hash end a name.
const HASH: usize = 8;

/// What names are made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Naming {
    /// The pipeline's name.
    pub(super) pipeline: String,
    /// The stage, if any.
    pub(super) stage: Option<String>,
}

impl Naming {
    /// The name of a node before it is made to fit: `vprofile-prod-net-db-a`. A hash stands for letters that AWS does not
    /// take: `db["köln"]` and `db["kiln"]` have to stay apart.
    pub(super) fn plain(&self, id: &str) -> String {
        let stage = self.stage.as_deref().unwrap_or_default();
        let name = hyphens([self.pipeline.as_str(), stage, id]);
        match name.is_empty() {
            true => format!("v{}", short_hash(id)),
            false if id.is_ascii() => name,
            false => format!("{name}-{}", short_hash(id)),
        }
    }

    /// The default of an identity attribute. It may break a pattern that no such name can fit.
    ///
    /// `domain` is that of the site which the resource belongs to, if any.
    pub(super) fn fitting(
        &self,
        kind: &str,
        id: &str,
        domain: Option<&str>,
        ty: &Type,
        matches: &mut dyn FnMut(&str) -> bool,
    ) -> String {
        let mut name = self.plain(id);
        if is_global(kind) {
            let stage = self.stage.as_deref().unwrap_or_default();
            let hash = short_hash(&[&self.pipeline, stage, domain.unwrap_or_default()].join("\n"));
            name = shorten(&name, longest(ty).saturating_sub(HASH + 1), id);
            name = format!("{name}-{hash}");
        }
        let (least, most) = (shortest(ty), longest(ty));
        if name.len() < least {
            name = format!("{name}-{}", short_hash(id));
        }
        let name = if name.len() <= most { name } else { shorten(&name, most, &format!("{name} {id}")) };
        if !matches(&name) {
            let lower = name.to_lowercase();
            if matches(&lower) {
                return lower;
            }
        }
        name
    }
}

fn scalar(ty: &Type) -> Option<&Scalar> {
    match ty {
        Type::Scalar(scalar) => Some(scalar),
        Type::Optional(inner) => scalar(inner),
        _ => None,
    }
}

fn longest(ty: &Type) -> usize {
    scalar(ty).and_then(|scalar| scalar.refinement.length).map_or(255, |(_, most)| most)
}

fn shortest(ty: &Type) -> usize {
    scalar(ty).and_then(|scalar| scalar.refinement.length).map_or(1, |(least, _)| least)
}

/// The parts as letters, digits and single hyphens, none at either end.
fn hyphens(parts: [&str; 3]) -> String {
    let mut name = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    let words = parts.iter().flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric()));
    for word in words.filter(|word| !word.is_empty()) {
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(word);
    }
    name
}

/// A name of at most so many characters; a long one is cut and ends in a hash of the whole.
fn shorten(name: &str, most: usize, whole: &str) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let start = name.get(..most.saturating_sub(HASH + 1)).unwrap_or_default().trim_end_matches('-');
    let name = format!("{start}-{}", short_hash(whole));
    name.trim_start_matches('-').get(..most.min(name.len())).unwrap_or(&name).to_owned()
}

/// Eight hexadecimal digits that stay the same for the same text, in every version of vpipe.
pub(super) fn short_hash(text: &str) -> String {
    let hash = stable_hash(text);
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

/// FNV-1a, 64 bits, with a final mix. It tells names apart; it guards nothing.
/// Source: draft-eastlake-fnv; the mix is that of `SplitMix64` (Steele, Lea, Flood 2014).
pub(super) fn stable_hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    mix(fnv)
}

/// One step of `SplitMix64`.
pub(super) fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::schema::{Base, Refinement};

    fn text(least: usize, most: usize) -> Type {
        let refinement = Refinement { length: Some((least, most)), ..Refinement::default() };
        Type::Scalar(Scalar { base: Base::String, name: "String".to_owned(), refinement })
    }

    fn naming() -> Naming {
        Naming { pipeline: "vprofile".to_owned(), stage: Some("prod".to_owned()) }
    }

    fn fit(kind: &str, id: &str, least: usize, most: usize) -> String {
        naming().fitting(kind, id, None, &text(least, most), &mut |_| true)
    }

    #[test]
    fn names_are_pipeline_stage_and_name() {
        assert_eq!(naming().plain("mysql"), "vprofile-prod-mysql");
        assert_eq!(naming().plain("net.site_db[\"eu west\"][0]"), "vprofile-prod-net-site-db-eu-west-0");
        let plain = Naming { pipeline: "shop".to_owned(), ..Naming::default() };
        assert_eq!(plain.plain("web"), "shop-web");
        assert_eq!(plain.fitting("environment", "w", None, &text(4, 40), &mut |_| true), "shop-w");
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let (a, b) = (fit("broker", &"x".repeat(90), 1, 50), fit("broker", &"x".repeat(91), 1, 50));
        assert_eq!((a.len(), b.len()), (50, 50));
        assert!(a.starts_with("vprofile-prod-xxx") && a != b, "{a} {b}");
        assert_eq!(fit("x", "web", 1, 5).len(), 5);
    }

    #[test]
    fn letters_that_aws_does_not_take_keep_names_apart() {
        let (here, there) = (naming().plain("db[\"大阪\"]"), naming().plain("db[\"日本\"]"));
        assert!(here.starts_with("vprofile-prod-db-") && here.is_ascii() && here != there, "{here} {there}");
    }

    #[test]
    fn short_names_grow() {
        let naming = Naming { pipeline: "a".to_owned(), ..Naming::default() };
        let name = naming.fitting("environment", "b", None, &text(4, 40), &mut |_| true);
        assert_eq!((name.len(), &name[..4]), (12, "a-b-"));
    }

    #[test]
    fn lower_case_where_the_pattern_wants_it() {
        let lower = |name: &str| !name.contains(char::is_uppercase);
        let name = naming().fitting("db_instance", "Main", None, &text(1, 63), &mut |name| lower(name));
        assert_eq!(name, "vprofile-prod-main");
    }

    #[test]
    fn buckets_of_different_domains_differ() {
        let bucket =
            |domain: &str| naming().fitting("bucket", "files", Some(domain), &text(3, 63), &mut |_| true);
        assert!(bucket("a.example").starts_with("vprofile-prod-files-"));
        assert_ne!(bucket("a.example"), bucket("b.example"));
        assert_eq!(bucket("a.example"), bucket("a.example"));
    }
}
