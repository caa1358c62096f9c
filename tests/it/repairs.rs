//! The script that `diff --sql` prints: run on a copy, it leaves nothing to repair.

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

const DEFINITIONS: &str = r#"
log: bank
database: bank.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, stream: stream, version: version, data: data }
---
projection: accounts
from: { stream: "account-{key}" }
on:
  Opened:    { set: { owner: =data.owner } }
  Deposited: { add: { balance: =data.amount }, append: { seen: =data.amount } }
  Forgotten: delete
within: 5s
stored:
  table: "the \"view\"; DROP TABLE events; --"
  key: "account's id"
  columns: { owner: owner, balance: { column: cents, scale: 2 }, seen: seen }
  ANCHOR
"#;

/// What a hostile author would call an owner.
const OWNER: &str = "O'Brien\"; DROP TABLE events; --\nnext";

fn shop(anchor: &str, rows: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let definitions = DEFINITIONS.replace("ANCHOR", anchor);
    fs::write(folder.path().join("bank.yaml"), definitions).expect("definitions");
    let log = Connection::open(folder.path().join("bank.db")).expect("a log");
    log.execute_batch(
        r#"CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time, type, stream, version, data);
           CREATE TABLE "the ""view""; DROP TABLE events; --" ("account's id" TEXT, owner TEXT, cents, seen TEXT, at INTEGER);
           CREATE TABLE checkpoint (position);"#,
    )
    .expect("tables");
    let put = |stream: &str, version: i64, kind: &str, data: Value| {
        log.execute(
            "INSERT INTO events (time, type, stream, version, data) VALUES (?, ?, ?, ?, ?)",
            (version * 10, kind, stream, version, data.to_string()),
        )
        .expect("an event");
    };
    for key in ["lost", "it's", "missing", "wrong", "right"] {
        let stream = format!("account-{key}");
        put(&stream, 1, "Opened", serde_json::json!({"owner": OWNER}));
        put(
            &stream,
            2,
            "Deposited",
            serde_json::json!({"amount": "1.25"}),
        );
        put(&stream, 3, "Deposited", serde_json::json!({"amount": 20.5}));
    }
    put(
        "account-gone",
        1,
        "Opened",
        serde_json::json!({"owner": "x"}),
    );
    put("account-gone", 2, "Forgotten", serde_json::json!({}));
    put(
        "account-right",
        4,
        "Deposited",
        serde_json::json!({"amount": 1}),
    );
    log.execute_batch(rows).expect("rows");
    let owner =
        "UPDATE \"the \"\"view\"\"; DROP TABLE events; --\" SET owner = ? WHERE owner = 'O'";
    log.execute(owner, [OWNER]).expect("owners");
    folder
}

const ROWS: &str = r#"
INSERT INTO "the ""view""; DROP TABLE events; --" VALUES
  ('lost', 'O', 2050, '[20.5]', 3),
  ('it''s', 'O', 2175, '["1.25"]', 3),
  ('wrong', 'O', 1, '["1.25",20.5]', 3),
  ('right', 'O', 2175, '["1.25",20.5]', 3),
  ('gone', 'x', NULL, NULL, 2),
  ('stranger', NULL, NULL, x'00ff', 1);
"#;

/// What `diff` prints of the folder, and its exit code.
fn diff(folder: &Path, more: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_sagactl"))
        .args(["-q", "diff", "accounts", "."])
        .args(more)
        .env_clear()
        .current_dir(folder)
        .output()
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        text(output.stdout) + &text(output.stderr),
        output.status.code(),
    )
}

/// The keys that are not exact, with their verdicts.
fn verdicts(folder: &Path) -> Vec<String> {
    let (text, _) = diff(folder, &["--format", "json"]);
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let keys = document["projections"][0]["keys"].as_array().expect("keys");
    let word = |key: &Value, name: &str| key[name].as_str().expect("text").to_owned();
    keys.iter()
        .map(|key| format!("{} {}", word(key, "key"), word(key, "verdict")))
        .collect()
}

fn run(folder: &Path, script: &str) {
    let copy = Connection::open(folder.join("bank.db")).expect("the copy");
    copy.execute_batch(script).expect("a script that runs");
}

#[test]
fn what_the_script_repairs_is_clean_afterwards_and_what_lags_is_left() {
    let lagging = "right converging";
    for (anchor, lost) in [
        ("version: at", "lost skipped"),
        (
            "checkpoint: { table: checkpoint, column: position }\n  ignore: at",
            "lost skipped",
        ),
        ("ignore: at", "lost divergent"),
    ] {
        let rows = format!("{ROWS} INSERT INTO checkpoint VALUES (17);");
        let folder = shop(anchor, &rows);
        let before = verdicts(folder.path());
        let wrong = [
            "gone orphan",
            "it's divergent",
            lost,
            "missing missing",
            lagging,
            "stranger orphan",
            "wrong divergent",
        ];
        assert_eq!(before, wrong, "{anchor}");
        let (script, code) = diff(folder.path(), &["--sql"]);
        assert_eq!(code, Some(0));
        let events = || {
            let log = Connection::open(folder.path().join("bank.db")).expect("the log");
            log.query_row("SELECT count(*) FROM events", [], |row| {
                row.get::<_, i64>(0)
            })
        };
        assert_eq!(verdicts(folder.path()), before, "printing runs nothing");
        run(folder.path(), &script);
        assert_eq!(events(), Ok(18));
        assert_eq!(verdicts(folder.path()), [lagging], "{anchor}\n{script}");
        run(folder.path(), &script);
        assert_eq!(
            verdicts(folder.path()),
            [lagging],
            "a second time changes nothing"
        );
    }
}

#[test]
fn a_row_of_a_query_is_not_said_to_be_repaired() {
    let folder = shop("version: at", ROWS);
    let file = folder.path().join("bank.yaml");
    let text = fs::read_to_string(&file).expect("definitions");
    let table = r#"table: "the \"view\"; DROP TABLE events; --""#;
    let query = r#"query: 'SELECT * FROM "the ""view""; DROP TABLE events; --"'"#;
    assert!(text.contains(table));
    fs::write(&file, text.replace(table, query)).expect("definitions");
    let (said, code) = diff(folder.path(), &["--sql"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("rows come from a query"), "{said}");
}

#[test]
fn a_row_whose_other_columns_have_moved_is_not_overwritten_either() {
    const TABLE: &str = r#""the ""view""; DROP TABLE events; --""#;
    for column in ["owner", "at"] {
        let folder = shop("version: at", ROWS);
        let (script, _) = diff(folder.path(), &["--sql"]);
        let row = |name: &str| {
            let log = Connection::open(folder.path().join("bank.db")).expect("the log");
            let cents = format!("SELECT {name} FROM {TABLE} WHERE \"account's id\" = 'wrong'");
            log.query_row(&cents, [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(row("cents"), Ok(1));
        run(
            folder.path(),
            &format!("UPDATE {TABLE} SET {column} = 9 WHERE \"account's id\" = 'wrong'"),
        );
        run(folder.path(), &script);
        assert_eq!(row("cents"), Ok(1), "{script}");
    }
}

#[test]
fn a_row_that_has_moved_since_is_not_overwritten() {
    const TABLE: &str = r#""the ""view""; DROP TABLE events; --""#;
    let folder = shop("version: at", ROWS);
    let (script, _) = diff(folder.path(), &["--sql"]);
    // Also a row of which no event was heard may have been brought to life by one.
    for key in ["wrong", "gone", "stranger"] {
        let moves = format!("UPDATE {TABLE} SET cents = 7 WHERE \"account's id\" = '{key}'");
        run(folder.path(), &moves);
    }
    run(folder.path(), &script);
    let log = Connection::open(folder.path().join("bank.db")).expect("the log");
    let moved = format!("SELECT count(*) FROM {TABLE} WHERE cents = 7");
    assert_eq!(
        log.query_row(&moved, [], |row| row.get::<_, i64>(0)),
        Ok(3),
        "{script}"
    );
}
