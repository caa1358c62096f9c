//! What events make of a state.

use serde_json::json;

use super::{Bench, Told};

const ORDERS: &str = "
projection: orders
from: { stream: \"order-{key}\" }
on:
  Placed:  { set: { status: placed, total: =data.total, note: null } }
  Added:   { add: { items: 1, total: =data.price } }
  Removed: { subtract: { items: 1, total: =data.price } }
  Coupon:  { set: { total: \"=state.total - data.discount if state.total > data.discount else 0\", was: =state.total } }
  Tagged:  { append: { tags: =data.tag } }
  Untagged: { remove: { tags: =data.tag } }
  Gone:    delete
  '*':     { add: { applied: 1 }, set: { version: =event.version, last: \"=state.status | default('none')\" } }
";

fn state(events: &[(&str, &str)]) -> Option<serde_json::Value> {
    let told: Vec<Told<'_>> = events
        .iter()
        .enumerate()
        .map(|(index, (kind, data))| (0, *kind, "order-7", index as i64 + 1, *data))
        .collect();
    Bench::new(ORDERS, &told, "").state("7")
}

#[test]
fn each_operation_does_what_it_says() {
    let found = state(&[
        ("Placed", r#"{"total":10}"#),
        ("Added", r#"{"price":2.50}"#),
        ("Added", r#"{"price":"0.1"}"#),
        ("Removed", r#"{"price":0.2}"#),
        ("Tagged", r#"{"tag":"a"}"#),
        ("Tagged", r#"{"tag":{"b":[1,2.0]}}"#),
        ("Tagged", r#"{"tag":"a"}"#),
        ("Untagged", r#"{"tag":"a"}"#),
        ("Untagged", r#"{"tag":"z"}"#),
        ("Seen", "{}"),
    ]);
    assert_eq!(
        found,
        Some(json!({
            "applied": 10, "items": 1, "last": "placed", "note": null, "status": "placed",
            "tags": [{"b": [1, 2]}, "a"], "total": 12.4, "version": 10, "was": "blank"
        }))
    );
}

#[test]
fn changes_of_one_entry_see_the_state_as_it_was_and_the_common_entry_what_they_left() {
    let found = state(&[
        ("Coupon", r#"{"discount":1}"#),
        ("Placed", r#"{"total":1000}"#),
        ("Coupon", r#"{"discount":250}"#),
    ]);
    let found = found.unwrap();
    assert_eq!(found["total"], json!(750));
    assert_eq!(found["was"], json!(1000));
    assert_eq!(found["last"], json!("placed"));
    let early = state(&[("Coupon", r#"{"discount":1}"#)]).unwrap();
    assert_eq!(early["total"], json!("unknown: `state.total` is missing"));
    assert_eq!(early["last"], json!("none"));
}

#[test]
fn a_deleted_key_has_no_state_and_begins_anew() {
    assert_eq!(state(&[("Placed", r#"{"total":1}"#), ("Gone", "{}")]), None);
    let again = state(&[
        ("Placed", r#"{"total":1}"#),
        ("Gone", "{}"),
        ("Added", r#"{"price":5}"#),
    ]);
    let again = again.unwrap();
    assert_eq!(again["status"], json!("blank"));
    assert_eq!(again["total"], json!(5));
    assert_eq!(again["applied"], json!(1));
}

#[test]
fn nothing_taken_from_nothing_leaves_it_blank() {
    let projection = "
projection: p
from: { stream: \"order-{key}\" }
on:
  Tagged: { append: { tags: =data.tag } }
  Untagged: { remove: { tags: =data.tag } }
  Cleared: { set: { tags: =data.tag } }";
    let tags = |events: &[(&str, &str)]| {
        let tagged = events.iter().zip(1..);
        let events: Vec<Told<'_>> = tagged
            .map(|((kind, data), version)| (0, *kind, "order-7", version, *data))
            .collect();
        let state = Bench::new(projection, &events, "").state("7");
        state.unwrap()["tags"].clone()
    };
    let (a, none) = (r#"{"tag":"a"}"#, r#"{"tag":null}"#);
    assert_eq!(tags(&[("Untagged", a)]), json!("blank"));
    assert_eq!(tags(&[("Cleared", none), ("Untagged", a)]), json!("blank"));
    assert_eq!(tags(&[("Untagged", a), ("Tagged", a)]), json!(["a"]));
    assert_eq!(tags(&[("Tagged", a), ("Untagged", a)]), json!([]));
    let unread = tags(&[("Untagged", "{}")]);
    assert_eq!(unread, json!("unknown: `data.tag` is missing"));
}

#[test]
fn what_is_missing_is_unknown_until_it_is_set_again() {
    let lost = state(&[("Placed", r#"{"total":1}"#), ("Added", "{}")]).unwrap();
    assert_eq!(lost["total"], json!("unknown: `data.price` is missing"));
    assert_eq!(lost["items"], json!(1));
    let added = state(&[("Added", "{}"), ("Added", r#"{"price":1}"#)]).unwrap();
    assert_eq!(added["total"], json!("unknown: `data.price` is missing"));
    let found = state(&[("Added", "{}"), ("Placed", r#"{"total":1}"#)]).unwrap();
    assert_eq!(found["total"], json!(1));
    let text = state(&[("Added", r#"{"price":"dear"}"#)]).unwrap();
    assert_eq!(
        text["total"],
        json!("unknown: \"dear\" is no number that could be added")
    );
    let no_list = "
projection: p
from: { stream: \"order-{key}\" }
on: { A: { set: { tags: open } }, B: { append: { tags: 1 } } }";
    let events = [(0, "A", "order-7", 1, "{}"), (0, "B", "order-7", 2, "{}")];
    let found = Bench::new(no_list, &events, "").state("7").unwrap();
    assert_eq!(found["tags"], json!("unknown: \"open\" is no list"));
}

#[test]
fn an_event_finds_its_key_in_its_stream_or_its_data() {
    let by_data = "
projection: p
key: data.id
where: data.kind != 'test'
on:
  A: { add: { count: 1 } }
  '*': { add: { all: 1 } }";
    let bench = Bench::new(
        by_data,
        &[
            (0, "A", "x", 1, r#"{"id":7,"kind":"real"}"#),
            (0, "A", "x", 2, r#"{"id":"7","kind":"real"}"#),
            (0, "A", "x", 3, r#"{"id":7,"kind":"test"}"#),
            (0, "A", "x", 4, r#"{"kind":"real"}"#),
            (0, "A", "x", 5, r#"{"id":null,"kind":"real"}"#),
            (0, "B", "x", 6, r#"{"id":7,"kind":"real"}"#),
            (0, "B", "x", 7, r#"{"kind":"real"}"#),
            (0, "A", "x", 8, r#"{"id":8}"#),
        ],
        "",
    );
    assert_eq!(bench.state("7"), Some(json!({"all": 3, "count": 2})));
    assert_eq!(
        bench.state("8"),
        Some(json!("doubt: `data.kind` is missing"))
    );
    let log = bench.log();
    let ledger = bench.ledger(&log);
    let keyless = ledger.keyless(0).unwrap();
    assert_eq!(keyless.count, 2);
    let (position, reason) = keyless.first.as_ref().unwrap();
    assert_eq!((position.0, reason.as_str()), (4, "`data.id` is missing"));

    let in_the_middle = "
projection: p
from: { stream: \"shop/order-{key}.v1\" }
on: { A: { add: { count: 1 } } }";
    let streams = [
        "shop/order-7.v1",
        "shop/order-7.v2",
        "order-7.v1",
        "shop/order-.v1",
    ];
    let told = streams.map(|stream| (0, "A", stream, 1, "{}"));
    let bench = Bench::new(in_the_middle, &told, "");
    let log = bench.log();
    let ledger = bench.ledger(&log);
    let keys: Vec<&str> = ledger.entries(0).map(|(key, _)| key).collect();
    assert_eq!(keys, ["7", ""]);
}
