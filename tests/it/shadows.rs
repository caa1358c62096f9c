//! Sagas that lack an event of which a row stands in the log that cannot be judged.

use crate::rows::{Log, Row, definitions};

const DEFINITIONS: &str = "saga: order
starts: Placed
deadline: 2h
steps:
  - step: ship
    begins: ShipBegun
    succeeds: Shipped
    timeout: 10s
";

fn row(correlation: &str, kind: &'static str, time: Option<i64>) -> Row {
    Row {
        time,
        kind,
        correlation: Some(correlation.to_owned()),
        data: "{}".to_owned(),
        ..Row::default()
    }
}

#[test]
fn a_fault_is_told_beside_the_row_that_may_be_what_it_lacks() {
    let stuck = |id: &str| [row(id, "Placed", Some(1)), row(id, "ShipBegun", Some(2))];
    let mut rows: Vec<Row> = ["a", "b", "c"].iter().flat_map(|id| stuck(id)).collect();
    rows.push(row("b", "Shipped", None));
    rows.push(row("c", "ParcelWeighed", None));
    rows.push(row("d", "Placed", Some(3)));
    rows.push(row("d", "ShipBegun", Some(990)));
    rows.push(row("d", "Shipped", None));
    let report = Log::new(&rows).audit(&definitions(DEFINITIONS), 995);
    let found = |rule: &str| {
        let findings = report.findings.iter().filter(|one| one.rule == rule);
        findings
            .map(|one| one.subject.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("saga/stuck-step"), ["a", "b", "c"]);
    assert_eq!(found("log/bad-row").len(), 3);
    let said = "saga order: 1 instance at fault has a row that cannot be judged, which may be what it lacks: b";
    assert!(
        report.remarks.iter().any(|one| one == said),
        "{:?}",
        report.remarks
    );
}
