//! A row of the driven instance itself of which something cannot be read may be the undo that a plan
//! would send for again.

use rusqlite::Connection;

use super::{Bench, REFUSED, items, moved};

fn bench() -> Bench {
    Bench::new("idempotent: true", &[("o-1", &REFUSED)])
}

/// One more row of an instance, spoilt by this.
fn happens(bench: &Bench, id: &str, kind: &str, spoil: &str) {
    bench.happens(id, kind);
    let log = Connection::open(bench.path("shop.db")).unwrap();
    let last = "position = (SELECT max(position) FROM events)";
    let sql = format!("UPDATE events SET {spoil} WHERE {last}");
    assert_eq!(log.execute(&sql, []).unwrap(), 1);
}

/// What may not be an undo, or is one at a time that nobody knows.
const SPOILT: [&str; 3] = [
    "type = NULL",
    "time = NULL",
    "time = 'some time in the morning'",
];

#[test]
fn a_row_of_its_own_that_came_since_the_plan_stops_it() {
    for spoil in SPOILT {
        let bench = bench();
        bench.plan();
        happens(&bench, "o-1", "StockReleased", spoil);
        let (code, said) = bench.run("apply plan.json shop.yaml");
        assert_eq!(code, Some(4), "{spoil}: {said}");
        let (code, said) = bench.apply("--despite-unread-rows");
        assert_eq!(code, Some(4), "{spoil}: {said}");
        assert_eq!(
            moved(&said),
            ["courier", "payment", "stock"],
            "{spoil}: {said}"
        );
        assert_eq!(bench.effects(), [""; 0], "{spoil}");
    }
}

#[test]
fn a_row_of_another_instance_stops_nothing() {
    for spoil in SPOILT {
        let bench = bench();
        bench.plan();
        happens(&bench, "o-2", "StockReleased", spoil);
        assert_eq!(bench.apply("").0, Some(0), "{spoil}");
        assert_eq!(bench.effects().len(), 3, "{spoil}");
    }
}

#[test]
fn a_row_that_the_plan_knew_of_and_that_changes_nothing_stops_nothing() {
    let bench = bench();
    happens(&bench, "o-1", "OrderPlaced", "time = NULL");
    bench.plan();
    assert_eq!(bench.apply("").0, Some(0));
    assert_eq!(bench.effects().len(), 3);
}

#[test]
fn nothing_is_confirmed_by_a_row_that_may_be_something_else() {
    let bench = bench();
    bench.plan();
    happens(&bench, "o-1", "StockReleased", "type = NULL");
    let (code, said) = bench.run("verify plan.json shop.yaml --format jsonl");
    assert_eq!(code, Some(1), "{said}");
    let unknown = ["courier", "payment", "stock"].map(|step| format!("o-1 {step} unknown"));
    assert_eq!(items(&said, "verdict"), unknown, "{said}");
}

#[test]
fn a_plan_answers_for_what_it_cannot_tell_of() {
    let bench = bench();
    happens(&bench, "o-1", "StockReleased", "type = NULL");
    for rules in ["", "--rule compensation/*"] {
        let (code, said) = bench.run(&format!("plan shop.yaml {rules} --format json"));
        assert_eq!(code, Some(0), "{said}");
        let plan: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(plan["refused"][0]["id"], "o-1", "{plan:#}");
        assert_eq!(plan["refused"][0]["reason"], "undetermined", "{plan:#}");
    }
    let (_, said) = bench.run("plan shop.yaml --rule saga/unknown-event --format json");
    let plan: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(plan["refused"], serde_json::json!([]), "{plan:#}");
}
