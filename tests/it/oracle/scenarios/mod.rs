//! Tiny histories whose verdict can be told by hand: each rule once, and what nearly breaks it.
//!
//! A history is written as words: `start`, `b0 s0 f0 r0` for what step 0 did forward, `ub0 us0 uf0`
//! for its compensation, and the terminal events by name. `@7` sets the clock to seven seconds
//! after the start, from there on; `#k` is the idempotency key.

mod back;
mod forward;
mod whole;

use sagactl::definition::saga::{Saga, StepSet};
use sagactl::event::Span;
use sagactl::finding::Severity;
use sagactl::saga::Outcome;

use super::runs::{EPOCH, SECOND, event};
use super::sagas::{close, plain_saga};
use super::{Claim, Meaning, OracleEvent, OracleFinding, judge};

struct Scenario {
    name: &'static str,
    saga: Saga,
    events: &'static str,
    claim: Option<Claim>,
    /// In seconds after the start.
    horizon: i64,
    outcome: Outcome,
    /// `rule step [positions]`, in any order; the step is left out where there is none.
    findings: &'static [&'static str],
}

/// A row of steps with these changes.
fn with(steps: usize, change: impl FnOnce(&mut Saga)) -> Saga {
    let mut saga = plain_saga(steps);
    change(&mut saga);
    close(&mut saga);
    saga
}

fn seconds(count: i64) -> Option<Span> {
    Some(Span::from_secs(count))
}

/// Two steps in a row, limits of five seconds on everything and of a minute on the whole.
fn timed() -> Saga {
    with(2, |saga| {
        saga.deadline = seconds(60);
        for step in &mut saga.steps {
            step.timeout = seconds(5);
            step.retries = Some(1);
            if let Some(undo) = &mut step.compensation {
                undo.timeout = seconds(5);
                undo.retries = Some(0);
            }
        }
    })
}

/// Steps 0 and 1 in a row, step 1 the pivot.
fn pivoted() -> Saga {
    with(2, |saga| {
        saga.steps[1].pivot = true;
        saga.steps[1].compensation = None;
    })
}

/// Two steps with nothing between them.
fn parallel() -> Saga {
    with(2, |saga| saga.steps[1].after = StepSet::EMPTY)
}

fn outcomes_only() -> Saga {
    with(2, |saga| {
        saga.completes.clear();
        for step in &mut saga.steps {
            step.begins.clear();
            step.timeout = seconds(5);
        }
    })
}

fn meaning(word: &str) -> Option<Meaning> {
    let plain = match word {
        "start" => Meaning::Start,
        "completes" => Meaning::Completes,
        "aborts" => Meaning::Aborts,
        "compensated" => Meaning::Compensated,
        "abandons" => Meaning::Abandons,
        "unknown" => Meaning::Unknown,
        _ => {
            let digit = word.find(|letter: char| letter.is_ascii_digit())?;
            let step = word[digit..].parse().ok()?;
            return Some(match &word[..digit] {
                "b" => Meaning::Begin(step),
                "s" => Meaning::Success(step),
                "f" => Meaning::Failure(step),
                "r" => Meaning::Rejection(step),
                "ub" => Meaning::UndoBegin(step),
                "us" => Meaning::UndoSuccess(step),
                "uf" => Meaning::UndoFailure(step),
                _ => return None,
            });
        }
    };
    Some(plain)
}

fn history(words: &str) -> Vec<OracleEvent> {
    let mut clock = 0;
    let mut events = Vec::new();
    for word in words.split_whitespace() {
        if let Some(at) = word.strip_prefix('@') {
            clock = at.parse().expect("a number of seconds");
            continue;
        }
        let (word, key) = word
            .split_once('#')
            .map_or((word, None), |(word, key)| (word, Some(key.to_owned())));
        let meaning = meaning(word).unwrap_or_else(|| panic!("`{word}` means nothing"));
        let position = i64::try_from(events.len()).expect("a short history") + 1;
        events.push(event(position, EPOCH + clock * SECOND, meaning, key));
    }
    events
}

fn shown(finding: &OracleFinding) -> String {
    let step = finding
        .step
        .map(|step| format!(" {step}"))
        .unwrap_or_default();
    let mark = if finding.severity == Severity::Note {
        " note"
    } else {
        ""
    };
    format!("{}{step} {:?}{mark}", finding.rule, finding.evidence)
}

fn check(scenarios: impl IntoIterator<Item = Scenario>) {
    for scenario in scenarios {
        let events = history(scenario.events);
        let horizon = EPOCH + scenario.horizon * SECOND;
        let verdict = judge(&scenario.saga, false, &events, scenario.claim, horizon);
        let mut found: Vec<String> = verdict.findings.iter().map(shown).collect();
        let mut expected: Vec<String> = scenario
            .findings
            .iter()
            .map(|text| (*text).to_owned())
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(
            (verdict.outcome, found),
            (scenario.outcome, expected),
            "{}",
            scenario.name
        );
    }
}

fn scenario(
    name: &'static str,
    saga: Saga,
    events: &'static str,
    horizon: i64,
    outcome: Outcome,
    findings: &'static [&'static str],
) -> Scenario {
    Scenario {
        name,
        saga,
        events,
        claim: None,
        horizon,
        outcome,
        findings,
    }
}

fn claimed(claim: Claim, scenario: Scenario) -> Scenario {
    Scenario {
        claim: Some(claim),
        ..scenario
    }
}
