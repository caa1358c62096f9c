//! Saga instances of which rows cannot be read, held against the same log with everything in their
//! place that may have stood there.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sagactl::definition::Definitions;
use sagactl::finding::Finding;
use sagactl::report::Report;

use crate::rows::{LOG, Log, Row, load, looked_at, ordered_by_time, row};
use crate::sampling::sampled;

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
    Correlation,
}

/// The correlation value of an instance as it stands in its column.
fn whose(id: &str) -> String {
    format!(r#"{{"c":"{id}"}}"#)
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
                ..row(&whose("a"), TYPES[kind], Some(now))
            }
        });
        told.filter(|row| row.time <= Some(HORIZON)).collect()
    })
}

/// A rule that found something, the instance and the step.
type Found = (String, String, String);

/// What was found of instances; of that what is certain, or what is not.
fn told(report: &Report, is_certain: bool) -> BTreeSet<Found> {
    of_those(report, |finding| {
        finding.message.contains("may account for") != is_certain
    })
}

/// What is certain, if not at which step.
fn somewhere(report: &Report) -> BTreeSet<Found> {
    of_those(report, |finding| {
        finding.message.contains("one of several readings")
    })
}

fn of_those(report: &Report, is_meant: impl Fn(&Finding) -> bool) -> BTreeSet<Found> {
    let own = report.findings.iter();
    let own = own.filter(|finding| !finding.rule.starts_with("log/"));
    let own = own.filter(|finding| is_meant(finding));
    own.map(|finding| {
        let step = finding.step.as_deref().unwrap_or_default();
        let id = finding.subject.id.clone();
        (finding.rule.to_owned(), id, step.to_owned())
    })
    .collect()
}

fn found(report: &Report) -> BTreeSet<Found> {
    told(report, true)
}

/// Whether two findings are of one rule about one instance.
fn is_alike((rule, id, _): &Found, (other, its, _): &Found) -> bool {
    (rule, id) == (other, its)
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
        Lost::Correlation => {
            let owners = ["a", "another"].map(whose).into_iter().map(Some);
            let owners = owners.chain([None]).map(|correlation| Row {
                correlation,
                ..own.clone()
            });
            owners.map(with).collect()
        }
    }
}

fn damaged(rows: &[Row], place: usize, lost: Lost) -> Log {
    let log = Log::new(rows);
    let damage = match lost {
        Lost::Type => "type = NULL",
        Lost::Time => "time = 'noon'",
        Lost::Key => r#"key = '{"k":'"#,
        Lost::Correlation => r#"correlation = '{"c":'"#,
    };
    let sql = format!("UPDATE events SET {damage} WHERE position = ?");
    log.connection.execute(&sql, [place as i64 + 1]).unwrap();
    log
}

fn definitions(is_by_time: bool) -> Definitions {
    let log = LOG.replace("idempotency: key", "idempotency: key.k");
    let log = log.replace("correlation: correlation", "correlation: correlation.c");
    match is_by_time {
        true => load(&ordered_by_time(&log), DEFINITIONS),
        false => load(&log, DEFINITIONS),
    }
}

fn judged(rows: &[Row], place: usize, lost: Lost, is_by_time: bool) {
    let definitions = definitions(is_by_time);
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
    let elsewhere: BTreeSet<_> = own.difference(&in_all).cloned().collect();
    let in_all_somewhere: BTreeSet<_> = in_some
        .iter()
        .filter(|one| !in_all.iter().any(|other| is_alike(one, other)))
        .filter(|one| {
            every
                .iter()
                .all(|found| found.iter().any(|it| is_alike(it, one)))
        })
        .map(|(rule, id, _)| (rule.clone(), id.clone()))
        .collect();
    assert!(
        elsewhere.is_subset(&in_some) && elsewhere.is_subset(&somewhere(&told)),
        "{what}"
    );
    let pairs: Vec<_> = elsewhere
        .iter()
        .map(|(rule, id, _)| (rule.clone(), id.clone()))
        .collect();
    let of_pairs: BTreeSet<_> = pairs.iter().cloned().collect();
    assert_eq!(pairs.len(), of_pairs.len(), "{elsewhere:?}: {what}");
    // Where time orders, there may be more ways than are tried.
    if !is_by_time {
        assert!(in_all.is_subset(&own), "{own:?} of {in_all:?}: {what}");
        assert_eq!(of_pairs, in_all_somewhere, "{what}");
    }
    assert!(
        of_pairs.is_subset(&in_all_somewhere),
        "{elsewhere:?}: {what}"
    );
    for (rule, id, step) in in_some.difference(&own) {
        let (checked, unknown) = looked_at(&told, rule);
        assert_eq!((checked, unknown), (1, 1), "{rule} of {id} {step}: {what}");
    }
}

proptest! {
    #![proptest_config(sampled(100))]
    #[test]
    fn an_instance_is_judged_by_everything_that_an_unread_row_may_be(
        rows in stories(), place in 0..7_usize,
        lost in prop::sample::select(vec![Lost::Type, Lost::Time, Lost::Key, Lost::Correlation]),
        is_by_time in prop::bool::weighted(0.3)
    ) {
        prop_assume!(place < rows.len());
        judged(&rows, place, lost, is_by_time);
    }
}

/// Events of some instances, in turns.
fn crowds() -> impl Strategy<Value = Vec<Row>> {
    let places = prop::collection::vec(0..64_usize, 1..6);
    prop::collection::vec((stories(), places), 1..5).prop_map(|crowd| {
        let mut rows: Vec<(usize, Row)> = Vec::new();
        for (number, (story, places)) in crowd.into_iter().enumerate() {
            let mut place = 0;
            for (index, row) in story.into_iter().enumerate() {
                place += places[index % places.len()];
                let correlation = Some(whose(&format!("i-{number}")));
                rows.push((place, Row { correlation, ..row }));
            }
        }
        rows.sort_by_key(|(place, _)| *place);
        rows.into_iter().map(|(_, row)| row).collect()
    })
}

/// The instances that break a rule.
fn breaking<'f>(found: &'f BTreeSet<Found>, rule: &str) -> BTreeSet<&'f str> {
    let own = found.iter().filter(|(of, ..)| of == rule);
    own.map(|(_, id, _)| id.as_str()).collect()
}

/// Whoever the rows at these places are of.
fn owned(rows: &[Row], places: &BTreeSet<usize>) -> Vec<Vec<Row>> {
    let known: BTreeSet<Option<String>> = rows.iter().map(|row| row.correlation.clone()).collect();
    let owners = known.into_iter().chain([Some(whose("another")), None]);
    let owners: Vec<Option<String>> = owners.collect();
    let mut every = vec![rows.to_vec()];
    for place in places {
        let with = |rows: Vec<Row>| {
            owners.iter().map(move |owner| {
                let mut rows = rows.clone();
                rows[*place].correlation.clone_from(owner);
                rows
            })
        };
        every = every.into_iter().flat_map(with).collect();
    }
    every
}

proptest! {
    #![proptest_config(sampled(40))]
    #[test]
    fn rows_of_which_nobody_knows_whose_they_are_account_for_no_more_than_there_are(
        rows in crowds(), places in prop::collection::btree_set(0..24_usize, 1..3)
    ) {
        let places: BTreeSet<usize> = places.into_iter().map(|place| place % rows.len()).collect();
        let definitions = definitions(false);
        let log = Log::new(&rows);
        for place in &places {
            let sql = "UPDATE events SET correlation = '{' WHERE position = ?";
            log.connection.execute(sql, [*place as i64 + 1]).unwrap();
        }
        let report = log.audit(&definitions, HORIZON);
        let (certain, beside) = (told(&report, true), told(&report, false));
        let elsewhere = somewhere(&report);
        let shared = log.audit_within(&definitions, HORIZON, Some(2_000));
        prop_assert_eq!(told(&shared, true), certain.clone());
        prop_assert_eq!(told(&shared, false), beside.clone());
        for count in &report.rules {
            let own = looked_at(&report, count.rule);
            prop_assert_eq!(looked_at(&shared, count.rule), own, "{}", count.rule);
        }
        let met = (0..rows.len()).filter(|place| !places.contains(place)).map(|place| &rows[place]);
        let met = met.filter(|row| row.kind != "Unrelated").filter_map(|row| row.correlation.clone());
        let met: BTreeSet<String> = met.collect();
        for id in (0..5).map(|number| format!("i-{number}")) {
            let alone = log.audit_of(&definitions, HORIZON, &id);
            for is_certain in [true, false] {
                let of_it = told(&report, is_certain).into_iter().filter(|(_, own, _)| *own == id);
                prop_assert_eq!(told(&alone, is_certain), of_it.collect(), "{} of {:?}", id, rows);
            }
        }
        let most = places.iter().filter(|place| rows[**place].kind != "Unrelated").count();
        for intact in owned(&rows, &places) {
            let found = found(&Log::new(&intact).audit(&definitions, HORIZON));
            let what = format!("{places:?} of {intact:?}");
            for one in &certain {
                let is_found = match elsewhere.contains(one) {
                    true => found.iter().any(|other| is_alike(one, other)),
                    false => found.contains(one),
                };
                prop_assert!(is_found, "{one:?} of {found:?}: {what}");
            }
            let rules: BTreeSet<&str> = found.iter().chain(&beside).map(|(rule, ..)| &**rule).collect();
            for rule in rules {
                let [certain, beside, found] =
                    [&certain, &beside, &found].map(|all| breaking(all, rule));
                let right = beside.difference(&found).count();
                prop_assert!(right <= most, "{rule} of {beside:?} not {found:?}: {what}");
                let reported: BTreeSet<&str> = certain.union(&beside).copied().collect();
                let missed = found.difference(&reported).filter(|id| met.contains(&whose(id)));
                let missed = missed.count() as u64;
                let (_, unknown) = looked_at(&report, rule);
                prop_assert!(missed <= unknown, "{rule} of {missed}, not {unknown}: {what}");
            }
        }
    }
}
