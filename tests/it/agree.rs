//! The product's judge against the slow reference evaluator: on random sagas and event sequences,
//! legal, damaged and arbitrary, both must find the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use sagactl::definition::fault::Place;
use sagactl::definition::log::{Claims, LogDefinition, Relation};
use sagactl::definition::saga::Saga;
use sagactl::event::{Position, Timestamp};
use sagactl::generate::legal::legal_runs;
use sagactl::generate::{DraftEvent, Role};
use sagactl::rules;
use sagactl::rules::case::{Case, Claim, Claimed};
use sagactl::saga::{Instance, Meaning, Moment, Names, StepEvent};

use crate::oracle::{self, OracleEvent, OracleFinding, Verdict};
use crate::sampling::sampled;

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

/// Where a log would keep the claims about a saga.
fn claims(saga: &Saga) -> Claims {
    Claims {
        place: Place {
            file: Arc::default(),
            line: 1,
            column: 1,
            start: 0,
            end: 0,
        },
        saga: saga.name.clone(),
        relation: Relation::Table("status".to_owned()),
        id: "id".to_owned(),
        status: "status".to_owned(),
        completed: Vec::new(),
        compensated: Vec::new(),
        running: Vec::new(),
    }
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
    let log = LogDefinition {
        cut,
        claims: claim.iter().map(|_| claims(saga)).collect(),
        ..LogDefinition::undeclared("log")
    };
    let mut drafts = Vec::new();
    for rule in &rules::TABLE {
        if let rules::Judge::Instance { check, idle } = rule.judge
            && let Some(reason) = idle(saga, &log)
        {
            check(&case, &mut drafts);
            assert_eq!(drafts, [], "{}: {reason}", rule.info.name);
        }
    }
    rules::judge(&case, &rules::checks(saga, &log, &[]), &mut drafts);
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

/// The same cases of sagas in which no limit of some kinds is declared, so that rules have no use for them.
fn unlimited() -> impl Strategy<Value = oracle::strategies::OracleCase> {
    (oracle::strategies::case(), any::<[bool; 5]>()).prop_map(|(mut case, drops)| {
        let [retries, timeouts, deadline, undo_retries, undo_timeouts] = drops;
        let saga = &mut case.saga;
        saga.deadline = saga.deadline.filter(|_| !deadline);
        for step in &mut saga.steps {
            step.retries = step.retries.filter(|_| !retries);
            step.timeout = step.timeout.filter(|_| !timeouts);
            if let Some(undo) = &mut step.compensation {
                undo.retries = undo.retries.filter(|_| !undo_retries);
                undo.timeout = undo.timeout.filter(|_| !undo_timeouts);
            }
        }
        case
    })
}

proptest! {
    #![proptest_config(sampled(20_000))]

    #[test]
    fn the_judge_finds_what_the_slow_evaluator_finds(
        case in prop_oneof![2 => oracle::strategies::case(), 1 => unlimited()]
    ) {
        compare(&case).map_err(TestCaseError::fail)?;
    }
}

/// A run of the generator's as the oracle takes it, numbered from 1.
fn recorded(saga: &Saga, run: &[DraftEvent]) -> Vec<OracleEvent> {
    run.iter()
        .enumerate()
        .map(|(index, event)| {
            use sagactl::generate::Happening::{Begin, Failure, Rejection, Success};
            let meaning = match event.role {
                Role::Start => oracle::Meaning::Start,
                Role::Step(step, Begin) => oracle::Meaning::Begin(step),
                Role::Step(step, Success) => oracle::Meaning::Success(step),
                Role::Step(step, Failure) => oracle::Meaning::Failure(step),
                Role::Step(step, Rejection) => oracle::Meaning::Rejection(step),
                Role::Undo(step, Begin) => oracle::Meaning::UndoBegin(step),
                Role::Undo(step, Success) => oracle::Meaning::UndoSuccess(step),
                Role::Undo(step, Failure | Rejection) => oracle::Meaning::UndoFailure(step),
                Role::Completes => oracle::Meaning::Completes,
                Role::Aborts => oracle::Meaning::Aborts,
                Role::Compensated => oracle::Meaning::Compensated,
                Role::Abandons => oracle::Meaning::Abandons,
                Role::Stray | Role::Foreign => oracle::Meaning::Unknown,
            };
            OracleEvent {
                position: index as i64 + 1,
                time: event.after.as_nanos(),
                kind: event.kind.to_string(),
                meaning,
                key: event.key_text(saga, "run"),
                error: event.error.map(str::to_owned),
            }
        })
        .collect()
}

/// Judges at the last event and around everything that may then be due.
fn agree_on(saga: &Saga, events: Vec<OracleEvent>) {
    let last = events.iter().map(|event| event.time).max().unwrap_or(0);
    for later in [0, 60, 120, 300, 600, 1_800, 7_200, 86_400] {
        let case = oracle::strategies::OracleCase {
            saga: saga.clone(),
            cut: false,
            events: events.clone(),
            claim: None,
            horizon: last + later * 1_000_000_000,
        };
        if let Err(difference) = compare(&case) {
            panic!("{}: {difference}", saga.name);
        }
    }
}

fn shipped() -> Vec<std::sync::Arc<Saga>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas");
    let definitions = sagactl::definition::load(&[folder], &rules::names()).expect("sound");
    definitions
        .scopes
        .into_iter()
        .flat_map(|scope| scope.sagas)
        .collect()
}

#[test]
fn every_prefix_of_every_legal_run_of_the_shipped_sagas_is_judged_alike() {
    for saga in shipped() {
        let runs = legal_runs(&saga, 60);
        assert!(runs.len() > 20, "{}: {} runs", saga.name, runs.len());
        for run in runs {
            let events = recorded(&saga, &run);
            for end in 1..=events.len() {
                agree_on(&saga, events[..end].to_vec());
            }
        }
    }
}

#[test]
fn every_loss_and_every_duplication_of_one_event_is_judged_alike() {
    for saga in shipped() {
        for run in legal_runs(&saga, 60) {
            let events = recorded(&saga, &run);
            for at in 0..events.len() {
                let mut lost = events.clone();
                lost.remove(at);
                agree_on(&saga, lost);
                for key in [events[at].key.clone(), Some("another".to_owned())] {
                    let mut doubled = events.clone();
                    let again = OracleEvent {
                        key,
                        position: 0,
                        ..events[at].clone()
                    };
                    doubled.insert(at + 1, again);
                    for (index, event) in doubled.iter_mut().enumerate() {
                        event.position = index as i64 + 1;
                    }
                    agree_on(&saga, doubled);
                }
            }
        }
    }
}
