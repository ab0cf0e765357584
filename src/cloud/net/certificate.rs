//! Reads the names and the expiry of an X.509 certificate out of its DER bytes. TLS itself has verified the
//! certificate before; this only says what it says (RFC 5280, section 4.1).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::net::IpAddr;

use super::Peer;

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
/// 2.5.29.17, subjectAltName
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

/// What a certificate says; `None` when it is not one.
pub(super) fn read(der: &[u8]) -> Option<Peer> {
    let tbs = Der(Der(der).expect(SEQUENCE)?).expect(SEQUENCE)?;
    let mut fields = Der(tbs);
    let (first, _) = fields.next()?;
    // Serial number, unless the version came first; then signature algorithm and issuer.
    for _ in 0..if first == VERSION { 3 } else { 2 } {
        fields.next()?;
    }
    let mut validity = Der(fields.expect(SEQUENCE)?);
    validity.next()?;
    let (tag, text) = validity.next()?;
    let not_after = time(tag, text)?;
    let extensions = fields.find(|(tag, _)| *tag == EXTENSIONS);
    let names = extensions.map(|(_, content)| names(content)).unwrap_or_default();
    Some(Peer { names, not_after })
}

fn names(extensions: &[u8]) -> Vec<String> {
    let all = Der(extensions).expect(SEQUENCE).unwrap_or_default();
    let alternative = Der(all).find_map(|(_, extension)| {
        let mut parts = Der(extension);
        let id = parts.expect(OBJECT_ID)?;
        let (_, value) = parts.find(|(tag, _)| *tag == OCTET_STRING)?;
        (id == SUBJECT_ALT_NAME).then_some(value)
    });
    let list = alternative.and_then(|value| Der(value).expect(SEQUENCE)).unwrap_or_default();
    Der(list).filter_map(|(tag, value)| name(tag, value)).collect()
}

fn name(tag: u8, value: &[u8]) -> Option<String> {
    match tag {
        DNS_NAME => Some(String::from_utf8_lossy(value).to_lowercase()),
        IP_ADDRESS => <[u8; 4]>::try_from(value)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from))
            .ok()
            .map(|ip| ip.to_string()),
        _ => None,
    }
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, in milliseconds since the Unix epoch.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // Years below 50 are of this century.
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    Some(TimeZone::UTC.to_timestamp(time).ok()?.as_millisecond())
}

/// A run of DER elements; yields tags and contents, and ends at the first that is not whole.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next element, which must have this tag.
    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

impl<'a> Iterator for Der<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first & 0x7f);
        if first & 0x80 != 0 {
            // The long form: so many bytes of length follow.
            let (bytes, after) = rest.split_at_checked(length).filter(|_| (1..=4).contains(&length))?;
            length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            rest = after;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use base64::Engine;

    /// Made with `openssl req -x509 -newkey ed25519 -days 36500 -subj /CN=x -addext
    /// subjectAltName=DNS:vprofile.example.com,DNS:*.Example.com,IP:10.0.0.1`.
    const CERTIFICATE: &str = "MIIBZzCCARmgAwIBAgIUT+dW54LW5Q1ZT6Q3W+KIxKEJAFQwBQYDK2VwMAwxCjAIBgNVBAMMAXgwIBcNMjYxMTI0MjM1NDUxWhgPMjEyNjEwMzEyMzU0NTFaMAwxCjAIBgNVBAMMAXgwKjAFBgMrZXADIQCg1zmj58mrgRXmkobUP5IPjYn97hEV4L1qhC9BQ1ECmKOBijCBhzAdBgNVHQ4EFgQU+ewWT3pf1wEw5Wt95Tems4Gytk4wHwYDVR0jBBgwFoAU+ewWT3pf1wEw5Wt95Tems4Gytk4wDwYDVR0TAQH/BAUwAwEB/zA0BgNVHREELTArghR2cHJvZmlsZS5leGFtcGxlLmNvbYINKi5FeGFtcGxlLmNvbYcECgAAATAFBgMrZXADQQA+KDbCnG2L+alzQ2DIfkCjtoFPkNdQRYErITqc6H2wkEMmBDZAZgk5QmHEfevBGg7KGfi+baRKgqLyVqeanMsE";

    #[test]
    fn names_and_expiry_are_read() {
        let der = base64::engine::general_purpose::STANDARD.decode(CERTIFICATE).unwrap();
        let peer = read(&der).unwrap();
        assert_eq!(peer.names, ["vprofile.example.com", "*.example.com", "10.0.0.1"]);
        assert_eq!(peer.not_after, 4_949_164_491_000);
        for cut in 0..der.len() {
            // Whatever is cut off, reading ends; it may still have seen the expiry.
            let _ = read(&der[..cut]);
        }
        assert!(read(b"not a certificate").is_none());
    }

    #[test]
    fn both_kinds_of_time_are_read() {
        assert_eq!(time(UTC_TIME, b"491231235959Z"), Some(2_524_607_999_000));
        assert_eq!(time(UTC_TIME, b"500101000000Z"), Some(-631_152_000_000));
        assert_eq!(time(GENERALIZED_TIME, b"20500101000000Z"), Some(2_524_608_000_000));
        assert_eq!(time(UTC_TIME, b"garbage"), None);
    }
}
