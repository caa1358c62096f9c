//! What a table does not take of its repairs: the script says so, and does the rest.

use std::fs;

use rusqlite::Connection;

use crate::anchors::{BY_STREAM, bank, changes, rows as balances};
use crate::repairs::{ROWS, diff, keyed, run, shop, verdicts};

#[test]
fn a_row_that_its_table_refuses_beside_another_is_left_out_and_told() {
    let told = |key: &str| format!("takes its key for that of another row, `{key}`");
    for (column, refused) in [
        ("k TEXT COLLATE NOCASE PRIMARY KEY", true),
        ("k TEXT COLLATE NOCASE UNIQUE", true),
        ("k TEXT COLLATE NOCASE", false),
        ("k TEXT PRIMARY KEY", false),
    ] {
        let sql = format!(
            "CREATE TABLE view ({column}, state);
             INSERT INTO view VALUES ('k1', 'x'), ('K2', 'x'), ('k3', 'y');"
        );
        let folder = keyed(&["k1", "K1", "k2", "k3", "new", "NEW"], "", &sql);
        let (script, _) = diff(folder.path(), &["--sql"]);
        // The row K2 is nobody's: it goes, and makes room for that of k2.
        run(folder.path(), &script);
        let left = match refused {
            true => vec!["K1 missing", "NEW missing", "new missing"],
            false => Vec::new(),
        };
        assert_eq!(verdicts(folder.path()), left, "{column}\n{script}");
        for key in ["k1", "new", "NEW"] {
            assert_eq!(script.contains(&told(key)), refused, "{script}");
        }
        run(folder.path(), &script);
        assert_eq!(verdicts(folder.path()), left, "a second time adds nothing");
    }
}

#[test]
fn what_a_column_cannot_hold_is_told_and_the_rest_is_repaired() {
    let rows = "('lost', 'O', 2050, '[20.5]', 3), ('it''s', 'O', 1, '[\"1.25\",20.5]', 3)";
    for (strict, cents, is_held) in [
        ("STRICT", "INTEGER", false),
        ("STRICT", "REAL", true),
        ("STRICT", "ANY", true),
        ("", "INTEGER", true),
        ("", "TEXT", true),
    ] {
        let folder = shop("version: at", "");
        let file = folder.path().join("bank.yaml");
        let text = fs::read_to_string(&file).expect("definitions");
        fs::write(&file, text.replace("scale: 2", "scale: 0")).expect("definitions");
        run(
            folder.path(),
            &format!(
                r#"DROP TABLE "the ""view""; DROP TABLE events; --";
                CREATE TABLE "the ""view""; DROP TABLE events; --"
                  ("account's id" TEXT, owner TEXT, cents {cents}, seen TEXT, at INTEGER) {strict};
                INSERT INTO "the ""view""; DROP TABLE events; --" VALUES {rows};"#
            ),
        );
        let (script, _) = diff(folder.path(), &["--sql"]);
        run(folder.path(), &script);
        let left = verdicts(folder.path());
        let is_left = left.contains(&"it's divergent".to_owned());
        assert_eq!(is_left, !is_held, "{strict} {cents}: {left:?}\n{script}");
        let told = "`cents` is INTEGER in a STRICT table, which does not take 21.75";
        assert_eq!(script.contains(told), !is_held, "{script}");
    }
}

#[test]
fn a_number_with_more_digits_than_its_column_keeps_is_left_alone() {
    let rows = "INSERT INTO \"the \"\"view\"\"; DROP TABLE events; --\" VALUES \
                ('wrong', 'O', 1, '[]', 3);";
    let folder = shop("version: at", rows);
    run(
        folder.path(),
        "UPDATE events SET data = '{\"amount\": \"0.010000000000000000001\"}' \
         WHERE stream = 'account-wrong' AND version = 2;
         UPDATE events SET data = '{\"amount\": 0}' WHERE stream = 'account-wrong' AND version = 3;",
    );
    let (script, _) = diff(folder.path(), &["--sql", "--key", "wrong"]);
    assert!(
        script.contains("`cents` holds numbers, of which none has all the digits"),
        "{script}"
    );
    assert!(!script.contains("UPDATE"), "{script}");
}

#[test]
fn a_text_that_acts_is_the_same_in_every_encoding() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let folder = shop("version: at", ROWS);
        let other = folder.path().join("other.db");
        let file = folder.path().join("bank.yaml");
        let text = fs::read_to_string(&file).expect("definitions");
        let text = text.replace("stored:\n", "stored:\n  database: other.db\n");
        fs::write(&file, text).expect("definitions");
        let copy = Connection::open(&other).expect("a database");
        copy.execute_batch(&format!(
            r#"PRAGMA encoding = '{encoding}'; CREATE TABLE "the ""view""; DROP TABLE events; --"
               ("account's id" TEXT, owner TEXT, cents, seen TEXT, at INTEGER);"#
        ))
        .expect("a table");
        drop(copy);
        let (script, _) = diff(folder.path(), &["--sql"]);
        let copy = Connection::open(&other).expect("a database");
        copy.execute_batch(&script).expect("a script that runs");
        drop(copy);
        assert_eq!(verdicts(folder.path()), Vec::<String>::new(), "{script}");
    }
}

/// What the script of a table makes of it, which `quote` tells of each row, and what it leaves alone.
fn repaired(keys: &[&str], sql: &str) -> (Vec<String>, String) {
    let folder = keyed(keys, "", sql);
    let (script, _) = diff(folder.path(), &["--sql"]);
    run(folder.path(), &script);
    let log = Connection::open(folder.path().join("bank.db")).expect("the copy");
    let mut rows = log
        .prepare("SELECT quote(k) || ' ' || quote(state) FROM view ORDER BY k, state")
        .expect("a query");
    let rows = rows.query_map([], |row| row.get(0)).expect("rows");
    (rows.collect::<Result<_, _>>().expect("text"), script)
}

#[test]
fn a_key_that_an_empty_table_would_hold_as_another_is_left_alone() {
    for (column, keys, made, told) in [
        (
            "k INTEGER PRIMARY KEY",
            &["7", "007", "12"][..],
            &["12 'x'"][..],
            "left alone: 7 (missing: the table holds its key as 7, which stands for another one",
        ),
        (
            "k INTEGER",
            &["007", "12"],
            &["12 'x'"],
            "left alone: 007 (missing: `k` would hold its key as 7)",
        ),
        (
            "k INTEGER PRIMARY KEY",
            &["abc", "12"],
            &["12 'x'"],
            r#"left alone: abc (missing: `k` is INTEGER PRIMARY KEY, which does not take "abc")"#,
        ),
        (
            "k NUMERIC",
            &["abc", "1e3"],
            &["'abc' 'x'"],
            "left alone: 1e3 (missing: `k` would hold its key as 1000)",
        ),
        (
            "k TEXT",
            &["abc", "007", "7"],
            &["'007' 'x'", "'7' 'x'", "'abc' 'x'"],
            "COMMIT;",
        ),
    ] {
        let sql = format!("CREATE TABLE view ({column}, state)");
        let (rows, script) = repaired(keys, &sql);
        assert_eq!(rows, made, "{script}");
        assert!(script.contains(told), "{script}");
    }
    for (kind, told) in [
        ("BLOB", "`k` is BLOB in a STRICT table, which does not take"),
        ("INT", "`k` is INT in a STRICT table, which does not take"),
    ] {
        let sql = format!("CREATE TABLE view (k {kind}, state ANY) STRICT");
        let (rows, script) = repaired(&["abc"], &sql);
        assert_eq!(rows, Vec::<String>::new());
        assert!(script.contains(told), "{script}");
    }
    // Text that stands there is no reason to take another for what it is not.
    let sql = "CREATE TABLE view (k INTEGER, state); INSERT INTO view VALUES ('abc', 'x')";
    let (rows, script) = repaired(&["abc", "007"], sql);
    assert_eq!(rows, ["'abc' 'x'"], "{script}");
}

#[test]
fn what_its_column_would_hold_as_something_else_is_neither_set_nor_inserted() {
    for (column, kind, n, told) in [
        (
            "INTEGER",
            "Set",
            r#"" 5""#,
            r#"would hold 5 instead of " 5""#,
        ),
        (
            "INTEGER",
            "Dep",
            "1.0000000000000000001",
            "would hold 1 instead of",
        ),
        ("NUMERIC", "Set", r#""1e3""#, ""),
        ("REAL", "Dep", "9007199254740993", ""),
        ("REAL", "Dep", "99999999999999999999", ""),
        ("INTEGER", "Dep", "0.5", ""),
        ("INTEGER", "Set", r#""007""#, ""),
        ("TEXT", "Set", r#""007""#, ""),
    ] {
        for held in ["('other', 1, NULL)", "('k', NULL, NULL)"] {
            let sql = format!(
                "CREATE TABLE view (id TEXT, bal {column}, ver); INSERT INTO view VALUES {held};"
            );
            let events = [("a-k", "1", kind, n)];
            let folder = bank(BY_STREAM, ", ignore: ver", &events, &sql);
            let first = changes(&folder);
            let (rows, second) = (balances(&folder), changes(&folder));
            let is_left = |line: &String| line.starts_with("-- left alone: k (");
            match first.iter().find(|line| is_left(line)) {
                Some(line) => assert!(!told.is_empty() && line.contains(told), "{first:?}"),
                None => assert_eq!(told, "", "{column} {n}: {first:?} {rows:?}"),
            }
            let left: Vec<String> = first.into_iter().filter(is_left).collect();
            assert_eq!(second, left, "what is done is clean afterwards: {rows:?}");
        }
    }
}

#[test]
fn what_a_strict_column_makes_nothing_of_leaves_the_rest_to_be_repaired() {
    for (column, n, is_held) in [
        ("INTEGER", r#""0.5""#, false),
        ("INT", r#""12""#, true),
        ("REAL", r#""Infinity""#, false),
        ("REAL", r#""NaN""#, false),
        ("REAL", r#""0.5""#, true),
        ("ANY", r#""NaN""#, true),
    ] {
        for held in ["", ", ('k', NULL)"] {
            let sql = format!(
                "CREATE TABLE view (id TEXT, bal {column}) STRICT;
                 INSERT INTO view VALUES ('stranger', 1){held};
                 ALTER TABLE view ADD ver ANY;"
            );
            let events = [("a-k", "1", "Set", n)];
            let folder = bank(BY_STREAM, ", ignore: ver", &events, &sql);
            let told = changes(&folder);
            let left = told
                .iter()
                .filter(|line| line.starts_with("-- left alone: k"));
            assert_eq!(left.count() == 0, is_held, "{column} {n}: {told:?}");
            let rows = balances(&folder);
            assert!(!rows.iter().any(|row| row.contains("stranger")), "{told:?}");
        }
    }
}

#[test]
fn a_table_that_makes_more_of_a_statement_than_it_says_is_left_alone_as_a_whole() {
    const ROWS: &str = "INSERT INTO view VALUES ('gone', 'x'), ('wrong', 'y');";
    const TRIGGER: &str = "CREATE TRIGGER more AFTER UPDATE ON View \
                           BEGIN DELETE FROM view WHERE k <> new.k; END;";
    for (sql, told) in [
        (
            format!("CREATE TABLE view (k, state); {ROWS} {TRIGGER}"),
            "`view` has triggers, which may change other rows: `more`",
        ),
        (
            format!("CREATE TABLE view (k, state UNIQUE ON /* so */ CONFLICT\nreplace); {ROWS}"),
            "`view` says ON CONFLICT REPLACE",
        ),
        (
            format!("CREATE TABLE view (k PRIMARY KEY ON CONFLICT REPLACE, state); {ROWS}"),
            "`view` says ON CONFLICT REPLACE",
        ),
        (
            format!("CREATE TABLE view (k, state NOT NULL ON CONFLICT IGNORE); {ROWS}"),
            "`view` says ON CONFLICT IGNORE",
        ),
        (
            format!("CREATE TABLE base (k, state); CREATE VIEW view AS SELECT * FROM base; {ROWS}")
                .replace("INTO view", "INTO base"),
            "`view` is a view, whose rows are other tables'",
        ),
    ] {
        let (rows, script) = repaired(&["new", "wrong"], &sql);
        assert_eq!(rows, ["'gone' 'x'", "'wrong' 'y'"], "{script}");
        for key in ["gone (orphan", "new (missing", "wrong (divergent"] {
            let left = format!("left alone: {key}: {told}");
            assert!(script.contains(&left), "{script}");
        }
        let mut lines = script.lines();
        assert!(lines.all(|line| line.starts_with("--")), "{script}");
    }
    // What is only called so does nothing.
    let sql = format!(
        "CREATE TABLE view (k, state /* UNIQUE ON CONFLICT REPLACE */ DEFAULT 'on conflict ignore');
         CREATE TABLE other (k UNIQUE ON CONFLICT REPLACE);
         CREATE TRIGGER more AFTER DELETE ON other BEGIN DELETE FROM view; END; {ROWS}"
    );
    let (rows, script) = repaired(&["new", "wrong"], &sql);
    assert_eq!(rows, ["'new' 'x'", "'wrong' 'x'"], "{script}");
}

#[test]
fn what_a_table_cannot_take_or_may_not_leaves_the_rest_to_be_repaired() {
    let calculated = "`state` is calculated by its table";
    let unique = "another row may hold the same in `state`, which has to be unique";
    for (table, left, told) in [
        ("k TEXT, state, more NOT NULL DEFAULT 1", &[][..], "COMMIT;"),
        (
            "k TEXT, state, more NOT NULL",
            &["new missing"],
            "`more` is NOT NULL, and would be left empty",
        ),
        (
            "k TEXT, state AS (more), more",
            &["new missing", "wrong divergent"],
            calculated,
        ),
        (
            "k TEXT, state UNIQUE, more",
            &["new missing", "wrong divergent"],
            unique,
        ),
        ("k TEXT, state, more UNIQUE", &[], "COMMIT;"),
        (
            "k TEXT, state, more DEFAULT 2 UNIQUE",
            &["new missing"],
            "another row may hold the same in `more`, which has to be unique",
        ),
        ("k TEXT, state, more, UNIQUE (k, state)", &[], "COMMIT;"),
        ("k TEXT, state, more, PRIMARY KEY (k, more)", &[], "COMMIT;"),
        (
            "k TEXT, state, more, PRIMARY KEY (k, more)) WITHOUT ROWID, (",
            &["new missing"],
            "`more` is NOT NULL, and would be left empty",
        ),
        ("k TEXT, state, more INTEGER PRIMARY KEY", &[], "COMMIT;"),
        (
            "k TEXT, state, more, CHECK (state <> 'z')",
            &[],
            "its table has CHECK constraints, which may refuse a statement",
        ),
    ] {
        let table = table
            .strip_suffix(", (")
            .map_or(format!("{table})"), str::to_owned);
        let columns = if table.contains("AS (") {
            "k, more"
        } else {
            "k, state"
        };
        let columns = match table.contains("WITHOUT") || table.contains("more NOT NULL)") {
            true => "k, state, more) VALUES ('gone', 'v', 1), ('wrong', 'y', 2)".to_owned(),
            false if table.contains("more DEFAULT") => {
                "k, state, more) VALUES ('gone', 'v', 1), ('wrong', 'y', 3)".to_owned()
            }
            false => format!("{columns}) VALUES ('gone', 'v'), ('wrong', 'y')"),
        };
        let sql = format!("CREATE TABLE view ({table}; INSERT INTO view ({columns};");
        let folder = keyed(&["new", "wrong"], ", ignore: more", &sql);
        let (script, _) = diff(folder.path(), &["--sql"]);
        run(folder.path(), &script);
        assert_eq!(verdicts(folder.path()), left, "{table}\n{script}");
        assert!(script.contains(told), "{told}\n{script}");
    }
    let sql = "CREATE TABLE view (k TEXT, state);
               INSERT INTO view VALUES ('gone', 'v'), ('wrong', 'y');
               CREATE UNIQUE INDEX other ON view (lower(k));";
    let (rows, script) = repaired(&["new", "wrong"], sql);
    assert_eq!(rows, ["'wrong' 'y'"], "{script}");
    let told = "another row may hold the same in an expression, which has to be unique";
    assert!(script.contains(told), "{script}");
}
