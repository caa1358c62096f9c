//! What cannot be told is not acted upon, and what nobody looked at is not called fine.

use std::fs;
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

const SAGA: &str = r#"log: recorded
database: log.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, stream: stream, correlation: id, data: data }
---
saga: order
starts: Started
deadline: 1h
steps:
  - step: reserve
    succeeds: { event: Reserved, when: data.ok }
    compensation: { succeeds: Released, timeout: 5m, action: { exec: ["true"], idempotent: true } }
  - step: charge
    after: []
    succeeds: Charged
    compensation: { succeeds: Refunded, timeout: 5m, action: { exec: ["true"], idempotent: true } }
completes: Done
aborts: Aborted
compensated: Undone
"#;

fn log(events: &[(i64, &str, &str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("log.yaml"), SAGA).expect("definitions");
    let log = Connection::open(folder.path().join("log.db")).expect("a log");
    log.execute_batch(
        "CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time, type, stream, id, data)",
    )
    .expect("a table");
    for (time, kind, id, data) in events {
        log.execute(
            "INSERT INTO events (time, type, stream, id, data) VALUES (?1, ?2, ?3, ?3, ?4)",
            (time, kind, id, data),
        )
        .expect("an event");
    }
    folder
}

fn run(folder: &TempDir, words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sagactl"))
        .args(words)
        .arg("log.yaml")
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    let told = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&told).into_owned(),
    )
}

#[test]
fn nothing_is_undone_of_which_only_some_readings_have_it_that_it_was_done() {
    let began = |damage| {
        log(&[
            (0, "Started", "i", "{}"),
            (1, "Reserved", "i", damage),
            (2, "Charged", "i", "{}"),
            (3, "Aborted", "i", "{}"),
            (90_000, "Started", "j", "{}"),
        ])
    };
    for (damage, code) in [(r#"{"ok": "#, 4), ("{}", 4), (r#"{"ok": true}"#, 0)] {
        let folder = began(damage);
        let (found, told) = run(&folder, &["compensate", "i"]);
        assert_eq!(found, Some(code), "{damage}\n{told}");
        assert_eq!(told.contains("undetermined"), code == 4, "{damage}\n{told}");
    }
}

#[test]
fn no_version_is_checked_where_the_mapping_names_none() {
    let folder = log(&[(0, "Started", "i", "{}"), (1, "Charged", "i", "{}")]);
    let output = Command::new(env!("CARGO_BIN_EXE_sagactl"))
        .args(["audit", "log.yaml", "--format", "json"])
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let rules = report["rules"].as_array().expect("rules");
    for rule in ["log/gap", "log/duplicate-version", "log/version-backwards"] {
        let own = rules.iter().find(|one| one["rule"] == rule);
        let own = own.unwrap_or_else(|| panic!("{rule} is not there: {report:#}"));
        assert_eq!(own["checked"], 0, "{own}");
        assert_eq!(own["idle"], "the mapping names no version", "{own}");
    }
}

#[test]
fn of_what_only_an_unreadable_row_tells_nothing_is_said_to_be_done() {
    let folder = log(&[(0, "Started", "i", "{}"), (90_000, "Charged", "j", "{}")]);
    let log = Connection::open(folder.path().join("log.db")).expect("a log");
    let spoilt = "UPDATE events SET type = NULL WHERE id = 'j'";
    assert_eq!(log.execute(spoilt, []), Ok(1));
    let (_, told) = run(&folder, &["list"]);
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let own = "j running 0s no event of it has a place in this saga";
    assert!(told.contains(own), "{told}");
    let why = "saga order: j cannot be judged fully: at position 2, type is null";
    assert!(told.contains(why), "{told}");
}
