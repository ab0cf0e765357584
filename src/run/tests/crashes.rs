//! Killed at every instant, and resumed: nothing twice, nothing lost, nothing repeated.

use super::super::{Ended, destroy};
use super::fake::Fault;
use super::rollout::full;
use super::*;

/// Named and nameless things, chained and side by side, and a rollout.
fn bench() -> Bench {
    let mut bench = full();
    let nodes = [
        node("ticket", "cert", &[("size", Value::Int(1))]),
        thing("db", &[("uses", handle("cert")), ("password", secret("hunter2"))]),
        node("untagged", "record", &[("size", output("db", "endpoint"))]),
    ];
    bench.manifest.nodes.extend(nodes.into_iter().map(|node| (node.id.clone(), node)));
    bench
}

/// What matters of a world: ids and tokens may differ, numbers of things may not.
fn essence(bench: &Bench) -> Vec<String> {
    let world = bench.cloud.world();
    without_ids(
        world.into_iter().map(|line| line.replace(&bench.folder.path().display().to_string(), "")).collect(),
    )
}

fn creations(bench: &Bench) -> Vec<String> {
    let all: Vec<String> = bench.cloud.log().into_iter().filter(|line| line.contains(":Create ")).collect();
    without_ids(all)
}

fn runs_of_the_build(bench: &Bench) -> usize {
    std::fs::read_to_string(bench.folder.path().join("builds")).unwrap().lines().count()
}

async fn undisturbed() -> (Vec<String>, Vec<String>, i64, usize) {
    let bench = bench();
    let outcome = bench.run().await;
    assert_eq!(outcome.result, Ended::Ok, "{:?}", outcome.errors);
    assert_eq!(runs_of_the_build(&bench), 1);
    let records = bench.job().journal().records().unwrap().len();
    (essence(&bench), creations(&bench), i64::try_from(records).unwrap(), outcome.calls)
}

async fn check_resumed(bench: &Bench, what: &str, expected: &(Vec<String>, Vec<String>, i64, usize)) {
    let outcome = bench.resume().await;
    assert_eq!(outcome.result, Ended::Ok, "{what}: {:?}", outcome.errors);
    let (world, wanted) = (essence(bench), &expected.0);
    let missing: Vec<&String> = wanted.iter().filter(|line| !world.contains(line)).collect();
    assert!(missing.is_empty() && world.len() == wanted.len(), "{what}: {missing:#?} of {world:#?}");
    let history = bench.job().journal().history().unwrap();
    assert!(history.in_doubt.is_empty(), "{what}: {:?}", history.in_doubt);
    // Only the step during which it died may have run twice.
    assert!(runs_of_the_build(bench) <= 2, "{what}");
    let again = bench.run().await;
    assert_eq!((again.result, again.calls), (Ended::Ok, 0), "{what}");
}

/// Things are numbered as they are made; side by side in any order.
fn without_ids(world: Vec<String>) -> Vec<String> {
    let pattern = regex_lite::Regex::new(r"id-\d+").unwrap();
    let mut world: Vec<String> =
        world.into_iter().map(|line| pattern.replace_all(&line, "id").into_owned()).collect();
    world.sort();
    world
}

#[tokio::test(start_paused = true)]
async fn killed_at_every_record() {
    let expected = undisturbed().await;
    for written in [false, true] {
        for at in 1..expected.2 {
            let bench = bench();
            assert!(bench.mortal(at, written, false).await, "nobody died at {at}");
            let what = format!("record {at}, written {written}");
            check_resumed(&bench, &what, &expected).await;
            assert_eq!(creations(&bench), expected.1, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_every_call() {
    let expected = undisturbed().await;
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for at in 0..expected.3 {
            for lag in [0, 30_000] {
                let bench = bench();
                bench.cloud.with(|inner| {
                    inner.faults.insert(at, fault.clone());
                    inner.lag = lag;
                });
                assert!(bench.mortal(i64::MAX, true, false).await, "nobody died at {at}");
                let what = format!("call {at}, {fault:?}, lag {lag}");
                check_resumed(&bench, &what, &expected).await;
                assert_eq!(creations(&bench), expected.1, "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_again_and_again() {
    let expected = undisturbed().await;
    for stride in [6, 8, 11] {
        let bench = bench();
        let mut lives = 0;
        while bench.mortal(stride, lives % 2 == 0, lives > 0).await {
            lives += 1;
            assert!(lives < 200, "no end in sight");
        }
        check_resumed(&bench, &format!("stride {stride}"), &expected).await;
        assert_eq!(creations(&bench), expected.1, "stride {stride}");
    }
}

#[tokio::test(start_paused = true)]
async fn killed_while_replacing_and_destroying() {
    let calls = {
        let bench = bench();
        bench.run().await;
        let before = bench.cloud.log().len();
        replace(bench).await.cloud.log().len() - before
    };
    for at in 0..calls {
        for fault in [Fault::DieBefore, Fault::DieAfter] {
            let mut bench = bench();
            bench.run().await;
            bench.set("cert", "zone", "other");
            bench.cloud.with(|inner| {
                let at = inner.attempts + at;
                inner.faults.insert(at, fault.clone());
            });
            assert!(bench.mortal(i64::MAX, true, false).await);
            let bench = replace(bench).await;
            assert_eq!(
                bench.cloud.with(|inner| inner.things.iter().filter(|t| t.kind == "ticket").count()),
                1
            );

            bench.cloud.with(|inner| {
                let at = inner.attempts + at;
                inner.faults.insert(at, fault.clone());
            });
            let job = bench.job();
            let died = tokio::select! {
                biased;
                () = bench.cloud.died.notified() => true,
                ended = destroy(&job, false) => { ended.unwrap(); false }
            };
            bench.cloud.dead.store(false, Ordering::SeqCst);
            unlock(&bench.job().journal, 0).unwrap();
            let outcome = destroy(&bench.job(), died).await.unwrap();
            assert_eq!(outcome.result, Ended::Ok, "{:?}", outcome.errors);
            let left = bench.cloud.with(|inner| {
                inner
                    .things
                    .iter()
                    .filter(|t| !crate::run::remove::is_part(&t.kind))
                    .cloned()
                    .collect::<Vec<_>>()
            });
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

async fn replace(mut bench: Bench) -> Bench {
    bench.set("cert", "zone", "other");
    let outcome = bench.resume().await;
    assert_eq!(outcome.result, Ended::Ok, "{:?}", outcome.errors);
    bench
}
