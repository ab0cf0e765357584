//! Formats that are checked by code: what is wrong with a text, and the text that was meant where one is near.

use std::str::FromStr;

use crate::schema::Format;

/// Other spellings of a text that does not match its pattern, the likeliest first; `example` is one that does.
pub(super) fn respelled(text: &str, example: Option<&str>) -> Vec<String> {
    let lower = text.trim().to_lowercase();
    let hyphens = lower.replace([' ', '_'], "-");
    let mut all = vec![text.trim().to_owned(), lower.clone(), hyphens];
    all.extend(text.strip_prefix(['v', 'V']).map(str::to_owned));
    // `t3.micro` for `db.t3.micro`, and the other way round.
    let head = example.and_then(|example| example.split_once('.')).filter(|_| lower.contains('.'));
    all.extend(head.map(|(head, _)| format!("{head}.{lower}")));
    all.extend(lower.split_once('.').map(|(_, tail)| tail.to_owned()));
    if !text.contains("://") {
        all.push(format!("/{}", text.trim()));
    }
    // `us-east1` and `us-east-1a` for `us-east-1`.
    let name = lower.trim_end_matches(|c: char| c.is_ascii_digit());
    all.extend(lower.get(name.len()..).map(|number| format!("{name}-{number}")));
    all.push(lower.trim_end_matches(|c: char| c.is_ascii_lowercase()).to_owned());
    all.retain(|other| other != text && !other.is_empty());
    all
}

/// Why a text has not its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misformed {
    /// What is wrong, to stand under the text.
    pub(super) why: &'static str,
    /// What the format is.
    pub(super) help: &'static str,
    /// What was meant.
    pub(super) meant: Option<String>,
}

/// Looks at a text.
pub(super) fn check(format: Format, text: &str) -> Result<(), Misformed> {
    match format {
        Format::Cidr => cidr(text),
        Format::Domain => {
            host(text.strip_prefix("*.").unwrap_or(text), "a domain is a name such as `shop.example.com`")
        }
        Format::Hostname => host(text, "a host name is a name such as `db.example.com`"),
        Format::Arn => arn(text),
    }
}

fn cidr(text: &str) -> Result<(), Misformed> {
    let help = "an address block is written `10.0.0.0/16`";
    let Ok(net) = ipnet::IpNet::from_str(text) else {
        let meant = std::net::IpAddr::from_str(text).ok().map(|one| ipnet::IpNet::from(one).to_string());
        if let Some((address, length)) = text.split_once('/') {
            let is_length = length.parse::<u32>().is_ok();
            if is_length && std::net::Ipv4Addr::from_str(address).is_ok() {
                let help = "the number after `/` is from 0 to 32";
                return Err(Misformed { why: "the prefix is too long", help, meant });
            }
            let whole = format!(
                "{address}{}/{length}",
                ".0".repeat(3usize.saturating_sub(address.matches('.').count()))
            );
            let whole = ipnet::Ipv4Net::from_str(&whole).ok().filter(|net| net.addr() == net.network());
            if let Some(net) = whole {
                return Err(Misformed {
                    why: "an address has four parts",
                    help,
                    meant: Some(net.to_string()),
                });
            }
        }
        let why =
            if meant.is_some() { "an address without `/` and the prefix length" } else { "no address block" };
        return Err(Misformed { why, help, meant });
    };
    if net.addr() == net.network() {
        return Ok(());
    }
    Err(Misformed {
        why: "the address has bits set beyond the prefix",
        help: "AWS takes only the first address of a block",
        meant: Some(net.trunc().to_string()),
    })
}

/// Source: RFC 1035, 2.3.4, and RFC 1123, 2.1; ACM and CloudFront take no final dot. Underscores stand in the names of
/// records such as `_acme-challenge`.
fn host(text: &str, help: &'static str) -> Result<(), Misformed> {
    let wrong = |why| Err(Misformed { why, help, meant: None });
    let label = |label: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&label.len())
            && label.chars().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let meant = |name: &str| Some(name.to_owned()).filter(|name| name.split('.').all(label));
    if let Some((_, rest)) = text.split_once("://") {
        let name = rest.split(['/', ':']).next().unwrap_or_default();
        return Err(Misformed { why: "a URL", help, meant: meant(name) });
    }
    if let Some(name) = text.strip_suffix('.') {
        return Err(Misformed { why: "a final dot", help, meant: meant(name) });
    }
    if text.is_empty() {
        return wrong("empty");
    }
    if text.len() > 253 {
        return wrong("longer than 253 characters");
    }
    if text.parse::<std::net::IpAddr>().is_ok() {
        return wrong("an address, not a name");
    }
    if !text.contains('.') {
        return wrong("a name without a dot");
    }
    if !text.split('.').all(label) {
        return wrong("letters, digits and hyphens stand between the dots, at most 63 of them");
    }
    Ok(())
}

fn arn(text: &str) -> Result<(), Misformed> {
    // arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE; region and account may be empty.
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let complete = match parts[..] {
        ["arn", partition, service, _, _, resource] => {
            partition.starts_with("aws") && !service.is_empty() && !resource.is_empty()
        }
        _ => false,
    };
    if complete {
        return Ok(());
    }
    let help = "an ARN is written `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`";
    Err(Misformed { why: "not an ARN", help, meant: None })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn address_blocks_are_networks() {
        assert_eq!(check(Format::Cidr, "10.0.0.0/16"), Ok(()));
        assert_eq!(check(Format::Cidr, "2001:db8::/32"), Ok(()));
        assert_eq!(check(Format::Cidr, "10.0.0.5/24").unwrap_err().meant.as_deref(), Some("10.0.0.0/24"));
        assert_eq!(check(Format::Cidr, "10.0.0.5").unwrap_err().meant.as_deref(), Some("10.0.0.5/32"));
        assert_eq!(check(Format::Cidr, "10.0.0/8").unwrap_err().meant.as_deref(), Some("10.0.0.0/8"));
        assert_eq!(check(Format::Cidr, "10.20.5/8").unwrap_err().meant, None);
        assert_eq!(
            check(Format::Cidr, "10.0.0.0/33").unwrap_err().help,
            "the number after `/` is from 0 to 32"
        );
    }

    #[test]
    fn texts_are_spelt_in_other_ways() {
        let all = |text: &str, example| respelled(text, Some(example)).join(" ");
        assert!(all("login", "/").contains("/login"));
        assert!(all("t3.micro", "db.t3.micro").contains("db.t3.micro"));
        assert!(all("us-east1", "us-east-1").contains("us-east-1"));
        assert!(!respelled("v1", None).contains(&"v1".to_owned()));
    }

    #[test]
    fn names_of_hosts() {
        for good in ["example.com", "*.example.com", "a-b.example.co.uk", "_x.example.com"] {
            assert_eq!(check(Format::Domain, good), Ok(()), "{good}");
        }
        for bad in ["", "example", "a..b", "-a.com", "a b.com", "1.2.3.4", "*.*.com", "a.com:80"] {
            assert!(check(Format::Domain, bad).is_err(), "{bad}");
        }
        assert!(check(Format::Hostname, "*.example.com").is_err());
        let meant = |text: &str| check(Format::Domain, text).unwrap_err().meant;
        assert_eq!(meant("https://shop.example.com/login").as_deref(), Some("shop.example.com"));
        assert_eq!(meant("example.com.").as_deref(), Some("example.com"));
    }

    #[test]
    fn arns_have_six_parts() {
        assert_eq!(check(Format::Arn, "arn:aws:s3:::bucket"), Ok(()));
        assert_eq!(check(Format::Arn, "arn:aws-cn:iam::123456789012:role/x"), Ok(()));
        assert!(check(Format::Arn, "arn:aws:s3").is_err());
    }
}
