//! `check`, and what is said of logs that do not fit their definitions.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

const LOG: &str = "log: shop\ndatabase: shop.jsonl\n";

const EVENTS: &str = r#"{"position":1,"time":"2026-03-01T10:00:00Z","type":"Paid","correlation":"o-1"}
"#;

/// One of each kind beside sagas; every type is in the log but those that end in `Gone`.
const BESIDE: &str = "\
---
projection: orders
key: event.correlation
on:
  Paid: { add: { paid: 1 } }
  OrderGone: delete
  \"*\": { add: { events: 1 } }
---
invariant: balance
total: { of: { Paid: =data.amount, DebitGone: =data.amount }, per: data.t }
---
invariant: states
for-each: orders
require: state.paid >= 0
---
reaction: ships
when: Paid
then: ShipmentGone
within: 5m
---
idempotency: payments
effects: Paid
attempts: AttemptGone
---
transaction: transfer
id: data.tx
participant: data.p
prepares: PreparedGone
decides: { commit: Paid }
ends: { committed: EndGone }
in-doubt-after: 10s
";

fn folder(definitions: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("d.yaml"), definitions).expect("definitions");
    fs::write(folder.path().join("shop.jsonl"), EVENTS).expect("a log");
    folder
}

/// Exit code and everything said.
fn run(folder: &TempDir, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sagactl"))
        .args(arguments)
        .env_clear()
        .env("COLUMNS", "200")
        .current_dir(folder.path())
        .output()
        .expect("the program runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("text");
    (output.status.code().expect("a code"), said)
}

#[test]
fn a_type_that_the_log_does_not_hold_is_told_of_every_kind_of_definition() {
    let folder = folder(&format!("{LOG}{BESIDE}"));
    let (code, said) = run(&folder, &["check", "d.yaml", "--log", "shop.jsonl"]);
    assert_eq!(code, 0, "{said}");
    for (place, kind, unseen) in [
        ("d.yaml:4:13", "projection", "OrderGone"),
        ("d.yaml:11:12", "invariant", "DebitGone"),
        ("d.yaml:18:11", "reaction", "ShipmentGone"),
        ("d.yaml:23:14", "rule", "AttemptGone"),
        ("d.yaml:27:14", "transaction", "EndGone`, `PreparedGone"),
    ] {
        assert!(said.contains(place), "{place}\n{said}");
        let label = format!("this {kind} names them");
        assert!(said.contains(&label), "{label}\n{said}");
        let message = format!("the log shop.jsonl holds no `{unseen}`\n");
        assert!(said.contains(&message), "{message}\n{said}");
    }
    assert_eq!(said.matches("definition/unseen-event").count(), 5, "{said}");
}

#[test]
fn check_counts_whatever_there_is() {
    let both = folder(&format!("{LOG}{BESIDE}"));
    let (code, said) = run(&both, &["check", "d.yaml"]);
    assert_eq!(
        said,
        "1 file, 1 projection, 2 invariants, 1 reaction, 1 idempotency rule, 1 transaction, 1 log: \
         nothing is wrong\n"
    );
    assert_eq!(code, 0);
    for (definitions, foot) in [
        (
            "settings:\n  fail-on: error\n",
            "1 file, 1 settings document: nothing is wrong\n",
        ),
        (
            "projection: p\nkey: event.stream\non: { A: delete }\n",
            "1 file, 1 projection: nothing is wrong\n",
        ),
        ("", "1 file: nothing was checked\n"),
    ] {
        let (_, said) = run(&folder(definitions), &["check", "d.yaml"]);
        assert_eq!(said, foot);
    }
    let (_, said) = run(&both, &["check", "d.yaml", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let expected = [
        ("sagas", 0),
        ("projections", 1),
        ("invariants", 2),
        ("reactions", 1),
        ("idempotency_rules", 1),
        ("transactions", 1),
        ("settings", 0),
        ("logs", 1),
    ];
    for (field, number) in expected {
        assert_eq!(json[field], number, "{field}");
    }
}

#[test]
fn a_log_that_does_not_fit_is_told_with_the_place_that_asks_for_it() {
    let events = "\
log: l
database: shop.db
events: { table: events, time: at, type: kind, id: uid }
---
projection: p
key: event.stream
on: { A: { set: { x: 1 } } }
";
    let stored = "stored: { table: view, key: id, columns: { x: yy }, checkpoint: { table: marks, column: at } }\n";
    let both = format!("{events}{stored}");
    for (schema, definitions, told) in [
        (
            "CREATE TABLE other (a)",
            events,
            &["has no table `events`", "(for the events, d.yaml:3:18)"][..],
        ),
        (
            "CREATE TABLE events (type, time)",
            events,
            &[
                "no column `at`",
                "(for `time`, d.yaml:3:32)",
                "no column `kind`",
                "(for `type`, d.yaml:3:42)",
                "no column `uid`",
                "(for `id`, d.yaml:3:52)",
            ],
        ),
        (
            "CREATE TABLE events (kind, at, uid); CREATE TABLE marks (at)",
            &both,
            &["no table `view`", "(for the projection `p`, d.yaml:8:11)"],
        ),
        (
            "CREATE TABLE events (kind, at, uid); CREATE TABLE view (z); CREATE TABLE marks (at)",
            &both,
            &[
                "no column `id`",
                "(for `key` of the projection `p`, d.yaml:8:11)",
                "no column `yy`",
                "(for `columns` of the projection `p`, d.yaml:8:11)",
            ],
        ),
        (
            "CREATE TABLE events (kind, at, uid); CREATE TABLE view (id, yy)",
            &both,
            &["no table `marks`", "(for the projection `p`, d.yaml:8:67)"],
        ),
    ] {
        let folder = folder(definitions);
        let path = folder.path().join("shop.db");
        let database = rusqlite::Connection::open(&path).expect("a database");
        database.execute_batch(schema).expect("a schema");
        drop(database);
        let (code, said) = run(&folder, &["audit", "d.yaml"]);
        assert_eq!(code, 2, "{said}");
        for part in told {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }
}

#[test]
fn a_missing_log_is_told_with_the_cure_that_there_is() {
    let folder = folder("log: l\ndatabase: gone.db\n");
    for (arguments, said) in [
        (&["log", "none.db"][..], "error: none.db does not exist\n"),
        (
            &["audit", "d.yaml"],
            "error: gone.db does not exist; check `database:`, or name the log with --log FILE\n",
        ),
        (
            &["audit", "d.yaml", "--log", "none.jsonl"],
            "error: none.jsonl does not exist\n",
        ),
    ] {
        assert_eq!(run(&folder, arguments), (2, said.to_owned()));
    }
}

#[test]
fn a_late_reaction_is_told_with_the_time_it_took() {
    let folder =
        folder("log: l\ndatabase: shop.jsonl\n---\nreaction: r\nwhen: A\nthen: B\nwithin: 5m\n");
    let events = r#"{"position":1,"time":"2026-03-01T10:00:00Z","type":"A","correlation":"o-1"}
{"position":2,"time":"2026-03-01T10:10:26Z","type":"B","correlation":"o-1"}
"#;
    fs::write(folder.path().join("shop.jsonl"), events).expect("a log");
    let (_, said) = run(&folder, &["audit", "d.yaml"]);
    let told = "B for `o-1` came after 10m 26s; 5m is allowed\n";
    assert!(said.contains(told), "{said}");
}
