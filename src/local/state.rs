//! Everything that the local cloud remembers.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::blobs::Blobs;

/// The whole state, which persists between processes. Each service has its own part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The time of the last request: time never goes back.
    pub clock: i64,
    /// How many ids were handed out; ids are derived from it, so that runs repeat exactly.
    pub ids: u64,
    /// How many requests were answered; their ids are derived from it.
    #[serde(default)]
    pub requests: u64,
    /// Certificate Manager.
    #[serde(default)]
    pub acm: super::acm::Acm,
    /// Elastic Beanstalk.
    #[serde(default)]
    pub beanstalk: super::beanstalk::Beanstalk,
    /// CloudFront.
    #[serde(default)]
    pub cloudfront: super::cloudfront::CloudFront,
    /// CloudWatch.
    #[serde(default)]
    pub cloudwatch: super::cloudwatch::CloudWatch,
    /// EC2.
    #[serde(default)]
    pub ec2: super::ec2::Ec2,
    /// ElastiCache.
    #[serde(default)]
    pub elasticache: super::elasticache::ElastiCache,
    /// Elastic Load Balancing.
    #[serde(default)]
    pub elbv2: super::elbv2::Elbv2,
    /// GoDaddy.
    #[serde(default)]
    pub godaddy: super::godaddy::GoDaddy,
    /// IAM.
    #[serde(default)]
    pub iam: super::iam::Iam,
    /// Amazon MQ.
    #[serde(default)]
    pub mq: super::mq::Mq,
    /// RDS.
    #[serde(default)]
    pub rds: super::rds::Rds,
    /// Route 53.
    #[serde(default)]
    pub route53: super::route53::Route53,
    /// S3.
    #[serde(default)]
    pub s3: super::s3::S3,
    /// Secrets Manager.
    #[serde(default)]
    pub secrets_manager: super::secrets_manager::SecretsManager,
    /// SNS.
    #[serde(default)]
    pub sns: super::sns::Sns,
    /// Parameters of Systems Manager.
    #[serde(default)]
    pub ssm: super::ssm::Ssm,
    /// The bad ends that resources are to come to, by node, as ordered.
    #[serde(skip)]
    pub bad_ends: std::collections::BTreeMap<String, String>,
    /// The bodies of S3 objects, which live beside the state file.
    #[serde(skip)]
    pub blobs: Blobs,
}

impl State {
    /// `COUNT` hexadecimal digits that were not handed out before: the same ones in every run that did the same.
    pub fn hex(&mut self, count: usize) -> String {
        self.ids += 1;
        let mut digits = String::new();
        let mut round = 0_u32;
        while digits.len() < count {
            digits.push_str(&hex(&Sha256::digest(format!("id {} {round}", self.ids))));
            round += 1;
        }
        digits.truncate(count);
        digits
    }

    /// An EC2-like id: `sg-0` and sixteen hexadecimal digits.
    pub fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.hex(16))
    }

    /// `COUNT` upper-case letters and digits, as in `E1A2B3C4D5E6F7` (CloudFront) or `AROA…` (IAM).
    pub fn letters(&mut self, count: usize) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let digits = self.hex(count * 2);
        let pairs = digits.as_bytes().chunks(2);
        pairs
            .map(|pair| {
                let number = pair.iter().fold(0_usize, |sum, c| sum * 7 + usize::from(*c));
                ALPHABET.get(number % ALPHABET.len()).copied().map_or('A', char::from)
            })
            .collect()
    }

    /// A UUID.
    pub fn uuid(&mut self) -> String {
        uuid(&self.hex(32))
    }

    /// The id of the next request.
    pub(super) fn request_id(&mut self) -> String {
        self.requests += 1;
        uuid(&hex(&Sha256::digest(format!("request {} {}", self.clock, self.requests))))
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn uuid(digits: &str) -> String {
    let part = |from, to| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_repeat_exactly() {
        let (mut one, mut two) = (State::default(), State::default());
        let first = one.id("sg");
        assert_ne!(first, one.id("sg"));
        assert_eq!(first, two.id("sg"));
        assert_eq!(first.len(), "sg-0123456789abcdef0".len());
        assert_eq!(one.letters(13).len(), 13);
        assert_eq!(one.uuid().len(), 36);
    }
}
