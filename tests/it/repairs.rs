//! The script that `diff --sql` prints: run on a copy, it leaves nothing to repair.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture;

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

pub fn shop(anchor: &str, rows: &str) -> TempDir {
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

pub const ROWS: &str = r#"
INSERT INTO "the ""view""; DROP TABLE events; --" VALUES
  ('lost', 'O', 2050, '[20.5]', 3),
  ('it''s', 'O', 2175, '["1.25"]', 3),
  ('wrong', 'O', 1, '["1.25",20.5]', 3),
  ('right', 'O', 2175, '["1.25",20.5]', 3),
  ('gone', 'x', NULL, NULL, 2),
  ('stranger', NULL, NULL, x'00ff', 1);
"#;

/// What `diff` prints of the folder, and its exit code.
pub fn diff(folder: &Path, more: &[&str]) -> (String, Option<i32>) {
    let output = fixture::run(folder, &[&["-q", "diff", "accounts", "."], more].concat());
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        text(output.stdout) + &text(output.stderr),
        output.status.code(),
    )
}

/// The keys that are not exact, with their verdicts.
pub fn verdicts(folder: &Path) -> Vec<String> {
    let (text, _) = diff(folder, &["--format", "json"]);
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let keys = document["projections"][0]["keys"].as_array().expect("keys");
    let word = |key: &Value, name: &str| key[name].as_str().expect("text").to_owned();
    keys.iter()
        .map(|key| format!("{} {}", word(key, "key"), word(key, "verdict")))
        .collect()
}

pub fn run(folder: &Path, script: &str) {
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

/// A log of streams `a-KEY`, each opened with the state `x`, and one more event of another type.
pub fn keyed(keys: &[&str], more: &str, sql: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let definitions = format!(
        r#"
log: bank
database: bank.db
events: {{ table: events, position: position, time: {{ column: time, unit: s }}, type: type, stream: stream, version: version, data: data }}
---
projection: accounts
from: {{ stream: "a-{{key}}" }}
on:
  Opened: {{ set: {{ state: x }} }}
  Closed: {{ set: {{ state: z }} }}
  Forgotten: delete
within: 5s
stored: {{ table: view, key: k{more} }}
"#
    );
    fs::write(folder.path().join("bank.yaml"), definitions).expect("definitions");
    let log = Connection::open(folder.path().join("bank.db")).expect("a log");
    log.execute_batch("CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time, type, stream, version, data);")
        .expect("tables");
    for (at, key) in keys.iter().enumerate() {
        let (key, kind, version) = match key.split_once(' ') {
            Some((key, kind)) => (key, kind, 2),
            None => (*key, "Opened", 1),
        };
        let row = (at as i64 * 10, kind, format!("a-{key}"), version);
        log.execute(
            "INSERT INTO events (time, type, stream, version, data) VALUES (?, ?, ?, ?, '{}')",
            row,
        )
        .expect("an event");
    }
    log.execute_batch("INSERT INTO events (time, type, stream, version, data) VALUES (1000, 'Tick', 'z', 1, '{}');")
        .expect("an event");
    log.execute_batch(sql).expect("rows");
    folder
}

fn rows(folder: &Path) -> Vec<String> {
    let log = Connection::open(folder.join("bank.db")).expect("the copy");
    let mut rows = log
        .prepare("SELECT quote(k) || ' ' || quote(state) FROM view ORDER BY typeof(k), k, state")
        .expect("a query");
    let rows = rows.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("text")
}

#[test]
fn rows_whose_keys_are_spelled_differently_are_repaired_and_never_lost() {
    for (keys, sql, then) in [
        (
            ["0001", "0002", "0003"],
            "CREATE TABLE view (k INTEGER PRIMARY KEY, state); INSERT INTO view VALUES (1, 'x'), (2, 'y');",
            &["1 'x'", "2 'x'", "3 'x'"][..],
        ),
        (
            ["7", "08", "9.50"],
            "CREATE TABLE view (k REAL, state); INSERT INTO view VALUES (7, 'x'), (8, 'y');",
            &["7.0 'x'", "8.0 'x'", "9.5 'x'"][..],
        ),
        (
            ["F47A-C10B", "f47ac10c", "0E-02"],
            "CREATE TABLE view (k BLOB, state); INSERT INTO view VALUES (x'f47ac10b', 'x'), (x'f47ac10c', 'y');",
            &["X'0E02' 'x'", "X'F47AC10B' 'x'", "X'F47AC10C' 'x'"][..],
        ),
        // One column for all kinds.
        (
            ["7", "8", "k"],
            "CREATE TABLE view (k, state); INSERT INTO view VALUES (7.0, 'x'), (7.5, 'x'), (8, 'x'), ('k', 'x');",
            &["7.0 'x'", "8 'x'", "'k' 'x'"][..],
        ),
        (
            ["k1", "k2", "K2"],
            "CREATE TABLE view (k TEXT COLLATE NOCASE, state COLLATE NOCASE);
             INSERT INTO view VALUES ('K1', 'x'), ('k1', 'x'), ('k2', 'x'), ('K2', 'X');",
            &["'k1' 'x'", "'K2' 'x'", "'k2' 'x'"][..],
        ),
        (
            ["k1", "k2", "k3"],
            "CREATE TABLE view (k TEXT COLLATE NOCASE UNIQUE, state);
             INSERT INTO view VALUES ('K1', 'x'), ('k2', CAST(x'ff41' AS TEXT)), ('k3', 'x');",
            &["'k1' 'x'", "'k2' 'x'", "'k3' 'x'"][..],
        ),
    ] {
        let folder = keyed(&keys, "", sql);
        let (script, _) = diff(folder.path(), &["--sql"]);
        run(folder.path(), &script);
        let mut found = rows(folder.path());
        found.sort_by_key(|row| row.to_lowercase());
        let mut then: Vec<String> = then.iter().map(|row| (*row).to_owned()).collect();
        then.sort_by_key(|row| row.to_lowercase());
        assert_eq!(found.len(), then.len(), "{script}");
        for row in then {
            assert!(found.contains(&row), "{row}: {found:?}\n{script}");
        }
        assert_eq!(verdicts(folder.path()), Vec::<String>::new(), "{script}");
    }
}

#[test]
fn rows_that_are_kept_by_whole_streams_are_said_to_be_and_left_alone() {
    let remark = |count: &str, stored: &str| {
        format!(
            "projection accounts: no row has the key of an event, and {count} would, taken out of \
             `a-{{key}}`: `a-{stored}` is stored where the key is `{stored}`; write `key: \
             event.stream` instead of `from` if the table is kept by whole streams"
        )
    };
    let table = |rows: &[&str]| {
        let rows: Vec<String> = rows.iter().map(|key| format!("('{key}', 'x')")).collect();
        let rows = rows.join(", ");
        format!("CREATE TABLE view (k TEXT, state); INSERT INTO view VALUES {rows};")
    };
    for (rows, said) in [
        (&["a-1", "a-2"][..], Some(remark("2 of 2 rows", "1"))),
        (&["a-2", "a-9"], Some(remark("1 of 2 rows", "2"))),
        (&["a-2", "a-1", "3"], None),
        (&["a-2", "b-1"], Some(remark("1 of 2 rows", "2"))),
        (&["b-1", "b-2"], None),
        (&["a-8", "a-9"], None),
    ] {
        let folder = keyed(&["1", "2", "3"], "", &table(rows));
        let (document, _) = diff(folder.path(), &["--format", "json"]);
        let document: Value = serde_json::from_str(&document).expect("JSON");
        let remarks = document["projections"][0]["remarks"].as_array();
        let remarks = remarks.cloned().unwrap_or_default();
        let has = |said: &String| remarks.iter().any(|it| it.as_str() == Some(said));
        let found = remarks
            .iter()
            .filter(|it| it.to_string().contains("whole streams"));
        assert_eq!(found.count(), usize::from(said.is_some()), "{remarks:?}");
        assert!(said.as_ref().is_none_or(has), "{said:?} {remarks:?}");
        let audit = fixture::run(folder.path(), &["-q", "audit", "."]);
        let audit = String::from_utf8(audit.stdout).expect("text");
        assert_eq!(
            audit.contains("no row has the key of an event"),
            said.is_some(),
            "{audit}"
        );
        let (script, _) = diff(folder.path(), &["--sql"]);
        assert_eq!(script.contains("BEGIN"), said.is_none(), "{script}");
        assert_eq!(
            script.contains("nothing is proposed: "),
            said.is_some(),
            "{script}"
        );
    }
    let folder = keyed(&["1", "2", "3"], "", &table(&["a-1", "a-2"]));
    let file = folder.path().join("bank.yaml");
    let definitions = fs::read_to_string(&file).expect("definitions");
    let (from, cure) = ("from: { stream: \"a-{key}\" }", "key: event.stream");
    assert!(definitions.contains(from));
    fs::write(&file, definitions.replace(from, cure)).expect("definitions");
    assert_eq!(verdicts(folder.path()), ["a-3 missing"]);
}

#[test]
fn rows_whose_keys_are_not_utf8_go_each_by_its_bytes() {
    let sql = "CREATE TABLE view (k TEXT, state);
               INSERT INTO view VALUES ('k1', 'x'), (CAST(x'ff41' AS TEXT), 'x'), (CAST(x'fe41' AS TEXT), 'y');";
    let folder = keyed(&["k1"], "", sql);
    assert_eq!(
        verdicts(folder.path()),
        ["\u{fffd}'fe'A orphan", "\u{fffd}'ff'A orphan"]
    );
    let (script, _) = diff(folder.path(), &["--sql"]);
    run(folder.path(), &script);
    assert_eq!(rows(folder.path()), ["'k1' 'x'"], "{script}");
}

#[test]
fn a_key_that_stands_for_another_one_in_the_table_is_left_alone() {
    let sql = "CREATE TABLE view (k INTEGER, state); INSERT INTO view VALUES (1, 'x'), (5, 'x');";
    let folder = keyed(&["01", "001", "02", "002", "Gone Opened"], "", sql);
    let before = rows(folder.path());
    let (script, _) = diff(folder.path(), &["--sql"]);
    for key in ["01", "001", "1"] {
        let left = format!("left alone: {key} (unknown: a row and its events may be");
        assert!(script.contains(&left), "{script}");
    }
    for key in ["02", "002"] {
        let left = format!(
            "left alone: {key} (missing: the table holds its key as 2, which stands for another one, too)"
        );
        assert!(script.contains(&left), "{script}");
    }
    run(folder.path(), &script);
    let after = rows(folder.path());
    assert!(after.contains(&before[0]), "{script}");
    // The one stranger that is nobody else's is gone; a column of numbers may take no text for a key.
    assert_eq!(after, ["1 'x'"], "{script}");
    assert!(
        script.contains("left alone: Gone (missing: how the table would hold its key"),
        "{script}"
    );
}

#[test]
fn what_its_consumer_has_yet_to_come_to_is_listed_as_left_alone() {
    let sql = "CREATE TABLE view (k, state);
               INSERT INTO view VALUES ('late', 'x');";
    let keys = ["late", "new", "late Forgotten"];
    let folder = keyed(&keys, ", checkpoint: 1", sql);
    assert_eq!(
        verdicts(folder.path()),
        ["late orphan", "new missing"],
        "both past what is tolerated"
    );
    let (script, _) = diff(folder.path(), &["--sql"]);
    let left =
        |label: &str| format!("({label}: its consumer has yet to come to what is wrong with it)");
    assert!(
        script.contains(&format!("left alone: late {}", left("orphan"))),
        "{script}"
    );
    assert!(
        script.contains(&format!("left alone: new {}", left("missing"))),
        "{script}"
    );
    run(folder.path(), &script);
    assert_eq!(rows(folder.path()), ["'late' 'x'"]);
}

#[test]
fn a_row_that_is_there_before_its_events_is_left_to_its_consumer() {
    const VIEW: &str = "CREATE TABLE view (k, state, note);";
    let script = |keys: &[&str], checkpoint: i64, row: &str| {
        let more = format!(", ignore: [note], checkpoint: {checkpoint}");
        let sql = format!("{VIEW} INSERT INTO view VALUES {row};");
        let folder = keyed(keys, &more, &sql);
        let (script, _) = diff(folder.path(), &["--sql"]);
        run(folder.path(), &script);
        (script, rows(folder.path()))
    };
    let early = ["b", "a", "a Closed"];
    let (told, left) = script(&early, 1, "('b', 'x', 'n'), ('a', 'q', 'by hand')");
    let why = "-- left alone: a (divergent: its consumer has yet to come to the events that bring it into being)\n";
    assert!(told.contains(why), "{told}");
    assert!(told.contains("-- not touched: note\n"), "{told}");
    assert_eq!(left, ["'a' 'q'", "'b' 'x'"]);

    // What is deleted by the checkpoint and comes to life again later is live, too.
    let again = ["a", "a Forgotten", "a Closed"];
    let (told, left) = script(&again, 2, "('a', 'q', 'by hand')");
    assert!(told.contains(why), "{told}");
    assert_eq!(left, ["'a' 'q'"]);

    let gone = ["b", "a", "a Forgotten"];
    let (told, left) = script(&gone, 4, "('b', 'x', 'n'), ('a', 'x', 'by hand')");
    assert!(
        told.contains("-- not touched but in rows that go: note\n"),
        "{told}"
    );
    assert_eq!(left, ["'b' 'x'"]);
}

#[test]
fn keys_that_are_numbers_are_told_in_their_order() {
    let view = "CREATE TABLE view (k, state); INSERT INTO view VALUES
                (0, 'y'), (1, 'y'), (10, 'y'), (2, 'y'), ('b', 'y'), ('10a', 'y');";
    let folder = keyed(&["0", "1", "2", "10"], "", view);
    let told = [
        "0 divergent",
        "1 divergent",
        "2 divergent",
        "10 divergent",
        "10a orphan",
        "b orphan",
    ];
    assert_eq!(verdicts(folder.path()), told);
}
