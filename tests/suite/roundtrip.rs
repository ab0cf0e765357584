//! `vpipe import` of every kind, with the values of its attributes that `tests/attributes` tells, mixed: the block that it prints
//! checks, a plan finds nothing to change, and it is adopted without another call than for its tags.

use std::sync::Arc;

use super::attributes::{Subject, account, actions, each, in_virtual_time};
use super::permissions::unallowed;
use super::stack::{Stack, ok};
use vpipe::cloud::driver;
use vpipe::plan::Plan;
use vpipe::run::{Drivers, adopt, adopting, import, importing};

#[test]
fn what_is_imported_plans_no_change_and_is_adopted() {
    each(|subject| in_virtual_time(import_each(subject)));
}

async fn import_each(subject: &Subject) {
    let mut stack = account().await;
    let mut tried = Vec::new();
    let rounds = subject.choices().map(|(_, choices)| choices.len()).max().unwrap_or_default();
    for round in 0..rounds {
        let body = mixture(&stack, subject, round);
        if tried.contains(&body) {
            continue;
        }
        // What cannot be changed back is made anew.
        if !subject.table.refused.is_empty() {
            stack = account().await;
        }
        stack.run(&body).await;
        let journal = Arc::clone(&stack.journal);
        if let Err(why) = import_one(&mut stack, subject).await {
            panic!("{why}\nfrom {body}");
        }
        stack.journal = journal;
        tried.push(body);
    }
}

/// Each attribute with its next choice, as far as `vpipe check` takes them together.
fn mixture(stack: &Stack, subject: &Subject, round: usize) -> String {
    let mut chosen = subject.first();
    for (name, choices) in subject.choices() {
        let next = subject.with(&chosen, name, &choices[round % choices.len()]);
        let body = subject.body(&next);
        // What stands at GoDaddy is not found.
        let elsewhere = ["  provider = godaddy", "  validation = dns(provider: godaddy"];
        let elsewhere = elsewhere.iter().any(|words| body.contains(words));
        if !elsewhere && stack.try_job(&body).is_ok() {
            chosen = next;
        }
    }
    subject.body(&chosen)
}

/// What a user knows it by.
async fn known_as(stack: &Stack, subject: &Subject) -> String {
    let journal = stack.journal.lock().unwrap().history().unwrap();
    let node = &journal.nodes["it"];
    match subject.kind.as_str() {
        "distribution" | "certificate" => node.id.clone().unwrap(),
        "hosted_zone" => node.attrs["domain"].as_str().unwrap().to_owned(),
        "record" => node.attrs["name"].as_str().unwrap().to_owned(),
        _ => node.name.clone(),
    }
}

/// Imports what the stack's pipeline made as its node `it`, of which it then knows nothing any more.
async fn import_one(stack: &mut Stack, subject: &Subject) -> Result<(), String> {
    let name = known_as(stack, subject).await;
    let before = stack.local.asked();
    let drivers: Drivers = Arc::new(driver);
    let printed = import(&stack.clients, &subject.kind, &name).await?;
    let policy = serde_json::to_value(importing(&drivers, "123456789012")).unwrap();
    let forbidden = unallowed(stack.called_since(&before), &policy);
    assert_eq!(forbidden, Vec::<String>::new(), "`permissions --for import` lacks it");
    if subject.kind == "security_group" {
        untag_rules(stack).await;
    }
    // It is the same node for whom its tags name, and the secrets are those of the test.
    let text = renamed(&printed, &subject.kind);
    stack.forget();
    let job = stack.try_job(&text).map_err(|errors| format!("{errors:#?}\n{printed}"))?;
    let before = stack.local.asked();
    let (outcome, adopted) = adopt(&job, None).await.unwrap();
    ok(outcome);
    let plan = stack.plan(&text).await;
    let policy = serde_json::to_value(adopting(&job.manifest, [], &drivers, "123456789012")).unwrap();
    let forbidden = unallowed(stack.called_since(&before), &policy);
    assert_eq!(forbidden, Vec::<String>::new(), "`permissions FILE --for import` lacks it");
    match adopted.contains(&"it".to_owned()) && actions(&plan).is_empty() {
        true => Ok(()),
        false => Err(format!("adopted {adopted:?}\n{}\n{printed}", differing(&plan))),
    }
}

/// Rules are other nodes where the file words them otherwise.
async fn untag_rules(stack: &Stack) {
    let ec2 = &stack.clients.ec2;
    let rules = ec2.describe_security_group_rules().send().await.unwrap();
    let ids: Vec<String> = rules
        .security_group_rules()
        .iter()
        .map(|rule| rule.security_group_rule_id().unwrap().into())
        .collect();
    ec2.delete_tags().set_resources(Some(ids)).send().await.unwrap();
}

fn differing(plan: &Plan) -> String {
    let nodes = plan.nodes.iter().filter(|node| !node.changes.is_empty() || node.id.starts_with("it"));
    nodes.map(|node| format!("{} {:?} {:?}\n", node.id, node.action, node.changes)).collect()
}

/// With the node's own name as `it`, and with what a user would fill in.
fn renamed(printed: &str, kind: &str) -> String {
    let start = format!("{kind} ");
    let line = printed.lines().find(|line| line.starts_with(&start)).unwrap();
    let old = line[start.len()..].split(' ').next().unwrap();
    let line_of = |line: &str| match line.split_once("= env(\"") {
        Some((before, _)) => format!("{before}= env(\"PW\")\n"),
        None if line.starts_with("param ") => format!("{line} = \"rabbit\"\n"),
        None if line.starts_with(&start) => format!("{}\n", line.replacen(old, "it", 1)),
        None => format!("{line}\n"),
    };
    printed.lines().map(line_of).collect()
}
