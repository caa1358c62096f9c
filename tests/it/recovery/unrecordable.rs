//! Logs that take no event of the tool's: found out before anything is sent.

use std::fs;

use rusqlite::Connection;

use super::{Bench, REFUSED};

const APPEND: &str = "idempotent: true, record: append";

/// Makes the table of a bench's log anew with these columns, and fills these of them with that.
fn rebuild(bench: &Bench, columns: &str, (names, values): (&str, &str)) {
    let log = Connection::open(bench.path("shop.db")).unwrap();
    log.execute_batch(&format!(
        "CREATE TABLE more AS SELECT * FROM events; DROP TABLE events;
         CREATE TABLE events ({columns});
         INSERT INTO events ({names}) SELECT {values} FROM more; DROP TABLE more"
    ))
    .unwrap();
}

fn bench_with_streams() -> Bench {
    let bench = Bench::new(APPEND, &[("o-1", &REFUSED)]);
    let log = Connection::open(bench.path("shop.db")).unwrap();
    let streams = "UPDATE events SET stream = correlation, version = position";
    log.execute(streams, []).unwrap();
    bench
}

const ALL: &str =
    "position, time, type, stream, version, id, correlation, causation, key, data, metadata";

#[test]
fn a_schema_that_takes_no_event_is_seen_in_the_dry_run_too() {
    let all = |more: &str| format!("{ALL}{more}");
    for (columns, names, values, why) in [
        (
            all(", tenant NOT NULL DEFAULT 't', shard NOT NULL DEFAULT NULL"),
            all(", shard"),
            all(", 's'"),
            "`events` needs a value for `shard`",
        ),
        (
            all(", own TEXT PRIMARY KEY NOT NULL"),
            all(", own"),
            all(", 'own' || position"),
            "`events` needs a value for `own`",
        ),
        (
            ALL.replace("version", "version VARCHAR(20)"),
            all(""),
            all(""),
            "`version` of `events` keeps numbers as text, so the next is not known",
        ),
        (
            ALL.replace(" id", " id AS ('e' || position)"),
            ALL.replace(" id,", ""),
            ALL.replace(" id,", ""),
            "`id` of `events` is computed",
        ),
        (
            "position INTEGER PRIMARY KEY, time INTEGER, type TEXT, stream TEXT, version INTEGER,
             id BLOB, correlation TEXT, causation TEXT, key TEXT, data TEXT, metadata TEXT) STRICT;
             CREATE TABLE other (x"
                .to_owned(),
            all(""),
            all(""),
            "`id` of `events` takes no text: it is BLOB, and the table STRICT",
        ),
    ] {
        let bench = bench_with_streams();
        bench.plan();
        rebuild(&bench, &columns, (&names, &values));
        let before = fs::read(bench.path("shop.db")).unwrap();
        for options in ["", "--write --yes --reason INC-1"] {
            let line = format!("apply plan.json shop.yaml {options}");
            let (code, said) = bench.run(&line);
            assert_eq!(code, Some(4), "{why}: {said}");
            assert!(said.contains(why), "{why}: {said}");
        }
        assert_eq!(bench.effects(), Vec::<String>::new());
        assert!(before == fs::read(bench.path("shop.db")).unwrap(), "{why}");
    }
}

/// What a schema does not tell is tried with the permit, for every type that is to come; the file is
/// as it was.
#[test]
fn an_event_that_is_refused_is_seen_before_anything_is_sent() {
    for mode in ["delete", "wal"] {
        for (change, why) in [
            (
                "CREATE TRIGGER no BEFORE INSERT ON events WHEN NEW.type = 'StockReleased'
                 BEGIN SELECT raise(ABORT, 'frozen'); END",
                "the log shop cannot be appended to, as an action of the plan asks: frozen",
            ),
            (
                "UPDATE events SET version = 'fifth' WHERE version = 5",
                "the last \"version\" of `events` is no whole number",
            ),
        ] {
            let bench = bench_with_streams();
            bench.plan();
            let log = Connection::open(bench.path("shop.db")).unwrap();
            log.pragma_update(None, "journal_mode", mode).unwrap();
            log.execute_batch(change).unwrap();
            log.close().unwrap();
            let before = fs::read(bench.path("shop.db")).unwrap();
            let (code, said) = bench.apply("");
            assert_eq!(code, Some(4), "{said}");
            assert!(said.contains(why), "{why}: {said}");
            assert_eq!(bench.effects(), Vec::<String>::new(), "{said}");
            assert!(before == fs::read(bench.path("shop.db")).unwrap(), "{mode}");
        }
    }
}

#[test]
fn an_event_that_stands_there_already_is_no_reason_to_refuse() {
    let bench = bench_with_streams();
    let index = "CREATE UNIQUE INDEX one ON events (id)";
    let log = Connection::open(bench.path("shop.db")).unwrap();
    log.execute_batch(index).unwrap();
    bench.plan();
    for options in ["", "--resume"] {
        let (code, said) = bench.apply(options);
        assert_eq!(code, Some(0), "{said}");
    }
    assert_eq!(bench.effects().len(), 3);
}

#[test]
fn a_dry_run_leaves_a_log_in_wal_mode_as_it_was() {
    let bench = bench_with_streams();
    bench.plan();
    let log = Connection::open(bench.path("shop.db")).unwrap();
    log.pragma_update(None, "journal_mode", "wal").unwrap();
    log.execute("UPDATE events SET causation = 1", []).unwrap();
    let read = || ["shop.db", "shop.db-wal"].map(|file| fs::read(bench.path(file)).unwrap());
    // As a writer leaves it that was killed.
    let [database, wal] = read();
    drop(log);
    fs::write(bench.path("shop.db"), &database).unwrap();
    fs::write(bench.path("shop.db-wal"), &wal).unwrap();
    let (code, said) = bench.run("apply plan.json shop.yaml");
    assert_eq!(code, Some(0), "{said}");
    assert!(read() == [database, wal], "it was written to");
    assert!(!bench.path("shop.db-shm").exists());
}
