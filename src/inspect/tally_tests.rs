//! What a tally makes of what it is told.

use super::*;
use crate::finding::SubjectKind;

const RULE: &str = "projection/divergent";

fn report(tally: Tally) -> Report {
    let definitions = crate::report::DefinitionsSummary {
        files: Vec::new(),
        hash: String::new(),
    };
    let mut report = Report::new(String::new(), definitions);
    tally.finish(&mut report);
    report
}

fn findings(numbers: std::ops::Range<usize>) -> Vec<Finding> {
    let info = rules::find(RULE).expect("a rule");
    let log: Arc<str> = "v".into();
    let one = |number: usize| {
        let severity = if number.is_multiple_of(2) {
            Severity::Note
        } else {
            Severity::Error
        };
        let id = format!("{number:07}");
        let finding = info.finding(SubjectKind::Key, &log, id, String::new());
        Finding {
            severity,
            ..finding
        }
    };
    numbers.map(one).collect()
}

#[test]
fn what_is_not_listed_is_counted_with_its_severity_and_told() {
    const KEPT: usize = 1000;
    let all = 2 * KEPT + 10;
    let mut tally = Tally::new(&[RULE], false, Some(KEPT));
    let (settings, half) = (Settings::default(), all / 3);
    for part in [half..all, 0..half] {
        tally.take(findings(part), &settings, None, &mut []);
    }
    let report = report(tally);
    assert_eq!(report.findings.len(), KEPT);
    let half = all as u64 / 2;
    let counts = Severity::ALL.map(|severity| report.count(severity));
    assert_eq!(counts, [half, 0, half]);
    assert_eq!(report.rules[0].found, all as u64);
    // The gravest are listed, the first of them by subject.
    assert!(
        report
            .findings
            .iter()
            .all(|one| one.severity == Severity::Error)
    );
    assert_eq!(report.findings[0].subject.id, "0000001");
    let rest = KEPT + 10;
    let said = format!("{rest} of {all} findings are counted and not listed");
    assert!(report.remarks[0].contains(&said), "{:?}", report.remarks);
}

#[test]
fn what_nobody_keeps_counts_as_the_settings_want_it() {
    let info = rules::find(RULE).expect("a rule");
    let counted = |settings: &Settings| {
        let mut tally = Tally::new(&[RULE], false, None);
        let mut used = vec![false; settings.allow.len()];
        tally.count_only((info, 7), settings, None, &mut used);
        let report = report(tally);
        (report.rules[0].found, report.worst(), report.accepted, used)
    };
    let usual = Settings::default();
    assert_eq!(counted(&usual), (7, Some(Severity::Error), 0, vec![]));
    let mut other = Settings::default();
    other.rules.insert(RULE, Some(Severity::Note));
    assert_eq!(counted(&other), (7, Some(Severity::Note), 0, vec![]));
    other.rules.insert(RULE, None);
    assert_eq!(counted(&other), (0, None, 0, vec![]));
}

#[test]
fn a_reason_to_look_at_nothing_is_true_of_all_that_is_declared() {
    let told = |looks: bool| {
        let mut tally = Tally::new(&[RULE], false, None);
        tally.idle(RULE, "nothing has a use for it");
        if looks {
            tally.checked(RULE, 0);
        }
        report(tally).rules[0].idle
    };
    assert_eq!(told(false), Some("nothing has a use for it"));
    assert_eq!(told(true), Some("nothing to look at"));
}

#[test]
fn a_rule_of_sagas_without_instances_says_so_of_all_that_were_asked_for() {
    let told = |rule: &'static str, narrowed: bool| {
        let mut tally = Tally::new(&[rule], narrowed, None);
        tally.idle(rule, "one saga has no use for it");
        tally.checked(rule, 0);
        report(tally).rules[0].idle
    };
    let none = "no saga that it looks at has an instance";
    assert_eq!(told("saga/stuck-step", false), Some(none));
    assert_eq!(told("saga/stuck-step", true), Some("nothing to look at"));
    assert_eq!(told(RULE, false), Some("nothing to look at"));
}
