//! What is proposed for a row of which the log holds an event twice.

use std::fs;

use rusqlite::Connection;

use crate::fixture;

#[test]
fn a_row_that_counts_an_event_once_that_stands_twice_is_left_alone() {
    for (second, script) in [
        (
            "'e-1'",
            "left alone: a (skipped: positions 1 and 2 have one id",
        ),
        ("'e-2'", "UPDATE"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let definitions = "log: l\ndatabase: l.db\n\
            events: { table: events, position: position, time: { column: time, unit: s }, type: type, stream: stream, id: id, data: data }\n\
            ---\nprojection: v\nfrom: { stream: \"v-{key}\" }\non: { Added: { add: { sum: =data.n } } }\n\
            within: 1s\nstored: { table: view, key: key, columns: { sum: sum }, checkpoint: { table: mark, column: position } }\n";
        fs::write(folder.path().join("l.yaml"), definitions).expect("definitions");
        let log = Connection::open(folder.path().join("l.db")).expect("a log");
        log.execute_batch(&format!(
            "CREATE TABLE events (position INTEGER PRIMARY KEY, time, type, stream, id, data);
             CREATE TABLE view (key TEXT, sum INTEGER);
             INSERT INTO events VALUES (1, 1, 'Added', 'v-a', 'e-1', '{{\"n\":1}}'),
               (2, 2, 'Added', 'v-a', {second}, '{{\"n\":1}}'), (3, 100, 'Else', 'w', 'e-3', '{{}}');
             CREATE TABLE mark (position); INSERT INTO mark VALUES (3);
             INSERT INTO view VALUES ('a', 1);"
        ))
        .expect("a shop");
        let told = fixture::run(folder.path(), &["diff", "--sql", "v", "l.yaml"]);
        let told = String::from_utf8(told.stdout).expect("text");
        assert!(told.contains(script), "{second}: {told}");
        assert_eq!(
            told.contains("UPDATE"),
            script == "UPDATE",
            "{second}: {told}"
        );
    }
}
