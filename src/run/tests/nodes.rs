//! Nodes: made, changed, replaced, deleted, adopted or left alone.

use std::time::Duration;

use super::super::{Ended, Event, RunError, destroy, plan_destroy};
use super::fake::{Fault, Thing};
use super::*;
use crate::cloud::Retry;

fn chain() -> Vec<Node> {
    vec![
        thing("a", &[("size", Value::Int(1))]),
        thing("b", &[("uses", handle("a"))]),
        thing("c", &[("size", output("b", "endpoint"))]),
    ]
}

fn ended_ok(outcome: &Outcome) {
    assert_eq!(outcome.result, Ended::Ok, "{:?}", outcome.errors);
}

fn only_error(outcome: &Outcome) -> String {
    assert_eq!(outcome.errors.len(), 1, "{:?}", outcome.errors);
    outcome.errors[0].to_string()
}

#[tokio::test(start_paused = true)]
async fn things_are_made_in_order_and_a_second_run_changes_nothing() {
    let mut bench = Bench::new(chain());
    bench.manifest.outputs.insert("url".to_owned(), output("c", "endpoint"));
    assert_eq!(bench.planned().await, "+a +b +c");
    let first = bench.run().await;
    ended_ok(&first);
    assert_eq!((first.done.create, first.calls), (3, 3));
    assert_eq!(first.outputs["url"], Value::from("shop-dev-c.id-3"));
    assert_eq!(
        bench.cloud.log(),
        ["thing:Create shop-dev-a", "thing:Create shop-dev-b", "thing:Create shop-dev-c"]
    );
    assert_eq!(bench.cloud.thing("shop-dev-b").unwrap().attrs["uses"], Value::from("id-1"));
    assert_eq!(bench.cloud.thing("shop-dev-c").unwrap().attrs["size"], Value::from("shop-dev-b.id-2"));

    assert_eq!(bench.planned().await, "=a =b =c");
    let records = bench.job().journal().records().unwrap().len();
    let second = bench.run().await;
    ended_ok(&second);
    assert_eq!((second.done.unchanged, second.calls), (3, 0));
    // It only says that it began and ended.
    assert_eq!(bench.job().journal().records().unwrap().len(), records + 2);
}

#[tokio::test(start_paused = true)]
async fn independent_things_are_made_at_once() {
    let bench = Bench::new((0..10).map(|n| thing(&format!("t{n}"), &[])).collect());
    let began = bench.cloud.now();
    ended_ok(&bench.run().await);
    assert!(bench.cloud.now() - began < 2 * 60_000, "took {}", bench.cloud.now() - began);
}

#[tokio::test(start_paused = true)]
async fn what_changes_is_changed_in_place() {
    let mut bench = Bench::new(chain());
    ended_ok(&bench.run().await);
    bench.set("a", "size", 2);
    assert_eq!(bench.planned().await, "~a =b =c");
    let outcome = bench.run().await;
    assert_eq!((outcome.done.change, outcome.done.unchanged, outcome.calls), (1, 2, 1));
    // Drift is taken back.
    bench.cloud.change("shop-dev-a", |thing| {
        thing.attrs.insert("size".to_owned(), Value::Int(9));
    });
    assert_eq!(bench.planned().await, "~a =b =c");
    ended_ok(&bench.run().await);
    assert_eq!(bench.cloud.thing("shop-dev-a").unwrap().attrs["size"], Value::Int(2));
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_by_hand_is_made_again_with_another_token() {
    let bench = Bench::new(vec![node("ticket", "t", &[])]);
    ended_ok(&bench.run().await);
    let token = bench.cloud.thing("shop-dev-t").unwrap().token;
    assert!(token.len() <= 32 && token.chars().all(|c| c.is_ascii_alphanumeric()));
    bench.cloud.delete_by_hand("shop-dev-t");
    assert_eq!(bench.plan().await.unwrap()["t"], (Planned::Create, "it was deleted by hand".to_owned()));
    ended_ok(&bench.run().await);
    assert_ne!(bench.cloud.thing("shop-dev-t").unwrap().token, token);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_takes_along_what_cannot_live_without_it() {
    let mut bench = Bench::new(vec![
        thing("net", &[("zone", "x".into())]),
        thing("app", &[("home", handle("net"))]),
        thing("user", &[("size", output("app", "endpoint"))]),
        thing("other", &[]),
        node("thing.rule", "other.rule[from net]", &[("thing", handle("other")), ("source", handle("net"))]),
    ]);
    ended_ok(&bench.run().await);
    bench.set("net", "zone", "y");
    let plan = bench.plan().await.unwrap();
    assert_eq!(plan["net"], (Planned::Replace, "`zone` cannot be changed in place".to_owned()));
    assert_eq!(plan["app"], (Planned::Replace, "`net` is made anew".to_owned()));
    assert_eq!(plan["other.rule[from net]"].0, Planned::Replace);
    assert_eq!((plan["user"].0, plan["other"].0), (Planned::Update, Planned::Keep));
    let before = bench.cloud.log().len();
    let outcome = bench.run().await;
    ended_ok(&outcome);
    assert_eq!((outcome.done.replace, outcome.done.change, outcome.done.unchanged), (3, 1, 1));
    let log = bench.cloud.log().split_off(before);
    let at = |line: &str| log.iter().position(|l| l == line).unwrap_or_else(|| panic!("{line} in {log:?}"));
    assert!(at("thing:Delete shop-dev-app") < at("thing:Delete shop-dev-net"));
    assert!(at("thing.rule:Delete shop-dev-other.rule[from net]") < at("thing:Delete shop-dev-net"));
    assert!(at("thing:Delete shop-dev-net") < at("thing:Create shop-dev-net"));
    assert!(at("thing:Create shop-dev-net") < at("thing:Create shop-dev-app"));
    assert_eq!(log.len(), 7, "{log:?}");
    let net = bench.cloud.thing("shop-dev-net").unwrap().id;
    assert_eq!(bench.cloud.thing("shop-dev-app").unwrap().attrs["home"], Value::from(net));
    assert_eq!(bench.planned().await, "=net =app =user =other =other.rule[from net]");
}

#[tokio::test(start_paused = true)]
async fn another_name_is_another_thing() {
    let mut bench = Bench::new(chain());
    ended_ok(&bench.run().await);
    bench.node("c").name = "renamed".to_owned();
    assert_eq!(bench.plan().await.unwrap()["c"], (Planned::Replace, "its name changes".to_owned()));
    let outcome = bench.run().await;
    ended_ok(&outcome);
    assert_eq!(outcome.done.replace, 1);
    assert!(bench.cloud.thing("shop-dev-c").is_none() && bench.cloud.thing("renamed").is_some());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_back_is_compared_with_what_was_applied() {
    let mut bench = Bench::new(vec![thing("a", &[("unread", "x".into())])]);
    ended_ok(&bench.run().await);
    assert_eq!(bench.planned().await, "=a");
    bench.set("a", "unread", "y");
    assert_eq!(bench.planned().await, "!a");
}

#[tokio::test(start_paused = true)]
async fn what_is_protected_or_fixed_is_refused() {
    let mut bench = Bench::new(vec![
        thing("a", &[("zone", "x".into()), ("protect", true.into())]),
        thing("b", &[("shape", "x".into())]),
    ]);
    ended_ok(&bench.run().await);
    bench.set("a", "zone", "y");
    bench.set("b", "shape", "y");
    let Err(RunError::Nodes(errors)) = bench.plan().await else { panic!("planned") };
    assert_eq!(errors.len(), 2);
    let before = bench.cloud.log().len();
    let outcome = bench.run().await;
    assert_eq!(outcome.result, Ended::Failed);
    let errors: Vec<&str> = outcome.errors.iter().map(|error| error.message.as_str()).collect();
    assert!(errors.iter().any(|e| e.contains("it is protected")), "{errors:?}");
    assert!(errors.contains(&"`shape` cannot be changed"), "{errors:?}");
    // Nor is it deleted, neither taken out of the file nor with everything else.
    bench.manifest.nodes.shift_remove("a");
    bench.set("b", "shape", "x");
    assert!(only_error(&bench.run().await).contains("is protected and is not deleted"));
    assert!(only_error(&destroy(&bench.job(), false).await.unwrap()).contains("is protected"));
    assert_eq!(bench.cloud.log()[before..], ["thing:Delete shop-dev-b"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_is_never_touched() {
    let mut bench = Bench::new(vec![thing("a", &[("size", Value::Int(1))]), node("untagged", "u", &[])]);
    let foreign = |kind: &str, name: &str, tags| Thing {
        kind: kind.to_owned(),
        name: name.to_owned(),
        id: "theirs".to_owned(),
        attrs: Attrs::new(),
        tags,
        token: String::new(),
        busy_until: 0,
        visible_from: 0,
    };
    bench.cloud.with(|inner| {
        inner.things.push(foreign("thing", "shop-dev-a", Some(IndexMap::new())));
        inner.things.push(foreign("untagged", "shop-dev-u", None));
    });
    let outcome = bench.run().await;
    assert_eq!(outcome.errors.len(), 2);
    let error = outcome.errors.iter().find(|error| error.node == "a").unwrap();
    assert_eq!(error.message, "thing `shop-dev-a` exists already, and this pipeline did not make it");
    let help = error.help.as_deref().unwrap();
    assert!(help.contains("vpipe import thing shop-dev-a --adopt"), "{help}");
    assert!(matches!(bench.plan().await, Err(RunError::Nodes(errors)) if errors.len() == 2));
    ended_ok(&destroy(&bench.job(), false).await.unwrap());
    assert!(bench.cloud.log().is_empty());
    // With the tags it is adopted.
    bench.manifest.nodes.shift_remove("u");
    let tags = [("pipeline", "shop"), ("stage", "dev"), ("node", "a")];
    let tags = tags.map(|(k, v)| (format!("vpipe:{k}"), v.to_owned()));
    bench.cloud.change("shop-dev-a", |thing| {
        thing.tags = Some(IndexMap::from(tags));
        thing.attrs.insert("size".to_owned(), Value::Int(7));
    });
    let outcome = bench.run().await;
    ended_ok(&outcome);
    assert_eq!((outcome.done.change, bench.cloud.log()), (1, vec!["thing:Modify shop-dev-a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn look_ups_only_look() {
    let mut bench = Bench::new(vec![thing("v", &[]), thing("a", &[("uses", handle("v"))])]);
    bench.node("v").existing = true;
    let outcome = bench.run().await;
    assert!(only_error(&outcome).starts_with("v: there is no thing with"));
    assert_eq!(outcome.skipped, ["a"]);
    bench.cloud.with(|inner| {
        inner.things.push(Thing {
            kind: "thing".to_owned(),
            name: "shop-dev-v".to_owned(),
            id: "vpc-1".to_owned(),
            attrs: Attrs::new(),
            tags: None,
            token: String::new(),
            busy_until: 0,
            visible_from: 0,
        });
    });
    assert_eq!(bench.planned().await, "<v +a");
    ended_ok(&bench.run().await);
    assert_eq!(bench.cloud.thing("shop-dev-a").unwrap().attrs["uses"], Value::from("vpc-1"));
    // Dropping the word does not make it ours.
    bench.node("v").existing = false;
    assert!(only_error(&bench.run().await).contains("this pipeline did not make it"));
    bench.node("v").existing = true;
    let outcome = destroy(&bench.job(), false).await.unwrap();
    ended_ok(&outcome);
    assert_eq!((outcome.done.delete, bench.cloud.world().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn removed_things_go_after_those_that_let_go_of_them() {
    let mut bench = Bench::new(vec![
        thing("old", &[]),
        thing("older", &[("uses", handle("old"))]),
        thing("a", &[("uses", Value::List(vec![handle("older")]))]),
    ]);
    ended_ok(&bench.run().await);
    bench.manifest.nodes.shift_remove("old");
    bench.manifest.nodes.shift_remove("older");
    bench.set("a", "uses", Value::List(Vec::new()));
    bench.node("a").depends_on.clear();
    assert_eq!(bench.planned().await, "~a -older -old");
    let before = bench.cloud.log().len();
    let outcome = bench.run().await;
    ended_ok(&outcome);
    assert_eq!(outcome.done.delete, 2);
    assert_eq!(
        bench.cloud.log()[before..],
        ["thing:Modify shop-dev-a", "thing:Delete shop-dev-older", "thing:Delete shop-dev-old"]
    );
}

#[tokio::test(start_paused = true)]
async fn everything_is_destroyed_in_reverse_even_what_the_file_no_longer_has() {
    let mut bench = Bench::new(chain());
    ended_ok(&bench.run().await);
    bench.manifest.nodes.shift_remove("c");
    let plan = plan_destroy(&bench.job()).await.unwrap();
    assert_eq!(plan.nodes.iter().map(|n| n.id.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
    let before = bench.cloud.log().len();
    let outcome = destroy(&bench.job(), false).await.unwrap();
    ended_ok(&outcome);
    assert_eq!(outcome.done.delete, 3);
    assert_eq!(
        bench.cloud.log()[before..],
        ["thing:Delete shop-dev-c", "thing:Delete shop-dev-b", "thing:Delete shop-dev-a"]
    );
    assert!(bench.job().journal().history().unwrap().nodes.is_empty());
    // It can be made again.
    ended_ok(&bench.run().await);
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_from_the_journal_is_found_by_its_tags() {
    let mut bench = Bench::new(chain());
    ended_ok(&bench.run().await);
    bench.memory = Memory::default();
    assert_eq!(bench.planned().await, "=a =b =c");
    assert_eq!(plan_destroy(&bench.job()).await.unwrap().nodes.len(), 3);
    ended_ok(&destroy(&bench.job(), false).await.unwrap());
    assert!(bench.cloud.world().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_only_what_needs_it() {
    let bench = Bench::new(vec![
        thing("bad", &[]),
        thing("child", &[("uses", handle("bad"))]),
        thing("good", &[]),
        thing("better", &[("uses", handle("good"))]),
    ]);
    bench.cloud.with(|inner| {
        inner.always.insert("thing:Create shop-dev-bad".to_owned(), Fault::Refuse(Retry::No));
    });
    let outcome = bench.run().await;
    assert_eq!(outcome.result, Ended::Failed);
    assert_eq!((outcome.done.create, outcome.skipped.clone()), (2, vec!["child".to_owned()]));
    assert!(only_error(&outcome).contains("bad: thing:Create: No"));
    bench.cloud.with(|inner| inner.always.clear());
    let outcome = bench.resume().await;
    ended_ok(&outcome);
    assert_eq!((outcome.done.create, outcome.done.unchanged), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn calls_are_tried_again_as_their_errors_say() {
    for (fault, calls) in [
        (Fault::Refuse(Retry::Backoff), 2),
        (Fault::Refuse(Retry::After(Duration::from_secs(3))), 2),
        (Fault::LoseCall, 2),
        (Fault::LoseReply, 1),
    ] {
        for kind in ["thing", "ticket"] {
            let bench = Bench::new(vec![node(kind, "a", &[])]);
            bench.cloud.with(|inner| {
                inner.faults.insert(0, fault.clone());
                inner.lag = 8_000;
            });
            let outcome = bench.run().await;
            ended_ok(&outcome);
            assert_eq!((bench.cloud.world().len(), outcome.calls), (1, calls), "{kind} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_always_fails_is_given_up() {
    for fault in [Fault::Refuse(Retry::Backoff), Fault::Refuse(Retry::Exists), Fault::LoseCall] {
        let bench = Bench::new(vec![thing("a", &[])]);
        bench.cloud.with(|inner| {
            inner.always.insert("thing:Create shop-dev-a".to_owned(), fault.clone());
        });
        let outcome = bench.run().await;
        assert_eq!(outcome.result, Ended::Failed);
        assert!(outcome.calls < 15, "{fault:?}: {}", outcome.calls);
    }
    let mut bench = Bench::new(vec![thing("a", &[("timeout", Value::Duration(600_000))])]);
    let after = Fault::Refuse(Retry::After(Duration::from_secs(20)));
    bench.cloud.with(|inner| {
        inner.always.insert("thing:Create shop-dev-a".to_owned(), after);
    });
    let began = bench.cloud.now();
    let outcome = bench.run().await;
    assert!(only_error(&outcome).contains("not done after 10m"), "{:?}", outcome.errors);
    assert!((600_000..640_000).contains(&(bench.cloud.now() - began)));
    bench.set("a", "timeout", Value::None);
}

#[tokio::test(start_paused = true)]
async fn a_changed_password_is_seen_and_never_told() {
    let mut bench =
        Bench::new(vec![thing("db", &[("password", secret("hunter2")), ("size", Value::Int(1))])]);
    ended_ok(&bench.run().await);
    assert_eq!(bench.planned().await, "=db");
    bench.set("db", "password", secret("hunter3"));
    assert_eq!(bench.planned().await, "~db");
    let outcome = bench.run().await;
    ended_ok(&outcome);
    assert_eq!((outcome.done.change, outcome.calls), (1, 1));
    assert_eq!(bench.planned().await, "=db");
    // A message of AWS that quotes a secret is told and recorded without it.
    bench.set("db", "password", secret("hunter2"));
    bench.cloud.with(|inner| {
        inner.always.insert("thing:Modify shop-dev-db".to_owned(), Fault::Refuse(Retry::No));
    });
    let outcome = bench.run().await;
    assert!(only_error(&outcome).contains("the password (secret) is told"));
    let records = serde_json::to_string(&bench.job().journal().records().unwrap()).unwrap();
    let events = format!("{:?}", bench.events.lock().unwrap());
    assert!(!records.contains("hunter") && !events.contains("hunter"));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_lets_calls_finish_and_starts_none() {
    let bench = Bench::new(chain());
    let interrupt = bench.interrupt.clone();
    bench.cloud.with(|inner| inner.interrupt_at = Some(("thing:Create shop-dev-b".to_owned(), interrupt)));
    let outcome = bench.run().await;
    assert_eq!(outcome.result, Ended::Interrupted);
    assert_eq!(bench.cloud.log().len(), 2);
    let job = Job { interrupt: Interrupt::default(), ..bench.job() };
    let history = job.journal().history().unwrap();
    assert_eq!(history.last_run().unwrap().result.as_deref(), Some("interrupted"));
    assert!(history.unfinished() && history.in_doubt.is_empty());
    let outcome = apply(&job, true).await.unwrap();
    ended_ok(&outcome);
    assert_eq!(bench.cloud.log().len(), 3);
    assert!(!job.journal().history().unwrap().unfinished());
}

#[tokio::test(start_paused = true)]
async fn one_run_at_a_time() {
    let bench = Bench::new(chain());
    let mut other = Journal::over(Box::new(bench.memory.clone()));
    let mut owner = crate::journal::Owner::current("1".to_owned(), 0);
    other.lock(&owner, None).unwrap();
    let Err(RunError::Locked(holder)) = apply(&bench.job(), false).await else { panic!("not locked") };
    assert_eq!(holder.owner.pid, std::process::id());
    // A process of this number that began at another time is a dead one's successor.
    other.unlock().unwrap();
    owner.started = "long ago".to_owned();
    other.lock(&owner, None).unwrap();
    let outcome = bench.run().await;
    ended_ok(&outcome);
    assert!(outcome.notes[0].contains("taken over"), "{:?}", outcome.notes);
    assert!(bench.job().journal().holder().unwrap().is_none());
    // Whoever lost the lock writes nothing more.
    other.append(0, &crate::journal::Event::NodeGone { node: "a".to_owned() }).unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_reworded_rule_is_not_deleted_under_its_new_name() {
    let rule = |id: &str| {
        let mut rule = node("thing.rule", id, &[("thing", handle("group")), ("source", "10.0.0.0/8".into())]);
        rule.name = "group tcp 80".to_owned();
        rule
    };
    let mut bench = Bench::new(vec![thing("group", &[]), rule("group.rule[80]")]);
    ended_ok(&bench.run().await);
    bench.manifest.nodes.shift_remove("group.rule[80]");
    bench.manifest.nodes.insert("group.rule[http]".to_owned(), rule("group.rule[http]"));
    ended_ok(&bench.run().await);
    assert_eq!(bench.cloud.world().len(), 2);
    assert_eq!(bench.planned().await, "=group =group.rule[http]");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_has_no_result_is_explained() {
    let bench = Bench::new(vec![thing("a", &[]), thing("b", &[("size", output("a", "nothing"))])]);
    let outcome = bench.run().await;
    assert_eq!(only_error(&outcome), "b: `size` needs `a.nothing`, which AWS did not give");
    let started =
        bench.events.lock().unwrap().iter().filter(|e| matches!(e, Event::NodeStarted { .. })).count();
    assert_eq!(started, 1);
}

#[tokio::test(start_paused = true)]
async fn what_others_hold_on_to_is_made_beside_the_old_one() {
    let mut bench = Bench::new(vec![
        node("ticket", "cert", &[("zone", "a.example.com".into())]),
        thing("site", &[("uses", handle("cert"))]),
    ]);
    ended_ok(&bench.run().await);
    let before = bench.cloud.log().len();
    bench.set("cert", "zone", "b.example.com");
    assert_eq!(bench.planned().await, "!cert ~site");
    let outcome = bench.run().await;
    ended_ok(&outcome);
    assert_eq!((outcome.done.replace, outcome.done.change, outcome.done.delete), (1, 1, 1));
    assert_eq!(
        bench.cloud.log()[before..],
        ["ticket:Create shop-dev-cert", "thing:Modify shop-dev-site", "ticket:Delete shop-dev-cert"]
    );
    assert_eq!(bench.planned().await, "=cert =site");
    assert_eq!(bench.run().await.calls, 0);
    assert_eq!(bench.job().journal().history().unwrap().nodes.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_by_its_users_needs_another_name() {
    let mut bench = Bench::new(vec![
        node("group", "backend", &[("zone", "x".into())]),
        node("group.rule", "backend.rule[self]", &[("thing", handle("backend")), ("source", "self".into())]),
        node("group", "other", &[]),
        node(
            "group.rule",
            "other.rule[from backend]",
            &[("thing", handle("other")), ("source", handle("backend"))],
        ),
        thing("db", &[("uses", handle("backend"))]),
    ]);
    ended_ok(&bench.run().await);
    let before = bench.cloud.log().len();
    bench.set("backend", "zone", "y");
    let Err(RunError::Nodes(errors)) = bench.plan().await else { panic!("planned") };
    assert_eq!(
        errors[0].message,
        "`backend` would have to be made anew, and AWS does not delete what `db` uses"
    );
    assert!(errors[0].help.as_deref().unwrap().contains("another name"));
    assert!(only_error(&bench.run().await).contains("AWS does not delete what `db` uses"));
    assert_eq!(bench.cloud.log().len(), before);

    bench.node("backend").name = "another".to_owned();
    let outcome = bench.run().await;
    ended_ok(&outcome);
    let log = bench.cloud.log().split_off(before);
    let at = |line: &str| log.iter().position(|l| l == line).unwrap_or_else(|| panic!("{line} in {log:?}"));
    assert!(at("group:Create another") < at("group.rule:Create shop-dev-other.rule[from backend]"));
    assert!(at("thing:Modify shop-dev-db") < at("group:Delete shop-dev-backend"));
    assert!(at("group.rule:Delete shop-dev-other.rule[from backend]") < at("group:Delete shop-dev-backend"));
    assert_eq!(log.len(), 7, "{log:?}");
    assert_eq!(bench.cloud.world().len(), 5);
    assert_eq!(bench.planned().await, "=backend =backend.rule[self] =other =other.rule[from backend] =db");
}
