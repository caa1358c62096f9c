//! Rows that cannot be judged and may be what something lacks.

use sagactl::{definition, rules};

use crate::rows::{LOG, Log, Row, definitions, looked_at, row};

const DEFINITIONS: &str = "saga: order
starts: Placed
deadline: 2h
steps:
  - step: ship
    begins: ShipBegun
    succeeds: Shipped
    timeout: 10s
";

#[test]
fn what_a_row_that_cannot_be_judged_may_mend_is_unknown_and_what_it_cannot_is_told() {
    let stuck = |id: &str| [row(id, "Placed", Some(1)), row(id, "ShipBegun", Some(2))];
    let ids = ["a", "b", "c", "d"];
    let mut rows: Vec<Row> = ids.iter().flat_map(|id| stuck(id)).collect();
    rows.push(row("b", "Shipped", None));
    rows.push(row("c", "ParcelWeighed", None));
    // It does not matter when that was.
    rows.push(row("d", "ShipBegun", None));
    let report = Log::new(&rows).audit(&definitions(DEFINITIONS), 995);
    let found = |rule: &str| {
        let findings = report.findings.iter().filter(|one| one.rule == rule);
        findings
            .map(|one| one.subject.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("saga/stuck-step"), ["a", "c"]);
    assert_eq!(looked_at(&report, "saga/stuck-step"), (4, 2));
    assert_eq!(found("log/bad-row").len(), 3);
    let said = "saga order: 2 instances cannot be judged fully, first b: at position 9, ";
    assert!(
        report.remarks.iter().any(|one| one.starts_with(said)),
        "{:?}",
        report.remarks
    );
}

#[test]
fn triggers_beyond_the_horizon_are_seen_in_every_pass() {
    let definitions =
        definitions("reaction: r\nwhen: A\nthen: B\nmatch: correlation\nwithin: 5s\n");
    let ids: Vec<String> = (0..2000).map(|number| format!("order-{number}")).collect();
    let later = ids.iter().map(|id| row(id, "A", Some(500)));
    let effects = ids.iter().map(|id| row(id, "B", Some(50)));
    let log = Log::new(&later.chain(effects).collect::<Vec<Row>>());
    let whole = log.audit(&definitions, 100);
    assert_eq!(whole.findings, []);
    for memory in [20_000, 100_000] {
        let capped = log.audit_within(&definitions, 100, Some(memory));
        assert!(
            capped.logs[0]
                .memory
                .as_ref()
                .is_some_and(|memory| memory.passes > 1)
        );
        assert_eq!(capped.findings, []);
        assert_eq!(format!("{:?}", capped.rules), format!("{:?}", whole.rules));
    }
}

#[test]
fn all_that_is_wrong_with_a_row_is_one_finding() {
    let log = LOG.replace("idempotency: key", "idempotency: data.key");
    let text = format!("{log}idempotency: payments\neffects: [Paid]\n");
    let definitions = definition::load_text("rows.yaml".as_ref(), &text, &rules::names());
    let torn = Row {
        data: "{torn".to_owned(),
        ..row("a", "Paid", Some(1))
    };
    let report = Log::new(&[torn, row("b", "Paid", Some(2))])
        .audit(&definitions.expect("sound definitions"), 10);
    let found = report.findings.iter();
    let mut found = found.filter(|one| one.rule == "log/bad-row");
    let message = &found.next().expect("it is bad").message;
    assert!(message.contains("data is not JSON"), "{message}");
    assert!(message.contains("data.key"), "{message}");
    assert_eq!(found.next(), None);
    assert_eq!(looked_at(&report, "log/bad-row"), (2, 0));
}
