//! Distributions through their lives, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;

use crate::local::world::{Config, World};

fn refused(world: &mut World, config: &Config<'_>) -> (String, String) {
    let fault = world.cf("CreateDistribution", json!({}), None, &config.xml()).unwrap_err();
    (fault.code, fault.message)
}

#[test]
fn a_distribution_is_made_changed_disabled_and_deleted() {
    let mut world = World::new();
    let (made, etag) = world.cf("CreateDistribution", json!({}), None, &Config::default().xml()).unwrap();
    let id = made.text_at("Id").unwrap().to_owned();
    assert_eq!(made.text_at("Status"), Some("InProgress"));
    let status = |world: &mut World| {
        let (found, _) = world.cf("GetDistribution", json!({"Id": id}), None, "").unwrap();
        found.text_at("Status").unwrap().to_owned()
    };
    world.wait(190);
    assert_eq!(status(&mut world), "InProgress");
    world.wait(110);
    assert_eq!(status(&mut world), "Deployed");
    // What reads back may be written again.
    let (config, same) = world.cf("GetDistributionConfig", json!({"Id": id}), None, "").unwrap();
    assert_eq!(same, etag);
    assert_eq!(config.text_at("DefaultCacheBehavior/AllowedMethods/CachedMethods/Quantity"), Some("2"));
    let body = crate::local::wire::write_xml(&config);
    let stale = world.cf("UpdateDistribution", json!({"Id": id}), Some("EOLD"), &body).unwrap_err();
    assert_eq!((stale.status, stale.code.as_str()), (412, "PreconditionFailed"));
    let missing = world.cf("UpdateDistribution", json!({"Id": id}), None, &body).unwrap_err();
    assert_eq!(missing.code, "InvalidIfMatchVersion");
    let enabled = world.cf("DeleteDistribution", json!({"Id": id}), Some(&etag), "").unwrap_err();
    assert_eq!((enabled.status, enabled.code.as_str()), (409, "DistributionNotDisabled"));
    let other = body.replace("<CallerReference>r1<", "<CallerReference>r2<");
    assert_eq!(
        world.cf("UpdateDistribution", json!({"Id": id}), Some(&etag), &other).unwrap_err().code,
        "IllegalUpdate"
    );

    let off = body.replace("<Enabled>true</Enabled></DistributionConfig>", "");
    let off = off.replacen("<Enabled>true</Enabled>", "<Enabled>false</Enabled>", 1);
    let (changed, etag) = world.cf("UpdateDistribution", json!({"Id": id}), Some(&etag), &off).unwrap();
    assert_eq!(
        (changed.text_at("Status"), changed.text_at("DistributionConfig/Enabled")),
        (Some("InProgress"), Some("false"))
    );
    let busy = world.cf("DeleteDistribution", json!({"Id": id}), Some(&etag), "").unwrap_err();
    assert_eq!(busy.code, "DistributionNotDisabled");
    world.wait(300);
    world.cf("DeleteDistribution", json!({"Id": id}), Some(&etag), "").unwrap();
    assert_eq!(
        world.cf("GetDistribution", json!({"Id": id}), None, "").unwrap_err().code,
        "NoSuchDistribution"
    );
}

#[test]
fn a_reference_is_used_once_and_the_refusal_names_the_first() {
    let mut world = World::new();
    let (made, _) = world.cf("CreateDistribution", json!({}), None, &Config::default().xml()).unwrap();
    let (code, message) = refused(&mut world, &Config::default());
    assert_eq!(code, "DistributionAlreadyExists");
    assert!(message.ends_with(&format!("Already exists: {}", made.text_at("Id").unwrap())), "{message}");
}

#[test]
fn certificates_must_be_issued_in_us_east_1_and_cover_the_aliases() {
    let mut world = World::new();
    let good = world.certificate("us-east-1", &["*.example.com"]);
    let elsewhere = world.certificate("eu-west-1", &["*.example.com"]);
    let aliases = ["www.example.com"];
    for (certificate, aliases, why) in [
        (None, &aliases[..], "you must attach a trusted certificate"),
        (Some(elsewhere.as_str()), &aliases[..], "isn't in us-east-1 region"),
        (Some(good.as_str()), &["example.com"][..], "doesn't cover the alternate domain name"),
        (Some(good.as_str()), &["www.example.com."][..], "doesn't cover the alternate domain name"),
    ] {
        let (code, message) = refused(&mut world, &Config { certificate, aliases, ..Config::default() });
        assert_eq!(code, "InvalidViewerCertificate");
        assert!(message.contains(why), "{message}");
    }
    let config = Config { certificate: Some(&good), aliases: &aliases, ..Config::default() };
    world.cf("CreateDistribution", json!({}), None, &config.xml()).unwrap();
    let (code, _) = refused(&mut world, &Config { reference: "r2", ..config });
    assert_eq!(code, "CNAMEAlreadyExists");
    assert_eq!(crate::local::acm::in_use_by(&world.state, &good).len(), 1);
}

#[test]
fn configurations_must_be_whole() {
    let mut world = World::new();
    let xml = Config::default().xml();
    for (from, to, code) in [
        ("<TargetOriginId>o<", "<TargetOriginId>p<", "NoSuchOrigin"),
        ("<Origins><Quantity>1<", "<Origins><Quantity>2<", "InconsistentQuantities"),
        ("<CachePolicyId>658327ea", "<CachePolicyId>00000000", "NoSuchCachePolicy"),
        ("redirect-to-https", "redirect", "InvalidArgument"),
        (
            "<Comment>",
            "<DefaultRootObject>/index.html</DefaultRootObject><Comment>",
            "InvalidDefaultRootObject",
        ),
        ("<Enabled>true</Enabled>", "", "InvalidArgument"),
    ] {
        let body = xml.replace(from, to);
        assert_ne!(body, xml);
        let fault = world.cf("CreateDistribution", json!({}), None, &body).unwrap_err();
        assert_eq!(fault.code, code, "{}", fault.message);
    }
}

#[test]
fn invalidations_are_made_once_for_a_reference() {
    let mut world = World::new();
    let (id, _) = world.distribution(&Config::default());
    let batch = |reference: &str, path: &str| {
        format!(
            "<InvalidationBatch><Paths><Quantity>1</Quantity><Items><Path>{path}</Path></Items></Paths><CallerReference>{reference}</CallerReference></InvalidationBatch>"
        )
    };
    let params = json!({"DistributionId": id});
    let (first, _) = world.cf("CreateInvalidation", params.clone(), None, &batch("a", "/*")).unwrap();
    let (again, _) = world.cf("CreateInvalidation", params.clone(), None, &batch("a", "/*")).unwrap();
    assert_eq!(first.text_at("Id"), again.text_at("Id"));
    assert_eq!(
        world.cf("CreateInvalidation", params.clone(), None, &batch("a", "/b")).unwrap_err().code,
        "InvalidArgument"
    );
    assert_eq!(
        world.cf("CreateInvalidation", params.clone(), None, &batch("c", "b")).unwrap_err().code,
        "InvalidArgument"
    );
    world.wait(60);
    let one = json!({"DistributionId": id, "Id": first.text_at("Id").unwrap()});
    let (done, _) = world.cf("GetInvalidation", one, None, "").unwrap();
    assert_eq!(done.text_at("Status"), Some("Completed"));
    let (list, _) = world.cf("ListInvalidations", params, None, "").unwrap();
    assert_eq!(list.text_at("Quantity"), Some("1"));
}

#[test]
fn tags_and_access_controls() {
    let mut world = World::new();
    let with = Config::default().xml();
    let body = format!(
        "<DistributionConfigWithTags>{with}<Tags><Items><Tag><Key>k</Key><Value>v</Value></Tag></Items></Tags></DistributionConfigWithTags>"
    );
    let (made, _) = world.cf("CreateDistributionWithTags", json!({}), None, &body).unwrap();
    let resource = json!({"Resource": made.text_at("ARN").unwrap()});
    world
        .cf(
            "TagResource",
            resource.clone(),
            None,
            "<Tags><Items><Tag><Key>a</Key><Value>b</Value></Tag></Items></Tags>",
        )
        .unwrap();
    world
        .cf("UntagResource", resource.clone(), None, "<TagKeys><Items><Key>k</Key></Items></TagKeys>")
        .unwrap();
    let (tags, _) = world.cf("ListTagsForResource", resource, None, "").unwrap();
    assert_eq!(tags.text_at("Items/Tag/Key"), Some("a"));
    let control = "<OriginAccessControlConfig><Name>n</Name><SigningProtocol>sigv4</SigningProtocol><SigningBehavior>always</SigningBehavior><OriginAccessControlOriginType>s3</OriginAccessControlOriginType></OriginAccessControlConfig>";
    let (made, etag) = world.cf("CreateOriginAccessControl", json!({}), None, control).unwrap();
    assert_eq!(
        world.cf("CreateOriginAccessControl", json!({}), None, control).unwrap_err().code,
        "OriginAccessControlAlreadyExists"
    );
    world
        .cf("DeleteOriginAccessControl", json!({"Id": made.text_at("Id").unwrap()}), Some(&etag), "")
        .unwrap();
}
