//! Case files: what they may say, and that they match exactly both ways.

use std::fs;
use std::path::PathBuf;

use sagactl::casefile::{self, CaseResult};
use tempfile::TempDir;

const SAGA: &str = "\
as-of: 2026-03-01T12:00:00Z
define: |
  saga: order
  starts: OrderPlaced
  deadline: 30m
  steps:
    - step: reserve-stock
      succeeds: StockReserved
      timeout: 2m
      compensation: { succeeds: StockReleased, timeout: 5m }
    - step: charge-card
      pivot: true
      succeeds: CardCharged
      rejects: CardDeclined
      timeout: 1m
events:
  - [-60m, order-1007, OrderPlaced,   {total: 4200}]
  - [-59m, order-1007, StockReserved, {sku: A-17, qty: 2}]
  - [-58m, order-1007, CardDeclined]
";

const EXPECTED: &str = "{rule: compensation/uncompensated, instance: order-1007, step: reserve-stock, evidence: [2, 3]}";

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn run(text: &str) -> CaseResult {
    let (_folder, path) = file(text);
    let cases = casefile::load(&[path]).unwrap_or_else(|faulty| panic!("{:#?}", faulty.faults));
    assert_eq!(cases.cases.len(), 1);
    casefile::run(&cases.cases[0]).unwrap()
}

/// `line:column message` of everything wrong with a text.
fn faults(text: &str) -> Vec<String> {
    let (_folder, path) = file(text);
    let faulty = casefile::load(&[path]).unwrap_err();
    let place = |fault: &sagactl::definition::fault::Fault| {
        fault.place.as_ref().map_or(String::new(), |place| {
            format!("{}:{} ", place.line, place.column)
        })
    };
    faulty
        .faults
        .iter()
        .map(|fault| format!("{}{}", place(fault), fault.message))
        .collect()
}

#[test]
fn what_is_found_and_expected_passes() {
    assert!(run(&format!("{SAGA}expect:\n  - {EXPECTED}\n")).passed());
}

#[test]
fn what_is_found_and_not_expected_fails_and_can_be_pasted() {
    let result = run(&format!("{SAGA}expect: []\n"));
    assert_eq!(result.unexpected.len(), 1);
    assert_eq!(result.unexpected[0].text, EXPECTED);
    assert!(
        run(&format!(
            "{SAGA}expect:\n  - {}\n",
            result.unexpected[0].text
        ))
        .passed()
    );
}

#[test]
fn every_part_of_an_expectation_counts() {
    for (right, wrong) in [
        ("compensation/uncompensated", "compensation/stuck"),
        ("order-1007", "order-1008"),
        ("step: reserve-stock", "step: charge-card"),
        ("step: reserve-stock, ", ""),
        ("[2, 3]", "[2]"),
        (", evidence: [2, 3]", ""),
        ("evidence: [2, 3]", "evidence: [2, 3], severity: note"),
        ("evidence: [2, 3]", "evidence: [2, 3], saga: other"),
    ] {
        let result = run(&format!(
            "{SAGA}expect:\n  - {}\n",
            EXPECTED.replace(right, wrong)
        ));
        assert_eq!(result.missing.len(), 1, "{wrong}");
        assert_eq!(result.unexpected.len(), 1, "{wrong}");
        let line = SAGA.lines().count() + 2;
        assert_eq!(
            result.missing[0].place.line, line,
            "the line of what is missing"
        );
    }
}

#[test]
fn one_finding_satisfies_one_expectation() {
    let result = run(&format!("{SAGA}expect:\n  - {EXPECTED}\n  - {EXPECTED}\n"));
    assert_eq!((result.missing.len(), result.unexpected.len()), (1, 0));
}

#[test]
fn outcomes_and_unknowns_are_compared_when_they_are_written() {
    let tail = format!("expect:\n  - {EXPECTED}\n");
    assert!(
        run(&format!(
            "{SAGA}{tail}outcomes: {{order-1007: compensating}}\n"
        ))
        .passed()
    );
    assert!(run(&format!("{SAGA}{tail}unknown: {{}}\n")).passed());
    let wrong = run(&format!(
        "{SAGA}{tail}outcomes: {{order-1007: completed, other: running}}\n"
    ));
    assert_eq!(wrong.mismatches.len(), 2);
    let wrong = run(&format!("{SAGA}{tail}unknown: {{saga/stuck-step: 3}}\n"));
    assert_eq!(wrong.mismatches.len(), 1);
}

#[test]
fn a_case_that_inspects_nothing_does_not_pass() {
    let text = SAGA
        .replace("OrderPlaced, ", "OrderPlacd, ")
        .replace("StockReserved, ", "Stock, ");
    let result = run(&format!(
        "{}expect: []\n",
        text.replace("CardDeclined]", "Card]")
    ));
    assert_eq!(result.mismatches.len(), 1);
    assert!(!result.passed());
}

#[test]
fn rows_can_be_broken_and_rules_narrowed() {
    let broken = SAGA.replace(
        "[-58m, order-1007, CardDeclined]",
        "{type: Torn, correlation: order-1007, raw: {time: yesterday, data: '{'}}",
    );
    let result = run(&format!("{broken}rules: log/*\nexpect: []\n"));
    assert_eq!(
        result
            .unexpected
            .iter()
            .filter(|found| found.text.contains("log/bad-row"))
            .count(),
        1
    );
}

#[test]
fn every_fault_is_told_at_its_place() {
    let text = "\
as-of: tomorrow
define: |
  # what it is judged by

  saga: order
  starts: OrderPlaced
  stepz: []
events:
  - [-60m, order-1007]
  - [x, order-1007, Foo]
  - {type: Foo}
expect:
  - {rule: compensation/uncompensatd, instance: order-1007}
  - {rule: log/gap}
  - {rule: log/gap, stream: a, event: 1}
";
    assert_eq!(
        faults(text),
        [
            "1:8 `tomorrow` is no horizon of a case",
            "7:3 `stepz` means nothing in this saga",
            "9:5 a row of 2 values is no event",
            "10:6 `x` is no time",
            "11:6 `time` is missing in this event",
            "13:12 no rule is called `compensation/uncompensatd`",
            "14:6 the finding is about nothing",
            "15:6 the finding is about two things",
        ]
    );
}

#[test]
fn unknown_keys_are_refused() {
    assert_eq!(
        faults(&format!("{SAGA}expcet: []\n")),
        [format!(
            "{}:1 `expcet` means nothing in this case",
            SAGA.lines().count() + 1
        )]
    );
}

#[test]
fn the_schema_allows_what_the_reader_takes() {
    let schema = casefile::schema();
    let properties = schema["$defs"]["case"]["properties"].as_object().unwrap();
    for key in [
        "about",
        "as-of",
        "definitions",
        "define",
        "events",
        "claims",
        "rules",
        "expect",
    ] {
        assert!(properties.contains_key(key), "{key}");
    }
}
