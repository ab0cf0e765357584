//! Platforms: branches and their versions, with the solution stacks that they also are.
//! Source: docs.aws.amazon.com/elasticbeanstalk/latest/platforms/platforms-supported.html, early 2026.

use super::refuse;
use crate::local::common::page;
use crate::local::support::{elements, member, text_of};
use crate::local::{Call, Cx, Element, Fault, Reply};

const OS: &str = "64bit Amazon Linux 2023";

/// A branch: its name and how its solution stacks end, family, language, the versions of the platform, newest first.
struct Branch {
    name: &'static str,
    stack: &'static str,
    family: &'static str,
    language: &'static str,
    versions: &'static [&'static str],
    lifecycle: &'static str,
}

const fn branch(
    name: &'static str,
    stack: &'static str,
    family: &'static str,
    language: &'static str,
    versions: &'static [&'static str],
) -> Branch {
    Branch { name, stack, family, language, versions, lifecycle: "Supported" }
}

const BRANCHES: &[Branch] = &[
    branch("Tomcat 11 with Corretto 21", "Tomcat 11 Corretto 21", "Tomcat", "Java", &["5.8.1", "5.8.0"]),
    branch("Tomcat 11 with Corretto 17", "Tomcat 11 Corretto 17", "Tomcat", "Java", &["5.8.1", "5.8.0"]),
    branch("Tomcat 10 with Corretto 21", "Tomcat 10 Corretto 21", "Tomcat", "Java", &["5.8.1", "5.8.0"]),
    branch("Tomcat 10 with Corretto 17", "Tomcat 10 Corretto 17", "Tomcat", "Java", &["5.8.1", "5.8.0"]),
    branch("Tomcat 9 with Corretto 17", "Tomcat 9 Corretto 17", "Tomcat", "Java", &["5.8.1", "5.8.0"]),
    branch("Tomcat 9 with Corretto 11", "Tomcat 9 Corretto 11", "Tomcat", "Java", &["5.8.1", "5.8.0"]),
    branch("Corretto 25", "Corretto 25", "Java", "Java", &["4.7.1", "4.7.0"]),
    branch("Corretto 21", "Corretto 21", "Java", "Java", &["4.7.1", "4.7.0"]),
    branch("Corretto 17", "Corretto 17", "Java", "Java", &["4.7.1", "4.7.0"]),
    branch("Corretto 11", "Corretto 11", "Java", "Java", &["4.7.1", "4.7.0"]),
    branch("Corretto 8", "Corretto 8", "Java", "Java", &["4.7.1", "4.7.0"]),
    branch("Node.js 24", "Node.js 24", "Node.js", "Node.js", &["6.7.1", "6.7.0"]),
    branch("Node.js 22", "Node.js 22", "Node.js", "Node.js", &["6.7.1", "6.7.0"]),
    branch("Node.js 20", "Node.js 20", "Node.js", "Node.js", &["6.7.1", "6.7.0"]),
    branch("Python 3.14", "Python 3.14", "Python", "Python", &["4.9.1", "4.9.0"]),
    branch("Python 3.13", "Python 3.13", "Python", "Python", &["4.9.1", "4.9.0"]),
    branch("Python 3.12", "Python 3.12", "Python", "Python", &["4.9.1", "4.9.0"]),
    branch("Python 3.11", "Python 3.11", "Python", "Python", &["4.9.1", "4.9.0"]),
    branch("PHP 8.4", "PHP 8.4", "PHP", "PHP", &["4.8.1", "4.8.0"]),
    branch("PHP 8.3", "PHP 8.3", "PHP", "PHP", &["4.8.1", "4.8.0"]),
    branch("Ruby 3.4", "Ruby 3.4", "Ruby", "Ruby", &["4.7.1", "4.7.0"]),
    branch("Ruby 3.3", "Ruby 3.3", "Ruby", "Ruby", &["4.7.1", "4.7.0"]),
    branch("Go 1", "Go 1", "Go", "Go", &["4.5.1", "4.5.0"]),
    branch(".NET 9", ".NET 9", ".NET on Linux", ".NET", &["3.6.1", "3.6.0"]),
    branch(".NET 8", ".NET 8", ".NET on Linux", ".NET", &["3.6.1", "3.6.0"]),
    branch("Docker", "Docker", "Docker", "Docker", &["4.8.1", "4.8.0"]),
    branch("ECS", "ECS", "ECS", "Docker", &["4.5.1", "4.5.0"]),
];

/// A version of a platform.
#[derive(Clone, Debug)]
pub(super) struct Platform {
    pub(super) arn: String,
    pub(super) branch: String,
    pub(super) family: &'static str,
    pub(super) language: &'static str,
    pub(super) version: &'static str,
    pub(super) stack: String,
    pub(super) recommended: bool,
    lifecycle: &'static str,
}

/// All versions of all platforms in a region, the newest of each branch first.
fn all(region: &str) -> impl Iterator<Item = Platform> {
    BRANCHES.iter().flat_map(move |branch| {
        branch.versions.iter().enumerate().map(move |(index, version)| {
            let name = format!("{} running on {OS}", branch.name);
            Platform {
                arn: format!("arn:aws:elasticbeanstalk:{region}::platform/{name}/{version}"),
                branch: name,
                family: branch.family,
                language: branch.language,
                version,
                stack: format!("{OS} v{version} running {}", branch.stack),
                recommended: index == 0,
                lifecycle: branch.lifecycle,
            }
        })
    })
}

/// The platform that a call means: by ARN (with or without a version) or by solution stack.
pub(super) fn find(region: &str, arn: Option<&str>, stack: Option<&str>) -> Result<Platform, Fault> {
    if let Some(arn) = arn {
        let found =
            all(region).find(|p| p.arn == arn || p.arn.rsplit_once('/').is_some_and(|(base, _)| base == arn));
        return match found {
            Some(platform) => Ok(platform),
            None => refuse("InvalidParameterValue", format!("No Platform named '{arn}' found.")),
        };
    }
    let Some(stack) = stack else {
        let message = "No solution stack, platform ARN, or configuration template was specified.";
        return refuse("MissingParameter", message);
    };
    match all(region).find(|platform| platform.stack == stack) {
        Some(platform) => Ok(platform),
        None => refuse("InvalidParameterValue", format!("No Solution Stack named '{stack}' found.")),
    }
}

fn tiers() -> [&'static str; 2] {
    ["WebServer/Standard", "Worker/SQS/HTTP"]
}

fn summary(platform: &Platform) -> Vec<Element> {
    let mut children = vec![
        Element::text("PlatformArn", &platform.arn),
        Element::text("PlatformOwner", "AWSElasticBeanstalk"),
        Element::text("PlatformStatus", "Ready"),
        Element::text("PlatformCategory", platform.family),
        Element::text("OperatingSystemName", "Amazon Linux"),
        Element::text("OperatingSystemVersion", "2023"),
        Element::texts("SupportedTierList", "member", tiers()),
        Element::texts("SupportedAddonList", "member", ["Log/S3", "WorkerDaemon/SQSD"]),
    ];
    if platform.recommended {
        children.push(Element::text("PlatformLifecycleState", "Recommended"));
    }
    children.extend([
        Element::text("PlatformVersion", platform.version),
        Element::text("PlatformBranchName", &platform.branch),
        Element::text("PlatformBranchLifecycleState", platform.lifecycle),
    ]);
    children
}

/// Whether a value passes a filter.
fn passes(value: &str, operator: &str, wanted: &[String]) -> Option<bool> {
    let any = |test: &dyn Fn(&str) -> bool| wanted.iter().any(|w| test(w));
    let number = |text: &str| -> Vec<u64> { text.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    Some(match operator {
        "=" | "in" => any(&|w| value == w),
        "!=" | "not_in" => !any(&|w| value == w),
        "<" => any(&|w| number(value) < number(w)),
        "<=" => any(&|w| number(value) <= number(w)),
        ">" => any(&|w| number(value) > number(w)),
        ">=" => any(&|w| number(value) >= number(w)),
        "contains" => any(&|w| value.contains(w)),
        "begins_with" => any(&|w| value.starts_with(w)),
        "ends_with" => any(&|w| value.ends_with(w)),
        _ => return None,
    })
}

fn filtered<T>(
    call: &Call,
    key: &str,
    items: Vec<T>,
    field: impl Fn(&T, &str) -> Option<Vec<String>>,
) -> Result<Vec<T>, Fault> {
    let mut left = items;
    for filter in elements(&call.params, "Filters") {
        let name = member(filter, key).unwrap_or_default();
        let operator = member(filter, "Operator").unwrap_or_else(|| "=".to_owned());
        let values: Vec<String> = elements(filter, "Values").iter().filter_map(text_of).collect();
        let mut kept = Vec::new();
        for item in left {
            let Some(fields) = field(&item, &name) else {
                let message = format!("'{name}' is not a valid filter");
                return refuse("InvalidParameterValue", message);
            };
            let negative = matches!(operator.as_str(), "!=" | "not_in");
            let mut pass = negative;
            for value in &fields {
                match passes(value, &operator, &values) {
                    Some(passed) => pass = if negative { pass && passed } else { pass || passed },
                    None => {
                        return refuse(
                            "InvalidParameterValue",
                            format!("'{operator}' is not a valid operator"),
                        );
                    }
                }
            }
            if pass {
                kept.push(item);
            }
        }
        left = kept;
    }
    Ok(left)
}

fn paged<T>(call: &Call, items: Vec<T>) -> Result<(Vec<T>, Option<Element>), Fault> {
    let max = call.int("MaxRecords").and_then(|max| usize::try_from(max).ok()).filter(|max| *max > 0);
    let (items, next) = page(items, call.text("NextToken").as_deref(), call.page_of(max.unwrap_or(100)))
        .ok_or_else(|| Fault::new(400, "InvalidParameterValue", "The NextToken is not valid"))?;
    Ok((items, next.map(|next| Element::text("NextToken", next))))
}

pub(super) fn list_versions(cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let field = |platform: &Platform, name: &str| {
        let one = |text: &str| Some(vec![text.to_owned()]);
        match name {
            "PlatformName" | "PlatformBranchName" => one(&platform.branch),
            "PlatformVersion" => one(platform.version),
            "PlatformStatus" => one("Ready"),
            "PlatformBranchLifecycleState" => one(platform.lifecycle),
            "PlatformOwner" => one("AWSElasticBeanstalk"),
            "PlatformLifecycleState" => one(if platform.recommended { "Recommended" } else { "" }),
            "SupportedTier" => Some(tiers().iter().map(|tier| (*tier).to_owned()).collect()),
            "SupportedAddon" => Some(vec!["Log/S3".to_owned(), "WorkerDaemon/SQSD".to_owned()]),
            "ProgrammingLanguageName" => one(platform.language),
            "OperatingSystemName" => one("Amazon Linux"),
            "OperatingSystemVersion" => one("2023"),
            _ => None,
        }
    };
    let found = filtered(call, "Type", all(&cx.region).collect(), field)?;
    let (found, next) = paged(call, found)?;
    let mut members = vec![Element::list("PlatformSummaryList", "member", found.iter().map(summary))];
    members.extend(next);
    Ok(Reply::Xml(members))
}

pub(super) fn list_branches(cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let branches: Vec<Platform> = all(&cx.region).filter(|platform| platform.recommended).collect();
    let field = |platform: &Platform, name: &str| match name {
        "BranchName" => Some(vec![platform.branch.clone()]),
        "LifecycleState" => Some(vec![platform.lifecycle.to_owned()]),
        "PlatformName" => Some(vec![platform.family.to_owned()]),
        "TierType" => Some(vec!["WebServer/Standard".to_owned(), "Worker/SQS/HTTP".to_owned()]),
        _ => None,
    };
    let (found, next) = paged(call, filtered(call, "Attribute", branches, field)?)?;
    let shown = found.iter().enumerate().map(|(index, platform)| {
        vec![
            Element::text("PlatformName", platform.family),
            Element::text("BranchName", &platform.branch),
            Element::text("LifecycleState", platform.lifecycle),
            Element::text("BranchOrder", index),
            Element::texts("SupportedTierList", "member", tiers()),
        ]
    });
    let mut members = vec![Element::list("PlatformBranchSummaryList", "member", shown)];
    members.extend(next);
    Ok(Reply::Xml(members))
}

pub(super) fn describe(cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    let arn = call.text("PlatformArn");
    let platform = find(&cx.region, arn.as_deref().or(Some("")), None)?;
    let mut children = summary(&platform);
    children.extend([
        Element::text("PlatformName", &platform.branch),
        Element::text("SolutionStackName", &platform.stack),
        Element::text("DateCreated", "2026-01-15T00:00:00.000Z"),
        Element::text("DateUpdated", "2026-01-15T00:00:00.000Z"),
        Element::text("Description", format!("{} platform", platform.family)),
        Element::text("Maintainer", "aws-elasticbeanstalk-platforms@amazon.com"),
        Element::list(
            "ProgrammingLanguages",
            "member",
            [vec![Element::text("Name", platform.language), Element::text("Version", platform.version)]],
        ),
    ]);
    Ok(Reply::Xml(vec![Element::new("PlatformDescription", children)]))
}

pub(super) fn list_stacks(cx: &Cx) -> Reply {
    let stacks: Vec<Platform> = all(&cx.region).filter(|platform| platform.recommended).collect();
    let files =
        |platform: &Platform| if platform.family == "Tomcat" { vec!["war", "zip"] } else { vec!["zip"] };
    let details = stacks.iter().map(|platform| {
        vec![
            Element::text("SolutionStackName", &platform.stack),
            Element::texts("PermittedFileTypes", "member", files(platform)),
        ]
    });
    Reply::Xml(vec![
        Element::texts("SolutionStacks", "member", stacks.iter().map(|platform| &platform.stack)),
        Element::list("SolutionStackDetails", "member", details),
    ])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    #[test]
    fn platforms_are_found_and_filtered() {
        let stack = "64bit Amazon Linux 2023 v5.8.1 running Tomcat 10 Corretto 21";
        let platform = find("us-east-1", None, Some(stack)).unwrap();
        assert!(platform.branch.starts_with("Tomcat 10 with Corretto 21 running"));
        assert_eq!(find("us-east-1", Some(&platform.arn), None).unwrap().stack, stack);
        assert!(
            find("us-east-1", None, Some("64bit Solaris"))
                .unwrap_err()
                .message
                .contains("No Solution Stack named")
        );
        let cx = Cx { now: 0, region: "us-east-1".into(), account: String::new(), request_id: String::new() };
        let filter = json!({"Filters": [
            {"Type": "PlatformBranchName", "Operator": "begins_with", "Values": ["Tomcat 10 with Corretto 21"]},
            {"Type": "PlatformLifecycleState", "Operator": "=", "Values": ["Recommended"]},
        ]});
        let call = Call { operation: String::new(), params: filter, ..Call::default() };
        let Reply::Xml(members) = list_versions(&cx, &call).unwrap() else { panic!() };
        assert_eq!(members[0].children.len(), 1);
        assert_eq!(members[0].children[0].text_at("PlatformVersion"), Some("5.8.1"));
    }
}
