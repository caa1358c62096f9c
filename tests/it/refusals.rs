//! What a table does not take of its repairs: the script says so, and does the rest.

use std::fs;

use rusqlite::Connection;

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
