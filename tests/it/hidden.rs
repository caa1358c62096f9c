//! A saga instance of which a row cannot be read, held against the same log with everything in its
//! place that may have stood there.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sagactl::report::Report;

use crate::rows::{LOG, Log, Row, load, looked_at, ordered_by_time, row};

const DEFINITIONS: &str = "saga: order
starts: Placed
deadline: 40s
namespace: [Odd*]
steps:
  - step: reserve
    begins: ReserveBegun
    succeeds: Reserved
    fails: ReserveFailed
    timeout: 10s
    retries: 2
    compensation: { succeeds: Released, timeout: 10s }
  - step: charge
    pivot: true
    after: [reserve]
    succeeds: Charged
    rejects: Declined
    timeout: 10s
completes: Done
compensated: Undone
";

const TYPES: [&str; 11] = [
    "Placed",
    "ReserveBegun",
    "Reserved",
    "ReserveFailed",
    "Released",
    "Charged",
    "Declined",
    "Done",
    "Undone",
    "Oddity",
    "Unrelated",
];
/// As they stand in their column: of a plain one anything can be read.
const KEYS: [Option<&str>; 3] = [None, Some(r#"{"k":"one"}"#), Some(r#"{"k":"two"}"#)];
const ANOTHER: Option<&str> = Some(r#"{"k":"another"}"#);
const HORIZON: i64 = 60;

/// What of a row cannot be read.
#[derive(Debug, Clone, Copy)]
enum Lost {
    Type,
    Time,
    Key,
}

/// Events of one instance: which type, how long after the one before, under which key.
fn stories() -> impl Strategy<Value = Vec<Row>> {
    let legal = prop::sample::select(vec![
        vec![0, 1, 2, 5, 7],
        vec![0, 1, 3, 1, 2, 5, 7],
        vec![0, 1, 2, 6, 4, 8],
        vec![0, 1, 2, 6],
        vec![0, 1, 3, 1, 3, 1, 3],
    ]);
    let any = prop::collection::vec(0..TYPES.len(), 2..7);
    let kinds = prop_oneof![3 => legal, 1 => any];
    let rests = prop::collection::vec((0..14_i64, 0..KEYS.len()), 7);
    (kinds, rests).prop_map(|(kinds, rests)| {
        let mut now = 0;
        let told = kinds.into_iter().zip(rests).map(|(kind, (rest, key))| {
            now += rest;
            Row {
                key: KEYS[key].map(str::to_owned),
                ..row("a", TYPES[kind], Some(now))
            }
        });
        told.filter(|row| row.time <= Some(HORIZON)).collect()
    })
}

/// The rules that found something, each with its step.
fn found(report: &Report) -> BTreeSet<(String, String)> {
    let own = report.findings.iter();
    let own = own.filter(|finding| !finding.rule.starts_with("log/"));
    own.map(|finding| {
        let step = finding.step.as_deref().unwrap_or_default();
        (finding.rule.to_owned(), step.to_owned())
    })
    .collect()
}

/// Every log that may have been.
fn intact(rows: &[Row], place: usize, lost: Lost, by_time: bool) -> Vec<Vec<Row>> {
    let with = |row: Row| {
        let mut rows = rows.to_vec();
        rows[place] = row;
        rows
    };
    let mut without = rows.to_vec();
    without.remove(place);
    let own = &rows[place];
    match lost {
        Lost::Type => {
            let types = TYPES.iter().map(|kind| Row {
                kind,
                ..own.clone()
            });
            types.map(with).chain([without]).collect()
        }
        Lost::Time => {
            let is_of_saga = |row: &&Row| row.kind != "Unrelated" && !by_time;
            let next = rows[place + 1..].iter().find(is_of_saga);
            let next = next.and_then(|row| row.time).unwrap_or(HORIZON);
            let last = rows[..place].iter().rev().find(is_of_saga);
            let times: Vec<i64> = match last.and_then(|row| row.time) {
                Some(last) => (last..=next).collect(),
                None => [-1000].into_iter().chain(0..=next).collect(),
            };
            // It may be later than the horizon.
            let times = times.into_iter().map(|time| Row {
                time: Some(time),
                ..own.clone()
            });
            times.map(with).chain([without]).collect()
        }
        Lost::Key => {
            let keys = KEYS.into_iter().chain([ANOTHER]).map(|key| Row {
                key: key.map(str::to_owned),
                ..own.clone()
            });
            keys.map(with).collect()
        }
    }
}

fn damaged(rows: &[Row], place: usize, lost: Lost) -> Log {
    let log = Log::new(rows);
    let damage = match lost {
        Lost::Type => "type = NULL",
        Lost::Time => "time = 'noon'",
        Lost::Key => r#"key = '{"k":'"#,
    };
    let sql = format!("UPDATE events SET {damage} WHERE position = ?");
    log.connection.execute(&sql, [place as i64 + 1]).unwrap();
    log
}

fn judged(rows: &[Row], place: usize, lost: Lost, is_by_time: bool) {
    let log = LOG.replace("idempotency: key", "idempotency: key.k");
    let definitions = match is_by_time {
        true => load(&ordered_by_time(&log), DEFINITIONS),
        false => load(&log, DEFINITIONS),
    };
    let every: Vec<_> = intact(rows, place, lost, is_by_time)
        .iter()
        .map(|rows| found(&Log::new(rows).audit(&definitions, HORIZON)))
        .collect();
    let told = damaged(rows, place, lost).audit(&definitions, HORIZON);
    let own = found(&told);
    let in_some: BTreeSet<_> = every.iter().flatten().cloned().collect();
    let in_all = in_some
        .iter()
        .filter(|one| every.iter().all(|found| found.contains(one)));
    let in_all: BTreeSet<_> = in_all.cloned().collect();
    let what = format!("{lost:?} at {place} of {rows:?}");
    // Where time orders, there may be more ways than are tried.
    match is_by_time {
        true => assert!(own.is_subset(&in_all), "{own:?} of {in_all:?}: {what}"),
        false => assert_eq!(own, in_all, "{what}"),
    }
    for (rule, step) in in_some.difference(&own) {
        let (checked, unknown) = looked_at(&told, rule);
        assert_eq!((checked, unknown), (1, 1), "{rule} of {step:?}: {what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn an_instance_is_judged_by_everything_that_an_unread_row_may_be(
        rows in stories(), place in 0..7_usize,
        lost in prop::sample::select(vec![Lost::Type, Lost::Time, Lost::Key]),
        is_by_time in prop::bool::weighted(0.3)
    ) {
        prop_assume!(place < rows.len());
        judged(&rows, place, lost, is_by_time);
    }
}
