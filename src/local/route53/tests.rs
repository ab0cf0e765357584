//! Zones, batches, propagation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use serde_json::{Value, json};

fn cx(now: i64) -> Cx {
    Cx { now, region: "us-east-1".into(), account: "123456789012".into(), request_id: "r".into() }
}

fn run(state: &mut State, now: i64, operation: &str, params: Value) -> Result<Element, Fault> {
    let call = Call { operation: operation.into(), params, ..Call::default() };
    let mut reply = handle(state, &cx(now), &call)?;
    loop {
        match reply {
            Reply::With(_, _, inner) => reply = *inner,
            Reply::Xml(mut roots) => return Ok(roots.remove(0)),
            other => panic!("{other:?}"),
        }
    }
}

fn zone(state: &mut State) -> String {
    let made =
        run(state, 0, "CreateHostedZone", json!({"Name": "Example.com", "CallerReference": "a"})).unwrap();
    made.text_at("HostedZone/Id").unwrap().trim_start_matches("/hostedzone/").to_owned()
}

fn set(name: &str, kind: &str, value: &str) -> Value {
    json!({"Name": name, "Type": kind, "TTL": "60", "ResourceRecords": [{"Value": value}]})
}

fn change(state: &mut State, now: i64, id: &str, changes: &[(&str, Value)]) -> Result<Element, Fault> {
    let changes: Vec<Value> =
        changes.iter().map(|(action, set)| json!({"Action": action, "ResourceRecordSet": set})).collect();
    run(state, now, "ChangeResourceRecordSets", json!({"Id": id, "ChangeBatch": {"Changes": changes}}))
}

#[test]
fn changes_reach_the_name_servers_later() {
    let mut state = State::default();
    let id = zone(&mut state);
    let made = change(&mut state, 0, &id, &[("CREATE", set("www.example.com", "CNAME", "one.example.net"))])
        .unwrap();
    let change_id = made.text_at("ChangeInfo/Id").unwrap().trim_start_matches("/change/").to_owned();
    assert_eq!(made.text_at("ChangeInfo/Status"), Some("PENDING"));
    assert!(state.route53.lookup("www.example.com", "CNAME", PROPAGATION - 1).is_empty());
    let told = state.route53.lookup("WWW.example.com", "CNAME", PROPAGATION);
    assert_eq!(
        (told[0].0.values.as_slice(), told[0].1),
        (["one.example.net".to_owned()].as_slice(), PROPAGATION)
    );
    let seen = run(&mut state, PROPAGATION, "GetChange", json!({"Id": change_id})).unwrap();
    assert_eq!(seen.text_at("ChangeInfo/Status"), Some("INSYNC"));

    change(&mut state, 100_000, &id, &[("UPSERT", set("www.example.com", "CNAME", "two.example.net"))])
        .unwrap();
    let value =
        |state: &State, now| state.route53.lookup("www.example.com", "CNAME", now)[0].0.values[0].clone();
    assert_eq!(value(&state, 129_999), "one.example.net");
    assert_eq!(value(&state, 130_000), "two.example.net");

    change(&mut state, 200_000, &id, &[("DELETE", set("www.example.com", "CNAME", "two.example.net"))])
        .unwrap();
    assert_eq!(value(&state, 229_999), "two.example.net");
    assert!(state.route53.lookup("www.example.com", "CNAME", 230_000).is_empty());
}

#[test]
fn a_batch_applies_whole_or_not_at_all() {
    let mut state = State::default();
    let id = zone(&mut state);
    let before = state.route53.zones[&id].records.clone();
    let refused = change(
        &mut state,
        0,
        &id,
        &[
            ("CREATE", set("a.example.com", "A", "1.2.3.4")),
            ("DELETE", set("b.example.com", "A", "1.2.3.4")),
            ("CREATE", set("a.example.org", "A", "1.2.3.4")),
        ],
    )
    .unwrap_err();
    assert_eq!(refused.code, "InvalidChangeBatch");
    assert!(
        refused.message.contains("[name='b.example.com.', type='A'] but it was not found"),
        "{}",
        refused.message
    );
    assert!(refused.message.contains("is not permitted in zone example.com."), "{}", refused.message);
    assert_eq!(state.route53.zones[&id].records, before);
}

#[test]
fn bad_records_are_refused() {
    let mut state = State::default();
    let id = zone(&mut state);
    change(&mut state, 0, &id, &[("CREATE", set("a.example.com", "A", "1.2.3.4"))]).unwrap();
    for (action, record, why) in [
        ("CREATE", set("a.example.com", "A", "1.2.3.4"), "but it already exists"),
        ("DELETE", set("a.example.com", "A", "1.2.3.5"), "do not match the current values"),
        ("CREATE", set("example.com", "CNAME", "x.example.net"), "not permitted at apex"),
        ("CREATE", set("a.example.com", "CNAME", "x.example.net"), "conflicting RRSet of type A"),
        ("CREATE", set("c.example.com", "A", "host"), "not a valid IPv4 address"),
        ("CREATE", set("c.example.com", "TXT", "bare"), "enclosed in quotation marks"),
        ("CREATE", json!({"Name": "c.example.com", "Type": "A"}), "Missing field"),
        (
            "CREATE",
            json!({"Name": "c.example.com", "Type": "A", "AliasTarget": {"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": "d1.cloudfront.net", "EvaluateTargetHealth": "false"}}),
            "that target was not found",
        ),
    ] {
        let refused = change(&mut state, 0, &id, &[(action, record)]).unwrap_err();
        assert!(refused.message.contains(why), "{} lacks {why}", refused.message);
    }
}

#[test]
fn lists_are_sorted_and_paged() {
    let mut state = State::default();
    let id = zone(&mut state);
    for name in ["b.example.com", "*.a.example.com", "a.example.com"] {
        change(&mut state, 0, &id, &[("CREATE", set(name, "A", "1.2.3.4"))]).unwrap();
    }
    let first = run(&mut state, 0, "ListResourceRecordSets", json!({"Id": id, "maxitems": "4"})).unwrap();
    let names: Vec<_> =
        first.children_at("ResourceRecordSets").iter().filter_map(|s| s.text_at("Name")).collect();
    assert_eq!(names, ["example.com.", "example.com.", "a.example.com.", "\\052.a.example.com."]);
    assert_eq!(first.text_at("NextRecordName"), Some("b.example.com."));
    let next = json!({"Id": id, "name": "b.example.com.", "type": "A"});
    let second = run(&mut state, 0, "ListResourceRecordSets", next).unwrap();
    assert_eq!(second.children_at("ResourceRecordSets").len(), 1);
    let told = state.route53.lookup("x.a.example.com", "A", PROPAGATION);
    assert_eq!(told[0].0.name, "\\052.a.example.com.");
}

#[test]
fn zones_keep_tags_and_must_be_empty_to_go() {
    let mut state = State::default();
    let id = zone(&mut state);
    let again = run(&mut state, 0, "CreateHostedZone", json!({"Name": "b.com", "CallerReference": "a"}));
    assert_eq!(again.unwrap_err().code, "HostedZoneAlreadyExists");
    let tags = json!({"ResourceId": id, "AddTags": [{"Key": "k", "Value": "v"}]});
    run(&mut state, 0, "ChangeTagsForResource", tags).unwrap();
    let seen = run(&mut state, 0, "ListTagsForResource", json!({"ResourceId": id})).unwrap();
    assert_eq!(seen.text_at("ResourceTagSet/Tags/Tag/Value"), Some("v"));
    change(&mut state, 0, &id, &[("CREATE", set("a.example.com", "A", "1.2.3.4"))]).unwrap();
    assert_eq!(
        run(&mut state, 0, "DeleteHostedZone", json!({"Id": id})).unwrap_err().code,
        "HostedZoneNotEmpty"
    );
    change(&mut state, 0, &id, &[("DELETE", set("a.example.com", "A", "1.2.3.4"))]).unwrap();
    run(&mut state, 0, "DeleteHostedZone", json!({"Id": id})).unwrap();
    assert_eq!(run(&mut state, 0, "GetHostedZone", json!({"Id": id})).unwrap_err().code, "NoSuchHostedZone");
}
