//! How long an application's versions are kept: Beanstalk's lifecycle rules, of which at most one is on.
//!
//! Source: developer guide, "Configuring application version lifecycle settings".

use aws_sdk_elasticbeanstalk::types::{
    ApplicationResourceLifecycleConfig, ApplicationVersionLifecycleConfig, MaxAgeRule, MaxCountRule,
};

use crate::cloud::parts::partition;
use crate::cloud::permission::Condition;
use crate::cloud::{Clients, CloudError, Reply, Want, calling, reading};
use crate::eval::{Attrs, Value};
use crate::plan::Change;

pub(super) const LIFECYCLE: &str = "elasticbeanstalk:UpdateApplicationResourceLifecycle";
/// The role is passed to Beanstalk alone.
pub(super) const PASSED: Condition = Condition {
    operator: "StringEquals",
    key: "iam:PassedToService",
    values: &["elasticbeanstalk.amazonaws.com"],
};
/// Attributes that mean something only where a rule is on.
pub(super) const OF_RULES: [&str; 2] = ["delete_bundles", "service_role"];

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A rule by which versions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// No more than so many are kept.
    Count(i32),
    /// None is kept longer than so many days.
    Days(i32),
}

/// The rule that the file asks for.
pub(super) fn rule(want: &Want) -> Option<Rule> {
    let days = |ms: i64| i32::try_from((ms + DAY - 1) / DAY).ok();
    match (want.get("keep_versions"), want.get("keep_versions_for")) {
        (Value::Int(count), _) => i32::try_from(*count).ok().map(Rule::Count),
        (_, Value::Duration(ms)) => days(*ms).map(Rule::Days),
        _ => None,
    }
}

/// Both rules as attributes: that one is off is compared as well.
fn attrs(rule: Option<Rule>) -> Attrs {
    let (count, age) = match rule {
        Some(Rule::Count(count)) => (Value::Int(i64::from(count)), Value::None),
        Some(Rule::Days(days)) => (Value::None, Value::Duration(i64::from(days) * DAY)),
        None => (Value::None, Value::None),
    };
    [("keep_versions".to_owned(), count), ("keep_versions_for".to_owned(), age)].into_iter().collect()
}

pub(super) fn desired(want: &Want) -> Attrs {
    attrs(rule(want))
}

/// What AWS does, in the schema's terms.
pub(super) fn read(config: Option<&ApplicationResourceLifecycleConfig>, want: &Want) -> Attrs {
    let rules = config.and_then(ApplicationResourceLifecycleConfig::version_lifecycle_config);
    let count = rules.and_then(|rules| rules.max_count_rule()).filter(|rule| rule.enabled());
    let age = rules.and_then(|rules| rules.max_age_rule()).filter(|rule| rule.enabled());
    let rule = match (count, age) {
        (Some(rule), _) => rule.max_count().map(Rule::Count),
        (_, Some(rule)) => rule.max_age_in_days().map(Rule::Days),
        _ => None,
    };
    let mut attrs = attrs(rule);
    let deletes = count.and_then(MaxCountRule::delete_source_from_s3);
    let deletes = deletes.or(age.and_then(MaxAgeRule::delete_source_from_s3)).unwrap_or(false);
    if rule.is_some() {
        attrs.insert("delete_bundles".to_owned(), Value::Bool(deletes));
    }
    if let Some(role) = config.and_then(ApplicationResourceLifecycleConfig::service_role) {
        // As the file writes it: an ARN or its last part.
        let whole = want.text("service_role").is_some_and(|wanted| wanted.contains(':'));
        let name = role.rsplit('/').next().unwrap_or(role);
        attrs.insert("service_role".to_owned(), Value::from(if whole { role } else { name }));
    }
    attrs
}

pub(super) fn changed(changes: &[Change]) -> bool {
    let of_rules = |name: &str| OF_RULES.contains(&name) || name.starts_with("keep_versions");
    changes.iter().any(|change| of_rules(&change.attribute))
}

pub(super) async fn update(clients: &Clients, want: &Want, name: &str) -> Result<Reply, CloudError> {
    let misuse = |error: aws_smithy_types::error::operation::BuildError| {
        CloudError::misuse(LIFECYCLE, error.to_string())
    };
    let deletes = want.flag("delete_bundles").unwrap_or(false);
    let (mut count, mut age) = (MaxCountRule::builder().enabled(false), MaxAgeRule::builder().enabled(false));
    match rule(want) {
        Some(Rule::Count(most)) => count = count.enabled(true).max_count(most).delete_source_from_s3(deletes),
        Some(Rule::Days(most)) => {
            age = age.enabled(true).max_age_in_days(most).delete_source_from_s3(deletes)
        }
        None => {}
    }
    let rules = ApplicationVersionLifecycleConfig::builder()
        .max_count_rule(count.build().map_err(misuse)?)
        .max_age_rule(age.build().map_err(misuse)?)
        .build();
    let config = ApplicationResourceLifecycleConfig::builder()
        .service_role(role(clients, want).await?)
        .version_lifecycle_config(rules)
        .build();
    let request = clients
        .beanstalk
        .update_application_resource_lifecycle()
        .application_name(name)
        .resource_lifecycle_config(config);
    Ok(Reply::of(&request.send().await.map_err(calling(LIFECYCLE))?, None))
}

/// The role's ARN, which is what AWS wants to have.
async fn role(clients: &Clients, want: &Want) -> Result<String, CloudError> {
    let role = want.text("service_role").unwrap_or_default();
    if role.contains(':') {
        return Ok(role.to_owned());
    }
    let identity = clients.sts.get_caller_identity().send().await;
    let identity = identity.map_err(reading("sts:GetCallerIdentity"))?;
    let partition = partition(clients.config.region().map(AsRef::as_ref).unwrap_or_default());
    Ok(format!("arn:{partition}:iam::{}:role/{role}", identity.account().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::testing::{attrs as given, want};

    #[test]
    fn days_are_whole_and_one_rule_is_on() {
        let mut want = want("application", "shop");
        assert_eq!(rule(&want), None);
        want.attrs = given([("keep_versions_for", Value::Duration(DAY + 1))]);
        assert_eq!(rule(&want), Some(Rule::Days(2)));
        assert_eq!(desired(&want).get("keep_versions"), Some(&Value::None));
        want.attrs = given([("keep_versions", Value::Int(3)), ("keep_versions_for", Value::None)]);
        assert_eq!(rule(&want), Some(Rule::Count(3)));
    }

    #[test]
    fn a_rule_that_is_off_is_none() {
        let off = MaxCountRule::builder().enabled(false).max_count(200).build().ok();
        let on = MaxAgeRule::builder().enabled(true).max_age_in_days(30).build().ok();
        let rules = ApplicationVersionLifecycleConfig::builder().set_max_count_rule(off).set_max_age_rule(on);
        let config = ApplicationResourceLifecycleConfig::builder()
            .service_role("arn:aws:iam::1:role/path/deleter")
            .version_lifecycle_config(rules.build())
            .build();
        let read = read(Some(&config), &want("application", "shop"));
        assert_eq!(read.get("keep_versions"), Some(&Value::None));
        assert_eq!(read.get("keep_versions_for"), Some(&Value::Duration(30 * DAY)));
        assert_eq!(read.get("service_role"), Some(&"deleter".into()));
    }
}
