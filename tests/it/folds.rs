//! One key by itself, two definitions side by side, and scripts that repair rows.

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use tempfile::TempDir;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn sagactl(arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_sagactl"))
        .args(arguments)
        .env_clear()
        .output()
        .expect("the program runs");
    Ran {
        code: output.status.code().expect("a code"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A shop whose read model has a hostile name, rows that went wrong, and one that merely lags.
fn shop() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let connection = Connection::open(folder.path().join("shop.db")).expect("a database");
    connection
        .execute_batch(
            r#"
CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER, type TEXT, stream TEXT, version INTEGER, data TEXT);
INSERT INTO events (time, type, stream, version, data) VALUES
  (1000, 'Placed', 'order-1', 0, '{"who":"O''Neil","total":10.25}'),
  (1001, 'Added', 'order-1', 1, '{"price":1.50,"tag":"a"}'),
  (1002, 'Placed', 'order-2', 0, '{"who":"line\nbreak","total":3}'),
  (1003, 'Added', 'order-2', 1, '{"price":2,"tag":"b"}'),
  (1004, 'Placed', 'order-3', 0, '{"who":"c","total":1}'),
  (1005, 'Forgotten', 'order-3', 1, '{}'),
  (1006, 'Placed', 'order-4', 0, '{"who":"d","total":5}'),
  (1007, 'Placed', 'order-5', 0, '{"who":"e","total":5}'),
  (1008, 'Added', 'order-5', 1, '{"price":1,"tag":"x"}'),
  (1100, 'Added', 'order-5', 2, '{"price":7,"tag":"y"}');
CREATE TABLE "order ""view"";--" ("the key" INTEGER PRIMARY KEY, who TEXT, "total cents" INTEGER, tags TEXT, seen INTEGER, note TEXT);
INSERT INTO "order ""view"";--" VALUES
  (1, 'O''Neil', 1025, '[]', 1, 'kept'),
  (2, 'wrong', 500, '["b"]', 1, 'kept'),
  (3, 'c', 100, '[]', 0, 'kept'),
  (5, 'e', 600, '["x"]', 1, 'kept'),
  (9, 'nobody', 0, '[]', 0, 'kept');
"#,
        )
        .expect("it is made");
    std::fs::write(
        folder.path().join("shop.yaml"),
        r#"log: shop
database: shop.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, stream: stream, version: version, data: data }
---
projection: orders
from: { stream: "order-{key}" }
on:
  Placed: { set: { who: =data.who, total: =data.total } }
  Added: { add: { total: =data.price }, append: { tags: =data.tag } }
  Forgotten: delete
within: 1m
stored:
  table: 'order "view";--'
  key: the key
  columns: { who: who, total: { column: total cents, scale: 2 }, tags: tags }
  version: seen
  ignore: [note]
"#,
    )
    .expect("it can be written");
    let path = folder.path().to_path_buf();
    (folder, path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// What is left to its consumer.
const AFTER: &str = "orders  4 exact, 1 converging; up to 0s behind";

#[test]
fn a_script_repairs_every_row_that_went_wrong_and_no_other() {
    let (_folder, path) = shop();
    let script = sagactl(&["diff", "orders", text(&path), "--sql"]);
    assert_eq!(script.code, 0, "{}", script.err);
    let connection = Connection::open(path.join("shop.db")).expect("a database");
    connection
        .execute_batch(&script.out)
        .unwrap_or_else(|error| {
            panic!("{error}\n{}", script.out);
        });
    let after = sagactl(&["diff", "orders", text(&path)]);
    let found = after.out.lines().find(|line| line.starts_with("orders  "));
    assert_eq!(found, Some(AFTER), "{}\n{}", script.out, after.out);
    let kept: i64 = connection
        .query_row(
            r#"SELECT count(*) FROM "order ""view"";--" WHERE note = 'kept'"#,
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert_eq!(kept, 3, "rows that stay keep what is not the projection's");
    let again = sagactl(&["diff", "orders", text(&path), "--sql"]);
    let changes = again.out.lines().filter(|line| !line.starts_with("--"));
    assert_eq!(changes.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_row_that_has_moved_since_is_left_as_it_is() {
    let (_folder, path) = shop();
    let script = sagactl(&["diff", "orders", text(&path), "--sql"]);
    let connection = Connection::open(path.join("shop.db")).expect("a database");
    connection
        .execute_batch(r#"UPDATE "order ""view"";--" SET who = 'moved' WHERE "the key" = 2"#)
        .expect("it moves");
    connection.execute_batch(&script.out).expect("it runs");
    let who: String = connection
        .query_row(
            r#"SELECT who FROM "order ""view"";--" WHERE "the key" = 2"#,
            [],
            |row| row.get(0),
        )
        .expect("a row");
    assert_eq!(who, "moved");
}

#[test]
fn a_key_is_shown_as_of_any_event() {
    let (_folder, path) = shop();
    let whole = sagactl(&["state", "orders", "5", text(&path), "--history"]);
    assert_eq!(whole.code, 0, "{}", whole.err);
    for part in [
        "3 events applied",
        "total: 5 -> 6",
        "total  13",
        r#"tags   ["x","y"]"#,
    ] {
        assert!(whole.out.contains(part), "no `{part}` in\n{}", whole.out);
    }
    for (at, total) in [("9", "6"), ("1970-01-01T00:16:48Z", "6"), ("8", "5")] {
        let told = sagactl(&["state", "orders", "5", text(&path), "--at", at]);
        assert!(
            told.out.contains(&format!("total  {total}\n")),
            "{at}: {}",
            told.out
        );
    }
    let gone = sagactl(&["state", "orders", "3", text(&path)]);
    assert!(gone.out.ends_with("deleted\n"), "{}", gone.out);
    let nobody = sagactl(&["state", "orders", "77", text(&path)]);
    assert_eq!(nobody.code, 3);
    assert!(
        nobody.out.contains("no event has this key"),
        "{}",
        nobody.out
    );
    let slip = sagactl(&["state", "order", "5", text(&path)]);
    assert_eq!(slip.code, 2);
    assert!(slip.err.contains("did you mean `orders`?"), "{}", slip.err);
    let bad = sagactl(&["state", "orders", "5", text(&path), "--at", "noon"]);
    assert_eq!(bad.code, 2);
    let json = sagactl(&[
        "state",
        "orders",
        "1",
        text(&path),
        "--format",
        "json",
        "--history",
    ]);
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("a document");
    assert_eq!(json["states"][0]["history"][1]["type"], "Added");
    assert_eq!(json["states"][0]["history"][1]["position"], 2);
}

#[test]
fn two_definitions_part_at_the_first_event_that_tells_them_apart() {
    let (_folder, path) = shop();
    let own = path.join("shop.yaml");
    let same = sagactl(&["diff", "orders", text(&path), "--against", text(&own)]);
    assert_eq!(same.code, 0, "{}", same.out);
    assert!(
        same.out.contains("both give the same for 5 keys"),
        "{}",
        same.out
    );
    let definitions = std::fs::read_to_string(&own).expect("text");
    let changed = definitions.replace("add: { total: =data.price }, ", "");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let other = elsewhere.path().join("other.yaml");
    std::fs::write(&other, changed).expect("it can be written");
    let parted = sagactl(&["diff", "orders", text(&path), "--against", text(&other)]);
    assert_eq!(parted.code, 1, "{}", parted.err);
    for part in [
        "they part for 3 of 5 keys, first at position 2",
        "total: 11.75 here, 10.25 there",
    ] {
        assert!(parted.out.contains(part), "no `{part}` in\n{}", parted.out);
    }
    let arguments = [
        "diff",
        "orders",
        text(&path),
        "--against",
        text(&other),
        "--format",
        "json",
    ];
    let json: serde_json::Value =
        serde_json::from_str(&sagactl(&arguments).out).expect("a document");
    let positions: Vec<i64> = json["projections"][0]["parted"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["position"].as_i64().expect("a position"))
        .collect();
    assert_eq!(positions, [2, 4, 9]);
    std::fs::write(
        &other,
        definitions.replace("projection: orders", "projection: others"),
    )
    .expect("it can be written");
    let none = sagactl(&["diff", "orders", text(&path), "--against", text(&other)]);
    assert_eq!(none.code, 2);
    assert!(
        none.err.contains("in the other definitions, no projection"),
        "{}",
        none.err
    );
}

/// What an audit of a folder says to type next is typed as it stands; the commands.
fn typed(folder: &Path) -> Vec<String> {
    let lines = sagactl(&["audit", text(folder), "--format", "jsonl"]);
    assert_ne!(lines.code, 2, "{}", lines.err);
    let type_it = |line: &str| {
        let finding: serde_json::Value = serde_json::from_str(line).expect("a finding");
        let command = finding["next"]["command"].as_str();
        let command = command.unwrap_or_else(|| panic!("nothing to type: {line}"));
        let words = shlex::split(command).expect("words of a shell");
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let ran = sagactl(&words);
        assert_eq!(ran.code, 0, "{command}\n{}{}", ran.out, ran.err);
        command.to_owned()
    };
    lines.out.lines().map(type_it).collect()
}

#[test]
fn every_next_command_of_the_bank_does_something() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas/bank");
    let typed = typed(&folder);
    assert!(typed.len() > 8, "only {typed:?}");
}

#[test]
fn every_finding_beside_sagas_says_what_to_type_next() {
    let row = |kind: &'static str, key: Option<&str>, data: &str| crate::rows::Row {
        time: Some(100),
        kind,
        key: key.map(str::to_owned),
        data: data.to_owned(),
        ..Default::default()
    };
    let log = crate::rows::Log::new(&[
        row("Paid", Some("k"), r#"{"order":"o 1"}"#),
        row("Paid", Some("k"), r#"{"order":"o 1"}"#),
        row("Begun", None, r#"{"tx":"t","who":"a"}"#),
        row("Decided", None, r#"{"tx":"t"}"#),
    ]);
    let definitions = format!(
        "{}{}",
        crate::rows::LOG,
        "projection: orders
key: data.order
on: { Paid: { add: { paid: 1 } } }
---
invariant: once
for-each: orders
require: state.paid < 2
---
invariant: nothing
total: { of: { Paid: '1' }, per: data.order }
---
idempotency: payments
effects: [Paid]
---
transaction: both
id: data.tx
participant: data.who
begins: Begun
prepares: Voted
decides: { commit: Decided, abort: Refused }
ends: { committed: Done, aborted: Undone }
in-doubt-after: 10s
"
    );
    std::fs::write(log.folder().join("rows.yaml"), definitions).expect("it can be written");
    let folder = text(log.folder());
    let mut expected = vec![
        format!("sagactl state orders 'o 1' {folder}"),
        "sagactl explain idempotency/double-effect".to_owned(),
        "sagactl explain invariant/violated".to_owned(),
        "sagactl explain transaction/decided-without-votes".to_owned(),
    ];
    let mut typed = typed(log.folder());
    expected.sort();
    typed.sort();
    assert_eq!(typed, expected);
}
