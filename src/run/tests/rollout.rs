//! Rollouts: what steps do, what they do not do again, and what happens when they fail.

use super::super::{Ended, Event};
use super::fake::Fault;
use super::*;
use crate::cloud::Retry;
use crate::eval::{Condition, Expect, Test};

fn run(command: &str) -> ActionKind {
    ActionKind::Run { command: command.into(), env: Attrs::new(), dir: None, produces: None, within: None }
}

fn deploy() -> ActionKind {
    let version = Value::Deferred(Box::new(Deferred::Output(String::new(), "version".to_owned())));
    let label = crate::eval::apply("concat", &["v-".into(), version]).unwrap();
    ActionKind::Deploy { path: "app.zip".into(), environment: "web".to_owned(), label }
}

fn expect_body(contains: &str) -> ActionKind {
    ActionKind::Expect(Expect {
        method: "GET".to_owned(),
        target: "https://shop.example.com/login".into(),
        conditions: vec![
            Condition::Status(vec![200]),
            Condition::Body { test: Test::Contains, value: contains.into() },
        ],
        within: 60_000,
        every: 5_000,
    })
}

/// An environment, a bucket and a distribution, with a rollout that builds, deploys, invalidates and looks.
pub(super) fn full() -> Bench {
    let mut bench = Bench::new(vec![
        thing("app", &[]),
        thing("web", &[("application", handle("app"))]),
        thing("files", &[]),
        thing("cdn", &[("uses", handle("web"))]),
    ]);
    std::fs::write(bench.folder.path().join("site.txt"), "one").unwrap();
    let build = "echo once >> builds";
    bench.manifest.rollout = vec![
        vec![step("build", vec![run(build), bundle()])],
        vec![step(
            "release",
            vec![
                ActionKind::Upload { path: "app.zip".into(), bucket: "files".to_owned(), key: "app".into() },
                deploy(),
            ],
        )],
        vec![step("refresh", vec![invalidate()])],
        vec![step("verify", vec![expect_body("hello")])],
    ];
    bench.manifest.on_failure = vec![action(ActionKind::Rollback { environment: "web".to_owned() })];
    // The environment runs the sample application before the first deployment.
    let sample = |inner: &mut super::fake::Inner| {
        inner.things.push(super::fake::Thing {
            kind: "beanstalk.deployment".to_owned(),
            name: "shop-dev-web".to_owned(),
            id: "e-1".to_owned(),
            attrs: Attrs::from_iter([("label".to_owned(), Value::from("sample"))]),
            tags: None,
            token: String::new(),
            busy_until: 0,
            visible_from: 0,
        });
    };
    bench.cloud.with(sample);
    bench
}

fn bundle() -> ActionKind {
    ActionKind::Bundle { source: Value::List(vec!["site.txt".into()]), to: "app.zip".into() }
}

fn invalidate() -> ActionKind {
    ActionKind::Invalidate { distribution: "cdn".to_owned(), paths: Value::List(vec!["/*".into()]) }
}

fn label(bench: &Bench) -> String {
    let things = bench.cloud.with(|inner| inner.things.clone());
    let deployment = things.iter().find(|thing| thing.kind == "beanstalk.deployment").unwrap();
    deployment.attrs["label"].as_str().unwrap().to_owned()
}

/// What the actions said that they did.
fn results(bench: &Bench) -> Vec<String> {
    let mut events = bench.events.lock().unwrap();
    let done = events.drain(..).filter_map(|event| match event {
        Event::ActionDone { action, result, .. } => Some(format!("{action}: {result}")),
        Event::StepStarted { step, skipped: true, .. } => Some(format!("{step} skipped")),
        _ => None,
    });
    done.collect()
}

#[tokio::test(start_paused = true)]
async fn a_rollout_goes_out_once() {
    let bench = full();
    let outcome = bench.run().await;
    assert_eq!(outcome.result, Ended::Ok, "{:?}", outcome.errors);
    let version = label(&bench);
    assert!(version.starts_with("v-") && version.len() == 14, "{version}");
    assert_eq!(outcome.verified.len(), 1);
    assert_eq!(outcome.verified[0].found, "200, body contains \"hello\"");
    let steps: Vec<&str> =
        outcome.timeline.iter().filter(|t| t.kind == "step").map(|t| t.what.as_str()).collect();
    assert_eq!(steps, ["build", "release", "refresh", "verify"]);
    results(&bench);

    let second = bench.run().await;
    assert_eq!((second.result, second.calls, second.done.unchanged), (Ended::Ok, 0, 4));
    let said = results(&bench);
    assert!(
        said.contains(&format!("deploy {version} to web: {version} runs already, nothing to do")),
        "{said:?}"
    );
    assert!(
        said.contains(&"invalidate cdn /*: nothing new was deployed, nothing to do".to_owned()),
        "{said:?}"
    );
    assert!(said.contains(&"upload app.zip to files as app: is there already".to_owned()), "{said:?}");

    std::fs::write(bench.folder.path().join("site.txt"), "two").unwrap();
    let third = bench.run().await;
    assert_eq!(third.result, Ended::Ok, "{:?}", third.errors);
    assert_ne!(label(&bench), version);
    assert!(results(&bench).contains(&"invalidate cdn /*: removed from all caches".to_owned()));
    let invalidations =
        bench.cloud.log().iter().filter(|l| l.starts_with("cloudfront.invalidation:")).count();
    assert_eq!(invalidations, 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_rollout_is_rolled_back_and_can_be_resumed() {
    let mut bench = full();
    bench.run().await;
    let good = label(&bench);
    std::fs::write(bench.folder.path().join("site.txt"), "two").unwrap();
    bench.manifest.rollout[3] = vec![step("verify", vec![expect_body("goodbye")])];
    bench.manifest.rollout.push(vec![step("after", vec![run("echo never")])]);
    results(&bench);
    let outcome = bench.run().await;
    assert_eq!(outcome.result, Ended::Failed);
    assert_eq!(outcome.errors[0].node, "verify");
    let message = &outcome.errors[0].message;
    assert!(
        message.contains("not as expected within 1m; last: status 200, body: hello from v-"),
        "{message}"
    );
    assert_eq!(outcome.skipped, ["after"]);
    assert_eq!(label(&bench), good);
    assert!(results(&bench).contains(&format!("rollback web to {good}: {good} runs again")));

    // Resumed without a repair it fails again, and returns to the same version. All steps are done anew.
    let outcome = bench.resume().await;
    assert_eq!((outcome.result, label(&bench)), (Ended::Failed, good.clone()));
    let said = results(&bench);
    assert!(!said.iter().any(|line| line.ends_with("skipped")), "{said:?}");

    bench.manifest.rollout[3] = vec![step("verify", vec![expect_body("hello")])];
    let outcome = bench.resume().await;
    assert_eq!(outcome.result, Ended::Ok, "{:?}", outcome.errors);
    assert_ne!(label(&bench), good);
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_waited_for_and_remembered() {
    let mut bench = Bench::new(vec![]);
    bench.manifest.rollout = vec![
        vec![step("one", vec![run("echo x >> first"), ActionKind::Approve { message: "go on?".into() }])],
        vec![step("two", vec![ActionKind::Approve { message: "really?".into() }])],
        vec![step("three", vec![run("echo x >> last")])],
    ];
    let lines = |name: &str| {
        std::fs::read_to_string(bench.folder.path().join(name)).map_or(0, |text| text.lines().count())
    };
    assert_eq!(bench.run().await.result, Ended::Waiting("go on?".to_owned()));
    let outcome = apply(&bench.job(), true).await.unwrap();
    assert_eq!(outcome.result, Ended::Waiting("go on?".to_owned()));
    let approved = || Job { approved: true, ..bench.job() };
    assert_eq!(apply(&approved(), true).await.unwrap().result, Ended::Waiting("really?".to_owned()));
    assert_eq!((lines("first"), lines("last")), (1, 0));
    assert_eq!(apply(&approved(), true).await.unwrap().result, Ended::Ok);
    assert_eq!((lines("first"), lines("last")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn steps_side_by_side_fail_alone() {
    let mut bench = Bench::new(vec![]);
    let mut needy = step("needy", vec![run("echo x >> needy")]);
    needy.needs = vec!["bad".to_owned()];
    bench.manifest.rollout = vec![
        vec![needy, step("bad", vec![run("echo oh no; exit 3")]), step("good", vec![run("echo x >> good")])],
        vec![step("next", vec![run("echo x >> next")])],
    ];
    let outcome = bench.run().await;
    assert_eq!(outcome.result, Ended::Failed);
    assert_eq!(outcome.errors.len(), 1);
    assert_eq!(outcome.errors[0].message, "run \"echo oh no; exit 3\": exit status 3: oh no");
    assert_eq!(outcome.skipped, ["needy", "next"]);
    let there = |name: &str| bench.folder.path().join(name).exists();
    assert!(there("good") && !there("needy") && !there("next"));
    bench.manifest.rollout[0][1] = step("bad", vec![run("true")]);
    assert_eq!(bench.resume().await.result, Ended::Ok);
    assert_eq!(std::fs::read_to_string(bench.folder.path().join("good")).unwrap(), "x\n");
    assert!(bench.folder.path().join("next").exists());
}

#[tokio::test(start_paused = true)]
async fn commands_get_secrets_through_their_environment_and_tell_none() {
    let mut bench = Bench::new(vec![]);
    let env = Attrs::from_iter([("PASSWORD".to_owned(), secret("hunter2"))]);
    bench.manifest.rollout = vec![vec![step(
        "s",
        vec![ActionKind::Run {
            command: "printf 'it is %s\\n' \"$PASSWORD\"; echo \"$PASSWORD\" > made; echo err >&2".into(),
            env,
            dir: None,
            produces: Some("made".into()),
            within: Some(60_000),
        }],
    )]];
    let outcome = bench.run().await;
    assert_eq!(outcome.result, Ended::Ok, "{:?}", outcome.errors);
    assert_eq!(std::fs::read_to_string(bench.folder.path().join("made")).unwrap(), "hunter2\n");
    let mut lines: Vec<String> = bench
        .events
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| match event {
            Event::Output { line, .. } => Some(line.clone()),
            _ => None,
        })
        .collect();
    lines.sort();
    assert_eq!(lines, ["err", "it is (secret)"]);
}

#[tokio::test(start_paused = true)]
async fn commands_must_make_what_they_promise_and_end_in_time() {
    let mut bench = Bench::new(vec![]);
    let command = |command: &str, produces: Option<Value>, within| ActionKind::Run {
        command: command.into(),
        env: Attrs::new(),
        dir: None,
        produces,
        within,
    };
    bench.manifest.rollout = vec![vec![step("s", vec![command("true", Some("made".into()), None)])]];
    let outcome = bench.run().await;
    assert_eq!(outcome.errors[0].message, "run \"true\": the command ended well but did not make `made`");
    let long = command("sleep 60 & sleep 60", None, Some(300));
    bench.manifest.rollout = vec![vec![step("s", vec![long])]];
    let began = std::time::Instant::now();
    let outcome = bench.run().await;
    assert!(outcome.errors[0].message.contains("not done within 300ms"), "{:?}", outcome.errors);
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
}

#[tokio::test]
async fn an_interrupt_ends_a_command() {
    let mut bench = Bench::new(vec![]);
    bench.manifest.rollout =
        vec![vec![step("s", vec![run("echo begun; sleep 60")])], vec![step("t", vec![])]];
    let interrupt = bench.interrupt.clone();
    let mut job = bench.job();
    job.listener = Arc::new(move |event| {
        if matches!(event, Event::Output { .. }) {
            interrupt.stop();
        }
    });
    let began = std::time::Instant::now();
    let outcome = apply(&job, false).await.unwrap();
    assert_eq!((outcome.result, outcome.errors.len()), (Ended::Interrupted, 0));
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn templates_with_secrets_are_private() {
    let mut bench = Bench::new(vec![]);
    std::fs::write(bench.folder.path().join("t"), "db=${host} pw=${password}").unwrap();
    let with =
        Attrs::from_iter([("host".to_owned(), "h".into()), ("password".to_owned(), secret("hunter2"))]);
    let render = ActionKind::Render { template: "t".into(), to: "out/app.properties".into(), with };
    bench.manifest.rollout = vec![vec![step("s", vec![render])]];
    assert_eq!(bench.run().await.result, Ended::Ok);
    let made = bench.folder.path().join("out/app.properties");
    assert_eq!(std::fs::read_to_string(&made).unwrap(), "db=h pw=hunter2");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_bundle_and_a_refused_connection_are_told() {
    let mut bench = full();
    bench.manifest.rollout = vec![vec![step("release", vec![deploy()])]];
    let outcome = bench.run().await;
    assert_eq!(outcome.errors[0].message, "`app.zip` is not there");
    let mut probe = expect_body("x");
    if let ActionKind::Expect(probe) = &mut probe {
        probe.target = "http://refused.example.com/".into();
    }
    bench.manifest.rollout = vec![vec![step("look", vec![probe])]];
    let outcome = bench.run().await;
    let message = &outcome.errors[0].message;
    assert!(message.ends_with("last: `refused.example.com` refused the connection"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_deployment_is_rolled_back() {
    let bench = full();
    bench.run().await;
    let good = label(&bench);
    std::fs::write(bench.folder.path().join("site.txt"), "two").unwrap();
    bench.cloud.with(|inner| {
        let at = inner.attempts;
        // The object, the version, then the deployment.
        inner.faults.insert(at + 3, Fault::Refuse(Retry::No));
    });
    let outcome = bench.run().await;
    assert_eq!(outcome.result, Ended::Failed);
    assert!(outcome.errors[0].message.starts_with("deploy v-"), "{:?}", outcome.errors);
    assert_eq!(label(&bench), good);
    assert!(results(&bench).contains(&format!("rollback web to {good}: {good} runs already, nothing to do")));
}

#[tokio::test(start_paused = true)]
async fn a_swap_is_made_once() {
    let mut bench = full();
    bench.manifest.nodes.insert("blue".to_owned(), thing("blue", &[("application", handle("app"))]));
    let swap = ActionKind::Swap { a: "web".to_owned(), b: "blue".to_owned() };
    bench.manifest.rollout.push(vec![step("switch", vec![swap])]);
    assert_eq!(bench.run().await.result, Ended::Ok);
    let made = bench.cloud.thing("shop-dev-web/shop-dev-blue").unwrap();
    assert_eq!(made.attrs["a_cname"], Value::from("shop-dev-blue.example.com"));
    assert_eq!(made.attrs["b_cname"], Value::from("shop-dev-web.example.com"));
    results(&bench);
    let second = bench.run().await;
    assert_eq!((second.result, second.calls), (Ended::Ok, 0));
    assert!(
        results(&bench).contains(&"swap web with blue: nothing new was deployed, nothing to do".to_owned())
    );
}
