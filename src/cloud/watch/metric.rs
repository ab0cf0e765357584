//! Which metric an alarm is about: the namespace and dimensions of what it names, and thresholds as CloudWatch has them.
//!
//! Names: the lists of metrics in the user guides of Beanstalk, Elastic Load Balancing, RDS, ElastiCache, Amazon MQ and
//! CloudFront.

use crate::cloud::Want;
use crate::eval::{Attrs, Value};

/// An attribute that names a resource, the namespace of its metrics, and the dimension that tells it from others.
struct Subject {
    attribute: &'static str,
    namespace: &'static str,
    dimension: &'static str,
    /// The output that holds its name.
    output: &'static str,
    /// What of it is the name.
    name: fn(&str) -> &str,
}

const SUBJECTS: [Subject; 6] = [
    Subject {
        attribute: "environment",
        namespace: "AWS/ElasticBeanstalk",
        dimension: "EnvironmentName",
        output: "arn",
        name: |arn| after(arn, '/'),
    },
    Subject {
        attribute: "load_balancer",
        namespace: "AWS/ApplicationELB",
        dimension: "LoadBalancer",
        output: "load_balancer",
        // `app/NAME/ID`
        name: |arn| arn.split_once(":loadbalancer/").map_or(arn, |(_, name)| name),
    },
    Subject {
        attribute: "db_instance",
        namespace: "AWS/RDS",
        dimension: "DBInstanceIdentifier",
        output: "arn",
        name: |arn| after(arn, ':'),
    },
    Subject {
        attribute: "cache_cluster",
        namespace: "AWS/ElastiCache",
        dimension: "CacheClusterId",
        output: "arn",
        name: |arn| after(arn, ':'),
    },
    Subject {
        attribute: "broker",
        namespace: "AWS/AmazonMQ",
        dimension: "Broker",
        output: "arn",
        // `arn:aws:mq:REGION:ACCOUNT:broker:NAME:ID`
        name: |arn| arn.rsplit(':').nth(1).unwrap_or(arn),
    },
    Subject {
        attribute: "distribution",
        namespace: "AWS/CloudFront",
        dimension: "DistributionId",
        output: "id",
        name: |id| id,
    },
];

fn after(text: &str, mark: char) -> &str {
    text.rsplit(mark).next().unwrap_or(text)
}

/// The attributes that name resources.
pub(super) fn subjects() -> impl Iterator<Item = &'static str> {
    SUBJECTS.iter().map(|subject| subject.attribute)
}

/// The namespace that is wanted.
pub(super) fn namespace(want: &Want) -> Option<&str> {
    let named = SUBJECTS.iter().find(|subject| *want.get(subject.attribute) != Value::None);
    want.text("namespace").or(named.map(|subject| subject.namespace))
}

/// The dimensions that are wanted; `None` while what they name does not exist, as in a plan.
pub(super) fn dimensions(want: &Want) -> Option<Attrs> {
    let mut all = want.get("dimensions").fields().cloned().unwrap_or_default();
    for subject in &SUBJECTS {
        let handle = want.get(subject.attribute);
        if *handle == Value::None {
            continue;
        }
        let name = (subject.name)(want.output(handle, subject.output)?);
        all.insert(subject.dimension.to_owned(), Value::from(name));
        if subject.attribute == "distribution" {
            all.insert("Region".to_owned(), Value::from("Global"));
        }
    }
    Some(all)
}

/// A threshold as CloudWatch has it: percentages in percent, sizes in bytes, durations in seconds.
pub(super) fn threshold(value: &Value) -> Option<f64> {
    Some(match value {
        // Hundredths of a percent, and milliseconds.
        Value::Percent(hundredths) => *hundredths as f64 / 100.0,
        Value::Duration(ms) => *ms as f64 / 1000.0,
        Value::String(text) => text.parse().ok()?,
        value => value.as_int()? as f64,
    })
}

/// A threshold that was seen, as the file writes it where that means the same.
pub(super) fn as_asked(seen: Option<f64>, asked: &Value) -> Value {
    match (seen, threshold(asked)) {
        (Some(seen), Some(wanted)) if (seen - wanted).abs() <= f64::EPSILON * wanted.abs() => asked.clone(),
        (Some(seen), _) => Value::from(seen.to_string()),
        (None, _) => Value::None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cloud::testing::{attrs, want};

    #[test]
    fn what_is_named_gives_namespace_and_dimensions() {
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/awseb-x/0123";
        let outputs = attrs([
            ("load_balancer", arn.into()),
            ("arn", "arn:aws:elasticbeanstalk:us-east-1:1:environment/shop/web".into()),
        ]);
        let mut want = want("alarm", "x");
        want.refs.insert("web".to_owned(), outputs);
        want.attrs = attrs([("load_balancer", Value::Handle("web".to_owned()))]);
        assert_eq!(namespace(&want), Some("AWS/ApplicationELB"));
        assert_eq!(dimensions(&want).unwrap()["LoadBalancer"], "app/awseb-x/0123".into());
        want.attrs = attrs([("environment", Value::Handle("web".to_owned()))]);
        assert_eq!(dimensions(&want).unwrap()["EnvironmentName"], "web".into());
        want.attrs = attrs([("broker", Value::Handle("later".to_owned()))]);
        assert_eq!((namespace(&want), dimensions(&want)), (Some("AWS/AmazonMQ"), None));
    }

    #[test]
    fn thresholds_come_in_cloudwatchs_units() {
        for (value, number) in [
            (Value::Percent(8_050), 80.5),
            (Value::Size(2 << 30), 2_147_483_648.0),
            (Value::Duration(500), 0.5),
            (Value::Int(-3), -3.0),
            (Value::from("0.1"), 0.1),
        ] {
            assert_eq!(threshold(&value), Some(number));
            assert_eq!(as_asked(Some(number), &value), value);
        }
        assert_eq!(as_asked(Some(3.5), &Value::Int(3)), Value::from("3.5"));
    }
}
