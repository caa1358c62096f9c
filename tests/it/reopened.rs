//! An instance that was over and dropped, and of which an event comes after all: its events are read
//! again, and nothing else is judged twice.

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

const DEFINITIONS: &str = "
log: shop
database: shop.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, correlation: saga, data: data }
---
saga: order
starts: Asked
deadline: 9000h
steps:
  - step: reserve
    succeeds: Reserved
    timeout: 9000h
    compensation: { succeeds: Released, timeout: 9000h }
completes: Done
---
projection: stock
key: data.sku
on:
  Reserved: { subtract: { available: =data.count } }
  Released: { add: { available: =data.count } }
";

/// More instances than are kept once they are over.
const INSTANCES: usize = 25_000;

fn findings(folder: &Path) -> (Vec<String>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_sagactl"))
        .args(["-q", "audit", ".", "--format", "json"])
        .args(["--rule", "isolation/*", "--rule", "compensation/*"])
        .args(["--rule", "saga/step-after-end"])
        .env_clear()
        .current_dir(folder)
        .output()
        .expect("the program runs");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let told = document["findings"].as_array().expect("findings");
    let line = |finding: &Value| format!("{} {}", finding["rule"], finding["subject"]["id"]);
    let rules = document["rules"].as_array().expect("rules").iter();
    let mut residue = rules.filter(|rule| rule["rule"] == "compensation/residue");
    let checked = residue.next().expect("the rule")["checked"].clone();
    (told.iter().map(line).collect(), checked)
}

#[test]
fn an_event_after_the_end_changes_nothing_of_other_instances() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("shop.yaml"), DEFINITIONS).expect("definitions");
    let mut log = Connection::open(folder.path().join("shop.db")).expect("a log");
    log.execute_batch(
        "CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time, type, saga, data)",
    )
    .expect("a table");
    let transaction = log.transaction().expect("a transaction");
    {
        let mut put = transaction
            .prepare("INSERT INTO events (time, type, saga, data) VALUES (1, ?, ?, ?)")
            .expect("a statement");
        let held = r#"{"sku": "a", "count": 3}"#;
        for kind in ["Asked", "Reserved", "Released", "Reserved"] {
            put.execute([kind, "x", held]).expect("an event");
        }
        for number in 0..INSTANCES {
            let data = format!(r#"{{"sku": "s{}", "count": 1}}"#, number % 50);
            for kind in ["Asked", "Reserved", "Done"] {
                put.execute([kind, &format!("o-{number}"), &data])
                    .expect("an event");
            }
        }
    }
    transaction.commit().expect("written");
    let (before, looked_at) = findings(folder.path());
    log.execute(
        "INSERT INTO events (time, type, saga, data) VALUES (2, 'Reserved', 'o-0', '{\"sku\": \"s0\", \"count\": 1}')",
        [],
    )
    .expect("an event");
    let (mut after, still) = findings(folder.path());
    after.retain(|finding| !finding.contains("\"o-0\""));
    assert_eq!((after, still), (before, looked_at));
}
