//! Machine images: one of Amazon Linux for each architecture and region.

use sha2::{Digest, Sha256};

use super::filters::{Described, page, select, wanted};
use crate::local::common::Tags;
use crate::local::state::hex;
use crate::local::{Call, Cx, Element, Fault};

/// An image.
#[derive(Clone, Debug)]
struct Image {
    id: String,
    name: &'static str,
    architecture: &'static str,
    tags: Tags,
}

/// Amazon's account that owns them.
const AMAZON: &str = "137112412989";

fn images(region: &str) -> Vec<Image> {
    let known = [
        ("al2023-ami-2023.9.20251105.0-kernel-6.1-x86_64", "x86_64"),
        ("al2023-ami-2023.9.20251105.0-kernel-6.1-arm64", "arm64"),
    ];
    let image = |(name, architecture)| {
        let digits = hex(&Sha256::digest(format!("ami {name} {region}")));
        let id = format!("ami-0{}", digits.get(..16).unwrap_or_default());
        Image { id, name, architecture, tags: Tags::new() }
    };
    known.map(image).to_vec()
}

impl Described for Image {
    fn filter(&self, name: &str) -> Option<Vec<String>> {
        let value = match name {
            "image-id" => &self.id,
            "name" => self.name,
            "architecture" => self.architecture,
            "state" => "available",
            "owner-alias" => "amazon",
            "owner-id" => AMAZON,
            "is-public" | "ena-support" => "true",
            "root-device-type" => "ebs",
            "virtualization-type" => "hvm",
            "image-type" => "machine",
            _ => return None,
        };
        Some(vec![value.to_owned()])
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

pub fn describe(cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let images = images(&cx.region);
    let known = |id: &str| images.iter().any(|image| image.id == id);
    let ids = wanted(call, "ImageId", known, "InvalidAMIID.NotFound", "image id")?;
    let owners = call.texts("Owner");
    let asked = |image: &Image| {
        let owned = owners.is_empty() || owners.iter().any(|owner| owner == "amazon" || owner == AMAZON);
        owned && ids.as_ref().is_none_or(|ids| ids.contains(&image.id))
    };
    let (images, next) = page(call, select(call, images.into_iter().filter(asked).collect())?)?;
    let item = |image: Image| {
        vec![
            Element::text("imageId", &image.id),
            Element::text("imageLocation", format!("amazon/{}", image.name)),
            Element::text("imageState", "available"),
            Element::text("imageOwnerId", AMAZON),
            Element::text("imageOwnerAlias", "amazon"),
            Element::text("isPublic", true),
            Element::text("architecture", image.architecture),
            Element::text("imageType", "machine"),
            Element::text("name", image.name),
            Element::text("rootDeviceType", "ebs"),
            Element::text("rootDeviceName", "/dev/xvda"),
            Element::text("virtualizationType", "hvm"),
            Element::text("hypervisor", "xen"),
            Element::text("enaSupport", true),
            Element::text("creationDate", "2025-11-05T00:00:00.000Z"),
        ]
    };
    let list = Element::list("imagesSet", "item", images.into_iter().map(item));
    Ok([list].into_iter().chain(next).collect())
}
