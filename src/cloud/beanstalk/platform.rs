//! From the name of a platform branch to the platform version that an environment runs on.

use aws_sdk_elasticbeanstalk::types::{PlatformFilter, SearchFilter};

use crate::base::closest;
use crate::cloud::{Clients, CloudError, found, reading};

pub(super) const LIST: &str = "elasticbeanstalk:ListPlatformVersions";
pub(super) const BRANCHES: &str = "elasticbeanstalk:ListPlatformBranches";

/// What an environment is to run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    /// A platform version's ARN.
    Arn(String),
    /// A solution stack by its whole name.
    Stack(String),
}

/// A platform version as AWS lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    arn: String,
    branch: String,
    version: String,
    retired: bool,
}

/// Finds the newest platform version of a branch.
///
/// # Errors
/// When AWS cannot be asked, or has no such branch.
pub(super) async fn choose(clients: &Clients, wanted: &str) -> Result<Platform, CloudError> {
    if is_stack(wanted) {
        return Ok(Platform::Stack(wanted.to_owned()));
    }
    let filter = |kind: &str, operator: &str, value: &str| {
        PlatformFilter::builder().r#type(kind).operator(operator).values(value).build()
    };
    let mut listed = Vec::new();
    let mut token = None;
    loop {
        let request = clients
            .beanstalk
            .list_platform_versions()
            .filters(filter("PlatformBranchName", "begins_with", wanted))
            .filters(filter("PlatformStatus", "=", "Ready"))
            .set_next_token(token);
        let reply = request.send().await.map_err(reading(LIST))?;
        listed.extend(reply.platform_summary_list().iter().filter_map(|summary| {
            Some(Listed {
                arn: summary.platform_arn()?.to_owned(),
                branch: summary.platform_branch_name()?.to_owned(),
                version: summary.platform_version()?.to_owned(),
                retired: summary
                    .platform_branch_lifecycle_state()
                    .is_some_and(|s| s.eq_ignore_ascii_case("retired")),
            })
        }));
        token = reply.next_token;
        if token.is_none() {
            break;
        }
    }
    match newest(&listed, wanted) {
        Some(platform) => Ok(Platform::Arn(platform.arn.clone())),
        None => Err(no_such_platform(clients, wanted).await),
    }
}

/// Whether a platform is given as the whole name of a solution stack.
fn is_stack(wanted: &str) -> bool {
    wanted.starts_with("64bit ") || wanted.starts_with("32bit ")
}

/// Whether a branch is the wanted one: `Tomcat 10 with Corretto 21` is `Tomcat 10 with Corretto 21 running on 64bit
/// Amazon Linux 2023`.
fn fits(branch: &str, wanted: &str) -> bool {
    branch == wanted || branch.strip_prefix(wanted).is_some_and(|rest| rest.starts_with(" running on "))
}

/// The newest version; between operating systems the newer one has the higher major version. Retired branches only
/// when there is nothing else.
fn newest<'a>(listed: &'a [Listed], wanted: &str) -> Option<&'a Listed> {
    let number = |part: &str| part.parse::<u64>().unwrap_or(0);
    let key = |listed: &&Listed| -> (bool, Vec<u64>) {
        (!listed.retired, listed.version.split('.').map(number).collect())
    };
    listed.iter().filter(|listed| fits(&listed.branch, wanted)).max_by_key(key)
}

/// What an environment runs on, in the file's words where they fit.
pub(super) fn seen(arn: Option<&str>, stack: Option<&str>, wanted: &str) -> Option<String> {
    // arn:aws:elasticbeanstalk:us-east-1::platform/Tomcat 10 with Corretto 21 running on 64bit Amazon Linux 2023/5.1.0
    let branch =
        arn.and_then(|arn| arn.split_once(":platform/")?.1.rsplit_once('/')).map(|(branch, _)| branch);
    if is_stack(wanted) {
        return stack.map(str::to_owned);
    }
    match branch {
        Some(branch) if fits(branch, wanted) => Some(wanted.to_owned()),
        branch => branch.or(stack).map(str::to_owned),
    }
}

async fn no_such_platform(clients: &Clients, wanted: &str) -> CloudError {
    let supported =
        SearchFilter::builder().attribute("LifecycleState").operator("=").values("Supported").build();
    let request = clients.beanstalk.list_platform_branches().filters(supported);
    let mut pages = request.into_paginator().send();
    let mut branches: Vec<String> = Vec::new();
    // The list is only for the help: a page that does not come is left out.
    while let Some(Ok(page)) = pages.next().await {
        branches.extend(page.platform_branch_summary_list().iter().filter_map(|b| b.branch_name.clone()));
    }
    let short = |branch: &String| branch.split(" running on ").next().unwrap_or(branch).to_owned();
    let mut names: Vec<String> = branches.iter().map(short).collect();
    names.sort_unstable();
    names.dedup();
    let family = wanted.split(' ').next().unwrap_or(wanted);
    let help = match closest(wanted, names.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => {
            let same: Vec<&str> =
                names.iter().map(String::as_str).filter(|name| name.starts_with(family)).collect();
            match (same.is_empty(), names.is_empty()) {
                (false, _) => format!("; there is {}", crate::base::sentence_list(same, "and")),
                (true, false) => "; `aws elasticbeanstalk list-platform-branches` names them".to_owned(),
                (true, true) => String::new(),
            }
        }
    };
    CloudError::of(LIST, "NoSuchPlatform", format!("Beanstalk has no platform branch `{wanted}`{help}"))
}

/// Whether an image is the platform's own rather than one that somebody chose; unknown counts as its own.
pub(super) async fn is_own_image(clients: &Clients, arn: &str, image: &str) -> Result<bool, CloudError> {
    let reply = clients.beanstalk.describe_platform_version().platform_arn(arn).send().await;
    let reply = found(reply.map_err(reading("elasticbeanstalk:DescribePlatformVersion")))?;
    let platform = reply.and_then(|reply| reply.platform_description);
    let images: Vec<String> = platform
        .and_then(|platform| platform.custom_ami_list)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|ami| ami.image_id)
        .collect();
    Ok(images.is_empty() || images.iter().any(|own| own == image))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn listed(branch: &str, version: &str, retired: bool) -> Listed {
        let arn = format!("arn:aws:elasticbeanstalk:us-east-1::platform/{branch}/{version}");
        Listed { arn, branch: branch.to_owned(), version: version.to_owned(), retired }
    }

    #[test]
    fn the_newest_version_of_the_branch_is_chosen() {
        let wanted = "Tomcat 10 with Corretto 21";
        let branch = "Tomcat 10 with Corretto 21 running on 64bit Amazon Linux 2023";
        let all = [
            listed(branch, "5.9.0", false),
            listed(branch, "5.10.1", false),
            listed("Tomcat 10 with Corretto 21 running on 64bit Amazon Linux 2", "6.0.0", true),
            listed("Tomcat 10 with Corretto 2100 running on 64bit Amazon Linux 2023", "9.0.0", false),
        ];
        let chosen = newest(&all, wanted).unwrap();
        assert_eq!((chosen.branch.as_str(), chosen.version.as_str()), (branch, "5.10.1"));
        assert!(newest(&all, "Tomcat 10").is_none());
        assert!(newest(&all, branch).is_some());
    }

    #[test]
    fn what_runs_is_said_in_the_files_words() {
        let arn = "arn:aws:elasticbeanstalk:us-east-1::platform/Tomcat 10 with Corretto 21 running on 64bit Amazon Linux 2023/5.1.0";
        let stack = "64bit Amazon Linux 2023 v5.1.0 running Tomcat 10 Corretto 21";
        let say = |wanted| seen(Some(arn), Some(stack), wanted).unwrap();
        assert_eq!(say("Tomcat 10 with Corretto 21"), "Tomcat 10 with Corretto 21");
        assert_eq!(say("Corretto 21"), "Tomcat 10 with Corretto 21 running on 64bit Amazon Linux 2023");
        assert_eq!(say(stack), stack);
        assert_eq!(seen(None, Some(stack), "Corretto 21").unwrap(), stack);
    }
}
