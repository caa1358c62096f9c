//! Keys that a table spells differently, and keys with several rows.

use super::{Bench, Told, told};

const PROJECTION: &str = "
projection: view
from: { stream: \"a-{key}\" }
on: { Opened: { set: { state: =data.s } } }
within: 30s
stored: { table: view, key: k }
";

/// What is said of rows, given as the table's SQL, beside events of these keys, each with state `x`.
fn said(keys: &[&str], sql: &str) -> (Vec<String>, u64) {
    let streams: Vec<String> = keys.iter().map(|key| format!("a-{key}")).collect();
    let events: Vec<Told<'_>> = streams
        .iter()
        .map(|stream| (0, "Opened", stream.as_str(), 1, r#"{"s":"x"}"#))
        .collect();
    let bench = Bench::new(PROJECTION, &events, sql);
    let conclusion = bench.audit(1000);
    let exact = conclusion.counts.get(&super::super::Verdict::Exact);
    let said = (told(&conclusion), exact.copied().unwrap_or(0));
    // In several passes a row and its events may be in different ones.
    for shares in 2..6 {
        let other = bench.audit_in(shares, 1000, false).unwrap();
        assert_eq!(told(&other), said.0, "in {shares} passes");
        let counts = |conclusion: &super::Conclusion| {
            let mut counts = conclusion.counts.clone();
            counts.retain(|_, count| *count > 0);
            counts
        };
        assert_eq!(counts(&other), counts(&conclusion), "in {shares} passes");
    }
    said
}

#[test]
fn a_key_may_be_spelled_differently_in_the_table() {
    for (keys, table, row) in [
        (["0001", "0002"], "k INTEGER PRIMARY KEY", "1"),
        (["01.0", "2"], "k INTEGER", "1"),
        (["7", "8"], "k REAL", "7.0"),
        (["007.50", "8"], "k REAL", "7.5"),
        (
            ["F47AC10B-58CC-4372-A567-0E02B2C3D479", "x"],
            "k BLOB",
            "x'f47ac10b58cc4372a5670e02b2c3d479'",
        ),
        (
            ["f47ac10b58cc4372a5670e02b2c3d479", "x"],
            "k BLOB",
            "x'f47ac10b58cc4372a5670e02b2c3d479'",
        ),
        (["F4-7A", "x"], "k BLOB", "x'f47a'"),
    ] {
        let rows = |state: &str| {
            format!(
                "CREATE TABLE view ({table}, state); INSERT INTO view VALUES ({row}, '{state}');"
            )
        };
        let missing = format!("{} missing [2]", keys[1]);
        assert_eq!(said(&keys, &rows("x")), (vec![missing.clone()], 1), "{row}");
        let outside =
            "nothing that was tried gives what `state` holds, and all else is what its events give";
        let found = said(&keys, &rows("y")).0;
        assert!(found.contains(&missing), "{found:?}");
        let divergent = format!("{} divergent [1]", keys[0]);
        assert!(
            found.iter().any(|it| it.starts_with(&divergent)),
            "{outside} {found:?}"
        );
    }
}

#[test]
fn what_may_be_one_of_several_keys_is_unknown() {
    let unclear = "(a row and its events may be of several keys that are spelled alike)";
    let unknown = |key: &str| format!("{key} unknown [] {unclear}");
    let sql = "CREATE TABLE view (k INTEGER, state); INSERT INTO view VALUES (1, 'x'), (2, 'x');";
    let (found, exact) = said(&["01", "001", "2"], sql);
    assert_eq!(
        (found, exact),
        (["001", "01", "1"].map(unknown).to_vec(), 1)
    );
    // The very same spelling comes before any other.
    let sql = "CREATE TABLE view (k INTEGER, state); INSERT INTO view VALUES (1, 'x');";
    assert_eq!(
        said(&["1", "01"], sql),
        (vec!["01 missing [2]".to_owned()], 1)
    );
    // Text is no number, and no bytes.
    let sql = "CREATE TABLE view (k TEXT, state); INSERT INTO view VALUES ('1', 'x');";
    assert_eq!(said(&["01"], sql).0, ["01 missing [1]", "1 orphan []"]);
}

#[test]
fn a_key_with_several_rows_has_one_verdict() {
    let sql = "CREATE TABLE view (k, state);
               INSERT INTO view VALUES (1, 'x'), (2, 'y'), (3, 'x'), (1, 'x'), (2, 'x'), (1, 'z');";
    assert_eq!(
        said(&["1", "2", "3"], sql),
        (
            vec![
                "1 unreadable [] (it has 3 rows)".to_owned(),
                "2 unreadable [] (it has 2 rows)".to_owned(),
            ],
            1
        )
    );
    let sql = "CREATE TABLE view (k, state); INSERT INTO view VALUES (null, 'x'), (null, 'y');";
    assert_eq!(said(&[], sql).0, [" unreadable [] (2 rows have no key)"]);
}

#[test]
fn a_key_that_is_not_utf8_is_its_own_bytes_and_no_other() {
    let table = "CREATE TABLE view (k TEXT, state);";
    let rows = |rows: &[(&str, &str)]| {
        let rows = rows.iter().map(|(key, state)| {
            format!("INSERT INTO view VALUES (CAST({key} AS TEXT), '{state}');")
        });
        table.to_owned() + &rows.collect::<String>()
    };
    let orphan = |key: &str| format!("{key} orphan [] (its key is not UTF-8)");
    // Two keys that a lossy reader takes for one are two.
    assert_eq!(
        said(
            &["b"],
            &rows(&[("x'ff41'", "x"), ("x'fe41'", "x"), ("'b'", "x")])
        ),
        (vec![orphan("\u{fffd}'fe'A"), orphan("\u{fffd}'ff'A")], 1)
    );
    assert_eq!(
        said(
            &["b"],
            &rows(&[("x'ff41'", "x"), ("x'ff41'", "x"), ("'b'", "x")])
        )
        .0,
        ["\u{fffd}'ff'A orphan [] (it has 2 rows)"]
    );
    // What others write for such bytes is another key.
    let sound = "\u{fffd}A missing [1]".to_owned();
    assert_eq!(
        said(&["\u{fffd}A"], &rows(&[("x'ff41'", "x")])),
        (vec![orphan("\u{fffd}'ff'A"), sound], 0)
    );
    assert_eq!(
        said(
            &["\u{fffd}A"],
            &rows(&[("x'ff41'", "y"), ("x'efbfbd41'", "x")])
        ),
        (vec![orphan("\u{fffd}'ff'A")], 1)
    );
    // Events of such keys have their rows, and a sound text that looks like one is its own.
    let streams = "UPDATE events SET stream = CAST(x'612dff41' AS TEXT) WHERE position = 1;
                   UPDATE events SET stream = CAST(x'612dfe41' AS TEXT) WHERE position = 2;";
    let told =
        |stored: &[(&str, &str)]| said(&["1", "2", "\u{fffd}'ff'A"], &(rows(stored) + streams));
    let all = [
        ("x'ff41'", "x"),
        ("x'fe41'", "x"),
        ("'\u{fffd}''ff''A'", "x"),
    ];
    assert_eq!(told(&all), (vec![], 3));
    assert_eq!(
        told(&all[..1]),
        (
            vec![
                "\u{fffd}'efbfbd''ff'A missing [3]".to_owned(),
                "\u{fffd}'fe'A missing [2]".to_owned()
            ],
            1
        )
    );
}
