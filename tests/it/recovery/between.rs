//! Rows that others put in further up in a log, while a plan is applied to it.

use std::fs;
use std::process::Child;

use rusqlite::Connection;

use super::{Bench, REFUSED, items, told};

/// A bench of which the log is numbered by rowids that lie ten apart, with one stream for each
/// instance and no index.
fn bench(options: &str) -> Bench {
    let bench = Bench::new(options, &[("o-1", &REFUSED), ("o-2", &REFUSED)]);
    let log = Connection::open(bench.path("shop.db")).unwrap();
    log.execute_batch(
        "CREATE TABLE copy AS SELECT * FROM events; DROP TABLE events;
         CREATE TABLE events (position INTEGER PRIMARY KEY, time, type, stream, version, id,
             correlation, causation, key, data, metadata);
         INSERT INTO events SELECT * FROM copy; DROP TABLE copy;
         UPDATE events SET stream = correlation, version = position;
         UPDATE events SET position = -position * 10;
         UPDATE events SET position = -position",
    )
    .unwrap();
    bench
}

/// Applies the plan of a bench until its first action is at work.
fn begun(bench: &Bench) -> Child {
    bench.plan();
    bench.mode("wait");
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl";
    let child = bench.command(line).spawn().unwrap();
    bench.await_action();
    child
}

fn insert(bench: &Bench, position: i64, (id, stream): (&str, &str), version: i64, kind: &str) {
    let log = Connection::open(bench.path("shop.db")).unwrap();
    let sql = "INSERT INTO events (position, time, type, correlation, stream, version, data)
               VALUES (?1, 1700003600000000000, ?2, ?3, ?4, ?5, '{}')";
    let values = (position, kind, id, stream, version);
    assert_eq!(log.execute(sql, values).unwrap(), 1);
}

#[test]
fn what_comes_in_a_gap_or_before_the_beginning_is_seen() {
    for position in [55, 105, 111, -7] {
        let bench = bench("idempotent: true");
        let child = begun(&bench);
        for id in ["o-1", "o-2"] {
            let own = position + i64::from(id == "o-2");
            insert(&bench, own, (id, id), 6, "StockReleaseRequested");
        }
        fs::write(bench.path("go"), "").unwrap();
        let (code, said) = told(&child.wait_with_output().unwrap());
        assert_eq!(code, Some(4), "{position}: {said}");
        let expected = [
            "o-1 courier done",
            "o-1 payment moved",
            "o-1 stock moved",
            "o-2 courier moved",
            "o-2 payment moved",
            "o-2 stock moved",
        ];
        assert_eq!(items(&said, "outcome"), expected, "{position}: {said}");
        assert_eq!(bench.effects(), ["o-1 courier backward"]);
    }
}

#[test]
fn a_version_that_comes_in_a_gap_is_not_given_twice() {
    let bench = bench("idempotent: true, record: append");
    let child = begun(&bench);
    insert(&bench, 15, ("cart", "o-1"), 40, "CartUpdated");
    fs::write(bench.path("go"), "").unwrap();
    let (code, said) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    let log = Connection::open(bench.path("shop.db")).unwrap();
    let versions: Vec<i64> = log
        .prepare("SELECT version FROM events WHERE stream = 'o-1' AND position > 110")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(versions, [41, 42, 43]);
}
