//! Events that the tool appends to the log itself.

use rusqlite::Connection;
use serde_json::Value;

use super::{Bench, REFUSED, items, told};

const APPEND: &str = "idempotent: true, record: append";

/// The events that came after the bench's own, as `TYPE CORRELATION STREAM VERSION`.
fn appended(bench: &Bench, own: i64) -> Vec<String> {
    let log = Connection::open(bench.path("shop.db")).unwrap();
    let mut events = log
        .prepare(
            "SELECT type || ' ' || correlation || ' ' || coalesce(stream, '-') || ' '
                 || coalesce(version, '-')
             FROM events WHERE position > ?1 ORDER BY position",
        )
        .unwrap();
    let rows = events.query_map([own], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn outcomes(word: &str) -> Vec<String> {
    ["courier", "payment", "stock"]
        .map(|step| format!("o-1 {step} {word}"))
        .to_vec()
}

#[test]
fn what_is_done_is_recorded_once_marked_and_confirmed() {
    let bench = Bench::new(APPEND, &[("o-1", &REFUSED)]);
    let log = Connection::open(bench.path("shop.db")).unwrap();
    let streams = "UPDATE events SET stream = 'order-1', version = position - 1
                   WHERE correlation = 'o-1'";
    log.execute(streams, []).unwrap();
    let plan = bench.plan();
    assert_eq!(
        plan["instances"][0]["actions"][0]["appends"],
        "CourierCancelled"
    );
    let (code, said) = bench.apply("");
    assert_eq!(
        (code, items(&said, "outcome")),
        (Some(0), outcomes("done")),
        "{said}"
    );
    assert!(
        said.contains("CourierCancelled stands at position 7"),
        "{said}"
    );
    let events = [
        "CourierCancelled o-1 order-1 5",
        "PaymentVoided o-1 order-1 6",
        "StockReleased o-1 order-1 7",
    ];
    assert_eq!(appended(&bench, 6), events);
    let (code, said) = bench.run("verify plan.json shop.yaml --format jsonl");
    assert_eq!(
        (code, items(&said, "verdict")),
        (Some(0), outcomes("confirmed"))
    );

    let mark: String = log
        .query_row(
            "SELECT metadata FROM events WHERE position = 7",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let mark: Value = serde_json::from_str(&mark).unwrap();
    let mark = &mark["sagactl"];
    assert_eq!(
        (&mark["actor"], &mark["reason"], &mark["plan"]),
        (&"ann".into(), &"INC-1".into(), &plan["digest"])
    );
    let key = mark["key"].as_str().unwrap();
    let own: (String, String) = log
        .query_row("SELECT id, key FROM events WHERE position = 7", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(own, (format!("sagactl-{key}"), key.to_owned()));

    let (code, said) = bench.apply("--resume");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(appended(&bench, 6).len(), 3, "nothing stands there twice");
    assert_eq!(bench.effects().len(), 3);
    let (code, said) = bench.run("audit shop.yaml --as-of now");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_correlation_that_is_no_text_is_recorded_as_it_stands() {
    let bench = Bench::new(APPEND, &[("7", &REFUSED)]);
    let log = Connection::open(bench.path("shop.db")).unwrap();
    log.execute(
        "UPDATE events SET correlation = 7 WHERE correlation = '7'",
        [],
    )
    .unwrap();
    bench.plan();
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(0), "{said}");
    let kinds = "SELECT count(*) FROM events WHERE correlation = 7 AND position > 6";
    let count: i64 = log.query_row(kinds, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 3);
    assert_eq!(bench.run("verify plan.json shop.yaml").0, Some(0));
}

#[test]
fn what_the_service_recorded_is_not_recorded_again() {
    let bench = Bench::new(APPEND, &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("slow");
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1";
    let mut child = bench.command(line).spawn().unwrap();
    while bench.effects().len() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    bench.happens("o-1", "StockReleased");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut events = appended(&bench, 6);
    events.sort();
    let expected = [
        "CourierCancelled o-1 - -",
        "PaymentVoided o-1 - -",
        "StockReleased o-1 - -",
    ];
    assert_eq!(events, expected);
}

#[test]
fn what_cannot_be_recorded_is_told_and_recorded_when_resumed() {
    let bench = Bench::new(APPEND, &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("wait");
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl";
    let child = bench.command(line).spawn().unwrap();
    bench.await_action();
    let log = Connection::open(bench.path("shop.db")).unwrap();
    log.execute_batch(
        "CREATE TRIGGER no BEFORE INSERT ON events BEGIN SELECT raise(ABORT, 'frozen'); END",
    )
    .unwrap();
    std::fs::write(bench.path("go"), "").unwrap();
    let (code, said) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(4));
    let [first, rest @ ..] = &*items(&said, "outcome") else {
        panic!("{said}");
    };
    assert_eq!(first, "o-1 courier unrecorded");
    assert!(said.contains("is not appended: frozen"), "{said}");
    assert!(rest.iter().all(|item| item.ends_with("not-reached")));

    log.execute_batch("DROP TRIGGER no").unwrap();
    let (code, said) = bench.apply("--resume");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bench.effects().len(), 3, "it was done already");
    assert_eq!(appended(&bench, 6).len(), 3);
}

#[test]
fn killed_before_it_is_recorded_it_is_recorded_when_resumed() {
    let bench = Bench::new(APPEND, &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("kill-after");
    assert_eq!(bench.apply("").0, None);
    let (code, said) = bench.apply("--resume");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(appended(&bench, 6).len(), 3);
}

#[test]
fn drivers_side_by_side_append_to_a_log_in_wal_mode() {
    let ids: Vec<String> = (1..=12).map(|number| format!("o-{number}")).collect();
    let instances: Vec<(&str, &[&str])> = ids.iter().map(|id| (&**id, &REFUSED[..])).collect();
    let bench = Bench::new(APPEND, &instances);
    let log = Connection::open(bench.path("shop.db")).unwrap();
    log.pragma_update(None, "journal_mode", "wal").unwrap();
    log.close().unwrap();
    bench.plan();
    let (code, said) = bench.apply("--concurrency 6");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(appended(&bench, 61).len(), 36);
}
