//! The regions of AWS, and their availability zones.

/// Regions with the letters of their availability zones, as new accounts see them.
const REGIONS: &[(&str, &str)] = &[
    ("af-south-1", "abc"),
    ("ap-east-1", "abc"),
    ("ap-northeast-1", "acd"),
    ("ap-northeast-2", "abcd"),
    ("ap-northeast-3", "abc"),
    ("ap-south-1", "abc"),
    ("ap-south-2", "abc"),
    ("ap-southeast-1", "abc"),
    ("ap-southeast-2", "abc"),
    ("ap-southeast-3", "abc"),
    ("ap-southeast-4", "abc"),
    ("ap-southeast-5", "abc"),
    ("ap-southeast-7", "abc"),
    ("ca-central-1", "abd"),
    ("ca-west-1", "abc"),
    ("cn-north-1", "abd"),
    ("cn-northwest-1", "abc"),
    ("eu-central-1", "abc"),
    ("eu-central-2", "abc"),
    ("eu-north-1", "abc"),
    ("eu-south-1", "abc"),
    ("eu-south-2", "abc"),
    ("eu-west-1", "abc"),
    ("eu-west-2", "abc"),
    ("eu-west-3", "abc"),
    ("il-central-1", "abc"),
    ("me-central-1", "abc"),
    ("me-south-1", "abc"),
    ("mx-central-1", "abc"),
    ("sa-east-1", "abc"),
    ("us-east-1", "abcdef"),
    ("us-east-2", "abc"),
    ("us-gov-east-1", "abc"),
    ("us-gov-west-1", "abc"),
    ("us-west-1", "ac"),
    ("us-west-2", "abcd"),
];

/// The names of all regions.
pub fn names() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().map(|(name, _)| *name)
}

/// The letters of a region's availability zones; `None` when there is no such region.
pub fn zones(region: &str) -> Option<&'static str> {
    REGIONS.iter().find(|(name, _)| *name == region).map(|(_, zones)| *zones)
}

/// `use1` for `us-east-1`, `apse2` for `ap-southeast-2`.
pub fn short(region: &str) -> String {
    let mut parts = region.split('-');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part {
            "northeast" | "northwest" | "southeast" | "southwest" => {
                text.extend(part.chars().next());
                text.extend(part.chars().nth(5));
            }
            number if number.starts_with(|c: char| c.is_ascii_digit()) => text.push_str(number),
            word => text.extend(word.chars().next()),
        }
    }
    text
}
