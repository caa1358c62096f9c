//! What holds of the oracle's verdict on any history.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sagactl::saga::Outcome;

use super::strategies::{case, legal};
use super::{Meaning, judge};
use crate::sampling::sampled;

proptest! {
    #![proptest_config(sampled(400))]

    #[test]
    fn every_prefix_of_every_legal_run_is_clean((saga, events) in legal()) {
        // What is parked still holds its effects, and that is told.
        prop_assume!(events.iter().all(|event| event.meaning != Meaning::Abandons));
        for end in 1..=events.len() {
            let verdict = judge(&saga, false, &events[..end], None, events[end - 1].time);
            prop_assert!(verdict.findings.is_empty(), "{:?} of {:#?}", verdict, &events[..end]);
        }
    }

    #[test]
    fn every_finding_is_shown_by_events_of_the_instance(case in case()) {
        let verdict = judge(&case.saga, case.cut, &case.events, case.claim, case.horizon);
        for finding in &verdict.findings {
            prop_assert!(!finding.evidence.is_empty());
            prop_assert!(finding.evidence.is_sorted_by(|one, other| one < other));
            prop_assert!(finding.evidence.iter().all(|at| case.events.iter().any(|event| event.position == *at)));
        }
    }

    #[test]
    fn outcomes_do_not_depend_on_the_horizon(case in case()) {
        let now = judge(&case.saga, case.cut, &case.events, case.claim, case.horizon);
        let much_later = judge(&case.saga, case.cut, &case.events, case.claim, i64::MAX);
        prop_assert_eq!(now.outcome, much_later.outcome);
    }
}

/// How often each word comes up in `count` values.
fn tally<T>(
    count: usize,
    strategy: impl Strategy<Value = T>,
    words: impl Fn(T) -> Vec<&'static str>,
) -> BTreeMap<&'static str, usize> {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let tree = strategy
            .new_tree(&mut runner)
            .expect("no strategy here filters");
        for word in words(tree.current()) {
            *seen.entry(word).or_default() += 1;
        }
    }
    seen
}

#[test]
fn generated_histories_reach_every_rule() {
    let seen = tally(4000, case(), |case| {
        let verdict = judge(&case.saga, case.cut, &case.events, case.claim, case.horizon);
        verdict
            .findings
            .iter()
            .map(|finding| finding.rule)
            .collect()
    });
    assert_eq!(seen.len(), 22, "{seen:#?}");
    assert!(seen.values().all(|count| *count > 15), "{seen:#?}");
}

#[test]
fn legal_runs_reach_every_outcome_but_the_contradictory() {
    let seen = tally(1000, legal(), |(saga, events)| {
        vec![judge(&saga, false, &events, None, i64::MIN).outcome.label()]
    });
    let reached: Vec<&str> = seen
        .into_iter()
        .filter(|(_, count)| *count > 20)
        .map(|(label, _)| label)
        .collect();
    let mut expected: Vec<&str> = Outcome::ALL
        .into_iter()
        .filter(|outcome| *outcome != Outcome::Contradictory)
        .map(Outcome::label)
        .collect();
    expected.sort_unstable();
    assert_eq!(reached, expected);
}
