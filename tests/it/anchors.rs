//! Up to where the script of `diff --sql` brings a row: to where its consumer goes on.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::fixture;

const LOG: &str = r#"
log: bank
database: bank.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, stream: stream, version: version, data: data }
---
projection: accounts
KEY
on:
  Dep: { add: { bal: =data.n } }
  Set: { set: { bal: =data.n } }
within: 30s
stored: { table: view, key: id, columns: { bal: bal }MORE }
"#;

pub(crate) const BY_STREAM: &str = r#"from: { stream: "a-{key}" }"#;

/// An event: stream, version as SQL, type, what it gives as JSON.
pub(crate) type Event<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Two deposits, of 1 and of 2.
const TWO: [Event<'_>; 2] = [("a-k", "1", "Dep", "1"), ("a-k", "2", "Dep", "2")];

/// A log of these events, ten seconds apart, a last one of nobody long after, and a read model.
pub(crate) fn bank(key: &str, more: &str, events: &[Event<'_>], sql: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let definitions = LOG.replace("KEY", key).replace("MORE", more);
    fs::write(folder.path().join("bank.yaml"), definitions).expect("definitions");
    let log = Connection::open(folder.path().join("bank.db")).expect("a log");
    log.execute_batch("CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time, type, stream, version, data);")
        .expect("tables");
    for (at, (stream, version, kind, n)) in events.iter().enumerate() {
        let event = format!(
            "INSERT INTO events (time, type, stream, version, data)
             VALUES ({}, '{kind}', '{stream}', {version}, '{{\"k\":\"k\",\"n\":{n}}}')",
            at * 10
        );
        log.execute_batch(&event).expect("an event");
    }
    log.execute_batch("INSERT INTO events (time, type, stream, version, data) VALUES (1000, 'Tick', 'z', 1, '{}');")
        .expect("an event");
    log.execute_batch(sql).expect("rows");
    folder
}

fn diff(folder: &Path, more: &[&str]) -> String {
    let output = fixture::run(folder, &[&["-q", "diff", "accounts", "."], more].concat());
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// What the script does, and what it leaves alone.
pub(crate) fn changes(folder: &TempDir) -> Vec<String> {
    let script = diff(folder.path(), &["--sql"]);
    let log = Connection::open(folder.path().join("bank.db")).expect("the log");
    log.execute_batch(&script).expect("a script that runs");
    let is_told = |line: &&str| {
        !line.starts_with("--") && !line.ends_with(" IMMEDIATE;") && *line != "COMMIT;"
            || line.starts_with("-- left alone")
    };
    script.lines().filter(is_told).map(str::to_owned).collect()
}

/// The rows after the script ran.
pub(crate) fn rows(folder: &TempDir) -> Vec<String> {
    let log = Connection::open(folder.path().join("bank.db")).expect("the log");
    let mut rows = log
        .prepare(
            "SELECT concat_ws(' ', quote(id), quote(bal), quote(ver)) FROM view ORDER BY id, bal",
        )
        .expect("a query");
    let rows = rows.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("text")
}

const VIEW: &str = "CREATE TABLE view (id TEXT, bal, ver);";

#[test]
fn a_row_of_all_events_has_the_greatest_version_of_them() {
    let events = [
        TWO[0],
        TWO[1],
        ("a-k", "3", "Dep", "4"),
        ("a-k", "2", "Dep", "8"),
    ];
    let sql = format!("{VIEW} INSERT INTO view VALUES ('k', 99, 1);");
    let folder = bank(BY_STREAM, ", version: ver", &events, &sql);
    let told = changes(&folder);
    assert_eq!(rows(&folder), ["'k' 15 3"], "{told:?}");
    assert_eq!(changes(&folder), Vec::<String>::new());
}

const CHECKPOINT: &str =
    ", checkpoint: { table: cp, where: \"name = 'v'\", column: pos }, ignore: ver";

#[test]
fn a_row_of_whose_consumer_nobody_knows_how_far_it_is_is_left_alone() {
    let unread = "-- left alone: k (divergent: its checkpoint cannot be read)";
    let silent = "-- left alone: k (divergent: its checkpoint tells nothing)";
    let early = "-- left alone: k (divergent: its consumer has yet to come to the events that bring it into being)";
    let update = r#"UPDATE "view" SET "bal" = 1 WHERE "id" IS 'k' COLLATE BINARY AND "bal" IS 7;"#;
    for (checkpoint, told) in [
        ("('v', '1;')", unread),
        ("('v', 1), ('v', 2)", unread),
        ("('v', null)", silent),
        ("('w', 2)", silent),
        ("('v', 0)", early),
        ("('v', 1)", update),
    ] {
        let sql = format!(
            "{VIEW} CREATE TABLE cp (name, pos);
             INSERT INTO cp VALUES {checkpoint};
             INSERT INTO view VALUES ('k', 7, NULL);"
        );
        let folder = bank(BY_STREAM, CHECKPOINT, &TWO, &sql);
        let script = diff(folder.path(), &["--sql"]);
        let is_absent = checkpoint == "('v', null)" || checkpoint == "('w', 2)";
        assert_eq!(
            script.contains("-- its checkpoint tells nothing: "),
            is_absent,
            "{script}"
        );
        assert_eq!(changes(&folder), [told], "{checkpoint}");
    }
}

#[test]
fn a_row_of_a_key_without_events_goes_wherever_its_consumer_is() {
    let sql = format!(
        "{VIEW} CREATE TABLE cp (name, pos);
         INSERT INTO cp VALUES ('v', 'x');
         INSERT INTO view VALUES ('k', 3, NULL), ('stranger', 7, NULL);"
    );
    let folder = bank(BY_STREAM, CHECKPOINT, &TWO, &sql);
    changes(&folder);
    assert_eq!(rows(&folder), ["'k' 3 NULL"]);
}

#[test]
fn a_row_without_a_version_is_brought_to_its_checkpoint_and_gets_the_version_of_that() {
    const GUARD: &str = r#"WHERE "id" IS 'k' COLLATE BINARY AND "bal" IS 99 AND "ver" IS"#;
    for (more, version, then) in [
        (", version: ver, checkpoint: 1", "NULL", "1, \"ver\" = 1"),
        (", version: ver", "NULL", "3, \"ver\" = 2"),
        // A version of its own is what its consumer goes by, however it is written.
        (", version: ver, checkpoint: 1", "1", "3, \"ver\" = 2"),
        (", version: ver", "'01' COLLATE BINARY", "3, \"ver\" = 2"),
        (", version: ver", "2", "3"),
    ] {
        let sql = format!("{VIEW} INSERT INTO view VALUES ('k', 99, {version});");
        let folder = bank(BY_STREAM, more, &TWO, &sql);
        let told = format!("UPDATE \"view\" SET \"bal\" = {then} {GUARD} {version};");
        assert_eq!(changes(&folder), [told], "{more} {version}");
        assert!(rows(&folder)[0].starts_with("'k' ") && !rows(&folder)[0].contains("99"));
    }
}

#[test]
fn a_version_that_says_nothing_of_the_events_leaves_a_row_to_its_checkpoint() {
    let update = |then: &str, version: &str| {
        let guard = r#""id" IS 'k' COLLATE BINARY AND "bal" IS 99 AND "ver" IS"#;
        [format!(
            "UPDATE \"view\" SET \"bal\" = {then} WHERE {guard} {version};"
        )]
    };
    let several = [TWO[0], ("b-k", "1", "Dep", "2")];
    let unnumbered = [("a-k", "NULL", "Dep", "1"), ("a-k", "NULL", "Dep", "2")];
    for events in [several, unnumbered] {
        let sql = format!("{VIEW} INSERT INTO view VALUES ('k', 99, 1);");
        let folder = bank(
            "key: data.k",
            ", version: ver, checkpoint: 1",
            &events,
            &sql,
        );
        assert_eq!(changes(&folder), update("1", "1"));
        let folder = bank("key: data.k", ", version: ver", &events, &sql);
        assert_eq!(changes(&folder), update("3", "1"));
    }
}

#[test]
fn a_missing_row_is_made_as_of_the_checkpoint() {
    for (more, then) in [
        (", version: ver, checkpoint: 1", "'k' 1 1"),
        (", version: ver", "'k' 3 2"),
        (", ignore: ver, checkpoint: 1", "'k' 1 NULL"),
    ] {
        let folder = bank(BY_STREAM, more, &TWO, VIEW);
        changes(&folder);
        assert_eq!(rows(&folder), [then], "{more}");
    }
}
