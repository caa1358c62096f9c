//! The product's judge against the slow reference evaluator: on random sagas and event sequences,
//! legal, damaged and arbitrary, both must find the same.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sagactl::definition::saga::Saga;
use sagactl::event::{Position, Timestamp};
use sagactl::rules;
use sagactl::rules::case::{Case, Claim, Claimed};
use sagactl::saga::{Instance, Meaning, Moment, Names, StepEvent};

use crate::oracle::{self, OracleEvent, OracleFinding, Verdict};

/// The same events as the product's judge takes them.
fn moments(events: &[OracleEvent], names: &mut Names) -> Vec<Moment> {
    events
        .iter()
        .map(|event| {
            let step = |step: usize| step as u8;
            let meaning = match event.meaning {
                oracle::Meaning::Start => Meaning::Start,
                oracle::Meaning::Begin(s) => Meaning::Step(step(s), StepEvent::Begin),
                oracle::Meaning::Success(s) => Meaning::Step(step(s), StepEvent::Success),
                oracle::Meaning::Failure(s) => Meaning::Step(step(s), StepEvent::Failure),
                oracle::Meaning::Rejection(s) => Meaning::Step(step(s), StepEvent::Rejection),
                oracle::Meaning::UndoBegin(s) => Meaning::Undo(step(s), StepEvent::Begin),
                oracle::Meaning::UndoSuccess(s) => Meaning::Undo(step(s), StepEvent::Success),
                oracle::Meaning::UndoFailure(s) => Meaning::Undo(step(s), StepEvent::Failure),
                oracle::Meaning::Completes => Meaning::Completes,
                oracle::Meaning::Aborts => Meaning::Aborts,
                oracle::Meaning::Compensated => Meaning::Compensated,
                oracle::Meaning::Abandons => Meaning::Abandons,
                oracle::Meaning::Unknown => Meaning::Stray,
            };
            Moment {
                position: Position(event.position),
                time: Timestamp::from_nanos(event.time),
                key: event
                    .key
                    .as_ref()
                    .map_or(0, |key| u64::from(names.intern(key)) + 1),
                detail: match event.meaning {
                    oracle::Meaning::Unknown => names.intern(&event.kind),
                    _ => names.intern(event.error.as_ref().unwrap_or(&event.kind)),
                },
                meaning,
            }
        })
        .collect()
}

fn product(
    saga: &Saga,
    cut: bool,
    events: &[OracleEvent],
    claim: Option<oracle::Claim>,
    horizon: i64,
) -> Verdict {
    let mut names = Names::default();
    let moments = moments(events, &mut names);
    let mut instance = Instance::default();
    instance.replay(saga, &moments);
    let claim = claim.map(|claim| match claim {
        oracle::Claim::Completed => Claim {
            claimed: Claimed::Completed,
            text: "DONE",
        },
        oracle::Claim::Compensated => Claim {
            claimed: Claimed::Compensated,
            text: "BACK",
        },
        oracle::Claim::Running => Claim {
            claimed: Claimed::Running,
            text: "RUNNING",
        },
    });
    let case = Case {
        saga,
        instance: &instance,
        moments: &moments,
        horizon: Timestamp::from_nanos(horizon),
        claim,
        cut,
        names: &names,
        off: &[],
    };
    let mut drafts = Vec::new();
    rules::judge(&case, &mut drafts);
    let findings: BTreeSet<OracleFinding> = drafts
        .into_iter()
        .map(|draft| {
            let mut evidence: Vec<i64> = draft.evidence.iter().map(|position| position.0).collect();
            evidence.sort_unstable();
            evidence.dedup();
            OracleFinding {
                rule: draft.rule,
                severity: draft.severity,
                step: draft.step,
                evidence,
            }
        })
        .collect();
    Verdict {
        outcome: instance.outcome(saga),
        findings,
    }
}

/// Tells what differs, with everything that is needed to see why.
fn compare(case: &oracle::strategies::OracleCase) -> Result<(), String> {
    let has_start = case
        .events
        .iter()
        .any(|event| event.meaning == oracle::Meaning::Start);
    let is_instance = case
        .events
        .iter()
        .any(|event| event.meaning != oracle::Meaning::Unknown);
    if (case.cut && !has_start) || !is_instance {
        return Ok(());
    }
    let expected = oracle::judge(&case.saga, case.cut, &case.events, case.claim, case.horizon);
    let found = product(&case.saga, case.cut, &case.events, case.claim, case.horizon);
    if expected.outcome == found.outcome && expected.findings == found.findings {
        return Ok(());
    }
    let mut text = format!(
        "outcome: oracle {:?}, product {:?}\nonly the oracle: {:#?}\nonly the product: {:#?}\n",
        expected.outcome,
        found.outcome,
        expected
            .findings
            .difference(&found.findings)
            .collect::<Vec<_>>(),
        found
            .findings
            .difference(&expected.findings)
            .collect::<Vec<_>>(),
    );
    text.push_str(&format!(
        "horizon {} claim {:?} cut {}\n",
        case.horizon, case.claim, case.cut
    ));
    for event in &case.events {
        text.push_str(&format!("{event:?}\n"));
    }
    for step in &case.saga.steps {
        text.push_str(&format!(
            "{} after {:?} requires {:?} pivot {} optional {} retriable {} begins {} timeout {:?} retries {:?} undo {:?}\n",
            step.name, step.after, step.requires, step.pivot, step.optional, step.retriable,
            step.begins.len(), step.timeout, step.retries,
            step.compensation.as_ref().map(|undo| (undo.begins.len(), undo.timeout, undo.retries))
        ));
    }
    let saga = &case.saga;
    text.push_str(&format!(
        "deadline {:?} completes {} compensated {} ambiguous {} failed {} strict {} null {} wedged {}\n",
        saga.deadline, saga.completes.len(), saga.compensated.len(), saga.undo_ambiguous,
        saga.undo_failed, saga.strict_reverse, saga.null_compensation, saga.wedged_after
    ));
    Err(text)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn the_judge_finds_what_the_slow_evaluator_finds(case in oracle::strategies::case()) {
        compare(&case).map_err(TestCaseError::fail)?;
    }
}
