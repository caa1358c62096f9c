//! Causes that are wrong in so many ways, or so often, that not all of it is listed.

use sagactl::definition::{self, Definitions};
use sagactl::report::Report;
use sagactl::rules;

use crate::rows::{Log, Row};

const DEFINITIONS: &str = "log: rows
database: rows.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, id: id, correlation: correlation, causation: key }
---
settings:
";

fn definitions(settings: &str) -> Definitions {
    let text = format!("{DEFINITIONS}  {settings}\n");
    definition::load_text("rows.yaml".as_ref(), &text, &rules::names()).unwrap()
}

fn event(id: &str, cause: &str, correlation: &str) -> Row {
    Row {
        time: Some(100),
        kind: "Said",
        id: Some(id.to_owned()),
        correlation: Some(correlation.to_owned()),
        key: Some(cause.to_owned()),
        data: "{}".to_owned(),
    }
}

/// So many causes that are in no log, then two events that cause each other, and one whose cause is
/// another's.
fn log(dangling: usize) -> Log {
    let mut rows: Vec<Row> = (0..dangling)
        .map(|number| event(&format!("e-{number}"), "c", "x"))
        .collect();
    rows.push(event("a", "b", "x"));
    rows.push(event("b", "a", "x"));
    rows.push(event("c-1", "a", "y"));
    Log::new(&rows)
}

fn found(report: &Report) -> Vec<(&str, u64, usize)> {
    let counts = report.rules.iter().filter(|count| count.found > 0);
    let listed = |rule: &str| report.findings.iter().filter(|it| it.rule == rule).count();
    counts
        .map(|count| (count.rule, count.found, listed(count.rule)))
        .collect()
}

#[test]
fn no_kind_of_wrong_cause_hides_another_however_often_it_stands() {
    const MOST: usize = 10_000;
    let log = log(MOST + 5);
    let rest = [
        ("causation/cycle", 1, 1),
        ("causation/correlation-mismatch", 1, 1),
    ];
    let off = log.audit(&definitions("rules: { causation/dangling: off }"), 100);
    assert_eq!(found(&off), rest);
    let all = log.audit(&definitions("as-of: end"), 100);
    let dangling = ("causation/dangling", MOST as u64 + 5, MOST);
    assert_eq!(found(&all), [&[dangling][..], &rest].concat());
    let says = |remark: &String| remark.contains("5 of 10005 findings are counted and not listed");
    assert_eq!(all.remarks.iter().filter(|it| says(it)).count(), 1);
    let allowed = "allow: [{ rule: causation/dangling, event: '10005', reason: known }]";
    let one = log.audit(&definitions(allowed), 100);
    assert_eq!(one.accepted, 1);
    assert_eq!(
        found(&one)[0],
        ("causation/dangling", MOST as u64 + 4, MOST)
    );
}

#[test]
fn a_cause_that_is_not_read_leaves_everything_about_it_unknown() {
    let mut later = event("z", "", "y");
    later.time = Some(200);
    let log = Log::new(&[event("a", "z", "x"), later]);
    let report = log.audit(&definitions("as-of: end"), 100);
    assert_eq!(found(&report), []);
    for info in rules::causation::ALL {
        assert_eq!(crate::rows::looked_at(&report, info.name), (1, 1));
    }
}

#[test]
fn an_empty_id_is_nobodys_and_an_empty_cause_is_none() {
    let log = Log::new(&[
        event("", "", "x"),
        event(" ", "", "x"),
        event("", "", "y"),
        event("a", " ", "y"),
    ]);
    let report = log.audit(&definitions("as-of: end"), 100);
    assert_eq!(found(&report), []);
}
