//! Between the approval of a plan and its execution somebody else changes things: what the plan does not show is neither
//! replaced nor deleted.

use std::collections::HashMap;

use super::stack::Stack;
use vpipe::plan::Action;
use vpipe::run::{Ended, apply_planned};

const ROLE: &str = "role web { name = \"web\", trusted_services = [\"ec2.amazonaws.com\"] }";

/// Makes the role anew, as somebody else, with another path.
async fn elsewhere(stack: &Stack) {
    let iam = &stack.clients.iam;
    let role = iam.get_role().role_name("web").send().await.unwrap().role.unwrap();
    iam.delete_role().role_name("web").send().await.unwrap();
    let request = iam.create_role().role_name("web").path("/shop/").set_tags(role.tags);
    let trust = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
                 \"Principal\":{\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}";
    request.assume_role_policy_document(trust).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_would_now_be_replaced_stops_the_run_before_it() {
    let stack = Stack::new("us-east-1").await;
    stack.run(ROLE).await;
    let approved = stack.plan(ROLE).await;
    elsewhere(&stack).await;
    stack.calls.lock().unwrap().clear();
    let outcome = apply_planned(&stack.job(ROLE), false, &approved).await.unwrap();
    assert_eq!(outcome.result, Ended::Failed);
    let error = &outcome.errors[0];
    let message = "`web` would now have to be replaced or deleted, which the approved plan does not say: `path` is \
                   \"/shop/\", and \"/\" is asked for";
    assert_eq!(error.message, message);
    assert!(error.help.as_ref().unwrap().contains("vpipe plan"));
    assert_eq!(*stack.calls.lock().unwrap(), Vec::<String>::new());
    // A plan of now says it, and with that it is done.
    let approved = stack.plan(ROLE).await;
    assert_eq!(approved.nodes[0].action, Action::Replace);
    let outcome = apply_planned(&stack.job(ROLE), false, &approved).await.unwrap();
    assert_eq!(outcome.result, Ended::Ok, "{:?}", outcome.errors);
}

#[tokio::test(start_paused = true)]
async fn what_would_now_be_deleted_stops_the_run_before_it() {
    let stack = Stack::new("us-east-1").await;
    stack.run("topic alerts { name = \"alerts\" }").await;
    let sns = &stack.clients.sns;
    let arn = sns.list_topics().send().await.unwrap().topics()[0].topic_arn().unwrap().to_owned();
    let tags = sns.list_tags_for_resource().resource_arn(&arn).send().await.unwrap().tags;
    sns.delete_topic().topic_arn(&arn).send().await.unwrap();
    // It is not there, so nobody sees its deletion in the plan.
    let approved = stack.plan("").await;
    assert!(approved.nodes.is_empty(), "{approved:?}");
    sns.create_topic().name("alerts").set_tags(tags).send().await.unwrap();
    let outcome = apply_planned(&stack.job(""), false, &approved).await.unwrap();
    assert_eq!(outcome.result, Ended::Failed);
    assert!(outcome.errors[0].message.starts_with("`alerts` would now have to be replaced or deleted"));
    assert_eq!(sns.list_topics().send().await.unwrap().topics().len(), 1);
    let approved: HashMap<_, _> = stack.plan("").await.nodes.into_iter().map(|n| (n.id, n.action)).collect();
    assert_eq!(approved["alerts"], Action::Delete);
    stack.run("").await;
    assert!(sns.list_topics().send().await.unwrap().topics().is_empty());
}
