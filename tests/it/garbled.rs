//! Names that are not UTF-8: each is its own bytes, from the log to the look-up by what was printed.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture;

const DEFINITIONS: &str = r#"log: shop
database: shop.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, stream: stream, correlation: saga, data: data }
claims: { saga: order, table: orders, id: id, status: { column: status, completed: [done] } }
---
saga: order
starts: Started
deadline: 1h
steps:
  - { step: charge, succeeds: Charged, compensation: { succeeds: Refunded, action: { exec: ["true"], idempotent: true } } }
completes: Done
aborts: Aborted
---
projection: view
from: { stream: "o-{key}" }
on: { Charged: { set: { state: =data.s, at: =event.stream } } }
within: 1s
stored: { table: view, key: k, columns: { state: state, at: at } }
"#;

fn shop() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("shop.yaml"), DEFINITIONS).expect("definitions");
    let log = Connection::open(folder.path().join("shop.db")).expect("a log");
    log.execute_batch(
        r#"CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time, type, stream, saga, data);
           CREATE INDEX by_saga ON events (saga);
           CREATE TABLE orders (id, status);
           CREATE TABLE view (k, state, at);
           INSERT INTO events (time, type, saga)
             SELECT time, type, saga
             FROM (SELECT 0 AS time, 'Started' AS type UNION ALL SELECT 1, 'Charged' UNION ALL SELECT 2, 'Done'),
                  (SELECT CAST(x'6f2dff' AS TEXT) AS saga UNION ALL SELECT CAST(x'6f2dfe' AS TEXT)
                   UNION ALL SELECT 'o-' || char(65533) || '''ff''' UNION ALL SELECT 'o-' || char(65533))
             ORDER BY time;
           DELETE FROM events WHERE type = 'Done' AND saga IS CAST(x'6f2dfe' AS TEXT);
           UPDATE events SET type = 'Aborted' WHERE type = 'Done' AND saga = 'o-' || char(65533);
           UPDATE events SET stream = saga, data = '{"s":"x"}';
           INSERT INTO orders SELECT DISTINCT saga, 'done' FROM events;
           INSERT INTO view VALUES (CAST(x'ff' AS TEXT), 'x', CAST(x'6f2dff' AS TEXT)),
             (CAST(x'fe' AS TEXT), 'y', CAST(x'6f2dfe' AS TEXT)), (char(65533), 'x', 'o-' || char(65533));"#,
    )
    .expect("a shop");
    folder
}

fn json(folder: &Path, words: &[&str]) -> Value {
    let output = fixture::run(folder, words);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn names_that_differ_in_bytes_only_are_two_and_each_is_found_as_it_is_printed() {
    let folder = shop();
    let folder = folder.path();
    let report = json(
        folder,
        &[
            "audit",
            "--format",
            "json",
            "--as-of",
            "1970-01-02T00:00:00Z",
            "shop.yaml",
        ],
    );
    let findings = report["findings"].as_array().expect("findings");
    let told: Vec<(&str, &str)> = findings
        .iter()
        .filter_map(|it| Some((it["rule"].as_str()?, it["subject"]["id"].as_str()?)))
        .collect();
    assert!(
        told.contains(&("saga/false-claim", "o-\u{fffd}'fe'")),
        "{told:?}"
    );
    for id in ["o-\u{fffd}'ff'", "o-\u{fffd}'efbfbd''ff'"] {
        assert!(told.iter().all(|(_, of)| *of != id), "{id}: {told:?}");
    }
    for (id, events) in [
        ("o-\u{fffd}'ff'", 3),
        ("o-\u{fffd}'fe'", 2),
        ("o-\u{fffd}'efbfbd''ff'", 3),
        ("o-\u{fffd}", 3),
    ] {
        let shown = json(folder, &["show", id, "--format", "json", "shop.yaml"]);
        let timeline = shown["views"][0]["timeline"].as_array();
        assert_eq!(timeline.map(Vec::len), Some(events), "{id}: {shown}");
    }
}

#[test]
fn no_service_is_told_of_an_instance_by_a_name_that_is_not_its_own() {
    let folder = shop();
    let words = [
        "plan",
        "--format",
        "json",
        "--as-of",
        "1970-01-02T00:00:00Z",
        "shop.yaml",
    ];
    let plan = json(folder.path(), &words);
    let of = |list: &str| {
        let list = plan[list].as_array().unwrap_or_else(|| panic!("{plan}"));
        list.iter().map(|it| it["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("instances"), ["o-\u{fffd}"]);
    let refused = plan["refused"].as_array().expect("refused");
    let refused = refused.iter().find(|it| it["id"] == "o-\u{fffd}'fe'");
    let detail = refused.and_then(|it| it["detail"].as_str());
    let why = "its id is not UTF-8, or looks like what is told of one that is not";
    assert_eq!(detail, Some(why), "{plan}");
}

#[test]
fn rows_of_such_keys_go_with_the_events_of_the_same_bytes() {
    let folder = shop();
    let folder = folder.path();
    let diff = json(
        folder,
        &[
            "diff",
            "--format",
            "json",
            "--as-of",
            "1970-01-02T00:00:00Z",
            "view",
            "shop.yaml",
        ],
    );
    let keys: Vec<String> = diff["projections"][0]["keys"]
        .as_array()
        .unwrap_or_else(|| panic!("{diff}"))
        .iter()
        .map(|row| {
            format!(
                "{} {}",
                row["key"].as_str().unwrap_or("?"),
                row["verdict"].as_str().unwrap_or("?")
            )
        })
        .collect();
    assert_eq!(
        keys,
        ["\u{fffd}'efbfbd''ff' missing", "\u{fffd}'fe' divergent"]
    );
    let script = fixture::run(
        folder,
        &[
            "diff",
            "--sql",
            "--as-of",
            "1970-01-02T00:00:00Z",
            "view",
            "shop.yaml",
        ],
    );
    let script = String::from_utf8(script.stdout).expect("text");
    assert!(
        script.contains("left alone: \u{fffd}'efbfbd''ff' (missing: its key is not UTF-8, or looks like what is told of one that is not)"),
        "{script}"
    );
    assert_eq!(script.matches("UPDATE ").count(), 1, "{script}");
    assert!(
        script.contains("IS CAST(X'fe' AS TEXT) COLLATE BINARY"),
        "{script}"
    );
}

#[test]
fn data_that_is_not_utf_8_is_no_json_wherever_the_bytes_stand() {
    let bytes = [
        "7b2273223a2278222c22ff223a317d",
        "7b2273223a2278222c227a223a22ff227d",
    ];
    for data in bytes {
        for sql in [format!("CAST(x'{data}' AS TEXT)"), format!("x'{data}'")] {
            let folder = shop();
            let log = Connection::open(folder.path().join("shop.db")).expect("a log");
            let spoilt = format!("UPDATE events SET data = {sql} WHERE position = 2");
            assert_eq!(log.execute(&spoilt, []), Ok(1));
            let words = [
                "audit",
                "shop.yaml",
                "--rule",
                "log/bad-row",
                "--format",
                "json",
            ];
            let report = json(folder.path(), &words);
            let found = &report["findings"];
            assert_eq!(
                found[0]["evidence"],
                serde_json::json!([2]),
                "{sql}: {found}"
            );
            let message = found[0]["message"].as_str().unwrap_or_default();
            assert!(
                message.contains("data is not JSON (invalid utf-8"),
                "{message}"
            );
        }
    }
}
