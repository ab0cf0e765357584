//! Key pairs.

use base64::Engine;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::filters::{Described, select, tag_set, tag_specification, wanted};
use super::{done, refuse};
use crate::local::common::{Tags, iso};
use crate::local::state::hex;
use crate::local::{Call, Cx, Element, Fault, State};

/// A key pair. Its private half is nowhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyPair {
    /// `key-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// `rsa` or `ed25519`
    pub kind: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// When it was made.
    pub created_at: i64,
    /// Its tags.
    pub tags: Tags,
}

impl Described for KeyPair {
    fn filter(&self, name: &str) -> Option<Vec<String>> {
        let value = match name {
            "key-name" => &self.name,
            "key-pair-id" => &self.id,
            "fingerprint" => &self.fingerprint,
            _ => return None,
        };
        Some(vec![value.clone()])
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

pub fn describe(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let keys = &state.ec2.region(&cx.region).keys;
    let names =
        wanted(call, "KeyName", |name| keys.contains_key(name), "InvalidKeyPair.NotFound", "key pair")?;
    let known = |id: &str| keys.values().any(|key| key.id == id);
    let ids = wanted(call, "KeyPairId", known, "InvalidKeyPair.NotFound", "key pair")?;
    let asked = |key: &&KeyPair| {
        names.as_ref().is_none_or(|names| names.contains(&key.name))
            && ids.as_ref().is_none_or(|ids| ids.contains(&key.id))
    };
    let item = |key: KeyPair| {
        vec![
            Element::text("keyPairId", &key.id),
            Element::text("keyName", &key.name),
            Element::text("keyType", &key.kind),
            Element::text("keyFingerprint", &key.fingerprint),
            Element::text("createTime", iso(key.created_at)),
            tag_set(&key.tags),
        ]
    };
    let keys = select(call, keys.values().filter(asked).cloned().collect())?;
    Ok(vec![Element::list("keySet", "item", keys.into_iter().map(item))])
}

fn add(state: &mut State, cx: &Cx, call: &Call, kind: String, digits: &[u8]) -> Result<KeyPair, Fault> {
    let name = call.required("KeyName")?;
    let tags = tag_specification(call, "key-pair")?;
    if name.is_empty() || name.chars().count() > 255 {
        return refuse(
            "InvalidParameterValue",
            "Invalid value for KeyName: it must have 1 to 255 characters",
        );
    }
    if state.ec2.region(&cx.region).keys.contains_key(&name) {
        return refuse("InvalidKeyPair.Duplicate", format!("The keypair '{name}' already exists."));
    }
    let pairs: Vec<String> = digits.iter().take(20).map(|byte| format!("{byte:02x}")).collect();
    let key = KeyPair {
        id: state.id("key"),
        name: name.clone(),
        kind,
        fingerprint: pairs.join(":"),
        created_at: cx.now,
        tags,
    };
    state.ec2.region(&cx.region).keys.insert(name, key.clone());
    Ok(key)
}

fn reply(key: &KeyPair) -> Vec<Element> {
    vec![
        Element::text("keyName", &key.name),
        Element::text("keyFingerprint", &key.fingerprint),
        Element::text("keyPairId", &key.id),
        tag_set(&key.tags),
    ]
}

pub fn create(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let kind = call.text("KeyType").unwrap_or_else(|| "rsa".to_owned());
    if !matches!(kind.as_str(), "rsa" | "ed25519") {
        return refuse("InvalidParameterValue", format!("Invalid value '{kind}' for keyType."));
    }
    let digest = Sha256::digest(format!("key {}", state.ids));
    let key = add(state, cx, call, kind, &digest)?;
    // There is nothing to log in to, so this opens nothing.
    let material = base64::engine::general_purpose::STANDARD.encode(format!("local cloud {}", hex(&digest)));
    let mut members = reply(&key);
    members.push(Element::text(
        "keyMaterial",
        format!("-----BEGIN RSA PRIVATE KEY-----\n{material}\n-----END RSA PRIVATE KEY-----"),
    ));
    Ok(members)
}

pub fn import(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let material = call.required("PublicKeyMaterial")?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(&material).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let kind = match text.split_whitespace().next() {
        Some("ssh-rsa") => "rsa",
        Some("ssh-ed25519") => "ed25519",
        _ => return refuse("InvalidKey.Format", "Key is not in valid OpenSSH public key format"),
    };
    add(state, cx, call, kind.to_owned(), &Sha256::digest(&text)).map(|key| reply(&key))
}

pub fn delete(state: &mut State, cx: &Cx, call: &Call) -> Result<Vec<Element>, Fault> {
    let keys = &mut state.ec2.region(&cx.region).keys;
    let (name, id) = (call.text("KeyName"), call.text("KeyPairId"));
    if name.is_none() && id.is_none() {
        return refuse("MissingParameter", "The request must contain the parameter KeyName or KeyPairId");
    }
    // EC2 says yes to a key pair that does not exist, too.
    keys.retain(|_, key| Some(&key.name) != name.as_ref() && Some(&key.id) != id.as_ref());
    Ok(vec![done()])
}
